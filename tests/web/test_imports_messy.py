"""Is every row of what other systems write taken for what it says, or refused with its reason?"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from domain.imports import ImportMode, ImportReport
from domain.money import Money
from domain.receivable import ageing
from storage.base import Records
from storage.receivable import Receivables
from tests.web.test_imports import TODAY, bring

CUSTOMERS = ("K-1", "K-2")
NAMES = ("静港食品", "静港食品有限公司", "Quiet Harbour Foods", "")
CURRENCIES = ("CNY", "USD")
FORMS = (
    "{0:%Y-%m-%d}",
    "{0.year}/{0.month}/{0.day}",
    "{0:%Y%m%d}",
    "{0.year}.{0.month}.{0.day}",
    "{0.year}年{0.month}月{0.day}日",
    "{0:%Y-%m-%d} 00:00:00",
)
INVOICES = "customer,scheme,customer_name,invoice_no,issued_on,due_on,amount,currency"
PAYMENTS = "customer,scheme,customer_name,payment_no,invoice_no,paid_on,amount,currency"
NOTES = "customer,scheme,customer_name,credit_note_no,invoice_no,issued_on,amount,currency,reverses"


@dataclass(frozen=True)
class Claim:
    """One row of an invoice file, in values; `issued` and `days` count from today."""

    customer: str
    name: str
    no: str
    issued: int
    days: int
    cents: int
    currency: str
    forms: tuple[str, str]
    grouped: bool

    @property
    def issued_on(self) -> date:
        return TODAY + timedelta(days=self.issued)

    @property
    def due_on(self) -> date:
        return self.issued_on + timedelta(days=self.days)

    @property
    def row(self) -> str:
        amount = f"{self.cents / 100:,.2f}" if self.grouped else f"{self.cents / 100:.2f}"
        cell = f'"{amount}"' if "," in amount else amount
        issued, due = self.forms
        return (
            f"{self.customer},internal,{self.name},{self.no},{issued.format(self.issued_on)},"
            f"{due.format(self.due_on)},{cell},{self.currency}"
        )

    @property
    def flaw(self) -> str | None:
        """Why the row by itself is refused, of what a reader meets first."""
        if self.customer not in CUSTOMERS:
            return "customer_unknown"
        if self.issued > 0:
            return "date_in_future"
        if self.cents <= 0:
            return "amount_not_positive"
        return "field_unreadable" if self.days < 0 else None

    @property
    def said(self) -> tuple[object, ...]:
        return self.issued_on, self.due_on, self.cents, self.currency


_CLAIMS = st.lists(
    st.builds(
        Claim,
        customer=st.sampled_from((*CUSTOMERS, "K-9")),
        name=st.sampled_from(NAMES),
        no=st.sampled_from(("A-1", "A-2", "A-3", "红字-4", "000123")),
        issued=st.sampled_from((-400, -90, -31, -30, -1, 0, 1)),
        days=st.sampled_from((-5, 0, 30, 60)),
        cents=st.sampled_from((-12_345, 0, 1, 99_999, 123_456_789)),
        currency=st.sampled_from(CURRENCIES),
        forms=st.tuples(st.sampled_from(FORMS), st.sampled_from(FORMS)),
        grouped=st.booleans(),
    ),
    max_size=14,
).flatmap(lambda rows: st.lists(st.sampled_from(rows), max_size=6).map(lambda more: rows + more) if rows else st.just(rows))  # fmt: skip
_BLANKS = st.lists(st.tuples(st.integers(0, 20), st.sampled_from(("", ",,,,,,,", " , ,,,,,,\t"))))


@pytest.fixture
def known(records: Records) -> Iterator[Records]:
    """Two customers known by numbers of our own."""
    rows = "".join(f"Quiet Harbour Foods {code},{code}\n" for code in CUSTOMERS)
    assert bring(records, "customers", f"name,internal\n{rows}").kept
    return records


def a_file(header: str, rows: list[str], encoding: str = "utf-8", ends: str = "\n") -> bytes:
    return ends.join([header, *rows, ""]).encode(encoding)


def all_told(report: ImportReport) -> int:
    return report.created + report.updated + report.unchanged + report.refused


def empty(records: Records) -> None:
    with records.begin() as session:
        session.execute(text("TRUNCATE payment, credit_note, invoice CASCADE"))


def everything(records: Records) -> list[tuple[object, ...]]:
    """What is on record, but for the file it came from."""
    with records.begin() as session:
        return [
            tuple(row)
            for row in session.execute(
                text(
                    "SELECT customer_id, invoice_no, '', issued_on, due_on, amount_minor, currency"
                    " FROM invoice UNION ALL"
                    " SELECT customer_id, invoice_no, payment_no, paid_on, NULL, amount_minor,"
                    " currency FROM payment UNION ALL"
                    " SELECT customer_id, invoice_no, credit_note_no, issued_on, NULL,"
                    " amount_minor, currency FROM credit_note ORDER BY 1, 2, 3, 4"
                )
            )
        ]


def lines_of(rows: list[str]) -> list[int]:
    """The lines of the rows that are not blank; the header is line 1."""
    return [line for line, row in enumerate(rows, 2) if row.replace(",", "").strip()]


@given(
    claims=_CLAIMS,
    blanks=_BLANKS,
    encoding=st.sampled_from(("utf-8", "utf-8-sig", "gb18030")),
    ends=st.sampled_from(("\n", "\r\n")),
)
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_invoice_is_taken_or_refused_and_its_refused_rows_again_double_nothing(
    known: Records,
    claims: list[Claim],
    blanks: list[tuple[int, str]],
    encoding: str,
    ends: str,
) -> None:
    empty(known)
    rows = [claim.row for claim in claims]
    for place, blank in blanks:
        rows.insert(min(place, len(rows)), blank)
    held: dict[tuple[str, str], Claim] = {}
    refused: dict[int, str] = {}
    for line, claim in zip(lines_of(rows), claims, strict=True):
        first = None if claim.flaw else held.setdefault((claim.customer, claim.no), claim)
        if first is None:
            refused[line] = str(claim.flaw)
        elif first.said != claim.said:
            refused[line] = "row_repeated"

    report = bring(
        known, "invoices", a_file(INVOICES, rows, encoding, ends), mode=ImportMode.PER_ROW
    )

    assert all_told(report) == report.rows == len(claims)
    assert {error.line: error.code for error in report.errors} == refused
    assert all(error.detail and error.detail_zh for error in report.errors)
    assert (report.created, report.updated) == (len(held), 0)
    with known.begin() as session:
        items = Receivables(session).open_items(TODAY)
    for currency in CURRENCIES:
        owed = sum(claim.cents for claim in held.values() if claim.currency == currency)
        own = [item for item in items if item.amount.currency == currency]
        assert ageing(own, TODAY, currency).total == Money(minor=owed, currency=currency)

    before = everything(known)
    again = bring(
        known,
        "invoices",
        a_file(INVOICES, [rows[line - 2] for line in refused], encoding, ends),
        mode=ImportMode.PER_ROW,
    )
    assert all_told(again) == again.rows == len(refused)
    assert again.created == again.updated == 0
    whole = bring(
        known, "invoices", a_file(INVOICES, rows, encoding, ends), mode=ImportMode.PER_ROW
    )
    assert (whole.created, whole.updated, whole.refused) == (0, 0, len(refused))
    assert everything(known) == before


_PARTS = st.lists(
    st.tuples(
        st.sampled_from((*CUSTOMERS, "K-9")),
        st.sampled_from(("p-1", "p-2", "p-3")),
        st.sampled_from(("A-1", "A-2", "A-9")),
        st.integers(-40, 1),
        st.sampled_from((-100, 0, 1, 4_000, 6_000, 10_000)),
        st.sampled_from(CURRENCIES),
        st.sampled_from(FORMS),
        st.sampled_from(("", "p-1", "p-2")),
    ),
    max_size=16,
)


@given(parts=_PARTS, notes=st.booleans(), encoding=st.sampled_from(("utf-8", "gb18030")))
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_takes_off_invoices_never_passes_them_and_the_same_file_again_doubles_nothing(
    known: Records,
    parts: list[tuple[str, str, str, int, int, str, str, str]],
    notes: bool,
    encoding: str,
) -> None:
    empty(known)
    opened = [
        f"{customer},internal,{NAMES[0]},{no},2025-01-01,2025-02-01,100.00,CNY"
        for customer in CUSTOMERS
        for no in ("A-1", "A-2")
    ]
    assert bring(known, "invoices", a_file(INVOICES, opened, encoding)).created == 4
    kind, header = ("credit_notes", NOTES) if notes else ("payments", PAYMENTS)
    rows = []
    for customer, no, invoice_no, day, cents, currency, form, reverses in parts:
        on, amount = form.format(TODAY + timedelta(days=day)), f"{cents / 100:.2f}"
        row = f"{customer},internal,{NAMES[1]},{no},{invoice_no},{on},{amount},{currency}"
        rows.append(f"{row},{reverses}" if notes else row)
    content = a_file(header, rows, encoding)
    report = bring(known, kind, content, mode=ImportMode.PER_ROW)

    assert all_told(report) == report.rows == len(rows)
    assert Counter(error.line for error in report.errors).total() == report.refused
    before = everything(known)
    assert len(before) == 4 + report.created
    for back in range(45):
        with known.begin() as session:
            items = Receivables(session).open_items(TODAY - timedelta(days=back))
            as_of = {"on": TODAY - timedelta(days=back)}
            off = session.execute(
                text("SELECT sum(amount_minor) FROM invoice_reduction WHERE counts_on <= :on"),
                as_of,
            ).scalar()
        assert sum(item.amount.minor for item in items) == 40_000 - int(off or 0)

    again = bring(known, kind, content, mode=ImportMode.PER_ROW)
    refused = a_file(header, [rows[error.line - 2] for error in report.errors], encoding)
    once_more = bring(known, kind, refused, mode=ImportMode.PER_ROW)
    assert (again.created, again.updated) == (0, 0)
    assert (once_more.created, once_more.updated) == (0, 0)
    assert everything(known) == before


def test_several_names_of_one_number_are_one_customer_and_two_records_of_it_are_refused(
    known: Records,
) -> None:
    named = "name,internal\n静港食品,K-3\n静港食品有限公司,K-3\n".encode("gb18030")
    report = bring(known, "customers", named, mode=ImportMode.PER_ROW)
    claims = [
        f"K-3,internal,{name},A-{n},2025-01-01,2025-02-01,1.00,CNY" for n, name in enumerate(NAMES)
    ]
    taken = bring(known, "invoices", a_file(INVOICES, claims, "gb18030"))

    assert (report.created, [error.code for error in report.errors]) == (1, ["row_repeated"])
    assert taken.created == len(NAMES)
    with known.begin() as session:
        items = Receivables(session).open_items(TODAY)
    assert len({item.invoice.customer_id for item in items}) == 1
