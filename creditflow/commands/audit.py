"""`refusals` and `audit`: what was refused, what happened, and whether the records hold."""

import hashlib
import json
from pathlib import Path
from typing import Annotated

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller
from creditflow.commands.output import Exit, answer, refuse
from creditflow.commands.table import facts, table

audit = typer.Typer(add_completion=False, no_args_is_help=True, help="The records, watched.")


def refusals(
    case: Annotated[str | None, typer.Option("--case", metavar="CASE")] = None,
    person: Annotated[str | None, typer.Option("--person", metavar="USER")] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="How many, newest first.")] = 50,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What was refused to whom, newest first."""
    items = Caller(as_user, as_json=as_json).fetch_all(
        "/refusals", most, case=case, person=person, page_size=min(most, 200)
    )
    columns = {"recorded_at": "at", "person_id": "who", "channel": "by", "action": "what"}
    columns |= {"subject": "on", "code": "code"}
    answer({"items": items}, as_json=as_json, text=table(items, columns))


@audit.command()
def verify(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Try every file, receipt, edition and balance; exits 1 where one was altered."""
    proof = Caller(as_user, as_json=as_json).send("/audit/verify", {}).document
    text = facts(proof, ("files", "receipts", "editions", "entries"))
    if proof["altered"]:
        text += "\n\n" + table(proof["altered"], {"kind": "kind", "id": "id", "detail": "detail"})
    answer(proof, as_json=as_json, text=text)
    if proof["altered"]:
        raise SystemExit(int(Exit.REFUSED))


@audit.command()
def export(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="One JSON object a line.")
    ] = None,
    case: Annotated[str | None, typer.Option("--case", metavar="CASE")] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What happened to cases, oldest first, and the hash of what was exported.

    A line once exported never changes: a copy kept elsewhere shows whether one was.
    """
    caller = Caller(as_user, as_json=as_json)
    items = caller.fetch_all("/audit/events", case=case, page_size=200)
    rows = [json.dumps(item, ensure_ascii=False, sort_keys=True) + "\n" for item in items]
    text = "".join(rows)
    summary = {"events": len(items), "sha256": hashlib.sha256(text.encode()).hexdigest()}
    if out is None:
        answer({**summary, "items": items}, as_json=as_json, text=text.rstrip())
        return
    try:
        out.write_text(text, "utf-8")
    except OSError as unwritten:
        refuse("file_unwritable", f"{out}: {unwritten}", as_json=as_json, status=Exit.USAGE)
    answer({**summary, "file": str(out)}, as_json=as_json, text=facts(summary, tuple(summary)))
