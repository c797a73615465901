"""`check`, `line` and `ledger`: what may be lent, what is taken, and whether the book holds."""

import json
from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place, show
from creditflow.commands.output import Exit, answer, refuse
from creditflow.commands.table import facts, table
from creditflow.stack.home import home, read_json

_MOVED = ("kind", "line_id", "amount", "reservation_id", "reserved", "used", "headroom", "binding")
_STANDING = ("line_id", "status", "freeze_reasons", "review_due_on", "ends_on")

Amount = Annotated[str, typer.Argument(metavar="AMOUNT", help="125000.00")]
Currency = Annotated[str, typer.Argument(metavar="CURRENCY", help="CNY")]
Reservation = Annotated[str, typer.Argument(metavar="RESERVATION")]
Note = Annotated[str, typer.Option("--note", metavar="T", help="Why.")]
Reason = Annotated[str | None, typer.Option("--reason", metavar="CODE", help="The reason's code.")]

OneProduct = Annotated[
    str | None, typer.Option("--product", metavar="CODE", help="Uses of this product alone.")
]
OfProduct = Annotated[
    str | None, typer.Option("--product", metavar="CODE", help="Which product it is of.")
]
ForPurpose = Annotated[
    str | None, typer.Option("--purpose", metavar="T", help="What a dedicated facility is for.")
]
WithDeposit = Annotated[
    str | None, typer.Option("--deposit", metavar="AMOUNT", help="The deposit it brings (保证金).")
]
DueOn = Annotated[str | None, typer.Option("--due-on", metavar="DAY", help="When it is due.")]

ledger = typer.Typer(add_completion=False, no_args_is_help=True, help="The book of entries.")


def check(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER")],
    amount: Amount,
    currency: Currency,
    terms: Annotated[
        str | None,
        typer.Option("--terms", metavar="T", help="The order's: net_30, net_days:30@invoice …"),
    ] = None,
    product: OfProduct = None,
    purpose: ForPurpose = None,
    deposit: WithDeposit = None,
    due_on: DueOn = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Whether a customer may be lent an amount now; with --key it is reserved at once."""
    body = {
        "customer_id": customer,
        "amount": {"amount": amount, "currency": currency},
        "terms": terms,
        "use": _use(currency, product, purpose, deposit, due_on),
    }
    caller = Caller(as_user, as_json=as_json)
    moved = caller.send("/checks", body, key, keyed=key is not None).document
    answer(moved, as_json=as_json, text=facts(moved, _MOVED))


@ledger.command()
def verify(
    afresh: Annotated[
        bool, typer.Option("--afresh", help="From the beginning, not from where it stopped.")
    ] = False,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Prove every balance from the entries, in steps; exits 1 where one does not hold.

    A proof that was stopped goes on where it was; how far it is, is said while it runs.
    """
    caller, kept = Caller(as_user, as_json=as_json), home().root / "ledger-verify.json"
    place_of = {} if afresh or not kept.exists() else read_json(kept)
    proof: Any = None
    while proof is None:
        asked = {"place": place_of, "seconds": 5}
        step = caller.send("/ledger/verify/step", asked, keyed=False).document
        place_of, proof = step["place"], step["proof"]
        if proof is None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(place_of))
            typer.echo(f"{float(step['share']):.1%}", err=True)
    kept.unlink(missing_ok=True)
    text = facts(proof, ("accounts", "entries", "reservations", "reservations_open"))
    if proof["discrepancies"]:
        columns = {"account": "account", "rule": "rule", "seq": "seq", "detail": "detail"}
        columns |= {"entry_id": "entry"}
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
    help="One line: creditflow line LINE show|exposure|entries|balance|reserve|commit|release|split|repay|"
    "deposit|exchange|freeze|unfreeze",
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
    columns |= {"used_after": "used", "recorded_at": "at", "posted_by": "by", "reason": "because"}
    answer({"items": items}, as_json=as_json, text=table(items, columns))


@line.command()
def balance(
    context: typer.Context,
    on: Annotated[str, typer.Argument(metavar="DAY", help="2026-03-31, by value.")],
    known_at: Annotated[
        str | None,
        typer.Option("--known-at", metavar="INSTANT", help="As it was known then; now."),
    ] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Where the line stood at the end of a day, as it was known at an instant."""
    path = place("lines", context.obj, "balance")
    found = Caller(as_user, as_json=as_json).fetch(path, on=on, known_at=known_at)
    fields = ("line_id", "on", "known_at", "limit", "reserved", "used", "headroom", "decision_id")
    answer(found, as_json=as_json, text=facts(found, fields))


@line.command()
def exchange(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FROM", help="A product of the line.")],
    target: Annotated[str, typer.Argument(metavar="TO")],
    amount: Amount,
    currency: Currency,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Move free limit from one sub-line to another (额度调剂)."""
    money = {"amount": amount, "currency": currency}
    body = {"source": source, "target": target, "amount": money}
    path = place("lines", context.obj, "exchange")
    moved = Caller(as_user, as_json=as_json).send(path, body, key).document
    columns = {"account": "account", "limit": "limit", "reserved": "reserved", "used": "used"}
    answer(moved, as_json=as_json, text=table(moved["items"], columns))


@line.command()
def reserve(
    context: typer.Context,
    amount: Amount,
    currency: Currency,
    product: OfProduct = None,
    purpose: ForPurpose = None,
    deposit: WithDeposit = None,
    due_on: DueOn = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Take an amount from the line (预占)."""
    body = {
        "amount": {"amount": amount, "currency": currency},
        "use": _use(currency, product, purpose, deposit, due_on),
    }
    _move(context, "reserve", body, key, as_user, as_json)


@line.command()
def exposure(context: typer.Context, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """What the line's exposure is the sum of (敞口构成), each bucket with its documents."""
    found = Caller(as_user, as_json=as_json).fetch(place("lines", context.obj, "exposure"))
    rows = [
        {"bucket": each["bucket"], "kind": "", "no": "", "amount": each["amount"]}
        if document is None
        else {**document, "bucket": "", "no": document["no"] or document["id"]}
        for each in found["buckets"]
        for document in (None, *each["documents"])
    ]
    columns = {"bucket": "bucket", "kind": "document", "no": "number", "amount": "amount"}
    text = facts(found, ("line_id", "reserved", "used")) + "\n\n" + table(rows, columns)
    answer(found, as_json=as_json, text=text)


@line.command()
def commit(
    context: typer.Context,
    reservation: Reservation,
    amount: Annotated[str | None, typer.Argument(metavar="[AMOUNT]")] = None,
    currency: Annotated[str | None, typer.Argument(metavar="[CURRENCY]")] = None,
    keep_rest: Annotated[
        bool, typer.Option("--keep-rest", help="What is left stays reserved (续留).")
    ] = False,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """A reservation becomes use (占用); for less than all of it, name the amount."""
    body = _part(reservation, amount, currency, as_json) | {"keep_rest": keep_rest}
    _move(context, "commit", body, key, as_user, as_json)


@line.command()
def release(
    context: typer.Context,
    reservation: Reservation,
    amount: Annotated[str | None, typer.Argument(metavar="[AMOUNT]")] = None,
    currency: Annotated[str | None, typer.Argument(metavar="[CURRENCY]")] = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Give a reservation back (释放); of an amount, the rest stays reserved."""
    body = _part(reservation, amount, currency, as_json)
    _move(context, "release", body, key, as_user, as_json)


@line.command()
def split(
    context: typer.Context,
    reservation: Reservation,
    currency: Currency,
    parts: Annotated[list[str], typer.Argument(metavar="AMOUNT...", help="60.00 40.00")],
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """A reservation becomes several (拆分); what they do not hold returns."""
    money = [{"amount": part, "currency": currency} for part in parts]
    body = {"reservation_id": reservation, "parts": money}
    _move(context, "split", body, key, as_user, as_json)


@line.command()
def repay(
    context: typer.Context,
    amount: Amount,
    currency: Currency,
    product: OfProduct = None,
    value_on: Annotated[
        str | None, typer.Option("--value-on", metavar="DAY", help="Counts from this day (起息日).")
    ] = None,
    nominal: Annotated[
        str | None,
        typer.Option(
            "--nominal", metavar="AMOUNT", help="What ends by name (名义金额); in proportion."
        ),
    ] = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Pay use back."""
    money = {"amount": amount, "currency": currency}
    body = {"amount": money, "product": product, "value_on": value_on}
    body |= {"nominal": {"amount": nominal, "currency": currency} if nominal else None}
    _move(context, "repay", body, key, as_user, as_json)


@line.command()
def deposit(
    context: typer.Context,
    amount: Amount,
    currency: Currency,
    product: OfProduct = None,
    back: Annotated[
        bool, typer.Option("--back", help="Given back (释放保证金), where there is headroom.")
    ] = False,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Top a deposit up (追加保证金): as much less is exposure."""
    body = {"amount": {"amount": amount, "currency": currency}, "product": product}
    verb = "deposit-back" if back else "deposit"
    _move(context, verb, body, key, as_user, as_json)


@line.command()
def freeze(
    context: typer.Context,
    note: Note,
    reason: Reason = None,
    collect_only: Annotated[
        bool, typer.Option("--collect-only", help="Let nothing out at all (只收不放).")
    ] = False,
    product: OneProduct = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Stop the line, or one product of it, in this second (冻结)."""
    body = {"note": note, "reason": reason, "collect_only": collect_only, "product": product}
    _stand(context, "freeze", body, key, as_user, as_json)


@line.command()
def unfreeze(
    context: typer.Context,
    note: Note,
    reason: Reason = None,
    product: OneProduct = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Lift the freeze of one reason, or of all (解冻)."""
    body = {"note": note, "reason": reason, "product": product}
    _stand(context, "unfreeze", body, key, as_user, as_json)


def _use(
    currency: str,
    product: str | None,
    purpose: str | None,
    deposit: str | None,
    due_on: str | None,
) -> dict[str, Any]:
    money = {"amount": deposit, "currency": currency} if deposit is not None else None
    return {"product": product, "purpose": purpose, "deposit": money, "due_on": due_on}


def _part(
    reservation: str, amount: str | None, currency: str | None, as_json: bool
) -> dict[str, Any]:
    if (amount is None) != (currency is None):
        refuse("usage", "an amount needs its currency", as_json=as_json, status=Exit.USAGE)
    money = {"amount": amount, "currency": currency} if amount is not None else None
    return {"reservation_id": reservation, "amount": money}


def _move(
    context: typer.Context,
    verb: str,
    body: dict[str, Any],
    key: str | None,
    as_user: str | None,
    as_json: bool,
) -> None:
    moved = Caller(as_user, as_json=as_json).send(place("lines", context.obj, verb), body, key)
    kept = ("kept",) if moved.document["kept"] else ()
    answer(moved.document, as_json=as_json, text=facts(moved.document, (*_MOVED, *kept)))


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
