"""What was refused, what happened, and whether what is on record is still what was written."""

from collections.abc import Sequence

from domain.audit import Altered, AuditEvent, AuditProof, RefusedMessage, RefusedRecord
from domain.identity import Person
from storage.audit import Seals
from storage.base import Records
from storage.exposure import Exposure
from storage.identity import Refusals
from web.service.permissions import Action, permit


class AuditService:
    """The records that watch the others."""

    def __init__(self, records: Records, exposure: Exposure) -> None:
        self._records = records
        self._exposure = exposure

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

    def list_events(
        self,
        person: Person,
        *,
        case_id: str | None = None,
        after_no: int = 0,
        page_size: int = 200,
    ) -> Sequence[AuditEvent]:
        """What happened to all cases, oldest first, from above a number."""
        permit(person, Action.AUDIT_READ)
        with self._records.begin() as session:
            return Seals(session).list_events(
                case_id=case_id, after_no=after_no, page_size=page_size
            )

    def verify(self, person: Person) -> AuditProof:
        """Try every file, receipt, edition and balance against what it was written as."""
        permit(person, Action.AUDIT_READ)
        with self._records.begin() as session:
            seals = Seals(session)
            altered = [
                *seals.altered_files(),
                *seals.altered_receipts(),
                *seals.altered_editions(),
            ]
            files, receipts = seals.count_files(), seals.count_receipts()
            editions = seals.count_editions()
        proof = self._exposure.verify()
        altered += [
            Altered(kind="balance", id=found.account, detail=f"{found.rule}: {found.detail}")
            for found in proof.discrepancies
        ]
        return AuditProof(
            files=files,
            receipts=receipts,
            editions=editions,
            entries=proof.entries,
            altered=tuple(altered),
        )
