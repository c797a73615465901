"""The first page: the figures a person works by, each opening the list it counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from domain.application import CaseStatus
from domain.identity import Role
from domain.line import LineStatus
from domain.warning import WarningLevel
from web.console.page import Visit, Visiting
from web.console.signs import look_of
from web.service.permissions import Action, permitted, visible_to

router = APIRouter(include_in_schema=False)

# The road of a case, as the funnel shows it; the ends stand after it.
_ROAD = tuple(status for status in CaseStatus if not status.ended)


@dataclass(frozen=True)
class Tile:
    """One figure; its words are `tile.<key>`."""

    key: str
    figure: str
    path: str
    sign: str
    note: str = ""


@router.get("/")
def show_start(visit: Visiting) -> HTMLResponse:
    """What waits, what is under way, and how the book stands."""
    if not permitted(visit.person, Action.FIGURES_READ):
        return visit.show("start/nothing.html")
    counts = visit.services.applications.count_cases(visit.person)
    tasks = _my_tasks(visit)
    return visit.show(
        "start/start.html",
        tiles=_tiles(visit, counts),
        road=_rows(counts, _ROAD),
        ends=_rows(counts, tuple(s for s in CaseStatus if s.ended)),
        applications=sum(counts.values()),
        tasks=tasks,
        names=visit.customer_names(task.customer_id for task in tasks),
        verdicts={},
        view="mine",
        next_path="",
    )


def _tiles(visit: Visit, counts: Mapping[CaseStatus, int]) -> list[Tile]:
    """The figures this person works by; each opens the list that it counts."""
    tiles = []
    if permitted(visit.person, Action.TASK_READ):
        decides = permitted(visit.person, Action.TASK_DECIDE)
        mine = visit.services.approvals.list_tasks(visit.person, mine=decides, page_size=100)
        view = "mine" if decides else "open"
        late = sum(task.due_at < visit.services.clock.now() for task in mine)
        note = visit.speech.count("tile.late", late) if late else ""
        number = f"{len(mine)}+" if len(mine) == 100 else str(len(mine))
        tiles.append(Tile(f"tasks_{view}", number, f"/tasks?view={view}", "inbox", note))
    if permitted(visit.person, Action.APPLICATION_READ):
        for status in _statuses_for(visit):
            number = str(counts.get(status, 0))
            path = f"/cases?status={status}"
            tiles.append(Tile(f"case_{status}", number, path, look_of(status)[1]))
    if permitted(visit.person, Action.LINE_READ) and visible_to(visit.person).everything:
        tiles += _tiles_of_book(visit)
    return tiles


def _tiles_of_book(visit: Visit) -> list[Tile]:
    """Lines by their standing and open warnings, for whoever sees the whole book."""
    lines = visit.services.lines.count_lines(visit.person)
    tiles = [
        Tile(f"line_{status}", str(lines.get(status, 0)), f"/lines?status={status}", sign)
        for status, sign in ((LineStatus.ACTIVE, "gauge"), (LineStatus.FROZEN, "lock"))
    ]
    warnings = visit.services.warnings.count_open(visit.person)
    for level in (WarningLevel.RED, WarningLevel.ORANGE):
        path = f"/warnings?level={level}"
        number = str(warnings.get(level, 0))
        tiles.append(Tile(f"warning_{level}", number, path, look_of(level)[1]))
    return tiles


_STATUSES_SHOWN = (
    CaseStatus.IN_APPROVAL,
    CaseStatus.CONTRACTING,
    CaseStatus.CONDITIONS,
)
_STATUSES_FOR = {
    Role.RELATIONSHIP_MANAGER: (
        CaseStatus.INCOMPLETE,
        CaseStatus.RETURNED,
        CaseStatus.IN_APPROVAL,
        CaseStatus.CONTRACTING,
        CaseStatus.CONDITIONS,
        CaseStatus.ACTIVE,
    ),
    Role.RISK_OFFICER: (
        CaseStatus.SUSPENDED,
        CaseStatus.IN_APPROVAL,
        CaseStatus.CONDITIONS,
    ),
}


def _statuses_for(visit: Visit) -> tuple[CaseStatus, ...]:
    """The states that whoever asks does something about, by the first of their roles."""
    own = (shown for role, shown in _STATUSES_FOR.items() if visit.person.has(role))
    return next(own, _STATUSES_SHOWN)


def _my_tasks(visit: Visit) -> list[Any]:
    if not permitted(visit.person, Action.TASK_DECIDE):
        return []
    return list(visit.services.approvals.list_tasks(visit.person, page_size=8))


def _rows(
    counts: Mapping[CaseStatus, int], statuses: tuple[CaseStatus, ...]
) -> list[dict[str, Any]]:
    most = max((counts.get(status, 0) for status in statuses), default=0) or 1
    return [
        {
            "status": status,
            "number": counts.get(status, 0),
            "share": f"{counts.get(status, 0) * 100 / most:.1f}",
            "path": f"/cases?status={status}",
        }
        for status in statuses
    ]
