"""What an entry of the `temporal` channel means: which workflow it starts, or what it tells one.

Entries are posted by activities, which know no workflow; their facts become ids, names and inputs
here. Every message's id is the entry's key, so a repeat is known for one.
"""

from collections.abc import Callable, Mapping

from domain.application import CaseStart
from domain.notification import MessageKind, OutboxEntry, WorkflowMessage
from domain.value import Value
from workflows.names import CASES_QUEUE, application_id


def owed_message(entry: OutboxEntry) -> WorkflowMessage:
    """The start or message an entry stands for; `KeyError` for a kind that nobody posts."""
    return _MEANINGS[entry.kind](entry)


def _start_application(entry: OutboxEntry) -> WorkflowMessage:
    case_id = entry.facts["case_id"]
    start = CaseStart(case_id=case_id, offset_days=int(entry.facts.get("offset_days", "0")))
    return _start("CreditApplicationWorkflow", application_id(case_id), start)


def _start(workflow: str, workflow_id: str, start: Value) -> WorkflowMessage:
    return WorkflowMessage(
        kind=MessageKind.START,
        workflow_id=workflow_id,
        name=workflow,
        payload=start.model_dump(mode="json"),
        queue=CASES_QUEUE,
    )


_MEANINGS: Mapping[str, Callable[[OutboxEntry], WorkflowMessage]] = {
    "start_application": _start_application,
}
