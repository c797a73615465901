"""Do committees meet: numbered, with papers in time, one document of minutes, and what is put off?"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from pypdf import PdfReader
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from typer.testing import CliRunner

from activities.documents.sealing import GRANTOR as SEAT
from creditflow.cli import app as commands
from creditflow.client import Client, Refused
from domain.approval import (
    AuthorityGrant,
    ItemContent,
    ItemResult,
    Meeting,
    MeetingContent,
    Seat,
    TaskStatus,
    Verdict,
)
from domain.contract import ConditionAsked
from domain.customer import Identifier, IdentifierScheme
from domain.errors import (
    AgendaClosed,
    AgendaTaken,
    BodyShort,
    MeetingOver,
    NotChair,
    NotForCommittee,
    NotFound,
    NotMember,
    NotPermitted,
    OutOfOrder,
    SameHands,
)
from domain.identity import Language, Person, Role
from domain.money import Money
from policies.calendar import work_calendar
from storage.application import CaseEvents
from storage.approval import AuthorityGrants, AuthorityRegister, Meetings
from storage.identity import ApiKeys, Persons, password_hash_of
from tests.investigators import Desk, at_desk
from tests.makers_policy import a_customer
from tests.road import Road, an_application
from tests.web.conftest import serving
from tests.web.test_console import PASSWORD, signed_in
from web.app import assemble

MEMBERS = ("member1", "member2", "member3")
OTHERS = ("president", "reviewer", "secretary", "outsider")
KEY = "cf_test_key_of_{}"
STEPS = """
[investigation]
rows = []
checklists = []
[approval]
rows = [
    { code = "all", grades = ["AAA", "AA", "A", "BBB", "BB", "B"], steps = [
        { tier = "branch", mode = "opinion", positions = ["reviewer"] },
        { tier = "head", mode = "committee", positions = ["member1", "member2", "member3"], share = 0.6, quorum = 2, chair = "member1", final = "president" },
    ] },
    { code = "none", grades = ["CCC", "CC", "C", "D"], steps = [
        { tier = "region", mode = "one", positions = ["president"] },
    ] },
]
[approval.meetings]
papers_days = 3
"""


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    with at_desk(database_url, tmp_path, STEPS) as there:
        people = dict(there.people)
        with there.services.records.begin() as session:
            for name in (*MEMBERS, *OTHERS):
                role = Role.RISK_OFFICER if name == "secretary" else Role.APPROVER
                people[name] = Person(
                    person_id=name,
                    title=name,
                    roles=frozenset({role}),
                    mail=f"{name}@creditflow.example",
                )
                Persons(session).record_person(people[name])
                ApiKeys(session).record_key(name, KEY.format(name))
                Persons(session).record_password(name, password_hash_of(PASSWORD))
                if role is Role.APPROVER:
                    AuthorityGrants(session).record(_grant(name))
            for name in (*MEMBERS, "president"):
                AuthorityRegister(session).record(_seat(name))
        yield Desk(there.services, there.office, people, there.customer)


def _grant(name: str) -> AuthorityGrant:
    return AuthorityGrant(
        grant_no=f"SQ-{name}",
        person_id=name,
        position=name,
        limit=Money.of(10**9, "CNY"),
        valid_from=date(2000, 1, 1),
        valid_until=date(2099, 12, 31),
        granted_by="board",
    )


def _seat(name: str) -> Seat:
    return Seat(
        entry_id=f"seat-{name}",
        recorded_by="operator",
        valid_from=date(2000, 1, 1),
        person_id=name,
        body="loan_committee",
    )


@pytest.fixture
def app(desk: Desk) -> FastAPI:
    grantor = {Language.EN: "Grantor", Language.ZH: "授信机构"}
    return assemble(desk.services, public_url="http://test", grantor=grantor)


def convened(desk: Desk, days: int = 30, **changes: Any) -> Meeting:
    """A meeting of the committee so many days from now."""
    content: dict[str, Any] = {
        "body": "loan_committee",
        "held_at": desk.services.clock.now() + timedelta(days=days),
        "place": "Room 3",
        "chair": "member1",
        "members": MEMBERS,
    }
    return desk.services.meetings.convene(
        desk.people["secretary"], MeetingContent.model_validate(content | changes)
    )


def before_committee(desk: Desk, amount: int = 5_000_000, word: Verdict = Verdict.SUPPORT) -> str:
    """A case of a customer of its own whose opinion is given; it waits for the committee."""
    code = next(filter(None, (_code(amount, check) for check in _DIGITS)))
    customer = a_customer(customer_id=f"c-{amount}", identifiers=(code,))
    Road(desk.services.records, desk.services, None).keep_customer(customer)  # type: ignore[arg-type]
    asked = an_application(customer, amount)
    case_id = desk.services.applications.submit(
        desk.people["manager"], asked, f"k-{amount}"
    ).case_id
    desk.decide(desk.people["reviewer"], case_id, word)
    return case_id


_DIGITS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def _code(number: int, check: str) -> Identifier | None:
    """The number as a social credit code, if that is its check digit."""
    try:
        return Identifier(scheme=IdentifierScheme.USCC, value=f"91991000{number:09}{check}")
    except ValidationError:
        return None


def an_item(case_id: str, **changes: Any) -> ItemContent:
    content = {"approval_id": f"{case_id}.1", "presenter": "manager", "attendants": ("manager2",)}
    return ItemContent.model_validate(content | changes)


def put_on(desk: Desk, meeting: Meeting, case_id: str, **changes: Any) -> Any:
    return desk.services.meetings.put_on(
        desk.people["secretary"], meeting.meeting_no, an_item(case_id, **changes)
    )


def vote(
    desk: Desk, name: str, case_id: str, verdict: Verdict, under: tuple[ConditionAsked, ...] = ()
) -> None:
    tasks = [
        task
        for task in desk.case(case_id).tasks
        if task.status is TaskStatus.OPEN and task.position == name
    ]
    note = f"{name} says so"
    desk.services.approvals.decide(
        desk.people[name], tasks[0].task_id, verdict, note=note, conditions=under
    )


def later(desk: Desk, days: int) -> None:
    """So many days on, for those who ask."""
    desk.services.clock.offset_days += days


def read(desk: Desk, meeting: Meeting) -> Any:
    return desk.services.meetings.read(desk.people["auditor"], meeting.meeting_no)


def close(desk: Desk, meeting: Meeting, name: str = "member1") -> Any:
    frozen = desk.services.meetings.close(desk.people[name], meeting.meeting_no)
    desk.office.deliver()
    return frozen


# ── convening ────────────────────────────────────────────────────────────────────────────────────


def test_meetings_are_numbered_and_everybody_invited_belongs_to_the_body(desk: Desk) -> None:
    first, second = convened(desk), convened(desk, members=())
    assert first.meeting_no < second.meeting_no
    assert set(second.members) == {*MEMBERS, "president"}
    with pytest.raises(NotMember):
        convened(desk, members=("member1", "outsider"))
    with pytest.raises(NotMember):
        convened(desk, chair="outsider", members=())
    with pytest.raises(NotPermitted):
        desk.services.meetings.convene(
            desk.people["manager"],
            MeetingContent(
                body="loan_committee", held_at=first.held_at, place="x", chair="member1"
            ),
        )
    listed = desk.services.meetings.list_meetings(desk.people["member2"])
    assert [each.meeting.meeting_no for each in listed] == [second.meeting_no, first.meeting_no]


# ── the agenda ───────────────────────────────────────────────────────────────────────────────────


def test_a_case_is_put_on_with_its_papers_by_the_day_and_late_it_is_refused(desk: Desk) -> None:
    case_id = before_committee(desk)
    meeting = convened(desk)
    paper = desk.services.attachments.record(desk.people["secretary"], b"memo\n", "memo.txt")
    item = put_on(desk, meeting, case_id, papers=(paper.sha256,))
    approval = desk.case(case_id).approvals[0]
    assert (item.item_no, item.case_id, item.papers) == (1, case_id, (paper.sha256,))
    assert item.content_hash == approval.request.content_hash
    assert put_on(desk, meeting, case_id, papers=(paper.sha256,)) == item

    other = before_committee(desk, 6_000_000)
    with pytest.raises(NotFound):
        put_on(desk, meeting, other, papers=("0" * 64,))
    later(desk, (meeting.agenda_until - desk.services.clock.business_on()).days + 1)
    with pytest.raises(AgendaClosed):
        put_on(desk, meeting, other)
    assert len(read(desk, meeting).sections) == 1


def test_papers_are_due_working_days_before_the_meeting(desk: Desk) -> None:
    meeting = convened(desk)
    days = (meeting.agenda_until + timedelta(days=n) for n in range(1, 40))
    between = [day for day in days if day <= meeting.held_on]
    calendar = work_calendar("CN")
    assert sum(map(calendar.works_on, [meeting.agenda_until, *between[:-1]])) == 3


def test_what_is_not_before_a_committee_or_stands_elsewhere_is_not_put_on(desk: Desk) -> None:
    case_id = before_committee(desk)
    one, other = convened(desk), convened(desk, 40)
    put_on(desk, one, case_id)
    with pytest.raises(AgendaTaken):
        put_on(desk, other, case_id)
    for name in MEMBERS[:2]:
        vote(desk, name, case_id, Verdict.DECLINE)
    with pytest.raises(NotForCommittee):
        put_on(desk, other, case_id)
    short, further = (
        convened(desk, members=("member1", "president")),
        before_committee(desk, 6_000_000),
    )
    with pytest.raises(BodyShort):
        put_on(desk, short, further)


def test_a_case_put_on_two_agendas_at_once_is_on_one(desk: Desk) -> None:
    case_id = before_committee(desk)
    meetings = [convened(desk, 30 + n) for n in range(4)]

    def put(meeting: Meeting) -> str:
        try:
            put_on(desk, meeting, case_id)
        except AgendaTaken:
            return "taken"
        return "on"

    with ThreadPoolExecutor(len(meetings)) as pool:
        outcomes = sorted(pool.map(put, meetings))
    assert outcomes == ["on", "taken", "taken", "taken"]


@pytest.mark.parametrize("part", ["presenter", "attendants"])
def test_a_member_neither_presents_nor_attends(desk: Desk, part: str) -> None:
    case_id = before_committee(desk)
    named: Any = "member2" if part == "presenter" else ("member2",)
    with pytest.raises(SameHands):
        put_on(desk, convened(desk), case_id, **{part: named})


def test_whoever_attends_has_no_vote_and_the_database_says_so_too(desk: Desk) -> None:
    """`member3` is not invited, attends, and would hold a seat by the register."""
    case_id = before_committee(desk)
    put_on(desk, convened(desk, members=MEMBERS[:2]), case_id, attendants=("member3",))
    with pytest.raises(SameHands):
        vote(desk, "member3", case_id, Verdict.APPROVE)
    vote(desk, "member1", case_id, Verdict.APPROVE)
    forged = (
        "INSERT INTO decision SELECT (jsonb_populate_record(d, jsonb_build_object('decision_id',"
        " 'forged', 'task_id', :task, 'person_id', 'member3'))).* FROM decision d"
        " WHERE d.person_id = 'member1'"
    )
    with (
        pytest.raises(IntegrityError, match="presents or attends"),
        desk.services.records.begin() as session,
    ):
        session.execute(text(forged), {"task": f"{case_id}.1.2.3"})


# ── closing ──────────────────────────────────────────────────────────────────────────────────────


def test_one_document_has_a_section_a_case_and_is_frozen_and_sealed(desk: Desk) -> None:
    passed, refused = before_committee(desk), before_committee(desk, 6_000_000)
    meeting = convened(desk, 10)
    for case_id in (passed, refused):
        put_on(desk, meeting, case_id)
    for name in MEMBERS[:2]:
        vote(desk, name, passed, Verdict.APPROVE, (ConditionAsked(text="Audited"),))
        vote(desk, name, refused, Verdict.DECLINE)
    with pytest.raises(NotChair):
        close(desk, meeting, "member2")
    with pytest.raises(OutOfOrder):
        close(desk, meeting)
    later(desk, 10)
    frozen = close(desk, meeting)

    sections = frozen.minutes.sections
    assert [each.result for each in sections] == [ItemResult.PASSED, ItemResult.REFUSED]
    with desk.services.records.begin() as session:
        assert Meetings(session).put_off("loan_committee") == []
    assert [each.vote.tally.approve for each in sections] == [2, 0]
    assert [said.note for said in sections[1].vote.said] == ["member1 says so", "member2 says so"]
    assert frozen.minutes_hash == frozen.minutes.minutes_hash
    again = close(desk, meeting)
    assert again.minutes_hash == frozen.minutes_hash

    # What is said afterwards changes nothing of it.
    vote(desk, "president", passed, Verdict.DECLINE)
    assert read(desk, meeting).sections[0].result is ItemResult.PASSED
    with pytest.raises(MeetingOver):
        put_on(desk, meeting, before_committee(desk, 7_000_000))

    document = desk.services.meetings.document(desk.people["auditor"], meeting.meeting_no)
    desk.office.sealing.require(document.content, SEAT)
    words = "".join(page.extract_text() for page in PdfReader(BytesIO(document.content)).pages)
    bare = "".join(words.split())
    assert meeting.meeting_no in bare
    assert frozen.minutes_hash in bare
    assert "Audited" in bare
    assert "text=" not in bare
    assert f"1.{passed}" in bare
    assert f"2.{refused}" in bare


def test_a_veto_is_told_apart_from_a_vote_that_did_not_pass(desk: Desk) -> None:
    case_id = before_committee(desk)
    meeting = convened(desk)
    put_on(desk, meeting, case_id)
    for name in MEMBERS[:2]:
        vote(desk, name, case_id, Verdict.APPROVE)
    assert read(desk, meeting).sections[0].result is ItemResult.PASSED
    vote(desk, "president", case_id, Verdict.DECLINE)
    assert read(desk, meeting).sections[0].result is ItemResult.VETOED


def test_only_the_chair_closes_whatever_the_program_believes(desk: Desk) -> None:
    meeting = convened(desk)
    forged = (
        "INSERT INTO meeting_minutes (meeting_no, minutes_hash, body, closed_by, closed_at)"
        " VALUES (:no, repeat('0', 64), '{}', 'member2', now())"
    )
    with (
        pytest.raises(IntegrityError, match="fk_meeting_minutes_chair"),
        desk.services.records.begin() as session,
    ):
        session.execute(text(forged), {"no": meeting.meeting_no})


# ── putting off ──────────────────────────────────────────────────────────────────────────────────


def test_a_case_put_off_is_undecided_and_goes_to_the_next_meeting(desk: Desk) -> None:
    put_off, silent = before_committee(desk), before_committee(desk, 6_000_000)
    first = convened(desk, 10)
    for case_id in (put_off, silent):
        put_on(desk, first, case_id)
    for name in MEMBERS[:2]:
        vote(desk, name, put_off, Verdict.DEFER)
    assert read(desk, first).sections[0].result is ItemResult.DEFERRED
    later(desk, 10)
    following = convened(desk, 11)
    minutes = close(desk, first).minutes
    assert [each.result for each in minutes.sections] == [ItemResult.DEFERRED] * 2
    assert minutes.sections[0].vote.tally.defer == 2
    assert [case.letter for case in (desk.case(put_off), desk.case(silent))] == [None, None]

    moved = read(desk, following).sections
    assert [(each.item.case_id, each.item.deferred_from) for each in moved] == [
        (put_off, first.meeting_no),
        (silent, first.meeting_no),
    ]
    for name in MEMBERS[:2]:
        vote(desk, name, put_off, Verdict.APPROVE)
    section = read(desk, following).sections[0]
    assert section.result is ItemResult.PASSED
    assert [said.verdict for said in section.vote.said] == [Verdict.APPROVE] * 2
    with desk.services.records.begin() as session:
        kinds = [each["kind"] for each in CaseEvents(session).list_all(put_off)]
    assert kinds.count("meeting_on_agenda") == 2
    assert kinds.count("meeting_met") == 1


def test_what_no_later_meeting_was_there_for_is_taken_up_when_one_is_convened(desk: Desk) -> None:
    case_id = before_committee(desk)
    first = convened(desk, 10)
    put_on(desk, first, case_id)
    later(desk, 10)
    close(desk, first)
    following = convened(desk, 11)
    (section,) = read(desk, following).sections
    assert (section.item.deferred_from, section.result) == (first.meeting_no, ItemResult.OPEN)
    # Once only.
    assert read(desk, convened(desk, 50)).sections == ()


# ── every door ───────────────────────────────────────────────────────────────────────────────────


def test_api_client_command_and_page_tell_the_same_meeting(
    desk: Desk, app: FastAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = before_committee(desk)
    run = CliRunner()
    with serving(app) as url:
        client = Client(url, KEY.format("secretary"))
        meeting = client.convene_meeting(
            "loan_committee",
            datetime.now().astimezone() + timedelta(days=10),
            "Room 3",
            "member1",
            members=MEMBERS,
            key="k-1",
        )
        item = client.put_on_agenda(meeting.meeting_no, f"{case_id}.1", "manager", key="k-2")
        assert (item.item_no, item.case_id) == (1, case_id)
        with pytest.raises(Refused) as refused:
            client.put_on_agenda(meeting.meeting_no, f"{case_id}.9", "manager")
        assert refused.value.code == "not_found"
        monkeypatch.setenv("CREDITFLOW_URL", url)
        monkeypatch.setenv("CREDITFLOW_KEY", KEY.format("member1"))
        for name in MEMBERS[:2]:
            vote(desk, name, case_id, Verdict.APPROVE)
        early = run.invoke(commands, ["meeting", "close", meeting.meeting_no, "--json"])
        assert (early.exit_code, json.loads(early.stdout)["code"]) == (6, "out_of_order")
        later(desk, 10)
        done = run.invoke(commands, ["meeting", "close", meeting.meeting_no, "--json"])
        assert done.exit_code == 0, done.output
        desk.office.deliver()
        frozen = client.fetch_meeting_minutes(meeting.meeting_no)
        assert frozen.minutes_hash == json.loads(done.stdout)["minutes_hash"]
        target = tmp_path / "minutes.pdf"
        told = run.invoke(
            commands, ["meeting", "minutes", meeting.meeting_no, "--pdf", str(target)]
        )
        assert "passed" in told.stdout
        assert target.read_bytes() == client.fetch_meeting_document(meeting.meeting_no)
        (listed,) = client.list_meetings()
        assert listed.over
        assert client.fetch_meeting(meeting.meeting_no).over
        monkeypatch.setenv("CREDITFLOW_KEY", KEY.format("manager"))
        denied = run.invoke(commands, ["meeting", "list", "--json"])
        assert denied.exit_code == 4
    for language, words in {"en": "Passed", "zh-CN": "通过"}.items():
        page = signed_in(app, "member1", language).get(f"/meetings/{meeting.meeting_no}").text
        assert words in page
        assert frozen.minutes_hash in page


def test_a_meeting_is_held_from_the_console(desk: Desk, app: FastAPI) -> None:
    case_id = before_committee(desk)
    secretary = signed_in(app, "secretary")
    day = desk.services.clock.business_on() + timedelta(days=10)
    typed = {"body": "loan_committee", "place": "Room 3", "chair": "member1", "members": ""}
    refused = _sent(secretary, "/meetings", typed | {"held_at": "soon"})
    assert refused.status_code == 422
    assert "Room 3" in refused.text
    _sent(secretary, "/meetings", typed | {"held_at": f"{day}T09:30"})
    (standing,) = desk.services.meetings.list_meetings(desk.people["auditor"])
    meeting = standing.meeting
    assert f"{meeting.held_at:%H:%M%z}" in ("01:30+0000", "09:30+0800")
    path = f"/meetings/{meeting.meeting_no}"
    item = {"approval_id": f"{case_id}.1", "presenter": "manager", "attendants": "manager2"}
    page = _sent(secretary, f"{path}/items", item | {"presenter": "member1"})
    assert page.status_code == 403
    assert "two different people" in page.text
    files = {"papers": ("memo.txt", b"what the case is about\n")}
    _sent(secretary, f"{path}/items", item, files=files)
    (section,) = read(desk, meeting).sections
    assert len(section.item.papers) == 1
    shown = secretary.get(path).text
    assert section.item.papers[0] in shown
    assert "Close the meeting" not in shown
    chair = signed_in(app, "member1")
    assert "Close the meeting" in chair.get(path).text
    later(desk, 10)
    _sent(chair, f"{path}/close", {})
    desk.office.deliver()
    assert chair.get(f"{path}/minutes.pdf").content.startswith(b"%PDF")
    assert "Put off" in chair.get(path).text


def _sent(browser: Any, path: str, form: dict[str, Any], files: Any = None) -> Any:
    token = browser.get("/meetings").text.split('name="csrf_token" value="', 1)[1].split('"')[0]
    return browser.post(path, data=form | {"csrf_token": token}, files=files)
