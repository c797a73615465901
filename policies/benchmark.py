"""Benchmarks (基准利率): which credit is priced over one, and what becomes of its rate.

The judgement sets the rate; over a benchmark it is written as the fixing of the day plus exactly the
basis points that are left. From then on the basis points stand and the fixing moves.
"""

from datetime import date, timedelta
from decimal import Decimal

from domain.application import Application
from domain.assessment import Assessment, Dossier, FloatingPrice
from domain.benchmark import FixingUsed, FloatingLine, LineRate, RateCause
from domain.edition import Benchmark, FloatingRow, PolicyEdition, Reprices
from domain.terms import FloatingRate, FloatingTerms, Roll, months_on, rolled
from policies.calendar import work_calendar


def floating_row(application: Application, edition: PolicyEdition) -> FloatingRow | None:
    """The first row that applies; None where the rate is fixed."""
    currency = application.limit_requested.currency
    return next(
        (
            row
            for row in edition.price.floating
            if (not row.products or application.product in row.products)
            and application.term_months >= row.term_months_min
            and edition.benchmarks[row.benchmark].currency == currency
        ),
        None,
    )


def in_force_since(benchmark: Benchmark, on: date, edition: PolicyEdition) -> date:
    """The first day of which a fixing may be, to be the newest on a day; an older one says that the
    newest is missing.

    What is published monthly is out on its day, or on the next one that is worked.
    """
    oldest = on - timedelta(days=benchmark.age_days_max)
    if benchmark.published_day is None:
        return oldest
    published = on.replace(day=benchmark.published_day)
    calendar = work_calendar(edition.approval.calendar)
    if rolled(published, Roll.FOLLOWING, calendar) > on:
        published = months_on(published, -1)
    return max(oldest, published)


def floating_price(
    rate_annual: Decimal, dossier: Dossier, edition: PolicyEdition
) -> FloatingPrice | None:
    """The rate as fixing plus basis points, exactly; None where it is fixed.

    Who collects a dossier puts the fixing in, or is refused. One that was collected under an edition
    of fixed rates has none, and is priced as it was then: a draft is tried on it all the same.
    """
    row, fixing = floating_row(dossier.application, edition), dossier.fixing
    if row is None or fixing is None or fixing.benchmark != row.benchmark:
        return None
    return FloatingPrice(fixing=fixing, spread_bp=(rate_annual - fixing.rate) * 10_000)


def floating_terms(assessment: Assessment, edition: PolicyEdition) -> FloatingTerms | None:
    """The rule that letter, agreement and line carry, counted from the day of the judgement."""
    priced = assessment.price.floating
    row = floating_row(assessment.dossier.application, edition)
    if priced is None or row is None:
        return None
    rule = FloatingRate(
        benchmark=priced.fixing.benchmark,
        spread_bp=priced.spread_bp,
        reprice_months=row.reprice_months,
        first_reprices_on=_first_reprices_on(row, assessment.dossier.business_on),
    )
    return FloatingTerms(
        rule=rule,
        fixing=priced.fixing.rate,
        fixing_on=priced.fixing.fixed_on,
        fixing_version=priced.fixing.version,
    )


def repricings_due(line: FloatingLine, on: date) -> tuple[date, ...]:
    """The repricing dates of a line up to a day that have set no rate yet, oldest first."""
    rule = line.floating.rule
    return tuple(
        due for due in rule.due_dates(line.floating.fixing_on, on) if due not in line.repriced
    )


def repriced(line: FloatingLine, due_on: date, fixing: FixingUsed) -> LineRate:
    """The rate that a repricing date sets; where its letter took effect later, from that day on."""
    return LineRate(
        line_id=line.line_id,
        from_on=max(due_on, line.since),
        rate_annual=line.floating.rule.annual(fixing.rate),
        cause=RateCause.REPRICING,
        letter_no=line.letter_no,
        due_on=due_on,
        fixing=fixing,
        spread_bp=line.floating.rule.spread_bp,
    )


def _first_reprices_on(row: FloatingRow, judged_on: date) -> date:
    if row.reprices is Reprices.JANUARY:
        return date(judged_on.year + 1, 1, 1)
    return months_on(judged_on, row.reprice_months)
