"""A writing request: who asks, under which idempotency key, and its answer, given once."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Protocol, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from domain.identity import Person
from domain.value import content_hash
from web.callers import Asked, Caller
from web.service.once import Answered, once
from web.service.services import Services

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key and body give the same answer; another body is refused.",
    ),
]


@dataclass(frozen=True)
class Write:
    """What a writing route needs beside its body."""

    request: Request
    asked: Services
    caller: Person
    key: str | None

    @property
    def run_id(self) -> str | None:
        """The id of a run begun under the key: where its answer was lost, the same run is found."""
        if self.key is None:
            return None
        named = [self.caller.person_id, self.request.url.path, self.key]
        return content_hash(named)[:32]

    def once(self, status: int, body: object, effect: Callable[[], BaseModel]) -> Response:
        """The answer of an effect that lies wholly in our records; with a key, of its first time."""

        def answered() -> Answered:
            return Answered(status=status, body=effect().model_dump_json())

        if self.key is None:
            return _response(answered())
        route = f"{self.request.method} {self.request.url.path}"
        digest = content_hash([_plain(body), sorted(self.request.query_params.items())])
        return _response(once(self.asked.records, self.caller, route, self.key, digest, answered))


async def _write(request: Request, asked: Asked, caller: Caller, key: Key = None) -> Write:
    return Write(request, asked, caller, key)


class Replayable(Protocol):
    """An answer that says whether it was given before."""

    @property
    def replayed(self) -> bool: ...


_Replayable = TypeVar("_Replayable", bound=Replayable)


def marked(response: Response, answer: _Replayable) -> _Replayable:
    """The answer of what keeps its own keys; its headers say if it was given before."""
    if answer.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return answer


def _plain(body: object) -> object:
    """The body as JSON has it; a file by its hash."""
    if isinstance(body, BaseModel):
        return body.model_dump(mode="json")
    if isinstance(body, bytes):
        return sha256(body).hexdigest()
    return [_plain(part) for part in body] if isinstance(body, list | tuple) else body


Writing = Annotated[Write, Depends(_write)]


def _response(answer: Answered) -> Response:
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else {}
    return Response(answer.body, answer.status, headers, media_type="application/json")
