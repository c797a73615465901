"""Are people known by what they prove, and is each proof good for what it was given for?"""

from datetime import UTC, datetime, timedelta

import pytest

from domain.audit import RefusedMessage
from domain.errors import KeyInFlight, KeyReused, NotFound
from domain.identity import Language, Person, Role
from storage.base import Records
from storage.identity import (
    ActionTokens,
    Answer,
    Answers,
    ApiKeys,
    Persons,
    Refusals,
    Sessions,
    SignInFailures,
    fits_password,
    make_key,
    make_token,
    password_hash_of,
)

NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def a_person(person_id: str = "manager", *roles: Role) -> Person:
    return Person(
        person_id=person_id,
        title="Relationship manager",
        roles=frozenset(roles or (Role.RELATIONSHIP_MANAGER,)),
        language=Language.EN,
    )


@pytest.fixture
def known(records: Records) -> Records:
    with records.begin() as session:
        Persons(session).record_person(a_person())
        Persons(session).record_person(a_person("approver1", Role.APPROVER))
    return records


def test_a_person_is_recorded_once_and_changed_on_purpose_only(known: Records) -> None:
    promoted = a_person("manager", Role.RELATIONSHIP_MANAGER, Role.LEGAL)
    with known.begin() as session:
        assert Persons(session).record_person(promoted) == a_person()
    with known.begin() as session:
        assert Persons(session).change_person(promoted) == promoted
        assert [p.person_id for p in Persons(session).list_persons()] == ["approver1", "manager"]


def test_who_is_unknown_is_not_found(known: Records) -> None:
    with known.begin() as session:
        assert Persons(session).find_person("nobody") is None
        with pytest.raises(NotFound):
            Persons(session).read_person("nobody")
        with pytest.raises(NotFound):
            Persons(session).disable("nobody", NOON)


def test_a_password_fits_only_its_own_hash() -> None:
    password_hash = password_hash_of("correct horse")
    assert fits_password("correct horse", password_hash)
    assert not fits_password("wrong horse", password_hash)
    assert not fits_password("anything", None)


def test_a_key_stands_for_its_person_until_it_is_revoked(known: Records) -> None:
    key = make_key()
    with known.begin() as session:
        shown = ApiKeys(session).record_key("manager", key, "orders")
        assert ApiKeys(session).record_key("manager", key) == shown
        with pytest.raises(NotFound):
            ApiKeys(session).record_key("approver1", key)
    assert key.startswith(shown.shown)
    assert len(shown.shown) < len(key) / 4
    with known.begin() as session:
        assert ApiKeys(session).find_person(key, NOON) == a_person()
        assert ApiKeys(session).find_person(make_key(), NOON) is None
    with known.begin() as session:
        (used,) = ApiKeys(session).list_keys("manager")
        assert used.last_used_at == NOON
        ApiKeys(session).revoke("manager", used.key_id, NOON + HOUR)
        assert (
            ApiKeys(session).revoke("manager", used.key_id, NOON + 2 * HOUR).revoked_at
            == NOON + HOUR
        )
        assert ApiKeys(session).find_person(key, NOON + HOUR) is None


def test_a_disabled_person_has_no_key_no_session_and_no_password(known: Records) -> None:
    key, token = make_key(), make_token()
    with known.begin() as session:
        ApiKeys(session).record_key("manager", key)
        Sessions(session).record_session("manager", token, "csrf", NOON + HOUR)
        Persons(session).record_password("manager", "hash")
        Persons(session).disable("manager", NOON)
    with known.begin() as session:
        assert ApiKeys(session).find_person(key, NOON) is None
        assert Sessions(session).find_session(token, NOON) is None
        assert Persons(session).find_password_hash("manager") is None
        assert Persons(session).find_active("manager") is None
        assert Persons(session).find_person("manager") is not None


def test_a_session_ends_when_it_expires_or_its_person_signs_out(known: Records) -> None:
    first, second = make_token(), make_token()
    expires_at = datetime.now(UTC) + HOUR
    with known.begin() as session:
        for token in (first, second):
            Sessions(session).record_session("manager", token, "csrf", expires_at)
    with known.begin() as session:
        found = Sessions(session).find_session(first, expires_at - HOUR)
        assert found is not None
        assert found.person == a_person()
        assert found.csrf_token == "csrf"
        assert Sessions(session).find_session(first, expires_at) is None
        Sessions(session).end(first, NOON)
        assert Sessions(session).find_session(first, expires_at - HOUR) is None
        Sessions(session).end_all("manager", NOON)
        assert Sessions(session).find_session(second, expires_at - HOUR) is None


def test_a_name_is_locked_after_so_many_failures_in_a_row(records: Records) -> None:
    def fails(at: datetime) -> None:
        with records.begin() as session:
            SignInFailures(session).record_failure("stranger", at, failures_max=3, locked_for=HOUR)

    def locked_until(at: datetime) -> datetime | None:
        with records.begin() as session:
            return SignInFailures(session).find_locked_until("stranger", at)

    fails(NOON)
    fails(NOON)
    assert locked_until(NOON) is None
    fails(NOON)
    assert locked_until(NOON) == NOON + HOUR
    assert locked_until(NOON + HOUR) is None
    fails(NOON + 2 * HOUR)
    assert locked_until(NOON + 2 * HOUR) is None
    with records.begin() as session:
        SignInFailures(session).forget("stranger")
    fails(NOON + 2 * HOUR)
    fails(NOON + 2 * HOUR)
    assert locked_until(NOON + 2 * HOUR) is None


def test_a_token_serves_one_message_of_one_person_on_one_subject(known: Records) -> None:
    with known.begin() as session:
        token = ActionTokens(session).issue_action_token("approver1", "task/t-1", NOON + HOUR)

    def redeem(
        person_id: str = "approver1",
        subject: str = "task/t-1",
        message_id: str = "m-1",
        at: datetime = NOON,
    ) -> bool:
        with known.begin() as session:
            return ActionTokens(session).redeem(token, person_id, subject, message_id, at)

    assert not redeem(person_id="manager")
    assert not redeem(subject="task/t-2")
    assert not redeem(at=NOON + HOUR)
    assert redeem()
    assert redeem(at=NOON + 2 * HOUR), "a retry of the same message gets the same answer"
    assert not redeem(message_id="m-2")


def test_a_refusal_is_kept_once_for_each_message(records: Records) -> None:
    refused = RefusedMessage(
        message_key="m-1",
        channel="signal",
        subject="task/t-1",
        action="decide",
        person_id=None,
        code="malformed",
        detail="The request cannot be read.",
        case_id="a-17",
    )
    with records.begin() as session:
        Refusals(session).record_refusal(refused)
        Refusals(session).record_refusal(refused)
        Refusals(session).record_refusal(
            refused.model_copy(update={"message_key": "m-2", "case_id": "a-18"})
        )
    with records.begin() as session:
        (kept,) = Refusals(session).list_refusals(case_id="a-17")
        assert kept.code == "malformed"
        newest, oldest = Refusals(session).list_refusals()
        assert newest.message_key == "m-2"
        assert Refusals(session).list_refusals(before_no=newest.refusal_no) == [oldest]


def test_a_key_gives_its_first_answer_again_and_refuses_another_body(known: Records) -> None:
    answer = Answer(status=201, body="{}")
    with known.begin() as session:
        assert Answers(session).claim("manager", "POST /x", "k", "body") is None
        Answers(session).record_answer("manager", "POST /x", "k", "body", answer)
    with known.begin() as session:
        assert Answers(session).claim("manager", "POST /x", "k", "body") == answer
        assert Answers(session).claim("approver1", "POST /x", "k", "body") is None
        assert Answers(session).claim("manager", "POST /y", "k", "body") is None
        with pytest.raises(KeyReused):
            Answers(session).claim("manager", "POST /x", "k", "other body")


def test_a_key_held_by_a_request_under_way_is_refused_to_its_twin(known: Records) -> None:
    with known.begin() as first:
        assert Answers(first).claim("manager", "POST /x", "k", "body") is None
        with known.begin() as second, pytest.raises(KeyInFlight):
            Answers(second).claim("manager", "POST /x", "k", "body")
