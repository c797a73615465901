"""Money: whole minor units and an ISO 4217 currency.

Amounts never become `float`. Where a unit can be lost the method's name or first line says
which way it goes. How one currency becomes another is `domain/exchange.py`.
"""

from collections.abc import Iterable
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from functools import total_ordering
from typing import Annotated, Any, Self

from pydantic import AfterValidator, model_serializer, model_validator

from domain.errors import CurrencyMismatch, CurrencyUnknown, MalformedAmount
from domain.value import Value

# Minor units by ISO 4217 (list one, 2024-06): two unless named here.
_EXPONENTS = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
}
CURRENCIES = frozenset(
    """AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP
    BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL
    GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW
    KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN
    NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK
    SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS
    VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG""".split()
)

# What a 64-bit column holds; an amount beyond it is a slip of the keyboard, not a credit.
MINOR_MAX = 2**63 - 1
_SHOWN_MAX = 40


def exponent_of(currency: str) -> int:
    """How many decimals the currency's minor unit stands for; refuses `CurrencyUnknown`."""
    if currency not in CURRENCIES:
        raise CurrencyUnknown(currency=str(currency)[:8])
    return _EXPONENTS.get(currency, 2)


def _known_currency(currency: str) -> str:
    exponent_of(currency)
    return currency


Currency = Annotated[str, AfterValidator(_known_currency)]


@total_ordering
class Money(Value):
    """An exact amount: `minor` whole minor units of `currency`. May be negative.

    As JSON it is `{"amount": "125000.00", "currency": "CNY"}`; an amount with more decimals than
    the currency has is refused, never rounded.
    """

    minor: int
    currency: Currency

    @model_validator(mode="before")
    @classmethod
    def _from_amount(cls, content: Any) -> Any:
        if isinstance(content, dict) and set(content) == {"amount", "currency"}:
            currency = content["currency"]
            if not isinstance(currency, str):
                raise CurrencyUnknown(currency=type(currency).__name__)
            return {"minor": _minor_of(content["amount"], currency), "currency": currency}
        return content

    @model_validator(mode="after")
    def _within_bounds(self) -> Self:
        if abs(self.minor) > MINOR_MAX:
            raise MalformedAmount(amount=_cut(self.minor, self.currency))
        return self

    @model_serializer
    def _as_amount(self) -> dict[str, str]:
        return {"amount": self.text, "currency": self.currency}

    @classmethod
    def of(cls, amount: str | int | Decimal, currency: str) -> Self:
        """`Money.of("12.50", "CNY")`; refuses `MalformedAmount` and `CurrencyUnknown`."""
        return cls(minor=_minor_of(amount, currency), currency=currency)

    @classmethod
    def zero(cls, currency: str) -> Self:
        return cls(minor=0, currency=currency)

    @property
    def amount(self) -> Decimal:
        """The amount in whole currency units, exact."""
        return Decimal(self.minor).scaleb(-exponent_of(self.currency))

    @property
    def text(self) -> str:
        """The amount with all decimals of its currency, no grouping: `125000.00`."""
        return f"{self.amount:f}"

    def __str__(self) -> str:
        return f"{self.currency} {self.amount:,f}"

    def __hash__(self) -> int:
        return hash((self.minor, self.currency))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and (self.minor, self.currency) == (
            other.minor,
            other.currency,
        )

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._same(other).minor

    def __add__(self, other: "Money") -> "Money":
        return Money(minor=self.minor + self._same(other).minor, currency=self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(minor=self.minor - self._same(other).minor, currency=self.currency)

    def __neg__(self) -> "Money":
        return Money(minor=-self.minor, currency=self.currency)

    def __bool__(self) -> bool:
        return self.minor != 0

    def share(self, part: Decimal) -> "Money":
        """`part` of this amount, rounded down to the minor unit (towards minus infinity)."""
        minor = (Decimal(self.minor) * part).to_integral_value(ROUND_FLOOR)
        return Money(minor=int(minor), currency=self.currency)

    def floor_to(self, lot: "Money") -> "Money":
        """The largest whole number of lots that is not above this amount; `lot` is positive."""
        units = self._same(lot).minor
        return Money(minor=self.minor // units * units, currency=self.currency)

    def ratio_to(self, other: "Money") -> Decimal:
        """This over `other` as a bare number; `other` must not be zero."""
        return Decimal(self.minor) / Decimal(self._same(other).minor)

    def _same(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise CurrencyMismatch(first=self.currency, second=other.currency)
        return other


def money_sum(amounts: Iterable[Money], currency: str) -> Money:
    """The sum in `currency`; zero of nothing; refuses `CurrencyMismatch`."""
    return sum(amounts, Money.zero(currency))


def rounded(amount: Decimal, currency: str) -> Money:
    """An amount in currency units to the nearest minor unit, halves to even."""
    minor = amount.scaleb(exponent_of(currency)).to_integral_value(ROUND_HALF_EVEN)
    return Money(minor=int(minor), currency=currency)


def _minor_of(amount: object, currency: str) -> int:
    """Whole minor units of a decimal text; refuses what is not a plain, exact, finite number."""
    exponent = exponent_of(currency)
    if isinstance(amount, bool) or not isinstance(amount, str | int | Decimal):
        raise MalformedAmount(amount=f"{type(amount).__name__} {currency}")
    text = str(amount)
    if len(text) > 32 or not text.lstrip("-").replace(".", "", 1).isdecimal() or not text.isascii():
        raise MalformedAmount(amount=_cut(text, currency))
    minor = Decimal(text).scaleb(exponent)
    if minor != minor.to_integral_value() or abs(minor) > MINOR_MAX:
        raise MalformedAmount(amount=_cut(text, currency))
    return int(minor)


def _cut(amount: object, currency: str) -> str:
    """An amount as it was given, to be named in a refusal."""
    return f"{str(amount)[:_SHOWN_MAX]} {currency}"
