"""investigation: who investigates a case, what they found, and the reports they signed."""

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in _TABLES:
        op.execute(statement)
    for table in _KEPT:
        op.execute(
            f"""
            CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """
        )


_KEPT = (
    "investigation_assignment",
    "investigation_finding",
    "investigation_report",
    "investigation_signature",
)

_TABLES = (
    """
    CREATE TABLE investigation_assignment (
        case_id text,
        version integer,
        lead text NOT NULL,
        second text NOT NULL,
        reason text NOT NULL,
        assigned_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_investigation_assignment PRIMARY KEY (case_id, version),
        CONSTRAINT ck_investigation_assignment_two CHECK (lead <> second),
        CONSTRAINT ck_investigation_assignment_version CHECK (version >= 1),
        CONSTRAINT ck_investigation_assignment_reason CHECK (version = 1 OR reason <> '')
    )
    """,
    "CREATE INDEX ix_investigation_assignment_lead ON investigation_assignment (lead)",
    "CREATE INDEX ix_investigation_assignment_second ON investigation_assignment (second)",
    """
    CREATE TABLE investigation_finding (
        case_id text,
        kind text,
        code text,
        version integer,
        content jsonb NOT NULL,
        recorded_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_investigation_finding PRIMARY KEY (case_id, kind, code, version),
        CONSTRAINT ck_investigation_finding_kind
            CHECK (kind IN ('answer', 'visit', 'statement', 'proposal')),
        CONSTRAINT ck_investigation_finding_version CHECK (version >= 1)
    )
    """,
    """
    CREATE TABLE investigation_report (
        case_id text,
        report_hash text,
        content jsonb NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_investigation_report PRIMARY KEY (case_id, report_hash),
        CONSTRAINT ck_investigation_report_hash CHECK (report_hash ~ '^[0-9a-f]{64}$')
    )
    """,
    # Two names, one of them the signer's: whoever counts two signers has two people.
    """
    CREATE TABLE investigation_signature (
        case_id text,
        report_hash text,
        person_id text,
        signed_on date,
        lead text NOT NULL,
        second text NOT NULL,
        signed_at timestamptz NOT NULL,
        CONSTRAINT pk_investigation_signature
            PRIMARY KEY (case_id, report_hash, person_id, signed_on),
        CONSTRAINT fk_investigation_signature_report FOREIGN KEY (case_id, report_hash)
            REFERENCES investigation_report (case_id, report_hash),
        CONSTRAINT ck_investigation_signature_two CHECK (lead <> second),
        CONSTRAINT ck_investigation_signature_hand CHECK (person_id IN (lead, second))
    )
    """,
)
