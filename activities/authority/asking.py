"""Who may decide on an approval, asked of the registers at the moment of decision and nowhere else.

What was true when a task was opened does not count. One choke point: a word, the page that says
why a task is whose, and the notices ask the same question here.
"""

from datetime import date
from functools import cached_property
from typing import TypeVar

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
    Delegation,
    Function,
    Register,
    Subject,
    Task,
    Voice,
    of_another,
    refuse_second,
)
from domain.assessment import Assessment
from domain.edition import PolicyEdition
from domain.errors import (
    AwayNow,
    CertificateMissing,
    ConflictOfInterest,
    CreditError,
    NoAuthority,
    NotFound,
    RateMissing,
    Recused,
    SameHands,
    StandInBarred,
)
from domain.identity import Role
from domain.money import money_sum
from domain.reasons import because
from policies.authority import asked, certificate_of, held, holders, stand_ins, voices
from policies.cover import secured
from storage.application import Assessments
from storage.approval import Bearing, Bearings
from storage.classification import Classes
from storage.customer import Customers
from storage.edition import Editions
from storage.identity import Persons

Given = TypeVar("Given", AuthorityGrant, Delegation)


class Asking:
    """One approval on one day: who may decide its tasks, each register read once."""

    def __init__(self, session: Session, approval: Approval, on: date) -> None:
        self._session = session
        self._approval = approval
        self._on = on

    @cached_property
    def edition(self) -> PolicyEdition:
        return Editions(self._session).read(self._approval.request.edition_hash)

    @cached_property
    def bearing(self) -> Bearing:
        """What the registers say, read once; the words it took over count as its own."""
        carried = (task.carried_from for task in self._approval.tasks if task.word)
        return Bearings(self._session).read(
            self._approval.request, self._on, (each for each in carried if each)
        )

    @cached_property
    def register(self) -> Register:
        found = self.bearing.register
        currency = self._approval.request.aggregate.currency
        caps = [each.limit for each in found.grants] + [each.limit for each in found.delegations]
        if all(cap is None or cap.currency == currency for cap in caps):
            return found
        exchange = Exchange(self._session, self.edition, self._on)
        return found.model_copy(
            update={
                "grants": tuple(_reported(each, exchange) for each in found.grants),
                "delegations": tuple(_reported(each, exchange) for each in found.delegations),
            }
        )

    @cached_property
    def recused(self) -> dict[str, Recusal]:
        return recused_by(self._session, self._approval, self._on, self.bearing)

    @cached_property
    def stand_ins(self) -> dict[str, str]:
        """Whoever stands in for somebody who may not decide, by which delegation."""
        return stand_ins(self.register, {*self._approval.request.barred, *self.recused})

    def elsewhere(self, task: Task) -> set[str]:
        """Whoever has had another function of the case than the task's, or has no vote on it."""
        own = self._function_of(task)
        # Whoever presents the case to a meeting, or attends it there, has no vote on it.
        presenting = self.bearing.presenting if own is Function.APPROVAL else frozenset[str]()
        return {*of_another(self.bearing.functions, own), *presenting}

    def _function_of(self, task: Task) -> Function:
        return self._approval.request.steps[task.step_index].function

    @property
    def barred(self) -> tuple[str, ...]:
        """Everybody who may not decide, by themselves or through others."""
        barred = self._approval.request.barred
        return tuple(dict.fromkeys((*barred, *self.recused, *self.stand_ins)))

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

    @cached_property
    def assessment(self) -> Assessment | None:
        """What is decided on, where it is a judged application or review."""
        request = self._approval.request
        about_case = request.subject is Subject.OVERRIDE
        return Assessments(self._session).find(
            request.case_id if about_case else request.subject_id
        )

    @property
    def spoken(self) -> bool:
        """Whether any word stands on the approval."""
        return any(task.word for task in self._approval.tasks)

    @property
    def judged(self) -> Assessment:
        """The receipt of what is decided on; refuses `NotFound` where nothing was judged."""
        if self.assessment is None:
            raise NotFound(kind="assessment", id=self._approval.request.subject_id)
        return self.assessment

    def customer_id(self) -> str:
        return self._approval.request.customer_id

    @property
    def on(self) -> date:
        return self._on

    # ── one person ───────────────────────────────────────────────────────────────────────────────

    def voice_of(self, person_id: str, task: Task) -> Voice:
        """By what right this person decides this task today.

        Refuses `Recused`, `ConflictOfInterest`, `StandInBarred`, `SameHands` (whoever moved the
        grade that would be decided on, presents the case, or whose authority was used already),
        `FunctionsApart`, `CertificateMissing`, `AwayNow` and `NoAuthority`.
        """
        self.refuse_named(person_id, task)
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

    def refuse_named(self, person_id: str, task: Task) -> None:
        """Nothing, or why this person can have no part in the task: recused, tied, a stand-in of
        somebody who is, or one who has had another part in the case."""
        self._refuse_tied(person_id)
        if self.bearing.overridden:
            refuse_override_hands(self._session, self._approval, person_id)
        own, case_id = self._function_of(task), self._approval.request.case_id
        refuse_second(self.bearing.functions, person_id, own, case_id)
        if own is Function.APPROVAL and person_id in self.bearing.presenting:
            raise SameHands(first="presenting a case", second="a vote on it")

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
        grants = [g for g in self.register.grants if person_id in holders(g, self.register)]
        told = ", ".join(f"{grant.position} ≤ {grant.limit}" for grant in grants) or "—"
        wanted = " / ".join(positions)
        aggregate = self._approval.request.aggregate
        return NoAuthority(
            **because("authority_held", asked=wanted, aggregate=aggregate, on=self._on, held=told)
        )

    # ── everybody ────────────────────────────────────────────────────────────────────────────────

    def people(self, task: Task) -> tuple[str, ...]:
        """Who could decide the task today: whoever is told of it; nobody where it waits in vain."""
        unfree = {*self.barred, *self.elsewhere(task)}
        if task.person_id is not None:
            return (task.person_id,) if self._could(task.person_id, task) else ()
        found = self._asked(task)
        by_role = [
            person
            for position in task.may_be_decided_by
            for person in holders_by_role(self._session, position)
        ]
        known = (*found, *by_role)
        silent = {*unfree, *self._approval.deciders}
        able = (each for each in known if each not in silent and not self._approval.keeps(each))
        return tuple(dict.fromkeys(able))

    def _could(self, person_id: str, task: Task) -> bool:
        try:
            self.voice_of(person_id, task)
        except CreditError:
            return False
        return True

    def holds(self, person_id: str, task: Task) -> bool:
        """Whether a person may decide a task by a grant of their own, but for having spoken."""
        unfree = {*self.barred, *self.elsewhere(task)}
        policy = self.edition.approval.authority
        found = voices(self.register, (task.position,), self.facts, policy, unfree).get(person_id)
        person = Persons(self._session).find_active(person_id)
        own = found is not None and not found.chain
        return own and person is not None and person.has(Role.APPROVER)

    def recused_holders(self, task: Task) -> list[Recusal]:
        """Why everybody who could decide the task is recused: the person it is for, else all who
        hold its position; nothing where somebody is not."""
        if task.person_id is not None:
            own = self.recused.get(task.person_id)
            return [] if own is None else [own]
        holding = held(self.register, (task.position,))
        found = [self.recused[each] for each in holding if each in self.recused]
        return found if len(found) == len(holding) else []

    def _asked(self, task: Task) -> dict[str, Voice]:
        policy = self.edition.approval.authority
        unfree = {*self.barred, *self.bearing.voices, *self.elsewhere(task)}
        return asked(self.register, task.may_be_decided_by, self.facts, policy, unfree)


def _reported(given: Given, exchange: Exchange) -> Given:
    """A grant or delegation with its cap in the reporting currency; without a rate it covers
    nothing."""
    if given.limit is None:
        return given
    try:
        return given.model_copy(update={"limit": exchange.reporting(given.limit)})
    except RateMissing:
        return given


def authority_for(
    session: Session, person_id: str, task: Task, approval: Approval, on: date
) -> Voice:
    """By what right this person decides this task on this day; refuses as `Asking.voice_of` does."""
    return Asking(session, approval, on).voice_of(person_id, task)


def _facts_of(session: Session, plain: CaseFacts, asking: Asking) -> CaseFacts:
    customer = Customers(session).find(asking.customer_id())
    assessment = asking.assessment
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
