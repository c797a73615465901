"""`bill`: bills that customers pay with: receive one, say what became of it, see how it stands."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

bill = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Bills that customers pay with."
)

_SHOWN = (
    *("bill_id", "bill_no", "customer_id", "status", "amount", "acceptor", "received_on"),
    *("due_on", "frees_line"),
)
_COLUMNS = {
    "bill_id": "bill",
    "bill_no": "number",
    "customer_id": "customer",
    "amount": "amount",
    "acceptor": "acceptor",
    "due_on": "due on",
    "status": "status",
}
_EVENTS = {
    "event_no": "event",
    "kind": "what",
    "happened_on": "on",
    "recourse": "recourse",
    "note": "note",
}


class Kind(StrEnum):
    BANK_ACCEPTANCE = "bank_acceptance"
    COMMERCIAL_ACCEPTANCE = "commercial_acceptance"


class What(StrEnum):
    ENDORSED = "endorsed"
    DISCOUNTED = "discounted"
    HONOURED = "honoured"
    REFUSED = "refused"


Bill = Annotated[str, typer.Argument(metavar="BILL", help="The bill's id.")]
Day = Annotated[str, typer.Option(metavar="DATE")]
MaybeDay = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="Not today, but this day.")
]


@bill.command()
def receive(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's id.")],
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="Of the bill.")],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT")],
    currency: Annotated[str, typer.Argument(metavar="CURRENCY")],
    acceptor: Annotated[str, typer.Option(metavar="ID")],
    drawer: Annotated[str, typer.Option(metavar="NAME")],
    received_on: Day,
    due_on: Day,
    evidence: Annotated[str, typer.Option(metavar="HASH", help="The bill on file.")],
    pays: Annotated[list[str], typer.Option(metavar="INVOICE=AMOUNT", help="May be repeated.")],
    kind: Annotated[Kind, typer.Option(metavar="KIND")] = Kind.BANK_ACCEPTANCE,
    acceptor_class: Annotated[str, typer.Option(metavar="CLASS")] = "",
    line: Annotated[str | None, typer.Option(metavar="LINE", help="Whose use it repays.")] = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Put a bill on record in place of the invoices it pays."""
    parts = [each.rpartition("=") for each in pays]
    body: dict[str, Any] = {
        "bill_no": number,
        "kind": kind.value,
        "acceptor": acceptor,
        "acceptor_class": acceptor_class,
        "drawer": drawer,
        "amount": {"amount": amount, "currency": currency},
        "received_on": received_on,
        "due_on": due_on,
        "invoices": [
            {"invoice_no": no, "amount": {"amount": part, "currency": currency}}
            for no, _, part in parts
        ],
        "evidence_hash": evidence,
        "line_id": line,
    }
    caller = Caller(as_user, as_json=as_json)
    found = caller.send(place("customers", customer, "bills"), body, key).document
    answer(found, as_json=as_json, text=facts(found, _SHOWN))


@bill.command()
def report(
    bill_id: Bill,
    event: Annotated[str, typer.Argument(metavar="EVENT", help="A number of its own.")],
    what: Annotated[What, typer.Argument(metavar="endorsed|discounted|honoured|refused")],
    on: Day,
    without_recourse: Annotated[
        bool, typer.Option("--without-recourse", help="Its holder may not come back to us.")
    ] = False,
    note: Annotated[str, typer.Option(metavar="TEXT")] = "",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Say what became of a bill."""
    body = {"event_no": event, "kind": what.value, "happened_on": on, "note": note}
    caller = Caller(as_user, as_json=as_json)
    found = caller.send(
        place("bills", bill_id, "events"), {**body, "recourse": not without_recourse}, key
    ).document
    answer(found, as_json=as_json, text=facts(found, _SHOWN))


@bill.command()
def show(
    bill_id: Bill, as_of: MaybeDay = None, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """A bill, the invoices it pays, and what became of it."""
    found = Caller(as_user, as_json=as_json).fetch(place("bills", bill_id), as_of=as_of)
    text = "\n\n".join(
        (
            facts(found, _SHOWN),
            table(found["invoices"], {"invoice_no": "invoice", "amount": "amount"}),
            table(found["events"], _EVENTS),
        )
    )
    answer(found, as_json=as_json, text=text)


@bill.command("list")
def list_bills(
    customer: Annotated[str | None, typer.Option(metavar="CUSTOMER")] = None,
    as_of: MaybeDay = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """The newest bills of the book, or a customer's as of a day."""
    where = "/bills" if customer is None else place("customers", customer, "bills")
    asked = {} if customer is None else {"as_of": as_of}
    found = Caller(as_user, as_json=as_json).fetch(where, **asked)
    answer(found, as_json=as_json, text=table(found["items"], _COLUMNS))
