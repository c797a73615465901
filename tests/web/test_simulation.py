"""Six hundred past cases and a book of lines under a draft: what flips, what moves, who decides."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from domain.application import Application, Case, CaseStatus
from domain.assessment import Assessment, Lane
from domain.draft import RecordedReport
from domain.errors import SimulationStale
from domain.money import Money
from policies.assessment import assess
from storage.application import Applications, Assessments, Intakes
from storage.edition import Editions, shipped_text
from tests.makers_policy import a_customer, a_dossier, a_statement, an_edition, cny
from tests.web.people import PEOPLE
from web.service.draft import Drafting
from web.service.once import JoinedRecords
from web.service.services import Services

CASES = 600
OFFICER = PEOPLE["risk_officer"]
NOW = datetime(2026, 7, 1, tzinfo=UTC)


def past_case(number: int) -> tuple[Case, Assessment]:
    """The ordinary company with its equity and its request a little different each time."""
    equity = 20 + number % 60
    application = Application(
        customer_id=f"c-{number}",
        limit_requested=cny(200_000 + 50_000 * (number % 40)),
        purpose="components",
    )
    changed = {"equity": str(equity), "total_liabilities": str(140 - equity)}
    dossier = a_dossier(
        customer=a_customer(customer_id=f"c-{number}"),
        application=application,
        statements=(a_statement(2024), a_statement(2025, **changed)),
    )
    receipt = assess(f"case-{number}", dossier, an_edition(), automatic_spent=cny(0), sampled=False)
    case = Case(
        case_id=f"case-{number}",
        application=application,
        status=CaseStatus.APPROVED,
        applicant="manager",
        last_editor="manager",
        edition_hash=an_edition().edition_hash,
        submitted_at=NOW,
        business_on=dossier.business_on,
    )
    return case, receipt


@pytest.fixture
def tried(joined_records: JoinedRecords) -> list[Assessment]:
    """The receipts of a short past, on record."""
    return kept(joined_records, 60)


@pytest.fixture
def tried_many(joined_records: JoinedRecords) -> list[Assessment]:
    """The receipts of a long past, on record."""
    return kept(joined_records, CASES)


def kept(joined_records: JoinedRecords, number: int) -> list[Assessment]:
    cases = [past_case(each) for each in range(number)]
    with joined_records.begin() as session:
        Editions(session).publish(an_edition(), shipped_text("standard"), "system")
        for case, receipt in cases:
            keep(session, case, receipt)
    return [receipt for _, receipt in cases]


def keep(session: Session, case: Case, receipt: Assessment) -> None:
    Intakes(session).record(
        case.case_id,
        case.application,
        caller="manager",
        key=case.case_id,
        business_on=case.business_on,
        received_at=NOW,
    )
    Applications(session).record(case)
    Assessments(session).record(receipt)


def simulated(services: Services, toml: str) -> RecordedReport:
    drafting = Drafting(toml=toml, base_hash=an_edition().edition_hash)
    draft = services.drafts.record(OFFICER, drafting).draft
    return services.drafts.simulate(OFFICER, draft.draft_id)


def test_an_unchanged_policy_changes_no_case(services: Services, tried: list[Assessment]) -> None:
    past = simulated(services, "[silence]\nreturned_hours = 91\n").report.past

    assert past.cases == past.unchanged == len(tried)
    assert past.changed == ()


def test_a_closed_lane_asks_people_for_every_case_it_decided(
    services: Services, tried_many: list[Assessment]
) -> None:
    automatic = [each for each in tried_many if each.route.lane is Lane.AUTOMATIC]

    past = simulated(services, "[approval.automatic]\nenabled = false\n").report.past

    assert past.cases == CASES
    assert past.flips == {"automatic>people": len(automatic)}
    assert 0 < len(automatic) < CASES
    more = sum(past.positions_after.values()) - sum(past.positions_before.values())
    assert more >= len(automatic), "each asks at least one position"
    assert sum(past.tiers_after.values()) > sum(past.tiers_before.values())
    assert [moved.lowered for moved in past.moved] == [cny(0)]


def test_a_lower_share_moves_limits_by_the_sum_of_what_each_loses(
    services: Services, tried: list[Assessment]
) -> None:
    toml = "[limit.methods.turnover]\nshare = { AAA = 0.002, AA = 0.002, A = 0.002, BBB = 0.002, BB = 0.002, B = 0.002, CCC = 0.001, D = 0 }\n"

    past = simulated(services, toml).report.past

    [moved] = past.moved
    lost = [(e.before.limit - e.after.limit) for e in past.changed if e.after is not None]
    assert moved.raised == cny(0)
    assert moved.lowered == sum(lost, Money.zero("CNY")) > cny(0)
    assert all(each.lowered for each in past.changed)


def test_a_report_of_the_same_draft_and_book_has_the_same_hash(
    services: Services, tried: list[Assessment], joined_records: JoinedRecords
) -> None:
    toml = "[approval.automatic]\nenabled = false\n"
    first, again = simulated(services, toml), simulated(services, toml)
    case, receipt = past_case(CASES)
    with joined_records.begin() as session:
        keep(session, case, receipt)
    later = simulated(services, toml)

    assert first.report_hash == again.report_hash
    assert later.report.book_hash != first.report.book_hash
    assert later.report.edition_hash == first.report.edition_hash


def test_grades_that_move_are_counted_by_where_from_and_where_to(
    services: Services, tried: list[Assessment]
) -> None:
    edition = an_edition()
    card = edition.scorecards["corporate"]
    third, fourth = edition.grades[2:4]
    lower = card.score_min[third] + Decimal(3)
    changed = card.model_copy(update={"score_min": card.score_min | {third: lower}})
    draft = edition.model_copy(update={"scorecards": edition.scorecards | {"corporate": changed}})

    past = simulated(services, draft.as_toml()).report.past

    falling = [each for each in tried if card.score_min[third] <= each.rating.score < lower]
    assert past.grades == {f"{third}>{fourth}": len(falling)}
    assert falling


def test_a_report_over_too_few_cases_is_no_ground_to_publish_on(
    services: Services, tried: list[Assessment]
) -> None:
    drafting = Drafting(
        toml="[approval.automatic]\nenabled = false\n", base_hash=an_edition().edition_hash
    )
    draft = services.drafts.record(OFFICER, drafting).draft
    services.drafts.simulate(OFFICER, draft.draft_id, most=20)

    with pytest.raises(SimulationStale):
        services.drafts.propose(OFFICER, draft.draft_id)
