"""Approval (审批) as a pure state machine: steps, tasks, words, and what follows from each word.

The machine knows who has spoken and what the step asks for. Who may speak at all, the authority at
the moment of decision, is checked by an activity against the register before a word is applied.

    request → open step 1 → words … → step settled → open step 2 → … → approved
                                    ↘ declined | returned
    silence: remind → escalate → lapse; it never approves.
"""

from domain.approval.authority import (
    EVERYWHERE,
    Alarm,
    AuthorityGrant,
    CaseFacts,
    Certificate,
    CertificateContent,
    ConflictContent,
    Delegation,
    DelegationContent,
    GrantScope,
    InterestConflict,
    Register,
    RegisterEntry,
    RegisterEvent,
    Seat,
    SeatContent,
    TierMove,
    Voice,
)
from domain.approval.machine import Approval, Task, TaskStatus
from domain.approval.messages import (
    ApprovalProgress,
    ApprovalResult,
    DecisionRequest,
    Silence,
    StepDue,
)
from domain.approval.route import (
    ApprovalOutcome,
    ApprovalRequest,
    RouteStep,
    StepMode,
    Subject,
    Verdict,
)

__all__ = [
    "EVERYWHERE",
    "Alarm",
    "Approval",
    "ApprovalOutcome",
    "ApprovalProgress",
    "ApprovalRequest",
    "ApprovalResult",
    "AuthorityGrant",
    "CaseFacts",
    "Certificate",
    "CertificateContent",
    "ConflictContent",
    "DecisionRequest",
    "Delegation",
    "DelegationContent",
    "GrantScope",
    "InterestConflict",
    "Register",
    "RegisterEntry",
    "RegisterEvent",
    "RouteStep",
    "Seat",
    "SeatContent",
    "Silence",
    "StepDue",
    "StepMode",
    "Subject",
    "Task",
    "TaskStatus",
    "TierMove",
    "Verdict",
    "Voice",
]
