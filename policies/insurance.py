"""Credit insurance (信用保险): what of a buyer's debt is insured on a day, and until when.

Whether a shipment is covered is settled on the day it is shipped: first come, first covered. What
stops cover stops it for what is shipped afterwards; what was covered before stays covered, and what
was beyond the limit stays uncovered, even where earlier shipments are paid.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from fractions import Fraction
from math import ceil

from domain.calendar import days_after, days_before
from domain.cover import Cover, CoverKind, InsuredBy, Stop
from domain.insurance import (
    ChangeReason,
    CoverChange,
    CoveredShipment,
    CoverOn,
    Deadline,
    DeadlineKind,
    EventKind,
    InsuranceTerms,
    InsuredBuyer,
    ShipmentContent,
    ShipmentEvent,
    Uncovered,
    limit_on,
)
from domain.money import Money, money_sum

_UNCOVERED = {
    Stop.PERIOD: Uncovered.OUTSIDE_PERIOD,
    Stop.NO_LIMIT: Uncovered.NO_LIMIT,
    Stop.CUT: Uncovered.CUT,
    Stop.OVERDUE: Uncovered.OVERDUE,
    Stop.DISPUTED: Uncovered.DISPUTED,
}
_REASONS = {
    Stop.PERIOD: ChangeReason.POLICY_END,
    Stop.CUT: ChangeReason.CUT,
    Stop.OVERDUE: ChangeReason.OVERDUE,
}


def cover_on(buyer: InsuredBuyer, on: date) -> CoverOn:
    """How much of what a buyer owes is insured on a day, and why not the rest.

    What was paid of a shipment is paid of its covered and its uncovered part alike; what is left
    covered is rounded down.
    """
    book = _Book(buyer, on)
    shipments = tuple(book.covered(on))
    step = limit_on(buyer.steps, on)
    zero = Money.zero(_currency(buyer))
    uncovered: dict[Uncovered, Money] = {}
    for each in shipments:
        if each.why is not None:
            uncovered[each.why] = uncovered.get(each.why, zero) + each.uncovered
    covered = money_sum((each.covered for each in shipments), zero.currency)
    return CoverOn(
        as_of=on,
        limit=zero if step is None else step.amount,
        owed=money_sum((each.open for each in shipments), zero.currency),
        covered=covered,
        insured=_payable(covered, buyer.terms),
        uncovered=uncovered,
        stopped=book.stopped(on),
        shipments=shipments,
        deadlines=tuple(_deadlines(book, shipments, on)),
    )


def cover_of(buyer: InsuredBuyer, on: date, liability_left: Money | None = None) -> Cover | None:
    """What an insurance counts for in a limit; None where nobody has confirmed one.

    The insurer's limit while new shipments are covered, afterwards what is still covered of earlier
    ones; up to the day on which the last of that can be claimed. It can pay no more than is left of
    its liability, less the deductible.
    """
    terms, step = buyer.terms, limit_on(buyer.steps, on)
    if terms is None or step is None:
        return None
    found = cover_on(buyer, on)
    value, ends_on = found.covered, _claims_until(found, terms)
    if not found.stopped:
        value, ends_on = max(step.amount, found.covered), terms.until_on
        if step.cut_on is not None:
            ends_on = min(ends_on, days_before(step.cut_on, 1))
    if found.missed:
        value = Money.zero(terms.currency)
    left = terms.liability_max if liability_left is None else liability_left
    return Cover(
        cover_id=buyer.limit_id,
        kind=CoverKind.CREDIT_INSURANCE,
        value=value,
        share=terms.share,
        ends_on=ends_on,
        free=_bearable(value, left, terms),
        insured=InsuredBy(
            limit_id=buyer.limit_id,
            policy_no=terms.policy_no,
            until_on=terms.until_on,
            stopped=found.stopped,
            missed=found.missed,
        ),
    )


def paid_at_most(buyer: InsuredBuyer, on: date) -> Money:
    """The most that the insurer may have to pay for a buyer on a day, its liability apart."""
    cover = cover_of(buyer, on)
    return Money.zero(_currency(buyer)) if cover is None else cover.value.share(cover.share)


def insured_amount(buyer: InsuredBuyer, on: date) -> Money:
    """What counts of an insurance on a day before policy's haircut, in its own currency."""
    cover = cover_of(buyer, on)
    if cover is None or cover.free is None or cover.ends_on is None or cover.ends_on < on:
        return Money.zero(_currency(buyer))
    return min(cover.value, cover.free).share(cover.share)


def changes_ahead(buyer: InsuredBuyer, on: date, days: int) -> tuple[CoverChange, ...]:
    """When in the days after `on` cover changes by itself, and by how much.

    As if nothing more were shipped or said, what is not due yet were paid on its day, and what is
    overdue were neither paid nor reported. The amounts add up to what has changed by the last day.
    """
    terms = buyer.terms
    if terms is None:
        return ()
    expected = _as_agreed(buyer, on)
    last = days_after(on, days)
    turns = sorted(each for each in _turns(expected, terms) if on < each <= last)
    found = []
    before_on, before = on, insured_amount(expected, on)
    for day in turns:
        amount = insured_amount(expected, day)
        if amount != before:
            found.append(
                CoverChange(
                    limit_id=buyer.limit_id,
                    policy_no=terms.policy_no,
                    on=day,
                    amount=amount - before,
                    reason=_reason(expected, before_on, day, rises=amount > before),
                )
            )
        before_on, before = day, amount
    return tuple(found)


def cover_ahead(
    buyer: InsuredBuyer, on: date, until: date, liability_left: Money | None = None
) -> tuple[tuple[date, Cover | None], ...]:
    """What an insurance counts for on a day and from each day on which that changes by itself,
    as `changes_ahead` foresees it."""
    found = [(on, cover_of(buyer, on, liability_left))]
    if buyer.terms is None:
        return tuple(found)
    expected = _as_agreed(buyer, on)
    for day in sorted(each for each in _turns(expected, buyer.terms) if on < each <= until):
        found.append((day, cover_of(expected, day, liability_left)))
    return tuple(found)


class _Book:
    """What is known of a buyer by a day: the shipments made by then, and what became of each."""

    def __init__(self, buyer: InsuredBuyer, on: date) -> None:
        self._buyer = buyer
        made = [each for each in buyer.shipments if each.shipped_on <= on]
        self._shipments = sorted(made, key=lambda each: each.shipped_on)
        self._events: dict[str, list[ShipmentEvent]] = {each.shipment_no: [] for each in made}
        for event in sorted(buyer.events, key=lambda each: each.happened_on):
            if event.shipment_no in self._events:
                self._events[event.shipment_no].append(event)
        self._first: dict[str, tuple[Money, Uncovered | None]] = {}
        for each in self._shipments:
            self._first[each.shipment_no] = self._at_first(each)

    def covered(self, on: date) -> Iterable[CoveredShipment]:
        for each in self._shipments:
            open_part = self.open(each, on)
            if open_part:
                yield CoveredShipment(
                    shipment=each,
                    open=open_part,
                    covered=self._still(each, on),
                    why=self._first[each.shipment_no][1],
                )

    def open(self, shipment: ShipmentContent, on: date) -> Money:
        paid = (
            each.amount for each in self.events(shipment.shipment_no, on) if each.amount is not None
        )
        left = shipment.amount - money_sum(paid, shipment.amount.currency)
        return max(left, Money.zero(left.currency))

    def events(self, shipment_no: str, on: date) -> list[ShipmentEvent]:
        return [each for each in self._events[shipment_no] if each.happened_on <= on]

    def stopped(self, on: date) -> tuple[Stop, ...]:
        """Why a shipment of a day is not covered, whatever it is."""
        terms, step = self._buyer.terms, limit_on(self._buyer.steps, on)
        found = []
        if terms is None or not terms.from_on <= on <= terms.until_on:
            found.append(Stop.PERIOD)
        if step is None or not step.amount:
            found.append(Stop.NO_LIMIT)
        elif step.cut_on is not None and on >= step.cut_on:
            found.append(Stop.CUT)
        made = [each for each in self._shipments if each.shipped_on <= on]
        if terms is not None and any(self._late(each, terms, on) for each in made):
            found.append(Stop.OVERDUE)
        if any(self._disputed(each.shipment_no, on) for each in made):
            found.append(Stop.DISPUTED)
        return tuple(found)

    def _at_first(self, shipment: ShipmentContent) -> tuple[Money, Uncovered | None]:
        """What of a shipment was covered when it was shipped, and why not the rest."""
        terms, on = self._buyer.terms, shipment.shipped_on
        step = limit_on(self._buyer.steps, on)
        nothing = Money.zero(shipment.amount.currency)
        if terms is None:
            return nothing, Uncovered.NO_INSURANCE
        stops = self.stopped(on)
        if stops or step is None:
            return nothing, _UNCOVERED[stops[0]]
        longest = terms.terms_days_max
        if step.terms_days_max is not None:
            longest = min(longest, step.terms_days_max)
        if shipment.terms > longest:
            return nothing, Uncovered.TERMS_TOO_LONG
        earlier = (self._still(each, on) for each in self._shipments if self._counted(each))
        room = max(nothing, step.amount - money_sum(earlier, nothing.currency))
        if shipment.amount <= room:
            return shipment.amount, None
        return room, Uncovered.OVER_LIMIT

    def _counted(self, shipment: ShipmentContent) -> bool:
        return shipment.shipment_no in self._first

    def _still(self, shipment: ShipmentContent, on: date) -> Money:
        covered, _ = self._first[shipment.shipment_no]
        whole = shipment.amount.minor
        left = covered.minor * self.open(shipment, on).minor // whole
        return Money(minor=left, currency=covered.currency)

    def _late(self, shipment: ShipmentContent, terms: InsuranceTerms, on: date) -> bool:
        days = (on - shipment.due_on).days
        return days > terms.overdue_days_max and bool(self.open(shipment, on))

    def _disputed(self, shipment_no: str, on: date) -> bool:
        words = (EventKind.DISPUTED, EventKind.SETTLED)
        said = [each.kind for each in self.events(shipment_no, on) if each.kind in words]
        return bool(said) and said[-1] is EventKind.DISPUTED


def _deadlines(book: _Book, shipments: Sequence[CoveredShipment], on: date) -> Iterable[Deadline]:
    """Of every overdue shipment that is covered; one is missed where its day is over without."""
    terms = book._buyer.terms
    for each in shipments:
        shipment = each.shipment
        if terms is None or not each.covered or on <= shipment.due_on:
            continue
        events = book.events(shipment.shipment_no, on)
        for kind, days, word in (
            (DeadlineKind.NOTICE, terms.notice_days, EventKind.NOTICE_GIVEN),
            (DeadlineKind.CLAIM, terms.claim_days, EventKind.CLAIMED),
        ):
            due_on = days_after(shipment.due_on, days)
            met = [event.happened_on for event in events if event.kind is word]
            in_time = [day for day in met if day <= due_on]
            yield Deadline(
                shipment_no=shipment.shipment_no,
                kind=kind,
                due_on=due_on,
                met_on=min(in_time, default=None),
                missed=not in_time and on > due_on,
            )


def _payable(covered: Money, terms: InsuranceTerms | None) -> Money:
    if terms is None:
        return Money.zero(covered.currency)
    insured = min(covered.share(terms.share), terms.liability_max) - terms.deductible
    return max(insured, Money.zero(covered.currency))


def _bearable(value: Money, liability_left: Money, terms: InsuranceTerms) -> Money:
    """So much of a value that its share is what the insurer can pay of it.

    Rounded up: the share of it is rounded down to the very amount.
    """
    nothing = Money.zero(value.currency)
    pays = min(value.share(terms.share), max(liability_left, nothing)) - terms.deductible
    if pays <= nothing or not terms.share:
        return nothing
    return min(
        value, Money(minor=ceil(pays.minor / Fraction(terms.share)), currency=value.currency)
    )


def _claims_until(found: CoverOn, terms: InsuranceTerms) -> date:
    """The last day on which what is covered can still be claimed, or has been."""
    due = (
        days_after(each.shipment.due_on, terms.claim_days)
        for each in found.shipments
        if each.covered
    )
    return max((*due, found.as_of))


def _as_agreed(buyer: InsuredBuyer, on: date) -> InsuredBuyer:
    """A buyer that pays on its day what is not due yet."""
    book = _Book(buyer, on)
    known = [each for each in buyer.events if each.happened_on <= on]
    shipments = [each for each in buyer.shipments if each.shipped_on <= on]
    expected = [
        ShipmentEvent(
            event_no="as agreed",
            shipment_no=each.shipment_no,
            kind=EventKind.PAID,
            happened_on=each.due_on,
            amount=book.open(each, on),
        )
        for each in shipments
        if each.due_on > on and book.open(each, on)
    ]
    return buyer.model_copy(update={"events": (*known, *expected), "shipments": tuple(shipments)})


def _turns(buyer: InsuredBuyer, terms: InsuranceTerms) -> set[date]:
    """The days on which anything may change by itself."""
    found = {terms.from_on, days_after(terms.until_on, 1)}
    for step in buyer.steps:
        found |= {step.from_on} | ({step.cut_on} if step.cut_on is not None else set())
    for each in buyer.shipments:
        later = (0, terms.overdue_days_max + 1, terms.notice_days + 1, terms.claim_days + 1)
        found |= {days_after(each.due_on, days) for days in later}
    return found


def _reason(buyer: InsuredBuyer, before_on: date, day: date, *, rises: bool) -> ChangeReason:
    """Why what counts changed between two days."""
    was, now = cover_on(buyer, before_on), cover_on(buyer, day)
    if now.missed and not was.missed:
        return ChangeReason.DEADLINE
    for stop, reason in _REASONS.items():
        if stop in now.stopped and stop not in was.stopped:
            return reason
    if rises and buyer.terms is not None and buyer.terms.from_on == day:
        return ChangeReason.BEGINS
    if any(step.from_on == day for step in buyer.steps):
        return ChangeReason.LIMIT
    return ChangeReason.TERMS


def _currency(buyer: InsuredBuyer) -> str:
    return buyer.versions[0].content.amount.currency
