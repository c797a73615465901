"""Caps on the page of a customer and of a group: what is in force, what was asked for, and the form."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Response
from fastapi.responses import HTMLResponse

from domain.cap import CapContent, CapOwner
from domain.exposure import Limit, LimitKind
from domain.money import Money
from web.console.lists import CURRENCIES, plain_amount, typed_day
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem
from web.service.cap import CapsOf
from web.service.ids import new_id
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)
_Text = Annotated[str, Form(max_length=2000)]


@dataclass(frozen=True)
class CapTyped:
    """A cap as somebody types it."""

    kind: str = LimitKind.AMOUNT
    currency: str = CURRENCIES[0]
    amount: str = ""
    reason: str = ""
    review_due_on: str = ""

    def content(self, visit: Visit) -> CapContent:
        """The cap that was typed; refuses what cannot be read as one."""
        limit: dict[str, Any] = {"kind": self.kind}
        if self.kind == LimitKind.AMOUNT:
            limit["amount"] = Money.of(plain_amount(self.amount), self.currency)
        due_on: date | None = typed_day(self.review_due_on, "review_due_on")
        return visit.valid(
            CapContent,
            {
                "currency": self.currency,
                "limit": visit.valid(Limit, limit),
                "reason": self.reason,
                "review_due_on": due_on,
            },
        )


def cap_typed(
    kind: _Text = LimitKind.AMOUNT,
    currency: _Text = CURRENCIES[0],
    amount: _Text = "",
    reason: _Text = "",
    review_due_on: _Text = "",
) -> CapTyped:
    return CapTyped(kind, currency, amount, reason, review_due_on)


Typed = Annotated[CapTyped, Depends(cap_typed)]
FormKey = Annotated[str, Form(max_length=64)]


@dataclass(frozen=True)
class CapsShown:
    """The caps of a customer or a group, and the form where the person may ask for one."""

    of: CapsOf
    path: str  # where the form goes
    may_ask: bool
    typed: CapTyped
    opened: bool
    key: str
    kinds: tuple[LimitKind, ...] = tuple(LimitKind)
    currencies: tuple[str, ...] = CURRENCIES


def caps_shown(
    visit: Visit, scope: CapOwner, owner_id: str, typed: CapTyped | None = None
) -> CapsShown:
    """What the page says of caps; the form keeps what was typed when it is refused."""
    return CapsShown(
        of=visit.services.caps.read_of(visit.person, scope, owner_id),
        path=f"{path_of(scope, owner_id)}/caps",
        may_ask=permitted(visit.person, Action.CAP_ASK),
        typed=typed or CapTyped(),
        opened=typed is not None,
        key=new_id(),
    )


def path_of(scope: CapOwner, owner_id: str) -> str:
    """The page of whose lines a cap is over."""
    return f"/{'customers' if scope is CapOwner.CUSTOMER else 'groups'}/{owner_id}"


@router.get("/groups/{group_id}")
def show_group(visit: Visiting, group_id: str) -> HTMLResponse:
    """A group: its members and what their lines may come to together."""
    return _group_page(visit, group_id)


@router.post("/groups/{group_id}/caps")
def ask_group_cap(visit: Writing, group_id: str, typed: Typed, key: FormKey = "") -> Response:
    """Ask for a cap over all lines of a group."""
    visit.when_refused(lambda refusal: _group_page(visit, group_id, typed, refusal))
    content = typed.content(visit)
    visit.services.caps.ask(visit.person, CapOwner.GROUP, group_id, content, key or None)
    return visit.go(f"/groups/{group_id}#caps", "cap_asked")


def _group_page(
    visit: Visit,
    group_id: str,
    typed: CapTyped | None = None,
    refusal: Problem | None = None,
) -> HTMLResponse:
    view = visit.services.customers.read_group(visit.person, group_id)
    names = visit.customer_names(view.members)
    return visit.show(
        "cap/group.html",
        refusal=refusal,
        group=view.group,
        members=sorted(names.items()),
        caps=caps_shown(visit, CapOwner.GROUP, group_id, typed),
    )
