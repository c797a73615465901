"""Is what a line is taken by the sum of its buckets, whatever was done to its orders?"""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from activities.order import Asked, OrderDesk
from domain.errors import CreditError
from domain.exposure import ExposureBucket
from domain.money import Money, money_sum
from domain.order import (
    Order,
    OrderContent,
    OrderCredit,
    OrderInvoice,
    OrderPart,
    OrderStatus,
    OrderTerms,
)
from domain.receivable import Invoice, Payment
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions, shipped_text
from storage.exposure import Exposure, ExposureParts
from storage.order import Orders
from storage.receivable import Receivables
from tests.makers_line import LINE_ID, TODAY, cny, open_line
from tests.makers_policy import a_customer, an_edition

CUSTOMER = "c-1"
NOW = datetime(2026, 3, 2, 2, 30, tzinfo=UTC)
ACTS = (
    "place", "place", "deliver", "deliver", "invoice", "invoice", "credit", "pay", "change", "split",
    "close", "use", "repay", "dispute",
)  # fmt: skip
_numbers = count(1)


@pytest.fixture
def exposure(records: Records) -> Iterator[Exposure]:
    with records.begin() as session:
        Editions(session).publish(an_edition(), shipped_text("standard"), "test")
        customer = a_customer(customer_id=CUSTOMER)
        Customers(session).record(customer, business_on=TODAY, source="test", recorded_by="m")
    open_line(records, customer_id=CUSTOMER, limit=cny(20_000))
    opened = Exposure(records)
    yield opened
    opened.close()


class Sales:
    """Whatever is asked of the orders of one customer, and what of it is direct."""

    def __init__(self, records: Records, exposure: Exposure) -> None:
        self.records, self.exposure = records, exposure
        self.desk = OrderDesk(records, exposure)
        self.direct = 0
        self.settled = 0

    def orders(self) -> list[Order]:
        with self.records.begin() as session:
            return list(Orders(session).list_page(page_size=10_000))

    def act(self, name: str, which: int, amount: Money) -> None:
        orders = sorted(self.orders(), key=lambda each: each.order_id)
        if name in ("place", "use", "repay") or not orders:
            self._begin(name, amount)
            return
        if name in ("credit", "pay", "dispute"):
            orders = [each for each in orders if each.invoices]
        if not orders:
            return
        with suppress(CreditError):
            self._go_on(name, orders[which % len(orders)], amount)

    def _begin(self, name: str, amount: Money) -> None:
        n = next(_numbers)
        if name == "use":
            said: dict[str, Any] = {"business_on": TODAY}
            made = self.exposure.reserve(LINE_ID, amount, f"erp/{n}", **said)
            if n % 3:
                self.exposure.commit(LINE_ID, made.reservation_id or "", f"erp/{n}/c", **said)
                self.direct += amount.minor
        elif name == "repay":
            with suppress(CreditError):
                self.exposure.repay(LINE_ID, amount, f"erp/{n}", business_on=TODAY)
                self.direct -= amount.minor
        else:
            content = OrderContent(order_no=f"SO-{n}", amount=amount)
            order = Order.placed(f"o-{n}", CUSTOMER, content, "orders", NOW, TODAY)
            self.desk.place(Asked("orders", NOW, TODAY), order)

    def _go_on(self, name: str, order: Order, amount: Money) -> None:
        n, asked, order_id = next(_numbers), Asked("orders", NOW, TODAY), order.order_id
        due = {"issued_on": TODAY, "due_on": TODAY + timedelta(days=30)}
        match name:
            case "deliver":
                self.desk.deliver(asked, order_id, min(amount, order.taken))
            case "invoice":
                said = min(amount, order.unbilled) if n % 2 else order.unbilled
                self.desk.invoice(
                    asked, order_id, OrderInvoice(invoice_no=f"I-{n}", amount=said or None, **due)
                )
            case "credit":
                invoice = self._invoice(order, n)
                amount = min(amount, invoice.amount)
                note = OrderCredit(credit_no=f"C-{n}", invoice_no=invoice.invoice_no, amount=amount)
                with self.records.begin() as session:
                    by_hand = -Orders(session).spare(LINE_ID, "CNY").minor
                self.desk.credit(asked, order_id, note)
                # What somebody has repaid of it already is not repaid again.
                self.settled += min(amount.minor, max(by_hand, 0))
            case "pay":
                self._pay(self._invoice(order, n), amount, n)
            case "dispute":
                changed = self._invoice(order, n)
                changed = changed.model_copy(update={"disputed": not changed.disputed})
                with self.records.begin() as session:
                    Receivables(session).record_invoice(changed, business_on=TODAY, recorded_by="m")
            case "change":
                self.desk.change(asked, order_id, OrderTerms(amount=amount))
            case "split":
                part = OrderPart(order_no=f"SO-{n}", amount=amount)
                self.desk.split(asked, order_id, [(f"o-{n}", part)])
            case "close":
                self.desk.close(asked, order_id)

    def _invoice(self, order: Order, n: int) -> Invoice:
        with self.records.begin() as session:
            found = Receivables(session).invoices(CUSTOMER)
        return next(
            each for each in found if each.invoice_no == order.invoices[n % len(order.invoices)]
        )

    def _pay(self, invoice: Invoice, amount: Money, n: int) -> None:
        amount = min(amount, invoice.amount)
        payment = Payment(
            customer_id=CUSTOMER, payment_no=f"P-{n}", invoice_no=invoice.invoice_no,
            paid_on=TODAY, amount=amount,
        )  # fmt: skip
        with self.records.begin() as session:
            Receivables(session).record_payment(payment, recorded_by="m")
        self.settled += amount.minor

    def expected(self) -> dict[ExposureBucket, int]:
        orders = self.orders()
        with self.records.begin() as session:
            items = Receivables(session).open_items(TODAY, customer_id=CUSTOMER)
        open_ = {each.reservation_id: each.amount.minor
                 for each in self.exposure.open_reservations(LINE_ID)}  # fmt: skip
        held = {each.reservation_id for order in orders for each in order.reserved}
        found = {
            ExposureBucket.ORDERS: sum(order.taken.minor for order in orders),
            ExposureBucket.RESERVED: sum(m for id, m in open_.items() if id not in held),
            ExposureBucket.DELIVERIES: sum(order.unbilled.minor for order in orders),
            ExposureBucket.RECEIVABLES: sum(
                each.amount.minor for each in items if not each.invoice.disputed
            ),
            ExposureBucket.DISPUTED: sum(
                each.amount.minor for each in items if each.invoice.disputed
            ),
            ExposureBucket.SETTLED: self.settled,
            ExposureBucket.DIRECT: self.direct,
        }
        return {bucket: minor for bucket, minor in found.items() if minor}


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    acts=st.lists(
        st.tuples(st.sampled_from(ACTS), st.integers(0, 9), st.integers(1, 90_000)),
        min_size=20,
        max_size=45,
    )
)
def test_what_a_line_is_taken_by_is_the_sum_of_its_buckets_and_they_of_their_documents(
    records: Records, exposure: Exposure, acts: list[tuple[str, int, int]]
) -> None:
    with records.begin() as session:
        known = ExposureParts(session).read(LINE_ID)
    sales = Sales(records, exposure)
    sums = {each.bucket: each.amount.minor for each in known.buckets}
    sales.settled = sums.get(ExposureBucket.SETTLED, 0)
    sales.direct = sums.get(ExposureBucket.DIRECT, 0)
    for name, which, minor in acts:
        sales.act(name, which, Money(minor=minor, currency="CNY"))
    with records.begin() as session:
        found = ExposureParts(session).read(LINE_ID)
    line = exposure.balances(LINE_ID)[0]
    assert (found.reserved, found.used) == (line.reserved, line.used)
    for reserved, total in ((True, line.reserved), (False, line.used)):
        parts = [each.amount for each in found.buckets if each.bucket.is_reserved is reserved]
        assert money_sum(parts, "CNY") == total
    for each in found.buckets:
        documents = money_sum((one.amount for one in each.documents), "CNY")
        assert documents + each.others == each.amount
    amounts = {each.bucket: each.amount.minor for each in found.buckets if each.amount}
    assert amounts == sales.expected()
    assert exposure.verify().holds
    statuses = Counter(order.status for order in sales.orders())
    assert OrderStatus.ASKED not in statuses
