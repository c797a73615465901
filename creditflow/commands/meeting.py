"""`meeting`: committee meetings, their agendas and their minutes."""

from pathlib import Path
from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

meeting = typer.Typer(add_completion=False, no_args_is_help=True, help="Committee meetings.")

MeetingNo = Annotated[str, typer.Argument(metavar="MEETING", help="HY2026-000001")]

_MEETING = {"meeting_no": "meeting", "body": "body", "held_at": "held at", "place": "place"}
_MEETING |= {"chair": "chair", "agenda_until": "cases until"}
_ITEMS = {"item_no": "no", "case_id": "case", "approval_id": "approval", "presenter": "presenter"}
_ITEMS |= {"result": "result", "votes": "votes"}


@meeting.command("list")
def list_meetings(
    body: Annotated[str | None, typer.Option("--body", metavar="BODY")] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Meetings, the latest first."""
    items = Caller(as_user, as_json=as_json).fetch_all("/meetings", body=body)
    rows = [each["meeting"] | {"over": each["over"]} for each in items]
    answer({"items": items}, as_json=as_json, text=table(rows, _MEETING | {"over": "over"}))


@meeting.command()
def show(number: MeetingNo, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """A meeting: its cases, and the votes on each."""
    found = Caller(as_user, as_json=as_json).fetch(place("meetings", number))
    answer(found, as_json=as_json, text=_text(found["meeting"], found["sections"], found))


@meeting.command()
def convene(
    body: Annotated[str, typer.Argument(metavar="BODY", help="The body's code.")],
    held_at: Annotated[
        str, typer.Argument(metavar="TIME", help="With its zone: 2026-07-01T09:30+08:00")
    ],
    where: Annotated[str, typer.Option("--place", metavar="TEXT")],
    chair: Annotated[str, typer.Option("--chair", metavar="PERSON")],
    member: Annotated[
        list[str] | None,
        typer.Option("--member", metavar="PERSON", help="None named: everybody of the body."),
    ] = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Call a body together; what its meetings before put off is on the agenda."""
    content = {"body": body, "held_at": held_at, "place": where, "chair": chair}
    reply = Caller(as_user, as_json=as_json).send(
        "/meetings", content | {"members": member or []}, key
    )
    answer(reply.document, as_json=as_json, text=facts(reply.document, tuple(_MEETING)))


@meeting.command()
def add(
    number: MeetingNo,
    approval: Annotated[str, typer.Argument(metavar="APPROVAL", help="a-17.1")],
    presenter: Annotated[str, typer.Option("--presenter", metavar="PERSON")],
    attendant: Annotated[
        list[str] | None, typer.Option("--attendant", metavar="PERSON", help="Without a vote.")
    ] = None,
    paper: Annotated[
        list[str] | None, typer.Option("--paper", metavar="SHA256", help="A file on record.")
    ] = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Put a case on the agenda with its papers; too late for them is refused."""
    body = {
        "approval_id": approval,
        "presenter": presenter,
        "attendants": attendant or [],
        "papers": paper or [],
    }
    found = Caller(as_user, as_json=as_json).send(place("meetings", number, "items"), body, key)
    names = ("meeting_no", "item_no", "case_id", "approval_id", "presenter", "deferred_from")
    answer(found.document, as_json=as_json, text=facts(found.document, names))


@meeting.command()
def close(
    number: MeetingNo, key: Key = None, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """Freeze the minutes, by whoever chairs it; what is not settled goes to the next meeting."""
    reply = Caller(as_user, as_json=as_json).send(place("meetings", number, "close"), None, key)
    _tell(reply.document, as_json)


@meeting.command()
def minutes(
    number: MeetingNo,
    pdf: Annotated[
        Path | None, typer.Option("--pdf", metavar="FILE", help="Write the sealed PDF there.")
    ] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """The minutes of a meeting that is over, and their sealed PDF."""
    caller = Caller(as_user, as_json=as_json)
    found = caller.fetch(place("meetings", number, "minutes"))
    if pdf is not None:
        pdf.write_bytes(caller.fetch_bytes(place("meetings", number, "document")))
    _tell(found, as_json)


def _tell(found: dict[str, Any], as_json: bool) -> None:
    frozen = found["minutes"]
    answer(found, as_json=as_json, text=_text(frozen["meeting"], frozen["sections"], found))


def _text(meeting: dict[str, Any], sections: list[dict[str, Any]], found: dict[str, Any]) -> str:
    rows = [
        section["item"]
        | {"result": section["result"]}
        | {"votes": [f"{said['person_id']}: {said['verdict']}" for said in section["vote"]["said"]]}
        for section in sections
    ]
    head = facts(meeting, tuple(_MEETING))
    hashes = facts(found, ("minutes_hash", "document_hash"))
    return f"{head}\n{hashes}\n\n{table(rows, _ITEMS)}"
