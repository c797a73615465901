"""When it goes wrong, for real: arrears stop a line and open a collection, payment ends both."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from temporalio.client import WorkflowHandle

from domain.approval import Verdict
from domain.calendar import business_on
from domain.collection import CollectionCase, CollectionStatus
from domain.errors import OutOfOrder
from domain.line import CreditLine, LineStart, LineStatus
from domain.review import Review, ReviewStatus, review_id_of
from domain.warning import MonitoringStart, MonitoringTally
from storage.approval import Tasks, TaskView
from storage.collection import Collections
from storage.line import Lines
from storage.review import Reviews
from storage.statement import Statements
from tests.makers_monitoring import LINE_ID, SHRUNKEN, a_book, invoice, pay
from tests.makers_policy import a_statement
from tests.road import Road
from workflows.line import CreditLineWorkflow
from workflows.names import CASES_QUEUE, PORTFOLIO_QUEUE, line_id, monitoring_id
from workflows.warning import MonitoringWorkflow

DUE = date(2026, 3, 2)
TODAY = DUE + timedelta(days=31)


class Watch:
    """The line's world on one business day."""

    def __init__(self, road: Road) -> None:
        self.road = road
        self.offset_days = (TODAY - business_on(datetime.now(UTC))).days

    async def look(self, run: str, *customer_ids: str) -> MonitoringTally:
        return await self.road.client.execute_workflow(
            MonitoringWorkflow.run,
            MonitoringStart(
                run_id=run, offset_days=self.offset_days, customer_ids=tuple(customer_ids)
            ),
            id=monitoring_id(run),
            task_queue=PORTFOLIO_QUEUE,
        )

    def line(self) -> CreditLine:
        with self.road.records.begin() as session:
            return Lines(session).read(LINE_ID)

    def collection(self) -> CollectionCase:
        with self.road.records.begin() as session:
            return Collections(session).find_page(customer_id="c-1")[0]

    def review(self) -> Review:
        with self.road.records.begin() as session:
            return Reviews(session).list_of_line(LINE_ID)[0]

    async def approve(self, task_id: str) -> str:
        """The approver's word, as soon as the approval is told that its task is open."""
        for _ in range(50):
            try:
                decided = await self.road.decide("approver1", task_id, Verdict.APPROVE, note="yes")
            except OutOfOrder:
                await asyncio.sleep(0.1)
            else:
                return str(decided.letter_no)
        raise AssertionError("the approval never took a word")

    def tasks(self) -> list[TaskView]:
        with self.road.records.begin() as session:
            return Tasks(session).list_page(case_id=review_id_of(LINE_ID, 1))


@pytest.fixture
async def watch(road: Road) -> AsyncIterator[Watch]:
    """A line in force with its workflow at work."""
    a_book(road.records)
    opened = Watch(road)
    handle: WorkflowHandle[CreditLineWorkflow, object] = await road.client.start_workflow(
        CreditLineWorkflow.run,
        LineStart(line_id=LINE_ID, offset_days=opened.offset_days),
        id=line_id(LINE_ID),
        task_queue=CASES_QUEUE,
    )
    yield opened
    await handle.terminate()


async def until(holds: Callable[[], bool], what: str, seconds: float = 40) -> None:
    for _ in range(int(seconds / 0.1)):
        if await asyncio.to_thread(holds):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"it never came to: {what}")


async def test_arrears_freeze_the_line_and_payment_lifts_and_closes(watch: Watch) -> None:
    invoice(watch.road.records, "i-1", DUE)

    tally = await watch.look("run-1")
    await until(lambda: watch.line().status is LineStatus.FROZEN, "frozen")
    await until(lambda: bool(watch.collection().steps_done), "a letter")

    assert tally.collections == 1
    pay(watch.road.records, "i-1", TODAY)
    await watch.look("run-2", "c-1")
    await until(lambda: watch.line().status is LineStatus.ACTIVE, "active again")
    await until(lambda: watch.collection().status is CollectionStatus.PAID, "paid")


async def test_a_review_that_cuts_is_decided_by_people_and_comes_into_force(
    watch: Watch,
) -> None:
    with watch.road.records.begin() as session:
        Statements(session).record(
            a_statement(2025, **SHRUNKEN), business_on=TODAY, recorded_by="manager"
        )
    before = watch.line().limit

    await watch.road.call(watch.road.services.lines.ask_review, watch.road.people["risk"], LINE_ID)
    await until(lambda: bool(watch.tasks()), "a task")
    letter_no = await watch.approve(watch.tasks()[0].task_id)
    await until(lambda: watch.review().status is ReviewStatus.CONCLUDED, "concluded")

    line = watch.line()
    assert line.limit == watch.review().limit_decided
    assert line.limit < before
    assert line.letter_no == letter_no
