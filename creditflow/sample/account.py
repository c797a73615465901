"""How a company pays: two years of monthly invoices, and a payment for most of them."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

MONTHS = 24
TERMS_DAYS = (30, 30, 45, 60)


@dataclass(frozen=True)
class Temper:
    """Days paid after due (negative: early), and how many invoices in a hundred are disputed."""

    days: tuple[int, int]
    disputed: int = 1


TEMPERS = {
    "prompt": Temper((-6, 0)),
    "fair": Temper((-3, 9)),
    "late": Temper((3, 24)),
    "very_late": Temper((18, 62)),
    "disputing": Temper((-4, 30), disputed=30),
}

Rows = list[dict[str, str]]


def account(
    code: dict[str, str],
    currency: str,
    monthly: int,
    temper: Temper,
    today: date,
    rng: Random,
    *,
    past_due_max: int,
) -> tuple[Rows, Rows]:
    """Invoices and payments up to a day, in the import's own columns.

    What a late payer would still owe is paid at last `past_due_max` days after due, so that a
    temper alone never knocks a company out.
    """
    terms = rng.choice(TERMS_DAYS)
    invoices, payments = [], []
    for month in range(MONTHS):
        issued_on = today - timedelta(days=30 * (MONTHS - month) - rng.randint(0, 20))
        due_on = issued_on + timedelta(days=terms)
        cents = monthly * rng.randint(70, 130)
        invoice_no = f"INV-{month + 1:04}"
        disputed = rng.randint(1, 100) <= temper.disputed
        invoices.append(invoice(code, invoice_no, issued_on, due_on, cents, currency, disputed))
        delay = min(rng.randint(*temper.days), past_due_max if due_on < today else 10**6)
        paid_on = max(issued_on, due_on + timedelta(days=delay))
        if paid_on <= today:
            payments += _paid(code, invoice_no, paid_on, cents, currency, disputed, today)
    return invoices, payments


def invoice(
    code: dict[str, str],
    invoice_no: str,
    issued_on: date,
    due_on: date,
    cents: int,
    currency: str,
    disputed: bool = False,
) -> dict[str, str]:
    """One row of an invoice file."""
    return {
        **code,
        "invoice_no": invoice_no,
        "issued_on": issued_on.isoformat(),
        "due_on": due_on.isoformat(),
        "amount": _amount(cents),
        "currency": currency,
        "disputed": "yes" if disputed else "no",
    }


def payment(
    code: dict[str, str], payment_no: str, invoice_no: str, paid_on: date, cents: int, currency: str
) -> dict[str, str]:
    """One row of a payment file."""
    return {
        **code,
        "payment_no": payment_no,
        "invoice_no": invoice_no,
        "paid_on": paid_on.isoformat(),
        "amount": _amount(cents),
        "currency": currency,
    }


def _paid(
    code: dict[str, str],
    invoice_no: str,
    paid_on: date,
    cents: int,
    currency: str,
    disputed: bool,
    today: date,
) -> Rows:
    """A payment in full, or, of a disputed invoice, in two parts three weeks apart."""
    number = f"PAY-{invoice_no[4:]}"
    if not disputed:
        return [payment(code, number, invoice_no, paid_on, cents, currency)]
    part = cents * 7 // 10
    rows = [payment(code, f"{number}-1", invoice_no, paid_on, part, currency)]
    rest_on = min(today, paid_on + timedelta(days=21))
    return [*rows, payment(code, f"{number}-2", invoice_no, rest_on, cents - part, currency)]


def _amount(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"
