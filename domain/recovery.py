"""Recovery (恢复审批): a case whose approval lapsed in silence, put before everybody on its route afresh.

It decides nothing. Whether a lapse may be recovered is `policies/recovery.py`.
"""

from datetime import datetime

from pydantic import Field

from domain.identity import Id
from domain.value import Value

APPROVAL_SILENCE = "approval_silence"  # why a case lapsed that nobody decided in time


class Recovery(Value):
    """Which lapse was recovered, by whom and why; once a lapse."""

    approval_id: Id  # the approval that lapsed
    case_id: Id
    reason: str = Field(min_length=1, max_length=2000)
    silent: tuple[Id, ...] = ()  # whoever was asked and did not answer; none of them recovers it
    recovered_by: Id
    recovered_at: datetime

    @property
    def taken_as(self) -> str:
        """The message under which the case's timeline has it, once the case goes on."""
        return f"recovered/{self.approval_id}"
