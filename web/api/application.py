"""Applications: start, read, change, withdraw, and see what became of them."""

from typing import Annotated

from fastapi import Header, Query, Response
from pydantic import Field

from domain.application import Application, ApplicationChange, Case, CaseStatus
from domain.assessment import Assessment
from domain.contract import Sha256
from domain.identity import Id, Language
from domain.value import Value
from web.api.pages import Cursor, Page, PageSize, after_instant, page_of
from web.api.stage import stage
from web.api.writes import Writing, marked
from web.callers import Asked, Caller
from web.language import language_of, speech
from web.service.application import (
    Acted,
    CaseView,
    Figures,
    OpenFile,
    Replayed,
    ReplayedBook,
    Submitted,
    TimelineEvent,
)
from web.service.ids import new_id
from web.service.timeline import CaseTimeline
from web.waiting import sentence_of

router = stage("application")


class Reason(Value):
    """Why a case is withdrawn."""

    reason: Annotated[str, Field(max_length=2000)] = ""


class Reconsidering(Value):
    """What is new about a declined case, and why it should be decided anew."""

    evidence: Annotated[dict[str, Sha256], Field(min_length=1, max_length=20)]
    grounds: Annotated[str, Field(min_length=1, max_length=2000)]


class Recovering(Value):
    """Why a lapsed case goes on."""

    reason: Annotated[str, Field(min_length=1, max_length=2000)]


class Disposition(Value):
    """What a risk officer makes of the hits that suspend a case."""

    clear: bool
    reason: Annotated[str, Field(min_length=1, max_length=2000)]


class Token(Value):
    """A one-time token for one message that does not come through this API."""

    token: str
    subject: str


class Timeline(Value):
    items: tuple[TimelineEvent, ...]


class ToldTimeline(CaseTimeline):
    """With the explanation as a sentence in the language asked for."""

    sentence: str


AcceptLanguage = Annotated[str, Header(alias="Accept-Language", max_length=500)]


@router.post("/applications", status_code=201)
def submit(write: Writing, response: Response, body: Application) -> Submitted:
    """Start a case: 201 when it is on record, 202 when it will be, 200 when it was already."""
    submitted = write.asked.applications.submit(write.caller, body, write.key or new_id())
    return _started(response, submitted)


def _started(response: Response, submitted: Submitted) -> Submitted:
    if submitted.pending:
        response.status_code = 202
    elif submitted.existing:
        response.status_code = 200
    response.headers["Location"] = f"/api/v1/applications/{submitted.case_id}"
    return submitted


@router.get("/applications")
def list_cases(
    asked: Asked,
    caller: Caller,
    status: CaseStatus | None = None,
    customer_id: Id | None = None,
    text: Annotated[str | None, Query(max_length=100)] = None,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[Case]:
    """Cases of the customers one sees, newest first."""
    found = asked.applications.list_cases(
        caller,
        status=status,
        customer_id=customer_id,
        text=text,
        after=after_instant(cursor),
        page_size=page_size + 1,
    )
    return page_of(found, page_size, lambda case: (case.submitted_at, case.case_id))


@router.get("/applications/{case_id}")
def read_case(asked: Asked, caller: Caller, case_id: Id) -> CaseView:
    """All there is about one case."""
    return asked.applications.read_case(caller, case_id)


@router.post("/applications/{case_id}/supplement")
def supplement(write: Writing, response: Response, case_id: Id, body: ApplicationChange) -> Acted:
    """Bring what was missing."""
    return marked(
        response, write.asked.applications.supplement(write.caller, case_id, body, write.key)
    )


@router.post("/applications/{case_id}/amend")
def amend(write: Writing, response: Response, case_id: Id, body: ApplicationChange) -> Acted:
    """Change what is asked for, as long as it is not decided; it is judged anew."""
    return marked(response, write.asked.applications.amend(write.caller, case_id, body, write.key))


@router.post("/applications/{case_id}/withdraw")
def withdraw(write: Writing, response: Response, case_id: Id, body: Reason) -> Acted:
    """End the case, at any time before its line is active."""
    return marked(
        response, write.asked.applications.withdraw(write.caller, case_id, body.reason, write.key)
    )


@router.post("/applications/{case_id}/reconsideration", status_code=201)
def reconsider(write: Writing, response: Response, case_id: Id, body: Reconsidering) -> Submitted:
    """Have a declined case decided anew (复议), once, on new evidence: 201, 202 or 200 as a start."""
    submitted = write.asked.applications.reconsider(
        write.caller, case_id, body.evidence, body.grounds, write.key or new_id()
    )
    return _started(response, submitted)


@router.post("/applications/{case_id}/recovery", status_code=201)
def recover(write: Writing, response: Response, case_id: Id, body: Recovering) -> Submitted:
    """Put a case that lapsed in its approvers' silence before them afresh: 202 while it is taken up."""
    recovered = write.asked.applications.recover(
        write.caller, case_id, body.reason, write.key or new_id()
    )
    return _started(response, recovered)


@router.post("/applications/{case_id}/disposition")
def dispose(write: Writing, response: Response, case_id: Id, body: Disposition) -> Acted:
    """Clear or confirm the screening hits that suspend the case."""
    return marked(
        response,
        write.asked.applications.dispose(
            write.caller, case_id, clear=body.clear, reason=body.reason, key=write.key
        ),
    )


@router.post("/applications/{case_id}/token")
def issue_case_token(asked: Asked, caller: Caller, case_id: Id) -> Token:
    """A token for one message to this case by a tool that speaks to Temporal."""
    return Token(token=asked.applications.issue_token(caller, case_id), subject=case_id)


@router.get("/applications/{case_id}/history")
def timeline(asked: Asked, caller: Caller, case_id: Id) -> Timeline:
    """Everything that happened to the case, oldest first, refused attempts included."""
    return Timeline(items=tuple(asked.applications.timeline(caller, case_id)))


@router.get("/applications/{case_id}/timeline")
def whole_timeline(
    asked: Asked, caller: Caller, case_id: Id, accept_language: AcceptLanguage = ""
) -> ToldTimeline:
    """Records, workflows, entries, notices, outside calls and repairs in one order, and in one
    sentence why the case waits."""
    found = asked.timelines.read(caller, case_id)
    spoken = speech(language_of(accept_language, Language.EN))
    return ToldTimeline(**dict(found), sentence=sentence_of(found.explanation, spoken))


@router.get("/applications/{case_id}/receipt")
def read_receipt(asked: Asked, caller: Caller, case_id: Id) -> Assessment:
    """The receipt of the newest judgement: inputs, edition, every step."""
    return asked.applications.read_receipt(caller, case_id)


@router.post("/applications/{case_id}/replay")
def replay(asked: Asked, caller: Caller, case_id: Id) -> Replayed:
    """Judge the stored inputs again under the stored edition, and compare."""
    return asked.applications.replay(caller, case_id)


@router.get("/applications/{case_id}/questions")
def open_questions(asked: Asked, caller: Caller, case_id: Id) -> OpenFile:
    """What the file comes to today, and which missing items could still change it."""
    return asked.applications.open_questions(caller, case_id)


@router.post("/replays")
def replay_all(asked: Asked, caller: Caller) -> ReplayedBook:
    """Judge every receipt on record again."""
    return asked.applications.replay_all(caller)


@router.get("/figures")
def figures(asked: Asked, caller: Caller) -> Figures:
    """How many cases, agreements and lines stand where; the cases' parts sum to the whole."""
    return asked.applications.figures(caller)
