"""How a command answers: people read stderr and stdout, programs one JSON document on stdout."""

import json
import sys
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, NoReturn


class Exit(IntEnum):
    """What a command's exit status says."""

    DONE = 0
    REFUSED = 1  # or found wanting
    USAGE = 2
    UNREACHABLE = 3
    NOT_SIGNED_IN = 4
    NOT_FOUND = 5
    CONFLICT = 6
    PENDING = 8


def tell(text: str) -> None:
    """A message to whoever watches; never part of the answer."""
    print(text, file=sys.stderr, flush=True)


def answer(document: Any, *, as_json: bool, text: str | None = None) -> None:
    """The answer itself: the document for programs, or its text for people."""
    if as_json or text is None:
        print(json.dumps(document, ensure_ascii=False, indent=None if as_json else 2))
    else:
        print(text)


def refuse(
    code: str,
    detail: str,
    *,
    as_json: bool,
    status: Exit = Exit.REFUSED,
    errors: Sequence[Mapping[str, Any]] = (),
) -> NoReturn:
    """End with a refusal: `{code, detail}` and where its errors are, or sentences for people."""
    if as_json:
        document = {"code": code, "detail": detail} | ({"errors": errors} if errors else {})
        print(json.dumps(document, ensure_ascii=False))
    tell(f"{code}: {detail}")
    for error in errors:
        line = f"line {error['line']}: " if error.get("line") else ""
        tell(f"  {line}{error['field']}: {error['detail']}")
    raise SystemExit(int(status))
