"""What may be asked of plans of what stands above a limit: see them, give other dates, confirm those.

A plan is settled by what is given back and by nothing else; its hold goes with it.
"""

from collections.abc import Sequence
from datetime import date

from sqlalchemy.orm import Session

from activities.excess import Looked, hold_line, settle_look
from activities.line import tell_line
from domain.errors import NotFound, OutOfOrder
from domain.excess import Excess, ExcessDates, ExcessEvent, ExcessProposal, ExcessStep, ExcessWord
from domain.identity import Person
from domain.money import Money
from domain.value import Value
from policies.excess import redated
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions
from storage.excess import Excesses
from web.service.application import message_id_of
from web.service.clock import Clock
from web.service.permissions import Action, permit, visible_to


class ExcessView(Value):
    """A plan with its next step, what has to be given back by it, the dates given to it, and every
    version of it."""

    excess: Excess
    step: ExcessStep | None = None  # None once it is settled
    repay: Money | None = None
    dates: tuple[ExcessProposal, ...] = ()
    events: tuple[ExcessEvent, ...] = ()


class ExcessService:
    """Plans, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def list_excesses(
        self,
        person: Person,
        *,
        settled: bool = False,
        customer_id: str | None = None,
        line_id: str | None = None,
        after: tuple[date, str] | None = None,
        page_size: int = 50,
    ) -> Sequence[Excess]:
        """Open plans of the customers the person sees, or settled ones too, the one due first at
        the head; those of a customer with those of its group."""
        permit(person, Action.EXCESS_READ)
        with self._records.begin() as session:
            asked = Customers(session).find(customer_id) if customer_id is not None else None
            return Excesses(session).list_page(
                page_size=page_size,
                after=after,
                settled=settled,
                customer_id=customer_id,
                group_id=asked.group_id if asked is not None else None,
                line_id=line_id,
                manager_id=visible_to(person).manager_id,
            )

    def read(self, person: Person, excess_id: str) -> ExcessView:
        permit(person, Action.EXCESS_READ)
        with self._records.begin() as session:
            return _view(session, self._seen(session, person, excess_id))

    def set_dates(
        self, person: Person, excess_id: str, said: ExcessDates, key: str | None = None
    ) -> ExcessProposal:
        """Give the steps of a plan other dates; they count once somebody else confirms them.

        Refuses dates out of order, over, or beyond policy's longest, and a second proposal while one
        waits.
        """
        permit(person, Action.EXCESS_DATES)
        on = self._clock.business_on()
        with self._records.begin() as session:
            self._seen(session, person, excess_id)
            excess = Excesses(session).read(excess_id, for_update=True)
            excess.refuse_settled()
            policy = Editions(session).read_current(on).excess
            if policy is None:
                raise OutOfOrder(reason="policy makes no plan of what stands above a limit")
            proposal = ExcessProposal(
                dates_id=message_id_of(person, f"excess/{excess_id}", key),
                excess_id=excess_id,
                steps=redated(excess, said.due_on, on, policy),
                replaces=excess.steps,
                reason=said.reason,
                asked_by=person.person_id,
                asked_on=on,
            )
            return Excesses(session).propose(proposal)

    def answer_dates(
        self, person: Person, excess_id: str, dates_id: str, said: ExcessWord
    ) -> ExcessView:
        """Confirm other dates, or not; refuses `SameHands`, `AlreadyDecided`, and dates of a plan
        that has other steps by now."""
        permit(person, Action.EXCESS_CONFIRM)
        looked = Looked(self._clock.now(), self._clock.business_on(), self._clock.offset_days)
        with self._records.begin() as session:
            before, excesses = self._seen(session, person, excess_id), Excesses(session)
            if before.line_id is not None:
                hold_line(session, before.line_id)
            before = excesses.read(excess_id, for_update=True)
            proposal = excesses.read_proposal(dates_id)
            if proposal.excess_id != excess_id:
                raise NotFound(kind="dates of a plan", id=dates_id)
            confirmed, by = said.confirmed, person.person_id
            is_new = excesses.answer(proposal, by, confirmed=confirmed, note=said.note)
            if is_new and confirmed:
                before.refuse_settled()
                if proposal.replaces != before.steps:
                    raise OutOfOrder(reason="the plan was changed by something else meanwhile")
                after = before.redated(proposal.steps, looked.on)
                settle_look(session, before, after, looked, by)
                if before.line_id is not None:
                    tell_line(session, before.line_id, f"{dates_id}/line_changed")
            return _view(session, excesses.read(excess_id))

    def _seen(self, session: Session, person: Person, excess_id: str) -> Excess:
        """The plan, if its customer, or one of its group's, is in the person's scope."""
        excess, owner = Excesses(session).read(excess_id), visible_to(person).manager_id
        if owner is None:
            return excess
        customers = Customers(session)
        if excess.group_id is not None and customers.members(excess.group_id, manager_id=owner):
            return excess
        found = customers.find(excess.customer_id) if excess.customer_id is not None else None
        if found is None or found.manager_id != owner:
            raise NotFound(kind="excess", id=excess_id)
        return excess


def _view(session: Session, excess: Excess) -> ExcessView:
    excesses = Excesses(session)
    step = None if excess.settled else excess.binding_step
    return ExcessView(
        excess=excess,
        step=step,
        repay=excess.gap(step) if step is not None else None,
        dates=tuple(excesses.proposals(excess.excess_id)),
        events=tuple(excesses.events(excess.excess_id)),
    )
