"""ledger: most orders are plain, and a plain order is taken by a procedure that does no more than that.

Plain: on a line with a limit and nothing beside it but a group; without terms, product or purpose.
Whatever is not, and whatever is refused or was asked before, is handed to `exposure_reserve`.
"""

from alembic import op

revision = "0059"
down_revision = "0058"


def upgrade() -> None:
    """Written without importing our code."""
    connection = op.get_bind()
    sealed: str = connection.exec_driver_sql(
        "SELECT pg_get_functiondef('exposure_entry_sealed'::regproc)"
    ).scalar_one()
    for before, after in _SEALED:
        assert sealed.count(before) == 1, before
        sealed = sealed.replace(before, after)
    op.execute(sealed)
    for statement in _TRIGGER:
        op.execute(statement)
    op.execute(_PLAIN)


# Whoever seals an entry itself is not sealed again; if it did so wrongly, the proof names it.
_SEALED = (
    ("        NEW.digest := sha256(", "        NEW.digest := coalesce(NEW.digest, sha256("),
    ("date '2000-01-01'), 'UTF8'));", "date '2000-01-01'), 'UTF8')));"),
)
_TRIGGER = (
    "DROP TRIGGER exposure_entry_sealed ON exposure_entry",
    """
    CREATE TRIGGER exposure_entry_sealed BEFORE INSERT ON exposure_entry FOR EACH ROW
    WHEN (NEW.digest IS NULL OR NEW.reservation_id IS NOT NULL)
    EXECUTE FUNCTION exposure_entry_sealed()
    """,
)

# The seal is the words of `exposure_digest`, less what a plain reservation does not say.
_PLAIN = """
    CREATE PROCEDURE exposure_reserve_plain(
        p_entry_id uuid, p_line_id text, p_customer_id text, p_currency text, p_amount bigint,
        p_key text, p_business_on date, p_expires_at timestamptz, p_posted_by text,
        INOUT verdict text, INOUT reserved bigint, INOUT used bigint, INOUT headroom bigint,
        INOUT binding text, INOUT more jsonb
    ) LANGUAGE plpgsql AS $$
    DECLARE
        wanted text := p_line_id;
        line_no bigint;
        line_seq bigint;
        group_no bigint;
        group_seq bigint;
        group_id text;
        binding_no bigint;
        room bigint;
        recorded timestamptz := clock_timestamp();
    BEGIN
        IF wanted IS NULL THEN
            wanted := exposure_line_of(p_customer_id, p_currency, p_business_on);
        END IF;
        UPDATE exposure_account a
        SET reserved_minor = a.reserved_minor + p_amount, entries = a.entries + 1,
            nominal_minor = a.nominal_minor + p_amount, moved_on = p_business_on
        WHERE a.kind = 'line' AND a.owner_id = wanted AND a.currency = p_currency
            AND a.status = 'active' AND NOT a.held
            AND p_business_on BETWEEN a.starts_on AND a.last_draw_on
            AND a.limit_kind <> 'unlimited' AND a.parts IS NULL
            AND p_amount <= a.limit_minor - a.reserved_minor - a.used_minor - a.spent_minor
            AND NOT a.has_sub_lines AND a.customer_no IS NULL AND a.cover_nos IS NULL
            AND a.purpose IS NULL AND a.nominal_limit_minor IS NULL AND a.deposit_share IS NULL
        RETURNING a.account_no, a.parent_no, a.entries, a.reserved_minor, a.used_minor,
            a.limit_minor - a.reserved_minor - a.used_minor - a.spent_minor
        INTO line_no, group_no, line_seq, reserved, used, headroom;
        IF FOUND THEN
            binding_no := line_no;
            binding := 'line/' || wanted;
            IF group_no IS NOT NULL THEN
                UPDATE exposure_account a
                SET reserved_minor = a.reserved_minor + p_amount, entries = a.entries + 1,
                    moved_on = p_business_on
                WHERE a.account_no = group_no AND a.parts IS NULL
                    AND (a.limit_kind = 'unlimited' OR p_amount
                        <= a.limit_minor - a.reserved_minor - a.used_minor - a.spent_minor)
                RETURNING a.entries, a.owner_id, CASE WHEN a.limit_kind <> 'unlimited'
                    THEN a.limit_minor - a.reserved_minor - a.used_minor - a.spent_minor END
                INTO group_seq, group_id, room;
                IF room < headroom THEN
                    headroom := room;
                    binding_no := group_no;
                    binding := 'group/' || group_id;
                END IF;
            END IF;
        END IF;
        IF FOUND THEN
            INSERT INTO exposure_entry (entry_id, key, kind, account_no, seq, group_no, group_seq,
                amount_minor, reserved_minor, used_minor, reserved_after, used_after,
                headroom_minor, binding_no, expires_at, business_on, posted_by, recorded_at, digest)
            VALUES (p_entry_id, p_key, 'reserve', line_no, line_seq, group_no, group_seq,
                p_amount, p_amount, 0, reserved, used,
                headroom, binding_no, p_expires_at, p_business_on, p_posted_by, recorded,
                sha256(convert_to(concat(
                    p_entry_id, '|', p_key, '|reserve|', line_no, '|', line_seq, '|||',
                    group_no, '|', group_seq, '|', p_amount, '|', p_amount, '|0|',
                    reserved, '|', used, '|', headroom, '|', binding_no, '||',
                    extract(epoch FROM p_expires_at), '|||||',
                    p_business_on - date '2000-01-01', '|', p_posted_by, '|',
                    extract(epoch FROM recorded), '||||||||'), 'UTF8')))
            ON CONFLICT (key) DO NOTHING;
        END IF;
        IF NOT FOUND THEN
            ROLLBACK;
            CALL exposure_reserve(p_entry_id, p_line_id, p_customer_id, p_currency, p_amount,
                p_key, p_business_on, p_expires_at, p_posted_by,
                verdict, reserved, used, headroom, binding, more);
            RETURN;
        END IF;
        verdict := 'reserve';
        IF p_line_id IS NULL THEN
            more := jsonb_build_object('line_id', wanted);
        END IF;
        PERFORM set_config('synchronous_commit', 'off', true);
        COMMIT;
        PERFORM pg_logical_emit_message(false, 'creditflow', '', true);
    END
    $$
"""
