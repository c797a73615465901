"""insurance: insurances, the insurers' limits on our customers, what was shipped, and what was missed."""

from alembic import op

revision = "0051"
down_revision = "0050"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in _TABLES:
        op.execute(statement)
    for table in (
        "insurance_record",
        "insurance_version",
        "insurance_check",
        "insurance_shipment",
        "insurance_event",
        "insurance_finding",
        "insurance_finding_end",
    ):
        op.execute(
            f"""
            CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """
        )


_TABLES = (
    # An insurance, or the insurer's limit on a buyer under one; what is said of either is versions.
    """
    CREATE TABLE insurance_record (
        record_id text CONSTRAINT pk_insurance_record PRIMARY KEY,
        insurance_id text CONSTRAINT fk_insurance_record_insurance_id REFERENCES insurance_record,
        customer_id text CONSTRAINT fk_insurance_record_customer_id
            REFERENCES customer (customer_id),
        insurer text,
        policy_no text,
        currency text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_insurance_record_policy UNIQUE (insurer, policy_no),
        CONSTRAINT uq_insurance_record_buyer UNIQUE (insurance_id, customer_id),
        CONSTRAINT ck_insurance_record_form CHECK (
            num_nulls(insurance_id, customer_id) IN (0, 2)
            AND num_nulls(insurer, policy_no) IN (0, 2)
            AND (insurance_id IS NULL) <> (insurer IS NULL))
    )
    """,
    "CREATE INDEX ix_insurance_record_customer_id ON insurance_record (customer_id)",
    """
    CREATE TABLE insurance_version (
        record_id text CONSTRAINT fk_insurance_version_record_id REFERENCES insurance_record,
        version integer,
        content jsonb NOT NULL,
        needs_check boolean NOT NULL,
        recorded_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_insurance_version PRIMARY KEY (record_id, version),
        CONSTRAINT uq_insurance_version_recorded_by UNIQUE (record_id, version, recorded_by),
        CONSTRAINT ck_insurance_version_version CHECK (version >= 1)
    )
    """,
    # Who recorded the version is part of its key here, so that no road leads round the second pair
    # of eyes.
    """
    CREATE TABLE insurance_check (
        record_id text,
        version integer,
        recorded_by text NOT NULL,
        checked_by text NOT NULL,
        confirmed boolean NOT NULL,
        note text NOT NULL DEFAULT '',
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_insurance_check PRIMARY KEY (record_id, version),
        CONSTRAINT fk_insurance_check_version FOREIGN KEY (record_id, version, recorded_by)
            REFERENCES insurance_version (record_id, version, recorded_by),
        CONSTRAINT ck_insurance_check_two CHECK (checked_by <> recorded_by)
    )
    """,
    """
    CREATE TABLE insurance_shipment (
        limit_id text CONSTRAINT fk_insurance_shipment_limit_id REFERENCES insurance_record,
        shipment_no text,
        seq bigint GENERATED ALWAYS AS IDENTITY,
        amount_minor bigint NOT NULL,
        shipped_on date NOT NULL,
        terms_days integer NOT NULL,
        due_on date NOT NULL,
        declared_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_insurance_shipment PRIMARY KEY (limit_id, shipment_no),
        CONSTRAINT ck_insurance_shipment_amount CHECK (amount_minor > 0),
        CONSTRAINT ck_insurance_shipment_due_on CHECK (due_on >= shipped_on)
    )
    """,
    """
    CREATE TABLE insurance_event (
        limit_id text,
        event_no text,
        shipment_no text NOT NULL,
        seq bigint GENERATED ALWAYS AS IDENTITY,
        kind text NOT NULL,
        happened_on date NOT NULL,
        amount_minor bigint,
        note text NOT NULL DEFAULT '',
        reported_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_insurance_event PRIMARY KEY (limit_id, event_no),
        CONSTRAINT fk_insurance_event_shipment FOREIGN KEY (limit_id, shipment_no)
            REFERENCES insurance_shipment (limit_id, shipment_no),
        CONSTRAINT ck_insurance_event_kind CHECK
            (kind IN ('paid', 'disputed', 'settled', 'notice_given', 'claimed')),
        CONSTRAINT ck_insurance_event_amount CHECK
            (CASE kind WHEN 'paid' THEN amount_minor IS NOT NULL AND amount_minor > 0
                ELSE amount_minor IS NULL END)
    )
    """,
    # A deadline is missed once, whatever is reported of it afterwards.
    """
    CREATE TABLE insurance_finding (
        finding_id text CONSTRAINT pk_insurance_finding PRIMARY KEY,
        limit_id text NOT NULL,
        shipment_no text NOT NULL,
        kind text NOT NULL CONSTRAINT ck_insurance_finding_kind CHECK (kind IN ('notice', 'claim')),
        due_on date NOT NULL,
        found_on date NOT NULL,
        owner text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_insurance_finding_deadline UNIQUE (limit_id, shipment_no, kind),
        CONSTRAINT fk_insurance_finding_shipment FOREIGN KEY (limit_id, shipment_no)
            REFERENCES insurance_shipment (limit_id, shipment_no),
        CONSTRAINT ck_insurance_finding_due_on CHECK (found_on > due_on)
    )
    """,
    """
    CREATE TABLE insurance_finding_end (
        finding_id text CONSTRAINT pk_insurance_finding_end PRIMARY KEY
            CONSTRAINT fk_insurance_finding_end_finding_id REFERENCES insurance_finding,
        closed_by text NOT NULL,
        closed_on date NOT NULL,
        note text NOT NULL CONSTRAINT ck_insurance_finding_end_note CHECK (note <> ''),
        recorded_at timestamptz NOT NULL DEFAULT now()
    )
    """,
)
