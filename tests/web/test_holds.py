"""Orders that stand still: why, what cures them, who lifts and who releases, and how far that goes."""

import json
import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from activities.order import OrderAnswer
from creditflow.client import Client
from creditflow.commands.output import Exit
from domain.approval import ApprovalOutcome, TaskStatus, Verdict
from domain.check import CureKind, RuleKind, Stage
from domain.edition import CheckPolicy
from domain.errors import (
    AlreadyExists,
    HoldReleasePending,
    KeyReused,
    LineHeld,
    Malformed,
    NotFound,
    NotPermitted,
    NotReleasable,
    OutOfOrder,
    OwnCase,
    SameHands,
)
from domain.event import Subject, SubjectKind
from domain.exchange import Rate
from domain.exposure import ExposureBucket, ExposureDocument, Limit
from domain.hold import (
    Hold,
    HoldOn,
    HoldRelease,
    HoldReleaseStatus,
    HoldStatus,
    ManualHold,
    ReleaseWanted,
)
from domain.money import Money
from domain.order import (
    Order,
    OrderContent,
    OrderCredit,
    OrderInvoice,
    OrderStatus,
    OrderTerms,
)
from domain.receivable import InvoiceContent, PaymentContent
from storage.event import Events
from storage.exchange import Rates
from storage.exposure import Accounts, Exposure
from storage.hold import Holds
from storage.identity import Persons, password_hash_of
from tests.makers_line import a_letter, open_line, record_letter
from tests.road import UNSAMPLED
from tests.web.conftest import serving
from tests.web.keys import publish
from tests.web.test_commands import Terminal
from tests.web.test_console import _faults_of, hidden
from tests.web.test_override_pages import PASSWORD, signed_in
from tests.web.test_overrides import House, as_, house, key_of, seals
from web.app import assemble
from web.service.hold import CureWanted, HoldLift, HoldView

__all__ = ["house", "seals"]

LINE = "line-1"


def cny(amount: int) -> Money:
    return Money.of(amount, "CNY")


class Yard:
    """The house, whose customer has a line of a thousand on terms of forty days."""

    def __init__(self, house: House) -> None:
        self.house, self.services, self.people = house, house.services, house.people
        self.customer_id = house.customer.customer_id
        self.on = house.services.clock.business_on()
        dates = {
            "starts_on": self.on,
            "last_draw_on": self.on + timedelta(days=300),
            "ends_on": self.on + timedelta(days=330),
            "review_due_on": self.on + timedelta(days=100),
        }
        open_line(
            self.services.records,
            LINE,
            customer_id=self.customer_id,
            limit=cny(1000),
            terms_days=40,
            **dates,
        )

    def places(self, no: str = "SO-1", amount: int = 600, **said: Any) -> OrderAnswer:
        content = OrderContent(order_no=no, amount=cny(amount), **said)
        return self.services.orders.place(self.people["orders"], self.customer_id, content)

    def order(self, order_id: str) -> Order:
        return self.services.orders.read(self.people["auditor"], order_id).order

    def hold(self, hold_id: str) -> HoldView:
        return self.services.holds.read(self.people["auditor"], hold_id)

    def taken(self) -> tuple[int, int]:
        line = self.services.exposure.read_book(self.people["auditor"], LINE).balances[0]
        return line.reserved.minor // 100, line.used.minor // 100

    def bills(self, no: str, days_late: int, amount: int | Money = 300, **said: Any) -> None:
        due = self.on - timedelta(days=days_late)
        content = InvoiceContent(
            invoice_no=no,
            issued_on=due - timedelta(days=5),
            due_on=due,
            amount=cny(amount) if isinstance(amount, int) else amount,
            **said,
        )
        self.services.receivables.record_invoice(self.people["orders"], self.customer_id, content)

    def pays(self, no: str, amount: int = 300) -> None:
        content = PaymentContent(
            payment_no=f"P-{no}", invoice_no=no, paid_on=self.on, amount=cny(amount)
        )
        self.services.receivables.record_payment(self.people["orders"], self.customer_id, content)
        self.house.office.deliver()

    def cures(
        self,
        hold_id: str,
        kind: CureKind,
        person: str = "manager",
        key: str | None = None,
        **said: Any,
    ) -> HoldView:
        wanted = CureWanted(kind=kind, **said)
        return self.services.holds.apply_cure(self.people[person], hold_id, wanted, key)

    def asks(self, hold_id: str, person: str = "manager", **said: Any) -> HoldRelease:
        wanted = ReleaseWanted(reason_code="season", note="the season will not wait", **said)
        asked = self.services.holds.ask_release(self.people[person], hold_id, wanted)
        self.house.office.deliver()
        return asked

    def decides(self, release_id: str, person: str, verdict: Verdict = Verdict.APPROVE) -> Any:
        view = self.services.holds.read_release(self.people["auditor"], release_id)
        task = next(each.task_id for each in view.tasks if each.status is TaskStatus.OPEN)
        answer = self.services.approvals.decide(
            self.people[person], task, verdict, note="looked at"
        )
        self.house.office.deliver()
        return answer

    def sets(self, holds: HoldOn, subject_id: str, person: str = "risk", key: str = "h") -> Hold:
        said = ManualHold(
            holds=holds, subject_id=subject_id, reason_code="fraud", note="the letterhead is false"
        )
        return self.services.holds.set_hold(self.people[person], said, key)

    def lifts(self, hold_id: str, person: str) -> Hold:
        said = HoldLift(reason_code="cleared")
        lifted = self.services.holds.lift(self.people[person], hold_id, said)
        self.house.office.deliver()
        return lifted


@pytest.fixture
def yard(house: House) -> Yard:
    return Yard(house)


def held(answer: OrderAnswer) -> str:
    assert answer.hold is not None
    return answer.hold.hold_id


# ── why, then and now ────────────────────────────────────────────────────────────────────────────


def test_a_hold_shows_what_failed_then_beside_what_fails_now(yard: Yard) -> None:
    yard.places(amount=900)
    hold_id = held(yard.places("SO-2", 500))
    first = yard.hold(hold_id)
    [reason] = first.reasons
    assert reason.then == reason.now
    assert (reason.then.found, reason.then.allowed) == (cny(500), cny(100))

    answer = yard.services.orders.list_orders(yard.people["orders"])[-1]
    terms = OrderTerms(amount=cny(700))
    yard.services.orders.change(yard.people["orders"], answer.order_id, terms)
    [reason] = yard.hold(hold_id).reasons
    assert reason.then is not None
    assert reason.now is not None
    assert (reason.then.allowed, reason.now.allowed) == (cny(100), cny(300))


def test_what_was_held_at_delivery_is_shown_by_its_own_line(yard: Yard) -> None:
    order = yard.places().order
    dates = {
        "starts_on": yard.on,
        "last_draw_on": yard.on + timedelta(days=300),
        "ends_on": yard.on + timedelta(days=330),
        "review_due_on": yard.on + timedelta(days=100),
    }
    records = yard.services.records
    open_line(records, "line-2", customer_id=yard.customer_id, limit=cny(1000), **dates)
    yard.sets(HoldOn.LINE, LINE)
    answer = yard.services.orders.deliver(yard.people["orders"], order.order_id, None)
    [reason] = yard.hold(held(answer)).reasons
    assert reason.now is not None
    assert reason.now.kind is RuleKind.STANDING_HOLD


def test_the_list_is_filtered_by_reason_owner_and_due(yard: Yard) -> None:
    holds, risk = yard.services.holds, yard.people["risk"]
    limit = held(yard.places("SO-1", 5000))
    terms = held(yard.places("SO-2", 100, terms="net_60"))
    found = {
        rule: [each.hold_id for each in holds.list_holds(risk, rule=rule)]
        for rule in ("limit", "terms", "purpose")
    }
    assert found == {"limit": [limit], "terms": [terms], "purpose": []}
    assert [each.hold_id for each in holds.list_holds(risk, page_size=1)] == [limit]
    holds.take(risk, terms)
    assert [each.hold_id for each in holds.list_holds(risk, owner="risk")] == [terms]
    assert holds.owners(risk) == ["risk", "role.risk_officer"]
    due = yard.hold(limit).hold.due_at
    assert len(holds.list_holds(risk, due_before=due + timedelta(minutes=5))) == 2
    assert holds.list_holds(risk, due_before=due) == []
    stranger = yard.people["manager2"]
    assert holds.list_holds(stranger) == []
    with pytest.raises(NotFound):
        holds.read(stranger, limit)


# ── cures ────────────────────────────────────────────────────────────────────────────────────────


def test_cutting_the_order_to_what_the_limit_leaves_cures_it_and_nothing_else(yard: Yard) -> None:
    yard.places(amount=400)
    other = held(yard.places("SO-2", 900))
    hold_id = held(yard.places("SO-3", 800))
    view = yard.cures(hold_id, CureKind.CUT_ORDER, key="k")
    assert yard.cures(hold_id, CureKind.CUT_ORDER, key="k") == view
    assert view.hold.status is HoldStatus.CURED
    assert view.order is not None
    assert (view.order.status, view.order.amount) == (OrderStatus.OPEN, cny(600))
    assert yard.taken() == (1000, 0)
    assert yard.hold(other).hold.open
    with pytest.raises(OutOfOrder):
        yard.cures(hold_id, CureKind.CUT_ORDER)


def test_paying_what_the_cure_names_ahead_takes_so_much_less_of_the_line(yard: Yard) -> None:
    yard.places(amount=400)
    other = held(yard.places("SO-2", 900))
    hold_id = held(yard.places("SO-3", 800, deposit=cny(50)))
    [ahead] = [each for each in yard.hold(hold_id).cures if each.kind is CureKind.DEPOSIT]
    assert ahead.amount == cny(150)
    view = yard.cures(hold_id, CureKind.DEPOSIT, key="k")
    assert yard.cures(hold_id, CureKind.DEPOSIT, key="k") == view
    assert view.hold.status is HoldStatus.CURED
    assert view.order is not None
    assert (view.order.amount, view.order.content.deposit) == (cny(800), cny(200))
    assert yard.taken() == (1000, 0)
    assert yard.hold(other).hold.open


@pytest.mark.parametrize("kind", [CureKind.DEPOSIT, CureKind.CUT_ORDER])
def test_of_a_product_that_counts_in_part_the_cure_is_as_large_as_it_has_to_be(
    yard: Yard, kind: CureKind
) -> None:
    """A guarantee of a thousand takes 450, its deposit of a hundred off and the half of the rest."""
    yard.places(amount=700)
    said = {"product": "letter_of_guarantee", "deposit": cny(100)}
    hold_id = held(yard.places("SO-2", 1000, **said))
    view = yard.cures(hold_id, kind)
    assert view.order is not None
    content = view.order.content
    cut = kind is CureKind.CUT_ORDER
    assert (content.amount, content.deposit) == (
        cny(700 if cut else 1000),
        cny(100 if cut else 400),
    )
    assert (view.hold.status, view.order.status) == (HoldStatus.CURED, OrderStatus.OPEN)
    assert yard.taken() == (1000, 0)


def test_no_cut_is_offered_below_what_is_delivered(yard: Yard) -> None:
    orders, system = yard.services.orders, yard.people["orders"]
    order_id = yard.places(amount=100).order.order_id
    orders.deliver(system, order_id, cny(60))
    record_letter(yard.services.records, a_letter("PF-cap"))
    with yard.services.records.begin() as session:
        Accounts(session).set_customer_cap(
            yard.customer_id, "CNY", Limit.of(cny(50)), decision_id="PF-cap", business_on=yard.on
        )
    hold_id = held(orders.change(system, order_id, OrderTerms(amount=cny(120))))
    assert CureKind.CUT_ORDER not in {each.kind for each in yard.hold(hold_id).cures}


def test_taking_the_approved_terms_cures_terms_and_leaves_the_limit(yard: Yard) -> None:
    hold_id = held(yard.places(amount=300, terms="net_60"))
    [offered] = [e for e in yard.hold(hold_id).cures if e.kind is CureKind.BETTER_TERMS]
    view = yard.cures(hold_id, CureKind.BETTER_TERMS)
    assert view.order is not None
    assert view.order.content.terms == offered.reference
    assert (view.hold.status, view.order.status) == (HoldStatus.CURED, OrderStatus.OPEN)

    both = held(yard.places("SO-2", 5000, terms="net_60"))
    view = yard.cures(both, CureKind.BETTER_TERMS)
    assert view.hold.open
    assert [(each.code, each.now is None) for each in view.reasons] == [
        ("limit", False),
        ("terms", True),
    ]


def test_paying_what_the_cure_names_cures_arrears(yard: Yard) -> None:
    yard.bills("late-1", 50)
    yard.bills("late-2", 20)
    hold_id = held(yard.places(amount=100))
    pays = [each for each in yard.hold(hold_id).cures if each.kind is CureKind.PAY]
    assert pays, "what is overdue can be paid"
    with pytest.raises(Malformed):
        yard.cures(hold_id, CureKind.PAY, "orders")
    with pytest.raises(NotPermitted):
        yard.cures(hold_id, CureKind.PAY, "risk", payment_no="P-1")
    view = yard.cures(hold_id, CureKind.PAY, "orders", payment_no="P-1")
    assert yard.cures(hold_id, CureKind.PAY, "orders", payment_no="P-1") == view
    assert view.hold.status is HoldStatus.CURED
    paid = yard.services.receivables.list_payments(yard.people["auditor"], yard.customer_id)
    assert sum(each.amount.minor for each in paid) == pays[0].amount.minor


def test_what_is_in_dispute_or_in_another_currency_is_not_offered_to_be_paid(yard: Yard) -> None:
    with yard.services.records.begin() as session:
        rate = Rate(base="USD", quote="CNY", rate=Decimal(7), rate_on=yard.on)
        Rates(session).record(rate, recorded_by="risk")
    yard.bills("D-1", 45, 100, disputed=True)
    hold_id = held(yard.places(amount=100))
    assert CureKind.PAY not in {each.kind for each in yard.hold(hold_id).cures}
    yard.bills("U-1", 45, Money.of(30, "USD"))
    assert CureKind.PAY not in {each.kind for each in yard.hold(hold_id).cures}
    with pytest.raises(OutOfOrder):
        yard.cures(hold_id, CureKind.PAY, "orders", payment_no="P-1")
    assert yard.services.receivables.list_payments(yard.people["auditor"], yard.customer_id) == ()


def test_a_payment_is_of_the_items_that_are_not_in_dispute(yard: Yard) -> None:
    """A tenth of the limit may be overdue; the disputed item stays, and what it fails."""
    yard.bills("D-1", 45, 60, disputed=True)
    yard.bills("late-1", 40, 70)
    hold_id = held(yard.places(amount=100))
    [pay] = [each for each in yard.hold(hold_id).cures if each.kind is CureKind.PAY]
    assert (pay.amount, pay.cures) == (cny(30), ("overdue_tenth",))
    view = yard.cures(hold_id, CureKind.PAY, "orders", payment_no="P-1")
    assert [each.code for each in view.reasons if each.now is not None] == ["overdue_30_days"]
    [paid] = yard.services.receivables.list_payments(yard.people["auditor"], yard.customer_id)
    assert (paid.invoice_no, paid.amount) == ("late-1", cny(30))


@pytest.mark.parametrize("repays", [True, False])
def test_what_is_paid_for_the_limit_is_what_goes_back_to_the_line(yard: Yard, repays: bool) -> None:
    checks = UNSAMPLED.checks.model_copy(update={"payments_repay": repays})
    edition = UNSAMPLED.model_copy(update={"checks": checks, "effective_on": yard.on})
    publish(yard, edition)  # type: ignore[arg-type]
    orders, system = yard.services.orders, yard.people["orders"]
    billed = yard.places(amount=800).order.order_id
    orders.deliver(system, billed)
    due = yard.on + timedelta(days=30)
    orders.invoice(system, billed, OrderInvoice(invoice_no="I-1", issued_on=yard.on, due_on=due))
    hold_id = held(yard.places("SO-2", 300))
    pays = [each.amount for each in yard.hold(hold_id).cures if each.kind is CureKind.PAY]
    assert pays == ([cny(100)] if repays else [])
    if repays:
        yard.cures(hold_id, CureKind.PAY, "orders", payment_no="P-1")
        yard.house.office.deliver()
        assert yard.hold(hold_id).hold.status is HoldStatus.CURED
        assert yard.taken() == (300, 700)


def test_of_what_counted_in_part_so_much_more_is_paid_for_the_limit(yard: Yard) -> None:
    """An order of 600 that the line is used by for 300: of what is paid of it the half goes back."""
    orders, system, exposure = yard.services.orders, yard.people["orders"], yard.services.exposure
    used = exposure.reserve(system, LINE, cny(500), "r-1")
    exposure.commit(system, LINE, str(used.reservation_id), "k-1")
    billed = yard.places(amount=600, product="letter_of_guarantee").order.order_id
    orders.deliver(system, billed)
    due = yard.on + timedelta(days=30)
    orders.invoice(system, billed, OrderInvoice(invoice_no="I-1", issued_on=yard.on, due_on=due))
    hold_id = held(yard.places("SO-2", 300))
    [pay] = [each for each in yard.hold(hold_id).cures if each.kind is CureKind.PAY]
    assert (pay.amount, pay.cures) == (cny(200), ("limit",))
    yard.cures(hold_id, CureKind.PAY, "orders", payment_no="P-1")
    yard.house.office.deliver()
    assert yard.hold(hold_id).hold.status is HoldStatus.CURED
    assert yard.taken() == (300, 700)


def test_an_order_that_is_delivered_in_part_is_paid_ahead_as_its_cure_says(yard: Yard) -> None:
    """What is delivered of it, 100, counts in full until it is paid, and what is not, by the half."""
    orders, system = yard.services.orders, yard.people["orders"]
    yard.places("SO-1", 500)
    order_id = yard.places("SO-2", 400, product="letter_of_guarantee").order.order_id
    orders.deliver(system, order_id, cny(100))
    said = OrderTerms(amount=cny(1300), product="letter_of_guarantee")
    hold_id = held(orders.change(system, order_id, said))
    [ahead] = [each for each in yard.hold(hold_id).cures if each.kind is CureKind.DEPOSIT]
    assert ahead.amount == cny(400)
    assert yard.cures(hold_id, CureKind.DEPOSIT).hold.status is HoldStatus.CURED
    assert yard.taken() == (900, 50)


def test_an_invoice_of_no_order_is_not_paid_for_the_limit(yard: Yard) -> None:
    system, exposure = yard.people["orders"], yard.services.exposure
    used = exposure.reserve(system, LINE, cny(800), "r-1")
    exposure.commit(system, LINE, str(used.reservation_id), "k-1")
    yard.bills("I-1", 0)
    hold_id = held(yard.places(amount=300))
    assert CureKind.PAY not in {each.kind for each in yard.hold(hold_id).cures}


def test_a_key_is_of_one_cure_and_a_payment_number_of_one_payment(yard: Yard) -> None:
    yard.bills("late-1", 50, 300)
    hold_id = held(yard.places(amount=100))
    other = held(yard.places("SO-2", 1200, terms="net_60"))
    content = PaymentContent(payment_no="P-1", invoice_no="late-1", paid_on=yard.on, amount=cny(1))
    yard.services.receivables.record_payment(yard.people["orders"], yard.customer_id, content)
    with pytest.raises(AlreadyExists):
        yard.cures(hold_id, CureKind.PAY, "orders", payment_no="P-1")
    paid = yard.cures(hold_id, CureKind.PAY, "orders", "k", payment_no="P-2")
    assert yard.cures(hold_id, CureKind.PAY, "orders", "k", payment_no="P-2") == paid
    with pytest.raises(AlreadyExists):
        yard.cures(other, CureKind.PAY, "orders", payment_no="P-2")
    for kind, said in (
        (CureKind.PAY, {"payment_no": "P-3"}),
        (CureKind.CUT_ORDER, {"payment_no": "P-2"}),
    ):
        with pytest.raises(KeyReused):
            yard.cures(hold_id, kind, "orders", "k", **said)

    yard.cures(other, CureKind.BETTER_TERMS, key="k")
    with pytest.raises(KeyReused):
        yard.cures(other, CureKind.CUT_ORDER, key="k")
    assert yard.hold(other).hold.open


def test_cures_without_a_key_are_each_by_itself(yard: Yard) -> None:
    yard.bills("late-1", 50, 300)
    hold_id = held(yard.places("SO-2", 1200, terms="net_60"))
    yard.cures(hold_id, CureKind.PAY, "orders", payment_no="P-1")
    assert yard.hold(hold_id).hold.open
    yard.cures(hold_id, CureKind.BETTER_TERMS)
    yard.cures(hold_id, CureKind.CUT_ORDER)
    assert not yard.hold(hold_id).hold.open


def test_a_cure_that_is_somebody_elses_to_do_is_not_done_here(yard: Yard) -> None:
    hold_id = held(yard.places(amount=1100))
    kinds = {each.kind for each in yard.hold(hold_id).cures}
    assert CureKind.TEMPORARY_LIMIT in kinds
    with pytest.raises(Malformed):
        yard.cures(hold_id, CureKind.TEMPORARY_LIMIT)


def test_a_payment_cures_by_itself_the_oldest_first(yard: Yard) -> None:
    yard.bills("late-1", 50)
    first, second = yard.places("SO-1", 700), yard.places("SO-2", 600)
    yard.pays("late-1")
    assert yard.order(first.order.order_id).status is OrderStatus.OPEN
    left = yard.hold(held(second))
    assert left.hold.open
    assert {each.kind for each in left.hold.reasons_now} == {RuleKind.LIMIT}
    cured = yard.hold(held(first)).hold
    assert (cured.status, cured.ended_by, cured.cause) == (HoldStatus.CURED, "system", "payment")
    assert yard.taken() == (700, 0)


# ── by hand ──────────────────────────────────────────────────────────────────────────────────────


def test_a_hold_by_hand_is_set_once_and_lifted_by_the_positions_that_policy_names(
    yard: Yard,
) -> None:
    order_id = yard.places().order.order_id
    hold = yard.sets(HoldOn.ORDER, order_id)
    assert yard.sets(HoldOn.ORDER, order_id).hold_id == hold.hold_id
    with pytest.raises(KeyReused):
        yard.sets(HoldOn.CUSTOMER, yard.customer_id)
    assert yard.order(order_id).status is OrderStatus.HELD
    yard.services.orders.recheck(yard.people["risk"], order_id)
    assert yard.order(order_id).status is OrderStatus.HELD
    with pytest.raises(SameHands):
        yard.lifts(hold.hold_id, "risk")
    for person in ("manager", "orders", "auditor", "release"):
        with pytest.raises(NotPermitted):
            yard.lifts(hold.hold_id, person)
    with pytest.raises(OutOfOrder):
        yard.asks(hold.hold_id)
    for person in ("risk2", "approver1"):  # the standard edition names those of head office
        with pytest.raises(NotPermitted):
            yard.lifts(hold.hold_id, person)
    assert yard.lifts(hold.hold_id, "approver4").status is HoldStatus.RELEASED
    assert yard.order(order_id).status is OrderStatus.OPEN
    assert yard.taken() == (600, 0)


def test_a_hold_on_a_customer_or_a_line_stops_what_is_placed_until_it_is_lifted(
    yard: Yard,
) -> None:
    for n, (holds, subject) in enumerate(
        ((HoldOn.CUSTOMER, yard.customer_id), (HoldOn.LINE, LINE))
    ):
        hold = yard.sets(holds, subject, key=f"h-{n}")
        answer = yard.places(f"SO-{n}", 100)
        [reason] = yard.hold(held(answer)).reasons
        assert reason.code.endswith(hold.hold_id)
        yard.lifts(hold.hold_id, "approver3")
        assert yard.order(answer.order.order_id).status is OrderStatus.OPEN


@pytest.mark.parametrize("holds", [HoldOn.CUSTOMER, HoldOn.LINE])
def test_what_is_on_hold_takes_nothing_anew_and_always_gives_back(
    yard: Yard, holds: HoldOn
) -> None:
    orders, exposure = yard.people["orders"], yard.services.exposure
    first, second = (exposure.reserve(orders, LINE, cny(100), f"r-{n}") for n in (1, 2))
    hold = yard.sets(holds, LINE if holds is HoldOn.LINE else yard.customer_id)
    with pytest.raises(LineHeld):
        exposure.check(orders, yard.customer_id, cny(1))
    for _ in range(2):  # the refusal stands under its key
        with pytest.raises(LineHeld):
            exposure.check(orders, yard.customer_id, cny(1), "c-1")
    with pytest.raises(LineHeld):
        exposure.reserve(orders, LINE, cny(1), "r-3")
    exposure.commit(orders, LINE, str(first.reservation_id), "k-1")
    exposure.release(orders, LINE, str(second.reservation_id), "k-2")
    exposure.repay(orders, LINE, cny(60), "k-3")
    assert yard.taken() == (0, 40)
    yard.lifts(hold.hold_id, "approver4")
    assert exposure.check(orders, yard.customer_id, cny(1), "c-2").reserved == cny(1)


def test_of_two_holds_each_stands_until_it_is_lifted(yard: Yard) -> None:
    orders = yard.people["orders"]
    both = [yard.sets(on, subject, key=f"h-{on}") for on, subject in
        ((HoldOn.CUSTOMER, yard.customer_id), (HoldOn.LINE, LINE))]  # fmt: skip
    yard.lifts(both[0].hold_id, "approver4")
    with pytest.raises(LineHeld):
        yard.services.exposure.reserve(orders, LINE, cny(1), "r-1")
    yard.lifts(both[1].hold_id, "approver4")
    assert yard.services.exposure.reserve(orders, LINE, cny(1), "r-2").reserved == cny(1)


def test_a_line_that_is_opened_for_a_customer_on_hold_is_held_too(yard: Yard) -> None:
    yard.sets(HoldOn.CUSTOMER, yard.customer_id)
    open_line(yard.services.records, "line-2", customer_id=yard.customer_id, starts_on=yard.on)
    with pytest.raises(LineHeld):
        yard.services.exposure.reserve(yard.people["orders"], "line-2", cny(1), "r-1")


def test_a_hold_that_comes_while_another_goes_is_kept(yard: Yard) -> None:
    """Each looks at all holds, and none at a moment before it has the line to itself."""
    first = yard.sets(HoldOn.CUSTOMER, yard.customer_id)
    other = threading.Thread(target=yard.lifts, args=(first.hold_id, "approver4"))
    with yard.services.records.begin() as session:
        second = first.model_copy(update={"hold_id": "second", "version": 1})
        Holds(session).write(second, "risk", first.opened_at)
        other.start()
        other.join(1)
        assert other.is_alive()  # it waits for the line that we hold
    other.join()
    with pytest.raises(LineHeld):
        yard.services.exposure.reserve(yard.people["orders"], LINE, cny(1), "r-1")


def test_an_edition_without_rules_lets_no_order_past_a_hold_by_hand(yard: Yard) -> None:
    bare = UNSAMPLED.model_copy(update={"checks": CheckPolicy(), "effective_on": yard.on})
    publish(yard, bare)  # type: ignore[arg-type]
    assert yard.places("SO-1", 10).order.status is OrderStatus.OPEN
    yard.sets(HoldOn.CUSTOMER, yard.customer_id)
    assert yard.places("SO-2", 10).order.status is OrderStatus.HELD


@pytest.mark.parametrize("by", ["system", "risk"])
def test_no_statement_ends_a_hold_by_hand_for_who_set_it_or_by_itself(yard: Yard, by: str) -> None:
    hold = yard.sets(HoldOn.CUSTOMER, yard.customer_id)
    ending = "UPDATE order_hold SET status = 'released', ended_by = :by WHERE hold_id = :hold_id"
    with pytest.raises(DBAPIError, match="by_hand"), yard.services.records.begin() as session:
        session.execute(text(ending), {"by": by, "hold_id": hold.hold_id})


def test_other_programs_hear_that_an_order_stands_still_and_goes_on(yard: Yard) -> None:
    yard.places(amount=900)
    answer = yard.places("SO-2", 500)
    manual = yard.sets(HoldOn.LINE, LINE)
    yard.lifts(manual.hold_id, "approver4")
    yard.services.orders.cancel(yard.people["orders"], yard.services.orders.list_orders(
        yard.people["orders"])[-1].order_id)  # fmt: skip
    yard.house.office.deliver()
    with yard.services.records.begin() as session:
        subject = Subject(kind=SubjectKind.CUSTOMER, id=yard.customer_id)
        told = [each for each in Events(session).list_of(subject) if "hold" in each.kind]
    said = [json.loads(each.data) for each in told]
    assert [each.kind for each in told] == [
        "hold.opened",
        "hold.opened",
        "hold.ended",
        "hold.ended",
    ]
    opened, by_hand, lifted, cured = said
    assert (opened["order_id"], opened["rules"]) == (answer.order.order_id, ["limit"])
    assert (by_hand["line_id"], by_hand["manual"], by_hand["order_id"]) == (LINE, True, None)
    assert (lifted["hold_id"], lifted["status"]) == (manual.hold_id, "released")
    assert (cured["order_id"], cured["status"]) == (answer.order.order_id, "cured")


# ── release by approval ──────────────────────────────────────────────────────────────────────────


def test_a_release_is_decided_by_others_and_the_order_goes_on_within_its_scope(yard: Yard) -> None:
    answer = yard.places(amount=300, terms="net_60")
    hold_id, order_id = held(answer), answer.order.order_id
    asked = yard.asks(hold_id, amount_up_to=cny(500))
    release_id = asked.request.release_id
    with pytest.raises(HoldReleasePending):
        yard.asks(hold_id, "risk")
    with pytest.raises(NotPermitted):
        yard.decides(release_id, "manager")
    assert yard.decides(release_id, "approver1").outcome is ApprovalOutcome.APPROVED

    view = yard.hold(hold_id)
    assert (view.hold.status, view.hold.ended_by) == (HoldStatus.RELEASED, "approver1")
    assert view.releases[0].status is HoldReleaseStatus.GRANTED
    order = yard.order(order_id)
    assert (order.status, order.taken) == (OrderStatus.RELEASED, cny(300))
    letter = yard.services.approvals.read_letter(
        yard.people["auditor"], view.releases[0].letter_no or ""
    )
    assert letter.hold_release is not None
    assert letter.hold_release.amount_up_to == cny(500)
    assert letter.hold_release.rules == ("terms",)

    orders, system = yard.services.orders, yard.people["orders"]
    within = OrderTerms(amount=cny(500), terms="net_60")
    assert orders.change(system, order_id, within).order.status is OrderStatus.RELEASED
    delivered = orders.deliver(system, order_id, cny(200)).order
    assert (delivered.status, delivered.delivered) == (OrderStatus.DELIVERED_PART, cny(200))
    beyond = OrderTerms(amount=cny(501), terms="net_60")
    again = orders.change(system, order_id, beyond)
    assert again.order.status is OrderStatus.HELD
    assert held(again) != hold_id


def test_a_released_order_beyond_the_horizon_is_reserved_on_its_day(yard: Yard) -> None:
    far = yard.on + timedelta(days=200)  # the standard edition looks 180 days ahead
    answer = yard.places(amount=300, terms="net_60", deliver_on=far)
    order_id = answer.order.order_id
    yard.decides(yard.asks(held(answer)).request.release_id, "approver1")
    order = yard.order(order_id)
    assert (order.status, order.enters_on) == (
        OrderStatus.RELEASED,
        yard.on + timedelta(days=20),
    )
    assert yard.taken() == (0, 0)

    yard.services.clock.offset_days = 20
    yard.services.orders.recheck(yard.people["risk"], order_id)
    assert yard.order(order_id).status is OrderStatus.RELEASED
    assert yard.taken() == (300, 0)


def test_a_release_that_is_declined_ends_the_order_and_silence_changes_nothing(yard: Yard) -> None:
    answer = yard.places(amount=300, terms="net_60")
    asked = yard.asks(held(answer))
    yard.decides(asked.request.release_id, "approver1", Verdict.DECLINE)
    assert yard.hold(held(answer)).hold.status is HoldStatus.REJECTED
    assert yard.order(answer.order.order_id).status is OrderStatus.CANCELLED
    again = yard.services.orders.reopen(yard.people["orders"], answer.order.order_id)
    assert again.order.status is OrderStatus.HELD


def test_no_release_goes_past_the_limit_or_anothers_hold(yard: Yard) -> None:
    hold_id = held(yard.places(amount=1500))
    with pytest.raises(NotReleasable):
        yard.asks(hold_id)
    yard.sets(HoldOn.CUSTOMER, yard.customer_id)
    with pytest.raises(NotReleasable):
        yard.asks(held(yard.places("SO-2", 10)))


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ({"amount_up_to": cny(299)}, Malformed),
        ({"until_days": 31}, Malformed),
        ({"until_days": -1}, Malformed),
    ],
)
def test_a_release_is_no_wider_than_policy_and_no_narrower_than_the_order(
    yard: Yard, said: dict[str, Any], refused: type[Exception]
) -> None:
    hold_id = held(yard.places(amount=300, terms="net_60"))
    if "until_days" in said:
        said = {"until": yard.on + timedelta(days=said["until_days"])}
    with pytest.raises(refused):
        yard.asks(hold_id, **said)


def test_who_placed_an_order_has_no_word_on_its_release(yard: Yard) -> None:
    hold_id = held(yard.places(amount=300, terms="net_60"))
    asked = yard.asks(hold_id, "risk")
    with pytest.raises(OwnCase):
        yard.decides(asked.request.release_id, "risk")


def test_a_hold_that_was_cured_meanwhile_leaves_the_letter_alone(yard: Yard) -> None:
    answer = yard.places(amount=300, terms="net_60")
    asked = yard.asks(held(answer))
    yard.cures(held(answer), CureKind.BETTER_TERMS)
    yard.decides(asked.request.release_id, "approver1")
    release = yard.services.holds.read_release(yard.people["auditor"], asked.request.release_id)
    assert release.release.status is HoldReleaseStatus.OVERTAKEN
    assert release.hold.status is HoldStatus.CURED
    assert release.order.released is None


def test_after_a_credit_note_what_was_released_is_looked_at_again(yard: Yard) -> None:
    orders, system = yard.services.orders, yard.people["orders"]
    billed = yard.places("SO-1", 200).order
    orders.deliver(system, billed.order_id)
    due = yard.on + timedelta(days=30)
    orders.invoice(
        system, billed.order_id, OrderInvoice(invoice_no="I-1", issued_on=yard.on, due_on=due)
    )
    answer = yard.places("SO-2", 300, terms="net_60")
    asked = yard.asks(held(answer), stages=(Stage.ORDER,))
    yard.decides(asked.request.release_id, "approver1")
    assert yard.order(answer.order.order_id).status is OrderStatus.RELEASED
    note = OrderCredit(credit_no="CN-1", invoice_no="I-1", amount=cny(50))
    orders.credit(system, billed.order_id, note)
    yard.house.office.deliver()
    again = yard.order(answer.order.order_id)
    assert again.status is OrderStatus.HELD, "its release was of the stage of ordering alone"


# ── doors ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def served(yard: Yard) -> Iterator[str]:
    with serving(assemble(yard.services, public_url="http://test")) as url:
        yield url


def test_client_and_commands_do_the_same(yard: Yard, served: str, tmp_path: Path) -> None:
    users = {name: {"key": key_of(name)} for name in yard.people}
    (tmp_path / "users.json").write_text("{}")
    terminal = Terminal(served, tmp_path)

    def asks(person: str, *words: str) -> tuple[Exit, Any]:
        result = terminal.types(*words, "--json", key=users[person]["key"])
        return Exit(result.exit_code), json.loads(result.stdout)

    answer = yard.places(amount=300, terms="net_60")
    with Client(served, key_of("manager")) as client:
        [found] = client.list_holds(rule="terms")
        assert found.hold_id == held(answer)
        assert client.fetch_hold(found.hold_id).reasons[0].code == "terms"
        assert client.take_hold(found.hold_id).owner == "manager"
        asked = client.ask_release(found.hold_id, "season", "it will not wait", key="k")
        view = client.fetch_release(asked.request.release_id)
        assert (view.release.status, view.hold.hold_id) == ("pending", found.hold_id)
        assert client.cure_hold(found.hold_id, "better_terms").hold.status == "cured"
    order_id = answer.order.order_id
    words = ("holds", "set", "order", order_id, "--reason", "fraud", "--note", "false")
    ending, hold = asks("risk", *words)
    assert (ending, hold["manual"]) == (Exit.DONE, True)
    words = ("holds", "lift", hold["hold_id"], "--reason", "cleared")
    ending, refused = asks("risk", *words)
    assert (ending, refused["code"]) == (Exit.REFUSED, "same_hands")
    assert asks("approver4", *words)[1]["status"] == "released"
    ending, listed = asks("auditor", "holds", "list", "--status", "cured")
    assert [each["hold_id"] for each in listed["items"]] == [held(answer)]
    shown = terminal.types("holds", "show", held(answer), key=users["auditor"]["key"])
    assert "terms" in shown.stdout


async def test_a_hold_nobody_knows_is_not_found(yard: Yard) -> None:
    app = assemble(yard.services, public_url="http://test")
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as api:
        for path in ("/holds/nobody", "/hold-releases/nobody", "/orders/nobody"):
            answer = await api.get(f"/api/v1{path}", headers=as_("auditor"))
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def links_of(page: str) -> list[str]:
    return [unescape(each) for each in re.findall(r'href="([^"]+)"', page)]


# ── pages ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def app(yard: Yard) -> FastAPI:
    hashed = password_hash_of(PASSWORD)
    with yard.services.records.begin() as session:
        for name in yard.people:
            Persons(session).record_password(name, hashed)
    return assemble(yard.services, public_url="http://test")


def test_a_hold_is_found_in_its_list_and_cured_by_a_button(yard: Yard, app: FastAPI) -> None:
    hold_id = held(yard.places(amount=1200))
    manager = signed_in(app, "manager")
    page = manager.get("/holds?rule=limit")
    assert f"/holds/{hold_id}" in page.text
    assert _faults_of(page.text) == []
    assert f"/holds/{hold_id}" not in manager.get("/holds?rule=terms&owner=risk").text
    assert f"/holds/{hold_id}" not in manager.get("/holds?due=late").text

    page = manager.get(f"/holds/{hold_id}")
    assert _faults_of(page.text) == []
    assert "1,000.00" in page.text
    limit = f"/cases/new?customer={yard.customer_id}&line={LINE}&kind=temporary_increase"
    [path] = [each for each in links_of(page.text) if each.startswith(limit)]
    assert 'value="1200.00"' in manager.get(path).text
    form = hidden(page, f"/holds/{hold_id}/cure")
    done = manager.post(f"/holds/{hold_id}/cure", data={**form, "kind": "cut_order"})
    assert done.status_code == 303
    page = manager.get(f"/holds/{hold_id}")
    assert "The hold is cured" in page.text
    assert yard.taken() == (1000, 0)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_pages_speak_both_languages(yard: Yard, app: FastAPI, language: str) -> None:
    yard.places("SO-2", 100)
    answer = yard.places(amount=300, terms="net_60")
    yard.sets(HoldOn.CUSTOMER, yard.customer_id)
    risk = signed_in(app, "risk", language)
    words = {"en": "Why it stands still", "zh-CN": "锁单原因"}[language]
    assert words in risk.get(f"/holds/{held(answer)}").text
    paths = ("/holds", "/orders", f"/orders/{answer.order.order_id}", f"/lines/{LINE}")
    for path in (*paths, f"/customers/{yard.customer_id}", "/holds?view=all"):
        page = risk.get(path)
        assert page.status_code == 200
        assert _faults_of(page.text) == []
    line = risk.get(f"/lines/{LINE}").text
    assert {"en": "Open orders", "zh-CN": "未发货订单"}[language] in line
    # `orders` is who posted, too.
    codes = "|".join({*ExposureBucket, *ExposureDocument} - {ExposureBucket.ORDERS})
    assert re.findall(rf">\s*(?:{codes})\s*<", line) == []


def test_what_comes_free_by_itself_is_told_with_its_day_and_lets_the_order_go_then(
    yard: Yard,
) -> None:
    """Reservations of another system: the first that ends makes room enough."""
    now = yard.services.clock.now()
    exposure = Exposure(yard.services.records)
    for key, amount, days in (("erp-1", 300, 3), ("erp-2", 200, 5)):
        exposure.reserve(
            LINE, cny(amount), key, business_on=yard.on, expires_at=now + timedelta(days=days)
        )
    answer = yard.places(amount=800)
    [wait] = [each for each in yard.hold(held(answer)).cures if each.kind is CureKind.WAIT_UNTIL]
    assert (wait.on, wait.days, wait.amount) == (yard.on + timedelta(days=3), 3, cny(300))
    assert wait.cures == ("limit",)
    exposure.reserve(LINE, cny(300), "erp-3", business_on=yard.on, expires_at=now)
    yard.services.clock.offset_days = 7
    [wait] = [each for each in yard.hold(held(answer)).cures if each.kind is CureKind.WAIT_UNTIL]
    assert (wait.on, wait.days) == (yard.on + timedelta(days=10), 3)
    yard.services.clock.offset_days = 0
    assert exposure.expire_due(business_on=yard.on, as_of=now) == 1

    assert exposure.expire_due(business_on=yard.on, as_of=now + timedelta(days=3)) == 1
    yard.house.office.deliver()
    exposure.close()
    assert yard.order(answer.order.order_id).status is OrderStatus.OPEN
    assert yard.taken() == (1000, 0)


def test_a_cure_says_on_the_page_which_reasons_it_takes_away_and_no_codes(
    yard: Yard, app: FastAPI
) -> None:
    exposure, ends_at = Exposure(yard.services.records), yard.services.clock.now()
    ends_at += timedelta(days=3)
    exposure.reserve(LINE, cny(800), "erp-1", business_on=yard.on, expires_at=ends_at)
    exposure.close()
    hold_id = held(yard.places(amount=300))
    [wait] = [each for each in yard.hold(hold_id).cures if each.kind is CureKind.WAIT_UNTIL]
    assert wait.cures == ("limit", "limit_nearly_used")
    page = signed_in(app, "risk", "zh-CN").get(f"/holds/{hold_id}").text
    assert "可解除 额度" in page
    assert f"等到 {wait.on}，届时自动释放 CNY 800.00" in page
    assert "limit_nearly_used" not in page


def test_a_release_is_asked_for_on_the_page_and_decided_on_a_task(yard: Yard, app: FastAPI) -> None:
    answer = yard.places(amount=300, terms="net_60")
    path = f"/holds/{held(answer)}"
    manager = signed_in(app, "manager")
    form = hidden(manager.get(path), f"{path}/release")
    said = {**form, "reason": "Season!", "note": "it will not wait", "amount": "400"}
    refused = manager.post(f"{path}/release", data=said)
    assert refused.status_code == 422
    assert "it will not wait" in refused.text
    assert manager.post(f"{path}/release", data={**said, "reason": "season"}).status_code == 303
    yard.house.office.deliver()
    release = yard.hold(held(answer)).releases[0].request
    tasks = yard.services.holds.read_release(yard.people["auditor"], release.release_id).tasks
    task = f"/tasks/{tasks[0].task_id}"
    approver = signed_in(app, "approver1")
    page = approver.get(task)
    assert _faults_of(page.text) == []
    assert "Release of a held order" in page.text
    assert 'value="return"' not in page.text
    form = hidden(page, f"{task}/decision")
    assert approver.post(f"{task}/decision", data={**form, "verdict": "approve"}).status_code == 303
    yard.house.office.deliver()
    assert yard.order(answer.order.order_id).status is OrderStatus.RELEASED
    assert "goes on by a release" in manager.get(f"/orders/{answer.order.order_id}").text.lower()


def test_an_order_is_changed_and_held_by_hand_on_its_page(yard: Yard, app: FastAPI) -> None:
    path = f"/orders/{yard.places(amount=600).order.order_id}"
    manager, risk = signed_in(app, "manager"), signed_in(app, "risk")
    form = hidden(manager.get(path), f"{path}/change")
    assert manager.post(f"{path}/change", data={**form, "amount": "1,2"}).status_code == 303
    assert manager.post(f"{path}/change", data={**form, "amount": "many"}).status_code == 422
    form = hidden(risk.get(path), "/holds")
    said = {**form, "reason": "fraud", "note": "the letterhead is false"}
    done = risk.post("/holds", data=said)
    assert done.status_code == 303
    page = risk.get(done.headers["location"])
    assert "Held by hand: fraud" in page.text
    refused = risk.post(f"{done.headers['location']}/lift", data={**form, "reason": "cleared"})
    assert (refused.status_code, "same_hands" in refused.text) == (403, True)
    cancelled = manager.post(f"{path}/cancel", data=hidden(manager.get(path), f"{path}/cancel"))
    assert cancelled.status_code == 303
    assert yard.taken() == (0, 0)
