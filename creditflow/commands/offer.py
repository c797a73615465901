"""`offer`: what a letter offers the customer, and the customer's answer put on record."""

from enum import StrEnum
from typing import Annotated

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, place, show
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

offer = typer.Typer(no_args_is_help=True)

Case = Annotated[str, typer.Argument(metavar="CASE")]


class Answer(StrEnum):
    ACCEPT = "accept"
    DECLINE = "decline"


@offer.command("show")
def show_offer(case: Case, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """What is offered, where it is not as asked for, until when, and how it stands."""
    found = Caller(as_user, as_json=as_json).fetch(place("applications", case, "offer"))
    made = found["offer"]
    head = facts(made, ("letter_no", "status", "offer_hash", "expires_at", "answered_by", "note"))
    columns = {name: name for name in ("field", "asked", "offered")}
    answer(found, as_json=as_json, text=f"{head}\n\n{table(made['differences'], columns)}")


@offer.command("answer")
def answer_offer(
    case: Case,
    word: Annotated[Answer, typer.Argument(metavar="accept|decline")],
    offer_hash: Annotated[str, typer.Option("--hash", help="Of the version the customer read.")],
    note: Annotated[str, typer.Option("--note", metavar="T", help="How the customer answered.")],
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Put on record what the customer answered; not by who decided the letter."""
    body = {"accepts": word is Answer.ACCEPT, "offer_hash": offer_hash, "note": note}
    where = place("applications", case, "offer", "answer")
    reply = Caller(as_user, as_json=as_json).send(where, body, None)
    text = facts(reply.document["offer"], ("letter_no", "status", "answered_by"))
    show(reply.document, text, as_json=as_json, pending=reply.pending)
