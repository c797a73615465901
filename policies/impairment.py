"""Impairment (减值): the stage of a claim and its expected credit loss, after IFRS 9 chapter 5.5.

Stage 1 expects the losses of twelve months, stage 2 of the whole life, stage 3 of the whole life
with interest on the net amount. Trade receivables always expect lifetime losses and may use a
provision matrix (5.5.15). Default comes at a constant hazard, in continuous time.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, localcontext

from domain.classification import (
    Debtor,
    LineLoss,
    LineStanding,
    Loss,
    MatrixLine,
    Portfolio,
    Stage,
)
from domain.edition import ImpairmentPolicy, PolicyEdition
from domain.money import Money, money_sum
from policies.cover import lgd_covered
from policies.formula import EXACT
from policies.line import months_later

_MONTHS = 12
_NOISE = Decimal("1e-12")


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
        # Logarithms end after so many digits; what should be a whole fen must not fall below it.
        return one.share(total.quantize(_NOISE))


def risk_increased(
    grade_origin: str, grade: str, edition: PolicyEdition, business_on: date
) -> bool:
    """Whether a line's risk has increased significantly since its origination: by the notches of
    the first dated row that knows the grade it began with (5.5.9)."""
    for row in edition.impairment.increases:
        begun = row.effective_from is None or row.effective_from <= business_on
        ended = row.effective_until is not None and row.effective_until < business_on
        if begun and not ended and (not row.grades or grade_origin in row.grades):
            return edition.rank(grade) - edition.rank(grade_origin) >= row.notches
    return False


def losses(
    debtor: Debtor, stage: Stage, days_past_due: Sequence[int], edition: PolicyEdition, on: date
) -> tuple[Loss, ...]:
    """What is expected to be lost of a customer's claims: of its lines by stage, of its open
    invoices by the matrix. `days_past_due` are those of the invoices, in their order."""
    nothing = Money.zero(edition.reporting_currency)
    lines = tuple(_loss_of_lines(debtor, stage, edition, on))
    items = [*zip(days_past_due, (item.amount for item in debtor.items), strict=True)]
    matrix: tuple[MatrixLine, ...] = ()
    receivables = nothing
    if items and edition.impairment.matrix:
        matrix, receivables = trade_receivables_loss(items, edition.impairment)
    return (
        Loss(
            portfolio=Portfolio.LINE,
            stage=stage,
            allowance=money_sum((each.allowance for each in lines), nothing.currency),
            lines=lines,
        ),
        Loss(
            portfolio=Portfolio.RECEIVABLES,
            stage=stage,
            allowance=receivables,
            matrix=tuple(line for line in matrix if line.balance),
        ),
    )


def used_beside_invoices(
    debtor: Debtor, edition: PolicyEdition
) -> list[tuple[LineStanding, Money]]:
    """What each line is used by that no open invoice stands for already.

    Where the edition says that invoices are the use of lines, what is owed on them is taken off
    the lines, the first to end first.
    """
    nothing = Money.zero(edition.reporting_currency)
    invoiced = nothing
    if edition.impairment.receivables_in_use:
        invoiced = money_sum((item.amount for item in debtor.items), nothing.currency)
    beside = []
    for line in sorted(debtor.lines, key=lambda each: (each.ends_on, each.line_id)):
        taken = min(invoiced, line.used)
        invoiced -= taken
        beside.append((line, line.used - taken))
    return beside


def _loss_of_lines(
    debtor: Debtor, stage: Stage, edition: PolicyEdition, on: date
) -> Iterator[LineLoss]:
    policy = edition.impairment
    for line, used in used_beside_invoices(debtor, edition):
        exposure = used + line.unused.share(policy.unused_factor)
        if not exposure:
            continue
        pd = edition.master_scale[edition.rank(line.grade)].pd
        lgd = lgd_covered(line.covers, exposure, edition)
        months = months_left(on, line.ends_on)
        rate = line.rate_annual if policy.discounted else Decimal(0)
        yield LineLoss(
            line_id=line.line_id,
            grade=line.grade,
            exposure=exposure,
            pd_annual=pd,
            lgd=lgd,
            months=months,
            rate_effective=rate,
            allowance=expected_credit_loss(
                [exposure] * months, pd, lgd, stage, rate_effective=rate, months_in_period=1
            ),
        )


def months_left(on: date, ends_on: date) -> int:
    """Whole months until a day, a begun one counted; at least one."""
    if ends_on <= on:
        return 1
    months = (ends_on.year - on.year) * _MONTHS + ends_on.month - on.month
    return max(1, months + (months_later(on, months) < ends_on))


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
