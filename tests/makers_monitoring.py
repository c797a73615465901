"""A small book for tests of what goes wrong: a customer with a line in force, and its invoices."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from activities.assessment import collect_dossier
from domain.application import Application, Case, CaseStatus
from domain.contract import Letter
from domain.edition import PolicyEdition
from domain.line import CreditLine, LineStatus
from domain.money import Money
from domain.receivable import Invoice, Payment
from policies.assessment import assess
from policies.contract import terms_for
from policies.line import line_dates
from storage.application import Applications, Assessments, Intakes
from storage.approval import Letters
from storage.base import Records
from storage.customer import Customers
from storage.line import Lines
from storage.receivable import Receivables
from storage.statement import Statements
from tests.makers_policy import a_customer, a_statement, an_edition, cny
from tests.road import settle

GRANTED_ON = date(2026, 1, 5)
LINE_ID = "line-1"

# A year after which the ordinary company supports a small part of what it did.
SHRUNKEN = {
    "revenue": "12",
    "cost_of_sales": "9",
    "gross_profit": "3",
    "ebit": "1.6",
    "ebitda": "2.2",
    "depreciation_amortisation": "0.6",
    "profit_before_tax": "1.4",
    "net_income": "1.05",
    "interest_expense": "0.2",
    "income_tax": "0.35",
}


def noon(day: date) -> datetime:
    """Twelve o'clock in the legal entity's zone."""
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


def a_book(
    records: Records,
    *,
    limit: Money | None = None,
    edition: PolicyEdition | None = None,
    statement: dict[str, str] | None = None,
    **customer: Any,
) -> CreditLine:
    """People in their seats, one ordinary customer, and its line in force since January."""
    edition = edition or an_edition()
    settle(records, edition)
    kept = a_customer(**{"mail": "post@company.example", **customer})
    with records.begin() as session:
        Customers(session).record(
            kept, business_on=GRANTED_ON, source="test", recorded_by="manager"
        )
        for year in (2023, 2024):
            Statements(session).record(
                a_statement(year, **(statement or {})),
                business_on=GRANTED_ON,
                recorded_by="manager",
            )
    return a_line(records, edition, limit or cny(1_000_000))


def a_line(records: Records, edition: PolicyEdition, limit: Money) -> CreditLine:
    """The line as an approved and activated case leaves it, with the receipt it rests on."""
    application = Application(customer_id="c-1", limit_requested=limit, purpose="components")
    with records.begin() as session:
        Intakes(session).record(
            "case-1",
            application,
            caller="manager",
            key="k-1",
            business_on=GRANTED_ON,
            received_at=noon(GRANTED_ON),
        )
        Applications(session).record(
            Case(
                case_id="case-1",
                application=application,
                status=CaseStatus.ACTIVE,
                applicant="manager",
                last_editor="manager",
                edition_hash=edition.edition_hash,
                submitted_at=noon(GRANTED_ON),
                business_on=GRANTED_ON,
                ended_at=noon(GRANTED_ON),
            )
        )
        assessment = assess(
            "case-1",
            collect_dossier(session, application, edition, GRANTED_ON),
            edition,
            automatic_spent=cny(0),
            sampled=False,
        )
        Assessments(session).record(assessment)
        letter = Letter(
            letter_no=Letters(session).next_no(2026),
            case_id="case-1",
            approved=True,
            terms=terms_for(assessment, limit, edition),
            content_hash=assessment.receipt_hash,
            decided_on=GRANTED_ON,
            valid_until=GRANTED_ON + timedelta(days=90),
            decided_by=("approver1",),
        )
        Letters(session).record(letter, "case-1", "c-1")
        dates = line_dates(GRANTED_ON, 12, assessment.rating.grade, edition)
        assert letter.terms is not None
        return Lines(session).open(
            CreditLine(
                line_id=LINE_ID,
                customer_id="c-1",
                case_id="case-1",
                letter_no=letter.letter_no,
                contract_id="case-1",
                terms=letter.terms,
                limit=limit,
                status=LineStatus.ACTIVE,
                grade=assessment.rating.grade,
                edition_hash=edition.edition_hash,
                starts_on=dates.starts_on,
                last_draw_on=dates.last_draw_on,
                ends_on=dates.ends_on,
                review_due_on=dates.review_due_on,
                activated_at=noon(GRANTED_ON),
            ),
            GRANTED_ON,
        )


def invoice(records: Records, number: str, due_on: date, amount: int = 50_000) -> None:
    """An invoice of thirty days to the ordinary customer."""
    with records.begin() as session:
        Receivables(session).record_invoice(
            Invoice(
                customer_id="c-1",
                invoice_no=number,
                issued_on=due_on - timedelta(days=30),
                due_on=due_on,
                amount=cny(amount),
            ),
            business_on=due_on,
            recorded_by="manager",
        )


def pay(records: Records, number: str, paid_on: date, amount: int = 50_000) -> None:
    with records.begin() as session:
        Receivables(session).record_payment(
            Payment(
                customer_id="c-1",
                payment_no=f"p-{number}-{paid_on}",
                invoice_no=number,
                paid_on=paid_on,
                amount=cny(amount),
            ),
            recorded_by="manager",
        )
