"""External reports on a customer (外部报告): agreements, reports, and the log of who asked whom."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Response, UploadFile
from fastapi.responses import HTMLResponse

from domain.errors import AuthorisationMissing, FieldMissing, NotFound
from domain.external_rating import AGENCY_RATING, RatingOutlook
from domain.report import AuthorisationContent, ExternalReport
from web.console.customer import headed
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem, problem_of
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Typed:
    """What was typed into a form, kept when it is refused."""

    form: str = ""
    signed_on: str = ""
    valid_until: str = ""
    kind: str = ""
    purpose: str = ""
    agency: str = ""
    rating: str = ""
    outlook: str = ""
    rated_on: str = ""
    withdrawn_on: str = ""


@dataclass(frozen=True)
class ReportRow:
    report: ExternalReport
    age_days: int
    counts: bool | None  # None where the policy no longer knows the kind


@router.get("/customers/{customer_id}/reports")
def show_reports(visit: Visiting, customer_id: str) -> HTMLResponse:
    """Agreements, reports and the log of queries of one customer."""
    return reports_page(visit, customer_id)


@router.post("/customers/{customer_id}/reports")
def pull(
    visit: Writing,
    customer_id: str,
    kind: Annotated[str, Form()] = "",
    purpose: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """The report on file while it counts, else the first that a provider gives."""
    typed = Typed("pull", kind=kind, purpose=purpose)
    visit.when_refused(lambda refusal: reports_page(visit, customer_id, typed, refusal))
    if not purpose.strip():
        raise FieldMissing(column=visit.speech.say("reports.purpose"))
    pulled = visit.services.reports.pull(visit.person, customer_id, kind, purpose.strip())
    said = "report_on_file" if pulled.on_file else "report_pulled"
    return visit.go(f"/customers/{customer_id}/reports", said)


@router.post("/customers/{customer_id}/authorisations")
def authorise(
    visit: Writing,
    customer_id: str,
    file: UploadFile | None = None,
    signed_on: Annotated[str, Form()] = "",
    valid_until: Annotated[str, Form()] = "",
) -> Response:
    """Put the customer's written agreement on file, with its document."""
    typed = Typed("authorise", signed_on=signed_on, valid_until=valid_until)
    visit.when_refused(lambda refusal: reports_page(visit, customer_id, typed, refusal))
    days = {
        "signed_on": visit.day(signed_on, "signed_on"),
        "valid_until": visit.day(valid_until, "valid_until"),
    }
    document = document_of(visit, file)
    agreed = visit.valid(AuthorisationContent, {"evidence_hash": document, **days})
    visit.services.reports.authorise(visit.person, customer_id, agreed)
    return visit.go(f"/customers/{customer_id}/reports", "authorisation_recorded")


def document_of(visit: Visit, file: UploadFile | None) -> str:
    """The hash of the file that a form brings, which must be there; it is kept on record."""
    if file is None or not file.filename:
        raise FieldMissing(column=visit.speech.say("reports.document"))
    content = file.file.read(visit.services.attachments.bytes_max + 1)
    return visit.services.attachments.record(visit.person, content, file.filename).sha256


def reports_page(
    visit: Visit,
    customer_id: str,
    typed: Typed | None = None,
    refusal: Problem | None = None,
) -> HTMLResponse:
    reports, person = visit.services.reports, visit.person
    head = headed(visit, customer_id, "reports")
    kinds = {row.kind: row for row in reports.list_kinds(person)}
    agreed = reports.list_authorisations(person, customer_id)
    on = visit.services.clock.business_on()
    holds = any(each.holds(on) for each in agreed)
    mapped = agencies_of(visit)
    return visit.show(
        "report/reports.html",
        refusal=refusal,
        authorisations=[(each, _standing(each.holds(on), each.signed_on > on)) for each in agreed],
        reports=[
            ReportRow(
                report=each,
                age_days=(on - each.reported_on).days,
                counts=each.fresh(on, kinds[each.kind].age_days_max)
                if each.kind in kinds
                else None,
            )
            for each in reports.list_reports(person, customer_id)
            if each.kind != AGENCY_RATING
        ],
        ratings=visit.services.external_ratings.list_ratings(person, customer_id) if mapped else (),
        agencies=mapped,
        outlooks=list(RatingOutlook),
        may_rate=bool(mapped) and permitted(person, Action.AGENCY_RATING_RECORD),
        queries=tuple(reversed(reports.list_queries(person, customer_id))),
        kinds=list(kinds.values()),
        may_pull=permitted(person, Action.REPORT_PULL),
        may_authorise=permitted(person, Action.REPORT_AUTHORISE),
        barred=[row.kind for row in kinds.values() if row.authorisation_needed and not holds],
        why_not=problem_of(
            AuthorisationMissing(customer_id=customer_id, date=on), visit.reader.language.value
        ),
        typed=typed or Typed(),
        **head,
    )


def agencies_of(visit: Visit) -> tuple[str, ...]:
    """The agencies whose ratings count; none where no edition is in force."""
    with suppress(NotFound):
        return visit.services.external_ratings.read_mapping(visit.person).agencies
    return ()


def _standing(holds: bool, later: bool) -> str:
    """Whether an agreement holds, does not yet, or no longer."""
    if holds:
        return "holds"
    return "later" if later else "over"
