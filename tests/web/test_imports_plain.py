"""Do the quick roads of a file come to what the careful ones come to, whatever is in it?"""

from collections.abc import Iterator, Sequence
from datetime import date

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from domain.errors import EncodingUnknown
from domain.identity import Person, Role
from domain.imports import ImportKind, ImportMode
from storage.base import Records
from tests.web.test_imports import TODAY, bring, counts
from tests.web.test_imports_messy import known as known  # the fixture
from web.service.imports import STAGING
from web.service.imports.cells import RowRefused
from web.service.imports.kinds import Run
from web.service.imports.profile import File, reading_of
from web.service.imports.rows import BrokenRow, Rows
from web.service.imports.staged import Staging

PERSON = Person(person_id="manager", title="Manager", roles=frozenset({Role.RELATIONSHIP_MANAGER}))
COLUMNS = {
    ImportKind.INVOICES: "customer,scheme,invoice_no,issued_on,due_on,amount,currency,disputed,settled_on",
    ImportKind.PAYMENTS: "scheme,customer,payment_no,invoice_no,paid_on,amount,currency",
    ImportKind.CREDIT_NOTES: "customer,scheme,credit_note_no,invoice_no,issued_on,amount,currency,"
    "reverses,reason",
    ImportKind.OPEN_ITEMS: "customer,scheme,invoice_no,amount,open,currency,due_on",
    ImportKind.SALES_INVOICES: "customer,scheme,invoice_no,issued_on,counterparty,net,tax,gross,"
    "invoice_code,currency,status",
    ImportKind.PURCHASE_INVOICES: "customer,scheme,invoice_no,issued_on,counterparty,net,tax,gross",
}
PLAIN = {
    "customer": "K-1",
    "scheme": "internal",
    "invoice_no": "INV-00017",
    "payment_no": "P/2025-1",
    "credit_note_no": "CN_1",
    "invoice_code": "044001900111",
    "issued_on": "2025-05-02",
    "paid_on": "2025/6/1",
    "due_on": "20250630",
    "settled_on": "",
    "amount": "1250.50",
    "open": "0.50",
    "net": "100.00",
    "tax": "13",
    "gross": "113.0",
    "currency": "CNY",
    "disputed": "no",
    "reverses": "",
    "reason": "damaged goods",
    "counterparty": "B00123",
    "status": "有效发票",
}
_NUMBERS = (
    *("A-1", "a\\b", "红字-4", "A 1", "A\t1", "A\xa01", "A\x7f1", '"', ",", ""),
    *("x" * length for length in (20, 21, 32, 33, 64, 65)),
)
_DAYS = (
    *("2025-06-30", "2025-07-01", "2025.6.3", "2025年6月3日", "2025-6-3 10:00", "2025-02-30"),
    *("1899-12-31", "1900-01-01", "2199-12-31", "2200-01-01", "２０２５0602", "20250101", ""),
)
_FIGURES = (
    *(
        "0.00",
        "-1.00",
        "1,250.00",
        "1250",
        "007.10",
        "１.00",
        "0.00000000",
        "1.005",
        "1e5",
        "-.5",
        "0.5",
        ".50",
    ),
    *("99999999999999.99", "9" * 20, "²3.00", "-0.00", "112.99", "113.01", "113.02", "1250.51", ""),
)
_ODD: dict[str, tuple[str, ...]] = {
    "customer": ("K-1", "K-2", "K-9", "k-1", ""),
    "scheme": ("internal", "uscc", "lei", "none", ""),
    **dict.fromkeys(
        ("invoice_no", "payment_no", "credit_note_no", "invoice_code", "reverses", "counterparty"),
        _NUMBERS,
    ),
    **dict.fromkeys(("issued_on", "paid_on", "due_on", "settled_on"), _DAYS),
    **dict.fromkeys(("amount", "open", "net", "tax", "gross"), _FIGURES),
    "currency": ("CNY", "USD", "JPY", "KWD", "RMB", "cny", ""),
    "disputed": ("yes", "YES", "否", "perhaps", "0", ""),
    "reason": ("", "x", "x" * 500, "x" * 501, "a\\b", "退货", "a\tb"),
    "status": ("作废", "void", "VOID", ""),
}
_PADDINGS = ("{}", " {}", "{}\u3000")


def a_cell(field: str) -> st.SearchStrategy[tuple[str, str]]:
    """A cell as few are written, or anything at all."""
    odd = st.one_of(st.sampled_from(_ODD[field]), st.text(max_size=5))
    return st.tuples(st.just(field), st.builds(str.format, st.sampled_from(_PADDINGS), odd))


def rows_of(kind: ImportKind) -> st.SearchStrategy[tuple[ImportKind, list[str]]]:
    """A row as most are written, but for some of its cells."""
    fields = COLUMNS[kind].split(",")
    cells = st.lists(st.sampled_from(fields).flatmap(a_cell), max_size=3).map(dict)
    return cells.map(lambda odd: (kind, [odd.get(field, PLAIN[field]) for field in fields]))


def an_importer(session: Session, kind: ImportKind, profile: str = "standard") -> Staging[object]:
    """The importer of a file whose customers are at hand, in every way of writing them."""
    named = "".join(
        ",".join(
            {"customer": customer, "scheme": scheme}.get(field, PLAIN[field])
            for field in COLUMNS[kind].split(",")
        )
        + "\n"
        for customer in ("K-1", "K-2", "K-9")
        for scheme in ("internal", "", "uscc")
    )
    rows = Rows(f"{COLUMNS[kind]}\n{named}".encode())
    run = Run(session, PERSON, TODAY, "import x")
    importer = STAGING[kind](run, File(rows, kind, reading_of(profile, kind)))
    importer.look_up()
    return importer


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_row_as_most_are_written_needs_no_second_look(known: Records, kind: ImportKind) -> None:
    cells = [PLAIN[field] for field in COLUMNS[kind].split(",")]
    with known.begin() as session:
        importer = an_importer(session, kind)

        assert importer.at_sight(cells) == importer.in_full(2, cells)


@pytest.fixture
def importers(known: Records) -> Iterator[dict[ImportKind, Staging[object]]]:
    with known.begin() as session:
        yield {kind: an_importer(session, kind) for kind in COLUMNS}


def seen_and_told(importer: Staging[object], cells: Sequence[str]) -> tuple[str | None, str]:
    """The row at sight, and in full or the code it is refused with."""
    try:
        in_full = importer.in_full(2, cells)
    except RowRefused as refused:
        in_full = refused.refusal.code
    return importer.at_sight(cells), in_full


def test_each_odd_cell_is_read_at_sight_as_a_second_look_reads_it_or_not_at_all(
    importers: dict[ImportKind, Staging[object]],
) -> None:
    for kind, importer in importers.items():
        fields = COLUMNS[kind].split(",")
        for odd in fields:
            for cell in (padding.format(each) for each in _ODD[odd] for padding in _PADDINGS):
                cells = [cell if field == odd else PLAIN[field] for field in fields]
                seen, in_full = seen_and_told(importer, cells)

                assert seen in (None, in_full), (kind, odd, cell)


@given(row=st.sampled_from(tuple(COLUMNS)).flatmap(rows_of))
@settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_row_is_read_at_sight_but_as_a_second_look_reads_it(
    importers: dict[ImportKind, Staging[object]], row: tuple[ImportKind, list[str]]
) -> None:
    kind, cells = row
    seen, in_full = seen_and_told(importers[kind], cells)

    assert seen in (None, in_full)


# ── Blocks of lines ──────────────────────────────────────────────────────────────────────────────

_LINES = st.lists(
    st.one_of(
        st.sampled_from(
            (b"a,b", b"a,b,c", b"a", b"", b",", b" , ", b'"a",b', b'"a', b'a"b,c', b"a\0,b", b"a\rb,c",
             b"a,b\r", b"a,b\r\r", "\u3000,\u3000".encode(), "静港,食品".encode(),
             "静港,食品".encode("gb18030"), b"\xff,b", b"\x85,b")
        ),
        st.binary(max_size=8),
    ),
    max_size=12,
)  # fmt: skip


def read(content: bytes) -> Rows:
    try:
        return Rows(content)
    except EncodingUnknown:
        reject()


def told(rows: Rows, shift: int) -> list[object]:
    return [
        (row.line - shift, row.column, row.refusal.detail("en"))
        if isinstance(row, BrokenRow)
        else (row[0] - shift, [cell.strip() for cell in row[1]])
        for row in rows.cut()
    ]


@given(lines=_LINES, ends=st.sampled_from((b"\n", b"\r\n")), last=st.booleans())
@settings(max_examples=400, deadline=None)
def test_lines_read_together_are_cut_as_they_are_one_by_one(
    lines: Sequence[bytes], ends: bytes, last: bool
) -> None:
    body = ends.join(lines) + (ends if last else b"")
    together = read(b"one,two\n" + body)
    # A quote anywhere among the lines has each of them read by itself.
    apart = read(b'one,two\n"q",q\n' + body)

    assert told(together, 0) == told(apart, 1)[1:]


@given(lines=_LINES)
@settings(max_examples=200, deadline=None)
def test_no_cell_is_missed_where_the_distinct_ones_are_asked_for(lines: Sequence[bytes]) -> None:
    rows = read(b"one,two\n" + b"\n".join(lines))
    cut = [row for row in rows.cut() if not isinstance(row, BrokenRow)]

    assert {tuple(cells) for _, cells in cut} <= rows.distinct(["one", "two"])
    assert {(cells[1],) for _, cells in cut} <= rows.distinct(["two"])


# ── Whole files ──────────────────────────────────────────────────────────────────────────────────

INVOICES = "customer,scheme,invoice_no,issued_on,due_on,amount,currency"


def invoices(count: int, first: int = 0) -> list[str]:
    return [
        f"K-{n % 2 + 1},internal,INV-{n:05d},2025-05-01,2025-06-30,{n + 1}.50,CNY"
        for n in range(first, first + count)
    ]


def on_record(records: Records) -> list[tuple[object, ...]]:
    with records.begin() as session:
        rows = session.execute(
            text(
                "SELECT customer_id, invoice_no, issued_on, due_on, amount_minor, currency, disputed,"
                " source, recorded_by FROM invoice ORDER BY 1, 2"
            )
        )
        return [tuple(row) for row in rows]


def test_a_file_is_written_the_same_with_a_row_said_twice_and_without(known: Records) -> None:
    rows = invoices(40)
    bring(known, "invoices", "\n".join([INVOICES, *rows]))
    straight = on_record(known)
    with known.begin() as session:
        session.execute(text("TRUNCATE invoice CASCADE"))
    report = bring(known, "invoices", "\n".join([INVOICES, *rows, rows[7]]))

    assert counts(report) == (40, 0, 1, 0)
    kept = [(*row[:7], str(row[7]).split(" ", 2)[2], row[8]) for row in on_record(known)]
    assert kept == [(*row[:7], str(row[7]).split(" ", 2)[2], row[8]) for row in straight]


def test_what_is_known_or_at_odds_is_told_by_its_line_however_far_down_it_is(
    known: Records,
) -> None:
    bring(known, "invoices", "\n".join([INVOICES, *invoices(1, first=900)]))
    rows = invoices(901)
    rows.append(rows[3].replace("4.50", "4.51"))
    rows.append(rows[900])
    report = bring(known, "invoices", "\n".join([INVOICES, *rows, "x"]), mode=ImportMode.PER_ROW)

    assert counts(report) == (900, 0, 2, 2)
    assert [(e.line, e.code) for e in report.errors] == [(903, "row_repeated"), (905, "row_broken")]


def test_an_invoice_kept_under_an_id_that_gave_way_is_no_second_one(known: Records) -> None:
    content = "\n".join([INVOICES, *invoices(2)])
    bring(known, "invoices", content)
    with known.begin() as session:
        session.execute(
            text(
                "INSERT INTO customer_alias (alias_id, customer_id, merged_on)"
                " SELECT one.customer_id, two.customer_id, :on FROM customer_identifier one,"
                " customer_identifier two WHERE one.value = 'K-1' AND two.value = 'K-2'"
            ),
            {"on": date(2025, 6, 1)},
        )

    assert counts(bring(known, "invoices", content)) == (0, 0, 2, 0)
    assert len(on_record(known)) == 2


def round_trips(records: Records, kind: str, content: str) -> int:
    """Statements that a file takes, COPY by its inserts, of which the table keeps count."""
    seen: list[str] = []

    def note(*given: object) -> None:
        seen.append(str(given[2]))

    event.listen(records.engine, "before_cursor_execute", note)
    try:
        report = bring(records, kind, content)
    finally:
        event.remove(records.engine, "before_cursor_execute", note)
    assert report.kept
    return len(seen)


def test_a_file_takes_as_many_statements_whatever_its_size(known: Records) -> None:
    with known.begin() as session:
        session.execute(text("CREATE SEQUENCE inserts"))
        session.execute(
            text(
                "CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN PERFORM nextval('inserts'); RETURN NULL; END $$"
            )
        )
        session.execute(
            text(
                "CREATE TRIGGER counted AFTER INSERT ON invoice FOR EACH STATEMENT"
                " EXECUTE FUNCTION counted()"
            )
        )
    few = round_trips(known, "invoices", "\n".join([INVOICES, *invoices(3)]))
    many = round_trips(known, "invoices", "\n".join([INVOICES, *invoices(3000, first=10)]))
    with known.begin() as session:
        assert session.execute(text("SELECT nextval('inserts')")).scalar() == 3
    assert few == many

    header = "customer,scheme,payment_no,invoice_no,paid_on,amount,currency"
    paid = [
        f"K-{n % 2 + 1},internal,P,INV-{n:05d},2025-06-01,{n + 1}.50,CNY" for n in range(10, 3010)
    ]
    assert round_trips(known, "payments", "\n".join([header, *paid[:3]])) == round_trips(
        known, "payments", "\n".join([header, *paid[3:]])
    )
