"""Does an identifier check itself, and is a customer's history read rightly?"""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.customer import (
    CreditEvent,
    CreditEventType,
    Customer,
    Identifier,
    IdentifierScheme,
    events_standing,
)
from domain.errors import IdentifierInvalid, refusal_in

USCC, LEI = "91110000600037341L", "213800KUD8LAJWSQ9D15"


def a_customer(**fields: object) -> Customer:
    return Customer.model_validate({"customer_id": "c-1", "name": "Quiet Harbour Foods", **fields})


@pytest.mark.parametrize(("scheme", "value"), [("uscc", USCC), ("lei", LEI)])
@given(place=st.integers(0, 19), other=st.sampled_from("0123456789ABCDEFGHJKLMNPQRTUWXY"))
def test_a_code_with_one_character_wrong_is_refused(
    scheme: str, value: str, place: int, other: str
) -> None:
    place %= len(value)
    wrong = value[:place] + other + value[place + 1 :]
    # A letter for a digit may pass modulo 97, the check of an LEI: it counts for two digits.
    if wrong == value or (scheme == "lei" and other.isdigit() != value[place].isdigit()):
        return
    with pytest.raises(ValidationError) as refused:
        Identifier(scheme=IdentifierScheme(scheme), value=wrong)
    assert isinstance(refusal_in(refused.value), IdentifierInvalid)


@pytest.mark.parametrize("written", [f" {LEI.lower()} ", "2138 00KU D8LA JWSQ 9D15"])
def test_two_ways_of_writing_a_code_are_one_code(written: str) -> None:
    code = Identifier(scheme=IdentifierScheme.LEI, value=written)

    assert code == Identifier(scheme=IdentifierScheme.LEI, value=LEI)
    assert code.is_proof


@pytest.mark.parametrize("value", ["", "  ", "x" * 65, "a\x00b", "two\nlines"])
def test_an_internal_code_is_one_short_line(value: str) -> None:
    with pytest.raises(ValidationError):
        Identifier(scheme=IdentifierScheme.INTERNAL, value=value)


@pytest.mark.parametrize(("scheme", "value"), [("lei", "98"), ("lei", LEI + "0"), ("uscc", "1")])
def test_a_code_of_another_length_is_refused(scheme: str, value: str) -> None:
    with pytest.raises(ValidationError):
        Identifier(scheme=IdentifierScheme(scheme), value=value)


def test_a_body_registered_by_another_office_has_a_code_that_starts_with_a_letter() -> None:
    code = Identifier(scheme=IdentifierScheme.USCC, value="N2440106MF0000017E")

    assert code.is_proof


def test_our_own_number_is_no_proof_of_who_a_company_is() -> None:
    internal = Identifier(scheme=IdentifierScheme.INTERNAL, value="US00001")
    proven = Identifier(scheme=IdentifierScheme.USCC, value=USCC)

    assert a_customer(identifiers=(internal,)).proof is None
    assert a_customer(identifiers=(internal, proven)).proof == proven


def test_a_code_known_already_is_not_doubled() -> None:
    code = Identifier(scheme=IdentifierScheme.USCC, value=USCC)
    customer = a_customer(identifiers=(code,))

    assert customer.with_identifiers((code, code)) == customer


@pytest.mark.parametrize(
    "fields",
    [
        {"mail": "a@b.example\r\nBcc: c@d.example"},
        {"mail": "a@b.example,c@d.example"},
        {"name": "two\nlines"},
        {"name_zh": "两\x00行"},
        {"country": "China"},
        {"industry": "X9"},
        {"employees": -1},
    ],
)
def test_a_field_that_is_not_what_it_claims_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        a_customer(**fields)


def test_a_corrected_event_no_longer_stands_and_is_still_there() -> None:
    def an_event(event_id: str, event_type: CreditEventType, corrects: str | None) -> CreditEvent:
        return CreditEvent(
            event_id=event_id,
            customer_id="c-1",
            event_type=event_type,
            occurred_on=date(2025, 1, 2),
            corrects=corrects,
        )

    sued = an_event("e-1", CreditEventType.SUED, None)
    taken_back = an_event("e-2", CreditEventType.CORRECTED, "e-1")
    overdue = an_event("e-3", CreditEventType.OVERDUE, None)

    assert events_standing((sued, taken_back, overdue)) == (overdue,)
