"""ratings: figures that analysts supplied for a case, and the second person's word on them."""

from alembic import op

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in _FIGURES:
        op.execute(statement)
    for table in ("analyst_figure", "analyst_figure_confirmation"):
        op.execute(
            f"""
            CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """
        )


_FIGURES = (
    """
    CREATE TABLE analyst_figure (
        case_id text NOT NULL,
        factor text NOT NULL,
        version integer NOT NULL CONSTRAINT ck_analyst_figure_version CHECK (version > 0),
        value numeric NOT NULL,
        reason text NOT NULL,
        evidence_hash text NOT NULL
            CONSTRAINT fk_analyst_figure_evidence_hash REFERENCES attachment (sha256),
        second_needed boolean NOT NULL,
        supplied_by text NOT NULL,
        supplied_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_analyst_figure PRIMARY KEY (case_id, factor, version),
        CONSTRAINT uq_analyst_figure_hands UNIQUE (case_id, factor, version, supplied_by)
    )
    """,
    """
    CREATE TABLE analyst_figure_confirmation (
        case_id text NOT NULL,
        factor text NOT NULL,
        version integer NOT NULL,
        supplied_by text NOT NULL,
        confirmed_by text NOT NULL,
        confirmed_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_analyst_figure_confirmation PRIMARY KEY (case_id, factor, version),
        -- The hands are those of the figure itself, whatever the program above believes.
        CONSTRAINT fk_analyst_figure_confirmation_hands
            FOREIGN KEY (case_id, factor, version, supplied_by)
            REFERENCES analyst_figure (case_id, factor, version, supplied_by),
        CONSTRAINT ck_analyst_figure_confirmation_two CHECK (confirmed_by <> supplied_by)
    )
    """,
)
