"""Does what is lent by name come back with what is exposed, and does a key stand for one request?"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from psycopg2.errors import CheckViolation

from domain.errors import (
    ExchangeRefused,
    KeyReused,
    LineNotActive,
    MoreThanDeposited,
    OverNominal,
    ProductMissing,
    ProductRefused,
    TenorExceeded,
)
from domain.exposure import Fitting, Movement, SubLimit, Use, UseBounds
from domain.line import LineStatus
from storage.base import Records
from storage.exposure import Accounts, Exposure
from tests.makers_line import LINE_ID, TODAY, a_letter, cny, open_line, record_letter

ACCEPTANCE, OPEN = "bank_acceptance", "open_account"
PARTS = (
    SubLimit(product=ACCEPTANCE, limit=cny(1000), tenor_months=6, deposit_share=Decimal("0.3")),
    SubLimit(product=OPEN, limit=cny(1000)),
)


@pytest.fixture
def exposure(records: Records) -> Iterator[Exposure]:
    found = Exposure(records, connections_max=2)
    yield found
    found.close()


def opened(records: Records, *parts: SubLimit, by_name: int | None = None) -> str:
    named = Fitting(nominal_limit=cny(by_name) if by_name is not None else None)
    bounds = UseBounds(fitting=named, sub_lines=parts or PARTS)
    return open_line(records, limit=cny(1000), bounds=bounds).customer_id


def reserve(exposure: Exposure, amount: int, key: str, **said: Any) -> Movement:
    moved = {"expires_at": said.pop("expires_at", None), "business_on": TODAY}
    use = Use.model_validate({"product": ACCEPTANCE, **said})
    return exposure.reserve(LINE_ID, cny(amount), key, use=use, **moved)


def deposited(exposure: Exposure, name: int, key: str, **said: Any) -> Movement:
    """An acceptance of which three tenths are deposited."""
    deposit = cny(name * 3 // 10)
    return reserve(exposure, name - name * 3 // 10, key, nominal=cny(name), deposit=deposit, **said)


def used(exposure: Exposure, name: int, key: str) -> Movement:
    held = deposited(exposure, name, key).reservation_id
    assert held is not None
    return exposure.commit(LINE_ID, held, f"{key}/used", business_on=TODAY)


def names(exposure: Exposure) -> list[int]:
    """By name, of the line and of each of its products."""
    found = exposure.balances(LINE_ID)[:3]
    return [(each.nominal or each.taken).minor // 100 for each in found]


def further(
    records: Records, customer_id: str, *parts: SubLimit, product: str | None = None
) -> None:
    """Another letter puts these sub-lines in force, or one product without any."""
    letter_no = record_letter(records, a_letter("further", customer_id=customer_id)).letter_no
    with records.begin() as session:
        Accounts(session).set_sub_limits(
            LINE_ID,
            parts,
            fitting=Fitting(product=product),
            decision_id=letter_no,
            business_on=TODAY,
        )


def test_a_deposit_of_what_is_only_reserved_is_not_given_back(
    records: Records, exposure: Exposure
) -> None:
    opened(records)
    ends_at = datetime.now(UTC) + timedelta(hours=1)
    deposited(exposure, 100, "first", expires_at=ends_at)
    with pytest.raises(MoreThanDeposited) as refused:
        exposure.give_back_deposit(LINE_ID, cny(30), "back", business_on=TODAY, product=ACCEPTANCE)
    assert refused.value.facts["deposited"] == "CNY 0.00"
    assert exposure.expire_due(business_on=TODAY, as_of=ends_at) == 1
    assert names(exposure) == [0, 0, 0]


def test_a_repayment_takes_no_name_that_a_reservation_holds(
    records: Records, exposure: Exposure
) -> None:
    opened(records)
    used(exposure, 100, "used")
    held = deposited(exposure, 200, "held").reservation_id
    assert held is not None
    exposure.repay(LINE_ID, cny(70), "repaid", business_on=TODAY, product=ACCEPTANCE)
    assert names(exposure) == [200, 200, 0]
    exposure.release(LINE_ID, held, "released", business_on=TODAY)
    assert names(exposure) == [0, 0, 0]
    assert exposure.verify().holds


@pytest.mark.parametrize(("paid", "left"), [(70, 0), (35, 50), (10, 85)])
def test_names_go_back_in_proportion_to_what_is_paid(
    records: Records, exposure: Exposure, paid: int, left: int
) -> None:
    opened(records)
    used(exposure, 100, "used")
    exposure.repay(LINE_ID, cny(paid), "repaid", business_on=TODAY, product=ACCEPTANCE)
    assert names(exposure) == [left, left, 0]


def test_no_repayment_takes_names_of_what_stays_in_use(
    records: Records, exposure: Exposure
) -> None:
    opened(records)
    for key in ("first", "second"):
        held = reserve(exposure, 100, key, product=OPEN).reservation_id
        assert held is not None
        exposure.commit(LINE_ID, held, f"{key}/used", business_on=TODAY)
    said = {"business_on": TODAY, "product": OPEN}
    exposure.repay(LINE_ID, cny(30), "by hand", **said)
    with pytest.raises(MoreThanDeposited) as refused:
        exposure.repay(LINE_ID, cny(70), "paid", nominal=cny(100), **said)
    assert refused.value.facts == {"amount": "CNY 30.00", "deposited": "CNY 0.00"}
    exposure.repay(LINE_ID, cny(70), "order/paid", nominal=cny(100), **said)
    assert names(exposure) == [100, 0, 100]


def test_a_limit_by_name_is_free_again_and_so_is_what_a_deposit_covers_wholly(
    records: Records, exposure: Exposure
) -> None:
    opened(records, by_name=250)
    for n in range(4):
        used(exposure, 200, f"use-{n}")
        exposure.repay(LINE_ID, cny(140), f"pay-{n}", business_on=TODAY, product=ACCEPTANCE)
    covered = reserve(exposure, 0, "covered", nominal=cny(200), deposit=cny(200))
    assert covered.reservation_id is not None
    exposure.commit(LINE_ID, covered.reservation_id, "covered/used", business_on=TODAY)
    with pytest.raises(OverNominal):
        deposited(exposure, 100, "more")
    ended = {"business_on": TODAY, "product": ACCEPTANCE, "nominal": cny(200)}
    with pytest.raises(MoreThanDeposited):
        exposure.repay(LINE_ID, cny(0), "too much", **(ended | {"nominal": cny(201)}))
    exposure.repay(LINE_ID, cny(0), "ended", **ended)
    assert exposure.repay(LINE_ID, cny(0), "ended", **ended).replayed
    assert names(exposure) == [0, 0, 0]
    assert deposited(exposure, 100, "again").reserved == cny(70)
    assert exposure.verify().holds


def test_what_was_used_before_the_line_had_products_is_repaid(
    records: Records, exposure: Exposure
) -> None:
    line = open_line(records, limit=cny(1000), bounds=UseBounds(fitting=Fitting(product=OPEN)))
    held = exposure.reserve(LINE_ID, cny(300), "first", business_on=TODAY).reservation_id
    assert held is not None
    exposure.commit(LINE_ID, held, "used", business_on=TODAY)
    further(records, line.customer_id, *PARTS)

    assert exposure.repay(LINE_ID, cny(100), "bare", business_on=TODAY).used == cny(200)
    named = exposure.repay(LINE_ID, cny(150), "named", business_on=TODAY, product=OPEN)
    assert named.used == cny(50)
    with pytest.raises(ProductMissing):
        exposure.repay(LINE_ID, cny(51), "more", business_on=TODAY)
    with pytest.raises(ProductRefused):
        exposure.repay(LINE_ID, cny(1), "strange", business_on=TODAY, product="factoring")
    assert exposure.verify().holds


def test_a_further_letter_binds_the_sub_lines_that_there_are(
    records: Records, exposure: Exposure
) -> None:
    customer_id = opened(records, PARTS[0].model_copy(update={"tenor_months": 12}), PARTS[1])
    due_on = TODAY + timedelta(days=330)
    deposited(exposure, 100, "first", due_on=due_on)
    further(records, customer_id, *PARTS)
    with pytest.raises(TenorExceeded):
        deposited(exposure, 100, "second", due_on=due_on)


def test_a_product_that_stands_still_gives_no_deposit_back_and_lets_nothing_be_used(
    records: Records, exposure: Exposure
) -> None:
    opened(records)
    used(exposure, 100, "used")
    held = deposited(exposure, 100, "held").reservation_id
    assert held is not None
    for status in (LineStatus.FROZEN, LineStatus.COLLECT_ONLY):
        with records.begin() as session:
            Accounts(session).set_product_standing(LINE_ID, ACCEPTANCE, status)
        with pytest.raises(LineNotActive):
            exposure.give_back_deposit(
                LINE_ID, cny(1), status, business_on=TODAY, product=ACCEPTANCE
            )
    with pytest.raises(LineNotActive):
        exposure.commit(LINE_ID, held, "held/used", business_on=TODAY)
    assert exposure.release(LINE_ID, held, "released", business_on=TODAY).reserved == cny(0)


def test_no_limit_moves_to_a_product_that_has_none(records: Records) -> None:
    customer_id = opened(records)
    further(records, customer_id, PARTS[0])
    with records.begin() as session, pytest.raises(ExchangeRefused):
        Accounts(session).move_limit(
            LINE_ID, ACCEPTANCE, OPEN, cny(1), key="k", business_on=TODAY, posted_by="risk"
        )


# ── one key, one request ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "other",
    [
        {"due_on": TODAY + timedelta(days=31)},
        {"due_on": None},
        {"product": OPEN},
        {"product": None},
        {"nominal": cny(80)},
        {"nominal": None, "deposit": None},
    ],
)
def test_a_key_of_a_reservation_is_refused_for_another(
    records: Records, exposure: Exposure, other: dict[str, Any]
) -> None:
    opened(records)
    said = {"nominal": cny(100), "deposit": cny(30), "due_on": TODAY + timedelta(days=30)}
    first = reserve(exposure, 70, "k", **said)
    assert reserve(exposure, 70, "k", **said).entry_id == first.entry_id
    with pytest.raises(KeyReused):
        reserve(exposure, 70, "k", **(said | other))


def test_a_key_of_a_refusal_is_refused_for_another_and_tells_the_same_again(
    records: Records, exposure: Exposure
) -> None:
    customer_id = opened(records, by_name=100)
    for _ in range(2):
        with pytest.raises(OverNominal) as over:
            deposited(exposure, 110, "name")
        assert over.value.facts["headroom"] == "CNY 100.00"
        with pytest.raises(ProductRefused) as strange:
            reserve(exposure, 1, "product", product="factoring")
        assert strange.value.facts["product"] == "factoring"
        further(records, customer_id, product=OPEN) if _ == 0 else None
    with pytest.raises(KeyReused):
        reserve(exposure, 1, "product", product="forfaiting")


def test_a_key_of_a_use_in_part_is_refused_for_another_part(
    records: Records, exposure: Exposure
) -> None:
    opened(records)
    held = [reserve(exposure, 100, f"held-{n}", deposit=cny(30)).reservation_id for n in range(3)]
    first, second, third = [each for each in held if each is not None]
    on = {"business_on": TODAY}

    kept = exposure.commit(LINE_ID, first, "c", amount=cny(30), keep_rest=True, **on)
    again = exposure.commit(LINE_ID, first, "c", amount=cny(30), keep_rest=True, **on)
    assert (again.reserved, again.used, again.kept) == (kept.reserved, kept.used, kept.kept)
    with pytest.raises(KeyReused):
        exposure.commit(LINE_ID, first, "c", amount=cny(30), **on)

    parts = exposure.split(LINE_ID, second, [cny(30), cny(70)], "s", **on)
    assert exposure.split(LINE_ID, second, [cny(30), cny(70)], "s", **on).kept == parts.kept
    for other in ([cny(50), cny(50)], [cny(30)]):
        with pytest.raises(KeyReused):
            exposure.split(LINE_ID, second, other, "s", **on)
    with pytest.raises(KeyReused):
        exposure.release(LINE_ID, second, "s", **on)

    exposure.commit(LINE_ID, third, "w", amount=cny(60), **on)
    assert exposure.commit(LINE_ID, third, "w", amount=cny(60), **on).replayed
    with pytest.raises(KeyReused):
        exposure.commit(LINE_ID, third, "w", amount=cny(60), keep_rest=True, **on)


def test_a_key_that_looks_like_ours_is_the_callers_own(
    records: Records, exposure: Exposure
) -> None:
    opened(records)
    taken = reserve(exposure, 10, "b/rest/1", deposit=cny(3))
    held = reserve(exposure, 100, "held", deposit=cny(30)).reservation_id
    assert held is not None
    kept = exposure.commit(LINE_ID, held, "b", business_on=TODAY, amount=cny(30), keep_rest=True)
    again = exposure.commit(LINE_ID, held, "b", business_on=TODAY, amount=cny(30), keep_rest=True)
    assert taken.reservation_id not in again.kept
    assert again.kept == kept.kept


def test_one_reservation_that_cannot_end_keeps_no_other_waiting(
    records: Records, exposure: Exposure, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(records)
    ends_at = datetime.now(UTC) + timedelta(hours=1)
    broken = deposited(exposure, 100, "broken", expires_at=ends_at).reservation_id
    deposited(exposure, 100, "sound", expires_at=ends_at)
    expire = exposure.expire

    def refusing(line_id: str, reservation_id: str, **said: Any) -> Movement:
        if reservation_id == broken:
            raise CheckViolation("the account would be overdrawn")
        return expire(line_id, reservation_id, **said)

    monkeypatch.setattr(exposure, "expire", refusing)
    assert exposure.expire_due(business_on=TODAY, as_of=ends_at) == 1
