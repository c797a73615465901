"""What was refused: kept for every request of somebody we know, and read by those who watch."""

from collections.abc import Sequence

from domain.audit import RefusedMessage, RefusedRecord
from domain.identity import Person
from storage.base import Records
from storage.identity import Refusals
from web.service.permissions import Action, permit


class AuditService:
    """The record of refusals."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def record_refusal(self, refused: RefusedMessage) -> None:
        """Keep it in a transaction of its own: what was refused has left no other trace."""
        with self._records.begin() as session:
            Refusals(session).record_refusal(refused)

    def list_refusals(
        self,
        person: Person,
        *,
        case_id: str | None = None,
        subject: str | None = None,
        person_id: str | None = None,
        before_no: int | None = None,
        page_size: int = 50,
    ) -> Sequence[RefusedRecord]:
        """The newest first. Anybody may read what they themselves were refused."""
        if person_id != person.person_id:
            permit(person, Action.AUDIT_READ)
        with self._records.begin() as session:
            return Refusals(session).list_refusals(
                case_id=case_id,
                subject=subject,
                person_id=person_id,
                before_no=before_no,
                page_size=page_size,
            )
