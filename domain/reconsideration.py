"""Reconsideration (复议): a declined case decided anew, once, on evidence that was not there before.

It is a case of its own; the letter that declined stays as it is. Who decides it is
`policies/reconsideration.py`.
"""

from datetime import datetime

from pydantic import Field

from domain.application import Application
from domain.approval import RouteStep
from domain.contract import Sha256
from domain.errors import NoNewEvidence
from domain.identity import Id
from domain.value import Value


class Reconsideration(Value):
    """What is decided anew, why, and on what; `steps` are the body that declined."""

    case_id: Id  # the case that decides anew
    declined_case_id: Id
    letter_no: str  # of the decision that is reconsidered
    steps: tuple[RouteStep, ...] = ()  # none where policy declined by itself
    evidence: dict[str, Sha256] = Field(min_length=1)  # document code -> attachment, all new
    grounds: str = Field(min_length=1, max_length=2000)
    asked_by: Id
    asked_at: datetime


class Reconsidered(Value):
    """What a judgement knows of it."""

    declined_case_id: Id
    letter_no: str
    steps: tuple[RouteStep, ...] = ()


def with_evidence(
    application: Application, evidence: dict[str, str], letter_no: str
) -> Application:
    """The same request with the new documents; refuses `NoNewEvidence` where one was there before
    the letter that declined, or none is brought."""
    known = set(application.attachments.values())
    if not evidence or known & set(evidence.values()):
        raise NoNewEvidence(letter_no=letter_no)
    attachments = {**application.attachments, **evidence}
    return application.model_copy(update={"attachments": attachments})
