"""Records that do not fit together are doubted, each doubt with its figures; sound ones are not."""

from datetime import date
from decimal import Decimal

import pytest

from domain.assessment import Doubt, Lane
from domain.statement import Item, Statement
from domain.turnover import InvoiceRecord, MonthFigures
from policies.assessment import replay
from tests.makers_policy import (
    MILLION,
    a_changed_edition,
    a_customer,
    a_dossier,
    a_statement,
    an_application,
    an_edition,
    cny,
    judged,
)


def found(*statements: Statement, **dossier: object) -> dict[str, Doubt]:
    judgement = judged(a_dossier(statements=statements, **dossier))  # type: ignore[arg-type]
    return {doubt.code: doubt for doubt in judgement.doubts}


def invoices_of_2025(month: int) -> InvoiceRecord:
    """Twelve months of sales of so many millions each."""
    return InvoiceRecord(
        as_of=date(2026, 6, 30),
        currency="CNY",
        invoices=12,
        first_sale_on=date(2025, 1, 2),
        last_sale_on=date(2025, 12, 30),
        months=tuple(
            MonthFigures(month_on=date(2025, n, 1), sales=month * MILLION) for n in range(1, 13)
        ),
    )


def precise(year: int, **changed: str | None) -> Statement:
    """Odd figures, as books have them."""
    ordinary = a_statement(year, **changed)
    items = {item: figure + Decimal("1234.56") for item, figure in ordinary.items.items()}
    return ordinary.model_copy(update={"items": items})


def test_sound_books_raise_no_doubt() -> None:
    assert found(precise(2024), precise(2025), invoices=invoices_of_2025(17)) == {}


def test_cash_that_opens_otherwise_than_it_closed_is_doubted_with_both_figures() -> None:
    tied = precise(2025, cash_opening="12")
    untied = precise(2025, cash_opening="15")

    assert found(precise(2024), tied) == {}
    doubt = found(precise(2024), untied)["cash_untied"]
    assert doubt.figures == {
        "period_end_on": "2025-12-31",
        "closing": "12001234.56",
        "opening": "15001234.56",
    }


def test_retained_earnings_cannot_rise_by_more_than_was_earned() -> None:
    doubt = found(precise(2024), precise(2025, retained_earnings="50"))["retained_untied"]

    assert doubt.figures["risen"] == "20000000.00"
    assert found(precise(2024), precise(2025, retained_earnings="40")) == {}


def test_years_that_do_not_follow_each_other_are_not_compared() -> None:
    assert found(precise(2022), precise(2025, cash_opening="99")) == {}


def test_round_figures_are_doubted_unless_the_source_rounds() -> None:
    doubt = found(a_statement(2025))["round_figures"]

    assert doubt.figures == {"period_end_on": "2025-12-31", "round": "26", "of": "26"}
    rounded = a_statement(2025).model_copy(update={"precision": Decimal(10000)})
    assert found(rounded) == {}


@pytest.mark.parametrize(("industry", "doubted"), [("C", True), ("J", False)])
def test_a_ratio_out_of_line_is_doubted_in_its_industry(industry: str, doubted: bool) -> None:
    rich = precise(2025, ebit="120", ebitda="126")
    doubts = found(precise(2024), rich, customer=a_customer(industry=industry))

    assert ("margin_implausible" in doubts) is doubted
    if doubted:
        assert doubts["margin_implausible"].figures["at_most"] == "0.5"


@pytest.mark.parametrize(
    # 200 million of revenue; 13.9 and 13.8 millions a month are 166.8 and 165.6, of which a fifth
    # more is 200.16 and 198.72.
    ("tenths", "doubted"),
    [(139, False), (138, True)],
)
def test_revenue_beyond_the_invoices_is_doubted_from_the_tolerance_on(
    tenths: int, doubted: bool
) -> None:
    record = invoices_of_2025(1)
    months = tuple(
        month.model_copy(update={"sales": tenths * MILLION / 10}) for month in record.months
    )
    doubts = found(
        precise(2024), precise(2025), invoices=record.model_copy(update={"months": months})
    )

    assert ("turnover_unsupported" in doubts) is doubted
    if doubted:
        assert doubts["turnover_unsupported"].figures["invoiced"] == "165600000"


def test_invoices_of_other_years_say_nothing_of_this_one() -> None:
    assert found(precise(2023), invoices=invoices_of_2025(1)) == {}


def test_what_the_edition_names_goes_to_people_and_the_rest_does_not() -> None:
    small = an_application(cny(300_000))
    sound = (precise(2024), precise(2025))
    doubted = (precise(2024), precise(2025, cash_opening="15"))
    lenient = a_changed_edition("[authenticity]\nrefer = []\n")

    assert judged(a_dossier(statements=sound, application=small)).route.lane is Lane.AUTOMATIC
    referred = judged(a_dossier(statements=doubted, application=small))
    assert referred.route.lane is Lane.PEOPLE
    assert referred.route.reasons == ("authenticity:cash_untied",)
    kept = judged(a_dossier(statements=doubted, application=small), lenient)
    assert (kept.route.lane, [doubt.code for doubt in kept.doubts]) == (
        Lane.AUTOMATIC,
        ["cash_untied"],
    )


def test_a_receipt_with_doubts_replays_as_it_is() -> None:
    receipt = judged(a_dossier(statements=(precise(2024), precise(2025, cash_opening="15"))))

    assert receipt.doubts
    assert replay(receipt, an_edition()) == []
    assert Item.CASH_OPENING in receipt.dossier.statements[1].items
