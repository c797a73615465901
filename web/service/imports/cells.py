"""A cell as what it claims to be, or the refusal of its row at that column."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar
from unicodedata import normalize

from pydantic import ValidationError

from domain.customer import Identifier
from domain.errors import (
    AmountNotPositive,
    CreditError,
    DateInFuture,
    FieldMissing,
    FieldUnreadable,
    refusal_in,
)
from domain.money import Money
from domain.value import Value
from web.service.imports.profile import Fields

_Result = TypeVar("_Result")
_Value = TypeVar("_Value", bound=Value)

TRUE = frozenset({"true", "yes", "1", "是", "y"})
FALSE = frozenset({"false", "no", "0", "否", "n"})
_FIGURE = re.compile(r"-?\d{1,24}(\.\d{1,12})?")
_GROUPED = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d{1,12})?")
# 2017-09-01, 2017/9/1, 2017.9.1, 20170901 and 2017年9月1日, with a time of day or without.
_DAY = re.compile(
    r"(?:(\d{4})([-/.])(\d{1,2})\2(\d{1,2})|(\d{4})(\d{2})(\d{2})|(\d{4})年(\d{1,2})月(\d{1,2})日)"
    r"(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)?"
)


class RowRefused(Exception):
    """A row's refusal on its way to the report, with the column that brought it."""

    def __init__(self, refusal: CreditError, column: str = "") -> None:
        super().__init__(refusal.code)
        self.refusal = refusal
        self.column = column


def required(fields: Fields, field: str) -> str:
    """The field's text; refuses `FieldMissing` where it is empty."""
    text = fields.find(field)
    if not text:
        column = fields.column_of(field)
        raise RowRefused(FieldMissing(column=column), column)
    return text


def figure(fields: Fields, field: str, text: str) -> Decimal:
    """A decimal number, its thousands grouped by commas or not; no exponent."""
    found = plain(text)
    if found is None:
        raise unreadable(fields, field, "a number such as 1250.00", "数字（如 1250.00）")
    return Decimal(found)


def plain(text: str) -> str | None:
    """A number as people write it as a bare one: full width and whole groups of thousands."""
    if not text.isascii():
        text = normalize("NFKC", text)
    if not text.isascii():
        return None
    if "," in text and _GROUPED.fullmatch(text):
        return text.replace(",", "")
    return text if _FIGURE.fullmatch(text) else None


def whole(fields: Fields, field: str) -> int | None:
    """A whole number, or None where nothing is given."""
    text = fields.find(field)
    if not text:
        return None
    number = figure(fields, field, text)
    if number != number.to_integral_value():
        raise unreadable(fields, field, "a whole number", "整数")
    return int(number)


def money(fields: Fields, field: str = "amount") -> Money:
    """An exact amount above zero in the row's currency; refuses it at the column to blame."""
    text, currency = required(fields, field), required(fields, "currency")
    try:
        amount = Money.of(plain(text) or text, currency)
    except CreditError as refusal:
        named = "currency" if refusal.code == "currency_unknown" else field
        raise RowRefused(refusal, fields.column_of(named)) from refusal
    if amount.minor <= 0:
        raise RowRefused(AmountNotPositive(amount=amount), fields.column_of(field))
    return amount


def yes(fields: Fields, field: str) -> bool:
    """Whether the cell says yes; no where nothing is given."""
    text = fields.find(field).lower()
    if text in TRUE:
        return True
    if text and text not in FALSE:
        raise unreadable(fields, field, "yes or no", "是或否")
    return False


def day(fields: Fields, field: str) -> date | None:
    """A date as the profile or the standards write them, or None where nothing is given."""
    text = fields.find(field)
    if not text:
        return None
    found = day_read(text, fields.reading.date_format)
    if found is None:
        sample = date(2025, 6, 30).strftime(fields.reading.date_format)
        raise unreadable(fields, field, f"a date such as {sample}", f"日期（如 {sample}）")
    return found


@lru_cache(maxsize=10_000)
def day_read(text: str, date_format: str) -> date | None:
    """A text as a day, if it is one of a century that people now do business in."""
    found = None
    parts = _DAY.fullmatch(text if text.isascii() else normalize("NFKC", text))
    try:
        if parts is not None:
            numbers = [int(each) for each in parts.groups() if each and each.isdecimal()]
            found = date(*numbers[:3])
        else:
            # A date has no zone; what is parsed is thrown away but for the day.
            found = datetime.strptime(text, date_format).date()  # noqa: DTZ007
    except ValueError:
        return None
    return found if date(1900, 1, 1) <= found < date(2200, 1, 1) else None


def day_required(fields: Fields, field: str) -> date:
    """A date that must be given."""
    required(fields, field)
    found = day(fields, field)
    assert found is not None
    return found


def day_past(fields: Fields, field: str, business_on: date) -> date:
    """A required date that may not lie ahead, unless the profile says that days may."""
    found = day_required(fields, field)
    if found > business_on and not fields.reading.ahead_of_today:
        column = fields.column_of(field)
        refusal = DateInFuture(field=column, date=found, business_on=business_on)
        raise RowRefused(refusal, column)
    return found


def identifier(fields: Fields, field: str, scheme: str, value: str) -> Identifier:
    """A code that passes its scheme's check; refuses `IdentifierInvalid`."""
    return made(fields, Identifier, {"scheme": scheme, "value": value}, {"value": field, "": field})


def made(
    fields: Fields,
    value: type[_Value],
    content: dict[str, Any],
    names: dict[str, str] | None = None,
) -> _Value:
    """The domain's value of this content, or the row's refusal at the field that failed.

    `names` gives our field for one of the value's where they differ, and under the empty name the
    field that a refusal of the whole value is laid to.
    """
    ours = names or {}
    return refused_at(
        lambda place: fields.column_of(ours.get(place, place)),
        lambda: value.model_validate(content),
    )


def refused_at(column_of: Callable[[str], str], make: Callable[[], _Result]) -> _Result:
    """What `make` makes; whatever it refuses becomes the row's refusal."""
    try:
        return make()
    except ValidationError as invalid:
        part = invalid.errors(include_input=False, include_url=False)[0]
        refusal = refusal_in(invalid)
        place = str(part["loc"][0]) if part["loc"] else ""
        column = column_of(refusal.facts.get("column", place) if refusal else place)
        if refusal is None:
            refusal = FieldUnreadable(column=column, expected="valid", expected_zh="有效值")
        raise RowRefused(refusal, column) from invalid
    except CreditError as refusal:
        raise RowRefused(refusal) from refusal


def unreadable(fields: Fields, field: str, expected: str, expected_zh: str) -> RowRefused:
    """The refusal of a cell that is not what its column asks for."""
    column = fields.column_of(field)
    refusal = FieldUnreadable(column=column, expected=expected, expected_zh=expected_zh)
    return RowRefused(refusal, column)
