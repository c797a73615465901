"""Credit insurance (信用保险): an insurance, the insurer's limit on each buyer, and what was shipped.

A buyer is our customer. Of an insurance and of a limit there are versions that are only ever added:
what lowers counts at once, what raises counts when a second person has confirmed it, and until then
the lesser of both counts. What is covered of it on a day is `policies/insurance.py`.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from domain.cover import Part, Stop
from domain.errors import AmountNotPositive, FieldUnreadable
from domain.identity import Id
from domain.money import Currency, Money
from domain.receivable import DocumentNo
from domain.value import Value

Days = Field(ge=0, le=3650)


class InsuranceTerms(Value):
    """What an insurer covers, as agreed (保单)."""

    insurer: Id  # a party or a customer
    policy_no: str = DocumentNo
    currency: Currency
    from_on: date
    until_on: date  # the last day on which a shipment may be covered
    share: Part  # 赔偿比例
    liability_max: Money  # 最高赔偿限额, over all buyers
    deductible: Money  # 免赔额, of each buyer
    terms_days_max: int = Days  # 最长信用期限
    overdue_days_max: int = Days  # later than this, nothing new is covered
    notice_days: int = Days  # after the due date: the last day of the notice of loss (可损通知)
    claim_days: int = Days  # after the due date: the last day of the claim (索赔)
    alarm_days: int = Field(default=14, ge=0, le=3650)  # how long before a deadline the owner hears
    source: str = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.until_on < self.from_on:
            raise ValueError("it ends before it begins")
        if any(each.currency != self.currency for each in (self.liability_max, self.deductible)):
            raise ValueError("an insurance is in one currency")
        if min(self.liability_max.minor, self.deductible.minor) < 0:
            raise ValueError("an amount of an insurance is not below zero")
        if self.claim_days < self.notice_days:
            raise ValueError("a claim is not due before the notice of loss")
        return self

    def lesser(self, later: "InsuranceTerms") -> "InsuranceTerms":
        """What both say, so that nothing counts for more than either."""
        return later.model_copy(
            update={
                "from_on": max(self.from_on, later.from_on),
                "deductible": max(self.deductible, later.deductible),
                **{name: min(getattr(self, name), getattr(later, name)) for name in _LESS_IS_LESS},
            }
        )


_LESS_IS_LESS = (
    "until_on",
    "share",
    "liability_max",
    "terms_days_max",
    "overdue_days_max",
    "notice_days",
    "claim_days",
)


class LimitState(StrEnum):
    """What was said of the insurer's limit on a buyer (买方限额)."""

    ASKED = "asked"
    APPROVED = "approved"
    REDUCED = "reduced"
    CANCELLED = "cancelled"
    REFUSED = "refused"  # of what was asked for; what was approved before stands


class LimitStep(Value):
    """The insurer's limit from one day on; from `cut_on` it covers nothing new."""

    from_on: date
    amount: Money
    cut_on: date | None = None
    terms_days_max: int | None = None

    def lesser(self, later: "LimitStep") -> "LimitStep":
        return LimitStep(
            from_on=max(self.from_on, later.from_on),
            amount=min(self.amount, later.amount),
            cut_on=min(filter(None, (self.cut_on, later.cut_on)), default=None),
            terms_days_max=_shorter(self.terms_days_max, later.terms_days_max),
        )


class LimitWord(Value):
    """One word on the limit of a buyer, dated as the insurer dates it; of asking, as we did."""

    state: LimitState
    amount: Money
    said_on: date
    cut_on: date | None = None
    terms_days_max: int | None = Field(default=None, ge=0, le=3650)
    conditions: str = Field(default="", max_length=2000)
    source: str = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        ends = self.state in (LimitState.CANCELLED, LimitState.REFUSED)
        if self.amount.minor < 0 or (ends and self.amount):
            raise ValueError("a limit that is cancelled or refused is of nothing, none below zero")
        if not ends and not self.amount:
            raise AmountNotPositive(amount=self.amount)
        if self.cut_on is not None and self.cut_on < self.said_on:
            raise ValueError("a cut is not before the day it was said")
        return self

    def after(self, before: LimitStep | None) -> LimitStep | None:
        """The limit that this leads to; None where it leaves all as it was."""
        if self.state in (LimitState.ASKED, LimitState.REFUSED):
            return None
        if self.state is not LimitState.CANCELLED:
            return LimitStep(
                from_on=self.said_on,
                amount=self.amount,
                cut_on=self.cut_on,
                terms_days_max=self.terms_days_max,
            )
        if before is None:
            return None
        cut_on = self.cut_on or self.said_on
        return before.model_copy(update={"from_on": self.said_on, "cut_on": cut_on})


class Checked(Value):
    """A version, by whom, and what a second person said of it."""

    version: int = Field(ge=1)
    needs_check: bool
    recorded_by: Id
    checked_by: Id | None = None
    confirmed: bool | None = None
    note: str = ""

    @property
    def pending(self) -> bool:
        return self.needs_check and self.confirmed is None

    @property
    def counts(self) -> bool:
        return bool(self.confirmed) or not self.needs_check


class TermsVersion(Checked):
    content: InsuranceTerms


class LimitVersion(Checked):
    content: LimitWord


class Insurance(Value):
    """An insurance: its newest version, and what stands of all of them."""

    insurance_id: Id
    newest: TermsVersion
    standing: InsuranceTerms | None


class ShipmentContent(Value):
    """One delivery as it was declared to the insurer (出运申报)."""

    shipment_no: str = DocumentNo  # of the delivery or its invoice
    amount: Money
    shipped_on: date
    terms_days: int = Field(ge=0, le=3650)
    due_on: date

    @model_validator(mode="after")
    def _plausible(self) -> Self:
        if self.amount.minor <= 0:
            raise AmountNotPositive(amount=self.amount)
        if self.due_on < self.shipped_on:
            raise FieldUnreadable(
                column="due_on", expected="shipped_on or later", expected_zh="出运日或之后的日期"
            )
        return self

    @property
    def terms(self) -> int:
        """Its terms in days, by what was said of them or by its dates: the longer of both."""
        return max(self.terms_days, (self.due_on - self.shipped_on).days)


class EventKind(StrEnum):
    PAID = "paid"
    DISPUTED = "disputed"
    SETTLED = "settled"  # the dispute is over
    NOTICE_GIVEN = "notice_given"  # 已报可损
    CLAIMED = "claimed"  # 已索赔


class ShipmentEvent(Value):
    """What became of a shipment, as it was reported to the insurer."""

    event_no: str = DocumentNo
    shipment_no: str = DocumentNo
    kind: EventKind
    happened_on: date
    amount: Money | None = None
    note: str = Field(default="", max_length=2000)

    @model_validator(mode="after")
    def _plausible(self) -> Self:
        if (self.amount is not None) != (self.kind is EventKind.PAID):
            raise ValueError("a payment has an amount, and nothing else has")
        if self.amount is not None and self.amount.minor <= 0:
            raise AmountNotPositive(amount=self.amount)
        return self


class InsuredBuyer(Value):
    """Everything on record of one buyer under one insurance; shipments in the order declared."""

    limit_id: Id
    insurance_id: Id
    customer_id: Id
    terms: InsuranceTerms | None
    versions: tuple[LimitVersion, ...]
    shipments: tuple[ShipmentContent, ...] = ()
    events: tuple[ShipmentEvent, ...] = ()

    @property
    def steps(self) -> tuple[LimitStep, ...]:
        return limit_steps(self.versions)


class Uncovered(StrEnum):
    """Why a shipment, or a part of it, is not covered."""

    NO_INSURANCE = "no_insurance"
    OUTSIDE_PERIOD = "outside_period"
    NO_LIMIT = "no_limit"
    CUT = "cut"
    OVERDUE = "overdue"
    DISPUTED = "disputed"
    TERMS_TOO_LONG = "terms_too_long"
    OVER_LIMIT = "over_limit"


class CoveredShipment(Value):
    """What of a shipment is owed on a day, what of that is covered, and why not the rest."""

    shipment: ShipmentContent
    open: Money
    covered: Money
    why: Uncovered | None

    @property
    def uncovered(self) -> Money:
        return self.open - self.covered


class DeadlineKind(StrEnum):
    NOTICE = "notice"
    CLAIM = "claim"


class Deadline(Value):
    """The last day of a notice of loss or a claim for an overdue shipment that is covered."""

    shipment_no: str
    kind: DeadlineKind
    due_on: date
    met_on: date | None = None  # when it was given, in time
    missed: bool = False


class CoverOn(Value):
    """How much of what a buyer owes is insured on a day, and why not the rest.

    `insured` is what the insurer would pay of what is covered: the share of it less the deductible,
    rounded down.
    """

    as_of: date
    limit: Money  # the insurer's, of that day
    owed: Money
    covered: Money
    insured: Money
    uncovered: dict[Uncovered, Money]
    stopped: tuple[Stop, ...]  # why a shipment of this day would not be covered
    shipments: tuple[CoveredShipment, ...]
    deadlines: tuple[Deadline, ...]

    @property
    def missed(self) -> bool:
        return any(each.missed for each in self.deadlines)


class ChangeReason(StrEnum):
    """Why cover changes by itself."""

    BEGINS = "begins"
    POLICY_END = "policy_end"
    CUT = "cut"
    LIMIT = "limit"  # a word of the insurer takes effect
    OVERDUE = "overdue"
    DEADLINE = "deadline"
    TERMS = "terms"  # what was covered before a stop falls due


class CoverChange(Value):
    """A day on which what counts changes by itself, and by how much; less is below zero."""

    limit_id: Id
    policy_no: str
    on: date
    amount: Money
    reason: ChangeReason


class InsuranceFinding(Value):
    """A deadline that was missed, and who has to answer for it."""

    finding_id: Id
    limit_id: Id
    customer_id: Id
    shipment_no: str
    kind: DeadlineKind
    due_on: date
    found_on: date
    owner: Id
    closed_by: Id | None = None
    closed_on: date | None = None
    note: str = ""


class InsuranceTally(Value):
    buyers: int = 0
    alarms: int = 0
    findings: int = 0

    def __add__(self, other: "InsuranceTally") -> "InsuranceTally":
        mine, others = self.model_dump(), other.model_dump()
        return InsuranceTally(**{name: mine[name] + others[name] for name in mine})


class InsuranceStart(Value):
    """A look at everything insured; the workflow carries `at`, `after` and `tally` over."""

    offset_days: int = 0
    page_size: int = Field(default=100, ge=1, le=1000)
    at: datetime | None = None
    after: Id | None = None
    tally: InsuranceTally = InsuranceTally()


class InsurancePage(Value):
    after: Id | None
    page_size: int
    at: datetime
    offset_days: int = 0


class InsurancePageDone(Value):
    after: Id | None  # None: the book ends here
    tally: InsuranceTally


def standing_terms(versions: Sequence[TermsVersion]) -> InsuranceTerms | None:
    """What of an insurance may be counted on; versions oldest first."""
    found: InsuranceTerms | None = None
    for each in versions:
        if each.counts:
            found = each.content
        elif each.pending and found is not None:
            found = found.lesser(each.content)
    return found


def limit_steps(versions: Sequence[LimitVersion]) -> tuple[LimitStep, ...]:
    """The limits that may be counted on, in the order they were said."""
    steps: list[LimitStep] = []
    for each in versions:
        before = steps[-1] if steps else None
        step = each.content.after(before)
        if step is None:
            continue
        if each.counts:
            steps.append(step)
        elif each.pending:
            steps += [lesser for _, lesser in _beside(steps, step) if lesser is not None]
    return tuple(steps)


def limit_on(steps: Iterable[LimitStep], on: date) -> LimitStep | None:
    """The limit of a day: what was said last of it."""
    return next((each for each in reversed([*steps]) if each.from_on <= on), None)


def terms_raise(before: InsuranceTerms | None, after: InsuranceTerms) -> bool:
    """Whether a version of an insurance asks for a second person."""
    return before is None or before.lesser(after) != after


def limit_raises(steps: Sequence[LimitStep], word: LimitWord) -> bool:
    """Whether a word could count for more than what stands, on some day."""
    step = word.after(steps[-1] if steps else None)
    if step is None:
        return False
    return any(
        lesser != step.model_copy(update={"from_on": day}) for day, lesser in _beside(steps, step)
    )


def _beside(
    steps: Sequence[LimitStep], step: LimitStep
) -> tuple[tuple[date, LimitStep | None], ...]:
    """From each day on which something changes, the lesser of a step and of what stands then; a
    word that takes effect later may have been said before."""
    days = sorted({step.from_on, *(e.from_on for e in steps if e.from_on > step.from_on)})
    standing = [(day, limit_on(steps, day)) for day in days]
    return tuple(
        (day, None if of is None else of.lesser(step).model_copy(update={"from_on": day}))
        for day, of in standing
    )


def _shorter(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)
