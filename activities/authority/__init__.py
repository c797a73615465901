"""Authority at the moment of decision: `asking` who may decide, and `telling` whoever could."""

from activities.authority.asking import Asking, authority_for
from activities.authority.telling import (
    ask_anew,
    ask_holders_anew,
    look_for_unasked,
    positions_of,
    tell_askable,
    warn_of_certificates,
)

__all__ = [
    "Asking",
    "ask_anew",
    "ask_holders_anew",
    "authority_for",
    "look_for_unasked",
    "positions_of",
    "tell_askable",
    "warn_of_certificates",
]
