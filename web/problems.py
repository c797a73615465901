"""How a refusal looks over HTTP: one shape for every 4xx and 5xx (RFC 9457).

The tree of `domain/errors.py` gives code and sentence; here each branch has its status, and the
refusals that HTTP itself makes (no such page, too large, not allowed) get a code of the same kind.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from domain.errors import (
    AttachmentTooLarge,
    AttachmentTypeRefused,
    Conflict,
    CreditError,
    ImportTooLarge,
    KeyInFlight,
    LockedOut,
    Malformed,
    NotFound,
    NotGranted,
    NotPermitted,
    NotSignedIn,
)
from domain.imports import ImportReport
from domain.reasons import found_in

MEDIA_TYPE = "application/problem+json"

# By branch; a leaf has its own status only where HTTP has the closer word.
STATUSES: dict[type[CreditError], int] = {
    CreditError: 422,
    Malformed: 422,
    NotSignedIn: 401,
    NotPermitted: 403,
    NotFound: 404,
    Conflict: 409,
    NotGranted: 422,
    AttachmentTooLarge: 413,
    AttachmentTypeRefused: 415,
    ImportTooLarge: 413,
    LockedOut: 429,
}

_TITLES = {
    202: ("Still under way", "处理中"),
    400: ("The request cannot be read", "无法读取请求"),
    401: ("Not signed in", "未登录"),
    403: ("Not permitted", "无权执行"),
    404: ("Not found", "不存在"),
    405: ("Not that way", "不支持的请求方式"),
    409: ("Conflict with the present state", "与当前状态冲突"),
    413: ("Too large", "内容过大"),
    415: ("Not a kind that is accepted", "不支持的内容类型"),
    422: ("Refused", "请求被拒绝"),
    429: ("Too many attempts", "尝试次数过多"),
    500: ("Our fault", "系统错误"),
    503: ("Not available now", "暂不可用"),
}

# What HTTP refuses by itself: code, sentence, 中文.
_OF_HTTP = {
    202: (
        "pending",
        "The request is on record and still under way; ask again in a moment.",
        "请求已受理，仍在处理中，请稍后查询。",
    ),
    400: ("malformed", "The request cannot be read.", "无法识别请求内容。"),
    401: ("not_signed_in", NotSignedIn.sentence, NotSignedIn.sentence_zh),
    403: ("not_permitted", "This is not allowed.", "无权执行此操作。"),
    404: ("not_found", "There is nothing at this address.", "此地址不存在。"),
    405: (
        "method_not_allowed",
        "This address does not take that method.",
        "此地址不支持该请求方式。",
    ),
    413: (
        "body_too_large",
        "The request is larger than what is accepted.",
        "请求内容超过允许的大小。",
    ),
    415: ("media_type_refused", "Content of this type is not accepted.", "不接受此类型的内容。"),
    500: (
        "internal_error",
        "Something is wrong on our side; the request id tells us where.",
        "系统出现错误，请提供请求编号以便查找原因。",
    ),
    503: (
        "unavailable",
        "The system cannot be reached now; nothing was lost, try again in a moment.",
        "系统暂时无法访问，数据未丢失，请稍后重试。",
    ),
}


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    field: str = Field(description="Where in the request: `body.limit_requested.amount`")
    code: str
    detail: str
    line: int | None = Field(default=None, description="Of an imported file, the header being 1")


class Problem(BaseModel):
    """A refusal or a failure: the one shape of every answer from 400 up."""

    type: str = Field(description="Address of a page about this code")
    title: str
    status: int
    detail: str = Field(description="A sentence for the person, in the language asked for")
    code: str = Field(description="Stable; what programs branch on")
    facts: dict[str, str] = Field(default={}, description="The ids and figures of the sentence")
    errors: list[FieldProblem] = []
    request_id: str = ""

    def answer(self, headers: Mapping[str, str] | None = None) -> JSONResponse:
        return JSONResponse(
            self.model_dump(), self.status, headers=dict(headers or {}), media_type=MEDIA_TYPE
        )


class RowsRefused(Exception):
    """An import that one row or more stopped; the report says which."""

    def __init__(self, report: ImportReport) -> None:
        super().__init__()
        self.report = report


def status_of(error: CreditError | type[CreditError]) -> int:
    """The status of a refusal: its own, or that of the nearest branch above it."""
    kind = error if isinstance(error, type) else type(error)
    return next(STATUSES[place] for place in kind.__mro__ if place in STATUSES)


def problem_of(error: CreditError, language: str, request_id: str = "") -> Problem:
    """A refusal of ours as a problem."""
    status = status_of(error)
    return Problem(
        type=type_of(error.code),
        title=title_of(status, language),
        status=status,
        detail=error.detail(language),
        code=error.code,
        facts=error.facts,
        request_id=request_id,
    )


def problem_of_http(status: int, language: str, request_id: str = "") -> Problem:
    """A refusal of HTTP itself as a problem."""
    code, sentence, sentence_zh = _OF_HTTP.get(status, _OF_HTTP[400 if status < 500 else 500])
    return Problem(
        type=type_of(code),
        title=title_of(status, language),
        status=status,
        detail=_chosen(language, sentence, sentence_zh),
        code=code,
        request_id=request_id,
    )


def problem_of_fields(
    errors: Iterable[Mapping[str, Any]], language: str, request_id: str = ""
) -> Problem:
    """What pydantic found, field by field; a single refusal of ours lends its code."""
    found = list(errors)
    if any(part["type"] == "json_invalid" for part in found):
        return problem_of_http(400, language, request_id)
    causes = [part.get("ctx", {}).get("error") for part in found]
    fields = [_field_problem(part, language) for part in found]
    first = next((cause for cause in causes if isinstance(cause, CreditError)), None)
    reason = "; ".join(f"{field.field}: {field.detail}" for field in fields[:3])
    error = (
        first
        if first is not None and len(found) == 1
        else Malformed(reason=reason, reason_zh=reason)
    )
    return problem_of(error, language, request_id).model_copy(update={"errors": fields})


def headers_of(problem: Problem, facts: Mapping[str, str]) -> dict[str, str]:
    """What else HTTP wants said with some statuses."""
    match problem.status:
        case 401:
            return {"WWW-Authenticate": 'Bearer realm="creditflow"'}
        case 429:
            return {"Retry-After": str(60 * int(facts.get("minutes", "1")))}
        case 409 if problem.code == KeyInFlight.code_name():
            return {"Retry-After": "1"}
        case 503:
            return {"Retry-After": "2"}
    return {}


def title_of(status: int, language: str) -> str:
    return _chosen(language, *_TITLES.get(status, _TITLES[400 if status < 500 else 500]))


def type_of(code: str) -> str:
    return f"/api/problems/{code}"


def language_of(accept_language: str) -> str:
    """`zh` or `en`, whichever the header names first with any weight; English otherwise."""
    best, language = 0.0, "en"
    for part in accept_language.split(","):
        tag, _, parameters = part.strip().partition(";")
        weight = _weight(parameters)
        primary = tag.strip().lower().partition("-")[0]
        if primary in ("en", "zh") and weight > best:
            best, language = weight, primary
    return language


def codes() -> dict[str, tuple[int, str, str]]:
    """Every code an answer may carry: status, sentence, 中文."""
    known = {
        code: (status, sentence, sentence_zh)
        for status, (code, sentence, sentence_zh) in _OF_HTTP.items()
    }
    return known | {
        leaf.code_name(): (status_of(leaf), leaf.sentence, leaf.sentence_zh)
        for leaf in tree_of(CreditError)
    }


def tree_of(error: type[CreditError]) -> Iterable[type[CreditError]]:
    """A refusal and all below it."""
    yield error
    for leaf in error.__subclasses__():
        yield from tree_of(leaf)


def _field_problem(part: Mapping[str, Any], language: str) -> FieldProblem:
    cause = part.get("ctx", {}).get("error")
    place = ".".join(str(step) for step in part["loc"])
    if isinstance(cause, CreditError):
        return FieldProblem(field=place, code=cause.code, detail=cause.detail(language))
    return FieldProblem(field=place, code=str(part["type"]), detail=found_in(part, language))


def _weight(parameters: str) -> float:
    name, _, number = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(number)
    except ValueError:
        return 0.0


def _chosen(language: str, english: str, chinese: str) -> str:
    return chinese if language.startswith("zh") else english
