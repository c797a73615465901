"""application: first tables of this stage."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""

    for statement in (*_APPLICATION, *_EDITION):
        op.execute(statement)


_EDITION = (
    """
    CREATE TABLE policy_edition (
        publication_no bigint GENERATED ALWAYS AS IDENTITY,
        edition_hash text NOT NULL,
        name text NOT NULL,
        effective_on date NOT NULL,
        toml text NOT NULL,
        source text NOT NULL,
        published_by text NOT NULL,
        published_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_policy_edition PRIMARY KEY (publication_no),
        CONSTRAINT uq_policy_edition_edition_hash UNIQUE (edition_hash),
        CONSTRAINT ck_policy_edition_hash CHECK (edition_hash ~ '^[0-9a-f]{64}$')
    )
    """,
    "CREATE INDEX ix_policy_edition_effective_on ON policy_edition (effective_on, publication_no)",
    """
    CREATE TRIGGER policy_edition_append_only BEFORE UPDATE OR DELETE ON policy_edition
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
)

_APPLICATION = (
    """
    CREATE TABLE intake (
        case_id text CONSTRAINT pk_intake PRIMARY KEY,
        caller text NOT NULL,
        key text NOT NULL,
        body_hash text NOT NULL,
        body jsonb NOT NULL,
        subject_key text NOT NULL,
        business_on date NOT NULL,
        received_at timestamptz NOT NULL,
        started boolean NOT NULL DEFAULT false,
        closed_at timestamptz,
        CONSTRAINT uq_intake_caller_key UNIQUE (caller, key)
    )
    """,
    # One open case per customer and limit: a race of two keys is settled here.
    "CREATE UNIQUE INDEX uq_intake_open ON intake (subject_key) WHERE closed_at IS NULL",
    "CREATE INDEX ix_intake_unstarted ON intake (received_at) WHERE NOT started",
    """
    CREATE TABLE application (
        case_id text CONSTRAINT pk_application PRIMARY KEY
            CONSTRAINT fk_application_case_id REFERENCES intake,
        customer_id text NOT NULL,
        application_type text NOT NULL,
        limit_requested_minor bigint NOT NULL
            CONSTRAINT ck_application_amount CHECK (limit_requested_minor > 0),
        currency text NOT NULL,
        status text NOT NULL CONSTRAINT ck_application_status CHECK (status IN (
            'received', 'suspended', 'incomplete', 'assessed', 'in_approval', 'returned',
            'approved', 'contracting', 'conditions', 'active', 'refused', 'declined',
            'withdrawn', 'lapsed')),
        applicant text NOT NULL,
        last_editor text NOT NULL,
        edition_hash text NOT NULL,
        letter_no text,
        line_id text,
        submitted_at timestamptz NOT NULL,
        business_on date NOT NULL,
        ended_at timestamptz,
        version integer NOT NULL,
        body jsonb NOT NULL,
        missing jsonb NOT NULL,
        reason_codes jsonb NOT NULL
    )
    """,
    "CREATE INDEX ix_application_submitted_at ON application (submitted_at, case_id)",
    "CREATE INDEX ix_application_customer_id ON application (customer_id, submitted_at)",
    "CREATE INDEX ix_application_status ON application (status, submitted_at)",
    """
    CREATE TABLE case_event (
        event_no bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_case_event PRIMARY KEY,
        case_id text NOT NULL,
        kind text NOT NULL,
        person_id text NOT NULL,
        facts jsonb NOT NULL,
        message_id text CONSTRAINT uq_case_event_message_id UNIQUE,
        message_hash text NOT NULL,
        occurred_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX ix_case_event_case_id ON case_event (case_id, event_no)",
    """
    CREATE TABLE assessment (
        subject_id text NOT NULL,
        n integer NOT NULL,
        customer_id text NOT NULL,
        edition_hash text NOT NULL,
        grade text NOT NULL,
        receipt jsonb NOT NULL,
        receipt_hash text NOT NULL,
        recorded_at timestamptz NOT NULL,
        CONSTRAINT pk_assessment PRIMARY KEY (subject_id, n)
    )
    """,
    "CREATE INDEX ix_assessment_customer_id ON assessment (customer_id, recorded_at)",
    """
    CREATE TABLE screening (
        screening_no bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_screening PRIMARY KEY,
        customer_id text NOT NULL,
        case_id text,
        business_on date NOT NULL,
        outcome text NOT NULL CONSTRAINT ck_screening_outcome
            CHECK (outcome IN ('clear', 'stop', 'suspend', 'cleared', 'confirmed')),
        body jsonb NOT NULL,
        disposed_by text,
        reason text NOT NULL,
        recorded_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX ix_screening_customer_id ON screening (customer_id, screening_no)",
    "CREATE INDEX ix_screening_case_id ON screening (case_id)",
    # Nothing decided is deleted or edited; corrections are further records.
    """
    CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END
    $$
    """,
    """
    CREATE TRIGGER case_event_append_only BEFORE UPDATE OR DELETE ON case_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER assessment_append_only BEFORE UPDATE OR DELETE ON assessment
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
)
