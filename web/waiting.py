"""Why a case waits, in the reader's words: for pages, and for programs that show it to people."""

from domain.operations import Explanation
from web.language import Speech

# Facts that are codes of the policy, and the kind they are named by.
_KINDS = {
    "position": "position",
    "missing": "document",
    "conditions": "condition",
    "status": "word.case_status",
}


def sentence_of(explanation: Explanation, speech: Speech) -> str:
    """One sentence; codes by their names, everything else as it is on record."""
    facts = {name: _named(name, fact, speech) for name, fact in explanation.facts.items()}
    return speech.say(f"explained.{explanation.code}", **facts)


def _named(name: str, fact: str, speech: Speech) -> str:
    if name not in _KINDS:
        return fact
    return ", ".join(speech.name(_KINDS[name], code) for code in fact.split(","))
