"""exposure: accounts, the append-only book of entries, and the procedures that post to it.

A movement is one call. Both procedures end their transaction themselves: they commit without
waiting for the disk, which frees the rows others queue for, and then wait for the disk before they
answer (PostgreSQL 17 or newer), so nothing is acknowledged that a crash could take back. A line is
locked before its group, and the group, which is the most contended, last.
"""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in (*_TABLES, *_GUARDS, *_ANSWERS, _RESERVE, _MOVE):
        op.execute(statement)


_TABLES = (
    """
    CREATE TABLE exposure_account (
        account_no bigint GENERATED ALWAYS AS IDENTITY
            CONSTRAINT pk_exposure_account PRIMARY KEY,
        kind text COLLATE "C" NOT NULL,
        owner_id text COLLATE "C" NOT NULL,
        customer_id text COLLATE "C",
        currency text COLLATE "C" NOT NULL,
        parent_no bigint CONSTRAINT fk_exposure_account_parent_no REFERENCES exposure_account,
        limit_kind text COLLATE "C" NOT NULL,
        limit_minor bigint NOT NULL DEFAULT 0,
        -- What stood above the limit when a decision cut it; it melts and never grows by use.
        over_minor bigint NOT NULL DEFAULT 0,
        reserved_minor bigint NOT NULL DEFAULT 0,
        used_minor bigint NOT NULL DEFAULT 0,
        entries bigint NOT NULL DEFAULT 0,
        decision_id text NOT NULL
            CONSTRAINT fk_exposure_account_decision_id REFERENCES letter (letter_no),
        -- What the line's row says, here too so that an order needs to look at one row only.
        status text COLLATE "C" NOT NULL,
        starts_on date,
        last_draw_on date,
        ends_on date,
        CONSTRAINT uq_exposure_account_owner_id UNIQUE (owner_id, kind, currency)
    )
    """,
    """
    CREATE INDEX ix_exposure_account_customer_id
        ON exposure_account (customer_id, currency) WHERE kind = 'line'
    """,
    # No foreign keys: the procedures hold the account's row when they write, accounts are never
    # deleted, and a check of each entry costs what a reservation may cost in all.
    """
    CREATE TABLE exposure_entry (
        entry_id uuid CONSTRAINT pk_exposure_entry PRIMARY KEY,
        key text COLLATE "C" NOT NULL CONSTRAINT uq_exposure_entry_key UNIQUE,
        kind text COLLATE "C" NOT NULL,
        account_no bigint NOT NULL,
        seq bigint NOT NULL,
        group_no bigint,
        group_seq bigint,
        amount_minor bigint NOT NULL,
        reserved_minor bigint NOT NULL,
        used_minor bigint NOT NULL,
        reserved_after bigint NOT NULL,
        used_after bigint NOT NULL,
        headroom_minor bigint,
        binding_no bigint,
        reservation_id uuid,
        expires_at timestamptz,
        reason text,
        limit_kind text,
        limit_minor bigint,
        decision_id text,
        business_on date NOT NULL,
        posted_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_exposure_entry_account_no UNIQUE (account_no, seq)
    )
    """,
    # At most one ending a reservation, whatever the program above believes.
    """
    CREATE UNIQUE INDEX uq_exposure_entry_reservation_id
        ON exposure_entry (reservation_id) WHERE reservation_id IS NOT NULL
    """,
    """
    CREATE INDEX ix_exposure_entry_expires_at
        ON exposure_entry (kind, expires_at) WHERE expires_at IS NOT NULL
    """,
)

# Triggers and not CHECK: a check is planned anew by every statement, which would cost a reservation
# a third of its time; the body of a trigger is planned once.
_GUARDS = (
    # Nothing negative, nothing above the limit but what stood there when the limit was cut.
    """
    CREATE FUNCTION exposure_within_limit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.reserved_minor < 0 OR NEW.used_minor < 0 OR NEW.over_minor < 0
            OR NEW.limit_kind <> 'unlimited'
                AND NEW.reserved_minor + NEW.used_minor > NEW.limit_minor + NEW.over_minor
        THEN
            RAISE EXCEPTION 'account % would be overdrawn', NEW.account_no
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER exposure_account_within_limit BEFORE INSERT OR UPDATE ON exposure_account
    FOR EACH ROW EXECUTE FUNCTION exposure_within_limit()
    """,
    """
    CREATE FUNCTION exposure_account_in_form() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.kind NOT IN ('line', 'group')
            OR NEW.kind = 'line' AND (NEW.customer_id IS NULL OR NEW.starts_on IS NULL
                OR NEW.last_draw_on IS NULL OR NEW.ends_on IS NULL)
            OR NEW.limit_kind NOT IN ('amount', 'none', 'unlimited')
            OR NEW.limit_minor < 0 OR NEW.limit_kind <> 'amount' AND NEW.limit_minor <> 0
            OR NEW.status NOT IN
                ('active', 'frozen', 'collect_only', 'expired', 'terminated')
        THEN
            RAISE EXCEPTION 'account % is not in form', NEW.account_no
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER exposure_account_in_form
    BEFORE INSERT OR UPDATE OF kind, customer_id, limit_kind, limit_minor, status, starts_on,
        last_draw_on, ends_on ON exposure_account
    FOR EACH ROW EXECUTE FUNCTION exposure_account_in_form()
    """,
    """
    CREATE TRIGGER exposure_entry_only_added BEFORE UPDATE OR DELETE ON exposure_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER exposure_entry_not_emptied BEFORE TRUNCATE ON exposure_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER exposure_account_not_deleted BEFORE DELETE ON exposure_account
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER exposure_account_not_emptied BEFORE TRUNCATE ON exposure_account
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    # A limit changes only together with the entry that says which decision changed it.
    """
    CREATE FUNCTION exposure_limit_decided() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        last exposure_entry;
    BEGIN
        SELECT * INTO last FROM exposure_entry
        WHERE account_no = NEW.account_no AND kind IN ('opening', 'limit')
        ORDER BY seq DESC LIMIT 1;
        IF last.decision_id IS DISTINCT FROM NEW.decision_id
            OR last.limit_kind IS DISTINCT FROM NEW.limit_kind
            OR last.limit_minor IS DISTINCT FROM NEW.limit_minor
        THEN
            RAISE EXCEPTION 'the limit of account % has no decision', NEW.account_no
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE CONSTRAINT TRIGGER exposure_account_limit_decided
    AFTER INSERT OR UPDATE OF limit_kind, limit_minor, decision_id ON exposure_account
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION exposure_limit_decided()
    """,
)

_ANSWERS = (
    # The answer to one request, as the caller gets it.
    """
    CREATE TYPE exposure_answer AS (
        verdict text, line_id text, entry_id text, reserved bigint, used bigint,
        headroom bigint, binding text, fact text, expires_at timestamptz, replayed boolean,
        amount bigint, currency text
    )
    """,
    """
    CREATE FUNCTION exposure_account_name(p_account_no bigint) RETURNS text
    LANGUAGE sql STABLE AS $$
        SELECT kind || '/' || owner_id FROM exposure_account WHERE account_no = p_account_no
    $$
    """,
    # Null where nothing limits, or where there is no account; nothing is ever below zero.
    """
    CREATE FUNCTION exposure_headroom(a exposure_account) RETURNS bigint
    LANGUAGE sql IMMUTABLE AS $$
        SELECT CASE a.limit_kind WHEN 'none' THEN 0 WHEN 'amount' THEN
            greatest(a.limit_minor - a.reserved_minor - a.used_minor, 0) END
    $$
    """,
    # What stands above the limit after an amount more is taken; it never grows by use.
    """
    CREATE FUNCTION exposure_over(a exposure_account, p_more bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE AS $$
        SELECT CASE a.limit_kind WHEN 'unlimited' THEN 0 ELSE least(a.over_minor,
            greatest(a.reserved_minor + a.used_minor + p_more - a.limit_minor, 0)) END
    $$
    """,
    # The customer's line in a currency: one that may be used today before one that may not.
    """
    CREATE FUNCTION exposure_line_of(p_customer_id text, p_currency text, p_business_on date)
    RETURNS text LANGUAGE sql STABLE AS $$
        SELECT owner_id FROM exposure_account
        WHERE kind = 'line' AND customer_id = p_customer_id AND currency = p_currency
            AND status IN ('active', 'frozen', 'collect_only')
        ORDER BY status = 'active' AND p_business_on BETWEEN starts_on AND last_draw_on DESC,
            status, account_no
        LIMIT 1
    $$
    """,
    # The date a refusal names.
    """
    CREATE FUNCTION exposure_date(a exposure_account, p_reason text)
    RETURNS text LANGUAGE sql STABLE AS $$
        SELECT CASE p_reason WHEN 'ended' THEN a.ends_on::text
            WHEN 'draws_over' THEN a.last_draw_on::text
            WHEN 'not_started' THEN a.starts_on::text END
    $$
    """,
    # What was answered under this key before: the same request gets the same answer again.
    """
    CREATE FUNCTION exposure_answered(
        p_key text, p_kinds text[], p_line_id text, p_customer_id text, p_currency text,
        p_amount bigint, p_reservation_id uuid
    ) RETURNS exposure_answer LANGUAGE plpgsql STABLE AS $$
    DECLARE
        first exposure_entry;
        account exposure_account;
        answer exposure_answer;
    BEGIN
        SELECT * INTO first FROM exposure_entry WHERE key = p_key;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        SELECT * INTO account FROM exposure_account WHERE account_no = first.account_no;
        answer.verdict := 'key_reused';
        answer.replayed := true;
        IF first.kind = ANY (p_kinds) AND account.kind = 'line'
            AND account.owner_id = coalesce(p_line_id, account.owner_id)
            AND account.customer_id = coalesce(p_customer_id, account.customer_id)
            AND account.currency = coalesce(p_currency, account.currency)
            AND first.amount_minor = coalesce(p_amount, first.amount_minor)
            AND first.reservation_id IS NOT DISTINCT FROM p_reservation_id
        THEN
            answer.verdict := coalesce(first.reason, first.kind);
            answer.line_id := account.owner_id;
            answer.entry_id := first.entry_id;
            answer.reserved := first.reserved_after;
            answer.used := first.used_after;
            answer.headroom := first.headroom_minor;
            answer.binding := exposure_account_name(first.binding_no);
            answer.fact := exposure_date(account, first.reason);
            answer.expires_at := first.expires_at;
            answer.amount := first.amount_minor;
            answer.currency := account.currency;
        END IF;
        RETURN answer;
    END
    $$
    """,
    # Why a line may not be used on a day, apart from its limit; null where it may. A reservation
    # must come by the last day of draws, what was reserved may still become use until the end.
    """
    CREATE FUNCTION exposure_standing(
        a exposure_account, p_business_on date, p_usable text[], p_last_on date
    ) RETURNS text LANGUAGE sql IMMUTABLE AS $$
        SELECT CASE WHEN a.status <> ALL (p_usable) THEN a.status
            WHEN p_business_on > a.ends_on THEN 'ended'
            WHEN p_business_on > p_last_on THEN 'draws_over'
            WHEN p_business_on < a.starts_on THEN 'not_started' END
    $$
    """,
    # Why an amount cannot be reserved today, as the accounts stand; a null verdict: it can.
    """
    CREATE FUNCTION exposure_verdict(
        p_line_id text, p_currency text, p_amount bigint, p_business_on date,
        OUT account_no bigint, OUT seq bigint, OUT binding_no bigint, OUT answer exposure_answer
    ) LANGUAGE plpgsql STABLE AS $$
    DECLARE
        line exposure_account;
        parent exposure_account;
    BEGIN
        answer.line_id := p_line_id;
        answer.replayed := false;
        SELECT * INTO line FROM exposure_account WHERE kind = 'line' AND owner_id = p_line_id;
        IF line.account_no IS NULL THEN
            answer.verdict := 'no_line';
            RETURN;
        ELSIF line.currency <> p_currency THEN
            answer.verdict := 'currency';
            answer.fact := line.currency;
            RETURN;
        END IF;
        SELECT * INTO parent FROM exposure_account a WHERE a.account_no = line.parent_no;
        account_no := line.account_no;
        seq := line.entries;
        answer.reserved := line.reserved_minor;
        answer.used := line.used_minor;
        answer.headroom := least(exposure_headroom(line), exposure_headroom(parent));
        binding_no := CASE answer.headroom
            WHEN exposure_headroom(line) THEN line.account_no
            WHEN exposure_headroom(parent) THEN parent.account_no END;
        answer.binding := exposure_account_name(binding_no);
        answer.verdict := coalesce(
            exposure_standing(line, p_business_on, '{active}', line.last_draw_on),
            CASE WHEN p_amount > answer.headroom THEN 'over_limit' END);
        answer.fact := exposure_date(line, answer.verdict);
    END
    $$
    """,
    # A refused reservation stands in the book under its key. A null verdict: nothing refuses it
    # any more, or the key was taken meanwhile; look again.
    """
    CREATE FUNCTION exposure_refuse(
        p_entry_id uuid, p_line_id text, p_currency text, p_amount bigint, p_key text,
        p_business_on date, p_expires_at timestamptz, p_posted_by text
    ) RETURNS exposure_answer LANGUAGE plpgsql AS $$
    DECLARE
        looked record;
        answer exposure_answer;
    BEGIN
        PERFORM FROM exposure_account
        WHERE kind = 'line' AND owner_id = p_line_id FOR NO KEY UPDATE;
        SELECT * INTO looked
        FROM exposure_verdict(p_line_id, p_currency, p_amount, p_business_on);
        answer := looked.answer;
        IF answer.verdict IS NULL OR looked.account_no IS NULL THEN
            RETURN answer;
        END IF;
        INSERT INTO exposure_entry (entry_id, key, kind, account_no, seq, amount_minor,
            reserved_minor, used_minor, reserved_after, used_after, headroom_minor, binding_no,
            expires_at, reason, business_on, posted_by)
        VALUES (p_entry_id, p_key, 'refuse', looked.account_no, looked.seq + 1, p_amount,
            0, 0, answer.reserved, answer.used, answer.headroom, looked.binding_no,
            p_expires_at, answer.verdict, p_business_on, p_posted_by)
        ON CONFLICT (key) DO NOTHING;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        UPDATE exposure_account SET entries = entries + 1 WHERE account_no = looked.account_no;
        answer.entry_id := p_entry_id;
        RETURN answer;
    END
    $$
    """,
)

# How both procedures end: the rows are free at once, and the answer waits for the disk.
_COMMIT_AND_FLUSH = """
        PERFORM set_config('synchronous_commit', 'off', true);
        COMMIT;
        PERFORM pg_logical_emit_message(false, 'creditflow', '', true);
"""

# A grant of the common case says its figures alone; every other answer is whole, in `more`.
_COLUMNS = """
        INOUT verdict text, INOUT reserved bigint, INOUT used bigint, INOUT headroom bigint,
        INOUT binding text, INOUT more jsonb
"""

# The common case is three statements: take from the line, take from its group, write the entry.
# Whatever stops one of them is looked into afterwards: a key used before, or a reason to refuse.
_RESERVE = f"""
    CREATE PROCEDURE exposure_reserve(
        p_entry_id uuid, p_line_id text, p_customer_id text, p_currency text, p_amount bigint,
        p_key text, p_business_on date, p_expires_at timestamptz, p_posted_by text,
        {_COLUMNS}
    ) LANGUAGE plpgsql AS $$
    DECLARE
        wanted text := p_line_id;
        line_no bigint;
        line_seq bigint;
        group_no bigint;
        group_seq bigint;
        group_id text;
        group_headroom bigint;
        binding_no bigint;
        answer exposure_answer;
    BEGIN
        IF wanted IS NULL THEN
            wanted := exposure_line_of(p_customer_id, p_currency, p_business_on);
        END IF;
        LOOP
            UPDATE exposure_account a
            SET reserved_minor = reserved_minor + p_amount, entries = entries + 1
            WHERE a.kind = 'line' AND a.owner_id = wanted AND a.currency = p_currency
                AND status = 'active' AND p_business_on BETWEEN starts_on AND last_draw_on
                AND (limit_kind = 'unlimited'
                    OR p_amount <= limit_minor - reserved_minor - used_minor)
            RETURNING a.account_no, a.parent_no, a.entries, a.reserved_minor, a.used_minor,
                CASE WHEN limit_kind <> 'unlimited'
                    THEN limit_minor - reserved_minor - used_minor END
            INTO line_no, group_no, line_seq, reserved, used, headroom;
            group_headroom := NULL;
            IF FOUND AND group_no IS NOT NULL THEN
                UPDATE exposure_account a
                SET reserved_minor = reserved_minor + p_amount, entries = entries + 1
                WHERE account_no = group_no AND (limit_kind = 'unlimited'
                    OR p_amount <= limit_minor - reserved_minor - used_minor)
                RETURNING a.entries, a.owner_id, CASE WHEN limit_kind <> 'unlimited'
                    THEN limit_minor - reserved_minor - used_minor END
                INTO group_seq, group_id, group_headroom;
            END IF;
            IF FOUND THEN
                IF group_headroom < headroom OR headroom IS NULL AND group_headroom IS NOT NULL
                THEN
                    headroom := group_headroom;
                    binding_no := group_no;
                    binding := 'group/' || group_id;
                ELSIF headroom IS NOT NULL THEN
                    binding_no := line_no;
                    binding := 'line/' || wanted;
                END IF;
                INSERT INTO exposure_entry (entry_id, key, kind, account_no, seq, group_no,
                    group_seq, amount_minor, reserved_minor, used_minor, reserved_after,
                    used_after, headroom_minor, binding_no, expires_at, business_on, posted_by)
                VALUES (p_entry_id, p_key, 'reserve', line_no, line_seq, group_no,
                    group_seq, p_amount, p_amount, 0, reserved,
                    used, headroom, binding_no, p_expires_at, p_business_on, p_posted_by)
                ON CONFLICT (key) DO NOTHING;
            END IF;
            IF FOUND THEN
                verdict := 'reserve';
                IF p_line_id IS NULL THEN
                    more := jsonb_build_object('line_id', wanted);
                END IF;
                EXIT;
            END IF;
            ROLLBACK;
            answer := exposure_answered(p_key, '{{reserve,refuse}}', p_line_id, p_customer_id,
                p_currency, p_amount, NULL);
            IF answer.verdict IS NULL THEN
                answer := exposure_refuse(p_entry_id, wanted, p_currency, p_amount, p_key,
                    p_business_on, p_expires_at, p_posted_by);
            END IF;
            IF answer.verdict IS NOT NULL THEN
                verdict := answer.verdict;
                more := to_jsonb(answer);
                EXIT;
            END IF;
            ROLLBACK;
        END LOOP;
        {_COMMIT_AND_FLUSH}
    END
    $$
"""

# Every other movement locks first and then decides, as nobody queues for these by the thousand.
# Nothing is written where it refuses.
_MOVE = f"""
    CREATE PROCEDURE exposure_move(
        p_entry_id uuid, p_kind text, p_line_id text, p_reservation_id uuid, p_currency text,
        p_amount bigint, p_key text, p_business_on date, p_as_of timestamptz, p_posted_by text,
        {_COLUMNS}
    ) LANGUAGE plpgsql AS $$
    DECLARE
        line exposure_account;
        parent exposure_account;
        reservation exposure_entry;
        answer exposure_answer;
        ended_by text;
        freed bigint := 0;
        taken bigint := 0;
        binding_no bigint;
    BEGIN
        SELECT * INTO line FROM exposure_account a
        WHERE a.kind = 'line' AND a.owner_id = p_line_id FOR NO KEY UPDATE;
        answer := exposure_answered(p_key, ARRAY[p_kind], p_line_id, NULL, p_currency,
            p_amount, p_reservation_id);
        IF answer.verdict IS NOT NULL THEN
            verdict := answer.verdict;
            more := to_jsonb(answer);
            -- The first answer may still be on its way to the disk.
            PERFORM pg_logical_emit_message(false, 'creditflow', '', true);
            RETURN;
        END IF;
        IF p_reservation_id IS NOT NULL THEN
            SELECT * INTO reservation FROM exposure_entry e
            WHERE e.entry_id = p_reservation_id AND e.kind = 'reserve'
                AND e.account_no = line.account_no;
            SELECT e.kind INTO ended_by FROM exposure_entry e
            WHERE e.reservation_id = p_reservation_id;
            freed := -reservation.amount_minor;
        END IF;
        answer.line_id := p_line_id;
        answer.replayed := false;
        answer.amount := coalesce(p_amount, reservation.amount_minor);
        answer.currency := line.currency;
        taken := CASE p_kind WHEN 'commit' THEN answer.amount
            WHEN 'repay' THEN -answer.amount ELSE 0 END;
        answer.verdict := CASE
            WHEN line.account_no IS NULL THEN 'no_line'
            WHEN line.currency <> p_currency THEN 'currency'
            WHEN p_kind <> 'repay' AND reservation.entry_id IS NULL THEN 'no_reservation'
            WHEN ended_by IS NOT NULL THEN 'closed'
            WHEN p_kind = 'expire' AND coalesce(reservation.expires_at > p_as_of, true)
                THEN 'not_due'
            WHEN p_kind = 'commit' AND answer.amount > reservation.amount_minor
                THEN 'more_than_reserved'
            WHEN p_kind = 'repay' AND answer.amount > line.used_minor THEN 'more_than_used'
            WHEN p_kind = 'commit' THEN
                exposure_standing(line, p_business_on, '{{active,frozen}}', line.ends_on) END;
        IF answer.verdict IS NOT NULL THEN
            answer.fact := CASE answer.verdict WHEN 'currency' THEN line.currency
                WHEN 'closed' THEN ended_by
                WHEN 'more_than_reserved' THEN reservation.amount_minor::text
                WHEN 'more_than_used' THEN line.used_minor::text
                ELSE exposure_date(line, answer.verdict) END;
            verdict := answer.verdict;
            more := to_jsonb(answer);
            ROLLBACK;
            RETURN;
        END IF;
        UPDATE exposure_account a
        SET reserved_minor = a.reserved_minor + freed, used_minor = a.used_minor + taken,
            over_minor = exposure_over(a, freed + taken), entries = entries + 1
        WHERE account_no = line.account_no RETURNING a.* INTO line;
        IF line.parent_no IS NOT NULL THEN
            UPDATE exposure_account a
            SET reserved_minor = a.reserved_minor + freed, used_minor = a.used_minor + taken,
                over_minor = exposure_over(a, freed + taken), entries = entries + 1
            WHERE account_no = line.parent_no RETURNING a.* INTO parent;
        END IF;
        answer.verdict := p_kind;
        answer.entry_id := p_entry_id;
        answer.reserved := line.reserved_minor;
        answer.used := line.used_minor;
        answer.headroom := least(exposure_headroom(line), exposure_headroom(parent));
        binding_no := CASE answer.headroom WHEN exposure_headroom(line) THEN line.account_no
            WHEN exposure_headroom(parent) THEN parent.account_no END;
        answer.binding := exposure_account_name(binding_no);
        INSERT INTO exposure_entry (entry_id, key, kind, account_no, seq, group_no, group_seq,
            amount_minor, reserved_minor, used_minor, reserved_after, used_after,
            headroom_minor, binding_no, reservation_id, business_on, posted_by,
            expires_at)
        VALUES (p_entry_id, p_key, p_kind, line.account_no, line.entries, parent.account_no,
            parent.entries, answer.amount, freed, taken, answer.reserved, answer.used,
            answer.headroom, binding_no, p_reservation_id, p_business_on, p_posted_by,
            CASE p_kind WHEN 'expire' THEN reservation.expires_at END)
        ON CONFLICT (key) DO NOTHING;
        IF NOT FOUND THEN
            -- Another line was first to use this key, while this one was locked.
            answer.verdict := 'key_reused';
            verdict := answer.verdict;
            more := to_jsonb(answer);
            ROLLBACK;
            RETURN;
        END IF;
        verdict := answer.verdict;
        more := to_jsonb(answer);
        {_COMMIT_AND_FLUSH}
    END
    $$
"""
