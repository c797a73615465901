"""A way to Temporal that does a case's steps at once, with the real steps on the real records.

Tests of pages need cases that move; what the workflows themselves do is tested with workflows.
"""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.application import ApplicationActivities
from activities.approval import ApprovalActivities
from activities.classification import ClassificationActivities
from activities.collection import CollectionActivities
from activities.confirmation import ConfirmationActivities
from activities.contract import ContractActivities
from activities.documents.certificates import open_seals
from activities.documents.sealing import Sealing
from activities.line import LineActivities
from activities.meeting import MeetingActivities
from activities.offer import OfferActivities
from activities.order import OrderActivities
from activities.rerating import ReratingActivities
from activities.review import ReviewActivities
from activities.warning import WarningActivities
from domain.application import CaseAction, CaseStart, CaseStatus, CaseStep, Received
from domain.approval import (
    ActRequest,
    Approval,
    ApprovalOutcome,
    ApprovalRequest,
    DecisionRequest,
    MinutesOrder,
    Silence,
    StepDue,
)
from domain.classification import ClassificationPage, ClassificationStart
from domain.collection import CollectionAction
from domain.confirmation import ConfirmationPage, ConfirmationStart
from domain.contract import ContractOrder, CustomerActed, Grantor, IssueContract
from domain.line import ActivationRequest, LineAction, ReviewDue
from domain.offer import MakeOffer, OfferActed, OfferStatus
from domain.order import RecheckPage
from domain.rerating import ReratingPage, ReratingStart
from domain.review import ReviewTurn
from domain.value import Value
from domain.warning import MonitoringPage, MonitoringStart
from storage.approval import Approvals
from storage.base import Records
from storage.exposure import Exposure
from storage.notification import OutboxRow
from web.service.gateway import Gateway, TemporalUnavailable

_Result = TypeVar("_Result")

GRANTOR = Grantor(name="Creditflow Demonstration Grantor", name_zh="Creditflow 示范授信机构")
PUBLIC_URL = "http://test"
_OWED = (
    "restart_application",
    "start_approval",
    "start_minutes",
    "start_recheck",
    "signal_application_reassess",
    "signal_approval_stop",
)


class Office(Gateway):
    """Messages are carried out before the answer; nothing waits, reminds or lapses."""

    def __init__(self, records: Records, exposure: Exposure, folder: Path) -> None:
        seals = open_seals(folder / "pki", GRANTOR, datetime.now(UTC))
        self._records = records
        self._delivered = 0  # the last entry of the outbox that was carried out
        self.holds_back = False  # whether what is owed waits
        self._applications = ApplicationActivities(records)
        self._approvals = ApprovalActivities(records, exposure)
        self._offers = OfferActivities(records, PUBLIC_URL)
        self._waiting = OrderActivities(records, exposure)
        self.sealing = Sealing(seals, GRANTOR)
        self._contracts = ContractActivities(records, self.sealing, PUBLIC_URL)
        self._meetings = MeetingActivities(records, self.sealing)
        self._lines = LineActivities(records, exposure)
        self._reratings = ReratingActivities(records)
        self._reviews = ReviewActivities(records)
        self._warnings = WarningActivities(records)
        self._confirmations = ConfirmationActivities(records, PUBLIC_URL)
        self._classes = ClassificationActivities(records)
        self._collections = CollectionActivities(records)
        self._orders: dict[str, ContractOrder] = {}
        self.offset_days = 0

    def update_with_start(
        self,
        workflow: str,
        workflow_id: str,
        start: dict[str, Any],
        name: str,
        *,
        queue: str,
        seconds_max: float,
    ) -> dict[str, Any]:
        return self.begin(start["case_id"]).model_dump(mode="json")

    def begin(self, case_id: str) -> Received:
        """What a run of the case's workflow begins with, and what follows from it."""
        start = CaseStart(case_id=case_id, offset_days=self.offset_days)
        received: Received = self._inside(self._applications.receive_application, start)
        if received.status is CaseStatus.RECEIVED:
            self._judge(received.case_id)
        return received

    def update(self, workflow_id: str, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        kind, _, subject = workflow_id.partition("/")
        message = {**payload, "at": self._now(), "offset_days": self.offset_days}
        answer = {
            "application": self._act_on_case,
            "approval": self._decide,
            "contract": self._act_of_customer,
            "line": self._act_on_line,
            "collection": self._act_on_collection,
        }[kind](subject, name, message)
        return answer.model_dump(mode="json")

    def signal(self, workflow_id: str, name: str, payload: dict[str, Any]) -> None:
        kind, _, subject = workflow_id.partition("/")
        if (kind, name) == ("line", "review_due"):
            self._review(subject)

    def start(
        self, workflow: str, workflow_id: str, payload: dict[str, Any], *, queue: str
    ) -> None:
        if workflow == "MonitoringWorkflow":
            start = MonitoringStart.model_validate(payload)
            self._warnings.monitor_customers(
                MonitoringPage(
                    run_id=start.run_id or "run",
                    after=None,
                    page_size=start.page_size,
                    customer_ids=start.customer_ids,
                    at=self._now(),
                    offset_days=start.offset_days,
                )
            )
        if workflow == "ConfirmationWorkflow":
            asking = ConfirmationStart.model_validate(payload)
            self._confirmations.ask_accounts(
                ConfirmationPage(
                    after=None,
                    page_size=asking.page_size,
                    customer_ids=asking.customer_ids,
                    as_of=asking.as_of,
                    at=self._now(),
                    offset_days=asking.offset_days,
                )
            )
        if workflow == "ReratingWorkflow":
            self._rerate(ReratingStart.model_validate(payload))

        if workflow == "ClassificationWorkflow":
            begun = ClassificationStart.model_validate(payload)
            self._classes.classify_customers(
                ClassificationPage(
                    run_id=begun.run_id or "run",
                    as_of=begun.as_of,
                    person_id=begun.person_id,
                    after=None,
                    page_size=begun.page_size,
                    at=self._now(),
                    offset_days=begun.offset_days,
                )
            )

    def history(self, workflow_id: str) -> list[dict[str, Any]]:
        return []

    def ask(self, question: Callable[[Client], Coroutine[Any, Any, _Result]]) -> _Result:
        """Nobody is behind the counter who could be asked."""
        raise TemporalUnavailable

    def try_activation(self, case_id: str) -> str | None:
        """What the workflow does when a condition has moved; the line's id once it is in force."""
        order = self._orders[case_id]
        return self._lines.activate_line(
            ActivationRequest(
                case_id=case_id,
                contract_id=order.contract_id,
                letter_no=order.letter.letter_no,
                at=self._now(),
                offset_days=self.offset_days,
            )
        ).line_id

    def take_report(self, case_id: str) -> None:
        """What the workflow does when both investigators have signed."""
        step = CaseStep(case_id=case_id, at=self._now(), offset_days=self.offset_days)
        if self._applications.take_report(step).status is CaseStatus.RECEIVED:
            self._judge(case_id)

    def _judge(self, case_id: str) -> None:
        with self._records.begin() as session:
            before = Approvals(session).list_of_subject(case_id)
        for approval in before:  # what was put to approval is not what is judged now
            if approval.outcome is ApprovalOutcome.OPEN:
                self._stop(approval)
        step = CaseStep(case_id=case_id, at=self._now(), offset_days=self.offset_days)
        assessed = self._inside(self._applications.assess_application, step)
        if assessed.approval is not None:
            self._inside(self._approvals.open_approval, assessed.approval)
        if assessed.order is not None:
            self._granted(assessed.order)

    def _granted(self, order: ContractOrder) -> None:
        """To the customer to take or leave, where it is not what was asked for; else to be signed,
        unless a letter alone is put in force."""
        if not order.signed:
            self._orders[order.case_id] = order
            self.try_activation(order.case_id)
            return
        if order.offer is None:
            self._send(order)
            return
        now = self._now()
        self._orders[order.case_id] = order
        self._offers.make_offer(
            MakeOffer(
                case_id=order.case_id,
                letter=order.letter,
                differences=order.offer.differences,
                made_at=now,
                expires_at=order.offered_until(now),
                offset_days=self.offset_days,
            )
        )

    def _answer_offer(self, case_id: str, message: dict[str, Any]) -> Value:
        acted = OfferActed.model_validate({**message, "case_id": case_id})
        progress = self._inside(self._offers.take_offer_answer, acted)
        if progress.status is OfferStatus.ACCEPTED:
            self._send(self._orders[case_id])
        return progress

    def _send(self, order: ContractOrder) -> None:
        now = self._now()
        self._orders[order.case_id] = order
        self._contracts.issue_contract(
            IssueContract(
                contract_id=order.contract_id,
                case_id=order.case_id,
                letter=order.letter,
                issued_at=now,
                expires_at=order.expires_at(now),
            )
        )

    def _act_on_case(self, case_id: str, name: str, message: dict[str, Any]) -> Value:
        if name == "answer_offer":
            return self._answer_offer(case_id, message)
        action = CaseAction.model_validate({**message, "case_id": case_id, "action": name})
        if name == "withdraw":
            return self._inside(self._applications.withdraw_application, action)
        if name == "dispose":
            changed = self._inside(self._applications.dispose_hits, action)
        elif name == "override":
            changed = self._inside(self._applications.override_grade, action)
        else:
            changed = self._inside(self._applications.change_application, action)
        if changed.status is CaseStatus.RECEIVED and not changed.replayed:
            self._judge(case_id)
        self.deliver()
        return changed

    def _decide(self, subject: str, name: str, message: dict[str, Any]) -> Value:
        approval_id = subject.replace("/", ".")
        if name == "act":
            act = ActRequest.model_validate({**message, "approval_id": approval_id})
            return self._inside(self._approvals.record_act, act)
        decision = DecisionRequest.model_validate({**message, "approval_id": approval_id})
        progress = self._inside(self._approvals.record_decision, decision)
        if (
            progress.outcome is ApprovalOutcome.APPROVED
            and progress.order
            and not progress.replayed
        ):
            self._granted(progress.order)
        self.deliver()
        return progress

    def deliver(self) -> None:
        """What overrides and caps owe to Temporal, carried out at once, each entry once."""
        if self.holds_back:
            return
        with self._records.begin() as session:
            owed = session.scalars(
                select(OutboxRow)
                .where(OutboxRow.kind.in_(_OWED), OutboxRow.entry_no > self._delivered)
                .order_by(OutboxRow.entry_no)
            ).all()
        for entry in owed:
            self._delivered = entry.entry_no
            match entry.kind:
                case "restart_application":
                    self.begin(entry.facts["case_id"])
                case "start_approval":
                    request = ApprovalRequest.model_validate_json(entry.facts["request"])
                    self._inside(self._approvals.open_approval, request)
                case "start_minutes":
                    self._meetings.seal_minutes(MinutesOrder(meeting_no=entry.facts["meeting_no"]))
                case "start_recheck":
                    facts = {name: entry.facts[name] for name in ("customer_id", "cause")}
                    at = datetime.now(UTC)
                    self._waiting.recheck_orders(RecheckPage(**facts, at=at))
                case "signal_application_reassess":
                    self._judge(entry.facts["case_id"])
                case "signal_approval_stop":
                    with self._records.begin() as session:
                        [approval] = Approvals(session).list_of_subject(entry.facts["subject_id"])
                    self._stop(approval)

    def silent(self, due: StepDue) -> None:
        """Nobody has said anything, for as long as it takes."""
        self._inside(self._approvals.act_on_silence, due)

    def _stop(self, approval: Approval) -> None:
        self.silent(
            StepDue(
                approval_id=approval.request.approval_id,
                step_index=approval.step_index,
                silence=Silence.WITHDRAW,
                at=self._now(),
            )
        )

    def _act_of_customer(self, contract_id: str, name: str, message: dict[str, Any]) -> Value:
        acted = CustomerActed(
            contract_id=contract_id, act_id=message["act_id"], acted_at=message["at"]
        )
        if name == "decline":
            return self._inside(self._contracts.record_decline, acted)
        outcome = self._inside(self._contracts.record_signature, acted)
        self.try_activation(contract_id)
        return outcome

    def _act_on_line(self, line_id: str, name: str, message: dict[str, Any]) -> Value:
        action = LineAction.model_validate({**message, "line_id": line_id, "action": name})
        return self._inside(self._lines.act_on_line, action)

    def _act_on_collection(self, case_id: str, name: str, message: dict[str, Any]) -> Value:
        action = {**message, "collection_id": case_id, "action": name}
        return self._inside(
            self._collections.act_on_collection, CollectionAction.model_validate(action)
        )

    def _review(self, line_id: str) -> None:
        self._lines.open_review(ReviewDue(line_id=line_id, at=self._now()))
        judged = self._reviews.reassess_line(ReviewTurn(line_id=line_id, n=1, at=self._now()))
        if judged.approval is not None:
            self._inside(self._approvals.open_approval, judged.approval)

    def _rerate(self, start: ReratingStart) -> None:
        page = ReratingPage(
            **start.model_dump(exclude={"at", "offset_days"}),
            at=self._now(),
            offset_days=start.offset_days,
        )
        step = self._reratings.preview_rerating
        if start.preview_hash is not None:
            step = self._reratings.apply_rerating
        while not step(page).done:
            pass

    def _inside(self, step: Callable[[Any], Value], content: Value) -> Any:
        """A step that asks Temporal when it was scheduled."""
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, scheduled_time=self._now())
        return environment.run(step, content)

    def _now(self) -> datetime:
        return datetime.now(UTC)
