"""A real book of two years as orders: held as items fall overdue, and going on as payments arrive."""

import heapq
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import count

import pytest

from activities.order import Asked, OrderActivities, OrderDesk
from domain.check import RuleKind
from domain.hold import HoldStatus
from domain.money import Money, money_sum
from domain.order import Order, OrderContent, OrderInvoice, OrderStatus, RecheckPage
from domain.receivable import Payment
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions, shipped_text
from storage.exposure import Exposure, ExposureParts
from storage.hold import Holds
from storage.order import Orders
from storage.receivable import Receivables
from tests.makers_line import TODAY, cny, open_line
from tests.makers_policy import a_customer, an_edition
from tests.storage.test_receivable_real import Claim, claims, real

LIMIT = cny(400)
LATER = timedelta(days=7 * 740)  # the years of the book, moved into those of the edition
END = TODAY + timedelta(days=1400)


@dataclass
class Owed:
    """An invoice by our own count."""

    due_on: date
    paid_on: date
    amount: Money


@dataclass
class Customer:
    """A customer by our own count: what waits, and what it was invoiced."""

    customer_id: str
    waiting: dict[str, Claim] = field(default_factory=dict)
    owed: list[Owed] = field(default_factory=list)

    def reasons(self, amount: Money, on: date) -> set[RuleKind]:
        """Why an order of the customer would be held, by its open items alone."""
        open_ = [each for each in self.owed if each.paid_on > on]
        late = [each for each in open_ if each.due_on < on]
        overdue = money_sum((each.amount for each in late), "CNY")
        days = max(((on - each.due_on).days for each in late), default=0)
        used = money_sum((each.amount for each in open_), "CNY")
        found = {
            RuleKind.OVERDUE_DAYS: days > 30,
            RuleKind.OVERDUE_SHARE: overdue.minor * 10 > LIMIT.minor,
            RuleKind.DUNNING_LEVEL: days >= 61,
            RuleKind.LIMIT: amount > LIMIT - used,
        }
        return {kind for kind, fails in found.items() if fails}


class Book:
    """Orders of real invoices, day by day."""

    def __init__(self, records: Records, exposure: Exposure, real_claims: list[Claim]) -> None:
        self.records, self.exposure = records, exposure
        self.desk = OrderDesk(records, exposure)
        self.steps = OrderActivities(records, exposure)
        self.customers = {each.customer: Customer(each.customer) for each in real_claims}
        self._order = count()
        # Payments of a day come before its orders.
        self.events: list[tuple[date, int, int, Claim]] = []
        for claim in real_claims:
            self._await(claim.issued_on + LATER, 1, claim)
        self.held = self.freed = 0

    def days(self) -> Iterator[date]:
        """Every day that anything happens on, once all of it has; and the ends of the months."""
        month = (0, 0)
        while self.events:
            on = self.events[0][0]
            if (on.year, on.month) != month and month != (0, 0):
                yield date(*month, monthrange(*month)[1])
            month = (on.year, on.month)
            while self.events and self.events[0][0] == on:
                _, paid, _, claim = heapq.heappop(self.events)
                if paid:
                    self._place(claim, on)
                else:
                    self._pay(claim, on)

    def _await(self, on: date, kind: int, claim: Claim) -> None:
        heapq.heappush(self.events, (on, kind, next(self._order), claim))

    def _asked(self, on: date) -> Asked:
        return Asked("erp", datetime.combine(on, time(2), tzinfo=UTC), on)

    def _place(self, claim: Claim, on: date) -> None:
        asked, amount = self._asked(on), Money(minor=claim.cents, currency="CNY")
        content = OrderContent(order_no=claim.no, amount=amount)
        order = Order.placed(f"o-{claim.no}", claim.customer, content, "erp", asked.at, on)
        answer = self.desk.place(asked, order)
        customer = self.customers[claim.customer]
        expected = customer.reasons(amount, on)
        found = {each.kind for each in answer.hold.reasons} if answer.hold is not None else set()
        assert found == expected, (claim, on)
        if answer.hold is None:
            self._invoice(claim, on)
        else:
            self.held += 1
            customer.waiting[claim.no] = claim

    def _invoice(self, claim: Claim, on: date) -> None:
        asked, order_id = self._asked(on), f"o-{claim.no}"
        self.desk.deliver(asked, order_id, None)
        due_on = on + (claim.due_on - claim.issued_on)
        said = OrderInvoice(invoice_no=claim.no, issued_on=on, due_on=due_on)
        self.desk.invoice(asked, order_id, said)
        paid_on = on + max(claim.settled_on - claim.issued_on, timedelta(days=1))
        amount = Money(minor=claim.cents, currency="CNY")
        self.customers[claim.customer].owed.append(Owed(due_on, paid_on, amount))
        self._await(paid_on, 0, claim)

    def _pay(self, claim: Claim, on: date) -> None:
        payment = claim.payment.model_copy(
            update={"paid_on": on, "amount": Money(minor=claim.cents, currency="CNY")}
        )
        with self.records.begin() as session:
            Receivables(session).record_payment(
                Payment.model_validate(payment.model_dump()), recorded_by="erp"
            )
        customer = self.customers[claim.customer]
        page = RecheckPage(customer_id=claim.customer, cause="payment", at=self._asked(on).at)
        self.steps.recheck_orders(page)
        for no in list(customer.waiting):
            with self.records.begin() as session:
                order = Orders(session).read(f"o-{no}")
            if order.hold_id is None:
                self.freed += 1
                self._invoice(customer.waiting.pop(no), on)

    def audit(self, on: date) -> None:
        """Every hold is open for a reason that is true, and whatever waits is held."""
        with self.records.begin() as session:
            holds = Holds(session).list_page(status=HoldStatus.OPEN, page_size=10_000)
            waiting = Orders(session).list_page(status=OrderStatus.HELD, page_size=10_000)
        ours = {f"o-{no}" for each in self.customers.values() for no in each.waiting}
        assert {each.subject_id for each in holds} == ours
        assert {each.order_id for each in waiting} == ours
        for hold in holds:
            assert hold.amount is not None
            true = self.customers[hold.customer_id].reasons(hold.amount, on)
            stated = {each.kind for each in hold.reasons_now}
            assert stated & true, (hold.subject_id, on, stated)
            assert stated <= true | {RuleKind.LIMIT}, (hold.subject_id, on, stated, true)


def posted(records: Records, customers: int) -> None:
    chosen = sorted({each.customer for each in claims()})[:customers]
    book_claims = [each for each in claims() if each.customer in chosen]
    with records.begin() as session:
        Editions(session).publish(an_edition(), shipped_text("standard"), "test")
        for each in chosen:
            Customers(session).record(
                a_customer(customer_id=each, identifiers=()),
                business_on=TODAY,
                source="test",
                recorded_by="m",
            )
    dates = {"last_draw_on": END, "ends_on": END, "review_due_on": END}
    for each in chosen:
        open_line(records, f"line-{each}", customer_id=each, limit=LIMIT, **dates)
    exposure = Exposure(records)
    book = Book(records, exposure, book_claims)
    months = 0
    for month_end in book.days():
        book.audit(month_end)
        months += 1
    assert months >= 23
    assert book.held
    assert book.freed == book.held
    with records.begin() as session:
        counts = Orders(session).count_open()
        assert counts == {OrderStatus.INVOICED: len(book_claims)}
        assert Holds(session).list_page(status=HoldStatus.OPEN) == []
        for each in chosen:
            found = ExposureParts(session).read(f"line-{each}")
            assert (found.reserved, found.used) == (cny(0), cny(0))
            assert not any(part.amount for part in found.buckets)
    assert exposure.verify().holds
    exposure.close()


@real
def test_what_holds_an_order_is_true_and_a_payment_lets_it_go_on(records: Records) -> None:
    posted(records, 10)


@real
@pytest.mark.long
def test_it_is_so_for_the_whole_book(records: Records) -> None:
    posted(records, 100)
