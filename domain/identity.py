"""Who acts: people, their roles, and what makes an identifier valid.

What a role may do is `web/service/permissions.py`; how much a person may decide is an authority,
`domain/approval.py`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from domain.value import IN_ORDER, Value

# Opaque ids: UUIDv7 text for what we make, short codes for people. They name nobody.
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


def _single_line(text: str) -> str:
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError("control characters are not allowed")
    if not text.strip():
        raise ValueError("must not be blank")
    return text.strip()


Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_single_line)]


class Role(StrEnum):
    """What a person is here for; one person may hold several."""

    RELATIONSHIP_MANAGER = "relationship_manager"  # 客户经理
    APPROVER = "approver"  # 审批人
    RISK_OFFICER = "risk_officer"  # 风险经理
    RELEASE_OFFICER = "release_officer"  # 放款审核人
    LEGAL = "legal"  # 法务
    COLLECTOR = "collector"  # 催收
    OPERATOR = "operator"  # 运维
    AUDITOR = "auditor"  # 审计
    ORDER_SYSTEM = "order_system"  # a program that asks for checks and posts entries
    SYSTEM = "system"  # Creditflow itself: timers, automatic lane


class Language(StrEnum):
    EN = "en"
    ZH = "zh-CN"


class Person(Value):
    """Someone, or some program, who may act; `person_id` is their user name."""

    person_id: Id
    title: Name  # what they are, never a natural person's name
    roles: Annotated[frozenset[Role], Field(min_length=1), IN_ORDER]
    branch: Annotated[str, Field(max_length=64)] = "head_office"
    mail: Annotated[str, Field(max_length=254)] = ""
    language: Language = Language.ZH

    def has(self, *roles: Role) -> bool:
        """Whether the person holds any of these roles."""
        return not self.roles.isdisjoint(roles)


SYSTEM = Person(person_id="system", title="Creditflow", roles=frozenset({Role.SYSTEM}))


class Scope(Value):
    """Whose customers a person sees: all, those of a branch, or those they own."""

    manager_id: Id | None = None  # the owner; None for everybody's
    branch: str | None = None

    @property
    def everything(self) -> bool:
        return self.manager_id is None and self.branch is None


EVERYTHING = Scope()


class ApiKey(Value):
    """A key as its owner may see it again: never the key itself."""

    key_id: Id
    person_id: Id
    label: str
    shown: str  # the first characters, to tell keys apart
    recorded_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


class SignInSession(Value):
    """Somebody signed in: who, until when, and what their forms must carry."""

    person: Person
    csrf_token: str
    expires_at: datetime
