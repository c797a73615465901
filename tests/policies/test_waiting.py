"""Is there one sentence for every case, and does it name what is broken before whom to blame?"""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.application import CaseStatus
from domain.identity import Language
from domain.investigation import INVESTIGATION_REPORT
from domain.operations import CaseWaits, Cause, Stuck, Turn, WaitingTask
from policies.waiting import explain, gravest_first
from web.language import speech
from web.waiting import sentence_of

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
instants = st.integers(-5000, 5000).map(lambda hours: NOW + hours * HOUR)
stuck = st.builds(
    Stuck,
    subject=st.sampled_from(["application/a", "approval/a/1", "queue/cases", "outbox#1"]),
    cause=st.sampled_from(Cause),
    since=st.none() | instants,
    step=st.sampled_from(["", "assess_application"]),
    attempts=st.integers(0, 99),
)
tasks = st.builds(
    WaitingTask,
    position=st.sampled_from(["branch_head", "region_head"]),
    opened_at=instants,
    due_at=instants,
)
cases = st.builds(
    CaseWaits,
    status=st.sampled_from(CaseStatus),
    since=instants,
    missing=st.lists(
        st.sampled_from(
            [INVESTIGATION_REPORT, "statements_years:2", "exchange_rate:EUR/CNY/spot/2026-06-30"]
        ),
        unique=True,
    ).map(tuple),
    tasks=st.lists(tasks, max_size=3).map(tuple),
    sign_until=st.none() | instants,
    conditions=st.lists(st.sampled_from(["insurance", "seal"]), unique=True).map(tuple),
    stuck=st.lists(stuck, max_size=4).map(tuple),
)


@given(cases)
def test_every_case_has_its_sentence_in_both_languages(case: CaseWaits) -> None:
    found = explain(case, NOW)
    for language in Language:
        sentence = sentence_of(found, speech(language))
        assert sentence
        assert "{" not in sentence


@given(cases)
def test_what_is_broken_is_named_before_anybody_is(case: CaseWaits) -> None:
    found = explain(case, NOW)
    broken = {each.cause for each in case.stuck} - {Cause.OVERDUE}
    if broken:
        assert found.code == min(broken, key=list(Cause).index)
        assert found.turn in (Turn.OPERATORS, Turn.ENGINEERS)
    else:
        assert found.turn not in (Turn.OPERATORS, Turn.ENGINEERS)


@given(cases)
def test_nobody_is_waited_for_where_a_sound_case_has_ended(case: CaseWaits) -> None:
    sound = case.model_copy(update={"stuck": ()})
    assert (explain(sound, NOW).turn is Turn.NOBODY) == case.status.ended


@given(cases)
def test_a_late_answer_is_called_late(case: CaseWaits) -> None:
    found = explain(case, NOW)
    if found.turn is Turn.APPROVERS:
        assert (found.code == "late") == (min(task.due_at for task in case.tasks) < NOW)


@given(st.lists(stuck))
def test_the_gravest_comes_first_and_nothing_is_lost(found: list[Stuck]) -> None:
    ordered = gravest_first(found)
    assert sorted(map(repr, ordered)) == sorted(map(repr, found))
    places = [list(Cause).index(each.cause) for each in ordered]
    assert places == sorted(places)
