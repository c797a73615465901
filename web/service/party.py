"""What may be asked of related parties: put them and their links on record, and see a ring.

Whoever sees a customer sees who its ring is and how it is linked; figures of a member are shown to
those who see that member.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from sqlalchemy.orm import Session

from activities.assessment import one_risk, ring_on
from activities.exchange import Exchange
from domain.errors import NotFound
from domain.identity import Id, Person
from domain.money import Money, money_sum
from domain.party import (
    Link,
    LinkContent,
    LinkKind,
    Party,
    PartyKind,
    PartyName,
    RingMember,
)
from domain.value import Value
from storage.approval import Letters
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions
from storage.line import Lines
from storage.party import Parties
from web.service.clock import Clock
from web.service.customer import visible_customer
from web.service.ids import new_id
from web.service.imports.ownership import Known, Ownership, read_ownership
from web.service.permissions import Action, permit, visible_to


class PartyContent(Value):
    """Somebody who is no customer of ours."""

    name: PartyName
    kind: PartyKind = PartyKind.COMPANY


class RingPart(Value):
    """A member of a ring as a person sees it; what they may not see of it is not there."""

    member: RingMember
    name: str
    is_customer: bool
    limits: Money | None  # its lines in force and letters not yet activated
    answers_for: Money | None  # limits of others that it guarantees


class RingView(Value):
    """A customer's ring on a day, in the reporting currency.

    `direct` is what the customer and those who count hold; `indirect` what they answer for beside
    it: limits that they guarantee for customers who do not count.
    """

    customer_id: Id
    as_of: date
    parts: tuple[RingPart, ...]
    one_risk: tuple[Id, ...]
    direct: Money
    indirect: Money
    total: Money


class LeftOut(Value):
    record: str
    reason: str


class OwnershipReport(Value):
    """What became of an ownership file."""

    parties: int
    customers: int  # of these, known to us as customers
    links: int
    left_out: tuple[LeftOut, ...]


class PartyService:
    """Related parties, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def record(self, person: Person, content: PartyContent) -> Party:
        """Put a party on record that is no customer."""
        permit(person, Action.PARTY_RECORD)
        party = Party.model_validate({**content.model_dump(), "party_id": new_id()})
        with self._records.begin() as session:
            return Parties(session).record(party, person.person_id)

    def record_link(self, person: Person, content: LinkContent, link_id: str | None = None) -> Link:
        """Put a link on record, or with its id what is known better of it.

        Refuses `NotFound` for an end that is neither a customer nor a party, and `AlreadyExists`
        where the id joins others.
        """
        permit(person, Action.PARTY_RECORD)
        link = Link.model_validate({**content.model_dump(), "link_id": link_id or new_id()})
        with self._records.begin() as session:
            ends = (link.holder, link.subject)
            known = {*Customers(session).find_many(ends), *Parties(session).find_many(ends)}
            for end in ends:
                if end not in known:
                    raise NotFound(kind="party", id=end)
            return Parties(session).record_link(link, person.person_id)

    def import_ownership(self, person: Person, content: bytes, source: str) -> OwnershipReport:
        """Bring in a BODS file; the same file again changes nothing. Refuses `Malformed`."""
        permit(person, Action.PARTY_RECORD)
        told = read_ownership(content, source)
        with self._records.begin() as session:
            ours = _customers_of(session, told.parties.values())
            for known in told.parties.values():
                if known.party.party_id not in ours:
                    Parties(session).record(known.party, person.person_id)
            links = _joined(told, ours)
            for link in links:
                Parties(session).record_link(link, person.person_id)
        return OwnershipReport(
            parties=len(told.parties),
            customers=len(ours),
            links=len(links),
            left_out=tuple(
                LeftOut(record=record, reason=reason) for record, reason in told.left_out
            ),
        )

    def ring(self, person: Person, customer_id: str, as_of: date | None = None) -> RingView:
        """The ring of a customer, with the way to each party and what all of them hold.

        Refuses `NotFound`, and `RateMissing` where a limit cannot be put in the reporting currency.
        """
        permit(person, Action.CUSTOMER_READ)
        on = as_of or self._clock.business_on()
        with self._records.begin() as session:
            customer = visible_customer(session, person, customer_id)
            edition = Editions(session).find_current(on)
            if edition is None:
                raise NotFound(kind="policy edition in force", id=on.isoformat())
            ring = ring_on(session, customer_id, edition, on)
            counted = one_risk(session, customer, ring)
            everybody = {*counted, *(each.party_id for each in ring)}
            exchange = Exchange(session, edition, on)
            limits = _limits(session, everybody, exchange)
            answers = _answers(session, customer_id, everybody, limits, exchange, on)
            customers = Customers(session).find_many(sorted(everybody))
            parties = Parties(session).find_many(everybody)
        owner = visible_to(person).manager_id
        seen = {each for each in customers if owner in (None, customers[each].manager_id)}
        names = {party_id: party.name for party_id, party in parties.items()}
        names |= {customer_id: customer.name for customer_id, customer in customers.items()}
        quote = edition.reporting_currency
        direct = money_sum((limits[each] for each in counted if each in limits), quote)
        indirect = money_sum(
            (
                amount
                for guarantor, subject, amount in answers
                if guarantor in counted and subject not in counted
            ),
            quote,
        )
        return RingView(
            customer_id=customer_id,
            as_of=on,
            parts=tuple(
                RingPart(
                    member=each,
                    name=names.get(each.party_id, ""),
                    is_customer=each.party_id in customers,
                    limits=limits.get(each.party_id) if each.party_id in seen else None,
                    answers_for=_sum_of(each.party_id, answers, quote)
                    if each.party_id in seen
                    else None,
                )
                for each in ring
            ),
            one_risk=counted,
            direct=direct,
            indirect=indirect,
            total=direct + indirect,
        )


_Answer = tuple[str, str, Money]  # guarantor, whose limits, how much of them


def _limits(session: Session, customer_ids: set[str], exchange: Exchange) -> dict[str, Money]:
    """What each of these holds, lines and letters together; one that holds nothing is not there."""
    ids = sorted(customer_ids)
    held: dict[str, Money] = {}
    for holder, limit in (*Lines(session).limits_of(ids), *Letters(session).commitments_of(ids)):
        amount = exchange.reporting(limit)
        held[holder] = held[holder] + amount if holder in held else amount
    return held


def _answers(
    session: Session,
    customer_id: str,
    everybody: set[str],
    limits: dict[str, Money],
    exchange: Exchange,
    on: date,
) -> list[_Answer]:
    """Each guarantee in force: at most its amount, and no more than what is guaranteed holds."""
    answers = []
    for link in Parties(session).links_around(customer_id):
        held = limits.get(link.subject)
        if link.kind is LinkKind.GUARANTEES and link.holds_on(on) and held is not None:
            most = held if link.amount is None else min(held, exchange.reporting(link.amount))
            answers.append((link.holder, link.subject, most))
    return [each for each in answers if each[0] in everybody]


def _sum_of(party_id: str, answers: Sequence[_Answer], currency: str) -> Money:
    return money_sum(
        (amount for guarantor, _, amount in answers if guarantor == party_id), currency
    )


def _customers_of(session: Session, known: Iterable[Known]) -> dict[str, str]:
    """The customers that parties of a file are, by their codes."""
    found = {}
    for each in known:
        for identifier in each.identifiers:
            customer = Customers(session).find_by_identifier(identifier)
            if customer is not None:
                found[each.party.party_id] = customer.customer_id
    return found


def _joined(told: Ownership, ours: Mapping[str, str]) -> list[Link]:
    """The links of a file between our customers and other parties."""
    links = []
    for link in told.links:
        holder, subject = (ours.get(end, end) for end in (link.holder, link.subject))
        if holder != subject:
            links.append(link.model_copy(update={"holder": holder, "subject": subject}))
    return links
