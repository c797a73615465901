"""excess: the plans by which what stands above a limit comes down, and other dates given to them."""

from alembic import op

revision = "0057"
down_revision = "0056"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in _STATEMENTS:
        op.execute(statement)
    for table in ("excess_event", "excess_dates", "excess_dates_answer"):
        op.execute(
            f"CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


_STATEMENTS = (
    """
    CREATE TABLE excess (
        excess_id text CONSTRAINT pk_excess PRIMARY KEY,
        account text NOT NULL,
        currency text NOT NULL,
        customer_id text
            CONSTRAINT fk_excess_customer_id REFERENCES customer (customer_id),
        group_id text,
        line_id text CONSTRAINT fk_excess_line_id REFERENCES credit_line (line_id),
        over_minor bigint NOT NULL CONSTRAINT ck_excess_over CHECK (over_minor >= 0),
        due_on date NOT NULL,
        status text NOT NULL
            CONSTRAINT ck_excess_status CHECK (status IN ('open', 'late', 'settled')),
        offset_days integer NOT NULL,
        version integer NOT NULL,
        body jsonb NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT ck_excess_whose CHECK ((customer_id IS NULL) <> (group_id IS NULL)),
        CONSTRAINT ck_excess_settled CHECK ((status = 'settled') = (over_minor = 0))
    )
    """,
    """
    CREATE UNIQUE INDEX uq_excess_account_open ON excess (account, currency)
        WHERE status <> 'settled'
    """,
    "CREATE INDEX ix_excess_due_on ON excess (due_on, excess_id)",
    "CREATE INDEX ix_excess_account ON excess (account)",
    "CREATE INDEX ix_excess_customer_id ON excess (customer_id)",
    "CREATE INDEX ix_excess_line_id ON excess (line_id)",
    """
    CREATE TABLE excess_event (
        excess_id text CONSTRAINT fk_excess_event_excess_id REFERENCES excess,
        version integer,
        acted_by text NOT NULL,
        acted_at timestamptz NOT NULL,
        body jsonb NOT NULL,
        CONSTRAINT pk_excess_event PRIMARY KEY (excess_id, version)
    )
    """,
    """
    CREATE TABLE excess_dates (
        dates_id text CONSTRAINT pk_excess_dates PRIMARY KEY,
        excess_id text NOT NULL CONSTRAINT fk_excess_dates_excess_id REFERENCES excess,
        steps jsonb NOT NULL,
        replaces jsonb NOT NULL,
        reason text NOT NULL,
        asked_by text NOT NULL,
        asked_on date NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_excess_dates_asked_by UNIQUE (dates_id, asked_by)
    )
    """,
    "CREATE INDEX ix_excess_dates_excess_id ON excess_dates (excess_id)",
    """
    CREATE TABLE excess_dates_answer (
        dates_id text CONSTRAINT pk_excess_dates_answer PRIMARY KEY,
        asked_by text NOT NULL,
        answered_by text NOT NULL,
        confirmed boolean NOT NULL,
        note text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT fk_excess_dates_answer_dates_id_asked_by FOREIGN KEY (dates_id, asked_by)
            REFERENCES excess_dates (dates_id, asked_by),
        CONSTRAINT ck_excess_dates_answer_hands CHECK (asked_by <> answered_by)
    )
    """,
    # Who waits for something to come free: orders of a customer and of its group, or of all; where
    # something was paid or came to nothing, orders with invoices; and plans. Null where nobody does, else the days
    # that their business day is off by.
    """
    CREATE FUNCTION recheck_waits(p_customer_id text, p_paid boolean) RETURNS integer
    LANGUAGE sql STABLE AS $$
        SELECT coalesce((SELECT s.offset_days FROM sales_order s
            WHERE (s.asked OR s.status IN ('held', 'released')
                    OR p_paid AND s.invoiced_minor > 0)
                AND (p_customer_id = '' OR s.customer_id = ANY (ARRAY(
                    SELECT unnest(customer_ids(p_customer_id))
                    UNION ALL
                    SELECT unnest(customer_ids(m.customer_id)) FROM customer c
                    JOIN customer m ON m.group_id = c.group_id
                    WHERE c.customer_id = customer_survivor(p_customer_id))))
            LIMIT 1), (SELECT e.offset_days FROM excess e
            WHERE e.status <> 'settled' AND (e.customer_id = ANY (customer_ids(p_customer_id))
                OR e.group_id = (SELECT c.group_id FROM customer c
                    WHERE c.customer_id = customer_survivor(p_customer_id)))
            LIMIT 1))
    $$
    """,
    # As `storage/recheck.py` owes it, in the transaction that frees.
    """
    CREATE FUNCTION exposure_freed(p_entry_id uuid, p_kind text, p_customer_id text)
    RETURNS void LANGUAGE sql AS $$
        INSERT INTO outbox (channel, key, recipient, kind, facts, content_hash)
        SELECT 'temporal', 'recheck/' || p_entry_id, p_entry_id, 'start_recheck',
            jsonb_build_object('run_id', p_entry_id, 'customer_id', p_customer_id,
                'cause', p_kind, 'offset_days', waits::text),
            encode(sha256(convert_to(p_entry_id::text, 'UTF8')), 'hex')
        FROM recheck_waits(p_customer_id, false) waits
        WHERE waits IS NOT NULL
        ON CONFLICT (channel, key) DO NOTHING
    $$
    """,
)
