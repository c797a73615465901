"""Whoever stands at several steps is asked once, and the route gets all that it demands."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.approval import (
    OPINIONS,
    Act,
    ActKind,
    Approval,
    ApprovalOutcome,
    RouteStep,
    StepMode,
    Task,
    TaskStatus,
    Verdict,
)
from domain.edition import SamePerson
from domain.errors import SameHands
from policies.same_person import asked_once
from tests.domain.test_approval import NOW, a_step, an_approval
from tests.domain.test_approval_acts import demanded, moved, moves, standing, steps

A, D = Verdict.APPROVE, Verdict.DECLINE
LAST, FIRST = SamePerson.LAST, SamePerson.FIRST
Holders = Mapping[str, frozenset[str]]


def plain(*positions: str, **more: Any) -> RouteStep:
    mode = StepMode.ONE if len(positions) == 1 else StepMode.ALL
    return a_step(mode, *positions).model_copy(update=more)


def holding(**people: str) -> Holders:
    return {position: frozenset(names.split()) for position, names in people.items()}


def asked(approval: Approval, task: Task, holders: Holders) -> list[str]:
    """Who could decide a task, as the register would have it."""
    recused = {each.person_id for each in approval.recused}
    silent = {*approval.deciders, *approval.helpers, *approval.request.barred, *recused}
    found = [
        each
        for position in task.may_be_decided_by
        for each in sorted(holders.get(position, ()))
        if each not in silent and not approval.keeps(each)
    ]
    if task.person_id is not None:
        return [task.person_id] if task.person_id not in silent else []
    return list(dict.fromkeys(found))


def spared(approval: Approval, holders: Holders, same: SamePerson) -> Approval:
    """What the activity does whenever a step opens."""
    for _ in range(100):
        now = approval
        recused = {each.person_id for each in now.recused}

        def holds(person: str, task: Task, out: frozenset[str] = frozenset(recused)) -> bool:
            return person in holders.get(task.position, ()) and person not in out

        def people(task: Task, now: Approval = now) -> list[str]:
            return asked(now, task, holders)

        once = None
        if now.outcome is ApprovalOutcome.OPEN:
            once = asked_once(now, same, holds, people)
        if once is None:
            return now
        approval = once.applied(now, NOW)
    raise AssertionError("the steps never come to an end")


def opened(route: list[RouteStep], holders: Holders, same: SamePerson = LAST) -> Approval:
    return spared(an_approval(*route), holders, same)


def says(
    approval: Approval, person: str, word: Verdict, holders: Holders, same: SamePerson = LAST
) -> Approval:
    (task,) = approval.open_tasks
    return spared(approval.decided(task.task_id, person, word, NOW, note="why"), holders, same)


def open_position(approval: Approval) -> str:
    (task,) = approval.open_tasks
    return task.position


# ── by hand ──────────────────────────────────────────────────────────────────────────────────────


def test_who_stands_at_two_steps_is_asked_at_the_last() -> None:
    holders = holding(branch="x", risk="y", region="x")
    approval = opened([plain("branch"), plain("risk"), plain("region")], holders)

    assert open_position(approval) == "risk"
    approval = says(approval, "y", A, holders)
    assert open_position(approval) == "region"
    approval = says(approval, "x", A, holders)

    assert approval.outcome is ApprovalOutcome.APPROVED
    words = {task.step_index: task.decided_by for task in approval.tasks if task.word}
    assert words == {0: "x", 1: "y", 2: "x"}


def test_their_refusal_at_the_last_step_ends_it() -> None:
    holders = holding(branch="x", region="x")
    approval = opened([plain("branch"), plain("region")], holders)
    assert says(approval, "x", D, holders).outcome is ApprovalOutcome.DECLINED


@pytest.mark.parametrize("independent", [0, 1])
def test_an_independent_step_needs_somebody_else(independent: int) -> None:
    holders = holding(branch="x", region="x y")
    route = [plain("branch"), plain("region")]
    route[independent] = route[independent].model_copy(update={"independent": True})
    approval = opened(route, holders)

    assert open_position(approval) == "branch"
    approval = says(approval, "x", A, holders)
    assert open_position(approval) == "region"
    with pytest.raises(SameHands):
        says(approval, "x", A, holders)
    assert says(approval, "y", A, holders).outcome is ApprovalOutcome.APPROVED


def test_whoever_is_kept_for_the_last_step_does_not_speak_where_a_word_counts_once() -> None:
    holders = holding(branch="x", review="x z", region="x")
    route = [plain("branch"), plain("review", independent=True), plain("region")]
    approval = opened(route, holders)

    assert open_position(approval) == "review"
    assert asked(approval, approval.open_tasks[0], holders) == ["z"]
    with pytest.raises(SameHands):
        says(approval, "x", A, holders)
    approval = says(approval, "z", A, holders)
    assert says(approval, "x", A, holders).outcome is ApprovalOutcome.APPROVED


def test_a_step_that_others_could_settle_is_asked_of_them_too() -> None:
    holders = holding(branch="x z", region="x")
    route = [plain("branch"), plain("region")]
    approval = opened(route, holders)

    assert open_position(approval) == "branch"
    assert open_position(says(approval, "z", A, holders)) == "region"
    assert says(approval, "x", A, holders).outcome is ApprovalOutcome.APPROVED


def test_what_somebody_else_settled_at_the_last_step_is_asked_at_the_end() -> None:
    holders = holding(branch="x", region="x", higher="u")
    route = [plain("branch"), plain("region", escalate_to="higher")]
    approval = opened(route, holders).escalated()

    approval = says(approval, "u", A, holders)
    assert (approval.outcome, open_position(approval)) == (ApprovalOutcome.OPEN, "branch")
    assert says(approval, "x", A, holders).outcome is ApprovalOutcome.APPROVED


def test_a_word_taken_back_leaves_what_was_passed_over_to_be_asked() -> None:
    holders = holding(branch="x", region="x", higher="u")
    route = [plain("branch"), plain("region", escalate_to="higher")]
    approval = opened(route, holders).escalated()
    (task,) = approval.open_tasks
    approval = says(approval, "u", A, holders)
    back = Act(action=ActKind.TAKE_BACK, task_id=task.task_id, person_id="u", at=NOW, note="-")
    approval = spared(approval.acted(back), holders, LAST)

    assert open_position(approval) == "region"
    approval = says(approval, "x", A, holders)
    assert approval.outcome is ApprovalOutcome.APPROVED
    assert {task.step_index for task in approval.tasks if task.word} == {0, 1}


# ── whatever anybody does ────────────────────────────────────────────────────────────────────────

NAMES = ["a", "b", "c", "d"]
REGISTERS = st.fixed_dictionaries(
    {f"p{n}": st.frozensets(st.sampled_from(NAMES), min_size=1) for n in range(1, 5)}
    | {"president": st.just(frozenset("d")), "higher": st.just(frozenset("e"))}
)


@st.composite
def routes(draw: st.DrawFn) -> list[RouteStep]:
    """Mostly steps of one position, of which people stand at several."""
    route = []
    for _ in range(draw(st.integers(1, 4))):
        if draw(st.integers(0, 3)):
            position = draw(st.sampled_from(["p1", "p2", "p3", "p4"]))
            step = a_step(StepMode.ONE, position, escalate_to="higher")
        else:
            step = draw(steps())
        route.append(step.model_copy(update={"independent": draw(st.booleans())}))
    return route


def words(approval: Approval) -> Iterator[Task]:
    return (task for task in approval.tasks if task.word is not None)


def refuse_too_few(approval: Approval, holders: Holders) -> None:
    """Fails where the route was approved by less, or by fewer people, than it demands."""
    for index, step in enumerate(approval.request.steps):
        assert demanded(step, list(standing(approval, index))), step
    spoken: dict[str, list[Task]] = {}
    for task in words(approval):
        assert task.decided_by is not None
        spoken.setdefault(task.decided_by, []).append(task)
    for person, said in spoken.items():
        if len(said) == 1:
            continue
        assert len({task.carried_from or task.task_id for task in said}) == 1
        assert {task.word for task in said} == {A}
        for task in said:
            step = approval.request.steps[task.step_index]
            assert not step.independent
            assert step.mode is not StepMode.OPINION
            counted = task.carried_from is not None
            assert not counted or person in holders[task.position]
        assert len({task.step_index for task in said}) == len(said)


@settings(max_examples=5_000, deadline=None)
@given(
    route=routes(),
    holders=REGISTERS,
    same=st.sampled_from(SamePerson),
    said=st.lists(moves(), max_size=25),
)
def test_nothing_is_approved_that_the_route_does_not_whoever_is_asked_once(
    route: list[RouteStep],
    holders: Holders,
    same: SamePerson,
    said: list[tuple[str, dict[str, Any]]],
) -> None:
    approval = opened(route, holders, same)
    for kind, drawn in said:
        held = {**drawn, "person": NAMES[drawn["place"] % 4]}
        before, approval = approval, spared(moved(approval, kind, held), holders, same)
        assert bool(approval.open_tasks) is (approval.outcome is ApprovalOutcome.OPEN)
        if kind == "silence":
            assert approval.outcome is before.outcome
    assert len({task.task_id for task in approval.tasks}) == len(approval.tasks)
    if approval.outcome is ApprovalOutcome.APPROVED:
        refuse_too_few(approval, holders)


def answered(
    route: list[RouteStep], holders: Holders, same: SamePerson, prefers: list[str]
) -> Approval:
    """Whoever is preferred of those who are asked says yes, as long as anybody is asked."""
    approval = opened(route, holders, same)
    while approval.outcome is ApprovalOutcome.OPEN:
        able = [
            (prefers.index(each), task.task_id, each)
            for task in approval.open_tasks
            for each in asked(approval, task, holders)
        ]
        if not able:
            break
        _, task_id, person = min(able)
        task = approval.task(task_id)
        assert task is not None
        step = approval.request.steps[task.step_index]
        word = OPINIONS[0] if step.mode is StepMode.OPINION else A
        approval = spared(approval.decided(task_id, person, word, NOW), holders, same)
    return approval


@settings(max_examples=5_000, deadline=None)
@given(route=routes(), holders=REGISTERS, prefers=st.permutations([*NAMES, "e"]))
def test_what_can_be_settled_by_asking_at_the_first_step_can_be_at_the_last(
    route: list[RouteStep], holders: Holders, prefers: list[str]
) -> None:
    at_first = answered(route, holders, FIRST, prefers)
    assume(at_first.outcome is ApprovalOutcome.APPROVED)

    at_last = answered(route, holders, LAST, prefers)

    assert at_last.outcome is ApprovalOutcome.APPROVED, at_last
    refuse_too_few(at_last, holders)
    assert {*at_last.deciders} == {*at_first.deciders}
    assert not any(task.status is TaskStatus.OPEN for task in at_last.tasks)
