"""A case that two investigate: held until both have signed, judged on what they signed, and theirs
no more to decide on."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from activities.application import ApplicationActivities, silence_until
from domain.application import ApplicationChange, CaseStatus, CaseStep
from domain.approval import AuthorityGrant, Verdict
from domain.errors import (
    OutOfOrder,
    OwnInvestigation,
    ReassignmentUnexplained,
    SameHands,
    SignedTwice,
    StaleContent,
)
from domain.identity import Person, Role
from domain.investigation import (
    INVESTIGATION_REPORT,
    Answer,
    AssignmentContent,
    Conclusion,
    Signature,
)
from domain.money import Money
from domain.notification import Channel
from policies.assessment import replay
from storage.application import Applications
from storage.approval import AuthorityGrants
from storage.edition import Editions
from storage.identity import Persons
from storage.investigation import Investigations
from storage.notification import Outbox
from tests.investigators import Desk, a_proposal, at_desk


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    with at_desk(database_url, tmp_path) as there:
        yield there


def step(desk: Desk, case_id: str, days: int = 0) -> CaseStep:
    return CaseStep(case_id=case_id, at=desk.services.clock.now(), offset_days=days)


def steps(desk: Desk) -> ApplicationActivities:
    return ApplicationActivities(desk.services.records)


def signals(desk: Desk, case_id: str) -> list[str]:
    """What the case's workflow is owed of its investigation."""
    with desk.services.records.begin() as session:
        owed = Outbox(session).find_page(channel=Channel.TEMPORAL, case_id=case_id)
    return [each.facts["name"] for each in owed]


def kinds(desk: Desk, case_id: str) -> list[str]:
    timeline = desk.services.applications.timeline(desk.people["auditor"], case_id)
    return [event.kind for event in timeline if event.source == "case"]


def other_answer(desk: Desk, case_id: str) -> None:
    answer = Answer(item="management", finding="Changed hands last year.")
    desk.services.investigations.answer(desk.people["manager"], case_id, answer)


# ── the wait ─────────────────────────────────────────────────────────────────────────────────────


def test_a_large_case_lacks_the_report_and_a_smaller_one_nothing(desk: Desk) -> None:
    large = desk.case(desk.submit()).case
    assert (large.status, large.missing) == (CaseStatus.INCOMPLETE, (INVESTIGATION_REPORT,))

    desk.services.applications.withdraw(desk.people["manager"], large.case_id)
    assert desk.case(desk.submit(20_000_000)).case.status is CaseStatus.IN_APPROVAL


def test_it_is_held_at_completeness_and_not_before_the_approvers(desk: Desk) -> None:
    case_id = desk.submit()

    assessed = steps(desk).assess_application(step(desk, case_id))

    assert (assessed.status, assessed.missing) == (CaseStatus.INCOMPLETE, (INVESTIGATION_REPORT,))
    assert desk.case(case_id).assessment is None
    assert desk.case(case_id).tasks == ()


def test_a_paper_of_that_name_is_not_the_report(desk: Desk) -> None:
    case_id, manager = desk.submit(), desk.people["manager"]
    paper = desk.services.attachments.record(manager, b"we went there", "report.txt").sha256
    change = ApplicationChange(attachments={INVESTIGATION_REPORT: paper})

    acted = desk.services.applications.supplement(manager, case_id, change)

    assert acted.missing == (INVESTIGATION_REPORT,)


def test_the_investigators_have_time_of_their_own(desk: Desk) -> None:
    """The applicant's silence is not what a case that only lacks the report lapses of."""
    with desk.services.records.begin() as session:
        edition = Editions(session).find_current(desk.services.clock.business_on())
    assert edition is not None
    now = desk.services.clock.now()

    def until(*missing: str) -> Any:
        return silence_until(CaseStatus.INCOMPLETE, edition, now, 0, missing)

    assert until(INVESTIGATION_REPORT) > until("purpose")
    assert until("purpose", INVESTIGATION_REPORT) == until("purpose")


# ── the names ────────────────────────────────────────────────────────────────────────────────────


def test_one_name_moves_nothing_and_the_second_moves_the_case(desk: Desk) -> None:
    case_id = desk.submit()
    report = desk.prepare(case_id)

    desk.sign(case_id, report, "manager")
    assert signals(desk, case_id) == []
    assert steps(desk).take_report(step(desk, case_id)).missing == (INVESTIGATION_REPORT,)
    desk.sign(case_id, report, "manager2")
    assert signals(desk, case_id) == ["investigated"]
    first = steps(desk).take_report(step(desk, case_id))
    again = steps(desk).take_report(step(desk, case_id))

    assert (first.status, first.missing) == (CaseStatus.RECEIVED, ())
    assert again == first
    assert kinds(desk, case_id).count("investigated") == 1


def test_a_judgement_rests_on_what_was_signed(desk: Desk) -> None:
    case_id = desk.submit()
    limit = Money.of(11_000_000, "CNY")
    conditional = {
        "conclusion": Conclusion.RECOMMEND_WITH_CONDITIONS,
        "conditions": ("A pledge of the stock.",),
    }
    view = desk.investigate(case_id, a_proposal(limit, **conditional))

    assert view.case.status is CaseStatus.IN_APPROVAL
    receipt = view.assessment
    assert receipt is not None
    signed = receipt.dossier.investigation
    assert signed is not None
    assert (signed.lead, signed.second) == ("manager", "manager2")
    assert (signed.scheme.limit, signed.conditions) == (limit, ("A pledge of the stock.",))
    assert receipt.limit_recommended == limit
    assert "investigation_conditions" in receipt.route.reasons
    with desk.services.records.begin() as session:
        edition = Editions(session).read(receipt.edition_hash)
        report = Investigations(session).find_report(case_id, signed.report_hash)
    assert report is not None
    assert report.report_hash == signed.report_hash
    assert replay(receipt, edition) == []


def test_a_change_after_the_first_name_voids_it(desk: Desk) -> None:
    case_id = desk.submit()
    report = desk.prepare(case_id)
    desk.sign(case_id, report, "manager")
    other_answer(desk, case_id)

    with pytest.raises(StaleContent):
        desk.sign(case_id, report, "manager2")
    assert "investigation_voided" in kinds(desk, case_id)
    after = desk.services.investigations.read(desk.people["manager"], case_id)
    assert [each.binds for each in after.signatures] == [False]
    assert after.report_hash is not None
    desk.sign(case_id, after.report_hash, "manager2")
    assert signals(desk, case_id) == []
    desk.sign(case_id, after.report_hash, "manager")
    assert signals(desk, case_id) == ["investigated"]


def test_the_same_finding_again_changes_nothing(desk: Desk) -> None:
    case_id = desk.submit()
    desk.sign(case_id, desk.prepare(case_id), "manager")
    before = kinds(desk, case_id)

    again = desk.prepare(case_id)

    assert kinds(desk, case_id) == before
    desk.sign(case_id, again, "manager2")
    assert signals(desk, case_id) == ["investigated"]


def test_one_person_does_not_sign_twice(desk: Desk) -> None:
    case_id = desk.submit()
    report = desk.prepare(case_id)
    desk.sign(case_id, report, "manager")

    with pytest.raises(SignedTwice):
        desk.sign(case_id, report, "manager")


def test_a_change_of_hands_is_explained_and_voids(desk: Desk) -> None:
    case_id = desk.submit()
    desk.sign(case_id, desk.prepare(case_id), "manager2")
    book, risk = desk.services.investigations, desk.people["risk"]

    with pytest.raises(ReassignmentUnexplained):
        book.assign(risk, case_id, AssignmentContent(lead="manager2", second="manager"))
    changed = AssignmentContent(lead="manager2", second="manager", reason="The lead is ill.")
    after = book.assign(risk, case_id, changed)

    assert [each.reason for each in after.assignments] == ["", "The lead is ill."]
    assert [each.binds for each in after.signatures] == [False]


def test_a_report_that_became_too_old_holds_the_case_again(desk: Desk) -> None:
    case_id = desk.submit()
    desk.sign(case_id, desk.prepare(case_id), "manager", "manager2")

    late = steps(desk).assess_application(step(desk, case_id, days=91))
    in_time = steps(desk).assess_application(step(desk, case_id, days=90))

    assert (late.status, late.missing) == (CaseStatus.INCOMPLETE, (INVESTIGATION_REPORT,))
    assert in_time.status is CaseStatus.ASSESSED


# ── round again ──────────────────────────────────────────────────────────────────────────────────


def test_what_was_judged_is_investigated_no_more(desk: Desk) -> None:
    case_id = desk.submit()
    desk.investigate(case_id)

    with pytest.raises(OutOfOrder):
        other_answer(desk, case_id)


def test_another_request_needs_other_names(desk: Desk) -> None:
    case_id, manager = desk.submit(), desk.people["manager"]
    desk.investigate(case_id)
    change = ApplicationChange(limit_requested=Money.of(40_000_000, "CNY"))

    acted = desk.services.applications.amend(manager, case_id, change)

    assert (acted.status, acted.missing) == (CaseStatus.INCOMPLETE, (INVESTIGATION_REPORT,))
    view = desk.services.investigations.read(manager, case_id)
    desk.sign(case_id, view.report_hash or "", "manager", "manager2")
    desk.office.take_report(case_id)
    assert desk.case(case_id).case.status is CaseStatus.IN_APPROVAL


def test_a_case_sent_back_for_its_report_goes_on_with_new_names(desk: Desk) -> None:
    case_id = desk.submit()
    desk.investigate(case_id)
    wanted = {"fields_wanted": (INVESTIGATION_REPORT,)}
    desk.decide(desk.people["approver2"], case_id, Verdict.RETURN, **wanted)
    assert desk.case(case_id).case.status is CaseStatus.RETURNED
    other_answer(desk, case_id)
    assert steps(desk).take_report(step(desk, case_id)).status is CaseStatus.RETURNED

    view = desk.services.investigations.read(desk.people["manager"], case_id)
    desk.sign(case_id, view.report_hash or "", "manager", "manager2")
    desk.office.take_report(case_id)

    assert desk.case(case_id).case.status is CaseStatus.IN_APPROVAL


# ── four functions apart ─────────────────────────────────────────────────────────────────────────


def both_hats(desk: Desk, person_id: str, *more: Role) -> Person:
    """A manager who holds other offices too, and any authority."""
    person = desk.people[person_id]
    wider = person.model_copy(update={"roles": person.roles | set(more)})
    with desk.services.records.begin() as session:
        Persons(session).change_person(wider)
        for position in ("branch_head", "region_head"):
            AuthorityGrants(session).record(
                AuthorityGrant(
                    grant_no=f"SQ-{person_id}-{position}",
                    person_id=person_id,
                    position=position,
                    limit=Money.of(10**9, "CNY"),
                    valid_from=date(2000, 1, 1),
                    valid_until=date(2099, 12, 31),
                    granted_by="board",
                )
            )
    return wider


def test_whoever_investigated_does_not_decide_whatever_their_authority(desk: Desk) -> None:
    second = both_hats(desk, "manager2", Role.APPROVER)
    case_id = desk.submit()
    desk.investigate(case_id)

    with pytest.raises(OwnInvestigation):
        desk.decide(second, case_id, Verdict.APPROVE)
    [task] = desk.case(case_id).tasks
    page = desk.services.approvals.read_task(second, task.task_id)
    assert page.why.refusal == "own_investigation"
    with desk.services.records.begin() as session:
        owed = Outbox(session).list_of_case(case_id)
    assert "person:manager2" not in {e.recipient for e in owed if e.kind == "task_opened"}


def test_whoever_handed_it_over_does_not_decide_either(desk: Desk) -> None:
    first = both_hats(desk, "manager2", Role.APPROVER)
    other = first.model_copy(update={"person_id": "manager3", "roles": {Role.RELATIONSHIP_MANAGER}})
    with desk.services.records.begin() as session:
        Persons(session).record_person(other)
    case_id, book = desk.submit(), desk.services.investigations
    desk.prepare(case_id)
    changed = AssignmentContent(lead="manager", second="manager3", reason="Moved on.")
    report = book.assign(desk.people["manager"], case_id, changed).report_hash or ""
    book.sign(desk.people["manager"], case_id, report)
    book.sign(other, case_id, report)
    desk.office.take_report(case_id)

    with pytest.raises(OwnInvestigation):
        desk.decide(first, case_id, Verdict.APPROVE)


def test_the_database_takes_no_word_of_an_investigator(desk: Desk) -> None:
    case_id = desk.submit()
    desk.investigate(case_id)
    desk.decide(desk.people["approver2"], case_id, Verdict.APPROVE)

    with pytest.raises(DBAPIError, match="ck_decision_maker"), desk.services.records.begin() as s:
        s.execute(
            text(
                "INSERT INTO decision SELECT d.decision_id || 'x', task_id, approval_id, case_id,"
                " 'manager2', makers, grant_no, position, verdict, note, fields_wanted,"
                " limit_minor, currency, content_hash, channel, said_hash, progress, decided_at"
                " FROM decision d WHERE case_id = :case_id"
            ),
            {"case_id": case_id},
        )


def test_whoever_has_decided_does_not_investigate(desk: Desk) -> None:
    case_id = desk.submit()
    desk.investigate(case_id)
    desk.decide(desk.people["approver2"], case_id, Verdict.RETURN, fields_wanted=("purpose",))
    both_hats(desk, "approver2", Role.RELATIONSHIP_MANAGER)
    content = AssignmentContent(lead="approver2", second="manager2", reason="More hands.")

    with pytest.raises(SameHands):
        desk.services.investigations.assign(desk.people["risk"], case_id, content)


def test_whoever_investigated_does_not_release(desk: Desk) -> None:
    second = both_hats(desk, "manager2", Role.RELEASE_OFFICER)
    case_id = desk.submit()
    desk.investigate(case_id)
    desk.decide(desk.people["approver2"], case_id, Verdict.APPROVE)
    with desk.services.records.begin() as session:
        case = Applications(session).read(case_id, for_update=True)
        waiting = case.model_copy(update={"status": CaseStatus.CONDITIONS})
        Applications(session).write(case, waiting)

    with pytest.raises(OwnInvestigation):
        desk.services.lines.verify(second, case_id, "board_resolution", met=True)


# ── what the database holds by itself ────────────────────────────────────────────────────────────


def refused_by_database(desk: Desk, statement: str, **values: Any) -> str:
    with pytest.raises(DBAPIError) as refused, desk.services.records.begin() as session:
        session.execute(text(statement), values)
    return str(refused.value.orig)


def test_lead_and_second_are_two_in_every_row(desk: Desk) -> None:
    assignment = (
        "INSERT INTO investigation_assignment (case_id, version, lead, second, reason, assigned_by)"
        " VALUES ('case', :version, :lead, :second, '', 'risk')"
    )
    same = refused_by_database(desk, assignment, version=1, lead="a", second="a")
    assert "ck_investigation_assignment_two" in same
    unexplained = refused_by_database(desk, assignment, version=2, lead="a", second="b")
    assert "ck_investigation_assignment_reason" in unexplained


def test_only_the_two_can_be_under_a_report(desk: Desk) -> None:
    case_id = desk.submit()
    report_hash = desk.prepare(case_id)
    desk.sign(case_id, report_hash, "manager")
    on = desk.services.clock.business_on()
    third = Signature(
        report_hash=report_hash,
        lead="manager",
        second="manager2",
        person_id="risk",
        signed_on=on,
        signed_at=desk.services.clock.now(),
    )
    with desk.services.records.begin() as session:
        report = Investigations(session).find_report(case_id, report_hash)
    assert report is not None

    with pytest.raises(IntegrityError, match="hand"), desk.services.records.begin() as session:
        Investigations(session).sign(report, third)


@pytest.mark.parametrize(
    "table",
    [
        "investigation_assignment",
        "investigation_finding",
        "investigation_report",
        "investigation_signature",
    ],
)
def test_nothing_of_it_is_changed_or_deleted(desk: Desk, table: str) -> None:
    case_id = desk.submit()
    desk.sign(case_id, desk.prepare(case_id), "manager")

    for statement in (f"UPDATE {table} SET case_id = 'other'", f"DELETE FROM {table}"):
        assert refused_by_database(desk, statement)


def test_every_version_of_a_finding_stays(desk: Desk) -> None:
    case_id = desk.submit()
    desk.prepare(case_id)
    other_answer(desk, case_id)

    with desk.services.records.begin() as session:
        rows = session.execute(
            text(
                "SELECT version, content ->> 'finding' FROM investigation_finding"
                " WHERE case_id = :case_id AND code = 'management' ORDER BY version"
            ),
            {"case_id": case_id},
        ).all()
    assert [tuple(row) for row in rows] == [(1, "As told."), (2, "Changed hands last year.")]
