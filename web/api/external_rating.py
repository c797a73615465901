"""External ratings of a customer: put one on file, withdraw it, read them and what they are of ours."""

from fastapi import Response

from domain.edition import ExternalRatingPolicy
from domain.external_rating import AgencyRatingContent, WithdrawalContent
from domain.identity import Id
from domain.value import Value
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.external_rating import RatingOnFile, Withdrawal

router = stage("external rating")


class RatingsOnFile(Value):
    items: tuple[RatingOnFile, ...]


@router.get("/external-ratings/mapping")
def read_mapping(asked: Asked, caller: Caller) -> ExternalRatingPolicy:
    """Which ratings of which agencies are which grade of ours, from when to when."""
    return asked.external_ratings.read_mapping(caller)


@router.get("/customers/{customer_id}/external-ratings")
def list_ratings(asked: Asked, caller: Caller, customer_id: Id) -> RatingsOnFile:
    """Every rating of the customer, newest first: whether it counts today, and as which grade."""
    return RatingsOnFile(items=tuple(asked.external_ratings.list_ratings(caller, customer_id)))


@router.post(
    "/customers/{customer_id}/external-ratings", status_code=201, response_model=RatingOnFile
)
def record_rating(write: Writing, customer_id: Id, body: AgencyRatingContent) -> Response:
    """Put an agency's rating on file; its document must be there."""
    return write.once(
        201, body, lambda: write.asked.external_ratings.record(write.caller, customer_id, body)
    )


@router.post(
    "/customers/{customer_id}/external-ratings/withdrawals",
    status_code=201,
    response_model=Withdrawal,
)
def withdraw_rating(write: Writing, customer_id: Id, body: WithdrawalContent) -> Response:
    """Say that an agency rates the customer no longer, from a day on."""
    return write.once(
        201, body, lambda: write.asked.external_ratings.withdraw(write.caller, customer_id, body)
    )
