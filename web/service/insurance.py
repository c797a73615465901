"""What may be asked of credit insurance: record it, confirm it, declare, report, and see what counts.

A limit is seen by whoever sees its customer; an insurance by whoever reads any.
"""

from collections.abc import Sequence
from datetime import date

from pydantic import Field
from sqlalchemy.orm import Session

from activities.line_cover import follow_register
from domain.errors import DateInFuture, DeadlineOver, Malformed, NotFound
from domain.identity import Id, Person
from domain.insurance import (
    CoverChange,
    CoverOn,
    DeadlineKind,
    EventKind,
    Insurance,
    InsuranceFinding,
    InsuranceStart,
    InsuranceTerms,
    InsuredBuyer,
    LimitVersion,
    LimitWord,
    ShipmentContent,
    ShipmentEvent,
)
from domain.money import Money
from domain.value import Value
from policies.insurance import changes_ahead, cover_of, cover_on, insured_amount
from storage.base import Records
from storage.customer import Customers
from storage.insurance import Insurances
from storage.party import Parties
from web.service.clock import Clock
from web.service.customer import refuse_unseen, visible_customer
from web.service.gateway import Gateway
from web.service.ids import new_id
from web.service.permissions import Action, permit, permitted, visible_to
from workflows.names import PORTFOLIO_QUEUE, insurance_id

_DEADLINES = {
    EventKind.NOTICE_GIVEN: DeadlineKind.NOTICE,
    EventKind.CLAIMED: DeadlineKind.CLAIM,
}
DAYS_AHEAD = 90
DAYS_AHEAD_MAX = 1100


class LimitOpened(Value):
    """The first word on a buyer under an insurance."""

    customer_id: Id
    word: LimitWord


class InsuranceChecked(Value):
    """A second person's word on the version that was read."""

    confirmed: bool
    note: str = Field(default="", max_length=2000)


class FindingClosed(Value):
    note: str = Field(min_length=1, max_length=2000)


class BuyerView(Value):
    """A buyer under one insurance, as of a day: what was said, what is covered, what is due."""

    limit_id: Id
    insurance_id: Id
    customer_id: Id
    terms: InsuranceTerms | None
    versions: tuple[LimitVersion, ...]
    cover: CoverOn
    counts: Money  # what of it a limit may count before policy's haircut
    counts_until: date | None
    changes: tuple[CoverChange, ...]  # what changes by itself in the days ahead
    findings: tuple[InsuranceFinding, ...]


class CustomerInsurance(Value):
    customer_id: Id
    as_of: date
    items: tuple[BuyerView, ...]


class Waiting(Value):
    """What waits for a second person."""

    insurances: tuple[Insurance, ...]
    limits: tuple[BuyerView, ...]


class InsuranceRunBegun(Value):
    """A look at the deadlines was begun."""

    run_id: Id


class InsuranceService:
    """Credit insurance, over one memory and one way to Temporal."""

    def __init__(self, records: Records, gateway: Gateway, clock: Clock) -> None:
        self._records = records
        self._gateway = gateway
        self._clock = clock

    # ── insurances ───────────────────────────────────────────────────────────────────────────────

    def record(
        self, person: Person, terms: InsuranceTerms, insurance_id: str | None = None
    ) -> Insurance:
        """Put an insurance on record, or with its id what is known of it now.

        It counts once a second person has confirmed it; what lowers it counts at once. Refuses
        `NotFound` for an insurer that is neither a party nor a customer, and `AlreadyExists`.
        """
        permit(person, Action.INSURANCE_RECORD)
        with self._records.begin() as session:
            insurer = [terms.insurer]
            if not {*Customers(session).find_many(insurer), *Parties(session).find_many(insurer)}:
                raise NotFound(kind="party", id=terms.insurer)
            if insurance_id is not None:
                Insurances(session).read(insurance_id)
            found = Insurances(session).record(insurance_id or new_id(), terms, person.person_id)
            self._follow_buyers(session, found.insurance_id)
            return found

    def list_insurances(self, person: Person) -> Sequence[Insurance]:
        """Every insurance, the newest first."""
        permit(person, Action.INSURANCE_READ)
        with self._records.begin() as session:
            return Insurances(session).find_all()

    def read(self, person: Person, insurance_id: str) -> Insurance:
        permit(person, Action.INSURANCE_READ)
        with self._records.begin() as session:
            return Insurances(session).read(insurance_id)

    def check(
        self, person: Person, insurance_id: str, version: int, word: InsuranceChecked
    ) -> Insurance:
        """Confirm what another recorded of an insurance, or say why not; the newest alone."""
        self._permit_check(person, word)
        with self._records.begin() as session:
            Insurances(session).read(insurance_id)
            self._check(session, person, insurance_id, version, word)
            self._follow_buyers(session, insurance_id)
            return Insurances(session).read(insurance_id)

    # ── limits ───────────────────────────────────────────────────────────────────────────────────

    def open_limit(
        self, person: Person, insurance_id: str, opened: LimitOpened, limit_id: str | None = None
    ) -> BuyerView:
        """Put the first word on a buyer on record; `AlreadyExists` where there is one."""
        permit(person, Action.INSURANCE_RECORD)
        with self._records.begin() as session:
            customer_id = visible_customer(session, person, opened.customer_id).customer_id
            buyer = Insurances(session).record_limit(
                limit_id or new_id(), insurance_id, customer_id, opened.word, person.person_id
            )
            return self._followed(session, buyer)

    def say(self, person: Person, limit_id: str, word: LimitWord) -> BuyerView:
        """What was said of a limit now: what lowers it counts at once, what raises it when a second
        person has confirmed it."""
        permit(person, Action.INSURANCE_RECORD)
        with self._records.begin() as session:
            buyer = self._visible(session, person, limit_id)
            said = Insurances(session).record_limit(
                limit_id, buyer.insurance_id, buyer.customer_id, word, person.person_id
            )
            return self._followed(session, said)

    def check_limit(
        self, person: Person, limit_id: str, version: int, word: InsuranceChecked
    ) -> BuyerView:
        """Confirm what another recorded of a limit, or say why not; the newest alone."""
        self._permit_check(person, word)
        with self._records.begin() as session:
            self._visible(session, person, limit_id)
            self._check(session, person, limit_id, version, word)
            return self._followed(session, Insurances(session).read_buyer(limit_id))

    def declare(self, person: Person, limit_id: str, shipment: ShipmentContent) -> BuyerView:
        """Declare a shipment; one that is not covered is on record all the same, with the reason.

        Refuses `DateInFuture` and `AlreadyExists`.
        """
        permit(person, Action.INSURANCE_DECLARE)
        self._refuse_future("shipped_on", shipment.shipped_on)
        with self._records.begin() as session:
            self._visible(session, person, limit_id)
            buyer = Insurances(session).declare(limit_id, shipment, person.person_id)
            return self._followed(session, buyer)

    def report(self, person: Person, limit_id: str, event: ShipmentEvent) -> BuyerView:
        """A payment, a dispute or its end, a notice of loss or a claim, as the insurer was told.

        What is said to have met a deadline that is on record as missed comes from who may confirm
        insurance, and not from who looks after the customer; refuses `DeadlineOver`.
        """
        permit(person, Action.INSURANCE_DECLARE)
        self._refuse_future("happened_on", event.happened_on)
        with self._records.begin() as session:
            self._refuse_late_word(person, self._visible(session, person, limit_id), event)
            buyer = Insurances(session).report(limit_id, event, person.person_id)
            return self._followed(session, buyer)

    def read_limit(self, person: Person, limit_id: str, as_of: date | None = None) -> BuyerView:
        permit(person, Action.INSURANCE_READ)
        with self._records.begin() as session:
            return self._view(session, self._visible(session, person, limit_id), as_of)

    def list_limits(
        self, person: Person, *, after: str | None = None, page_size: int = 50
    ) -> Sequence[BuyerView]:
        """Every buyer that the person sees, by the id of its limit."""
        permit(person, Action.INSURANCE_READ)
        manager_id = visible_to(person).manager_id
        with self._records.begin() as session:
            found = Insurances(session).find_page(
                after=after, page_size=page_size, manager_id=manager_id
            )
            return [self._view(session, each, days=0) for each in found]

    def list_of_customer(
        self,
        person: Person,
        customer_id: str,
        as_of: date | None = None,
        days: int = DAYS_AHEAD,
    ) -> CustomerInsurance:
        """What insurers say and cover of a customer on a day, and what changes in the days after."""
        permit(person, Action.INSURANCE_READ)
        on = as_of or self._clock.business_on()
        with self._records.begin() as session:
            customer_id = visible_customer(session, person, customer_id).customer_id
            found = Insurances(session).of_customer(customer_id)
            items = tuple(self._view(session, each, on, days=days) for each in found)
        return CustomerInsurance(customer_id=customer_id, as_of=on, items=items)

    def list_pending(self, person: Person) -> Waiting:
        """What waits for a second person, oldest first."""
        permit(person, Action.INSURANCE_CHECK)
        with self._records.begin() as session:
            insurances, buyers = Insurances(session).pending()
            return Waiting(
                insurances=tuple(insurances),
                limits=tuple(self._view(session, each, days=0) for each in buyers),
            )

    # ── deadlines ────────────────────────────────────────────────────────────────────────────────

    def list_findings(
        self, person: Person, *, open_only: bool = False
    ) -> Sequence[InsuranceFinding]:
        """The deadlines that were missed, of the customers the person sees; oldest first."""
        permit(person, Action.INSURANCE_READ)
        owner = visible_to(person).manager_id
        with self._records.begin() as session:
            found = Insurances(session).findings(open_only=open_only)
            known = Customers(session).find_many({each.customer_id for each in found})
        return [
            each for each in found if owner is None or known[each.customer_id].manager_id == owner
        ]

    def close_finding(
        self, person: Person, finding_id: str, closed: FindingClosed
    ) -> InsuranceFinding:
        """Say what was done about a missed deadline; what it dropped stays dropped until paid."""
        permit(person, Action.INSURANCE_CLOSE)
        if not closed.note.strip():
            raise Malformed(reason="a note has to say why")
        with self._records.begin() as session:
            return Insurances(session).close_finding(
                finding_id, person.person_id, self._clock.business_on(), closed.note.strip()
            )

    def watch(self, person: Person) -> InsuranceRunBegun:
        """Look at the deadlines of the book, without waiting for the daily run."""
        permit(person, Action.INSURANCE_RUN)
        run_id = new_id()
        self._gateway.start(
            "InsuranceWorkflow",
            insurance_id(run_id),
            InsuranceStart(offset_days=self._clock.offset_days).model_dump(mode="json"),
            queue=PORTFOLIO_QUEUE,
        )
        return InsuranceRunBegun(run_id=run_id)

    def _permit_check(self, person: Person, word: InsuranceChecked) -> None:
        permit(person, Action.INSURANCE_CHECK)
        if not word.confirmed and not word.note.strip():
            raise Malformed(reason="a note has to say why the cover is not confirmed")

    def _check(
        self, session: Session, person: Person, record_id: str, version: int, word: InsuranceChecked
    ) -> None:
        Insurances(session).check(
            record_id, version, person.person_id, confirmed=word.confirmed, note=word.note
        )

    def _followed(self, session: Session, buyer: InsuredBuyer) -> BuyerView:
        """What there is to see of a buyer, whose lines follow what counts of it now."""
        follow_register(session, [buyer.customer_id], self._clock.business_on())
        return self._view(session, buyer)

    def _follow_buyers(self, session: Session, insurance_id: str) -> None:
        buyers = Insurances(session).of_insurance(insurance_id)
        customers = (each.customer_id for each in buyers)
        follow_register(session, customers, self._clock.business_on())

    def _visible(self, session: Session, person: Person, limit_id: str) -> InsuredBuyer:
        buyer = Insurances(session).read_buyer(limit_id)
        refuse_unseen(session, person, buyer.customer_id, kind="insured limit", id=limit_id)
        return buyer

    def _view(
        self,
        session: Session,
        buyer: InsuredBuyer,
        as_of: date | None = None,
        *,
        days: int = DAYS_AHEAD,
    ) -> BuyerView:
        on = as_of or self._clock.business_on()
        cover = cover_of(buyer, on)
        return BuyerView(
            limit_id=buyer.limit_id,
            insurance_id=buyer.insurance_id,
            customer_id=buyer.customer_id,
            terms=buyer.terms,
            versions=buyer.versions,
            cover=cover_on(buyer, on),
            counts=insured_amount(buyer, on),
            counts_until=None if cover is None else cover.ends_on,
            changes=changes_ahead(buyer, on, days) if days else (),
            findings=tuple(Insurances(session).findings([buyer.limit_id])),
        )

    def _refuse_late_word(self, person: Person, buyer: InsuredBuyer, event: ShipmentEvent) -> None:
        kind = _DEADLINES.get(event.kind)
        if kind is None or any(each.event_no == event.event_no for each in buyer.events):
            return
        restored = [
            each
            for each in cover_on(buyer, self._clock.business_on()).deadlines
            if each.missed
            and (each.shipment_no, each.kind) == (event.shipment_no, kind)
            and event.happened_on <= each.due_on
        ]
        if restored and not permitted(person, Action.INSURANCE_CHECK):
            raise DeadlineOver(shipment_no=event.shipment_no, due_on=restored[0].due_on)

    def _refuse_future(self, field: str, day: date) -> None:
        today = self._clock.business_on()
        if day > today:
            raise DateInFuture(field=field, date=day, business_on=today)
