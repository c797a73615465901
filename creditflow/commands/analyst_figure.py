"""`figure`: what an analyst supplies for a case that waits for it, and the second person's word."""

from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.output import answer
from creditflow.commands.table import table

figure = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Figures that an analyst supplies."
)

Case = Annotated[str, typer.Argument(metavar="CASE")]
FactorCode = Annotated[str, typer.Argument(metavar="FACTOR", help="As the policy names it.")]


@figure.command("list")
def list_figures(case: Case, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """What may be supplied for a case, within which bounds, and what was."""
    path = place("applications", case, "analyst-figures")
    _show(Caller(as_user, as_json=as_json).fetch(path), as_json)


@figure.command()
def supply(
    case: Case,
    factor: FactorCode,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="A number within the bounds.")],
    reason: Annotated[str, typer.Option("--reason", metavar="T", help="What it rests on.")],
    evidence: Annotated[
        str, typer.Option("--evidence", metavar="HASH", help="The document on file.")
    ],
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Give a figure that a case waits for."""
    body = {"factor": factor, "value": value, "reason": reason, "evidence_hash": evidence}
    path = place("applications", case, "analyst-figures")
    _show(Caller(as_user, as_json=as_json).send(path, body, key).document, as_json)


@figure.command()
def confirm(
    case: Case,
    factor: FactorCode,
    version: Annotated[int, typer.Argument(metavar="VERSION")],
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """The second person's word on a figure that policy asks two for."""
    body = {"factor": factor, "version": version}
    path = place("applications", case, "analyst-figures", "confirmation")
    _show(Caller(as_user, as_json=as_json).send(path, body, key).document, as_json)


def _show(found: dict[str, Any], as_json: bool) -> None:
    rows = []
    for item in found["items"]:
        bounds = f"{item['rule']['at_least']} to {item['rule']['at_most']}"
        newest = item["versions"][-1] if item["versions"] else {}
        rows.append({**newest, **item, "bounds": bounds})
    columns = {"factor": "factor", "bounds": "bounds", "awaited": "awaited", "version": "version"}
    columns |= {"value": "value", "supplied_by": "by", "confirmed_by": "with", "reason": "why"}
    answer(found, as_json=as_json, text=table(rows, columns))
