"""Does an external rating count only while it is in force, and only as its mapping of the day says?"""

from datetime import date, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.assessment import Assessment, Dossier
from domain.edition import PolicyEdition
from domain.errors import AgencyRatingUnknown, AgencyUnknown, OverrideBarred
from domain.external_rating import (
    AGENCY_RATING,
    AgencyRatingContent,
    ExternalRating,
    agency_ratings,
)
from domain.override import OverrideProposal
from domain.report import ExternalReport
from policies.assessment import replay
from policies.completeness import completeness
from policies.edition import check
from policies.external_rating import counting, external_grades, refuse_unmapped
from policies.override import grade_asked
from policies.questions import OpenFile, questions
from policies.rerating import rerate
from tests.makers_policy import (
    ON,
    a_changed_edition,
    a_customer,
    a_dossier,
    a_statement,
    an_application,
    an_edition,
    cny,
    judged,
    some_payments,
)
from tests.makers_ratings import HASH, a_rating, with_factors

EDITION = an_edition()
SYMBOLS = {
    agency: sorted(
        chain.from_iterable(
            row.ratings for row in EDITION.external_ratings.rows if row.agency == agency
        )
    )
    for agency in EDITION.external_ratings.agencies
}
DAY = timedelta(days=1)


@st.composite
def ratings(draw: st.DrawFn) -> ExternalRating:
    """Any rating of any agency, in force on the day, not yet, or no longer."""
    agency = draw(st.sampled_from(sorted(SYMBOLS)))
    rated_on = ON + DAY * draw(st.integers(-400, 3))
    return a_rating(
        draw(st.sampled_from(SYMBOLS[agency])),
        agency,
        rated_on=rated_on,
        valid_until=rated_on + DAY * draw(st.integers(0, 500)),
    )


def a_report(figures: dict[str, str], on: date, agency: str = "moodys", n: int = 1) -> Any:
    return ExternalReport(
        report_id=f"report-{n}",
        customer_id="c-1",
        kind=AGENCY_RATING,
        provider=agency,
        reported_on=on,
        pulled_on=on,
        figures=figures,
        evidence_hash=HASH,
    )


def rated(rating: str, on: date, until: date, n: int = 1, agency: str = "moodys") -> Any:
    return a_report({"rating": rating, "valid_until": until.isoformat()}, on, agency, n)


def with_ratings(*found: ExternalRating, dossier: Dossier | None = None) -> Dossier:
    return (dossier or a_dossier()).model_copy(update={"external_ratings": found})


def outcome(receipt: Assessment) -> Any:
    rating = receipt.rating
    return rating.factors, rating.grade, rating.pd, rating.external, receipt.limit, receipt.route


def judging_by_ratings() -> PolicyEdition:
    """An edition whose scorecard reads the external rating in the place of the age of the firm."""
    bins = [{"points": 6, "below": 5}, {"points": 0, "at_least": 5}]
    changed = {"figure": "external_rating_rank", "missing": "neutral", "bins": bins, "trend": None}
    return with_factors(
        EDITION, lambda factor: changed if factor.code == "years_established" else {}
    )


# ── what counts ──────────────────────────────────────────────────────────────────────────────────


@given(st.lists(ratings(), max_size=4), st.sampled_from([EDITION, judging_by_ratings()]))
def test_a_rating_that_is_not_in_force_never_counts(
    found: list[ExternalRating], edition: PolicyEdition
) -> None:
    alive = [each for each in found if each.rated_on <= ON <= each.valid_until]

    assert outcome(judged(with_ratings(*found), edition)) == outcome(
        judged(with_ratings(*alive), edition)
    )
    if not alive:
        assert outcome(judged(with_ratings(*found), edition)) == outcome(judged(None, edition))


@given(ratings())
def test_it_counts_from_its_day_to_the_last_of_its_validity(found: ExternalRating) -> None:
    days = [found.rated_on - DAY, found.rated_on, found.valid_until, found.valid_until + DAY]

    counted = [bool(external_grades([found], day, EDITION)) for day in days]

    assert counted == [False, True, True, False]


@given(st.lists(ratings(), min_size=1, max_size=4))
def test_points_still_sum_to_the_score_whatever_agencies_say(found: list[ExternalRating]) -> None:
    rating = judged(with_ratings(*found), judging_by_ratings()).rating

    assert sum(each.points for each in rating.factors) == rating.score


def test_a_withdrawn_rating_is_out_from_the_day_of_its_withdrawal() -> None:
    withdrawn_on = ON - DAY * 10
    reports = [
        rated("A2", ON - DAY * 90, ON + DAY * 90),
        a_report({"withdrawn": "yes"}, withdrawn_on, n=2),
    ]
    found = agency_ratings(reports)

    assert [each.rating for each in counting(found, withdrawn_on - DAY)] == ["A2"]
    assert counting(found, withdrawn_on) == ()
    assert counting(found, ON) == ()


def test_a_later_rating_of_the_agency_takes_the_place_of_the_earlier_even_once_it_has_run_out() -> (
    None
):
    reports = [
        rated("A2", ON - DAY * 300, ON + DAY * 300),
        rated("Ba1", ON - DAY * 200, ON - DAY, n=2),
    ]

    assert counting(agency_ratings(reports), ON) == ()
    assert [each.rating for each in counting(agency_ratings(reports), ON - DAY)] == ["Ba1"]


def test_an_agency_may_rate_again_after_it_had_withdrawn() -> None:
    reports = [
        rated("A2", ON - DAY * 300, ON + DAY * 300),
        a_report({"withdrawn": "yes"}, ON - DAY * 200, n=2),
        rated("Baa1", ON - DAY * 100, ON + DAY * 100, n=3),
    ]

    assert [each.rating for each in counting(agency_ratings(reports), ON)] == ["Baa1"]


# ── the mapping ──────────────────────────────────────────────────────────────────────────────────


def test_the_most_cautious_of_several_is_judged_by_or_the_preferred_one() -> None:
    found = [
        a_rating("BB", "fitch"),
        a_rating("AA", "standard_and_poors"),
        a_rating("B2", "moodys"),
    ]
    preferring = a_changed_edition('[external_ratings]\nchoose = "preferred"\n')

    def used(edition: PolicyEdition) -> list[str]:
        return [each.agency for each in external_grades(found, ON, edition) if each.used]

    assert used(EDITION) == ["moodys"]
    assert used(preferring) == ["standard_and_poors"]


def two_mappings() -> PolicyEdition:
    rows = """
[external_ratings]
agencies = ["fitch"]
[[external_ratings.rows]]
agency = "fitch"
ratings = ["BBB"]
grade = "BBB"
effective_until = 2026-06-29
[[external_ratings.rows]]
agency = "fitch"
ratings = ["BBB"]
grade = "BB"
effective_from = 2026-06-30
"""
    return a_changed_edition(rows)


def test_the_mapping_of_the_day_of_the_judgement_counts_and_the_receipt_says_which() -> None:
    edition, found = two_mappings(), [a_rating("BBB", "fitch")]

    [before] = external_grades(found, ON - DAY, edition)
    [after] = judged(with_ratings(*found), edition).rating.external

    assert check(edition) == []
    assert (before.grade, before.effective_until) == ("BBB", ON - DAY)
    assert (after.grade, after.effective_from, after.used) == ("BB", ON, True)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ('agencies = ["moodys"]\n', "external_ratings.rows.1.agency: standard_and_poors"),
        (
            'agencies = ["standard_and_poors", "moodys", "fitch", "ours"]\n',
            "external_ratings.agencies: ours is missing",
        ),
        ("agencies = []\nrows = []\n", "external_ratings.notches_above_max: nothing reads"),
    ],
)
def test_an_edition_whose_mapping_points_at_nothing_is_found(changes: str, found: str) -> None:
    edition = a_changed_edition(f"[external_ratings]\n{changes}")

    assert any(each.sentence().startswith(found) for each in check(edition))


@pytest.mark.parametrize(
    ("first_until", "second_from", "code"),
    [("2026-06-29", "2026-07-01", "gap"), ("2026-06-30", "2026-06-30", "overlap")],
)
def test_a_day_with_no_row_or_two_is_found(first_until: str, second_from: str, code: str) -> None:
    text = two_mappings().as_toml()
    changed = text.replace("effective_until = 2026-06-29", f"effective_until = {first_until}")
    changed = changed.replace("effective_from = 2026-06-30", f"effective_from = {second_from}")
    edition = PolicyEdition.of_toml(changed)

    assert [each.code for each in check(edition)] == [code]


def test_what_reads_a_rating_where_no_agency_counts_is_found() -> None:
    bare = "[external_ratings]\nagencies = []\nrows = []\n"
    judging = judging_by_ratings().model_copy(
        update={"external_ratings": type(EDITION.external_ratings)()}
    )

    assert [each.code for each in check(judging)] == ["incomplete"]
    assert check(judging_by_ratings()) == []
    assert [each.code for each in check(asking("optional", bare))] == ["unread", "incomplete"]


def test_an_agency_or_rating_that_no_row_maps_is_refused_by_name() -> None:
    content = AgencyRatingContent(
        agency="moodys", rating="Baa9", rated_on=ON, valid_until=ON, evidence_hash=HASH
    )
    with pytest.raises(AgencyRatingUnknown) as refused:
        refuse_unmapped(content, ON, EDITION)
    assert "Baa9" in refused.value.detail()
    assert "Baa3" in refused.value.detail("zh")
    with pytest.raises(AgencyUnknown) as unknown:
        refuse_unmapped(content.model_copy(update={"agency": "unheard_of"}), ON, EDITION)
    assert "unheard_of" in unknown.value.detail()


# ── what it does ─────────────────────────────────────────────────────────────────────────────────


@given(st.lists(ratings(), max_size=3))
def test_our_grade_is_never_more_than_two_notches_above_the_one_judged_by(
    found: list[ExternalRating],
) -> None:
    rating = judged(with_ratings(*found), EDITION).rating
    plain = judged(None, EDITION).rating
    used = [each.grade for each in rating.external if each.used]
    least = max([EDITION.rank(used[0]) - 2 if used else 0, EDITION.rank(plain.grade)])

    assert EDITION.rank(rating.grade) == least
    assert rating.score == plain.score


def test_an_override_does_not_lift_a_grade_over_an_external_rating() -> None:
    rating = judged(with_ratings(a_rating("CCC")), EDITION).rating
    assert (rating.grade, rating.external_cap) == ("BB", "BB")

    proposal = OverrideProposal(notches=1, reason="group_support", note="seen")
    with pytest.raises(OverrideBarred) as refused:
        grade_asked(proposal, rating, EDITION)
    assert "external_rating_cap" in refused.value.detail()


@given(st.lists(st.lists(ratings(), max_size=2), min_size=1, max_size=4))
def test_a_book_in_columns_is_held_down_as_each_company_is(
    found: list[list[ExternalRating]],
) -> None:
    for edition in (EDITION, judging_by_ratings()):
        dossiers = [with_ratings(*each) for each in found]
        alone = [judged(dossier, edition) for dossier in dossiers]

        together = rerate(dossiers, edition, "open_account", ON)

        assert [(each.grade, each.score, each.limit) for each in together] == [
            (each.rating.grade, each.rating.score, each.limit.limit_proposed) for each in alone
        ]


def test_a_receipt_with_ratings_replays_identical() -> None:
    receipt = judged(with_ratings(a_rating("BB"), a_rating("Baa1", "moodys")), EDITION)
    kept = Assessment.model_validate_json(receipt.model_dump_json())

    assert replay(kept, EDITION) == []
    assert kept.receipt_hash == receipt.receipt_hash


# ── what is lacking ──────────────────────────────────────────────────────────────────────────────


def asking(how: str, changes: str = "") -> PolicyEdition:
    """The standard edition with a checklist that asks for a rating of everybody."""
    edition = a_changed_edition(changes)
    lists = edition.completeness.checklists
    first = lists[0].model_copy(update={how: (*getattr(lists[0], how), "external_rating")})
    asked = edition.completeness.model_copy(update={"checklists": (first, *lists[1:])})
    return edition.model_copy(update={"completeness": asked})


def lacking(edition: PolicyEdition, *reports: ExternalReport, on: date = ON) -> Any:
    return completeness(
        an_application(),
        (a_statement(),),
        a_customer(),
        edition,
        on,
        payments=some_payments(),
        ratings=agency_ratings(reports),
    )


def test_an_expired_rating_is_named_with_its_agency_and_day_and_lowers_completeness() -> None:
    until = ON - DAY
    reports = [rated("Baa1", ON - DAY * 300, until)]
    for how in ("required", "optional"):
        edition = asking(how)
        alive, gone = (lacking(edition, *reports, on=day) for day in (until, ON))
        code = f"external_rating:moodys/{until}"

        assert gone.share < alive.share
        assert code not in (*alive.missing, *alive.missing_optional)
        assert code in (gone.missing if how == "required" else gone.missing_optional)


def test_a_withdrawn_rating_is_named_with_the_day_of_the_withdrawal() -> None:
    reports = [
        rated("Baa1", ON - DAY * 300, ON + DAY * 60),
        a_report({"withdrawn": "yes"}, ON - DAY * 4, n=2),
    ]

    assert f"external_rating:moodys/{ON - DAY * 4}" in lacking(asking("required"), *reports).missing


def test_where_none_was_ever_on_file_a_rating_is_asked_for() -> None:
    assert "external_rating" in lacking(asking("required")).missing
    assert "external_rating" not in lacking(EDITION).missing


def test_a_rating_of_an_agency_that_counts_lets_the_expired_one_of_another_go() -> None:
    reports = [
        rated("Baa1", ON - DAY * 300, ON - DAY),
        rated("BBB", ON - DAY * 20, ON + DAY * 300, n=2, agency="fitch"),
    ]

    assert lacking(asking("required"), *reports).missing == lacking(EDITION).missing


# ── what is worth asking ─────────────────────────────────────────────────────────────────────────


def open_file(dossier: Dossier, edition: PolicyEdition, *missing: str) -> OpenFile:
    return questions(dossier, edition, missing, automatic_spent=cny(0))


def test_a_rating_that_a_factor_reads_is_a_question_and_names_the_factor() -> None:
    found = open_file(a_dossier(), judging_by_ratings())
    question = next(each for each in found.questions if each.code == "external_rating")

    assert question.factors == ("years_established",)
    assert not any(
        each.code == "external_rating" for each in open_file(a_dossier(), EDITION).questions
    )


@given(ratings())
def test_whatever_the_rating_is_score_and_grade_stay_within_what_was_said(
    found: ExternalRating,
) -> None:
    edition = judging_by_ratings()
    before = open_file(a_dossier(), edition)

    receipt = judged(with_ratings(found), edition)

    assert before.score_min <= receipt.rating.score <= before.score_max
    assert receipt.rating.grade in before.grades


def test_a_pd_of_the_mapped_grade_may_be_judged_by() -> None:
    edition = a_changed_edition(
        '[[knock_outs]]\ncode = "weak"\nfigure = "external_rating_pd"\nat_least = 0.05\neffect = "refer"\n'
    )

    assert judged(with_ratings(a_rating("B")), edition).rating.knock_outs == ("weak",)
    assert judged(with_ratings(a_rating("BB")), edition).rating.knock_outs == ()
    assert EDITION.master_scale[EDITION.rank("B")].pd == Decimal("0.05")
