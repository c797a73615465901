"""The life of a line: what time does, what people do, and that nothing is lost when it rolls over."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from activities.refusals import Refusals
from activities.signatures import AuditSteps, LineSteps
from domain.audit import RefusedMessage
from domain.errors import SameHands
from domain.line import (
    ExpirySweep,
    ExpirySwept,
    LineAction,
    LineLook,
    LineProgress,
    LineStart,
    LineStatus,
    ReviewDue,
)
from domain.review import ReviewCause
from tests.sandbox import RUNNER
from tests.servers import SkippingEnvironment, skipping
from workflows.line import CreditLineWorkflow, ReservationExpiryWorkflow

DAY = timedelta(days=1)
_numbers = count()


class FakeLine(LineSteps):
    """A line as its rows would have it; it is looked at again every thirty days until its last."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.frozen_by = ""
        self.status: LineStatus | None = None
        self.looks: list[LineLook] = []
        self.actions: list[LineAction] = []
        self.causes: list[ReviewCause] = []
        self.looks_max = 1000

    @activity.defn
    def look_at_line(self, look: LineLook) -> LineProgress:
        self.looks.append(look)
        if len(self.looks) >= self.looks_max:
            self.status = LineStatus.EXPIRED
        return self._progress(look)

    @activity.defn
    def act_on_line(self, action: LineAction) -> LineProgress:
        if action.action == "unfreeze" and action.person_id == self.frozen_by:
            raise SameHands(first="freezing a line", second="unfreezing it")
        self.actions.append(action)
        if action.action == "freeze":
            self.reasons.append(action.reason or "decision")
            self.frozen_by = action.person_id
        elif action.action == "unfreeze":
            self.reasons.clear()
        else:
            self.status = LineStatus.TERMINATED
        return self._progress(self.looks[-1])

    @activity.defn
    def open_review(self, due: ReviewDue) -> LineProgress:
        self.causes.append(due.cause)
        return self._progress(self.looks[-1])

    @activity.defn
    def expire_reservations(self, sweep: ExpirySweep) -> ExpirySwept:
        self.sweeps = [*getattr(self, "sweeps", []), sweep]
        return ExpirySwept(ended=sweep.most if len(self.sweeps) < 3 else 1)

    def _progress(self, look: LineLook) -> LineProgress:
        status = self.status or (LineStatus.FROZEN if self.reasons else LineStatus.ACTIVE)
        return LineProgress(
            line_id="line-1",
            customer_id="c-1",
            status=status,
            review_due_on=date(2030, 1, 1),
            ends_on=date(2031, 1, 1),
            freeze_reasons=tuple(self.reasons),
            look_again_at=None if status.ended else look.at + 30 * DAY,
        )


class FakeAudit(AuditSteps):
    def __init__(self) -> None:
        self.refused: list[RefusedMessage] = []

    @activity.defn
    def record_refused_message(self, refused: RefusedMessage) -> None:
        self.refused.append(refused)


class Desk:
    """One line in force, and what its fakes saw."""

    def __init__(self, handle: WorkflowHandle[Any, Any]) -> None:
        self.handle = handle
        self.steps = FakeLine()
        self.audit = FakeAudit()

    async def send(self, name: str, **content: Any) -> dict[str, Any]:
        return dict(await self.handle.execute_update(name, a_message(**content), result_type=dict))

    async def refused(self, name: str, message: Any) -> str:
        """The code that a message is refused with."""
        with pytest.raises(WorkflowUpdateFailedError) as failure:
            await self.handle.execute_update(name, message)
        cause = failure.value.cause
        assert isinstance(cause, ApplicationError)
        return cause.type or ""


@asynccontextmanager
async def a_desk(env: SkippingEnvironment) -> AsyncIterator[Desk]:
    queue = f"line-{id(env)}-{next(_numbers)}"
    desk = Desk(env.client.get_workflow_handle(f"line/{queue}"))
    async with Worker(
        env.client,
        task_queue=queue,
        workflows=[CreditLineWorkflow, ReservationExpiryWorkflow],
        activities=[
            desk.steps.look_at_line,
            desk.steps.act_on_line,
            desk.steps.open_review,
            desk.steps.expire_reservations,
            desk.audit.record_refused_message,
        ],
        activity_executor=ThreadPoolExecutor(4),
        workflow_runner=RUNNER,
        interceptors=[Refusals()],
    ):
        await env.client.start_workflow(
            CreditLineWorkflow.run,
            LineStart(line_id="line-1", offset_days=3),
            id=desk.handle.id,
            task_queue=queue,
        )
        await until(lambda: len(desk.steps.looks) == 1)
        yield desk
        if (await desk.handle.describe()).status is WorkflowExecutionStatus.RUNNING:
            await desk.handle.terminate()


async def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    for _ in range(int(seconds / 0.01)):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never held")


def a_message(**content: Any) -> dict[str, Any]:
    return {
        "person_id": "risk",
        "message_id": f"m-{next(_numbers)}",
        "token": "t",
        "note": "late for weeks",
        **content,
    }


async def test_a_freeze_of_one_product_reaches_the_step_and_is_another_message_than_the_lines(
    temporal_env: SkippingEnvironment,
) -> None:
    async with a_desk(temporal_env) as desk:
        await desk.send("freeze", message_id="m-product", product="factoring")

        assert desk.steps.actions[0].product == "factoring"
        whole = a_message(message_id="m-product")
        assert await desk.refused("freeze", whole) == "key_reused"


# ── time ─────────────────────────────────────────────────────────────────────────────────────────


async def test_it_is_looked_at_when_time_has_something_to_do_and_ends_when_time_ends_it(
    temporal_env: SkippingEnvironment,
) -> None:
    async with a_desk(temporal_env) as desk:
        desk.steps.looks_max = 4
        await temporal_env.fast_forward(desk.handle, 95 * DAY)
        result = LineProgress.model_validate(await desk.handle.result())

    assert result.status is LineStatus.EXPIRED
    days = [(look.at - desk.steps.looks[0].at).days for look in desk.steps.looks]
    assert days == [0, 30, 60, 90]
    assert {look.offset_days for look in desk.steps.looks} == {3}


async def test_news_of_its_row_has_it_looked_at_at_once(temporal_env: SkippingEnvironment) -> None:
    async with a_desk(temporal_env) as desk:
        await desk.handle.signal("changed")
        await until(lambda: len(desk.steps.looks) == 2)


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ({"cause": "warning"}, ReviewCause.WARNING),
        ({}, ReviewCause.REQUEST),
        (None, ReviewCause.REQUEST),
    ],
)
async def test_a_review_that_is_asked_for_is_opened(
    temporal_env: SkippingEnvironment, message: Any, cause: ReviewCause
) -> None:
    async with a_desk(temporal_env) as desk:
        await desk.handle.signal("review_due", message)
        await until(lambda: desk.steps.causes == [cause])


async def test_a_review_asked_for_in_no_form_is_refused_on_record(
    temporal_env: SkippingEnvironment,
) -> None:
    async with a_desk(temporal_env) as desk:
        await desk.handle.signal("review_due", {"cause": "boredom"})
        await until(lambda: len(desk.audit.refused) == 1)

    assert desk.audit.refused[0].code == "malformed"
    assert desk.steps.causes == []


# ── people ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_freeze_is_acknowledged_with_how_the_line_stands(
    temporal_env: SkippingEnvironment,
) -> None:
    async with a_desk(temporal_env) as desk:
        answer = await desk.send("freeze", reason="covenant", collect_only=True)

    assert (answer["status"], answer["freeze_reasons"]) == ("frozen", ["covenant"])
    assert desk.steps.actions[0].collect_only
    assert desk.steps.actions[0].offset_days == 3


async def test_who_froze_is_refused_the_unfreezing_and_another_is_not(
    temporal_env: SkippingEnvironment,
) -> None:
    async with a_desk(temporal_env) as desk:
        await desk.send("freeze")

        assert await desk.refused("unfreeze", a_message()) == "same_hands"
        assert (await desk.send("unfreeze", person_id="approver1"))["status"] == "active"


async def test_a_message_is_taken_once_and_other_content_under_its_id_is_refused(
    temporal_env: SkippingEnvironment,
) -> None:
    async with a_desk(temporal_env) as desk:
        first = await desk.send("freeze", message_id="m-same")
        again = await desk.send("freeze", message_id="m-same", token="another")

        assert again == first | {"replayed": True}
        assert len(desk.steps.actions) == 1
        other = a_message(message_id="m-same", reason="other")
        assert await desk.refused("freeze", other) == "key_reused"


@pytest.mark.parametrize(
    "message",
    [
        None,
        "freeze it",
        {},
        a_message(person_id=7),
        a_message(reason="Not a code"),
        a_message(collect_only="perhaps"),
        a_message(amount="1"),
        a_message(note="x" * 2001),
    ],
)
async def test_what_cannot_be_read_is_refused_as_malformed(
    temporal_env: SkippingEnvironment, message: Any
) -> None:
    async with a_desk(temporal_env) as desk:
        assert await desk.refused("freeze", message) == "malformed"
        await desk.handle.signal("freeze", message)
        await until(lambda: len(desk.audit.refused) == 1)

    assert desk.audit.refused[0].code == "malformed"
    assert desk.steps.actions == []


async def test_a_signal_does_what_the_update_does_and_its_refusal_is_kept(
    temporal_env: SkippingEnvironment,
) -> None:
    async with a_desk(temporal_env) as desk:
        await desk.handle.signal("freeze", a_message())
        await until(lambda: len(desk.steps.actions) == 1)
        await desk.handle.signal("unfreeze", a_message())
        await until(lambda: len(desk.audit.refused) == 1)

    assert (desk.audit.refused[0].code, desk.audit.refused[0].person_id) == ("same_hands", "risk")


async def test_a_terminated_line_ends_and_takes_no_further_message(
    temporal_env: SkippingEnvironment,
) -> None:
    async with a_desk(temporal_env) as desk:
        answer = await desk.send("terminate", person_id="approver1")
        result = LineProgress.model_validate(await desk.handle.result())

    assert answer["status"] == "terminated"
    assert result.status is LineStatus.TERMINATED


# ── a long life ──────────────────────────────────────────────────────────────────────────────────


async def test_under_load_it_rolls_over_and_every_message_has_one_effect(tmp_path: Path) -> None:
    """Messages keep coming while it carries itself over; who is asked to wait sends again."""
    in_flight = asyncio.Semaphore(8)  # the server takes ten

    async def one(desk: Desk, n: int) -> None:
        async with in_flight:
            await _insist(desk, f"m-{n}")

    short = "limit.historyCount.suggestContinueAsNew=60"
    async with skipping(tmp_path, short) as env, a_desk(env) as desk:
        await asyncio.gather(*(one(desk, n) for n in range(60)))
        runs = await _runs(env, desk.handle.id)

    assert sorted(action.message_id for action in desk.steps.actions) == sorted(
        f"m-{n}" for n in range(60)
    )
    assert runs > 3


async def test_a_repeat_is_known_for_one_in_a_later_run(tmp_path: Path) -> None:
    short = "limit.historyCount.suggestContinueAsNew=20"
    async with skipping(tmp_path, short) as env, a_desk(env) as desk:
        first = await _insist(desk, "m-first")
        for n in range(12):
            await _insist(desk, f"m-{n}")
        assert await _runs(env, desk.handle.id) > 1
        again = await _insist(desk, "m-first")

    assert again == first | {"replayed": True}
    assert len(desk.steps.actions) == 13


async def _insist(desk: Desk, message_id: str) -> dict[str, Any]:
    """Send one message until it is taken, as the gateway does."""
    for _ in range(200):
        try:
            return await desk.send("freeze", message_id=message_id, reason="covenant")
        except WorkflowUpdateFailedError as failure:
            cause = failure.cause
            # A run that ended between accepting and answering is as good as a refusal to wait.
            passing = isinstance(cause, ApplicationError) and cause.type in (
                "draining",
                "AcceptedUpdateCompletedWorkflow",
            )
            if not passing:
                raise
            await asyncio.sleep(0.05)
    raise AssertionError("it was never taken")


async def _runs(env: SkippingEnvironment, workflow_id: str) -> int:
    found = [
        execution async for execution in env.client.list_workflows(f"WorkflowId = '{workflow_id}'")
    ]
    return len(found)


# ── the sweep ────────────────────────────────────────────────────────────────────────────────────


async def test_the_sweep_ends_reservations_page_by_page_as_of_its_beginning(
    temporal_env: SkippingEnvironment,
) -> None:
    async with a_desk(temporal_env) as desk:
        description = await desk.handle.describe()
        swept = await temporal_env.client.execute_workflow(
            ReservationExpiryWorkflow.run,
            ExpirySweep(at=desk.steps.looks[0].at, most=10),
            id=f"sweep-{next(_numbers)}",
            task_queue=description.task_queue,
        )

    assert swept == ExpirySwept(ended=21)
    assert len({sweep.at for sweep in desk.steps.sweeps}) == 1
