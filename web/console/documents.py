"""Files on record: which kinds a form offers, and reading one."""

from collections.abc import Sequence
from urllib.parse import quote

from fastapi import APIRouter, Response, UploadFile

from web.console.page import Visit, Visiting

router = APIRouter(include_in_schema=False)

# Kinds of document that forms offer; what a case lacks is asked for by the policy's own codes.
DOCUMENTS = (
    "business_license",
    "articles_of_association",
    "statements",
    "purchase_contract",
    "board_resolution",
    "guarantee",
    "other",
)


@router.get("/documents/{sha256}")
def read_document(visit: Visiting, sha256: str) -> Response:
    """A file, as a download whatever its kind: it came from outside."""
    attachment, content = visit.services.attachments.read_content(visit.person, sha256)
    name = quote(attachment.name or sha256[:16])
    return Response(
        content,
        media_type=attachment.media_type,
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"},
    )


def filed(visit: Visit, files: Sequence[UploadFile] | None) -> list[str]:
    """The hashes of the files a form brings, each put on record."""
    hashes = []
    for file in files or ():
        if file.filename:
            content = file.file.read(visit.services.attachments.bytes_max + 1)
            kept = visit.services.attachments.record(visit.person, content, file.filename)
            hashes.append(kept.sha256)
    return hashes
