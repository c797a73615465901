"""From an exception to its answer: registered once, for API and console alike.

A refusal of somebody we know, on a request that would have changed something, is kept; so is every
refusal for want of a right. What the world does not answer becomes 503 and what is wrong with us
500, in the same shape.
"""

import re
from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as BareHTTPException

from domain.audit import RefusedMessage
from domain.errors import CreditError, NotPermitted
from domain.identity import Person
from domain.imports import RowError
from web.callers import services_of
from web.console.refusal import is_for_people, page_of
from web.problems import (
    FieldProblem,
    Problem,
    RowsRefused,
    headers_of,
    language_of,
    problem_of,
    problem_of_fields,
    problem_of_http,
)
from web.service.gateway import StillPending, TemporalUnavailable

_log = structlog.get_logger("web")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_UNREACHED = (OperationalError, InterfaceError, NoConnection, TemporalUnavailable)


def register(app: FastAPI) -> None:
    """Every exception that may leave a route, and its answer."""
    app.add_exception_handler(CreditError, _refused)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(RowsRefused, _rows_refused)
    app.add_exception_handler(BareHTTPException, _of_http)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(StillPending, _pending)
    for kind in _UNREACHED:
        app.add_exception_handler(kind, _unreached)
    app.add_exception_handler(Exception, _our_fault)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, CreditError)
    problem = problem_of(error, _language(request), _request_id(request))
    await _keep(request, problem, permission=isinstance(error, NotPermitted))
    return await _answered(request, problem, error.facts)


async def _unreadable(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problem = problem_of_fields(error.errors(), _language(request), _request_id(request))
    await _keep(request, problem, permission=False)
    return await _answered(request, problem)


async def _rows_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RowsRefused)
    refusal = error.report.refusal()
    assert refusal is not None
    language = _language(request)
    problem = problem_of(refusal, language, _request_id(request)).model_copy(
        update={"errors": [_row_problem(row, language) for row in error.report.errors]}
    )
    await _keep(request, problem, permission=False)
    return await _answered(request, problem)


def _row_problem(row: RowError, language: str) -> FieldProblem:
    detail = row.detail_zh if language == "zh" else row.detail
    return FieldProblem(field=row.column, code=row.code, detail=detail, line=row.line)


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, BareHTTPException)
    problem = problem_of_http(error.status_code, _language(request), _request_id(request))
    return await _answered(request, problem, headers=error.headers)


async def _pending(request: Request, error: Exception) -> Response:
    problem = problem_of_http(202, _language(request), _request_id(request))
    return await _answered(request, problem)


async def _unreached(request: Request, error: Exception) -> Response:
    _log.warning("unreached", request_id=_request_id(request), error=type(error).__name__)
    problem = problem_of_http(503, _language(request), _request_id(request))
    return await _answered(request, problem)


async def _our_fault(request: Request, error: Exception) -> Response:
    # The server's own middleware raises it again after this answer, and logs it with its trace.
    # It stands outside the envelope, so the id is put on here.
    problem = problem_of_http(500, _language(request), _request_id(request))
    answer = await _answered(request, problem)
    answer.headers["x-request-id"] = problem.request_id
    return answer


async def _keep(request: Request, problem: Problem, *, permission: bool) -> None:
    """Record the refusal, unless nobody we know was refused, or only a reader was."""
    person: Person | None = getattr(request.state, "person", None)
    if person is None or (request.method in _READING and not permission):
        return
    parameters = request.path_params
    route = request.scope.get("route")
    refused = RefusedMessage(
        message_key=f"{person.person_id}/{problem.request_id}",
        channel=getattr(request.state, "channel", "api"),
        subject=_subject(parameters) or request.url.path[:200],
        action=f"{request.method} {getattr(route, 'path', request.url.path)[:200]}",
        person_id=person.person_id,
        code=problem.code,
        detail=problem.detail[:1000],
        case_id=_case_id(parameters),
        body_hash=getattr(request.state, "body_hash", ""),
    )
    try:
        await run_in_threadpool(services_of(request).audit.record_refusal, refused)
    except DBAPIError:
        # The answer stands; that it could not be kept is for whoever watches the log.
        _log.error("refusal_not_kept", request_id=problem.request_id, code=problem.code)


def _subject(parameters: Mapping[str, Any]) -> str | None:
    for name, value in parameters.items():
        if name.endswith(("_id", "_no")):
            return f"{name.rsplit('_', 1)[0]}/{value}"[:200]
    return None


def _case_id(parameters: Mapping[str, Any]) -> str | None:
    # A task's id begins with the id of what is decided on.
    case_id = parameters.get("case_id") or str(parameters.get("task_id", "")).partition(".")[0]
    return case_id if isinstance(case_id, str) and _ID.fullmatch(case_id) else None


async def _answered(
    request: Request,
    problem: Problem,
    facts: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """As JSON for programs; for people the page they were on, or one of its own."""
    if is_for_people(request):
        return await run_in_threadpool(page_of, request, problem)
    return problem.answer({**headers_of(problem, facts or {}), **(headers or {})})


def _language(request: Request) -> str:
    chosen: str | None = getattr(request.state, "language", None)
    return chosen or language_of(request.headers.get("accept-language", ""))


def _request_id(request: Request) -> str:
    return str(getattr(request.state, "request_id", ""))
