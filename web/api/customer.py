"""Customers, their groups and their credit history."""

from datetime import date
from typing import Annotated

from fastapi import Query, Response

from domain.customer import (
    CreditEvent,
    CreditEventContent,
    Customer,
    CustomerContent,
    CustomerGroup,
    CustomerRecord,
    Identifier,
    IdentifierScheme,
)
from domain.errors import Malformed
from domain.identity import Id
from domain.profile import CreditProfile
from domain.value import Value
from web.api.pages import Cursor, Page, PageSize, after_text, page_of
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.customer import GroupView

router = stage("customer")


class CreditEvents(Value):
    items: tuple[CreditEvent, ...]


@router.get("/customers")
def list_customers(
    asked: Asked,
    caller: Caller,
    search: Annotated[str, Query(max_length=100)] = "",
    group_id: Id | None = None,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[Customer]:
    """The customers one sees, by id."""
    found = asked.customers.list_customers(
        caller,
        after=after_text(cursor),
        page_size=page_size + 1,
        search=search,
        group_id=group_id,
    )
    return page_of(found, page_size, lambda customer: (customer.customer_id,))


@router.post("/customers", status_code=201, response_model=Customer)
def record_customer(write: Writing, body: CustomerContent) -> Response:
    """Put a new customer on record; its codes are checked by their own digits."""
    return write.once(201, body, lambda: write.asked.customers.record(write.caller, body))


@router.get("/customers/by-identifier")
def read_by_identifier(
    asked: Asked,
    caller: Caller,
    scheme: IdentifierScheme,
    value: Annotated[str, Query(min_length=1, max_length=64)],
) -> Customer:
    """The customer that goes by a code."""
    try:
        identifier = Identifier(scheme=scheme, value=value)
    except ValueError:
        raise Malformed(reason=f"this is no {scheme}", reason_zh=f"不是有效的 {scheme}") from None
    return asked.customers.read_by_identifier(caller, identifier)


@router.get("/customers/{customer_id}")
def read_customer(asked: Asked, caller: Caller, customer_id: Id) -> CustomerRecord:
    """The customer by any of its ids; `merged_into` where another record answers for this one."""
    return asked.customers.read(caller, customer_id)


@router.put("/customers/{customer_id}", response_model=Customer)
def update_customer(write: Writing, customer_id: Id, body: CustomerContent) -> Response:
    """Replace what is said of a customer; the state before stays on record."""
    return write.once(
        200, body, lambda: write.asked.customers.update(write.caller, customer_id, body)
    )


@router.get("/customers/{customer_id}/profile")
def read_profile(
    asked: Asked, caller: Caller, customer_id: Id, as_of: date | None = None
) -> CreditProfile:
    """The customer's credit as it stood on a day, each figure with its source and its day."""
    return asked.profiles.read(caller, customer_id, as_of)


@router.get("/customers/{customer_id}/events")
def list_events(
    asked: Asked, caller: Caller, customer_id: Id, until: date | None = None
) -> CreditEvents:
    """The credit history, corrections among it."""
    return CreditEvents(items=tuple(asked.customers.list_events(caller, customer_id, until)))


@router.post("/customers/{customer_id}/events", status_code=201, response_model=CreditEvent)
def record_event(write: Writing, customer_id: Id, body: CreditEventContent) -> Response:
    """Add an event to the credit history; evidence it names must be on file."""
    return write.once(
        201, body, lambda: write.asked.customers.record_event(write.caller, customer_id, body)
    )


@router.post("/groups", status_code=201, response_model=CustomerGroup)
def record_group(write: Writing, body: CustomerGroup) -> Response:
    """Put a group on record: companies whose exposure counts as one."""
    return write.once(201, body, lambda: write.asked.customers.record_group(write.caller, body))


@router.get("/groups/{group_id}")
def read_group(asked: Asked, caller: Caller, group_id: Id) -> GroupView:
    """A group and those of its members one sees."""
    return asked.customers.read_group(caller, group_id)
