"""Accounts that customers confirm: ask for one, answer it stamped or by its link, clear up differences."""

from datetime import date
from typing import Annotated

from fastapi import Path
from pydantic import Field

from domain.confirmation import AnswerContent, Difference, DifferenceOutcome, StampedAnswer
from domain.contract import Signatory
from domain.identity import Id
from domain.value import Value
from web.api.pages import Cursor, Page, PageSize, after_text, page_of
from web.api.stage import stage
from web.callers import Asked, Caller
from web.service.confirmation import ConfirmationBegun, ConfirmationLinkPage, ConfirmationView

router = stage("confirmation")

Link = Annotated[str, Path(min_length=1, max_length=200)]


class AskAccount(Value):
    """One customer as of a day; neither for the whole book, as policy says."""

    customer_id: Id | None = None
    as_of: date | None = None


class SignedAnswer(AnswerContent):
    """An answer with the name and capacity of whoever signs it for the customer."""

    signatory: Signatory


class DifferenceEnd(Value):
    """How a difference was cleared up."""

    outcome: DifferenceOutcome
    reason: Annotated[str, Field(min_length=1, max_length=2000)]


class Differences(Value):
    items: tuple[Difference, ...]


@router.post("/runs/confirmation", status_code=202)
def ask_accounts(asked: Asked, caller: Caller, body: AskAccount) -> ConfirmationBegun:
    """Send the accounts that are due, or one customer's as of a day; each account once."""
    return asked.confirmations.ask(caller, body.customer_id, body.as_of)


@router.get("/confirmations")
def list_confirmations(
    asked: Asked,
    caller: Caller,
    customer_id: Id | None = None,
    waiting: bool = False,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[ConfirmationView]:
    """Accounts that were asked for, newest first; `waiting` for an answer or to be cleared up."""
    found = asked.confirmations.list_confirmations(
        caller,
        customer_id=customer_id,
        waiting=waiting,
        before=after_text(cursor),
        page_size=page_size + 1,
    )
    return page_of(found, page_size, lambda each: (each.confirmation.confirmation_id,))


@router.get("/confirmations/{confirmation_id}")
def read_confirmation(asked: Asked, caller: Caller, confirmation_id: Id) -> ConfirmationView:
    """An account with its documents, what was answered, and what differs."""
    return asked.confirmations.read_confirmation(caller, confirmation_id)


@router.post("/confirmations/{confirmation_id}/answers")
def answer_confirmation(
    asked: Asked, caller: Caller, confirmation_id: Id, body: StampedAnswer
) -> ConfirmationView:
    """Put on record what came back stamped; said again, the same answer is one."""
    return asked.confirmations.answer(caller, confirmation_id, body)


@router.get("/confirmation-differences")
def list_differences(asked: Asked, caller: Caller, customer_id: Id | None = None) -> Differences:
    """What is still to be cleared up, earliest due first."""
    found = asked.confirmations.list_differences(caller, customer_id=customer_id)
    return Differences(items=tuple(found))


@router.post("/confirmation-differences/{difference_id}/end")
def close_difference(
    asked: Asked, caller: Caller, difference_id: Id, body: DifferenceEnd
) -> Difference:
    """Say how a difference was cleared up."""
    return asked.confirmations.close_difference(caller, difference_id, body.outcome, body.reason)


@router.get("/confirming/{token}")
def read_confirmation_page(asked: Asked, token: Link) -> ConfirmationLinkPage:
    """What a link leads to; whoever holds it acts for the customer."""
    return asked.confirmations.link_page(token)


@router.post("/confirming/{token}/answer")
def answer_confirmation_by_link(
    asked: Asked, token: Link, body: SignedAnswer
) -> ConfirmationLinkPage:
    """Answer and sign, for the customer."""
    content = AnswerContent.model_validate(body.model_dump(exclude={"signatory"}))
    return asked.confirmations.answer_by_link(token, content, body.signatory)
