"""Payment terms: due dates on examples of the trade, effective days, ranks and repricing."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.calendar import WorkCalendar
from domain.errors import TermsUneven, TermsUnreadable
from domain.terms import (
    FloatingRate,
    Instalment,
    Means,
    PaymentTerms,
    Roll,
    StartEvent,
    TermsKind,
    TermsRule,
    due_on,
    money_on,
)
from policies.calendar import work_calendar
from policies.terms import (
    cost_of_terms,
    days_approved,
    days_longest,
    effective_days,
    is_worse,
    net_days,
    rank_of,
    ranked,
    terms_asked,
)
from tests.makers_policy import an_edition

CASH = TermsRule(kind=TermsKind.CASH_FIRST, start=StartEvent.ORDER)
MONTH_END_60 = TermsRule(kind=TermsKind.MONTH_END, days=60)
FIFTEENTH = TermsRule(kind=TermsKind.DAY_OF_MONTH, day=15)
BY_BILL = TermsRule(
    kind=TermsKind.NET_DAYS,
    start=StartEvent.SHIPMENT,
    means=Means.BANK_ACCEPTANCE,
    bill_months=6,
)
DEPOSIT_AND_BILL = PaymentTerms(
    instalments=(
        Instalment(part=Decimal("0.3"), rule=CASH),
        Instalment(part=Decimal("0.7"), rule=BY_BILL),
    )
)


@pytest.mark.parametrize(
    ("rule", "started_on", "due"),
    [
        (CASH, date(2026, 3, 10), date(2026, 3, 10)),
        (TermsRule(kind=TermsKind.NET_DAYS, days=30), date(2026, 1, 31), date(2026, 3, 2)),
        (TermsRule(kind=TermsKind.NET_DAYS, days=30), date(2024, 1, 31), date(2024, 3, 1)),
        (MONTH_END_60, date(2026, 1, 1), date(2026, 4, 1)),
        (MONTH_END_60, date(2026, 1, 31), date(2026, 4, 1)),
        (MONTH_END_60, date(2025, 12, 5), date(2026, 3, 1)),
        (FIFTEENTH, date(2026, 1, 31), date(2026, 2, 15)),
        (FIFTEENTH, date(2026, 12, 1), date(2027, 1, 15)),
        (
            TermsRule(kind=TermsKind.DAY_OF_MONTH, day=31),
            date(2026, 1, 15),
            date(2026, 2, 28),
        ),
        (
            TermsRule(kind=TermsKind.DAY_OF_MONTH, day=10, months_after=2),
            date(2026, 11, 30),
            date(2027, 1, 10),
        ),
    ],
)
def test_due_dates_of_the_trades_terms(rule: TermsRule, started_on: date, due: date) -> None:
    assert due_on(rule, started_on) == due


def test_a_bill_is_money_when_it_falls_due_itself() -> None:
    assert due_on(BY_BILL, date(2026, 3, 31)) == date(2026, 3, 31)
    assert money_on(BY_BILL, date(2026, 3, 31)) == date(2026, 9, 30)


@pytest.mark.parametrize(
    ("roll", "due"),
    [
        (Roll.NONE, date(2026, 5, 31)),  # a Sunday
        (Roll.FOLLOWING, date(2026, 6, 1)),
        (Roll.PRECEDING, date(2026, 5, 29)),
        (Roll.MODIFIED_FOLLOWING, date(2026, 5, 29)),
    ],
)
def test_a_due_date_that_is_not_worked_rolls_as_the_rule_says(roll: Roll, due: date) -> None:
    rule = TermsRule(kind=TermsKind.NET_DAYS, days=30, roll=roll)

    assert due_on(rule, date(2026, 5, 1), WorkCalendar()) == due


def test_the_rolling_calendar_knows_the_golden_week_and_made_up_days() -> None:
    rule = TermsRule(kind=TermsKind.NET_DAYS, days=1, roll=Roll.FOLLOWING)
    calendar = work_calendar("CN")

    assert due_on(rule, date(2024, 9, 30), calendar) == date(2024, 10, 8)
    assert due_on(rule, date(2024, 10, 11), calendar) == date(2024, 10, 12), "a Saturday worked"


def test_a_deposit_and_a_bill_of_six_months_weigh_by_their_parts() -> None:
    # 30 % at once, 70 % after 184 days from the 1st of July.
    assert effective_days(DEPOSIT_AND_BILL, date(2026, 7, 1)) == Decimal("128.8")


def test_terms_are_compared_at_their_longest() -> None:
    assert days_longest(PaymentTerms.of(MONTH_END_60), an_edition()) == 30 + 60 + 10
    assert days_longest(net_days(30, StartEvent.SHIPMENT), an_edition()) == 30
    assert days_longest(net_days(30, StartEvent.RECONCILIATION), an_edition()) == 60


def test_ranks_rise_from_cash_first_to_long_bills() -> None:
    edition = an_edition()
    commercial = TermsRule(
        kind=TermsKind.NET_DAYS,
        start=StartEvent.SHIPMENT,
        means=Means.COMMERCIAL_ACCEPTANCE,
        bill_months=6,
    )
    ranked = [
        PaymentTerms.of(CASH),
        net_days(30, StartEvent.SHIPMENT),
        net_days(30),
        net_days(60),
        PaymentTerms.of(MONTH_END_60),
        PaymentTerms.of(BY_BILL),
    ]
    ranks = [rank_of(each, edition) for each in ranked]

    assert ranks == [0, 1, 2, 3, 4, 6]
    assert rank_of(PaymentTerms.of(commercial), edition) == 6
    assert days_longest(PaymentTerms.of(commercial), edition) == 184 + 30


def test_an_order_on_worse_terms_than_approved_is_worse_and_on_equal_ones_is_not() -> None:
    edition, approved = an_edition(), net_days(60)

    assert is_worse(PaymentTerms.of(MONTH_END_60), approved, edition)
    assert not is_worse(net_days(60), approved, edition)
    assert not is_worse(PaymentTerms.of(CASH), approved, edition)


def test_waiting_costs_the_rate_for_the_days() -> None:
    terms = net_days(90, StartEvent.SHIPMENT)

    assert cost_of_terms(terms, Decimal("0.04"), an_edition()) == Decimal("0.01")


@given(
    days=st.integers(0, 360),
    more=st.integers(0, 360),
    start=st.sampled_from(StartEvent),
)
def test_more_days_never_rank_better(days: int, more: int, start: StartEvent) -> None:
    edition = an_edition()
    shorter, longer = net_days(days, start), net_days(days + more, start)

    assert rank_of(shorter, edition) <= rank_of(longer, edition)
    assert not is_worse(shorter, longer, edition)


@given(
    started_on=st.dates(date(2020, 1, 1), date(2035, 12, 31)),
    kind=st.sampled_from(TermsKind),
    days=st.integers(0, 400),
    day=st.integers(1, 31),
    roll=st.sampled_from(Roll),
)
def test_nothing_is_due_before_it_starts_and_rolled_days_are_worked(
    started_on: date, kind: TermsKind, days: int, day: int, roll: Roll
) -> None:
    rule = TermsRule(kind=kind, days=days, day=day, roll=roll)
    calendar = WorkCalendar()

    assert due_on(rule, started_on) >= started_on
    rolled = due_on(rule, started_on, calendar)
    assert roll is Roll.NONE or calendar.works_on(rolled)
    assert abs(rolled - due_on(rule, started_on)) <= timedelta(days=3)


def test_parts_that_do_not_make_the_whole_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"make 0\.9, not the whole"):
        PaymentTerms(
            instalments=(
                Instalment(part=Decimal("0.3"), rule=CASH),
                Instalment(part=Decimal("0.6"), rule=BY_BILL),
            )
        )


def test_a_bill_without_a_tenor_is_refused() -> None:
    with pytest.raises(ValidationError):
        TermsRule(kind=TermsKind.NET_DAYS, means=Means.BANK_ACCEPTANCE)


def test_a_floating_rate_is_its_benchmark_and_basis_points_from_its_repricing_date() -> None:
    rate = FloatingRate(
        benchmark="LPR1Y",
        spread_bp=Decimal(85),
        reprice_months=6,
        first_reprices_on=date(2025, 8, 31),
    )

    assert rate.annual(Decimal("0.031")) == Decimal("0.0395")
    assert rate.annual(Decimal("-0.05")) == 0
    assert rate.reprices_on(date(2025, 9, 1)) == date(2025, 8, 31)
    assert rate.reprices_on(date(2026, 2, 27)) == date(2025, 8, 31)
    assert rate.reprices_on(date(2026, 2, 28)) == date(2026, 2, 28)
    assert rate.reprices_on(date(2026, 8, 31)) == date(2026, 8, 31)


def test_a_floating_rate_is_written_in_one_line_and_read_back() -> None:
    rate = FloatingRate.parse("LPR1Y+120.5bp/12m@2027-01-01")

    assert (rate.benchmark, rate.spread_bp) == ("LPR1Y", Decimal("120.5"))
    assert (rate.reprice_months, rate.first_reprices_on) == (12, date(2027, 1, 1))
    assert rate.text == "LPR1Y+120.5bp/12m@2027-01-01"


@given(
    st.sampled_from(["LPR1Y", "SHIBOR-3M", "SOFR"]),
    st.decimals(min_value=-9999, max_value=9999, places=4),
    st.integers(1, 60),
    st.dates(date(2000, 1, 1), date(2099, 12, 31)),
)
def test_any_floating_rule_comes_back_from_its_line(
    benchmark: str, spread_bp: Decimal, months: int, on: date
) -> None:
    rate = FloatingRate(
        benchmark=benchmark, spread_bp=spread_bp, reprice_months=months, first_reprices_on=on
    )

    assert FloatingRate.parse(rate.text) == rate


@pytest.mark.parametrize(
    "line",
    [
        "", "LPR1Y", "LPR1Y+120bp", "LPR1Y+120bp/0m@2027-01-01", "LPR1Y+120bp/61m@2027-01-01",
        "LPR1Y+120bp/12m@2027-02-30", "lpr+1bp/12m@2027-01-01", "LPR1Y 120bp/12m@2027-01-01",
    ],
)  # fmt: skip
def test_a_line_that_says_no_floating_rule_is_refused(line: str) -> None:
    with pytest.raises(TermsUnreadable):
        FloatingRate.parse(line)


def test_repricing_dates_are_counted_from_the_first_one() -> None:
    rate = FloatingRate.parse("LPR1Y+0bp/1m@2026-01-31")
    until = date(2026, 4, 30)

    assert rate.due_dates(date(2026, 1, 31), until) == (date(2026, 2, 28), date(2026, 3, 31), until)
    assert rate.next_on(date(2026, 2, 28)) == date(2026, 3, 31)
    assert rate.next_on(date(2025, 1, 1)) == date(2026, 1, 31)


rules = st.one_of(
    st.builds(TermsRule, kind=st.just(TermsKind.CASH_FIRST), start=st.sampled_from(StartEvent)),
    st.builds(
        TermsRule,
        kind=st.sampled_from([TermsKind.NET_DAYS, TermsKind.MONTH_END]),
        start=st.sampled_from(StartEvent),
        days=st.integers(0, 720),
        roll=st.sampled_from(Roll),
    ),
    st.builds(
        TermsRule,
        kind=st.just(TermsKind.DAY_OF_MONTH),
        day=st.integers(1, 31),
        months_after=st.integers(0, 12),
        means=st.sampled_from([Means.BANK_ACCEPTANCE, Means.COMMERCIAL_ACCEPTANCE]),
        bill_months=st.integers(1, 12),
    ),
)
terms_of_any_kind = rules.map(PaymentTerms.of) | st.builds(
    lambda cents, first, second: PaymentTerms(
        instalments=(
            Instalment(part=Decimal(cents) / 100, rule=first),
            Instalment(part=1 - Decimal(cents) / 100, rule=second),
        )
    ),
    st.integers(1, 99),
    rules,
    rules,
)


@given(terms_of_any_kind)
def test_terms_are_read_back_from_their_text(terms: PaymentTerms) -> None:
    assert PaymentTerms.parse(terms.text) == terms


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("net_days", None),
        ("net_days:30", None),
        ("net_days:30@invoice + net_days:30@invoice", TermsUneven),
        ("0.5*net_days:30 + 0.6*net_days:60", TermsUneven),
        ("net_60_or_so", TermsUnreadable),
        ("net_days:30@delivery", TermsUnreadable),
        ("net_days:30@invoice/cheque:3", TermsUnreadable),
        ("", TermsUnreadable),
        ("+", TermsUnreadable),
        ("net_days:30@invoice" + " " * 400, TermsUnreadable),
    ],
)
def test_what_is_no_line_of_terms_is_refused(text: str, refusal: type[Exception] | None) -> None:
    if refusal is None:
        assert PaymentTerms.parse(text).instalments
        return
    with pytest.raises(refusal):
        PaymentTerms.parse(text)


def test_an_order_names_its_terms_by_code_by_text_or_as_they_are() -> None:
    edition = an_edition()

    assert terms_asked("net_30", edition) == net_days(30)
    assert terms_asked("net_days:45@invoice", edition) == net_days(45)
    assert terms_asked(net_days(7), edition) == net_days(7)
    with pytest.raises(TermsUnreadable):
        terms_asked("net_31", edition)


@given(terms_of_any_kind, terms_of_any_kind)
def test_days_and_bound_say_what_ranks_say(asked: PaymentTerms, approved: PaymentTerms) -> None:
    """What the book compares, an approved number of days with the last bound passed, is whether
    the order's terms rank worse."""
    edition = an_edition()
    held, days = ranked(asked, edition), days_approved(approved, edition)

    refused = held.days_above is not None and days <= held.days_above
    assert refused == is_worse(asked, approved, edition)
    assert held.rank_of_days(days) == rank_of(approved, edition)
