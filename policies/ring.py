"""The ring of a party (关联圈): everybody that ownership, control and guarantees link it to.

Companies under one control stand and fall together, so their exposure counts as one; whoever holds
a large share, guarantees or is guaranteed is shown with the way there. Links may run in circles.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from decimal import Decimal
from heapq import heapify, heappop, heappush

from domain.edition import RingPolicy
from domain.party import Link, LinkKind, PathStep, RingMember
from policies.spreading import to_decimals

SHARE_DECIMALS = 6
_ROUNDS_MAX = 200


def ring_of(
    party_id: str, links: Iterable[Link], on: date, policy: RingPolicy
) -> tuple[RingMember, ...]:
    """The members of a party's ring but itself: those that count as one with it, nearest first,
    and then the rest.

    What makes one risk is control: a link of control, or a majority that a party holds alone or
    with those it controls. A guarantee, a share of at least `share_min` and a share nobody knows
    lead to parties that are shown.
    """
    in_force = [link for link in links if link.holds_on(on)]
    control = [
        (holder, controlled_by(holder, in_force, policy))
        for holder in sorted({link.holder for link in in_force})
    ]
    counted = _walked({party_id: ()}, [link for link in in_force if _is_control(link, control)])
    shown = _walked(counted, [link for link in in_force if _relates(link, control, policy)])
    return tuple(
        RingMember(party_id=member, path=path, counts=member in counted)
        for member, path in sorted(
            shown.items(), key=lambda each: (each[0] not in counted, len(each[1]), each[0])
        )
        if member != party_id
    )


def controlled_by(party_id: str, links: Collection[Link], policy: RingPolicy) -> frozenset[str]:
    """Whom a party controls: by a link of control, or by shares of more than `control_share` that
    it and those it controls hold together."""
    controlled: set[str] = set()
    while True:
        hands = controlled | {party_id}
        shares: dict[str, Decimal] = {}
        found = set()
        for link in links:
            if link.holder not in hands or link.subject in hands:
                continue
            if link.kind is LinkKind.CONTROLS:
                found.add(link.subject)
            if link.kind is LinkKind.OWNS and link.share is not None:
                shares[link.subject] = shares.get(link.subject, Decimal(0)) + link.share
        found |= {subject for subject, share in shares.items() if share > policy.control_share}
        if not found:
            return frozenset(controlled)
        controlled |= found


def effective_shares(party_id: str, links: Iterable[Link], on: date) -> dict[str, Decimal]:
    """What a party owns of each company, directly and through others, to six decimals.

    Shares are multiplied along each way and added over all; round a circle they go on until what is
    left is nothing. A share nobody knows adds nothing.
    """
    owned: dict[str, list[tuple[str, Decimal]]] = {}
    for link in links:
        if link.kind is LinkKind.OWNS and link.share is not None and link.holds_on(on):
            owned.setdefault(link.holder, []).append((link.subject, link.share))
    total: dict[str, Decimal] = {}
    flowing = {party_id: Decimal(1)}
    for _ in range(_ROUNDS_MAX):
        further: dict[str, Decimal] = {}
        for holder, part in flowing.items():
            for subject, share in owned.get(holder, ()):
                if subject != party_id:
                    further[subject] = further.get(subject, Decimal(0)) + part * share
        for subject, part in further.items():
            total[subject] = total.get(subject, Decimal(0)) + part
        flowing = {subject: part for subject, part in further.items() if part > Decimal("1e-12")}
        if not flowing:
            break
    return {
        subject: min(to_decimals(part, SHARE_DECIMALS), Decimal(1))
        for subject, part in sorted(total.items())
    }


def _is_control(link: Link, control: Sequence[tuple[str, frozenset[str]]]) -> bool:
    """Whether a link is one of control, or its share part of a majority."""
    if link.kind is LinkKind.OWNS:
        return any(
            link.subject in held and (link.holder in held or link.holder == controller)
            for controller, held in control
        )
    return link.kind is LinkKind.CONTROLS


def _relates(link: Link, control: Sequence[tuple[str, frozenset[str]]], policy: RingPolicy) -> bool:
    if link.kind is LinkKind.OWNS and link.share is not None and link.share < policy.share_min:
        return _is_control(link, control)
    return True


def _walked(
    begun: dict[str, tuple[PathStep, ...]], links: Iterable[Link]
) -> dict[str, tuple[PathStep, ...]]:
    """The shortest ways from those already reached, along links in either direction."""
    beside: dict[str, list[Link]] = {}
    for link in sorted(links, key=lambda link: link.link_id):
        beside.setdefault(link.holder, []).append(link)
        beside.setdefault(link.subject, []).append(link)
    paths = dict(begun)
    waiting = [(len(path), party) for party, path in begun.items()]
    heapify(waiting)
    while waiting:
        steps, party = heappop(waiting)
        for link in beside.get(party, ()):
            other = link.subject if link.holder == party else link.holder
            if other not in paths:
                paths[other] = (*paths[party], PathStep.of(link))
                heappush(waiting, (steps + 1, other))
    return paths
