"""Payment terms (账期) as typed rules, and rates as benchmark plus basis points.

A rule says from which event days are counted and how the due date follows; a schedule says which
part of a sum is due by which rule. What terms are worth to whom, and how they rank, is
`policies/terms.py`.
"""

import re
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from domain.calendar import WorkCalendar
from domain.errors import FieldMissing, TermsUneven, TermsUnreadable, refusal_in
from domain.value import Value

# LPR1Y, LPR5Y, SHIBOR3M ...
BenchmarkCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_-]{1,19}$")]
Part = Annotated[Decimal, Field(gt=0, le=1)]
TEXT_MAX = 300


class StartEvent(StrEnum):
    """What starts the clock."""

    ORDER = "order"  # 下单
    SHIPMENT = "shipment"  # 发货
    RECEIPT = "receipt"  # 签收
    INVOICE = "invoice"  # 开票
    RECONCILIATION = "reconciliation"  # 对账


class TermsKind(StrEnum):
    CASH_FIRST = "cash_first"  # 款到发货
    NET_DAYS = "net_days"  # 若干天
    MONTH_END = "month_end"  # 月结若干天
    DAY_OF_MONTH = "day_of_month"  # 次月若干日


class Roll(StrEnum):
    """Where a due date that is no working day goes."""

    NONE = "none"
    FOLLOWING = "following"
    PRECEDING = "preceding"
    MODIFIED_FOLLOWING = "modified_following"  # the following one, unless in another month


class Means(StrEnum):
    TRANSFER = "transfer"
    BANK_ACCEPTANCE = "bank_acceptance"  # 银行承兑汇票
    COMMERCIAL_ACCEPTANCE = "commercial_acceptance"  # 商业承兑汇票


class TermsRule(Value):
    """One rule: `days` after the start, after the end of its month, or the `day` of a later one.

    A bill given on the due date is money only when it falls due itself, `bill_months` later.
    """

    kind: TermsKind
    start: StartEvent = StartEvent.INVOICE
    days: int = Field(default=0, ge=0, le=720)
    day: int = Field(default=1, ge=1, le=31)  # of the month; the last day of a shorter one
    months_after: int = Field(default=1, ge=0, le=12)
    roll: Roll = Roll.NONE
    means: Means = Means.TRANSFER
    bill_months: int = Field(default=0, ge=0, le=12)

    @model_validator(mode="after")
    def _bill_has_a_tenor(self) -> Self:
        if self.means is not Means.TRANSFER and self.bill_months == 0:
            raise FieldMissing(column="bill_months")
        return self


class Instalment(Value):
    """A part of the sum and the rule by which it is due."""

    part: Part
    rule: TermsRule


class PaymentTerms(Value):
    """The parts of a sum, each with its rule: a deposit first, say, and the balance by bill."""

    instalments: tuple[Instalment, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _parts_make_the_whole(self) -> Self:
        total = sum((each.part for each in self.instalments), Decimal(0))
        if total != 1:
            raise TermsUneven(total=f"{total:f}")
        return self

    @classmethod
    def of(cls, rule: TermsRule) -> Self:
        """The whole sum by one rule."""
        return cls(instalments=(Instalment(part=Decimal(1), rule=rule),))

    @property
    def text(self) -> str:
        """The terms in one line: `net_days:30@invoice`, or, in parts, `0.3*cash_first@order +
        0.7*net_days:0@shipment/bank_acceptance:6`."""
        if len(self.instalments) == 1:
            return _rule_text(self.instalments[0].rule)
        return " + ".join(f"{each.part:f}*{_rule_text(each.rule)}" for each in self.instalments)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The terms that a line of text says; refuses `TermsUnreadable`."""
        instalments = []
        for part_text in text.split("+") if len(text) <= TEXT_MAX else ():
            found = _INSTALMENT.fullmatch(part_text.strip())
            if found is None:
                break
            instalments.append(_instalment(found))
        else:
            try:
                return cls(instalments=tuple(instalments))
            except ValidationError as error:
                raise refusal_in(error) or TermsUnreadable(terms=text[:TEXT_MAX]) from None
        raise TermsUnreadable(terms=text[:TEXT_MAX])


def _read(text: str) -> str:
    return PaymentTerms.parse(text).text


# Terms in one line of text, written in one way.
TermsText = Annotated[str, AfterValidator(_read)]

_INSTALMENT = re.compile(
    r"(?:(?P<part>0?\.[0-9]{1,6}|1)\*)?(?P<kind>[a-z_]+)(?::(?P<number>[0-9]{1,3})"
    r"(?:,(?P<months_after>[0-9]{1,2}))?)?(?:@(?P<start>[a-z]+))?(?:~(?P<roll>[a-z_]+))?"
    r"(?:/(?P<means>[a-z_]+):(?P<bill_months>[0-9]{1,2}))?"
)


def _instalment(found: re.Match[str]) -> Instalment:
    said = {name: value for name, value in found.groupdict().items() if value is not None}
    part, number = said.pop("part", "1"), said.pop("number", None)
    if number is not None:
        said["day" if said["kind"] == TermsKind.DAY_OF_MONTH else "days"] = number
    try:
        return Instalment.model_validate({"part": Decimal(part), "rule": said})
    except ValidationError as error:
        raise refusal_in(error) or TermsUnreadable(terms=found[0]) from None


def _rule_text(rule: TermsRule) -> str:
    number = {
        TermsKind.CASH_FIRST: "",
        TermsKind.NET_DAYS: f":{rule.days}",
        TermsKind.MONTH_END: f":{rule.days}",
        TermsKind.DAY_OF_MONTH: f":{rule.day},{rule.months_after}",
    }[rule.kind]
    roll = "" if rule.roll is Roll.NONE else f"~{rule.roll}"
    bill = "" if rule.means is Means.TRANSFER else f"/{rule.means}:{rule.bill_months}"
    return f"{rule.kind}{number}@{rule.start}{roll}{bill}"


class RankedTerms(Value):
    """What an order's terms are held to: their longest days and rank, and the bounds of the ranks.

    A line refuses them whose own days are not above `days_above`, the last bound that they pass;
    None where they pass none, and no line refuses them.
    """

    text: str
    days: Decimal
    rank: int
    bounds: tuple[int, ...]

    @property
    def days_above(self) -> int | None:
        return self.bounds[self.rank - 1] if self.rank else None

    def rank_of_days(self, days: int) -> int:
        """The rank of so many days under the same edition."""
        return sum(days > bound for bound in self.bounds)


class FloatingRate(Value):
    """A rate as a published benchmark plus basis points, set anew on every repricing date."""

    benchmark: BenchmarkCode
    spread_bp: Decimal
    reprice_months: int = Field(default=12, ge=1, le=60)
    first_reprices_on: date

    def annual(self, benchmark: Decimal) -> Decimal:
        """The rate at a fixing of its benchmark; never below zero."""
        return max(Decimal(0), benchmark + self.spread_bp / 10_000)

    @property
    def text(self) -> str:
        """The rule in one line: `LPR1Y+120bp/12m@2027-01-01`."""
        spread = f"{self.spread_bp.normalize() + 0:+f}"
        return f"{self.benchmark}{spread}bp/{self.reprice_months}m@{self.first_reprices_on}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The rule that a line of text says; refuses `TermsUnreadable`."""
        found = _FLOATING.fullmatch(text.strip()) if len(text) <= TEXT_MAX else None
        if found is None:
            raise TermsUnreadable(terms=text[:TEXT_MAX])
        try:
            return cls.model_validate(found.groupdict())
        except ValidationError:
            raise TermsUnreadable(terms=text[:TEXT_MAX]) from None

    def due_dates(self, since: date, until: date) -> tuple[date, ...]:
        """The repricing dates after a day up to another, both counted by the rule's first one."""
        dates, n = [], 0
        while (on := months_on(self.first_reprices_on, n * self.reprice_months)) <= until:
            dates.append(on)
            n += 1
        return tuple(on for on in dates if on > since)

    def next_on(self, business_on: date) -> date:
        """The first repricing date after a day."""
        n = 0
        while (on := months_on(self.first_reprices_on, n * self.reprice_months)) <= business_on:
            n += 1
        return on

    def reprices_on(self, business_on: date) -> date:
        """The last repricing date up to a day; the first one before there has been any."""
        on, n = self.first_reprices_on, 0
        while (following := months_on(self.first_reprices_on, (n + 1) * self.reprice_months)) <= (
            business_on
        ):
            on, n = following, n + 1
        return on


_FLOATING = re.compile(
    r"(?P<benchmark>[A-Z][A-Z0-9_-]{1,18}[A-Z0-9_])(?P<spread_bp>[+-][0-9]{1,5}(?:\.[0-9]{1,6})?)bp"
    r"/(?P<reprice_months>[0-9]{1,2})m@(?P<first_reprices_on>[0-9]{4}-[0-9]{2}-[0-9]{2})"
)


class FloatingTerms(Value):
    """A floating rate as it was granted: the rule, and the fixing that made the first rate."""

    rule: FloatingRate
    fixing: Decimal
    fixing_on: date
    fixing_version: int = 1  # of the day, where a figure was corrected


def due_on(rule: TermsRule, started_on: date, calendar: WorkCalendar | None = None) -> date:
    """The day on which payment is due, rolled where the rule says so and a calendar is given."""
    match rule.kind:
        case TermsKind.CASH_FIRST:
            day = started_on
        case TermsKind.NET_DAYS:
            day = started_on + timedelta(days=rule.days)
        case TermsKind.MONTH_END:
            day = _month_end(started_on) + timedelta(days=rule.days)
        case TermsKind.DAY_OF_MONTH:
            first = months_on(started_on.replace(day=1), rule.months_after)
            day = min(first + timedelta(days=rule.day - 1), _month_end(first))
    return day if calendar is None else rolled(day, rule.roll, calendar)


def money_on(rule: TermsRule, started_on: date, calendar: WorkCalendar | None = None) -> date:
    """The day on which payment is money: when it is due, or when the bill given then falls due."""
    due = due_on(rule, started_on, calendar)
    if rule.means is Means.TRANSFER:
        return due
    matures = months_on(due, rule.bill_months)
    return matures if calendar is None else rolled(matures, rule.roll, calendar)


def rolled(day: date, roll: Roll, calendar: WorkCalendar) -> date:
    """A day moved to one that is worked."""
    if roll is Roll.NONE or calendar.works_on(day):
        return day
    if roll is Roll.PRECEDING:
        return _worked(day, -1, calendar)
    following = _worked(day, 1, calendar)
    if roll is Roll.MODIFIED_FOLLOWING and following.month != day.month:
        return _worked(day, -1, calendar)
    return following


def months_on(day: date, months: int) -> date:
    """The same day so many months later, or the last day of a shorter month."""
    years, month = divmod(day.month - 1 + months, 12)
    first = date(day.year + years, month + 1, 1)
    return min(first + timedelta(days=day.day - 1), _month_end(first))


def _worked(day: date, step: int, calendar: WorkCalendar) -> date:
    while not calendar.works_on(day):
        day += timedelta(days=step)
    return day


def _month_end(day: date) -> date:
    following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return following - timedelta(days=1)
