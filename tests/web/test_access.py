"""Is every route closed to strangers, and everybody else's customer as absent as no customer?"""

import asyncio
import re
from collections import Counter
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from temporalio.testing import ActivityEnvironment

from activities.approval import ApprovalActivities
from domain.approval import ApprovalRequest, RouteStep, StepMode, Subject
from domain.customer import CustomerContent
from storage.edition import Editions, shipped_text
from tests.makers_policy import an_edition, cny
from tests.web.people import PEOPLE, as_
from web.service.services import Services

OPEN = re.compile(
    r"/healthz|/readyz|/api/problems/.*|/api/v1/sessions|/api/v1/(signing|offers|confirming)/.*"
)
ABSENT = "01900000-0000-7000-8000-000000000000"


def operations(app: FastAPI) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
    ]


def filled(path: str, **known: str) -> str:
    return re.sub(r"{(\w+)}", lambda name: known.get(name[1], ABSENT), path)


async def test_no_route_answers_a_stranger(app: FastAPI, api: httpx.AsyncClient) -> None:
    answered = [
        (method, path, status)
        for method, path, _ in operations(app)
        if not OPEN.fullmatch(path)
        and (status := (await api.request(method, filled(path), json={})).status_code) != 401
    ]
    # What the body or the path fails to be is said first, and tells a stranger nothing of ours.
    assert {status for _, _, status in answered} <= {422}, answered


@pytest.fixture
def theirs(services: Services) -> str:
    """A customer of another manager."""
    other = PEOPLE["relationship_manager"].model_copy(update={"person_id": "relationship_manager2"})
    return services.customers.record(other, CustomerContent(name="Theirs Ltd")).customer_id


async def test_another_managers_customer_is_as_absent_as_none(
    app: FastAPI, api: httpx.AsyncClient, theirs: str
) -> None:
    mine = as_("relationship_manager")
    listed = await api.get("/api/v1/customers", headers=mine)
    assert listed.json()["items"] == []
    seen = []
    for method, path, _ in operations(app):
        if method != "GET" or "{customer_id}" not in path:
            continue
        period = {"period_end_on": "2024-12-31"}
        other = await api.get(filled(path, customer_id=theirs, **period), headers=mine)
        none = await api.get(filled(path, **period), headers=mine)
        assert (other.status_code, other.json()["code"]) == (404, "not_found"), path
        assert none.json()["detail"].replace(ABSENT, theirs) == other.json()["detail"]
        seen.append(path)
    assert len(seen) >= 7
    risk = await api.get(f"/api/v1/customers/{theirs}", headers=as_("risk_officer"))
    assert risk.status_code == 200


async def test_twenty_at_once_under_one_key_have_one_effect(api: httpx.AsyncClient) -> None:
    headers = as_("relationship_manager", **{"Idempotency-Key": "k-1"})

    async def ask() -> httpx.Response:
        return await api.post("/api/v1/customers", json={"name": "Once Ltd"}, headers=headers)

    answers = await asyncio.gather(*(ask() for _ in range(20)))
    assert set(Counter(answer.status_code for answer in answers)) <= {201, 409}
    codes = {answer.json().get("code") for answer in answers if answer.status_code == 409}
    assert codes <= {"key_in_flight"}
    made = {answer.text for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    again = await ask()
    assert again.text in made
    assert again.headers["idempotent-replayed"] == "true"
    listed = await api.get("/api/v1/customers", headers=as_("relationship_manager"))
    assert len(listed.json()["items"]) == 1


async def test_a_key_is_bound_to_its_body_its_route_and_its_person(api: httpx.AsyncClient) -> None:
    async def ask(name: str, person_id: str = "relationship_manager") -> httpx.Response:
        headers = as_(person_id, **{"Idempotency-Key": "k-1"})
        return await api.post("/api/v1/customers", json={"name": name}, headers=headers)

    first = await ask("One Ltd")
    other = await ask("Two Ltd")
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")
    theirs = await ask("One Ltd", "everybody")
    assert theirs.status_code == 201
    assert theirs.json()["customer_id"] != first.json()["customer_id"]
    for key in ("", " ", "k" * 1000, "two words"):
        headers = as_("relationship_manager", **{"Idempotency-Key": key})
        refused = await api.post("/api/v1/customers", json={"name": "x"}, headers=headers)
        assert refused.status_code == 422, key


def reviewed(services: Services, customer_id: str) -> None:
    """The approval of a review of a customer, which is nobody's application."""
    step = RouteStep(
        step_id="1.branch",
        tier=1,
        mode=StepMode.ONE,
        positions=("branch_head",),
        remind_hours=1,
        deadline_hours=2,
    )
    with services.records.begin() as session:
        edition = an_edition()
        Editions(session).publish(edition, shipped_text("standard"), "risk")
    request = ApprovalRequest(
        subject=Subject.REVIEW,
        subject_id="review-1",
        case_id="review-1",
        customer_id=customer_id,
        makers=("system",),
        steps=(step,),
        aggregate=cny(1_000_000),
        grade="A",
        content_hash="h",
        edition_hash=edition.edition_hash,
    )
    environment = ActivityEnvironment()
    environment.run(ApprovalActivities(services.records).open_approval, request)


async def test_a_manager_reads_the_review_of_the_own_customer_and_no_others(
    api: httpx.AsyncClient, services: Services, theirs: str
) -> None:
    reviewed(services, theirs)
    other = PEOPLE["relationship_manager"].model_copy(update={"person_id": "relationship_manager2"})

    [task] = services.approvals.list_tasks(other, mine=False)
    assert services.approvals.read_task(other, task.task_id).task.customer_id == theirs
    assert services.approvals.read_minutes(other, "review-1.1").approval_id == "review-1.1"

    hidden = await api.get(f"/api/v1/tasks/{task.task_id}", headers=as_("relationship_manager"))
    assert (hidden.status_code, hidden.json()["code"]) == (404, "not_found")
    mine = {"params": {"mine": "false"}, "headers": as_("relationship_manager")}
    assert (await api.get("/api/v1/tasks", **mine)).json()["items"] == []
