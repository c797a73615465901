"""Cover lifts a limit and lowers a loss; the market's outlook bounds it; both end by their dates."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.assessment import Assessment, Dossier, LimitProposal
from domain.cover import Cover, CoverKind, CoverVerdict
from domain.edition import PolicyEdition
from domain.money import Money
from policies.assessment import replay
from policies.cover import counted, in_a_circle, lgd_after, shares_of_capacity, verdict
from policies.limit import propose_limit
from policies.price import price
from policies.spreading import scope_of
from tests.makers_policy import (
    ON,
    a_changed_edition,
    a_customer,
    a_dossier,
    a_rate,
    a_statement,
    an_application,
    an_edition,
    cny,
    judged,
    usd,
)


def a_cover(kind: str = "insurance", value: Money | None = None, **changed: Any) -> Cover:
    ordinary = {"cover_id": "k-1", "kind": kind, "value": value or cny(1_000_000), "valued_on": ON}
    return Cover.model_validate(ordinary | changed)


def proposed(dossier: Dossier, grade: str = "A", edition: PolicyEdition | None = None) -> Any:
    policy = edition or an_edition()
    return propose_limit(scope_of(dossier, policy), dossier, grade, policy)


def amount(limit: LimitProposal, code: str) -> Money | None:
    return next((each.amount for each in limit.steps if each.code == code), None)


@pytest.mark.parametrize(
    ("kind", "counts"),
    [
        ("deposit", 1_000_000),
        ("pledge", 900_000),
        ("mortgage", 600_000),
        ("guarantee", 500_000),
        ("insurance", 900_000),
    ],
)
def test_cover_counts_less_the_haircut_of_its_kind(kind: str, counts: int) -> None:
    assert counted(a_cover(kind), ON, an_edition()) == cny(counts)


def test_an_insured_share_is_taken_before_the_haircut() -> None:
    assert counted(a_cover(share=Decimal("0.85")), ON, an_edition()) == cny(765_000)


def test_cover_counts_on_its_last_day_and_not_on_the_next() -> None:
    ends = a_cover(ends_on=ON)

    assert counted(ends, ON, an_edition()) == cny(900_000)
    assert counted(ends, ON + timedelta(days=1), an_edition()) == cny(0)


def test_a_valuation_that_is_overdue_counts_zero() -> None:
    edition = an_edition()

    assert counted(a_cover("mortgage", valued_on=date(2025, 6, 30)), ON, edition) == cny(600_000)
    assert counted(a_cover("mortgage", valued_on=date(2025, 6, 29)), ON, edition) == cny(0)
    assert counted(a_cover("mortgage", valued_on=None), ON, edition) == cny(0)
    assert counted(a_cover("deposit", valued_on=None), ON, edition) == cny(1_000_000)


def test_cover_lifts_the_limit_and_its_step_says_by_how_much() -> None:
    plain, covered = proposed(a_dossier()), proposed(a_dossier(covers=(a_cover(),)))

    assert plain.limit_proposed == cny(12_800_000)
    assert covered.limit_proposed == cny(13_700_000)
    assert amount(covered, "cover") == cny(900_000)
    assert (covered.binding, covered.next_binding) == (plain.binding, plain.next_binding)


def test_cover_does_not_lift_the_caps_on_one_name_and_one_group() -> None:
    much = a_cover("deposit", cny(900_000_000))

    single = proposed(a_dossier(covers=(much,)))
    assert (single.limit_proposed, single.binding) == (cny(500_000_000), "single_name_cap")
    group = proposed(a_dossier(covers=(much,), group_limits=cny(745_000_000)))
    assert (group.limit_proposed, group.binding) == (cny(5_000_000), "group_cap")


def test_cover_in_another_currency_is_converted_at_the_dossiers_rate() -> None:
    dossier = a_dossier(covers=(a_cover(value=usd(100_000)),), rates=(a_rate("USD", "7.1"),))

    assert amount(proposed(dossier), "cover") == cny(639_000)


def test_what_is_covered_loses_what_the_cover_loses() -> None:
    edition = an_edition()
    covers = (a_cover("mortgage", cny(1_000_000)), a_cover("deposit", cny(200_000), cover_id="k-2"))
    dossier = a_dossier(covers=covers)

    # 200,000 at 0, 600,000 at 25 %, 200,000 at 45 %, of a million
    assert lgd_after(dossier, cny(1_000_000), edition) == Decimal("0.24")
    assert lgd_after(dossier, cny(200_000), edition) == 0
    assert lgd_after(a_dossier(), cny(200_000), edition) == edition.price.lgd


def test_cover_makes_credit_cheaper_never_dearer() -> None:
    application = an_application(cny(20_000_000))
    plain = judged(a_dossier(application=application))
    covered = judged(a_dossier(application=application, covers=(a_cover("deposit"),)))

    assert covered.price.components["expected_loss"] < plain.price.components["expected_loss"]
    assert covered.price.rate_annual <= plain.price.rate_annual


def test_credit_wholly_covered_by_a_deposit_binds_no_capital_and_still_pays_its_way() -> None:
    receipt = judged(a_dossier(covers=(a_cover("deposit", cny(50_000_000)),)))

    assert receipt.price.capital_share == 0
    assert receipt.price.components["expected_loss"] == 0
    assert receipt.price.rate_annual >= an_edition().price.funds_cost


def test_the_outlook_of_an_industry_leaves_a_share_of_the_grades_cap_while_it_lasts() -> None:
    rows = """
        [[limit.outlooks]]
        industry = "C"
        cap_share = 0.02
        effective_from = 2026-06-01
        effective_until = {until}
        """
    lasting = a_changed_edition(rows.format(until="2026-06-30"))
    over = a_changed_edition(rows.format(until="2026-06-29"))

    bound = proposed(a_dossier(), edition=lasting)
    assert amount(bound, "outlook_cap") == cny(6_000_000)
    assert (bound.limit_proposed, bound.binding) == (cny(6_000_000), "outlook_cap")
    assert bound.next_binding == "tangible_net_worth"
    assert amount(proposed(a_dossier(), edition=over), "outlook_cap") is None
    other = a_dossier(customer=a_customer(industry="D"))
    assert amount(proposed(other, edition=lasting), "outlook_cap") is None


def test_the_receipt_shows_each_cover_with_what_comes_off_and_why_it_counts_nothing() -> None:
    covers = (
        a_cover("mortgage", cny(1_000_000), cover_id="k-1", share=Decimal("0.5")),
        a_cover("guarantee", cny(1_000_000), cover_id="k-2", free=cny(300_000)),
        a_cover("pledge", cny(1_000_000), cover_id="k-3", valued_on=date(2025, 1, 1)),
        a_cover("deposit", cny(1_000_000), cover_id="k-4", ends_on=ON - timedelta(days=1)),
    )
    application = an_application(cny(4_500_000))
    receipt = judged(a_dossier(application=application, covers=covers))

    steps = {each.cover_id: each for each in receipt.limit.covers}
    assert {code: (each.verdict, each.uplift) for code, each in steps.items()} == {
        "k-1": (CoverVerdict.COUNTS, cny(300_000)),
        "k-2": (CoverVerdict.COUNTS, cny(150_000)),
        "k-3": (CoverVerdict.VALUATION_OVERDUE, cny(0)),
        "k-4": (CoverVerdict.ENDED, cny(0)),
    }
    assert (steps["k-1"].haircut, steps["k-1"].lgd) == (Decimal("0.4"), Decimal("0.25"))
    assert steps["k-2"].value == cny(300_000)
    assert amount(receipt.limit, "cover") == cny(450_000)
    assert receipt.price.secured == {"k-1": cny(300_000), "k-2": cny(150_000)}
    # Of 4,500,000: 300,000 lose 25 % and 150,000 lose 35 %, the rest 45 %, as without cover.
    assert receipt.limit_recommended == cny(4_500_000)
    assert receipt.price.lgd == Decimal("0.433333")


def test_a_receipt_with_cover_is_read_back_and_replays() -> None:
    covers = (a_cover("mortgage"), a_cover("guarantee", cover_id="k-2", free=cny(1)))
    receipt = judged(a_dossier(application=an_application(cny(4_500_000)), covers=covers))
    read = Assessment.model_validate_json(receipt.model_dump_json())

    assert replay(read, an_edition()) == []
    assert read.receipt_hash == receipt.receipt_hash
    # A receipt of a release that did not show covers one by one says nothing about them.
    bare = receipt.model_dump(mode="json")
    del bare["limit"]["covers"], bare["price"]["lgd"], bare["price"]["secured"]
    assert replay(Assessment.model_validate(bare), an_edition()) == []


def test_a_guarantee_counts_up_to_what_its_guarantor_can_bear() -> None:
    edition = an_edition()

    assert counted(a_cover("guarantee", free=cny(400_000)), ON, edition) == cny(200_000)
    assert counted(a_cover("guarantee", free=cny(9_000_000)), ON, edition) == cny(500_000)
    spent = a_cover("guarantee", free=cny(0))
    assert counted(spent, ON, edition) == cny(0)
    assert verdict(spent, ON, edition) is CoverVerdict.NOTHING_FREE


def test_a_guarantee_in_a_circle_counts_nothing() -> None:
    circular = a_cover("guarantee", circular=True)

    assert counted(circular, ON, an_edition()) == cny(0)
    assert verdict(circular, ON, an_edition()) is CoverVerdict.CIRCULAR
    answers = [("a", "b"), ("b", "c"), ("c", "d"), ("x", "y")]
    assert in_a_circle("d", "a", answers)
    assert in_a_circle("b", "a", answers)
    assert not in_a_circle("x", "a", answers)
    assert not in_a_circle("a", "d", answers)


def test_a_guarantor_answers_for_the_earlier_guarantee_first() -> None:
    asked = [cny(600), cny(600), cny(100)]

    assert shares_of_capacity(cny(1_000), asked) == [cny(600), cny(400), cny(0)]
    assert shares_of_capacity(cny(-5), asked) == [cny(0)] * 3


amounts = st.integers(0, 30_000_000).map(cny)
covers_of_any_kind = st.lists(
    st.builds(
        a_cover,
        st.sampled_from([kind.value for kind in CoverKind]),
        amounts,
        share=st.integers(0, 10).map(lambda tenths: Decimal(tenths) / 10),
        ends_on=st.none() | st.integers(-3, 3).map(lambda n: ON + timedelta(days=n)),
        free=st.none() | amounts,
    ),
    max_size=4,
).map(
    lambda covers: tuple(
        each.model_copy(update={"cover_id": f"k-{place}"}) for place, each in enumerate(covers)
    )
)


@settings(max_examples=60, deadline=None)
@given(covers_of_any_kind, covers_of_any_kind, st.integers(1, 40_000_000))
def test_more_cover_never_lowers_the_limit_nor_raises_the_price_of_the_same_limit(
    fewer: tuple[Cover, ...], added: tuple[Cover, ...], granted: int
) -> None:
    edition = an_edition()
    more = fewer + tuple(
        each.model_copy(update={"cover_id": f"{each.cover_id}-more"}) for each in added
    )
    before, after = a_dossier(covers=fewer), a_dossier(covers=more)

    assert proposed(after).limit_proposed >= proposed(before).limit_proposed
    lost = [lgd_after(dossier, cny(granted), edition) for dossier in (before, after)]
    assert lost[1] <= lost[0]
    rates = [price(Decimal("0.01"), "BBB", 12, None, edition, lgd=lgd).rate_annual for lgd in lost]
    assert rates[1] <= rates[0]


@settings(max_examples=25, deadline=None)
@given(
    revenue=st.integers(0, 5_000),
    equity=st.integers(6, 5_000),  # less is a negative base, which a larger share lowers
    others=st.integers(0, 800),
    cover=st.integers(0, 600),
    lift=st.integers(0, 400),
)
def test_raising_what_does_not_bind_changes_neither_limit_nor_what_binds(
    revenue: int, equity: int, others: int, cover: int, lift: int
) -> None:
    """Each method and cap but the binding one is raised in turn."""
    million = 1_000_000

    def under(edition: PolicyEdition) -> LimitProposal:
        dossier = a_dossier(
            statements=(a_statement(equity=str(equity), revenue=str(revenue)),),
            group_limits=cny(others * million),
            covers=(a_cover("deposit", cny(cover * million)),),
        )
        return proposed(dossier, edition=edition)  # type: ignore[no-any-return]

    before = under(an_edition())
    raised = {
        "tangible_net_worth": "[limit.methods.tangible_net_worth.share]\nAAA=9\nAA=9\nA = 9",
        "turnover": "[limit.methods.turnover.share]\nAAA=9\nAA=9\nA = 9",
        "purchases": "[limit.methods.purchases.share]\nAAA=9\nAA=9\nA = 9",
        "grade_cap": f"[limit.grade_cap]\nA = {(300 + lift) * million}",
        "single_name_cap": f"[limit]\nsingle_name_share = {Decimal(100 + lift) / 1000}",
        "group_cap": f"[limit]\ngroup_share = {Decimal(150 + lift) / 1000}",
    }
    for code, change in raised.items():
        if code != before.binding:
            after = under(a_changed_edition(change))
            assert (after.limit_proposed, after.binding) == (before.limit_proposed, before.binding)
