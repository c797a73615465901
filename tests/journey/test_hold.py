"""An order that stands still, on real Temporal: cured by a payment, and released by an approval."""

import asyncio
from datetime import timedelta
from typing import Any

from domain.approval import ApprovalOutcome, TaskStatus, Verdict
from domain.hold import HoldStatus, ReleaseWanted
from domain.money import Money
from domain.order import Order, OrderContent, OrderStatus
from domain.receivable import InvoiceContent, PaymentContent
from tests.makers_line import open_line
from tests.road import Road

LINE = "line-1"


def cny(amount: int) -> Money:
    return Money.of(amount, "CNY")


async def a_line(road: Road) -> str:
    """A customer with a line of a thousand, on terms of forty days."""
    customer = road.keep_customer()
    on = road.services.clock.business_on()
    dates = {
        "starts_on": on,
        "last_draw_on": on + timedelta(days=300),
        "ends_on": on + timedelta(days=330),
        "review_due_on": on + timedelta(days=100),
    }
    fields = {"customer_id": customer.customer_id, "limit": cny(1000), "terms_days": 40}
    await road.call(open_line, road.records, LINE, **fields, **dates)
    return customer.customer_id


async def places(road: Road, customer_id: str, no: str, amount: int, **said: Any) -> Any:
    content = OrderContent(order_no=no, amount=cny(amount), **said)
    return await road.call(road.services.orders.place, road.people["orders"], customer_id, content)


async def comes_to(road: Road, order_id: str, status: OrderStatus) -> Order:
    """The order once it stands so; fails with how it stands if it does not."""
    for _ in range(400):
        view = await road.call(road.services.orders.read, road.people["auditor"], order_id)
        if view.order.status is status and view.order.asked is None:
            return view.order
        await asyncio.sleep(0.05)
    raise AssertionError(f"the order is {view.order.status}")


async def test_a_payment_cures_the_orders_it_lets_go_on(road: Road) -> None:
    customer_id = await a_line(road)
    on, orders = road.services.clock.business_on(), road.people["orders"]
    due = on - timedelta(days=50)
    invoice = InvoiceContent(
        invoice_no="late", issued_on=due - timedelta(days=5), due_on=due, amount=cny(300)
    )
    receivables = road.services.receivables
    await road.call(receivables.record_invoice, orders, customer_id, invoice)
    first = await places(road, customer_id, "SO-1", 700)
    second = await places(road, customer_id, "SO-2", 600)
    assert {first.order.status, second.order.status} == {OrderStatus.HELD}

    payment = PaymentContent(payment_no="P-1", invoice_no="late", paid_on=on, amount=cny(300))
    await road.call(receivables.record_payment, orders, customer_id, payment)

    await comes_to(road, first.order.order_id, OrderStatus.OPEN)
    await comes_to(road, second.order.order_id, OrderStatus.HELD)
    view = await road.call(road.services.holds.read, road.people["auditor"], first.hold.hold_id)
    assert (view.hold.status, view.hold.ended_by) == (HoldStatus.CURED, "system")
    assert view.hold.cause == "payment"
    book = await road.call(road.services.exposure.read_book, road.people["auditor"], LINE)
    assert book.balances[0].reserved == cny(700)


async def test_a_release_by_an_approver_lets_the_order_go_on(road: Road) -> None:
    customer_id = await a_line(road)
    held = await places(road, customer_id, "SO-1", 300, terms="net_60")
    assert held.order.status is OrderStatus.HELD
    wanted = ReleaseWanted(reason_code="season", note="it will not wait")
    holds = road.services.holds
    asked = await road.call(holds.ask_release, road.people["manager"], held.hold.hold_id, wanted)
    task = await open_task(road, asked.request.release_id)

    done = await road.decide("approver1", task, Verdict.APPROVE)

    assert done.outcome is ApprovalOutcome.APPROVED
    order = await comes_to(road, held.order.order_id, OrderStatus.RELEASED)
    assert order.taken == cny(300)
    view = await road.call(holds.read, road.people["auditor"], held.hold.hold_id)
    assert (view.hold.status, view.hold.letter_no) == (HoldStatus.RELEASED, done.letter_no)


async def open_task(road: Road, release_id: str) -> str:
    for _ in range(400):
        view = await road.call(road.services.holds.read_release, road.people["auditor"], release_id)
        found = [each.task_id for each in view.tasks if each.status is TaskStatus.OPEN]
        if found:
            return str(found[0])
        await asyncio.sleep(0.05)
    raise AssertionError("nobody was asked")
