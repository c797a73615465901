"""webhook: events in one order per subject, who is told of them, and who may tell us."""

from alembic import op

revision = "0049"
down_revision = "0048"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in (*_EVENTS, *_ENDPOINTS, *_DELIVERIES, _POST, *_SOURCES):
        op.execute(statement)
    for table in ("event_stream", "webhook_attempt", "webhook_change"):
        op.execute(
            f"""
            CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """
        )


_EVENTS = (
    """
    CREATE TABLE event_subject (
        subject_kind text NOT NULL,
        subject_id text NOT NULL,
        last bigint NOT NULL,
        CONSTRAINT pk_event_subject PRIMARY KEY (subject_kind, subject_id)
    )
    """,
    # `data` is text: what was signed once is sent as the same bytes for ever.
    """
    CREATE TABLE event_stream (
        event_no bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_event_stream PRIMARY KEY,
        event_id text NOT NULL CONSTRAINT uq_event_stream_event_id UNIQUE,
        key text NOT NULL CONSTRAINT uq_event_stream_key UNIQUE,
        kind text NOT NULL,
        subject_kind text NOT NULL,
        subject_id text NOT NULL,
        sequence bigint NOT NULL,
        data text NOT NULL CONSTRAINT ck_event_stream_data CHECK (data IS JSON OBJECT),
        occurred_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_event_stream_sequence UNIQUE (subject_kind, subject_id, sequence)
    )
    """,
    "CREATE INDEX ix_event_stream_occurred_at ON event_stream (occurred_at, event_no)",
)

_ENDPOINTS = (
    """
    CREATE TABLE webhook_endpoint (
        endpoint_id text CONSTRAINT pk_webhook_endpoint PRIMARY KEY,
        url text NOT NULL,
        description text NOT NULL,
        kinds jsonb NOT NULL,
        status text NOT NULL CONSTRAINT ck_webhook_endpoint_status
            CHECK (status IN ('active', 'paused', 'disabled')),
        status_reason text NOT NULL DEFAULT '',
        failing_since timestamptz,
        version integer NOT NULL DEFAULT 1,
        recorded_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    # Of endpoints and of sources alike; sealed with the key that payloads are encrypted with.
    """
    CREATE TABLE webhook_secret (
        secret_no bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_webhook_secret PRIMARY KEY,
        owner_kind text NOT NULL CONSTRAINT ck_webhook_secret_owner_kind
            CHECK (owner_kind IN ('endpoint', 'source')),
        owner_id text NOT NULL,
        sealed text NOT NULL,
        ends_at timestamptz,
        recorded_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE webhook_change (
        change_no bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_webhook_change PRIMARY KEY,
        owner_kind text NOT NULL,
        owner_id text NOT NULL,
        act text NOT NULL,
        content jsonb NOT NULL,
        person_id text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX ix_webhook_change_owner_id ON webhook_change (owner_id, change_no)",
    "CREATE INDEX ix_webhook_secret_owner ON webhook_secret (owner_kind, owner_id, secret_no)",
)

_DELIVERIES = (
    """
    CREATE TABLE webhook_delivery (
        delivery_no bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_webhook_delivery PRIMARY KEY,
        endpoint_id text NOT NULL
            CONSTRAINT fk_webhook_delivery_endpoint_id REFERENCES webhook_endpoint,
        event_no bigint NOT NULL CONSTRAINT fk_webhook_delivery_event_no REFERENCES event_stream,
        subject text NOT NULL,
        status text NOT NULL DEFAULT 'pending' CONSTRAINT ck_webhook_delivery_status
            CHECK (status IN ('pending', 'delivered', 'given_up')),
        attempts integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz NOT NULL,
        first_failed_at timestamptz,
        answer_status integer,
        last_error text NOT NULL DEFAULT '',
        delivered_at timestamptz,
        CONSTRAINT uq_webhook_delivery UNIQUE (endpoint_id, event_no)
    )
    """,
    # What is owed stays small however old the book is, and is looked for by the order of a subject.
    """
    CREATE INDEX ix_webhook_delivery_due ON webhook_delivery (next_attempt_at, event_no)
        WHERE status = 'pending'
    """,
    """
    CREATE INDEX ix_webhook_delivery_order ON webhook_delivery (endpoint_id, subject, event_no)
        WHERE status = 'pending'
    """,
    """
    CREATE TABLE webhook_attempt (
        attempt_no bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_webhook_attempt PRIMARY KEY,
        delivery_no bigint NOT NULL
            CONSTRAINT fk_webhook_attempt_delivery_no REFERENCES webhook_delivery,
        attempted_at timestamptz NOT NULL,
        answer_status integer,
        duration_ms integer NOT NULL,
        error text NOT NULL,
        answer text NOT NULL
    )
    """,
    "CREATE INDEX ix_webhook_attempt_delivery_no ON webhook_attempt (delivery_no, attempt_no)",
)

# Numbers are taken under the lock of the subject, which ends with the transaction: a later number of
# a subject is never seen before an earlier one. An event under its key already takes none.
_POST = """
    CREATE FUNCTION event_post(events json) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        e record;
        number bigint;
        written bigint;
        owed boolean := false;
    BEGIN
        FOR e IN
            SELECT * FROM json_to_recordset(events) AS t (
                event_id text, key text, kind text, subject_kind text, subject_id text, data text,
                occurred_at timestamptz)
        LOOP
            INSERT INTO event_subject AS s (subject_kind, subject_id, last)
            VALUES (e.subject_kind, e.subject_id, 0)
            ON CONFLICT (subject_kind, subject_id) DO UPDATE SET last = s.last
            RETURNING last INTO number;
            CONTINUE WHEN EXISTS (SELECT FROM event_stream x WHERE x.key = e.key);
            INSERT INTO event_stream
                (event_id, key, kind, subject_kind, subject_id, sequence, data, occurred_at)
            VALUES (e.event_id, e.key, e.kind, e.subject_kind, e.subject_id, number + 1, e.data,
                e.occurred_at)
            RETURNING event_no INTO written;
            UPDATE event_subject s SET last = number + 1
            WHERE s.subject_kind = e.subject_kind AND s.subject_id = e.subject_id;
            INSERT INTO webhook_delivery (endpoint_id, event_no, subject, next_attempt_at)
            SELECT p.endpoint_id, written, e.subject_kind || '/' || e.subject_id, e.occurred_at
            FROM webhook_endpoint p
            WHERE p.status <> 'disabled' AND CASE WHEN e.subject_kind = 'endpoint'
                THEN p.endpoint_id = e.subject_id
                ELSE p.kinds = '[]' OR p.kinds ? e.kind END;
            owed := owed OR FOUND;
        END LOOP;
        IF owed THEN
            PERFORM pg_notify('outbox_webhook', '');
        END IF;
    END
    $$
"""

_SOURCES = (
    """
    CREATE TABLE hook_source (
        source_id text CONSTRAINT pk_hook_source PRIMARY KEY,
        person_id text NOT NULL CONSTRAINT fk_hook_source_person_id REFERENCES person,
        description text NOT NULL,
        status text NOT NULL CONSTRAINT ck_hook_source_status
            CHECK (status IN ('active', 'disabled')),
        recorded_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now()
    )
    """,
)
