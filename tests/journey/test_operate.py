"""A night of an operator: what was broken on purpose is found, explained and repaired by commands."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from creditflow.cli import app as commands
from domain.application import CaseStatus
from domain.approval import Verdict
from domain.errors import StepEnded
from domain.operations import Repair
from storage.identity import ApiKeys, Persons, Sessions
from tests.road import Road, an_application
from tests.web.conftest import serving
from web.app import assemble
from web.callers import COOKIE
from web.service.repair import RepairService
from workflows.names import application_id, approval_id, line_id

KEYS = {name: f"cf_key_of_{name}_for_tests_only" for name in ("manager", "operator", "risk")}


class Said(NamedTuple):
    """What a command answered, and how it exited."""

    code: int
    document: Any


class Shell:
    """The command line of one installation."""

    def __init__(self, road: Road, url: str, folder: Path) -> None:
        self.road = road
        self._environment = {"CREDITFLOW_URL": url, "CREDITFLOW_HOME": str(folder)}

    async def run(self, person: str, *words: str) -> Said:
        environment = {**self._environment, "CREDITFLOW_KEY": KEYS[person]}
        line = [*words, "--json"]
        result = await self.road.call(CliRunner().invoke, commands, line, env=environment)
        assert result.stdout, result.output
        return Said(result.exit_code, json.loads(result.stdout))

    async def done(self, person: str, *words: str) -> Any:
        said = await self.run(person, *words)
        assert said.code == 0, said
        return said.document

    async def stuck(self, cause: str, subject: str, *more: str, seconds: float = 20) -> Any:
        """The entry of `stuck` about this, once there is one."""
        for _ in range(int(seconds / 0.25)):
            found = (await self.run("operator", "stuck", *more)).document["items"]
            for each in found:
                if (each["cause"], each["subject"]) == (cause, subject):
                    return each
            await asyncio.sleep(0.25)
        raise AssertionError(f"not found: {found}")

    async def page(self, person: str, path: str, language: str = "en", **form: str) -> str:
        """A page of the console, or where a form that was filled in leads to."""
        cookies = {COOKIE: f"session-of-{person}", "creditflow_language": language}
        url = self._environment["CREDITFLOW_URL"]
        async with httpx.AsyncClient(base_url=url, cookies=cookies, timeout=30) as browser:
            if form:
                answer = await browser.post(path, data={"csrf_token": "token", **form})
                assert answer.status_code == 303, answer.text
                return str(answer.headers["location"])
            answer = await browser.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def goes_on(self, subject: str) -> None:
        """Nothing of this workflow is stuck, with everything compared."""
        found = (await self.run("operator", "stuck", "--compare")).document["items"]
        assert subject not in {each["subject"] for each in found}


@pytest.fixture
async def shell(road: Road, tmp_path: Path) -> AsyncIterator[Shell]:
    with road.records.begin() as session:
        for name, key in KEYS.items():
            Persons(session).record_person(road.people[name])
            ApiKeys(session).record_key(name, key)
            ends = road.services.clock.now() + timedelta(hours=1)
            Sessions(session).record_session(name, f"session-of-{name}", "token", ends)
    with serving(assemble(road.services, public_url="http://test")) as url:
        yield Shell(road, url, tmp_path)


async def order(road: Road, statement: str) -> None:
    """What somebody with the database's own tools does."""

    def run() -> None:
        with road.records.begin() as session:
            session.execute(text(statement))

    await road.call(run)


async def counted(road: Road) -> dict[str, int]:
    """How much there is of what must not be there twice."""
    tables = ("assessment", "approval", "task", "decision", "letter", "outbox", "case_event")

    def run() -> dict[str, int]:
        with road.records.begin() as session:
            return {
                name: session.scalar(text(f"SELECT count(*) FROM {name}")) or 0 for name in tables
            }

    return await road.call(run)


async def submitted(road: Road) -> str:
    customer = await road.call(road.keep_customer)
    return str((await road.submit(an_application(customer))).case_id)


async def test_a_step_that_fails_for_ever_is_found_explained_and_repaired(shell: Shell) -> None:
    road = shell.road
    await order(road, "ALTER TABLE assessment ADD CONSTRAINT left_over CHECK (n < 0) NOT VALID")
    case_id = await submitted(road)
    workflow = application_id(case_id)

    found = await shell.stuck("step_failing", workflow)
    assert (found["case_id"], found["step"]) == (case_id, "assess_application")
    assert found["attempts"] >= 3
    assert "left_over" in found["error"]
    assert found["since"]

    told = await shell.done("operator", "timeline", case_id)
    assert "assess_application" in told["sentence"]
    assert "left_over" in told["sentence"]
    assert {"case", "workflow"} <= {each["source"] for each in told["items"]}
    instants = [each["at"] for each in told["items"]]
    assert instants == sorted(instants)

    place = f"/operations/workflow?workflow_id={workflow}"
    for language, sentence in (("en", "is tried again"), ("zh-CN", "正在重试")):
        assert workflow in await shell.page("operator", "/operations", language)
        assert sentence in await shell.page("operator", f"/cases/{case_id}/timeline", language)
        assert "left_over" in await shell.page("operator", f"{place}&to=last", language)

    step = found["step_id"]
    reason = ("--reason", "a constraint of the last maintenance was left")
    retried = await shell.done("operator", "workflow", "retry", workflow, step, *reason)
    assert retried["status"] == "done"
    assert (await shell.done("operator", "workflow", "pause", workflow, step, *reason))[
        "status"
    ] == "done"
    await shell.stuck("step_paused", workflow)
    await order(road, "ALTER TABLE assessment DROP CONSTRAINT left_over")
    await shell.done("operator", "workflow", "resume", workflow, step, *reason)

    view = await road.comes_to(case_id, CaseStatus.IN_APPROVAL)
    assert len(view.approvals) == 1
    assert reason[1] in await shell.page("risk", "/repairs")
    told = await shell.done("operator", "timeline", case_id)
    assert "branch" in told["sentence"].lower()
    repairs = [each for each in told["items"] if each["source"] == "repair"]
    assert [each["kind"] for each in repairs][:3] == ["retry", "pause", "resume"]
    assert {each["person_id"] for each in repairs} == {"operator"}
    await shell.goes_on(workflow)


async def test_a_message_that_cannot_be_taken_is_ended_by_two_and_may_be_sent_again(
    shell: Shell,
) -> None:
    road = shell.road
    case_id = await submitted(road)
    await road.comes_to(case_id, CaseStatus.IN_APPROVAL)
    await order(
        road,
        "ALTER TABLE case_event ADD CONSTRAINT left_over CHECK (kind <> 'withdrawn') NOT VALID",
    )
    withdraw = road.services.applications.withdraw
    sent = asyncio.create_task(
        road.call(withdraw, road.people["manager"], case_id, "other plans", "w-1")
    )

    workflow = application_id(case_id)
    found = await shell.stuck("step_failing", workflow)
    words = ("workflow", "fail", workflow, found["step_id"], "--reason", "the manager waits")
    asked = await shell.run("operator", *words)
    assert (asked.code, asked.document["status"]) == (8, "asked")
    repair = asked.document["repair_id"]

    own = await shell.run("operator", "repairs", "confirm", repair, "--reason", "my own")
    assert (own.code, own.document["code"]) == (1, "same_hands")
    waiting = await shell.done("risk", "repairs", "list", "--waiting")
    assert [each["repair_id"] for each in waiting["items"]] == [repair]
    made = await shell.run("risk", "repairs", "confirm", repair, "--reason", "looked at it")
    assert (made.code, made.document["status"]) == (8, "confirmed")

    with pytest.raises(StepEnded):
        await sent
    (kept,) = (await shell.done("risk", "repairs", "list", "--of", workflow))["items"]
    assert (kept["status"], kept["asked_by"], kept["decided_by"]) == ("done", "operator", "risk")
    assert (await road.case(case_id)).case.status is CaseStatus.IN_APPROVAL
    await order(road, "ALTER TABLE case_event DROP CONSTRAINT left_over")
    await shell.done("manager", "withdraw", case_id)
    await road.comes_to(case_id, CaseStatus.WITHDRAWN)


async def test_a_step_of_the_road_is_neither_answered_nor_ended_by_hand(shell: Shell) -> None:
    road = shell.road
    await order(road, "ALTER TABLE assessment ADD CONSTRAINT left_over CHECK (n < 0) NOT VALID")
    workflow = application_id(await submitted(road))
    step = (await shell.stuck("step_failing", workflow))["step_id"]
    for act in (["complete", workflow, step, "--result", "{}"], ["fail", workflow, step]):
        refused = await shell.run("operator", "workflow", *act, "--reason", "it is late")
        assert (refused.code, refused.document["code"]) == (1, "not_by_hand")
    strange = await shell.run("operator", "workflow", "retry", workflow, "99", "--reason", "x")
    assert (strange.code, strange.document["code"]) == (5, "not_found")
    stranger = await shell.run("manager", "workflow", "retry", workflow, step, "--reason", "x")
    assert stranger.document["code"] == "not_permitted"


async def test_a_case_whose_workflow_is_gone_is_found_and_goes_back_to_where_it_was(
    shell: Shell,
) -> None:
    """Somebody ended it in Temporal; what is done again answers from the records."""
    road = shell.road
    case_id = await submitted(road)
    await road.comes_to(case_id, CaseStatus.IN_APPROVAL)
    task = await road.open_task(case_id)
    await road.decide("approver1", task.task_id, Verdict.APPROVE, note="as the minutes say")
    await road.comes_to(case_id, CaseStatus.CONTRACTING)
    await road.signed(case_id)
    await road.conditions_met(case_id)
    view = await road.comes_to(case_id, CaseStatus.ACTIVE)
    workflow = line_id(view.line.line_id)
    await until_it_waits(shell, workflow)
    await road.client.get_workflow_handle(workflow).terminate("by mistake")
    await order(road, "UPDATE credit_line SET recorded_at = now() - interval '1 hour'")

    found = await shell.stuck("workflow_ended", workflow, "--compare")
    assert (found["case_id"], found["error"]) == (case_id, "terminated")
    before = await counted(road)
    plan = await shell.done("operator", "workflow", "reset", workflow, "--to", "first", "--dry-run")
    assert {(each["name"], each["repeat"]) for each in plan["plan"]["again"]} >= {
        ("look_at_line", "due")
    }
    assert plan["effects"] == 0
    assert await counted(road) == before

    words = ("workflow", "reset", workflow, "--to", "first", "--reason", "ended by mistake")
    asked = await shell.run("operator", *words)
    assert (asked.code, asked.document["status"]) == (8, "asked")
    made = await shell.done(
        "risk", "repairs", "confirm", asked.document["repair_id"], "--reason", "seen"
    )
    assert made["status"] == "done"
    await until_it_waits(shell, workflow)
    assert await counted(road) == before
    await shell.goes_on(workflow)
    frozen = await road.call(
        road.services.lines.freeze, road.people["risk"], view.line.line_id, note="a look"
    )
    assert frozen.status == "frozen"


async def test_nobody_is_asked_a_second_time_by_going_back(shell: Shell) -> None:
    """A point before an approval began is barred, and so is the approval itself."""
    road = shell.road
    case_id = await submitted(road)
    await road.comes_to(case_id, CaseStatus.IN_APPROVAL)
    workflow = application_id(case_id)
    plan = await shell.done(
        "operator", "workflow", "reset", workflow, "--to", "assess_application", "--dry-run"
    )
    names = {each["name"]: each["repeat"] for each in plan["plan"]["again"]}
    assert names["assess_application"] == "judges"
    assert plan["effects"] == 1
    approval = approval_id(case_id, 1)
    assert plan["plan"]["children"] == [approval]
    for name, to in ((workflow, "assess_application"), (approval, "first")):
        words = ("workflow", "reset", name, "--to", to, "--reason", "again")
        refused = await shell.run("operator", *words)
        assert (refused.code, refused.document["code"]) == (1, "reset_barred")

    # Back to a point after it began, the case still hears what is decided.
    last = (await shell.done("operator", "workflow", "reset", workflow, "--dry-run"))["plan"]
    point = {"event_id": str(last["event_id"]), "plan_hash": await plan_hash(shell, workflow)}
    form = {"workflow_id": workflow, "act": "reset", "reason": "again", **point}
    await shell.page("operator", "/operations/workflow", **form)
    (asked,) = (await shell.done("risk", "repairs", "list", "--waiting"))["items"]
    await shell.page("risk", f"/repairs/{asked['repair_id']}/confirm", reason="seen")
    (made,) = (await shell.done("risk", "repairs", "list", "--of", workflow))["items"]
    assert made["status"] == "done"
    task = await road.open_task(case_id)
    await road.decide("approver1", task.task_id, Verdict.APPROVE, note="as the minutes say")
    view = await road.comes_to(case_id, CaseStatus.CONTRACTING)
    assert len(view.approvals) == 1


async def plan_hash(shell: Shell, workflow: str) -> str:
    planned = await shell.done("operator", "workflow", "reset", workflow, "--dry-run")
    return str(planned["plan_hash"])


async def until_it_waits(shell: Shell, workflow: str) -> None:
    """Until a workflow runs and has nothing to do."""

    async def waits() -> bool:
        said = await shell.run("operator", "workflow", "show", workflow)
        if said.code != 0 or said.document["status"] != "running":
            return False
        handle = shell.road.client.get_workflow_handle(workflow)
        events = (await handle.fetch_history()).events
        return not said.document["steps"] and len(events) > 8

    await until(waits)


async def until(holds: Callable[[], Any], seconds: float = 20) -> None:
    for _ in range(int(seconds / 0.1)):
        if await holds():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it never came to be")


@pytest.fixture
def answer_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first time a repair is made, its outcome does not come onto record."""
    ended, lost = RepairService._ended, []

    def end(self: RepairService, repair: Repair, *, done: bool, detail: str) -> Repair:
        if not lost:
            lost.append(repair)
            raise ConnectionError("the answer was lost")
        return ended(self, repair, done=done, detail=detail)

    monkeypatch.setattr(RepairService, "_ended", end)


async def confirmed_twice(shell: Shell, repair_id: str) -> Any:
    word = ("repairs", "confirm", repair_id, "--reason", "seen")
    assert (await shell.run("risk", *word)).code != 0
    return await shell.done("risk", *word)


@pytest.mark.usefixtures("answer_lost")
async def test_going_back_whose_answer_was_lost_is_done_once_and_told_so(shell: Shell) -> None:
    road = shell.road
    case_id = await submitted(road)
    await road.comes_to(case_id, CaseStatus.IN_APPROVAL)
    workflow = application_id(case_id)
    words = ("workflow", "reset", workflow, "--to", "last", "--reason", "again")
    repair_id = (await shell.run("operator", *words)).document["repair_id"]

    made = await confirmed_twice(shell, repair_id)

    assert made["status"] == "done"
    run_id = (await shell.done("operator", "workflow", "show", workflow))["run_id"]
    assert made["outcome"] == f"run {run_id}"


@pytest.mark.usefixtures("answer_lost")
async def test_an_answer_by_hand_has_the_steps_own_form_and_is_told_though_its_own_was_lost(
    shell: Shell,
) -> None:
    road = shell.road
    case_id = await submitted(road)
    await road.comes_to(case_id, CaseStatus.IN_APPROVAL)
    await order(road, "ALTER TABLE refusal ADD CONSTRAINT left_over CHECK (false) NOT VALID")
    workflow = application_id(case_id)
    await road.client.get_workflow_handle(workflow).signal("answer_offer", {"act_id": "made-up"})
    step = (await shell.stuck("step_failing", workflow))["step_id"]

    words = ("workflow", "complete", workflow, step, "--reason", "kept on paper", "--result")
    wrong = await shell.run("operator", *words, '{"sent": 1}')
    assert (wrong.code, wrong.document["code"]) == (1, "malformed")
    assert "sent" in wrong.document["detail"]
    repair_id = (await shell.run("operator", *words, "{}")).document["repair_id"]
    assert (await confirmed_twice(shell, repair_id))["status"] == "done"
    await order(road, "ALTER TABLE refusal DROP CONSTRAINT left_over")
    await shell.goes_on(workflow)
