"""The minutes of a meeting as a document: set from what was frozen, sealed, and kept under a hash."""

from temporalio import activity

from activities.documents.minutes import render_minutes
from activities.documents.sealing import GRANTOR, Sealing
from activities.signatures import MeetingSteps
from domain.approval import MinutesOrder, SealedMinutes
from domain.errors import SignatureInvalid
from storage.approval import Meetings
from storage.attachment import Attachments
from storage.base import Records


class MeetingActivities(MeetingSteps):
    """The step on PostgreSQL, with the grantor's seal."""

    def __init__(self, records: Records, sealing: Sealing) -> None:
        self._records = records
        self._sealing = sealing

    @activity.defn
    def seal_minutes(self, order: MinutesOrder) -> SealedMinutes:
        """Once; refuses `SignatureInvalid` where the minutes on record are not what was frozen."""
        with self._records.begin() as session:
            frozen = Meetings(session).read_minutes(order.meeting_no)
            document_hash = frozen.document_hash
            if document_hash is None:
                minutes = frozen.minutes
                if minutes.minutes_hash != frozen.minutes_hash:
                    raise SignatureInvalid(reason="the minutes are not those that were frozen")
                plain = render_minutes(frozen, self._sealing.grantor)
                sealed = self._sealing.certify(plain, minutes.closed_at)
                self._sealing.require(sealed, GRANTOR)
                name = f"{order.meeting_no}.pdf"
                kept = Attachments(session).record(sealed, name=name, recorded_by="system")
                document_hash = Meetings(session).record_document(order.meeting_no, kept.sha256)
            return SealedMinutes(meeting_no=order.meeting_no, document_hash=document_hash)
