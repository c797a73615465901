"""Warning (预警): a line's payment record against the edition's rules, and what follows."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, localcontext

from domain.assessment import PaymentRecord, RateUsed
from domain.edition import PolicyEdition, ReminderStep, WarningRule
from domain.excess import EXCESS_DAYS
from domain.money import Money, money_sum, rounded
from domain.warning import RATES_MOVED, WarningLevel, WarningSignal
from policies.formula import EXACT
from policies.limit import outlook_of
from policies.spreading import payment_figure, to_decimals

OVERDUE_OF_LIMIT = "overdue_of_limit"


def signals(
    record: PaymentRecord, limit: Money, edition: PolicyEdition, excess_days: int = 0
) -> tuple[WarningSignal, ...]:
    """Every rule that fires, the gravest first; `limit` is in the currency of the record, and
    `excess_days` for how long a step of what stands above a limit has been missed."""
    fired = [
        WarningSignal(
            rule=rule.code,
            level=rule.level,
            figure=rule.figure,
            value=value,
            threshold=rule.at_least,
            freeze=rule.freeze,
            edition_hash=edition.edition_hash,
        )
        for rule in edition.monitoring.rules
        if (value := _value(rule, record, limit, edition, excess_days)) is not None
        and value >= rule.at_least
    ]
    return tuple(sorted(fired, key=lambda signal: -signal.level.gravity))


def rate_signals(
    limits: Sequence[Money],
    before: Mapping[str, RateUsed],
    now: Mapping[str, RateUsed],
    caps: Mapping[str, Money],
    edition: PolicyEdition,
) -> tuple[WarningSignal, ...]:
    """The caps that a customer's limits pass at the rates of now, and did not at those on record.

    The limits are the same both times, so that nothing but rates can have moved them; such a
    warning never freezes. Rates are by currency, into that of the caps; the value is the share of
    the cap now, and a customer with a currency that was never converted is left alone.
    """
    foreign = {limit.currency for limit in limits} - {edition.reporting_currency}
    if not foreign or not foreign <= before.keys() & now.keys():
        return ()
    first, second = (_reporting_sum(limits, rates, edition) for rates in (before, now))
    facts = {
        **{f"rate_before:{each}": _told(before[each]) for each in sorted(foreign)},
        **{f"rate_now:{each}": _told(now[each]) for each in sorted(foreign)},
    }
    decimals = edition.spreading.decimals
    with localcontext(EXACT):
        return tuple(
            WarningSignal(
                rule=f"{RATES_MOVED}:{code}",
                level=edition.monitoring.rate_level,
                figure=RATES_MOVED,
                value=to_decimals(second.ratio_to(cap), decimals),
                threshold=Decimal(1),
                edition_hash=edition.edition_hash,
                facts={
                    "share_before": f"{to_decimals(first.ratio_to(cap), decimals):f}",
                    "share_now": f"{to_decimals(second.ratio_to(cap), decimals):f}",
                    "cap": str(cap),
                    **facts,
                },
            )
            for code, cap in caps.items()
            if cap and first <= cap < second
        )


def caps_of(grade: str, industry: str, on: date, edition: PolicyEdition) -> dict[str, Money]:
    """What bounds the limits of one customer: the single name's cap, and that of the grade."""
    capital = edition.money(edition.limit.capital_net)
    caps = {"single_name_cap": capital.share(edition.limit.single_name_share)}
    if grade in edition.limit.grade_cap:
        cap = edition.money(edition.limit.grade_cap[grade])
        left = outlook_of(industry, on, edition)
        caps["grade_cap"] = cap if left is None else cap.share(left)
    return caps


def _reporting_sum(
    limits: Sequence[Money], rates: Mapping[str, RateUsed], edition: PolicyEdition
) -> Money:
    """The limits in the reporting currency, each to its nearest minor unit."""
    quote = edition.reporting_currency
    return money_sum(
        (
            limit
            if limit.currency == quote
            else rounded(limit.amount * rates[limit.currency].rate, quote)
            for limit in limits
        ),
        quote,
    )


def _told(rate: RateUsed) -> str:
    return f"{rate.rate:f} ({rate.kind}, {rate.rate_on})"


def gravest(fired: tuple[WarningSignal, ...]) -> WarningLevel | None:
    """The gravest level of some signals; None of none."""
    return max((signal.level for signal in fired), key=lambda level: level.gravity, default=None)


def freezes(fired: tuple[WarningSignal, ...]) -> bool:
    """Whether any of the signals freezes the line."""
    return any(signal.freeze for signal in fired)


def opens_collection(fired: tuple[WarningSignal, ...], edition: PolicyEdition) -> bool:
    """Whether the signals are grave enough for a collection case."""
    level = gravest(fired)
    return level is not None and level.gravity >= edition.monitoring.collection_level.gravity


def lifts_by_payment(level: WarningLevel, days_clean: int, edition: PolicyEdition) -> bool:
    """Whether payment lifts a freeze of this level by itself, after so many days without arrears."""
    policy = edition.monitoring
    return level in policy.cure_levels and days_clean >= policy.cure_days


def reminders_due(days_past_due: int, edition: PolicyEdition) -> tuple[ReminderStep, ...]:
    """The letters that should have gone out by then, the earliest first; none where none is due."""
    steps = sorted(edition.monitoring.reminders, key=lambda step: step.days_past_due)
    return tuple(step for step in steps if 0 < step.days_past_due <= days_past_due)


def _value(
    rule: WarningRule,
    record: PaymentRecord,
    limit: Money,
    edition: PolicyEdition,
    excess_days: int,
) -> Decimal | None:
    with localcontext(EXACT):
        if rule.figure == OVERDUE_OF_LIMIT:
            value = record.overdue.ratio_to(limit) if record.overdue and limit else None
        elif rule.figure == EXCESS_DAYS:
            value = Decimal(excess_days)
        else:
            value = payment_figure(record, rule.figure)
        return None if value is None else to_decimals(value, edition.spreading.decimals)
