"""`policy`: check a draft of a policy edition, compare it, try it on the book, publish it by two."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, language, place
from creditflow.commands.output import Exit, answer, refuse
from creditflow.commands.table import facts, table

policy = typer.Typer(add_completion=False, no_args_is_help=True, help="Policy editions.")

File = Annotated[Path, typer.Argument(metavar="FILE", help="The edition as TOML.")]
Base = Annotated[
    str | None,
    typer.Option("--base", metavar="HASH", help="FILE says only what it changes in this edition."),
]


DraftOrFile = Annotated[
    str, typer.Argument(metavar="DRAFT", help="A draft's id or hash, or its TOML file.")
]
_HASH = re.compile(r"[0-9a-f]{64}")
_NOTHING_CHANGED = "# as published"


@policy.command("list")
def list_editions(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Every edition on record."""
    found = Caller(as_user, as_json=as_json).fetch("/editions")
    columns = {"name": "name", "effective_on": "in force from", "published_by": "by"}
    columns |= {"edition_hash": "hash"}
    answer(found, as_json=as_json, text=table(found["items"], columns))


@policy.command()
def outlook(
    edition: Annotated[
        str | None, typer.Argument(metavar="[HASH]", help="The edition; the one in force if none.")
    ] = None,
    industry: Annotated[
        str | None, typer.Option("--industry", metavar="I", help="Its lines in force, one by one.")
    ] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", help="At most so many lines.")] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What an edition changes in the outlook of industries, and the lines that it is about."""
    caller = Caller(as_user, as_json=as_json)
    if industry is not None:
        items = caller.fetch_all("/outlooks/lines", limit, industry=industry)
        columns = {"line_id": "line", "customer_id": "customer", "grade": "grade"}
        columns |= {"limit": "limit", "exposure": "used"}
        answer({"items": items}, as_json=as_json, text=table(items, columns))
        return
    found = caller.fetch("/outlooks", edition=edition)
    rows = [{**each["change"], **each["book"]} for each in found["effects"]]
    columns = {"industry": "industry", "on": "from", "share_before": "before", "share": "share"}
    columns |= {"customers": "customers", "lines": "lines", "limits": "limits", "exposure": "used"}
    answer(found, as_json=as_json, text=table(rows, columns))


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
    first: Annotated[str, typer.Argument(metavar="A", help="A TOML file, a hash or a draft.")],
    second: Annotated[
        str | None,
        typer.Argument(
            metavar="[B]", help="Likewise; without it A is compared to what is in force."
        ),
    ] = None,
    base: Base = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What B changes in A, or A in the edition in force, row by row in words."""
    caller = Caller(as_user, as_json=as_json)
    body = _content(second or first, base, caller, as_json)
    if second is not None:
        known = _content(first, base, caller, as_json)
        if known["base_hash"] and known["toml"] == _NOTHING_CHANGED:
            found = caller.send(f"/editions/diff?against={first}", body).document
        else:
            body["against_toml"] = known["toml"]
            found = caller.send("/editions/diff", body).document
    else:
        found = caller.send("/editions/diff", body).document
    spoken = "sentence_zh" if language() == "zh-CN" else "sentence"
    lines = [each[spoken] for each in found["differences"]]
    answer(found, as_json=as_json, text="\n".join(lines) or "no difference")


@policy.command()
def schema(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """The JSON schema of an edition, for the editor that you write it in."""
    answer(Caller(as_user, as_json=as_json).fetch("/editions/schema"), as_json=as_json)


@policy.command("to-xlsx")
def to_xlsx(
    edition: Annotated[str, typer.Argument(metavar="EDITION", help="A TOML file, hash or draft.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.xlsx")],
    base: Base = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Write an edition as a workbook: a sheet a table, one of what stands alone."""
    caller = Caller(as_user, as_json=as_json)
    body = _content(edition, base, caller, as_json)
    out.write_bytes(caller.send("/editions/xlsx", body, keyed=False).content)
    answer({"file": str(out)}, as_json=as_json, text=str(out))


@policy.command("from-xlsx")
def from_xlsx(
    file: Annotated[Path, typer.Argument(metavar="FILE.xlsx")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.toml")],
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Read an edited workbook back as TOML; a cell with a formula is refused."""
    try:
        content = file.read_bytes()
    except OSError as unread:
        refuse("file_unreadable", f"{file}: {unread}", as_json=as_json, status=Exit.USAGE)
    caller = Caller(as_user, as_json=as_json)
    found = caller.upload("/editions/from-xlsx", file.name, content, {}).document
    out.write_text(found["toml"], "utf-8")
    said = {"file": str(out), "edition_hash": found["edition_hash"]}
    answer(said, as_json=as_json, text=facts(said, ("file", "edition_hash")))


@policy.command()
def draft(
    file: File,
    revises: Annotated[
        str | None,
        typer.Option("--revises", metavar="DRAFT", help="FILE is a further revision of this one."),
    ] = None,
    base: Base = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Put a draft on record under your name; somebody else will have to publish it."""
    body = _draft(file, base, as_json) | {"draft_id": revises}
    found = Caller(as_user, as_json=as_json).send("/editions/drafts", body, key).document
    answer(found, as_json=as_json, text=_drafted(found))


@policy.command()
def drafts(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Every draft, and how far it has come."""
    found = Caller(as_user, as_json=as_json).fetch("/editions/drafts")
    rows = [{**each["draft"], **each} for each in found["items"]]
    columns = {"draft_id": "draft", "name": "name", "effective_on": "in force from"}
    columns |= {"status": "status", "authors": "by", "reported_on": "simulated"}
    answer(found, as_json=as_json, text=table(rows, columns))


@policy.command()
def simulate(
    draft: DraftOrFile,
    most: Annotated[int, typer.Option("--most", min=1, max=5000, help="Past cases.")] = 2000,
    report: Annotated[
        str, typer.Option("--report", help="text, or `csv`: the cases that change.")
    ] = "text",
    base: Base = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Try a draft on past cases and the lines in force; a FILE is put on record first."""
    caller = Caller(as_user, as_json=as_json)
    path = place("editions", "drafts", _reference(draft, base, caller, as_json), "simulation")
    found = caller.send(f"{path}?most={most}", {}, key).document
    text = caller.fetch_bytes(f"{path}.{'csv' if report == 'csv' else 'md'}").decode()
    answer(found, as_json=as_json, text=text.rstrip("\n"))


@policy.command()
def propose(
    draft: DraftOrFile, base: Base = None, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """Put a simulated draft before whoever may publish it."""
    caller = Caller(as_user, as_json=as_json)
    path = place("editions", "drafts", _reference(draft, base, caller, as_json), "proposal")
    found = caller.send(path, {}).document
    answer(found, as_json=as_json, text=_drafted(found))


@policy.command()
def publish(
    draft: DraftOrFile,
    note: Annotated[str, typer.Option("--note")] = "",
    base: Base = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Put a draft in force that somebody else wrote; cases under way keep their edition."""
    caller = Caller(as_user, as_json=as_json)
    path = place("editions", "drafts", _reference(draft, base, caller, as_json), "publication")
    found = caller.send(path, {"note": note}, key).document
    text = facts(found, ("name", "effective_on", "edition_hash", "outcome", "published_by"))
    answer(found, as_json=as_json, text=text)
    if found["outcome"] != "approved":
        raise SystemExit(int(Exit.PENDING))


def _drafted(found: dict[str, Any]) -> str:
    names = ("draft_id", "name", "effective_on", "edition_hash", "authors", "status")
    return facts({**found["draft"], **found}, names)


def _reference(draft: str, base: str | None, caller: Caller, as_json: bool) -> str:
    """The draft that is named, or that a file's content is; a file that is none yet becomes one."""
    if not Path(draft).is_file():
        return draft
    body = _draft(Path(draft), base, as_json)
    digest = caller.send("/editions/check", body).document["edition_hash"]
    known = caller.fetch("/editions/drafts")["items"]
    if any(each["draft"]["edition_hash"] == digest for each in known):
        return str(digest)
    return str(caller.send("/editions/drafts", body).document["draft"]["draft_id"])


def _content(named: str, base: str | None, caller: Caller, as_json: bool) -> dict[str, Any]:
    """The text of a file or of a draft, or a published edition as it is."""
    if Path(named).is_file():
        return _draft(Path(named), base, as_json)
    if _HASH.fullmatch(named) and any(
        each["edition_hash"] == named for each in caller.fetch("/editions")["items"]
    ):
        return {"toml": _NOTHING_CHANGED, "base_hash": named}
    source = caller.fetch_bytes(place("editions", "drafts", named, "source")).decode()
    return {"toml": source, "base_hash": None}


def _draft(file: Path, base: str | None, as_json: bool) -> dict[str, Any]:
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as unread:
        refuse("file_unreadable", f"{file}: {unread}", as_json=as_json, status=Exit.USAGE)
    return {"toml": text, "base_hash": base}
