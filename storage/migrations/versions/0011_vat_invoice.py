"""vat_invoice: invoices as the tax office knows them, of which only an avoidance may follow."""

from alembic import op

revision = "0011"
down_revision = "0009"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
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
