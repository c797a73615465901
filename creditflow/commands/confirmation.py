"""`confirmation`: accounts that customers confirm, their answers, and what differs."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, place, show
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

confirmation = typer.Typer(no_args_is_help=True)

Which = Annotated[str, typer.Argument(metavar="CONFIRMATION")]
_LIST = {
    "confirmation_id": "confirmation",
    "customer_id": "customer",
    "as_of": "as of",
    "total": "open",
    "status": "status",
    "answer_by": "answer by",
    "overdue": "overdue",
    "holds_orders": "holds orders",
}
_DIFFERENCE = {
    "difference_id": "difference",
    "invoice_no": "document",
    "kind": "kind",
    "ours": "ours",
    "theirs": "theirs",
    "owner": "owner",
    "due_on": "due on",
    "outcome": "outcome",
}


class Outcome(StrEnum):
    UPHELD = "upheld"
    CORRECTED = "corrected"
    CREDITED = "credited"
    DISPUTED = "disputed"


@confirmation.command("ask")
def ask(
    customer: Annotated[str | None, typer.Option("--customer", metavar="CUSTOMER")] = None,
    as_of: Annotated[datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"])] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Send the accounts that are due, or one customer's as of a day; each account once."""
    body = {
        "customer_id": customer,
        "as_of": None if as_of is None else as_of.date().isoformat(),
    }
    found = Caller(as_user, as_json=as_json).send("/runs/confirmation", body).document
    answer(found, as_json=as_json, text=facts(found, ("run_id",)))


@confirmation.command("list")
def list_confirmations(
    customer: Annotated[str | None, typer.Option("--customer", metavar="CUSTOMER")] = None,
    waiting: Annotated[
        bool, typer.Option("--waiting", help="For an answer, or to be cleared up.")
    ] = False,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """The newest accounts that were asked for."""
    asked = {"customer_id": customer, "waiting": "true" if waiting else None, "page_size": "200"}
    found = Caller(as_user, as_json=as_json).fetch(
        "/confirmations", **{name: value for name, value in asked.items() if value is not None}
    )
    answer(found, as_json=as_json, text=table([_row(each) for each in found["items"]], _LIST))


@confirmation.command("show")
def show_confirmation(which: Which, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """One account: its documents, what was answered, and what differs."""
    found = Caller(as_user, as_json=as_json).fetch(place("confirmations", which))
    answer(found, as_json=as_json, text=_told(found))


@confirmation.command("answer")
def answer_confirmation(
    which: Which,
    stamped: Annotated[Path, typer.Option("--stamped", metavar="FILE", exists=True)],
    everything: Annotated[bool, typer.Option("--all", help="Every document agrees.")] = False,
    agreed: Annotated[list[str] | None, typer.Option("--agreed", metavar="DOCUMENT")] = None,
    differing: Annotated[
        list[str] | None,
        typer.Option("--differs", metavar="DOCUMENT:KIND[:AMOUNT]", help="missing, extra, …"),
    ] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Put on record what came back stamped."""
    caller = Caller(as_user, as_json=as_json)
    asked = caller.fetch(place("confirmations", which))["confirmation"]
    currency = asked["request"]["currency"]
    scan = caller.upload("/attachments", stamped.name, stamped.read_bytes(), {}, None).document
    body = {
        "document_hash": asked["document_hash"],
        "evidence_hash": scan["sha256"],
        "all_agreed": everything,
        "agreed": list(agreed or ()),
        "differences": [_difference(each, currency) for each in differing or ()],
    }
    reply = caller.send(place("confirmations", which, "answers"), body)
    show(reply.document, _told(reply.document), as_json=as_json, pending=reply.pending)


@confirmation.command("differences")
def differences(
    customer: Annotated[str | None, typer.Option("--customer", metavar="CUSTOMER")] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What is still to be cleared up, earliest due first."""
    asked = {} if customer is None else {"customer_id": customer}
    found = Caller(as_user, as_json=as_json).fetch("/confirmation-differences", **asked)
    rows = [_difference_row(each) for each in found["items"]]
    answer(found, as_json=as_json, text=table(rows, _DIFFERENCE))


@confirmation.command("close")
def close(
    difference: Annotated[str, typer.Argument(metavar="DIFFERENCE")],
    outcome: Annotated[Outcome, typer.Argument()],
    reason: Annotated[str, typer.Option("--reason", metavar="T")],
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Say how a difference was cleared up."""
    body = {"outcome": outcome.value, "reason": reason}
    where = place("confirmation-differences", difference, "end")
    found = Caller(as_user, as_json=as_json).send(where, body).document
    answer(found, as_json=as_json, text=facts(found, ("difference_id", "outcome", "closed_on")))


def _row(view: dict[str, Any]) -> dict[str, Any]:
    of = view["confirmation"]
    return {**of, **of["request"], **view}


def _difference_row(difference: dict[str, Any]) -> dict[str, Any]:
    said = difference["said"]
    return {**difference, **said, "theirs": said["amount"]}


def _difference(typed: str, currency: str) -> dict[str, Any]:
    number, _, rest = typed.partition(":")
    kind, _, amount = rest.partition(":")
    money = {"amount": amount, "currency": currency} if amount else None
    return {"invoice_no": number, "kind": kind, "amount": money}


def _told(view: dict[str, Any]) -> str:
    of = view["confirmation"]
    head = facts(_row(view), tuple(_LIST))
    columns = {name: name for name in ("invoice_no", "due_on", "amount", "paid", "open")}
    rows = [_difference_row(each) for each in of["differences"]]
    return f"{head}\n\n{table(of['request']['items'], columns)}\n\n{table(rows, _DIFFERENCE)}"
