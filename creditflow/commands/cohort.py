"""`cohorts`: what became of the lines approved in a month, as a table, as letters, or as CSV."""

from typing import Annotated
from urllib.parse import urlencode

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller
from creditflow.commands.output import answer
from creditflow.commands.table import table

_FIGURES = {
    "approved": "approved",
    "amount": "amount",
    "active": "in force",
    "amount_active": "amount in force",
    "warned": "warned",
    "in_collection": "in collection",
    "non_performing": "non-performing",
    "allowance": "allowance",
    "loss": "loss",
}


def cohorts(
    by: Annotated[
        str, typer.Option(metavar="WHAT", help="edition, approver or grade.")
    ] = "edition",
    as_of: Annotated[str | None, typer.Option("--as-of", metavar="DATE")] = None,
    letters: Annotated[bool, typer.Option("--letters", help="The letters counted.")] = False,
    month: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="Letters of this month.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Letters of this edition, approver or grade.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV, for a spreadsheet.")] = False,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """New lines by month of approval, and what has become of them as of a day."""
    caller = Caller(as_user, as_json=as_json)
    of_letters = letters or month is not None or key is not None
    path = "/reports/cohorts/letters" if of_letters else "/reports/cohorts"
    asked = {"by": by, "as_of": as_of}
    if of_letters:
        asked |= {"month": month, "key": key}
    if as_csv:
        given = {name: value for name, value in asked.items() if value is not None}
        content = caller.fetch_bytes(f"{path}?{urlencode({**given, 'form': 'csv'})}")
        print(content.decode(), end="")
        return
    found = caller.fetch(path, **asked)
    if of_letters:
        columns = {"letter_no": "letter", "customer_id": "customer", "decided_on": "decided"}
        columns |= {"approver": "approver", "grade": "grade", "amount": "amount"}
        columns |= {name: _FIGURES[name] for name in list(_FIGURES)[2:] if name != "amount_active"}
        answer(found, as_json=as_json, text=table(found["items"], columns))
        return
    rows = [*found["cohorts"], {**found["total"], "month": "all"}]
    columns = {"month": "month", "key": by, **_FIGURES}
    answer(found, as_json=as_json, text=table(rows, columns))
