"""Uses with approval: ask for one, follow it, take it back, and review it at its release."""

from typing import Annotated

from pydantic import Field

from domain.identity import Id
from domain.use import ReleaseCheck, ReleaseItem, Use, UseContent, UseNote, UseStatus
from domain.value import Value
from web.api.pages import Cursor, Page, PageSize, after_instant, page_of
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.use import UseView

router = stage("use")

_Checks = Annotated[tuple[ReleaseCheck, ...], Field(max_length=len(ReleaseItem))]


class UseAsking(UseContent):
    """A use of a line, by name, with its deposit, what it is for and to whom it is paid."""

    line_id: Id


class UseWithdrawing(Value):
    note: UseNote = ""


class UseReviewing(Value):
    """What the release review saw, item by item."""

    checks: _Checks = ()
    note: UseNote = ""


@router.post("/uses", status_code=201)
def ask_use(write: Writing, body: UseAsking) -> Use:
    """Ask for a use that policy marks: reserved at once, then decided and released by others."""
    content = UseContent.model_validate(body.model_dump(exclude={"line_id"}))
    return write.asked.uses.ask(write.caller, body.line_id, content, write.key)


@router.get("/uses")
def list_uses(
    asked: Asked,
    caller: Caller,
    line_id: Id | None = None,
    customer_id: Id | None = None,
    status: UseStatus | None = None,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[Use]:
    """Uses that were asked for, newest first."""
    found = asked.uses.list_uses(
        caller,
        line_id=line_id,
        customer_id=customer_id,
        status=status,
        before=after_instant(cursor),
        page_size=page_size + 1,
    )
    return page_of(found, page_size, lambda each: (each.request.asked_at, each.request.use_id))


@router.get("/uses/{use_id}")
def read_use(asked: Asked, caller: Caller, use_id: Id) -> UseView:
    """A use: its release review as our records show it, who is asked, and what they said."""
    return asked.uses.read(caller, use_id)


@router.post("/uses/{use_id}/withdraw")
def withdraw_use(write: Writing, use_id: Id, body: UseWithdrawing) -> Use:
    """Take a use back before it is released; what it holds is given back."""
    return write.asked.uses.withdraw(write.caller, use_id, body.note)


@router.post("/uses/{use_id}/release")
def release_use(write: Writing, use_id: Id, body: UseReviewing) -> Use:
    """Release an approved use: its reservation becomes use."""
    return write.asked.uses.release(write.caller, use_id, body.checks, body.note)


@router.post("/uses/{use_id}/reject")
def reject_use(write: Writing, use_id: Id, body: UseReviewing) -> Use:
    """Reject an approved use at its release, with why; what it holds is given back."""
    return write.asked.uses.reject(write.caller, use_id, body.checks, body.note)
