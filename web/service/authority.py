"""What may be asked of the register of authority: grants, seats, delegations, certificates, ties.

Every change takes effect with the next word on any task, and whoever could decide open tasks now is
told; how authority is judged is `policies/authority.py`.
"""

from collections.abc import Sequence
from typing import TypeVar

from pydantic import Field
from sqlalchemy.orm import Session

from activities.authority import ask_anew, ask_holders_anew, positions_of
from domain.approval import (
    Alarm,
    AuthorityGrant,
    Certificate,
    CertificateContent,
    ConflictContent,
    Delegation,
    DelegationContent,
    InterestConflict,
    Register,
    RegisterEntry,
    RegisterEvent,
    Seat,
    SeatContent,
)
from domain.errors import BeyondGrant, GrantNotHeld, NotFound, NotPermitted, SameHands
from domain.identity import Id, Person, Role
from domain.value import Value
from policies.authority import holders, line_of
from storage.approval import AuthorityGrants, AuthorityRegister, Tasks
from storage.attachment import Attachments
from storage.base import Records
from storage.customer import Customers
from storage.identity import Persons
from web.service.clock import Clock
from web.service.ids import new_id
from web.service.permissions import Action, permit, permitted

_TASKS_MAX = 500
_Entry = TypeVar("_Entry", bound=RegisterEntry)


class GrantStanding(Value):
    """A grant, who holds it today, and whether it and every grant above it stand."""

    grant: AuthorityGrant
    stands: bool
    holders: tuple[Id, ...]
    line: tuple[str, ...]  # the numbers from itself to the grant it comes from


class Ending(Value):
    """Why something ends before its time."""

    reason: str = Field(default="", max_length=500)


class AuthorityService:
    """The register of authority, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    # ── grants ───────────────────────────────────────────────────────────────────────────────────

    def list_grants(self, person: Person, of: str) -> Sequence[AuthorityGrant]:
        """The grants of a person, by name or through a seat; anybody may read their own."""
        if of != person.person_id:
            permit(person, Action.AUTHORITY_READ)
        with self._records.begin() as session:
            named = AuthorityGrants(session).list_of(of)
            register = self._today(session)
            seated = [
                grant for grant in register.grants if grant.seat and of in holders(grant, register)
            ]
            return sorted([*named, *seated], key=lambda grant: grant.grant_no)

    def list_register(
        self, person: Person, *, after: str | None = None, page_size: int = 50
    ) -> Sequence[GrantStanding]:
        """Every grant by its number, and whether it stands today."""
        permit(person, Action.AUTHORITY_READ)
        with self._records.begin() as session:
            register = self._today(session)
            found = AuthorityGrants(session).list_page(after or "", page_size)
            return [_standing(grant, register) for grant in found]

    def read_grant(self, person: Person, grant_no: str) -> GrantStanding:
        permit(person, Action.AUTHORITY_READ)
        with self._records.begin() as session:
            return _standing(AuthorityGrants(session).read(grant_no), self._today(session))

    def record_grant(self, person: Person, grant: AuthorityGrant) -> AuthorityGrant:
        """Enter a grant into the register.

        Refuses `AlreadyExists` where its number stands for another, `SameHands` to whoever would
        hold it, and a sub-grant `BeyondGrant` (in what) or `GrantNotHeld`.
        """
        permit(person, Action.AUTHORITY_GRANT)
        with self._records.begin() as session:
            day = max(grant.valid_from, self._clock.business_on())
            held_by = holders(grant, AuthorityRegister(session).on_day(day))
            if person.person_id in (grant.person_id, *held_by):
                raise SameHands(first="a grant of authority", second="its use")
            if grant.parent_no is not None:
                self._refuse_beyond(session, grant, grant.parent_no)
            recorded = AuthorityGrants(session).record(grant, person.person_id)
            ask_holders_anew(session, [grant.position], self._clock.business_on())
            return recorded

    def revoke_grant(self, person: Person, grant_no: str, reason: str = "") -> None:
        """The grant ends today, with every sub-grant of it; open tasks feel it at once."""
        permit(person, Action.AUTHORITY_GRANT)
        with self._records.begin() as session:
            grant, on = AuthorityGrants(session).read(grant_no), self._clock.business_on()
            AuthorityGrants(session).revoke(grant_no, on)
            register = AuthorityRegister(session)
            register.end(
                "grant", grant_no, grant.person_id or grant.seat, on, person.person_id, reason
            )
            ask_holders_anew(session, [grant.position], on)

    def _refuse_beyond(self, session: Session, grant: AuthorityGrant, parent_no: str) -> None:
        parent = AuthorityGrants(session).read(parent_no)
        parts = grant.beyond(parent)
        if parts:
            raise BeyondGrant(grant_no=grant.grant_no, parent_no=parent_no, parts=", ".join(parts))
        on = max(grant.valid_from, min(self._clock.business_on(), grant.valid_until))
        register = AuthorityRegister(session).on_day(on)
        known = register.model_copy(update={"grants": (*register.grants, grant)})
        if not line_of(grant, known):
            raise GrantNotHeld(granted_by=grant.granted_by, parent_no=parent_no, on=on)

    # ── seats ────────────────────────────────────────────────────────────────────────────────────

    def list_seats(
        self,
        person: Person,
        of: str | None = None,
        *,
        after: str | None = None,
        page_size: int = 50,
    ) -> Sequence[Seat]:
        """Who sits where, by entry; of one person, or of one post or body."""
        return self._list(person, Seat, of, after, page_size)

    def record_seat(
        self, person: Person, content: SeatContent, entry_id: str | None = None
    ) -> Seat:
        """Put somebody into a post or a body; refuses `SameHands` to themselves."""
        permit(person, Action.AUTHORITY_GRANT)
        if content.person_id == person.person_id:
            raise SameHands(first="a seat in the register", second="its use")
        with self._records.begin() as session:
            Persons(session).read_person(content.person_id)
            seat = self._record(session, person, Seat, content, entry_id)
            self._asked_anew(session, content.person_id)
            return seat

    def end_seat(self, person: Person, entry_id: str, ending: Ending) -> Seat:
        """They leave it today; what was granted to it or by them falls at once."""
        permit(person, Action.AUTHORITY_GRANT)
        with self._records.begin() as session:
            return self._end(session, person, Seat, entry_id, ending)

    # ── delegations ──────────────────────────────────────────────────────────────────────────────

    def list_delegations(
        self,
        person: Person,
        of: str | None = None,
        *,
        after: str | None = None,
        page_size: int = 50,
    ) -> Sequence[Delegation]:
        """Who speaks for whom, by entry; of one person, for them or by them."""
        return self._list(person, Delegation, of, after, page_size)

    def record_delegation(
        self, person: Person, content: DelegationContent, entry_id: str | None = None
    ) -> Delegation:
        """Have somebody speak for oneself for a time, or as an operator for somebody who is away.

        Refuses `SameHands` to the delegate, and `NotPermitted` to others than delegator and
        operator.
        """
        permit(person, Action.DELEGATION_RECORD)
        delegator = content.delegator or person.person_id
        if delegator != person.person_id and not person.has(Role.OPERATOR):
            raise NotPermitted(action=Action.AUTHORITY_GRANT)
        if content.delegate in (delegator, person.person_id):
            raise SameHands(first="a delegation", second="its use")
        with self._records.begin() as session:
            for each in (delegator, content.delegate):
                Persons(session).read_person(each)
            named = content.model_copy(update={"delegator": delegator})
            delegation = self._record(session, person, Delegation, named, entry_id)
            self._asked_anew(session, delegator)
            return delegation

    def end_delegation(self, person: Person, entry_id: str, ending: Ending) -> Delegation:
        """It ends today: the delegator is back, or the operator says so."""
        permit(person, Action.DELEGATION_RECORD)
        with self._records.begin() as session:
            held = AuthorityRegister(session).read(Delegation, entry_id)
            if held.delegator != person.person_id and not person.has(Role.OPERATOR):
                raise NotPermitted(action=Action.AUTHORITY_GRANT)
            ended = self._end(session, person, Delegation, entry_id, ending)
            self._asked_anew(session, held.delegator)
            return ended

    # ── certificates ─────────────────────────────────────────────────────────────────────────────

    def list_certificates(
        self,
        person: Person,
        of: str | None = None,
        *,
        after: str | None = None,
        page_size: int = 50,
    ) -> Sequence[Certificate]:
        """Certificates by number; of one person, or of one code."""
        return self._list(person, Certificate, of, after, page_size)

    def record_certificate(self, person: Person, content: CertificateContent) -> Certificate:
        """Put a certificate on record, with its document; refuses `SameHands` to its holder."""
        permit(person, Action.CERTIFICATE_RECORD)
        if content.person_id == person.person_id:
            raise SameHands(first="a certificate", second="its use")
        with self._records.begin() as session:
            Persons(session).read_person(content.person_id)
            if Attachments(session).find(content.evidence) is None:
                raise NotFound(kind="attachment", id=content.evidence[:12])
            recorded = self._record(session, person, Certificate, content, content.certificate_no)
            self._asked_anew(session, content.person_id)
            return recorded

    def end_certificate(self, person: Person, entry_id: str, ending: Ending) -> Certificate:
        """It was withdrawn: from today it gives nothing."""
        permit(person, Action.CERTIFICATE_RECORD)
        with self._records.begin() as session:
            return self._end(session, person, Certificate, entry_id, ending)

    # ── ties with customers ──────────────────────────────────────────────────────────────────────

    def list_conflicts(
        self,
        person: Person,
        of: str | None = None,
        *,
        after: str | None = None,
        page_size: int = 50,
    ) -> Sequence[InterestConflict]:
        """Declared ties, by entry; anybody may read their own, and those in charge all."""
        if of is None and not permitted(person, Action.CONFLICT_READ):
            of = person.person_id
        if of != person.person_id:
            permit(person, Action.CONFLICT_READ)
        with self._records.begin() as session:
            return AuthorityRegister(session).list_page(
                InterestConflict, person=of, after=after or "", page_size=page_size
            )

    def declare_conflict(
        self, person: Person, content: ConflictContent, entry_id: str | None = None
    ) -> InterestConflict:
        """A tie of one's own with a customer: from now on others decide, open tasks too, and
        whoever may is told at once."""
        permit(person, Action.CONFLICT_DECLARE)
        on = self._clock.business_on()
        with self._records.begin() as session:
            customer = Customers(session).read(content.customer_id)
            conflict = AuthorityRegister(session).record(
                InterestConflict(
                    entry_id=entry_id or new_id(),
                    recorded_by=person.person_id,
                    person_id=person.person_id,
                    customer_id=customer.customer_id,
                    note=content.note,
                    valid_from=on,
                )
            )
            tasks = Tasks(session).list_page(page_size=_TASKS_MAX, customer_id=customer.customer_id)
            ask_anew(session, tasks, on)
            return conflict

    def end_conflict(self, person: Person, entry_id: str, ending: Ending) -> InterestConflict:
        """A second person finds that the tie is over; refuses `SameHands` to whoever has it."""
        permit(person, Action.CONFLICT_END)
        with self._records.begin() as session:
            held = AuthorityRegister(session).read(InterestConflict, entry_id)
            if held.person_id == person.person_id:
                raise SameHands(first="a declared conflict", second="its end")
            return self._end(session, person, InterestConflict, entry_id, ending)

    # ── what nobody could decide, and what happened ──────────────────────────────────────────────

    def list_alarms(
        self, person: Person, *, standing: bool = True, page_size: int = 50
    ) -> Sequence[Alarm]:
        """Tasks that nobody could decide, the newest first; those still open, or all."""
        permit(person, Action.AUTHORITY_READ)
        with self._records.begin() as session:
            return AuthorityRegister(session).alarms(standing=standing, page_size=page_size)

    def list_events(self, person: Person, *, page_size: int = 50) -> Sequence[RegisterEvent]:
        """What was written into the register and what ended; ties are told to those in charge."""
        permit(person, Action.AUTHORITY_READ)
        told = permitted(person, Action.CONFLICT_READ)
        with self._records.begin() as session:
            return AuthorityRegister(session).events(page_size, conflicts=told)

    # ── pieces ───────────────────────────────────────────────────────────────────────────────────

    def _today(self, session: Session) -> Register:
        return AuthorityRegister(session).on_day(self._clock.business_on())

    def _list(
        self,
        person: Person,
        kind: type[_Entry],
        of: str | None,
        after: str | None,
        page_size: int,
    ) -> Sequence[_Entry]:
        if of != person.person_id:
            permit(person, Action.AUTHORITY_READ)
        with self._records.begin() as session:
            return AuthorityRegister(session).list_page(
                kind, person=of, after=after or "", page_size=page_size
            )

    def _record(
        self,
        session: Session,
        person: Person,
        kind: type[_Entry],
        content: Value,
        entry_id: str | None,
    ) -> _Entry:
        return AuthorityRegister(session).record(
            kind.model_validate(
                {
                    **content.model_dump(),
                    "entry_id": entry_id or new_id(),
                    "recorded_by": person.person_id,
                }
            )
        )

    def _end(
        self,
        session: Session,
        person: Person,
        kind: type[_Entry],
        entry_id: str,
        ending: Ending,
    ) -> _Entry:
        register, on = AuthorityRegister(session), self._clock.business_on()
        held = register.read(kind, entry_id)
        before = positions_of(self._today(session), held.of_person)
        register.end(kind.kind, entry_id, held.of_person, on, person.person_id, ending.reason)
        ask_holders_anew(session, before, on)
        return register.read(kind, entry_id)

    def _asked_anew(self, session: Session, person_id: str) -> None:
        """Whoever could decide the tasks of a person's positions now is told of them."""
        positions = positions_of(self._today(session), person_id)
        ask_holders_anew(session, positions, self._clock.business_on())


def _standing(grant: AuthorityGrant, register: Register) -> GrantStanding:
    line = line_of(grant, register)
    return GrantStanding(
        grant=grant,
        stands=bool(line),
        holders=holders(grant, register),
        line=tuple(each.grant_no for each in line),
    )
