"""The check of an order (信用检查): every rule of the edition, in its sequence, over the facts of a day.

All rules that fail are told. A rule that is excluded, not of this stage, or let pass within grace is
told too, so that the printed evaluation explains every result. What would cure a result is
`policies/cure.py`.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal, localcontext
from typing import Any

from domain.check import (
    BUCKET_OF,
    AccountFacts,
    Act,
    Bucket,
    CheckFacts,
    CheckResult,
    DatedOrder,
    Finding,
    OpenClaim,
    RuleKind,
    RuleOutcome,
    Stage,
    Traced,
    gravest,
)
from domain.edition import CheckExclusion, CheckGrace, CheckPolicy, CheckRule, PolicyEdition
from domain.exposure import Balance, Limit, LimitKind
from domain.identity import Role
from domain.line import LineStatus
from domain.money import Money, money_sum, rounded
from domain.value import Value
from policies.formula import EXACT

_BEFORE_DELIVERY = (Stage.QUOTE, Stage.ORDER, Stage.ORDER_CHANGE)
_REFUSED_BEFORE = (RuleKind.LINE_STATUS, RuleKind.LIMIT_EXPIRED, RuleKind.TERMS, RuleKind.LIMIT)

# What an edition without rules looks at: what the ledger refuses to be taken.
AS_BEFORE = CheckPolicy(
    rules=tuple(
        CheckRule(code=kind.value, kind=kind, sequence=place)
        for place, kind in enumerate(_REFUSED_BEFORE, start=1)
    ),
    acts={stage: dict.fromkeys(_REFUSED_BEFORE, Act.REFUSE) for stage in _BEFORE_DELIVERY},
    buckets=dict.fromkeys(Bucket, False),
)

_LINE, _SUB_LINE = "line", "sub_line"

# What grace of a stage is given to: rules held to the limit, and rules in days.
GRACED_BY_SHARE = frozenset({RuleKind.LIMIT, RuleKind.LIMIT_SHARE, RuleKind.OVERDUE_SHARE})
GRACED_BY_DAYS = frozenset(
    {
        RuleKind.LIMIT_EXPIRED,
        RuleKind.OVERDUE_DAYS,
        RuleKind.OLDEST_ITEM,
        RuleKind.REVIEW_OVERDUE,
    }
)


class _Seen(Value):
    """What one rule saw, and whether it fails with and without grace; nothing where not known."""

    fails: bool = False
    fails_plainly: bool = False
    shown: dict[str, Any] = {}


def policy_of(edition: PolicyEdition) -> CheckPolicy:
    """The edition's rules of the check, or what was looked at before there were any."""
    return edition.checks if edition.checks.rules else AS_BEFORE


def check(facts: CheckFacts, edition: PolicyEdition) -> CheckResult:
    """All rules of the stage over the facts; the gravest of the failing ones says what follows."""
    policy = policy_of(edition)
    findings: list[Finding] = []
    trace: list[Traced] = []
    for rule in sorted(policy.rules, key=lambda rule: (rule.sequence, rule.code)):
        found, outcome, by = _judged(rule, facts, policy, edition)
        findings += found
        act = gravest(each.act for each in found) if found else act_of(rule, facts.stage, policy)
        trace.append(
            Traced(
                sequence=rule.sequence,
                rule=rule.code,
                kind=rule.kind,
                outcome=outcome,
                act=act,
                excluded_by=by,
            )
        )
    enters = _enters(facts, policy)
    return CheckResult(
        stage=facts.stage,
        business_on=facts.business_on,
        act=gravest(finding.act for finding in findings),
        findings=tuple(findings),
        trace=tuple(trace),
        exclusions=tuple(dict.fromkeys(each.excluded_by for each in trace if each.excluded_by)),
        counts_on=enters if enters is not None and enters > facts.business_on else None,
        edition=edition.name,
        edition_hash=edition.edition_hash,
    )


def act_of(rule: CheckRule, stage: Stage, policy: CheckPolicy) -> Act:
    """What a rule does at a stage when it fails; pass, and it is not looked at there."""
    by_kind = policy.acts.get(stage, {}).get(rule.kind, policy.fallback)
    return rule.acts.get(stage, by_kind)


def exposure_of(exposure: dict[Bucket, Money], policy: CheckPolicy, currency: str) -> Money:
    """The sum of the buckets switched on, less cash not applied yet; never below zero."""
    zero = Money.zero(currency)
    counted = [
        -amount if bucket is Bucket.CASH else amount
        for bucket, amount in exposure.items()
        if counts(bucket, policy)
    ]
    return max(zero, money_sum(counted, currency))


def counts(bucket: Bucket, policy: CheckPolicy) -> bool:
    return policy.buckets.get(bucket, True)


def enters_on(deliver_on: date | None, edition: PolicyEdition) -> date | None:
    """The day from which on an order counts; None: from its own first day on."""
    return _entered(deliver_on, policy_of(edition))


def counted_orders(
    orders: Iterable[DatedOrder], on: date, edition: PolicyEdition, currency: str
) -> Money:
    """What of dated orders counts on a day: those that have entered the horizon by it."""
    entered = (
        order.amount for order in orders if (enters_on(order.deliver_on, edition) or date.min) <= on
    )
    return money_sum(entered, currency)


def entering(
    orders: Iterable[DatedOrder], after: date, until: date, edition: PolicyEdition
) -> tuple[DatedOrder, ...]:
    """The orders that enter the horizon after a day up to another."""
    return tuple(
        order
        for order in orders
        if (day := enters_on(order.deliver_on, edition)) is not None and after < day <= until
    )


def account_of(
    claims: Sequence[OpenClaim], on: date, edition: PolicyEdition, currency: str
) -> AccountFacts:
    """How a customer stands by its open items; disputed ones are late where their bucket counts."""
    counted = [each for each in claims if is_counted(each, edition) and each.amount.minor > 0]
    late = [each for each in counted if each.due_on < on]
    disputed = [each.amount for each in claims if each.disputed]
    return AccountFacts(
        overdue=money_sum((each.amount for each in late), currency),
        days_past_due=max(((on - each.due_on).days for each in late), default=0),
        oldest_days=max((max(0, (on - each.issued_on).days) for each in counted), default=0),
        disputed=money_sum(disputed, currency),
    )


def dunning_level(days_past_due: int, edition: PolicyEdition) -> int:
    """The level of dunning that so many days past due have reached; 0 is none."""
    return sum(days_past_due >= days for days in policy_of(edition).dunning_days)


def hold_owner(edition: PolicyEdition) -> Role:
    """Whose an order on hold is."""
    return edition.checks.hold.owner


def hold_review_on(held_on: date, edition: PolicyEdition) -> date:
    """When an order that was held on a day is looked at again."""
    return held_on + timedelta(days=edition.checks.hold.review_days)


def is_counted(claim: OpenClaim, edition: PolicyEdition) -> bool:
    """Whether a claim makes its customer late: one in dispute does where its bucket counts."""
    return not claim.disputed or counts(Bucket.DISPUTED, policy_of(edition))


# ── One rule ─────────────────────────────────────────────────────────────────────────────────────


def _judged(
    rule: CheckRule, facts: CheckFacts, policy: CheckPolicy, edition: PolicyEdition
) -> tuple[list[Finding], RuleOutcome, str]:
    act = act_of(rule, facts.stage, policy)
    if act is Act.PASS:
        return [], RuleOutcome.NOT_AT_STAGE, ""
    excluded_by = _excluded_by(rule, facts, policy, edition)
    if excluded_by:
        return [], RuleOutcome.EXCLUDED, excluded_by
    told = {"rule": rule.code, "kind": rule.kind, "sequence": rule.sequence, "act": act}
    if rule.kind is RuleKind.STANDING_HOLD:
        found = [Finding(**told, **hold.shown) for hold in facts.holds]
        return found, RuleOutcome.FAILED if found else RuleOutcome.PASSED, ""
    seen = _seen(rule, facts, policy, edition)
    if seen is None:
        milder = min(act, policy.not_known, key=lambda each: each.gravity)
        unknown = Finding(**told | {"act": milder}, known=False)
        return [] if milder is Act.PASS else [unknown], RuleOutcome.NOT_KNOWN, ""
    if seen.fails:
        return [Finding(**told, **seen.shown)], RuleOutcome.FAILED, ""
    return [], RuleOutcome.WITHIN_GRACE if seen.fails_plainly else RuleOutcome.PASSED, ""


def _excluded_by(
    rule: CheckRule, facts: CheckFacts, policy: CheckPolicy, edition: PolicyEdition
) -> str:
    """The first exclusion, by precedence, that keeps a rule from being looked at."""
    if rule.kind is RuleKind.STANDING_HOLD:
        return ""
    for each in sorted(policy.exclusions, key=lambda row: (row.precedence, row.code)):
        if (not each.rules or rule.code in each.rules) and _fits(each, facts, edition):
            return each.code
    return ""


def _fits(row: CheckExclusion, facts: CheckFacts, edition: PolicyEdition) -> bool:
    if row.amount_up_to is not None:
        size = _reporting(facts.amount, facts, edition)
        if size is None or size > edition.money(row.amount_up_to):
            return False
    return (
        (not row.stages or facts.stage in row.stages)
        and (not row.classes or facts.customer.tier in row.classes)
        and (not row.grades or facts.customer.grade in row.grades)
        and (not row.products or (facts.product or facts.line.product) in row.products)
        and (facts.cash_first or not row.cash_first)
    )


def _seen(
    rule: CheckRule, facts: CheckFacts, policy: CheckPolicy, edition: PolicyEdition
) -> _Seen | None:
    """What a rule finds in the facts; None where they do not say."""
    line, account = facts.line, facts.account
    match rule.kind:
        case RuleKind.LIMIT:
            return _over_headroom(facts, policy)
        case RuleKind.LIMIT_SHARE:
            return _over_share(rule, _used_with(facts, policy), facts, policy)
        case RuleKind.OVERDUE_SHARE:
            return _over_share(rule, account.overdue, facts, policy)
        case RuleKind.OVERDUE_AMOUNT:
            return _over_amount(rule, account.overdue, facts, edition)
        case RuleKind.ORDER_SIZE:
            return _over_amount(rule, facts.amount, facts, edition)
        case RuleKind.LIMIT_EXPIRED:
            return _since(rule, line.ends_on, facts, policy)
        case RuleKind.REVIEW_OVERDUE:
            return _since(rule, line.review_due_on, facts, policy)
        case RuleKind.OVERDUE_DAYS:
            return _above(rule, account.days_past_due, _grace_days(rule, facts, policy))
        case RuleKind.OLDEST_ITEM:
            return _above(rule, account.oldest_days, _grace_days(rule, facts, policy))
        case RuleKind.DUNNING_LEVEL:
            return _above(rule, _dunning(account, edition))
        case RuleKind.LINE_STATUS:
            return _status(facts)
        case RuleKind.TERMS:
            return _terms(rule, facts)
        case RuleKind.PURPOSE:
            return _purpose(facts, edition)
        case RuleKind.CONFIRMATION_OVERDUE:
            silent = facts.confirmation_overdue
            return _Seen(fails=silent, fails_plainly=silent)
        case _:
            raise AssertionError(rule.kind)


def _over_headroom(facts: CheckFacts, policy: CheckPolicy) -> _Seen | None:
    accounts = _headrooms(facts, policy)
    if accounts is None:
        return None
    if not accounts or not _counts_now(facts, policy):
        return _Seen()
    binding, headroom = min(accounts, key=lambda each: each[1])
    asked = facts.credit_asked
    grace = _share_of_limit(facts, _grace_share(RuleKind.LIMIT, facts, policy))
    return _Seen(
        fails=asked > headroom + (grace or Money.zero(facts.currency)),
        fails_plainly=asked > headroom,
        shown={"found": asked, "allowed": headroom, "binding": binding},
    )


def _headrooms(facts: CheckFacts, policy: CheckPolicy) -> list[tuple[str, Money]] | None:
    """What every account that is limited leaves, below zero where it is over; None: not known."""
    line, zero = facts.line, Money.zero(facts.currency)
    covered = line.covered or zero
    own = f"{_LINE}/{line.line_id}" if line.line_id else _LINE
    found: list[tuple[str, Money]] = []
    used = _used(facts, policy)
    bounded = line.limit is not None and line.limit.kind is not LimitKind.UNLIMITED
    if line.limit is not None and used is None:
        # Whatever is used of it, it is too little.
        used = zero if facts.credit_asked > _amount(line.limit, zero) + covered else None
    if line.limit is not None and bounded and used is not None:
        found.append((own, _amount(line.limit, zero) - used + covered))
    for each in line.chain:
        if each.limit.kind is not LimitKind.UNLIMITED:
            found.append((each.account, each.left + covered if is_own(each) else each.left))
    known = line.limit is not None and (used is not None or not bounded)
    return found if known or line.chain else None


def is_own(balance: Balance) -> bool:
    """Whether an account of the chain is the line's own, not its customer's or group's."""
    return balance.account.partition("/")[0] == _LINE


def is_of_product(balance: Balance) -> bool:
    """Whether an account of the chain is that of the product alone."""
    return balance.account.partition("/")[0] == _SUB_LINE


def _amount(limit: Limit, zero: Money) -> Money:
    return limit.amount or zero


def _used(facts: CheckFacts, policy: CheckPolicy) -> Money | None:
    """The exposure by the buckets; nothing where none is counted, None where it is not known."""
    if not any(counts(bucket, policy) for bucket in Bucket):
        return Money.zero(facts.currency)
    if facts.line.exposure is None:
        return None
    return exposure_of(facts.line.exposure, policy, facts.currency)


def _used_with(facts: CheckFacts, policy: CheckPolicy) -> Money | None:
    """What of the limit is used once the order is taken, less what a cover carries of it."""
    used = _used(facts, policy)
    if used is None:
        own = [each.taken for each in facts.line.chain if is_own(each)]
        used = own[0] if own else None
    if used is None or not _counts_now(facts, policy):
        return used
    return used + facts.credit_asked - (facts.line.covered or Money.zero(facts.currency))


def _counts_now(facts: CheckFacts, policy: CheckPolicy) -> bool:
    """Whether the order is exposure yet: within the horizon, and in a bucket that counts.

    What the ledger takes counts whatever the buckets are.
    """
    enters = _enters(facts, policy)
    if enters is not None and enters > facts.business_on:
        return False
    return bool(facts.line.chain) or counts(BUCKET_OF[facts.stage], policy) or policy is AS_BEFORE


def _enters(facts: CheckFacts, policy: CheckPolicy) -> date | None:
    return _entered(facts.deliver_on, policy) if facts.stage in _BEFORE_DELIVERY else None


def _entered(deliver_on: date | None, policy: CheckPolicy) -> date | None:
    if deliver_on is None or policy.horizon_days is None:
        return None
    return deliver_on - timedelta(days=min(policy.horizon_days, (deliver_on - date.min).days))


def _over_share(
    rule: CheckRule, found: Money | None, facts: CheckFacts, policy: CheckPolicy
) -> _Seen | None:
    limit = facts.line.limit
    if found is None or limit is None:
        return None
    if limit.kind is LimitKind.UNLIMITED:
        return _Seen()
    plain = _share_of_limit(facts, rule.above or Decimal(0))
    grace = _share_of_limit(facts, _grace_share(rule.kind, facts, policy))
    assert plain is not None
    assert grace is not None
    return _Seen(
        fails=found > plain + grace,
        fails_plainly=found > plain,
        shown={"found": found, "allowed": plain, "threshold": rule.above},
    )


def _share_of_limit(facts: CheckFacts, part: Decimal) -> Money | None:
    """A share of the line's limit, rounded down; None where there is no amount to share."""
    limit, zero = facts.line.limit, Money.zero(facts.currency)
    if limit is None or limit.kind is LimitKind.UNLIMITED:
        return None
    with localcontext(EXACT):
        return _amount(limit, zero).share(part)


def _over_amount(
    rule: CheckRule, amount: Money | None, facts: CheckFacts, edition: PolicyEdition
) -> _Seen | None:
    found = None if amount is None else _reporting(amount, facts, edition)
    if found is None:
        return None
    allowed = edition.money(rule.above or Decimal(0))
    over = found > allowed
    shown = {"found": found, "allowed": allowed, "threshold": rule.above}
    return _Seen(fails=over, fails_plainly=over, shown=shown)


def _reporting(amount: Money, facts: CheckFacts, edition: PolicyEdition) -> Money | None:
    """An amount in the reporting currency, to its nearest minor unit; None without a rate."""
    if amount.currency == edition.reporting_currency:
        return amount
    if not amount:
        return Money.zero(edition.reporting_currency)
    rate = facts.rate
    if rate is None or (rate.base, rate.quote) != (amount.currency, edition.reporting_currency):
        return None
    with localcontext(EXACT):
        return rounded(amount.amount * rate.rate, edition.reporting_currency)


def _since(
    rule: CheckRule, day: date | None, facts: CheckFacts, policy: CheckPolicy
) -> _Seen | None:
    if day is None:
        return None
    grace = _grace_days(rule, facts, policy)
    seen = _above(rule, (facts.business_on - day).days, grace)
    assert seen is not None
    return seen.model_copy(update={"shown": seen.shown | {"since": day}})


def _above(rule: CheckRule, value: int | None, grace: int = 0) -> _Seen | None:
    if value is None:
        return None
    threshold = rule.above or Decimal(0)
    return _Seen(
        fails=value > threshold + grace,
        fails_plainly=value > threshold,
        shown={"value": Decimal(value), "threshold": threshold},
    )


def _dunning(account: AccountFacts, edition: PolicyEdition) -> int | None:
    if account.dunning_level is not None or account.days_past_due is None:
        return account.dunning_level
    return dunning_level(account.days_past_due, edition)


def _status(facts: CheckFacts) -> _Seen | None:
    line = facts.line
    if line.status is None:
        return None
    if line.status is LineStatus.ACTIVE and line.starts_on is not None:
        early = facts.business_on < line.starts_on
        shown = {"word": line.status.value, "since": line.starts_on}
        return _Seen(fails=early, fails_plainly=early, shown=shown)
    wrong = line.status is not LineStatus.ACTIVE
    return _Seen(fails=wrong, fails_plainly=wrong, shown={"word": line.status.value})


def _terms(rule: CheckRule, facts: CheckFacts) -> _Seen:
    if facts.terms_rank is None or facts.terms_rank_approved is None:
        return _Seen()
    worse = _above(rule, facts.terms_rank - facts.terms_rank_approved)
    assert worse is not None
    said = {
        "word": _terms_text(facts.terms, facts.terms_days),
        "approved": _terms_text(facts.terms_approved, facts.terms_days_approved),
    }
    return worse.model_copy(update={"shown": worse.shown | said})


def _terms_text(text: str, days: Decimal | None) -> str:
    return text if days is None else f"{text} ({days:f})".strip()


def _purpose(facts: CheckFacts, edition: PolicyEdition) -> _Seen:
    product = edition.limit.products.get(facts.line.product)
    if product is None or not product.dedicated or not facts.purpose or not facts.line.purpose:
        return _Seen()
    other = facts.purpose != facts.line.purpose
    shown = {"word": facts.purpose, "approved": facts.line.purpose}
    return _Seen(fails=other, fails_plainly=other, shown=shown)


def _grace(facts: CheckFacts, policy: CheckPolicy) -> CheckGrace:
    grace = policy.grace.get(facts.stage, CheckGrace())
    return grace if facts.released or not grace.released_only else CheckGrace()


def _grace_share(kind: RuleKind, facts: CheckFacts, policy: CheckPolicy) -> Decimal:
    return _grace(facts, policy).grace_share if kind in GRACED_BY_SHARE else Decimal(0)


def _grace_days(rule: CheckRule, facts: CheckFacts, policy: CheckPolicy) -> int:
    return _grace(facts, policy).grace_days if rule.kind in GRACED_BY_DAYS else 0
