"""Uses with approval: the list with the form, and the page of one with its release review."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse
from starlette.datastructures import UploadFile

from domain.money import Money
from domain.use import ON_RECORD, ReleaseCheck, ReleaseItem, Use, UseContent, UseStatus
from web.api.pages import after_instant
from web.console.lists import CURRENCIES, PAGE_SIZE, next_path, plain_amount, typed_day
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem
from web.service.ids import new_id
from web.service.permissions import Action, permitted
from web.service.use import UseView

router = APIRouter(include_in_schema=False)
_Text = Annotated[str, Form(max_length=2000)]


@dataclass(frozen=True)
class UseTyped:
    """A use as somebody types it."""

    product: str = ""
    currency: str = CURRENCIES[0]
    amount: str = ""
    deposit: str = ""
    due_on: str = ""
    purpose: str = ""
    payee: str = ""
    opened: bool = False

    def content(self, visit: Visit) -> UseContent:
        """The use that was typed; refuses what cannot be read as one."""
        deposit = self.deposit.strip()
        return visit.valid(
            UseContent,
            {
                "product": self.product,
                "amount": Money.of(plain_amount(self.amount), self.currency),
                "deposit": Money.of(plain_amount(deposit), self.currency) if deposit else None,
                "due_on": typed_day(self.due_on, "due_on"),
                "purpose": self.purpose,
                "payee": self.payee,
            },
        )


def use_typed(
    product: _Text = "",
    currency: _Text = CURRENCIES[0],
    amount: _Text = "",
    deposit: _Text = "",
    due_on: _Text = "",
    purpose: _Text = "",
    payee: _Text = "",
) -> UseTyped:
    return UseTyped(product, currency, amount, deposit, due_on, purpose, payee, opened=True)


Typed = Annotated[UseTyped, Depends(use_typed)]


@dataclass(frozen=True)
class ItemShown:
    """One item of the release review: how it stands, or None where it is to be seen."""

    item: ReleaseItem
    held: bool | None
    evidence: str = ""
    evidence_hash: str | None = None

    @property
    def by_file(self) -> bool:
        return self.item not in ON_RECORD


@dataclass(frozen=True)
class Reviewing:
    """A release review as somebody fills it in."""

    act: str
    held: Sequence[str]
    evidence: Mapping[str, str]
    files: Mapping[str, tuple[str, bytes]]
    note: str

    def checks(self, visit: Visit, use: Use) -> tuple[ReleaseCheck, ...]:
        """What was seen, with the files that were brought, which are kept."""
        found = []
        for item in use.request.review:
            kept = None
            if item.value in self.files:
                name, file = self.files[item.value]
                kept = visit.services.attachments.record(visit.person, file, name).sha256
            said = {
                "item": item,
                "held": item.value in self.held,
                "evidence": self.evidence.get(item.value, ""),
                "evidence_hash": kept,
            }
            found.append(visit.valid(ReleaseCheck, said))
        return tuple(found)


async def reviewing(request: Request) -> Reviewing:
    form = await request.form()
    evidence, files = {}, {}
    for item in ReleaseItem:
        evidence[item.value] = str(form.get(f"evidence_{item.value}") or "")
        file = form.get(f"file_{item.value}")
        if isinstance(file, UploadFile) and file.filename:
            files[item.value] = (file.filename, await file.read())
    held = [each for each in form.getlist("held") if isinstance(each, str)]
    said = {name: str(form.get(name) or "") for name in ("act", "note")}
    return Reviewing(held=held, evidence=evidence, files=files, **said)


@router.get("/uses")
def list_uses(
    visit: Visiting, status: str = "", line: str = "", after: str | None = None
) -> HTMLResponse:
    """Uses that were asked for, newest first; of one line with the form to ask for another."""
    return _uses_page(visit, status, line, after)


@router.post("/lines/{line_id}/uses")
def ask_use(visit: Writing, line_id: str, typed: Typed, key: _Text = "") -> Response:
    """Ask for a use of a line."""
    visit.when_refused(lambda refusal: _uses_page(visit, "", line_id, None, typed, refusal))
    content = typed.content(visit)
    use = visit.services.uses.ask(visit.person, line_id, content, key or None)
    return visit.go(f"/uses/{use.request.use_id}", "use_asked")


@router.get("/uses/{use_id}")
def show_use(visit: Visiting, use_id: str) -> HTMLResponse:
    """A use: what was asked for, who is asked, and its release review."""
    return _use_page(visit, use_id)


@router.post("/uses/{use_id}/review")
def review_use(
    visit: Writing, use_id: str, typed: Annotated[Reviewing, Depends(reviewing)]
) -> Response:
    """Release an approved use, or reject it."""
    visit.when_refused(lambda refusal: _use_page(visit, use_id, typed, refusal))
    service = visit.services.uses
    checks = typed.checks(visit, service.read(visit.person, use_id).use)
    if typed.act == "reject":
        service.reject(visit.person, use_id, checks, typed.note)
        return visit.go(f"/uses/{use_id}", "use_rejected")
    service.release(visit.person, use_id, checks, typed.note)
    return visit.go(f"/uses/{use_id}", "use_released")


@router.post("/uses/{use_id}/withdraw")
def withdraw_use(visit: Writing, use_id: str, note: _Text = "") -> Response:
    """Take a use back."""
    visit.when_refused(lambda refusal: _use_page(visit, use_id, None, refusal))
    visit.services.uses.withdraw(visit.person, use_id, note)
    return visit.go(f"/uses/{use_id}", "use_withdrawn")


def _uses_page(
    visit: Visit,
    status: str,
    line_id: str,
    after: str | None,
    typed: UseTyped | None = None,
    refusal: Problem | None = None,
) -> HTMLResponse:
    chosen = status if status in set(UseStatus) else ""
    found = visit.services.uses.list_uses(
        visit.person,
        line_id=line_id or None,
        status=UseStatus(chosen) if chosen else None,
        before=after_instant(after),
        page_size=PAGE_SIZE + 1,
    )
    uses = found[:PAGE_SIZE]
    path = f"/uses?status={chosen}&line={line_id}"
    return visit.show(
        "use/uses.html",
        refusal=refusal,
        uses=uses,
        names=visit.customer_names(each.request.customer_id for each in uses),
        statuses=list(UseStatus),
        chosen=chosen,
        line_id=line_id,
        next_path=next_path(found, path, lambda u: (u.request.asked_at, u.request.use_id)),
        may_ask=bool(line_id) and permitted(visit.person, Action.USE_ASK),
        typed=typed or UseTyped(),
        products=visit.services.uses.products_marked(visit.person),
        currencies=CURRENCIES,
        form_key=new_id(),
    )


def _use_page(
    visit: Visit,
    use_id: str,
    typed: Reviewing | None = None,
    refusal: Problem | None = None,
) -> HTMLResponse:
    view = visit.services.uses.read(visit.person, use_id)
    use = view.use
    names = visit.customer_names([use.request.customer_id])
    waits = not use.status.ended
    return visit.show(
        "use/use.html",
        refusal=refusal,
        use=use,
        customer_name=names.get(use.request.customer_id, use.request.customer_id),
        tasks=view.tasks,
        items=_items(view),
        may_release=use.status is UseStatus.APPROVED
        and permitted(visit.person, Action.USE_RELEASE),
        may_withdraw=waits and permitted(visit.person, Action.USE_ASK),
        typed_held=typed.held if typed else (),
        typed_evidence=typed.evidence if typed else {},
        typed_note=typed.note if typed else "",
    )


def _items(view: UseView) -> list[ItemShown]:
    """Each item as it was reviewed, or before that as our records show it."""
    steps = view.use.steps
    known = {each.item: each for each in view.shown}
    known |= {each.item: each for each in (steps[-1].checks if steps else ())}
    return [
        ItemShown(item, each.held, each.evidence, each.evidence_hash)
        if (each := known.get(item)) is not None
        else ItemShown(item, None)
        for item in view.use.request.review
    ]
