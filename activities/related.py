"""Whom the register of the grantor's related parties reaches: customers, their rings, our people."""

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy.orm import Session

from activities.party import ring_on
from domain.approval import Approval, ApprovalRequest, Subject
from domain.assessment import RelatedEntryUsed
from domain.cap import CapOwner
from domain.customer import Customer
from domain.edition import PolicyEdition
from domain.party import RingMember
from domain.related import RelatedEntry
from storage.approval import AuthorityRegister, Bearing
from storage.cap import Caps
from storage.customer import Customers
from storage.edition import Editions
from storage.line import Lines
from storage.move import Moves
from storage.reclaim import Reclaims
from storage.related import RelatedParties


def related_entries(
    session: Session, customer: Customer, ring: Iterable[RingMember], on: date
) -> list[RelatedEntry]:
    """The entries in force that a customer falls under: by itself, its group, or any of its ring."""
    group = () if customer.group_id is None else Customers(session).members(customer.group_id)
    subjects = {customer.customer_id, *group, *(member.party_id for member in ring)}
    return RelatedParties(session).in_force(on, subjects)


def entries_used(entries: Iterable[RelatedEntry]) -> tuple[RelatedEntryUsed, ...]:
    """The entries as a dossier keeps them."""
    return tuple(
        RelatedEntryUsed(
            entry_id=each.entry_id,
            version=each.version,
            subject=each.subject,
            relation=each.relation.value,
            members=each.members,
        )
        for each in entries
    )


def related_customers(
    session: Session, edition: PolicyEdition, on: date
) -> dict[str, list[RelatedEntry]]:
    """Every related customer and the entries it falls under; none where its own record says so."""
    found: dict[str, list[RelatedEntry]] = {
        marked: [] for marked in RelatedParties(session).find_marked()
    }
    for entry in RelatedParties(session).in_force(on):
        for customer_id in _reached(session, entry.subject, edition, on):
            found.setdefault(customer_id, []).append(entry)
    return dict(sorted(found.items()))


def _reached(session: Session, subject: str, edition: PolicyEdition, on: date) -> list[str]:
    """The customers that fall under an entry about a party; whoever is of its ring has it in
    theirs, so one walk from the party finds them all."""
    ring = ring_on(session, subject, edition, on)
    known = Customers(session).find_many([subject, *(member.party_id for member in ring)])
    itself = known.get(subject)
    group_id = None if itself is None else itself.group_id
    group = () if group_id is None else Customers(session).members(group_id)
    return sorted({*(one.customer_id for one in known.values()), *group})


class RecusedBy(StrEnum):
    """What keeps one of our people from deciding on a customer."""

    REGISTER = "recused"  # an entry of the register of related parties
    DECLARED = "conflict"  # a tie they declared
    MANAGER = "manages_customer"  # they own the customer


class Recusal(NamedTuple):
    """What keeps a person from deciding, and which entry says so."""

    by: RecusedBy
    entry_id: str = ""

    @property
    def tie(self) -> str:
        return self.entry_id or "its relationship manager"

    @property
    def reason(self) -> str:
        """As a route says why nobody of a position is asked."""
        return f"{self.by}:{self.entry_id}" if self.entry_id else str(self.by)


def recused_by(
    session: Session, approval: Approval, on: date, bearing: Bearing
) -> dict[str, Recusal]:
    """Our people who do not decide this approval, each with what says so.

    Whom the register of related parties marks, whoever declared a tie with the customer, and
    whoever manages it.
    """
    request = approval.request
    if request.subject is Subject.POLICY_EDITION:
        return {}
    found: dict[str, Recusal] = {}
    group = _group_decided_on(session, request)
    if group is None and bearing.manager_id is not None:
        found = _own_ties(bearing.manager_id, bearing.ties)
        if bearing.members_marked:
            customer = Customers(session).read(request.customer_id)
            found |= _marked(session, customer, request, on)
    for customer in group or ():
        declared = AuthorityRegister(session).conflicts(customer.customer_id, on)
        found |= _own_ties(customer.manager_id, declared)
        if bearing.members_marked:
            found |= _marked(session, customer, request, on)
    return found | {
        each.person_id: Recusal(RecusedBy.DECLARED, request.approval_id)
        for each in approval.recused
    }


def _own_ties(manager_id: str, declared: Mapping[str, str]) -> dict[str, Recusal]:
    """Who is tied to a customer by themselves: its manager, and who declared so."""
    found = {manager_id: Recusal(RecusedBy.MANAGER)}
    return found | {who: Recusal(RecusedBy.DECLARED, entry) for who, entry in declared.items()}


def _marked(
    session: Session, customer: Customer, request: ApprovalRequest, on: date
) -> dict[str, Recusal]:
    """Whom the register of related parties marks where a customer falls under it."""
    edition = Editions(session).read(request.edition_hash)
    return {
        member: Recusal(RecusedBy.REGISTER, entry.entry_id)
        for entry in entries_of(session, customer, edition, on)
        for member in entry.members
    }


def entries_of(
    session: Session, customer: Customer, edition: PolicyEdition, on: date
) -> list[RelatedEntry]:
    """The entries in force that a customer falls under, its ring as far as the edition looks."""
    ring = ring_on(session, customer.customer_id, edition, on)
    return related_entries(session, customer, ring, on)


def is_related(session: Session, customer: Customer, edition: PolicyEdition, on: date) -> bool:
    """Whether a customer is a related party of the grantor, by its own record or the register."""
    return customer.related_to_grantor or bool(entries_of(session, customer, edition, on))


def _group_decided_on(session: Session, request: ApprovalRequest) -> list[Customer] | None:
    """All customers an approval is about where it is about several: the members of the group whose
    cap it is, those with lines on a list of cuts, both ends of a move; else none."""
    several = _several_decided_on(session, request)
    if several is not None:
        return list(Customers(session).find_many(several).values())
    if request.subject is not Subject.CAP:
        return None
    cap = Caps(session).read(request.subject_id).request
    if cap.scope is not CapOwner.GROUP:
        return None
    customers = Customers(session)
    return list(customers.find_many(customers.members(cap.owner_id)).values())


def _several_decided_on(session: Session, request: ApprovalRequest) -> list[str] | None:
    if request.subject is Subject.RECLAIM:
        lines = Reclaims(session).read(request.subject_id).request.lines
        return [each.customer_id for each in lines]
    if request.subject is Subject.MOVE:
        move = Moves(session).read(request.subject_id).request
        ends = (Lines(session).read(each) for each in (move.source_id, move.target_id))
        return [line.customer_id for line in ends]
    return None
