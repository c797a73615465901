"""Lines on record: `conditions` before one is in force, `lines` from then on, `rates` by day."""

from storage.line.conditions import Conditions
from storage.line.lines import Lines
from storage.line.rates import LineRates

__all__ = ["Conditions", "LineRates", "Lines"]
