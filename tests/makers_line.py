"""Ordinary lines, and the letters they stand on."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from domain.contract import Letter, Terms
from domain.exposure import Limit, UseBounds
from domain.line import CreditLine, LineStatus
from domain.money import Money
from storage.approval import Letters
from storage.base import Records
from storage.line import Lines

TODAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 2, 30, tzinfo=UTC)
LINE_ID = "line-1"


def cny(amount: str | int) -> Money:
    return Money.of(amount, "CNY")


def minor(amount: int) -> Money:
    return Money(minor=amount, currency="CNY")


def limit_of(minors: int | None) -> Limit:
    """So many fen; None limits nothing."""
    return Limit.unlimited() if minors is None else Limit.of(minor(minors))


def a_letter(letter_no: str = "PF2026-000001", **fields: Any) -> Letter:
    terms = {
        "customer_id": fields.pop("customer_id", "customer-1"),
        "limit": fields.pop("limit", cny(1000)),
        "product": "open_account",
        "term_months": 12,
        "rate_annual": Decimal("0.0535"),
        "temporary_until": fields.pop("temporary_until", None),
        "conditions": fields.pop("conditions", ()),
    }
    return Letter.model_validate(
        {
            "letter_no": letter_no,
            "case_id": f"case-{letter_no}",
            "approved": True,
            "terms": Terms.model_validate(terms),
            "content_hash": "0" * 64,
            "decided_on": TODAY,
            "valid_until": date(2026, 6, 30),
            "decided_by": ("approver1",),
            **fields,
        }
    )


def record_letter(records: Records, letter: Letter) -> Letter:
    assert letter.terms is not None
    with records.begin() as session:
        Letters(session).record(letter, letter.case_id, letter.terms.customer_id)
    return letter


def a_line(letter: Letter, **fields: Any) -> CreditLine:
    assert letter.terms is not None
    return CreditLine.model_validate(
        {
            "line_id": LINE_ID,
            "customer_id": letter.terms.customer_id,
            "case_id": letter.case_id,
            "letter_no": letter.letter_no,
            "contract_id": letter.case_id,
            "terms": letter.terms,
            "limit": letter.terms.limit,
            "status": LineStatus.ACTIVE,
            "grade": "BBB",
            "edition_hash": "e" * 64,
            "starts_on": TODAY,
            "last_draw_on": date(2027, 1, 30),
            "ends_on": date(2027, 3, 1),
            "review_due_on": date(2026, 9, 2),
            "activated_at": NOW,
            **fields,
        }
    )


def open_line(records: Records, line_id: str = LINE_ID, **fields: Any) -> CreditLine:
    """A line in force with its account; `limit`, `customer_id` and `group_id` as wanted."""
    letter_fields = {name: fields.pop(name) for name in ("limit", "customer_id") if name in fields}
    bounds = fields.pop("bounds", None) or UseBounds(terms_days=fields.pop("terms_days", None))
    letter = record_letter(records, a_letter(f"PF-{line_id}", **letter_fields))
    with records.begin() as session:
        return Lines(session).open(a_line(letter, line_id=line_id, **fields), TODAY, bounds)
