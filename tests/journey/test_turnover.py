"""Twenty real small enterprises, imported from their invoice books, each to its end by policy.

The figures are added up again from the files by sums that know nothing of the product.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from domain.application import Application, ApplicationChange, CaseStatus
from domain.assessment import Assessment
from domain.calendar import business_on
from domain.customer import Customer
from domain.identity import Person, Role
from domain.imports import ImportKind
from domain.money import Money
from policies.assessment import replay
from storage.edition import read_shipped
from storage.exposure import Exposure
from tests.road import settle
from tests.web.office import Office
from web.service.clock import Clock
from web.service.once import JoinedRecords
from web.service.services import Services, build_services
from workflows.codec import Codec

BOOKS = Path(__file__).resolve().parents[3] / "shared/data/cn_vat_invoices"
pytestmark = pytest.mark.skipif(not BOOKS.exists(), reason="the real data are not on this machine")

ON = date(2019, 12, 31)
YEAR = (date(2019, 1, 1), ON)
MANAGER = Person(
    person_id="manager", title="Relationship manager", roles=frozenset({Role.RELATIONSHIP_MANAGER})
)
FILES = {
    ImportKind.CUSTOMERS: "enterprises.csv",
    ImportKind.SALES_INVOICES: "sales_invoices.csv",
    ImportKind.PURCHASE_INVOICES: "purchase_invoices.csv",
}


class Office2019(NamedTuple):
    services: Services
    customers: dict[str, Customer]  # by the source's code


@pytest.fixture
def office(database_url: str, tmp_path: Path) -> Iterator[Office2019]:
    """An installation at the end of 2019, under the edition for invoices, with the books read in."""
    records = JoinedRecords(database_url, connections_max=10, policy="invoices")
    settle(records, read_shipped("invoices"))
    exposure = Exposure(records, connections_max=2)
    gateway = Office(records, exposure, tmp_path)
    gateway.offset_days = (ON - business_on(datetime.now(UTC))).days
    services = build_services(
        records, exposure, gateway, Clock(gateway.offset_days), Codec(bytes(32))
    )
    for kind, name in FILES.items():
        content = (BOOKS / name).read_bytes()
        report = services.imports.import_csv(MANAGER, kind, content, profile="cn_vat")
        assert (report.kept, report.refused, report.updated) == (True, 0, 0)
    found = services.customers.list_customers(MANAGER, page_size=50)
    yield Office2019(services, {each.identifiers[0].value: each for each in found})
    exposure.close()
    records.close()


def test_each_of_twenty_enterprises_ends_in_a_grade_a_limit_and_a_price(
    office: Office2019,
) -> None:
    assert len(office.customers) == 20
    sales, purchases = the_book("sales", "购方单位代号"), the_book("purchase", "销方单位代号")
    ended: dict[str, Assessment] = {}
    for code, customer in office.customers.items():
        ended[code] = judged(office.services, customer, with_invoices=code in sales)
    for code, receipt in ended.items():
        record = receipt.dossier.invoices
        assert (record is not None) is (code in sales), code
        assert receipt.rating.grade in {"AAA", "AA", "A", "BBB", "BB", "B", "CCC", "D"}
        assert receipt.price.rate_annual > 0
        assert replay(receipt, read_shipped("invoices")) == []
        if record is None:
            assert receipt.limit.limit_proposed.minor == 0, "nothing is lent on no turnover"
            continue
        kept = [month for month in record.months if YEAR[0] <= month.month_on <= YEAR[1]]
        assert sum(month.sales for month in kept) == sales[code].year
        assert sum(month.purchases for month in kept) == purchases[code].year
        assert record.buyers.total == sum(n for n in sales[code].parties.values() if n > 0)
        assert record.buyers.largest[0] == max(sales[code].parties.values())
        assert sum(month.sales_void for month in kept) == sales[code].void
    with_turnover = {code for code in sales if ended[code].limit.limit_proposed.minor > 0}
    assert len(with_turnover) >= 4
    assert len({ended[code].rating.grade for code in sales}) >= 2


def test_one_enterprise_in_full_by_hand(office: Office2019) -> None:
    """Turnover, growth, gaps and concentration of one book as factors in its receipt."""
    book = the_book("sales", "购方单位代号")["E126"]
    receipt = judged(office.services, office.customers["E126"], with_invoices=True)
    values = {
        factor.code: Decimal(factor.value) for factor in receipt.rating.factors if factor.value
    }

    def rounded(number: Decimal) -> Decimal:
        return number.quantize(Decimal("0.000001"))

    positive = [amount for amount in book.parties.values() if amount > 0]
    total = sum(positive, Decimal(0))
    assert values["invoice_sales_size"] == rounded(book.year / 1_000_000)
    assert values["invoice_sales_growth"] == rounded(book.year / book.year_before - 1)
    assert values["invoice_gap_months"] == book.gaps
    assert values["invoice_buyer_top_share"] == rounded(max(positive) / total)
    assert values["invoice_buyer_hhi"] == rounded(sum((each / total) ** 2 for each in positive))
    assert values["invoice_void_share"] == rounded(Decimal(book.void) / (book.void + book.valid))
    assert receipt.limit.binding == "invoice_turnover"


def judged(services: Services, customer: Customer, *, with_invoices: bool) -> Assessment:
    """The receipt of a new line; who has no invoices is asked for them, and brings tax returns."""
    application = Application(
        customer_id=customer.customer_id,
        limit_requested=Money.of(500_000, "CNY"),
        purpose="goods for the season",
    )
    case = services.applications.submit(MANAGER, application, f"k-{customer.customer_id}")
    if not with_invoices:
        assert case.status is CaseStatus.INCOMPLETE
        assert "vat_invoices" in case.missing
        returns = services.attachments.record(MANAGER, b"%PDF-1.7 tax returns", "returns.pdf")
        change = ApplicationChange(attachments={"vat_invoices": returns.sha256})
        services.applications.supplement(MANAGER, case.case_id, change)
    view = services.applications.read_case(MANAGER, case.case_id)
    assert view.assessment is not None, (customer.name, view.case.status, view.case.missing)
    return view.assessment


# ── The same sums, made of the files alone ───────────────────────────────────────────────────────


class Book(NamedTuple):
    """One enterprise's net amounts of 2019 and of 2018, after red letters."""

    year: Decimal
    year_before: Decimal
    gaps: int
    parties: dict[str, Decimal]
    void: int
    valid: int


def the_book(side: str, party: str) -> dict[str, Book]:
    with (BOOKS / f"{side}_invoices.csv").open(encoding="utf-8-sig") as file:
        by_code: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in csv.DictReader(file):
            by_code[row["企业代号"]].append(row)
    books = defaultdict(lambda: Book(Decimal(0), Decimal(0), 0, {}, 0, 0))
    books.update({code: a_book(rows, party) for code, rows in by_code.items()})
    return books


def a_book(rows: list[dict[str, Any]], party: str) -> Book:
    valid = [row for row in rows if "作废" not in row["发票状态"]]
    counted = without_reversed(valid, party)

    def net(year: str) -> Decimal:
        of_year = (Decimal(row["金额"]) for row in counted if row["开票日期"].startswith(year))
        return sum(of_year, Decimal(0))

    parties: dict[str, Decimal] = defaultdict(Decimal)
    for row in counted:
        if row["开票日期"].startswith("2019"):
            parties[row[party]] += Decimal(row["金额"])
    months = [net(f"2019-{month:02d}") for month in range(1, 13)]
    of_2019 = [row for row in rows if row["开票日期"].startswith("2019")]
    void = sum("作废" in row["发票状态"] for row in of_2019)
    return Book(
        year=net("2019"),
        year_before=net("2018"),
        gaps=sum(month <= 0 for month in months),
        parties=dict(parties),
        void=void,
        valid=len(of_2019) - void,
    )


def without_reversed(rows: list[dict[str, Any]], party: str) -> list[dict[str, Any]]:
    """What is left once each red letter went with an earlier invoice of its party and amount."""
    left = sorted(rows, key=lambda row: (row["开票日期"], Decimal(row["金额"]) < 0))
    gone: set[int] = set()
    for place, red in enumerate(left):
        if Decimal(red["价税合计"]) >= 0:
            continue
        for earlier in range(place - 1, -1, -1):
            same = left[earlier][party] == red[party] and earlier not in gone
            if same and Decimal(left[earlier]["价税合计"]) == -Decimal(red["价税合计"]):
                gone |= {place, earlier}
                break
    return [row for place, row in enumerate(left) if place not in gone]
