"""A file of companies and the columns file that says what each of its columns is."""

import csv
import io
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from pydantic import ValidationError

from domain.edition import Code
from domain.errors import ColumnMissing, EncodingUnknown, FieldUnreadable, FileEmpty, Malformed
from domain.reasons import because, of_field, of_toml
from domain.statement import Item
from domain.value import Value

_DAYS_A_YEAR = range(330, 401)  # between the ends of two statements that follow each other


class Columns(Value):
    """Which column is which item of the newest year, of the year before, or a ready factor.

    A name of an edition's figure under `factors` stands for the figure itself. `firm` and `time`
    are the columns that tell companies and years apart, where the command names no other.
    """

    firm: str = ""
    time: str = ""
    items: dict[Item, str] = {}
    prior: dict[Item, str] = {}
    factors: dict[Code, str] = {}

    @classmethod
    def of_file(cls, file: Path) -> "Columns":
        """Refuses `Malformed` with the first thing that is not understood."""
        try:
            return cls.model_validate(tomllib.loads(file.read_text("utf-8")))
        except tomllib.TOMLDecodeError as error:
            raise Malformed(**of_toml(error, file.name)) from error
        except UnicodeDecodeError as error:
            raise Malformed(**because("unreadable", error=f"{file.name}: UTF-8")) from error
        except ValidationError as error:
            raise Malformed(**of_field(error, file.name)) from error


@dataclass(eq=False)
class FirmYear:
    """One row of the file: its texts, its figures as numbers, and the row of the year before."""

    texts: Mapping[str, str]
    firm: str
    time: str
    items: Mapping[str, Decimal]
    prior_items: Mapping[str, Decimal]
    factors: Mapping[str, Decimal]
    before: "FirmYear | None" = field(default=None, repr=False)
    last_time: str = ""  # the last one of its firm in the whole file


@dataclass(frozen=True)
class Book:
    """The rows of a file in their order, and its columns."""

    header: tuple[str, ...]
    rows: tuple[FirmYear, ...]


def read_book(data: Path, columns: Columns, firm: str, time: str) -> Book:
    """The file's rows as numbers, each with its firm's row of the year before.

    Refuses `ColumnMissing`, `FieldUnreadable` with the line, `EncodingUnknown` and `FileEmpty`.
    """
    reader = csv.DictReader(io.StringIO(_text(data), newline=""))
    header = tuple(reader.fieldnames or ())
    used = [*columns.items.values(), *columns.prior.values(), *columns.factors.values(), firm, time]
    for column in filter(None, used):
        if column not in header:
            raise ColumnMissing(column=column)
    rows = tuple(
        _firm_year(line, texts, columns, firm, time) for line, texts in enumerate(reader, start=2)
    )
    if not rows:
        raise FileEmpty()
    _link(rows)
    return Book(header, rows)


def _text(data: Path) -> str:
    content = data.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise EncodingUnknown(start=content[:4].hex(" "))


def _firm_year(
    line: int, texts: Mapping[str, str], columns: Columns, firm: str, time: str
) -> FirmYear:
    def numbers(mapping: Mapping[str, str]) -> dict[str, Decimal]:
        read = (
            (str(name), _number(texts[column], column, line)) for name, column in mapping.items()
        )
        return {name: number for name, number in read if number is not None}

    return FirmYear(
        texts=texts,
        firm=texts[firm] if firm else "",
        time=texts[time] if time else "",
        items=numbers({item.value: column for item, column in columns.items.items()}),
        prior_items=numbers({item.value: column for item, column in columns.prior.items()}),
        factors=numbers(columns.factors),
    )


def _number(text: str | None, column: str, line: int) -> Decimal | None:
    plain = (text or "").strip().replace(",", "")
    if not plain or plain.lower() in ("na", "nan", "null", "none"):
        return None
    try:
        number = Decimal(plain)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise FieldUnreadable(
            column=f"line {line}: {column}", expected="a number", expected_zh="数字"
        )
    return number


def _link(rows: Sequence[FirmYear]) -> None:
    """Give each row its firm's row of the year before, and the firm's last time."""
    by_firm: dict[str, list[FirmYear]] = {}
    for row in rows:
        by_firm.setdefault(row.firm, []).append(row)
    for firm, own in by_firm.items():
        if not firm or not own[0].time:
            continue
        own.sort(key=lambda row: time_order(row.time))
        for place, row in enumerate(own):
            row.last_time = own[-1].time
            row.before = _year_before(row, own[:place])


def _year_before(row: FirmYear, earlier: Iterable[FirmYear]) -> FirmYear | None:
    number, on = time_order(row.time)
    for each in earlier:
        then_number, then_on = time_order(each.time)
        if (on - then_on).days in _DAYS_A_YEAR if on.year > 1 else number - then_number == 1:
            return each
    return None


def time_order(time: str) -> tuple[int, date]:
    """A time as it is ordered: a whole number such as a year, or an ISO date.

    Refuses `FieldUnreadable`.
    """
    plain = time.strip()
    try:
        if "-" in plain[1:]:
            on = date.fromisoformat(plain[:10])
            return on.year, on
        return int(Decimal(plain)), date.min
    except (ValueError, InvalidOperation) as error:
        raise FieldUnreadable(
            column=f"time {time}", expected="a year or a date", expected_zh="年份或日期"
        ) from error
