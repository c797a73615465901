"""The agreement's order of events: sent, then signed, declined, expired or withdrawn.

The customer acts through a one-time link; what was done is on record before this workflow hears of
it, and the message names the record. Each end has a path and a value; silence ends as expired.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.refusals import refusal, refusal_of
    from activities.signatures import ContractSteps
    from domain.contract import (
        ContractEnd,
        ContractOrder,
        ContractOutcome,
        ContractStatus,
        CustomerActed,
        IssueContract,
        IssuedContract,
    )
    from domain.errors import OutOfOrder
    from workflows.connection import DUE_AT, WAITING_FOR
    from workflows.messages import STEP_RETRY, STEP_TIMEOUT, keep_refused_signal, parsed

_NO_TIME = timedelta(0)


@workflow.defn
class ContractSigningWorkflow:
    """`contract/<case_id>`: one agreement, from its letter to its end."""

    @workflow.init
    def __init__(self, order: ContractOrder) -> None:
        self._order = order
        self._issued: IssuedContract | None = None
        self._outcome: ContractOutcome | None = None
        self._stopped = False
        self._unwritten = False
        self._repaired = False
        self._one_act_at_a_time = asyncio.Lock()

    @workflow.run
    async def run(self, order: ContractOrder) -> ContractOutcome:
        """Send it, then wait for the customer; the wait costs nothing."""
        issued_at = workflow.now()
        expires_at = order.expires_at(issued_at)
        try:
            await self._send(issued_at, expires_at)
            self._tell("waits for the customer's signature", "customer", expires_at)
            await self._until(lambda: self._outcome is not None, expires_at)
        except TimeoutError:
            await self._end(ContractStatus.EXPIRED, "not_signed_in_time")
        else:
            await self._end(ContractStatus.WITHDRAWN, "withdrawn")
        assert self._outcome is not None
        workflow.set_current_details(f"ended: {self._outcome.status}")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._outcome

    @workflow.update(name="sign")
    async def sign(self, message: Any = None) -> dict[str, Any]:
        """The customer signed through the link; answered once both signatures are verified."""
        return await self._answered("sign", message)

    @sign.validator
    def _sign_in_form(self, message: Any = None) -> None:
        self._parsed(message)

    @workflow.signal(name="sign")
    async def sign_by_signal(self, message: Any = None) -> None:
        """The same from a tool that can only signal; a refusal is put on record for it."""
        await self._signalled("sign", message)

    @workflow.update(name="decline")
    async def decline(self, message: Any = None) -> dict[str, Any]:
        """The customer declined through the link."""
        return await self._answered("decline", message)

    @decline.validator
    def _decline_in_form(self, message: Any = None) -> None:
        self._parsed(message)

    @workflow.signal(name="decline")
    async def decline_by_signal(self, message: Any = None) -> None:
        await self._signalled("decline", message)

    @workflow.signal
    def stop(self, message: Any = None) -> None:
        """The case was withdrawn; nobody needs to sign any more."""
        self._stopped = True

    @workflow.signal
    def issue_again(self, message: Any = None) -> None:
        """What kept the agreement from being written was repaired."""
        self._repaired = True

    async def _send(self, issued_at: datetime, expires_at: datetime) -> None:
        """Write, seal and send; what cannot be written waits for a repair, as long as it may."""
        while self._issued is None and not self._stopped:
            self._repaired = self._unwritten = False
            try:
                self._issued = await workflow.execute_activity_method(
                    ContractSteps.issue_contract,
                    IssueContract(
                        contract_id=self._order.contract_id,
                        case_id=self._order.case_id,
                        letter=self._order.letter,
                        issued_at=issued_at,
                        expires_at=expires_at,
                    ),
                    start_to_close_timeout=STEP_TIMEOUT,
                    retry_policy=STEP_RETRY,
                    summary=f"write, seal and send the agreement to {self._order.letter.letter_no}",
                )
            except ActivityError as failure:
                refused = refusal_of(failure)
                if refused is None:
                    raise
                self._unwritten = True
                self._tell(f"cannot be written: {refused.detail()}", "operator", expires_at)
                await self._until(lambda: self._repaired, expires_at)

    async def _until(self, condition: Callable[[], bool], by: datetime) -> None:
        """Wait for the condition or for `stop`; raises `TimeoutError` when the time is up."""
        await workflow.wait_condition(
            lambda: condition() or self._stopped,
            timeout=max(by - workflow.now(), _NO_TIME),
            timeout_summary=f"to be signed by {by:%Y-%m-%d %H:%M}Z",
        )

    async def _end(self, status: ContractStatus, reason: str) -> None:
        """End it unless the customer was faster."""
        async with self._one_act_at_a_time:
            if self._outcome is not None:
                return
            end = ContractEnd.model_validate(
                {
                    "contract_id": self._order.contract_id,
                    "status": status,
                    "reason": reason,
                    "ended_at": workflow.now(),
                }
            )
            if self._issued is None:  # there is nothing on record to end
                self._outcome = ContractOutcome(
                    contract_id=end.contract_id, status=status, ended_at=end.ended_at
                )
                return
            self._outcome = await workflow.execute_activity_method(
                ContractSteps.end_contract,
                end,
                start_to_close_timeout=STEP_TIMEOUT,
                retry_policy=STEP_RETRY,
                summary=f"{status}: {reason}",
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

    async def _acted(self, action: str, message: Any) -> ContractOutcome:
        """Let the act take effect; records know whether it did before, or came too late."""
        acted = self._parsed(message)
        steps = {"sign": ContractSteps.record_signature, "decline": ContractSteps.record_decline}
        # The link may be followed in the moment before we hear that the agreement was sent.
        await workflow.wait_condition(
            lambda: bool(self._issued or self._outcome or self._unwritten)
        )
        if self._issued is None:
            raise refusal(OutOfOrder(reason="the agreement has not been sent"))
        async with self._one_act_at_a_time:
            self._outcome = await workflow.execute_activity_method(
                steps[action],
                acted,
                start_to_close_timeout=STEP_TIMEOUT,
                retry_policy=STEP_RETRY,
                summary=f"{action} by the customer",
            )
            return self._outcome

    def _parsed(self, message: Any) -> CustomerActed:
        return parsed(
            CustomerActed,
            message,
            contract_id=self._order.contract_id,
            acted_at=workflow.now(),
        )

    def _tell(self, sentence: str, waiting_for: str, due_at: datetime) -> None:
        """What the agreement waits for, for whoever looks at it in Temporal."""
        since, until = (f"{at:%Y-%m-%d %H:%M}Z" for at in (workflow.now(), due_at))
        workflow.set_current_details(f"{sentence} (since {since}, until {until})")
        workflow.upsert_search_attributes(
            [WAITING_FOR.value_set(waiting_for), DUE_AT.value_set(due_at)]
        )
