"""Exposure: checks, reservations, use and repayment, and the book of a line.

Keys belong to the book itself: a request under one that was answered gets that answer, marked
`Idempotent-Replayed`, and a refusal stands under its key as a grant does.
"""

from typing import Annotated

from fastapi import Response
from pydantic import AwareDatetime, Discriminator, Field, Tag

from domain.exposure import Balance, Entry, Movement, OpenReservation, Proof
from domain.identity import Id
from domain.money import Money
from domain.terms import TEXT_MAX, PaymentTerms
from domain.value import Value
from web.api.pages import Cursor, PageSize, after_number, cursor_of
from web.api.stage import stage
from web.api.writes import Writing, marked
from web.callers import Asked, Caller

router = stage("exposure")

Reservation = Annotated[str, Field(min_length=1, max_length=64)]


# A code of the policy edition or a line of text, or else the typed rule.
OrderTerms = Annotated[
    Annotated[str, Field(min_length=1, max_length=TEXT_MAX), Tag("text")]
    | Annotated[PaymentTerms, Tag("rule")],
    Discriminator(lambda said: "text" if isinstance(said, str) else "rule"),
]


class CheckWanted(Value):
    """Whether a customer may be lent an amount; under a key it is reserved at once.

    `terms` are what the order says of payment: a code of the edition (`net_30`), a line of text
    (`net_days:30@invoice`) or the typed rule.
    """

    customer_id: Id
    amount: Money
    expires_at: AwareDatetime | None = None
    terms: OrderTerms | None = None


class Reserving(Value):
    amount: Money
    expires_at: AwareDatetime | None = None


class Committing(Value):
    reservation_id: Reservation
    amount: Money | None = None  # less than reserved: the rest returns


class Releasing(Value):
    reservation_id: Reservation


class Repaying(Value):
    amount: Money


class BookPage(Value):
    """Where a line stands, its group after it, and a page of its entries, newest first."""

    balances: tuple[Balance, ...]
    items: tuple[Entry, ...]
    next_cursor: str | None = None
    has_more: bool = False


class OpenReservations(Value):
    items: tuple[OpenReservation, ...]


@router.post("/checks")
def check(write: Writing, response: Response, body: CheckWanted) -> Movement:
    """Whether a customer may be lent an amount now; with `Idempotency-Key` it is reserved."""
    asked = write.asked.exposure.check(
        write.caller,
        body.customer_id,
        body.amount,
        write.key,
        expires_at=body.expires_at,
        terms=body.terms,
    )
    return marked(response, asked)


@router.post("/lines/{line_id}/reserve", status_code=201)
def reserve(write: Writing, response: Response, line_id: Id, body: Reserving) -> Movement:
    """Take an amount from a line (预占)."""
    moved = write.asked.exposure.reserve(
        write.caller, line_id, body.amount, write.key, expires_at=body.expires_at
    )
    return marked(response, moved)


@router.post("/lines/{line_id}/commit", status_code=201)
def commit(write: Writing, response: Response, line_id: Id, body: Committing) -> Movement:
    """A reservation becomes use (占用), wholly or for less."""
    moved = write.asked.exposure.commit(
        write.caller, line_id, body.reservation_id, write.key, amount=body.amount
    )
    return marked(response, moved)


@router.post("/lines/{line_id}/release", status_code=201)
def release(write: Writing, response: Response, line_id: Id, body: Releasing) -> Movement:
    """A reservation is given back (释放)."""
    moved = write.asked.exposure.release(write.caller, line_id, body.reservation_id, write.key)
    return marked(response, moved)


@router.post("/lines/{line_id}/repay", status_code=201)
def repay(write: Writing, response: Response, line_id: Id, body: Repaying) -> Movement:
    """Use is paid back, whatever the line's standing."""
    return marked(
        response, write.asked.exposure.repay(write.caller, line_id, body.amount, write.key)
    )


@router.get("/lines/{line_id}/entries")
def read_book(
    asked: Asked, caller: Caller, line_id: Id, cursor: Cursor = None, page_size: PageSize = 50
) -> BookPage:
    """Balances and entries of a line, newest first."""
    book = asked.exposure.read_book(
        caller, line_id, before_seq=after_number(cursor), page_size=page_size + 1
    )
    items, more = book.entries[:page_size], len(book.entries) > page_size
    return BookPage(
        balances=book.balances,
        items=items,
        next_cursor=cursor_of((items[-1].seq,)) if more else None,
        has_more=more,
    )


@router.get("/lines/{line_id}/reservations")
def list_reservations(asked: Asked, caller: Caller, line_id: Id) -> OpenReservations:
    """What is reserved on a line and not ended."""
    return OpenReservations(items=tuple(asked.exposure.list_reservations(caller, line_id)))


@router.post("/ledger/verify")
def verify(asked: Asked, caller: Caller) -> Proof:
    """Read the whole book again and prove every balance from it."""
    return asked.exposure.verify(caller)
