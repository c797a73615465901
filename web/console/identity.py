"""Signing in and out, and how a person likes to read."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from domain.identity import Language
from web.callers import COOKIE
from web.console.page import (
    COOKIE_AMOUNTS,
    COOKIE_LANGUAGE,
    COOKIE_THEME,
    COOKIE_ZONE,
    Public,
    Visit,
    Writing,
    local_path,
)
from web.problems import Problem

router = APIRouter(include_in_schema=False)
_YEAR = 365 * 24 * 3600
_SETTINGS = {
    COOKIE_LANGUAGE: ("language", frozenset(language.value for language in Language)),
    COOKIE_AMOUNTS: ("amounts", frozenset({"full", "short"})),
    COOKIE_ZONE: ("zone", frozenset({"local", "UTC"})),
    COOKIE_THEME: ("theme", frozenset({"light", "dark"})),
}


@router.get("/sign-in")
def show_sign_in(visit: Public, to: str = "/") -> HTMLResponse:
    """The form; `to` is where the person was going."""
    return _sign_in_page(visit, to)


@router.post("/sign-in")
def sign_in(
    visit: Public,
    name: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form(max_length=1024)] = "",
    to: Annotated[str, Form()] = "/",
) -> Response:
    """Begin a session and go where the person was going."""
    visit.request.state.channel = "console"
    visit.when_refused(lambda refusal: _sign_in_page(visit, to, name, refusal))
    begun = visit.services.identity.sign_in(name.strip(), password)
    answer = RedirectResponse(local_path(to), status_code=303)
    answer.set_cookie(
        COOKIE,
        begun.token,
        expires=begun.session.expires_at,
        httponly=True,
        samesite="lax",
        secure=_is_secure(visit.request),
    )
    return answer


@router.post("/sign-out")
def sign_out(visit: Writing) -> Response:
    """End this browser's session."""
    visit.services.identity.sign_out(visit.request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/sign-in", status_code=303)
    answer.delete_cookie(COOKIE)
    return answer


@router.post("/preferences")
def prefer(
    request: Request,
    back: Annotated[str, Form()] = "/",
    language: Annotated[str, Form()] = "",
    amounts: Annotated[str, Form()] = "",
    zone: Annotated[str, Form()] = "",
    theme: Annotated[str, Form()] = "",
) -> Response:
    """Remember on this browser how the person reads; it changes nothing else."""
    typed = {"language": language, "amounts": amounts, "zone": zone, "theme": theme}
    answer = RedirectResponse(local_path(back), status_code=303)
    for cookie, (field, allowed) in _SETTINGS.items():
        if typed[field] in allowed:
            answer.set_cookie(
                cookie,
                typed[field],
                max_age=_YEAR,
                path="/",
                httponly=True,
                samesite="lax",
                secure=_is_secure(request),
            )
    return answer


def _sign_in_page(
    visit: Visit, to: str, typed: str = "", refusal: Problem | None = None
) -> HTMLResponse:
    return visit.show("identity/sign_in.html", refusal=refusal, to=local_path(to), typed=typed)


def _is_secure(request: Request) -> bool:
    return str(request.app.state.public_url).startswith("https:")
