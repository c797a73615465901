"""receivable: credit notes; accounts confirmed by customers, and what
differs; extracts of other systems."""

from alembic import op

revision = "0050"
down_revision = "0049"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in (*_CREDIT_NOTES, *_CONFIRMATIONS, *_RECONCILIATIONS):
        op.execute(statement)
    for table in (
        "credit_note",
        "account_confirmation",
        "confirmation_answer",
        "confirmation_document",
        "confirmation_difference",
        "confirmation_difference_end",
        "erp_extract",
        "erp_extract_document",
        "reconciliation",
        "reconciliation_finding",
        "reconciliation_finding_end",
    ):
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

_CONFIRMATIONS = (
    """
    CREATE TABLE account_confirmation (
        confirmation_id text CONSTRAINT pk_account_confirmation PRIMARY KEY,
        customer_id text NOT NULL
            CONSTRAINT fk_account_confirmation_customer_id REFERENCES customer (customer_id),
        as_of date NOT NULL,
        currency text NOT NULL,
        request jsonb NOT NULL,
        documents integer NOT NULL CONSTRAINT ck_account_confirmation_documents CHECK (documents > 0),
        document_hash text NOT NULL,
        total_minor bigint NOT NULL,
        disputed_minor bigint NOT NULL,
        token_hash text NOT NULL CONSTRAINT uq_account_confirmation_token_hash UNIQUE,
        sent_on date NOT NULL,
        answer_by date NOT NULL,
        holds boolean NOT NULL,
        edition_hash text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_account_confirmation_account UNIQUE (customer_id, as_of, currency),
        CONSTRAINT ck_account_confirmation_days CHECK (answer_by >= sent_on)
    )
    """,
    """
    CREATE TABLE confirmation_answer (
        answer_id text CONSTRAINT pk_confirmation_answer PRIMARY KEY,
        confirmation_id text NOT NULL
            CONSTRAINT fk_confirmation_answer_confirmation_id REFERENCES account_confirmation,
        agreed jsonb NOT NULL,
        signatory jsonb,
        evidence_hash text NOT NULL
            CONSTRAINT fk_confirmation_answer_evidence_hash REFERENCES attachment (sha256),
        answered_on date NOT NULL,
        recorded_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX ix_confirmation_answer_confirmation_id ON confirmation_answer (confirmation_id)",
    # Each document of an account is answered once, whatever is said of it.
    """
    CREATE TABLE confirmation_document (
        confirmation_id text
            CONSTRAINT fk_confirmation_document_confirmation_id REFERENCES account_confirmation,
        invoice_no text,
        answer_id text NOT NULL
            CONSTRAINT fk_confirmation_document_answer_id REFERENCES confirmation_answer,
        CONSTRAINT pk_confirmation_document PRIMARY KEY (confirmation_id, invoice_no)
    )
    """,
    """
    CREATE TABLE confirmation_difference (
        difference_id text CONSTRAINT pk_confirmation_difference PRIMARY KEY,
        confirmation_id text NOT NULL
            CONSTRAINT fk_confirmation_difference_confirmation_id REFERENCES account_confirmation,
        answer_id text NOT NULL
            CONSTRAINT fk_confirmation_difference_answer_id REFERENCES confirmation_answer,
        invoice_no text NOT NULL,
        kind text NOT NULL CONSTRAINT ck_confirmation_difference_kind
            CHECK (kind IN ('missing', 'extra', 'amount', 'paid')),
        said jsonb NOT NULL,
        ours jsonb,
        owner text NOT NULL,
        due_on date NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_confirmation_difference_document UNIQUE (confirmation_id, invoice_no)
    )
    """,
    """
    CREATE TABLE confirmation_difference_end (
        difference_id text CONSTRAINT pk_confirmation_difference_end PRIMARY KEY
            CONSTRAINT fk_confirmation_difference_end_difference_id
            REFERENCES confirmation_difference,
        outcome text NOT NULL CONSTRAINT ck_confirmation_difference_end_outcome
            CHECK (outcome IN ('upheld', 'corrected', 'credited', 'disputed')),
        reason text NOT NULL CONSTRAINT ck_confirmation_difference_end_reason CHECK (reason <> ''),
        closed_on date NOT NULL,
        closed_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now()
    )
    """,
)

_RECONCILIATIONS = (
    """
    CREATE TABLE erp_extract (
        extract_id text CONSTRAINT pk_erp_extract PRIMARY KEY,
        as_of date NOT NULL,
        recorded_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE erp_extract_document (
        extract_id text CONSTRAINT fk_erp_extract_document_extract_id REFERENCES erp_extract,
        customer_id text
            CONSTRAINT fk_erp_extract_document_customer_id REFERENCES customer (customer_id),
        invoice_no text,
        amount_minor bigint NOT NULL CONSTRAINT ck_erp_extract_document_amount
            CHECK (amount_minor > 0),
        open_minor bigint NOT NULL,
        currency text NOT NULL,
        due_on date NOT NULL,
        CONSTRAINT pk_erp_extract_document PRIMARY KEY (extract_id, customer_id, invoice_no),
        CONSTRAINT ck_erp_extract_document_open CHECK (open_minor BETWEEN 0 AND amount_minor)
    )
    """,
    """
    CREATE TABLE reconciliation (
        reconciliation_id text CONSTRAINT pk_reconciliation PRIMARY KEY,
        extract_id text NOT NULL CONSTRAINT fk_reconciliation_extract_id REFERENCES erp_extract,
        content jsonb NOT NULL,
        run_on date NOT NULL,
        recorded_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE reconciliation_finding (
        finding_id text CONSTRAINT pk_reconciliation_finding PRIMARY KEY,
        reconciliation_id text NOT NULL
            CONSTRAINT fk_reconciliation_finding_reconciliation_id REFERENCES reconciliation,
        customer_id text NOT NULL
            CONSTRAINT fk_reconciliation_finding_customer_id REFERENCES customer (customer_id),
        currency text NOT NULL,
        drift_minor bigint NOT NULL,
        owner text NOT NULL,
        due_on date NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE reconciliation_finding_end (
        finding_id text CONSTRAINT pk_reconciliation_finding_end PRIMARY KEY
            CONSTRAINT fk_reconciliation_finding_end_finding_id REFERENCES reconciliation_finding,
        reason text NOT NULL CONSTRAINT ck_reconciliation_finding_end_reason CHECK (reason <> ''),
        closed_on date NOT NULL,
        closed_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now()
    )
    """,
)
