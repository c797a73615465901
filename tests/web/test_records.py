"""May people enter and see just what is theirs, and is what they enter checked at once?"""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from domain.customer import (
    CreditEventContent,
    CreditEventType,
    Customer,
    CustomerContent,
    CustomerGroup,
    CustomerRecord,
    Identifier,
    IdentifierScheme,
)
from domain.errors import (
    AlreadyExists,
    AttachmentTooLarge,
    DateInFuture,
    IdentifierUnproven,
    NotFound,
    NotPermitted,
    StatementInFuture,
    StatementUnbalanced,
)
from domain.exchange import Rate
from domain.identity import Person, Role
from domain.money import Money
from domain.receivable import InvoiceContent, PaymentContent
from domain.screening import ListEffect, ListEntry
from domain.statement import Item, StatementContent
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions, shipped_text
from tests.makers_policy import a_changed_edition
from web.service.attachment import AttachmentService
from web.service.clock import Clock
from web.service.customer import CustomerService
from web.service.exchange import RateService
from web.service.profile import ProfileService
from web.service.receivable import ReceivableService
from web.service.screening import ScreeningService
from web.service.statement import StatementService

CLOCK = Clock()
TODAY = CLOCK.business_on()
USCC = Identifier(scheme=IdentifierScheme.USCC, value="91110000600037341L")
INTERNAL = Identifier(scheme=IdentifierScheme.INTERNAL, value="K-1")


def a_person(person_id: str, *roles: Role) -> Person:
    return Person(person_id=person_id, title="A colleague", roles=frozenset(roles))


MANAGER = a_person("manager", Role.RELATIONSHIP_MANAGER)
OTHER = a_person("manager2", Role.RELATIONSHIP_MANAGER)
RISK = a_person("risk", Role.RISK_OFFICER)
AUDITOR = a_person("auditor", Role.AUDITOR)
FOODS = CustomerContent(name="Quiet Harbour Foods", identifiers=(USCC,), manager_id="manager2")


@pytest.fixture
def customers(records: Records) -> CustomerService:
    return CustomerService(records, CLOCK)


@pytest.fixture
def foods(customers: CustomerService) -> Customer:
    return customers.record(MANAGER, FOODS)


def test_a_customer_belongs_to_who_enters_it_and_is_not_found_by_their_colleague(
    records: Records, customers: CustomerService, foods: Customer
) -> None:
    assert foods.manager_id == MANAGER.person_id
    assert customers.read(AUDITOR, foods.customer_id) == CustomerRecord(**foods.model_dump())
    assert customers.read_by_identifier(MANAGER, USCC) == foods
    assert customers.list_customers(OTHER) == []
    for ask in (
        lambda: customers.read(OTHER, foods.customer_id),
        lambda: customers.read_by_identifier(OTHER, USCC),
        lambda: customers.update(OTHER, foods.customer_id, FOODS),
        lambda: ProfileService(records, CLOCK).read(OTHER, foods.customer_id),
        lambda: customers.list_events(OTHER, foods.customer_id),
    ):
        with pytest.raises(NotFound):
            ask()
    with pytest.raises(NotPermitted):
        customers.record(AUDITOR, FOODS)


def test_a_code_we_know_or_one_of_our_own_makes_no_new_customer(
    customers: CustomerService, foods: Customer
) -> None:
    with pytest.raises(AlreadyExists):
        customers.record(OTHER, FOODS)
    with pytest.raises(IdentifierUnproven):
        customers.record(MANAGER, FOODS.model_copy(update={"identifiers": (INTERNAL,)}))


def test_a_number_that_came_with_an_import_may_stay(
    records: Records, customers: CustomerService
) -> None:
    known = Customer(customer_id="c-1", name="One", identifiers=(INTERNAL,), manager_id="manager")
    with records.begin() as session:
        Customers(session).record(known, business_on=TODAY, source="import", recorded_by="m")
    proven = CustomerContent(name="One", identifiers=(INTERNAL, USCC))

    assert customers.update(MANAGER, "c-1", proven).proof == USCC
    with records.begin() as session:
        assert Customers(session).profile("c-1", TODAY).version == 2


def test_a_group_shows_each_their_own_members(customers: CustomerService, foods: Customer) -> None:
    customers.record_group(MANAGER, CustomerGroup(group_id="g-1", name="Harbour"))
    customers.update(MANAGER, foods.customer_id, FOODS.model_copy(update={"group_id": "g-1"}))

    assert customers.read_group(RISK, "g-1").members == (foods.customer_id,)
    assert customers.read_group(OTHER, "g-1").members == ()


def test_evidence_of_an_event_must_be_on_file(
    records: Records, customers: CustomerService, foods: Customer
) -> None:
    sued = CreditEventContent(
        event_type=CreditEventType.SUED, occurred_on=TODAY, evidence_hash="0" * 64
    )
    with pytest.raises(NotFound):
        customers.record_event(MANAGER, foods.customer_id, sued)
    file = AttachmentService(records).record(MANAGER, b"%PDF-1.7", "writ.pdf")
    event = customers.record_event(
        MANAGER, foods.customer_id, sued.model_copy(update={"evidence_hash": file.sha256})
    )
    later = sued.model_copy(update={"occurred_on": TODAY + timedelta(days=1)})
    with pytest.raises(DateInFuture):
        customers.record_event(MANAGER, foods.customer_id, later)

    assert customers.list_events(RISK, foods.customer_id) == (event,)


def test_a_statement_is_checked_when_it_is_entered(records: Records, foods: Customer) -> None:
    statements = StatementService(records, CLOCK)
    items = {Item.TOTAL_ASSETS: Decimal(900), Item.TOTAL_LIABILITIES: Decimal(500)}
    content = StatementContent(period_end_on=date(2024, 12, 31), currency="CNY", items=items)
    wrong = content.model_copy(update={"items": {**items, Item.EQUITY: Decimal(1)}})
    early = content.model_copy(update={"period_end_on": TODAY + timedelta(days=1)})

    with pytest.raises(StatementUnbalanced):
        statements.record(MANAGER, foods.customer_id, wrong)
    with pytest.raises(StatementInFuture):
        statements.record(MANAGER, foods.customer_id, early)
    with pytest.raises(NotFound):
        statements.record(OTHER, foods.customer_id, content)
    entered = statements.record(MANAGER, foods.customer_id, content)

    assert entered.find(Item.EQUITY) == 400
    assert statements.list_statements(RISK, foods.customer_id) == (entered,)
    assert statements.list_versions(RISK, foods.customer_id, date(2024, 12, 31)) == (entered,)


def test_the_account_that_counts_is_the_one_that_the_edition_in_force_prefers(
    records: Records, foods: Customer
) -> None:
    edition = a_changed_edition('[provenance]\nprefer = ["audited"]')
    with records.begin() as session:
        Editions(session).publish(edition, shipped_text("standard"), "risk")
    statements = StatementService(records, CLOCK)
    for consolidated, assets in ((True, 900), (False, 500)):
        content = StatementContent(
            period_end_on=date(2024, 12, 31),
            currency="CNY",
            items={Item.TOTAL_ASSETS: Decimal(assets), Item.EQUITY: Decimal(450)},
            consolidated=consolidated,
            audited=not consolidated,
        )
        statements.record(MANAGER, foods.customer_id, content)

    (counts,) = statements.list_statements(RISK, foods.customer_id)
    (row,) = statements.list_factors(RISK)

    assert counts.find(Item.TOTAL_ASSETS) == 500
    assert row.figures["equity_ratio"] == Decimal("0.9")


def test_an_account_shows_what_is_owed_and_how_late(records: Records, foods: Customer) -> None:
    receivables = ReceivableService(records, CLOCK)
    invoice = InvoiceContent(
        invoice_no="i-1",
        issued_on=TODAY - timedelta(days=40),
        due_on=TODAY - timedelta(days=10),
        amount=Money.of("100", "CNY"),
    )
    paid = PaymentContent(
        payment_no="p-1", invoice_no="i-1", paid_on=TODAY, amount=Money.of("40", "CNY")
    )
    receivables.record_invoice(MANAGER, foods.customer_id, invoice)
    receivables.record_payment(MANAGER, foods.customer_id, paid)

    account = receivables.read_account(RISK, foods.customer_id)
    assert account.ageings[0].buckets["1-30"] == Money.of("60", "CNY")
    assert account.turnovers[0].days_outstanding == Decimal("54.00")
    assert account.payments.days_past_due_max == 10
    assert receivables.read_ageing(RISK, currency="CNY")[0].total == Money.of("60", "CNY")
    with pytest.raises(NotPermitted):
        receivables.read_ageing(MANAGER, currency="CNY")
    with pytest.raises(DateInFuture):
        receivables.record_payment(
            MANAGER, foods.customer_id, paid.model_copy(update={"paid_on": date(2199, 1, 1)})
        )


def test_a_file_above_the_cap_is_refused(records: Records) -> None:
    with pytest.raises(AttachmentTooLarge):
        AttachmentService(records, bytes_max=8).record(MANAGER, b"%PDF-1.7 more", "a.pdf")


def test_rates_are_the_risk_officers_to_enter_and_everybodys_to_use(records: Records) -> None:
    rates = RateService(records, CLOCK)
    rate = Rate(base="USD", quote="CNY", rate=Decimal("7.1"), rate_on=TODAY)
    with pytest.raises(NotPermitted):
        rates.record(MANAGER, rate)
    rates.record(RISK, rate)

    converted = rates.convert(MANAGER, Money.of("100", "USD"), "CNY")
    assert converted.amount == Money.of("710", "CNY")
    assert len(rates.list_rates(MANAGER)) == 1


def test_a_name_put_on_a_list_says_whom_it_touches(records: Records, foods: Customer) -> None:
    screening = ScreeningService(records, CLOCK)
    entry = ListEntry(
        list_code="negative",
        list_version="1",
        identifier=USCC,
        effect=ListEffect.STOP,
        rule="N-1",
    )
    with pytest.raises(NotPermitted):
        screening.add(MANAGER, entry)

    touched = screening.add(RISK, entry)
    assert touched.customers == (foods.customer_id,)
    assert screening.list_entries(RISK, "negative") == (entry,)
    assert [named.list_version for named in screening.list_lists(RISK)] == ["1"]
    assert screening.find_hits(RISK, [USCC]) == (entry,)
