"""What may be asked of drafts of the policy: put on record, tried on the book, put in force.

Who writes an edition does not put it in force. The second word is a task of the approval engine,
and the edition is published in the transaction of that word.
"""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from pydantic import Field
from sqlalchemy.orm import Session

from domain.approval import (
    Approval,
    ApprovalOutcome,
    ApprovalProgress,
    ApprovalRequest,
    DecisionRequest,
    Subject,
    Verdict,
)
from domain.draft import (
    RISK_OFFICER,
    DraftEdition,
    DraftStatus,
    RecordedReport,
    SimulationReport,
    Tried,
    no_report,
)
from domain.edition import PolicyEdition
from domain.errors import NoAuthority, NotFound
from domain.identity import Person, Role
from domain.money import Money
from domain.reasons import because
from domain.value import Value
from policies.authority import open_positions
from policies.edition import refuse_unsound
from policies.publication import publication_step
from policies.simulation import report_of, tried
from storage.application import PastCases
from storage.approval import Approvals, AuthorityRegister
from storage.base import Records
from storage.draft import Drafts
from storage.edition import Editions
from storage.identity import ActionTokens
from web.service.application import message_id_of
from web.service.approval import TOKEN_LASTS
from web.service.clock import Clock
from web.service.edition import Draft, EditionService
from web.service.gateway import Gateway
from web.service.ids import new_id
from web.service.permissions import Action, permit
from workflows.names import CASES_QUEUE, approval_id

# Some two hundred cases a second are judged again, and whoever asks waits for the report.
PAST_MAX = 5000
PAST_USUAL = 2000
LIVE_MAX = 5000


class Drafting(Draft):
    """A draft to put on record; `draft_id` names the draft that it is a further revision of."""

    draft_id: Annotated[str | None, Field(max_length=64)] = None


class Published(Value):
    """What a second person's word on a draft came to."""

    draft_id: str
    edition_hash: str
    name: str
    effective_on: date
    outcome: ApprovalOutcome
    task_id: str = ""
    waiting_for: tuple[str, ...] = ()
    published_by: str = ""
    replayed: bool = False


class DraftView(Value):
    """A draft and how far it has come."""

    draft: DraftEdition
    status: DraftStatus
    report_hash: str | None = None
    reported_on: date | None = None
    report_fresh: bool = False


class DraftService:
    """Drafts, over one memory and one way to Temporal."""

    def __init__(
        self, records: Records, gateway: Gateway, clock: Clock, editions: EditionService
    ) -> None:
        self._records = records
        self._gateway = gateway
        self._clock = clock
        self._editions = editions

    def record(self, person: Person, drafting: Drafting) -> DraftView:
        """Put a draft on record under its author; with `draft_id`, as that draft's next revision.

        A draft need not be sound to be kept; it must be, to be tried and published.
        """
        permit(person, Action.POLICY_DRAFT)
        edition = self._editions.edition_of(drafting)
        source = drafting.toml if drafting.base_hash is None else edition.as_toml()
        with self._records.begin() as session:
            drafts = Drafts(session)
            known = drafts.read(drafting.draft_id) if drafting.draft_id else None
            draft_id = known.draft_id if known else new_id()
            draft = drafts.record(draft_id, edition, source, person.person_id)
            return self._view(session, draft)

    def list_drafts(self, person: Person) -> Sequence[DraftView]:
        """Every draft, the one revised last first."""
        permit(person, Action.POLICY_READ)
        with self._records.begin() as session:
            return [self._view(session, draft) for draft in Drafts(session).list_all()]

    def read_draft(self, person: Person, reference: str) -> DraftView:
        """A draft by its id or by its content's hash; refuses `NotFound`."""
        permit(person, Action.POLICY_READ)
        with self._records.begin() as session:
            return self._view(session, Drafts(session).read(reference))

    def read_content(self, person: Person, reference: str) -> tuple[PolicyEdition, str]:
        """The edition and its text as it was written."""
        permit(person, Action.POLICY_READ)
        with self._records.begin() as session:
            return Drafts(session).read_content(Drafts(session).read(reference))

    def read_report(self, person: Person, reference: str) -> RecordedReport:
        """The newest report of exactly the draft's content; refuses `NotFound`."""
        permit(person, Action.POLICY_READ)
        with self._records.begin() as session:
            draft = Drafts(session).read(reference)
            report = Drafts(session).find_report(draft.edition_hash)
        if report is None:
            raise NotFound(kind="simulation report of", id=draft.draft_id)
        return report

    def simulate(self, person: Person, reference: str, *, most: int = PAST_USUAL) -> RecordedReport:
        """Try a draft on past cases and on every line in force, and keep the report."""
        permit(person, Action.POLICY_SIMULATE)
        with self._records.begin() as session:
            edition, _ = Drafts(session).read_content(Drafts(session).read(reference))
        refuse_unsound(edition)
        report = self._tried(edition, most)
        with self._records.begin() as session:
            return Drafts(session).record_report(report, person.person_id)

    def propose(self, person: Person, reference: str) -> DraftView:
        """Put a draft before whoever may publish it; its author may do this.

        Refuses `EditionInvalid`, and `SimulationStale` without a fresh report of exactly this content.
        """
        permit(person, Action.POLICY_DRAFT)
        self._open(reference)
        return self.read_draft(person, reference)

    def publish(
        self, person: Person, reference: str, *, note: str = "", key: str | None = None
    ) -> Published:
        """A second person puts a draft in force; cases under way keep the edition they began with.

        Refuses `SameHands` to its authors, `NoAuthority`, `SimulationStale` and `EditionInvalid`.
        """
        permit(person, Action.POLICY_PUBLISH)
        with self._records.begin() as session:
            draft = Drafts(session).read(reference)
            draft.refuse_author(person.person_id)
            known = self._published(session, draft)
        if known is not None:
            return known.model_copy(update={"replayed": True})
        request = self._open(draft.draft_id)
        return self._word(person, draft, request, note, key)

    def _open(self, reference: str) -> ApprovalRequest:
        """The approval that is open on a draft, started where there is none."""
        on = self._clock.business_on()
        with self._records.begin() as session:
            draft = Drafts(session).read(reference)
            edition, _ = Drafts(session).read_content(draft)
            report = Drafts(session).find_report(draft.edition_hash)
            before = Approvals(session).list_of_subject(draft.draft_id)
            in_force = self._in_force(session, on)
        refuse_unsound(edition)
        if report is None:
            raise no_report(draft.edition_hash)
        report.report.refuse_stale(draft.edition_hash, on)
        standing = _open_on(draft, before)
        if standing is not None:
            return standing
        request = self._request(draft, in_force, report, n=len(before) + 1)
        self._gateway.start(
            "ApprovalWorkflow",
            approval_id(request.subject_id, request.n),
            request.model_dump(mode="json"),
            queue=CASES_QUEUE,
        )
        return request

    def _request(
        self, draft: DraftEdition, in_force: PolicyEdition, report: RecordedReport, n: int
    ) -> ApprovalRequest:
        return ApprovalRequest(
            subject=Subject.POLICY_EDITION,
            subject_id=draft.draft_id,
            n=n,
            case_id=draft.draft_id,
            customer_id="policy",
            makers=draft.authors,
            steps=(publication_step(in_force),),
            # No sum is granted: who may decide on policy does not depend on an amount.
            aggregate=Money.zero(in_force.reporting_currency),
            grade="",
            content_hash=draft.edition_hash,
            edition_hash=in_force.edition_hash,
            route_row="policy_edition",
            reasons=(f"report:{report.report_hash[:12]}",),
            offset_days=self._clock.offset_days,
        )

    def _word(
        self,
        person: Person,
        draft: DraftEdition,
        request: ApprovalRequest,
        note: str,
        key: str | None,
    ) -> Published:
        task_id = f"{request.approval_id}.1.{self._place(person, request)}"
        word = DecisionRequest(
            approval_id=request.approval_id,
            task_id=task_id,
            person_id=person.person_id,
            verdict=Verdict.APPROVE,
            note=note,
            content_hash=draft.edition_hash,
            message_id=message_id_of(person, f"publish/{request.approval_id}", key),
            token="to be issued",
            channel="api",
            at=self._clock.now(),
        )
        with self._records.begin() as session:
            token = ActionTokens(session).issue_action_token(
                person.person_id, task_id, self._clock.now() + TOKEN_LASTS
            )
        message = word.model_dump(mode="json", exclude={"approval_id", "at", "offset_days"})
        answer = ApprovalProgress.model_validate(
            self._gateway.update(
                approval_id(request.subject_id, request.n), "decide", message | {"token": token}
            )
        )
        return _said(draft, answer.outcome, task_id, answer.waiting_for, person.person_id)

    def _place(self, person: Person, request: ApprovalRequest) -> int:
        """Which of the step's tasks is this person's, from 1; refuses `NoAuthority`."""
        positions = request.steps[0].positions
        if person.has(Role.RISK_OFFICER):
            return positions.index(RISK_OFFICER) + 1
        with self._records.begin() as session:
            on = self._clock.business_on()
            policy = self._in_force(session, on).approval.authority
            register = AuthorityRegister(session).on_day(on)
            held = open_positions(register, person.person_id, policy)
        place = next((at for at, each in enumerate(positions, start=1) if each in held), None)
        if place is None:
            raise NoAuthority(**because("one_position_of", positions=", ".join(positions)))
        return place

    def _tried(self, edition: PolicyEdition, most: int) -> SimulationReport:
        on = self._clock.business_on()
        with self._records.begin() as session:
            in_force = self._in_force(session, on)
            cases = PastCases(session)
            past, live = cases.list_newest(most), cases.list_live(LIVE_MAX)
            receipts = [each.receipt for each in past]
            left_out = max(0, cases.count_live() - len(live))
            bad = cases.went_bad({r.dossier.customer.customer_id for r in receipts})
        found: list[Tried] = []
        for each in past:
            judged = each.receipt.dossier
            since = [
                code
                for day, code in bad.get(judged.customer.customer_id, ())
                if day >= judged.business_on
            ]
            codes = tuple(dict.fromkeys(since))
            found.append(tried(each.receipt, edition, line_id=each.line_id, went_bad=codes))
        return report_of(
            edition,
            in_force,
            found,
            [tried(each.receipt, edition, line_id=each.line_id) for each in live],
            book=[
                *(each.receipt_hash for each in past),
                *(f"{each.line_id}/{each.line_version}/{each.receipt_hash}" for each in live),
            ],
            business_on=on,
            most=most,
            lines_left_out=left_out,
        )

    def _view(self, session: Session, draft: DraftEdition) -> DraftView:
        report = Drafts(session).find_report(draft.edition_hash)
        on = self._clock.business_on()
        return DraftView(
            draft=draft,
            status=self._status(session, draft),
            report_hash=report.report_hash if report else None,
            reported_on=report.report.business_on if report else None,
            report_fresh=report is not None and report.report.fresh(draft.edition_hash, on),
        )

    def _status(self, session: Session, draft: DraftEdition) -> DraftStatus:
        if self._published(session, draft) is not None:
            return DraftStatus.PUBLISHED
        approvals = Approvals(session).list_of_subject(draft.draft_id)
        about = [each for each in approvals if each.request.content_hash == draft.edition_hash]
        if about and about[-1].outcome is ApprovalOutcome.OPEN:
            return DraftStatus.IN_APPROVAL
        declined = bool(about) and about[-1].outcome is ApprovalOutcome.DECLINED
        return DraftStatus.DECLINED if declined else DraftStatus.DRAFT

    def _published(self, session: Session, draft: DraftEdition) -> Published | None:
        for each in Editions(session).list_all():
            if each.edition_hash == draft.edition_hash:
                return _said(draft, ApprovalOutcome.APPROVED, "", (), each.published_by)
        return None

    def _in_force(self, session: Session, on: date) -> PolicyEdition:
        current = Editions(session).find_current(on)
        if current is None:
            raise NotFound(kind="edition in force on", id=on)
        return current


def _open_on(draft: DraftEdition, approvals: Sequence[Approval]) -> ApprovalRequest | None:
    """The request of the approval that is open on this very content."""
    for each in approvals:
        same = each.request.content_hash == draft.edition_hash
        if same and each.outcome is ApprovalOutcome.OPEN:
            return each.request
    return None


def _said(
    draft: DraftEdition,
    outcome: ApprovalOutcome,
    task_id: str,
    waiting_for: tuple[str, ...],
    person_id: str,
) -> Published:
    return Published(
        draft_id=draft.draft_id,
        edition_hash=draft.edition_hash,
        name=draft.name,
        effective_on=draft.effective_on,
        outcome=outcome,
        task_id=task_id,
        waiting_for=waiting_for,
        published_by=person_id if outcome is ApprovalOutcome.APPROVED else "",
    )
