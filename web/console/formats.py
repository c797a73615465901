"""How figures, dates and ids look to a reader; the words beside them are `web/language.py`.

Amounts keep every digit unless a place asks for the short form, which says so by its unit (万, 亿,
m, bn) and rounds halves to even. Dates are written year first in both languages, so that columns
align and nobody reads a month for a day.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

from domain.calendar import ZONE
from domain.identity import Language
from domain.money import Money
from domain.wording import chinese_words, english_words

_SHORT = {
    Language.ZH: ((Decimal(10) ** 8, "亿"), (Decimal(10) ** 4, "万")),
    Language.EN: ((Decimal(10) ** 9, "bn"), (Decimal(10) ** 6, "m"), (Decimal(10) ** 3, "k")),
}
_SIGNS_ZH = {"CNY": "¥"}
_NARROW = "\N{NO-BREAK SPACE}"
_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Reader:
    """Who reads: in which language, by which clock, amounts in full or short."""

    language: Language = Language.ZH
    zone: str = ZONE
    theme: str = "light"
    short: bool = False


class Formats:
    """Figures and dates as one reader sees them."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def money(self, money: Money | None) -> str:
        """Every digit, grouped, with the currency: `CNY 1,250,000.00`; an em dash for nothing."""
        if money is None:
            return "—"
        return self._with_currency(f"{abs(money.amount):,f}", money)

    def money_short(self, money: Money | None) -> str:
        """Three or four digits and a unit: `CNY 1.25m`, `¥125万`."""
        if money is None:
            return "—"
        return self._with_currency(self.short(abs(money.amount)), money)

    def money_for_reader(self, money: Money | None) -> str:
        """Full or short, as the reader has chosen."""
        return self.money_short(money) if self.reader.short else self.money(money)

    def words(self, money: Money) -> str:
        """The amount in words (大写), to check a typed figure by."""
        if money.minor <= 0:
            return ""
        chinese = self.reader.language is Language.ZH
        return chinese_words(money) if chinese else english_words(money)

    def short(self, amount: Decimal) -> str:
        for size, unit in _SHORT[self.reader.language]:
            if abs(amount) >= size:
                return f"{_trimmed(amount / size, 2)}{unit}"
        return f"{_trimmed(amount, 2)}"

    def number(self, number: Decimal | int | str | None, decimals: int = 2) -> str:
        """Grouped, at most so many decimals, no trailing zeros."""
        if number is None:
            return "—"
        if isinstance(number, str):
            return number
        return _signed(_trimmed(abs(Decimal(number)), decimals), Decimal(number))

    def figure(self, number: Decimal | int | None, decimals: int = 0) -> str:
        """Grouped with exactly so many decimals, for columns."""
        if number is None:
            return "—"
        return _signed(f"{abs(Decimal(number)):,.{decimals}f}", Decimal(number))

    def hours(self, seconds: int | None) -> str:
        """A time in hours with one decimal, rounded down: `1,204.5 h`."""
        if seconds is None:
            return "—"
        unit = "小时" if self.reader.language is Language.ZH else "h"
        return f"{Decimal(seconds // 360) / 10:,.1f}{_NARROW}{unit}"

    def percent(self, share: Decimal | None, decimals: int = 2) -> str:
        if share is None:
            return "—"
        return f"{_signed(f'{abs(share * 100):,.{decimals}f}', share)}%"

    def bp(self, points: Decimal | None) -> str:
        """Basis points with their sign."""
        return "—" if points is None else f"{points.normalize() + 0:+f}"

    def on(self, day: date | None) -> str:
        return day.isoformat() if day else "—"

    def at(self, instant: datetime | None) -> str:
        """To the minute, on the reader's clock."""
        if instant is None:
            return "—"
        return f"{self._local(instant):%Y-%m-%d %H:%M}"

    def at_second(self, instant: datetime) -> str:
        return f"{self._local(instant):%Y-%m-%d %H:%M:%S}"

    def clock_name(self) -> str:
        return "UTC" if self.reader.zone == "UTC" else "UTC+8"

    def span(self, period: timedelta) -> tuple[str, int]:
        """The largest whole unit of a period (`day`, `hour`, `minute`) and how many of it."""
        minutes = abs(int(period.total_seconds())) // 60
        for unit, length in (("day", 1440), ("hour", 60)):
            if minutes >= length:
                return unit, minutes // length
        return "minute", minutes

    def _local(self, instant: datetime) -> datetime:
        return instant.astimezone(UTC if self.reader.zone == "UTC" else ZoneInfo(self.reader.zone))

    def _with_currency(self, text: str, money: Money) -> str:
        sign = _MINUS if money.minor < 0 else ""
        symbol = _SIGNS_ZH.get(money.currency) if self.reader.language is Language.ZH else None
        return f"{sign}{symbol}{text}" if symbol else f"{money.currency}{_NARROW}{sign}{text}"


def short_id(identifier: str) -> str:
    """The end of a long id, which tells neighbours apart; short ones stay whole."""
    return f"…{identifier[-8:]}" if len(identifier) > 20 else identifier


def _trimmed(number: Decimal, decimals: int) -> str:
    rounded = number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)
    text = f"{rounded:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _signed(text: str, number: Decimal) -> str:
    return f"{_MINUS}{text}" if number < 0 else text
