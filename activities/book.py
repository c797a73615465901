"""What caps and appetite are measured on: the customer's part now, the book as of its last look."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import date

from sqlalchemy.orm import Session

from activities.exchange import Exchange
from activities.related import related_customers
from domain.application import Application
from domain.assessment import BookPosition, Holdings
from domain.customer import Customer
from domain.edition import CapScope, PolicyEdition
from domain.errors import RateMissing
from domain.money import Money
from policies.calendar import in_force
from policies.concentration import Collected, Held, book_position, period_begins
from storage.approval import Letters
from storage.concentration import BookPart, BookShares, ProductWeight
from storage.customer import Customers
from storage.identity import Persons


def refresh_book(session: Session, edition: PolicyEdition, on: date) -> None:
    """Add up the whole book anew, as of a day; an edition's rates and products say who is large."""
    exchange, rates = Exchange(session, edition, on), {}
    for currency in BookShares(session).currencies():
        with suppress(RateMissing):
            rates[currency] = exchange.of_minor(currency)
    products = {
        code: ProductWeight(product.funded, product.conversion_factor)
        for code, product in edition.limit.products.items()
    }
    BookShares(session).refresh(on, rates, products)


def unit_of(session: Session, customer: Customer) -> str:
    """The unit whose budget a customer's credit counts against: its manager's branch."""
    manager = Persons(session).find_person(customer.manager_id)
    return manager.branch if manager is not None else ""


def unit_for(session: Session, edition: PolicyEdition, customer_id: str) -> str:
    """The unit whose working hours count for a customer; looked up only where units have any."""
    policy = edition.approval
    if not any(row.unit for row in policy.hours) and not any(row.unit for row in policy.days):
        return ""
    customer = Customers(session).find(customer_id)
    return unit_of(session, customer) if customer is not None else ""


def book_of(
    session: Session,
    customer: Customer,
    application: Application,
    holdings: Holdings,
    edition: PolicyEdition,
    on: date,
) -> BookPosition:
    """What caps and appetite are measured on, without the line in question. What has no rate is
    left out: a case is not held up by the book."""
    # Apart, so that the receipt lists the rates that the case itself rests on.
    exchange = Exchange(session, edition, on)
    store, unit = BookShares(session), unit_of(session, customer)
    lines = store.find_held(holdings.group_members)
    new_line = application.application_type.asks_new_line
    own = [(line, part) for line, part in lines if part.of[1] == customer.customer_id]
    replaced = [part for line, part in own if not new_line and application.line_id in (None, line)]
    sums, as_of = store.find(customer.industry, customer.region, unit)
    collected = Collected(
        own=_held([part for _, part in own], exchange),
        group=_held([part for _, part in lines], exchange),
        replaced=_held(replaced, exchange),
        related=_related(session, edition, on, exchange) if customer.related_to_grantor else None,
        sums=_by_name(sums, exchange),
        largest=_largest(session, customer, edition, exchange),
        unit=unit,
        granted=_granted(session, edition, on, unit, exchange),
        as_of=as_of,
    )
    return book_position(collected, holdings, edition, new_line=new_line)


def _related(session: Session, edition: PolicyEdition, on: date, exchange: Exchange) -> list[Held]:
    """What all related parties hold: lines, and letters not yet in force."""
    customers = list(related_customers(session, edition, on))
    lines = _held([part for _, part in BookShares(session).find_held(customers)], exchange)
    nothing = Money.zero(edition.reporting_currency)
    letters = [
        Held("", amount, nothing)
        for _, limit in Letters(session).commitments_of(customers)
        if (amount := _reporting(limit, exchange)) is not None
    ]
    return [*lines, *letters]


def _largest(
    session: Session, customer: Customer, edition: PolicyEdition, exchange: Exchange
) -> dict[str, list[Held]]:
    """The largest other customers: twice as many as the caps look at, for the rates of the day."""
    caps = edition.concentration.caps
    most = max((cap.largest for cap in caps if cap.scope is CapScope.TOP), default=0)
    if not most:
        return {}
    parts = BookShares(session).find_largest(2 * most + 1, customer.customer_id)
    return {customer_id: held for (_, customer_id), held in _by_name(parts, exchange).items()}


def _granted(
    session: Session, edition: PolicyEdition, on: date, unit: str, exchange: Exchange
) -> dict[str, Money]:
    """What was newly granted in the year of each budget that bounds this unit."""
    granted = {}
    for row in edition.concentration.appetite:
        if row.granted_max is not None and in_force(row, on) and row.unit in ("", unit):
            amounts = Letters(session).granted(period_begins(row, on), on, row.unit)
            known = [each for one in amounts if (each := _reporting(one, exchange)) is not None]
            granted[row.code] = exchange.reporting_sum(known)
    return granted


def _by_name(parts: Iterable[BookPart], exchange: Exchange) -> dict[tuple[str, str], list[Held]]:
    by_name: dict[tuple[str, str], list[BookPart]] = {}
    for part in parts:
        by_name.setdefault(part.of, []).append(part)
    return {of: _held(found, exchange) for of, found in by_name.items()}


def _held(parts: Iterable[BookPart], exchange: Exchange) -> list[Held]:
    """Parts in the reporting currency; those of one product and currency are added up first, so
    that a sum says the same however its lines were grouped."""
    sums: dict[tuple[str, str], tuple[Money, Money]] = {}
    for part in parts:
        place = (part.product, part.limits.currency)
        limits, used = sums.get(place, (Money.zero(place[1]), Money.zero(place[1])))
        sums[place] = (limits + part.limits, used + part.used)
    held = []
    for (product, _), (limits, used) in sorted(sums.items()):
        reporting = _reporting(limits, exchange), _reporting(used, exchange)
        if reporting[0] is not None and reporting[1] is not None:
            held.append(Held(product, reporting[0], reporting[1]))
    return held


def _reporting(amount: Money, exchange: Exchange) -> Money | None:
    try:
        return exchange.reporting(amount)
    except RateMissing:
        return None
