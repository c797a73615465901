"""`profile`: a customer's credit as it stood on a day, each figure with its source."""

from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, place
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table


def profile(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Any id of the customer.")],
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="Not today, but this day.")
    ] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Identity, rating, class, limits, use, holds, open cases and warnings of one day."""
    caller = Caller(as_user, as_json=as_json)
    found = caller.fetch(place("customers", customer, "profile"), as_of=as_of)
    answer(found, as_json=as_json, text=_text(found))


def _text(found: dict[str, Any]) -> str:
    told = {"name": found["customer"]["name"], "as of": found["as_of"]}
    told["other ids"] = [alias["customer_id"] for alias in found["aliases"]]
    if found["rating"] is not None:
        told["grade"] = found["rating"]["grade"]["value"]
        told["counts until"] = found["rating"]["valid_until"]
    if found["classification"] is not None:
        told["class"] = found["classification"]["tier"]["value"]
        if found["classification"]["on_record"] is not None:
            kept = found["classification"]["on_record"]
            told["class on record"] = f"{kept['value']} since {kept['as_of']}"
    told |= {"limits": found["limit_total"], "used": found["used_total"]}
    for cap in found["caps"]:
        told[f"cap of the {cap['scope']}, {cap['currency']}"] = cap["cap"]["value"]
    told |= {name: each["value"] for name, each in found["owed"].items()}
    told |= {"open cases": [each["case_id"] for each in found["open_cases"]]}
    told |= {"warnings": [each["level"]["value"] for each in found["warnings"]]}
    rows = [
        {name: each["value"] if isinstance(each, dict) else each for name, each in line.items()}
        for line in found["lines"]
    ]
    columns = {"line_id": "line", "status": "status", "limit": "limit", "used": "used"}
    columns |= {"reserved": "reserved", "headroom": "headroom", "ends_on": "ends"}
    return facts(told, tuple(told)) + "\n\n" + table(rows, columns)
