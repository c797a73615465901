"""The table of who may do what is what the machine does, and what it must never do it does not."""

import pytest

from domain.approval import WORDS_OF, ActKind, StepMode, Verdict
from tests.domain.approval_matrix import DOC, RETURN_TO_STEP, cells, written

CELLS = list(cells())
ENDED = ("approved", "declined", "returned", "lapsed", "withdrawn")
WORDS = {*(word.value for word in Verdict), RETURN_TO_STEP}


def refused(told: str) -> bool:
    return told.startswith("*")


def test_the_document_is_what_the_machine_does() -> None:
    assert DOC.read_text("utf-8") == written(), "python -m tests.domain.approval_matrix"


@pytest.mark.parametrize("person", ["manager", "investigator", "recused"])
def test_who_may_not_decide_may_hurry_it_and_let_others_read_and_nothing_else(person: str) -> None:
    for _, who, action, _, told in CELLS:
        if who == person and action not in (ActKind.URGE, ActKind.COPY):
            assert refused(told), (action, told)


def test_nothing_is_done_to_an_approval_that_has_ended() -> None:
    for state, _, action, _, told in CELLS:
        if state in ENDED:
            assert refused(told), (state, action, told)


def test_a_step_takes_the_words_of_its_kind_from_its_holder_and_no_other_word() -> None:
    for state, person, action, mode, told in CELLS:
        if state != "asked" or person != "owner" or action not in WORDS:
            continue
        word = Verdict.RETURN if action == RETURN_TO_STEP else Verdict(action)
        assert refused(told) is (word not in WORDS_OF[mode]), (action, mode, told)


def test_whoever_has_spoken_says_nothing_more_in_the_same_approval() -> None:
    for _, person, action, _, told in CELLS:
        if person == "earlier" and action in WORDS:
            assert refused(told), (action, told)


def test_nobody_passes_what_awaits_an_opinion_or_an_added_signer() -> None:
    for state, person, action, mode, told in CELLS:
        waits = state in ("an opinion is awaited", "a signer was added before the owner")
        if waits and person == "owner" and action in WORDS:
            assert refused(told), (action, told)
        if state == "a signer was added before the owner" and mode is not StepMode.ONE:
            assert told != "ends: approved"


def test_a_helper_gives_an_opinion_and_decides_nothing() -> None:
    for state, person, action, _, told in CELLS:
        if person == "helper" and state == "an opinion is awaited":
            allowed = action in (ActKind.GIVE_OPINION, ActKind.URGE, ActKind.COPY)
            assert refused(told) is not allowed, (action, told)
