"""The minutes of a meeting (会议纪要) as a PDF: set from what was frozen, and from nothing else."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from activities.documents.agreement import words_of
from activities.documents.typesetting import legible, typeset
from domain.approval import FrozenMinutes, ItemMinutes
from domain.approval.minutes import Said
from domain.calendar import ZONE
from domain.contract import Grantor


def render_minutes(frozen: FrozenMinutes, grantor: Grantor) -> bytes:
    """One document of a meeting, a section a case."""
    minutes, meeting = frozen.minutes, frozen.minutes.meeting
    held_at = meeting.held_at.astimezone(ZoneInfo(ZONE))
    facts = {
        "grantor": {"zh": grantor.name_zh or grantor.name, "en": grantor.name},
        "meeting_no": meeting.meeting_no,
        "body": meeting.body,
        "held_at": f"{held_at:%Y-%m-%d %H:%M}",
        "place": meeting.place,
        "chair": meeting.chair,
        "members": ", ".join(meeting.members),
        "closed_at": f"{minutes.closed_at.astimezone(ZoneInfo(ZONE)):%Y-%m-%d %H:%M %z}",
        "closed_by": minutes.closed_by,
        "minutes_hash": frozen.minutes_hash,
        "sections": [_section(section) for section in minutes.sections],
    }
    return typeset("contract/minutes.typ", legible(facts), meeting.held_on)


def _section(section: ItemMinutes) -> dict[str, Any]:
    item, vote = section.item, section.vote
    (result,) = words_of("meeting_result", (section.result,))
    return {
        "no": str(item.item_no),
        "case_id": item.case_id,
        "customer_id": item.customer_id,
        "approval_id": item.approval_id,
        "presenter": item.presenter,
        "attendants": ", ".join(item.attendants),
        "papers": list(item.papers),
        "content_hash": item.content_hash,
        "deferred_from": item.deferred_from or "",
        "result": result,
        "approve": str(vote.tally.approve),
        "decline": str(vote.tally.decline),
        "defer": str(vote.tally.defer),
        "cast": str(vote.tally.cast),
        "quorum": str(vote.quorum or ""),
        "absent": ", ".join(vote.absent),
        "recused": [f"{person}: {why}" for person, why in section.recused],
        "votes": _votes(vote.said),
    }


def _votes(said: Sequence[Said]) -> list[dict[str, Any]]:
    return [
        {
            "position": each.position,
            "person": each.person_id or "",
            "word": words_of("verdict", (each.verdict or "",))[0],
            "weight": str(each.weight),
            "note": each.note,
            "conditions": [condition.text for condition in each.conditions],
        }
        for each in said
    ]
