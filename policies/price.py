"""Price (定价): what a credit must earn to pay its funds, its costs, its losses and its capital.

All rates are annual shares of the limit in use. The break-even rate earns the hurdle on economic
capital after tax; nobody pays less than the least margin of the grade, nor more than the edition's
highest rate, and what would have to lies below the minimum: an exception with its own approver.
"""

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal

from domain.assessment import Price
from domain.edition import CapitalPolicy, PolicyEdition, PricePolicy
from policies.basel import capital_share, expected_loss

_MILLION = Decimal(1_000_000)


def price(
    pd: Decimal,
    grade: str,
    term_months: int,
    sales_reporting: Decimal | None,
    edition: PolicyEdition,
    *,
    lgd: Decimal | None = None,
) -> Price:
    """The rate for a grade and a term; `sales_reporting` sizes the firm for its capital, `lgd` is
    the edition's for credit without cover unless another is given."""
    policy = edition.price
    lost = policy.lgd if lgd is None else lgd
    capital = economic_capital(pd, term_months, sales_reporting, policy, lost)
    loss = expected_loss(max(pd, policy.capital.pd_floor), lost)
    hurdle = policy.hurdle / (1 - policy.tax)
    earned = policy.capital_return * capital
    break_even = break_even_rate(
        policy.funds_cost, policy.operating_cost, loss, capital, hurdle, policy.capital_return
    )
    least = policy.funds_cost + policy.margin_min[grade]
    wanted = _up_to_step(max(break_even, least), policy.rate_step)
    rate = min(wanted, policy.rate_max)
    return Price(
        rate_annual=rate,
        components={
            "funds": policy.funds_cost,
            "costs": policy.operating_cost,
            "expected_loss": _shown(loss),
            "capital": _shown(hurdle * capital),
            "capital_return": _shown(-earned),
            "break_even": _shown(break_even),
            "margin_minimum": policy.margin_min[grade],
        },
        raroc=_shown(
            raroc(rate, policy.funds_cost, policy.operating_cost, loss, capital, earned, policy.tax)
        ),
        capital_share=_shown(capital),
        below_minimum=wanted > rate,
        lgd=None if lgd is None else _shown(lgd),
    )


def break_even_rate(
    funds: Decimal,
    costs: Decimal,
    loss: Decimal,
    capital: Decimal,
    hurdle: Decimal,
    capital_return: Decimal,
) -> Decimal:
    """Funds, costs, expected loss, and the hurdle on capital less what capital earns itself."""
    return funds + costs + loss + hurdle * capital - capital_return * capital


def raroc(
    income: Decimal,
    funds: Decimal,
    costs: Decimal,
    loss: Decimal,
    capital: Decimal,
    capital_earned: Decimal,
    tax: Decimal = Decimal(0),
) -> Decimal:
    """Return on risk-adjusted capital: income less funds, costs and loss, after tax, on capital.

    Credit that binds no capital, as one wholly covered by a deposit, earns what it earns on itself.
    """
    earned = (income + capital_earned - funds - costs - loss) * (1 - tax)
    return earned / capital if capital else earned


def adjusted_raroc(raroc_plain: Decimal, risk_free: Decimal, beta: Decimal) -> Decimal:
    """The excess of RAROC over the risk-free rate for one unit of market risk."""
    return (raroc_plain - risk_free) / beta


def profit_expected(rate: Decimal, churn: Decimal, pd: Decimal, lgd: Decimal) -> Decimal:
    """Of one unit offered at a rate: whoever does not walk away pays it, or defaults."""
    return (1 - churn) * ((1 - pd) * rate - pd * lgd)


def rate_of_best_profit(
    churn_by_rate: Mapping[Decimal, Decimal], pd: Decimal, lgd: Decimal
) -> Decimal:
    """The rate at which the expected profit of an offer is highest; of equals the lowest."""
    return max(
        sorted(churn_by_rate),
        key=lambda rate: profit_expected(rate, churn_by_rate[rate], pd, lgd),
    )


def economic_capital(
    pd: Decimal,
    term_months: int,
    sales_reporting: Decimal | None,
    policy: PricePolicy,
    lgd: Decimal,
) -> Decimal:
    """Capital for one unit of the limit by the ratings function, PD and maturity bounded."""
    settings: CapitalPolicy = policy.capital
    if pd >= 1:
        return lgd
    years = min(
        max(Decimal(term_months) / 12, settings.maturity_years_min), settings.maturity_years_max
    )
    return capital_share(
        max(pd, settings.pd_floor),
        lgd,
        years,
        sales_eur_millions=_sales_eur_millions(sales_reporting, settings.eur_rate),
        confidence=settings.confidence,
    )


def _sales_eur_millions(sales_reporting: Decimal | None, eur_rate: Decimal) -> Decimal | None:
    """Sales in whole millions of euro, rounded up, 5 to 50; unknown sales get no relief."""
    if sales_reporting is None:
        return None
    millions = (sales_reporting / eur_rate / _MILLION).to_integral_value(ROUND_CEILING)
    return min(max(millions, Decimal(5)), Decimal(50))


def _up_to_step(rate: Decimal, step: Decimal) -> Decimal:
    return (rate / step).to_integral_value(ROUND_CEILING) * step


def _shown(share: Decimal) -> Decimal:
    """A component to a hundredth of a basis point; the rate itself is computed unrounded."""
    return share.quantize(Decimal("0.000001"))
