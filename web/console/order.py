"""Orders: the list, and the page of one: how far it has come, what it holds, and what was found."""

from enum import StrEnum
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import HTMLResponse

from domain.hold import HoldOn
from domain.money import Money
from domain.order import OrderStatus, OrderTerms
from web.api.pages import after_instant
from web.console.hold import hold_form, language_of, sentences
from web.console.lists import PAGE_SIZE, next_path, plain_amount
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem
from web.service.ids import new_id
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)
_Short = Annotated[str, Form(max_length=64)]
_Note = Annotated[str, Form(max_length=2000)]
_Filter = Annotated[str, Query(max_length=64)]


class _Act(StrEnum):
    """What an order's page does by a button alone."""

    RECHECK = "recheck"
    CLOSE = "close"
    CANCEL = "cancel"
    REOPEN = "reopen"


_TAKEN_BY = {
    _Act.RECHECK: (Action.ORDER_RECHECK, frozenset({OrderStatus.HELD})),
    _Act.CLOSE: (
        Action.ORDER_CHANGE,
        frozenset({OrderStatus.DELIVERED_PART, OrderStatus.DELIVERED, OrderStatus.INVOICED}),
    ),
    _Act.CANCEL: (
        Action.ORDER_CHANGE,
        frozenset({OrderStatus.OPEN, OrderStatus.RELEASED, OrderStatus.HELD, OrderStatus.QUOTED}),
    ),
    _Act.REOPEN: (Action.ORDER_CHANGE, frozenset({OrderStatus.CLOSED, OrderStatus.CANCELLED})),
}


def _acts(visit: Visit, status: OrderStatus) -> list[str]:
    """What this person may do to an order as it stands."""
    return [
        act.value
        for act, (action, statuses) in _TAKEN_BY.items()
        if status in statuses and permitted(visit.person, action)
    ]


@router.get("/orders")
def list_orders(
    visit: Visiting,
    status: str = "",
    customer: _Filter = "",
    line: _Filter = "",
    number: _Filter = "",
    after: str | None = None,
) -> HTMLResponse:
    """Orders, newest first."""
    chosen = status if status in set(OrderStatus) else ""
    found = visit.services.orders.list_orders(
        visit.person,
        status=OrderStatus(chosen) if chosen else None,
        customer_id=customer or None,
        line_id=line or None,
        order_no=number.strip() or None,
        before=after_instant(after),
        page_size=PAGE_SIZE + 1,
    )
    orders = found[:PAGE_SIZE]
    filters = {"status": chosen, "customer": customer, "line": line, "number": number}
    return visit.show(
        "order/orders.html",
        orders=orders,
        names=visit.customer_names(each.customer_id for each in orders),
        statuses=list(OrderStatus),
        chosen=filters,
        next_path=next_path(
            found, f"/orders?{urlencode(filters)}", lambda each: (each.placed_at, each.order_id)
        ),
    )


@router.get("/orders/{order_id}")
def show_order(visit: Visiting, order_id: str) -> HTMLResponse:
    """One order: how far it has come, what it holds, what was found, and what was done."""
    return _order_page(visit, order_id)


@router.post("/orders/{order_id}/change")
def change_order(
    visit: Writing, order_id: str, amount: _Short = "", terms: _Note = "", key: _Short = ""
) -> Response:
    """Change how much is ordered, or on which terms."""
    typed = {"amount": amount, "terms": terms}
    visit.when_refused(lambda refusal: _order_page(visit, order_id, typed, refusal))
    order = visit.services.orders.read(visit.person, order_id).order
    said = order.content.model_dump(include=set(OrderTerms.model_fields))
    said |= {
        "amount": Money.of(plain_amount(amount), order.currency),
        "terms": terms.strip() or None,
    }
    visit.services.orders.change(visit.person, order_id, visit.valid(OrderTerms, said), key or None)
    return visit.go(f"/orders/{order_id}", "order_changed")


@router.post("/orders/{order_id}/{act}")
def act_on_order(visit: Writing, order_id: str, act: str, key: _Short = "") -> Response:
    """Look again, close, call off or open again."""
    visit.when_refused(lambda refusal: _order_page(visit, order_id, refusal=refusal))
    orders, given = visit.services.orders, key or None
    match visit.parsed(_Act, act, "status"):
        case _Act.RECHECK:
            orders.recheck(visit.person, order_id)
        case _Act.CLOSE:
            orders.close(visit.person, order_id, given)
        case _Act.CANCEL:
            orders.cancel(visit.person, order_id, given)
        case _Act.REOPEN:
            orders.reopen(visit.person, order_id, given)
    return visit.go(f"/orders/{order_id}", "order_acted")


def _order_page(
    visit: Visit,
    order_id: str,
    typed: dict[str, str] | None = None,
    refusal: Problem | None = None,
) -> HTMLResponse:
    view = visit.services.orders.read(visit.person, order_id)
    order, person = view.order, visit.person
    names = visit.customer_names([order.customer_id])
    plain = {"amount": order.amount.text, "terms": order.content.terms or ""}
    findings = view.judged.findings if view.judged is not None else ()
    return visit.show(
        "order/order.html",
        refusal=refusal,
        order=order,
        hold=view.hold,
        judged=view.judged,
        findings=sentences(visit, findings),
        trace=[each.sentence(language_of(visit)) for each in view.judged.trace]
        if view.judged is not None
        else [],
        parts=view.parts,
        events=tuple(reversed(view.events)),
        customer_name=names.get(order.customer_id, order.customer_id),
        acts=_acts(visit, order.status),
        may_change=permitted(person, Action.ORDER_CHANGE)
        and not order.status.ended
        and order.status is not OrderStatus.QUOTED,
        opened=typed is not None,
        typed=plain | (typed or {}),
        hand=hold_form(visit, HoldOn.ORDER, order_id),
        key=new_id(),
    )
