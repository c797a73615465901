"""Cases: the list, the page of one with what may be done to it now, and starting one."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Form, Query, Response, UploadFile
from fastapi.responses import HTMLResponse

from domain.application import Application, ApplicationChange, ApplicationType, Case, CaseStatus
from domain.approval import TaskStatus
from domain.contract import Terms
from domain.edition import OverridePolicy
from domain.errors import (
    CaseClosed,
    CreditError,
    NotFound,
    NotPermitted,
    OutOfOrder,
    Withdrawn,
)
from domain.external_rating import EXTERNAL_RATING
from domain.investigation import INVESTIGATION_REPORT
from domain.line import ConditionPrecedent, ConditionStatus, CreditLine
from domain.money import Money
from domain.offer import OfferStatus
from domain.operations import Turn
from domain.override import OverrideStatus
from policies.waiting import turn_of
from web.api.pages import after_instant
from web.console.approval import approvals_shown, letter_outcome
from web.console.assessment import receipt_of, spread_of
from web.console.documents import DOCUMENTS
from web.console.form import (
    FIELDS,
    NOTHING_TYPED,
    SAYING,
    TypedForm,
    form_of,
    form_said,
    in_words,
    typed_form,
)
from web.console.lists import CURRENCIES, PAGE_SIZE, next_path, plain_amount
from web.console.page import Visit, Visiting, Writing
from web.console.questions import questions_shown
from web.console.timeline import Told, told
from web.language import Speech
from web.problems import Problem, problem_of
from web.service.application import CaseView
from web.service.ids import new_id
from web.service.permissions import Action, permitted
from web.service.turnaround import CaseTime
from workflows.names import NAMESPACE, application_id

router = APIRouter(include_in_schema=False)

_PRODUCTS = (
    "open_account",
    "prepayment",
    "working_capital_loan",
    "bank_acceptance",
    "bill_guarantee",
    "letter_of_guarantee",
    "letter_of_credit",
    "factoring",
    "project",
    "comprehensive",
)
# States that the case's own workflow leaves without anybody's doing.
_MOVING = frozenset({CaseStatus.RECEIVED, CaseStatus.ASSESSED, CaseStatus.APPROVED})


@dataclass(frozen=True)
class Chosen:
    """The filters of the list, as its address has them."""

    status: str
    text: str
    customer_id: str

    @property
    def any(self) -> bool:
        return bool(self.status or self.text or self.customer_id)

    @property
    def path(self) -> str:
        named = {"status": self.status, "q": self.text, "customer": self.customer_id}
        query = urlencode({name: value for name, value in named.items() if value})
        return f"/cases?{query}" if query else "/cases"


@dataclass(frozen=True)
class Typed:
    """What was typed into a form, kept when it is refused."""

    customer_id: str = ""
    application_type: str = ApplicationType.NEW_LINE.value
    amount: str = ""
    currency: str = "CNY"
    term_months: str = "12"
    product: str = "open_account"
    purpose: str = ""
    line_id: str = ""
    temporary_until: str = ""
    note: str = ""
    reason: str = ""
    notches: str = ""
    above_eligible_reason: str = ""
    factor: str = ""
    value: str = ""
    form: TypedForm = NOTHING_TYPED


@dataclass(frozen=True)
class Possible:
    """One thing a person's role may do to a case, and why not now where it may not."""

    code: str
    form: str
    refusal: Problem | None
    key: str


@router.get("/cases")
def list_cases(
    visit: Visiting,
    status: str = "",
    q: Annotated[str, Query(max_length=100)] = "",
    customer: Annotated[str, Query(max_length=64)] = "",
    after: str | None = None,
) -> HTMLResponse:
    """Cases, newest first; the filters are in the address."""
    chosen = Chosen(status if status in set(CaseStatus) else "", q.strip(), customer)
    found = visit.services.applications.list_cases(
        visit.person,
        status=CaseStatus(chosen.status) if chosen.status else None,
        customer_id=chosen.customer_id or None,
        text=chosen.text or None,
        after=after_instant(after),
        page_size=PAGE_SIZE + 1,
    )
    cases = found[:PAGE_SIZE]
    return visit.show(
        "application/cases.html",
        cases=cases,
        names=visit.customer_names(case.application.customer_id for case in cases),
        chosen=chosen,
        statuses=list(CaseStatus),
        may_submit=permitted(visit.person, Action.APPLICATION_SUBMIT),
        next_path=next_path(found, chosen.path, lambda case: (case.submitted_at, case.case_id)),
    )


@router.get("/cases/new")
def start_case(
    visit: Visiting,
    customer: str = "",
    line: str = "",
    kind: str = "",
    amount: str = "",
    until: str = "",
) -> HTMLResponse:
    """The form that starts a case, with what is known of it filled in."""
    plain = ApplicationType.INCREASE if line else ApplicationType.NEW_LINE
    typed = Typed(
        customer_id=customer,
        application_type=kind if kind in set(ApplicationType) else plain.value,
        amount=amount,
        line_id=line,
        temporary_until=until,
    )
    return _start_page(visit, typed)


@router.post("/cases")
def submit(
    visit: Writing,
    customer_id: Annotated[str, Form()] = "",
    application_type: Annotated[str, Form()] = "",
    amount: Annotated[str, Form()] = "",
    currency: Annotated[str, Form()] = "CNY",
    term_months: Annotated[str, Form()] = "",
    product: Annotated[str, Form()] = "",
    purpose: Annotated[str, Form()] = "",
    line_id: Annotated[str, Form()] = "",
    temporary_until: Annotated[str, Form()] = "",
    above_eligible_reason: Annotated[str, Form()] = "",
    key: Annotated[str, Form()] = "",
    *,
    form: Annotated[TypedForm, Depends(typed_form)],
) -> Response:
    """Start a case, once however often the button is pressed.

    A change of a line leaves to it what the page was told nothing of.
    """
    typed = Typed(
        customer_id,
        application_type,
        amount,
        currency,
        term_months,
        product,
        purpose,
        line_id,
        temporary_until,
        above_eligible_reason=above_eligible_reason,
        form=form,
    )
    visit.when_refused(lambda refusal: _start_page(visit, typed, refusal))
    kind = visit.parsed(ApplicationType, application_type, "type")
    months = None
    if term_months.strip() or not kind.keeps_terms:
        months = visit.whole(term_months, "term_months")
    changed = form_of(visit, kind, form, product=product, term_months=months, currency=currency)
    content = {
        "customer_id": customer_id.strip(),
        "application_type": kind,
        "limit_requested": _limit_asked(visit, kind, amount, currency, line_id.strip()),
        "term_months": months,
        "product": product or None,
        "purpose": purpose.strip(),
        "line_id": line_id.strip() or None,
        "temporary_until": temporary_until or None,
        "above_eligible_reason": above_eligible_reason.strip(),
        "form": changed,
    }
    application = visit.valid(
        Application, {name: said for name, said in content.items() if said is not None}
    )
    submitted = visit.services.applications.submit(visit.person, application, key or new_id())
    said = "case_exists" if submitted.existing else "case_submitted"
    pending = "?pending=yes" if submitted.pending else ""
    return visit.go(f"/cases/{submitted.case_id}{pending}", said)


@router.get("/cases/{case_id}")
def show_case(visit: Visiting, case_id: str) -> HTMLResponse:
    """Everything about one case, and what this person may do to it now."""
    return case_page(visit, case_id)


@router.post("/cases/{case_id}/withdraw")
def withdraw(
    visit: Writing,
    case_id: str,
    reason: Annotated[str, Form()] = "",
    key: Annotated[str, Form()] = "",
) -> Response:
    """End the case before its line is active."""
    typed = Typed(reason=reason)
    visit.when_refused(lambda refusal: case_page(visit, case_id, "withdraw", typed, refusal))
    visit.services.applications.withdraw(visit.person, case_id, reason.strip(), key or None)
    return visit.go(f"/cases/{case_id}", "case_withdrawn")


@router.post("/cases/{case_id}/dispose")
def dispose(
    visit: Writing,
    case_id: str,
    clear: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    key: Annotated[str, Form()] = "",
) -> Response:
    """Clear or confirm the hits that suspend a case."""
    typed = Typed(reason=reason)
    visit.when_refused(lambda refusal: case_page(visit, case_id, "dispose", typed, refusal))
    visit.services.applications.dispose(
        visit.person, case_id, clear=clear == "yes", reason=reason.strip(), key=key or None
    )
    return visit.go(f"/cases/{case_id}", "hits_disposed")


@router.post("/cases/{case_id}/supplement")
@router.post("/cases/{case_id}/amend")
def change(
    visit: Writing,
    case_id: str,
    file: UploadFile | None = None,
    amount: Annotated[str, Form()] = "",
    term_months: Annotated[str, Form()] = "",
    purpose: Annotated[str, Form()] = "",
    document: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    key: Annotated[str, Form()] = "",
) -> Response:
    """Bring what was missing, or change what is asked for; the case is judged anew."""
    action = visit.request.url.path.rsplit("/", 1)[-1]
    typed = Typed(amount=amount, term_months=term_months, purpose=purpose, note=note)
    visit.when_refused(lambda refusal: case_page(visit, case_id, action, typed, refusal))
    case = visit.services.applications.read_case(visit.person, case_id).case
    changed = _change_of(visit, case, typed, _stored(visit, document, file))
    act = getattr(visit.services.applications, action)
    act(visit.person, case_id, changed, key or None)
    return visit.go(f"/cases/{case_id}", f"case_{action}ed")


@router.post("/cases/{case_id}/reconsider")
def reconsider(
    visit: Writing,
    case_id: str,
    file: UploadFile | None = None,
    document: Annotated[str, Form()] = "",
    grounds: Annotated[str, Form()] = "",
    key: Annotated[str, Form()] = "",
) -> Response:
    """Have a declined case decided anew on new evidence; leads to the case that does."""
    visit.when_refused(lambda refusal: case_page(visit, case_id, refusal=refusal))
    evidence = _stored(visit, document, file)
    started = visit.services.applications.reconsider(
        visit.person, case_id, evidence, grounds, key or new_id()
    )
    return visit.go(f"/cases/{started.case_id}?pending", "case_submitted")


@router.post("/cases/{case_id}/recover")
def recover(
    visit: Writing,
    case_id: str,
    reason: Annotated[str, Form()] = "",
    key: Annotated[str, Form()] = "",
) -> Response:
    """Put a case that lapsed in its approvers' silence before them afresh."""
    visit.when_refused(lambda refusal: case_page(visit, case_id, refusal=refusal))
    visit.services.applications.recover(visit.person, case_id, reason, key or new_id())
    return visit.go(f"/cases/{case_id}", "case_recovered")


@dataclass(frozen=True)
class Act:
    """One thing that may be done to a case: its form, its right, and the states that take it."""

    code: str
    form: str
    action: Action
    states: frozenset[CaseStatus] | None = None  # any that has not ended


ACTS = (
    Act(
        "supplement",
        "change",
        Action.APPLICATION_CHANGE,
        frozenset({CaseStatus.INCOMPLETE, CaseStatus.RETURNED}),
    ),
    Act(
        "amend",
        "change",
        Action.APPLICATION_CHANGE,
        frozenset(
            {
                CaseStatus.RECEIVED,
                CaseStatus.INCOMPLETE,
                CaseStatus.RETURNED,
                CaseStatus.ASSESSED,
                CaseStatus.IN_APPROVAL,
            }
        ),
    ),
    Act("withdraw", "reason", Action.APPLICATION_WITHDRAW),
    Act("dispose", "dispose", Action.SCREENING_DISPOSE, frozenset({CaseStatus.SUSPENDED})),
    Act(
        "override",
        "override",
        Action.OVERRIDE_PROPOSE,
        frozenset({CaseStatus.ASSESSED, CaseStatus.IN_APPROVAL}),
    ),
)


# What a case that stands still waits for; its form is open already.
_AWAITED = {
    CaseStatus.INCOMPLETE: "supplement",
    CaseStatus.RETURNED: "supplement",
    CaseStatus.SUSPENDED: "dispose",
}


def possible_acts(visit: Visit, case: Case, policy: OverridePolicy) -> list[Possible]:
    """What the person's roles may do, each with the refusal it would meet in this state.

    An edition that lets nobody move a grade offers it to nobody.
    """
    language = visit.reader.language.value
    acts = []
    for act in ACTS:
        offered = act.action is not Action.OVERRIDE_PROPOSE or policy.reasons
        if offered and permitted(visit.person, act.action):
            error = _refusal_of(case, act.states, visit.speech)
            refusal = problem_of(error, language) if error else None
            acts.append(Possible(act.code, act.form, refusal, new_id()))
    return acts


def _refusal_of(
    case: Case, states: frozenset[CaseStatus] | None, speech: Speech
) -> CreditError | None:
    if case.status is CaseStatus.WITHDRAWN:
        return Withdrawn(case_id=case.case_id)
    if case.status.ended:
        return CaseClosed(case_id=case.case_id, status=speech.word(case.status))
    if states is not None and case.status not in states:
        return OutOfOrder(reason=speech.say("why_not.state", state=speech.word(case.status)))
    return None


def _start_page(visit: Visit, typed: Typed, refusal: Problem | None = None) -> HTMLResponse:
    terms = _terms_of(visit, typed)
    return visit.show(
        "application/new.html",
        refusal=refusal and in_words(refusal, typed.application_type, visit.speech),
        terms=terms,
        lines=_lines_of(visit, typed),
        typed=typed,
        types=list(ApplicationType),
        fields_of=FIELDS,
        saying=SAYING,
        products=_PRODUCTS,
        currencies=CURRENCIES,
        customers=visit.services.customers.list_customers(visit.person, page_size=500),
        form_key=new_id(),
    )


def _lines_of(visit: Visit, typed: Typed) -> Sequence[CreditLine]:
    """The lines of the customer that is named, to choose from."""
    if not (typed.customer_id and permitted(visit.person, Action.LINE_READ)):
        return ()
    return visit.services.lines.list_lines(visit.person, customer_id=typed.customer_id)


def _terms_of(visit: Visit, typed: Typed) -> Terms | None:
    """What the line that is named asks by codes, to be given up by them."""
    if typed.line_id and permitted(visit.person, Action.LINE_READ):
        with suppress(NotFound):
            return visit.services.lines.read_line(visit.person, typed.line_id).line.terms
    return None


def case_page(
    visit: Visit,
    case_id: str,
    opened: str = "",
    typed: Typed | None = None,
    refusal: Problem | None = None,
) -> HTMLResponse:
    try:
        view = visit.services.applications.read_case(visit.person, case_id)
    except NotFound:
        # A case just submitted may be on its way to the record; the page looks again by itself.
        if "pending" not in visit.request.query_params:
            raise
        return visit.show("application/pending.html", case_id=case_id)
    policy = visit.services.overrides.list_of_case(visit.person, case_id).policy
    supplied = figures_shown(visit, view.case)
    return visit.show(
        "application/case.html",
        refusal=refusal,
        opened=opened,
        unfolded=_AWAITED.get(view.case.status, ""),
        typed=typed or Typed(),
        actions=possible_acts(visit, view.case, policy),
        override_policy=policy,
        override_notches=_notches_offered(policy, view),
        documents_wanted=_documents_wanted(view),
        form_key=new_id(),
        temporal_link=_temporal_link(visit, case_id),
        parts=_parts(view, bool(supplied["figures"])),
        **supplied,
        **questions_shown(visit, view.case),
        **_shown(visit, view),
        **_waits(visit, view),
    )


def figures_shown(visit: Visit, case: Case) -> dict[str, Any]:
    """What analysts may supply for the case, and whether this person may now."""
    found = visit.services.analyst_figures.list_of_case(visit.person, case.case_id)
    hands = (case.applicant, case.last_editor)
    may = permitted(visit.person, Action.ANALYST_FIGURE_SUPPLY)
    return {
        "figures": found.items,
        "may_supply": found.changeable and may and visit.person.person_id not in hands,
        "person_id": visit.person.person_id,
    }


def _notches_offered(policy: OverridePolicy, view: CaseView) -> list[str]:
    """From the most that a grade may get better to the most that it may get worse; none, where an
    override counts that may be taken back."""
    steps = range(policy.up_max, -policy.down_max - 1, -1)
    counts = any(each.status is OverrideStatus.CONFIRMED for each in view.overrides)
    return [f"{step:+d}" if step else "0" for step in steps if step or counts]


def _shown(visit: Visit, view: CaseView) -> dict[str, Any]:
    """The parts of the page, each from what is on record."""
    assessment, letter = view.assessment, view.letter
    statements = assessment.dossier.statements if assessment else ()
    spread = spread_of(statements, visit.speech)
    granted = letter.terms.limit if letter and letter.terms else None
    return {
        "case": view.case,
        "form_said": form_said(view.case.application, visit.formats, visit.speech),
        "customer": view.customer,
        "customer_name": visit.customer_name(view.customer),
        "assessment": assessment,
        "proposed": assessment.limit.limit_proposed if assessment else None,
        "granted": granted,
        "letter": letter,
        "letter_outcome": letter_outcome(letter),
        "reconsideration": view.reconsideration,
        "may_reconsider": permitted(visit.person, Action.APPLICATION_RECONSIDER)
        and view.case.status is CaseStatus.DECLINED
        and view.reconsideration is None,
        "recoveries": view.recoveries,
        "may_recover": permitted(visit.person, Action.APPLICATION_RECOVER) and view.recoverable,
        "offer": view.offer,
        "may_answer_offer": permitted(visit.person, Action.OFFER_ANSWER)
        and _offered(view)
        and view.offer is not None
        and visit.person.person_id not in view.offer.deciders,
        "contract": view.contract,
        "conditions": view.conditions,
        "conditions_met": sum(condition.settled for condition in view.conditions),
        "condition_acts": _condition_acts(visit, view.conditions),
        "line": view.line,
        "screenings": view.screenings,
        "overrides": view.overrides,
        "approvals": approvals_shown(view.approvals, view.tasks, view.decisions),
        "events": _events(visit, view.case.case_id),
        "time": _time_of(visit, view.case.case_id),
        "spread": spread,
        "charts": bool(spread and spread.option),
        "investigated": _signed(view),
        "to_investigation": _signed(view) or INVESTIGATION_REPORT in view.case.missing,
        **receipt_of(assessment, visit.formats, visit.speech),
    }


def _time_of(visit: Visit, case_id: str) -> CaseTime | None:
    """Whose time it was; nothing of a case of which nothing was recorded as it happened."""
    with suppress(NotFound):
        return visit.services.turnaround.read_clock(visit.person, case_id)
    return None


def _signed(view: CaseView) -> bool:
    """Whether the case was judged with a report that two investigators signed."""
    return view.assessment is not None and view.assessment.dossier.investigation is not None


# What is missing and not the applicant's to bring, and how a page says whom it waits for.
_OURS = {
    Turn.INVESTIGATORS: "waits.investigation",
    Turn.RISK_OFFICERS: "waits.rate",
    Turn.ANALYSTS: "waits.analyst",
}


def _waits(visit: Visit, view: CaseView) -> dict[str, Any]:
    """Whom the case waits for, since when it may not wait longer, and what that person opens."""
    tasks = [task for task in view.tasks if task.status is TaskStatus.OPEN]
    speech, status = visit.speech, view.case.status
    whom, due_at = "", None
    if tasks:
        whom = speech.say("frame.list_comma").join(
            speech.name("position", task.position) for task in tasks
        )
        due_at = min(task.due_at for task in tasks)
    elif view.case.missing and (ours := _OURS.get(turn_of(view.case.missing))):
        whom = speech.say(ours)
    elif speech.explains(f"waits.{status}"):
        whom = speech.say(f"waits.{status}")
    if _offered(view) and view.offer:
        whom, due_at = speech.say("waits.offer"), view.offer.expires_at
    if status is CaseStatus.CONTRACTING and view.contract:
        due_at = view.contract.expires_at
    mine = permitted(visit.person, Action.TASK_DECIDE)
    return {
        "waits_for": whom,
        "why_here": _why_here(visit, view),
        "due_at": due_at,
        "my_tasks": tasks if mine else (),
        "waiting_seconds": 2 if _is_moving(view) else 0,
    }


def _is_moving(view: CaseView) -> bool:
    """Whether the case's own workflow takes the next step within moments."""
    if view.case.status is CaseStatus.CONDITIONS:
        return all(condition.settled for condition in view.conditions)
    return view.case.status in _MOVING and not _offered(view)


def _offered(view: CaseView) -> bool:
    """Whether the customer has yet to take or leave what the letter offers."""
    return view.offer is not None and view.offer.status is OfferStatus.OPEN


def _why_here(visit: Visit, view: CaseView) -> str:
    """In a few words, why the case stands where it stands."""
    case, speech = view.case, visit.speech
    if case.status in (CaseStatus.INCOMPLETE, CaseStatus.RETURNED):
        return speech.count("waiting.missing", len(case.missing))
    if case.status is CaseStatus.IN_APPROVAL and view.assessment:
        return speech.name("route_row", view.assessment.route.row)
    if case.status is CaseStatus.CONDITIONS:
        unsettled = sum(not condition.settled for condition in view.conditions)
        return speech.count("waiting.conditions", unsettled)
    if case.reason_codes:
        return speech.name("reason", case.reason_codes[0])
    return ""


def _condition_acts(visit: Visit, conditions: Sequence[ConditionPrecedent]) -> dict[str, str]:
    """What this person may do about each condition: bring evidence, or verify another's."""
    acts = {}
    for condition in conditions:
        brought = condition.status is ConditionStatus.EVIDENCED
        hands = (condition.owner, condition.evidenced_by)
        if brought and permitted(visit.person, Action.CONDITION_VERIFY):
            if visit.person.person_id not in hands:
                acts[condition.code] = "verify"
        elif not condition.settled and permitted(visit.person, Action.CONDITION_EVIDENCE):
            with suppress(NotPermitted):
                condition.refuse_other_desk(visit.person)
                acts[condition.code] = "evidence"
    return acts


def _events(visit: Visit, case_id: str) -> list[Told]:
    if not permitted(visit.person, Action.APPLICATION_HISTORY):
        return []
    events = visit.services.applications.timeline(visit.person, case_id)
    return [told(event, visit) for event in reversed(events)]


def _parts(view: CaseView, has_figures: bool) -> list[str]:
    there = {
        "rating": True,
        "limit": view.assessment is not None,
        "price": view.assessment is not None,
        "doubts": bool(view.assessment and view.assessment.doubts),
        "investigation": _signed(view),
        "request": True,
        "customer": True,
        "statements": True,
        "figures": has_figures,
        "overrides": bool(view.overrides),
        "approval": True,
        "time": True,
        "letter": view.letter is not None,
        "offer": view.offer is not None,
        "contract": view.contract is not None,
        "conditions": bool(view.conditions),
        "documents": True,
        "timeline": True,
    }
    return [part for part, is_there in there.items() if is_there]


def _documents_wanted(view: CaseView) -> list[str]:
    records = (INVESTIGATION_REPORT, EXTERNAL_RATING)  # no attachment stands for these
    asked = [code for code in view.case.missing if ":" not in code and code not in records]
    return list(dict.fromkeys([*asked, *DOCUMENTS]))


def _temporal_link(visit: Visit, case_id: str) -> str:
    """The case's workflow in the Temporal UI, for those who keep the programs running."""
    base = visit.pages.temporal_ui_url
    if not base or not permitted(visit.person, Action.OPERATIONS_READ):
        return ""
    return f"{base}/namespaces/{NAMESPACE}/workflows/{quote(application_id(case_id), safe='')}"


def _change_of(
    visit: Visit, case: Case, typed: Typed, attachments: dict[str, str]
) -> ApplicationChange:
    """What differs from the application as it stands; an untouched field changes nothing, nor does
    one that the form of a change of a line does not show."""
    before = case.application
    limit, term = before.limit_requested, before.term_months
    if typed.amount or not before.application_type.has_form:
        limit = Money.of(plain_amount(typed.amount), limit.currency)
    if typed.term_months or not before.application_type.has_form:
        term = visit.whole(typed.term_months, "term_months")
    purpose = typed.purpose.strip()
    return visit.valid(
        ApplicationChange,
        {
            "limit_requested": limit if limit != before.limit_requested else None,
            "term_months": term if term != before.term_months else None,
            "purpose": purpose if purpose != before.purpose else None,
            "attachments": attachments,
            "note": typed.note.strip(),
        },
    )


def _stored(visit: Visit, document: str, file: UploadFile | None) -> dict[str, str]:
    """The attachment a form brings, kept under its hash; none where no file was chosen."""
    if file is None or not file.filename:
        return {}
    content = file.file.read(visit.services.attachments.bytes_max + 1)
    kept = visit.services.attachments.record(visit.person, content, file.filename)
    return {document or DOCUMENTS[-1]: kept.sha256}


def _limit_asked(
    visit: Visit, kind: ApplicationType, amount: str, currency: str, line_id: str
) -> Money:
    """What was typed, or of a change that says no amount what the line has."""
    if amount.strip() or not (kind.has_form and line_id):
        return Money.of(plain_amount(amount), currency)
    return visit.services.lines.read_line(visit.person, line_id).line.terms.limit
