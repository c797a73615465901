"""The approval machine: nobody is approved without everybody the route demands, and none is stuck."""

import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.approval import (
    Approval,
    ApprovalOutcome,
    ApprovalRequest,
    AuthorityGrant,
    RouteStep,
    StepMode,
    Subject,
    TaskStatus,
    Verdict,
)
from domain.errors import (
    AlreadyDecided,
    CreditError,
    OutOfOrder,
    OwnCase,
    OwnInvestigation,
    SameHands,
)
from domain.money import Money

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


def a_step(mode: StepMode, *positions: str, escalate_to: str | None = None) -> RouteStep:
    return RouteStep(
        step_id="-".join(positions),
        tier=1,
        mode=mode,
        positions=positions,
        remind_hours=Decimal(4),
        deadline_hours=Decimal(8),
        lapse_hours=Decimal(40),
        escalate_to=escalate_to,
    )


def an_approval(*steps: RouteStep, makers: tuple[str, ...] = ("manager",)) -> Approval:
    return Approval.opened(
        ApprovalRequest(
            subject=Subject.APPLICATION,
            subject_id="a-1",
            case_id="a-1",
            customer_id="c-1",
            makers=makers,
            steps=steps or (a_step(StepMode.ONE, "branch_head"),),
            aggregate=Money.of(100, "CNY"),
            grade="BBB",
            content_hash="h",
            edition_hash="e",
        )
    )


def open_ids(approval: Approval) -> list[str]:
    return [task.task_id for task in approval.open_tasks]


def test_one_approval_settles_a_step_of_one() -> None:
    approval = an_approval()

    after = approval.decided(open_ids(approval)[0], "approver1", Verdict.APPROVE, NOW)

    assert after.outcome is ApprovalOutcome.APPROVED
    assert not after.open_tasks


def test_all_must_approve_where_all_are_asked() -> None:
    approval = an_approval(a_step(StepMode.ALL, "head_credit", "head_risk"))
    first, second = open_ids(approval)

    halfway = approval.decided(second, "approver2", Verdict.APPROVE, NOW)
    assert halfway.outcome is ApprovalOutcome.OPEN
    assert open_ids(halfway) == [first]

    assert (
        halfway.decided(first, "approver3", Verdict.APPROVE, NOW).outcome
        is ApprovalOutcome.APPROVED
    )


def test_the_first_word_settles_a_step_where_any_may_speak_and_the_second_hears_who() -> None:
    approval = an_approval(a_step(StepMode.ANY, "region_head", "deputy_head"))
    first, second = open_ids(approval)

    after = approval.decided(second, "approver2", Verdict.APPROVE, NOW)

    assert after.outcome is ApprovalOutcome.APPROVED
    with pytest.raises(AlreadyDecided, match="approver2"):
        after.decided(first, "approver3", Verdict.APPROVE, NOW)


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [(Verdict.DECLINE, ApprovalOutcome.DECLINED), (Verdict.RETURN, ApprovalOutcome.RETURNED)],
)
@pytest.mark.parametrize("mode", [StepMode.ONE, StepMode.ALL, StepMode.ANY, StepMode.TURN])
def test_a_decline_or_a_return_ends_any_step_at_once(
    mode: StepMode, verdict: Verdict, outcome: ApprovalOutcome
) -> None:
    approval = an_approval(a_step(mode, "branch_head", "region_head"))

    after = approval.decided(open_ids(approval)[0], "approver1", verdict, NOW)

    assert after.outcome is outcome
    assert not after.open_tasks


def test_the_maker_is_refused() -> None:
    approval = an_approval(makers=("manager", "editor"))

    for maker in ("manager", "editor"):
        with pytest.raises(OwnCase):
            approval.decided(open_ids(approval)[0], maker, Verdict.APPROVE, NOW)


def test_whoever_investigated_is_refused_before_their_authority_is_asked() -> None:
    plain = an_approval()
    request = plain.request.model_copy(update={"investigators": ("lead", "second")})
    approval = plain.model_copy(update={"request": request})

    assert request.barred == ("manager", "lead", "second")
    for person in ("lead", "second"):
        with pytest.raises(OwnInvestigation):
            approval.decided(open_ids(approval)[0], person, Verdict.APPROVE, NOW)
    assert approval.decided(open_ids(approval)[0], "approver1", Verdict.APPROVE, NOW)


def test_one_person_cannot_be_two_of_the_route() -> None:
    approval = an_approval(
        a_step(StepMode.ONE, "branch_head"), a_step(StepMode.ALL, "head_credit", "head_risk")
    )
    second_step = approval.decided(open_ids(approval)[0], "approver1", Verdict.APPROVE, NOW)

    with pytest.raises(SameHands):
        second_step.decided(open_ids(second_step)[0], "approver1", Verdict.APPROVE, NOW)


def test_a_task_of_another_approval_is_refused() -> None:
    with pytest.raises(OutOfOrder):
        an_approval().decided("a-2.1.1.1", "approver1", Verdict.APPROVE, NOW)


def test_an_escalated_task_may_also_be_decided_by_the_higher_position() -> None:
    approval = an_approval(a_step(StepMode.ONE, "branch_head", escalate_to="region_head"))

    escalated = approval.escalated()

    assert escalated.open_tasks[0].may_be_decided_by == ("branch_head", "region_head")


def test_silence_ends_an_open_approval_and_never_a_settled_one() -> None:
    approval = an_approval()
    approved = approval.decided(open_ids(approval)[0], "approver1", Verdict.APPROVE, NOW)

    assert approval.stopped(ApprovalOutcome.LAPSED).outcome is ApprovalOutcome.LAPSED
    assert approved.stopped(ApprovalOutcome.LAPSED).outcome is ApprovalOutcome.APPROVED
    for outcome in set(ApprovalOutcome) - {ApprovalOutcome.LAPSED, ApprovalOutcome.WITHDRAWN}:
        with pytest.raises(ValueError, match="from outside"):
            approval.stopped(outcome)


POSITIONS = ("p1", "p2", "p3")
PLAIN = (StepMode.ONE, StepMode.ALL, StepMode.ANY)
ROUTES = st.lists(st.tuples(st.sampled_from(PLAIN), st.integers(1, 3)), min_size=1, max_size=3)
WORDS = st.lists(
    st.tuples(
        st.integers(0, 11),  # which task, of all that may exist
        st.sampled_from([f"approver{n}" for n in range(1, 7)] + ["manager"]),
        st.sampled_from(Verdict),
    ),
    max_size=14,
)


def a_route(shape: list[tuple[StepMode, int]]) -> tuple[RouteStep, ...]:
    return tuple(a_step(mode, *POSITIONS[:count]) for mode, count in shape)


@given(shape=ROUTES, words=WORDS)
def test_approved_means_every_step_has_the_words_its_mode_demands_from_different_people(
    shape: list[tuple[StepMode, int]], words: list[tuple[int, str, Verdict]]
) -> None:
    approval = an_approval(*a_route(shape))
    for place, person, verdict in words:
        tasks = approval.tasks
        try:
            approval = approval.decided(tasks[place % len(tasks)].task_id, person, verdict, NOW)
        except CreditError:
            continue
        # Never stuck: an open approval always has somebody to ask, a settled one nobody.
        assert bool(approval.open_tasks) == (approval.outcome is ApprovalOutcome.OPEN)

    deciders = [task.decided_by for task in approval.tasks if task.decided_by]
    assert "manager" not in deciders
    assert len(deciders) == len(set(deciders))
    if approval.outcome is ApprovalOutcome.APPROVED:
        for index, (mode, count) in enumerate(shape):
            agreed = [
                task
                for task in approval.tasks
                if task.step_index == index and task.verdict is Verdict.APPROVE
            ]
            assert len(agreed) == (count if mode is StepMode.ALL else 1)
    if any(task.verdict is Verdict.DECLINE for task in approval.tasks):
        assert approval.outcome is ApprovalOutcome.DECLINED


@given(shape=ROUTES, words=WORDS)
def test_a_message_said_twice_changes_nothing_more(
    shape: list[tuple[StepMode, int]], words: list[tuple[int, str, Verdict]]
) -> None:
    once, twice = an_approval(*a_route(shape)), an_approval(*a_route(shape))
    for place, person, verdict in words:
        task_id = once.tasks[place % len(once.tasks)].task_id
        try:
            once = once.decided(task_id, person, verdict, NOW)
        except CreditError:
            continue
        twice = twice.decided(task_id, person, verdict, NOW)
        with pytest.raises(CreditError):
            twice.decided(task_id, person, verdict, NOW)
    assert once == twice


def test_the_order_of_words_within_a_step_does_not_matter() -> None:
    for order in itertools.permutations(range(3)):
        approval = an_approval(a_step(StepMode.ALL, *POSITIONS))
        ids = open_ids(approval)
        for place in order:
            approval = approval.decided(ids[place], f"approver{place}", Verdict.APPROVE, NOW)
        assert approval.outcome is ApprovalOutcome.APPROVED
        assert all(task.status is TaskStatus.DECIDED for task in approval.tasks)


TODAY = date(2026, 11, 20)


def a_grant(**changes: object) -> AuthorityGrant:
    grant = AuthorityGrant(
        grant_no="SQ-1",
        person_id="approver1",
        position="branch_head",
        limit=Money.of(100, "CNY"),
        valid_from=TODAY - timedelta(days=1),
        valid_until=TODAY + timedelta(days=1),
        granted_by="board",
    )
    return grant.model_copy(update=changes)


def test_a_grant_covers_its_position_up_to_its_limit_within_its_days() -> None:
    amount = Money.of(100, "CNY")

    assert a_grant().covers("branch_head", amount, TODAY)
    assert not a_grant().covers("region_head", amount, TODAY)
    assert not a_grant().covers("branch_head", Money.of("100.01", "CNY"), TODAY)
    assert not a_grant().covers("branch_head", amount, TODAY + timedelta(days=2))
    assert not a_grant().covers("branch_head", amount, TODAY - timedelta(days=2))


def test_a_revoked_grant_covers_nothing_from_its_day_on() -> None:
    revoked = a_grant(revoked_on=TODAY)

    assert not revoked.covers("branch_head", Money.of(1, "CNY"), TODAY)
    assert revoked.covers("branch_head", Money.of(1, "CNY"), TODAY - timedelta(days=1))


def test_a_position_whose_holders_are_recused_is_skipped_and_the_others_decide() -> None:
    approval = an_approval(a_step(StepMode.ALL, "head_credit", "head_risk"))
    credit, risk = open_ids(approval)
    skipped = approval.skipping({credit: "recused:e-1"})

    assert open_ids(skipped) == [risk]
    task = skipped.task(credit)
    assert task is not None
    assert (task.status, task.skipped) == (TaskStatus.CLOSED, "recused:e-1")
    with pytest.raises(AlreadyDecided):
        skipped.decided(credit, "approver3", Verdict.APPROVE, NOW)
    decided = skipped.decided(risk, "approver4", Verdict.APPROVE, NOW)
    assert decided.outcome is ApprovalOutcome.APPROVED


def test_a_step_of_which_nobody_would_be_left_is_not_approved_by_skipping() -> None:
    approval = an_approval(a_step(StepMode.ALL, "head_credit", "head_risk"))
    everybody = dict.fromkeys(open_ids(approval), "recused:e-1")

    assert approval.skipping(everybody) == approval
    assert approval.skipping({}) == approval
