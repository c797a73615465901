"""The automatic lane's day and its switch, also where cases are judged side by side."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

from sqlalchemy import text

from domain.money import Money
from storage.approval import AutomaticLane
from storage.base import Records
from tests.makers_policy import cny

TODAY = date(2026, 6, 30)
MOST = cny(1_000)


def grants(records: Records, case_id: str, amount: Money, most: Money = MOST) -> bool:
    """One case judged and written in one transaction: granted where the day has room for it."""
    with records.begin() as session:
        lane = AutomaticLane(session)
        spent = lane.spent_on(TODAY, "CNY")
        if spent is None or spent + amount > most:
            return False
        lane.record(case_id, amount, TODAY)
        return True


def spent(records: Records, day: date = TODAY) -> Money | None:
    with records.begin() as session:
        return AutomaticLane(session).spent_on(day, "CNY")


def switch(records: Records, *, on: bool) -> None:
    with records.begin() as session:
        AutomaticLane(session).switch(on=on, person_id="risk", reason="a fault in the scorecard")


def test_cases_judged_side_by_side_never_pass_the_days_volume(records: Records) -> None:
    """Forty cases of 70 on a day of 1,000, eight at a time: fourteen fit, to the cent."""
    with ThreadPoolExecutor(8) as threads:
        granted = [*threads.map(lambda n: grants(records, f"case-{n}", cny(70)), range(40))]

    assert sum(granted) == 14
    assert spent(records) == cny(980)
    assert not grants(records, "a cent over", cny("20.01"))
    assert grants(records, "to the cent", cny(20))
    assert spent(records) == MOST


def test_a_day_begins_with_nothing_spent_and_a_case_counts_once(records: Records) -> None:
    assert grants(records, "case-1", cny(70))
    assert grants(records, "case-1", cny(70))

    assert spent(records) == cny(70)
    assert spent(records, TODAY + timedelta(days=1)) == cny(0)


def test_who_is_granted_less_gives_no_room_to_others(records: Records) -> None:
    assert grants(records, "case-1", cny(970))
    with records.begin() as session:
        AutomaticLane(session).record("a decrease", cny(-500), TODAY)

    assert not grants(records, "case-2", cny(31))


def test_a_lane_that_is_stopped_grants_nothing_until_it_is_opened(records: Records) -> None:
    switch(records, on=False)
    assert not grants(records, "case-1", cny(1))
    switch(records, on=True)
    assert grants(records, "case-1", cny(1))


def test_the_switch_waits_for_a_case_being_judged_and_stops_the_next_at_once(
    records: Records,
) -> None:
    """No case that saw the lane open is written after the switch has answered."""
    judging, go_on = threading.Event(), threading.Event()

    def judged_slowly() -> None:
        with records.begin() as session:
            lane = AutomaticLane(session)
            assert lane.spent_on(TODAY, "CNY") == cny(0)
            judging.set()
            assert go_on.wait(30)
            lane.record("case-1", cny(70), TODAY)

    with ThreadPoolExecutor(2) as threads:
        case = threads.submit(judged_slowly)
        assert judging.wait(30)
        stopped = threads.submit(switch, records, on=False)
        _until_somebody_waits(records)
        assert not stopped.done()
        go_on.set()
        case.result(30)
        stopped.result(30)

    assert spent(records) is None
    assert not grants(records, "case-2", cny(1))


def _until_somebody_waits(records: Records) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    for _ in range(300):
        with records.begin() as session:
            if session.execute(waiting).scalar_one():
                return
        threading.Event().wait(0.05)
    raise AssertionError("nobody waits for the lane")
