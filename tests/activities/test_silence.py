"""What silence does to an approval: each level once, however often it is asked, and never a yes."""

import ast
import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from activities.approval import ApprovalActivities
from domain.application import CaseStatus
from domain.approval import (
    Approval,
    ApprovalOutcome,
    ApprovalProgress,
    Silence,
    SilenceAct,
    StepDue,
    StepMode,
    TaskStatus,
    Verdict,
)
from domain.errors import NoAuthority
from domain.notification import Channel
from policies.edition import check
from storage.approval import Approvals, Tasks
from storage.identity import Persons
from storage.notification import Outbox
from tests.domain.test_approval import a_step, an_approval
from tests.investigators import Desk, at_desk
from tests.makers_policy import a_changed_edition

ROOT = Path(__file__).parents[2]
LEVELS = """
[approval.tiers.branch]
levels = [
    { hours = 12, act = "remind" },
    { hours = 12, act = "tell" },
    { hours = 24, act = "escalate", to = "head_credit" },
    { hours = 30, act = "remind" },
    { hours = 40, act = "reassign", to = "head_risk" },
]
"""


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    with at_desk(database_url, tmp_path, LEVELS) as there:
        yield there


@pytest.fixture
def case_id(desk: Desk) -> str:
    """A case before the branch head, whose step has every level."""
    return desk.submit(9_000_000)


def progress_of(desk: Desk, case_id: str) -> ApprovalProgress:
    with desk.services.records.begin() as session:
        found = Approvals(session).find_progress(f"{case_id}.1")
    assert found is not None
    return found


def all_due(progress: ApprovalProgress) -> list[StepDue]:
    """Everything silence is still to do, in its order."""
    assert progress.remind_at is not None
    assert progress.escalate_at is not None
    assert progress.lapse_at is not None
    first = [
        (progress.remind_at, Silence.REMIND, None),
        (progress.escalate_at, Silence.ESCALATE, None),
    ]
    levels = [(each.at, each.silence, each.level) for each in progress.levels]
    ordered = sorted([*first, *levels], key=lambda each: each[0])
    return [
        StepDue(approval_id=progress.approval_id, step_index=0, silence=silence, level=level, at=at)
        for at, silence, level in [*ordered, (progress.lapse_at, Silence.LAPSE, None)]
    ]


def told(desk: Desk, case_id: str) -> list[tuple[str, str]]:
    """Who was told what about the open task, in order."""
    with desk.services.records.begin() as session:
        entries = Outbox(session).find_page(channel=Channel.MAIL, case_id=case_id, page_size=500)
    mails = [(e.entry_no, str(e.kind), e.recipient.removeprefix("person:")) for e in entries]
    return [(kind, who) for _, kind, who in sorted(mails) if kind.startswith("task_")]


def kinds(desk: Desk, case_id: str) -> list[str]:
    timeline = desk.services.applications.timeline(desk.people["auditor"], case_id)
    return [each.kind for each in timeline if each.kind.startswith("silence_")]


def test_the_levels_are_due_at_their_working_hours_beside_the_first_ones(
    desk: Desk, case_id: str
) -> None:
    dues = all_due(progress_of(desk, case_id))

    assert [(due.silence, due.level) for due in dues] == [
        ("remind", None), ("remind", 1), ("tell", 2), ("escalate", None), ("escalate", 3),
        ("remind", 4), ("reassign", 5), ("lapse", None),
    ]  # fmt: skip
    assert [due.at for due in dues] == sorted(due.at for due in dues)


def test_each_level_happens_once_however_often_it_is_asked_for(desk: Desk, case_id: str) -> None:
    steps = ApprovalActivities(desk.services.records)
    dues = all_due(progress_of(desk, case_id))
    for due in dues:
        first = steps.act_on_silence(due)
        # As when the worker dies after the commit and the step is tried again, early or late.
        assert steps.act_on_silence(due) == first
        for past in dues[: dues.index(due) + 1]:
            assert steps.act_on_silence(past) == first

    assert kinds(desk, case_id) == [f"silence_{due.silence}" for due in dues]
    told_of = [kind for kind, _ in told(desk, case_id)]
    counts = {kind: told_of.count(kind) for kind in told_of}
    # The last reminder goes to the two who may decide by then, and so does each escalation.
    assert counts == {
        "task_opened": 1,
        "task_reminder": 1 + 1 + 2,
        "task_unanswered": 1,
        "task_escalated": 2 + 2,
        "task_reassigned": 1,
    }
    assert desk.case(case_id).case.status is CaseStatus.LAPSED


def test_who_is_told_and_who_may_decide_at_each_level(desk: Desk, case_id: str) -> None:
    steps = ApprovalActivities(desk.services.records)
    branch_head, region_head, _, head_risk = (desk.people[f"approver{n}"] for n in range(1, 5))
    dues = all_due(progress_of(desk, case_id))
    for due in dues[:3]:
        steps.act_on_silence(due)
    assert told(desk, case_id)[-1] == ("task_unanswered", region_head.person_id)
    task = desk.case(case_id).tasks[0]
    assert (task.position, task.escalated_to) == ("branch_head", None)
    with pytest.raises(NoAuthority):
        desk.decide(region_head, case_id, Verdict.APPROVE)

    for due in dues[3:6]:
        steps.act_on_silence(due)
    task = desk.case(case_id).tasks[0]
    assert (task.position, task.escalated_to) == ("branch_head", "head_credit")

    after = steps.act_on_silence(dues[6])
    task = desk.case(case_id).tasks[0]
    assert (task.position, task.escalated_to) == ("head_risk", None)
    assert after.waiting_for == ("head_risk",)
    assert told(desk, case_id)[-1] == ("task_reassigned", head_risk.person_id)
    with desk.services.records.begin() as session:
        assert [t.task_id for t in Tasks(session).list_page(positions=["head_risk"])] == [
            task.task_id
        ]
        assert Tasks(session).list_page(positions=["branch_head"]) == []
    with pytest.raises(NoAuthority):
        desk.decide(branch_head, case_id, Verdict.APPROVE)
    desk.decide(head_risk, case_id, Verdict.APPROVE)
    decision = desk.case(case_id).decisions[0]
    assert (decision.position, decision.person_id) == ("head_risk", head_risk.person_id)


def test_a_word_ends_every_level_that_was_to_come(desk: Desk, case_id: str) -> None:
    dues = all_due(progress_of(desk, case_id))
    desk.decide(desk.people["approver1"], case_id, Verdict.APPROVE)
    steps = ApprovalActivities(desk.services.records)

    for due in dues:
        steps.act_on_silence(due)

    assert kinds(desk, case_id) == []
    assert desk.case(case_id).case.status is not CaseStatus.LAPSED


@pytest.mark.parametrize("mode", StepMode)
def test_no_sequence_of_silences_approves(mode: StepMode) -> None:
    """Exhaustively: every order of every act, up to five of them, then the lapse."""
    route = (a_step(mode, "p1", "p2", escalate_to="p3"), a_step(StepMode.ONE, "p4"))
    for length in range(6):
        for acts in itertools.product(SilenceAct, repeat=length):
            approval = an_approval(*route)
            for act in acts:
                approval = silent(approval, act)
                assert approval.outcome is ApprovalOutcome.OPEN
                assert approval.step_index == 0
                assert len(approval.open_tasks) == (1 if mode is StepMode.TURN else 2)
            assert not approval.deciders
            lapsed = approval.stopped(ApprovalOutcome.LAPSED)
            assert lapsed.outcome is ApprovalOutcome.LAPSED
            assert {task.status for task in lapsed.tasks} == {TaskStatus.CLOSED}


def silent(approval: Approval, act: SilenceAct) -> Approval:
    match act:
        case SilenceAct.ESCALATE:
            return approval.escalated()
        case SilenceAct.REASSIGN:
            return approval.reassigned("p5")
        case _:
            return approval


APPROVING = {"_decide", "_conclude", "_letter", "issue_letter", "conclude_case", "decided"}


def reached(source: str, begin: str) -> set[str]:
    """Every name that is called from a function of the module, through its own functions."""
    functions = {
        node.name: node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)
    }
    seen: set[str] = set()
    todo = [begin]
    while todo:
        function = functions.get(todo.pop())
        for node in ast.walk(function) if function else ():
            if isinstance(node, ast.Call):
                called = node.func
                name = (
                    called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
                )
                if name not in seen:
                    seen.add(name)
                    todo.append(name)
    return seen


def test_no_way_leads_from_silence_to_an_approval_by_construction() -> None:
    source = (ROOT / "activities/approval.py").read_text("utf-8")

    from_silence = reached(source, "act_on_silence")
    assert {"_after_silence", "_stopped", "reassigned"} <= from_silence
    assert from_silence & APPROVING == set()
    # The same look finds the way where there is one.
    assert APPROVING - {"conclude_case"} <= reached(source, "record_decision")
    planted = source.replace("approval = approval.escalated(to)", "_conclude(approval)")
    assert reached(planted, "act_on_silence") & APPROVING


@pytest.mark.parametrize(
    ("row", "where", "code"),
    [
        ('{ hours = 56, act = "remind" }', "0.hours", "order"),
        ('{ hours = 20, act = "remind", to = "head_risk" }', "0.to", "unread"),
        ('{ hours = 20, act = "reassign" }', "0.to", "incomplete"),
        ('{ hours = 20, act = "tell" }, { hours = 20, act = "tell" }', "", "repeated"),
    ],
)
def test_levels_that_make_no_sense_are_found(row: str, where: str, code: str) -> None:
    found = check(a_changed_edition(f"[approval.tiers.branch]\nlevels = [{row}]\n"))

    path = "approval.tiers.branch.levels"
    assert [(each.path, each.code) for each in found] == [(f"{path}.{where}".rstrip("."), code)]


def test_a_unit_of_its_own_zone_has_its_own_deadline(database_url: str, tmp_path: Path) -> None:
    rows = '[[approval.hours]]\nunit = "new_york"\nzone = "America/New_York"\n'
    with at_desk(database_url, tmp_path, rows) as desk:
        plain = progress_of(desk, desk.submit(9_000_000))
        with desk.services.records.begin() as session:
            manager = desk.people["manager"].model_copy(update={"branch": "new_york"})
            Persons(session).change_person(manager)
        assert plain.escalate_at is not None
        desk.services.applications.withdraw(manager, plain.approval_id.removesuffix(".1"))
        moved = progress_of(desk, desk.submit(8_000_000))
    assert moved.escalate_at is not None

    def hour(at: datetime, zone: str) -> int:
        return at.astimezone(ZoneInfo(zone)).hour

    assert 9 <= hour(plain.escalate_at - timedelta(seconds=1), "Asia/Shanghai") < 18
    assert 9 <= hour(moved.escalate_at - timedelta(seconds=1), "America/New_York") < 18
    assert abs(moved.escalate_at - plain.escalate_at) > timedelta(hours=3)
