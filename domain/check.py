"""The check of an order (信用检查): what is looked at on one day, what every rule found, what would cure it.

A check tells all the rules that fail, never the first alone, and how it came to each: looked at,
excluded, within grace. What the rules are is the edition's (`[checks]`), what they make of the facts
`policies/check.py`; the hold that follows is an order's own.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self

from pydantic import Field, model_validator

from domain.assessment import RateUsed
from domain.classification import FiveTier
from domain.errors import AmountNotPositive, CurrencyMismatch
from domain.exposure import Balance, Limit
from domain.identity import Id
from domain.line import LineStatus
from domain.money import Currency, Money
from domain.refusal_words import STATES
from domain.value import Value


class Stage(StrEnum):
    """When an order is looked at."""

    QUOTE = "quote"  # 报价
    ORDER = "order"  # 下单
    ORDER_CHANGE = "order_change"  # 改单, and opening a closed order again
    DELIVERY = "delivery"  # 发货
    INVOICE = "invoice"  # 开票


class Act(StrEnum):
    """What a failing rule does, from mild to grave."""

    PASS = "pass"
    WARN = "warn"
    HOLD = "hold"  # 锁单
    REFUSE = "refuse"

    @property
    def gravity(self) -> int:
        return list(Act).index(self)


class Bucket(StrEnum):
    """What exposure is the sum of."""

    ORDERS = "orders"  # open orders, not delivered
    DELIVERIES = "deliveries"  # delivered, not invoiced
    RECEIVABLES = "receivables"  # invoiced, not paid and not in dispute
    DISPUTED = "disputed"
    BILLS = "bills"  # paid by a bill that is not honoured yet
    CASH = "cash"  # received and not applied yet; taken off the sum


# The bucket an order's own amount is in once the stage is passed.
BUCKET_OF = {
    Stage.QUOTE: Bucket.ORDERS,
    Stage.ORDER: Bucket.ORDERS,
    Stage.ORDER_CHANGE: Bucket.ORDERS,
    Stage.DELIVERY: Bucket.DELIVERIES,
    Stage.INVOICE: Bucket.RECEIVABLES,
}


class RuleKind(StrEnum):
    LIMIT = "limit"  # above the headroom, of the line or along its chain
    LIMIT_SHARE = "limit_share"  # of the limit, used with the order
    LIMIT_EXPIRED = "limit_expired"
    LINE_STATUS = "line_status"
    TERMS = "terms"  # ranked worse than approved
    OVERDUE_AMOUNT = "overdue_amount"
    OVERDUE_SHARE = "overdue_share"  # of the limit
    OVERDUE_DAYS = "overdue_days"
    OLDEST_ITEM = "oldest_item"  # days since the oldest open item was issued
    ORDER_SIZE = "order_size"
    DUNNING_LEVEL = "dunning_level"
    REVIEW_OVERDUE = "review_overdue"
    PURPOSE = "purpose"  # another than that of a dedicated line
    STANDING_HOLD = "standing_hold"  # a hold by hand that nobody has lifted
    CONFIRMATION_OVERDUE = "confirmation_overdue"  # an account not confirmed in time


class StandingHold(Value):
    """A hold by hand on the order, its line or customer; `cure` says what would lift it.

    One for what stands above a limit says how much that is, of which account, and how much of it
    may stand after which day.
    """

    hold_id: Id
    reason: str
    cure: str = ""
    found: Money | None = None
    allowed: Money | None = None
    binding: str = ""
    since: date | None = None

    @property
    def shown(self) -> dict[str, Any]:
        """What a finding tells of it."""
        facts = {"found": self.found, "allowed": self.allowed, "since": self.since}
        return {"reference": self.hold_id, "word": self.reason, "binding": self.binding, **facts}


class LineFacts(Value):
    """The line an order is to be carried by; without one the limit is `none`, which is known.

    `chain` are the ledger accounts an order is taken from (the line's own, that of its product, its
    customer's, of whom it stands on, its group's) as they stand, what the order itself has reserved
    included; empty, and the limit less the buckets is all the headroom.
    """

    line_id: Id | None = None
    limit: Limit | None = None  # None: not known; shares of it are not known either
    status: LineStatus | None = None
    starts_on: date | None = None  # None: it has begun
    ends_on: date | None = None  # the last day to draw
    review_due_on: date | None = None
    temporary_until: date | None = None  # of a temporary limit in force; None: there is none
    product: str = ""  # empty: not known
    purpose: str = ""  # empty: bound to none
    chain: tuple[Balance, ...] = ()
    exposure: dict[Bucket, Money] | None = None  # None: not known; a bucket not named holds nothing
    covered: Money | None = None  # what a cover used for this order carries of it; None: nothing


class AccountFacts(Value):
    """How the customer pays, of the items that count; None: not known."""

    overdue: Money | None = None
    days_past_due: int | None = None  # of the oldest overdue item; 0 where nothing is
    oldest_days: int | None = None  # since the oldest open item was issued; 0 where none is open
    dunning_level: int | None = None  # None: as the days past due say
    disputed: Money | None = None  # open and in dispute


class CustomerFacts(Value):
    """Who asks; what is not known fits no exclusion that asks for it."""

    customer_id: Id | None = None
    tier: FiveTier | None = None
    grade: str | None = None


class CheckFacts(Value):
    """All that a check looks at on one day, in the currency of the order."""

    stage: Stage
    business_on: date
    amount: Money
    order_no: str = ""
    deposit: Money | None = None  # what of the amount is paid ahead; None: nothing
    conversion_factor: Decimal = Decimal(1)  # of what is not paid ahead, what the limit is taken by
    counted: Money | None = None  # what of this order chain and buckets hold already; None: nothing
    delivered: Money | None = None  # what of the amount is delivered; None: nothing
    released: bool = False  # an earlier check let it pass, or a person released it
    deliver_on: date | None = None  # None: now, and it counts now
    due_on: date | None = None
    cash_first: bool = False
    terms_rank: int | None = None  # of the order; None: it names none, and none is looked at
    terms_days: Decimal | None = None
    terms: str = ""
    terms_rank_approved: int | None = None  # None: the line is bound to none
    terms_days_approved: Decimal | None = None
    terms_approved: str = ""
    product: str = ""  # empty: that of the line
    purpose: str = ""  # empty: none is said, and none is looked at
    rate: RateUsed | None = None  # to the reporting currency, where that is another
    line: LineFacts = LineFacts()
    account: AccountFacts = AccountFacts()
    customer: CustomerFacts = CustomerFacts()
    confirmation_overdue: bool = False  # and policy says that it holds orders
    holds: tuple[StandingHold, ...] = ()

    @model_validator(mode="after")
    def _plausible(self) -> Self:
        """An order is of something; what is taken off it or laid beside it is not below zero."""
        beside = (
            self.deposit,
            self.counted,
            self.delivered,
            self.line.covered,
            self.account.overdue,
        )
        if self.amount.minor <= 0 or any(each and each.minor < 0 for each in beside):
            low = [each for each in (self.amount, *beside) if each is not None]
            raise AmountNotPositive(amount=min(low, key=lambda each: each.minor))
        return self

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        line, account = self.line, self.account
        amounts = [
            self.deposit,
            self.counted,
            self.delivered,
            line.covered,
            line.limit.amount if line.limit else None,
            *(line.exposure or {}).values(),
            *(each.used for each in line.chain),
            *(each.limit.amount for each in line.chain),
            account.overdue,
            account.disputed,
        ]
        for each in amounts:
            if each is not None and each.currency != self.currency:
                raise CurrencyMismatch(first=self.currency, second=each.currency)
        return self

    @property
    def currency(self) -> Currency:
        return self.amount.currency

    @property
    def exposure(self) -> Money:
        """What the order takes of the limit (敞口), rounded up as a use's is; nothing where its deposit
        covers it all."""
        zero = Money.zero(self.currency)
        uncovered = max(self.amount - (self.deposit or zero), zero)
        return -((-uncovered).share(self.conversion_factor))

    @property
    def credit_asked(self) -> Money:
        """What the order takes beyond what is counted of it already: below zero where it takes less."""
        return self.exposure - (self.counted or Money.zero(self.currency))


class RuleOutcome(StrEnum):
    """What became of one rule in a check."""

    PASSED = "passed"
    FAILED = "failed"
    WITHIN_GRACE = "within_grace"
    EXCLUDED = "excluded"
    NOT_AT_STAGE = "not_at_stage"
    NOT_KNOWN = "not_known"


# Sentences of a rule that failed; the second pair is said where its figure is not known.
_SENTENCES: dict[RuleKind, tuple[str, str]] = {
    RuleKind.LIMIT: (
        "the order takes {found}, and the headroom on {binding} is {allowed}",
        "订单占用 {found}，{binding} 的可用额度为 {allowed}",
    ),
    RuleKind.LIMIT_SHARE: (
        "{found} of the limit would be used, more than {allowed}",
        "用信将达 {found}，超过额度允许占用的 {allowed}",
    ),
    RuleKind.LIMIT_EXPIRED: (
        "the limit ended {value} days ago, on {since}",
        "额度已于 {since} 到期 {value} 天",
    ),
    RuleKind.LINE_STATUS: ("the line is {word}", "额度当前状态为{word}"),
    RuleKind.TERMS: (
        "the terms {word} rank {value} worse than the approved {approved}, {threshold} is let pass",
        "账期 {word} 比批准的 {approved} 差 {value} 级，允许 {threshold} 级",
    ),
    RuleKind.OVERDUE_AMOUNT: (
        "{found} is overdue, more than {allowed}",
        "逾期 {found}，超过 {allowed}",
    ),
    RuleKind.OVERDUE_SHARE: (
        "{found} is overdue, more than the {allowed} that the limit allows",
        "逾期 {found}，超过按额度允许的 {allowed}",
    ),
    RuleKind.OVERDUE_DAYS: (
        "the oldest overdue item is {value} days past due, more than {threshold}",
        "最早逾期款项已逾期 {value} 天，超过 {threshold} 天",
    ),
    RuleKind.OLDEST_ITEM: (
        "the oldest open item is {value} days old, more than {threshold}",
        "最早未清款项账龄 {value} 天，超过 {threshold} 天",
    ),
    RuleKind.ORDER_SIZE: (
        "the order of {found} is larger than {allowed}",
        "订单金额 {found} 超过 {allowed}",
    ),
    RuleKind.DUNNING_LEVEL: (
        "the dunning level is {value}, above {threshold}",
        "催收级别为 {value}，高于 {threshold}",
    ),
    RuleKind.REVIEW_OVERDUE: (
        "the review has been overdue for {value} days, more than {threshold}",
        "复审已逾期 {value} 天，超过 {threshold} 天",
    ),
    RuleKind.PURPOSE: (
        "the line is dedicated to {approved}, the order is for {word}",
        "额度专用于 {approved}，订单用途为 {word}",
    ),
    RuleKind.STANDING_HOLD: (
        "hold {reference} stands: {word}",
        "锁单 {reference} 尚未放行：{word}",
    ),
    RuleKind.CONFIRMATION_OVERDUE: (
        "an account confirmation is overdue",
        "对账逾期未确认",
    ),
}

_EXCESS = (
    "{found} stands above the limit of {binding}; {gap} has to be given back by {since}",
    "{binding}超限 {found}，须于 {since} 前归还 {gap}",
)
_NOT_STARTED = ("the line starts on {since}", "额度自 {since} 起生效")

_NOT_KNOWN: dict[RuleKind, tuple[str, str]] = {
    RuleKind.LIMIT: ("neither limit nor headroom is known", "额度与可用额度均未知"),
    RuleKind.LIMIT_SHARE: ("the limit or what is used of it is not known", "额度或用信余额未知"),
    RuleKind.LIMIT_EXPIRED: ("the last day of the limit is not known", "额度到期日未知"),
    RuleKind.LINE_STATUS: ("the status of the line is not known", "额度状态未知"),
    RuleKind.TERMS: ("the rank of the terms is not known", "账期级别未知"),
    RuleKind.OVERDUE_AMOUNT: ("what is overdue, or its rate, is not known", "逾期金额或汇率未知"),
    RuleKind.OVERDUE_SHARE: ("the limit or what is overdue is not known", "额度或逾期金额未知"),
    RuleKind.OVERDUE_DAYS: ("the days past due are not known", "逾期天数未知"),
    RuleKind.OLDEST_ITEM: ("the oldest open item is not known", "最早未清款项未知"),
    RuleKind.ORDER_SIZE: (
        "the exchange rate for the size of the order is not known",
        "折算订单金额的汇率未知",
    ),
    RuleKind.DUNNING_LEVEL: ("the dunning level is not known", "催收级别未知"),
    RuleKind.REVIEW_OVERDUE: ("the day of the review is not known", "复审日未知"),
    RuleKind.PURPOSE: ("the purpose is not known", "用途未知"),
    RuleKind.STANDING_HOLD: ("the holds are not known", "锁单情况未知"),
    RuleKind.CONFIRMATION_OVERDUE: (
        "whether the account is confirmed is not known",
        "对账情况未知",
    ),
}

_OUTCOMES: dict[RuleOutcome, tuple[str, str]] = {
    RuleOutcome.PASSED: ("passed", "通过"),
    RuleOutcome.FAILED: ("failed", "未通过"),
    RuleOutcome.WITHIN_GRACE: ("within grace", "在宽限以内"),
    RuleOutcome.EXCLUDED: ("excluded by {by}", "由 {by} 排除"),
    RuleOutcome.NOT_AT_STAGE: ("not looked at here", "此环节不检查"),
    RuleOutcome.NOT_KNOWN: ("not known", "情况未知"),
}


class Finding(Value):
    """One rule that failed: what was found against what is allowed, and what follows.

    Rules on money have `found` and `allowed`, all others `value` and `threshold`; a rule whose
    figure is not known has none of them.
    """

    rule: str
    kind: RuleKind
    sequence: int
    act: Act
    known: bool = True
    threshold: Decimal | None = None  # as the edition has it; of a share the bare share
    value: Decimal | None = None
    found: Money | None = None
    allowed: Money | None = None  # a headroom below zero where the account is over its limit
    binding: str = ""  # the account that binds: `line/<id>`, `customer/<id>`, `group/<id>`
    reference: str = ""  # the standing hold
    since: date | None = None
    word: str = ""  # the status, terms, purpose or reason that was found
    approved: str = ""

    @property
    def code(self) -> str:
        """What a cure names it by: the rule, and of holds by hand which one."""
        return f"{self.rule}:{self.reference}" if self.reference else self.rule

    def sentence(self, language: str = "en") -> str:
        chinese = language.startswith("zh")
        if not self.known:
            return _NOT_KNOWN[self.kind][chinese]
        facts = {name: _said(part) for name, part in self}
        facts["binding"] = _account(self.binding, chinese=chinese)
        if self.kind is RuleKind.STANDING_HOLD and self.found and self.allowed is not None:
            return _EXCESS[chinese].format_map(facts | {"gap": self.found - self.allowed})
        if self.kind is RuleKind.LINE_STATUS and self.since is not None:
            return _NOT_STARTED[chinese].format_map(facts)
        if chinese and self.kind is RuleKind.LINE_STATUS:
            facts["word"] = STATES["LineStatus"].get(self.word, self.word)
        return _SENTENCES[self.kind][chinese].format_map(facts)


_ACCOUNTS = {
    "line": ("the line", "本额度"),
    "sub_line": ("its sub-line of {owner}", "其“{owner}”分项额度"),
    "customer": ("the customer", "客户总额度"),
    "guarantor": ("the guarantor {owner}", "保证人 {owner}"),
    "insurer": ("the insurer {owner}", "保险人 {owner}"),
    "group": ("the group {owner}", "集团 {owner}"),
}


def _account(named: str, *, chinese: bool) -> str:
    kind, _, whose = named.partition("/")
    said = _ACCOUNTS.get(kind)
    return said[chinese].format(owner=whose.rpartition("/")[2]) if said is not None else named


class Traced(Value):
    """What became of one rule, in the printed order of evaluation."""

    sequence: int
    rule: str
    kind: RuleKind
    outcome: RuleOutcome
    act: Act = Act.PASS  # what its failing would do, or does
    excluded_by: str = ""

    def sentence(self, language: str = "en") -> str:
        english, chinese = _OUTCOMES[self.outcome]
        if language.startswith("zh"):
            return f"{self.sequence} {self.rule}：{chinese.format(by=self.excluded_by)}"
        return f"{self.sequence} {self.rule}: {english.format(by=self.excluded_by)}"


class CheckResult(Value):
    """What all rules together say of an order at a stage; `act` is the gravest of the findings."""

    stage: Stage
    business_on: date
    act: Act
    findings: tuple[Finding, ...] = ()  # every rule that failed, in the order of evaluation
    trace: tuple[Traced, ...] = ()
    exclusions: tuple[str, ...] = ()  # that kept a rule from being looked at
    counts_on: date | None = None  # the day the order enters the horizon; None: it counts now
    edition: str = ""
    edition_hash: str = ""

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(finding.code for finding in self.findings)

    @property
    def stops(self) -> bool:
        """Whether the order may not go on by itself."""
        return self.act.gravity >= Act.HOLD.gravity


def gravest(acts: Iterable[Act]) -> Act:
    return max(acts, key=lambda act: act.gravity, default=Act.PASS)


class OpenClaim(Value):
    """An open item as cures look at it."""

    item_no: str
    issued_on: date
    due_on: date
    amount: Money
    disputed: bool = False
    converted: bool = False  # from the currency in which alone it is paid

    @property
    def payable(self) -> bool:
        """Whether a payment in the currency of the amount settles it."""
        return not self.disputed and not self.converted


class DatedOrder(Value):
    """An open order that counts from the day it enters the horizon."""

    order_no: str
    amount: Money
    deliver_on: date | None = None  # None: it counts now


class FreeCover(Value):
    """What a cover on the register could still carry of a line's use, as it counts."""

    cover_id: Id
    free: Money
    until: date | None = None  # the last day it covers


class ComesFree(Value):
    """An amount that leaves the exposure by itself on a day: a bill honoured, a reservation over."""

    on: date
    amount: Money
    bucket: Bucket = Bucket.BILLS
    reference: str = ""


class CureKind(StrEnum):
    """In the order in which cures of equal cost are offered: from what takes nothing new to what
    puts more at risk."""

    BETTER_TERMS = "better_terms"
    PROVE = "prove"  # what a hold by hand asks for
    WAIT_UNTIL = "wait_until"
    REPAY = "repay"  # what stands above a limit, and holds
    PAY = "pay"
    DEPOSIT = "deposit"
    COVER = "cover"
    CUT_ORDER = "cut_order"
    TEMPORARY_LIMIT = "temporary_limit"


_CURES: dict[CureKind, tuple[str, str]] = {
    CureKind.BETTER_TERMS: ("take the approved terms {reference}", "改用批准的账期 {reference}"),
    CureKind.REPAY: ("give back {amount} by {on}", "于 {on} 前归还 {amount}"),
    CureKind.PROVE: ("prove for hold {reference}: {word}", "为锁单 {reference} 提供证明：{word}"),
    CureKind.WAIT_UNTIL: (
        "wait until {on}, when {amount} has come free by itself",
        "等到 {on}，届时自动释放 {amount}",
    ),
    CureKind.PAY: ("pay {amount} today", "今日付款 {amount}"),
    CureKind.DEPOSIT: ("pay {amount} of the order ahead", "订单预付 {amount}"),
    CureKind.COVER: ("use {amount} of cover {reference}", "使用担保 {reference} 的 {amount}"),
    CureKind.CUT_ORDER: ("cut the order to {amount}", "将订单减至 {amount}"),
    CureKind.TEMPORARY_LIMIT: (
        "ask for a temporary limit of {amount} more for {days} days",
        "申请临时额度 {amount}，期限 {days} 天",
    ),
}


class Cure(Value):
    """One step that makes some findings disappear, and exactly those.

    `cost` is what it takes of somebody in money: what is paid, put up, given up or put at risk;
    nothing for what only takes terms, a proof or time.
    """

    kind: CureKind
    amount: Money | None = (
        None  # paid, put up, come free, the limit on top; of a cut order its rest
    )
    cost: Money
    on: date | None = None  # the day waited for, or the last day of a temporary limit
    days: int | None = Field(default=None, ge=0)
    reference: str = ""  # the cover, the hold, the approved terms
    word: str = ""
    cures: tuple[str, ...]  # codes of the findings that disappear
    leaves: Act  # what the check would then say

    def sentence(self, language: str = "en") -> str:
        facts = {name: _said(part) for name, part in self}
        return _CURES[self.kind][language.startswith("zh")].format_map(facts)


def _said(part: object) -> str:
    return f"{part:f}" if isinstance(part, Decimal) else str(part)
