"""Are VAT invoices loaded once, whatever file they come in, and summed as they should be?"""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from domain.errors import AlreadyExists, RowRepeated
from domain.imports import Outcome
from domain.money import Money
from domain.turnover import InvoiceRecord
from domain.vat_invoice import Direction, InvoiceStatus, VatInvoice
from storage.base import Records
from storage.customer import Customers
from storage.vat_invoice import Loaded, VatInvoices
from tests.makers_policy import a_customer

ON = date(2019, 12, 31)


def an_invoice(
    no: str, net: str, issued_on: date = date(2019, 3, 5), **changed: object
) -> VatInvoice:
    amount = Money.of(net, "CNY")
    tax = amount.share(Decimal("0.13"))
    return VatInvoice.model_validate(
        {
            "customer_id": "c-1",
            "direction": Direction.SALES,
            "invoice_no": no,
            "issued_on": issued_on,
            "counterparty": "D00001",
            "net": amount,
            "tax": tax,
            "gross": amount + tax,
            **changed,
        }
    )


@pytest.fixture
def known(records: Records) -> Records:
    with records.begin() as session:
        Customers(session).record(a_customer(), business_on=ON, source="test", recorded_by="test")
    return records


def load(records: Records, *invoices: VatInvoice) -> Loaded:
    with records.begin() as session:
        return VatInvoices(session).record_all(invoices, source="test", recorded_by="test")


def the_record(records: Records, as_of: date = ON) -> InvoiceRecord:
    with records.begin() as session:
        found = VatInvoices(session).find_record("c-1", as_of)
    assert found is not None
    return found


def test_a_load_is_written_once(known: Records) -> None:
    first, again = an_invoice("1", "100"), an_invoice("2", "50.5")

    assert load(known, first, again).outcomes[Outcome.CREATED] == 2
    assert load(known, first, again).outcomes[Outcome.UNCHANGED] == 2
    assert the_record(known).months[0].sales == Decimal("150.5")


def test_a_number_comes_round_again_on_another_day(known: Records) -> None:
    later = an_invoice("1", "70", date(2019, 9, 1))

    assert load(known, an_invoice("1", "100"), later).outcomes[Outcome.CREATED] == 2


def test_what_says_else_of_the_same_invoice_is_refused(known: Records) -> None:
    load(known, an_invoice("1", "100"))

    ((line, refusal),) = load(known, an_invoice("1", "101")).refused
    assert (line, type(refusal)) == (1, AlreadyExists)
    ((line, refusal),) = load(known, an_invoice("2", "1"), an_invoice("2", "2")).refused
    assert (line, type(refusal), refusal.facts["line"]) == (2, RowRepeated, "1")


def test_an_invoice_may_be_made_void_later_and_not_come_back(known: Records) -> None:
    valid, void = an_invoice("1", "100"), an_invoice("1", "100", status=InvoiceStatus.VOID)
    load(known, valid, an_invoice("2", "40"))

    assert load(known, void).outcomes[Outcome.UPDATED] == 1
    month = the_record(known).months[0]
    assert (month.sales, month.sales_valid, month.sales_void) == (40, 1, 1)
    assert [type(refusal) for _, refusal in load(known, valid).refused] == [AlreadyExists]


def test_the_database_itself_lets_nothing_else_change(known: Records) -> None:
    load(known, an_invoice("1", "100"))

    for change in (
        "UPDATE vat_invoice SET net_minor = 1, gross_minor = 1 + tax_minor",
        "UPDATE vat_invoice SET status = 'void', counterparty = 'D2'",
        "DELETE FROM vat_invoice",
    ):
        with pytest.raises(IntegrityError), known.begin() as session:
            session.execute(text(change))


def test_void_and_reversed_invoices_leave_nothing(known: Records) -> None:
    load(
        known,
        an_invoice("1", "100", date(2019, 3, 5)),
        an_invoice("2", "100", date(2019, 4, 5)),
        an_invoice("3", "-100", date(2019, 5, 5)),  # takes back the one of April
        an_invoice("4", "-30", date(2019, 5, 6)),  # nothing of that amount: May is less by it
        an_invoice("5", "900", date(2019, 5, 7), status=InvoiceStatus.VOID),
    )

    months = {month.month_on.month: month.sales for month in the_record(known).months}
    assert months == {3: 100, 4: 0, 5: -30}
    earlier = the_record(known, date(2019, 4, 30))
    assert [month.sales for month in earlier.months] == [100, 100]


def test_both_ways_are_kept_apart_and_their_parties_counted(known: Records) -> None:
    buyers = [
        an_invoice("1", "60", counterparty="D1"),
        an_invoice("2", "30", counterparty="D2"),
        an_invoice("3", "10", counterparty="D3"),
    ]
    bought = an_invoice("1", "80", direction=Direction.PURCHASE, counterparty="C1")
    load(known, *buyers, bought)

    record = the_record(known)
    assert (record.months[0].sales, record.months[0].purchases) == (100, 80)
    assert record.buyers.largest == (60, 30, 10)
    assert record.buyers.squares == 60**2 + 30**2 + 10**2
    assert (record.sellers.parties, record.sellers.total) == (1, 80)


def test_who_has_no_invoice_has_no_record(known: Records) -> None:
    with known.begin() as session:
        assert VatInvoices(session).find_record("c-1", ON) is None
