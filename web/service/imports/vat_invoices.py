"""VAT invoices brought in: rows made into invoices by the thousand, settled in one go at the end."""

from collections.abc import Mapping, Sequence

from domain.errors import CreditError
from domain.imports import ImportKind
from domain.money import MINOR_MAX, Money, exponent_of
from domain.vat_invoice import DIFFERENCE_MAX, Direction, InvoiceStatus, VatInvoice
from storage.bulk import Loaded
from storage.vat_invoice import VatInvoices, vat_invoice_text
from web.service.imports import cells, plain
from web.service.imports.cells import RowRefused
from web.service.imports.kinds import Run
from web.service.imports.plain import Reader
from web.service.imports.profile import Fields, File
from web.service.imports.staged import Stage, Staging

DIRECTIONS = {
    ImportKind.SALES_INVOICES: Direction.SALES,
    ImportKind.PURCHASE_INVOICES: Direction.PURCHASE,
}
# As the tax platform's own exports say it; nothing said is an ordinary invoice.
_STATUSES = {
    **dict.fromkeys(("", "有效发票", "正常", "已开具", "valid"), InvoiceStatus.VALID),
    **dict.fromkeys(("作废发票", "作废", "已作废", "void"), InvoiceStatus.VOID),
}
_STATUS_TEXTS = {said: status.value for said, status in _STATUSES.items()}


class VatInvoiceImporter(Staging[VatInvoice]):
    """Invoices of one direction; each is known by its customer, code, number and day."""

    def __init__(self, direction: Direction, run: Run, file: File) -> None:
        super().__init__(run, file)
        self._direction = direction
        self._store = VatInvoices(run.session)

    def _stage(self) -> Stage:
        self._store.open_load()
        return self._store

    def _text(self, made: VatInvoice) -> str:
        return vat_invoice_text(made)

    def _readers(self) -> Mapping[str, Reader]:
        return {
            "": lambda text: self._direction.value,
            "invoice_code": _code,
            "invoice_no": _number,
            "issued_on": plain.day_past(self._file.reading, self._run.business_on),
            "counterparty": plain.number,
            "net": plain.signed_minor,
            "tax": plain.signed_minor,
            "gross": plain.signed_minor,
            "currency": lambda text: plain.currency(text or "CNY"),
            "status": _STATUS_TEXTS.get,
        }

    def _agree(self, told: Sequence[str]) -> bool:
        net, tax, gross = map(int, told[6:9])
        return abs(gross - net - tax) <= DIFFERENCE_MAX

    def _settle(self, source: str, by: str) -> Loaded:
        return self._store.settle(source=source, recorded_by=by)

    def _made(self, fields: Fields) -> VatInvoice:
        customer_id = self._customer(fields)
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


def _number(text: str) -> str | None:
    return plain.number(text) if len(text) <= 32 else None


def _code(text: str) -> str | None:
    return "" if not text else plain.number(text) if len(text) <= 20 else None


def _money(fields: Fields, field: str, currency: str) -> Money:
    """An exact amount, negative for a red letter; refused at its column."""
    figure = cells.figure(fields, field, cells.required(fields, field))
    try:
        minor = figure.scaleb(exponent_of(currency))
        whole = int(minor)
        if whole == minor and abs(whole) <= MINOR_MAX:
            return Money(minor=whole, currency=currency)
        return Money.of(figure, currency)
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
