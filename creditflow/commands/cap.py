"""`caps`: what all lines of a customer or a group may come to, asked for by one, decided by others."""

from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

caps = typer.Typer(add_completion=False, no_args_is_help=True, help="Caps on customers and groups.")

Owner = Annotated[str, typer.Argument(metavar="OWNER", help="The customer's or the group's id.")]
OfGroup = Annotated[bool, typer.Option("--group", help="The owner is a group, and not a customer.")]

_ASKED = {"cap_id": "cap", "scope": "scope", "owner_id": "owner", "currency": "currency"}
_ASKED |= {"limit": "limit", "asked_by": "by", "asked_on": "on", "status": "status"}
_ASKED |= {"letter_no": "letter"}
_IN_FORCE = {"currency": "currency", "limit": "limit", "taken": "reserved and used"}
_IN_FORCE |= {"left": "left", "letter_no": "letter", "review_due_on": "due"}


@caps.command()
def show(
    owner: Owner, group: OfGroup = False, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """The caps in force on a customer or a group, and every one that was asked for."""
    found = Caller(as_user, as_json=as_json).fetch(_of(owner, group=group))
    text = "\n\n".join(
        (
            table([_in_force(each) for each in found["in_force"]], _IN_FORCE),
            table([_asked(each) for each in found["asked"]], _ASKED),
        )
    )
    answer(found, as_json=as_json, text=text)


@caps.command()
def ask(
    owner: Owner,
    currency: Annotated[str, typer.Argument(metavar="CURRENCY", help="CNY")],
    note: Annotated[str, typer.Option("--note", metavar="T", help="Why.")],
    amount: Annotated[
        str | None, typer.Option("--amount", metavar="AMOUNT", help="125000.00; zero is one too.")
    ] = None,
    unlimited: Annotated[
        bool, typer.Option("--unlimited", help="No cap of its own any more.")
    ] = False,
    nothing: Annotated[bool, typer.Option("--none", help="Nothing is granted at all.")] = False,
    review_due: Annotated[
        str | None,
        typer.Option(
            "--review-due", metavar="DATE", help="To be decided anew; it stands until then."
        ),
    ] = None,
    evidence: Annotated[
        str | None, typer.Option("--evidence", metavar="SHA256", help="A file on record.")
    ] = None,
    group: OfGroup = False,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Ask for a cap on a customer or a group, or that there be none; others decide on it."""
    if [amount is not None, unlimited, nothing].count(True) != 1:
        raise typer.BadParameter("say one of --amount, --unlimited and --none")
    limit: dict[str, Any] = {"kind": "unlimited" if unlimited else "none"}
    if amount is not None:
        limit = {"kind": "amount", "amount": {"amount": amount, "currency": currency}}
    body: dict[str, Any] = {"currency": currency, "limit": limit, "reason": note}
    body |= {"review_due_on": review_due, "evidence_hash": evidence}
    caller = Caller(as_user, as_json=as_json)
    found = caller.send(_of(owner, group=group), body, key).document
    answer(found, as_json=as_json, text=facts(_asked(found), tuple(_ASKED)))


@caps.command("list")
def list_caps(
    scope: Annotated[
        str | None, typer.Option("--scope", metavar="S", help="customer or group.")
    ] = None,
    status: Annotated[
        str | None,
        typer.Option("--status", metavar="S", help="pending, set, declined or lapsed."),
    ] = None,
    owner: Annotated[str | None, typer.Option("--owner", metavar="OWNER")] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Caps that were asked for, newest first."""
    caller = Caller(as_user, as_json=as_json)
    items = caller.fetch_all("/caps", scope=scope, status=status, owner_id=owner)
    text = table([_asked(each) for each in items], _ASKED)
    answer({"items": items}, as_json=as_json, text=text)


@caps.command()
def read(
    cap: Annotated[str, typer.Argument(metavar="CAP")],
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """A cap that was asked for: who is asked, and what they said."""
    found = Caller(as_user, as_json=as_json).fetch(place("caps", cap))
    tasks = {"task_id": "task", "position": "position", "status": "status", "due_at": "due"}
    tasks |= {"decided_by": "by", "verdict": "verdict"}
    said = facts(_asked(found["cap"]), tuple(_ASKED))
    answer(found, as_json=as_json, text=f"{said}\n\n{table(found['tasks'], tasks)}")


def _of(owner: str, *, group: bool) -> str:
    return place("groups" if group else "customers", owner, "caps")


def _limit(limit: dict[str, Any]) -> Any:
    return limit["amount"] if limit["kind"] == "amount" else limit["kind"]


def _asked(cap: dict[str, Any]) -> dict[str, Any]:
    request = cap["request"]
    return {**request, **cap, "limit": _limit(request["limit"])}


def _in_force(found: dict[str, Any]) -> dict[str, Any]:
    balance = found["balance"]
    return {
        **found,
        "currency": balance["used"]["currency"],
        "limit": _limit(balance["limit"]),
        "taken": [balance["reserved"], balance["used"]],
    }
