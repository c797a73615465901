"""What a check of an order looks at, in one question to the records: line, accounts, what is owed, holds."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.calendar import business_on
from domain.check import Bucket, ComesFree, OpenClaim, StandingHold
from domain.classification import FiveTier
from domain.contract import Terms
from domain.exposure import Balance, limit_on
from domain.hold import Hold
from domain.identity import Id
from domain.line import LineStatus
from domain.money import Money
from domain.value import Value
from storage.exposure.accounts import limit_of, parts_of


class CheckRecords(Value):
    """The records of one customer and currency as they stand when an order is checked."""

    line_id: Id | None = None
    status: LineStatus | None = None
    last_draw_on: date | None = None
    review_due_on: date | None = None
    temporary_until: date | None = None
    grade: str | None = None
    terms: Terms | None = None
    terms_days: int | None = None  # the longest of the approved terms; None: bound to none
    chain: tuple[Balance, ...] = ()
    claims: tuple[OpenClaim, ...] = ()  # what is open, in whatever currency
    tier: FiveTier | None = None
    unbilled: Money  # delivered by orders, and on no invoice yet
    bills: Money  # what of it was paid by bills that are not honoured yet
    silent: bool = False  # an account is not confirmed in time, which holds orders
    holds: tuple[StandingHold, ...] = ()


# The line that `exposure_reserve` would take an order from, and everything beside it.
_RECORDS = text(
    """
    WITH line AS (
        SELECT a.*, l.status AS standing, l.grade, l.review_due_on, l.terms,
            (SELECT max(n.temporary_until) FROM line_limit n
                WHERE n.line_id = l.line_id AND n.ended_on IS NULL) AS temporary_until
        FROM exposure_account a LEFT JOIN credit_line l ON l.line_id = a.owner_id
        WHERE a.kind = 'line' AND a.owner_id = coalesce(
            CAST(:line_id AS text), exposure_line_of(:customer_id, :currency, :on))
    ), item AS (
        SELECT i.invoice_no, i.currency, i.disputed, i.issued_on, i.due_on,
            CASE WHEN i.disputed THEN (SELECT sum(d.amount_minor) FROM invoice_dispute d
                LEFT JOIN invoice_dispute_end x USING (dispute_id)
                WHERE d.customer_id = i.customer_id AND d.invoice_no = i.invoice_no
                    AND x.dispute_id IS NULL) END AS contested,
            i.amount_minor - (SELECT coalesce(sum(r.amount_minor), 0) FROM invoice_reduction r
                WHERE r.customer_id = i.customer_id AND r.invoice_no = i.invoice_no
                    AND r.counts_on <= :on) AS unpaid
        FROM invoice i
        WHERE i.customer_id = ANY (customer_ids(:customer_id)) AND i.issued_on <= :on
            AND (i.customer_id NOT IN (SELECT customer_id FROM customer_of_many_ids)
                OR invoice_counts(i))
    )
    SELECT
        (SELECT to_jsonb(l) FROM line l) AS line,
        (SELECT jsonb_agg(to_jsonb(a) ORDER BY n, account_no) FROM (
            SELECT a.*, 1 AS n FROM line l JOIN exposure_account a USING (account_no)
            UNION ALL SELECT a.*, 2 FROM line l
                JOIN exposure_account a ON a.line_no = l.account_no AND a.product = :product
            UNION ALL SELECT a.*, 3 FROM line l
                JOIN exposure_account a ON a.account_no = l.customer_no
            UNION ALL SELECT a.*, 4 FROM line l
                JOIN exposure_account a ON a.account_no = ANY (l.cover_nos)
            UNION ALL SELECT a.*, 5 FROM line l
                JOIN exposure_account a ON a.account_no = l.parent_no) a) AS chain,
        (SELECT jsonb_agg(to_jsonb(i)) FROM item i WHERE unpaid > 0) AS items,
        (SELECT c.tier FROM customer_class c
            WHERE c.customer_id = ANY (customer_ids(:customer_id)) AND c.as_of <= :on
            ORDER BY c.as_of DESC, c.n DESC LIMIT 1) AS tier,
        (SELECT coalesce(sum(delivered_minor - invoiced_minor), 0)::bigint FROM sales_order o
            WHERE o.customer_id = ANY (customer_ids(:customer_id)) AND o.currency = :currency)
            AS unbilled,
        EXISTS (SELECT FROM account_confirmation c
            WHERE c.customer_id = ANY (customer_ids(:customer_id)) AND c.holds
                AND c.answer_by < :on AND c.documents > (SELECT count(*)
                    FROM confirmation_document d WHERE d.confirmation_id = c.confirmation_id))
            AS silent,
        (SELECT coalesce(sum(p.amount_minor), 0)::bigint FROM bill b JOIN bill_part p USING (bill_id)
            WHERE p.customer_id = ANY (customer_ids(:customer_id)) AND b.currency = :currency
                AND b.received_on <= :on AND NOT EXISTS (SELECT FROM bill_event e
                    WHERE e.bill_id = b.bill_id AND e.happened_on <= :on
                        AND (e.kind IN ('honoured', 'refused') OR NOT e.recourse))) AS bills,
        (SELECT jsonb_agg(h.body ORDER BY h.opened_at) FROM order_hold h
            WHERE h.customer_id = ANY (customer_ids(:customer_id)) AND h.status = 'open'
                AND (h.holds = 'customer'
                    OR h.holds = 'order' AND h.subject_id = :order_id AND h.manual
                    OR h.holds = 'line' AND h.subject_id = (SELECT owner_id FROM line))) AS holds
    """
)


# What leaves the line by itself: reservations that end, and bills that are honoured when they are due.
_FREES = text(
    """
    SELECT e.expires_at AS at, CAST(NULL AS date) AS due_on, e.amount_minor, e.key AS reference
    FROM exposure_account a JOIN exposure_entry e USING (account_no)
    WHERE a.kind = 'line' AND a.owner_id = :line_id AND e.kind IN ('reserve', 'keep')
        AND e.expires_at IS NOT NULL AND e.amount_minor > 0
        AND NOT EXISTS (SELECT FROM exposure_entry ending WHERE ending.reservation_id = e.entry_id)
    UNION ALL
    SELECT NULL, b.due_on, sum(p.amount_minor)::bigint, b.bill_id
    FROM bill b JOIN bill_part p USING (bill_id)
    WHERE b.customer_id = ANY (customer_ids(:customer_id)) AND b.currency = :currency
        AND coalesce(b.content ->> 'line_id', :line_id) = :line_id AND b.due_on > :on
        AND NOT EXISTS (SELECT FROM bill_event e WHERE e.bill_id = b.bill_id
            AND (e.kind IN ('honoured', 'refused') OR NOT e.recourse))
        AND NOT EXISTS (SELECT FROM exposure_entry e WHERE e.key = 'bill/' || b.bill_id
            AND e.kind = 'repay'
            AND NOT EXISTS (SELECT FROM exposure_entry r WHERE r.key = e.key || '/revived'))
    GROUP BY b.bill_id, b.due_on
    ORDER BY at, due_on
    LIMIT 200
    """
)


class Checks:
    """The records behind a check."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def read(
        self,
        customer_id: str,
        currency: str,
        on: date,
        *,
        order_id: str = "",
        line_id: str | None = None,
        product: str | None = None,
    ) -> CheckRecords:
        """In one round trip; `line_id` names the line where the order is on one already, `product`
        the sub-line that it is taken from beside the line."""
        asked = {
            "customer_id": customer_id,
            "currency": currency,
            "on": on,
            "order_id": order_id,
            "line_id": line_id,
            "product": product,
        }
        row = self._session.execute(_RECORDS, asked).mappings().one()
        found = {
            "tier": row["tier"],
            "unbilled": Money(minor=row["unbilled"], currency=currency),
            "silent": row["silent"],
            "bills": Money(minor=row["bills"], currency=currency),
            "claims": tuple(each for item in row["items"] or () for each in _claims(item)),
            "holds": tuple(map(_standing, row["holds"] or ())),
        }
        line = row["line"]
        if line is not None:
            found |= {
                "line_id": line["owner_id"],
                "status": line["standing"] or line["status"],
                "last_draw_on": line["last_draw_on"],
                "review_due_on": line["review_due_on"],
                "temporary_until": line["temporary_until"],
                "grade": line["grade"],
                "terms": line["terms"],
                "terms_days": line["terms_days"],
                "chain": tuple(_balance(each, on) for each in row["chain"]),
            }
        return CheckRecords.model_validate(found)

    def frees(
        self, customer_id: str, line_id: str, currency: str, on: date, offset_days: int = 0
    ) -> tuple[ComesFree, ...]:
        """What comes free on a customer's line by itself after a day; what ends on the day itself is
        free by the next. `offset_days` is what the business day is off by."""
        asked = {"customer_id": customer_id, "line_id": line_id, "currency": currency, "on": on}
        rows = self._session.execute(_FREES, asked)
        return tuple(
            ComesFree(
                on=row.due_on or max(business_on(row.at, offset_days), on + timedelta(days=1)),
                amount=Money(minor=row.amount_minor, currency=currency),
                bucket=Bucket.BILLS if row.due_on else Bucket.ORDERS,
                reference=row.reference,
            )
            for row in rows
        )


def _claims(item: Mapping[str, Any]) -> Iterator[OpenClaim]:
    """What is contested of an open item, at most all of it, and the rest."""
    unpaid = int(item["unpaid"])
    contested = 0
    if item["disputed"]:
        contested = unpaid if item["contested"] is None else min(unpaid, int(item["contested"]))
    for minor, disputed in ((contested, True), (unpaid - contested, False)):
        if minor:
            yield OpenClaim(
                item_no=item["invoice_no"],
                issued_on=item["issued_on"],
                due_on=item["due_on"],
                amount=Money(minor=minor, currency=item["currency"]),
                disputed=disputed,
            )


def _balance(account: Mapping[str, Any], on: date) -> Balance:
    currency = account["currency"]
    limit = limit_of(account["limit_kind"], account["limit_minor"], currency)
    return Balance(
        account=f"{account['kind']}/{account['owner_id']}",
        limit=limit_on(limit, parts_of(account["parts"], currency), on),
        reserved=Money(minor=account["reserved_minor"], currency=currency),
        used=Money(minor=account["used_minor"], currency=currency),
        spent=Money(minor=account["spent_minor"], currency=currency),
    )


def _standing(body: Mapping[str, Any]) -> StandingHold:
    hold = Hold.model_validate(body)
    shown = {}
    if not hold.manual:  # it is of what stands above a limit
        [reason] = hold.reasons_now
        shown = reason.model_dump(include={"found", "allowed", "binding", "since"})
    return StandingHold(hold_id=hold.hold_id, reason=hold.reason_code, cure=hold.note, **shown)
