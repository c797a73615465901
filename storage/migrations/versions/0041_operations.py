"""operations: steps that keep failing, repairs with their second person, and what is under way."""

from alembic import op

revision = "0041"
down_revision = "0034"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in (*_FAILURES, *_REPAIRS, *_UNDER_WAY):
        op.execute(statement)
    for table in ("repair", "repair_decision", "repair_outcome"):
        op.execute(
            f"""
            CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """
        )


_FAILURES = (
    """
    CREATE TABLE step_failure (
        workflow_id text NOT NULL,
        run_id text NOT NULL,
        step_id text NOT NULL,
        step text NOT NULL,
        attempts integer NOT NULL,
        error text NOT NULL,
        first_failed_at timestamptz NOT NULL,
        last_failed_at timestamptz NOT NULL,
        ended_at timestamptz,
        CONSTRAINT pk_step_failure PRIMARY KEY (workflow_id, run_id, step_id)
    )
    """,
    "CREATE INDEX ix_step_failure_open ON step_failure (last_failed_at) WHERE ended_at IS NULL",
)

_REPAIRS = (
    """
    CREATE TABLE repair (
        repair_id text CONSTRAINT pk_repair PRIMARY KEY,
        repair_no bigint GENERATED ALWAYS AS IDENTITY,
        workflow_id text NOT NULL,
        run_id text NOT NULL,
        step text NOT NULL,
        case_id text,
        act text NOT NULL CONSTRAINT ck_repair_act CHECK (
            act IN ('retry', 'pause', 'resume', 'complete', 'fail', 'reset')),
        content jsonb NOT NULL,
        asked_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_repair_asked UNIQUE (repair_id, asked_by)
    )
    """,
    "CREATE INDEX ix_repair_workflow_id ON repair (workflow_id, repair_no)",
    "CREATE INDEX ix_repair_case_id ON repair (case_id, repair_no) WHERE case_id IS NOT NULL",
    # Whoever asks for a repair does not confirm it, whatever the program above believes.
    """
    CREATE TABLE repair_decision (
        repair_id text CONSTRAINT pk_repair_decision PRIMARY KEY,
        verdict text NOT NULL CONSTRAINT ck_repair_decision_verdict
            CHECK (verdict IN ('confirm', 'decline')),
        reason text NOT NULL,
        asked_by text NOT NULL,
        decided_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT fk_repair_decision_repair_id FOREIGN KEY (repair_id, asked_by)
            REFERENCES repair (repair_id, asked_by),
        CONSTRAINT ck_repair_decision_hands CHECK (decided_by <> asked_by)
    )
    """,
    """
    CREATE TABLE repair_outcome (
        repair_id text CONSTRAINT pk_repair_outcome PRIMARY KEY
            CONSTRAINT fk_repair_outcome_repair_id REFERENCES repair,
        done boolean NOT NULL,
        detail text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    # Nothing that takes two is carried out on one person's word.
    """
    CREATE FUNCTION repair_takes_two() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            SELECT FROM repair r WHERE r.repair_id = NEW.repair_id
                AND r.act IN ('complete', 'fail', 'reset')
                AND NOT EXISTS (SELECT FROM repair_decision d
                    WHERE d.repair_id = r.repair_id AND d.verdict = 'confirm')
        ) THEN
            RAISE EXCEPTION 'nobody has confirmed the repair %', NEW.repair_id
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER repair_takes_two BEFORE INSERT ON repair_outcome
    FOR EACH ROW EXECUTE FUNCTION repair_takes_two()
    """,
)

# Looking for what is stuck costs what is under way, not what has ended.
_UNDER_WAY = (
    "CREATE INDEX ix_application_open ON application (status, submitted_at) WHERE ended_at IS NULL",
    """
    CREATE INDEX ix_credit_line_in_force ON credit_line (ends_on)
        WHERE status NOT IN ('expired', 'terminated')
    """,
    """
    CREATE INDEX ix_outbox_failing ON outbox (entry_no)
        WHERE state = 'failed' OR (state = 'pending' AND attempts >= 3)
    """,
)
