"""Approval (审批) as a pure state machine: steps, tasks, words, and what follows from each word.

The machine knows who has spoken and what the step asks for. Who may speak at all, the authority at
the moment of decision, is checked by an activity against the register before a word is applied.

    request → open step 1 → words … → step settled → open step 2 → … → approved
                                    ↘ declined | returned
    silence: remind → escalate → lapse, and the levels between; it never approves.
"""

from domain.approval.authority import AuthorityGrant
from domain.approval.machine import Approval, Task, TaskStatus
from domain.approval.messages import (
    ApprovalProgress,
    ApprovalResult,
    DecisionRequest,
    LevelDue,
    Silence,
    StepDue,
)
from domain.approval.route import (
    ApprovalOutcome,
    ApprovalRequest,
    RouteStep,
    SilenceAct,
    SilenceLevel,
    StepMode,
    Subject,
    Verdict,
)

__all__ = [
    "Approval",
    "ApprovalOutcome",
    "ApprovalProgress",
    "ApprovalRequest",
    "ApprovalResult",
    "AuthorityGrant",
    "DecisionRequest",
    "LevelDue",
    "RouteStep",
    "Silence",
    "SilenceAct",
    "SilenceLevel",
    "StepDue",
    "StepMode",
    "Subject",
    "Task",
    "TaskStatus",
    "Verdict",
]
