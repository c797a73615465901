"""What a form may hold, whichever it is: nothing that no record can, and each value as it is judged.

A service makes its values of what was typed. One that does not take it is refused as the API's
bodies are, field by field; one that does not take what is on record is our fault.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError


async def judge_typed(request: Request) -> AsyncIterator[None]:
    """Around every route of the console."""
    form = (await request.form()).values() if request.method == "POST" else ()
    sent = (*form, *request.query_params.values(), *request.path_params.values())
    typed = [text for text in sent if isinstance(text, str)]
    if any("\x00" in text for text in typed):
        raise HTTPException(400)  # the one character that no text column can hold
    try:
        yield
    except ValidationError as error:
        found = error.errors()
        if not all(_was_typed(part["input"], typed) for part in found):
            raise
        raise RequestValidationError(found) from error


def _was_typed(given: Any, typed: list[str]) -> bool:
    """Whether somebody typed this, or what it was made from: a line, a number, nothing at all."""
    if isinstance(given, Mapping):
        return any(_was_typed(each, typed) for each in given.values())
    if isinstance(given, Iterable) and not isinstance(given, str):
        return any(_was_typed(each, typed) for each in given)
    text = "" if given is None else str(given).strip()
    return any(text in each if text else not each.strip() for each in typed)
