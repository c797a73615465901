"""terms: the register of cover, terms that orders are held to, and interest on what is late."""

from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    _cover()
    for statement in (*_ORDERS, *_LATE):
        op.execute(statement)
    for table in ("late_entry", "late_waiver", "late_waiver_answer"):
        op.execute(
            f"""
            CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """
        )


# What an order's terms are held to stands on the account, beside the limit, so that a check still
# looks at one row. `terms_days` are the longest days of the approved terms; an order says the bound
# that its own terms pass, and null where it says no terms or passes none. The procedures keep the
# place of every parameter that the release before calls them with.
_ORDERS = (
    "ALTER TABLE exposure_account ADD COLUMN terms_days integer",
    "ALTER TABLE exposure_entry ADD COLUMN terms text",
    """
    CREATE OR REPLACE FUNCTION exposure_date(a exposure_account, p_reason text)
    RETURNS text LANGUAGE sql STABLE AS $$
        SELECT CASE p_reason WHEN 'ended' THEN a.ends_on::text
            WHEN 'draws_over' THEN a.last_draw_on::text
            WHEN 'not_started' THEN a.starts_on::text
            WHEN 'terms_exceeded' THEN a.terms_days::text END
    $$
    """,
    """
    DROP FUNCTION exposure_answered(text, text[], text, text, text, bigint, uuid)
    """,
    """
    CREATE FUNCTION exposure_answered(
        p_key text, p_kinds text[], p_line_id text, p_customer_id text, p_currency text,
        p_amount bigint, p_reservation_id uuid, p_terms text DEFAULT NULL
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
            AND (p_customer_id IS NULL
                OR account.customer_id = ANY (customer_ids(p_customer_id)))
            AND account.currency = coalesce(p_currency, account.currency)
            AND first.amount_minor = coalesce(p_amount, first.amount_minor)
            AND first.reservation_id IS NOT DISTINCT FROM p_reservation_id
            AND first.terms IS NOT DISTINCT FROM p_terms
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
    """
    DROP FUNCTION exposure_verdict(text, text, bigint, date)
    """,
    """
    CREATE FUNCTION exposure_verdict(
        p_line_id text, p_currency text, p_amount bigint, p_business_on date,
        p_terms_above integer DEFAULT NULL,
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
            CASE WHEN line.terms_days <= p_terms_above THEN 'terms_exceeded' END,
            CASE WHEN p_amount > answer.headroom THEN 'over_limit' END);
        answer.fact := exposure_date(line, answer.verdict);
    END
    $$
    """,
    """
    DROP FUNCTION exposure_refuse(uuid, text, text, bigint, text, date, timestamptz, text)
    """,
    """
    CREATE FUNCTION exposure_refuse(
        p_entry_id uuid, p_line_id text, p_currency text, p_amount bigint, p_key text,
        p_business_on date, p_expires_at timestamptz, p_posted_by text, p_terms text,
        p_terms_above integer
    ) RETURNS exposure_answer LANGUAGE plpgsql AS $$
    DECLARE
        looked record;
        answer exposure_answer;
    BEGIN
        PERFORM FROM exposure_account
        WHERE kind = 'line' AND owner_id = p_line_id FOR NO KEY UPDATE;
        SELECT * INTO looked
        FROM exposure_verdict(p_line_id, p_currency, p_amount, p_business_on, p_terms_above);
        answer := looked.answer;
        IF answer.verdict IS NULL OR looked.account_no IS NULL THEN
            RETURN answer;
        END IF;
        INSERT INTO exposure_entry (entry_id, key, kind, account_no, seq, amount_minor,
            reserved_minor, used_minor, reserved_after, used_after, headroom_minor, binding_no,
            expires_at, reason, business_on, posted_by, terms)
        VALUES (p_entry_id, p_key, 'refuse', looked.account_no, looked.seq + 1, p_amount,
            0, 0, answer.reserved, answer.used, answer.headroom, looked.binding_no,
            p_expires_at, answer.verdict, p_business_on, p_posted_by, p_terms)
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
    """
    DROP PROCEDURE exposure_reserve(uuid, text, text, text, bigint, text, date, timestamptz, text,
        text, bigint, bigint, bigint, text, jsonb)
    """,
    """
    CREATE PROCEDURE exposure_reserve(
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
                    used_after, headroom_minor, binding_no, expires_at, business_on, posted_by,
                    terms)
                VALUES (p_entry_id, p_key, 'reserve', line_no, line_seq, group_no,
                    group_seq, p_amount, p_amount, 0, reserved,
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
)


_LATE = (
    """
    CREATE TABLE late_entry (
        entry_id text CONSTRAINT pk_late_entry PRIMARY KEY,
        seq bigint GENERATED ALWAYS AS IDENTITY,
        customer_id text NOT NULL
            CONSTRAINT fk_late_entry_customer_id REFERENCES customer (customer_id),
        invoice_no text NOT NULL,
        kind text NOT NULL,
        amount_minor bigint NOT NULL,
        currency text NOT NULL,
        period_end_on date,
        of text CONSTRAINT fk_late_entry_of REFERENCES late_entry,
        asked_by text,
        reason text NOT NULL DEFAULT '',
        posted_by text NOT NULL,
        business_on date NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT fk_late_entry_invoice FOREIGN KEY (customer_id, invoice_no)
            REFERENCES invoice (customer_id, invoice_no),
        CONSTRAINT ck_late_entry_form CHECK (CASE kind
            WHEN 'charge' THEN period_end_on IS NOT NULL AND of IS NULL AND amount_minor <> 0
            WHEN 'waiver' THEN of IS NOT NULL AND amount_minor < 0
                AND asked_by IS NOT NULL AND asked_by <> posted_by
            WHEN 'reversal' THEN of IS NOT NULL AND amount_minor > 0 AND reason <> ''
            ELSE false END)
    )
    """,
    "CREATE INDEX ix_late_entry_customer_id ON late_entry (customer_id, seq)",
    "CREATE UNIQUE INDEX uq_late_entry_of ON late_entry (of) WHERE kind = 'reversal'",
    """
    CREATE TABLE late_waiver (
        waiver_id text CONSTRAINT pk_late_waiver PRIMARY KEY,
        customer_id text NOT NULL,
        of text NOT NULL CONSTRAINT fk_late_waiver_of REFERENCES late_entry,
        amount_minor bigint NOT NULL,
        currency text NOT NULL,
        reason text NOT NULL,
        asked_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_late_waiver_asked_by UNIQUE (waiver_id, asked_by),
        CONSTRAINT ck_late_waiver_amount CHECK (amount_minor > 0)
    )
    """,
    "CREATE INDEX ix_late_waiver_customer_id ON late_waiver (customer_id)",
    """
    CREATE TABLE late_waiver_answer (
        waiver_id text CONSTRAINT pk_late_waiver_answer PRIMARY KEY,
        asked_by text NOT NULL,
        answered_by text NOT NULL,
        granted boolean NOT NULL,
        note text NOT NULL DEFAULT '',
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT fk_late_waiver_answer_asked_by FOREIGN KEY (waiver_id, asked_by)
            REFERENCES late_waiver (waiver_id, asked_by),
        CONSTRAINT ck_late_waiver_answer_two CHECK (answered_by <> asked_by)
    )
    """,
)


def _cover() -> None:
    # What a cover is, whose and in which currency never changes; the rest is a version of it.
    op.execute(
        """
        CREATE TABLE cover (
            cover_id text CONSTRAINT pk_cover PRIMARY KEY,
            kind text NOT NULL,
            owner text NOT NULL,
            currency text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT ck_cover_kind CHECK
                (kind IN ('guarantee', 'mortgage', 'pledge', 'deposit', 'insurance'))
        )
        """
    )
    op.execute("CREATE INDEX ix_cover_owner ON cover (owner)")
    op.execute(
        """
        CREATE TABLE cover_version (
            cover_id text CONSTRAINT fk_cover_version_cover_id REFERENCES cover,
            version integer,
            content jsonb NOT NULL,
            needs_check boolean NOT NULL,
            recorded_by text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_cover_version PRIMARY KEY (cover_id, version),
            CONSTRAINT uq_cover_version_recorded_by UNIQUE (cover_id, version, recorded_by),
            CONSTRAINT ck_cover_version_version CHECK (version >= 1)
        )
        """
    )
    op.execute(
        "CREATE INDEX ix_cover_version_uses ON cover_version"
        " USING gin ((content -> 'uses') jsonb_path_ops)"
    )
    # Who recorded the version is part of its key here, so that no road leads round the second pair
    # of eyes.
    op.execute(
        """
        CREATE TABLE cover_check (
            cover_id text,
            version integer,
            recorded_by text NOT NULL,
            checked_by text NOT NULL,
            confirmed boolean NOT NULL,
            note text NOT NULL DEFAULT '',
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_cover_check PRIMARY KEY (cover_id, version),
            CONSTRAINT fk_cover_check_version FOREIGN KEY (cover_id, version, recorded_by)
                REFERENCES cover_version (cover_id, version, recorded_by),
            CONSTRAINT ck_cover_check_two CHECK (checked_by <> recorded_by)
        )
        """
    )
    for table in ("cover", "cover_version", "cover_check"):
        op.execute(
            f"""
            CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """
        )
