"""Published scores by hand calculation, and their zones."""

from decimal import Decimal, localcontext

import pytest

from policies.formula import EXACT, Lookup
from policies.reference_scores import (
    ALTMAN_Z,
    ALTMAN_Z_NON_MANUFACTURER,
    ALTMAN_Z_PRIVATE,
    ZMIJEWSKI_X,
    altman_emerging,
    altman_zone,
    ohlson_o,
    ohlson_probability,
    reference_scores,
    zmijewski_probability,
)

FIGURES = {
    "current_assets": "40",
    "current_liabilities": "20",
    "total_assets": "100",
    "total_liabilities": "50",
    "equity": "50",
    "retained_earnings": "20",
    "ebit": "10",
    "market_value": "75",
    "revenue": "120",
    "net_income": "6",
    "prior_net_income": "4",
    "depreciation_amortisation": "5",
}


def finder(**changed: str) -> Lookup:
    figures = {name: Decimal(figure) for name, figure in (FIGURES | changed).items()}
    return figures.get


def test_altman_z_of_a_listed_company() -> None:
    # 1.2*0.2 + 1.4*0.2 + 3.3*0.1 + 0.6*1.5 + 1.0*1.2
    assert ALTMAN_Z.compute(finder()) == Decimal("2.95")


def test_altman_z_of_a_private_company_takes_book_equity() -> None:
    # 0.717*0.2 + 0.847*0.2 + 3.107*0.1 + 0.420*1 + 0.998*1.2
    assert ALTMAN_Z_PRIVATE.compute(finder()) == Decimal("2.2411")


def test_altman_z_of_a_non_manufacturer_leaves_sales_out() -> None:
    # 6.56*0.2 + 3.26*0.2 + 6.72*0.1 + 1.05*1
    assert ALTMAN_Z_NON_MANUFACTURER.compute(finder()) == Decimal("3.686")


def test_the_emerging_market_version_moves_score_and_zones_alike() -> None:
    assert altman_emerging(Decimal("2.61")) == Decimal("5.86")
    for score in ("1.09", "1.10", "2.60", "2.61"):
        plain = Decimal(score)
        zone = altman_zone("altman_z_non_manufacturer", plain)
        assert altman_zone("altman_z_emerging", altman_emerging(plain)) == zone


@pytest.mark.parametrize(
    ("code", "score", "zone"),
    [
        ("altman_z", "1.80", "distress"),
        ("altman_z", "1.81", "grey"),
        ("altman_z", "2.99", "grey"),
        ("altman_z", "3.00", "safe"),
        ("altman_z_private", "1.22", "distress"),
        ("altman_z_private", "2.91", "safe"),
        ("altman_z_non_manufacturer", "1.09", "distress"),
        ("altman_z_non_manufacturer", "2.60", "grey"),
        ("altman_z_non_manufacturer", "2.61", "safe"),
    ],
)
def test_the_zones_and_their_cuts(code: str, score: str, zone: str) -> None:
    assert altman_zone(code, Decimal(score)) == zone


def test_zmijewski_is_a_probit_of_three_ratios() -> None:
    # -4.336 - 4.513*0.06 + 5.679*0.5 - 0.004*2
    x = ZMIJEWSKI_X.compute(finder())
    probability = zmijewski_probability(finder())

    assert x == Decimal("-1.77528")
    assert probability is not None
    assert abs(probability - Decimal("0.03793")) < Decimal("0.00001")
    even = zmijewski_probability(finder(total_liabilities="81", net_income="6"))
    assert even is not None
    assert abs(even - Decimal("0.5")) < Decimal("0.02"), "x near zero is an even chance"


def test_ohlson_of_a_profitable_company_by_hand() -> None:
    # -1.32 - 0.407 ln(100/100) + 6.03*0.5 - 1.43*0.2 + 0.0757*0.5 - 2.37*0.06 - 1.83*11/50
    #       - 0.521*(6-4)/(6+4)
    o = ohlson_o(finder(), Decimal(100))

    assert o == Decimal("0.79785")
    with localcontext(EXACT):
        assert abs(ohlson_probability(Decimal(0)) - Decimal("0.5")) < Decimal("1e-20")


def test_ohlson_knows_insolvency_losses_and_size() -> None:
    insolvent = ohlson_o(finder(total_liabilities="101"), Decimal(100))
    solvent = ohlson_o(finder(total_liabilities="100"), Decimal(100))
    assert insolvent is not None
    assert solvent is not None
    assert abs(insolvent - solvent + Decimal("1.72")) < Decimal("0.1")

    once = ohlson_o(finder(net_income="-6"), Decimal(100))
    twice = ohlson_o(finder(net_income="-6", prior_net_income="-4"), Decimal(100))
    assert once is not None
    assert twice is not None
    # change: -10/10 against -2/10, times -0.521; and 0.285 for the second loss
    assert twice - once == Decimal("0.285") - Decimal("0.521") * Decimal("0.8")

    larger = ohlson_o(finder(), Decimal(10))
    first = ohlson_o(finder(), Decimal(100))
    assert larger is not None
    assert first is not None
    assert larger < first


def test_a_score_with_a_missing_input_is_missing() -> None:
    figures = {name: Decimal(each) for name, each in FIGURES.items() if name != "market_value"}
    scores = reference_scores(figures.get, Decimal(100))

    assert "altman_z" not in scores
    assert "altman_z_private" in scores
    assert reference_scores({}.get, Decimal(100)) == {}


def test_all_scores_together_to_four_decimals() -> None:
    assert reference_scores(finder(), Decimal(100)) == {
        "altman_z": Decimal("2.9500"),
        "altman_z_private": Decimal("2.2411"),
        "altman_z_non_manufacturer": Decimal("3.6860"),
        "zmijewski_probability": Decimal("0.0379"),
        "ohlson_o": Decimal("0.7978"),
        "ohlson_probability": Decimal("0.6895"),
    }


@pytest.mark.parametrize("liabilities", ["0.000001", "10000000000"])
def test_a_company_far_out_of_line_has_a_probability_all_the_same(liabilities: str) -> None:
    scores = reference_scores(finder(total_liabilities=liabilities), Decimal(100))

    assert scores["ohlson_probability"] in (0, 1)


@pytest.mark.parametrize("o", ["-2.5", "0", "2.5"])
def test_the_probabilities_of_o_and_of_its_opposite_add_up_to_one(o: str) -> None:
    both = ohlson_probability(Decimal(o)) + ohlson_probability(-Decimal(o))

    assert both.quantize(Decimal("1e-20")) == 1
