"""override: grades moved by notches, who asked for it, and how each ended."""

from alembic import op

revision = "0020"
down_revision = "0014"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in _OVERRIDES:
        op.execute(statement)


_OVERRIDES = (
    """
    CREATE TABLE rating_override (
        override_id text CONSTRAINT pk_rating_override PRIMARY KEY,
        case_id text NOT NULL,
        n integer NOT NULL,
        customer_id text NOT NULL,
        message_id text NOT NULL CONSTRAINT uq_rating_override_message_id UNIQUE,
        receipt_hash text NOT NULL,
        grade_model text NOT NULL,
        grade_asked text NOT NULL,
        notches integer NOT NULL CONSTRAINT ck_rating_override_notches CHECK (notches <> 0),
        reason text NOT NULL,
        note text NOT NULL,
        second_needed boolean NOT NULL,
        proposed_by text NOT NULL,
        proposed_at timestamptz NOT NULL,
        proposed_on date NOT NULL,
        CONSTRAINT uq_rating_override_case_id_n UNIQUE (case_id, n),
        CONSTRAINT uq_rating_override_hands UNIQUE (override_id, proposed_by, second_needed)
    )
    """,
    "CREATE INDEX ix_rating_override_proposed_on ON rating_override (proposed_on, proposed_by)",
    """
    CREATE TABLE rating_override_event (
        override_id text NOT NULL,
        kind text NOT NULL CONSTRAINT ck_rating_override_event_kind
            CHECK (kind IN ('confirmed', 'declined', 'lapsed', 'voided')),
        proposed_by text NOT NULL,
        second_needed boolean NOT NULL,
        person_id text,
        why text NOT NULL,
        occurred_at timestamptz NOT NULL,
        CONSTRAINT pk_rating_override_event PRIMARY KEY (override_id, kind),
        -- The hands are those of the override itself, whatever the program above believes.
        CONSTRAINT fk_rating_override_event_hands FOREIGN KEY
            (override_id, proposed_by, second_needed)
            REFERENCES rating_override (override_id, proposed_by, second_needed),
        CONSTRAINT ck_rating_override_event_two CHECK (person_id <> proposed_by),
        CONSTRAINT ck_rating_override_event_second
            CHECK (kind <> 'confirmed' OR second_needed = (person_id IS NOT NULL))
    )
    """,
    """
    CREATE UNIQUE INDEX uq_rating_override_event_settled ON rating_override_event (override_id)
    WHERE kind <> 'voided'
    """,
    # What an analyst touched in a period, of which overrides are a share.
    """
    CREATE INDEX ix_case_event_person_id ON case_event (person_id, occurred_at)
    WHERE person_id <> 'system'
    """,
    """
    CREATE TRIGGER rating_override_append_only BEFORE UPDATE OR DELETE ON rating_override
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER rating_override_event_append_only BEFORE UPDATE OR DELETE ON rating_override_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
)
