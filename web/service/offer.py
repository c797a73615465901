"""What may be asked of offers: read one, and take or leave it, by its link or at the manager's desk.

Whoever holds the link acts for the customer; a manager puts on record what the customer told them.
What was said is recorded first and told to the case by its id alone; the same act twice is one.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from domain.contract import OfferDifference, Sha256, Terms
from domain.errors import LinkUnknown, Malformed, NotFound, OfferEnded, SameHands, StaleContent
from domain.identity import Person
from domain.offer import BY_LINK, Offer, OfferAct, OfferStatus
from domain.value import Value
from storage.approval import Letters
from storage.base import Records
from storage.customer import Customers
from storage.offer import Offers
from web.service.application import visible_case
from web.service.clock import Clock
from web.service.contract import SHOWN_AFTER, TOKEN_LENGTH_MAX
from web.service.gateway import Gateway
from web.service.permissions import Action, permit
from workflows.names import application_id


class OfferView(Value):
    """An offer with the terms it is about and the letter it changes, if any."""

    offer: Offer
    terms: Terms
    replaces: str | None


class OfferPage(Value):
    """What the holder of a link sees: what is offered, by when it is to be answered, how it stands."""

    letter_no: str
    customer_name: str
    customer_name_zh: str
    terms: Terms
    differences: tuple[OfferDifference, ...]
    replaces: str | None
    offer_hash: Sha256
    status: OfferStatus
    expires_at: datetime


class OfferService:
    """Offers, over one memory and one way to Temporal."""

    def __init__(self, records: Records, gateway: Gateway, clock: Clock) -> None:
        self._records = records
        self._gateway = gateway
        self._clock = clock

    def read_offer(self, person: Person, case_id: str) -> OfferView:
        """The case's offer; `NotFound` where there is none, or none the person sees."""
        permit(person, Action.LETTER_READ)
        with self._records.begin() as session:
            return _view(session, _visible(session, person, case_id))

    def answer(
        self, person: Person, case_id: str, *, accepts: bool, offer_hash: str, note: str
    ) -> OfferView:
        """Put on record what the customer told the person, who says in `note` how.

        Refuses `OfferEnded`, `StaleContent` where another version was read, and `SameHands` to
        whoever decided the letter.
        """
        permit(person, Action.OFFER_ANSWER)
        if not note.strip():
            raise Malformed(reason="a note has to say how the customer answered")
        with self._records.begin() as session:
            offer = _visible(session, person, case_id, to_change=True)
            if person.person_id in offer.deciders:
                raise SameHands(first="deciding the letter", second="answering for the customer")
            act = _act(offer, accepts, offer_hash, person.person_id, note.strip())
            answered = self._record(session, offer, act)
        if not answered:
            self._tell(offer, act)
        return self.read_offer(person, case_id)

    def offer_page(self, token: str) -> OfferPage:
        """What a link leads to, or `LinkUnknown`; seen again, it shows how it ended."""
        with self._records.begin() as session:
            return _page(session, self._behind(session, token))

    def answer_by_link(
        self, token: str, *, accepts: bool, offer_hash: str, note: str = ""
    ) -> OfferPage:
        """Take or leave the offer for the customer. Refuses `LinkUnknown`, `OfferEnded` and
        `StaleContent`."""
        with self._records.begin() as session:
            offer = self._behind(session, token)
            act = _act(offer, accepts, offer_hash, BY_LINK, note.strip())
            answered = self._record(session, offer, act)
        if not answered:
            self._tell(offer, act)
        return self.offer_page(token)

    def _behind(self, session: Session, token: str) -> Offer:
        if len(token) > TOKEN_LENGTH_MAX:
            raise LinkUnknown()
        offer = Offers(session).read_behind(token)
        if self._clock.now() >= (offer.ended_at or offer.expires_at) + SHOWN_AFTER:
            raise LinkUnknown()
        return offer

    def _record(self, session: Session, offer: Offer, act: OfferAct) -> bool:
        """Put the act on record; whether this very act had its effect before."""
        if offer.status is not OfferStatus.OPEN:
            if Offers(session).find_ending_act(offer.letter_no) == act.act_id:
                return True
            raise OfferEnded(letter_no=offer.letter_no, status=offer.status)
        now = self._clock.now()
        if now >= offer.expires_at:
            raise OfferEnded(letter_no=offer.letter_no, status=OfferStatus.LAPSED)
        Offers(session).record_act(act, offer, now)
        return False

    def _tell(self, offer: Offer, act: OfferAct) -> None:
        """Tell the case of an act on record; where it ended meanwhile, our records know how."""
        message = {"act_id": act.act_id, "message_id": act.act_id}
        try:
            self._gateway.update(application_id(offer.case_id), "answer_offer", message)
        except NotFound:
            with self._records.begin() as session:
                ended = Offers(session).read(offer.letter_no)
                if Offers(session).find_ending_act(offer.letter_no) != act.act_id:
                    raise OfferEnded(letter_no=ended.letter_no, status=ended.status) from None


def _act(offer: Offer, accepts: bool, offer_hash: str, person_id: str, note: str) -> OfferAct:
    """The act on the version that was read; on another one it is refused."""
    if offer_hash != offer.offer_hash:
        raise StaleContent(id=offer.letter_no)
    if len(note) > 2000:
        raise Malformed(reason="a note has at most 2,000 characters")
    return OfferAct(
        letter_no=offer.letter_no,
        offer_hash=offer_hash,
        accepts=accepts,
        person_id=person_id,
        note=note,
    )


def _visible(session: Session, person: Person, case_id: str, *, to_change: bool = False) -> Offer:
    visible_case(session, person, case_id, to_change=to_change)
    offer = Offers(session).find_of_case(case_id)
    if offer is None:
        raise NotFound(kind="offer", id=case_id)
    return offer


def _view(session: Session, offer: Offer) -> OfferView:
    letter = Letters(session).read(offer.letter_no)
    assert letter.terms is not None, "only an approval is offered"
    return OfferView(offer=offer, terms=letter.terms, replaces=letter.replaces)


def _page(session: Session, offer: Offer) -> OfferPage:
    view = _view(session, offer)
    customer = Customers(session).read(offer.customer_id)
    return OfferPage(
        letter_no=offer.letter_no,
        customer_name=customer.name,
        customer_name_zh=customer.name_zh,
        terms=view.terms,
        differences=offer.differences,
        replaces=view.replaces,
        offer_hash=offer.offer_hash,
        status=offer.status,
        expires_at=offer.expires_at,
    )
