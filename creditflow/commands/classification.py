"""`classes`, `ecl`: run the classification, who stands where, and the losses that are expected."""

import time
from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place, show
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

classes = typer.Typer(add_completion=False, help="Customers by tier and stage, and runs.")

AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="The day; today unless named.")
]
_SECONDS_MAX = 60
_TALLY = ("seen", "changed", "unchanged", "failed", "entries")


@classes.callback(invoke_without_command=True)
def list_classes(
    ctx: typer.Context,
    as_of: AsOf = None,
    tier: Annotated[str | None, typer.Option(metavar="TIER", help="As substandard.")] = None,
    stage: Annotated[int | None, typer.Option(metavar="STAGE", help="1, 2 or 3.")] = None,
    customer: Annotated[
        str | None, typer.Option(metavar="CUSTOMER", help="The classes of one, the newest first.")
    ] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", help="At most so many.")] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """How customers stand as of a day, or how one has stood."""
    if ctx.invoked_subcommand is not None:
        return
    caller = Caller(as_user, as_json=as_json)
    if customer is not None:
        found = caller.fetch(place("customers", customer, "classes"))
        columns = {"as_of": "as of", "tier": "tier", "stage": "stage", "reasons": "reasons"}
        columns |= {"ruled": "by rule"}
        columns |= {"grade": "grade", "overdue_since": "overdue since"}
        answer(found, as_json=as_json, text=table(found["classes"], columns))
        return
    items = caller.fetch_all("/classes", limit, as_of=as_of, tier=tier, stage=stage)
    columns = {"customer_id": "customer", "tier": "tier", "stage": "stage", "reasons": "reasons"}
    columns |= {"days_past_due": "days past due", "owed": "owed", "allowance": "allowance"}
    answer({"items": items}, as_json=as_json, text=table(items, columns))


@classes.command()
def run(as_of: AsOf = None, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Classify the book as of a day, and every later day that was run already."""
    caller = Caller(as_user, as_json=as_json)
    begun = caller.send("/runs/classification", {"as_of": as_of}).document
    found = _ended(caller, begun["run_id"]) or begun
    text = facts({**found, **found.get("tally", {})}, ("run_id", "as_of", *_TALLY))
    show(found, text, as_json=as_json, pending=not found.get("finished"))


@classes.command()
def figures(as_of: AsOf = None, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """The book by tier as of a day."""
    found = Caller(as_user, as_json=as_json).fetch("/classes/figures", as_of=as_of)
    columns = {"tier": "tier", "customers": "customers", "owed": "owed", "claims": "claims"}
    answer(found, as_json=as_json, text=table(found["tiers"], columns | {"allowance": "allowance"}))


_MANUAL = (
    *("manual_id", "customer_id", "status", "tier", "tier_by_rule", "reason", "note"),
    *("from_on", "until_on", "proposed_by", "settled_by", "taken_back_by"),
)

Manual = Annotated[str, typer.Argument(metavar="MANUAL", help="The id of a class set by hand.")]
Why = Annotated[str, typer.Option("--note", metavar="T", help="Why, in words.")]


@classes.command("set")
def set_class(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER")],
    tier: Annotated[str, typer.Argument(metavar="TIER", help="As substandard.")],
    reason: Annotated[str, typer.Option(metavar="R", help="A reason of the edition's list.")],
    note: Why,
    from_on: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day.")],
    until_on: Annotated[str, typer.Option("--until", metavar="DATE", help="The last day.")],
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Set a class by hand; worse counts at once, better exits 8 until somebody else confirms it."""
    body = {"tier": tier, "reason": reason, "note": note, "from_on": from_on, "until_on": until_on}
    caller = Caller(as_user, as_json=as_json)
    found = caller.send(place("customers", customer, "manual-classes"), body, key).document
    text = facts(found, _MANUAL)
    show(found, text, as_json=as_json, pending=found["status"] == "proposed")


@classes.command()
def manual(
    customer: Annotated[
        str | None, typer.Option(metavar="CUSTOMER", help="Of one, with what may be set.")
    ] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Classes set by hand, the newest first."""
    caller = Caller(as_user, as_json=as_json)
    path = "/manual-classes"
    found = caller.fetch(path if customer is None else place("customers", customer, path[1:]))
    columns = {"manual_id": "id", "customer_id": "customer", "status": "status", "tier": "tier"}
    columns |= {"tier_by_rule": "by rule", "reason": "reason", "from_on": "from"}
    columns |= {"until_on": "until", "proposed_by": "set by", "settled_by": "confirmed by"}
    text = table(found["items"], columns)
    if customer is not None:
        text = facts(found, ("tier", "tier_by_rule", "tier_best", "policy")) + "\n\n" + text
    answer(found, as_json=as_json, text=text)


@classes.command()
def decide(
    manual_id: Manual,
    verdict: Annotated[str, typer.Argument(metavar="VERDICT", help="confirm or decline.")],
    note: Why,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Confirm or decline a better class that somebody else set."""
    body = {"verdict": verdict, "note": note}
    caller = Caller(as_user, as_json=as_json)
    found = caller.send(place("manual-classes", manual_id, "decision"), body).document
    answer(found, as_json=as_json, text=facts(found, _MANUAL))


@classes.command("take-back")
def take_back(
    manual_id: Manual, note: Why, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """Take a class back, as if it had never been set."""
    caller = Caller(as_user, as_json=as_json)
    found = caller.send(place("manual-classes", manual_id, "reversal"), {"note": note}).document
    answer(found, as_json=as_json, text=facts(found, _MANUAL))


def ecl(
    as_of: AsOf = None,
    customer: Annotated[
        str | None, typer.Option(metavar="CUSTOMER", help="The postings of one customer.")
    ] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """The allowance for expected losses by stage as of a day, or what was posted for a customer."""
    caller = Caller(as_user, as_json=as_json)
    if customer is not None:
        entries = caller.fetch(place("customers", customer, "classes"))["entries"]
        rows = [{**entry, **entry["loss"]} for entry in entries]
        columns = {"period_on": "as of", "portfolio": "of", "stage": "stage", "delta": "posted"}
        text = table(rows, columns | {"allowance": "allowance", "run_id": "run"})
        answer({"items": entries}, as_json=as_json, text=text)
        return
    found = caller.fetch("/classes/figures", as_of=as_of)
    columns = {"stage": "stage", "customers": "customers", "owed": "owed"}
    columns |= {"allowance_line": "of lines", "allowance_receivables": "of receivables"}
    text = table(found["stages"], columns | {"allowance": "allowance"})
    total = facts(found, ("as_of", "customers", "owed", "allowance"))
    answer(found, as_json=as_json, text=f"{text}\n\n{total}")


def _ended(caller: Caller, run_id: str) -> dict[str, Any] | None:
    """The run once it is finished, or as far as it has come within a minute."""
    found: dict[str, Any] | None = None
    until = time.monotonic() + _SECONDS_MAX
    while time.monotonic() < until:
        runs = caller.fetch("/runs/classification", page_size=50)["items"]
        found = next((each for each in runs if each["run_id"] == run_id), None)
        if found is not None and found["finished"]:
            break
        time.sleep(0.3)
    return found
