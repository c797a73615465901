"""What answers are made of. A field this release does not know is passed over, not refused."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

_Item = TypeVar("_Item")

# Exact both ways: an amount is text in JSON and never passes through a binary fraction.
Exact = Annotated[Decimal, PlainSerializer(lambda amount: f"{amount:f}", return_type=str)]


class Answer(BaseModel):
    """A frozen value of the API."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Money(Answer):
    """An exact amount in a currency of ISO 4217."""

    amount: Exact
    currency: str

    @classmethod
    def of(cls, amount: Decimal | int | str, currency: str) -> Self:
        """`Money.of("125000.00", "CNY")`; a float is refused, it would not be exact."""
        if isinstance(amount, float):
            raise TypeError("an amount is a Decimal, an int or a text, never a float")
        return cls(amount=Decimal(amount), currency=currency)

    def __str__(self) -> str:
        return f"{self.currency} {self.amount:,f}"


class Page(Answer, Generic[_Item]):
    items: tuple[_Item, ...]
    next_cursor: str | None = None
    has_more: bool = False


class Items(Answer, Generic[_Item]):
    items: tuple[_Item, ...]


class Person(Answer):
    person_id: str
    title: str
    roles: frozenset[str]
    branch: str
    mail: str
    language: str


class Me(Answer):
    person: Person
    actions: tuple[str, ...]


class ApiKey(Answer):
    key_id: str
    person_id: str
    label: str
    shown: str
    recorded_at: AwareDatetime
    last_used_at: AwareDatetime | None
    revoked_at: AwareDatetime | None


class KeyIssued(Answer):
    """A key just made; `key` is told this once and left out of `repr`."""

    key: str
    api_key: ApiKey

    def __repr__(self) -> str:
        return f"KeyIssued({self.api_key!r})"

    __str__ = __repr__


class Alias(Answer):
    """A record that gave way to the customer's: another id of it."""

    customer_id: str
    name: str
    name_zh: str = ""
    merged_on: date


class Sourced(Answer):
    """A value, who or what says so, and since which day."""

    value: Any
    source: str
    as_of: date


class RatingFacts(Answer):
    grade: Sourced
    score: Sourced
    valid_until: date | None
    counts: bool


class ClassFacts(Answer):
    tier: Sourced
    reasons: tuple[str, ...]


class Hold(Answer):
    hold_id: str
    kind: str
    held: Sourced
    expires_at: AwareDatetime | None = None


class LineFacts(Answer):
    """A line as it was on the day of a profile."""

    line_id: str
    customer_id: str
    product: str
    status: Sourced
    limit: Sourced
    starts_on: date
    ends_on: Sourced
    used: Sourced
    reserved: Sourced
    headroom: Sourced
    holds: tuple[Hold, ...] = ()


class OpenCase(Answer):
    case_id: str
    kind: str
    about: Sourced


class WarningFacts(Answer):
    warning_id: str
    level: Sourced


class CapFacts(Answer):
    """A cap of the customer or of its group on the day of a profile."""

    scope: str
    owner_id: str
    currency: str
    cap: Sourced


class CreditProfile(Answer):
    """A customer's credit as it stood on a day."""

    as_of: date
    version: int
    fields: Mapping[str, Sourced]
    merged_into: str | None = None
    aliases: tuple[Alias, ...] = ()
    rating: RatingFacts | None = None
    classification: ClassFacts | None = None
    owed: Mapping[str, Sourced] = {}
    lines: tuple[LineFacts, ...] = ()
    limit_total: Mapping[str, Money] = {}
    used_total: Mapping[str, Money] = {}
    caps: tuple[CapFacts, ...] = ()
    open_cases: tuple[OpenCase, ...] = ()
    warnings: tuple[WarningFacts, ...] = ()


class Likeness(Answer):
    """Two records that are likely one customer, and why."""

    first_id: str
    second_id: str
    reasons: tuple[str, ...]
    score: Exact


class MergeAct(Answer):
    act: str
    reason: str
    acted_by: str
    acted_on: date


class Merge(Answer):
    """Two records said to be one customer, and what was said of that."""

    merge_id: str
    losing_id: str
    surviving_id: str
    reason: str
    likeness: Likeness | None = None
    proposed_by: str
    proposed_on: date
    status: str
    acts: tuple[MergeAct, ...] = ()


class PartyRole(Answer):
    """A role of a party: customer or supplier, from when to when."""

    role_id: str
    customer_id: str
    version: int
    role: str
    valid_from: date
    valid_until: date | None = None
    source: str


class Payable(Answer):
    customer_id: str
    payable_no: str
    issued_on: date
    due_on: date
    amount: Money


class Settlement(Answer):
    customer_id: str
    payable_no: str
    settlement_no: str
    settled_on: date
    amount: Money


class SetOffAgreement(Answer):
    agreement_id: str
    customer_id: str
    evidence_hash: str
    signed_on: date
    valid_from: date
    valid_until: date | None = None
    most: Money | None = None


class SideOfCurrency(Answer):
    """Both sides in one currency; the offset is shown beside them."""

    currency: str
    invoiced: Money
    prepaid: Money
    owed_to_it: Money
    offset: Money
    agreement_id: str | None = None


class Sides(Answer):
    """A party on a day as customer and supplier."""

    customer_id: str
    as_of: date
    roles: tuple[PartyRole, ...]
    agreements: tuple[SetOffAgreement, ...]
    currencies: tuple[SideOfCurrency, ...]
    exposure: Mapping[str, Money]
    exposure_after_offset: Mapping[str, Money]


class Application(Answer):
    """What is asked for."""

    customer_id: str
    limit_requested: Money
    application_type: str = "new_line"
    term_months: int = 12
    purpose: str = ""
    product: str = "open_account"
    line_id: str | None = None
    temporary_until: date | None = None
    attachments: Mapping[str, str] = {}
    above_eligible_reason: str | None = None  # why more than policy supports is asked for
    # What a change of a line says, by its `kind`: {"kind": "extension", "until": "2027-03-31"}.
    form: Mapping[str, Any] | None = None


class Case(Answer):
    case_id: str
    application: Application
    status: str
    applicant: str
    missing: tuple[str, ...]
    reason_codes: tuple[str, ...]
    letter_no: str | None
    line_id: str | None
    submitted_at: AwareDatetime
    business_on: date
    ended_at: AwareDatetime | None
    version: int
    edition_hash: str = ""

    @property
    def open(self) -> bool:
        return self.ended_at is None


class Submitted(Answer):
    """The answer to a start; `pending` where the case will be taken up and is not yet."""

    case_id: str
    status: str
    missing: tuple[str, ...]
    reason_codes: tuple[str, ...]
    existing: bool
    pending: bool


class Acted(Answer):
    case_id: str
    status: str
    missing: tuple[str, ...]
    replayed: bool


class Override(Answer):
    """A grade moved by notches, from proposal to end; above zero the grade gets better."""

    override_id: str
    case_id: str
    customer_id: str
    notches: int
    reason: str
    note: str
    grade_model: str
    grade_asked: str
    receipt_hash: str
    second_needed: bool
    proposed_by: str
    proposed_at: AwareDatetime
    proposed_on: date
    status: str
    settled_by: str | None
    settled_at: AwareDatetime | None
    voided_by: str | None
    taken_back_by: str | None


class Overridden(Answer):
    """Where a case stands after an override, and what became of that so far."""

    case_id: str
    status: str
    override: Override
    replayed: bool


class OverridePolicy(Answer):
    """How far a grade may be moved, for which reasons, and how far without a second person."""

    up_max: int
    down_max: int
    alone_up_max: int
    alone_down_max: int
    reasons: tuple[str, ...]


class CaseOverrides(Answer):
    policy: OverridePolicy
    items: tuple[Override, ...]


class OverridesOneWay(Answer):
    overrides: int
    took_effect: int
    notches_mean: Decimal | None
    declined: int
    warned: int
    collected: int
    hit_rate: Decimal | None


class AnalystOverrides(Answer):
    """`rate` is of the assessed cases that the analyst touched in the period."""

    analyst: str
    cases_touched: int
    cases_overridden: int
    rate: Decimal | None
    up: OverridesOneWay
    down: OverridesOneWay


class AnalystRule(Answer):
    """What an analyst may supply for a factor."""

    at_least: Exact
    at_most: Exact
    second_person: bool


class AnalystFigure(Answer):
    """A figure that an analyst supplied, and who confirmed it where policy asks for two."""

    case_id: str
    factor: str
    version: int
    value: Exact
    reason: str
    evidence_hash: str
    second_needed: bool
    supplied_by: str
    supplied_at: AwareDatetime
    confirmed_by: str | None
    confirmed_at: AwareDatetime | None


class AskedFigure(Answer):
    factor: str
    figure: str
    rule: AnalystRule
    awaited: bool
    versions: tuple[AnalystFigure, ...]


class CaseFigures(Answer):
    """What analysts may supply for a case, and what they have."""

    case_id: str
    changeable: bool
    items: tuple[AskedFigure, ...]


class OverrideReport(Answer):
    since: date
    until: date
    analysts: tuple[AnalystOverrides, ...]


class SubLine(Answer):
    """The most of one product within a facility, as exposure."""

    product: str
    limit: Money
    tenor_months: int
    deposit_share: Exact = Decimal(0)
    covers: tuple[str, ...] = ()


class FacilityScheme(Answer):
    """A facility of sub-lines under one limit, or a single product's."""

    limit: Money
    sub_lines: tuple[SubLine, ...]
    purpose: str = ""
    nominal_limit: Money | None = None


class SchemeProposal(Answer):
    """What investigators propose; conditions go with `recommend_with_conditions` alone."""

    scheme: FacilityScheme
    conclusion: str  # recommend, recommend_with_conditions, do_not_recommend
    opinion: str
    conditions: tuple[str, ...] = ()


class SchemeFault(Answer):
    code: str
    product: str = ""
    found: str = ""
    wanted: str = ""


class DiligenceItem(Answer):
    code: str
    required: bool
    evidence: bool


class DiligenceChecklist(Answer):
    code: str
    items: tuple[DiligenceItem, ...]
    visits_min: int
    statements_min: int
    age_days_max: int


class OpenPoint(Answer):
    """What a report still lacks; `evidence` where only its evidence is missing."""

    part: str
    code: str = ""
    evidence: bool = False


class Assignment(Answer):
    lead: str
    second: str
    reason: str = ""
    version: int
    assigned_by: str


class DiligenceAnswer(Answer):
    item: str
    finding: str
    evidence: tuple[str, ...] = ()


class SiteVisit(Answer):
    visit_no: int
    visited_on: date
    place: str
    met: str
    finding: str
    photos: tuple[str, ...] = ()


class StatementLook(Answer):
    period_end_on: date
    finding: str
    statement_hash: str


class Investigation(Answer):
    """The newest of everything that two people found."""

    assignment: Assignment | None = None
    answers: tuple[DiligenceAnswer, ...] = ()
    visits: tuple[SiteVisit, ...] = ()
    statements: tuple[StatementLook, ...] = ()
    proposal: SchemeProposal | None = None


class SignedReport(Answer):
    report_hash: str
    lead: str
    second: str
    signed_on: date
    valid_until: date
    conclusion: str
    conditions: tuple[str, ...] = ()
    scheme: FacilityScheme


class InvestigationView(Answer):
    case_id: str
    customer_id: str
    status: str
    row: str | None = None  # of the policy, that asks it
    checklist: DiligenceChecklist | None = None
    investigation: Investigation
    open_points: tuple[OpenPoint, ...] = ()
    scheme_faults: tuple[SchemeFault, ...] = ()
    report_hash: str | None = None  # of what would be signed now
    signed: SignedReport | None = None  # once both have signed
    changeable: bool
    statements_on_file: tuple[date, ...] = ()
    may_investigate: tuple[str, ...] = ()


class Product(Answer):
    """A product of the catalogue in force, and what its use asks for."""

    code: str
    revolving: bool
    funded: bool
    comprehensive: bool
    dedicated: bool
    conversion_factor: Exact
    deposit_min: Exact
    tenor_months_max: int
    covers: tuple[str, ...] = ()
    exchange: bool


class Task(Answer):
    task_id: str
    approval_id: str
    case_id: str
    customer_id: str
    position: str
    escalated_to: str | None
    person_id: str | None
    asked_of: str | None
    status: str
    amount: Money
    opened_at: AwareDatetime
    due_at: AwareDatetime
    decided_by: str | None
    verdict: str | None


class ConditionAsked(Answer):
    """What an approver approves under; without a day, before the line is active."""

    text: str
    kind: str = "other"  # cover, document, covenant, other
    owner: str = "relationship_manager"  # or legal: who shows it
    due_on: date | None = None


class CitedRisk(Answer):
    """A risk that a review opinion names, and where in the papers it shows."""

    risk: str
    cites: str = ""


class Decision(Answer):
    """A word on record."""

    decision_id: str
    task_id: str
    person_id: str
    on_behalf_of: str | None = None
    delegations: tuple[str, ...] = ()
    position: str
    verdict: str
    note: str
    content_hash: str
    decided_at: AwareDatetime
    to_step: int | None
    limit: Money | None
    term_months: int | None
    conditions: tuple[ConditionAsked, ...]
    risks: tuple[CitedRisk, ...] = ()
    void: str


class TierMove(Answer):
    """What would put a case before other people: an amount (above it, or down to it), a grade, or
    cover of another class."""

    up: bool
    row: str
    amount: Money | None
    grade: str | None
    cover: str | None = None


class Why(Answer):
    """Why a task is one's own, or by which code a decision would be refused now."""

    grant: "Grant | None"
    on_behalf_of: str | None
    delegations: tuple[str, ...]
    certificate_no: str | None
    stands_in_for: str | None
    refusal: str | None
    detail: str
    aggregate: Money
    grade: str
    route_row: str
    facts: Mapping[str, str] = {}  # what the row went by, beside aggregate and grade
    reasons: tuple[str, ...]
    exceptions: tuple[Mapping[str, Any], ...] = ()
    moves: tuple[TierMove, ...]


class ActOnRecord(Answer):
    act_id: str
    approval_id: str
    task_id: str
    action: str
    person_id: str
    to: str | None
    placement: str | None
    note: str
    grant_no: str | None
    acted_at: AwareDatetime


class TaskPage(Answer):
    task: Task
    approval: Mapping[str, Any]
    why: Why
    decisions: tuple[Decision, ...]
    acts: tuple[ActOnRecord, ...]
    words: tuple[str, ...]  # that one may say now
    may: tuple[str, ...]  # what one may do besides
    return_targets: tuple[int, ...]

    @property
    def content_hash(self) -> str:
        """Of what is decided on; sent with a decision, it is refused if that has changed."""
        return str(self.approval["request"]["content_hash"])


class Said(Answer):
    """One seat of a step: who spoke on it and what."""

    position: str
    person_id: str | None
    verdict: str | None
    note: str
    conditions: tuple[ConditionAsked, ...]
    risks: tuple[CitedRisk, ...] = ()
    at: AwareDatetime | None
    weight: int
    added_by: str | None
    void: bool


class Tally(Answer):
    """The votes of a step by weight, and how many members cast one."""

    approve: int
    decline: int
    defer: int
    undecided: int
    cast: int


class StepMinutes(Answer):
    step: int
    mode: str
    said: tuple[Said, ...]
    absent: tuple[str, ...]
    recused: tuple[str, ...]
    tally: Tally
    quorum: int | None
    final: str | None


class Minutes(Answer):
    approval_id: str
    case_id: str
    customer_id: str
    outcome: str
    content_hash: str
    rounds: int
    steps: tuple[StepMinutes, ...]
    recused: tuple[tuple[str, str], ...]


class Meeting(Answer):
    """A numbered meeting of a body, as it was convened."""

    meeting_no: str
    body: str
    held_at: AwareDatetime
    held_on: date
    agenda_until: date
    place: str
    chair: str
    members: tuple[str, ...]
    convened_by: str


class MeetingStanding(Answer):
    meeting: Meeting
    over: bool


class AgendaItem(Answer):
    """A case on the agenda of a meeting, with its papers."""

    meeting_no: str
    item_no: int
    approval_id: str
    case_id: str
    customer_id: str
    presenter: str
    attendants: tuple[str, ...]
    papers: tuple[str, ...]
    content_hash: str
    step_index: int
    round: int
    deferred_from: str | None
    put_on_by: str
    put_on_on: date


class ItemMinutes(Answer):
    """The section of one case: its papers, its votes, and how it came out."""

    item: AgendaItem
    result: str
    vote: StepMinutes
    recused: tuple[tuple[str, str], ...]


class MeetingView(Answer):
    """A meeting with the votes on its agenda; once over, as its minutes froze them."""

    meeting: Meeting
    sections: tuple[ItemMinutes, ...]
    over: bool
    closed_at: AwareDatetime | None
    minutes_hash: str | None
    document_hash: str | None


class MeetingMinutes(Answer):
    meeting: Meeting
    sections: tuple[ItemMinutes, ...]
    closed_by: str
    closed_at: AwareDatetime


class FrozenMinutes(Answer):
    """The minutes of a meeting under their hash, and the hash of the sealed PDF once it is set."""

    minutes: MeetingMinutes
    minutes_hash: str
    document_hash: str | None


class Done(Answer):
    """What followed from an act."""

    task_id: str
    act_id: str
    action: str
    outcome: str
    waiting_for: tuple[str, ...]
    replayed: bool


class Decided(Answer):
    task_id: str
    decision_id: str
    verdict: str
    outcome: str
    waiting_for: tuple[str, ...]
    letter_no: str | None
    replayed: bool


class TaskAnswer(Answer):
    """What became of one word of many: done, refused with a code, or still under way."""

    task_id: str
    done: Decided | None
    refusal: str | None
    detail: str
    pending: bool


class Answers(Answer):
    items: tuple[TaskAnswer, ...]


class Scope(Answer):
    """What authority is confined to; a part that names nothing confines nothing."""

    units: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    industries: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    secured_only: bool = False


class Grant(Answer):
    """A numbered grant of authority: who may decide as what, how much, and when.

    It is held by one person, one post or one body; a sub-grant names its parent, a special grant
    its case.
    """

    grant_no: str
    person_id: str | None = None
    position: str
    limit: Money
    valid_from: date
    valid_until: date
    granted_by: str
    revoked_on: date | None = None
    post: str | None = None
    body: str | None = None
    scope: Scope = Scope()
    parent_no: str | None = None
    case_id: str | None = None


class GrantStanding(Answer):
    """A grant, who holds it today, and whether it and every grant above it stand."""

    grant: Grant
    stands: bool
    holders: tuple[str, ...]
    line: tuple[str, ...]


class SeatContent(Answer):
    """Who is to sit in a post or belong to a body, from when to when."""

    person_id: str
    post: str | None = None
    body: str | None = None
    valid_from: date
    valid_until: date | None = None


class Seat(SeatContent):
    entry_id: str
    recorded_by: str
    ended_on: date | None
    ended_by: str | None


class DelegationContent(Answer):
    """Who is to speak for whom, from when to when; without `delegator`, for whoever records it."""

    delegator: str | None = None
    delegate: str
    valid_from: date
    valid_until: date
    reason: str
    absent: bool = True
    scope: Scope = Scope()
    limit: Money | None = None


class Delegation(DelegationContent):
    entry_id: str
    recorded_by: str
    ended_on: date | None
    ended_by: str | None


class CertificateContent(Answer):
    """A certificate of a person, by its number, with the hash of its document on file."""

    certificate_no: str
    person_id: str
    code: str
    valid_from: date
    valid_until: date
    evidence: str


class Certificate(CertificateContent):
    entry_id: str
    recorded_by: str
    ended_on: date | None
    ended_by: str | None


class InterestConflict(Answer):
    """A declared tie of one of the grantor's people with a customer."""

    entry_id: str
    person_id: str
    customer_id: str
    note: str
    valid_from: date
    ended_on: date | None
    ended_by: str | None


class Alarm(Answer):
    """A task that nobody could decide; it waits in the queue and never passes."""

    task_id: str
    case_id: str
    position: str
    queue: str
    raised_on: date
    stands: bool


class RegisterEvent(Answer):
    """One thing that was written into the register of authority, or ended in it."""

    entry_id: str
    kind: str
    what: str
    person_id: str | None
    about: str
    on: date
    by: str
    reason: str


class LateClause(Answer):
    """What overdue amounts bear by an agreement."""

    rate_annual: Exact
    year_days: int
    grace_days: int


class FloatingRate(Answer):
    """A benchmark plus basis points, set anew on every repricing date."""

    benchmark: str
    spread_bp: Exact
    reprice_months: int
    first_reprices_on: date


class FloatingTerms(Answer):
    """A floating rate as it was granted: the rule, and the fixing that made the first rate."""

    rule: FloatingRate
    fixing: Exact
    fixing_on: date
    fixing_version: int = 1


class SchemeCondition(Answer):
    """A condition in words, of the investigators' scheme or of who approved, as the letter has it."""

    code: str
    text: str
    owner: str  # a person, or `role.` and a role
    due_on: date
    after_activation: bool = False


class Terms(Answer):
    customer_id: str
    limit: Money
    product: str
    term_months: int
    rate_annual: Decimal
    payment_days: int
    conditions: tuple[str, ...]
    requirements: tuple[str, ...]
    temporary_until: date | None
    late: LateClause | None = None
    floating: FloatingTerms | None = None
    sub_lines: tuple[SubLine, ...] = ()
    purpose: str = ""
    scheme_conditions: tuple[SchemeCondition, ...] = ()
    nominal_limit: Money | None = None


class Letter(Answer):
    letter_no: str
    case_id: str
    approved: bool
    terms: Terms | None
    reason_codes: tuple[str, ...]
    content_hash: str
    decided_on: date
    valid_until: date
    decided_by: tuple[str, ...]
    replaces: str | None = None  # the letter that this one changes
    cap: Mapping[str, Any] | None = None  # of a letter about a cap


class OfferDifference(Answer):
    """One point in which the letter is not what was asked for."""

    field: str
    asked: str
    offered: str


class Offer(Answer):
    """A letter's terms as they were put to the customer, and what became of them."""

    letter_no: str
    case_id: str
    customer_id: str
    offer_hash: str
    differences: tuple[OfferDifference, ...]
    deciders: tuple[str, ...]
    made_at: AwareDatetime
    expires_at: AwareDatetime
    status: str
    answered_by: str | None
    note: str
    ended_at: AwareDatetime | None


class OfferView(Answer):
    offer: Offer
    terms: Terms
    replaces: str | None


class OfferPage(Answer):
    """What the holder of a one-time link sees of an offer."""

    letter_no: str
    customer_name: str
    customer_name_zh: str
    terms: Terms
    differences: tuple[OfferDifference, ...]
    replaces: str | None
    offer_hash: str
    status: str
    expires_at: AwareDatetime


class Identifier(Answer):
    scheme: str
    value: str


class Customer(Answer):
    customer_id: str
    name: str
    name_zh: str = ""
    identifiers: tuple[Identifier, ...] = ()
    country: str = "CN"
    industry: str = "C"
    region: str = ""
    segment: str = "medium"
    group_id: str | None = None
    established_on: date | None = None
    employees: int | None = None
    mail: str = ""
    manager_id: str = "manager"
    merged_into: str | None = None  # where it was asked for by another of its ids
    aliases: tuple[Alias, ...] = ()


class CustomerGroup(Answer):
    """Companies whose exposure counts as one."""

    group_id: str
    name: str
    name_zh: str = ""


class GroupView(Answer):
    group: CustomerGroup
    members: tuple[str, ...]


class CreditEvent(Answer):
    """One dated fact of a credit history; `corrects` takes an earlier one back."""

    event_id: str
    customer_id: str
    event_type: str
    occurred_on: date
    amount: Money | None = None
    evidence_hash: str | None = None
    note: str = ""
    corrects: str | None = None
    recorded_by: str


class Party(Answer):
    """Somebody who is no customer, and is linked to one."""

    party_id: str
    name: str
    kind: str = "company"


class PartyLink(Answer):
    """`holder` owns, controls or guarantees `subject`; without `link_id` it is a new link."""

    kind: str
    holder: str
    subject: str
    source: str
    share: Exact | None = None
    amount: Money | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    evidence_hash: str | None = None
    link_id: str = ""
    version: int = 1


class OwnershipReport(Answer):
    """What became of an ownership file; what was left out has its record and the reason."""

    parties: int
    customers: int
    links: int
    left_out: tuple[Mapping[str, str], ...]


class RingStep(Answer):
    """One link on the way to a party."""

    link_id: str
    kind: str
    holder: str
    subject: str
    share: Decimal | None = None


class RingMember(Answer):
    """A party and the shortest way there; `counts` where its risk is the same risk."""

    party_id: str
    path: tuple[RingStep, ...]
    counts: bool


class RingPart(Answer):
    """A member of a ring; the figures of one that is not yours to see are None."""

    member: RingMember
    name: str
    is_customer: bool
    limits: Money | None
    answers_for: Money | None


class Ring(Answer):
    """A customer's ring on a day: what those who count hold, and what they answer for beside it."""

    customer_id: str
    as_of: date
    parts: tuple[RingPart, ...]
    one_risk: tuple[str, ...]
    direct: Money
    indirect: Money
    total: Money
    limits: Money | None = None
    answers_for: Money
    links: tuple[RingStep, ...] = ()


class Contract(Answer):
    contract_id: str
    case_id: str
    letter_no: str
    terms: Terms
    status: str
    document_hash: str
    signed_hash: str | None
    sent_at: AwareDatetime
    expires_at: AwareDatetime
    signed_at: AwareDatetime | None


class Condition(Answer):
    case_id: str
    code: str
    owner: str
    status: str
    evidence_hash: str | None
    evidenced_by: str | None
    verified_by: str | None
    text: str = ""
    due_on: date | None = None
    after_activation: bool = False


class Line(Answer):
    line_id: str
    customer_id: str
    group_id: str | None
    case_id: str
    letter_no: str
    contract_id: str
    limit: Money
    status: str
    grade: str
    starts_on: date
    ends_on: date
    review_due_on: date
    freeze_reasons: tuple[str, ...]


class Reconsideration(Answer):
    """A decision decided anew: by which case, on what new evidence."""

    case_id: str
    declined_case_id: str
    letter_no: str
    evidence: Mapping[str, str]
    grounds: str
    asked_by: str
    asked_at: AwareDatetime


class Recovery(Answer):
    """A lapse after which the case was put before its approvers afresh, by whom and why."""

    approval_id: str
    case_id: str
    reason: str
    silent: tuple[str, ...]
    recovered_by: str
    recovered_at: AwareDatetime


class CaseView(Answer):
    """All there is about one case; the receipt as the mapping it is."""

    case: Case
    customer: Customer
    assessment: Mapping[str, Any] | None
    receipt_hash: str | None
    approvals: tuple[Mapping[str, Any], ...]
    tasks: tuple[Task, ...]
    decisions: tuple[Decision, ...]
    letter: Letter | None
    offer: Offer | None = None
    contract: Contract | None
    conditions: tuple[Condition, ...]
    line: Line | None
    screenings: tuple[Mapping[str, Any], ...]
    overrides: tuple[Override, ...] = ()
    reconsideration: Reconsideration | None = None  # this case decides anew, or is decided anew
    recoveries: tuple[Recovery, ...] = ()


class Event(Answer):
    at: AwareDatetime
    source: str
    kind: str
    person_id: str
    facts: Mapping[str, str]


class Differs(Answer):
    """A field of a receipt that comes out otherwise, with both values as text."""

    path: str
    recorded: str | None
    recomputed: str | None
    sentence: str
    sentence_zh: str


class Replayed(Answer):
    case_id: str
    edition: str
    receipt_hash: str
    identical: bool
    differing: tuple[str, ...]
    differences: tuple[Differs, ...] = ()


class ReplayedBook(Answer):
    """Every receipt judged again; `differing` came out otherwise."""

    receipts: int
    identical: int
    differing: tuple[Replayed, ...]


class Question(Answer):
    """A missing item, and what it could still change."""

    code: str
    bears_on: tuple[str, ...]
    factors: tuple[str, ...]


class OpenFile(Answer):
    """A half-filled file: what it comes to now, how far it could go, and what is left to ask."""

    score: Decimal
    score_min: Decimal
    score_max: Decimal
    grade: str
    grades: tuple[str, ...]
    limit: Money
    lane: str
    questions: tuple[Question, ...]


class Figures(Answer):
    applications: int
    by_status: Mapping[str, int]
    tasks_open: int
    contracts_by_status: Mapping[str, int] = {}
    lines_by_status: Mapping[str, int] = {}


class Refusal(Answer):
    refusal_no: int
    channel: str
    subject: str
    action: str
    person_id: str | None
    code: str
    detail: str
    case_id: str | None
    recorded_at: AwareDatetime


class Delivery(Answer):
    """Something owed to others, and whether it has arrived."""

    entry_no: int
    channel: str
    kind: str
    state: str
    attempts: int
    last_error: str


class Stuck(Answer):
    """One thing that does not go on, with its cause."""

    subject: str
    cause: str
    since: AwareDatetime | None
    case_id: str | None
    step: str
    step_id: str
    attempts: int
    error: str
    next_at: AwareDatetime | None
    waiting_for: str


class StuckList(Answer):
    """What was found, the gravest cause first."""

    items: Sequence[Stuck]
    temporal_answers: bool
    compared: int | None
    more: bool


class PendingStep(Answer):
    """A step that a workflow waits for."""

    step_id: str
    step: str
    attempts: int
    error: str
    paused: bool
    scheduled_at: AwareDatetime
    next_at: AwareDatetime | None


class WorkflowLook(Answer):
    """A workflow as Temporal has it."""

    workflow_id: str
    run_id: str
    workflow: str
    status: str
    parent_id: str | None
    steps: Sequence[PendingStep]
    task_attempts: int
    task_error: str


class Again(Answer):
    """One thing that going back would do again."""

    event_id: int
    at: AwareDatetime
    name: str
    repeat: str


class ResetPlan(Answer):
    """What going back to a point would do."""

    workflow_id: str
    run_id: str
    event_id: int
    point_at: AwareDatetime
    again: Sequence[Again]
    children: Sequence[str]
    parent_id: str | None


class ResetPlanned(Answer):
    """A dry run of going back; asked for by its event and its hash."""

    plan: ResetPlan
    effects: int
    plan_hash: str


class RepairContent(Answer):
    """What is to be done to a workflow by hand, and why."""

    workflow_id: str
    act: str
    reason: str
    step_id: str = ""
    result: Mapping[str, Any] | None = None
    event_id: int | None = None
    plan_hash: str = ""


class Repair(Answer):
    """A repair on record: who asked, who confirmed, what came of it."""

    repair_id: str
    content: RepairContent
    step: str
    case_id: str | None
    status: str
    asked_by: str
    decided_by: str | None
    outcome: str


class Timeline(Answer):
    """Everything that happened to a case, and why it waits."""

    case_id: str
    sentence: str
    stuck: Sequence[Stuck]
    items: Sequence[Event]
    temporal_answers: bool


class Token(Answer):
    """A one-time token, left out of `repr`."""

    token: str
    subject: str

    def __repr__(self) -> str:
        return f"Token(subject={self.subject!r})"

    __str__ = __repr__


class Statement(Answer):
    """One period's figures, in whole currency units."""

    customer_id: str
    period_end_on: date
    months: int
    currency: str
    items: Mapping[str, Decimal]
    derived: frozenset[str]
    consolidated: bool
    audited: bool
    source: str


class OtherAccount(Answer):
    """An account that does not count; each difference is what counts, then this."""

    statement: Statement
    provenance: str
    differences: Mapping[str, tuple[str, str]]


class Accounts(Answer):
    """The accounts of one period: the one that counts, and those beside it."""

    period_end_on: date
    counted: Statement
    provenance: str
    others: tuple[OtherAccount, ...]


class FactorRow(Answer):
    """One customer's figures as of a day, under an edition; None where an input is missing."""

    customer_id: str
    as_of: date
    edition_hash: str
    segment: str
    industry: str
    figures: Mapping[str, Decimal | None]


class MonthFigures(Answer):
    """One month's valid invoices, net of tax and of what was taken back; counts of sales alone."""

    month_on: date
    sales: Decimal
    purchases: Decimal
    sales_issued: Decimal
    sales_valid: int
    sales_void: int


class Concentration(Answer):
    """How a year's trade spreads over counterparties."""

    parties: int
    total: Decimal
    largest: tuple[Decimal, ...]
    squares: Decimal


class InvoiceRecord(Answer):
    """A customer's VAT invoices up to a day, by month, in whole units of the currency."""

    as_of: date
    currency: str
    invoices: int
    first_sale_on: date | None
    last_sale_on: date | None
    months: tuple[MonthFigures, ...]
    buyers: Concentration
    sellers: Concentration


class Turnover(Answer):
    """A record of VAT invoices, and the figures that editions may name."""

    record: InvoiceRecord
    figures: Mapping[str, Decimal | None]


class ReportKind(Answer):
    """An external report as the policy knows it: providers in the order they are asked."""

    kind: str
    providers: tuple[str, ...]
    age_days_max: int
    authorisation_needed: bool


class Authorisation(Answer):
    """A customer's written agreement that reports on it are asked for."""

    authorisation_id: str
    customer_id: str
    evidence_hash: str
    signed_on: date
    valid_until: date
    recorded_by: str


class ExternalReport(Answer):
    report_id: str
    customer_id: str
    kind: str
    provider: str
    reported_on: date
    pulled_on: date
    figures: Mapping[str, str]
    evidence_hash: str
    authorisation_id: str | None
    recorded_by: str


class PulledReport(Answer):
    """A report that may be relied on, and who was asked before it was found."""

    report: ExternalReport
    on_file: bool
    tried: Mapping[str, str]


class ExternalGrade(Answer):
    """What an agency's rating is on our own scale, and from when to when the mapping says so."""

    agency: str
    rating: str
    outlook: str
    rated_on: date
    valid_until: date
    report_id: str
    grade: str
    effective_from: date | None
    effective_until: date | None
    used: bool


class AgencyRating(Answer):
    """An agency's rating on file; `followed_on` the day from which another word of it counts."""

    report_id: str
    customer_id: str
    agency: str
    rating: str
    outlook: str
    rated_on: date
    valid_until: date
    evidence_hash: str
    followed_on: date | None
    withdrawn: bool
    recorded_by: str


class RatingOnFile(Answer):
    """A rating and how it stands today: counts, unmapped, expired, withdrawn or followed."""

    rating: AgencyRating
    standing: str
    grade: ExternalGrade | None


class RatingWithdrawal(Answer):
    report_id: str
    customer_id: str
    recorded_by: str


class MappingRow(Answer):
    """Ratings of an agency that are one grade of ours."""

    agency: str
    ratings: tuple[str, ...]
    grade: str
    effective_from: date | None
    effective_until: date | None


class RatingMapping(Answer):
    """How the policy in force reads agencies' ratings."""

    agencies: tuple[str, ...]
    choose: str
    notches_above_max: int | None
    rows: tuple[MappingRow, ...]


class ReportQuery(Answer):
    """One line of the log: who asked whom about whom, why, under which agreement."""

    query_id: str
    customer_id: str
    kind: str
    provider: str
    outcome: str
    purpose: str
    authorisation_id: str | None
    business_on: date
    asked_by: str


class Invoice(Answer):
    invoice_no: str
    issued_on: date
    due_on: date
    amount: Money
    disputed: bool = False


class Payment(Answer):
    payment_no: str
    invoice_no: str
    paid_on: date
    amount: Money


class CreditNote(Answer):
    """So much less is owed of an invoice, or, where it `reverses` another, as much again."""

    credit_note_no: str
    invoice_no: str
    issued_on: date
    amount: Money
    reverses: str | None = None
    reason: str = ""


class DisputeContent(Answer):
    """What a customer contests of an invoice; without an amount all of it."""

    invoice_no: str
    opened_on: date
    reason: str
    owner: str
    amount: Money | None = None


class DisputeEnd(Answer):
    settled_on: date
    reason: str


class Dispute(Answer):
    """A dispute on record; it counts until the day before it was settled."""

    dispute_id: str
    customer_id: str
    invoice_no: str
    opened_on: date
    reason: str
    owner: str
    amount: Money
    opened_by: str
    settled_on: date | None
    settled_reason: str
    settled_by: str


class BillPart(Answer):
    """What a bill pays of one invoice."""

    invoice_no: str
    amount: Money


class BillContent(Answer):
    """A bill received in place of invoices; `line_id` is the line whose use it repays."""

    bill_no: str
    kind: str
    acceptor: str
    drawer: str
    amount: Money
    received_on: date
    due_on: date
    invoices: tuple[BillPart, ...]
    evidence_hash: str
    acceptor_class: str = ""
    line_id: str | None = None


class BillEvent(Answer):
    """What became of a bill: endorsed, discounted, honoured or refused."""

    event_no: str
    kind: str
    happened_on: date
    recourse: bool = True
    note: str = ""


class BillReported(BillEvent):
    recorded_by: str


class Bill(BillContent):
    """A bill as of a day; `frees_line` is whether it has repaid the line it names."""

    bill_id: str
    customer_id: str
    recorded_by: str
    events: tuple[BillReported, ...]
    as_of: date
    status: str
    frees_line: bool


class ConfirmationItem(Answer):
    """A document that is open on the day, and what is off it by then."""

    invoice_no: str
    issued_on: date
    due_on: date
    amount: Money
    paid: Money
    open: Money
    disputed: bool = False


class ConfirmationRequest(Answer):
    """The open documents of a customer in one currency as of a day."""

    customer_id: str
    as_of: date
    currency: str
    items: tuple[ConfirmationItem, ...]


class DifferenceSaid(Answer):
    """What the customer says of a document: missing, extra, amount or paid."""

    invoice_no: str
    kind: str
    amount: Money | None = None
    note: str = ""


class Signatory(Answer):
    signatory: str
    capacity: str
    authority_hash: str | None = None


class ConfirmationAnswer(Answer):
    """An answer on record with the hash of its evidence; signed, or else stamped."""

    answer_id: str
    confirmation_id: str
    agreed: tuple[str, ...]
    signatory: Signatory | None = None
    evidence_hash: str
    answered_on: date
    recorded_by: str


class ConfirmationDifference(Answer):
    """What differs on one document, who clears it up by when, and what came of it."""

    difference_id: str
    confirmation_id: str
    customer_id: str
    said: DifferenceSaid
    ours: Money | None = None
    owner: str
    due_on: date
    outcome: str | None = None
    reason: str = ""
    closed_on: date | None = None
    closed_by: str | None = None


class Confirmation(Answer):
    """An account that a customer was asked to confirm, and what came back."""

    confirmation_id: str
    request: ConfirmationRequest
    document_hash: str
    total: Money
    disputed: Money
    bills: Money | None = None
    sent_on: date
    answer_by: date
    holds: bool
    edition_hash: str
    answers: tuple[ConfirmationAnswer, ...] = ()
    differences: tuple[ConfirmationDifference, ...] = ()


class ConfirmationView(Answer):
    """An account, how it stands, and whether silence holds the customer's orders today."""

    confirmation: Confirmation
    status: str
    unanswered: tuple[str, ...]
    overdue: bool
    holds_orders: bool


class ConfirmationLinkPage(Answer):
    """What the holder of a link is asked to confirm."""

    confirmation_id: str
    customer_name: str
    customer_name_zh: str
    request: ConfirmationRequest
    document_hash: str
    answer_by: date
    status: str
    unanswered: tuple[str, ...]
    evidence_hashes: tuple[str, ...]


class CustomerSums(Answer):
    """One customer in one currency, by our documents, the extract and the book of entries."""

    customer_id: str
    currency: str
    matched: int
    missing: int
    extra: int
    differing: int
    ours: Money
    theirs: Money
    drift: Money
    used: Money


class MatchedDocument(Answer):
    """A document that is missing, extra or differing, and in what."""

    customer_id: str
    invoice_no: str
    kind: str
    ours: Money | None = None
    theirs: Money | None = None
    fields: tuple[str, ...] = ()


class Reconciliation(Answer):
    """What comparing another system's open items came to."""

    reconciliation_id: str
    extract_id: str
    as_of: date
    run_on: date
    documents: int
    matched: int
    missing: int
    extra: int
    differing: int
    customers: tuple[CustomerSums, ...] = ()
    items: tuple[MatchedDocument, ...] = ()


class ReconciliationFinding(Answer):
    """A customer's drift above what policy lets pass, and what became of it."""

    finding_id: str
    reconciliation_id: str
    customer_id: str
    drift: Money
    owner: str
    due_on: date
    reason: str = ""
    closed_on: date | None = None
    closed_by: str | None = None


class Account(Answer):
    """What a customer owes as of a day, and how it paid."""

    as_of: date
    ageings: tuple[Mapping[str, Any], ...]
    turnovers: tuple[Mapping[str, Any], ...]
    open_items: tuple[Mapping[str, Any], ...]
    payments: Mapping[str, Any]


class BookAgeing(Answer):
    """What is owed in one currency, aged, and how fast it is paid."""

    ageing: Mapping[str, Any]
    turnover: Mapping[str, Any]


class FixingContent(Answer):
    """What a benchmark was published at for a day, as a share: 3.05 % is 0.0305."""

    benchmark: str
    fixed_on: date
    rate: Exact
    source: str = ""


class Fixing(FixingContent):
    """A fixing on record; of a day the newest version counts."""

    version: int
    reason: str = ""
    recorded_by: str
    corrects_by: str | None = None


class FixingUsed(Answer):
    """The fixing that a rate was made with."""

    benchmark: str
    rate: Exact
    fixed_on: date
    version: int = 1


class LineRate(Answer):
    """The rate that a line bears from a day on; `cause` is letter or repricing."""

    line_id: str
    from_on: date
    rate_annual: Exact
    cause: str
    letter_no: str
    due_on: date | None = None
    fixing: FixingUsed | None = None
    spread_bp: Exact | None = None


class LineRateHistory(Answer):
    """What a line bears, every rate it ever had, and when the next one is set."""

    line_id: str
    current: LineRate | None
    next_reprices_on: date | None = None
    items: tuple[LineRate, ...]


class RateFinding(Answer):
    """A repricing date on which a line's benchmark was missing."""

    line_id: str
    customer_id: str
    benchmark: str
    due_on: date
    found_on: date


class Rate(Answer):
    """One unit of `base` costs `rate` units of `quote`, as published for a day."""

    base: str
    quote: str
    rate: Exact
    rate_on: date
    kind: str = "spot"
    source: str = ""


class Conversion(Answer):
    """An amount in another currency, and the rate that made it where one was needed."""

    amount: Money
    rate_used: Mapping[str, Any] | None


class NameList(Answer):
    list_code: str
    list_version: str
    entries: int
    imported_on: date
    source: str


class ListEntry(Answer):
    """A company on a list, by its code; the effect is `stop` or `suspend`."""

    list_code: str
    list_version: str
    identifier: Identifier
    effect: str
    rule: str
    reason: str = ""
    until: date | None = None


class Touched(Answer):
    """Whom a name that was put on a list concerns now."""

    entry: ListEntry
    customers: tuple[str, ...]
    cases_open: tuple[str, ...]
    lines: tuple[str, ...]


class CoverUse(Answer):
    """What of a cover secures a customer, or one line of theirs alone."""

    customer_id: str
    amount: Money
    line_id: str | None = None


class CoverContent(Answer):
    """What is said of one cover: a guarantee, mortgage, pledge, deposit or insurance."""

    kind: str
    owner: str
    value: Money
    source: str
    share: Exact = Decimal(1)
    prior: Money | None = None
    capacity: Money | None = None
    valued_on: date | None = None
    valuer: str = ""
    ends_on: date | None = None
    evidence_hash: str | None = None
    uses: tuple[CoverUse, ...] = ()


class CoverView(Answer):
    """What was said last of a cover, and what stands of it."""

    cover_id: str
    version: int
    content: CoverContent
    standing: CoverContent | None
    pending: bool
    recorded_by: str
    checked_by: str | None
    confirmed: bool | None
    note: str
    secures_others: Money


class InsuredBy(Answer):
    """By which insurance a buyer is covered, and why nothing new is."""

    limit_id: str
    policy_no: str
    until_on: date
    stopped: tuple[str, ...] = ()
    missed: bool = False


class CoverStep(Answer):
    """What one cover counts for on a day, or why it counts nothing."""

    cover_id: str
    kind: str
    verdict: str
    value: Money
    share: Exact
    haircut: Exact | None
    counted: Money
    uplift: Money
    lgd: Exact | None
    ends_on: date | None
    insured: InsuredBy | None = None


class CustomerCovers(Answer):
    """What is registered for a customer, and what of it counts on a day."""

    customer_id: str
    as_of: date
    covers: tuple[CoverView, ...]
    counts: tuple[CoverStep, ...]
    uplift: Money


class InsuranceTerms(Answer):
    """What an insurer covers, as agreed."""

    insurer: str
    policy_no: str
    currency: str
    from_on: date
    until_on: date
    share: Exact
    liability_max: Money
    deductible: Money
    terms_days_max: int
    overdue_days_max: int
    notice_days: int
    claim_days: int
    source: str
    alarm_days: int = 14


class InsuranceVersion(Answer):
    version: int
    content: InsuranceTerms
    needs_check: bool
    recorded_by: str
    checked_by: str | None = None
    confirmed: bool | None = None
    note: str = ""


class Insurance(Answer):
    """An insurance: what was said last, and what stands of it."""

    insurance_id: str
    newest: InsuranceVersion
    standing: InsuranceTerms | None


class LimitWord(Answer):
    """One word on the insurer's limit on a buyer: asked, approved, reduced, cancelled, refused."""

    state: str
    amount: Money
    said_on: date
    source: str
    cut_on: date | None = None
    terms_days_max: int | None = None
    conditions: str = ""


class InsuredLimitVersion(Answer):
    version: int
    content: LimitWord
    needs_check: bool
    recorded_by: str
    checked_by: str | None = None
    confirmed: bool | None = None
    note: str = ""


class Shipment(Answer):
    """One delivery as it is declared to the insurer."""

    shipment_no: str
    amount: Money
    shipped_on: date
    terms_days: int
    due_on: date


class ShipmentEvent(Answer):
    """What became of a shipment: paid, disputed, settled, notice_given or claimed."""

    event_no: str
    shipment_no: str
    kind: str
    happened_on: date
    amount: Money | None = None
    note: str = ""


class CoveredShipment(Answer):
    """What of a shipment is owed and covered on a day, and why not the rest."""

    shipment: Shipment
    open: Money
    covered: Money
    why: str | None


class InsuranceDeadline(Answer):
    shipment_no: str
    kind: str
    due_on: date
    met_on: date | None
    missed: bool


class CoverOn(Answer):
    """How much of what a buyer owes is insured on a day, and why not the rest."""

    as_of: date
    limit: Money
    owed: Money
    covered: Money
    insured: Money
    uncovered: Mapping[str, Money]
    stopped: tuple[str, ...]
    shipments: tuple[CoveredShipment, ...]
    deadlines: tuple[InsuranceDeadline, ...]


class CoverChange(Answer):
    """A day on which what counts changes by itself; less is below zero."""

    limit_id: str
    policy_no: str
    on: date
    amount: Money
    reason: str


class InsuranceFinding(Answer):
    """A deadline that was missed, and who answers for it."""

    finding_id: str
    limit_id: str
    customer_id: str
    shipment_no: str
    kind: str
    due_on: date
    found_on: date
    owner: str
    closed_by: str | None
    closed_on: date | None
    note: str


class InsuredBuyer(Answer):
    """A buyer under one insurance, as of a day."""

    limit_id: str
    insurance_id: str
    customer_id: str
    terms: InsuranceTerms | None
    versions: tuple[InsuredLimitVersion, ...]
    cover: CoverOn
    counts: Money
    counts_until: date | None
    changes: tuple[CoverChange, ...]
    findings: tuple[InsuranceFinding, ...]


class CustomerInsurance(Answer):
    customer_id: str
    as_of: date
    items: tuple[InsuredBuyer, ...]


class InsuranceWaiting(Answer):
    """What waits for a second person."""

    insurances: tuple[Insurance, ...]
    limits: tuple[InsuredBuyer, ...]


class LateEntry(Answer):
    """A charge of late interest, a waiver of one, or the reversal of a waiver."""

    entry_id: str
    customer_id: str
    invoice_no: str
    kind: str
    amount: Money
    period_end_on: date | None
    of: str | None
    asked_by: str | None
    reason: str
    posted_by: str
    business_on: date


class LateWaiver(Answer):
    """A waiver that somebody asked for."""

    waiver_id: str
    customer_id: str
    of: str
    amount: Money
    reason: str
    asked_by: str


class LateInvoice(Answer):
    """What an invoice has borne by a day, what was charged of it, and what of that is owed."""

    customer_id: str
    invoice_no: str
    due_on: date
    accrued: Money
    charged: Money
    owed: Money
    rate_annual: Exact | None = None
    agreement_no: str | None = None


class LateAccount(Answer):
    """A customer's late interest as of a day."""

    customer_id: str
    as_of: date
    invoices: tuple[LateInvoice, ...]
    entries: tuple[LateEntry, ...]
    waivers: tuple[LateWaiver, ...]


class LateCharges(Answer):
    """What a period's end was charged; nothing where all of it was already."""

    customer_id: str
    period_end_on: date
    entries: tuple[LateEntry, ...]


class Attachment(Answer):
    sha256: str
    media_type: str
    size_bytes: int
    name: str


class RowError(Answer):
    line: int
    column: str
    code: str
    detail: str


class ToleranceUse(Answer):
    """A difference that was let pass."""

    code: str
    difference: Decimal
    allowed: Decimal
    unit: str
    subject: str


class Imported(Answer):
    """What became of a file's rows: created + updated + unchanged + refused = rows."""

    kind: str
    dry_run: bool
    rows: int
    created: int
    updated: int
    unchanged: int
    refused: int
    kept: bool
    errors: tuple[RowError, ...]
    tolerated: tuple[ToleranceUse, ...] = ()  # what ties only thanks to a tolerance


class Reconciled(Answer):
    """What became of an extract's rows, and what comparing it came to; None in a dry run."""

    report: Imported
    reconciliation: Reconciliation | None


class ImportProfiles(Answer):
    """Every profile, and the kinds of file it reads."""

    items: Mapping[str, tuple[str, ...]]


class ContractView(Answer):
    contract: Contract
    agreement_no: str
    events: tuple[Mapping[str, Any], ...]


class SigningPage(Answer):
    """What the holder of a one-time link sees."""

    contract_id: str
    agreement_no: str
    customer_name: str
    customer_name_zh: str
    terms: Terms
    status: str
    expires_at: AwareDatetime
    document_hash: str
    signed_hash: str | None
    capacities: tuple[str, ...]


class Limit(Answer):
    """`kind` is `amount`, `none` or `unlimited`."""

    kind: str
    amount: Money | None


class LimitPart(Answer):
    """What a limit goes up or down by from a day until a day; None: without an end."""

    amount: Money
    from_on: date | None
    until_on: date | None
    code: str
    of: str


class Balance(Answer):
    account: str
    limit: Limit
    reserved: Money
    used: Money
    spent: Money | None = None
    parts: tuple[LimitPart, ...] = ()
    nominal: Money | None = None
    nominal_limit: Money | None = None


class Use(Answer):
    """What an order says beside its amount; with a deposit the amount is what is lent by name."""

    product: str | None = None
    purpose: str | None = None
    deposit: Money | None = None
    due_on: date | None = None


class AsOf(Answer):
    """Where a line stood at the end of a day, as it was known at an instant."""

    line_id: str
    on: date
    known_at: AwareDatetime
    limit: Limit
    reserved: Money
    used: Money
    headroom: Money | None
    decision_id: str
    limited_on: date


class CapContent(Answer):
    """A cap on all lines of a customer or a group, as one asks for it."""

    currency: str
    limit: Limit
    reason: str
    evidence_hash: str | None = None
    review_due_on: date | None = None


class CapRequest(CapContent):
    """A cap as it was asked for; `scope` is `customer` or `group`."""

    cap_id: str
    scope: str
    owner_id: str
    asked_by: str
    asked_at: AwareDatetime
    asked_on: date


class Cap(Answer):
    """A cap from asking to end: `pending`, `set`, `declined` or `lapsed`."""

    request: CapRequest
    status: str
    settled_by: str | None
    settled_on: date | None
    letter_no: str | None


class CapInForce(Answer):
    """The account of a customer or a group, and what its cap leaves."""

    scope: str
    owner_id: str
    balance: Balance
    left: Money | None
    letter_no: str
    review_due_on: date | None
    overdue: bool


class CapsOf(Answer):
    """The caps in force on a customer or a group, and every one asked for."""

    scope: str
    owner_id: str
    in_force: tuple[CapInForce, ...]
    asked: tuple[Cap, ...]


class CapView(Answer):
    """A cap that was asked for, with who is asked and what they said."""

    cap: Cap
    approvals: tuple[Mapping[str, Any], ...]
    tasks: tuple[Task, ...]
    decisions: tuple[Decision, ...]


class OrderTerms(Answer):
    """What an order says that a change may say otherwise; what is left out is none."""

    amount: Money
    terms: str | None = None
    deliver_on: date | None = None
    due_on: date | None = None
    product: str | None = None
    purpose: str = ""
    deposit: Money | None = None  # what of the amount is paid ahead


class OrderContent(OrderTerms):
    """An order as its system sends it."""

    order_no: str
    source: str = "orders"


class OrderPart(Answer):
    """What a split takes off an order."""

    order_no: str
    amount: Money
    deliver_on: date | None = None
    due_on: date | None = None


class OrderInvoice(Answer):
    """An invoice of what is delivered; without an amount, of all that is on none yet."""

    invoice_no: str
    issued_on: date
    due_on: date
    amount: Money | None = None


class OrderCredit(Answer):
    """A credit note on an invoice of an order."""

    credit_no: str
    invoice_no: str
    amount: Money
    reason: str = ""


class Reserved(Answer):
    reservation_id: str
    line_id: str
    amount: Money
    exposure: Money | None = None  # what of it the line is taken by; None: all


class ReleaseScope(Answer):
    """How far a release goes; what is beyond is checked and held again."""

    amount_up_to: Money
    until: date
    stages: tuple[str, ...]
    rules: tuple[str, ...]


class Order(Answer):
    """An order as it stands; `hold_id` while it is held, `released` within which it goes on."""

    order_id: str
    customer_id: str
    content: OrderContent
    status: str
    reserved: tuple[Reserved, ...]
    delivered: Money
    invoiced: Money
    invoices: tuple[str, ...]
    credited: Money
    paid: Money | None  # what of its invoices was paid and is free of the line again
    line_id: str | None
    part_of: str | None
    enters_on: date | None
    hold_id: str | None
    released: ReleaseScope | None
    placed_by: str
    placed_at: AwareDatetime
    placed_on: date
    version: int


class Finding(Answer):
    """A rule that failed: what was found against what is allowed, and what follows."""

    rule: str
    kind: str
    sequence: int
    act: str
    known: bool
    threshold: Exact | None
    value: Exact | None
    found: Money | None
    allowed: Money | None
    binding: str
    reference: str
    since: date | None
    word: str
    approved: str


class CheckResult(Answer):
    """What all rules together say of an order at a stage."""

    stage: str
    business_on: date
    act: str
    findings: tuple[Finding, ...]
    trace: tuple[Mapping[str, Any], ...]
    exclusions: tuple[str, ...]
    counts_on: date | None
    edition: str
    edition_hash: str


class OrderHold(Answer):
    """A hold as it stands: `open`, `released`, `rejected`, `cured` or `cancelled`."""

    hold_id: str
    holds: str
    subject_id: str
    customer_id: str
    line_id: str | None
    amount: Money | None
    stage: str | None
    manual: bool
    set_by: str
    reason_code: str
    note: str
    reasons: tuple[Finding, ...]
    reasons_now: tuple[Finding, ...]
    looked_at: AwareDatetime
    owner: str
    opened_at: AwareDatetime
    opened_on: date
    due_at: AwareDatetime
    review_on: date
    status: str
    ended_by: str | None
    ended_at: AwareDatetime | None
    ended_on: date | None
    end_code: str | None
    cause: str
    scope: ReleaseScope | None
    letter_no: str | None


class OrderAnswer(Answer):
    """An order after what was asked; `replayed`: the key was answered before, and so."""

    order: Order
    judged: CheckResult | None
    hold: OrderHold | None
    replayed: bool


class OrderView(Answer):
    """An order, its hold, what the newest check found, its parts and its history."""

    order: Order
    hold: OrderHold | None
    judged: CheckResult | None
    parts: tuple[Order, ...]
    events: tuple[Mapping[str, Any], ...]


class OrderCounts(Answer):
    """How many open orders and holds there are of a customer or a line."""

    orders: Mapping[str, int]
    holds: int


class Cure(Answer):
    """One step that makes some findings disappear, and exactly those."""

    kind: str
    amount: Money | None
    cost: Money
    on: date | None
    days: int | None
    reference: str
    word: str
    cures: tuple[str, ...]
    leaves: str


class HoldReason(Answer):
    """A rule that holds, as it was found at the check and as it stands now."""

    code: str
    then: Finding | None
    now: Finding | None


class HoldReleaseRequest(Answer):
    release_id: str
    hold_id: str
    order_id: str
    customer_id: str
    reason_code: str
    note: str
    scope: ReleaseScope
    asked_by: str
    asked_at: AwareDatetime
    asked_on: date


class HoldRelease(Answer):
    """A release asked for: `pending`, `granted`, `declined`, `lapsed` or `overtaken`."""

    request: HoldReleaseRequest
    status: str
    settled_by: str | None
    settled_on: date | None
    letter_no: str | None


class HoldView(Answer):
    """A hold with every reason then and now, what would cure it, and what was done about it."""

    hold: OrderHold
    order: Order | None
    reasons: tuple[HoldReason, ...]
    cures: tuple[Cure, ...]
    releases: tuple[HoldRelease, ...]
    events: tuple[Mapping[str, Any], ...]


class ReleaseView(Answer):
    """A release that was asked for, with who is asked and what they said."""

    release: HoldRelease
    hold: OrderHold
    order: Order


class ExcessStep(Answer):
    """The most that may stand above a limit once a day is over."""

    due_on: date
    stands: Money


class Excess(Answer):
    """A plan of what stands above a limit that fell; `account` is what is above it."""

    excess_id: str
    account: str
    customer_id: str | None
    group_id: str | None
    line_id: str | None
    cause: str
    opened_on: date
    found: Money
    found_on: date
    steps: tuple[ExcessStep, ...]
    over: Money
    status: str
    settled_on: date | None
    hold_ids: tuple[str, ...]
    version: int


class ExcessProposal(Answer):
    """Other dates given to a plan; `confirmed` is None while they wait for a second person."""

    dates_id: str
    excess_id: str
    steps: tuple[ExcessStep, ...]
    reason: str
    asked_by: str
    asked_on: date
    answered_by: str | None
    confirmed: bool | None
    note: str


class ExcessView(Answer):
    """A plan with its next step, what has to be given back by it, and the dates given to it."""

    excess: Excess
    step: ExcessStep | None
    repay: Money | None
    dates: tuple[ExcessProposal, ...]
    events: tuple[Mapping[str, Any], ...]


class UseContent(Answer):
    """A use that policy marks, as one asks for it; `amount` is by name, `deposit` what covers it."""

    product: str
    amount: Money
    purpose: str
    payee: str
    deposit: Money | None = None
    due_on: date | None = None
    evidence_hash: str | None = None


class UseRequest(UseContent):
    """A use as it was asked for; `exposure` is what it takes of the limit."""

    use_id: str
    line_id: str
    customer_id: str
    exposure: Money
    row: str
    review: tuple[str, ...]
    edition_hash: str
    wait_until: AwareDatetime
    asked_by: str
    asked_at: AwareDatetime
    asked_on: date
    offset_days: int


class ReleaseCheck(Answer):
    """One item of a release review: `contract`, `conditions`, `cover`, `purpose`, `payee` or
    `deposit`; whether it holds, and by which evidence."""

    item: str
    held: bool
    evidence: str = ""
    evidence_hash: str | None = None


class UseStep(Answer):
    """One thing that became of a use, and whose word it was."""

    use_id: str
    seq: int
    status: str
    person_id: str
    at: AwareDatetime
    on: date
    note: str
    checks: tuple[ReleaseCheck, ...]


class UseMovement(Answer):
    """What the ledger did for a use: `reserve`, `commit` or `release`."""

    kind: str
    entry_id: str
    posted_at: AwareDatetime


class UseRecord(Answer):
    """A use from asking to end: `asked`, `approved`, `declined`, `released`, `rejected`,
    `withdrawn`, `lapsed` or `refused`."""

    request: UseRequest
    steps: tuple[UseStep, ...]
    movements: tuple[UseMovement, ...]
    status: str
    reservation_id: str | None


class UseView(Answer):
    """A use with what our records show of its release review, who is asked and what they said."""

    use: UseRecord
    shown: tuple[ReleaseCheck, ...]
    approvals: tuple[Mapping[str, Any], ...]
    tasks: tuple[Task, ...]
    decisions: tuple[Decision, ...]


class ProductView(Answer):
    product: str
    balance: Balance
    status: str


class LineView(Answer):
    line: Line
    balances: tuple[Balance, ...]
    freezes: tuple[Mapping[str, Any], ...]
    events: tuple[Mapping[str, Any], ...]
    products: tuple[ProductView, ...] = ()


class Cliff(Answer):
    """A day with what is over from it on, and what the limit moves by."""

    on: date
    kind: str
    of: str
    change: Money
    limit: Money


class LimitStep(Answer):
    on: date
    limit: Money


class Uncovered(Answer):
    """Of what is taken today, what stands above the limit after so many days."""

    days: int
    on: date
    limit: Money
    exposure: Money
    uncovered: Money


class LineCliffs(Answer):
    """What becomes of a line by itself in the days ahead."""

    line_id: str
    customer_id: str
    as_of: date
    until: date
    exposure: Money
    steps: tuple[LimitStep, ...]
    cliffs: tuple[Cliff, ...]
    uncovered: tuple[Uncovered, ...]


class CliffBook(Answer):
    """Lines with a cliff ahead, the nearest first, and what they leave open by currency."""

    as_of: date
    until: date
    items: tuple[LineCliffs, ...]
    uncovered: Mapping[str, tuple[Uncovered, ...]]
    complete: bool


class LineProgress(Answer):
    line_id: str
    status: str
    review_due_on: date
    ends_on: date
    freeze_reasons: tuple[str, ...]
    replayed: bool


class Movement(Answer):
    """What a request did to the book, and what may still be taken after it."""

    kind: str
    entry_id: str | None
    line_id: str
    amount: Money
    reservation_id: str | None
    reserved: Money
    used: Money
    headroom: Money | None
    binding: str | None
    expires_at: AwareDatetime | None
    replayed: bool
    kept: tuple[str, ...] = ()


class Entry(Answer):
    entry_id: str
    line_id: str
    seq: int
    kind: str
    amount: Money | None
    reserved: Money
    used: Money
    reserved_after: Money
    used_after: Money
    reservation_id: str | None
    business_on: date
    posted_by: str
    recorded_at: AwareDatetime
    product: str | None = None
    nominal: Money | None = None
    due_on: date | None = None


class BucketDocument(Answer):
    """An order, reservation, invoice or entry that a bucket rests on."""

    kind: str
    id: str
    no: str
    on: date
    amount: Money


class BucketSum(Answer):
    """A bucket with its documents; of very many the last, and `others` for all before them."""

    bucket: str
    amount: Money
    documents: tuple[BucketDocument, ...]
    others: Money


class LineExposure(Answer):
    """What a line is taken by, and what that is the sum of."""

    line_id: str
    reserved: Money
    used: Money
    buckets: tuple[BucketSum, ...]


class Reservation(Answer):
    """A reservation that nothing has ended yet."""

    reservation_id: str
    line_id: str
    amount: Money
    business_on: date
    expires_at: AwareDatetime | None
    recorded_at: AwareDatetime


class Proof(Answer):
    """What reading the whole book again showed."""

    accounts: int
    entries: int
    reservations: int
    reservations_open: int
    discrepancies: tuple[Mapping[str, Any], ...]

    @property
    def holds(self) -> bool:
        return not self.discrepancies


class Verified(Answer):
    """How far a proof is, of one, where it goes on, and what it says once it is done."""

    place: Mapping[str, Any]
    share: Decimal
    proof: Proof | None = None


class Review(Answer):
    review_id: str
    line_id: str
    customer_id: str
    n: int
    causes: tuple[str, ...]
    due_on: date
    status: str
    proposal: Mapping[str, Any] | None
    letter_no: str | None
    limit_decided: Money | None
    next_due_on: date | None
    opened_on: date
    closed_on: date | None


class ReviewView(Answer):
    """All there is about one review; the receipt as the mapping it is."""

    review: Review
    assessment: Mapping[str, Any] | None
    approvals: tuple[Mapping[str, Any], ...]
    tasks: tuple[Task, ...]
    decisions: tuple[Decision, ...]
    letter: Letter | None


class RaisedWarning(Answer):
    """`signal` has the rule, the level, the figure and whether it freezes."""

    warning_id: str
    customer_id: str
    signal: Mapping[str, Any]
    owner: str
    status: str
    raised_on: date
    seen_on: date
    closed_on: date | None
    close_code: str
    lifted_on: date | None


class CollectionCase(Answer):
    collection_id: str
    customer_id: str
    status: str
    owner: str
    opened_on: date
    arrears: Mapping[str, Any]
    steps_done: tuple[str, ...]
    promised_on: date | None
    closed_on: date | None
    close_reason: str


class CollectionView(Answer):
    """A case and everything that happened to it, oldest first."""

    case: CollectionCase
    events: tuple[Mapping[str, Any], ...]


class CollectionProgress(Answer):
    collection_id: str
    status: str
    overdue: Money
    days_past_due: int
    promised_on: date | None
    replayed: bool


class RunStarted(Answer):
    run_id: str


class MonitoringRun(Answer):
    """How far a look at the book has come, and what it came to so far."""

    run_id: str
    business_on: date
    tally: Mapping[str, int]
    finished: bool


class RerateCounts(Answer):
    moved: int
    unmoved: int
    failed: int

    @property
    def lines(self) -> int:
        return self.moved + self.unmoved + self.failed


class Rerating(Answer):
    """One run over the book: the edition it judges under, how far it is, its preview's hash."""

    run_id: str
    edition_hash: str
    business_on: date
    status: str
    counts: RerateCounts
    preview_hash: str | None
    previewed_by: str
    applied_by: str | None
    started_at: AwareDatetime
    finished_at: AwareDatetime | None
    industries: tuple[str, ...]


class RerateEffect(Answer):
    """The lines of a preview that people will be asked about; what is used, by currency."""

    run_id: str
    lines: int
    limits_before: tuple[Money, ...]
    limits_supported: tuple[Money, ...]
    exposure: tuple[Money, ...]


class Rerated(Answer):
    """One line of a run as its preview says it; `failure` where it could not be judged."""

    line_id: str
    customer_id: str
    outcome: str
    grade_before: str
    grade: str
    score: Decimal | None
    limit_before: Money
    limit_supported: Money | None
    binding: str
    knock_outs: tuple[str, ...]
    failure: str
    asks_review: bool


class OutlookChange(Answer):
    """An industry's outlook from one day on; a share of None bounds nothing."""

    industry: str
    on: date
    share_before: Decimal | None
    share: Decimal | None


class AffectedBook(Answer):
    """The lines in force of an industry; amounts by currency."""

    industry: str
    customers: int
    lines: int
    limits: tuple[Money, ...]
    exposure: tuple[Money, ...]


class OutlookEffect(Answer):
    change: OutlookChange
    book: AffectedBook
    in_force: bool


class OutlookView(Answer):
    """The changes that an edition makes, by day."""

    edition_hash: str
    effective_on: date
    effects: tuple[OutlookEffect, ...]


class AffectedLine(Answer):
    """A line in force of an industry whose outlook changes."""

    line_id: str
    customer_id: str
    industry: str
    grade: str
    limit: Money
    exposure: Money


class ClassificationRun(Answer):
    """How far a run over the book has come; seen is changed, unchanged and failed."""

    run_id: str
    as_of: date
    tally: Mapping[str, int]
    finished: bool


class ClassificationFailure(Answer):
    customer_id: str
    code: str


class ClassByRule(Answer):
    """The class that the rules alone give, beside one that was set by hand or still follows it."""

    tier: str
    tier_since: date
    stage: int
    reasons: tuple[str, ...]


class ManualClass(Answer):
    """A class set by hand; `counting` from its first day to its last."""

    manual_id: str
    customer_id: str
    tier: str
    tier_before: str
    tier_by_rule: str
    reason: str
    note: str
    from_on: date
    until_on: date
    second_needed: bool
    edition_hash: str
    proposed_by: str
    proposed_on: date
    status: str
    settled_by: str | None
    settled_on: date | None
    taken_back_by: str | None
    taken_back_on: date | None
    ended_note: str


class ManualClassView(Answer):
    """The classes set by hand of a customer, beside what counts, the rules, and what may be set."""

    customer_id: str
    policy: Mapping[str, Any]
    tier: str
    tier_by_rule: str
    tier_best: str
    items: tuple[ManualClass, ...]


class ClassStanding(Answer):
    """How a customer stands as of a day, beside its allowance."""

    customer_id: str
    tier: str
    tier_since: date
    stage: int
    reasons: tuple[str, ...]
    grade: str
    grade_origin: str
    days_past_due: int
    ruled: ClassByRule | None
    manual_id: str | None
    owed: Money
    used: Money
    unused: Money
    receivables: Money
    allowance_line: Money
    allowance_receivables: Money
    allowance: Money


class TierFigures(Answer):
    tier: str
    customers: int
    owed: Money
    claims: Money
    allowance: Money


class StageFigures(Answer):
    stage: int
    customers: int
    owed: Money
    allowance_line: Money
    allowance_receivables: Money
    allowance: Money


class ClassFigures(Answer):
    """The book by tier and by stage as of a day."""

    as_of: date
    customers: int
    owed: Money
    allowance: Money
    tiers: tuple[TierFigures, ...]
    stages: tuple[StageFigures, ...]


class CustomerClass(Answer):
    """A class of a customer, from its day until the next one."""

    customer_id: str
    as_of: date
    tier: str
    tier_since: date
    stage: int
    reasons: tuple[str, ...]
    grade: str
    overdue_since: date | None
    amounts: Mapping[str, Money]
    edition_hash: str
    records: tuple[str, ...]  # other records of the customer that were judged with this one
    ruled: ClassByRule | None  # the class by rule, where it is not this one
    tier_least: str | None  # the best that may be set by hand, where better than by rule
    manual_id: str | None  # of the class set by hand that gave the tier


class LossEntry(Answer):
    """A posting: what the allowance of a day moved by, and the loss it then held."""

    customer_id: str
    n: int
    period_on: date
    delta: Money
    loss: Mapping[str, Any]
    run_id: str


class CustomerClasses(Answer):
    classes: tuple[CustomerClass, ...]
    entries: tuple[LossEntry, ...]


class Cohort(Answer):
    month: str
    key: str
    approved: int
    amount: Money
    active: int
    amount_active: Money
    warned: int
    in_collection: int
    non_performing: int
    allowance: Money
    loss: Money


class CohortTable(Answer):
    """Cohorts as of a day, and what they add up to."""

    as_of: date
    by: str
    cohorts: tuple[Cohort, ...]
    total: Cohort


class CohortLetter(Answer):
    """One approved new line that a cohort counts."""

    letter_no: str
    case_id: str
    customer_id: str
    line_id: str | None
    decided_on: date
    edition_hash: str
    approver: str
    grade: str
    amount: Money
    active: bool
    warned: bool
    in_collection: bool
    non_performing: bool
    allowance: Money
    loss: Money


class CourtTime(Answer):
    """What one party took of a case, in seconds."""

    court: str
    calendar_seconds: int
    working_seconds: int


class Spell(Answer):
    """A time in which a case was in one stage and one party's court."""

    stage: str
    court: str
    from_at: AwareDatetime
    until_at: AwareDatetime
    calendar_seconds: int
    working_seconds: int
    reminders: int


class CaseClock(Answer):
    """The time of a case by whose it was; the parts add up to the whole."""

    case_id: str
    began_at: AwareDatetime
    until_at: AwareDatetime
    stage: str | None
    court: str | None
    calendar_seconds: int
    working_seconds: int
    courts: tuple[CourtTime, ...]
    spells: tuple[Spell, ...]


class TaskForecast(Answer):
    """Whether an open task will be late, if its position takes as long as it usually does."""

    task_id: str
    case_id: str
    customer_id: str
    position: str
    opened_at: AwareDatetime
    due_at: AwareDatetime
    waited_seconds: int
    tasks_seen: int
    usual_seconds: int | None
    expected_at: AwareDatetime | None
    late: bool
    breach_expected: bool


class CaseTime(Answer):
    """A case's time, and what its open tasks are expected to take."""

    clock: CaseClock
    tasks: tuple[TaskForecast, ...]


class TurnaroundRow(Answer):
    """How long what ended in the period took, in seconds."""

    key: str
    court: str | None
    ended: int
    open: int
    working_p50: int | None
    working_p90: int | None
    calendar_p50: int | None
    calendar_p90: int | None
    reminders: int


class TurnaroundTable(Answer):
    """Turn-round as of the end of a day."""

    by: str
    as_of: date
    since: date | None
    rows: tuple[TurnaroundRow, ...]


class NearCase(Answer):
    """A case that was routed by a sum a little under a bound."""

    case_id: str
    customer_id: str
    manager_id: str
    submitted_on: date
    requested: Money
    aggregate: Money
    bound: str
    bound_at: Money


class NearCluster(Answer):
    """Cases near a bound that have a manager, or a ring, in common."""

    manager_id: str | None
    ring: tuple[str, ...]
    cases: tuple[NearCase, ...]
    total: Money


class ToleranceRow(Answer):
    """A tolerance of the edition in force; without a value the comparison is not made."""

    code: str
    field: str
    value: Decimal | None
    unit: str


class ToleranceCount(Answer):
    """How often a tolerance was used in a month, and by how much of it at most."""

    code: str
    edition: str
    edition_hash: str
    month_on: date
    uses: int
    share_max: Decimal


class TolerancesReport(Answer):
    edition: str
    since: date
    until: date
    rows: tuple[ToleranceRow, ...]
    counts: tuple[ToleranceCount, ...]


class SplittingReport(Answer):
    since: date
    as_of: date
    near_cases: int
    by_manager: tuple[NearCluster, ...]
    by_ring: tuple[NearCluster, ...]


class AboveEligibleGrant(Answer):
    """A limit granted above the eligible one: its letter, the exception, and who approved."""

    letter_no: str
    case_id: str
    customer_id: str
    decided_on: date
    limit: Money
    eligible: Money
    route_row: str
    reasons: tuple[str, ...]
    reason: str
    decided_by: tuple[str, ...]


class AgainstOpinion(Answer):
    """A letter that approves against a review opinion: the opinion, and who approved all the same."""

    letter_no: str
    case_id: str
    customer_id: str
    decided_on: date
    limit: Money | None
    decided_by: tuple[str, ...]
    objected_by: str
    note: str
    risks: tuple[CitedRisk, ...]
    conditions: tuple[str, ...]
    reasons: tuple[str, ...]


class RelatedEntry(Answer):
    """A version of an entry of the register of the grantor's related parties."""

    entry_id: str
    version: int
    subject: str
    relation: str
    members: tuple[str, ...]
    source: str
    valid_from: date
    valid_until: date | None
    recorded_by: str


class RelatedCheck(Answer):
    accepted: bool
    checked_by: str
    note: str


class RelatedStanding(Answer):
    """The newest version of an entry, the word on it, and the version that counts."""

    newest: RelatedEntry
    check: RelatedCheck | None
    counted: RelatedEntry | None


class DisclosedLine(Answer):
    line_id: str
    limit: Money
    used: Money
    product: str
    term_months: int
    rate_annual: Exact
    payment_days: int
    ends_on: date
    letters: tuple[str, ...]
    body: str
    decided_by: tuple[str, ...]


class Disclosed(Answer):
    customer_id: str
    name: str
    entries: tuple[RelatedEntry, ...]
    lines: tuple[DisclosedLine, ...]


class Disclosure(Answer):
    """Every related party with credit as of a day."""

    as_of: date
    customers: tuple[Disclosed, ...]
    limits: Money
    used: Money


class PublishedEdition(Answer):
    edition_hash: str
    name: str
    effective_on: date
    published_by: str


class EditionFault(Answer):
    """One thing wrong with a draft, in both languages."""

    path: str
    code: str
    sentence: str
    sentence_zh: str


class CheckedEdition(Answer):
    """Whether a draft holds together; nothing found means that it may be published."""

    edition_hash: str
    name: str
    effective_on: date
    faults: tuple[EditionFault, ...]


class Difference(Answer):
    """One value or row that differs; empty where one of the two has none."""

    path: str
    kind: str
    before: str
    after: str
    sentence: str
    sentence_zh: str


class Compared(Answer):
    against_hash: str
    edition_hash: str
    differences: tuple[Difference, ...]


class WorkbookRead(Answer):
    """What a workbook says, as canonical TOML."""

    edition_hash: str
    toml: str


class DraftEdition(Answer):
    draft_id: str
    edition_hash: str
    name: str
    effective_on: date
    authors: Sequence[str]


class DraftView(Answer):
    """A draft of an edition, and how far it has come."""

    draft: DraftEdition
    status: str
    report_hash: str | None = None
    report_fresh: bool = False


class RecordedReport(Answer):
    """What trying a draft on past cases and lines in force showed."""

    report: Mapping[str, Any]
    report_hash: str
    run_by: str


class Published(Answer):
    """What a second person's word on a draft came to."""

    draft_id: str
    edition_hash: str
    outcome: str
    waiting_for: Sequence[str] = ()
    published_by: str = ""


class AuditProof(Answer):
    """What trying everything against its hash showed."""

    files: int
    receipts: int
    editions: int
    entries: int
    altered: tuple[Mapping[str, Any], ...]

    @property
    def holds(self) -> bool:
        return not self.altered


class AuditEvent(Answer):
    """One thing that happened to a case, under its number in the order of all of them."""

    event_no: int
    case_id: str
    kind: str
    person_id: str
    facts: Mapping[str, str]
    occurred_at: AwareDatetime


class SentMail(Answer):
    """A mail as the embedded sink received it."""

    name: str
    sent_to: str
    subject: str
    sent_at: str
    body: str


class WebhookEndpoint(Answer):
    """A receiver of events: `active`, `paused` (what is owed waits) or `disabled`."""

    endpoint_id: str
    url: str
    description: str
    kinds: tuple[str, ...]
    status: str
    status_reason: str
    failing_since: AwareDatetime | None
    secrets: int
    version: int


class WebhookEndpointMade(Answer):
    """A new endpoint with its secret, which is told once."""

    endpoint: WebhookEndpoint
    secret: str = Field(repr=False)


class WebhookSecret(Answer):
    """A secret, told once, and until when the one before it counts too."""

    owner_id: str
    secret: str = Field(repr=False)
    before_until: AwareDatetime | None


class EventSubject(Answer):
    kind: str
    id: str


class EventSchema(Answer):
    """One kind of event: what it is about, and the JSON Schema of its `data`."""

    type: str
    subject: str
    about: str
    data_schema: Mapping[str, Any]


class WebhookDelivery(Answer):
    """One event owed to one endpoint: `pending`, `delivered` or `given_up`."""

    delivery_no: int
    endpoint_id: str
    event_id: str
    kind: str
    subject: EventSubject
    sequence: int
    occurred_at: AwareDatetime
    status: str
    attempts: int
    next_attempt_at: AwareDatetime
    answer_status: int | None
    last_error: str
    delivered_at: AwareDatetime | None


class WebhookChange(Answer):
    """What was done to an endpoint or a source, and by whom."""

    change_no: int
    owner_kind: str
    owner_id: str
    act: str
    content: Mapping[str, Any]
    person_id: str
    recorded_at: AwareDatetime


class WebhookAttempt(Answer):
    """One attempt at a delivery, and the first of what was answered."""

    attempted_at: AwareDatetime
    answer_status: int | None
    duration_ms: int
    error: str
    answer: str


class WebhookLog(Answer):
    delivery: WebhookDelivery
    attempts: tuple[WebhookAttempt, ...]


class Redelivered(Answer):
    """How many events are sent again."""

    endpoint_id: str
    events: int


class HookSource(Answer):
    """A system that may send hooks to us, and the service account it acts as."""

    source_id: str
    person_id: str
    description: str
    status: str
    secrets: int


class HookSourceMade(Answer):
    """A new source with its secret, which is told once."""

    source: HookSource
    secret: str = Field(repr=False)


class IdleLine(Answer):
    """A line that is idle, and the cut proposed; capital is in the reporting currency."""

    line_id: str
    customer_id: str
    letter_no: str
    grade: str
    limit: Money
    taken: Money
    highest: Money
    limit_after: Money
    capital: Money
    capital_freed: Money


class IdleLines(Answer):
    """The idle lines of the book; `waiting` are those on a list that nobody has settled."""

    on: date
    since: date | None
    lines: tuple[IdleLine, ...]
    capital: Money
    waiting: Mapping[str, str]


class ReclaimRequest(Answer):
    reclaim_id: str
    since: date
    lines: tuple[IdleLine, ...]
    reason: str
    asked_by: str
    asked_at: AwareDatetime
    asked_on: date


class ReclaimedLine(Answer):
    """What became of one line: `left_out`, `skipped` or `cut`."""

    line_id: str
    outcome: str
    reason: str
    said_by: str
    before: Money
    after: Money
    letter_no: str | None


class Reclaim(Answer):
    """A list of cuts: `pending`, `approved`, `declined` or `lapsed`."""

    request: ReclaimRequest
    status: str
    settled_by: str | None
    settled_on: date | None
    letter_no: str | None
    lines: tuple[ReclaimedLine, ...]


class ReclaimView(Answer):
    """A list with who is asked and what they said."""

    reclaim: Reclaim
    approvals: tuple[Mapping[str, Any], ...]
    tasks: tuple[Task, ...]
    decisions: tuple[Decision, ...]


class ReclaimedSum(Answer):
    unit: str
    lines: int
    before: Money
    after: Money
    reclaimed: Money
    capital_freed: Money


class ReclaimReport(Answer):
    """What was taken back within some days, by unit and currency."""

    since: date
    until: date
    lists: int
    units: tuple[ReclaimedSum, ...]
    capital_freed: Money


class MoveRequest(Answer):
    source_id: str
    target_id: str
    amount: Money
    reason: str
    move_id: str
    customer_id: str
    source_letter_no: str
    source_limit: Money
    target_letter_no: str
    target_limit: Money
    asked_by: str
    asked_at: AwareDatetime
    asked_on: date


class Move(Answer):
    """A move of limit between lines: `pending`, `moved`, `declined` or `lapsed`."""

    request: MoveRequest
    status: str
    settled_by: str | None
    settled_on: date | None
    letters: tuple[str, ...]


class MoveView(Answer):
    """A move with who is asked and what they said."""

    move: Move
    approvals: tuple[Mapping[str, Any], ...]
    tasks: tuple[Task, ...]
    decisions: tuple[Decision, ...]
