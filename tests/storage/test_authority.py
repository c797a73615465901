"""Does a grant's number stand for one grant, whoever enters it and how often?"""

from datetime import date

import pytest

from domain.approval import AuthorityGrant
from domain.errors import AlreadyExists
from domain.identity import Person, Role
from domain.money import Money
from storage.approval import AuthorityGrants
from storage.base import Records
from storage.identity import Persons


def a_grant(amount: int = 1_000_000) -> AuthorityGrant:
    return AuthorityGrant(
        grant_no="SQ-1",
        person_id="approver1",
        position="branch_head",
        limit=Money.of(amount, "CNY"),
        valid_from=date(2026, 1, 1),
        valid_until=date(2026, 12, 31),
        granted_by="board",
    )


@pytest.fixture(autouse=True)
def approver(records: Records) -> None:
    with records.begin() as session:
        seated = Person(
            person_id="approver1", title="Branch approver", roles=frozenset({Role.APPROVER})
        )
        Persons(session).record_person(seated)


def test_the_same_grant_entered_again_is_the_one_on_record(records: Records) -> None:
    with records.begin() as session:
        AuthorityGrants(session).record(a_grant())
        again = AuthorityGrants(session).record(a_grant())
        assert again == a_grant()
        assert len(AuthorityGrants(session).list_of("approver1")) == 1


def test_a_number_that_stands_for_another_grant_is_refused(records: Records) -> None:
    with records.begin() as session:
        AuthorityGrants(session).record(a_grant())
    with pytest.raises(AlreadyExists), records.begin() as session:
        AuthorityGrants(session).record(a_grant(90_000_000))


def test_a_grant_that_was_revoked_is_not_in_force_again_by_being_entered_again(
    records: Records,
) -> None:
    with records.begin() as session:
        AuthorityGrants(session).record(a_grant())
        AuthorityGrants(session).revoke("SQ-1", date(2026, 3, 1))
        again = AuthorityGrants(session).record(a_grant())
    assert again.revoked_on == date(2026, 3, 1)
