"""A limit falls below what is taken of it: a plan and a hold, until it is given back."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier

import pytest
from sqlalchemy import text

from activities.excess import Looked, look_at_caps
from activities.line import LineActivities
from activities.order import Asked, OrderActivities, OrderDesk
from activities.warning import WarningActivities
from domain.application import ApplicationType
from domain.calendar import day_begins_at
from domain.customer import CustomerGroup
from domain.excess import Excess, ExcessCause, ExcessStatus
from domain.exposure import Fitting, Limit, SubLimit, Use
from domain.hold import Hold, HoldOn, HoldStatus
from domain.line import CreditLine, LineLook, LineProgress
from domain.money import Money
from domain.notification import Channel
from domain.order import Order, OrderContent, OrderInvoice, OrderStatus, RecheckPage
from domain.receivable import Payment
from domain.warning import MonitoringPage
from storage.application import Intakes
from storage.base import Records
from storage.customer import Customers
from storage.excess import Excesses
from storage.exposure import Accounts, Exposure
from storage.hold import Holds
from storage.line import Lines
from storage.notification import Outbox
from storage.receivable import Receivables
from storage.warning import Book, Warnings
from tests.activities.test_line_cover import a_line as a_covered_line
from tests.activities.test_line_cover import register
from tests.activities.test_line_gate import ON, a_signed_case, activate
from tests.makers_line import a_letter, open_line, record_letter
from tests.makers_monitoring import GRANTED_ON, LINE_ID, a_book, noon
from tests.makers_policy import a_changed_edition, an_edition, cny

UNTIL = ON + timedelta(days=30)
OVER = UNTIL + timedelta(days=1)  # the day on which the temporary limit is over
FIRST, LAST = OVER + timedelta(days=30), OVER + timedelta(days=90)  # the steps found then


@pytest.fixture
def exposure(records: Records) -> Iterator[Exposure]:
    opened = Exposure(records)
    yield opened
    opened.close()


@pytest.fixture
def book(records: Records) -> CreditLine:
    return a_book(records, limit=cny(1_000_000))


@pytest.fixture
def drawn(records: Records, exposure: Exposure, book: CreditLine) -> CreditLine:
    """A line of a million, with a temporary limit of 1.2 million of which 1.1 are used."""
    raised = {"limit": cny(1_200_000), "temporary_until": UNTIL}
    a_signed_case(records, ApplicationType.TEMPORARY_INCREASE, **raised)
    activate(records, exposure)
    use(exposure, 1_100_000)
    return book


def use(exposure: Exposure, amount: int, on: date = ON) -> None:
    taken = exposure.reserve(LINE_ID, cny(amount), f"r-{amount}", business_on=on)
    assert taken.reservation_id is not None
    exposure.commit(LINE_ID, taken.reservation_id, f"c-{amount}", business_on=on)


def repay(records: Records, exposure: Exposure, amount: int, on: date) -> None:
    """A repayment, and the other look that it owes."""
    exposure.repay(LINE_ID, cny(amount), f"p-{on}", business_on=on)
    page = RecheckPage(customer_id="c-1", cause="repay", at=noon(on))
    OrderActivities(records, exposure).recheck_orders(page)


def look(records: Records, exposure: Exposure, on: date) -> LineProgress:
    return LineActivities(records, exposure).look_at_line(LineLook(line_id=LINE_ID, at=noon(on)))


def monitor(records: Records, on: date) -> None:
    page = MonitoringPage(run_id=f"run-{on}", after=None, page_size=50, at=noon(on))
    WarningActivities(records).monitor_customers(page)


def plans(records: Records) -> list[Excess]:
    with records.begin() as session:
        return list(Excesses(session).list_page(settled=True))


def the_plan(records: Records) -> Excess:
    [plan] = plans(records)
    return plan


def holds(records: Records, status: HoldStatus | None = None) -> list[Hold]:
    with records.begin() as session:
        return list(Holds(session).list_page(status=status))


def mails(records: Records, kind: str) -> list[tuple[str, dict[str, str]]]:
    with records.begin() as session:
        found = Outbox(session).find_page(channel=Channel.MAIL, page_size=500)
    return [(each.recipient, each.facts) for each in found if each.kind == kind]


def told(records: Records) -> list[str]:
    with records.begin() as session:
        kinds = session.scalars(text("SELECT kind FROM event_stream ORDER BY event_no"))
        return [kind for kind in kinds if kind.startswith("excess.")]


def warned(records: Records) -> dict[str, str]:
    with records.begin() as session:
        return {w.signal.rule: w.signal.level for w in Warnings(session).find_open("c-1")}


def place(records: Records, exposure: Exposure, on: date, amount: int = 1000) -> Order:
    content = OrderContent(order_no=f"SO-{on}", amount=cny(amount))
    order = Order.placed(f"o-{on}", "c-1", content, "orders", noon(on), on)
    asked = Asked("orders", noon(on), on, key=f"place-{on}")
    return OrderDesk(records, exposure).place(asked, order).order


# ── a temporary limit is over ────────────────────────────────────────────────────────────────────


def test_what_a_temporary_limit_leaves_above_is_on_a_plan_and_on_hold(
    records: Records, exposure: Exposure, drawn: CreditLine
) -> None:
    look(records, exposure, UNTIL)
    assert plans(records) == []

    progress = look(records, exposure, OVER)

    plan = the_plan(records)
    assert (plan.account, plan.cause) == (f"line/{LINE_ID}", ExcessCause.TEMPORARY_OVER)
    assert (plan.found, plan.over, plan.status) == (
        cny(100_000),
        cny(100_000),
        ExcessStatus.OPEN,
    )
    assert [(step.due_on, step.stands) for step in plan.steps] == [
        (FIRST, cny(50_000)),
        (LAST, cny(0)),
    ]
    [hold] = holds(records)
    assert (hold.holds, hold.subject_id, hold.manual) == (HoldOn.LINE, LINE_ID, False)
    assert (hold.reason_code, hold.review_on) == ("excess", FIRST)
    assert hold.hold_id in plan.hold_ids
    assert "CNY 50,000.00 has to be given back by 2026-04-04" in hold.reasons[0].sentence()
    assert "须于 2026-04-04 前归还 CNY 50,000.00" in hold.reasons[0].sentence("zh-CN")
    (balance,) = exposure.balances(LINE_ID)
    assert balance.headroom == cny(0)
    assert progress.look_again_at == day_begins_at(FIRST + timedelta(days=1), 0)
    recipients = {recipient for recipient, _ in mails(records, "excess_found")}
    assert recipients == {"person:manager", "customer:c-1"}
    assert told(records) == ["excess.found"]
    with records.begin() as session:
        kinds = [each.kind for each in Lines(session).events(LINE_ID)]
    assert kinds.count("excess_found") == 1


def test_two_looks_make_one_plan_also_at_once(
    records: Records, exposure: Exposure, drawn: CreditLine
) -> None:
    barrier = Barrier(6)

    def looks(n: int) -> None:
        barrier.wait()
        if n % 2:
            monitor(records, OVER)
        else:
            look(records, exposure, OVER)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(looks, range(6)))

    assert the_plan(records).version == 1
    assert len(holds(records)) == 1
    assert len(mails(records, "excess_found")) == 2
    assert told(records) == ["excess.found"]


def test_an_account_has_one_open_plan_also_without_the_locks_of_lines_and_customers(
    records: Records, exposure: Exposure, drawn: CreditLine
) -> None:
    """Two who come by at once by roads that wait for nothing of each other's."""
    record_letter(records, a_letter("PF-cap"))
    with records.begin() as session:
        Accounts(session).set_customer_cap(
            "c-1", "CNY", Limit.of(cny(1_000_000)), decision_id="PF-cap", business_on=ON
        )
    barrier = Barrier(4)

    def looks(_: int) -> None:
        with records.begin() as session:
            barrier.wait()
            look_at_caps(session, "customer", "c-1", Looked(noon(ON), ON))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(looks, range(4)))

    assert the_plan(records).version == 1
    assert len(holds(records)) == 1


def test_the_hold_stops_orders_with_its_reason_until_all_is_given_back(
    records: Records, exposure: Exposure, drawn: CreditLine
) -> None:
    look(records, exposure, OVER)

    order = place(records, exposure, OVER)

    assert order.status is OrderStatus.HELD
    [line_hold] = [each for each in holds(records) if each.holds is HoldOn.LINE]
    [held] = [each for each in holds(records) if each.holds is HoldOn.ORDER]
    [reason] = [each for each in held.reasons if each.reference == line_hold.hold_id]
    assert "CNY 100,000.00 stands above the limit of the line" in reason.sentence()

    repay(records, exposure, 60_000, OVER + timedelta(days=5))

    plan = the_plan(records)
    assert (plan.over, plan.status) == (cny(40_000), ExcessStatus.OPEN)
    [line_hold] = [each for each in holds(records) if each.holds is HoldOn.LINE]
    assert line_hold.status is HoldStatus.OPEN
    assert line_hold.reasons_now[0].found == cny(40_000)
    assert line_hold.review_on == LAST

    repay(records, exposure, 140_000, OVER + timedelta(days=6))

    plan = the_plan(records)
    assert (plan.status, plan.settled_on) == (ExcessStatus.SETTLED, OVER + timedelta(days=6))
    [line_hold] = [each for each in holds(records) if each.holds is HoldOn.LINE]
    assert (line_hold.status, line_hold.cause) == (HoldStatus.CURED, "excess")
    assert told(records) == ["excess.found", "excess.settled"]
    [held] = [each for each in holds(records) if each.holds is HoldOn.ORDER]
    assert held.status is HoldStatus.CURED
    assert exposure.verify().holds


def test_a_payment_on_an_orders_invoice_settles_the_plan_of_its_line(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    raised = {"limit": cny(1_200_000), "temporary_until": UNTIL}
    a_signed_case(records, ApplicationType.TEMPORARY_INCREASE, **raised)
    activate(records, exposure)
    use(exposure, 800_000)
    desk, asked = OrderDesk(records, exposure), Asked("orders", noon(ON), ON)
    content = OrderContent(order_no="SO-9", amount=cny(300_000))
    order = Order.placed("o-9", book.customer_id, content, "orders", noon(ON), ON)
    desk.place(asked, order)
    desk.deliver(asked, "o-9", None)
    bill = OrderInvoice(invoice_no="INV-9", issued_on=ON, due_on=LAST)
    desk.invoice(asked, "o-9", bill)
    look(records, exposure, OVER)
    assert the_plan(records).over == cny(100_000)

    paid = Payment(
        customer_id=book.customer_id,
        invoice_no="INV-9",
        payment_no="P",
        paid_on=OVER,
        amount=cny(300_000),
    )
    with records.begin() as session:
        Receivables(session).record_payment(paid, recorded_by="m")
    for _ in range(2):  # what goes back to the line owes the second look
        page = RecheckPage(customer_id=book.customer_id, cause="payment", at=noon(OVER))
        OrderActivities(records, exposure).recheck_orders(page)
    with records.begin() as session:
        causes = session.scalars(
            text("SELECT facts ->> 'cause' FROM outbox WHERE kind = 'start_recheck'")
        ).all()
    assert causes == ["payment"]
    assert the_plan(records).settled
    [line_hold] = [each for each in holds(records) if each.holds is HoldOn.LINE]
    assert line_hold.status is HoldStatus.CURED


def test_goods_reserved_before_are_not_delivered_while_the_line_stands_over(
    records: Records, exposure: Exposure, drawn: CreditLine
) -> None:
    order = place(records, exposure, ON)
    assert order.status is OrderStatus.OPEN
    look(records, exposure, OVER)

    asked = Asked("orders", noon(OVER), OVER, key="deliver")
    answer = OrderDesk(records, exposure).deliver(asked, order.order_id, None)

    assert answer.order.status is OrderStatus.HELD
    assert answer.hold is not None
    assert "stands above the limit" in answer.hold.reasons[0].sentence()


def test_a_missed_step_is_late_told_once_and_warned_of(
    records: Records, exposure: Exposure, drawn: CreditLine
) -> None:
    look(records, exposure, OVER)
    monitor(records, FIRST)
    assert (the_plan(records).status, warned(records)) == (ExcessStatus.OPEN, {})

    missed = FIRST + timedelta(days=1)
    progress = look(records, exposure, missed)
    look(records, exposure, missed)
    monitor(records, missed)

    assert the_plan(records).status is ExcessStatus.LATE
    assert len(mails(records, "excess_late")) == 2
    assert told(records) == ["excess.found", "excess.late"]
    assert warned(records) == {"excess_late": "orange"}
    assert progress.look_again_at == day_begins_at(LAST + timedelta(days=1), 0)

    monitor(records, FIRST + timedelta(days=30))
    assert warned(records) == {"excess_late": "orange", "excess_late_30_days": "red"}

    repay(records, exposure, 60_000, FIRST + timedelta(days=31))
    monitor(records, FIRST + timedelta(days=31))
    assert (the_plan(records).status, warned(records)) == (ExcessStatus.OPEN, {})


def test_a_plan_that_is_settled_is_followed_by_another_where_more_stands_again(
    records: Records, exposure: Exposure, drawn: CreditLine
) -> None:
    look(records, exposure, OVER)
    repay(records, exposure, 200_000, OVER)
    again = OVER + timedelta(days=1)
    a_signed_case(records, ApplicationType.DECREASE, limit=cny(800_000), case_id="case-3")
    activate(records, exposure, again, case_id="case-3")
    look(records, exposure, again)

    first, second = sorted(plans(records), key=lambda each: each.opened_on)

    assert (first.status, second.status) == (ExcessStatus.SETTLED, ExcessStatus.OPEN)
    assert (second.cause, second.found) == (ExcessCause.LETTER_CUT, cny(100_000))
    assert {each.status for each in holds(records)} == {HoldStatus.OPEN, HoldStatus.CURED}


# ── other ways for a limit to fall ───────────────────────────────────────────────────────────────


def test_a_letter_that_cuts_below_use_leaves_a_plan_and_nothing_negative(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    use(exposure, 900_000)
    a_signed_case(records, ApplicationType.DECREASE, limit=cny(600_000))
    activate(records, exposure)

    look(records, exposure, ON)

    plan = the_plan(records)
    assert (plan.cause, plan.over) == (ExcessCause.LETTER_CUT, cny(300_000))
    (balance,) = exposure.balances(LINE_ID)
    assert (balance.limit, balance.headroom) == (Limit.of(cny(600_000)), cny(0))


def test_a_line_whose_cover_ends_while_it_is_used_is_on_a_plan_from_that_day(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    """With the guarantee the judgement proposes 31.8 million, without it 11.8."""
    last = ON + timedelta(days=40)
    register(records, ends_on=last)
    with records.begin() as session:
        Intakes(session).close(book.case_id, noon(GRANTED_ON))
    line = a_covered_line(records, exposure)
    taken = exposure.reserve(line.line_id, cny(20_000_000), "r", business_on=ON)
    assert taken.reservation_id is not None
    activities = LineActivities(records, exposure)

    for day in (last, last + timedelta(days=1)):
        activities.look_at_line(LineLook(line_id=line.line_id, at=noon(day)))

    plan = the_plan(records)
    assert (plan.line_id, plan.cause) == (line.line_id, ExcessCause.COVER_ENDED)
    assert (plan.over, plan.opened_on) == (cny(8_200_000), last + timedelta(days=1))

    # The customer's other line is none of it.
    assert place(records, exposure, plan.opened_on).line_id == LINE_ID
    exposure.release(line.line_id, taken.reservation_id, "back", business_on=plan.opened_on)
    activities.look_at_line(LineLook(line_id=line.line_id, at=noon(plan.opened_on)))
    assert the_plan(records).status is ExcessStatus.SETTLED


def test_a_product_that_a_letter_drops_while_it_is_used_holds_its_line(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    def grants(letter_no: str, **limits: int) -> None:
        record_letter(records, a_letter(letter_no))
        parts = [SubLimit(product=name, limit=cny(limit)) for name, limit in limits.items()]
        with records.begin() as session:
            Accounts(session).set_sub_limits(
                LINE_ID, parts, fitting=Fitting(), decision_id=letter_no, business_on=ON
            )

    grants("PF-a", letter_of_guarantee=400_000, open_account=600_000)
    use = Use(product="letter_of_guarantee")
    exposure.reserve(LINE_ID, cny(300_000), "r", business_on=ON, use=use)
    look(records, exposure, ON)
    assert plans(records) == []

    grants("PF-b", open_account=600_000)
    look(records, exposure, ON)

    plan = the_plan(records)
    assert plan.account == f"sub_line/{LINE_ID}/letter_of_guarantee"
    assert (plan.cause, plan.over) == (ExcessCause.LETTER_CUT, cny(300_000))
    assert [(each.holds, each.subject_id) for each in holds(records)] == [(HoldOn.LINE, LINE_ID)]


def cap(records: Records, limit: Money, kind: str = "customer", owner: str = "c-1") -> None:
    letter_no = f"PF-{kind}-{limit.minor}"
    record_letter(records, a_letter(letter_no))
    with records.begin() as session:
        accounts = Accounts(session)
        put = accounts.set_customer_cap if kind == "customer" else accounts.set_group_cap
        put(owner, "CNY", Limit.of(limit), decision_id=letter_no, business_on=ON)


def test_a_lower_cap_holds_its_customer_and_a_higher_one_lets_go(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    use(exposure, 900_000)
    cap(records, cny(700_000))

    monitor(records, ON)

    plan = the_plan(records)
    assert (plan.account, plan.cause, plan.over) == (
        "customer/c-1",
        ExcessCause.CAP,
        cny(200_000),
    )
    [hold] = holds(records)
    assert (hold.holds, hold.subject_id) == (HoldOn.CUSTOMER, "c-1")
    assert place(records, exposure, ON).status is OrderStatus.HELD

    cap(records, cny(950_000))
    monitor(records, ON + timedelta(days=1))

    assert the_plan(records).status is ExcessStatus.SETTLED
    assert [each.status for each in holds(records) if each.holds is HoldOn.CUSTOMER] == [
        HoldStatus.CURED
    ]


def test_a_group_that_stands_over_holds_those_of_its_members_that_have_a_line(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    with records.begin() as session:
        customers = Customers(session)
        customers.record_group(CustomerGroup(group_id="g-1", name="g-1"))
        found = customers.read("c-1").model_copy(update={"group_id": "g-1"})
        customers.update(found, business_on=ON, source="test", recorded_by="manager")
        beside = found.model_copy(update={"customer_id": "c-2", "identifiers": ()})
        customers.record(beside, business_on=ON, source="test", recorded_by="manager")
    use(exposure, 900_000)
    cap(records, cny(700_000), "group", "g-1")

    monitor(records, ON)
    monitor(records, ON + timedelta(days=1))

    plan = the_plan(records)
    assert (plan.account, plan.group_id, plan.customer_id) == ("group/g-1", "g-1", None)
    assert [(each.holds, each.subject_id) for each in holds(records)] == [(HoldOn.CUSTOMER, "c-1")]

    assert {recipient for recipient, _ in mails(records, "excess_found")} == {"person:manager"}

    repay(records, exposure, 200_000, ON + timedelta(days=2))
    assert the_plan(records).status is ExcessStatus.SETTLED


def belongs(records: Records, group_id: str | None, customer_id: str = "c-1") -> None:
    with records.begin() as session:
        customers = Customers(session)
        if group_id is not None:
            customers.record_group(CustomerGroup(group_id=group_id, name=group_id))
        found = customers.read(customer_id).model_copy(update={"group_id": group_id})
        customers.update(found, business_on=ON, source="test", recorded_by="manager")


def recheck(records: Records, exposure: Exposure) -> None:
    """Every other look that is owed."""
    with records.begin() as session:
        owed = [
            RecheckPage(customer_id=each.facts["customer_id"], cause="group", at=noon(ON))
            for each in Outbox(session).find_page(channel=Channel.TEMPORAL, page_size=500)
            if each.kind == "start_recheck"
        ]
    for page in owed:
        OrderActivities(records, exposure).recheck_orders(page)


@pytest.mark.parametrize("joins", [None, "g-2"])
def test_who_leaves_the_group_is_held_for_it_no_more(
    records: Records, exposure: Exposure, book: CreditLine, joins: str | None
) -> None:
    belongs(records, "g-1")
    use(exposure, 900_000)
    cap(records, cny(700_000), "group", "g-1")
    monitor(records, ON)

    belongs(records, joins)
    recheck(records, exposure)

    assert the_plan(records).status is ExcessStatus.SETTLED  # nothing is taken of it any more
    assert [each.status for each in holds(records)] == [HoldStatus.CURED]


def test_who_left_the_group_is_let_go_while_the_plan_stays_of_the_others(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    belongs(records, "g-1")
    with records.begin() as session:
        customers = Customers(session)
        beside = customers.read("c-1").model_copy(update={"customer_id": "c-2", "identifiers": ()})
        customers.record(beside, business_on=ON, source="test", recorded_by="manager")
    open_line(records, "line-2", customer_id="c-2", limit=cny(1_000_000), starts_on=ON)
    use(exposure, 900_000)
    taken = exposure.reserve("line-2", cny(800_000), "r-2", business_on=ON)
    assert taken.reservation_id is not None
    cap(records, cny(700_000), "group", "g-1")
    monitor(records, ON)
    assert {each.subject_id: each.status for each in holds(records)} == {
        "c-1": HoldStatus.OPEN,
        "c-2": HoldStatus.OPEN,
    }

    belongs(records, None)
    recheck(records, exposure)

    assert (the_plan(records).status, the_plan(records).over) == (ExcessStatus.OPEN, cny(100_000))
    assert {each.subject_id: each.status for each in holds(records)} == {
        "c-1": HoldStatus.CURED,
        "c-2": HoldStatus.OPEN,
    }


def test_who_left_the_group_before_is_let_go_by_the_next_look_at_it(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    """As a release before this one left it: held, and no look is owed."""
    belongs(records, "g-1")
    use(exposure, 900_000)
    cap(records, cny(700_000), "group", "g-1")
    monitor(records, ON)
    belongs(records, None)
    with records.begin() as session:
        assert Book(session).is_watched("c-1")

    monitor(records, ON + timedelta(days=1))

    assert the_plan(records).status is ExcessStatus.SETTLED
    assert [each.status for each in holds(records)] == [HoldStatus.CURED]


# ── policy ───────────────────────────────────────────────────────────────────────────────────────


def test_an_edition_without_the_table_makes_no_plan(records: Records, exposure: Exposure) -> None:
    rules = tuple(each for each in an_edition().monitoring.rules if each.figure != "excess_days")
    monitoring = an_edition().monitoring.model_copy(update={"rules": rules})
    a_book(
        records, edition=an_edition().model_copy(update={"excess": None, "monitoring": monitoring})
    )
    use(exposure, 900_000)
    a_signed_case(records, ApplicationType.DECREASE, limit=cny(600_000))
    activate(records, exposure)

    look(records, exposure, ON)
    monitor(records, ON)

    assert (plans(records), holds(records)) == ([], [])


def test_the_steps_are_those_of_the_edition_in_force(records: Records, exposure: Exposure) -> None:
    changed = "[excess]\nsteps = [{ days = 7, share = 0.25 }, { days = 14, share = 0 }]"
    a_book(records, edition=a_changed_edition(changed))
    use(exposure, 900_000)
    cap(records, cny(700_000))

    monitor(records, ON)

    assert [step.stands for step in the_plan(records).steps] == [cny(50_000), cny(0)]
