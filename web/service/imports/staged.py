"""Kinds of rows that come by the hundred thousand: read one by one, judged and written in sets."""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import repeat
from typing import Generic, Protocol, TypeVar

from domain.money import CURRENCIES, Money, exponent_of
from domain.receivable import CreditNote, Invoice, Payment
from domain.reconciliation import ExtractedDocument
from domain.value import content_hash
from storage.bulk import InvoiceLine, InvoiceLoad, Loaded, OpenItemLoad, ReductionLoad
from storage.reconciliation import Reconciliations
from web.service.imports import cells
from web.service.imports.cells import RowRefused
from web.service.imports.kinds import Answer, Run
from web.service.imports.profile import Fields

SETTLED = "settled"  # the payment number of an invoice that its own row says was paid in full

_Made = TypeVar("_Made")
_Staged = TypeVar("_Staged", contravariant=True)
_PLAIN = re.compile(r"(\d{1,13})\.(\d\d)")


class Stage(Protocol[_Staged]):
    """Where lines of a file wait for the last one."""

    def stage(self, lines: Iterable[tuple[int, _Staged]]) -> None: ...


class Staging(Generic[_Made]):
    """An importer that reads every row at once and writes all of them at the end."""

    def __init__(self, run: Run, stage: Stage[_Made]) -> None:
        self._run = run
        self._stage = stage
        self._customers: dict[tuple[str, str], str] = {}

    def take(self, rows: Sequence[Fields]) -> Iterable[Answer]:
        """Stage what can be read, and answer what cannot."""
        self._look_up(rows)
        refused: list[Answer] = []
        staged = []
        for fields in rows:
            try:
                staged.append((fields.line, self._made(fields)))
            except RowRefused as refusal:
                refused.append((fields.line, refusal))
        self._stage.stage(staged)
        return refused

    def finish(self) -> Iterable[Answer]:
        """Settle everything staged; what was written is answered by number alone."""
        loaded = self._settle(self._run.file, self._run.person.person_id)
        for outcome, count in loaded.outcomes.items():
            yield from repeat((0, outcome), count)
        for line, refusal in loaded.refused:
            yield line, RowRefused(refusal)

    def _made(self, fields: Fields) -> _Made:
        raise NotImplementedError

    def _settle(self, source: str, by: str) -> Loaded:
        raise NotImplementedError

    def _customer(self, fields: Fields) -> str:
        return self._customers.get(_named(fields)) or self._run.customer_of(fields)

    def _look_up(self, rows: Sequence[Fields]) -> None:
        """Have the customers of these rows at hand; a book names few of them, and often."""
        fresh = {
            named: fields for fields in rows if (named := _named(fields)) not in self._customers
        }
        if not fresh:
            return
        self._run.look_up(fresh.values())
        for named, fields in fresh.items():
            try:
                self._customers[named] = self._run.customer_of(fields)
            except RowRefused:
                continue  # refused again, and told, when the row's turn comes


class InvoiceImporter(Staging[InvoiceLine]):
    """Invoices, and the payment in full of those whose row names its day."""

    def __init__(self, run: Run) -> None:
        self._load = InvoiceLoad(run.session)
        super().__init__(run, self._load)

    def _made(self, fields: Fields) -> InvoiceLine:
        run = self._run
        customer_id = self._customer(fields)
        invoice_no = cells.required(fields, "invoice_no")
        issued_on = cells.day_past(fields, "issued_on", run.business_on)
        due_on = cells.day_required(fields, "due_on")
        minor, currency = _minor(fields)
        disputed = cells.yes(fields, "disputed")
        if due_on < issued_on or len(invoice_no) > 64 or not invoice_no.isprintable():
            content = {
                "customer_id": customer_id,
                "invoice_no": invoice_no,
                "issued_on": issued_on,
                "due_on": due_on,
                "amount": Money(minor=minor, currency=currency),
            }
            cells.made(fields, Invoice, content)
        settled_on: date | None = None
        if fields.find("settled_on"):
            settled_on = cells.day_past(fields, "settled_on", run.business_on)
        return InvoiceLine(
            customer_id, invoice_no, issued_on, due_on, minor, currency, disputed, settled_on
        )

    def _settle(self, source: str, by: str) -> Loaded:
        on = self._run.business_on
        return self._load.settle(SETTLED, source=source, business_on=on, by=by)


class PaymentImporter(Staging[Payment]):
    """Payments, each of one invoice that is on record."""

    def __init__(self, run: Run) -> None:
        self._load = ReductionLoad(run.session, Payment)
        super().__init__(run, self._load)

    def _made(self, fields: Fields) -> Payment:
        content = {
            "customer_id": self._customer(fields),
            "payment_no": cells.required(fields, "payment_no"),
            "invoice_no": cells.required(fields, "invoice_no"),
            "paid_on": cells.day_past(fields, "paid_on", self._run.business_on),
            "amount": cells.money(fields),
        }
        return cells.made(fields, Payment, content)

    def _settle(self, source: str, by: str) -> Loaded:
        return self._load.settle(source=source, by=by)


class CreditNoteImporter(Staging[CreditNote]):
    """Credit notes, each of one invoice that is on record."""

    def __init__(self, run: Run) -> None:
        self._load = ReductionLoad(run.session, CreditNote)
        super().__init__(run, self._load)

    def _made(self, fields: Fields) -> CreditNote:
        content = {
            "customer_id": self._customer(fields),
            "credit_note_no": cells.required(fields, "credit_note_no"),
            "invoice_no": cells.required(fields, "invoice_no"),
            "issued_on": cells.day_past(fields, "issued_on", self._run.business_on),
            "amount": cells.money(fields),
            "reverses": fields.find("reverses") or None,
            "reason": fields.find("reason"),
        }
        return cells.made(fields, CreditNote, content)

    def _settle(self, source: str, by: str) -> Loaded:
        return self._load.settle(source=source, by=by)


class OpenItemImporter(Staging[ExtractedDocument]):
    """Open items as another system has them: an extract of the run's day, under its file's hash."""

    def __init__(self, run: Run) -> None:
        self.extract_id = content_hash([run.file, run.business_on.isoformat()])[:32]
        by = run.person.person_id
        Reconciliations(run.session).open_extract(self.extract_id, run.business_on, recorded_by=by)
        self._load = OpenItemLoad(run.session)
        super().__init__(run, self._load)

    def _made(self, fields: Fields) -> ExtractedDocument:
        amount = cells.money(fields)
        open_ = cells.figure(fields, "open", cells.required(fields, "open"))
        if open_ < 0:
            raise cells.unreadable(fields, "open", "zero or more", "零或以上")
        content = {
            "customer_id": self._customer(fields),
            "invoice_no": cells.required(fields, "invoice_no"),
            "amount": amount,
            "open": cells.refused_at(
                lambda place: fields.column_of("open"), lambda: Money.of(open_, amount.currency)
            ),
            "due_on": cells.day_required(fields, "due_on"),
        }
        return cells.made(fields, ExtractedDocument, content, {"": "open"})

    def _settle(self, source: str, by: str) -> Loaded:
        return self._load.settle(self.extract_id)


def _named(fields: Fields) -> tuple[str, str]:
    return fields.find("scheme"), fields.find("customer")


def _minor(fields: Fields) -> tuple[int, str]:
    """An amount above zero in minor units and its currency; refuses as `cells.money` does."""
    text, currency = fields.find("amount"), fields.find("currency")
    plain = _PLAIN.fullmatch(text) if text.isascii() else None
    if (
        plain
        and currency in CURRENCIES
        and exponent_of(currency) == 2
        and (minor := int(plain[1] + plain[2]))
    ):
        return minor, currency
    amount = cells.money(fields)
    return amount.minor, amount.currency
