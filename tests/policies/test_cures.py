"""What would cure a blocked order is said in money, and is exactly as much as it has to be."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.check import (
    Act,
    Bucket,
    CheckFacts,
    ComesFree,
    Cure,
    CureKind,
    FreeCover,
    OpenClaim,
    Stage,
    StandingHold,
)
from domain.edition import CheckPolicy, PolicyEdition
from domain.exposure import Limit
from domain.money import Money
from policies.check import account_of, check
from policies.cure import cured, cures
from policies.scheme import exposure_of
from tests.makers_check import ON, a_claim, a_line, an_account, an_order, an_order_of, yuan
from tests.makers_policy import a_changed_edition, an_edition


def offered(facts: CheckFacts, edition: PolicyEdition | None = None, **at_hand: Any) -> list[Cure]:
    edition = edition or an_edition()
    return list(cures(facts, check(facts, edition), edition, **at_hand))


def by_kind(facts: CheckFacts, **at_hand: Any) -> dict[CureKind, Cure]:
    return {cure.kind: cure for cure in offered(facts, **at_hand)}


def test_a_blocked_order_says_in_money_what_would_let_it_pass() -> None:
    """Pay 38,200 today, or cut the order to 61,800, or use the guarantee, or ask for 20 days."""
    claims = [a_claim(1, 850_000, past_due=0), a_claim(2, 88_200, past_due=0)]
    facts = an_order_of(claims, amount=yuan(100_000), due_on=ON + timedelta(days=20))
    covers = (FreeCover(cover_id="G-17", free=yuan(50_000), until=ON + timedelta(days=300)),)

    found = offered(facts, claims=claims, covers=covers)

    assert [cure.sentence() for cure in found] == [
        "pay CNY 38,200.00 today",
        "pay CNY 38,200.00 of the order ahead",
        "use CNY 38,200.00 of cover G-17",
        "cut the order to CNY 61,800.00",
        "ask for a temporary limit of CNY 38,200.00 more for 20 days",
    ]
    assert {cure.cures for cure in found} == {("limit",)}
    assert {cure.leaves for cure in found} == {Act.WARN}  # more than nine tenths are used


def test_the_least_payment_is_as_much_of_the_oldest_items_as_all_rules_ask() -> None:
    claims = [
        a_claim(1, 90_000, past_due=5),
        a_claim(2, 20_000, past_due=31),
        a_claim(3, 30_000, past_due=45),
    ]
    facts = an_order_of(claims)
    assert check(facts, an_edition()).codes == (
        "overdue_30_days",
        "overdue_tenth",
        "oldest_60_days",
    )

    cure = by_kind(facts, claims=claims)[CureKind.PAY]

    # The two oldest wholly: after them 90,000 of a million is overdue, which is let pass.
    assert cure.amount == yuan(50_000)
    assert cure.cures == ("overdue_30_days", "overdue_tenth", "oldest_60_days")
    assert cure.leaves is Act.PASS


def test_arrears_alone_offer_no_cut_no_cover_and_no_limit() -> None:
    claims = [a_claim(1, 30_000, past_due=45)]

    assert set(by_kind(an_order_of(claims), claims=claims)) == {CureKind.PAY}


def test_what_is_bound_by_the_group_is_not_cured_on_the_line() -> None:
    chain = (an_account("line/l-1", 1_000_000, 0), an_account("group/g-1", 500_000, 480_000))
    facts = an_order(line=a_line(chain=chain))
    covers = (FreeCover(cover_id="G-17", free=yuan(900_000)),)

    assert set(by_kind(facts, covers=covers)) == {CureKind.DEPOSIT, CureKind.CUT_ORDER}


def test_worse_terms_are_cured_by_the_approved_ones_and_by_nothing_else() -> None:
    [cure] = offered(an_order(terms_rank=5))

    assert cure.sentence() == "take the approved terms net_days:60@invoice"
    assert (cure.cures, cure.cost, cure.leaves) == (("terms",), yuan(0), Act.PASS)


def test_each_hold_by_hand_has_a_cure_of_its_own() -> None:
    holds = (
        StandingHold(hold_id="h-1", reason="fraud", cure="the papers of the carrier"),
        StandingHold(hold_id="h-2", reason="dispute"),
    )

    found = offered(an_order(holds=holds))

    assert [(cure.reference, cure.word, cure.cures) for cure in found] == [
        ("h-1", "the papers of the carrier", ("hold_by_hand:h-1",)),
        ("h-2", "dispute", ("hold_by_hand:h-2",)),
    ]
    assert {cure.leaves for cure in found} == {Act.HOLD}


def test_waiting_is_offered_until_the_first_day_that_frees_enough() -> None:
    line = a_line(exposure={Bucket.BILLS: yuan(1_000_000)})
    frees = [
        ComesFree(on=ON + timedelta(days=days), amount=yuan(amount))
        for days, amount in ((3, 20_000), (9, 30_000), (20, 500_000))
    ]

    cure = by_kind(an_order(line=line), frees=frees)[CureKind.WAIT_UNTIL]

    assert (cure.on, cure.days, cure.cost) == (ON + timedelta(days=9), 9, yuan(0))
    assert cure.amount == yuan(50_000)


def test_waiting_is_not_offered_where_another_rule_fails_by_then() -> None:
    claims = [a_claim(1, 100, past_due=28)]
    facts = an_order_of(claims)
    held = (facts.line.exposure or {}) | {Bucket.BILLS: yuan(1_000_000)}
    facts = facts.model_copy(update={"line": a_line(exposure=held)})

    def freed_in(days: int) -> list[ComesFree]:
        return [ComesFree(on=ON + timedelta(days=days), amount=yuan(500_000))]

    # In three days the item is more than thirty days past due.
    assert CureKind.WAIT_UNTIL in by_kind(facts, claims=claims, frees=freed_in(2))
    assert CureKind.WAIT_UNTIL not in by_kind(facts, claims=claims, frees=freed_in(3))


def test_a_cover_that_ends_before_the_order_is_owed_is_not_offered() -> None:
    facts = an_order(amount=yuan(701_000), due_on=ON + timedelta(days=60))
    ends = (59, 60)
    covers = [
        FreeCover(cover_id=f"g-{days}", free=yuan(5_000), until=ON + timedelta(days=days))
        for days in ends
    ]

    found = [cure for cure in offered(facts, covers=covers) if cure.kind is CureKind.COVER]

    assert [(cure.reference, cure.amount) for cure in found] == [("g-60", yuan(1_000))]


def test_a_temporary_limit_is_asked_for_within_what_policy_grants() -> None:
    within = an_order(amount=yuan(1_200_000), due_on=ON + timedelta(days=400))
    beyond = an_order(amount=yuan("1200000.01"))
    in_force = an_order(amount=yuan(800_000), line=a_line(temporary_until=ON + timedelta(days=5)))

    cure = by_kind(within)[CureKind.TEMPORARY_LIMIT]

    assert (cure.amount, cure.days) == (yuan(500_000), an_edition().temporary.days_max)
    assert CureKind.TEMPORARY_LIMIT not in by_kind(beyond)
    assert CureKind.TEMPORARY_LIMIT not in by_kind(in_force)


def test_an_order_is_never_cut_to_a_size_that_is_only_not_looked_at() -> None:
    small = '[[checks.exclusions]]\ncode = "small"\nprecedence = 1\namount_up_to = 100'
    edition = a_changed_edition(small)
    full = an_order(line=a_line(exposure={Bucket.ORDERS: yuan(1_000_000)}))

    assert CureKind.CUT_ORDER not in {cure.kind for cure in offered(full, edition)}


def test_of_what_counts_in_part_a_cure_is_as_much_more_as_it_has_to_be() -> None:
    """Half of what is not paid ahead counts: 450 of a thousand, where 300 are left."""
    full = a_line(exposure={Bucket.ORDERS: yuan(999_700)})
    said = {"amount": yuan(1_000), "deposit": yuan(100), "conversion_factor": Decimal("0.5")}

    found = by_kind(an_order(line=full, **said))

    assert found[CureKind.DEPOSIT].amount == yuan(300)
    assert found[CureKind.CUT_ORDER].amount == yuan(700)
    assert found[CureKind.TEMPORARY_LIMIT].amount == yuan(150)


@pytest.mark.parametrize(("delivered", "left"), [(None, 50), (50, 50), (51, None), (60, None)])
def test_no_order_is_cut_below_what_is_delivered(delivered: int | None, left: int | None) -> None:
    over = a_line(exposure={Bucket.DELIVERIES: yuan(1_000_010)})
    said = {"delivered": yuan(delivered)} if delivered is not None else {}

    found = by_kind(an_order(line=over, amount=yuan(100), counted=yuan(60), **said))

    cut = found.get(CureKind.CUT_ORDER)
    assert (cut.amount if cut is not None else None) == (yuan(left) if left is not None else None)


def test_a_quote_is_told_what_would_spare_it_the_warning() -> None:
    facts = an_order(stage=Stage.QUOTE, amount=yuan(701_000))

    assert by_kind(facts)[CureKind.CUT_ORDER].amount == yuan(600_000)  # nine tenths in all


def test_what_passes_needs_no_cure() -> None:
    claims = [a_claim(1, 1_000, past_due=5)]

    assert offered(an_order_of(claims), claims=claims) == []


# ── For every order ──────────────────────────────────────────────────────────────────────────────

MINORS = st.integers(1, 10**7)


def money(minor: int) -> Money:
    return Money(minor=minor, currency="CNY")


@st.composite
def open_claims(draw: st.DrawFn) -> list[OpenClaim]:
    drawn = draw(st.lists(st.tuples(MINORS, st.integers(-90, 120), st.booleans()), max_size=4))
    return [
        a_claim(number, 0, past_due=days, disputed=disputed).model_copy(
            update={"amount": money(minor)}
        )
        for number, (minor, days, disputed) in enumerate(drawn)
    ]


@st.composite
def situations(draw: st.DrawFn) -> tuple[CheckFacts, dict[str, Any]]:
    """An order, and what is at hand for it, around the size at which its limit is used up."""
    claims = draw(open_claims())
    frees = draw(
        st.lists(st.tuples(st.integers(1, 60), MINORS, st.sampled_from([Bucket.BILLS, Bucket.ORDERS])),
                 max_size=3)
    )  # fmt: skip
    amount = draw(MINORS)
    facts = an_order_of(
        claims,
        amount=money(amount),
        delivered=draw(st.none() | st.integers(0, amount).map(money)),
        conversion_factor=draw(st.sampled_from([Decimal(1), Decimal("0.5"), Decimal("0.2")])),
        stage=draw(st.sampled_from(Stage)),
        released=draw(st.booleans()),
        cash_first=draw(st.booleans()),
        terms_rank=draw(st.integers(0, 6)),
        due_on=draw(st.none() | st.dates(ON, ON + timedelta(days=120))),
        deposit=draw(st.none() | st.just(money(1)) | st.integers(0, 2 * amount).map(money)),
    )
    held = (facts.line.exposure or {}) | {
        Bucket.ORDERS: money(draw(MINORS)),
        Bucket.BILLS: money(draw(MINORS)),
        Bucket.CASH: money(draw(MINORS)),
    }
    limit = money(draw(st.integers(0, 3 * 10**7)))
    used = draw(st.integers(0, 3 * 10**7))
    accounts = (
        an_account("line/l-1", 0, 0).model_copy(
            update={"limit": Limit.of(limit), "used": money(used)}
        ),
        an_account("group/g-1", draw(st.none() | st.integers(0, 500_000)), 0).model_copy(
            update={"used": money(used)}
        ),
    )
    chain = draw(st.sampled_from([(), accounts, accounts[:1]]))
    line = facts.line.model_copy(
        update={"limit": Limit.of(limit), "exposure": held, "chain": chain}
    )
    holds = draw(st.sampled_from([(), (StandingHold(hold_id="h-1", reason="r"),)]))
    return facts.model_copy(update={"line": line, "holds": holds}), {
        "claims": claims,
        "covers": [FreeCover(cover_id="g-1", free=money(draw(MINORS)))],
        "frees": [
            ComesFree(on=ON + timedelta(days=days), amount=money(minor), bucket=bucket)
            for days, minor, bucket in frees
        ],
    }


EDITIONS = [
    an_edition(),
    an_edition().model_copy(update={"checks": CheckPolicy()}),
    a_changed_edition(
        '[checks]\nhorizon_days = 0\n[checks.buckets]\ndisputed = false\n[checks.grace.order]\n'
        "grace_share = 0.1\ngrace_days = 4\n[[checks.exclusions]]\n"
        'code = "small"\nprecedence = 1\namount_up_to = 30000\nrules = ["limit", "terms"]\n'
        '[[checks.rules]]\ncode = "limit"\nkind = "limit"\nsequence = 1\n'
        '[[checks.rules]]\ncode = "terms"\nkind = "terms"\nsequence = 2\n'
        '[[checks.rules]]\ncode = "size"\nkind = "order_size"\nsequence = 3\nabove = 50000\n'
        '[[checks.rules]]\ncode = "late"\nkind = "overdue_amount"\nsequence = 4\nabove = 70\n'
        '[[checks.rules]]\ncode = "oldest"\nkind = "oldest_item"\nsequence = 5\nabove = 60\n'
        "[checks.acts.order]\norder_size = \"hold\"\noverdue_amount = \"refuse\"\n"
        'oldest_item = "hold"\n'
    ),
]  # fmt: skip


def under(edition: PolicyEdition, facts: CheckFacts, at_hand: dict[str, Any]) -> CheckFacts:
    """The facts with the account that the items make under an edition."""
    account = account_of(at_hand["claims"], facts.business_on, edition, facts.currency)
    return facts.model_copy(update={"account": account})


@settings(max_examples=400)
@given(situations(), st.sampled_from(EDITIONS))
def test_a_cure_makes_exactly_the_findings_it_names_disappear_and_less_of_it_does_not(
    situation: tuple[CheckFacts, dict[str, Any]], edition: PolicyEdition
) -> None:
    at_hand = situation[1]
    facts = under(edition, *situation)
    known = {name: at_hand[name] for name in ("claims", "frees")}
    before = check(facts, edition)

    for cure in cures(facts, before, edition, **at_hand):
        after = check(cured(facts, cure, edition, **known), edition)
        assert set(cure.cures)
        assert set(after.codes) == set(before.codes) - set(cure.cures)
        assert cure.leaves is after.act
        for lesser in _lesser(cure, facts, at_hand):
            left = set(check(cured(facts, lesser, edition, **known), edition).codes)
            assert not left <= set(after.codes)


def _lesser(cure: Cure, facts: CheckFacts, at_hand: dict[str, Any]) -> list[Cure]:
    """The same step by one minor unit less; of waiting, until each earlier day."""
    if cure.kind is CureKind.WAIT_UNTIL:
        assert cure.on is not None
        days = range(1, (cure.on - facts.business_on).days)
        return [
            cure.model_copy(update={"on": facts.business_on + timedelta(days=day)}) for day in days
        ]
    if cure.amount is None:
        return []
    less = money(-1 if cure.kind is CureKind.CUT_ORDER else 1)
    return [cure.model_copy(update={"amount": cure.amount - less})]


@given(situations(), st.sampled_from(EDITIONS))
def test_the_cheapest_comes_first_of_what_lets_the_order_pass_by_itself(
    situation: tuple[CheckFacts, dict[str, Any]], edition: PolicyEdition
) -> None:
    at_hand = situation[1]
    facts = under(edition, *situation)
    found = cures(facts, check(facts, edition), edition, **at_hand)

    kinds = list(CureKind)
    ranks = [
        (cure.leaves in (Act.HOLD, Act.REFUSE), cure.cost.minor, kinds.index(cure.kind))
        for cure in found
    ]
    assert ranks == sorted(ranks)
    for cure in found:
        wanted = cure.amount or money(0)
        if cure.kind is CureKind.CUT_ORDER:
            wanted = facts.amount - wanted
        elif cure.kind is CureKind.WAIT_UNTIL:  # what comes free costs nobody anything
            wanted = money(0)
        assert cure.cost == wanted


@given(situations())
def test_no_more_is_put_up_than_there_is(
    situation: tuple[CheckFacts, dict[str, Any]],
) -> None:
    facts, at_hand = situation
    found = {cure.kind: cure for cure in offered(facts, **at_hand)}
    owed = sum(claim.amount.minor for claim in at_hand["claims"])
    most = {
        CureKind.PAY: owed,
        CureKind.DEPOSIT: facts.amount.minor,
        CureKind.COVER: at_hand["covers"][0].free.minor,
        CureKind.CUT_ORDER: facts.amount.minor - 1,
        CureKind.TEMPORARY_LIMIT: (facts.line.limit or Limit.none()).amount.share(Decimal("0.5")).minor,  # type: ignore[union-attr]
    }  # fmt: skip
    for kind, bound in most.items():
        if kind in found:
            amount = found[kind].amount
            assert amount is not None
            assert 0 < amount.minor <= bound
    if CureKind.CUT_ORDER in found and facts.delivered is not None:
        assert (found[CureKind.CUT_ORDER].amount or money(0)) >= facts.delivered


@given(MINORS, st.none() | MINORS, st.sampled_from([None, *an_edition().limit.products]))
def test_the_check_asks_for_what_the_book_is_asked_for(
    amount: int, deposit: int | None, product: str | None
) -> None:
    ahead = money(deposit) if deposit is not None else None
    edition = an_edition()
    factor = edition.product(product).conversion_factor if product is not None else Decimal(1)
    facts = an_order(amount=money(amount), deposit=ahead, conversion_factor=factor)

    assert facts.credit_asked == exposure_of(money(amount), ahead, product, edition)


@pytest.mark.parametrize("kind", CureKind)
def test_every_cure_is_said_in_both_languages(kind: CureKind) -> None:
    cure = Cure(
        kind=kind, amount=yuan(12), cost=yuan(12), on=ON, days=20, reference="G-17", word="papers",
        cures=("limit",), leaves=Act.PASS,
    )  # fmt: skip
    english, chinese = cure.sentence(), cure.sentence("zh-CN")

    assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)
    for figure in ("CNY 12.00", "20", "G-17", "2026-06-30"):
        assert (figure in english) is (figure in chinese)
