"""Are two records of one company found however its name is written, and never on the name alone?"""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.customer import Customer, Identifier, IdentifierScheme
from domain.edition import DuplicatesPolicy
from domain.merge import LikenessReason
from policies.duplicate import likeness, likenesses, name_core, traits_of
from tests.makers_policy import a_changed_edition

POLICY = DuplicatesPolicy()
USCC = Identifier(scheme=IdentifierScheme.USCC, value="91320500600037340W")


def a_record(customer_id: str, name: str, **fields: Any) -> Customer:
    return Customer.model_validate({"customer_id": customer_id, "name": name, **fields})


def alike(first: Customer, second: Customer) -> tuple[LikenessReason, ...]:
    found = likeness(traits_of(first), traits_of(second), POLICY)
    return found.reasons if found is not None else ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("广东远航电子有限公司", "廣東遠航電子股份有限公司"),
        ("ＱＨ　Foods Co., Ltd.", "QH FOODS LIMITED"),
        ("Quiet Harbour Foods S.A.", "quiet harbour foods"),
        ("Müller & Söhne GmbH & Co. KG", "MÜLLER SÖHNE"),
    ],
)
def test_a_name_is_the_same_in_any_script_width_case_and_legal_form(one: str, other: str) -> None:
    assert name_core(one) == name_core(other) != ""
    assert alike(a_record("a", one), a_record("b", other)) == (LikenessReason.NAME_SAME,)


def test_a_name_is_alike_by_sound() -> None:
    first = a_record("a", "广东远航电子有限公司", mail="a@yuanhang.example")
    second = a_record("b", "Guangdong Yuanhan Dianzi Ltd", mail="b@yuanhang.example")
    assert alike(first, second) == (LikenessReason.NAME_ALIKE, LikenessReason.MAIL_DOMAIN)


def test_a_mail_domain_of_anybody_says_nothing() -> None:
    first = a_record("a", "Quiet Harbour Foods", mail="a@qq.com")
    assert alike(first, a_record("b", "Quiet Harbour Foods", mail="b@qq.com")) == (
        LikenessReason.NAME_SAME,
    )


def test_one_mail_domain_alone_says_nothing() -> None:
    first = a_record("a", "Quiet Harbour Foods", mail="a@firm.example")
    assert alike(first, a_record("b", "Steel Works", mail="b@firm.example")) == ()


@pytest.mark.parametrize("written", ["91320500600037340W", "9132 0500-60003734 0w", "600037340"])
def test_a_code_is_found_under_another_scheme(written: str) -> None:
    internal = Identifier(scheme=IdentifierScheme.INTERNAL, value=written)
    first = a_record("a", "Quiet Harbour Foods", identifiers=(USCC,))
    assert alike(first, a_record("b", "Another Name", identifiers=(internal,))) == (
        LikenessReason.IDENTIFIER,
    )


def test_an_invoice_on_both_counts() -> None:
    invoices = {each: frozenset({("INV-1", 100, "CNY")}) for each in ("a", "b")}
    book = [traits_of(a_record(each, each * 9), invoices) for each in ("a", "b", "c")]
    (found,) = likenesses(book, POLICY)
    assert (found.first_id, found.second_id) == ("a", "b")
    assert (found.reasons, found.score) == ((LikenessReason.INVOICE,), Decimal("0.5000"))


names = st.text(st.sampled_from("远航电子贸易博润材料abcdef "), min_size=2, max_size=12).filter(
    str.strip
)


@given(names, names)
def test_a_name_alone_is_never_a_certainty(one: str, other: str) -> None:
    found = likeness(traits_of(a_record("a", one)), traits_of(a_record("b", other)), POLICY)
    assert found is None or found.score <= POLICY.name_same < 1


@given(names, names, st.sampled_from(["x@f.example", "y@g.example"]), st.booleans())
def test_who_is_first_changes_nothing(one: str, other: str, mail: str, coded: bool) -> None:
    first = traits_of(a_record("a", one, mail="x@f.example", identifiers=(USCC,) * coded))
    second = traits_of(a_record("b", other, mail=mail))
    assert likeness(first, second, POLICY) == likeness(second, first, POLICY)


@given(st.lists(names, min_size=2, max_size=8))
def test_a_small_book_is_compared_each_with_each(written: list[str]) -> None:
    book = [traits_of(a_record(f"c-{n}", name)) for n, name in enumerate(written)]
    pairs = {(each.first_id, each.second_id) for each in likenesses(book, POLICY)}
    for n, first in enumerate(book):
        about = likenesses(book, POLICY, about=first.customer_id)
        expected = {pair for pair in pairs if first.customer_id in pair}
        assert {(each.first_id, each.second_id) for each in about} == expected
        for second in book[n + 1 :]:
            told = likeness(first, second, POLICY) is not None
            assert told == ((first.customer_id, second.customer_id) in pairs)


def test_an_edition_says_from_where_on_it_is_told() -> None:
    pair = [traits_of(a_record(each, "Quiet Harbour Foods")) for each in ("a", "b")]
    assert likenesses(pair, POLICY)
    stricter = a_changed_edition("[duplicates]\nscore_min = 0.7\n").duplicates
    assert not likenesses(pair, stricter)
