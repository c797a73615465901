"""The application's steps: each one transaction, each the same when it runs twice."""

from collections.abc import Callable
from datetime import date, datetime
from typing import TypeVar

from sqlalchemy.orm import Session
from temporalio import activity

from activities.assessment import File, collect_dossier, file_of
from activities.book import unit_for
from activities.exchange import Exchange
from activities.hands import makers_of
from activities.letter import issue_letter, order_of, tell_decision
from activities.offer import withdraw_offer
from activities.override import override_grade, standing, void, void_pending
from activities.refusals import FigureAwaited
from activities.signatures import ApplicationSteps
from domain.analyst_figure import factor_of
from domain.application import (
    Application,
    ApplicationChange,
    ApplicationType,
    Assessed,
    Case,
    CaseAction,
    CaseChanged,
    CaseEnd,
    CaseStart,
    CaseStatus,
    CaseStep,
    Received,
)
from domain.approval import ApprovalRequest, Subject
from domain.assessment import Assessment, Dossier, Lane
from domain.calendar import business_on
from domain.contract import ContractOrder, Letter
from domain.customer import Customer
from domain.edition import PolicyEdition
from domain.errors import (
    BenchmarkMissing,
    FormFieldRefused,
    KeyReused,
    NotFound,
    OutOfOrder,
    RateMissing,
    SameHands,
    Unauthenticated,
)
from domain.exchange import RateGap
from domain.external_rating import is_rating_gap
from domain.identity import Role
from domain.investigation import INVESTIGATION_REPORT
from domain.notification import Channel, Notice
from domain.override import OverrideStatus, VoidedBy
from domain.reasons import because
from domain.recovery import Recovery
from domain.screening import ListEffect
from policies.analyst_figure import awaited
from policies.assessment import assess
from policies.calendar import calendar_of
from policies.routing import chance_of, is_sampled
from policies.screening import screen
from storage.analyst_figure import AnalystFigures
from storage.application import Applications, Assessments, CaseEvents, Intakes, Screenings
from storage.approval import Approvals, AutomaticLane, Letters
from storage.base import Records
from storage.contract import Contracts
from storage.customer import Customers
from storage.edition import Editions
from storage.exchange import Rates
from storage.identity import ActionTokens, Persons
from storage.investigation import Investigations
from storage.notification import Outbox
from storage.override import Overrides
from storage.recovery import Recoveries
from storage.screening import Lists

_AMENDABLE = frozenset(
    {
        CaseStatus.RECEIVED,
        CaseStatus.INCOMPLETE,
        CaseStatus.RETURNED,
        CaseStatus.ASSESSED,
        CaseStatus.IN_APPROVAL,
    }
)
_Seen = TypeVar("_Seen")
_PARTICIPLE = {"amend": "amended", "supplement": "supplemented"}
_SUPPLEMENTED = frozenset({CaseStatus.INCOMPLETE, CaseStatus.RETURNED})


class ApplicationActivities(ApplicationSteps):
    """The steps on PostgreSQL."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @activity.defn
    def receive_application(self, case: CaseStart) -> Received:
        with self._records.begin() as session:
            on_record = Applications(session).find(case.case_id)
            since = None
            if on_record is None:
                on_record = _receive(session, case.case_id)
            else:
                on_record, since = _gone_on(session, on_record, case)
            edition = Editions(session).read(on_record.edition_hash)
            return Received(
                case_id=case.case_id,
                status=on_record.status,
                missing=on_record.missing,
                reason_codes=on_record.reason_codes,
                customer_id=on_record.application.customer_id,
                applicant=on_record.applicant,
                edition_hash=on_record.edition_hash,
                silence_until=silence_until(
                    on_record.status,
                    edition,
                    since or on_record.submitted_at,
                    case.offset_days,
                    on_record.missing,
                    unit_for(session, edition, on_record.application.customer_id),
                ),
            )

    @activity.defn
    def assess_application(self, step: CaseStep) -> Assessed:
        with self._records.begin() as session:
            before = Applications(session).read(step.case_id, for_update=True)
            if before.status in (CaseStatus.APPROVED, CaseStatus.DECLINED):
                return _assessed_already(session, before)
            if before.status.ended:  # withdrawn while this step was on its way
                return Assessed(case_id=step.case_id, status=before.status)
            try:
                return _assess(session, before, step)
            except BenchmarkMissing as gap:
                raise FigureAwaited(gap.detail()) from gap

    @activity.defn
    def change_application(self, action: CaseAction) -> CaseChanged:
        with self._records.begin() as session:
            return _once(session, action, _change)

    @activity.defn
    def withdraw_application(self, action: CaseAction) -> CaseChanged:
        with self._records.begin() as session:
            return _once(session, action, _withdraw)

    @activity.defn
    def dispose_hits(self, action: CaseAction) -> CaseChanged:
        with self._records.begin() as session:
            return _once(session, action, _dispose)

    @activity.defn
    def override_grade(self, action: CaseAction) -> CaseChanged:
        with self._records.begin() as session:
            return _once(session, action, override_grade)

    @activity.defn
    def look_at_case(self, step: CaseStep) -> CaseChanged:
        with self._records.begin() as session:
            case = Applications(session).read(step.case_id)
            return CaseChanged(case_id=case.case_id, status=case.status, missing=case.missing)

    @activity.defn
    def take_report(self, step: CaseStep) -> CaseChanged:
        with self._records.begin() as session:
            case = Applications(session).read(step.case_id, for_update=True)
            return _take_report(session, case, step)

    @activity.defn
    def end_case(self, end: CaseEnd) -> CaseChanged:
        with self._records.begin() as session:
            case = Applications(session).read(end.case_id, for_update=True)
            if not case.status.ended:
                case = lapse_case(session, case, end.at, *end.reason_codes, status=end.status)
            return CaseChanged(case_id=end.case_id, status=case.status)


def close_case(
    session: Session,
    case: Case,
    status: CaseStatus,
    at: datetime,
    reason_codes: tuple[str, ...] = (),
    *,
    letter_no: str | None = None,
    person_id: str = "system",
    message_id: str | None = None,
    message_hash: str = "",
) -> Case:
    """End a case: its row, its intake and its timeline say so in the same transaction."""
    ended = Applications(session).write(
        case,
        case.model_copy(
            update={
                "status": status,
                "reason_codes": reason_codes or case.reason_codes,
                "letter_no": letter_no or case.letter_no,
                "ended_at": at,
                "missing": (),
            }
        ),
    )
    Intakes(session).close(case.case_id, at)
    void_pending(session, case.case_id, VoidedBy.CASE, at)
    if status in (CaseStatus.WITHDRAWN, CaseStatus.LAPSED):
        withdraw_offer(session, case, at)
    CaseEvents(session).post(
        case.case_id,
        status,
        person_id=person_id,
        at=at,
        message_id=message_id,
        message_hash=message_hash,
        reason_codes=",".join(reason_codes),
    )
    return ended


# ── receive ──────────────────────────────────────────────────────────────────────────────────────


def _receive(session: Session, case_id: str) -> Case:
    """Record the case, look at the lists, and see what is missing."""
    application, applicant, on, received_at = Intakes(session).read(case_id)
    edition = Editions(session).find_current(on)
    if edition is None:
        raise NotFound(kind="policy edition in force", id=on.isoformat())
    status, missing, reasons = _admitted(session, application, edition, on, case_id)
    case = Case(
        case_id=case_id,
        application=application,
        status=CaseStatus.RECEIVED if status.ended else status,
        applicant=applicant,
        last_editor=applicant,
        missing=missing,
        reason_codes=reasons,
        edition_hash=edition.edition_hash,
        line_id=application.line_id,
        submitted_at=received_at,
        business_on=on,
    )
    Applications(session).record(case)
    Intakes(session).mark_started(case_id)
    told = _standing(case.model_copy(update={"status": status}))
    CaseEvents(session).post(case_id, "received", person_id=applicant, at=received_at, **told)
    if status is CaseStatus.INCOMPLETE:
        _tell_missing(session, case)
    if status is CaseStatus.REFUSED:
        return close_case(session, case, CaseStatus.REFUSED, received_at, reasons)
    return case


def _admitted(
    session: Session, application: Application, edition: PolicyEdition, on: date, case_id: str
) -> tuple[CaseStatus, tuple[str, ...], tuple[str, ...]]:
    """Where the lists and the file let a case begin: its status, what is missing, the rules hit."""
    customer = Customers(session).read(application.customer_id)
    entries = Lists(session).find_hits(customer.identifiers)
    screening = screen(customer, entries, Lists(session).versions(), on, edition)
    Screenings(session).record(screening, case_id)
    missing = _lacking(session, application, edition, on, case_id, customer)
    status = CaseStatus.INCOMPLETE if missing else CaseStatus.RECEIVED
    match screening.effect:
        case ListEffect.STOP:
            status = CaseStatus.REFUSED
        case ListEffect.SUSPEND:
            status = CaseStatus.SUSPENDED
    return status, missing, tuple(hit.rule for hit in screening.hits)


def _gone_on(session: Session, case: Case, start: CaseStart) -> tuple[Case, datetime | None]:
    """A case on record, open again where its lapse was recovered, and since when."""
    recovery = Recoveries(session).find_newest(case.case_id)
    if recovery is None:
        return case, None
    case = Applications(session).read(case.case_id, for_update=True)  # a twin may be opening it
    if CaseEvents(session).find_message(recovery.taken_as) is None:
        case = _reopened(session, case, recovery, start.offset_days)
    return case, recovery.recovered_at


def _reopened(session: Session, lapsed: Case, recovery: Recovery, offset_days: int) -> Case:
    """The case as it was asked for, looked at as if it had come today; what was said on it counts
    no more."""
    at = recovery.recovered_at
    edition = Editions(session).read(lapsed.edition_hash)
    on = business_on(at, offset_days)
    status, missing, reasons = _admitted(session, lapsed.application, edition, on, lapsed.case_id)
    case = Applications(session).write(
        lapsed,
        lapsed.model_copy(
            update={
                "status": CaseStatus.RECEIVED if status.ended else status,
                "missing": missing,
                "reason_codes": reasons,
                "ended_at": None,
            }
        ),
    )
    CaseEvents(session).post(
        case.case_id,
        "recovered",
        person_id=recovery.recovered_by,
        at=at,
        message_id=recovery.taken_as,
        message_hash=recovery.taken_as,
        reason=recovery.reason,
        **_standing(case.model_copy(update={"status": status})),
    )
    Outbox(session).post(
        Channel.MAIL,
        f"{recovery.approval_id}/recovered",
        recipient=f"person:{case.applicant}",
        kind=Notice.RECOVERED,
        facts={"case_id": case.case_id, "reason": recovery.reason},
        case_id=case.case_id,
    )
    if status is CaseStatus.INCOMPLETE:
        _tell_missing(session, case)
    if status is CaseStatus.REFUSED:
        return close_case(session, case, CaseStatus.REFUSED, at, reasons)
    return case


# ── assess ───────────────────────────────────────────────────────────────────────────────────────


def _assess(session: Session, before: Case, step: CaseStep) -> Assessed:
    """Judge; where no person is asked, decide in the same transaction."""
    on = business_on(step.at, step.offset_days)
    edition = Editions(session).read(before.edition_hash)
    judged = _or_gap(session, lambda: _looked_at(session, before, edition, on, step.at))
    if not isinstance(judged, Assessment):
        return _incomplete(session, before, judged, edition, step)
    assessment = judged
    Assessments(session).record(assessment)
    CaseEvents(session).post(
        before.case_id,
        "assessed",
        at=step.at,
        grade=assessment.rating.grade,
        limit_proposed=str(assessment.limit.limit_proposed),
        binding=assessment.limit.binding,
        lane=assessment.route.lane,
        **_told_model(assessment),
    )
    match assessment.route.lane:
        case Lane.PEOPLE:
            return _to_people(session, before, assessment, step.offset_days)
        case Lane.AUTOMATIC:
            return _decided_by_policy(session, before, assessment, edition, step.at, approved=True)
        case Lane.DECLINE:
            return _decided_by_policy(session, before, assessment, edition, step.at, approved=False)


def _looked_at(
    session: Session, case: Case, edition: PolicyEdition, on: date, at: datetime
) -> Assessment | tuple[str, ...]:
    """The receipt, or what the case still lacks."""
    file = file_of(session, case.application, edition, on, case_id=case.case_id)
    lacking = _lacks(session, file, case.application, edition, on)
    if lacking:
        return lacking
    dossier = collect_dossier(session, case.application, edition, on, file, case.case_id)
    return awaited(dossier, edition) or _judged(session, case, edition, dossier, at)


def _lacks(
    session: Session, file: File, application: Application, edition: PolicyEdition, on: date
) -> tuple[str, ...]:
    """What is missing on file; where anything is, the rate of what is asked for is named with it."""
    missing = file.completeness.missing
    if missing:
        try:
            Exchange(session, edition, on).reporting(application.limit_requested)
        except RateMissing as gap:
            return (*missing, RateGap.of(gap).code)
    return missing


def _lacking(
    session: Session,
    application: Application,
    edition: PolicyEdition,
    on: date,
    case_id: str,
    customer: Customer | None = None,
) -> tuple[str, ...]:
    """What a case lacks on a day, a rate that its records need among it."""

    def look() -> tuple[str, ...]:
        file = file_of(session, application, edition, on, customer, case_id)
        return _lacks(session, file, application, edition, on)

    return _or_gap(session, look)


def _or_gap(session: Session, look: Callable[[], _Seen]) -> _Seen | tuple[str, ...]:
    """What a look finds, or the exchange rate that it lacks.

    A look that fails has written nothing. It is made twice, so that a rate that is recorded in
    this moment is either seen, or finds the case waiting.
    """
    try:
        return look()
    except RateMissing:
        Rates(session).hold()
    try:
        return look()
    except RateMissing as missing:
        return (RateGap.of(missing).code,)


def _told_model(assessment: Assessment) -> dict[str, str]:
    """The model's grade, where an override gave another."""
    rating = assessment.rating
    return {} if rating.override is None else {"grade_model": rating.grade_model}


def _judged(
    session: Session,
    case: Case,
    edition: PolicyEdition,
    dossier: Dossier,
    at: datetime,
) -> Assessment:
    """The receipt, with the override that stands; one made on another grade of the model is void."""
    overrides = Overrides(session).list_of_case(case.case_id)
    override = standing(overrides)
    judged = _assessed_on(
        session,
        case,
        dossier.model_copy(update={"override": override.in_dossier}) if override else dossier,
        edition,
    )
    found = judged.rating.grade_model
    if override is not None and found != override.grade_model:
        void(session, override, VoidedBy.MODEL_GRADE, at, grade=f"{override.grade_model} → {found}")
        judged = _assessed_on(session, case, dossier, edition)
    for each in overrides:
        if each.status is OverrideStatus.PROPOSED and each.receipt_hash != judged.receipt_hash:
            void(session, each, VoidedBy.RECEIPT, at)
    return judged


def _assessed_on(
    session: Session, case: Case, dossier: Dossier, edition: PolicyEdition
) -> Assessment:
    on = dossier.business_on
    spent = AutomaticLane(session).spent_on(on, edition.reporting_currency)
    if spent is None:  # a lane that is switched off has nothing left to give today
        spent = edition.money(edition.approval.automatic.daily_amount_max + 1)
    return assess(
        case.case_id,
        dossier,
        edition,
        automatic_spent=spent,
        sampled=is_sampled(chance_of(case.case_id), edition),
    )


def _to_people(
    session: Session, before: Case, assessment: Assessment, offset_days: int
) -> Assessed:
    case = Applications(session).write(
        before, before.model_copy(update={"status": CaseStatus.ASSESSED, "missing": ()})
    )
    request = ApprovalRequest(
        subject=Subject.APPLICATION,
        subject_id=case.case_id,
        n=len(Approvals(session).list_of_subject(case.case_id)) + 1,
        case_id=case.case_id,
        customer_id=case.application.customer_id,
        makers=tuple(
            dict.fromkeys(
                (
                    *makers_of(session, case, assessment),
                    *Overrides(session).hands_on(case.case_id),
                )
            )
        ),
        investigators=Investigations(session).people_of(case.case_id),
        steps=assessment.route.steps,
        aggregate=assessment.route.aggregate,
        grade=assessment.rating.grade,
        content_hash=assessment.receipt_hash,
        edition_hash=assessment.edition_hash,
        route_row=assessment.route.row,
        facts=assessment.route.facts,
        reasons=assessment.route.reasons,
        offset_days=offset_days,
    )
    return Assessed(
        case_id=case.case_id,
        status=CaseStatus.ASSESSED,
        grade=assessment.rating.grade,
        amount_reporting=assessment.route.aggregate.amount,
        approval=request,
    )


def _decided_by_policy(
    session: Session,
    before: Case,
    assessment: Assessment,
    edition: PolicyEdition,
    at: datetime,
    *,
    approved: bool,
) -> Assessed:
    on = assessment.dossier.business_on
    letter = issue_letter(
        session,
        assessment,
        edition,
        approved=approved,
        on=on,
        decided_by=("system",),
        reason_codes=assessment.route.reasons,
    )
    if approved:
        granted = assessment.route.aggregate - assessment.dossier.holdings.group_limits
        if assessment.route.beside is not None:
            granted -= assessment.route.beside.total
        AutomaticLane(session).record(before.case_id, granted, on)
    answer = _assessed(assessment, letter, edition)
    conclude_case(session, before, letter, at, order=answer.order)
    return answer


def conclude_case(
    session: Session,
    before: Case,
    letter: Letter,
    at: datetime,
    person_id: str = "system",
    *,
    order: ContractOrder | None,
    overridden: bool = True,
) -> Case:
    """Write a final decision into the case and owe its notice; used by the lane and by people.

    Whoever knows that nobody asked to move its grade says so (`overridden`).
    """
    tell_decision(
        session,
        letter,
        applicant=before.applicant,
        customer_id=before.application.customer_id,
        offered=order is not None and order.offer is not None,
    )
    if not letter.approved:
        return close_case(
            session,
            before,
            CaseStatus.DECLINED,
            at,
            letter.reason_codes,
            letter_no=letter.letter_no,
            person_id=person_id,
        )
    if overridden:
        void_pending(session, before.case_id, VoidedBy.CASE, at)
    CaseEvents(session).post(
        before.case_id, "approved", person_id=person_id, at=at, letter_no=letter.letter_no
    )
    in_principle = before.application.application_type is ApplicationType.PRE_APPROVAL
    if in_principle:
        Intakes(session).close(before.case_id, at)
    return Applications(session).write(
        before,
        before.model_copy(
            update={
                "status": CaseStatus.APPROVED,
                "letter_no": letter.letter_no,
                "missing": (),
                "ended_at": at if in_principle else None,
            }
        ),
    )


def _assessed(assessment: Assessment, letter: Letter, edition: PolicyEdition) -> Assessed:
    return Assessed(
        case_id=assessment.case_id,
        status=CaseStatus.APPROVED if letter.approved else CaseStatus.DECLINED,
        grade=assessment.rating.grade,
        amount_reporting=assessment.route.aggregate.amount,
        letter_no=letter.letter_no,
        order=order_of(letter, assessment, edition),
    )


def _assessed_already(session: Session, case: Case) -> Assessed:
    """What the first run of this step answered, from what it wrote."""
    letter = Letters(session).find_of_subject(case.case_id)
    assert letter is not None, "a decided case has a letter"
    edition = Editions(session).read(case.edition_hash)
    return _assessed(Assessments(session).read(case.case_id), letter, edition)


def _incomplete(
    session: Session,
    before: Case,
    missing: tuple[str, ...],
    edition: PolicyEdition,
    step: CaseStep,
) -> Assessed:
    case = Applications(session).write(
        before, before.model_copy(update={"status": CaseStatus.INCOMPLETE, "missing": missing})
    )
    CaseEvents(session).post(case.case_id, "incomplete", at=step.at, **_standing(case))
    _tell_missing(session, case)
    unit = unit_for(session, edition, case.application.customer_id)
    return Assessed(
        case_id=case.case_id,
        status=case.status,
        missing=missing,
        silence_until=silence_until(case.status, edition, step.at, step.offset_days, missing, unit),
    )


# ── messages ─────────────────────────────────────────────────────────────────────────────────────


Step = Callable[[Session, Case, CaseAction], Case]


def _once(session: Session, action: CaseAction, step: Step) -> CaseChanged:
    """Authenticate a message, take it once, and answer a repeat as the first time."""
    case = Applications(session).read(action.case_id, for_update=True)
    taken = CaseEvents(session).find_message(action.message_id)
    if taken is not None:
        if taken != action.said:
            raise KeyReused(key=action.message_id)
        return CaseChanged(
            case_id=case.case_id, status=case.status, missing=case.missing, replayed=True
        )
    redeemed = ActionTokens(session).redeem(
        action.token, action.person_id, action.case_id, action.message_id, action.at
    )
    if not redeemed or Persons(session).find_active(action.person_id) is None:
        raise Unauthenticated()
    case = Applications(session).read_open(action.case_id)
    changed = step(session, case, action)
    edition = Editions(session).read(case.edition_hash)
    return CaseChanged(
        case_id=case.case_id,
        status=changed.status,
        missing=changed.missing,
        silence_until=silence_until(
            changed.status,
            edition,
            action.at,
            action.offset_days,
            changed.missing,
            unit_for(session, edition, case.application.customer_id),
        ),
    )


def _change(session: Session, case: Case, action: CaseAction) -> Case:
    """A supplement to what waits for one, or an amendment of what is not decided yet."""
    allowed = _SUPPLEMENTED if action.action == "supplement" else _AMENDABLE
    if case.status not in allowed or action.change is None:
        raise OutOfOrder(**because("case_takes_no", status=case.status, act=action.action))
    _refuse_kept(case.application, action.change)
    application = action.change.applied_to(case.application)
    edition = Editions(session).read(case.edition_hash)
    on = business_on(action.at, action.offset_days)
    missing = _lacking(session, application, edition, on, case.case_id)
    changed = case.model_copy(
        update={
            "application": application,
            "status": CaseStatus.INCOMPLETE if missing else CaseStatus.RECEIVED,
            "missing": missing,
            "last_editor": action.person_id,
        }
    )
    CaseEvents(session).post(
        case.case_id,
        _PARTICIPLE[action.action],
        person_id=action.person_id,
        at=action.at,
        message_id=action.message_id,
        message_hash=action.said,
        **_differences(case.application, application),
        **_standing(changed),
    )
    return Applications(session).write(case, changed)


def _refuse_kept(application: Application, change: ApplicationChange) -> None:
    """Nothing, or the field that a change of a line keeps as the line has it."""
    kind = application.application_type
    kept = ("limit_requested", "term_months", "above_eligible_reason")
    for field in kept if kind.has_form else ():
        said = getattr(change, field)
        if said is not None and said != getattr(application, field):
            raise FormFieldRefused(application_type=kind, field=field)


def _take_report(session: Session, case: Case, step: CaseStep) -> CaseChanged:
    """A case that waits lets go of the report once both have signed, and of a rate, a rating of an
    agency or an analyst's figure that has come; what else it lacks stays."""
    edition = Editions(session).read(case.edition_hash)
    on = business_on(step.at, step.offset_days)
    missing, told = case.missing, list[tuple[str, dict[str, str]]]()
    if case.status in _SUPPLEMENTED and INVESTIGATION_REPORT in missing:
        file = _or_gap(
            session,
            lambda: file_of(session, case.application, edition, on, case_id=case.case_id),
        )
        if not isinstance(file, File):
            missing = tuple(dict.fromkeys([*missing, *file]))
        elif file.report is None or file.report.signed is not None:
            missing = tuple(code for code in missing if code != INVESTIGATION_REPORT)
            told.append(("investigated", {}))
    if case.status in _SUPPLEMENTED:
        came = [code for code in missing if _rate_came(session, code, on)]
        missing = tuple(code for code in missing if code not in came)
        told += [("rate_recorded", {"rate": code}) for code in came]
        lacked = missing
        missing = _without_what_came(session, case, edition, on, missing)
        if missing != lacked:
            told.append(("file_changed", {}))
    if missing != case.missing:
        status = case.status if missing else CaseStatus.RECEIVED
        changed = case.model_copy(update={"status": status, "missing": missing})
        for kind, facts in told:
            CaseEvents(session).post(case.case_id, kind, at=step.at, **facts, **_standing(changed))
        case = Applications(session).write(case, changed)
    return CaseChanged(
        case_id=case.case_id,
        status=case.status,
        missing=missing,
        silence_until=silence_until(
            case.status,
            edition,
            step.at,
            step.offset_days,
            missing,
            unit_for(session, edition, case.application.customer_id),
        ),
    )


def _without_what_came(
    session: Session, case: Case, edition: PolicyEdition, on: date, missing: tuple[str, ...]
) -> tuple[str, ...]:
    """What a case still lacks, without figures that an analyst has supplied and ratings of an
    agency that are on file. What a rating was asked for by is named as it stands now."""
    supplied = AnalystFigures(session).counting(case.case_id) if _any_figure(missing) else {}
    missing = tuple(code for code in missing if factor_of(code) not in supplied)
    if not any(map(is_rating_gap, missing)):
        return missing
    file = _or_gap(
        session, lambda: file_of(session, case.application, edition, on, case_id=case.case_id)
    )
    if not isinstance(file, File):
        return missing
    now = filter(is_rating_gap, file.completeness.missing)
    return tuple(dict.fromkeys([*(code for code in missing if not is_rating_gap(code)), *now]))


def _any_figure(missing: tuple[str, ...]) -> bool:
    return any(factor_of(code) is not None for code in missing)


def _rate_came(session: Session, code: str, on: date) -> bool:
    """Whether a code is a rate that was missing and is there now."""
    gap = RateGap.find(code)
    if gap is None:
        return False
    try:
        Rates(session).read(gap.base, gap.quote, on=on, kind=gap.kind)
    except RateMissing:
        return False
    return True


def _standing(case: Case) -> dict[str, str]:
    """Where the case stands now and what it waits for: whose time it is follows from nothing else."""
    missing = {"missing": ",".join(case.missing)} if case.missing else {}
    return {"status": str(case.status), **missing}


def _differences(before: Application, after: Application) -> dict[str, str]:
    """What a change changed, as `field: old → new`."""
    first, second = before.model_dump(mode="json"), after.model_dump(mode="json")
    return {
        name: f"{first[name]} → {second[name]}" for name in first if first[name] != second[name]
    }


def _withdraw(session: Session, case: Case, action: CaseAction) -> Case:
    Contracts(session).withdraw_open(case.case_id, action.at)
    return close_case(
        session,
        case,
        CaseStatus.WITHDRAWN,
        action.at,
        ("withdrawn",),
        person_id=action.person_id,
        message_id=action.message_id,
        message_hash=action.said,
    )


def _dispose(session: Session, case: Case, action: CaseAction) -> Case:
    """A risk officer, not the applicant, clears or confirms; a reason is part of it."""
    if case.status is not CaseStatus.SUSPENDED or action.clear is None:
        raise OutOfOrder(**because("case_no_hit", status=case.status))
    person = Persons(session).read_person(action.person_id)
    if not person.has(Role.RISK_OFFICER) or action.person_id == case.applicant:
        raise SameHands(first="the application", second="the disposition of its hits")
    Screenings(session).dispose(
        case.case_id, cleared=action.clear, person_id=action.person_id, reason=action.reason
    )
    if not action.clear:
        return close_case(
            session,
            case,
            CaseStatus.REFUSED,
            action.at,
            case.reason_codes,
            person_id=action.person_id,
            message_id=action.message_id,
            message_hash=action.said,
        )
    status = CaseStatus.INCOMPLETE if case.missing else CaseStatus.RECEIVED
    cleared = case.model_copy(update={"status": status, "reason_codes": ()})
    CaseEvents(session).post(
        case.case_id,
        "hit_cleared",
        person_id=action.person_id,
        at=action.at,
        message_id=action.message_id,
        message_hash=action.said,
        reason=action.reason,
        **_standing(cleared),
    )
    return Applications(session).write(case, cleared)


# ── time and notices ─────────────────────────────────────────────────────────────────────────────


def silence_until(
    status: CaseStatus,
    edition: PolicyEdition,
    since: datetime,
    offset_days: int,
    missing: tuple[str, ...] = (),
    unit: str = "",
) -> datetime | None:
    """When a waiting case lapses if nobody answers; None where it does not wait for an answer.

    A case that lacks the investigators' report alone has their time, not the applicant's; one that
    lacks exchange rates or an analyst's figures alone waits for us, and does not lapse.
    """
    hours = {
        CaseStatus.INCOMPLETE: edition.silence.incomplete_hours,
        CaseStatus.RETURNED: edition.silence.returned_hours,
        CaseStatus.SUSPENDED: edition.silence.suspended_hours,
    }.get(status)
    if hours is None:
        return None
    asked = tuple(code for code in missing if not _ours(code))
    if missing and not asked:
        return None
    if asked == (INVESTIGATION_REPORT,):
        hours = edition.silence.investigation_hours
    return calendar_of(edition.approval, unit).after(since, hours, offset_days)


def _ours(code: str) -> bool:
    """Whether what is lacking is ours to bring: a rate, or an analyst's figure."""
    return RateGap.find(code) is not None or factor_of(code) is not None


def _tell_missing(session: Session, case: Case) -> None:
    """The applicant hears what is missing; of what is ours to bring, risk officers hear as well."""
    key = f"{case.case_id}/incomplete/{case.version}"
    keys = {case.applicant: key}
    if any(map(_ours, case.missing)):
        risk = [each for each in Persons(session).list_persons() if each.has(Role.RISK_OFFICER)]
        keys = {each.person_id: f"{key}/{each.person_id}" for each in risk} | keys
    for person_id, key in keys.items():
        Outbox(session).post(
            Channel.MAIL,
            key,
            recipient=f"person:{person_id}",
            kind=Notice.APPLICATION_INCOMPLETE,
            facts={"case_id": case.case_id, "missing": ",".join(case.missing)},
            case_id=case.case_id,
        )


def lapse_case(
    session: Session,
    case: Case,
    at: datetime,
    *reason_codes: str,
    status: CaseStatus = CaseStatus.LAPSED,
) -> Case:
    """End a case that nobody answered for, and owe the applicant the notice of it."""
    ended = close_case(session, case, status, at, reason_codes)
    Outbox(session).post(
        Channel.MAIL,
        f"{case.case_id}/lapsed/{case.version}",
        recipient=f"person:{case.applicant}",
        kind=Notice.LAPSED,
        facts={"case_id": case.case_id, "reason": ",".join(reason_codes)},
        case_id=case.case_id,
    )
    return ended
