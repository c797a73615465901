"""`order` and `holds`: orders as documents, why one stands still, and how it comes to go on."""

from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

order = typer.Typer(add_completion=False, no_args_is_help=True, help="Orders of customers.")
holds = typer.Typer(add_completion=False, no_args_is_help=True, help="Orders that stand still.")

OrderId = Annotated[str, typer.Argument(metavar="ORDER", help="The order's id.")]
HoldId = Annotated[str, typer.Argument(metavar="HOLD", help="The hold's id.")]
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER")]
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The order's number.")]
Amount = Annotated[str, typer.Argument(metavar="AMOUNT", help="125000.00")]
Currency = Annotated[str, typer.Argument(metavar="CURRENCY", help="CNY")]
Terms = Annotated[
    str | None, typer.Option("--terms", metavar="T", help="net_30, net_days:30@invoice …")
]
DeliverOn = Annotated[str | None, typer.Option("--deliver", metavar="DATE")]
DueOn = Annotated[str | None, typer.Option("--due", metavar="DATE")]
Product = Annotated[str | None, typer.Option("--product", metavar="CODE")]
Purpose = Annotated[str, typer.Option("--purpose", metavar="T")]
Deposit = Annotated[
    str | None, typer.Option("--deposit", metavar="AMOUNT", help="What is paid ahead (保证金).")
]
Source = Annotated[str, typer.Option("--source", metavar="S", help="The system of the order.")]
Reason = Annotated[str, typer.Option("--reason", metavar="CODE", help="The reason's code.")]
Note = Annotated[str, typer.Option("--note", metavar="T", help="Why.")]

_SHOWN = (
    *("order_id", "order_no", "status", "amount", "taken", "delivered", "invoiced"),
    *("credited", "paid", "hold_id"),
)
_ROWS = {"order_id": "order", "order_no": "number", "customer_id": "customer", "status": "status"}
_ROWS |= {"amount": "amount", "delivered": "delivered", "hold_id": "hold"}
_FINDINGS = {"rule": "rule", "act": "act", "value": "value", "threshold": "threshold"}
_FINDINGS |= {"found": "found", "allowed": "allowed", "binding": "binding"}
_HOLDS = {"hold_id": "hold", "holds": "holds", "subject_id": "of", "status": "status"}
_HOLDS |= {"rules": "reasons", "owner": "owner", "due_at": "due"}


@order.command()
def quote(
    customer: Customer,
    number: Number,
    amount: Amount,
    currency: Currency,
    terms: Terms = None,
    deliver: DeliverOn = None,
    due: DueOn = None,
    product: Product = None,
    purpose: Purpose = "",
    deposit: Deposit = None,
    source: Source = "orders",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What an order would be answered with; it takes nothing."""
    said = _content(
        number, amount, currency, terms, deliver, due, product, purpose, deposit, source
    )
    _send("/orders/quotes", {"customer_id": customer, **said}, key, as_user, as_json)


@order.command("place")
def place_order(
    customer: Customer,
    number: Number,
    amount: Amount,
    currency: Currency,
    terms: Terms = None,
    deliver: DeliverOn = None,
    due: DueOn = None,
    product: Product = None,
    purpose: Purpose = "",
    deposit: Deposit = None,
    source: Source = "orders",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Take an order on: checked and reserved, or held with every reason."""
    said = _content(
        number, amount, currency, terms, deliver, due, product, purpose, deposit, source
    )
    _send("/orders", {"customer_id": customer, **said}, key, as_user, as_json)


@order.command()
def change(
    order_id: OrderId,
    amount: Amount,
    currency: Currency,
    terms: Terms = None,
    deliver: DeliverOn = None,
    due: DueOn = None,
    product: Product = None,
    purpose: Purpose = "",
    deposit: Deposit = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Change an order; all of its terms are said, and what is left out is none."""
    said = _content("", amount, currency, terms, deliver, due, product, purpose, deposit, "")
    said = {name: value for name, value in said.items() if name not in ("order_no", "source")}
    _act(order_id, "change", said, key, as_user, as_json)


@order.command()
def split(
    order_id: OrderId,
    currency: Currency,
    part: Annotated[
        list[str], typer.Option("--part", metavar="NUMBER=AMOUNT", help="As often as need be.")
    ],
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Take parts off an order, each checked as an order of its own."""
    parts = []
    for each in part:
        number, _, amount = each.rpartition("=")
        parts.append({"order_no": number, "amount": {"amount": amount, "currency": currency}})
    _act(order_id, "split", {"parts": parts}, key, as_user, as_json)


@order.command()
def deliver(
    order_id: OrderId,
    amount: Annotated[str | None, typer.Option("--amount", metavar="AMOUNT")] = None,
    currency: Annotated[str, typer.Option("--currency", metavar="CURRENCY")] = "CNY",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Deliver an order, or a part of it."""
    money = {"amount": amount, "currency": currency} if amount is not None else None
    _act(order_id, "deliver", {"amount": money}, key, as_user, as_json)


@order.command()
def invoice(
    order_id: OrderId,
    invoice_no: Annotated[str, typer.Argument(metavar="INVOICE")],
    issued: Annotated[str, typer.Option("--issued", metavar="DATE")],
    due: Annotated[str, typer.Option("--due", metavar="DATE")],
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Invoice what is delivered and on no invoice yet."""
    body = {"invoice_no": invoice_no, "issued_on": issued, "due_on": due}
    _act(order_id, "invoice", body, key, as_user, as_json)


@order.command()
def credit(
    order_id: OrderId,
    credit_no: Annotated[str, typer.Argument(metavar="CREDIT_NOTE")],
    invoice_no: Annotated[str, typer.Argument(metavar="INVOICE")],
    amount: Amount,
    currency: Currency,
    reason: Annotated[str, typer.Option("--reason", metavar="T", help="Why.")] = "",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """A credit note on an invoice of the order."""
    body = {"credit_no": credit_no, "invoice_no": invoice_no, "reason": reason}
    money = {"amount": {"amount": amount, "currency": currency}}
    _act(order_id, "credit", body | money, key, as_user, as_json)


@order.command()
def close(
    order_id: OrderId, key: Key = None, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """Nothing more is delivered; what is reserved goes back."""
    _act(order_id, "close", {}, key, as_user, as_json)


@order.command()
def reopen(
    order_id: OrderId, key: Key = None, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """Go on with an order that has ended; it is checked as a new one is."""
    _act(order_id, "reopen", {}, key, as_user, as_json)


@order.command()
def cancel(
    order_id: OrderId, key: Key = None, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """Call an order off of which nothing is delivered."""
    _act(order_id, "cancel", {}, key, as_user, as_json)


@order.command()
def recheck(order_id: OrderId, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Look at an order again now: a hold whose rules pass is cured."""
    _act(order_id, "recheck", {}, None, as_user, as_json)


@order.command()
def show(order_id: OrderId, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """An order, what the newest check found, and its history."""
    found = Caller(as_user, as_json=as_json).fetch(place("orders", order_id))
    events = {"version": "no", "act": "act", "by": "by", "at": "at", "note": "note"}
    text = f"{_text(found)}\n\n{table(found['events'], events)}"
    answer(found, as_json=as_json, text=text)


@order.command("list")
def list_orders(
    customer: Annotated[str | None, typer.Option("--customer", metavar="CUSTOMER")] = None,
    line: Annotated[str | None, typer.Option("--line", metavar="LINE")] = None,
    status: Annotated[str | None, typer.Option("--status", metavar="S")] = None,
    number: Annotated[str | None, typer.Option("--number", metavar="NUMBER")] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Orders, newest first."""
    items = Caller(as_user, as_json=as_json).fetch_all(
        "/orders", customer_id=customer, line_id=line, status=status, order_no=number
    )
    text = table([_flat(each) for each in items], _ROWS)
    answer({"items": items}, as_json=as_json, text=text)


@order.command()
def counts(
    customer: Annotated[str | None, typer.Option("--customer", metavar="CUSTOMER")] = None,
    line: Annotated[str | None, typer.Option("--line", metavar="LINE")] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """How many open orders and holds there are, of a customer or a line."""
    found = Caller(as_user, as_json=as_json).fetch(
        "/orders/counts", customer_id=customer, line_id=line
    )
    text = facts({**found["orders"], "holds": found["holds"]}, (*found["orders"], "holds"))
    answer(found, as_json=as_json, text=text)


# ── holds ────────────────────────────────────────────────────────────────────────────────────────


@holds.command("list")
def list_holds(
    status: Annotated[
        str | None,
        typer.Option("--status", metavar="S", help="open, released, rejected, cured, cancelled."),
    ] = None,
    rule: Annotated[str | None, typer.Option("--rule", metavar="CODE")] = None,
    owner: Annotated[str | None, typer.Option("--owner", metavar="WHO")] = None,
    due_before: Annotated[str | None, typer.Option("--due-before", metavar="INSTANT")] = None,
    customer: Annotated[str | None, typer.Option("--customer", metavar="CUSTOMER")] = None,
    line: Annotated[str | None, typer.Option("--line", metavar="LINE")] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Holds, the one due first at the head; the open ones, unless a status is named."""
    items = Caller(as_user, as_json=as_json).fetch_all(
        "/holds",
        status=status,
        rule=rule,
        owner=owner,
        due_before=due_before,
        customer_id=customer,
        line_id=line,
    )
    rows = [{**each, "rules": [reason["rule"] for reason in each["reasons"]]} for each in items]
    answer({"items": items}, as_json=as_json, text=table(rows, _HOLDS))


@holds.command("show")
def show_hold(hold_id: HoldId, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """A hold: every reason then and now, and what would cure it."""
    found = Caller(as_user, as_json=as_json).fetch(place("holds", hold_id))
    _tell(found, as_json)


@holds.command("set")
def set_hold(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="order, customer or line.")],
    subject: Annotated[str, typer.Argument(metavar="ID")],
    reason: Reason,
    note: Note,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Hold an order, a customer or a line by hand; it goes by another's word alone."""
    body = {"holds": what, "subject_id": subject, "reason_code": reason, "note": note}
    found = Caller(as_user, as_json=as_json).send("/holds", body, key).document
    answer(found, as_json=as_json, text=facts(found, ("hold_id", "status", "owner", "due_at")))


@holds.command()
def take(hold_id: HoldId, key: Key = None, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Take a hold in hand."""
    caller = Caller(as_user, as_json=as_json)
    found = caller.send(place("holds", hold_id, "take"), {}, key).document
    answer(found, as_json=as_json, text=facts(found, ("hold_id", "status", "owner", "due_at")))


@holds.command()
def lift(
    hold_id: HoldId,
    reason: Reason,
    note: Note = "",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Lift a hold that another set by hand."""
    caller = Caller(as_user, as_json=as_json)
    body = {"reason_code": reason, "note": note}
    found = caller.send(place("holds", hold_id, "lift"), body, key).document
    answer(found, as_json=as_json, text=facts(found, ("hold_id", "status", "ended_by")))


@holds.command()
def cure(
    hold_id: HoldId,
    kind: Annotated[str, typer.Argument(metavar="CURE", help="cut_order, better_terms or pay.")],
    payment: Annotated[
        str | None, typer.Option("--payment", metavar="NUMBER", help="Of what was paid.")
    ] = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Do what a cure names, as it is offered now."""
    caller = Caller(as_user, as_json=as_json)
    body = {"kind": kind, "payment_no": payment}
    _tell(caller.send(place("holds", hold_id, "cure"), body, key).document, as_json)


@holds.command()
def release(
    hold_id: HoldId,
    reason: Reason,
    note: Note,
    amount: Annotated[
        str | None, typer.Option("--up-to", metavar="AMOUNT", help="As it stands, if none is said.")
    ] = None,
    currency: Annotated[str, typer.Option("--currency", metavar="CURRENCY")] = "CNY",
    until: Annotated[str | None, typer.Option("--until", metavar="DATE")] = None,
    stage: Annotated[list[str] | None, typer.Option("--stage", metavar="S")] = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Ask that an order go on past what holds it; others decide."""
    body: dict[str, Any] = {"reason_code": reason, "note": note, "stages": stage or []}
    body |= {"until": until} if until is not None else {}
    if amount is not None:
        body["amount_up_to"] = {"amount": amount, "currency": currency}
    caller = Caller(as_user, as_json=as_json)
    found = caller.send(place("holds", hold_id, "releases"), body, key).document
    shown = {**found["request"], **found}
    answer(found, as_json=as_json, text=facts(shown, ("release_id", "status", "hold_id")))


@holds.command("release-status")
def release_status(
    release_id: Annotated[str, typer.Argument(metavar="RELEASE")],
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """A release that was asked for: who is asked, and what they said."""
    found = Caller(as_user, as_json=as_json).fetch(place("hold-releases", release_id))
    tasks = {"task_id": "task", "position": "position", "status": "status", "due_at": "due"}
    tasks |= {"decided_by": "by", "verdict": "verdict"}
    said = facts({**found["release"]["request"], **found["release"]}, ("release_id", "status"))
    answer(found, as_json=as_json, text=f"{said}\n\n{table(found['tasks'], tasks)}")


def _content(
    number: str,
    amount: str,
    currency: str,
    terms: str | None,
    deliver_on: str | None,
    due_on: str | None,
    product: str | None,
    purpose: str,
    deposit: str | None,
    source: str,
) -> dict[str, Any]:
    said = {"order_no": number, "terms": terms, "deliver_on": deliver_on, "due_on": due_on}
    said |= {"product": product, "purpose": purpose, "source": source}
    given: dict[str, Any] = {name: value for name, value in said.items() if value}
    if deposit is not None:
        given["deposit"] = {"amount": deposit, "currency": currency}
    return {**given, "amount": {"amount": amount, "currency": currency}}


def _act(
    order_id: str,
    act: str,
    body: dict[str, Any],
    key: str | None,
    as_user: str | None,
    as_json: bool,
) -> None:
    _send(place("orders", order_id, act), body, key, as_user, as_json)


def _send(
    path: str, body: dict[str, Any], key: str | None, as_user: str | None, as_json: bool
) -> None:
    found = Caller(as_user, as_json=as_json).send(path, body, key).document
    answer(found, as_json=as_json, text=_text(found))


def _text(found: dict[str, Any]) -> str:
    """An order with what the check found of it."""
    judged = found["judged"] or {"findings": []}
    text = facts(_flat(found["order"]), _SHOWN)
    return text + ("\n\n" + table(judged["findings"], _FINDINGS) if judged["findings"] else "")


def _tell(found: dict[str, Any], as_json: bool) -> None:
    rows = [
        {"rule": each["code"], "then": _figure(each["then"]), "now": _figure(each["now"])}
        for each in found["reasons"]
    ]
    text = facts(found["hold"], ("hold_id", "status", "subject_id", "owner", "due_at"))
    text += "\n\n" + table(rows, {"rule": "rule", "then": "then", "now": "now"})
    columns = {"kind": "cure", "amount": "amount", "reference": "of", "cures": "cures"}
    text += "\n\n" + table(found["cures"], columns)
    answer(found, as_json=as_json, text=text)


def _figure(finding: dict[str, Any] | None) -> Any:
    if finding is None:
        return "passes"
    return finding["found"] or finding["value"] or finding["word"] or "fails"


def _flat(order_found: dict[str, Any]) -> dict[str, Any]:
    content = order_found["content"]
    taken = [each["amount"] for each in order_found["reserved"]]
    return {**content, **order_found, "taken": taken}
