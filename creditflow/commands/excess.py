"""`excess`: what stands above a limit that fell, by when it comes down, and other dates for that."""

from decimal import Decimal
from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

excess = typer.Typer(add_completion=False, no_args_is_help=True, help="What stands above a limit.")

_SHOWN = (
    *("excess_id", "account", "customer_id", "cause", "found", "found_on", "over", "status"),
    "settled_on",
)
_COLUMNS = {
    "excess_id": "plan",
    "account": "account",
    "over": "above",
    "due_on": "due on",
    "cause": "why",
    "status": "status",
}
_DATES = {
    "dates_id": "dates",
    "days": "days",
    "reason": "reason",
    "asked_by": "by",
    "answer": "answer",
}

Plan = Annotated[str, typer.Argument(metavar="PLAN", help="The plan's id.")]


@excess.command("list")
def list_excesses(
    settled: Annotated[bool, typer.Option("--all", help="Settled ones too.")] = False,
    customer: Annotated[str | None, typer.Option(metavar="CUSTOMER")] = None,
    line: Annotated[str | None, typer.Option(metavar="LINE")] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Open plans, the one due first at the head."""
    asked = {"customer_id": customer, "line_id": line, "settled": settled or None}
    found = Caller(as_user, as_json=as_json).fetch("/excesses", **asked)
    rows = [{**each, "due_on": _due_on(each)} for each in found["items"]]
    answer(found, as_json=as_json, text=table(rows, _COLUMNS))


@excess.command()
def show(plan: Plan, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """A plan: its steps, and other dates given to it."""
    found = Caller(as_user, as_json=as_json).fetch(place("excesses", plan))
    answer(found, as_json=as_json, text=_told(found))


@excess.command()
def dates(
    plan: Plan,
    due_on: Annotated[list[str], typer.Argument(metavar="DATE...", help="One for each step.")],
    reason: Annotated[str, typer.Option(metavar="TEXT")],
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Give the steps other dates; they count once somebody else confirms them."""
    body = {"due_on": due_on, "reason": reason}
    caller = Caller(as_user, as_json=as_json)
    found = caller.send(place("excesses", plan, "dates"), body, key).document
    answer(found, as_json=as_json, text=facts(_dates(found), tuple(_DATES)))


@excess.command()
def confirm(
    plan: Plan,
    dates_id: Annotated[str, typer.Argument(metavar="DATES", help="The id of the dates.")],
    decline: Annotated[bool, typer.Option("--decline", help="Do not confirm them.")] = False,
    note: Annotated[str, typer.Option(metavar="TEXT")] = "",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Confirm other dates that somebody else gave."""
    caller = Caller(as_user, as_json=as_json)
    body = {"confirmed": not decline, "note": note}
    where = place("excesses", plan, "dates", dates_id, "answer")
    found = caller.send(where, body, key).document
    answer(found, as_json=as_json, text=_told(found))


def _told(view: dict[str, Any]) -> str:
    steps = {"due_on": "due on", "stands": "may still stand"}
    parts = [facts(view["excess"], _SHOWN), table(view["excess"]["steps"], steps)]
    return "\n\n".join((*parts, table([_dates(each) for each in view["dates"]], _DATES)))


def _dates(proposal: dict[str, Any]) -> dict[str, Any]:
    answers = {None: "waits", True: "confirmed", False: "not confirmed"}
    days = ", ".join(step["due_on"] for step in proposal["steps"])
    return {**proposal, "days": days, "answer": answers[proposal["confirmed"]]}


def _due_on(plan: dict[str, Any]) -> str:
    """The day of the first step that asks for more than was given back; empty once settled."""
    over = Decimal(plan["over"]["amount"])
    asking = (each for each in plan["steps"] if Decimal(each["stands"]["amount"]) < over)
    return next((str(each["due_on"]) for each in asking), "")
