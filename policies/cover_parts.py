"""What of a granted limit rests on cover, and how it falls on each day on which cover stops counting.

Nothing here raises a limit: what comes back before its end comes back up to what was granted.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import localcontext

from domain.assessment import Assessment
from domain.calendar import days_after
from domain.cover import Cover
from domain.edition import PolicyEdition
from domain.exposure import COVER, LimitPart
from domain.money import Money, money_sum
from domain.value import Value
from policies.cover import counted, reporting
from policies.formula import EXACT
from policies.limit import limit_with_cover
from policies.line import months_later


class CoverAhead(Value):
    """One cover as it stands from a day on; nothing where `cover` is None."""

    cover_id: str
    from_on: date
    cover: Cover | None


def counted_on(assessment: Assessment) -> frozenset[str]:
    """The covers that a judgement counted on."""
    return frozenset(each.cover_id for each in assessment.limit.covers if each.counted)


def supported_on(
    assessment: Assessment, ahead: Sequence[CoverAhead], on: date, edition: PolicyEdition
) -> Money:
    """The limit that a judgement would support on a day if cover alone had changed since, in the
    reporting currency and at the rates of the judgement."""
    return _supported(assessment, _worths(ahead, on, edition), edition)


def cover_parts(
    granted: Money,
    assessment: Assessment,
    ahead: Sequence[CoverAhead],
    on: date,
    until: date,
    edition: PolicyEdition,
) -> tuple[LimitPart, ...]:
    """The parts by which a granted limit follows its cover from `on` up to and with `until`.

    What people granted above what was proposed rests on their word and on no cover: it stays.
    """
    turns = {day for each in ahead for day in _turns(each, edition)}
    before = {each.cover_id: each.counted for each in assessment.limit.covers}
    parts, level = [], granted
    for day in sorted({on} | {day for day in turns if on < day <= until}):
        worths = _worths(ahead, day, edition)
        following = _level(granted, assessment, worths, edition)
        if following != level:
            turned = {k for k in before | worths if before.get(k) != worths.get(k)}
            parts.append(
                LimitPart(
                    amount=following - level,
                    from_on=day,
                    code=COVER,
                    of=",".join(sorted(turned)),
                )
            )
        before, level = worths, following
    return tuple(parts)


def _level(
    granted: Money, assessment: Assessment, worths: Mapping[str, Money], edition: PolicyEdition
) -> Money:
    dossier = assessment.dossier
    whole = reporting(granted, dossier.rates, dossier.business_on, edition)
    beyond = max(whole - assessment.limit.limit_proposed, Money.zero(whole.currency))
    left = _supported(assessment, worths, edition) + beyond
    if left >= whole:
        return granted
    with localcontext(EXACT):
        return granted.share(left.ratio_to(whole))


def _supported(
    assessment: Assessment, worths: Mapping[str, Money], edition: PolicyEdition
) -> Money:
    dossier = assessment.dossier
    each = (
        reporting(worth, dossier.rates, dossier.business_on, edition) for worth in worths.values()
    )
    worth = money_sum(each, edition.reporting_currency)
    return limit_with_cover(assessment.limit, dossier, worth, edition)


def _worths(ahead: Sequence[CoverAhead], on: date, edition: PolicyEdition) -> dict[str, Money]:
    """What each cover counts for on a day, in its currency."""
    return {
        each.cover_id: counted(each.cover, on, edition)
        for each in _standing(ahead, on)
        if each.cover is not None
    }


def _standing(ahead: Sequence[CoverAhead], on: date) -> list[CoverAhead]:
    """How each cover stands on a day: as was said of the latest day before it."""
    found: dict[str, CoverAhead] = {}
    for each in sorted(ahead, key=lambda each: each.from_on):
        if each.from_on <= on:
            found[each.cover_id] = each
    return [*found.values()]


def _turns(each: CoverAhead, edition: PolicyEdition) -> set[date]:
    """The days on which a cover may begin to count for another amount."""
    found, cover = {each.from_on}, each.cover
    if cover is None:
        return found
    if cover.ends_on is not None:
        found.add(days_after(cover.ends_on, 1))
    rule = edition.limit.covers.get(cover.kind)
    months = rule.valuation_months_max if rule is not None else None
    if months is not None and cover.valued_on is not None:
        found.add(days_after(months_later(cover.valued_on, months), 1))
    return found
