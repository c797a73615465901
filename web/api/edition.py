"""Policy editions: read, check, compare; drafts tried on the book and published by two."""

from typing import Annotated, Any

from fastapi import Path, Query, Response, UploadFile
from fastapi.responses import PlainTextResponse
from pydantic import Field

from domain.draft import RecordedReport
from domain.edition import PublishedEdition
from domain.value import Value
from web.api.stage import stage
from web.api.writes import Writing, marked
from web.callers import Asked, Caller
from web.service.draft import PAST_MAX, PAST_USUAL, Drafting, DraftView, Published
from web.service.edition import (
    CatalogueProduct,
    Checked,
    Compared,
    Comparison,
    Draft,
    WorkbookRead,
    edition_schema,
)
from web.service.simulation_report import csv_text, markdown

router = stage("edition")

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_BYTES_MAX = 20_000_000
_HASH = r"^[0-9a-f]{64}$"
EditionHash = Annotated[str, Path(pattern=_HASH)]
DraftReference = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$")]


class PublishedEditions(Value):
    items: tuple[PublishedEdition, ...]


class Drafts(Value):
    items: tuple[DraftView, ...]


class Catalogue(Value):
    items: tuple[CatalogueProduct, ...]


class Note(Value):
    """What is said with a word."""

    note: Annotated[str, Field(max_length=2000)] = ""


@router.get("/editions")
def list_editions(asked: Asked, caller: Caller) -> PublishedEditions:
    """Every edition on record, the first published first."""
    return PublishedEditions(items=tuple(asked.editions.list_editions(caller)))


@router.get("/products")
def list_products(asked: Asked, caller: Caller) -> Catalogue:
    """The product catalogue in force: what each product asks of its use."""
    return Catalogue(items=asked.editions.list_products(caller))


@router.get("/editions/{edition_hash}/source", response_class=PlainTextResponse)
def read_source(asked: Asked, caller: Caller, edition_hash: EditionHash) -> str:
    """The text as it was published, comments and all."""
    return asked.editions.read_source(caller, edition_hash)


@router.post("/editions/check")
def check(asked: Asked, caller: Caller, body: Draft) -> Checked:
    """Everything wrong with a draft."""
    return asked.editions.check(caller, body)


@router.post("/editions/diff")
def compare(
    asked: Asked,
    caller: Caller,
    body: Comparison,
    against: Annotated[str | None, Query(pattern=_HASH)] = None,
) -> Compared:
    """What a draft changes in the edition in force, in the one named, or in another text."""
    return asked.editions.compare(caller, body, against)


@router.get("/editions/schema")
def read_schema(caller: Caller) -> dict[str, Any]:
    """The JSON schema of an edition, for editors."""
    return edition_schema()


@router.post("/editions/xlsx", response_class=Response, responses={200: {"content": {_XLSX: {}}}})
def write_workbook(asked: Asked, caller: Caller, body: Draft) -> Response:
    """An edition as a workbook."""
    return Response(asked.editions.write_workbook(caller, body), media_type=_XLSX)


@router.post("/editions/from-xlsx")
def read_workbook(asked: Asked, caller: Caller, file: UploadFile) -> WorkbookRead:
    """A workbook as an edition; a cell with a formula is refused."""
    return asked.editions.read_workbook(caller, file.file.read(_BYTES_MAX))


@router.get("/editions/drafts")
def list_drafts(asked: Asked, caller: Caller) -> Drafts:
    """Every draft, the one revised last first."""
    return Drafts(items=tuple(asked.drafts.list_drafts(caller)))


@router.post("/editions/drafts", status_code=201, response_model=DraftView)
def record_draft(write: Writing, body: Drafting) -> Response:
    """Put a draft on record under its author; with `draft_id`, as a further revision."""
    return write.once(201, body, lambda: write.asked.drafts.record(write.caller, body))


@router.get("/editions/drafts/{draft}")
def read_draft(asked: Asked, caller: Caller, draft: DraftReference) -> DraftView:
    """A draft by its id, or by the hash of its content."""
    return asked.drafts.read_draft(caller, draft)


@router.get("/editions/drafts/{draft}/source", response_class=PlainTextResponse)
def read_draft_source(asked: Asked, caller: Caller, draft: DraftReference) -> str:
    """The text as it was drafted, comments and all."""
    return asked.drafts.read_content(caller, draft)[1]


@router.get("/editions/drafts/{draft}/diff")
def compare_draft(asked: Asked, caller: Caller, draft: DraftReference) -> Compared:
    """What a draft on record changes in the edition in force."""
    return asked.editions.compared(asked.drafts.read_content(caller, draft)[0])


@router.post("/editions/drafts/{draft}/simulation", status_code=201, response_model=RecordedReport)
def simulate(
    write: Writing,
    draft: DraftReference,
    most: Annotated[int, Query(ge=1, le=PAST_MAX)] = PAST_USUAL,
) -> Response:
    """Try a draft on past cases and the lines in force; the report is kept."""
    return write.once(
        201, draft, lambda: write.asked.drafts.simulate(write.caller, draft, most=most)
    )


@router.get("/editions/drafts/{draft}/simulation")
def read_report(asked: Asked, caller: Caller, draft: DraftReference) -> RecordedReport:
    """The newest report of exactly this draft."""
    return asked.drafts.read_report(caller, draft)


@router.get("/editions/drafts/{draft}/simulation.md", response_class=PlainTextResponse)
def read_report_text(asked: Asked, caller: Caller, draft: DraftReference) -> str:
    """The newest report as Markdown, in the caller's language."""
    return markdown(asked.drafts.read_report(caller, draft), caller.language.value)


@router.get("/editions/drafts/{draft}/simulation.csv", response_class=PlainTextResponse)
def read_report_rows(asked: Asked, caller: Caller, draft: DraftReference) -> str:
    """Every case that the draft would decide otherwise, as CSV."""
    return csv_text(asked.drafts.read_report(caller, draft))


@router.post("/editions/drafts/{draft}/proposal")
def propose(asked: Asked, caller: Caller, draft: DraftReference) -> DraftView:
    """Put a draft before whoever may publish it."""
    return asked.drafts.propose(caller, draft)


@router.post("/editions/drafts/{draft}/publication", status_code=201)
def publish(write: Writing, response: Response, draft: DraftReference, body: Note) -> Published:
    """A second person's word that puts the draft in force."""
    published = write.asked.drafts.publish(write.caller, draft, note=body.note, key=write.key)
    return marked(response, published)
