"""The release after this one, as a careful and as a careless engineer would write it.

Both look at the case once more before it is judged. One asks whether the case had passed that place
when the release came; the other does not.
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.signatures import ApplicationSteps
    from domain.application import Assessed, CaseResult, CaseStart, CaseStep
    from workflows.application import CreditApplicationWorkflow
    from workflows.messages import STEP_RETRY, STEP_TIMEOUT

CHANGE = "look before judging"


@workflow.defn(name="CreditApplicationWorkflow")
class GuardedChange(CreditApplicationWorkflow):
    @workflow.init
    def __init__(self, start: CaseStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: CaseStart) -> CaseResult:
        return await super().run(start)

    async def _assess(self) -> Assessed:
        if workflow.patched(CHANGE):
            await self._look_once_more()
        return await super()._assess()

    async def _look_once_more(self) -> None:
        await workflow.execute_activity_method(
            ApplicationSteps.look_at_case,
            CaseStep(
                case_id=self._start.case_id,
                at=workflow.now(),
                offset_days=self._start.offset_days,
            ),
            start_to_close_timeout=STEP_TIMEOUT,
            retry_policy=STEP_RETRY,
            summary="look once more",
        )


@workflow.defn(name="CreditApplicationWorkflow")
class UnguardedChange(GuardedChange):
    @workflow.init
    def __init__(self, start: CaseStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: CaseStart) -> CaseResult:
        return await super().run(start)

    async def _assess(self) -> Assessed:
        await self._look_once_more()
        return await CreditApplicationWorkflow._assess(self)
