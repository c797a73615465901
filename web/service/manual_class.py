"""What may be asked of classes set by hand: set one, confirm a better one, take one back, read them.

Whatever changes here owes a run of that customer, so that its class and its allowance follow.
"""

from collections.abc import Sequence
from datetime import date

from sqlalchemy.orm import Session

from domain.classification import CustomerClass, FiveTier
from domain.edition import ManualClassPolicy
from domain.errors import OutOfOrder
from domain.identity import Id, Person
from domain.manual_class import (
    ManualClass,
    ManualClassContent,
    ManualDecision,
    ManualReversal,
    ManualStatus,
    ManualVerdict,
)
from domain.notification import Channel
from domain.value import Value
from policies.manual_class import best_allowed, second_needed, standing
from storage.base import Records, recorded_at
from storage.classification import Classes, ManualClasses
from storage.customer import Customers
from storage.notification import Outbox
from storage.warning import Book
from web.service.classification import edition_on
from web.service.clock import Clock
from web.service.customer import visible_customer
from web.service.ids import new_id
from web.service.permissions import Action, permit, visible_to


class ManualClassView(Value):
    """The classes set by hand of a customer, the newest first, beside what counts today, what the
    rules say, and what may be set."""

    customer_id: Id
    policy: ManualClassPolicy
    tier: FiveTier
    tier_by_rule: FiveTier
    tier_best: FiveTier
    items: tuple[ManualClass, ...]


class ManualClassService:
    """Classes set by hand, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def set(
        self,
        person: Person,
        customer_id: str,
        content: ManualClassContent,
        manual_id: str | None = None,
    ) -> ManualClass:
        """Set a customer's class by hand: a worse one counts from its day, a better one once somebody
        else has confirmed it.

        Refuses `ClassReasonUnknown`, `ClassPeriodUnfit`, `ClassUnchanged` and `ClassBarred`.
        """
        permit(person, Action.CLASS_SET)
        today = self._clock.business_on()
        with self._records.begin() as session:
            surviving = visible_customer(session, person, customer_id).customer_id
            Book(session).lock(surviving)
            edition = edition_on(session, today)
            found = Classes(session).find(surviving, today)
            others = ManualClasses(session).list_of_customer(surviving)
            manual = ManualClasses(session).record(
                ManualClass(
                    **content.model_dump(),
                    manual_id=manual_id or new_id(),
                    customer_id=surviving,
                    tier_before=standing(found, others, content),
                    tier_by_rule=found.by_rule.tier if found else FiveTier.NORMAL,
                    second_needed=second_needed(
                        content, found, edition.classification.manual, today, others
                    ),
                    edition_hash=edition.edition_hash,
                    proposed_by=person.person_id,
                    proposed_on=today,
                    proposed_at=recorded_at(),
                    status=ManualStatus.PROPOSED,
                )
            )
            if manual.status is ManualStatus.COUNTING:
                self._owe_run(session, manual, "set", today)
            return manual

    def decide(self, person: Person, manual_id: str, decision: ManualDecision) -> ManualClass:
        """Confirm or decline a better class that somebody else set.

        Refuses `SameHands`, `AlreadyDecided`, `OutOfOrder`, and to confirm what may not be set any
        more.
        """
        permit(person, Action.CLASS_SET)
        today = self._clock.business_on()
        confirmed = decision.verdict is ManualVerdict.CONFIRM
        with self._records.begin() as session:
            manual = self._held(session, person, manual_id)
            if confirmed and manual.status is ManualStatus.PROPOSED:
                _refuse_over(manual, today)
                self._refuse_barred(session, manual, today)
            decided = ManualClasses(session).decide(
                manual_id,
                ManualStatus.COUNTING if confirmed else ManualStatus.DECLINED,
                note=decision.note,
                person_id=person.person_id,
                on=today,
            )
            if decided.status is ManualStatus.COUNTING:
                self._owe_run(session, decided, "confirmed", today)
            return decided

    def take_back(self, person: Person, manual_id: str, reversal: ManualReversal) -> ManualClass:
        """Take a class back, as if it had never been set; what was posted by it is put right.

        Refuses `OutOfOrder` where it does not count, and `SameHands` to whoever set a worse one.
        """
        permit(person, Action.CLASS_SET)
        today = self._clock.business_on()
        with self._records.begin() as session:
            self._held(session, person, manual_id)
            taken = ManualClasses(session).take_back(
                manual_id, note=reversal.note, person_id=person.person_id, on=today
            )
            self._owe_run(session, taken, "taken_back", today)
            return taken

    def read_customer(self, person: Person, customer_id: str) -> ManualClassView:
        """The classes set by hand of a customer and what may be set today."""
        permit(person, Action.CLASS_READ)
        today = self._clock.business_on()
        with self._records.begin() as session:
            surviving = visible_customer(session, person, customer_id).customer_id
            policy = edition_on(session, today).classification.manual
            found = Classes(session).find(surviving, today)
            return ManualClassView(
                customer_id=surviving,
                policy=policy,
                tier=found.tier if found else FiveTier.NORMAL,
                tier_by_rule=found.by_rule.tier if found else FiveTier.NORMAL,
                tier_best=best_allowed(found, policy),
                items=tuple(ManualClasses(session).list_of_customer(surviving)),
            )

    def list_newest(self, person: Person, page_size: int = 50) -> Sequence[ManualClass]:
        """Those of the customers that the person sees, the newest first."""
        permit(person, Action.CLASS_READ)
        owner = visible_to(person).manager_id
        with self._records.begin() as session:
            return ManualClasses(session).list_newest(page_size, owner)

    def _held(self, session: Session, person: Person, manual_id: str) -> ManualClass:
        """The class, its customer seen and held."""
        manual = ManualClasses(session).read(manual_id)
        visible_customer(session, person, manual.customer_id)
        Book(session).lock(manual.customer_id)
        return ManualClasses(session).read(manual_id)

    def _refuse_barred(self, session: Session, manual: ManualClass, today: date) -> None:
        found: CustomerClass | None = Classes(session).find(manual.customer_id, today)
        content = ManualClassContent(
            **{name: getattr(manual, name) for name in ManualClassContent.model_fields}
        )
        policy = edition_on(session, today).classification.manual
        others = ManualClasses(session).list_of_customer(manual.customer_id)
        second_needed(content, found, policy, min(today, manual.from_on), others)

    def _owe_run(self, session: Session, manual: ManualClass, act: str, today: date) -> None:
        run_id = f"manual-{manual.manual_id}-{act}"
        Outbox(session).post(
            Channel.TEMPORAL,
            run_id,
            recipient=run_id,
            kind="start_classification",
            facts={
                "run_id": run_id,
                "as_of": min(manual.since_on, today).isoformat(),
                "person_id": manual.taken_back_by or manual.settled_by or manual.proposed_by,
                "customer_ids": Customers(session).survivor(manual.customer_id),
                "offset_days": str(self._clock.offset_days),
            },
        )


def _refuse_over(manual: ManualClass, today: date) -> None:
    if manual.until_on < today:
        raise OutOfOrder(reason="the last day of the class is over")
