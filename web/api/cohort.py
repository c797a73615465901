"""Cohorts: what became of the lines approved in a month, by edition, approver or grade."""

from datetime import date
from enum import StrEnum
from typing import Annotated

from fastapi import Query, Response
from fastapi.responses import PlainTextResponse

from domain.cohort import CohortBy, CohortLetter, CohortTable
from domain.value import Value
from web.api.stage import stage
from web.callers import Asked, Caller
from web.service.cohort import letters_csv, table_csv

router = stage("cohort")

Month = Annotated[str, Query(pattern=r"^[0-9]{4}-[0-9]{2}$", description="YYYY-MM")]
Key = Annotated[str, Query(max_length=64, description="the cohort's `key`")]


class Form(StrEnum):
    JSON = "json"
    CSV = "csv"


class CohortLetters(Value):
    items: tuple[CohortLetter, ...]


@router.get("/reports/cohorts", response_model=CohortTable)
def read_cohorts(
    asked: Asked,
    caller: Caller,
    by: CohortBy = CohortBy.EDITION,
    as_of: date | None = None,
    form: Form = Form.JSON,
) -> CohortTable | Response:
    """Every cohort as of a day: how many were approved, and what has become of them."""
    table = asked.cohorts.read_table(caller, by, as_of)
    return csv_response(table_csv(table)) if form is Form.CSV else table


@router.get("/reports/cohorts/letters", response_model=CohortLetters)
def list_letters(
    asked: Asked,
    caller: Caller,
    by: CohortBy = CohortBy.EDITION,
    as_of: date | None = None,
    month: Month | None = None,
    key: Key | None = None,
    form: Form = Form.JSON,
) -> CohortLetters | Response:
    """The letters that a cohort counts; they sum up to its row."""
    found = asked.cohorts.list_letters(caller, by, as_of, month=month, key=key)
    return (
        csv_response(letters_csv(found)) if form is Form.CSV else CohortLetters(items=tuple(found))
    )


def csv_response(text: str) -> PlainTextResponse:
    return PlainTextResponse(text, media_type="text/csv; charset=utf-8")
