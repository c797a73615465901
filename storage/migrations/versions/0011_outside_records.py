"""outside_records: VAT invoices, external reports, and the authority and log of asking for them."""

from alembic import op

revision = "0011"
down_revision = "0009"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    _vat_invoices()
    _reports()


def _vat_invoices() -> None:
    op.execute(
        """
        CREATE TABLE vat_invoice (
            customer_id text NOT NULL,
            direction text NOT NULL,
            issued_on date NOT NULL,
            invoice_code text NOT NULL,
            invoice_no text NOT NULL,
            counterparty text NOT NULL,
            net_minor bigint NOT NULL,
            tax_minor bigint NOT NULL,
            gross_minor bigint NOT NULL,
            currency text NOT NULL,
            status text NOT NULL,
            source text NOT NULL,
            recorded_by text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_vat_invoice
                PRIMARY KEY (customer_id, direction, issued_on, invoice_no, invoice_code),
            CONSTRAINT fk_vat_invoice_customer_id FOREIGN KEY (customer_id)
                REFERENCES customer (customer_id),
            CONSTRAINT ck_vat_invoice_direction CHECK (direction IN ('sales', 'purchase')),
            CONSTRAINT ck_vat_invoice_status CHECK (status IN ('valid', 'void')),
            CONSTRAINT ck_vat_invoice_sum CHECK (abs(gross_minor - net_minor - tax_minor) <= 1)
        )
        """
    )
    op.execute(
        """
        CREATE FUNCTION refuse_vat_invoice_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' AND OLD.status = 'valid' AND NEW.status = 'void' THEN
                NEW.status := 'valid';
                IF NEW IS NOT DISTINCT FROM OLD THEN
                    NEW.status := 'void';
                    RETURN NEW;
                END IF;
            END IF;
            RAISE EXCEPTION 'of % only an avoidance may follow', TG_TABLE_NAME
                USING ERRCODE = '23001';
        END
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER refuse_vat_invoice_change BEFORE UPDATE OR DELETE ON vat_invoice
        FOR EACH ROW EXECUTE FUNCTION refuse_vat_invoice_change()
        """
    )


def _reports() -> None:
    op.execute(
        """
        CREATE TABLE report_authorisation (
            authorisation_id text NOT NULL,
            customer_id text NOT NULL,
            evidence_hash text NOT NULL,
            signed_on date NOT NULL,
            valid_until date NOT NULL,
            recorded_by text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_report_authorisation PRIMARY KEY (authorisation_id),
            CONSTRAINT fk_report_authorisation_customer_id FOREIGN KEY (customer_id)
                REFERENCES customer (customer_id),
            CONSTRAINT fk_report_authorisation_evidence_hash FOREIGN KEY (evidence_hash)
                REFERENCES attachment (sha256),
            CONSTRAINT ck_report_authorisation_dates CHECK (valid_until >= signed_on)
        )
        """
    )
    op.execute(
        """
        CREATE INDEX ix_report_authorisation_customer_id
        ON report_authorisation (customer_id, valid_until)
        """
    )
    op.execute(
        """
        CREATE TABLE external_report (
            report_id text NOT NULL,
            customer_id text NOT NULL,
            kind text NOT NULL,
            provider text NOT NULL,
            reported_on date NOT NULL,
            pulled_on date NOT NULL,
            figures jsonb NOT NULL,
            evidence_hash text NOT NULL,
            authorisation_id text,
            recorded_by text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_external_report PRIMARY KEY (report_id),
            CONSTRAINT fk_external_report_customer_id FOREIGN KEY (customer_id)
                REFERENCES customer (customer_id),
            CONSTRAINT fk_external_report_evidence_hash FOREIGN KEY (evidence_hash)
                REFERENCES attachment (sha256),
            CONSTRAINT fk_external_report_authorisation_id FOREIGN KEY (authorisation_id)
                REFERENCES report_authorisation (authorisation_id)
        )
        """
    )
    op.execute(
        """
        CREATE INDEX ix_external_report_customer_id
        ON external_report (customer_id, kind, reported_on)
        """
    )
    op.execute(
        """
        CREATE TABLE report_query (
            query_id text NOT NULL,
            customer_id text NOT NULL,
            kind text NOT NULL,
            provider text NOT NULL,
            outcome text NOT NULL,
            purpose text NOT NULL,
            authorisation_id text,
            business_on date NOT NULL,
            asked_by text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_report_query PRIMARY KEY (query_id),
            CONSTRAINT fk_report_query_customer_id FOREIGN KEY (customer_id)
                REFERENCES customer (customer_id),
            CONSTRAINT ck_report_query_outcome
                CHECK (outcome IN ('on_file', 'asked', 'found', 'none', 'stale', 'outage'))
        )
        """
    )
    op.execute("CREATE INDEX ix_report_query_customer_id ON report_query (customer_id, query_id)")
    for table in ("report_authorisation", "external_report", "report_query"):
        op.execute(
            f"""
            CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """
        )
