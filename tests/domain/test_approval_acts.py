"""Every way people decide together, and none that they should not."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.approval import (
    Act,
    ActKind,
    Approval,
    ApprovalOutcome,
    Placement,
    Resume,
    RouteStep,
    StepMode,
    Task,
    TaskStatus,
    Verdict,
)
from domain.errors import (
    ActIllegal,
    AlreadyDecided,
    CreditError,
    NoteMissing,
    NotYourTask,
    OpinionAwaited,
    OutOfOrder,
    OwnCase,
    RecusedOneself,
    SameHands,
    TargetIllegal,
    UrgedAlready,
    WordIllegal,
)
from tests.domain.test_approval import NOW, a_step, an_approval, open_ids

A, D, R, F = Verdict.APPROVE, Verdict.DECLINE, Verdict.RETURN, Verdict.DEFER
MEMBERS = ("m1", "m2", "m3", "m4", "m5")


def a_mode(mode: StepMode, *positions: str, **more: Any) -> RouteStep:
    plain = a_step(StepMode.ANY, *positions).model_dump()
    return RouteStep.model_validate(plain | {"mode": mode} | more)


def a_committee(**more: Any) -> RouteStep:
    share = Decimal(2) / 3
    held = {"share": share.quantize(Decimal("0.000001")), "quorum": 3, "chair": "m1"} | more
    return a_mode(StepMode.COMMITTEE, *MEMBERS, **held)


def voted(approval: Approval, *words: Verdict | None) -> Approval:
    """The seats in their order say these words, each by somebody of their own."""
    tasks = approval.open_tasks
    for task, word in zip(tasks, words, strict=False):
        if word is not None and approval.outcome is ApprovalOutcome.OPEN:
            approval = approval.decided(task.task_id, f"of-{task.task_id}", word, NOW, note="why")
    return approval


def an_act(action: ActKind, task_id: str, person: str, **more: Any) -> Act:
    note = "because"
    return Act(action=action, task_id=task_id, person_id=person, at=NOW, **({"note": note} | more))


def status_of(approval: Approval, task_id: str) -> TaskStatus:
    task = approval.task(task_id)
    assert task is not None
    return task.status


# ── how words combine ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        ((A,), ApprovalOutcome.OPEN),
        ((A, A), ApprovalOutcome.APPROVED),  # two of three: the third can change nothing
        ((A, D), ApprovalOutcome.OPEN),
        ((D, D), ApprovalOutcome.DECLINED),
        ((A, D, A), ApprovalOutcome.APPROVED),
    ],
)
def test_so_many_of_those_asked_must_approve(
    words: tuple[Verdict, ...], outcome: ApprovalOutcome
) -> None:
    approval = an_approval(a_mode(StepMode.SOME, "p1", "p2", "p3", needed=2))

    assert voted(approval, *words).outcome is outcome


@pytest.mark.parametrize(
    ("approving", "declining", "outcome"),
    [
        (7, 0, ApprovalOutcome.APPROVED),  # exactly seven tenths
        (6, 3, ApprovalOutcome.OPEN),  # the last one decides it
        (6, 4, ApprovalOutcome.DECLINED),
        (0, 4, ApprovalOutcome.DECLINED),  # six that are left cannot be seven
        (6, 0, ApprovalOutcome.OPEN),
    ],
)
def test_a_share_of_those_asked_ends_the_step_when_no_word_can_change_it(
    approving: int, declining: int, outcome: ApprovalOutcome
) -> None:
    seats = tuple(f"p{n}" for n in range(10))
    approval = an_approval(a_mode(StepMode.RATIO, *seats, share=Decimal("0.7")))

    assert voted(approval, *[A] * approving, *[D] * declining).outcome is outcome


def test_weights_count_and_not_heads() -> None:
    step = a_mode(StepMode.RATIO, "p1", "p2", "p3", share=Decimal("0.6"), weights=(3, 1, 1))

    assert voted(an_approval(step), A).outcome is ApprovalOutcome.APPROVED
    assert voted(an_approval(step), None, A, A).outcome is ApprovalOutcome.OPEN


def test_who_is_asked_in_turn_waits_for_it() -> None:
    approval = an_approval(a_mode(StepMode.TURN, "p1", "p2", "p3"))
    first, second, third = (task.task_id for task in approval.tasks)

    with pytest.raises(OutOfOrder, match="turn"):
        approval.decided(second, "two", A, NOW)
    after = approval.decided(first, "one", A, NOW)
    assert open_ids(after) == [second]
    assert status_of(after, third) is TaskStatus.WAITING
    done = after.decided(second, "two", A, NOW).decided(third, "three", A, NOW)
    assert done.outcome is ApprovalOutcome.APPROVED


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        ((A, A, A), ApprovalOutcome.OPEN),  # two against would leave three of five
        ((A, A, A, A), ApprovalOutcome.APPROVED),
        ((D, D), ApprovalOutcome.OPEN),  # no quorum has met
        ((D, A, A), ApprovalOutcome.OPEN),
        ((D, D, A), ApprovalOutcome.DECLINED),  # neither passed nor put off by the two left
        ((D, D, D), ApprovalOutcome.DECLINED),
        ((A, A, A, D, D), ApprovalOutcome.DECLINED),
    ],
)
def test_a_committee_passes_by_its_share_of_the_votes_and_never_short_of_its_quorum(
    words: tuple[Verdict, ...], outcome: ApprovalOutcome
) -> None:
    assert voted(an_approval(a_committee()), *words).outcome is outcome


def test_the_chair_closes_a_vote_that_has_its_quorum_and_the_silent_are_absent() -> None:
    approval = an_approval(a_committee())
    chair = approval.tasks[0].task_id
    with pytest.raises(ActIllegal, match="quorum"):
        voted(approval, A, A).acted(an_act(ActKind.CLOSE_VOTE, chair, f"of-{chair}"))
    three = voted(approval, A, A, A)
    member = three.tasks[1]
    with pytest.raises(ActIllegal, match="chair"):
        three.acted(an_act(ActKind.CLOSE_VOTE, member.task_id, member.decided_by or ""))

    closed = three.acted(an_act(ActKind.CLOSE_VOTE, chair, f"of-{chair}"))

    assert closed.outcome is ApprovalOutcome.APPROVED
    assert [task.skipped for task in closed.tasks] == ["", "", "", "absent", "absent"]


def test_a_deferral_decides_nothing_and_the_committee_votes_anew() -> None:
    put_off = voted(an_approval(a_committee()), F, F, F)

    assert put_off.outcome is ApprovalOutcome.OPEN
    assert put_off.round == 2
    assert put_off.deciders == ()
    assert len(put_off.open_tasks) == len(MEMBERS)
    assert voted(put_off, A, A, A, A).outcome is ApprovalOutcome.APPROVED


def test_the_final_authority_may_veto_what_passed_and_is_never_asked_what_did_not() -> None:
    approval = an_approval(a_committee(final="president"))
    passed = voted(approval, A, A, A, A)
    (asked,) = passed.open_tasks

    assert asked.position == "president"
    for word, outcome in ((A, ApprovalOutcome.APPROVED), (D, ApprovalOutcome.DECLINED)):
        assert passed.decided(asked.task_id, "president", word, NOW).outcome is outcome
    for word in (R, F, Verdict.SUPPORT):
        with pytest.raises(WordIllegal):
            passed.decided(asked.task_id, "president", word, NOW)
    refused = voted(approval, D, D, D)
    assert refused.outcome is ApprovalOutcome.DECLINED
    assert all(task.position != "president" for task in refused.tasks)


def test_an_opinion_is_no_vote_and_an_approval_against_one_gives_its_reason() -> None:
    review = a_mode(StepMode.OPINION, "reviewer")
    approval = an_approval(review, a_step(StepMode.ONE, "branch_head"))
    (opinion,) = open_ids(approval)
    for word in (A, D, F):
        with pytest.raises(WordIllegal):
            approval.decided(opinion, "reviewer", word, NOW)

    against = approval.decided(opinion, "reviewer", Verdict.OBJECT, NOW)
    (task,) = open_ids(against)

    assert against.objected
    with pytest.raises(NoteMissing):
        against.decided(task, "head", A, NOW)
    with pytest.raises(SameHands):
        against.decided(task, "reviewer", A, NOW, note="I know better")
    assert against.decided(task, "head", A, NOW, note="cover").outcome is ApprovalOutcome.APPROVED
    in_favour = approval.decided(opinion, "reviewer", Verdict.SUPPORT, NOW)
    assert in_favour.decided(task, "head", A, NOW).outcome is ApprovalOutcome.APPROVED


def test_a_final_authority_of_whom_everybody_is_recused_is_waited_for() -> None:
    approval = voted(an_approval(a_committee(final="president")), A, A, A, A)
    (final,) = approval.open_tasks

    assert approval.skipping({final.task_id: "recused:e-1"}) == approval


def test_a_step_that_recusals_would_leave_short_keeps_its_seats() -> None:
    committee = an_approval(a_committee())
    ids = open_ids(committee)

    assert len(committee.skipping(dict.fromkeys(ids[:2], "recused:e")).open_tasks) == 3
    assert committee.skipping(dict.fromkeys(ids[:3], "recused:e")) == committee


# ── acts ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_task_that_is_transferred_is_the_receivers_alone_and_shows_its_hands() -> None:
    approval = an_approval()
    (task_id,) = open_ids(approval)

    moved = approval.acted(an_act(ActKind.TRANSFER, task_id, "one", to="two"))
    with pytest.raises(NotYourTask):
        moved.decided(task_id, "one", A, NOW)
    again = moved.acted(an_act(ActKind.TRANSFER, task_id, "two", to="three"))
    with pytest.raises(ActIllegal, match="hands"):
        again.acted(an_act(ActKind.TRANSFER, task_id, "three", to="one"))
    with pytest.raises(OwnCase):
        again.acted(an_act(ActKind.TRANSFER, task_id, "three", to="manager"))

    task = again.task(task_id)
    assert task is not None
    assert [(hand.given_by, hand.given_to) for hand in task.hands] == [
        ("one", "two"),
        ("two", "three"),
    ]
    assert again.decided(task_id, "three", A, NOW).outcome is ApprovalOutcome.APPROVED


def test_an_opinion_that_was_asked_for_is_waited_for_and_decides_nothing() -> None:
    approval = an_approval()
    (task_id,) = open_ids(approval)
    asked = approval.acted(an_act(ActKind.ASK_OPINION, task_id, "one", to="expert"))

    with pytest.raises(OpinionAwaited):
        asked.decided(task_id, "one", A, NOW)
    with pytest.raises(NotYourTask):
        asked.decided(task_id, "expert", A, NOW)
    with pytest.raises(NotYourTask):
        asked.acted(an_act(ActKind.GIVE_OPINION, task_id, "somebody"))
    given = asked.acted(an_act(ActKind.GIVE_OPINION, task_id, "expert"))
    assert given.outcome is ApprovalOutcome.OPEN
    assert given.decided(task_id, "one", A, NOW).outcome is ApprovalOutcome.APPROVED
    withdrawn = asked.acted(an_act(ActKind.TAKE_BACK, task_id, "one"))
    assert withdrawn.decided(task_id, "one", A, NOW).outcome is ApprovalOutcome.APPROVED


@pytest.mark.parametrize("placement", Placement)
@pytest.mark.parametrize("mode", [StepMode.ANY, StepMode.ALL])
def test_an_added_signer_must_approve_on_top_of_what_the_step_demands(
    placement: Placement, mode: StepMode
) -> None:
    approval = an_approval(a_step(mode, "p1", "p2"))
    first, second = open_ids(approval)
    added = approval.acted(
        an_act(ActKind.ADD_SIGNER, first, "one", to="signer", placement=placement)
    )
    signer = added.tasks[-1].task_id
    awaited = {
        Placement.BEFORE: (TaskStatus.WAITING, TaskStatus.OPEN),
        Placement.BESIDE: (TaskStatus.OPEN, TaskStatus.OPEN),
        Placement.AFTER: (TaskStatus.OPEN, TaskStatus.WAITING),
    }
    assert (status_of(added, first), status_of(added, signer)) == awaited[placement]

    if mode is StepMode.ANY:  # enough for the step, not for what was added
        other = added.decided(second, "two", A, NOW)
        assert other.outcome is ApprovalOutcome.OPEN
        assert open_ids(other) == [signer]
        assert other.decided(signer, "signer", A, NOW).outcome is ApprovalOutcome.APPROVED
        assert other.decided(signer, "signer", D, NOW).outcome is ApprovalOutcome.DECLINED
    order = [signer, first] if placement is Placement.BEFORE else [first, signer]
    people = {signer: "signer", first: "one", second: "two"}
    done = added
    for task_id in [*order, second]:
        if done.outcome is ApprovalOutcome.OPEN:
            done = done.decided(task_id, people[task_id], A, NOW)
    assert done.outcome is ApprovalOutcome.APPROVED


def test_nobody_adds_who_applied_and_only_the_adder_removes_before_the_signer_acts() -> None:
    approval = an_approval(a_step(StepMode.ALL, "p1", "p2"))
    first, second = open_ids(approval)
    before = {"to": "signer", "placement": Placement.BEFORE}
    with pytest.raises(OwnCase):
        approval.acted(an_act(ActKind.ADD_SIGNER, first, "one", **before | {"to": "manager"}))
    added = approval.acted(an_act(ActKind.ADD_SIGNER, first, "one", **before))
    signer = added.tasks[-1].task_id

    with pytest.raises(ActIllegal, match="added"):
        added.acted(an_act(ActKind.REMOVE_SIGNER, second, "one"))
    with pytest.raises(NotYourTask):
        added.acted(an_act(ActKind.REMOVE_SIGNER, signer, "two"))
    removed = added.acted(an_act(ActKind.REMOVE_SIGNER, signer, "one"))
    assert status_of(removed, first) is TaskStatus.OPEN
    acted = added.decided(signer, "signer", A, NOW)
    with pytest.raises(ActIllegal, match="acted"):
        acted.acted(an_act(ActKind.REMOVE_SIGNER, signer, "one"))


def test_ones_own_last_word_is_taken_back_while_nothing_has_followed_it() -> None:
    approval = an_approval(a_step(StepMode.ANY, "p1", "p2"), a_step(StepMode.ONE, "head"))
    first, _ = open_ids(approval)
    spoken = approval.decided(first, "one", A, NOW)
    (head,) = open_ids(spoken)

    with pytest.raises(NotYourTask):
        spoken.acted(an_act(ActKind.TAKE_BACK, first, "two"))
    back = spoken.acted(an_act(ActKind.TAKE_BACK, first, "one"))
    assert back.step_index == 0
    assert len(back.open_tasks) == 2
    assert back.deciders == ()
    again = back.decided(open_ids(back)[0], "one", A, NOW)
    assert again.step_index == 1
    done = again.decided(open_ids(again)[0], "head", A, NOW)
    assert done.outcome is ApprovalOutcome.APPROVED
    copied = spoken.acted(an_act(ActKind.COPY, head, "one", to="auditor"))
    assert copied.acted(an_act(ActKind.TAKE_BACK, first, "one")).step_index == 0
    moved = spoken.acted(an_act(ActKind.TRANSFER, head, "head", to="deputy"))
    with pytest.raises(ActIllegal, match="followed"):
        moved.acted(an_act(ActKind.TAKE_BACK, first, "one"))


def test_a_vote_taken_back_leaves_the_others_where_they_are() -> None:
    approval = an_approval(a_committee(final="president"))
    passed = voted(approval, D, A, A, A, A)
    last = approval.tasks[4].task_id
    back = passed.acted(an_act(ActKind.TAKE_BACK, last, f"of-{last}"))

    assert [task.seat for task in back.open_tasks] == [5]
    assert len(back.deciders) == 4
    passed = back.decided(open_ids(back)[0], f"of-{last}", A, NOW)
    assert [task.position for task in passed.open_tasks] == ["president"]


@pytest.mark.parametrize("resume", Resume)
def test_an_earlier_step_is_asked_again_alone_or_with_all_that_follow(resume: Resume) -> None:
    approval = an_approval(
        a_step(StepMode.ONE, "p1"), a_step(StepMode.ONE, "p2"), a_step(StepMode.ALL, "p3", "p4")
    )
    at_three = approval
    for person in ("one", "two"):
        at_three = at_three.decided(open_ids(at_three)[0], person, A, NOW)
    third, fourth = open_ids(at_three)
    with pytest.raises(TargetIllegal):
        at_three.decided(third, "three", R, NOW, note="why", to_step=2)
    halfway = at_three.decided(fourth, "four", A, NOW)

    back = halfway.decided(third, "three", R, NOW, note="why", to_step=0, resume=resume)
    assert back.step_index == 0
    assert back.deciders == (("two", "four") if resume is Resume.TO_ME else ())
    seen = []
    while back.outcome is ApprovalOutcome.OPEN:
        task = back.open_tasks[0]
        seen.append(task.position)
        person = {"p1": "one", "p2": "two", "p3": "three", "p4": "four"}[task.position]
        back = back.decided(task.task_id, person, A, NOW)
    assert back.outcome is ApprovalOutcome.APPROVED
    assert seen == (["p1", "p3"] if resume is Resume.TO_ME else ["p1", "p2", "p3", "p4"])


def test_reading_along_and_urging_decide_nothing_and_urging_has_its_time() -> None:
    approval = an_approval()
    (task_id,) = open_ids(approval)

    copied = approval.acted(an_act(ActKind.COPY, task_id, "manager", to="auditor"))
    urged = copied.acted(an_act(ActKind.URGE, task_id, "manager"))
    with pytest.raises(UrgedAlready):
        urged.acted(an_act(ActKind.URGE, task_id, "manager"))
    later = an_act(ActKind.URGE, task_id, "manager").model_copy(
        update={"at": NOW + timedelta(hours=24)}
    )
    assert len(urged.acted(later).urged) == 2
    assert open_ids(urged) == [task_id]


def test_a_conflict_of_interest_declared_takes_one_out_of_the_case() -> None:
    approval = an_approval(a_step(StepMode.ALL, "p1", "p2"))
    first, second = open_ids(approval)
    mine = approval.acted(an_act(ActKind.TRANSFER, first, "one", to="two"))

    out = mine.acted(an_act(ActKind.RECUSE, first, "two"))
    for task_id in (first, second):
        with pytest.raises(RecusedOneself):
            out.decided(task_id, "two", A, NOW)
    assert out.decided(first, "three", A, NOW)  # the position's again
    spoken = approval.decided(first, "one", A, NOW)
    with pytest.raises(ActIllegal):
        spoken.acted(an_act(ActKind.RECUSE, second, "one"))


def test_silence_gives_a_named_persons_task_to_the_higher_position() -> None:
    approval = an_approval(a_step(StepMode.ONE, "p1", escalate_to="p2"))
    (task_id,) = open_ids(approval)
    asked = approval.acted(an_act(ActKind.ASK_OPINION, task_id, "one", to="expert"))

    escalated = asked.escalated()

    assert escalated.decided(task_id, "higher", A, NOW).outcome is ApprovalOutcome.APPROVED


@pytest.mark.parametrize("action", ActKind)
def test_nothing_is_done_to_an_approval_that_has_ended(action: ActKind) -> None:
    approval = an_approval()
    (task_id,) = open_ids(approval)
    ended = approval.decided(task_id, "one", A, NOW)
    act = an_act(action, task_id, "one", to="two", placement=Placement.BESIDE)

    with pytest.raises((AlreadyDecided, ActIllegal)):
        ended.acted(act)


# ── whatever anybody does ────────────────────────────────────────────────────────────────────────

PEOPLE = [f"person{n}" for n in range(1, 9)]
ALL = [*PEOPLE, "manager", "investigator"]
SHARES = st.sampled_from([Decimal("0.5"), Decimal("0.666667"), Decimal("0.7"), Decimal(1)])


@st.composite
def steps(draw: st.DrawFn) -> RouteStep:
    mode = draw(st.sampled_from(StepMode))
    count = 1 if mode is StepMode.ONE else draw(st.integers(1, 4))
    seats = tuple(f"p{n}" for n in range(1, count + 1))
    more: dict[str, Any] = {}
    match mode:
        case StepMode.SOME:
            more = {"needed": draw(st.integers(1, count))}
        case StepMode.RATIO | StepMode.COMMITTEE:
            more = {"share": draw(SHARES)}
            more["weights"] = tuple(draw(st.integers(1, 3)) for _ in seats)
    if mode is StepMode.COMMITTEE:
        more["quorum"] = draw(st.integers(1, count))
        more["chair"] = draw(st.sampled_from([None, "p1"]))
        more["final"] = draw(st.sampled_from([None, "president"]))
    return a_mode(mode, *seats, escalate_to="higher", **more)


@st.composite
def moves(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    kind = draw(st.sampled_from(["word"] * 12 + ["act"] * 5 + ["silence"]))
    drawn = {
        "place": draw(st.integers(0, 40)),
        "person": draw(st.sampled_from(ALL)),
    }
    if kind == "word":
        likely = [A] * 6 + [Verdict.SUPPORT] * 2
        drawn["verdict"] = draw(st.sampled_from([*likely, *Verdict]))
        drawn["to_step"] = draw(st.sampled_from([None, 0, 1]))
        drawn["resume"] = draw(st.sampled_from(Resume))
    elif kind == "act":
        drawn["action"] = draw(st.sampled_from(ActKind))
        drawn["to"] = draw(st.sampled_from(ALL))
        drawn["placement"] = draw(st.sampled_from(Placement))
    return kind, drawn


def moved(approval: Approval, kind: str, drawn: dict[str, Any]) -> Approval:
    """The approval after a move, or as it was where the move is refused."""
    # Half of the moves go to tasks that are open, so that some get somewhere.
    tasks = approval.open_tasks if drawn["place"] % 2 and approval.open_tasks else approval.tasks
    task = tasks[drawn["place"] % len(tasks)]
    try:
        if kind == "silence":
            return approval.escalated()
        if kind == "word":
            returned = drawn["verdict"] is R
            return approval.decided(
                task.task_id,
                drawn["person"],
                drawn["verdict"],
                NOW,
                note="why",
                to_step=drawn["to_step"] if returned else None,
                resume=drawn["resume"],
            )
        more = {name: drawn[name] for name in ("to", "placement")}
        return approval.acted(an_act(drawn["action"], task.task_id, drawn["person"], **more))
    except CreditError:
        return approval


def standing(approval: Approval, index: int) -> Iterator[Task]:
    return (
        task
        for task in approval.tasks
        if task.step_index == index and task.verdict is not None and not task.void
    )


def demanded(step: RouteStep, said: list[Task]) -> bool:
    """Whether these words are what the step demands, counted by hand."""
    own = {task.seat: task for task in said if 0 < task.seat <= len(step.positions)}
    yes = {seat for seat, task in own.items() if task.verdict is A}
    no = {seat for seat, task in own.items() if task.verdict is D}
    every = set(range(1, len(step.positions) + 1))
    match step.mode:
        case StepMode.ONE | StepMode.ALL | StepMode.TURN:
            return yes == every
        case StepMode.ANY:
            return bool(yes) and not no
        case StepMode.SOME:
            return len(yes) >= step.needed
        case StepMode.RATIO:
            whole = sum(step.weight(seat - 1) for seat in every)
            return sum(step.weight(seat - 1) for seat in yes) >= step.share * whole
        case StepMode.OPINION:
            return set(own) == every
        case StepMode.COMMITTEE:
            cast = sum(step.weight(seat - 1) for seat in own)
            final = [task for task in said if task.seat == len(step.positions) + 1]
            blessed = step.final is None or any(task.verdict is A for task in final)
            enough = sum(step.weight(seat - 1) for seat in yes) >= step.share * cast
            return len(own) >= step.quorum and enough and blessed


@settings(max_examples=10_000, deadline=None)
@given(route=st.lists(steps(), min_size=1, max_size=3), said=st.lists(moves(), max_size=25))
def test_whatever_anybody_does_nothing_is_approved_that_the_route_does_not(
    route: list[RouteStep], said: list[tuple[str, dict[str, Any]]]
) -> None:
    plain = an_approval(*route)
    request = plain.request.model_copy(update={"investigators": ("investigator",)})
    approval = Approval.opened(request)
    for kind, drawn in said:
        before, approval = approval, moved(approval, kind, drawn)
        # Never stuck: an open approval always asks somebody, one that has ended nobody.
        assert bool(approval.open_tasks) is (approval.outcome is ApprovalOutcome.OPEN)
        # What was said stays said: no word is ever lost, only marked as void.
        for task in before.tasks:
            now = approval.task(task.task_id)
            assert now is not None
            assert task.verdict is None or (now.verdict, now.decided_by) == (
                task.verdict,
                task.decided_by,
            )
        if kind == "silence":
            assert approval.outcome is before.outcome
    assert len({task.task_id for task in approval.tasks}) == len(approval.tasks)
    words = [task for task in approval.tasks if task.verdict is not None and not task.void]
    people = [task.decided_by for task in words]
    assert len(set(people)) == len(people)
    assert not set(people) & {"manager", "investigator"}
    if approval.outcome is not ApprovalOutcome.APPROVED:
        return
    for index, step in enumerate(route):
        here = list(standing(approval, index))
        assert demanded(step, here), (step, here)
        added = [task for task in approval.tasks if task.step_index == index and task.added_by]
        newest = {task.seat: task for task in added}
        assert all(task.skipped or task.verdict is A for task in newest.values())


def test_a_word_taken_over_at_a_later_step_is_not_asked_again_nor_waited_for() -> None:
    before = an_approval(*(a_step(StepMode.ONE, f"p{n}") for n in range(3)))
    for person in ("one", "two"):
        before = before.decided(open_ids(before)[0], person, A, NOW)
    [second] = [task for task in before.tasks if task.decided_by == "two"]
    approval = Approval.opened(before.request, [second])

    approval = approval.decided(open_ids(approval)[0], "other", A, NOW)
    assert [task.step_index for task in approval.open_tasks] == [2]
    assert approval.decided(open_ids(approval)[0], "three", A, NOW).deciders == (
        "two",
        "other",
        "three",
    )


def test_a_return_from_a_step_that_was_asked_again_asks_all_from_there() -> None:
    approval = an_approval(*(a_step(StepMode.ONE, f"p{n}") for n in range(4)))
    for person in ("one", "two", "three"):
        approval = approval.decided(open_ids(approval)[0], person, A, NOW)
    (last,) = open_ids(approval)
    approval = approval.decided(last, "four", R, NOW, note="why", to_step=1, resume=Resume.TO_ME)
    (again,) = open_ids(approval)
    approval = approval.decided(again, "two", R, NOW, note="why", to_step=0)

    for person in ("one", "two", "three", "four"):
        assert len(open_ids(approval)) == 1
        approval = approval.decided(open_ids(approval)[0], person, A, NOW)
    assert approval.outcome is ApprovalOutcome.APPROVED


@settings(max_examples=300)
@given(
    step=steps(),
    words=st.lists(st.sampled_from([A, D, Verdict.SUPPORT]), min_size=4, max_size=4),
    order=st.permutations(range(4)),
)
def test_the_same_votes_end_a_step_the_same_way_in_any_order(
    step: RouteStep, words: list[Verdict], order: list[int]
) -> None:
    if step.mode in (StepMode.TURN, StepMode.ANY):
        return  # where the first word counts, or the order is asked for, it is meant to matter

    def ended(places: list[int]) -> ApprovalOutcome:
        approval = an_approval(step)
        tasks = approval.tasks
        for place in places:
            if place < len(tasks):
                word = words[place]
                opinion = step.mode is StepMode.OPINION
                word = Verdict.SUPPORT if opinion else A if word is Verdict.SUPPORT else word
                approval = said_on(approval, tasks[place], PEOPLE[place], word)
        return approval.outcome

    assert ended(list(range(4))) is ended(list(order))


def said_on(approval: Approval, task: Task, person: str, word: Verdict) -> Approval:
    try:
        return approval.decided(task.task_id, person, word, NOW)
    except CreditError:
        return approval
