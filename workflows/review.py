"""A line's review: judged anew, put before people where policy asks, concluded, told to the line.

Lines start it and never wait for it: its end reaches the line as an update. It does not continue
as new, so the approval may be its child.
"""

from datetime import timedelta
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.signatures import ReviewSteps
    from domain.approval import ApprovalOutcome, ApprovalRequest, ApprovalResult
    from domain.review import (
        Reassessed,
        ReviewConclusion,
        ReviewResult,
        ReviewStart,
        ReviewTurn,
    )
    from workflows.approval import ApprovalWorkflow
    from workflows.connection import CASE_STATUS, GRADE, STAGE, WAITING_FOR
    from workflows.messages import STEP_RETRY, STEP_TIMEOUT
    from workflows.names import approval_id


@workflow.defn
class ReviewWorkflow:
    """`review/<line>/<n>`: one look at one line."""

    @workflow.init
    def __init__(self, start: ReviewStart) -> None:
        self._start = start
        self._stopped = False
        self._supplemented = False

    @workflow.run
    async def run(self, start: ReviewStart) -> ReviewResult:
        """The story of a review."""
        attempt = 1
        while True:
            self._tell("is judged on the newest records", "system")
            reassessed = await self._reassess(attempt)
            if reassessed.stopped or self._stopped:
                return await self._conclude(reassessed, ApprovalOutcome.WITHDRAWN, None)
            if reassessed.approval is None:
                return await self._conclude(reassessed, None, None)
            result = await self._decided(reassessed.approval)
            if result.outcome is not ApprovalOutcome.RETURNED:
                return await self._conclude(reassessed, result.outcome, result.letter_no)
            if not await self._brought(result):
                return await self._conclude(reassessed, ApprovalOutcome.LAPSED, None)
            attempt += 1

    @workflow.signal
    def stop(self) -> None:
        """The line has ended; there is nothing to decide any more."""
        self._stopped = True

    @workflow.signal
    def supplemented(self, message: Any = None) -> None:
        """What a return asked for is on record; judge again."""
        self._supplemented = True

    async def _reassess(self, attempt: int) -> Reassessed:
        self._supplemented = False
        reassessed = await workflow.execute_activity_method(
            ReviewSteps.reassess_line,
            ReviewTurn(
                line_id=self._start.line_id,
                n=self._start.n,
                attempt=attempt,
                at=workflow.now(),
                offset_days=self._start.offset_days,
            ),
            start_to_close_timeout=STEP_TIMEOUT,
            retry_policy=STEP_RETRY,
            summary="judge the line on the newest records",
        )
        workflow.upsert_search_attributes([GRADE.value_set(reassessed.grade)])
        return reassessed

    async def _decided(self, request: ApprovalRequest) -> ApprovalResult:
        """People decide in the approval's own workflow; the end of the line stops it."""
        self._tell("waits for approval", ", ".join(request.steps[0].positions))
        child = await workflow.start_child_workflow(
            ApprovalWorkflow.run,
            request,
            id=approval_id(request.subject_id, request.n),
            static_summary=f"approval {request.n} of {request.subject_id}",
        )
        await workflow.wait_condition(lambda: child.done() or self._stopped)
        if not child.done():
            await child.signal(ApprovalWorkflow.stop)
        return await child

    async def _brought(self, result: ApprovalResult) -> bool:
        """Whether what a return asked for came in time; the end of the line ends the wait."""
        wanted = ", ".join(result.fields_wanted) or "a supplement"
        self._tell(f"waits for: {wanted}", "relationship_manager")
        until = result.silence_until
        try:
            await workflow.wait_condition(
                lambda: self._supplemented or self._stopped,
                timeout=max(until - workflow.now(), timedelta(0)) if until else None,
                timeout_summary="the review lapses" if until else None,
            )
        except TimeoutError:
            return False
        return True

    async def _conclude(
        self, reassessed: Reassessed, outcome: ApprovalOutcome | None, letter_no: str | None
    ) -> ReviewResult:
        result = await workflow.execute_activity_method(
            ReviewSteps.conclude_review,
            ReviewConclusion(
                review_id=reassessed.review_id,
                outcome=outcome,
                letter_no=letter_no,
                at=workflow.now(),
                offset_days=self._start.offset_days,
            ),
            start_to_close_timeout=STEP_TIMEOUT,
            retry_policy=STEP_RETRY,
            summary="conclude, and tell the line",
        )
        self._tell(f"ended: {result.status}, {result.proposal}", "nobody", status=result.status)
        return result

    def _tell(self, sentence: str, waiting_for: str, status: str = "open") -> None:
        workflow.set_current_details(
            f"Review {self._start.n} of line {self._start.line_id} {sentence}"
            f" since {workflow.now():%Y-%m-%d %H:%M}Z"
        )
        workflow.upsert_search_attributes(
            [
                STAGE.value_set("review"),
                CASE_STATUS.value_set(status),
                WAITING_FOR.value_set(waiting_for),
            ]
        )
