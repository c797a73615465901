"""Is what repaid a line and came to nothing used again, once, on every account it was given back to?"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from domain.errors import CreditError, NotFound, OverLimit
from domain.exposure import EntryKind, SubLimit, Use, UseBounds
from storage.base import Records
from storage.exposure import Exposure
from tests.makers_line import LINE_ID, TODAY, cny, open_line

ACCEPTANCE, GUARANTEE = "bank_acceptance", "letter_of_guarantee"


@pytest.fixture
def exposure(records: Records) -> Iterator[Exposure]:
    found = Exposure(records, connections_max=3)
    yield found
    found.close()


def use(exposure: Exposure, amount: int, key: str, of: Use | None = None) -> None:
    held = exposure.reserve(LINE_ID, cny(amount), key, business_on=TODAY, use=of or Use())
    assert held.reservation_id is not None
    exposure.commit(LINE_ID, held.reservation_id, f"{key}/commit", business_on=TODAY)


def stands(exposure: Exposure) -> list[tuple[str, int, int]]:
    return [
        (each.account, each.used.minor, each.excess.minor) for each in exposure.balances(LINE_ID)
    ]


def test_what_came_to_nothing_is_used_again_once_and_above_the_limit(
    records: Records, exposure: Exposure
) -> None:
    open_line(records, limit=cny(1000))
    use(exposure, 300, "first")
    exposure.repay(LINE_ID, cny(300), "bill/1", business_on=TODAY)
    use(exposure, 900, "second")

    first = exposure.revive(LINE_ID, "bill/1", business_on=TODAY)
    again = exposure.revive(LINE_ID, "bill/1", business_on=TODAY)
    assert first is not None
    assert again is not None
    assert (first.used, first.headroom, first.replayed) == (cny(1200), cny(0), False)
    assert (again.entry_id, again.used, again.replayed) == (first.entry_id, cny(1200), True)
    with pytest.raises(OverLimit):
        exposure.reserve(LINE_ID, cny(1), "third", business_on=TODAY)
    assert exposure.verify().discrepancies == ()
    assert EntryKind.REVIVE in {each.kind for each in exposure.entries(LINE_ID)}

    exposure.repay(LINE_ID, cny(150), "by hand", business_on=TODAY)
    assert exposure.balances(LINE_ID)[0].excess == cny(50)
    exposure.repay(LINE_ID, cny(150), "by hand/2", business_on=TODAY)
    assert exposure.reserve(LINE_ID, cny(100), "fourth", business_on=TODAY).headroom == cny(0)
    assert exposure.verify().discrepancies == ()


def test_nothing_is_used_again_that_was_not_repaid_on_the_line(
    records: Records, exposure: Exposure
) -> None:
    open_line(records, limit=cny(1000))
    use(exposure, 300, "first")

    assert exposure.revive(LINE_ID, "first", business_on=TODAY) is None
    assert exposure.revive(LINE_ID, "nothing", business_on=TODAY) is None
    with pytest.raises(NotFound):
        exposure.revive("line-9", "first", business_on=TODAY)
    assert exposure.balances(LINE_ID)[0].used == cny(300)


def test_two_at_once_take_back_one_repayment_once(records: Records, exposure: Exposure) -> None:
    open_line(records, limit=cny(1000))
    use(exposure, 300, "first")
    exposure.repay(LINE_ID, cny(300), "bill/1", business_on=TODAY)

    def revive() -> str | None:
        answer = exposure.revive(LINE_ID, "bill/1", business_on=TODAY)
        return answer.entry_id if answer is not None else None

    with ThreadPoolExecutor(3) as threads:
        found = {each.result() for each in [threads.submit(revive) for _ in range(9)]}
    assert len(found) == 1
    assert exposure.balances(LINE_ID)[0].used == cny(300)
    assert exposure.verify().discrepancies == ()


def test_a_product_stands_as_it_stood_before_the_repayment(
    records: Records, exposure: Exposure
) -> None:
    parts = (
        SubLimit(product=ACCEPTANCE, limit=cny(1000), deposit_share=Decimal("0.3")),
        SubLimit(product=GUARANTEE, limit=cny(500), revolving=False),
    )
    open_line(records, limit=cny(1000), bounds=UseBounds(sub_lines=parts))
    deposited = Use(product=ACCEPTANCE, nominal=cny(400), deposit=cny(120))
    use(exposure, 280, "acceptance", deposited)
    use(exposure, 200, "guarantee", Use(product=GUARANTEE))
    before = exposure.balances(LINE_ID)
    exposure.repay(
        LINE_ID, cny(280), "bill/1", business_on=TODAY, product=ACCEPTANCE, nominal=cny(400)
    )
    exposure.repay(LINE_ID, cny(150), "bill/2", business_on=TODAY, product=GUARANTEE)

    for key in ("bill/2", "bill/1"):
        exposure.revive(LINE_ID, key, business_on=TODAY)
    assert exposure.balances(LINE_ID) == before
    assert exposure.verify().discrepancies == ()
    with pytest.raises(CreditError):
        use(exposure, 301, "more", Use(product=GUARANTEE))
