"""A party as customer and supplier: roles, what we owe it, and what is set off."""

from datetime import date

from fastapi import Response

from domain.identity import Id
from domain.trade import (
    PartyRole,
    Payable,
    PayableContent,
    RoleContent,
    SetOffAgreement,
    SetOffContent,
    Settlement,
    SettlementContent,
    Sides,
)
from domain.value import Value
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller

router = stage("trade")


class PartyRoles(Value):
    items: tuple[PartyRole, ...]


class SetOffAgreements(Value):
    items: tuple[SetOffAgreement, ...]


@router.get("/customers/{customer_id}/roles")
def list_roles(asked: Asked, caller: Caller, customer_id: Id) -> PartyRoles:
    """The roles of a party: customer, supplier, from when to when."""
    return PartyRoles(items=tuple(asked.trade.list_roles(caller, customer_id)))


@router.post("/customers/{customer_id}/roles", status_code=201, response_model=PartyRole)
def record_role(write: Writing, customer_id: Id, body: RoleContent) -> Response:
    """Put a role on record."""
    return write.once(
        201, body, lambda: write.asked.trade.record_role(write.caller, customer_id, body)
    )


@router.put("/customers/{customer_id}/roles/{role_id}", response_model=PartyRole)
def update_role(write: Writing, customer_id: Id, role_id: Id, body: RoleContent) -> Response:
    """What is known better of a role, such as its end; the version before stays on record."""
    return write.once(
        200, body, lambda: write.asked.trade.record_role(write.caller, customer_id, body, role_id)
    )


@router.post("/customers/{customer_id}/payables", status_code=201, response_model=Payable)
def record_payable(write: Writing, customer_id: Id, body: PayableContent) -> Response:
    """Enter what we owe the party by one of its invoices."""
    return write.once(
        201, body, lambda: write.asked.trade.record_payable(write.caller, customer_id, body)
    )


@router.post("/customers/{customer_id}/settlements", status_code=201, response_model=Settlement)
def settle(write: Writing, customer_id: Id, body: SettlementContent) -> Response:
    """Enter what we paid of a payable."""
    return write.once(201, body, lambda: write.asked.trade.settle(write.caller, customer_id, body))


@router.get("/customers/{customer_id}/set-off-agreements")
def list_agreements(asked: Asked, caller: Caller, customer_id: Id) -> SetOffAgreements:
    return SetOffAgreements(items=tuple(asked.trade.list_agreements(caller, customer_id)))


@router.post(
    "/customers/{customer_id}/set-off-agreements", status_code=201, response_model=SetOffAgreement
)
def record_agreement(write: Writing, customer_id: Id, body: SetOffContent) -> Response:
    """Put an agreement to set off on file; the document it names must be there."""
    return write.once(
        201, body, lambda: write.asked.trade.record_agreement(write.caller, customer_id, body)
    )


@router.get("/customers/{customer_id}/sides")
def read_sides(asked: Asked, caller: Caller, customer_id: Id, as_of: date | None = None) -> Sides:
    """What the party owes us, what we owe it, and what of that is set off, as of a day."""
    return asked.trade.sides(caller, customer_id, as_of)
