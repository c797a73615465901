"""What every request and answer is wrapped in: an id, a size, a line in the log, safe headers."""

import hashlib
import secrets
import time
from collections.abc import MutableMapping
from typing import Any

import structlog
from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.ids import uuid7
from web import metrics
from web.problems import language_of, problem_of_http

MEGABYTE = 1024 * 1024
JSON_MAX = 2 * MEGABYTE
IMPORT_MAX = 161 * MEGABYTE
UPLOAD_MAX = 32 * MEGABYTE  # the services say with a better sentence what they take of this

_log = structlog.get_logger("web")

_ALWAYS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline';"
        " object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}

_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_CODEC = "/api/v1/codec/"
_SHARED = {
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "authorization, content-type, x-namespace",
    "access-control-max-age": "600",
    "vary": "Origin",
}


class Envelope:
    """Plain ASGI: the framework's own class for this costs more than everything done here."""

    def __init__(self, app: ASGIApp, *, secure: bool, codec_origin: str = "") -> None:
        self._app = app
        self._codec_origin = codec_origin
        self._always = dict(_ALWAYS)
        if secure:
            self._always["strict-transport-security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        # Always ours: under a caller's own id a second refusal would pass for the first.
        state["request_id"] = uuid7(time.time_ns() // 1_000_000, secrets.token_bytes(10))
        began = time.perf_counter()
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                answer = MutableHeaders(scope=message)
                answer["x-request-id"] = state["request_id"]
                for name, value in (self._always | shared).items():
                    answer.setdefault(name, value)
            await send(message)

        shared = self._shared(scope)
        try:
            if shared and scope["method"] == "OPTIONS":
                await Response(status_code=204)(scope, receive, send_with_headers)
            else:
                await self._answer(scope, receive, send_with_headers)
        finally:
            _note(scope, status, time.perf_counter() - began)

    def _shared(self, scope: Scope) -> dict[str, str]:
        """What lets the Temporal UI, from its own origin, ask for the codec and nothing else."""
        if not self._codec_origin or not scope["path"].startswith(_CODEC):
            return {}
        if Headers(scope=scope).get("origin") != self._codec_origin:
            return {}
        return {"access-control-allow-origin": self._codec_origin, **_SHARED}

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        size_max = _size_max(scope["path"], headers)
        # Said before a byte is read: whoever sends fifty megabytes need not send them all.
        if _length(headers) > size_max:
            await self._refuse(413, scope, receive, send)
        elif "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            await self._refuse(400, scope, receive, send)  # no record of ours can hold it
        else:
            await self._app(scope, _Body(receive, size_max, scope["state"]), send)

    async def _refuse(self, status: int, scope: Scope, receive: Receive, send: Send) -> None:
        language = language_of(Headers(scope=scope).get("accept-language", ""))
        problem = problem_of_http(status, language, scope["state"]["request_id"])
        await problem.answer({"connection": "close"})(scope, receive, send)


class _Body:
    """Receives a body up to a size, and notes its hash."""

    def __init__(self, receive: Receive, size_max: int, state: MutableMapping[str, Any]) -> None:
        self._receive = receive
        self._left = size_max
        self._state = state
        self._hash = hashlib.sha256()
        self._tail = b""

    async def __call__(self) -> Message:
        message = await self._receive()
        body = message.get("body", b"")
        self._left -= len(body)
        if self._left < 0:
            raise HTTPException(413)
        # As JSON writes the one character that no text column can hold.
        if b"\\u0000" in self._tail + body:
            raise HTTPException(400)
        self._tail = body[-5:]
        self._hash.update(body)
        if message["type"] == "http.request" and not message.get("more_body"):
            self._state["body_hash"] = self._hash.hexdigest()
        return message


def _note(scope: Scope, status: int, seconds: float) -> None:
    state, person = scope["state"], scope["state"].get("person")
    # The route and not the address: an address may carry a one-time token.
    route = getattr(scope.get("route"), "path", "")
    metrics.count(
        scope["method"] if scope["method"] in _METHODS else "other", route, status, seconds
    )
    _log.info(
        "answered",
        method=scope["method"],
        route=route,
        status=status,
        milliseconds=round(seconds * 1000, 1),
        person_id=person.person_id if person else None,
        request_id=state["request_id"],
    )


def _size_max(path: str, headers: Headers) -> int:
    if not headers.get("content-type", "").startswith("multipart/"):
        return JSON_MAX
    return IMPORT_MAX if path.startswith("/api/v1/imports/") else UPLOAD_MAX


def _length(headers: Headers) -> int:
    stated = headers.get("content-length", "0")
    return int(stated) if stated.isdecimal() and len(stated) < 19 else 0
