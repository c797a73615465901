"""Who a request comes from: a program by its key, or a person by the cookie of their session."""

import hmac
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from domain.errors import NotSignedIn, RequestForged
from domain.identity import Person, SignInSession
from web.service.services import Services

COOKIE = "creditflow_session"
CSRF_HEADER = "x-csrf-token"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


def services_of(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


def caller_of(request: Request) -> Person:
    """Who is asking, or `NotSignedIn`; a writing request by cookie must carry its form's token."""
    identity = services_of(request).identity
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme:
        if scheme.lower() != "bearer":
            raise NotSignedIn()
        person = identity.person_of_key(key.strip())
    else:
        session = session_of(request)
        if request.method not in _READING:
            refuse_forged(request, session, request.headers.get(CSRF_HEADER, ""))
        person = session.person
    request.state.person = person
    # What the caller says it is; a label in the records, and no right rests on it.
    said = request.headers.get("user-agent", "")
    request.state.channel = "cli" if said.startswith("creditflow-cli") else "api"
    return person


def session_of(request: Request) -> SignInSession:
    """The session of the request's cookie, or `NotSignedIn`."""
    token = request.cookies.get(COOKIE)
    if not token:
        raise NotSignedIn()
    session = services_of(request).identity.session_of(token)
    request.state.person = session.person
    return session


def refuse_forged(request: Request, session: SignInSession, csrf_token: str) -> None:
    """A request that changes something comes from a page of ours and says that page's token."""
    origin = request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if foreign or request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        raise RequestForged()
    if not hmac.compare_digest(csrf_token.encode(), session.csrf_token.encode()):
        raise RequestForged()


async def _asked(request: Request) -> Services:
    # Awaited in place: a plain function would cost each request a change of threads.
    return services_of(request)


Asked = Annotated[Services, Depends(_asked)]
Caller = Annotated[Person, Depends(caller_of)]
