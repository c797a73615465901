"""`stuck`, `timeline`, `workflow`, `repairs`, `outbox`: what an operator does when something stands still."""

import json
from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place, show
from creditflow.commands.output import Exit, answer, refuse
from creditflow.commands.table import facts, table

workflow = typer.Typer(
    add_completion=False, no_args_is_help=True, help="One workflow, and what is done to it by hand."
)
repairs = typer.Typer(add_completion=False, no_args_is_help=True, help="Repairs by hand.")
outbox = typer.Typer(add_completion=False, no_args_is_help=True, help="What is owed to others.")

Workflow = Annotated[str, typer.Argument(metavar="WORKFLOW", help="Such as application/CASE.")]
Step = Annotated[str, typer.Argument(metavar="STEP", help="The step's number, from `show`.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Kept with the repair.")]
_STUCK = {"cause": "cause", "subject": "what", "case_id": "case", "step": "step"}
_STUCK |= {"step_id": "no", "attempts": "tries", "since": "since", "waiting_for": "waits for"}
_STUCK |= {"next_at": "next", "error": "error"}
_REPAIR: tuple[str, ...] = (
    "repair_id",
    "status",
    "act",
    "workflow_id",
    "step",
    "reason",
    "asked_by",
    "decided_by",
)
_REPAIR += ("outcome",)


def stuck(
    compare: Annotated[
        bool,
        typer.Option("--compare", help="Hold all open records against all running workflows."),
    ] = False,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What does not go on, the gravest cause first; exits 1 where there is anything."""
    found = Caller(as_user, as_json=as_json).fetch(
        "/operations/stuck", compare=str(compare).lower()
    )
    text = table(found["items"], _STUCK)
    if not found["temporal_answers"]:
        text = f"Temporal does not answer; from the records alone:\n{text}"
    if found["more"]:
        text += "\n\nThere is more than is listed: mend what is shown and look again."
    if found["compared"] is not None:
        text += f"\n\ncompared: {found['compared']} open records"
    answer(found, as_json=as_json, text=text)
    if found["items"] or not found["temporal_answers"]:
        raise SystemExit(int(Exit.REFUSED))


def timeline(
    case: Annotated[str, typer.Argument(metavar="CASE")],
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Records, workflows, entries, notices, outside calls and repairs in one order, oldest first;
    and in one sentence why the case waits."""
    found = Caller(as_user, as_json=as_json).fetch(place("applications", case, "timeline"))
    columns = {"at": "at", "source": "from", "kind": "what", "person_id": "who", "facts": "facts"}
    text = f"{table(found['items'], columns)}\n\n{found['sentence']}"
    answer(found, as_json=as_json, text=text)


# ── one workflow ─────────────────────────────────────────────────────────────────────────────────


@workflow.command("show")
def show_workflow(name: Workflow, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """How it stands, and the steps it waits for."""
    found = Caller(as_user, as_json=as_json).fetch("/operations/workflow", workflow_id=name)
    text = facts(found, ("workflow_id", "workflow", "status", "parent_id", "task_error"))
    columns = {"step_id": "no", "step": "step", "attempts": "tries", "paused": "paused"}
    columns |= {"next_at": "next", "error": "error"}
    answer(found, as_json=as_json, text=f"{text}\n\n{table(found['steps'], columns)}")


@workflow.command()
def retry(
    name: Workflow,
    step: Step,
    reason: Reason,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Try a step again now, without waiting for its next attempt."""
    _ask(Caller(as_user, as_json=as_json), as_json, key, name, "retry", reason, step_id=step)


@workflow.command()
def pause(
    name: Workflow,
    step: Step,
    reason: Reason,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Try a step no more until it is resumed."""
    _ask(Caller(as_user, as_json=as_json), as_json, key, name, "pause", reason, step_id=step)


@workflow.command()
def resume(
    name: Workflow,
    step: Step,
    reason: Reason,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Let a paused step be tried again."""
    _ask(Caller(as_user, as_json=as_json), as_json, key, name, "resume", reason, step_id=step)


@workflow.command()
def complete(
    name: Workflow,
    step: Step,
    reason: Reason,
    result: Annotated[str, typer.Option("--result", metavar="JSON", help="What it answers.")],
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Answer for a step by hand, where that is allowed; waits for a second person."""
    try:
        content = json.loads(result)
    except ValueError:
        refuse("malformed", "the result is not JSON", as_json=as_json, status=Exit.USAGE)
    caller = Caller(as_user, as_json=as_json)
    _ask(caller, as_json, key, name, "complete", reason, step_id=step, result=content)


@workflow.command()
def fail(
    name: Workflow,
    step: Step,
    reason: Reason,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """End a message's step as failed, so that it may be sent again; waits for a second person."""
    _ask(Caller(as_user, as_json=as_json), as_json, key, name, "fail", reason, step_id=step)


@workflow.command()
def reset(
    name: Workflow,
    to: Annotated[
        str, typer.Option("--to", metavar="POINT", help="first, last, a step, or a task's number.")
    ] = "last",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done again.")
    ] = False,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT")] = None,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Go back to an earlier point; a dry run says what would be done again and what has effect."""
    caller = Caller(as_user, as_json=as_json)
    found = caller.fetch("/operations/reset", workflow_id=name, to=to)
    plan = found["plan"]
    if dry_run:
        text = facts(plan, ("workflow_id", "event_id", "point_at", "children", "parent_id"))
        columns = {"event_id": "event", "at": "at", "name": "what", "repeat": "done again, it"}
        text += f"\neffects  {found['effects']}\n\n{table(plan['again'], columns)}"
        answer(found, as_json=as_json, text=text)
        return
    if reason is None:
        refuse("usage", "--dry-run or --reason", as_json=as_json, status=Exit.USAGE)
    point = {"event_id": plan["event_id"], "plan_hash": found["plan_hash"]}
    _ask(caller, as_json, key, name, "reset", reason, **point)


def _ask(
    caller: Caller,
    as_json: bool,
    key: str | None,
    name: str,
    act: str,
    reason: str,
    **content: Any,
) -> None:
    body = {"workflow_id": name, "act": act, "reason": reason, **content}
    _told(caller.send("/repairs", body, key).document, as_json)


# ── repairs ──────────────────────────────────────────────────────────────────────────────────────


@repairs.command("list")
def list_repairs(
    waiting: Annotated[bool, typer.Option("--waiting", help="For a second person.")] = False,
    of: Annotated[str | None, typer.Option("--of", metavar="WORKFLOW")] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What was done by hand, the newest first."""
    found = Caller(as_user, as_json=as_json).fetch(
        "/repairs", workflow_id=of, waiting=str(waiting).lower()
    )
    rows = [_flat(each) for each in found["items"]]
    answer(found, as_json=as_json, text=table(rows, {name: name for name in _REPAIR}))


@repairs.command()
def confirm(
    repair_id: Annotated[str, typer.Argument(metavar="REPAIR")],
    reason: Reason,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Confirm what somebody else asked for; it is carried out at once."""
    _decide(Caller(as_user, as_json=as_json), as_json, key, repair_id, "confirm", reason)


@repairs.command()
def decline(
    repair_id: Annotated[str, typer.Argument(metavar="REPAIR")],
    reason: Reason,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Decline what somebody else asked for; nothing is done."""
    _decide(Caller(as_user, as_json=as_json), as_json, key, repair_id, "decline", reason)


def _decide(
    caller: Caller, as_json: bool, key: str | None, repair_id: str, verdict: str, reason: str
) -> None:
    body = {"verdict": verdict, "reason": reason}
    _told(caller.send(place("repairs", repair_id, "decision"), body, key).document, as_json)


def _told(repair: dict[str, Any], as_json: bool) -> None:
    """Exits 8 while a second person is waited for, 1 where it was found wanting."""
    text = facts(_flat(repair), _REPAIR)
    show(repair, text, as_json=as_json, pending=repair["status"] in ("asked", "confirmed"))
    if repair["status"] == "found_wanting":
        raise SystemExit(int(Exit.REFUSED))


def _flat(repair: dict[str, Any]) -> dict[str, Any]:
    return {**repair["content"], **repair}


# ── the outbox ───────────────────────────────────────────────────────────────────────────────────


@outbox.command("list")
def list_outbox(
    channel: Annotated[str | None, typer.Option("--channel")] = None,
    state: Annotated[str | None, typer.Option("--state", help="pending, sent or failed.")] = None,
    most: Annotated[int, typer.Option("--most", min=1)] = 50,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What is owed to others, the newest first."""
    items = Caller(as_user, as_json=as_json).fetch_all(
        "/outbox", most, channel=channel, state=state, page_size=min(most, 200)
    )
    columns = {"entry_no": "no", "channel": "by", "kind": "what", "recipient": "to"}
    columns |= {"state": "state", "attempts": "tries", "last_error": "error"}
    answer({"items": items}, as_json=as_json, text=table(items, columns))


@outbox.command("resume")
def resume_entry(
    entry_no: Annotated[int, typer.Argument(metavar="NO", min=1)],
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Send again what was given up."""
    found = Caller(as_user, as_json=as_json).send(place("outbox", str(entry_no), "resume"), {}, key)
    text = facts(found.document, ("entry_no", "channel", "kind", "state", "last_error"))
    answer(found.document, as_json=as_json, text=text)
