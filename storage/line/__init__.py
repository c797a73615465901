"""Lines on record: `conditions` before one is in force, `lines` from then on."""

from storage.line.conditions import Conditions
from storage.line.lines import Lines

__all__ = ["Conditions", "Lines"]
