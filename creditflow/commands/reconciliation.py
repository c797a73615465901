"""`reconcile`: another system's open items compared with our documents and the book of entries."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.output import Exit, answer, refuse
from creditflow.commands.table import facts, table

_HEAD = ("reconciliation_id", "as_of", "documents", "matched", "missing", "extra", "differing")
_SUMS = {
    "customer_id": "customer",
    "ours": "ours",
    "theirs": "theirs",
    "drift": "drift",
    "used": "used of lines",
}
_ITEMS = {
    "customer_id": "customer",
    "invoice_no": "document",
    "kind": "how",
    "ours": "ours",
    "theirs": "theirs",
    "fields": "differs in",
}
_FINDINGS = {
    "finding_id": "finding",
    "customer_id": "customer",
    "drift": "drift",
    "owner": "owner",
    "due_on": "due on",
}
_ERRORS = {"line": "line", "column": "column", "code": "code", "detail": "detail"}

findings = typer.Typer(no_args_is_help=True)


def reconcile(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    as_of: Annotated[datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"])] = None,
    profile: Annotated[str, typer.Option("--profile", metavar="P")] = "standard",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only read the rows.")] = False,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Print what is matched, missing, extra and differing; exits 1 where a row is refused."""
    form = {"profile": profile, "dry_run": "true" if dry_run else "false"}
    if as_of is not None:
        form["as_of"] = as_of.date().isoformat()
    try:
        content = file.read_bytes()
    except OSError as unread:
        refuse("file_unreadable", f"{file}: {unread.strerror}", as_json=as_json, status=Exit.USAGE)
    caller = Caller(as_user, as_json=as_json)
    found = caller.upload("/reconciliations", file.name, content, form, key).document
    report, compared = found["report"], found["reconciliation"]
    text = facts(report, ("rows", "created", "unchanged", "refused"))
    if compared is not None:
        sums, items = table(compared["customers"], _SUMS), table(compared["items"], _ITEMS)
        text = f"{facts(compared, _HEAD)}\n\n{sums}\n\n{items}\n\n{text}"
    if report["errors"]:
        text += "\n\n" + table(report["errors"], _ERRORS)
    answer(found, as_json=as_json, text=text)
    if report["refused"]:
        raise SystemExit(int(Exit.REFUSED))


@findings.command("list")
def list_findings(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Drift that is still to be cleared up, earliest due first."""
    found = Caller(as_user, as_json=as_json).fetch("/reconciliation-findings")
    answer(found, as_json=as_json, text=table(found["items"], _FINDINGS))


@findings.command("close")
def close_finding(
    finding: Annotated[str, typer.Argument(metavar="FINDING")],
    reason: Annotated[str, typer.Option("--reason", metavar="T")],
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Say why a drift is none, or is no more."""
    where = place("reconciliation-findings", finding, "end")
    found = Caller(as_user, as_json=as_json).send(where, {"reason": reason}).document
    answer(found, as_json=as_json, text=facts(found, ("finding_id", "reason", "closed_on")))
