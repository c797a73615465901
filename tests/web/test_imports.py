"""Is a file taken row by row for what it is, and what is broken told by line and column?"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.customer import Customer, Identifier, IdentifierScheme
from domain.errors import (
    ColumnMissing,
    ColumnUnknown,
    CreditError,
    EncodingUnknown,
    FileEmpty,
    ImportTooLarge,
    NotPermitted,
    ProfileUnknown,
)
from domain.identity import Person, Role
from domain.imports import ImportKind, ImportMode, ImportReport
from domain.receivable import ageing, turnover
from domain.statement import Item
from storage.base import Records
from storage.customer import Customers
from storage.imports import Imports
from storage.receivable import Receivables
from storage.screening import Lists
from storage.statement import Statements
from web.service.clock import Clock
from web.service.imports import BYTES_MAX, ImportService, import_csv, profiles

TODAY = date(2025, 6, 30)
USCC, OTHER_USCC = "91110000600037341L", "91440300MA5D0Q6W5X"
DATA = Path(__file__).resolve().parents[3] / "shared/data"
real = pytest.mark.skipif(not DATA.exists(), reason="the real data are not on this machine")


def a_person(*roles: Role) -> Person:
    return Person(person_id="manager", title="Relationship manager", roles=frozenset(roles))


MANAGER = a_person(Role.RELATIONSHIP_MANAGER)
RISK = a_person(Role.RISK_OFFICER)


def bring(
    records: Records,
    kind: str,
    content: str | bytes,
    *,
    profile: str = "standard",
    dry_run: bool = False,
    mode: ImportMode = ImportMode.ALL_OR_NOTHING,
    on: date = TODAY,
    person: Person = MANAGER,
) -> ImportReport:
    with records.begin() as session:
        return import_csv(
            session,
            ImportKind(kind),
            content.encode() if isinstance(content, str) else content,
            profile=profile,
            dry_run=dry_run,
            mode=mode,
            business_on=on,
            person=person,
        )


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    assert report.rows == report.created + report.updated + report.unchanged + report.refused
    return report.created, report.updated, report.unchanged, report.refused


def the_customer(records: Records, value: str = USCC) -> Customer:
    scheme = IdentifierScheme.USCC if len(value) == 18 else IdentifierScheme.INTERNAL
    with records.begin() as session:
        found = Customers(session).find_by_identifier(Identifier(scheme=scheme, value=value))
    assert found is not None
    return found


CUSTOMERS = f"name,name_zh,uscc,internal\nQuiet Harbour Foods,静港食品,{USCC},K-1\n"


@pytest.fixture
def known(records: Records) -> Iterator[Records]:
    """Records with one customer."""
    assert bring(records, "customers", CUSTOMERS).kept
    return records


# ── The file ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"", FileEmpty),
        (b"\n\n", FileEmpty),
        (b"name,colour\n", ColumnUnknown),
        (b"name,name\n", ColumnUnknown),
        (b"name,\n", ColumnUnknown),
        (b"uscc\n", ColumnMissing),
        ("name,uscc\n".encode("utf-32"), EncodingUnknown),
        ("name,uscc\n".encode("utf-16")[:-1], EncodingUnknown),
        (b"name,uscc\n\xff\xfe\x00,1\n\xff\xff,2\n", EncodingUnknown),
        (b"x" * (BYTES_MAX + 1), ImportTooLarge),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_one(
    records: Records, content: bytes, refusal: type[CreditError]
) -> None:
    with pytest.raises(refusal):
        bring(records, "customers", content)


def test_a_profile_that_is_not_there_is_refused(records: Records) -> None:
    for profile in ("none", "../standard", "us_statements/../standard"):
        with pytest.raises(ProfileUnknown):
            bring(records, "customers", CUSTOMERS, profile=profile)
    with pytest.raises(ProfileUnknown):
        bring(records, "lists", CUSTOMERS, profile="us_statements")
    assert set(profiles()) == {"standard", "us_statements", "receivables", "cn_vat"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_the_encodings_of_the_trade_are_read_alike(
    records: Records, encoding: str, ends: str
) -> None:
    report = bring(records, "customers", CUSTOMERS.replace("\n", ends).encode(encoding))

    assert report.encoding == ("gb18030" if encoding == "gb18030" else "utf-8")
    assert the_customer(records).name_zh == "静港食品"


def test_one_broken_byte_costs_its_row_and_turns_no_other_into_other_words(
    records: Records,
) -> None:
    lines = [f"公司{n},K-{n}".encode() for n in range(5)]
    lines[2] = lines[2][:4] + b"\xff" + lines[2][4:]
    report = bring(
        records, "customers", b"\n".join([b"name,internal", *lines]), mode=ImportMode.PER_ROW
    )

    assert report.encoding == "utf-8"
    assert counts(report) == (4, 0, 0, 1)
    assert (report.errors[0].line, report.errors[0].code) == (4, "row_broken")
    assert the_customer(records, "K-4").name == "公司4"


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("Two,K-2,more", "3 columns instead of 2"),
        ("Two", "1 columns instead of 2"),
        ("Two\0,K-2", "NUL"),
        ('"Two"x,K-2', "quote"),
        ('"Two,K-2', "quoted field does not end"),
        ("T" * 200_000 + ",K-2", "too long"),
        ("T" * 2_000_000, "too long"),
    ],
)
def test_a_broken_row_costs_itself_and_nothing_after_it(
    records: Records, broken: str, reason: str
) -> None:
    content = f"name,internal\nOne,K-1\n{broken}\nThree,K-3\n"
    report = bring(records, "customers", content, mode=ImportMode.PER_ROW)

    assert counts(report) == (2, 0, 0, 1)
    (error,) = report.errors
    assert (error.line, error.code) == (3, "row_broken")
    assert reason in error.detail
    assert error.detail_zh != error.detail
    assert the_customer(records, "K-3").name == "Three"


def test_a_quoted_cell_may_hold_commas_quotes_and_the_lines_after_it_keep_their_numbers(
    records: Records,
) -> None:
    content = 'name,name_zh,internal\n"One, ""the first""",,K-1\n\n"Two\nlines",,K-2\nThree,,\n'
    report = bring(records, "customers", content, mode=ImportMode.PER_ROW)

    assert the_customer(records, "K-1").name == 'One, "the first"'
    # A name is one line, and a customer without any code is nobody we could find again.
    assert [(e.line, e.column, e.code) for e in report.errors] == [
        (4, "name", "field_unreadable"),
        (6, "uscc", "field_missing"),
    ]


@given(content=st.binary(max_size=300))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_bytes_at_all_bring_an_import_down(known: Records, content: bytes) -> None:
    header = b"customer,invoice_no,issued_on,due_on,amount,currency\n"
    for whole in (content, header + content):
        try:
            report = bring(known, "invoices", whole, mode=ImportMode.PER_ROW)
        except CreditError:
            continue
        assert counts(report)[3] == len(report.errors)


# ── Modes ────────────────────────────────────────────────────────────────────────────────────────


def test_a_dry_run_says_all_and_changes_nothing(known: Records) -> None:
    content = f"name,uscc,internal\nQuiet Harbour Foods Ltd,{USCC},\nTwo,,K-2\nThree,x,\n"
    report = bring(known, "customers", content, dry_run=True)

    assert counts(report) == (1, 1, 0, 1)
    assert not report.kept
    assert report.refusal() is None
    assert the_customer(known).name == "Quiet Harbour Foods"
    with known.begin() as session:
        assert len(Customers(session).find_page()) == 1
        assert len(Imports(session).find_page()) == 1


def test_one_refused_row_stops_all_unless_each_row_stands_alone(known: Records) -> None:
    content = "name,internal\nTwo,K-2\nThree,\n"
    stopped = bring(known, "customers", content)
    refusal = stopped.refusal()
    assert not stopped.kept
    assert refusal is not None
    assert refusal.facts == {"rows_refused": "1", "rows": "2"}

    taken = bring(known, "customers", content, mode=ImportMode.PER_ROW)
    assert taken.kept
    assert counts(taken) == (1, 0, 0, 1)
    with known.begin() as session:
        ((_, kept), _) = Imports(session).find_page()
        assert kept == taken


def test_only_who_may_record_a_thing_may_import_it(known: Records) -> None:
    service = ImportService(known, Clock())
    with pytest.raises(NotPermitted):
        service.import_csv(RISK, ImportKind.CUSTOMERS, CUSTOMERS.encode())
    report = service.import_csv(MANAGER, ImportKind.CUSTOMERS, CUSTOMERS.encode())
    assert counts(report) == (0, 0, 1, 0)


# ── Customers ────────────────────────────────────────────────────────────────────────────────────


def test_the_same_customers_again_are_unchanged_and_what_is_left_out_stays(known: Records) -> None:
    again = bring(known, "customers", CUSTOMERS)
    more = bring(known, "customers", "name,internal,region\nQuiet Harbour Foods,K-1,CN-GD\n")

    assert (counts(again), counts(more)) == ((0, 0, 1, 0), (0, 1, 0, 0))
    customer = the_customer(known)
    assert (customer.name_zh, customer.region) == ("静港食品", "CN-GD")
    assert customer.manager_id == MANAGER.person_id


def test_a_customer_may_be_known_by_further_numbers_of_our_own(known: Records) -> None:
    bring(known, "customers", "name,internal\nQuiet Harbour Foods,K-1;0379-NEVHP\n")

    assert the_customer(known, "0379-NEVHP") == the_customer(known)


@pytest.mark.parametrize(
    ("cells", "column", "code"),
    [
        ("Two,91110000600037341M,,,", "uscc", "identifier_invalid"),
        (f"Two,{OTHER_USCC},K-1,,", "", ""),
        (",,K-2,,", "name", "field_missing"),
        ("Two,,K-2,2099-01-01,", "established_on", "date_in_future"),
        ("Two,,K-2,30/06/2020,", "established_on", "field_unreadable"),
        ("Two,,K-2,,many", "employees", "field_unreadable"),
        ("Two,,K-2,,-3", "employees", "field_unreadable"),
    ],
)
def test_a_wrong_cell_is_told_by_its_column(
    known: Records, cells: str, column: str, code: str
) -> None:
    header = "name,uscc,internal,established_on,employees"
    report = bring(known, "customers", f"{header}\n{cells}\n", mode=ImportMode.PER_ROW)

    if code:
        assert [(e.line, e.column, e.code) for e in report.errors] == [(2, column, code)]
    else:  # a further code of a customer we know
        assert counts(report) == (0, 1, 0, 0)


def test_a_row_that_names_two_customers_is_refused(known: Records) -> None:
    bring(known, "customers", "name,internal\nTwo,K-2\n")
    report = bring(known, "customers", f"name,uscc,internal\nBoth,{USCC},K-2\n")

    assert [e.code for e in report.errors] == ["already_exists"]


def test_two_rows_that_say_different_things_of_one_customer_are_refused(records: Records) -> None:
    content = f"name,uscc,internal\nOne,{USCC},\nOne,{USCC},\nOther,{USCC},\n"
    report = bring(records, "customers", content, mode=ImportMode.PER_ROW)

    assert counts(report) == (1, 0, 1, 1)
    assert (report.errors[0].line, report.errors[0].code) == (4, "row_repeated")


def test_groups_come_with_their_members(records: Records) -> None:
    header = "name,internal,group,group_name,group_name_zh"
    bring(records, "customers", f"{header}\nOne,K-1,G-1,Harbour,静港\nTwo,K-2,G-1,Harbour,静港\n")

    with records.begin() as session:
        assert len(Customers(session).members("G-1")) == 2
        assert Customers(session).read_group("G-1").name_zh == "静港"


# ── Statements ───────────────────────────────────────────────────────────────────────────────────

STATEMENT = "customer,period_end_on,currency,total_assets,total_liabilities,equity,unit,precision"


def a_statement(cells: str) -> str:
    return f"{STATEMENT}\n{USCC},{cells}\n"


def test_an_empty_cell_is_missing_and_what_follows_from_the_rest_is_derived(
    known: Records,
) -> None:
    bring(known, "statements", a_statement("2024-12-31,CNY,900.5,500,,10000,100"))

    with known.begin() as session:
        (statement,) = Statements(session).find_newest(the_customer(known).customer_id)
    assert statement.items == {
        Item.TOTAL_ASSETS: Decimal(9_005_000),
        Item.TOTAL_LIABILITIES: Decimal(5_000_000),
        Item.EQUITY: Decimal(4_005_000),
    }
    assert statement.derived == {Item.EQUITY}
    assert (statement.precision, statement.months) == (100, 12)
    assert statement.source.endswith(" line 2")


@pytest.mark.parametrize(
    ("cells", "column", "code"),
    [
        ("2024-12-31,CNY,900,500,401,,", "", "statement_unbalanced"),
        ("2025-07-01,CNY,900,500,400,,", "", "statement_in_future"),
        ("2024-12-31,CNY,-900,500,,,", "", "figure_negative"),
        ("2024-12-31,XYZ,900,500,400,,", "currency", "currency_unknown"),
        ("2024-12-31,,900,500,400,,", "currency", "field_missing"),
        ("2024-12-31,CNY,9e2,500,400,,", "total_assets", "field_unreadable"),
        ("2024-12-31,CNY,九百,500,400,,", "total_assets", "field_unreadable"),
        ("2024-12-31,CNY,NaN,500,400,,", "total_assets", "field_unreadable"),
        ("2024-12-31,CNY,99999999999999999999,,,,", "items", "malformed_amount"),
        ("2024-12-31,CNY,,,,,", "total_assets", "field_missing"),
        ("2024-02-30,CNY,900,500,400,,", "period_end_on", "field_unreadable"),
        ("2024-12-31,CNY,900,500,400,0,", "unit", "amount_not_positive"),
    ],
)
def test_a_statement_that_may_not_be_kept_says_why(
    known: Records, cells: str, column: str, code: str
) -> None:
    report = bring(known, "statements", a_statement(cells))

    assert [(e.column, e.code) for e in report.errors] == [(column, code)]


def test_a_statement_of_nobody_we_know_is_refused(known: Records) -> None:
    content = f"{STATEMENT}\n{OTHER_USCC},2024-12-31,CNY,900,500,400,,\n"
    report = bring(known, "statements", content)
    hidden = a_person(Role.RELATIONSHIP_MANAGER).model_copy(update={"person_id": "manager2"})
    of_another = bring(
        known, "statements", a_statement("2024-12-31,CNY,900,500,400,,"), person=hidden
    )

    assert [e.code for e in (*report.errors, *of_another.errors)] == ["customer_unknown"] * 2


def test_figures_that_changed_are_a_further_version(known: Records) -> None:
    first = a_statement("2024-12-31,CNY,900,500,400,,")
    outcomes = [
        counts(bring(known, "statements", content))
        for content in (first, first, a_statement("2024-12-31,CNY,950,500,450,,"))
    ]
    assert outcomes == [(1, 0, 0, 0), (0, 0, 1, 0), (0, 1, 0, 0)]


# ── Invoices and payments ────────────────────────────────────────────────────────────────────────

INVOICE = "customer,invoice_no,issued_on,due_on,amount,currency,disputed,settled_on"
PAYMENT = "customer,payment_no,invoice_no,paid_on,amount,currency"


def test_an_invoice_settled_later_is_the_same_invoice_with_a_payment(known: Records) -> None:
    opened = f"{INVOICE}\n{USCC},i-1,2025-05-01,2025-05-31,100.00,CNY,no,\n"
    settled = f"{INVOICE}\n{USCC},i-1,2025-05-01,2025-05-31,100.00,CNY,否,2025-06-10\n"
    outcomes = [counts(bring(known, "invoices", file)) for file in (opened, settled, settled)]

    assert outcomes == [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0)]
    with known.begin() as session:
        assert Receivables(session).open_items(TODAY) == ()
        assert len(Receivables(session).open_items(date(2025, 6, 9))) == 1


def test_payments_in_parts_settle_their_invoice_and_no_more(known: Records) -> None:
    bring(known, "invoices", f"{INVOICE}\n{USCC},i-1,2025-05-01,2025-05-31,100.00,CNY,,\n")
    rows = [
        f"{USCC},p-{n},i-1,2025-06-0{n},{amount},CNY" for n, amount in enumerate((60, 40, 1), 1)
    ]
    report = bring(known, "payments", "\n".join([PAYMENT, *rows]), mode=ImportMode.PER_ROW)

    assert counts(report) == (2, 0, 0, 1)
    assert (report.errors[0].line, report.errors[0].code) == (4, "more_than_invoiced")


@pytest.mark.parametrize(
    ("cells", "column", "code"),
    [
        ("i-1,2025-05-01,2025-05-31,-5,CNY,,", "amount", "amount_not_positive"),
        ("i-1,2025-05-01,2025-05-31,0.001,CNY,,", "amount", "malformed_amount"),
        ("i-1,2025-05-01,2025-05-31,1e30,CNY,,", "amount", "malformed_amount"),
        ("i-1,2025-05-01,2025-05-31,9999999999999999999,CNY,,", "amount", "malformed_amount"),
        ("i-1,2025-05-01,2025-05-31,5,RMB,,", "currency", "currency_unknown"),
        ("i-1,2025-07-01,2025-07-31,5,CNY,,", "issued_on", "date_in_future"),
        ("i-1,2025-05-01,2025-05-31,5,CNY,,2025-07-01", "settled_on", "date_in_future"),
        ("i-1,2025-05-01,2025-04-30,5,CNY,,", "due_on", "field_unreadable"),
        ("i-1,2025-05-01,2025-05-31,5,CNY,perhaps,", "disputed", "field_unreadable"),
        (",2025-05-01,2025-05-31,5,CNY,,", "invoice_no", "field_missing"),
    ],
)
def test_an_invoice_that_cannot_be_is_refused(
    known: Records, cells: str, column: str, code: str
) -> None:
    report = bring(known, "invoices", f"{INVOICE}\n{USCC},{cells}\n")

    assert [(e.column, e.code) for e in report.errors] == [(column, code)]


# ── Lists and rates ──────────────────────────────────────────────────────────────────────────────

LIST = "list_code,list_version,scheme,value,effect,rule"


def test_a_list_is_taken_whole_or_not_at_all(known: Records) -> None:
    good = f"{LIST}\nnegative,1,uscc,{USCC},stop,N-1\nnegative,1,internal,K-9,suspend,N-2\n"
    bad = f"{LIST}\nnegative,2,uscc,{USCC},stop,N-1\nnegative,2,uscc,{USCC}0,stop,N-1\n"
    first = bring(known, "lists", good, person=RISK)
    second = bring(known, "lists", bad, person=RISK, mode=ImportMode.PER_ROW)

    assert counts(first) == (2, 0, 0, 0)
    assert (second.kept, second.mode) == (False, ImportMode.ALL_OR_NOTHING)
    assert [(e.line, e.column, e.code) for e in second.errors] == [
        (3, "value", "identifier_invalid")
    ]
    assert counts(bring(known, "lists", good, person=RISK)) == (0, 0, 2, 0)
    with known.begin() as session:
        assert Lists(session).versions() == {"negative": "1"}


def test_a_rate_on_record_is_not_overwritten(known: Records) -> None:
    header = "base,quote,kind,rate,rate_on"
    first = f"{header}\nUSD,CNY,,7.1,2025-06-30\nJPY,CNY,average,0.048,2025-06-30\n"
    other = f"{header}\nUSD,CNY,spot,7.2,2025-06-30\n"
    outcomes = [bring(known, "rates", file, person=RISK) for file in (first, first, other)]

    assert [counts(outcome) for outcome in outcomes] == [(2, 0, 0, 0), (0, 0, 2, 0), (0, 0, 0, 1)]
    assert outcomes[2].errors[0].code == "already_exists"


# ── Real files ───────────────────────────────────────────────────────────────────────────────────


@real
def test_real_statements_come_in_but_for_the_one_that_does_not_tie(records: Records) -> None:
    file = DATA / "us_statements/us_firm_years_1999_2011.csv"
    content = b"".join(file.read_bytes().splitlines(keepends=True)[:2600])
    first = bring(records, "customers", content, profile="us_statements")
    report = bring(records, "statements", content, profile="us_statements", mode=ImportMode.PER_ROW)

    assert first.refused == 0
    assert (report.created, report.refused) == (2598, 1)
    assert report.errors[0].code == "statement_unbalanced"
    assert "differs by 8017000" in report.errors[0].detail
    with records.begin() as session:
        newest = Statements(session).find_newest(the_customer(records, "US00001").customer_id)[-1]
    assert newest.find(Item.CASH) is None
    assert {Item.EQUITY, Item.OPERATING_EXPENSES} <= newest.derived


@real
def test_real_receivables_give_the_figures_known_of_them(records: Records) -> None:
    content = (DATA / "receivables/invoices.csv").read_bytes()
    as_of = date(2012, 12, 31)
    bring(records, "customers", content, profile="receivables", on=as_of)
    report = bring(records, "invoices", content, profile="receivables", on=as_of)

    assert counts(report) == (2466, 0, 0, 0)
    with records.begin() as session:
        receivables = Receivables(session)
        aged = ageing(receivables.open_items(as_of, currency="USD"), as_of, "USD")
        turned = turnover(aged, receivables.sales(as_of, 90, currency="USD"), 90)
    assert (aged.items, aged.total.text, aged.current.text) == (99, "5725.06", "4936.32")
    assert (aged.buckets["1-30"].text, turned.sales.text) == ("788.74", "19196.81")
    assert (turned.days_outstanding, turned.days_outstanding_best) == (
        Decimal("26.84"),
        Decimal("23.14"),
    )
