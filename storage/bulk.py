"""Files of invoices and of what reduces them, brought in by sets whatever their size.

Rows are staged beside the tables by COPY and judged by a few statements, each to the outcome or the
refusal that `storage.receivable` would give it row by row, in the order of the file. Where rows of
one invoice may get into each other's way, they go that road itself.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar, cast

import psycopg2
from psycopg2.errors import UniqueViolation
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from domain.errors import (
    AlreadyExists,
    CreditError,
    CurrencyMismatch,
    InvoiceUnknown,
    RowRepeated,
)
from domain.imports import Outcome
from domain.money import Money
from domain.receivable import CreditNote, Invoice, Payment
from domain.reconciliation import ExtractedDocument
from storage.receivable import Receivables, too_early

_Each = TypeVar("_Each")
# The lines of a file as COPY reads them, between what they say and their end their number stands:
# asked for with what stands before and after it.
Lines = Callable[[str, str], Iterable[str]]
_INVOICE_SAID = "issued_on, due_on, amount_minor, currency, disputed"
_LINES_SENT = 500
_ANALYSED_FROM = 10_000  # what a load this large adds, the planner should know of at once


class Loaded(NamedTuple):
    """What became of a load: how many of each outcome, and the lines that were refused."""

    outcomes: dict[Outcome, int]
    refused: list[tuple[int, CreditError]]


class InvoiceLine(NamedTuple):
    """An invoice as its line says it; whoever stages it has seen that it is one."""

    customer_id: str
    invoice_no: str
    issued_on: date
    due_on: date
    amount_minor: int
    currency: str
    disputed: bool
    settled_on: date | None


class _Stream:
    """Lines as a file that COPY reads while they are being made, so that neither waits long."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.refusal: CreditError | None = None

    def read(self, size: int) -> str:
        try:
            return "".join(islice(self._lines, _LINES_SENT))
        except CreditError as refusal:
            # The driver tells of an error in reading, whatever it was.
            self.refusal = refusal
            raise


def copy_lines(session: Session, table: str, columns: str, lines: Iterable[str]) -> int:
    """Put lines, as COPY reads them, into a table; how many they were.

    They are made while they are sent: whatever makes them may not use the session.
    """
    stream = _Stream(lines)
    driver = session.connection().connection.dbapi_connection
    with cast(Any, driver).cursor() as cursor:
        try:
            cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN", stream)
        except psycopg2.Error:
            if stream.refusal is not None:
                raise stream.refusal from None
            raise
        return int(cursor.rowcount)


NOTHING = r"\N"  # as COPY reads it


def escaped(text_: str) -> str:
    """A text as COPY reads it."""
    if text_.isalnum():
        return text_
    for plain, mark in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text_ = text_.replace(plain, mark)
    return text_


def invoice_text(each: InvoiceLine) -> str:
    """An invoice as COPY reads it, but for its settlement."""
    customer_id, no, issued, due, minor, currency, disputed, _ = each
    return (
        f"{escaped(customer_id)}\t{escaped(no)}\t{issued}\t{due}\t{minor}\t{currency}\t"
        f"{'t' if disputed else 'f'}"
    )


def settled_invoice_text(each: InvoiceLine) -> str:
    """An invoice as COPY reads it, with the day it was paid in full."""
    return f"{invoice_text(each)}\t{each.settled_on or NOTHING}"


def reduction_text(each: Payment | CreditNote) -> str:
    """A payment or a credit note as COPY reads it."""
    if isinstance(each, Payment):
        no, day, more = each.payment_no, each.paid_on, ""
    else:
        reverses = NOTHING if each.reverses is None else escaped(each.reverses)
        more = f"\t{reverses}\t{escaped(each.reason)}"
        no, day = each.credit_note_no, each.issued_on
    return (
        f"{escaped(each.customer_id)}\t{escaped(each.invoice_no)}\t{escaped(no)}\t{day}\t"
        f"{each.amount.minor}\t{each.amount.currency}{more}"
    )


def open_item_text(each: ExtractedDocument) -> str:
    """An open item as COPY reads it."""
    return (
        f"{escaped(each.customer_id)}\t{escaped(each.invoice_no)}\t{each.amount.minor}\t"
        f"{each.open.minor}\t{each.amount.currency}\t{each.due_on}"
    )


class Source(NamedTuple):
    """The file that lines are from, and who brings it."""

    file: str
    by: str


def write_invoices(session: Session, source: Source, lines: Lines) -> int | None:
    """Write the invoices of a file where nothing of them is on record and none is there twice.

    None, and nothing is written, where one is: then they are to be staged. They are also where a
    customer has several ids, for its invoices may lie with another.
    """
    columns = f"{InvoiceLoad.key}, {_INVOICE_SAID}, source, recorded_by"
    told = lines(f"\t{escaped(source.file)} line ", f"\t{escaped(source.by)}\n")
    try:
        with session.begin_nested():
            created = copy_lines(session, "invoice", columns, told)
    except UniqueViolation:
        return None
    _analyse(session, "invoice", created)
    return created


# The invoices of a customer of several ids lie with the id they were recorded under.
_AT_HOME = """
    UPDATE {staged} s SET customer_id = h.customer_id
    FROM (
        SELECT DISTINCT ON (asked.customer_id, asked.invoice_no)
               asked.customer_id AS asked, asked.invoice_no, i.customer_id
        FROM {staged} asked
        JOIN invoice i ON i.customer_id = ANY (customer_ids(asked.customer_id))
                      AND i.invoice_no = asked.invoice_no
        WHERE asked.customer_id IN (SELECT customer_id FROM customer_of_many_ids)
        ORDER BY asked.customer_id, asked.invoice_no, invoice_counts(i) DESC,
                 i.customer_id = asked.customer_id DESC
    ) h
    WHERE s.customer_id = h.asked AND s.invoice_no = h.invoice_no AND h.customer_id <> h.asked
"""
# A line whose key an earlier one has: the same again, or at odds with it.
_REPEATED = """
    CREATE TEMPORARY TABLE {kind}_repeated ON COMMIT DROP AS
    SELECT line, first_line, said <> first_said AS at_odds
    FROM (
        SELECT line, said, first_value(line) OVER by_key AS first_line,
               first_value(said) OVER by_key AS first_said
        FROM (SELECT line, {key}, row({said})::text AS said FROM {kind}_staged {where}) lines
        WINDOW by_key AS (PARTITION BY {key} ORDER BY line)
    ) s
    WHERE line <> first_line
"""


class _Load(Generic[_Each]):
    """A staging table of one kind, gone with the transaction."""

    kind: str
    key: str
    said: str

    def __init__(self, session: Session, copied: Callable[[_Each], str]) -> None:
        self._session = session
        self._copied = copied
        self._told = f"{self.key}, {self.said}"
        self.staged = 0
        self.outcomes = dict.fromkeys(Outcome, 0)
        self.refused: list[tuple[int, CreditError]] = []

    def _run(self, statement: str, **values: object) -> Any:
        return self._session.execute(text(statement), values)

    def copy(self, lines: Lines) -> None:
        """Put the lines of a file beside the table, in one go."""
        columns = f"{self._told}, line"
        self.staged += copy_lines(self._session, f"{self.kind}_staged", columns, lines("\t", "\n"))

    def stage(self, lines: Iterable[tuple[int, _Each]]) -> None:
        """Put these values, each by its line, beside the table."""
        self.copy(
            lambda before, after: (
                f"{self._copied(each)}{before}{line}{after}" for line, each in lines
            )
        )

    def _find_repeated(self, where: str = "") -> None:
        self._run(_REPEATED.format(kind=self.kind, key=self.key, said=self.said, where=where))
        for line, first_line, at_odds in self._run(f"SELECT * FROM {self.kind}_repeated"):
            self._count(line, RowRepeated(line=first_line) if at_odds else Outcome.UNCHANGED)

    def _count(self, line: int, outcome: Outcome | CreditError) -> None:
        if isinstance(outcome, Outcome):
            self.outcomes[outcome] += 1
        else:
            self.refused.append((line, outcome))

    def _loaded(self, table: str, *temporary: str) -> Loaded:
        _analyse(self._session, table, self.outcomes[Outcome.CREATED])
        self._run(f"DROP TABLE {', '.join(f'{self.kind}_{each}' for each in temporary)}")
        return Loaded(self.outcomes, self.refused)


class InvoiceLoad(_Load[InvoiceLine]):
    """Invoices, and the payment in full of those whose line names its day, where lines do."""

    kind = "invoice"
    key = "customer_id, invoice_no"
    said = f"{_INVOICE_SAID}, settled_on"

    def __init__(self, session: Session, *, settles: bool = True) -> None:
        super().__init__(session, settled_invoice_text if settles else invoice_text)
        self._settles = settles
        if not settles:
            self._told = f"{self.key}, {_INVOICE_SAID}"
        self._run(
            """
            CREATE TEMPORARY TABLE invoice_staged (
                line integer, customer_id text COLLATE "C", invoice_no text COLLATE "C",
                issued_on date, due_on date, amount_minor bigint, currency text COLLATE "C",
                disputed boolean, settled_on date
            ) ON COMMIT DROP
            """
        )

    def settle(self, settlement_no: str, *, source: str, business_on: date, by: str) -> Loaded:
        """Write what is staged, and say what became of it.

        A line that says else than an earlier one is refused `RowRepeated`, one that says else than
        the record `AlreadyExists`; where only the dispute differs, that is changed.
        """
        self._run("ANALYZE invoice_staged")
        self._run(_AT_HOME.format(staged="invoice_staged"))
        self._run(
            """
            CREATE TEMPORARY TABLE invoice_known ON COMMIT DROP AS
            SELECT s.line,
                   (i.issued_on, i.due_on, i.amount_minor, i.currency)
                       <> (s.issued_on, s.due_on, s.amount_minor, s.currency) AS at_odds,
                   i.disputed <> s.disputed OR s.settled_on IS NOT NULL AS more
            FROM invoice_staged s JOIN invoice i USING (customer_id, invoice_no)
            """
        )
        known = self._run("SELECT count(*) FROM invoice_known").scalar()
        # Written in the order of the file, so that of several lines the first is the record.
        created = self._run(
            f"""
            INSERT INTO invoice ({self.key}, issued_on, due_on, amount_minor, currency, disputed,
                source, recorded_by)
            SELECT {self.key}, issued_on, due_on, amount_minor, currency, disputed,
                   :source || ' line ' || line, :by
            FROM invoice_staged s
            {"WHERE NOT EXISTS (SELECT FROM invoice_known k WHERE k.line = s.line)" if known else ""}
            ORDER BY line
            ON CONFLICT DO NOTHING
            """,
            source=source,
            by=by,
        ).rowcount
        if created < self.staged:
            self._find_repeated()
            self._answer_known(settlement_no, source, business_on, by)
            self._run("DROP TABLE invoice_repeated")
        if self._settles:
            self._pay_created(settlement_no, source, by)
        self.outcomes[Outcome.CREATED] += created
        return self._loaded("invoice", "staged", "known")

    def _answer_known(self, settlement_no: str, source: str, business_on: date, by: str) -> None:
        """Lines of invoices that are on record; those that may change one go row by row, and so do
        those that another transaction was quicker with."""
        self.outcomes[Outcome.UNCHANGED] += self._run(
            """
            SELECT count(*) FROM invoice_known k
            WHERE NOT at_odds AND NOT more
                AND NOT EXISTS (SELECT FROM invoice_repeated r WHERE r.line = k.line)
            """
        ).scalar()
        rows = self._run(
            f"""
            SELECT s.line, {self.key}, s.issued_on, s.due_on, s.amount_minor, s.currency,
                   s.disputed, s.settled_on, k.at_odds
            FROM invoice_staged s
            LEFT JOIN invoice_known k USING (line)
            LEFT JOIN invoice i USING (customer_id, invoice_no)
            WHERE NOT EXISTS (SELECT FROM invoice_repeated r WHERE r.line = s.line)
                AND (k.at_odds OR k.more
                    OR k.line IS NULL AND i.source <> :source || ' line ' || s.line)
            ORDER BY s.line
            """,
            source=source,
        )
        by_row: list[tuple[int, Invoice, date | None]] = []
        for row in rows:
            if row.at_odds:
                self._count(row.line, AlreadyExists(kind="invoice", id=row.invoice_no))
            else:
                by_row.append((row.line, _invoice(row, source), row.settled_on))
        for portion in _portions(by_row):
            told = Receivables(self._session).record_settled(
                [(invoice, settled_on) for _, invoice, settled_on in portion],
                settlement_no,
                business_on=business_on,
                recorded_by=by,
            )
            for (line, *_), outcome in zip(portion, told, strict=True):
                self._count(line, outcome)

    def _pay_created(self, settlement_no: str, source: str, by: str) -> None:
        self._run(
            """
            INSERT INTO payment (customer_id, invoice_no, payment_no, paid_on, amount_minor,
                currency, source, recorded_by)
            SELECT s.customer_id, s.invoice_no, :payment_no, s.settled_on, s.amount_minor,
                   s.currency, i.source, :by
            FROM invoice_staged s JOIN invoice i USING (customer_id, invoice_no)
            WHERE s.settled_on IS NOT NULL AND i.source = :source || ' line ' || s.line
                AND NOT EXISTS (SELECT FROM invoice_known k WHERE k.line = s.line)
            """,
            payment_no=settlement_no,
            source=source,
            by=by,
        )


class ReductionLoad(_Load[Payment | CreditNote]):
    """Payments, or credit notes: what makes less of invoices owed."""

    kind = "reduction"
    key = "customer_id, invoice_no, no"
    said = "day, amount_minor, currency, reverses, reason"

    def __init__(self, session: Session, of: type[Payment] | type[CreditNote]) -> None:
        super().__init__(session, reduction_text)
        self._notes = of is CreditNote
        if not self._notes:
            self._told = f"{self.key}, day, amount_minor, currency"
        self._run(
            """
            CREATE TEMPORARY TABLE reduction_staged (
                line integer, customer_id text COLLATE "C", invoice_no text COLLATE "C",
                no text COLLATE "C", day date, amount_minor bigint, currency text COLLATE "C",
                reverses text COLLATE "C", reason text COLLATE "C"
            ) ON COMMIT DROP
            """
        )

    def settle(self, *, source: str, by: str) -> Loaded:
        """Write what is staged, and say what became of it, as `Receivables` would say it.

        Where all lines of an invoice and all that took off it before fit into it, no order of them
        can make less than nothing owed, and they are written as they are; the others take turns.
        """
        self._run("ANALYZE reduction_staged")
        self._run(_AT_HOME.format(staged="reduction_staged"))
        self._find_repeated()
        self._run(
            """
            SELECT FROM invoice WHERE (customer_id, invoice_no) IN (
                SELECT customer_id, invoice_no FROM reduction_staged)
            ORDER BY customer_id, invoice_no FOR UPDATE
            """
        )
        self._run(_JUDGE_NOTES if self._notes else _JUDGE_PAYMENTS)
        self._run("ANALYZE reduction_judged")
        self._run(_FIT)
        self.outcomes[Outcome.CREATED] += self._run(
            _INSERT_NOTES if self._notes else _INSERT_PAYMENTS, source=source, by=by
        ).rowcount
        self._answer()
        self._take_turns(source, by)
        table = "credit_note" if self._notes else "payment"
        return self._loaded(table, "staged", "repeated", "judged", "fit")

    def _answer(self) -> None:
        self.outcomes[Outcome.UNCHANGED] += self._run(
            "SELECT count(*) FROM reduction_judged WHERE verdict = 'unchanged'"
        ).scalar()
        rows = self._run("SELECT * FROM reduction_judged WHERE verdict NOT IN ('new', 'unchanged')")
        for row in rows:
            match row.verdict:
                case "unknown":
                    outcome: CreditError = InvoiceUnknown(invoice_no=row.invoice_no)
                case "currency":
                    outcome = CurrencyMismatch(first=row.currency, second=row.invoice_currency)
                case "early":
                    outcome = too_early()
                case _:
                    kind = "credit note" if self._notes else "payment"
                    outcome = AlreadyExists(kind=kind, id=row.no)
            self._count(row.line, outcome)

    def _take_turns(self, source: str, by: str) -> None:
        rows = self._run(
            """
            SELECT j.* FROM reduction_judged j
            WHERE verdict = 'new' AND NOT EXISTS (SELECT FROM reduction_fit f
                WHERE f.customer_id = j.customer_id AND f.invoice_no = j.invoice_no)
            ORDER BY line
            """
        ).all()
        receivables = Receivables(self._session)
        for portion in _portions(rows):
            if self._notes:
                notes = [_credit_note(row, source) for row in portion]
                told = receivables.record_credit_notes(notes, recorded_by=by)
            else:
                payments = [_payment(row, source) for row in portion]
                told = receivables.record_payments(payments, recorded_by=by)
            for row, outcome in zip(portion, told, strict=True):
                self._count(row.line, outcome)


_JUDGE = """
    CREATE TEMPORARY TABLE reduction_judged ON COMMIT DROP AS
    SELECT s.*, i.amount_minor AS invoice_minor, i.currency AS invoice_currency,
           CASE
               WHEN i.customer_id IS NULL THEN 'unknown'
               WHEN i.currency <> s.currency THEN 'currency'
               WHEN k.customer_id IS NULL {early} THEN 'new'
               WHEN {same} THEN 'unchanged'
               ELSE 'contradicted'
           END AS verdict
    FROM reduction_staged s
    LEFT JOIN invoice i USING (customer_id, invoice_no)
    LEFT JOIN {table} k ON k.customer_id = s.customer_id AND k.invoice_no = s.invoice_no
                       AND k.{no} = s.no
    WHERE NOT EXISTS (SELECT FROM reduction_repeated r WHERE r.line = s.line)
"""
_JUDGE_PAYMENTS = _JUDGE.format(
    early="",
    same="(k.paid_on, k.amount_minor, k.currency) = (s.day, s.amount_minor, s.currency)",
    table="payment",
    no="payment_no",
)
_JUDGE_NOTES = _JUDGE.format(
    early="AND s.day < i.issued_on THEN 'early' WHEN k.customer_id IS NULL",
    same="(k.issued_on, abs(k.amount_minor), k.currency, k.reason)"
    " = (s.day, s.amount_minor, s.currency, s.reason) AND k.reverses IS NOT DISTINCT FROM s.reverses",
    table="credit_note",
    no="credit_note_no",
)
# What reverses a note needs the note; what was taken back still counts here, as it did for a while.
_FIT = """
    CREATE TEMPORARY TABLE reduction_fit ON COMMIT DROP AS
    SELECT n.customer_id, n.invoice_no
    FROM (
        SELECT customer_id, invoice_no, sum(amount_minor) AS minor, max(invoice_minor) AS whole
        FROM reduction_judged WHERE verdict = 'new'
        GROUP BY customer_id, invoice_no HAVING count(reverses) = 0
    ) n
    LEFT JOIN (
        SELECT r.customer_id, r.invoice_no, sum(r.amount_minor) AS minor
        FROM invoice_reduction r
        JOIN (SELECT DISTINCT customer_id, invoice_no FROM reduction_judged) asked
            USING (customer_id, invoice_no)
        WHERE r.amount_minor > 0 GROUP BY r.customer_id, r.invoice_no
    ) before USING (customer_id, invoice_no)
    WHERE n.minor + coalesce(before.minor, 0) <= n.whole
"""
_INSERT_PAYMENTS = """
    INSERT INTO payment (customer_id, invoice_no, payment_no, paid_on, amount_minor, currency,
        source, recorded_by)
    SELECT customer_id, invoice_no, no, day, amount_minor, currency, :source || ' line ' || line,
           :by
    FROM reduction_judged JOIN reduction_fit USING (customer_id, invoice_no)
    WHERE verdict = 'new'
"""
_INSERT_NOTES = """
    INSERT INTO credit_note (customer_id, invoice_no, credit_note_no, issued_on, amount_minor,
        currency, reason, source, recorded_by)
    SELECT customer_id, invoice_no, no, day, amount_minor, currency, reason,
           :source || ' line ' || line, :by
    FROM reduction_judged JOIN reduction_fit USING (customer_id, invoice_no)
    WHERE verdict = 'new'
"""


class OpenItemLoad(_Load[ExtractedDocument]):
    """Documents of an extract as another system has them."""

    kind = "open_item"
    key = "customer_id, invoice_no"
    said = "amount_minor, open_minor, currency, due_on"

    def __init__(self, session: Session) -> None:
        super().__init__(session, open_item_text)
        self._run(
            """
            CREATE TEMPORARY TABLE open_item_staged (
                line integer, customer_id text COLLATE "C", invoice_no text COLLATE "C",
                amount_minor bigint, open_minor bigint, currency text COLLATE "C", due_on date
            ) ON COMMIT DROP
            """
        )

    def settle(self, extract_id: str) -> Loaded:
        """Write what is staged into the extract, none twice."""
        self._run("ANALYZE open_item_staged")
        created = self._run(
            f"""
            INSERT INTO erp_extract_document (extract_id, {self.key}, {self.said})
            SELECT :extract_id, {self.key}, {self.said} FROM open_item_staged ORDER BY line
            ON CONFLICT DO NOTHING
            """,
            extract_id=extract_id,
        ).rowcount
        self.outcomes[Outcome.CREATED] += created
        if created < self.staged:
            self._find_repeated()
            told = sum(self.outcomes.values()) + len(self.refused)
            self.outcomes[Outcome.UNCHANGED] += self.staged - told
            self._run("DROP TABLE open_item_repeated")
        return self._loaded("erp_extract_document", "staged")


_PORTION = 1000


def _portions(rows: Sequence[_Each]) -> Iterator[Sequence[_Each]]:
    for start in range(0, len(rows), _PORTION):
        yield rows[start : start + _PORTION]


def _analyse(session: Session, table: str, added: int) -> None:
    if added >= _ANALYSED_FROM:
        session.execute(text(f"ANALYZE {table}"))


def _invoice(row: Row[Any], source: str) -> Invoice:
    return Invoice(
        customer_id=row.customer_id,
        invoice_no=row.invoice_no,
        issued_on=row.issued_on,
        due_on=row.due_on,
        amount=Money(minor=row.amount_minor, currency=row.currency),
        disputed=row.disputed,
        source=f"{source} line {row.line}",
    )


def _payment(row: Row[Any], source: str) -> Payment:
    return Payment(
        customer_id=row.customer_id,
        payment_no=row.no,
        invoice_no=row.invoice_no,
        paid_on=row.day,
        amount=Money(minor=row.amount_minor, currency=row.currency),
        source=f"{source} line {row.line}",
    )


def _credit_note(row: Row[Any], source: str) -> CreditNote:
    return CreditNote(
        customer_id=row.customer_id,
        credit_note_no=row.no,
        invoice_no=row.invoice_no,
        issued_on=row.day,
        amount=Money(minor=row.amount_minor, currency=row.currency),
        reverses=row.reverses,
        reason=row.reason,
        source=f"{source} line {row.line}",
    )
