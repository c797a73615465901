"""Cover (风险缓释): what stands behind a credit, what it is worth, and until when."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.identity import Id
from domain.money import Money
from domain.value import Value


class CoverKind(StrEnum):
    GUARANTEE = "guarantee"  # 保证
    MORTGAGE = "mortgage"  # 抵押
    PLEDGE = "pledge"  # 质押
    DEPOSIT = "deposit"  # 保证金
    INSURANCE = "insurance"  # 信用保险


class Cover(Value):
    """One cover of a customer's credit.

    `value` is the worth of the asset, the sum guaranteed, or the insurer's limit on the buyer;
    `share` the part of it that counts by its own terms, as an insured share.
    """

    cover_id: Id
    kind: CoverKind
    value: Money
    share: Annotated[Decimal, Field(ge=0, le=1)] = Decimal(1)
    valued_on: date | None = None
    ends_on: date | None = None  # the last day it covers
