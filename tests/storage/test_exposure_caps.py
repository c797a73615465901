"""Caps on the real database: lines of one customer, and of one group, under what they may come to."""

import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from domain.customer import CustomerGroup
from domain.errors import CreditError, MergeBuiltOn, OverLimit
from domain.exposure import Balance, Limit
from domain.merge import MergeStatus
from domain.money import Money
from storage.base import Records
from storage.customer import Customers
from storage.exposure import Accounts, Exposure
from storage.operations import UnderWay
from tests.makers_line import TODAY, a_letter, cny, open_line, record_letter
from tests.storage.test_exposure import at_once, outcome
from tests.storage.test_merge import decide, known, merged, propose, take_back

A, B = "line-a", "line-b"


@pytest.fixture
def exposure(records: Records) -> Iterator[Exposure]:
    opened = Exposure(records, connections_max=40)
    yield opened
    opened.close()


@pytest.fixture
def two(records: Records) -> Records:
    """A customer with two lines of a thousand each."""
    for line_id in (A, B):
        open_line(records, line_id, limit=cny(1000))
    return records


def cap(
    records: Records, limit: Limit, n: int = 0, customer_id: str = "customer-1", **at: str
) -> None:
    """A cap as a decision puts it on the account, each under a letter of its own."""
    letter_no = f"PF-cap-{customer_id}-{n}"
    record_letter(records, a_letter(letter_no, customer_id=customer_id))
    with records.begin() as session:
        Accounts(session).set_customer_cap(
            customer_id,
            at.get("currency", "CNY"),
            limit,
            decision_id=letter_no,
            business_on=TODAY,
        )


def cap_group(records: Records, limit: Limit, n: int = 0, group_id: str = "group-1") -> None:
    letter_no = f"PF-cap-{group_id}-{n}"
    record_letter(records, a_letter(letter_no))
    with records.begin() as session:
        Accounts(session).set_group_cap(
            group_id, "CNY", limit, decision_id=letter_no, business_on=TODAY
        )


def take(exposure: Exposure, line_id: str, amount: int | str, key: str) -> Any:
    return exposure.reserve(line_id, cny(amount), key, business_on=TODAY)


def use(exposure: Exposure, line_id: str, amount: int, key: str) -> None:
    taken = take(exposure, line_id, amount, key)
    exposure.commit(line_id, taken.reservation_id, f"{key}/c", business_on=TODAY)


def stands(exposure: Exposure, line_id: str, kind: str) -> Balance:
    return next(each for each in exposure.balances(line_id) if each.account.startswith(f"{kind}/"))


def grouped(records: Records, customer_id: str, group_id: str | None) -> None:
    """The customer says it belongs to another group now."""
    with records.begin() as session:
        customers = Customers(session)
        if group_id is not None:
            customers.record_group(CustomerGroup(group_id=group_id, name=group_id))
        found = customers.read(customer_id)
        customers.update(
            found.model_copy(update={"group_id": group_id}),
            business_on=TODAY,
            source="a test",
            recorded_by="m",
        )


# ── one customer ─────────────────────────────────────────────────────────────────────────────────


def test_two_lines_filled_at_once_never_pass_the_cap(two: Records, exposure: Exposure) -> None:
    cap(two, Limit.of(cny(1200)))
    amounts = [random.Random(11).randint(1, 20) for _ in range(600)]

    outcomes = at_once(
        600,
        lambda n: outcome(lambda: take(exposure, (A, B)[n % 2], amounts[n], f"k-{n}")),
        threads=32,
    )

    accepted = sum(amounts[n] for n, each in enumerate(outcomes) if each != "over_limit")
    refused = [amounts[n] for n, each in enumerate(outcomes) if each == "over_limit"]
    assert accepted <= 1200
    assert refused
    assert accepted + max(refused) > 1200
    assert stands(exposure, A, "customer").reserved == cny(accepted)
    assert stands(exposure, A, "customer") == stands(exposure, B, "customer")
    assert exposure.verify().holds


def test_the_answer_names_the_account_that_binds(two: Records, exposure: Exposure) -> None:
    cap(two, Limit.of(cny(1200)))

    assert take(exposure, A, 100, "k-1").binding == f"line/{A}"
    first = take(exposure, B, 500, "k-2")
    assert (first.headroom, first.binding) == (cny(500), f"line/{B}")
    taken = take(exposure, A, 150, "k-3")
    assert (taken.headroom, taken.binding) == (cny(450), "customer/customer-1")
    with pytest.raises(OverLimit, match=r"headroom of CNY 450.00 on customer/customer-1"):
        take(exposure, A, 451, "k-4")
    with pytest.raises(OverLimit, match=r"on customer/customer-1"):
        exposure.check("customer-1", cny(451), business_on=TODAY)
    given = exposure.release(B, first.reservation_id or "", "r-1", business_on=TODAY)
    assert (given.headroom, given.binding) == (cny(950), "customer/customer-1")


@pytest.mark.parametrize(
    ("of_line", "of_customer", "of_group", "headroom", "binding"),
    [
        (Limit.of(cny(50)), Limit.of(cny(40)), Limit.of(cny(30)), 30, "group/group-1"),
        (Limit.of(cny(50)), Limit.of(cny(30)), Limit.of(cny(40)), 30, "customer/customer-1"),
        (Limit.of(cny(30)), Limit.of(cny(40)), Limit.of(cny(50)), 30, f"line/{A}"),
        (Limit.of(cny(30)), Limit.of(cny(30)), Limit.of(cny(30)), 30, f"line/{A}"),
        (Limit.unlimited(), Limit.of(cny(30)), Limit.of(cny(30)), 30, "customer/customer-1"),
        (Limit.unlimited(), Limit.unlimited(), Limit.of(cny(30)), 30, "group/group-1"),
        (Limit.unlimited(), Limit.unlimited(), Limit.unlimited(), None, None),
        (Limit.of(cny(50)), Limit.of(cny(0)), Limit.unlimited(), 0, "customer/customer-1"),
        (Limit.of(cny(50)), Limit.none(), Limit.unlimited(), 0, "customer/customer-1"),
        (Limit.unlimited(), Limit.unlimited(), Limit.none(), 0, "group/group-1"),
        (Limit.none(), Limit.unlimited(), Limit.unlimited(), 0, f"line/{A}"),
    ],
)
def test_the_least_of_the_chain_counts_and_zero_none_and_unlimited_are_three_things(
    records: Records,
    exposure: Exposure,
    of_line: Limit,
    of_customer: Limit,
    of_group: Limit,
    headroom: int | None,
    binding: str | None,
) -> None:
    open_line(records, A, limit=cny(1000), group_id="group-1")
    cap(records, of_customer)
    cap_group(records, of_group)
    record_letter(records, a_letter("PF-limit"))
    with records.begin() as session:
        Accounts(session).set_limit(
            A, of_line, decision_id="PF-limit", key="limit", business_on=TODAY
        )
    left = None if headroom is None else cny(headroom)

    if headroom == 0:
        with pytest.raises(OverLimit, match=rf"CNY 0.00 on {binding}"):
            take(exposure, A, "0.01", "k-1")
        return
    taken = exposure.check("customer-1", cny(1), business_on=TODAY)
    assert (taken.headroom, taken.binding) == (left, binding)
    done = take(exposure, A, 1, "k-1")
    assert done.binding == binding
    assert done.headroom == (None if left is None else left - cny(1))


def test_a_first_cap_starts_with_what_the_lines_hold_and_what_is_above_it_melts(
    two: Records, exposure: Exposure
) -> None:
    use(exposure, A, 700, "u-1")
    take(exposure, B, 200, "k-1")
    use(exposure, B, 100, "u-2")
    before = exposure.balances(A)[0], exposure.balances(B)[0]

    cap(two, Limit.of(cny(600)))

    assert (exposure.balances(A)[0], exposure.balances(B)[0]) == before
    customer = stands(exposure, A, "customer")
    assert (customer.reserved, customer.used, customer.excess) == (cny(200), cny(800), cny(400))
    with pytest.raises(OverLimit, match=r"CNY 0.00 on customer/customer-1"):
        take(exposure, A, "0.01", "k-2")
    exposure.repay(A, cny(500), "p-1", business_on=TODAY)
    taken = take(exposure, B, 100, "k-3")
    assert (taken.headroom, taken.binding) == (cny(0), "customer/customer-1")
    assert exposure.verify().holds


def test_a_first_cap_while_orders_run_leaves_the_book_whole(
    two: Records, exposure: Exposure
) -> None:
    def life(n: int) -> None:
        chance = random.Random(n)
        if n % 5 == 0:
            cap(two, Limit.of(cny(chance.randint(200, 2000))), n)
        for step in range(8):
            line_id, key = chance.choice((A, B)), f"{n}-{step}"
            amount = cny(chance.randint(1, 90))
            try:
                held = exposure.reserve(line_id, amount, key, business_on=TODAY)
            except OverLimit:
                continue
            reservation_id = held.reservation_id or ""
            if chance.random() < 0.5:
                exposure.release(line_id, reservation_id, f"{key}-r", business_on=TODAY)
                continue
            exposure.commit(line_id, reservation_id, f"{key}-c", business_on=TODAY)
            exposure.repay(line_id, amount, f"{key}-p", business_on=TODAY)

    at_once(15, life)

    proof = exposure.verify()
    assert proof.holds, proof.discrepancies
    assert not stands(exposure, A, "customer").taken


def test_caps_and_new_lines_at_once_leave_no_line_outside(
    records: Records, exposure: Exposure
) -> None:
    def act(n: int) -> None:
        if n % 4 == 0:
            cap(records, Limit.of(cny(500)), n)
        else:
            open_line(records, f"line-{n}", limit=cny(1000))

    at_once(12, act)

    for n in range(12):
        if n % 4:
            assert stands(exposure, f"line-{n}", "customer").limit == Limit.of(cny(500))


def test_a_later_line_opens_under_the_cap_and_one_of_another_currency_does_not(
    two: Records, exposure: Exposure
) -> None:
    cap(two, Limit.of(cny(300)))
    open_line(two, "line-c", limit=cny(1000))
    open_line(two, "line-usd", limit=Money.of(1000, "USD"))
    take(exposure, A, 250, "k-1")

    with pytest.raises(OverLimit, match=r"CNY 50.00 on customer/customer-1"):
        take(exposure, "line-c", 51, "k-2")
    assert [each.account for each in exposure.balances("line-usd")] == ["line/line-usd"]


def test_a_customer_without_a_cap_has_no_account_and_no_entry_of_one(
    two: Records, exposure: Exposure
) -> None:
    take(exposure, A, 10, "k-1")

    with two.begin() as session:
        kinds = session.execute(
            text(
                "SELECT count(*) FILTER (WHERE a.kind = 'customer'), count(e.customer_no)"
                " FROM exposure_account a LEFT JOIN exposure_entry e USING (account_no)"
            )
        ).one()
    assert tuple(kinds) == (0, 0)


def test_a_cap_that_is_taken_away_limits_nothing_and_may_be_set_again(
    two: Records, exposure: Exposure
) -> None:
    cap(two, Limit.of(cny(10)))
    cap(two, Limit.unlimited(), 1)
    take(exposure, A, 900, "k-1")
    cap(two, Limit.of(cny(950)), 2)

    with pytest.raises(OverLimit, match=r"CNY 50.00 on customer/customer-1"):
        take(exposure, B, 51, "k-2")
    assert exposure.verify().holds


# ── a group ──────────────────────────────────────────────────────────────────────────────────────


def test_members_filled_at_once_never_pass_the_groups_cap(
    records: Records, exposure: Exposure
) -> None:
    for n in range(4):
        customer_id = f"customer-{n}"
        open_line(
            records, f"line-{n}", limit=cny(1000), customer_id=customer_id, group_id="group-1"
        )
        cap(records, Limit.of(cny(400)), customer_id=customer_id)
    cap_group(records, Limit.of(cny(1000)))

    outcomes = at_once(
        400,
        lambda n: outcome(lambda: take(exposure, f"line-{n % 4}", 7, f"k-{n}")),
        threads=32,
    )

    taken = 7 * sum(each != "over_limit" for each in outcomes)
    assert taken == 994  # as many sevens as go into a thousand
    assert stands(exposure, "line-0", "group").reserved == cny(994)
    assert exposure.verify().holds


def test_a_customer_that_joins_or_leaves_a_group_takes_its_exposure_along(
    records: Records, exposure: Exposure
) -> None:
    known(records, "c-1")
    known(records, "c-2")
    grouped(records, "c-1", "group-1")
    open_line(records, A, limit=cny(1000), customer_id="c-1", group_id="group-1")
    open_line(records, B, limit=cny(1000), customer_id="c-2")
    use(exposure, A, 300, "u-1")
    use(exposure, B, 500, "u-2")
    take(exposure, B, 50, "k-1")
    cap_group(records, Limit.of(cny(400)))
    assert stands(exposure, A, "group").headroom == cny(100)

    grouped(records, "c-2", "group-1")

    group = stands(exposure, A, "group")
    assert (group.used, group.reserved, group.excess) == (cny(800), cny(50), cny(450))
    with pytest.raises(OverLimit, match=r"CNY 0.00 on group/group-1"):
        take(exposure, A, 1, "k-2")

    grouped(records, "c-2", "group-2")

    assert stands(exposure, A, "group").used == cny(300)
    assert stands(exposure, B, "group").account == "group/group-2"
    assert stands(exposure, B, "group").used == cny(500)
    grouped(records, "c-2", None)
    assert [each.account for each in exposure.balances(B)] == [f"line/{B}"]
    exposure.release(B, held(exposure, B), "r-1", business_on=TODAY)
    assert exposure.verify().holds


def held(exposure: Exposure, line_id: str) -> str:
    [reservation] = exposure.open_reservations(line_id)
    return reservation.reservation_id


def test_a_customer_that_changes_its_group_while_orders_run_leaves_the_book_whole(
    records: Records, exposure: Exposure
) -> None:
    for customer_id, line_id in (("c-1", A), ("c-2", B)):
        known(records, customer_id)
        grouped(records, customer_id, "group-1")
        open_line(records, line_id, limit=cny(1000), customer_id=customer_id, group_id="group-1")
        cap(records, Limit.of(cny(900)), customer_id=customer_id)

    def life(n: int) -> None:
        chance = random.Random(n)
        for step in range(8):
            key = f"{n}-{step}"
            if n == 0:
                grouped(records, "c-1", chance.choice(("group-1", "group-2", None)))
            elif n == 1:
                cap_group(records, Limit.of(cny(chance.randint(100, 1500))), step)
            elif n == 2:
                cap_group(records, Limit.of(cny(chance.randint(100, 1500))), step, "group-2")
            else:
                line_id, amount = chance.choice((A, B)), cny(chance.randint(1, 90))
                try:
                    taken = exposure.reserve(line_id, amount, key, business_on=TODAY)
                except OverLimit:
                    continue
                exposure.release(line_id, taken.reservation_id or "", f"{key}-r", business_on=TODAY)

    at_once(12, life)

    proof = exposure.verify()
    assert proof.holds, proof.discrepancies
    assert all(not each.taken for line_id in (A, B) for each in exposure.balances(line_id))


def test_a_line_that_an_earlier_release_left_outside_comes_under_with_the_groups_cap(
    records: Records, exposure: Exposure
) -> None:
    known(records, "c-1")
    grouped(records, "c-1", "group-1")
    open_line(records, A, limit=cny(1000), customer_id="c-1")  # before it knew of the group
    take(exposure, A, 30, "k-1")

    cap_group(records, Limit.of(cny(70)))

    assert stands(exposure, A, "group").reserved == cny(30)
    with pytest.raises(OverLimit, match=r"CNY 40.00 on group/group-1"):
        take(exposure, A, 41, "k-2")
    assert exposure.verify().holds


def test_a_group_may_have_its_cap_before_it_has_a_line(
    records: Records, exposure: Exposure
) -> None:
    cap_group(records, Limit.of(cny(70)))
    open_line(records, A, limit=cny(1000), group_id="group-1")

    assert take(exposure, A, 20, "k-1").binding == "group/group-1"


# ── records of one customer ──────────────────────────────────────────────────────────────────────


@pytest.fixture
def pair(records: Records) -> Records:
    for customer_id, line_id in (("a", A), ("b", B)):
        known(records, customer_id)
        open_line(records, line_id, limit=cny(1000), customer_id=customer_id)
    return records


@pytest.mark.parametrize("capped", ["a", "b"])
def test_a_cap_of_one_record_counts_for_both_once_they_are_one(
    pair: Records, exposure: Exposure, capped: str
) -> None:
    take(exposure, A, 100, "k-1")
    take(exposure, B, 150, "k-2")
    cap(pair, Limit.of(cny(300)), customer_id=capped)

    merge = merged(pair, "a", "b")

    assert merge.status is MergeStatus.CONFIRMED
    for line_id in (A, B):
        assert stands(exposure, line_id, "customer").reserved == cny(250)
        with pytest.raises(OverLimit, match=rf"CNY 50.00 on customer/{capped}"):
            take(exposure, line_id, 51, f"{line_id}-over")
    open_line(pair, "line-c", limit=cny(1000), customer_id="b")
    assert stands(exposure, "line-c", "customer").account == f"customer/{capped}"
    assert exposure.verify().holds


def test_of_two_caps_the_tighter_counts_until_one_is_decided_on_the_customer(
    pair: Records, exposure: Exposure
) -> None:
    cap(pair, Limit.of(cny(300)), customer_id="a")
    cap(pair, Limit.of(cny(200)), customer_id="b")
    merged(pair, "a", "b")
    assert stands(exposure, A, "customer").limit == Limit.of(cny(200))

    cap(pair, Limit.of(cny(800)), 1, customer_id="a")

    take(exposure, A, 500, "k-1")
    with pytest.raises(OverLimit, match=r"CNY 300.00 on customer/"):
        take(exposure, B, 301, "k-2")
    assert exposure.verify().holds


def test_records_told_apart_have_the_caps_they_had(pair: Records, exposure: Exposure) -> None:
    take(exposure, A, 100, "k-1")
    take(exposure, B, 150, "k-2")
    cap(pair, Limit.of(cny(300)), customer_id="a")
    merge = merged(pair, "a", "b")

    take_back(pair, merge)

    assert stands(exposure, A, "customer").reserved == cny(100)
    assert [each.account for each in exposure.balances(B)] == [f"line/{B}"]
    assert exposure.verify().holds


def test_a_merge_is_not_taken_back_over_a_cap_decided_on_both(pair: Records) -> None:
    merge = merged(pair, "a", "b")
    cap(pair, Limit.of(cny(300)), customer_id="b")

    with pytest.raises(MergeBuiltOn, match="letter"):
        take_back(pair, merge)


def test_a_cap_and_a_merge_at_once_leave_both_lines_under_it(
    pair: Records, exposure: Exposure
) -> None:
    proposal = propose(pair, "a", "b")
    take(exposure, A, 100, "k-1")
    errors: list[Exception] = []

    def confirm() -> None:
        try:
            decide(pair, proposal)
        except CreditError as refusal:
            errors.append(refusal)

    threads = [
        threading.Thread(target=confirm),
        threading.Thread(target=cap, args=(pair, Limit.of(cny(300)), 0, "a")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not errors
    for line_id in (A, B):
        assert stands(exposure, line_id, "customer").reserved == cny(100)
    assert exposure.verify().holds


# ── guards of the database and the proof ─────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE exposure_account SET limit_minor = 9 WHERE kind = 'customer'",
        "UPDATE exposure_account SET limit_kind = 'unlimited', limit_minor = 0"
        " WHERE kind = 'customer'",
        "UPDATE exposure_account SET reserved_minor = limit_minor + 1 WHERE kind = 'customer'",
        "DELETE FROM exposure_account WHERE kind = 'customer'",
    ],
)
def test_the_database_lets_nobody_change_a_cap_without_its_decision(
    two: Records, exposure: Exposure, statement: str
) -> None:
    cap(two, Limit.of(cny(300)))

    with pytest.raises(DBAPIError), two.begin() as session:
        session.execute(text(statement))
    assert exposure.verify().holds


@pytest.mark.parametrize(
    ("tampering", "rule"),
    [
        (
            "UPDATE exposure_account SET used_minor = used_minor + 1 WHERE kind = 'customer'",
            "the balance is not the sum of its entries",
        ),
        (
            "UPDATE exposure_account SET customer_no = NULL WHERE kind = 'line'",
            "the balance is not the sum of its lines",
        ),
        (
            "UPDATE exposure_entry SET reserved_minor = 0, amount_minor = 0 WHERE kind = 'join'",
            "the balance is not the sum of its entries",
        ),
        (
            "UPDATE exposure_entry SET reason = NULL WHERE kind = 'join'",
            "the entry does not do what its kind does",
        ),
    ],
)
def test_the_proof_knows_the_customers_account(
    two: Records, exposure: Exposure, tampering: str, rule: str
) -> None:
    take(exposure, A, 100, "k-1")
    cap(two, Limit.of(cny(300)))
    take(exposure, B, 20, "k-2")
    assert exposure.verify().holds
    with two.begin() as session:
        session.execute(text("ALTER TABLE exposure_entry DISABLE TRIGGER USER"))
        session.execute(text(tampering))

    assert rule in {each.rule for each in exposure.verify().discrepancies}


def test_of_many_entries_a_timeline_has_the_newest_in_order(
    records: Records, exposure: Exposure
) -> None:
    open_line(records, A, limit=cny(1000))
    for n in range(4):
        take(exposure, A, n + 1, f"k-{n}")

    with records.begin() as session:
        found = UnderWay(session).lines_moved(A, datetime(2000, 1, 1, tzinfo=UTC), 2)

    assert [each["key"] for each in found] == ["k-2", "k-3"]
