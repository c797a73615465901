"""What the registers say about one approval on one day, in one round trip while somebody waits."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.approval import ApprovalRequest, FunctionHeld, Register
from storage.approval.functions import HELD, held_of
from storage.approval.meetings import PRESENTING
from storage.approval.register import ON_DAY, TIES, asked_on, register_of


class Bearing(NamedTuple):
    """Who is in which office, who is tied to the customer, and who has had a part in the case."""

    register: Register
    manager_id: str | None  # of the customer; none where it is not on record
    ties: Mapping[str, str]  # whoever declared one with the customer, by which entry
    members_marked: bool  # whether any related party marks people of ours
    overridden: bool  # whether anybody ever asked to move the grade of the case
    functions: list[FunctionHeld]
    presenting: frozenset[str]
    voices: frozenset[str]


_BEARING = text(
    f"""
    SELECT
        {ON_DAY},
        (SELECT manager_id FROM customer
            WHERE customer_id = customer_survivor(:customer_id)) AS manager_id,
        (SELECT jsonb_agg(jsonb_build_array(person_id, entry_id)) FROM ({TIES}) t) AS ties,
        EXISTS (SELECT FROM related_entry WHERE content -> 'members' <> '[]') AS members_marked,
        EXISTS (SELECT FROM rating_override WHERE case_id = :case_id) AS overridden,
        (SELECT jsonb_agg(jsonb_build_array(person_id, function)) FROM ({HELD}) h) AS functions,
        (SELECT jsonb_agg(person_id) FROM ({PRESENTING}) p (person_id)) AS presenting,
        (SELECT jsonb_agg(coalesce(on_behalf_of, person_id)) FROM decision d
            WHERE (approval_id = :approval_id OR task_id = ANY (CAST(:carried AS text[])))
            AND NOT EXISTS (SELECT FROM decision_void v WHERE v.decision_id = d.decision_id)
        ) AS voices
    """
)


class Bearings:
    """Read from the registers and the words; nothing is written here."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def read(
        self,
        request: ApprovalRequest,
        on: date,
        carried: Iterable[str] = (),
    ) -> Bearing:
        """All that bears on who may decide; `carried` are the tasks before it whose words it took
        over."""
        about = {
            "customer_id": request.customer_id,
            "case_id": request.case_id,
            "approval_id": request.approval_id,
            "carried": sorted(carried),
        }
        found = self._session.execute(_BEARING, asked_on(on) | about).one()
        return Bearing(
            register=register_of(on, found),
            manager_id=found.manager_id,
            ties=dict(found.ties or ()),
            members_marked=found.members_marked,
            overridden=found.overridden,
            functions=[held_of(*each) for each in found.functions or ()],
            presenting=frozenset(found.presenting or ()),
            voices=frozenset(found.voices or ()),
        )
