"""The credit agreement (授信协议): generated from the approval letter's terms, and only from them."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from domain.identity import Id
from domain.money import Money
from domain.value import Value


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


class Letter(Value):
    """The numbered approval letter (授信批复书) that every final decision ends in."""

    letter_no: str
    case_id: Id
    approved: bool
    terms: Terms | None  # None on a decline
    reason_codes: tuple[str, ...] = ()
    content_hash: str  # of what was decided on
    decided_on: date
    valid_until: date
    decided_by: tuple[Id, ...]
    replaces: str | None = None


class ContractStatus(StrEnum):
    SENT = "sent"
    SIGNED = "signed"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Signatory(Value):
    """Who signed for the customer, in what capacity, on what authority; ids and titles, no names."""

    signatory: str  # as typed by the signatory
    capacity: str  # legal_representative or authorised_agent
    authority_hash: str | None = None  # sha256 of the power of attorney, for an agent


class Contract(Value):
    contract_id: Id
    case_id: Id
    letter_no: str
    terms: Terms
    status: ContractStatus
    document_hash: str  # sha256 of the PDF sealed by the grantor
    signed_hash: str | None = None  # sha256 of the PDF with both signatures
    sent_at: datetime
    expires_at: datetime
    signed_at: datetime | None = None
    signatory: Signatory | None = None
