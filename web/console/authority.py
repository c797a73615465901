"""The register of authority: grants, seats, delegations, certificates, ties, and what nobody decides."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse

from domain.approval import (
    AuthorityGrant,
    CertificateContent,
    ConflictContent,
    DelegationContent,
    SeatContent,
)
from domain.classification import FiveTier
from domain.customer import Segment
from domain.money import Money
from web.api.pages import after_text
from web.console.lists import CURRENCIES, PAGE_SIZE, next_path, plain_amount
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem
from web.service.authority import Ending
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)
_VIEWS = ("grants", "seats", "delegations", "certificates", "conflicts", "queue", "events")
_RECORDED_BY = {
    "grants": Action.AUTHORITY_GRANT,
    "seats": Action.AUTHORITY_GRANT,
    "delegations": Action.DELEGATION_RECORD,
    "certificates": Action.CERTIFICATE_RECORD,
    "conflicts": Action.CONFLICT_DECLARE,
}
_NAMES = ("units", "regions", "industries", "products", "segments", "classes", "subjects")


@router.get("/authority")
def show_register(visit: Visiting, view: str = "", after: str | None = None) -> HTMLResponse:
    """One part of the register; which one is in the address."""
    return _page(visit, view if view in _VIEWS else "grants", after)


@router.post("/authority/grants")
def record_grant(
    visit: Writing,
    grant_no: Annotated[str, Form()] = "",
    holder_kind: Annotated[str, Form()] = "person_id",
    holder: Annotated[str, Form()] = "",
    position: Annotated[str, Form()] = "",
    limit: Annotated[str, Form()] = "",
    currency: Annotated[str, Form()] = "",
    valid_from: Annotated[str, Form()] = "",
    valid_until: Annotated[str, Form()] = "",
    granted_by: Annotated[str, Form()] = "",
    parent_no: Annotated[str, Form()] = "",
    case_id: Annotated[str, Form()] = "",
    units: Annotated[str, Form()] = "",
    regions: Annotated[str, Form()] = "",
    industries: Annotated[str, Form()] = "",
    products: Annotated[str, Form()] = "",
    segments: Annotated[str, Form()] = "",
    classes: Annotated[str, Form()] = "",
    subjects: Annotated[str, Form()] = "",
    secured_only: Annotated[str, Form()] = "",
) -> Response:
    """Enter a grant, a sub-grant or a grant for one case; refused, the form comes back."""
    visit.when_refused(lambda refusal: _page(visit, "grants", refusal=refusal))
    typed = (units, regions, industries, products, segments, classes, subjects)
    scope: dict[str, Any] = {name: _codes(text) for name, text in zip(_NAMES, typed, strict=True)}
    held_by = holder_kind if holder_kind in ("person_id", "post", "body") else "person_id"
    grant = visit.valid(
        AuthorityGrant,
        {
            "grant_no": grant_no.strip(),
            held_by: holder.strip(),
            "position": position.strip(),
            "limit": Money.of(plain_amount(limit), currency),
            "valid_from": valid_from,
            "valid_until": valid_until,
            "granted_by": granted_by.strip(),
            "parent_no": parent_no.strip() or None,
            "case_id": case_id.strip() or None,
            "scope": scope | {"secured_only": bool(secured_only)},
        },
    )
    visit.services.authority.record_grant(visit.person, grant)
    return visit.go("/authority?view=grants", "authority_recorded")


@router.post("/authority/grants/revoke")
def revoke_grant(
    visit: Writing,
    entry_id: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    visit.when_refused(lambda refusal: _page(visit, "grants", refusal=refusal))
    visit.services.authority.revoke_grant(visit.person, entry_id, _ending(visit, reason).reason)
    return visit.go("/authority?view=grants", "authority_ended")


@router.post("/authority/seats")
def record_seat(
    visit: Writing,
    person_id: Annotated[str, Form()] = "",
    holder_kind: Annotated[str, Form()] = "post",
    seat: Annotated[str, Form()] = "",
    valid_from: Annotated[str, Form()] = "",
    valid_until: Annotated[str, Form()] = "",
) -> Response:
    visit.when_refused(lambda refusal: _page(visit, "seats", refusal=refusal))
    content = visit.valid(
        SeatContent,
        {
            "person_id": person_id.strip(),
            "body" if holder_kind == "body" else "post": seat.strip(),
            "valid_from": valid_from,
            "valid_until": valid_until or None,
        },
    )
    visit.services.authority.record_seat(visit.person, content)
    return visit.go("/authority?view=seats", "authority_recorded")


@router.post("/authority/delegations")
def record_delegation(
    visit: Writing,
    delegator: Annotated[str, Form()] = "",
    delegate: Annotated[str, Form()] = "",
    valid_from: Annotated[str, Form()] = "",
    valid_until: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    limit: Annotated[str, Form()] = "",
    currency: Annotated[str, Form()] = "",
    present: Annotated[str, Form()] = "",
) -> Response:
    """Be out of office: who speaks meanwhile, from when to when, and why."""
    visit.when_refused(lambda refusal: _page(visit, "delegations", refusal=refusal))
    content = visit.valid(
        DelegationContent,
        {
            "delegator": delegator.strip() or None,
            "delegate": delegate.strip(),
            "valid_from": valid_from,
            "valid_until": valid_until,
            "reason": reason.strip(),
            "absent": not present,
            "limit": Money.of(plain_amount(limit), currency) if limit.strip() else None,
        },
    )
    visit.services.authority.record_delegation(visit.person, content)
    return visit.go("/authority?view=delegations", "authority_recorded")


@router.post("/authority/certificates")
def record_certificate(
    visit: Writing,
    certificate_no: Annotated[str, Form()] = "",
    person_id: Annotated[str, Form()] = "",
    code: Annotated[str, Form()] = "",
    valid_from: Annotated[str, Form()] = "",
    valid_until: Annotated[str, Form()] = "",
    evidence: Annotated[str, Form()] = "",
) -> Response:
    visit.when_refused(lambda refusal: _page(visit, "certificates", refusal=refusal))
    content = visit.valid(
        CertificateContent,
        {
            "certificate_no": certificate_no.strip(),
            "person_id": person_id.strip(),
            "code": code.strip(),
            "valid_from": valid_from,
            "valid_until": valid_until,
            "evidence": evidence.strip(),
        },
    )
    visit.services.authority.record_certificate(visit.person, content)
    return visit.go("/authority?view=certificates", "authority_recorded")


@router.post("/authority/conflicts")
def declare_conflict(
    visit: Writing,
    customer_id: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> Response:
    """A tie of one's own with a customer; open tasks are asked of others at once."""
    visit.when_refused(lambda refusal: _page(visit, "conflicts", refusal=refusal))
    content = visit.valid(
        ConflictContent, {"customer_id": customer_id.strip(), "note": note.strip()}
    )
    visit.services.authority.declare_conflict(visit.person, content)
    return visit.go("/authority?view=conflicts", "conflict_declared")


@router.post("/authority/{view}/end")
def end(
    visit: Writing,
    view: str,
    entry_id: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """End an entry today; for a delegation, its delegator is back."""
    shown = view if view in _RECORDED_BY else "seats"
    visit.when_refused(lambda refusal: _page(visit, shown, refusal=refusal))
    service, ending = visit.services.authority, _ending(visit, reason)
    match shown:
        case "delegations":
            service.end_delegation(visit.person, entry_id, ending)
        case "certificates":
            service.end_certificate(visit.person, entry_id, ending)
        case "conflicts":
            service.end_conflict(visit.person, entry_id, ending)
        case _:
            service.end_seat(visit.person, entry_id, ending)
    return visit.go(f"/authority?view={shown}", "authority_ended")


def _page(
    visit: Visit, view: str, after: str | None = None, refusal: Problem | None = None
) -> HTMLResponse:
    found = _found(visit, view, after_text(after))
    ending = Action.CONFLICT_END if view == "conflicts" else _RECORDED_BY.get(view)
    recording = _RECORDED_BY.get(view)
    return visit.show(
        "authority/register.html",
        refusal=refusal,
        view=view,
        views=visit.tabs("/authority", "authority.view", _VIEWS, view),
        items=found[:PAGE_SIZE],
        today=visit.services.clock.business_on(),
        may_record=recording is not None and permitted(visit.person, recording),
        may_end=ending is not None and permitted(visit.person, ending),
        may_name_others=permitted(visit.person, Action.AUTHORITY_GRANT),
        names=_NAMES,
        known={"segments": list(Segment), "classes": list(FiveTier)},
        currencies=CURRENCIES,
        next_path=next_path(found, f"/authority?view={view}", _key)
        if view not in ("queue", "events")
        else "",
    )


def _found(visit: Visit, view: str, after: str | None) -> list[Any]:
    service = visit.services.authority
    page: dict[str, Any] = {"after": after, "page_size": PAGE_SIZE + 1}
    match view:
        case "seats":
            return [*service.list_seats(visit.person, **page)]
        case "delegations":
            return [*service.list_delegations(visit.person, **page)]
        case "certificates":
            return [*service.list_certificates(visit.person, **page)]
        case "conflicts":
            return [*service.list_conflicts(visit.person, **page)]
        case "queue":
            return [*service.list_alarms(visit.person, page_size=PAGE_SIZE)]
        case "events":
            return [*service.list_events(visit.person, page_size=PAGE_SIZE)]
    return [*service.list_register(visit.person, **page)]


def _key(item: Any) -> tuple[str]:
    return (item.grant.grant_no if hasattr(item, "grant") else item.entry_id,)


def _codes(typed: str) -> list[str]:
    return typed.replace(",", " ").replace("，", " ").split()


def _ending(visit: Visit, reason: str) -> Ending:
    return visit.valid(Ending, {"reason": reason.strip()})
