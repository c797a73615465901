"""Lists by cursor: a cursor is the key of the last row seen, so rows added meanwhile move nothing."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Annotated, Generic, TypeVar

from fastapi import Query

from domain.errors import Malformed
from domain.value import Value

_Item = TypeVar("_Item")

Cursor = Annotated[
    str | None, Query(max_length=500, description="`next_cursor` of the page before")
]
PageSize = Annotated[int, Query(ge=1, le=200)]


class Page(Value, Generic[_Item]):
    """A part of a list; the filters stay those of the request."""

    items: tuple[_Item, ...]
    next_cursor: str | None = None
    has_more: bool = False


def page_of(
    found: Sequence[_Item], page_size: int, key: Callable[[_Item], tuple[datetime | str | int, ...]]
) -> Page[_Item]:
    """The page of what was found when one more than a page was asked for."""
    items = tuple(found[:page_size])
    more = len(found) > page_size
    return Page(items=items, next_cursor=cursor_of(key(items[-1])) if more else None, has_more=more)


def cursor_of(key: tuple[datetime | str | int, ...]) -> str:
    plain = [part.isoformat() if isinstance(part, datetime) else part for part in key]
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def after_instant(cursor: str | None) -> tuple[datetime, str] | None:
    """The key in a cursor of a list by time and id."""
    if cursor is None:
        return None
    match _parts_of(cursor):
        case [str(instant), str(row_id)]:
            try:
                at = datetime.fromisoformat(instant)
            except ValueError:
                raise _not_ours() from None
            if at.tzinfo is None or "\x00" in row_id:
                raise _not_ours()
            return at, row_id
    raise _not_ours()


def after_day(cursor: str | None) -> tuple[date, str] | None:
    """The key in a cursor of a list by day and id."""
    key = after_text(cursor)
    if key is None:
        return None
    day, _, row_id = key.partition(" ")
    try:
        return date.fromisoformat(day), row_id
    except ValueError:
        raise _not_ours() from None


def after_number(cursor: str | None) -> int | None:
    """The key in a cursor of a list by number."""
    if cursor is None:
        return None
    match _parts_of(cursor):
        case [int(number)] if not isinstance(number, bool) and abs(number) < 2**63:
            return number
    raise _not_ours()


def after_text(cursor: str | None) -> str | None:
    """The key in a cursor of a list by id."""
    if cursor is None:
        return None
    match _parts_of(cursor):
        case [str(row_id)] if "\x00" not in row_id:
            return row_id
    raise _not_ours()


def _parts_of(cursor: str) -> object:
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        json.dumps(parts, ensure_ascii=False).encode()  # half a character is none
        return parts
    except (binascii.Error, ValueError):
        raise _not_ours() from None


def _not_ours() -> Malformed:
    return Malformed(reason="the cursor is not one of this list")
