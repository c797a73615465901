"""`tasks` and `decide`: what waits for a decision, and the word that is given."""

from enum import StrEnum
from typing import Annotated

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place, show
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table


class Verdict(StrEnum):
    APPROVE = "approve"
    DECLINE = "decline"
    RETURN = "return"


def tasks(
    case: Annotated[str | None, typer.Option("--case", metavar="CASE")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only what you may decide today.")] = False,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Open tasks by due time; `--case` shows those of one case."""
    found = Caller(as_user, as_json=as_json).fetch_all(
        "/tasks", case=case, mine=mine or None, page_size=200
    )
    items = [{**task, "role": task["position"]} for task in found]
    columns = {"task_id": "task", "case_id": "case", "role": "role", "due_at": "due"}
    answer({"items": items}, as_json=as_json, text=table(items, columns))


def decide(
    task: Annotated[str, typer.Argument(metavar="TASK")],
    verdict: Verdict,
    note: Annotated[str, typer.Option("--note", metavar="T", help="Why; a return needs it.")] = "",
    wanted: Annotated[
        list[str] | None,
        typer.Option("--wanted", metavar="CODE", help="What a return asks the applicant for."),
    ] = None,
    limit: Annotated[
        str | None,
        typer.Option("--limit", metavar="AMOUNT", help="Approve less than was put to you."),
    ] = None,
    currency: Annotated[str, typer.Option("--currency", metavar="CODE")] = "CNY",
    content_hash: Annotated[
        str, typer.Option("--content-hash", help="Of what you read; refused if it has changed.")
    ] = "",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Approve, decline or return; authority is checked at this moment."""
    body = {
        "verdict": verdict.value,
        "note": note,
        "fields_wanted": wanted or [],
        "content_hash": content_hash,
        "limit": None if limit is None else {"amount": limit, "currency": currency},
    }
    reply = Caller(as_user, as_json=as_json).send(place("tasks", task, "decision"), body, key)
    text = facts(reply.document, ("task_id", "verdict", "outcome", "letter_no", "waiting_for"))
    show(reply.document, text, as_json=as_json, pending=reply.pending)
