"""Classes set by hand (人工认定): what a customer's page shows of them, and the words on each."""

from collections.abc import Mapping
from typing import Any

from domain.classification import FiveTier
from domain.manual_class import (
    ManualClassContent,
    ManualDecision,
    ManualReversal,
    ManualVerdict,
)
from web.console.page import Visit
from web.service.ids import new_id
from web.service.permissions import Action, permitted

FIELDS = ("tier", "reason", "note", "from_on", "until_on")
TAKE_BACK = "take_back"


def manual_shown(
    visit: Visit, customer_id: str, typed: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A customer's classes set by hand, and the form with what was typed."""
    return {
        "view": visit.services.manual_classes.read_customer(visit.person, customer_id),
        "tiers": list(FiveTier),
        "typed": dict(typed) if typed else dict.fromkeys(FIELDS, ""),
        "opened": typed is not None,
        "may_set": permitted(visit.person, Action.CLASS_SET),
        "key": new_id(),
    }


def set_class(visit: Visit, customer_id: str, typed: Mapping[str, str], key: str) -> str:
    """Set a class as it was typed, once for a form; what the page then confirms."""
    content = visit.valid(ManualClassContent, dict(typed))
    manual = visit.services.manual_classes.set(visit.person, customer_id, content, key or None)
    return "class_proposed" if manual.second_needed else "class_set"


def say(visit: Visit, manual_id: str, act: str, note: str) -> str:
    """Confirm, decline or take back; what the page then confirms."""
    service = visit.services.manual_classes
    if act == TAKE_BACK:
        service.take_back(visit.person, manual_id, visit.valid(ManualReversal, {"note": note}))
        return "class_taken_back"
    verdict = visit.parsed(ManualVerdict, act, "act")
    decision = visit.valid(ManualDecision, {"verdict": verdict, "note": note})
    service.decide(visit.person, manual_id, decision)
    return f"class_{act}"
