"""Impairment (减值): the stage of a claim and its expected credit loss, after IFRS 9 chapter 5.5.

Stage 1 expects the losses of twelve months, stage 2 of the whole life, stage 3 of the whole life
with interest on the net amount. Trade receivables always expect lifetime losses and may use a
provision matrix (5.5.15). Default comes at a constant hazard, in continuous time.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext
from enum import IntEnum

from domain.edition import ImpairmentPolicy, PolicyEdition
from domain.money import Money, money_sum
from domain.value import Value
from policies.formula import EXACT

_MONTHS = 12


class Stage(IntEnum):
    PERFORMING = 1
    INCREASED = 2  # a significant increase in credit risk
    IMPAIRED = 3


class MatrixLine(Value):
    """One age of a provision matrix: balance, rate and the allowance of it, rounded down."""

    age: str
    balance: Money
    rate: Decimal
    allowance: Money


def stage_of(
    days_past_due: int,
    policy: ImpairmentPolicy,
    *,
    risk_increased: bool = False,
    defaulted: bool = False,
) -> Stage:
    """The stage by days past due ("more than": 5.5.11, B5.5.37) and by what else is known."""
    if defaulted or days_past_due > policy.stage_3_days:
        return Stage.IMPAIRED
    if risk_increased or days_past_due > policy.stage_2_days:
        return Stage.INCREASED
    return Stage.PERFORMING


def hazard_of(pd: Decimal, years: Decimal = Decimal(1)) -> Decimal:
    """The constant hazard that makes a cumulative PD over so many years; `pd` below 1."""
    with localcontext(EXACT):
        return -(1 - pd).ln() / years


def cumulative_pd(hazard: Decimal, years: Decimal) -> Decimal:
    """The chance of default within so many years: 1 - e^(-hazard * years)."""
    with localcontext(EXACT):
        return 1 - (-hazard * years).exp()


def expected_credit_loss(
    exposures: Sequence[Money],
    pd_annual: Decimal,
    lgd: Decimal,
    stage: Stage,
    *,
    rate_effective: Decimal = Decimal(0),
    months_in_period: int = _MONTHS,
) -> Money:
    """The allowance of a claim whose exposure is given period by period, rounded down.

    Stage 1 looks at the periods that begin within twelve months, the last one by its part within
    them; stage 3 has defaulted and loses `lgd` of what is owed now. Losses of a period are
    discounted from its end at the effective rate.
    """
    if stage is Stage.IMPAIRED or pd_annual >= 1:
        return exposures[0].share(lgd)
    horizon = _MONTHS if stage is Stage.PERFORMING else months_in_period * len(exposures)
    with localcontext(EXACT):
        hazard = hazard_of(pd_annual)
        total = Decimal(0)
        for place, exposure in enumerate(exposures):
            begins = place * months_in_period
            ends = min(begins + months_in_period, horizon)
            if ends <= begins:
                break
            first, last = Decimal(begins) / _MONTHS, Decimal(ends) / _MONTHS
            default = cumulative_pd(hazard, last) - cumulative_pd(hazard, first)
            total += exposure.minor * default * lgd / (1 + rate_effective) ** last
        one = Money(minor=1, currency=exposures[0].currency)
        return one.share(total)


def loss_of_line(
    used: Money, days_past_due: int, pd_annual: Decimal, years: int, edition: PolicyEdition
) -> tuple[Stage, Money]:
    """Stage and allowance of what is used of a line with so many years to go, by an edition."""
    stage = stage_of(days_past_due, edition.impairment, defaulted=pd_annual >= 1)
    lgd = edition.price.lgd
    return stage, expected_credit_loss([used] * max(years, 1), pd_annual, lgd, stage)


def interest_base(gross: Money, allowance: Money, stage: Stage) -> Money:
    """What interest is recognised on: the gross amount, in stage 3 net of the allowance."""
    return gross - allowance if stage is Stage.IMPAIRED else gross


def provision_matrix(
    balances: Mapping[str, Money], rates: Mapping[str, Decimal]
) -> tuple[tuple[MatrixLine, ...], Money]:
    """The lines of a matrix and their sum; every balance must have a rate (`KeyError`)."""
    lines = tuple(
        MatrixLine(age=age, balance=balance, rate=rates[age], allowance=balance.share(rates[age]))
        for age, balance in balances.items()
    )
    currency = next(iter(balances.values())).currency
    return lines, money_sum((line.allowance for line in lines), currency)


def matrix_age(days_past_due: int, policy: ImpairmentPolicy) -> str:
    """The row of the edition's matrix that so many days past due belong to."""
    for row in policy.matrix:
        if row.days_up_to is None or days_past_due <= row.days_up_to:
            return row.code
    raise ValueError("the provision matrix has no open end")


def trade_receivables_loss(
    items: Sequence[tuple[int, Money]], policy: ImpairmentPolicy
) -> tuple[tuple[MatrixLine, ...], Money]:
    """The simplified approach on open items (days past due, amount), by the edition's matrix."""
    currency = items[0][1].currency
    balances = {row.code: Money.zero(currency) for row in policy.matrix}
    for days_past_due, amount in items:
        balances[matrix_age(days_past_due, policy)] += amount
    return provision_matrix(balances, {row.code: row.rate for row in policy.matrix})


def movement(allowance_before: Money, allowance_now: Money) -> Money:
    """What is posted: the difference, and nothing where a period is run again."""
    return allowance_now - allowance_before
