"""How a state looks: a sign and a tone beside its word, never colour alone."""

from enum import StrEnum

from domain.collection import CollectionStatus
from domain.contract import ContractStatus
from domain.hold import HoldStatus
from domain.line import ConditionStatus
from domain.use import UseStatus
from domain.warning import WarningStatus
from web.language import Speech

GOOD, BUSY, WAIT, BAD, OFF = "good", "busy", "wait", "bad", "off"

# Tone, and sign as a symbol of `static/signs.svg`, by a state's own text.
LOOKS = {
    # cases
    "received": (BUSY, "dot"),
    "suspended": (WAIT, "pause"),
    "incomplete": (WAIT, "half"),
    "assessed": (BUSY, "dot"),
    "in_approval": (BUSY, "clock"),
    "returned": (WAIT, "back"),
    "approved": (GOOD, "check"),
    "contracting": (BUSY, "pen"),
    "conditions": (BUSY, "list"),
    "active": (GOOD, "check"),
    "refused": (BAD, "stop"),
    "declined": (BAD, "cross"),
    "withdrawn": (OFF, "back"),
    "lapsed": (OFF, "hourglass"),
    "recovered": (BUSY, "cycle"),
    # tasks and verdicts
    "open": (BUSY, "clock"),
    "decided": (GOOD, "check"),
    "closed": (OFF, "dash"),
    "approve": (GOOD, "check"),
    "decline": (BAD, "cross"),
    "return": (WAIT, "back"),
    "defer": (WAIT, "pause"),
    "support": (GOOD, "check"),
    "object": (BAD, "flag"),
    "waiting": (OFF, "hourglass"),
    # contracts
    "accepted": (GOOD, "check"),
    "sent": (GOOD, "check"),
    "signed": (GOOD, "check"),
    "expired": (OFF, "hourglass"),
    # conditions precedent
    "evidenced": (BUSY, "half"),
    "met": (GOOD, "check"),
    "waived": (OFF, "dash"),
    # lines
    "frozen": (BAD, "lock"),
    "collect_only": (WAIT, "down"),
    "terminated": (OFF, "stop"),
    # warnings
    "yellow": (WAIT, "flag"),
    "orange": (WAIT, "triangle"),
    "red": (BAD, "triangle"),
    # tiers
    "normal": (GOOD, "check"),
    "special_mention": (WAIT, "flag"),
    "substandard": (BAD, "triangle"),
    "doubtful": (BAD, "triangle"),
    "loss": (BAD, "cross"),
    # reviews
    "keep": (GOOD, "dash"),
    "raise": (GOOD, "up"),
    "cut": (WAIT, "down"),
    "exit": (BAD, "cross"),
    "concluded": (GOOD, "check"),
    "overruled": (OFF, "cross"),
    "stopped": (OFF, "stop"),
    # re-rating
    "previewing": (BUSY, "clock"),
    "previewed": (WAIT, "half"),
    "applying": (BUSY, "clock"),
    "applied": (GOOD, "check"),
    "moved": (WAIT, "up"),
    "unmoved": (OFF, "dash"),
    # queries for external reports
    "on_file": (GOOD, "file"),
    "asked": (BUSY, "clock"),
    "found": (GOOD, "check"),
    "none": (OFF, "dash"),
    "stale": (WAIT, "hourglass"),
    "outage": (BAD, "cross"),
    # collections
    "paid": (GOOD, "check"),
    # merges of records, overrides
    "proposed": (BUSY, "clock"),
    "confirmed": (GOOD, "check"),
    "counting": (WAIT, "flag"),
    "taken_back": (OFF, "back"),
    "voided": (OFF, "dash"),
    # idle limits
    "left_out": (OFF, "dash"),
    "skipped": (WAIT, "flag"),
    # caps
    "set": (GOOD, "check"),
    # orders and holds
    "quoted": (OFF, "file"),
    "held": (BAD, "lock"),
    "released": (GOOD, "check"),
    "delivered_part": (BUSY, "half"),
    "delivered": (GOOD, "check"),
    "invoiced": (GOOD, "check"),
    "cancelled": (OFF, "cross"),
    "rejected": (BAD, "cross"),
    "cured": (GOOD, "check"),
    "late": (BAD, "triangle"),
    "settled": (GOOD, "check"),
    "granted": (GOOD, "check"),
    "overtaken": (OFF, "dash"),
    # drafts of the policy
    "draft": (WAIT, "pen"),
    "published": (GOOD, "check"),
    # delivery
    "pending": (BUSY, "clock"),
    "failed": (BAD, "cross"),
    "given_up": (BAD, "cross"),
    "paused": (BAD, "pause"),
    "disabled": (OFF, "stop"),
}

# Where a kind of state means something else by the same text.
_OWN: dict[type[StrEnum], dict[str, tuple[str, str]]] = {
    UseStatus: {"approved": (WAIT, "half")},
    ConditionStatus: {"open": (WAIT, "circle")},
    ContractStatus: {"sent": (BUSY, "pen")},
    WarningStatus: {"open": (WAIT, "flag"), "closed": (OFF, "check")},
    HoldStatus: {"open": (BAD, "lock")},
    CollectionStatus: {"open": (WAIT, "clock"), "closed": (OFF, "dash")},
}


def look_of(value: StrEnum) -> tuple[str, str]:
    """Tone and sign of a state."""
    return _OWN.get(type(value), {}).get(value.value) or LOOKS.get(value.value, (OFF, "dot"))


def badge_of(value: StrEnum, speech: Speech) -> dict[str, str]:
    """Tone, sign and word of a state."""
    tone, sign = look_of(value)
    return {"tone": tone, "sign": sign, "word": speech.word(value)}
