"""The inbox, a task with all it is about, and the word that is given on it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest
from typing import Annotated, Any

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse

from domain.approval import (
    OPINIONS,
    ActKind,
    Approval,
    ApprovalOutcome,
    CitedRisk,
    Placement,
    Resume,
    RouteStep,
    StepMode,
    Subject,
    Task,
    TaskStatus,
    Verdict,
)
from domain.assessment import Assessment
from domain.cap import CapOwner, CapRequest
from domain.contract import ConditionAsked, ConditionKind, Letter
from domain.customer import Customer
from domain.errors import NoAuthority, NotPermitted
from domain.identity import Language, Role
from domain.investigation import INVESTIGATION_REPORT
from domain.money import Money
from storage.approval import DecisionView, TaskView
from web.api.pages import after_instant
from web.console.assessment import receipt_of, spread_of
from web.console.cap import caps_shown, path_of
from web.console.documents import DOCUMENTS
from web.console.form import form_said
from web.console.hold import reasons_shown
from web.console.lists import PAGE_SIZE, next_path, plain_amount
from web.console.page import Visit, Visiting, Writing
from web.console.reclaim import reclaim_shown
from web.problems import Problem, problem_of
from web.service.approval import TaskAnswer, TaskPage, TaskWord
from web.service.ids import new_id
from web.service.permissions import Action, permitted

# What is confirmed or declined as it was asked for, with no other limit.
AS_ASKED = ("override", "cap", "hold_release", "use", "reclaim", "move")
SETTLED_AS_ASKED = (
    Subject.CAP,
    Subject.HOLD_RELEASE,
    Subject.USE,
    Subject.RECLAIM,
    Subject.MOVE,
)
router = APIRouter(include_in_schema=False)
# Acts that name a person.
NAMING = (ActKind.TRANSFER, ActKind.ASK_OPINION, ActKind.ADD_SIGNER, ActKind.COPY)
BULK_MAX = 200
# What may be said of many at once; an opinion is about one.
_BULK_WORDS = (Verdict.APPROVE, Verdict.DECLINE, Verdict.RETURN, Verdict.DEFER)
VERDICTS = {verdict.value: verdict for verdict in Verdict}
_STATUS_OF_VIEW = {
    "mine": TaskStatus.OPEN,
    "open": TaskStatus.OPEN,
    "decided": TaskStatus.DECIDED,
    "all": None,
}
_VIEWS = tuple(_STATUS_OF_VIEW)

# What a return may ask the applicant for.
_FIELDS = ("limit_requested", "term_months", "purpose", *DOCUMENTS)


@dataclass(frozen=True)
class Vote:
    """One position of a step, with its word where there is one."""

    position: str
    escalated_to: str | None = None
    status: TaskStatus | None = None
    decided_by: str | None = None
    on_behalf_of: str | None = None
    decided_at: datetime | None = None
    verdict: Verdict | None = None
    note: str = ""
    due_at: datetime | None = None
    skipped: str = ""  # why nobody is asked
    later: str | None = None  # who was passed over here
    conditions: tuple[ConditionAsked, ...] = ()
    risks: tuple[CitedRisk, ...] = ()
    void: str = ""  # why the word stands no longer
    carried: bool = False  # from the approval before
    person_id: str | None = None  # the one person it is for
    added_by: str | None = None
    task_id: str = ""
    asks: str | None = None  # whose opinion is awaited


@dataclass(frozen=True)
class StepShown:
    mode: StepMode
    state: ApprovalOutcome | None
    votes: tuple[Vote, ...]


@dataclass(frozen=True)
class ApprovalShown:
    reasons: tuple[str, ...]
    steps: tuple[StepShown, ...]


@dataclass(frozen=True)
class Typed:
    """What was typed into the form, kept when it is refused."""

    verdict: str = ""
    note: str = ""
    limit: str = ""
    fields_wanted: tuple[str, ...] = ()
    conditions: tuple["TypedCondition", ...] = ()
    to_step: str = ""
    resume: str = ""
    term_months: str = ""
    risks: str = ""  # of an opinion, one a line, after `|` where it shows
    suggested: str = ""  # conditions that an opinion suggests, one a line


@dataclass(frozen=True)
class TypedCondition:
    """Conditions of one kind, one a line, as they were typed."""

    words: str = ""
    kind: str = ConditionKind.OTHER.value
    owner: str = Role.RELATIONSHIP_MANAGER.value
    day: str = ""


@dataclass(frozen=True)
class TypedAct:
    """What was typed into the form of acts, kept when it is refused."""

    action: str = ""
    to: str = ""
    placement: str = ""
    note: str = ""


@router.get("/tasks")
def list_tasks(visit: Visiting, view: str = "", after: str | None = None) -> HTMLResponse:
    """The inbox; which tasks it lists is in the address."""
    return _inbox(visit, view if view in _VIEWS else _default_view(visit), after)


def _inbox(
    visit: Visit,
    chosen: str,
    after: str | None,
    typed: Typed | None = None,
    picked: tuple[str, ...] = (),
    answers: Sequence[TaskAnswer] = (),
    refusal: Problem | None = None,
) -> HTMLResponse:
    found = visit.services.approvals.list_tasks(
        visit.person,
        mine=chosen == "mine",
        status=_STATUS_OF_VIEW[chosen],
        after=after_instant(after),
        page_size=PAGE_SIZE + 1,
    )
    tasks = found[:PAGE_SIZE]
    return visit.show(
        "approval/tasks.html",
        refusal=refusal,
        picks=chosen == "mine" and permitted(visit.person, Action.TASK_DECIDE),
        chosen=picked,
        answers=answers,
        typed=typed or Typed(),
        bulk_words=_BULK_WORDS,
        form_key=new_id(),
        to_release=permitted(visit.person, Action.USE_RELEASE),
        view=chosen,
        views=visit.tabs("/tasks", "tasks.view", _VIEWS, chosen),
        tasks=tasks,
        names=visit.customer_names(task.customer_id for task in tasks),
        verdicts=VERDICTS,
        next_path=next_path(found, f"/tasks?view={chosen}", lambda t: (t.due_at, t.task_id)),
    )


@router.get("/tasks/count")
def count_tasks(visit: Visiting) -> Response:
    """How many tasks wait for this person; the menu asks now and then."""
    number = len(visit.services.approvals.list_tasks(visit.person, page_size=100))
    return Response("99+" if number > 99 else str(number or ""), media_type="text/html")


@router.get("/tasks/{task_id}")
def show_task(visit: Visiting, task_id: str) -> Response:
    """A task, open or decided; every link to it ends here. One about policy is on its draft."""
    request = visit.services.approvals.read_task(visit.person, task_id).approval.request
    if request.subject is Subject.POLICY_EDITION:
        return visit.go(f"/policy/drafts/{request.subject_id}")
    return _task_page(visit, task_id, Typed())


@router.post("/tasks/{task_id}/decision")
def decide(
    visit: Writing,
    task_id: str,
    verdict: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    limit: Annotated[str, Form()] = "",
    fields_wanted: Annotated[list[str] | None, Form()] = None,
    content_hash: Annotated[str, Form()] = "",
    conditions: Annotated[list[str] | None, Form()] = None,
    condition_kind: Annotated[list[str] | None, Form()] = None,
    condition_owner: Annotated[list[str] | None, Form()] = None,
    condition_day: Annotated[list[str] | None, Form()] = None,
    term_months: Annotated[str, Form()] = "",
    to_step: Annotated[str, Form()] = "",
    resume: Annotated[str, Form()] = "",
    risks: Annotated[str, Form(max_length=20_000)] = "",
    suggested: Annotated[str, Form(max_length=20_000)] = "",
    key: Annotated[str, Form()] = "",
) -> Response:
    """Give one word; refused, the page comes back with everything that was typed."""
    under = _typed_conditions(
        conditions or [], condition_kind or [], condition_owner or [], condition_day or []
    )
    wanted = tuple(fields_wanted or ())
    typed = Typed(
        verdict, note, limit, wanted, under, to_step, resume, term_months, risks, suggested
    )
    visit.when_refused(lambda refusal: _task_page(visit, task_id, typed, refusal))
    given = visit.parsed(Verdict, verdict, "verdict")
    page = visit.services.approvals.read_task(visit.person, task_id)
    visit.services.approvals.decide(
        visit.person,
        task_id,
        given,
        note=note.strip(),
        fields_wanted=typed.fields_wanted if given is Verdict.RETURN else (),
        limit=_limit(visit, page, limit) if given is Verdict.APPROVE else None,
        content_hash=content_hash,
        to_step=visit.whole(to_step, "to_step") if given is Verdict.RETURN and to_step else None,
        resume=visit.parsed(Resume, resume or Resume.AGAIN, "resume"),
        term_months=_term(visit, term_months) if given is Verdict.APPROVE else None,
        conditions=_given_under(visit, given, under, suggested),
        risks=tuple(map(_risk, _lines(risks))) if given in OPINIONS else (),
        key=key or None,
        channel="console",
    )
    return visit.go(f"/tasks/{task_id}", f"decided_{given}")


@router.post("/tasks/decisions")
def decide_many(
    visit: Writing,
    verdict: Annotated[str, Form()] = "",
    note: Annotated[str, Form(max_length=4000)] = "",
    task_id: Annotated[list[str] | None, Form()] = None,
    key: Annotated[str, Form()] = "",
) -> Response:
    """One word on every task that was chosen, each answered; what is refused stays chosen."""
    typed, chosen = Typed(verdict, note), tuple(dict.fromkeys(task_id or ()))
    visit.when_refused(lambda refusal: _inbox(visit, "mine", None, typed, chosen, refusal=refusal))
    given = visit.parsed(Verdict, verdict, "verdict")
    words = [
        {"task_id": each, "verdict": given, "note": note.strip(), "key": f"{key}/{each}"}
        for each in chosen[:BULK_MAX]
    ]
    answers = visit.services.approvals.decide_many(
        visit.person, [visit.valid(TaskWord, word) for word in words], channel="console"
    )
    left = tuple(each.task_id for each in answers.items if each.done is None)
    return _inbox(visit, "mine", None, typed, left, answers.items)


@router.post("/tasks/{task_id}/acts")
def act(
    visit: Writing,
    task_id: str,
    action: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "",
    placement: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    key: Annotated[str, Form()] = "",
) -> Response:
    """Do what is no decision; refused, the page comes back with everything that was typed."""
    typed = TypedAct(action, to, placement, note)
    visit.when_refused(lambda refusal: _task_page(visit, task_id, Typed(), refusal, typed))
    kind = visit.parsed(ActKind, action, "action")
    adds = kind is ActKind.ADD_SIGNER
    visit.services.approvals.act(
        visit.person,
        task_id,
        kind,
        to=(to.strip() or None) if kind in NAMING else None,
        placement=visit.parsed(Placement, placement, "placement") if adds else None,
        note=note.strip(),
        key=key or None,
        channel="console",
    )
    return visit.go(f"/tasks/{task_id}", "acted")


def _given_under(
    visit: Visit, given: Verdict, under: tuple[TypedCondition, ...], suggested: str
) -> tuple[ConditionAsked, ...]:
    """The conditions of an approval, or those that an opinion suggests."""
    if given in OPINIONS:
        return tuple(ConditionAsked.model_validate(line) for line in _lines(suggested))
    return _conditions(visit, under) if given is Verdict.APPROVE else ()


def approvals_shown(
    approvals: Iterable[Approval],
    tasks: Sequence[TaskView] = (),
    decisions: Sequence[DecisionView] = (),
) -> list[ApprovalShown]:
    """Every approval of a subject, step by step, with the words given and those still open."""
    due = {task.task_id: task.due_at for task in tasks}
    said = {decision.task_id: decision for decision in decisions}
    return [
        ApprovalShown(
            reasons=approval.request.reasons,
            steps=tuple(
                _step_shown(approval, index, step, due, said)
                for index, step in enumerate(approval.request.steps)
            ),
        )
        for approval in approvals
    ]


def letter_outcome(letter: Letter | None) -> ApprovalOutcome | None:
    """What a letter says, as a state."""
    if letter is None:
        return None
    return ApprovalOutcome.APPROVED if letter.approved else ApprovalOutcome.DECLINED


def _step_shown(
    approval: Approval,
    index: int,
    step: RouteStep,
    due: Mapping[str, datetime],
    said: Mapping[str, DecisionView],
) -> StepShown:
    opened = [task for task in approval.tasks if task.step_index == index]
    votes = tuple(_vote(task, due, said) for task in opened) or tuple(
        Vote(position) for position in step.positions
    )
    passed = index < approval.step_index or approval.settled(index)
    if any(task.later and not task.void and task.word is None for task in opened):
        passed = False  # it waits for what somebody says at a later step
    here = approval.outcome if index == approval.step_index else None
    return StepShown(step.mode, ApprovalOutcome.APPROVED if passed else here, votes)


def _vote(task: Task, due: Mapping[str, datetime], said: Mapping[str, DecisionView]) -> Vote:
    word = said.get(task.carried_from or task.task_id)
    return Vote(
        position=task.position,
        task_id=task.task_id,
        escalated_to=task.escalated_to,
        status=task.status,
        decided_by=task.decided_by,
        on_behalf_of=word.on_behalf_of if word else None,
        decided_at=task.decided_at,
        verdict=task.verdict,
        note=word.note if word else "",
        conditions=word.conditions if word else (),
        risks=word.risks if word else (),
        void=(word.void if word else "") if task.void else "",
        carried=task.carried_from is not None,
        person_id=task.person_id,
        added_by=task.added_by,
        asks=task.help.of if task.help and task.awaits_help else None,
        due_at=due.get(task.task_id) if task.status is TaskStatus.OPEN else None,
        skipped=task.skipped,
        later=None if task.void or task.decided_by else task.later,
    )


@dataclass(frozen=True)
class CapAsked:
    """A task about a cap, as the parts of the page that all tasks share know it."""

    path: str
    tasks: Sequence[TaskView]
    kind: str = "cap"


@dataclass(frozen=True)
class ReleaseAsked:
    """A task about the release of a hold, as the parts of the page that all tasks share know it."""

    path: str
    tasks: Sequence[TaskView]
    kind: str = "hold_release"


@dataclass(frozen=True)
class Asked:
    """What a task is about, application and review alike."""

    kind: str  # which part of the page tells of it
    word: str
    path: str
    customer: Customer
    assessment: Assessment | None
    amount: Money
    months: int
    tasks: Sequence[TaskView]
    shown: dict[str, Any]


def _cap_page(
    visit: Visit,
    page: TaskPage,
    typed: Typed,
    refusal: Problem | None,
    typed_act: TypedAct | None,
) -> HTMLResponse:
    """A task about a cap: what was asked for, beside what is in force."""
    view = visit.services.caps.read(visit.person, page.approval.request.subject_id)
    cap = view.cap.request
    return visit.show(
        "cap/task.html",
        refusal=refusal,
        cap=cap,
        caps=replace(caps_shown(visit, cap.scope, cap.owner_id), may_ask=False),
        owner_name=_owner_name(visit, cap),
        assessment=None,
        **_told(
            visit, page, typed, CapAsked(path_of(cap.scope, cap.owner_id), view.tasks), typed_act
        ),
    )


def _release_page(
    visit: Visit,
    page: TaskPage,
    typed: Typed,
    refusal: Problem | None,
    typed_act: TypedAct | None,
) -> HTMLResponse:
    """A task about a release: what holds the order, then and now, and how far it would go."""
    view = visit.services.holds.read_release(visit.person, page.approval.request.subject_id)
    path = f"/holds/{view.hold.hold_id}"
    names = visit.customer_names([view.hold.customer_id])
    return visit.show(
        "hold/task.html",
        refusal=refusal,
        release=view.release,
        hold=view.hold,
        order=view.order,
        reasons=reasons_shown(visit, visit.services.holds.read(visit.person, view.hold.hold_id)),
        owner_name=names.get(view.hold.customer_id, view.hold.customer_id),
        assessment=None,
        **_told(visit, page, typed, ReleaseAsked(path, view.tasks), typed_act),
    )


@dataclass(frozen=True)
class UseAsked:
    """A task about a use, as the parts of the page that all tasks share know it."""

    path: str
    tasks: Sequence[TaskView]
    kind: str = "use"


def _use_page(
    visit: Visit,
    page: TaskPage,
    typed: Typed,
    refusal: Problem | None,
    typed_act: TypedAct | None,
) -> HTMLResponse:
    """A task about a use: what was asked for of which line."""
    view = visit.services.uses.read(visit.person, page.approval.request.subject_id)
    asked = view.use.request
    names = visit.customer_names([asked.customer_id])
    return visit.show(
        "use/task.html",
        refusal=refusal,
        use=view.use,
        owner_name=names.get(asked.customer_id, asked.customer_id),
        assessment=None,
        **_told(visit, page, typed, UseAsked(f"/uses/{asked.use_id}", view.tasks), typed_act),
    )


def _reclaim_page(
    visit: Visit,
    page: TaskPage,
    typed: Typed,
    refusal: Problem | None,
    typed_act: TypedAct | None,
) -> HTMLResponse:
    """A task about a list of cuts: its lines, and the boxes to leave some out."""
    reclaim_id = page.approval.request.subject_id
    tasks = visit.services.reclaims.read(visit.person, reclaim_id).tasks
    asked = CapAsked(f"/idle/{reclaim_id}", tasks, "reclaim")
    return visit.show(
        "reclaim/task.html",
        refusal=refusal,
        assessment=None,
        **reclaim_shown(visit, reclaim_id),
        **_told(visit, page, typed, asked, typed_act),
    )


def _move_page(
    visit: Visit,
    page: TaskPage,
    typed: Typed,
    refusal: Problem | None,
    typed_act: TypedAct | None,
) -> HTMLResponse:
    """A task about limit moved between lines: both, before and after."""
    view = visit.services.moves.read(visit.person, page.approval.request.subject_id)
    asked = CapAsked(f"/lines/{view.move.request.source_id}/moves", view.tasks, "move")
    return visit.show(
        "move/task.html",
        refusal=refusal,
        move=view.move.request,
        assessment=None,
        **_told(visit, page, typed, asked, typed_act),
    )


def _told(
    visit: Visit,
    page: TaskPage,
    typed: Typed,
    asked: "Asked | CapAsked | ReleaseAsked | UseAsked",
    typed_act: TypedAct | None = None,
) -> dict[str, Any]:
    """What every page of a task shows: whose it is and why, what was said, and the forms."""
    why_not = _why_not(visit, page)
    return {
        "task": page.task,
        "why": page.why,
        "why_not": why_not,
        "as_asked": AS_ASKED,
        "may_decide": page.task.status is TaskStatus.OPEN and why_not is None,
        "may_speak": permitted(visit.person, Action.TASK_DECIDE),
        "may_declare": permitted(visit.person, Action.CONFLICT_DECLARE),
        "next_task": _next_task(visit, page),
        "asked": asked,
        "approvals": approvals_shown([page.approval], asked.tasks, page.decisions),
        "decided_at": _decided_at(page),
        "verdicts": _verdicts(asked, page),
        "content_hash": page.approval.request.content_hash,
        "typed": typed,
        "gives_opinion": any(word in OPINIONS for word in page.words),
        "typed_act": typed_act or TypedAct(),
        "may": page.may,
        "acts": [each for each in page.acts if each.approval_id == page.task.approval_id],
        "names_somebody": any(each in NAMING for each in page.may),
        "places_signer": ActKind.ADD_SIGNER in page.may,
        "placements": tuple(Placement),
        "resumes": tuple(Resume),
        "return_targets": page.return_targets,
        "form_key": new_id(),
    }


def _owner_name(visit: Visit, cap: CapRequest) -> str:
    """What the customer or the group is called in the reader's language."""
    if cap.scope is CapOwner.CUSTOMER:
        return visit.customer_name(visit.services.customers.read(visit.person, cap.owner_id))
    group = visit.services.customers.read_group(visit.person, cap.owner_id).group
    return group.name_zh if visit.reader.language is Language.ZH and group.name_zh else group.name


def _asked(visit: Visit, page: TaskPage) -> Asked:
    services, person = visit.services, visit.person
    if page.approval.request.subject is Subject.REVIEW:
        review = services.reviews.read_review(person, page.task.case_id)
        line = services.lines.read_line(person, review.review.line_id).line
        return Asked(
            kind="review",
            word=visit.speech.say("task.review"),
            path=f"/reviews/{review.review.review_id}",
            customer=services.customers.read(person, review.review.customer_id),
            assessment=review.assessment,
            amount=line.limit,
            months=line.terms.term_months,
            tasks=review.tasks,
            shown={"review": review.review, "overrides": ()},
        )
    view = services.applications.read_case(person, page.task.case_id)
    application = view.case.application
    request = page.approval.request
    about_override = request.subject is Subject.OVERRIDE
    asked_for = [each for each in view.overrides if each.override_id == request.subject_id]
    return Asked(
        kind="override" if about_override else "application",
        word=visit.speech.say("task.override")
        if about_override
        else visit.speech.word(application.application_type),
        path=f"/cases/{view.case.case_id}",
        customer=view.customer,
        assessment=view.assessment,
        amount=application.limit_requested,
        months=application.term_months,
        tasks=view.tasks,
        shown={
            "case": view.case,
            "form_said": form_said(application, visit.formats, visit.speech),
            "overrides": asked_for if about_override else view.overrides,
        },
    )


def _task_page(
    visit: Visit,
    task_id: str,
    typed: Typed,
    refusal: Problem | None = None,
    typed_act: TypedAct | None = None,
) -> HTMLResponse:
    page = visit.services.approvals.read_task(visit.person, task_id)
    if page.approval.request.subject is Subject.CAP:
        return _cap_page(visit, page, typed, refusal, typed_act)
    if page.approval.request.subject is Subject.RECLAIM:
        return _reclaim_page(visit, page, typed, refusal, typed_act)
    if page.approval.request.subject is Subject.MOVE:
        return _move_page(visit, page, typed, refusal, typed_act)
    if page.approval.request.subject is Subject.HOLD_RELEASE:
        return _release_page(visit, page, typed, refusal, typed_act)
    if page.approval.request.subject is Subject.USE:
        return _use_page(visit, page, typed, refusal, typed_act)
    asked = _asked(visit, page)
    assessment = asked.assessment
    spread = spread_of(assessment.dossier.statements if assessment else (), visit.speech)
    investigated = assessment is not None and assessment.dossier.investigation is not None
    return visit.show(
        "approval/task.html",
        refusal=refusal,
        customer=asked.customer,
        customer_name=visit.customer_name(asked.customer),
        assessment=assessment,
        **_most(asked),
        condition_kinds=list(ConditionKind),
        condition_owners=(Role.RELATIONSHIP_MANAGER, Role.LEGAL),
        condition_groups=(*typed.conditions, *(TypedCondition(),) * 3)[:3],
        investigated=investigated,
        fields=(*_FIELDS, INVESTIGATION_REPORT) if investigated else _FIELDS,
        spread=spread,
        charts=bool(spread and spread.option),
        **_told(visit, page, typed, asked, typed_act),
        **asked.shown,
        **receipt_of(assessment, visit.formats, visit.speech),
    )


def _most(asked: "Asked") -> dict[str, Any]:
    """The most that may be granted, which is neither asked nor said of a change that keeps it."""
    judged = asked.assessment
    if judged is None:
        return {"limit_most": asked.amount, "term_most": None}
    application = judged.dossier.application
    if application.application_type.keeps_terms:
        return {"limit_most": None, "term_most": None}
    return {"limit_most": judged.limit_recommended, "term_most": application.term_months}


def _verdicts(
    asked: "Asked | CapAsked | ReleaseAsked | UseAsked", page: TaskPage
) -> dict[str, Verdict]:
    """The words that may be given; once decided, all of them, to show the one that was.

    What is confirmed or declined as it was asked for goes back to nobody.
    """
    if not page.words:
        return VERDICTS
    words = {word.value: word for word in page.words}
    if asked.kind in AS_ASKED:
        words.pop(Verdict.RETURN, None)
    return words


def _why_not(visit: Visit, page: TaskPage) -> Problem | None:
    """Why this person cannot decide the task now, in the words a decision would be refused with."""
    language = visit.reader.language.value
    if not permitted(visit.person, Action.TASK_DECIDE):
        return problem_of(NotPermitted(action=Action.TASK_DECIDE), language)
    if page.why.refusal is None:
        return None
    error = NoAuthority(reason=visit.speech.say("why.no_grant"))
    problem = problem_of(error, language)
    if page.why.detail:
        problem = problem.model_copy(update={"code": page.why.refusal, "detail": page.why.detail})
    return problem


def _next_task(visit: Visit, page: TaskPage) -> TaskView | None:
    """What waits for this person next, once this task is settled."""
    if page.task.status is TaskStatus.OPEN or not permitted(visit.person, Action.TASK_DECIDE):
        return None
    return next(iter(visit.services.approvals.list_tasks(visit.person, page_size=1)), None)


def _decided_at(page: TaskPage) -> datetime | None:
    task = page.approval.task(page.task.task_id)
    return task.decided_at if task else None


def _lines(typed: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in typed.splitlines() if line.strip())


def _risk(line: str) -> CitedRisk:
    """A risk as it is typed: what it is, and after a bar where it shows."""
    risk, _, cites = line.partition("|")
    return CitedRisk(risk=risk.strip()[:500] or line[:500], cites=cites.strip()[:200])


def _limit(visit: Visit, page: TaskPage, typed: str) -> Money | None:
    """The lower limit an approver names, in the currency asked for; nothing where none is named."""
    if not typed.strip():
        return None
    if page.approval.request.subject in SETTLED_AS_ASKED:
        return Money.of(plain_amount(typed), page.task.amount.currency)
    asked = _asked(visit, page)
    most = asked.assessment.limit_recommended if asked.assessment else asked.amount
    return Money.of(plain_amount(typed), most.currency)


def _term(visit: Visit, typed: str) -> int | None:
    """The shorter term an approver names; nothing where none is named."""
    return visit.whole(typed, "term_months") if typed.strip() else None


def _typed_conditions(
    words: list[str], kinds: list[str], owners: list[str], days: list[str]
) -> tuple[TypedCondition, ...]:
    """The groups of the form as they were typed; what a group leaves out is as in a fresh one."""
    return tuple(
        TypedCondition(text, *(part for part in parts if part is not None))
        for text, *parts in zip_longest(words, kinds, owners, days)
        if text is not None
    )


def _conditions(visit: Visit, typed: Sequence[TypedCondition]) -> tuple[ConditionAsked, ...]:
    return tuple(
        visit.valid(
            ConditionAsked,
            {
                "text": line.strip(),
                "kind": group.kind,
                "owner": group.owner,
                "due_on": visit.day(group.day, "due_on") if group.day else None,
            },
        )
        for group in typed
        for line in group.words.splitlines()
        if line.strip()
    )


def _default_view(visit: Visit) -> str:
    return "mine" if permitted(visit.person, Action.TASK_DECIDE) else "open"
