"""`policy`: check a draft of a policy edition, compare it, try it on past cases, publish it."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key
from creditflow.commands.output import Exit, answer, refuse
from creditflow.commands.table import facts, table

policy = typer.Typer(add_completion=False, no_args_is_help=True, help="Policy editions.")

File = Annotated[Path, typer.Argument(metavar="FILE", help="The edition as TOML.")]
Base = Annotated[
    str | None,
    typer.Option("--base", metavar="HASH", help="FILE says only what it changes in this edition."),
]


@policy.command("list")
def list_editions(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Every edition on record."""
    found = Caller(as_user, as_json=as_json).fetch("/editions")
    columns = {"name": "name", "effective_on": "in force from", "published_by": "by"}
    columns |= {"edition_hash": "hash"}
    answer(found, as_json=as_json, text=table(found["items"], columns))


@policy.command()
def check(file: File, base: Base = None, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Everything wrong with a draft; exits 1 where there is anything."""
    body = _draft(file, base, as_json)
    found = Caller(as_user, as_json=as_json).send("/editions/check", body).document
    text = facts(found, ("name", "effective_on", "edition_hash"))
    if found["faults"]:
        text += "\n\n" + table(found["faults"], {"code": "code", "sentence": "what"})
    answer(found, as_json=as_json, text=text)
    if found["faults"]:
        raise SystemExit(int(Exit.REFUSED))


@policy.command()
def diff(
    file: File,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="HASH", help="Not the edition in force, but this one."),
    ] = None,
    base: Base = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What a draft changes in the edition in force."""
    path = "/editions/diff" + (f"?{urlencode({'against': against})}" if against else "")
    body = _draft(file, base, as_json)
    found = Caller(as_user, as_json=as_json).send(path, body).document
    columns = {"path": "where", "before": "before", "after": "after"}
    answer(found, as_json=as_json, text=table(found["differences"], columns))


@policy.command()
def simulate(
    file: File,
    most: Annotated[int, typer.Option("--most", min=1, max=1000, help="How many cases.")] = 200,
    base: Base = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Judge the newest cases again under a draft, and list those it would decide otherwise."""
    body = _draft(file, base, as_json)
    caller = Caller(as_user, as_json=as_json)
    found = caller.send(f"/editions/simulate?most={most}", body).document
    text = facts(found, ("cases", "unchanged", "lanes"))
    if found["changed"]:
        columns = {"case_id": "case", "before": "before", "after": "after", "refusal": "refused"}
        text += "\n\n" + table(found["changed"], columns)
    answer(found, as_json=as_json, text=text)


@policy.command()
def publish(
    file: File,
    base: Base = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Put a sound edition on record; cases under way keep the one they began with."""
    body = _draft(file, base, as_json)
    found = Caller(as_user, as_json=as_json).send("/editions", body, key).document
    text = facts(found, ("name", "effective_on", "edition_hash", "published_by"))
    answer(found, as_json=as_json, text=text)


def _draft(file: Path, base: str | None, as_json: bool) -> dict[str, Any]:
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as unread:
        refuse("file_unreadable", f"{file}: {unread}", as_json=as_json, status=Exit.USAGE)
    return {"toml": text, "base_hash": base}
