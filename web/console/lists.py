"""What lists and forms share: where the next page begins, and how a typed amount is read."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import TypeVar

from domain.errors import FieldUnreadable
from web.api.pages import cursor_of

PAGE_SIZE = 50
CURRENCIES = ("CNY", "USD", "EUR", "HKD", "JPY")

_Item = TypeVar("_Item")


def next_path(
    found: Sequence[_Item],
    path: str,
    key: Callable[[_Item], tuple[datetime | str | int, ...]],
    name: str = "after",
) -> str:
    """The address of the page after this one, with its filters; empty on the last page.

    `found` holds one row more than a page where there is more.
    """
    if len(found) <= PAGE_SIZE:
        return ""
    joint = "&" if "?" in path else "?"
    return f"{path}{joint}{name}={cursor_of(key(found[PAGE_SIZE - 1]))}"


def plain_amount(typed: str) -> str:
    """An amount as people type it, without grouping commas and blanks; `Money` judges the rest."""
    return typed.strip().replace(",", "").replace("，", "").replace(" ", "")


def typed_day(text: str, field: str) -> date | None:
    """A day as a form sends it, None where none was chosen; refuses `FieldUnreadable`."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise FieldUnreadable(
            column=field, expected="YYYY-MM-DD", expected_zh="YYYY-MM-DD 格式的日期"
        ) from None
