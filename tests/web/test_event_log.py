"""The event log as process mining reads it: nothing missing, nobody named, the same bytes again."""

import json
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from typer.testing import CliRunner

from creditflow.cli import app as commands
from creditflow.client import Client
from domain.approval import Verdict
from domain.errors import DateInFuture, NotPermitted
from domain.event_log import LogFormat, LoggedEvent
from domain.override import OverrideProposal
from storage.application import CaseEvents
from tests.investigators import Desk, at_desk
from tests.web.conftest import serving
from web.app import assemble
from web.service.event_log import ocel, xes

XES = "{http://www.xes-standard.org/}"
SECRET = 'what the minutes say of <Mr X> & "others"'


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """Cases of several ends, with words that nobody else needs to read."""
    with at_desk(database_url, tmp_path) as there:
        for number, verdict in enumerate((Verdict.DECLINE, Verdict.RETURN, Verdict.APPROVE)):
            case_id = there.submit(6_000_000 + number)
            task = next(each for each in there.case(case_id).tasks if each.status == "open")
            there.services.approvals.decide(
                there.people["approver1"], task.task_id, verdict, note=SECRET
            )
            if verdict is not Verdict.DECLINE:
                there.services.applications.withdraw(there.people["manager"], case_id)
        there.submit(9_000_000)
        yield there


def stored(desk: Desk) -> dict[str, list[tuple[int, str, datetime]]]:
    """Every event of the store by its case, in order."""
    found: dict[str, list[tuple[int, str, datetime]]] = {}
    with desk.services.records.begin() as session:
        rows = session.execute(
            text("SELECT case_id, event_no, kind, occurred_at FROM case_event ORDER BY event_no")
        )
        for case_id, event_no, kind, at in rows:
            found.setdefault(case_id, []).append((event_no, kind, at))
    return found


def exported(desk: Desk, form: LogFormat, **days: Any) -> str:
    return "".join(desk.services.event_log.export(desk.people["auditor"], form, **days))


def traces(log: str) -> dict[str, list[tuple[int, str, datetime]]]:
    """What an XES log says, by the standard's own names."""
    found = {}
    for trace in ET.fromstring(log).iter(f"{XES}trace"):
        names = {each.get("key"): each.get("value") for each in trace if each.tag != f"{XES}event"}
        events = []
        for event in trace.iter(f"{XES}event"):
            told = {str(each.get("key")): str(each.get("value")) for each in event}
            at = datetime.fromisoformat(told["time:timestamp"])
            events.append((int(told["event_no"]), told["concept:name"], at))
            assert told["lifecycle:transition"] == "complete"
            assert told["org:resource"]
        found[str(names["concept:name"])] = events
    return found


def whole(at: datetime) -> datetime:
    """As a log has it: to the millisecond."""
    return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)


def test_xes_holds_every_event_of_every_case_in_order(desk: Desk) -> None:
    expected = {
        case_id: [(number, kind, whole(at)) for number, kind, at in events]
        for case_id, events in stored(desk).items()
    }

    assert traces(exported(desk, LogFormat.XES)) == expected
    assert len(expected) == 4


def test_ocel_holds_the_same_and_names_nothing_that_is_not_there(desk: Desk) -> None:
    log, events = json.loads(exported(desk, LogFormat.OCEL)), stored(desk)

    assert Counter(each["type"] for each in log["events"]) == Counter(
        kind for of_case in events.values() for _, kind, _ in of_case
    )
    objects = {each["id"]: each["type"] for each in log["objects"]}
    assert Counter(objects.values())["case"] == len(events)
    assert len(objects) == len(log["objects"])
    assert len({each["id"] for each in log["events"]}) == len(log["events"])
    related = {r["objectId"] for each in log["events"] for r in each["relationships"]}
    assert related == set(objects)
    assert {each["name"] for each in log["objectTypes"]} == set(objects.values())
    types = {each["name"]: {a["name"] for a in each["attributes"]} for each in log["eventTypes"]}
    for each in log["events"]:
        assert {a["name"] for a in each["attributes"]} <= types[each["type"]]


@pytest.mark.parametrize("form", LogFormat)
def test_a_log_names_nobody_and_is_the_same_bytes_again(desk: Desk, form: LogFormat) -> None:
    log = exported(desk, form)

    assert exported(desk, form) == log
    for person in desk.people:
        assert f'"{person}"' not in log
        assert f"/{person}" not in log
    assert "minutes" not in log
    assert "9000000" not in log


def test_a_person_has_one_pseudonym_that_another_key_does_not_give(desk: Desk) -> None:
    log = json.loads(exported(desk, LogFormat.OCEL))
    people = {each["id"] for each in log["objects"] if each["type"] == "person"}

    assert len(people) == 2  # the manager and the approver
    other = desk.services.event_log
    assert {f"person/{other._named(name)}" for name in ("manager", "approver1")} == people


def test_a_period_cuts_by_business_days_and_none_lies_ahead(desk: Desk) -> None:
    today = desk.services.clock.business_on()
    with desk.services.records.begin() as session:
        long_ago = desk.services.clock.now() - timedelta(days=40)
        CaseEvents(session).post("old", "received", at=long_ago)
    old = today - timedelta(days=30)

    assert set(traces(exported(desk, LogFormat.XES, until=old))) == {"old"}
    assert set(traces(exported(desk, LogFormat.XES, since=old))) == stored(desk).keys() - {"old"}
    both = exported(desk, LogFormat.XES, since=old, until=today)
    assert set(traces(both)) == stored(desk).keys() - {"old"}
    assert traces(exported(desk, LogFormat.XES, since=old, until=old)) == {}
    with pytest.raises(DateInFuture):
        exported(desk, LogFormat.XES, until=today + timedelta(days=1))
    for who in ("manager", "approver1", "operator"):
        with pytest.raises(NotPermitted):
            desk.services.event_log.export(desk.people[who])


def test_what_xml_cannot_hold_is_left_out_and_what_it_must_quote_is_quoted() -> None:
    event = LoggedEvent(
        case_id='a"<&\x07',
        case_type="",
        customer_id="",
        event_no=1,
        kind="received",
        person="system",
        at=datetime(2026, 3, 2, tzinfo=UTC),
        facts={"code": "a<b&'\"\x00"},
    )

    (case_id,) = traces("".join(xes([event])))
    assert case_id == 'a"<&'
    assert json.loads("".join(ocel([])))["events"] == []


def test_an_override_and_a_page_break_lose_nothing(desk: Desk) -> None:
    case_id = next(reversed(stored(desk)))
    desk.services.applications.override(
        desk.people["risk"],
        case_id,
        OverrideProposal(notches=-1, reason="management_changed", note=SECRET),
    )
    with desk.services.records.begin() as session:
        for number in range(11_000):
            CaseEvents(session).post(
                "long", "silence_remind", at=desk.services.clock.now(), level=str(number)
            )

    found = traces(exported(desk, LogFormat.XES))

    assert {case: len(events) for case, events in found.items()} == {
        case: len(events) for case, events in stored(desk).items()
    }


async def test_the_log_is_streamed_by_api_and_written_by_client_and_command(
    desk: Desk, tmp_path: Path
) -> None:
    identity, operator = desk.services.identity, desk.people["operator"]
    key = identity.issue_key(operator, "auditor", "test").key
    app: FastAPI = assemble(desk.services, public_url="http://test")
    expected = exported(desk, LogFormat.OCEL)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as api:
        bearer = {"Authorization": f"Bearer {key}"}
        told = await api.get("/api/v1/events?format=ocel", headers=bearer)
        wrong = await api.get("/api/v1/events?until=2999-01-01", headers=bearer)

    assert told.text == expected
    assert told.headers["content-disposition"].endswith('events.json"')
    assert wrong.json()["code"] == "date_in_future"
    with serving(app) as url:
        with Client(url, key) as client:
            assert client.fetch_event_log("ocel").decode() == expected
        out = tmp_path / "log.xes"
        words = ("events", "--out", str(out), "--json")
        environment = {"CREDITFLOW_URL": url, "CREDITFLOW_KEY": key}
        result = CliRunner().invoke(commands, words, env=environment)
    assert json.loads(result.stdout)["bytes"] == out.stat().st_size
    assert out.read_text("utf-8") == exported(desk, LogFormat.XES)


# ── by the tool that reads such logs ─────────────────────────────────────────────────────────────


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_pm4py_opens_both_and_counts_as_the_store_does(desk: Desk, tmp_path: Path) -> None:
    pm4py = pytest.importorskip("pm4py", reason="pip install -r requirements-mining.lock")
    events = stored(desk)
    count = sum(map(len, events.values()))
    files = {
        form: tmp_path / f"log.{'xes' if form is LogFormat.XES else 'json'}" for form in LogFormat
    }
    for form, file in files.items():
        file.write_text(exported(desk, form), "utf-8")

    frame = pm4py.read_xes(str(files[LogFormat.XES]))
    log = pm4py.read_ocel2_json(str(files[LogFormat.OCEL]))

    assert (frame["case:concept:name"].nunique(), len(frame)) == (len(events), count)
    assert {case: len(rows) for case, rows in frame.groupby("case:concept:name")} == {
        case: len(each) for case, each in events.items()
    }
    assert set(pm4py.get_event_attribute_values(frame, "concept:name")) == {
        kind for each in events.values() for _, kind, _ in each
    }
    starts = pm4py.get_start_activities(frame)
    assert starts == {"received": len(events)}
    assert len(log.events) == count
    assert (log.objects["ocel:type"] == "case").sum() == len(events)
    flat = pm4py.ocel_flattening(log, "case")
    assert (flat["case:concept:name"].nunique(), len(flat)) == (len(events), count)
