"""Ordinary letters, customers and seals for tests about the agreement."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pypdf

from activities.documents.sealing import Sealing
from domain.application import Application, Case, CaseStatus
from domain.contract import Capacity, ContractOrder, Grantor, Letter, Signatory, Terms
from domain.customer import Customer
from domain.money import Money
from storage.application import Applications, Intakes
from storage.approval import Letters
from storage.base import Records
from storage.customer import Customers

CUSTOMER_ID = "customer-1"
DECIDED_ON = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 2, 30, tzinfo=UTC)

GRANTOR = Grantor(name="Creditflow Demonstration Grantor", name_zh="Creditflow 示范授信机构")


def some_terms(**fields: Any) -> Terms:
    return Terms.model_validate(
        {
            "customer_id": CUSTOMER_ID,
            "limit": Money.of("12500000.50", "CNY"),
            "product": "open_account",
            "term_months": 12,
            "rate_annual": Decimal("0.0535"),
            "payment_days": 45,
            "conditions": ("board_resolution",),
            "requirements": ("statements_yearly", "equity_share:30"),
            **fields,
        }
    )


def a_letter(**fields: Any) -> Letter:
    return Letter.model_validate(
        {
            "letter_no": "PF-2026-000123",
            "case_id": "case-1",
            "approved": True,
            "terms": some_terms(),
            "content_hash": "ab" * 32,
            "decided_on": DECIDED_ON,
            "valid_until": date(2026, 5, 31),
            "decided_by": ("approver1",),
            **fields,
        }
    )


def a_customer(**fields: Any) -> Customer:
    return Customer.model_validate(
        {
            "customer_id": CUSTOMER_ID,
            "name": "Example Precision Bearings Co., Ltd.",
            "name_zh": "示例精密轴承有限公司",
            "mail": "finance@customer.example",
            **fields,
        }
    )


def an_order(**fields: Any) -> ContractOrder:
    return ContractOrder.model_validate(
        {
            "contract_id": "case-1",
            "case_id": "case-1",
            "letter": a_letter(),
            "signing_days": Decimal(30),
            "business_on": DECIDED_ON,
            **fields,
        }
    )


def a_signatory(**fields: Any) -> Signatory:
    return Signatory.model_validate(
        {
            "signatory": "Signatory of the customer",
            "capacity": Capacity.LEGAL_REPRESENTATIVE,
            **fields,
        }
    )


@cache
def the_sealing() -> Sealing:
    """One demonstration seal for all tests of a process."""
    return Sealing.open(Path(mkdtemp()) / "pki", GRANTOR, NOW)


def text_of(pdf: bytes) -> str:
    """What a reader of the document can select and copy, page by page."""
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


def record_case(records: Records, letter: Letter | None = None, **customer: Any) -> Letter:
    """An approved case as the road leaves it before its agreement: customer, case and letter."""
    letter = letter or a_letter()
    application = Application(customer_id=CUSTOMER_ID, limit_requested=Money.of("15000000", "CNY"))
    case = Case(
        case_id=letter.case_id,
        application=application,
        status=CaseStatus.APPROVED,
        applicant="manager",
        last_editor="manager",
        letter_no=letter.letter_no,
        submitted_at=NOW,
        business_on=DECIDED_ON,
    )
    with records.begin() as session:
        Customers(session).record(
            a_customer(**customer), business_on=DECIDED_ON, source="entry", recorded_by="manager"
        )
        Intakes(session).record(
            letter.case_id,
            application,
            caller="manager",
            key=letter.case_id,
            business_on=DECIDED_ON,
            received_at=NOW,
        )
        Applications(session).record(case)
        Letters(session).record(letter, letter.case_id, CUSTOMER_ID)
    return letter
