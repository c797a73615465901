"""Customers: the list, and the page of one with its statements, account, lines and cases."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Response
from fastapi.responses import HTMLResponse

from domain.cap import CapOwner
from domain.classification import CustomerClass
from domain.errors import FieldUnreadable
from domain.money import Money
from domain.receivable import Ageing
from web.api.pages import after_text
from web.console import manual_class
from web.console.assessment import spread_of
from web.console.cap import CapTyped, FormKey, caps_shown
from web.console.cap import Typed as CapForm
from web.console.cover import CoverTyped, cover_typed, covers_shown
from web.console.excess import excesses_shown
from web.console.hold import orders_shown
from web.console.late import late_shown
from web.console.lists import PAGE_SIZE, next_path, plain_amount
from web.console.page import Visit, Visiting, Writing
from web.console.trade import payable_of, role_of, settlement_of, trade_shown
from web.problems import Problem
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)
_OPEN_ITEMS_MAX = 20
_PLACES = (
    ("overview", "", Action.CUSTOMER_READ),
    ("statements", "/statements", Action.STATEMENT_READ),
    ("turnover", "/turnover", Action.TURNOVER_READ),
    ("reports", "/reports", Action.REPORT_READ),
    ("insurance", "/insurance", Action.INSURANCE_READ),
    ("bills", "/bills", Action.BILL_READ),
    ("disputes", "/disputes", Action.RECEIVABLE_READ),
    ("ring", "/ring", Action.CUSTOMER_READ),
)
_CLASSES_MAX = 12

Short = Annotated[str, Form(max_length=64)]
Day = Annotated[str, Form(max_length=10)]


@router.get("/customers")
def list_customers(
    visit: Visiting,
    q: Annotated[str, Query(max_length=100)] = "",
    after: str | None = None,
) -> HTMLResponse:
    """Customers by id; the search takes part of a name or a whole code."""
    search = q.strip()
    found = visit.services.customers.list_customers(
        visit.person, after=after_text(after), page_size=PAGE_SIZE + 1, search=search
    )
    path = f"/customers?{urlencode({'q': search})}" if search else "/customers"
    return visit.show(
        "customer/customers.html",
        customers=[(each, visit.customer_name(each)) for each in found[:PAGE_SIZE]],
        search=search,
        next_path=next_path(found, path, lambda each: (each.customer_id,)),
    )


@router.get("/customers/{customer_id}")
def show_customer(visit: Visiting, customer_id: str, as_of: str = "") -> HTMLResponse:
    """Everything on record about one customer; its credit as it stood on a day."""
    return _customer_page(visit, customer_id, as_of=as_of)


@router.post("/customers/{customer_id}/covers")
def record_cover(
    visit: Writing,
    customer_id: str,
    typed: Annotated[CoverTyped, Depends(cover_typed)],
    key: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Register a cover that secures this customer."""
    visit.when_refused(lambda refusal: _customer_page(visit, customer_id, typed, refusal))
    visit.services.covers.record(visit.person, typed.content(visit, customer_id), key or None)
    return visit.go(f"/customers/{customer_id}#covers", "cover_recorded")


@router.post("/customers/{customer_id}/covers/{cover_id}")
def update_cover(
    visit: Writing,
    customer_id: str,
    cover_id: str,
    typed: Annotated[CoverTyped, Depends(cover_typed)],
) -> Response:
    """Say what is known of a cover now."""
    visit.when_refused(lambda refusal: _customer_page(visit, customer_id, None, refusal))
    before = visit.services.covers.read(visit.person, cover_id).content
    content = typed.content(visit, customer_id, before)
    visit.services.covers.update(visit.person, cover_id, content)
    return visit.go(f"/customers/{customer_id}#covers", "cover_recorded")


@router.post("/customers/{customer_id}/covers/{cover_id}/check")
def check_cover(
    visit: Writing,
    customer_id: str,
    cover_id: str,
    version: Annotated[int, Form()],
    confirmed: Annotated[str, Form()] = "",
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Confirm what another recorded, or say why not."""
    visit.when_refused(lambda refusal: _customer_page(visit, customer_id, None, refusal))
    visit.services.covers.check(
        visit.person, cover_id, version, confirmed=confirmed == "yes", note=note
    )
    return visit.go(f"/customers/{customer_id}#covers", "cover_checked")


@router.post("/customers/{customer_id}/roles")
@router.post("/customers/{customer_id}/roles/{role_id}")
def record_role(
    visit: Writing,
    customer_id: str,
    role_id: str | None = None,
    role: Short = "",
    valid_from: Day = "",
    valid_until: Day = "",
    source: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Put a role of the party on record, or what is known better of one, such as its end."""
    typed = {"role": role, "valid_from": valid_from, "valid_until": valid_until, "source": source}
    _come_back(visit, customer_id, "" if role_id else "role", typed)
    content = role_of(visit, typed)
    visit.services.trade.record_role(visit.person, customer_id, content, role_id)
    return visit.go(f"/customers/{customer_id}#sides", "role_recorded")


@router.post("/customers/{customer_id}/payables")
def record_payable(
    visit: Writing,
    customer_id: str,
    payable_no: Short = "",
    issued_on: Day = "",
    due_on: Day = "",
    amount: Short = "",
    currency: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Enter what we owe the party by one of its invoices."""
    typed = {"payable_no": payable_no, "issued_on": issued_on, "due_on": due_on}
    typed |= {"amount": amount, "currency": currency}
    _come_back(visit, customer_id, "payable", typed)
    visit.services.trade.record_payable(visit.person, customer_id, payable_of(visit, typed))
    return visit.go(f"/customers/{customer_id}#sides", "payable_recorded")


@router.post("/customers/{customer_id}/settlements")
def settle(
    visit: Writing,
    customer_id: str,
    settlement_no: Short = "",
    payable: Annotated[str, Form(max_length=70)] = "",
    settled_on: Day = "",
    amount: Short = "",
) -> Response:
    """Enter what we paid of a payable."""
    typed = {"settlement_no": settlement_no, "payable": payable}
    typed |= {"settled_on": settled_on, "amount": amount}
    _come_back(visit, customer_id, "settlement", typed)
    visit.services.trade.settle(visit.person, customer_id, settlement_of(visit, typed))
    return visit.go(f"/customers/{customer_id}#sides", "payable_settled")


def _come_back(visit: Visit, customer_id: str, form: str, typed: Mapping[str, str]) -> None:
    """Should what follows be refused: the page again, with the form open as it was typed."""
    visit.when_refused(
        lambda refusal: _customer_page(visit, customer_id, None, refusal, trade=(form, typed))
    )


@router.post("/customers/{customer_id}/manual-classes")
def set_class(
    visit: Writing,
    customer_id: str,
    tier: Annotated[str, Form(max_length=20)] = "",
    reason: Annotated[str, Form(max_length=60)] = "",
    note: Annotated[str, Form(max_length=2000)] = "",
    from_on: Annotated[str, Form(max_length=10)] = "",
    until_on: Annotated[str, Form(max_length=10)] = "",
    key: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Set a class by hand."""
    typed = dict(zip(manual_class.FIELDS, (tier, reason, note, from_on, until_on), strict=True))
    visit.when_refused(
        lambda refusal: _customer_page(visit, customer_id, None, refusal, manual_typed=typed)
    )
    said = manual_class.set_class(visit, customer_id, typed, key)
    return visit.go(f"/customers/{customer_id}#manual", said)


@router.post("/customers/{customer_id}/manual-classes/{manual_id}")
def say_of_class(
    visit: Writing,
    customer_id: str,
    manual_id: str,
    act: Annotated[str, Form(max_length=20)] = "",
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Confirm or decline a better class that another set, or take one back."""
    visit.when_refused(lambda refusal: _customer_page(visit, customer_id, None, refusal))
    said = manual_class.say(visit, manual_id, act, note)
    return visit.go(f"/customers/{customer_id}#manual", said)


@router.post("/customers/{customer_id}/late-interest/charges")
def charge_late(
    visit: Writing, customer_id: str, period_end_on: Annotated[date, Form()]
) -> Response:
    """Charge what accrued by a month's end and was not charged yet."""
    visit.when_refused(lambda refusal: _customer_page(visit, customer_id, None, refusal))
    visit.services.late.charge(visit.person, customer_id, period_end_on)
    return visit.go(f"/customers/{customer_id}#late", "late_charged")


@router.post("/customers/{customer_id}/late-interest/waivers")
def ask_waiver(
    visit: Writing,
    customer_id: str,
    entry_id: Annotated[str, Form(max_length=64)],
    amount: Annotated[str, Form(max_length=64)] = "",
    currency: Annotated[str, Form(max_length=3)] = "",
    reason: Annotated[str, Form(max_length=2000)] = "",
    key: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Ask that a charge, or a part of it, be waived."""
    visit.when_refused(lambda refusal: _customer_page(visit, customer_id, None, refusal))
    money = Money.of(plain_amount(amount), currency)
    visit.services.late.ask_waiver(visit.person, customer_id, entry_id, money, reason, key or None)
    return visit.go(f"/customers/{customer_id}#late", "late_asked")


@router.post("/customers/{customer_id}/late-interest/waivers/{waiver_id}")
def answer_waiver(
    visit: Writing,
    customer_id: str,
    waiver_id: str,
    granted: Annotated[str, Form()] = "",
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Grant a waiver that another asked for, or say why not."""
    visit.when_refused(lambda refusal: _customer_page(visit, customer_id, None, refusal))
    visit.services.late.answer_waiver(visit.person, waiver_id, granted=granted == "yes", note=note)
    return visit.go(f"/customers/{customer_id}#late", "late_answered")


@router.post("/customers/{customer_id}/late-interest/entries/{entry_id}/reversal")
def reverse_waiver(
    visit: Writing,
    customer_id: str,
    entry_id: str,
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Put back what was waived."""
    visit.when_refused(lambda refusal: _customer_page(visit, customer_id, None, refusal))
    visit.services.late.reverse(visit.person, entry_id, reason)
    return visit.go(f"/customers/{customer_id}#late", "late_reversed")


@router.post("/customers/{customer_id}/caps")
def ask_cap(visit: Writing, customer_id: str, typed: CapForm, key: FormKey = "") -> Response:
    """Ask for a cap over all lines of this customer."""
    visit.when_refused(lambda refusal: _customer_page(visit, customer_id, None, refusal, cap=typed))
    content = typed.content(visit)
    visit.services.caps.ask(visit.person, CapOwner.CUSTOMER, customer_id, content, key or None)
    return visit.go(f"/customers/{customer_id}#caps", "cap_asked")


def _customer_page(
    visit: Visit,
    customer_id: str,
    typed: CoverTyped | None = None,
    refusal: Problem | None = None,
    as_of: str = "",
    cap: CapTyped | None = None,
    *,
    manual_typed: Mapping[str, str] | None = None,
    trade: tuple[str, Mapping[str, str]] = ("", {}),
) -> HTMLResponse:
    person, services = visit.person, visit.services
    head = headed(visit, customer_id, "overview")
    account = services.receivables.read_account(person, customer_id)
    spread = spread_of(services.statements.list_statements(person, customer_id), visit.speech)
    return visit.show(
        "customer/customer.html",
        **head,
        refusal=refusal,
        asked_id=customer_id,
        sides=services.trade.sides(person, customer_id, _day(visit, as_of)),
        trade=trade_shown(visit, customer_id, *trade),
        profile=services.profiles.read(person, customer_id, _day(visit, as_of)),
        account=account,
        ageings=[(ageing, _bars(ageing)) for ageing in account.ageings],
        open_items=account.open_items[:_OPEN_ITEMS_MAX],
        events=tuple(reversed(services.customers.list_events(person, customer_id))),
        spread=spread,
        charts=bool(spread and spread.option),
        covers=covers_shown(visit, customer_id, typed),
        late=late_shown(visit, customer_id),
        caps=caps_shown(visit, CapOwner.CUSTOMER, customer_id, cap),
        lines=services.lines.list_lines(person, customer_id=customer_id),
        cases=services.applications.list_cases(person, customer_id=customer_id, page_size=20),
        classes=_classes(visit, customer_id),
        manual=manual_class.manual_shown(visit, customer_id, manual_typed),
        group=_group(visit, head["customer"].group_id),
        may_confirm=permitted(person, Action.CONFIRMATION_ASK),
        orders=orders_shown(visit, customer_id=customer_id),
        excesses=excesses_shown(visit, customer_id=customer_id),
        may_submit=permitted(person, Action.APPLICATION_SUBMIT),
    )


def headed(visit: Visit, customer_id: str, here: str) -> dict[str, Any]:
    """The head of every page of a customer: whose it is, and the pages the person may open."""
    customer = visit.services.customers.read(visit.person, customer_id)
    return {
        "customer": customer,
        "customer_name": visit.customer_name(customer),
        "places": [
            {
                "path": f"/customers/{customer_id}{path}",
                "word": visit.speech.say(f"customer.places.{code}"),
                "here": code == here,
            }
            for code, path, action in _PLACES
            if permitted(visit.person, action)
        ],
    }


def _day(visit: Visit, typed: str) -> date | None:
    """The day that was chosen, or none; refuses `FieldUnreadable`."""
    try:
        return date.fromisoformat(typed) if typed else None
    except ValueError:
        expected = visit.speech.say("field.a_day")
        raise FieldUnreadable(
            column=visit.speech.say("profile.as_of"), expected=expected, expected_zh=expected
        ) from None


def _classes(visit: Visit, customer_id: str) -> list[CustomerClass]:
    """The classes of a customer on which tier, stage or a reason moved, the newest first."""
    classes = visit.services.classes.read_customer(visit.person, customer_id).classes
    earlier = [*classes[1:], None]
    pairs = zip(classes, earlier, strict=False)
    return [found for found, before in pairs if found.moved_from(before)][:_CLASSES_MAX]


def _bars(ageing: Ageing) -> list[dict[str, Any]]:
    """The buckets with bars on the scale of the largest."""
    most = max((amount.minor for amount in ageing.buckets.values()), default=0) or 1
    return [
        {
            "code": code,
            "amount": amount,
            "share": f"{Decimal(amount.minor) * 100 / most:.1f}",
        }
        for code, amount in ageing.buckets.items()
    ]


def _group(visit: Visit, group_id: str | None) -> dict[str, Any] | None:
    """The group and those of its members that the person sees, by name."""
    if group_id is None:
        return None
    view = visit.services.customers.read_group(visit.person, group_id)
    names = visit.customer_names(view.members)
    return {"group": view.group, "members": sorted(names.items())}
