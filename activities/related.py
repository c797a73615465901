"""Whom the register of the grantor's related parties reaches: customers, their rings, our people."""

from collections.abc import Iterable
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
from storage.approval import AuthorityRegister
from storage.cap import Caps
from storage.customer import Customers
from storage.edition import Editions
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


def recused_by(session: Session, approval: Approval, on: date) -> dict[str, Recusal]:
    """Our people who do not decide this approval, each with what says so.

    Whom the register of related parties marks, whoever declared a tie with the customer, and
    whoever manages it.
    """
    request = approval.request
    if request.subject is Subject.POLICY_EDITION:
        return {}
    found: dict[str, Recusal] = {}
    for customer in _decided_on(session, request):
        found |= _tied(session, customer, request, on)
    return found | {
        each.person_id: Recusal(RecusedBy.DECLARED, request.approval_id)
        for each in approval.recused
    }


def _tied(
    session: Session, customer: Customer, request: ApprovalRequest, on: date
) -> dict[str, Recusal]:
    """Who is tied to a customer: its manager, who declared so, and whom the register marks."""
    found = {customer.manager_id: Recusal(RecusedBy.MANAGER)}
    declared = AuthorityRegister(session).conflicts(customer.customer_id, on)
    found |= {who: Recusal(RecusedBy.DECLARED, entry) for who, entry in declared.items()}
    if not RelatedParties(session).marks_members():
        return found
    edition = Editions(session).read(request.edition_hash)
    return found | {
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


def _decided_on(session: Session, request: ApprovalRequest) -> list[Customer]:
    """The customer an approval is about; of a group's cap, all its members."""
    about, customers = [request.customer_id], Customers(session)
    if request.subject is Subject.CAP:
        cap = Caps(session).read(request.subject_id).request
        if cap.scope is CapOwner.GROUP:
            about = list(customers.members(cap.owner_id))
    return list(customers.find_many(about).values())
