"""Files on record, each once, under the hash of its content."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.attachment import BYTES_MAX as _BYTES_MAX
from domain.attachment import Attachment, attachment_of
from domain.errors import NotFound
from storage.base import Row, table_of


class AttachmentRow(Row):
    __tablename__ = "attachment"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    media_type: Mapped[str]
    size_bytes: Mapped[int]
    name: Mapped[str]
    content: Mapped[bytes] = mapped_column(deferred=True)
    recorded_by: Mapped[str]


_RECORD = insert(table_of(AttachmentRow)).on_conflict_do_nothing()


class Attachments:
    """The files that applications, conditions and events rest on."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(
        self, content: bytes, *, name: str, recorded_by: str, bytes_max: int = _BYTES_MAX
    ) -> Attachment:
        """Keep a file; the same bytes again are the file on record, under its first name.

        Refuses `AttachmentTooLarge` and `AttachmentTypeRefused`.
        """
        attachment = attachment_of(content, name, recorded_by, bytes_max=bytes_max)
        self._session.execute(_RECORD, attachment.model_dump() | {"content": content})
        return self.read(attachment.sha256)

    def read(self, sha256: str) -> Attachment:
        attachment = self.find(sha256)
        if attachment is None:
            raise NotFound(kind="attachment", id=sha256)
        return attachment

    def find(self, sha256: str) -> Attachment | None:
        row = self._session.scalar(select(AttachmentRow).where(AttachmentRow.sha256 == sha256))
        if row is None:
            return None
        return Attachment(
            sha256=row.sha256,
            media_type=row.media_type,
            size_bytes=row.size_bytes,
            name=row.name,
            recorded_by=row.recorded_by,
        )

    def read_content(self, sha256: str) -> bytes:
        """The bytes themselves, or `NotFound`."""
        content = self._session.scalar(
            select(AttachmentRow.content).where(AttachmentRow.sha256 == sha256)
        )
        if content is None:
            raise NotFound(kind="attachment", id=sha256)
        return bytes(content)
