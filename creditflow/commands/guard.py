"""`guard`: requests kept a little under a bound, grants above the eligible limit or an opinion."""

from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

guard = typer.Typer(
    add_completion=False, no_args_is_help=True, help="What single cases do not show."
)

Day = Annotated[str | None, typer.Option(metavar="DATE")]


@guard.command()
def splitting(
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="Not today, but this day.")
    ] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Clusters of requests a little under a bound, by relationship manager and by ring."""
    found = Caller(as_user, as_json=as_json).fetch("/reports/splitting", as_of=as_of)
    rows = [_row(cluster) for name in ("by_manager", "by_ring") for cluster in found[name]]
    columns = {"common": "manager or ring", "number": "cases", "total": "requested", "cases": "ids"}
    text = facts(found, ("since", "as_of", "near_cases")) + "\n\n" + table(rows, columns)
    answer(found, as_json=as_json, text=text)


def _row(cluster: dict[str, Any]) -> dict[str, Any]:
    cases = cluster["cases"]
    return {
        "common": cluster["manager_id"] or cluster["ring"],
        "number": len(cases),
        "total": cluster["total"],
        "cases": [case["case_id"] for case in cases],
    }


@guard.command("above-eligible")
def above_eligible(
    since: Day = None, until: Day = None, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """Limits granted above the eligible one: the letter, the exception, and who approved."""
    caller = Caller(as_user, as_json=as_json)
    items = caller.fetch_all("/reports/above-eligible", since=since, until=until)
    columns = {"letter_no": "letter", "decided_on": "on", "limit": "granted"}
    columns |= {"eligible": "eligible", "route_row": "decided by row", "decided_by": "approved by"}
    answer({"items": items}, as_json=as_json, text=table(items, columns))


@guard.command("against-opinion")
def against_opinion(
    since: Day = None, until: Day = None, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """Approvals against a review opinion: the letter, the opinion, and who approved."""
    caller = Caller(as_user, as_json=as_json)
    items = caller.fetch_all("/reports/against-opinion", since=since, until=until)
    columns = {"letter_no": "letter", "decided_on": "on", "limit": "granted"}
    columns |= {"objected_by": "opinion by", "note": "opinion", "decided_by": "approved by"}
    answer({"items": items}, as_json=as_json, text=table(items, columns))
