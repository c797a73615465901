"""Amounts in words, against the examples of the payment rules and against their own figures."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import AmountNotPositive
from domain.money import Money
from domain.wording import (
    chinese_number,
    chinese_percent,
    chinese_words,
    english_percent,
    english_words,
)


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        # The examples of the rules themselves, without the currency's name.
        ("1409.50", "壹仟肆佰零玖元伍角整"),
        ("6007.14", "陆仟零柒元壹角肆分"),
        ("1680.32", "壹仟陆佰捌拾元叁角贰分"),
        ("107000.53", "壹拾万柒仟元伍角叁分"),
        ("16409.02", "壹万陆仟肆佰零玖元零贰分"),
        ("325.04", "叁佰贰拾伍元零肆分"),
        # Where figures turn over.
        ("0", "零元整"),
        ("0.05", "伍分"),
        ("0.50", "伍角整"),
        ("10", "壹拾元整"),
        ("10000", "壹万元整"),
        ("100000000", "壹亿元整"),
        ("1000100", "壹佰万零壹佰元整"),
        ("200010001", "贰亿零壹万零壹元整"),
        ("10500000", "壹仟零伍拾万元整"),
        ("1000000000000", "壹万亿元整"),
    ],
)
def test_an_amount_in_chinese_is_written_as_the_payment_rules_write_it(
    amount: str, words: str
) -> None:
    assert chinese_words(Money.of(amount, "CNY")) == words


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        ("1250000", "CNY", "CNY One Million Two Hundred Fifty Thousand and 00/100"),
        ("21.05", "USD", "USD Twenty-One and 05/100"),
        ("0", "EUR", "EUR Zero and 00/100"),
        ("1000", "JPY", "JPY One Thousand"),
        ("1.005", "KWD", "KWD One and 005/1000"),
    ],
)
def test_an_amount_in_english_keeps_its_minor_units_as_a_fraction(
    amount: str, currency: str, words: str
) -> None:
    assert english_words(Money.of(amount, currency)) == words


@pytest.mark.parametrize("words", [chinese_words, english_words])
def test_an_amount_below_zero_has_no_words(words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(AmountNotPositive):
        words(Money.of("-1", "CNY"))


_DIGITS = {digit: value for value, digit in enumerate("零壹贰叁肆伍陆柒捌玖")}
_UNITS = {"拾": 10, "佰": 100, "仟": 1000}


def _read_whole(words: str) -> int:
    """What the whole units say, read right to left by their largest mark."""
    for mark, unit in (("亿", 10**8), ("万", 10**4)):
        if mark in words:
            high, low = words.rsplit(mark, 1)
            return _read_whole(high) * unit + _read_whole(low)
    total, digit = 0, 0
    for character in words:
        if character in _UNITS:
            total, digit = total + digit * _UNITS[character], 0
        else:
            digit = _DIGITS[character]
    return total + digit


def _read(words: str) -> int:
    """Minor units of CNY back from the words, by another way than they were written."""
    whole, _, rest = words.partition("元") if "元" in words else ("", "", words)
    fraction = rest.rstrip("整").lstrip("零")
    jiao = _DIGITS[fraction[fraction.index("角") - 1]] if "角" in fraction else 0
    fen = _DIGITS[fraction[fraction.index("分") - 1]] if "分" in fraction else 0
    return _read_whole(whole) * 100 + jiao * 10 + fen


@given(st.integers(min_value=0, max_value=10**15))
def test_no_two_amounts_share_their_chinese_words(minor: int) -> None:
    words = chinese_words(Money(minor=minor, currency="CNY"))

    assert _read(words) == minor
    assert "零零" not in words


@given(st.integers(min_value=0, max_value=10**17), st.integers(min_value=0, max_value=10**17))
def test_no_two_amounts_share_their_english_words(first: int, second: int) -> None:
    one, other = Money(minor=first, currency="CNY"), Money(minor=second, currency="CNY")

    assert (english_words(one) == english_words(other)) == (one == other)


@pytest.mark.parametrize(
    ("rate", "chinese", "english"),
    [
        ("0.18", "百分之十八", "eighteen per cent"),
        ("0.0535", "百分之五点三五", "five point three five per cent"),
        ("0.005", "百分之零点五", "zero point five per cent"),
        ("0.10", "百分之十", "ten per cent"),
        ("1.205", "百分之一百二十点五", "one hundred twenty point five per cent"),
    ],
)
def test_a_rate_stands_in_plain_numerals_to_its_last_place(
    rate: str, chinese: str, english: str
) -> None:
    assert chinese_percent(Decimal(rate)) == chinese
    assert english_percent(Decimal(rate)) == english


def test_days_stand_in_plain_numerals() -> None:
    assert [chinese_number(days) for days in (0, 3, 12, 20, 360, 365)] == [
        "零", "三", "十二", "二十", "三百六十", "三百六十五",
    ]  # fmt: skip
