"""Idle limits: proposed as one list, decided once, cut line by line, and what was taken back."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from creditflow.client import Client
from creditflow.commands.output import Exit
from domain.approval import ApprovalOutcome, Silence, StepDue, TaskStatus, Verdict
from domain.errors import Malformed, NoAuthority, NotPermitted, OutOfOrder
from domain.money import Money
from domain.reclaim import LineOutcome, Reclaim, ReclaimStatus
from storage.line import Lines
from tests.makers_line import open_line
from tests.web.conftest import serving
from tests.web.test_commands import Terminal
from tests.web.test_console import _faults_of, hidden
from tests.web.test_override_pages import app, signed_in
from tests.web.test_overrides import House, house, key_of, seals
from web.service.reclaim import ReclaimView

__all__ = ["app", "house", "seals"]

A, B, C = "line-a", "line-b", "line-c"


def cny(amount: int) -> Money:
    return Money.of(amount, "CNY")


class Idleness:
    """The house, whose customer has three lines of three million that nobody uses."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.services = house.services
        self.people = house.people
        self.on = house.services.clock.business_on()
        for line_id in (A, B, C):
            self.opens(line_id)

    def opens(self, line_id: str, limit: int = 3_000_000, **fields: Any) -> None:
        dates = {
            "starts_on": self.on - timedelta(days=300),
            "last_draw_on": self.on + timedelta(days=30),
            "ends_on": self.on + timedelta(days=60),
        }
        open_line(
            self.services.records,
            line_id,
            customer_id=self.house.customer.customer_id,
            **{"limit": cny(limit), **dates, **fields},
        )

    def proposes(self, *line_ids: str, person: str = "risk", key: str | None = None) -> Reclaim:
        asked = self.services.reclaims.propose(
            self.people[person], line_ids or (A, B, C), "nobody draws on them", key
        )
        self.house.office.deliver()
        return asked

    def view(self, reclaim: Reclaim) -> ReclaimView:
        return self.services.reclaims.read(self.people["auditor"], reclaim.request.reclaim_id)

    def decides(
        self, reclaim: Reclaim, verdict: Verdict = Verdict.APPROVE, person: str = "", **said: Any
    ) -> Any:
        """The word of whoever is asked, one after the other until the list is settled."""
        done: Any = None
        while open_ := [t for t in self.view(reclaim).tasks if t.status is TaskStatus.OPEN]:
            task = open_[0]
            page = {
                each: self.services.approvals.read_task(self.people[each], task.task_id)
                for each in ((person and (person,)) or self.approvers)
            }
            able = next(each for each, found in page.items() if found.words or person)
            done = self.services.approvals.decide(
                self.people[able], task.task_id, verdict, note="looked at", **said
            )
        return done

    @property
    def approvers(self) -> list[str]:
        return sorted(each for each in self.people if each.startswith("approver"))

    def who_may(self, reclaim: Reclaim) -> str:
        task = next(t for t in self.view(reclaim).tasks if t.status is TaskStatus.OPEN)
        return next(
            each
            for each in self.approvers
            if self.services.approvals.read_task(self.people[each], task.task_id).words
        )

    def takes(self, line_id: str, amount: int, key: str) -> Any:
        return self.services.exposure.reserve(self.people["release"], line_id, cny(amount), key)

    def limit(self, line_id: str) -> Money:
        with self.services.records.begin() as session:
            return Lines(session).read(line_id).limit


@pytest.fixture
def idleness(house: House) -> Idleness:
    return Idleness(house)


def test_idle_lines_are_listed_with_their_use_their_capital_and_the_cut(
    idleness: Idleness,
) -> None:
    taken = idleness.takes(B, 200_000, "k-1")
    idleness.services.exposure.release(
        idleness.people["release"], B, taken.reservation_id, "r-1"
    )  # given back, and yet it was used within the window
    idleness.takes(C, 300_000, "k-2")

    found = idleness.services.reclaims.list_idle(idleness.people["auditor"])

    told = {each.line_id: (each.highest, each.limit_after) for each in found.lines}
    assert told == {A: (cny(0), cny(300_000)), B: (cny(200_000), cny(500_000))}
    assert found.capital == sum((each.capital for each in found.lines), cny(0))
    assert found.lines[0].capital_freed > cny(0)


def test_one_approval_cuts_every_line_by_a_numbered_letter_and_the_report_sums_it(
    idleness: Idleness,
) -> None:
    reclaim = idleness.proposes()
    [approval] = idleness.view(reclaim).approvals
    assert approval.request.aggregate == cny(8_100_000)

    done = idleness.decides(reclaim)

    view = idleness.view(reclaim)
    assert done.outcome is ApprovalOutcome.APPROVED
    assert view.reclaim.status is ReclaimStatus.APPROVED
    assert [each.outcome for each in view.reclaim.lines] == [LineOutcome.CUT] * 3
    letters = {each.line_id: each.letter_no for each in view.reclaim.lines}
    assert len(set(letters.values())) == 3
    with idleness.services.records.begin() as session:
        for line_id, letter_no in letters.items():
            line = Lines(session).read(line_id)
            assert (line.limit, line.letter_no) == (cny(300_000), letter_no)
    auditor = idleness.people["auditor"]
    letter = idleness.services.approvals.read_letter(auditor, letters[A] or "")
    assert letter.content_hash == approval.request.content_hash
    assert letter.replaces == f"PF-{A}"
    report = idleness.services.reclaims.report(auditor)
    [unit] = report.units
    assert (unit.lines, unit.before, unit.reclaimed) == (3, cny(9_000_000), cny(8_100_000))
    assert report.capital_freed == unit.capital_freed > cny(0)
    assert idleness.services.exposure.verify(auditor).holds


def test_lines_left_out_keep_their_limit_and_say_who_left_them_out(idleness: Idleness) -> None:
    reclaim = idleness.proposes()
    able = idleness.who_may(reclaim)
    idleness.services.reclaims.leave_out(
        idleness.people[able], reclaim.request.reclaim_id, [B], "an order is coming"
    )

    idleness.decides(reclaim)

    told = {each.line_id: each for each in idleness.view(reclaim).reclaim.lines}
    assert (told[B].outcome, told[B].said_by) == (LineOutcome.LEFT_OUT, able)
    assert told[B].reason == "an order is coming"
    assert (idleness.limit(A), idleness.limit(B)) == (cny(300_000), cny(3_000_000))
    with pytest.raises(OutOfOrder):
        idleness.services.reclaims.leave_out(
            idleness.people[able], reclaim.request.reclaim_id, [A], "too late"
        )


def test_a_line_whose_use_rose_meanwhile_is_skipped_with_its_reason(idleness: Idleness) -> None:
    reclaim = idleness.proposes()
    idleness.takes(C, 1, "k-1")

    idleness.decides(reclaim)

    told = {each.line_id: each for each in idleness.view(reclaim).reclaim.lines}
    assert (told[C].outcome, told[C].reason) == (LineOutcome.SKIPPED, "use_rose")
    assert idleness.limit(C) == cny(3_000_000)
    assert told[A].outcome is LineOutcome.CUT


def test_whoever_has_no_say_leaves_nothing_out(idleness: Idleness) -> None:
    reclaim = idleness.proposes()
    leave_out = idleness.services.reclaims.leave_out

    with pytest.raises(NotPermitted):
        leave_out(idleness.people["manager"], reclaim.request.reclaim_id, [A], "mine")
    with pytest.raises((NoAuthority, NotPermitted, OutOfOrder)):
        leave_out(idleness.people["risk"], reclaim.request.reclaim_id, [A], "mine")
    assert idleness.view(reclaim).reclaim.lines == ()


def test_a_list_that_is_declined_or_forgotten_cuts_nothing(idleness: Idleness) -> None:
    declined = idleness.proposes(A)
    idleness.decides(declined, Verdict.DECLINE)
    assert idleness.view(declined).reclaim.status is ReclaimStatus.DECLINED
    forgotten = idleness.proposes(A)
    [approval] = idleness.view(forgotten).approvals
    idleness.house.office.silent(
        StepDue(
            approval_id=approval.request.approval_id,
            step_index=0,
            silence=Silence.LAPSE,
            at=idleness.services.clock.now() + timedelta(days=60),
        )
    )

    assert idleness.view(forgotten).reclaim.status is ReclaimStatus.LAPSED
    assert idleness.limit(A) == cny(3_000_000)


def test_the_list_is_decided_as_it_was_asked_and_a_line_waits_on_one_list(
    idleness: Idleness,
) -> None:
    reclaim = idleness.proposes(A, key="k-1")
    assert idleness.proposes(A, key="k-1") == reclaim

    with pytest.raises(OutOfOrder, match="on the list"):
        idleness.proposes(A, B)
    with pytest.raises(Malformed):
        idleness.decides(reclaim, limit=cny(1))


def test_a_line_that_is_not_idle_is_on_no_list(idleness: Idleness) -> None:
    idleness.takes(A, 2_000_000, "k-1")

    with pytest.raises(OutOfOrder, match="not idle"):
        idleness.proposes()
    with pytest.raises(NotPermitted):
        idleness.proposes(person="manager")


def test_the_pages_show_idle_lines_the_list_and_the_task_and_take_what_is_ticked(
    idleness: Idleness, app: FastAPI
) -> None:
    risk = signed_in(app, "risk")
    page = risk.get("/idle")
    assert page.text.count('name="line_ids"') == 3
    assert _faults_of(page.text) == []
    form = {**hidden(page, "/idle"), "line_ids": [A, B], "reason": "nobody draws on them"}

    asked = risk.post("/idle", data=form)
    assert asked.status_code == 303
    idleness.house.office.deliver()
    assert "on a list" in risk.get("/idle").text
    [reclaim] = idleness.services.reclaims.list_reclaims(idleness.people["risk"])
    able = idleness.who_may(reclaim)
    approver, path = signed_in(app, able, "zh-CN"), f"/idle/{reclaim.request.reclaim_id}"
    task = next(t for t in idleness.view(reclaim).tasks if t.status is TaskStatus.OPEN)
    page = approver.get(f"/tasks/{task.task_id}")
    assert _faults_of(page.text) == []
    assert page.text.count('name="line_ids"') == 2
    left = {**hidden(page, f"{path}/left-out"), "line_ids": [B], "reason": "an order is coming"}
    assert approver.post(f"{path}/left-out", data=left).status_code == 303

    idleness.decides(reclaim)

    shown = risk.get(path).text
    assert "an order is coming" in shown
    assert _faults_of(shown) == []
    assert "2,700,000" in risk.get("/idle").text


async def test_idle_limits_by_api(idleness: Idleness, app: FastAPI) -> None:
    api = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
    headers = {"Authorization": f"Bearer {key_of('risk')}"}
    found = (await api.get("/api/v1/idle", headers=headers)).json()
    assert [each["line_id"] for each in found["lines"]] == [A, B, C]

    body = {"line_ids": [A], "reason": "nobody draws on it"}
    asked = await api.post("/api/v1/reclaims", json=body, headers=headers)
    assert asked.status_code == 201
    refused = await api.post("/api/v1/reclaims", json=body, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "out_of_order")
    report = (await api.get("/api/v1/idle/report", headers=headers)).json()
    assert (report["lists"], report["units"]) == (0, [])


def test_idle_limits_and_moves_by_client_and_command(
    idleness: Idleness, app: FastAPI, tmp_path: Path
) -> None:
    with serving(app) as url, Client(url, key_of("risk")) as client:
        terminal = Terminal(url, tmp_path)
        listed = terminal.types("idle", "list", key=key_of("auditor"))
        typed = terminal.types(
            "idle", "propose", A, B, "--note", "nobody draws", "--json", key=key_of("risk")
        )
        idleness.house.office.deliver()
        [reclaim] = idleness.services.reclaims.list_reclaims(idleness.people["risk"])
        reclaim_id, able = reclaim.request.reclaim_id, idleness.who_may(reclaim)
        left = terminal.types(
            "idle", "leave-out", reclaim_id, B, "--note", "an order comes", key=key_of(able)
        )
        idleness.decides(reclaim)
        shown = client.fetch_reclaim(reclaim_id)
        report = terminal.types("idle", "report", key=key_of("auditor"))
        moved = terminal.types(
            "move", "ask", C, B, "100.00", "CNY", "--note", "it moved", key=key_of("manager")
        )
        moves = list(client.list_moves(line_id=B))

    assert all(each.exit_code == Exit.DONE for each in (listed, typed, left, report, moved))
    assert A in listed.stdout
    assert [each.outcome for each in shown.reclaim.lines] == ["cut", "left_out"]
    assert "2,700,000" in report.stdout or "2700000" in report.stdout
    assert [each.status for each in moves] == ["pending"]
