"""Workflows that go another way than their histories: what a careless change would look like.

Each stands for its namesake in a replay that has to fail. In none of them does a step give another
answer: replay cannot see that, which is why judgements are made in activities.
"""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.application import CaseResult, CaseStart
    from domain.approval import ApprovalRequest, ApprovalResult, MinutesOrder, SealedMinutes
    from domain.benchmark import RepricingPageDone, RepricingStart, RepricingTally
    from domain.classification import (
        ClassificationPageDone,
        ClassificationStart,
        ClassificationTally,
    )
    from domain.collection import CollectionProgress, CollectionResult, CollectionStart
    from domain.confirmation import ConfirmationPageDone, ConfirmationStart, ConfirmationTally
    from domain.contract import ContractOrder, ContractOutcome
    from domain.insurance import InsurancePageDone, InsuranceStart, InsuranceTally
    from domain.line import ExpirySweep, ExpirySwept, LineProgress, LineStart
    from domain.notification import OutboxTurn
    from domain.order import RecheckDone, RecheckStart
    from domain.rerating import ReratingPage, ReratingProgress, ReratingStart
    from domain.review import Reassessed, ReviewResult, ReviewStart
    from domain.warning import MonitoringPageDone, MonitoringStart, MonitoringTally
    from workflows.application import CreditApplicationWorkflow
    from workflows.approval import ApprovalWorkflow
    from workflows.classification import ClassificationWorkflow
    from workflows.collection import CollectionWorkflow
    from workflows.confirmation import ConfirmationWorkflow
    from workflows.contract import ContractSigningWorkflow
    from workflows.insurance import InsuranceWorkflow
    from workflows.line import CreditLineWorkflow, ReservationExpiryWorkflow
    from workflows.minutes import MinutesWorkflow
    from workflows.order import RecheckWorkflow
    from workflows.outbox import OutboxWorkflow
    from workflows.repricing import RepricingWorkflow
    from workflows.rerating import ReratingWorkflow
    from workflows.review import ReviewWorkflow
    from workflows.warning import MonitoringWorkflow


@workflow.defn(name="CreditApplicationWorkflow")
class ActivatesBeforeSigning(CreditApplicationWorkflow):
    """The gate is tried first, and the agreement signed afterwards."""

    @workflow.init
    def __init__(self, start: CaseStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: CaseStart) -> CaseResult:
        return await super().run(start)

    async def _signed(self, order: ContractOrder) -> None:
        await super()._activated(order)

    async def _activated(self, order: ContractOrder) -> None:
        await super()._signed(order)


@workflow.defn(name="CreditApplicationWorkflow")
class ScreensAfterAssessing(CreditApplicationWorkflow):
    """The application is judged before it is received."""

    @workflow.init
    def __init__(self, start: CaseStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: CaseStart) -> CaseResult:
        return await super().run(start)

    async def _receive(self) -> None:
        await super()._assess()
        await super()._receive()


@workflow.defn(name="ApprovalWorkflow")
class ApprovalWithoutAClock(ApprovalWorkflow):
    """Nobody is reminded, and silence lasts for ever."""

    @workflow.init
    def __init__(self, request: ApprovalRequest) -> None:
        super().__init__(request)

    @workflow.run
    async def run(self, request: ApprovalRequest) -> ApprovalResult:
        return await super().run(request)

    async def _spoken_or_silent(self, progress: object) -> None:
        await workflow.wait_condition(lambda: self._withdrawn or self._progress is not progress)


@workflow.defn(name="ContractSigningWorkflow")
class ContractSentTwice(ContractSigningWorkflow):
    """The agreement is written and sent again before anybody has answered."""

    @workflow.init
    def __init__(self, order: ContractOrder) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: ContractOrder) -> ContractOutcome:
        await self._send(workflow.now(), order.expires_at(workflow.now()))
        self._issued = None
        return await super().run(order)


@workflow.defn(name="CreditLineWorkflow")
class LineThatWaitsFirst(CreditLineWorkflow):
    """An hour passes before the line is looked at."""

    @workflow.init
    def __init__(self, start: LineStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: LineStart) -> LineProgress:
        return await super().run(start)

    async def _look(self) -> LineProgress:
        await workflow.sleep(timedelta(hours=1))
        return await super()._look()


@workflow.defn(name="ReviewWorkflow")
class ReviewJudgedTwice(ReviewWorkflow):
    """The line is judged a second time before anything follows from the first."""

    @workflow.init
    def __init__(self, start: ReviewStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: ReviewStart) -> ReviewResult:
        return await super().run(start)

    async def _reassess(self, attempt: int) -> Reassessed:
        await super()._reassess(attempt)
        return await super()._reassess(attempt)


@workflow.defn(name="CollectionWorkflow")
class CollectionThatWaitsFirst(CollectionWorkflow):
    """A day passes before the arrears are looked at."""

    @workflow.init
    def __init__(self, start: CollectionStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: CollectionStart) -> CollectionResult:
        return await super().run(start)

    async def _look(self) -> CollectionProgress:
        await workflow.sleep(timedelta(days=1))
        return await super()._look()


@workflow.defn(name="ClassificationWorkflow")
class ClassificationOfEachPageTwice(ClassificationWorkflow):
    """Every page of the book is classified twice."""

    @workflow.init
    def __init__(self, start: ClassificationStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: ClassificationStart) -> ClassificationTally:
        return await super().run(start)

    async def _page(self, start: ClassificationStart, after: str | None) -> ClassificationPageDone:
        await super()._page(start, after)
        return await super()._page(start, after)


@workflow.defn(name="MinutesWorkflow")
class SealsTwice(MinutesWorkflow):
    """The minutes are set and sealed twice."""

    @workflow.run
    async def run(self, order: MinutesOrder) -> SealedMinutes:
        await super().run(order)
        return await super().run(order)


@workflow.defn(name="RepricingWorkflow")
class RepricingOfEachPageTwice(RepricingWorkflow):
    """Every page of the book is repriced twice."""

    @workflow.init
    def __init__(self, start: RepricingStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: RepricingStart) -> RepricingTally:
        return await super().run(start)

    async def _page(self, start: RepricingStart, after: str | None) -> RepricingPageDone:
        await super()._page(start, after)
        return await super()._page(start, after)


@workflow.defn(name="InsuranceWorkflow")
class InsuranceOfEachPageTwice(InsuranceWorkflow):
    """Every page of what is insured is looked at twice."""

    @workflow.init
    def __init__(self, start: InsuranceStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: InsuranceStart) -> InsuranceTally:
        return await super().run(start)

    async def _page(self, start: InsuranceStart, after: str | None) -> InsurancePageDone:
        await super()._page(start, after)
        return await super()._page(start, after)


@workflow.defn(name="ConfirmationWorkflow")
class ConfirmationOfEachPageTwice(ConfirmationWorkflow):
    """Every page of the accounts is asked for twice."""

    @workflow.init
    def __init__(self, start: ConfirmationStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: ConfirmationStart) -> ConfirmationTally:
        return await super().run(start)

    async def _page(self, start: ConfirmationStart, after: str | None) -> ConfirmationPageDone:
        await super()._page(start, after)
        return await super()._page(start, after)


@workflow.defn(name="MonitoringWorkflow")
class MonitoringOfEachPageTwice(MonitoringWorkflow):
    """Every page of the book is looked at twice."""

    @workflow.init
    def __init__(self, start: MonitoringStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: MonitoringStart) -> MonitoringTally:
        return await super().run(start)

    async def _page(self, start: MonitoringStart, after: str | None) -> MonitoringPageDone:
        await super()._page(start, after)
        return await super()._page(start, after)


@workflow.defn(name="OutboxWorkflow")
class OutboxThatRests(OutboxWorkflow):
    """A second of rest before each turn."""

    @workflow.init
    def __init__(self, turn: OutboxTurn) -> None:
        super().__init__(turn)

    @workflow.run
    async def run(self, turn: OutboxTurn) -> None:
        await workflow.sleep(1)
        await super().run(turn)


@workflow.defn(name="ReservationExpiryWorkflow")
class ExpiryThatWaits(ReservationExpiryWorkflow):
    """A second of rest before the first page."""

    @workflow.run
    async def run(self, sweep: ExpirySweep) -> ExpirySwept:
        await workflow.sleep(1)
        return await super().run(sweep)


@workflow.defn(name="RecheckWorkflow")
class RecheckThatWaits(RecheckWorkflow):
    """A second of rest before the first page."""

    @workflow.run
    async def run(self, start: RecheckStart) -> RecheckDone:
        await workflow.sleep(1)
        return await super().run(start)


@workflow.defn(name="ReratingWorkflow")
class ReratingThatJudgesTwice(ReratingWorkflow):
    """Each page is taken twice."""

    @workflow.run
    async def run(self, start: ReratingStart) -> ReratingProgress:
        return await super().run(start)

    async def _page(self, page: ReratingPage) -> ReratingProgress:
        await super()._page(page)
        return await super()._page(page)


VARIANTS: tuple[type, ...] = (
    SealsTwice,
    ActivatesBeforeSigning,
    ScreensAfterAssessing,
    ApprovalWithoutAClock,
    ContractSentTwice,
    LineThatWaitsFirst,
    ReviewJudgedTwice,
    CollectionThatWaitsFirst,
    ClassificationOfEachPageTwice,
    ConfirmationOfEachPageTwice,
    InsuranceOfEachPageTwice,
    MonitoringOfEachPageTwice,
    RepricingOfEachPageTwice,
    OutboxThatRests,
    ExpiryThatWaits,
    RecheckThatWaits,
    ReratingThatJudgesTwice,
)
