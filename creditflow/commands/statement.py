"""`statements`: the accounts of each period, which of them counts, and where the others differ."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, place
from creditflow.commands.output import answer
from creditflow.commands.table import table


def statements(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's id.")],
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """The accounts of each period, newest first: which counts by policy, and what differs."""
    found = Caller(as_user, as_json=as_json).fetch(
        place("customers", customer, "statement-accounts")
    )
    columns = {"period": "period", "provenance": "account", "counts": "counts"}
    columns |= {"source": "from", "differs": "differs in"}
    rows = [row for each in found["items"] for row in _rows(each)]
    answer(found, as_json=as_json, text=table(rows, columns))


def _rows(period: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    on, counted = period["period_end_on"], period["counted"]
    told = {"period": on, "provenance": period["provenance"], "source": counted["source"]}
    yield {**told, "counts": "yes"}
    for other in period["others"]:
        differs = [
            f"{item} {ours} / {theirs}" for item, (ours, theirs) in other["differences"].items()
        ]
        yield {
            "period": on,
            "provenance": other["provenance"],
            "counts": "no",
            "source": other["statement"]["source"],
            "differs": differs,
        }
