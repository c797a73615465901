"""What anybody may do to an approval: every action, kind of step, person and state, by trying it.

`python -m tests.domain.approval_matrix` writes docs/approval-matrix.md; a test holds it to what the
machine does.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from domain.approval import (
    Act,
    ActKind,
    Approval,
    ApprovalOutcome,
    ApprovalRequest,
    Placement,
    RouteStep,
    StepMode,
    Verdict,
)
from domain.errors import CreditError
from tests.domain.test_approval import NOW, a_step, an_approval

DOC = Path(__file__).parents[2] / "docs" / "approval-matrix.md"

PEOPLE = {
    "owner": "who holds the seat looked at, and has not spoken",
    "colleague": "who holds another seat of the step, and has not spoken",
    "voter": "who has spoken in this step, where somebody has",
    "earlier": "who has spoken in the step before",
    "helper": "whose opinion the owner asked for",
    "signer": "whom the owner added",
    "manager": "who applied or last edited",
    "investigator": "who investigated the case",
    "recused": "who declared a conflict of interest",
    "reader": "who reads along, and holds nothing",
}
RETURN_TO_STEP = "return to step 1"
ACTIONS = (*(word.value for word in Verdict), RETURN_TO_STEP, *(kind.value for kind in ActKind))


def a_step_of(mode: StepMode) -> RouteStep:
    seats = ("p1",) if mode is StepMode.ONE else ("p1", "p2", "p3")
    more: dict[str, Any] = {}
    match mode:
        case StepMode.SOME:
            more = {"needed": 2}
        case StepMode.RATIO:
            more = {"share": Decimal("0.6")}
        case StepMode.COMMITTEE:
            more = {"share": Decimal("0.6"), "quorum": 2, "chair": "p1", "final": "president"}
    plain = a_step(StepMode.ANY, *seats, escalate_to="higher").model_dump()
    return RouteStep.model_validate(plain | {"mode": mode} | more)


def asked(mode: StepMode) -> Approval:
    """The second step of three is open, the first was decided by `earlier`."""
    route = (a_step(StepMode.ONE, "first"), a_step_of(mode), a_step(StepMode.ONE, "last"))
    plain = an_approval(*route)
    request = ApprovalRequest.model_validate(
        plain.request.model_dump() | {"investigators": ("investigator",)}
    )
    approval = Approval.opened(request)
    first = approval.open_tasks[0].task_id
    out = Act(action=ActKind.RECUSE, task_id=first, person_id="recused", at=NOW, note="kin")
    read = Act(action=ActKind.COPY, task_id=first, person_id="manager", at=NOW, to="reader")
    approval = approval.acted(out).acted(read)
    return approval.decided(first, "earlier", Verdict.APPROVE, NOW)


def seat(approval: Approval, number: int) -> str:
    return next(
        task.task_id
        for task in approval.tasks
        if task.step_index == 1 and task.seat == number and not task.void
    )


def word_of(mode: StepMode) -> Verdict:
    return Verdict.SUPPORT if mode is StepMode.OPINION else Verdict.APPROVE


def voted(mode: StepMode) -> Approval | None:
    """Another seat has its word, and the step is still open."""
    if mode is StepMode.ONE:
        return None
    approval = asked(mode)
    number = 1 if mode is StepMode.TURN else 2
    word = Verdict.DECLINE if mode is StepMode.SOME else word_of(mode)
    after = approval.decided(seat(approval, number), "voter", word, NOW)
    return after if after.step_index == 1 and after.outcome is ApprovalOutcome.OPEN else None


def helped(mode: StepMode) -> Approval:
    approval = asked(mode)
    act = Act(
        action=ActKind.ASK_OPINION, task_id=seat(approval, 1), person_id="owner", at=NOW,
        to="helper", note="why",
    )  # fmt: skip
    return approval.acted(act)


def added(mode: StepMode) -> Approval | None:
    if mode is StepMode.OPINION:
        return None
    approval = asked(mode)
    act = Act(
        action=ActKind.ADD_SIGNER, task_id=seat(approval, 1), person_id="owner", at=NOW,
        to="signer", note="why", placement=Placement.BEFORE,
    )  # fmt: skip
    return approval.acted(act)


def finally_asked(mode: StepMode) -> Approval | None:
    if mode is not StepMode.COMMITTEE:
        return None
    approval = asked(mode)
    for number, person in ((2, "voter"), (3, "another")):
        approval = approval.decided(seat(approval, number), person, Verdict.APPROVE, NOW)
    return approval


def ended(outcome: ApprovalOutcome) -> Callable[[StepMode], Approval]:
    def how(mode: StepMode) -> Approval:
        return asked(mode).model_copy(update={"outcome": outcome})._without_open_tasks()

    return how


STATES: dict[str, Callable[[StepMode], Approval | None]] = {
    "asked": asked,
    "another has spoken": voted,
    "an opinion is awaited": helped,
    "a signer was added before the owner": added,
    "the final authority is asked": finally_asked,
    "approved": ended(ApprovalOutcome.APPROVED),
    "declined": ended(ApprovalOutcome.DECLINED),
    "returned": ended(ApprovalOutcome.RETURNED),
    "lapsed": ended(ApprovalOutcome.LAPSED),
    "withdrawn": ended(ApprovalOutcome.WITHDRAWN),
}


def looked_at(approval: Approval, action: str, person: str, mode: StepMode) -> str:
    """The task that a person would do this on: their own where they have one."""
    own = [task.task_id for task in approval.tasks if task.decided_by == person and not task.void]
    if action == ActKind.TAKE_BACK and own:
        return own[-1]
    signers = [task.task_id for task in approval.tasks if task.added_by]
    if signers and (person == "signer" or action == ActKind.REMOVE_SIGNER):
        return signers[-1]
    final = [task.task_id for task in approval.tasks if task.position == "president"]
    if final and action != ActKind.CLOSE_VOTE:
        return final[-1]
    if person == "colleague" and mode is not StepMode.ONE:
        return seat(approval, 3)
    return seat(approval, 2 if mode is StepMode.TURN and _spoken(approval) else 1)


def _spoken(approval: Approval) -> bool:
    return any(task.decided_by == "voter" for task in approval.tasks)


def tried(approval: Approval, action: str, person: str, mode: StepMode) -> str:
    """What comes of it: the effect, or the code of the refusal."""
    task_id = looked_at(approval, action, person, mode)
    try:
        after = _done(approval, action, person, task_id)
    except CreditError as refused:
        return f"*{refused.code}*"
    return _effect(approval, after)


def _done(approval: Approval, action: str, person: str, task_id: str) -> Approval:
    if action == RETURN_TO_STEP:
        return approval.decided(task_id, person, Verdict.RETURN, NOW, note="why", to_step=0)
    if action in set(Verdict):
        return approval.decided(task_id, person, Verdict(action), NOW, note="why")
    act = Act(
        action=ActKind(action), task_id=task_id, person_id=person, at=NOW, to="somebody",
        placement=Placement.BESIDE, note="why",
    )  # fmt: skip
    return approval.acted(act)


def _effect(before: Approval, after: Approval) -> str:
    if after.outcome is not before.outcome:
        return f"ends: {after.outcome}"
    if after.step_index != before.step_index:
        return "next step" if after.step_index > before.step_index else "step 1 again"
    if after.round != before.round:
        return "asked anew"
    return "done"


def cells() -> Iterator[tuple[str, str, str, StepMode, str]]:
    """State, person, action, kind of step and what comes of it."""
    for state, made in STATES.items():
        for person in PEOPLE:
            for action in ACTIONS:
                for mode in StepMode:
                    approval = made(mode)
                    if approval is not None:
                        yield state, person, action, mode, tried(approval, action, person, mode)


def written() -> str:
    found = {cell[:4]: cell[4] for cell in cells()}
    lines = [_HEAD]
    lines += [f"| `{person}` | {told} |" for person, told in PEOPLE.items()]
    for state in STATES:
        lines += ["", f"## {state.capitalize()}"]
        modes = [mode for mode in StepMode if (state, "owner", "approve", mode) in found]
        for person in PEOPLE:
            lines += ["", f"### {state.capitalize()}: {person}", ""]
            lines.append("| | " + " | ".join(modes) + " |")
            lines.append("| --- |" + " --- |" * len(modes))
            lines += [
                f"| {action} | " + " | ".join(found[state, person, action, m] for m in modes) + " |"
                for action in ACTIONS
            ]
    return "\n".join(lines) + "\n"


_HEAD = """# Who may do what to an approval

Every action on every kind of step, by everybody, in every state, as the machine answers it: the effect, or in
italics the code of the refusal. Written by trying each (`python -m tests.domain.approval_matrix`), and held by
`tests/domain/test_approval_matrix.py`. Authority is asked before all of this: whoever holds no grant for the
task is refused `no_authority` whatever stands here, and a grant lets nobody do what is refused here.

The step looked at is the second of three; the route's first was decided. Steps of `some` need two of three, of
`ratio` six tenths, a `committee` has a quorum of two, a chair (the owner) and a final authority. An act that
names somebody names a person with no part in the case; an added signer is put beside.

| person | is |
| --- | --- |"""


if __name__ == "__main__":
    DOC.write_text(written(), "utf-8")
