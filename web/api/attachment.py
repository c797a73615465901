"""Files on record, under the hash of their content."""

from typing import Annotated, Any

from fastapi import Path, Response, UploadFile

from domain.attachment import Attachment
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller

router = stage("attachment")

Hash = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "The file's bytes"}
}


@router.post("/attachments", status_code=201, response_model=Attachment)
def record_attachment(write: Writing, file: UploadFile) -> Response:
    """Keep a file; the same bytes again are the same file. Its kind is read from the bytes."""
    content = file.file.read(write.asked.attachments.bytes_max + 1)
    name = file.filename or ""
    return write.once(
        201,
        [content, name],
        lambda: write.asked.attachments.record(write.caller, content, name),
    )


@router.get("/attachments/{sha256}")
def read_attachment(asked: Asked, caller: Caller, sha256: Hash) -> Attachment:
    """What is known of a file."""
    return asked.attachments.read(caller, sha256)


@router.get("/attachments/{sha256}/content", response_class=Response, responses=_FILE)
def read_content(asked: Asked, caller: Caller, sha256: Hash) -> Response:
    """The file itself, always as a download: it came from outside and is not shown as ours."""
    attachment, content = asked.attachments.read_content(caller, sha256)
    return Response(
        content,
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": f'attachment; filename="{attachment.sha256[:16]}"',
            "ETag": f'"{attachment.sha256}"',
        },
    )
