"""What may be asked of policy editions: read, check, compare, try on past cases, publish."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from domain.assessment import Assessment
from domain.edition import PolicyEdition, PublishedEdition
from domain.errors import CreditError, EditionInvalid, NotFound
from domain.identity import Id, Person
from domain.money import Money
from domain.value import Value
from policies.assessment import assess, differing
from policies.edition import check, refuse_unsound
from storage.application import Applications, Assessments
from storage.base import Records
from storage.edition import Editions
from web.service.clock import Clock
from web.service.permissions import Action, permit


class Draft(Value):
    """An edition as it is written: whole, or what it changes in one that is published."""

    toml: Annotated[str, Field(min_length=1, max_length=1_000_000)]
    base_hash: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


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


class Difference(Value):
    """One value that differs; empty where one of the two has none."""

    path: str
    before: str
    after: str


class Compared(Value):
    against_hash: str
    edition_hash: str
    differences: tuple[Difference, ...]


class Judged(Value):
    """What a judgement came to, as far as people would notice."""

    grade: str
    limit_recommended: Money
    lane: str
    route_row: str
    rate_annual: Decimal


class Changed(Value):
    """A past case whose outcome would be another."""

    case_id: Id
    before: Judged
    after: Judged | None  # None where the draft refuses to judge it
    refusal: str = ""


class Simulated(Value):
    """A draft tried on the newest cases that were judged."""

    edition_hash: str
    cases: int
    unchanged: int
    lanes: dict[str, int]  # after, by lane
    changed: tuple[Changed, ...]


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

    def read_source(self, person: Person, edition_hash: str) -> str:
        """The text as it was published, comments and all."""
        permit(person, Action.POLICY_READ)
        with self._records.begin() as session:
            return Editions(session).read_source(edition_hash)

    def check(self, person: Person, draft: Draft) -> Checked:
        """Everything wrong with a draft; refuses `EditionInvalid` where it cannot be read."""
        permit(person, Action.POLICY_SIMULATE)
        edition = self._edition_of(draft)
        return Checked(
            edition_hash=edition.edition_hash,
            name=edition.name,
            effective_on=edition.effective_on.isoformat(),
            faults=tuple(
                Fault(
                    path=finding.path,
                    code=finding.code,
                    sentence=finding.sentence("en"),
                    sentence_zh=finding.sentence("zh"),
                )
                for finding in check(edition)
            ),
        )

    def compare(self, person: Person, draft: Draft, against_hash: str | None) -> Compared:
        """What a draft changes in a published edition; in the one in force, unless named."""
        permit(person, Action.POLICY_SIMULATE)
        edition = self._edition_of(draft)
        with self._records.begin() as session:
            against = self._published(Editions(session), against_hash)
        first, second = (each.model_dump(mode="json") for each in (against, edition))
        return Compared(
            against_hash=against.edition_hash,
            edition_hash=edition.edition_hash,
            differences=tuple(
                Difference(path=path, before=_at(first, path), after=_at(second, path))
                for path in differing(first, second)
            ),
        )

    def simulate(self, person: Person, draft: Draft, *, most: int = 200) -> Simulated:
        """Judge the newest cases again under a draft, and list those it would decide otherwise."""
        permit(person, Action.POLICY_SIMULATE)
        edition = self._edition_of(draft)
        refuse_unsound(edition)
        with self._records.begin() as session:
            cases = Applications(session).list_page(page_size=most)
            found = [Assessments(session).find(case.case_id) for case in cases]
        receipts = [receipt for receipt in found if receipt is not None]
        tried = [_tried(receipt, edition) for receipt in receipts]
        changed = tuple(each for each in tried if each.before != each.after)
        return Simulated(
            edition_hash=edition.edition_hash,
            cases=len(receipts),
            unchanged=len(receipts) - len(changed),
            lanes=Counter(each.after.lane for each in tried if each.after is not None),
            changed=changed,
        )

    def publish(self, person: Person, draft: Draft) -> PublishedEdition:
        """Put a sound edition on record; cases under way keep the one they began with."""
        permit(person, Action.POLICY_PUBLISH)
        edition = self._edition_of(draft)
        refuse_unsound(edition)
        # What is kept as its source is all of it: a base alone would not say what was published.
        source = draft.toml if draft.base_hash is None else edition.as_toml()
        with self._records.begin() as session:
            editions = Editions(session)
            digest = editions.publish(edition, source, person.person_id)
            return next(each for each in editions.list_all() if each.edition_hash == digest)

    def _edition_of(self, draft: Draft) -> PolicyEdition:
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
            raise EditionInvalid(reason=f"unreadable ({type(error).__name__})") from error

    def _published(self, editions: Editions, edition_hash: str | None) -> PolicyEdition:
        if edition_hash is not None:
            return editions.read(edition_hash)
        current = editions.find_current(self._clock.business_on())
        if current is None:
            raise NotFound(kind="edition in force on", id=self._clock.business_on())
        return current


def _tried(receipt: Assessment, edition: PolicyEdition) -> Changed:
    """One case under the draft, beside what it came to."""
    before = _judged(receipt)
    spent = receipt.automatic_spent or Money.zero(edition.reporting_currency)
    try:
        fresh = assess(
            receipt.case_id,
            receipt.dossier,
            edition,
            automatic_spent=spent,
            sampled=receipt.sampled,
        )
    except CreditError as refusal:
        return Changed(case_id=receipt.case_id, before=before, after=None, refusal=refusal.code)
    return Changed(case_id=receipt.case_id, before=before, after=_judged(fresh))


def _judged(receipt: Assessment) -> Judged:
    return Judged(
        grade=receipt.rating.grade,
        limit_recommended=receipt.limit_recommended,
        lane=receipt.route.lane,
        route_row=receipt.route.row,
        rate_annual=receipt.price.rate_annual,
    )


def _at(document: Any, path: str) -> str:
    """The text of what stands at a path of `differing`; empty where nothing does."""
    found = document
    for step in path.split("."):
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            return ""
    return "" if found is None else str(found)
