"""`use`: uses that policy marks: asked for, approved by others, reviewed and released."""

from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

use = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Uses that are approved, then released."
)

UseId = Annotated[str, typer.Argument(metavar="USE")]
Held = Annotated[
    list[str] | None,
    typer.Option("--held", metavar="ITEM[=EVIDENCE]", help="An item that holds; again for more."),
]
Files = Annotated[
    list[str] | None,
    typer.Option("--file", metavar="ITEM=SHA256", help="The file that shows it; again for more."),
]
Note = Annotated[str, typer.Option("--note", metavar="T", help="What is said with it.")]

_ASKED = {"use_id": "use", "line_id": "line", "product": "product", "amount": "amount"}
_ASKED |= {"exposure": "takes", "purpose": "purpose", "asked_by": "by", "status": "status"}
_ONE = {**_ASKED, "payee": "payee", "deposit": "deposit", "due_on": "due", "row": "row"}
_ONE |= {"wait_until": "waits until"}


@use.command()
def ask(
    line: Annotated[str, typer.Argument(metavar="LINE")],
    product: Annotated[str, typer.Argument(metavar="PRODUCT")],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="By name: 125000.00")],
    currency: Annotated[str, typer.Argument(metavar="CURRENCY", help="CNY")],
    purpose: Annotated[str, typer.Option("--purpose", metavar="T")],
    payee: Annotated[str, typer.Option("--payee", metavar="NAME", help="Who is paid.")],
    deposit: Annotated[str | None, typer.Option("--deposit", metavar="AMOUNT")] = None,
    due_on: Annotated[str | None, typer.Option("--due-on", metavar="DATE")] = None,
    evidence: Annotated[
        str | None, typer.Option("--evidence", metavar="SHA256", help="A file on record.")
    ] = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Ask for a use that policy marks; it is reserved at once, and goes before its approvers."""
    body: dict[str, Any] = {
        "line_id": line,
        "product": product,
        "amount": {"amount": amount, "currency": currency},
        "deposit": {"amount": deposit, "currency": currency} if deposit is not None else None,
        "purpose": purpose,
        "payee": payee,
        "due_on": due_on,
        "evidence_hash": evidence,
    }
    _answer(Caller(as_user, as_json=as_json).send("/uses", body, key).document, as_json=as_json)


@use.command("list")
def list_uses(
    line: Annotated[str | None, typer.Option("--line", metavar="LINE")] = None,
    customer: Annotated[str | None, typer.Option("--customer", metavar="CUSTOMER")] = None,
    status: Annotated[
        str | None, typer.Option("--status", metavar="S", help="asked, approved, released ...")
    ] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Uses that were asked for, newest first."""
    caller = Caller(as_user, as_json=as_json)
    items = caller.fetch_all("/uses", line_id=line, customer_id=customer, status=status)
    text = table([_asked(each) for each in items], _ASKED)
    answer({"items": items}, as_json=as_json, text=text)


@use.command()
def show(use: UseId, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """A use: what was asked for, who is asked, what its release review sees, what became of it."""
    found = Caller(as_user, as_json=as_json).fetch(place("uses", use))
    steps = found["use"]["steps"]
    checks = (steps[-1]["checks"] if steps else []) or found["shown"]
    text = "\n\n".join(
        (
            facts(_asked(found["use"]), tuple(_ONE)),
            table(found["tasks"], {"task_id": "task", "position": "position", "status": "status"}),
            table(checks, {"item": "item", "held": "held", "evidence": "evidence"}),
            table(steps, {"status": "status", "person_id": "by", "on": "on", "note": "note"}),
        )
    )
    answer(found, as_json=as_json, text=text)


@use.command()
def withdraw(use: UseId, note: Note = "", as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Take a use back before it is released; what it holds is given back."""
    _act(use, "withdraw", {"note": note}, as_user, as_json=as_json)


@use.command()
def release(
    use: UseId,
    held: Held = None,
    file: Files = None,
    note: Note = "",
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Release an approved use, every item of its review held: its reservation becomes use."""
    body = {"checks": _checks(held, file), "note": note}
    _act(use, "release", body, as_user, as_json=as_json)


@use.command()
def reject(
    use: UseId,
    note: Note,
    held: Held = None,
    file: Files = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Reject an approved use at its release, with why; what it holds is given back."""
    body = {"checks": _checks(held, file), "note": note}
    _act(use, "reject", body, as_user, as_json=as_json)


def _act(use: str, act: str, body: dict[str, Any], as_user: str | None, *, as_json: bool) -> None:
    caller = Caller(as_user, as_json=as_json)
    _answer(caller.send(place("uses", use, act), body, None).document, as_json=as_json)


def _answer(found: Any, *, as_json: bool) -> None:
    answer(found, as_json=as_json, text=facts(_asked(found), tuple(_ONE)))


def _checks(held: list[str] | None, files: list[str] | None) -> list[dict[str, Any]]:
    """The items said to hold, each with its evidence and its file."""
    hashes = dict(each.partition("=")[::2] for each in files or ())
    said = dict.fromkeys(hashes, "") | dict(each.partition("=")[::2] for each in held or ())
    return [
        {"item": item, "held": True, "evidence": evidence, "evidence_hash": hashes.get(item)}
        for item, evidence in said.items()
    ]


def _asked(use: dict[str, Any]) -> dict[str, Any]:
    return {**use["request"], "status": use["status"]}
