"""Files on record: named by the hash of their content, and taken only for what they are.

The kind is read from the bytes, never from the name. Nothing is unpacked to find out.
"""

import hashlib
import io
import zipfile
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from domain.errors import AttachmentTooLarge, AttachmentTypeRefused
from domain.identity import Id
from domain.value import Value

BYTES_MAX = 10 * 1024 * 1024
_OFFICE = "application/vnd.openxmlformats-officedocument."
_TYPES_PART = "[Content_Types].xml"
_TYPES_BYTES_MAX = 1024 * 1024
_PARTS_MAX = 5000
# Parts that run, or that carry another file inside: neither belongs in evidence.
_ACTIVE_PARTS = ("vbaproject", "macrosheets/", "activex/", "embeddings/", "customui/")


def _plain_name(name: str) -> str:
    """The last part of a path, without control characters; a name is shown, never opened."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in last if c.isprintable()).strip(" .")[-200:]


class Attachment(Value):
    """What is known of a stored file; its bytes are read from storage by `sha256`."""

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    media_type: str
    size_bytes: int = Field(ge=1)
    name: Annotated[str, AfterValidator(_plain_name)] = ""
    recorded_by: Id = "system"


def attachment_of(
    content: bytes, name: str, recorded_by: str, *, bytes_max: int = BYTES_MAX
) -> Attachment:
    """The attachment a file makes; refuses `AttachmentTooLarge` and `AttachmentTypeRefused`."""
    if len(content) > bytes_max:
        raise AttachmentTooLarge(megabytes_max=bytes_max // (1024 * 1024))
    return Attachment(
        sha256=hashlib.sha256(content).hexdigest(),
        media_type=media_type_of(content),
        size_bytes=len(content),
        name=name,
        recorded_by=recorded_by,
    )


def media_type_of(content: bytes) -> str:
    """PDF, PNG, JPEG, XLSX or DOCX without macros, or plain text; anything else is refused."""
    if not content:
        raise AttachmentTypeRefused(media_type="application/x-empty")
    for start, media_type in (
        (b"%PDF-", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
    ):
        if content.startswith(start):
            return media_type
    if content.startswith(b"PK\x03\x04"):
        return _office_type(content)
    return _text_type(content)


def _office_type(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.infolist()
            names = [part.filename.lower() for part in parts]
            if len(parts) > _PARTS_MAX or _TYPES_PART.lower() not in names:
                raise AttachmentTypeRefused(media_type="application/zip")
            types = _content_types(packed)
    except (zipfile.BadZipFile, NotImplementedError, KeyError, EOFError, OSError) as broken:
        raise AttachmentTypeRefused(media_type="application/zip") from broken
    if b"macroenabled" in types or any(mark in name for name in names for mark in _ACTIVE_PARTS):
        raise AttachmentTypeRefused(media_type="application/vnd.ms-office.macroEnabled")
    if "xl/workbook.xml" in names:
        return f"{_OFFICE}spreadsheetml.sheet"
    if "word/document.xml" in names:
        return f"{_OFFICE}wordprocessingml.document"
    raise AttachmentTypeRefused(media_type="application/zip")


def _content_types(packed: zipfile.ZipFile) -> bytes:
    """The one small part that says what the others are, read no further than its cap."""
    if packed.getinfo(_TYPES_PART).flag_bits & 0x1:  # encrypted
        raise AttachmentTypeRefused(media_type="application/zip")
    with packed.open(_TYPES_PART) as part:
        types = part.read(_TYPES_BYTES_MAX + 1)
    if len(types) > _TYPES_BYTES_MAX:
        raise AttachmentTypeRefused(media_type="application/zip")
    return types.lower()


def _text_type(content: bytes) -> str:
    text = _decoded(content)
    if any(character < " " and character not in "\t\n\r\f" for character in text):
        raise AttachmentTypeRefused(media_type="application/octet-stream")
    # Mark-up is text too, but a browser that is shown it may run it.
    if text.lstrip("\ufeff \t\r\n\f").startswith("<"):
        raise AttachmentTypeRefused(media_type="text/html")
    head = text.split("\n", 1)[0]
    return "text/csv" if "," in head or "\t" in head else "text/plain"


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise AttachmentTypeRefused(media_type="application/octet-stream")
