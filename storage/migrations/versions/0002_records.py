"""records: customers and their history, statements, receivables, rates, files, name lists."""

from alembic import op

revision = "0002"
down_revision = "0001"

# What was recorded stays as it was: a later record puts it right, and says so.
_APPEND_ONLY = ("customer_version", "credit_event", "statement", "payment", "exchange_rate")


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    _customers()
    _statements()
    _receivables()
    _exchange()
    _attachments()
    _name_lists()
    _imports()
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME USING ERRCODE = '23001';
        END
        $$
        """
    )
    for table in (*_APPEND_ONLY, "attachment", "import_run"):
        op.execute(
            f"""
            CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """
        )


def _customers() -> None:
    op.execute(
        """
        CREATE TABLE customer_group (
            group_id text NOT NULL,
            name text NOT NULL,
            name_zh text NOT NULL DEFAULT '',
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_customer_group PRIMARY KEY (group_id)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE customer (
            customer_id text NOT NULL,
            version integer NOT NULL,
            name text NOT NULL,
            name_zh text NOT NULL DEFAULT '',
            group_id text,
            manager_id text NOT NULL,
            content jsonb NOT NULL,
            business_on date NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_customer PRIMARY KEY (customer_id),
            CONSTRAINT fk_customer_group_id FOREIGN KEY (group_id)
                REFERENCES customer_group (group_id),
            CONSTRAINT ck_customer_version CHECK (version >= 1)
        )
        """
    )
    op.execute("CREATE INDEX ix_customer_group_id ON customer (group_id)")
    op.execute("CREATE INDEX ix_customer_manager_id ON customer (manager_id)")
    op.execute(
        """
        CREATE TABLE customer_version (
            customer_id text NOT NULL,
            version integer NOT NULL,
            content jsonb NOT NULL,
            source text NOT NULL,
            business_on date NOT NULL,
            recorded_by text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_customer_version PRIMARY KEY (customer_id, version),
            CONSTRAINT fk_customer_version_customer_id FOREIGN KEY (customer_id)
                REFERENCES customer (customer_id)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE customer_identifier (
            scheme text NOT NULL,
            value text NOT NULL,
            customer_id text NOT NULL,
            CONSTRAINT pk_customer_identifier PRIMARY KEY (scheme, value),
            CONSTRAINT fk_customer_identifier_customer_id FOREIGN KEY (customer_id)
                REFERENCES customer (customer_id),
            CONSTRAINT ck_customer_identifier_scheme
                CHECK (scheme IN ('uscc', 'lei', 'internal'))
        )
        """
    )
    op.execute(
        "CREATE INDEX ix_customer_identifier_customer_id ON customer_identifier (customer_id)"
    )
    op.execute(
        """
        CREATE TABLE credit_event (
            event_id text NOT NULL,
            customer_id text NOT NULL,
            event_type text NOT NULL,
            occurred_on date NOT NULL,
            corrects text,
            content jsonb NOT NULL,
            recorded_by text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_credit_event PRIMARY KEY (event_id),
            CONSTRAINT fk_credit_event_customer_id FOREIGN KEY (customer_id)
                REFERENCES customer (customer_id),
            CONSTRAINT fk_credit_event_corrects FOREIGN KEY (corrects)
                REFERENCES credit_event (event_id)
        )
        """
    )
    op.execute(
        "CREATE INDEX ix_credit_event_customer_id ON credit_event (customer_id, occurred_on)"
    )


def _statements() -> None:
    op.execute(
        """
        CREATE TABLE statement (
            customer_id text NOT NULL,
            period_end_on date NOT NULL,
            consolidated boolean NOT NULL,
            version integer NOT NULL,
            content jsonb NOT NULL,
            content_hash text NOT NULL,
            source text NOT NULL,
            recorded_by text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_statement
                PRIMARY KEY (customer_id, period_end_on, consolidated, version),
            CONSTRAINT fk_statement_customer_id FOREIGN KEY (customer_id)
                REFERENCES customer (customer_id),
            CONSTRAINT ck_statement_version CHECK (version >= 1)
        )
        """
    )


def _receivables() -> None:
    op.execute(
        """
        CREATE TABLE invoice (
            customer_id text NOT NULL,
            invoice_no text NOT NULL,
            issued_on date NOT NULL,
            due_on date NOT NULL,
            amount_minor bigint NOT NULL,
            currency text NOT NULL,
            disputed boolean NOT NULL,
            source text NOT NULL,
            recorded_by text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_invoice PRIMARY KEY (customer_id, invoice_no),
            CONSTRAINT fk_invoice_customer_id FOREIGN KEY (customer_id)
                REFERENCES customer (customer_id),
            CONSTRAINT ck_invoice_amount CHECK (amount_minor > 0),
            CONSTRAINT ck_invoice_due CHECK (due_on >= issued_on)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE payment (
            customer_id text NOT NULL,
            payment_no text NOT NULL,
            invoice_no text NOT NULL,
            paid_on date NOT NULL,
            amount_minor bigint NOT NULL,
            currency text NOT NULL,
            source text NOT NULL,
            recorded_by text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_payment PRIMARY KEY (customer_id, invoice_no, payment_no),
            CONSTRAINT fk_payment_invoice FOREIGN KEY (customer_id, invoice_no)
                REFERENCES invoice (customer_id, invoice_no),
            CONSTRAINT ck_payment_amount CHECK (amount_minor > 0)
        )
        """
    )


def _exchange() -> None:
    op.execute(
        """
        CREATE TABLE exchange_rate (
            base text NOT NULL,
            quote text NOT NULL,
            kind text NOT NULL,
            rate_on date NOT NULL,
            rate numeric(30, 10) NOT NULL,
            source text NOT NULL,
            recorded_by text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_exchange_rate PRIMARY KEY (base, quote, kind, rate_on),
            CONSTRAINT ck_exchange_rate_kind CHECK (kind IN ('spot', 'average', 'budget')),
            CONSTRAINT ck_exchange_rate_positive CHECK (rate > 0),
            CONSTRAINT ck_exchange_rate_pair CHECK (base <> quote)
        )
        """
    )


def _attachments() -> None:
    op.execute(
        """
        CREATE TABLE attachment (
            sha256 text NOT NULL,
            media_type text NOT NULL,
            size_bytes bigint NOT NULL,
            name text NOT NULL,
            content bytea NOT NULL,
            recorded_by text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_attachment PRIMARY KEY (sha256),
            CONSTRAINT ck_attachment_content
                CHECK (sha256 = encode(sha256(content), 'hex') AND size_bytes = length(content))
        )
        """
    )
    # Documents arrive compressed; trying to compress them again costs time and gains nothing.
    op.execute("ALTER TABLE attachment ALTER COLUMN content SET STORAGE EXTERNAL")


def _name_lists() -> None:
    op.execute(
        """
        CREATE TABLE name_list (
            list_code text NOT NULL,
            revision integer NOT NULL,
            list_version text NOT NULL,
            content_hash text NOT NULL,
            entries integer NOT NULL,
            source text NOT NULL,
            imported_on date NOT NULL,
            recorded_by text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_name_list PRIMARY KEY (list_code, revision),
            CONSTRAINT uq_name_list_list_code_list_version UNIQUE (list_code, list_version)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE name_list_entry (
            list_code text NOT NULL,
            scheme text NOT NULL,
            value text NOT NULL,
            added_in integer NOT NULL,
            removed_in integer,
            effect text NOT NULL,
            rule text NOT NULL,
            reason text NOT NULL,
            until date,
            CONSTRAINT pk_name_list_entry PRIMARY KEY (list_code, scheme, value, added_in),
            CONSTRAINT fk_name_list_entry_added_in FOREIGN KEY (list_code, added_in)
                REFERENCES name_list (list_code, revision),
            CONSTRAINT fk_name_list_entry_removed_in FOREIGN KEY (list_code, removed_in)
                REFERENCES name_list (list_code, revision),
            CONSTRAINT ck_name_list_entry_effect CHECK (effect IN ('stop', 'suspend')),
            CONSTRAINT ck_name_list_entry_removed CHECK (removed_in > added_in)
        )
        """
    )
    op.execute(
        """
        CREATE UNIQUE INDEX uq_name_list_entry_scheme_value_list_code
        ON name_list_entry (scheme, value, list_code) WHERE removed_in IS NULL
        """
    )


def _imports() -> None:
    op.execute(
        """
        CREATE TABLE import_run (
            import_id text NOT NULL,
            kind text NOT NULL,
            sha256 text NOT NULL,
            report jsonb NOT NULL,
            business_on date NOT NULL,
            recorded_by text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_import_run PRIMARY KEY (import_id)
        )
        """
    )
