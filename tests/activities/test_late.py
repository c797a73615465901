"""The rate that late interest charges is the one printed in the agreement that both have signed."""

import re
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from activities.contract import ContractActivities
from activities.documents.agreement import terms_in
from domain.contract import CustomerAct, CustomerActed, IssueContract, LateClause
from domain.late import accrued
from domain.receivable import Invoice
from policies.late import agreed_late, agreement_for, late_rates
from storage.attachment import Attachments
from storage.base import Records
from storage.contract import Contracts, CustomerActs
from storage.line import Lines
from storage.receivable import Receivables
from tests.makers_contract import (
    CUSTOMER_ID,
    DECIDED_ON,
    NOW,
    a_letter,
    a_signatory,
    record_case,
    some_terms,
    text_of,
    the_sealing,
)
from tests.makers_line import a_line, cny

CLAUSE = LateClause(rate_annual=Decimal("0.1275"), year_days=360, grace_days=2)


def signed(records: Records, late: LateClause | None) -> str:
    """The text of the agreement as both have signed it, with its line in force."""
    letter = record_case(records, a_letter(terms=some_terms(late=late)))
    steps = ContractActivities(records, the_sealing(), "https://credit.example")
    steps.issue_contract(
        IssueContract(
            contract_id="case-1",
            case_id="case-1",
            letter=letter,
            issued_at=NOW,
            expires_at=NOW + timedelta(days=30),
        )
    )
    act = CustomerAct(contract_id="case-1", kind="sign", signatory=a_signatory())
    with records.begin() as session:
        CustomerActs(session).record(act, NOW)
    acted = CustomerActed(contract_id="case-1", act_id=act.act_id, acted_at=NOW)
    outcome = steps.record_signature(acted)
    assert outcome.signed_hash is not None
    with records.begin() as session:
        Lines(session).open(a_line(letter), DECIDED_ON)
        return text_of(Attachments(session).read_content(outcome.signed_hash))


def charged(records: Records, days_late: int) -> Fraction:
    """What an invoice issued under the agreement bears so many days late, by the unit owed."""
    invoice = Invoice(
        customer_id=CUSTOMER_ID,
        invoice_no="INV-1",
        issued_on=DECIDED_ON + timedelta(days=10),
        due_on=DECIDED_ON + timedelta(days=40),
        amount=cny(36_000_000),
    )
    with records.begin() as session:
        Receivables(session).record_invoice(
            invoice, business_on=invoice.due_on, recorded_by="manager"
        )
        agreed = [agreed_late(each) for each in Contracts(session).in_force_of(CUSTOMER_ID)]
    rates = late_rates(invoice, agreement_for(invoice, agreed), [])
    borne = accrued(invoice, [], rates, invoice.due_on + timedelta(days=days_late))
    return Fraction(borne.minor, invoice.amount.minor)


def test_what_is_charged_is_what_the_signed_document_prints(records: Records) -> None:
    text = signed(records, CLAUSE)

    found = re.search(
        r"按年利率([0-9.]+)%（.*?除以([0-9]+)（.*?最初([0-9]+)（", re.sub(r"\s", "", text)
    )
    assert found is not None
    rate, year, grace = Fraction(found[1]) / 100, int(found[2]), int(found[3])
    stated = terms_in(text)
    assert stated is not None
    assert stated.late == CLAUSE
    assert charged(records, 30) == rate / year * (30 - grace)


def test_without_a_clause_the_printed_rate_of_use_is_charged(records: Records) -> None:
    text = signed(records, None)

    found = re.search(r"用信余额按年利率([0-9.]+)%", re.sub(r"\s", "", text))
    assert found is not None
    assert charged(records, 30) == Fraction(found[1]) / 100 / 360 * 30
