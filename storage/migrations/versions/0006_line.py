"""line: conditions precedent, lines in force, their limits, freezes and events."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in _LINE:
        op.execute(statement)


_LINE = (
    """
    CREATE TABLE condition_precedent (
        case_id text NOT NULL,
        code text NOT NULL,
        owner text NOT NULL,
        status text NOT NULL CONSTRAINT ck_condition_precedent_status
            CHECK (status IN ('open', 'evidenced', 'met', 'waived')),
        evidence_hash text,
        evidenced_by text,
        verified_by text,
        decision_id text,
        note text NOT NULL DEFAULT '',
        changed_at timestamptz,
        CONSTRAINT pk_condition_precedent PRIMARY KEY (case_id, code),
        CONSTRAINT ck_condition_precedent_evidence
            CHECK ((evidence_hash IS NULL) = (evidenced_by IS NULL)),
        CONSTRAINT ck_condition_precedent_met
            CHECK (status <> 'met' OR (evidence_hash IS NOT NULL AND verified_by IS NOT NULL)),
        CONSTRAINT ck_condition_precedent_waived
            CHECK (status <> 'waived' OR (verified_by IS NOT NULL AND decision_id IS NOT NULL)),
        -- Whoever owns or evidences a condition does not verify it, whatever the program believes.
        CONSTRAINT ck_condition_precedent_hands
            CHECK (verified_by IS NULL OR (verified_by <> owner
                AND verified_by IS DISTINCT FROM evidenced_by))
    )
    """,
    """
    CREATE TABLE credit_line (
        line_id text CONSTRAINT pk_credit_line PRIMARY KEY,
        customer_id text NOT NULL,
        group_id text,
        case_id text NOT NULL CONSTRAINT uq_credit_line_case_id UNIQUE,
        letter_no text NOT NULL CONSTRAINT fk_credit_line_letter_no REFERENCES letter,
        contract_id text NOT NULL,
        terms jsonb NOT NULL,
        currency text NOT NULL,
        status text NOT NULL CONSTRAINT ck_credit_line_status CHECK (
            status IN ('active', 'frozen', 'collect_only', 'expired', 'terminated')),
        grade text NOT NULL,
        edition_hash text NOT NULL,
        starts_on date NOT NULL,
        last_draw_on date NOT NULL,
        ends_on date NOT NULL,
        review_due_on date NOT NULL,
        activated_at timestamptz NOT NULL,
        version integer NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT ck_credit_line_dates
            CHECK (starts_on <= ends_on AND last_draw_on <= ends_on)
    )
    """,
    "CREATE INDEX ix_credit_line_customer_id ON credit_line (customer_id)",
    "CREATE INDEX ix_credit_line_group_id ON credit_line (group_id) WHERE group_id IS NOT NULL",
    # Every letter that was put in force, each once, and what it did to the line.
    """
    CREATE TABLE line_activation (
        case_id text CONSTRAINT pk_line_activation PRIMARY KEY,
        line_id text NOT NULL CONSTRAINT fk_line_activation_line_id REFERENCES credit_line,
        letter_no text NOT NULL CONSTRAINT uq_line_activation_letter_no UNIQUE
            CONSTRAINT fk_line_activation_letter_no REFERENCES letter,
        kind text NOT NULL,
        activated_at timestamptz NOT NULL,
        business_on date NOT NULL
    )
    """,
    "CREATE INDEX ix_line_activation_line_id ON line_activation (line_id)",
    # What a line's limit is made of: one base in force, and temporary ones with their last day.
    """
    CREATE TABLE line_limit (
        line_id text NOT NULL CONSTRAINT fk_line_limit_line_id REFERENCES credit_line,
        letter_no text NOT NULL CONSTRAINT fk_line_limit_letter_no REFERENCES letter,
        limit_minor bigint NOT NULL CONSTRAINT ck_line_limit_amount CHECK (limit_minor >= 0),
        temporary_until date,
        ended_on date,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_line_limit PRIMARY KEY (line_id, letter_no)
    )
    """,
    """
    CREATE UNIQUE INDEX uq_line_limit_base ON line_limit (line_id)
        WHERE temporary_until IS NULL AND ended_on IS NULL
    """,
    """
    CREATE TABLE line_freeze (
        freeze_id text CONSTRAINT pk_line_freeze PRIMARY KEY,
        line_id text NOT NULL CONSTRAINT fk_line_freeze_line_id REFERENCES credit_line,
        reason text NOT NULL,
        collect_only boolean NOT NULL,
        frozen_by text NOT NULL,
        frozen_at timestamptz NOT NULL,
        lifted_by text,
        lifted_at timestamptz,
        CONSTRAINT ck_line_freeze_lifted CHECK ((lifted_by IS NULL) = (lifted_at IS NULL)),
        -- Rules of the policy freeze and lift in the system's name; people never lift their own.
        CONSTRAINT ck_line_freeze_hands CHECK (frozen_by = 'system' OR frozen_by <> lifted_by)
    )
    """,
    """
    CREATE UNIQUE INDEX uq_line_freeze_reason ON line_freeze (line_id, reason)
        WHERE lifted_at IS NULL
    """,
    """
    CREATE TABLE line_event (
        event_no bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_line_event PRIMARY KEY,
        line_id text NOT NULL,
        message_id text NOT NULL CONSTRAINT uq_line_event_message_id UNIQUE,
        kind text NOT NULL,
        person_id text NOT NULL,
        facts jsonb NOT NULL,
        content_hash text NOT NULL,
        occurred_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX ix_line_event_line_id ON line_event (line_id, event_no)",
    """
    CREATE TRIGGER line_event_append_only BEFORE UPDATE OR DELETE ON line_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER line_activation_append_only BEFORE UPDATE OR DELETE ON line_activation
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
)
