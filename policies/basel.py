"""The internal-ratings function for corporates: capital K, risk weight and expected loss.

Basel II (June 2006) paragraphs 272 and 273, the same function as Basel III CRE31, without Basel
II's scaling factor of 1.06. All arguments and results are decimals; shares are of the exposure.
"""

from decimal import Decimal, localcontext
from functools import lru_cache

from policies.formula import EXACT
from policies.normal import normal_cdf, normal_inverse

_DECAY = Decimal(-50)


@lru_cache(maxsize=4096)
def correlation(pd: Decimal, sales_eur_millions: Decimal | None = None) -> Decimal:
    """R, the asset correlation; smaller firms (sales of 5 to 50 million euro) get up to 4% less."""
    with localcontext(EXACT):
        share = (1 - (_DECAY * pd).exp()) / (1 - _DECAY.exp())
        large = Decimal("0.12") * share + Decimal("0.24") * (1 - share)
        if sales_eur_millions is None:
            return large
        size = min(max(sales_eur_millions, Decimal(5)), Decimal(50))
        return large - Decimal("0.04") * (1 - (size - 5) / 45)


@lru_cache(maxsize=4096)
def capital_share(
    pd: Decimal,
    lgd: Decimal,
    maturity_years: Decimal,
    *,
    sales_eur_millions: Decimal | None = None,
    confidence: Decimal = Decimal("0.999"),
) -> Decimal:
    """K, the capital for one unit of exposure that is not in default; `pd` below 1."""
    with localcontext(EXACT):
        r = correlation(pd, sales_eur_millions)
        stressed = normal_cdf(
            normal_inverse(pd) / (1 - r).sqrt() + (r / (1 - r)).sqrt() * normal_inverse(confidence)
        )
        unadjusted = lgd * stressed - pd * lgd
        b = (Decimal("0.11852") - Decimal("0.05478") * pd.ln()) ** 2
        adjustment = (1 + (maturity_years - Decimal("2.5")) * b) / (1 - Decimal("1.5") * b)
        return unadjusted * adjustment


def capital_share_defaulted(lgd: Decimal, expected_loss_best: Decimal) -> Decimal:
    """K of a defaulted exposure: what the loss may exceed its best estimate by, never negative."""
    return max(Decimal(0), lgd - expected_loss_best)


def risk_weight(
    pd: Decimal,
    lgd: Decimal,
    maturity_years: Decimal,
    *,
    sales_eur_millions: Decimal | None = None,
) -> Decimal:
    """Risk-weighted assets for one unit of exposure: 12.5 K."""
    size = sales_eur_millions
    return capital_share(pd, lgd, maturity_years, sales_eur_millions=size) * Decimal("12.5")


def expected_loss(pd: Decimal, lgd: Decimal) -> Decimal:
    """EL for one unit of exposure over a year."""
    return pd * lgd
