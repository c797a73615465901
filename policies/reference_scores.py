"""Published failure scores, shown beside our own grade and never deciding it.

Altman's Z (1968), Z' (private firms, 1983) and Z'' (non-manufacturers, 1995, without the 3.25 of
the emerging-market version), Zmijewski (1984, with -0.004 on the current ratio's term) and
Ohlson's O (1980, model 1). A score with a missing input is missing.
"""

from decimal import Decimal, localcontext

from policies.formula import EXACT, Lookup, compiled_formula
from policies.normal import normal_cdf

_WORKING_CAPITAL = "(current_assets - current_liabilities) / total_assets"
_EQUITY = "first(equity, total_assets - total_liabilities)"

ALTMAN_Z = compiled_formula(
    f"1.2 * {_WORKING_CAPITAL} + 1.4 * retained_earnings / total_assets"
    " + 3.3 * ebit / total_assets + 0.6 * market_value / total_liabilities"
    " + 1.0 * revenue / total_assets"
)
ALTMAN_Z_PRIVATE = compiled_formula(
    f"0.717 * {_WORKING_CAPITAL} + 0.847 * retained_earnings / total_assets"
    f" + 3.107 * ebit / total_assets + 0.420 * {_EQUITY} / total_liabilities"
    " + 0.998 * revenue / total_assets"
)
ALTMAN_Z_NON_MANUFACTURER = compiled_formula(
    f"6.56 * {_WORKING_CAPITAL} + 3.26 * retained_earnings / total_assets"
    f" + 6.72 * ebit / total_assets + 1.05 * {_EQUITY} / total_liabilities"
)
ZMIJEWSKI_X = compiled_formula(
    "-4.336 - 4.513 * net_income / total_assets + 5.679 * total_liabilities / total_assets"
    " - 0.004 * current_assets / current_liabilities"
)
# The terms of O that are plain arithmetic; size and the two indicators are added below. Funds from
# operations are net income and depreciation.
_OHLSON_PLAIN = compiled_formula(
    f"-1.32 + 6.03 * total_liabilities / total_assets - 1.43 * {_WORKING_CAPITAL}"
    " + 0.0757 * current_liabilities / current_assets - 2.37 * net_income / total_assets"
    " - 1.83 * (net_income + depreciation_amortisation) / total_liabilities"
)

# Below the first a score tells of distress, above the second of safety, between them of neither.
ZONES: dict[str, tuple[Decimal, Decimal]] = {
    "altman_z": (Decimal("1.81"), Decimal("2.99")),
    "altman_z_private": (Decimal("1.23"), Decimal("2.90")),
    "altman_z_non_manufacturer": (Decimal("1.10"), Decimal("2.60")),
    "altman_z_emerging": (Decimal("4.35"), Decimal("5.85")),
}
_EMERGING = Decimal("3.25")


def altman_zone(code: str, score: Decimal) -> str:
    """`distress`, `grey` or `safe`; the cuts themselves are grey."""
    low, high = ZONES[code]
    return "distress" if score < low else "safe" if score > high else "grey"


def altman_emerging(score_non_manufacturer: Decimal) -> Decimal:
    """Z'' as written for emerging markets: a default bond's score is zero; its zones move along."""
    return score_non_manufacturer + _EMERGING


def zmijewski_probability(find: Lookup) -> Decimal | None:
    """The probability of distress, N(X); above one half is distress."""
    x = ZMIJEWSKI_X.compute(find)
    return None if x is None else normal_cdf(x)


def ohlson_o(find: Lookup, price_index: Decimal) -> Decimal | None:
    """O of two years; `price_index` is the GNP price level with its base year at 100."""
    plain = _OHLSON_PLAIN.compute(find)
    assets, liabilities = find("total_assets"), find("total_liabilities")
    income, before = find("net_income"), find("prior_net_income")
    if plain is None or assets is None or liabilities is None or income is None or before is None:
        return None
    if assets <= 0 or abs(income) + abs(before) == 0:
        return None
    size = Decimal("-0.407") * (assets / price_index).ln()
    insolvent = Decimal("-1.72") if liabilities > assets else Decimal(0)
    losses = Decimal("0.285") if income < 0 and before < 0 else Decimal(0)
    change = Decimal("-0.521") * (income - before) / (abs(income) + abs(before))
    return plain + size + insolvent + losses + change


def ohlson_probability(o: Decimal) -> Decimal:
    """e^O / (1 + e^O); above one half is distress."""
    # By the exponential that cannot overflow: debt of a hundred million times the assets is refused
    # by nobody, and its O is as large.
    odds = (-abs(o)).exp()
    return odds / (1 + odds) if o < 0 else 1 / (1 + odds)


def reference_scores(find: Lookup, price_index: Decimal) -> dict[str, Decimal]:
    """Every score that can be computed, to four decimals."""
    with localcontext(EXACT):
        o = ohlson_o(find, price_index)
        scores: dict[str, Decimal | None] = {
            "altman_z": ALTMAN_Z.compute(find),
            "altman_z_private": ALTMAN_Z_PRIVATE.compute(find),
            "altman_z_non_manufacturer": ALTMAN_Z_NON_MANUFACTURER.compute(find),
            "zmijewski_probability": zmijewski_probability(find),
            "ohlson_o": o,
            "ohlson_probability": None if o is None else ohlson_probability(o),
        }
        last_place = Decimal("0.0001")
        return {
            code: score.quantize(last_place) for code, score in scores.items() if score is not None
        }
