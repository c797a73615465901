"""The standing proof: every balance from its entries, every instant within its limit.

Balances are a cache; the entries are the book. Reading them in each account's own order shows
whether one is missing, whether any moment stood above the limit then in force, and whether what the
accounts say now is what the entries add up to.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.exposure import Discrepancy, Proof

# Enough to see what is wrong; a book that is wrong everywhere need not be listed.
DISCREPANCIES_MAX = 100

# What an entry of each kind moves, and what it has to name.
_FORM = """
    CASE kind
        WHEN 'reserve' THEN (reserved_minor, used_minor) = (amount_minor, 0)
            AND amount_minor > 0 AND reservation_id IS NULL
        WHEN 'refuse' THEN (reserved_minor, used_minor) = (0, 0) AND reason IS NOT NULL
        WHEN 'commit' THEN used_minor = amount_minor AND amount_minor > 0
            AND reserved_minor <= -amount_minor AND reservation_id IS NOT NULL
        WHEN 'release' THEN (reserved_minor, used_minor) = (-amount_minor, 0)
            AND reservation_id IS NOT NULL
        WHEN 'expire' THEN (reserved_minor, used_minor) = (-amount_minor, 0)
            AND reservation_id IS NOT NULL
        WHEN 'repay' THEN (reserved_minor, used_minor) = (0, -amount_minor) AND amount_minor > 0
        WHEN 'opening' THEN (reserved_minor, used_minor) = (0, 0)
            AND limit_kind IS NOT NULL AND decision_id IS NOT NULL
        WHEN 'limit' THEN (reserved_minor, used_minor) = (0, 0)
            AND limit_kind IS NOT NULL AND decision_id IS NOT NULL
        WHEN 'join' THEN least(reserved_minor, used_minor) >= 0
            AND reserved_minor + used_minor = amount_minor AND reason IS NOT NULL
        WHEN 'leave' THEN greatest(reserved_minor, used_minor) <= 0
            AND reserved_minor + used_minor = -amount_minor AND reason IS NOT NULL
        ELSE false END
"""

# Each entry moves its line and, where it has them, its customer and its group: an effect on each, in
# an order of each.
_EFFECTS = f"""
    WITH effect AS (
        SELECT account_no, seq, kind, reserved_minor AS reserved, used_minor AS used,
            reserved_after, used_after, limit_kind, {_FORM} AS in_form
        FROM exposure_entry
        UNION ALL
        SELECT customer_no, customer_seq, kind, reserved_minor, used_minor,
            NULL, NULL, NULL, true
        FROM exposure_entry WHERE customer_no IS NOT NULL
        UNION ALL
        SELECT group_no, group_seq, kind, reserved_minor, used_minor,
            NULL, NULL, NULL, true
        FROM exposure_entry WHERE group_no IS NOT NULL
    ), running AS (
        SELECT account_no, seq, in_form, CASE kind WHEN 'join' THEN 0 ELSE reserved + used END
                AS more, reserved_after, used_after,
            sum(reserved) OVER book AS reserved, sum(used) OVER book AS used,
            row_number() OVER book AS place, count(limit_kind) OVER book AS era
        FROM effect
        WINDOW book AS (PARTITION BY account_no ORDER BY seq ROWS UNBOUNDED PRECEDING)
    ), era AS (
        SELECT account_no, limit_kind, limit_minor,
            row_number() OVER (PARTITION BY account_no ORDER BY seq) AS era
        FROM exposure_entry WHERE limit_kind IS NOT NULL
    )
"""

_INSTANTS = f"""
    {_EFFECTS}
    SELECT account_no, seq, CASE
            WHEN seq <> place THEN 'an entry is missing or doubled'
            WHEN limit_kind IS NULL THEN 'an entry precedes the opening'
            WHEN reserved < 0 OR used < 0 THEN 'negative'
            WHEN more > 0 AND limit_kind <> 'unlimited' AND reserved + used > limit_minor
                THEN 'over the limit'
            WHEN NOT in_form THEN 'the entry does not do what its kind does'
            ELSE 'the entry misstates its balance' END AS rule,
        'reserved ' || reserved || ', used ' || used || ', limit '
            || coalesce(nullif(limit_kind, 'amount'), limit_minor::text, '?') AS detail
    FROM running LEFT JOIN era USING (account_no, era)
    WHERE seq <> place OR limit_kind IS NULL OR reserved < 0 OR used < 0
        OR (more > 0 AND limit_kind <> 'unlimited' AND reserved + used > limit_minor)
        OR reserved <> reserved_after OR used <> used_after OR NOT in_form
    LIMIT {DISCREPANCIES_MAX}
"""

_BALANCES = f"""
    WITH effect AS (
        SELECT account_no, reserved_minor AS reserved, used_minor AS used FROM exposure_entry
        UNION ALL
        SELECT customer_no, reserved_minor, used_minor FROM exposure_entry
        WHERE customer_no IS NOT NULL
        UNION ALL
        SELECT group_no, reserved_minor, used_minor FROM exposure_entry
        WHERE group_no IS NOT NULL
    ), fold AS (
        SELECT account_no, sum(reserved) AS reserved, sum(used) AS used, count(*) AS entries
        FROM effect GROUP BY account_no
    ), last AS (
        SELECT DISTINCT ON (account_no) account_no, limit_kind, limit_minor, decision_id
        FROM exposure_entry WHERE limit_kind IS NOT NULL ORDER BY account_no, seq DESC
    )
    SELECT account_no, NULL AS seq, CASE
            WHEN a.account_no IS NULL THEN 'entries without an account'
            WHEN (a.reserved_minor, a.used_minor) IS DISTINCT FROM (fold.reserved, fold.used)
                THEN 'the balance is not the sum of its entries'
            WHEN a.entries IS DISTINCT FROM fold.entries THEN 'entries are missing at the end'
            WHEN line.line_id IS NOT NULL THEN 'the account does not say what its line says'
            ELSE 'the limit is not the last one decided' END AS rule,
        concat_ws(', ', 'reserved ' || a.reserved_minor || ' against ' || fold.reserved,
            'used ' || a.used_minor || ' against ' || fold.used) AS detail
    FROM exposure_account a
    FULL JOIN fold USING (account_no)
    LEFT JOIN last USING (account_no)
    LEFT JOIN credit_line line ON a.kind = 'line' AND line.line_id = a.owner_id
        AND (line.status, line.starts_on, line.last_draw_on, line.ends_on)
            IS DISTINCT FROM (a.status, a.starts_on, a.last_draw_on, a.ends_on)
    WHERE (a.reserved_minor, a.used_minor, a.entries)
            IS DISTINCT FROM (fold.reserved, fold.used, fold.entries)
        OR (a.limit_kind, a.limit_minor, a.decision_id)
            IS DISTINCT FROM (last.limit_kind, last.limit_minor, last.decision_id)
        OR line.line_id IS NOT NULL
    LIMIT {DISCREPANCIES_MAX}
"""

# What a customer or a group holds is what its lines hold, whatever moved them there.
_CHAINS = f"""
    WITH held AS (
        SELECT above.account_no, sum(reserved_minor) AS reserved, sum(used_minor) AS used
        FROM exposure_account a, LATERAL (VALUES (a.customer_no), (a.parent_no)) above (account_no)
        WHERE a.kind = 'line' AND above.account_no IS NOT NULL
        GROUP BY above.account_no
    )
    SELECT a.account_no, NULL AS seq, 'the balance is not the sum of its lines' AS rule,
        concat_ws(', ', 'reserved ' || a.reserved_minor || ' against ' || coalesce(reserved, 0),
            'used ' || a.used_minor || ' against ' || coalesce(used, 0)) AS detail
    FROM exposure_account a LEFT JOIN held USING (account_no)
    WHERE a.kind <> 'line'
        AND (a.reserved_minor, a.used_minor) <> (coalesce(reserved, 0), coalesce(used, 0))
    LIMIT {DISCREPANCIES_MAX}
"""

_RESERVATIONS = f"""
    SELECT ending.account_no, ending.seq, CASE
            WHEN made.entry_id IS NULL THEN 'an ending without its reservation'
            ELSE 'an ending does not give back what was reserved' END AS rule,
        ending.kind || ' ' || ending.reservation_id AS detail
    FROM exposure_entry ending
    LEFT JOIN exposure_entry made ON made.entry_id = ending.reservation_id
        AND made.kind = 'reserve' AND made.account_no = ending.account_no
    WHERE ending.reservation_id IS NOT NULL
        AND (made.entry_id IS NULL OR ending.reserved_minor <> -made.amount_minor)
    LIMIT {DISCREPANCIES_MAX}
"""

_COUNTS = """
    SELECT (SELECT count(*) FROM exposure_account) AS accounts, count(*) AS entries,
        count(*) FILTER (WHERE kind = 'reserve') AS reservations,
        count(reservation_id) AS ended
    FROM exposure_entry
"""


def prove(session: Session) -> Proof:
    """The proof over one snapshot of the whole book; it writes nothing and blocks nobody."""
    session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
    session.execute(text("SET LOCAL work_mem = '256MB'"))
    found: list[Discrepancy] = []
    for query in (_INSTANTS, _BALANCES, _CHAINS, _RESERVATIONS):
        found += _discrepancies(session, query)
    counts = session.execute(text(_COUNTS)).one()
    return Proof(
        accounts=counts.accounts,
        entries=counts.entries,
        reservations=counts.reservations,
        reservations_open=counts.reservations - counts.ended,
        discrepancies=tuple(found[:DISCREPANCIES_MAX]),
    )


def _discrepancies(session: Session, query: str) -> list[Discrepancy]:
    rows = session.execute(
        text(
            f"""
            SELECT coalesce(a.kind || '/' || a.owner_id, 'account ' || account_no) AS account,
                found.seq, found.rule, found.detail
            FROM ({query}) found LEFT JOIN exposure_account a USING (account_no)
            ORDER BY account_no, seq
            """
        )
    )
    return [
        Discrepancy(account=row.account, rule=row.rule, seq=row.seq, detail=row.detail or "")
        for row in rows
    ]
