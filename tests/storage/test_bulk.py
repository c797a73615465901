"""Does a file brought in by sets come to what it would come to row by row?"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.customer import Customer
from domain.errors import CreditError, ImportTooLarge, RowRepeated
from domain.imports import Outcome
from domain.money import Money
from domain.receivable import CreditNote, Invoice, Payment
from domain.reconciliation import ExtractedDocument
from storage.base import Records
from storage.bulk import (
    InvoiceLine,
    InvoiceLoad,
    Loaded,
    OpenItemLoad,
    ReductionLoad,
    Source,
    write_invoices,
)
from storage.customer import Customers
from storage.receivable import Receivables
from storage.reconciliation import Reconciliations

_Each = TypeVar("_Each")
DAY = date(2025, 6, 30)
CUSTOMERS = ("c-1", "c-2", "c-old")  # the last two are one
COUNTED = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

_INVOICES = st.builds(
    InvoiceLine,
    customer_id=st.sampled_from(("c-1", "c-2")),
    invoice_no=st.sampled_from(("A-1", "A-2", "a\\b", "红字 3")),
    issued_on=st.sampled_from((DAY, DAY - timedelta(days=40))),
    due_on=st.sampled_from((DAY, DAY + timedelta(days=30))),
    amount_minor=st.sampled_from((100, 101, 10**15)),
    currency=st.sampled_from(("CNY", "USD")),
    disputed=st.booleans(),
    settled_on=st.sampled_from((None, None, DAY, DAY - timedelta(days=1))),
)
_INVOICES_ALIKE = st.lists(_INVOICES, max_size=8).flatmap(
    lambda rows: (
        st.lists(st.sampled_from(rows), max_size=5).map(lambda more: rows + more)
        if rows
        else st.just(rows)
    )
)
_DAYS = st.integers(-50, 1).map(lambda n: DAY + timedelta(days=n))
_PARTS = {
    "customer_id": st.sampled_from(("c-1", "c-2", "c-9")),
    "invoice_no": st.sampled_from(("A-1", "A-2", "A-9")),
    "amount": st.builds(
        Money,
        minor=st.sampled_from((1, 40, 60, 100)),
        currency=st.sampled_from(("CNY", "CNY", "USD")),
    ),
}
_NUMBERS = st.sampled_from(("n-1", "n-2", "n-3", "n-4"))
_PAYMENTS = st.lists(st.builds(Payment, payment_no=_NUMBERS, paid_on=_DAYS, **_PARTS), max_size=9)
_NOTES = st.lists(
    st.builds(
        CreditNote,
        credit_note_no=_NUMBERS,
        issued_on=_DAYS,
        reverses=st.one_of(st.none(), _NUMBERS),
        reason=st.sampled_from(("", "damaged\tgoods")),
        **_PARTS,
    ),
    max_size=9,
)


@pytest.fixture
def known(records: Records) -> Records:
    """Two customers, one of which another record was merged into, with an invoice on each."""
    with records.begin() as session:
        for customer_id in CUSTOMERS:
            Customers(session).record(
                Customer(customer_id=customer_id, name=f"Quiet Harbour {customer_id}"),
                business_on=DAY,
                source="a test",
                recorded_by="manager",
            )
        session.execute(
            text(
                "INSERT INTO customer_alias (alias_id, customer_id, merged_on)"
                " VALUES ('c-old', 'c-2', '2025-01-01')"
            )
        )
    return records


_TABLES = {
    "invoice": "customer_id, invoice_no, issued_on, due_on, amount_minor, currency, disputed, source",
    "payment": "customer_id, invoice_no, payment_no, paid_on, amount_minor, currency, source",
    "credit_note": "customer_id, invoice_no, credit_note_no, issued_on, amount_minor, currency,"
    " reverses, reason, source",
    "credit_event": "customer_id, event_type, occurred_on, content ->> 'amount', content ->> 'note'",
    "erp_extract_document": "customer_id, invoice_no, amount_minor, open_minor, currency, due_on",
}
Found = tuple[dict[Outcome, int], list[object], list[object]]


def on_record(session: Session) -> list[object]:
    return [
        (table, tuple(row))
        for table, columns in _TABLES.items()
        for row in session.execute(text(f"SELECT {columns} FROM {table} ORDER BY 1, 2, 3, 4"))
    ]


def undone(session: Session, road: Callable[[], tuple[dict[Outcome, int], list[object]]]) -> Found:
    """What a road comes to and leaves on record, which is undone."""
    with session.begin_nested() as savepoint:
        counts, refused = road()
        found = counts, refused, on_record(session)
        savepoint.rollback()
    return found


def in_turn(
    rows: Sequence[_Each],
    said: Callable[[_Each], tuple[object, object]],
    write: Callable[[int, _Each], Outcome | CreditError],
) -> tuple[dict[Outcome, int], list[object]]:
    """The road row by row; of a key said twice the first counts."""
    first: dict[object, tuple[int, object]] = {}
    counts = dict.fromkeys(Outcome, 0)
    refused: list[object] = []
    for line, row in enumerate(rows, 2):
        key, content = said(row)
        at, before = first.setdefault(key, (line, content))
        outcome: Outcome | CreditError = Outcome.UNCHANGED
        if content != before:
            outcome = RowRepeated(line=at)
        elif at == line:
            outcome = write(line, row)
        if isinstance(outcome, Outcome):
            counts[outcome] += 1
        else:
            refused.append((line, outcome.code, outcome.detail("en"), outcome.detail("zh")))
    return counts, refused


def in_sets(loaded: Loaded) -> tuple[dict[Outcome, int], list[object]]:
    refused = sorted(
        (line, each.code, each.detail("en"), each.detail("zh")) for line, each in loaded.refused
    )
    return loaded.outcomes, list(refused)


def an_invoice(line: int, row: InvoiceLine) -> Invoice:
    return Invoice(
        customer_id=row.customer_id,
        invoice_no=row.invoice_no,
        issued_on=row.issued_on,
        due_on=row.due_on,
        amount=Money(minor=row.amount_minor, currency=row.currency),
        disputed=row.disputed,
        source=f"import f line {line}",
    )


def sourced(line: int, row: Payment | CreditNote) -> Any:
    return row.model_copy(update={"source": f"import f line {line}"})


def record_before(session: Session, before: Sequence[InvoiceLine]) -> None:
    """Invoices that are on record when the file comes, one of them with the merged customer."""
    store = Receivables(session)
    for row in before:
        told = [(an_invoice(0, row._replace(customer_id=row.customer_id)), row.settled_on)]
        store.record_settled(told, "settled", business_on=DAY, recorded_by="manager")
    session.execute(
        text(
            "INSERT INTO invoice (customer_id, invoice_no, issued_on, due_on, amount_minor,"
            " currency, disputed, source, recorded_by)"
            " VALUES ('c-old', 'A-2', :on, :on, 100, 'CNY', false, '', '')"
        ),
        {"on": DAY},
    )


@given(before=_INVOICES_ALIKE, rows=_INVOICES_ALIKE)
@COUNTED
def test_invoices_come_to_the_same_by_sets_and_row_by_row(
    known: Records, before: list[InvoiceLine], rows: list[InvoiceLine]
) -> None:
    def one(line: int, row: InvoiceLine) -> Outcome | CreditError:
        told = [(an_invoice(line, row), row.settled_on)]
        return Receivables(session).record_settled(
            told, "settled", business_on=DAY, recorded_by="manager"
        )[0]

    def sets() -> tuple[dict[Outcome, int], list[object]]:
        load = InvoiceLoad(session)
        load.stage(enumerate(rows, 2))
        return in_sets(load.settle("settled", source="import f", business_on=DAY, by="manager"))

    with known.begin() as session, session.begin_nested() as all_of_it:
        record_before(session, before)
        by_row = undone(session, lambda: in_turn(rows, lambda row: (row[:2], row[2:]), one))
        assert undone(session, sets) == by_row
        all_of_it.rollback()


def test_a_file_refused_while_its_lines_are_sent_is_refused_for_its_reason(known: Records) -> None:
    def lines(before: str, after: str) -> Iterator[str]:
        yield f"c-1\tA-1\t{DAY}\t{DAY}\t100\tCNY\tf{before}2{after}"
        raise ImportTooLarge(megabytes_max=1, rows_max=1)

    with known.begin() as session:
        with pytest.raises(ImportTooLarge):
            write_invoices(session, Source("import f", "manager"), lines)
        assert on_record(session) == []


@given(
    rows=st.one_of(_PAYMENTS, _NOTES), before=st.one_of(_PAYMENTS, _NOTES), settled=st.booleans()
)
@COUNTED
def test_payments_and_credit_notes_come_to_the_same_by_sets_and_row_by_row(
    known: Records,
    rows: list[Payment] | list[CreditNote],
    before: list[Payment] | list[CreditNote],
    settled: bool,
) -> None:
    def one(line: int, row: Payment | CreditNote) -> Outcome | CreditError:
        store, row = Receivables(session), sourced(line, row)
        if isinstance(row, Payment):
            return store.record_payments([row], recorded_by="manager")[0]
        return store.record_credit_notes([row], recorded_by="manager")[0]

    def said(row: Payment | CreditNote) -> tuple[object, object]:
        key = {"customer_id", "invoice_no", "payment_no", "credit_note_no"}
        values = row.model_dump(exclude={"source"})
        return (
            tuple(values[name] for name in sorted(key & values.keys())),
            {name: value for name, value in values.items() if name not in key},
        )

    def sets() -> tuple[dict[Outcome, int], list[object]]:
        load = ReductionLoad(session, type(rows[0]) if rows else Payment)
        load.stage(enumerate(rows, 2))
        return in_sets(load.settle(source="import f", by="manager"))

    with known.begin() as session, session.begin_nested() as all_of_it:
        opened = InvoiceLine("c-1", "A-1", DAY, DAY, 100, "CNY", False, DAY if settled else None)
        early = opened._replace(issued_on=DAY - timedelta(days=40), settled_on=None)
        record_before(session, [opened, early._replace(customer_id="c-2")])
        in_turn(before, said, one)
        assert undone(session, sets) == undone(session, lambda: in_turn(rows, said, one))
        all_of_it.rollback()


@given(
    rows=st.lists(
        st.builds(
            lambda customer_id, invoice_no, open_, due_on: ExtractedDocument(
                customer_id=customer_id,
                invoice_no=invoice_no,
                amount=Money(minor=100, currency="CNY"),
                open=Money(minor=open_, currency="CNY"),
                due_on=due_on,
            ),
            st.sampled_from(("c-1", "c-2")),
            st.sampled_from(("A-1", "A-2")),
            st.sampled_from((0, 100)),
            st.sampled_from((DAY, DAY + timedelta(days=1))),
        ),
        max_size=8,
    )
)
@COUNTED
def test_open_items_come_to_the_same_by_sets_and_row_by_row(
    known: Records, rows: list[ExtractedDocument]
) -> None:
    def sets() -> tuple[dict[Outcome, int], list[object]]:
        load = OpenItemLoad(session)
        load.stage(enumerate(rows, 2))
        return in_sets(load.settle("x"))

    def said(row: ExtractedDocument) -> tuple[object, object]:
        return (row.customer_id, row.invoice_no), (row.amount, row.open, row.due_on)

    with known.begin() as session, session.begin_nested() as all_of_it:
        Reconciliations(session).open_extract("x", DAY, recorded_by="manager")
        first = undone(session, sets)
        counts, refused, _ = undone(
            session, lambda: in_turn(rows, said, lambda line, row: Outcome.CREATED)
        )
        assert first[:2] == (counts, refused)
        sets()
        again = undone(session, sets)
        assert (again[0][Outcome.CREATED], again[1:]) == (0, (refused, first[2]))
        all_of_it.rollback()
