"""The event log (事件日志): what happened to every case, for programs that mine processes."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from domain.value import Value


class LogFormat(StrEnum):
    """How a log is written: IEEE 1849 (XES), or OCEL 2.0 in JSON."""

    XES = "xes"
    OCEL = "ocel"


class LoggedEvent(Value):
    """One event with the case it belongs to; `person` is a pseudonym, or a word for no person.

    `case_type` is empty where the case is no application, as of a review or an edition.
    """

    case_id: str
    case_type: str
    customer_id: str
    event_no: int
    kind: str
    person: str
    at: datetime
    facts: Mapping[str, str]
