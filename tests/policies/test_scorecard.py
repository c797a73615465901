"""Which scorecard judges whom, and what a challenger may say."""

from decimal import Decimal

import pytest

from domain.edition import Odds, PolicyEdition
from policies.edition import check
from policies.rating import rate
from policies.scorecard import pd_of, score_of
from policies.spreading import scope_of
from storage.edition import shipped_text
from tests.makers_policy import a_customer, a_dossier, an_edition, cny, judged


def with_cards(**choices: str) -> PolicyEdition:
    """The standard edition with its scorecard under several names, each for those chosen."""
    text = shipped_text("standard")
    start, end = text.index("[scorecards.corporate]"), text.index("# Default rates of a year")
    card = text[start:end]
    copies = [
        f"[scorecards.{name}.choice]\n{choice}\n"
        + card.replace("scorecards.corporate", f"scorecards.{name}").replace(
            'model = "corporate"', f'model = "{name}"'
        )
        for name, choice in choices.items()
    ]
    return PolicyEdition.of_toml(text[:start] + "\n".join(copies) + text[end:])


def shadowed() -> PolicyEdition:
    text = shipped_text("standard")
    start, end = text.index("[scorecards.corporate]"), text.index("# Default rates of a year")
    challenger = (
        text[start:end]
        .replace("scorecards.corporate", "challengers.stern")
        .replace('model = "corporate"', 'model = "stern"')
        .replace("AAA = 94", "AAA = 100")
        .replace("AA = 88", "AA = 99")
        .replace("A = 80", "A = 98")
    )
    return PolicyEdition.of_toml(text[:end] + challenger + text[end:])


def model_of(edition: PolicyEdition, **changed: object) -> str:
    return rate(scope_of(a_dossier(**changed), edition), edition).model  # type: ignore[arg-type]


def test_a_segment_has_its_own_scorecard_and_the_receipt_says_so() -> None:
    edition = with_cards(large='segments = ["large"]', others='segments = ["medium", "small"]')

    assert check(edition) == []
    assert model_of(edition, customer=a_customer(segment="large")) == "large 2"
    assert model_of(edition, customer=a_customer(segment="small")) == "others 2"
    chosen_by = judged(edition=edition).rating.chosen_by
    assert chosen_by == {"segment": "medium", "relation": "new"}


def test_new_and_existing_customers_may_have_different_scorecards() -> None:
    edition = with_cards(first='relations = ["new"]', again='relations = ["existing"]')

    assert check(edition) == []
    assert model_of(edition) == "first 2"
    assert model_of(edition, own_limits=cny(1)) == "again 2"


def test_what_is_there_may_choose_the_scorecard() -> None:
    edition = with_cards(listed='present = ["market_value"]', private='absent = ["market_value"]')

    assert check(edition) == []
    assert model_of(edition) == "private 2"
    assert judged(edition=edition).rating.chosen_by["market_value"] == "absent"


@pytest.mark.parametrize(
    ("choices", "code"),
    [
        ({"large": 'segments = ["large"]'}, "gap"),
        ({"all": "", "large": 'segments = ["large"]'}, "overlap"),
        ({"listed": 'present = ["market_value"]', "all": ""}, "overlap"),
        ({"odd": 'present = ["moon"]', "even": 'absent = ["moon"]'}, "unknown"),
    ],
)
def test_customers_with_no_scorecard_or_with_two_are_found(
    choices: dict[str, str], code: str
) -> None:
    assert code in {finding.code for finding in check(with_cards(**choices))}


def test_a_challenger_is_on_record_and_decides_nothing() -> None:
    plain, watched = judged(), judged(edition=shadowed())
    [challenger] = watched.rating.challengers

    assert challenger.model == "stern 2"
    assert challenger.score == watched.rating.score
    assert challenger.grade == "BBB"
    assert (watched.rating.grade, watched.rating.pd) == (plain.rating.grade, plain.rating.pd)
    assert (watched.limit, watched.price, watched.route) == (plain.limit, plain.price, plain.route)


def test_odds_and_scores_are_each_others_inverse() -> None:
    odds = Odds(offset=Decimal(40), factor=Decimal(8))

    assert pd_of(Decimal(40), odds) == Decimal("0.5")
    for pd in ("0.3", "0.02", "0.0004"):
        assert abs(pd_of(score_of(Decimal(pd), odds), odds) - Decimal(pd)) < Decimal(pd) / 500


def test_the_standard_edition_has_one_scorecard_for_everybody() -> None:
    assert list(an_edition().scorecards) == ["corporate"]
    assert an_edition().challengers == {}
