"""Whose risk is one: the ring of a customer from the links on record, and who of it counts."""

from collections.abc import Iterable
from datetime import date

from sqlalchemy.orm import Session

from domain.customer import Customer
from domain.edition import PolicyEdition
from domain.party import RingMember
from policies.ring import ring_of
from storage.customer import Customers
from storage.party import Parties


def ring_on(
    session: Session, customer_id: str, edition: PolicyEdition, on: date
) -> tuple[RingMember, ...]:
    """The ring of a customer on a day, from the links on record, which name it by one id."""
    customer_id = Customers(session).survivor(customer_id)
    links = Parties(session).links_around(customer_id)
    return ring_of(customer_id, links, on, edition.ring) if links else ()


def one_risk(session: Session, customer: Customer, ring: Iterable[RingMember]) -> tuple[str, ...]:
    """The customers whose exposure counts as one with this one's: its group, and its ring as far
    as one control reaches; the customer itself among them."""
    group = () if customer.group_id is None else Customers(session).members(customer.group_id)
    linked = [member.party_id for member in ring if member.counts]
    known = Customers(session).find_many(linked) if linked else {}
    return tuple(
        sorted({customer.customer_id, *group, *(one.customer_id for one in known.values())})
    )
