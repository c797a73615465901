"""What may be asked of a customer's credit as a whole: the profile of a business day.

Each part is read from the record that keeps its past: the customer's versions, receipts and batch
ratings, letters, the book of entries, invoices and payments, and the days that cases and warnings
were opened and closed on.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from sqlalchemy.orm import Session

from domain.application import ApplicationType
from domain.assessment import PaymentRecord
from domain.calendar import business_on, day_begins_at
from domain.cap import CapOwner
from domain.classification import Claim, ClaimSign
from domain.customer import CreditEventType, CustomerProfile, Sourced, events_standing
from domain.edition import PolicyEdition
from domain.errors import DateInFuture, RateMissing
from domain.exposure import LimitKind
from domain.identity import Person
from domain.line import CreditLine, Freeze, LineEvent, LineStatus, status_under
from domain.money import Money
from domain.profile import (
    CapFacts,
    ClassFacts,
    CreditProfile,
    Hold,
    HoldKind,
    LineFacts,
    OpenCase,
    OpenCaseKind,
    RatingFacts,
    WarningFacts,
    sourced,
)
from policies.classification import classify
from policies.line import months_later
from storage.application import Applications, Assessments
from storage.approval import Letters
from storage.base import Records
from storage.classification import Classes
from storage.collection import Collections
from storage.customer import Customers
from storage.edition import Editions
from storage.exposure import PastExposure
from storage.exposure.past import PastBalance, PastReservation
from storage.line import Lines
from storage.receivable import Receivables
from storage.rerating import Reratings
from storage.review import Reviews
from storage.warning import Warnings
from web.service.clock import Clock
from web.service.customer import visible_customer
from web.service.permissions import Action, permit

_RECORD_DAYS = 365
_CASES_MAX = 500
_DATED = (
    ApplicationType.NEW_LINE.value,
    ApplicationType.RENEWAL.value,
    ApplicationType.RESTRUCTURE.value,
    ApplicationType.EXTENSION.value,
)


class ProfileService:
    """Credit profiles, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def read(self, person: Person, customer_id: str, as_of: date | None = None) -> CreditProfile:
        """The customer's credit as it stood at the end of a business day (today, unless said).

        Refuses `NotFound` where the customer was not on record that day, and `DateInFuture`.
        """
        permit(person, Action.CUSTOMER_READ)
        today = self._clock.business_on()
        on = as_of or today
        if on > today:
            raise DateInFuture(field="as_of", date=on, business_on=today)
        with self._records.begin() as session:
            customer = visible_customer(session, person, customer_id)
            survivor = customer.customer_id
            look = _Look(session, survivor, on, self._clock)
            record = look.record()
            lines = look.lines()
            return CreditProfile(
                **record.model_dump(),
                merged_into=survivor if survivor != customer_id else None,
                aliases=Customers(session).aliases(survivor),
                rating=look.rating(),
                classification=look.classification(),
                owed=look.owed(),
                lines=lines,
                limit_total=_totals(lines, "limit"),
                used_total=_totals(lines, "used"),
                caps=tuple(look.caps(record.customer.group_id)),
                open_cases=tuple(look.open_cases()),
                warnings=tuple(look.warnings()),
            )


class _Look:
    """One customer, at the end of one business day."""

    def __init__(self, session: Session, customer_id: str, on: date, clock: Clock) -> None:
        self._session = session
        self._customer_id = customer_id
        self._on = on
        self._offset_days = clock.offset_days
        self._held = Lines(session).list_of_customer(customer_id)
        self._line_ids = [line.line_id for line in self._held]
        self._edition: PolicyEdition | None = Editions(session).find_current(on)
        self._payments = self._payment_record()

    def record(self) -> CustomerProfile:
        return Customers(self._session).profile(self._customer_id, self._on)

    def rating(self) -> RatingFacts | None:
        """By the newest of receipts and batch ratings up to the day."""
        receipt = Assessments(self._session).find_of_day(self._customer_id, self._on)
        batch = Reratings(self._session).find_of_day(self._line_ids, self._on)
        if receipt is not None:
            assessment, receipt_hash, written_at = receipt
            judged_on = assessment.dossier.business_on
            if batch is None or (batch.rated_on, batch.recorded_at) < (judged_on, written_at):
                rating, source = assessment.rating, f"receipt {receipt_hash}"
                return self._rating(
                    rating.grade, rating.score, source, judged_on, rating.valid_until
                )
        if batch is None:
            return None
        source = f"re-rating {batch.run_id}"
        return self._rating(batch.grade, batch.score, source, batch.rated_on, batch.valid_until)

    def classification(self) -> ClassFacts | None:
        """The tier of what the customer owes, under the policy in force on the day."""
        edition, paid = self._edition, self._payments
        if edition is None or paid is None or paid.open_total is None:
            return None
        events = events_standing(Customers(self._session).events(self._customer_id, self._on))
        bankrupt = any(each.event_type is CreditEventType.INSOLVENT for each in events)
        restructured = [
            each.occurred_on for each in events if each.event_type is CreditEventType.RESTRUCTURED
        ]
        claim = Claim(
            claim_id=self._customer_id,
            amount=paid.open_total,
            days_past_due=paid.days_past_due_max,
            signs=(ClaimSign.BANKRUPT,) if bankrupt else (),
            restructured_on=max(restructured, default=None),
        )
        (found,) = classify((claim,), edition, self._on)
        source = f"policy edition {edition.edition_hash}"
        facts = ClassFacts(tier=sourced(found.tier, source, self._on), reasons=found.reasons)
        kept = Classes(self._session).find(self._customer_id, self._on)
        if kept is None or kept.tier is found.tier:
            return facts
        return facts.model_copy(
            update={
                "on_record": sourced(kept.tier, "classification run", kept.as_of),
                "reasons_on_record": kept.reasons,
            }
        )

    def owed(self) -> dict[str, Sourced]:
        paid = self._payments
        if paid is None:
            return {}
        figures = {
            "open_total": paid.open_total,
            "overdue": paid.overdue,
            "days_past_due_max": paid.days_past_due_max,
            "days_late_mean": paid.days_late_mean,
        }
        return {
            name: sourced(figure, "invoices and payments", self._on)
            for name, figure in figures.items()
        }

    def lines(self) -> tuple[LineFacts, ...]:
        """Every line that was in force on the day or had ended by then, the newest first."""
        past = PastExposure(self._session)
        balances = past.balances(self._line_ids, self._on)
        reserved: dict[str, list[PastReservation]] = defaultdict(list)
        for each in past.reservations(self._line_ids, self._on):
            reserved[each.line_id].append(each)
        store = Lines(self._session)
        freezes: dict[str, list[Freeze]] = defaultdict(list)
        for freeze in store.freezes_of(self._line_ids):
            if self._stood(freeze):
                freezes[freeze.line_id].append(freeze)
        ends = store.ends_of(self._line_ids)
        dated: dict[str, tuple[str, date]] = {}
        for line_id, letter_no, kind, put_on in store.letters_of(self._line_ids):
            if kind in _DATED and put_on <= self._on:
                dated[line_id] = letter_no, put_on
        return tuple(
            LineFacts(
                line_id=line.line_id,
                customer_id=line.customer_id,
                product=line.terms.product,
                status=self._status(line, freezes[line.line_id], ends.get(line.line_id)),
                starts_on=line.starts_on,
                ends_on=self._ends_on(*dated[line.line_id]),
                holds=(
                    *map(_reservation, reserved[line.line_id]),
                    *(self._frozen(freeze) for freeze in freezes[line.line_id]),
                ),
                **_balances(balances[line.line_id]),
            )
            for line in self._held
            if line.line_id in balances and line.line_id in dated
        )

    def caps(self, group_id: str | None) -> Iterable[CapFacts]:
        """What its lines, and those of its group, might come to together on the day."""
        for each in PastExposure(self._session).caps(self._customer_id, group_id, self._on):
            source = f"letter {each.decision_id}"
            yield CapFacts(
                scope=CapOwner(each.kind),
                owner_id=each.owner_id,
                currency=each.currency,
                cap=sourced(each.limit.amount or each.limit.kind, source, each.limited_on),
            )

    def open_cases(self) -> Iterable[OpenCase]:
        ends_at = day_begins_at(self._on + timedelta(days=1), self._offset_days)
        for case in Applications(self._session).open_on(self._customer_id, self._on, ends_at):
            yield _case(
                case.case_id,
                OpenCaseKind.APPLICATION,
                case.application.application_type,
                case.business_on,
            )
        reviews = Reviews(self._session).find_page(
            customer_id=self._customer_id, page_size=_CASES_MAX
        )
        for review in reviews:
            if self._was_open(review.opened_on, review.closed_on):
                yield _case(review.review_id, OpenCaseKind.REVIEW, review.line_id, review.opened_on)
        collections = Collections(self._session).find_page(
            customer_id=self._customer_id, page_size=_CASES_MAX
        )
        for each in collections:
            if self._was_open(each.opened_on, each.closed_on):
                yield _case(each.collection_id, OpenCaseKind.COLLECTION, "arrears", each.opened_on)

    def warnings(self) -> Iterable[WarningFacts]:
        for each in Warnings(self._session).find_since(self._customer_id, date.min):
            if self._was_open(each.raised_on, each.closed_on):
                source = f"rule {each.signal.rule}"
                yield WarningFacts(
                    warning_id=each.warning_id,
                    level=sourced(each.signal.level, source, each.raised_on),
                )

    def _payment_record(self) -> PaymentRecord | None:
        edition = self._edition
        try:
            return Receivables(self._session).payment_record(
                self._customer_id,
                as_of=self._on,
                window_days=edition.payments.window_days if edition else _RECORD_DAYS,
                currency=edition.reporting_currency if edition else "CNY",
            )
        except RateMissing:  # amounts of several currencies that nothing adds up
            return None

    def _rating(
        self, grade: str, score: object, source: str, on: date, until: date | None
    ) -> RatingFacts:
        return RatingFacts(
            grade=sourced(grade, source, on),
            score=sourced(score, source, on),
            valid_until=until,
            counts=until is None or self._on <= until,
        )

    def _status(
        self, line: CreditLine, freezes: Sequence[Freeze], end: LineEvent | None
    ) -> Sourced:
        if end is not None and self._day_of(end) <= self._on:
            return sourced(LineStatus(end.kind), "line ended", self._day_of(end))
        status = status_under(freezes)
        if freezes:
            last = freezes[-1]
            on = business_on(last.frozen_at, self._offset_days)
            return sourced(status, f"freeze {last.freeze_id}", on)
        return sourced(status, "line in force", line.starts_on)

    def _stood(self, freeze: Freeze) -> bool:
        lifted = freeze.lifted_at and business_on(freeze.lifted_at, self._offset_days)
        return self._was_open(business_on(freeze.frozen_at, self._offset_days), lifted)

    def _frozen(self, freeze: Freeze) -> Hold:
        on = business_on(freeze.frozen_at, self._offset_days)
        return Hold(
            hold_id=freeze.freeze_id,
            kind=HoldKind.FREEZE,
            held=sourced(freeze.reason, f"frozen by {freeze.frozen_by}", on),
        )

    def _ends_on(self, letter_no: str, put_on: date) -> Sourced:
        """As the last letter up to the day set it: a letter counts in months from its first day,
        but for one that extends to a day."""
        terms = Letters(self._session).read(letter_no).terms
        assert terms is not None, "a letter that was put in force grants something"
        ends_on = terms.ends_on or months_later(put_on, terms.term_months) - timedelta(days=1)
        return sourced(ends_on, f"letter {letter_no}", put_on)

    def _day_of(self, event: LineEvent) -> date:
        return business_on(event.at, self._offset_days)

    def _was_open(self, since: date, until: date | None) -> bool:
        return since <= self._on and (until is None or until > self._on)


def _balances(balance: PastBalance) -> dict[str, Sourced]:
    limit = balance.limit.amount
    letter, entry = f"letter {balance.decision_id}", f"entry {balance.entry_id}"
    headroom = None
    if limit is not None:
        left = limit.minor - balance.used.minor - balance.reserved.minor
        headroom = Money(minor=max(left, 0), currency=limit.currency)
    elif balance.limit.kind is LimitKind.NONE:
        headroom = Money.zero(balance.used.currency)
    return {
        "limit": sourced(limit or balance.limit.kind, letter, balance.limited_on),
        "used": sourced(balance.used, entry, balance.moved_on),
        "reserved": sourced(balance.reserved, entry, balance.moved_on),
        "headroom": sourced(headroom, entry, max(balance.moved_on, balance.limited_on)),
    }


def _reservation(each: PastReservation) -> Hold:
    return Hold(
        hold_id=each.entry_id,
        kind=HoldKind.RESERVATION,
        held=sourced(each.amount, f"entry {each.entry_id}", each.reserved_on),
        expires_at=each.expires_at,
    )


def _case(case_id: str, kind: OpenCaseKind, about: str, since: date) -> OpenCase:
    return OpenCase(case_id=case_id, kind=kind, about=sourced(about, f"{kind} {case_id}", since))


def _totals(lines: Iterable[LineFacts], name: str) -> dict[str, Money]:
    """What the lines come to by currency; limits of those alone that had not ended."""
    totals: dict[str, Money] = {}
    for line in lines:
        amount = getattr(line, name).value
        ended = LineStatus(line.status.value).ended
        if isinstance(amount, Money) and (name == "used" or not ended):
            zero = Money.zero(amount.currency)
            totals[amount.currency] = totals.get(amount.currency, zero) + amount
    return totals
