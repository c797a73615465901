"""authority: scopes, posts, bodies and sub-grants; delegations, certificates, conflicts; whose word it is.

A release before this one writes grants to persons, without scope, and decisions on nobody's behalf.
"""

from alembic import op

revision = "0032"
down_revision = "0030"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in (*_GRANTS, *_REGISTER, *_DECISIONS):
        op.execute(statement)
    for table in ("authority_entry", "authority_end", "authority_alarm"):
        op.execute(
            f"""
            CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """
        )


_GRANTS = (
    "ALTER TABLE authority_grant ALTER COLUMN person_id DROP NOT NULL",
    """
    ALTER TABLE authority_grant
        ADD COLUMN post text,
        ADD COLUMN body text,
        ADD COLUMN scope jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN parent_no text
            CONSTRAINT fk_authority_grant_parent_no REFERENCES authority_grant,
        ADD COLUMN case_id text,
        ADD COLUMN recorded_by text NOT NULL DEFAULT 'system',
        ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT now(),
        ADD CONSTRAINT ck_authority_grant_holder CHECK (num_nonnulls(person_id, post, body) = 1),
        -- Who enters a grant is not who holds it.
        ADD CONSTRAINT ck_authority_grant_hands CHECK (recorded_by IS DISTINCT FROM person_id)
    """,
    "CREATE INDEX ix_authority_grant_parent_no ON authority_grant (parent_no)",
)

_REGISTER = (
    # Seats in posts and bodies, delegations, certificates and conflicts. `person_id` is whom the
    # entry lets decide or keeps from it, `about` the seat, the delegator, the certificate's code
    # or the customer.
    """
    CREATE TABLE authority_entry (
        entry_id text CONSTRAINT pk_authority_entry PRIMARY KEY,
        kind text NOT NULL CONSTRAINT ck_authority_entry_kind CHECK (
            kind IN ('seat', 'delegation', 'certificate', 'conflict')),
        person_id text NOT NULL,
        about text NOT NULL,
        valid_from date NOT NULL,
        valid_until date,
        content jsonb NOT NULL,
        recorded_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT ck_authority_entry_period CHECK (valid_from <= valid_until),
        -- Nobody seats, certifies or stands in for others by an entry of their own; a tie is
        -- declared by whoever has it.
        CONSTRAINT ck_authority_entry_hands CHECK (
            (kind = 'conflict') = (recorded_by = person_id)),
        CONSTRAINT ck_authority_entry_delegation CHECK (kind <> 'delegation' OR about <> person_id)
    )
    """,
    "CREATE INDEX ix_authority_entry_person_id ON authority_entry (person_id, kind)",
    "CREATE INDEX ix_authority_entry_about ON authority_entry (about, kind)",
    # The end of an entry or of a grant before its time, and who put it there.
    """
    CREATE TABLE authority_end (
        entry_id text CONSTRAINT pk_authority_end PRIMARY KEY,
        kind text NOT NULL,
        of_person text,
        ended_on date NOT NULL,
        ended_by text NOT NULL,
        reason text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        -- A tie is not ended by whoever declared it.
        CONSTRAINT ck_authority_end_hands CHECK (kind <> 'conflict' OR ended_by <> of_person)
    )
    """,
    # A task that nobody could decide when it was looked at; raised once.
    """
    CREATE TABLE authority_alarm (
        task_id text CONSTRAINT pk_authority_alarm PRIMARY KEY
            CONSTRAINT fk_authority_alarm_task_id REFERENCES task,
        case_id text NOT NULL,
        position text NOT NULL,
        queue text NOT NULL,
        raised_on date NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now()
    )
    """,
)

_DECISIONS = (
    """
    ALTER TABLE decision
        ADD COLUMN on_behalf_of text,
        ADD COLUMN delegations jsonb NOT NULL DEFAULT '[]',
        -- Whoever may not decide does not decide through others either.
        ADD CONSTRAINT ck_decision_on_behalf_of CHECK (
            on_behalf_of <> person_id AND NOT makers ? on_behalf_of)
    """,
    # One person's authority counts once in an approval, whoever speaks by it.
    """
    CREATE UNIQUE INDEX uq_decision_voice
        ON decision (approval_id, (coalesce(on_behalf_of, person_id)))
    """,
)
