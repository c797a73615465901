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
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationError

from domain.application import ApplicationType
from domain.approval import SilenceAct, Voting
from domain.assessment import Missing
from domain.check import Act, Bucket, RuleKind, Stage
from domain.classification import FiveTier
from domain.cover import CoverClass, CoverKind
from domain.customer import Segment
from domain.errors import EditionInvalid, ProductUnknown
from domain.exposure import Overlap
from domain.external_rating import AgencyCode, RatingSymbol
from domain.identity import Id, Role
from domain.money import Currency, Money, rounded
from domain.reasons import of_field, of_toml
from domain.review import Proposal
from domain.terms import BenchmarkCode, StartEvent, TermsText
from domain.toml import toml_text
from domain.use import ReleaseItem
from domain.value import Value, lasting_hash
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
HourOfDay = Annotated[Exact, Field(ge=0, le=24)]
Zone = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]+(/[A-Za-z0-9_+-]+)*$")]
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
    shown: tuple[Code, ...] = ()  # figures that nobody is judged by, kept for whoever reads a file


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


class Trend(StrEnum):
    """Which way a factor's points go as its figure rises."""

    RISING = "rising"
    FALLING = "falling"


class AnalystRule(Value):
    """What an analyst may supply for a figure that is not there, and whether two have to."""

    at_least: Exact
    at_most: Exact
    second_person: bool = False


class Factor(Value):
    """One figure and the points its ranges earn, or what its absence means.

    A declared trend is held: no higher figure earns less, or none more.
    """

    code: Code
    group: Code
    figure: Code
    missing: Missing
    missing_points: Annotated[Exact, Field(ge=0)] | None = None  # where `missing` is `points`
    analyst: AnalystRule | None = None  # where `missing` is `analyst`
    trend: Trend | None = None
    bins: tuple[Bin, ...] = Field(min_length=1)

    @property
    def points_max(self) -> Decimal:
        """The best it can earn, by a bin or by a missing figure that has points of its own."""
        best = max(each.points for each in self.bins)
        return best if self.missing_points is None else max(best, self.missing_points)

    @property
    def points_min(self) -> Decimal:
        worst = min(each.points for each in self.bins)
        return worst if self.missing_points is None else min(worst, self.missing_points)


class Relation(StrEnum):
    """Whether the customer has credit from us already."""

    NEW = "new"
    EXISTING = "existing"


class Choice(Value):
    """Which customers a scorecard is for; whatever is left empty does not matter.

    `present` and `absent` name figures that must, or must not, be there.
    """

    segments: tuple[Segment, ...] = ()
    relations: tuple[Relation, ...] = ()
    present: tuple[Code, ...] = ()
    absent: tuple[Code, ...] = ()


class Odds(Value):
    """What a score says of default: score = offset + factor x ln(odds of good to bad)."""

    offset: Exact
    factor: Annotated[Exact, Field(gt=0)]


class Fit(Value):
    """Where the points of a fitted scorecard come from; kept so that it can be scored and judged.

    `score_cuts` part the rows it was fitted on into parts of about equal size, whose exact shares
    are `score_shares`: what the stability of a later book is measured against.
    """

    label: str
    firm: str = ""  # columns of the file it was fitted on
    time: str = ""
    rows: int
    bad: int
    portfolio_rate: Share
    penalty: Exact
    auc_folds: Exact
    score_cuts: tuple[Exact, ...] = ()
    score_shares: tuple[Exact, ...] = ()


class Scorecard(Value):
    """Points by factor; each group's best points add up to its weight, all weights to the total.

    `score_min` is the least score of each grade. Where a scorecard was fitted, `odds` give the PD
    of a score itself; the grade's own PD is the master scale's.
    """

    model: str
    version: str
    choice: Choice = Choice()
    neutral_share: Share = Decimal(0)  # of a factor's best points, where a figure is neutral
    weights: dict[Code, Exact]
    score_min: dict[Grade, Exact]
    odds: Odds | None = None
    fit: Fit | None = None
    factors: tuple[Factor, ...] = Field(min_length=1)


class MasterGrade(Value):
    """A grade of the master scale (主标尺) and its PD; scorecards say which scores belong to it."""

    grade: Grade
    pd: Annotated[Exact, Field(gt=0, le=1)]
    lendable: bool = True


class OverridePolicy(Value):
    """How far an officer may move a grade, for which reasons, and from where on it takes two.

    Notches of the master scale. Up is better; nothing lifts a grade over a cap, out of a
    declining knock-out, or to credit from a grade without.
    """

    up_max: int = Field(default=0, ge=0)
    down_max: int = Field(default=0, ge=0)
    alone_up_max: int = Field(default=0, ge=0)  # above it a second person confirms
    alone_down_max: int = Field(default=0, ge=0)
    reasons: tuple[Code, ...] = ()


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


class Dated(Value):
    """A row in force from one day to another, both included; open where none is named."""

    effective_from: date | None = None
    effective_until: date | None = None


class Product(Value):
    """A product (额度品种): the limit methods that count for it, and what its use asks for."""

    methods: tuple[Code, ...] = Field(min_length=1)
    combine: Combine = Combine.MINIMUM
    revolving: bool = True  # what is repaid may be used again
    funded: bool = True  # money leaves the grantor; else it promises to pay
    comprehensive: bool = False  # holds sub-lines of other products (综合授信)
    dedicated: bool = False  # refused for any other purpose (专项额度)
    conversion_factor: Share = Decimal(1)  # of the nominal amount, what counts as exposure
    deposit_min: Share = Decimal(0)  # of the nominal amount, at least (保证金)
    tenor_months_max: int = Field(default=12, ge=1)  # of one use
    covers: tuple[CoverKind, ...] = ()  # of which one is asked for; none where empty
    exchange: bool = True  # its unused part may be moved to another sub-line (额度调剂)


class Outlook(Dated):
    """The market environment (市场环境) of an industry: what share of the grade's cap it leaves."""

    industry: str
    cap_share: Share


class CoverRule(Value):
    """What a kind of cover counts for: less a haircut, while its valuation is young enough."""

    haircut: Share
    valuation_months_max: int | None = Field(default=None, ge=1)
    lgd: Share  # of what it covers
    counts_as: CoverClass | None = None  # for who approves; None: as if it were not there


class CapScope(StrEnum):
    """Whose share a concentration cap bounds."""

    CUSTOMER = "customer"
    GROUP = "group"
    INDUSTRY = "industry"
    REGION = "region"
    TOP = "top"  # the largest customers together
    RELATED = "related"  # the grantor's own related parties


class CapMeasure(StrEnum):
    LOANS = "loans"  # 贷款余额
    EXPOSURE = "exposure"  # 风险暴露
    LIMITS = "limits"  # 授信额度


class CapBase(StrEnum):
    CAPITAL_NET = "capital_net"  # 资本净额
    TIER_1_NET = "tier_1_net"  # 一级资本净额
    BOOK = "book"  # the same measure of the whole book


class ClientKind(StrEnum):
    CORPORATE = "corporate"  # 非同业
    BANK = "bank"  # 同业
    GLOBAL_BANK = "global_bank"  # a global systemically important bank


class ConcentrationCap(Dated):
    """A share that nobody may pass without people knowing: a breach is a policy exception."""

    code: Code
    scope: CapScope
    measure: CapMeasure
    base: CapBase
    share: Share
    name: str = ""  # one industry or region; any where empty
    kinds: tuple[ClientKind, ...] = (ClientKind.CORPORATE,)
    largest: int = Field(default=10, ge=1, le=50)  # how many of the largest, of a cap on the top


class Appetite(Dated):
    """What the grantor will bear (风险承受能力): of one unit, or of the whole where none is named."""

    code: Code
    unit: str = ""
    granted_max: Annotated[Exact, Field(ge=0)] | None = None  # newly granted in a year
    limits_max: Annotated[Exact, Field(ge=0)] | None = None  # all limits together
    loss_share_max: Share | None = None  # expected loss of a year, of the grantor's net capital


class ConcentrationPolicy(Value):
    """Caps and appetite, as dated rows, over the grantor's own capital."""

    tier_1_net: Annotated[Exact, Field(gt=0)]
    large_share: Share  # of it, from which on an exposure is a large one
    caps: tuple[ConcentrationCap, ...] = ()
    appetite: tuple[Appetite, ...] = ()


class RingPolicy(Value):
    """What relates two parties, and what makes their exposure one (关联方认定)."""

    share_min: Share = Decimal("0.25")  # of a company, from which on its owner is related to it
    control_share: Share = Decimal("0.5")  # more than this, held together, is control


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
    outlooks: tuple[Outlook, ...] = ()
    covers: dict[CoverKind, CoverRule] = {}


class CapitalPolicy(Value):
    """The IRB function's settings: confidence, PD floor, the SME size adjustment's currency."""

    confidence: Share
    pd_floor: Share
    maturity_years_min: Exact
    maturity_years_max: Exact
    eur_rate: Annotated[Exact, Field(gt=0)]  # reporting currency for one euro, for S


class Benchmark(Value):
    """A published rate that credit may be priced over (基准利率)."""

    currency: Currency
    age_days_max: int = Field(ge=0)  # an older fixing is not in force: the newest is missing
    published_day: Annotated[int, Field(ge=1, le=28)] | None = None  # of every month, or daily


class Reprices(StrEnum):
    """When a floating rate is first set anew; from then on every so many months."""

    ANNIVERSARY = "anniversary"  # so many months after the judgement
    JANUARY = "january"  # on the next first of January


class FloatingRow(Value):
    """Credit that is priced over a benchmark, in the benchmark's currency; of the rows the first
    that applies, and a fixed rate where none does."""

    code: Code
    benchmark: BenchmarkCode
    products: tuple[Code, ...] = ()  # all if none is named
    term_months_min: int = Field(default=1, ge=1)
    reprice_months: int = Field(default=12, ge=1, le=60)
    reprices: Reprices = Reprices.ANNIVERSARY


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
    floating: tuple[FloatingRow, ...] = ()


class CalendarRow(Dated):
    """Days unlike the calendar's own: off, made up for, or worked at other hours.

    For one unit (a branch), or for all where none is named; a unit's own row goes first.
    """

    code: Code
    unit: str = ""
    works: bool | None = None  # None: as the calendar has it, and only the hours are others
    opens: HourOfDay | None = None
    closes: HourOfDay | None = None


class OfficeHours(Value):
    """When and where a unit works; of every unit where none is named."""

    unit: str = ""
    calendar: str = ""  # empty: the calendar of all
    zone: Zone | None = None
    opens: HourOfDay | None = None
    closes: HourOfDay | None = None


class SilenceRow(Value):
    """What further silence does, so many working hours after a step opened; each row once a step.

    `remind` asks the holders again, `tell` their superior, `escalate` lets another position decide
    too, `reassign` hands the task over. None of them decides anything.
    """

    hours: Annotated[Exact, Field(gt=0)]
    act: SilenceAct
    to: Code | None = None  # a position; of `tell` the one it would escalate to, if none is named


class Tier(Value):
    """An approval level: its place in the order and its clock. Silence never approves."""

    level: int = Field(ge=1)
    remind_hours: Hours
    deadline_hours: Hours
    lapse_hours: Hours  # after the escalation
    escalate_to: Code | None = None
    levels: tuple[SilenceRow, ...] = ()  # beside the three above, by their hours


class ApprovalStep(Voting):
    """One step of a route: the tier whose clock counts, who is asked, and how words combine."""

    tier: Code
    positions: tuple[Code, ...] = Field(min_length=1)
    # Somebody else's word than any other step's, whatever `same_person` says.
    independent: bool = False


class ApprovalRow(Value):
    """Who approves: aggregate exposure above `above` up to and including `up_to`, these grades.

    What is left empty below does not matter.
    """

    code: Code
    grades: tuple[Grade, ...] = Field(min_length=1)
    above: Annotated[Exact, Field(ge=0)] = Decimal(0)
    up_to: Exact | None = None  # None: open-ended
    covers: tuple[CoverClass, ...] = ()
    products: tuple[Code, ...] = ()
    application_types: tuple[ApplicationType, ...] = ()
    exception: bool | None = None  # whether a cap or a bound of appetite is passed
    price_exception: bool | None = None  # whether the price is below the minimum
    related: bool | None = None  # whether it is a related party of the grantor
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


class SplittingPolicy(Value):
    """Requests of one ring that are one request (化整为零): summed for the tier, and looked for."""

    # Back from the day of a judgement; 0 sums nothing.
    window_days: int = Field(default=0, ge=0, le=3660)
    report_days: int = Field(default=90, ge=1, le=3660)  # back from the day of the report
    near_share: Share = Decimal("0.1")  # under a bound by up to this is near it
    cases_min: int = Field(default=2, ge=2)  # so many near it are a cluster


class AboveEligible(Value):
    """Who may grant above the limit that policy supports, and by how much of it at most."""

    step: ApprovalStep
    share_max: Annotated[Exact, Field(gt=0)]


class AuthorityPolicy(Value):
    """How far authority goes (授权与委托): delegations in a row, superiors, certificates."""

    delegation_depth: int = Field(default=1, ge=0, le=5)  # who delegates what was delegated
    superiors: dict[Code, Code] = {}  # a position, and the one that stands in for its holders
    certificates: dict[Code, Code] = {}  # a position, and the certificate it asks for
    certificate_warning_days: tuple[Annotated[int, Field(ge=0)], ...] = (30, 7, 1)


class MeetingPolicy(Value):
    """Committee meetings (贷审会): papers lie before the members so many working days."""

    papers_days: int = Field(default=3, ge=0, le=60)


class SamePerson(StrEnum):
    """What becomes of somebody who is asked at several steps of one approval."""

    REFUSE = "refuse"  # another person has to speak
    FIRST = "first"  # asked once, at the first step: that word counts at the later ones
    LAST = "last"  # asked once, at the last step: the earlier ones are passed over till then


class MaterialField(StrEnum):
    """A fact that approvers decide on."""

    LIMIT = "limit"
    AGGREGATE = "aggregate"
    TERM = "term"
    PRICE = "price"
    GRADE = "grade"
    PURPOSE = "purpose"
    PRODUCT = "product"
    DOCUMENTS = "documents"
    COVER = "cover"
    INVESTIGATION = "investigation"
    EXCEPTIONS = "exceptions"
    POLICY = "policy"
    RECORDS = "records"  # the customer, statements, payments, invoices


FIGURES = (
    MaterialField.LIMIT,
    MaterialField.AGGREGATE,
    MaterialField.TERM,
    MaterialField.PRICE,
    MaterialField.GRADE,
)


class MaterialChange(StrEnum):
    ANY = "any"
    RAISED = "raised"  # of a grade: a better one
    LOWERED = "lowered"


class Voids(StrEnum):
    """Whose words fall by a change."""

    ALL = "all"
    NONE = "none"
    POSITIONS = "positions"


class MaterialityRow(Value):
    """What a changed fact does to the words said before it; the first row that fits counts."""

    field: MaterialField
    change: MaterialChange = MaterialChange.ANY
    up_to: Annotated[Exact, Field(gt=0)] | None = None  # of the figure before: no greater change
    voids: Voids
    positions: tuple[Code, ...] = ()


class ReconsiderationPolicy(Value):
    """Whether what was declined may be decided anew (复议), once; of no days, nothing may."""

    days_max: int = Field(default=0, ge=0)  # from the day of the letter that declined
    higher: bool = False  # the next higher tier decides after the body that declined


class RecoveryPolicy(Value):
    """Whether what lapsed in its approvers' silence may be put before them afresh; of no days,
    nothing may."""

    days_max: int = Field(default=0, ge=0)  # from the day of the lapse


class ApprovalPolicy(Value):
    calendar: str = "CN"  # whose working days the hours are counted in; `always` counts every hour
    hours: tuple[OfficeHours, ...] = ()
    days: tuple[CalendarRow, ...] = ()
    letter_valid_days: int = Field(ge=1)
    tiers: dict[Code, Tier]
    rows: tuple[ApprovalRow, ...] = Field(min_length=1)
    price_exception: ApprovalStep
    above_eligible: AboveEligible | None = None  # None: nobody grants above it
    splitting: SplittingPolicy = SplittingPolicy()
    reconsideration: ReconsiderationPolicy = ReconsiderationPolicy()
    recovery: RecoveryPolicy = RecoveryPolicy()
    authority: AuthorityPolicy = AuthorityPolicy()
    meetings: MeetingPolicy = MeetingPolicy()
    # Aggregates above it are reviewed before they are decided; None: where a row says so.
    review_above: Annotated[Exact, Field(ge=0)] | None = None
    same_person: SamePerson = SamePerson.REFUSE
    fallback_queue: Role = Role.OPERATOR  # who sees to a task that nobody could decide
    automatic: AutomaticLane
    materiality: tuple[MaterialityRow, ...] = ()  # what no row speaks of voids every word


class RelatedPolicy(Value):
    """The grantor's own related parties (关联交易): their body, and what they are refused."""

    body: ApprovalStep | None = None  # None: the rows of everybody
    unsecured: bool = True  # whether credit that no cover carries may be granted
    terms_of_grade: bool = False  # whether a price below what the grade asks is refused


class ConditionRow(Value):
    """A condition precedent or management requirement, and the cases it is asked of."""

    code: Code
    products: tuple[Code, ...] = ()  # all if none is named, as below
    grades: tuple[Grade, ...] = ()
    application_types: tuple[ApplicationType, ...] = ()
    aggregate_above: Annotated[Exact, Field(ge=0)] = Decimal(0)


class TypeRule(Value):
    """What a change of a line in force has to bring, who decides it, and how soon."""

    offered: bool = True
    required: tuple[Code, ...] = ("identifier", "purpose", "change_request")
    optional: tuple[Code, ...] = ()
    steps: tuple[ApprovalStep, ...] = ()  # its own road; without any, the rows of everybody
    hours_share: Annotated[Exact, Field(gt=0, le=1)] = Decimal(1)  # of the hours of its tiers
    knock_outs_decline: bool = True  # otherwise people decide, and see what fired


class ExtensionRule(TypeRule):
    hours_share: Annotated[Exact, Field(gt=0, le=1)] = Decimal("0.5")
    days_max: int = Field(default=90, ge=1)  # beyond the line's last day
    times_max: int = Field(default=1, ge=1)  # since it was granted or renewed


class CoverChangeRule(TypeRule):
    knock_outs_decline: bool = False


class ProductsRule(TypeRule):
    optional: tuple[Code, ...] = ("statement_latest",)


class RestructureRule(TypeRule):
    """Only of a line in difficulty: overdue by so many days, or its customer classed below normal."""

    required: tuple[Code, ...] = ("identifier", "purpose", "restructure_plan")
    optional: tuple[Code, ...] = ("statement_latest",)
    knock_outs_decline: bool = False
    term_months_max: int = Field(default=36, ge=1, le=60)
    days_past_due_min: int = Field(default=1, ge=1)


class TerminationRule(TypeRule):
    required: tuple[Code, ...] = ("identifier", "purpose")
    knock_outs_decline: bool = False


class TypesPolicy(Value):
    """The changes of a line in force that leave its limit and rating as they are."""

    extension: ExtensionRule = ExtensionRule()
    change_of_conditions: TypeRule = TypeRule()
    change_of_cover: CoverChangeRule = CoverChangeRule()
    change_of_products: ProductsRule = ProductsRule()
    restructure: RestructureRule = RestructureRule()
    termination: TerminationRule = TerminationRule()


class OfferPolicy(Value):
    """When an approval on other terms than asked for is an offer that the customer takes or leaves.

    Of no days, none is: the agreement is made from the letter at once.
    """

    valid_days: Annotated[Exact, Field(ge=0)] = Decimal(0)  # a part of a day is a part
    policy_cuts: bool = True  # also where policy itself, and no approver, lowers the limit


class ContractPolicy(Value):
    signing_days: Annotated[Exact, Field(gt=0)]  # a part of a day is a part
    payment_days: dict[Grade, int]
    conditions: tuple[ConditionRow, ...] = ()
    requirements: tuple[ConditionRow, ...] = ()


class LinePolicy(Value):
    last_draw_days_before_end: int = Field(ge=0)
    reservation_minutes: Annotated[Exact, Field(gt=0)]
    # How long after the line's end a use of it may be due (最迟到期日); None: as long as its tenor.
    maturity_days_after_end: int | None = Field(default=None, ge=0)


class UseRow(Value):
    """Uses that are approved before they are had: of a product, from an amount in the reporting
    currency, or the first one of a line. What is left empty does not matter."""

    code: Code
    products: tuple[Code, ...] = ()
    from_amount: Annotated[Exact, Field(ge=0)] = Decimal(0)  # by name (名义金额)
    first_use: bool = False
    step: ApprovalStep | None = None  # a body of its own; None: the tier of the amount
    review: tuple[ReleaseItem, ...] = tuple(ReleaseItem)  # what the release review has to see


class UsesPolicy(Value):
    """Which uses are approved (用信审批) and reviewed at their release (放款审核); none without rows."""

    wait_days: int = Field(default=15, ge=1, le=365)  # from asking to the release, then it lapses
    rows: tuple[UseRow, ...] = ()


class IdlePolicy(Value):
    """Which limits are idle, how far they are cut, and what capital they tie up (盘活额度)."""

    months: int = Field(ge=1, le=120)  # how long it is looked back
    share_below: Share  # of the limit; a line whose highest use is below it is idle
    limit_min: Annotated[Exact, Field(ge=0)]  # no smaller limit is looked at
    margin: Annotated[Share, Field(gt=0)]  # of the limit, kept above the highest use
    capital_weight: Share  # of the capital of what is used, for what is free


class ExcessStepRule(Value):
    """What share of an excess may still stand once so many days are over."""

    days: int = Field(ge=1, le=3650)
    share: Share


class ExcessPolicy(Value):
    """By which steps what stands above a limit that fell comes down (超限)."""

    steps: tuple[ExcessStepRule, ...] = Field(min_length=1, max_length=24)
    days_max: int = Field(ge=1, le=3650)  # after it was found, for dates given by hand


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
    rate_level: WarningLevel = WarningLevel.YELLOW  # where exchange rates alone pass a cap


class ConfirmationPolicy(Value):
    """How often customers are asked to confirm what they owe, and what silence leads to."""

    every_months: Literal[0, 1, 2, 3, 4, 6, 12] = 0  # 0: no account is asked for
    amount_min: Annotated[Exact, Field(ge=0)] = Decimal(
        0
    )  # what a customer owes at least, in the reporting currency
    days: int = Field(default=15, ge=1)  # in which the customer answers
    difference_days: int = Field(default=10, ge=1)  # in which a difference is cleared up
    level: WarningLevel = WarningLevel.ORANGE  # of the warning after them
    hold: bool = False  # whether orders are held after them too


class ReconciliationPolicy(Value):
    """How far another system's extract may differ from our documents before somebody has to look."""

    drift_max: Annotated[Exact, Field(ge=0)] = Decimal(0)  # of a customer, in each currency
    finding_days: int = Field(default=5, ge=1)  # in which it is cleared up


class BillPolicy(Value):
    """Whose bills free a line when they are received, and how grave a refused one is."""

    counts_at_once: tuple[str, ...] = ()  # acceptors, by id or by class
    level: WarningLevel = WarningLevel.RED  # of the warning while a refused bill is unpaid


class ScreeningPolicy(Value):
    age_days_max: int = Field(ge=0)  # of the screening, at activation
    barred_industries: tuple[str, ...] = ()


class SilencePolicy(Value):
    """After how long without an answer a waiting case lapses."""

    incomplete_hours: Hours
    returned_hours: Hours
    suspended_hours: Hours
    investigation_hours: Hours = Decimal(240)  # where only the investigators' report is missing


class MatrixRow(Value):
    """An age of the provision matrix, up to and including `days_up_to` past due, and its rate."""

    code: Code
    days_up_to: int | None = None  # None: open-ended
    rate: Share


class IncreaseRow(Dated):
    """How many grades below its origination a line's risk counts as significantly increased."""

    code: Code
    grades: tuple[Grade, ...] = ()  # at origination; all if none is named
    notches: int = Field(ge=1)


class ImpairmentPolicy(Value):
    """Stages by days past due ("more than") and by grade, and how losses are expected (IFRS 9)."""

    stage_2_days: int = Field(default=30, ge=0)
    stage_3_days: int = Field(default=90, ge=0)
    matrix: tuple[MatrixRow, ...] = ()  # youngest first
    increases: tuple[IncreaseRow, ...] = ()
    unused_factor: Share = Decimal(0)  # of what a line leaves unused, expected to be used
    receivables_in_use: bool = False  # open invoices are what is used of a line, counted once
    discounted: bool = False  # losses to come, at the line's own annual rate


class ManualClassPolicy(Value):
    """Classes set by hand: for which reasons, for how long, and how much better than by rule."""

    reasons: tuple[Code, ...] = ()  # none, and no class is set by hand
    months_max: int = Field(default=12, ge=1)  # from its first day to its last
    cure_months: int = Field(default=6, ge=0)  # a non-performing one runs at least so long
    better_tiers_max: int = Field(default=0, ge=0, le=4)  # better than by rule; a second confirms


class ClassificationPolicy(Value):
    """Where the five tiers begin, what drags a debtor down, and when a claim may rise again."""

    days_above: dict[FiveTier, Annotated[int, Field(ge=0)]]  # more than so many days past due
    technical_days: int = Field(ge=0)  # a technical delay up to here is none
    debtor_share_max: Share  # of a debtor's claims non-performing; above it, all are
    all_lenders_share_max: Share  # of its debt with all lenders long overdue; above it, all is bad
    loss_share_min: dict[FiveTier, Share]  # expected loss of an impaired claim, from which on
    upgrade_payments: int = Field(ge=1)  # regular periods before a non-performing claim rises,
    upgrade_months: int = Field(ge=1)  # and months; the longer counts
    restructured_months: int = Field(ge=0)  # watched after a restructuring
    technical_presumed: bool = False  # a delay up to `technical_days` is taken for technical
    warning_level: WarningLevel | None = (
        None  # of the warning when a customer turns bad; None: none
    )
    manual: ManualClassPolicy = ManualClassPolicy()


class TermsPolicy(Value):
    """How payment terms rank: bounds of effective days, and what else is counted as days."""

    rank_days_above: tuple[int, ...]  # rising; each one passed is a rank worse
    start_days: dict[StartEvent, Annotated[int, Field(ge=0)]] = {}  # until the event, as a rule
    bill_days: int = Field(default=0, ge=0)  # for a bill that no bank has accepted
    catalogue: dict[Code, TermsText] = {}  # codes that orders may name their terms by


class LatePolicy(Value):
    """What an overdue invoice bears by day, simple interest; no rate, no interest."""

    rate_annual: Share = Decimal(0)
    year_days: int = Field(default=360, ge=360, le=366)  # the day count: actual days over these
    grace_days: int = Field(default=0, ge=0)  # the first days past due that bear nothing


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


class TolerancesPolicy(Value):
    """Differences that are let pass where no other section says so; each use is counted."""

    # Of the source's precision, for each term of an identity: every figure was rounded by itself.
    statement_units: Annotated[Exact, Field(ge=0, le=10)] = Decimal(1)
    # Between two year ends, more or less than the months say, that still make them consecutive.
    year_length_days: Annotated[int, Field(ge=0, le=45)] = 20


class DuplicatesPolicy(Value):
    """When two records look like one customer: what each likeness is worth, and from where on they
    are told. Names alone are never a certainty."""

    score_min: Share = Decimal("0.5")
    name_alike_min: Share = Decimal("0.88")  # of two names without their legal form
    name_same: Annotated[Exact, Field(ge=0, lt=1)] = Decimal("0.6")
    name_alike: Annotated[Exact, Field(ge=0, lt=1)] = Decimal("0.4")
    identifier: Share = Decimal("0.9")
    mail_domain: Share = Decimal("0.3")
    invoice: Share = Decimal("0.5")
    mail_domains_shared: tuple[str, ...] = (  # anybody's, so that they say nothing
        "126.com",
        "139.com",
        "163.com",
        "foxmail.com",
        "gmail.com",
        "hotmail.com",
        "outlook.com",
        "qq.com",
        "sina.com",
        "yahoo.com",
    )


class ReportRow(Value):
    """An external report: whom it is asked of, in that order, and how old it may be."""

    kind: Code
    providers: tuple[Code, ...] = Field(min_length=1)
    age_days_max: int = Field(ge=0)  # from the day the provider states
    authorisation_needed: bool = True  # whether the customer must have agreed in writing


class ExternalChoice(StrEnum):
    """Which of several external ratings a customer is judged by."""

    CAUTIOUS = "cautious"  # the worst on our own scale
    PREFERRED = "preferred"  # that of the first agency in the order


class MappingRow(Dated):
    """Ratings of an agency that are one grade of ours, from one day to another."""

    agency: AgencyCode
    ratings: tuple[RatingSymbol, ...] = Field(min_length=1)
    grade: Grade


class ExternalRatingPolicy(Value):
    """What external ratings are on our own scale (外部评级映射), and how far they bound a grade."""

    agencies: tuple[AgencyCode, ...] = ()  # whose ratings count, the preferred one first
    choose: ExternalChoice = ExternalChoice.CAUTIOUS
    notches_above_max: Annotated[int, Field(ge=0, le=20)] | None = None  # None: no bound
    rows: tuple[MappingRow, ...] = ()


class InvestigationRow(Value):
    """Cases that two people investigate before they are assessed (贷前调查); what is left empty
    does not matter."""

    code: Code
    application_types: tuple[ApplicationType, ...] = ()
    segments: tuple[Segment, ...] = ()
    relations: tuple[Relation, ...] = ()
    products: tuple[Code, ...] = ()
    amount_above: Annotated[Exact, Field(ge=0)] = Decimal(0)  # requested


class DiligenceItem(Value):
    """A point that investigators look into (尽职调查事项)."""

    code: Code
    required: bool = True
    evidence: bool = False  # a file on record has to show it


class DiligenceChecklist(Value):
    """What is looked into for a class of customers: these segments and relations, all if none."""

    code: Code
    segments: tuple[Segment, ...] = ()
    relations: tuple[Relation, ...] = ()
    items: tuple[DiligenceItem, ...] = Field(min_length=1)
    visits_min: int = Field(default=0, ge=0)  # site visits, each with a picture
    statements_min: int = Field(default=0, ge=0)  # statements examined
    age_days_max: int = Field(ge=1)  # of a signature; after that the report counts no longer


class InvestigationPolicy(Value):
    """Of which cases a signed report is asked, and what it consists of."""

    rows: tuple[InvestigationRow, ...] = ()
    checklists: tuple[DiligenceChecklist, ...] = ()


class TurnaroundPolicy(Value):
    """Whose time it is while a case waits for something, and what is usual for a task.

    What is missing, and conditions precedent, are the customer's to bring unless they are named
    here.
    """

    ours: tuple[Code, ...] = ("investigation_report", "screening")
    third_party: tuple[Code, ...] = ()
    usual_days: int = Field(default=365, ge=1)  # back from today, in which tasks count as usual
    usual_tasks_min: int = Field(default=5, ge=1)  # of a position; fewer tell nothing
    usual_tasks_max: int = Field(default=200, ge=1)  # the newest of a position


class TemporaryPolicy(Value):
    share_max: Annotated[Exact, Field(ge=0)]  # of the line's limit, on top of it
    days_max: int = Field(ge=1)
    overlap: Overlap = Overlap.MAX


class CheckRule(Value):
    """A rule of the check of orders: what of its kind fails, and what that does at a stage.

    It fails above `above`: a share, days, an amount in the reporting currency, ranks, a level. Kinds
    without a measure have none. A stage not named in `acts` does what `checks.acts` says of the kind.
    """

    code: Code
    kind: RuleKind
    sequence: int = Field(ge=1)  # its place in the printed order of evaluation
    above: Annotated[Exact, Field(ge=0)] | None = None
    acts: dict[Stage, Act] = {}


class CheckExclusion(Value):
    """Orders that some rules are not asked about; what is left empty does not matter.

    Of several that fit, the one of the lowest precedence is told. Holds by hand are never excluded.
    """

    code: Code
    precedence: int = Field(ge=1)
    rules: tuple[Code, ...] = ()  # all if none is named, as below
    stages: tuple[Stage, ...] = ()
    classes: tuple[FiveTier, ...] = ()
    grades: tuple[Grade, ...] = ()
    products: tuple[Code, ...] = ()
    amount_up_to: Annotated[Exact, Field(ge=0)] | None = None  # of the order
    cash_first: bool = False  # only orders that are paid before they are delivered


class CheckGrace(Value):
    """By how much a rule may be passed at a stage before it fails."""

    grace_share: Share = Decimal(0)  # of the limit, on top of what it or a share of it allows
    grace_days: int = Field(default=0, ge=0)  # on top of the days of a rule
    released_only: bool = False  # only of an order that was let pass before


class HoldPolicy(Value):
    """Who looks after an order that is held, by when and after how many days again; how long a
    release may go on, and whose positions lift a hold set by hand (all, if none is named)."""

    owner: Role = Role.RISK_OFFICER
    review_days: int = Field(default=1, ge=1)
    due_hours: int = Field(default=24, ge=1)
    release_days_max: int = Field(default=30, ge=1)
    lifted_by: tuple[Code, ...] = ()


class CheckPolicy(Value):
    """The check of orders (信用检查): without rules of its own the limit, the line's standing and the
    terms refuse, and nothing else is looked at."""

    rules: tuple[CheckRule, ...] = ()
    acts: dict[Stage, dict[RuleKind, Act]] = {}
    fallback: Act = Act.PASS  # where neither rule nor `acts` speak of a stage; pass: not looked at
    not_known: Act = Act.PASS  # where a figure is not known, and never graver than the rule's own
    exclusions: tuple[CheckExclusion, ...] = ()
    grace: dict[Stage, CheckGrace] = {}
    buckets: dict[Bucket, bool] = {}  # counted unless switched off
    horizon_days: int | None = Field(default=None, ge=0)  # later orders count nothing yet
    # Days past due from which on each level of dunning is reached, the first one first.
    dunning_days: tuple[Annotated[int, Field(ge=1)], ...] = ()
    hold: HoldPolicy = HoldPolicy()
    payments_repay: bool = (
        False  # what is paid on an order's invoices goes back to its line at once
    )


class PolicyEdition(Value):
    """A whole policy, in force from `effective_on` until another of its name follows."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
    effective_on: date
    reporting_currency: Currency
    exchange: ExchangePolicy
    completeness: CompletenessPolicy
    spreading: SpreadingPolicy
    payments: PaymentPolicy
    scorecards: dict[Code, Scorecard] = Field(min_length=1)
    challengers: dict[Code, Scorecard] = {}  # rated in shadow, deciding nothing
    master_scale: tuple[MasterGrade, ...] = Field(min_length=2)  # best first
    knock_outs: tuple[KnockOut, ...] = ()
    override: OverridePolicy = OverridePolicy()
    ring: RingPolicy = RingPolicy()
    related: RelatedPolicy = RelatedPolicy()
    limit: LimitPolicy
    price: PricePolicy
    approval: ApprovalPolicy
    contract: ContractPolicy
    line: LinePolicy
    review: ReviewPolicy
    idle: IdlePolicy | None = None  # none: no limit is proposed for a cut
    excess: ExcessPolicy | None = None  # none: no plan is made
    monitoring: MonitoringPolicy
    confirmation: ConfirmationPolicy = ConfirmationPolicy()
    reconciliation: ReconciliationPolicy = ReconciliationPolicy()
    bills: BillPolicy = BillPolicy()
    screening: ScreeningPolicy
    silence: SilencePolicy
    turnaround: TurnaroundPolicy = TurnaroundPolicy()
    temporary: TemporaryPolicy
    impairment: ImpairmentPolicy
    classification: ClassificationPolicy
    concentration: ConcentrationPolicy
    terms: TermsPolicy
    late: LatePolicy = LatePolicy()
    benchmarks: dict[BenchmarkCode, Benchmark] = {}
    authenticity: AuthenticityPolicy = AuthenticityPolicy()
    reports: tuple[ReportRow, ...] = ()
    external_ratings: ExternalRatingPolicy = ExternalRatingPolicy()
    investigation: InvestigationPolicy = InvestigationPolicy()
    provenance: ProvenancePolicy = ProvenancePolicy()
    duplicates: DuplicatesPolicy = DuplicatesPolicy()
    tolerances: TolerancesPolicy = TolerancesPolicy()
    offer: OfferPolicy = OfferPolicy()
    types: TypesPolicy = TypesPolicy()
    checks: CheckPolicy = CheckPolicy()
    uses: UsesPolicy = UsesPolicy()

    @cached_property
    def edition_hash(self) -> str:
        """SHA-256 of the canonical content: what a receipt cites and a row is found by."""
        return lasting_hash(self)

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
            raise EditionInvalid(**of_toml(error)) from error
        except ValidationError as error:
            raise EditionInvalid(**of_field(error)) from error


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
