"""Time as people and programs ask for it: whose it was, how long things take, what will be late."""

import asyncio
import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from typer.testing import CliRunner

from creditflow.cli import app as commands
from creditflow.client import AsyncClient, Client
from domain.application import Application, Case, CaseStatus
from domain.approval import Verdict
from domain.errors import DateInFuture, NotFound, NotPermitted
from domain.identity import Person, Role
from domain.turnaround import CaseStage, Court, TurnaroundBy
from storage.application import Applications, CaseEvents, Intakes
from storage.base import Records
from storage.customer import Customers
from tests.investigators import Desk, at_desk
from tests.makers_policy import a_customer, an_edition, cny
from tests.web.conftest import serving
from web.app import assemble
from web.service.services import Services

DAY = timedelta(days=1)
# Monday the second of March, nine o'clock in Shanghai.
MONDAY = datetime(2026, 3, 2, 1, tzinfo=UTC)


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    with at_desk(database_url, tmp_path) as there:
        yield there


@pytest.fixture
def services(desk: Desk) -> Services:
    return desk.services


@pytest.fixture
def keys(desk: Desk) -> dict[str, str]:
    """A key for each of the people who ask here."""
    identity, operator = desk.services.identity, desk.people["operator"]
    found = {}
    for name in ("manager", "approver1", "risk", "auditor", "operator", "legal"):
        found[name] = identity.issue_key(operator, name, "test").key
    return found


@pytest.fixture
def app(services: Services) -> FastAPI:
    return assemble(services, public_url="http://test")


def a_past_case(records: Records, case_id: str, *events: tuple[float, str, dict[str, str]]) -> None:
    """A case of March by its events: days since Monday, the kind, and facts."""
    application = Application(customer_id="c-7", limit_requested=cny(1_000_000), purpose="parts")
    with records.begin() as session:
        if Customers(session).find("c-7") is None:
            Customers(session).record(
                a_customer(customer_id="c-7", identifiers=()),
                business_on=MONDAY.date(),
                source="test",
                recorded_by="manager",
            )
        Intakes(session).record(
            case_id,
            application,
            caller="manager",
            key=case_id,
            business_on=MONDAY.date(),
            received_at=MONDAY,
        )
        edition_hash = session.scalar(text("SELECT edition_hash FROM policy_edition LIMIT 1"))
        Applications(session).record(
            Case(
                case_id=case_id,
                application=application,
                status=CaseStatus.RECEIVED,
                applicant="manager",
                last_editor="manager",
                edition_hash=str(edition_hash),
                submitted_at=MONDAY,
                business_on=MONDAY.date(),
            )
        )
        for days, kind, facts in events:
            CaseEvents(session).post(case_id, kind, at=MONDAY + days * DAY, **facts)
        Intakes(session).close(case_id, MONDAY + 30 * DAY)


SLOW = (
    (0, "received", {"status": "incomplete", "missing": "purpose"}),
    (2, "supplemented", {"status": "received"}),
    (2, "assessed", {"lane": "people"}),
    (3, "silence_remind", {"step": "1"}),
    (9, "approved", {}),
    (9, "contract_sent", {}),
    (14, "lapsed", {}),
)


# ── whose time ───────────────────────────────────────────────────────────────────────────────────


def test_a_case_that_people_drive_is_split_by_what_they_did(desk: Desk) -> None:
    service, auditor = desk.services.turnaround, desk.people["auditor"]
    case_id = desk.submit(9_000_000)

    found = service.read_clock(auditor, case_id)
    assert (found.clock.stage, found.clock.court) == (CaseStage.APPROVAL, Court.OURS)
    assert [task.position for task in found.tasks] == ["branch_head"]
    desk.decide(desk.people["approver1"], case_id, Verdict.RETURN, fields_wanted=("purpose",))
    assert service.read_clock(auditor, case_id).clock.court is Court.CUSTOMER
    desk.services.applications.withdraw(desk.people["manager"], case_id)

    clock = service.read_clock(auditor, case_id).clock
    assert clock.ended
    assert [(each.stage, each.court) for each in clock.spells][-2:] == [
        (CaseStage.APPROVAL, Court.OURS),
        (CaseStage.COMPLETENESS, Court.CUSTOMER),
    ]
    assert sum(each.calendar_seconds for each in clock.courts) == clock.calendar_seconds


def test_a_case_that_waits_for_the_report_or_for_papers_says_so(desk: Desk) -> None:
    large = desk.submit(30_000_000)
    clocks = [desk.services.turnaround.read_clock(desk.people["auditor"], large).clock]
    desk.services.applications.withdraw(desk.people["manager"], large)
    lacking = desk.submit(8_000_000, purpose="")
    clocks.append(desk.services.turnaround.read_clock(desk.people["auditor"], lacking).clock)

    assert [(each.stage, each.court) for each in clocks] == [
        (CaseStage.INVESTIGATION, Court.OURS),
        (CaseStage.COMPLETENESS, Court.CUSTOMER),
    ]


def test_a_past_day_is_told_as_it_was_then_also_later(desk: Desk) -> None:
    service, auditor, records = (
        desk.services.turnaround,
        desk.people["auditor"],
        desk.services.records,
    )
    a_past_case(records, "slow", *SLOW[:4])
    on = MONDAY.date() + 5 * DAY
    before = service.read_clock(auditor, "slow", on), service.read_table(auditor, as_of=on)

    with records.begin() as session:
        for days, kind, facts in SLOW[4:]:
            CaseEvents(session).post("slow", kind, at=MONDAY + days * DAY, **facts)
    a_past_case(records, "later", *((days + 8, *rest) for days, *rest in SLOW))  # type: ignore[misc]

    assert (
        service.read_clock(auditor, "slow", on),
        service.read_table(auditor, as_of=on),
    ) == before
    assert service.read_clock(auditor, "slow").clock.ended
    with pytest.raises(NotFound):
        service.read_clock(auditor, "slow", MONDAY.date() - DAY)
    with pytest.raises(DateInFuture):
        service.read_clock(auditor, "slow", desk.services.clock.business_on() + DAY)


# ── how long things take ─────────────────────────────────────────────────────────────────────────


def test_stages_and_types_are_counted_from_events_alone(desk: Desk) -> None:
    records, auditor = desk.services.records, desk.people["auditor"]
    a_past_case(records, "slow", *SLOW)
    a_past_case(records, "quick", *((days / 2, *rest) for days, *rest in SLOW))  # type: ignore[misc]

    stages = desk.services.turnaround.read_table(auditor)
    rows = {(row.key, row.court): row for row in stages.rows}

    supplied = rows["completeness", Court.CUSTOMER]
    assert (supplied.ended, supplied.open, supplied.calendar_p50) == (2, 0, 86_400)
    assert supplied.calendar_p90 == 2 * 86_400
    approval = rows["approval", Court.OURS]
    assert (approval.calendar_p50, approval.calendar_p90) == (3.5 * 86_400, 7 * 86_400)
    assert approval.reminders == 2
    types = desk.services.turnaround.read_table(auditor, TurnaroundBy.TYPE)
    whole = {row.court: row for row in types.rows if row.key == "new_line"}
    assert whole[None].calendar_p90 == 14 * 86_400
    assert [whole[court].calendar_p90 for court in Court] == [7 * 86_400, 7 * 86_400, 0]
    late = desk.services.turnaround.read_table(
        auditor, TurnaroundBy.TYPE, since=MONDAY.date() + 10 * DAY
    )
    assert {row.ended for row in late.rows} == {1}


def test_positions_and_people_are_counted_from_the_words_on_record(desk: Desk) -> None:
    for amount in (7_000_000, 8_000_000):
        desk.decide(desk.people["approver1"], desk.submit(amount), Verdict.DECLINE)
    desk.submit(9_000_000)
    service, risk = desk.services.turnaround, desk.people["risk"]

    (position,) = service.read_table(risk, TurnaroundBy.POSITION).rows
    (person,) = service.read_table(risk, TurnaroundBy.PERSON).rows

    assert (position.key, position.ended, position.open) == ("branch_head", 2, 1)
    assert (person.key, person.ended, person.open) == ("approver1", 2, 0)
    none = service.read_table(
        risk, TurnaroundBy.POSITION, as_of=desk.services.clock.business_on() - DAY
    )
    assert none.rows == ()


def test_names_are_for_fewer_than_figures(desk: Desk) -> None:
    service = desk.services.turnaround
    for who in ("approver1", "risk", "auditor"):
        service.read_table(desk.people[who])
    with pytest.raises(NotPermitted):
        service.read_table(desk.people["approver1"], TurnaroundBy.PERSON)
    for who in ("manager", "operator", "legal"):
        with pytest.raises(NotPermitted):
            service.read_table(desk.people[who])
        with pytest.raises(NotPermitted):
            service.list_late(desk.people[who])
    stranger = Person(
        person_id="other", title="Other", roles=frozenset({Role.RELATIONSHIP_MANAGER})
    )
    with pytest.raises(NotFound):
        service.read_clock(stranger, desk.submit(9_000_000))


def test_a_task_that_waits_too_long_is_foreseen_and_then_late(desk: Desk) -> None:
    service, risk = desk.services.turnaround, desk.people["risk"]
    for number in range(5):
        desk.decide(desk.people["approver1"], desk.submit(6_000_000 + number), Verdict.DECLINE)
    open_case = desk.submit(9_000_000)
    (told,) = service.read_clock(risk, open_case).tasks
    assert told.tasks_seen == 5

    # Two weeks ago it was opened and twelve days ago due.
    with desk.services.records.begin() as session:
        session.execute(
            text(
                "UPDATE task SET opened_at = opened_at - interval '14 days',"
                " due_at = due_at - interval '14 days' WHERE status = 'open'"
            )
        )
    (late,) = service.list_late(risk)

    assert (late.case_id, late.late, late.breach_expected) == (open_case, True, True)
    assert late.usual_seconds is None
    assert late.waited_seconds > 5 * 9 * 3600


# ── by every door ────────────────────────────────────────────────────────────────────────────────


async def test_the_api_tells_what_the_service_does_and_csv_the_same_rows(
    desk: Desk, app: FastAPI, keys: dict[str, str]
) -> None:
    a_past_case(desk.services.records, "slow", *SLOW)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test/api/v1") as api:

        async def asked(path: str, who: str = "risk", **query: Any) -> httpx.Response:
            bearer = {"Authorization": f"Bearer {keys[who]}"}
            return await api.get(path, params=query, headers=bearer)

        clock = (await asked("/applications/slow/clock", "auditor")).json()["clock"]
        parts = [each["calendar_seconds"] for each in clock["courts"]]
        assert sum(parts) == clock["calendar_seconds"] == 14 * 86_400
        table = (await asked("/reports/turnaround", by="type")).json()
        written = (await asked("/reports/turnaround", by="type", form="csv")).text
        rows = list(csv.DictReader(io.StringIO(written)))
        assert len(rows) == len(table["rows"]) == 4
        for row, told in zip(rows, table["rows"], strict=True):
            assert row["calendar_p90"] == str(told["calendar_p90"])
            assert row["court"] == (told["court"] or "")
        assert (await asked("/reports/turnaround/late")).json() == {"items": []}
        assert (await asked("/reports/turnaround", "approver1", by="person")).status_code == 403
        assert (await asked("/reports/turnaround", "manager")).status_code == 403


async def test_the_client_asks_for_the_same_both_ways(
    desk: Desk, app: FastAPI, keys: dict[str, str]
) -> None:
    a_past_case(desk.services.records, "slow", *SLOW)
    with serving(app) as url:

        def ask() -> Any:
            with Client(url, keys["risk"]) as client:
                return (
                    client.fetch_case_clock("slow"),
                    client.fetch_turnaround("type", since=date(2026, 3, 1)),
                    client.fetch_late_tasks(),
                )

        plain = await asyncio.to_thread(ask)
        async with AsyncClient(url, keys["risk"]) as client:
            waited = (
                await client.fetch_case_clock("slow"),
                await client.fetch_turnaround("type", since=date(2026, 3, 1)),
                await client.fetch_late_tasks(),
            )

    assert plain == waited
    assert plain[0].clock.calendar_seconds == 14 * 86_400
    assert {row.key for row in plain[1].rows} == {"new_line"}


def test_the_commands_say_it_in_hours_and_as_json(
    desk: Desk, app: FastAPI, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    a_past_case(desk.services.records, "slow", *SLOW)
    with serving(app) as url:

        def typed(*words: str) -> str:
            environment = {"CREDITFLOW_URL": url, "CREDITFLOW_KEY": keys["risk"]}
            result = CliRunner().invoke(commands, words, env=environment)
            assert result.exit_code == 0, result.output
            return result.stdout

        assert "336.0 h" in typed("clock", "slow")
        assert (
            json.loads(typed("clock", "slow", "--json"))["clock"]["calendar_seconds"] == 1_209_600
        )
        assert "new_line" in typed("turnaround", "--by", "type")
        assert typed("turnaround", "--by", "type", "--csv").startswith("as_of,since,key,court")
        assert json.loads(typed("turnaround", "--late", "--json")) == {"items": []}
    assert an_edition().turnaround.usual_tasks_min == 5
