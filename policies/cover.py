"""Cover (风险缓释): how much of it counts on a day, and what it leaves to be lost."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from domain.assessment import Dossier
from domain.cover import Cover
from domain.edition import PolicyEdition
from domain.money import Money, money_sum
from policies.line import months_later
from policies.spreading import rate_used


def counted(cover: Cover, business_on: date, edition: PolicyEdition) -> Money:
    """Its worth after its own share and the haircut of its kind, rounded down, in its currency.

    Nothing on the day after it ends, without a rule for its kind, or where the valuation its kind
    needs is not there or too old. No run has to take place for it to end.
    """
    nothing = Money.zero(cover.value.currency)
    rule = edition.limit.covers.get(cover.kind)
    if rule is None or (cover.ends_on is not None and business_on > cover.ends_on):
        return nothing
    months = rule.valuation_months_max
    if months is not None and (
        cover.valued_on is None or business_on > months_later(cover.valued_on, months)
    ):
        return nothing
    return max(nothing, cover.value.share(cover.share * (1 - rule.haircut)))


def uplift(dossier: Dossier, edition: PolicyEdition) -> Money:
    """What all cover of a dossier adds to the limit, in the reporting currency, rounded down."""
    return money_sum(
        (in_reporting for _, in_reporting in _each(dossier, edition)), edition.reporting_currency
    )


def lgd_after(dossier: Dossier, limit: Money, edition: PolicyEdition) -> Decimal:
    """The loss given default of a dossier's limit, which is in the reporting currency."""
    return lgd_covered(_each(dossier, edition), limit, edition)


def lgd_covered(
    covers: Iterable[tuple[Cover, Money]], amount: Money, edition: PolicyEdition
) -> Decimal:
    """The loss given default of an amount: of what is covered by the cover's own, best cover first,
    of the rest as the edition has it. `covers` come with what counts of each, in its currency."""
    plain = edition.price.lgd
    if not amount:
        return plain
    open_part, lost = amount, Decimal(0)
    rules = edition.limit.covers
    for cover, worth in sorted(
        covers, key=lambda each: (rules[each[0].kind].lgd, each[0].cover_id)
    ):
        taken = min(worth, open_part)
        lost += taken.minor * min(plain, rules[cover.kind].lgd)
        open_part -= taken
    return (lost + open_part.minor * plain) / amount.minor


def _each(dossier: Dossier, edition: PolicyEdition) -> list[tuple[Cover, Money]]:
    found = []
    for cover in dossier.covers:
        amount = counted(cover, dossier.business_on, edition)
        if amount:
            rate = rate_used(amount.currency, dossier, edition).rate
            found.append((cover, _converted(amount, rate, edition)))
    return found


def _converted(amount: Money, rate: Decimal, edition: PolicyEdition) -> Money:
    if amount.currency == edition.reporting_currency:
        return amount
    one = Money.of(1, edition.reporting_currency)
    return one.share(amount.amount * rate)
