"""Concentration and appetite: caps on the grantor's own book, and what an approval would pass.

A cap bounds a measure (loans, exposure, limits) of a customer, group, industry, region, of the
largest together or of related parties, as a share of the grantor's capital or of the book. The
regulator's caps on large exposures (大额风险暴露管理办法, order 1 of 2018) are rows like any other. A
breach refuses nothing: it is an exception that people decide, with the share before and after.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, localcontext

from domain.assessment import BookPosition, Holdings, PolicyException
from domain.edition import (
    Appetite,
    CapBase,
    CapMeasure,
    CapScope,
    ConcentrationCap,
    PolicyEdition,
)
from domain.money import Money
from policies.calendar import in_force
from policies.formula import EXACT


def exceptions(
    added: Money,
    loss_added: Money,
    book: BookPosition,
    business_on: date,
    edition: PolicyEdition,
    *,
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
        capped = (
            _of_cap(cap, added, book, edition)
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


def book_position(
    sums: Mapping[tuple[str, str], Money],
    holdings: Holdings,
    edition: PolicyEdition,
    *,
    new_line: bool,
) -> BookPosition:
    """What a case is measured on, from the book's limits by scope and name, and what is held.

    What an approval would replace is taken out everywhere, so that it is not counted twice; the
    book's expected loss, of limits as if they were used, keeps it, which errs on the safe side.
    """
    zero = Money.zero(edition.reporting_currency)
    replaced = holdings.own_limits if holdings.line_limit is None else holdings.line_limit
    replaced = zero if new_line else replaced
    pds = {row.grade: row.pd for row in edition.master_scale}
    by_scope = {
        "customer:limits": holdings.own_limits - replaced,
        "group:limits": holdings.group_limits - replaced,
    }
    total, loss = zero, zero
    for (scope, name), limits in sums.items():
        if scope == "grade":
            loss += limits.share(pds.get(name, Decimal(1)) * edition.price.lgd)
        elif scope == "total":
            total = max(zero, limits - replaced)
        else:
            by_scope[f"{scope}:limits"] = max(zero, limits - replaced)
    return BookPosition(by_scope=by_scope, totals={"limits": total}, loss_expected=loss)


def cap_amount(cap: ConcentrationCap, book: BookPosition, edition: PolicyEdition) -> Money | None:
    """What a cap allows, rounded down; None where its base is not known."""
    base = _base(cap.base, cap.measure, book, edition)
    return None if base is None else base.share(cap.share)


def is_large(exposure: Money, edition: PolicyEdition) -> bool:
    """Whether one customer's or group's exposure counts as a large one, to be reported."""
    tier_1 = edition.money(edition.concentration.tier_1_net)
    return exposure >= tier_1.share(edition.concentration.large_share)


def _of_cap(
    cap: ConcentrationCap, added: Money, book: BookPosition, edition: PolicyEdition
) -> PolicyException | None:
    before = book.by_scope.get(f"{cap.scope.value}:{cap.measure.value}")
    base = _base(cap.base, cap.measure, book, edition)
    if before is None or not base:
        return None
    # A share of the book is of the book as it will be: what is added is part of both.
    base_after = base + added if cap.base is CapBase.BOOK else base
    found = _exception(cap.code, before, before + added, base, base_after, cap.share)
    return found if found.after > found.cap else None


def _of_appetite(
    row: Appetite, added: Money, loss_added: Money, book: BookPosition, edition: PolicyEdition
) -> Iterator[PolicyException]:
    capital = edition.money(edition.limit.capital_net)
    bounds = []
    limits = book.totals.get(CapMeasure.LIMITS.value)
    if row.granted_max is not None and book.granted_by_unit is not None:
        most = edition.money(row.granted_max)
        bounds.append(("granted", book.granted_by_unit, added, most, Decimal(1)))
    if row.limits_max is not None and limits is not None:
        bounds.append(("limits", limits, added, edition.money(row.limits_max), Decimal(1)))
    if row.loss_share_max is not None and book.loss_expected is not None:
        bounds.append(("loss", book.loss_expected, loss_added, capital, row.loss_share_max))
    for name, before, more, base, share in bounds:
        if base:
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
        share_before=before.ratio_to(base).quantize(places),
        share_after=after.ratio_to(base_after).quantize(places),
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
