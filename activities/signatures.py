"""The steps as workflows know them: names, arguments, results; the work is in the stage's file.

One argument and one result each, both values. An implementation subclasses its signature and
decorates each step with `@activity.defn` again; `worker.py` registers it.
"""

from temporalio import activity

from domain.application import (
    Assessed,
    CaseAction,
    CaseChanged,
    CaseEnd,
    CaseStart,
    CaseStep,
    Received,
)
from domain.approval import (
    ActRequest,
    ApprovalProgress,
    ApprovalRequest,
    DecisionRequest,
    MinutesOrder,
    SealedMinutes,
    StepDue,
)
from domain.audit import RefusedMessage
from domain.benchmark import RepricingPage, RepricingPageDone
from domain.classification import ClassificationPage, ClassificationPageDone
from domain.collection import CollectionAction, CollectionLook, CollectionProgress
from domain.confirmation import ConfirmationPage, ConfirmationPageDone
from domain.contract import (
    ContractEnd,
    ContractOutcome,
    CustomerActed,
    IssueContract,
    IssuedContract,
)
from domain.insurance import InsurancePage, InsurancePageDone
from domain.line import (
    Activation,
    ActivationRequest,
    ExpirySweep,
    ExpirySwept,
    LineAction,
    LineLook,
    LineProgress,
    ReviewDue,
)
from domain.notification import OutboxTally, OutboxTurn
from domain.offer import MakeOffer, OfferActed, OfferDue, OfferProgress
from domain.order import RecheckDone, RecheckPage
from domain.rerating import ReratingPage, ReratingProgress
from domain.review import Reassessed, ReviewConclusion, ReviewResult, ReviewTurn
from domain.warning import MonitoringPage, MonitoringPageDone


class ApplicationSteps:
    """From the request on record to the end of a case."""

    @activity.defn
    def receive_application(self, case: CaseStart) -> Received:
        """Record the application, screen it, and list what is missing."""
        raise NotImplementedError

    @activity.defn
    def assess_application(self, step: CaseStep) -> Assessed:
        """Judge the newest records; store the receipt; decide where no person is asked."""
        raise NotImplementedError

    @activity.defn
    def change_application(self, action: CaseAction) -> CaseChanged:
        """Apply a supplement or an amendment, once per message."""
        raise NotImplementedError

    @activity.defn
    def withdraw_application(self, action: CaseAction) -> CaseChanged:
        """End the case as withdrawn and close its open tasks."""
        raise NotImplementedError

    @activity.defn
    def dispose_hits(self, action: CaseAction) -> CaseChanged:
        """Clear or confirm the screening hits that suspend the case."""
        raise NotImplementedError

    @activity.defn
    def override_grade(self, action: CaseAction) -> CaseChanged:
        """Move the grade by notches, or put that before a second person, once per message."""
        raise NotImplementedError

    @activity.defn
    def look_at_case(self, step: CaseStep) -> CaseChanged:
        """Where the records say the case stands."""
        raise NotImplementedError

    @activity.defn
    def take_report(self, step: CaseStep) -> CaseChanged:
        """Let a waiting case go on once both investigators have signed; else it stays as it is."""
        raise NotImplementedError

    @activity.defn
    def end_case(self, end: CaseEnd) -> CaseChanged:
        """Record that the case lapsed, expired or was stopped, with its reasons."""
        raise NotImplementedError


class ApprovalSteps:
    """One engine for every decision; one transaction for every word."""

    @activity.defn
    def open_approval(self, request: ApprovalRequest) -> ApprovalProgress:
        """Record the approval and open the tasks of its first step."""
        raise NotImplementedError

    @activity.defn
    def record_decision(self, decision: DecisionRequest) -> ApprovalProgress:
        """Check the decider's authority now, record the word, and take its consequence."""
        raise NotImplementedError

    @activity.defn
    def record_act(self, request: ActRequest) -> ApprovalProgress:
        """Check who acts and whom the act names now, record it, and take its consequence."""
        raise NotImplementedError

    @activity.defn
    def act_on_silence(self, due: StepDue) -> ApprovalProgress:
        """Remind, escalate or let lapse: each once; never approve."""
        raise NotImplementedError


class OfferSteps:
    """From a letter on other terms than were asked for to the customer's word on it."""

    @activity.defn
    def make_offer(self, make: MakeOffer) -> OfferProgress:
        """Put the letter's terms to the customer, and owe the one-time link."""
        raise NotImplementedError

    @activity.defn
    def take_offer_answer(self, acted: OfferActed) -> OfferProgress:
        """Let what was said on record take effect, once, and in time."""
        raise NotImplementedError

    @activity.defn
    def end_offer(self, due: OfferDue) -> OfferProgress:
        """Let an offer lapse that nobody answered; never accept it."""
        raise NotImplementedError


class MeetingSteps:
    """What a closed meeting leaves: one sealed document."""

    @activity.defn
    def seal_minutes(self, order: MinutesOrder) -> SealedMinutes:
        """Set the frozen minutes, seal them and keep them; once a meeting."""
        raise NotImplementedError


class ContractSteps:
    """From the letter to an agreement that both have signed, or that ended without."""

    @activity.defn
    def issue_contract(self, issue: IssueContract) -> IssuedContract:
        """Write and seal the agreement, keep it, and owe the customer the one-time link."""
        raise NotImplementedError

    @activity.defn
    def record_signature(self, acted: CustomerActed) -> ContractOutcome:
        """Sign for the customer, verify both signatures, and end the agreement as signed."""
        raise NotImplementedError

    @activity.defn
    def record_decline(self, acted: CustomerActed) -> ContractOutcome:
        """End the agreement as declined by the customer."""
        raise NotImplementedError

    @activity.defn
    def end_contract(self, end: ContractEnd) -> ContractOutcome:
        """End an open agreement as expired or withdrawn; one that has ended stays as it is."""
        raise NotImplementedError


class LineSteps:
    """From the signed agreement to a line in force, and through its life."""

    @activity.defn
    def activate_line(self, request: ActivationRequest) -> Activation:
        """Open the gate in one transaction, or say what still holds it.

        A condition that may yet be met is an answer; what can never be met (the letter lapsed, the
        contract differs, a screening stop) is refused.
        """
        raise NotImplementedError

    @activity.defn
    def look_at_line(self, look: LineLook) -> LineProgress:
        """Do what time has made due: end it, return to the base limit, open its review."""
        raise NotImplementedError

    @activity.defn
    def act_on_line(self, action: LineAction) -> LineProgress:
        """Freeze, unfreeze or terminate, on the line and its account at once, once a message."""
        raise NotImplementedError

    @activity.defn
    def open_review(self, due: ReviewDue) -> LineProgress:
        """Open the line's review, or let the cause join the one that is open."""
        raise NotImplementedError

    @activity.defn
    def expire_reservations(self, sweep: ExpirySweep) -> ExpirySwept:
        """End the reservations whose time is over."""
        raise NotImplementedError


class AuditSteps:
    @activity.defn
    def record_refused_message(self, refused: RefusedMessage) -> None:
        """Keep a refused signal where its sender can see it."""
        raise NotImplementedError


class NotificationSteps:
    @activity.defn
    def deliver_outbox(self, turn: OutboxTurn) -> OutboxTally:
        """Deliver what is owed on a channel until the turn is over."""
        raise NotImplementedError


class WarningSteps:
    """The book looked at, page by page."""

    @activity.defn
    def monitor_customers(self, page: MonitoringPage) -> MonitoringPageDone:
        """Judge how a page of customers pays; raise, close, freeze, lift, and open collections."""
        raise NotImplementedError


class OrderSteps:
    """Orders that wait, looked at again."""

    @activity.defn
    def recheck_orders(self, page: RecheckPage) -> RecheckDone:
        """Look at the next waiting orders, the oldest first: cure, take on, finish what was asked."""
        raise NotImplementedError


class ClassificationSteps:
    """The book by tier and stage, and the losses expected of it."""

    @activity.defn
    def classify_customers(self, page: ClassificationPage) -> ClassificationPageDone:
        """Classify a page of customers as of a day, and on every later day that was run already."""
        raise NotImplementedError


class ConfirmationSteps:
    """The book asked to confirm what it owes."""

    @activity.defn
    def ask_accounts(self, page: ConfirmationPage) -> ConfirmationPageDone:
        """Send the accounts that are due of a page of customers, each once."""
        raise NotImplementedError


class RepricingSteps:
    """The floating rates of the book, set anew on their dates."""

    @activity.defn
    def reprice_lines(self, page: RepricingPage) -> RepricingPageDone:
        """Set what has come due on a page of lines, each date of a line once."""
        raise NotImplementedError


class InsuranceSteps:
    """What insurers have to be told in time, page by page."""

    @activity.defn
    def watch_insurance(self, page: InsurancePage) -> InsurancePageDone:
        """Tell the owners of a page of buyers what is due soon, and find what was missed."""
        raise NotImplementedError


class ReratingSteps:
    """The book judged anew, page by page: first a preview, then exactly that."""

    @activity.defn
    def preview_rerating(self, page: ReratingPage) -> ReratingProgress:
        """Judge the next lines of a run; with the last of them the preview has its hash."""
        raise NotImplementedError

    @activity.defn
    def apply_rerating(self, page: ReratingPage) -> ReratingProgress:
        """Put the next lines of a preview in force, each once."""
        raise NotImplementedError


class CollectionSteps:
    @activity.defn
    def look_at_arrears(self, look: CollectionLook) -> CollectionProgress:
        """Send the letter that is due, note a broken promise, or close what is paid."""
        raise NotImplementedError

    @activity.defn
    def act_on_collection(self, action: CollectionAction) -> CollectionProgress:
        """Record a promise, or close the case, once per message."""
        raise NotImplementedError


class ReviewSteps:
    @activity.defn
    def reassess_line(self, turn: ReviewTurn) -> Reassessed:
        """Judge the line on the newest records against its last decision, and propose."""
        raise NotImplementedError

    @activity.defn
    def conclude_review(self, conclusion: ReviewConclusion) -> ReviewResult:
        """Record how the review ended and owe the line what follows."""
        raise NotImplementedError
