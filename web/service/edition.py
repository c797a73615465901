"""What may be asked of policy editions: read, check, compare; what is drafted is `draft.py`."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from domain.edition import PolicyEdition, Product, PublishedEdition
from domain.errors import CreditError, EditionInvalid, NotFound
from domain.identity import Person
from domain.reasons import because
from domain.value import Value
from policies.difference import Kind, differences
from policies.edition import check
from policies.schema import edition_schema as edition_schema
from storage.base import Records
from storage.edition import Editions
from web.service.clock import Clock
from web.service.permissions import Action, permit
from web.service.sheets import toml_of_workbook, workbook_of


class Draft(Value):
    """An edition as it is written: whole, or what it changes in one that is published."""

    toml: Annotated[str, Field(min_length=1, max_length=1_000_000)]
    base_hash: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class Comparison(Draft):
    """A draft, and the text it is compared to where that is not published either."""

    against_toml: Annotated[str | None, Field(max_length=1_000_000)] = None


class WorkbookRead(Value):
    """What a workbook says, as canonical TOML."""

    edition_hash: str
    toml: str


class Fault(Value):
    """One thing wrong with a draft."""

    path: str
    code: str
    sentence: str
    sentence_zh: str


class Checked(Value):
    """Whether a draft holds together; it may be published when nothing was found."""

    edition_hash: str
    name: str
    effective_on: str
    faults: tuple[Fault, ...]


class Said(Value):
    """One value or row that differs; empty where one of the two has none."""

    path: str
    kind: Kind
    before: str
    after: str
    sentence: str
    sentence_zh: str


class CatalogueProduct(Product):
    """A product (额度品种) by its code, and what its use asks for."""

    code: str


class Compared(Value):
    against_hash: str
    edition_hash: str
    differences: tuple[Said, ...]


class EditionService:
    """Policy editions, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def list_editions(self, person: Person) -> Sequence[PublishedEdition]:
        """Every edition on record, the first published first."""
        permit(person, Action.POLICY_READ)
        with self._records.begin() as session:
            return Editions(session).list_all()

    def read_edition(self, person: Person, edition_hash: str | None = None) -> PolicyEdition:
        """The whole edition; the one in force today unless one is named."""
        permit(person, Action.POLICY_READ)
        with self._records.begin() as session:
            return self._published(Editions(session), edition_hash)

    def list_products(self, person: Person) -> tuple[CatalogueProduct, ...]:
        """The product catalogue in force, in the edition's order."""
        edition = self.read_edition(person)
        return tuple(
            CatalogueProduct.model_validate({"code": code, **product.model_dump()})
            for code, product in edition.limit.products.items()
        )

    def read_source(self, person: Person, edition_hash: str) -> str:
        """The text as it was published, comments and all."""
        permit(person, Action.POLICY_READ)
        with self._records.begin() as session:
            return Editions(session).read_source(edition_hash)

    def write_workbook(self, person: Person, draft: Draft) -> bytes:
        """An edition as a workbook, to be edited by whoever prefers tables."""
        permit(person, Action.POLICY_READ)
        return workbook_of(self.edition_of(draft))

    def read_workbook(self, person: Person, content: bytes) -> WorkbookRead:
        """The TOML of an edited workbook; refuses `EditionInvalid` with the sheet and cell."""
        permit(person, Action.POLICY_READ)
        edition = self.edition_of(Draft(toml=toml_of_workbook(content)))
        return WorkbookRead(edition_hash=edition.edition_hash, toml=edition.as_toml())

    def check(self, person: Person, draft: Draft) -> Checked:
        """Everything wrong with a draft; refuses `EditionInvalid` where it cannot be read."""
        permit(person, Action.POLICY_SIMULATE)
        edition = self.edition_of(draft)
        return Checked(
            edition_hash=edition.edition_hash,
            name=edition.name,
            effective_on=edition.effective_on.isoformat(),
            faults=faults_of(edition),
        )

    def compare(self, person: Person, draft: Comparison, against_hash: str | None) -> Compared:
        """What a draft changes in another text, or in a published edition; in the one in force,
        unless named."""
        permit(person, Action.POLICY_SIMULATE)
        edition = self.edition_of(draft)
        if draft.against_toml is None:
            return self.compared(edition, against_hash)
        return _compared(self.edition_of(Draft(toml=draft.against_toml)), edition)

    def compared(self, edition: PolicyEdition, against_hash: str | None = None) -> Compared:
        """What an edition changes in a published one, in words of both languages."""
        with self._records.begin() as session:
            against = self._published(Editions(session), against_hash)
        return _compared(against, edition)

    def edition_of(self, draft: Draft) -> PolicyEdition:
        """The edition a text says; refuses `EditionInvalid`."""
        base = None
        if draft.base_hash is not None:
            with self._records.begin() as session:
                base = Editions(session).read(draft.base_hash).as_toml()
        try:
            return PolicyEdition.of_toml(draft.toml, base)
        except CreditError:
            raise
        except (ValueError, ArithmeticError, RecursionError, TypeError) as error:
            # Whatever else a text can do to its reader; it came from outside.
            raise EditionInvalid(**because("unreadable", error=type(error).__name__)) from error

    def _published(self, editions: Editions, edition_hash: str | None) -> PolicyEdition:
        if edition_hash is not None:
            return editions.read(edition_hash)
        current = editions.find_current(self._clock.business_on())
        if current is None:
            raise NotFound(kind="edition in force on", id=self._clock.business_on())
        return current


def _compared(against: PolicyEdition, edition: PolicyEdition) -> Compared:
    return Compared(
        against_hash=against.edition_hash,
        edition_hash=edition.edition_hash,
        differences=tuple(
            Said(
                path=each.path,
                kind=each.kind,
                before=each.before,
                after=each.after,
                sentence=each.sentence("en"),
                sentence_zh=each.sentence("zh"),
            )
            for each in differences(against, edition)
        ),
    )


def faults_of(edition: PolicyEdition) -> tuple[Fault, ...]:
    """Everything wrong with an edition, in words of both languages."""
    return tuple(
        Fault(
            path=finding.path,
            code=finding.code,
            sentence=finding.sentence("en"),
            sentence_zh=finding.sentence("zh"),
        )
        for finding in check(edition)
    )
