"""uses: those asked for, what became of each, and what the ledger did for it. Only added to."""

from alembic import op

revision = "0052"
down_revision = "0051"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in (*_USES, *_HELD):
        op.execute(statement)
    for table in ("use_request", "use_step", "use_movement"):
        op.execute(
            f"""
            CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """
        )


_USES = (
    """
    CREATE TABLE use_request (
        use_id text CONSTRAINT pk_use_request PRIMARY KEY,
        line_id text NOT NULL CONSTRAINT fk_use_request_line_id REFERENCES credit_line,
        customer_id text NOT NULL,
        product text NOT NULL,
        currency text NOT NULL,
        amount_minor bigint NOT NULL CONSTRAINT ck_use_request_amount CHECK (amount_minor > 0),
        asked_by text NOT NULL,
        asked_at timestamptz NOT NULL,
        wait_until timestamptz NOT NULL,
        request jsonb NOT NULL,
        CONSTRAINT uq_use_request_asked_by UNIQUE (use_id, asked_by),
        CONSTRAINT ck_use_request_wait CHECK (wait_until > asked_at)
    )
    """,
    "CREATE INDEX ix_use_request_line_id ON use_request (line_id, asked_at)",
    "CREATE INDEX ix_use_request_customer_id ON use_request (customer_id, asked_at)",
    "CREATE INDEX ix_use_request_asked_at ON use_request (asked_at, use_id)",
    # Who asked is part of the key, so that no road leads round the second pair of eyes.
    """
    CREATE TABLE use_step (
        use_id text,
        seq integer CONSTRAINT ck_use_step_seq CHECK (seq BETWEEN 1 AND 2),
        asked_by text NOT NULL,
        status text NOT NULL CONSTRAINT ck_use_step_status CHECK (status IN ('approved',
            'declined', 'released', 'rejected', 'withdrawn', 'lapsed', 'refused')),
        person_id text NOT NULL,
        said_at timestamptz NOT NULL,
        business_on date NOT NULL,
        note text NOT NULL,
        checks jsonb NOT NULL,
        CONSTRAINT pk_use_step PRIMARY KEY (use_id, seq),
        CONSTRAINT fk_use_step_asked_by FOREIGN KEY (use_id, asked_by)
            REFERENCES use_request (use_id, asked_by),
        CONSTRAINT ck_use_step_two CHECK (person_id <> asked_by
            OR status NOT IN ('approved', 'declined', 'released', 'rejected')),
        CONSTRAINT ck_use_step_order CHECK (CASE seq
            WHEN 1 THEN status NOT IN ('released', 'rejected')
            ELSE status IN ('released', 'rejected', 'withdrawn', 'lapsed') END)
    )
    """,
    """
    CREATE TABLE use_movement (
        use_id text CONSTRAINT fk_use_movement_use_id REFERENCES use_request,
        kind text CONSTRAINT ck_use_movement_kind CHECK (kind IN ('reserve', 'commit', 'release')),
        entry_id text NOT NULL CONSTRAINT uq_use_movement_entry_id UNIQUE,
        posted_at timestamptz NOT NULL,
        CONSTRAINT pk_use_movement PRIMARY KEY (use_id, kind)
    )
    """,
    "CREATE UNIQUE INDEX uq_use_movement_end ON use_movement (use_id) WHERE kind <> 'reserve'",
)

# A reservation that a use holds is ended by what became of the use, under its keys, and by nothing
# else.
_HELD = (
    """
    CREATE FUNCTION exposure_use_holds() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        held text;
    BEGIN
        SELECT u.use_id INTO held FROM exposure_entry e JOIN use_request u
            ON u.use_id = split_part(e.key, '/', 1) AND e.key = u.use_id || '/reserve'
        WHERE e.entry_id = NEW.reservation_id;
        IF held IS NOT NULL AND NEW.key NOT IN (held || '/commit', held || '/release') THEN
            RAISE EXCEPTION 'held by a use' USING ERRCODE = 'CF052', DETAIL = held;
        END IF;
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER exposure_entry_use_holds BEFORE INSERT ON exposure_entry
    FOR EACH ROW WHEN (NEW.reservation_id IS NOT NULL AND NEW.kind IN ('commit', 'release'))
    EXECUTE FUNCTION exposure_use_holds()
    """,
)
