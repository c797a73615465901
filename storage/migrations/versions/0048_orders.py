"""orders: sales orders as documents with their events, and holds as cases with theirs.

An order and a hold are as their newest event has them; the events are only added to. Nobody lifts a
hold they set by hand, and nobody decides on a release they asked for.
"""

from alembic import op

revision = "0048"
down_revision = "0047"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in (*_ORDERS, *_HOLDS, *_RELEASES, *_INDEXES):
        op.execute(statement)
    for table in ("order_event", "hold_event", "hold_release", "hold_release_settlement"):
        op.execute(
            f"""
            CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """
        )


_ORDERS = (
    """
    CREATE TABLE sales_order (
        order_id text CONSTRAINT pk_sales_order PRIMARY KEY,
        customer_id text NOT NULL CONSTRAINT fk_sales_order_customer_id REFERENCES customer,
        source text NOT NULL,
        order_no text NOT NULL,
        status text NOT NULL CONSTRAINT ck_sales_order_status CHECK (status IN ('asked', 'quoted',
            'open', 'held', 'released', 'delivered_part', 'delivered', 'invoiced', 'closed',
            'cancelled')),
        asked boolean NOT NULL,
        currency text NOT NULL,
        amount_minor bigint NOT NULL CONSTRAINT ck_sales_order_amount CHECK (amount_minor > 0),
        reserved_minor bigint NOT NULL
            CONSTRAINT ck_sales_order_reserved CHECK (reserved_minor >= 0),
        delivered_minor bigint NOT NULL CONSTRAINT ck_sales_order_delivered
            CHECK (delivered_minor BETWEEN 0 AND amount_minor),
        invoiced_minor bigint NOT NULL CONSTRAINT ck_sales_order_invoiced
            CHECK (invoiced_minor BETWEEN 0 AND delivered_minor),
        deliver_on date,
        enters_on date,
        line_id text,
        hold_id text,
        part_of text,
        placed_at timestamptz NOT NULL,
        placed_on date NOT NULL,
        offset_days integer NOT NULL DEFAULT 0,
        version integer NOT NULL,
        body jsonb NOT NULL,
        CONSTRAINT uq_sales_order_order_no UNIQUE (customer_id, source, order_no),
        CONSTRAINT ck_sales_order_held CHECK ((status = 'held') = (hold_id IS NOT NULL) OR asked)
    )
    """,
    """
    CREATE TABLE order_event (
        order_id text NOT NULL
            CONSTRAINT fk_order_event_order_id REFERENCES sales_order DEFERRABLE,
        version integer NOT NULL,
        act text NOT NULL,
        key text CONSTRAINT uq_order_event_key UNIQUE,
        said text,
        acted_by text NOT NULL,
        business_on date NOT NULL,
        acted_at timestamptz NOT NULL,
        note text NOT NULL,
        body jsonb NOT NULL,
        judged jsonb,
        CONSTRAINT pk_order_event PRIMARY KEY (order_id, version),
        CONSTRAINT ck_order_event_said CHECK ((key IS NULL) = (said IS NULL))
    )
    """,
)

_HOLDS = (
    """
    CREATE TABLE order_hold (
        hold_id text CONSTRAINT pk_order_hold PRIMARY KEY,
        holds text NOT NULL
            CONSTRAINT ck_order_hold_holds CHECK (holds IN ('order', 'customer', 'line')),
        subject_id text NOT NULL,
        customer_id text NOT NULL CONSTRAINT fk_order_hold_customer_id REFERENCES customer,
        line_id text,
        manual boolean NOT NULL,
        set_by text NOT NULL,
        status text NOT NULL CONSTRAINT ck_order_hold_status
            CHECK (status IN ('open', 'released', 'rejected', 'cured', 'cancelled')),
        ended_by text,
        owner text NOT NULL,
        due_at timestamptz NOT NULL,
        review_on date NOT NULL,
        opened_at timestamptz NOT NULL,
        rules jsonb NOT NULL,
        offset_days integer NOT NULL,
        version integer NOT NULL,
        body jsonb NOT NULL,
        CONSTRAINT ck_order_hold_ended CHECK ((status = 'open') = (ended_by IS NULL)),
        CONSTRAINT ck_order_hold_by_hand CHECK (NOT manual OR status <> 'cured'
            AND NOT (status = 'released' AND ended_by IN (set_by, 'system')))
    )
    """,
    """
    CREATE TABLE hold_event (
        hold_id text NOT NULL CONSTRAINT fk_hold_event_hold_id REFERENCES order_hold,
        version integer NOT NULL,
        acted_by text NOT NULL,
        acted_at timestamptz NOT NULL,
        body jsonb NOT NULL,
        CONSTRAINT pk_hold_event PRIMARY KEY (hold_id, version)
    )
    """,
)

_RELEASES = (
    """
    CREATE TABLE hold_release (
        release_id text CONSTRAINT pk_hold_release PRIMARY KEY,
        hold_id text NOT NULL CONSTRAINT fk_hold_release_hold_id REFERENCES order_hold,
        asked_by text NOT NULL,
        asked_at timestamptz NOT NULL,
        asked_on date NOT NULL,
        request jsonb NOT NULL,
        CONSTRAINT uq_hold_release_asked_by UNIQUE (release_id, asked_by)
    )
    """,
    # Who asked is part of the key, so that no road leads round the second pair of eyes.
    """
    CREATE TABLE hold_release_settlement (
        release_id text CONSTRAINT pk_hold_release_settlement PRIMARY KEY,
        asked_by text NOT NULL,
        outcome text NOT NULL CONSTRAINT ck_hold_release_settlement_outcome
            CHECK (outcome IN ('granted', 'declined', 'lapsed', 'overtaken')),
        settled_by text,
        letter_no text CONSTRAINT fk_hold_release_settlement_letter_no REFERENCES letter,
        settled_on date NOT NULL,
        settled_at timestamptz NOT NULL,
        CONSTRAINT fk_hold_release_settlement_asked_by FOREIGN KEY (release_id, asked_by)
            REFERENCES hold_release (release_id, asked_by),
        CONSTRAINT ck_hold_release_settlement_two CHECK (settled_by <> asked_by),
        CONSTRAINT ck_hold_release_settlement_form CHECK (CASE outcome
            WHEN 'lapsed' THEN settled_by IS NULL AND letter_no IS NULL
            ELSE settled_by IS NOT NULL AND letter_no IS NOT NULL END)
    )
    """,
)

_INDEXES = (
    "CREATE INDEX ix_sales_order_customer_id ON sales_order (customer_id, placed_at)",
    "CREATE INDEX ix_sales_order_placed_at ON sales_order (placed_at, order_id)",
    "CREATE INDEX ix_sales_order_asked ON sales_order (placed_at) WHERE asked",
    """
    CREATE INDEX ix_sales_order_enters_on ON sales_order (enters_on)
        WHERE enters_on IS NOT NULL
    """,
    "CREATE INDEX ix_sales_order_part_of ON sales_order (part_of) WHERE part_of IS NOT NULL",
    """
    CREATE UNIQUE INDEX uq_order_hold_checks ON order_hold (subject_id)
        WHERE holds = 'order' AND status = 'open' AND NOT manual
    """,
    "CREATE INDEX ix_order_hold_customer_id ON order_hold (customer_id, status)",
    "CREATE INDEX ix_order_hold_due_at ON order_hold (due_at, hold_id) WHERE status = 'open'",
    "CREATE INDEX ix_hold_release_hold_id ON hold_release (hold_id)",
)
