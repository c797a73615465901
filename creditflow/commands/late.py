"""`interest`: late interest, charged by months, waived by two people, put back by an entry."""

from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

_ENTRIES = {"entry_id": "entry", "kind": "kind", "invoice_no": "invoice", "amount": "amount"}
_ENTRIES |= {"period_end_on": "period", "of": "of", "asked_by": "asked by", "posted_by": "by"}

Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's id.")]
Note = Annotated[str, typer.Option("--note", metavar="T", help="Why.")]

interest = typer.Typer(add_completion=False, no_args_is_help=True, help="Late interest.")


@interest.command()
def show(
    customer: Customer,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="Not today, but this day.")
    ] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What overdue invoices have borne by a day, and what was charged of it."""
    found = Caller(as_user, as_json=as_json).fetch(
        place("customers", customer, "late-interest"), as_of=as_of
    )
    answer(found, as_json=as_json, text=_account(found))


@interest.command()
def charge(
    customer: Customer,
    period_end: Annotated[str, typer.Argument(metavar="MONTH_END", help="2026-06-30")],
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Charge what accrued by a month's end and was not charged yet; again, nothing."""
    path = place("customers", customer, "late-interest", "charges")
    caller = Caller(as_user, as_json=as_json)
    found = caller.send(path, {"period_end_on": period_end}, key).document
    answer(found, as_json=as_json, text=table(found["entries"], _ENTRIES))


@interest.command()
def waive(
    customer: Customer,
    entry: Annotated[str, typer.Argument(metavar="CHARGE")],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="12.50")],
    currency: Annotated[str, typer.Argument(metavar="CURRENCY", help="CNY")],
    note: Note,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Ask that a charge, or a part of it, be waived; somebody else grants it."""
    money = {"amount": amount, "currency": currency}
    path = place("customers", customer, "late-interest", "waivers")
    body = {"entry_id": entry, "amount": money, "reason": note}
    found = Caller(as_user, as_json=as_json).send(path, body, key).document
    answer(found, as_json=as_json, text=facts(found, ("waiver_id", "of", "amount", "asked_by")))


@interest.command("answer")
def answer_waiver(
    waiver: Annotated[str, typer.Argument(metavar="WAIVER")],
    grant: Annotated[bool, typer.Option("--grant/--refuse", help="Your word on it.")],
    note: Note = "",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Grant a waiver that another asked for, or say why not."""
    path = place("late-interest", "waivers", waiver, "answer")
    body = {"granted": grant, "note": note}
    found = Caller(as_user, as_json=as_json).send(path, body, key).document
    answer(found, as_json=as_json, text=_account(found))


@interest.command()
def reverse(
    entry: Annotated[str, typer.Argument(metavar="WAIVER")],
    note: Note,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Put back what was waived, by a further entry."""
    path = place("late-interest", "entries", entry, "reversal")
    found = Caller(as_user, as_json=as_json).send(path, {"reason": note}, key).document
    answer(found, as_json=as_json, text=facts(found, tuple(_ENTRIES)))


def _account(found: dict[str, Any]) -> str:
    columns = {"invoice_no": "invoice", "due_on": "due", "accrued": "accrued"}
    columns |= {"charged": "charged", "owed": "owed"}
    columns |= {"rate_annual": "rate", "agreement_no": "agreement"}
    waiting = {"waiver_id": "waiver", "of": "charge", "amount": "amount", "asked_by": "asked by"}
    parts = (
        table(found["invoices"], columns),
        table(found["entries"], _ENTRIES),
        table(found["waivers"], waiting),
    )
    return "\n\n".join(parts)
