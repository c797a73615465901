"""What may be asked of orders: quote and place them, change, split, deliver, invoice, end and read them.

An act that moves the book is more than one transaction, so orders keep their keys themselves, as the
book does.
"""

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field
from sqlalchemy.orm import Session

from activities.order import Asked, OrderAnswer, OrderDesk
from domain.check import CheckResult
from domain.errors import DateInFuture, Malformed
from domain.hold import Hold
from domain.identity import Person
from domain.money import Money
from domain.order import (
    PARTS_MAX,
    Order,
    OrderAct,
    OrderContent,
    OrderCredit,
    OrderEvent,
    OrderInvoice,
    OrderPart,
    OrderStatus,
    OrderTerms,
)
from domain.value import Value
from policies.terms import terms_asked
from storage.base import Records
from storage.edition import Editions
from storage.exposure import Exposure
from storage.hold import Holds
from storage.order import Orders
from web.service.application import message_id_of
from web.service.clock import Clock
from web.service.customer import visible_customer
from web.service.ids import new_id
from web.service.permissions import Action, permit, visible_to


class OrderSplit(Value):
    parts: tuple[OrderPart, ...] = Field(min_length=1, max_length=PARTS_MAX)


class OrderView(Value):
    """An order, its hold, what the newest check found, what was split off it, and its history."""

    order: Order
    hold: Hold | None
    judged: CheckResult | None
    parts: tuple[Order, ...]
    events: tuple[OrderEvent, ...]


class OrderCounts(Value):
    """How many open orders and holds there are of a customer or a line."""

    orders: dict[OrderStatus, int]
    holds: int

    @property
    def open(self) -> int:
        return sum(self.orders.values())


class OrderService:
    """Orders, over one memory and one book."""

    def __init__(self, records: Records, exposure: Exposure, clock: Clock) -> None:
        self._records = records
        self._clock = clock
        self._desk = OrderDesk(records, exposure)

    def quote(
        self, person: Person, customer_id: str, content: OrderContent, key: str | None = None
    ) -> OrderAnswer:
        """What an order would be answered with; it takes nothing, and is kept as a quotation."""
        permit(person, Action.ORDER_PLACE)
        asked, order = self._new(person, customer_id, content, OrderAct.QUOTE, key)
        return self._desk.quote(asked, order)

    def place(
        self, person: Person, customer_id: str, content: OrderContent, key: str | None = None
    ) -> OrderAnswer:
        """Take an order on: checked and reserved, or held with every reason. The same order again is
        the one on record.

        Refuses `AlreadyExists` for its number with other content, `TermsUnreadable`, `CheckRefused`.
        """
        permit(person, Action.ORDER_PLACE)
        asked, order = self._new(person, customer_id, content, OrderAct.PLACE, key)
        return self._desk.place(asked, order)

    def change(
        self, person: Person, order_id: str, terms: OrderTerms, key: str | None = None
    ) -> OrderAnswer:
        """Change an order: more of it, or other terms, is checked; what is given up goes back."""
        permit(person, Action.ORDER_CHANGE)
        self._refuse_unreadable(terms)
        order = self._seen(person, order_id)
        return self._desk.change(self._asked(person, OrderAct.CHANGE, order, key), order_id, terms)

    def split(
        self, person: Person, order_id: str, split: OrderSplit, key: str | None = None
    ) -> OrderAnswer:
        """Take parts off an order; refuses `MoreThanOrdered` where they come to all of it."""
        permit(person, Action.ORDER_CHANGE)
        order = self._seen(person, order_id)
        numbers = [order.content.order_no, *(part.order_no for part in split.parts)]
        if len(set(numbers)) < len(numbers):
            raise Malformed(reason="every part of a split has a number of its own")
        parts = [(new_id(), part) for part in split.parts]
        return self._desk.split(self._asked(person, OrderAct.SPLIT, order, key), order_id, parts)

    def deliver(
        self, person: Person, order_id: str, amount: Money | None = None, key: str | None = None
    ) -> OrderAnswer:
        """Deliver an order, or a part of it: what is reserved for it becomes used."""
        permit(person, Action.ORDER_DELIVER)
        order = self._seen(person, order_id)
        asked = self._asked(person, OrderAct.DELIVER, order, key)
        return self._desk.deliver(asked, order_id, amount)

    def invoice(
        self, person: Person, order_id: str, said: OrderInvoice, key: str | None = None
    ) -> OrderAnswer:
        """Invoice what is delivered; refuses `MoreThanOrdered`, `AlreadyExists`, `DateInFuture`."""
        permit(person, Action.ORDER_DELIVER)
        today = self._clock.business_on()
        if said.issued_on > today:
            raise DateInFuture(field="issued_on", date=said.issued_on, business_on=today)
        order = self._seen(person, order_id)
        return self._desk.invoice(self._asked(person, OrderAct.INVOICE, order, key), order_id, said)

    def credit(
        self, person: Person, order_id: str, said: OrderCredit, key: str | None = None
    ) -> OrderAnswer:
        """A credit note: less is owed and less is used, and what was released is looked at again;
        refuses `AlreadyExists` for one that counts already."""
        permit(person, Action.ORDER_DELIVER)
        order = self._seen(person, order_id)
        return self._desk.credit(self._asked(person, OrderAct.CREDIT, order, key), order_id, said)

    def close(self, person: Person, order_id: str, key: str | None = None) -> OrderAnswer:
        """Nothing more is delivered; what is reserved goes back."""
        permit(person, Action.ORDER_CHANGE)
        order = self._seen(person, order_id)
        return self._desk.close(self._asked(person, OrderAct.CLOSE, order, key), order_id)

    def cancel(self, person: Person, order_id: str, key: str | None = None) -> OrderAnswer:
        """Call an order off of which nothing is delivered."""
        permit(person, Action.ORDER_CHANGE)
        order = self._seen(person, order_id)
        return self._desk.cancel(self._asked(person, OrderAct.CANCEL, order, key), order_id)

    def reopen(self, person: Person, order_id: str, key: str | None = None) -> OrderAnswer:
        """Go on with an order that has ended; it is checked as a new one is."""
        permit(person, Action.ORDER_CHANGE)
        order = self._seen(person, order_id)
        return self._desk.reopen(self._asked(person, OrderAct.REOPEN, order, key), order_id)

    def recheck(self, person: Person, order_id: str) -> OrderAnswer:
        """Look at an order again now."""
        permit(person, Action.ORDER_RECHECK)
        order = self._seen(person, order_id)
        asked = self._asked(person, OrderAct.RECHECK, order, None)
        return self._desk.recheck(asked.caused_by("recheck"), order_id)

    def read(self, person: Person, order_id: str) -> OrderView:
        permit(person, Action.ORDER_READ)
        with self._records.begin() as session:
            order = visible_order(session, person, order_id)
            orders = Orders(session)
            return OrderView(
                order=order,
                hold=Holds(session).find(order.hold_id) if order.hold_id is not None else None,
                judged=orders.judged(order_id),
                parts=tuple(orders.parts_of(order_id)),
                events=tuple(orders.events(order_id)),
            )

    def list_orders(
        self,
        person: Person,
        *,
        customer_id: str | None = None,
        line_id: str | None = None,
        status: OrderStatus | None = None,
        order_no: str | None = None,
        before: tuple[datetime, str] | None = None,
        page_size: int = 50,
    ) -> Sequence[Order]:
        """Orders of the customers the person sees, newest first."""
        permit(person, Action.ORDER_READ)
        with self._records.begin() as session:
            return Orders(session).list_page(
                page_size=page_size,
                before=before,
                customer_id=customer_id,
                line_id=line_id,
                status=status,
                order_no=order_no,
                manager_id=visible_to(person).manager_id,
            )

    def count(
        self, person: Person, *, customer_id: str | None = None, line_id: str | None = None
    ) -> OrderCounts:
        """Of a customer or a line that the person has been shown."""
        permit(person, Action.ORDER_READ)
        with self._records.begin() as session:
            return OrderCounts(
                orders=Orders(session).count_open(customer_id=customer_id, line_id=line_id),
                holds=Holds(session).count_open(customer_id=customer_id, line_id=line_id),
            )

    def _new(
        self,
        person: Person,
        customer_id: str,
        content: OrderContent,
        act: OrderAct,
        key: str | None,
    ) -> tuple[Asked, Order]:
        self._refuse_unreadable(content)
        with self._records.begin() as session:
            customer_id = visible_customer(session, person, customer_id).customer_id
        at, on = self._clock.now(), self._clock.business_on()
        order = Order.placed(new_id(), customer_id, content, person.person_id, at, on)
        return self._asked(person, act, order, key), order

    def _asked(self, person: Person, act: OrderAct, order: Order, key: str | None) -> Asked:
        return asked_by(person, self._clock, f"order/{act}", key)

    def _seen(self, person: Person, order_id: str) -> Order:
        with self._records.begin() as session:
            return visible_order(session, person, order_id)

    def _refuse_unreadable(self, terms: OrderTerms) -> None:
        """Nothing, or `TermsUnreadable` for terms that no check could rank, `ProductUnknown`."""
        if terms.terms is None and terms.product is None:
            return
        with self._records.begin() as session:
            edition = Editions(session).read_current(self._clock.business_on())
        if terms.terms is not None:
            terms_asked(terms.terms, edition)
        if terms.product is not None:
            edition.product(terms.product)


def asked_by(person: Person, clock: Clock, route: str, key: str | None) -> Asked:
    """Who asks, now, under a key of their own."""
    return Asked(
        person.person_id,
        clock.now(),
        clock.business_on(),
        clock.offset_days,
        message_id_of(person, route, key),
    )


def visible_order(session: Session, person: Person, order_id: str) -> Order:
    """The order, or `NotFound` to whoever does not see its customer."""
    order = Orders(session).read(order_id)
    visible_customer(session, person, order.customer_id)
    return order
