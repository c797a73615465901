"""The people of an embedded installation: one for each role, with secrets made on this machine.

`users.json` keeps their passwords and API keys, for their owner alone; the database keeps hashes.
The file is written first: whatever stops us in between, the next start records what it says.
"""

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from creditflow.stack.home import read_json, write_private
from domain.approval import AuthorityGrant
from domain.identity import SYSTEM, Person, Role
from domain.money import Money
from storage.approval import AuthorityGrants
from storage.base import Records
from storage.identity import ApiKeys, Persons, hash_of, make_key

_LABEL = "embedded"
_ALWAYS = (date(2000, 1, 1), date(2099, 12, 31))


class Seat(NamedTuple):
    """A person by their role; approvers hold a position, up to an amount in major units."""

    person_id: str
    title: str
    role: Role
    position: str = ""
    authority: int = 0


SEATS = (
    Seat("manager", "客户经理 Relationship manager", Role.RELATIONSHIP_MANAGER),
    Seat("manager2", "客户经理二 Second relationship manager", Role.RELATIONSHIP_MANAGER),
    Seat("approver1", "分行审批人 Branch approver", Role.APPROVER, "branch_head", 10_000_000),
    Seat("approver2", "区域审批人 Regional approver", Role.APPROVER, "region_head", 100_000_000),
    Seat("approver3", "总行审批人 Head office approver", Role.APPROVER, "head_credit", 10**12),
    Seat(
        "approver4", "总行风险审批人 Head office risk approver", Role.APPROVER, "head_risk", 10**12
    ),
    Seat(
        "approver5",
        "关联交易审批人 Related-party approver",
        Role.APPROVER,
        "related_committee",
        10**12,
    ),
    Seat("risk", "风险经理 Risk officer", Role.RISK_OFFICER),
    Seat("risk2", "风险经理二 Second risk officer", Role.RISK_OFFICER),
    Seat("release", "放款审核人 Release officer", Role.RELEASE_OFFICER),
    Seat("legal", "法务 Legal counsel", Role.LEGAL),
    Seat("collector", "催收 Collector", Role.COLLECTOR),
    Seat("operator", "运维 Operator", Role.OPERATOR),
    Seat("auditor", "审计 Auditor", Role.AUDITOR),
    Seat("orders", "订单系统 Order system", Role.ORDER_SYSTEM),
)


def provision_users(records: Records, file: Path, currency: str) -> None:
    """Everybody of `SEATS` can sign in with what the file says; a password changed since stays."""
    users, made = _users_of(file)
    with records.begin() as session:
        persons, keys, grants = Persons(session), ApiKeys(session), AuthorityGrants(session)
        for seat in SEATS:
            persons.record_person(_person_of(seat))
            key = users[seat.person_id]["key"]
            keys.record_key(seat.person_id, key, _LABEL)
            _revoke_lost(keys, seat.person_id, key)
            if seat.position:
                grants.record(_grant_of(seat, currency))
        without = {name for name in users if persons.find_password_hash(name) is None}
    due = {name: users[name]["password"] for name in users if name in made | without}
    hashes = _password_hashes(due)
    with records.begin() as session:
        for name, password_hash in hashes.items():
            Persons(session).record_password(name, password_hash)


def seat_operator(records: Records, key: str) -> None:
    """The first operator of a deployment can sign in with this key."""
    seat = next(seat for seat in SEATS if seat.role is Role.OPERATOR)
    with records.begin() as session:
        Persons(session).record_person(_person_of(seat))
        ApiKeys(session).record_key(seat.person_id, key, "deployment")


def _users_of(file: Path) -> tuple[dict[str, Any], set[str]]:
    """The users the file names, all of `SEATS` among them, and which were added to it now."""
    users = read_json(file)
    made = {seat.person_id for seat in SEATS} - set(users)
    for seat in SEATS:
        if seat.person_id in made:
            users[seat.person_id] = {
                "title": seat.title,
                "roles": [seat.role],
                "password": secrets.token_urlsafe(12),
                "key": make_key(),
            }
    write_private(file, json.dumps(users, ensure_ascii=False, indent=2) + "\n")
    return users, made


def _password_hashes(passwords: Mapping[str, str]) -> dict[str, str]:
    # Passwords are hashed slowly because people's can be guessed; ninety-six random bits cannot,
    # and a first start need not wait for them.
    hasher = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8 * 1024, parallelism=1),))
    return {name: hasher.hash(password) for name, password in passwords.items()}


def _revoke_lost(keys: ApiKeys, person_id: str, key: str) -> None:
    """A key of ours that the file no longer names was lost with an earlier file."""
    current = hash_of(key)
    for one in keys.list_keys(person_id):
        lost = one.label == _LABEL and not current.startswith(one.key_id.removeprefix("key-"))
        if lost and one.revoked_at is None:
            keys.revoke(person_id, one.key_id, datetime.now(UTC))


def _person_of(seat: Seat) -> Person:
    return Person(
        person_id=seat.person_id,
        title=seat.title,
        roles=frozenset({seat.role}),
        mail=f"{seat.person_id}@creditflow.example",
    )


def _grant_of(seat: Seat, currency: str) -> AuthorityGrant:
    return AuthorityGrant(
        grant_no=f"embedded-{seat.position}",
        person_id=seat.person_id,
        position=seat.position,
        limit=Money.of(seat.authority, currency),
        valid_from=_ALWAYS[0],
        valid_until=_ALWAYS[1],
        granted_by=SYSTEM.person_id,
    )
