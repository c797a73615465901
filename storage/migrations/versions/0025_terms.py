"""terms: the register of cover, terms that orders are held to, and interest on what is late."""

from alembic import op

revision = "0025"
down_revision = "0014"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    _cover()


def _cover() -> None:
    # What a cover is, whose and in which currency never changes; the rest is a version of it.
    op.execute(
        """
        CREATE TABLE cover (
            cover_id text CONSTRAINT pk_cover PRIMARY KEY,
            kind text NOT NULL,
            owner text NOT NULL,
            currency text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT ck_cover_kind CHECK
                (kind IN ('guarantee', 'mortgage', 'pledge', 'deposit', 'insurance'))
        )
        """
    )
    op.execute("CREATE INDEX ix_cover_owner ON cover (owner)")
    op.execute(
        """
        CREATE TABLE cover_version (
            cover_id text CONSTRAINT fk_cover_version_cover_id REFERENCES cover,
            version integer,
            content jsonb NOT NULL,
            needs_check boolean NOT NULL,
            recorded_by text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_cover_version PRIMARY KEY (cover_id, version),
            CONSTRAINT uq_cover_version_recorded_by UNIQUE (cover_id, version, recorded_by),
            CONSTRAINT ck_cover_version_version CHECK (version >= 1)
        )
        """
    )
    op.execute(
        "CREATE INDEX ix_cover_version_uses ON cover_version"
        " USING gin ((content -> 'uses') jsonb_path_ops)"
    )
    # Who recorded the version is part of its key here, so that no road leads round the second pair
    # of eyes.
    op.execute(
        """
        CREATE TABLE cover_check (
            cover_id text,
            version integer,
            recorded_by text NOT NULL,
            checked_by text NOT NULL,
            confirmed boolean NOT NULL,
            note text NOT NULL DEFAULT '',
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_cover_check PRIMARY KEY (cover_id, version),
            CONSTRAINT fk_cover_check_version FOREIGN KEY (cover_id, version, recorded_by)
                REFERENCES cover_version (cover_id, version, recorded_by),
            CONSTRAINT ck_cover_check_two CHECK (checked_by <> recorded_by)
        )
        """
    )
    for table in ("cover", "cover_version", "cover_check"):
        op.execute(
            f"""
            CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """
        )
