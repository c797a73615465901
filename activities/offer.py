"""The offer's steps: put to the customer, answered, or over; each one transaction.

The customer's one-time token is made here, leaves by the outbox alone, and is kept as a hash.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session
from temporalio import activity

from activities.signatures import OfferSteps
from domain.application import Case
from domain.calendar import ZONE, business_on
from domain.contract import differing_field
from domain.errors import ContractDiffers, OfferEnded, SameHands, Unauthenticated
from domain.notification import Channel, Notice
from domain.offer import (
    MakeOffer,
    Offer,
    OfferActed,
    OfferDue,
    OfferProgress,
    OfferStatus,
)
from storage.application import Applications, CaseEvents
from storage.approval import Letters
from storage.base import Records
from storage.identity import make_token
from storage.notification import Outbox
from storage.offer import Offers


class OfferActivities(OfferSteps):
    """The steps on PostgreSQL."""

    def __init__(self, records: Records, public_url: str) -> None:
        self._records = records
        self._public_url = public_url

    @activity.defn
    def make_offer(self, make: MakeOffer) -> OfferProgress:
        """Refuses `Withdrawn` and `CaseClosed`, and `ContractDiffers` where the letter on record is
        another."""
        with self._records.begin() as session:
            offer = Offers(session).find(make.letter.letter_no)
            if offer is None:
                offer = self._make(session, make)
            return _progress(offer, make.offset_days)

    @activity.defn
    def take_offer_answer(self, acted: OfferActed) -> OfferProgress:
        """Refuses `Unauthenticated`, `SameHands` and `OfferEnded`."""
        with self._records.begin() as session:
            case = Applications(session).read(acted.case_id, for_update=True)
            offers = Offers(session)
            act = offers.find_act(acted.act_id)
            offer = None if act is None else offers.read(act.letter_no)
            if act is None or offer is None or offer.case_id != case.case_id:
                raise Unauthenticated()
            if offers.find_ending_act(offer.letter_no) == act.act_id:
                return _progress(offer, acted.offset_days)
            if offer.status is not OfferStatus.OPEN:
                raise OfferEnded(letter_no=offer.letter_no, status=offer.status)
            if acted.at >= offer.expires_at:
                raise OfferEnded(letter_no=offer.letter_no, status=OfferStatus.LAPSED)
            if act.person_id in offer.deciders:
                raise SameHands(first="deciding the letter", second="answering for the customer")
            outcome = OfferStatus.ACCEPTED if act.accepts else OfferStatus.DECLINED
            offer = offers.end(offer, outcome, acted.at, act)
            _tell_answer(session, case, offer)
            return _progress(offer, acted.offset_days)

    @activity.defn
    def end_offer(self, due: OfferDue) -> OfferProgress:
        with self._records.begin() as session:
            Applications(session).read(due.case_id, for_update=True)
            offer = Offers(session).read(due.letter_no)
            if offer.status is OfferStatus.OPEN:
                offer = Offers(session).end(offer, OfferStatus.LAPSED, due.at)
                _post(session, offer, due.at)
            return _progress(offer, due.offset_days)

    def _make(self, session: Session, make: MakeOffer) -> Offer:
        """Record it and owe the link and the news: all of it, or nothing."""
        case = Applications(session).read_open(make.case_id)
        letter = Letters(session).read(make.letter.letter_no)
        differs = differing_field(make.letter, letter)
        if differs is not None:
            field, ordered, decided = differs
            raise ContractDiffers(field=field, contract=ordered, letter=decided)
        token = make_token()
        customer_id = case.application.customer_id
        offer = Offers(session).record(make, customer_id, token)
        _post(session, offer, make.made_at)
        links = {f"customer:{customer_id}": f"/offer/{token}"}
        links[f"person:{case.applicant}"] = f"/cases/{case.case_id}#offer"
        for recipient, place in links.items():
            Outbox(session).post(
                Channel.MAIL,
                f"{offer.letter_no}/offered/{recipient}",
                recipient=recipient,
                kind=Notice.OFFER_MADE,
                facts={
                    "case_id": case.case_id,
                    "letter_no": offer.letter_no,
                    "link": f"{self._public_url}{place}",
                    "expires_at": f"{offer.expires_at.astimezone(ZoneInfo(ZONE)):%Y-%m-%d %H:%M %z}",
                },
                case_id=case.case_id,
            )
        return offer


def withdraw_offer(session: Session, case: Case, at: datetime) -> None:
    """An offer of a case that ends is withdrawn with it; one that has ended stays as it is."""
    offer = Offers(session).find_of_case(case.case_id) if case.letter_no else None
    if offer is not None and offer.status is OfferStatus.OPEN:
        Offers(session).end(offer, OfferStatus.WITHDRAWN, at)


def _progress(offer: Offer, offset_days: int) -> OfferProgress:
    return OfferProgress(
        letter_no=offer.letter_no,
        status=offer.status,
        expires_at=offer.expires_at,
        ended_on=business_on(offer.ended_at, offset_days) if offer.ended_at else None,
    )


def _post(session: Session, offer: Offer, at: datetime) -> None:
    """The case's timeline says how the offer stands; from here on it is the customer's time, or
    ours again."""
    said = "made" if offer.status is OfferStatus.OPEN else offer.status.value
    CaseEvents(session).post(
        offer.case_id,
        f"offer_{said}",
        person_id=offer.answered_by or "system",
        at=at,
        letter_no=offer.letter_no,
        offer_hash=offer.offer_hash,
        **({"note": offer.note} if offer.note else {}),
    )


def _tell_answer(session: Session, case: Case, offer: Offer) -> None:
    assert offer.ended_at is not None
    _post(session, offer, offer.ended_at)
    Outbox(session).post(
        Channel.MAIL,
        f"{offer.letter_no}/answered",
        recipient=f"person:{case.applicant}",
        kind=Notice.OFFER_ANSWERED,
        facts={
            "case_id": case.case_id,
            "letter_no": offer.letter_no,
            "answer": offer.status.value,
        },
        case_id=case.case_id,
    )
