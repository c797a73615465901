"""Who may decide on an approval, asked of the registers at the moment of decision and nowhere else.

What was true when a task was opened does not count. One choke point: a word, the page that says
why a task is whose, and the notices ask the same question here.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import cached_property

from sqlalchemy.orm import Session

from activities.book import unit_of
from activities.edition import grant_by_role, holders_by_role
from activities.exchange import Exchange
from activities.override import refuse_override_hands
from activities.related import Recusal, RecusedBy, recused_by
from domain.approval import (
    EVERYWHERE,
    Approval,
    AuthorityGrant,
    CaseFacts,
    Certificate,
    Register,
    Subject,
    Task,
    Voice,
)
from domain.assessment import Assessment
from domain.edition import PolicyEdition
from domain.errors import (
    AwayNow,
    CertificateMissing,
    ConflictOfInterest,
    NoAuthority,
    NotFound,
    RateMissing,
    Recused,
    SameHands,
    StandInBarred,
)
from domain.identity import Role
from domain.money import money_sum
from domain.notification import Channel, Notice
from domain.reasons import because
from policies.authority import asked, certificate_of, held, stand_ins, superiors_of, voices
from policies.cover import secured
from storage.application import Assessments
from storage.approval import Approvals, AuthorityRegister, Decisions, Tasks, TaskView
from storage.classification import Classes
from storage.customer import Customers
from storage.edition import Editions
from storage.identity import Persons
from storage.notification import Outbox

_TOLD_MAX = 500  # open tasks looked at when the register changes


class Asking:
    """One approval on one day: who may decide its tasks, each register read once."""

    def __init__(
        self, session: Session, approval: Approval, on: date, register: Register | None = None
    ) -> None:
        self._session = session
        self._approval = approval
        self._on = on
        self._register = register

    @cached_property
    def edition(self) -> PolicyEdition:
        return Editions(self._session).read(self._approval.request.edition_hash)

    @cached_property
    def register(self) -> Register:
        found = self._register or AuthorityRegister(self._session).on_day(self._on)
        currency = self._approval.request.aggregate.currency
        if all(grant.limit.currency == currency for grant in found.grants):
            return found
        return found.model_copy(update={"grants": tuple(map(self._reported, found.grants))})

    def _reported(self, grant: AuthorityGrant) -> AuthorityGrant:
        """The grant with its cap in the reporting currency; without a rate it covers nothing."""
        exchange = Exchange(self._session, self.edition, self._on)
        try:
            return grant.model_copy(update={"limit": exchange.reporting(grant.limit)})
        except RateMissing:
            return grant

    @cached_property
    def recused(self) -> dict[str, Recusal]:
        return recused_by(self._session, self._approval, self._on)

    @cached_property
    def stand_ins(self) -> dict[str, str]:
        """Whoever stands in for somebody who may not decide, by which delegation."""
        return stand_ins(self.register, {*self._approval.request.barred, *self.recused})

    @property
    def barred(self) -> tuple[str, ...]:
        """Everybody who may not decide, by themselves or through others."""
        barred = self._approval.request.barred
        return tuple(dict.fromkeys((*barred, *self.recused, *self.stand_ins)))

    @cached_property
    def used(self) -> set[str]:
        """Whose authority has been used in this approval."""
        return Decisions(self._session).voices(self._approval.request.approval_id)

    @cached_property
    def facts(self) -> CaseFacts:
        """What a scope looks at; the records are read only where something is confined."""
        request = self._approval.request
        plain = CaseFacts(
            case_id=request.case_id, subject=request.subject, aggregate=request.aggregate
        )
        scopes = [each.scope for each in self.register.grants]
        scopes += [each.scope for each in self.register.delegations]
        confined = any(scope != EVERYWHERE for scope in scopes)
        return _facts_of(self._session, plain, self) if confined else plain

    def assessment(self) -> Assessment | None:
        """What is decided on, where it is a judged application or review."""
        request = self._approval.request
        about_case = request.subject is Subject.OVERRIDE
        return Assessments(self._session).find(
            request.case_id if about_case else request.subject_id
        )

    def customer_id(self) -> str:
        return self._approval.request.customer_id

    @property
    def on(self) -> date:
        return self._on

    # ── one person ───────────────────────────────────────────────────────────────────────────────

    def voice_of(self, person_id: str, task: Task) -> Voice:
        """By what right this person decides this task today.

        Refuses `Recused`, `ConflictOfInterest`, `StandInBarred`, `SameHands` (whoever moved the
        grade that would be decided on, or whose authority was used already), `CertificateMissing`,
        `AwayNow` and `NoAuthority`.
        """
        self._refuse_tied(person_id)
        refuse_override_hands(self._session, self._approval, person_id)
        by_role = grant_by_role(self._session, person_id, task, self._approval, self._on)
        if by_role is not None:
            return Voice(person_id=person_id, grant=by_role)
        if person_id not in self.register.active:
            raise NoAuthority(reason="the role of approver is missing or was withdrawn")
        if task.added_by is not None:  # whom an approver added needs no amount of their own
            return Voice(person_id=person_id, grant=self._added(person_id, task))
        voice = self._asked(task).get(person_id)
        if voice is not None:
            return voice
        policy = self.edition.approval.authority
        able = voices(self.register, task.may_be_decided_by, self.facts, policy, self.barred)
        if person_id in able:  # with an authority that was used already
            raise SameHands(first="each task of the route", second="every other")
        raise self._why_not(person_id, task)

    def _added(self, person_id: str, task: Task) -> AuthorityGrant:
        """What an added signer speaks by: the word of whoever added them."""
        return AuthorityGrant(
            grant_no=f"added:{task.added_by}",
            person_id=person_id,
            position=task.position,
            limit=self._approval.request.aggregate,
            valid_from=self._on,
            valid_until=self._on,
            granted_by=task.added_by or "",
        )

    def refuse_named(self, person_id: str) -> None:
        """Nothing, or why this person can be given no part in the case: recused, tied, a stand-in
        of somebody who is, or nobody who is active here."""
        self._refuse_tied(person_id)
        refuse_override_hands(self._session, self._approval, person_id)
        if Persons(self._session).find_active(person_id) is None:
            raise NotFound(kind="person", id=person_id)

    def _refuse_tied(self, person_id: str) -> None:
        request = self._approval.request
        recusal = self.recused.get(person_id)
        if recusal is not None:
            if recusal.by is RecusedBy.REGISTER:
                raise Recused(customer_id=request.customer_id, entry_id=recusal.entry_id)
            raise ConflictOfInterest(customer_id=request.customer_id, tie=recusal.tie)
        delegation = self.stand_ins.get(person_id)
        if delegation is not None:
            raise StandInBarred(entry_id=delegation, case_id=request.case_id)

    def _why_not(self, person_id: str, task: Task) -> NoAuthority | CertificateMissing | AwayNow:
        """The nearest reason why a person may not decide: their certificate, leave, or grants."""
        policy = self.edition.approval.authority
        positions = task.may_be_decided_by
        mine = [position for position in positions if person_id in held(self.register, (position,))]
        for position in mine:
            if certificate_of(self.register, person_id, position, policy) is None:
                return CertificateMissing(
                    position=position, certificate=policy.certificates[position], on=self._on
                )
        away = (
            each
            for each in self.register.delegations
            if each.absent and each.delegator == person_id and each.in_force(self._on)
        )
        left = next(away, None)
        if mine and left is not None:
            return AwayNow(entry_id=left.entry_id)
        grants = [g for g in self.register.grants if _may_use(g, person_id, self.register)]
        told = ", ".join(f"{grant.position} up to {grant.limit}" for grant in grants) or "none"
        wanted = " or ".join(positions)
        aggregate = self._approval.request.aggregate
        return NoAuthority(
            **because("authority_held", asked=wanted, aggregate=aggregate, on=self._on, held=told)
        )

    # ── everybody ────────────────────────────────────────────────────────────────────────────────

    def people(self, task: Task) -> tuple[str, ...]:
        """Who could decide the task today: whoever is told of it; nobody where it waits in vain."""
        if task.person_id is not None:
            return () if task.person_id in self.barred else (task.person_id,)
        found = self._asked(task)
        by_role = [
            person
            for position in task.may_be_decided_by
            for person in holders_by_role(self._session, position)
        ]
        known = (*found, *by_role)
        silent = {*self.barred, *self._approval.deciders}
        return tuple(dict.fromkeys(each for each in known if each not in silent))

    def superior(self, task: Task) -> str | None:
        """The position that stands in for holders of the task's who cannot act, if one does."""
        policy = self.edition.approval.authority
        positions = task.may_be_decided_by
        if voices(self.register, positions, self.facts, policy, self.barred):
            return None
        found = {voice.grant.position for voice in self._asked(task).values()}
        for above in superiors_of(positions, policy):
            for position in above:
                if position in found:
                    return position
        return None

    def recused_holders(self, task: Task) -> list[Recusal]:
        """Why everybody who holds the task's position is recused; nothing where somebody is not."""
        holding = held(self.register, (task.position,))
        found = [self.recused[each] for each in holding if each in self.recused]
        return found if len(found) == len(holding) else []

    def _asked(self, task: Task) -> dict[str, Voice]:
        policy = self.edition.approval.authority
        unfree = {*self.barred, *self.used}
        return asked(self.register, task.may_be_decided_by, self.facts, policy, unfree)


def authority_for(
    session: Session, person_id: str, task: Task, approval: Approval, on: date
) -> Voice:
    """By what right this person decides this task on this day; refuses as `Asking.voice_of` does."""
    return Asking(session, approval, on).voice_of(person_id, task)


def tell_askable(
    session: Session,
    approval: Approval,
    notice: Notice,
    due_at: str,
    on: date,
    *,
    superior: str | None = None,
    level: int | None = None,
    only: str | None = None,
    again: str = "",
) -> None:
    """Owe a notice to everybody who could decide an open task; where nobody could, it goes to the
    queue that policy names, and an alarm is raised. It never passes.

    Where a `superior` position is named, its holders are told that the task's own are silent.
    `only` is one task, told of once for each `again`.
    """
    asking = Asking(session, approval, on)
    for task in approval.open_tasks:
        if only not in (None, task.task_id):
            continue
        told = task
        if superior is not None:
            told = task.model_copy(
                update={"position": superior, "escalated_to": None, "person_id": None}
            )
        for person_id in asking.people(told) or _raise_alarm(session, asking, approval, task):
            _tell(session, approval, task, notice, due_at, person_id, again or level)


def ask_anew(session: Session, tasks: Sequence[TaskView], on: date) -> None:
    """After the registers have changed, or a day has passed: tell whoever could decide open tasks
    now and was not told, and raise alarms."""
    register = AuthorityRegister(session).on_day(on)
    due = {task.task_id: task.due_at.isoformat() for task in tasks}
    for approval_id in dict.fromkeys(task.approval_id for task in tasks):
        approval = Approvals(session).find(approval_id)
        if approval is None:
            continue
        asking = Asking(session, approval, on, register)
        for task in approval.open_tasks:
            people = asking.people(task) or _raise_alarm(session, asking, approval, task)
            for person_id in people:
                key = _key(task, Notice.TASK_OPENED, person_id)
                if task.task_id in due and not Outbox(session).is_owed(Channel.MAIL, key):
                    due_at = due[task.task_id]
                    _tell(session, approval, task, Notice.TASK_OPENED, due_at, person_id)


def _tell(
    session: Session,
    approval: Approval,
    task: Task,
    notice: Notice,
    due_at: str,
    person_id: str,
    again: str | int | None = None,
) -> None:
    case_id = approval.request.case_id
    facts = {"task_id": task.task_id, "case_id": case_id, "due_at": due_at}
    if notice is Notice.TASK_UNANSWERED:
        facts["position"] = task.position
    Outbox(session).post(
        Channel.MAIL,
        _key(task, notice, person_id) + ("" if again is None else f"/{again}"),
        recipient=f"person:{person_id}",
        kind=notice,
        facts=facts,
        case_id=case_id,
    )


def _key(task: Task, notice: Notice, person_id: str) -> str:
    return f"{task.task_id}/{notice}/{person_id}"


def ask_holders_anew(session: Session, positions: Iterable[str], on: date) -> None:
    """The same for the open tasks of some positions."""
    named = sorted(set(positions))
    if named:
        ask_anew(session, Tasks(session).list_page(page_size=_TOLD_MAX, positions=named), on)


def warn_of_certificates(session: Session, edition: PolicyEdition, on: date) -> int:
    """Tell holders whose certificates end soon, once for each of the edition's days ahead; how many.

    One that is followed by another of its kind is not told of. A day that no run looked at is told
    of on the next.
    """
    store, told = AuthorityRegister(session), 0
    ahead = sorted(edition.approval.authority.certificate_warning_days)
    for each in store.list_in_force(Certificate, on):
        left = (each.valid_until - on).days
        step = next((days for days in ahead if left <= days), None)
        followed = any(
            (other.person_id, other.code) == (each.person_id, each.code)
            and other.valid_until > each.valid_until
            for other in store.list_page(Certificate, person=each.person_id, page_size=_TOLD_MAX)
            if other.ended_on is None and other.valid_from <= each.valid_until + timedelta(days=1)
        )
        key = f"certificate/{each.certificate_no}/{each.valid_until}/{step}"
        if step is None or followed or Outbox(session).is_owed(Channel.MAIL, key):
            continue
        told += 1
        Outbox(session).post(
            Channel.MAIL,
            key,
            recipient=f"person:{each.person_id}",
            kind=Notice.CERTIFICATE_LAPSING,
            facts={
                "certificate_no": each.certificate_no,
                "code": each.code,
                "valid_until": each.valid_until.isoformat(),
                "days": str(left),
            },
        )
    return told


def look_for_unasked(session: Session, on: date) -> None:
    """Every open task that nobody could decide today raises its alarm, as time too ends authority."""
    after = None
    while tasks := Tasks(session).list_page(page_size=_TOLD_MAX, after=after):
        ask_anew(session, tasks, on)
        after = (tasks[-1].due_at, tasks[-1].task_id)


def positions_of(register: Register, person_id: str) -> set[str]:
    """The positions that a person's being there bears on: their own, and those of whoever has
    them, or others through them, speak."""
    people, before = {person_id}, set[str]()
    while people != before:
        before = set(people)
        people |= {each.delegator for each in register.delegations if each.delegate in people}
    positions = {grant.position for grant in register.grants}
    return {each for each in positions if people & set(held(register, (each,)))}


def _may_use(grant: AuthorityGrant, person_id: str, register: Register) -> bool:
    return grant.person_id == person_id or any(
        seat.person_id == person_id and seat.about == grant.seat for seat in register.seats
    )


def _raise_alarm(
    session: Session, asking: Asking, approval: Approval, task: Task
) -> tuple[str, ...]:
    """Put a task that nobody could decide into the queue; who is in it is told."""
    queue = asking.edition.approval.fallback_queue
    case_id = approval.request.case_id
    raised = AuthorityRegister(session).raise_alarm(
        task.task_id, case_id, task.position, queue, asking.on
    )
    people = tuple(
        each.person_id for each in Persons(session).list_persons() if each.has(queue)
    ) or (Role.OPERATOR.value,)
    for person_id in people if raised else ():
        Outbox(session).post(
            Channel.MAIL,
            _key(task, Notice.AUTHORITY_MISSING, person_id),
            recipient=f"person:{person_id}",
            kind=Notice.AUTHORITY_MISSING,
            facts={"task_id": task.task_id, "case_id": case_id, "position": task.position},
            case_id=case_id,
        )
    return people


def _facts_of(session: Session, plain: CaseFacts, asking: Asking) -> CaseFacts:
    customer = Customers(session).find(asking.customer_id())
    assessment = asking.assessment()
    if customer is None:
        return plain
    found = Classes(session).find(customer.customer_id, asking.on)
    known: dict[str, object] = {
        "unit": unit_of(session, customer),
        "region": customer.region,
        "industry": customer.industry,
        "segment": customer.segment,
        "tier_class": None if found is None else found.tier,
    }
    if assessment is not None:
        dossier = assessment.dossier
        granted = dossier.limit_requested_reporting
        carried = secured(dossier, granted, asking.edition).values()
        known["product"] = dossier.application.product
        known["secured"] = money_sum(carried, granted.currency) >= granted
    return plain.model_copy(update=known)
