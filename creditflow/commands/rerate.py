"""`rerate`: the book judged anew, previewed by one person and put in force by another."""

from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, place, show
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

rerate = typer.Typer(add_completion=False, no_args_is_help=True, help="Re-rating of the book.")

Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")]

_RUN = ("run_id", "status", "business_on", "edition_hash", "moved", "unmoved", "failed")
_EFFECT = ("lines", "limits_before", "limits_supported", "exposure")
_WHO = ("preview_hash", "previewed_by", "applied_by")
_MOVING = ("previewing", "applying")


@rerate.command("list")
def list_runs(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """The newest runs first."""
    found = Caller(as_user, as_json=as_json).fetch("/runs/rerating")
    columns = {"run_id": "run", "status": "status", "business_on": "as of", "moved": "moved"}
    columns |= {"unmoved": "unmoved", "failed": "failed"}
    columns |= {"previewed_by": "previewed by", "applied_by": "applied by"}
    rows = [{**each, **each["counts"]} for each in found["items"]]
    answer(found, as_json=as_json, text=table(rows, columns))


@rerate.command()
def preview(
    industry: Annotated[
        list[str] | None,
        typer.Option("--industry", metavar="I", help="Of this industry alone; may be repeated."),
    ] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Judge every line in force anew; nothing changes by it. Exits 8: ask `show` how far it is."""
    reply = Caller(as_user, as_json=as_json).send("/runs/rerating", {"industries": industry or []})
    _begun(reply.document, as_json)


@rerate.command("show")
def show_run(
    run: Run,
    outcome: Annotated[
        str | None,
        typer.Option("--outcome", metavar="O", help="Its lines too: moved, unmoved or failed."),
    ] = None,
    to_review: Annotated[
        bool,
        typer.Option(
            "--to-review", help="Its lines that people will be asked about, and their sums."
        ),
    ] = False,
    most: Annotated[int, typer.Option("--most", min=1, help="How many lines.")] = 50,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """How far a run has come, its counts and hash; exits 8 while it is under way."""
    caller = Caller(as_user, as_json=as_json)
    found = caller.fetch(place("runs", "rerating", run))
    text = facts({**found, **found["counts"]}, (*_RUN, *_WHO))
    if to_review:
        effect = caller.fetch(place("runs", "rerating", run, "effect"))
        found = {**found, "effect": effect}
        text += "\n\n" + facts(effect, _EFFECT)
    if outcome is not None or to_review:
        lines = caller.fetch_all(
            place("runs", "rerating", run, "lines"),
            most,
            outcome=outcome,
            asks_review=to_review or None,
            page_size=min(most, 200),
        )
        found = {**found, "lines": lines}
        columns = {"line_id": "line", "customer_id": "customer", "grade_before": "before"}
        columns |= {"grade": "grade", "limit_before": "limit", "limit_supported": "supported"}
        columns |= {"binding": "bound by", "failure": "failure"}
        text += "\n\n" + table(lines, columns)
    show(found, text, as_json=as_json, pending=found["status"] in _MOVING)


@rerate.command()
def apply(
    run: Run,
    preview_hash: Annotated[
        str, typer.Option("--hash", metavar="HASH", help="Of the preview that you have seen.")
    ],
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Put in force exactly the preview of this hash; refused to whoever made it. Exits 8."""
    caller = Caller(as_user, as_json=as_json)
    body = {"preview_hash": preview_hash}
    reply = caller.send(place("runs", "rerating", run, "apply"), body, keyed=False)
    _begun(reply.document, as_json)


def _begun(found: dict[str, Any], as_json: bool) -> None:
    show(found, facts(found, ("run_id",)), as_json=as_json, pending=True)
