"""What may be asked about what single cases do not show: split requests, grants above policy."""

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy.orm import Session

from activities.party import one_risk, ring_on
from domain.approval import Approval, Verdict
from domain.contract import Letter
from domain.edition import PolicyEdition
from domain.errors import PeriodReversed
from domain.guard import AboveEligibleGrant, AgainstOpinion, LetterLimit, NearCase, SplittingReport
from domain.identity import Person
from policies.splitting import bound_above, by_manager, by_ring
from storage.application import Assessments
from storage.approval import Decisions, Letters
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions
from storage.guard import RoutedCases
from web.service.clock import Clock
from web.service.permissions import Action, permit


class GuardService:
    """The guards, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def splitting(self, person: Person, as_of: date | None = None) -> SplittingReport:
        """Clusters of requests a little under a bound, by manager and by ring, back from a day by
        as many days as the edition of that day says."""
        permit(person, Action.GUARD_READ)
        on = as_of or self._clock.business_on()
        with self._records.begin() as session:
            edition = Editions(session).read_current(on)
            since = on - timedelta(days=edition.approval.splitting.report_days)
            near = _near_bounds(session, edition, since, on)
            rings = _rings(session, {each.customer_id for each in near}, edition, on)
        return SplittingReport(
            since=since,
            as_of=on,
            near_cases=len(near),
            by_manager=by_manager(near, edition),
            by_ring=by_ring(((each, rings[each.customer_id]) for each in near), edition),
        )

    def list_above_eligible(
        self,
        person: Person,
        *,
        since: date | None = None,
        until: date | None = None,
        after: tuple[date, str] | None = None,
        page_size: int = 50,
    ) -> Sequence[AboveEligibleGrant]:
        """Limits granted above the eligible one, newest first, with the exception and who approved;
        of the last year unless days are named. Refuses `PeriodReversed`."""
        permit(person, Action.GUARD_READ)
        first, last = self._period(since, until)
        with self._records.begin() as session:
            found = Letters(session).list_above_eligible(
                first, last, after=after, page_size=page_size
            )
            return [_granted(session, *each) for each in found]

    def list_against_opinion(
        self,
        person: Person,
        *,
        since: date | None = None,
        until: date | None = None,
        after: tuple[date, str] | None = None,
        page_size: int = 50,
    ) -> Sequence[AgainstOpinion]:
        """Approvals against a review opinion, newest first, with the letter and who approved; of
        the last year unless days are named. Refuses `PeriodReversed`."""
        permit(person, Action.GUARD_READ)
        first, last = self._period(since, until)
        with self._records.begin() as session:
            found = Letters(session).list_against_opinion(
                first, last, after=after, page_size=page_size
            )
            return [_against(session, *each) for each in found]

    def _period(self, since: date | None, until: date | None) -> tuple[date, date]:
        last = until or self._clock.business_on()
        first = since or date.fromordinal(max(1, last.toordinal() - 365))
        if last < first:
            raise PeriodReversed(since=first, until=last)
        return first, last


def _against(
    session: Session, letter: Letter, customer_id: str, approval: Approval
) -> AgainstOpinion:
    """The opinion as its reviewer gave it, and what those who approved said to it."""
    said = {each.task_id: each for each in Decisions(session).list_of_case(letter.case_id)}
    words = [
        (task, said[task.carried_from or task.task_id]) for task in approval.tasks if task.word
    ]
    opinion = next(word for task, word in words if task.word is Verdict.OBJECT)
    cap = letter.cap.limit.amount if letter.cap is not None else None
    return AgainstOpinion(
        letter_no=letter.letter_no,
        case_id=letter.case_id,
        customer_id=customer_id,
        decided_on=letter.decided_on,
        limit=letter.terms.limit if letter.terms is not None else cap,
        decided_by=tuple(word.person_id for task, word in words if task.word is Verdict.APPROVE),
        objected_by=opinion.person_id,
        note=opinion.note,
        risks=opinion.risks,
        conditions=tuple(each.text for each in opinion.conditions),
        reasons=tuple(word.note for task, word in words if task.word is Verdict.APPROVE),
    )


def _near_bounds(
    session: Session, edition: PolicyEdition, since: date, until: date
) -> list[NearCase]:
    """Cases near a bound of the edition they were judged by. Sums of another reporting currency
    than today's are of a policy that is over, and are left out."""
    editions = {edition.edition_hash: edition}
    near = []
    for each in RoutedCases(session).list_since(since, until):
        if each.aggregate.currency != edition.reporting_currency:
            continue
        if each.edition_hash not in editions:
            editions[each.edition_hash] = Editions(session).read(each.edition_hash)
        bound = bound_above(
            each.aggregate,
            each.grade,
            editions[each.edition_hash],
            edition.approval.splitting.near_share,
        )
        if bound is not None:
            near.append(
                NearCase(
                    case_id=each.case_id,
                    customer_id=each.customer_id,
                    manager_id=each.manager_id,
                    submitted_on=each.submitted_on,
                    requested=each.requested,
                    aggregate=each.aggregate,
                    bound=bound.code,
                    bound_at=bound.at,
                )
            )
    return near


def _rings(
    session: Session, customer_ids: set[str], edition: PolicyEdition, on: date
) -> dict[str, tuple[str, ...]]:
    """The customers of one risk with each of these."""
    customers = Customers(session).find_many(customer_ids)
    return {
        customer_id: one_risk(session, customer, ring_on(session, customer_id, edition, on))
        for customer_id, customer in customers.items()
    }


def _granted(
    session: Session, letter: Letter, of: LetterLimit, subject_id: str
) -> AboveEligibleGrant:
    assessment = Assessments(session).read(subject_id)
    return AboveEligibleGrant(
        letter_no=letter.letter_no,
        case_id=letter.case_id,
        customer_id=of.customer_id,
        decided_on=of.decided_on,
        limit=of.limit,
        eligible=of.eligible,
        route_row=of.route_row,
        reasons=assessment.route.reasons,
        reason=assessment.dossier.application.above_eligible_reason,
        decided_by=letter.decided_by,
    )
