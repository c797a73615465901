"""engine: acts beside decisions, words that stand no longer, and steps of every kind."""

from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in (*_TASKS, *_WORDS, *_ACTS):
        op.execute(statement)
    for table in ("decision_void", "approval_act"):
        op.execute(
            f"""
            CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """
        )


_TASKS = (
    "ALTER TABLE task ADD COLUMN person_id text",
    "ALTER TABLE task ADD COLUMN asked_of text",  # whose opinion it waits for
    "ALTER TABLE task DROP CONSTRAINT ck_task_status",
    """
    ALTER TABLE task ADD CONSTRAINT ck_task_status
        CHECK (status IN ('open', 'waiting', 'decided', 'closed'))
    """,
    """
    CREATE INDEX ix_task_person_id ON task (person_id, due_at)
        WHERE status = 'open' AND person_id IS NOT NULL
    """,
    """
    CREATE INDEX ix_task_asked_of ON task (asked_of, due_at)
        WHERE status = 'open' AND asked_of IS NOT NULL
    """,
)

_WORDS = (
    "ALTER TABLE decision DROP CONSTRAINT ck_decision_verdict",
    """
    ALTER TABLE decision ADD CONSTRAINT ck_decision_verdict
        CHECK (verdict IN ('approve', 'decline', 'return', 'defer', 'support', 'object'))
    """,
    "ALTER TABLE decision ADD COLUMN to_step integer",
    "ALTER TABLE decision ADD COLUMN resume text",
    "ALTER TABLE decision ADD COLUMN conditions jsonb NOT NULL DEFAULT '[]'",
    # A word that was taken back, put off or asked for again: it stays, and stands no longer.
    """
    CREATE TABLE decision_void (
        decision_id text CONSTRAINT pk_decision_void PRIMARY KEY
            CONSTRAINT fk_decision_void_decision_id REFERENCES decision,
        reason text NOT NULL,
        voided_by text NOT NULL,
        voided_at timestamptz NOT NULL
    )
    """,
    # One person, and whose authority was used, has one word that stands in an approval, whatever the
    # program above believes. The approval's row is locked by whoever records one, so that no two
    # can be recorded at once.
    "ALTER TABLE decision DROP CONSTRAINT uq_decision_person",
    "DROP INDEX uq_decision_voice",
    """
    CREATE FUNCTION decision_stands_alone() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            SELECT FROM decision d
            WHERE d.approval_id = NEW.approval_id
                AND (d.person_id = NEW.person_id OR coalesce(d.on_behalf_of, d.person_id)
                    = coalesce(NEW.on_behalf_of, NEW.person_id))
                AND NOT EXISTS (SELECT FROM decision_void v WHERE v.decision_id = d.decision_id)
        ) THEN
            RAISE EXCEPTION 'a word of % stands in %', NEW.person_id, NEW.approval_id
                USING ERRCODE = 'unique_violation';
        END IF;
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER decision_stands_alone BEFORE INSERT ON decision
    FOR EACH ROW EXECUTE FUNCTION decision_stands_alone()
    """,
    "CREATE INDEX ix_decision_approval_id ON decision (approval_id, person_id)",
)

_ACTS = (
    """
    CREATE TABLE approval_act (
        act_id text CONSTRAINT pk_approval_act PRIMARY KEY,
        act_no bigint GENERATED ALWAYS AS IDENTITY,
        approval_id text NOT NULL CONSTRAINT fk_approval_act_approval_id REFERENCES approval,
        task_id text NOT NULL,
        case_id text NOT NULL,
        action text NOT NULL CONSTRAINT ck_approval_act_action CHECK (action IN (
            'transfer', 'ask_opinion', 'give_opinion', 'add_signer', 'remove_signer', 'take_back',
            'copy', 'urge', 'recuse', 'close_vote')),
        person_id text NOT NULL,
        to_person text,
        placement text,
        note text NOT NULL,
        makers jsonb NOT NULL,
        grant_no text,
        channel text NOT NULL,
        said_hash text NOT NULL,
        progress jsonb NOT NULL,
        acted_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        -- Who may not decide may hurry it on and let others read along, and nothing else.
        CONSTRAINT ck_approval_act_maker
            CHECK (action IN ('copy', 'urge') OR NOT makers ? person_id),
        CONSTRAINT ck_approval_act_named
            CHECK (action NOT IN ('transfer', 'ask_opinion', 'add_signer') OR NOT makers ? to_person)
    )
    """,
    "CREATE INDEX ix_approval_act_approval_id ON approval_act (approval_id, act_no)",
    "CREATE INDEX ix_approval_act_case_id ON approval_act (case_id, act_no)",
    "CREATE INDEX ix_approval_act_to_person ON approval_act (to_person, action)",
)
