"""`customer`: which records are likely one customer, and two of them made one by two people."""

from enum import StrEnum
from typing import Annotated

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

customer = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Records of one customer, merged."
)


class Verdict(StrEnum):
    CONFIRM = "confirm"
    DECLINE = "decline"


Merge = Annotated[str, typer.Argument(metavar="MERGE", help="The merge's id.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Kept with the merge.")]
MaybeCustomer = Annotated[
    str | None, typer.Argument(metavar="[CUSTOMER]", help="Of this customer alone.")
]
_FIELDS = ("merge_id", "status", "losing_id", "surviving_id", "reason", "proposed_by")


@customer.command()
def duplicates(of: MaybeCustomer = None, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Pairs of records that are likely one customer, the likeliest first, with the reasons."""
    found = Caller(as_user, as_json=as_json).fetch("/duplicates", customer_id=of)
    columns = {"score": "score", "first_id": "one", "second_id": "other", "reasons": "why"}
    answer(found, as_json=as_json, text=table(found["items"], columns))


@customer.command()
def merge(
    losing: Annotated[str, typer.Argument(metavar="LOSING", help="The record that gives way.")],
    into: Annotated[str, typer.Argument(metavar="INTO", help="The record that stays.")],
    reason: Reason,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Propose that two records are one customer; somebody else confirms it."""
    body = {"losing_id": losing, "reason": reason}
    found = Caller(as_user, as_json=as_json).send(place("customers", into, "merges"), body, key)
    answer(found.document, as_json=as_json, text=facts(found.document, _FIELDS))


@customer.command()
def merges(of: MaybeCustomer = None, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Merges of a customer, or the newest of all."""
    found = Caller(as_user, as_json=as_json).fetch("/merges", customer_id=of)
    columns = {name: name for name in _FIELDS}
    answer(found, as_json=as_json, text=table(found["items"], columns))


@customer.command("decide-merge")
def decide_merge(
    merge_id: Merge,
    verdict: Annotated[Verdict, typer.Argument(metavar="confirm|decline")],
    reason: Reason,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Confirm or decline what somebody else proposed."""
    body = {"verdict": verdict.value, "reason": reason}
    found = Caller(as_user, as_json=as_json).send(place("merges", merge_id, "decision"), body, key)
    answer(found.document, as_json=as_json, text=facts(found.document, _FIELDS))


@customer.command("take-back")
def take_back(
    merge_id: Merge,
    reason: Reason,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Make two records of one again, while nothing was decided on the merged one."""
    path = place("merges", merge_id, "reversal")
    found = Caller(as_user, as_json=as_json).send(path, {"reason": reason}, key)
    answer(found.document, as_json=as_json, text=facts(found.document, _FIELDS))
