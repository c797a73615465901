"""What is still worth asking of an applicant, in the words of the reader."""

from typing import Any

from domain.application import Case, CaseStatus
from domain.errors import CreditError
from domain.statement import Item
from web.console.page import Visit
from web.language import Speech

# States in which somebody is asked for something.
_ASKING = frozenset({CaseStatus.INCOMPLETE, CaseStatus.RETURNED})


def questions_shown(visit: Visit, case: Case) -> dict[str, Any]:
    """The open file of a case that waits for its applicant; nothing where it cannot be judged."""
    if case.status not in _ASKING:
        return {"open_file": None}
    try:
        found = visit.services.applications.open_questions(visit.person, case.case_id)
    except CreditError:
        return {"open_file": None}
    return {
        "open_file": found,
        "worth_asking": [
            (_item(each.code, visit.speech), each.bears_on) for each in found.worth_asking
        ],
        "idle": [_item(each.code, visit.speech) for each in found.questions if not each.bears_on],
    }


def _item(code: str, speech: Speech) -> str:
    return speech.word(Item(code)) if code in set(Item) else speech.name("document", code)
