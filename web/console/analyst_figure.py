"""Figures that an analyst supplies (分析师补录), from the page of the case that waits for them."""

from typing import Annotated

from fastapi import APIRouter, Form, Response, UploadFile

from domain.analyst_figure import FigureContent
from web.console.application import Typed, case_page
from web.console.page import Writing
from web.console.report import document_of

router = APIRouter(include_in_schema=False)


@router.post("/cases/{case_id}/figures")
def supply(
    visit: Writing,
    case_id: str,
    file: UploadFile | None = None,
    factor: Annotated[str, Form()] = "",
    value: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Give a figure that the case waits for, with its document."""
    typed = Typed(factor=factor, value=value, reason=reason)
    visit.when_refused(lambda refusal: case_page(visit, case_id, "figure", typed, refusal))
    content = visit.valid(
        FigureContent,
        {
            "factor": factor,
            "value": value.strip(),
            "reason": reason.strip(),
            "evidence_hash": document_of(visit, file),
        },
    )
    visit.services.analyst_figures.supply(visit.person, case_id, content)
    return visit.go(f"/cases/{case_id}", "figure_supplied")


@router.post("/cases/{case_id}/figures/{factor}/{version}/confirmation")
def confirm(visit: Writing, case_id: str, factor: str, version: int) -> Response:
    """The second person's word on a supplied figure."""
    visit.when_refused(lambda refusal: case_page(visit, case_id, "figure", Typed(), refusal))
    visit.services.analyst_figures.confirm(visit.person, case_id, factor, version)
    return visit.go(f"/cases/{case_id}", "figure_confirmed")
