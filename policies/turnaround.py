"""Whose time is it, how long do things take, and what will be late? From recorded events alone.

A case is always in one stage and in one party's court; the next event that moves it ends the time
before. Events of earlier releases do not say what a case waited for: what answered the wait tells.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from domain.analyst_figure import ANALYST_FIGURE
from domain.application import ApplicationType, CaseStatus
from domain.calendar import WorkCalendar
from domain.edition import TurnaroundPolicy
from domain.exchange import EXCHANGE_RATE
from domain.investigation import INVESTIGATION_REPORT
from domain.turnaround import (
    CaseClock,
    CaseEvent,
    CaseHistory,
    CaseStage,
    Court,
    CourtTime,
    Spell,
    TaskForecast,
    TaskSpan,
    TurnaroundRow,
)

REMINDERS = frozenset({"silence_remind", "act_urge"})
# A case stands where its event says, or where its kind tells.
_STANDINGS = frozenset(
    "received incomplete supplemented amended hit_cleared investigated file_changed "
    "recovered".split()
)
_ENDS = frozenset(str(status) for status in CaseStatus if status.ended)


@dataclass(frozen=True)
class _Place:
    stage: CaseStage
    court: Court
    waits_for: tuple[str, ...] = ()


def case_clock(
    history: CaseHistory,
    policy: TurnaroundPolicy,
    calendar: WorkCalendar,
    as_of: datetime,
    offset_days: int = 0,
) -> CaseClock:
    """The case's time by whose it was, up to its end or to an instant; later events are not known.

    Refuses a history without events by `ValueError`.
    """
    known = [event for event in history.events if event.at <= as_of]
    if not known:
        raise ValueError("nothing is known of the case at that instant")
    began, marks = known[0].at, list[tuple[_Place, datetime, int]]()
    place: _Place | None = None
    until = began
    for number, event in enumerate(known):
        until = max(until, event.at)  # clocks of two machines may differ by a little
        if marks and event.kind in REMINDERS:
            standing, since, reminders = marks[-1]
            marks[-1] = (standing, since, reminders + 1)
        if _ends(event, history) and not _recovered(known[number + 1 :]):
            place = None
            break
        moved = _moved(place, event, known[number + 1 :], policy)
        if moved != place:
            if not marks or (moved.stage, moved.court) != (marks[-1][0].stage, marks[-1][0].court):
                marks.append((moved, until, 0))
            place = moved
    else:
        until = max(until, as_of)
    spells = _spells(began, until, marks, calendar, offset_days)
    return CaseClock(
        case_id=history.case_id,
        began_at=began,
        until_at=until,
        stage=place.stage if place else None,
        court=place.court if place else None,
        calendar_seconds=sum(spell.calendar_seconds for spell in spells),
        working_seconds=sum(spell.working_seconds for spell in spells),
        courts=tuple(_court_time(court, spells) for court in Court),
        spells=spells,
    )


def _spells(
    began: datetime,
    until: datetime,
    marks: Sequence[tuple[_Place, datetime, int]],
    calendar: WorkCalendar,
    offset_days: int,
) -> tuple[Spell, ...]:
    """The parts of the time; each bound is whole seconds from the beginning, so nothing is lost
    between them."""
    bounds = [*(at for _, at, _ in marks), until]
    passed = [_seconds(at - began) for at in bounds]
    worked, before = [0], timedelta(0)
    for first, second in pairwise(bounds):
        before += calendar.between(first, second, offset_days)
        worked.append(_seconds(before))
    return tuple(
        Spell(
            stage=place.stage,
            court=place.court,
            from_at=at,
            until_at=bounds[number + 1],
            calendar_seconds=passed[number + 1] - passed[number],
            working_seconds=worked[number + 1] - worked[number],
            reminders=reminders,
        )
        for number, (place, at, reminders) in enumerate(marks)
    )


def _seconds(time: timedelta) -> int:
    return time // timedelta(seconds=1)


def _court_time(court: Court, spells: Iterable[Spell]) -> CourtTime:
    its = [spell for spell in spells if spell.court is court]
    return CourtTime(
        court=court,
        calendar_seconds=sum(spell.calendar_seconds for spell in its),
        working_seconds=sum(spell.working_seconds for spell in its),
    )


def _ends(event: CaseEvent, history: CaseHistory) -> bool:
    """Whether the case is over with this event; one in principle is, once it is approved."""
    in_principle = history.application_type == ApplicationType.PRE_APPROVAL
    return event.kind in _ENDS or (in_principle and event.kind == "approved")


def _recovered(following: Sequence[CaseEvent]) -> bool:
    """Whether the end was none: until then the silence was ours, as it was before the lapse."""
    return any(event.kind == "recovered" for event in following)


def _moved(
    place: _Place | None,
    event: CaseEvent,
    following: Sequence[CaseEvent],
    policy: TurnaroundPolicy,
) -> _Place:
    """Where the case is after an event; what does not move it leaves it where it was."""
    facts = event.facts
    if event.kind in _STANDINGS:
        return _standing(event, following, policy)
    match event.kind:
        case "assessed":
            people = facts.get("lane", "people") == "people"
            return _Place(CaseStage.APPROVAL if people else CaseStage.CONTRACT, Court.OURS)
        case "decision_return":
            return _Place(CaseStage.COMPLETENESS, Court.CUSTOMER)
        case "offer_made":
            return _Place(CaseStage.CONTRACT, Court.CUSTOMER)
        case "offer_accepted" | "offer_declined" | "offer_lapsed":
            return _Place(CaseStage.CONTRACT, Court.OURS)
        case "approved" | "contract_declined" | "contract_expired" | "contract_withdrawn":
            return _Place(CaseStage.CONTRACT, Court.OURS)
        case "contract_sent":
            return _Place(CaseStage.CONTRACT, Court.CUSTOMER)
        case "contract_signed":
            codes = _codes(facts.get("conditions", ""))
            return _Place(CaseStage.CONDITIONS, court_of(codes, policy), codes)
        case "condition_open" | "condition_evidenced" | "condition_met" | "condition_waived":
            return _condition(place, event, policy)
    return place or _Place(CaseStage.ASSESSMENT, Court.OURS)


def _standing(event: CaseEvent, following: Sequence[CaseEvent], policy: TurnaroundPolicy) -> _Place:
    status = event.facts.get("status") or _answered(following)
    missing = _codes(event.facts.get("missing", ""))
    match status:
        case CaseStatus.SUSPENDED:
            return _Place(CaseStage.SCREENING, Court.OURS)
        case CaseStatus.INCOMPLETE | CaseStatus.RETURNED:
            if missing == (INVESTIGATION_REPORT,):
                return _Place(CaseStage.INVESTIGATION, court_of(missing, policy), missing)
            court = court_of(missing, policy) if missing else Court.CUSTOMER
            return _Place(CaseStage.COMPLETENESS, court, missing)
    return _Place(CaseStage.ASSESSMENT, Court.OURS)


def _answered(following: Sequence[CaseEvent]) -> CaseStatus:
    """What a case must have waited for, by the first event that moved it on."""
    answers = {
        "supplemented": CaseStatus.INCOMPLETE,
        "hit_cleared": CaseStatus.SUSPENDED,
        "investigated": CaseStatus.INCOMPLETE,
        "file_changed": CaseStatus.INCOMPLETE,
    }
    for event in following:
        if event.kind in answers:
            return answers[event.kind]
        if event.kind in _STANDINGS or event.kind in _ENDS or event.kind == "assessed":
            break
    return CaseStatus.RECEIVED


def _condition(place: _Place | None, event: CaseEvent, policy: TurnaroundPolicy) -> _Place:
    """Evidence that came is ours to verify; what is still to come may be another's."""
    before = place or _Place(CaseStage.CONDITIONS, Court.OURS)
    if before.stage is not CaseStage.CONDITIONS:  # of a case whose agreement is still out
        return before
    code = event.facts.get("code", "")
    left = tuple(each for each in before.waits_for if each != code)
    if event.kind == "condition_open":
        left = (*left, code)
    return replace(before, waits_for=left, court=court_of(left, policy))


def court_of(codes: Iterable[str], policy: TurnaroundPolicy) -> Court:
    """Whose it is to bring what is missing: the customer's if anything is, then third parties'."""
    names = {code.partition(":")[0] for code in codes}
    if names - {*policy.ours, ANALYST_FIGURE, EXCHANGE_RATE, *policy.third_party}:
        return Court.CUSTOMER
    return Court.THIRD_PARTY if names & {*policy.third_party} else Court.OURS


def _codes(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))


# ── What is usual ────────────────────────────────────────────────────────────────────────────────


def rank(values: Iterable[int], percent: int) -> int | None:
    """The percentile by nearest rank: a value that is there, whatever the number of values."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[max(-(-len(ordered) * percent // 100), 1) - 1]


def forecast(
    task: TaskSpan,
    decided_seconds: Sequence[int],
    policy: TurnaroundPolicy,
    calendar: WorkCalendar,
    now: datetime,
    offset_days: int = 0,
) -> TaskForecast:
    """When an open task will be decided, if its position takes as long as it usually does.

    `decided_seconds` are what the position's tasks took. One that waits already longer than all of them is expected
    to be late: nobody has ever taken this long.
    """
    waited = _seconds(calendar.between(task.opened_at, now, offset_days))
    longer = [seconds for seconds in decided_seconds if seconds > waited]
    enough = len(decided_seconds) >= policy.usual_tasks_min
    usual = rank(longer, 50) if enough else None
    expected_at = None
    if usual is not None:
        hours = Decimal(usual) / 3600
        expected_at = calendar.after(task.opened_at, hours, offset_days)
    late = now > task.due_at
    expected_late = expected_at > task.due_at if expected_at is not None else enough
    return TaskForecast(
        task_id=task.task_id,
        case_id=task.case_id,
        customer_id=task.customer_id,
        position=task.position,
        opened_at=task.opened_at,
        due_at=task.due_at,
        waited_seconds=waited,
        tasks_seen=len(decided_seconds),
        usual_seconds=usual,
        expected_at=expected_at,
        late=late,
        breach_expected=late or expected_late,
    )


@dataclass(frozen=True)
class Lasted:
    """Something that took a time: what it counts under, and whether it has ended."""

    key: str
    court: Court | None
    working_seconds: int
    calendar_seconds: int
    ended: bool
    reminders: int = 0


def turnaround_rows(lasted: Iterable[Lasted]) -> tuple[TurnaroundRow, ...]:
    """One row a key and court, the slowest median first; what has not ended is only counted."""
    groups: dict[tuple[str, Court | None], list[Lasted]] = defaultdict(list)
    for each in lasted:
        groups[each.key, each.court].append(each)
    rows = [_row(key, court, group) for (key, court), group in groups.items()]
    return tuple(sorted(rows, key=lambda row: (-(row.working_p50 or 0), row.key, row.court or "")))


def _row(key: str, court: Court | None, group: Sequence[Lasted]) -> TurnaroundRow:
    ended = [each for each in group if each.ended]
    working = [each.working_seconds for each in ended]
    calendar = [each.calendar_seconds for each in ended]
    return TurnaroundRow(
        key=key,
        court=court,
        ended=len(ended),
        open=len(group) - len(ended),
        working_p50=rank(working, 50),
        working_p90=rank(working, 90),
        calendar_p50=rank(calendar, 50),
        calendar_p90=rank(calendar, 90),
        reminders=sum(each.reminders for each in group),
    )
