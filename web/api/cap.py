"""Caps on customers and groups: ask for one, and read which are in force and what was asked for."""

from fastapi import Response

from domain.cap import Cap, CapContent, CapOwner, CapStatus
from domain.identity import Id
from web.api.pages import Cursor, Page, PageSize, after_instant, page_of
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.cap import CapsOf, CapView

router = stage("cap")


@router.get("/customers/{customer_id}/caps")
def read_customer_caps(asked: Asked, caller: Caller, customer_id: Id) -> CapsOf:
    """The caps in force over a customer's lines, by currency, and every one asked for."""
    return asked.caps.read_of(caller, CapOwner.CUSTOMER, customer_id)


@router.post("/customers/{customer_id}/caps", status_code=201, response_model=Cap)
def ask_customer_cap(write: Writing, customer_id: Id, body: CapContent) -> Response:
    """Ask for a cap over all lines of a customer, or that there be none; others decide."""
    return write.once(
        201,
        body,
        lambda: write.asked.caps.ask(write.caller, CapOwner.CUSTOMER, customer_id, body),
    )


@router.get("/groups/{group_id}/caps")
def read_group_caps(asked: Asked, caller: Caller, group_id: Id) -> CapsOf:
    """The caps in force over a group's lines, by currency, and every one asked for."""
    return asked.caps.read_of(caller, CapOwner.GROUP, group_id)


@router.post("/groups/{group_id}/caps", status_code=201, response_model=Cap)
def ask_group_cap(write: Writing, group_id: Id, body: CapContent) -> Response:
    """Ask for a cap over all lines of a group's members, or that there be none; others decide."""
    return write.once(
        201, body, lambda: write.asked.caps.ask(write.caller, CapOwner.GROUP, group_id, body)
    )


@router.get("/caps")
def list_caps(
    asked: Asked,
    caller: Caller,
    scope: CapOwner | None = None,
    owner_id: Id | None = None,
    status: CapStatus | None = None,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[Cap]:
    """Caps that were asked for, newest first."""
    found = asked.caps.list_caps(
        caller,
        scope=scope,
        owner_id=owner_id,
        status=status,
        before=after_instant(cursor),
        page_size=page_size + 1,
    )
    return page_of(found, page_size, lambda each: (each.request.asked_at, each.request.cap_id))


@router.get("/caps/{cap_id}")
def read_cap(asked: Asked, caller: Caller, cap_id: Id) -> CapView:
    """A cap that was asked for: who is asked, and what they said."""
    return asked.caps.read(caller, cap_id)
