"""re-rating: runs over the book, what each would do to every line, ratings, and the book's sums."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the tables of batch re-rating; written without importing our code."""
    for statement in _RERATING:
        op.execute(statement)


_RERATING = (
    """
    CREATE TABLE rerating_run (
        run_id text CONSTRAINT pk_rerating_run PRIMARY KEY,
        edition_hash text NOT NULL,
        business_on date NOT NULL,
        status text NOT NULL CONSTRAINT ck_rerating_run_status
            CHECK (status IN ('previewing', 'previewed', 'applying', 'applied')),
        moved integer NOT NULL DEFAULT 0,
        unmoved integer NOT NULL DEFAULT 0,
        failed integer NOT NULL DEFAULT 0,
        after text,
        preview_hash text,
        previewed_by text NOT NULL,
        applied_by text,
        started_at timestamptz NOT NULL DEFAULT now(),
        finished_at timestamptz,
        CONSTRAINT ck_rerating_run_hash CHECK (status = 'previewing' OR preview_hash IS NOT NULL),
        CONSTRAINT ck_rerating_run_hands CHECK (applied_by <> previewed_by)
    )
    """,
    """
    CREATE TABLE rerating_line (
        run_id text NOT NULL
            CONSTRAINT fk_rerating_line_run_id REFERENCES rerating_run (run_id),
        line_id text NOT NULL,
        customer_id text NOT NULL,
        outcome text NOT NULL CONSTRAINT ck_rerating_line_outcome
            CHECK (outcome IN ('moved', 'unmoved', 'failed')),
        grade_before text NOT NULL,
        grade text NOT NULL,
        score numeric,
        currency text NOT NULL,
        limit_before_minor bigint NOT NULL,
        limit_minor bigint,
        binding text NOT NULL,
        knock_outs text NOT NULL,
        failure text NOT NULL,
        CONSTRAINT pk_rerating_line PRIMARY KEY (run_id, line_id)
    )
    """,
    """
    CREATE TABLE line_rating (
        line_id text NOT NULL,
        run_id text NOT NULL,
        grade text NOT NULL,
        score numeric NOT NULL,
        rated_on date NOT NULL,
        valid_until date NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_line_rating PRIMARY KEY (line_id, run_id)
    )
    """,
    """
    CREATE TABLE book_share (
        scope text NOT NULL CONSTRAINT ck_book_share_scope
            CHECK (scope IN ('total', 'industry', 'region', 'grade')),
        name text NOT NULL,
        currency text NOT NULL,
        limit_minor bigint NOT NULL,
        as_of date NOT NULL,
        CONSTRAINT pk_book_share PRIMARY KEY (scope, name, currency)
    )
    """,
    "CREATE INDEX ix_line_rating_line_id ON line_rating (line_id, rated_on DESC)",
)
