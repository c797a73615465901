"""Warning signals (预警信号): what a rule saw, how grave it is, and whether it freezes the line."""

from decimal import Decimal
from enum import StrEnum

from domain.value import Value


class WarningLevel(StrEnum):
    """Grave to graver."""

    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"

    @property
    def gravity(self) -> int:
        return list(WarningLevel).index(self)


class WarningSignal(Value):
    """One rule that fired: the figure's value against its threshold, under which edition."""

    rule: str
    level: WarningLevel
    figure: str
    value: Decimal
    threshold: Decimal
    freeze: bool = False
    edition_hash: str = ""
