"""Classes and expected losses: run over the book, the figures, and the customers they sum up."""

from datetime import date

from fastapi import Response

from domain.classification import (
    ClassFigures,
    ClassificationFailure,
    ClassificationRun,
    ClassStanding,
    FiveTier,
    Stage,
)
from domain.identity import Id
from domain.value import Value
from web.api.pages import Cursor, Page, PageSize, after_text, page_of
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.classification import ClassificationBegun, CustomerClasses

router = stage("classification")


class AsOf(Value):
    """The day to classify the book as of; today where none is named."""

    as_of: date | None = None


class ClassificationRuns(Value):
    items: tuple[ClassificationRun, ...]


@router.post("/runs/classification", status_code=202, response_model=ClassificationBegun)
def run(write: Writing, body: AsOf) -> Response:
    """Classify the book as of a day, and every later day that was run already."""
    return write.once(
        202, body, lambda: write.asked.classes.run(write.caller, body.as_of, write.run_id)
    )


@router.get("/runs/classification")
def list_runs(asked: Asked, caller: Caller, page_size: PageSize = 20) -> ClassificationRuns:
    """The newest runs first."""
    return ClassificationRuns(items=tuple(asked.classes.list_runs(caller, page_size)))


@router.get("/runs/classification/{run_id}")
def read_run(asked: Asked, caller: Caller, run_id: Id) -> ClassificationRun:
    """How far a run has come; seen is changed, unchanged and failed."""
    return asked.classes.read_run(caller, run_id)


@router.get("/runs/classification/{run_id}/failures")
def list_failures(
    asked: Asked, caller: Caller, run_id: Id, cursor: Cursor = None, page_size: PageSize = 50
) -> Page[ClassificationFailure]:
    """Whom a run could not judge, and the code of the refusal."""
    found = asked.classes.list_failures(
        caller, run_id, after=after_text(cursor), page_size=page_size + 1
    )
    return page_of(found, page_size, lambda each: (each.customer_id,))


@router.get("/classes")
def list_classes(
    asked: Asked,
    caller: Caller,
    as_of: date | None = None,
    tier: FiveTier | None = None,
    stage: Stage | None = None,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[ClassStanding]:
    """How customers stand as of a day, by id; their rows sum up to the figures."""
    found = asked.classes.list_classes(
        caller,
        as_of,
        tier=tier,
        stage=stage,
        after=after_text(cursor),
        page_size=page_size + 1,
    )
    return page_of(found, page_size, lambda each: (each.customer_id,))


@router.get("/classes/figures")
def read_figures(asked: Asked, caller: Caller, as_of: date | None = None) -> ClassFigures:
    """The book by tier and by stage as of a day, with the allowance for expected losses."""
    return asked.classes.read_figures(caller, as_of)


@router.get("/customers/{customer_id}/classes")
def read_customer(asked: Asked, caller: Caller, customer_id: Id) -> CustomerClasses:
    """The classes of a customer and the losses posted for it, the newest first."""
    return asked.classes.read_customer(caller, customer_id)
