"""Reconciliation with the customer: when an account is asked for, and what silence leads to."""

from datetime import date, timedelta
from decimal import Decimal

from domain.confirmation import CONFIRMATION_OVERDUE, Confirmation
from domain.edition import PolicyEdition
from domain.money import Money
from domain.warning import WarningSignal


def period_end(on: date, edition: PolicyEdition) -> date | None:
    """The last day of the newest period that is over; None where policy asks for no account.

    Periods are so many calendar months, the last of them ending with December.
    """
    months = edition.confirmation.every_months
    if not months:
        return None
    month = (on.month - 1) // months * months
    return date(on.year, month + 1, 1) - timedelta(days=1)


def asked_for(total: Money, edition: PolicyEdition) -> bool:
    """Whether so much, in the reporting currency, is worth a letter."""
    return total >= edition.money(edition.confirmation.amount_min)


def answer_by(sent_on: date, edition: PolicyEdition) -> date:
    return sent_on + timedelta(days=edition.confirmation.days)


def differences_due_on(answered_on: date, edition: PolicyEdition) -> date:
    return answered_on + timedelta(days=edition.confirmation.difference_days)


def overdue_signal(
    confirmations: tuple[Confirmation, ...], on: date, edition: PolicyEdition
) -> tuple[WarningSignal, ...]:
    """One signal while any account of a customer is unconfirmed after its last day."""
    overdue = [each for each in confirmations if each.overdue(on)]
    if not overdue:
        return ()
    oldest = min(overdue, key=lambda each: (each.answer_by, each.confirmation_id))
    return (
        WarningSignal(
            rule=CONFIRMATION_OVERDUE,
            level=edition.confirmation.level,
            figure="days_unconfirmed",
            value=Decimal((on - oldest.answer_by).days),
            threshold=Decimal(1),
            edition_hash=edition.edition_hash,
            facts={
                "confirmation": oldest.confirmation_id,
                "as_of": oldest.request.as_of.isoformat(),
                "unconfirmed": str(len(oldest.unanswered)),
                "accounts": str(len(overdue)),
            },
        ),
    )
