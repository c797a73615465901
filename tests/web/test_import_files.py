"""What offices send: workbooks, old encodings, dates and amounts in several forms; right or refused."""

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

import pytest
import xlsxwriter

from domain.errors import ColumnUnknown, CreditError, FileEmpty, RowBroken, SheetUnreadable
from domain.imports import ImportMode, ImportReport
from domain.statement import Item
from storage.base import Records
from storage.statement import Statements
from tests.web.test_imports import CUSTOMERS, USCC, bring, counts, the_customer
from web.service.imports.rows import BrokenRow, Row, Rows

STATEMENT = ("customer", "period_end_on", "currency", "total_assets")


def a_workbook(write: Callable[..., None], *, computed: bool = True) -> bytes:
    """An XLSX file with one sheet; `computed` is whether its formulas count by their values."""
    held = io.BytesIO()
    book = xlsxwriter.Workbook(held)
    write(book, book.add_worksheet("报表"))
    book.close()
    content = held.getvalue()
    if computed:
        return _without_stale_mark(content)
    return content


def _without_stale_mark(content: bytes) -> bytes:
    """The writer marks every workbook as to be computed anew; office programs do not."""
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as found, zipfile.ZipFile(held, "w") as made:
        for name in found.namelist():
            made.writestr(name, found.read(name).replace(b' fullCalcOnLoad="1"', b""))
    return held.getvalue()


def a_table(*rows: tuple[object, ...]) -> bytes:
    def write(book: object, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        for line, row in enumerate(rows):
            for column, value in enumerate(row):
                sheet.write(line, column, value)

    return a_workbook(write)


@pytest.fixture
def known(records: Records) -> Records:
    assert bring(records, "customers", CUSTOMERS).kept
    return records


def total_assets(records: Records) -> Decimal | None:
    with records.begin() as session:
        newest = Statements(session).find_newest(the_customer(records).customer_id)[-1]
    return newest.find(Item.TOTAL_ASSETS)


def statement(records: Records, period: str = "2024-12-31", total: str = "900") -> ImportReport:
    row = f'{USCC},{period},CNY,"{total}"'
    return bring(records, "statements", ",".join(STATEMENT) + f"\n{row}\n")


# ── Workbooks ────────────────────────────────────────────────────────────────────────────────────


def test_a_workbook_is_read_as_a_table(known: Records) -> None:
    content = a_table(STATEMENT, (USCC, "2024-12-31", "CNY", 0.1 + 0.2), (None, None), ())
    report = bring(known, "statements", content)

    assert counts(report) == (1, 0, 0, 0)
    assert report.encoding == "xlsx 报表"
    assert total_assets(known) == Decimal("0.3")
    assert counts(bring(known, "statements", content)) == (0, 0, 1, 0)


def test_a_cell_that_is_a_date_is_that_date(known: Records) -> None:
    def write(book: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write_row(0, 0, STATEMENT)
        sheet.write_row(1, 0, (USCC, None, "CNY", 900))
        sheet.write_datetime(
            1, 1, datetime(2024, 12, 31), book.add_format({"num_format": "yyyy/m/d"})
        )

    assert counts(bring(known, "statements", a_workbook(write))) == (1, 0, 0, 0)


def test_a_formula_counts_by_the_value_stored_with_it(known: Records) -> None:
    def write(book: object, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write_row(0, 0, STATEMENT)
        sheet.write_row(1, 0, (USCC, "2024-12-31", "CNY"))
        sheet.write_formula(1, 3, "=400+500", None, 900)

    assert counts(bring(known, "statements", a_workbook(write))) == (1, 0, 0, 0)
    assert total_assets(known) == 900


@pytest.mark.parametrize(
    ("formula", "value", "computed"), [("=400+500", 900, False), ("=1/0", "#DIV/0!", True)]
)
def test_a_formula_without_a_value_is_refused_at_its_cell(
    known: Records, formula: str, value: object, computed: bool
) -> None:
    def write(book: object, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write_row(0, 0, STATEMENT)
        sheet.write_row(1, 0, (USCC, "2023-12-31", "CNY", 900))
        sheet.write_row(2, 0, (USCC, "2024-12-31", "CNY"))
        sheet.write_formula(2, 3, formula, None, value)

    report = bring(
        known, "statements", a_workbook(write, computed=computed), mode=ImportMode.PER_ROW
    )
    assert counts(report) == (1, 0, 0, 1)
    (error,) = report.errors
    assert (error.line, error.column, error.code) == (3, "total_assets", "row_broken")
    assert "D3" in error.detail


def test_cells_merged_into_one_are_refused_where_they_are(known: Records) -> None:
    def write(book: object, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write_row(0, 0, STATEMENT)
        sheet.merge_range("A2:A3", USCC)
        for line, period in ((1, "2023-12-31"), (2, "2024-12-31")):
            sheet.write_row(line, 1, (period, "CNY", 900))

    report = bring(known, "statements", a_workbook(write))
    assert [(each.line, each.column) for each in report.errors] == [
        (2, "customer"),
        (3, "customer"),
    ]


def test_a_merged_header_refuses_the_file_and_names_the_cell() -> None:
    def write(book: object, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.merge_range("B1:C1", "金额")

    with pytest.raises(RowBroken) as refused:
        Rows(a_workbook(write))
    assert "B1" in refused.value.detail()


def test_a_number_longer_than_a_sheet_can_hold_is_refused(known: Records) -> None:
    content = a_table(STATEMENT, (12345678901234567890, "2024-12-31", "CNY", 1))
    (error,) = bring(known, "statements", content).errors

    assert (error.line, error.column) == (2, "customer")


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"PK\x03\x04 and nothing more", SheetUnreadable),
        (b"\xd0\xcf\x11\xe0 a workbook of 2003", SheetUnreadable),
        (a_table(), FileEmpty),
        (a_table(("name", None, "uscc")), ColumnUnknown),
    ],
)
def test_a_workbook_that_cannot_be_read_is_refused_as_one(
    records: Records, content: bytes, refusal: type[CreditError]
) -> None:
    with pytest.raises(refusal):
        bring(records, "customers", content)


def test_a_single_cell_in_the_last_corner_takes_no_room() -> None:
    def write(book: object, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write(0, 0, "name")
        sheet.write(1_048_575, 16_383, "x")

    with pytest.raises(CreditError) as refused:
        Rows(a_workbook(write))
    assert refused.value.code == "import_too_large"


# ── Encodings ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_what_offices_save_is_read_and_named(
    records: Records, encoding: str, delimiter: str
) -> None:
    report = bring(records, "customers", CUSTOMERS.replace(",", delimiter).encode(encoding))

    named = {"utf-8-sig": "utf-8", "gbk": "gb18030"}.get(encoding, encoding)
    assert (report.created, report.encoding) == (1, named)
    assert the_customer(records).name_zh == "静港食品"


@pytest.mark.parametrize(("most", "one"), [("utf-8", "gb18030"), ("gb18030", "utf-8")])
def test_a_line_in_another_encoding_is_refused_as_that_line(
    records: Records, most: str, one: str
) -> None:
    head = b"name,name_zh,internal\n"
    lines = [f"Firm {n},静港食品第{n}厂,K-{n}\n".encode(most) for n in range(4)]
    lines[2] = "Firm 2,静港食品第二厂,K-2\n".encode(one)
    report = bring(records, "customers", head + b"".join(lines), mode=ImportMode.PER_ROW)

    assert (report.created, report.encoding) == (3, most)
    assert [(each.line, each.code) for each in report.errors] == [(4, "row_broken")]


# ── Dates and amounts ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "written",
    [
        "2017-09-01",
        "2017/9/1",
        "20170901",
        "2017.09.01",
        "2017年9月1日",
        "２０１７－０９－０１",
        "2017-09-01 12:30:00",
    ],
)
def test_a_day_is_read_in_the_forms_people_write(known: Records, written: str) -> None:
    assert counts(statement(known, written)) == (1, 0, 0, 0)
    with known.begin() as session:
        (found,) = Statements(session).find_newest(the_customer(known).customer_id)
    assert found.period_end_on == date(2017, 9, 1)


@pytest.mark.parametrize("written", ["2017-13-01", "2017-9/1", "201791", "1/9/2017", "43000", "0"])
def test_any_other_day_is_refused_at_its_column(known: Records, written: str) -> None:
    (error,) = statement(known, written).errors
    assert (error.line, error.column, error.code) == (2, "period_end_on", "field_unreadable")


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("1,234,567.89", "1234567.89"),
        ("１２３４．５０", "1234.50"),
        ("１，２３４．５０", "1234.50"),
        ("900", "900"),
    ],
)
def test_an_amount_is_read_in_the_forms_people_write(
    known: Records, written: str, amount: str
) -> None:
    assert counts(statement(known, total=written)) == (1, 0, 0, 0)
    assert total_assets(known) == Decimal(amount)


@pytest.mark.parametrize("written", ["1,23", "12,34,567", "1.234,50", "1e6", "(900)", "9 00", "五"])
def test_any_other_amount_is_refused_at_its_column(known: Records, written: str) -> None:
    (error,) = statement(known, total=written).errors
    assert (error.line, error.column, error.code) == (2, "total_assets", "field_unreadable")


def test_a_large_file_is_read_to_its_end() -> None:
    content = b"name,internal\n" + b"A quiet firm of many words,K-1\n" * 1_000_000

    assert len(content) > 30_000_000
    kept = sum(isinstance(row, Row) for row in Rows(content))
    assert kept == 1_000_000


def test_a_broken_row_in_a_sheet_costs_itself() -> None:
    rows = list(Rows(a_table(("a", "b"), ("1", "2"), ("1", "2", "3"), ("4",))))

    assert [isinstance(row, BrokenRow) for row in rows] == [False, True, False]
