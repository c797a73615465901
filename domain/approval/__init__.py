"""Approval (审批) as a pure state machine: steps, tasks, words, and what follows from each word.

The machine knows who has spoken and what the step asks for. Who may speak at all, the authority at
the moment of decision, is checked by an activity against the register before a word is applied.

    request → open step 1 → words … → step settled → open step 2 → … → approved
                                    ↘ declined | returned
    silence: remind → escalate → lapse, and the levels between; it never approves.
"""

from domain.approval.acts import Act, ActKind, Copied, Recusal, Resume, Urge
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
from domain.approval.machine import Approval
from domain.approval.messages import (
    ActRequest,
    ApprovalProgress,
    ApprovalResult,
    DecisionRequest,
    LevelDue,
    Silence,
    StepDue,
)
from domain.approval.minutes import Minutes, minutes_of
from domain.approval.route import (
    VOTING_OF,
    WORDS_OF,
    ApprovalOutcome,
    ApprovalRequest,
    RouteStep,
    SilenceAct,
    SilenceLevel,
    StepMode,
    Subject,
    Verdict,
    Voting,
)
from domain.approval.task import Hand, Help, Placement, Task, TaskStatus

__all__ = [
    "EVERYWHERE",
    "VOTING_OF",
    "WORDS_OF",
    "Act",
    "ActKind",
    "ActRequest",
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
    "Copied",
    "DecisionRequest",
    "Delegation",
    "DelegationContent",
    "GrantScope",
    "Hand",
    "Help",
    "InterestConflict",
    "LevelDue",
    "Minutes",
    "Placement",
    "Recusal",
    "Register",
    "RegisterEntry",
    "RegisterEvent",
    "Resume",
    "RouteStep",
    "Seat",
    "SeatContent",
    "Silence",
    "SilenceAct",
    "SilenceLevel",
    "StepDue",
    "StepMode",
    "Subject",
    "Task",
    "TaskStatus",
    "TierMove",
    "Urge",
    "Verdict",
    "Voice",
    "Voting",
    "minutes_of",
]
