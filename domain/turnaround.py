"""Turn-round (办理时效): whose time each part of a case took, and how long stages and tasks take.

Everything is read from what was recorded as it happened, so that a report as of a day comes out the
same on any later one. Times are whole seconds; what parts of a case took adds up to the whole.
"""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum

from domain.identity import Id
from domain.value import Value


class Court(StrEnum):
    """Whose time it is (时效归属)."""

    OURS = "ours"
    CUSTOMER = "customer"
    THIRD_PARTY = "third_party"


class CaseStage(StrEnum):
    """What a case is in the middle of."""

    SCREENING = "screening"
    COMPLETENESS = "completeness"
    INVESTIGATION = "investigation"
    ASSESSMENT = "assessment"
    APPROVAL = "approval"
    CONTRACT = "contract"
    CONDITIONS = "conditions"


class CaseEvent(Value):
    """One recorded thing that happened to a case."""

    event_no: int
    kind: str
    at: datetime
    person_id: str = "system"
    facts: Mapping[str, str] = {}


class CaseHistory(Value):
    """A case by what was recorded of it, in order."""

    case_id: Id
    customer_id: str
    application_type: str
    edition_hash: str
    unit: str = ""  # the branch of the customer's manager
    events: tuple[CaseEvent, ...]


class Spell(Value):
    """A time in which a case was in one stage and one party's court."""

    stage: CaseStage
    court: Court
    from_at: datetime
    until_at: datetime
    calendar_seconds: int
    working_seconds: int
    reminders: int = 0  # reminders and urges that went out in it


class CourtTime(Value):
    """What one party took of a case."""

    court: Court
    calendar_seconds: int
    working_seconds: int


class CaseClock(Value):
    """The time of a case, split by whose it was; the parts add up to the whole.

    `court` and `stage` say where it is now, and are None once it has ended.
    """

    case_id: Id
    began_at: datetime
    until_at: datetime  # its end, or the instant it was asked as of
    stage: CaseStage | None
    court: Court | None
    calendar_seconds: int
    working_seconds: int
    courts: tuple[CourtTime, ...]
    spells: tuple[Spell, ...]

    @property
    def ended(self) -> bool:
        return self.stage is None


class TaskSpan(Value):
    """A task from its opening to the word on it; `decided_at` is None while it is open.

    `edition_hash` is the case's, empty where the task is of none.
    """

    task_id: Id
    case_id: Id
    customer_id: str
    position: str
    person_id: Id | None
    opened_at: datetime
    due_at: datetime
    decided_at: datetime | None
    edition_hash: str = ""
    unit: str = ""


class TaskForecast(Value):
    """Whether a task will be late, if its position takes as long as it usually does.

    `usual_seconds` is the median working time of those decided tasks that took longer than this one
    has waited; None where too few are on record, or none took this long.
    """

    task_id: Id
    case_id: Id
    customer_id: str
    position: str
    opened_at: datetime
    due_at: datetime
    waited_seconds: int  # of working time
    tasks_seen: int
    usual_seconds: int | None
    expected_at: datetime | None
    late: bool  # due already
    breach_expected: bool  # or expected to be decided only after it is due


class TurnaroundBy(StrEnum):
    """What the rows of the report are about."""

    STAGE = "stage"
    POSITION = "position"
    PERSON = "person"
    TYPE = "type"


class TurnaroundRow(Value):
    """How long what ended in the period took: the median and the ninth tenth, by nearest rank.

    `court` is empty where times are not split. `open` is what had not ended with the day.
    """

    key: str
    court: Court | None = None
    ended: int
    open: int
    working_p50: int | None
    working_p90: int | None
    calendar_p50: int | None
    calendar_p90: int | None
    reminders: int = 0


class TurnaroundTable(Value):
    """The report as of the end of a day, over what ended since another; the slowest rows first."""

    by: TurnaroundBy
    as_of: date
    since: date | None
    rows: tuple[TurnaroundRow, ...]
