"""Orders as documents: quote, place, change, split, deliver, invoice, end, and read them.

An order keeps its keys itself: a request under one that was answered gets that answer, marked
`Idempotent-Replayed`. An order that is held is an answer like any other, with every reason.
"""

from fastapi import Response

from activities.order import OrderAnswer
from domain.identity import Id
from domain.money import Money
from domain.order import (
    Order,
    OrderContent,
    OrderCredit,
    OrderInvoice,
    OrderStatus,
    OrderTerms,
)
from domain.value import Value
from web.api.pages import Cursor, Page, PageSize, after_instant, page_of
from web.api.stage import stage
from web.api.writes import Writing, marked
from web.callers import Asked, Caller
from web.service.order import OrderCounts, OrderSplit, OrderView

router = stage("order")


class OrderWanted(OrderContent):
    """An order of a customer."""

    customer_id: Id

    @property
    def content(self) -> OrderContent:
        return OrderContent.model_validate(self.model_dump(exclude={"customer_id"}))


class Delivering(Value):
    amount: Money | None = None  # of all that is not delivered yet


@router.post("/orders/quotes")
def quote_order(write: Writing, response: Response, body: OrderWanted) -> OrderAnswer:
    """What an order would be answered with; it takes nothing, and is kept as a quotation."""
    orders = write.asked.orders
    answer = orders.quote(write.caller, body.customer_id, body.content, write.key)
    return marked(response, answer)


@router.post("/orders", status_code=201)
def place_order(write: Writing, response: Response, body: OrderWanted) -> OrderAnswer:
    """Take an order on: checked and reserved, or held with every reason."""
    orders = write.asked.orders
    answer = orders.place(write.caller, body.customer_id, body.content, write.key)
    return marked(response, answer)


@router.get("/orders")
def list_orders(
    asked: Asked,
    caller: Caller,
    customer_id: Id | None = None,
    line_id: Id | None = None,
    status: OrderStatus | None = None,
    order_no: str | None = None,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[Order]:
    """Orders, newest first."""
    found = asked.orders.list_orders(
        caller,
        customer_id=customer_id,
        line_id=line_id,
        status=status,
        order_no=order_no,
        before=after_instant(cursor),
        page_size=page_size + 1,
    )
    return page_of(found, page_size, lambda each: (each.placed_at, each.order_id))


@router.get("/orders/counts")
def count_orders(
    asked: Asked, caller: Caller, customer_id: Id | None = None, line_id: Id | None = None
) -> OrderCounts:
    """How many open orders and holds there are, of a customer or a line."""
    return asked.orders.count(caller, customer_id=customer_id, line_id=line_id)


@router.get("/orders/{order_id}")
def read_order(asked: Asked, caller: Caller, order_id: Id) -> OrderView:
    """An order, its hold, what the newest check found, its parts and its history."""
    return asked.orders.read(caller, order_id)


@router.post("/orders/{order_id}/change", status_code=201)
def change_order(write: Writing, response: Response, order_id: Id, body: OrderTerms) -> OrderAnswer:
    """Change an order; all of its terms are said, and what is left out is none."""
    answer = write.asked.orders.change(write.caller, order_id, body, write.key)
    return marked(response, answer)


@router.post("/orders/{order_id}/split", status_code=201)
def split_order(write: Writing, response: Response, order_id: Id, body: OrderSplit) -> OrderAnswer:
    """Take parts off an order, each checked as an order of its own."""
    return marked(response, write.asked.orders.split(write.caller, order_id, body, write.key))


@router.post("/orders/{order_id}/deliver", status_code=201)
def deliver_order(
    write: Writing, response: Response, order_id: Id, body: Delivering
) -> OrderAnswer:
    """Deliver an order or a part: what is reserved for it becomes used."""
    answer = write.asked.orders.deliver(write.caller, order_id, body.amount, write.key)
    return marked(response, answer)


@router.post("/orders/{order_id}/invoice", status_code=201)
def invoice_order(
    write: Writing, response: Response, order_id: Id, body: OrderInvoice
) -> OrderAnswer:
    """Invoice what is delivered; the receivable is on record with it."""
    return marked(response, write.asked.orders.invoice(write.caller, order_id, body, write.key))


@router.post("/orders/{order_id}/credit", status_code=201)
def credit_order(
    write: Writing, response: Response, order_id: Id, body: OrderCredit
) -> OrderAnswer:
    """A credit note on an invoice of the order."""
    return marked(response, write.asked.orders.credit(write.caller, order_id, body, write.key))


@router.post("/orders/{order_id}/close", status_code=201)
def close_order(write: Writing, response: Response, order_id: Id) -> OrderAnswer:
    """Nothing more is delivered; what is reserved goes back."""
    return marked(response, write.asked.orders.close(write.caller, order_id, write.key))


@router.post("/orders/{order_id}/reopen", status_code=201)
def reopen_order(write: Writing, response: Response, order_id: Id) -> OrderAnswer:
    """Go on with an order that has ended; it is checked as a new one is."""
    return marked(response, write.asked.orders.reopen(write.caller, order_id, write.key))


@router.post("/orders/{order_id}/cancel", status_code=201)
def cancel_order(write: Writing, response: Response, order_id: Id) -> OrderAnswer:
    """Call an order off of which nothing is delivered."""
    return marked(response, write.asked.orders.cancel(write.caller, order_id, write.key))


@router.post("/orders/{order_id}/recheck", status_code=201)
def recheck_order(write: Writing, response: Response, order_id: Id) -> OrderAnswer:
    """Look at an order again now: a hold whose rules pass is cured."""
    return marked(response, write.asked.orders.recheck(write.caller, order_id))
