"""VAT invoices brought in: rows made into invoices by the thousand, settled in one go at the end."""

from domain.errors import CreditError
from domain.imports import ImportKind
from domain.money import Money, exponent_of
from domain.vat_invoice import Direction, InvoiceStatus, VatInvoice
from storage.bulk import Loaded
from storage.vat_invoice import VatInvoices
from web.service.imports import cells
from web.service.imports.cells import RowRefused
from web.service.imports.kinds import Run
from web.service.imports.profile import Fields
from web.service.imports.staged import Staging

DIRECTIONS = {
    ImportKind.SALES_INVOICES: Direction.SALES,
    ImportKind.PURCHASE_INVOICES: Direction.PURCHASE,
}
# As the tax platform's own exports say it; nothing said is an ordinary invoice.
_STATUSES = {
    **dict.fromkeys(("", "有效发票", "正常", "已开具", "valid"), InvoiceStatus.VALID),
    **dict.fromkeys(("作废发票", "作废", "已作废", "void"), InvoiceStatus.VOID),
}


class VatInvoiceImporter(Staging[VatInvoice]):
    """Invoices of one direction; each is known by its customer, code, number and day."""

    def __init__(self, run: Run, direction: Direction) -> None:
        self._direction = direction
        self._store = VatInvoices(run.session)
        self._store.open_load()
        super().__init__(run, self._store)

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
