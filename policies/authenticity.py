"""Authenticity (造假识别): what in a dossier does not fit together, each finding with its figures.

A finding is a reason to look, not a proof. Which ones send a case to people is the edition's word.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from domain.assessment import Dossier, Doubt
from domain.edition import PolicyEdition
from domain.statement import Item, Statement
from domain.turnover import first_of
from policies.spreading import Scope, shown

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
    tolerance = edition.authenticity.tie_tolerance
    if tolerance is None:
        return
    for before, after in pairwise(newest_last):
        days = (after.period_end_on - before.period_end_on).days
        same = (before.currency, before.consolidated) == (after.currency, after.consolidated)
        if not same or abs(12 * days - 365 * after.months) > 12 * 20:
            continue
        allowed = tolerance * (before.find(Item.TOTAL_ASSETS) or 0) + before.precision
        closing, opening = before.reported(Item.CASH), after.reported(Item.CASH_OPENING)
        if closing is not None and opening is not None and abs(opening - closing) > allowed:
            yield _doubt(CASH_UNTIED, after, closing=closing, opening=opening)
        kept, earned = before.reported(Item.RETAINED_EARNINGS), after.reported(Item.NET_INCOME)
        now = after.reported(Item.RETAINED_EARNINGS)
        if kept is not None and earned is not None and now is not None:
            risen = now - kept
            if risen - max(earned, Decimal(0)) > allowed:
                yield _doubt(RETAINED_UNTIED, after, risen=risen, earned=earned)


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
    """Revenue of the newest statement beyond what was invoiced in its months.

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
        invoiced = sum((each.sales for each in within), Decimal(0))
        if revenue > invoiced * (1 + tolerance):
            yield _doubt(TURNOVER_UNSUPPORTED, statement, revenue=revenue, invoiced=invoiced)


def _doubt(code: str, statement: Statement, **figures: Decimal) -> Doubt:
    named = {name: shown(figure) for name, figure in figures.items()}
    return Doubt(code=code, figures={"period_end_on": str(statement.period_end_on), **named})
