"""Does nobody decide beyond the grants above them, and does authority only shrink on its way?"""

from datetime import date, timedelta
from itertools import pairwise, permutations

from hypothesis import given
from hypothesis import strategies as st

from domain.approval import (
    AuthorityGrant,
    CaseFacts,
    Certificate,
    Delegation,
    GrantScope,
    Register,
    Seat,
    Subject,
)
from domain.edition import AuthorityPolicy
from policies.authority import (
    asked,
    held,
    line_of,
    open_cases,
    open_positions,
    seats_filled,
    stand_ins,
    tier_moves,
    voices,
)
from policies.edition import check
from tests.makers_policy import a_changed_edition, an_edition, cny

ON = date(2026, 6, 1)
DAY = timedelta(days=1)
PEOPLE = ("ann", "bo", "cy", "di")
POSITIONS = ("branch_head", "region_head")
REGIONS = ("east", "west")


def a_grant(grant_no: str, person_id: str | None, **changes: object) -> AuthorityGrant:
    ordinary = {
        "grant_no": grant_no,
        "person_id": person_id,
        "position": "branch_head",
        "limit": cny(10),
        "valid_from": ON - DAY,
        "valid_until": ON + DAY,
        "granted_by": "board",
    }
    return AuthorityGrant.model_validate(ordinary | changes)


def a_delegation(delegator: str, delegate: str, **changes: object) -> Delegation:
    ordinary = {
        "entry_id": f"d-{delegator}-{delegate}",
        "recorded_by": delegator,
        "delegator": delegator,
        "delegate": delegate,
        "valid_from": ON,
        "valid_until": ON,
        "reason": "leave",
    }
    return Delegation.model_validate(ordinary | changes)


def a_register(*grants: AuthorityGrant, **entries: object) -> Register:
    known = {"on": ON, "grants": grants, "active": frozenset(PEOPLE)}
    return Register.model_validate(known | entries)


def facts(amount: int = 5, **changes: object) -> CaseFacts:
    ordinary = {"case_id": "c-1", "subject": Subject.APPLICATION, "aggregate": cny(amount)}
    return CaseFacts.model_validate(ordinary | changes)


def who(register: Register, policy: AuthorityPolicy | None = None, amount: int = 5) -> list[str]:
    policy = policy or AuthorityPolicy()
    return sorted(voices(register, ("branch_head",), facts(amount), policy))


# ── against a slow model ─────────────────────────────────────────────────────────────────────────

_days = st.sampled_from(
    [(ON - DAY, ON), (ON, ON + DAY), (ON + DAY, ON + DAY), (ON - DAY, ON - DAY)]
)
_mostly = st.sampled_from([(ON - DAY, ON + DAY)] * 4 + [(ON - DAY, ON - DAY)])
_scopes = st.sampled_from(
    [GrantScope()] * 3 + [GrantScope(regions=("east",)), GrantScope(secured_only=True)]
)


def _grantors(parent: AuthorityGrant | None) -> list[str]:
    """Whoever could have given it, and now and then somebody else."""
    if parent is None:
        return ["board"]
    return [*PEOPLE, "deputy", *([parent.person_id or "deputy"] * 6)]


@st.composite
def registers(draw: st.DrawFn) -> Register:
    grants = []
    for number in range(draw(st.integers(1, 6))):
        since, until = draw(_mostly)
        parent = draw(st.sampled_from([None, *grants])) if grants else None
        seat = draw(st.sampled_from([None, None, "deputy"]))
        grants.append(
            a_grant(
                f"g-{number}",
                None if seat else draw(st.sampled_from(PEOPLE)),
                post=seat,
                position=draw(
                    st.sampled_from([*POSITIONS, *([parent.position] * 6 if parent else [])])
                ),
                limit=cny(draw(st.integers(1, 9))),
                valid_from=since,
                valid_until=until,
                scope=draw(_scopes),
                parent_no=parent.grant_no if parent else None,
                granted_by=draw(st.sampled_from(_grantors(parent))),
                case_id=draw(st.sampled_from([None, None, "c-1", "c-2"])),
                revoked_on=draw(st.sampled_from([None, None, ON, ON + DAY])),
            )
        )
    seats = tuple(
        Seat(
            entry_id=f"s-{person}", recorded_by="operator", person_id=person, post="deputy",
            valid_from=since, valid_until=until,
        )
        for person, (since, until) in draw(st.dictionaries(st.sampled_from(PEOPLE), _days)).items()
    )  # fmt: skip
    pairs = st.lists(st.sampled_from([*permutations(PEOPLE, 2)]), unique=True, max_size=5)
    delegations = tuple(
        a_delegation(
            one, other,
            valid_from=ON - DAY, valid_until=draw(st.sampled_from([ON - DAY, ON, ON])),
            absent=draw(st.booleans()), scope=draw(_scopes),
            limit=draw(st.sampled_from([None, cny(4)])),
        )
        for one, other in draw(pairs)
    )  # fmt: skip
    certificates = tuple(
        Certificate(
            entry_id=f"z-{person}", recorded_by="operator", certificate_no=f"z-{person}",
            person_id=person, code="credit", valid_from=since, valid_until=until, evidence="0" * 64,
        )
        for person, (since, until) in draw(st.dictionaries(st.sampled_from(PEOPLE), _days)).items()
    )  # fmt: skip
    active = frozenset(draw(st.sets(st.sampled_from(PEOPLE), min_size=2)))
    return Register(
        on=ON, grants=tuple(grants), seats=seats, delegations=delegations,
        certificates=certificates, active=active,
    )  # fmt: skip


def may_hold(register: Register, grant: AuthorityGrant, person: str) -> bool:
    if person not in register.active:
        return False
    seated = any(
        s.person_id == person and s.post == grant.post and s.valid_from <= ON
        and s.valid_until is not None and s.valid_until >= ON
        for s in register.seats
    )  # fmt: skip
    return grant.person_id == person or (grant.post is not None and seated)


def is_good(register: Register, grant: AuthorityGrant, case: CaseFacts) -> bool:
    """Straight from the rules: its own days, cap and scope, and the same of all above it."""
    if not grant.valid_from <= ON <= grant.valid_until:
        return False
    if grant.revoked_on is not None and grant.revoked_on <= ON:
        return False
    if case.aggregate.minor > grant.limit.minor or grant.case_id not in (None, case.case_id):
        return False
    if grant.scope.regions and case.region not in grant.scope.regions:
        return False
    if grant.scope.secured_only and not case.secured:
        return False
    if grant.parent_no is None:
        return True
    [parent] = [each for each in register.grants if each.grant_no == grant.parent_no]
    held_by = [person for person in PEOPLE if may_hold(register, parent, person)]
    given = grant.granted_by in held_by or (grant.granted_by == parent.post and bool(held_by))
    return given and parent.position == grant.position and is_good(register, parent, case)


def slowly(
    register: Register, positions: tuple[str, ...], case: CaseFacts, policy: AuthorityPolicy,
    barred: frozenset[str],
) -> set[str]:  # fmt: skip
    """Every row of people there is, tried one by one."""
    found = set()
    for length in range(1, len(PEOPLE) + 1):
        for row in permutations(PEOPLE, length):
            for grant in register.grants:
                if length - 1 > policy.delegation_depth or set(row) & barred:
                    continue
                if grant.position not in positions or not is_good(register, grant, case):
                    continue
                if all(
                    (
                        may_hold(register, grant, row[0]),
                        all(person in register.active for person in row),
                        all(_certified(register, person, grant, policy) for person in row),
                        all(_own(register, person, case) for person in row[1:]),
                        all(_told(register, a, b, case) for a, b in pairwise(row)),
                        not _away(register, row[-1]),
                    )
                ):
                    found.add(row[-1])
    return found


def _certified(register: Register, person: str, grant: AuthorityGrant, policy: AuthorityPolicy) -> bool:  # fmt: skip
    wanted = policy.certificates.get(grant.position)
    return wanted is None or any(
        each.person_id == person and each.code == wanted
        and each.valid_from <= ON <= each.valid_until
        for each in register.certificates
    )  # fmt: skip


def _own(register: Register, person: str, case: CaseFacts) -> bool:
    return any(
        may_hold(register, grant, person) and is_good(register, grant, case)
        for grant in register.grants
    )


def _now(each: Delegation) -> bool:
    return each.valid_from <= ON <= each.valid_until


def _told(register: Register, one: str, other: str, case: CaseFacts) -> bool:
    return any(
        (each.delegator, each.delegate) == (one, other) and _now(each)
        and (each.limit is None or case.aggregate.minor <= each.limit.minor)
        and (not each.scope.regions or case.region in each.scope.regions)
        and (case.secured or not each.scope.secured_only)
        for each in register.delegations
    )  # fmt: skip


def _away(register: Register, person: str) -> bool:
    return any(
        each.delegator == person and each.absent and _now(each) for each in register.delegations
    )


_policies = st.builds(
    AuthorityPolicy,
    delegation_depth=st.integers(0, 3),
    certificates=st.sampled_from([{}, {}, {"branch_head": "credit"}]),
)
_cases = st.builds(
    facts,
    st.integers(1, 9),
    region=st.sampled_from(REGIONS),
    secured=st.booleans(),
)


@given(registers(), _cases, _policies, st.frozensets(st.sampled_from(PEOPLE), max_size=2))
def test_those_who_may_decide_are_those_whom_the_rules_let_one_by_one(
    register: Register, case: CaseFacts, policy: AuthorityPolicy, barred: frozenset[str]
) -> None:
    for positions in (("branch_head",), POSITIONS):
        found = voices(register, positions, case, policy, barred)
        assert set(found) == slowly(register, positions, case, policy, barred)


@given(registers(), _cases, _policies)
def test_nobody_decides_beyond_any_grant_or_delegation_on_the_way_to_them(
    register: Register, case: CaseFacts, policy: AuthorityPolicy
) -> None:
    for person, voice in voices(register, POSITIONS, case, policy).items():
        line = line_of(voice.grant, register)
        assert line
        assert case.aggregate <= min(each.limit for each in line)
        assert all(each.scope.holds(case) for each in line)
        assert len(voice.delegations) <= policy.delegation_depth
        assert len(set(voice.people)) == len(voice.people)
        assert voice.people[-1] == person


@given(registers(), _cases, _policies, st.sampled_from(PEOPLE))
def test_whoever_leaves_takes_authority_away_and_never_brings_any_to_who_had_none(
    register: Register, case: CaseFacts, policy: AuthorityPolicy, gone: str
) -> None:
    left = register.model_copy(update={"active": register.active - {gone}})
    assert set(voices(left, POSITIONS, case, policy)) <= set(
        voices(register, POSITIONS, case, policy)
    )


@given(registers(), _cases, _policies)
def test_a_revoked_grant_takes_every_grant_below_it_along(
    register: Register, case: CaseFacts, policy: AuthorityPolicy
) -> None:
    ended = register.grants[0].model_copy(update={"revoked_on": ON})
    after = register.model_copy(update={"grants": (ended, *register.grants[1:])})
    for voice in voices(after, POSITIONS, case, policy).values():
        assert ended.grant_no not in {each.grant_no for each in line_of(voice.grant, after)}


# ── rule by rule ─────────────────────────────────────────────────────────────────────────────────


def test_a_delegate_acts_with_the_lesser_cap() -> None:
    register = a_register(
        a_grant("g-1", "ann", limit=cny(10)),
        a_grant("g-2", "bo", limit=cny(4), position="region_head"),
        delegations=(a_delegation("ann", "bo"),),
    )
    assert who(register, amount=4) == ["bo"]
    assert who(register, amount=5) == []


def test_a_delegation_is_bounded_by_what_it_says_itself() -> None:
    grants = (a_grant("g-1", "ann"), a_grant("g-2", "bo", position="region_head"))
    by_sum = a_register(*grants, delegations=(a_delegation("ann", "bo", limit=cny(4)),))
    assert who(by_sum, amount=4) == ["bo"]
    assert who(by_sum, amount=5) == []
    east = a_delegation("ann", "bo", scope=GrantScope(regions=("east",)))
    by_place = a_register(*grants, delegations=(east,))
    for region, found in (("east", {"bo"}), ("west", set())):
        case = facts(region=region)
        assert set(voices(by_place, ("branch_head",), case, AuthorityPolicy())) == found


def test_a_delegate_of_a_delegate_counts_as_deep_as_policy_says() -> None:
    grants = [a_grant(f"g-{person}", person) for person in ("ann", "bo", "cy")]
    others = [grant.model_copy(update={"position": "region_head"}) for grant in grants[1:]]
    register = a_register(
        grants[0], *others, delegations=(a_delegation("ann", "bo"), a_delegation("bo", "cy"))
    )
    assert who(register, AuthorityPolicy(delegation_depth=1)) == []
    deep = voices(register, ("branch_head",), facts(), AuthorityPolicy(delegation_depth=2))
    assert {person: voice.chain for person, voice in deep.items()} == {"cy": ("ann", "bo", "cy")}


def test_a_circle_gives_authority_to_nobody_and_the_superior_stands_in() -> None:
    register = a_register(
        a_grant("g-1", "ann"),
        a_grant("g-2", "bo"),
        a_grant("g-3", "cy", position="region_head"),
        delegations=(a_delegation("ann", "bo"), a_delegation("bo", "ann")),
    )
    policy = AuthorityPolicy(delegation_depth=5, superiors={"branch_head": "region_head"})
    assert who(register, policy) == []
    assert set(asked(register, ("branch_head",), facts(), policy)) == {"cy"}
    assert asked(register, ("branch_head",), facts(), AuthorityPolicy()) == {}
    assert open_positions(register, "cy", policy) == ("branch_head", "region_head")


def test_a_position_that_nobody_holds_waits_and_is_not_its_superiors() -> None:
    register = a_register(a_grant("g-3", "cy", position="region_head"))
    policy = AuthorityPolicy(superiors={"branch_head": "region_head"})
    assert held(register, ("branch_head",)) == ()
    assert asked(register, ("branch_head",), facts(), policy) == {}


def test_superiors_in_a_circle_are_asked_once() -> None:
    register = a_register(a_grant("g-1", "ann"))
    policy = AuthorityPolicy(superiors={"branch_head": "region_head", "region_head": "branch_head"})
    assert asked(register, ("branch_head",), facts(), policy, ["ann"]) == {}


def test_a_sub_grant_falls_when_its_grantor_leaves_the_post() -> None:
    post = a_grant("g-1", None, post="head_of_branch")
    sub = a_grant("g-2", "bo", parent_no="g-1", granted_by="ann", limit=cny(6))
    seat = Seat(
        entry_id="s-1", recorded_by="operator", person_id="ann", post="head_of_branch",
        valid_from=ON - DAY,
    )  # fmt: skip
    successor = seat.model_copy(update={"entry_id": "s-2", "person_id": "cy"})
    assert who(a_register(post, sub, seats=(seat,))) == ["ann", "bo"]
    assert who(a_register(post, sub, seats=(successor,))) == ["cy"]


def test_in_what_a_sub_grant_reaches_further_is_named() -> None:
    parent = a_grant("g-1", "ann", scope=GrantScope(regions=("east",), secured_only=True))
    within = a_grant(
        "g-2", "bo", limit=cny(9), scope=GrantScope(regions=("east",), secured_only=True)
    )
    wider = a_grant(
        "g-2", "bo", limit=cny(11), valid_until=ON + 2 * DAY, position="region_head",
        scope=GrantScope(industries=("C",)),
    )  # fmt: skip
    assert within.beyond(parent) == ()
    assert wider.beyond(parent) == ("position", "limit", "valid_until", "regions", "secured_only")


def test_a_special_grant_is_for_its_case_alone() -> None:
    register = a_register(a_grant("g-1", "ann", case_id="c-1"))
    assert who(register) == ["ann"]
    other = facts(case_id="c-2")
    assert voices(register, ("branch_head",), other, AuthorityPolicy()) == {}
    assert open_positions(register, "ann", AuthorityPolicy()) == ()
    assert open_cases(register, "ann", AuthorityPolicy()) == ("c-1",)
    spoken_for = a_register(
        *register.grants,
        a_grant("g-2", "bo", position="region_head"),
        delegations=(a_delegation("ann", "bo"),),
    )
    assert open_cases(spoken_for, "bo", AuthorityPolicy()) == ("c-1",)
    assert open_cases(spoken_for, "ann", AuthorityPolicy()) == ()


def test_every_member_of_a_body_may_speak() -> None:
    body = a_grant("g-1", None, body="credit_committee")
    seats = tuple(
        Seat(
            entry_id=f"s-{person}", recorded_by="operator", person_id=person,
            body="credit_committee", valid_from=ON - DAY,
        )
        for person in ("ann", "cy")
    )  # fmt: skip
    assert who(a_register(body, seats=seats)) == ["ann", "cy"]


def test_whoever_stands_in_for_the_barred_is_found_through_others_too() -> None:
    register = a_register(
        delegations=(a_delegation("ann", "bo"), a_delegation("bo", "cy"), a_delegation("cy", "ann"))
    )
    assert stand_ins(register, {"ann"}) == {"bo": "d-ann-bo", "cy": "d-bo-cy"}


def test_what_would_move_a_case_a_tier_is_an_amount_and_a_grade() -> None:
    def told(amount: int, grade: str) -> list[tuple[bool, str, str]]:
        moves = tier_moves(cny(amount), grade, an_edition())
        return [(m.up, m.row, m.amount.text if m.amount else m.grade or "") for m in moves]

    assert told(5_000_000, "A") == [
        (True, "sound_region", "10000000.00"),
        (True, "weak_region", "BB"),
    ]
    assert told(50_000_000, "BBB") == [
        (True, "sound_head", "100000000.00"),
        (False, "sound_branch", "10000000.00"),
        (True, "weak_head", "BB"),
    ]
    assert told(1_000_000, "CCC") == [(False, "weak_branch", "B")]


def test_superiors_and_certificates_are_of_positions_that_are_asked() -> None:
    edition = a_changed_edition(
        """
        [approval.authority]
        superiors = { branch_head = "nobody_at_all", region_head = "region_head" }
        certificates = { nowhere = "credit" }
        certificate_warning_days = [7, 7]
        """
    )
    found = {(each.path, each.code) for each in check(edition)}
    assert {
        ("approval.authority.superiors", "unknown"),
        ("approval.authority.superiors", "repeated"),
        ("approval.authority.certificates", "unknown"),
        ("approval.authority.certificate_warning_days", "repeated"),
    } <= found


@given(registers(), st.sets(st.sampled_from(PEOPLE)))
def test_as_many_seats_are_filled_as_any_seating_fills(
    register: Register, people: set[str]
) -> None:
    positions = (*POSITIONS, "branch_head")
    able = [{*held(register, (each,))} & people for each in positions]
    nobody = [None] * len(positions)
    fits = max(
        sum(person in able[seat] for seat, person in enumerate(seating))
        for seating in permutations([*people, *nobody], len(positions))
    )

    assert seats_filled(register, positions, people) == fits
