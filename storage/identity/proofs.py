"""How a person proves who they are: a password, an API key, a session.

Of every secret only a hash is kept. Passwords are guessed, so theirs is slow (argon2id) and is
computed outside any transaction; keys and tokens are 256 bits of chance, and SHA-256 will do.
"""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy import case as sql_case
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import NotFound
from domain.identity import ApiKey, Person, SignInSession
from storage.base import Row, recorded_at
from storage.identity.persons import PersonRow, person_of

if TYPE_CHECKING:
    from pwdlib import PasswordHash

KEY_PREFIX = "cf_"
_SHOWN_LENGTH = 10
# A key's last use is written this rarely, so that reading does not write.
_USE_NOTED_EVERY = timedelta(minutes=5)


def make_token() -> str:
    """A secret of 256 bits, fit for a URL."""
    return secrets.token_urlsafe(32)


def make_key() -> str:
    """A new API key; it is shown once and never stored."""
    return KEY_PREFIX + make_token()


def hash_of(secret: str) -> str:
    """What is stored in place of a key or token."""
    return hashlib.sha256(secret.encode()).hexdigest()


def password_hash_of(password: str) -> str:
    """The argon2id hash of a password; takes a tenth of a second on purpose."""
    return _hasher().hash(password)


def fits_password(password: str, password_hash: str | None) -> bool:
    """Whether the password fits; as slow where there is none to fit, so that nobody can tell."""
    return _hasher().verify(password, password_hash or _nobody()) and password_hash is not None


@lru_cache
def _hasher() -> "PasswordHash":
    from pwdlib import PasswordHash  # late: programs that check no password need not load it
    from pwdlib.hashers.argon2 import Argon2Hasher

    return PasswordHash((Argon2Hasher(),))


@lru_cache
def _nobody() -> str:
    return _hasher().hash(make_token())


class ApiKeyRow(Row):
    __tablename__ = "api_key"

    key_hash: Mapped[str] = mapped_column(primary_key=True)
    key_id: Mapped[str]
    person_id: Mapped[str]
    label: Mapped[str]
    shown: Mapped[str]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]


class SessionRow(Row):
    __tablename__ = "sign_in_session"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str]
    csrf_token: Mapped[str]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]


class FailureRow(Row):
    __tablename__ = "sign_in_failure"

    name: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    failed_at: Mapped[datetime]
    locked_until: Mapped[datetime | None]


# Asked by every request, so built once; most of a small query's cost is in building it.
_PERSON = (
    PersonRow.person_id,
    PersonRow.title,
    PersonRow.roles,
    PersonRow.branch,
    PersonRow.mail,
    PersonRow.language,
)
_BY_KEY = (
    select(*_PERSON, ApiKeyRow.last_used_at)
    .join(ApiKeyRow, ApiKeyRow.person_id == PersonRow.person_id)
    .where(
        ApiKeyRow.key_hash == bindparam("key_hash"),
        ApiKeyRow.revoked_at.is_(None),
        PersonRow.disabled_at.is_(None),
    )
)
_BY_TOKEN = (
    select(*_PERSON, SessionRow.csrf_token, SessionRow.expires_at)
    .join(SessionRow, SessionRow.person_id == PersonRow.person_id)
    .where(
        SessionRow.token_hash == bindparam("token_hash"),
        SessionRow.ended_at.is_(None),
        SessionRow.expires_at > bindparam("at"),
        PersonRow.disabled_at.is_(None),
    )
)


class ApiKeys:
    """The keys programs sign in with."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record_key(self, person_id: str, key: str, label: str = "") -> ApiKey:
        """Let the key stand for the person; the same key again changes nothing."""
        digest = hash_of(key)
        self._session.execute(
            insert(ApiKeyRow)
            .values(
                key_hash=digest,
                key_id=f"key-{digest[:16]}",
                person_id=person_id,
                label=label,
                shown=key[:_SHOWN_LENGTH],
                recorded_at=recorded_at(),
            )
            .on_conflict_do_nothing()
        )
        row = self._session.scalars(
            select(ApiKeyRow).where(ApiKeyRow.key_hash == digest)
        ).one_or_none()
        if row is None or row.person_id != person_id:
            raise NotFound(kind="key", id=key[:_SHOWN_LENGTH])
        return _api_key(row)

    def find_person(self, key: str, at: datetime) -> Person | None:
        """Whom a key stands for; None where it is unknown or revoked, or they are disabled."""
        found = self._session.execute(_BY_KEY, {"key_hash": hash_of(key)}).one_or_none()
        if found is None:
            return None
        used_at = found.last_used_at
        if used_at is None or at - used_at > _USE_NOTED_EVERY:
            self._note_use(key, at)
        return person_of(found)

    def list_keys(self, person_id: str) -> Sequence[ApiKey]:
        rows = self._session.scalars(
            select(ApiKeyRow)
            .where(ApiKeyRow.person_id == person_id)
            .order_by(ApiKeyRow.recorded_at, ApiKeyRow.key_id)
        )
        return [_api_key(row) for row in rows]

    def revoke(self, person_id: str, key_id: str, at: datetime) -> ApiKey:
        """From now on the key stands for nobody; a repeat keeps the first instant."""
        row = self._session.scalars(
            update(ApiKeyRow)
            .where(ApiKeyRow.key_id == key_id, ApiKeyRow.person_id == person_id)
            .values(revoked_at=func.coalesce(ApiKeyRow.revoked_at, at))
            .returning(ApiKeyRow)
            .execution_options(populate_existing=True)
        ).one_or_none()
        if row is None:
            raise NotFound(kind="key", id=key_id)
        return _api_key(row)

    def _note_use(self, key: str, at: datetime) -> None:
        # Another request may be noting the same; waiting for it would make reading slow.
        free = (
            select(ApiKeyRow.key_hash)
            .where(ApiKeyRow.key_hash == hash_of(key))
            .with_for_update(skip_locked=True)
        )
        self._session.execute(
            update(ApiKeyRow)
            .where(ApiKeyRow.key_hash.in_(free.scalar_subquery()))
            .values(last_used_at=at)
            .execution_options(synchronize_session=False)
        )


class Sessions:
    """Who is signed in to the console; each is found by its cookie's hash."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record_session(
        self, person_id: str, token: str, csrf_token: str, expires_at: datetime
    ) -> None:
        """Begin a session; those long expired are forgotten on the way."""
        now = recorded_at()
        self._session.execute(
            delete(SessionRow).where(SessionRow.expires_at < now - timedelta(days=1))
        )
        self._session.execute(
            insert(SessionRow).values(
                token_hash=hash_of(token),
                person_id=person_id,
                csrf_token=csrf_token,
                expires_at=expires_at,
                recorded_at=now,
            )
        )

    def find_session(self, token: str, at: datetime) -> SignInSession | None:
        """The session a cookie stands for; None once ended, expired, or its person is disabled."""
        found = self._session.execute(
            _BY_TOKEN, {"token_hash": hash_of(token), "at": at}
        ).one_or_none()
        if found is None:
            return None
        return SignInSession(
            person=person_of(found), csrf_token=found.csrf_token, expires_at=found.expires_at
        )

    def end(self, token: str, at: datetime) -> None:
        """Sign out; a session that has ended stays so."""
        self._session.execute(
            update(SessionRow)
            .where(SessionRow.token_hash == hash_of(token), SessionRow.ended_at.is_(None))
            .values(ended_at=at)
        )

    def end_all(self, person_id: str, at: datetime) -> None:
        """Sign the person out everywhere, as after a new password."""
        self._session.execute(
            update(SessionRow)
            .where(SessionRow.person_id == person_id, SessionRow.ended_at.is_(None))
            .values(ended_at=at)
        )


class SignInFailures:
    """Failed attempts by the name that was typed, whether or not anybody bears it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find_locked_until(self, name: str, at: datetime) -> datetime | None:
        """Until when the name may not sign in; None where it may."""
        return self._session.scalar(
            select(FailureRow.locked_until).where(
                FailureRow.name == name, FailureRow.locked_until > at
            )
        )

    def record_failure(
        self, name: str, at: datetime, *, failures_max: int, locked_for: timedelta
    ) -> None:
        """Count one more; with `failures_max` within the lock's length the name is locked."""
        self._session.execute(
            delete(FailureRow).where(FailureRow.failed_at < at - timedelta(days=1))
        )
        began_anew = FailureRow.failed_at < at - locked_for
        failures = sql_case((began_anew, 1), else_=FailureRow.failures + 1)
        self._session.execute(
            insert(FailureRow)
            .values(name=name, failures=1, failed_at=at)
            .on_conflict_do_update(
                index_elements=[FailureRow.name],
                set_={
                    "failures": failures,
                    "failed_at": at,
                    "locked_until": sql_case((failures >= failures_max, at + locked_for)),
                },
            )
        )

    def forget(self, name: str) -> None:
        """A successful attempt ends the count."""
        self._session.execute(delete(FailureRow).where(FailureRow.name == name))


def _api_key(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        key_id=row.key_id,
        person_id=row.person_id,
        label=row.label,
        shown=row.shown,
        recorded_at=row.recorded_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
