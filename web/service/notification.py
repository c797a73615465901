"""What was owed to others and what became of it; one-time links are shown to nobody."""

import email
import re
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from domain.errors import NotFound
from domain.identity import Person
from domain.notification import MASK, OutboxEntry
from domain.value import Value
from storage.base import Records
from storage.notification import Outbox
from web.service.permissions import Action, permit

# The last part of an address that only its receiver may follow; ids have hyphens where UUIDs do.
_ONE_TIME = re.compile(
    r"(https?://\S*?/)(?![0-9a-f]{8}-[0-9a-f]{4}-)[A-Za-z0-9_\-]{24,}(?=[\s/?]|$)"
)


class SentMail(Value):
    """A mail as the sink received it."""

    name: str
    sent_to: str
    subject: str
    sent_at: str
    body: str


class NotificationService:
    """The outbox, and the mails that an embedded sink has received."""

    def __init__(self, records: Records, *, mail_dir: Path | None = None) -> None:
        self._records = records
        self._mail_dir = mail_dir

    def list_outbox(
        self,
        person: Person,
        cursor: int | None = None,
        *,
        channel: str | None = None,
        state: str | None = None,
        page_size: int = 50,
    ) -> Sequence[OutboxEntry]:
        """Entries from below `cursor`, newest first, with state and last error."""
        permit(person, Action.OPERATIONS_READ)
        with self._records.begin() as session:
            entries = Outbox(session).find_page(
                before=cursor, channel=channel, state=state, page_size=page_size
            )
        return [entry.masked for entry in entries]

    def resume(self, person: Person, entry_no: int) -> OutboxEntry:
        """Try an entry again that was given up; `NotFound` where there is none."""
        permit(person, Action.OPERATIONS_ACT)
        with self._records.begin() as session:
            return Outbox(session).resume(entry_no).masked

    def sent_mails(self, person: Person, *, page_size: int = 50) -> Sequence[SentMail]:
        """The newest mails of the embedded sink; `NotFound` where an installation has none."""
        permit(person, Action.OPERATIONS_READ)
        if self._mail_dir is None:
            raise NotFound(kind="mail sink", id="in this installation")
        files = sorted(self._mail_dir.glob("*.eml"), key=_newest_first)
        return [_sent_mail(file) for file in files[:page_size]]


def _newest_first(file: Path) -> tuple[int, str]:
    return -file.stat().st_mtime_ns, file.name


def _sent_mail(file: Path) -> SentMail:
    mail = email.message_from_bytes(file.read_bytes(), policy=default)
    assert isinstance(mail, EmailMessage)
    body = mail.get_body(("plain",))
    return SentMail(
        name=file.name,
        sent_to=str(mail["To"] or ""),
        subject=str(mail["Subject"] or ""),
        sent_at=str(mail["Date"] or ""),
        body=_ONE_TIME.sub(rf"\g<1>{MASK}", body.get_content() if body else ""),
    )
