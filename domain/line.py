"""The credit line (已启用的授信额度): its conditions precedent, its gate, and its life.

What is taken from its limit is `domain/exposure.py`; its dates are counted in `policies/line.py`.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from domain.calendar import day_begins_at
from domain.contract import (
    OF_ROLE,
    Contract,
    ContractStatus,
    Letter,
    Terms,
    differing_field,
)
from domain.errors import (
    ContractDiffers,
    LetterLapsed,
    NotPermitted,
    OutOfOrder,
    SameHands,
    ScreeningStale,
)
from domain.identity import SYSTEM, Id, Person
from domain.money import Money
from domain.reasons import because
from domain.review import ReviewCause
from domain.screening import ListEffect
from domain.value import Value

# A condition that only a hit of the screening makes: somebody shows that it is not the customer.
SCREENING = "screening"
# Why a line that ends when nothing is taken lets nothing out; no person gives or lifts it.
TERMINATION = "terminated_by_letter"

ProductCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
ReasonCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_:.-]{0,59}$")]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]


class LineStatus(StrEnum):
    ACTIVE = "active"
    FROZEN = "frozen"
    COLLECT_ONLY = "collect_only"
    EXPIRED = "expired"
    TERMINATED = "terminated"

    @property
    def ended(self) -> bool:
        """Nothing is lent on it any more; what is owed is still taken back."""
        return self in (LineStatus.EXPIRED, LineStatus.TERMINATED)


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
    decision_id: str | None = None  # of the waiver
    note: str = ""
    text: str = ""  # of a condition in words; others are named by their code
    due_on: date | None = None
    after_activation: bool = False  # to be shown by its day, with the line in force until then

    @property
    def settled(self) -> bool:
        return self.status in (ConditionStatus.MET, ConditionStatus.WAIVED)

    def holds(self, business_on: date) -> bool:
        """Whether it keeps the line from being put in force on a day."""
        if self.settled:
            return False
        return not self.after_activation or self.due_on is None or business_on > self.due_on

    def refuse_other_desk(self, person: Person) -> None:
        """Nothing, or `NotPermitted` where another role than the person's is to bring evidence."""
        role = self.owner.removeprefix(OF_ROLE)
        if role != self.owner and role not in person.roles:
            raise NotPermitted(action="condition.evidence")

    def evidenced(self, evidence_hash: str, person_id: Id) -> "ConditionPrecedent":
        """With evidence on file; fresh evidence has to be verified afresh."""
        if self.settled:
            raise OutOfOrder(**because("condition_state", condition=self.code, status=self.status))
        return self.model_copy(
            update={
                "status": ConditionStatus.EVIDENCED,
                "evidence_hash": evidence_hash,
                "evidenced_by": person_id,
            }
        )

    def verified(self, person_id: Id) -> "ConditionPrecedent":
        """Met, in the eyes of somebody who neither owns it nor brought the evidence."""
        if self.status is not ConditionStatus.EVIDENCED:
            raise OutOfOrder(**because("condition_state", condition=self.code, status=self.status))
        self._refuse_own(person_id)
        return self.model_copy(update={"status": ConditionStatus.MET, "verified_by": person_id})

    def rejected(self, note: str) -> "ConditionPrecedent":
        """The evidence does not show it; the condition is open again."""
        if self.status is not ConditionStatus.EVIDENCED:
            raise OutOfOrder(**because("condition_state", condition=self.code, status=self.status))
        return self.model_copy(
            update={
                "status": ConditionStatus.OPEN,
                "evidence_hash": None,
                "evidenced_by": None,
                "note": note,
            }
        )

    def waived(self, person_id: Id, decision_id: str, note: str) -> "ConditionPrecedent":
        """Not asked for any more, by a decision of its own."""
        if self.settled:
            raise OutOfOrder(**because("condition_state", condition=self.code, status=self.status))
        self._refuse_own(person_id)
        return self.model_copy(
            update={
                "status": ConditionStatus.WAIVED,
                "verified_by": person_id,
                "decision_id": decision_id,
                "note": note,
            }
        )

    def _refuse_own(self, person_id: Id) -> None:
        if person_id == self.owner:
            raise SameHands(first="owning a condition", second="verifying it")
        if person_id == self.evidenced_by:
            raise SameHands(first="bringing the evidence", second="verifying it")


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
    last_draw_on: date | None = None
    temporary_until: date | None = None  # the last day of a temporary limit in force
    edition_hash: str = ""
    version: int = 1

    @property
    def closing(self) -> bool:
        """Whether a letter terminated it, and it waits for what is taken to come back."""
        return TERMINATION in self.freeze_reasons and not self.status.ended


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


class Freeze(Value):
    """One reason why a line may not be used (冻结); `collect_only` lets nothing out at all."""

    freeze_id: str  # the message that froze
    line_id: Id
    reason: ReasonCode
    collect_only: bool = False
    frozen_by: Id
    frozen_at: datetime
    lifted_by: Id | None = None
    lifted_at: datetime | None = None
    product: str | None = None  # of the one product that is stopped; None is the whole line

    @property
    def ends_line(self) -> bool:
        """Whether it stands until nothing is taken, and the line ends then."""
        return self.reason == TERMINATION

    def refuse_own_hands(self, person_id: Id) -> None:
        """Who froze does not unfreeze; what a rule froze in the system's name, a rule may lift."""
        if person_id == self.frozen_by != SYSTEM.person_id:
            raise SameHands(first="freezing a line", second="unfreezing it")


def status_under(freezes: Iterable[Freeze]) -> LineStatus:
    """How a line that has not ended stands under the freezes that nobody has lifted."""
    found = list(freezes)
    if any(freeze.collect_only for freeze in found):
        return LineStatus.COLLECT_ONLY
    return LineStatus.FROZEN if found else LineStatus.ACTIVE


class LineEvent(Value):
    """One thing that happened to a line, for its timeline."""

    at: datetime
    kind: str
    person_id: Id
    facts: dict[str, str] = {}


class LineAction(Value):
    """A message to a line, as its handler parsed it.

    A person's carries a token issued to them for it; what is owed by a rule carries none, and its
    id is the key it is owed under. With a product, only uses of that are stopped or let go on.
    """

    line_id: Id
    action: str  # freeze, unfreeze, terminate
    person_id: Id
    message_id: str = Field(min_length=1, max_length=200)
    token: str = Field(default="", max_length=200, repr=False)
    reason: ReasonCode | None = None  # of the freeze; None lifts whatever stands
    note: Note = ""
    collect_only: bool = False
    product: ProductCode | None = None
    at: datetime
    offset_days: int = 0

    @property
    def content(self) -> dict[str, Any]:
        """What it asks, by which a repeat is known; a product only where one is named."""
        apart = {"at", "token"} | ({"product"} if self.product is None else set())
        return {**self.model_dump(mode="json", exclude=apart), "token": ""}


class LineProgress(Value):
    """Where a line stands; all that its workflow branches on."""

    line_id: Id
    customer_id: Id
    status: LineStatus
    review_due_on: date
    ends_on: date
    temporary_until: date | None = None
    review_open: bool = False
    freeze_reasons: tuple[str, ...] = ()
    look_again_at: datetime | None = None  # when time does something to it; None once ended
    replayed: bool = False


class LineLook(Value):
    """Do what time has made due on a line by now: end, return to the base limit, review."""

    line_id: Id
    at: datetime
    offset_days: int = 0


class ReviewDue(Value):
    """Somebody, or some rule, wants a line looked at again."""

    line_id: Id
    cause: ReviewCause = ReviewCause.REQUEST
    at: datetime
    offset_days: int = 0


class Answered(Value):
    """A message that was taken, by the hash of what it asked, and the answer to it."""

    content_hash: str
    progress: LineProgress


class LineStart(Value):
    """What a line's workflow is started with, and what it hands on to its next run.

    `answered` are the latest messages by id, so that a repeat is known for one whichever run it
    reaches; `causes` are the reviews asked for that no step has taken up yet.
    """

    line_id: Id
    offset_days: int = 0
    answered: dict[str, Answered] = Field(default_factory=dict)
    causes: tuple[ReviewCause, ...] = ()


class ReviewAsked(Value):
    """The message that a line is to be looked at again."""

    cause: ReviewCause = ReviewCause.REQUEST


class ExpirySweep(Value):
    """End the reservations whose time is over by this instant."""

    at: datetime
    offset_days: int = 0
    most: int = Field(default=500, ge=1, le=5000)


class ExpirySwept(Value):
    ended: int


def refuse_unready(letter: Letter, contract: Contract | None, business_on: date) -> None:
    """What no waiting can mend: a letter that lapsed, an agreement unsigned or unlike its letter.

    A letter that keeps the line's terms has no agreement of its own.
    """
    if contract is not None and contract.status is not ContractStatus.SIGNED:
        raise OutOfOrder(**because("agreement_state", status=contract.status))
    if letter.terms is None:
        raise OutOfOrder(**because("letter_declines", letter_no=letter.letter_no))
    differing = None if contract is None else differing_field(contract.terms, letter.terms)
    if differing is not None:
        field, ours, theirs = differing
        raise ContractDiffers(field=field, contract=ours, letter=theirs)
    if business_on > letter.valid_until:
        raise LetterLapsed(letter_no=letter.letter_no, valid_until=letter.valid_until)


def refuse_stop(effect: ListEffect | None, screened_on: date) -> None:
    """A customer on a list that stops is lent nothing, whatever was signed."""
    if effect is ListEffect.STOP:
        raise ScreeningStale(screened_on=screened_on)


def next_due_at(
    line: CreditLine,
    *,
    review_open: bool,
    offset_days: int,
    closing_on: date | None = None,
    limit_moves_on: date | None = None,
) -> datetime | None:
    """The instant of the first business day on which time alone does something to the line.

    One that ends when nothing is taken is looked at on every day and reviewed no more; `closing_on`
    is today, `limit_moves_on` the next day on which a part of its limit begins or ends, or a step of what
    stands above it may be missed.
    """
    if line.status.ended:
        return None
    days = [line.ends_on + timedelta(days=1)]
    if closing_on is not None:
        days.append(closing_on + timedelta(days=1))
    elif not review_open:
        days.append(line.review_due_on)
    if line.temporary_until is not None:
        days.append(line.temporary_until + timedelta(days=1))
    if limit_moves_on is not None:
        days.append(limit_moves_on)
    return day_begins_at(min(days), offset_days)
