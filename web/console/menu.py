"""Where a person may go: the entries of the menu that their roles open."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

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


# The headings are `menu_group.<key>`; what is before the first one has none.
GROUPS: Mapping[str, tuple[Entry, ...]] = {
    "": (
        Entry("start", "/", "home", Action.FIGURES_READ),
        Entry("tasks", "/tasks", "inbox", Action.TASK_READ),
    ),
    "granting": (
        Entry("cases", "/cases", "folder", Action.APPLICATION_READ),
        Entry("investigations", "/investigations", "search", Action.INVESTIGATION_READ),
        Entry("meetings", "/meetings", "list", Action.MEETING_READ),
        Entry("overrides", "/overrides", "pen", Action.OVERRIDE_READ),
        Entry("turnaround", "/turnaround", "clock", Action.TURNAROUND_READ),
    ),
    "customers": (
        Entry("customers", "/customers", "building", Action.CUSTOMER_READ),
        Entry("lines", "/lines", "gauge", Action.LINE_READ),
        Entry("orders", "/orders", "file", Action.ORDER_READ),
        Entry("holds", "/holds", "lock", Action.HOLD_READ),
        Entry("excesses", "/excesses", "gauge", Action.EXCESS_READ),
        Entry("uses", "/uses", "coins", Action.USE_READ),
        Entry("cliffs", "/cliffs", "clock", Action.LINE_READ),
        Entry("idle", "/idle", "gauge", Action.IDLE_READ),
        Entry("reviews", "/reviews", "cycle", Action.REVIEW_READ),
        Entry("related", "/related", "flag", Action.RELATED_READ),
        Entry("insurance", "/insurance", "shield", Action.INSURANCE_READ),
    ),
    "monitoring": (
        Entry("warnings", "/warnings", "triangle", Action.WARNING_READ),
        Entry("rerating", "/rerating", "list", Action.RERATING_READ),
        Entry("outlooks", "/outlooks", "flag", Action.RERATING_READ),
        Entry("classes", "/classes", "list", Action.CLASS_READ),
        Entry("cohorts", "/cohorts", "cycle", Action.COHORT_READ),
        Entry("collections", "/collections", "coins", Action.COLLECTION_READ),
        Entry("confirmations", "/confirmations", "envelope", Action.CONFIRMATION_READ),
        Entry("reconciliations", "/reconciliations", "list", Action.RECEIVABLE_READ),
        Entry("bills", "/bills", "coins", Action.BILL_READ),
        Entry("disputes", "/disputes", "flag", Action.RECEIVABLE_READ),
        Entry("guards", "/guards", "shield", Action.GUARD_READ),
    ),
    "rules": (
        Entry("policy", "/policy", "book", Action.POLICY_READ),
        Entry("products", "/products", "list", Action.POLICY_READ),
        Entry("authority", "/authority", "shield", Action.AUTHORITY_READ),
        Entry("benchmarks", "/benchmarks", "coins", Action.BENCHMARK_READ),
        Entry("tolerances", "/tolerances", "gauge", Action.TOLERANCE_READ),
    ),
    "operations": (
        Entry("operations", "/operations", "pulse", Action.OPERATIONS_READ),
        Entry("repairs", "/repairs", "pulse", Action.REPAIR_READ),
        Entry("webhooks", "/webhooks", "out", Action.WEBHOOK_READ),
        Entry("mails", "/mails", "envelope", Action.OPERATIONS_READ),
    ),
}
ENTRIES = tuple(entry for entries in GROUPS.values() for entry in entries)


def menu_of(person: Person, path: str) -> dict[str, tuple[Entry, ...]]:
    """What the person may open, by heading, with the present place marked."""
    found = {
        group: tuple(
            replace(each, here=_within(path, each.path))
            for each in entries
            if permitted(person, each.action)
        )
        for group, entries in GROUPS.items()
    }
    return {group: entries for group, entries in found.items() if entries}


def _within(path: str, place: str) -> bool:
    return path == place or (place != "/" and path.startswith(f"{place}/"))
