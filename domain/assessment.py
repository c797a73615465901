"""Assessment (评估): the dossier judged, and the receipt of the judgement.

The receipt holds inputs, edition and every step, so that a replay gives the same answer or names
the field that differs. How it is computed is `policies/`.
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum

from domain.analyst_figure import SuppliedFigure
from domain.application import Application
from domain.approval import RouteStep
from domain.benchmark import FixingUsed
from domain.cap import HeldCap
from domain.cover import Cover, CoverKind, CoverVerdict, InsuredBy
from domain.customer import Customer
from domain.external_rating import ExternalGrade, ExternalRating
from domain.identity import Id
from domain.investigation import SignedReport
from domain.money import Money
from domain.override import RatingOverride
from domain.reconsideration import Reconsidered
from domain.statement import Statement
from domain.tolerance import ToleranceUse
from domain.turnover import InvoiceRecord
from domain.value import Value, lasting_hash


class PaymentRecord(Value):
    """How the customer paid, over a stated window up to a day; figures from invoices and payments."""

    window_days: int
    as_of: date
    invoices: int = 0
    paid_late_share: Decimal | None = None  # by amount; None where nothing fell due
    days_late_mean: Decimal | None = None  # amount weighted, early counts 0
    days_past_due_max: int = 0  # oldest open item
    overdue: Money | None = None
    open_total: Money | None = None


class Holdings(Value):
    """What the customer and its group hold already, in the reporting currency."""

    own_limits: Money
    group_limits: Money  # all members, the customer's own among them
    group_members: tuple[Id, ...] = ()
    line_limit: Money | None = None  # of the line a change is about; all of `own_limits` if None
    caps: tuple[HeldCap, ...] = ()  # of the customer and its group; limits may sum to more


class RequestBeside(Value):
    """Another request of the same ring, in the reporting currency: under way, or approved and not
    in force. `line_limit` is the limit it would replace."""

    case_id: Id
    customer_id: Id
    line_id: Id | None = None
    limit: Money
    line_limit: Money | None = None


class RelatedEntryUsed(Value):
    """An entry of the register of the grantor's related parties that a customer falls under."""

    entry_id: Id
    version: int
    subject: Id  # the customer itself, or who of its ring
    relation: str
    members: tuple[Id, ...] = ()  # people of ours who are related by it


class RateUsed(Value):
    base: str
    quote: str
    rate: Decimal
    kind: str  # spot, average, budget
    rate_on: date


class BookPosition(Value):
    """What the grantor holds already that caps and appetite are measured on, before the case.

    In the reporting currency and without the line in question; what is not known is not measured.
    Customer, group, related parties and what was granted are of the moment of the judgement, all
    else of the last look at the whole book, on `as_of`.
    """

    by_scope: dict[str, Money] = {}  # "group:limits", "industry:limits", "customer:loans" ...
    totals: dict[str, Money] = {}  # of the whole book, by measure
    client_kind: str = "corporate"
    unit: str = ""
    granted_by_unit: Money | None = None  # newly granted in the period
    loss_expected: Money | None = None  # of a year, of the whole book
    loss_expected_unit: Money | None = None  # of the limits of the unit
    largest: dict[str, tuple[Money, ...]] = {}  # of other customers by measure, the largest first
    granted: dict[str, Money] = {}  # newly granted in the year, by row of the appetite
    replaced: Money | None = None  # the limit of the line in question
    as_of: date | None = None  # of the last look at the whole book


class PolicyException(Value):
    """A cap that an approval would pass: what it is of, and the share before and after."""

    code: str
    before: Money
    after: Money
    cap: Money
    share_before: Decimal
    share_after: Decimal
    share_max: Decimal


class StatementBeside(Value):
    """Another account of a period, which did not count, and where it says else."""

    period_end_on: date
    provenance: str
    counted: str  # the provenance of the one that does
    differences: dict[str, tuple[str, str]] = {}  # by item: as counted, and as here


class Dossier(Value):
    """Everything a judgement may look at. Collected once, stored with the receipt."""

    customer: Customer
    application: Application
    statements: tuple[Statement, ...]  # newest last
    payments: PaymentRecord
    holdings: Holdings
    limit_requested_reporting: Money  # in the edition's reporting currency
    rates: tuple[RateUsed, ...] = ()
    completeness: Decimal = Decimal(1)
    business_on: date
    covers: tuple[Cover, ...] = ()
    book: BookPosition | None = None
    statements_beside: tuple[StatementBeside, ...] = ()
    invoices: InvoiceRecord | None = None  # VAT invoices; None where none is on record
    override: RatingOverride | None = None  # of the grade, confirmed
    investigation: SignedReport | None = None  # None where none was asked
    requests_beside: tuple[RequestBeside, ...] = ()  # of the ring, within the edition's window
    related: tuple[RelatedEntryUsed, ...] = ()  # entries of the register in force
    fixing: FixingUsed | None = None  # of the benchmark it is priced over, as in force on the day
    reconsidered: Reconsidered | None = None  # the decision that is decided anew
    external_ratings: tuple[ExternalRating, ...] = ()  # that count on the day
    supplied: tuple[SuppliedFigure, ...] = ()  # by analysts, for factors that ask for it


class Doubt(Value):
    """A finding on whether the records are what they say (造假识别), with its figures."""

    code: str
    figures: dict[str, str] = {}


class Missing(StrEnum):
    """What a factor does about a figure that is not there."""

    FAIL = "fail"
    NEUTRAL = "neutral"
    WORST = "worst"
    POINTS = "points"  # points of its own, as a bin
    ANALYST = "analyst"  # the case waits until an analyst has supplied it


class Bearing(StrEnum):
    """What an answer could still change."""

    GRADE = "grade"
    LIMIT = "limit"
    ROUTE = "route"


class Figure(Value):
    """A ratio or amount with its formula and inputs; None where an input is missing."""

    code: str
    value: Decimal | str | None
    formula: str
    inputs: dict[str, str] = {}


class FactorPoints(Value):
    """One factor's share of the score: value, bin and points, or the treatment of its absence."""

    code: str
    value: Decimal | str | None
    bin: str
    points: Decimal
    points_max: Decimal
    formula: str
    inputs: dict[str, str] = {}
    missing: Missing | None = None
    group: str = ""  # financial, operating or payment
    supplied: SuppliedFigure | None = None  # where `value` is what an analyst gave


class ShadowRating(Value):
    """What a challenger would have said; it decides nothing."""

    model: str
    score: Decimal
    grade: str
    pd: Decimal


class Rating(Value):
    """A grade and its PD; those of the model beside them where an override moved the grade."""

    factors: tuple[FactorPoints, ...]
    score: Decimal  # exactly the sum of the points
    grade: str
    pd: Decimal
    knock_outs: tuple[str, ...] = ()
    model: str = ""  # the scorecard and its version
    chosen_by: dict[str, str] = {}  # what the choice of the scorecard looked at
    pd_score: Decimal | None = None  # the PD of the score itself, where its scorecard has odds
    challengers: tuple[ShadowRating, ...] = ()
    group_shares: dict[str, Decimal] = {}  # points of each group, of the best it could have
    valid_until: date | None = None  # the last day on which the grade counts
    references: dict[str, Decimal] = {}  # altman_z, altman_z_private ... where computable
    override: RatingOverride | None = None
    grade_before: str = ""  # the model's own, where an override moved it
    pd_before: Decimal | None = None
    external: tuple[ExternalGrade, ...] = ()  # external ratings on our scale, and the one used
    external_cap: str | None = None  # the best grade that the one used leaves, where it bounds

    @property
    def grade_model(self) -> str:
        """The grade of the scorecard and the knock-outs, before any override."""
        return self.grade_before or self.grade


class LimitStep(Value):
    """One method or cap with the figures it used; `amount` None where it cannot be computed."""

    code: str
    kind: str  # method, cap, uplift or result
    amount: Money | None
    formula: str
    inputs: dict[str, str] = {}


class CoverStep(Value):
    """What one cover counts for: its worth, what comes off, and what is left in two currencies."""

    cover_id: Id
    kind: CoverKind
    verdict: CoverVerdict
    value: Money  # as far as its guarantor can answer for it
    share: Decimal
    haircut: Decimal | None  # None where policy has no rule for its kind
    counted: Money
    uplift: Money  # the same in the reporting currency
    lgd: Decimal | None  # of what it covers
    ends_on: date | None = None
    insured: InsuredBy | None = None


class LimitProposal(Value):
    limit_proposed: Money  # 测算额度, in the reporting currency, never negative
    steps: tuple[LimitStep, ...]
    binding: str  # code of the method or cap that decides
    next_binding: str | None = None
    covers: tuple[CoverStep, ...] = ()


class FloatingPrice(Value):
    """A price over a benchmark: the rate is exactly the fixing plus the basis points."""

    fixing: FixingUsed
    spread_bp: Decimal


class Price(Value):
    """What the credit must earn: rates are annual shares of the limit used."""

    rate_annual: Decimal
    components: dict[str, Decimal]  # funds, costs, expected_loss, capital ...
    raroc: Decimal
    capital_share: Decimal
    below_minimum: bool = False
    floating: FloatingPrice | None = None  # None: the rate is fixed
    lgd: Decimal | None = None  # where cover changes it; else the edition's
    secured: dict[str, Money] = {}  # by cover: what of the limit it secures, reporting currency


class Lane(StrEnum):
    AUTOMATIC = "automatic"
    PEOPLE = "people"
    DECLINE = "decline"  # knocked out by policy: declined without asking anybody


class RequestsSummed(Value):
    """What other requests of the ring add to a case's tier: the sum, the window and the cases."""

    total: Money
    window_days: int
    cases: tuple[Id, ...]


class Route(Value):
    lane: Lane
    steps: tuple[RouteStep, ...] = ()
    aggregate: Money  # group exposure after approval, what the tier was chosen by
    row: str  # the table row that chose it
    reasons: tuple[str, ...] = ()
    moves_tier_at: Money | None = None  # an aggregate above this asks a higher tier
    exceptions: tuple[PolicyException, ...] = ()  # caps that the approval would pass
    beside: RequestsSummed | None = None  # part of the aggregate
    facts: dict[str, str] = {}  # what the rows ask about beside aggregate and grade


class Assessment(Value):
    """The receipt: inputs, edition, every step, and the route that follows."""

    case_id: Id
    edition: str
    edition_hash: str
    dossier: Dossier
    rating: Rating
    limit: LimitProposal
    limit_recommended: Money  # in the application's currency: min(proposed, requested)
    price: Price
    route: Route
    automatic_spent: Money | None = None  # of the automatic lane's day, as it stood then
    sampled: bool = False  # whether chance sent it to people
    doubts: tuple[Doubt, ...] = ()
    tolerances: tuple[ToleranceUse, ...] = ()  # differences that were let pass
    limit_reviewed: Money | None = None  # what a review that asks for nothing leaves the line with

    @property
    def receipt_hash(self) -> str:
        return lasting_hash(self)
