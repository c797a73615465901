"""`clock`, `turnaround` and `events`: whose time a case took, how long things take, and the event log."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, place
from creditflow.commands.output import Exit, answer, refuse
from creditflow.commands.table import facts, table

AsOf = Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="The end of a day.")]
_TASKS = {"task_id": "task", "position": "asked of", "due_at": "due", "waited": "waited"}
_TASKS |= {"usual": "usual", "expected_at": "expected", "breach": "late"}


def clock(
    case: Annotated[str, typer.Argument(metavar="CASE", help="The case's id.")],
    as_of: AsOf = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Whose time a case took: ours, the customer's and third parties', which add up."""
    found = Caller(as_user, as_json=as_json).fetch(
        place("applications", case, "clock"), as_of=as_of
    )
    told = found["clock"]
    whole = {"court": "all", **{n: told[n] for n in ("calendar_seconds", "working_seconds")}}
    parts = [
        facts(told, ("case_id", "stage", "court", "began_at", "until_at")),
        table([_timed(each) for each in (*told["courts"], whole)], _COURTS),
        table([_timed(each) for each in told["spells"]], _SPELLS),
    ]
    if found["tasks"]:
        parts.append(table([_forecast(each) for each in found["tasks"]], _TASKS))
    answer(found, as_json=as_json, text="\n\n".join(parts))


def turnaround(
    by: Annotated[
        str, typer.Option(metavar="WHAT", help="stage, position, person or type.")
    ] = "stage",
    as_of: AsOf = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="What ended from this day on.")
    ] = None,
    late: Annotated[
        bool, typer.Option("--late", help="Open tasks that are late, or are expected to be.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV, for a spreadsheet.")] = False,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """How long stages and tasks take, as of a day: median and ninth tenth."""
    caller = Caller(as_user, as_json=as_json)
    if late:
        found = caller.fetch("/reports/turnaround/late")
        columns = {"case_id": "case", **_TASKS}
        rows = [_forecast(each) for each in found["items"]]
        answer(found, as_json=as_json, text=table(rows, columns))
        return
    asked = {"by": by, "as_of": as_of, "since": since}
    if as_csv:
        given = {name: value for name, value in asked.items() if value is not None}
        content = caller.fetch_bytes(f"/reports/turnaround?{urlencode({**given, 'form': 'csv'})}")
        print(content.decode(), end="")
        return
    found = caller.fetch("/reports/turnaround", **asked)
    times = ("working_p50", "working_p90", "calendar_p50", "calendar_p90")
    rows = [{**row, **{name: _hours(row[name]) for name in times}} for row in found["rows"]]
    answer(found, as_json=as_json, text=table(rows, {"key": by, **_ROWS}))


def events(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write the log.")],
    form: Annotated[str, typer.Option("--format", metavar="xes|ocel")] = "xes",
    since: Annotated[str | None, typer.Option("--from", metavar="DATE")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="DATE")] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """The event log of every case, for process mining; people stand in it under pseudonyms."""
    given = {"format": form, "from": since, "until": until}
    query = urlencode({name: value for name, value in given.items() if value is not None})
    content = Caller(as_user, as_json=as_json).fetch_bytes(f"/events?{query}")
    try:
        out.write_bytes(content)
    except OSError as error:
        refuse("unwritable", f"{out}: {error.strerror}", as_json=as_json, status=Exit.REFUSED)
    written = {"file": str(out), "format": form, "bytes": len(content)}
    answer(written, as_json=as_json, text=facts(written, tuple(written)))


_COURTS = {"court": "whose", "working": "working", "calendar": "calendar"}
_SPELLS = {"stage": "stage", "court": "whose", "from_at": "from", "until_at": "until"}
_SPELLS |= {"working": "working", "calendar": "calendar"}
_ROWS = {"court": "whose", "ended": "ended", "open": "open", "working_p50": "median, working"}
_ROWS |= {"working_p90": "90 %, working", "calendar_p50": "median", "calendar_p90": "90 %"}
_ROWS |= {"reminders": "reminders"}


def _timed(row: dict[str, Any]) -> dict[str, Any]:
    hours = {kind: _hours(row[f"{kind}_seconds"]) for kind in ("working", "calendar")}
    return {**row, **hours}


def _forecast(task: dict[str, Any]) -> dict[str, Any]:
    said = "late" if task["late"] else "expected" if task["breach_expected"] else "no"
    waited, usual = _hours(task["waited_seconds"]), _hours(task["usual_seconds"])
    return {**task, "waited": waited, "usual": usual, "breach": said}


def _hours(seconds: int | None) -> str | None:
    """Hours with one decimal, rounded down."""
    return None if seconds is None else f"{seconds // 3600}.{seconds % 3600 // 360} h"
