"""`party` and `ring`: who owns, controls or guarantees whom, and what all of them hold."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.output import Exit, answer, refuse
from creditflow.commands.table import cell, facts, table

party = typer.Typer(add_completion=False, no_args_is_help=True, help="Related parties.")

_LINK = ("link_id", "version", "kind", "holder", "subject", "share", "amount")
Day = Annotated[str | None, typer.Option(metavar="DATE")]


@party.command()
def record(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    kind: Annotated[
        str, typer.Option("--kind", metavar="KIND", help="company, person or arrangement.")
    ] = "company",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Put a party on record that is no customer: an owner, a guarantor, a trust."""
    caller = Caller(as_user, as_json=as_json)
    found = caller.send("/parties", {"name": name, "kind": kind}, key).document
    answer(found, as_json=as_json, text=facts(found, ("party_id", "name", "kind")))


@party.command()
def link(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="owns, controls or guarantees.")],
    holder: Annotated[str, typer.Argument(metavar="HOLDER", help="A customer or a party.")],
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="Whom it owns, or …")],
    source: Annotated[str, typer.Option("--source", metavar="TEXT", help="Who says so.")],
    share: Annotated[
        str | None, typer.Option("--share", metavar="PART", help="Of what is owned: 0.6.")
    ] = None,
    amount: Annotated[
        tuple[str, str] | None,
        typer.Option("--amount", metavar="AMOUNT CURRENCY", help="The most that is guaranteed."),
    ] = None,
    valid_from: Day = None,
    valid_until: Day = None,
    evidence: Annotated[
        str | None, typer.Option("--evidence", metavar="HASH", help="The document on file.")
    ] = None,
    link_id: Annotated[
        str | None,
        typer.Option("--id", metavar="LINK", help="Say what is known better of this link."),
    ] = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Put a link on record, or with --id its next version, such as its end."""
    body = {
        "kind": kind,
        "holder": holder,
        "subject": subject,
        "source": source,
        "share": share,
        "amount": {"amount": amount[0], "currency": amount[1]} if amount else None,
        "valid_from": valid_from,
        "valid_until": valid_until,
        "evidence_hash": evidence,
    }
    caller = Caller(as_user, as_json=as_json)
    if link_id is None:
        found = caller.send("/party-links", body, key).document
    else:
        found = caller.send(place("party-links", link_id), body, key, method="PUT").document
    answer(found, as_json=as_json, text=facts(found, _LINK))


@party.command("import")
def import_ownership(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="BODS, as JSON or JSON lines.")],
    source: Annotated[str, typer.Option("--source", metavar="TEXT", help="Who says so.")] = "bods",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Bring in a file of the Beneficial Ownership Data Standard; again, it changes nothing."""
    try:
        content = file.read_bytes()
    except OSError as unread:
        refuse("file_unreadable", f"{file}: {unread.strerror}", as_json=as_json, status=Exit.USAGE)
    caller = Caller(as_user, as_json=as_json)
    found = caller.upload("/ownership", file.name, content, {"source": source}, key).document
    text = facts(found, ("parties", "customers", "links"))
    if found["left_out"]:
        text += "\n\n" + table(found["left_out"], {"record": "left out", "reason": "why"})
    answer(found, as_json=as_json, text=text)


def ring(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's id.")],
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="Not today, but this day.")
    ] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Whom a customer is linked to, each with the way there, and what all of them hold."""
    found = Caller(as_user, as_json=as_json).fetch(
        place("customers", customer, "ring"), as_of=as_of
    )
    text = facts(found, ("customer_id", "as_of", "direct", "indirect", "total"))
    columns = {"name": "party", "way": "way", "risk": "risk", "limits": "limits"}
    columns |= {"answers_for": "answers for"}
    rows = [_shown(part) for part in found["parts"]]
    answer(found, as_json=as_json, text=f"{text}\n\n{table(rows, columns)}")


def _shown(part: Mapping[str, Any]) -> dict[str, Any]:
    member = part["member"]
    return {
        **part,
        "name": part["name"] or member["party_id"],
        "way": _way(member["path"]),
        "risk": "one risk" if member["counts"] else "-",
    }


def _way(path: Sequence[Mapping[str, Any]]) -> str:
    """The links from the customer to a party, one after another."""
    return "; ".join(
        f"{step['holder']} {step['kind']}"
        f"{' ' + cell(step['share']) + ' of' if step['share'] else ''} {step['subject']}"
        for step in path
    )
