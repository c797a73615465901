"""`import`: files of customers, statements, invoices, payments, credit notes, name lists, rates, VAT invoices."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.output import Exit, answer, refuse
from creditflow.commands.table import facts, table


class Kind(StrEnum):
    CUSTOMERS = "customers"
    STATEMENTS = "statements"
    INVOICES = "invoices"
    PAYMENTS = "payments"
    CREDIT_NOTES = "credit_notes"
    OPEN_ITEMS = "open_items"
    LISTS = "lists"
    RATES = "rates"
    BENCHMARKS = "benchmarks"
    EXTERNAL_RATINGS = "external_ratings"
    SALES_INVOICES = "sales_invoices"
    PURCHASE_INVOICES = "purchase_invoices"


def import_file(
    kind: Kind,
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would become of each row.")
    ] = False,
    profile: Annotated[
        str, typer.Option("--profile", metavar="P", help="Whose columns the file has.")
    ] = "standard",
    per_row: Annotated[
        bool, typer.Option("--per-row", help="Keep the good rows where others are refused.")
    ] = False,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Bring in a CSV or XLSX file; the same file again changes nothing.

    Exits 1 where a row is refused, also in a dry run.
    """
    form = {
        "profile": profile,
        "dry_run": "true" if dry_run else "false",
        "mode": "per_row" if per_row else "all_or_nothing",
    }
    caller = Caller(as_user, as_json=as_json)
    reply = caller.upload(place("imports", kind.value), file.name, _read(file, as_json), form, key)
    report = reply.document
    answer(report, as_json=as_json, text=_summary(report))
    if report["refused"]:
        raise SystemExit(int(Exit.REFUSED))


def _read(file: Path, as_json: bool) -> bytes:
    try:
        return file.read_bytes()
    except OSError as unread:
        refuse("file_unreadable", f"{file}: {unread.strerror}", as_json=as_json, status=Exit.USAGE)


def _summary(report: dict[str, Any]) -> str:
    fields = ("kind", "dry_run", "rows", "created", "updated", "unchanged", "refused", "kept")
    text = facts(report, fields)
    if report["errors"]:
        columns = {"line": "line", "column": "column", "code": "code", "detail": "detail"}
        text += "\n\n" + table(report["errors"], columns)
    if report["tolerated"]:
        columns = {"subject": "let pass", "difference": "difference", "allowed": "allowed"}
        text += "\n\n" + table(report["tolerated"], columns)
    return text
