"""The ring of a customer (关联圈): who is linked to it, which way, and what all of them hold."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, DecimalException
from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse

from domain.money import Money
from domain.party import LinkContent, LinkKind, PartyKind, PathStep
from web.console.customer import headed
from web.console.lists import plain_amount
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem
from web.service.ids import new_id
from web.service.party import PartyContent, RingPart, RingView
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Typed:
    """What was typed into the form, kept when it is refused."""

    kind: str = LinkKind.OWNS.value
    way: str = "holder"
    other: str = ""
    name: str = ""
    party_kind: str = PartyKind.COMPANY.value
    share: str = ""
    amount: str = ""
    currency: str = ""
    valid_from: str = ""
    valid_until: str = ""
    source: str = ""


@dataclass(frozen=True)
class RingRow:
    """A member where it hangs in the tree: `depth` links away, by `relation` to the one above."""

    part: RingPart
    depth: int
    name: str
    relation: str
    also: tuple[str, ...]  # links beside the shortest way, such as those that close a circle


@router.get("/customers/{customer_id}/ring")
def show_ring(visit: Visiting, customer_id: str, as_of: str = "") -> HTMLResponse:
    """The ring today, or as it stood on a day."""
    return _ring_page(visit, customer_id, visit.day(as_of, "as_of") if as_of else None)


@router.post("/customers/{customer_id}/ring")
def record_link(
    visit: Writing,
    customer_id: str,
    kind: Annotated[str, Form()] = "",
    way: Annotated[str, Form()] = "",
    other: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    party_kind: Annotated[str, Form()] = "",
    share: Annotated[str, Form()] = "",
    amount: Annotated[str, Form()] = "",
    currency: Annotated[str, Form()] = "",
    valid_from: Annotated[str, Form()] = "",
    valid_until: Annotated[str, Form()] = "",
    source: Annotated[str, Form()] = "",
    key: Annotated[str, Form()] = "",
) -> Response:
    """Put a link on record, and the party at its other end where it is new to us."""
    typed = Typed(
        kind,
        way,
        other,
        name,
        party_kind,
        share,
        amount,
        currency,
        valid_from,
        valid_until,
        source,
    )
    visit.when_refused(lambda refusal: _ring_page(visit, customer_id, None, typed, refusal))
    parties, link_id = visit.services.parties, key or new_id()
    visit.services.customers.read(visit.person, customer_id)
    party_id = other.strip() or f"{link_id}-party"
    content = visit.valid(LinkContent, _content_of(visit, customer_id, party_id, typed))
    if not other.strip():
        chosen = visit.parsed(PartyKind, party_kind, "party_kind")
        party = visit.valid(PartyContent, {"name": name.strip(), "kind": chosen})
        parties.record(visit.person, party, party_id)
    parties.record_link(visit.person, content, link_id)
    return visit.go(f"/customers/{customer_id}/ring", "link_recorded")


def _ring_page(
    visit: Visit,
    customer_id: str,
    on: date | None,
    typed: Typed | None = None,
    refusal: Problem | None = None,
) -> HTMLResponse:
    ring = visit.services.parties.ring(visit.person, customer_id, on)
    head = headed(visit, customer_id, "ring")
    names = _names_of(visit, ring) | {customer_id: head["customer_name"]}
    return visit.show(
        "party/ring.html",
        refusal=refusal,
        ring=ring,
        rows=list(_rows(visit, ring, names)),
        group=_group_of(ring, names),
        may_record=permitted(visit.person, Action.PARTY_RECORD),
        typed=typed or Typed(currency=ring.total.currency),
        opened=typed is not None,
        kinds=list(LinkKind),
        party_kinds=list(PartyKind),
        names=names,
        form_key=new_id(),
        **head,
    )


def _names_of(visit: Visit, ring: RingView) -> dict[str, str]:
    """What everybody of the ring is called; a customer in the reader's language."""
    named = {part.member.party_id: part.name for part in ring.parts}
    return named | visit.customer_names([*ring.one_risk, *(p for p in named if named[p])])


def _group_of(ring: RingView, names: dict[str, str]) -> list[tuple[str, str]]:
    """Who counts as a member of the customer's group, without any link on record."""
    linked = {ring.customer_id, *(part.member.party_id for part in ring.parts)}
    return [(each, names.get(each, each)) for each in ring.one_risk if each not in linked]


def _rows(visit: Visit, ring: RingView, names: dict[str, str]) -> Iterator[RingRow]:
    """The members as a tree below the customer, each under the one its way comes through."""
    below: dict[str, list[RingPart]] = {}
    for part in ring.parts:
        below.setdefault(_above(part), []).append(part)
    ways = {step.link_id for part in ring.parts for step in part.member.path}
    beside = [step for step in ring.links if step.link_id not in ways]
    placed = {ring.customer_id}
    waiting = list(reversed(below.get(ring.customer_id, [])))
    while waiting:
        part = waiting.pop()
        party = part.member.party_id
        placed.add(party)
        yield RingRow(
            part=part,
            depth=len(part.member.path),
            name=names.get(party) or party,
            relation=_said(visit, part.member.path[-1], party, names),
            also=tuple(
                _said(visit, step, party, names)
                for step in beside
                if party in (step.holder, step.subject) and {step.holder, step.subject} <= placed
            ),
        )
        waiting += reversed(below.get(party, []))


def _above(part: RingPart) -> str:
    step = part.member.path[-1]
    return step.subject if step.holder == part.member.party_id else step.holder


def _said(visit: Visit, step: PathStep, party: str, names: dict[str, str]) -> str:
    """A link as said of one of its ends: `owns 60% of …`, `is owned by …`."""
    holds = step.holder == party
    other = step.subject if holds else step.holder
    share = ""
    if step.kind is LinkKind.OWNS:
        unknown = visit.speech.say("ring.share_unknown")
        share = unknown if step.share is None else f"{visit.formats.number(step.share * 100, 4)}%"
    return visit.speech.say(
        f"ring.{'holds' if holds else 'held'}.{step.kind}",
        other=names.get(other) or other,
        share=share,
    )


def _content_of(visit: Visit, customer_id: str, other: str, typed: Typed) -> dict[str, object]:
    holds = typed.way == "holder"
    return {
        "kind": visit.parsed(LinkKind, typed.kind, "link_kind"),
        "holder": customer_id if holds else other,
        "subject": other if holds else customer_id,
        "share": _share(visit, typed.share),
        "amount": Money.of(plain_amount(typed.amount), typed.currency) if typed.amount else None,
        "valid_from": visit.day(typed.valid_from, "valid_from") if typed.valid_from else None,
        "valid_until": visit.day(typed.valid_until, "valid_until") if typed.valid_until else None,
        "source": typed.source.strip(),
    }


def _share(visit: Visit, typed: str) -> Decimal | None:
    """A share typed in percent, as a part of one."""
    plain = typed.strip().rstrip("%％").strip()
    if not plain:
        return None
    try:
        return Decimal(plain) / 100
    except DecimalException:
        raise visit.unreadable("share", "a_percentage") from None
