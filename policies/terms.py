"""What payment terms come to: effective days, their rank, and whether an order's are worse.

Effective days are from the start event to the day the sum is money, weighted by parts. As a rule by
month depends on the day it starts, terms are compared at their longest over a year of starts;
payment in advance of the start has none.
"""

from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal, localcontext

from domain.calendar import WorkCalendar
from domain.edition import PolicyEdition
from domain.terms import (
    Means,
    PaymentTerms,
    RankedTerms,
    StartEvent,
    TermsKind,
    TermsRule,
    money_on,
)
from policies.formula import EXACT

# A whole leap year, so that every length of month is among the starts.
_STARTS = tuple(date(2024, 1, 1) + timedelta(days=n) for n in range(366))


def effective_days(
    terms: PaymentTerms, started_on: date, calendar: WorkCalendar | None = None
) -> Decimal:
    """Days from the start to the money, weighted by parts."""
    return sum(
        (
            each.part * (money_on(each.rule, started_on, calendar) - started_on).days
            for each in terms.instalments
        ),
        Decimal(0),
    )


def days_longest(terms: PaymentTerms, edition: PolicyEdition) -> Decimal:
    """The most effective days over a year of starts, with what policy adds for a late start event
    and for who stands behind a bill."""
    worst = max(effective_days(terms, on) for on in _STARTS)
    return worst + sum((each.part * _added(each.rule, edition) for each in terms.instalments), 0)


def rank_of(terms: PaymentTerms, edition: PolicyEdition) -> int:
    """The rank of terms: 0 is cash first; each bound of the edition that is passed adds one."""
    days = days_longest(terms, edition)
    return sum(days > bound for bound in edition.terms.rank_days_above)


def terms_asked(said: PaymentTerms | str, edition: PolicyEdition) -> PaymentTerms:
    """The terms that an order names: by a code of the edition, in a line of text, or as they are.

    Refuses `TermsUnreadable`.
    """
    if isinstance(said, PaymentTerms):
        return said
    return PaymentTerms.parse(edition.terms.catalogue.get(said, said))


def ranked(terms: PaymentTerms, edition: PolicyEdition) -> RankedTerms:
    """Terms with what a line holds them to."""
    return RankedTerms(
        text=terms.text,
        days=days_longest(terms, edition),
        rank=rank_of(terms, edition),
        bounds=edition.terms.rank_days_above,
    )


def days_approved(terms: PaymentTerms, edition: PolicyEdition) -> int:
    """The longest days of approved terms, a part of a day as a whole one: no whole bound lies
    between."""
    return int(days_longest(terms, edition).to_integral_value(ROUND_CEILING))


def is_worse(asked: PaymentTerms, approved: PaymentTerms, edition: PolicyEdition) -> bool:
    """Whether an order's terms rank above the approved ones, and so hold it (reason `terms`)."""
    return rank_of(asked, edition) > rank_of(approved, edition)


def cost_of_terms(terms: PaymentTerms, rate_annual: Decimal, edition: PolicyEdition) -> Decimal:
    """What waiting costs at an annual rate, as a share of the sum: simple interest by the edition's
    year over the longest effective days."""
    with localcontext(EXACT):
        return rate_annual * days_longest(terms, edition) / edition.spreading.year_days


def net_days(days: int, start: StartEvent = StartEvent.INVOICE) -> PaymentTerms:
    """The whole sum, so many days after the start: what a grade's payment days mean."""
    return PaymentTerms.of(TermsRule(kind=TermsKind.NET_DAYS, start=start, days=days))


def _added(rule: TermsRule, edition: PolicyEdition) -> int:
    if rule.kind is TermsKind.CASH_FIRST:
        return 0
    after = edition.terms.start_days.get(rule.start, 0)
    risk = edition.terms.bill_days if rule.means is Means.COMMERCIAL_ACCEPTANCE else 0
    return after + risk
