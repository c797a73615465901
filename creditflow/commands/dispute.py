"""`dispute`: what customers contest of their invoices: open one, settle it, see what is open."""

from typing import Annotated

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

dispute = typer.Typer(
    add_completion=False, no_args_is_help=True, help="What customers contest of their invoices."
)

_OPENED = ("dispute_id", "customer_id", "invoice_no", "amount", "opened_on", "owner", "reason")
_SETTLED = ("settled_on", "settled_reason", "settled_by")
_COLUMNS = {
    "dispute_id": "dispute",
    "customer_id": "customer",
    "invoice_no": "invoice",
    "amount": "amount",
    "opened_on": "since",
    "owner": "owner",
    "reason": "reason",
}

Day = Annotated[str, typer.Option("--on", metavar="DATE")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT")]


@dispute.command("list")
def list_disputes(
    customer: Annotated[
        str | None, typer.Option("--customer", metavar="CUSTOMER", help="Settled ones too.")
    ] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """The open disputes of the book, oldest first, or every one of a customer."""
    caller = Caller(as_user, as_json=as_json)
    if customer is None:
        found = {"items": caller.fetch_all("/disputes", page_size=200)}
        columns = _COLUMNS
    else:
        found = caller.fetch(place("customers", customer, "disputes"))
        columns = {**_COLUMNS, "settled_on": "settled on"}
    answer(found, as_json=as_json, text=table(found["items"], columns))


@dispute.command("open")
def open_dispute(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's id.")],
    invoice: Annotated[str, typer.Argument(metavar="INVOICE", help="Its number.")],
    on: Day,
    reason: Reason,
    owner: Annotated[str, typer.Option(metavar="PERSON", help="Who looks after it.")],
    amount: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="AMOUNT CURRENCY", help="Of the invoice; all of it, unless said."),
    ] = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Put on record what a customer contests of an invoice."""
    money = None if amount is None else {"amount": amount[0], "currency": amount[1]}
    body = {"invoice_no": invoice, "opened_on": on, "reason": reason, "owner": owner}
    caller = Caller(as_user, as_json=as_json)
    found = caller.send(
        place("customers", customer, "disputes"), {**body, "amount": money}, key
    ).document
    answer(found, as_json=as_json, text=facts(found, _OPENED))


@dispute.command()
def settle(
    which: Annotated[str, typer.Argument(metavar="DISPUTE", help="Its id.")],
    on: Day,
    reason: Reason,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Say that a dispute was settled, and why."""
    body = {"settled_on": on, "reason": reason}
    found = Caller(as_user, as_json=as_json).send(place("disputes", which, "end"), body, key)
    answer(found.document, as_json=as_json, text=facts(found.document, _OPENED + _SETTLED))
