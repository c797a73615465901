"""The register of authority (授权): grants and sub-grants, seats, delegations, certificates, conflicts.

What is on record is only ever added to; an end is a record of its own. Who may decide what by all of
it on a day is judged in `policies/authority.py`.
"""

from datetime import date
from typing import Annotated, ClassVar, Self

from pydantic import Field, StringConstraints, model_validator

from domain.approval.route import Subject
from domain.classification import FiveTier
from domain.cover import CoverClass
from domain.customer import Segment
from domain.errors import AmountNotPositive
from domain.identity import Id
from domain.money import Money
from domain.value import Value

# A post (岗位) or a body (机构, 委员会) by its code.
SeatCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
_Text = Annotated[str, StringConstraints(min_length=1, max_length=64)]
_Named = Annotated[tuple[_Text, ...], Field(max_length=50)]


class CaseFacts(Value):
    """What of a case a grant may be confined to; what is not known is in no scope."""

    case_id: str
    subject: Subject
    aggregate: Money
    unit: str = ""
    region: str = ""
    industry: str = ""
    product: str = ""
    segment: Segment | None = None
    tier_class: FiveTier | None = None
    secured: bool = False


class GrantScope(Value):
    """What authority is confined to; a part that names nothing confines nothing."""

    units: _Named = ()
    regions: _Named = ()
    industries: _Named = ()
    products: _Named = ()
    segments: tuple[Segment, ...] = ()
    classes: tuple[FiveTier, ...] = ()
    subjects: tuple[Subject, ...] = ()
    secured_only: bool = False

    def holds(self, facts: CaseFacts) -> bool:
        """Whether a case lies within it."""
        known = {
            "units": facts.unit,
            "regions": facts.region,
            "industries": facts.industry,
            "products": facts.product,
            "segments": facts.segment,
            "classes": facts.tier_class,
            "subjects": facts.subject,
        }
        named = ((getattr(self, part), fact) for part, fact in known.items())
        return all(not names or fact in names for names, fact in named) and (
            facts.secured or not self.secured_only
        )

    def beyond(self, other: "GrantScope") -> tuple[str, ...]:
        """The parts in which this scope reaches further than another."""
        parts = [name for name in type(self).model_fields if name != "secured_only"]
        wider = [
            part
            for part in parts
            if (bound := set(getattr(other, part)))
            and (not getattr(self, part) or not set(getattr(self, part)) <= bound)
        ]
        bare = other.secured_only and not self.secured_only
        return (*wider, *(("secured_only",) if bare else ()))


EVERYWHERE = GrantScope()


class AuthorityGrant(Value):
    """A numbered grant of authority (授权书): who may decide as what, how much, and when.

    Its holder is a person, whoever sits in a post, or every member of a body. A sub-grant (转授权)
    names its parent, a special grant (特别授权) the one case it is for.
    """

    grant_no: str
    person_id: Id | None = None
    position: str
    limit: Money  # the largest group exposure after approval, in the reporting currency
    valid_from: date
    valid_until: date
    granted_by: str  # of a sub-grant: who holds its parent
    revoked_on: date | None = None
    post: SeatCode | None = None
    body: SeatCode | None = None
    scope: GrantScope = EVERYWHERE
    parent_no: str | None = None
    case_id: Id | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if sum(each is not None for each in (self.person_id, self.post, self.body)) != 1:
            raise ValueError("its holder is one person, one post or one body")
        if self.valid_until < self.valid_from:
            raise ValueError("it ends before it begins")
        if self.limit.minor < 0:
            raise AmountNotPositive(amount=self.limit)
        return self

    @property
    def seat(self) -> str | None:
        """The post or the body that holds it; None where a person does."""
        return self.post or self.body

    def in_force(self, on: date) -> bool:
        return self.valid_from <= on <= self.valid_until and (
            self.revoked_on is None or on < self.revoked_on
        )

    def covers(self, position: str, aggregate: Money, on: date) -> bool:
        """Whether the grant alone lets its holder decide as this position, this much, on this day."""
        return self.in_force(on) and self.position == position and aggregate <= self.limit

    def reaches(self, facts: CaseFacts) -> bool:
        """Whether a case lies within its cap, its scope and, where it is for one case, is that."""
        fits = (
            self.limit.currency == facts.aggregate.currency
            and facts.aggregate <= self.limit
            and self.case_id in (None, facts.case_id)
        )
        return fits and self.scope.holds(facts)

    def beyond(self, parent: "AuthorityGrant") -> tuple[str, ...]:
        """In what a sub-grant reaches further than its parent; nothing where it lies within."""
        same_money = self.limit.currency == parent.limit.currency
        found = {
            "position": self.position != parent.position,
            "limit": not same_money or self.limit > parent.limit,
            "valid_from": self.valid_from < parent.valid_from,
            "valid_until": self.valid_until > parent.valid_until,
            "case_id": parent.case_id is not None and self.case_id != parent.case_id,
        }
        over = tuple(name for name, further in found.items() if further)
        return (*over, *self.scope.beyond(parent.scope))


class RegisterEntry(Value):
    """What every entry beside the grants has: an id, who wrote it, its days, and its end."""

    kind: ClassVar[str]

    entry_id: Id
    recorded_by: Id
    valid_from: date
    valid_until: date | None = None  # the last day
    ended_on: date | None = None  # before its time: the first day without it
    ended_by: Id | None = None

    def in_force(self, on: date) -> bool:
        lasts = self.valid_until is None or on <= self.valid_until
        return self.valid_from <= on and lasts and (self.ended_on is None or on < self.ended_on)

    @property
    def of_person(self) -> str:
        """Whom the entry lets decide, or keeps from it."""
        raise NotImplementedError

    @property
    def about(self) -> str:
        """What it gives them, or ties them to."""
        raise NotImplementedError


class _Dated(Value):
    """Days that are said with an entry, in their order."""

    valid_from: date
    valid_until: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise ValueError("it ends before it begins")
        return self


class SeatContent(_Dated):
    """Who sits in a post or belongs to a body, from when to when."""

    person_id: Id
    post: SeatCode | None = None
    body: SeatCode | None = None

    @model_validator(mode="after")
    def _is_one_seat(self) -> Self:
        if (self.post is None) == (self.body is None):
            raise ValueError("it is one post or one body")
        return self


class Seat(SeatContent, RegisterEntry):
    kind: ClassVar[str] = "seat"

    @property
    def of_person(self) -> str:
        return self.person_id

    @property
    def about(self) -> str:
        return self.post or self.body or ""


class DelegationContent(_Dated):
    """A standing delegation (委托代理): somebody else speaks for an approver for a time."""

    delegator: Id | None = None  # None: whoever records it
    delegate: Id
    valid_until: date
    reason: str = Field(min_length=1, max_length=500)
    absent: bool = True  # out of office: the delegator does not decide meanwhile
    scope: GrantScope = EVERYWHERE
    limit: Money | None = None  # None: as much as the delegator


class Delegation(DelegationContent, RegisterEntry):
    kind: ClassVar[str] = "delegation"

    delegator: Id
    valid_until: date

    @property
    def of_person(self) -> str:
        return self.delegate

    @property
    def about(self) -> str:
        return self.delegator

    def reaches(self, facts: CaseFacts) -> bool:
        """Whether a case lies within what was delegated."""
        within = self.limit is None or (
            self.limit.currency == facts.aggregate.currency and facts.aggregate <= self.limit
        )
        return within and self.scope.holds(facts)


class CertificateContent(_Dated):
    """A certificate (资格证) of a person, by its number; its evidence is a document on file."""

    certificate_no: Id
    person_id: Id
    code: SeatCode
    valid_until: date
    evidence: str = Field(pattern=r"^[0-9a-f]{64}$")


class Certificate(CertificateContent, RegisterEntry):
    kind: ClassVar[str] = "certificate"

    valid_until: date

    @property
    def of_person(self) -> str:
        return self.person_id

    @property
    def about(self) -> str:
        return self.code


class ConflictContent(Value):
    """A tie of one's own with a customer (利益冲突), declared."""

    customer_id: Id
    note: str = Field(min_length=1, max_length=500)


class InterestConflict(ConflictContent, RegisterEntry):
    kind: ClassVar[str] = "conflict"

    person_id: Id

    @property
    def of_person(self) -> str:
        return self.person_id

    @property
    def about(self) -> str:
        return self.customer_id


class Register(Value):
    """Everything in force on one day: what `policies/authority.py` judges by."""

    on: date
    grants: tuple[AuthorityGrant, ...] = ()
    seats: tuple[Seat, ...] = ()
    delegations: tuple[Delegation, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    active: frozenset[Id] = frozenset()  # approvers who may act at all


class Voice(Value):
    """By what right a person decides: a grant, and for whom, through which delegations."""

    person_id: Id
    grant: AuthorityGrant
    chain: tuple[Id, ...] = ()  # from the grant's holder to the person, where they are two
    delegations: tuple[Id, ...] = ()
    certificate_no: Id | None = None

    @property
    def on_behalf_of(self) -> str | None:
        return self.chain[0] if self.chain else None

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody whose authority is used."""
        return self.chain or (self.person_id,)


class TierMove(Value):
    """What would put a case before other people, all else as it is: an amount, another grade, or
    cover of another class."""

    up: bool
    row: str
    amount: Money | None = None  # up: above it; down: up to it
    grade: str | None = None
    cover: CoverClass | None = None


class Alarm(Value):
    """A task that nobody could decide, in the queue of whoever repairs that; it never passes."""

    task_id: Id
    case_id: Id
    position: str
    queue: str
    raised_on: date
    stands: bool  # the task is open still


class RegisterEvent(Value):
    """One thing that was written into the register of authority, or ended in it."""

    entry_id: str
    kind: str  # grant, seat, delegation, certificate, conflict
    what: str  # recorded, ended
    person_id: str | None
    about: str
    on: date
    by: str
    reason: str = ""
