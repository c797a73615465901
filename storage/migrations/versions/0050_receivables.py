"""receivable: credit notes, which take an invoice back in part or whole from their day on."""

from alembic import op

revision = "0050"
down_revision = "0046"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in _CREDIT_NOTES:
        op.execute(statement)
    for table in ("credit_note",):
        op.execute(
            f"CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


_CREDIT_NOTES = (
    # Signed: what reverses another is below zero, so that what was credited is a plain sum.
    """
    CREATE TABLE credit_note (
        customer_id text,
        invoice_no text,
        credit_note_no text,
        issued_on date NOT NULL,
        amount_minor bigint NOT NULL,
        currency text NOT NULL,
        reverses text,
        reason text NOT NULL,
        source text NOT NULL,
        recorded_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_credit_note PRIMARY KEY (customer_id, invoice_no, credit_note_no),
        CONSTRAINT fk_credit_note_invoice_no FOREIGN KEY (customer_id, invoice_no)
            REFERENCES invoice (customer_id, invoice_no),
        CONSTRAINT fk_credit_note_reverses FOREIGN KEY (customer_id, invoice_no, reverses)
            REFERENCES credit_note (customer_id, invoice_no, credit_note_no),
        CONSTRAINT uq_credit_note_reverses UNIQUE (customer_id, invoice_no, reverses),
        CONSTRAINT ck_credit_note_amount
            CHECK (amount_minor <> 0 AND (reverses IS NULL) = (amount_minor > 0))
    )
    """,
    # Whatever makes less of an invoice owed from a day on: paid, or taken back.
    """
    CREATE VIEW invoice_reduction AS
        SELECT customer_id, invoice_no, paid_on AS counts_on, amount_minor FROM payment
        UNION ALL
        SELECT customer_id, invoice_no, issued_on, amount_minor FROM credit_note
    """,
    """
    CREATE OR REPLACE FUNCTION invoice_paid(i invoice) RETURNS numeric LANGUAGE sql STABLE AS $$
        SELECT coalesce(sum(amount_minor), 0) FROM invoice_reduction
        WHERE customer_id = i.customer_id AND invoice_no = i.invoice_no
    $$
    """,
)
