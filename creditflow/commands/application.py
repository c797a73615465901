"""`apply`, `show`, `history`, `replay`, `withdraw`: one application and what became of it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, language, place, show
from creditflow.commands.files import document_of
from creditflow.commands.output import Exit, answer, refuse
from creditflow.commands.table import facts, table

Case = Annotated[str, typer.Argument(metavar="CASE")]


def apply(
    file: Annotated[Path, typer.Option("--file", help="The application as JSON; `-` for stdin.")],
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Start an application; exits 8 while it is still being taken up."""
    body = document_of(file, as_json)
    reply = Caller(as_user, as_json=as_json).send("/applications", body, key)
    submitted = reply.document
    text = facts(submitted, ("case_id", "status", "existing", "missing", "reason_codes"))
    show(submitted, text, as_json=as_json, pending=reply.pending)


def show_case(case: Case, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Everything on record about a case."""
    found = Caller(as_user, as_json=as_json).fetch(place("applications", case))
    answer(found, as_json=as_json, text=_summary(found))


def history(case: Case, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """What happened to a case, oldest first, refused attempts included."""
    found = Caller(as_user, as_json=as_json).fetch(place("applications", case, "history"))
    columns = {"at": "at", "kind": "what", "person_id": "who", "facts": "facts"}
    answer(found, as_json=as_json, text=table(found["items"], columns))


def questions(case: Case, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Which missing items could still change a case's grade, limit or route."""
    found = Caller(as_user, as_json=as_json).fetch(place("applications", case, "questions"))
    text = facts(found, ("grade", "grades", "score", "score_min", "score_max", "limit", "lane"))
    columns = {"code": "missing", "bears_on": "could still change", "factors": "by"}
    answer(found, as_json=as_json, text=f"{text}\n\n{table(found['questions'], columns)}")


def replay(
    case: Annotated[str | None, typer.Argument(metavar="CASE")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every receipt on record, with counts.")
    ] = False,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Judge a case again from its receipt; exits 1 where the answer differs."""
    caller = Caller(as_user, as_json=as_json)
    if everything == (case is not None):
        refuse("usage", "name a case, or --all", as_json=as_json, status=Exit.USAGE)
    if case is None:
        _replay_all(caller, as_json)
        return
    found = caller.send(place("applications", case, "replay"), {}).document
    said = "identical" if found["identical"] else _differences(found)
    text = f"{said}\n{facts(found, ('case_id', 'edition', 'receipt_hash'))}"
    answer(found, as_json=as_json, text=text)
    if not found["identical"]:
        raise SystemExit(int(Exit.REFUSED))


def _replay_all(caller: Caller, as_json: bool) -> None:
    found = caller.send("/replays", {}, keyed=False).document
    text = facts(found, ("receipts", "identical"))
    if found["differing"]:
        text += "".join(
            f"\n\n{each['case_id']}\n{_differences(each)}" for each in found["differing"]
        )
    answer(found, as_json=as_json, text=text)
    if found["differing"]:
        raise SystemExit(int(Exit.REFUSED))


def _differences(found: dict[str, Any]) -> str:
    """Every field that differs, with both values, a line each."""
    spoken = "sentence_zh" if language() == "zh-CN" else "sentence"
    return "\n".join(each[spoken] for each in found["differences"])


def withdraw(
    case: Case,
    reason: Annotated[str, typer.Option("--reason")] = "",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """End a case before its line is active."""
    caller = Caller(as_user, as_json=as_json)
    reply = caller.send(place("applications", case, "withdraw"), {"reason": reason}, key)
    text = facts(reply.document, ("case_id", "status"))
    show(reply.document, text, as_json=as_json, pending=reply.pending)


def reconsider(
    case: Case,
    grounds: Annotated[str, typer.Option("--grounds", metavar="T", help="Why.")],
    evidence: Annotated[
        list[str],
        typer.Option(
            "--evidence", metavar="CODE=SHA256", help="A new document on record; may be repeated."
        ),
    ],
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Have a declined case decided anew, once, on new evidence; exits 8 while it is taken up."""
    brought = dict(each.split("=", 1) for each in evidence if "=" in each)
    if len(brought) != len(evidence):
        refuse("usage", "evidence is CODE=SHA256, one a code", as_json=as_json, status=Exit.USAGE)
    caller = Caller(as_user, as_json=as_json)
    body = {"evidence": brought, "grounds": grounds}
    reply = caller.send(place("applications", case, "reconsideration"), body, key)
    text = facts(reply.document, ("case_id", "status", "existing", "missing", "reason_codes"))
    show(reply.document, text, as_json=as_json, pending=reply.pending)


def recover(
    case: Case,
    reason: Annotated[str, typer.Option("--reason", metavar="T", help="Why.")],
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Put a case that lapsed in its approvers' silence before them afresh; exits 8 while it is
    taken up."""
    caller = Caller(as_user, as_json=as_json)
    reply = caller.send(place("applications", case, "recovery"), {"reason": reason}, key)
    text = facts(reply.document, ("case_id", "status", "existing", "missing", "reason_codes"))
    show(reply.document, text, as_json=as_json, pending=reply.pending)


def _summary(found: dict[str, Any]) -> str:
    case = found["case"]
    parts = [
        facts(
            {**case, **case["application"]},
            ("case_id", "status", "customer_id", "limit_requested", "missing", "reason_codes"),
        )
    ]
    if found["assessment"]:
        assessment = found["assessment"]
        judged = {
            "grade": assessment["rating"]["grade"],
            "limit_recommended": assessment["limit_recommended"],
            "binding": assessment["limit"]["binding"],
            "route": assessment["route"]["row"],
        }
        parts.append(facts(judged, tuple(judged)))
    if found["tasks"]:
        columns = {"task_id": "task", "position": "role", "status": "status", "due_at": "due"}
        parts.append(table(found["tasks"], columns))
    if found["letter"]:
        parts.append(facts(found["letter"], ("letter_no", "approved", "valid_until")))
    if found["line"]:
        parts.append(facts(found["line"], ("line_id", "status", "limit", "ends_on")))
    return "\n\n".join(parts)
