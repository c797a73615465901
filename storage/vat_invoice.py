"""VAT invoices on record: loaded by the hundred thousand, read as sums.

An invoice keeps what it says for good; only that it was made void may follow. A load is staged
beside the table by COPY and settled in a few statements, whatever its size.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import AlreadyExists, CreditError, RowRepeated
from domain.imports import Outcome
from domain.turnover import Extent, InvoiceRecord, Sum, invoice_record, months_kept_since
from domain.vat_invoice import Direction, Line, VatInvoice
from storage.base import Row
from storage.bulk import Lines, Loaded, copy_lines, escaped


class VatInvoiceRow(Row):
    __tablename__ = "vat_invoice"

    customer_id: Mapped[str] = mapped_column(primary_key=True)
    direction: Mapped[str] = mapped_column(primary_key=True)
    issued_on: Mapped[date] = mapped_column(primary_key=True)
    invoice_no: Mapped[str] = mapped_column(primary_key=True)
    invoice_code: Mapped[str] = mapped_column(primary_key=True)
    counterparty: Mapped[str]
    net_minor: Mapped[int]
    tax_minor: Mapped[int]
    gross_minor: Mapped[int]
    currency: Mapped[str]
    status: Mapped[str]
    source: Mapped[str]
    recorded_by: Mapped[str]


_KEY = "customer_id, direction, issued_on, invoice_no, invoice_code"
_SAID = "counterparty, net_minor, tax_minor, gross_minor, currency"
_COLUMNS = f"customer_id, direction, invoice_code, invoice_no, issued_on, {_SAID}, status, line"

_STAGE = """
    CREATE TEMPORARY TABLE vat_invoice_staged (
        line integer, customer_id text, direction text, issued_on date, invoice_no text,
        invoice_code text, counterparty text, net_minor bigint, tax_minor bigint,
        gross_minor bigint, currency text, status text
    ) ON COMMIT DROP
"""

# What each line is: the first of its key, said before, or at odds with that or with the record.
_JUDGE = f"""
    CREATE TEMPORARY TABLE vat_invoice_judged ON COMMIT DROP AS
    SELECT s.line, s.first_line, s.invoice_no,
           CASE
               WHEN s.line <> s.first_line AND s.said <> s.first_said THEN 'repeated'
               WHEN s.line <> s.first_line THEN 'unchanged'
               WHEN v.customer_id IS NULL THEN 'created'
               WHEN (v.counterparty, v.net_minor, v.tax_minor, v.gross_minor, v.currency)
                    <> (s.counterparty, s.net_minor, s.tax_minor, s.gross_minor, s.currency)
                   THEN 'contradicted'
               WHEN v.status = s.status THEN 'unchanged'
               WHEN s.status = 'void' THEN 'updated'
               ELSE 'contradicted'
           END AS outcome
    FROM (
        SELECT *, row({_SAID}, status) AS said,
               first_value(line) OVER by_key AS first_line,
               first_value(row({_SAID}, status)) OVER by_key AS first_said
        FROM vat_invoice_staged
        WINDOW by_key AS (PARTITION BY {_KEY} ORDER BY line)
    ) s
    LEFT JOIN vat_invoice v USING ({_KEY})
"""

_INSERT = f"""
    INSERT INTO vat_invoice ({_KEY}, {_SAID}, status, source, recorded_by)
    SELECT {_KEY}, {_SAID}, status, :source || ' line ' || line, :recorded_by
    FROM vat_invoice_staged JOIN vat_invoice_judged USING (line, invoice_no)
    WHERE outcome = 'created'
"""

_AVOID = """
    UPDATE vat_invoice v SET status = 'void'
    FROM vat_invoice_staged s JOIN vat_invoice_judged j USING (line)
    WHERE j.outcome = 'updated'
      AND (v.customer_id, v.direction, v.issued_on, v.invoice_no, v.invoice_code)
          = (s.customer_id, s.direction, s.issued_on, s.invoice_no, s.invoice_code)
"""

# Those of every record of the customer; one that two records hold counts once.
_OF_CUSTOMER = """
    customer_id = ANY (customer_ids(:customer_id))
    AND (customer_id = customer_survivor(:customer_id) OR NOT EXISTS (
        SELECT FROM vat_invoice twin
        WHERE twin.customer_id = ANY (customer_ids(:customer_id))
            AND (twin.customer_id = customer_survivor(:customer_id)
                OR twin.customer_id < vat_invoice.customer_id)
            AND (twin.direction, twin.issued_on, twin.invoice_no, twin.invoice_code)
                = (vat_invoice.direction, vat_invoice.issued_on, vat_invoice.invoice_no,
                    vat_invoice.invoice_code)))
"""
_EXTENT = text(
    f"""
    SELECT min(currency) AS currency, count(*) AS invoices,
           min(issued_on) FILTER (WHERE sale) AS first_sale_on,
           max(issued_on) FILTER (WHERE sale) AS last_sale_on
    FROM (
        SELECT currency, issued_on,
               direction = 'sales' AND status = 'valid' AND gross_minor > 0 AS sale
        FROM vat_invoice WHERE {_OF_CUSTOMER} AND issued_on <= :as_of
    ) i
    """
)

_SUMS = text(
    f"""
    SELECT direction, counterparty, date_trunc('month', issued_on)::date AS month_on,
           coalesce(sum(net_minor) FILTER (WHERE status = 'valid' AND gross_minor >= 0), 0)::bigint
               AS net_minor,
           count(*) FILTER (WHERE status = 'valid') AS valid,
           count(*) FILTER (WHERE status = 'void') AS void
    FROM vat_invoice
    WHERE {_OF_CUSTOMER} AND issued_on BETWEEN :since AND :as_of
    GROUP BY direction, counterparty, month_on
    """
)

# Red letters with all that they may take back, found in one pass whatever the planner knows.
_LINES = text(
    f"""
    SELECT invoice_code || '/' || invoice_no || '/' || issued_on AS invoice, direction,
           counterparty, issued_on, net_minor, gross_minor
    FROM (
        SELECT *, bool_or(gross_minor < 0) OVER alike AS reversing FROM vat_invoice
        WHERE {_OF_CUSTOMER} AND issued_on <= :as_of AND status = 'valid'
        WINDOW alike AS (PARTITION BY direction, counterparty, abs(gross_minor))
    ) i
    WHERE reversing
    """
)


_ANALYSED_FROM = 10_000  # what a load this large adds, the planner should know of at once


class VatInvoices:
    """The VAT invoices of all customers."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open_load(self) -> None:
        """Make room for a load; it is gone with the transaction."""
        self._session.execute(text(_STAGE))

    def copy(self, lines: Lines) -> None:
        """Put the lines of a file beside the table, in one go."""
        copy_lines(self._session, "vat_invoice_staged", _COLUMNS, lines("\t", "\n"))

    def stage(self, lines: Iterable[tuple[int, VatInvoice]]) -> None:
        """Put these invoices, each by its line, beside the table."""
        self.copy(
            lambda before, after: (
                f"{vat_invoice_text(invoice)}{before}{line}{after}" for line, invoice in lines
            )
        )

    def settle(self, *, source: str, recorded_by: str) -> Loaded:
        """Write what is staged, and say what became of it.

        A line that says else than an earlier one is refused `RowRepeated`; one that says else than
        the record, but for being void, `AlreadyExists`.
        """
        self._session.execute(text("ANALYZE vat_invoice_staged"))
        self._session.execute(text(_JUDGE))
        self._session.execute(text("ANALYZE vat_invoice_judged"))
        origin = {"source": source, "recorded_by": recorded_by}
        self._session.execute(text(_INSERT), origin)
        self._session.execute(text(_AVOID))
        counted = self._session.execute(
            text("SELECT outcome, count(*) FROM vat_invoice_judged GROUP BY outcome")
        )
        found = {str(outcome): int(count) for outcome, count in counted}
        refused = list(self._refused())
        if found.get("created", 0) >= _ANALYSED_FROM:
            self._session.execute(text("ANALYZE vat_invoice"))
        self._session.execute(text("DROP TABLE vat_invoice_staged, vat_invoice_judged"))
        return Loaded({each: found.get(each.value, 0) for each in Outcome}, refused)

    def record_all(
        self, invoices: Sequence[VatInvoice], *, source: str, recorded_by: str
    ) -> Loaded:
        """Write these invoices once, as a file with one a line would."""
        self.open_load()
        self.stage(enumerate(invoices, start=1))
        return self.settle(source=source, recorded_by=recorded_by)

    def find_record(self, customer_id: str, as_of: date) -> InvoiceRecord | None:
        """What the customer's invoices come to as of a day; None where it has none by then."""
        asked = {"customer_id": customer_id, "as_of": as_of}
        extent = Extent(*self._session.execute(_EXTENT, asked).one())
        if not extent.invoices:
            return None
        sums = self._session.execute(_SUMS, {**asked, "since": months_kept_since(as_of)})
        lines = self._session.execute(_LINES, asked)
        return invoice_record(
            extent,
            [Sum(Direction(row[0]), *row[1:]) for row in sums],
            [Line(row[0], Direction(row[1]), *row[2:]) for row in lines],
            as_of,
        )

    def _refused(self) -> Iterator[tuple[int, CreditError]]:
        rows = self._session.execute(
            text(
                "SELECT line, first_line, invoice_no, outcome FROM vat_invoice_judged"
                " WHERE outcome IN ('repeated', 'contradicted') ORDER BY line"
            )
        )
        for line, first_line, invoice_no, outcome in rows:
            if outcome == "repeated":
                yield line, RowRepeated(line=first_line)
            else:
                yield line, AlreadyExists(kind="VAT invoice", id=invoice_no)


def vat_invoice_text(invoice: VatInvoice) -> str:
    """An invoice as COPY reads it."""
    return (
        f"{escaped(invoice.customer_id)}\t{invoice.direction.value}\t{escaped(invoice.invoice_code)}"
        f"\t{escaped(invoice.invoice_no)}\t{invoice.issued_on}\t{escaped(invoice.counterparty)}\t"
        f"{invoice.net.minor}\t{invoice.tax.minor}\t{invoice.gross.minor}\t"
        f"{invoice.gross.currency}\t{invoice.status.value}"
    )
