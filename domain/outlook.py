"""The market environment (市场环境) of industries: how an edition changes it, and what that touches.

What an outlook leaves of a limit is `policies/limit.py`; on which days it changes is
`policies/outlook.py`.
"""

from datetime import date
from decimal import Decimal

from domain.identity import Id
from domain.money import Money
from domain.value import Value


class OutlookChange(Value):
    """An industry's outlook from one day on; a share of None bounds nothing."""

    industry: str
    on: date
    share_before: Decimal | None
    share: Decimal | None


class AffectedBook(Value):
    """The lines in force of an industry; amounts add up by currency."""

    industry: str
    customers: int = 0
    lines: int = 0
    limits: tuple[Money, ...] = ()
    exposure: tuple[Money, ...] = ()


class AffectedLine(Value):
    """A line in force of an industry whose outlook changes."""

    line_id: Id
    customer_id: Id
    industry: str
    grade: str
    limit: Money
    exposure: Money
