"""What may be asked of bills: receive one, say what became of it, and see how it stands."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from hashlib import sha256

from sqlalchemy.orm import Session

from domain.bill import Bill, BillContent, BillEvent, BillEventContent, BillEventKind, BillState
from domain.customer import CreditEvent, CreditEventType
from domain.edition import PolicyEdition
from domain.errors import (
    CurrencyMismatch,
    DateInFuture,
    KeyReused,
    MoreThanUsed,
    NotFound,
    ProductMissing,
)
from domain.identity import Person
from domain.ids import uuid7
from domain.notification import Channel
from domain.value import content_hash
from policies.bill import frees
from storage.attachment import Attachments
from storage.base import Records
from storage.bill import Bills
from storage.customer import Customers
from storage.edition import Editions
from storage.exposure import Exposure
from storage.line import Lines
from storage.notification import Outbox
from storage.recheck import owe_recheck
from web.service.clock import Clock
from web.service.customer import refuse_unseen, visible_customer
from web.service.permissions import Action, permit, visible_to


class BillView(Bill):
    """A bill as of a day; `frees_line` is whether it has repaid the line it names."""

    as_of: date
    status: BillState
    frees_line: bool


class BillService:
    """Bills, over one memory and the book of exposure."""

    def __init__(self, records: Records, exposure: Exposure, clock: Clock) -> None:
        self._records = records
        self._exposure = exposure
        self._clock = clock

    def receive(
        self, person: Person, customer_id: str, content: BillContent, bill_id: str | None = None
    ) -> BillView:
        """Put a bill on record once, in place of what it pays.

        Its id follows from its number, so that one whose answer was lost, sent again, repays its
        line no second time. Refuses `DateInFuture`, `AlreadyExists`, `InvoiceUnknown`,
        `CurrencyMismatch`, `MoreThanInvoiced`, and `NotFound` for evidence or a line of the customer
        that is not there.
        """
        permit(person, Action.BILL_RECORD)
        today = self._clock.business_on()
        if content.received_on > today:
            raise DateInFuture(field="received_on", date=content.received_on, business_on=today)
        with self._records.begin() as session:
            customer_id = visible_customer(session, person, customer_id).customer_id
            Attachments(session).read(content.evidence_hash)
            self._refuse_unfit(session, customer_id, content)
            bill = Bill(
                **dict(content),
                bill_id=bill_id or bill_id_of(content),
                customer_id=customer_id,
                recorded_by=person.person_id,
            )
            bill = Bills(session).record(bill)
            self._repay(session, bill, person)
            _owe_recheck(session, bill, "received")
            return self._view(session, bill)

    def report(self, person: Person, bill_id: str, content: BillEventContent) -> BillView:
        """What became of a bill; once by its number.

        Honoured, or passed on without recourse, it repays the line it names. Refused, its invoices
        are open again from their own due dates, which its customer's history and a warning say, and
        a line that it had repaid at once is used again, above its limit if need be.
        """
        permit(person, Action.BILL_RECORD)
        with self._records.begin() as session:
            self._visible(session, person, bill_id)
            event = BillEvent(**dict(content), recorded_by=person.person_id)
            bill = Bills(session).add(bill_id, event, self._clock.business_on())
            if content.kind is BillEventKind.REFUSED:
                self._tell_refused(session, bill)
                self._revive(bill, person)
            self._repay(session, bill, person)
            _owe_recheck(session, bill, content.event_no)
            return self._view(session, bill)

    def read(self, person: Person, bill_id: str, as_of: date | None = None) -> BillView:
        permit(person, Action.BILL_READ)
        with self._records.begin() as session:
            return self._view(session, self._visible(session, person, bill_id), as_of)

    def list_bills(
        self, person: Person, *, before: str | None = None, page_size: int = 50
    ) -> Sequence[BillView]:
        """Every bill of the customers the person sees, the newest first."""
        permit(person, Action.BILL_READ)
        with self._records.begin() as session:
            found = Bills(session).find_page(
                before=before, page_size=page_size, manager_id=visible_to(person).manager_id
            )
            return self._views(session, found)

    def list_of_customer(
        self, person: Person, customer_id: str, as_of: date | None = None
    ) -> Sequence[BillView]:
        """The bills of a customer that were received by a day, the newest first."""
        permit(person, Action.BILL_READ)
        on = as_of or self._clock.business_on()
        with self._records.begin() as session:
            customer_id = visible_customer(session, person, customer_id).customer_id
            found = Bills(session).of_customer(customer_id)
            return self._views(session, [b for b in found if b.received_on <= on], on)

    def _visible(self, session: Session, person: Person, bill_id: str) -> Bill:
        bill = Bills(session).read(bill_id)
        refuse_unseen(session, person, bill.customer_id, kind="bill", id=bill_id)
        return bill

    def _refuse_unfit(self, session: Session, customer_id: str, content: BillContent) -> None:
        if content.line_id is None:
            return
        lines = {line.line_id: line for line in Lines(session).list_of_customer(customer_id)}
        line = lines.get(content.line_id)
        if line is None:
            raise NotFound(kind="line", id=content.line_id)
        if line.limit.currency != content.amount.currency:
            raise CurrencyMismatch(first=content.amount.currency, second=line.limit.currency)

    def _edition(self, session: Session) -> PolicyEdition:
        edition = Editions(session).find_current(self._clock.business_on())
        if edition is None:
            on = self._clock.business_on().isoformat()
            raise NotFound(kind="policy edition in force", id=on)
        return edition

    def _repay(self, session: Session, bill: Bill, person: Person) -> None:
        """Repay the line, once by the bill and at most what is used of it; before this transaction
        ends, so that a repeat finds what was repaid.

        What became of a bill is on record whatever its line says: of a line that wants a product to
        be named nothing is repaid.
        """
        if bill.line_id is None or not frees(bill, self._edition(session)):
            return
        amount = bill.amount
        while amount.minor > 0:
            try:
                self._exposure.repay(
                    bill.line_id,
                    amount,
                    _key(bill),
                    business_on=self._clock.business_on(),
                    posted_by=person.person_id,
                )
            except (KeyReused, ProductMissing):
                return
            except MoreThanUsed:
                amount = min(amount, self._exposure.balances(bill.line_id)[0].used)
            else:
                return

    def _revive(self, bill: Bill, person: Person) -> None:
        if bill.line_id is not None:
            self._exposure.revive(
                bill.line_id,
                _key(bill),
                business_on=self._clock.business_on(),
                posted_by=person.person_id,
            )

    def _tell_refused(self, session: Session, bill: Bill) -> None:
        assert bill.refused_on is not None, "what refuses a bill says when"
        Customers(session).record_event(
            CreditEvent(
                event_id=content_hash(["bill", bill.bill_id])[:36],
                customer_id=bill.customer_id,
                event_type=CreditEventType.BILL_DISHONOURED,
                occurred_on=bill.refused_on,
                amount=bill.amount,
                evidence_hash=bill.evidence_hash,
                note=bill.bill_no,
                recorded_by=bill.events[-1].recorded_by,
            )
        )
        run_id = content_hash(["bill_refused", bill.bill_id])[:32]
        Outbox(session).post(
            Channel.TEMPORAL,
            f"monitoring/{run_id}",
            recipient=run_id,
            kind="start_monitoring",
            facts={
                "run_id": run_id,
                "customer_ids": bill.customer_id,
                "offset_days": str(self._clock.offset_days),
            },
        )

    def _view(self, session: Session, bill: Bill, as_of: date | None = None) -> BillView:
        return self._views(session, [bill], as_of)[0]

    def _views(
        self, session: Session, bills: Sequence[Bill], as_of: date | None = None
    ) -> list[BillView]:
        """Bills as of a day; of one that names a line, whether it frees it is what the book says."""
        if not bills:
            return []
        on = as_of or self._clock.business_on()
        edition = self._edition(session)
        keys = [_key(bill) for bill in bills if bill.line_id is not None]
        repaid = self._exposure.repaid_under(keys, on) if keys else set()
        return [
            BillView(
                **dict(bill),
                as_of=on,
                status=bill.state(on),
                frees_line=frees(bill, edition, on)
                if bill.line_id is None
                else _key(bill) in repaid,
            )
            for bill in bills
        ]


def bill_id_of(content: BillContent) -> str:
    """The id of a bill: it sorts by the day of receipt, and follows from day and number."""
    day = datetime.combine(content.received_on, time(), UTC)
    milliseconds = max(0, int(day.timestamp() * 1000))
    return uuid7(milliseconds, sha256(f"bill/{content.bill_no}".encode()).digest())


def _key(bill: Bill) -> str:
    """Under which the line is repaid by the bill."""
    return f"bill/{bill.bill_id}"


def _owe_recheck(session: Session, bill: Bill, what: str) -> None:
    """Orders whose invoices it pays, or pays no more, are looked at again."""
    key = f"bill/{bill.bill_id}/{what}"
    owe_recheck(session, key, "payment", bill.customer_id, paid=True)
