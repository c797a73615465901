"""The life of a line: it waits for years, for time and for people, and continues as new.

Orders never pass here: what they may take is on the line's account. Time (its reviews, the end of a
temporary limit, its own end) is looked at by one activity, which says when to look again; people and
rules act by message. Rows changed by another's transaction are told by the signal `changed`.
"""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.refusals import refusal, refusal_of
    from activities.signatures import LineSteps
    from domain.errors import Draining, KeyReused, LineNotActive
    from domain.line import (
        Answered,
        ExpirySweep,
        ExpirySwept,
        LineAction,
        LineLook,
        LineProgress,
        LineStart,
        LineStatus,
        ReviewAsked,
        ReviewDue,
    )
    from domain.value import content_hash
    from workflows.connection import CASE_STATUS, CUSTOMER_ID, DUE_AT, STAGE, WAITING_FOR
    from workflows.messages import STEP_RETRY, STEP_TIMEOUT, keep_refused_signal, parsed

# Enough for every repeat that is still on its way; the database knows the older ones.
ANSWERS_KEPT = 50


@workflow.defn
class CreditLineWorkflow:
    """`line/<line_id>`: one line, from its activation to its end."""

    @workflow.init
    def __init__(self, start: LineStart) -> None:
        self._start = start
        self._progress: LineProgress | None = None
        self._answered = dict(start.answered)
        self._causes = list(start.causes)
        self._stirred = True
        self._draining = False
        self._one_at_a_time = asyncio.Lock()

    @workflow.run
    async def run(self, start: LineStart) -> LineProgress:
        """Look, wait, look again; the history is carried over before it grows long."""
        while True:
            progress = await self._look()
            if progress.status.ended:
                await workflow.wait_condition(workflow.all_handlers_finished)
                return progress
            await self._wait(progress)
            if _grown_long():
                await self._carry_over()

    # ── messages ─────────────────────────────────────────────────────────────────────────────────

    @workflow.update(name="freeze")
    async def freeze(self, message: Any = None) -> dict[str, Any]:
        """Stop the line in this second; `collect_only` lets nothing out at all."""
        return await self._answer("freeze", message)

    @freeze.validator
    def _freeze_in_form(self, message: Any = None) -> None:
        self._in_turn("freeze", message)

    @workflow.signal(name="freeze")
    async def freeze_by_signal(self, message: Any = None) -> None:
        await self._signalled("freeze", message)

    @workflow.update(name="unfreeze")
    async def unfreeze(self, message: Any = None) -> dict[str, Any]:
        """Lift a freeze; never by whoever froze."""
        return await self._answer("unfreeze", message)

    @unfreeze.validator
    def _unfreeze_in_form(self, message: Any = None) -> None:
        self._in_turn("unfreeze", message)

    @workflow.signal(name="unfreeze")
    async def unfreeze_by_signal(self, message: Any = None) -> None:
        await self._signalled("unfreeze", message)

    @workflow.update(name="terminate")
    async def terminate(self, message: Any = None) -> dict[str, Any]:
        """End the line before its day; what is owed is still taken back."""
        return await self._answer("terminate", message)

    @terminate.validator
    def _terminate_in_form(self, message: Any = None) -> None:
        self._in_turn("terminate", message)

    @workflow.signal(name="terminate")
    async def terminate_by_signal(self, message: Any = None) -> None:
        await self._signalled("terminate", message)

    @workflow.signal(name="review_due")
    async def review_due(self, message: Any = None) -> None:
        """Somebody, or some rule, wants the line looked at again."""
        try:
            self._causes.append(parsed(ReviewAsked, message or {}).cause)
        except ApplicationError as failure:
            await keep_refused_signal("review_due", message, failure)

    @workflow.signal
    def changed(self, message: Any = None) -> None:
        """The row was changed by somebody else's transaction: a letter in force, a review ended."""
        self._stirred = True

    @workflow.query
    def progress(self) -> dict[str, Any] | None:
        """Where the line stands, as last looked at."""
        return self._progress.model_dump(mode="json") if self._progress else None

    # ── looking and waiting ──────────────────────────────────────────────────────────────────────

    async def _look(self) -> LineProgress:
        """Take up the reviews asked for, then do what time has made due."""
        async with self._one_at_a_time:
            self._stirred = False
            while self._causes:
                await self._open_review()
            self._take(
                await workflow.execute_activity_method(
                    LineSteps.look_at_line,
                    LineLook(
                        line_id=self._start.line_id,
                        at=workflow.now(),
                        offset_days=self._start.offset_days,
                    ),
                    start_to_close_timeout=STEP_TIMEOUT,
                    retry_policy=STEP_RETRY,
                    summary="do what is due by now",
                )
            )
        assert self._progress is not None
        return self._progress

    async def _open_review(self) -> None:
        await workflow.execute_activity_method(
            LineSteps.open_review,
            ReviewDue(
                line_id=self._start.line_id,
                cause=self._causes[0],
                at=workflow.now(),
                offset_days=self._start.offset_days,
            ),
            start_to_close_timeout=STEP_TIMEOUT,
            retry_policy=STEP_RETRY,
            summary=f"open a review: {self._causes[0]}",
        )
        self._causes.pop(0)

    async def _wait(self, progress: LineProgress) -> None:
        """Until something moves, time has something to do, or the history has grown long."""
        again_at = progress.look_again_at
        assert again_at is not None, "a line that has not ended is looked at again"
        try:
            await workflow.wait_condition(
                lambda: self._stirred or bool(self._causes) or _grown_long(),
                timeout=max(again_at - workflow.now(), timedelta(seconds=1)),
                timeout_summary=f"look again at {again_at:%Y-%m-%d %H:%M}Z",
            )
        except TimeoutError:
            return

    async def _carry_over(self) -> None:
        """On to a new run: new updates are asked to come again, and what was begun is finished."""
        self._draining = True
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(
            self._start.model_copy(
                update={"answered": dict(self._answered), "causes": tuple(self._causes)}
            )
        )

    # ── acting ───────────────────────────────────────────────────────────────────────────────────

    def _in_turn(self, name: str, message: Any) -> None:
        if self._draining:
            raise refusal(Draining(id=self._start.line_id))
        action = self._in_form(name, message)
        ended = self._progress is not None and self._progress.status.ended
        if ended and action.message_id not in self._answered:
            raise refusal(LineNotActive(line_id=self._start.line_id, status=self._status_told()))

    def _in_form(self, name: str, message: Any) -> LineAction:
        return parsed(
            LineAction,
            message,
            action=name,
            line_id=self._start.line_id,
            at=workflow.now(),
            offset_days=self._start.offset_days,
        )

    async def _answer(self, name: str, message: Any) -> dict[str, Any]:
        try:
            return (await self._acted(name, message)).model_dump(mode="json")
        except ActivityError as failure:
            refused = refusal_of(failure)
            if refused is None:
                raise
            raise refusal(refused) from None

    async def _signalled(self, name: str, message: Any) -> None:
        try:
            await self._acted(name, message)
        except (ApplicationError, ActivityError) as failure:
            await keep_refused_signal(name, message, failure)

    async def _acted(self, name: str, message: Any) -> LineProgress:
        """One message at a time; a repeat gets the answer of the first."""
        action = self._in_form(name, message)
        digest = content_hash(action.content)
        async with self._one_at_a_time:
            known = self._answered.get(action.message_id)
            if known is not None and known.content_hash != digest:
                raise refusal(KeyReused(key=action.message_id))
            if known is not None:
                return known.progress.model_copy(update={"replayed": True})
            progress = await workflow.execute_activity_method(
                LineSteps.act_on_line,
                action,
                start_to_close_timeout=STEP_TIMEOUT,
                retry_policy=STEP_RETRY,
                summary=f"{name} by {action.person_id}",
            )
            self._remember(action.message_id, Answered(content_hash=digest, progress=progress))
            before = self._progress
            self._take(progress)
            if before is None or before.look_again_at != progress.look_again_at:
                self._stirred = True  # the timer that runs is for another day
        return progress

    def _remember(self, message_id: str, answered: Answered) -> None:
        self._answered[message_id] = answered
        while len(self._answered) > ANSWERS_KEPT:
            del self._answered[next(iter(self._answered))]

    def _status_told(self) -> LineStatus:
        assert self._progress is not None
        return self._progress.status

    def _take(self, progress: LineProgress) -> None:
        """Take over where the line stands now, and tell whoever looks at it in Temporal."""
        before, self._progress = self._progress, progress
        if before == progress:
            return
        reasons = f" for {', '.join(progress.freeze_reasons)}" if progress.freeze_reasons else ""
        again = progress.look_again_at
        workflow.set_current_details(
            f"Line {progress.line_id} is {progress.status}{reasons}"
            + (f"; something is due at {again:%Y-%m-%d %H:%M}Z" if again else "")
            + f" (as of {workflow.now():%Y-%m-%d %H:%M}Z)"
        )
        workflow.upsert_search_attributes(
            [
                CUSTOMER_ID.value_set(progress.customer_id),
                STAGE.value_set("line"),
                CASE_STATUS.value_set(progress.status),
                WAITING_FOR.value_set(_waiting_for(progress)),
                *([DUE_AT.value_set(again)] if again else []),
            ]
        )


def _grown_long() -> bool:
    """Whether the history should be carried over; messages alone may have made it long."""
    return workflow.info().is_continue_as_new_suggested()


def _waiting_for(progress: LineProgress) -> str:
    if progress.status.ended:
        return "nobody"
    if progress.freeze_reasons:
        return "unfreeze"
    return "review" if progress.review_open else "calendar"


@workflow.defn
class ReservationExpiryWorkflow:
    """`runs/reservation_expiry`: ends the reservations whose time is over, a page at a time."""

    @workflow.run
    async def run(self, sweep: ExpirySweep) -> ExpirySwept:
        """Page by page, as of the instant it was begun."""
        ended, as_of = 0, workflow.now()
        while True:
            page = await workflow.execute_activity_method(
                LineSteps.expire_reservations,
                sweep.model_copy(update={"at": as_of}),
                start_to_close_timeout=timedelta(seconds=60),
                retry_policy=STEP_RETRY,
                summary="expire reservations",
            )
            ended += page.ended
            if page.ended < sweep.most or workflow.info().is_continue_as_new_suggested():
                return ExpirySwept(ended=ended)
