"""`related`: the register of the grantor's own related parties, its check, and the disclosure."""

from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

related = typer.Typer(
    add_completion=False, no_args_is_help=True, help="The grantor's own related parties."
)

Entry = Annotated[str, typer.Argument(metavar="ENTRY", help="The entry's id.")]


@related.command("list")
def list_entries(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Every entry: its newest version, and whether it counts."""
    items = Caller(as_user, as_json=as_json).fetch_all("/related-parties")
    columns = {"entry_id": "entry", "version": "version", "subject": "party"}
    columns |= {"relation": "relation", "valid_from": "from", "valid_until": "until"}
    columns |= {"members": "members", "counts": "version that counts"}
    answer({"items": items}, as_json=as_json, text=table([_row(each) for each in items], columns))


@related.command()
def record(
    subject: Annotated[str, typer.Argument(metavar="PARTY", help="A customer's or a party's id.")],
    relation: Annotated[str, typer.Argument(metavar="RELATION", help="shareholder, insider …")],
    source: Annotated[str, typer.Option("--source", metavar="TEXT", help="Who says so.")],
    valid_from: Annotated[str, typer.Option("--from", metavar="DATE")],
    valid_until: Annotated[str | None, typer.Option("--until", metavar="DATE")] = None,
    member: Annotated[
        list[str] | None, typer.Option("--member", metavar="USER", help="Recused; several may be.")
    ] = None,
    entry: Annotated[
        str | None, typer.Option("--entry", metavar="ENTRY", help="A better version of this one.")
    ] = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Put a related party on record; somebody else has to check it before it counts."""
    body = {
        "subject": subject,
        "relation": relation,
        "source": source,
        "valid_from": valid_from,
        "valid_until": valid_until,
        "members": member or [],
    }
    caller = Caller(as_user, as_json=as_json)
    if entry is None:
        found = caller.send("/related-parties", body, key).document
    else:
        path = place("related-parties", entry)
        found = caller.send(path, body, key, method="PUT").document
    _tell(found, as_json)


@related.command()
def check(
    entry: Entry,
    version: Annotated[int, typer.Argument(metavar="VERSION", help="The version you read.")],
    reject: Annotated[bool, typer.Option("--reject", help="It does not count.")] = False,
    note: Annotated[str, typer.Option("--note", metavar="TEXT")] = "",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Accept or reject a version that somebody else wrote."""
    body = {"version": version, "accepted": not reject, "note": note}
    caller = Caller(as_user, as_json=as_json)
    _tell(caller.send(place("related-parties", entry, "check"), body, key).document, as_json)


@related.command()
def disclosure(
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="Not today, but this day.")
    ] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Every related party with credit as of a day: limits, use, terms, letters, body."""
    found = Caller(as_user, as_json=as_json).fetch("/related-parties/disclosure", as_of=as_of)
    rows = [
        {**line, "customer_id": customer["customer_id"]}
        for customer in found["customers"]
        for line in customer["lines"]
    ]
    columns = {"customer_id": "customer", "limit": "limit", "used": "used"}
    columns |= {"rate_annual": "rate", "term_months": "months", "letters": "letters"}
    columns |= {"body": "decided by row", "decided_by": "approved by"}
    text = facts(found, ("as_of", "limits", "used")) + "\n\n" + table(rows, columns)
    answer(found, as_json=as_json, text=text)


def _tell(standing: dict[str, Any], as_json: bool) -> None:
    fields = ("entry_id", "version", "subject", "relation", "checked", "counts")
    answer(standing, as_json=as_json, text=facts(_row(standing), fields))


def _row(standing: dict[str, Any]) -> dict[str, Any]:
    check, counted = standing["check"], standing["counted"]
    said = None if check is None else "accepted" if check["accepted"] else "rejected"
    return {
        **standing["newest"],
        "checked": said,
        "counts": counted and counted["version"],
    }
