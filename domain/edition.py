"""The policy edition (政策版本): every number a judgement uses, as one frozen value with one hash.

An edition is written as TOML, published once and never edited; a later one follows it. Amounts are
whole units of the reporting currency, shares and rates bare decimals, tables rows. What the numbers
mean for a case is `policies/`; whether they make sense together is `policies/edition.py`.
"""

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationError

from domain.application import ApplicationType
from domain.approval import StepMode
from domain.assessment import Missing
from domain.customer import Segment
from domain.errors import EditionInvalid, ProductUnknown
from domain.identity import Id
from domain.money import Currency, Money, rounded
from domain.review import Proposal
from domain.toml import toml_text
from domain.value import Value, content_hash
from domain.warning import WarningLevel


def _no_float(number: Any) -> Any:
    if isinstance(number, float):
        raise ValueError("a float is not an exact number")
    return number


def _plain(number: Decimal) -> Decimal:
    """One writing for one number, so that 0.10 and 0.1 make the same edition."""
    if not number.is_finite():
        raise ValueError("not a finite number")
    plain = number.normalize()
    return plain.quantize(Decimal(1)) if int(plain.as_tuple().exponent) > 0 else plain


Exact = Annotated[Decimal, BeforeValidator(_no_float), AfterValidator(_plain)]
Share = Annotated[Exact, Field(ge=0, le=1)]
Hours = Annotated[Exact, Field(ge=0)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}(:[0-9]{1,3})?$")]
Grade = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9+-]{0,5}$")]


class ExchangePolicy(Value):
    """Which dated rate turns a foreign amount into the reporting currency."""

    rate_kind: str
    rate_age_days_max: int = Field(ge=0)


class Checklist(Value):
    """What a complete application contains, for the types and segments named (all if none is).

    `required` items hold the case at completeness; `optional` ones only lower the share.
    """

    code: Code
    application_types: tuple[ApplicationType, ...] = ()
    segments: tuple[Segment, ...] = ()
    required: tuple[Code, ...] = ()
    optional: tuple[Code, ...] = ()


class CompletenessPolicy(Value):
    share_min: Share  # below it the optional items are asked for too
    statement_age_days_max: int = Field(ge=1)
    checklists: tuple[Checklist, ...]


class SpreadingPolicy(Value):
    """How statements become figures: each figure a formula over items and other figures."""

    year_days: int = Field(ge=360, le=366)
    decimals: int = Field(ge=0, le=12)  # figures are rounded half-even before they are judged
    price_index: Exact  # the GNP price level of Ohlson's size term, base year 100
    figures: dict[Code, str]


class PaymentPolicy(Value):
    """How long the window of a payment record is, and how many invoices make it evidence."""

    window_days: int = Field(ge=1)
    invoices_min: int = Field(ge=1)


class Bin(Value):
    """Values from `at_least` (inclusive) to `below` (exclusive), or the categories named.

    A categorical bin without categories takes every other one.
    """

    label: str = ""
    at_least: Exact | None = None
    below: Exact | None = None
    categories: tuple[str, ...] = ()
    points: Annotated[Exact, Field(ge=0)]


class Factor(Value):
    """One figure and the points its ranges earn, or what its absence means."""

    code: Code
    group: Code
    figure: Code
    missing: Missing
    bins: tuple[Bin, ...] = Field(min_length=1)


class Scorecard(Value):
    """Points by factor; each group's best points add up to its weight, all weights to the total."""

    model: str
    version: str
    weights: dict[Code, Exact]
    neutral_share: Share  # of a factor's best points, where its figure is missing and neutral
    factors: tuple[Factor, ...] = Field(min_length=1)


class MasterGrade(Value):
    """A grade of the master scale (主标尺); a score from its floor up to the next belongs to it."""

    grade: Grade
    score_min: Exact
    pd: Annotated[Exact, Field(gt=0, le=1)]
    lendable: bool = True


class KnockOutEffect(StrEnum):
    DECLINE = "decline"  # the case is declined without asking anybody
    REFER = "refer"  # people decide, whatever the amount
    CAP = "cap"  # the grade is no better than `grade_max`


class KnockOut(Value):
    """A figure in a range (half-open as a bin) that overrules the score."""

    code: Code
    figure: Code
    at_least: Exact | None = None
    below: Exact | None = None
    categories: tuple[str, ...] = ()
    effect: KnockOutEffect
    grade_max: Grade | None = None


class MissingMethod(StrEnum):
    """What a limit method does about a base that cannot be computed."""

    SKIP = "skip"
    ZERO = "zero"


class LimitMethod(Value):
    """A base figure, in the statement's or the reporting currency, times a share by grade."""

    figure: Code
    in_reporting_currency: bool = False
    share: dict[Grade, Annotated[Exact, Field(ge=0)]]
    missing: MissingMethod


class Combine(StrEnum):
    MINIMUM = "minimum"
    MEDIAN = "median"  # the lower of the two middle ones where their number is even


class Product(Value):
    """Which limit methods count for a product (额度品种), and how they combine."""

    methods: tuple[Code, ...] = Field(min_length=1)
    combine: Combine = Combine.MINIMUM


class LimitPolicy(Value):
    """How much: methods, how they combine, the caps above them, and the lot it is floored to."""

    lot: Annotated[Exact, Field(gt=0)]
    lot_foreign: Annotated[Exact, Field(gt=0)]  # in units of another currency than the reporting
    methods: dict[Code, LimitMethod]
    products: dict[Code, Product]
    grade_cap: dict[Grade, Annotated[Exact, Field(ge=0)]]
    capital_net: Annotated[Exact, Field(gt=0)]  # the grantor's own net capital
    single_name_share: Share  # of it, to one customer
    group_share: Share  # of it, to one group


class CapitalPolicy(Value):
    """The IRB function's settings: confidence, PD floor, the SME size adjustment's currency."""

    confidence: Share
    pd_floor: Share
    maturity_years_min: Exact
    maturity_years_max: Exact
    eur_rate: Annotated[Exact, Field(gt=0)]  # reporting currency for one euro, for S


class PricePolicy(Value):
    """What the credit must earn; all rates annual, before tax unless said."""

    funds_cost: Share
    operating_cost: Share
    lgd: Share
    hurdle: Share  # after tax, on economic capital
    capital_return: Share  # what economic capital earns when invested
    tax: Share
    rate_step: Annotated[Exact, Field(gt=0)]  # rates are rounded up to whole steps
    rate_max: Share  # what may be asked for at most
    margin_min: dict[Grade, Share]
    capital: CapitalPolicy


class Tier(Value):
    """An approval level: its place in the order and its clock. Silence never approves."""

    level: int = Field(ge=1)
    remind_hours: Hours
    deadline_hours: Hours
    lapse_hours: Hours  # after the escalation
    escalate_to: Code | None = None


class ApprovalStep(Value):
    tier: Code
    mode: StepMode
    positions: tuple[Code, ...] = Field(min_length=1)


class ApprovalRow(Value):
    """Who approves: aggregate exposure above `above` up to and including `up_to`, these grades."""

    code: Code
    grades: tuple[Grade, ...] = Field(min_length=1)
    above: Annotated[Exact, Field(ge=0)] = Decimal(0)
    up_to: Exact | None = None  # None: open-ended
    steps: tuple[ApprovalStep, ...] = Field(min_length=1)


class AutomaticLane(Value):
    """Ceilings of the lane that asks nobody; any one missed and people decide."""

    enabled: bool
    aggregate_max: Annotated[Exact, Field(ge=0)]
    grade_min: Grade
    daily_amount_max: Annotated[Exact, Field(ge=0)]
    sampling_share: Share
    requested_share_min: Share
    completeness_min: Share
    application_types: tuple[ApplicationType, ...]
    always: tuple[ApplicationType, ...] = ()  # types that lower the risk and ask nobody


class ApprovalPolicy(Value):
    calendar: str = "CN"  # whose working days the hours are counted in; `always` counts every hour
    letter_valid_days: int = Field(ge=1)
    tiers: dict[Code, Tier]
    rows: tuple[ApprovalRow, ...] = Field(min_length=1)
    price_exception: ApprovalStep
    automatic: AutomaticLane


class ConditionRow(Value):
    """A condition precedent or management requirement, and the cases it is asked of."""

    code: Code
    products: tuple[Code, ...] = ()  # all if none is named, as below
    grades: tuple[Grade, ...] = ()
    application_types: tuple[ApplicationType, ...] = ()
    aggregate_above: Annotated[Exact, Field(ge=0)] = Decimal(0)


class ContractPolicy(Value):
    signing_days: Annotated[Exact, Field(gt=0)]  # a part of a day is a part
    payment_days: dict[Grade, int]
    conditions: tuple[ConditionRow, ...] = ()
    requirements: tuple[ConditionRow, ...] = ()


class LinePolicy(Value):
    last_draw_days_before_end: int = Field(ge=0)
    reservation_minutes: Annotated[Exact, Field(gt=0)]


class ReviewPolicy(Value):
    """When a line is looked at again, and what the second look may propose."""

    cycle_months: dict[Grade, Annotated[int, Field(ge=1)]]
    rating_valid_months: int = Field(ge=1)
    cut_tolerance: Share  # a supported limit this much below the line's is still a keep
    raise_margin: Annotated[Exact, Field(ge=0)]  # supported above the line's by this, to raise
    raise_share_max: Annotated[Exact, Field(ge=0)]  # of the line's limit, in one review
    raise_notches: int = Field(ge=0)  # better than at the last decision by this many grades
    exit_share: Share  # a supported limit below this share of the line's is an exit
    downgrade_notches: int = Field(ge=1)  # a fall of this many grades asks people
    approval: tuple[Proposal, ...]  # the proposals that go through approval


class WarningRule(Value):
    """A payment figure at or above a threshold, the signal it raises and whether that freezes."""

    code: Code
    figure: Code
    at_least: Exact
    level: WarningLevel
    freeze: bool = False


class ReminderStep(Value):
    """A collection letter and the days past due at which it goes out."""

    code: Code
    days_past_due: int = Field(ge=0)


class MonitoringPolicy(Value):
    recheck_hours: Hours
    rules: tuple[WarningRule, ...] = Field(min_length=1)
    reminders: tuple[ReminderStep, ...]
    collection_level: WarningLevel  # from which on a collection case is opened
    cure_levels: tuple[WarningLevel, ...]  # whose freeze a full payment lifts by itself
    cure_days: int = Field(ge=0)  # without new arrears, before it does


class ScreeningPolicy(Value):
    age_days_max: int = Field(ge=0)  # of the screening, at activation
    barred_industries: tuple[str, ...] = ()


class SilencePolicy(Value):
    """After how long without an answer a waiting case lapses."""

    incomplete_hours: Hours
    returned_hours: Hours
    suspended_hours: Hours


class Preference(StrEnum):
    """By what one account of a period is preferred to another."""

    CONSOLIDATED = "consolidated"
    SINGLE = "single"
    AUDITED = "audited"
    OPINION = "opinion"  # the better one of the auditor


class ProvenancePolicy(Value):
    """Which account of a period counts; where none is preferred, the newest."""

    prefer: tuple[Preference, ...] = (Preference.CONSOLIDATED,)


class IndustryBand(Value):
    """A figure that books of these industries (all if none is named) do not go outside of."""

    code: Code
    figure: Code
    industries: tuple[str, ...] = ()
    at_least: Exact | None = None
    at_most: Exact | None = None


class AuthenticityPolicy(Value):
    """When records are doubted (造假识别); a check without its number is not made."""

    tie_tolerance: Share | None = None  # of total assets, between one year's end and the next
    round_to: Annotated[Exact, Field(gt=0)] | None = None
    round_share_max: Share = Decimal(1)  # of the reported figures, whole multiples of `round_to`
    round_items_min: int = Field(default=10, ge=1)  # fewer figures than these say nothing
    turnover_tolerance: Annotated[Exact, Field(ge=0)] | None = None  # revenue above invoices
    bands: tuple[IndustryBand, ...] = ()
    refer: tuple[Code, ...] = ()  # the findings for which people decide


class ReportRow(Value):
    """An external report: whom it is asked of, in that order, and how old it may be."""

    kind: Code
    providers: tuple[Code, ...] = Field(min_length=1)
    age_days_max: int = Field(ge=0)  # from the day the provider states
    authorisation_needed: bool = True  # whether the customer must have agreed in writing


class TemporaryPolicy(Value):
    share_max: Annotated[Exact, Field(ge=0)]  # of the line's limit, on top of it
    days_max: int = Field(ge=1)


class PolicyEdition(Value):
    """A whole policy, in force from `effective_on` until another of its name follows."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
    effective_on: date
    reporting_currency: Currency
    exchange: ExchangePolicy
    completeness: CompletenessPolicy
    spreading: SpreadingPolicy
    payments: PaymentPolicy
    scorecard: Scorecard
    master_scale: tuple[MasterGrade, ...] = Field(min_length=2)  # best first
    knock_outs: tuple[KnockOut, ...] = ()
    limit: LimitPolicy
    price: PricePolicy
    approval: ApprovalPolicy
    contract: ContractPolicy
    line: LinePolicy
    review: ReviewPolicy
    monitoring: MonitoringPolicy
    screening: ScreeningPolicy
    silence: SilencePolicy
    temporary: TemporaryPolicy
    authenticity: AuthenticityPolicy = AuthenticityPolicy()
    reports: tuple[ReportRow, ...] = ()
    provenance: ProvenancePolicy = ProvenancePolicy()

    @cached_property
    def edition_hash(self) -> str:
        """SHA-256 of the canonical content: what a receipt cites and a row is found by."""
        return content_hash(self)

    @cached_property
    def grades(self) -> tuple[str, ...]:
        """The grades, best first."""
        return tuple(row.grade for row in self.master_scale)

    def rank(self, grade: str) -> int:
        """How far below the best a grade is; 0 is the best."""
        return self.grades.index(grade)

    def money(self, amount: Decimal) -> Money:
        """An amount of the edition as money of the reporting currency."""
        return rounded(amount, self.reporting_currency)

    def product(self, code: str) -> Product:
        """The product's limit rule; refuses `ProductUnknown`."""
        if code not in self.limit.products:
            raise ProductUnknown(product=code)
        return self.limit.products[code]

    def as_toml(self) -> str:
        """The canonical TOML text: every field, in the order of the sections."""
        return toml_text(self.model_dump(mode="python"))

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A changed edition is another edition: nothing remembered of this one goes with it."""
        copy = super().model_copy(update=update, deep=deep)
        for remembered in ("edition_hash", "grades"):
            copy.__dict__.pop(remembered, None)
        return copy

    @classmethod
    def of_toml(cls, text: str, base_text: str | None = None) -> Self:
        """The edition a TOML text says, or, with a base, what it changes in the base.

        Tables are merged key by key, everything else is replaced. Refuses `EditionInvalid`.
        """
        try:
            content = tomllib.loads(text, parse_float=Decimal)
            if base_text is not None:
                content = _merged(tomllib.loads(base_text, parse_float=Decimal), content)
            return cls.model_validate(content)
        except tomllib.TOMLDecodeError as error:
            raise EditionInvalid(reason=str(error)) from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise EditionInvalid(reason=f"{where}: {first['msg']}") from error


class PublishedEdition(Value):
    """An edition on record, without its content."""

    edition_hash: str
    name: str
    effective_on: date
    published_by: Id
    published_at: datetime


def _merged(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in change.items():
        below = merged.get(key)
        both = isinstance(below, dict) and isinstance(value, dict)
        merged[key] = _merged(below, value) if both else value  # type: ignore[arg-type]
    return merged
