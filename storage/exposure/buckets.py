"""What a line's exposure is the sum of (敞口构成), bucket by bucket, each from its documents."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.errors import NotFound
from domain.exposure import (
    BucketDocument,
    ExposureBucket,
    ExposureDocument,
    LineExposure,
    buckets_of,
)
from domain.money import Money

# One statement, as one look: the book moves while it is read. Whose a reservation is, its order
# says; whose use is, the key it was posted under.
_PARTS = text(
    """
    WITH line AS (
        SELECT account_no, owner_id, currency, reserved_minor, used_minor FROM exposure_account
        WHERE kind = 'line' AND owner_id = :line_id
    ), reservation AS (
        SELECT e.entry_id::text AS id, e.amount_minor AS minor, o.order_id, o.order_no,
            e.business_on AS on
        FROM line JOIN exposure_entry e USING (account_no)
        LEFT JOIN sales_order o ON o.line_id = line.owner_id
            AND o.body -> 'reserved' @> jsonb_build_array(
                jsonb_build_object('reservation_id', e.entry_id::text))
        WHERE e.kind IN ('reserve', 'keep') AND NOT EXISTS (
            SELECT FROM exposure_entry ending WHERE ending.reservation_id = e.entry_id)
    ), moved AS (
        SELECT e.entry_id::text AS id, e.used_minor AS minor, e.business_on AS on, e.kind,
            o.order_id
        FROM line JOIN exposure_entry e USING (account_no)
        LEFT JOIN sales_order o
            ON e.key LIKE 'order/%' AND o.order_id = split_part(e.key, '/', 2)
        WHERE e.used_minor <> 0 AND e.kind NOT IN ('join', 'leave')
    ), carried AS (
        SELECT o.order_id, o.order_no, sum(m.minor) AS minor,
            greatest(o.delivered_minor - o.invoiced_minor, 0) AS unbilled, o.placed_on AS on,
            (SELECT jsonb_agg(jsonb_build_object('no', i.invoice_no, 'disputed', i.disputed,
                    'on', i.due_on, 'minor', i.amount_minor - coalesce(
                        (SELECT sum(r.amount_minor) FROM invoice_reduction r
                            WHERE r.customer_id = i.customer_id AND r.invoice_no = i.invoice_no), 0),
                    'contested', (SELECT sum(d.amount_minor) FROM invoice_dispute d
                        LEFT JOIN invoice_dispute_end x USING (dispute_id)
                        WHERE d.customer_id = i.customer_id AND d.invoice_no = i.invoice_no
                            AND x.dispute_id IS NULL),
                    'bills', (SELECT coalesce(sum(b.amount_minor), 0) FROM bill_part b
                        WHERE b.customer_id = i.customer_id AND b.invoice_no = i.invoice_no
                            AND NOT EXISTS (SELECT FROM bill_event x WHERE x.bill_id = b.bill_id
                                AND (x.kind IN ('honoured', 'refused') OR NOT x.recourse))))
                ORDER BY i.due_on, i.invoice_no)
                FROM invoice i WHERE i.customer_id = ANY (customer_ids(o.customer_id))
                    AND o.body -> 'invoices' @> to_jsonb(i.invoice_no)
                    AND (i.customer_id NOT IN (SELECT customer_id FROM customer_of_many_ids)
                        OR invoice_counts(i))) AS invoices
        FROM moved m JOIN sales_order o USING (order_id)
        GROUP BY o.order_id HAVING sum(m.minor) <> 0
    )
    SELECT line.*,
        (SELECT jsonb_agg(to_jsonb(r) ORDER BY r.on, r.id) FROM reservation r) AS reservations,
        (SELECT jsonb_agg(to_jsonb(c) ORDER BY c.on, c.order_id) FROM carried c) AS orders,
        (SELECT jsonb_agg(to_jsonb(m) ORDER BY m.id) FROM moved m WHERE order_id IS NULL) AS direct
    FROM line
    """
)


class ExposureParts:
    """What makes up what a line is taken by."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def read(self, line_id: str) -> LineExposure:
        row = self._session.execute(_PARTS, {"line_id": line_id}).mappings().one_or_none()
        if row is None:
            raise NotFound(kind="line", id=line_id)
        currency = row["currency"]
        found = [
            *(_reservation(each, currency) for each in row["reservations"] or ()),
            *(part for each in row["orders"] or () for part in _used(each, currency)),
            *(_direct(each, currency) for each in row["direct"] or ()),
        ]
        return LineExposure(
            line_id=line_id,
            reserved=Money(minor=row["reserved_minor"], currency=currency),
            used=Money(minor=row["used_minor"], currency=currency),
            buckets=buckets_of(found, currency),
        )


def _document(
    kind: ExposureDocument, id: str, no: str, on: object, minor: int, currency: str
) -> BucketDocument:
    amount = Money(minor=minor, currency=currency)
    return BucketDocument.model_validate(
        {"kind": kind, "id": id, "no": no, "on": on, "amount": amount}
    )


_Part = tuple[ExposureBucket, BucketDocument]


def _reservation(each: Mapping[str, Any], currency: str) -> _Part:
    if each["order_id"] is None:
        kind, id, no = ExposureDocument.RESERVATION, each["id"], ""
    else:
        kind, id, no = ExposureDocument.ORDER, each["order_id"], each["order_no"]
    bucket = ExposureBucket.RESERVED if each["order_id"] is None else ExposureBucket.ORDERS
    return bucket, _document(kind, id, no, each["on"], each["minor"], currency)


def _direct(each: Mapping[str, Any], currency: str) -> _Part:
    kind = ExposureDocument.ENTRY
    return ExposureBucket.DIRECT, _document(
        kind, each["id"], each["kind"], each["on"], each["minor"], currency
    )


def _used(order: Mapping[str, Any], currency: str) -> Iterator[_Part]:
    """What an order uses of the line, by what has become of it: at most what its documents say, as a
    deposit or its product may make it less. What no document says any more is settled, and not yet
    repaid in the book."""
    left = int(order["minor"])
    claims = []
    for each in order["invoices"] or ():
        document = (ExposureDocument.INVOICE, each["no"], each["no"], each["on"])
        open_minor = int(each["minor"])
        contested = open_minor if each["disputed"] and each["contested"] is None else 0
        contested = min(open_minor, int(each["contested"] or contested))
        claims += [
            (ExposureBucket.DISPUTED, document, contested),
            (ExposureBucket.RECEIVABLES, document, open_minor - contested),
            (ExposureBucket.BILLS, document, int(each["bills"])),
        ]
    of_order = (ExposureDocument.ORDER, order["order_id"], order["order_no"], order["on"])
    claims.append((ExposureBucket.DELIVERIES, of_order, int(order["unbilled"])))
    for bucket, document, minor in claims:
        now = max(min(left, minor), 0)
        if now:
            yield bucket, _document(*document, now, currency)
        left -= now
    if left:
        yield ExposureBucket.SETTLED, _document(*of_order, left, currency)
