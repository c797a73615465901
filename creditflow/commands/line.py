"""`check`, `line` and `ledger`: what may be lent, what is taken, and whether the book holds."""

from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place, show
from creditflow.commands.output import Exit, answer, refuse
from creditflow.commands.table import facts, table

_MOVED = ("kind", "line_id", "amount", "reservation_id", "reserved", "used", "headroom", "binding")
_STANDING = ("line_id", "status", "freeze_reasons", "review_due_on", "ends_on")

Amount = Annotated[str, typer.Argument(metavar="AMOUNT", help="125000.00")]
Currency = Annotated[str, typer.Argument(metavar="CURRENCY", help="CNY")]
Reservation = Annotated[str, typer.Argument(metavar="RESERVATION")]
Note = Annotated[str, typer.Option("--note", metavar="T", help="Why.")]
Reason = Annotated[str | None, typer.Option("--reason", metavar="CODE", help="The reason's code.")]

ledger = typer.Typer(add_completion=False, no_args_is_help=True, help="The book of entries.")


def check(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER")],
    amount: Amount,
    currency: Currency,
    terms: Annotated[
        str | None,
        typer.Option("--terms", metavar="T", help="The order's: net_30, net_days:30@invoice …"),
    ] = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Whether a customer may be lent an amount now; with --key it is reserved at once."""
    money = {"amount": amount, "currency": currency}
    body = {"customer_id": customer, "amount": money, "terms": terms}
    caller = Caller(as_user, as_json=as_json)
    moved = caller.send("/checks", body, key, keyed=key is not None).document
    answer(moved, as_json=as_json, text=facts(moved, _MOVED))


@ledger.command()
def verify(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Prove every balance from the entries; exits 1 where one does not hold."""
    proof = Caller(as_user, as_json=as_json).send("/ledger/verify", {}).document
    text = facts(proof, ("accounts", "entries", "reservations", "reservations_open"))
    if proof["discrepancies"]:
        columns = {"account": "account", "rule": "rule", "seq": "seq", "detail": "detail"}
        text += "\n\n" + table(proof["discrepancies"], columns)
    answer(proof, as_json=as_json, text=text)
    if proof["discrepancies"]:
        raise SystemExit(int(Exit.REFUSED))


@ledger.callback()
def _book() -> None:
    """The book of entries."""


line = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="One line: creditflow line LINE show|entries|reserve|commit|release|repay|freeze|unfreeze",
    subcommand_metavar="VERB [ARGS]...",
)


@line.callback()
def _one(
    context: typer.Context,
    line_id: Annotated[str, typer.Argument(metavar="LINE", help="The line's id.")],
) -> None:
    """One line, and what is done on it."""
    context.obj = line_id


@line.command("show")
def show_line(context: typer.Context, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """All there is about the line."""
    found = Caller(as_user, as_json=as_json).fetch(place("lines", context.obj))
    fields = ("line_id", "customer_id", "status", "limit", "freeze_reasons", "ends_on")
    columns = {"account": "account", "limit": "limit", "reserved": "reserved", "used": "used"}
    text = facts(found["line"], fields) + "\n\n" + table(found["balances"], columns)
    answer(found, as_json=as_json, text=text)


@line.command()
def entries(
    context: typer.Context,
    most: Annotated[int, typer.Option("--most", min=1, help="How many, newest first.")] = 50,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """The newest entries of the line's book."""
    items = Caller(as_user, as_json=as_json).fetch_all(
        place("lines", context.obj, "entries"), most, page_size=min(most, 200)
    )
    columns = {"seq": "no", "kind": "kind", "amount": "amount", "reserved_after": "reserved"}
    columns |= {"used_after": "used", "recorded_at": "at", "posted_by": "by"}
    answer({"items": items}, as_json=as_json, text=table(items, columns))


@line.command()
def reserve(
    context: typer.Context,
    amount: Amount,
    currency: Currency,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Take an amount from the line (预占)."""
    body = {"amount": {"amount": amount, "currency": currency}}
    _move(context, "reserve", body, key, as_user, as_json)


@line.command()
def commit(
    context: typer.Context,
    reservation: Reservation,
    amount: Annotated[str | None, typer.Argument(metavar="[AMOUNT]")] = None,
    currency: Annotated[str | None, typer.Argument(metavar="[CURRENCY]")] = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """A reservation becomes use (占用); for less than all of it, name the amount."""
    body: dict[str, Any] = {"reservation_id": reservation}
    if (amount is None) != (currency is None):
        refuse("usage", "an amount needs its currency", as_json=as_json, status=Exit.USAGE)
    if amount is not None:
        body["amount"] = {"amount": amount, "currency": currency}
    _move(context, "commit", body, key, as_user, as_json)


@line.command()
def release(
    context: typer.Context,
    reservation: Reservation,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Give a reservation back (释放)."""
    _move(context, "release", {"reservation_id": reservation}, key, as_user, as_json)


@line.command()
def repay(
    context: typer.Context,
    amount: Amount,
    currency: Currency,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Pay use back."""
    body = {"amount": {"amount": amount, "currency": currency}}
    _move(context, "repay", body, key, as_user, as_json)


@line.command()
def freeze(
    context: typer.Context,
    note: Note,
    reason: Reason = None,
    collect_only: Annotated[
        bool, typer.Option("--collect-only", help="Let nothing out at all (只收不放).")
    ] = False,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Stop the line in this second (冻结)."""
    body = {"note": note, "reason": reason, "collect_only": collect_only}
    _stand(context, "freeze", body, key, as_user, as_json)


@line.command()
def unfreeze(
    context: typer.Context,
    note: Note,
    reason: Reason = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Lift the freeze of one reason, or of all (解冻)."""
    _stand(context, "unfreeze", {"note": note, "reason": reason}, key, as_user, as_json)


def _move(
    context: typer.Context,
    verb: str,
    body: dict[str, Any],
    key: str | None,
    as_user: str | None,
    as_json: bool,
) -> None:
    moved = Caller(as_user, as_json=as_json).send(place("lines", context.obj, verb), body, key)
    answer(moved.document, as_json=as_json, text=facts(moved.document, _MOVED))


def _stand(
    context: typer.Context,
    verb: str,
    body: dict[str, Any],
    key: str | None,
    as_user: str | None,
    as_json: bool,
) -> None:
    reply = Caller(as_user, as_json=as_json).send(place("lines", context.obj, verb), body, key)
    text = facts(reply.document, _STANDING)
    show(reply.document, text, as_json=as_json, pending=reply.pending)
