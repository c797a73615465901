"""`idle`: limits that are not used, proposed for a cut as one list, and what was taken back."""

from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

idle = typer.Typer(add_completion=False, no_args_is_help=True, help="Idle limits (盘活额度).")

Reclaim = Annotated[str, typer.Argument(metavar="LIST", help="The list's id.")]
LineIds = Annotated[list[str], typer.Argument(metavar="LINE...", help="Ids of lines.")]
Note = Annotated[str, typer.Option("--note", metavar="T", help="Why.")]

_IDLE = {"line_id": "line", "grade": "grade", "limit": "limit", "taken": "taken"}
_IDLE |= {"highest": "highest use", "capital": "ties up", "limit_after": "cut to"}
_LIST = {"reclaim_id": "list", "asked_by": "by", "asked_on": "on", "count": "lines"}
_LIST |= {"status": "status"}
_OUTCOME = {"line_id": "line", "outcome": "outcome", "reason": "reason", "before": "before"}
_OUTCOME |= {"after": "after", "letter_no": "letter", "said_by": "by"}
_SUM = {"unit": "unit", "lines": "lines", "before": "before", "after": "after"}
_SUM |= {"reclaimed": "reclaimed", "capital_freed": "capital freed"}


@idle.command("list")
def list_idle(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Lines that use little of their limit, what that ties up, and the cut proposed."""
    found = Caller(as_user, as_json=as_json).fetch("/idle")
    text = table(found["lines"], _IDLE) + "\n\n" + facts(found, ("since", "capital"))
    answer(found, as_json=as_json, text=text)


@idle.command()
def propose(
    lines: LineIds, note: Note, key: Key = None, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """Put cuts of these lines before their approvers, as one list."""
    body = {"line_ids": lines, "reason": note}
    found = Caller(as_user, as_json=as_json).send("/reclaims", body, key).document
    answer(found, as_json=as_json, text=facts(_listed(found), tuple(_LIST)))


@idle.command("leave-out")
def leave_out(
    reclaim: Reclaim,
    lines: LineIds,
    note: Note,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Keep these lines of a list as they are; by whoever may decide on it now."""
    body = {"line_ids": lines, "reason": note}
    path = place("reclaims", reclaim, "left-out")
    found = Caller(as_user, as_json=as_json).send(path, body, key).document
    answer(found, as_json=as_json, text=table(found["lines"], _OUTCOME))


@idle.command()
def lists(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Lists that were proposed, newest first."""
    items = Caller(as_user, as_json=as_json).fetch_all("/reclaims")
    text = table([_listed(each) for each in items], _LIST)
    answer({"items": items}, as_json=as_json, text=text)


@idle.command()
def show(reclaim: Reclaim, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """A list: its lines, what became of each, and who is asked."""
    found = Caller(as_user, as_json=as_json).fetch(place("reclaims", reclaim))
    tasks = {"task_id": "task", "position": "position", "status": "status", "due_at": "due"}
    tasks |= {"decided_by": "by", "verdict": "verdict"}
    said = found["reclaim"]
    parts = (
        facts(_listed(said), tuple(_LIST)),
        table(said["request"]["lines"], _IDLE),
        table(said["lines"], _OUTCOME),
        table(found["tasks"], tasks),
    )
    answer(found, as_json=as_json, text="\n\n".join(parts))


@idle.command()
def report(
    since: Annotated[str | None, typer.Option("--since", metavar="DAY")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="DAY")] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What was taken back in all, by unit; this year's unless said."""
    found = Caller(as_user, as_json=as_json).fetch("/idle/report", since=since, until=until)
    fields = ("since", "until", "lists", "capital_freed")
    answer(found, as_json=as_json, text=table(found["units"], _SUM) + "\n\n" + facts(found, fields))


def _listed(reclaim: dict[str, Any]) -> dict[str, Any]:
    request = reclaim["request"]
    return {**request, **reclaim, "count": len(request["lines"])}
