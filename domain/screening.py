"""Admission screen (准入) and name lists: what a hit is and what it does to a case."""

from datetime import date
from enum import StrEnum

from pydantic import Field

from domain.customer import Identifier
from domain.identity import Id
from domain.value import Value


class ListEffect(StrEnum):
    STOP = "stop"  # the application is refused at once
    SUSPEND = "suspend"  # the case waits until a risk officer clears or confirms the hit


class ListEntry(Value):
    """A company on a list, by exact identifier code."""

    list_code: Id  # e.g. internal_negative, dishonest_debtors
    list_version: str = Field(min_length=1, max_length=64)
    identifier: Identifier
    effect: ListEffect
    rule: str = Field(min_length=1, max_length=200)  # named to whoever is stopped by it
    reason: str = Field(default="", max_length=2000)
    until: date | None = None

    def in_force(self, on: date) -> bool:
        """Whether the entry still counts on the day; the day named in `until` is its last."""
        return self.until is None or on <= self.until


class NameList(Value):
    """One list in its newest version; older versions stay on record."""

    list_code: Id
    list_version: str
    entries: int
    imported_on: date
    source: str = ""


class Hit(Value):
    list_code: str
    list_version: str
    rule: str
    effect: ListEffect
    identifier: Identifier


class Screening(Value):
    """One look at all lists for one customer; `hits` empty means clear."""

    customer_id: Id
    business_on: date
    list_versions: dict[str, str]
    hits: tuple[Hit, ...] = ()

    @property
    def effect(self) -> ListEffect | None:
        """The strongest effect of the hits; None where clear."""
        effects = {hit.effect for hit in self.hits}
        if ListEffect.STOP in effects:
            return ListEffect.STOP
        return ListEffect.SUSPEND if effects else None
