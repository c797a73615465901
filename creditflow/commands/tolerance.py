"""`tolerances`: how much policy lets pass, and how often that was used."""

from typing import Annotated

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

Day = Annotated[str | None, typer.Option(metavar="DATE")]


def tolerances(
    since: Day = None, until: Day = None, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """The tolerances in force, and their uses by tolerance, edition and month."""
    found = Caller(as_user, as_json=as_json).fetch("/reports/tolerances", since=since, until=until)
    rows = {"code": "tolerance", "value": "value", "unit": "unit", "field": "in the edition"}
    counts = {"month_on": "month", "code": "tolerance", "edition": "edition", "uses": "uses"}
    counts |= {"share_max": "most of it used"}
    parts = [
        facts(found, ("edition", "since", "until")),
        table(found["rows"], rows),
        table(found["counts"], counts),
    ]
    answer(found, as_json=as_json, text="\n\n".join(parts))
