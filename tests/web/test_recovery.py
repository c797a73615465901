"""A case that lapsed in its approvers' silence goes on: once a lapse, by others, by every door."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from activities.application import ApplicationActivities
from activities.hands import makers_of
from creditflow.commands.output import Exit
from domain.application import Application, CaseStart, CaseStatus
from domain.approval import ApprovalOutcome, Silence, StepDue, TaskStatus, Verdict
from domain.calendar import ZONE
from domain.edition import PolicyEdition
from domain.errors import OutOfOrder, OwnCase, RecoveryClosed, SameHands
from domain.identity import Role
from domain.money import Money
from domain.screening import ListEffect, ListEntry
from storage.application import Assessments
from storage.customer import Customers
from storage.notification import Outbox
from storage.screening import Lists
from tests import servers
from tests.makers_policy import a_changed_edition
from tests.web.book import Book
from tests.web.conftest import serving
from tests.web.keys import keyed_book, publish
from tests.web.test_console import hidden, signed_in
from tests.web.test_offers import asked, client, types
from web.app import assemble
from web.service.application import CaseView

STEPS = """
[approval.automatic]
sampling_share = 0
[investigation]
rows = []
checklists = []
[[approval.rows]]
code = "two"
grades = ["AAA", "AA", "A", "BBB", "BB", "B", "CCC", "CC", "C"]
steps = [
    { tier = "branch", mode = "one", positions = ["branch_head"] },
    { tier = "region", mode = "one", positions = ["region_head"] },
]
"""
WHY = "Both approvers were at the yearly training; the customer still waits."


@pytest.fixture(scope="module")
def book(
    postgres_server: servers.Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Book]:
    with keyed_book(
        postgres_server, tmp_path_factory, ("manager", "approver1", "auditor", "risk"), recovering()
    ) as there:
        yield there


@pytest.fixture(scope="module")
def app(book: Book) -> FastAPI:
    return assemble(book.services, public_url="http://test")


@pytest.fixture(scope="module")
def url(app: FastAPI) -> Iterator[str]:
    with serving(app) as address:
        yield address


def recovering(days: int = 30) -> PolicyEdition:
    return a_changed_edition(f"{STEPS}[approval.recovery]\ndays_max = {days}\n")


def nobody_answers(book: Book, case_id: str, n: int = 1) -> None:
    """The step escalates, and then the case lapses."""
    approvals = book.services.applications.read_case(book.people["auditor"], case_id).approvals
    for silence in (Silence.ESCALATE, Silence.LAPSE):
        due = StepDue(
            approval_id=f"{case_id}.{n}",
            step_index=approvals[-1].step_index,
            silence=silence,
            at=datetime.now(UTC),
        )
        book.office.silent(due)


def lapsed(book: Book, number: str) -> str:
    """A case of two steps: the first was approved, nobody answered in the second."""
    case_id, task_id = asked(book, number)
    book.services.approvals.decide(book.people["approver1"], task_id, Verdict.APPROVE)
    nobody_answers(book, case_id)
    assert case_of(book, case_id).case.status is CaseStatus.LAPSED
    return case_id


def case_of(book: Book, case_id: str) -> CaseView:
    return book.services.applications.read_case(book.people["auditor"], case_id)


def recover(book: Book, case_id: str, person: str = "risk", key: str = "k") -> None:
    book.services.applications.recover(book.people[person], case_id, WHY, key)
    book.office.deliver()


def test_a_lapse_is_recovered_once_and_everybody_is_asked_afresh(book: Book, url: str) -> None:
    case_id = lapsed(book, "7501")
    command = ("recover", case_id, "--reason", WHY, "--key")
    for person_id in ("manager", "approver1"):
        assert types(url, person_id, *command, "x")[1]["code"] == "not_permitted"

    done, taken = types(url, "risk", *command, "r-1")
    assert (done, taken["pending"]) == (Exit.PENDING, True)
    assert types(url, "risk", *command, "r-1")[1] == taken | {"existing": True}
    assert types(url, "risk", *command, "r-2")[1]["code"] == "already_recovered"
    book.office.deliver()

    with client(url, "auditor") as seen:
        view = seen.fetch_case(case_id)
    assert view.case.status == "in_approval"
    assert [each.reason for each in view.recoveries] == [WHY]
    before, anew = case_of(book, case_id).approvals
    assert before.outcome is ApprovalOutcome.LAPSED
    assert [(each.step_index, each.status, each.decided_by) for each in anew.tasks] == [
        (0, TaskStatus.OPEN, None)
    ]
    assert "risk" in anew.request.makers
    assert types(url, "risk", *command, "r-3")[1]["code"] == "out_of_order"
    other = ("recover", case_id, "--reason", "Something else", "--key", "r-1")
    assert types(url, "risk", *other)[1]["code"] == "key_reused"

    for name in ("approver1", "approver2"):
        [task] = [each for each in case_of(book, case_id).tasks if each.status is TaskStatus.OPEN]
        book.services.approvals.decide(book.people[name], task.task_id, Verdict.APPROVE)
    letter = case_of(book, case_id).letter
    assert letter is not None
    assert letter.approved
    assert letter.decided_by == ("approver1", "approver2")


def test_the_same_message_asked_by_the_client_is_the_same_recovery(book: Book, url: str) -> None:
    case_id = lapsed(book, "7502")
    with client(url, "risk") as typed:
        first = typed.recover(case_id, WHY, key="c-1")
        book.office.deliver()
        again = typed.recover(case_id, WHY, key="c-1")
    assert not first.existing
    assert (again.existing, again.pending, again.status) == (True, False, "in_approval")
    assert len(case_of(book, case_id).approvals) == 2


def test_a_case_that_lapses_again_is_recovered_again(book: Book) -> None:
    case_id = lapsed(book, "7503")
    recover(book, case_id, key="one")
    nobody_answers(book, case_id, 2)
    assert case_of(book, case_id).case.status is CaseStatus.LAPSED

    recover(book, case_id, "risk2", key="two")

    view = case_of(book, case_id)
    assert view.case.status is CaseStatus.IN_APPROVAL
    assert [each.recovered_by for each in view.recoveries] == ["risk", "risk2"]
    with book.services.records.begin() as session:
        judged = Assessments(session).read(case_id)
        assert {"manager", "risk", "risk2"} <= {*makers_of(session, view.case, judged)}
    assert {"risk", "risk2"} <= set(view.approvals[-1].request.makers)
    with book.services.records.begin() as session:
        owed = [each.kind for each in Outbox(session).list_of_case(case_id)]
    assert (owed.count("lapsed"), owed.count("recovered")) == (2, 2)


def test_the_start_delivered_twice_opens_the_case_once(book: Book) -> None:
    case_id = lapsed(book, "7504")
    recover(book, case_id)
    nobody_answers(book, case_id, 2)

    book.office.begin(case_id)

    view = case_of(book, case_id)
    assert view.case.status is CaseStatus.LAPSED
    assert len(view.approvals) == 2


def test_a_run_whose_step_comes_twice_at_once_opens_the_case_once(book: Book) -> None:
    case_id = lapsed(book, "7514")
    book.services.applications.recover(book.people["risk"], case_id, WHY, "twice")
    steps, start = ApplicationActivities(book.services.records), CaseStart(case_id=case_id)
    lock = text("SELECT FROM application WHERE case_id = :case_id FOR UPDATE")

    with ThreadPoolExecutor(2) as threads:
        with book.services.records.begin() as session:
            session.execute(lock, {"case_id": case_id})
            twins = [threads.submit(steps.receive_application, start) for _ in range(2)]
            servers.until_waiting(session, 2)
        first, second = (twin.result(30) for twin in twins)

    assert first == second
    assert first.status is CaseStatus.RECEIVED
    timeline = book.services.applications.timeline(book.people["auditor"], case_id)
    assert [(each.source, each.kind) for each in timeline].count(("case", "recovered")) == 1
    book.office.deliver()
    assert case_of(book, case_id).case.status is CaseStatus.IN_APPROVAL


def test_whoever_was_asked_and_did_not_answer_does_not_recover_it(book: Book) -> None:
    case_id = lapsed(book, "7505")
    for name in ("approver2", "approver3"):  # the step's own, and whom it escalated to
        officer = book.people[name].model_copy(update={"roles": frozenset({Role.RISK_OFFICER})})
        with pytest.raises(SameHands):
            book.services.applications.recover(officer, case_id, WHY, "k")
    maker = book.people["manager"].model_copy(update={"roles": frozenset({Role.RISK_OFFICER})})
    with pytest.raises(OwnCase):
        book.services.applications.recover(maker, case_id, WHY, "k")
    spoke = book.people["approver1"].model_copy(update={"roles": frozenset({Role.RISK_OFFICER})})
    book.services.applications.recover(spoke, case_id, WHY, "k")


def test_only_a_lapse_of_the_approval_is_recovered(book: Book) -> None:
    case_id, _ = asked(book, "7506")
    with pytest.raises(OutOfOrder, match="only a lapsed one"):
        recover(book, case_id)
    book.services.applications.withdraw(book.people["manager"], case_id)
    with pytest.raises(OutOfOrder, match="only a lapsed one"):
        recover(book, case_id)


def test_late_is_too_late_and_an_edition_may_give_no_days(book: Book) -> None:
    case_id = lapsed(book, "7507")
    publish(book, recovering(0))
    try:
        with pytest.raises(RecoveryClosed):
            recover(book, case_id)
    finally:
        publish(book, recovering(31))
    recover(book, case_id)


def test_nothing_is_recovered_while_another_case_is_open_on_the_limit(book: Book) -> None:
    case_id = lapsed(book, "7508")
    again = Application(customer_id="c-7508", limit_requested=Money.of(4_000_000, "CNY"))
    manager, applications = book.people["manager"], book.services.applications
    other = applications.submit(manager, again, "7508-2").case_id

    with pytest.raises(OutOfOrder, match="another case is open"):
        recover(book, case_id)
    assert case_of(book, case_id).recoveries == ()
    applications.withdraw(manager, other)
    recover(book, case_id)
    found = applications.submit(manager, again, "7508-3")
    assert (found.case_id, found.existing) == (case_id, True)


@pytest.mark.parametrize(
    ("number", "effect", "status"),
    [
        ("7509", ListEffect.SUSPEND, CaseStatus.SUSPENDED),
        ("7510", ListEffect.STOP, CaseStatus.REFUSED),
    ],
)
def test_a_customer_listed_since_is_found(
    book: Book, number: str, effect: ListEffect, status: CaseStatus
) -> None:
    case_id = lapsed(book, number)
    on = book.services.clock.business_on()
    with book.services.records.begin() as session:
        customer = Customers(session).read(f"c-{number}")
        entry = ListEntry(
            list_code="internal_negative",
            list_version=f"since-{number}",
            identifier=customer.identifiers[0],
            effect=effect,
            rule="negative_press",
            reason="found after the lapse",
        )
        Lists(session).add(entry, imported_on=on, source="risk", recorded_by="risk")

    recover(book, case_id)

    view = case_of(book, case_id)
    assert (view.case.status, len(view.approvals)) == (status, 1)


def test_the_page_recovers_it_and_the_timeline_says_so_in_both_languages(
    book: Book, app: FastAPI
) -> None:
    case_id = lapsed(book, "7511")
    officer = signed_in(app, "risk")
    assert "/recover" not in signed_in(app, "manager").get(f"/cases/{case_id}").text
    form = hidden(officer.get(f"/cases/{case_id}"), f"/cases/{case_id}/recover")

    without = officer.post(f"/cases/{case_id}/recover", data=form | {"reason": " "})
    answer = officer.post(f"/cases/{case_id}/recover", data=form | {"reason": WHY})
    book.office.deliver()

    assert (without.status_code, answer.status_code) == (422, 303)
    english = officer.get(f"/cases/{case_id}").text
    assert WHY in english
    assert "Recovered: everybody is asked anew" in english
    assert f'action="/cases/{case_id}/recover"' not in english
    chinese = signed_in(app, "risk", "zh-CN").get(f"/cases/{case_id}").text
    assert "已恢复，重新提交各环节审批" in chinese
    assert "失效恢复" in chinese
    assert "审批逾期未决" in chinese
    rail = chinese.split('id="timeline"', 1)[1]
    assert "· 系统" in rail
    assert "person:" not in rail
    waits = signed_in(app, "risk").get(f"/cases/{case_id}/timeline").text
    [task] = [t for t in case_of(book, case_id).tasks if t.status is TaskStatus.OPEN]
    due = task.due_at.astimezone(ZoneInfo(ZONE))
    assert f"due {due:%Y-%m-%d %H:%M}." in waits


def test_the_record_is_never_changed_and_the_database_holds_who(book: Book) -> None:
    recover(book, lapsed(book, "7512"))
    other = lapsed(book, "7513")
    copied = "INSERT INTO recovery SELECT {}, case_id, message_id || 'x', reason, silent, {}, now() FROM recovery LIMIT 1"
    for change, why in (
        ("DELETE FROM recovery", "only ever added to"),
        ("UPDATE recovery SET reason = 'other'", "only ever added to"),
        (copied.format("approval_id", "recovered_by"), "pk_recovery"),
        (copied.format(f"'{other}.1'", "silent ->> 0"), "ck_recovery_silent"),
    ):
        with pytest.raises(DatabaseError, match=why), book.services.records.begin() as session:
            session.execute(text(change))
