"""Cover (风险缓释): how much of it counts on a day, and what it leaves to be lost."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal

from domain.assessment import CoverStep, Dossier, RateUsed
from domain.cover import Cover, CoverClass, CoverVerdict
from domain.edition import PolicyEdition
from domain.money import Money, money_sum
from policies.line import months_later
from policies.spreading import rate_among


def verdict(cover: Cover, business_on: date, edition: PolicyEdition) -> CoverVerdict:
    """Whether a cover counts on a day, or why not. No run has to take place for it to end."""
    rule = edition.limit.covers.get(cover.kind)
    if rule is None:
        return CoverVerdict.NO_RULE
    if cover.ends_on is not None and business_on > cover.ends_on:
        return CoverVerdict.ENDED
    months = rule.valuation_months_max
    if months is not None and cover.valued_on is None:
        return CoverVerdict.NOT_VALUED
    if months is not None and business_on > months_later(cover.valued_on or business_on, months):
        return CoverVerdict.VALUATION_OVERDUE
    if cover.circular:
        return CoverVerdict.CIRCULAR
    if cover.insured is not None and cover.insured.missed:
        return CoverVerdict.DEADLINE_MISSED
    if cover.insured is not None and cover.insured.stopped and not cover.value:
        return CoverVerdict.STOPPED
    return CoverVerdict.COUNTS if _bounded(cover).minor > 0 else CoverVerdict.NOTHING_FREE


def counted(cover: Cover, business_on: date, edition: PolicyEdition) -> Money:
    """Its worth after its own share and the haircut of its kind, rounded down, in its currency.

    A guarantee counts up to what its guarantor can still answer for, and not at all where the
    customer guarantees the guarantor in turn. Nothing on the day after it ends, without a rule for
    its kind, or where the valuation its kind needs is not there or too old.
    """
    if verdict(cover, business_on, edition) is not CoverVerdict.COUNTS:
        return Money.zero(cover.value.currency)
    return _bounded(cover).share(cover.share * (1 - edition.limit.covers[cover.kind].haircut))


def steps(
    covers: Iterable[Cover], rates: Sequence[RateUsed], business_on: date, edition: PolicyEdition
) -> tuple[CoverStep, ...]:
    """Each cover with what it counts for on a day, what comes off, and why it counts nothing."""
    return tuple(_step(cover, rates, business_on, edition) for cover in covers)


def uplift(dossier: Dossier, edition: PolicyEdition) -> Money:
    """What all cover of a dossier adds to the limit, in the reporting currency, rounded down."""
    return money_sum((worth for _, worth in _each(dossier, edition)), edition.reporting_currency)


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
    for cover, taken in _drawn_on(covers, amount, edition):
        lost += taken.minor * min(plain, rules[cover.kind].lgd)
        open_part -= taken
    return (lost + open_part.minor * plain) / amount.minor


def secured(dossier: Dossier, limit: Money, edition: PolicyEdition) -> dict[str, Money]:
    """What of a limit in the reporting currency each cover secures, as its loss is reckoned."""
    drawn = _drawn_on(_each(dossier, edition), limit, edition)
    return {cover.cover_id: taken for cover, taken in drawn}


def class_of(dossier: Dossier, limit: Money, edition: PolicyEdition) -> CoverClass:
    """The class of the cover that a limit in the reporting currency rests on: the safest one of
    which, with all that is safer, what counts carries the whole of it."""
    carried = Money.zero(limit.currency)
    worths = _each(dossier, edition)
    for each in CoverClass:
        rules = edition.limit.covers
        carried += money_sum(
            (worth for cover, worth in worths if rules[cover.kind].counts_as is each),
            limit.currency,
        )
        if each is not CoverClass.UNSECURED and carried >= limit:
            return each
    return CoverClass.UNSECURED


def in_a_circle(guarantor: str, customer_id: str, answers: Iterable[tuple[str, str]]) -> bool:
    """Whether a customer answers for its own guarantor, directly or through others.

    `answers` are pairs of who answers and for whom.
    """
    beside: dict[str, list[str]] = {}
    for who, whom in answers:
        beside.setdefault(who, []).append(whom)
    reached, waiting = {customer_id}, [customer_id]
    while waiting:
        following = [each for each in beside.get(waiting.pop(), ()) if each not in reached]
        reached.update(following)
        waiting += following
    return guarantor in reached


def shares_of_capacity(capacity: Money, asked: Sequence[Money]) -> list[Money]:
    """What a guarantor can answer for of each guarantee, an earlier one before a later one."""
    left = max(Money.zero(capacity.currency), capacity)
    found = []
    for amount in asked:
        part = min(amount, left)
        left -= part
        found.append(part)
    return found


def _step(
    cover: Cover, rates: Sequence[RateUsed], business_on: date, edition: PolicyEdition
) -> CoverStep:
    rule = edition.limit.covers.get(cover.kind)
    amount = counted(cover, business_on, edition)
    return CoverStep(
        cover_id=cover.cover_id,
        kind=cover.kind,
        verdict=verdict(cover, business_on, edition),
        value=_bounded(cover),
        share=cover.share,
        haircut=None if rule is None else rule.haircut,
        counted=amount,
        uplift=reporting(amount, rates, business_on, edition),
        lgd=None if rule is None else rule.lgd,
        ends_on=cover.ends_on,
        insured=cover.insured,
    )


def _bounded(cover: Cover) -> Money:
    return cover.value if cover.free is None else min(cover.value, cover.free)


def _drawn_on(
    covers: Iterable[tuple[Cover, Money]], amount: Money, edition: PolicyEdition
) -> Iterator[tuple[Cover, Money]]:
    open_part, rules = amount, edition.limit.covers
    for cover, worth in sorted(
        covers, key=lambda each: (rules[each[0].kind].lgd, each[0].cover_id)
    ):
        taken = min(worth, open_part)
        open_part -= taken
        yield cover, taken


def _each(dossier: Dossier, edition: PolicyEdition) -> list[tuple[Cover, Money]]:
    on, found = dossier.business_on, []
    for cover in dossier.covers:
        amount = counted(cover, on, edition)
        if amount:
            found.append((cover, reporting(amount, dossier.rates, on, edition)))
    return found


def reporting(amount: Money, rates: Sequence[RateUsed], on: date, edition: PolicyEdition) -> Money:
    """An amount in the reporting currency, rounded down; nothing needs no rate."""
    one = Money.of(1, edition.reporting_currency)
    if not amount or amount.currency == one.currency:
        return Money(minor=amount.minor, currency=one.currency)
    return one.share(amount.amount * rate_among(amount.currency, rates, on, edition).rate)
