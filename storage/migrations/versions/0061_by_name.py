"""ledger: what is lent by name goes back with what is exposed; a replay tells what the first answer told.

Names that open reservations hold are neither deposits to be given back nor names that a repayment ends:
one that took them left a reservation that could not end. A repayment gives names back in proportion,
or those it says. A refusal keeps its fact, so that asked for again it says the same; and a key that
was used for other parts, another product, name or day is refused.
"""

from alembic import op

revision = "0061"
down_revision = "0060"


def upgrade() -> None:
    """Written without importing our code."""
    op.execute("ALTER TABLE exposure_entry ADD COLUMN fact text")
    op.execute(
        "CREATE INDEX ix_exposure_entry_named ON exposure_entry (account_no)"
        " WHERE nominal_minor IS NOT NULL AND kind IN ('reserve', 'keep')"
    )
    op.execute(_NAMES_HELD)
    connection = op.get_bind()
    sources: dict[str, str] = {
        name: connection.exec_driver_sql(
            f"SELECT pg_get_functiondef('{name}'::regproc)"
        ).scalar_one()
        for name in _CHANGED
    }
    op.execute(
        "DROP FUNCTION exposure_answered(text, text[], text, text, text, bigint, uuid, text, text,"
        " bigint)"
    )
    for name, changed in _CHANGED.items():
        source = sources[name]
        for before, after in changed:
            assert source.count(before) == 1, (name, before)
            source = source.replace(before, after)
        op.execute(source)


# What open reservations of a line, or of a sub-line, hold by name beyond what they reserve.
_NAMES_HELD = """
    CREATE FUNCTION exposure_names_held(p_line_no bigint, p_sub_no bigint DEFAULT NULL)
    RETURNS bigint LANGUAGE sql STABLE AS $$
        SELECT coalesce(sum(e.nominal_minor - e.amount_minor), 0)::bigint FROM exposure_entry e
        WHERE e.account_no = p_line_no AND e.nominal_minor IS NOT NULL
            AND e.kind IN ('reserve', 'keep')
            AND (p_sub_no IS NULL OR e.sub_no = p_sub_no)
            AND NOT EXISTS (
                SELECT FROM exposure_entry ending WHERE ending.reservation_id = e.entry_id)
    $$
"""
_ANSWERED = (
    (
        "p_nominal bigint DEFAULT NULL::bigint)",
        "p_nominal bigint DEFAULT NULL::bigint, p_due_on date DEFAULT NULL::date)",
    ),
    (
        "            AND (p_product IS NULL OR sub.product IS NULL OR sub.product = p_product)\n",
        """            AND (CASE WHEN NOT 'reserve' = ANY (p_kinds)
                    THEN p_product IS NULL OR sub.product IS NULL OR sub.product = p_product
                WHEN first.reason = 'product' THEN p_product IS NOT DISTINCT FROM first.fact
                WHEN account.has_sub_lines THEN sub.product IS NOT DISTINCT FROM p_product
                ELSE true END)
            AND (NOT 'reserve' = ANY (p_kinds) OR first.due_on IS NOT DISTINCT FROM p_due_on)
""",
    ),
    (
        "            answer.fact := coalesce(exposure_date(sub, first.reason),\n",
        "            answer.fact := coalesce(first.fact, exposure_date(sub, first.reason),\n",
    ),
)
_REFUSE = (
    (
        "binding_no, expires_at, reason, business_on, posted_by, terms, nominal_minor, due_on)",
        "binding_no, expires_at, reason, business_on, posted_by, terms, nominal_minor, due_on,\n"
        "            fact)",
    ),
    ("            p_nominal, p_due_on)\n", "            p_nominal, p_due_on, answer.fact)\n"),
)
_RESERVE = (
    (
        "p_currency, p_amount, NULL, p_terms, p_product, p_nominal);",
        "p_currency, p_amount, NULL, p_terms, p_product, coalesce(p_nominal, p_amount),\n"
        "                p_due_on);",
    ),
)
# The instant at which the account's row is held.
_PLAIN = (
    ("        recorded timestamptz := clock_timestamp();\n", "        recorded timestamptz;\n"),
    (
        "        IF FOUND THEN\n            binding_no := line_no;",
        "        IF FOUND THEN\n            recorded := clock_timestamp();\n"
        "            binding_no := line_no;",
    ),
)
_MOVE = (
    (
        "        rest_id text;\n",
        """        rest_id text;
        rest_minor bigint;
        rests_before bigint[] := '{}';
        line_named bigint;
        sub_named bigint;
        free bigint;
""",
    ),
    (
        """                SELECT e.entry_id INTO rest_id FROM exposure_entry e
                WHERE e.key = p_key || '/rest/' || (coalesce(cardinality(answer.rests), 0) + 1);
                EXIT WHEN NOT FOUND;
                answer.rests := answer.rests || rest_id;
            END LOOP;
""",
        """                SELECT e.entry_id, e.amount_minor INTO rest_id, rest_minor FROM exposure_entry e
                WHERE e.key IN (p_key || ' rest ' || (cardinality(rests_before) + 1),
                        p_key || '/rest/' || (cardinality(rests_before) + 1))
                    AND e.kind = 'keep' AND e.account_no = line.account_no;
                EXIT WHEN NOT FOUND;
                answer.rests := answer.rests || rest_id;
                answer.reserved := answer.reserved + rest_minor;
                rests_before := rests_before || rest_minor;
            END LOOP;
            IF p_reservation_id IS NOT NULL AND (CASE WHEN p_rests IS NULL THEN rests_before <> '{}'
                WHEN p_rests = '{}' THEN cardinality(rests_before) > 1 OR rests_before = '{}'
                    AND answer.amount < (SELECT e.amount_minor FROM exposure_entry e
                        WHERE e.entry_id = p_reservation_id)
                ELSE p_rests <> rests_before END)
            THEN
                answer.verdict := 'key_reused';
            END IF;
""",
    ),
    (
        "p_rest_ids[n], p_key || '/rest/' || n, 'keep'",
        "p_rest_ids[n], p_key || ' rest ' || n, 'keep'",
    ),
    (
        "        answer.verdict := CASE\n            WHEN line.account_no IS NULL THEN 'no_line'\n",
        """        IF p_reservation_id IS NULL AND line.has_sub_lines THEN
            -- What was used before the line had sub-lines is of none of them.
            free := line.used_minor - (SELECT coalesce(sum(a.used_minor), 0)
                FROM exposure_account a WHERE a.line_no = line.account_no);
            IF p_kind = 'repay' AND answer.amount > sub.used_minor AND answer.amount <= free THEN
                sub := NULL;
                p_product := NULL;
            END IF;
        END IF;
        IF p_kind IN ('repay', 'deposit_back') THEN
            -- By name, what is used: deposits and all.
            line_named := line.nominal_minor - line.reserved_minor;
            sub_named := sub.nominal_minor - sub.reserved_minor;
            IF line_named <> line.used_minor THEN
                line_named := line_named - exposure_names_held(line.account_no);
                sub_named := sub_named - exposure_names_held(line.account_no, sub.account_no);
            END IF;
        END IF;
        answer.verdict := CASE
            WHEN line.account_no IS NULL THEN 'no_line'
""",
    ),
    (
        """            -- What was used before the line had sub-lines is of none of them.
            WHEN p_reservation_id IS NULL AND line.has_sub_lines AND p_product IS NULL
                AND answer.amount > line.used_minor - (
                    SELECT coalesce(sum(a.used_minor), 0) FROM exposure_account a
                    WHERE a.line_no = line.account_no) THEN 'product_missing'
            WHEN p_reservation_id IS NULL AND (line.has_sub_lines AND sub.account_no IS NULL
                OR NOT line.has_sub_lines AND p_product <> line.product) THEN 'product'
""",
        """            WHEN p_reservation_id IS NULL AND line.has_sub_lines AND p_product IS NULL
                AND answer.amount > free THEN 'product_missing'
            WHEN p_reservation_id IS NULL AND CASE WHEN line.has_sub_lines
                    THEN p_product IS NOT NULL AND sub.account_no IS NULL
                ELSE p_product <> line.product END THEN 'product'
""",
    ),
    (
        """            -- What is lent by name above what is exposed is what deposits cover.
            WHEN p_kind = 'deposit_back' AND answer.amount > least(
                    line.nominal_minor - line.reserved_minor - line.used_minor,
                    sub.nominal_minor - sub.reserved_minor - sub.used_minor)
                THEN 'more_than_deposited'
            WHEN p_kind = 'commit' THEN
""",
        """            -- What is used by name above what is exposed is what deposits cover.
            WHEN CASE WHEN p_kind = 'deposit_back' THEN answer.amount
                    -- An order says its own name, and gets back what is left of it.
                    WHEN p_kind = 'repay' AND p_key NOT LIKE 'order/%'
                        THEN p_nominal - answer.amount END
                    > least(line_named - line.used_minor, sub_named - sub.used_minor)
                THEN 'more_than_deposited'
            WHEN p_kind = 'deposit_back' AND sub.status <> 'active'
                OR p_kind = 'commit' AND sub.status NOT IN ('active', 'frozen')
                THEN 'product_' || sub.status
            WHEN p_kind = 'commit' THEN
""",
    ),
    (
        """greatest(least(
                    line.nominal_minor - line.reserved_minor - line.used_minor,
                    sub.nominal_minor - sub.reserved_minor - sub.used_minor), 0)::text
""",
        """greatest(least(line_named - line.used_minor,
                    sub_named - sub.used_minor), 0)::text
""",
    ),
    (
        """            WHEN p_kind = 'repay' THEN -least(coalesce(p_nominal, answer.amount),
                line.nominal_minor, sub.nominal_minor)
""",
        """            -- Never below what stays in use.
            WHEN p_kind = 'repay' THEN -least(line_named - line.used_minor + answer.amount,
                sub_named - sub.used_minor + answer.amount, greatest(answer.amount,
                coalesce(p_nominal, div(coalesce(sub_named, line_named)::numeric * answer.amount,
                    nullif(coalesce(sub.used_minor, line.used_minor), 0))::bigint)))
""",
    ),
)
_CHANGED = {
    "exposure_answered": _ANSWERED,
    "exposure_refuse": _REFUSE,
    "exposure_reserve": _RESERVE,
    "exposure_reserve_plain": _PLAIN,
    "exposure_move": _MOVE,
}
