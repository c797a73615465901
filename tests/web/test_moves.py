"""Limit moved between two lines: asked for by one, decided by others, and the sum that stays."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from domain.approval import TaskStatus, Verdict
from domain.cap import CapOwner
from domain.customer import CustomerGroup
from domain.errors import CurrencyMismatch, NotPermitted, OutOfOrder, OverLimit
from domain.exposure import Limit
from domain.money import Money
from domain.move import Move, MoveContent, MoveStatus
from storage.customer import Customers
from storage.exposure import Accounts
from storage.line import Lines
from tests.makers_line import open_line
from tests.makers_policy import a_customer
from tests.web.test_console import _faults_of, hidden
from tests.web.test_override_pages import app, signed_in
from tests.web.test_overrides import House, house, key_of, seals
from web.service.move import MoveView

__all__ = ["app", "house", "seals"]

A, B = "line-a", "line-b"
OTHER = "c-other"


def cny(amount: int) -> Money:
    return Money.of(amount, "CNY")


class Moving:
    """The house; its customer and another of its group have a line of three million each."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.services = house.services
        self.people = house.people
        self.on = house.services.clock.business_on()
        other = a_customer(manager_id="manager", customer_id=OTHER, identifiers=())
        with self.services.records.begin() as session:
            customers = Customers(session)
            customers.record(other, business_on=self.on, source="test", recorded_by="manager")
            customers.record_group(CustomerGroup(group_id="group-1", name="The Group"))
        for customer_id in (house.customer.customer_id, OTHER):
            self.joins(customer_id, "group-1")
        self.opens(A, house.customer.customer_id)
        self.opens(B, OTHER)

    def joins(self, customer_id: str, group_id: str | None) -> None:
        with self.services.records.begin() as session:
            customers = Customers(session)
            known = customers.read(customer_id).model_copy(update={"group_id": group_id})
            customers.update(known, business_on=self.on, source="test", recorded_by="manager")

    def opens(self, line_id: str, customer_id: str, limit: Money | None = None) -> None:
        open_line(
            self.services.records,
            line_id,
            customer_id=customer_id,
            limit=limit or cny(3_000_000),
            starts_on=self.on,
            last_draw_on=self.on + timedelta(days=300),
            ends_on=self.on + timedelta(days=330),
        )

    def asks(
        self, amount: Money, person: str = "manager", target: str = B, key: str | None = None
    ) -> Move:
        content = MoveContent(
            source_id=A, target_id=target, amount=amount, reason="the plant moved"
        )
        asked = self.services.moves.ask(self.people[person], content, key)
        self.house.office.deliver()
        return asked

    def view(self, move: Move) -> MoveView:
        return self.services.moves.read(self.people["auditor"], move.request.move_id)

    def decides(self, move: Move, verdict: Verdict = Verdict.APPROVE) -> Any:
        done: Any = None
        while open_ := [t for t in self.view(move).tasks if t.status is TaskStatus.OPEN]:
            task = open_[0].task_id
            able = next(
                each
                for each in sorted(self.people)
                if each.startswith("approver")
                and self.services.approvals.read_task(self.people[each], task).words
            )
            done = self.services.approvals.decide(self.people[able], task, verdict, note="seen")
        return done

    def limits(self) -> tuple[Money, Money]:
        with self.services.records.begin() as session:
            return (Lines(session).read(A).limit, Lines(session).read(B).limit)

    def takes(self, amount: int, key: str) -> Any:
        return self.services.exposure.reserve(self.people["release"], A, cny(amount), key)


@pytest.fixture
def moving(house: House) -> Moving:
    return Moving(house)


def test_a_move_between_members_of_a_group_changes_both_by_numbered_letters_and_not_their_sum(
    moving: Moving,
) -> None:
    move = moving.asks(cny(1_000_001))
    assert moving.limits() == (cny(3_000_000), cny(3_000_000))

    moving.decides(move)

    assert moving.limits() == (cny(1_999_999), cny(4_000_001))
    view = moving.view(move)
    assert view.move.status is MoveStatus.MOVED
    [approval] = view.approvals
    auditor = moving.people["auditor"]
    letters = [
        moving.services.approvals.read_letter(auditor, letter_no) for letter_no in view.move.letters
    ]
    assert [letter.replaces for letter in letters] == [f"PF-{A}", f"PF-{B}"]
    assert {letter.content_hash for letter in letters} == {approval.request.content_hash}
    with moving.services.records.begin() as session:
        assert Lines(session).read(A).letter_no == view.move.letters[0]
    assert moving.services.exposure.verify(auditor).holds


def test_what_is_reserved_does_not_move_neither_when_asked_nor_when_decided(
    moving: Moving,
) -> None:
    moving.takes(2_000_000, "k-1")
    with pytest.raises(OverLimit, match=r"headroom of CNY 1,000,000\.00 on line/line-a"):
        moving.asks(cny(1_000_001))
    move = moving.asks(cny(1_000_000))
    moving.takes(1, "k-2")

    with pytest.raises(OverLimit, match=r"999,999\.00"):
        moving.decides(move)

    assert moving.view(move).move.status is MoveStatus.PENDING
    assert moving.limits() == (cny(3_000_000), cny(3_000_000))
    moving.decides(move, Verdict.DECLINE)
    assert moving.view(move).move.status is MoveStatus.DECLINED


def test_no_line_comes_above_the_cap_of_its_own_customer(moving: Moving) -> None:
    with moving.services.records.begin() as session:
        Accounts(session).set_customer_cap(
            OTHER, "CNY", Limit.of(cny(3_500_000)), decision_id=f"PF-{B}", business_on=moving.on
        )

    with pytest.raises(OverLimit, match=f"{CapOwner.CUSTOMER}/{OTHER}"):
        moving.asks(cny(500_001))
    moving.decides(moving.asks(cny(500_000)))
    assert moving.limits() == (cny(2_500_000), cny(3_500_000))


def test_limit_moves_between_lines_of_one_currency_and_one_group_alone(moving: Moving) -> None:
    moving.opens("line-usd", OTHER, Money.of(1000, "USD"))
    with pytest.raises(CurrencyMismatch):
        moving.asks(cny(1), target="line-usd")
    moving.joins(OTHER, None)
    with pytest.raises(OutOfOrder, match="one group"):
        moving.asks(cny(1))
    with pytest.raises(NotPermitted):
        moving.asks(cny(1), "approver1")


def test_a_move_is_asked_for_once_and_falls_where_a_line_was_changed_meanwhile(
    moving: Moving,
) -> None:
    first, second = moving.asks(cny(10), key="k-1"), moving.asks(cny(20), "risk")
    assert moving.asks(cny(10), key="k-1") == first
    moving.decides(first)

    with pytest.raises(OutOfOrder):
        moving.decides(second)
    assert moving.limits() == (cny(2_999_990), cny(3_000_010))


def test_a_move_is_asked_for_on_the_page_of_the_line_and_decided_on_a_task(
    moving: Moving, app: FastAPI
) -> None:
    path, manager = f"/lines/{A}/moves", signed_in(app, "manager")
    page = manager.get(path)
    assert _faults_of(page.text) == []
    form = hidden(page, path) | {"target_id": B, "amount": "9,000,000", "reason": "it moved"}
    refused = manager.post(path, data=form)
    assert refused.status_code == 422
    assert "over_limit" in refused.text

    assert manager.post(path, data=form | {"amount": "1000"}).status_code == 303
    moving.house.office.deliver()

    [move] = moving.services.moves.list_moves(moving.people["manager"])
    task = moving.view(move).tasks[0].task_id
    shown = signed_in(app, "approver1", "zh-CN").get(f"/tasks/{task}")
    assert _faults_of(shown.text) == []
    assert "3,001,000" in shown.text
    moving.decides(move)
    assert "PF" in manager.get(path).text


async def test_a_move_by_api(moving: Moving, app: FastAPI) -> None:
    api = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
    headers = {"Authorization": f"Bearer {key_of('manager')}"}
    money = {"amount": "3000000.01", "currency": "CNY"}
    body = {"source_id": A, "target_id": B, "amount": money, "reason": "it moved"}

    refused = await api.post("/api/v1/moves", json=body, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "over_limit")
    to_itself = await api.post("/api/v1/moves", json=body | {"target_id": A}, headers=headers)
    assert to_itself.status_code == 422
    body["amount"] = {"amount": "1.00", "currency": "CNY"}
    asked = await api.post("/api/v1/moves", json=body, headers=headers)
    assert asked.status_code == 201
    listed = await api.get("/api/v1/moves", params={"line_id": B}, headers=headers)
    assert [each["request"]["amount"] for each in listed.json()["items"]] == [body["amount"]]
