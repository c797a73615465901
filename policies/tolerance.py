"""Which tolerances an edition has, in one list, whatever section of it each stands in."""

from domain.edition import PolicyEdition
from domain.tolerance import (
    CASH_TIE,
    CUT,
    RETAINED_TIE,
    STATEMENT_TIE,
    TURNOVER,
    YEAR_LENGTH,
    ToleranceRow,
)


def tolerances_of(edition: PolicyEdition) -> tuple[ToleranceRow, ...]:
    """Every tolerance of an edition, in the order a case meets them."""
    ties = edition.authenticity.tie_tolerance
    return (
        ToleranceRow(
            code=STATEMENT_TIE,
            field="tolerances.statement_units",
            value=edition.tolerances.statement_units,
            unit="units of the source's precision, a term",
        ),
        ToleranceRow(
            code=YEAR_LENGTH,
            field="tolerances.year_length_days",
            value=edition.tolerances.year_length_days,
            unit="days",
        ),
        *(
            ToleranceRow(
                code=code, field="authenticity.tie_tolerance", value=ties, unit="of total assets"
            )
            for code in (CASH_TIE, RETAINED_TIE)
        ),
        ToleranceRow(
            code=TURNOVER,
            field="authenticity.turnover_tolerance",
            value=edition.authenticity.turnover_tolerance,
            unit="of what was invoiced",
        ),
        ToleranceRow(
            code=CUT,
            field="review.cut_tolerance",
            value=edition.review.cut_tolerance,
            unit="of the line's limit",
        ),
    )
