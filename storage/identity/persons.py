"""The register of people and programs that may act."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Text, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import NotFound
from domain.identity import Language, Person, Role
from storage.base import Row, recorded_at


class PersonRow(Row):
    __tablename__ = "person"

    person_id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    branch: Mapped[str]
    mail: Mapped[str]
    language: Mapped[str]
    password_hash: Mapped[str | None]
    disabled_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]


class Persons:
    """People and programs by their user name; the disabled stay on record."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record_person(self, person: Person) -> Person:
        """Write the person unless there is one of this name; return the one on record."""
        self._session.execute(
            insert(PersonRow)
            .values(
                person_id=person.person_id,
                title=person.title,
                roles=sorted(person.roles),
                branch=person.branch,
                mail=person.mail,
                language=person.language,
                recorded_at=recorded_at(),
            )
            .on_conflict_do_nothing()
        )
        return self.read_person(person.person_id)

    def change_person(self, person: Person) -> Person:
        """Replace title, roles, branch, mail and language; what was decided before stands."""
        self._changed(
            person.person_id,
            title=person.title,
            roles=sorted(person.roles),
            branch=person.branch,
            mail=person.mail,
            language=person.language,
        )
        return self.read_person(person.person_id)

    def find_person(self, person_id: str) -> Person | None:
        """The person, disabled or not."""
        row = self._session.get(PersonRow, person_id)
        return person_of(row) if row else None

    def read_person(self, person_id: str) -> Person:
        person = self.find_person(person_id)
        if person is None:
            raise NotFound(kind="person", id=person_id)
        return person

    def find_active(self, person_id: str) -> Person | None:
        """The person if they may act today: on record and not disabled."""
        row = self._session.get(PersonRow, person_id)
        return person_of(row) if row and row.disabled_at is None else None

    def list_persons(self) -> Sequence[Person]:
        """All who may act, by name."""
        rows = self._session.scalars(
            select(PersonRow).where(PersonRow.disabled_at.is_(None)).order_by(PersonRow.person_id)
        )
        return [person_of(row) for row in rows]

    def find_password_hash(self, person_id: str) -> str | None:
        """The hash a password must fit; None where none is set or the person is disabled."""
        return self._session.scalar(
            select(PersonRow.password_hash).where(
                PersonRow.person_id == person_id, PersonRow.disabled_at.is_(None)
            )
        )

    def record_password(self, person_id: str, password_hash: str) -> None:
        self._changed(person_id, password_hash=password_hash)

    def disable(self, person_id: str, at: datetime) -> None:
        """From now on they cannot act: keys and sessions stop with the next request."""
        self._changed(person_id, disabled_at=at)

    def enable(self, person_id: str) -> None:
        self._changed(person_id, disabled_at=None)

    def _changed(self, person_id: str, **values: object) -> None:
        found = self._session.scalar(
            update(PersonRow)
            .where(PersonRow.person_id == person_id)
            .values(**values)
            .returning(PersonRow.person_id)
        )
        if found is None:
            raise NotFound(kind="person", id=person_id)


def person_of(row: PersonRow | Any) -> Person:
    """The value of a row, or of a query for its columns; for the stores of this folder."""
    return Person(
        person_id=row.person_id,
        title=row.title,
        roles=frozenset(map(Role, row.roles)),
        branch=row.branch,
        mail=row.mail,
        language=Language(row.language),
    )
