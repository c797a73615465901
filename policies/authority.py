"""Authority: who may decide a case on a day, by grants, seats, delegations and certificates.

Authority only ever shrinks on its way. A sub-grant counts as far as every grant above it, and while
whoever gave it still holds what it was taken from. A delegate counts as far as each person on the
way from the grant's holder could decide as well, in as many steps as policy allows.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TypeVar

from domain.approval import AuthorityGrant, CaseFacts, Register, TierMove, Voice
from domain.cover import CoverClass
from domain.edition import ApprovalRow, AuthorityPolicy, PolicyEdition
from domain.money import Money
from policies.tables import (
    AGGREGATE,
    COVER,
    GRADE,
    NO_FACTS,
    approval_row,
    approval_rows,
    level_of,
)


def holders(grant: AuthorityGrant, register: Register) -> tuple[str, ...]:
    """Who holds a grant on the register's day: its person, or everybody in its post or body."""
    if grant.person_id is not None:
        found = [grant.person_id]
    else:
        found = [
            seat.person_id
            for seat in register.seats
            if (seat.post, seat.body) == (grant.post, grant.body) and seat.in_force(register.on)
        ]
    return tuple(sorted({each for each in found if each in register.active}))


def line_of(grant: AuthorityGrant, register: Register) -> tuple[AuthorityGrant, ...]:
    """The grant and every one it was taken from, itself first; nothing where any does not stand.

    A sub-grant falls with its parent, and when its grantor holds the parent no longer.
    """
    line: list[AuthorityGrant] = []
    here: AuthorityGrant | None = grant
    while here is not None:
        if here in line or not here.in_force(register.on):
            return ()
        line.append(here)
        if here.parent_no is None:
            return tuple(line)
        above = here.parent_no
        parent = next((each for each in register.grants if each.grant_no == above), None)
        if parent is None or parent.position != here.position or not _given(here, parent, register):
            return ()
        here = parent
    return ()


def _given(grant: AuthorityGrant, parent: AuthorityGrant, register: Register) -> bool:
    """Whether the grantor of a sub-grant holds its parent: as a person, or as the post or body."""
    held_by = holders(parent, register)
    return grant.granted_by in held_by or (
        parent.seat is not None and grant.granted_by == parent.seat and bool(held_by)
    )


def voices(
    register: Register,
    positions: Collection[str],
    facts: CaseFacts | None,
    policy: AuthorityPolicy,
    barred: Collection[str] = (),
) -> dict[str, Voice]:
    """Who may decide as one of the positions, and by what right: the shortest way to each.

    Without `facts`, who might decide some case. Nobody decides with the authority of whom is barred.
    """
    found: dict[str, Voice] = {}
    for grant in sorted(register.grants, key=lambda each: each.grant_no):
        if grant.position not in positions or not _reaches(grant, register, facts):
            continue
        for holder in holders(grant, register):
            for voice in _ways(register, grant, holder, facts, policy):
                known = found.get(voice.person_id)
                shorter = known is None or len(voice.chain) < len(known.chain)
                if shorter and not set(voice.people) & set(barred):
                    found[voice.person_id] = voice
    return found


def _reaches(grant: AuthorityGrant, register: Register, facts: CaseFacts | None) -> bool:
    line = line_of(grant, register)
    return bool(line) and (facts is None or all(each.reaches(facts) for each in line))


def _ways(
    register: Register,
    grant: AuthorityGrant,
    holder: str,
    facts: CaseFacts | None,
    policy: AuthorityPolicy,
) -> Iterator[Voice]:
    """Every way from the holder of a grant to somebody who is there and may speak by it.

    A way that comes back to somebody on it leads nowhere: a cycle gives authority to nobody.
    """
    waiting: list[tuple[tuple[str, ...], tuple[str, ...]]] = [((holder,), ())]
    while waiting:
        people, through = waiting.pop(0)
        person = people[-1]
        certificate = certificate_of(register, person, grant.position, policy)
        if certificate is None or (through and not _own(register, person, facts)):
            continue
        given = [
            each
            for each in register.delegations
            if each.delegator == person and each.in_force(register.on)
        ]
        if not any(each.absent for each in given):
            yield Voice(
                person_id=person,
                grant=grant,
                chain=people if through else (),
                delegations=through,
                certificate_no=certificate or None,
            )
        if len(through) < policy.delegation_depth:
            waiting += [
                ((*people, each.delegate), (*through, each.entry_id))
                for each in given
                if each.delegate not in people
                and each.delegate in register.active
                and (facts is None or each.reaches(facts))
            ]


def _own(register: Register, person: str, facts: CaseFacts | None) -> bool:
    """Whether a delegate could decide as much by a grant of their own, in whatever position."""
    return any(
        person in holders(grant, register) and _reaches(grant, register, facts)
        for grant in register.grants
    )


def certificate_of(
    register: Register, person: str, position: str, policy: AuthorityPolicy
) -> str | None:
    """The number of the certificate that a position asks for; empty where it asks for none.

    None where the person has none in force: then they have no authority in it.
    """
    code = policy.certificates.get(position)
    if code is None:
        return ""
    return next(
        (
            each.certificate_no
            for each in register.certificates
            if (each.person_id, each.code) == (person, code) and each.in_force(register.on)
        ),
        None,
    )


def held(register: Register, positions: Collection[str]) -> tuple[str, ...]:
    """Everybody who holds one of the positions by a grant that stands, whether they may act or not."""
    found = {
        holder
        for grant in register.grants
        if grant.position in positions and line_of(grant, register)
        for holder in holders(grant, register)
    }
    return tuple(sorted(found))


def seats_filled(register: Register, positions: Sequence[str], people: Collection[str]) -> int:
    """How many of these positions people can fill at once, each of them one."""
    filled: dict[str, int] = {}  # person -> the position they take
    able = [sorted({*held(register, (each,))} & {*people}) for each in positions]

    def seated(position: int, tried: set[str]) -> bool:
        for person in able[position]:
            if person in tried:
                continue
            tried.add(person)
            if person not in filled or seated(filled[person], tried):
                filled[person] = position
                return True
        return False

    return sum(seated(position, set()) for position in range(len(positions)))


def superiors_of(positions: Sequence[str], policy: AuthorityPolicy) -> Iterator[tuple[str, ...]]:
    """The positions above these, step by step, as policy names them; each once."""
    here, seen = tuple(positions), set(positions)
    while above := tuple(
        dict.fromkeys(
            policy.superiors[each]
            for each in here
            if each in policy.superiors and policy.superiors[each] not in seen
        )
    ):
        yield above
        seen |= set(above)
        here = above


def asked(
    register: Register,
    positions: Sequence[str],
    facts: CaseFacts | None,
    policy: AuthorityPolicy,
    barred: Collection[str] = (),
) -> dict[str, Voice]:
    """Who is asked: whoever may decide as one of the positions, else the nearest superior who may.

    The superior stands in only for holders who cannot act, being away in a circle, recused or
    without certificate; a position that nobody holds waits for one, and never passes.
    """
    found = voices(register, positions, facts, policy, barred)
    if found or not held(register, positions):
        return found
    for above in superiors_of(positions, policy):
        found = voices(register, above, facts, policy, barred)
        if found:
            break
    return found


def open_positions(register: Register, person: str, policy: AuthorityPolicy) -> tuple[str, ...]:
    """The positions whose tasks may be this person's today: their own, those they speak for, and
    those below whose holders cannot act. A grant for one case opens no position."""
    lasting = tuple(grant for grant in register.grants if grant.case_id is None)
    known = register.model_copy(update={"grants": lasting})
    return tuple(
        sorted(
            position
            for position in {grant.position for grant in lasting}
            if person in asked(known, (position,), None, policy)
        )
    )


def open_cases(register: Register, person: str, policy: AuthorityPolicy) -> tuple[str, ...]:
    """The cases that special grants open to this person, theirs or of whom they speak for."""
    return tuple(
        sorted(
            {
                grant.case_id
                for grant in register.grants
                if grant.case_id is not None and line_of(grant, register)
                for holder in holders(grant, register)
                for voice in _ways(register, grant, holder, None, policy)
                if voice.person_id == person
            }
        )
    )


def stand_ins(register: Register, of: Collection[str]) -> dict[str, str]:
    """Everybody who stands in for these people, directly or through others, by which delegation."""
    found: dict[str, str] = {}
    waiting = [*of]
    while waiting:
        person = waiting.pop()
        for each in register.delegations:
            known = each.delegate in found or each.delegate in of
            if each.delegator == person and each.in_force(register.on) and not known:
                found[each.delegate] = each.entry_id
                waiting.append(each.delegate)
    return found


def tier_moves(
    aggregate: Money, grade: str, edition: PolicyEdition, facts: Mapping[str, str] = NO_FACTS
) -> tuple[TierMove, ...]:
    """What would move a case a tier up or down, all else as it is: the nearest amount, the nearest
    grade and, where rows ask about cover, the nearest class of it.

    `facts` are what its row went by; without them the highest row counts that might be its.
    """
    here = approval_row(aggregate, grade, facts, edition)
    if here is None:
        return ()
    level = level_of(here, edition)
    moves = [*_amount_moves(aggregate, {**facts, GRADE: grade}, level, edition)]
    by_grade = _moves_along(
        edition.grades,
        grade,
        lambda other: approval_row(aggregate, other, facts, edition),
        level,
        edition,
    )
    moves += [TierMove(up=up, row=row.code, grade=other) for up, other, row in by_grade]
    if COVER in facts:
        by_cover = _moves_along(
            tuple(CoverClass),
            CoverClass(facts[COVER]),
            lambda other: approval_row(aggregate, grade, {**facts, COVER: other}, edition),
            level,
            edition,
        )
        moves += [TierMove(up=up, row=row.code, cover=other) for up, other, row in by_cover]
    return tuple(moves)


def _amount_moves(
    aggregate: Money, facts: Mapping[str, str], level: int, edition: PolicyEdition
) -> Iterator[TierMove]:
    """The nearest amount above which a higher tier is asked, and up to which a lower one is."""
    rows = approval_rows(facts, edition)
    for row in sorted(rows, key=lambda row: row.above):
        if row.above >= aggregate.amount and level_of(row, edition) > level:
            yield TierMove(up=True, row=row.code, amount=edition.money(row.above))
            break
    bounds = {row.up_to for row in rows if row.up_to is not None}
    for bound in sorted((each for each in bounds if each < aggregate.amount), reverse=True):
        below = approval_rows({**facts, AGGREGATE: bound}, edition)
        highest = max(below, key=lambda row: level_of(row, edition))
        if level_of(highest, edition) < level:
            yield TierMove(up=False, row=highest.code, amount=edition.money(bound))
            break


_Named = TypeVar("_Named", bound=str)


def _moves_along(
    ladder: Sequence[_Named],
    here: _Named,
    row_at: Callable[[_Named], ApprovalRow | None],
    level: int,
    edition: PolicyEdition,
) -> Iterator[tuple[bool, _Named, ApprovalRow]]:
    """The nearest value worse than this one that is decided higher, and the nearest better one that
    is decided lower; the ladder is best first."""
    place = ladder.index(here)
    for up, others in ((True, ladder[place + 1 :]), (False, ladder[:place][::-1])):
        for other in others:
            row = row_at(other)
            assert row is not None, "the approval table leaves a gap"
            moved = level_of(row, edition) - level
            if moved > 0 if up else moved < 0:
                yield up, other, row
                break
