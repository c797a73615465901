"""Classification of claims: the five tiers (五级分类), the stage, and the losses posted for them.

Where the boundaries lie is policy (`policies/classification.py`); how much is expected to be lost
is `policies/impairment.py`. A customer's class and its postings are only ever added to: each holds
as of a day, and a later one of the same day corrects it.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum

from pydantic import Field

from domain.cover import Cover
from domain.identity import Id
from domain.money import Money, money_sum
from domain.value import Value


class FiveTier(StrEnum):
    """From best to worst; the last three are non-performing (不良)."""

    NORMAL = "normal"  # 正常
    SPECIAL_MENTION = "special_mention"  # 关注
    SUBSTANDARD = "substandard"  # 次级
    DOUBTFUL = "doubtful"  # 可疑
    LOSS = "loss"  # 损失

    @property
    def gravity(self) -> int:
        return _ORDER.index(self)

    @property
    def non_performing(self) -> bool:
        return self.gravity >= _ORDER.index(FiveTier.SUBSTANDARD)


_ORDER = tuple(FiveTier)


class Stage(IntEnum):
    """The stage of IFRS 9: whether losses of twelve months are expected, or of the whole life."""

    PERFORMING = 1
    INCREASED = 2  # a significant increase in credit risk
    IMPAIRED = 3


class ClaimSign(StrEnum):
    """What is known of a claim beside its days past due."""

    USE_CHANGED = "use_changed"  # 擅自改变资金用途
    NEW_FOR_OLD = "new_for_old"  # 借新还旧
    NON_PERFORMING_ELSEWHERE = "non_performing_elsewhere"  # 在其他银行不良
    CREDIT_IMPAIRED = "credit_impaired"  # 已发生信用减值
    RATING_CUT = "rating_cut"  # 外部评级大幅下调
    DEBT_EVADED = "debt_evaded"  # 逃废债务
    BANKRUPT = "bankrupt"  # 破产清算


class Claim(Value):
    """One claim on a debtor on the day looked at; cover is no part of it, as it does not help."""

    claim_id: Id
    amount: Money
    days_past_due: int = Field(default=0, ge=0)
    technical: bool = False  # late for an operational or technical reason
    signs: tuple[ClaimSign, ...] = ()
    loss_share: Decimal = Decimal(0)  # expected credit loss over the book value
    restructured_on: date | None = None
    tier_before: FiveTier | None = None
    regular_since: date | None = None  # arrears are paid, and payments regular from this day
    regular_payments: int = Field(default=0, ge=0)  # periods paid on time since then


class Classified(Value):
    """A claim's tier and the rules that put it there."""

    claim_id: Id
    tier: FiveTier
    reasons: tuple[str, ...] = ()


class Portfolio(StrEnum):
    """How losses are expected of a claim: of lines by stage, of trade receivables by the matrix."""

    LINE = "line"
    RECEIVABLES = "receivables"


# ── what is known of a customer on a day ─────────────────────────────────────────────────────────


class LineStanding(Value):
    """A line as of a day, amounts in the reporting currency."""

    line_id: Id
    grade: str
    grade_origin: str  # of the case it rests on
    used: Money
    unused: Money  # what may still be drawn; nothing once no more is lent
    rate_annual: Decimal
    ends_on: date
    late_until: date | None = None  # the last day of a repayment after its end
    covers: tuple[tuple[Cover, Money], ...] = ()  # with what each counts for on the day


class ItemStanding(Value):
    """An open invoice as of a day: the rest that is owed, in the reporting currency."""

    due_on: date
    amount: Money


class Regularity(Value):
    """How regularly invoices have been paid as of a day."""

    late_until: date | None = None  # the last day on which one was settled late
    due_days: tuple[date, ...] = ()  # days after it on which invoices fell due that are settled


class Debtor(Value):
    """Everything a customer is classified by, as of a day."""

    customer_id: Id
    lines: tuple[LineStanding, ...] = ()
    items: tuple[ItemStanding, ...] = ()
    signs: tuple[ClaimSign, ...] = ()
    restructured_on: date | None = None
    regularity: Regularity = Regularity()


# ── what it came to ──────────────────────────────────────────────────────────────────────────────


class ClassByRule(Value):
    """The class that the rules alone give, beside one that was set by hand or still follows it."""

    tier: FiveTier
    tier_since: date
    stage: Stage
    reasons: tuple[str, ...] = ()


class CustomerClass(Value):
    """The class of a customer as of a day: the debtor's tier and stage, and its claims by tier.

    `amounts` add up to what is owed; `grade` is the worst of its lines, `grade_origin` what that
    line began with, both empty without a line.
    """

    customer_id: Id
    as_of: date
    tier: FiveTier
    tier_since: date
    stage: Stage
    reasons: tuple[str, ...] = ()
    grade: str = ""
    grade_origin: str = ""
    overdue_since: date | None = None  # the due date of the oldest claim past due
    used: Money
    unused: Money
    receivables: Money
    amounts: dict[FiveTier, Money] = {}
    edition_hash: str
    records: tuple[Id, ...] = ()  # ids of the customer's other records that were judged with it
    ruled: ClassByRule | None = None  # where it is not this one
    tier_least: FiveTier | None = (
        None  # the best that may be set by hand, where better than by rule
    )
    manual_id: Id | None = None  # of the class set by hand that gave the tier

    @property
    def by_rule(self) -> ClassByRule:
        """The class that the rules alone give."""
        same = {name: getattr(self, name) for name in ClassByRule.model_fields}
        return self.ruled or ClassByRule(**same)

    @property
    def as_ruled(self) -> "CustomerClass":
        """As if nothing had ever been set by hand."""
        if self.ruled is None:
            return self
        return self.model_copy(update={**dict(self.ruled), "ruled": None, "manual_id": None})

    @classmethod
    def together(cls, customer_id: str, found: Sequence["CustomerClass"]) -> "CustomerClass":
        """The class of a customer whose records were judged apart, until it is judged as one.

        It stands in the worst tier of them, since the latest of their days, so that no merge ends
        the time that a way up takes; what they owe is added up.
        """
        worst = max(found, key=lambda each: (each.tier.gravity, each.tier_since))
        if len(found) == 1:
            return worst.model_copy(update={"customer_id": customer_id})
        ruled = max(
            (each.by_rule for each in found), key=lambda each: (each.tier.gravity, each.tier_since)
        )
        lined = max(found, key=lambda each: (bool(each.grade), each.tier.gravity))
        alike = [each for each in found if each.used.currency == worst.used.currency]
        amounts: dict[FiveTier, Money] = {}
        for tier in FiveTier:
            parts = [each.amounts[tier] for each in alike if tier in each.amounts]
            if parts:
                amounts[tier] = money_sum(parts, worst.used.currency)
        return worst.model_copy(
            update={
                "customer_id": customer_id,
                "as_of": max(each.as_of for each in found),
                "ruled": ruled if any(each.ruled for each in found) else None,
                "stage": max(each.stage for each in found),
                "grade": lined.grade,
                "grade_origin": lined.grade_origin,
                "overdue_since": min(
                    (each.overdue_since for each in found if each.overdue_since), default=None
                ),
                "amounts": amounts,
                **{
                    name: money_sum((getattr(each, name) for each in alike), worst.used.currency)
                    for name in ("used", "unused", "receivables")
                },
            }
        )

    def dated(self, on: date, before: "CustomerClass | None") -> "CustomerClass":
        """The class as it is to hold from a later day on, after `before`; a tier it did not stand in
        then begins on that day."""

        def since(tier: FiveTier, was: "ClassByRule | CustomerClass | None") -> date:
            return was.tier_since if was is not None and was.tier is tier else on

        ruled = self.ruled
        if ruled is not None:
            was = before.by_rule if before else None
            ruled = ruled.model_copy(update={"tier_since": since(ruled.tier, was)})
        return self.model_copy(
            update={"as_of": on, "tier_since": since(self.tier, before), "ruled": ruled}
        )

    @property
    def owed(self) -> Money:
        """What is owed in all; an invoice that stands for a line's use counts once."""
        return money_sum(self.amounts.values(), self.used.currency)

    def days_past_due_on(self, on: date) -> int:
        """Days past due on a later day, if nothing else has happened."""
        return 0 if self.overdue_since is None else (on - self.overdue_since).days

    def standing(self, on: date, line: Money, receivables: Money) -> "ClassStanding":
        """How the customer stands on a day, with the allowances of its lines and its invoices."""
        same = set(ClassStanding.model_fields) & set(CustomerClass.model_fields)
        return ClassStanding(
            **{name: getattr(self, name) for name in same},
            days_past_due=self.days_past_due_on(on),
            owed=self.owed,
            allowance_line=line,
            allowance_receivables=receivables,
            allowance=line + receivables,
        )

    @property
    def vacant(self) -> bool:
        """Nothing is owed, nothing can be drawn, and nothing is held against the customer."""
        known = self.used or self.receivables or self.unused
        return not known and self.tier is FiveTier.NORMAL and self.stage is Stage.PERFORMING

    def same_as(self, other: "CustomerClass | None") -> bool:
        """Whether nothing has changed but the day of looking and the edition looked by."""
        if other is None:
            return False
        aside = {"as_of", "edition_hash"}
        return self.model_dump(exclude=aside) == other.model_dump(exclude=aside)

    def moved_from(self, other: "CustomerClass | None") -> bool:
        """Whether tier, stage or a reason has changed."""
        return other is None or (self.tier, self.stage, self.reasons) != (
            other.tier,
            other.stage,
            other.reasons,
        )


class LineLoss(Value):
    """What is expected to be lost of one line, and by which figures."""

    line_id: Id
    grade: str
    exposure: Money  # what is used, and the edition's part of what is not
    pd_annual: Decimal
    lgd: Decimal
    months: int  # that it still runs
    rate_effective: Decimal
    allowance: Money


class MatrixLine(Value):
    """One age of a provision matrix: balance, rate and the allowance of it, rounded down."""

    age: str
    balance: Money
    rate: Decimal
    allowance: Money


class Loss(Value):
    """The loss expected of a customer's claims of one portfolio as of a day, with its figures."""

    portfolio: Portfolio
    stage: Stage
    allowance: Money
    lines: tuple[LineLoss, ...] = ()
    matrix: tuple[MatrixLine, ...] = ()


class LossEntry(Value):
    """A posting: what the allowance of a day moves by, so that it is what `loss` says."""

    customer_id: Id
    n: int  # of the customer and portfolio, from 1
    period_on: date
    delta: Money
    loss: Loss
    edition_hash: str
    run_id: Id
    recorded_at: datetime | None = None


# ── runs ─────────────────────────────────────────────────────────────────────────────────────────


class ClassificationTally(Value):
    """What a run came to: every customer seen has changed, has not, or could not be judged."""

    seen: int = 0
    changed: int = 0
    unchanged: int = 0
    failed: int = 0
    entries: int = 0  # postings made

    def __add__(self, other: "ClassificationTally") -> "ClassificationTally":
        mine, others = self.model_dump(), other.model_dump()
        return ClassificationTally(**{name: mine[name] + others[name] for name in mine})


class ClassificationStart(Value):
    """Classify the book as of a day; None is the business day on which the run begins."""

    run_id: Id | None = None  # None: named after the workflow's own run
    as_of: date | None = None
    person_id: Id = "system"
    page_size: int = Field(default=100, ge=1, le=1000)
    offset_days: int = 0
    at: datetime | None = None  # carried over: the instant the run is as of
    after: Id | None = None  # carried over: the last customer seen
    customer_ids: tuple[Id, ...] = ()  # these alone; the whole book where none is named


class ClassificationPage(Value):
    """One page of a run."""

    run_id: Id
    as_of: date | None
    person_id: Id
    after: Id | None
    page_size: int
    at: datetime
    offset_days: int = 0
    customer_ids: tuple[Id, ...] = ()


class ClassificationPageDone(Value):
    """How far the run has come; `after` is None when the book ends here."""

    after: Id | None
    tally: ClassificationTally


class ClassificationRun(Value):
    """How far a run has come, and what it came to."""

    run_id: Id
    as_of: date
    started_by: Id
    tally: ClassificationTally
    pages: int
    after: Id | None
    finished: bool
    started_at: datetime
    finished_at: datetime | None = None


class ClassificationFailure(Value):
    """A customer whom a run could not judge, and the refusal that says why."""

    customer_id: Id
    code: str


# ── figures ──────────────────────────────────────────────────────────────────────────────────────


class ClassStanding(Value):
    """How a customer stands as of a day, beside its allowance; a row of what the figures sum up."""

    customer_id: Id
    tier: FiveTier
    tier_since: date
    stage: Stage
    reasons: tuple[str, ...]
    grade: str
    grade_origin: str
    days_past_due: int
    ruled: ClassByRule | None = (
        None  # the class that the rules alone give, where it is not this one
    )
    manual_id: Id | None = None
    owed: Money
    used: Money
    unused: Money
    receivables: Money
    allowance_line: Money
    allowance_receivables: Money
    allowance: Money


class TierFigures(Value):
    """The customers that stand in a tier, what they owe and what of all claims is in that tier."""

    tier: FiveTier
    customers: int
    owed: Money  # by the customers of the tier
    claims: Money  # of the tier, whoever owes them
    allowance: Money  # of the customers of the tier


class StageFigures(Value):
    stage: Stage
    customers: int
    owed: Money
    allowance_line: Money
    allowance_receivables: Money
    allowance: Money


class ClassFigures(Value):
    """The book by tier and by stage as of a day; both sum to the same totals."""

    as_of: date
    customers: int
    owed: Money
    allowance: Money
    tiers: tuple[TierFigures, ...]
    stages: tuple[StageFigures, ...]
