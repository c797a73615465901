"""Bills: received, reported on, read."""

from datetime import date

from fastapi import Response

from domain.bill import BillContent, BillEventContent
from domain.identity import Id
from domain.value import Value
from web.api.pages import Cursor, Page, PageSize, after_text, page_of
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.bill import BillView

router = stage("bill")


class BillList(Value):
    items: tuple[BillView, ...]


@router.get("/bills")
def list_bills(
    asked: Asked, caller: Caller, cursor: Cursor = None, page_size: PageSize = 50
) -> Page[BillView]:
    """Every bill of the book, the newest first."""
    found = asked.bills.list_bills(caller, before=after_text(cursor), page_size=page_size + 1)
    return page_of(found, page_size, lambda each: (each.bill_id,))


@router.get("/bills/{bill_id}")
def read_bill(asked: Asked, caller: Caller, bill_id: Id, as_of: date | None = None) -> BillView:
    """A bill with all that became of it, as of a day."""
    return asked.bills.read(caller, bill_id, as_of)


@router.post("/bills/{bill_id}/events", status_code=201, response_model=BillView)
def report_bill(write: Writing, bill_id: Id, body: BillEventContent) -> Response:
    """A bill was endorsed, discounted, honoured or refused."""
    return write.once(201, body, lambda: write.asked.bills.report(write.caller, bill_id, body))


@router.get("/customers/{customer_id}/bills")
def list_customer_bills(
    asked: Asked, caller: Caller, customer_id: Id, as_of: date | None = None
) -> BillList:
    """The bills of a customer that were received by a day."""
    return BillList(items=tuple(asked.bills.list_of_customer(caller, customer_id, as_of)))


@router.post("/customers/{customer_id}/bills", status_code=201, response_model=BillView)
def receive_bill(write: Writing, customer_id: Id, body: BillContent) -> Response:
    """A bill received in place of invoices; its number again with the same content is that bill."""
    return write.once(201, body, lambda: write.asked.bills.receive(write.caller, customer_id, body))
