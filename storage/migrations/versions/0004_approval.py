"""approval: approvals, tasks and words, the authority register, letters, the automatic lane."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in _APPROVAL:
        op.execute(statement)


_APPROVAL = (
    """
    CREATE TABLE approval (
        approval_id text CONSTRAINT pk_approval PRIMARY KEY,
        subject text NOT NULL,
        subject_id text NOT NULL,
        n integer NOT NULL,
        case_id text NOT NULL,
        outcome text NOT NULL CONSTRAINT ck_approval_outcome CHECK (
            outcome IN ('open', 'approved', 'declined', 'returned', 'lapsed', 'withdrawn')),
        body jsonb NOT NULL,
        progress jsonb NOT NULL,
        version integer NOT NULL,
        opened_at timestamptz NOT NULL,
        CONSTRAINT uq_approval_subject_id_n UNIQUE (subject_id, n)
    )
    """,
    """
    CREATE TABLE task (
        task_id text CONSTRAINT pk_task PRIMARY KEY,
        approval_id text NOT NULL CONSTRAINT fk_task_approval_id REFERENCES approval,
        case_id text NOT NULL,
        customer_id text NOT NULL,
        position text NOT NULL,
        escalated_to text,
        status text NOT NULL
            CONSTRAINT ck_task_status CHECK (status IN ('open', 'decided', 'closed')),
        amount_minor bigint NOT NULL,
        currency text NOT NULL,
        opened_at timestamptz NOT NULL,
        due_at timestamptz NOT NULL,
        decided_by text,
        verdict text,
        closed_at timestamptz
    )
    """,
    "CREATE INDEX ix_task_open ON task (due_at, task_id) WHERE status = 'open'",
    "CREATE INDEX ix_task_case_id ON task (case_id)",
    """
    CREATE TABLE decision (
        decision_id text CONSTRAINT pk_decision PRIMARY KEY,
        task_id text NOT NULL CONSTRAINT uq_decision_task_id UNIQUE
            CONSTRAINT fk_decision_task_id REFERENCES task,
        approval_id text NOT NULL,
        case_id text NOT NULL,
        person_id text NOT NULL,
        makers jsonb NOT NULL,
        grant_no text NOT NULL,
        position text NOT NULL,
        verdict text NOT NULL
            CONSTRAINT ck_decision_verdict CHECK (verdict IN ('approve', 'decline', 'return')),
        note text NOT NULL,
        fields_wanted jsonb NOT NULL,
        limit_minor bigint CONSTRAINT ck_decision_limit CHECK (limit_minor > 0),
        currency text,
        content_hash text NOT NULL,
        channel text NOT NULL,
        said_hash text NOT NULL,
        progress jsonb NOT NULL,
        decided_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        -- Maker and checker are two people, whatever the program above believes.
        CONSTRAINT ck_decision_maker CHECK (NOT makers ? person_id),
        CONSTRAINT uq_decision_person UNIQUE (approval_id, person_id)
    )
    """,
    "CREATE INDEX ix_decision_case_id ON decision (case_id, decided_at)",
    """
    CREATE TABLE authority_grant (
        grant_no text CONSTRAINT pk_authority_grant PRIMARY KEY,
        person_id text NOT NULL,
        position text NOT NULL,
        limit_minor bigint NOT NULL
            CONSTRAINT ck_authority_grant_limit CHECK (limit_minor >= 0),
        currency text NOT NULL,
        valid_from date NOT NULL,
        valid_until date NOT NULL,
        granted_by text NOT NULL,
        revoked_on date,
        CONSTRAINT ck_authority_grant_period CHECK (valid_from <= valid_until)
    )
    """,
    "CREATE INDEX ix_authority_grant_person_id ON authority_grant (person_id)",
    "CREATE INDEX ix_authority_grant_position ON authority_grant (position)",
    "CREATE SEQUENCE letter_serial",
    """
    CREATE TABLE letter (
        letter_no text CONSTRAINT pk_letter PRIMARY KEY,
        subject_id text NOT NULL CONSTRAINT uq_letter_subject_id UNIQUE,
        case_id text NOT NULL,
        customer_id text NOT NULL,
        approved boolean NOT NULL,
        limit_minor bigint,
        currency text,
        content_hash text NOT NULL,
        decided_on date NOT NULL,
        valid_until date NOT NULL,
        body jsonb NOT NULL,
        recorded_at timestamptz NOT NULL,
        CONSTRAINT ck_letter_limit CHECK (approved = (limit_minor IS NOT NULL))
    )
    """,
    "CREATE INDEX ix_letter_customer_id ON letter (customer_id)",
    "CREATE INDEX ix_letter_case_id ON letter (case_id)",
    """
    CREATE TABLE automatic_decision (
        case_id text CONSTRAINT pk_automatic_decision PRIMARY KEY,
        amount_minor bigint NOT NULL,
        currency text NOT NULL,
        decided_on date NOT NULL
    )
    """,
    "CREATE INDEX ix_automatic_decision_decided_on ON automatic_decision (decided_on)",
    """
    CREATE TABLE automatic_lane_switch (
        switch_no bigint GENERATED ALWAYS AS IDENTITY
            CONSTRAINT pk_automatic_lane_switch PRIMARY KEY,
        switched_on boolean NOT NULL,
        switched_by text NOT NULL,
        reason text NOT NULL,
        switched_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TRIGGER decision_append_only BEFORE UPDATE OR DELETE ON decision
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER letter_append_only BEFORE UPDATE OR DELETE ON letter
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
)
