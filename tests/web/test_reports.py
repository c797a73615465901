"""Is a report asked for only under authority, in the edition's order, and never twice in its age?"""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from domain.customer import CreditEventType, Customer
from domain.errors import (
    AuthorisationMissing,
    DateInFuture,
    NotFound,
    NotPermitted,
    ReportStale,
    ReportUnavailable,
)
from domain.report import (
    AuthorisationContent,
    ProviderUnavailable,
    QueryOutcome,
    ReportContent,
    ReportProvider,
)
from storage.customer import Customers
from storage.edition import Editions, read_shipped, shipped_text
from tests.makers_policy import a_customer
from tests.web.people import PEOPLE, as_
from web.service.clock import Clock
from web.service.once import JoinedRecords
from web.service.report import ReportService
from web.service.report.files import FolderProvider, folder_providers
from web.service.services import Services

MANAGER = PEOPLE["relationship_manager"]
FIRST, SECOND = read_shipped().reports[0].providers
AGE = timedelta(days=read_shipped().reports[0].age_days_max)
TODAY = Clock().business_on()


class Desk(ReportProvider):
    """A provider that says what it was told to, and counts how often it is asked."""

    def __init__(self, says: ReportContent | ProviderUnavailable | None = None) -> None:
        self.says = says
        self.asked = 0

    def fetch_report(self, customer: Customer, kind: str) -> ReportContent | None:
        self.asked += 1
        if isinstance(self.says, ProviderUnavailable):
            raise self.says
        return self.says


def a_report(on: date = TODAY, **figures: str) -> ReportContent:
    return ReportContent(reported_on=on, figures=figures or {"open_loans": "2"})


@pytest.fixture
def known(joined_records: JoinedRecords, services: Services) -> str:
    """A customer of the manager, under the standard edition."""
    with joined_records.begin() as session:
        Editions(session).publish(read_shipped(), shipped_text("standard"), "test")
        customer = a_customer(manager_id=MANAGER.person_id)
        Customers(session).record(customer, business_on=TODAY, source="test", recorded_by="test")
    return customer.customer_id


@pytest.fixture
def authorised(known: str, services: Services) -> str:
    services.reports.authorise(MANAGER, known, an_authorisation(services))
    return known


def an_authorisation(
    services: Services, since: date = TODAY, until: date = TODAY
) -> AuthorisationContent:
    signed = services.attachments.record(MANAGER, b"%PDF-1.7 agreed", "agreed.pdf")
    return AuthorisationContent(evidence_hash=signed.sha256, signed_on=since, valid_until=until)


@pytest.fixture
def asking(joined_records: JoinedRecords) -> Callable[..., ReportService]:
    def service(**desks: Desk) -> ReportService:
        return ReportService(joined_records, Clock(), desks)

    return service


Asking = Callable[..., ReportService]


def pull(service: ReportService, customer_id: str) -> object:
    return service.pull(MANAGER, customer_id, "bureau", "new line")


def test_nobody_is_asked_without_an_authorisation_in_force(
    known: str, asking: Asking, services: Services
) -> None:
    desk = Desk(a_report())
    service = asking(**{FIRST: desk})
    with pytest.raises(AuthorisationMissing):
        pull(service, known)
    ended = an_authorisation(services, TODAY - timedelta(days=9), TODAY - timedelta(days=1))
    services.reports.authorise(MANAGER, known, ended)
    with pytest.raises(AuthorisationMissing):
        pull(service, known)
    assert desk.asked == 0
    assert service.list_queries(MANAGER, known) == ()


def test_a_register_needs_no_authorisation(known: str, asking: Asking) -> None:
    service = asking(company_register=Desk(a_report()))

    pulled = service.pull(MANAGER, known, "registry", "new line")
    assert (pulled.report.provider, pulled.report.authorisation_id) == ("company_register", None)


def test_a_report_is_kept_with_its_source_its_evidence_and_an_event(
    authorised: str, asking: Asking, services: Services
) -> None:
    service = asking(**{FIRST: Desk(a_report())})
    report = service.pull(MANAGER, authorised, "bureau", "new line").report

    assert (report.provider, report.figures) == (FIRST, {"open_loans": "2"})
    assert service.list_reports(MANAGER, authorised) == (report,)
    _, content = services.attachments.read_content(MANAGER, report.evidence_hash)
    assert json.loads(content)["figures"] == {"open_loans": "2"}
    (event,) = services.customers.list_events(MANAGER, authorised)
    assert (event.event_type, event.evidence_hash) == (
        CreditEventType.BUREAU_REPORT,
        report.evidence_hash,
    )


def test_within_its_age_nobody_is_asked_again(authorised: str, asking: Asking) -> None:
    desk = Desk(a_report(TODAY - AGE))  # on the last day that counts
    service = asking(**{FIRST: desk})
    first = service.pull(MANAGER, authorised, "bureau", "new line")
    again = service.pull(MANAGER, authorised, "bureau", "review")

    assert (first.on_file, again.on_file, again.report) == (False, True, first.report)
    assert desk.asked == 1
    log = [(each.outcome, each.purpose) for each in service.list_queries(MANAGER, authorised)]
    assert log == [
        (QueryOutcome.ASKED, "new line"),
        (QueryOutcome.FOUND, "new line"),
        (QueryOutcome.ON_FILE, "review"),
    ]


@pytest.mark.parametrize(
    ("first", "outcome"),
    [
        (Desk(ProviderUnavailable("down")), QueryOutcome.OUTAGE),
        (Desk(None), QueryOutcome.NONE),
        (Desk(a_report(TODAY - AGE - timedelta(days=1))), QueryOutcome.STALE),
        (Desk(a_report(TODAY + timedelta(days=1))), QueryOutcome.NONE),
        (None, QueryOutcome.OUTAGE),
    ],
)
def test_a_provider_that_has_nothing_gives_way_to_the_next(
    authorised: str, asking: Asking, first: Desk | None, outcome: QueryOutcome
) -> None:
    desks = {SECOND: Desk(a_report())} | ({FIRST: first} if first else {})
    pulled = asking(**desks).pull(MANAGER, authorised, "bureau", "new line")

    assert pulled.report.provider == SECOND
    assert pulled.tried == {FIRST: outcome, SECOND: QueryOutcome.FOUND}


def test_where_all_fail_it_says_so_and_every_query_is_still_on_record(
    authorised: str, asking: Asking
) -> None:
    service = asking(**{FIRST: Desk(ProviderUnavailable("down")), SECOND: Desk(None)})
    with pytest.raises(ReportUnavailable) as refused:
        pull(service, authorised)

    assert refused.value.facts["tried"] == f"{FIRST} outage, {SECOND} none"
    log = [(each.provider, each.outcome) for each in service.list_queries(MANAGER, authorised)]
    assert [outcome for _, outcome in log] == ["asked", "outage", "asked", "none"]


def test_a_report_too_old_is_refused_with_its_day(authorised: str, asking: Asking) -> None:
    old = TODAY - AGE - timedelta(days=1)
    with pytest.raises(ReportStale) as refused:
        pull(asking(**{FIRST: Desk(a_report(old))}), authorised)
    assert refused.value.facts["reported_on"] == str(old)


def test_what_is_not_there_or_not_allowed_is_refused(
    authorised: str, asking: Asking, services: Services
) -> None:
    with pytest.raises(NotFound):
        services.reports.pull(MANAGER, authorised, "horoscope", "new line")
    with pytest.raises(NotPermitted):
        services.reports.pull(PEOPLE["auditor"], authorised, "bureau", "new line")
    ahead = an_authorisation(services, TODAY + timedelta(days=1), TODAY + timedelta(days=2))
    with pytest.raises(DateInFuture):
        services.reports.authorise(MANAGER, authorised, ahead)
    unknown = AuthorisationContent(evidence_hash="0" * 64, signed_on=TODAY, valid_until=TODAY)
    with pytest.raises(NotFound):
        services.reports.authorise(MANAGER, authorised, unknown)


async def test_the_api_says_the_same(
    api: httpx.AsyncClient, known: str, services: Services
) -> None:
    at, me = f"/api/v1/customers/{known}", as_("relationship_manager")
    asked = {"kind": "bureau", "purpose": "new line"}
    refused = await api.post(f"{at}/reports", json=asked, headers=me)
    assert (refused.status_code, refused.json()["code"]) == (422, "authorisation_missing")
    body = an_authorisation(services).model_dump(mode="json")
    made = await api.post(f"{at}/authorisations", json=body, headers=me)
    assert made.status_code == 201
    refused = await api.post(f"{at}/reports", json=asked, headers=me)
    assert refused.json()["code"] == "report_unavailable"
    log = await api.get(f"{at}/report-queries", headers=me)
    assert [each["outcome"] for each in log.json()["items"]] == ["asked", "outage"] * 2
    turned = body | {"valid_until": str(TODAY - timedelta(days=1))}
    refused = await api.post(f"{at}/authorisations", json=turned, headers=me)
    assert (refused.status_code, refused.json()["code"]) == (422, "period_reversed")


# ── Folders ──────────────────────────────────────────────────────────────────────────────────────

CODE = a_customer().identifiers[0].value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / FIRST / "bureau").mkdir(parents=True)
    return tmp_path / FIRST


def test_a_folder_gives_the_report_under_the_customers_code(folder: Path) -> None:
    document = {"reported_on": "2026-01-31", "open_loans": 3, "worst_class": "normal"}
    (folder / "bureau" / f"{CODE}.json").write_text(json.dumps(document), "utf-8")
    found = FolderProvider(folder).fetch_report(a_customer(), "bureau")

    assert found is not None
    assert (found.reported_on, found.figures) == (
        date(2026, 1, 31),
        {"open_loans": "3", "worst_class": "normal"},
    )
    assert FolderProvider(folder).fetch_report(a_customer(), "registry") is None


def test_a_table_of_reports_gives_the_newest_of_the_customers(folder: Path) -> None:
    rows = f"code,reported_on,suits\nX,2026-03-01,9\n{CODE},2026-01-01,1\n{CODE},2026-02-01,2\n"
    (folder / "bureau.csv").write_text(rows, "utf-8-sig")
    found = FolderProvider(folder).fetch_report(a_customer(), "bureau")

    assert found is not None
    assert (found.reported_on, found.figures) == (date(2026, 2, 1), {"suits": "2"})


@pytest.mark.parametrize("text", ["", "[]", "{", '{"reported_on": "soon"}', '{"open_loans": 1}'])
def test_a_file_that_cannot_be_understood_is_an_outage(folder: Path, text: str) -> None:
    (folder / "bureau" / f"{CODE}.json").write_text(text, "utf-8")
    with pytest.raises(ProviderUnavailable):
        FolderProvider(folder).fetch_report(a_customer(), "bureau")


def test_a_folder_that_is_gone_is_an_outage_and_every_folder_is_a_provider(folder: Path) -> None:
    assert set(folder_providers(folder.parent)) == {FIRST}
    assert folder_providers(None) == folder_providers(folder / "nowhere") == {}
    with pytest.raises(ProviderUnavailable):
        FolderProvider(folder / "nowhere").fetch_report(a_customer(), "bureau")
