"""Concentration and appetite: caps on the grantor's own book, and what an approval would pass.

A cap bounds a measure (loans, exposure, limits) of a customer, group, industry, region, of the
largest together or of related parties, as a share of the grantor's capital or of the book. The
regulator's caps on large exposures (大额风险暴露管理办法, order 1 of 2018) are rows like any other. A
breach refuses nothing: it is an exception that people decide, with the share before and after.

What is used counts as a loan where the product lends money, and by its conversion factor as
exposure; what would be granted counts as if it were used. A product that the edition does not know
counts in full.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, localcontext
from typing import NamedTuple

from domain.assessment import BookPosition, Holdings, PolicyException
from domain.edition import (
    Appetite,
    CapBase,
    CapMeasure,
    CapScope,
    ConcentrationCap,
    PolicyEdition,
)
from domain.money import Money, money_sum
from policies.calendar import in_force
from policies.formula import EXACT
from policies.line import months_later


class Held(NamedTuple):
    """What is held of one product, in the reporting currency."""

    product: str
    limits: Money
    used: Money


@dataclass(frozen=True)
class Collected:
    """What was collected of the book, in the reporting currency.

    `own`, `group` and `related` are the lines of the moment, `replaced` those that an approval
    would replace; `related` is None where the customer is no related party. `sums` are of the last
    look at the whole book by scope and name, `largest` by customer, the applicant left out.
    """

    own: Sequence[Held] = ()
    group: Sequence[Held] = ()
    replaced: Sequence[Held] = ()
    related: Sequence[Held] | None = None
    sums: Mapping[tuple[str, str], Sequence[Held]] = field(default_factory=dict)
    largest: Mapping[str, Sequence[Held]] = field(default_factory=dict)
    unit: str = ""
    granted: Mapping[str, Money] = field(default_factory=dict)
    as_of: date | None = None


def exceptions(
    added: Money,
    loss_added: Money,
    book: BookPosition,
    business_on: date,
    edition: PolicyEdition,
    *,
    product: str = "",
    industry: str = "",
    region: str = "",
    related: bool = False,
) -> tuple[PolicyException, ...]:
    """Every cap and bound of appetite that so much more, in the reporting currency, would pass.

    A reduction passes none. A measure that the book does not know is not bounded here.
    """
    if added.minor <= 0:
        return ()
    names = {CapScope.INDUSTRY: industry, CapScope.REGION: region}
    with localcontext(EXACT):
        more = measured([Held(product, added, added)], edition)
        capped = (
            _of_cap(cap, more[cap.measure], book, edition)
            for cap in edition.concentration.caps
            if in_force(cap, business_on)
            and book.client_kind in cap.kinds
            and (not cap.name or cap.name == names.get(cap.scope))
            and (related or cap.scope is not CapScope.RELATED)
        )
        borne = (
            found
            for row in edition.concentration.appetite
            if in_force(row, business_on) and row.unit in ("", book.unit)
            for found in _of_appetite(row, added, loss_added, book, edition)
        )
        return tuple(each for each in (*capped, *borne) if each is not None)


def measured(held: Iterable[Held], edition: PolicyEdition) -> dict[CapMeasure, Money]:
    """Limits, loans and exposure of what is held; exposure is rounded up product by product."""
    zero = Money.zero(edition.reporting_currency)
    sums = dict.fromkeys(CapMeasure, zero)
    for product, limits, used in held:
        rule = edition.limit.products.get(product)
        sums[CapMeasure.LIMITS] += limits
        if rule is None or rule.funded:
            sums[CapMeasure.LOANS] += used
        factor = Decimal(1) if rule is None else rule.conversion_factor
        sums[CapMeasure.EXPOSURE] += -(-used).share(factor)
    return sums


def period_begins(row: Appetite, business_on: date) -> date:
    """The first day of the year that a budget counts: from the last anniversary of its own first
    day, or from the first of January where it has none."""
    first = row.effective_from
    if first is None:
        return business_on.replace(month=1, day=1)
    turned = months_later(first, 12 * (business_on.year - first.year))
    return turned if turned <= business_on else months_later(turned, -12)


def book_position(
    collected: Collected, holdings: Holdings, edition: PolicyEdition, *, new_line: bool
) -> BookPosition:
    """What a case is measured on.

    What an approval would replace is taken out everywhere, so that it is not counted twice; the
    book's expected loss, of limits as if they were used, keeps it, which errs on the safe side.
    """
    zero = Money.zero(edition.reporting_currency)
    replaced = holdings.own_limits if holdings.line_limit is None else holdings.line_limit
    taken = measured(collected.replaced, edition)
    taken[CapMeasure.LIMITS] = zero if new_line else replaced

    def less_taken(held: Sequence[Held]) -> dict[CapMeasure, Money]:
        return {
            measure: max(zero, amount - taken[measure])
            for measure, amount in measured(held, edition).items()
        }

    customer, group = less_taken(collected.own), less_taken(collected.group)
    # Letters not yet in force are part of what is held, and of no line.
    customer[CapMeasure.LIMITS] = holdings.own_limits - taken[CapMeasure.LIMITS]
    group[CapMeasure.LIMITS] = holdings.group_limits - taken[CapMeasure.LIMITS]
    scopes = {"customer": customer, "group": group}
    if collected.related is not None:
        scopes["related"] = less_taken(collected.related)
    for (scope, _), held in collected.sums.items():
        if scope in ("industry", "region", "unit"):
            scopes[scope] = less_taken(held)
    total = collected.sums.get(("total", ""))
    by_grade = [(name, held) for (scope, name), held in collected.sums.items() if scope == "grade"]
    of_unit = [
        (name.rpartition("/")[2], held)
        for (scope, name), held in collected.sums.items()
        if scope == "unit_grade"
    ]
    return BookPosition(
        by_scope={
            f"{scope}:{measure.value}": amount
            for scope, measures in scopes.items()
            for measure, amount in measures.items()
        },
        totals=(
            {} if total is None else {m.value: amount for m, amount in less_taken(total).items()}
        ),
        unit=collected.unit,
        loss_expected=None if total is None else _loss(by_grade, edition),
        loss_expected_unit=None if total is None else _loss(of_unit, edition),
        largest={} if total is None else _largest(collected.largest, edition),
        granted=dict(collected.granted),
        replaced=taken[CapMeasure.LIMITS],
        as_of=collected.as_of,
    )


def _loss(by_grade: Iterable[tuple[str, Sequence[Held]]], edition: PolicyEdition) -> Money:
    """The loss expected of a year, of limits as if they were used; an unknown grade loses all."""
    pds = {row.grade: row.pd for row in edition.master_scale}
    loss = Money.zero(edition.reporting_currency)
    for grade, held in by_grade:
        limits = measured(held, edition)[CapMeasure.LIMITS]
        loss += limits.share(pds.get(grade, Decimal(1)) * edition.price.lgd)
    return loss


def _largest(
    by_customer: Mapping[str, Sequence[Held]], edition: PolicyEdition
) -> dict[str, tuple[Money, ...]]:
    """By each measure that a cap on the largest names, as many of the others as one looks at."""
    most: dict[CapMeasure, int] = {}
    for cap in edition.concentration.caps:
        if cap.scope is CapScope.TOP:
            most[cap.measure] = max(cap.largest, most.get(cap.measure, 0))
    measures = [measured(held, edition) for held in by_customer.values()]
    return {
        measure.value: tuple(sorted((each[measure] for each in measures), reverse=True)[:number])
        for measure, number in most.items()
    }


def is_large(exposure: Money, edition: PolicyEdition) -> bool:
    """Whether one customer's or group's exposure counts as a large one, to be reported."""
    tier_1 = edition.money(edition.concentration.tier_1_net)
    return exposure >= tier_1.share(edition.concentration.large_share)


def _of_cap(
    cap: ConcentrationCap, added: Money, book: BookPosition, edition: PolicyEdition
) -> PolicyException | None:
    before, after = _around(cap, added, book)
    base = _base(cap.base, cap.measure, book, edition)
    if before is None or after is None or after <= before or not base:
        return None
    # A share of the book is of the book as it will be: what is added is part of both.
    base_after = base + added if cap.base is CapBase.BOOK else base
    found = _exception(cap.code, before, after, base, base_after, cap.share)
    return found if found.after > found.cap else None


def _around(
    cap: ConcentrationCap, added: Money, book: BookPosition
) -> tuple[Money | None, Money | None]:
    """What a cap measures before and after; of the largest, the customer is one where it is."""
    if cap.scope is not CapScope.TOP:
        before = book.by_scope.get(f"{cap.scope.value}:{cap.measure.value}")
        return before, None if before is None else before + added
    others = book.largest.get(cap.measure.value)
    own = book.by_scope.get(f"customer:{cap.measure.value}")
    if others is None or own is None:
        return None, None

    def together(of_the_customer: Money) -> Money:
        amounts = sorted((*others, of_the_customer), reverse=True)
        return money_sum(amounts[: cap.largest], added.currency)

    return together(own), together(own + added)


def _of_appetite(
    row: Appetite, added: Money, loss_added: Money, book: BookPosition, edition: PolicyEdition
) -> Iterator[PolicyException]:
    """A row of a unit bounds what the unit has, any other the whole book."""
    capital = edition.money(edition.limit.capital_net)
    bounds = []
    if row.unit:
        limits, loss = book.by_scope.get("unit:limits"), book.loss_expected_unit
    else:
        limits, loss = book.totals.get(CapMeasure.LIMITS.value), book.loss_expected
    granted = book.granted.get(row.code, book.granted_by_unit)
    if row.granted_max is not None and granted is not None:
        new = added if book.replaced is None else added - book.replaced
        bounds.append(("granted", granted, new, edition.money(row.granted_max), Decimal(1)))
    if row.limits_max is not None and limits is not None:
        bounds.append(("limits", limits, added, edition.money(row.limits_max), Decimal(1)))
    if row.loss_share_max is not None and loss is not None:
        bounds.append(("loss", loss, loss_added, capital, row.loss_share_max))
    for name, before, more, base, share in bounds:
        if more.minor > 0:
            found = _exception(f"{row.code}:{name}", before, before + more, base, base, share)
            if found.after > found.cap:
                yield found


def _exception(
    code: str, before: Money, after: Money, base: Money, base_after: Money, share: Decimal
) -> PolicyException:
    places = Decimal("0.000001")
    return PolicyException(
        code=code,
        before=before,
        after=after,
        cap=base_after.share(share),
        # Of a budget of nothing there is no share.
        share_before=before.ratio_to(base).quantize(places) if base else Decimal(0),
        share_after=after.ratio_to(base_after).quantize(places) if base_after else Decimal(0),
        share_max=share,
    )


def _base(
    base: CapBase, measure: CapMeasure, book: BookPosition, edition: PolicyEdition
) -> Money | None:
    match base:
        case CapBase.CAPITAL_NET:
            return edition.money(edition.limit.capital_net)
        case CapBase.TIER_1_NET:
            return edition.money(edition.concentration.tier_1_net)
        case CapBase.BOOK:
            return book.totals.get(measure.value)
