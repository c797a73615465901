"""`cliffs`: which limits fall by themselves in the days ahead, and what that leaves open."""

from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, place
from creditflow.commands.output import answer
from creditflow.commands.table import table

_CLIFFS = {"on": "from", "kind": "over", "of": "of", "change": "limit changes by"}
_CLIFFS |= {"limit": "limit"}
_BOOK = {"line_id": "line", "customer_id": "customer"} | _CLIFFS | {"exposure": "taken"}
_OPEN = {"days": "after days", "on": "on", "limit": "limit", "exposure": "taken"}
_OPEN |= {"uncovered": "left open"}


def cliffs(
    line: Annotated[str | None, typer.Argument(metavar="[LINE]", help="The line's id.")] = None,
    days: Annotated[int, typer.Option("--days", metavar="N", help="How far ahead.")] = 90,
    customer: Annotated[
        str | None, typer.Option("--customer", metavar="C", help="One customer's lines.")
    ] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What becomes of a line by itself, or the lines with a cliff ahead, the nearest first."""
    caller = Caller(as_user, as_json=as_json)
    if line is not None:
        found = caller.fetch(place("lines", line, "cliffs"), days=days)
        text = table(found["cliffs"], _CLIFFS), table(found["uncovered"], _OPEN)
    else:
        found = caller.fetch("/cliffs", days=days, customer_id=customer)
        rows = [_row(ahead, each) for ahead in found["items"] for each in ahead["cliffs"]]
        opened = [each for of in found["uncovered"].values() for each in of]
        text = table(rows, _BOOK), table(opened, _OPEN)
    answer(found, as_json=as_json, text="\n\n".join(text))


def _row(ahead: dict[str, Any], each: dict[str, Any]) -> dict[str, Any]:
    return each | {name: ahead[name] for name in ("line_id", "customer_id", "exposure")}
