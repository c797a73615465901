"""An order is held to every rule: all that fail are told, and how each was come to."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.assessment import RateUsed
from domain.check import (
    AccountFacts,
    Act,
    Bucket,
    CheckFacts,
    DatedOrder,
    Finding,
    LineFacts,
    RuleKind,
    RuleOutcome,
    Stage,
    StandingHold,
    Traced,
)
from domain.classification import FiveTier
from domain.edition import CheckPolicy, PolicyEdition
from domain.exposure import Limit
from domain.line import LineStatus
from domain.money import Money
from policies.check import (
    account_of,
    check,
    counted_orders,
    dunning_level,
    entering,
    enters_on,
    hold_owner,
    hold_review_on,
)
from policies.edition import Finding as Fault
from policies.edition import check as faults
from tests.makers_check import ON, a_claim, a_line, an_account, an_order, yuan
from tests.makers_policy import a_changed_edition, an_edition

Change = Callable[[CheckFacts], CheckFacts]


def of_line(**changed: Any) -> Change:
    return lambda facts: facts.model_copy(update={"line": facts.line.model_copy(update=changed)})


def of_account(**changed: Any) -> Change:
    return lambda facts: facts.model_copy(
        update={"account": facts.account.model_copy(update=changed)}
    )


def of_order(**changed: Any) -> Change:
    return lambda facts: facts.model_copy(update=changed)


# One fault each, none of which makes another rule fail.
FAULTS: dict[str, Change] = {
    "line_status": of_line(status=LineStatus.FROZEN),
    "limit_expired": of_line(ends_on=ON - timedelta(days=1)),
    "terms": of_order(terms_rank=4),
    "overdue_30_days": of_account(days_past_due=31),
    "overdue_tenth": of_account(overdue=yuan("100000.01")),
    "oldest_60_days": of_account(oldest_days=61),
    "dunning_last": of_account(dunning_level=3),
    "review_overdue_30_days": of_line(review_due_on=ON - timedelta(days=31)),
    "hold_by_hand:h-1": of_order(holds=(StandingHold(hold_id="h-1", reason="forced"),)),
    "limit_nearly_used": of_line(exposure={Bucket.RECEIVABLES: yuan("850000.01")}),
}


def with_rules(edition: PolicyEdition, **changed: Any) -> PolicyEdition:
    return edition.model_copy(update={"checks": edition.checks.model_copy(update=changed)})


def outcome(facts: CheckFacts, rule: str, edition: PolicyEdition | None = None) -> RuleOutcome:
    return next(
        each.outcome for each in check(facts, edition or an_edition()).trace if each.rule == rule
    )


def test_an_ordinary_order_passes_and_every_rule_is_told() -> None:
    result = check(an_order(), an_edition())

    assert (result.act, result.findings) == (Act.PASS, ())
    assert [each.rule for each in result.trace] == [
        rule.code for rule in sorted(an_edition().checks.rules, key=lambda rule: rule.sequence)
    ]
    assert result.edition_hash == an_edition().edition_hash


@given(st.sets(st.sampled_from(sorted(FAULTS))))
def test_all_rules_that_fail_are_told_and_never_the_first_alone(chosen: set[str]) -> None:
    facts = an_order()
    for name in chosen:
        facts = FAULTS[name](facts)

    result = check(facts, an_edition())

    assert set(result.codes) == chosen
    places = [finding.sequence for finding in result.findings]
    assert places == sorted(places)
    assert result.act is max((each.act for each in result.findings), key=lambda act: act.gravity,
                             default=Act.PASS)  # fmt: skip


@given(
    st.sets(st.sampled_from(sorted(FAULTS))),
    st.permutations(range(len(an_edition().checks.rules))),
)
def test_the_order_of_rows_changes_no_result(chosen: set[str], places: list[int]) -> None:
    facts = an_order()
    for name in chosen:
        facts = FAULTS[name](facts)
    rules = an_edition().checks.rules
    moved = tuple(
        rules[place].model_copy(update={"sequence": number})
        for number, place in enumerate(places, start=1)
    )

    plain, other = check(facts, an_edition()), check(facts, with_rules(an_edition(), rules=moved))

    assert set(other.codes) == set(plain.codes)
    assert other.act is plain.act


@pytest.mark.parametrize("stage", Stage)
def test_a_stage_does_what_its_row_of_the_matrix_says(stage: Stage) -> None:
    facts = of_order(stage=stage)(FAULTS["line_status"](FAULTS["overdue_30_days"](an_order())))
    row = an_edition().checks.acts[stage]

    acts = {finding.kind: finding.act for finding in check(facts, an_edition()).findings}

    wanted = {
        kind: row[kind] for kind in (RuleKind.LINE_STATUS, RuleKind.OVERDUE_DAYS) if kind in row
    }
    assert acts == wanted


def test_a_quote_is_warned_of_and_never_held() -> None:
    facts = of_order(stage=Stage.QUOTE, amount=yuan(50_000_000))(an_order())
    for change in FAULTS.values():
        facts = change(facts)

    result = check(facts, an_edition())

    assert result.act is Act.WARN
    assert {"limit", "large_order", "overdue_tenth"} <= set(result.codes)


def test_a_rule_may_be_graver_than_its_kind_is_at_the_stage() -> None:
    late = of_line(review_due_on=ON - timedelta(days=91))(an_order())

    acts = {each.rule: each.act for each in check(late, an_edition()).findings}

    assert acts == {"review_overdue_30_days": Act.WARN, "review_overdue_90_days": Act.HOLD}


# ── Limit and exposure ───────────────────────────────────────────────────────────────────────────

AMOUNTS = st.integers(0, 10**9).map(lambda minor: Money(minor=minor, currency="CNY"))


@given(
    st.integers(1, 10**9),
    AMOUNTS,
    st.dictionaries(st.sampled_from(Bucket), AMOUNTS),
    st.dictionaries(st.sampled_from(Bucket), st.booleans()),
)
def test_exposure_is_the_sum_of_the_buckets_switched_on(
    minor: int, limit: Money, held: dict[Bucket, Money], switched: dict[Bucket, bool]
) -> None:
    edition = with_rules(an_edition(), buckets=switched | {Bucket.ORDERS: True})
    amount = Money(minor=minor, currency="CNY")
    facts = an_order(amount=amount, line=a_line(limit=Limit.of(limit), exposure=held))
    on = {bucket for bucket in held if edition.checks.buckets.get(bucket, True)}
    used = sum(-held[each].minor if each is Bucket.CASH else held[each].minor for each in on)

    assert ("limit" in check(facts, edition).codes) is (minor > limit.minor - max(0, used))


def test_an_order_is_exposure_where_its_bucket_counts_and_to_the_ledger_always() -> None:
    edition = with_rules(an_edition(), buckets={Bucket.ORDERS: False})
    large = an_order(amount=yuan(5_000_000))
    chain = (an_account("line/l-1", 1_000_000, 0),)

    assert check(large, edition).codes == ()
    assert check(of_order(stage=Stage.DELIVERY)(large), edition).codes == ("limit",)
    assert "limit" in check(of_line(chain=chain)(large), edition).codes


def test_the_account_that_binds_is_named_along_the_chain() -> None:
    chain = (
        an_account("line/l-1", 1_000_000, 300_000),
        an_account("customer/c-1", 400_000, 360_000),
        an_account("group/g-1", None, 900_000),
    )
    facts = an_order(line=a_line(chain=chain))

    [finding] = check(facts, an_edition()).findings

    assert (finding.binding, finding.allowed) == ("customer/c-1", yuan(40_000))
    assert finding.sentence() == (
        "the order takes CNY 50,000.00, and the headroom on the customer is CNY 40,000.00"
    )


@pytest.mark.parametrize(
    ("limit", "fails"),
    [(Limit.none(), True), (Limit.of(yuan(0)), True), (Limit.unlimited(), False)],
)
def test_no_limit_zero_and_unlimited_are_told_apart(limit: Limit, fails: bool) -> None:
    facts = an_order(line=a_line(limit=limit))

    assert ("limit" in check(facts, an_edition()).codes) is fails
    assert ("limit_nearly_used" in check(facts, an_edition()).codes) is fails


def test_an_order_that_is_looked_at_again_is_not_counted_twice() -> None:
    line = a_line(exposure={Bucket.ORDERS: yuan(850_000)})
    again = an_order(stage=Stage.DELIVERY, amount=yuan(600_000), line=line)

    assert "limit" in check(again, an_edition()).codes
    assert check(of_order(counted=yuan(600_000))(again), an_edition()).codes == ()


def test_what_passed_is_held_at_delivery_once_the_limit_was_lowered_by_more_than_the_grace() -> (
    None
):
    def delivered(limit: str, *, released: bool = True) -> CheckFacts:
        line = a_line(limit=Limit.of(yuan(limit)), exposure={Bucket.ORDERS: yuan(100_000)})
        return an_order(
            stage=Stage.DELIVERY,
            amount=yuan(40_000),
            counted=yuan(40_000),
            released=released,
            line=line,
        )

    assert outcome(delivered("100000"), "limit") is RuleOutcome.PASSED
    assert outcome(delivered("95238.10"), "limit") is RuleOutcome.WITHIN_GRACE
    assert outcome(delivered("95238.09"), "limit") is RuleOutcome.FAILED
    assert outcome(delivered("95238.10", released=False), "limit") is RuleOutcome.FAILED


@given(st.integers(1, 10**8), st.sets(st.sampled_from(sorted(FAULTS))))
def test_opening_a_closed_order_again_is_no_way_round_what_a_new_one_is_held_to(
    minor: int, chosen: set[str]
) -> None:
    facts = an_order(amount=Money(minor=minor, currency="CNY"), released=True)
    for name in chosen:
        facts = FAULTS[name](facts)

    again = check(of_order(stage=Stage.ORDER_CHANGE)(facts), an_edition())

    anew = check(of_order(released=False)(facts), an_edition())
    assert (again.codes, again.act) == (anew.codes, anew.act)


def test_days_of_grace_are_given_to_rules_in_days() -> None:
    edition = a_changed_edition("[checks.grace.order]\ngrace_days = 5")

    def past(days: int) -> RuleOutcome:
        return outcome(of_account(days_past_due=days)(an_order()), "overdue_30_days", edition)

    assert [past(30), past(35), past(36)] == [
        RuleOutcome.PASSED,
        RuleOutcome.WITHIN_GRACE,
        RuleOutcome.FAILED,
    ]


def test_size_and_arrears_are_measured_in_the_reporting_currency() -> None:
    def in_dollars(amount: int, rate: RateUsed | None) -> CheckFacts:
        dollars = Money.of(amount, "USD")
        line = a_line(limit=Limit.unlimited(), exposure={})
        return an_order(amount=dollars, rate=rate, line=line, account=AccountFacts())

    rate = RateUsed(base="USD", quote="CNY", rate=Decimal("7.2"), kind="spot", rate_on=ON)

    assert outcome(in_dollars(1_388_888, rate), "large_order") is RuleOutcome.PASSED
    assert outcome(in_dollars(1_388_889, rate), "large_order") is RuleOutcome.FAILED
    assert outcome(in_dollars(1_388_889, None), "large_order") is RuleOutcome.NOT_KNOWN


def test_a_customer_without_a_line_is_over_its_limit_whatever_else_is_known() -> None:
    facts = CheckFacts(
        stage=Stage.ORDER,
        business_on=ON,
        amount=yuan(1),
        line=LineFacts(limit=Limit.none()),
    )

    assert outcome(facts, "limit") is RuleOutcome.FAILED
    unused = of_line(limit=Limit.of(yuan(1)))(facts)
    assert outcome(unused, "limit") is RuleOutcome.NOT_KNOWN


@pytest.mark.parametrize(
    ("product", "asked", "fails"),
    [
        ("project", "plant two", True),
        ("project", "plant one", False),
        ("project", "", False),
        ("open_account", "plant two", False),
    ],
)
def test_a_dedicated_line_carries_no_other_purpose(product: str, asked: str, fails: bool) -> None:
    line = a_line(product=product, purpose="plant one")

    codes = check(an_order(purpose=asked, line=line), an_edition()).codes

    assert codes == (("purpose",) if fails else ())


def test_a_line_that_has_not_begun_carries_nothing_yet() -> None:
    early = of_line(starts_on=ON + timedelta(days=1))(an_order())

    [finding] = check(early, an_edition()).findings

    assert (finding.rule, finding.sentence()) == ("line_status", "the line starts on 2026-07-01")
    assert check(of_line(starts_on=ON)(an_order()), an_edition()).codes == ()


@pytest.mark.parametrize(
    "said", [{"amount": yuan(0)}, {"deposit": yuan(-1)}, {"counted": yuan(-1)}]
)
def test_an_order_of_nothing_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="not above zero"):
        an_order(**said)


def test_facts_in_several_currencies_are_refused() -> None:
    with pytest.raises(ValidationError, match="CNY and EUR"):
        an_order(line=a_line(limit=Limit.of(Money.of(1, "EUR"))))


# ── Horizon ──────────────────────────────────────────────────────────────────────────────────────

ORDERS = st.lists(
    st.builds(
        DatedOrder,
        order_no=st.just("o"),
        amount=st.integers(1, 10**9).map(lambda minor: Money(minor=minor, currency="CNY")),
        deliver_on=st.none() | st.dates(ON, ON + timedelta(days=800)),
    ),
    max_size=6,
)


@given(ORDERS, st.integers(0, 400), st.integers(0, 400), st.integers(0, 365))
def test_an_order_moves_into_exposure_on_the_day_it_enters_the_horizon(
    orders: list[DatedOrder], first: int, more: int, horizon: int
) -> None:
    edition = with_rules(an_edition(), horizon_days=horizon)
    before, after = ON + timedelta(days=first), ON + timedelta(days=first + more)

    moved = entering(orders, before, after, edition)

    counted = [counted_orders(orders, day, edition, "CNY") for day in (before, after)]
    assert counted[1] - counted[0] == sum((each.amount for each in moved), yuan(0))
    for each in orders:
        day = enters_on(each.deliver_on, edition)
        if day is None:
            assert each.deliver_on is None
            assert counted_orders([each], before, edition, "CNY") == each.amount
        else:
            assert each.deliver_on == day + timedelta(days=horizon)
            assert not counted_orders([each], day - timedelta(days=1), edition, "CNY")
            assert counted_orders([each], day, edition, "CNY") == each.amount


def test_an_order_beyond_the_horizon_is_not_held_to_the_limit_until_it_enters() -> None:
    deliver_on = ON + timedelta(days=181)
    far = an_order(amount=yuan(5_000_000), deliver_on=deliver_on)

    result = check(far, an_edition())

    assert result.codes == ()
    assert result.counts_on == ON + timedelta(days=1)
    near = check(of_order(business_on=ON + timedelta(days=1))(far), an_edition())
    assert "limit" in near.codes
    assert near.counts_on is None
    delivered = check(of_order(stage=Stage.DELIVERY)(far), an_edition())
    assert (delivered.codes, delivered.counts_on) == (("limit",), None)


# ── Exclusions, and what is not known ────────────────────────────────────────────────────────────

SMALL = """
[[checks.exclusions]]
code = "small_of_good_grades"
precedence = 20
rules = ["overdue_30_days"]
grades = ["AAA", "BBB"]
amount_up_to = 50000

[[checks.exclusions]]
code = "loans"
precedence = 10
products = ["open_account"]
stages = ["quote"]
"""


def test_the_exclusion_of_the_lowest_precedence_that_fits_is_told() -> None:
    edition = a_changed_edition(SMALL)
    late = FAULTS["overdue_30_days"](an_order())

    result = check(late, edition)

    assert (result.codes, result.exclusions) == ((), ("small_of_good_grades",))
    told = next(each for each in result.trace if each.rule == "overdue_30_days")
    assert told.sentence() == "80 overdue_30_days: excluded by small_of_good_grades"
    assert told.sentence("zh-CN") == "80 overdue_30_days：由 small_of_good_grades 排除"
    quoted = check(of_order(stage=Stage.QUOTE)(late), edition)
    assert quoted.exclusions == ("loans",)
    larger = of_order(amount=yuan("50000.01"))(late)
    worse = of_order(customer=late.customer.model_copy(update={"grade": "CCC"}))(late)
    assert {check(each, edition).codes for each in (larger, worse)} == {("overdue_30_days",)}


def test_cash_first_passes_the_arrears_of_a_customer_classed_normal_alone() -> None:
    late = of_order(cash_first=True)(FAULTS["overdue_tenth"](an_order()))
    watched = late.customer.model_copy(update={"tier": FiveTier.SPECIAL_MENTION})

    assert check(late, an_edition()).codes == ()
    assert check(of_order(customer=watched)(late), an_edition()).codes == ("overdue_tenth",)


def test_no_exclusion_lifts_a_hold_by_hand() -> None:
    everything = '[[checks.exclusions]]\ncode = "all"\nprecedence = 1\namount_up_to = 1000000'
    held = FAULTS["hold_by_hand:h-1"](FAULTS["line_status"](an_order()))

    assert check(held, a_changed_edition(everything)).codes == ("hold_by_hand:h-1",)


def test_what_is_not_known_holds_and_is_never_graver_than_the_rule() -> None:
    bare = CheckFacts(stage=Stage.ORDER, business_on=ON, amount=yuan(1))

    result = check(bare, an_edition())

    assert result.act is Act.HOLD
    assert check(of_order(stage=Stage.QUOTE)(bare), an_edition()).act is Act.WARN
    assert all(not finding.known for finding in result.findings)
    outcomes = {each.kind: each.outcome for each in result.trace}
    assert outcomes[RuleKind.LIMIT] is RuleOutcome.NOT_KNOWN
    assert outcomes[RuleKind.TERMS] is RuleOutcome.PASSED  # it names none
    strict = with_rules(an_edition(), not_known=Act.REFUSE)
    acts = {finding.kind: finding.act for finding in check(bare, strict).findings}
    assert acts[RuleKind.LIMIT] is Act.HOLD
    lax = with_rules(an_edition(), not_known=Act.PASS)
    assert check(bare, lax).findings == ()


def test_an_edition_without_rules_looks_at_what_the_ledger_refuses_and_at_nothing_else() -> None:
    bare = an_edition().model_copy(update={"checks": CheckPolicy()})
    facts = an_order()
    for change in FAULTS.values():
        facts = change(facts)

    result = check(facts, bare)

    assert set(result.codes) == {"line_status", "limit_expired", "terms"}
    assert {finding.act for finding in result.findings} == {Act.REFUSE}
    assert check(of_order(stage=Stage.DELIVERY)(facts), bare).act is Act.PASS
    chain = (an_account("line/l-1", 1_000_000, 950_001),)
    over = check(an_order(line=a_line(chain=chain)), bare)
    assert (over.codes, over.act) == (("limit",), Act.REFUSE)
    unbounded = an_order(line=a_line(exposure={Bucket.RECEIVABLES: yuan(5_000_000)}))
    assert check(unbounded, bare).act is Act.PASS


def test_an_edition_that_says_nothing_of_checks_keeps_its_hash() -> None:
    bare = an_edition().model_copy(update={"checks": CheckPolicy()})
    stated = bare.model_copy(update={"checks": CheckPolicy(fallback=Act.PASS, rules=())})

    assert stated.edition_hash == bare.edition_hash
    assert "checks" not in bare.model_dump(exclude_defaults=True)


# ── The account ──────────────────────────────────────────────────────────────────────────────────


def test_the_account_is_of_the_items_that_count() -> None:
    claims = [
        a_claim(1, 300, past_due=40),
        a_claim(2, 200, past_due=0, days=90),
        a_claim(3, 500, past_due=70, disputed=True),
    ]
    left_out = with_rules(an_edition(), buckets={Bucket.DISPUTED: False})

    assert account_of(claims, ON, an_edition(), "CNY") == AccountFacts(
        overdue=yuan(800), days_past_due=70, oldest_days=100, disputed=yuan(500)
    )
    assert account_of(claims, ON, left_out, "CNY") == AccountFacts(
        overdue=yuan(300), days_past_due=40, oldest_days=90, disputed=yuan(500)
    )


def test_levels_of_dunning_follow_the_days_past_due() -> None:
    levels = [dunning_level(days, an_edition()) for days in (0, 7, 8, 31, 60, 61, 400)]

    assert levels == [0, 0, 1, 2, 2, 3, 3]
    late = of_account(days_past_due=61)(an_order())
    assert "dunning_last" in check(late, an_edition()).codes


def test_an_order_on_hold_has_an_owner_and_a_day() -> None:
    edition = a_changed_edition('[checks.hold]\nowner = "collector"\nreview_days = 3')

    assert hold_owner(edition) == "collector"
    assert hold_review_on(ON, edition) == ON + timedelta(days=3)


# ── Sentences ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", RuleKind)
@pytest.mark.parametrize("known", [True, False])
def test_every_kind_of_rule_says_what_it_found_in_both_languages(
    kind: RuleKind, known: bool
) -> None:
    finding = Finding(
        rule="r", kind=kind, sequence=1, act=Act.HOLD, known=known, threshold=Decimal(7),
        value=Decimal(9), found=yuan(12), allowed=yuan(11), binding="line/l-1", reference="h-1",
        since=ON, word="frozen", approved="net 30",
    )  # fmt: skip
    english, chinese = finding.sentence(), finding.sentence("zh-CN")

    assert "None" not in english + chinese
    assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)
    figures = {each for each in ("9", "12.00", "11.00", "h-1", "net 30") if each in english}
    assert figures == {each for each in ("9", "12.00", "11.00", "h-1", "net 30") if each in chinese}


def test_a_status_is_said_in_chinese() -> None:
    [finding] = check(FAULTS["line_status"](an_order()), an_edition()).findings

    assert finding.sentence() == "the line is frozen"
    assert finding.sentence("zh-CN") == "额度当前状态为已冻结"


@pytest.mark.parametrize("each", RuleOutcome)
def test_every_outcome_is_said_in_both_languages(each: RuleOutcome) -> None:
    told = Traced(sequence=1, rule="r", kind=RuleKind.LIMIT, outcome=each, excluded_by="x")

    assert told.sentence().startswith("1 r: ")
    assert any("\u4e00" <= letter <= "\u9fff" for letter in told.sentence("zh-CN"))


# ── Editions that do not hold together ───────────────────────────────────────────────────────────


def found(**changed: Any) -> list[Fault]:
    return faults(with_rules(an_edition(), **changed))


def codes(findings: list[Fault]) -> list[tuple[str, str]]:
    return [(each.path, each.code) for each in findings]


def changed_rule(code: str, **changed: Any) -> tuple[Any, ...]:
    return tuple(
        rule.model_copy(update=changed) if rule.code == code else rule
        for rule in an_edition().checks.rules
    )


def exclusion(**said: Any) -> Any:
    [row] = an_edition().checks.exclusions
    plain = {"rules": (), "stages": (), "classes": (), "cash_first": False, "amount_up_to": None}
    return row.model_copy(update=plain | said)


def test_a_sequence_that_is_there_twice_is_found() -> None:
    assert codes(found(rules=changed_rule("terms", sequence=10))) == [
        ("checks.rules.sequence", "repeated")
    ]
    row = exclusion(code="small", amount_up_to=Decimal(100))
    twice = (*an_edition().checks.exclusions, row)
    assert ("checks.exclusions.precedence", "repeated") in codes(found(exclusions=twice))


@pytest.mark.parametrize(
    ("code", "above", "fault"),
    [
        ("limit_nearly_used", Decimal("1.5"), "range"),
        ("dunning_last", Decimal(3), "range"),
        ("terms", Decimal(8), "range"),
        ("overdue_30_days", None, "incomplete"),
        ("line_status", Decimal(1), "unread"),
    ],
)
def test_a_threshold_that_nothing_can_pass_or_that_is_none_is_found(
    code: str, above: Decimal | None, fault: str
) -> None:
    assert codes(found(rules=changed_rule(code, above=above))) == [
        (f"checks.rules.{code}.above", fault)
    ]


def test_a_rule_that_no_stage_names_never_fires() -> None:
    acts = {
        stage: {kind: act for kind, act in row.items() if kind is not RuleKind.PURPOSE}
        for stage, row in an_edition().checks.acts.items()
    }
    [finding] = found(acts=acts)

    assert finding.sentence() == "checks.rules.purpose: it can never apply: no stage names it"
    assert "没有任何环节列明该规则" in finding.sentence("zh-CN")


def test_a_rule_that_is_always_excluded_never_fires() -> None:
    rows = (
        exclusion(code="a", precedence=1, rules=("purpose",), stages=(Stage.QUOTE, Stage.ORDER)),
        exclusion(
            code="b", precedence=2, rules=("purpose",), stages=(Stage.ORDER_CHANGE, Stage.DELIVERY)
        ),
    )

    assert codes(found(exclusions=rows)) == [("checks.rules.purpose", "never")]
    assert found(exclusions=rows[:1]) == []


def test_an_exclusion_that_another_goes_before_is_found() -> None:
    wide = exclusion(code="wide", precedence=1, amount_up_to=Decimal(1000))
    narrow = exclusion(
        code="narrow", precedence=2, amount_up_to=Decimal(500), grades=("AAA",), rules=("terms",)
    )

    assert codes(found(exclusions=(wide, narrow))) == [("checks.exclusions.narrow", "never")]
    paid_first = exclusion(code="paid_first", precedence=1, cash_first=True)
    assert found(exclusions=(paid_first, narrow)) == []
    assert found(exclusions=(narrow.model_copy(update={"precedence": 1}),
                             wide.model_copy(update={"precedence": 2}))) == []  # fmt: skip


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"rules": ("no_such",), "grades": ("AAA",)}, ("checks.exclusions.cash_first.rules", "unknown")),
        ({"grades": ("Z",)}, ("checks.exclusions.cash_first.grades", "unknown")),
        ({"products": ("no_such",)}, ("checks.exclusions.cash_first.products", "unknown")),
        ({"amount_up_to": Decimal(0)}, ("checks.exclusions.cash_first.amount_up_to", "never")),
        ({"rules": ("hold_by_hand",), "grades": ("AAA",)}, ("checks.exclusions.cash_first.rules", "never")),
        ({"rules": ("terms",), "grades": ("AAA",), "stages": (Stage.INVOICE,)}, ("checks.exclusions.cash_first", "never")),
    ],
)  # fmt: skip
def test_an_exclusion_that_excludes_nothing_is_found(
    said: dict[str, Any], fault: tuple[str, str]
) -> None:
    assert fault in codes(found(exclusions=(exclusion(**said),)))


def test_a_fallback_that_no_rule_falls_to_is_found() -> None:
    full = {stage: dict.fromkeys(RuleKind, Act.HOLD) for stage in Stage}
    unused = RuleKind.OVERDUE_AMOUNT
    for row in full.values():
        del row[unused], row[RuleKind.CONFIRMATION_OVERDUE]

    assert codes(found(acts=full, fallback=Act.WARN)) == [("checks.fallback", "unread")]
    assert found(acts=full) == []
    assert found(fallback=Act.WARN) == []
    result = check(FAULTS["line_status"](an_order(stage=Stage.INVOICE)),
                   with_rules(an_edition(), acts={}, fallback=Act.WARN))  # fmt: skip
    assert {finding.act for finding in result.findings} == {Act.WARN}


def test_what_no_rule_uses_is_found() -> None:
    acts = an_edition().checks.acts
    said = acts | {Stage.QUOTE: acts[Stage.QUOTE] | {RuleKind.OVERDUE_AMOUNT: Act.WARN}}

    assert codes(found(acts=said)) == [("checks.acts.quote.overdue_amount", "unread")]
    bare = CheckPolicy(horizon_days=30, dunning_days=(8,))
    unread = codes(faults(an_edition().model_copy(update={"checks": bare})))
    assert unread == [("checks.horizon_days", "unread"), ("checks.dunning_days", "unread")]
    assert codes(found(dunning_days=(8, 61, 31))) == [("checks.dunning_days", "order")]
    assert codes(found(dunning_days=())) == [("checks.dunning_days", "incomplete")]


def test_grace_that_no_rule_is_given_is_found() -> None:
    grace = a_changed_edition("[checks.grace.invoice]\ngrace_days = 3")
    empty = a_changed_edition("[checks.grace.order]\nreleased_only = true")

    assert codes(faults(grace)) == [("checks.grace.invoice.grace_days", "unread")]
    assert codes(faults(empty)) == [("checks.grace.order", "incomplete")]
