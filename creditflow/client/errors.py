"""What a request can end in besides its answer.

    CreditflowError
    ├── Refused              readable, and refused by a rule
    │   ├── Malformed        it cannot be read as what it claims to be
    │   ├── NotSignedIn      no valid key
    │   ├── NotPermitted     the key's person may not
    │   ├── NotFound         there is no such thing, or not for this person
    │   └── Conflict         it was true once, or is claimed by something else
    └── Unreached            no answer, or one that says to come back later

Branch on `code`; the sentence is for people and in the client's language.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field of a request."""

    field: str
    code: str
    detail: str


class CreditflowError(Exception):
    """Anything but an answer. Carries no key and nothing of what was sent."""

    def __init__(
        self,
        detail: str,
        *,
        code: str,
        status: int | None = None,
        facts: Mapping[str, str] | None = None,
        errors: tuple[FieldError, ...] = (),
        request_id: str = "",
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.status = status
        self.facts = dict(facts or {})
        self.errors = errors
        self.request_id = request_id

    def __str__(self) -> str:
        named = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.code}: {self.detail}{named}"


class Refused(CreditflowError):
    """The request was understood, and is not granted."""


class Malformed(Refused):
    """The request cannot be read; `errors` says where."""


class NotSignedIn(Refused):
    """The key is missing, unknown or revoked."""


class NotPermitted(Refused):
    """The key's person may not do this."""


class NotFound(Refused):
    """There is no such thing, or not for this person."""


class Conflict(Refused):
    """The request does not fit the present state."""


class Unreached(CreditflowError):
    """No answer, or one that says to come back later. Nothing is known to have been done."""


_BY_STATUS: dict[int, type[CreditflowError]] = {
    400: Malformed,
    401: NotSignedIn,
    403: NotPermitted,
    404: NotFound,
    409: Conflict,
    429: NotSignedIn,
}


def error_of(status: int, problem: Mapping[str, Any]) -> CreditflowError:
    """The error that a problem document stands for; a foreign body becomes one as well."""
    kind = _BY_STATUS.get(status, Unreached if status >= 500 else Refused)
    fields = tuple(
        FieldError(str(part.get("field")), str(part.get("code")), str(part.get("detail")))
        for part in problem.get("errors", ())
        if isinstance(part, Mapping)
    )
    if status == 422 and fields:
        kind = Malformed
    return kind(
        str(problem.get("detail") or f"The server answered {status}."),
        code=str(problem.get("code") or f"http_{status}"),
        status=status,
        facts={str(name): str(fact) for name, fact in dict(problem.get("facts") or {}).items()},
        errors=fields,
        request_id=str(problem.get("request_id") or ""),
    )
