"""Histories as files: decoded, an event a row, without what replay does not need.

A payload is written as the JSON it carries, so that a change of a history can be read. Who worked,
on which machine, and every one-time token are left out.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from temporalio.client import WorkflowHistory

FOLDER = Path(__file__).with_name("histories")

# Of no meaning to a replay: who did it, on what, how large, and what an operator is shown.
LEFT_OUT = frozenset(
    {
        "binaryChecksum",
        "historySizeBytes",
        "identity",
        "links",
        "requestId",
        "stackTrace",
        "taskId",
        "userMetadata",
        "workerVersion",
    }
)
TOKEN = "left-out"
_JSON = base64.b64encode(b"json/plain").decode()


class Recorded(NamedTuple):
    """One history on file: its name, its workflow's type, and the history itself."""

    name: str
    workflow_type: str
    history: WorkflowHistory

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events as they are written, payloads readable."""
        return [_written(event) for event in self.history.to_json_dict()["events"]]


def save(name: str, history: WorkflowHistory) -> Path:
    """Write a history under this name; one that was there is replaced."""
    rows = [_row(_written(event)) for event in history.to_json_dict()["events"]]
    path = FOLDER / f"{name}.json"
    head = _row(history.workflow_id)
    path.write_text(f'{{"workflow_id":{head},"events":[\n' + ",\n".join(rows) + "\n]}\n", "utf-8")
    return path


def recorded(name: str) -> Recorded:
    """The history of this name."""
    content = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    events = [_restored(event) for event in content["events"]]
    started = events[0]["workflowExecutionStartedEventAttributes"]
    history = WorkflowHistory.from_json(content["workflow_id"], {"events": events})
    return Recorded(name, started["workflowType"]["name"], history)


def names() -> list[str]:
    """The names of all histories on file."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def payloads_of(part: Any) -> Iterator[Any]:
    """What every payload in a written event carries."""
    if isinstance(part, dict):
        if "json" in part:
            yield part["json"]
        for each in part.values():
            yield from payloads_of(each)
    if isinstance(part, list):
        for each in part:
            yield from payloads_of(each)


def _row(part: Any) -> str:
    return json.dumps(part, ensure_ascii=False, separators=(",", ":"))


def _written(part: Any) -> Any:
    if isinstance(part, list):
        return [_written(each) for each in part]
    if not isinstance(part, dict):
        return part
    if part.get("kind") == "TASK_QUEUE_KIND_STICKY":  # a worker's own queue names its machine
        return {"name": part["normalName"], "kind": "TASK_QUEUE_KIND_NORMAL"}
    if part.get("metadata", {}).get("encoding") == _JSON:
        carried = json.loads(base64.b64decode(part.get("data", "")))
        others = {name: text for name, text in part["metadata"].items() if name != "encoding"}
        return {"json": _silenced(carried)} | ({"metadata": others} if others else {})
    return {name: _written(each) for name, each in part.items() if name not in LEFT_OUT}


def _restored(part: Any) -> Any:
    if isinstance(part, list):
        return [_restored(each) for each in part]
    if not isinstance(part, dict):
        return part
    if "json" in part:
        data = base64.b64encode(_row(part["json"]).encode()).decode()
        return {"metadata": {"encoding": _JSON} | part.get("metadata", {}), "data": data}
    return {name: _restored(each) for name, each in part.items()}


def _silenced(carried: Any) -> Any:
    """What a payload carries, without its token; a failure's stack names files of one machine."""
    if isinstance(carried, list):
        return [_silenced(each) for each in carried]
    if not isinstance(carried, dict):
        return carried
    silenced = {"token": TOKEN, "stack_trace": ""}
    return {
        name: silenced[name] if name in silenced and each else _silenced(each)
        for name, each in carried.items()
    }
