"""What happened to a case, told in sentences: decisions and ends first in weight, facts below."""

import re
from dataclasses import dataclass
from datetime import datetime

from web.console.page import Visit
from web.console.signs import LOOKS
from web.service.application import TimelineEvent

# What a reader looks for first.
_STRONG = (
    "decision_",
    "overrid",
    "approved",
    "declined",
    "withdrawn",
    "lapsed",
    "recovered",
    "active",
    "refused",
)
_HIDDEN = frozenset(
    {"message_hash", "message_id", "task_id", "contract_id", "state", "recipient", "detail"}
)
# What an event of each source is named by; a refused attempt says what was tried.
SOURCES = {
    "case": "event",
    "notice": "notice",
    "workflow": "flow",
    "entry": "word.entry_kind",
    "report": "report_kind",
    "repair": "word.repair_act",
}
# Facts that are codes of the policy, and the kind they are named by.
KINDS = {
    "position": "position",
    "binding": "limit_step",
    "reason_codes": "reason",
    "missing": "document",
    "lane": "lane",
    "override_reason": "override_reason",
    "voided_by": "word.voided_by",
    "status": "word.case_status",
    "item": "diligence_item",
    "result": "word.item_result",
    "conclusion": "word.conclusion",
    "repair": "word.repair_status",
    "outcome": "word.query_outcome",
}
_SIGNS = {"workflow": "cycle", "entry": "coins", "report": "search", "repair": "pulse"}
_HASH = re.compile(r"[0-9a-f]{64}")
_DOCUMENT = re.compile(r"'([a-z0-9_]+)': '[0-9a-f]{64}'")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\S*[+Z]\S*")
# Who acts or is told without being a person of ours.
_OTHERS = ("system", "customer")


@dataclass(frozen=True)
class Told:
    """One line of the timeline."""

    at: datetime
    person_id: str
    sentence: str
    detail: str
    sign: str
    strong: bool


def told(event: TimelineEvent, visit: Visit) -> Told:
    """An event in the reader's words; a kind nobody named is shown as it is written."""
    speech = visit.speech
    if event.source == "refusal":
        sentence = speech.say("event.refused_attempt", action=event.facts.get("action", ""))
        detail = f"{event.kind}: {event.facts.get('detail', '')}"
    else:
        sentence = speech.name(SOURCES[event.source], event.kind)
        detail = _details(event, visit)
    return Told(
        at=event.at,
        person_id=_who(event.person_id, visit),
        sentence=sentence,
        detail=detail,
        sign=_sign(event),
        strong=event.source == "case" and event.kind.startswith(_STRONG),
    )


def _who(party: str, visit: Visit) -> str:
    """A person by their id, the customer and the programs by their word."""
    kind, _, named = party.partition(":")
    return visit.speech.say(f"case.by.{kind}") if kind in _OTHERS else named or party


def _details(event: TimelineEvent, visit: Visit) -> str:
    speech = visit.speech
    parts = []
    if "recipient" in event.facts:
        parts.append(_who(event.facts["recipient"], visit))
    if event.facts.get("state"):
        parts.append(speech.name("word.delivery_state", event.facts["state"]))
    for name, fact in event.facts.items():
        if name in _HIDDEN or not fact:
            continue
        parts.append(f"{speech.name('fact', name)}: {_fact(name, fact, visit)}")
    return " · ".join(parts)


def _fact(name: str, fact: str, visit: Visit) -> str:
    """A fact in words: codes by their names, hashes by their beginning."""
    if name in KINDS:
        return ", ".join(visit.speech.name(KINDS[name], code) for code in fact.split(","))
    if name == "attachments":
        after = fact.rpartition("→")[2]
        return ", ".join(visit.speech.name("document", code) for code in _DOCUMENT.findall(after))
    if _INSTANT.fullmatch(fact):
        return visit.formats.at(datetime.fromisoformat(fact))
    return f"{fact[:12]}…" if _HASH.fullmatch(fact) else fact


def _sign(event: TimelineEvent) -> str:
    if event.source == "notice":
        return "envelope"
    if event.source == "refusal":
        return "stop"
    if event.source in _SIGNS:
        return _SIGNS[event.source]
    kind = event.kind.removeprefix("decision_")
    return LOOKS.get(kind, ("", "dot"))[1]
