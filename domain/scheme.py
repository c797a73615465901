"""The facility scheme (授信方案): one limit or several by product, and how they may be used."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from domain.cover import CoverKind
from domain.money import Money, money_sum
from domain.terms import PaymentTerms
from domain.value import Value


class SubLine(Value):
    """A product sub-line (分项额度): the most of one product within the facility, as exposure."""

    product: str
    limit: Money
    tenor_months: int = Field(ge=1)
    deposit_share: Annotated[Decimal, Field(ge=0, le=1)] = Decimal(0)
    covers: tuple[CoverKind, ...] = ()
    terms: PaymentTerms | None = None


class FacilityScheme(Value):
    """A comprehensive facility (综合授信) of sub-lines under one limit, or a single product's."""

    limit: Money
    sub_lines: tuple[SubLine, ...] = Field(min_length=1)
    purpose: str = ""  # what a dedicated facility is for, and nothing else
    nominal_limit: Money | None = None  # the most by name (名义金额), deposits and all; None: any

    @property
    def sum_of_sub_lines(self) -> Money:
        """May be above the limit: sub-lines share it, each up to its own."""
        return money_sum((each.limit for each in self.sub_lines), self.limit.currency)

    def sub_line(self, product: str) -> SubLine | None:
        return next((each for each in self.sub_lines if each.product == product), None)


class SchemeUse(Value):
    """What is used of a facility, as exposure by product."""

    by_product: Mapping[str, Money] = {}


class SchemeFinding(Value):
    """Where a scheme, a use or an exchange does not fit the catalogue."""

    code: str
    product: str = ""
    found: str = ""
    wanted: str = ""
