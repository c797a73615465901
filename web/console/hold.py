"""Holds: the list, why an order stands still then and now, what would cure it, and who decides."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import HTMLResponse

from domain.check import Cure, CureKind, Finding, RuleKind
from domain.hold import Hold, HoldOn, HoldStatus, ManualHold, ReleaseWanted
from domain.line import CreditLine
from domain.money import Money
from web.api.pages import after_instant
from web.console.lists import PAGE_SIZE, next_path, plain_amount, typed_day
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem
from web.service.hold import CureWanted, HoldLift, HoldReason, HoldView
from web.service.ids import new_id
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)
_Short = Annotated[str, Form(max_length=64)]
_Note = Annotated[str, Form(max_length=2000)]
_Filter = Annotated[str, Query(max_length=64)]


@dataclass(frozen=True)
class ReasonShown:
    """A rule that holds, in the reader's words, as it was and as it is; empty: it passes."""

    code: str
    finding: Finding
    what: str  # the kind of rule
    then: str
    now: str


@dataclass(frozen=True)
class CureShown:
    """A cure in the reader's words: a button where it is done here, a link where it is begun."""

    cure: Cure
    words: str
    rules: tuple[str, ...]
    button: bool
    path: str


@router.get("/holds")
def list_holds(
    visit: Visiting,
    view: str = "open",
    rule: _Filter = "",
    owner: _Filter = "",
    due: str = "",
    customer: _Filter = "",
    line: _Filter = "",
    after: str | None = None,
) -> HTMLResponse:
    """Holds, the one due first at the head."""
    view = view if view in ("open", "all") else "open"
    holds, person = visit.services.holds, visit.person
    found = holds.list_holds(
        person,
        status=HoldStatus.OPEN if view == "open" else None,
        rule=rule or None,
        owner=owner or None,
        due_before=visit.services.clock.now() if due == "late" else None,
        customer_id=customer or None,
        line_id=line or None,
        after=after_instant(after),
        page_size=PAGE_SIZE + 1,
    )
    shown = found[:PAGE_SIZE]
    filters = {"rule": rule, "owner": owner, "due": due, "customer": customer, "line": line}
    path = f"/holds?{urlencode({'view': view} | filters)}"
    return visit.show(
        "hold/holds.html",
        holds=[(each, sentences(visit, each.reasons_now or each.reasons)) for each in shown],
        names=visit.customer_names(each.customer_id for each in shown),
        rules=holds.rules(person),
        owners=holds.owners(person),
        chosen=filters,
        view=view,
        views=visit.tabs("/holds", "holds.view", ("open", "all"), view),
        next_path=next_path(found, path, lambda each: (each.due_at, each.hold_id)),
    )


@router.get("/holds/{hold_id}")
def show_hold(visit: Visiting, hold_id: str) -> HTMLResponse:
    """One hold: every reason then and now, what would cure it, and who may let it go on."""
    return _hold_page(visit, hold_id)


@router.post("/holds/{hold_id}/take")
def take_hold(visit: Writing, hold_id: str) -> Response:
    """Take a hold in hand."""
    visit.when_refused(lambda refusal: _hold_page(visit, hold_id, refusal=refusal))
    visit.services.holds.take(visit.person, hold_id)
    return visit.go(f"/holds/{hold_id}", "hold_taken")


@router.post("/holds/{hold_id}/lift")
def lift_hold(visit: Writing, hold_id: str, reason: _Short = "", note: _Note = "") -> Response:
    """Lift a hold that another set by hand."""
    typed = {"reason": reason, "note": note}
    visit.when_refused(lambda refusal: _hold_page(visit, hold_id, "lift", typed, refusal))
    said = visit.valid(HoldLift, {"reason_code": reason, "note": note})
    visit.services.holds.lift(visit.person, hold_id, said)
    return visit.go(f"/holds/{hold_id}", "hold_lifted")


@router.post("/holds/{hold_id}/cure")
def cure_hold(
    visit: Writing, hold_id: str, kind: _Short = "", payment_no: _Short = "", key: _Short = ""
) -> Response:
    """Do what a cure names."""
    visit.when_refused(lambda refusal: _hold_page(visit, hold_id, refusal=refusal))
    said = {"kind": kind, "payment_no": payment_no or None}
    wanted = visit.valid(CureWanted, said)
    view = visit.services.holds.apply_cure(visit.person, hold_id, wanted, key or None)
    return visit.go(f"/holds/{hold_id}", "hold_open_still" if view.hold.open else "hold_cured")


@router.post("/holds/{hold_id}/release")
def ask_release(
    visit: Writing,
    hold_id: str,
    reason: _Short = "",
    note: _Note = "",
    amount: _Short = "",
    until: _Short = "",
    key: _Short = "",
) -> Response:
    """Ask that the order go on past what holds it."""
    typed = {"reason": reason, "note": note, "amount": amount, "until": until}
    visit.when_refused(lambda refusal: _hold_page(visit, hold_id, "release", typed, refusal))
    order = visit.services.holds.read(visit.person, hold_id).order
    up_to = None
    if amount.strip() and order is not None:
        up_to = Money.of(plain_amount(amount), order.currency)
    wanted = visit.valid(
        ReleaseWanted,
        {
            "reason_code": reason,
            "note": note,
            "amount_up_to": up_to,
            "until": typed_day(until, "until"),
        },
    )
    visit.services.holds.ask_release(visit.person, hold_id, wanted, key or None)
    return visit.go(f"/holds/{hold_id}#releases", "release_asked")


@router.post("/holds")
def set_hold(
    visit: Writing,
    holds: _Short = "",
    subject_id: _Short = "",
    reason: _Short = "",
    note: _Note = "",
    key: _Short = "",
) -> Response:
    """Hold an order, a customer or a line by hand."""
    said = {"holds": holds, "subject_id": subject_id, "reason_code": reason, "note": note}
    hold = visit.services.holds.set_hold(visit.person, visit.valid(ManualHold, said), key or None)
    return visit.go(f"/holds/{hold.hold_id}", "hold_set")


# ── pages ────────────────────────────────────────────────────────────────────────────────────────


def _hold_page(
    visit: Visit,
    hold_id: str,
    opened: str = "",
    typed: dict[str, str] | None = None,
    refusal: Problem | None = None,
) -> HTMLResponse:
    view = visit.services.holds.read(visit.person, hold_id)
    hold, person = view.hold, visit.person
    names = visit.customer_names([hold.customer_id])
    asks = hold.open and not hold.manual and hold.holds is HoldOn.ORDER
    reasons = reasons_shown(visit, view)
    rules = {each.code: each.what for each in reasons}
    return visit.show(
        "hold/hold.html",
        refusal=refusal,
        hold=hold,
        order=view.order,
        customer_name=names.get(hold.customer_id, hold.customer_id),
        reasons=reasons,
        cures=[_cure(visit, hold, each, rules) for each in view.cures],
        releases=view.releases,
        events=tuple(reversed(view.events)),
        may_take=hold.open
        and hold.owner != person.person_id
        and permitted(person, Action.HOLD_TAKE),
        may_lift=hold.open and hold.manual and permitted(person, Action.HOLD_LIFT),
        may_ask=asks and permitted(person, Action.HOLD_RELEASE_ASK),
        opened=opened,
        typed={"reason": "", "note": "", "amount": "", "until": ""} | (typed or {}),
        key=new_id(),
        subject_path=_subject_path(hold),
    )


def hold_form(visit: Visit, holds: HoldOn, subject_id: str) -> dict[str, Any]:
    """What the form is given by which something is held by hand."""
    return {
        "holds": holds.value,
        "subject_id": subject_id,
        "may_set": permitted(visit.person, Action.HOLD_SET),
        "key": new_id(),
    }


def orders_shown(visit: Visit, **of: str) -> dict[str, Any] | None:
    """How many orders and holds a customer or a line has, and where they are listed."""
    if not permitted(visit.person, Action.ORDER_READ):
        return None
    [(kind, subject_id)] = of.items()
    counts = visit.services.orders.count(visit.person, **of)
    holds = HoldOn.LINE if kind == "line_id" else HoldOn.CUSTOMER
    filtered = f"{kind.removesuffix('_id')}={subject_id}"
    return {
        "open": counts.open,
        "holds": counts.holds,
        "orders_path": f"/orders?{filtered}",
        "holds_path": f"/holds?{filtered}",
        "hand": hold_form(visit, holds, subject_id),
    }


def reasons_shown(visit: Visit, view: HoldView) -> list[ReasonShown]:
    """Every reason of a hold, as it was found at the check and as it stands now."""
    return [_reason(visit, each) for each in view.reasons]


def _reason(visit: Visit, reason: HoldReason) -> ReasonShown:
    finding = reason.now or reason.then
    assert finding is not None, "a reason failed then or fails now"
    language = language_of(visit)
    return ReasonShown(
        code=reason.code,
        finding=finding,
        what=_what(visit, finding),
        then=reason.then.sentence(language) if reason.then else "",
        now=reason.now.sentence(language) if reason.now else "",
    )


def _what(visit: Visit, finding: Finding) -> str:
    """The kind of the rule that holds; a hold of what stands above a limit is none by hand."""
    above = finding.kind is RuleKind.STANDING_HOLD and finding.found is not None
    return visit.speech.say("excess.title_one") if above else visit.speech.word(finding.kind)


_DONE_HERE = {
    CureKind.CUT_ORDER: Action.ORDER_CHANGE,
    CureKind.BETTER_TERMS: Action.ORDER_CHANGE,
    CureKind.DEPOSIT: Action.ORDER_CHANGE,
    CureKind.PAY: Action.RECEIVABLE_RECORD,
}


def _cure(visit: Visit, hold: Hold, cure: Cure, rules: Mapping[str, str]) -> CureShown:
    """`rules` are the words of what stops the order, by what cures name it by; of rules that only warn
    the page says nothing."""
    action = _DONE_HERE.get(cure.kind)
    return CureShown(
        cure=cure,
        words=cure.sentence(language_of(visit)),
        rules=tuple(rules[code] for code in cure.cures if code in rules),
        button=action is not None and permitted(visit.person, action),
        path=_begun_at(visit, hold, cure),
    )


def _begun_at(visit: Visit, hold: Hold, cure: Cure) -> str:
    """Where a cure that takes more than a button is begun, with what it names filled in."""
    if cure.kind is CureKind.COVER:
        return f"/customers/{hold.customer_id}#covers"
    if cure.kind is CureKind.REPAY and hold.holds is not HoldOn.ORDER:
        return f"/excesses/{cure.reference}"
    if cure.kind in (CureKind.PROVE, CureKind.REPAY):
        return f"/holds/{cure.reference}"
    asks = permitted(visit.person, Action.APPLICATION_SUBMIT)
    if cure.kind is not CureKind.TEMPORARY_LIMIT or hold.line_id is None or not asks:
        return ""
    line: CreditLine = visit.services.lines.read_line(visit.person, hold.line_id).line
    said = {"customer": hold.customer_id, "line": line.line_id, "kind": "temporary_increase"}
    if cure.amount is not None:
        said["amount"] = (line.limit + cure.amount).text
    if cure.on is not None:
        said["until"] = cure.on.isoformat()
    return f"/cases/new?{urlencode(said)}"


def sentences(visit: Visit, findings: Iterable[Finding]) -> list[tuple[Finding, str]]:
    """Findings with what the reader is told of each."""
    return [(each, each.sentence(language_of(visit))) for each in findings]


def language_of(visit: Visit) -> str:
    """As the sentences of checks know it."""
    return visit.reader.language.value


def _subject_path(hold: Hold) -> str:
    pages = {HoldOn.ORDER: "orders", HoldOn.CUSTOMER: "customers", HoldOn.LINE: "lines"}
    return f"/{pages[hold.holds]}/{hold.subject_id}"
