"""The register of authority: grants, seats, delegations, certificates, ties, alarms."""

from typing import Annotated

from fastapi import Path, Query, Response

from domain.approval import (
    Alarm,
    AuthorityGrant,
    Certificate,
    CertificateContent,
    ConflictContent,
    Delegation,
    DelegationContent,
    InterestConflict,
    RegisterEvent,
    Seat,
    SeatContent,
)
from domain.identity import Id
from domain.value import Value
from web.api.pages import Cursor, Page, PageSize, after_text, page_of
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.authority import Ending, GrantStanding

router = stage("authority")

GrantNo = Annotated[str, Path(min_length=1, max_length=100)]
Of = Annotated[str | None, Query(max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class Grants(Value):
    items: tuple[AuthorityGrant, ...]


class Alarms(Value):
    items: tuple[Alarm, ...]


class Events(Value):
    items: tuple[RegisterEvent, ...]


# ── grants ───────────────────────────────────────────────────────────────────────────────────────


@router.get("/persons/{person_id}/grants")
def list_grants(asked: Asked, caller: Caller, person_id: Id) -> Grants:
    """What a person may decide, by which grant; through a seat too."""
    return Grants(items=tuple(asked.authority.list_grants(caller, person_id)))


@router.get("/grants")
def list_register(
    asked: Asked, caller: Caller, cursor: Cursor = None, page_size: PageSize = 50
) -> Page[GrantStanding]:
    """Every grant of authority (授权书) by its number, and whether it stands today."""
    found = asked.authority.list_register(caller, after=after_text(cursor), page_size=page_size + 1)
    return page_of(found, page_size, lambda each: (each.grant.grant_no,))


@router.post("/grants", status_code=201, response_model=AuthorityGrant)
def record_grant(write: Writing, body: AuthorityGrant) -> Response:
    """Enter a grant of authority, a sub-grant or a grant for one case into the register."""
    return write.once(201, body, lambda: write.asked.authority.record_grant(write.caller, body))


@router.get("/grants/{grant_no}")
def read_grant(asked: Asked, caller: Caller, grant_no: GrantNo) -> GrantStanding:
    """One grant, who holds it today, and the grants it comes from."""
    return asked.authority.read_grant(caller, grant_no)


@router.post("/grants/{grant_no}/revoke", status_code=204)
def revoke_grant(
    asked: Asked, caller: Caller, grant_no: GrantNo, body: Ending | None = None
) -> None:
    """The grant ends today, with every sub-grant of it; open tasks feel it at once."""
    asked.authority.revoke_grant(caller, grant_no, body.reason if body else "")


# ── seats ────────────────────────────────────────────────────────────────────────────────────────


@router.get("/seats")
def list_seats(
    asked: Asked, caller: Caller, of: Of = None, cursor: Cursor = None, page_size: PageSize = 50
) -> Page[Seat]:
    """Who sits in which post or body; of one person, or of one post or body."""
    found = asked.authority.list_seats(
        caller, of, after=after_text(cursor), page_size=page_size + 1
    )
    return page_of(found, page_size, lambda each: (each.entry_id,))


@router.post("/seats", status_code=201, response_model=Seat)
def record_seat(write: Writing, body: SeatContent) -> Response:
    """Put somebody into a post or a body."""
    return write.once(201, body, lambda: write.asked.authority.record_seat(write.caller, body))


@router.post("/seats/{entry_id}/end", response_model=Seat)
def end_seat(write: Writing, entry_id: Id, body: Ending) -> Response:
    """They leave it today; what was granted to it or by them falls at once."""
    asked = write.asked.authority
    return write.once(200, body, lambda: asked.end_seat(write.caller, entry_id, body))


# ── delegations ──────────────────────────────────────────────────────────────────────────────────


@router.get("/delegations")
def list_delegations(
    asked: Asked, caller: Caller, of: Of = None, cursor: Cursor = None, page_size: PageSize = 50
) -> Page[Delegation]:
    """Who speaks for whom; of one person, for them or by them."""
    found = asked.authority.list_delegations(
        caller, of, after=after_text(cursor), page_size=page_size + 1
    )
    return page_of(found, page_size, lambda each: (each.entry_id,))


@router.post("/delegations", status_code=201, response_model=Delegation)
def record_delegation(write: Writing, body: DelegationContent) -> Response:
    """Have somebody speak for oneself for a time, or as an operator for who is away."""
    asked = write.asked.authority
    return write.once(201, body, lambda: asked.record_delegation(write.caller, body))


@router.post("/delegations/{entry_id}/end", response_model=Delegation)
def end_delegation(write: Writing, entry_id: Id, body: Ending) -> Response:
    """It ends today: the delegator is back."""
    asked = write.asked.authority
    return write.once(200, body, lambda: asked.end_delegation(write.caller, entry_id, body))


# ── certificates ─────────────────────────────────────────────────────────────────────────────────


@router.get("/certificates")
def list_certificates(
    asked: Asked, caller: Caller, of: Of = None, cursor: Cursor = None, page_size: PageSize = 50
) -> Page[Certificate]:
    """Certificates by number; of one person, or of one code."""
    found = asked.authority.list_certificates(
        caller, of, after=after_text(cursor), page_size=page_size + 1
    )
    return page_of(found, page_size, lambda each: (each.entry_id,))


@router.post("/certificates", status_code=201, response_model=Certificate)
def record_certificate(write: Writing, body: CertificateContent) -> Response:
    """Put a person's certificate on record, with the document that shows it."""
    asked = write.asked.authority
    return write.once(201, body, lambda: asked.record_certificate(write.caller, body))


@router.post("/certificates/{entry_id}/end", response_model=Certificate)
def end_certificate(write: Writing, entry_id: Id, body: Ending) -> Response:
    """It was withdrawn: from today it gives no authority."""
    asked = write.asked.authority
    return write.once(200, body, lambda: asked.end_certificate(write.caller, entry_id, body))


# ── ties with customers ──────────────────────────────────────────────────────────────────────────


@router.get("/conflicts")
def list_conflicts(
    asked: Asked, caller: Caller, of: Of = None, cursor: Cursor = None, page_size: PageSize = 50
) -> Page[InterestConflict]:
    """Declared ties with customers: one's own, or for those in charge of a person or a customer."""
    found = asked.authority.list_conflicts(
        caller, of, after=after_text(cursor), page_size=page_size + 1
    )
    return page_of(found, page_size, lambda each: (each.entry_id,))


@router.post("/conflicts", status_code=201, response_model=InterestConflict)
def declare_conflict(write: Writing, body: ConflictContent) -> Response:
    """Declare a tie of one's own: from now on others decide, open tasks too."""
    asked = write.asked.authority
    return write.once(201, body, lambda: asked.declare_conflict(write.caller, body))


@router.post("/conflicts/{entry_id}/end", response_model=InterestConflict)
def end_conflict(write: Writing, entry_id: Id, body: Ending) -> Response:
    """A second person finds that the tie is over."""
    asked = write.asked.authority
    return write.once(200, body, lambda: asked.end_conflict(write.caller, entry_id, body))


# ── what nobody could decide, and what happened ──────────────────────────────────────────────────


@router.get("/authority/alarms")
def list_alarms(
    asked: Asked, caller: Caller, standing: bool = True, page_size: PageSize = 50
) -> Alarms:
    """Tasks that nobody could decide, the newest first; those still open, or all."""
    found = asked.authority.list_alarms(caller, standing=standing, page_size=page_size)
    return Alarms(items=tuple(found))


@router.get("/authority/events")
def list_register_events(asked: Asked, caller: Caller, page_size: PageSize = 50) -> Events:
    """What was written into the register and what ended, the newest first."""
    return Events(items=tuple(asked.authority.list_events(caller, page_size=page_size)))
