"""The line's steps: the gate that opens it, what time does to it, and what people do."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session
from temporalio import activity

from activities.application import close_case
from activities.excess import Looked
from activities.excess import look_at_line as look_at_excess
from activities.form import facts_of, line_of
from activities.line_cover import follow_cover, resting, stand
from activities.signatures import LineSteps
from activities.use import sweep_uses
from domain.application import Application, ApplicationType, Case, CaseStatus
from domain.calendar import business_on, day_begins_at
from domain.contract import Letter, Terms
from domain.customer import CreditEvent, CreditEventType
from domain.edition import PolicyEdition
from domain.errors import (
    Malformed,
    NotPermitted,
    OutOfOrder,
    RatingExpired,
    SameHands,
    Unauthenticated,
)
from domain.exposure import UseBounds
from domain.form import CoverForm, ExtensionForm
from domain.identity import SYSTEM, Role
from domain.ids import uuid7
from domain.line import (
    SCREENING,
    TERMINATION,
    Activation,
    ActivationRequest,
    ConditionPrecedent,
    CreditLine,
    ExpirySweep,
    ExpirySwept,
    LineAction,
    LineLook,
    LineProgress,
    LineStatus,
    ReviewDue,
    next_due_at,
    refuse_stop,
    refuse_unready,
)
from domain.notification import Channel, Notice
from domain.review import ReviewCause
from domain.screening import ListEffect, Screening
from domain.value import content_hash
from policies.form import last_draw_on, refuse_unfit
from policies.line import LineDates, line_dates, use_bounds
from policies.screening import screen
from policies.terms import days_approved
from storage.application import Applications, Assessments, Screenings
from storage.approval import Letters
from storage.base import Records
from storage.contract import Contracts
from storage.cover import Covers
from storage.customer import Customers
from storage.edition import Editions
from storage.excess import Excesses
from storage.exposure import Accounts, Exposure
from storage.identity import ActionTokens, Persons
from storage.line import Conditions, Lines
from storage.notification import Outbox
from storage.review import Reviews
from storage.screening import Lists

# Who may do what to a line, at the moment of doing it. Whoever froze it does not unfreeze it.
ROLES: dict[str, frozenset[Role]] = {
    "freeze": frozenset({Role.RISK_OFFICER}),
    "unfreeze": frozenset({Role.APPROVER, Role.RISK_OFFICER}),
    "terminate": frozenset({Role.APPROVER}),
}


class LineActivities(LineSteps):
    """The steps on PostgreSQL."""

    def __init__(self, records: Records, exposure: Exposure) -> None:
        self._records = records
        self._exposure = exposure

    @activity.defn
    def activate_line(self, request: ActivationRequest) -> Activation:
        with self._records.begin() as session:
            return _Gate(session, request).open()

    @activity.defn
    def look_at_line(self, look: LineLook) -> LineProgress:
        on = business_on(look.at, look.offset_days)
        with self._records.begin() as session:
            line = Lines(session).read(look.line_id, for_update=True)
            if line.status.ended:
                return _progress(session, line, look.offset_days, on)
            if line.temporary_until is not None and on > line.temporary_until:
                edition = Editions(session).read(line.edition_hash)
                line = Lines(session).end_temporary(line, on, look.at, edition.temporary.overlap)
            follow_cover(session, line, on)
            look_at_excess(session, line, Looked(look.at, on, look.offset_days))
            if line.closing:
                line = _ended_where_free(session, line, look.at)
            if on > line.ends_on and not line.status.ended:
                line = _expired(session, line, look.at)
            elif on >= line.review_due_on and not (line.status.ended or line.closing):
                _open_review(session, line, ReviewCause.CYCLE, on, look.offset_days)
            return _progress(session, line, look.offset_days, on)

    @activity.defn
    def act_on_line(self, action: LineAction) -> LineProgress:
        with self._records.begin() as session:
            _authenticate(session, action)
            Lines(session).read(action.line_id, for_update=True)
            taken = Lines(session).has_taken(action.message_id)
            line = _ACTIONS[action.action](session, action)
            if not taken:
                _tell_parties(session, line, action)
            on = business_on(action.at, action.offset_days)
            return _progress(session, line, action.offset_days, on).model_copy(
                update={"replayed": taken}
            )

    @activity.defn
    def open_review(self, due: ReviewDue) -> LineProgress:
        on = business_on(due.at, due.offset_days)
        with self._records.begin() as session:
            line = Lines(session).read(due.line_id, for_update=True)
            if not (line.status.ended or line.closing):
                _open_review(session, line, due.cause, on, due.offset_days)
            return _progress(session, line, due.offset_days, on)

    @activity.defn
    def expire_reservations(self, sweep: ExpirySweep) -> ExpirySwept:
        ended = self._exposure.expire_due(
            business_on=business_on(sweep.at, sweep.offset_days), as_of=sweep.at, most=sweep.most
        )
        ended += sweep_uses(self._records, self._exposure, sweep.at, sweep.most - ended)
        return ExpirySwept(ended=ended)


def tell_line(session: Session, line_id: str, key: str) -> None:
    """Owe a line's workflow the news that its row was changed by somebody else's transaction."""
    Outbox(session).post(
        Channel.TEMPORAL,
        key,
        recipient=line_id,
        kind="signal_line_changed",
        facts={"line_id": line_id},
    )


# ── the gate ─────────────────────────────────────────────────────────────────────────────────────


_RAISING = frozenset(
    {
        ApplicationType.NEW_LINE,
        ApplicationType.INCREASE,
        ApplicationType.TEMPORARY_INCREASE,
    }
)


_RENEWING = frozenset({ApplicationType.RENEWAL, ApplicationType.RESTRUCTURE})


def _beside(terms: Terms, before: Terms) -> Terms:
    """Of terms that change others, what they ask for anew: the rest was met before."""
    return terms.model_copy(
        update={
            name: tuple(each for each in getattr(terms, name) if each not in getattr(before, name))
            for name in ("conditions", "scheme_conditions")
        }
    )


class _Gate:
    """One try at putting a letter in force, in one transaction: all of it, or what still holds it."""

    def __init__(self, session: Session, request: ActivationRequest) -> None:
        self._session = session
        self._request = request
        self._on = business_on(request.at, request.offset_days)

    def open(self) -> Activation:
        """Refuses what no waiting can mend: `ContractDiffers`, `LetterLapsed`, `RatingExpired`,
        `ScreeningStale`."""
        case = Applications(self._session).read(self._request.case_id, for_update=True)
        in_force = Lines(self._session).find_of_case(case.case_id)
        if in_force is not None:
            return Activation(case_id=case.case_id, line_id=in_force.line_id)
        case = Applications(self._session).read_open(case.case_id)
        letter = Letters(self._session).read(self._request.letter_no)
        contract = None
        if not case.application.application_type.keeps_terms:
            contract = Contracts(self._session).read(self._request.contract_id)
        refuse_unready(letter, contract, self._on)
        self._refuse_expired_rating(case)
        held_by = self._held_by(case, letter)
        if held_by:
            return self._held(case, letter, held_by)
        return self._opened(case, letter)

    def _refuse_expired_rating(self, case: Case) -> None:
        """More is lent on a rating that counts; a renewal or a cut is not held up by its end."""
        if case.application.application_type not in _RAISING:
            return
        judged = Assessments(self._session).find(case.case_id)
        until = judged.rating.valid_until if judged is not None else None
        if until is not None and self._on > until:
            raise RatingExpired(valid_until=until)

    def _held_by(self, case: Case, letter: Letter) -> tuple[str, ...]:
        """Codes of what is still open; the conditions are on record from the first try on."""
        assert letter.terms is not None
        owner = Customers(self._session).read(letter.terms.customer_id).manager_id
        terms = letter.terms
        if case.application.application_type.keeps_terms:
            terms = _beside(terms, self._line_of(case.application).terms)
        conditions = Conditions(self._session).open(
            case.case_id, terms.conditions, owner=owner, scheme=terms.scheme_conditions
        )
        if not self._screened(case, conditions):
            conditions = Conditions(self._session).open(case.case_id, [SCREENING], owner=owner)
        return tuple(each.code for each in conditions if each.holds(self._on))

    def _screened(self, case: Case, conditions: Sequence[ConditionPrecedent]) -> bool:
        """Whether a screening of these days is clear, or what it hit was shown to be another."""
        screening, outcome = self._fresh_screening(case)
        refuse_stop(screening.effect, screening.business_on)
        if screening.effect is not ListEffect.SUSPEND or outcome == "cleared":
            return True
        return any(each.code == SCREENING and each.settled for each in conditions)

    def _fresh_screening(self, case: Case) -> tuple[Screening, str]:
        """The newest screening, taken again where it is too old for the edition."""
        edition = self._edition(case)
        found = Screenings(self._session).find_newest(case.application.customer_id)
        oldest = self._on - timedelta(days=edition.screening.age_days_max)
        if found is not None and found[0].business_on >= oldest:
            return found
        customer = Customers(self._session).read(case.application.customer_id)
        lists = Lists(self._session)
        entries = lists.find_hits(customer.identifiers)
        screening = screen(customer, entries, lists.versions(), self._on, edition)
        Screenings(self._session).record(screening, case.case_id)
        return screening, screening.effect or "clear"

    def _held(self, case: Case, letter: Letter, codes: tuple[str, ...]) -> Activation:
        if case.status is not CaseStatus.CONDITIONS:
            Applications(self._session).write(
                case, case.model_copy(update={"status": CaseStatus.CONDITIONS})
            )
        return Activation(
            case_id=case.case_id,
            open_conditions=codes,
            retry_at=day_begins_at(
                letter.valid_until + timedelta(days=1), self._request.offset_days
            ),
        )

    def _opened(self, case: Case, letter: Letter) -> Activation:
        kind = case.application.application_type
        if kind is ApplicationType.NEW_LINE:
            line = self._new_line(case, letter)
        elif kind.keeps_terms:
            line = self._amended_line(case, letter)
        else:
            line = self._changed_line(case, letter)
        named = Applications(self._session).write(
            case, case.model_copy(update={"line_id": line.line_id})
        )
        close_case(self._session, named, CaseStatus.ACTIVE, self._request.at)
        self._tell(case, letter, line)
        return Activation(case_id=case.case_id, line_id=line.line_id)

    def _new_line(self, case: Case, letter: Letter) -> CreditLine:
        assert letter.terms is not None
        customer = Customers(self._session).read(letter.terms.customer_id)
        grade = Assessments(self._session).read(case.case_id).rating.grade
        dates = self._dates(case, letter, grade)
        line = CreditLine(
            line_id=_line_id_of(case.case_id, self._request.at),
            customer_id=letter.terms.customer_id,
            group_id=customer.group_id,
            case_id=case.case_id,
            letter_no=letter.letter_no,
            contract_id=self._request.contract_id,
            terms=letter.terms,
            limit=letter.terms.limit,
            status=LineStatus.ACTIVE,
            grade=grade,
            edition_hash=case.edition_hash,
            starts_on=dates.starts_on,
            last_draw_on=dates.last_draw_on,
            ends_on=dates.ends_on,
            review_due_on=dates.review_due_on,
            activated_at=self._request.at,
        )
        rests = resting(self._session, line, letter, self._on)
        bounds = self._bounds(case, letter, dates.ends_on)
        line = Lines(self._session).open(line, self._on, bounds, rests.parts)
        stand(self._session, line, rests, self._on)
        Outbox(self._session).post(
            Channel.TEMPORAL,
            f"{line.line_id}/start",
            recipient=line.line_id,
            kind="start_line",
            facts={
                "line_id": line.line_id,
                "offset_days": str(self._request.offset_days),
            },
            case_id=case.case_id,
        )
        return line

    def _changed_line(self, case: Case, letter: Letter) -> CreditLine:
        """A raise, a cut or a temporary limit changes the limit; a renewal and a restructuring the
        dates as well."""
        line = self._line_of(case.application)
        kind = case.application.application_type
        if kind is ApplicationType.RESTRUCTURE and line.letter_no != letter.replaces:
            raise OutOfOrder(reason="the line was changed by something else meanwhile")
        if kind in _RENEWING:
            grade = Assessments(self._session).read(case.case_id).rating.grade
            dates = self._dates(case, letter, grade)
            line = line.model_copy(
                update={
                    "grade": grade,
                    "edition_hash": case.edition_hash,
                    "contract_id": self._request.contract_id,
                    "last_draw_on": dates.last_draw_on,
                    "ends_on": dates.ends_on,
                    "review_due_on": dates.review_due_on,
                }
            )
        beside = kind is ApplicationType.TEMPORARY_INCREASE  # the line's own limit stays
        rests = None if beside else resting(self._session, line, letter, self._on)
        changed = Lines(self._session).change(
            line,
            letter,
            kind,
            case_id=case.case_id,
            at=self._request.at,
            business_on=self._on,
            bounds=self._bounds(case, letter, line.ends_on),
            cover_parts=rests.parts if rests is not None else None,
        )
        if rests is not None:
            stand(self._session, changed, rests, self._on)
        if kind is ApplicationType.RESTRUCTURE:
            self._on_file(case, changed)
        tell_line(self._session, line.line_id, f"{letter.letter_no}/line_changed")
        return changed

    def _on_file(self, case: Case, line: CreditLine) -> None:
        """A restructuring is of the customer's credit history, which its class goes by."""
        Customers(self._session).record_event(
            CreditEvent(
                event_id=f"{case.case_id}-restructured",
                customer_id=line.customer_id,
                event_type=CreditEventType.RESTRUCTURED,
                occurred_on=self._on,
                amount=line.limit,
                note=line.letter_no,
            )
        )

    def _amended_line(self, case: Case, letter: Letter) -> CreditLine:
        """What the letter of change says, on the line that it was decided on, and nothing else."""
        line, application = self._line_of(case.application), case.application
        if line.letter_no != letter.replaces:
            raise OutOfOrder(reason="the line was changed by something else meanwhile")
        edition = self._edition(case)
        if isinstance(application.form, CoverForm):
            Covers(self._session).hold(application.form.cover_ids)
        facts = facts_of(self._session, application, line, edition, self._on)
        refuse_unfit(application, facts, edition)
        if isinstance(application.form, ExtensionForm):
            last_on = last_draw_on(application.form, line, edition)
            days = {"ends_on": application.form.until, "last_draw_on": last_on}
            line = line.model_copy(update=days)
        if isinstance(application.form, CoverForm):
            self._covered(case, letter, line, application.form)
        amended = Lines(self._session).amend(
            line,
            letter,
            application.application_type,
            case_id=case.case_id,
            at=self._request.at,
            business_on=self._on,
            bounds=self._bounds(case, letter, line.ends_on),
        )
        follow_cover(self._session, amended, self._on)
        if application.application_type is ApplicationType.TERMINATION:
            amended = self._closing(amended, letter)
        tell_line(self._session, line.line_id, f"{letter.letter_no}/line_changed")
        return amended

    def _covered(self, case: Case, letter: Letter, line: CreditLine, form: CoverForm) -> None:
        """The register as the letter has it: said by who applied, confirmed by who approved."""
        covers = Covers(self._session)
        for cover_id in form.cover_ids:
            before = covers.read(cover_id).newest.content
            after = form.applied_to(cover_id, before, line.customer_id, line.line_id)
            newest = covers.record(cover_id, after, case.applicant).newest
            if newest.pending:
                covers.check(
                    cover_id,
                    newest.version,
                    letter.decided_by[-1],
                    confirmed=True,
                    note=letter.letter_no,
                )

    def _closing(self, line: CreditLine, letter: Letter) -> CreditLine:
        """Nothing more goes out from now on; the line ends at once where nothing is taken."""
        lines, at = Lines(self._session), self._request.at
        lines.freeze(
            line.line_id,
            reason=TERMINATION,
            message_id=f"{letter.letter_no}/termination",
            at=at,
            collect_only=True,
        )
        _stop_review(self._session, line.line_id)
        return _ended_where_free(self._session, lines.read(line.line_id, for_update=True), at)

    def _line_of(self, application: Application) -> CreditLine:
        return line_of(self._session, application, for_update=True)

    def _dates(self, case: Case, letter: Letter, grade: str) -> LineDates:
        assert letter.terms is not None
        return line_dates(self._on, letter.terms.term_months, grade, self._edition(case))

    def _bounds(self, case: Case, letter: Letter, ends_on: date) -> UseBounds:
        assert letter.terms is not None
        edition = self._edition(case)
        days = days_approved(letter.terms.payment_terms, edition)
        return use_bounds(letter.terms, ends_on, days, edition)

    def _edition(self, case: Case) -> PolicyEdition:
        return Editions(self._session).read(case.edition_hash)

    def _tell(self, case: Case, letter: Letter, line: CreditLine) -> None:
        notice, facts = Notice.LINE_CHANGED, {"letter_no": letter.letter_no}
        if not case.application.application_type.keeps_terms:
            notice = Notice.LINE_ACTIVATED
            facts = {"limit": str(line.limit), "ends_on": line.ends_on.isoformat()}
        for recipient in (f"person:{case.applicant}", f"customer:{line.customer_id}"):
            Outbox(self._session).post(
                Channel.MAIL,
                f"{letter.letter_no}/activated/{recipient}",
                recipient=recipient,
                kind=notice,
                facts={"line_id": line.line_id, **facts},
                case_id=case.case_id,
            )


def _line_id_of(case_id: str, at: datetime) -> str:
    """The same for a repeat of this activation, so that a line is made once."""
    chance = bytes.fromhex(content_hash([case_id, "line"])[:20])
    return uuid7(int(at.timestamp() * 1000), chance)


# ── what time does ───────────────────────────────────────────────────────────────────────────────


def _ended_where_free(session: Session, line: CreditLine, at: datetime) -> CreditLine:
    """Terminated where nothing is reserved or used on it any more; as it is otherwise."""
    balance = Accounts(session).find_balance("line", line.line_id, line.limit.currency)
    if balance is None or balance.taken:
        return line
    _stop_review(session, line.line_id)
    return Lines(session).end(
        line.line_id, LineStatus.TERMINATED, message_id=f"{line.line_id}/terminated", at=at
    )


def _expired(session: Session, line: CreditLine, at: datetime) -> CreditLine:
    _stop_review(session, line.line_id)
    return Lines(session).end(
        line.line_id, LineStatus.EXPIRED, message_id=f"{line.line_id}/expired", at=at
    )


def _open_review(
    session: Session, line: CreditLine, cause: ReviewCause, on: date, offset_days: int
) -> None:
    """Open the line's review and owe its start; one that is open takes the cause in."""
    review, is_new = Reviews(session).open(
        line_id=line.line_id,
        customer_id=line.customer_id,
        cause=cause,
        due_on=line.review_due_on,
        on=on,
    )
    if not is_new:
        return
    Outbox(session).post(
        Channel.TEMPORAL,
        f"start/{review.review_id}",
        recipient=review.review_id,
        kind="start_review",
        facts={"line_id": line.line_id, "n": str(review.n), "offset_days": str(offset_days)},
    )
    owner = Customers(session).read(line.customer_id).manager_id
    Outbox(session).post(
        Channel.MAIL,
        f"{review.review_id}/due",
        recipient=f"person:{owner}",
        kind=Notice.REVIEW_DUE,
        facts={"line_id": line.line_id, "due_on": line.review_due_on.isoformat()},
    )


def _stop_review(session: Session, line_id: str) -> None:
    """Nobody is asked any more about a line that ends: owe its open review the news."""
    review = Reviews(session).find_open(line_id)
    if review is None:
        return
    Outbox(session).post(
        Channel.TEMPORAL,
        f"stop/{review.review_id}",
        recipient=review.review_id,
        kind="signal_review_stop",
        facts={"line_id": line_id, "n": str(review.n)},
    )


def _progress(session: Session, line: CreditLine, offset_days: int, on: date) -> LineProgress:
    review_open = Reviews(session).find_open(line.line_id) is not None
    return LineProgress(
        line_id=line.line_id,
        customer_id=line.customer_id,
        status=line.status,
        review_due_on=line.review_due_on,
        ends_on=line.ends_on,
        temporary_until=line.temporary_until,
        review_open=review_open,
        freeze_reasons=line.freeze_reasons,
        look_again_at=next_due_at(
            line,
            review_open=review_open,
            offset_days=offset_days,
            closing_on=on if line.closing else None,
            limit_moves_on=_limit_moves_on(session, line, on),
        ),
    )


def _limit_moves_on(session: Session, line: CreditLine, on: date) -> date | None:
    account = Accounts(session).find_balance("line", line.line_id, line.limit.currency)
    parts = account.parts if account is not None else ()
    days = [each.from_on for each in parts if each.from_on is not None and each.from_on > on]
    steps = (each.next_step(on) for each in Excesses(session).open_of_line(line.line_id))
    days += [each.due_on + timedelta(days=1) for each in steps if each is not None]
    return min(days, default=None)


# ── what people do, and rules in the system's name ───────────────────────────────────────────────


def _authenticate(session: Session, action: LineAction) -> None:
    """A person's message needs its token and the role; a rule's must be owed in our own records."""
    if action.action not in _ACTIONS:
        raise Malformed(reason="a line takes freeze, unfreeze and terminate")
    if action.person_id == SYSTEM.person_id:
        owed = Outbox(session).find(Channel.TEMPORAL, action.message_id)
        facts = {"line_id": action.line_id, "reason": action.reason or ""}
        if action.product is not None:
            raise Unauthenticated()
        if owed is None or owed.kind != f"update_line_{action.action}" or owed.facts != facts:
            raise Unauthenticated()
        return
    redeemed = ActionTokens(session).redeem(
        action.token,
        action.person_id,
        f"{action.line_id}/{action.action}",
        action.message_id,
        action.at,
    )
    person = Persons(session).find_active(action.person_id)
    if not redeemed or person is None:
        raise Unauthenticated()
    if not person.has(*ROLES[action.action]):
        raise NotPermitted(action=f"line.{action.action}")
    if not action.note:
        raise Malformed(reason="a note has to say why")
    if action.product is not None and action.collect_only:
        raise Malformed(reason="collect-only is a state of the line as a whole")
    if action.reason == TERMINATION:
        raise Malformed(reason="that reason is a letter's, and no person's")


def _frozen(session: Session, action: LineAction) -> CreditLine:
    return Lines(session).freeze(
        action.line_id,
        reason=action.reason or "decision",
        message_id=action.message_id,
        at=action.at,
        person_id=action.person_id,
        collect_only=action.collect_only,
        note=action.note,
        product=action.product,
    )


def _unfrozen(session: Session, action: LineAction) -> CreditLine:
    return Lines(session).unfreeze(
        action.line_id,
        message_id=action.message_id,
        at=action.at,
        person_id=action.person_id,
        reason=action.reason,
        note=action.note,
        product=action.product,
    )


def _terminated(session: Session, action: LineAction) -> CreditLine:
    """Ends the line; whoever froze it does not also end it."""
    for freeze in Lines(session).freezes(action.line_id):
        if freeze.frozen_by == action.person_id:
            raise SameHands(first="freezing a line", second="terminating it")
    _stop_review(session, action.line_id)
    return Lines(session).end(
        action.line_id,
        LineStatus.TERMINATED,
        message_id=action.message_id,
        at=action.at,
        person_id=action.person_id,
        note=action.note,
    )


_ACTIONS: dict[str, Callable[[Session, LineAction], CreditLine]] = {
    "freeze": _frozen,
    "unfreeze": _unfrozen,
    "terminate": _terminated,
}


def _tell_parties(session: Session, line: CreditLine, action: LineAction) -> None:
    """The customer and whoever looks after it hear that the line, or a product of it, is stopped,
    free again, or ended."""
    notice, facts = Notice.LINE_FROZEN, {"line_id": line.line_id}
    standing = line.freeze_reasons
    if action.product is not None:
        facts["product"] = action.product
        standing = tuple(
            each.reason
            for each in Lines(session).freezes(line.line_id)
            if each.product == action.product
        )
    if action.action == "terminate":
        notice = Notice.LINE_TERMINATED
    elif action.action == "freeze":
        facts["reason_codes"] = ",".join(standing)
    elif not standing:
        notice = Notice.LINE_UNFROZEN
    else:
        return
    owner = Customers(session).read(line.customer_id).manager_id
    for recipient in (f"person:{owner}", f"customer:{line.customer_id}"):
        Outbox(session).post(
            Channel.MAIL,
            f"{action.message_id}/{recipient}",
            recipient=recipient,
            kind=notice,
            facts=facts,
            case_id=line.case_id,
        )
