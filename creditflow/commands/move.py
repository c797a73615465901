"""`move`: limit of one line given to another of the same customer or group, decided by others."""

from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

move = typer.Typer(add_completion=False, no_args_is_help=True, help="Limit moved between lines.")

_MOVE = {"move_id": "move", "source_id": "from", "target_id": "to", "amount": "amount"}
_MOVE |= {"asked_by": "by", "asked_on": "on", "status": "status", "letters": "letters"}


@move.command()
def ask(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The line that gives.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The line that gains.")],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="125000.00")],
    currency: Annotated[str, typer.Argument(metavar="CURRENCY", help="CNY")],
    note: Annotated[str, typer.Option("--note", metavar="T", help="Why.")],
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Ask to have what is free of one line moved to another; others decide."""
    money = {"amount": amount, "currency": currency}
    body = {"source_id": source, "target_id": target, "amount": money, "reason": note}
    found = Caller(as_user, as_json=as_json).send("/moves", body, key).document
    answer(found, as_json=as_json, text=facts(_told(found), tuple(_MOVE)))


@move.command("list")
def list_moves(
    line: Annotated[str | None, typer.Option("--line", metavar="LINE")] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Moves that were asked for, newest first."""
    items = Caller(as_user, as_json=as_json).fetch_all("/moves", line_id=line)
    text = table([_told(each) for each in items], _MOVE)
    answer({"items": items}, as_json=as_json, text=text)


@move.command()
def show(
    move_id: Annotated[str, typer.Argument(metavar="MOVE")],
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """A move that was asked for: who is asked, and what they said."""
    found = Caller(as_user, as_json=as_json).fetch(place("moves", move_id))
    tasks = {"task_id": "task", "position": "position", "status": "status", "due_at": "due"}
    tasks |= {"decided_by": "by", "verdict": "verdict"}
    said = facts(_told(found["move"]), tuple(_MOVE))
    answer(found, as_json=as_json, text=f"{said}\n\n{table(found['tasks'], tasks)}")


def _told(move: dict[str, Any]) -> dict[str, Any]:
    return {**move["request"], **move}
