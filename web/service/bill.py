"""What may be asked of bills: receive one, say what became of it, and see how it stands."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy.orm import Session

from domain.bill import Bill, BillContent, BillEvent, BillEventContent, BillEventKind, BillState
from domain.customer import CreditEvent, CreditEventType
from domain.errors import DateInFuture, NotFound
from domain.identity import Person
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
from web.service.clock import Clock
from web.service.customer import visible_customer
from web.service.ids import new_id
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

        Refuses `DateInFuture`, `AlreadyExists`, `InvoiceUnknown`, `CurrencyMismatch`,
        `MoreThanInvoiced`, and `NotFound` for evidence or a line of the customer that is not there.
        """
        permit(person, Action.BILL_RECORD)
        today = self._clock.business_on()
        if content.received_on > today:
            raise DateInFuture(field="received_on", date=content.received_on, business_on=today)
        with self._records.begin() as session:
            customer_id = visible_customer(session, person, customer_id).customer_id
            Attachments(session).read(content.evidence_hash)
            held = {line.line_id for line in Lines(session).list_of_customer(customer_id)}
            if content.line_id is not None and content.line_id not in held:
                raise NotFound(kind="line", id=content.line_id)
            bill = Bill(
                **dict(content),
                bill_id=bill_id or new_id(),
                customer_id=customer_id,
                recorded_by=person.person_id,
            )
            bill = Bills(session).record(bill)
            self._repay(session, bill, person)
            return self._view(session, bill)

    def report(self, person: Person, bill_id: str, content: BillEventContent) -> BillView:
        """What became of a bill; once by its number.

        Honoured, or passed on without recourse, it repays the line it names. Refused, its invoices
        are open again from their own due dates, which its customer's history and a warning say.
        """
        permit(person, Action.BILL_RECORD)
        with self._records.begin() as session:
            self._visible(session, person, bill_id)
            event = BillEvent(**dict(content), recorded_by=person.person_id)
            bill = Bills(session).add(bill_id, event, self._clock.business_on())
            if content.kind is BillEventKind.REFUSED:
                self._tell_refused(session, bill)
            self._repay(session, bill, person)
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
            return [self._view(session, bill) for bill in found]

    def list_of_customer(
        self, person: Person, customer_id: str, as_of: date | None = None
    ) -> Sequence[BillView]:
        """The bills of a customer that were received by a day, the newest first."""
        permit(person, Action.BILL_READ)
        on = as_of or self._clock.business_on()
        with self._records.begin() as session:
            customer_id = visible_customer(session, person, customer_id).customer_id
            found = Bills(session).of_customer(customer_id)
            return [self._view(session, bill, on) for bill in found if bill.received_on <= on]

    def _visible(self, session: Session, person: Person, bill_id: str) -> Bill:
        bill = Bills(session).read(bill_id)
        owner = visible_to(person).manager_id
        if owner not in (None, Customers(session).read(bill.customer_id).manager_id):
            raise NotFound(kind="bill", id=bill_id)
        return bill

    def _frees(self, session: Session, bill: Bill) -> bool:
        edition = Editions(session).find_current(self._clock.business_on())
        if edition is None:
            on = self._clock.business_on().isoformat()
            raise NotFound(kind="policy edition in force", id=on)
        return frees(bill, edition)

    def _repay(self, session: Session, bill: Bill, person: Person) -> None:
        """Repay the line, once by the bill; before this transaction ends, so that a line that
        refuses it leaves nothing on record here, and a repeat finds what was repaid."""
        if bill.line_id is None or not self._frees(session, bill):
            return
        self._exposure.repay(
            bill.line_id,
            bill.amount,
            f"bill/{bill.bill_id}",
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
        on = as_of or self._clock.business_on()
        return BillView(
            **dict(bill), as_of=on, status=bill.state(on), frees_line=self._frees(session, bill)
        )
