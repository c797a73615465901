"""Which role may ask for what: one table, deny by default.

How much a person may decide is an authority, checked where the decision is recorded; that nobody
decides on their own case is a rule of the case. Here is only whether a role may ask at all, and
whose customers it sees. Every service asks `permit` first.
"""

from enum import StrEnum

from domain.errors import NotPermitted
from domain.identity import EVERYTHING, Person, Role, Scope

_RM = Role.RELATIONSHIP_MANAGER
_APPROVER = Role.APPROVER
_RISK = Role.RISK_OFFICER
_RELEASE = Role.RELEASE_OFFICER
_LEGAL = Role.LEGAL
_COLLECTOR = Role.COLLECTOR
_OPERATOR = Role.OPERATOR
_AUDITOR = Role.AUDITOR
_ORDERS = Role.ORDER_SYSTEM

_STAFF = frozenset({_RM, _APPROVER, _RISK, _RELEASE, _LEGAL, _COLLECTOR, _OPERATOR, _AUDITOR})
_READERS = _STAFF - {_OPERATOR}  # an operator keeps the programs running and sees no customer


class Action(StrEnum):
    """Everything a person or a program may ask for."""

    CUSTOMER_READ = "customer.read"
    CUSTOMER_RECORD = "customer.record"
    MERGE_PROPOSE = "merge.propose"
    MERGE_DECIDE = "merge.decide"
    PARTY_RECORD = "party.record"
    RELATED_READ = "related.read"
    RELATED_RECORD = "related.record"
    RELATED_CHECK = "related.check"
    COVER_READ = "cover.read"
    COVER_RECORD = "cover.record"
    COVER_CHECK = "cover.check"
    INSURANCE_READ = "insurance.read"
    INSURANCE_RECORD = "insurance.record"
    INSURANCE_CHECK = "insurance.check"
    INSURANCE_DECLARE = "insurance.declare"
    INSURANCE_CLOSE = "insurance.close"
    INSURANCE_RUN = "insurance.run"
    CAP_READ = "cap.read"
    CAP_ASK = "cap.ask"
    IDLE_READ = "idle.read"
    IDLE_PROPOSE = "idle.propose"
    MOVE_ASK = "move.ask"
    STATEMENT_READ = "statement.read"
    STATEMENT_RECORD = "statement.record"
    RECEIVABLE_READ = "receivable.read"
    RECEIVABLE_RECORD = "receivable.record"
    RECONCILIATION_READ = "reconciliation.read"
    RECONCILIATION_RUN = "reconciliation.run"
    RECONCILIATION_CLOSE = "reconciliation.close"
    CONFIRMATION_READ = "confirmation.read"
    CONFIRMATION_ASK = "confirmation.ask"
    CONFIRMATION_RUN = "confirmation.run"
    CONFIRMATION_ANSWER = "confirmation.answer"
    TRADE_READ = "trade.read"
    TRADE_RECORD = "trade.record"
    PAYABLE_RECORD = "payable.record"
    SET_OFF_RECORD = "set_off.record"
    BILL_READ = "bill.read"
    BILL_RECORD = "bill.record"
    LATE_READ = "late.read"
    LATE_CHARGE = "late.charge"
    LATE_WAIVE = "late.waive"
    LATE_GRANT = "late.grant"
    TURNOVER_READ = "turnover.read"
    TURNOVER_RECORD = "turnover.record"
    REPORT_READ = "report.read"
    REPORT_PULL = "report.pull"
    REPORT_AUTHORISE = "report.authorise"
    AGENCY_RATING_RECORD = "agency_rating.record"
    ATTACHMENT_READ = "attachment.read"
    ATTACHMENT_RECORD = "attachment.record"
    RATE_READ = "rate.read"
    RATE_RECORD = "rate.record"
    BENCHMARK_READ = "benchmark.read"
    BENCHMARK_RECORD = "benchmark.record"
    REPRICING_READ = "repricing.read"
    REPRICING_RUN = "repricing.run"
    SCREENING_READ = "screening.read"
    SCREENING_RECORD = "screening.record"
    SCREENING_DISPOSE = "screening.dispose"

    APPLICATION_SUBMIT = "application.submit"
    APPLICATION_READ = "application.read"
    APPLICATION_CHANGE = "application.change"
    APPLICATION_WITHDRAW = "application.withdraw"
    APPLICATION_RECONSIDER = "application.reconsider"
    APPLICATION_RECOVER = "application.recover"
    APPLICATION_HISTORY = "application.history"
    APPLICATION_REPLAY = "application.replay"

    OVERRIDE_PROPOSE = "override.propose"
    OVERRIDE_READ = "override.read"
    INVESTIGATION_READ = "investigation.read"
    INVESTIGATION_ASSIGN = "investigation.assign"
    INVESTIGATION_ACT = "investigation.act"
    ANALYST_FIGURE_SUPPLY = "analyst_figure.supply"

    TASK_READ = "task.read"
    TASK_DECIDE = "task.decide"
    AUTHORITY_READ = "authority.read"
    AUTHORITY_GRANT = "authority.grant"
    DELEGATION_RECORD = "delegation.record"
    CERTIFICATE_RECORD = "certificate.record"
    CONFLICT_READ = "conflict.read"
    CONFLICT_DECLARE = "conflict.declare"
    CONFLICT_END = "conflict.end"
    LETTER_READ = "letter.read"
    OFFER_ANSWER = "offer.answer"
    MEETING_READ = "meeting.read"
    MEETING_CONVENE = "meeting.convene"
    MEETING_CLOSE = "meeting.close"

    CONTRACT_READ = "contract.read"
    CONTRACT_SEND = "contract.send"
    CONDITION_READ = "condition.read"
    CONDITION_EVIDENCE = "condition.evidence"
    CONDITION_VERIFY = "condition.verify"

    LINE_READ = "line.read"
    LINE_CHECK = "line.check"
    LINE_RESERVE = "line.reserve"
    LINE_COMMIT = "line.commit"
    LINE_RELEASE = "line.release"
    LINE_REPAY = "line.repay"
    LINE_EXCHANGE = "line.exchange"
    LINE_FREEZE = "line.freeze"
    LINE_UNFREEZE = "line.unfreeze"
    LINE_TERMINATE = "line.terminate"
    USE_READ = "use.read"
    USE_ASK = "use.ask"
    USE_RELEASE = "use.release"
    LEDGER_VERIFY = "ledger.verify"

    ORDER_READ = "order.read"
    ORDER_PLACE = "order.place"
    ORDER_CHANGE = "order.change"
    ORDER_DELIVER = "order.deliver"
    ORDER_RECHECK = "order.recheck"
    HOLD_READ = "hold.read"
    HOLD_TAKE = "hold.take"
    HOLD_SET = "hold.set"
    HOLD_LIFT = "hold.lift"
    HOLD_RELEASE_ASK = "hold.release_ask"
    EXCESS_READ = "excess.read"
    EXCESS_DATES = "excess.dates"
    EXCESS_CONFIRM = "excess.confirm"

    REVIEW_READ = "review.read"
    REVIEW_START = "review.start"
    WARNING_READ = "warning.read"
    WARNING_RUN = "warning.run"
    RERATING_READ = "rerating.read"
    RERATING_RUN = "rerating.run"
    CLASS_READ = "class.read"
    CLASS_RUN = "class.run"
    CLASS_SET = "class.set"
    COHORT_READ = "cohort.read"
    COLLECTION_READ = "collection.read"
    COLLECTION_ACT = "collection.act"

    POLICY_READ = "policy.read"
    POLICY_SIMULATE = "policy.simulate"
    POLICY_DRAFT = "policy.draft"
    POLICY_PUBLISH = "policy.publish"
    LANE_SWITCH = "lane.switch"

    GUARD_READ = "guard.read"
    TOLERANCE_READ = "tolerance.read"
    FIGURES_READ = "figures.read"
    TURNAROUND_READ = "turnaround.read"
    PERSON_TIMES_READ = "person_times.read"
    EVENTS_READ = "events.read"
    AUDIT_READ = "audit.read"
    IDENTITY_READ = "identity.read"
    IDENTITY_RECORD = "identity.record"
    OPERATIONS_READ = "operations.read"
    OPERATIONS_ACT = "operations.act"
    OPERATIONS_CODEC = "operations.codec"
    WEBHOOK_READ = "webhook.read"
    WEBHOOK_RECORD = "webhook.record"
    REPAIR_READ = "repair.read"
    REPAIR_CONFIRM = "repair.confirm"


# Whoever makes a thing does not also check it: no role both submits and decides, evidences and
# verifies, or grants a line and enters what is drawn on it.
MATRIX: dict[Action, frozenset[Role]] = {
    Action.CUSTOMER_READ: _READERS,
    Action.CUSTOMER_RECORD: frozenset({_RM}),
    Action.MERGE_PROPOSE: frozenset({_RM, _RISK}),
    # Confirmed by another person than proposed it, whatever their roles; the record holds that.
    Action.MERGE_DECIDE: frozenset({_RISK}),
    Action.PARTY_RECORD: frozenset({_RM, _RISK}),
    Action.RELATED_READ: frozenset({_APPROVER, _RISK, _LEGAL, _AUDITOR}),
    Action.RELATED_RECORD: frozenset({_RISK, _LEGAL}),
    Action.RELATED_CHECK: frozenset({_RISK}),
    Action.COVER_READ: _READERS,
    Action.COVER_RECORD: frozenset({_RM, _RISK}),
    # Another risk officer's word, or that of whoever releases on the strength of it.
    Action.COVER_CHECK: frozenset({_RISK, _RELEASE}),
    Action.INSURANCE_READ: _READERS,
    Action.INSURANCE_RECORD: frozenset({_RM, _RISK}),
    Action.INSURANCE_CHECK: frozenset({_RISK, _RELEASE}),
    Action.INSURANCE_DECLARE: frozenset({_RM, _RISK, _COLLECTOR, _ORDERS}),
    # A missed deadline is answered for by who looks after the customer, and closed by another.
    Action.INSURANCE_CLOSE: frozenset({_RISK}),
    Action.INSURANCE_RUN: frozenset({_RISK, _OPERATOR}),
    Action.CAP_READ: _READERS,
    # Decided by whoever may grant as much, and never by who asked.
    Action.CAP_ASK: frozenset({_RM, _RISK}),
    # A list shows lines of many managers, and is decided by others than proposed it.
    Action.IDLE_READ: frozenset({_APPROVER, _RISK, _AUDITOR}),
    Action.IDLE_PROPOSE: frozenset({_RISK}),
    Action.MOVE_ASK: frozenset({_RM, _RISK}),
    Action.STATEMENT_READ: _READERS,
    Action.STATEMENT_RECORD: frozenset({_RM}),
    Action.RECEIVABLE_READ: _READERS,
    Action.RECEIVABLE_RECORD: frozenset({_RM, _ORDERS}),
    Action.CONFIRMATION_READ: _READERS,
    Action.CONFIRMATION_ASK: frozenset({_RM, _RISK}),
    Action.CONFIRMATION_RUN: frozenset({_RISK, _OPERATOR}),
    Action.CONFIRMATION_ANSWER: frozenset({_RM, _RISK}),
    # An extract shows the whole book; whoever looks after a customer closes its findings.
    Action.RECONCILIATION_READ: frozenset({_APPROVER, _RISK, _AUDITOR}),
    Action.RECONCILIATION_RUN: frozenset({_RISK, _OPERATOR}),
    Action.RECONCILIATION_CLOSE: frozenset({_RM, _RISK}),
    Action.TRADE_READ: _READERS,
    Action.TRADE_RECORD: frozenset({_RM, _RISK}),
    Action.PAYABLE_RECORD: frozenset({_RM, _ORDERS}),
    # An agreement lessens the exposure that is shown: not whoever grants or sells puts it on file.
    Action.SET_OFF_RECORD: frozenset({_LEGAL}),
    Action.BILL_READ: _READERS,
    # A bill repays a line: on record by whoever enters what a line is repaid by.
    Action.BILL_RECORD: frozenset({_RELEASE, _ORDERS}),
    Action.LATE_READ: _READERS,
    Action.LATE_CHARGE: frozenset({_COLLECTOR}),
    Action.LATE_WAIVE: frozenset({_RM, _COLLECTOR}),
    Action.LATE_GRANT: frozenset({_APPROVER, _RISK}),
    Action.TURNOVER_READ: _READERS,
    Action.TURNOVER_RECORD: frozenset({_RM}),
    Action.REPORT_READ: _READERS,
    Action.REPORT_PULL: frozenset({_RM, _RISK}),
    Action.REPORT_AUTHORISE: frozenset({_RM}),
    Action.AGENCY_RATING_RECORD: frozenset({_RM, _RISK}),
    Action.ATTACHMENT_READ: _READERS,
    Action.ATTACHMENT_RECORD: frozenset({_RM, _LEGAL, _COLLECTOR, _RISK, _RELEASE}),
    Action.RATE_READ: _STAFF | {_ORDERS},
    Action.RATE_RECORD: frozenset({_RISK}),
    Action.BENCHMARK_READ: _STAFF,
    # Corrected by another person than entered the figure, whatever their roles; the record holds it.
    Action.BENCHMARK_RECORD: frozenset({_RISK}),
    Action.REPRICING_READ: frozenset({_APPROVER, _RISK, _AUDITOR}),
    Action.REPRICING_RUN: frozenset({_RISK, _OPERATOR}),
    Action.SCREENING_READ: frozenset({_RISK, _AUDITOR, _APPROVER, _LEGAL}),
    Action.SCREENING_RECORD: frozenset({_RISK}),
    Action.SCREENING_DISPOSE: frozenset({_RISK}),
    Action.APPLICATION_SUBMIT: frozenset({_RM}),
    Action.APPLICATION_READ: _READERS,
    Action.APPLICATION_CHANGE: frozenset({_RM}),
    Action.APPLICATION_WITHDRAW: frozenset({_RM}),
    Action.APPLICATION_RECONSIDER: frozenset({_RM}),
    # Never whoever was asked and did not answer; the record holds that.
    Action.APPLICATION_RECOVER: frozenset({_RISK}),
    Action.APPLICATION_HISTORY: _STAFF,
    Action.APPLICATION_REPLAY: frozenset({_APPROVER, _RISK, _OPERATOR, _AUDITOR}),
    # Whoever moves a grade, or confirms that, is no approver of the case; the case itself sees to it.
    Action.OVERRIDE_PROPOSE: frozenset({_APPROVER, _RISK}),
    Action.OVERRIDE_READ: frozenset({_RISK, _AUDITOR}),
    Action.INVESTIGATION_READ: _READERS,
    Action.INVESTIGATION_ASSIGN: frozenset({_RM, _RISK}),
    Action.INVESTIGATION_ACT: frozenset({_RM}),
    # Whoever supplies a figure or confirms it is no approver of the case, nor its applicant.
    Action.ANALYST_FIGURE_SUPPLY: frozenset({_APPROVER, _RISK}),
    Action.TASK_READ: _READERS,
    Action.TASK_DECIDE: frozenset({_APPROVER, _RISK}),
    Action.AUTHORITY_READ: _STAFF,
    Action.AUTHORITY_GRANT: frozenset({_OPERATOR}),
    # Approvers have others speak for them; an operator enters it for who is away already.
    Action.DELEGATION_RECORD: frozenset({_APPROVER, _OPERATOR}),
    Action.CERTIFICATE_RECORD: frozenset({_OPERATOR}),
    Action.CONFLICT_READ: frozenset({_RISK, _LEGAL, _AUDITOR}),
    Action.CONFLICT_DECLARE: frozenset({_RM, _APPROVER, _RISK, _RELEASE, _LEGAL, _COLLECTOR}),
    Action.CONFLICT_END: frozenset({_RISK}),
    Action.LETTER_READ: _READERS,
    # What the customer told its manager; never whoever decided the letter.
    Action.OFFER_ANSWER: frozenset({_RM}),
    # A meeting shows the cases of many managers; whoever presents one is told what it came to.
    Action.MEETING_READ: frozenset({_APPROVER, _RISK, _LEGAL, _AUDITOR}),
    Action.MEETING_CONVENE: frozenset({_RISK}),
    # And by whoever chairs it alone: the meeting itself sees to that.
    Action.MEETING_CLOSE: frozenset({_APPROVER, _RISK}),
    Action.CONTRACT_READ: _READERS,
    Action.CONTRACT_SEND: frozenset({_LEGAL}),
    Action.CONDITION_READ: _READERS,
    Action.CONDITION_EVIDENCE: frozenset({_RM, _LEGAL}),
    Action.CONDITION_VERIFY: frozenset({_RELEASE, _RISK}),
    Action.LINE_READ: _READERS | {_ORDERS},
    Action.LINE_CHECK: frozenset({_RM, _RISK, _RELEASE, _ORDERS}),
    Action.LINE_RESERVE: frozenset({_RELEASE, _ORDERS}),
    Action.LINE_COMMIT: frozenset({_RELEASE, _ORDERS}),
    Action.LINE_RELEASE: frozenset({_RELEASE, _ORDERS}),
    Action.LINE_REPAY: frozenset({_RELEASE, _ORDERS}),
    Action.LINE_EXCHANGE: frozenset({_RISK}),
    Action.LINE_FREEZE: frozenset({_RISK}),
    # Freezing and lifting are two authorities: an approver lifts, or another risk officer.
    Action.LINE_UNFREEZE: frozenset({_APPROVER, _RISK}),
    Action.LINE_TERMINATE: frozenset({_APPROVER}),
    Action.USE_READ: _READERS | {_ORDERS},
    Action.USE_ASK: frozenset({_RM, _ORDERS}),
    # Never whoever asked, manages the customer or approved it; the use itself sees to that.
    Action.USE_RELEASE: frozenset({_RELEASE}),
    Action.LEDGER_VERIFY: frozenset({_RISK, _OPERATOR, _AUDITOR}),
    Action.ORDER_READ: _READERS | {_ORDERS},
    Action.ORDER_PLACE: frozenset({_RM, _ORDERS}),
    Action.ORDER_CHANGE: frozenset({_RM, _ORDERS}),
    # What is used of a line is entered by whoever enters it on the book.
    Action.ORDER_DELIVER: frozenset({_RELEASE, _ORDERS}),
    Action.ORDER_RECHECK: frozenset({_RM, _RISK, _RELEASE, _ORDERS}),
    Action.HOLD_READ: _READERS | {_ORDERS},
    Action.HOLD_TAKE: frozenset({_RM, _RISK}),
    Action.HOLD_SET: frozenset({_APPROVER, _RISK}),
    # Of the positions that policy names, and never whoever set it: the hold itself sees to that.
    Action.HOLD_LIFT: frozenset({_APPROVER, _RISK}),
    # Decided by whoever may grant as much, and never by who asked or placed the order.
    Action.HOLD_RELEASE_ASK: frozenset({_RM, _RISK}),
    Action.EXCESS_READ: _READERS,
    Action.EXCESS_DATES: frozenset({_RISK}),
    # Never by who gave the dates.
    Action.EXCESS_CONFIRM: frozenset({_APPROVER, _RISK}),
    Action.REVIEW_READ: _READERS,
    Action.REVIEW_START: frozenset({_RISK}),
    Action.WARNING_READ: _READERS,
    Action.WARNING_RUN: frozenset({_RISK, _OPERATOR}),
    # A preview shows every line of the book, and its file is read whole or not at all.
    Action.RERATING_READ: frozenset({_APPROVER, _RISK, _AUDITOR}),
    Action.RERATING_RUN: frozenset({_RISK}),
    Action.CLASS_READ: _READERS,
    Action.CLASS_RUN: frozenset({_RISK, _OPERATOR}),
    # A better class is confirmed by another risk officer than set it; the record holds that.
    Action.CLASS_SET: frozenset({_RISK}),
    # What became of whose approvals is for those who answer for the book.
    Action.COHORT_READ: frozenset({_APPROVER, _RISK, _AUDITOR}),
    Action.COLLECTION_READ: _READERS,
    Action.COLLECTION_ACT: frozenset({_COLLECTOR}),
    Action.POLICY_READ: _STAFF,
    Action.POLICY_SIMULATE: frozenset({_RISK, _AUDITOR}),
    Action.POLICY_DRAFT: frozenset({_RISK}),
    # A second person's word: another risk officer's, or that of whoever decides exceptions.
    Action.POLICY_PUBLISH: frozenset({_RISK, _APPROVER}),
    Action.LANE_SWITCH: frozenset({_RISK}),
    Action.GUARD_READ: frozenset({_RISK, _AUDITOR}),
    Action.TOLERANCE_READ: frozenset({_RISK, _AUDITOR}),
    Action.FIGURES_READ: _STAFF,
    Action.TURNAROUND_READ: frozenset({_APPROVER, _RISK, _AUDITOR}),
    # Colleagues do not see each other's figures by name.
    Action.PERSON_TIMES_READ: frozenset({_RISK, _AUDITOR}),
    Action.EVENTS_READ: frozenset({_RISK, _AUDITOR}),
    Action.AUDIT_READ: frozenset({_RISK, _OPERATOR, _AUDITOR}),
    Action.IDENTITY_READ: frozenset({_OPERATOR, _AUDITOR}),
    Action.IDENTITY_RECORD: frozenset({_OPERATOR}),
    Action.OPERATIONS_READ: frozenset({_OPERATOR, _AUDITOR}),
    Action.OPERATIONS_ACT: frozenset({_OPERATOR}),
    Action.OPERATIONS_CODEC: frozenset({_OPERATOR}),
    Action.WEBHOOK_READ: frozenset({_OPERATOR, _AUDITOR}),
    # As with keys: whoever keeps the register of people and programs says who is told and who tells.
    Action.WEBHOOK_RECORD: frozenset({_OPERATOR}),
    Action.REPAIR_READ: frozenset({_OPERATOR, _RISK, _AUDITOR}),
    # Confirmed by another person than asked, whatever their roles; the record holds that.
    Action.REPAIR_CONFIRM: frozenset({_OPERATOR, _RISK}),
}


def permitted(person: Person, action: Action) -> bool:
    """Whether any of the person's roles may ask for this."""
    return person.has(*MATRIX.get(action, frozenset()))


def permit(person: Person, action: Action) -> None:
    """Nothing, or `NotPermitted`."""
    if not permitted(person, action):
        raise NotPermitted(action=action)


def visible_to(person: Person) -> Scope:
    """Whose customers the person sees; the widest of what their roles give.

    A relationship manager alone sees the customers they own; what is outside is not found.
    """
    return Scope(manager_id=person.person_id) if person.roles <= {_RM} else EVERYTHING
