"""The credit line (已启用的授信额度) and its conditions precedent."""

from datetime import date, datetime
from enum import StrEnum

from domain.contract import Terms
from domain.identity import Id
from domain.money import Money
from domain.value import Value


class LineStatus(StrEnum):
    ACTIVE = "active"
    FROZEN = "frozen"
    COLLECT_ONLY = "collect_only"
    EXPIRED = "expired"
    TERMINATED = "terminated"


class ConditionStatus(StrEnum):
    OPEN = "open"
    EVIDENCED = "evidenced"  # evidence is on file, not verified yet
    MET = "met"
    WAIVED = "waived"


class ConditionPrecedent(Value):
    """A condition of the letter (前提条件): evidence by its owner, verified by somebody else."""

    case_id: Id
    code: str
    owner: Id
    status: ConditionStatus = ConditionStatus.OPEN
    evidence_hash: str | None = None
    evidenced_by: Id | None = None
    verified_by: Id | None = None


class CreditLine(Value):
    line_id: Id
    customer_id: Id
    group_id: Id | None = None
    case_id: Id
    letter_no: str
    contract_id: Id
    terms: Terms
    limit: Money
    status: LineStatus
    grade: str
    starts_on: date
    ends_on: date
    review_due_on: date
    freeze_reasons: tuple[str, ...] = ()
    activated_at: datetime


class ActivationRequest(Value):
    """The gate to a line in force; asked whenever something that holds it may have moved."""

    case_id: Id
    contract_id: Id
    letter_no: str
    at: datetime
    offset_days: int = 0


class Activation(Value):
    """What the gate answered: the line, or what still holds it.

    `open_conditions` are codes of conditions precedent (or `screening`); `retry_at` is when to ask
    again without being told. What can never be met is refused instead, and ends the case.
    """

    case_id: Id
    line_id: Id | None = None
    open_conditions: tuple[str, ...] = ()
    retry_at: datetime | None = None
