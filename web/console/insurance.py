"""Credit insurance: across the book, and on a customer's page what is covered and why not the rest."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, DecimalException
from typing import Annotated, Any

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse

from domain.errors import SameHands
from domain.identity import Person
from domain.insurance import (
    Checked,
    EventKind,
    InsuranceTerms,
    LimitState,
    LimitWord,
    ShipmentContent,
    ShipmentEvent,
)
from web.api.pages import after_text
from web.console.customer import headed
from web.console.lists import CURRENCIES, PAGE_SIZE, next_path, plain_amount
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem, problem_of
from web.service.ids import new_id
from web.service.insurance import FindingClosed, InsuranceChecked, LimitOpened
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)

Short = Annotated[str, Form(max_length=64)]
Day = Annotated[str, Form(max_length=10)]
Line = Annotated[str, Form(max_length=200)]
Note = Annotated[str, Form(max_length=2000)]

_TERMS = {
    "insurer": "",
    "policy_no": "",
    "currency": "CNY",
    "from_on": "",
    "until_on": "",
    "share": "90",
    "liability_max": "",
    "deductible": "0",
    "terms_days_max": "90",
    "overdue_days_max": "60",
    "notice_days": "60",
    "claim_days": "180",
    "alarm_days": "14",
    "source": "",
}


@router.get("/insurance")
def show_book(visit: Visiting, after: str | None = None) -> HTMLResponse:
    """Every insurance, every insured buyer, and what was missed."""
    return _book(visit, after=after)


@router.post("/insurance")
def record(
    visit: Writing,
    insurance_id: Short = "",
    insurer: Short = "",
    policy_no: Short = "",
    currency: Annotated[str, Form(max_length=3)] = "",
    from_on: Day = "",
    until_on: Day = "",
    share: Short = "",
    liability_max: Short = "",
    deductible: Short = "",
    terms_days_max: Short = "",
    overdue_days_max: Short = "",
    notice_days: Short = "",
    claim_days: Short = "",
    alarm_days: Short = "",
    source: Line = "",
) -> Response:
    """Put an insurance on record, or with its id what is known of it now."""
    said = {"insurer": insurer.strip(), "policy_no": policy_no.strip(), "currency": currency}
    said |= {"from_on": from_on, "until_on": until_on, "share": share}
    said |= {"liability_max": liability_max, "deductible": deductible}
    said |= {"terms_days_max": terms_days_max, "overdue_days_max": overdue_days_max}
    said |= {"notice_days": notice_days, "claim_days": claim_days, "alarm_days": alarm_days}
    said |= {"source": source}
    visit.when_refused(lambda refusal: _book(visit, said, refusal))
    content: dict[str, Any] = {
        **said,
        "share": _share(visit, share),
        "liability_max": {"amount": plain_amount(liability_max), "currency": currency},
        "deductible": {"amount": plain_amount(deductible), "currency": currency},
    }
    terms = visit.valid(InsuranceTerms, content)
    visit.services.insurance.record(visit.person, terms, insurance_id.strip() or None)
    return visit.go("/insurance", "insurance_recorded")


@router.post("/insurance/watch")
def watch(visit: Writing) -> Response:
    """Look at the deadlines now."""
    visit.services.insurance.watch(visit.person)
    return visit.go("/insurance", "insurance_watched")


@router.post("/insurance/findings/{finding_id}/close")
def close_finding(visit: Writing, finding_id: str, note: Note = "") -> Response:
    """Say what was done about a missed deadline."""
    visit.when_refused(lambda refusal: _book(visit, None, refusal))
    closed = visit.valid(FindingClosed, {"note": note})
    visit.services.insurance.close_finding(visit.person, finding_id, closed)
    return visit.go("/insurance#findings", "finding_closed")


@router.post("/insurance/{insurance_id}/check")
def check(
    visit: Writing,
    insurance_id: str,
    version: Annotated[int, Form(ge=1)],
    confirmed: Short = "",
    note: Note = "",
) -> Response:
    """A second person's word on an insurance."""
    visit.when_refused(lambda refusal: _book(visit, None, refusal))
    word = InsuranceChecked(confirmed=confirmed == "yes", note=note)
    visit.services.insurance.check(visit.person, insurance_id, version, word)
    return visit.go("/insurance", "cover_checked")


@router.get("/customers/{customer_id}/insurance")
def show_customer(visit: Visiting, customer_id: str, as_of: str = "") -> HTMLResponse:
    """What insurers said and cover of a customer, and what is due."""
    return _page(visit, customer_id, as_of=visit.day(as_of, "as_of") if as_of else None)


@router.post("/customers/{customer_id}/insurance")
@router.post("/customers/{customer_id}/insurance/{limit_id}")
def say(
    visit: Writing,
    customer_id: str,
    limit_id: str | None = None,
    insurance_id: Short = "",
    state: Short = "",
    amount: Short = "",
    said_on: Day = "",
    cut_on: Day = "",
    terms_days_max: Short = "",
    conditions: Note = "",
    source: Line = "",
) -> Response:
    """A word on the limit of the customer; the first one under an insurance opens it."""
    visit.when_refused(lambda refusal: _page(visit, customer_id, refusal=refusal))
    currency = _currency(visit, insurance_id)
    said = {
        "state": visit.parsed(LimitState, state, "state"),
        "amount": {"amount": plain_amount(amount) or "0", "currency": currency},
        "said_on": said_on,
        "cut_on": cut_on or None,
        "terms_days_max": terms_days_max.strip() or None,
        "conditions": conditions,
        "source": source,
    }
    word = visit.valid(LimitWord, said)
    if limit_id is None:
        opened = LimitOpened(customer_id=customer_id, word=word)
        visit.services.insurance.open_limit(visit.person, insurance_id, opened)
    else:
        visit.services.insurance.say(visit.person, limit_id, word)
    return visit.go(f"/customers/{customer_id}/insurance", "insured_limit_said")


@router.post("/customers/{customer_id}/insurance/{limit_id}/check")
def check_limit(
    visit: Writing,
    customer_id: str,
    limit_id: str,
    version: Annotated[int, Form(ge=1)],
    confirmed: Short = "",
    note: Note = "",
) -> Response:
    """A second person's word on the limit."""
    visit.when_refused(lambda refusal: _page(visit, customer_id, refusal=refusal))
    word = InsuranceChecked(confirmed=confirmed == "yes", note=note)
    visit.services.insurance.check_limit(visit.person, limit_id, version, word)
    return visit.go(f"/customers/{customer_id}/insurance", "cover_checked")


@router.post("/customers/{customer_id}/insurance/{limit_id}/shipments")
def declare(
    visit: Writing,
    customer_id: str,
    limit_id: str,
    currency: Annotated[str, Form(max_length=3)] = "",
    shipment_no: Short = "",
    amount: Short = "",
    shipped_on: Day = "",
    terms_days: Short = "",
    due_on: Day = "",
) -> Response:
    """Declare a shipment."""
    visit.when_refused(lambda refusal: _page(visit, customer_id, refusal=refusal))
    said = {
        "shipment_no": shipment_no.strip(),
        "amount": {"amount": plain_amount(amount), "currency": currency},
        "shipped_on": shipped_on,
        "terms_days": terms_days,
        "due_on": due_on,
    }
    shipment = visit.valid(ShipmentContent, said)
    visit.services.insurance.declare(visit.person, limit_id, shipment)
    return visit.go(f"/customers/{customer_id}/insurance", "shipment_declared")


@router.post("/customers/{customer_id}/insurance/{limit_id}/events")
def report(
    visit: Writing,
    customer_id: str,
    limit_id: str,
    currency: Annotated[str, Form(max_length=3)] = "",
    event_no: Short = "",
    shipment_no: Short = "",
    kind: Short = "",
    happened_on: Day = "",
    amount: Short = "",
    note: Note = "",
) -> Response:
    """What became of a shipment."""
    visit.when_refused(lambda refusal: _page(visit, customer_id, refusal=refusal))
    said = {
        "event_no": event_no.strip(),
        "shipment_no": shipment_no,
        "kind": visit.parsed(EventKind, kind, "kind"),
        "happened_on": happened_on,
        "note": note,
        "amount": {"amount": plain_amount(amount), "currency": currency} if amount else None,
    }
    event = visit.valid(ShipmentEvent, said)
    visit.services.insurance.report(visit.person, limit_id, event)
    return visit.go(f"/customers/{customer_id}/insurance", "shipment_reported")


def _book(
    visit: Visit,
    typed: Mapping[str, str] | None = None,
    refusal: Problem | None = None,
    after: str | None = None,
) -> HTMLResponse:
    service, person = visit.services.insurance, visit.person
    found = service.list_limits(person, after=after_text(after), page_size=PAGE_SIZE + 1)
    findings = service.list_findings(person)
    buyers = found[:PAGE_SIZE]
    return visit.show(
        "insurance/insurances.html",
        refusal=refusal,
        insurances=[
            (each, _may_check(visit, each.newest)) for each in service.list_insurances(person)
        ],
        buyers=buyers,
        names=visit.customer_names(
            {each.customer_id for each in buyers} | {each.customer_id for each in findings}
        ),
        findings=findings,
        typed={**_TERMS, **(typed or {})},
        opened=typed is not None,
        currencies=CURRENCIES,
        may_record=permitted(person, Action.INSURANCE_RECORD),
        may_close=permitted(person, Action.INSURANCE_CLOSE),
        may_run=permitted(person, Action.INSURANCE_RUN),
        next_path=next_path(found, "/insurance", lambda each: (each.limit_id,)),
    )


def _page(
    visit: Visit,
    customer_id: str,
    *,
    as_of: date | None = None,
    refusal: Problem | None = None,
) -> HTMLResponse:
    service, person = visit.services.insurance, visit.person
    found = service.list_of_customer(person, customer_id, as_of)
    under = {each.insurance_id for each in found.items}
    insurances = service.list_insurances(person)
    return visit.show(
        "insurance/customer.html",
        refusal=refusal,
        found=found,
        rows=[(each, _may_check(visit, each.versions[-1])) for each in found.items],
        others=[each for each in insurances if each.insurance_id not in under],
        states=tuple(LimitState),
        kinds=tuple(EventKind),
        may_record=permitted(person, Action.INSURANCE_RECORD),
        may_declare=permitted(person, Action.INSURANCE_DECLARE),
        event_no=new_id(),
        **headed(visit, customer_id, "insurance"),
    )


def _may_check(visit: Visit, newest: Checked) -> tuple[bool, Problem | None]:
    """Whether a version waits for somebody like the reader, and why not the reader."""
    person: Person = visit.person
    if not (newest.pending and permitted(person, Action.INSURANCE_CHECK)):
        return False, None
    if newest.recorded_by != person.person_id:
        return True, None
    own = SameHands(first="recording a cover", second="confirming it")
    return True, problem_of(own, visit.reader.language.value)


def _currency(visit: Visit, insurance_id: str) -> str:
    return visit.services.insurance.read(visit.person, insurance_id).newest.content.currency


def _share(visit: Visit, typed: str) -> Decimal:
    try:
        return Decimal(plain_amount(typed)) / 100
    except DecimalException:
        raise visit.unreadable("share", "a_percentage") from None
