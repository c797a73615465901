"""Collection cases: read them, take a promise, close one with a reason."""

from datetime import date
from typing import Annotated

from fastapi import Response
from pydantic import Field

from domain.collection import CollectionCase, CollectionProgress, CollectionStatus
from domain.identity import Id
from domain.value import Value
from web.api.application import Token
from web.api.pages import Cursor, Page, PageSize, after_text, page_of
from web.api.stage import stage
from web.api.writes import Writing, marked
from web.callers import Asked, Caller
from web.service.collection import CollectionView

router = stage("collection")


class Promise(Value):
    """The day by which the customer promised to pay."""

    promised_on: date
    note: Annotated[str, Field(max_length=2000)] = ""


class Closing(Value):
    reason: Annotated[str, Field(min_length=1, max_length=2000)]


@router.get("/collections")
def list_collections(
    asked: Asked,
    caller: Caller,
    status: CollectionStatus | None = None,
    customer_id: Id | None = None,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[CollectionCase]:
    """Collection cases on the customers one sees, newest first."""
    found = asked.collections.list_cases(
        caller,
        status=status,
        customer_id=customer_id,
        before=after_text(cursor),
        page_size=page_size + 1,
    )
    return page_of(found, page_size, lambda case: (case.collection_id,))


@router.get("/collections/{collection_id}")
def read_collection(asked: Asked, caller: Caller, collection_id: Id) -> CollectionView:
    """A case and everything that happened to it."""
    return asked.collections.read_case(caller, collection_id)


@router.post("/collections/{collection_id}/promise")
def promise(
    write: Writing, response: Response, collection_id: Id, body: Promise
) -> CollectionProgress:
    """The customer promised to pay by a day; letters rest until it is over."""
    return marked(
        response,
        write.asked.collections.promise(
            write.caller, collection_id, body.promised_on, note=body.note, key=write.key
        ),
    )


@router.post("/collections/{collection_id}/close")
def close(
    write: Writing, response: Response, collection_id: Id, body: Closing
) -> CollectionProgress:
    """End a case while something is overdue, with the reason why."""
    return marked(
        response,
        write.asked.collections.close(write.caller, collection_id, body.reason, key=write.key),
    )


@router.post("/collections/{collection_id}/token")
def issue_collection_token(asked: Asked, caller: Caller, collection_id: Id) -> Token:
    """A token for one message to this case by a tool that speaks to Temporal."""
    token = asked.collections.issue_token(caller, collection_id)
    return Token(token=token, subject=collection_id)
