"""Four functions apart (审贷分离): who has one of them on a case has no other.

Delegates, those whose authority they use, whoever was asked for an opinion and added signers
included. What was done stays done: a word that stands no longer was said all the same.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from domain.errors import FunctionsApart
from domain.identity import Id


class Function(StrEnum):
    INVESTIGATION = "investigation"
    REVIEW = "review"  # 风险审查: an opinion, which is no vote
    APPROVAL = "approval"
    RELEASE = "release"  # 放款审核: conditions verified before a line is in force


class FunctionHeld(NamedTuple):
    """One function that one person has had on a case."""

    person_id: Id
    function: Function


def of_another(hands: Iterable[FunctionHeld], own: Function) -> dict[Id, Function]:
    """Whoever has had another function than this one, and which."""
    return {hand.person_id: hand.function for hand in hands if hand.function is not own}


def refuse_second(hands: Iterable[FunctionHeld], person_id: Id, own: Function, case_id: Id) -> None:
    """Nothing, or `FunctionsApart` for whoever has had another function on the case."""
    had = of_another(hands, own).get(person_id)
    if had is not None:
        raise FunctionsApart(case_id=case_id, had=had, asked=own)
