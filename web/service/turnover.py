"""What may be asked of a customer's VAT invoices: what they come to, and every figure of them."""

from datetime import date
from decimal import Decimal, localcontext

from domain.errors import NotFound
from domain.identity import Person
from domain.turnover import InvoiceRecord
from domain.value import Value
from policies.formula import EXACT
from policies.spreading import to_decimals
from policies.turnover import INVOICE_NAMES, invoice_figure
from storage.base import Records
from storage.vat_invoice import VatInvoices
from web.service.clock import Clock
from web.service.customer import visible_customer
from web.service.permissions import Action, permit

_DECIMALS = 6


class Turnover(Value):
    """A customer's record of invoices as of a day, and the figures that editions may name."""

    record: InvoiceRecord
    figures: dict[str, Decimal | None]


class TurnoverService:
    """Turnover, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def read(self, person: Person, customer_id: str, as_of: date | None = None) -> Turnover:
        """As of a day (today, unless said); `NotFound` where there is no invoice by then."""
        permit(person, Action.TURNOVER_READ)
        on = as_of or self._clock.business_on()
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            record = VatInvoices(session).find_record(customer_id, on)
        if record is None:
            raise NotFound(kind="VAT invoice", id=f"{customer_id} {on}")
        with localcontext(EXACT):
            found = {name: invoice_figure(record, name) for name in sorted(INVOICE_NAMES)}
        return Turnover(
            record=record,
            figures={
                name: None if value is None else to_decimals(value, _DECIMALS)
                for name, value in found.items()
            },
        )
