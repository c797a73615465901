"""The standing proof: every balance from its entries, every instant within its limit.

Balances are a cache; the entries are the book. Reading them in each account's own order shows
whether one is missing or altered, whether any moment stood above the limit then in force, and
whether what the accounts say now is what the entries add up to. It goes in steps, each over one
snapshot of some accounts whole: lines with their sub-lines by number, then the accounts above them.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.exposure import DISCREPANCIES_MAX, Discrepancy, Proof, ProofPlace
from storage.base import Records

# What one step reads, about: seconds of work, and sorted in memory.
STEP_ENTRIES = 400_000

# The words of the database's `exposure_digest`: a call of it for every entry takes half the proof's
# time, and here nobody changes them by changing the database.
DIGEST = """sha256(convert_to(concat(
    e.entry_id, '|', e.key, '|', e.kind, '|', e.account_no, '|', e.seq, '|', e.customer_no, '|',
    e.customer_seq, '|', e.group_no, '|', e.group_seq, '|', e.amount_minor, '|', e.reserved_minor,
    '|', e.used_minor, '|', e.reserved_after, '|', e.used_after, '|', e.headroom_minor, '|',
    e.binding_no, '|', e.reservation_id, '|', extract(epoch FROM e.expires_at), '|', e.reason, '|',
    e.limit_kind, '|', e.limit_minor, '|', e.decision_id, '|', e.business_on - date '2000-01-01',
    '|', e.posted_by, '|', extract(epoch FROM e.recorded_at), '|', e.terms, '|', e.sub_no, '|',
    e.sub_seq, '|', e.cover_nos, '|', e.cover_seqs, '|', e.nominal_minor, '|', e.parts, '|',
    e.due_on - date '2000-01-01'), 'UTF8'))"""

# What an entry of each kind moves, and what it has to name.
_FORM = """
    CASE e.kind
        WHEN 'reserve' THEN (e.reserved_minor, e.used_minor) = (e.amount_minor, 0)
            AND (e.amount_minor > 0 OR e.nominal_minor > 0) AND e.reservation_id IS NULL
        WHEN 'keep' THEN (e.reserved_minor, e.used_minor) = (e.amount_minor, 0)
            AND e.reason LIKE 'rest of %' AND e.reservation_id IS NULL
        WHEN 'refuse' THEN (e.reserved_minor, e.used_minor) = (0, 0) AND e.reason IS NOT NULL
        WHEN 'commit' THEN e.used_minor = e.amount_minor AND e.amount_minor >= 0
            AND e.reserved_minor <= -e.amount_minor AND e.reservation_id IS NOT NULL
        WHEN 'release' THEN e.used_minor = 0 AND e.reserved_minor <= -e.amount_minor
            AND e.reservation_id IS NOT NULL
        WHEN 'expire' THEN (e.reserved_minor, e.used_minor) = (-e.amount_minor, 0)
            AND e.reservation_id IS NOT NULL
        WHEN 'repay' THEN (e.reserved_minor, e.used_minor) = (0, -e.amount_minor)
            AND (e.amount_minor > 0 OR e.amount_minor = 0 AND e.nominal_minor < 0)
        WHEN 'revive' THEN (e.reserved_minor, e.used_minor) = (0, e.amount_minor)
            AND e.amount_minor > 0 AND e.reason LIKE 'revives %'
        WHEN 'deposit' THEN (e.reserved_minor, e.used_minor) = (0, -e.amount_minor)
            AND e.amount_minor > 0
        WHEN 'deposit_back' THEN (e.reserved_minor, e.used_minor) = (0, e.amount_minor)
            AND e.amount_minor > 0
        WHEN 'opening' THEN (e.reserved_minor, e.used_minor) = (0, 0)
            AND e.limit_kind IS NOT NULL AND e.decision_id IS NOT NULL
        WHEN 'limit' THEN (e.reserved_minor, e.used_minor) = (0, 0)
            AND e.limit_kind IS NOT NULL AND e.decision_id IS NOT NULL
        WHEN 'join' THEN least(e.reserved_minor, e.used_minor) >= 0
            AND e.reserved_minor + e.used_minor = e.amount_minor AND e.reason IS NOT NULL
        WHEN 'leave' THEN greatest(e.reserved_minor, e.used_minor) <= 0
            AND e.reserved_minor + e.used_minor = -e.amount_minor AND e.reason IS NOT NULL
        ELSE false END
"""
_MOVED = """e.kind, e.reserved_minor AS reserved, e.used_minor AS used,
            CASE e.kind WHEN 'refuse' THEN 0
                ELSE coalesce(e.nominal_minor, e.reserved_minor + e.used_minor) END AS nominal,
            CASE e.kind WHEN 'repay' THEN e.amount_minor WHEN 'revive' THEN -e.amount_minor
                ELSE 0 END AS repaid,
            e.business_on, e.entry_id"""
_OWN = f"""e.account_no, e.seq, {_MOVED}, e.reserved_after, e.used_after, e.limit_kind, {_FORM}
            AS in_form, e.digest = {DIGEST} AS unaltered"""
_THEIRS = f"{_MOVED}, NULL::bigint, NULL::bigint, NULL::text, true, true"

# Each entry moves its line and the accounts beside and above it: an effect on each, in an order of
# each. A step's accounts are read whole, so what it says needs no other step.
_OF_LINES = f"""
    of_step AS (
        SELECT * FROM exposure_account
        WHERE kind = 'line' AND account_no > :low AND account_no <= :high
            OR kind = 'sub_line' AND line_no > :low AND line_no <= :high
    ), effect AS (
        SELECT {_OWN} FROM exposure_entry e
        WHERE e.account_no IN (SELECT account_no FROM of_step)
            OR e.account_no > :low AND e.account_no <= :high
                AND NOT EXISTS (SELECT FROM exposure_account a WHERE a.account_no = e.account_no)
        UNION ALL
        SELECT e.sub_no, e.sub_seq, {_THEIRS} FROM exposure_entry e
        WHERE e.account_no > :low AND e.account_no <= :high AND e.sub_no IS NOT NULL
    )
"""
_OF_ABOVE = f"""
    of_step AS (
        SELECT * FROM exposure_account
        WHERE kind NOT IN ('line', 'sub_line') AND account_no % :high = :low
    ), effect AS (
        SELECT {_OWN} FROM exposure_entry e
        WHERE e.account_no IN (SELECT account_no FROM of_step)
        UNION ALL
        SELECT e.customer_no, e.customer_seq, {_THEIRS} FROM exposure_entry e
        WHERE e.customer_no % :high = :low
        UNION ALL
        SELECT e.group_no, e.group_seq, {_THEIRS} FROM exposure_entry e
        WHERE e.group_no % :high = :low
        UNION ALL
        SELECT cover.no, cover.seq, {_THEIRS}
        FROM exposure_entry e, unnest(e.cover_nos, e.cover_seqs) cover (no, seq)
        WHERE e.cover_nos IS NOT NULL AND cover.no % :high = :low
    )
"""

_STEP = """
    WITH {scope}, running AS (
        SELECT f.account_no, f.seq, f.entry_id, f.kind, in_form, unaltered, f.business_on,
            CASE WHEN f.kind IN ('join', 'keep', 'revive') THEN 0 ELSE reserved + used END AS more,
            reserved_after, used_after, sum(reserved) OVER book AS reserved,
            sum(used) OVER book AS used,
            sum(CASE WHEN a.revolving THEN 0 ELSE repaid END) OVER book AS spent,
            sum(nominal) OVER book AS nominal,
            row_number() OVER book AS place, count(f.limit_kind) OVER book AS era,
            lead(f.seq) OVER book IS NULL AS newest
        FROM effect f LEFT JOIN of_step a USING (account_no)
        WINDOW book AS (PARTITION BY f.account_no ORDER BY f.seq ROWS UNBOUNDED PRECEDING)
    ), era AS (
        SELECT account_no, limit_kind, limit_minor, parts, decision_id,
            row_number() OVER (PARTITION BY account_no ORDER BY seq) AS era
        FROM exposure_entry e
        WHERE limit_kind IS NOT NULL AND account_no IN (SELECT account_no FROM of_step)
    ), judged AS (
        SELECT r.*, l.limit_kind, CASE WHEN l.parts IS NULL THEN l.limit_minor
                ELSE exposure_limit_on(l.limit_minor, l.parts, r.business_on) END AS limit_minor
        FROM running r LEFT JOIN era l USING (account_no, era)
    ), wrong AS (
        SELECT account_no, seq, entry_id, CASE
                WHEN seq <> place THEN 'an entry is missing or doubled'
                WHEN limit_kind IS NULL THEN 'an entry precedes the opening'
                WHEN reserved < 0 OR used < 0 OR spent < 0 THEN 'negative'
                WHEN more > 0 AND limit_kind <> 'unlimited'
                    AND reserved + used + spent > limit_minor THEN 'over the limit'
                WHEN NOT in_form THEN 'the entry does not do what its kind does'
                ELSE 'the entry misstates its balance' END AS rule,
            'reserved ' || reserved || ', used ' || used || ', limit '
                || coalesce(nullif(limit_kind, 'amount'), limit_minor::text, '?') AS detail
        FROM judged
        WHERE seq <> place OR limit_kind IS NULL OR reserved < 0 OR used < 0 OR spent < 0
            OR (more > 0 AND limit_kind <> 'unlimited' AND reserved + used + spent > limit_minor)
            OR reserved <> reserved_after OR used <> used_after OR NOT in_form
        UNION ALL
        SELECT account_no, seq, entry_id, 'the entry was altered', kind || ' of ' || business_on
        FROM judged WHERE NOT unaltered
    ), fold AS (
        SELECT account_no, reserved, used, spent, nominal, place AS entries, era
        FROM running WHERE newest
    ), unlike AS (
        SELECT account_no, NULL::bigint AS seq, NULL::uuid AS entry_id, CASE
                WHEN a.account_no IS NULL THEN 'entries without an account'
                WHEN (a.reserved_minor, a.used_minor, a.spent_minor) IS DISTINCT FROM
                        (fold.reserved, fold.used, fold.spent)
                    OR a.kind IN ('line', 'sub_line') AND a.nominal_minor <> fold.nominal
                    THEN 'the balance is not the sum of its entries'
                WHEN a.entries IS DISTINCT FROM fold.entries THEN 'entries are missing at the end'
                WHEN line.line_id IS NOT NULL THEN 'the account does not say what its line says'
                ELSE 'the limit is not the last one decided' END AS rule,
            concat_ws(', ', 'reserved ' || a.reserved_minor || ' against ' || fold.reserved,
                'used ' || a.used_minor || ' against ' || fold.used) AS detail
        FROM of_step a
        FULL JOIN fold USING (account_no)
        LEFT JOIN era USING (account_no, era)
        LEFT JOIN credit_line line ON a.kind = 'line' AND line.line_id = a.owner_id
            AND (line.status, line.starts_on, line.last_draw_on, line.ends_on)
                IS DISTINCT FROM (a.status, a.starts_on, a.last_draw_on, a.ends_on)
        WHERE (a.reserved_minor, a.used_minor, a.spent_minor, a.entries)
                IS DISTINCT FROM (fold.reserved, fold.used, fold.spent, fold.entries)
            OR a.kind IN ('line', 'sub_line') AND a.nominal_minor <> fold.nominal
            OR (a.limit_kind, a.limit_minor, a.decision_id, a.parts)
                IS DISTINCT FROM (era.limit_kind, era.limit_minor, era.decision_id, era.parts)
            OR line.line_id IS NOT NULL
    ), found AS (SELECT * FROM wrong UNION ALL SELECT * FROM unlike {further})
    SELECT coalesce(a.kind || '/' || a.owner_id, 'account ' || found.account_no) AS account,
        found.seq, found.rule, found.detail, found.entry_id
    FROM found LEFT JOIN exposure_account a ON a.account_no = found.account_no
    ORDER BY found.account_no, found.seq LIMIT {most}
"""
# A reservation ends once, for what it was, and what is kept of it is not more than was left.
_ENDINGS = """
    UNION ALL
    SELECT ending.account_no, ending.seq, ending.entry_id, CASE
            WHEN made.entry_id IS NULL THEN 'an ending without its reservation'
            WHEN ending.reserved_minor <> -made.amount_minor
                THEN 'an ending does not give back what was reserved'
            ELSE 'more was kept than was left' END,
        ending.kind || ' ' || ending.reservation_id
    FROM exposure_entry ending
    LEFT JOIN exposure_entry made ON made.entry_id = ending.reservation_id
        AND made.kind IN ('reserve', 'keep') AND made.account_no = ending.account_no
    LEFT JOIN (
        SELECT e.account_no, e.reason, sum(e.amount_minor) AS amount_minor FROM exposure_entry e
        WHERE e.account_no > :low AND e.account_no <= :high AND e.kind = 'keep' GROUP BY 1, 2
    ) kept ON kept.account_no = ending.account_no
        AND kept.reason = 'rest of ' || ending.reservation_id
    WHERE ending.account_no > :low AND ending.account_no <= :high
        AND ending.reservation_id IS NOT NULL
        AND (made.entry_id IS NULL OR ending.reserved_minor <> -made.amount_minor
            OR kept.amount_minor + ending.amount_minor > made.amount_minor)
    UNION ALL
    SELECT kept.account_no, kept.seq, kept.entry_id, 'kept of a reservation that has not ended',
        kept.reason
    FROM exposure_entry kept
    WHERE kept.account_no > :low AND kept.account_no <= :high AND kept.kind = 'keep'
        AND NOT EXISTS (SELECT FROM exposure_entry ending
            WHERE ending.account_no = kept.account_no AND ending.reservation_id IS NOT NULL
                AND kept.reason = 'rest of ' || ending.reservation_id)
    UNION ALL
    SELECT revived.account_no, revived.seq, revived.entry_id,
        'what is used again was not repaid, or not as much', revived.reason
    FROM exposure_entry revived
    LEFT JOIN exposure_entry repaid ON repaid.key || '/revived' = revived.key
        AND repaid.kind = 'repay' AND repaid.account_no = revived.account_no
        AND revived.reason = 'revives ' || repaid.entry_id
        AND repaid.amount_minor = revived.amount_minor
        AND repaid.sub_no IS NOT DISTINCT FROM revived.sub_no
    WHERE revived.account_no > :low AND revived.account_no <= :high
        AND revived.kind = 'revive' AND repaid.entry_id IS NULL
"""
# What is above lines holds what they hold, whatever moved them there.
_CHAINS = """
    UNION ALL
    SELECT a.account_no, NULL, NULL, 'the balance is not the sum of its lines',
        concat_ws(', ', 'reserved ' || a.reserved_minor || ' against ' || coalesce(reserved, 0),
            'used ' || a.used_minor || ' against ' || coalesce(used, 0))
    FROM of_step a LEFT JOIN (
        SELECT above.account_no, sum(l.reserved_minor) AS reserved, sum(l.used_minor) AS used
        FROM exposure_account l, unnest(ARRAY[l.customer_no, l.parent_no] || l.cover_nos)
            above (account_no)
        WHERE l.kind = 'line' AND above.account_no % :high = :low
        GROUP BY above.account_no
    ) held USING (account_no)
    WHERE (a.reserved_minor, a.used_minor) <> (coalesce(reserved, 0), coalesce(used, 0))
"""
_LINES_STEP = text(_STEP.format(scope=_OF_LINES, further=_ENDINGS, most=DISCREPANCIES_MAX))
_ABOVE_STEP = text(_STEP.format(scope=_OF_ABOVE, further=_CHAINS, most=DISCREPANCIES_MAX))

# Where the next step ends: so many entries on, one account at least, all that is left at last.
_NEXT = text(
    """
    SELECT max(account_no), count(*) FILTER (WHERE kind = 'line')
    FROM (
        SELECT account_no, kind, sum(entries) OVER (ORDER BY account_no) - entries AS before
        FROM exposure_account WHERE account_no > :low ORDER BY account_no LIMIT 1000000
    ) ahead WHERE before < :most
    """
)
_SIZE = text("SELECT coalesce(max(account_no), 0), coalesce(sum(entries), 0) FROM exposure_account")
_COUNTS = text(
    """
    SELECT (SELECT count(*) FROM exposure_account) AS accounts, count(*) AS entries,
        count(*) FILTER (WHERE kind IN ('reserve', 'keep')) AS reservations,
        count(reservation_id) AS ended
    FROM exposure_entry
    """
)


def prove(records: Records, place: ProofPlace | None = None) -> Iterator[ProofPlace]:
    """The proof in steps, from the place where an earlier one stopped; it writes nothing and blocks
    nobody. Each place can be kept and gone on from; the last is `done`."""
    place = place or ProofPlace()
    while not place.done:
        with records.begin() as session:
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            session.execute(text("SET LOCAL work_mem = '256MB'"))
            place = _step(session, place)
        yield place


def proof_of(records: Records, place: ProofPlace) -> Proof:
    """What a proof that is done says of the book."""
    with records.begin() as session:
        counts = session.execute(_COUNTS).one()
    return Proof(
        accounts=counts.accounts,
        entries=counts.entries,
        reservations=counts.reservations,
        reservations_open=counts.reservations - counts.ended,
        discrepancies=place.discrepancies,
    )


def _step(session: Session, place: ProofPlace) -> ProofPlace:
    last_no, entries = session.execute(_SIZE).one()
    if place.after_no < last_no:
        low = place.after_no
        high = session.execute(_NEXT, {"low": low, "most": STEP_ENTRIES}).one()[0]
        # Entries of an account that is not there come with the last step of lines.
        found = _found(session, _LINES_STEP, low, 2**62 if high >= last_no else high)
        return place.further(found, after_no=high, of_no=last_no)
    parts = max(1, -(-int(entries) // (3 * STEP_ENTRIES))) if place.parts is None else place.parts
    found = _found(session, _ABOVE_STEP, place.part, parts)
    return place.further(found, part=place.part + 1, parts=parts)


def _found(session: Session, query: Any, low: int, high: int) -> tuple[Discrepancy, ...]:
    return tuple(
        Discrepancy(
            account=row.account,
            rule=row.rule,
            seq=row.seq,
            detail=row.detail or "",
            entry_id=str(row.entry_id) if row.entry_id is not None else None,
        )
        for row in session.execute(query, {"low": low, "high": high})
    )
