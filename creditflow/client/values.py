"""What answers are made of. A field this release does not know is passed over, not refused."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, PlainSerializer

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


class Task(Answer):
    task_id: str
    approval_id: str
    case_id: str
    customer_id: str
    position: str
    escalated_to: str | None
    status: str
    amount: Money
    opened_at: AwareDatetime
    due_at: AwareDatetime
    decided_by: str | None
    verdict: str | None


class Decision(Answer):
    """A word on record."""

    decision_id: str
    task_id: str
    person_id: str
    position: str
    verdict: str
    note: str
    content_hash: str
    decided_at: AwareDatetime


class Why(Answer):
    """Why a task is one's own, or by which code a decision would be refused now."""

    refusal: str | None
    detail: str
    aggregate: Money
    route_row: str
    reasons: tuple[str, ...]


class TaskPage(Answer):
    task: Task
    approval: Mapping[str, Any]
    why: Why
    decisions: tuple[Decision, ...]

    @property
    def content_hash(self) -> str:
        """Of what is decided on; sent with a decision, it is refused if that has changed."""
        return str(self.approval["request"]["content_hash"])


class Decided(Answer):
    task_id: str
    decision_id: str
    verdict: str
    outcome: str
    waiting_for: tuple[str, ...]
    letter_no: str | None
    replayed: bool


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
    contract: Contract | None
    conditions: tuple[Condition, ...]
    line: Line | None
    screenings: tuple[Mapping[str, Any], ...]


class Event(Answer):
    at: AwareDatetime
    source: str
    kind: str
    person_id: str
    facts: Mapping[str, str]


class Replayed(Answer):
    case_id: str
    edition: str
    receipt_hash: str
    identical: bool
    differing: tuple[str, ...]


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


class Account(Answer):
    """What a customer owes as of a day, and how it paid."""

    as_of: date
    ageings: tuple[Mapping[str, Any], ...]
    turnovers: tuple[Mapping[str, Any], ...]
    open_items: tuple[Mapping[str, Any], ...]
    payments: Mapping[str, Any]


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


class CustomerCovers(Answer):
    """What is registered for a customer, and what of it counts on a day."""

    customer_id: str
    as_of: date
    covers: tuple[CoverView, ...]
    counts: tuple[CoverStep, ...]
    uplift: Money


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

    invoice_no: str
    due_on: date
    accrued: Money
    charged: Money
    owed: Money


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


class Balance(Answer):
    account: str
    limit: Limit
    reserved: Money
    used: Money


class LineView(Answer):
    line: Line
    balances: tuple[Balance, ...]
    freezes: tuple[Mapping[str, Any], ...]
    events: tuple[Mapping[str, Any], ...]


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


class PublishedEdition(Answer):
    edition_hash: str
    name: str
    effective_on: date
    published_by: str


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
