"""`tasks` and `decide`: what waits for a decision, and the word that is given."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place, show
from creditflow.commands.files import document_of
from creditflow.commands.output import Exit, answer, refuse
from creditflow.commands.table import facts, table


class Verdict(StrEnum):
    APPROVE = "approve"
    DECLINE = "decline"
    RETURN = "return"
    DEFER = "defer"
    SUPPORT = "support"
    OBJECT = "object"


class ActKind(StrEnum):
    TRANSFER = "transfer"
    ASK_OPINION = "ask_opinion"
    GIVE_OPINION = "give_opinion"
    ADD_SIGNER = "add_signer"
    REMOVE_SIGNER = "remove_signer"
    TAKE_BACK = "take_back"
    COPY = "copy"
    URGE = "urge"
    RECUSE = "recuse"
    CLOSE_VOTE = "close_vote"


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
    task: Annotated[str | None, typer.Argument(metavar="TASK")] = None,
    verdict: Annotated[Verdict | None, typer.Argument()] = None,
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
    to_step: Annotated[
        int | None,
        typer.Option("--to-step", metavar="N", min=1, help="Return to this step of the route."),
    ] = None,
    to_me: Annotated[
        bool, typer.Option("--to-me", help="After that step straight back to you.")
    ] = False,
    condition: Annotated[
        list[str] | None,
        typer.Option(
            "--condition",
            metavar="TEXT",
            help="Approve under this; may be repeated. `[cover legal 2027-03-31] TEXT` says what it"
            " is about, whose it is to show and by when after activation.",
        ),
    ] = None,
    term_months: Annotated[
        int | None,
        typer.Option("--term-months", metavar="N", min=1, help="Approve a shorter term."),
    ] = None,
    risk: Annotated[
        list[str] | None,
        typer.Option(
            "--risk", metavar="TEXT", help="An opinion names this; after `|` where it shows."
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="F", help="Many words: a JSON list, each with its reason."),
    ] = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Approve, decline or return, defer or give an opinion; authority is checked at this moment.

    With `--file` there is one answer for each word; it exits 1 where any was refused.
    """
    if (file is None) == (task is None) or (task is None) != (verdict is None):
        refuse("usage", "name TASK and VERDICT, or --file", as_json=as_json, status=Exit.USAGE)
    if file is not None:
        _decide_many(Caller(as_user, as_json=as_json), file, key, as_json)
        return
    assert task is not None, "one of both was named"
    assert verdict is not None, "a task comes with its verdict"
    body = {
        "verdict": verdict.value,
        "note": note,
        "fields_wanted": wanted or [],
        "content_hash": content_hash,
        "to_step": None if to_step is None else to_step - 1,
        "resume": "to_me" if to_me else "again",
        "conditions": [_condition_of(each) for each in condition or []],
        "term_months": term_months,
        "risks": [_risk(each) for each in risk or []],
        "limit": None if limit is None else {"amount": limit, "currency": currency},
    }
    reply = Caller(as_user, as_json=as_json).send(place("tasks", task, "decision"), body, key)
    text = facts(reply.document, ("task_id", "verdict", "outcome", "letter_no", "waiting_for"))
    show(reply.document, text, as_json=as_json, pending=reply.pending)


_KINDS = ("cover", "document", "covenant", "other")
_OWNERS = {"manager": "relationship_manager", "legal": "legal"}


def _condition_of(typed: str) -> str | dict[str, str]:
    """A condition as it was typed: its words, or what stands in brackets before them as well."""
    found = re.fullmatch(r"\[([^\]]*)\]\s*(.+)", typed, re.DOTALL)
    if found is None:
        return typed
    said = {"text": found[2]}
    for part in found[1].split():
        name = "kind" if part in _KINDS else "owner" if part in _OWNERS else "due_on"
        said[name] = _OWNERS.get(part, part)
    return said


def _risk(typed: str) -> dict[str, str]:
    risk, _, cites = typed.partition("|")
    return {"risk": risk.strip(), "cites": cites.strip()}


def _decide_many(caller: Caller, file: Path, key: str | None, as_json: bool) -> None:
    words = document_of(file, as_json)
    reply = caller.send("/tasks/decisions", {"items": words}, key)
    items = reply.document["items"]
    rows = [each | {"outcome": (each["done"] or {}).get("outcome")} for each in items]
    columns = {"task_id": "task", "outcome": "outcome", "refusal": "refused", "detail": "why"}
    answer(reply.document, as_json=as_json, text=table(rows, columns))
    if any(each["refusal"] for each in items):
        raise SystemExit(int(Exit.REFUSED))
    if any(each["pending"] for each in items):
        raise SystemExit(int(Exit.PENDING))


def act(
    task: Annotated[str, typer.Argument(metavar="TASK")],
    action: ActKind,
    to: Annotated[str | None, typer.Option("--to", metavar="PERSON", help="Whom it names.")] = None,
    placement: Annotated[
        str | None,
        typer.Option("--placement", metavar="P", help="Of an added signer: before, beside, after."),
    ] = None,
    note: Annotated[str, typer.Option("--note", metavar="T", help="Why.")] = "",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Transfer, ask or give an opinion, add or remove a signer, take back, copy, urge, recuse."""
    body = {"action": action.value, "to": to, "placement": placement, "note": note}
    reply = Caller(as_user, as_json=as_json).send(place("tasks", task, "acts"), body, key)
    text = facts(reply.document, ("task_id", "action", "outcome", "waiting_for"))
    show(reply.document, text, as_json=as_json, pending=reply.pending)


def minutes(
    approval: Annotated[str, typer.Argument(metavar="APPROVAL")],
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What was said on every step of an approval, made from its words."""
    found = Caller(as_user, as_json=as_json).fetch(place("approvals", approval, "minutes"))
    rows = [
        {"step": step["step"], "mode": step["mode"]} | said
        for step in found["steps"]
        for said in step["said"]
    ]
    columns = {name: name for name in ("step", "mode", "position", "person_id", "verdict", "note")}
    head = facts(found, ("approval_id", "case_id", "outcome", "content_hash"))
    answer(found, as_json=as_json, text=f"{head}\n\n{table(rows, columns)}")
