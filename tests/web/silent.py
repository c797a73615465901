"""A Temporal that is not there, with the real gateway's signature."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from temporalio.client import Client

from web.service.gateway import Gateway, TemporalUnavailable

_Result = TypeVar("_Result")


class SilentGateway(Gateway):
    """Nothing answers: what services do then is theirs to show."""

    def update(self, workflow_id: str, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        raise TemporalUnavailable

    def signal(self, workflow_id: str, name: str, payload: dict[str, Any]) -> None:
        raise TemporalUnavailable

    def start(
        self, workflow: str, workflow_id: str, payload: dict[str, Any], *, queue: str
    ) -> None:
        raise TemporalUnavailable

    def update_with_start(
        self,
        workflow: str,
        workflow_id: str,
        start: dict[str, Any],
        name: str,
        *,
        queue: str,
        seconds_max: float,
    ) -> dict[str, Any]:
        raise TemporalUnavailable

    def history(self, workflow_id: str) -> list[dict[str, Any]]:
        raise TemporalUnavailable

    def ask(self, question: Callable[[Client], Coroutine[Any, Any, _Result]]) -> _Result:
        raise TemporalUnavailable
