"""Warning (预警): a line's payment record against the edition's rules, and what follows."""

from decimal import Decimal, localcontext

from domain.assessment import PaymentRecord
from domain.edition import PolicyEdition, ReminderStep, WarningRule
from domain.money import Money
from domain.warning import WarningLevel, WarningSignal
from policies.formula import EXACT
from policies.spreading import payment_figure, to_decimals

OVERDUE_OF_LIMIT = "overdue_of_limit"


def signals(
    record: PaymentRecord, limit: Money, edition: PolicyEdition
) -> tuple[WarningSignal, ...]:
    """Every rule that fires, the gravest first; `limit` is in the currency of the record."""
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
        if (value := _value(rule, record, limit, edition)) is not None and value >= rule.at_least
    ]
    return tuple(sorted(fired, key=lambda signal: -signal.level.gravity))


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
    rule: WarningRule, record: PaymentRecord, limit: Money, edition: PolicyEdition
) -> Decimal | None:
    with localcontext(EXACT):
        if rule.figure == OVERDUE_OF_LIMIT:
            value = record.overdue.ratio_to(limit) if record.overdue and limit else None
        else:
            value = payment_figure(record, rule.figure)
        return None if value is None else to_decimals(value, edition.spreading.decimals)
