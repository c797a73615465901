"""Kinds of rows that come by the hundred thousand: read one by one, judged and written in sets."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from itertools import islice
from typing import Generic, Protocol, TypeVar

from domain.imports import Outcome
from domain.money import CURRENCIES, Money, exponent_of
from domain.receivable import CreditNote, Invoice, Payment
from domain.reconciliation import ExtractedDocument
from domain.value import content_hash
from storage.bulk import (
    InvoiceLine,
    InvoiceLoad,
    Lines,
    Loaded,
    OpenItemLoad,
    ReductionLoad,
    Source,
    escaped,
    invoice_text,
    open_item_text,
    reduction_text,
    settled_invoice_text,
    write_invoices,
)
from storage.reconciliation import Reconciliations
from web.service.imports import cells, plain
from web.service.imports.cells import RowRefused
from web.service.imports.kinds import Run
from web.service.imports.plain import Reader
from web.service.imports.profile import Fields, File
from web.service.imports.rows import BrokenRow, picking
from web.service.imports.tally import Tally

CODES_ASKED = 10_000  # in one statement
SETTLED = "settled"  # the payment number of an invoice that its own row says was paid in full

_Made = TypeVar("_Made")
_PLAIN = re.compile(r"(\d{1,13})\.(\d\d)")


class Stage(Protocol):
    """Where the lines of a file wait for the last one."""

    def copy(self, lines: Lines) -> None: ...


class Staging(Generic[_Made]):
    """An importer that sends a file's rows as it reads them, and has them judged as one."""

    def __init__(self, run: Run, file: File) -> None:
        self._run = run
        self._file = file
        self._customers: dict[tuple[str, str], str] = {}
        self._at_hand: dict[tuple[str, ...], str] = {}  # by cells as they stand, as COPY reads it

    def bring_in(self) -> Tally:
        """Read the file to its end, write what can be and say what became of each row."""
        self.look_up()
        return self._bring_in()

    def _bring_in(self) -> Tally:
        tally = Tally()
        stage = self._stage()
        stage.copy(lambda before, after: self._lines(tally, before, after))
        loaded = self._settle(self._run.file, self._run.person.person_id)
        tally.add(loaded.outcomes)
        for line, refusal in loaded.refused:
            tally.refuse(line, refusal)
        return tally

    def _lines(self, tally: Tally, before: str, after: str) -> Iterator[str]:
        """What COPY is to read of each row that can be read; those that cannot are told."""
        at_sight = self.at_sight
        for row in self._file.rows.cut():
            if isinstance(row, BrokenRow):
                tally.refuse(row.line, row.refusal, row.column)
                continue
            line, found = row
            text = at_sight(found)
            if text is None:
                try:
                    text = self.in_full(line, found)
                except RowRefused as refused:
                    tally.refuse(line, refused.refusal, refused.column)
                    continue
            yield f"{text}{before}{line}{after}"

    @cached_property
    def at_sight(self) -> plain.Said:
        """What COPY is to read of a row that is plain, None of another."""
        columns = self._file.rows.columns
        pick = picking([columns.index(column) for column in self._named_by()])
        find = self._at_hand.get
        return plain.said(self._file, lambda found: find(pick(found)), self._readers(), self._agree)

    def in_full(self, line: int, found: Sequence[str]) -> str:
        """What COPY is to read of any row; refuses it as `RowRefused`."""
        return self._text(self._made(self._file.fields(line, self._file.rows.columns, found)))

    def _stage(self) -> Stage:
        raise NotImplementedError

    def _made(self, fields: Fields) -> _Made:
        raise NotImplementedError

    def _text(self, made: _Made) -> str:
        """The value as COPY reads it."""
        raise NotImplementedError

    def _readers(self) -> Mapping[str, Reader]:
        """What of a plain row follows its customer, in the order of the text."""
        raise NotImplementedError

    def _agree(self, told: Sequence[str]) -> bool:
        """Whether what is read of a plain row, its customer first, goes together."""
        return True

    def _settle(self, source: str, by: str) -> Loaded:
        raise NotImplementedError

    def _customer(self, fields: Fields) -> str:
        return self._customers.get(_named(fields)) or self._run.customer_of(fields)

    def look_up(self) -> None:
        """Have the customers of the file at hand; a book names few of them, and often."""
        columns = self._named_by()
        distinct = iter(self._file.rows.distinct(columns))
        while portion := list(islice(distinct, CODES_ASKED)):
            named = {found: self._file.fields(0, columns, found) for found in portion}
            self._run.look_up(named.values())
            for found, fields in named.items():
                try:
                    customer_id = self._run.customer_of(fields)
                except RowRefused:
                    continue  # refused again, and told, when the row's turn comes
                self._customers[_named(fields)] = customer_id
                self._at_hand[found] = escaped(customer_id)

    def _named_by(self) -> list[str]:
        names = self._file.names
        return [names[field] for field in ("scheme", "customer") if field in names]


class InvoiceImporter(Staging[InvoiceLine]):
    """Invoices, and the payment in full of those whose row names its day."""

    def _bring_in(self) -> Tally:
        """Written straight where that is all there is to do, staged where it is not."""
        run, tally = self._run, Tally()
        if not self._settles and not run.of_many_ids:
            source = Source(run.file, run.person.person_id)
            created = write_invoices(
                run.session, source, lambda before, after: self._lines(tally, before, after)
            )
            if created is not None:
                tally.add({Outcome.CREATED: created})
                return tally
        return super()._bring_in()

    @property
    def _settles(self) -> bool:
        return self._file.given("settled_on")

    def _stage(self) -> Stage:
        self._load = InvoiceLoad(self._run.session, settles=self._settles)
        return self._load

    def _text(self, made: InvoiceLine) -> str:
        return settled_invoice_text(made) if self._settles else invoice_text(made)

    def _readers(self) -> Mapping[str, Reader]:
        reading = self._file.reading
        past = plain.day_past(reading, self._run.business_on)
        return {
            "invoice_no": plain.number,
            "issued_on": past,
            "due_on": plain.day(reading),
            "amount": plain.minor,
            "currency": plain.currency,
            "disputed": plain.yes,
            **({"settled_on": plain.given(past)} if self._settles else {}),
        }

    def _agree(self, told: Sequence[str]) -> bool:
        return told[2] <= told[3]

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

    def _stage(self) -> Stage:
        self._load = ReductionLoad(self._run.session, Payment)
        return self._load

    def _text(self, made: Payment) -> str:
        return reduction_text(made)

    def _readers(self) -> Mapping[str, Reader]:
        return {
            "invoice_no": plain.number,
            "payment_no": plain.number,
            "paid_on": plain.day_past(self._file.reading, self._run.business_on),
            "amount": plain.minor,
            "currency": plain.currency,
        }

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

    def _stage(self) -> Stage:
        self._load = ReductionLoad(self._run.session, CreditNote)
        return self._load

    def _text(self, made: CreditNote) -> str:
        return reduction_text(made)

    def _readers(self) -> Mapping[str, Reader]:
        return {
            "invoice_no": plain.number,
            "credit_note_no": plain.number,
            "issued_on": plain.day_past(self._file.reading, self._run.business_on),
            "amount": plain.minor,
            "currency": plain.currency,
            "reverses": plain.given(plain.number),
            "reason": plain.free_text,
        }

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

    def __init__(self, run: Run, file: File) -> None:
        super().__init__(run, file)
        self.extract_id = content_hash([run.file, run.business_on.isoformat()])[:32]
        by = run.person.person_id
        Reconciliations(run.session).open_extract(self.extract_id, run.business_on, recorded_by=by)

    def _stage(self) -> Stage:
        self._load = OpenItemLoad(self._run.session)
        return self._load

    def _text(self, made: ExtractedDocument) -> str:
        return open_item_text(made)

    def _readers(self) -> Mapping[str, Reader]:
        return {
            "invoice_no": plain.number,
            "amount": plain.minor,
            "open": plain.signed_minor,
            "currency": plain.currency,
            "due_on": plain.day(self._file.reading),
        }

    def _agree(self, told: Sequence[str]) -> bool:
        return 0 <= int(told[3]) <= int(told[2])

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
