"""What may be asked of uses with approval: ask, follow, take back, release or reject.

A use is on record before anything is reserved for it, and reserved before anybody is asked; what a
crash leaves half done is finished by the same request, or by the run that sweeps.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from activities.exchange import Exchange
from activities.use import finish_use, reserve_for, stop_approval
from domain.approval import Approval
from domain.cover import CoverContent
from domain.customer import Customer
from domain.edition import PolicyEdition, UseRow
from domain.errors import (
    DateNotToCome,
    NoteMissing,
    NotPermitted,
    ReleaseOpen,
    SameHands,
    UseSettled,
    UseUnmarked,
)
from domain.exposure import takeable
from domain.identity import Person
from domain.line import CreditLine
from domain.money import Money
from domain.use import ReleaseCheck, Use, UseContent, UseRequest, UseStatus
from domain.value import Value
from policies.scheme import net_exposure
from policies.use import marked, on_record, reviewed, rows_for
from storage.approval import Approvals, Decisions, DecisionView, Tasks, TaskView
from storage.attachment import Attachments
from storage.base import Records
from storage.contract import Contracts
from storage.cover import Covers
from storage.customer import Customers
from storage.edition import Editions
from storage.exposure import Accounts, Exposure
from storage.line import Conditions, Lines
from storage.use import Uses
from web.service.application import message_id_of
from web.service.clock import Clock
from web.service.customer import refuse_unseen
from web.service.permissions import Action, permit, visible_to


class UseView(Value):
    """A use: what was asked for, what our records show of its release review, who was asked and
    what they said."""

    use: Use
    shown: tuple[ReleaseCheck, ...]
    approvals: tuple[Approval, ...]
    tasks: tuple[TaskView, ...]
    decisions: tuple[DecisionView, ...]


class UseService:
    """Uses, over one memory and its book."""

    def __init__(self, records: Records, exposure: Exposure, clock: Clock) -> None:
        self._records = records
        self._exposure = exposure
        self._clock = clock

    def ask(self, person: Person, line_id: str, content: UseContent, key: str | None = None) -> Use:
        """Ask for a use that policy marks: it is reserved at once, and goes before its approvers.

        Refuses `UseUnmarked` for one that needs no approval, `NotFound`, `DateNotToCome`,
        `RateMissing`, `KeyReused`, and whatever a reservation is refused with.
        """
        permit(person, Action.USE_ASK)
        takeable(content.amount)
        if content.deposit is not None and content.deposit.minor:
            takeable(content.deposit)
        now, on = self._clock.now(), self._clock.business_on()
        if content.due_on is not None and content.due_on <= on:
            raise DateNotToCome(field="due_on", date=content.due_on, business_on=on)
        use_id = message_id_of(person, f"use/{line_id}", key)
        with self._records.begin() as session:
            line, customer = _visible_line(session, person, line_id)
            if content.evidence_hash is not None:
                Attachments(session).read(content.evidence_hash)
            asked_before = Uses(session).find(use_id)
            edition = self._edition(session, asked_before)
            row = self._row(session, line, content, edition)
            deposit = content.deposit or Money.zero(content.amount.currency)
            use = Uses(session).ask(
                UseRequest(
                    **content.model_dump(),
                    use_id=use_id,
                    line_id=line_id,
                    customer_id=customer.customer_id,
                    exposure=net_exposure(content.amount, deposit, content.product, edition),
                    row=row.code,
                    review=row.review,
                    edition_hash=edition.edition_hash,
                    wait_until=now + timedelta(days=edition.uses.wait_days),
                    asked_by=person.person_id,
                    asked_at=now,
                    asked_on=on,
                    offset_days=self._clock.offset_days,
                )
            )
        if use.status is UseStatus.REFUSED:
            reserve_for(self._exposure, use.request)
        return finish_use(self._records, self._exposure, use_id, now)

    def read(self, person: Person, use_id: str) -> UseView:
        """A use with its release review; `NotFound` where its customer is not seen."""
        permit(person, Action.USE_READ)
        with self._records.begin() as session:
            use = _visible_use(session, person, use_id)
            return UseView(
                use=use,
                shown=self._shown(session, use),
                approvals=tuple(Approvals(session).list_of_subject(use_id)),
                tasks=tuple(Tasks(session).list_page(case_id=use_id, status=None)),
                decisions=tuple(Decisions(session).list_of_case(use_id)),
            )

    def list_uses(
        self,
        person: Person,
        *,
        line_id: str | None = None,
        customer_id: str | None = None,
        status: UseStatus | None = None,
        before: tuple[datetime, str] | None = None,
        page_size: int = 50,
    ) -> Sequence[Use]:
        """Uses that were asked for, newest first; of the customers one sees."""
        permit(person, Action.USE_READ)
        with self._records.begin() as session:
            return Uses(session).list_page(
                page_size=page_size,
                before=before,
                line_id=line_id,
                customer_id=customer_id,
                status=status,
                manager_id=visible_to(person).manager_id,
            )

    def products_marked(self, person: Person) -> tuple[str, ...]:
        """The products that today's edition may mark a use of."""
        permit(person, Action.USE_READ)
        with self._records.begin() as session:
            edition = Editions(session).find_current(self._clock.business_on())
        if edition is None:
            return ()
        return tuple(each for each in edition.limit.products if rows_for(each, edition))

    def withdraw(self, person: Person, use_id: str, note: str = "") -> Use:
        """Take a use back before it is released, by whoever asked or manages the customer; what it
        holds is given back. Refuses `UseSettled`, `NotPermitted`."""
        permit(person, Action.USE_ASK)
        now = self._clock.now()
        with self._records.begin() as session:
            known = _visible_use(session, person, use_id)
            manager = Customers(session).read(known.request.customer_id).manager_id
            if person.person_id not in (known.request.asked_by, manager):
                raise NotPermitted(action="use.withdraw")
        finish_use(self._records, self._exposure, use_id, now)
        with self._records.begin() as session:
            before = Uses(session).read(use_id, for_update=True)
            self._take(session, person, before, UseStatus.WITHDRAWN, now, note)
            if before.status is UseStatus.ASKED:
                stop_approval(session, use_id)
        return finish_use(self._records, self._exposure, use_id, now)

    def release(
        self, person: Person, use_id: str, checks: Sequence[ReleaseCheck], note: str = ""
    ) -> Use:
        """Release an approved use, its review held in every item: the reservation becomes use.

        Refuses `SameHands` for whoever asked, manages the customer or approved it, `ReleaseOpen`
        with the items that do not hold, `UseSettled`.
        """
        permit(person, Action.USE_RELEASE)
        now = self._clock.now()
        with self._records.begin() as session:
            use = self._under_review(session, person, use_id)
            if use.status is UseStatus.APPROVED:
                found = self._reviewed(session, use, checks)
                unheld = [each.item.value for each in found if not each.held]
                if unheld:
                    raise ReleaseOpen(use_id=use_id, items=", ".join(unheld))
                self._take(session, person, use, UseStatus.RELEASED, now, note, found)
            elif (
                use.status is not UseStatus.RELEASED or use.steps[-1].person_id != person.person_id
            ):
                raise UseSettled(use_id=use_id, status=use.status)
        return finish_use(self._records, self._exposure, use_id, now)

    def reject(self, person: Person, use_id: str, checks: Sequence[ReleaseCheck], note: str) -> Use:
        """Reject an approved use at its release, with why; what it holds is given back."""
        permit(person, Action.USE_RELEASE)
        if not note.strip():
            raise NoteMissing(verdict="reject")
        now = self._clock.now()
        with self._records.begin() as session:
            use = self._under_review(session, person, use_id)
            found = self._reviewed(session, use, checks)
            self._take(session, person, use, UseStatus.REJECTED, now, note, found)
        return finish_use(self._records, self._exposure, use_id, now)

    def _take(
        self,
        session: Session,
        person: Person,
        use: Use,
        status: UseStatus,
        at: datetime,
        note: str,
        checks: Sequence[ReleaseCheck] = (),
    ) -> None:
        Uses(session).take(
            use.request.use_id,
            status,
            person_id=person.person_id,
            at=at,
            on=self._clock.business_on(),
            note=note.strip(),
            checks=checks,
        )

    def _under_review(self, session: Session, person: Person, use_id: str) -> Use:
        """The use with its line, held; refuses whoever had another part in it."""
        known = _visible_use(session, person, use_id)
        asked = known.request
        Lines(session).read(asked.line_id, for_update=True)
        approvals = Approvals(session).list_of_subject(use_id)
        others = {person_id for approval in approvals for person_id in approval.deciders}
        others |= {asked.asked_by, Customers(session).read(asked.customer_id).manager_id}
        if person.person_id in others:
            raise SameHands(
                first="asking for a use, owning its customer or approving it",
                second="releasing it",
            )
        return Uses(session).read(use_id, for_update=True)

    def _reviewed(
        self, session: Session, use: Use, checks: Sequence[ReleaseCheck]
    ) -> tuple[ReleaseCheck, ...]:
        for each in checks:
            if each.evidence_hash is not None:
                Attachments(session).read(each.evidence_hash)
        return reviewed(use.request, self._shown(session, use), checks)

    def _shown(self, session: Session, use: Use) -> tuple[ReleaseCheck, ...]:
        line = Lines(session).read(use.request.line_id)
        registered = [
            each
            for each in Covers(session).of_customer(use.request.customer_id)
            if _secures(each.standing or each.newest.content, line)
        ]
        return on_record(
            use.request,
            line,
            Contracts(session).find(line.contract_id),
            Conditions(session).list_of_case(line.case_id),
            [(each.cover_id, each.standing, each.newest.pending) for each in registered],
            self._clock.business_on(),
        )

    def _edition(self, session: Session, asked_before: Use | None) -> PolicyEdition:
        if asked_before is not None:
            return Editions(session).read(asked_before.request.edition_hash)
        return Editions(session).read_current(self._clock.business_on())

    def _row(
        self, session: Session, line: CreditLine, content: UseContent, edition: PolicyEdition
    ) -> UseRow:
        edition.product(content.product)
        on = self._clock.business_on()
        reporting = Exchange(session, edition, on).reporting(content.amount)
        first = not Accounts(session).has_used(line.line_id)
        row = marked(rows_for(content.product, edition), reporting, first=first)
        if row is None:
            raise UseUnmarked(product=content.product, amount=content.amount, line_id=line.line_id)
        return row


def _visible_line(session: Session, person: Person, line_id: str) -> tuple[CreditLine, Customer]:
    line = Lines(session).read(line_id)
    refuse_unseen(session, person, line.customer_id, kind="line", id=line_id)
    return line, Customers(session).read(line.customer_id)


def _visible_use(session: Session, person: Person, use_id: str) -> Use:
    use = Uses(session).read(use_id)
    refuse_unseen(session, person, use.request.customer_id, kind="use", id=use_id)
    return use


def _secures(content: CoverContent, line: CreditLine) -> bool:
    """Whether a cover secures a line: by itself, or with everything else of its customer."""
    return any(each.line_id in (None, line.line_id) for each in content.uses)
