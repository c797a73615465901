"""Figures that an analyst supplies (分析师补录): which are awaited, and whether one is in bounds."""

from decimal import Decimal, localcontext

from domain.analyst_figure import gap_of
from domain.assessment import Dossier, Missing
from domain.edition import Factor, PolicyEdition
from domain.errors import FigureOutOfBounds, NotFound
from policies.formula import EXACT
from policies.rating import chosen, supplied_to
from policies.spreading import scope_of


def awaited(dossier: Dossier, edition: PolicyEdition) -> tuple[str, ...]:
    """What a case lacks for want of an analyst's word: of the factors it is judged by, those whose
    figure is missing and was not supplied. Refuses `RateMissing`."""
    with localcontext(EXACT):
        scope = scope_of(dossier, edition)
        table, _ = chosen(scope, edition)
        return tuple(
            gap_of(factor.code)
            for factor in table.card.factors
            if factor.missing is Missing.ANALYST
            and scope.value(factor.figure) is None
            and supplied_to(factor, scope) is None
        )


def factors_asked(edition: PolicyEdition) -> tuple[Factor, ...]:
    """The factors that leave a missing figure to an analyst, each code once: a checked edition says
    the same of it in every scorecard."""
    found = {
        factor.code: factor
        for card in edition.scorecards.values()
        for factor in card.factors
        if factor.missing is Missing.ANALYST
    }
    return tuple(found.values())


def factor_asked(code: str, edition: PolicyEdition) -> Factor:
    """The factor of that code which an analyst may supply; `NotFound` where there is none."""
    for factor in factors_asked(edition):
        if factor.code == code:
            return factor
    raise NotFound(kind="factor of an analyst", id=code)


def refuse_out_of_bounds(value: Decimal, factor: Factor) -> None:
    """Refuses `FigureOutOfBounds` for a value that the factor does not take."""
    rule = factor.analyst
    if rule is None or not rule.at_least <= value <= rule.at_most:
        raise FigureOutOfBounds(
            factor=factor.code,
            value=f"{value:f}",
            at_least=f"{rule.at_least:f}" if rule else "-",
            at_most=f"{rule.at_most:f}" if rule else "-",
        )
