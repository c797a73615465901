"""A book of companies: for each its record, figures and account, and what is asked for it."""

import calendar
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from creditflow.sample.account import TEMPERS, Rows, account, invoice, payment
from creditflow.sample.figures import STRENGTHS, statements
from creditflow.sample.names import entity_code, name_of, place, unified_code
from creditflow.sample.parts import ORDERS, PARTS, Part, part_of

LIST_CODE, LIST_VERSION = "internal_negative", "sample-1"
# Rounded rates against CNY at the start, moved a little every month; made up like the rest.
RATES_START = {"USD": 71500, "EUR": 77800, "HKD": 9150, "JPY": 480}
RATE_MONTHS = 38


@dataclass
class Book:
    """Everything, in the import's own columns, and the plan of what people ask and do."""

    seed: int
    business_on: date
    customers: Rows = field(default_factory=list)
    statements: Rows = field(default_factory=list)
    invoices: Rows = field(default_factory=list)
    payments: Rows = field(default_factory=list)
    lists: Rows = field(default_factory=list)
    rates: Rows = field(default_factory=list)
    later_invoices: Rows = field(default_factory=list)
    later_payments: Rows = field(default_factory=list)
    applications: list[dict[str, Any]] = field(default_factory=list)


def generate(seed: int, companies: int = 60, *, business_on: date) -> Book:
    """The book of a seed as of a day; a larger one begins with the smaller."""
    book = Book(seed=seed, business_on=business_on)
    for k in range(companies):
        _Company(book, k).enter()
    book.rates = _rates(seed, business_on)
    if not book.lists:  # a list of nobody is no file
        book.lists.append(_entry(unified_code("110108", Random(f"{seed}/list")), "suspend"))
    return book


class _Company:
    """One company on its way into the book; all its chance comes from the seed and its number."""

    def __init__(self, book: Book, k: int) -> None:
        self._book = book
        self._k = k
        self._round = k // len(PARTS)
        self._part: Part = part_of(k)
        self._rng = Random(f"{book.seed}/{k}")
        self.name, self.name_zh, self._industry, _ = name_of(k, self._rng)
        self._county, self._region = place(self._rng)
        self._code = self._own_code()
        # In thousands; rounded so that a person might have asked for it.
        low, high = self._part.asked
        self._asked = self._rng.randint(low, high) // 10 * 10

    def _own_code(self) -> dict[str, str]:
        if self._part.internal_code_only:
            return {"scheme": "internal", "customer": f"OWN-{self._book.seed}-{self._k:04}"}
        if self._part.currency != "CNY":
            return {"scheme": "lei", "customer": entity_code(self._rng)}
        return {"scheme": "uscc", "customer": unified_code(self._county, self._rng)}

    def enter(self) -> None:
        """Write the company into the book."""
        self._book.customers.append(self._record())
        self._book.statements += self._figures()
        self._enter_account()
        if self._part.listed:
            self._book.lists.append(_entry(self._code["customer"], self._part.listed))
        self._book.applications += self._applications()

    def _record(self) -> dict[str, str]:
        part, rng = self._part, self._rng
        codes = dict.fromkeys(("uscc", "lei", "internal"), "")
        abroad = part.currency != "CNY"
        ended = (" Pte. Ltd.", "（新加坡）有限公司") if abroad else (" Co., Ltd.", "有限公司")
        group = f"GRP-{self._book.seed}-{self._round}{part.group}" if part.group else ""
        letter = f"Holding {self._round + 1}{part.group}" if part.group else ""
        age = rng.randint(6, 28)
        return {
            "name": self.name + ended[0],
            "name_zh": self.name_zh + ended[1],
            **codes,
            self._code["scheme"]: self._code["customer"],
            "country": "SG" if abroad else "CN",
            "industry": self._industry,
            "region": "SG" if abroad else self._region,
            "segment": part.segment,
            "group": group,
            "group_name": f"Sample {letter}" if letter else "",
            "group_name_zh": f"样本集团{self._round + 1}{part.group}" if letter else "",
            "established_on": date(self._book.business_on.year - age, 4, 12).isoformat(),
            "employees": str(max(8, self._asked * part.revenue_times // 900)),
            "related_to_grantor": "no",
            "mail": f"finance@company{self._k:04}.example",
        }

    def _figures(self) -> Rows:
        part = self._part
        revenue = self._asked * 1000 * part.revenue_times
        last_end_on = date(self._book.business_on.year - 1, 12, 31)
        strength = STRENGTHS[part.strength]
        rows = statements(revenue, strength, last_end_on, self._rng, years=3)
        head = {**self._code, "currency": part.currency, "months": "12"}
        return [{**head, **row} for row in rows[3 - part.years :]]

    def _enter_account(self) -> None:
        book, part, today = self._book, self._part, self._book.business_on
        monthly = max(5, self._asked * 1000 // 3)
        invoices, payments = account(
            self._code,
            part.currency,
            monthly,
            TEMPERS[part.temper],
            today,
            self._rng,
            past_due_max=28,
        )
        if part.months_past_due:
            invoices.append(self._overdue("INV-OLD", 30 * part.months_past_due, monthly))
        book.invoices += invoices
        book.payments += payments
        if part.ledger == "red":
            book.later_invoices.append(self._overdue("LEDGER-2", 97, monthly))
        elif part.ledger == "orange_cured":
            found = self._overdue("LEDGER-2", 38, monthly)
            book.later_invoices.append(found)
            paid = (self._code, "LEDGER-2-PAID", "LEDGER-2", today, monthly * 100, part.currency)
            book.later_payments.append(payment(*paid))

    def _overdue(self, invoice_no: str, days: int, amount: int) -> dict[str, str]:
        due_on = self._book.business_on - timedelta(days=days)
        issued_on = due_on - timedelta(days=30)
        cents = amount * 100
        return invoice(self._code, invoice_no, issued_on, due_on, cents, self._part.currency)

    def _applications(self) -> list[dict[str, Any]]:
        part, first = self._part, self._key(self._k)
        application = {
            "key": first,
            "part": part.code,
            "customer": {"scheme": self._code["scheme"], "value": self._code["customer"]},
            "application_type": "new_line",
            "limit_requested": self._money(self._asked),
            "term_months": 12,
            "purpose": part.purpose,
            "product": part.product,
            "documents": list(part.documents),
            "supplement": list(part.supplement),
            "screening": part.screening,
            "decision": part.decision,
            "signing": part.signing,
            "withdraw": part.withdrawn,
            "ledger_after_activation": part.ledger,
            "after": self._key(self._k - self._k % len(PARTS) + part.after_part)
            if part.after_part is not None
            else None,
            "line_of": None,
            "temporary_until": None,
            "expected": part.expected,
        }
        follow_up = self._follow_up(application)
        return [application, follow_up] if follow_up else [application]

    def _follow_up(self, first: dict[str, Any]) -> dict[str, Any] | None:
        """A further application on the line that the first one led to."""
        kind = self._part.follow_up
        if not kind:
            return None
        # In thousandths of what was asked first.
        share = {"renewal": 1000, "decrease": 600, "increase": 1250, "temporary_increase": 1300}
        until = (self._book.business_on + timedelta(days=75)).isoformat()
        temporary = kind == "temporary_increase"
        return {
            **first,
            "key": f"{first['key']}-{kind}",
            "part": f"{self._part.code}: {kind}",
            "application_type": kind,
            "limit_requested": self._money(self._asked * share[kind] // 1000),
            "documents": [ORDERS] if temporary else [],
            "after": first["key"],
            "line_of": first["key"],
            "temporary_until": until if temporary else None,
            "expected": "automatic" if kind == "decrease" else "people",
        }

    def _key(self, k: int) -> str:
        return f"sample-{self._book.seed}-{k:04}"

    def _money(self, thousands: int) -> dict[str, str]:
        return {"amount": f"{thousands * 1000}.00", "currency": self._part.currency}


def _entry(code: str, effect: str) -> dict[str, str]:
    reason = {"stop": "A court's list of debtors who would not pay", "suspend": "A name to look at"}
    return {
        "list_code": LIST_CODE,
        "list_version": LIST_VERSION,
        "scheme": "uscc",
        "value": code,
        "effect": effect,
        "rule": {"stop": "NEG-1", "suspend": "NEG-2"}[effect],
        "reason": reason[effect],
    }


def _rates(seed: int, business_on: date) -> Rows:
    """Month-end spot rates against CNY up to the day, and the day's own."""
    days = {business_on, *_month_ends(business_on)}
    rows = []
    for base, start in RATES_START.items():
        rng = Random(f"{seed}/rate/{base}")
        figure = start
        for day in sorted(days):
            figure += figure * rng.randint(-8, 8) // 1000
            text = f"{figure // 10000}.{figure % 10000:04}"
            rows.append(
                {"base": base, "quote": "CNY", "kind": "spot", "rate": text}
                | {"rate_on": day.isoformat(), "source": "sample"}
            )
    return rows


def _month_ends(business_on: date) -> list[date]:
    ends, year, month = [], business_on.year, business_on.month
    for _ in range(RATE_MONTHS):
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
        ends.append(date(year, month, calendar.monthrange(year, month)[1]))
    return ends
