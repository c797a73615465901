"""A draft tried on lines in force: what flips, what moves, who decides, and who is spared."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.application import ApplicationType
from domain.assessment import Assessment, Lane
from domain.draft import Moved, Outcome, Tried
from domain.money import Money
from policies.assessment import assess
from policies.simulation import report_of, section_of, tried
from tests.makers_policy import (
    ON,
    a_changed_edition,
    a_customer,
    a_dossier,
    a_statement,
    an_application,
    an_edition,
    cny,
)

# No grade is granted more than half a million.
CAPPED = a_changed_edition(
    "[limit]\ngrade_cap = { AAA = 500000, AA = 500000, A = 500000, BBB = 500000,"
    " BB = 500000, B = 500000, CCC = 500000, D = 0 }\n"
)


def a_receipt(number: int, requested: int) -> Assessment:
    """The ordinary company asks for so much."""
    customer = a_customer(customer_id=f"c-{number}")
    application = an_application(cny(requested), customer_id=customer.customer_id)
    dossier = a_dossier(customer=customer, application=application)
    return assess(f"case-{number}", dossier, an_edition(), automatic_spent=cny(0), sampled=False)


# 200,000 and 800,000 are granted by the automatic lane, 1,500,000 by the head of a branch.
BOOK = [a_receipt(number, asked) for number, asked in enumerate((200_000, 800_000, 1_500_000))]


def live(receipts: Sequence[Assessment] = tuple(BOOK)) -> list[Tried]:
    return [tried(each, CAPPED, line_id=f"l-{at}") for at, each in enumerate(receipts)]


def test_a_small_book_moves_by_what_is_reckoned_by_hand() -> None:
    section = section_of(live())

    assert [each.before.limit for each in live()] == [cny(200_000), cny(800_000), cny(1_500_000)]
    assert (section.cases, section.unchanged, section.refused) == (3, 1, 0)
    # 800,000 becomes 500,000 and 1,500,000 becomes 500,000.
    assert section.moved == (
        Moved(currency="CNY", before=cny(2_500_000), raised=cny(0), lowered=cny(1_300_000)),
    )
    # Less than was asked is no longer granted by the automatic lane.
    assert section.flips == {"automatic>people": 1}
    assert section.grades == {}
    assert section.lanes_before == {"automatic": 2, "people": 1}
    assert section.lanes_after == {"automatic": 1, "people": 2}
    assert (section.positions_before, section.positions_after) == (
        {"branch_head": 1},
        {"branch_head": 2},
    )
    assert (section.tiers_before, section.tiers_after) == ({"1": 1}, {"1": 2})
    assert [each.line_id for each in section.changed] == ["l-1", "l-2"]


def outcome(limit: Money, grade: str = "BBB", lane: Lane = Lane.PEOPLE, *posts: str) -> Outcome:
    tiers = tuple(range(1, len(posts) + 1))
    return Outcome(grade=grade, limit=limit, lane=lane, row="row", positions=posts, tiers=tiers)


def a_case(before: Outcome, after: Outcome | None, **changed: object) -> Tried:
    content = {"case_id": "a", "customer_id": "c", "before": before, "after": after, **changed}
    return Tried.model_validate(content)


def test_higher_and_lower_are_summed_apart_by_currency_and_a_refusal_moves_to_nothing() -> None:
    section = section_of(
        [
            a_case(outcome(cny(300)), outcome(cny(450))),
            a_case(outcome(cny(800)), outcome(cny(700), "BB")),
            a_case(outcome(cny(500)), None, refusal="rate_missing"),
            a_case(outcome(Money.of(10, "USD")), outcome(Money.of(12, "USD"))),
            a_case(outcome(cny(90)), outcome(cny(90))),
        ]
    )

    assert section.moved == (
        Moved(currency="CNY", before=cny(1690), raised=cny(150), lowered=cny(600)),
        Moved(
            currency="USD",
            before=Money.of(10, "USD"),
            raised=Money.of(2, "USD"),
            lowered=Money.of(0, "USD"),
        ),
    )
    assert (section.cases, section.unchanged, section.refused) == (5, 1, 1)
    assert section.grades == {"BBB>BB": 1}
    assert section.flips == {}


def test_the_load_of_a_position_is_its_tasks_and_a_refused_case_asks_nobody() -> None:
    people, two = Lane.PEOPLE, ("branch_head", "risk_officer")
    section = section_of(
        [
            a_case(outcome(cny(1), "A", people, "branch_head"), outcome(cny(1), "A", people, *two)),
            a_case(outcome(cny(1), "A", people, *two), None, refusal="rate_missing"),
        ]
    )

    assert section.positions_before == {"branch_head": 2, "risk_officer": 1}
    assert section.positions_after == {"branch_head": 1, "risk_officer": 1}
    assert (section.tiers_before, section.tiers_after) == ({"1": 2, "2": 1}, {"1": 1, "2": 1})


def test_spared_is_a_line_of_the_past_that_would_have_got_less_and_went_bad() -> None:
    less, same = outcome(cny(1)), outcome(cny(9))
    bad = {"went_bad": ("warning:paying_later",), "line_id": "l-1"}
    past = [
        a_case(same, less, case_id="spared", **bad),
        a_case(same, None, case_id="refused", refusal="rate_missing", **bad),
        a_case(same, less, case_id="good", line_id="l-2"),
        a_case(same, same, case_id="as-much", **bad),
        a_case(less, same, case_id="more", **bad),
        a_case(same, less, case_id="never-a-line", went_bad=("collection",)),
    ]
    report = report_of(
        CAPPED, an_edition(), past, live(), book=("h",), business_on=ON, most=500, lines_left_out=4
    )

    assert [each.case_id for each in report.spared] == ["spared", "refused"]
    assert report.live == section_of(live())
    assert (report.past.cases, report.lines_left_out) == (6, 4)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(min_value=1, max_value=200).map(lambda share: 20_000 * share),
            st.integers(min_value=-10, max_value=90),
            st.sampled_from(list(ApplicationType)),
            st.booleans(),
            st.integers(min_value=0, max_value=60).map(lambda spent: 1_000_000 * spent),
        ),
        max_size=4,
    )
)
def test_the_edition_in_force_flips_nothing_and_moves_nothing(
    book: list[tuple[int, int, ApplicationType, bool, int]],
) -> None:
    edition = an_edition()
    receipts = []
    for number, (asked, equity, kind, sampled, spent) in enumerate(book):
        owed = {"equity": str(equity), "total_liabilities": str(140 - equity)}
        dossier = a_dossier(
            application=an_application(cny(asked), application_type=kind),
            statements=(a_statement(2024), a_statement(2025, **owed)),
            own_limits=cny(400_000),
            line_limit=cny(400_000),
        )
        case_id = f"case-{number}"
        receipts.append(
            assess(case_id, dossier, edition, automatic_spent=cny(spent), sampled=sampled)
        )

    section = section_of([tried(each, edition, line_id=each.case_id) for each in receipts])

    assert (section.flips, section.grades, section.changed) == ({}, {}, ())
    assert section.unchanged == section.cases == len(book)
    assert section.positions_after == section.positions_before
    assert section.lanes_after == section.lanes_before
    assert all(each.raised.minor == each.lowered.minor == 0 for each in section.moved)
    assert sum((m.before.amount for m in section.moved), Decimal(0)) == sum(
        (each.limit_recommended.amount for each in receipts if each.route.lane is not Lane.DECLINE),
        Decimal(0),
    )
