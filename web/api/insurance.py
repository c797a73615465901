"""Credit insurance: insurances, the insurers' limits on buyers, shipments, deadlines, findings."""

from datetime import date
from typing import Annotated

from fastapi import Path, Query, Response

from domain.identity import Id
from domain.insurance import (
    Insurance,
    InsuranceFinding,
    InsuranceTerms,
    LimitWord,
    ShipmentContent,
    ShipmentEvent,
)
from domain.value import Value
from web.api.pages import Cursor, Page, PageSize, after_text, page_of
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.insurance import (
    DAYS_AHEAD,
    DAYS_AHEAD_MAX,
    BuyerView,
    CustomerInsurance,
    FindingClosed,
    InsuranceChecked,
    InsuranceRunBegun,
    LimitOpened,
    Waiting,
)

router = stage("insurance")

Version = Annotated[int, Path(ge=1, le=1_000_000)]


class InsuranceList(Value):
    items: tuple[Insurance, ...]


class InsuranceFindings(Value):
    items: tuple[InsuranceFinding, ...]


@router.get("/insurances")
def list_insurances(asked: Asked, caller: Caller) -> InsuranceList:
    """Every insurance, the newest first."""
    return InsuranceList(items=tuple(asked.insurance.list_insurances(caller)))


@router.post("/insurances", status_code=201, response_model=Insurance)
def record_insurance(write: Writing, body: InsuranceTerms) -> Response:
    """Put an insurance on record; it counts once a second person has confirmed it."""
    return write.once(201, body, lambda: write.asked.insurance.record(write.caller, body))


@router.get("/insurances/pending")
def list_pending(asked: Asked, caller: Caller) -> Waiting:
    """Insurances and limits that wait for a second person, oldest first."""
    return asked.insurance.list_pending(caller)


@router.get("/insurances/{insurance_id}")
def read_insurance(asked: Asked, caller: Caller, insurance_id: Id) -> Insurance:
    return asked.insurance.read(caller, insurance_id)


@router.put("/insurances/{insurance_id}", response_model=Insurance)
def update_insurance(write: Writing, insurance_id: Id, body: InsuranceTerms) -> Response:
    """What is known of an insurance now. What lowers it counts at once, what raises it when a
    second person has confirmed it."""
    return write.once(
        200, body, lambda: write.asked.insurance.record(write.caller, body, insurance_id)
    )


@router.post("/insurances/{insurance_id}/versions/{version}/check", response_model=Insurance)
def check_insurance(
    write: Writing, insurance_id: Id, version: Version, body: InsuranceChecked
) -> Response:
    """Confirm what another recorded, or say why not."""
    return write.once(
        200, body, lambda: write.asked.insurance.check(write.caller, insurance_id, version, body)
    )


@router.post("/insurances/{insurance_id}/limits", status_code=201, response_model=BuyerView)
def open_limit(write: Writing, insurance_id: Id, body: LimitOpened) -> Response:
    """The first word on a buyer: what was asked of the insurer, or what it approved."""
    return write.once(
        201, body, lambda: write.asked.insurance.open_limit(write.caller, insurance_id, body)
    )


@router.get("/insured-limits")
def list_limits(
    asked: Asked, caller: Caller, cursor: Cursor = None, page_size: PageSize = 50
) -> Page[BuyerView]:
    """Every insured buyer of the book, by id."""
    found = asked.insurance.list_limits(caller, after=after_text(cursor), page_size=page_size + 1)
    return page_of(found, page_size, lambda each: (each.limit_id,))


@router.get("/insured-limits/{limit_id}")
def read_limit(asked: Asked, caller: Caller, limit_id: Id, as_of: date | None = None) -> BuyerView:
    """A buyer under one insurance: what was said, what is covered on a day, what is due."""
    return asked.insurance.read_limit(caller, limit_id, as_of)


@router.put("/insured-limits/{limit_id}", response_model=BuyerView)
def say_limit(write: Writing, limit_id: Id, body: LimitWord) -> Response:
    """What was said of a limit now. What lowers it counts at once, what raises it when a second
    person has confirmed it."""
    return write.once(200, body, lambda: write.asked.insurance.say(write.caller, limit_id, body))


@router.post("/insured-limits/{limit_id}/versions/{version}/check", response_model=BuyerView)
def check_limit(write: Writing, limit_id: Id, version: Version, body: InsuranceChecked) -> Response:
    """Confirm what another recorded, or say why not."""
    return write.once(
        200, body, lambda: write.asked.insurance.check_limit(write.caller, limit_id, version, body)
    )


@router.post("/insured-limits/{limit_id}/shipments", status_code=201, response_model=BuyerView)
def declare_shipment(write: Writing, limit_id: Id, body: ShipmentContent) -> Response:
    """Declare a shipment; the answer says what of it is covered, and why not the rest."""
    return write.once(
        201, body, lambda: write.asked.insurance.declare(write.caller, limit_id, body)
    )


@router.post("/insured-limits/{limit_id}/events", status_code=201, response_model=BuyerView)
def report_event(write: Writing, limit_id: Id, body: ShipmentEvent) -> Response:
    """A payment, a dispute or its end, a notice of loss or a claim."""
    return write.once(201, body, lambda: write.asked.insurance.report(write.caller, limit_id, body))


@router.get("/customers/{customer_id}/insurance")
def list_insurance(
    asked: Asked,
    caller: Caller,
    customer_id: Id,
    as_of: date | None = None,
    days: Annotated[int, Query(ge=0, le=DAYS_AHEAD_MAX)] = DAYS_AHEAD,
) -> CustomerInsurance:
    """What insurers cover of a customer on a day, and what changes by itself in the days after."""
    return asked.insurance.list_of_customer(caller, customer_id, as_of, days)


@router.post("/runs/insurance", status_code=202)
def watch(asked: Asked, caller: Caller) -> InsuranceRunBegun:
    """Look at the deadlines of every insured buyer."""
    return asked.insurance.watch(caller)


@router.get("/insurance-findings")
def list_findings(asked: Asked, caller: Caller, open_only: bool = False) -> InsuranceFindings:
    """The deadlines that were missed, with who answers for them."""
    found = asked.insurance.list_findings(caller, open_only=open_only)
    return InsuranceFindings(items=tuple(found))


@router.post("/insurance-findings/{finding_id}/close", response_model=InsuranceFinding)
def close_finding(write: Writing, finding_id: Id, body: FindingClosed) -> Response:
    """Say what was done about a missed deadline."""
    return write.once(
        200, body, lambda: write.asked.insurance.close_finding(write.caller, finding_id, body)
    )
