"""Who is asked on a task, and told of it, as acts and carried words change who that is."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.approval import ActKind, ApprovalOutcome, Placement, TaskStatus, Verdict
from domain.notification import Channel
from storage.approval import Approvals
from storage.notification import Outbox
from tests.investigators import Desk, at_desk

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)  # a Tuesday, at noon in Shanghai
LATER = NOON + timedelta(minutes=5)


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    with at_desk(database_url, tmp_path) as there:
        yield there


def told(desk: Desk, case_id: str, person: str) -> list[str]:
    """By which keys somebody was told of a task of the case."""
    who = desk.people[person].person_id
    with desk.services.records.begin() as session:
        entries = Outbox(session).find_page(channel=Channel.MAIL, case_id=case_id, page_size=500)
    return [e.key for e in entries if e.recipient == f"person:{who}" and e.kind == "task_opened"]


@pytest.mark.parametrize("placement", [Placement.BEFORE, Placement.BESIDE, Placement.AFTER])
def test_a_signer_is_added_and_speaks_in_working_hours(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, placement: Placement
) -> None:
    moment = [NOON]
    monkeypatch.setattr(desk.office, "_now", lambda: moment[0])
    case_id = desk.submit(9_000_000)
    [task] = desk.case(case_id).tasks
    moment[0] = LATER
    owner, signer = desk.people["approver1"], desk.people["approver2"]
    act, book = desk.services.approvals.act, desk.services.approvals
    act(owner, task.task_id, ActKind.ADD_SIGNER, to=signer.person_id, placement=placement, note="x")

    speakers = [signer, owner] if placement is Placement.BEFORE else [owner, signer]
    for minutes, person in enumerate(speakers, start=6):
        moment[0] = NOON + timedelta(minutes=minutes)
        mine = [
            each for each in desk.case(case_id).tasks
            if each.status is TaskStatus.OPEN
            and (each.person_id == person.person_id or (person is owner and each.person_id is None))
        ]  # fmt: skip
        book.decide(person, mine[0].task_id, Verdict.APPROVE, note="sound")

    with desk.services.records.begin() as session:
        approval = Approvals(session).find(f"{case_id}.1")
    assert approval is not None
    assert approval.outcome is ApprovalOutcome.APPROVED
    assert len(told(desk, case_id, "approver2")) == 1
    # Who waits for a signer before them is told once more when it is their turn again.
    assert len(told(desk, case_id, "approver1")) == (2 if placement is Placement.BEFORE else 1)
