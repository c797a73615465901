"""Where a person may go: the entries of the menu that their roles open."""

from dataclasses import dataclass

from domain.identity import Person
from web.service.permissions import Action, permitted


@dataclass(frozen=True)
class Entry:
    """One entry; its words are `menu.<key>`."""

    key: str
    path: str
    sign: str
    action: Action
    here: bool = False


ENTRIES = (
    Entry("start", "/", "home", Action.FIGURES_READ),
    Entry("tasks", "/tasks", "inbox", Action.TASK_READ),
    Entry("cases", "/cases", "folder", Action.APPLICATION_READ),
    Entry("investigations", "/investigations", "search", Action.INVESTIGATION_READ),
    Entry("customers", "/customers", "building", Action.CUSTOMER_READ),
    Entry("lines", "/lines", "gauge", Action.LINE_READ),
    Entry("reviews", "/reviews", "cycle", Action.REVIEW_READ),
    Entry("warnings", "/warnings", "triangle", Action.WARNING_READ),
    Entry("rerating", "/rerating", "list", Action.RERATING_READ),
    Entry("outlooks", "/outlooks", "flag", Action.RERATING_READ),
    Entry("classes", "/classes", "list", Action.CLASS_READ),
    Entry("cohorts", "/cohorts", "cycle", Action.COHORT_READ),
    Entry("turnaround", "/turnaround", "clock", Action.TURNAROUND_READ),
    Entry("collections", "/collections", "coins", Action.COLLECTION_READ),
    Entry("benchmarks", "/benchmarks", "coins", Action.BENCHMARK_READ),
    Entry("overrides", "/overrides", "pen", Action.OVERRIDE_READ),
    Entry("meetings", "/meetings", "list", Action.MEETING_READ),
    Entry("authority", "/authority", "shield", Action.AUTHORITY_READ),
    Entry("products", "/products", "list", Action.POLICY_READ),
    Entry("guards", "/guards", "shield", Action.GUARD_READ),
    Entry("related", "/related", "flag", Action.RELATED_READ),
    Entry("tolerances", "/tolerances", "gauge", Action.TOLERANCE_READ),
    Entry("policy", "/policy", "book", Action.POLICY_READ),
    Entry("mails", "/mails", "envelope", Action.OPERATIONS_READ),
    Entry("repairs", "/repairs", "pulse", Action.REPAIR_READ),
    Entry("operations", "/operations", "pulse", Action.OPERATIONS_READ),
)


def menu_of(person: Person, path: str) -> tuple[Entry, ...]:
    """What the person may open, with the present place marked."""
    return tuple(
        Entry(e.key, e.path, e.sign, e.action, here=_within(path, e.path))
        for e in ENTRIES
        if permitted(person, e.action)
    )


def _within(path: str, place: str) -> bool:
    return path == place or (place != "/" and path.startswith(f"{place}/"))
