"""`benchmark`: fixings of benchmarks, and what lines bear by them."""

from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

_FIXING = {"benchmark": "benchmark", "fixed_on": "day", "version": "version", "rate": "rate"}
_FIXING |= {"source": "source", "recorded_by": "by", "reason": "reason"}
_RATE = {"from_on": "from", "rate_annual": "rate", "cause": "by", "spread_bp": "basis points"}

Code = Annotated[str, typer.Argument(metavar="BENCHMARK", help="As LPR1Y.")]
Day = Annotated[str, typer.Argument(metavar="DATE", help="The day it was published for.")]
Rate = Annotated[str, typer.Argument(metavar="RATE", help="As a share: 0.0305 is 3.05 %.")]
Source = Annotated[str, typer.Option("--source", metavar="T", help="Where it is published.")]

benchmark = typer.Typer(add_completion=False, help="Benchmark rates, and repricing.")


@benchmark.callback(invoke_without_command=True)
def list_fixings(
    ctx: typer.Context,
    on: Annotated[str | None, typer.Option("--on", metavar="DATE")] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """The newest fixing of each benchmark."""
    if ctx.invoked_subcommand is None:
        found = Caller(as_user, as_json=as_json).fetch("/benchmarks", on=on)
        answer(found, as_json=as_json, text=table(found["items"], _FIXING))


@benchmark.command()
def show(code: Code, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Every fixing of a benchmark, with its versions."""
    found = Caller(as_user, as_json=as_json).fetch(place("benchmarks", code))
    answer(found, as_json=as_json, text=table(found["items"], _FIXING))


@benchmark.command()
def record(
    code: Code,
    day: Day,
    rate: Rate,
    source: Source = "",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Enter a day's fixing once."""
    body = {"benchmark": code, "fixed_on": day, "rate": rate, "source": source}
    _said(Caller(as_user, as_json=as_json).send("/benchmarks", body, key).document, as_json=as_json)


@benchmark.command()
def correct(
    code: Code,
    day: Day,
    rate: Rate,
    note: Annotated[str, typer.Option("--note", metavar="T", help="Why.")],
    source: Source = "",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Follow a figure that somebody else entered wrongly by the right one."""
    body = {"benchmark": code, "fixed_on": day, "rate": rate, "source": source, "reason": note}
    caller = Caller(as_user, as_json=as_json)
    _said(caller.send("/benchmarks/corrections", body, key).document, as_json=as_json)


@benchmark.command()
def line(
    line_id: Annotated[str, typer.Argument(metavar="LINE")],
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Every rate of a line, and when the next one is set."""
    found = Caller(as_user, as_json=as_json).fetch(place("lines", line_id, "rates"))
    text = table(found["items"], _RATE) + "\n\n" + facts(found, ("line_id", "next_reprices_on"))
    answer(found, as_json=as_json, text=text)


@benchmark.command()
def reprice(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Set the floating rates whose dates have come, without waiting for the daily run."""
    found = Caller(as_user, as_json=as_json).send("/runs/repricing", {}).document
    answer(found, as_json=as_json, text=facts(found, ("run_id",)))


@benchmark.command()
def findings(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """The repricing dates that wait for a benchmark."""
    found = Caller(as_user, as_json=as_json).fetch("/runs/repricing/findings")
    columns = {"due_on": "date", "benchmark": "missing", "line_id": "line", "found_on": "found"}
    answer(found, as_json=as_json, text=table(found["items"], columns))


def _said(found: dict[str, Any], *, as_json: bool) -> None:
    answer(found, as_json=as_json, text=facts(found, tuple(_FIXING)))
