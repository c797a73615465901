"""Cover on a customer's page: what is registered, what of it counts, and what a form says of it."""

from dataclasses import dataclass, field, replace
from decimal import Decimal, DecimalException
from typing import Annotated, Any

from fastapi import Form

from domain.assessment import CoverStep
from domain.cover import REGISTERED, CoverContent, CoverKind
from domain.errors import FieldUnreadable, NotFound, SameHands
from web.console.lists import CURRENCIES, plain_amount
from web.console.page import Visit
from web.problems import Problem, problem_of
from web.service.cover import CoverView, CustomerCovers
from web.service.ids import new_id
from web.service.permissions import Action, permitted

Text = Annotated[str, Form(max_length=200)]


@dataclass(frozen=True)
class CoverTyped:
    """A cover as somebody types it; the share in percent."""

    kind: str = CoverKind.MORTGAGE
    owner: str = ""
    currency: str = "CNY"
    value: str = ""
    amount: str = ""
    share: str = "100"
    prior: str = ""
    capacity: str = ""
    valued_on: str = ""
    valuer: str = ""
    source: str = ""
    ends_on: str = ""

    @classmethod
    def of(cls, content: CoverContent, customer_id: str) -> "CoverTyped":
        own = [use.amount.text for use in content.uses if use.customer_id == customer_id]
        return cls(
            kind=content.kind,
            owner=content.owner,
            currency=content.value.currency,
            value=content.value.text,
            amount=own[0] if own else "",
            share=f"{content.share * 100:f}",
            prior=content.prior.text if content.prior is not None else "",
            capacity=content.capacity.text if content.capacity is not None else "",
            valued_on=str(content.valued_on or ""),
            valuer=content.valuer,
            source=content.source,
            ends_on=str(content.ends_on or ""),
        )

    def content(
        self, visit: Visit, customer_id: str, before: CoverContent | None = None
    ) -> CoverContent:
        """The cover that was typed: of one on record, what the form does not ask stays."""
        said: dict[str, Any] = {
            "kind": self.kind,
            "owner": self.owner.strip(),
            "value": self._money(self.value),
            "share": self._part(visit),
            "prior": self._money(self.prior) if self.prior.strip() else None,
            "capacity": self._money(self.capacity) if self.capacity.strip() else None,
            "valued_on": self.valued_on or None,
            "valuer": self.valuer,
            "source": self.source,
            "ends_on": self.ends_on or None,
            "uses": self._uses(customer_id, before),
        }
        if before is not None:
            fixed = {"kind": before.kind, "owner": before.owner}
            said |= fixed | {"evidence_hash": before.evidence_hash}
        return visit.valid(CoverContent, said)

    def _uses(self, customer_id: str, before: CoverContent | None) -> list[Any]:
        """Of the uses on record this customer's first with the amount typed; none where it is
        empty."""
        uses: list[Any] = list(before.uses) if before is not None else []
        place = next((n for n, use in enumerate(uses) if use.customer_id == customer_id), None)
        line_id = uses[place].line_id if place is not None else None
        typed = {
            "customer_id": customer_id,
            "line_id": line_id,
            "amount": self._money(self.amount),
        }
        said = [typed] if self.amount.strip() else []
        if place is None:
            return [*uses, *said]
        return [*uses[:place], *said, *uses[place + 1 :]]

    def _money(self, typed: str) -> dict[str, str]:
        return {"amount": plain_amount(typed), "currency": self.currency}

    def _part(self, visit: Visit) -> Decimal:
        try:
            return Decimal(plain_amount(self.share)) / 100
        except DecimalException:
            raise FieldUnreadable(
                column=visit.speech.say("cover.share"), expected="0-100"
            ) from None


def cover_typed(
    value: Text = "",
    amount: Text = "",
    share: Text = "100",
    prior: Text = "",
    capacity: Text = "",
    valued_on: Text = "",
    valuer: Text = "",
    source: Text = "",
    ends_on: Text = "",
    kind: Text = CoverKind.MORTGAGE.value,
    owner: Text = "",
    currency: Text = "CNY",
) -> CoverTyped:
    """What a form says of a cover."""
    return CoverTyped(
        kind, owner, currency, value, amount, share, prior, capacity, valued_on, valuer, source,
        ends_on,
    )  # fmt: skip


@dataclass(frozen=True)
class CoverRow:
    """One cover of a list with what of it counts, and what the person may do to it."""

    view: CoverView
    step: CoverStep | None
    typed: CoverTyped
    may_check: bool
    why_not: Problem | None


@dataclass(frozen=True)
class CoversShown:
    """What a customer's page says of its cover; `missing` where it cannot be valued today."""

    rows: tuple[CoverRow, ...] = ()
    counts: CustomerCovers | None = None
    missing: Problem | None = None
    kinds: tuple[CoverKind, ...] = REGISTERED
    currencies: tuple[str, ...] = CURRENCIES
    may_record: bool = False
    typed: CoverTyped = CoverTyped()
    opened: bool = False
    key: str = field(default_factory=new_id)


def covers_shown(visit: Visit, customer_id: str, typed: CoverTyped | None = None) -> CoversShown:
    """The cover of a customer; one whose worth has no rate says so and does not stop the page."""
    shown = CoversShown(
        may_record=permitted(visit.person, Action.COVER_RECORD),
        typed=typed or CoverTyped(owner=customer_id),
        opened=typed is not None,
    )
    try:
        found = visit.services.covers.list_of_customer(visit.person, customer_id)
    except NotFound as missing:
        return replace(shown, missing=problem_of(missing, visit.reader.language.value))
    steps = {each.cover_id: each for each in found.counts}
    rows = [_row(visit, customer_id, each, steps.get(each.cover_id)) for each in found.covers]
    return replace(shown, rows=tuple(rows), counts=found)


def _row(visit: Visit, customer_id: str, view: CoverView, step: CoverStep | None) -> CoverRow:
    own = view.recorded_by == visit.person.person_id
    refusal = SameHands(first="recording a cover", second="confirming it")
    return CoverRow(
        view=view,
        step=step,
        typed=CoverTyped.of(view.content, customer_id),
        may_check=view.pending and permitted(visit.person, Action.COVER_CHECK),
        why_not=problem_of(refusal, visit.reader.language.value) if own else None,
    )
