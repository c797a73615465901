"""VAT invoices (增值税发票) of a customer: what it sold and bought, as the tax office knows it.

A void invoice (作废) never counted. A negative one (红字, 冲销) takes back an earlier one: which, is
`reversals`. What they come to by month is `domain/turnover.py`, and what that says of a customer
`policies/turnover.py`.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import NamedTuple, Self

from pydantic import Field, model_validator

from domain.errors import CurrencyMismatch, InvoiceUnbalanced
from domain.identity import Id
from domain.money import Money
from domain.value import Value

DIFFERENCE_MAX = 1  # minor units by which net and tax may miss the sum: each was rounded by itself


class Direction(StrEnum):
    """On whose side the customer is: 销项 sells, 进项 buys."""

    SALES = "sales"
    PURCHASE = "purchase"


class InvoiceStatus(StrEnum):
    VALID = "valid"
    VOID = "void"


class VatInvoice(Value):
    """One VAT invoice of a customer; negative amounts are a red letter's.

    Known by its code and number, and its day: numbers alone come round again within years.
    Refuses `InvoiceUnbalanced` where net and tax miss the gross amount by more than a cent.
    """

    customer_id: Id
    direction: Direction
    invoice_code: str = Field(default="", max_length=20)
    invoice_no: str = Field(min_length=1, max_length=32)
    issued_on: date
    counterparty: str = Field(min_length=1, max_length=64)
    net: Money
    tax: Money
    gross: Money
    status: InvoiceStatus = InvoiceStatus.VALID

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if not self.net.currency == self.tax.currency == self.gross.currency:
            raise CurrencyMismatch(first=self.net.currency, second=self.gross.currency)
        minor = self.gross.minor - self.net.minor - self.tax.minor
        if abs(minor) > DIFFERENCE_MAX:
            raise InvoiceUnbalanced(
                net=self.net.text,
                tax=self.tax.text,
                gross=self.gross.text,
                difference=Money(minor=minor, currency=self.gross.currency).text,
            )
        return self


class Line(NamedTuple):
    """A valid invoice as reversals look at it; amounts in minor units."""

    invoice: str  # code, number and day: what tells one invoice from another
    direction: Direction
    counterparty: str
    issued_on: date
    net_minor: int
    gross_minor: int


def reversals(lines: Iterable[Line]) -> tuple[list[tuple[Line, Line]], list[Line]]:
    """Red letters with the invoice each takes back, and those that take back none.

    A red letter takes back the latest invoice of the same direction, counterparty and gross amount
    that was issued by its day and is not taken back yet. Later invoices change no earlier pair.
    """
    open_lines: dict[tuple[Direction, str, int], list[Line]] = defaultdict(list)
    pairs: list[tuple[Line, Line]] = []
    alone: list[Line] = []
    for line in sorted(
        lines, key=lambda each: (each.issued_on, each.gross_minor < 0, each.invoice)
    ):
        key = line.direction, line.counterparty, abs(line.gross_minor)
        if line.gross_minor >= 0:
            open_lines[key].append(line)
        elif open_lines[key]:
            pairs.append((line, open_lines[key].pop()))
        else:
            alone.append(line)
    return pairs, alone
