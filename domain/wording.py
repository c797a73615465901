"""Amounts and rates in words, as contracts write them: 人民币壹拾万元整, CNY One Hundred Thousand and
00/100, 百分之十八, eighteen per cent.

The Chinese form follows the basic rules for filling in bills and settlement vouchers (appendix one
of the People's Bank of China's Measures for Payment and Settlement, 1997). Words are written from
the exact minor units; nothing is rounded.
"""

from decimal import Decimal

from domain.errors import AmountNotPositive
from domain.money import Money, exponent_of

_DIGITS_ZH = "零壹贰叁肆伍陆柒捌玖"
_PLACES_ZH = ("仟", "佰", "拾", "")
_MINOR_PLACES_ZH = "角分厘"
# Rates and days are written in plain numerals; only amounts take the ones of the rules.
_PLAIN_ZH = str.maketrans("壹贰叁肆伍陆柒捌玖拾佰仟", "一二三四五六七八九十百千")

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_THOUSANDS = ("", "thousand", "million", "billion", "trillion", "quadrillion", "quintillion")


def chinese_words(money: Money) -> str:
    """The amount in 大写, without the currency's name: `壹拾万柒仟元伍角叁分`.

    整 follows whole 元 and 角 and never 分. Refuses `AmountNotPositive` below zero.
    """
    if money.minor < 0:
        raise AmountNotPositive(amount=money)
    decimals = exponent_of(money.currency)
    whole, minor = divmod(money.minor, 10**decimals)
    digits = str(minor).zfill(decimals) if decimals else ""
    fraction = _fraction_zh(digits, leading_zero=whole > 0)
    if whole == 0 and fraction:
        return fraction
    return (_whole_zh(whole) or "零") + "元" + (fraction or "整")


def english_words(money: Money) -> str:
    """The amount in English words after its code: `CNY One Thousand Two Hundred and 50/100`.

    Minor units are written as a fraction, so that no plural of any currency has to be known.
    """
    if money.minor < 0:
        raise AmountNotPositive(amount=money)
    decimals = exponent_of(money.currency)
    whole, minor = divmod(money.minor, 10**decimals)
    words = f"{money.currency} {_whole_en(whole).title()}"
    return f"{words} and {minor:0{decimals}d}/{10**decimals}" if decimals else words


def chinese_number(number: int) -> str:
    """A count in plain numerals: `三百六十`, `十八`."""
    words = (_whole_zh(number) or "零").translate(_PLAIN_ZH)
    return words[1:] if words.startswith("一十") else words


def english_number(number: int) -> str:
    return _whole_en(number)


def chinese_percent(rate: Decimal) -> str:
    """A share as `百分之十八点二五`, to its last place."""
    whole, places = _percent_parts(rate)
    words = "".join(_DIGITS_ZH[int(each)] for each in places).translate(_PLAIN_ZH)
    return f"百分之{chinese_number(whole)}" + (f"点{words}" if words else "")


def english_percent(rate: Decimal) -> str:
    """A share as `eighteen point two five per cent`, to its last place."""
    whole, places = _percent_parts(rate)
    words = "".join(f" {_ONES[int(each)]}" for each in places)
    return _whole_en(whole) + (f" point{words}" if words else "") + " per cent"


def _percent_parts(rate: Decimal) -> tuple[int, str]:
    whole, _, places = f"{(rate * 100).normalize():f}".partition(".")
    return int(whole), places


def _whole_zh(number: int) -> str:
    """Digits with 亿 and 万; a gap of any length is one 零, and none at the end."""
    if number >= 10**8:
        return _joined_zh(number, 10**8, "亿")
    if number >= 10**4:
        return _joined_zh(number, 10**4, "万")
    words, gap = "", False
    for digit, place in zip(f"{number:04d}", _PLACES_ZH, strict=True):
        if digit == "0":
            gap = bool(words)
            continue
        words += ("零" if gap else "") + _DIGITS_ZH[int(digit)] + place
        gap = False
    return words


def _joined_zh(number: int, unit: int, name: str) -> str:
    high, low = divmod(number, unit)
    between = "零" if 0 < low < unit // 10 else ""
    return _whole_zh(high) + name + between + _whole_zh(low)


def _fraction_zh(digits: str, *, leading_zero: bool) -> str:
    """角, 分 and 厘; a zero 角 before a 分 is written 零 after whole 元."""
    words, gap = "", False
    for digit, place in zip(digits, _MINOR_PLACES_ZH, strict=False):
        if digit == "0":
            gap = leading_zero or bool(words)
            continue
        words += ("零" if gap else "") + _DIGITS_ZH[int(digit)] + place
        gap = False
    return words + ("整" if words.endswith("角") else "")


def _whole_en(number: int) -> str:
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens - 2] + (f"-{_ONES[ones]}" if ones else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return f"{_ONES[hundreds]} hundred" + (f" {_whole_en(rest)}" if rest else "")
    groups: list[str] = []
    for name in _THOUSANDS:
        number, group = divmod(number, 1000)
        if group:
            groups.insert(0, f"{_whole_en(group)} {name}".strip())
        if not number:
            break
    return " ".join(groups)
