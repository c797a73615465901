"""Approvals, their tasks and words, the authority register, and the letters they end in."""

from storage.approval.acts import Acts, ActView
from storage.approval.approvals import Approvals, Locked
from storage.approval.authority import AuthorityGrants, AutomaticLane
from storage.approval.bearing import Bearing, Bearings
from storage.approval.decisions import Decisions, DecisionView
from storage.approval.functions import CaseFunctions
from storage.approval.letters import Letters
from storage.approval.meetings import Meetings
from storage.approval.register import AuthorityRegister
from storage.approval.tasks import Tasks, TaskView

__all__ = [
    "ActView",
    "Acts",
    "Approvals",
    "AuthorityGrants",
    "AuthorityRegister",
    "AutomaticLane",
    "Bearing",
    "Bearings",
    "CaseFunctions",
    "DecisionView",
    "Decisions",
    "Letters",
    "Locked",
    "Meetings",
    "TaskView",
    "Tasks",
]
