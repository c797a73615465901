"""Are four functions of a case four people's, opinions heard, and many words answered one by one?"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from typer.testing import CliRunner

from creditflow.cli import app as commands
from creditflow.client import Client, values
from domain.application import ApplicationChange, CaseStatus
from domain.approval import (
    ActKind,
    ApprovalOutcome,
    CitedRisk,
    Function,
    TaskStatus,
    Verdict,
)
from domain.errors import FunctionsApart, Malformed, NotYourTask, SameHands
from domain.identity import Role
from storage.application import Applications, CaseEvents
from storage.approval import AuthorityGrants, CaseFunctions
from storage.identity import Persons, password_hash_of
from storage.line import Conditions
from tests.investigators import Desk, at_desk
from tests.web.book import PASSWORD
from tests.web.conftest import serving
from tests.web.test_console import signed_in
from tests.web.test_meetings import (
    KEY,
    MEMBERS,
    STEPS,
    _grant,
    app,
    before_committee,
    desk,
    vote,
)
from web.app import assemble

__all__ = ["app", "desk"]  # fixtures


def grant(desk: Desk, name: str, position: str) -> None:
    with desk.services.records.begin() as session:
        given = {"grant_no": f"SQ-{name}-{position}", "person_id": name}
        AuthorityGrants(session).record(_grant(position).model_copy(update=given))


def with_role(desk: Desk, name: str, role: Role) -> Any:
    person = desk.people[name]
    person = person.model_copy(update={"roles": person.roles | {role}})
    with desk.services.records.begin() as session:
        Persons(session).record_person(person)
    return person


def at_conditions(desk: Desk, case_id: str) -> None:
    """The case as it waits for its conditions, with one that somebody has evidenced."""
    with desk.services.records.begin() as session:
        case = Applications(session).read(case_id, for_update=True)
        waiting = case.model_copy(update={"status": CaseStatus.CONDITIONS})
        Applications(session).write(case, waiting)
        (condition,) = Conditions(session).open(case_id, ["board_resolution"], owner="manager")
        Conditions(session).write(condition.evidenced("0" * 64, "manager"))


def approved(desk: Desk, word: Verdict = Verdict.SUPPORT) -> str:
    case_id = before_committee(desk, word=word)
    for name in (*MEMBERS[:2], "president"):
        vote(desk, name, case_id, Verdict.APPROVE)
    return case_id


# ── four functions ───────────────────────────────────────────────────────────────────────────────


def test_whoever_reviewed_a_case_never_decides_it_not_in_a_later_approval_either(
    desk: Desk,
) -> None:
    case_id = before_committee(desk)
    grant(desk, "reviewer", "member3")
    vote(desk, "member1", case_id, Verdict.RETURN)
    desk.services.applications.amend(
        desk.people["manager"], case_id, ApplicationChange(purpose="Another purpose altogether")
    )
    grant(desk, "outsider", "reviewer")
    task = next(t for t in desk.case(case_id).tasks if t.status is TaskStatus.OPEN)
    desk.services.approvals.decide(desk.people["outsider"], task.task_id, Verdict.SUPPORT)

    tasks = {t.position: t for t in desk.case(case_id).tasks if t.status is TaskStatus.OPEN}
    with pytest.raises(FunctionsApart):
        desk.services.approvals.decide(
            desk.people["reviewer"], tasks["member3"].task_id, Verdict.APPROVE
        )
    why = desk.services.approvals.read_task(desk.people["reviewer"], tasks["member3"].task_id).why
    assert (why.grant, why.refusal) == (None, "functions_apart")


@pytest.mark.parametrize("name", ["reviewer", "member1", "president"])
def test_whoever_reviewed_or_decided_does_not_release(desk: Desk, name: str) -> None:
    case_id = approved(desk)
    at_conditions(desk, case_id)
    person = with_role(desk, name, Role.RELEASE_OFFICER)
    with pytest.raises(FunctionsApart):
        desk.services.lines.verify(person, case_id, "board_resolution", met=True)
    met = desk.services.lines.verify(desk.people["release"], case_id, "board_resolution", met=True)
    assert met.settled
    with desk.services.records.begin() as session:
        assert ("release", Function.RELEASE) in CaseFunctions(session).held(case_id)


def test_whoever_was_asked_for_an_opinion_has_the_function_of_who_asked(desk: Desk) -> None:
    case_id = before_committee(desk)
    task = next(t for t in desk.case(case_id).tasks if t.position == "member1")
    approvals = desk.services.approvals
    approvals.act(
        desk.people["member1"], task.task_id, ActKind.ASK_OPINION, to="release", note="What of it?"
    )
    approvals.act(desk.people["release"], task.task_id, ActKind.GIVE_OPINION, note="Sound.")
    for name in (*MEMBERS[:2], "president"):
        vote(desk, name, case_id, Verdict.APPROVE)
    at_conditions(desk, case_id)
    with pytest.raises(FunctionsApart):
        desk.services.lines.verify(desk.people["release"], case_id, "board_resolution", met=True)


def test_a_reviewer_is_asked_for_no_opinion_on_the_decision(desk: Desk) -> None:
    case_id = before_committee(desk)
    task = next(t for t in desk.case(case_id).tasks if t.position == "member1")
    with pytest.raises((FunctionsApart, SameHands)):
        desk.services.approvals.act(
            desk.people["member1"], task.task_id, ActKind.ASK_OPINION, to="reviewer", note="Why?"
        )


STATEMENTS = {
    "a decider releases": (
        "UPDATE condition_precedent SET status = 'met', verified_by = 'member1'"
        " WHERE case_id = :case_id"
    ),
    "a reviewer releases": (
        "UPDATE condition_precedent SET status = 'met', verified_by = 'reviewer'"
        " WHERE case_id = :case_id"
    ),
    "a decider investigates": (
        "INSERT INTO investigation_assignment SELECT (jsonb_populate_record(NULL::investigation_assignment,"
        " jsonb_build_object('case_id', :case_id, 'version', 1, 'lead', 'member1', 'second', 'manager',"
        " 'reason', '', 'assigned_by', 'risk', 'assigned_on', current_date, 'assigned_at', now(),"
        " 'recorded_at', now()))).*"
    ),
    "a reviewer decides": (
        "INSERT INTO decision SELECT (jsonb_populate_record(d, jsonb_build_object('decision_id', 'x',"
        " 'task_id', t.task_id, 'approval_id', 'another', 'person_id', 'reviewer'))).*"
        " FROM decision d, task t WHERE d.case_id = :case_id AND d.person_id = 'member1'"
        " AND t.case_id = :case_id AND t.position = 'member3'"
    ),
}


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
def test_the_database_holds_them_apart_whatever_the_program_believes(
    desk: Desk, statement: str
) -> None:
    case_id = approved(desk)
    at_conditions(desk, case_id)
    with (
        pytest.raises(IntegrityError, match="another function"),
        desk.services.records.begin() as session,
    ):
        session.execute(text(statement), {"case_id": case_id})


# ── opinions ─────────────────────────────────────────────────────────────────────────────────────


def test_an_approval_against_an_opinion_is_listed_with_its_letter_and_who(
    desk: Desk, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = desk.submit(5_000_000)
    (task,) = desk.case(case_id).tasks
    with serving(app) as url:
        Client(url, KEY.format("reviewer")).decide(
            task.task_id,
            "object",
            note="Too much of one buyer.",
            risks=[values.CitedRisk(risk="Stock turns slower", cites="statements 2023")],
            conditions=["A guarantee of the owner"],
        )
        auditor = desk.people["auditor"]
        assert desk.services.guards.list_against_opinion(auditor) == []
        for name in (*MEMBERS[:2], "president"):
            vote(desk, name, case_id, Verdict.APPROVE)
        monkeypatch.setenv("CREDITFLOW_URL", url)
        monkeypatch.setenv("CREDITFLOW_KEY", KEY.format("secretary"))
        told = CliRunner().invoke(commands, ["guard", "against-opinion", "--json"])
        (item,) = json.loads(told.stdout)["items"]
        (listed,) = Client(url, KEY.format("secretary")).list_against_opinion()
    letter = desk.case(case_id).letter
    assert letter is not None
    assert (item["letter_no"], listed.letter_no) == (letter.letter_no, letter.letter_no)
    assert (listed.objected_by, listed.decided_by) == ("reviewer", (*MEMBERS[:2], "president"))
    assert listed.risks == (values.CitedRisk(risk="Stock turns slower", cites="statements 2023"),)
    assert listed.conditions == ("A guarantee of the owner",)
    page = signed_in(app, "secretary").get("/guards?view=against_opinion").text
    assert letter.letter_no in page
    assert "Stock turns slower" in page


def test_an_approval_that_no_opinion_is_against_is_not_listed(desk: Desk) -> None:
    approved(desk)
    assert desk.services.guards.list_against_opinion(desk.people["auditor"]) == []


def test_a_vote_cites_no_risks(desk: Desk) -> None:
    case_id = before_committee(desk)
    task = next(t for t in desk.case(case_id).tasks if t.position == "member1")
    with pytest.raises(Malformed):
        desk.services.approvals.decide(
            desk.people["member1"],
            task.task_id,
            Verdict.APPROVE,
            risks=(CitedRisk(risk="Some"),),
        )


# ── many words at once ───────────────────────────────────────────────────────────────────────────


def test_each_word_of_many_has_its_own_answer_and_is_taken_once(
    desk: Desk, app: FastAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [before_committee(desk, amount) for amount in (5_000_000, 6_000_000)]
    mine = [
        next(t.task_id for t in desk.case(case_id).tasks if t.position == "member1")
        for case_id in cases
    ]
    other = next(t.task_id for t in desk.case(cases[0]).tasks if t.position == "member2")
    words = [
        {"task_id": mine[0], "verdict": "approve", "note": "seen"},
        {"task_id": mine[1], "verdict": "approve", "note": " "},
        {"task_id": other, "verdict": "approve", "note": "seen"},
        {"task_id": "nothing.1.1.1", "verdict": "approve", "note": "seen"},
    ]
    with serving(app) as url:
        client = Client(url, KEY.format("member1"))
        answers = client.decide_many(words, key="batch-1").items
        assert [each.task_id for each in answers] == [word["task_id"] for word in words]
        assert [each.refusal for each in answers] == [
            None,
            "note_missing",
            "same_hands",
            "not_found",
        ]
        assert answers[0].done is not None
        assert not answers[0].done.replayed
        again = client.decide_many(words, key="batch-1").items
        assert again[0].done is not None
        assert again[0].done.replayed
        file = tmp_path / "words.json"
        file.write_text(json.dumps([{**words[1], "note": "seen now"}]))
        monkeypatch.setenv("CREDITFLOW_URL", url)
        monkeypatch.setenv("CREDITFLOW_KEY", KEY.format("member1"))
        run = CliRunner()
        done = run.invoke(commands, ["decide", "--file", str(file), "--json"])
        assert done.exit_code == 0, done.output
        file.write_text(json.dumps([words[2]]))
        refused = run.invoke(commands, ["decide", "--file", str(file), "--json"])
        assert refused.exit_code == 1
        assert run.invoke(commands, ["decide", "--json"]).exit_code == 2
        too_many = run.invoke(
            commands, ["decide", "--file", "-", "--json"], input=json.dumps([words[0]] * 201)
        )
        assert too_many.exit_code == 1
    assert [
        len([d for d in desk.case(c).decisions if d.person_id == "member1"]) for c in cases
    ] == [1, 1]
    kept = desk.services.audit.list_refusals(desk.people["auditor"])
    assert "note_missing" in {each.code for each in kept}


def test_the_inbox_takes_one_word_for_many_and_keeps_what_was_refused_chosen(
    desk: Desk, app: FastAPI
) -> None:
    cases = [before_committee(desk, amount) for amount in (5_000_000, 6_000_000)]
    tasks = [
        next(t.task_id for t in desk.case(case_id).tasks if t.position == "member1")
        for case_id in cases
    ]
    vote(desk, "member1", cases[1], Verdict.APPROVE)
    browser = signed_in(app, "member1")
    page = browser.get("/tasks?view=mine").text
    assert page.count('name="task_id"') == 1
    token = page.split('name="csrf_token" value="', 1)[1].split('"')[0]
    form = {"csrf_token": token, "verdict": "approve", "note": "seen", "key": "k", "task_id": tasks}
    answer = browser.post("/tasks/decisions", data=form).text
    assert "on record" in answer
    assert "already_decided" in answer
    assert desk.case(cases[0]).decisions[-1].person_id == "member1"
    watching = signed_in(app, "secretary").get("/tasks?view=open").text
    assert 'name="task_id"' not in watching


# ── the same person at several steps ─────────────────────────────────────────────────────────────

TWICE = STEPS.replace(
    'steps = [\n        { tier = "branch", mode = "opinion", positions = ["reviewer"] },',
    'steps = [\n        { tier = "branch", mode = "one", positions = ["reviewer"] },\n'
    '        { tier = "region", mode = "one", positions = ["outsider"]%s },',
).replace("[approval]\n", '[approval]\nsame_person = "%s"\n', 1)


@pytest.fixture
def twice(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Desk]:
    same, independent = request.param
    assert TWICE.count("%s") == 2
    changes = TWICE % (same, independent)
    if same == "last":  # the two steps alone
        changes = "".join(each for each in changes.splitlines(True) if '"committee"' not in each)
    with at_desk(database_url, tmp_path, changes) as there:
        people = dict(there.people)
        for name in ("reviewer", "outsider"):
            person = people["approver2"].model_copy(
                update={"person_id": name, "mail": f"{name}@creditflow.example"}
            )
            people[name] = person
            with there.services.records.begin() as session:
                Persons(session).record_person(person)
                AuthorityGrants(session).record(_grant(name))
        found = Desk(there.services, there.office, people, there.customer)
        grant(found, "reviewer", "outsider")
        yield found


@pytest.mark.parametrize("twice", [("first", "")], indirect=True)
def test_whoever_holds_the_next_step_too_is_asked_once_where_policy_says_so(twice: Desk) -> None:
    case_id = twice.submit(5_000_000)
    (task,) = twice.case(case_id).tasks
    twice.services.approvals.decide(twice.people["reviewer"], task.task_id, Verdict.APPROVE)
    view = twice.case(case_id)
    counted = view.approvals[0].tasks[1]
    assert (counted.decided_by, counted.carried_from) == ("reviewer", task.task_id)
    assert {t.position for t in view.tasks if t.status is TaskStatus.OPEN} == set(MEMBERS)
    with twice.services.records.begin() as session:
        kinds = [each["kind"] for each in CaseEvents(session).list_all(case_id)]
    assert kinds.count("word_counted") == 1
    assert len(view.decisions) == 1


@pytest.mark.parametrize(
    "twice",
    [("refuse", ""), ("first", ", independent = true"), ("last", ", independent = true")],
    indirect=True,
)
def test_otherwise_somebody_else_has_to_speak(twice: Desk) -> None:
    case_id = twice.submit(5_000_000)
    (task,) = twice.case(case_id).tasks
    twice.services.approvals.decide(twice.people["reviewer"], task.task_id, Verdict.APPROVE)
    (open_task,) = (t for t in twice.case(case_id).tasks if t.status is TaskStatus.OPEN)
    assert open_task.position == "outsider"
    with pytest.raises(SameHands):
        twice.services.approvals.decide(
            twice.people["reviewer"], open_task.task_id, Verdict.APPROVE
        )


@pytest.mark.parametrize("twice", [("last", "")], indirect=True)
def test_whoever_alone_holds_the_earlier_step_is_asked_at_the_last_where_policy_says_so(
    twice: Desk,
) -> None:
    with twice.services.records.begin() as session:
        Persons(session).record_password("auditor", password_hash_of(PASSWORD))
    case_id = twice.submit(5_000_000)
    (task,) = [t for t in twice.case(case_id).tasks if t.status is TaskStatus.OPEN]
    assert (task.position, task.person_id) == ("outsider", "reviewer")
    with pytest.raises(NotYourTask):
        twice.services.approvals.decide(twice.people["outsider"], task.task_id, Verdict.APPROVE)
    shown = assemble(twice.services, public_url="http://test")
    page = signed_in(shown, "auditor").get(f"/cases/{case_id}").text
    assert "passed over: reviewer is asked once, at a later step" in page
    assert "A step is passed over" in page

    twice.services.approvals.decide(twice.people["reviewer"], task.task_id, Verdict.APPROVE)
    view = twice.case(case_id)
    assert view.approvals[0].outcome is ApprovalOutcome.APPROVED
    first = next(t for t in view.approvals[0].tasks if t.step_index == 0 and not t.void)
    assert (first.decided_by, first.carried_from) == ("reviewer", task.task_id)
    assert [each.person_id for each in view.decisions].count("reviewer") == 1
    with twice.services.records.begin() as session:
        kinds = [each["kind"] for each in CaseEvents(session).list_all(case_id)]
    assert (kinds.count("step_passed_over"), kinds.count("word_counted")) == (1, 1)


@pytest.mark.parametrize("twice", [("first", "")], indirect=True)
def test_a_word_that_has_counted_is_not_taken_back(twice: Desk) -> None:
    case_id = twice.submit(5_000_000)
    (task,) = twice.case(case_id).tasks
    reviewer = twice.people["reviewer"]
    twice.services.approvals.decide(reviewer, task.task_id, Verdict.APPROVE)
    page = twice.services.approvals.read_task(reviewer, task.task_id)
    assert ActKind.TAKE_BACK not in page.may
