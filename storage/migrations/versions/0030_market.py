"""market: re-rating of some industries alone, and classes set by hand beside those by rule.

A class set by hand is a row and its end further rows; that a better one is confirmed, and a worse one
taken back, by somebody else than set it, is held here whatever the program above believes.
"""

from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Add what both need; written without importing our code."""
    op.execute("ALTER TABLE rerating_run ADD COLUMN industries text[] NOT NULL DEFAULT '{}'")
    op.execute("ALTER TABLE rerating_line ADD COLUMN asks_review boolean NOT NULL DEFAULT false")
    op.execute("ALTER TABLE customer_class ADD COLUMN ruled jsonb")
    op.execute("ALTER TABLE customer_class ADD COLUMN tier_least text")
    op.execute("ALTER TABLE customer_class ADD COLUMN manual_id text")
    for statement in _MANUAL:
        op.execute(statement)
    for table in ("manual_class", "manual_class_event"):
        op.execute(
            f"""
            CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """
        )
        op.execute(
            f"""
            CREATE TRIGGER refuse_emptying BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
            """
        )


_MANUAL = (
    """
    CREATE TABLE manual_class (
        manual_id text CONSTRAINT pk_manual_class PRIMARY KEY,
        customer_id text NOT NULL CONSTRAINT fk_manual_class_customer_id REFERENCES customer,
        tier text NOT NULL CONSTRAINT ck_manual_class_tier CHECK (tier IN
            ('normal', 'special_mention', 'substandard', 'doubtful', 'loss')),
        tier_before text NOT NULL,
        tier_by_rule text NOT NULL,
        reason text NOT NULL,
        note text NOT NULL,
        from_on date NOT NULL,
        until_on date NOT NULL,
        second_needed boolean NOT NULL,
        edition_hash text NOT NULL,
        proposed_by text NOT NULL,
        proposed_on date NOT NULL,
        proposed_at timestamptz NOT NULL,
        CONSTRAINT ck_manual_class_days CHECK (proposed_on <= from_on AND from_on <= until_on),
        -- Whatever is better than what counted, or than the rules say, waits for a second person.
        CONSTRAINT ck_manual_class_second CHECK (second_needed OR (
            array_position(ARRAY['normal', 'special_mention', 'substandard', 'doubtful', 'loss'], tier)
            >= greatest(
                array_position(
                    ARRAY['normal', 'special_mention', 'substandard', 'doubtful', 'loss'],
                    tier_before),
                array_position(
                    ARRAY['normal', 'special_mention', 'substandard', 'doubtful', 'loss'],
                    tier_by_rule)))),
        CONSTRAINT uq_manual_class_hands UNIQUE (manual_id, proposed_by, second_needed)
    )
    """,
    "CREATE INDEX ix_manual_class_customer_id ON manual_class (customer_id)",
    """
    CREATE TABLE manual_class_event (
        manual_id text NOT NULL,
        kind text NOT NULL CONSTRAINT ck_manual_class_event_kind
            CHECK (kind IN ('confirmed', 'declined', 'taken_back')),
        proposed_by text NOT NULL,
        second_needed boolean NOT NULL,
        person_id text NOT NULL,
        note text NOT NULL,
        business_on date NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_manual_class_event PRIMARY KEY (manual_id, kind),
        -- The hands are those of the class itself.
        CONSTRAINT fk_manual_class_event_hands FOREIGN KEY (manual_id, proposed_by, second_needed)
            REFERENCES manual_class (manual_id, proposed_by, second_needed),
        CONSTRAINT ck_manual_class_event_second
            CHECK (kind = 'taken_back' OR (second_needed AND person_id <> proposed_by)),
        -- Without a worse class the customer stands better: that is nobody's alone either.
        CONSTRAINT ck_manual_class_event_back
            CHECK (kind <> 'taken_back' OR second_needed OR person_id <> proposed_by)
    )
    """,
    """
    CREATE UNIQUE INDEX uq_manual_class_event_settled ON manual_class_event (manual_id)
    WHERE kind <> 'taken_back'
    """,
)
