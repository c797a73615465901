"""Figures that an analyst supplies for a case that waits for them, and the second person's word."""

from fastapi import Response

from domain.analyst_figure import FigureContent
from domain.edition import Code
from domain.identity import Id
from domain.value import Value
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.analyst_figure import CaseFigures

router = stage("analyst figure")


class Confirmed(Value):
    """Which value is confirmed."""

    factor: Code
    version: int


@router.get("/applications/{case_id}/analyst-figures")
def list_of_case(asked: Asked, caller: Caller, case_id: Id) -> CaseFigures:
    """What analysts may supply for the case, within which bounds, and what they have."""
    return asked.analyst_figures.list_of_case(caller, case_id)


@router.post("/applications/{case_id}/analyst-figures", status_code=201, response_model=CaseFigures)
def supply(write: Writing, case_id: Id, body: FigureContent) -> Response:
    """Give a figure that the case waits for; its document must be on file."""
    return write.once(
        201, body, lambda: write.asked.analyst_figures.supply(write.caller, case_id, body)
    )


@router.post("/applications/{case_id}/analyst-figures/confirmation", response_model=CaseFigures)
def confirm(write: Writing, case_id: Id, body: Confirmed) -> Response:
    """The second person's word on a figure that policy asks two for."""
    return write.once(
        200,
        body,
        lambda: write.asked.analyst_figures.confirm(
            write.caller, case_id, body.factor, body.version
        ),
    )
