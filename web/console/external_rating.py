"""External ratings of a customer (外部评级): put one on file, or withdraw it; shown beside reports."""

from typing import Annotated

from fastapi import APIRouter, Form, Response, UploadFile

from domain.external_rating import AgencyRatingContent, WithdrawalContent
from web.console.page import Writing
from web.console.report import Typed, document_of, reports_page

router = APIRouter(include_in_schema=False)


@router.post("/customers/{customer_id}/external-ratings")
def record(
    visit: Writing,
    customer_id: str,
    file: UploadFile | None = None,
    agency: Annotated[str, Form()] = "",
    rating: Annotated[str, Form()] = "",
    outlook: Annotated[str, Form()] = "",
    rated_on: Annotated[str, Form()] = "",
    valid_until: Annotated[str, Form()] = "",
) -> Response:
    """Put an agency's rating on file, with its document."""
    typed = Typed(
        "rate",
        agency=agency,
        rating=rating,
        outlook=outlook,
        rated_on=rated_on,
        valid_until=valid_until,
    )
    visit.when_refused(lambda refusal: reports_page(visit, customer_id, typed, refusal))
    days = {
        "rated_on": visit.day(rated_on, "rated_on"),
        "valid_until": visit.day(valid_until, "valid_until"),
    }
    said = {"agency": agency, "rating": rating.strip(), "outlook": outlook, **days}
    content = visit.valid(AgencyRatingContent, {**said, "evidence_hash": document_of(visit, file)})
    visit.services.external_ratings.record(visit.person, customer_id, content)
    return visit.go(f"/customers/{customer_id}/reports", "rating_recorded")


@router.post("/customers/{customer_id}/external-ratings/withdrawals")
def withdraw(
    visit: Writing,
    customer_id: str,
    file: UploadFile | None = None,
    agency: Annotated[str, Form()] = "",
    withdrawn_on: Annotated[str, Form()] = "",
) -> Response:
    """Say that an agency rates the customer no longer, with its document."""
    typed = Typed("withdraw", agency=agency, withdrawn_on=withdrawn_on)
    visit.when_refused(lambda refusal: reports_page(visit, customer_id, typed, refusal))
    day = visit.day(withdrawn_on, "withdrawn_on")
    content = visit.valid(
        WithdrawalContent,
        {"agency": agency, "withdrawn_on": day, "evidence_hash": document_of(visit, file)},
    )
    visit.services.external_ratings.withdraw(visit.person, customer_id, content)
    return visit.go(f"/customers/{customer_id}/reports", "rating_withdrawn")
