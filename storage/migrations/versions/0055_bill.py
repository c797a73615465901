"""bill: bills received, what they pay and what became of them; disputes as of a day."""

from alembic import op

revision = "0055"
down_revision = "0054"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in _STATEMENTS:
        op.execute(statement)
    for table in ("bill", "bill_part", "bill_event", "invoice_dispute", "invoice_dispute_end"):
        op.execute(
            f"CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


_STATEMENTS = (
    """
    CREATE TABLE bill (
        bill_id text CONSTRAINT pk_bill PRIMARY KEY,
        customer_id text NOT NULL
            CONSTRAINT fk_bill_customer_id REFERENCES customer (customer_id),
        bill_no text NOT NULL CONSTRAINT uq_bill_bill_no UNIQUE,
        content jsonb NOT NULL,
        amount_minor bigint NOT NULL CONSTRAINT ck_bill_amount CHECK (amount_minor > 0),
        currency text NOT NULL,
        received_on date NOT NULL,
        due_on date NOT NULL,
        evidence_hash text NOT NULL
            CONSTRAINT fk_bill_evidence_hash REFERENCES attachment (sha256),
        recorded_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT ck_bill_days CHECK (due_on >= received_on)
    )
    """,
    "CREATE INDEX ix_bill_customer_id ON bill (customer_id)",
    # The customer is the record that the invoice lies under.
    """
    CREATE TABLE bill_part (
        bill_id text CONSTRAINT fk_bill_part_bill_id REFERENCES bill,
        customer_id text NOT NULL,
        invoice_no text,
        amount_minor bigint NOT NULL CONSTRAINT ck_bill_part_amount CHECK (amount_minor > 0),
        CONSTRAINT pk_bill_part PRIMARY KEY (bill_id, invoice_no),
        CONSTRAINT fk_bill_part_invoice FOREIGN KEY (customer_id, invoice_no)
            REFERENCES invoice (customer_id, invoice_no)
    )
    """,
    "CREATE INDEX ix_bill_part_customer_id_invoice_no ON bill_part (customer_id, invoice_no)",
    """
    CREATE TABLE bill_event (
        bill_id text CONSTRAINT fk_bill_event_bill_id REFERENCES bill,
        event_no text,
        seq integer NOT NULL,
        kind text NOT NULL CONSTRAINT ck_bill_event_kind
            CHECK (kind IN ('endorsed', 'discounted', 'honoured', 'refused')),
        happened_on date NOT NULL,
        recourse boolean NOT NULL,
        note text NOT NULL,
        recorded_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_bill_event PRIMARY KEY (bill_id, event_no),
        CONSTRAINT uq_bill_event_seq UNIQUE (bill_id, seq)
    )
    """,
    # One of the two ends, and once.
    """
    CREATE UNIQUE INDEX uq_bill_event_end ON bill_event (bill_id)
        WHERE kind IN ('honoured', 'refused')
    """,
    """
    CREATE TABLE invoice_dispute (
        dispute_id text CONSTRAINT pk_invoice_dispute PRIMARY KEY,
        customer_id text NOT NULL,
        invoice_no text NOT NULL,
        opened_on date NOT NULL,
        amount_minor bigint NOT NULL CONSTRAINT ck_invoice_dispute_amount CHECK (amount_minor > 0),
        reason text NOT NULL CONSTRAINT ck_invoice_dispute_reason CHECK (reason <> ''),
        owner text NOT NULL,
        opened_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT fk_invoice_dispute_invoice FOREIGN KEY (customer_id, invoice_no)
            REFERENCES invoice (customer_id, invoice_no)
    )
    """,
    """
    CREATE INDEX ix_invoice_dispute_customer_id_invoice_no
        ON invoice_dispute (customer_id, invoice_no)
    """,
    """
    CREATE TABLE invoice_dispute_end (
        dispute_id text CONSTRAINT pk_invoice_dispute_end PRIMARY KEY
            CONSTRAINT fk_invoice_dispute_end_dispute_id REFERENCES invoice_dispute,
        settled_on date NOT NULL,
        reason text NOT NULL CONSTRAINT ck_invoice_dispute_end_reason CHECK (reason <> ''),
        settled_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    # What pays invoices: from a day on, and until the day before `until_on` where it came to nothing.
    """
    CREATE VIEW invoice_settlement AS
        SELECT customer_id, invoice_no, paid_on, NULL::date AS until_on, amount_minor FROM payment
        UNION ALL
        SELECT p.customer_id, p.invoice_no, b.received_on, e.happened_on, p.amount_minor
        FROM bill_part p JOIN bill b USING (bill_id)
        LEFT JOIN bill_event e ON e.bill_id = p.bill_id AND e.kind = 'refused'
    """,
    """
    CREATE OR REPLACE VIEW invoice_reduction AS
        SELECT customer_id, invoice_no, paid_on AS counts_on, amount_minor FROM payment
        UNION ALL
        SELECT customer_id, invoice_no, issued_on, amount_minor FROM credit_note
        UNION ALL
        SELECT p.customer_id, p.invoice_no, b.received_on, p.amount_minor
        FROM bill_part p JOIN bill b USING (bill_id)
        UNION ALL
        SELECT p.customer_id, p.invoice_no, e.happened_on, -p.amount_minor
        FROM bill_part p JOIN bill_event e USING (bill_id) WHERE e.kind = 'refused'
    """,
)
