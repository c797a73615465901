"""Benchmarks (基准利率): the newest fixings, one to enter or correct, and dates that wait for one."""

from decimal import Decimal, DecimalException
from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse

from domain.benchmark import FixingContent, FixingCorrection
from web.console.lists import typed_day
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)

_FIELDS = ("benchmark", "fixed_on", "percent", "source", "reason")


@router.get("/benchmarks")
def list_benchmarks(visit: Visiting, benchmark: str = "") -> HTMLResponse:
    """The newest fixing of each, and the history of the one that was chosen."""
    return _page(visit, benchmark)


@router.post("/benchmarks")
def record(
    visit: Writing,
    benchmark: Annotated[str, Form(max_length=20)] = "",
    fixed_on: Annotated[str, Form(max_length=10)] = "",
    percent: Annotated[str, Form(max_length=20)] = "",
    source: Annotated[str, Form(max_length=200)] = "",
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Enter a day's fixing; with a reason, correct the one that another has entered."""
    typed = {
        "benchmark": benchmark,
        "fixed_on": fixed_on,
        "percent": percent,
        "source": source,
        "reason": reason,
    }
    visit.when_refused(lambda refusal: _page(visit, benchmark, typed, refusal))
    content = {
        "benchmark": benchmark.strip(),
        "fixed_on": typed_day(fixed_on, "fixed_on"),
        "rate": _share(visit, percent),
        "source": source.strip(),
    }
    if reason.strip():
        correction = visit.valid(FixingCorrection, {**content, "reason": reason.strip()})
        visit.services.benchmarks.correct(visit.person, correction)
        return visit.go(f"/benchmarks?benchmark={benchmark}", "fixing_corrected")
    visit.services.benchmarks.record(visit.person, visit.valid(FixingContent, content))
    return visit.go(f"/benchmarks?benchmark={benchmark}", "fixing_recorded")


@router.post("/benchmarks/reprice")
def reprice(visit: Writing) -> Response:
    """Set the floating rates whose dates have come."""
    visit.services.benchmarks.reprice(visit.person)
    return visit.go("/benchmarks", "repricing_started")


def _page(
    visit: Visit,
    benchmark: str,
    typed: dict[str, str] | None = None,
    refusal: Problem | None = None,
) -> HTMLResponse:
    service, person = visit.services.benchmarks, visit.person
    findings = service.list_findings(person) if permitted(person, Action.REPRICING_READ) else ()
    return visit.show(
        "benchmark/benchmarks.html",
        refusal=refusal,
        fixings=service.list_fixings(person),
        chosen=benchmark,
        history=service.read_history(person, benchmark) if benchmark else (),
        findings=findings,
        typed=typed or {**dict.fromkeys(_FIELDS, ""), "benchmark": benchmark},
        may_record=permitted(person, Action.BENCHMARK_RECORD),
        may_run=permitted(person, Action.REPRICING_RUN),
    )


def _share(visit: Visit, percent: str) -> Decimal:
    """A rate as it is published, in per cent, as the share it is."""
    try:
        return Decimal(percent.strip()) / 100
    except DecimalException:
        raise visit.unreadable("percent", "a_percentage") from None
