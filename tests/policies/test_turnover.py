"""What VAT invoices say of a customer: worked examples, and what must hold for any book."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.turnover import (
    Concentration,
    Extent,
    InvoiceRecord,
    MonthFigures,
    Sum,
    first_of,
    invoice_record,
    last_whole_month,
)
from domain.vat_invoice import Direction, Line, reversals
from policies.formula import EXACT
from policies.turnover import INVOICE_NAMES, invoice_figure
from storage.edition import read_shipped
from tests.makers_policy import a_dossier, a_rate, cny, judged, no_payments

ON = date(2019, 12, 31)


def a_book(sales: Iterable[int], *, as_of: date = ON, **changed: object) -> InvoiceRecord:
    """Sales by whole month, the last of them the last whole month."""
    amounts = list(sales)
    first = first_of(last_whole_month(as_of), 1 - len(amounts))
    months = tuple(
        MonthFigures(
            month_on=first_of(first, n),
            sales=Decimal(amount),
            sales_issued=Decimal(amount),
            sales_valid=1,
        )
        for n, amount in enumerate(amounts)
        if amount
    )
    content = {
        "as_of": as_of,
        "currency": "CNY",
        "invoices": 100,
        "first_sale_on": first,
        "last_sale_on": months[-1].month_on if months else None,
        "months": months,
    }
    return InvoiceRecord.model_validate(content | changed)


def figure(record: InvoiceRecord, name: str) -> Decimal | None:
    with localcontext(EXACT):
        return invoice_figure(record, f"invoice_{name}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("months", 24),
        ("sales_year", 240),
        ("sales_prior_year", 120),
        ("sales_monthly", 20),
        ("sales_growth", 1),
        ("gap_months", 0),
        ("volatility", 0),
        ("void_share", 0),
        ("reversed_share", 0),
        ("purchases_year", None),
        ("sales_to_purchases", None),
        ("age_days", 30),
    ],
)
def test_two_steady_years_come_to_this(name: str, value: int | None) -> None:
    assert figure(a_book([10] * 12 + [20] * 12), name) == value


def test_a_gap_and_a_swing_are_seen() -> None:
    record = a_book([10] * 11 + [0, 30] + [10, 0] * 5 + [30])

    assert figure(record, "gap_months") == 5
    # 10 five times, 0 five times and 30 twice: mean 110 / 12, variance (5 * 100 + 2 * 900) / 12 - mean^2
    mean = Decimal(110) / 12
    variance = Decimal(2300) / 12 - mean * mean
    expected = variance.sqrt() / mean
    found = figure(record, "volatility")
    assert found is not None
    assert abs(found - expected) < Decimal("1e-20")


def test_a_short_past_has_no_year_before_and_a_mean_of_its_own() -> None:
    record = a_book([30, 60])

    assert figure(record, "sales_year") == 90
    assert figure(record, "sales_monthly") == 45
    assert figure(record, "sales_growth") is None
    assert figure(a_book([10] * 23), "sales_growth") is None


def test_the_month_under_way_does_not_count() -> None:
    running = MonthFigures(month_on=date(2019, 12, 1), sales=Decimal(999), sales_valid=1)
    record = a_book([10] * 12, as_of=date(2019, 12, 30))
    with_it = record.model_copy(update={"months": (*record.months, running)})

    assert figure(with_it, "sales_year") == figure(record, "sales_year") == 120


def test_shares_and_the_index_of_three_buyers() -> None:
    spread = Concentration(
        parties=4,
        total=Decimal(100),
        largest=(Decimal(50), Decimal(30), Decimal(15)),
        squares=Decimal(50**2 + 30**2 + 15**2 + 5**2),
    )
    record = a_book([10] * 12, buyers=spread)

    assert figure(record, "buyer_top_share") == Decimal("0.5")
    assert figure(record, "buyer_top3_share") == Decimal("0.95")
    assert figure(record, "buyer_hhi") == Decimal("0.365")
    assert figure(record, "seller_hhi") is None


def test_void_by_number_and_taken_back_by_amount() -> None:
    month = MonthFigures(
        month_on=date(2019, 12, 1),
        sales=Decimal(75),
        sales_issued=Decimal(100),
        sales_valid=8,
        sales_void=2,
        purchases=Decimal(50),
    )
    record = a_book([1]).model_copy(update={"months": (month,)})

    assert figure(record, "void_share") == Decimal("0.2")
    assert figure(record, "reversed_share") == Decimal("0.25")
    assert figure(record, "sales_to_purchases") == Decimal("1.5")


def test_a_book_of_purchases_alone_has_no_sales_to_speak_of() -> None:
    month = MonthFigures(month_on=date(2019, 12, 1), purchases=Decimal(50))
    record = InvoiceRecord(as_of=ON, currency="CNY", invoices=1, months=(month,))

    present = {name for name in INVOICE_NAMES if invoice_figure(record, name) is not None}
    assert present == {
        "invoice_months",
        "invoice_buyers",
        "invoice_sellers",
        "invoice_purchases_year",
    }


# ── Red letters ──────────────────────────────────────────────────────────────────────────────────


def a_line(no: int, gross: int, day: int, party: str = "D1") -> Line:
    return Line(str(no), Direction.SALES, party, date(2019, 5, day), gross, gross)


def test_a_red_letter_takes_back_the_latest_of_its_amount_before_it() -> None:
    early, late, after = a_line(1, 100, 1), a_line(2, 100, 3), a_line(3, 100, 9)
    red, other, stranger = a_line(4, -100, 5), a_line(5, -70, 6), a_line(6, -100, 7, "D2")

    pairs, alone = reversals([after, red, late, early, other, stranger])
    assert pairs == [(red, late)]
    assert alone == [other, stranger]


_LINES = st.lists(
    st.builds(
        a_line,
        st.integers(1, 10**6),
        st.sampled_from([-3, -2, -1, 1, 2, 3]),
        st.integers(1, 28),
        st.sampled_from(["D1", "D2"]),
    ),
    max_size=30,
    unique_by=lambda line: line.invoice,
)


@given(_LINES)
def test_every_red_letter_is_paired_once_or_stands_alone(lines: list[Line]) -> None:
    pairs, alone = reversals(lines)
    gone = [line.invoice for pair in pairs for line in pair] + [line.invoice for line in alone]

    assert len(gone) == len(set(gone))
    assert {red for red, _ in pairs} | set(alone) == {
        line for line in lines if line.gross_minor < 0
    }
    for red, taken in pairs:
        assert (taken.gross_minor, taken.counterparty) == (-red.gross_minor, red.counterparty)
        assert taken.issued_on <= red.issued_on


@given(_LINES)
def test_all_months_together_are_the_plain_sum_whatever_is_paired(lines: list[Line]) -> None:
    """Pairing moves amounts between months; it neither makes nor loses any."""
    sums = [
        Sum(line.direction, line.counterparty, first_of(line.issued_on), line.net_minor, 1, 0)
        for line in lines
        if line.gross_minor > 0
    ]
    record = invoice_record(Extent("CNY", len(lines), None, None), sums, lines, ON)

    total = sum(month.sales for month in record.months)
    assert total == Decimal(sum(line.net_minor for line in lines)) / 100


# ── Judged by invoices ───────────────────────────────────────────────────────────────────────────


def test_a_firm_with_invoices_and_no_statement_ends_in_grade_limit_and_price() -> None:
    spread = Concentration(
        parties=2, total=Decimal(60_000_000), largest=(Decimal(40_000_000), Decimal(20_000_000)),
        squares=Decimal(40_000_000) ** 2 + Decimal(20_000_000) ** 2,
    )  # fmt: skip
    record = a_book([5_000_000] * 24, buyers=spread)
    judgement = judged(
        a_dossier(statements=(), payments=no_payments(), invoices=record), read_shipped("invoices")
    )

    # 11 size, 6 growth, 14 gaps, 10 steady, 4 top buyer, 0 index, 3 neutral; 6 + 4; 10 + 10
    assert judgement.rating.score == 78
    assert judgement.rating.grade == "BBB"
    assert judgement.limit.binding == "invoice_turnover"
    assert judgement.limit.limit_proposed == cny(4_800_000)
    assert judgement.price.rate_annual > 0


def test_a_foreign_reporting_currency_converts_the_amounts_alone() -> None:
    record = a_book([10] * 24, currency="USD")
    judgement = judged(
        a_dossier(statements=(), invoices=record, rates=(a_rate("USD", "7"),)),
        read_shipped("invoices"),
    )
    step = next(step for step in judgement.limit.steps if step.code == "invoice_turnover")
    assert step.inputs["invoice_sales_year"] == "840"
