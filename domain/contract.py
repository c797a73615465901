"""The credit agreement (授信协议): generated from the approval letter's terms, and only from them.

How it is written and sealed is `activities/documents/`; in which order it is sent, signed, declined
or left to expire is `workflows/contract.py`.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, GetJsonSchemaHandler, StringConstraints, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from domain.cap import CapTerms
from domain.errors import AuthorityMissing
from domain.identity import Id, Name, Role
from domain.money import Money
from domain.scheme import SubLine
from domain.terms import FloatingTerms, PaymentTerms, TermsKind, TermsRule
from domain.value import Value, canonical, content_hash

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class LateClause(Value):
    """What overdue amounts bear by an agreement (逾期利息), simple interest by days."""

    rate_annual: Decimal
    year_days: int = 360
    grace_days: int = 0  # the first days past due that bear nothing


class ConditionKind(StrEnum):
    """What an approver's condition is about; its code on the letter begins with it."""

    COVER = "cover"  # other cover, or more of it, than was offered
    DOCUMENT = "document"
    COVENANT = "covenant"  # what the customer has to keep to
    OTHER = "other"


# The desks that bring evidence: the customer's manager, or whoever looks after documents.
ConditionOwner = Literal[Role.RELATIONSHIP_MANAGER, Role.LEGAL]
OF_ROLE = "role."  # before a role, in the place of a person


# The agreement frames who and when in these brackets, from which it is read back.
_WORDS = r"^[^〔〕]*[^〔〕\s][^〔〕]*$"


class ConditionAsked(Value):
    """What an approver approves under: the words, whose it is to show it, and by when.

    Words alone are the manager's to show, before the line is active.
    """

    text: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=_WORDS),
    ]
    kind: ConditionKind = ConditionKind.OTHER
    owner: ConditionOwner = Role.RELATIONSHIP_MANAGER
    due_on: date | None = None  # None: before the line is active

    @model_validator(mode="before")
    @classmethod
    def _of_words(cls, said: Any) -> Any:
        return {"text": said} if isinstance(said, str) else said

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Words alone are taken for the condition they are."""
        condition = handler(core)
        if handler.mode == "serialization":
            return condition
        words = {"type": "string", "minLength": 1, "maxLength": 500, "pattern": _WORDS}
        return {"anyOf": [condition, words]}

    @property
    def said(self) -> Any:
        """As it is spoken: its words alone where they say all of it."""
        plain = self == ConditionAsked(text=self.text)
        return self.text if plain else self.model_dump(mode="json")


class SchemeCondition(Value):
    """A condition in words, as a letter takes it up from the investigators' scheme or from who
    approved; its code tells which. It is met before the line is, or shown by a day afterwards."""

    code: str = Field(pattern=r"^(scheme|cover|document|covenant|other):[1-9][0-9]?$")
    text: str = Field(min_length=1, max_length=4000)
    owner: Id  # who brings the evidence, a person or `role.` one; somebody else verifies it
    due_on: date
    after_activation: bool = False  # it holds nothing up until its day is over

    @property
    def of_approver(self) -> bool:
        return not self.code.startswith("scheme:")


class Terms(Value):
    """The typed object that letter, contract and line share; K4 compares it field by field."""

    customer_id: Id
    limit: Money
    product: str
    term_months: int
    rate_annual: Decimal
    payment_days: int = 30
    conditions: tuple[str, ...] = ()  # codes of conditions precedent
    requirements: tuple[str, ...] = ()  # codes of management requirements
    temporary_until: date | None = None
    late: LateClause | None = None  # None: overdue amounts bear the rate of what is in use
    floating: FloatingTerms | None = None  # None: the rate is fixed
    sub_lines: tuple[SubLine, ...] = ()  # of the facility that was investigated
    purpose: str = ""  # what a dedicated facility is for, and nothing else
    scheme_conditions: tuple[SchemeCondition, ...] = ()
    ends_on: date | None = None  # the line's last day, where an extension moved it
    nominal_limit: Money | None = None  # the most by name (名义金额), deposits and all; None: any

    @property
    def late_clause(self) -> LateClause:
        """What the agreement says of overdue amounts; without a clause its Article 3 goes on."""
        return self.late or LateClause(rate_annual=self.rate_annual)

    @property
    def payment_terms(self) -> PaymentTerms:
        """The approved terms as the rule that the agreement states: days from the invoice."""
        return PaymentTerms.of(TermsRule(kind=TermsKind.NET_DAYS, days=self.payment_days))


class LetterChange(Value):
    """What a letter of change changes, from what to what; empty where there was or will be none."""

    field: str
    before: str = ""
    after: str = ""


class HoldReleaseTerms(Value):
    """What a letter lets an order go on with: up to an amount, until a day, past which rules."""

    hold_id: Id
    order_id: Id
    reason_code: str
    amount_up_to: Money
    until: date
    stages: tuple[str, ...]
    rules: tuple[str, ...]


class Letter(Value):
    """The numbered approval letter (授信批复书) that every final decision ends in."""

    letter_no: str
    case_id: Id
    approved: bool
    terms: Terms | None  # None on a decline, and of a cap
    reason_codes: tuple[str, ...] = ()
    content_hash: str  # of what was decided on
    decided_on: date
    valid_until: date
    decided_by: tuple[Id, ...]
    replaces: str | None = None
    cap: CapTerms | None = None  # of a letter about a cap, which has no other terms
    hold_release: HoldReleaseTerms | None = None  # of a letter that lets an order go on
    changes: tuple[LetterChange, ...] = ()  # of a letter of change (变更批复)


class ContractStatus(StrEnum):
    SENT = "sent"
    SIGNED = "signed"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Capacity(StrEnum):
    """In what capacity a person signs for a company."""

    LEGAL_REPRESENTATIVE = "legal_representative"  # 法定代表人
    AUTHORISED_AGENT = "authorised_agent"  # 授权代理人


class Signatory(Value):
    """Who signed for the customer, in what capacity, on what authority.

    It is kept in our records and in the document, and travels through no history.
    """

    signatory: Name  # as typed by the signatory
    capacity: Capacity
    authority_hash: Sha256 | None = None  # of the power of attorney, for an agent

    @model_validator(mode="after")
    def _agent_is_authorised(self) -> "Signatory":
        if self.capacity is Capacity.AUTHORISED_AGENT and self.authority_hash is None:
            raise AuthorityMissing()
        return self


class Contract(Value):
    contract_id: Id
    case_id: Id
    letter_no: str
    terms: Terms
    status: ContractStatus
    document_hash: Sha256  # of the PDF sealed by the grantor
    signed_hash: Sha256 | None = None  # of the PDF with both signatures
    sent_at: datetime
    expires_at: datetime
    signed_at: datetime | None = None
    signatory: Signatory | None = None
    ended_at: datetime | None = None  # when it was declined, expired or withdrawn


class DocumentStage(StrEnum):
    """What a document on record is: each stage of a contract has one of its own."""

    SEALED = "sealed"  # by the grantor, as sent to the customer
    SIGNED = "signed"  # by both
    AUTHORITY = "authority"  # a power of attorney the signatory relies on


class Grantor(Value):
    """Who grants the credit, as the agreement names it."""

    name: Name
    name_zh: str
    demonstration: bool = True  # its seal is of a demonstration authority, and documents say so


class CustomerAct(Value):
    """What the customer did through the one-time link; equal acts have one id."""

    contract_id: Id
    kind: Literal["sign", "decline"]
    signatory: Signatory | None = None
    reason: str = Field(default="", max_length=2000)

    @property
    def act_id(self) -> str:
        return content_hash(self)[:32]


class SigningLink(Value):
    """The customer's one-time link; its token is known to the customer alone."""

    contract_id: Id
    expires_at: datetime
    used_at: datetime | None = None


class ContractEvent(Value):
    """One step of an agreement's life, each at most once."""

    status: ContractStatus
    reason: str = ""
    at: datetime


class OfferDifference(Value):
    """One point in which a letter is not what was asked for; both as text."""

    field: str  # limit, term_months, or the code of a condition
    asked: str = ""
    offered: str


class OfferTerms(Value):
    """That a letter is an offer: for how long, and in what it differs from what was asked."""

    valid_days: Decimal  # a part of a day is a part
    differences: tuple[OfferDifference, ...]


class ContractOrder(Value):
    """What a signing starts from; terms come from the letter alone."""

    contract_id: Id
    case_id: Id
    letter: Letter
    signing_days: Decimal  # how long the customer may take; a part of a day is a part
    business_on: date
    offer: OfferTerms | None = None  # None: the customer was given what was asked for
    signed: bool = True  # otherwise the letter is put in force without an agreement

    def expires_at(self, issued_at: datetime) -> datetime:
        """When an unsigned agreement ends: after its days, and never after the letter's last day."""
        return self._until(issued_at, self.signing_days)

    def offered_until(self, made_at: datetime) -> datetime:
        """When an offer that nobody answers lapses; with the letter at the latest."""
        assert self.offer is not None
        return self._until(made_at, self.offer.valid_days)

    def _until(self, since: datetime, days: Decimal) -> datetime:
        """Counted in whole days of 24 hours from an instant of the order's day; a letter that is
        over leaves no time."""
        days_valid = max((self.letter.valid_until - self.business_on).days + 1, 0)
        return since + min(timedelta(seconds=int(days * 86400)), timedelta(days=days_valid))


class IssueContract(Value):
    """The order to write, seal and send one agreement."""

    contract_id: Id
    case_id: Id
    letter: Letter
    issued_at: datetime
    expires_at: datetime


class IssuedContract(Value):
    contract_id: Id
    document_hash: Sha256
    expires_at: datetime


class CustomerActed(Value):
    """The message that an act is on record: it names the act and repeats nothing of it.

    Acts are recorded for whoever holds the link, so an id that is on record is also the proof that
    the message came through it.
    """

    contract_id: Id
    act_id: Id
    acted_at: datetime  # set, like the contract's id, by the workflow that takes it
    message_id: Id | None = None


class ContractEnd(Value):
    """An end without a signature: expired, or withdrawn with its application."""

    contract_id: Id
    status: Literal[ContractStatus.EXPIRED, ContractStatus.WITHDRAWN]
    reason: str = Field(default="", max_length=200)  # a code
    ended_at: datetime


class ContractOutcome(Value):
    """How a signing ended; `signed_hash` only where it was signed."""

    contract_id: Id
    status: ContractStatus
    document_hash: Sha256 | None = None  # None where nothing could be issued
    signed_hash: Sha256 | None = None
    ended_at: datetime


class AgreementInForce(Value):
    """A signed agreement on its line: from which day its terms hold, up to the line's last."""

    agreement_no: str
    line_id: Id
    terms: Terms
    from_on: date
    until_on: date


def agreement_no(letter_no: str) -> str:
    """The agreement's number: the letter's, marked as its agreement (协议); one letter has one."""
    return f"{letter_no}-XY"


def differing_field(contract: Value, letter: Value) -> tuple[str, str, str] | None:
    """The first field in which two terms differ, with both values as text; None where none does.

    Two letters can be held against each other in the same way.
    """
    for name in type(contract).model_fields:
        ours, theirs = getattr(contract, name), getattr(letter, name)
        if ours != theirs:
            return name, _text(ours), _text(theirs)
    return None


def _text(value: object) -> str:
    if value is None or value == ():
        return "none"
    if isinstance(value, Value) and not isinstance(value, Money):
        return canonical(value.model_dump(mode="json"))
    return ", ".join(map(_text, value)) if isinstance(value, tuple) else str(value)
