"""`refusals`: what was refused to whom."""

from typing import Annotated

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller
from creditflow.commands.output import answer
from creditflow.commands.table import table


def refusals(
    case: Annotated[str | None, typer.Option("--case", metavar="CASE")] = None,
    person: Annotated[str | None, typer.Option("--person", metavar="USER")] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="How many, newest first.")] = 50,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What was refused to whom, newest first."""
    items = Caller(as_user, as_json=as_json).fetch_all(
        "/refusals", most, case=case, person=person, page_size=min(most, 200)
    )
    columns = {"recorded_at": "at", "person_id": "who", "channel": "by", "action": "what"}
    columns |= {"subject": "on", "code": "code"}
    answer({"items": items}, as_json=as_json, text=table(items, columns))
