"""`supplier`: a customer that supplies us too: its role, what we owe it, and what is set off."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

supplier = typer.Typer(
    add_completion=False, no_args_is_help=True, help="A customer that supplies us too."
)


class Role(StrEnum):
    CUSTOMER = "customer"
    SUPPLIER = "supplier"


Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's id.")]
Amount = Annotated[str, typer.Argument(metavar="AMOUNT")]
Currency = Annotated[str, typer.Argument(metavar="CURRENCY")]
Day = Annotated[str, typer.Option(metavar="DATE")]
MaybeDay = Annotated[str | None, typer.Option(metavar="DATE")]


@supplier.command()
def role(
    customer: Customer,
    kind: Annotated[Role, typer.Argument(metavar="customer|supplier")],
    source: Annotated[str, typer.Option("--source", metavar="TEXT", help="Who says so.")],
    valid_from: Day,
    valid_until: MaybeDay = None,
    role_id: Annotated[
        str | None, typer.Option("--role", metavar="ROLE", help="Of this role on record.")
    ] = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Put a role of the party on record, or with `--role` what is known better of it."""
    body = {"role": kind.value, "valid_from": valid_from, "valid_until": valid_until}
    caller = Caller(as_user, as_json=as_json)
    parts = ("customers", customer, "roles", *([role_id] if role_id else []))
    method = "PUT" if role_id else "POST"
    found = caller.send(place(*parts), {**body, "source": source}, key, method=method).document
    shown = ("role_id", "role", "valid_from", "valid_until", "version")
    answer(found, as_json=as_json, text=facts(found, shown))


@supplier.command()
def payable(
    customer: Customer,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="Of the supplier's invoice.")],
    amount: Amount,
    currency: Currency,
    issued_on: Day,
    due_on: Day,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Enter what we owe the party by one of its invoices."""
    body: dict[str, Any] = {"payable_no": number, "issued_on": issued_on, "due_on": due_on}
    body["amount"] = {"amount": amount, "currency": currency}
    caller = Caller(as_user, as_json=as_json)
    found = caller.send(place("customers", customer, "payables"), body, key).document
    answer(found, as_json=as_json, text=facts(found, ("payable_no", "amount", "due_on")))


@supplier.command()
def settle(
    customer: Customer,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="Of the supplier's invoice.")],
    settlement: Annotated[str, typer.Argument(metavar="SETTLEMENT", help="Number of ours.")],
    amount: Amount,
    currency: Currency,
    settled_on: Day,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Enter what we paid of it."""
    body: dict[str, Any] = {"payable_no": number, "settlement_no": settlement}
    body |= {"settled_on": settled_on, "amount": {"amount": amount, "currency": currency}}
    caller = Caller(as_user, as_json=as_json)
    found = caller.send(place("customers", customer, "settlements"), body, key).document
    answer(found, as_json=as_json, text=facts(found, ("payable_no", "settlement_no", "amount")))


@supplier.command("set-off")
def set_off(
    customer: Customer,
    evidence: Annotated[
        str, typer.Option("--evidence", metavar="HASH", help="The signed document on file.")
    ],
    signed_on: Day,
    valid_from: Day,
    valid_until: MaybeDay = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Put an agreement to set off on file."""
    body = {"evidence_hash": evidence, "signed_on": signed_on}
    body |= {"valid_from": valid_from, **({"valid_until": valid_until} if valid_until else {})}
    caller = Caller(as_user, as_json=as_json)
    found = caller.send(place("customers", customer, "set-off-agreements"), body, key).document
    shown = ("agreement_id", "signed_on", "valid_from", "valid_until")
    answer(found, as_json=as_json, text=facts(found, shown))


@supplier.command()
def sides(
    customer: Customer,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="Not today, but this day.")
    ] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What the party owes us, what we owe it, and what of that is set off."""
    caller = Caller(as_user, as_json=as_json)
    found = caller.fetch(place("customers", customer, "sides"), as_of=as_of)
    columns = {"currency": "currency", "invoiced": "it owes", "prepaid": "paid ahead"}
    columns |= {"owed_to_it": "we owe", "offset": "offset", "agreement_id": "agreement"}
    text = table(found["currencies"], columns)
    text += "\n\n" + facts(found, ("exposure", "exposure_after_offset"))
    answer(found, as_json=as_json, text=text)
