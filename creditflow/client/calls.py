"""A request as a value: what is sent, and how its answer is read. Sync and async both run it."""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, TypeAdapter

from creditflow.client.errors import CreditflowError, error_of

_Answer = TypeVar("_Answer")
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Call(Generic[_Answer]):
    """One request. `repeatable`: sending it twice does it once."""

    method: str
    path: str
    read: Callable[[bytes], _Answer]
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    files: Mapping[str, tuple[str, bytes, str]] | None = None
    form: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True


def reading(path: str, kind: Any, /, **query: Any) -> Call[Any]:
    """A GET of one document; filters that are None are left out."""
    return Call("GET", path, reader_of(kind), query=_given(query))


def writing(
    path: str,
    kind: Any,
    body: object = None,
    *,
    key: str | None = None,
    method: str = "POST",
    repeatable: bool = True,
) -> Call[Any]:
    """A write under an idempotency key: the caller's, or one made for this call."""
    return Call(
        method,
        path,
        reader_of(kind),
        body=_encoded(body if body is not None else {}),
        headers={"Content-Type": "application/json", "Idempotency-Key": key or str(uuid.uuid4())},
        repeatable=repeatable,
    )


def uploading(
    path: str,
    kind: Any,
    name: str,
    content: bytes,
    media_type: str,
    *,
    key: str | None = None,
    **form: Any,
) -> Call[Any]:
    """A file and what is said about it, as a form."""
    return Call(
        "POST",
        path,
        reader_of(kind),
        files={"file": (name, content, media_type)},
        form=_given(form),
        headers={"Idempotency-Key": key or str(uuid.uuid4())},
    )


def bytes_of(path: str) -> Call[bytes]:
    """A GET of a document that is not JSON."""
    return Call("GET", path, lambda content: content)


def text_of(path: str) -> Call[str]:
    """A GET of a text."""
    return Call("GET", path, lambda content: content.decode("utf-8"))


def reader_of(kind: Any) -> Callable[[bytes], Any]:
    if kind is None:
        return lambda content: None
    adapter: TypeAdapter[Any] = _adapter(kind)
    return adapter.validate_json


def refusal_of(status: int, content: bytes) -> CreditflowError:
    """The error of an answer from 400 up."""
    try:
        problem = json.loads(content)
    except ValueError:
        problem = {}
    return error_of(status, problem if isinstance(problem, dict) else {})


def code_of(content: bytes) -> str:
    return refusal_of(400, content).code


_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}


def _adapter(kind: Any) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def _given(query: Mapping[str, Any]) -> dict[str, str]:
    return {name: _text(value) for name, value in query.items() if value is not None}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _encoded(body: object) -> bytes:
    return json.dumps(_plain(body), ensure_ascii=False).encode()


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items() if part is not None}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value if isinstance(value, bool | int | str) or value is None else str(value)
