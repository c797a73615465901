"""VAT invoices brought in: rows made into invoices by the thousand, settled in one go at the end."""

from collections.abc import Iterable, Sequence
from itertools import repeat

from domain.errors import CreditError
from domain.imports import ImportKind
from domain.money import Money, exponent_of
from domain.vat_invoice import Direction, InvoiceStatus, VatInvoice
from storage.vat_invoice import VatInvoices
from web.service.imports import cells
from web.service.imports.cells import RowRefused
from web.service.imports.kinds import Answer, Run
from web.service.imports.profile import Fields

DIRECTIONS = {
    ImportKind.SALES_INVOICES: Direction.SALES,
    ImportKind.PURCHASE_INVOICES: Direction.PURCHASE,
}
# As the tax platform's own exports say it; nothing said is an ordinary invoice.
_STATUSES = {
    **dict.fromkeys(("", "有效发票", "正常", "已开具", "valid"), InvoiceStatus.VALID),
    **dict.fromkeys(("作废发票", "作废", "已作废", "void"), InvoiceStatus.VOID),
}


class VatInvoiceImporter:
    """Invoices of one direction; each is known by its customer, code, number and day."""

    def __init__(self, run: Run, direction: Direction) -> None:
        self._run = run
        self._direction = direction
        self._customers: dict[tuple[str, str], str] = {}
        self._store = VatInvoices(run.session)
        self._store.open_load()

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
        self._store.stage(staged)
        return refused

    def finish(self) -> Iterable[Answer]:
        """Settle everything staged; what was written is answered by number alone."""
        loaded = self._store.settle(source=self._run.file, recorded_by=self._run.person.person_id)
        for outcome, count in loaded.outcomes.items():
            yield from repeat((0, outcome), count)
        for line, refusal in loaded.refused:
            yield line, RowRefused(refusal)

    def _look_up(self, rows: Sequence[Fields]) -> None:
        """Have the customers of these rows at hand; a book names few of them, and often."""
        fresh = {_named(fields): fields for fields in rows if _named(fields) not in self._customers}
        self._run.look_up(fresh.values())
        for named, fields in fresh.items():
            try:
                self._customers[named] = self._run.customer_of(fields)
            except RowRefused:
                continue  # refused again, and told, when the row's turn comes

    def _made(self, fields: Fields) -> VatInvoice:
        customer_id = self._customers.get(_named(fields)) or self._run.customer_of(fields)
        currency = fields.find("currency") or "CNY"
        content = {
            "customer_id": customer_id,
            "direction": self._direction,
            "invoice_code": fields.find("invoice_code"),
            "invoice_no": cells.required(fields, "invoice_no"),
            "issued_on": cells.day_past(fields, "issued_on", self._run.business_on),
            "counterparty": cells.required(fields, "counterparty"),
            "net": _money(fields, "net", currency),
            "tax": _money(fields, "tax", currency),
            "gross": _money(fields, "gross", currency),
            "status": _status(fields),
        }
        return cells.made(fields, VatInvoice, content, {"": "gross"})


def _named(fields: Fields) -> tuple[str, str]:
    return fields.find("scheme"), fields.find("customer")


def _money(fields: Fields, field: str, currency: str) -> Money:
    """An exact amount, negative for a red letter; refused at its column."""
    figure = cells.figure(fields, field, cells.required(fields, field))
    try:
        minor = figure.scaleb(exponent_of(currency))
        whole = int(minor)
        return (
            Money(minor=whole, currency=currency) if whole == minor else Money.of(figure, currency)
        )
    except CreditError as refusal:
        named = "currency" if refusal.code == "currency_unknown" else field
        raise RowRefused(refusal, fields.column_of(named)) from refusal


def _status(fields: Fields) -> InvoiceStatus:
    said = fields.find("status")
    if said not in _STATUSES:
        raise cells.unreadable(
            fields, "status", "有效发票 or 作废发票 (valid or void)", "有效发票或作废发票"
        )
    return _STATUSES[said]
