"""The offer (要约): an approval on other terms than those asked for waits for the customer's word.

The customer takes or leaves one version, named by its hash; silence lets it lapse. Which approvals
are offers is `policies/offer.py`.
"""

from datetime import date, datetime
from enum import StrEnum

from pydantic import Field

from domain.contract import Letter, OfferDifference, Sha256
from domain.identity import Id
from domain.value import Value, content_hash, lasting_hash

BY_LINK = "customer"  # who answers through the one-time link


class OfferStatus(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    LAPSED = "lapsed"  # nobody answered in time
    WITHDRAWN = "withdrawn"  # with its case


class Offer(Value):
    """A letter's terms as they were put to the customer, and what became of them."""

    letter_no: str
    case_id: Id
    customer_id: Id
    offer_hash: Sha256  # of the whole letter: the version that is taken or left
    differences: tuple[OfferDifference, ...]
    deciders: tuple[Id, ...]  # who decided the letter, and so does not answer for the customer
    made_at: datetime
    expires_at: datetime
    status: OfferStatus = OfferStatus.OPEN
    answered_by: Id | None = None
    note: str = ""
    ended_at: datetime | None = None


class OfferAct(Value):
    """What was said about one version of an offer; equal acts have one id."""

    letter_no: str
    offer_hash: Sha256
    accepts: bool
    person_id: Id = BY_LINK
    note: str = Field(default="", max_length=2000)

    @property
    def act_id(self) -> str:
        return content_hash(self)[:32]


class MakeOffer(Value):
    """The order to put a letter's terms to the customer."""

    case_id: Id
    letter: Letter
    differences: tuple[OfferDifference, ...]
    made_at: datetime
    expires_at: datetime
    offset_days: int = 0


class OfferActed(Value):
    """The message that an act is on record: it names the act and repeats nothing of it."""

    case_id: Id
    act_id: Id
    message_id: Id | None = None
    at: datetime
    offset_days: int = 0


class OfferDue(Value):
    """The time of an offer is over."""

    case_id: Id
    letter_no: str
    at: datetime
    offset_days: int = 0


class OfferProgress(Value):
    """Where an offer stands; all that its case's workflow branches on."""

    letter_no: str
    status: OfferStatus
    expires_at: datetime
    ended_on: date | None = None  # the business day of its end


def offer_hash(letter: Letter) -> str:
    """What an acceptance binds to: every field of the letter that is offered."""
    return lasting_hash(letter)
