"""Excess (超限): what stands above a limit that fell, and the plan by which it comes down.

A plan is of one account and says how much may still stand after which day. It never gives more time
for what it was made for: a larger excess adds steps for what is more. What a plan is made of is
`policies/excess.py`; who looks, and the hold that stands meanwhile, `activities/excess.py`.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from domain.errors import OutOfOrder
from domain.exposure import COVER, TEMPORARY, Balance, LimitKind
from domain.identity import Id
from domain.money import Money, money_sum
from domain.reasons import because
from domain.value import Value

EXCESS = "excess"  # the reason of its hold, and the rule of the hold's finding
EXCESS_DAYS = "excess_days"  # the figure of a warning: days for which a step has been missed

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class ExcessCause(StrEnum):
    LETTER_CUT = "letter_cut"
    TEMPORARY_OVER = "temporary_over"
    COVER_ENDED = "cover_ended"
    CAP = "cap"
    OTHER = "other"


class ExcessStatus(StrEnum):
    OPEN = "open"
    LATE = "late"  # more stands than a step allows whose day is over
    SETTLED = "settled"


class ExcessStep(Value):
    due_on: date
    stands: Money  # the most that may stand once the day is over


class Excess(Value):
    """The plan of one account; `account` is named as its balance is."""

    excess_id: Id
    account: str
    customer_id: Id | None = None  # None: of a group
    group_id: Id | None = None  # of a group's account alone
    line_id: Id | None = None  # of a line's or sub-line's account
    cause: ExcessCause
    opened_on: date
    found: Money  # the most that stood above
    found_on: date  # when that was found, and the steps were made for it
    steps: tuple[ExcessStep, ...] = Field(min_length=1)
    over: Money  # what stands above now
    status: ExcessStatus = ExcessStatus.OPEN
    settled_on: date | None = None
    hold_ids: tuple[Id, ...] = ()
    offset_days: int = 0
    version: int = 1

    @property
    def settled(self) -> bool:
        return self.status is ExcessStatus.SETTLED

    def stands_on(self, on: date) -> Money:
        """The most that may stand on a day."""
        return stands_on(self.steps, self.found, on)

    def missed_since(self, on: date) -> date | None:
        """The day of the first step that what stands now misses on a day; None where none is."""
        return next((each.due_on for each in self.steps if self.misses(each, on)), None)

    def gap(self, step: ExcessStep) -> Money:
        """What a step asks for of what stands now."""
        return max(self.over - step.stands, Money.zero(self.over.currency))

    def misses(self, step: ExcessStep, on: date) -> bool:
        return not self.settled and step.due_on < on and bool(self.gap(step))

    def days_missed(self, on: date) -> int:
        since = self.missed_since(on)
        return 0 if since is None else (on - since).days

    def next_step(self, on: date) -> ExcessStep | None:
        """The next step, today's too, that asks for more than was given back."""
        ahead = (each for each in self.steps if each.due_on >= on and self.gap(each))
        return None if self.settled else next(ahead, None)

    @property
    def binding_step(self) -> ExcessStep:
        """The first step that asks for more than was given back; the last where none does."""
        asking = (each for each in self.steps if self.gap(each))
        return next(asking, self.steps[-1])

    def looked(self, over: Money, on: date, added: Sequence[ExcessStep] = ()) -> "Excess":
        """As a look finds it: itself where nothing is new. Where more stands than was ever found,
        `added` are the steps for what is more; a smaller excess keeps the steps."""
        self.refuse_settled()
        if not over:
            return self.next(over=over, status=ExcessStatus.SETTLED, settled_on=on)
        grown: dict[str, object] = {}
        if over > self.found and added:
            steps = joined(self.steps, self.found, added, over - self.found)
            grown = {"found": over, "found_on": on, "steps": steps}
        return self._as_of(on, over=over, **grown)

    def redated(self, steps: tuple[ExcessStep, ...], on: date) -> "Excess":
        """With steps of other dates, and the status they make of it."""
        self.refuse_settled()
        return self._as_of(on, steps=steps)

    def _as_of(self, on: date, **changes: object) -> "Excess":
        after = self.model_copy(update=changes)
        late = after.missed_since(on) is not None
        status = ExcessStatus.LATE if late else ExcessStatus.OPEN
        after = after.model_copy(update={"status": status})
        return self if after == self else after.next()

    def refuse_settled(self) -> None:
        if self.settled:
            raise OutOfOrder(**because("excess_settled", excess=self.excess_id))

    def next(self, **changes: object) -> "Excess":
        return self.model_copy(update={**changes, "version": self.version + 1})


class ExcessDates(Value):
    """Other dates for the steps of a plan, one for each in their order, and why."""

    due_on: tuple[date, ...] = Field(min_length=1, max_length=24)
    reason: Reason


class ExcessWord(Value):
    """A second person's word on other dates."""

    confirmed: bool = True
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] = ""


class ExcessProposal(Value):
    """Other dates that somebody gave a plan; they count once somebody else has confirmed them."""

    dates_id: Id
    excess_id: Id
    steps: tuple[ExcessStep, ...]
    replaces: tuple[ExcessStep, ...]  # the steps that it was made for
    reason: str
    asked_by: Id
    asked_on: date
    answered_by: Id | None = None
    confirmed: bool | None = None
    note: str = ""


class ExcessEvent(Value):
    """One version of a plan, as it was then."""

    version: int
    by: Id
    at: datetime
    excess: Excess


def stands_on(steps: Iterable[ExcessStep], found: Money, on: date) -> Money:
    """The most that may stand on a day, of what was found and the steps made for it."""
    return min((each.stands for each in steps if each.due_on < on), default=found)


def joined(
    steps: Sequence[ExcessStep], found: Money, added: Sequence[ExcessStep], more: Money
) -> tuple[ExcessStep, ...]:
    """The steps of two plans as one: on every day what both let stand together."""

    def after(of: Sequence[ExcessStep], most: Money, day: date) -> Money:
        return min((each.stands for each in of if each.due_on <= day), default=most)

    days = sorted({each.due_on for each in (*steps, *added)})
    return tuple(
        ExcessStep(due_on=day, stands=after(steps, found, day) + after(added, more, day))
        for day in days
    )


def over_of(balance: Balance) -> Money:
    """What stands above an account's limit and can be given back: what is spent of a limit that does
    not revolve is none of it."""
    if balance.limit.kind is LimitKind.NONE:
        return balance.taken
    return min(balance.excess, balance.taken)


def cause_of(balance: Balance, decided: str, on: date) -> ExcessCause:
    """Why an account stands over: the part of its limit that a day took away, or the decision that
    `decided` is the key of."""
    if balance.account.partition("/")[0] in ("customer", "group"):
        return ExcessCause.CAP
    lowering = [each for each in balance.parts if each.counts(on) and each.amount.minor < 0]
    taken_away = -money_sum((each.amount for each in lowering), balance.used.currency)
    if lowering and balance.excess <= taken_away:
        latest = max(lowering, key=lambda each: each.from_on or date.min)
        causes = {TEMPORARY: ExcessCause.TEMPORARY_OVER, COVER: ExcessCause.COVER_ENDED}
        return causes.get(latest.code, ExcessCause.OTHER)
    if decided.endswith("/returned"):
        return ExcessCause.TEMPORARY_OVER
    return ExcessCause.LETTER_CUT if decided else ExcessCause.OTHER
