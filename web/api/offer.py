"""Offers: read one, and take or leave it, for the customer at a desk or by its one-time link."""

from typing import Annotated

from fastapi import Path
from pydantic import Field

from domain.contract import Sha256
from domain.identity import Id
from domain.value import Value
from web.api.stage import stage
from web.callers import Asked, Caller
from web.service.offer import OfferPage, OfferView

router = stage("offer")

Link = Annotated[str, Path(min_length=1, max_length=200)]


class OfferAnswer(Value):
    """The customer's word on the version that was read."""

    accepts: bool
    offer_hash: Sha256
    note: Annotated[str, Field(max_length=2000)] = ""  # at a desk: how the customer answered


@router.get("/applications/{case_id}/offer")
def read_offer(asked: Asked, caller: Caller, case_id: Id) -> OfferView:
    """What the case's letter offers the customer, and what became of it."""
    return asked.offers.read_offer(caller, case_id)


@router.post("/applications/{case_id}/offer/answer")
def answer_offer(asked: Asked, caller: Caller, case_id: Id, body: OfferAnswer) -> OfferView:
    """Put on record what the customer answered; said again, the same answer is one."""
    return asked.offers.answer(
        caller, case_id, accepts=body.accepts, offer_hash=body.offer_hash, note=body.note
    )


@router.get("/offers/{token}")
def read_offer_page(asked: Asked, token: Link) -> OfferPage:
    """What a one-time link leads to; whoever holds it acts for the customer."""
    return asked.offers.offer_page(token)


@router.post("/offers/{token}/answer")
def answer_offer_by_link(asked: Asked, token: Link, body: OfferAnswer) -> OfferPage:
    """Take or leave the offer, for the customer."""
    return asked.offers.answer_by_link(
        token, accepts=body.accepts, offer_hash=body.offer_hash, note=body.note
    )
