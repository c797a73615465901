"""`override` and `overrides`: a grade moved by notches, and what came of those that were."""

from typing import Annotated

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place, show
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table


def override(
    case: Annotated[str, typer.Argument(metavar="CASE")],
    notches: Annotated[
        int, typer.Option("--notches", metavar="N", help="Above zero the grade gets better.")
    ],
    reason: Annotated[
        str, typer.Option("--reason", metavar="CODE", help="One of the edition's list.")
    ],
    note: Annotated[str, typer.Option("--note", metavar="T", help="What it rests on.")],
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Move the grade of a case; where policy asks for a second person, it waits for one."""
    body = {"notches": notches, "reason": reason, "note": note}
    reply = Caller(as_user, as_json=as_json).send(
        place("applications", case, "override"), body, key
    )
    text = ""
    if not reply.pending:
        shown = {"case_id": case, **reply.document["override"]}
        fields = ("case_id", "override_id", "status", "grade_model", "grade_asked", "second_needed")
        text = facts(shown, fields)
    show(reply.document, text, as_json=as_json, pending=reply.pending)


def overrides(
    analyst: Annotated[str | None, typer.Option("--analyst", metavar="PERSON")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="DATE")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="DATE")] = None,
    report: Annotated[
        bool, typer.Option("--report", help="By analyst: the rate, how far, and the outcome.")
    ] = False,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Overrides by who proposed them and when, newest first, or the report over them."""
    caller = Caller(as_user, as_json=as_json)
    if report:
        found = caller.fetch("/overrides/report", analyst=analyst, since=since, until=until)
        answer(found, as_json=as_json, text=_report(found))
        return
    items = caller.fetch_all("/overrides", analyst=analyst, since=since, until=until, page_size=200)
    columns = {"proposed_on": "on", "case_id": "case", "notches": "notches"}
    columns |= {"grade_model": "model", "grade_asked": "asked", "reason": "reason"}
    columns |= {"proposed_by": "by", "settled_by": "with", "status": "status"}
    answer({"items": items}, as_json=as_json, text=table(items, columns))


def _report(found: dict[str, object]) -> str:
    analysts = found["analysts"]
    assert isinstance(analysts, list)
    rows = [
        {
            **each,
            "ups": each["up"]["overrides"],
            "downs": each["down"]["overrides"],
            "up_hits": each["up"]["hit_rate"],
            "down_hits": each["down"]["hit_rate"],
        }
        for each in analysts
    ]
    columns = {"analyst": "analyst", "cases_touched": "cases touched"}
    columns |= {"cases_overridden": "overridden", "rate": "rate", "ups": "up", "downs": "down"}
    columns |= {"up_hits": "went bad of up", "down_hits": "went bad of down"}
    return f"{facts(found, ('since', 'until'))}\n\n{table(rows, columns)}"
