"""What is done beside deciding, through every door: page, API, client and command."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from creditflow.client import AsyncClient, Client, Refused
from creditflow.commands.output import Exit
from domain.approval import TaskStatus
from storage.identity import ApiKeys
from tests.web.conftest import serving
from tests.web.test_commands import Terminal
from tests.web.test_console import hidden
from tests.web.test_override_pages import _faults_of, app, signed_in
from tests.web.test_overrides import House, api, as_, house, key_of, seals

__all__ = ["ApiKeys", "api", "app", "house", "seals"]


async def test_a_page_of_a_task_offers_what_its_reader_may_do_and_no_more(
    house: House, api: httpx.AsyncClient
) -> None:
    task = house.task()
    seen = {}
    for person in ("approver1", "approver2", "manager", "auditor"):
        page = (await api.get(f"/api/v1/tasks/{task}", headers=as_(person))).json()
        seen[person] = (set(page["words"]), set(page["may"]))

    words, acts = seen["approver1"]
    assert words == {"approve", "decline", "return"}
    assert {"transfer", "ask_opinion", "add_signer", "recuse", "copy", "urge"} == acts
    for other in ("approver2", "manager", "auditor"):
        assert seen[other] == (set(), {"copy", "urge"})


async def test_an_act_counts_once_for_its_key_and_is_listed_with_the_task(
    house: House, api: httpx.AsyncClient
) -> None:
    task = house.task()
    body = {"action": "ask_opinion", "to": "risk", "note": "is it sound?"}
    headers = as_("approver1", **{"Idempotency-Key": "act-1"})
    first = await api.post(f"/api/v1/tasks/{task}/acts", headers=headers, json=body)
    again = await api.post(f"/api/v1/tasks/{task}/acts", headers=headers, json=body)
    other = await api.post(
        f"/api/v1/tasks/{task}/acts", headers=headers, json={**body, "to": "risk2"}
    )

    assert first.status_code == 200, first.text
    assert again.json()["replayed"] is True
    assert other.json()["code"] == "key_reused"
    page = (await api.get(f"/api/v1/tasks/{task}", headers=as_("approver1"))).json()
    assert [(each["action"], each["to"]) for each in page["acts"]] == [("ask_opinion", "risk")]
    assert page["task"]["asked_of"] == "risk"
    refused = await api.post(
        f"/api/v1/tasks/{task}/decision", headers=as_("approver1"), json={"verdict": "approve"}
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "opinion_awaited")


@pytest.mark.parametrize(
    ("person", "body", "code"),
    [
        ("approver1", {"action": "transfer", "to": "manager", "note": "x"}, "own_case"),
        ("approver1", {"action": "transfer", "to": "approver2", "note": "x"}, "no_authority"),
        ("approver1", {"action": "transfer", "to": "approver2"}, "note_missing"),
        ("approver1", {"action": "add_signer", "to": "risk", "placement": "beside", "note": "x"},
         "no_authority"),
        ("approver1", {"action": "add_signer", "to": "approver2", "note": "x"}, "act_illegal"),
        ("approver1", {"action": "remove_signer"}, "act_illegal"),
        ("approver1", {"action": "take_back"}, "act_illegal"),
        ("approver1", {"action": "copy", "to": "nobody.here"}, "not_found"),
        ("approver1", {"action": "dance"}, "malformed"),
        ("approver2", {"action": "recuse", "note": "kin"}, "no_authority"),
        ("manager", {"action": "transfer", "to": "approver2", "note": "x"}, "not_permitted"),
        ("risk", {"action": "give_opinion", "note": "x"}, "not_your_task"),
    ],
)  # fmt: skip
async def test_an_act_that_is_not_allowed_has_its_code_and_no_effect(
    house: House, api: httpx.AsyncClient, person: str, body: dict[str, Any], code: str
) -> None:
    task = house.task()
    answer = await api.post(f"/api/v1/tasks/{task}/acts", headers=as_(person), json=body)

    assert answer.json()["code"] == code, answer.text
    page = (await api.get(f"/api/v1/tasks/{task}", headers=as_("auditor"))).json()
    assert page["acts"] == []
    assert house.view().tasks[0].status is TaskStatus.OPEN


def test_a_task_is_handed_on_and_decided_on_its_page(app: Any, house: House) -> None:
    task = house.task()
    owner = signed_in(app, "approver1")
    page = owner.get(f"/tasks/{task}")
    assert _faults_of(page.text) == []
    form = hidden(page, f"/tasks/{task}/acts")
    refused = owner.post(
        f"/tasks/{task}/acts", data={**form, "action": "transfer", "to": "manager", "note": "away"}
    )
    assert "own_case" in refused.text
    assert 'value="manager"' in refused.text
    asked = owner.post(
        f"/tasks/{task}/acts", data={**form, "action": "ask_opinion", "to": "risk", "note": "so?"}
    )
    assert asked.status_code == 303

    helper = signed_in(app, "risk", "zh-CN")
    shown = helper.get(f"/tasks/{task}")
    assert _faults_of(shown.text) == []
    assert "待 risk 反馈意见" in shown.text
    given = helper.post(
        f"/tasks/{task}/acts",
        data={**hidden(shown, f"/tasks/{task}/acts"), "action": "give_opinion", "note": "yes"},
    )
    assert given.status_code == 303
    word = hidden(owner.get(f"/tasks/{task}"), f"/tasks/{task}/decision")
    done = owner.post(
        f"/tasks/{task}/decision",
        data={**word, "verdict": "approve", "conditions": "Audited accounts\n\nA pledge"},
    )
    assert done.status_code == 303
    shown = owner.get(f"/tasks/{task}").text
    assert "Audited accounts" in shown
    told = [each.text for each in house.view().decisions[0].conditions]
    assert told == ["Audited accounts", "A pledge"]


def test_a_signer_who_is_to_sign_later_is_found_on_the_route_and_removed(
    app: Any, house: House
) -> None:
    task = house.task()
    owner = signed_in(app, "approver1")
    form = hidden(owner.get(f"/tasks/{task}"), f"/tasks/{task}/acts")
    who = {"action": "add_signer", "to": "approver2", "placement": "after", "note": "a large one"}
    assert owner.post(f"/tasks/{task}/acts", data={**form, **who}).status_code == 303
    assert len(house.view().tasks) == 1

    [added] = re.findall(r'href="(/tasks/[^"]+\.a1)"', owner.get(f"/tasks/{task}").text)
    page = owner.get(added)
    assert _faults_of(page.text) == []
    assert 'value="approve"' not in page.text
    assert "once the one before it has decided" in page.text
    assert "Closed without" not in page.text
    out = {"action": "remove_signer", "note": "no need"}
    gone = owner.post(f"{added}/acts", data={**hidden(page, f"{added}/acts"), **out})

    assert gone.status_code == 303
    assert signed_in(app, "approver2").get(added).status_code == 404
    word = hidden(owner.get(f"/tasks/{task}"), f"/tasks/{task}/decision")
    assert owner.post(f"/tasks/{task}/decision", data={**word, "verdict": "approve"}).is_redirect
    assert house.view().letter is not None


@pytest.fixture
def served(house: House, app: Any) -> Iterator[str]:
    with serving(app) as address:
        yield address


async def test_the_clients_and_the_command_do_the_same(
    house: House, served: str, tmp_path: Path
) -> None:
    task = house.task()
    with closing(Client(served, key=key_of("approver1"))) as client:
        done = client.act(task, "copy", to="auditor", note="for you", key="c-1")
        assert (done.action, done.outcome, done.replayed) == ("copy", "open", False)
        with pytest.raises(Refused) as refused:
            client.act(task, "take_back")
        assert refused.value.code == "act_illegal"
        assert client.fetch_task(task).acts[0].to == "auditor"
    async with AsyncClient(served, key=key_of("manager")) as client:
        urged = await client.act(task, "urge")
        assert urged.action == "urge"
        minutes = await client.fetch_minutes(f"{house.case_id}.1")
        assert (minutes.outcome, minutes.steps[0].tally.undecided) == ("open", 1)
    terminal = Terminal(served, tmp_path)
    result = terminal.types("act", task, "urge", "--json", key=key_of("manager"))
    assert (Exit(result.exit_code), "urged_already" in result.stdout) == (Exit.CONFLICT, True)
    told = terminal.types("minutes", f"{house.case_id}.1", key=key_of("auditor"))
    assert told.exit_code == 0
