"""Is every question answered in the end? A use that its deposit covers wholly is taken whatever stands
above its limit; what cannot be answered is an error, and so is what takes too long."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from psycopg2 import errors
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from domain.errors import OverLimit
from domain.exposure import Limit, LimitPart, SubLimit, Use, UseBounds
from storage.base import Records
from storage.exposure import Accounts, Exposure
from tests.makers_line import LINE_ID, TODAY, a_letter, cny, open_line, record_letter

ACCEPTANCE = "bank_acceptance"
TOMORROW = TODAY + timedelta(days=1)
COVERED = Use(product=ACCEPTANCE, nominal=cny(400), deposit=cny(400))
Fall = Callable[[Accounts, str], None]


@pytest.fixture
def exposure(records: Records) -> Iterator[Exposure]:
    found = Exposure(records, connections_max=2)
    yield found
    found.close()


@pytest.fixture
def customer_id(records: Records) -> str:
    parts = (SubLimit(product=ACCEPTANCE, limit=cny(1000), deposit_share=Decimal("0.3")),)
    line = open_line(
        records, limit=cny(1000), group_id="group-1", bounds=UseBounds(sub_lines=parts)
    )
    return line.customer_id


def of_line(accounts: Accounts, letter_no: str) -> None:
    limit = Limit.of(cny(100))
    accounts.set_limit(LINE_ID, limit, decision_id=letter_no, key=letter_no, business_on=TODAY)


def of_line_by_a_day(accounts: Accounts, letter_no: str) -> None:
    part = LimitPart(amount=cny(900), from_on=TODAY, until_on=TODAY, code="temporary")
    accounts.set_limit(
        LINE_ID,
        Limit.of(cny(100)),
        decision_id=letter_no,
        key=letter_no,
        business_on=TODAY,
        parts=(part,),
    )


def of_sub_line(accounts: Accounts, letter_no: str) -> None:
    limit = Limit.of(cny(100))
    accounts.set_limit(
        f"{LINE_ID}/{ACCEPTANCE}",
        limit,
        decision_id=letter_no,
        key=letter_no,
        business_on=TODAY,
        kind="sub_line",
    )


def of_customer(accounts: Accounts, letter_no: str) -> None:
    accounts.set_customer_cap(
        "customer-1", "CNY", Limit.of(cny(100)), decision_id=letter_no, business_on=TODAY
    )


def of_guarantor(accounts: Accounts, letter_no: str) -> None:
    cover = {("guarantor", "guarantor-1"): Limit.of(cny(100))}
    accounts.set_cover(LINE_ID, "CNY", cover, decision_id=letter_no, business_on=TODAY)


def of_group(accounts: Accounts, letter_no: str) -> None:
    limit = Limit.of(cny(100))
    accounts.set_limit(
        "group-1", limit, decision_id=letter_no, key=letter_no, business_on=TODAY, kind="group"
    )


@pytest.mark.parametrize(
    "fall", [of_line, of_line_by_a_day, of_sub_line, of_customer, of_guarantor, of_group]
)
def test_what_takes_nothing_is_taken_though_the_account_stands_above_its_limit(
    records: Records, exposure: Exposure, customer_id: str, fall: Fall
) -> None:
    use = Use(product=ACCEPTANCE, nominal=cny(1000), deposit=cny(300))
    exposure.reserve(LINE_ID, cny(700), "first", business_on=TODAY, use=use)
    letter_no = record_letter(records, a_letter("fall", customer_id=customer_id)).letter_no
    with records.begin() as session:
        fall(Accounts(session), letter_no)

    taken = exposure.reserve(LINE_ID, cny(0), "covered", business_on=TOMORROW, use=COVERED)
    assert (taken.reserved, taken.headroom, taken.replayed) == (cny(700), cny(0), False)
    again = exposure.reserve(LINE_ID, cny(0), "covered", business_on=TOMORROW, use=COVERED)
    assert (again.entry_id, again.replayed) == (taken.entry_id, True)
    bare = COVERED.model_copy(update={"deposit": cny(399)})
    with pytest.raises(OverLimit):
        exposure.reserve(LINE_ID, cny(1), "bare", business_on=TOMORROW, use=bare)
    assert exposure.verify().holds


def test_a_line_that_is_neither_taken_from_nor_refused_is_an_error_and_no_wait_without_end(
    records: Records, exposure: Exposure, customer_id: str
) -> None:
    with records.begin() as session:  # what no release of ours does: a verdict without a reason
        session.execute(text("ALTER FUNCTION exposure_standing RENAME TO standing_before"))
        session.execute(
            text(
                "CREATE FUNCTION exposure_standing(a exposure_account, p_on date, p_in text[],"
                " p_last date) RETURNS text LANGUAGE sql AS 'SELECT NULL::text'"
            )
        )
        session.execute(text("UPDATE exposure_account SET status = 'frozen' WHERE kind = 'line'"))
    with pytest.raises(errors.RaiseException, match="neither taken from nor refused"):
        exposure.reserve(LINE_ID, cny(1), "first", business_on=TODAY, use=COVERED)
    assert exposure.balances(LINE_ID)[0].reserved == cny(0)


def test_who_waits_behind_a_lock_is_let_go_after_a_while_and_may_ask_again(
    records: Records, customer_id: str
) -> None:
    exposure = Exposure(records, connections_max=1, statement_seconds_max=0.3)
    with records.begin() as session:
        session.execute(text("SELECT FROM exposure_account FOR UPDATE"))
        with pytest.raises(OperationalError):
            exposure.reserve(LINE_ID, cny(0), "first", business_on=TODAY, use=COVERED)
    taken = exposure.reserve(LINE_ID, cny(0), "first", business_on=TODAY, use=COVERED)
    assert not taken.replayed
    exposure.close()
