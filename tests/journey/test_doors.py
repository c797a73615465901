"""A decision that may not be is refused alike at every door: API, command line and signal.

Each refusal has a code and a sentence, and leaves no trace but itself.
"""

import json
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from creditflow.cli import app as commands
from domain.approval import AuthorityGrant, Verdict
from domain.identity import Role
from domain.money import Money
from storage.approval import AuthorityGrants
from storage.identity import ApiKeys, Persons, Refusals, hash_of
from tests.journey.test_refusals import refused_codes, signal, token, workflow_of
from tests.road import Road, an_application
from tests.web.conftest import serving
from web.app import assemble

KEYS = {name: f"cf_key_of_{name}_for_tests_only" for name in ("manager", "approver1", "approver2")}
EXITS = {"not_permitted": 1, "no_authority": 1, "own_case": 1, "already_decided": 6, "withdrawn": 6}


class Doors:
    """The three ways a word can come in, for one person each time."""

    def __init__(self, road: Road, url: str, folder: Path) -> None:
        self.road = road
        self._url = url
        self._folder = folder

    async def by_api(self, person: str, task: Any, body: Any = None) -> str:
        async with httpx.AsyncClient(base_url=self._url, timeout=30) as client:
            answer = await client.post(
                f"/api/v1/tasks/{task.task_id}/decision",
                json={"verdict": "approve"} if body is None else body,
                headers={"Authorization": f"Bearer {KEYS[person]}"},
            )
        problem = answer.json()
        assert answer.status_code >= 400
        assert problem["detail"]
        return str(problem["code"])

    async def by_command(self, person: str, task: Any) -> str:
        environment = {
            "CREDITFLOW_URL": self._url,
            "CREDITFLOW_KEY": KEYS[person],
            "CREDITFLOW_HOME": str(self._folder),
        }
        words = ["decide", task.task_id, "approve", "--json"]
        result = await self.road.call(CliRunner().invoke, commands, words, env=environment)
        refused = json.loads(result.stdout)
        assert refused["detail"]
        assert result.exit_code == EXITS[refused["code"]]
        return str(refused["code"])

    async def by_signal(self, person: str, task: Any) -> str:
        with self.road.records.begin() as session:
            before = len(Refusals(session).list_refusals(case_id=task.case_id))
        issued = await token(self.road, person, task)
        await signal(self.road, task, person, issued, message_id=f"signal-{before}")
        return (await refused_codes(self.road, task, before + 1))[0]


@pytest.fixture
async def doors(road: Road, tmp_path: Path) -> AsyncIterator[Doors]:
    """The installation served over HTTP, its manager an approver too by a slip of the register."""
    both = road.people["manager"].model_copy(
        update={"roles": frozenset({Role.RELATIONSHIP_MANAGER, Role.APPROVER})}
    )
    road.people = {**road.people, "manager": both}
    with road.records.begin() as session:
        Persons(session).change_person(both)
        AuthorityGrants(session).record(
            AuthorityGrant(
                grant_no="SQ-slip",
                person_id="manager",
                position="branch_head",
                limit=Money.of(10_000_000, "CNY"),
                valid_from=date(2000, 1, 1),
                valid_until=date(2099, 1, 1),
                granted_by="board",
            )
        )
        for name, key in KEYS.items():
            ApiKeys(session).record_key(name, key)
            assert hash_of(key)
    with serving(assemble(road.services, public_url="http://127.0.0.1")) as url:
        yield Doors(road, url, tmp_path)


@pytest.fixture
async def task(road: Road) -> Any:
    submitted = await road.submit(an_application(road.keep_customer(), 5_000_000))
    return await road.open_task(submitted.case_id)


async def test_without_authority_and_on_an_own_case_every_door_refuses(
    doors: Doors, task: Any
) -> None:
    for person, code in (("approver2", "no_authority"), ("manager", "own_case")):
        assert await doors.by_api(person, task) == code
        assert await doors.by_command(person, task) == code
        assert await doors.by_signal(person, task) == code

    view = await doors.road.case(task.case_id)
    assert view.decisions == ()
    assert [each.status for each in view.tasks] == ["open"]


async def test_a_second_word_is_refused_at_every_door(doors: Doors) -> None:
    """A large request asks two people, so that the approval is still there for a signal."""
    road = doors.road
    submitted = await road.submit(an_application(road.keep_customer(), 60_000_000))
    task = await road.open_task(submitted.case_id)
    decider = {"branch_head": "approver1", "region_head": "approver2"}[task.position]
    await road.decide(decider, task.task_id, Verdict.APPROVE)

    assert await doors.by_api(decider, task) == "already_decided"
    assert await doors.by_command(decider, task) == "already_decided"
    if (await road.case(submitted.case_id)).case.status == "in_approval":
        assert await doors.by_signal(decider, task) == "already_decided"

    assert len((await road.case(submitted.case_id)).decisions) == 1


async def test_on_a_withdrawn_case_every_door_refuses(doors: Doors, task: Any) -> None:
    road = doors.road
    await road.call(road.services.applications.withdraw, road.people["manager"], task.case_id)
    handle = road.client.get_workflow_handle(workflow_of(task))
    await handle.result()

    assert await doors.by_api("approver1", task) == "withdrawn"
    assert await doors.by_command("approver1", task) == "withdrawn"
    # A workflow that has ended takes no signal: Temporal itself says that there is none.
    with pytest.raises(Exception, match="already completed"):
        await signal(road, task, "approver1", "any")


@pytest.mark.parametrize(
    "body",
    [
        {"verdict": "maybe"},
        {"verdict": "approve", "limit": {"amount": "1e9", "currency": "CNY"}},
        {"verdict": "approve", "limit": {"amount": "1", "currency": "XXX"}},
        {"verdict": "approve", "surprise": 1},
        [],
    ],
)
async def test_a_malformed_word_is_refused_by_the_api(doors: Doors, task: Any, body: Any) -> None:
    assert await doors.by_api("approver1", task, body) in {
        "malformed",
        "malformed_amount",
        "currency_unknown",
    }
    assert (await doors.road.case(task.case_id)).decisions == ()


async def test_what_was_refused_is_on_the_record_of_the_case(doors: Doors, task: Any) -> None:
    await doors.by_api("approver2", task)
    await doors.by_signal("approver2", task)

    timeline = await doors.road.call(
        doors.road.services.applications.timeline, doors.road.people["auditor"], task.case_id
    )
    refused = [event for event in timeline if event.source == "refusal"]
    assert {event.kind for event in refused} >= {"no_authority"}
