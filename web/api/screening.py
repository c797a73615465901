"""Name lists: which there are, who stands on them, put a name on one."""

from fastapi import Response

from domain.customer import Identifier
from domain.identity import Id
from domain.screening import ListEntry, NameList
from domain.value import Value
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.screening import Touched

router = stage("screening")


class NameLists(Value):
    items: tuple[NameList, ...]


class ListEntries(Value):
    items: tuple[ListEntry, ...]


class Looked(Value):
    """Codes to look for on every list."""

    identifiers: tuple[Identifier, ...]


@router.get("/lists")
def list_lists(asked: Asked, caller: Caller) -> NameLists:
    """Every list in its newest version."""
    return NameLists(items=tuple(asked.screenings.list_lists(caller)))


@router.get("/lists/{list_code}/entries")
def list_entries(asked: Asked, caller: Caller, list_code: Id) -> ListEntries:
    """All that stands on a list now."""
    return ListEntries(items=tuple(asked.screenings.list_entries(caller, list_code)))


@router.post("/lists/entries", status_code=201, response_model=Touched)
def add_entry(write: Writing, body: ListEntry) -> Response:
    """Put a name on a list, and see whom it concerns now."""
    return write.once(201, body, lambda: write.asked.screenings.add(write.caller, body))


@router.post("/lists/hits")
def find_hits(asked: Asked, caller: Caller, body: Looked) -> ListEntries:
    """The entries on any list that have one of these codes."""
    return ListEntries(items=tuple(asked.screenings.find_hits(caller, body.identifiers)))
