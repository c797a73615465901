"""Turnover: what a customer's VAT invoices come to by month, and the figures made of them."""

from datetime import date

from domain.identity import Id
from web.api.stage import stage
from web.callers import Asked, Caller
from web.service.turnover import Turnover

router = stage("turnover")


@router.get("/customers/{customer_id}/turnover")
def read_turnover(
    asked: Asked, caller: Caller, customer_id: Id, as_of: date | None = None
) -> Turnover:
    """The record by month as of a day, and every figure that a policy may name."""
    return asked.turnover.read(caller, customer_id, as_of)
