"""The register of the grantor's own related parties, and what they hold."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse

from domain.related import RelatedBy, RelatedContent
from web.api.pages import after_text
from web.console.lists import PAGE_SIZE, next_path
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem
from web.service.permissions import Action, permitted
from web.service.related import EntryChecked

router = APIRouter(include_in_schema=False)
_VIEWS = ("register", "disclosure")


@router.get("/related")
def show_related(
    visit: Visiting, view: str = "", as_of: date | None = None, after: str | None = None
) -> HTMLResponse:
    """The register, or the disclosure of a day."""
    if view == "disclosure":
        found = visit.services.related.disclosure(visit.person, as_of)
        return visit.show(
            "related/disclosure.html",
            views=visit.tabs("/related", "related.view", _VIEWS, "disclosure"),
            disclosure=found,
        )
    return _register(visit, after=after)


@router.post("/related")
def record(
    visit: Writing,
    subject: Annotated[str, Form()] = "",
    relation: Annotated[str, Form()] = "",
    members: Annotated[str, Form()] = "",
    source: Annotated[str, Form()] = "",
    valid_from: Annotated[str, Form()] = "",
    valid_until: Annotated[str, Form()] = "",
    entry_id: Annotated[str, Form()] = "",
) -> Response:
    """Put an entry, or a better version of one, on record; refused, the form comes back."""
    visit.when_refused(lambda refusal: _register(visit, refusal=refusal))
    content = visit.valid(
        RelatedContent,
        {
            "subject": subject.strip(),
            "relation": visit.parsed(RelatedBy, relation, "relation"),
            "members": members.replace(",", " ").split(),
            "source": source.strip(),
            "valid_from": valid_from or None,
            "valid_until": valid_until or None,
        },
    )
    visit.services.related.record(visit.person, content, entry_id.strip() or None)
    return visit.go("/related", "related_recorded")


@router.post("/related/{entry_id}/check")
def check(
    visit: Writing,
    entry_id: str,
    version: Annotated[int, Form()],
    word: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> Response:
    """A second person's word on the version that was read."""
    visit.when_refused(lambda refusal: _register(visit, refusal=refusal))
    checked = EntryChecked(version=version, accepted=word == "accept", note=note)
    visit.services.related.check(visit.person, entry_id, checked)
    return visit.go("/related", "related_checked")


def _register(
    visit: Visit, *, after: str | None = None, refusal: Problem | None = None
) -> HTMLResponse:
    found = visit.services.related.list_entries(
        visit.person, after=after_text(after), page_size=PAGE_SIZE + 1
    )
    entries = found[:PAGE_SIZE]
    return visit.show(
        "related/register.html",
        refusal=refusal,
        views=visit.tabs("/related", "related.view", _VIEWS, "register"),
        entries=entries,
        names=visit.customer_names(each.newest.subject for each in entries),
        relations=list(RelatedBy),
        may_record=permitted(visit.person, Action.RELATED_RECORD),
        may_check=permitted(visit.person, Action.RELATED_CHECK),
        next_path=next_path(found, "/related", lambda each: (each.newest.entry_id,)),
    )
