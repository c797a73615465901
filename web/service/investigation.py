"""What may be asked of an investigation: name the two, keep what they find, propose, sign.

Everything is rows; when both have signed, the case's workflow is told and looks at the file again.
An investigator sees the cases they were named for, whoever owns the customer.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime

from sqlalchemy.orm import Session

from activities.assessment import File, file_of
from activities.investigation import AskedReport, judged_report
from domain.application import Application, Case, CaseStatus
from domain.approval import Function, of_another
from domain.edition import DiligenceChecklist, PolicyEdition, Product
from domain.errors import (
    DateInFuture,
    EvidenceMissing,
    InvestigationNotAsked,
    InvestigationOpen,
    NotFound,
    NotInvestigator,
    OutOfOrder,
    ReassignmentUnexplained,
    SameHands,
    SchemeRefused,
    SignedTwice,
    StaleContent,
)
from domain.identity import Id, Person
from domain.investigation import (
    Answer,
    Assignment,
    AssignmentContent,
    Investigation,
    LookContent,
    Report,
    SchemeProposal,
    Signature,
    SignedReport,
    SiteVisit,
    StatementLook,
    VisitContent,
    binding,
)
from domain.notification import Channel, Notice
from domain.reasons import because
from domain.refusal_words import STATES
from domain.scheme import SchemeFinding
from domain.value import Value, content_hash
from policies.investigation import (
    OpenPoint,
    open_points,
    products_for,
    scheme_faults,
    valid_until,
)
from storage.application import Applications, CaseEvents
from storage.approval import CaseFunctions
from storage.attachment import Attachments
from storage.base import Records
from storage.edition import Editions
from storage.identity import Persons
from storage.investigation import Investigations
from storage.notification import Outbox
from web.service.application import visible_case
from web.service.clock import Clock
from web.service.permissions import Action, permit, permitted, visible_to
from workflows.names import application_id

# Before it is judged, and when it comes back: then what was found may still change.
CHANGEABLE = frozenset({CaseStatus.INCOMPLETE, CaseStatus.RETURNED})


class Signed(Value):
    """A signature, and whether it is under what the report says now."""

    signature: Signature
    binds: bool


class InvestigationView(Value):
    """All there is about one case's investigation, for its page and its API."""

    case_id: Id
    customer_id: Id
    status: CaseStatus
    application: Application
    row: str | None  # of the edition, that asks it; None where none does
    checklist: DiligenceChecklist | None
    assignments: tuple[Assignment, ...]
    investigation: Investigation
    open_points: tuple[OpenPoint, ...]
    scheme_faults: tuple[SchemeFinding, ...]
    products: dict[str, Product]  # that the scheme may hold
    report_hash: str | None  # of what would be signed now
    signatures: tuple[Signed, ...]
    signed: SignedReport | None  # None until both have signed and while it counts
    changeable: bool
    statements_on_file: tuple[date, ...]
    may_investigate: tuple[Id, ...]


class _Work(Value):
    """A case that is being investigated, locked, with all that is known of it."""

    case: Case
    edition: PolicyEdition
    asked: AskedReport

    @property
    def assignment(self) -> Assignment | None:
        return self.asked.investigation.assignment


class InvestigationService:
    """Investigations, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def read(self, person: Person, case_id: str) -> InvestigationView:
        """The investigation of a case; `NotFound` where the person does not see the case."""
        permit(person, Action.INVESTIGATION_READ)
        with self._records.begin() as session:
            return self._view(session, visible_case(session, person, case_id))

    def list_waiting(
        self,
        person: Person,
        *,
        after: tuple[datetime, str] | None = None,
        page_size: int = 50,
    ) -> Sequence[Case]:
        """Cases that wait for a report, newest first: the person's customers', and those they
        were named for."""
        permit(person, Action.INVESTIGATION_READ)
        with self._records.begin() as session:
            return Investigations(session).list_waiting(
                manager_id=visible_to(person).manager_id, after=after, page_size=page_size
            )

    def assign(self, person: Person, case_id: str, content: AssignmentContent) -> InvestigationView:
        """Name the two who investigate, or others in their place with the reason.

        Refuses `NotInvestigator` for whoever may not, `SameHands` for whoever has decided on the
        case already, and `ReassignmentUnexplained`.
        """
        permit(person, Action.INVESTIGATION_ASSIGN)
        with self._at_work(person, case_id, to_change=True) as (session, work):
            decided = of_another(CaseFunctions(session).held(case_id), Function.INVESTIGATION)
            for named in (content.lead, content.second):
                known = Persons(session).find_active(named)
                if known is None or not permitted(known, Action.INVESTIGATION_ACT):
                    raise NotInvestigator(person_id=named, case_id=case_id)
                if named in decided:
                    raise SameHands(first="the decision on a case", second="its investigation")
            before = work.assignment
            changed = before is not None and before.people != (content.lead, content.second)
            if changed and not content.reason.strip():
                raise ReassignmentUnexplained(case_id=case_id)
            if before is None or changed:
                self._assigned(session, person, case_id, content)
                self._tell_voided(session, person, work)
            return self._view(session, work.case)

    def answer(self, person: Person, case_id: str, answer: Answer) -> InvestigationView:
        """What was found about an item; refuses `NotFound` for one that is not on the checklist,
        and for a file that is not on record."""
        with self._by_investigator(person, case_id) as (session, work):
            if answer.item not in {item.code for item in work.asked.checklist.items}:
                raise NotFound(kind="checklist item", id=answer.item)
            _refuse_unfiled(session, answer.evidence)
            self._found(session, person, work, answer, "investigation_answered", item=answer.item)
            return self._view(session, work.case)

    def visit(
        self, person: Person, case_id: str, content: VisitContent, visit_no: int | None = None
    ) -> InvestigationView:
        """A visit to the customer, or with its number what is known better of one.

        Refuses `DateInFuture`, and `NotFound` for a visit or a picture that is not on record.
        """
        with self._by_investigator(person, case_id) as (session, work):
            if content.visited_on > self._clock.business_on():
                raise DateInFuture(
                    field="visited_on",
                    date=content.visited_on,
                    business_on=self._clock.business_on(),
                )
            _refuse_unfiled(session, content.photos)
            number = _visit_no(work.asked.investigation, content, visit_no)
            made = SiteVisit.model_validate({**content.model_dump(), "visit_no": number})
            facts = {"visited_on": made.visited_on.isoformat(), "place": made.place}
            self._found(session, person, work, made, "investigation_visited", **facts)
            return self._view(session, work.case)

    def examine(self, person: Person, case_id: str, content: LookContent) -> InvestigationView:
        """What was found in a statement; refuses `NotFound` for one that is not on record."""
        with self._by_investigator(person, case_id) as (session, work):
            file = self._file(session, work.case, work.edition)
            ends = {each.period_end_on: each for each in file.statements}
            if content.period_end_on not in ends:
                raise NotFound(kind="statement", id=content.period_end_on)
            hashed = content_hash(ends[content.period_end_on])
            look = StatementLook.model_validate({**content.model_dump(), "statement_hash": hashed})
            period = look.period_end_on.isoformat()
            self._found(session, person, work, look, "investigation_examined", period_end_on=period)
            return self._view(session, work.case)

    def propose(self, person: Person, case_id: str, proposal: SchemeProposal) -> InvestigationView:
        """The scheme that is proposed, and the conclusion; refuses `SchemeRefused`."""
        with self._by_investigator(person, case_id) as (session, work):
            _refuse_unfit(proposal, work)
            facts = {"conclusion": proposal.conclusion.value, "limit": str(proposal.scheme.limit)}
            self._found(session, person, work, proposal, "investigation_proposed", **facts)
            return self._view(session, work.case)

    def sign(self, person: Person, case_id: str, report_hash: str) -> InvestigationView:
        """Put one's name to the report that was read; with the second name the case goes on.

        Refuses `StaleContent` where the report says something else by now, `InvestigationOpen`,
        `EvidenceMissing`, `SchemeRefused`, and `SignedTwice`: one person signs once.
        """
        with self._by_investigator(person, case_id) as (session, work):
            report = _signable(work)
            if report.report_hash != report_hash:
                raise StaleContent(id=case_id)
            self._signed(session, person, work, report)
            return self._view(session, work.case)

    # ── steps ────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _at_work(
        self, person: Person, case_id: str, *, to_change: bool = False
    ) -> Iterator[tuple[Session, _Work]]:
        """One change to an investigation that is asked and may still change; the case is locked.

        Who investigates is for those to say who may change the case itself.
        """
        with self._records.begin() as session:
            visible_case(session, person, case_id, to_change=to_change)
            case = Applications(session).read_open(case_id)
            if case.status not in CHANGEABLE:
                raise OutOfOrder(**because("case_not_investigated", status=case.status))
            edition = Editions(session).read(case.edition_hash)
            asked = self._file(session, case, edition).report
            if asked is None:
                raise InvestigationNotAsked(case_id=case_id)
            yield session, _Work(case=case, edition=edition, asked=asked)

    @contextmanager
    def _by_investigator(self, person: Person, case_id: str) -> Iterator[tuple[Session, _Work]]:
        permit(person, Action.INVESTIGATION_ACT)
        with self._at_work(person, case_id) as (session, work):
            if work.assignment is None or person.person_id not in work.assignment.people:
                raise NotInvestigator(person_id=person.person_id, case_id=case_id)
            yield session, work

    def _assigned(
        self, session: Session, person: Person, case_id: str, content: AssignmentContent
    ) -> None:
        assignment = Assignment.model_validate(
            {**content.model_dump(), "assigned_by": person.person_id}
        )
        written = Investigations(session).assign(case_id, assignment)
        self._tell(session, person, case_id, "investigation_assigned", **content.model_dump())
        for named in written.people:
            Outbox(session).post(
                Channel.MAIL,
                f"{case_id}/investigation/{written.version}/{named}",
                recipient=f"person:{named}",
                kind=Notice.INVESTIGATION_ASSIGNED,
                facts={"case_id": case_id, "lead": written.lead, "second": written.second},
                case_id=case_id,
            )

    def _found(
        self,
        session: Session,
        person: Person,
        work: _Work,
        finding: Answer | SiteVisit | StatementLook | SchemeProposal,
        kind: str,
        **facts: str,
    ) -> None:
        """Keep a finding; one that says something new leaves signatures given before it behind."""
        store, case_id = Investigations(session), work.case.case_id
        if not store.record(case_id, finding, person.person_id):
            return
        self._tell(session, person, case_id, kind, **facts)
        self._tell_voided(session, person, work)

    def _tell_voided(self, session: Session, person: Person, work: _Work) -> None:
        """Say so where signatures were under what was just changed."""
        before, case_id = work.asked.report, work.case.case_id
        if before is not None and binding(Investigations(session).signatures(case_id), before):
            self._tell(
                session, person, case_id, "investigation_voided", report_hash=before.report_hash
            )

    def _signed(self, session: Session, person: Person, work: _Work, report: Report) -> None:
        store, on, case_id = Investigations(session), self._clock.business_on(), work.case.case_id
        hashed = report.report_hash
        for known in binding(store.signatures(case_id), report):
            counts = on <= valid_until(known, work.asked.checklist)
            if known.person_id == person.person_id and counts:
                raise SignedTwice(person_id=person.person_id, report_hash=hashed[:12])
        signature = Signature(
            report_hash=hashed,
            lead=report.lead,
            second=report.second,
            person_id=person.person_id,
            signed_on=on,
            signed_at=self._clock.now(),
        )
        signatures = store.sign(report, signature)
        self._tell(session, person, case_id, "investigation_signed", report_hash=hashed)
        asked = self._file(session, work.case, work.edition).report
        if asked is not None and asked.signed is not None:
            Outbox(session).post(
                Channel.TEMPORAL,
                f"{case_id}/investigation/{len(signatures)}",
                recipient=case_id,
                kind="signal",
                facts={"workflow_id": application_id(case_id), "name": "investigated"},
                case_id=case_id,
            )

    def _tell(
        self, session: Session, person: Person, case_id: str, kind: str, **facts: str
    ) -> None:
        CaseEvents(session).post(
            case_id, kind, person_id=person.person_id, at=self._clock.now(), **facts
        )

    # ── the view ─────────────────────────────────────────────────────────────────────────────────

    def _file(self, session: Session, case: Case, edition: PolicyEdition) -> File:
        on = self._clock.business_on()
        return file_of(session, case.application, edition, on, case_id=case.case_id)

    def _view(self, session: Session, case: Case) -> InvestigationView:
        edition = Editions(session).read(case.edition_hash)
        file, store = self._file(session, case, edition), Investigations(session)
        asked = file.report
        if case.status not in CHANGEABLE:
            asked = judged_report(session, case, edition) or asked
        investigation = asked.investigation if asked else store.find(case.case_id)
        report = asked.report if asked else None
        signatures = store.signatures(case.case_id)
        bound = binding(signatures, report) if report else ()
        proposal = investigation.proposal
        return InvestigationView(
            case_id=case.case_id,
            customer_id=case.application.customer_id,
            status=case.status,
            application=case.application,
            row=asked.row if asked else None,
            checklist=asked.checklist if asked else None,
            assignments=tuple(store.assignments(case.case_id)),
            investigation=investigation,
            open_points=open_points(investigation, asked.checklist) if asked else (),
            scheme_faults=scheme_faults(proposal.scheme, case.application, edition)
            if asked and proposal
            else (),
            products=products_for(case.application, edition) if asked else {},
            report_hash=report.report_hash if report else None,
            signatures=tuple(Signed(signature=each, binds=each in bound) for each in signatures),
            signed=asked.signed if asked else None,
            changeable=asked is not None and case.status in CHANGEABLE,
            statements_on_file=tuple(each.period_end_on for each in file.statements),
            may_investigate=tuple(
                each.person_id
                for each in Persons(session).list_persons()
                if permitted(each, Action.INVESTIGATION_ACT)
            ),
        )


def _signable(work: _Work) -> Report:
    """The report, complete and fit to be signed."""
    points = open_points(work.asked.investigation, work.asked.checklist)
    open_parts = [each.place for each in points if not each.evidence]
    report = work.asked.report
    if open_parts or report is None:
        raise InvestigationOpen(items=", ".join(open_parts))
    bare = [each.place for each in points]
    if bare:
        raise EvidenceMissing(items=", ".join(bare))
    _refuse_unfit(report.proposal, work)
    return report


def _refuse_unfit(proposal: SchemeProposal, work: _Work) -> None:
    found = scheme_faults(proposal.scheme, work.case.application, work.edition)
    if found:
        raise SchemeRefused(
            findings="; ".join(map(_told, found)), findings_zh="；".join(map(_told_zh, found))
        )


def _told(finding: SchemeFinding) -> str:
    """A finding in a few words: `tenor_too_long of open_account (12, not 6)`."""
    where = f" of {finding.product}" if finding.product else ""
    parts = [finding.found, f"not {finding.wanted}" if finding.wanted else ""]
    figures = ", ".join(part for part in parts if part)
    return f"{finding.code}{where}" + (f" ({figures})" if figures else "")


def _told_zh(finding: SchemeFinding) -> str:
    """The same in Chinese: `open_account 期限过长（12，应为 6）`."""
    parts = [finding.found, f"应为 {finding.wanted}" if finding.wanted else ""]
    figures = "，".join(part for part in parts if part)
    words = STATES["scheme_fault"].get(finding.code, finding.code)
    return f"{finding.product} {words}".strip() + (f"（{figures}）" if figures else "")


def _refuse_unfiled(session: Session, hashes: Sequence[str]) -> None:
    for each in hashes:
        Attachments(session).read(each)


def _visit_no(investigation: Investigation, content: VisitContent, named: int | None) -> int:
    """The number of a visit: the one named, that of the same visit on record, or the next."""
    known = {each.visit_no: each for each in investigation.visits}
    if named is not None:
        if named not in known:
            raise NotFound(kind="visit", id=named)
        return named
    said = content.model_dump()
    same = (n for n, each in known.items() if each.model_dump(exclude={"visit_no"}) == said)
    return next(same, len(known) + 1)
