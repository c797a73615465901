"""The road of a case: received, complete, assessed, approved, signed, active — or ended on the way.

What happens is decided in activities and recorded there; here is only the order, what is awaited,
and for how long. A case may be withdrawn at any moment before its line is active.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.refusals import refusal, refusal_of
    from activities.signatures import ApplicationSteps, LineSteps, OfferSteps
    from domain.analyst_figure import factor_of
    from domain.application import (
        Assessed,
        CaseAction,
        CaseChanged,
        CaseEnd,
        CaseResult,
        CaseStart,
        CaseStatus,
        CaseStep,
        Received,
    )
    from domain.approval import ApprovalOutcome, ApprovalRequest, ApprovalResult
    from domain.contract import ContractOrder, ContractOutcome, ContractStatus
    from domain.errors import CaseClosed, OutOfOrder, Withdrawn
    from domain.exchange import RateGap
    from domain.investigation import INVESTIGATION_REPORT
    from domain.line import Activation, ActivationRequest
    from domain.offer import MakeOffer, OfferActed, OfferDue, OfferProgress, OfferStatus
    from workflows.approval import ApprovalWorkflow
    from workflows.connection import AMOUNT, CASE_STATUS, CUSTOMER_ID, GRADE, STAGE, WAITING_FOR
    from workflows.contract import ContractSigningWorkflow
    from workflows.messages import STEP_RETRY, STEP_TIMEOUT, keep_refused_signal, parsed
    from workflows.names import approval_id, contract_id


class _Ended(Exception):
    """The case ends here, with this status."""

    def __init__(self, status: CaseStatus) -> None:
        super().__init__(status)
        self.status = status


@workflow.defn
class CreditApplicationWorkflow:
    """`application/<case_id>`: one case, from its request on record to its end."""

    @workflow.init
    def __init__(self, start: CaseStart) -> None:
        self._start = start
        self._received: Received | None = None
        self._status = CaseStatus.RECEIVED
        self._missing: tuple[str, ...] = ()
        self._silence_until: datetime | None = None
        self._assessed: Assessed | None = None
        self._amended = False
        self._moves = 0  # messages taken
        self._conditions_moved = False
        self._file_moved = False
        self._letter_no: str | None = None
        self._line_id: str | None = None
        self._approvals = 0
        self._offering = False
        self._offer: OfferProgress | None = None
        self._one_at_a_time = asyncio.Lock()

    @workflow.run
    async def run(self, start: CaseStart) -> CaseResult:
        """The story of a case."""
        try:
            await self._receive()
            await self._cleared()
            order = await self._approved()
            if order is not None:
                if order.signed:
                    order = await self._offered(order)
                    await self._signed(order)
                await self._activated(order)
        except _Ended as end:
            self._status = end.status
        self._tell(f"ended: {self._status}", waiting_for="nobody")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return CaseResult(
            case_id=start.case_id,
            status=self._status,
            letter_no=self._letter_no,
            line_id=self._line_id,
        )

    # ── the stages ───────────────────────────────────────────────────────────────────────────────

    async def _receive(self) -> None:
        # Short, the same when it runs twice, and seen by nobody while it runs: a local activity
        # answers whoever submits within the first task of the workflow.
        received = await workflow.execute_local_activity_method(
            ApplicationSteps.receive_application,
            self._start,
            start_to_close_timeout=STEP_TIMEOUT,
            retry_policy=STEP_RETRY,
            summary="record, screen, check completeness",
        )
        self._received = received
        self._take(received.status, received.missing, received.silence_until)
        if received.status is CaseStatus.REFUSED:
            raise _Ended(CaseStatus.REFUSED)

    async def _cleared(self) -> None:
        """A hit that suspends waits for a risk officer, who clears or confirms it in time."""
        while self._status is CaseStatus.SUSPENDED:
            self._tell(
                "waits for a risk officer to clear or confirm a screening hit", "risk_officer"
            )
            await self._answered_in_time()
        if self._status is CaseStatus.REFUSED:
            raise _Ended(CaseStatus.REFUSED)

    async def _approved(self) -> ContractOrder | None:
        """Complete, assess, decide; a return or an amendment leads round again.

        What comes back is what the agreement is made from, or None where the letter is all that
        was asked for.
        """
        while True:
            await self._completed()
            assessed = await self._assess()
            if assessed.status is CaseStatus.DECLINED:
                self._letter_no = assessed.letter_no
                raise _Ended(CaseStatus.DECLINED)
            if assessed.status is CaseStatus.APPROVED:
                return self._approved_by(assessed.letter_no, assessed.order)
            if assessed.approval is not None:
                result = await self._decided(assessed.approval)
                if result.outcome is ApprovalOutcome.APPROVED:
                    return self._approved_by(result.letter_no, result.order)
                self._after_refusal(result)

    def _approved_by(
        self, letter_no: str | None, order: ContractOrder | None
    ) -> ContractOrder | None:
        self._letter_no = letter_no
        self._status = CaseStatus.APPROVED
        return order

    def _after_refusal(self, result: ApprovalResult) -> None:
        """Declined and lapsed end the case; a return or an amendment goes round again."""
        match result.outcome:
            case ApprovalOutcome.DECLINED:
                self._letter_no = result.letter_no
                raise _Ended(CaseStatus.DECLINED)
            case ApprovalOutcome.LAPSED:
                raise _Ended(CaseStatus.LAPSED)
            case ApprovalOutcome.RETURNED:
                # A supplement may have come in while the engine was telling us of the return.
                if not self._amended:
                    self._take(CaseStatus.RETURNED, result.fields_wanted, result.silence_until)

    async def _completed(self) -> None:
        """Until nothing is missing; the customer's silence lets the case lapse."""
        while self._status in (CaseStatus.INCOMPLETE, CaseStatus.RETURNED):
            if self._file_moved:
                await self._file_looked_at()
                continue
            if self._missing == (INVESTIGATION_REPORT,):
                self._tell("waits for the report of two investigators", "investigators")
            elif self._missing and all(map(RateGap.find, self._missing)):
                self._tell(f"waits for: {', '.join(self._missing)}", "risk_officer")
            elif self._missing and all(map(factor_of, self._missing)):
                self._tell(f"waits for an analyst: {', '.join(self._missing)}", "analyst")
            else:
                wanted = ", ".join(self._missing) or "a supplement"
                self._tell(f"waits for the applicant: {wanted}", "applicant")
            await self._answered_in_time(lambda: self._file_moved)

    async def _file_looked_at(self) -> None:
        """What the case waited for is on file: a signed report, a rate, a rating, a figure."""
        self._file_moved = False
        async with self._one_at_a_time:
            changed = await workflow.execute_activity_method(
                ApplicationSteps.take_report,
                CaseStep(
                    case_id=self._start.case_id,
                    at=workflow.now(),
                    offset_days=self._start.offset_days,
                ),
                start_to_close_timeout=STEP_TIMEOUT,
                retry_policy=STEP_RETRY,
                summary="take the signed report, or the rate that has come",
            )
            if (changed.status, changed.missing) != (self._status, self._missing):
                self._take(changed.status, changed.missing, changed.silence_until)
        self._stop_if_ended()

    async def _answered_in_time(self, otherwise: Callable[[], bool] = lambda: False) -> None:
        """Until a message moves the case, or its silence lasts too long and it lapses."""
        seen = self._moves
        try:
            await self._until(lambda: self._moves != seen or otherwise(), self._silence_until)
        except TimeoutError:
            await self._end(CaseStatus.LAPSED, "silence")

    async def _assess(self) -> Assessed:
        self._amended = False
        async with self._one_at_a_time:
            assessed = await workflow.execute_activity_method(
                ApplicationSteps.assess_application,
                CaseStep(
                    case_id=self._start.case_id,
                    at=workflow.now(),
                    offset_days=self._start.offset_days,
                ),
                start_to_close_timeout=STEP_TIMEOUT,
                retry_policy=STEP_RETRY,
                summary="rate, size, price and route",
            )
        self._stop_if_ended()
        self._take(assessed.status, assessed.missing, assessed.silence_until)
        self._assessed = assessed
        return assessed

    async def _decided(self, request: ApprovalRequest) -> ApprovalResult:
        """People decide in the approval's own workflow; an amendment or withdrawal stops it."""
        self._approvals = request.n
        self._status = CaseStatus.IN_APPROVAL
        self._tell("waits for approval", ", ".join(request.steps[0].positions), stage="approval")
        child = await workflow.start_child_workflow(
            ApprovalWorkflow.run,
            request,
            id=approval_id(request.subject_id, request.n),
            static_summary=f"approval {request.n} of {request.subject_id}",
        )
        await workflow.wait_condition(lambda: child.done() or self._amended or self._status.ended)
        if not child.done():
            await child.signal(ApprovalWorkflow.stop)
        result = await child
        self._stop_if_ended()
        return result

    async def _offered(self, order: ContractOrder) -> ContractOrder:
        """Terms other than those asked for wait for the customer, whose silence lets them lapse.

        What comes back is what the agreement is made from, on the day it was accepted.
        """
        if order.offer is None:
            return order
        self._stop_if_ended()
        expires_at = order.offered_until(workflow.now())
        self._offering = True
        await self._put_offer(order, expires_at)
        self._tell("waits for the customer to take or leave the offer", "customer", stage="offer")
        try:
            await self._until(lambda: self._offer_over, expires_at)
        except TimeoutError:
            await self._let_offer_lapse(order)
        assert self._offer is not None
        if self._offer.status is not OfferStatus.ACCEPTED:
            await self._end(CaseStatus.LAPSED, f"offer_{self._offer.status}")
        return order.model_copy(update={"business_on": self._offer.ended_on or order.business_on})

    @property
    def _offer_over(self) -> bool:
        return self._offer is not None and self._offer.status is not OfferStatus.OPEN

    async def _put_offer(self, order: ContractOrder, expires_at: datetime) -> None:
        assert order.offer is not None
        async with self._one_at_a_time:
            self._stop_if_ended()
            self._offer = await workflow.execute_activity_method(
                OfferSteps.make_offer,
                MakeOffer(
                    case_id=self._start.case_id,
                    letter=order.letter,
                    differences=order.offer.differences,
                    made_at=workflow.now(),
                    expires_at=expires_at,
                    offset_days=self._start.offset_days,
                ),
                start_to_close_timeout=STEP_TIMEOUT,
                retry_policy=STEP_RETRY,
                summary=f"put the terms of letter {order.letter.letter_no} to the customer",
            )

    async def _let_offer_lapse(self, order: ContractOrder) -> None:
        """Silence is no acceptance; the records know whether the customer was faster."""
        async with self._one_at_a_time:
            self._stop_if_ended()
            if self._offer_over:
                return
            self._offer = await workflow.execute_activity_method(
                OfferSteps.end_offer,
                OfferDue(
                    case_id=self._start.case_id,
                    letter_no=order.letter.letter_no,
                    at=workflow.now(),
                    offset_days=self._start.offset_days,
                ),
                start_to_close_timeout=STEP_TIMEOUT,
                retry_policy=STEP_RETRY,
                summary="the offer was not answered in time",
            )

    async def _signed(self, order: ContractOrder) -> None:
        """The agreement goes to the customer; unsigned in time, or declined, the case ends."""
        self._stop_if_ended()
        self._status = CaseStatus.CONTRACTING
        self._tell("waits for the customer's signature", "customer", stage="contract")
        child = await workflow.start_child_workflow(
            ContractSigningWorkflow.run,
            order,
            id=contract_id(self._start.case_id),
            static_summary=f"agreement to letter {order.letter.letter_no}",
        )
        await workflow.wait_condition(lambda: child.done() or self._status.ended)
        if not child.done():
            await child.signal(ContractSigningWorkflow.stop)
        outcome: ContractOutcome = await child
        self._stop_if_ended()
        if outcome.status is not ContractStatus.SIGNED:
            await self._end(CaseStatus.LAPSED, f"contract_{outcome.status}")

    async def _activated(self, order: ContractOrder) -> None:
        """Try whenever a condition has moved; the gate itself is one transaction."""
        while True:
            self._conditions_moved = False
            activation = await self._activate(order)
            if activation.line_id is not None:
                self._line_id = activation.line_id
                self._status = CaseStatus.ACTIVE
                return
            self._status = CaseStatus.CONDITIONS
            open_codes = ", ".join(activation.open_conditions)
            self._tell(f"waits for: {open_codes}", "conditions precedent", stage="line")
            try:
                await self._until(lambda: self._conditions_moved, activation.retry_at)
            except TimeoutError:
                continue

    async def _activate(self, order: ContractOrder) -> Activation:
        async with self._one_at_a_time:
            self._stop_if_ended()
            try:
                return await workflow.execute_activity_method(
                    LineSteps.activate_line,
                    ActivationRequest(
                        case_id=self._start.case_id,
                        contract_id=order.contract_id,
                        letter_no=order.letter.letter_no,
                        at=workflow.now(),
                        offset_days=self._start.offset_days,
                    ),
                    start_to_close_timeout=STEP_TIMEOUT,
                    retry_policy=STEP_RETRY,
                    summary="activate the line, all or nothing",
                )
            except ActivityError as failure:
                refused = refusal_of(failure)
                if refused is None:
                    raise
                reason = refused.code
        await self._end(CaseStatus.LAPSED, reason)
        raise AssertionError("a case that ended goes no further")

    # ── messages ─────────────────────────────────────────────────────────────────────────────────

    @workflow.update(name="submit")
    async def submit(self) -> dict[str, Any]:
        """The answer to whoever started the case: it is on record, and this is how it stands."""
        await workflow.wait_condition(lambda: self._received is not None)
        assert self._received is not None
        return self._received.model_dump(mode="json")

    @workflow.update(name="withdraw")
    async def withdraw(self, message: Any = None) -> dict[str, Any]:
        """The applicant withdraws; nothing of the case stays open."""
        return await self._answered("withdraw", message)

    @withdraw.validator
    def _withdraw_in_form(self, message: Any = None) -> None:
        self._in_form("withdraw", message)

    @workflow.signal(name="withdraw")
    async def withdraw_by_signal(self, message: Any = None) -> None:
        await self._signalled("withdraw", message)

    @workflow.update(name="supplement")
    async def supplement(self, message: Any = None) -> dict[str, Any]:
        """What was missing arrives."""
        return await self._answered("supplement", message)

    @supplement.validator
    def _supplement_in_form(self, message: Any = None) -> None:
        self._in_form("supplement", message)

    @workflow.signal(name="supplement")
    async def supplement_by_signal(self, message: Any = None) -> None:
        await self._signalled("supplement", message)

    @workflow.update(name="amend")
    async def amend(self, message: Any = None) -> dict[str, Any]:
        """The request changes; what was judged on the old one is judged again."""
        return await self._answered("amend", message)

    @amend.validator
    def _amend_in_form(self, message: Any = None) -> None:
        self._in_form("amend", message)

    @workflow.signal(name="amend")
    async def amend_by_signal(self, message: Any = None) -> None:
        await self._signalled("amend", message)

    @workflow.update(name="dispose")
    async def dispose(self, message: Any = None) -> dict[str, Any]:
        """A risk officer clears or confirms the hits that suspend the case."""
        return await self._answered("dispose", message)

    @dispose.validator
    def _dispose_in_form(self, message: Any = None) -> None:
        self._in_form("dispose", message)

    @workflow.update(name="override")
    async def override(self, message: Any = None) -> dict[str, Any]:
        """An officer moves the grade; once that counts, the case is judged again."""
        return await self._answered("override", message)

    @override.validator
    def _override_in_form(self, message: Any = None) -> None:
        self._in_form("override", message)

    @workflow.signal(name="override")
    async def override_by_signal(self, message: Any = None) -> None:
        await self._signalled("override", message)

    @workflow.update(name="answer_offer")
    async def answer_offer(self, message: Any = None) -> dict[str, Any]:
        """The customer took or left the offer; answered once that is in effect, or refused."""
        try:
            return (await self._offer_answered(message)).model_dump(mode="json")
        except ActivityError as failure:
            refused = refusal_of(failure)
            if refused is None:
                raise
            raise refusal(refused) from None

    @answer_offer.validator
    def _answer_in_form(self, message: Any = None) -> None:
        self._offer_act(message)

    @workflow.signal(name="answer_offer")
    async def answer_offer_by_signal(self, message: Any = None) -> None:
        try:
            await self._offer_answered(message)
        except (ApplicationError, ActivityError) as failure:
            await keep_refused_signal("answer_offer", message, failure)

    async def _offer_answered(self, message: Any) -> OfferProgress:
        acted = self._offer_act(message)
        # The link may be followed in the moment before we hear that the offer was made.
        await workflow.wait_condition(lambda: self._offer is not None or self._status.ended)
        async with self._one_at_a_time:
            self._offer = await workflow.execute_activity_method(
                OfferSteps.take_offer_answer,
                acted,
                start_to_close_timeout=STEP_TIMEOUT,
                retry_policy=STEP_RETRY,
                summary="the customer's word on the offer",
            )
            return self._offer

    def _offer_act(self, message: Any) -> OfferActed:
        self._refuse_ended()
        if not self._offering:
            raise refusal(OutOfOrder(reason="nothing is offered"))
        return parsed(
            OfferActed,
            message,
            case_id=self._start.case_id,
            at=workflow.now(),
            offset_days=self._start.offset_days,
        )

    @workflow.signal
    async def reassess(self) -> None:
        """A second person confirmed an override; whether that is so, the records say."""
        await workflow.wait_condition(lambda: self._received is not None)
        async with self._one_at_a_time:
            seen = await workflow.execute_activity_method(
                ApplicationSteps.look_at_case,
                CaseStep(
                    case_id=self._start.case_id,
                    at=workflow.now(),
                    offset_days=self._start.offset_days,
                ),
                start_to_close_timeout=STEP_TIMEOUT,
                retry_policy=STEP_RETRY,
                summary="is there anything to judge again",
            )
            self._amended = self._amended or seen.status is CaseStatus.RECEIVED

    @workflow.signal
    def conditions_changed(self) -> None:
        """A condition precedent was met or waived; the gate may be tried again."""
        self._conditions_moved = True

    @workflow.signal
    def investigated(self) -> None:
        """Both investigators have signed; what the case lacks may be looked at again."""
        self._file_moved = True

    @workflow.signal
    def rates_recorded(self) -> None:
        """An exchange rate was recorded; the case may have waited for that one."""
        self._file_moved = True

    @workflow.signal
    def file_changed(self) -> None:
        """An analyst's figure or an agency's rating is on file; the case may have waited for it."""
        self._file_moved = True

    def _refuse_ended(self) -> None:
        if self._status is CaseStatus.WITHDRAWN:
            raise refusal(Withdrawn(case_id=self._start.case_id))
        if self._status.ended:
            raise refusal(CaseClosed(case_id=self._start.case_id, status=self._status))

    def _in_form(self, action: str, message: Any) -> CaseAction:
        self._refuse_ended()
        return parsed(
            CaseAction,
            message,
            action=action,
            case_id=self._start.case_id,
            at=workflow.now(),
            offset_days=self._start.offset_days,
        )

    async def _answered(self, action: str, message: Any) -> dict[str, Any]:
        try:
            return (await self._acted(action, message)).model_dump(mode="json")
        except ActivityError as failure:
            refused = refusal_of(failure)
            if refused is None:
                raise
            raise refusal(refused) from None

    async def _signalled(self, action: str, message: Any) -> None:
        try:
            await self._acted(action, message)
        except (ApplicationError, ActivityError) as failure:
            await keep_refused_signal(action, message, failure)

    async def _acted(self, name: str, message: Any) -> CaseChanged:
        action = self._in_form(name, message)
        step = {
            "withdraw": ApplicationSteps.withdraw_application,
            "supplement": ApplicationSteps.change_application,
            "amend": ApplicationSteps.change_application,
            "dispose": ApplicationSteps.dispose_hits,
            "override": ApplicationSteps.override_grade,
        }[name]
        # The case may be seen in the records in the moment before we hear that it is there.
        await workflow.wait_condition(lambda: self._received is not None)
        async with self._one_at_a_time:
            changed = await workflow.execute_activity_method(
                step,
                action,
                start_to_close_timeout=STEP_TIMEOUT,
                retry_policy=STEP_RETRY,
                summary=f"{name} by {action.person_id}",
            )
            # An override that waits for a second person moves nothing yet.
            waits = name == "override" and changed.status is not CaseStatus.RECEIVED
            if not changed.replayed and not waits:
                self._moves += 1
                self._amended = self._amended or name in ("amend", "supplement", "override")
                self._take(changed.status, changed.missing, changed.silence_until)
        return changed

    # ── waiting and telling ──────────────────────────────────────────────────────────────────────

    async def _until(self, condition: Callable[[], bool], by: datetime | None = None) -> None:
        """Wait for the condition or the end of the case; raises TimeoutError when it is due."""
        timeout = max(by - workflow.now(), timedelta(0)) if by else None
        await workflow.wait_condition(
            lambda: condition() or self._status.ended,
            timeout=timeout,
            timeout_summary=f"silence until {by:%Y-%m-%d %H:%M}Z" if by else None,
        )
        self._stop_if_ended()

    async def _end(self, status: CaseStatus, *reason_codes: str) -> None:
        async with self._one_at_a_time:
            self._stop_if_ended()
            await workflow.execute_activity_method(
                ApplicationSteps.end_case,
                CaseEnd(
                    case_id=self._start.case_id,
                    status=status,
                    reason_codes=reason_codes,
                    at=workflow.now(),
                    offset_days=self._start.offset_days,
                ),
                start_to_close_timeout=STEP_TIMEOUT,
                retry_policy=STEP_RETRY,
                summary=f"{status}: {', '.join(reason_codes)}",
            )
        raise _Ended(status)

    def _stop_if_ended(self) -> None:
        if self._status.ended:
            raise _Ended(self._status)

    def _take(
        self, status: CaseStatus, missing: tuple[str, ...], silence_until: datetime | None
    ) -> None:
        self._status = status
        self._missing = missing
        self._silence_until = silence_until

    def _tell(self, sentence: str, waiting_for: str, stage: str = "application") -> None:
        """What the case waits for, for whoever looks at it in Temporal."""
        since = f"{workflow.now():%Y-%m-%d %H:%M}Z"
        workflow.set_current_details(f"{sentence} (since {since})")
        told: list[SearchAttributeUpdate[Any]] = [
            CASE_STATUS.value_set(self._status),
            STAGE.value_set(stage),
            WAITING_FOR.value_set(waiting_for),
        ]
        if self._received is not None:
            told.append(CUSTOMER_ID.value_set(self._received.customer_id))
        if self._assessed is not None:
            told.append(GRADE.value_set(self._assessed.grade))
            told.append(AMOUNT.value_set(float(self._assessed.amount_reporting)))
        workflow.upsert_search_attributes(told)
