"""Is an offset never more than an agreement in force, and either side, allow?"""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.money import Money
from domain.trade import SetOffAgreement
from policies.set_off import side
from tests.makers_policy import cny

ON = date(2026, 6, 1)


def an_agreement(
    number: int, since: int, lasts: int | None, most: Money | None = None
) -> SetOffAgreement:
    begins = ON + timedelta(days=since)
    return SetOffAgreement(
        agreement_id=f"s-{number}",
        customer_id="c-1",
        evidence_hash="0" * 64,
        signed_on=begins,
        valid_from=begins,
        valid_until=None if lasts is None else begins + timedelta(days=lasts),
        most=most,
        recorded_by="legal",
    )


amounts = st.integers(0, 10_000).map(lambda minor: Money(minor=minor, currency="CNY"))
some_most = st.one_of(st.none(), amounts, st.just(Money(minor=9_999, currency="USD")))
agreements = st.lists(
    st.tuples(st.integers(-30, 30), st.one_of(st.none(), st.integers(0, 40)), some_most), max_size=4
).map(lambda terms: [an_agreement(number, *each) for number, each in enumerate(terms)])


@given(amounts, amounts, amounts, agreements)
def test_an_offset_is_within_both_sides_and_an_agreement(
    invoiced: Money, prepaid: Money, owed: Money, on_file: list[SetOffAgreement]
) -> None:
    found = side(invoiced, prepaid, owed, on_file, ON)
    assert cny(0) <= found.offset <= min(found.gross, owed)
    assert (found.invoiced, found.prepaid, found.owed_to_it) == (invoiced, prepaid, owed)
    in_force = [each for each in on_file if each.holds_on(ON)]
    if not in_force:
        assert (found.offset, found.agreement_id) == (cny(0), None)
    if found.offset:
        (*_, under) = [each for each in in_force if each.agreement_id == found.agreement_id]
        assert under.most is None or under.most.currency == "CNY"
    if any(each.most is None for each in in_force):
        assert found.offset == min(found.gross, owed)


def test_an_agreement_holds_from_its_first_day_to_its_last() -> None:
    agreement = an_agreement(1, 0, 10, None)
    offsets = {
        days: side(cny(5), cny(0), cny(3), [agreement], ON + timedelta(days=days)).offset
        for days in (-1, 0, 10, 11)
    }
    assert offsets == {-1: cny(0), 0: cny(3), 10: cny(3), 11: cny(0)}
