"""What may be asked of applications: submit, read, change, withdraw, and see what became of them."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from activities.assessment import collect_dossier, file_of
from activities.form import in_form, line_of
from domain.application import Application, ApplicationChange, Case, CaseAction, CaseStatus
from domain.approval import Approval
from domain.assessment import Assessment
from domain.calendar import business_on
from domain.contract import Contract, ContractStatus, Letter, Sha256
from domain.customer import Customer
from domain.edition import PolicyEdition, RecoveryPolicy
from domain.errors import (
    AlreadyReconsidered,
    AlreadyRecovered,
    CaseClosed,
    KeyReused,
    Malformed,
    NoSupplier,
    NotFound,
    OutOfOrder,
    OwnCase,
    ReconsiderationClosed,
    SameHands,
    Withdrawn,
)
from domain.identity import Id, Person, Role
from domain.investigation import INVESTIGATION_REPORT
from domain.line import ConditionPrecedent, CreditLine, LineStatus
from domain.money import Money
from domain.notification import Channel, Notice
from domain.offer import Offer
from domain.override import Override, OverrideProposal, VoidedBy
from domain.reasons import because
from domain.reconsideration import Reconsideration, with_evidence
from domain.recovery import APPROVAL_SILENCE, Recovery
from domain.screening import Screening
from domain.trade import PREPAYMENT
from domain.value import Value, content_hash
from policies.assessment import replayed
from policies.form import refuse_fields
from policies.questions import OpenFile as OpenFile
from policies.questions import questions
from policies.recovery import lapsed_approval, refuse_changed, refuse_late, unanswered
from policies.replayed import Contrast
from storage.application import Applications, Assessments, CaseEvents, Intakes, Screenings
from storage.approval import Approvals, Decisions, DecisionView, Letters, Tasks, TaskView
from storage.attachment import Attachments
from storage.base import Records
from storage.contract import Contracts
from storage.customer import Customers
from storage.edition import Editions
from storage.identity import ActionTokens, Refusals, make_token
from storage.investigation import Investigations
from storage.line import Conditions, Lines
from storage.notification import Outbox
from storage.offer import Offers
from storage.override import Overrides
from storage.reconsideration import Reconsiderations
from storage.recovery import Recoveries
from storage.trade import Trade
from web.service.clock import Clock
from web.service.customer import visible_customer
from web.service.gateway import Gateway, StillPending, TemporalUnavailable
from web.service.ids import new_id
from web.service.permissions import Action, permit, visible_to
from workflows.names import CASES_QUEUE, application_id

# How long a caller waits for the case to be on record before the answer is "still pending".
SUBMIT_SECONDS_MAX = 5.0
TOKEN_LASTS = timedelta(minutes=10)
SUBMIT = "submit"
_REPLAYED_AT_ONCE = 500
# The notices that ask somebody to decide a task, as against those that tell of it.
_ASKING = (
    Notice.TASK_OPENED,
    Notice.TASK_REMINDER,
    Notice.TASK_ESCALATED,
    Notice.TASK_REASSIGNED,
    Notice.TASK_URGED,
)


class Submitted(Value):
    """The answer to a start: `pending` where the case is not on record yet, but will be."""

    case_id: Id
    status: CaseStatus
    missing: tuple[str, ...] = ()
    reason_codes: tuple[str, ...] = ()
    existing: bool = False
    pending: bool = False


class Acted(Value):
    """Where a case stands after a message."""

    case_id: Id
    status: CaseStatus
    missing: tuple[str, ...] = ()
    silence_until: datetime | None = None
    replayed: bool = False


class Overridden(Value):
    """Where a case stands after an override, and what became of it so far."""

    case_id: Id
    status: CaseStatus
    override: Override
    replayed: bool = False


class Disposed(Value):
    screening: Screening
    outcome: str
    disposed_by: str | None
    reason: str


class CaseView(Value):
    """All there is about one case, for its page and its API."""

    case: Case
    customer: Customer
    assessment: Assessment | None
    receipt_hash: str | None
    approvals: tuple[Approval, ...]
    tasks: tuple[TaskView, ...]
    decisions: tuple[DecisionView, ...]
    letter: Letter | None
    offer: Offer | None = None
    contract: Contract | None
    conditions: tuple[ConditionPrecedent, ...]
    line: CreditLine | None
    screenings: tuple[Disposed, ...]
    overrides: tuple[Override, ...] = ()
    reconsideration: Reconsideration | None = None  # this case decides anew, or is decided anew
    recoveries: tuple[Recovery, ...] = ()  # of its lapses, oldest first

    @property
    def recoverable(self) -> bool:
        """Whether it lapsed in its approvers' silence, and that lapse was not recovered."""
        recovered = {each.approval_id for each in self.recoveries}
        silent = self.case.status is CaseStatus.LAPSED
        silent = silent and APPROVAL_SILENCE in self.case.reason_codes and bool(self.approvals)
        return silent and self.approvals[-1].request.approval_id not in recovered


class TimelineEvent(Value):
    """One thing that happened to a case; `source` says on which record it is."""

    at: datetime
    source: str  # case, notice, refusal; workflow, entry, report, repair
    kind: str
    person_id: str
    facts: dict[str, str]


class Differs(Value):
    """A field of a receipt that comes out otherwise; None where nothing is there."""

    path: str
    recorded: str | None
    recomputed: str | None
    sentence: str
    sentence_zh: str


class Replayed(Value):
    """Whether judging the stored inputs again gives the stored answer."""

    case_id: Id
    edition: str
    receipt_hash: str
    identical: bool
    differing: tuple[str, ...]
    differences: tuple[Differs, ...] = ()  # the same fields, with both values


class ReplayedBook(Value):
    """Every receipt on record judged again; `differing` are those that came out otherwise."""

    receipts: int
    identical: int
    differing: tuple[Replayed, ...]


class Figures(Value):
    """Counts of the whole store; the ends and what is open sum to the applications."""

    applications: int
    by_status: dict[CaseStatus, int]
    tasks_open: int
    contracts_by_status: dict[ContractStatus, int]
    lines_by_status: dict[LineStatus, int]


class ApplicationService:
    """Applications, over one memory and one way to Temporal."""

    def __init__(self, records: Records, gateway: Gateway, clock: Clock) -> None:
        self._records = records
        self._gateway = gateway
        self._clock = clock

    def submit(self, person: Person, application: Application, key: str) -> Submitted:
        """Start a case, once for a key.

        Refuses `KeyReused`, `NotFound` for a customer the person does not see, `NoSupplier` for a
        prepayment to a party that supplies us nothing, and of a change of a line what its form or
        the line does not allow (`policies/form.py`), `NotFound` and `LineNotActive` among it. While
        a case is open on the same customer and limit, that case is answered, `existing` and
        unchanged.
        """
        permit(person, Action.APPLICATION_SUBMIT)
        _refuse_key(key)
        now = self._clock.now()
        with self._records.begin() as session:
            customer = visible_customer(session, person, application.customer_id)
            on = self._clock.business_on()
            if application.product == PREPAYMENT and not Trade(session).is_supplier(
                customer.customer_id, on
            ):
                raise NoSupplier(customer_id=customer.customer_id, date=on)
            intakes, whole = Intakes(session), application
            refuse_fields(application)
            if not intakes.knows(person.person_id, key):
                if application.application_type.has_form:
                    whole = in_form(session, application, _in_force(session, on), on)
                elif application.line_id is not None:
                    line_of(session, application)
            case_id, new = intakes.record(
                new_id(),
                whole,
                said=application,
                caller=person.person_id,
                key=key,
                business_on=on,
                received_at=now,
            )
            on_record = None if new else Applications(session).find(case_id)
        if on_record is not None:
            return _submitted(on_record, existing=True)
        return self._start(case_id, existing=not new)

    def _start(self, case_id: str, *, existing: bool) -> Submitted:
        """Have the case taken up; where Temporal does not answer, the outbox will see to it."""
        try:
            received = self._gateway.update_with_start(
                "CreditApplicationWorkflow",
                application_id(case_id),
                {"case_id": case_id, "offset_days": self._clock.offset_days},
                SUBMIT,
                queue=CASES_QUEUE,
                seconds_max=SUBMIT_SECONDS_MAX,
            )
        except (StillPending, TemporalUnavailable):
            return Submitted(
                case_id=case_id, status=CaseStatus.RECEIVED, existing=existing, pending=True
            )
        except NotFound:  # it ran to its end already
            with self._records.begin() as session:
                return _submitted(Applications(session).read(case_id), existing=existing)
        return Submitted.model_validate(
            {name: received[name] for name in ("case_id", "status", "missing", "reason_codes")}
            | {"existing": existing}
        )

    def reconsider(
        self, person: Person, case_id: str, evidence: dict[str, Sha256], grounds: str, key: str
    ) -> Submitted:
        """Have a declined case decided anew (复议), once, on new evidence: a case of its own.

        The letter that declined stays. Refuses `OutOfOrder` where the case is not declined, or
        another is open on the limit, `ReconsiderationClosed`, `AlreadyReconsidered` and
        `NoNewEvidence`.
        """
        permit(person, Action.APPLICATION_RECONSIDER)
        _refuse_ill_formed(grounds, key)
        with self._records.begin() as session:
            declined = visible_case(session, person, case_id, to_change=True)
            letter = _reconsidered_letter(session, declined, self._clock.business_on())
            asked = with_evidence(declined.application, evidence, letter.letter_no)
            for sha256 in evidence.values():
                Attachments(session).read(sha256)
            found, new = Intakes(session).record(
                new_id(),
                asked,
                caller=person.person_id,
                key=key,
                business_on=self._clock.business_on(),
                received_at=self._clock.now(),
            )
            if not new and Reconsiderations(session).find(found) is None:
                raise OutOfOrder(reason="another case is open on the same limit")
            Reconsiderations(session).record(
                Reconsideration(
                    case_id=found,
                    declined_case_id=case_id,
                    letter_no=letter.letter_no,
                    steps=Assessments(session).read(case_id).route.steps,
                    evidence=evidence,
                    grounds=grounds.strip(),
                    asked_by=person.person_id,
                    asked_at=self._clock.now(),
                )
            )
            on_record = None if new else Applications(session).find(found)
        if on_record is not None:
            return _submitted(on_record, existing=True)
        return self._start(found, existing=not new)

    def recover(self, person: Person, case_id: str, reason: str, key: str) -> Submitted:
        """Put a case that lapsed in its approvers' silence before everybody on its route afresh.

        It is screened, judged and asked for as if it had come today; nothing is approved by it, and
        whoever recovers decides nothing on it. Refuses `OutOfOrder` where it did not lapse so, what
        is on record is not what was asked, or another case is open on the limit; `RecoveryClosed`,
        `AlreadyRecovered`, `OwnCase`, and `SameHands` to whoever was asked and did not answer.
        """
        permit(person, Action.APPLICATION_RECOVER)
        _refuse_ill_formed(reason, key)
        message_id = message_id_of(person, f"recover/{case_id}", key)
        with self._records.begin() as session:
            visible_case(session, person, case_id, to_change=True)
            case = Applications(session).read(case_id, for_update=True)
            recoveries = Recoveries(session)
            taken = recoveries.find_of_message(message_id)
            if taken is not None:
                if taken.reason != reason.strip():
                    raise KeyReused(key=key)
                return _recovered(session, case, taken, existing=True)
            recovery = self._recovery(session, person, case, reason.strip())
            Intakes(session).reopen(case_id)
            recoveries.record(recovery, message_id)
            Outbox(session).post(
                Channel.TEMPORAL,
                recovery.taken_as,
                recipient=case_id,
                kind="restart_application",
                facts={"case_id": case_id, "offset_days": str(self._clock.offset_days)},
                case_id=case_id,
            )
            return _recovered(session, case, recovery, existing=False)

    def _recovery(self, session: Session, person: Person, case: Case, reason: str) -> Recovery:
        """What is to be recorded, unless this person may not do it, or not now."""
        on, approvals = self._clock.business_on(), Approvals(session).list_of_subject(case.case_id)
        if approvals and Recoveries(session).find(approvals[-1].request.approval_id):
            raise AlreadyRecovered(approval_id=approvals[-1].request.approval_id)
        approval = lapsed_approval(case, approvals)
        edition = Editions(session).find_current(on)
        policy = RecoveryPolicy() if edition is None else edition.approval.recovery
        assert case.ended_at is not None, "a lapsed case has ended"
        lapsed_on = business_on(case.ended_at, self._clock.offset_days)
        refuse_late(case, lapsed_on, policy, on)
        receipt = Assessments(session).find_by_hash(case.case_id, approval.request.content_hash)
        refuse_changed(case, approval, receipt)
        if person.person_id in approval.request.makers:
            raise OwnCase(case_id=case.case_id)
        silent = _silent(session, approval)
        if person.person_id in silent:
            raise SameHands(first="leaving a task unanswered", second="recovering its case")
        return Recovery(
            approval_id=approval.request.approval_id,
            case_id=case.case_id,
            reason=reason,
            silent=silent,
            recovered_by=person.person_id,
            recovered_at=self._clock.now(),
        )

    def read_case(self, person: Person, case_id: str) -> CaseView:
        """The whole case; `NotFound` where the person does not see its customer."""
        permit(person, Action.APPLICATION_READ)
        with self._records.begin() as session:
            case = visible_case(session, person, case_id)
            assessments = Assessments(session)
            return CaseView(
                case=case,
                customer=Customers(session).read(case.application.customer_id),
                assessment=assessments.find(case_id),
                receipt_hash=assessments.find_hash(case_id),
                approvals=tuple(Approvals(session).list_of_subject(case_id)),
                tasks=tuple(Tasks(session).list_page(case_id=case_id, status=None)),
                decisions=tuple(Decisions(session).list_of_case(case_id)),
                letter=Letters(session).find_of_subject(case_id),
                offer=Offers(session).find_of_case(case_id),
                contract=Contracts(session).find_by_case(case_id),
                conditions=tuple(Conditions(session).list_of_case(case_id)),
                line=Lines(session).find(case.line_id) if case.line_id else None,
                screenings=tuple(
                    Disposed(screening=found, outcome=outcome, disposed_by=by, reason=reason)
                    for found, outcome, by, reason in Screenings(session).list_of_case(case_id)
                ),
                overrides=tuple(Overrides(session).list_of_case(case_id)),
                reconsideration=Reconsiderations(session).find(case_id)
                or Reconsiderations(session).find_of_declined(case_id),
                recoveries=tuple(Recoveries(session).list_of_case(case_id)),
            )

    def list_cases(
        self,
        person: Person,
        *,
        status: CaseStatus | None = None,
        customer_id: str | None = None,
        text: str | None = None,
        after: tuple[datetime, str] | None = None,
        page_size: int = 50,
    ) -> Sequence[Case]:
        """Cases of the customers the person sees, newest first."""
        permit(person, Action.APPLICATION_READ)
        with self._records.begin() as session:
            return Applications(session).list_page(
                page_size=page_size,
                after=after,
                status=status,
                customer_id=customer_id,
                manager_id=visible_to(person).manager_id,
                text=text,
            )

    def supplement(
        self, person: Person, case_id: str, change: ApplicationChange, key: str | None = None
    ) -> Acted:
        """Bring what was missing; refuses `OutOfOrder` where the case does not wait for it."""
        permit(person, Action.APPLICATION_CHANGE)
        return self._act(person, case_id, "supplement", key, change=change.model_dump(mode="json"))

    def amend(
        self, person: Person, case_id: str, change: ApplicationChange, key: str | None = None
    ) -> Acted:
        """Change what is asked for, as long as it is not decided; it is judged anew."""
        permit(person, Action.APPLICATION_CHANGE)
        return self._act(person, case_id, "amend", key, change=change.model_dump(mode="json"))

    def withdraw(
        self, person: Person, case_id: str, reason: str = "", key: str | None = None
    ) -> Acted:
        """End the case at any time before its line is active."""
        permit(person, Action.APPLICATION_WITHDRAW)
        return self._act(person, case_id, "withdraw", key, reason=reason)

    def dispose(
        self, person: Person, case_id: str, *, clear: bool, reason: str, key: str | None = None
    ) -> Acted:
        """Clear or confirm the screening hits that suspend a case."""
        permit(person, Action.SCREENING_DISPOSE)
        if not reason.strip():
            raise Malformed(reason="a disposition needs its reason")
        return self._act(person, case_id, "dispose", key, clear=clear, reason=reason)

    def override(
        self, person: Person, case_id: str, proposal: OverrideProposal, key: str | None = None
    ) -> Overridden:
        """Move the grade of a case that is judged and not decided; the case is judged anew. By no
        notch, the override that counts is taken back.

        Where its edition asks for a second person it waits for one. Refuses `OutOfOrder`,
        `OwnCase`, `SameHands`, `OverridePending` and what the edition does not allow.
        """
        permit(person, Action.OVERRIDE_PROPOSE)
        key = key or new_id()
        acted = self._act(
            person, case_id, "override", key, override=proposal.model_dump(mode="json")
        )
        with self._records.begin() as session:
            overrides = Overrides(session)
            if proposal.notches == 0:
                taken = [
                    each
                    for each in overrides.list_of_case(case_id)
                    if each.voided_by is VoidedBy.TAKEN_BACK
                ]
                override = taken[-1]
            else:
                message_id = message_id_of(person, f"override/{case_id}", key)
                override = overrides.read_of_message(message_id)
        return Overridden(
            case_id=case_id, status=acted.status, override=override, replayed=acted.replayed
        )

    def issue_token(self, person: Person, case_id: str) -> str:
        """A one-time token for one message to this case, for tools that speak to Temporal."""
        if not person.has(Role.RELATIONSHIP_MANAGER, Role.RISK_OFFICER, Role.APPROVER):
            permit(person, Action.APPLICATION_CHANGE)
        with self._records.begin() as session:
            visible_case(session, person, case_id, to_change=True)
            return self._token(session, person, case_id)

    def timeline(self, person: Person, case_id: str) -> list[TimelineEvent]:
        """Everything that happened to a case, oldest first: events, notices, refused attempts."""
        permit(person, Action.APPLICATION_HISTORY)
        with self._records.begin() as session:
            visible_case(session, person, case_id)
            return sorted(case_timeline(session, case_id), key=lambda event: event.at)

    def read_receipt(self, person: Person, case_id: str) -> Assessment:
        """The stored receipt of the newest judgement."""
        permit(person, Action.APPLICATION_READ)
        with self._records.begin() as session:
            visible_case(session, person, case_id)
            return Assessments(session).read(case_id)

    def replay(self, person: Person, case_id: str) -> Replayed:
        """Judge the stored inputs again under the stored edition, and compare."""
        permit(person, Action.APPLICATION_REPLAY)
        with self._records.begin() as session:
            visible_case(session, person, case_id)
            assessment = Assessments(session).read(case_id)
            stored_hash = Assessments(session).find_hash(case_id) or ""
            edition = Editions(session).read(assessment.edition_hash)
        return _replayed(assessment, stored_hash, edition)

    def replay_all(self, person: Person) -> ReplayedBook:
        """Judge the newest receipt of every case and review again, a page at a time."""
        permit(person, Action.APPLICATION_REPLAY)
        receipts, differing, after = 0, [], ""
        while True:
            with self._records.begin() as session:
                page = Assessments(session).list_newest_page(after, _REPLAYED_AT_ONCE)
                editions = {
                    digest: Editions(session).read(digest)
                    for digest in {receipt.edition_hash for receipt, _ in page}
                }
            for receipt, stored_hash in page:
                found = _replayed(receipt, stored_hash, editions[receipt.edition_hash])
                differing += [] if found.identical else [found]
            receipts += len(page)
            if len(page) < _REPLAYED_AT_ONCE:
                return ReplayedBook(
                    receipts=receipts,
                    identical=receipts - len(differing),
                    differing=tuple(differing),
                )
            after = page[-1][0].case_id

    def open_questions(self, person: Person, case_id: str) -> OpenFile:
        """What the case comes to as its file stands today, and what is still worth asking for.

        Refuses `CaseClosed` once the case has ended, and `RateMissing` as a judgement would.
        """
        permit(person, Action.APPLICATION_READ)
        on = self._clock.business_on()
        with self._records.begin() as session:
            case = visible_case(session, person, case_id)
            _refuse_closed(case)
            edition = Editions(session).read(case.edition_hash)
            file = file_of(session, case.application, edition, on, case_id=case_id)
            dossier = collect_dossier(session, case.application, edition, on, file, case_id)
        # The investigators' report answers no question about the applicant.
        missing = dict.fromkeys((*file.completeness.missing, *file.completeness.missing_optional))
        missing.pop(INVESTIGATION_REPORT, None)
        spent = Money.zero(edition.reporting_currency)
        return questions(dossier, edition, tuple(missing), automatic_spent=spent)

    def figures(self, person: Person) -> Figures:
        """How many cases, agreements and lines stand where, of all there are."""
        permit(person, Action.FIGURES_READ)
        with self._records.begin() as session:
            counts = Applications(session).counts()
            return Figures(
                applications=sum(counts.values()),
                by_status=counts,
                tasks_open=Tasks(session).count_open(),
                contracts_by_status=Contracts(session).counts(),
                lines_by_status=Lines(session).counts(),
            )

    def count_cases(self, person: Person) -> dict[CaseStatus, int]:
        """How many of the cases that the person's lists show stand where."""
        permit(person, Action.FIGURES_READ)
        with self._records.begin() as session:
            return Applications(session).counts(manager_id=visible_to(person).manager_id)

    def _act(
        self, person: Person, case_id: str, name: str, key: str | None, **content: Any
    ) -> Acted:
        """Send one message in the person's name; a closed case answers from our records."""
        action = CaseAction.model_validate(
            {
                "case_id": case_id,
                "action": name,
                "person_id": person.person_id,
                "message_id": message_id_of(person, f"{name}/{case_id}", key),
                "token": make_token(),
                "at": self._clock.now(),
                **content,
            }
        )
        with self._records.begin() as session:
            case = visible_case(session, person, case_id, to_change=True)
            taken = CaseEvents(session).find_message(action.message_id)
            if taken is not None:
                return _acted_before(case, action, taken)
            _refuse_closed(case)
            token = self._token(session, person, case_id)
        # The workflow knows its case and the time; what it is told is what was said and its proof.
        told = action.model_dump(mode="json", exclude={"case_id", "action", "at", "offset_days"})
        try:
            changed = self._gateway.update(application_id(case_id), name, told | {"token": token})
        except NotFound:
            with self._records.begin() as session:
                case = Applications(session).read(case_id)
                taken = CaseEvents(session).find_message(action.message_id)
            if taken is not None:
                return _acted_before(case, action, taken)
            _refuse_closed(case)
            raise
        return Acted.model_validate(changed)

    def _token(self, session: Session, person: Person, subject: str) -> str:
        expires_at = self._clock.now() + TOKEN_LASTS
        return ActionTokens(session).issue_action_token(person.person_id, subject, expires_at)


def case_timeline(session: Session, case_id: str) -> Iterator[TimelineEvent]:
    """What our own records say of a case: its events, the notices it owed, what was refused."""
    for event in CaseEvents(session).list_all(case_id):
        yield TimelineEvent(source="case", **event)
    for entry in Outbox(session).list_of_case(case_id):
        facts = {"recipient": entry.recipient, "state": entry.state}
        if entry.last_error:
            facts["last_error"] = entry.last_error
        yield TimelineEvent(
            at=entry.recorded_at,
            source="notice",
            kind=entry.kind,
            person_id="system",
            facts=facts,
        )
    for refused in Refusals(session).list_refusals(case_id=case_id, page_size=500):
        yield TimelineEvent(
            at=refused.recorded_at,
            source="refusal",
            kind=refused.code,
            person_id=refused.person_id or "unknown",
            facts={"action": refused.action, "detail": refused.detail},
        )


def message_id_of(person: Person, route: str, key: str | None) -> str:
    """The id of a message: the same for the same person, route and key; new without a key."""
    if key is None:
        return new_id()
    return content_hash([person.person_id, route, key])[:40]


def _acted_before(case: Case, action: CaseAction, taken: str) -> Acted:
    """The answer to a message that was taken already; refuses `KeyReused` where it said other."""
    if taken != action.said:
        raise KeyReused(key=action.message_id)
    return Acted(case_id=case.case_id, status=case.status, missing=case.missing, replayed=True)


def _replayed(receipt: Assessment, stored_hash: str, edition: PolicyEdition) -> Replayed:
    found = replayed(receipt, edition)
    if receipt.receipt_hash != stored_hash:
        said = {"recorded": stored_hash, "recomputed": receipt.receipt_hash}
        found = [Contrast(path="receipt_hash", **said), *found]
    return Replayed(
        case_id=receipt.case_id,
        edition=receipt.edition,
        receipt_hash=stored_hash,
        identical=not found,
        differing=tuple(each.path for each in found),
        differences=tuple(
            Differs(
                **each.model_dump(),
                sentence=each.sentence(),
                sentence_zh=each.sentence("zh-CN"),
            )
            for each in found
        ),
    )


def _submitted(case: Case, *, existing: bool) -> Submitted:
    return Submitted(
        case_id=case.case_id,
        status=case.status,
        missing=case.missing,
        reason_codes=case.reason_codes,
        existing=existing,
    )


def visible_case(
    session: Session, person: Person, case_id: str, *, to_change: bool = False
) -> Case:
    """The case, if the person sees its customer; or investigates it, was asked for an opinion or
    reads along, and only wants to read it; absent and forbidden look the same."""
    case = Applications(session).find(case_id)
    if case is None:
        raise NotFound(kind="application", id=case_id)
    manager_id = visible_to(person).manager_id
    if manager_id is not None:
        customer = Customers(session).read(case.application.customer_id)
        owned = customer.manager_id == manager_id
        takes_part = Investigations(session).investigates(case_id, manager_id)
        reads = takes_part or Approvals(session).reads_along(case_id, manager_id)
        if not owned and (to_change or not reads):
            raise NotFound(kind="application", id=case_id)
    return case


def _in_force(session: Session, on: date) -> PolicyEdition:
    edition = Editions(session).find_current(on)
    if edition is None:
        raise NotFound(kind="policy edition in force", id=on.isoformat())
    return edition


def _reconsidered_letter(session: Session, case: Case, on: date) -> Letter:
    """The letter that declined, while policy still lets it be reconsidered: what came of a
    reconsideration is not."""
    letter = Letters(session).find_of_subject(case.case_id)
    if case.status is not CaseStatus.DECLINED or letter is None:
        raise OutOfOrder(**because("case_not_declined", status=case.status))
    before = Reconsiderations(session).find(case.case_id)
    if before is not None:
        raise AlreadyReconsidered(letter_no=before.letter_no, case_id=case.case_id)
    edition = Editions(session).find_current(on)
    days = edition.approval.reconsideration.days_max if edition is not None else 0
    if not days or on > letter.decided_on + timedelta(days=days):
        raise ReconsiderationClosed(
            letter_no=letter.letter_no, decided_on=letter.decided_on, days=days
        )
    return letter


def _refuse_ill_formed(reason: str, key: str) -> None:
    if not reason.strip():
        raise Malformed(reason="a note has to say why")
    if len(reason) > 2000:
        raise Malformed(reason="a note has at most 2,000 characters")
    _refuse_key(key)


def _refuse_key(key: str) -> None:
    if not 0 < len(key) <= 200 or not key.isprintable():
        raise Malformed(reason="the key is empty, too long or not printable")


def _silent(session: Session, approval: Approval) -> tuple[str, ...]:
    """Whoever was asked in the step that lapsed and did not answer, as they were told of it."""
    tasks = {task.task_id: task for task in unanswered(approval)}
    named = [task.person_id for task in tasks.values() if task.person_id]
    asked = [task.help.of for task in tasks.values() if task.help and task.awaits_help]
    told = [
        entry.recipient.removeprefix("person:")
        for entry in Outbox(session).list_of_case(approval.request.case_id)
        if entry.kind in _ASKING and entry.facts["task_id"] in tasks
    ]
    return tuple(dict.fromkeys([*named, *asked, *told]))


def _recovered(session: Session, case: Case, recovery: Recovery, *, existing: bool) -> Submitted:
    pending = CaseEvents(session).find_message(recovery.taken_as) is None
    return _submitted(case, existing=existing).model_copy(update={"pending": pending})


def _refuse_closed(case: Case) -> None:
    if case.status is CaseStatus.WITHDRAWN:
        raise Withdrawn(case_id=case.case_id)
    if case.status.ended:
        raise CaseClosed(case_id=case.case_id, status=case.status)
