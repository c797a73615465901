"""What may be asked of two records of one customer: which are likely, and to make them one.

One person proposes, another confirms. A person is told of likely pairs among the customers they see.
"""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from domain.edition import PolicyEdition
from domain.errors import NotFound
from domain.identity import Person
from domain.merge import (
    Likeness,
    Merge,
    MergeContent,
    MergeDecision,
    MergeReversal,
    MergeStatus,
    MergeVerdict,
)
from policies.duplicate import likeness, likenesses, traits_of
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions
from storage.merge import Merges
from storage.receivable import Receivables
from web.service.clock import Clock
from web.service.customer import sees_customer, visible_customer
from web.service.ids import new_id
from web.service.permissions import Action, permit, visible_to

_ACTS = {
    MergeVerdict.CONFIRM: MergeStatus.CONFIRMED,
    MergeVerdict.DECLINE: MergeStatus.DECLINED,
}


class MergeService:
    """Merges, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def list_likely(self, person: Person, customer_id: str | None = None) -> Sequence[Likeness]:
        """The pairs of records that are likely one customer, the likeliest first; `customer_id`
        names one of each pair."""
        permit(person, Action.CUSTOMER_READ)
        with self._records.begin() as session:
            about = None
            if customer_id is not None:
                about = visible_customer(session, person, customer_id).customer_id
            invoices = Receivables(session).shared(about)
            book = Customers(session).list_all(visible_to(person).manager_id)
            policy = self._edition(session).duplicates
        traits = [traits_of(customer, invoices) for customer in book]
        return likenesses(traits, policy, about=about)

    def propose(self, person: Person, surviving_id: str, content: MergeContent) -> Merge:
        """Say that two records are one customer, and which of them stays.

        Refuses `NotFound`, `CustomerMerged`, `MergeCircular`, `MergeIdentifiersDiffer`,
        `MergeGroupsDiffer`, `MergeCasesOpen` and `OutOfOrder`.
        """
        permit(person, Action.MERGE_PROPOSE)
        with self._records.begin() as session:
            losing = visible_customer(session, person, content.losing_id)
            surviving = visible_customer(session, person, surviving_id)
            invoices = Receivables(session).shared(losing.customer_id)
            alike = likeness(
                traits_of(losing, invoices),
                traits_of(surviving, invoices),
                self._edition(session).duplicates,
            )
            return Merges(session).propose(
                new_id(),
                content.losing_id,
                surviving_id,
                reason=content.reason,
                likeness=alike,
                proposed_by=person.person_id,
                proposed_on=self._clock.business_on(),
            )

    def decide(self, person: Person, merge_id: str, decision: MergeDecision) -> Merge:
        """Confirm or decline a proposal of somebody else; what stands against it is looked at anew.

        Refuses `NotFound`, `SameHands`, `AlreadyDecided` and what `propose` refuses.
        """
        permit(person, Action.MERGE_DECIDE)
        with self._records.begin() as session:
            return Merges(session).decide(
                merge_id,
                _ACTS[decision.verdict],
                reason=decision.reason,
                acted_by=person.person_id,
                acted_on=self._clock.business_on(),
            )

    def take_back(self, person: Person, merge_id: str, reversal: MergeReversal) -> Merge:
        """Make two records of one again; refuses `MergeBuiltOn` once anything was decided on it."""
        permit(person, Action.MERGE_DECIDE)
        with self._records.begin() as session:
            return Merges(session).take_back(
                merge_id,
                reason=reversal.reason,
                acted_by=person.person_id,
                acted_on=self._clock.business_on(),
            )

    def read(self, person: Person, merge_id: str) -> Merge:
        """A merge of a customer that the person sees."""
        permit(person, Action.CUSTOMER_READ)
        with self._records.begin() as session:
            merge = Merges(session).read(merge_id)
            if not sees_customer(session, person, merge.surviving_id):
                raise NotFound(kind="merge", id=merge_id)
            return merge

    def list_merges(self, person: Person, customer_id: str | None = None) -> Sequence[Merge]:
        """The merges of a customer, or the newest of all, the newest first."""
        permit(person, Action.CUSTOMER_READ)
        with self._records.begin() as session:
            if customer_id is not None:
                visible_customer(session, person, customer_id)
                return Merges(session).list_of_customer(customer_id)
            found = Merges(session).list_newest()
            return [each for each in found if sees_customer(session, person, each.surviving_id)]

    def _edition(self, session: Session) -> PolicyEdition:
        on = self._clock.business_on()
        edition = Editions(session).find_current(on)
        if edition is None:
            raise NotFound(kind="policy edition in force", id=on.isoformat())
        return edition
