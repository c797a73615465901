"""Is a customer on record once, and can any past day be asked for?"""

from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from domain.customer import (
    CreditEvent,
    CreditEventType,
    Customer,
    CustomerGroup,
    Identifier,
    IdentifierScheme,
)
from domain.errors import AlreadyExists, KeyReused, NotFound
from domain.money import Money
from storage.base import Records
from storage.customer import Customers

USCC = Identifier(scheme=IdentifierScheme.USCC, value="91110000600037341L")
INTERNAL = Identifier(scheme=IdentifierScheme.INTERNAL, value="K-17")
DAY = date(2025, 3, 1)
BY = {"source": "a test", "recorded_by": "manager"}


def a_customer(customer_id: str = "c-1", **fields: object) -> Customer:
    content = {"customer_id": customer_id, "name": "Quiet Harbour Foods", **fields}
    return Customer.model_validate(content)


def record(records: Records, customer: Customer, on: date = DAY) -> None:
    with records.begin() as session:
        Customers(session).record(customer, business_on=on, **BY)


def update(records: Records, customer: Customer, on: date) -> None:
    with records.begin() as session:
        Customers(session).update(customer, business_on=on, **BY)


def test_the_same_customer_again_is_that_customer(records: Records) -> None:
    record(records, a_customer(identifiers=(USCC,)))
    record(records, a_customer(identifiers=(USCC,)))

    with records.begin() as session:
        customers = Customers(session)
        assert customers.find_by_identifier(USCC) == a_customer(identifiers=(USCC,))
        assert customers.profile("c-1", DAY).version == 1


def test_a_second_customer_with_the_same_code_is_refused_and_nothing_is_left(
    records: Records,
) -> None:
    record(records, a_customer(identifiers=(USCC,)))
    with pytest.raises(AlreadyExists):
        record(records, a_customer("c-2", identifiers=(INTERNAL, USCC)))

    with records.begin() as session:
        assert Customers(session).find("c-2") is None
        assert Customers(session).find_by_identifier(INTERNAL) is None


def test_an_id_in_use_is_refused_for_other_content(records: Records) -> None:
    record(records, a_customer())
    with pytest.raises(AlreadyExists):
        record(records, a_customer(name="Another"))


def test_a_code_that_was_given_up_may_be_claimed(records: Records) -> None:
    record(records, a_customer(identifiers=(USCC, INTERNAL)))
    record(records, a_customer("c-2"))
    update(records, a_customer(identifiers=(INTERNAL,)), DAY)
    update(records, a_customer("c-2", identifiers=(USCC,)), DAY)

    with records.begin() as session:
        found = Customers(session).find_all_by_identifier([USCC, INTERNAL])
    assert {code: found[code].customer_id for code in found} == {USCC: "c-2", INTERNAL: "c-1"}


def test_the_profile_of_a_past_day_has_the_values_sources_and_days_of_then(
    records: Records,
) -> None:
    record(records, a_customer(region="CN-GD"))
    with records.begin() as session:
        moved = a_customer(region="CN-SH", employees=40)
        Customers(session).update(
            moved, business_on=date(2025, 6, 1), source="registry.csv:2", recorded_by="manager"
        )

    with records.begin() as session:
        customers = Customers(session)
        then, now = customers.profile("c-1", date(2025, 5, 31)), customers.profile("c-1", DAY.max)
        with pytest.raises(NotFound):
            customers.profile("c-1", date(2025, 2, 28))
    assert then.fields["region"].value == "CN-GD"
    assert (now.fields["region"].value, now.fields["region"].source) == ("CN-SH", "registry.csv:2")
    assert now.fields["region"].as_of == date(2025, 6, 1)
    assert now.fields["name"].as_of == DAY
    assert now.customer == moved


def test_what_was_recorded_cannot_be_changed_even_by_hand(records: Records) -> None:
    record(records, a_customer())
    with pytest.raises(DBAPIError, match="only ever added to"), records.begin() as session:
        session.execute(text("UPDATE customer_version SET source = 'else'"))


def test_a_customer_joins_only_a_group_there_is(records: Records) -> None:
    with pytest.raises(NotFound):
        record(records, a_customer(group_id="g-1"))
    with records.begin() as session:
        Customers(session).record_group(CustomerGroup(group_id="g-1", name="Harbour Group"))
    record(records, a_customer(group_id="g-1"))
    record(records, a_customer("c-2", group_id="g-1"))

    with records.begin() as session:
        assert Customers(session).members("g-1") == ("c-1", "c-2")
        assert Customers(session).read_group("g-1").name == "Harbour Group"


def test_customers_are_listed_page_by_page_and_found_by_name_or_code(records: Records) -> None:
    for n in range(1, 6):
        record(records, a_customer(f"c-{n}", name=f"Company {n} 100%", name_zh=f"第{n}公司"))
    update(records, a_customer("c-3", name="Company 3", identifiers=(USCC,)), DAY)

    with records.begin() as session:
        customers = Customers(session)
        first = customers.find_page(page_size=3)
        rest = customers.find_page(page_size=3, after=first[-1].customer_id)
        assert [found.customer_id for found in (*first, *rest)] == [f"c-{n}" for n in range(1, 6)]
        assert [f.customer_id for f in customers.find_page(search="第4")] == ["c-4"]
        assert [f.customer_id for f in customers.find_page(search=USCC.value)] == ["c-3"]
        assert [f.customer_id for f in customers.find_page(search="0%")] == [
            "c-1",
            "c-2",
            "c-4",
            "c-5",
        ]


def an_event(event_id: str = "e-1", **fields: object) -> CreditEvent:
    content = {
        "event_id": event_id,
        "customer_id": "c-1",
        "event_type": CreditEventType.SUED,
        "occurred_on": DAY,
        "amount": Money.of("12.50", "CNY"),
        "evidence_hash": "a" * 64,
        **fields,
    }
    return CreditEvent.model_validate(content)


def test_an_event_is_recorded_once_and_put_right_only_by_another(records: Records) -> None:
    record(records, a_customer())
    correction = an_event("e-2", event_type=CreditEventType.CORRECTED, corrects="e-1")
    with records.begin() as session:
        customers = Customers(session)
        for event in (an_event(), an_event(), correction):
            customers.record_event(event)
        assert customers.events("c-1") == (an_event(), correction)
        assert customers.events("c-1", until=date(2025, 2, 28)) == ()
        with pytest.raises(KeyReused):
            customers.record_event(an_event(note="else"))
        with pytest.raises(NotFound):
            customers.record_event(an_event("e-3", corrects="nothing"))
