"""`investigation` and `products`: what two people find before a grant, and what may be granted."""

from pathlib import Path
from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.files import document_of
from creditflow.commands.output import Exit, answer, refuse
from creditflow.commands.table import facts, table

investigation = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="One investigation: creditflow investigation CASE"
    " show|assign|answer|visit|examine|propose|sign",
    subcommand_metavar="VERB [ARGS]...",
)

Finding = Annotated[str, typer.Option("--finding", metavar="T", help="What was found.")]
Files = Annotated[
    list[Path] | None,
    typer.Option("--file", metavar="FILE", help="A file that shows it; may be repeated."),
]


@investigation.callback()
def _one(
    context: typer.Context,
    case: Annotated[str, typer.Argument(metavar="CASE", help="The case's id.")],
) -> None:
    """One investigation, and what is done on it."""
    context.obj = case


@investigation.command("show")
def show_investigation(
    context: typer.Context, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """Everything found, proposed and signed so far, and what is still open."""
    found = Caller(as_user, as_json=as_json).fetch(_at(context))
    answer(found, as_json=as_json, text=_summary(found))


@investigation.command()
def assign(
    context: typer.Context,
    lead: Annotated[str, typer.Argument(metavar="LEAD")],
    second: Annotated[str, typer.Argument(metavar="SECOND")],
    reason: Annotated[str, typer.Option("--reason", help="Of a change of hands.")] = "",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Name the lead and the second who investigate."""
    body = {"lead": lead, "second": second, "reason": reason}
    _send(context, "assignment", body, key, Caller(as_user, as_json=as_json), as_json)


@investigation.command("answer")
def answer_item(
    context: typer.Context,
    item: Annotated[str, typer.Argument(metavar="ITEM", help="Its code on the checklist.")],
    finding: Finding,
    files: Files = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What was found about an item of the checklist."""
    caller = Caller(as_user, as_json=as_json)
    body = {"item": item, "finding": finding, "evidence": _filed(caller, files, as_json)}
    _send(context, "answers", body, key, caller, as_json)


@investigation.command()
def visit(
    context: typer.Context,
    visited_on: Annotated[str, typer.Argument(metavar="DATE", help="2026-03-31")],
    at: Annotated[str, typer.Option("--place", metavar="T", help="Where.")],
    met: Annotated[str, typer.Option("--met", metavar="T", help="Received by whom: a function.")],
    finding: Finding,
    files: Files = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """A visit to the customer, with its pictures."""
    caller = Caller(as_user, as_json=as_json)
    said = {"visited_on": visited_on, "place": at, "met": met, "finding": finding}
    body = {**said, "photos": _filed(caller, files, as_json)}
    _send(context, "visits", body, key, caller, as_json)


@investigation.command()
def examine(
    context: typer.Context,
    period_end_on: Annotated[str, typer.Argument(metavar="PERIOD_END", help="2025-12-31")],
    finding: Finding,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What was found in a statement on record."""
    body = {"period_end_on": period_end_on, "finding": finding}
    _send(context, "statements", body, key, Caller(as_user, as_json=as_json), as_json)


@investigation.command()
def propose(
    context: typer.Context,
    file: Annotated[
        Path, typer.Option("--file", help="Scheme and conclusion as JSON; `-` for stdin.")
    ],
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """The facility scheme that is proposed, and the conclusion."""
    body = document_of(file, as_json)
    _send(context, "proposal", body, key, Caller(as_user, as_json=as_json), as_json)


@investigation.command()
def sign(
    context: typer.Context,
    report: Annotated[str, typer.Argument(metavar="REPORT", help="The hash that `show` names.")],
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Sign the report that was read; with the second name the case goes on by itself."""
    body = {"report_hash": report}
    _send(context, "signature", body, key, Caller(as_user, as_json=as_json), as_json)


def products(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """The product catalogue in force: what each product asks of its use."""
    found = Caller(as_user, as_json=as_json).fetch("/products")
    columns = {"code": "product", "revolving": "revolving", "funded": "funded"}
    columns |= {"comprehensive": "holds sub-lines", "dedicated": "one purpose"}
    columns |= {"conversion_factor": "factor", "deposit_min": "deposit"}
    columns |= {"tenor_months_max": "months", "covers": "cover", "exchange": "exchange"}
    answer(found, as_json=as_json, text=table(found["items"], columns))


def _at(context: typer.Context, *parts: str) -> str:
    return place("applications", context.obj, "investigation", *parts)


def _send(
    context: typer.Context, part: str, body: object, key: str | None, caller: Caller, as_json: bool
) -> None:
    found = caller.send(_at(context, part), body, key).document
    answer(found, as_json=as_json, text=_summary(found))


def _filed(caller: Caller, files: list[Path] | None, as_json: bool) -> list[str]:
    """The hashes of files, each put on record."""
    hashes = []
    for file in files or []:
        try:
            content = file.read_bytes()
        except OSError as unread:
            refuse("file_unreadable", f"{file}: {unread}", as_json=as_json, status=Exit.USAGE)
        hashes.append(caller.upload("/attachments", file.name, content, {}).document["sha256"])
    return hashes


def _summary(found: dict[str, Any]) -> str:
    work = found["investigation"]
    people = work["assignment"] or {}
    head = {
        "case_id": found["case_id"],
        "asked by": found["row"] or "nothing",
        "lead": people.get("lead", "-"),
        "second": people.get("second", "-"),
        "report": found["report_hash"] or "-",
        "signed by": [
            each["signature"]["person_id"] for each in found["signatures"] if each["binds"]
        ],
        "signed": found["signed"] is not None,
    }
    parts = [facts(head, tuple(head))]
    if found["checklist"]:
        answers = {each["item"]: each for each in work["answers"]}
        rows = [
            {**item, "finding": answers.get(item["code"], {}).get("finding", "")}
            for item in found["checklist"]["items"]
        ]
        columns = {"code": "item", "required": "required", "evidence": "evidence"}
        parts.append(table(rows, {**columns, "finding": "finding"}))
    if work["visits"]:
        columns = {"visit_no": "visit", "visited_on": "on", "place": "place", "met": "met"}
        parts.append(table(work["visits"], columns))
    if work["proposal"]:
        scheme = work["proposal"]["scheme"]
        parts.append(facts(work["proposal"], ("conclusion", "conditions", "opinion")))
        columns = {"product": "sub-line", "limit": "limit", "tenor_months": "months"}
        parts.append(table(scheme["sub_lines"], {**columns, "deposit_share": "deposit"}))
    if found["open_points"]:
        columns = {"part": "open", "code": "which", "evidence": "evidence only"}
        parts.append(table(found["open_points"], columns))
    return "\n\n".join(parts)
