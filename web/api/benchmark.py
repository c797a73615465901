"""Benchmarks: fixings, their corrections, and the rates that lines bear by them."""

from datetime import date

from fastapi import Response

from domain.benchmark import Fixing, FixingContent, FixingCorrection, RateFinding
from domain.identity import Id
from domain.terms import BenchmarkCode
from domain.value import Value
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.benchmark import LineRateHistory, RepricingBegun

router = stage("benchmarks")


class FixingList(Value):
    items: tuple[Fixing, ...]


class RateFindings(Value):
    items: tuple[RateFinding, ...]


@router.get("/benchmarks")
def list_fixings(asked: Asked, caller: Caller, on: date | None = None) -> FixingList:
    """The newest fixing of each benchmark on or before a day."""
    return FixingList(items=tuple(asked.benchmarks.list_fixings(caller, on)))


@router.post("/benchmarks", status_code=201, response_model=Fixing)
def record_fixing(write: Writing, body: FixingContent) -> Response:
    """Enter a day's fixing once."""
    return write.once(201, body, lambda: write.asked.benchmarks.record(write.caller, body))


@router.post("/benchmarks/corrections", status_code=201, response_model=Fixing)
def correct_fixing(write: Writing, body: FixingCorrection) -> Response:
    """Follow a figure that was entered wrongly by the right one, with the reason."""
    return write.once(201, body, lambda: write.asked.benchmarks.correct(write.caller, body))


@router.get("/benchmarks/{benchmark}")
def read_history(asked: Asked, caller: Caller, benchmark: BenchmarkCode) -> FixingList:
    """Every version of a benchmark's fixings, the newest day first."""
    return FixingList(items=tuple(asked.benchmarks.read_history(caller, benchmark)))


@router.get("/lines/{line_id}/rates")
def read_rates(asked: Asked, caller: Caller, line_id: Id) -> LineRateHistory:
    """What a line bears, every rate it ever had, and when the next one is set."""
    return asked.benchmarks.read_rates(caller, line_id)


@router.post("/runs/repricing", status_code=202)
def reprice(asked: Asked, caller: Caller) -> RepricingBegun:
    """Set the floating rates whose dates have come."""
    return asked.benchmarks.reprice(caller)


@router.get("/runs/repricing/findings")
def list_findings(asked: Asked, caller: Caller) -> RateFindings:
    """The repricing dates that wait for a benchmark, each with its line."""
    return RateFindings(items=tuple(asked.benchmarks.list_findings(caller)))
