"""Who may decide is asked at the moment of decision: leave, circles, revocation, certificates, ties.

Each through the API, on real records and real workflows; nothing passes without somebody's word.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from creditflow.client import AsyncClient, CreditflowError
from creditflow.client import values as v
from domain.application import CaseStatus
from domain.edition import PolicyEdition
from domain.identity import Language, Role
from domain.money import Money
from storage.approval import AuthorityGrants
from storage.identity import ApiKeys, Persons
from storage.notification import Outbox
from tests.journey.test_refusals import a_grant, refused_codes, signal, token
from tests.road import UNSAMPLED, Road, a_road, an_application
from tests.servers import SkippingEnvironment
from tests.web.conftest import serving
from web.app import assemble
from web.callers import COOKIE
from web.console.page import COOKIE_LANGUAGE
from web.service.authority import Ending
from web.service.identity import password_hash_of

PEOPLE = ("manager", "approver1", "approver2", "approver3", "approver4", "risk", "operator")
DAY = timedelta(days=1)
PASSWORD = "the password of everybody"
HASHED = password_hash_of(PASSWORD)


class Desk:
    """Everybody at their desk: a client of the API for each."""

    def __init__(self, road: Road, url: str) -> None:
        self.road = road
        self.url = url
        self.clients = {name: AsyncClient(url, _key(name)) for name in PEOPLE}
        self.today = road.services.clock.business_on()

    def __getitem__(self, name: str) -> AsyncClient:
        return self.clients[name]

    async def task(self, amount: int = 5_000_000) -> v.Task:
        """The task of a case that asks the head of the branch."""
        kept = self.road.keep_customer()
        submitted = await self.road.submit(an_application(kept, amount))
        found: v.Task = await self.road.open_task(submitted.case_id)
        return found

    async def refused(self, name: str, task: v.Task) -> str:
        """The code that a word is refused with; the page says the same beforehand."""
        page = await self[name].fetch_task(task.task_id)
        with pytest.raises(CreditflowError) as refusal:
            await self[name].decide(task.task_id, "approve")
        assert page.why.refusal == refusal.value.code
        assert page.why.detail
        return str(refusal.value.code)

    async def away(self, name: str, to: str, until: date | None = None) -> v.Delegation:
        return await self[name].record_delegation(
            v.DelegationContent(
                delegate=to, valid_from=self.today, valid_until=until or self.today, reason="leave"
            )
        )

    async def approved(self, name: str, task: v.Task) -> Any:
        page = await self[name].fetch_task(task.task_id)
        assert page.why.refusal is None
        await self[name].decide(task.task_id, "approve", content_hash=page.content_hash)
        return await self.road.comes_to(task.case_id, CaseStatus.CONTRACTING)

    def told(self, task: v.Task, kind: str) -> set[str]:
        with self.road.records.begin() as session:
            owed = Outbox(session).list_of_case(task.case_id)
        return {each.recipient.removeprefix("person:") for each in owed if each.kind == kind}


def _key(name: str) -> str:
    return f"cf_key_of_{name}_for_tests_only"


@asynccontextmanager
async def a_desk(
    database_url: str, environment: SkippingEnvironment, folder: Path, changed: dict[str, Any]
) -> AsyncIterator[Desk]:
    content = UNSAMPLED.model_dump()
    content["approval"]["authority"] |= changed
    edition = PolicyEdition.model_validate(content)
    async with a_road(database_url, environment, folder, edition) as road:
        with road.records.begin() as session:
            for name in PEOPLE:
                ApiKeys(session).record_key(name, _key(name))
                Persons(session).record_password(name, HASHED)
        with serving(assemble(road.services, public_url="http://127.0.0.1")) as url:
            desk = Desk(road, url)
            yield desk
            for client in desk.clients.values():
                await client.close()


@pytest.fixture
async def desk(
    database_url: str, temporal_env: SkippingEnvironment, tmp_path: Path, request: Any
) -> AsyncIterator[Desk]:
    """People at their desks under the standard rules of authority, or those a test names."""
    changed = getattr(request, "param", {})
    async with a_desk(database_url, temporal_env, tmp_path, changed) as there:
        yield there


async def test_for_an_approver_on_leave_the_delegate_decides_and_both_names_stay(
    desk: Desk,
) -> None:
    task = await desk.task()
    leave = await desk.away("approver1", "approver2")
    assert desk.told(task, "task_opened") == {"approver1", "approver2"}
    assert task.task_id in [each.task_id async for each in desk["approver2"].list_tasks(mine=True)]

    assert await desk.refused("approver1", task) == "away_now"
    await signal(
        desk.road, task, "approver1", await token(desk.road, "approver1", task), message_id="m-1"
    )
    assert "away_now" in await refused_codes(desk.road, task)
    why = (await desk["approver2"].fetch_task(task.task_id)).why
    assert (why.on_behalf_of, why.delegations) == ("approver1", (leave.entry_id,))
    assert why.grant is not None
    assert why.grant.grant_no == "SQ-approver1"

    view = await desk.approved("approver2", task)
    [said] = view.decisions
    assert (said.person_id, said.on_behalf_of) == ("approver2", "approver1")
    assert said.delegations == (leave.entry_id,)
    assert view.letter.decided_by == ("approver2",)
    told = [
        e for e in await desk["risk"].fetch_history(task.case_id) if e.kind == "decision_approve"
    ]
    assert told[0].facts["on_behalf_of"] == "approver1"


async def test_back_from_leave_the_approver_decides_again(desk: Desk) -> None:
    task = await desk.task()
    leave = await desk.away("approver1", "approver2", desk.today + 30 * DAY)
    await desk["approver1"].end_delegation(leave.entry_id, reason="back")

    assert await desk.refused("approver2", task) == "no_authority"
    view = await desk.approved("approver1", task)
    assert view.decisions[0].on_behalf_of is None


@pytest.mark.parametrize("desk", [{"superiors": {}, "delegation_depth": 2}], indirect=True)
async def test_a_delegate_of_a_delegate_decides_as_deep_as_policy_says(desk: Desk) -> None:
    task = await desk.task()
    await desk.away("approver1", "approver2")
    await desk.away("approver2", "approver3")
    last = await desk.away("approver3", "approver4")
    for name in ("approver1", "approver2", "approver3", "approver4"):
        assert await desk.refused(name, task) in {"away_now", "no_authority"}
    [alarm] = await desk["operator"].fetch_alarms()
    assert (alarm.task_id, alarm.queue) == (task.task_id, "operator")

    await desk["approver3"].end_delegation(last.entry_id)
    view = await desk.approved("approver3", task)
    assert (view.decisions[0].on_behalf_of, len(view.decisions[0].delegations)) == ("approver1", 2)


async def test_a_circle_of_delegations_falls_back_to_the_superior_of_the_policy(desk: Desk) -> None:
    task = await desk.task()
    await desk.away("approver1", "approver2")
    await desk.away("approver2", "approver1")

    assert await desk.refused("approver1", task) == "away_now"
    assert await desk.refused("approver2", task) == "no_authority"
    assert "approver3" in desk.told(task, "task_opened")
    why = (await desk["approver3"].fetch_task(task.task_id)).why
    assert why.stands_in_for == "branch_head"
    await desk.approved("approver3", task)


async def test_authority_that_is_revoked_while_the_task_is_open_is_refused_at_the_next_word(
    desk: Desk,
) -> None:
    task = await desk.task()
    assert (await desk["approver1"].fetch_task(task.task_id)).why.refusal is None
    await desk["operator"].revoke_grant("SQ-approver1", reason="moved")

    assert await desk.refused("approver1", task) == "no_authority"
    [alarm] = await desk["operator"].fetch_alarms()
    assert (alarm.case_id, alarm.position, alarm.stands) == (task.case_id, "branch_head", True)
    assert desk.told(task, "authority_missing") == {"operator"}
    assert await _page_of(desk, "operator", "/operations") >= {task.task_id}

    entered = v.Grant(
        grant_no="SQ-new",
        post="head_of_branch",
        position="branch_head",
        limit=v.Money.of("10000000.00", "CNY"),
        valid_from=desk.today,
        valid_until=desk.today + DAY,
        granted_by="board",
    )
    await desk["operator"].record_grant(entered)
    assert await desk.refused("approver4", task) == "no_authority"
    await desk["operator"].record_seat(
        v.SeatContent(person_id="approver4", post="head_of_branch", valid_from=desk.today)
    )
    assert "approver4" in desk.told(task, "task_opened")
    await desk.approved("approver4", task)
    assert await desk["operator"].fetch_alarms() == ()


async def test_a_sub_grant_falls_with_its_parent_while_its_task_is_open(desk: Desk) -> None:
    task = await desk.task()
    operator = desk["operator"]
    sub = v.Grant(
        grant_no="SQ-sub",
        person_id="approver4",
        position="branch_head",
        limit=v.Money.of("20000000.00", "CNY"),
        valid_from=desk.today,
        valid_until=desk.today,
        granted_by="approver1",
        parent_no="SQ-approver1",
    )
    with pytest.raises(CreditflowError, match="limit") as refused:
        await operator.record_grant(sub)
    assert refused.value.code == "beyond_grant"
    within = sub.model_copy(update={"limit": v.Money.of("10000000.00", "CNY")})
    await operator.record_grant(within)
    assert (await desk["approver4"].fetch_task(task.task_id)).why.refusal is None

    await operator.revoke_grant("SQ-approver1")
    assert not (await operator.fetch_grant("SQ-sub")).stands
    assert await desk.refused("approver4", task) == "no_authority"


@pytest.mark.parametrize(
    "desk",
    [{"superiors": {}, "certificates": {"branch_head": "credit_approval"}}],
    indirect=True,
)
async def test_without_a_certificate_in_force_authority_is_zero_on_open_tasks_too(
    desk: Desk,
) -> None:
    task = await desk.task()
    operator = desk["operator"]
    evidence = (await desk["manager"].attach("certificate.pdf", b"%PDF-1.7 certificate")).sha256

    async def certified(number: str, until: date) -> v.Certificate:
        return await operator.record_certificate(
            v.CertificateContent(
                certificate_no=number,
                person_id="approver1",
                code="credit_approval",
                valid_from=desk.today - 400 * DAY,
                valid_until=until,
                evidence=evidence,
            )
        )

    await certified("Z-lapsed", desk.today - DAY)
    assert await desk.refused("approver1", task) == "certificate_missing"
    assert len(await operator.fetch_alarms()) == 1

    held = await certified("Z-1", desk.today + DAY)
    assert (await desk["approver1"].fetch_task(task.task_id)).why.certificate_no == "Z-1"
    await operator.end_certificate(held.entry_id, reason="withdrawn")
    assert await desk.refused("approver1", task) == "certificate_missing"
    await certified("Z-2", desk.today)
    await desk.approved("approver1", task)


async def test_whoever_declares_a_tie_is_passed_over_at_once_and_a_second_person_ends_it(
    desk: Desk,
) -> None:
    task = await desk.task()
    tie = await desk["approver1"].declare_conflict(task.customer_id, "a relative works there")

    assert await desk.refused("approver1", task) == "conflict_of_interest"
    assert desk.told(task, "task_opened") == {"approver1", "approver2"}
    with pytest.raises(CreditflowError) as refused:
        await desk["approver1"].end_conflict(tie.entry_id)
    assert refused.value.code == "not_permitted"
    page = await desk["approver2"].fetch_task(task.task_id)
    assert page.why.stands_in_for == "branch_head"
    await desk.approved("approver2", task)

    ended = await desk["risk"].end_conflict(tie.entry_id, reason="they left")
    assert ended.ended_by == "risk"


async def test_a_makers_delegate_is_refused_as_the_maker_is(desk: Desk) -> None:
    """The manager is an approver too by a slip of the register, and goes on leave."""
    road = desk.road
    both = road.people["manager"].model_copy(
        update={"roles": frozenset({Role.RELATIONSHIP_MANAGER, Role.APPROVER})}
    )
    road.people = {**road.people, "manager": both}
    with road.records.begin() as session:
        Persons(session).change_person(both)
        AuthorityGrants(session).record(a_grant("manager"))
    task = await desk.task()
    leave = await desk.away("manager", "approver1")

    assert await desk.refused("approver1", task) == "stand_in_barred"
    assert await desk.refused("manager", task) == "own_case"
    await road.call(
        road.services.authority.end_delegation, both, leave.entry_id, Ending(reason="back")
    )
    await desk.approved("approver1", task)


async def test_the_page_of_a_task_says_why_it_is_whose_in_both_languages(desk: Desk) -> None:
    task = await desk.task()
    await desk.away("approver1", "approver2")
    why = (await desk["approver2"].fetch_task(task.task_id)).why
    assert [(m.up, m.row) for m in why.moves if m.amount] == [(True, "sound_region")]
    assert why.moves[0].amount is not None
    assert Money.of(10_000_000, "CNY").text == f"{why.moves[0].amount.amount}"
    for language, words in (
        (Language.EN, ("On behalf of", "A higher tier is asked", "above", "at grade")),
        (Language.ZH, ("代理", "升级审批条件", "超过", "等级为")),
    ):
        page = await _text_of(desk, "approver2", f"/tasks/{task.task_id}", language)
        assert "SQ-approver1" in page
        assert [word for word in words if word not in page] == []


async def _text_of(desk: Desk, name: str, path: str, language: Language) -> str:
    signed_in = await desk.road.call(desk.road.services.identity.sign_in, name, PASSWORD)
    cookies = {COOKIE: signed_in.token, COOKIE_LANGUAGE: language.value}
    async with httpx.AsyncClient(base_url=desk.url, cookies=cookies) as web:
        answer = await web.get(path)
    assert answer.status_code == 200
    return answer.text


async def _page_of(desk: Desk, name: str, path: str) -> set[str]:
    page = await _text_of(desk, name, path, Language.EN)
    return set(re.findall(r'href="/tasks/([^"]+)"', page))
