"""The book of exposure on the real database: taken once, never beyond, and proven afterwards."""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import TypeVar

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from domain.errors import (
    AmountNotPositive,
    CreditError,
    CurrencyMismatch,
    DrawsOver,
    KeyReused,
    LineExpired,
    LineNotActive,
    LineNotStarted,
    Malformed,
    MalformedAmount,
    MoreThanReserved,
    MoreThanUsed,
    NoLine,
    NotFound,
    OutOfOrder,
    OverLimit,
    ReservationClosed,
    TermsExceeded,
)
from domain.exposure import EntryKind, Fitting, Limit, LimitKind, Movement, Use, UseBounds
from domain.line import LineStatus
from domain.money import Money
from policies.terms import net_days, ranked
from storage.base import Records
from storage.exposure import Accounts, Exposure
from storage.exposure.accounts import entry_id_now
from storage.exposure.proof import DIGEST
from storage.line import Lines
from tests.makers_line import LINE_ID, NOW, TODAY, a_letter, cny, open_line, record_letter
from tests.makers_policy import an_edition

Result = TypeVar("Result")


@pytest.fixture
def exposure(records: Records) -> Iterator[Exposure]:
    opened = Exposure(records, connections_max=40)
    yield opened
    opened.close()


def reserve(exposure: Exposure, amount: str | int, key: str = "k-1", **options: object) -> Movement:
    return exposure.reserve(LINE_ID, cny(amount), key, business_on=TODAY, **options)  # type: ignore[arg-type]


# ── an order's terms ─────────────────────────────────────────────────────────────────────────────


def check_on(exposure: Exposure, days: int | None, key: str | None = None) -> Movement:
    """A check on so many net days, ranked by the standard edition; on no terms without days."""
    terms = None if days is None else ranked(net_days(days), an_edition())
    return exposure.check("customer-1", cny(100), key, business_on=TODAY, terms=terms)


def test_terms_that_rank_worse_than_the_approved_ones_are_refused_with_both(
    records: Records, exposure: Exposure
) -> None:
    # 30 days from the invoice are 40 with the ten until it: rank 2, as are 50, and 51 are not.
    open_line(records, limit=cny(1000), terms_days=40)

    for key in (None, "k-1"):
        assert check_on(exposure, 50, key and f"{key}/50").headroom is not None
        with pytest.raises(TermsExceeded) as refused:
            check_on(exposure, 51, key and f"{key}/51")
        assert refused.value.facts == {
            "line_id": LINE_ID,
            "asked": "net_days:51@invoice",
            "asked_days": "61",
            "asked_rank": "3",
            "approved": "net_days:30@invoice",
            "approved_days": "40",
            "approved_rank": "2",
        }
    assert exposure.balances(LINE_ID)[0].reserved == cny(100)


def test_a_check_without_terms_and_a_line_without_any_refuse_nothing(
    records: Records, exposure: Exposure
) -> None:
    open_line(records, limit=cny(1000), terms_days=10)
    open_line(records, "line-2", customer_id="customer-2", limit=cny(1000))
    terms = ranked(net_days(360), an_edition())

    assert check_on(exposure, None, "k-1").reserved == cny(100)
    taken = exposure.check("customer-2", cny(100), "k-2", business_on=TODAY, terms=terms)
    assert taken.reserved == cny(100)


def test_terms_are_part_of_what_a_key_stands_for(records: Records, exposure: Exposure) -> None:
    open_line(records, limit=cny(1000), terms_days=40)
    first = check_on(exposure, 30, "k-1")

    assert check_on(exposure, 30, "k-1") == first.model_copy(update={"replayed": True})
    for other in (45, None):
        with pytest.raises(KeyReused):
            check_on(exposure, other, "k-1")
    with pytest.raises(TermsExceeded):
        check_on(exposure, 90, "k-2")
    with pytest.raises(TermsExceeded):
        check_on(exposure, 90, "k-2")
    entries = {entry.kind: entry for entry in exposure.entries(LINE_ID)}
    assert entries[EntryKind.RESERVE].terms == "net_days:30@invoice"
    refusal = entries[EntryKind.REFUSE]
    assert (refusal.terms, refusal.reason) == ("net_days:90@invoice", "terms_exceeded")
    assert exposure.verify().holds


def test_the_release_before_calls_the_book_as_it_did(records: Records) -> None:
    open_line(records, limit=cny(1000), terms_days=1)
    before = f"CALL exposure_reserve({', '.join(['%s'] * 9 + ['NULL'] * 6)})"
    values = (entry_id_now(), LINE_ID, None, "CNY", 100, "k-1", TODAY, None, "orders")
    raw = records.engine.raw_connection()
    try:
        raw.driver_connection.autocommit = True  # type: ignore[union-attr]
        cursor = raw.cursor()
        cursor.execute(before, values)
        answered = cursor.fetchone()
        assert answered is not None
        assert answered[0] == "reserve"
    finally:
        raw.close()


# ── one reservation ──────────────────────────────────────────────────────────────────────────────


def test_a_reservation_takes_from_the_line_and_says_what_is_left(
    records: Records, exposure: Exposure
) -> None:
    open_line(records, limit=cny(1000))

    taken = reserve(exposure, 400)

    assert (taken.reserved, taken.used, taken.headroom) == (cny(400), cny(0), cny(600))
    assert taken.binding == f"line/{LINE_ID}"
    assert not taken.replayed


def test_a_reservation_takes_from_the_group_too_and_the_tighter_account_binds(
    records: Records, exposure: Exposure
) -> None:
    open_line(records, limit=cny(1000), group_id="group-1")
    open_line(records, "line-2", limit=cny(1000), group_id="group-1")
    limit_group(records, Limit.of(cny(1200)))
    exposure.reserve("line-2", cny(900), "other", business_on=TODAY)

    taken = reserve(exposure, 100)

    assert (taken.headroom, taken.binding) == (cny(200), "group/group-1")
    with pytest.raises(OverLimit, match=r"201.00 is more than the headroom of CNY 200.00 on group"):
        reserve(exposure, 201, "k-2")


def test_the_last_cent_can_be_taken_and_not_one_more(records: Records, exposure: Exposure) -> None:
    open_line(records, limit=cny("0.03"))

    assert reserve(exposure, "0.03").headroom == cny(0)
    with pytest.raises(OverLimit):
        reserve(exposure, "0.01", "k-2")


@pytest.mark.parametrize(
    ("amount", "refusal"),
    [
        (cny(0), AmountNotPositive),
        (cny(-1), AmountNotPositive),
        (Money(minor=10**17 + 1, currency="CNY"), MalformedAmount),
        (Money.of(1, "USD"), CurrencyMismatch),
    ],
)
def test_what_is_no_amount_of_the_line_is_refused(
    records: Records, exposure: Exposure, amount: Money, refusal: type[CreditError]
) -> None:
    open_line(records)

    with pytest.raises(refusal):
        exposure.reserve(LINE_ID, amount, "k-1", business_on=TODAY)


@pytest.mark.parametrize(
    ("on", "refusal"),
    [
        (TODAY - timedelta(days=1), LineNotStarted),
        (date(2027, 1, 31), DrawsOver),
        (date(2027, 3, 2), LineExpired),
    ],
)
def test_outside_its_dates_a_line_is_not_used(
    records: Records, exposure: Exposure, on: date, refusal: type[CreditError]
) -> None:
    open_line(records)

    with pytest.raises(refusal):
        exposure.reserve(LINE_ID, cny(1), "k-1", business_on=on)


def test_four_dates_of_a_line_refuse_by_codes_of_their_own_and_repayment_is_always_taken(
    records: Records, exposure: Exposure
) -> None:
    last_draw, ends_on = date(2027, 1, 30), date(2027, 3, 1)
    bounds = UseBounds(fitting=Fitting(tenor_months=12, matures_by=ends_on + timedelta(days=180)))
    open_line(records, limit=cny(1000), bounds=bounds)
    reservation = exposure.reserve(LINE_ID, cny(100), "k-1", business_on=TODAY).reservation_id
    assert reservation is not None
    exposure.commit(LINE_ID, reservation, "k-2", business_on=TODAY)

    codes = []
    for on, due_on in (
        (last_draw, ends_on + timedelta(days=181)),
        (TODAY, date(2027, 3, 3)),
        (last_draw + timedelta(days=1), None),
        (ends_on + timedelta(days=1), None),
    ):
        with pytest.raises(CreditError) as refused:
            exposure.reserve(LINE_ID, cny(1), f"{on}", business_on=on, use=Use(due_on=due_on))
        codes.append(refused.value.code)

    assert codes == ["matures_late", "tenor_exceeded", "draws_over", "line_expired"]
    repaid = exposure.repay(LINE_ID, cny(100), "k-3", business_on=ends_on + timedelta(days=400))
    assert repaid.used == cny(0)


def test_the_first_and_the_last_day_belong_to_the_line(
    records: Records, exposure: Exposure
) -> None:
    open_line(records)

    exposure.reserve(LINE_ID, cny(1), "first", business_on=TODAY)
    exposure.reserve(LINE_ID, cny(1), "last", business_on=date(2027, 1, 30))


def test_an_unknown_line_is_not_found_and_leaves_its_key_free(
    records: Records, exposure: Exposure
) -> None:
    with pytest.raises(NotFound):
        reserve(exposure, 1)
    open_line(records)

    assert not reserve(exposure, 1).replayed


@pytest.mark.parametrize("key", ["", "x" * 301, "a\x00b"])
def test_a_key_that_is_none_is_refused(records: Records, exposure: Exposure, key: str) -> None:
    open_line(records)

    with pytest.raises(Malformed):
        reserve(exposure, 1, key)


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_request_gets_the_first_answer_again(records: Records, exposure: Exposure) -> None:
    open_line(records)
    first = reserve(exposure, 400)
    reserve(exposure, 100, "k-2")

    again = reserve(exposure, 400)

    assert again == first.model_copy(update={"replayed": True})
    assert exposure.balances(LINE_ID)[0].reserved == cny(500)


def test_another_amount_or_line_under_a_used_key_is_refused(
    records: Records, exposure: Exposure
) -> None:
    open_line(records)
    open_line(records, "line-2")
    reserve(exposure, 400)

    with pytest.raises(KeyReused):
        reserve(exposure, 401)
    with pytest.raises(KeyReused):
        exposure.reserve("line-2", cny(400), "k-1", business_on=TODAY)
    with pytest.raises(KeyReused):
        exposure.repay(LINE_ID, cny(400), "k-1", business_on=TODAY)
    assert exposure.verify().holds


def test_a_refusal_stands_under_its_key_even_when_there_is_room_later(
    records: Records, exposure: Exposure
) -> None:
    open_line(records, limit=cny(100))
    held = reserve(exposure, 100)
    with pytest.raises(OverLimit):
        reserve(exposure, 50, "k-2")
    exposure.release(LINE_ID, held.reservation_id or "", "k-3", business_on=TODAY)

    with pytest.raises(OverLimit, match=r"headroom of CNY 0.00"):
        reserve(exposure, 50, "k-2")
    reserve(exposure, 50, "k-4")


def test_fifty_at_once_under_one_key_have_one_effect_and_one_answer(
    records: Records, exposure: Exposure
) -> None:
    open_line(records, limit=cny(1000))

    answers = at_once(50, lambda _: reserve(exposure, 10))

    assert len({answer.entry_id for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    assert exposure.balances(LINE_ID)[0].reserved == cny(10)


def test_fifty_at_once_under_one_key_with_different_amounts_have_one_effect(
    records: Records, exposure: Exposure
) -> None:
    open_line(records, limit=cny(1000))

    outcomes = at_once(50, lambda n: outcome(lambda: reserve(exposure, n % 2 + 1)))

    taken = {each for each in outcomes if each != "key_reused"}
    assert len(taken) == 1
    assert outcomes.count("key_reused") == 25
    assert exposure.verify().holds


def test_one_key_raced_over_several_lines_has_one_effect(
    records: Records, exposure: Exposure
) -> None:
    for n in range(8):
        open_line(records, f"line-{n}", group_id=f"group-{n % 2}")

    outcomes = at_once(
        40,
        lambda n: outcome(
            lambda: exposure.reserve(f"line-{n % 8}", cny(5), "k-1", business_on=TODAY)
        ),
    )

    assert len({each for each in outcomes if each != "key_reused"}) == 1
    assert sum(exposure.balances(f"line-{n}")[0].reserved.minor for n in range(8)) == 500
    assert exposure.verify().holds


def test_the_last_unit_under_one_key_is_given_to_all_who_ask_with_it(
    records: Records, exposure: Exposure
) -> None:
    open_line(records, limit=cny(10))

    answers = at_once(20, lambda _: reserve(exposure, 10))

    assert len({answer.entry_id for answer in answers}) == 1


# ── races ────────────────────────────────────────────────────────────────────────────────────────


def test_a_thousand_at_once_never_pass_the_limit_and_sum_to_what_was_accepted(
    records: Records, exposure: Exposure
) -> None:
    open_line(records, limit=cny(5000), group_id="group-1")
    amounts = [random.Random(7).randint(1, 20) for _ in range(1000)]

    outcomes = at_once(
        1000, lambda n: outcome(lambda: reserve(exposure, amounts[n], f"k-{n}")), threads=32
    )

    accepted = sum(amounts[n] for n, each in enumerate(outcomes) if each != "over_limit")
    line, group = exposure.balances(LINE_ID)
    assert line.reserved == group.reserved == cny(accepted)
    assert cny(accepted) <= cny(5000)
    # As many as fit: whoever was refused last would not have fitted.
    refused = [amounts[n] for n, each in enumerate(outcomes) if each == "over_limit"]
    assert refused
    assert accepted + max(refused) > 5000
    assert exposure.verify().holds


def test_the_last_units_go_to_exactly_as_many_as_there_are(
    records: Records, exposure: Exposure
) -> None:
    """64 ask for the 10 places of a group over lines of it and outside it, in any order."""
    for n in range(4):
        open_line(records, f"line-{n}", limit=cny(100), group_id="group-1")
    limit_group(records, Limit.of(cny(100)), "line-0")

    outcomes = at_once(
        64,
        lambda n: outcome(
            lambda: exposure.reserve(f"line-{n % 4}", cny(10), f"k-{n}", business_on=TODAY)
        ),
    )

    assert sum(each != "over_limit" for each in outcomes) == 10
    assert exposure.balances("line-0")[1].reserved == cny(100)
    assert exposure.verify().holds


def test_takes_and_gives_back_in_any_order_leave_the_book_whole(
    records: Records, exposure: Exposure
) -> None:
    for n in range(3):
        open_line(records, f"line-{n}", limit=cny(300), group_id="group-1")
    limit_group(records, Limit.of(cny(500)), "line-0")

    def life(n: int) -> None:
        chance = random.Random(n)
        for step in range(6):
            line_id, key = f"line-{chance.randrange(3)}", f"{n}-{step}"
            amount = cny(chance.randint(1, 120))
            try:
                held = exposure.reserve(line_id, amount, key, business_on=TODAY)
            except OverLimit:
                continue
            reservation_id = held.reservation_id or ""
            if chance.random() < 0.5:
                exposure.release(line_id, reservation_id, f"{key}-r", business_on=TODAY)
                continue
            half = Money(minor=(amount.minor + 1) // 2, currency="CNY")
            exposure.commit(line_id, reservation_id, f"{key}-c", business_on=TODAY, amount=half)
            exposure.repay(line_id, half, f"{key}-p", business_on=TODAY)

    at_once(16, life)

    proof = exposure.verify()
    assert proof.holds, proof.discrepancies
    assert proof.reservations_open == 0
    assert all(not balance.taken for balance in exposure.balances("line-0"))


def test_one_reservation_is_ended_by_exactly_one_of_many(
    records: Records, exposure: Exposure
) -> None:
    open_line(records)
    held = reserve(exposure, 100)
    reservation_id = held.reservation_id or ""

    def end(n: int) -> Movement:
        if n % 2:
            return exposure.release(LINE_ID, reservation_id, f"r-{n}", business_on=TODAY)
        return exposure.commit(LINE_ID, reservation_id, f"c-{n}", business_on=TODAY)

    outcomes = at_once(20, lambda n: outcome(lambda: end(n)))

    assert sum(each != "reservation_closed" for each in outcomes) == 1
    assert exposure.verify().holds


# ── ending a reservation ─────────────────────────────────────────────────────────────────────────


def test_a_commit_for_less_returns_the_rest(records: Records, exposure: Exposure) -> None:
    open_line(records, limit=cny(1000))
    held = reserve(exposure, 400)

    used = exposure.commit(
        LINE_ID, held.reservation_id or "", "c-1", business_on=TODAY, amount=cny(150)
    )

    assert (used.amount, used.reserved, used.used) == (cny(150), cny(0), cny(150))
    assert used.headroom == cny(850)


def test_a_commit_without_an_amount_is_for_all(records: Records, exposure: Exposure) -> None:
    open_line(records)
    held = reserve(exposure, 400)

    used = exposure.commit(LINE_ID, held.reservation_id or "", "c-1", business_on=TODAY)

    assert used.amount == cny(400)
    again = exposure.commit(LINE_ID, held.reservation_id or "", "c-1", business_on=TODAY)
    assert again == used.model_copy(update={"replayed": True})


def test_more_than_was_reserved_cannot_be_committed(records: Records, exposure: Exposure) -> None:
    open_line(records)
    held = reserve(exposure, 400)

    with pytest.raises(MoreThanReserved):
        exposure.commit(
            LINE_ID, held.reservation_id or "", "c-1", business_on=TODAY, amount=cny("400.01")
        )


def test_a_reservation_ends_once(records: Records, exposure: Exposure) -> None:
    open_line(records)
    reservation_id = reserve(exposure, 400).reservation_id or ""
    exposure.release(LINE_ID, reservation_id, "r-1", business_on=TODAY)

    with pytest.raises(ReservationClosed, match="released"):
        exposure.commit(LINE_ID, reservation_id, "c-1", business_on=TODAY)
    with pytest.raises(ReservationClosed):
        exposure.release(LINE_ID, reservation_id, "r-2", business_on=TODAY)


def test_a_reservation_of_another_line_is_not_found(records: Records, exposure: Exposure) -> None:
    open_line(records)
    open_line(records, "line-2")
    reservation_id = reserve(exposure, 400).reservation_id or ""

    with pytest.raises(NotFound):
        exposure.release("line-2", reservation_id, "r-1", business_on=TODAY)


def test_no_more_is_repaid_than_is_used(records: Records, exposure: Exposure) -> None:
    open_line(records)
    held = reserve(exposure, 400)
    exposure.commit(LINE_ID, held.reservation_id or "", "c-1", business_on=TODAY)

    with pytest.raises(MoreThanUsed):
        exposure.repay(LINE_ID, cny(401), "p-1", business_on=TODAY)
    assert exposure.repay(LINE_ID, cny(400), "p-1", business_on=TODAY).used == cny(0)


def test_reservations_expire_when_their_time_is_over_and_not_before(
    records: Records, exposure: Exposure
) -> None:
    open_line(records)
    soon = reserve(exposure, 1, "soon", expires_at=NOW + timedelta(hours=1))
    reserve(exposure, 2, "later", expires_at=NOW + timedelta(days=40))
    reserve(exposure, 4, "never")

    with pytest.raises(OutOfOrder):
        exposure.expire(LINE_ID, soon.reservation_id or "", business_on=TODAY, as_of=NOW)
    as_of = NOW + timedelta(hours=1)
    assert exposure.expire_due(business_on=TODAY, as_of=as_of) == 1
    assert exposure.expire_due(business_on=TODAY, as_of=as_of) == 0
    assert exposure.expire_due(business_on=TODAY, as_of=NOW + timedelta(days=41)) == 1
    assert [each.amount for each in exposure.open_reservations(LINE_ID)] == [cny(4)]
    assert exposure.verify().holds


# ── standing ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "may_commit"),
    [
        (LineStatus.FROZEN, True),
        (LineStatus.COLLECT_ONLY, False),
        (LineStatus.EXPIRED, False),
        (LineStatus.TERMINATED, False),
    ],
)
def test_a_line_that_is_stopped_takes_nothing_new_and_always_takes_back(
    records: Records, exposure: Exposure, status: LineStatus, may_commit: bool
) -> None:
    open_line(records)
    used = reserve(exposure, 100, "k-1").reservation_id or ""
    exposure.commit(LINE_ID, used, "c-1", business_on=TODAY)
    held = reserve(exposure, 100, "k-2").reservation_id or ""
    other = reserve(exposure, 100, "k-3").reservation_id or ""
    with records.begin() as session:
        line = Lines(session).read(LINE_ID, for_update=True)
        Lines(session).write(line.model_copy(update={"status": status}))

    with pytest.raises(LineNotActive, match=status):
        reserve(exposure, 1, "k-4")
    if may_commit:
        exposure.commit(LINE_ID, held, "c-2", business_on=TODAY)
    else:
        with pytest.raises(LineNotActive):
            exposure.commit(LINE_ID, held, "c-2", business_on=TODAY)
    exposure.release(LINE_ID, other, "r-1", business_on=TODAY)
    exposure.repay(LINE_ID, cny(100), "p-1", business_on=TODAY)
    assert exposure.verify().holds


# ── checks ───────────────────────────────────────────────────────────────────────────────────────


def test_a_check_without_a_key_answers_and_takes_nothing(
    records: Records, exposure: Exposure
) -> None:
    open_line(records, limit=cny(100))

    answer = exposure.check("customer-1", cny(60), business_on=TODAY)

    assert (answer.entry_id, answer.headroom) == (None, cny(100))
    with pytest.raises(OverLimit):
        exposure.check("customer-1", cny(101), business_on=TODAY)
    assert not exposure.balances(LINE_ID)[0].taken


def test_a_check_with_a_key_reserves_on_the_customers_line_in_that_currency(
    records: Records, exposure: Exposure
) -> None:
    open_line(records, limit=cny(100))
    open_line(records, "line-usd", limit=Money.of(100, "USD"))

    taken = exposure.check("customer-1", Money.of(60, "USD"), "k-1", business_on=TODAY)

    assert taken.line_id == "line-usd"
    assert exposure.check("customer-1", Money.of(60, "USD"), "k-1", business_on=TODAY).replayed
    with pytest.raises(KeyReused):
        exposure.check("customer-2", Money.of(60, "USD"), "k-1", business_on=TODAY)


def test_a_customer_without_a_line_in_the_currency_is_told_so(
    records: Records, exposure: Exposure
) -> None:
    open_line(records)

    with pytest.raises(NoLine):
        exposure.check("customer-1", Money.of(1, "USD"), "k-1", business_on=TODAY)
    with pytest.raises(NoLine):
        exposure.check("customer-2", cny(1), business_on=TODAY)


def test_a_check_prefers_the_line_that_may_be_used(records: Records, exposure: Exposure) -> None:
    open_line(records, "line-a")
    open_line(records, "line-b")
    with records.begin() as session:
        Lines(session).freeze("line-a", reason="warning:x", message_id="m-1", at=NOW)

    assert exposure.check("customer-1", cny(1), "k-1", business_on=TODAY).line_id == "line-b"


# ── limits ───────────────────────────────────────────────────────────────────────────────────────


def test_a_limit_cut_below_use_leaves_no_headroom_and_nothing_negative(
    records: Records, exposure: Exposure
) -> None:
    open_line(records, limit=cny(1000))
    held = reserve(exposure, 800).reservation_id or ""
    exposure.commit(LINE_ID, held, "c-1", business_on=TODAY)
    limit_line(records, Limit.of(cny(500)))

    balance = exposure.balances(LINE_ID)[0]
    assert (balance.headroom, balance.excess) == (cny(0), cny(300))
    with pytest.raises(OverLimit, match=r"headroom of CNY 0.00"):
        reserve(exposure, "0.01", "k-2")
    exposure.repay(LINE_ID, cny(400), "p-1", business_on=TODAY)
    assert exposure.balances(LINE_ID)[0].headroom == cny(100)
    reserve(exposure, 100, "k-3")
    assert exposure.verify().holds


def test_what_melted_below_a_cut_limit_cannot_be_taken_again_above_it(
    records: Records, exposure: Exposure
) -> None:
    open_line(records, limit=cny(1000))
    first, second = (reserve(exposure, 400, key).reservation_id or "" for key in ("k-1", "k-2"))
    limit_line(records, Limit.of(cny(500)))
    exposure.release(LINE_ID, first, "r-1", business_on=TODAY)

    with pytest.raises(OverLimit):
        reserve(exposure, "100.01", "k-3")
    exposure.commit(LINE_ID, second, "c-1", business_on=TODAY)
    assert exposure.verify().holds


def test_zero_none_and_unlimited_are_three_things(records: Records, exposure: Exposure) -> None:
    open_line(records, limit=cny(1000))
    for n, limit in enumerate((Limit.of(cny(0)), Limit.none())):
        limit_line(records, limit, n)
        with pytest.raises(OverLimit):
            reserve(exposure, "0.01", f"refused-{n}")
    limit_line(records, Limit.unlimited(), 9)

    taken = reserve(exposure, 10**9, "k-1")

    assert (taken.headroom, taken.binding) == (None, None)
    kinds = [entry.limit.kind for entry in exposure.entries(LINE_ID) if entry.limit is not None]
    assert kinds == [
        LimitKind.UNLIMITED,
        LimitKind.NONE,
        LimitKind.AMOUNT,
        LimitKind.AMOUNT,
    ]
    assert exposure.verify().holds


def test_a_limit_is_put_in_force_once_per_key(records: Records, exposure: Exposure) -> None:
    open_line(records, limit=cny(1000))
    limit_line(records, Limit.of(cny(500)))
    limit_line(records, Limit.of(cny(500)), recorded=True)

    assert [entry.kind for entry in exposure.entries(LINE_ID)] == [
        EntryKind.LIMIT,
        EntryKind.OPENING,
    ]
    with pytest.raises(KeyReused):
        limit_line(records, Limit.of(cny(600)), recorded=True)


def test_a_limit_that_is_decided_twice_in_one_transaction_is_the_later_one(
    records: Records, exposure: Exposure
) -> None:
    open_line(records, limit=cny(1000))
    for letter_no in ("PF-1", "PF-2"):
        record_letter(records, a_letter(letter_no))
    with records.begin() as session:
        for letter_no, amount in (("PF-1", 300), ("PF-2", 700)):
            Accounts(session).set_limit(
                LINE_ID,
                Limit.of(cny(amount)),
                decision_id=letter_no,
                key=letter_no,
                business_on=TODAY,
            )

    assert exposure.balances(LINE_ID)[0].limit == Limit.of(cny(700))
    assert exposure.verify().holds


# ── guards of the database ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE exposure_entry SET amount_minor = 1",
        "DELETE FROM exposure_entry",
        "TRUNCATE exposure_entry",
        "DELETE FROM exposure_account",
        "UPDATE exposure_account SET limit_minor = limit_minor + 1",
        "UPDATE exposure_account SET limit_minor = 0, decision_id = 'nobody'",
        "UPDATE exposure_account SET limit_kind = 'unlimited', limit_minor = 0",
        "UPDATE exposure_account SET decision_id = NULL",
        "UPDATE exposure_account SET reserved_minor = limit_minor + 1",
        "UPDATE exposure_account SET used_minor = -1",
    ],
)
def test_the_database_refuses_what_no_procedure_does(
    records: Records, exposure: Exposure, statement: str
) -> None:
    open_line(records)
    reserve(exposure, 1)

    with pytest.raises(DBAPIError), records.begin() as session:
        session.execute(text(statement))
    assert exposure.verify().holds


def test_the_proof_reads_a_digest_in_the_words_of_the_database(
    records: Records, exposure: Exposure
) -> None:
    """Three say it: the function, the trigger that seals, and the proof."""
    open_line(records)
    reserve(exposure, 5, "k-1", expires_at=NOW, use=Use(due_on=TODAY))
    with pytest.raises(OverLimit):
        reserve(exposure, 10_000_000, "k-2")
    with records.begin() as session:
        unlike = f"SELECT count(*), count(*) FILTER (WHERE e.digest = exposure_digest(e) AND e.digest = {DIGEST})"
        counts = session.execute(text(f"{unlike} FROM exposure_entry e")).one()
    assert counts[0] == counts[1] >= 3


@pytest.mark.parametrize(
    ("tampering", "rule"),
    [
        (
            "UPDATE exposure_account SET used_minor = used_minor - 1 WHERE kind = 'line'",
            "the balance is not the sum of its entries",
        ),
        (
            "UPDATE exposure_account SET entries = entries + 1 WHERE kind = 'line'",
            "entries are missing at the end",
        ),
        (
            "DELETE FROM exposure_entry WHERE key = 'k-1'",
            "an entry is missing or doubled",
        ),
        (
            "UPDATE exposure_entry SET amount_minor = 150000, reserved_minor = 150000,"
            " reserved_after = 150000 WHERE key = 'k-1'",
            "over the limit",
        ),
        (
            "UPDATE exposure_entry SET used_after = 1 WHERE key = 'k-1'",
            "the entry misstates its balance",
        ),
        (
            "UPDATE exposure_entry SET amount_minor = 100, used_minor = 100, reserved_minor = -100"
            " WHERE key = 'c-1'",
            "an ending does not give back what was reserved",
        ),
        (
            "UPDATE exposure_account SET status = 'frozen' WHERE kind = 'line'",
            "the account does not say what its line says",
        ),
    ],
)
def test_the_proof_names_what_was_tampered_with(
    records: Records, exposure: Exposure, tampering: str, rule: str
) -> None:
    open_line(records, limit=cny(1000), group_id="group-1")
    held = reserve(exposure, 400, "k-1").reservation_id or ""
    exposure.commit(LINE_ID, held, "c-1", business_on=TODAY, amount=cny(150))
    assert exposure.verify().holds
    with records.begin() as session:
        session.execute(text("ALTER TABLE exposure_entry DISABLE TRIGGER USER"))
        session.execute(text(tampering))

    proof = exposure.verify()

    assert not proof.holds
    assert rule in {each.rule for each in proof.discrepancies}


# ── what the tests are made of ───────────────────────────────────────────────────────────────────


def limit_line(records: Records, limit: Limit, n: int = 0, *, recorded: bool = False) -> None:
    letter_no = f"PF-change-{n}"
    if not recorded:
        record_letter(records, a_letter(letter_no))
    with records.begin() as session:
        Accounts(session).set_limit(
            LINE_ID, limit, decision_id=letter_no, key=f"{letter_no}/limit", business_on=TODAY
        )


def limit_group(records: Records, limit: Limit, line_id: str = LINE_ID) -> None:
    with records.begin() as session:
        Accounts(session).set_limit(
            "group-1",
            limit,
            decision_id=f"PF-{line_id}",
            key="group-1/limit",
            business_on=TODAY,
            kind="group",
            currency="CNY",
        )


def outcome(movement: Callable[[], Movement]) -> str:
    """The entry it made, or the code of its refusal."""
    try:
        return movement().entry_id or ""
    except CreditError as refusal:
        return refusal.code


def at_once(count: int, act: Callable[[int], Result], threads: int | None = None) -> list[Result]:
    """Everybody acts, the first ones from one barrier."""
    waiting = threads or count
    barrier = threading.Barrier(waiting)

    def start(n: int) -> Result:
        if n < waiting:
            barrier.wait(30)
        return act(n)

    with ThreadPoolExecutor(waiting) as pool:
        return list(pool.map(start, range(count)))
