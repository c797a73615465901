"""Why does a case wait, and for whom? One answer for every case, from its records and what is stuck.

What is broken comes before who is asked: nobody can be blamed for not answering what does not run.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from domain.analyst_figure import factor_of
from domain.application import CaseStatus
from domain.exchange import RateGap
from domain.investigation import INVESTIGATION_REPORT
from domain.operations import CaseWaits, Cause, Explanation, Stuck, Turn, WaitingTask

_GRAVITY = {cause: place for place, cause in enumerate(Cause)}
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_OURS = frozenset({Cause.TASK_FAILING})  # only another release mends it


def explain(case: CaseWaits, now: datetime) -> Explanation:
    """The one sentence; `now` tells whether somebody is late."""
    broken = [each for each in case.stuck if each.cause is not Cause.OVERDUE]
    if broken:
        return _of_broken(min(broken, key=lambda each: _GRAVITY[each.cause]))
    if case.status.ended:
        return _said("ended", Turn.NOBODY, status=case.status, since=_at(case.since))
    if case.tasks:
        return _of_tasks(case.tasks, now)
    return _of_standing(case)


def gravest_first(found: Sequence[Stuck]) -> tuple[Stuck, ...]:
    """In the order in which somebody should look at them: by cause, then the longest first."""
    return tuple(
        sorted(
            found,
            key=lambda each: (
                _GRAVITY[each.cause],
                each.since or _LONG_AGO,
                each.subject,
            ),
        )
    )


def _of_broken(stuck: Stuck) -> Explanation:
    turn = Turn.ENGINEERS if stuck.cause in _OURS else Turn.OPERATORS
    return _said(
        stuck.cause,
        turn,
        subject=stuck.subject,
        step=stuck.step,
        attempts=str(stuck.attempts),
        error=stuck.error,
        since=_at(stuck.since),
    )


def _of_tasks(tasks: tuple[WaitingTask, ...], now: datetime) -> Explanation:
    first = min(tasks, key=lambda task: task.due_at)
    return _said(
        "late" if first.due_at < now else "asked",
        Turn.APPROVERS,
        position=",".join(sorted({task.position for task in tasks})),
        since=_at(min(task.opened_at for task in tasks)),
        due=_at(first.due_at),
    )


def _of_standing(case: CaseWaits) -> Explanation:
    since = _at(case.since)
    match case.status:
        case CaseStatus.SUSPENDED:
            return _said("suspended", Turn.RISK_OFFICERS, since=since)
        case CaseStatus.INCOMPLETE | CaseStatus.RETURNED:
            return _of_missing(case.missing, since)
        case CaseStatus.APPROVED if case.offer_until is not None:
            return _said("unanswered", Turn.CUSTOMER, since=since, due=_at(case.offer_until))
        case CaseStatus.CONTRACTING if case.sign_until is not None:
            return _said("unsigned", Turn.CUSTOMER, since=since, due=_at(case.sign_until))
        case CaseStatus.CONDITIONS if case.conditions:
            return _said(
                "unmet", Turn.CONDITIONS, since=since, conditions=",".join(case.conditions)
            )
    return _said("under_way", Turn.PROGRAMS, status=case.status, since=since)


def _of_missing(missing: tuple[str, ...], since: str) -> Explanation:
    if missing == (INVESTIGATION_REPORT,):
        return _said("uninvestigated", Turn.INVESTIGATORS, since=since)
    if not missing:
        return _said("returned", Turn.APPLICANT, since=since)
    return _said("missing", turn_of(missing), since=since, missing=",".join(missing))


def turn_of(missing: tuple[str, ...]) -> Turn:
    """Whose it is to bring what is missing: the applicant's if anything is, then the investigators',
    and of what is ours the risk officers' before the analysts'."""
    rates = tuple(code for code in missing if RateGap.find(code) is not None)
    asked = tuple(code for code in missing if code not in rates and factor_of(code) is None)
    if asked:
        return Turn.INVESTIGATORS if asked == (INVESTIGATION_REPORT,) else Turn.APPLICANT
    return Turn.RISK_OFFICERS if rates else Turn.ANALYSTS


def _said(code: str, turn: Turn, **facts: str) -> Explanation:
    return Explanation(
        code=code, turn=turn, facts={name: str(fact) for name, fact in facts.items()}
    )


def _at(instant: datetime | None) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ") if instant else "?"
