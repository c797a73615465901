"""Is an agency's rating entered once, shown as it stands, and out of judgement from its day?"""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI

from domain.application import CaseStatus
from domain.edition import PolicyEdition
from domain.errors import (
    AgencyRatingUnknown,
    AgencyUnknown,
    DateInFuture,
    NotFound,
    NotPermitted,
)
from domain.external_rating import AgencyRatingContent, WithdrawalContent
from domain.identity import Language, Person
from domain.imports import ImportKind, ImportReport
from storage.edition import Editions
from storage.identity import Persons, password_hash_of
from storage.notification import Outbox
from tests.investigators import Desk, at_desk
from tests.makers_policy import a_changed_edition
from tests.road import UNDRAWN
from tests.web.test_console import _faults_of, hidden, signed_in
from web.app import assemble
from web.service.clock import Clock
from web.service.external_rating import RatingOnFile, RatingStanding

PASSWORD = "a long enough password"
UNASKED = "[investigation]\nrows = []\nchecklists = []\n"
TODAY = Clock().business_on()
DAY = timedelta(days=1)
HEAD = "customer,scheme,agency,rating,rated_on,valid_until\n"


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    with at_desk(database_url, tmp_path, UNASKED) as there:
        with there.services.records.begin() as session:
            for name in ("manager", "risk", "auditor"):
                Persons(session).record_password(name, password_hash_of(PASSWORD))
        yield there


def paper(desk: Desk, text: bytes = b"%PDF-1.7 rated") -> str:
    return desk.services.attachments.record(desk.people["manager"], text, "rating.pdf").sha256


def rate(
    desk: Desk,
    rating: str = "BBB+",
    agency: str = "standard_and_poors",
    since: date = TODAY - 30 * DAY,
    until: date = TODAY + 30 * DAY,
    person: Person | None = None,
) -> RatingOnFile:
    content = AgencyRatingContent(
        agency=agency,
        rating=rating,
        rated_on=since,
        valid_until=until,
        evidence_hash=paper(desk),
    )
    who = person or desk.people["manager"]
    return desk.services.external_ratings.record(who, desk.customer.customer_id, content)


def withdraw(desk: Desk, on: date, agency: str = "standard_and_poors") -> None:
    content = WithdrawalContent(agency=agency, withdrawn_on=on, evidence_hash=paper(desk))
    services, manager = desk.services, desk.people["manager"]
    services.external_ratings.withdraw(manager, desk.customer.customer_id, content)


def standings(desk: Desk) -> list[tuple[str, RatingStanding]]:
    services, auditor = desk.services, desk.people["auditor"]
    found = services.external_ratings.list_ratings(auditor, desk.customer.customer_id)
    return [(each.rating.rating, each.standing) for each in found]


def test_a_rating_is_on_file_with_what_it_is_of_ours_and_the_same_again_is_that_one(
    desk: Desk,
) -> None:
    first = rate(desk)

    assert first.grade is not None
    assert (first.standing, first.grade.grade) == (RatingStanding.COUNTS, "BBB")
    assert rate(desk).rating.report_id == first.rating.report_id
    assert standings(desk) == [("BBB+", RatingStanding.COUNTS)]


def test_of_one_day_the_last_word_counts_though_it_was_said_before(desk: Desk) -> None:
    for rating in ("BBB+", "BB+", "BBB+"):
        rate(desk, rating)
    assert standings(desk)[0] == ("BBB+", RatingStanding.COUNTS)
    withdraw(desk, TODAY - 30 * DAY)
    assert {standing for _, standing in standings(desk)} <= {
        RatingStanding.FOLLOWED,
        RatingStanding.WITHDRAWN,
    }

    again = rate(desk, "BBB+")

    assert again.standing is RatingStanding.COUNTS
    assert rate(desk, "BBB+").rating.report_id == again.rating.report_id


def test_every_rating_says_why_it_counts_no_longer(desk: Desk) -> None:
    rate(desk, "A", since=TODAY - 90 * DAY)
    rate(desk, "BB+", since=TODAY - 60 * DAY)
    rate(desk, "Baa1", "moodys", until=TODAY - DAY)
    rate(desk, "B", "fitch")
    withdraw(desk, TODAY, "fitch")

    assert dict(standings(desk)) == {
        "A": RatingStanding.FOLLOWED,
        "BB+": RatingStanding.COUNTS,
        "Baa1": RatingStanding.EXPIRED,
        "B": RatingStanding.WITHDRAWN,
    }


def test_what_cannot_be_entered_is_refused_by_name(desk: Desk) -> None:
    with pytest.raises(AgencyUnknown):
        rate(desk, agency="dagong")
    with pytest.raises(AgencyRatingUnknown):
        rate(desk, "Baa1")
    with pytest.raises(DateInFuture):
        rate(desk, since=TODAY + DAY)
    with pytest.raises(ValueError, match="is before"):
        rate(desk, since=TODAY, until=TODAY - DAY)
    with pytest.raises(NotPermitted):
        rate(desk, person=desk.people["approver1"])
    with pytest.raises(NotFound):
        withdraw(desk, TODAY, "fitch")
    rate(desk, "B", "fitch")
    with pytest.raises(NotFound):
        withdraw(desk, TODAY - 31 * DAY, "fitch")
    assert standings(desk) == [("B", RatingStanding.COUNTS)]


def test_the_receipt_of_a_case_holds_the_rating_that_counted_and_not_the_one_that_had_run_out(
    desk: Desk,
) -> None:
    rate(desk, "Caa1", "moodys", until=TODAY - DAY)
    rate(desk, "CCC", "fitch")
    case_id = desk.submit(5_000_000)
    receipt = desk.case(case_id).assessment

    assert receipt is not None
    assert [(each.agency, each.grade, each.used) for each in receipt.rating.external] == [
        ("fitch", "CCC", True)
    ]
    assert (receipt.rating.grade, receipt.rating.external_cap) == ("BB", "BB")
    withdraw(desk, TODAY, "fitch")
    manager = desk.people["manager"]
    desk.services.applications.withdraw(manager, case_id, "the agency has withdrawn")
    after = desk.case(desk.submit(6_000_000)).assessment
    assert after is not None
    assert after.rating.external == ()
    assert after.rating.external_cap is None


# ── a case that waits for one ────────────────────────────────────────────────────────────────────


def asking() -> PolicyEdition:
    """From 2011 on: a rating is asked of everybody."""
    edition = a_changed_edition(f"effective_on = 2011-01-01\n{UNDRAWN}{UNASKED}")
    lists = edition.completeness.checklists
    asked = tuple(
        each.model_copy(update={"required": (*each.required, "external_rating")}) for each in lists
    )
    policy = edition.completeness.model_copy(update={"checklists": asked})
    return edition.model_copy(update={"completeness": policy})


def test_a_case_waits_for_the_rating_that_has_run_out_and_goes_on_once_one_is_on_file(
    desk: Desk,
) -> None:
    with desk.services.records.begin() as session:
        Editions(session).publish(asking(), asking().as_toml(), "test")
    rate(desk, until=TODAY - DAY)
    case_id = desk.submit()
    gap = f"external_rating:standard_and_poors/{TODAY - DAY}"
    assert desk.case(case_id).case.missing == (gap,)
    desk.office.take_report(case_id)
    assert desk.case(case_id).case.missing == (gap,), "nothing has come"

    rate(desk, "BBB", since=TODAY)
    with desk.services.records.begin() as session:
        told = [each.facts for each in Outbox(session).find_page(page_size=100)]
    assert {"workflow_id": f"application/{case_id}", "name": "file_changed"} in told
    desk.office.take_report(case_id)
    assert desk.case(case_id).case.status is CaseStatus.IN_APPROVAL


# ── files ────────────────────────────────────────────────────────────────────────────────────────


def bring(desk: Desk, *rows: str, dry_run: bool = False) -> ImportReport:
    code = desk.customer.identifiers[0]
    lines = "".join(f"{code.value},{code.scheme.value},{row}\n" for row in rows)
    return desk.services.imports.import_csv(
        desk.people["risk"],
        ImportKind.EXTERNAL_RATINGS,
        (HEAD + lines).encode(),
        dry_run=dry_run,
    )


def test_a_file_of_ratings_is_taken_once_and_its_rows_are_their_own_documents(desk: Desk) -> None:
    row = f"fitch,BB-,{TODAY - 9 * DAY},{TODAY + 9 * DAY}"

    assert bring(desk, row, dry_run=True).created == 1
    assert standings(desk) == []
    assert bring(desk, row).created == 1
    assert bring(desk, row).unchanged == 1
    assert standings(desk) == [("BB-", RatingStanding.COUNTS)]


def test_a_row_that_no_mapping_knows_is_refused_and_says_what_is_known(desk: Desk) -> None:
    report = bring(desk, f"fitch,Baa1,{TODAY},{TODAY}", f"nobody,A,{TODAY},{TODAY}")

    assert [each.code for each in report.errors] == ["agency_rating_unknown", "agency_unknown"]
    assert "Baa1" in report.errors[0].detail
    assert standings(desk) == []


# ── pages ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def app(desk: Desk) -> FastAPI:
    return assemble(
        desk.services,
        public_url="http://test",
        grantor={Language.EN: "Grantor", Language.ZH: "授信机构"},
    )


def test_a_rating_is_entered_and_withdrawn_on_the_page_of_reports(desk: Desk, app: FastAPI) -> None:
    place = f"/customers/{desk.customer.customer_id}"
    manager = signed_in(app, "manager")
    form = hidden(manager.get(f"{place}/reports"), f"{place}/external-ratings")
    said = {**form, "agency": "moodys", "outlook": "negative", "rated_on": str(TODAY)}
    said |= {"valid_until": str(TODAY + DAY)}
    file = {"file": ("r.pdf", b"%PDF-1.7 rated", "application/pdf")}

    refused = manager.post(f"{place}/external-ratings", data={**said, "rating": "BBB"}, files=file)
    assert refused.status_code == 422
    assert "agency_rating_unknown" in refused.text
    assert 'value="BBB"' in refused.text, "what was typed is still there"
    done = manager.post(f"{place}/external-ratings", data={**said, "rating": "Baa2"}, files=file)
    assert done.status_code == 303
    for language, words in {
        "en": ("Moody&#39;s", "Baa2", "outlook negative", "judged by"),
        "zh-CN": ("穆迪", "Baa2", "展望负面", "采用"),
    }.items():
        page = signed_in(app, "manager", language).get(f"{place}/reports").text
        assert all(each in page for each in words)
        assert _faults_of(page) == []

    form = hidden(manager.get(f"{place}/reports"), f"{place}/external-ratings/withdrawals")
    out = {**form, "agency": "moodys", "withdrawn_on": str(TODAY)}
    assert (
        manager.post(f"{place}/external-ratings/withdrawals", data=out, files=file).status_code
        == 303
    )
    assert "withdrawn" in manager.get(f"{place}/reports").text
    reader = signed_in(app, "auditor").get(f"{place}/reports").text
    assert f'action="{place}/external-ratings"' not in reader


def test_the_page_of_a_case_shows_the_grade_the_mapping_and_the_cap(
    desk: Desk, app: FastAPI
) -> None:
    rate(desk, "CCC", "fitch")
    case_id = desk.submit(900_000)

    page = signed_in(app, "manager").get(f"/cases/{case_id}").text

    assert "Fitch Ratings" in page
    assert "holds our grade at BB at best" in page
    assert "by the mapping of the edition" in page
