"""classification: runs over the book, every customer's class, and the losses posted for it."""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in _TABLES:
        op.execute(statement)
    for table in ("customer_class", "loss_entry", "classification_failure"):
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


_TABLES = (
    """
    CREATE TABLE classification_run (
        run_id text CONSTRAINT pk_classification_run PRIMARY KEY,
        as_of date NOT NULL,
        started_by text NOT NULL,
        seen integer NOT NULL DEFAULT 0,
        changed integer NOT NULL DEFAULT 0,
        unchanged integer NOT NULL DEFAULT 0,
        failed integer NOT NULL DEFAULT 0,
        entries integer NOT NULL DEFAULT 0,
        pages integer NOT NULL DEFAULT 0,
        after text,
        finished boolean NOT NULL DEFAULT false,
        started_at timestamptz NOT NULL,
        finished_at timestamptz,
        CONSTRAINT ck_classification_run_adds_up CHECK (seen = changed + unchanged + failed)
    )
    """,
    "CREATE INDEX ix_classification_run_as_of ON classification_run (as_of)",
    "CREATE INDEX ix_classification_run_started_at ON classification_run (started_at)",
    """
    CREATE TABLE classification_failure (
        run_id text NOT NULL CONSTRAINT fk_classification_failure_run_id
            REFERENCES classification_run,
        customer_id text NOT NULL,
        code text NOT NULL,
        CONSTRAINT pk_classification_failure PRIMARY KEY (run_id, customer_id)
    )
    """,
    # As of a day the newest row up to it counts, of the same day the one with the highest number.
    """
    CREATE TABLE customer_class (
        customer_id text NOT NULL
            CONSTRAINT fk_customer_class_customer_id REFERENCES customer,
        as_of date NOT NULL,
        n integer NOT NULL CONSTRAINT ck_customer_class_n CHECK (n >= 1),
        tier text NOT NULL CONSTRAINT ck_customer_class_tier CHECK (tier IN
            ('normal', 'special_mention', 'substandard', 'doubtful', 'loss')),
        tier_since date NOT NULL,
        stage integer NOT NULL CONSTRAINT ck_customer_class_stage CHECK (stage IN (1, 2, 3)),
        reasons jsonb NOT NULL,
        grade text NOT NULL,
        grade_origin text NOT NULL,
        overdue_since date,
        currency text NOT NULL,
        used_minor bigint NOT NULL,
        unused_minor bigint NOT NULL,
        receivables_minor bigint NOT NULL,
        amounts jsonb NOT NULL,
        edition_hash text NOT NULL,
        run_id text NOT NULL CONSTRAINT fk_customer_class_run_id REFERENCES classification_run,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_customer_class PRIMARY KEY (customer_id, as_of, n),
        CONSTRAINT ck_customer_class_since CHECK (tier_since <= as_of AND overdue_since < as_of)
    )
    """,
    # The allowance as of a day is the sum of what was posted for the days up to it.
    """
    CREATE TABLE loss_entry (
        customer_id text NOT NULL CONSTRAINT fk_loss_entry_customer_id REFERENCES customer,
        portfolio text NOT NULL
            CONSTRAINT ck_loss_entry_portfolio CHECK (portfolio IN ('line', 'receivables')),
        n integer NOT NULL CONSTRAINT ck_loss_entry_n CHECK (n >= 1),
        period_on date NOT NULL,
        currency text NOT NULL,
        delta_minor bigint NOT NULL CONSTRAINT ck_loss_entry_delta CHECK (delta_minor <> 0),
        allowance_minor bigint NOT NULL
            CONSTRAINT ck_loss_entry_allowance CHECK (allowance_minor >= 0),
        loss jsonb NOT NULL,
        edition_hash text NOT NULL,
        run_id text NOT NULL CONSTRAINT fk_loss_entry_run_id REFERENCES classification_run,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_loss_entry PRIMARY KEY (customer_id, portfolio, n)
    )
    """,
    "CREATE INDEX ix_loss_entry_period_on ON loss_entry (customer_id, period_on)",
)
