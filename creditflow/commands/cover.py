"""`cover`: what stands behind a customer's credit, who confirmed it, and what of it counts."""

from pathlib import Path
from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.files import document_of
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

_SHOWN = ("cover_id", "version", "pending", "recorded_by", "checked_by", "note")
_COUNTS = {"cover_id": "cover", "kind": "kind", "verdict": "verdict", "value": "worth"}
_COUNTS |= {"haircut": "haircut", "counted": "counts", "uplift": "uplift", "lgd": "lost"}

Cover = Annotated[str, typer.Argument(metavar="COVER", help="The cover's id.")]

cover = typer.Typer(add_completion=False, no_args_is_help=True, help="The register of cover.")


@cover.command("list")
def list_covers(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's id.")],
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="Not today, but this day.")
    ] = None,
    line: Annotated[
        str | None, typer.Option("--line", metavar="LINE", help="And what secures this line alone.")
    ] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What is registered for a customer, and what of it counts on a day."""
    found = Caller(as_user, as_json=as_json).fetch(
        place("customers", customer, "covers"), as_of=as_of, line_id=line
    )
    registered = [{**each, **each["content"]} for each in found["covers"]]
    columns = {"cover_id": "cover", "kind": "kind", "value": "worth", "ends_on": "until"}
    columns |= {"version": "version", "pending": "waits"}
    text = table(registered, columns) + "\n\n" + table(found["counts"], _COUNTS)
    answer(found, as_json=as_json, text=f"{text}\n\n{facts(found, ('as_of', 'uplift'))}")


@cover.command()
def show(cover_id: Cover, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """What was said last of a cover, and what stands of it."""
    found = Caller(as_user, as_json=as_json).fetch(place("covers", cover_id))
    answer(found, as_json=as_json, text=_summary(found))


@cover.command()
def pending(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Covers that wait for a second person, oldest first."""
    found = Caller(as_user, as_json=as_json).fetch("/covers/pending")
    rows = [{**each, **each["content"]} for each in found["items"]]
    columns = {"cover_id": "cover", "version": "version", "kind": "kind", "value": "worth"}
    answer(found, as_json=as_json, text=table(rows, columns | {"recorded_by": "by"}))


@cover.command()
def record(
    file: Annotated[Path, typer.Option("--file", help="The cover as JSON; `-` for stdin.")],
    of: Annotated[
        str | None, typer.Option("--cover", metavar="COVER", help="What is known of it now.")
    ] = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Put a cover on record; what raises it counts once a second person has confirmed it."""
    body = document_of(file, as_json)
    caller = Caller(as_user, as_json=as_json)
    path, method = ("/covers", "POST") if of is None else (place("covers", of), "PUT")
    found = caller.send(path, body, key, method=method).document
    answer(found, as_json=as_json, text=_summary(found))


@cover.command()
def check(
    cover_id: Cover,
    version: Annotated[int, typer.Argument(metavar="VERSION", min=1)],
    confirm: Annotated[bool, typer.Option("--confirm/--refuse", help="Your word on it.")],
    note: Annotated[str, typer.Option("--note", metavar="T", help="Why not.")] = "",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Confirm what another recorded, or say why not; the newest version alone."""
    path = place("covers", cover_id, "versions", str(version), "check")
    body = {"confirmed": confirm, "note": note}
    found = Caller(as_user, as_json=as_json).send(path, body, key).document
    answer(found, as_json=as_json, text=_summary(found))


def _summary(found: dict[str, Any]) -> str:
    fields = ("kind", "owner", "value", "prior", "capacity", "valued_on", "valuer", "ends_on")
    text = facts(found, _SHOWN) + "\n\n" + facts(found["content"], fields)
    columns = {"customer_id": "secures", "line_id": "line", "amount": "amount"}
    return f"{text}\n\n{table(found['content']['uses'], columns)}"
