"""What is looked for beside single cases: requests kept under a bound, and grants above policy."""

from datetime import date

from domain.approval import CitedRisk
from domain.identity import Id
from domain.money import Money
from domain.value import Value


class NearCase(Value):
    """A case that was routed by a sum a little under a bound."""

    case_id: Id
    customer_id: Id
    manager_id: Id
    submitted_on: date
    requested: Money
    aggregate: Money  # what the case was routed by
    bound: str  # `automatic`, or the row of the approval table that ends there
    bound_at: Money


class NearCluster(Value):
    """Cases near a bound that have a manager, or a ring, in common."""

    manager_id: Id | None = None  # of a cluster by manager
    ring: tuple[Id, ...] = ()  # the customers of one risk, of a cluster by ring
    cases: tuple[NearCase, ...]
    total: Money  # requested together, in the reporting currency


class SplittingReport(Value):
    """Clusters of requests near a bound (化整为零排查), by relationship manager and by ring."""

    since: date
    as_of: date
    near_cases: int
    by_manager: tuple[NearCluster, ...]
    by_ring: tuple[NearCluster, ...]


class LetterLimit(Value):
    """What an approved letter grants, how much of it is new, and what policy supported."""

    letter_no: str
    customer_id: Id
    unit: str
    decided_on: date
    limit: Money
    eligible: Money
    added: Money
    route_row: str


class AgainstOpinion(Value):
    """A letter that approves against a review opinion (风险审查意见): an exception."""

    letter_no: str
    case_id: Id
    customer_id: Id
    decided_on: date
    limit: Money | None  # None where the letter grants no limit
    decided_by: tuple[Id, ...]
    objected_by: Id
    note: str  # the opinion's reason
    risks: tuple[CitedRisk, ...] = ()
    conditions: tuple[str, ...] = ()  # that it suggested
    reasons: tuple[str, ...] = ()  # why whoever approved did so all the same


class AboveEligibleGrant(Value):
    """A limit granted above the eligible one: its letter, the exception, and who approved."""

    letter_no: str
    case_id: Id
    customer_id: Id
    decided_on: date
    limit: Money
    eligible: Money
    route_row: str  # the row it was decided by; `none` where policy lowered a limit by itself
    reasons: tuple[str, ...]
    reason: str  # why more was asked for, as the applicant gave it
    decided_by: tuple[Id, ...]
