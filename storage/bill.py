"""Bills on record: received once, what became of them only ever added."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.bill import Bill, BillEvent
from domain.errors import AlreadyExists, NotFound
from domain.money import Money
from domain.receivable import Payment
from storage.base import Row
from storage.customer import of_customer, owned_by
from storage.receivable import Receivables


class BillRow(Row):
    __tablename__ = "bill"

    bill_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    bill_no: Mapped[str]
    content: Mapped[dict[str, Any]]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    received_on: Mapped[date]
    due_on: Mapped[date]
    evidence_hash: Mapped[str]
    recorded_by: Mapped[str]


class BillPartRow(Row):
    __tablename__ = "bill_part"

    bill_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    invoice_no: Mapped[str] = mapped_column(primary_key=True)
    amount_minor: Mapped[int]


class BillEventRow(Row):
    __tablename__ = "bill_event"

    bill_id: Mapped[str] = mapped_column(primary_key=True)
    event_no: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int]
    kind: Mapped[str]
    happened_on: Mapped[date]
    recourse: Mapped[bool]
    note: Mapped[str]
    recorded_by: Mapped[str]


# Refused bills of which an invoice is open.
_UNPAID = text(
    """
    SELECT DISTINCT b.bill_id FROM bill b
    JOIN bill_event e ON e.bill_id = b.bill_id AND e.kind = 'refused'
    JOIN bill_part p ON p.bill_id = b.bill_id
    JOIN invoice i ON i.customer_id = p.customer_id AND i.invoice_no = p.invoice_no
    WHERE b.customer_id = ANY (customer_ids(:customer_id)) AND e.happened_on <= :on
        AND i.amount_minor > (
            SELECT coalesce(sum(r.amount_minor), 0) FROM invoice_reduction r
            WHERE r.customer_id = i.customer_id AND r.invoice_no = i.invoice_no
                AND r.counts_on <= :on)
    ORDER BY b.bill_id
    """
)


_PAYMENTS = text(
    """
    SELECT p.customer_id, p.invoice_no, p.amount_minor, b.bill_no, b.received_on, b.currency
    FROM bill_part p JOIN bill b USING (bill_id)
    WHERE p.customer_id = ANY (customer_ids(:customer_id)) AND b.received_on <= :on
        AND NOT EXISTS (SELECT FROM bill_event e
            WHERE e.bill_id = b.bill_id AND e.kind = 'refused' AND e.happened_on <= :on)
    ORDER BY b.received_on, b.bill_id, p.invoice_no
    """
)


class Bills:
    """The bills of all customers."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, bill: Bill) -> Bill:
        """Put a bill on record once, in place of what it pays.

        Refuses `AlreadyExists` for its number with other content, `InvoiceUnknown`,
        `CurrencyMismatch` and `MoreThanInvoiced`.
        """
        self._session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended('bill/' || :no, 0))"),
            {"no": bill.bill_no},
        )
        held = self._session.scalar(select(BillRow.bill_id).where(BillRow.bill_no == bill.bill_no))
        if held is not None:
            known = self.read(held)
            if _said(known) != _said(bill):
                raise AlreadyExists(kind="bill", id=bill.bill_no)
            return known
        homes = Receivables(self._session).hold_for_bill(
            bill.customer_id,
            [(part.invoice_no, part.amount) for part in bill.invoices],
            bill.received_on,
        )
        content = bill.model_dump(mode="json", exclude={"events"})
        self._session.execute(
            insert(BillRow).values(
                bill_id=bill.bill_id,
                customer_id=bill.customer_id,
                bill_no=bill.bill_no,
                content=content,
                amount_minor=bill.amount.minor,
                currency=bill.amount.currency,
                received_on=bill.received_on,
                due_on=bill.due_on,
                evidence_hash=bill.evidence_hash,
                recorded_by=bill.recorded_by,
            )
        )
        self._session.execute(
            insert(BillPartRow),
            [
                {
                    "bill_id": bill.bill_id,
                    "customer_id": homes[part.invoice_no],
                    "invoice_no": part.invoice_no,
                    "amount_minor": part.amount.minor,
                }
                for part in bill.invoices
            ],
        )
        return bill

    def add(self, bill_id: str, event: BillEvent, business_on: date) -> Bill:
        """Add what became of a bill, once; refuses `AlreadyExists` for its key with other content,
        `OutOfOrder`, `DateInFuture`."""
        bill = self.read(bill_id, lock=True)
        known = next((each for each in bill.events if each.event_no == event.event_no), None)
        if known is not None:
            if known.model_copy(update={"recorded_by": event.recorded_by}) != event:
                raise AlreadyExists(kind="bill event", id=event.event_no)
            return bill
        after = bill.with_event(event, business_on)
        self._session.execute(
            insert(BillEventRow).values(
                bill_id=bill_id,
                seq=len(after.events),
                **event.model_dump(mode="python", exclude={"kind"}),
                kind=event.kind.value,
            )
        )
        return after

    def read(self, bill_id: str, *, lock: bool = False) -> Bill:
        query = select(BillRow).where(BillRow.bill_id == bill_id)
        row = self._session.scalar(query.with_for_update() if lock else query)
        if row is None:
            raise NotFound(kind="bill", id=bill_id)
        return self._with_events([row])[0]

    def of_customer(self, customer_id: str) -> tuple[Bill, ...]:
        """Every bill of a customer, the newest first."""
        query = select(BillRow).where(of_customer(BillRow.customer_id, customer_id))
        query = query.order_by(BillRow.received_on.desc(), BillRow.bill_id.desc())
        return self._with_events(self._session.scalars(query))

    def find_page(
        self, *, before: str | None = None, page_size: int = 50, manager_id: str | None = None
    ) -> tuple[Bill, ...]:
        """Bills by id, the newest first, from below `before`; of one manager's customers, if said."""
        query = select(BillRow).order_by(BillRow.bill_id.desc()).limit(page_size)
        if manager_id is not None:
            query = query.where(owned_by(BillRow.customer_id, manager_id))
        if before is not None:
            query = query.where(BillRow.bill_id < before)
        return self._with_events(self._session.scalars(query))

    def received(self, on: date, currency: str) -> tuple[Bill, ...]:
        """Every bill in a currency that was received by a day."""
        query = select(BillRow).where(BillRow.currency == currency, BillRow.received_on <= on)
        return self._with_events(self._session.scalars(query))

    def find_unpaid(self, customer_id: str, on: date) -> tuple[Bill, ...]:
        """The refused bills of a customer of which an invoice is still open."""
        ids = list(self._session.scalars(_UNPAID, {"customer_id": customer_id, "on": on}))
        if not ids:
            return ()
        return self._with_events(
            self._session.scalars(select(BillRow).where(BillRow.bill_id.in_(ids)))
        )

    def payments(self, customer_id: str, on: date) -> tuple[Payment, ...]:
        """What bills have paid of the customer's invoices, as things stand on a day."""
        rows = self._session.execute(_PAYMENTS, {"customer_id": customer_id, "on": on})
        return tuple(
            Payment(
                customer_id=row.customer_id,
                payment_no=row.bill_no,
                invoice_no=row.invoice_no,
                paid_on=row.received_on,
                amount=Money(minor=row.amount_minor, currency=row.currency),
            )
            for row in rows
        )

    def _with_events(self, rows: Iterable[BillRow]) -> tuple[Bill, ...]:
        rows = list(rows)
        events: dict[str, list[BillEvent]] = defaultdict(list)
        query = select(BillEventRow).where(BillEventRow.bill_id.in_([r.bill_id for r in rows]))
        for row in self._session.scalars(query.order_by(BillEventRow.seq)) if rows else ():
            events[row.bill_id].append(_event(row))
        return tuple(
            Bill.model_validate({**row.content, "events": tuple(events[row.bill_id])})
            for row in rows
        )


def _said(bill: Bill) -> dict[str, Any]:
    return bill.model_dump(exclude={"bill_id", "events", "recorded_by"})


def _event(row: BillEventRow) -> BillEvent:
    return BillEvent.model_validate({name: getattr(row, name) for name in BillEvent.model_fields})
