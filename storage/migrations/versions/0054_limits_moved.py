"""lines: freezes of one product, cuts of idle limits by one decision, limit moved between lines."""

from alembic import op

revision = "0054"
down_revision = "0052"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in _FREEZES + _TABLES:
        op.execute(statement)
    for table in ("reclaim", "reclaim_settlement", "reclaim_line", "limit_move", "limit_move_end"):
        op.execute(
            f"""
            CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """
        )


_FREEZES = (
    "ALTER TABLE line_freeze ADD COLUMN product text",
    "DROP INDEX uq_line_freeze_reason",
    """
    CREATE UNIQUE INDEX uq_line_freeze_reason ON line_freeze
        (line_id, reason, coalesce(product, '')) WHERE lifted_at IS NULL
    """,
)
_TABLES = (
    # A list of lines whose idle limit is proposed for a cut; its approvers decide on it as one.
    """
    CREATE TABLE reclaim (
        reclaim_id text CONSTRAINT pk_reclaim PRIMARY KEY,
        asked_by text NOT NULL,
        asked_at timestamptz NOT NULL,
        asked_on date NOT NULL,
        request jsonb NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_reclaim_asked_by UNIQUE (reclaim_id, asked_by)
    )
    """,
    "CREATE INDEX ix_reclaim_asked_at ON reclaim (asked_at, reclaim_id)",
    """
    CREATE TABLE reclaim_settlement (
        reclaim_id text CONSTRAINT pk_reclaim_settlement PRIMARY KEY
            CONSTRAINT fk_reclaim_settlement_reclaim_id REFERENCES reclaim,
        asked_by text NOT NULL,
        outcome text NOT NULL,
        settled_by text,
        settled_on date NOT NULL,
        settled_at timestamptz NOT NULL,
        letter_no text,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT fk_reclaim_settlement_asked_by FOREIGN KEY (reclaim_id, asked_by)
            REFERENCES reclaim (reclaim_id, asked_by),
        CONSTRAINT ck_reclaim_settlement_outcome
            CHECK (outcome IN ('approved', 'declined', 'lapsed')),
        CONSTRAINT ck_reclaim_settlement_hands CHECK (settled_by <> asked_by)
    )
    """,
    # What became of each line: left out by an approver, skipped for a reason, or cut to a limit.
    """
    CREATE TABLE reclaim_line (
        reclaim_id text CONSTRAINT fk_reclaim_line_reclaim_id REFERENCES reclaim,
        line_id text CONSTRAINT fk_reclaim_line_line_id REFERENCES credit_line,
        outcome text NOT NULL,
        reason text NOT NULL,
        said_by text NOT NULL,
        currency text NOT NULL,
        before_minor bigint NOT NULL,
        after_minor bigint NOT NULL,
        letter_no text,
        said_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_reclaim_line PRIMARY KEY (reclaim_id, line_id),
        CONSTRAINT ck_reclaim_line_outcome CHECK (outcome IN ('left_out', 'skipped', 'cut')),
        CONSTRAINT ck_reclaim_line_cut CHECK (after_minor >= 0 AND CASE outcome
            WHEN 'cut' THEN after_minor < before_minor AND letter_no IS NOT NULL
            ELSE after_minor = before_minor END)
    )
    """,
    "CREATE INDEX ix_reclaim_line_line_id ON reclaim_line (line_id)",
    """
    CREATE TABLE limit_move (
        move_id text CONSTRAINT pk_limit_move PRIMARY KEY,
        source_id text NOT NULL CONSTRAINT fk_limit_move_source_id REFERENCES credit_line,
        target_id text NOT NULL CONSTRAINT fk_limit_move_target_id REFERENCES credit_line,
        currency text NOT NULL,
        amount_minor bigint NOT NULL CONSTRAINT ck_limit_move_amount CHECK (amount_minor > 0),
        asked_by text NOT NULL,
        asked_at timestamptz NOT NULL,
        request jsonb NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_limit_move_asked_by UNIQUE (move_id, asked_by),
        CONSTRAINT ck_limit_move_lines CHECK (source_id <> target_id)
    )
    """,
    "CREATE INDEX ix_limit_move_source_id ON limit_move (source_id)",
    "CREATE INDEX ix_limit_move_target_id ON limit_move (target_id)",
    "CREATE INDEX ix_limit_move_asked_at ON limit_move (asked_at, move_id)",
    """
    CREATE TABLE limit_move_end (
        move_id text CONSTRAINT pk_limit_move_end PRIMARY KEY
            CONSTRAINT fk_limit_move_end_move_id REFERENCES limit_move,
        asked_by text NOT NULL,
        outcome text NOT NULL,
        settled_by text,
        settled_on date NOT NULL,
        settled_at timestamptz NOT NULL,
        letters text[] NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT fk_limit_move_end_asked_by FOREIGN KEY (move_id, asked_by)
            REFERENCES limit_move (move_id, asked_by),
        CONSTRAINT ck_limit_move_end_outcome CHECK (outcome IN ('moved', 'declined', 'lapsed')),
        CONSTRAINT ck_limit_move_end_hands CHECK (settled_by <> asked_by)
    )
    """,
)
