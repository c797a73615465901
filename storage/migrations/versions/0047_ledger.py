"""ledger: sub-lines and cover beside a line's customer and group, limits with dated parts, nominal
amounts, one-off limits, reservations kept in part, and a digest on every entry.

A line is locked first, then its sub-line, which is only ever reached through it, its customer, its
cover in the order of account numbers, and its group last. The procedures keep the place of every
parameter that the release before calls them with.
"""

from alembic import op

revision = "0047"
down_revision = "0046"


def upgrade() -> None:
    """Add what the ledger needs; written without importing our code."""
    for statement in (*_TABLES, *_GUARDS, *_LOOKING, *_PROCEDURES):
        op.execute(statement)


_TABLES = (
    """
    ALTER TABLE exposure_account
        -- Of a sub-line: its line. Of a line: whether uses have to name a sub-line.
        ADD COLUMN line_no bigint CONSTRAINT fk_exposure_account_line_no REFERENCES exposure_account,
        ADD COLUMN has_sub_lines boolean NOT NULL DEFAULT false,
        ADD COLUMN product text COLLATE "C",
        -- What a dedicated facility is for, and nothing else.
        ADD COLUMN purpose text,
        -- The accounts of guarantors and insurers that a line stands on.
        ADD COLUMN cover_nos bigint[],
        -- Amounts that the limit goes up or down by, each from a day until a day.
        ADD COLUMN parts jsonb,
        ADD COLUMN nominal_minor bigint NOT NULL DEFAULT 0,
        ADD COLUMN nominal_limit_minor bigint,
        -- What was repaid of a limit that does not revolve is used up.
        ADD COLUMN revolving boolean NOT NULL DEFAULT true,
        ADD COLUMN spent_minor bigint NOT NULL DEFAULT 0,
        ADD COLUMN tenor_months integer,
        ADD COLUMN matures_by date,
        -- Of the nominal amount, what a use brings as deposit at least.
        ADD COLUMN deposit_share numeric,
        -- The day that the limit was last looked at on, for the guard of a limit with parts.
        ADD COLUMN moved_on date
    """,
    """
    CREATE INDEX ix_exposure_account_line_no ON exposure_account (line_no)
        WHERE line_no IS NOT NULL
    """,
    """
    ALTER TABLE exposure_entry
        ADD COLUMN sub_no bigint, ADD COLUMN sub_seq bigint,
        ADD COLUMN cover_nos bigint[], ADD COLUMN cover_seqs bigint[],
        -- What it moved by name, where that is not what it moved of the limit.
        ADD COLUMN nominal_minor bigint,
        ADD COLUMN parts jsonb,
        ADD COLUMN due_on date,
        ADD COLUMN digest bytea
    """,
    # The instant at which the account's row was held: entries of an account are known in its order.
    "ALTER TABLE exposure_entry ALTER COLUMN recorded_at SET DEFAULT clock_timestamp()",
)

_GUARDS = (
    # The reservations that what is left of one was kept in.
    "ALTER TYPE exposure_answer ADD ATTRIBUTE rests text[]",
    """
    CREATE FUNCTION exposure_limit_on(p_limit bigint, p_parts jsonb, p_on date) RETURNS bigint
    LANGUAGE sql IMMUTABLE AS $$
        SELECT greatest(p_limit + coalesce(sum((part ->> 'minor')::bigint), 0), 0)::bigint
        FROM jsonb_array_elements(p_parts) part
        WHERE p_on >= coalesce((part ->> 'from')::date, '-infinity')
            AND p_on <= coalesce((part ->> 'until')::date, 'infinity')
    $$
    """,
    """
    CREATE OR REPLACE FUNCTION exposure_within_limit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.reserved_minor < 0 OR NEW.used_minor < 0 OR NEW.over_minor < 0
            OR NEW.spent_minor < 0 OR NEW.nominal_minor < 0
            OR NEW.limit_kind <> 'unlimited'
                AND NEW.reserved_minor + NEW.used_minor + NEW.spent_minor > NEW.over_minor
                    + (CASE WHEN NEW.parts IS NULL THEN NEW.limit_minor
                        ELSE exposure_limit_on(NEW.limit_minor, NEW.parts, NEW.moved_on) END)
        THEN
            RAISE EXCEPTION 'account % would be overdrawn', NEW.account_no
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE OR REPLACE FUNCTION exposure_account_in_form() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.kind NOT IN ('line', 'sub_line', 'customer', 'guarantor', 'insurer', 'group')
            OR NEW.kind = 'line' AND (NEW.customer_id IS NULL OR NEW.starts_on IS NULL
                OR NEW.last_draw_on IS NULL OR NEW.ends_on IS NULL)
            OR (NEW.kind = 'sub_line') <> (NEW.line_no IS NOT NULL)
            OR NEW.kind = 'sub_line' AND NEW.product IS NULL
            OR NEW.kind <> 'line' AND (NEW.customer_no IS NOT NULL OR NEW.parent_no IS NOT NULL
                OR NEW.cover_nos IS NOT NULL OR NEW.has_sub_lines)
            OR NEW.limit_kind NOT IN ('amount', 'none', 'unlimited')
            OR NEW.limit_minor < 0 OR NEW.limit_kind <> 'amount' AND NEW.limit_minor <> 0
            OR NEW.parts IS NOT NULL
                AND (jsonb_typeof(NEW.parts) <> 'array' OR NEW.limit_kind <> 'amount')
            OR NEW.nominal_limit_minor < 0
            OR NOT NEW.revolving AND NEW.kind NOT IN ('line', 'sub_line')
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
    "DROP TRIGGER exposure_account_in_form ON exposure_account",
    """
    CREATE TRIGGER exposure_account_in_form
    BEFORE INSERT OR UPDATE OF kind, customer_id, limit_kind, limit_minor, status, starts_on,
        last_draw_on, ends_on, line_no, product, parts, nominal_limit_minor, revolving, cover_nos,
        has_sub_lines ON exposure_account
    FOR EACH ROW EXECUTE FUNCTION exposure_account_in_form()
    """,
    """
    CREATE OR REPLACE FUNCTION exposure_limit_decided() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        account exposure_account;
        last exposure_entry;
    BEGIN
        -- As the transaction leaves it: a limit may have been decided more than once in one.
        SELECT * INTO account FROM exposure_account WHERE account_no = NEW.account_no;
        SELECT * INTO last FROM exposure_entry
        WHERE account_no = NEW.account_no AND limit_kind IS NOT NULL
        ORDER BY seq DESC LIMIT 1;
        IF last.decision_id IS DISTINCT FROM account.decision_id
            OR last.limit_kind IS DISTINCT FROM account.limit_kind
            OR last.limit_minor IS DISTINCT FROM account.limit_minor
            OR last.parts IS DISTINCT FROM account.parts
        THEN
            RAISE EXCEPTION 'the limit of account % has no decision', NEW.account_no
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NULL;
    END
    $$
    """,
    "DROP TRIGGER exposure_account_limit_decided ON exposure_account",
    """
    CREATE CONSTRAINT TRIGGER exposure_account_limit_decided
    AFTER INSERT OR UPDATE OF limit_kind, limit_minor, parts, decision_id ON exposure_account
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION exposure_limit_decided()
    """,
    # A limit that was one-off while something was drawn stays so: what was repaid of it is counted.
    """
    CREATE FUNCTION exposure_account_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'what account % is does not change', OLD.account_no
            USING ERRCODE = 'restrict_violation';
    END
    $$
    """,
    """
    CREATE TRIGGER exposure_account_stays
    BEFORE UPDATE OF account_no, kind, owner_id, currency, line_no, revolving ON exposure_account
    FOR EACH ROW WHEN ((OLD.account_no, OLD.kind, OLD.owner_id, OLD.currency, OLD.line_no,
            OLD.revolving) IS DISTINCT FROM (NEW.account_no, NEW.kind, NEW.owner_id, NEW.currency,
            NEW.line_no, NEW.revolving))
    EXECUTE FUNCTION exposure_account_stays()
    """,
    # What an entry says, in one order and one spelling whatever a session's settings are. A column
    # added later is added at the end, and only where it says something.
    """
    CREATE FUNCTION exposure_digest(e exposure_entry) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
        SELECT sha256(convert_to(concat(
            e.entry_id, '|', e.key, '|', e.kind, '|', e.account_no, '|', e.seq, '|',
            e.customer_no, '|', e.customer_seq, '|', e.group_no, '|', e.group_seq, '|',
            e.amount_minor, '|', e.reserved_minor, '|', e.used_minor, '|', e.reserved_after, '|',
            e.used_after, '|', e.headroom_minor, '|', e.binding_no, '|', e.reservation_id, '|',
            extract(epoch FROM e.expires_at), '|', e.reason, '|', e.limit_kind, '|',
            e.limit_minor, '|', e.decision_id, '|', e.business_on - date '2000-01-01', '|',
            e.posted_by, '|', extract(epoch FROM e.recorded_at), '|', e.terms, '|', e.sub_no, '|',
            e.sub_seq, '|', e.cover_nos, '|', e.cover_seqs, '|', e.nominal_minor, '|', e.parts,
            '|', e.due_on - date '2000-01-01'), 'UTF8'))
    $$
    """,
    """
    CREATE FUNCTION exposure_entry_sealed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.digest := exposure_digest(NEW);
        RETURN NEW;
    END
    $$
    """,
    "ALTER TABLE exposure_entry DISABLE TRIGGER exposure_entry_only_added",
    "UPDATE exposure_entry e SET digest = exposure_digest(e)",
    "ALTER TABLE exposure_entry ENABLE TRIGGER exposure_entry_only_added",
    "ALTER TABLE exposure_entry ALTER COLUMN digest SET NOT NULL",
    """
    CREATE TRIGGER exposure_entry_sealed BEFORE INSERT ON exposure_entry
    FOR EACH ROW EXECUTE FUNCTION exposure_entry_sealed()
    """,
)

_LOOKING = (
    "DROP FUNCTION exposure_headroom(exposure_account)",
    # Null where nothing limits, or where there is no account; nothing is ever below zero.
    """
    CREATE FUNCTION exposure_headroom(a exposure_account, p_on date) RETURNS bigint
    LANGUAGE sql IMMUTABLE AS $$
        SELECT CASE a.limit_kind WHEN 'none' THEN 0 WHEN 'amount' THEN greatest(
            CASE WHEN a.parts IS NULL THEN a.limit_minor
                ELSE exposure_limit_on(a.limit_minor, a.parts, p_on) END
            - a.reserved_minor - a.used_minor - a.spent_minor, 0) END
    $$
    """,
    "DROP FUNCTION exposure_over(exposure_account, bigint)",
    # What stands above the limit after an amount is given back; it never grows by use, but a part
    # of the limit may have ended since it was looked at last.
    """
    CREATE FUNCTION exposure_over(a exposure_account, p_more bigint, p_on date) RETURNS bigint
    LANGUAGE sql IMMUTABLE AS $$
        SELECT CASE WHEN a.limit_kind = 'unlimited' THEN 0
            WHEN a.parts IS NULL THEN least(a.over_minor, greatest(
                a.reserved_minor + a.used_minor + a.spent_minor + p_more - a.limit_minor, 0))
            ELSE greatest(a.reserved_minor + a.used_minor + a.spent_minor + p_more
                - exposure_limit_on(a.limit_minor, a.parts, p_on), 0) END
    $$
    """,
    """
    CREATE OR REPLACE FUNCTION exposure_date(a exposure_account, p_reason text)
    RETURNS text LANGUAGE sql STABLE AS $$
        SELECT CASE p_reason WHEN 'ended' THEN a.ends_on::text
            WHEN 'draws_over' THEN a.last_draw_on::text
            WHEN 'not_started' THEN a.starts_on::text
            WHEN 'terms_exceeded' THEN a.terms_days::text
            WHEN 'matures_late' THEN a.matures_by::text
            WHEN 'tenor' THEN a.tenor_months::text
            WHEN 'purpose' THEN a.purpose
            WHEN 'deposit' THEN a.deposit_share::text
            WHEN 'product' THEN a.product END
    $$
    """,
    # Why a use of a line or a sub-line is not one of those it was granted for; null where it is.
    """
    CREATE FUNCTION exposure_misfit(
        a exposure_account, p_on date, p_purpose text, p_due_on date, p_nominal bigint,
        p_deposit bigint
    ) RETURNS text LANGUAGE sql IMMUTABLE AS $$
        SELECT CASE
            WHEN a.purpose IS NOT NULL AND a.purpose IS DISTINCT FROM p_purpose THEN 'purpose'
            WHEN p_due_on > p_on + make_interval(months => a.tenor_months) THEN 'tenor'
            WHEN p_due_on > a.matures_by THEN 'matures_late'
            WHEN coalesce(p_deposit, 0) < ceil(p_nominal * a.deposit_share) THEN 'deposit'
            WHEN a.nominal_minor + p_nominal > a.nominal_limit_minor THEN 'over_nominal' END
    $$
    """,
    "DROP FUNCTION exposure_answered(text, text[], text, text, text, bigint, uuid, text)",
    """
    CREATE FUNCTION exposure_answered(
        p_key text, p_kinds text[], p_line_id text, p_customer_id text, p_currency text,
        p_amount bigint, p_reservation_id uuid, p_terms text DEFAULT NULL,
        p_product text DEFAULT NULL, p_nominal bigint DEFAULT NULL
    ) RETURNS exposure_answer LANGUAGE plpgsql STABLE AS $$
    DECLARE
        first exposure_entry;
        account exposure_account;
        sub exposure_account;
        answer exposure_answer;
    BEGIN
        SELECT * INTO first FROM exposure_entry WHERE key = p_key;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        SELECT * INTO account FROM exposure_account WHERE account_no = first.account_no;
        SELECT * INTO sub FROM exposure_account WHERE account_no = first.sub_no;
        answer.verdict := 'key_reused';
        answer.replayed := true;
        IF first.kind = ANY (p_kinds) AND account.kind = 'line'
            AND account.owner_id = coalesce(p_line_id, account.owner_id)
            AND (p_customer_id IS NULL
                OR account.customer_id = ANY (customer_ids(p_customer_id)))
            AND account.currency = coalesce(p_currency, account.currency)
            AND first.amount_minor = coalesce(p_amount, first.amount_minor)
            AND first.reservation_id IS NOT DISTINCT FROM p_reservation_id
            AND first.terms IS NOT DISTINCT FROM p_terms
            AND (p_product IS NULL OR sub.product IS NULL OR sub.product = p_product)
            AND (p_nominal IS NULL
                OR p_nominal = coalesce(abs(first.nominal_minor), first.amount_minor))
        THEN
            answer.verdict := coalesce(first.reason, first.kind);
            answer.line_id := account.owner_id;
            answer.entry_id := first.entry_id;
            answer.reserved := first.reserved_after;
            answer.used := first.used_after;
            answer.headroom := first.headroom_minor;
            answer.binding := exposure_account_name(first.binding_no);
            answer.fact := coalesce(exposure_date(sub, first.reason),
                exposure_date(account, first.reason));
            answer.expires_at := first.expires_at;
            answer.amount := first.amount_minor;
            answer.currency := account.currency;
        END IF;
        RETURN answer;
    END
    $$
    """,
    "DROP FUNCTION exposure_verdict(text, text, bigint, date, integer)",
    """
    CREATE FUNCTION exposure_verdict(
        p_line_id text, p_currency text, p_amount bigint, p_business_on date,
        p_terms_above integer DEFAULT NULL, p_product text DEFAULT NULL,
        p_purpose text DEFAULT NULL, p_nominal bigint DEFAULT NULL, p_due_on date DEFAULT NULL,
        p_deposit bigint DEFAULT NULL,
        OUT account_no bigint, OUT seq bigint, OUT binding_no bigint, OUT sub_no bigint,
        OUT sub_seq bigint, OUT answer exposure_answer
    ) LANGUAGE plpgsql STABLE AS $$
    DECLARE
        line exposure_account;
        sub exposure_account;
        above record;
        room bigint;
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
        IF line.has_sub_lines AND p_product IS NOT NULL THEN
            SELECT * INTO sub FROM exposure_account
            WHERE kind = 'sub_line' AND owner_id = p_line_id || '/' || p_product
                AND currency = p_currency;
        END IF;
        account_no := line.account_no;
        seq := line.entries;
        sub_no := sub.account_no;
        sub_seq := sub.entries;
        answer.reserved := line.reserved_minor;
        answer.used := line.used_minor;
        FOR above IN
            SELECT a.account_no, exposure_headroom(a, p_business_on) AS headroom
            FROM exposure_account a
            WHERE a.account_no IN (line.account_no, sub.account_no, line.customer_no,
                line.parent_no) OR a.account_no = ANY (line.cover_nos)
            ORDER BY array_position('{line,sub_line,customer,guarantor,insurer,group}', a.kind),
                a.account_no
        LOOP
            IF above.headroom < answer.headroom
                OR answer.headroom IS NULL AND above.headroom IS NOT NULL
            THEN
                answer.headroom := above.headroom;
                binding_no := above.account_no;
            END IF;
        END LOOP;
        answer.binding := exposure_account_name(binding_no);
        answer.verdict := coalesce(
            exposure_standing(line, p_business_on, '{active}', line.last_draw_on),
            CASE WHEN line.has_sub_lines AND p_product IS NULL THEN 'product_missing'
                WHEN line.has_sub_lines AND sub.account_no IS NULL
                    OR NOT line.has_sub_lines AND p_product <> line.product THEN 'product'
                WHEN sub.status <> 'active' THEN 'product_' || sub.status END,
            CASE WHEN line.terms_days <= p_terms_above THEN 'terms_exceeded' END,
            exposure_misfit(line, p_business_on, p_purpose, p_due_on, p_nominal,
                p_deposit),
            exposure_misfit(sub, p_business_on, p_purpose, p_due_on, p_nominal, p_deposit),
            CASE WHEN p_amount > answer.headroom THEN 'over_limit' END);
        answer.fact := CASE answer.verdict
            WHEN 'over_nominal' THEN least(
                greatest(line.nominal_limit_minor - line.nominal_minor, 0),
                greatest(sub.nominal_limit_minor - sub.nominal_minor, 0))::text
            WHEN 'product' THEN p_product
            WHEN exposure_misfit(line, p_business_on, p_purpose, p_due_on, p_nominal,
                p_deposit)
                THEN exposure_date(line, answer.verdict)
            ELSE coalesce(exposure_date(sub, answer.verdict),
                exposure_date(line, answer.verdict)) END;
    END
    $$
    """,
)

_REFUSE = """
    CREATE FUNCTION exposure_refuse(
        p_entry_id uuid, p_line_id text, p_currency text, p_amount bigint, p_key text,
        p_business_on date, p_expires_at timestamptz, p_posted_by text, p_terms text,
        p_terms_above integer, p_product text, p_purpose text, p_nominal bigint, p_due_on date,
        p_deposit bigint
    ) RETURNS exposure_answer LANGUAGE plpgsql AS $$
    DECLARE
        looked record;
        answer exposure_answer;
    BEGIN
        PERFORM FROM exposure_account
        WHERE kind = 'line' AND owner_id = p_line_id FOR NO KEY UPDATE;
        SELECT * INTO looked
        FROM exposure_verdict(p_line_id, p_currency, p_amount, p_business_on, p_terms_above,
            p_product, p_purpose, coalesce(p_nominal, p_amount), p_due_on, p_deposit);
        answer := looked.answer;
        IF answer.verdict IS NULL OR looked.account_no IS NULL THEN
            RETURN answer;
        END IF;
        INSERT INTO exposure_entry (entry_id, key, kind, account_no, seq, sub_no, sub_seq,
            amount_minor, reserved_minor, used_minor, reserved_after, used_after, headroom_minor,
            binding_no, expires_at, reason, business_on, posted_by, terms, nominal_minor, due_on)
        VALUES (p_entry_id, p_key, 'refuse', looked.account_no, looked.seq + 1, looked.sub_no,
            looked.sub_seq + 1, p_amount, 0, 0, answer.reserved, answer.used, answer.headroom,
            looked.binding_no, p_expires_at, answer.verdict, p_business_on, p_posted_by, p_terms,
            p_nominal, p_due_on)
        ON CONFLICT (key) DO NOTHING;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        UPDATE exposure_account SET entries = entries + 1
        WHERE account_no IN (looked.account_no, looked.sub_no);
        answer.entry_id := p_entry_id;
        RETURN answer;
    END
    $$
"""

# The limit of the day, and what is left of it, on the row that is taken from.
_LIMIT = """CASE WHEN a.parts IS NULL THEN a.limit_minor
                    ELSE exposure_limit_on(a.limit_minor, a.parts, p_business_on) END"""
_ROOM = f"{_LIMIT} - a.reserved_minor - a.used_minor - a.spent_minor"
_TAKE = f"""
            UPDATE exposure_account a
            SET reserved_minor = a.reserved_minor + p_amount, entries = a.entries + 1,
                moved_on = p_business_on
            WHERE a.account_no = {{number}}
                AND (a.limit_kind = 'unlimited' OR p_amount <= {_ROOM})
            RETURNING a.entries, a.kind || '/' || a.owner_id,
                CASE WHEN a.limit_kind <> 'unlimited' THEN {_ROOM} END
            INTO {{seq}}, above_id, room;
            IF FOUND AND (room < headroom OR headroom IS NULL AND room IS NOT NULL) THEN
                headroom := room;
                binding_no := {{number}};
                binding := above_id;
            END IF;"""


def _take(number: str, seq: str) -> str:
    """Take from one of the accounts above; nothing was taken where it is not FOUND then."""
    return _TAKE.format(number=number, seq=seq)


_RESERVE = f"""
    CREATE PROCEDURE exposure_reserve(
        p_entry_id uuid, p_line_id text, p_customer_id text, p_currency text, p_amount bigint,
        p_key text, p_business_on date, p_expires_at timestamptz, p_posted_by text,
        INOUT verdict text, INOUT reserved bigint, INOUT used bigint, INOUT headroom bigint,
        INOUT binding text, INOUT more jsonb,
        p_terms text DEFAULT NULL, p_terms_above integer DEFAULT NULL,
        p_product text DEFAULT NULL, p_purpose text DEFAULT NULL, p_nominal bigint DEFAULT NULL,
        p_due_on date DEFAULT NULL, p_deposit bigint DEFAULT NULL
    ) LANGUAGE plpgsql AS $$
    DECLARE
        wanted text := p_line_id;
        line_no bigint;
        line_seq bigint;
        facility boolean;
        sub_no bigint;
        sub_seq bigint;
        own_no bigint;
        own_seq bigint;
        covers bigint[];
        cover_no bigint;
        cover_seq bigint;
        cover_seqs bigint[];
        group_no bigint;
        group_seq bigint;
        binding_no bigint;
        above_id text;
        room bigint;
        whole boolean;
        answer exposure_answer;
    BEGIN
        IF wanted IS NULL THEN
            wanted := exposure_line_of(p_customer_id, p_currency, p_business_on);
        END IF;
        LOOP
            UPDATE exposure_account a
            SET reserved_minor = a.reserved_minor + p_amount, entries = a.entries + 1,
                nominal_minor = a.nominal_minor + coalesce(p_nominal, p_amount),
                moved_on = p_business_on
            WHERE a.kind = 'line' AND a.owner_id = wanted AND a.currency = p_currency
                AND a.status = 'active' AND p_business_on BETWEEN a.starts_on AND a.last_draw_on
                AND (a.limit_kind = 'unlimited' OR p_amount <= {_ROOM})
                AND (p_terms_above IS NULL OR coalesce(a.terms_days > p_terms_above, true))
                AND CASE WHEN a.has_sub_lines THEN p_product IS NOT NULL
                    ELSE coalesce(p_product = a.product, true) END
                AND (a.purpose IS NULL AND a.nominal_limit_minor IS NULL AND p_due_on IS NULL
                        AND a.deposit_share IS NULL
                    OR exposure_misfit(a, p_business_on, p_purpose, p_due_on,
                        coalesce(p_nominal, p_amount), p_deposit) IS NULL)
            RETURNING a.account_no, a.has_sub_lines, a.customer_no, a.cover_nos, a.parent_no,
                a.entries, a.reserved_minor, a.used_minor,
                CASE WHEN a.limit_kind <> 'unlimited' THEN {_ROOM} END
            INTO line_no, facility, own_no, covers, group_no, line_seq, reserved, used, headroom;
            whole := FOUND;
            binding_no := NULL;
            binding := NULL;
            IF headroom IS NOT NULL THEN
                binding_no := line_no;
                binding := 'line/' || wanted;
            END IF;
            sub_no := NULL;
            sub_seq := NULL;
            IF whole AND facility THEN
                UPDATE exposure_account a
                SET reserved_minor = a.reserved_minor + p_amount, entries = a.entries + 1,
                    nominal_minor = a.nominal_minor + coalesce(p_nominal, p_amount),
                    moved_on = p_business_on
                WHERE a.kind = 'sub_line' AND a.owner_id = wanted || '/' || p_product
                    AND a.currency = p_currency AND a.status = 'active'
                    AND (a.limit_kind = 'unlimited' OR p_amount <= {_ROOM})
                    AND exposure_misfit(a, p_business_on, p_purpose, p_due_on,
                        coalesce(p_nominal, p_amount), p_deposit) IS NULL
                RETURNING a.account_no, a.entries, a.kind || '/' || a.owner_id,
                    CASE WHEN a.limit_kind <> 'unlimited' THEN {_ROOM} END
                INTO sub_no, sub_seq, above_id, room;
                whole := FOUND;
                IF whole AND (room < headroom OR headroom IS NULL AND room IS NOT NULL) THEN
                    headroom := room;
                    binding_no := sub_no;
                    binding := above_id;
                END IF;
            END IF;
            own_seq := NULL;
            IF whole AND own_no IS NOT NULL THEN
                {_take("own_no", "own_seq")}
                whole := own_seq IS NOT NULL;
            END IF;
            cover_seqs := NULL;
            IF whole AND covers IS NOT NULL THEN
                FOREACH cover_no IN ARRAY covers LOOP
                    {_take("cover_no", "cover_seq")}
                    whole := cover_seq IS NOT NULL;
                    EXIT WHEN NOT whole;
                    cover_seqs := cover_seqs || cover_seq;
                END LOOP;
            END IF;
            group_seq := NULL;
            IF whole AND group_no IS NOT NULL THEN
                {_take("group_no", "group_seq")}
                whole := group_seq IS NOT NULL;
            END IF;
            IF whole THEN
                INSERT INTO exposure_entry (entry_id, key, kind, account_no, seq, sub_no, sub_seq,
                    customer_no, customer_seq, cover_nos, cover_seqs, group_no, group_seq,
                    amount_minor, reserved_minor, used_minor, reserved_after, used_after,
                    headroom_minor, binding_no, expires_at, business_on, posted_by, terms,
                    nominal_minor, due_on)
                VALUES (p_entry_id, p_key, 'reserve', line_no, line_seq, sub_no, sub_seq,
                    own_no, own_seq, covers, cover_seqs, group_no, group_seq,
                    p_amount, p_amount, 0, reserved, used,
                    headroom, binding_no, p_expires_at, p_business_on, p_posted_by, p_terms,
                    nullif(p_nominal, p_amount), p_due_on)
                ON CONFLICT (key) DO NOTHING;
                IF FOUND THEN
                    verdict := 'reserve';
                    IF p_line_id IS NULL THEN
                        more := jsonb_build_object('line_id', wanted);
                    END IF;
                    EXIT;
                END IF;
            END IF;
            ROLLBACK;
            answer := exposure_answered(p_key, '{{reserve,refuse}}', p_line_id, p_customer_id,
                p_currency, p_amount, NULL, p_terms, p_product, p_nominal);
            IF answer.verdict IS NULL THEN
                answer := exposure_refuse(p_entry_id, wanted, p_currency, p_amount, p_key,
                    p_business_on, p_expires_at, p_posted_by, p_terms, p_terms_above, p_product,
                    p_purpose, p_nominal, p_due_on, p_deposit);
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
"""

# Every other movement locks first and then decides, as nobody queues for these by the thousand.
# Nothing is written where it refuses. What is left of a reservation is kept in further ones where
# that is asked for, which takes nothing anew.
_MOVE = """
    CREATE PROCEDURE exposure_move(
        p_entry_id uuid, p_kind text, p_line_id text, p_reservation_id uuid, p_currency text,
        p_amount bigint, p_key text, p_business_on date, p_as_of timestamptz, p_posted_by text,
        INOUT verdict text, INOUT reserved bigint, INOUT used bigint, INOUT headroom bigint,
        INOUT binding text, INOUT more jsonb,
        p_product text DEFAULT NULL, p_nominal bigint DEFAULT NULL,
        p_rests bigint[] DEFAULT NULL, p_rest_ids uuid[] DEFAULT NULL
    ) LANGUAGE plpgsql AS $$
    DECLARE
        line exposure_account;
        sub exposure_account;
        customer exposure_account;
        parent exposure_account;
        account exposure_account;
        reservation exposure_entry;
        answer exposure_answer;
        ended_by text;
        held bigint := 0;
        held_by_name bigint := 0;
        taken bigint := 0;
        named bigint := 0;
        kept bigint := 0;
        kept_by_name bigint := 0;
        rests bigint[] := p_rests;
        rest_names bigint[] := '{}';
        count integer := 0;
        spent bigint := 0;
        more_reserved bigint;
        more_named bigint;
        cover_no bigint;
        cover_seqs bigint[];
        binding_no bigint;
        room bigint;
        rest_id text;
    BEGIN
        SELECT * INTO line FROM exposure_account a
        WHERE a.kind = 'line' AND a.owner_id = p_line_id FOR NO KEY UPDATE;
        answer := exposure_answered(p_key, ARRAY[p_kind], p_line_id, NULL, p_currency,
            p_amount, p_reservation_id, NULL, p_product);
        IF answer.verdict IS NOT NULL THEN
            LOOP
                SELECT e.entry_id INTO rest_id FROM exposure_entry e
                WHERE e.key = p_key || '/rest/' || (coalesce(cardinality(answer.rests), 0) + 1);
                EXIT WHEN NOT FOUND;
                answer.rests := answer.rests || rest_id;
            END LOOP;
            verdict := answer.verdict;
            more := to_jsonb(answer);
            -- The first answer may still be on its way to the disk.
            PERFORM pg_logical_emit_message(false, 'creditflow', '', true);
            RETURN;
        END IF;
        IF p_reservation_id IS NOT NULL THEN
            SELECT * INTO reservation FROM exposure_entry e
            WHERE e.entry_id = p_reservation_id AND e.kind IN ('reserve', 'keep')
                AND e.account_no = line.account_no;
            SELECT e.kind INTO ended_by FROM exposure_entry e
            WHERE e.reservation_id = p_reservation_id;
            held := reservation.amount_minor;
            held_by_name := coalesce(reservation.nominal_minor, held);
        END IF;
        IF reservation.sub_no IS NOT NULL OR line.has_sub_lines AND p_product IS NOT NULL THEN
            SELECT * INTO sub FROM exposure_account a
            WHERE a.account_no = reservation.sub_no OR p_reservation_id IS NULL
                AND a.kind = 'sub_line' AND a.owner_id = p_line_id || '/' || p_product
            FOR NO KEY UPDATE;
        END IF;
        answer.line_id := p_line_id;
        answer.replayed := false;
        answer.amount := coalesce(p_amount, held - coalesce(
            (SELECT sum(each) FROM unnest(rests) each), 0));
        answer.currency := line.currency;
        IF rests = '{}' AND answer.amount < held THEN
            rests := ARRAY[held - answer.amount];
        ELSIF rests = '{}' THEN
            rests := NULL;
        END IF;
        kept := coalesce((SELECT sum(each) FROM unnest(rests) each), 0);
        taken := CASE WHEN p_kind IN ('commit', 'deposit_back') THEN answer.amount
            WHEN p_kind IN ('repay', 'deposit') THEN -answer.amount ELSE 0 END;
        answer.verdict := CASE
            WHEN line.account_no IS NULL THEN 'no_line'
            WHEN line.currency <> p_currency THEN 'currency'
            WHEN p_kind IN ('commit', 'release', 'expire') AND reservation.entry_id IS NULL
                THEN 'no_reservation'
            WHEN ended_by IS NOT NULL THEN 'closed'
            -- What was used before the line had sub-lines is of none of them.
            WHEN p_reservation_id IS NULL AND line.has_sub_lines AND p_product IS NULL
                AND answer.amount > line.used_minor - (
                    SELECT coalesce(sum(a.used_minor), 0) FROM exposure_account a
                    WHERE a.line_no = line.account_no) THEN 'product_missing'
            WHEN p_reservation_id IS NULL AND (line.has_sub_lines AND sub.account_no IS NULL
                OR NOT line.has_sub_lines AND p_product <> line.product) THEN 'product'
            WHEN p_kind = 'expire' AND coalesce(reservation.expires_at > p_as_of, true)
                THEN 'not_due'
            WHEN p_reservation_id IS NOT NULL
                AND (answer.amount < 0 OR answer.amount + kept > held)
                THEN 'more_than_reserved'
            WHEN taken < 0 AND answer.amount > least(line.used_minor, sub.used_minor)
                THEN 'more_than_used'
            -- What is lent by name above what is exposed is what deposits cover.
            WHEN p_kind = 'deposit_back' AND answer.amount > least(
                    line.nominal_minor - line.reserved_minor - line.used_minor,
                    sub.nominal_minor - sub.reserved_minor - sub.used_minor)
                THEN 'more_than_deposited'
            WHEN p_kind = 'commit' THEN
                exposure_standing(line, p_business_on, '{active,frozen}', line.ends_on)
            WHEN p_kind = 'deposit_back' THEN
                exposure_standing(line, p_business_on, '{active}', line.ends_on) END;
        IF p_kind = 'deposit_back' AND answer.verdict IS NULL THEN
            -- What takes anew looks first, with every account held that it takes from.
            PERFORM FROM exposure_account a
            WHERE a.account_no IN (line.customer_no, line.parent_no)
                OR a.account_no = ANY (line.cover_nos)
            ORDER BY CASE a.kind WHEN 'customer' THEN 0 WHEN 'group' THEN 2 ELSE 1 END,
                a.account_no FOR NO KEY UPDATE;
            SELECT (v.answer).headroom, (v.answer).binding INTO answer.headroom, answer.binding
            FROM exposure_verdict(p_line_id, p_currency, answer.amount, p_business_on,
                p_product => p_product) v;
            answer.verdict := CASE WHEN answer.amount > answer.headroom THEN 'over_limit' END;
        END IF;
        IF answer.verdict IS NOT NULL THEN
            answer.fact := CASE answer.verdict WHEN 'currency' THEN line.currency
                WHEN 'closed' THEN ended_by
                WHEN 'product' THEN p_product
                WHEN 'more_than_reserved' THEN (held - CASE WHEN p_amount IS NULL THEN 0 ELSE kept END)::text
                WHEN 'more_than_used' THEN least(line.used_minor, sub.used_minor)::text
                WHEN 'more_than_deposited' THEN greatest(least(
                    line.nominal_minor - line.reserved_minor - line.used_minor,
                    sub.nominal_minor - sub.reserved_minor - sub.used_minor), 0)::text
                ELSE exposure_date(line, answer.verdict) END;
            verdict := answer.verdict;
            more := to_jsonb(answer);
            ROLLBACK;
            RETURN;
        END IF;
        -- By name in proportion, what is used rounded up, what is kept rounded down.
        count := coalesce(cardinality(rests), 0);
        FOR n IN 1 .. count LOOP
            rest_names := rest_names
                || div(held_by_name::numeric * rests[n], nullif(held, 0))::bigint;
            kept_by_name := kept_by_name + rest_names[n];
        END LOOP;
        named := CASE
            WHEN p_kind = 'commit' AND answer.amount + kept = held
                THEN coalesce(p_nominal, held_by_name - kept_by_name)
            WHEN p_kind = 'commit'
                THEN coalesce(p_nominal,
                    div(held_by_name::numeric * answer.amount + held - 1, held)::bigint)
            WHEN p_kind = 'repay' THEN -least(coalesce(p_nominal, answer.amount),
                line.nominal_minor, sub.nominal_minor)
            ELSE 0 END - held_by_name;
        more_reserved := kept - held;
        more_named := named + kept_by_name;
        spent := CASE p_kind WHEN 'repay' THEN answer.amount ELSE 0 END;
        UPDATE exposure_account a
        SET reserved_minor = a.reserved_minor + more_reserved, used_minor = a.used_minor + taken,
            nominal_minor = a.nominal_minor + more_named,
            spent_minor = a.spent_minor + CASE WHEN a.revolving THEN 0 ELSE spent END,
            over_minor = exposure_over(a, more_reserved + taken
                + CASE WHEN a.revolving THEN 0 ELSE spent END, p_business_on),
            entries = a.entries + 1 + count, moved_on = p_business_on
        WHERE a.account_no = line.account_no RETURNING a.* INTO line;
        IF sub.account_no IS NOT NULL THEN
            UPDATE exposure_account a
            SET reserved_minor = a.reserved_minor + more_reserved,
                used_minor = a.used_minor + taken, nominal_minor = a.nominal_minor + more_named,
                spent_minor = a.spent_minor + CASE WHEN a.revolving THEN 0 ELSE spent END,
                over_minor = exposure_over(a, more_reserved + taken
                    + CASE WHEN a.revolving THEN 0 ELSE spent END, p_business_on),
                entries = a.entries + 1 + count, moved_on = p_business_on
            WHERE a.account_no = sub.account_no RETURNING a.* INTO sub;
        END IF;
        answer.headroom := least(exposure_headroom(line, p_business_on),
            exposure_headroom(sub, p_business_on));
        binding_no := CASE answer.headroom
            WHEN exposure_headroom(line, p_business_on) THEN line.account_no
            WHEN exposure_headroom(sub, p_business_on) THEN sub.account_no END;
        FOREACH cover_no IN ARRAY line.customer_no || coalesce(line.cover_nos, '{}')
            || line.parent_no
        LOOP
            CONTINUE WHEN cover_no IS NULL;
            UPDATE exposure_account a
            SET reserved_minor = a.reserved_minor + more_reserved,
                used_minor = a.used_minor + taken,
                over_minor = exposure_over(a, more_reserved + taken, p_business_on),
                entries = a.entries + 1 + count, moved_on = p_business_on
            WHERE a.account_no = cover_no RETURNING a.* INTO account;
            IF cover_no = line.customer_no THEN
                customer := account;
            ELSIF cover_no = line.parent_no THEN
                parent := account;
            ELSE
                cover_seqs := cover_seqs || account.entries;
            END IF;
            room := exposure_headroom(account, p_business_on);
            IF room < answer.headroom OR answer.headroom IS NULL AND room IS NOT NULL THEN
                answer.headroom := room;
                binding_no := cover_no;
            END IF;
        END LOOP;
        answer.binding := exposure_account_name(binding_no);
        answer.verdict := p_kind;
        answer.entry_id := p_entry_id;
        answer.reserved := line.reserved_minor;
        answer.used := line.used_minor;
        INSERT INTO exposure_entry (entry_id, key, kind, account_no, seq, sub_no, sub_seq,
            customer_no, customer_seq, cover_nos, cover_seqs, group_no, group_seq, amount_minor,
            reserved_minor, used_minor, reserved_after, used_after, headroom_minor, binding_no,
            reservation_id, business_on, posted_by, expires_at, nominal_minor)
        SELECT p_entry_id, p_key, p_kind, line.account_no, line.entries - count,
            sub.account_no, sub.entries - count, customer.account_no, customer.entries - count,
            line.cover_nos, (SELECT array_agg(each - count) FROM unnest(cover_seqs) each),
            parent.account_no, parent.entries - count, answer.amount, -held, taken,
            line.reserved_minor - kept, answer.used, answer.headroom, binding_no,
            p_reservation_id, p_business_on, p_posted_by,
            CASE p_kind WHEN 'expire' THEN reservation.expires_at END,
            nullif(named, taken - held)
        ON CONFLICT (key) DO NOTHING;
        IF NOT FOUND THEN
            -- Another line was first to use this key, while this one was locked.
            answer.verdict := 'key_reused';
            verdict := answer.verdict;
            more := to_jsonb(answer);
            ROLLBACK;
            RETURN;
        END IF;
        kept := line.reserved_minor - kept;
        FOR n IN 1 .. count LOOP
            kept := kept + rests[n];
            INSERT INTO exposure_entry (entry_id, key, kind, account_no, seq, sub_no, sub_seq,
                customer_no, customer_seq, cover_nos, cover_seqs, group_no, group_seq,
                amount_minor, reserved_minor, used_minor, reserved_after, used_after,
                headroom_minor, binding_no, business_on, posted_by, expires_at, reason, terms,
                nominal_minor, due_on)
            SELECT p_rest_ids[n], p_key || '/rest/' || n, 'keep', line.account_no,
                line.entries - count + n, sub.account_no, sub.entries - count + n,
                customer.account_no, customer.entries - count + n, line.cover_nos,
                (SELECT array_agg(each - count + n) FROM unnest(cover_seqs) each),
                parent.account_no, parent.entries - count + n, rests[n], rests[n], 0, kept,
                answer.used, answer.headroom, binding_no, p_business_on, p_posted_by,
                reservation.expires_at, 'rest of ' || p_reservation_id, reservation.terms,
                nullif(rest_names[n], rests[n]), reservation.due_on;
            answer.rests := answer.rests || p_rest_ids[n]::text;
        END LOOP;
        verdict := answer.verdict;
        more := to_jsonb(answer);
        PERFORM set_config('synchronous_commit', 'off', true);
        COMMIT;
        PERFORM pg_logical_emit_message(false, 'creditflow', '', true);
    END
    $$
"""

_PROCEDURES = (
    """
    DROP FUNCTION exposure_refuse(uuid, text, text, bigint, text, date, timestamptz, text, text,
        integer)
    """,
    """
    DROP PROCEDURE exposure_reserve(uuid, text, text, text, bigint, text, date, timestamptz, text,
        text, bigint, bigint, bigint, text, jsonb, text, integer)
    """,
    """
    DROP PROCEDURE exposure_move(uuid, text, text, uuid, text, bigint, text, date, timestamptz,
        text, text, bigint, bigint, bigint, text, jsonb)
    """,
    _REFUSE,
    _RESERVE,
    _MOVE,
)
