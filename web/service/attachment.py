"""What may be asked of files: keep one, say what it is, give it back."""

from domain.attachment import BYTES_MAX, Attachment
from domain.identity import Person
from storage.attachment import Attachments
from storage.base import Records
from web.service.permissions import Action, permit


class AttachmentService:
    """Files, over one memory."""

    def __init__(self, records: Records, *, bytes_max: int = BYTES_MAX) -> None:
        self._records = records
        self.bytes_max = bytes_max

    def record(self, person: Person, content: bytes, name: str) -> Attachment:
        """Keep a file under its hash; refuses `AttachmentTooLarge`, `AttachmentTypeRefused`."""
        permit(person, Action.ATTACHMENT_RECORD)
        with self._records.begin() as session:
            return Attachments(session).record(
                content, name=name, recorded_by=person.person_id, bytes_max=self.bytes_max
            )

    def read(self, person: Person, sha256: str) -> Attachment:
        permit(person, Action.ATTACHMENT_READ)
        with self._records.begin() as session:
            return Attachments(session).read(sha256)

    def read_content(self, person: Person, sha256: str) -> tuple[Attachment, bytes]:
        """The file and its bytes; show it as a download only, whatever its kind."""
        permit(person, Action.ATTACHMENT_READ)
        with self._records.begin() as session:
            attachments = Attachments(session)
            return attachments.read(sha256), attachments.read_content(sha256)
