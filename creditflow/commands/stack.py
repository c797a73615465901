"""`up`, `down`, `status`: the embedded stack."""

import os
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from creditflow.commands.output import Exit, answer, refuse, tell
from creditflow.stack import control
from creditflow.stack.home import Home, home

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of", metavar="DATE", help="Make this the business date (2020-06-30, or today)."
    ),
]

# Programs are told the password with --json; it need not stand on people's screens.
_PASSWORD = re.compile(r":[^:/@]*@")

# Where a day begins and ends for the demonstration grantor.
_ZONE = ZoneInfo("Asia/Shanghai")


def up(as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Start everything on this machine, and come back when all of it answers.

    What runs already is left as it is. Without --as-of the business date keeps the distance from
    the calendar that it had last time.
    """
    offset = _offset(as_of, as_json)
    place = home()
    if not control.status(place).ready:
        _refuse_unknown_settings(as_json)
    try:
        started = control.up(place, offset=offset, tell=tell)
    except control.OtherDate as refusal:
        refuse("other_date", str(refusal), as_json=as_json, status=Exit.CONFLICT)
    except control.StackFailed as failure:
        refuse("stack_failed", str(failure), as_json=as_json, status=Exit.UNREACHABLE)
    tell("everything is up" if started else "everything was up already")
    _show(place, as_json)


def down(as_json: AsJson = False) -> None:
    """Stop everything and wait until it has; records and cases stay."""
    try:
        stopped = control.down(home())
    except control.StackFailed as failure:
        refuse("stack_failed", str(failure), as_json=as_json, status=Exit.UNREACHABLE)
    text = "everything is stopped" if stopped else "nothing was running"
    answer({"stopped": stopped}, as_json=as_json, text=text)


def status(as_json: AsJson = False) -> None:
    """Where everything answers; exits 3 when nothing runs."""
    found = control.status(home())
    if not found.running:
        detail = "nothing is running; start it with `creditflow up`"
        refuse("not_running", detail, as_json=as_json, status=Exit.UNREACHABLE)
    _show(home(), as_json)


def _refuse_unknown_settings(as_json: bool) -> None:
    # Read in only here: nothing else of these commands needs it.
    from settings import unknown_variables

    if unknown := unknown_variables():
        detail = f"not a setting: {', '.join(unknown)}"
        refuse("setting_unknown", detail, as_json=as_json, status=Exit.USAGE)


def _offset(as_of: str | None, as_json: bool) -> int | None:
    if as_of is None:
        return None
    if os.environ.get("CREDITFLOW_PROFILE") == "production":
        detail = "in the production profile the business date is the calendar's"
        refuse("production_profile", detail, as_json=as_json)
    today = datetime.now(_ZONE).date()
    try:
        return control.days_from(today, today if as_of == "today" else date.fromisoformat(as_of))
    except ValueError:
        detail = "--as-of takes a date such as 2020-06-30, or today"
        refuse("date_malformed", detail, as_json=as_json, status=Exit.USAGE)


def _show(place: Home, as_json: bool) -> None:
    found = control.status(place)
    programs = found.content.get("programs", {})
    shown = {name: _PASSWORD.sub(":…@", address) for name, address in found.addresses.items()}
    rows = [f"{name:<12} {address}" for name, address in shown.items()]
    rows += [f"{name:<12} {_condition(one)}" for name, one in programs.items()]
    if offset := found.content.get("business_days_offset"):
        rows.append(f"business date {offset:+d} days from the calendar")
    rows.append(f"files        {place.root}")
    answer(found.addresses, as_json=as_json, text="\n".join(rows))


def _condition(program: Mapping[str, Any]) -> str:
    if program["ready"]:
        return f"ready, pid {program['pid']}" if program["pid"] else "done"
    if program["failures"]:
        return f"failed {program['failures']} times, see {program['log']}"
    return "starting" if program["pid"] else "waiting"
