"""Who asks for credit: identifiers that check themselves, the customer record and its group.

What a record said on an earlier day is `CustomerProfile`; what the customer did is `CreditEvent`.
Whether a name is on a list is `domain/screening.py`.
"""

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from stdnum import lei
from stdnum.cn import uscc

from domain.errors import IdentifierInvalid
from domain.identity import Id, Name
from domain.money import Money
from domain.value import Value

# A section of GB/T 4754, or of ISIC rev. 4.
Industry = Annotated[str, Field(pattern=r"^[A-U]$")]


class IdentifierScheme(StrEnum):
    """Where an identifier comes from; `internal` is accepted from imports and is no proof."""

    USCC = "uscc"  # 统一社会信用代码, GB 32100-2015
    LEI = "lei"  # ISO 17442
    INTERNAL = "internal"


# Registrar and kind of body may be letters (GB 32100-2015, tables 2 and 3), the region may not.
_USCC_FORM = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_LEI_FORM = re.compile(r"[0-9A-Z]{18}[0-9]{2}")


def _uscc(written: str) -> str | None:
    code = uscc.compact(written)
    return code if _USCC_FORM.fullmatch(code) and uscc.calc_check_digit(code) == code[17] else None


def _lei(written: str) -> str | None:
    code = lei.compact(written)
    return code if _LEI_FORM.fullmatch(code) and lei.is_valid(code) else None


def _internal(written: str) -> str | None:
    return written if 0 < len(written) <= 64 and written.isprintable() else None


class Identifier(Value):
    """A pair of scheme and value that passes the scheme's own check, or is refused.

    Codes are kept compact and in capitals, so that two ways of writing one code are equal; an
    internal code is kept as written. Refuses `IdentifierInvalid`.
    """

    scheme: IdentifierScheme
    value: str

    @model_validator(mode="before")
    @classmethod
    def _checked(cls, content: Any) -> Any:
        if not isinstance(content, dict) or not isinstance(content.get("value"), str):
            return content
        scheme, value = str(content.get("scheme")), content["value"].strip()
        check = {"uscc": _uscc, "lei": _lei}.get(scheme, _internal)
        checked = check(value)
        if checked is None:
            raise IdentifierInvalid(scheme=scheme, value=value[:40])
        return {**content, "value": checked}

    @property
    def is_proof(self) -> bool:
        """Whether the code says who the company is to others than ourselves."""
        return self.scheme is not IdentifierScheme.INTERNAL

    def __str__(self) -> str:
        return f"{self.scheme.value} {self.value}"


class Segment(StrEnum):
    """The size class that policy tables may tell apart."""

    LARGE = "large"
    MEDIUM = "medium"
    SMALL = "small"


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("control characters are not allowed")
    return text.strip()


NameOrNone = Annotated[str, StringConstraints(max_length=200), AfterValidator(_one_line)]
# One plain address or nothing: whatever could open a second header or recipient is refused.
Mail = Annotated[
    str, StringConstraints(pattern=r"^$|^[^@\s<>,;:\"]+@[^@\s<>,;:\"]+$", max_length=254)
]


class CustomerContent(Value):
    """What is said of a business customer, whatever its id with us."""

    name: Name
    name_zh: NameOrNone = ""
    identifiers: tuple[Identifier, ...] = ()
    country: str = Field(default="CN", pattern=r"^[A-Z]{2}$")  # ISO 3166-1 alpha-2
    industry: Industry = "C"
    region: str = Field(default="", max_length=10)  # GB/T 2260 province, or ISO 3166-2
    segment: Segment = Segment.MEDIUM
    group_id: Id | None = None
    established_on: date | None = None
    employees: int | None = Field(default=None, ge=0, le=10_000_000)
    related_to_grantor: bool = False
    mail: Mail = ""  # the customer's contact address for notices and signing
    manager_id: Id = "manager"  # the relationship manager who owns the customer


class Customer(CustomerContent):
    """A business customer. Grade, limits and exposure are not here: they are decided elsewhere."""

    customer_id: Id

    @property
    def proof(self) -> Identifier | None:
        """The code that proves who the company is; None where all we have is our own number."""
        return next((code for code in self.identifiers if code.is_proof), None)

    def with_identifiers(self, more: tuple[Identifier, ...]) -> Self:
        """The customer known by these codes too; codes it has already are not doubled."""
        added = tuple(code for code in dict.fromkeys(more) if code not in self.identifiers)
        return self.model_copy(update={"identifiers": self.identifiers + added})


class Alias(Value):
    """A record of the same customer that gave way to this one: another id of it."""

    customer_id: Id
    name: str
    name_zh: str = ""
    identifiers: tuple[Identifier, ...] = ()
    merged_on: date


class CustomerRecord(Customer):
    """The customer as a read answers it; `merged_into` where it was asked for by another id."""

    merged_into: Id | None = None
    aliases: tuple[Alias, ...] = ()


class CustomerGroup(Value):
    """Companies whose exposure counts as one (集团客户)."""

    group_id: Id
    name: Name
    name_zh: NameOrNone = ""


class Sourced(Value):
    """One field of a record as of a day: its value, who or what said so, and since when."""

    value: Any
    source: str
    as_of: date


class CustomerProfile(Value):
    """The customer record as it stood on a day, each field with its source (feature A1).

    Rating, limits, exposure and open cases join it in `web.service`; they are other stages'.
    """

    customer: Customer
    as_of: date
    version: int
    fields: dict[str, Sourced]


class CreditEventType(StrEnum):
    """What can happen in a customer's credit history, for better or worse."""

    OVERDUE = "overdue"
    SETTLED = "settled"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_SETTLED = "dispute_settled"
    BILL_DISHONOURED = "bill_dishonoured"
    RESTRUCTURED = "restructured"
    SUED = "sued"
    ENFORCED = "enforced"
    INSOLVENT = "insolvent"
    BUREAU_REPORT = "bureau_report"
    LOAN_ELSEWHERE = "loan_elsewhere"
    REPAID_ELSEWHERE = "repaid_elsewhere"
    TRADE_REFERENCE = "trade_reference"
    CORRECTED = "corrected"  # the event named in `corrects` was not so


class CreditEventContent(Value):
    """What happened, as whoever reports it says."""

    event_type: CreditEventType
    occurred_on: date
    amount: Money | None = None
    evidence_hash: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    note: str = Field(default="", max_length=2000)
    corrects: Id | None = None  # an earlier event that this one takes back


class CreditEvent(CreditEventContent):
    """One dated fact of a customer's credit history; never edited, only corrected by another."""

    event_id: Id
    customer_id: Id
    recorded_by: Id = "system"


def events_standing(events: tuple[CreditEvent, ...]) -> tuple[CreditEvent, ...]:
    """The events that no later one corrects, without the corrections, in their order."""
    corrected = {event.corrects for event in events if event.corrects}
    return tuple(
        event
        for event in events
        if event.event_id not in corrected and event.event_type is not CreditEventType.CORRECTED
    )
