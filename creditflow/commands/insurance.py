"""`insurance`: credit insurance, what insurers cover of our customers, and what they must be told."""

from pathlib import Path
from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.files import document_of
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

_TERMS = {"insurance_id": "insurance", "policy_no": "policy", "insurer": "insurer"}
_TERMS |= {"until_on": "until", "share": "share", "liability_max": "liability"}
_TERMS |= {"version": "version", "waits": "waits"}
_BUYERS = {"limit_id": "limit", "customer_id": "customer", "policy_no": "policy"}
_BUYERS |= {"approved": "approved", "owed": "owed", "covered": "covered", "counts": "counts"}
_BUYERS |= {"stopped": "nothing new because"}
_WORDS = {"version": "version", "state": "said", "amount": "limit", "said_on": "on"}
_WORDS |= {"cut_on": "cut from", "conditions": "conditions", "recorded_by": "by"}
_WORDS |= {"checked_by": "checked by", "confirmed": "confirmed"}
_SHIPMENTS = {"shipment_no": "shipment", "shipped_on": "shipped", "due_on": "due"}
_SHIPMENTS |= {"open": "owed", "covered": "covered", "why": "not the rest because"}
_DEADLINES = {"shipment_no": "shipment", "kind": "deadline", "due_on": "by", "met_on": "made"}
_DEADLINES |= {"missed": "missed"}
_CHANGES = {"on": "on", "amount": "changes by", "reason": "because"}
_FINDINGS = {"finding_id": "finding", "customer_id": "customer", "shipment_no": "shipment"}
_FINDINGS |= {"kind": "missed", "due_on": "was due", "owner": "owner", "closed_by": "closed by"}
_FINDINGS |= {"note": "note"}

InsuranceId = Annotated[str, typer.Argument(metavar="INSURANCE", help="The insurance's id.")]
Limit = Annotated[str, typer.Argument(metavar="LIMIT", help="The id of the insurer's limit.")]
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's id.")]
File = Annotated[Path, typer.Option("--file", help="What is said as JSON; `-` for stdin.")]
AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="Not today, but this day.")
]
Version = Annotated[int, typer.Argument(metavar="VERSION", min=1)]
Confirm = Annotated[bool, typer.Option("--confirm/--refuse", help="Your word on it.")]
Note = Annotated[str, typer.Option("--note", metavar="T", help="Why not.")]

insurance = typer.Typer(add_completion=False, no_args_is_help=True, help="Credit insurance.")


@insurance.command("list")
def list_insurances(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Every insurance, the newest first."""
    found = Caller(as_user, as_json=as_json).fetch("/insurances")
    rows = [_insurance_row(each) for each in found["items"]]
    answer(found, as_json=as_json, text=table(rows, _TERMS))


@insurance.command()
def book(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Every insured buyer, and what counts of it today."""
    items = Caller(as_user, as_json=as_json).fetch_all("/insured-limits")
    answer({"items": items}, as_json=as_json, text=table([*map(_buyer_row, items)], _BUYERS))


@insurance.command()
def customer(
    customer_id: Customer,
    as_of: AsOf = None,
    days: Annotated[int, typer.Option("--days", metavar="N", help="How far ahead.")] = 90,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What insurers cover of a customer, why not the rest, and what changes in the days ahead."""
    found = Caller(as_user, as_json=as_json).fetch(
        place("customers", customer_id, "insurance"), as_of=as_of, days=days
    )
    text = "\n\n".join(map(_summary, found["items"]))
    answer(found, as_json=as_json, text=text or table([], _BUYERS))


@insurance.command()
def show(
    limit_id: Limit, as_of: AsOf = None, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """One buyer under one insurance: what was said, what is covered, what is due."""
    found = Caller(as_user, as_json=as_json).fetch(place("insured-limits", limit_id), as_of=as_of)
    answer(found, as_json=as_json, text=_summary(found))


@insurance.command()
def record(
    file: File,
    of: Annotated[
        str | None,
        typer.Option("--insurance", metavar="INSURANCE", help="What is known of it now."),
    ] = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Put an insurance on record; what raises it counts once another has confirmed it."""
    body = document_of(file, as_json)
    path, method = ("/insurances", "POST") if of is None else (place("insurances", of), "PUT")
    found = Caller(as_user, as_json=as_json).send(path, body, key, method=method).document
    answer(found, as_json=as_json, text=facts(_insurance_row(found), tuple(_TERMS)))


@insurance.command()
def check(
    insurance_id: InsuranceId,
    version: Version,
    confirm: Confirm,
    note: Note = "",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Confirm what another recorded of an insurance, or say why not."""
    path = place("insurances", insurance_id, "versions", str(version), "check")
    body = {"confirmed": confirm, "note": note}
    found = Caller(as_user, as_json=as_json).send(path, body, key).document
    answer(found, as_json=as_json, text=facts(_insurance_row(found), tuple(_TERMS)))


@insurance.command()
def limit(
    insurance_id: InsuranceId,
    customer_id: Customer,
    file: File,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """The first word on a buyer under an insurance: asked for, or approved."""
    body = {"customer_id": customer_id, "word": document_of(file, as_json)}
    path = place("insurances", insurance_id, "limits")
    _said(Caller(as_user, as_json=as_json).send(path, body, key).document, as_json=as_json)


@insurance.command()
def say(
    limit_id: Limit,
    file: File,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What the insurer says of a limit now: approved, reduced, cancelled, refused."""
    body, path = document_of(file, as_json), place("insured-limits", limit_id)
    caller = Caller(as_user, as_json=as_json)
    _said(caller.send(path, body, key, method="PUT").document, as_json=as_json)


@insurance.command("check-limit")
def check_limit(
    limit_id: Limit,
    version: Version,
    confirm: Confirm,
    note: Note = "",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Confirm what another recorded of a limit, or say why not."""
    path = place("insured-limits", limit_id, "versions", str(version), "check")
    body = {"confirmed": confirm, "note": note}
    _said(Caller(as_user, as_json=as_json).send(path, body, key).document, as_json=as_json)


@insurance.command()
def declare(
    limit_id: Limit, file: File, key: Key = None, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """Declare a shipment, and see what of it is covered."""
    body, path = document_of(file, as_json), place("insured-limits", limit_id, "shipments")
    _said(Caller(as_user, as_json=as_json).send(path, body, key).document, as_json=as_json)


@insurance.command()
def report(
    limit_id: Limit, file: File, key: Key = None, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """A payment, a dispute or its end, a notice of loss or a claim."""
    body, path = document_of(file, as_json), place("insured-limits", limit_id, "events")
    _said(Caller(as_user, as_json=as_json).send(path, body, key).document, as_json=as_json)


@insurance.command()
def pending(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """What waits for a second person, oldest first."""
    found = Caller(as_user, as_json=as_json).fetch("/insurances/pending")
    insurances = table([*map(_insurance_row, found["insurances"])], _TERMS)
    text = insurances + "\n\n" + table([*map(_buyer_row, found["limits"])], _BUYERS)
    answer(found, as_json=as_json, text=text)


@insurance.command()
def findings(
    open_only: Annotated[bool, typer.Option("--open", help="Only what nobody closed.")] = False,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """The deadlines that were missed, and who answers for them."""
    found = Caller(as_user, as_json=as_json).fetch("/insurance-findings", open_only=open_only)
    answer(found, as_json=as_json, text=table(found["items"], _FINDINGS))


@insurance.command()
def close(
    finding_id: Annotated[str, typer.Argument(metavar="FINDING")],
    note: Annotated[str, typer.Option("--note", metavar="T", help="What was done about it.")],
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Say what was done about a missed deadline."""
    path = place("insurance-findings", finding_id, "close")
    found = Caller(as_user, as_json=as_json).send(path, {"note": note}, key).document
    answer(found, as_json=as_json, text=facts(found, tuple(_FINDINGS)))


@insurance.command()
def watch(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Look at the deadlines of every insured buyer, without waiting for the daily run."""
    found = Caller(as_user, as_json=as_json).send("/runs/insurance", {}).document
    answer(found, as_json=as_json, text=facts(found, ("run_id",)))


def _insurance_row(found: dict[str, Any]) -> dict[str, Any]:
    newest = found["newest"]
    waits = newest["needs_check"] and newest["confirmed"] is None
    return {**found, **newest["content"], "version": newest["version"], "waits": waits}


def _buyer_row(found: dict[str, Any]) -> dict[str, Any]:
    cover = found["cover"]
    return {
        **found,
        "policy_no": (found["terms"] or {}).get("policy_no"),
        "approved": cover["limit"],
        "owed": cover["owed"],
        "covered": cover["covered"],
        "stopped": ", ".join(cover["stopped"]),
    }


def _summary(found: dict[str, Any]) -> str:
    """The limit, every word on it, what was shipped, what is due, and what is ahead."""
    cover = found["cover"]
    words = [{**each, **each["content"]} for each in found["versions"]]
    shipments = [{**each["shipment"], **each} for each in cover["shipments"]]
    parts = [facts(_buyer_row(found) | {"counts_until": found["counts_until"]}, _SHOWN)]
    for rows, columns in (
        (words, _WORDS),
        (shipments, _SHIPMENTS),
        (cover["deadlines"], _DEADLINES),
        (found["changes"], _CHANGES),
        (found["findings"], _FINDINGS),
    ):
        if rows:
            parts.append(table(rows, columns))
    return "\n\n".join(parts)


_SHOWN = (*_BUYERS, "counts_until")


def _said(found: dict[str, Any], *, as_json: bool) -> None:
    answer(found, as_json=as_json, text=_summary(found))
