"""Why a case waits, in the reader's words: for pages, and for programs that show it to people."""

import re
from collections.abc import Callable
from datetime import datetime

from domain.operations import Explanation
from web.language import Speech

_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}Z")
# Facts that are codes of the policy, and the kind they are named by.
_KINDS = {
    "position": "position",
    "missing": "document",
    "conditions": "condition",
    "status": "word.case_status",
}


def sentence_of(
    explanation: Explanation, speech: Speech, at: Callable[[datetime], str] | None = None
) -> str:
    """One sentence; codes by their names, instants by the clock of `at` where one is given, and
    everything else as it is on record."""
    facts = {name: _named(name, fact, speech) for name, fact in explanation.facts.items()}
    sentence = speech.say(f"explained.{explanation.code}", **facts)
    if at is None:
        return sentence
    return _INSTANT.sub(lambda found: at(datetime.fromisoformat(found[0])), sentence)


def _named(name: str, fact: str, speech: Speech) -> str:
    if name not in _KINDS:
        return fact
    return ", ".join(speech.name(_KINDS[name], code) for code in fact.split(","))
