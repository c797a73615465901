"""How the words of a step combine: pure counting, so that their order never matters.

A step ends as soon as no word still to come can change its end. Added signers are asked on top: they
take nothing away from what the step demands.
"""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

from domain.approval.route import OPINIONS, RouteStep, StepMode, Verdict
from domain.approval.task import Task
from domain.value import Value


class Settled(StrEnum):
    NOT_YET = "not_yet"
    PASSED = "passed"
    REFUSED = "refused"
    DEFERRED = "deferred"


class Tally(Value):
    """The votes of a step by weight, and how many members cast one."""

    approve: int = 0
    decline: int = 0
    defer: int = 0
    undecided: int = 0
    cast: int = 0  # members, whatever their weight

    @property
    def all(self) -> int:
        return self.approve + self.decline + self.defer + self.undecided


def tally_of(tasks: Sequence[Task]) -> Tally:
    """The count of seats that count; those skipped are no part of it."""
    by_word = {
        word: sum(task.weight for task in tasks if task.counts and task.word is word)
        for word in (Verdict.APPROVE, Verdict.DECLINE, Verdict.DEFER)
    }
    silent = [task for task in tasks if task.counts and task.word is None]
    return Tally(
        approve=by_word[Verdict.APPROVE],
        decline=by_word[Verdict.DECLINE],
        defer=by_word[Verdict.DEFER],
        undecided=sum(task.weight for task in silent),
        cast=sum(1 for task in tasks if task.counts and task.word is not None),
    )


def settlement(step: RouteStep, tasks: Sequence[Task]) -> Settled:
    """How a step stands by the tasks of its present round; the final authority's is apart."""
    added = [task for task in tasks if task.added_by and task.counts]
    own = seats_of(step, tasks)
    if any(task.word is Verdict.DECLINE for task in added):
        return Settled.REFUSED
    found = _own(step, own)
    if found is Settled.PASSED and any(task.word is None for task in added):
        return Settled.NOT_YET
    return found


def seats_of(step: RouteStep, tasks: Sequence[Task]) -> list[Task]:
    """The seats that the step asks by itself: none added, and not the final authority."""
    return [task for task in tasks if not task.added_by and task.seat <= len(step.positions)]


def seats_least(step: RouteStep) -> int:
    """How many seats must be left for the step to be passed at all."""
    match step.mode:
        case StepMode.SOME:
            return step.needed
        case StepMode.COMMITTEE:
            return step.quorum
        case _:
            return 1


def own_passed(step: RouteStep, tasks: Sequence[Task]) -> bool:
    """Whether the step's own seats have passed it, whatever added signers still say."""
    return _own(step, seats_of(step, tasks)) is Settled.PASSED


def _own(step: RouteStep, seats: Sequence[Task]) -> Settled:
    count = tally_of(seats)
    words = [task.word for task in seats if task.counts]
    if not words:
        return Settled.NOT_YET  # nobody is left to ask, which approves nothing
    match step.mode:
        case StepMode.ALL | StepMode.TURN:
            return _settled(
                passed=all(word is Verdict.APPROVE for word in words),
                refused=Verdict.DECLINE in words,
            )
        case StepMode.ONE | StepMode.ANY:
            return _settled(passed=Verdict.APPROVE in words, refused=Verdict.DECLINE in words)
        case StepMode.OPINION:
            return _settled(passed=all(word in OPINIONS for word in words), refused=False)
        case StepMode.SOME:
            approving = words.count(Verdict.APPROVE)
            silent = words.count(None)
            return _settled(
                passed=approving >= step.needed, refused=approving + silent < step.needed
            )
        case StepMode.RATIO:
            asked = step.share * count.all
            return _settled(
                passed=count.approve >= asked, refused=count.approve + count.undecided < asked
            )
        case StepMode.COMMITTEE:
            return _committee(step, count)


def _committee(step: RouteStep, count: Tally) -> Settled:
    """Passed by the share of the votes cast; put off where more would than refuse it.

    While members are silent it ends only where they can change nothing, and never short of a
    quorum.
    """
    if count.cast < step.quorum:
        return Settled.NOT_YET
    asked = step.share * Decimal(count.all)
    if count.approve >= asked:
        return Settled.PASSED
    if count.approve + count.undecided >= asked:
        return Settled.NOT_YET
    if count.defer > count.decline + count.undecided:
        return Settled.DEFERRED
    return Settled.REFUSED if count.defer + count.undecided <= count.decline else Settled.NOT_YET


def _settled(*, passed: bool, refused: bool) -> Settled:
    if refused:
        return Settled.REFUSED
    return Settled.PASSED if passed else Settled.NOT_YET
