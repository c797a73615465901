"""Messages as they arrive: raw, from anybody; parsed here or refused as `malformed`.

A handler that took a typed argument would lose a message that does not fit; one that takes the raw
content can say so. What arrives as a signal and is refused is put on record for its sender.
"""

from datetime import timedelta
from typing import Any, TypeVar

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.refusals import refusal, refusal_of
    from activities.signatures import AuditSteps
    from domain.audit import RefusedMessage
    from domain.errors import Malformed, refusal_in
    from domain.reasons import of_field
    from domain.value import Value

_Message = TypeVar("_Message", bound=Value)

# Database work is short; a worker that died must not hold a case for long.
STEP_TIMEOUT = timedelta(seconds=15)
# The world comes back: steps are tried again without end, at most every ten seconds.
STEP_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=10),
)


def parsed(kind: type[_Message], message: Any, **known: Any) -> _Message:
    """The message as a value, completed by what the workflow itself knows; refuses `Malformed`.

    What the workflow knows (the case, the time) wins over what the message claims.
    """
    if not isinstance(message, dict):
        raise refusal(Malformed(reason="the message is not an object"))
    try:
        return kind.model_validate({**message, **known})
    except ValidationError as error:
        found = refusal_in(error) or Malformed(**of_field(error, steps_max=4))
        raise refusal(found) from None


async def keep_refused_signal(name: str, message: Any, failure: BaseException) -> None:
    """Put a refused signal on record; what is no refusal is a fault of ours and raised on."""
    refused = refusal_of(failure)
    if refused is None:
        raise failure
    claimed = message if isinstance(message, dict) else {}
    info = workflow.info()
    await workflow.execute_activity_method(
        AuditSteps.record_refused_message,
        RefusedMessage(
            message_key=f"{info.workflow_id}/{info.run_id}/{workflow.uuid4()}",
            channel="signal",
            subject=_short(claimed.get("task_id")) or info.workflow_id,
            action=name,
            person_id=_identifier(claimed.get("person_id")),
            code=refused.code,
            detail=refused.detail(),
            case_id=info.workflow_id.split("/")[1].split(".")[0][:64],
        ),
        start_to_close_timeout=STEP_TIMEOUT,
        retry_policy=STEP_RETRY,
        summary=f"refused: {refused.code}",
    )


def _short(text: Any) -> str:
    return text[:64] if isinstance(text, str) else ""


def _identifier(text: Any) -> str | None:
    known = isinstance(text, str) and 0 < len(text) <= 64 and text.replace("-", "").isalnum()
    return text if known and text.isascii() and text[0].isalnum() else None
