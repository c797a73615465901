"""Rows that need no second look: from their cells straight to what COPY reads.

Only what is written as most of it is gets read here, and only where it is right. Everything else,
and every refusal, is left to `cells`, which comes to the same for what is read here.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache

from domain.money import CURRENCIES, exponent_of
from storage.bulk import NOTHING
from web.service.imports.cells import FALSE, TRUE, day_read
from web.service.imports.profile import File, Reading
from web.service.imports.rows import picking

Reader = Callable[[str], str | None]  # a cell as COPY reads it, or None where it is not plain
Said = Callable[[Sequence[str]], str | None]  # a row so

_CENTS = 2
_NUMBER = re.compile(r"[!-\[\]-~]{1,64}")
_TEXT = re.compile(r"(?:[!-\[\]-~](?:[ -\[\]-~]{0,498}[!-\[\]-~])?)?")
_SIGNED = re.compile(r"(-?)([0-9]{1,13})(?:\.([0-9]{1,2}))?")

currency: Reader = {each: each for each in CURRENCIES if exponent_of(each) == _CENTS}.get
yes: Reader = {**dict.fromkeys(TRUE, "t"), **dict.fromkeys(FALSE, "f"), "": "f"}.get


def number(text: str) -> str | None:
    """The number of a document."""
    return text if _NUMBER.fullmatch(text) else None


def free_text(text: str) -> str | None:
    """Words of a line, or none."""
    return text if _TEXT.fullmatch(text) else None


def given(read: Reader) -> Reader:
    """A cell that may be empty, which is nothing."""
    return lambda text: read(text) if text else NOTHING


def minor(text: str) -> str | None:
    """An amount above zero, with its cents, in minor units."""
    whole, _, cents = text.partition(".")
    found = whole + cents
    if len(cents) == 2 and 0 < len(whole) <= 13 and found.isdecimal() and found.isascii():
        return found.lstrip("0") or None
    return None


def signed_minor(text: str) -> str | None:
    """An amount of either sign, or zero, in minor units."""
    found = _SIGNED.fullmatch(text)
    return str(int(f"{found[1]}{found[2]}{found[3] or '':0<2}")) if found else None


def day(reading: Reading) -> Reader:
    """A date as the file writes them."""

    @lru_cache(maxsize=10_000)
    def read(text: str) -> str | None:
        found = day_read(text, reading.date_format) if text == text.strip() else None
        return found.isoformat() if found else None

    return read


def day_past(reading: Reading, business_on: date) -> Reader:
    """A date that does not lie ahead, unless the profile says that days may."""
    of_any = day(reading)
    if reading.ahead_of_today:
        return of_any
    latest = business_on.isoformat()

    @lru_cache(maxsize=10_000)
    def read(text: str) -> str | None:
        found = of_any(text)
        return found if found and found <= latest else None

    return read


def said(
    file: File,
    customer: Said,
    readers: Mapping[str, Reader],
    agree: Callable[[Sequence[str]], bool],
) -> Said:
    """A row as its customer and these fields, in their order, where they agree."""
    placed: list[tuple[int, Reader]] = []
    tail = ""  # what every row has at its end
    for field, reader in readers.items():
        found = _placed(file, field, reader)
        if found is None:
            return lambda cells: None
        if isinstance(found, tuple):
            placed += [(0, _always(value)) for value in tail.split("\t")[1:]] + [found]
            tail = ""
        else:
            tail += f"\t{found}"
    pick = picking([place for place, _ in placed])
    read = tuple(reader for _, reader in placed)

    def row(cells: Sequence[str]) -> str | None:
        whose = customer(cells)
        if whose is None:
            return None
        told = [whose]
        for reader, cell in zip(read, pick(cells), strict=True):
            value = reader(cell)
            if value is None:
                return None
            told.append(value)
        return "\t".join(told) + tail if agree(told) else None

    return row


def _placed(file: File, field: str, reader: Reader) -> tuple[int, Reader] | str | None:
    """Where the field stands and how it is read, or what every row has; None where it takes more."""
    constant = file.reading.constants.get(field, "")
    if field in file.reading.templates:
        return None
    if field in file.names:
        return None if constant else (file.rows.columns.index(file.names[field]), reader)
    return reader(constant)


def _always(value: str) -> Reader:
    return lambda text: value
