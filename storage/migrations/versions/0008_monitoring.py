"""monitoring: warnings, looks at the book, reviews, collection cases and what happened to them."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in (*_WARNING, *_REVIEW, *_COLLECTION):
        op.execute(statement)


_WARNING = (
    """
    CREATE TABLE warning (
        warning_id text CONSTRAINT pk_warning PRIMARY KEY,
        customer_id text NOT NULL
            CONSTRAINT fk_warning_customer_id REFERENCES customer (customer_id),
        rule text NOT NULL,
        level text NOT NULL
            CONSTRAINT ck_warning_level CHECK (level IN ('yellow', 'orange', 'red')),
        freezes boolean NOT NULL,
        signal jsonb NOT NULL,
        evidence jsonb NOT NULL,
        owner text NOT NULL,
        status text NOT NULL CONSTRAINT ck_warning_status CHECK (status IN ('open', 'closed')),
        raised_on date NOT NULL,
        seen_on date NOT NULL,
        closed_on date,
        close_code text NOT NULL DEFAULT '',
        lifted_on date,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT ck_warning_closed CHECK ((status = 'closed') = (closed_on IS NOT NULL)),
        CONSTRAINT ck_warning_lifted CHECK (lifted_on IS NULL OR (freezes AND status = 'closed'))
    )
    """,
    # A rule warns of a customer once, for as long as it fires.
    """
    CREATE UNIQUE INDEX uq_warning_customer_id_rule
        ON warning (customer_id, rule) WHERE status = 'open'
    """,
    "CREATE INDEX ix_warning_customer_id ON warning (customer_id, raised_on)",
    "CREATE INDEX ix_warning_level ON warning (level, warning_id) WHERE status = 'open'",
    """
    CREATE INDEX ix_warning_frozen ON warning (customer_id)
        WHERE freezes AND status = 'closed' AND lifted_on IS NULL
    """,
    """
    CREATE TABLE monitoring_run (
        run_id text CONSTRAINT pk_monitoring_run PRIMARY KEY,
        business_on date NOT NULL,
        partial boolean NOT NULL,
        tally jsonb NOT NULL,
        pages integer NOT NULL,
        after text,
        finished boolean NOT NULL,
        started_at timestamptz NOT NULL DEFAULT now(),
        finished_at timestamptz
    )
    """,
    "CREATE INDEX ix_monitoring_run_started_at ON monitoring_run (started_at)",
)

_REVIEW = (
    """
    CREATE TABLE review (
        review_id text CONSTRAINT pk_review PRIMARY KEY,
        line_id text NOT NULL,
        customer_id text NOT NULL
            CONSTRAINT fk_review_customer_id REFERENCES customer (customer_id),
        n integer NOT NULL,
        causes jsonb NOT NULL,
        due_on date NOT NULL,
        status text NOT NULL CONSTRAINT ck_review_status CHECK (
            status IN ('open', 'in_approval', 'concluded', 'overruled', 'lapsed', 'stopped')),
        proposal jsonb,
        pack jsonb,
        letter_no text CONSTRAINT fk_review_letter_no REFERENCES letter (letter_no),
        limit_minor bigint,
        currency text,
        next_due_on date,
        opened_on date NOT NULL,
        closed_on date,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_review_line_id_n UNIQUE (line_id, n),
        CONSTRAINT ck_review_closed
            CHECK ((status IN ('open', 'in_approval')) = (closed_on IS NULL))
    )
    """,
    "CREATE UNIQUE INDEX uq_review_line_id ON review (line_id) WHERE closed_on IS NULL",
    "CREATE INDEX ix_review_customer_id ON review (customer_id, opened_on)",
)

_COLLECTION = (
    """
    CREATE TABLE collection_case (
        collection_id text CONSTRAINT pk_collection_case PRIMARY KEY,
        customer_id text NOT NULL
            CONSTRAINT fk_collection_case_customer_id REFERENCES customer (customer_id),
        owner text NOT NULL,
        status text NOT NULL
            CONSTRAINT ck_collection_case_status CHECK (status IN ('open', 'paid', 'closed')),
        opened_on date NOT NULL,
        arrears jsonb NOT NULL,
        steps_done jsonb NOT NULL DEFAULT '[]',
        promised_on date,
        closed_on date,
        close_reason text NOT NULL DEFAULT '',
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT ck_collection_case_closed
            CHECK ((status = 'open') = (closed_on IS NULL))
    )
    """,
    """
    CREATE UNIQUE INDEX uq_collection_case_customer_id
        ON collection_case (customer_id) WHERE status = 'open'
    """,
    "CREATE INDEX ix_collection_case_opened_on ON collection_case (opened_on, collection_id)",
    """
    CREATE TABLE collection_event (
        event_no bigint GENERATED ALWAYS AS IDENTITY
            CONSTRAINT pk_collection_event PRIMARY KEY,
        collection_id text NOT NULL CONSTRAINT fk_collection_event_collection_id
            REFERENCES collection_case (collection_id),
        kind text NOT NULL,
        key text NOT NULL,
        business_on date NOT NULL,
        facts jsonb NOT NULL,
        person_id text NOT NULL,
        occurred_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_collection_event_key UNIQUE (collection_id, key)
    )
    """,
    """
    CREATE TRIGGER collection_event_append_only BEFORE UPDATE OR DELETE ON collection_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
)
