"""Six hundred past cases and a book of lines under a draft: what flips, what moves, who decides."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from domain.application import Application, Case, CaseStatus
from domain.assessment import Assessment, Lane
from domain.draft import RecordedReport
from domain.errors import SimulationStale
from domain.line import CreditLine, LineStatus
from domain.money import Money
from domain.receivable import PaymentRecord
from domain.warning import RaisedWarning, WarningLevel, WarningSignal
from policies.assessment import assess
from storage.application import Applications, Assessments, Intakes
from storage.customer import Customers
from storage.edition import Editions, shipped_text
from storage.warning import Warnings
from tests.makers_line import open_line
from tests.makers_policy import a_customer, a_dossier, a_statement, an_edition, cny
from tests.web.people import PEOPLE
from web.service.draft import Drafting
from web.service.once import JoinedRecords
from web.service.services import Services

CASES = 600
OFFICER = PEOPLE["risk_officer"]
NOW = datetime(2026, 7, 1, tzinfo=UTC)


def past_case(number: int, asked: int | None = None) -> tuple[Case, Assessment]:
    """The ordinary company with its equity and its request a little different each time; with
    `asked` it is the ordinary company, and that is what it asks for."""
    equity = 20 + number % 60 if asked is None else 70
    application = Application(
        customer_id=f"c-{number}",
        limit_requested=cny(200_000 + 50_000 * (number % 40) if asked is None else asked),
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


def in_force(joined_records: JoinedRecords, receipt: Assessment, **fields: object) -> CreditLine:
    """The line that a case on record led to."""
    customer_id = receipt.dossier.customer.customer_id
    return open_line(
        joined_records,
        f"line-{customer_id}",
        customer_id=customer_id,
        limit=receipt.limit_recommended,
        **{"case_id": receipt.case_id, "activated_at": NOW, **fields},
    )


@pytest.fixture
def live(joined_records: JoinedRecords) -> list[Assessment]:
    """Three lines: 200,000 and 800,000 were granted by the lane, 1,500,000 by a branch head."""
    receipts = []
    with joined_records.begin() as session:
        Editions(session).publish(an_edition(), shipped_text("standard"), "system")
        for asked in (200_000, 800_000, 1_500_000):
            case, receipt = past_case(asked // 1000, asked=asked)
            keep(session, case, receipt)
            receipts.append(receipt)
    for receipt in receipts:
        in_force(joined_records, receipt)
    return receipts


CAPPED = (
    "[limit]\ngrade_cap = { AAA = 500000, AA = 500000, A = 500000, BBB = 500000, BB = 500000,"
    " B = 500000, CCC = 500000, D = 0 }\n"
)


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


# ── the live book ────────────────────────────────────────────────────────────────────────────────


def test_a_lower_cap_moves_the_lines_in_force_by_what_is_reckoned_by_hand(
    services: Services, live: list[Assessment]
) -> None:
    report = simulated(services, CAPPED).report

    [moved] = report.live.moved
    assert (moved.before, moved.raised) == (cny(2_500_000), cny(0))
    assert moved.lowered == cny(300_000 + 1_000_000)
    assert (report.live.cases, report.live.unchanged, report.live.refused) == (3, 1, 0)
    assert report.live.flips == {"automatic>people": 1}
    assert report.live.positions_before == {"branch_head": 1}
    assert report.live.positions_after == {"branch_head": 2}
    assert {each.line_id for each in report.live.changed} == {"line-c-800", "line-c-1500"}
    assert report.lines_left_out == 0


def test_a_line_that_went_bad_and_would_have_got_less_is_told_as_spared(
    services: Services, live: list[Assessment], joined_records: JoinedRecords
) -> None:
    judged_on = live[0].dossier.business_on
    for customer, after_days in (("c-200", 30), ("c-800", 30), ("c-1500", -30)):
        warning = RaisedWarning(
            warning_id=f"w-{customer}",
            customer_id=customer,
            signal=WarningSignal(
                rule="paying_later",
                level=WarningLevel.RED,
                figure="days_late_mean",
                value=Decimal(40),
                threshold=Decimal(30),
            ),
            evidence=PaymentRecord(window_days=365, as_of=judged_on),
            owner="risk",
            raised_on=judged_on + timedelta(days=after_days),
            seen_on=judged_on + timedelta(days=after_days),
        )
        known = a_customer(customer_id=customer, identifiers=())
        with joined_records.begin() as session:
            Customers(session).record(
                known, business_on=judged_on, source="test", recorded_by="test"
            )
            Warnings(session).record(warning)

    [spared] = simulated(services, CAPPED).report.spared

    # The smallest would have got as much, and the largest was warned of before it was judged.
    assert (spared.line_id, spared.went_bad) == ("line-c-800", ("warning:paying_later",))
    assert spared.before.limit == cny(800_000)


def test_a_line_that_has_ended_is_not_in_the_live_book_and_a_frozen_one_is(
    services: Services, live: list[Assessment], joined_records: JoinedRecords
) -> None:
    for number, status in ((200_001, LineStatus.TERMINATED), (200_002, LineStatus.FROZEN)):
        case, receipt = past_case(number, asked=200_000)
        with joined_records.begin() as session:
            keep(session, case, receipt)
        in_force(joined_records, receipt, status=status)

    book = simulated(services, "[approval.automatic]\nenabled = false\n").report.live

    # The lane decided the small one, the middle one and the frozen one.
    assert book.cases == len(live) + 1
    assert {each.line_id for each in book.changed} == {
        "line-c-200",
        "line-c-800",
        "line-c-200002",
    }


def test_the_edition_in_force_flips_no_line(services: Services, live: list[Assessment]) -> None:
    section = simulated(services, an_edition().as_toml()).report.live

    assert (section.cases, section.unchanged) == (3, 3)
    assert (section.flips, section.grades, section.changed) == ({}, {}, ())
    [moved] = section.moved
    assert moved.raised == moved.lowered == cny(0)
