"""Late interest is what counting day by day gives, and what was charged of it is never changed."""

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.late import LateEntry, LateEntryKind, LateRate, accrued, charges_of, left_of
from domain.money import Money
from domain.receivable import Invoice, Payment

DUE = date(2026, 3, 31)


def cny(amount: str | int) -> Money:
    return Money.of(amount, "CNY")


def an_invoice(amount: str | int = 100_000, **changed: Any) -> Invoice:
    ordinary = {"customer_id": "c-1", "invoice_no": "INV-1", "issued_on": date(2026, 3, 1)}
    return Invoice.model_validate({**ordinary, "due_on": DUE, "amount": cny(amount), **changed})


def a_payment(days_late: int, amount: str | int, no: str = "1", **changed: Any) -> Payment:
    ordinary = {"customer_id": "c-1", "invoice_no": "INV-1", "payment_no": f"PAY-{no}"}
    paid_on = DUE + timedelta(days=days_late)
    return Payment.model_validate(
        {**ordinary, "paid_on": paid_on, "amount": cny(amount), **changed}
    )


def a_rate(annual: str = "0.18", since: date = date(2020, 1, 1), **changed: Any) -> LateRate:
    ordinary = {"from_on": since, "rate_annual": Fraction(annual), "year_days": 360}
    return LateRate.model_validate({**ordinary, "grace_days": 0, **changed})


def after(days: int) -> date:
    return DUE + timedelta(days=days)


def test_a_day_bears_five_in_ten_thousand_of_what_is_owed() -> None:
    rates = (a_rate(),)

    assert accrued(an_invoice(), [], rates, after(0)) == cny(0)
    assert accrued(an_invoice(), [], rates, after(1)) == cny(50)
    assert accrued(an_invoice(), [], rates, after(30)) == cny(1500)


def test_a_payment_stops_its_part_from_the_day_after_it() -> None:
    paid = [a_payment(10, 60_000), a_payment(20, 40_000, "2")]

    # Ten days of 100,000 and ten of 40,000.
    assert accrued(an_invoice(), paid, (a_rate(),), after(90)) == cny(700)
    assert accrued(an_invoice(), [a_payment(0, 100_000)], (a_rate(),), after(90)) == cny(0)
    other = [a_payment(1, 100_000, invoice_no="INV-2")]
    assert accrued(an_invoice(), other, (a_rate(),), after(2)) == cny(100)


def test_the_first_days_bear_nothing_where_policy_gives_grace() -> None:
    rates = (a_rate(grace_days=3),)

    assert accrued(an_invoice(), [], rates, after(3)) == cny(0)
    assert accrued(an_invoice(), [], rates, after(5)) == cny(100)


def test_each_day_bears_the_rate_of_its_own_edition() -> None:
    rates = (a_rate(), a_rate("0.36", after(11), year_days=365))

    exact = 10 * Fraction("0.18") / 360 + 5 * Fraction("0.36") / 365
    assert accrued(an_invoice(), [], rates, after(15)).minor == round(exact * 10_000_000)
    assert accrued(an_invoice(), [], (a_rate(since=after(11)),), after(10)) == cny(0)


def test_what_is_disputed_bears_nothing_while_it_is() -> None:
    assert accrued(an_invoice(disputed=True), [], (a_rate(),), after(30)) == cny(0)


def by_day(invoice: Invoice, payments: list[Payment], rates: list[LateRate], until: date) -> Money:
    """The same, counted one day after another."""
    total, day = Fraction(0), invoice.due_on + timedelta(days=1)
    while day <= until:
        held = [rate for rate in rates if rate.from_on <= day]
        rate = max(held, key=lambda each: each.from_on) if held else None
        paid = sum(each.amount.minor for each in payments if each.paid_on < day)
        if rate is not None and (day - invoice.due_on).days > rate.grace_days:
            total += max(invoice.amount.minor - paid, 0) * rate.rate_annual / rate.year_days
        day += timedelta(days=1)
    return Money(minor=round(total), currency="CNY")


@given(
    st.integers(1, 10_000_000),
    st.lists(st.tuples(st.integers(-40, 150), st.integers(1, 5_000_000)), max_size=5),
    st.lists(
        st.tuples(
            st.integers(-60, 120), st.integers(0, 100), st.sampled_from([360, 365]),
            st.integers(0, 20),
        ),
        max_size=4,
        unique_by=lambda rate: rate[0],
    ),
    st.integers(-10, 160),
)  # fmt: skip
def test_interest_is_what_counting_day_by_day_gives(
    minor: int,
    paid: list[tuple[int, int]],
    told: list[tuple[int, int, int, int]],
    until: int,
) -> None:
    invoice = an_invoice().model_copy(update={"amount": Money(minor=minor, currency="CNY")})
    payments = [
        a_payment(days, 1, str(n)).model_copy(update={"amount": Money(minor=part, currency="CNY")})
        for n, (days, part) in enumerate(paid)
    ]
    rates = [
        a_rate(f"{percent}/100", after(since), year_days=year, grace_days=grace)
        for since, percent, year, grace in told
    ]

    assert accrued(invoice, payments, rates, after(until)) == by_day(
        invoice, payments, rates, after(until)
    )


def an_entry(entry_id: str, amount: int, **changed: Any) -> LateEntry:
    ordinary = {
        "entry_id": entry_id,
        "customer_id": "c-1",
        "invoice_no": "INV-1",
        "kind": LateEntryKind.CHARGE,
        "amount": cny(amount),
        "posted_by": "collector",
        "business_on": DUE,
    }
    return LateEntry.model_validate(ordinary | changed)


def test_what_is_left_of_a_charge_follows_its_waivers_and_their_reversals() -> None:
    charge = an_entry("e-1", 100)
    waiver = an_entry("e-2", -60, kind="waiver", of="e-1")
    back = an_entry("e-3", 60, kind="reversal", of="e-2")
    other = an_entry("e-4", 7, invoice_no="INV-2")

    assert left_of(charge, [charge, waiver, other]) == cny(40)
    assert left_of(charge, [charge, waiver, back, other]) == cny(100)
    assert charges_of([charge, waiver, back, other], an_invoice()) == [charge]


@pytest.mark.parametrize("days", [0, 400])
def test_nothing_is_borne_without_a_rate(days: int) -> None:
    assert accrued(an_invoice(), [], (), after(days)) == cny(0)
