"""`authority`: who may decide what, by grants, seats, delegations, certificates and ties."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.output import Exit, answer
from creditflow.commands.table import facts, table

authority = typer.Typer(
    add_completion=False, no_args_is_help=True, help="The register of authority (授权)."
)

Of = Annotated[
    str | None, typer.Option("--of", metavar="WHO", help="A person, a seat, a code, a customer.")
]
From = Annotated[str, typer.Option("--from", metavar="DATE")]
Until = Annotated[str, typer.Option("--until", metavar="DATE", help="The last day.")]
Names = Annotated[list[str] | None, typer.Option(metavar="CODE", help="Several may be.")]
Secured = Annotated[bool, typer.Option("--secured-only", help="Secured credit alone.")]
Limit = Annotated[
    tuple[str, str] | None, typer.Option("--limit", metavar="AMOUNT CURRENCY", help="At most.")
]

_DAYS = {"valid_from": "from", "valid_until": "until", "ended_on": "ended"}


class Listed(StrEnum):
    """What the register keeps beside the grants."""

    SEATS = "seats"
    DELEGATIONS = "delegations"
    CERTIFICATES = "certificates"
    CONFLICTS = "conflicts"


_COLUMNS = {
    Listed.SEATS: {"entry_id": "entry", "person_id": "person", "post": "post", "body": "body"},
    Listed.DELEGATIONS: {
        "entry_id": "entry",
        "delegator": "for",
        "delegate": "speaks",
        "absent": "away",
        "limit": "limit",
        "reason": "reason",
    },
    Listed.CERTIFICATES: {"entry_id": "number", "person_id": "person", "code": "certificate"},
    Listed.CONFLICTS: {
        "entry_id": "entry",
        "person_id": "person",
        "customer_id": "customer",
        "note": "tie",
    },
}


@authority.command()
def grants(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Every grant by its number, who holds it, and whether it stands today."""
    items = Caller(as_user, as_json=as_json).fetch_all("/grants")
    rows = [{**each["grant"], **each} for each in items]
    columns = {"grant_no": "grant", "position": "position", "limit": "limit", "holders": "holders"}
    columns |= {"valid_from": "from", "valid_until": "until", "parent_no": "under"}
    columns |= {"stands": "stands"}
    answer({"items": items}, as_json=as_json, text=table(rows, columns))


@authority.command()
def grant(
    grant_no: Annotated[str, typer.Argument(metavar="NUMBER", help="The grant's number.")],
    position: Annotated[str, typer.Argument(metavar="POSITION", help="branch_head …")],
    limit: Annotated[tuple[str, str], typer.Option("--limit", metavar="AMOUNT CURRENCY")],
    valid_from: From,
    valid_until: Until,
    granted_by: Annotated[str, typer.Option("--by", metavar="WHO", help="Who grants it.")],
    person: Annotated[str | None, typer.Option("--person", metavar="USER")] = None,
    post: Annotated[str | None, typer.Option("--post", metavar="CODE")] = None,
    body: Annotated[str | None, typer.Option("--body", metavar="CODE")] = None,
    under: Annotated[
        str | None, typer.Option("--under", metavar="NUMBER", help="Of a sub-grant: its parent.")
    ] = None,
    case: Annotated[
        str | None, typer.Option("--case", metavar="CASE", help="For one case alone.")
    ] = None,
    unit: Names = None,
    region: Names = None,
    industry: Names = None,
    product: Names = None,
    segment: Names = None,
    tier_class: Annotated[list[str] | None, typer.Option("--class", metavar="CODE")] = None,
    subject: Names = None,
    secured_only: Secured = False,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Enter a grant for a person, a post or a body; with --under a sub-grant."""
    scope = {
        "units": unit or [],
        "regions": region or [],
        "industries": industry or [],
        "products": product or [],
        "segments": segment or [],
        "classes": tier_class or [],
        "subjects": subject or [],
        "secured_only": secured_only,
    }
    said = {
        "grant_no": grant_no,
        "position": position,
        "limit": {"amount": limit[0], "currency": limit[1]},
        "valid_from": valid_from,
        "valid_until": valid_until,
        "granted_by": granted_by,
        "person_id": person,
        "post": post,
        "body": body,
        "parent_no": under,
        "case_id": case,
        "scope": scope,
    }
    found = Caller(as_user, as_json=as_json).send("/grants", said, key).document
    answer(found, as_json=as_json, text=facts(found, ("grant_no", "position", "limit")))


@authority.command()
def revoke(
    grant_no: Annotated[str, typer.Argument(metavar="NUMBER")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT")] = "",
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """End a grant today, with every sub-grant of it; open tasks feel it at once."""
    caller = Caller(as_user, as_json=as_json)
    caller.send(place("grants", grant_no, "revoke"), {"reason": reason})
    found = caller.fetch(place("grants", grant_no))
    answer(found, as_json=as_json, text=facts(found["grant"], ("grant_no", "revoked_on")))


@authority.command()
def seat(
    person: Annotated[str, typer.Argument(metavar="USER")],
    valid_from: From,
    valid_until: Annotated[str | None, typer.Option("--until", metavar="DATE")] = None,
    post: Annotated[str | None, typer.Option("--post", metavar="CODE")] = None,
    body: Annotated[str | None, typer.Option("--body", metavar="CODE")] = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Put somebody into a post or a body."""
    said = {"person_id": person, "post": post, "body": body}
    said |= {"valid_from": valid_from, "valid_until": valid_until}
    _write(Listed.SEATS, said, key, as_user, as_json)


@authority.command()
def delegate(
    to: Annotated[str, typer.Argument(metavar="USER", help="Who speaks.")],
    valid_from: From,
    valid_until: Until,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT")],
    of: Annotated[
        str | None, typer.Option("--for", metavar="USER", help="For whom, if not yourself.")
    ] = None,
    present: Annotated[
        bool, typer.Option("--present", help="The delegator decides as well meanwhile.")
    ] = False,
    limit: Limit = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Be out of office, and have somebody else speak meanwhile."""
    said = {
        "delegator": of,
        "delegate": to,
        "valid_from": valid_from,
        "valid_until": valid_until,
        "reason": reason,
        "absent": not present,
        "limit": {"amount": limit[0], "currency": limit[1]} if limit else None,
    }
    _write(Listed.DELEGATIONS, said, key, as_user, as_json)


@authority.command()
def certify(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The certificate's number.")],
    person: Annotated[str, typer.Argument(metavar="USER")],
    code: Annotated[str, typer.Argument(metavar="CODE", help="What it certifies.")],
    valid_from: From,
    valid_until: Until,
    evidence: Annotated[
        str, typer.Option("--evidence", metavar="HASH", help="The document on file.")
    ],
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Put a person's certificate on record."""
    said = {"certificate_no": number, "person_id": person, "code": code, "evidence": evidence}
    said |= {"valid_from": valid_from, "valid_until": valid_until}
    _write(Listed.CERTIFICATES, said, key, as_user, as_json)


@authority.command()
def declare(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER")],
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What the tie is.")],
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Declare a tie of yours with a customer; from now on others decide."""
    _write(Listed.CONFLICTS, {"customer_id": customer, "note": note}, key, as_user, as_json)


@authority.command("list")
def list_entries(
    what: Annotated[Listed, typer.Argument(metavar="WHAT", help=", ".join(Listed))],
    of: Of = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Seats, delegations, certificates or conflicts."""
    items = Caller(as_user, as_json=as_json).fetch_all(place(what), of=of)
    answer({"items": items}, as_json=as_json, text=table(items, _COLUMNS[what] | _DAYS))


@authority.command()
def end(
    what: Annotated[Listed, typer.Argument(metavar="WHAT", help=", ".join(Listed))],
    entry: Annotated[str, typer.Argument(metavar="ENTRY")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT")] = "",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """End a seat, a delegation, a certificate or a conflict today."""
    caller = Caller(as_user, as_json=as_json)
    found = caller.send(place(what, entry, "end"), {"reason": reason}, key).document
    answer(found, as_json=as_json, text=facts(found, (*_COLUMNS[what], "ended_on")))


@authority.command()
def queue(
    everything: Annotated[bool, typer.Option("--all", help="Those decided since, too.")] = False,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Tasks that nobody could decide; exits 1 where there is one."""
    found = Caller(as_user, as_json=as_json).fetch("/authority/alarms", standing=not everything)
    columns = {"task_id": "task", "case_id": "case", "position": "position", "queue": "queue"}
    columns |= {"raised_on": "since", "stands": "open"}
    answer(found, as_json=as_json, text=table(found["items"], columns))
    if any(each["stands"] for each in found["items"]):
        raise SystemExit(int(Exit.REFUSED))


@authority.command()
def events(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """What was written into the register and what ended, the newest first."""
    found = Caller(as_user, as_json=as_json).fetch("/authority/events", page_size=200)
    columns = {"kind": "kind", "what": "what", "entry_id": "entry", "person_id": "of"}
    columns |= {"about": "about", "on": "on", "by": "by", "reason": "reason"}
    answer(found, as_json=as_json, text=table(found["items"], columns))


def _write(
    what: Listed, said: dict[str, Any], key: str | None, as_user: str | None, as_json: bool
) -> None:
    found = Caller(as_user, as_json=as_json).send(place(what), said, key).document
    answer(found, as_json=as_json, text=facts(found, (*_COLUMNS[what], "valid_from")))
