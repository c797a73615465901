"""Facility schemes against the product catalogue (额度品种): what fits, what a use takes, what may move.

The catalogue is the edition's products. Exposure is the nominal amount less its deposit, times the
product's conversion factor; a use needs room in its sub-line and in the whole facility.
"""

from collections.abc import Iterator
from decimal import Decimal

from domain.edition import PolicyEdition
from domain.errors import ExchangeRefused
from domain.money import Money, money_sum
from domain.scheme import FacilityScheme, SchemeFinding, SchemeUse, SubLine


def findings(scheme: FacilityScheme, edition: PolicyEdition) -> tuple[SchemeFinding, ...]:
    """Everything in a scheme that the catalogue does not allow; empty where it fits."""
    return tuple(_findings(scheme, edition))


def net_exposure(nominal: Money, deposit: Money, product: str, edition: PolicyEdition) -> Money:
    """What a use takes of the limit (敞口), rounded up; refuses `ProductUnknown`.

    Nothing where the deposit covers it all.
    """
    uncovered = nominal - deposit
    if uncovered.minor <= 0:
        return Money.zero(nominal.currency)
    factor = edition.product(product).conversion_factor
    return -((-uncovered).share(factor))


def exposure_of(
    amount: Money, deposit: Money | None, product: str | None, edition: PolicyEdition
) -> Money:
    """What a use takes of the limit: its amount, less a deposit, as its product counts if it has one."""
    nothing = Money.zero(amount.currency)
    if product is not None:
        return net_exposure(amount, deposit or nothing, product, edition)
    return max(amount - (deposit or nothing), nothing)


def deposit_least(nominal: Money, product: str, edition: PolicyEdition) -> Money:
    """The deposit that a use asks for at least, rounded up."""
    return -((-nominal).share(edition.product(product).deposit_min))


def available(scheme: FacilityScheme, used: SchemeUse, product: str) -> Money:
    """What is left for a product: the lesser of its sub-line's room and the facility's."""
    zero = Money.zero(scheme.limit.currency)
    line = scheme.sub_line(product)
    if line is None:
        return zero
    all_used = money_sum(used.by_product.values(), scheme.limit.currency)
    own = line.limit - used.by_product.get(product, zero)
    return max(zero, min(own, scheme.limit - all_used))


def use_findings(
    scheme: FacilityScheme,
    used: SchemeUse,
    product: str,
    nominal: Money,
    deposit: Money,
    tenor_months: int,
    edition: PolicyEdition,
    *,
    purpose: str = "",
) -> tuple[SchemeFinding, ...]:
    """Why a use is not possible; empty where it is. Repaid amounts of a product that does not
    revolve stay in `used`, as they may not be used again."""
    line = scheme.sub_line(product)
    if line is None:
        return (SchemeFinding(code="product_not_in_scheme", product=product),)
    found = []
    rule = edition.product(product)
    if rule.dedicated and purpose != scheme.purpose:
        found.append(_found("other_purpose", product, purpose, scheme.purpose))
    least = max(deposit_least(nominal, product, edition), -((-nominal).share(line.deposit_share)))
    if deposit < least:
        found.append(_found("deposit_too_low", product, deposit, least))
    if tenor_months > line.tenor_months:
        found.append(_found("tenor_too_long", product, tenor_months, line.tenor_months))
    room = available(scheme, used, product)
    taken = net_exposure(nominal, deposit, product, edition)
    if taken > room:
        found.append(_found("no_room", product, taken, room))
    return tuple(found)


def counts_again(product: str, edition: PolicyEdition) -> bool:
    """Whether what is repaid of a product may be used again."""
    return edition.product(product).revolving


def exchanged(
    scheme: FacilityScheme,
    used: SchemeUse,
    source: str,
    target: str,
    amount: Money,
    edition: PolicyEdition,
) -> tuple[FacilityScheme, tuple[SchemeFinding, ...]]:
    """The scheme with an unused amount moved between sub-lines (额度调剂), or as it was and why.

    It moves and creates nothing: the sum of sub-lines stays. A product that promises may not feed
    one that pays out.
    """
    giving, taking = scheme.sub_line(source), scheme.sub_line(target)
    if giving is None or taking is None:
        strange = source if giving is None else target
        return scheme, (SchemeFinding(code="product_not_in_scheme", product=strange),)
    found = _exchange_findings(source, target, edition)
    unused = giving.limit - used.by_product.get(source, Money.zero(amount.currency))
    if amount > unused or amount.minor <= 0:
        found.append(_found("not_unused", source, amount, unused))
    if found:
        return scheme, tuple(found)
    moved = {source: giving.limit - amount, target: taking.limit + amount}
    lines = tuple(
        each.model_copy(update={"limit": moved.get(each.product, each.limit)})
        for each in scheme.sub_lines
    )
    return scheme.model_copy(update={"sub_lines": lines}), ()


def refuse_exchange(source: str, target: str, edition: PolicyEdition) -> None:
    """Nothing, or `ExchangeRefused`: whether the catalogue lets limit move between two products."""
    if source == target:
        raise ExchangeRefused(product=source, reason="it is the same product")
    for found in _exchange_findings(source, target, edition):
        if found.code == "no_exchange":
            raise ExchangeRefused(product=found.product, reason="its limit may not be exchanged")
        raise ExchangeRefused(
            product=found.product, reason="it pays out, and the other only promises"
        )


def _exchange_findings(source: str, target: str, edition: PolicyEdition) -> list[SchemeFinding]:
    gives, takes = edition.product(source), edition.product(target)
    found = [
        SchemeFinding(code="no_exchange", product=code)
        for code, rule in ((source, gives), (target, takes))
        if not rule.exchange
    ]
    if takes.funded and not gives.funded:
        found.append(SchemeFinding(code="would_be_funded", product=target))
    return found


def _findings(scheme: FacilityScheme, edition: PolicyEdition) -> Iterator[SchemeFinding]:
    seen: set[str] = set()
    for line in scheme.sub_lines:
        if line.product in seen:
            yield SchemeFinding(code="product_twice", product=line.product)
        seen.add(line.product)
        if line.product not in edition.limit.products:
            yield SchemeFinding(code="product_unknown", product=line.product)
            continue
        yield from _line_findings(line, scheme, edition)
    if scheme.nominal_limit is not None and scheme.nominal_limit < scheme.limit:
        yield _found("nominal_below_limit", "", scheme.nominal_limit, scheme.limit)
    if scheme.sum_of_sub_lines < scheme.limit:
        yield _found("limit_not_filled", "", scheme.limit, scheme.sum_of_sub_lines)


def _line_findings(
    line: SubLine, scheme: FacilityScheme, edition: PolicyEdition
) -> Iterator[SchemeFinding]:
    rule = edition.product(line.product)
    if rule.comprehensive:
        yield SchemeFinding(code="no_sub_line", product=line.product)
    if rule.dedicated and len(scheme.sub_lines) > 1:
        yield SchemeFinding(code="stands_alone", product=line.product)
    if rule.dedicated and not scheme.purpose:
        yield SchemeFinding(code="purpose_missing", product=line.product)
    if line.limit > scheme.limit:
        yield _found("above_facility", line.product, line.limit, scheme.limit)
    if line.tenor_months > rule.tenor_months_max:
        yield _found("tenor_too_long", line.product, line.tenor_months, rule.tenor_months_max)
    if line.deposit_share < rule.deposit_min:
        yield _found("deposit_too_low", line.product, line.deposit_share, rule.deposit_min)
    if rule.covers and not set(rule.covers) & set(line.covers):
        yield _found("cover_missing", line.product, "", ", ".join(rule.covers))


def _found(
    code: str, product: str, found: Money | Decimal | int | str, wanted: Money | Decimal | int | str
) -> SchemeFinding:
    return SchemeFinding(code=code, product=product, found=str(found), wanted=str(wanted))
