"""Has one key one effect, also when the effect is refused half way?"""

from collections.abc import Callable

import pytest

from domain.errors import KeyReused, OutOfOrder
from domain.identity import Person, Role
from storage.identity import Persons
from tests.web.people import PEOPLE
from web.service.once import Answered, JoinedRecords, once

WHO = PEOPLE["operator"]


def recording(records: JoinedRecords, person_id: str) -> Callable[[], Answered]:
    """An effect as a service has it: in a transaction that it opens itself."""

    def effect() -> Answered:
        with records.begin() as session:
            Persons(session).record_person(
                Person(person_id=person_id, title="x", roles=frozenset({Role.LEGAL}))
            )
        return Answered(status=201, body=person_id)

    return effect


def known(records: JoinedRecords, person_id: str) -> bool:
    with records.begin() as session:
        return Persons(session).find_person(person_id) is not None


def test_the_second_request_gets_the_first_answer_and_has_no_effect(
    joined_records: JoinedRecords,
) -> None:
    first = once(joined_records, WHO, "r", "k", "body", recording(joined_records, "one"))
    again = once(joined_records, WHO, "r", "k", "body", recording(joined_records, "two"))
    assert first == Answered(status=201, body="one")
    assert again == Answered(status=201, body="one", replayed=True)
    assert not known(joined_records, "two")
    with pytest.raises(KeyReused):
        once(joined_records, WHO, "r", "k", "other", recording(joined_records, "three"))


def test_a_refused_effect_leaves_neither_effect_nor_key(joined_records: JoinedRecords) -> None:
    def refused() -> Answered:
        recording(joined_records, "half")()
        raise OutOfOrder(reason="test")

    with pytest.raises(OutOfOrder):
        once(joined_records, WHO, "r", "k", "body", refused)
    assert not known(joined_records, "half")
    whole = once(joined_records, WHO, "r", "k", "body", recording(joined_records, "whole"))
    assert not whole.replayed
    assert known(joined_records, "whole")
