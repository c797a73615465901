"""The register of the grantor's own related parties: entries, their check, and the disclosure."""

from datetime import date

from fastapi import Response

from domain.identity import Id
from domain.related import Disclosure, RelatedContent, RelatedStanding
from web.api.pages import Cursor, Page, PageSize, after_text, page_of
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.related import EntryChecked

router = stage("related")


@router.get("/related-parties")
def list_entries(
    asked: Asked, caller: Caller, cursor: Cursor = None, page_size: PageSize = 50
) -> Page[RelatedStanding]:
    """Every entry by id: its newest version, the word on it, and the version that counts."""
    found = asked.related.list_entries(caller, after=after_text(cursor), page_size=page_size + 1)
    return page_of(found, page_size, lambda each: (each.newest.entry_id,))


@router.post("/related-parties", status_code=201, response_model=RelatedStanding)
def record_entry(write: Writing, body: RelatedContent) -> Response:
    """Put a related party on record; it counts once a second person accepts it."""
    return write.once(201, body, lambda: write.asked.related.record(write.caller, body))


@router.get("/related-parties/disclosure")
def read_disclosure(asked: Asked, caller: Caller, as_of: date | None = None) -> Disclosure:
    """Every related party with credit as of a day: limits, use, terms, letters, body."""
    return asked.related.disclosure(caller, as_of)


@router.get("/related-parties/{entry_id}")
def read_entry(asked: Asked, caller: Caller, entry_id: Id) -> RelatedStanding:
    """One entry: its newest version, the word on it, and the version that counts."""
    return asked.related.read_entry(caller, entry_id)


@router.put("/related-parties/{entry_id}", response_model=RelatedStanding)
def update_entry(write: Writing, entry_id: Id, body: RelatedContent) -> Response:
    """What is known better of an entry, such as its end; the version before counts until then."""
    return write.once(200, body, lambda: write.asked.related.record(write.caller, body, entry_id))


@router.post("/related-parties/{entry_id}/check", response_model=RelatedStanding)
def check_entry(write: Writing, entry_id: Id, body: EntryChecked) -> Response:
    """Accept or reject the version that was read, by somebody other than who wrote it."""
    return write.once(200, body, lambda: write.asked.related.check(write.caller, entry_id, body))
