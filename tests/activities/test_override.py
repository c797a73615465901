"""How long does a moved grade stand on a line, once its case is over?"""

import csv
from datetime import date, timedelta

import pytest

from activities.rerating import ReratingActivities
from activities.review import ReviewActivities
from domain.assessment import Assessment
from domain.override import Override, OverrideStatus
from domain.rerating import ReratingPage
from domain.review import ReviewCause, ReviewTurn, review_id_of
from policies.assessment import assess
from storage.application import Assessments
from storage.base import Records
from storage.line import Lines
from storage.override import Overrides
from storage.rerating import Reratings
from storage.review import Reviews
from storage.statement import Statements
from tests.makers_monitoring import GRANTED_ON, LINE_ID, SHRUNKEN, a_book, noon
from tests.makers_policy import a_statement, an_edition, cny

ON = date(2026, 7, 6)


@pytest.fixture
def receipt(records: Records) -> Assessment:
    """The ordinary line, whose grade one officer moved down by a notch before it was granted."""
    line = a_book(records)
    edition = an_edition()
    with records.begin() as session:
        model = Assessments(session).read(line.case_id)
        asked = edition.grades[edition.rank(model.rating.grade) + 1]
        override = Overrides(session).record(
            Override(
                override_id=f"override-{line.case_id}-1",
                case_id=line.case_id,
                n=1,
                customer_id=line.customer_id,
                notches=-1,
                reason="management_changed",
                note="the founder left",
                grade_model=model.rating.grade,
                grade_asked=asked,
                receipt_hash=model.receipt_hash,
                second_needed=False,
                proposed_by="risk",
                proposed_at=noon(GRANTED_ON),
                proposed_on=GRANTED_ON,
                status=OverrideStatus.PROPOSED,
            ),
            "message-1",
        )
        confirmed = Overrides(session).settle(override, OverrideStatus.CONFIRMED, noon(GRANTED_ON))
        moved = assess(
            line.case_id,
            model.dossier.model_copy(update={"override": confirmed.in_dossier}),
            edition,
            automatic_spent=cny(0),
            sampled=False,
        )
        Assessments(session).record(moved)
        Lines(session).write(line.model_copy(update={"grade": moved.rating.grade}))
    assert moved.rating.grade == asked != model.rating.grade
    return moved


def rerated(records: Records, on: date = ON, run: str = "run-1") -> tuple[str, str, int]:
    """What a run of this day would do to the line: its outcome, its grade, what is supported."""
    page = ReratingPage(run_id=run, person_id="risk1", page_size=10, at=noon(on))
    ReratingActivities(records).preview_rerating(page)
    with records.begin() as session:
        [row] = csv.DictReader(Reratings(session).preview_rows(run))
    return row["outcome"], row["grade"], int(row["limit_minor"])


def graded(records: Records, grade: str) -> None:
    """Something else gives the line a grade."""
    with records.begin() as session:
        line = Lines(session).read(LINE_ID, for_update=True)
        Lines(session).write(line.model_copy(update={"grade": grade}))


def test_a_rerating_keeps_it_while_the_model_says_the_same(
    records: Records, receipt: Assessment
) -> None:
    outcome, grade, supported = rerated(records)

    assert (outcome, grade) == ("unmoved", receipt.rating.grade)
    # What is supported is supported by the grade that stands, as it was when it was granted.
    assert supported == receipt.limit.limit_proposed.minor


def test_it_ends_with_the_validity_of_its_rating(records: Records, receipt: Assessment) -> None:
    until = receipt.rating.valid_until
    assert until is not None

    assert rerated(records, until + timedelta(days=1))[1] != receipt.rating.grade


def test_it_ends_where_the_model_says_something_else(records: Records, receipt: Assessment) -> None:
    with records.begin() as session:
        Statements(session).record(
            a_statement(2025, **SHRUNKEN), business_on=ON, recorded_by="manager"
        )
    _, grade, supported = rerated(records)

    graded(records, "AAA")  # so that no override stands: what a run makes of any line
    assert rerated(records, run="run-2")[1:] == (grade, supported)
    assert grade != receipt.rating.grade_model


def test_it_does_not_come_back_once_something_else_gave_the_line_a_grade(
    records: Records, receipt: Assessment
) -> None:
    graded(records, "CCC")

    assert rerated(records)[1] == receipt.rating.grade_model


def test_a_review_judges_by_the_model_alone(records: Records, receipt: Assessment) -> None:
    with records.begin() as session:
        Reviews(session).open(
            line_id=LINE_ID, customer_id="c-1", cause=ReviewCause.REQUEST, due_on=ON, on=ON
        )

    judged = ReviewActivities(records).reassess_line(ReviewTurn(line_id=LINE_ID, n=1, at=noon(ON)))

    assert judged.grade == receipt.rating.grade_model
    with records.begin() as session:
        kept = Assessments(session).read(review_id_of(LINE_ID, 1))
    assert kept.dossier.override is None
    assert kept.rating.override is None
