"""Exposure: checks, reservations, use and repayment, and the book of a line.

Keys belong to the book itself: a request under one that was answered gets that answer, marked
`Idempotent-Replayed`, and a refusal stands under its key as a grant does.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated

from fastapi import Response
from pydantic import AwareDatetime, Discriminator, Field, Tag

from domain.exposure import (
    Balance,
    Entry,
    LineExposure,
    Movement,
    OpenReservation,
    Proof,
    ProofPlace,
)
from domain.identity import Id
from domain.money import Money
from domain.terms import TEXT_MAX, PaymentTerms
from domain.value import Value
from web.api.pages import Cursor, PageSize, after_number, cursor_of
from web.api.stage import stage
from web.api.writes import Writing, marked
from web.callers import Asked, Caller
from web.service.exposure import AsOf, UseAsked

router = stage("exposure")

Reservation = Annotated[str, Field(min_length=1, max_length=64)]
Product = Annotated[str, Field(min_length=1, max_length=60)]


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
    use: UseAsked = UseAsked()


class Reserving(Value):
    amount: Money
    expires_at: AwareDatetime | None = None
    use: UseAsked = UseAsked()


class Committing(Value):
    reservation_id: Reservation
    amount: Money | None = None  # less than reserved: the rest returns
    keep_rest: bool = False  # or stays reserved, in what the answer names as kept


class Releasing(Value):
    reservation_id: Reservation
    amount: Money | None = None  # less than reserved: the rest stays reserved


class Splitting(Value):
    reservation_id: Reservation
    parts: tuple[Money, ...] = Field(min_length=1, max_length=100)


class Repaying(Value):
    amount: Money
    product: Product | None = None
    value_on: date | None = None  # the day it counts from; today where it is not said
    nominal: Money | None = None  # what ends by name, deposits and all; in proportion if not said


class Depositing(Value):
    amount: Money
    product: Product | None = None


class Exchanging(Value):
    """Free limit of one sub-line to another of the same line."""

    source: Product
    target: Product
    amount: Money


class SubLines(Value):
    items: tuple[Balance, ...]


class VerifyingOn(Value):
    """Go on with a proof from its place for some seconds; an empty place begins one."""

    place: ProofPlace = ProofPlace()
    seconds: float = Field(default=5, ge=0, le=30)


class Verified(Value):
    """How far a proof is, of one, and what it says once it is done."""

    place: ProofPlace
    share: Decimal
    proof: Proof | None = None


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
        use=body.use,
    )
    return marked(response, asked)


@router.post("/lines/{line_id}/reserve", status_code=201)
def reserve(write: Writing, response: Response, line_id: Id, body: Reserving) -> Movement:
    """Take an amount from a line (预占)."""
    moved = write.asked.exposure.reserve(
        write.caller, line_id, body.amount, write.key, expires_at=body.expires_at, use=body.use
    )
    return marked(response, moved)


@router.post("/lines/{line_id}/commit", status_code=201)
def commit(write: Writing, response: Response, line_id: Id, body: Committing) -> Movement:
    """A reservation becomes use (占用), wholly or for less."""
    moved = write.asked.exposure.commit(
        write.caller,
        line_id,
        body.reservation_id,
        write.key,
        amount=body.amount,
        keep_rest=body.keep_rest,
    )
    return marked(response, moved)


@router.post("/lines/{line_id}/release", status_code=201)
def release(write: Writing, response: Response, line_id: Id, body: Releasing) -> Movement:
    """A reservation is given back (释放); of an amount, the rest stays reserved."""
    moved = write.asked.exposure.release(
        write.caller, line_id, body.reservation_id, write.key, amount=body.amount
    )
    return marked(response, moved)


@router.post("/lines/{line_id}/split", status_code=201)
def split(write: Writing, response: Response, line_id: Id, body: Splitting) -> Movement:
    """A reservation becomes several (拆分), each ended by itself."""
    moved = write.asked.exposure.split(
        write.caller, line_id, body.reservation_id, body.parts, write.key
    )
    return marked(response, moved)


@router.post("/lines/{line_id}/repay", status_code=201)
def repay(write: Writing, response: Response, line_id: Id, body: Repaying) -> Movement:
    """Use is paid back, whatever the line's standing."""
    moved = write.asked.exposure.repay(
        write.caller,
        line_id,
        body.amount,
        write.key,
        product=body.product,
        value_on=body.value_on,
        nominal=body.nominal,
    )
    return marked(response, moved)


@router.post("/lines/{line_id}/deposit", status_code=201)
def deposit(write: Writing, response: Response, line_id: Id, body: Depositing) -> Movement:
    """A deposit is topped up (追加保证金): as much less is exposure."""
    moved = write.asked.exposure.deposit(
        write.caller, line_id, body.amount, write.key, product=body.product
    )
    return marked(response, moved)


@router.post("/lines/{line_id}/deposit-back", status_code=201)
def give_back_deposit(
    write: Writing, response: Response, line_id: Id, body: Depositing
) -> Movement:
    """A deposit is given back (释放保证金), where there is headroom for it."""
    moved = write.asked.exposure.deposit(
        write.caller, line_id, body.amount, write.key, product=body.product, back=True
    )
    return marked(response, moved)


@router.post("/lines/{line_id}/exchange", status_code=201)
def exchange(write: Writing, line_id: Id, body: Exchanging) -> SubLines:
    """Move free limit between two sub-lines (额度调剂); the sum stays."""
    moved = write.asked.exposure.exchange(
        write.caller, line_id, body.source, body.target, body.amount, write.key
    )
    return SubLines(items=moved)


@router.get("/lines/{line_id}/balance")
def read_as_of(
    asked: Asked, caller: Caller, line_id: Id, on: date, known_at: AwareDatetime | None = None
) -> AsOf:
    """Where a line stood at the end of a day by value, as it was known at an instant."""
    return asked.exposure.read_as_of(caller, line_id, on, known_at)


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


@router.get("/lines/{line_id}/exposure")
def read_parts(asked: Asked, caller: Caller, line_id: Id) -> LineExposure:
    """What a line's exposure is the sum of (敞口构成), each bucket with its documents."""
    return asked.exposure.read_parts(caller, line_id)


@router.get("/lines/{line_id}/reservations")
def list_reservations(asked: Asked, caller: Caller, line_id: Id) -> OpenReservations:
    """What is reserved on a line and not ended."""
    return OpenReservations(items=tuple(asked.exposure.list_reservations(caller, line_id)))


@router.post("/ledger/verify/step")
def verify_on(asked: Asked, caller: Caller, body: VerifyingOn) -> Verified:
    """Go on with a proof for some seconds; what answers is where the next call goes on."""
    place, proof = asked.exposure.verify_on(caller, body.place, seconds=body.seconds)
    return Verified(place=place, share=place.share, proof=proof)


@router.post("/ledger/verify")
def verify(asked: Asked, caller: Caller) -> Proof:
    """Read the whole book again and prove every balance from it."""
    return asked.exposure.verify(caller)
