"""Who is asking: keys, passwords, sessions, and the register of people."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.errors import LockedOut, Malformed, NotSignedIn
from domain.identity import ApiKey, Person, Role, SignInSession
from domain.value import Value
from storage.base import Records
from storage.identity import (
    KEY_PREFIX,
    ActionTokens,
    ApiKeys,
    Persons,
    Sessions,
    SignInFailures,
    fits_password,
    make_key,
    make_token,
    password_hash_of,
)
from web.service.clock import Clock
from web.service.permissions import Action, permit

FAILURES_MAX = 5  # wrong passwords in a row
LOCKED_FOR = timedelta(minutes=15)
PASSWORD_LENGTH_MAX = 1024  # argon2 would hash a megabyte for anybody who sends one
ACTION_TOKEN_LASTS = timedelta(hours=24)


class SignedIn(Value):
    """A session just begun: the cookie's token is told once."""

    token: str
    session: SignInSession


class KeyIssued(Value):
    """A key just made, told once."""

    key: str
    api_key: ApiKey


class IdentityService:
    """Signing in and out, keys, and who there is."""

    def __init__(self, records: Records, clock: Clock, *, session_hours: int = 12) -> None:
        self._records = records
        self._clock = clock
        self._session_lasts = timedelta(hours=session_hours)

    def person_of_key(self, key: str) -> Person:
        """Whom an API key stands for, or `NotSignedIn`."""
        if not key.startswith(KEY_PREFIX) or len(key) > 200:
            raise NotSignedIn()
        with self._records.autocommit() as session:
            person = ApiKeys(session).find_person(key, self._clock.now())
        if person is None:
            raise NotSignedIn()
        return person

    def session_of(self, token: str) -> SignInSession:
        """The session a cookie stands for, or `NotSignedIn`."""
        with self._records.autocommit() as session:
            found = Sessions(session).find_session(token, self._clock.now())
        if found is None:
            raise NotSignedIn()
        return found

    def sign_in(self, name: str, password: str) -> SignedIn:
        """Begin a session; refuses `NotSignedIn`, and `LockedOut` after too many failures."""
        now = self._clock.now()
        self._refuse_locked(name, now)
        with self._records.begin() as session:
            password_hash = Persons(session).find_password_hash(name)
        if len(password) > PASSWORD_LENGTH_MAX or not fits_password(password, password_hash):
            self._count_failure(name, now)
            raise NotSignedIn()
        token = make_token()
        with self._records.begin() as session:
            SignInFailures(session).forget(name)
            Sessions(session).record_session(name, token, make_token(), now + self._session_lasts)
        return SignedIn(token=token, session=self.session_of(token))

    def sign_out(self, token: str) -> None:
        with self._records.begin() as session:
            Sessions(session).end(token, self._clock.now())

    def change_password(self, person: Person, old: str, new: str) -> None:
        """Set one's own password; every session of the person ends. Guesses count as at the door."""
        now = self._clock.now()
        self._refuse_locked(person.person_id, now)
        with self._records.begin() as session:
            password_hash = Persons(session).find_password_hash(person.person_id)
        if not fits_password(old, password_hash):
            self._count_failure(person.person_id, now)
            raise NotSignedIn()
        fresh = password_hash_of(new)
        with self._records.begin() as session:
            Persons(session).record_password(person.person_id, fresh)
            Sessions(session).end_all(person.person_id, self._clock.now())

    def issue_action_token(self, person: Person, subject: str) -> str:
        """A one-time token for a message of this person that will not come through the service."""
        with self._records.begin() as session:
            return ActionTokens(session).issue_action_token(
                person.person_id, subject, self._clock.now() + ACTION_TOKEN_LASTS
            )

    def list_persons(self, person: Person) -> Sequence[Person]:
        permit(person, Action.IDENTITY_READ)
        with self._records.begin() as session:
            return Persons(session).list_persons()

    def record_person(self, person: Person, recorded: Person) -> Person:
        """Put somebody on the register; one already there stays as they are."""
        permit(person, Action.IDENTITY_RECORD)
        if recorded.has(Role.SYSTEM):
            raise Malformed(reason="nobody is the system but the system itself")
        with self._records.begin() as session:
            return Persons(session).record_person(recorded)

    def disable_person(self, person: Person, person_id: str) -> None:
        """Stop somebody from acting, from their next request on."""
        permit(person, Action.IDENTITY_RECORD)
        with self._records.begin() as session:
            Persons(session).disable(person_id, self._clock.now())

    def enable_person(self, person: Person, person_id: str) -> None:
        permit(person, Action.IDENTITY_RECORD)
        with self._records.begin() as session:
            Persons(session).enable(person_id)

    def list_keys(self, person: Person, person_id: str) -> Sequence[ApiKey]:
        """One's own keys, or for the register's keeper anybody's."""
        self._own_or(person, person_id, Action.IDENTITY_READ)
        with self._records.begin() as session:
            Persons(session).read_person(person_id)
            return ApiKeys(session).list_keys(person_id)

    def issue_key(self, person: Person, person_id: str, label: str) -> KeyIssued:
        """A new key for somebody; it is shown once."""
        self._own_or(person, person_id, Action.IDENTITY_RECORD)
        key = make_key()
        with self._records.begin() as session:
            Persons(session).read_person(person_id)
            return KeyIssued(key=key, api_key=ApiKeys(session).record_key(person_id, key, label))

    def revoke_key(self, person: Person, person_id: str, key_id: str) -> ApiKey:
        self._own_or(person, person_id, Action.IDENTITY_RECORD)
        with self._records.begin() as session:
            return ApiKeys(session).revoke(person_id, key_id, self._clock.now())

    def _own_or(self, person: Person, person_id: str, action: Action) -> None:
        if person.person_id != person_id:
            permit(person, action)

    def _count_failure(self, name: str, now: datetime) -> None:
        with self._records.begin() as session:
            SignInFailures(session).record_failure(
                name, now, failures_max=FAILURES_MAX, locked_for=LOCKED_FOR
            )

    def _refuse_locked(self, name: str, now: datetime) -> None:
        with self._records.begin() as session:
            locked_until = SignInFailures(session).find_locked_until(name, now)
        if locked_until is not None:
            raise LockedOut(minutes=-(-(locked_until - now).seconds // 60))
