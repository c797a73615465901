"""Checks of orders against brute force: whatever was ordered, delivered, owed, paid and decided.

The model keeps documents and nothing that is derived from them: for every check it adds up what the
line, its sub-lines, its customer, its guarantor and its group are taken by, and what is late. Every
order is checked at every stage after every step, and goes on, is held or is refused as the model says.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from activities.check import judge
from activities.order import Asked, OrderActivities, OrderDesk
from domain.check import Act, CheckResult, RuleKind, Stage
from domain.customer import CustomerGroup
from domain.edition import PolicyEdition
from domain.errors import CheckRefused
from domain.exposure import LimitPart, SubLimit, UseBounds
from domain.hold import Hold, HoldOn
from domain.order import (
    Order,
    OrderContent,
    OrderCredit,
    OrderInvoice,
    OrderStatus,
    OrderTerms,
    RecheckPage,
)
from domain.receivable import Invoice, Payment
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions, shipped_text
from storage.exposure import Accounts, Exposure
from storage.line import Lines
from storage.order import Orders
from storage.receivable import Receivables
from tests.machines import run_machine
from tests.makers_line import NOW, TODAY, a_letter, limit_of, minor, open_line, record_letter
from tests.makers_policy import a_customer, an_edition

PRODUCTS = ("open_account", "factoring")
LINE, CUSTOMER, GUARANTOR, GROUP = "line", "customer", "guarantor", "group"
AMOUNTS = st.integers(1, 40_000)
LIMITS = st.none() | st.integers(0, 300_000)
CAPS = st.none() | st.integers(80_000, 300_000)
LAST_DRAW, REVIEW_DUE = date(2027, 1, 30), date(2026, 9, 2)
LARGE = 10_000_000_00
FAR_DAYS, HORIZON_DAYS = 200, 180
BEFORE_DELIVERY = (Stage.QUOTE, Stage.ORDER, Stage.ORDER_CHANGE)
STOPS = (Act.HOLD, Act.REFUSE)


class Bill:
    def __init__(self, no: str, amount: int, issued: date, due: date) -> None:
        self.no, self.amount, self.issued, self.due = no, amount, issued, due
        self.reduced = 0

    @property
    def unpaid(self) -> int:
        return self.amount - self.reduced


class Sold:
    """An order, and what has come of it."""

    def __init__(self, no: str, product: str, amount: int, deliver_on: date | None) -> None:
        self.no, self.product, self.amount, self.deliver_on = no, product, amount, deliver_on
        self.reserved = self.delivered = self.returned = 0
        self.bills: list[Bill] = []
        self.held: Stage | None = None
        self.ended = False

    @property
    def used(self) -> int:
        return self.delivered - self.returned

    @property
    def covered(self) -> int:
        return self.reserved + self.delivered

    @property
    def billed(self) -> int:
        return sum(bill.amount for bill in self.bills)

    @property
    def freed(self) -> int:
        return sum(bill.reduced for bill in self.bills)

    def is_far(self, day: date) -> bool:
        return self.deliver_on is not None and self.deliver_on - timedelta(days=HORIZON_DAYS) > day


class Checked(RuleBasedStateMachine):
    """Every act goes to the desk and to the model."""

    records: Records
    exposure: Exposure
    edition: PolicyEdition
    numbers = count(1)
    seen: set[str]

    @initialize(
        limit=st.integers(100_000, 300_000),
        subs=st.tuples(st.integers(0, 200_000), st.integers(60_000, 200_000)),
        caps=st.tuples(CAPS, CAPS, CAPS),
    )
    def opened(
        self, limit: int, subs: tuple[int, int], caps: tuple[int | None, int | None, int | None]
    ) -> None:
        self.n, self.day = next(self.numbers), TODAY
        self.names, self.orders, self.others = count(1), list[Sold](), 0
        self.beside: list[Bill] = []
        self.frozen, self.hold_id = False, ""
        self.parts: tuple[LimitPart, ...] = ()
        self.limits: dict[str, int | None] = dict(
            zip((*PRODUCTS, CUSTOMER, GUARANTOR, GROUP), (*subs, *caps), strict=True)
        )
        self.limits[LINE] = limit
        self.desk = OrderDesk(self.records, self.exposure)
        group_id = f"group-{self.n}"
        with self.records.begin() as session:
            customers = Customers(session)
            customers.record_group(CustomerGroup(group_id=group_id, name=group_id))
            for each in (self.customer, f"other-{self.n}"):
                made = a_customer(customer_id=each, name=each, identifiers=(), group_id=group_id)
                customers.record(made, business_on=TODAY, source="t", recorded_by="m")
        sub_lines = tuple(
            SubLimit(product=product, limit=minor(of))
            for product, of in zip(PRODUCTS, subs, strict=True)
        )
        open_line(
            self.records,
            self.line,
            customer_id=self.customer,
            limit=minor(limit),
            bounds=UseBounds(sub_lines=sub_lines),
        )
        open_line(
            self.records,
            f"other-{self.n}",
            customer_id=f"other-{self.n}",
            limit=minor(10**9),
        )
        for name, of in zip((CUSTOMER, GUARANTOR, GROUP), caps, strict=True):
            self.decide_above(name, of)

    # ── what is done to orders ───────────────────────────────────────────────────────────────────

    @rule(product=st.sampled_from(PRODUCTS), amount=AMOUNTS, far=st.integers(0, 5))
    def place(self, product: str, amount: int, far: int) -> None:
        deliver_on = self.day + timedelta(days=FAR_DAYS) if far == 0 else None
        order = Sold(f"{self.n}-{next(self.names)}", product, amount, deliver_on)
        answer = self.asked(
            order, Stage.ORDER, lambda asked: self.desk.place(asked, self.written(order))
        )
        if answer is not None:
            self.orders.append(order)
            self.taken_on(order, answer, Stage.ORDER)

    @rule(pick=st.integers(0, 100), amount=AMOUNTS)
    def change(self, pick: int, amount: int) -> None:
        order = self.picked(pick, lambda each: not each.held and each.delivered < each.amount)
        if order is None or amount < order.delivered:
            return
        before, order.amount = order.amount, amount
        terms = self.written(order).content
        terms = OrderTerms.model_validate(terms.model_dump(include=set(OrderTerms.model_fields)))

        def act(asked: Asked) -> Any:
            return self.desk.change(asked, order.no, terms)

        if amount <= before:  # what only becomes less is not held for it
            act(self.by())
            self.cover(order)
            return
        answer = self.asked(order, Stage.ORDER_CHANGE, act)
        if answer is None:
            order.amount = before
        else:
            self.taken_on(order, answer, Stage.ORDER_CHANGE)

    @rule(pick=st.integers(0, 100), share=st.integers(1, 100))
    def deliver(self, pick: int, share: int) -> None:
        order = self.picked(pick, lambda each: not each.held and each.reserved > 0)
        if order is None:
            return
        amount = max(1, order.reserved * share // 100)
        answer = self.asked(
            order,
            Stage.DELIVERY,
            lambda asked: self.desk.deliver(asked, order.no, minor(amount)),
            passed=True,
        )
        if answer is Act.HOLD:
            order.held = Stage.DELIVERY
        elif answer is not None:
            order.reserved -= amount
            order.delivered += amount

    @rule(pick=st.integers(0, 100), share=st.integers(1, 100), days=st.integers(0, 60))
    def invoice(self, pick: int, share: int, days: int) -> None:
        order = self.picked(pick, lambda each: each.delivered > each.billed)
        if order is None:
            return
        amount = max(1, (order.delivered - order.billed) * share // 100)
        bill = Bill(f"I-{next(self.names)}", amount, self.day, self.day + timedelta(days=days))
        said = OrderInvoice(
            invoice_no=bill.no, amount=minor(amount), issued_on=bill.issued, due_on=bill.due
        )
        self.asked(
            order,
            Stage.INVOICE,
            lambda asked: self.desk.invoice(asked, order.no, said),
            passed=True,
        )
        order.bills.append(bill)

    @rule(pick=st.integers(0, 100), share=st.integers(1, 100), credited=st.booleans())
    def pay(self, pick: int, share: int, credited: bool) -> None:
        """A credit note frees the line at once, a payment when the orders are looked at."""
        order = self.picked(pick, lambda each: each.billed > each.freed, ended=True)
        if order is None:
            return
        bill = next(each for each in order.bills if each.unpaid)
        amount, no = max(1, bill.unpaid * share // 100), f"P-{next(self.names)}"
        if credited:
            note = OrderCredit(credit_no=no, invoice_no=bill.no, amount=minor(amount))
            self.desk.credit(self.by(), order.no, note)
            order.returned += amount
            bill.reduced += amount
        else:
            self.paid(bill, amount, no)

    @rule(amount=st.integers(5_000, 60_000), days=st.integers(0, 60))
    def owes_beside(self, amount: int, days: int) -> None:
        """An invoice of another system, of no order of ours."""
        bill = Bill(f"I-{next(self.names)}", amount, self.day, self.day + timedelta(days=days))
        invoice = Invoice(
            customer_id=self.customer,
            invoice_no=bill.no,
            issued_on=bill.issued,
            due_on=bill.due,
            amount=minor(amount),
        )
        with self.records.begin() as session:
            Receivables(session).record_invoice(invoice, business_on=self.day, recorded_by="m")
        self.beside.append(bill)

    @rule(pick=st.integers(0, 100), share=st.integers(50, 100))
    def pays_beside(self, pick: int, share: int) -> None:
        found = [bill for bill in self.beside if bill.unpaid]
        if found:
            bill = found[pick % len(found)]
            self.paid(bill, max(1, bill.unpaid * share // 100), f"P-{next(self.names)}")

    def paid(self, bill: Bill, amount: int, no: str) -> None:
        payment = Payment(
            customer_id=self.customer,
            payment_no=no,
            invoice_no=bill.no,
            paid_on=self.day,
            amount=minor(amount),
        )
        with self.records.begin() as session:
            Receivables(session).record_payment(payment, recorded_by="m")
        bill.reduced += amount

    @rule(pick=st.integers(0, 100))
    def close(self, pick: int) -> None:
        order = self.picked(pick, lambda each: each.billed < each.amount)
        if order is None:
            return
        self.desk.close(self.by(), order.no)
        order.ended, order.held, order.reserved = True, None, 0

    @rule(pick=st.integers(0, 100))
    def reopen(self, pick: int) -> None:
        order = self.picked(pick, lambda each: each.ended, ended=True)
        if order is None:
            return
        answer = self.asked(
            order, Stage.ORDER_CHANGE, lambda asked: self.desk.reopen(asked, order.no)
        )
        if answer is not None:
            order.ended = False
            self.taken_on(order, answer, Stage.ORDER_CHANGE)

    @rule()
    def look_again(self) -> None:
        """As the payment, the sweep and what comes free do: until nothing is left to do."""
        page = RecheckPage(customer_id=self.customer, cause="payment", at=self.at, offset_days=0)
        for _ in range(3):
            OrderActivities(self.records, self.exposure).recheck_orders(page)
            for order in self.orders:
                self.looked_at(order)

    def looked_at(self, order: Sold) -> None:
        if order.freed > order.returned:
            order.returned = order.freed
        elif order.held is not None:
            if self.verdict(order, order.held)[0] not in STOPS:
                order.held = None
                self.cover(order)
        elif not order.ended and order.covered < order.amount and not order.is_far(self.day):
            act, _ = self.verdict(order, Stage.ORDER)
            if act is Act.HOLD:
                order.held = Stage.ORDER
            elif act is not Act.REFUSE:
                self.cover(order)

    # ── what is decided beside them ──────────────────────────────────────────────────────────────

    @rule(
        limit=st.integers(20_000, 300_000),
        parts=st.lists(
            st.tuples(
                st.integers(-60_000, 60_000), st.integers(-5, 40), st.none() | st.integers(0, 40)
            ),
            max_size=2,
        ),
    )
    def decide(self, limit: int, parts: list[tuple[int, int, int | None]]) -> None:
        self.limits[LINE] = limit
        self.parts = tuple(
            LimitPart(
                amount=minor(amount),
                from_on=self.day + timedelta(days=start),
                until_on=None if lasts is None else self.day + timedelta(days=start + lasts),
                code="temporary",
            )
            for amount, start, lasts in parts
        )
        letter_no = self.letter()
        with self.records.begin() as session:
            Accounts(session).set_limit(
                self.line,
                limit_of(limit),
                decision_id=letter_no,
                key=letter_no,
                business_on=self.day,
                parts=self.parts,
            )

    @rule(name=st.sampled_from([CUSTOMER, GUARANTOR, GROUP]), limit=LIMITS)
    def decide_above(self, name: str, limit: int | None) -> None:
        self.limits[name] = limit
        said: dict[str, Any] = {"decision_id": self.letter(), "business_on": self.day}
        with self.records.begin() as session:
            accounts = Accounts(session)
            if name == CUSTOMER:
                accounts.set_customer_cap(self.customer, "CNY", limit_of(limit), **said)
            elif name == GUARANTOR:
                stands_on = {(GUARANTOR, f"guarantor-{self.n}"): limit_of(limit)}
                accounts.set_cover(self.line, "CNY", stands_on, **said)
            else:
                key = f"{said['decision_id']}/group"
                accounts.set_limit(
                    f"group-{self.n}", limit_of(limit), key=key, kind="group", **said
                )

    @rule(amount=AMOUNTS)
    def another_of_the_group_takes(self, amount: int) -> None:
        group = self.limits[GROUP]
        taken = sum(order.reserved + order.used for order in self.orders) + self.others
        if self.day <= LAST_DRAW and (group is None or amount <= group - taken):
            key = f"{self.n}/{next(self.names)}"
            self.exposure.reserve(f"other-{self.n}", minor(amount), key, business_on=self.day)
            self.others += amount

    @rule()
    def freeze(self) -> None:
        said: dict[str, Any] = {"message_id": f"{self.n}-{next(self.names)}", "at": self.at}
        with self.records.begin() as session:
            if self.frozen:
                Lines(session).unfreeze(self.line, person_id="head", **said)
            else:
                Lines(session).freeze(self.line, reason="fraud", person_id="risk", **said)
        self.frozen = not self.frozen

    @rule()
    def hold(self) -> None:
        """By hand, on the customer; or another lifts it, and what waited is looked at."""
        if self.hold_id:
            self.desk.lift(self.by("head"), self.hold_id, "cleared")
            self.hold_id = ""
            return
        self.hold_id = f"hold-{self.n}-{next(self.names)}"
        hold = Hold(
            hold_id=self.hold_id,
            holds=HoldOn.CUSTOMER,
            subject_id=self.customer,
            customer_id=self.customer,
            manual=True,
            set_by="risk",
            reason_code="fraud_suspected",
            note="the letterhead is another's",
            looked_at=self.at,
            owner="role.risk_officer",
            opened_at=self.at,
            opened_on=self.day,
            due_at=self.at,
            review_on=self.day,
        )
        self.desk.hold(self.by("risk"), hold)

    @rule(days=st.integers(1, 45) | st.sampled_from([90, 180, 360]))
    def night(self, days: int) -> None:
        self.day += timedelta(days=days)

    # ── what is looked at ────────────────────────────────────────────────────────────────────────

    @invariant()
    def every_stage_is_judged_as_the_model_does(self) -> None:
        if not hasattr(self, "day"):
            return
        new = Sold(f"{self.n}-new", PRODUCTS[0], 5_000, None)
        far = Sold(f"{self.n}-far", PRODUCTS[1], 5_000, self.day + timedelta(days=FAR_DAYS))
        large = Sold(f"{self.n}-large", PRODUCTS[1], LARGE + 1, None)
        with self.records.begin() as session:
            for order in (new, far, large):
                for stage in Stage:
                    found = judge(session, self.written(order), stage, self.day).result
                    self.agree(found, order, stage)
            for order in self.orders[-3:]:
                written = Orders(session).read(order.no)
                for stage in (Stage.ORDER_CHANGE, Stage.DELIVERY):
                    judged = judge(session, written, stage, self.day, line_id=self.line)
                    self.agree(judged.result, order, stage)

    @invariant()
    def the_book_and_the_orders_agree(self) -> None:
        if not hasattr(self, "day"):
            return
        (line, *_) = self.exposure.balances(self.line, self.day)
        assert line.reserved.minor == sum(order.reserved for order in self.orders)
        assert line.used.minor == sum(order.used for order in self.orders)
        with self.records.begin() as session:
            for order in self.orders:
                written = Orders(session).read(order.no)
                assert (written.taken.minor, written.delivered.minor) == (
                    order.reserved,
                    order.delivered,
                ), order.no
                assert (written.status is OrderStatus.HELD) == (order.held is not None), order.no

    # ── the model ────────────────────────────────────────────────────────────────────────────────

    def rooms(self, product: str) -> list[tuple[str, int]]:
        """What each account leaves, as far as it is limited, by its documents and by what it took."""
        mine = [order for order in self.orders if order.product == product]
        all_taken = sum(order.reserved + order.used for order in self.orders)
        by_bucket = sum(
            order.reserved + order.delivered - order.billed + sum(b.unpaid for b in order.bills)
            for order in self.orders
        ) + sum(bill.unpaid for bill in self.beside)
        line = f"line/{self.line}"
        sub, group = f"sub_line/{self.line}/{product}", f"group/group-{self.n}"
        taken = [
            (line, self.limit, by_bucket),
            (line, self.limit, all_taken),
            (sub, self.limits[product], sum(order.reserved + order.used for order in mine)),
            (f"customer/{self.customer}", self.limits[CUSTOMER], all_taken),
            (f"guarantor/guarantor-{self.n}", self.limits[GUARANTOR], all_taken),
            (group, self.limits[GROUP], all_taken + self.others),
        ]
        return [(name, limit - minors) for name, limit, minors in taken if limit is not None]

    @property
    def limit(self) -> int:
        today = sum(part.amount.minor for part in self.parts if part.counts(self.day))
        return max(0, (self.limits[LINE] or 0) + today)

    def verdict(
        self, order: Sold, stage: Stage, *, passed: bool = False
    ) -> tuple[Act, dict[str, tuple[Any, ...]]]:
        """What follows, and of each rule that fails its act and figures."""
        counted = stage not in BEFORE_DELIVERY or not order.is_far(self.day)
        asked = order.amount - order.covered
        grace = self.limit * 5 // 100 if passed and stage is Stage.DELIVERY else 0
        rooms = self.rooms(order.product)
        binding, room = min(rooms, key=lambda each: each[1])
        own = self.limit - rooms[0][1] + (asked if counted else 0)
        bills = [*self.beside, *(bill for each in self.orders for bill in each.bills)]
        items = [bill for bill in bills if bill.unpaid]
        late = [bill for bill in items if bill.due < self.day]
        overdue = sum(bill.unpaid for bill in late)
        past_due = max(((self.day - bill.due).days for bill in late), default=0)
        oldest = max(((self.day - bill.issued).days for bill in items), default=0)
        level = sum(past_due >= days for days in (8, 31, 61))
        unreviewed = (self.day - REVIEW_DUE).days
        failing: dict[str, tuple[bool, tuple[Any, ...]]] = {
            "line_status": (self.frozen, ("frozen",)),
            "limit_expired": (self.day > LAST_DRAW, ((self.day - LAST_DRAW).days,)),
            "hold_by_hand": (bool(self.hold_id), (self.hold_id,)),
            "limit": (counted and asked > room + grace, (asked, room, binding)),
            "limit_nearly_used": (own > self.limit * 9 // 10, (own, self.limit * 9 // 10)),
            "overdue_30_days": (past_due > 30, (past_due,)),
            "overdue_tenth": (overdue > self.limit // 10 + grace, (overdue, self.limit // 10)),
            "oldest_60_days": (oldest > 60, (oldest,)),
            "dunning_last": (level > 2, (level,)),
            "large_order": (order.amount > LARGE, (order.amount, LARGE)),
            "review_overdue_30_days": (unreviewed > 30, (unreviewed,)),
            "review_overdue_90_days": (unreviewed > 90, (unreviewed,)),
        }
        acts = {each.code: self.act_of(each.code, stage) for each in self.edition.checks.rules}
        found = {
            code: (acts[code], *figures)
            for code, (fails, figures) in failing.items()
            if fails and acts[code] is not Act.PASS
        }
        gravest = max((each[0] for each in found.values()), default=Act.PASS, key=list(Act).index)
        return gravest, found

    def act_of(self, code: str, stage: Stage) -> Act:
        checks = self.edition.checks
        [row] = [each for each in checks.rules if each.code == code]
        return row.acts.get(stage, checks.acts[stage].get(row.kind, Act.PASS))

    def agree(
        self, found: CheckResult | None, order: Sold, stage: Stage, *, passed: bool = False
    ) -> None:
        assert found is not None
        act, expected = self.verdict(order, stage, passed=passed)
        told: dict[str, tuple[Any, ...]] = {}
        for each in found.findings:
            amounts = [money.minor for money in (each.found, each.allowed) if money is not None]
            figures: dict[RuleKind, tuple[Any, ...]] = {
                RuleKind.LINE_STATUS: (each.word,),
                RuleKind.STANDING_HOLD: (each.reference,),
                RuleKind.LIMIT: (*amounts, each.binding),
                RuleKind.LIMIT_SHARE: tuple(amounts),
                RuleKind.OVERDUE_SHARE: tuple(amounts),
                RuleKind.ORDER_SIZE: tuple(amounts),
            }
            told[each.rule] = (each.act, *figures.get(each.kind, (each.value,)))
        assert told == expected, (order.no, stage)
        assert found.act is act
        self.seen.update(expected)

    def asked(self, order: Sold, stage: Stage, act: Any, *, passed: bool = False) -> Act | None:
        """What came of an act, as the model foresaw it; None where it was refused."""
        expected, _ = self.verdict(order, stage, passed=passed)
        try:
            answer = act(self.by())
        except CheckRefused:
            assert expected is Act.REFUSE
            return None
        assert expected is not Act.REFUSE
        self.agree(answer.judged, order, stage, passed=passed)
        assert (answer.hold is not None) == (expected is Act.HOLD or order.held is not None)
        return expected

    def taken_on(self, order: Sold, answer: Act, stage: Stage) -> None:
        if answer is Act.HOLD:
            order.held = stage
        else:
            self.cover(order)

    def cover(self, order: Sold) -> None:
        order.reserved = 0 if order.is_far(self.day) else order.amount - order.delivered

    def picked(self, pick: int, fits: Any, *, ended: bool = False) -> Sold | None:
        found = [each for each in self.orders if fits(each) and (ended or not each.ended)]
        return found[pick % len(found)] if found else None

    def written(self, order: Sold) -> Order:
        content = OrderContent(
            order_no=order.no,
            amount=minor(order.amount),
            product=order.product,
            deliver_on=order.deliver_on,
        )
        return Order.placed(order.no, self.customer, content, "orders", NOW, self.day)

    def by(self, person: str = "orders") -> Asked:
        return Asked(person, self.at, self.day)

    @property
    def at(self) -> datetime:
        return datetime.combine(self.day, NOW.timetz()).astimezone(UTC)

    @property
    def customer(self) -> str:
        return f"customer-{self.n}"

    @property
    def line(self) -> str:
        return f"line-{self.n}"

    def letter(self) -> str:
        letter_no = f"{self.n}-letter-{next(self.names)}"
        record_letter(self.records, a_letter(letter_no, customer_id=self.customer))
        return letter_no


@pytest.fixture
def exposure(records: Records) -> Iterator[Exposure]:
    with records.begin() as session:
        Editions(session).publish(an_edition(), shipped_text("standard"), "test")
    opened = Exposure(records)
    yield opened
    opened.close()


def test_whatever_is_done_an_order_is_checked_as_its_documents_say(
    records: Records, exposure: Exposure
) -> None:
    _run(records, exposure, examples=8, steps=30)


@pytest.mark.long
def test_whatever_is_done_thousands_of_times(records: Records, exposure: Exposure) -> None:
    seen = _run(records, exposure, examples=40, steps=40)
    assert seen == {each.code for each in an_edition().checks.rules} - {"terms", "purpose"}


def _run(records: Records, exposure: Exposure, *, examples: int, steps: int) -> set[str]:
    Checked.records, Checked.exposure, Checked.edition = records, exposure, an_edition()
    Checked.seen = set()
    run_machine(Checked, examples=examples, steps=steps)
    assert exposure.verify().holds
    return Checked.seen
