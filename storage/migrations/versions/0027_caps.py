"""caps: an account of the customer between its lines and its group, and caps set by decisions.

A line is locked before its customer and the customer before the group. A customer without an
account of its own costs an order nothing: the line's row says itself whether there is one.
"""

from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Add what caps need; written without importing our code."""
    for statement in (*_CHAIN, *_CAPS):
        op.execute(statement)


_CHAIN = (
    """
    ALTER TABLE exposure_account ADD COLUMN customer_no bigint
        CONSTRAINT fk_exposure_account_customer_no REFERENCES exposure_account
    """,
    "ALTER TABLE exposure_entry ADD COLUMN customer_no bigint, ADD COLUMN customer_seq bigint",
    """
    CREATE OR REPLACE FUNCTION exposure_account_in_form() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.kind NOT IN ('line', 'customer', 'group')
            OR NEW.kind = 'line' AND (NEW.customer_id IS NULL OR NEW.starts_on IS NULL
                OR NEW.last_draw_on IS NULL OR NEW.ends_on IS NULL)
            OR NEW.kind <> 'line' AND (NEW.customer_no IS NOT NULL OR NEW.parent_no IS NOT NULL)
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
    # The account that counts of a customer in a currency: the tighter, where merged records had one
    # each.
    """
    CREATE FUNCTION exposure_own_account(p_customer_id text, p_currency text) RETURNS bigint
    LANGUAGE sql STABLE AS $$
        SELECT account_no FROM exposure_account
        WHERE kind = 'customer' AND owner_id = ANY (customer_ids(p_customer_id))
            AND currency = p_currency
        ORDER BY limit_kind = 'unlimited', limit_minor, account_no
        LIMIT 1
    $$
    """,
    """
    CREATE INDEX ix_exposure_account_parent_no ON exposure_account (parent_no)
        WHERE parent_no IS NOT NULL
    """,
    """
    CREATE OR REPLACE FUNCTION exposure_verdict(
        p_line_id text, p_currency text, p_amount bigint, p_business_on date,
        p_terms_above integer DEFAULT NULL,
        OUT account_no bigint, OUT seq bigint, OUT binding_no bigint, OUT answer exposure_answer
    ) LANGUAGE plpgsql STABLE AS $$
    DECLARE
        line exposure_account;
        customer exposure_account;
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
        SELECT * INTO customer FROM exposure_account a WHERE a.account_no = line.customer_no;
        SELECT * INTO parent FROM exposure_account a WHERE a.account_no = line.parent_no;
        account_no := line.account_no;
        seq := line.entries;
        answer.reserved := line.reserved_minor;
        answer.used := line.used_minor;
        answer.headroom := least(exposure_headroom(line), exposure_headroom(customer),
            exposure_headroom(parent));
        binding_no := CASE answer.headroom
            WHEN exposure_headroom(line) THEN line.account_no
            WHEN exposure_headroom(customer) THEN customer.account_no
            WHEN exposure_headroom(parent) THEN parent.account_no END;
        answer.binding := exposure_account_name(binding_no);
        answer.verdict := coalesce(
            exposure_standing(line, p_business_on, '{active}', line.last_draw_on),
            CASE WHEN line.terms_days <= p_terms_above THEN 'terms_exceeded' END,
            CASE WHEN p_amount > answer.headroom THEN 'over_limit' END);
        answer.fact := exposure_date(line, answer.verdict);
    END
    $$
    """,
    """
    CREATE OR REPLACE PROCEDURE exposure_reserve(
        p_entry_id uuid, p_line_id text, p_customer_id text, p_currency text, p_amount bigint,
        p_key text, p_business_on date, p_expires_at timestamptz, p_posted_by text,
        INOUT verdict text, INOUT reserved bigint, INOUT used bigint, INOUT headroom bigint,
        INOUT binding text, INOUT more jsonb,
        p_terms text DEFAULT NULL, p_terms_above integer DEFAULT NULL
    ) LANGUAGE plpgsql AS $$
    DECLARE
        wanted text := p_line_id;
        line_no bigint;
        line_seq bigint;
        own_no bigint;
        own_seq bigint;
        own_id text;
        own_headroom bigint;
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
                AND (p_terms_above IS NULL OR coalesce(terms_days > p_terms_above, true))
            RETURNING a.account_no, a.customer_no, a.parent_no, a.entries,
                a.reserved_minor, a.used_minor,
                CASE WHEN limit_kind <> 'unlimited'
                    THEN limit_minor - reserved_minor - used_minor END
            INTO line_no, own_no, group_no, line_seq, reserved, used, headroom;
            own_seq := NULL;
            own_headroom := NULL;
            IF FOUND AND own_no IS NOT NULL THEN
                UPDATE exposure_account a
                SET reserved_minor = reserved_minor + p_amount, entries = entries + 1
                WHERE account_no = own_no AND (limit_kind = 'unlimited'
                    OR p_amount <= limit_minor - reserved_minor - used_minor)
                RETURNING a.entries, a.owner_id, CASE WHEN limit_kind <> 'unlimited'
                    THEN limit_minor - reserved_minor - used_minor END
                INTO own_seq, own_id, own_headroom;
            END IF;
            group_seq := NULL;
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
                IF headroom IS NOT NULL THEN
                    binding_no := line_no;
                    binding := 'line/' || wanted;
                END IF;
                IF own_headroom < headroom OR headroom IS NULL AND own_headroom IS NOT NULL
                THEN
                    headroom := own_headroom;
                    binding_no := own_no;
                    binding := 'customer/' || own_id;
                END IF;
                IF group_headroom < headroom OR headroom IS NULL AND group_headroom IS NOT NULL
                THEN
                    headroom := group_headroom;
                    binding_no := group_no;
                    binding := 'group/' || group_id;
                END IF;
                INSERT INTO exposure_entry (entry_id, key, kind, account_no, seq, customer_no,
                    customer_seq, group_no, group_seq, amount_minor,
                    reserved_minor, used_minor, reserved_after, used_after,
                    headroom_minor, binding_no, expires_at, business_on, posted_by, terms)
                VALUES (p_entry_id, p_key, 'reserve', line_no, line_seq, own_no,
                    own_seq, group_no, group_seq, p_amount, p_amount, 0, reserved,
                    used, headroom, binding_no, p_expires_at, p_business_on, p_posted_by,
                    p_terms)
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
            answer := exposure_answered(p_key, '{reserve,refuse}', p_line_id, p_customer_id,
                p_currency, p_amount, NULL, p_terms);
            IF answer.verdict IS NULL THEN
                answer := exposure_refuse(p_entry_id, wanted, p_currency, p_amount, p_key,
                    p_business_on, p_expires_at, p_posted_by, p_terms, p_terms_above);
            END IF;
            IF answer.verdict IS NOT NULL THEN
                verdict := answer.verdict;
                more := to_jsonb(answer);
                EXIT;
            END IF;
            ROLLBACK;
        END LOOP;
        PERFORM set_config('synchronous_commit', 'off', true);
        COMMIT;
        PERFORM pg_logical_emit_message(false, 'creditflow', '', true);
    END
    $$
    """,
    """
    CREATE OR REPLACE PROCEDURE exposure_move(
        p_entry_id uuid, p_kind text, p_line_id text, p_reservation_id uuid, p_currency text,
        p_amount bigint, p_key text, p_business_on date, p_as_of timestamptz, p_posted_by text,
        INOUT verdict text, INOUT reserved bigint, INOUT used bigint, INOUT headroom bigint,
        INOUT binding text, INOUT more jsonb
    ) LANGUAGE plpgsql AS $$
    DECLARE
        line exposure_account;
        customer exposure_account;
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
                exposure_standing(line, p_business_on, '{active,frozen}', line.ends_on) END;
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
        IF line.customer_no IS NOT NULL THEN
            UPDATE exposure_account a
            SET reserved_minor = a.reserved_minor + freed, used_minor = a.used_minor + taken,
                over_minor = exposure_over(a, freed + taken), entries = entries + 1
            WHERE account_no = line.customer_no RETURNING a.* INTO customer;
        END IF;
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
        answer.headroom := least(exposure_headroom(line), exposure_headroom(customer),
            exposure_headroom(parent));
        binding_no := CASE answer.headroom WHEN exposure_headroom(line) THEN line.account_no
            WHEN exposure_headroom(customer) THEN customer.account_no
            WHEN exposure_headroom(parent) THEN parent.account_no END;
        answer.binding := exposure_account_name(binding_no);
        INSERT INTO exposure_entry (entry_id, key, kind, account_no, seq, customer_no,
            customer_seq, group_no, group_seq, amount_minor, reserved_minor, used_minor,
            reserved_after, used_after, headroom_minor, binding_no, reservation_id,
            business_on, posted_by, expires_at)
        VALUES (p_entry_id, p_key, p_kind, line.account_no, line.entries, customer.account_no,
            customer.entries, parent.account_no, parent.entries, answer.amount, freed, taken,
            answer.reserved, answer.used, answer.headroom, binding_no, p_reservation_id,
            p_business_on, p_posted_by, CASE p_kind WHEN 'expire' THEN reservation.expires_at END)
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
        PERFORM set_config('synchronous_commit', 'off', true);
        COMMIT;
        PERFORM pg_logical_emit_message(false, 'creditflow', '', true);
    END
    $$
    """,
    # A letter about a cap may say that nothing limits any more; every other one says an amount.
    "ALTER TABLE letter DROP CONSTRAINT ck_letter_limit",
    """
    ALTER TABLE letter ADD CONSTRAINT ck_letter_limit CHECK (
        approved = (limit_minor IS NOT NULL) OR approved AND body -> 'cap' ->> 'scope' IS NOT NULL)
    """,
)

_CAPS = (
    """
    CREATE TABLE cap_request (
        cap_id text CONSTRAINT pk_cap_request PRIMARY KEY,
        scope text NOT NULL CONSTRAINT ck_cap_request_scope CHECK (scope IN ('customer', 'group')),
        owner_id text NOT NULL,
        currency text NOT NULL,
        limit_kind text NOT NULL
            CONSTRAINT ck_cap_request_kind CHECK (limit_kind IN ('amount', 'none', 'unlimited')),
        limit_minor bigint NOT NULL,
        reason text NOT NULL CONSTRAINT ck_cap_request_reason CHECK (reason <> ''),
        evidence_hash text,
        review_due_on date,
        asked_by text NOT NULL,
        asked_at timestamptz NOT NULL,
        asked_on date NOT NULL,
        request jsonb NOT NULL,
        CONSTRAINT uq_cap_request_asked_by UNIQUE (cap_id, asked_by),
        CONSTRAINT ck_cap_request_limit
            CHECK (limit_minor >= 0 AND (limit_kind = 'amount' OR limit_minor = 0))
    )
    """,
    "CREATE INDEX ix_cap_request_owner_id ON cap_request (owner_id, scope, asked_at)",
    "CREATE INDEX ix_cap_request_asked_at ON cap_request (asked_at, cap_id)",
    # Who asked is part of the key, so that no road leads round the second pair of eyes.
    """
    CREATE TABLE cap_settlement (
        cap_id text CONSTRAINT pk_cap_settlement PRIMARY KEY,
        asked_by text NOT NULL,
        outcome text NOT NULL
            CONSTRAINT ck_cap_settlement_outcome CHECK (outcome IN ('set', 'declined', 'lapsed')),
        settled_by text,
        letter_no text CONSTRAINT fk_cap_settlement_letter_no REFERENCES letter (letter_no),
        settled_on date NOT NULL,
        settled_at timestamptz NOT NULL,
        CONSTRAINT fk_cap_settlement_asked_by FOREIGN KEY (cap_id, asked_by)
            REFERENCES cap_request (cap_id, asked_by),
        CONSTRAINT ck_cap_settlement_two CHECK (settled_by <> asked_by),
        CONSTRAINT ck_cap_settlement_form CHECK (CASE outcome
            WHEN 'lapsed' THEN settled_by IS NULL AND letter_no IS NULL
            ELSE settled_by IS NOT NULL AND letter_no IS NOT NULL END)
    )
    """,
    """
    CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON cap_request
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON cap_settlement
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
)
