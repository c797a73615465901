"""Who asks for credit: identifiers that check themselves, the customer record and its group."""

from datetime import date
from enum import StrEnum

from domain.identity import Id, Name
from domain.value import Value


class IdentifierScheme(StrEnum):
    """Where an identifier comes from; `internal` is accepted from imports and is no proof."""

    USCC = "uscc"  # 统一社会信用代码, GB 32100-2015
    LEI = "lei"  # ISO 17442
    INTERNAL = "internal"


class Identifier(Value):
    """A pair of scheme and value that passes the scheme's own check, or is refused."""

    scheme: IdentifierScheme
    value: str


class Segment(StrEnum):
    """The size class that policy tables may tell apart."""

    LARGE = "large"
    MEDIUM = "medium"
    SMALL = "small"


class Customer(Value):
    """A business customer. Grade, limits and exposure are not here: they are decided elsewhere."""

    customer_id: Id
    name: Name
    name_zh: str = ""
    identifiers: tuple[Identifier, ...] = ()
    country: str = "CN"  # ISO 3166-1 alpha-2
    industry: str = "C"  # section of GB/T 4754-2017 / ISIC rev. 4, one letter
    region: str = ""  # GB/T 2260 province, or ISO 3166-2
    segment: Segment = Segment.MEDIUM
    group_id: Id | None = None
    established_on: date | None = None
    employees: int | None = None
    related_to_grantor: bool = False
    mail: str = ""  # the customer's contact address for notices and signing
    manager_id: Id = "manager"  # the relationship manager who owns the customer


class CustomerGroup(Value):
    """Companies whose exposure counts as one (集团客户)."""

    group_id: Id
    name: Name
    name_zh: str = ""
