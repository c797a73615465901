"""A refusal on its way through Temporal: a `CreditError` becomes an `ApplicationError` and back.

Its type is the code, its details the facts; it is never retried. Whatever else an activity raises
is the world not answering, and is tried again.
"""

from typing import Any

from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from domain.errors import CreditError


class FigureAwaited(RuntimeError):
    """A rate or a fixing is missing, which is no refusal: the step is tried again until it is
    recorded, and the sentence says which one it waits for."""


def refusal(error: CreditError) -> ApplicationError:
    """The refusal as Temporal carries it: not retryable, told apart by its type."""
    return ApplicationError(error.detail(), error.facts, type=error.code, non_retryable=True)


def refusal_of(failure: BaseException | None) -> CreditError | None:
    """The refusal at the root of a failure that Temporal hands back; None where it is none."""
    while failure is not None:
        if isinstance(failure, ApplicationError) and failure.type in _by_code():
            facts = failure.details[0] if failure.details else {}
            return _by_code()[failure.type](**(facts if isinstance(facts, dict) else {}))
        failure = failure.cause if isinstance(failure, FailureError) else failure.__cause__
    return None


def _by_code(root: type[CreditError] = CreditError) -> dict[str, type[CreditError]]:
    if not _CODES:
        _walk(root)
    return _CODES


_CODES: dict[str, type[CreditError]] = {}


def _walk(error: type[CreditError]) -> None:
    _CODES[error.code_name()] = error
    for leaf in error.__subclasses__():
        _walk(leaf)


class Refusals(Interceptor):
    """Turns a refusal raised by an activity into one that Temporal does not retry."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _RefusingInbound(next)


class _RefusingInbound(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            return await super().execute_activity(input)
        except CreditError as error:
            raise refusal(error) from None
