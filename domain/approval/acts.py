"""What may be done to an approval beside deciding it, and what stays on record of it."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from domain.approval.task import Placement
from domain.identity import Id
from domain.value import Value


class ActKind(StrEnum):
    TRANSFER = "transfer"  # 转办: the task is another's
    ASK_OPINION = "ask_opinion"  # 委派: somebody is asked first, the owner decides
    GIVE_OPINION = "give_opinion"
    ADD_SIGNER = "add_signer"  # 加签
    REMOVE_SIGNER = "remove_signer"  # 减签
    TAKE_BACK = "take_back"  # 撤回: one's own last word
    COPY = "copy"  # 抄送
    URGE = "urge"  # 催办
    RECUSE = "recuse"  # 回避
    CLOSE_VOTE = "close_vote"  # of a committee, by its chair


class Resume(StrEnum):
    """How an approval goes on after an earlier step was asked again (退回)."""

    AGAIN = "again"  # every step from there
    TO_ME = "to_me"  # straight back to who returned it


class Act(Value):
    """One person's act on one task."""

    action: ActKind
    task_id: Id
    person_id: Id
    at: datetime
    to: Id | None = None  # the person whom it names
    placement: Placement | None = None  # of an added signer
    note: str = Field(default="", max_length=4000)


class Recusal(Value):
    person_id: Id
    reason: str
    at: datetime


class Copied(Value):
    to: Id
    by: Id
    at: datetime


class Urge(Value):
    task_id: Id
    by: Id
    at: datetime
