"""party: owners, controllers and guarantors, and the links between them and our customers."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    op.execute(
        """
        CREATE TABLE party (
            party_id text CONSTRAINT pk_party PRIMARY KEY,
            name text NOT NULL,
            kind text NOT NULL,
            recorded_by text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT ck_party_kind CHECK (kind IN ('company', 'person', 'arrangement'))
        )
        """
    )
    op.execute(
        """
        CREATE TABLE party_link (
            link_id text,
            version integer,
            kind text NOT NULL,
            holder text NOT NULL,
            subject text NOT NULL,
            content jsonb NOT NULL,
            recorded_by text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_party_link PRIMARY KEY (link_id, version),
            CONSTRAINT ck_party_link_kind CHECK (kind IN ('owns', 'controls', 'guarantees')),
            CONSTRAINT ck_party_link_two CHECK (holder <> subject),
            CONSTRAINT ck_party_link_version CHECK (version >= 1)
        )
        """
    )
    op.execute("CREATE INDEX ix_party_link_holder ON party_link (holder)")
    op.execute("CREATE INDEX ix_party_link_subject ON party_link (subject)")
    for table in ("party", "party_link"):
        op.execute(
            f"""
            CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """
        )
