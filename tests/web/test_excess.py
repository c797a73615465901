"""What stands above a limit that fell, as people see it: its plan and hold, and other dates for it."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from activities.line import LineActivities
from creditflow.client import Client
from creditflow.commands.output import Exit
from domain.check import CureKind, RuleKind
from domain.errors import (
    AlreadyDecided,
    Malformed,
    NotFound,
    NotPermitted,
    OutOfOrder,
    SameHands,
)
from domain.excess import Excess, ExcessDates, ExcessProposal, ExcessStatus, ExcessWord
from domain.exposure import Limit
from domain.hold import HoldOn, HoldStatus, ReleaseWanted
from domain.line import LineLook
from domain.notification import Channel
from domain.order import OrderStatus, OrderTerms
from storage.exposure import Accounts, Exposure
from storage.notification import Outbox
from tests.makers_line import a_letter, record_letter
from tests.web.conftest import serving
from tests.web.test_commands import Terminal
from tests.web.test_console import _faults_of, hidden
from tests.web.test_holds import LINE, Yard, app, cny
from tests.web.test_override_pages import signed_in
from tests.web.test_overrides import House, as_, house, key_of, seals
from web.app import assemble
from web.service.excess import ExcessView
from web.service.hold import HoldLift, HoldView

__all__ = ["app", "house", "seals"]


class Fallen(Yard):
    """The yard, whose line of a thousand is used by nine hundred and was cut to seven hundred."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        records = self.services.records
        self.exposure = Exposure(records)
        held = self.exposure.reserve(LINE, cny(900), "r", business_on=self.on)
        assert held.reservation_id is not None
        self.exposure.commit(LINE, held.reservation_id, "c", business_on=self.on)
        record_letter(records, a_letter("PF-cut", customer_id=self.customer_id))
        with records.begin() as session:
            Accounts(session).set_limit(
                LINE,
                Limit.of(cny(700)),
                decision_id="PF-cut",
                key="PF-cut/limit",
                business_on=self.on,
            )
        self.looks()

    def looks(self) -> None:
        look = LineLook(line_id=LINE, at=self.services.clock.now())
        LineActivities(self.services.records, self.exposure).look_at_line(look)

    def plan(self, person: str = "auditor") -> Excess:
        [plan] = self.services.excesses.list_excesses(self.people[person], settled=True)
        return plan

    def view(self) -> ExcessView:
        return self.services.excesses.read(self.people["auditor"], self.plan().excess_id)

    def hold_of_line(self) -> HoldView:
        return self.hold(self.plan().hold_ids[0])

    def told(self, kind: str) -> list[dict[str, str]]:
        """What mails of a kind say, the newest first."""
        with self.services.records.begin() as session:
            found = Outbox(session).find_page(channel=Channel.MAIL, page_size=100)
        return [each.facts for each in found if each.kind == kind]

    def repays(self, amount: int) -> None:
        self.services.exposure.repay(self.people["orders"], LINE, cny(amount), f"p-{amount}")
        self.house.office.deliver()

    def days(self, *days: int) -> tuple[date, ...]:
        return tuple(self.on + timedelta(days=each) for each in days)

    def dates(self, *days: int, person: str = "risk", key: str | None = None) -> ExcessProposal:
        said = ExcessDates(due_on=self.days(*days), reason="the season ends in autumn")
        excess_id = self.plan().excess_id
        return self.services.excesses.set_dates(self.people[person], excess_id, said, key)

    def answers(
        self, dates: ExcessProposal, person: str = "approver1", *, confirmed: bool = True
    ) -> ExcessView:
        said = ExcessWord(confirmed=confirmed)
        return self.services.excesses.answer_dates(
            self.people[person], dates.excess_id, dates.dates_id, said
        )


@pytest.fixture
def yard(house: House) -> Iterator[Fallen]:
    made = Fallen(house)
    yield made
    made.exposure.close()


@pytest.fixture
def served(yard: Fallen) -> Iterator[str]:
    with serving(assemble(yard.services, public_url="http://test")) as url:
        yield url


# ── plan and hold ────────────────────────────────────────────────────────────────────────────────


def test_a_repayment_of_all_that_stands_above_settles_it_at_once_and_less_does_not(
    yard: Fallen,
) -> None:
    held = yard.places(amount=100)
    assert held.order.status is OrderStatus.HELD

    yard.repays(150)

    assert (yard.plan().over, yard.plan().status) == (cny(50), ExcessStatus.OPEN)
    assert yard.hold_of_line().hold.status is HoldStatus.OPEN
    assert yard.order(held.order.order_id).status is OrderStatus.HELD

    yard.repays(250)

    assert yard.plan().status is ExcessStatus.SETTLED
    assert yard.hold_of_line().hold.status is HoldStatus.CURED
    assert yard.order(held.order.order_id).status is OrderStatus.OPEN


def test_the_hold_says_what_to_give_back_for_the_step_and_for_good(yard: Fallen) -> None:
    first, last = (step.due_on for step in yard.plan().steps)

    cures = yard.hold_of_line().cures

    assert [(each.kind, each.amount, each.on) for each in cures] == [
        (CureKind.REPAY, cny(100), first),
        (CureKind.REPAY, cny(200), last),
    ]
    held = yard.places(amount=100)
    assert held.hold is not None
    [offered] = [each for each in yard.hold(held.hold.hold_id).cures if each.kind is CureKind.REPAY]
    assert offered.amount == cny(200)
    assert offered.sentence("zh-CN").endswith("归还 CNY 200.00")


def test_a_hold_by_hand_beside_a_rule_that_fails_is_not_told_as_an_excess(yard: Fallen) -> None:
    yard.repays(500)
    order_id = yard.places(amount=100).order.order_id
    yard.sets(HoldOn.ORDER, order_id)
    yard.places("SO-2", 200)
    yard.services.orders.change(yard.people["orders"], order_id, OrderTerms(amount=cny(900)))

    hold_id = yard.order(order_id).hold_id
    assert hold_id is not None
    view = yard.hold(hold_id)

    said = {each.now.kind: each.now.sentence() for each in view.reasons if each.now is not None}
    assert said.keys() == {RuleKind.STANDING_HOLD, RuleKind.LIMIT}
    assert said[RuleKind.STANDING_HOLD].endswith("stands: fraud")
    assert CureKind.REPAY not in {each.kind for each in view.cures}


def test_nobody_lets_the_hold_go_by_hand(yard: Fallen) -> None:
    hold_id = yard.plan().hold_ids[0]
    with pytest.raises(OutOfOrder, match="goes when that is given back"):
        yard.services.holds.lift(yard.people["risk"], hold_id, HoldLift(reason_code="kind"))
    wanted = ReleaseWanted(reason_code="season", note="the season will not wait")
    with pytest.raises(OutOfOrder, match="goes when that is given back"):
        yard.services.holds.ask_release(yard.people["manager"], hold_id, wanted)
    assert yard.hold_of_line().hold.status is HoldStatus.OPEN


# ── other dates ──────────────────────────────────────────────────────────────────────────────────


def test_other_dates_count_once_somebody_else_confirms_them(yard: Fallen) -> None:
    before = yard.plan()
    dates = yard.dates(60, 150, key="k")
    assert yard.dates(60, 150, key="k") == dates
    assert yard.plan() == before

    with pytest.raises(SameHands):
        yard.answers(dates, "risk")
    view = yard.answers(dates)

    assert [step.due_on for step in view.excess.steps] == list(yard.days(60, 150))
    assert [step.stands for step in view.excess.steps] == [step.stands for step in before.steps]
    assert (view.dates[0].asked_by, view.dates[0].answered_by) == ("risk", "approver1")
    assert view.events[-1].by == "approver1"
    assert yard.hold_of_line().hold.review_on == yard.days(60)[0]
    assert yard.told("excess_found")[0]["due_on"] == yard.days(60)[0].isoformat()
    assert yard.answers(dates) == yard.view()
    with pytest.raises(AlreadyDecided):
        yard.answers(dates, confirmed=False)


def test_dates_that_nobody_confirms_leave_the_plan_as_it_was(yard: Fallen) -> None:
    before, dates = yard.plan(), yard.dates(60, 150)
    with pytest.raises(OutOfOrder, match="wait to be confirmed"):
        yard.dates(70, 150)

    yard.answers(dates, confirmed=False)

    assert yard.plan() == before
    assert yard.dates(70, 150).confirmed is None


def test_dates_are_no_later_than_policys_longest_and_given_by_a_risk_officer(
    yard: Fallen,
) -> None:
    with pytest.raises(Malformed, match="no step may be later than"):
        yard.dates(60, 181)
    for person in ("manager", "auditor", "approver1"):
        with pytest.raises(NotPermitted):
            yard.dates(60, 150, person=person)
    with pytest.raises(NotPermitted):
        yard.answers(yard.dates(60, 150), "manager")


def test_dates_of_a_plan_that_has_grown_since_are_not_confirmed(yard: Fallen) -> None:
    dates = yard.dates(60, 150)
    record_letter(yard.services.records, a_letter("PF-cut-2", customer_id=yard.customer_id))
    with yard.services.records.begin() as session:
        Accounts(session).set_limit(
            LINE,
            Limit.of(cny(600)),
            decision_id="PF-cut-2",
            key="PF-cut-2/limit",
            business_on=yard.on,
        )
    yard.looks()

    with pytest.raises(OutOfOrder, match="changed by something else"):
        yard.answers(dates)
    assert yard.plan().found == cny(300)


def test_the_database_keeps_two_hands_and_what_was_said(yard: Fallen) -> None:
    dates = yard.dates(60, 150)
    for statement in (
        "INSERT INTO excess_dates_answer (dates_id, asked_by, answered_by, confirmed, note)"
        " VALUES (:id, 'risk', 'risk', true, '')",
        "UPDATE excess_dates SET reason = '' WHERE dates_id = :id",
        "DELETE FROM excess_event",
    ):
        with pytest.raises(DBAPIError), yard.services.records.begin() as session:
            session.execute(text(statement), {"id": dates.dates_id})


# ── who sees it ──────────────────────────────────────────────────────────────────────────────────


def test_a_manager_sees_the_plans_of_their_own_customers_alone(yard: Fallen) -> None:
    assert yard.plan("manager") == yard.plan()
    other, excesses = yard.people["manager2"], yard.services.excesses
    assert list(excesses.list_excesses(other)) == []
    with pytest.raises(NotFound):
        excesses.read(other, yard.plan().excess_id)


def test_client_and_commands_do_the_same(yard: Fallen, served: str, tmp_path: Path) -> None:
    (tmp_path / "users.json").write_text("{}")
    terminal = Terminal(served, tmp_path)

    def asks(person: str, *words: str) -> tuple[Exit, Any]:
        result = terminal.types(*words, "--json", key=key_of(person))
        return Exit(result.exit_code), json.loads(result.stdout)

    excess_id = yard.plan().excess_id
    with Client(served, key_of("risk")) as client:
        [found] = client.list_excesses(line_id=LINE)
        assert (found.excess_id, found.cause, found.status) == (excess_id, "letter_cut", "open")
        view = client.fetch_excess(excess_id)
        assert view.repay is not None
        assert str(view.repay.amount) == "100.00"
        given = client.set_excess_dates(excess_id, yard.days(60, 150), "a late season")
    with Client(served, key_of("approver1")) as client:
        answered = client.answer_excess_dates(excess_id, given.dates_id, confirmed=False)
        assert answered.dates[0].confirmed is False
    ending, listed = asks("auditor", "excess", "list")
    assert (ending, [each["excess_id"] for each in listed["items"]]) == (Exit.DONE, [excess_id])
    days = [day.isoformat() for day in yard.days(50, 120)]
    ending, given_by_word = asks("risk", "excess", "dates", excess_id, *days, "--reason", "late")
    assert ending is Exit.DONE
    words = ("excess", "confirm", excess_id, given_by_word["dates_id"])
    assert asks("risk", *words)[0] is not Exit.DONE
    ending, shown = asks("approver1", *words)
    assert (ending, [s["due_on"] for s in shown["excess"]["steps"]]) == (Exit.DONE, days)
    shown_text = terminal.types("excess", "show", excess_id, key=key_of("auditor")).stdout
    assert days[0] in shown_text
    assert "confirmed" in shown_text


async def test_the_api_says_which_plan_is_not_there(yard: Fallen) -> None:
    transport = httpx.ASGITransport(assemble(yard.services, public_url="http://test"))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as api:
        gone = await api.get("/api/v1/excesses/nobody", headers=as_("auditor"))
        assert (gone.status_code, gone.json()["code"]) == (404, "not_found")
        listed = await api.get("/api/v1/excesses", headers=as_("auditor"))
        assert [each["over"]["amount"] for each in listed.json()["items"]] == ["200.00"]


# ── pages ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_it_is_seen_where_one_looks(yard: Fallen, app: FastAPI, language: str) -> None:
    plan = yard.plan()
    auditor = signed_in(app, "auditor", language)
    paths = ("/excesses", "/excesses?view=all", f"/lines/{LINE}", f"/customers/{yard.customer_id}")
    for path in paths:
        page = auditor.get(path)
        assert page.status_code == 200
        assert _faults_of(page.text) == []
        assert f"/excesses/{plan.excess_id}" in page.text
    page = auditor.get(f"/excesses/{plan.excess_id}").text
    assert _faults_of(page) == []
    assert {"en": "Limit cut by letter", "zh-CN": "批复压降额度"}[language] in page
    assert f"/holds/{plan.hold_ids[0]}" in page
    hold = auditor.get(f"/holds/{plan.hold_ids[0]}").text
    assert _faults_of(hold) == []
    for said in plan.steps[0].due_on.isoformat(), "CNY 100.00", f"/excesses/{plan.excess_id}":
        assert said in hold
    assert {"en": "Hold by hand", "zh-CN": "人工锁单"}[language] not in hold


def test_dates_are_given_on_the_page_and_confirmed_by_another(yard: Fallen, app: FastAPI) -> None:
    path = f"/excesses/{yard.plan().excess_id}"
    risk, approver = signed_in(app, "risk"), signed_in(app, "approver1")
    form = hidden(risk.get(path), f"{path}/dates")
    days = [day.isoformat() for day in yard.days(60, 150)]
    refused = risk.post(f"{path}/dates", data={**form, "due_on": days[:1], "reason": "late"})
    assert refused.status_code == 422
    assert ">late<" in refused.text
    given = risk.post(f"{path}/dates", data={**form, "due_on": days, "reason": "late"})
    assert given.status_code == 303
    where = f"{path}/dates/{yard.view().dates[0].dates_id}/answer"
    assert where not in risk.get(path).text
    form = hidden(approver.get(path), where)
    assert approver.post(where, data={**form, "confirmed": "yes"}).status_code == 303
    assert [step.due_on.isoformat() for step in yard.plan().steps] == days
    assert yard.hold_of_line().hold.holds is HoldOn.LINE
