"""Classes set by hand: set one, confirm or decline a better one, take one back, read them."""

from fastapi import Response

from domain.identity import Id
from domain.manual_class import ManualClass, ManualClassContent, ManualDecision, ManualReversal
from domain.value import Value
from web.api.pages import PageSize
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.manual_class import ManualClassView

router = stage("classification")


class ManualClasses(Value):
    items: tuple[ManualClass, ...]


@router.get("/manual-classes")
def list_newest(asked: Asked, caller: Caller, page_size: PageSize = 50) -> ManualClasses:
    """Classes set by hand of the customers one sees, the newest first."""
    return ManualClasses(items=tuple(asked.manual_classes.list_newest(caller, page_size)))


@router.get("/customers/{customer_id}/manual-classes")
def read_customer(asked: Asked, caller: Caller, customer_id: Id) -> ManualClassView:
    """Those of a customer, beside the class that counts, the one by rule, and what may be set."""
    return asked.manual_classes.read_customer(caller, customer_id)


@router.post("/customers/{customer_id}/manual-classes", status_code=201, response_model=ManualClass)
def set_class(write: Writing, customer_id: Id, body: ManualClassContent) -> Response:
    """Set a customer's class by hand; worse counts at once, better once it is confirmed."""
    return write.once(
        201, body, lambda: write.asked.manual_classes.set(write.caller, customer_id, body)
    )


@router.post("/manual-classes/{manual_id}/decision", response_model=ManualClass)
def decide(write: Writing, manual_id: Id, body: ManualDecision) -> Response:
    """Confirm or decline a better class that somebody else set."""
    return write.once(
        200, body, lambda: write.asked.manual_classes.decide(write.caller, manual_id, body)
    )


@router.post("/manual-classes/{manual_id}/reversal", response_model=ManualClass)
def take_back(write: Writing, manual_id: Id, body: ManualReversal) -> Response:
    """Take a class back, as if it had never been set."""
    return write.once(
        200, body, lambda: write.asked.manual_classes.take_back(write.caller, manual_id, body)
    )
