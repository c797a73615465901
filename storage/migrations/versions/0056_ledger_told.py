"""ledger and orders: what comes free tells the orders that wait, what is on hold takes nothing anew, and an
entry is sealed without a call for it.

A procedure is changed by the lines that change; each has to be there once.
"""

from alembic import op

revision = "0056"
down_revision = "0055"


def upgrade() -> None:
    """Written without importing our code."""
    for statement in (*_SEAL, *_HOLDS, *_FREED, *_PAID):
        op.execute(statement)
    for name, changes in _CHANGED.items():
        _change(name, changes)


def _change(name: str, changes: tuple[tuple[str, str], ...]) -> None:
    connection = op.get_bind()
    written: str = connection.exec_driver_sql(
        f"SELECT pg_get_functiondef('{name}'::regproc)"
    ).scalar_one()
    for before, after in changes:
        assert written.count(before) == 1, (name, before)
        written = written.replace(before, after)
    op.execute(written)


# The words of `exposure_digest`, on the row that comes: a call for it takes longer than the digest.
_SEAL = (
    """
    CREATE OR REPLACE FUNCTION exposure_entry_sealed() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        held text;
    BEGIN
        NEW.digest := sha256(convert_to(concat(
            NEW.entry_id, '|', NEW.key, '|', NEW.kind, '|', NEW.account_no, '|', NEW.seq, '|',
            NEW.customer_no, '|', NEW.customer_seq, '|', NEW.group_no, '|', NEW.group_seq, '|',
            NEW.amount_minor, '|', NEW.reserved_minor, '|', NEW.used_minor, '|',
            NEW.reserved_after, '|', NEW.used_after, '|', NEW.headroom_minor, '|',
            NEW.binding_no, '|', NEW.reservation_id, '|', extract(epoch FROM NEW.expires_at), '|',
            NEW.reason, '|', NEW.limit_kind, '|', NEW.limit_minor, '|', NEW.decision_id, '|',
            NEW.business_on - date '2000-01-01', '|', NEW.posted_by, '|',
            extract(epoch FROM NEW.recorded_at), '|', NEW.terms, '|', NEW.sub_no, '|',
            NEW.sub_seq, '|', NEW.cover_nos, '|', NEW.cover_seqs, '|', NEW.nominal_minor, '|',
            NEW.parts, '|', NEW.due_on - date '2000-01-01'), 'UTF8'));
        -- A reservation that a use holds is ended by what became of the use, under its keys.
        IF NEW.reservation_id IS NOT NULL AND NEW.kind IN ('commit', 'release') THEN
            SELECT u.use_id INTO held FROM exposure_entry e JOIN use_request u
                ON u.use_id = split_part(e.key, '/', 1) AND e.key = u.use_id || '/reserve'
            WHERE e.entry_id = NEW.reservation_id;
            IF held IS NOT NULL AND NEW.key NOT IN (held || '/commit', held || '/release') THEN
                RAISE EXCEPTION 'held by a use' USING ERRCODE = 'CF052', DETAIL = held;
            END IF;
        END IF;
        RETURN NEW;
    END
    $$
    """,
    "DROP TRIGGER exposure_entry_use_holds ON exposure_entry",
    "DROP FUNCTION exposure_use_holds()",
)

# Whether a hold stands on a line or its customer, on the row that is taken from.
_HOLDS = (
    "ALTER TABLE exposure_account ADD COLUMN held boolean NOT NULL DEFAULT false",
    """
    CREATE FUNCTION exposure_is_held(p_line_id text, p_customer_id text) RETURNS boolean
    LANGUAGE sql STABLE AS $$
        SELECT EXISTS (SELECT FROM order_hold h
            WHERE h.customer_id = ANY (customer_ids(p_customer_id)) AND h.status = 'open'
                AND (h.holds = 'customer' OR h.holds = 'line' AND h.subject_id = p_line_id))
    $$
    """,
    """
    CREATE FUNCTION exposure_hold(p_customer_id text, p_line_id text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql AS $$
    DECLARE
        ids text[] := customer_ids(p_customer_id);
    BEGIN
        PERFORM FROM exposure_account a WHERE a.kind = 'line' AND a.customer_id = ANY (ids)
            AND (p_line_id IS NULL OR a.owner_id = p_line_id)
        ORDER BY a.account_no FOR NO KEY UPDATE;
        -- Looked at once they are ours: another's hold may have come or gone meanwhile.
        UPDATE exposure_account a SET held = NOT a.held
        WHERE a.kind = 'line' AND a.customer_id = ANY (ids)
            AND (p_line_id IS NULL OR a.owner_id = p_line_id)
            AND a.held <> exposure_is_held(a.owner_id, a.customer_id);
    END
    $$
    """,
    """
    CREATE FUNCTION exposure_hold_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM exposure_hold(NEW.customer_id,
            CASE NEW.holds WHEN 'line' THEN NEW.subject_id END);
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER exposure_hold_changed AFTER INSERT OR UPDATE OF status ON order_hold
    FOR EACH ROW WHEN (NEW.holds <> 'order') EXECUTE FUNCTION exposure_hold_changed()
    """,
    # Customers that are one by now, or two again, have each other's holds, or have them no more.
    """
    CREATE FUNCTION exposure_alias_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP <> 'INSERT' THEN
            PERFORM exposure_hold(OLD.alias_id), exposure_hold(OLD.customer_id);
        END IF;
        IF TG_OP <> 'DELETE' THEN
            PERFORM exposure_hold(NEW.customer_id);
        END IF;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER exposure_alias_changed AFTER INSERT OR UPDATE OR DELETE ON customer_alias
    FOR EACH ROW EXECUTE FUNCTION exposure_alias_changed()
    """,
    """
    CREATE FUNCTION exposure_line_held() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.held := exposure_is_held(NEW.owner_id, NEW.customer_id);
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER exposure_line_held BEFORE INSERT ON exposure_account
    FOR EACH ROW WHEN (NEW.kind = 'line') EXECUTE FUNCTION exposure_line_held()
    """,
    """
    UPDATE exposure_account a SET held = true
    WHERE a.kind = 'line' AND exposure_is_held(a.owner_id, a.customer_id)
    """,
)

# What comes free is owed in the transaction that frees it; by what, 0057 says once plans are there
# too. An order owes for itself, with its cause.
_FREED = (
    """
    CREATE INDEX ix_sales_order_waiting ON sales_order (customer_id)
        WHERE asked OR status IN ('held', 'released')
    """,
)

# What of an order's invoices is owed no more, the orders of which that is not all, and what each uses.
_PAID = (
    """
    ALTER TABLE sales_order ADD COLUMN settled_minor bigint NOT NULL DEFAULT 0,
        ADD COLUMN used_minor bigint NOT NULL DEFAULT 0
    """,
    """
    UPDATE sales_order s SET settled_minor = round(credited * one),
        used_minor = round((coalesce((body -> 'carried' ->> 'amount')::numeric, delivered)
            - coalesce((body -> 'repaid' ->> 'amount')::numeric, credited)) * one)
    FROM (
        SELECT order_id, (body -> 'credited' ->> 'amount')::numeric AS credited,
            (body -> 'delivered' ->> 'amount')::numeric AS delivered,
            amount_minor / (body -> 'content' -> 'amount' ->> 'amount')::numeric AS one
        FROM sales_order
    ) o WHERE o.order_id = s.order_id
    """,
    """
    CREATE INDEX ix_sales_order_unsettled ON sales_order (customer_id)
        WHERE invoiced_minor > settled_minor
    """,
    "CREATE INDEX ix_sales_order_used ON sales_order (line_id) WHERE used_minor > 0",
)

_CHANGED = {
    "exposure_line_of": (
        ("status = 'active' AND p_business_on", "status = 'active' AND NOT held AND p_business_on"),
    ),
    "exposure_reserve": (
        (
            "AND a.status = 'active' AND p_business_on BETWEEN",
            "AND a.status = 'active' AND NOT a.held AND p_business_on BETWEEN",
        ),
    ),
    "exposure_verdict": (
        (
            "exposure_standing(line, p_business_on, '{active}', line.last_draw_on),",
            "exposure_standing(line, p_business_on, '{active}', line.last_draw_on),\n"
            "            CASE WHEN line.held THEN 'held' END,",
        ),
    ),
    "exposure_move": (
        (
            "                exposure_standing(line, p_business_on, '{active}', line.ends_on) END;",
            "                coalesce(exposure_standing(line, p_business_on, '{active}', line.ends_on),\n"
            "                    CASE WHEN line.held THEN 'held' END) END;",
        ),
        (
            "        verdict := answer.verdict;\n        more := to_jsonb(answer);\n"
            "        PERFORM set_config('synchronous_commit', 'off', true);",
            "        verdict := answer.verdict;\n        more := to_jsonb(answer);\n"
            "        IF more_reserved + taken < 0 AND p_key NOT LIKE 'order/%' THEN\n"
            "            PERFORM exposure_freed(p_entry_id, p_kind, line.customer_id);\n"
            "        END IF;\n"
            "        PERFORM set_config('synchronous_commit', 'off', true);",
        ),
    ),
}
