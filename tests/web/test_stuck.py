"""What operators are told where only the records answer, and who may ask and repair."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from domain.notification import Channel, Notice
from domain.operations import RepairAct, RepairContent, StepFailure
from storage.base import Records
from storage.notification import Outbox
from storage.operations import Repairs, StepFailures
from tests.web.people import as_

AT = datetime(2026, 6, 30, 12, tzinfo=UTC)
WORKFLOW = "application/01900000-0000-7000-8000-000000000000"
RETRY = {"workflow_id": WORKFLOW, "act": "retry", "reason": "mended", "step_id": "5"}


@pytest.fixture
def failing(records: Records) -> None:
    """A step that fails again and again, and a mail that was given up."""
    with records.begin() as session:
        StepFailures(session).record(
            StepFailure(
                workflow_id=WORKFLOW,
                run_id="r-1",
                step_id="5",
                step="assess_application",
                attempts=12,
                error="CheckViolation: left over",
                first_failed_at=AT - timedelta(hours=1),
                last_failed_at=AT,
            )
        )
        facts = {"line_id": "l-1"}
        to = {"recipient": "customer:c-1", "kind": Notice.LINE_UNFROZEN, "facts": facts}
        Outbox(session).post(Channel.MAIL, "k-1", **to)
        Outbox(session).post(Channel.MAIL, "k-2", **to)
    with records.begin() as session:
        [entry] = Outbox(session).claim(Channel.MAIL, entries_max=1, lease_seconds=1)
        Outbox(session).record_failure(entry, "no such mailbox", for_good=True)


@pytest.mark.usefixtures("failing")
async def test_without_temporal_the_records_say_what_they_know(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/v1/operations/stuck", headers=as_("operator"))
    found = answer.json()
    assert (answer.status_code, found["temporal_answers"]) == (200, False)
    step, mail = found["items"]
    assert (step["cause"], step["subject"], step["step_id"]) == ("step_failing", WORKFLOW, "5")
    assert (step["attempts"], step["error"]) == (12, "CheckViolation: left over")
    assert (mail["cause"], mail["subject"]) == ("delivery_failing", "outbox#1")
    assert mail["error"] == "no such mailbox"
    assert mail["next_at"] is None


@pytest.mark.parametrize("person_id", ["relationship_manager", "approver", "legal"])
async def test_others_neither_see_nor_repair(api: httpx.AsyncClient, person_id: str) -> None:
    asked = (
        await api.get("/api/v1/operations/stuck", headers=as_(person_id)),
        await api.get(f"/api/v1/operations/reset?workflow_id={WORKFLOW}", headers=as_(person_id)),
        await api.get("/api/v1/repairs", headers=as_(person_id)),
        await api.post("/api/v1/repairs", json=RETRY, headers=as_(person_id)),
    )
    assert {(each.status_code, each.json()["code"]) for each in asked} == {(403, "not_permitted")}


async def test_a_repair_needs_temporal_and_leaves_nothing_without(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/v1/repairs", json=RETRY, headers=as_("operator"))
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    listed = await api.get("/api/v1/repairs", headers=as_("operator"))
    assert listed.json()["items"] == []
    risk = await api.post("/api/v1/repairs", json=RETRY, headers=as_("risk_officer"))
    assert risk.status_code == 403


async def test_what_is_confirmed_without_temporal_may_be_confirmed_again(
    api: httpx.AsyncClient, records: Records
) -> None:
    content = RepairContent.model_validate(RETRY | {"act": RepairAct.FAIL})
    with records.begin() as session:
        Repairs(session).ask(
            "p-1", content, run_id="r-1", step="s", case_id=None, asked_by="operator"
        )
    word = {"verdict": "confirm", "reason": "seen"}
    path = "/api/v1/repairs/p-1/decision"
    own = await api.post(path, json=word, headers=as_("operator"))
    assert (own.status_code, own.json()["code"]) == (403, "same_hands")
    for _ in range(2):
        answer = await api.post(path, json=word, headers=as_("risk_officer"))
        assert answer.status_code == 503
    kept = (await api.get("/api/v1/repairs/p-1", headers=as_("auditor"))).json()
    assert (kept["status"], kept["decided_by"]) == ("confirmed", "risk_officer")
    other = await api.post(path, json=word | {"verdict": "decline"}, headers=as_("risk_officer"))
    assert (other.status_code, other.json()["code"]) == (409, "already_decided")
