"""Authenticity (造假识别): what in a dossier does not fit together, each finding with its figures.

A finding is a reason to look, not a proof. Which ones send a case to people is the edition's word.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from domain.assessment import Dossier, Doubt
from domain.edition import PolicyEdition
from domain.statement import Item, Statement
from domain.tolerance import CASH_TIE, RETAINED_TIE, TURNOVER, YEAR_LENGTH, ToleranceUse, used
from domain.turnover import first_of
from policies.spreading import Scope, shown, to_decimals

CASH_UNTIED = "cash_untied"
RETAINED_UNTIED = "retained_untied"
ROUND_FIGURES = "round_figures"
TURNOVER_UNSUPPORTED = "turnover_unsupported"
CHECKS = frozenset({CASH_UNTIED, RETAINED_UNTIED, ROUND_FIGURES, TURNOVER_UNSUPPORTED})


def doubts(dossier: Dossier, scope: Scope, edition: PolicyEdition) -> tuple[Doubt, ...]:
    """Every finding on a dossier, in the order of the checks."""
    newest_last = sorted(dossier.statements, key=lambda each: each.period_end_on)
    return (
        *_untied(newest_last, edition),
        *_round_figures(newest_last[-1:], edition),
        *_out_of_line(dossier, scope, edition),
        *_turnover_unsupported(newest_last[-1:], dossier, edition),
    )


def referring(found: Sequence[Doubt], edition: PolicyEdition) -> tuple[str, ...]:
    """The reasons for which people decide, of those found."""
    return tuple(
        f"authenticity:{doubt.code}" for doubt in found if doubt.code in edition.authenticity.refer
    )


def _untied(newest_last: Sequence[Statement], edition: PolicyEdition) -> Iterator[Doubt]:
    """Years that do not follow from each other: cash that opens otherwise than it closed, and
    retained earnings that rose by more than was earned."""
    for before, after, _ in _consecutive(newest_last, edition):
        for tie in _ties(before, after, edition):
            if tie.difference > tie.allowed:
                yield _doubt(tie.code, after, **tie.figures)


def tolerated(dossier: Dossier, edition: PolicyEdition) -> tuple[ToleranceUse, ...]:
    """What was compared here and let pass only thanks to a tolerance."""
    newest_last = sorted(dossier.statements, key=lambda each: each.period_end_on)
    found: list[ToleranceUse] = []
    for before, after, apart in _consecutive(newest_last, edition):
        ties = _ties(before, after, edition)
        day = str(after.period_end_on)
        if ties:
            allowed = Decimal(edition.tolerances.year_length_days)
            found += used(YEAR_LENGTH, apart, allowed, "days", day)
        for tie in ties:
            found += used(_TOLERANCES[tie.code], tie.difference, tie.allowed, after.currency, day)
    for statement, revenue, invoiced in _invoiced(newest_last[-1:], dossier, edition):
        allowed = invoiced * (edition.authenticity.turnover_tolerance or 0)
        day = str(statement.period_end_on)
        found += used(TURNOVER, revenue - invoiced, allowed, statement.currency, day)
    return tuple(found)


_TOLERANCES = {CASH_UNTIED: CASH_TIE, RETAINED_UNTIED: RETAINED_TIE}


class _Tie(NamedTuple):
    """One year compared with the year before: what differs, and how much may."""

    code: str
    difference: Decimal
    allowed: Decimal
    figures: dict[str, Decimal]


def _consecutive(
    newest_last: Sequence[Statement], edition: PolicyEdition
) -> Iterator[tuple[Statement, Statement, Decimal]]:
    """Each account and the one that follows it by its own months, more or less the days that the
    edition lets pass; with those days, none where the calendar has it so."""
    if edition.authenticity.tie_tolerance is None:
        return
    for before, after in pairwise(newest_last):
        if (before.currency, before.consolidated) != (after.currency, after.consolidated):
            continue
        days = (after.period_end_on - before.period_end_on).days
        apart = abs(12 * days - 365 * after.months)
        if apart > 12 * edition.tolerances.year_length_days:
            continue
        exact = _month_later(before.period_end_on, after.months) == _month_later(
            after.period_end_on, 0
        )
        off = Decimal(0) if exact else to_decimals(Decimal(apart) / 12, 2)
        yield before, after, off


def _month_later(day: date, months: int) -> tuple[int, int]:
    """The month so much later, and the day in it; 0 stands for its last."""
    last = (day + timedelta(days=1)).day == 1
    return 12 * day.year + day.month + months, 0 if last else day.day


def _ties(before: Statement, after: Statement, edition: PolicyEdition) -> list[_Tie]:
    """What an account and the one before it both report, and how far that differs."""
    tolerance = edition.authenticity.tie_tolerance or Decimal(0)
    allowed = tolerance * (before.find(Item.TOTAL_ASSETS) or 0) + before.precision
    found = []
    closing, opening = before.reported(Item.CASH), after.reported(Item.CASH_OPENING)
    if closing is not None and opening is not None:
        figures = {"closing": closing, "opening": opening}
        found.append(_Tie(CASH_UNTIED, abs(opening - closing), allowed, figures))
    kept, earned = before.reported(Item.RETAINED_EARNINGS), after.reported(Item.NET_INCOME)
    now = after.reported(Item.RETAINED_EARNINGS)
    if kept is not None and earned is not None and now is not None:
        risen = now - kept
        figures = {"risen": risen, "earned": earned}
        found.append(_Tie(RETAINED_UNTIED, risen - max(earned, Decimal(0)), allowed, figures))
    return found


def _round_figures(newest: Sequence[Statement], edition: PolicyEdition) -> Iterator[Doubt]:
    """Books kept to the cent are seldom round; a source that rounds them itself is left alone."""
    policy = edition.authenticity
    for statement in newest:
        if policy.round_to is None or statement.precision >= policy.round_to:
            continue
        reported = [
            figure
            for item, figure in statement.items.items()
            if figure and item not in statement.derived
        ]
        whole = sum(figure % policy.round_to == 0 for figure in reported)
        if len(reported) < policy.round_items_min:
            continue
        share = Decimal(whole) / len(reported)
        if share > policy.round_share_max:
            yield _doubt(ROUND_FIGURES, statement, round=Decimal(whole), of=Decimal(len(reported)))


def _out_of_line(dossier: Dossier, scope: Scope, edition: PolicyEdition) -> Iterator[Doubt]:
    """Ratios outside what the industry knows."""
    for band in edition.authenticity.bands:
        if band.industries and dossier.customer.industry not in band.industries:
            continue
        value = scope.rounded(band.figure)
        if value is None:
            continue
        low = band.at_least is not None and value < band.at_least
        high = band.at_most is not None and value > band.at_most
        if low or high:
            figures = {
                "figure": band.figure,
                "value": shown(value),
                "at_least": shown(band.at_least),
                "at_most": shown(band.at_most),
                "industry": dossier.customer.industry,
            }
            yield Doubt(code=band.code, figures=figures)


def _turnover_unsupported(
    newest: Sequence[Statement], dossier: Dossier, edition: PolicyEdition
) -> Iterator[Doubt]:
    """Revenue of the newest statement beyond what was invoiced in its months."""
    for statement, revenue, invoiced in _invoiced(newest, dossier, edition):
        tolerance = edition.authenticity.turnover_tolerance or Decimal(0)
        if revenue > invoiced * (1 + tolerance):
            yield _doubt(TURNOVER_UNSUPPORTED, statement, revenue=revenue, invoiced=invoiced)


def _invoiced(
    newest: Sequence[Statement], dossier: Dossier, edition: PolicyEdition
) -> Iterator[tuple[Statement, Decimal, Decimal]]:
    """Revenue, and what was invoiced in its months.

    Looked at only where the invoices reach into the period, and in one currency.
    """
    record, tolerance = dossier.invoices, edition.authenticity.turnover_tolerance
    for statement in newest:
        revenue = statement.find(Item.REVENUE)
        if record is None or tolerance is None or revenue is None:
            continue
        until = first_of(statement.period_end_on + timedelta(days=1), -1)
        since = first_of(until, 1 - statement.months)
        within = [each for each in record.months if since <= each.month_on <= until]
        if not within or record.currency != statement.currency:
            continue
        yield statement, revenue, sum((each.sales for each in within), Decimal(0))


def _doubt(code: str, statement: Statement, **figures: Decimal) -> Doubt:
    named = {name: shown(figure) for name, figure in figures.items()}
    return Doubt(code=code, figures={"period_end_on": str(statement.period_end_on), **named})
