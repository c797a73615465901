"""Lines: the list, the page of one with its book, and what a risk officer does to it."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Response, UploadFile
from fastapi.responses import HTMLResponse

from domain.errors import CreditError, LineNotActive, OutOfOrder
from domain.exposure import Balance, Entry, LimitKind
from domain.line import LineStatus
from web.api.pages import after_instant, after_number
from web.console.cliff import steps_option
from web.console.excess import excesses_shown
from web.console.hold import orders_shown
from web.console.lists import PAGE_SIZE, next_path
from web.console.page import Visit, Visiting, Writing
from web.language import Speech
from web.problems import Problem, problem_of
from web.service.ids import new_id
from web.service.line import LineView
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class AccountShown:
    """One account of the chain with its bar; the line's first, the group's last."""

    balance: Balance
    kind: str
    owner: str  # of a sub-line its product
    is_line: bool
    used_share: str
    reserved_share: str


@dataclass(frozen=True)
class LineAct:
    """One thing a risk officer may do, and why not now where it may not."""

    code: str
    refusal: Problem | None
    key: str


@router.get("/lines")
def list_lines(
    visit: Visiting,
    status: str = "",
    customer: Annotated[str, Query(max_length=64)] = "",
    after: str | None = None,
) -> HTMLResponse:
    """Lines in force and ended, newest first."""
    chosen = status if status in set(LineStatus) else ""
    found = visit.services.lines.list_lines(
        visit.person,
        status=LineStatus(chosen) if chosen else None,
        customer_id=customer or None,
        after=after_instant(after),
        page_size=PAGE_SIZE + 1,
    )
    lines = found[:PAGE_SIZE]
    path = f"/lines?status={chosen}&customer={customer}"
    return visit.show(
        "line/lines.html",
        lines=lines,
        names=visit.customer_names(line.customer_id for line in lines),
        statuses=list(LineStatus),
        chosen=chosen,
        customer_id=customer,
        next_path=next_path(found, path, lambda line: (line.activated_at, line.line_id)),
    )


@router.get("/lines/{line_id}")
def show_line(visit: Visiting, line_id: str, before: str | None = None) -> HTMLResponse:
    """One line: where it stands, what took it there, and what may be done."""
    return _line_page(visit, line_id, before=before)


@router.post("/lines/{line_id}/freeze")
def freeze(
    visit: Writing,
    line_id: str,
    note: Annotated[str, Form()] = "",
    collect_only: Annotated[str, Form()] = "",
    product: Annotated[str, Form(max_length=60)] = "",
    key: Annotated[str, Form()] = "",
) -> Response:
    """Stop the line in this second."""
    visit.when_refused(lambda refusal: _line_page(visit, line_id, "freeze", note, refusal))
    visit.services.lines.freeze(
        visit.person,
        line_id,
        note=note,
        collect_only=collect_only == "yes",
        product=product or None,
        key=key or None,
    )
    return visit.go(f"/lines/{line_id}", "line_frozen")


@router.post("/lines/{line_id}/unfreeze")
def unfreeze(
    visit: Writing,
    line_id: str,
    note: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    product: Annotated[str, Form(max_length=60)] = "",
    key: Annotated[str, Form()] = "",
) -> Response:
    """Lift the freezes of the line, or the one that is named."""
    visit.when_refused(lambda refusal: _line_page(visit, line_id, "unfreeze", note, refusal))
    visit.services.lines.unfreeze(
        visit.person,
        line_id,
        note=note,
        reason=reason or None,
        product=product or None,
        key=key or None,
    )
    return visit.go(f"/lines/{line_id}", "line_unfrozen")


@router.post("/lines/{line_id}/terminate")
def terminate(
    visit: Writing,
    line_id: str,
    note: Annotated[str, Form()] = "",
    key: Annotated[str, Form()] = "",
) -> Response:
    """End the line before its day."""
    visit.when_refused(lambda refusal: _line_page(visit, line_id, "terminate", note, refusal))
    visit.services.lines.terminate(visit.person, line_id, note=note, key=key or None)
    return visit.go(f"/lines/{line_id}", "line_terminated")


@router.post("/lines/{line_id}/review")
def ask_review(visit: Writing, line_id: str) -> Response:
    """Have the line looked at again."""
    visit.when_refused(lambda refusal: _line_page(visit, line_id, "review", "", refusal))
    visit.services.lines.ask_review(visit.person, line_id)
    return visit.go(f"/lines/{line_id}", "review_asked")


@router.post("/cases/{case_id}/conditions/{code}/evidence")
def bring_evidence(visit: Writing, case_id: str, code: str, file: UploadFile) -> Response:
    """Bring the evidence of a condition precedent: a file, kept under its hash."""
    content = file.file.read(visit.services.attachments.bytes_max + 1)
    kept = visit.services.attachments.record(visit.person, content, file.filename or code)
    visit.services.lines.evidence(visit.person, case_id, code, kept.sha256)
    return visit.go(f"/cases/{case_id}#conditions", "condition_evidenced")


@router.post("/cases/{case_id}/conditions/{code}/verify")
def verify_condition(
    visit: Writing,
    case_id: str,
    code: str,
    met: Annotated[str, Form()] = "yes",
    note: Annotated[str, Form()] = "",
) -> Response:
    """Say that the evidence of another shows the condition, or that it does not."""
    visit.services.lines.verify(visit.person, case_id, code, met=met == "yes", note=note.strip())
    said = "condition_verified" if met == "yes" else "condition_rejected"
    return visit.go(f"/cases/{case_id}#conditions", said)


def _line_page(
    visit: Visit,
    line_id: str,
    opened: str = "",
    typed: str = "",
    refusal: Problem | None = None,
    before: str | None = None,
) -> HTMLResponse:
    view = visit.services.lines.read_line(visit.person, line_id)
    book = visit.services.exposure.read_book(
        visit.person, line_id, before_seq=after_number(before), page_size=PAGE_SIZE + 1
    )
    entries = book.entries[:PAGE_SIZE]
    names = visit.customer_names([view.line.customer_id])
    ahead = visit.services.cliffs.read_line(visit.person, line_id)
    return visit.show(
        "line/line.html",
        ahead=ahead,
        ahead_option=steps_option(ahead, visit),
        refusal=refusal,
        line=view.line,
        customer_name=names.get(view.line.customer_id, view.line.customer_id),
        may_submit=permitted(visit.person, Action.APPLICATION_SUBMIT),
        may_see_uses=permitted(visit.person, Action.USE_READ),
        accounts=[shown for shown in map(_account, book.balances) if shown.kind != "sub_line"],
        entries=entries,
        entries_before=next_path(book.entries, f"/lines/{line_id}", lambda e: (e.seq,), "before"),
        exposure=visit.services.exposure.read_parts(visit.person, line_id),
        reservations=visit.services.exposure.list_reservations(visit.person, line_id),
        freezes=view.freezes,
        products=view.products,
        rates=visit.services.benchmarks.read_rates(visit.person, line_id),
        events=tuple(reversed(view.events)),
        actions=_possible_acts(visit, view),
        orders=orders_shown(visit, line_id=line_id),
        excesses=excesses_shown(visit, line_id=line_id),
        product_acts=_product_acts(visit, view),
        opened=opened,
        typed=typed,
        option=_option(entries, visit),
        charts=len(entries) > 1 or len(ahead.steps) > 1,
    )


def _account(balance: Balance) -> AccountShown:
    limit = balance.limit.amount
    whole = Decimal(max(limit.minor if limit else 0, balance.taken.minor) or 1)
    bare = balance.limit.kind is LimitKind.UNLIMITED
    used, reserved = (
        f"{0 if bare else min(Decimal(amount.minor) * 100 / whole, Decimal(100)):.1f}"
        for amount in (balance.used, balance.taken)
    )
    kind, *_, owner = balance.account.split("/")
    return AccountShown(balance, kind, owner, kind == "line", used, reserved)


def _possible_acts(visit: Visit, view: LineView) -> list[LineAct]:
    """What the person's roles may do, each with the refusal it would meet now."""
    acts = {
        "freeze": Action.LINE_FREEZE,
        "unfreeze": Action.LINE_UNFREEZE,
        "terminate": Action.LINE_TERMINATE,
        "review": Action.REVIEW_START,
    }
    shown = []
    for code, action in acts.items():
        if permitted(visit.person, action):
            error = _refusal_of(view, code, visit.speech)
            refusal = problem_of(error, visit.reader.language.value) if error else None
            shown.append(LineAct(code, refusal, new_id()))
    return shown


def _product_acts(visit: Visit, view: LineView) -> dict[str, LineAct]:
    """What the person may do to each product of the line: stop it, or let it be used again."""
    shown = {}
    for each in view.products:
        code = "freeze" if each.status is LineStatus.ACTIVE else "unfreeze"
        action = Action.LINE_FREEZE if code == "freeze" else Action.LINE_UNFREEZE
        if permitted(visit.person, action) and not view.line.status.ended:
            shown[each.product] = LineAct(code, None, new_id())
    return shown


def _refusal_of(view: LineView, code: str, speech: Speech) -> CreditError | None:
    line = view.line
    if line.status.ended:
        return LineNotActive(line_id=line.line_id, status=speech.word(line.status))
    standing = any(freeze.product is None for freeze in view.freezes)
    if code == "unfreeze" and not standing:
        return OutOfOrder(reason=speech.say("why_not.no_freeze"))
    return None


def _option(entries: tuple[Entry, ...], visit: Visit) -> dict[str, Any]:
    """Used and reserved after each entry, oldest first, as steps."""
    ordered = list(reversed(entries))
    speech = visit.speech
    step = {"type": "line", "step": "end", "symbolSize": 4, "stack": "taken", "areaStyle": {}}
    return {
        "legend": {"left": 0, "top": 0},
        "xAxis": {"type": "category", "data": [f"#{entry.seq}" for entry in ordered]},
        "yAxis": {"type": "value"},
        "series": [
            {
                **step,
                "name": speech.say("line.used"),
                "data": [entry.used_after.text for entry in ordered],
            },
            {
                **step,
                "name": speech.say("line.reserved"),
                "data": [entry.reserved_after.text for entry in ordered],
            },
        ],
    }
