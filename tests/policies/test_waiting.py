"""Is there one sentence for every case, and does it name what is broken before whom to blame?"""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
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
# Of what a case may lack: who brings it, in the order in which one is named for a mixture.
BRINGS = {
    "statements_years:2": Turn.APPLICANT,
    INVESTIGATION_REPORT: Turn.INVESTIGATORS,
    "exchange_rate:EUR/CNY/spot/2026-06-30": Turn.RISK_OFFICERS,
    "analyst_figure:management_quality": Turn.ANALYSTS,
}
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
    missing=st.lists(st.sampled_from(list(BRINGS)), unique=True).map(tuple),
    tasks=st.lists(tasks, max_size=3).map(tuple),
    offer_until=st.none() | instants,
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


def whose(case: CaseWaits) -> Turn:
    """Whose turn it is on a sound case."""
    if case.status.ended:
        return Turn.NOBODY
    if case.tasks:
        return Turn.APPROVERS
    match case.status:
        case CaseStatus.SUSPENDED:
            return Turn.RISK_OFFICERS
        case CaseStatus.INCOMPLETE | CaseStatus.RETURNED:
            return next((BRINGS[each] for each in BRINGS if each in case.missing), Turn.APPLICANT)
    waits = {
        CaseStatus.APPROVED: (case.offer_until, Turn.CUSTOMER),
        CaseStatus.CONTRACTING: (case.sign_until, Turn.CUSTOMER),
        CaseStatus.CONDITIONS: (case.conditions, Turn.CONDITIONS),
    }
    found, turn = waits.get(case.status, (None, Turn.PROGRAMS))
    return turn if found else Turn.PROGRAMS


@given(cases)
def test_a_sound_case_waits_for_the_one_that_can_move_it(case: CaseWaits) -> None:
    sound = case.model_copy(update={"stuck": ()})
    assert explain(sound, NOW).turn is whose(sound)


@pytest.mark.parametrize("status", [CaseStatus.INCOMPLETE, CaseStatus.RETURNED])
@pytest.mark.parametrize(
    "missing", [each for size in range(len(BRINGS) + 1) for each in permutations(BRINGS, size)]
)
def test_whatever_a_case_lacks_one_is_named_and_all_is_told(
    status: CaseStatus, missing: tuple[str, ...]
) -> None:
    case = CaseWaits(status=status, since=NOW, missing=missing)
    found = explain(case, NOW)

    assert found.turn is whose(case)
    assert found.code == "uninvestigated" or found.facts.get("missing", "") == ",".join(missing)


def test_an_offer_says_until_when_the_customer_may_take_it() -> None:
    case = CaseWaits(status=CaseStatus.APPROVED, since=NOW, offer_until=NOW + HOUR)

    found = explain(case, NOW)
    assert (found.code, found.facts["due"]) == ("unanswered", "2026-06-30 13:00Z")


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
