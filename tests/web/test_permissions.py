"""Is every cell of the matrix as intended, and everything else denied?"""

import pytest

from domain.errors import NotPermitted
from domain.identity import EVERYTHING, SYSTEM, Person, Role, Scope
from tests.web.people import PEOPLE
from web.service.permissions import MATRIX, Action, permit, permitted, visible_to

ALONE = [person for person in PEOPLE.values() if len(person.roles) == 1]


def test_every_action_is_in_the_matrix() -> None:
    assert set(MATRIX) == set(Action)
    assert all(MATRIX.values()), "an action nobody may do is no action"


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("person", ALONE, ids=lambda person: person.person_id)
def test_a_role_may_do_what_the_matrix_says_and_nothing_else(
    person: Person, action: Action
) -> None:
    (role,) = person.roles
    if role in MATRIX[action]:
        permit(person, action)
    else:
        with pytest.raises(NotPermitted):
            permit(person, action)


@pytest.mark.parametrize("action", list(Action))
def test_the_system_itself_has_no_way_in(action: Action) -> None:
    assert not permitted(SYSTEM, action)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Action.APPLICATION_SUBMIT, Action.TASK_DECIDE),
        (Action.APPLICATION_SUBMIT, Action.OVERRIDE_PROPOSE),
        (Action.CONDITION_EVIDENCE, Action.CONDITION_VERIFY),
        (Action.TASK_DECIDE, Action.AUTHORITY_GRANT),
        (Action.TASK_DECIDE, Action.CERTIFICATE_RECORD),
        (Action.LINE_FREEZE, Action.LINE_RESERVE),
        (Action.CONTRACT_SEND, Action.TASK_DECIDE),
        (Action.AUDIT_READ, Action.APPLICATION_SUBMIT),
        (Action.LATE_WAIVE, Action.LATE_GRANT),
        (Action.LATE_CHARGE, Action.LATE_GRANT),
    ],
)
def test_no_role_does_both(one: Action, other: Action) -> None:
    assert not MATRIX[one] & MATRIX[other]


def test_an_auditor_changes_nothing() -> None:
    reading = ("read", "verify", "history", "replay", "simulate")
    for action in Action:
        if Role.AUDITOR in MATRIX[action]:
            assert action.value.endswith(reading)


def test_a_manager_sees_their_own_customers_and_others_see_all() -> None:
    manager = PEOPLE["relationship_manager"]
    assert visible_to(manager) == Scope(manager_id="relationship_manager")
    both = manager.model_copy(update={"roles": manager.roles | {Role.RISK_OFFICER}})
    assert visible_to(both) == EVERYTHING
