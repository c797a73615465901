"""Whose time it was: parts that add up to the whole, whatever happened to the case, in what order."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import WorkCalendar
from domain.edition import TurnaroundPolicy
from domain.turnaround import CaseClock, CaseEvent, CaseHistory, CaseStage, Court, TaskSpan
from policies.calendar import work_calendar
from policies.edition import check
from policies.turnaround import Lasted, case_clock, court_of, forecast, rank, turnaround_rows
from tests.makers_policy import a_changed_edition

POLICY = TurnaroundPolicy(third_party=("guarantee_signed",))
CHINA = work_calendar("CN")
ALWAYS = WorkCalendar(always_open=True)
MONDAY = datetime(2026, 3, 2, 1, tzinfo=UTC)  # nine o'clock in Shanghai
DAY = timedelta(days=1)


def a_history(*events: tuple[float, str] | tuple[float, str, dict[str, str]]) -> CaseHistory:
    """A case by its events: days since Monday, the kind, and facts."""
    return CaseHistory(
        case_id="a-1",
        customer_id="c-1",
        application_type="new_line",
        edition_hash="e",
        events=tuple(
            CaseEvent(
                event_no=number,
                kind=each[1],
                at=MONDAY + each[0] * DAY,
                facts=each[2] if len(each) == 3 else {},
            )
            for number, each in enumerate(events)
        ),
    )


def clock(history: CaseHistory, days: float = 60, calendar: WorkCalendar = CHINA) -> CaseClock:
    return case_clock(history, POLICY, calendar, MONDAY + days * DAY)


def parts(found: CaseClock) -> list[tuple[CaseStage, Court, float]]:
    """The spells that took any time, in days."""
    days = [(each.stage, each.court, each.calendar_seconds / 86_400) for each in found.spells]
    return [each for each in days if each[2]]


ROAD: tuple[Any, ...] = (
    (0, "received", {"status": "incomplete", "missing": "purpose,statements_years:2"}),
    (2, "supplemented", {"status": "incomplete", "missing": "investigation_report"}),
    (5, "investigation_visited", {"place": "the works"}),
    (6, "investigated", {"status": "received"}),
    (6, "assessed", {"lane": "people"}),
    (7, "silence_remind", {"step": "1"}),
    (8, "decision_return", {}),
    (11, "supplemented", {"status": "received"}),
    (11, "assessed", {"lane": "people"}),
    (12, "decision_approve", {}),
    (12, "approved", {}),
    (13, "contract_sent", {}),
    (20, "contract_signed", {"conditions": "articles_of_association,guarantee_signed"}),
    (21, "condition_evidenced", {"code": "articles_of_association"}),
    (24, "condition_evidenced", {"code": "guarantee_signed"}),
    (25, "condition_met", {"code": "guarantee_signed"}),
    (26, "active", {}),
)


def test_a_case_along_the_whole_road_is_split_as_one_would_by_hand() -> None:
    found = clock(a_history(*ROAD))

    assert parts(found) == [
        (CaseStage.COMPLETENESS, Court.CUSTOMER, 2),
        (CaseStage.INVESTIGATION, Court.OURS, 4),
        (CaseStage.APPROVAL, Court.OURS, 2),
        (CaseStage.COMPLETENESS, Court.CUSTOMER, 3),
        (CaseStage.APPROVAL, Court.OURS, 1),
        (CaseStage.CONTRACT, Court.OURS, 1),
        (CaseStage.CONTRACT, Court.CUSTOMER, 7),
        (CaseStage.CONDITIONS, Court.CUSTOMER, 1),
        (CaseStage.CONDITIONS, Court.THIRD_PARTY, 3),
        (CaseStage.CONDITIONS, Court.OURS, 2),
    ]
    by_court = {each.court: each.calendar_seconds / 86_400 for each in found.courts}
    assert by_court == {Court.OURS: 10, Court.CUSTOMER: 13, Court.THIRD_PARTY: 3}
    assert (found.calendar_seconds, found.ended, found.court) == (26 * 86_400, True, None)
    assert [each.reminders for each in found.spells if each.reminders] == [1]
    # Monday to Wednesday nine o'clock: two working days of nine hours.
    assert found.spells[0].working_seconds == 2 * 9 * 3600


@pytest.mark.parametrize(
    ("answer", "stage", "court"),
    [
        ("supplemented", CaseStage.COMPLETENESS, Court.CUSTOMER),
        ("hit_cleared", CaseStage.SCREENING, Court.OURS),
        ("assessed", CaseStage.ASSESSMENT, Court.OURS),
        ("withdrawn", CaseStage.ASSESSMENT, Court.OURS),
    ],
)
def test_events_that_do_not_say_what_was_missing_are_read_by_what_answered(
    answer: str, stage: CaseStage, court: Court
) -> None:
    found = clock(a_history((0, "received"), (1, "silence_remind"), (3, answer)))

    assert parts(found)[0] == (stage, court, 3)


def test_what_is_missing_is_the_customers_before_it_is_anybody_elses() -> None:
    assert court_of((), POLICY) is Court.OURS
    assert court_of(("investigation_report",), POLICY) is Court.OURS
    assert court_of(("exchange_rate:EUR/CNY/spot/2026-06-30",), POLICY) is Court.OURS
    assert court_of(("guarantee_signed", "screening"), POLICY) is Court.THIRD_PARTY
    assert court_of(("guarantee_signed", "statements_years:2"), POLICY) is Court.CUSTOMER


def test_a_case_in_principle_ends_with_its_approval() -> None:
    history = a_history((0, "received"), (1, "assessed"), (2, "approved"))
    in_principle = history.model_copy(update={"application_type": "pre_approval"})

    assert clock(in_principle).until_at == MONDAY + 2 * DAY
    assert not clock(history).ended


def test_an_open_case_runs_to_the_instant_it_is_asked_for_and_knows_nothing_later() -> None:
    history = a_history(*ROAD)

    found = clock(history, days=9.5)

    assert (found.stage, found.court) == (CaseStage.COMPLETENESS, Court.CUSTOMER)
    assert found.calendar_seconds == int(9.5 * 86_400)
    earlier = history.model_copy(update={"events": history.events[:7]})
    assert found == clock(earlier, days=9.5)
    with pytest.raises(ValueError, match="nothing is known"):
        clock(history, days=-1)


def test_a_lapse_that_was_recovered_is_our_time_until_the_case_goes_on() -> None:
    told = [(0, "received", {"status": "received"}), (1, "assessed"), (3, "lapsed")]
    gone_on = [(8, "recovered", {"status": "received"}), (8, "assessed"), (9, "declined")]
    history = a_history(*told, *gone_on)

    found, before = clock(history), clock(history, days=7)

    assert found.calendar_seconds == 9 * 86_400
    assert {each.court for each in found.spells} == {Court.OURS}
    assert (before.stage, before.calendar_seconds) == (None, 3 * 86_400)


KINDS = st.sampled_from(
    "received incomplete supplemented amended hit_cleared investigated assessed decision_return "
    "decision_approve approved contract_sent contract_signed contract_declined condition_open "
    "condition_evidenced condition_met silence_remind silence_escalate overridden active lapsed "
    "recovered withdrawn anything_else".split()
)
FACTS = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["received", "incomplete", "suspended", "returned"]),
        "missing": st.sampled_from(["", "purpose", "investigation_report", "guarantee_signed"]),
        "lane": st.sampled_from(["people", "automatic"]),
        "conditions": st.sampled_from(["", "guarantee_signed", "a,guarantee_signed"]),
        "code": st.sampled_from(["a", "guarantee_signed"]),
    },
)
# Also clocks that disagree: an event may be recorded a little before the one it follows.
EVENTS = st.lists(st.tuples(st.floats(-0.01, 9, allow_nan=False), KINDS, FACTS), max_size=14)


@given(events=EVENTS, asked=st.floats(0, 80, allow_nan=False), always=st.booleans())
def test_the_parts_add_up_to_the_whole(
    events: list[tuple[float, str, dict[str, str]]], asked: float, always: bool
) -> None:
    after, told = 0.0, list[tuple[float, str, dict[str, str]]]()
    for passed, kind, facts in events:
        after += passed
        told.append((after, kind, facts))
    history = a_history((0, "received"), *told)
    calendar = ALWAYS if always else CHINA

    found = clock(history, asked, calendar)

    whole = (found.until_at - found.began_at) // timedelta(seconds=1)
    worked = calendar.between(found.began_at, found.until_at) // timedelta(seconds=1)
    assert found.calendar_seconds == whole
    assert found.working_seconds == worked
    for times in (found.courts, found.spells):
        assert sum(each.calendar_seconds for each in times) == whole
        assert sum(each.working_seconds for each in times) == worked
        assert all(0 <= each.working_seconds <= each.calendar_seconds for each in times)
    assert [each.court for each in found.courts] == list(Court)
    for before, following in zip(found.spells, found.spells[1:], strict=False):
        assert before.until_at == following.from_at
        assert (before.stage, before.court) != (following.stage, following.court)
    assert found.ended == (found.court is None)


# ── what is usual ────────────────────────────────────────────────────────────────────────────────


@given(st.lists(st.integers(0, 10**6), min_size=1), st.integers(1, 100))
def test_a_percentile_is_a_value_that_is_there(values: list[int], percent: int) -> None:
    found = rank(values, percent)

    assert found in values
    below = sum(value <= found for value in values)
    assert below * 100 >= percent * len(values)
    assert sum(value < found for value in values) * 100 < percent * len(values)


def test_nothing_has_no_percentile() -> None:
    assert rank([], 50) is None


HOUR = 3600


def a_task(due_hours: int) -> TaskSpan:
    return TaskSpan(
        task_id="a-1.1.1.1",
        case_id="a-1",
        customer_id="c-1",
        position="branch_head",
        person_id=None,
        opened_at=MONDAY,
        due_at=MONDAY + timedelta(hours=due_hours),
        decided_at=None,
    )


@pytest.mark.parametrize(
    ("took", "waited", "due", "usual", "expected"),
    [
        ([1, 2, 3, 4, 5], 0, 4, 3, False),  # three hours are usual, four are left
        ([1, 2, 3, 4, 5], 0, 2, 3, True),
        ([1, 2, 3, 4, 9], 3, 6, 4, False),  # of those that took longer than the three so far
        ([1, 2, 3, 4, 9], 4, 6, 9, True),
        ([1, 2, 3, 4, 5], 6, 8, None, True),  # nobody ever took this long
        ([9, 9, 9, 9], 1, 4, None, False),  # too few to tell
        ([9, 9, 9, 9], 5, 4, None, True),  # but late is late
    ],
)
def test_a_breach_is_foreseen_from_what_the_position_usually_takes(
    took: list[int], waited: int, due: int, usual: int | None, expected: bool
) -> None:
    now = MONDAY + timedelta(hours=waited)

    found = forecast(a_task(due), [hours * HOUR for hours in took], POLICY, CHINA, now)

    assert found.usual_seconds == (None if usual is None else usual * HOUR)
    assert found.expected_at == (None if usual is None else MONDAY + timedelta(hours=usual))
    assert (found.breach_expected, found.late) == (expected, waited > due)
    assert found.waited_seconds == waited * HOUR


def test_rows_count_what_ended_and_name_what_has_not() -> None:
    lasted = [Lasted("slow", Court.OURS, n, 2 * n, ended=True, reminders=1) for n in range(1, 11)]
    lasted += [Lasted("slow", Court.OURS, 99, 99, ended=False), Lasted("quick", None, 1, 1, True)]

    slow, quick = turnaround_rows(lasted)

    assert (slow.key, slow.ended, slow.open, slow.reminders) == ("slow", 10, 1, 10)
    assert (slow.working_p50, slow.working_p90) == (5, 9)
    assert (slow.calendar_p50, slow.calendar_p90) == (10, 18)
    assert (quick.key, quick.working_p50) == ("quick", 1)


def test_a_code_that_no_case_waits_for_or_that_is_two_parties_is_found() -> None:
    found = check(a_changed_edition('[turnaround]\nthird_party = ["screening", "nonsense"]\n'))

    assert {(each.code, each.facts["name"]) for each in found} == {
        ("repeated", "screening"),
        ("unknown", "nonsense"),
    }


def test_the_day_is_of_the_calendar_that_counts() -> None:
    """Over the National Day holiday a week passes, and no working time with it."""
    begin = datetime(2026, 9, 30, 10, tzinfo=UTC)
    history = CaseHistory(
        case_id="a",
        customer_id="c",
        application_type="new_line",
        edition_hash="e",
        events=(CaseEvent(event_no=1, kind="received", at=begin),),
    )

    found = case_clock(history, POLICY, CHINA, begin + timedelta(days=7))

    assert CHINA.works_on(date(2026, 9, 30))
    assert (found.calendar_seconds, found.working_seconds) == (7 * 86_400, 0)
