"""notification: the outbox, and the trigger that wakes whoever delivers its channel."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    op.execute(
        """
        CREATE TABLE outbox (
            entry_no bigint GENERATED ALWAYS AS IDENTITY,
            channel text NOT NULL,
            key text NOT NULL,
            recipient text NOT NULL,
            kind text NOT NULL,
            facts jsonb NOT NULL,
            case_id text,
            content_hash text NOT NULL,
            state text NOT NULL DEFAULT 'pending',
            attempts integer NOT NULL DEFAULT 0,
            next_attempt_at timestamptz NOT NULL DEFAULT now(),
            last_error text NOT NULL DEFAULT '',
            sent_at timestamptz,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_outbox PRIMARY KEY (entry_no),
            CONSTRAINT uq_outbox_channel_key UNIQUE (channel, key),
            CONSTRAINT ck_outbox_state CHECK (state IN ('pending', 'sent', 'failed')),
            CONSTRAINT ck_outbox_sent CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
            CONSTRAINT ck_outbox_attempts CHECK (attempts >= 0)
        )
        """
    )
    # Only what is still owed is ever searched by time; it stays small however old the book is.
    op.execute("CREATE INDEX ix_outbox_due ON outbox (channel, entry_no) WHERE state = 'pending'")
    op.execute("CREATE INDEX ix_outbox_case_id ON outbox (case_id) WHERE case_id IS NOT NULL")
    op.execute(
        """
        CREATE FUNCTION outbox_notify() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_notify('outbox_' || NEW.channel, '');
            RETURN NULL;
        END
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER outbox_notify AFTER INSERT ON outbox
        FOR EACH ROW EXECUTE FUNCTION outbox_notify()
        """
    )
