"""Published policy editions: rows found by hash, added and never changed, and the shipped texts."""

from datetime import date, datetime
from importlib import resources

from sqlalchemy import BigInteger, Identity, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.calendar import days_before
from domain.edition import PolicyEdition, PublishedEdition
from domain.errors import NotFound
from storage.base import Row, recorded_at

STANDARD = "standard"

# An edition never changes, so every program parses each of them once.
_read: dict[str, PolicyEdition] = {}


class EditionRow(Row):
    __tablename__ = "policy_edition"

    publication_no: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    edition_hash: Mapped[str]
    name: Mapped[str]
    effective_on: Mapped[date]
    toml: Mapped[str]  # canonical: every field, no comments
    source: Mapped[str]  # as it was written, comments and all
    published_by: Mapped[str]
    published_at: Mapped[datetime]


class Editions:
    """Policy editions by hash and by the day they are in force."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def publish(self, edition: PolicyEdition, toml_text: str, published_by: str) -> str:
        """Put an edition on record; the same content again changes nothing. Returns its hash."""
        self._session.execute(
            insert(EditionRow)
            .values(
                edition_hash=edition.edition_hash,
                name=edition.name,
                effective_on=edition.effective_on,
                toml=edition.as_toml(),
                source=toml_text,
                published_by=published_by,
                published_at=recorded_at(),
            )
            .on_conflict_do_nothing(index_elements=["edition_hash"])
        )
        return self.read(edition.edition_hash).edition_hash

    def read(self, edition_hash: str) -> PolicyEdition:
        """The edition of a hash; refuses `NotFound`."""
        known = _read.get(edition_hash)
        if known is not None:
            return known
        query = select(EditionRow.toml).where(EditionRow.edition_hash == edition_hash)
        toml = self._session.scalar(query)
        if toml is None:
            raise NotFound(kind="policy edition", id=edition_hash[:12])
        return self._parsed(edition_hash, toml)

    def read_current(self, on: date) -> PolicyEdition:
        """The edition in force on a day; `NotFound` where there is none yet."""
        edition = self.find_current(on)
        if edition is None:
            raise NotFound(kind="policy edition in force", id=on.isoformat())
        return edition

    def find_current(self, on: date, name: str | None = None) -> PolicyEdition | None:
        """The edition in force on a day: the latest to take effect, of these the last published.

        Of the family `name`; of the one in force here, unless another is named.
        """
        family = name or self._session.info.get("policy", STANDARD)
        query = select(EditionRow.edition_hash).where(EditionRow.effective_on <= on)
        newest = (
            query.where(EditionRow.name == family)
            .order_by(EditionRow.effective_on.desc(), EditionRow.publication_no.desc())
            .limit(1)
        )
        found = self._session.scalar(newest)
        return None if found is None else self.read(found)

    def find_before(self, edition: PolicyEdition) -> PolicyEdition | None:
        """The edition of its family that was in force on the day before it takes effect."""
        return self.find_current(days_before(edition.effective_on, 1), edition.name)

    def find_spans(self, until: date) -> list[tuple[date, PolicyEdition]]:
        """The editions of the family in force here up to a day, each with the day it took effect;
        of those of one day the last published."""
        family = self._session.info.get("policy", STANDARD)
        rows = self._session.execute(
            select(EditionRow.effective_on, EditionRow.edition_hash)
            .where(EditionRow.effective_on <= until, EditionRow.name == family)
            .order_by(EditionRow.effective_on, EditionRow.publication_no)
        )
        newest = {row.effective_on: row.edition_hash for row in rows}
        return [(since, self.read(edition_hash)) for since, edition_hash in newest.items()]

    def list_all(self) -> tuple[PublishedEdition, ...]:
        """Every edition on record, the first published first."""
        rows = self._session.scalars(select(EditionRow).order_by(EditionRow.publication_no))
        return tuple(
            PublishedEdition(
                edition_hash=row.edition_hash,
                name=row.name,
                effective_on=row.effective_on,
                published_by=row.published_by,
                published_at=row.published_at,
            )
            for row in rows
        )

    def read_source(self, edition_hash: str) -> str:
        """The text as it was published, comments and all; refuses `NotFound`."""
        query = select(EditionRow.source).where(EditionRow.edition_hash == edition_hash)
        source = self._session.scalar(query)
        if source is None:
            raise NotFound(kind="policy edition", id=edition_hash[:12])
        return source

    def _parsed(self, edition_hash: str, toml: str) -> PolicyEdition:
        edition = PolicyEdition.of_toml(toml)
        # The row is guarded against change; a difference means that we read it otherwise than the
        # release that wrote it, and no judgement may rest on that.
        assert edition.edition_hash == edition_hash, (
            f"edition {edition_hash[:12]} reads differently"
        )
        return _read.setdefault(edition_hash, edition)


def shipped_text(name: str) -> str:
    """The TOML of an edition that comes with the product; refuses `NotFound`."""
    file = resources.files("policies").joinpath("editions", f"{name}.toml")
    if not name.isidentifier() or not file.is_file():
        raise NotFound(kind="shipped edition", id=name)
    return file.read_text("utf-8")


def read_shipped(name: str = STANDARD) -> PolicyEdition:
    """A shipped edition; all but the standard one say only what they change in it."""
    base = None if name == STANDARD else shipped_text(STANDARD)
    return PolicyEdition.of_toml(shipped_text(name), base)
