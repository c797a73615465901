"""Reviews: judged on the newest records, concluded by policy or people, in force on the line."""

from datetime import date, timedelta

import pytest

from activities.letter import issue_letter
from activities.refusals import FigureAwaited
from activities.review import EXIT_REASON, ReviewActivities
from domain.approval import ApprovalOutcome
from domain.contract import Letter
from domain.exchange import Rate
from domain.line import CreditLine, LineStatus
from domain.money import Money
from domain.review import (
    Proposal,
    Reassessed,
    Review,
    ReviewCause,
    ReviewConclusion,
    ReviewResult,
    ReviewStatus,
    ReviewTurn,
    review_id_of,
)
from policies.assessment import replay
from storage.application import Assessments
from storage.base import Records
from storage.edition import Editions
from storage.exchange import Rates
from storage.line import Lines
from storage.notification import Outbox
from storage.review import Reviews
from storage.statement import Statements
from tests.makers_monitoring import LINE_ID, SHRUNKEN, a_book, noon
from tests.makers_policy import a_statement, cny

DUE = date(2026, 7, 6)
REVIEW = review_id_of(LINE_ID, 1)


def open_review(records: Records, on: date = DUE, cause: ReviewCause = ReviewCause.CYCLE) -> Review:
    with records.begin() as session:
        review, _ = Reviews(session).open(
            line_id=LINE_ID, customer_id="c-1", cause=cause, due_on=on, on=on
        )
    return review


def reassess(records: Records, on: date = DUE, n: int = 1) -> Reassessed:
    return ReviewActivities(records).reassess_line(ReviewTurn(line_id=LINE_ID, n=n, at=noon(on)))


def conclude(
    records: Records,
    outcome: ApprovalOutcome | None = None,
    letter_no: str | None = None,
    on: date = DUE,
    n: int = 1,
) -> ReviewResult:
    return ReviewActivities(records).conclude_review(
        ReviewConclusion(
            review_id=review_id_of(LINE_ID, n), outcome=outcome, letter_no=letter_no, at=noon(on)
        )
    )


def new_statement(records: Records, **figures: str) -> None:
    with records.begin() as session:
        Statements(session).record(
            a_statement(2025, **figures), business_on=DUE, recorded_by="manager"
        )


def review_of(records: Records, n: int = 1) -> Review:
    with records.begin() as session:
        return Reviews(session).read(review_id_of(LINE_ID, n))


def line_of(records: Records) -> CreditLine:
    with records.begin() as session:
        return Lines(session).read(LINE_ID)


def people_decide(records: Records, *, approved: bool = True, limit: Money | None = None) -> Letter:
    """The letter that the approval engine ends in."""
    with records.begin() as session:
        assessment = Assessments(session).read(REVIEW)
        return issue_letter(
            session,
            assessment,
            Editions(session).read(assessment.edition_hash),
            approved=approved,
            on=DUE,
            decided_by=("approver1",),
            limit=limit,
        )


RUINED = {"equity": "-5", "total_liabilities": "145"}


def replayed(records: Records) -> list[str]:
    """What a fresh judgement of the review's receipt finds otherwise."""
    with records.begin() as session:
        receipt = Assessments(session).read(REVIEW)
        return replay(receipt, Editions(session).read(receipt.edition_hash))


def test_a_line_that_is_still_supported_is_kept_without_asking_anybody(records: Records) -> None:
    before = a_book(records)
    new_statement(records)
    open_review(records)

    reassessed = reassess(records)
    result = conclude(records)

    assert (reassessed.proposal, reassessed.approval) == (Proposal.KEEP, None)
    assert replayed(records) == []
    assert (result.status, result.letter_no) == (ReviewStatus.CONCLUDED, None)
    after = line_of(records)
    assert after.limit == before.limit
    assert after.review_due_on == result.next_due_on
    assert after.review_due_on > DUE


def test_the_pack_says_what_changed_since_the_last_decision(records: Records) -> None:
    a_book(records)
    new_statement(records, **SHRUNKEN)
    open_review(records)

    reassess(records)

    pack = review_of(records).pack
    assert pack is not None
    assert pack.previous_subject == "case-1"
    assert pack.used == cny(0)
    changed = {delta.code: (delta.before, delta.now) for delta in pack.deltas}
    assert "limit_proposed" in changed
    assert "sales_size" in changed


def test_a_shrunken_customer_is_cut_by_the_letter_that_people_decide(records: Records) -> None:
    before = a_book(records)
    new_statement(records, **SHRUNKEN)
    open_review(records)
    reassessed = reassess(records)
    assert reassessed.proposal is Proposal.CUT
    assert reassessed.approval is not None
    assert "manager" in reassessed.approval.makers
    assert review_of(records).status is ReviewStatus.IN_APPROVAL

    letter = people_decide(records)
    result = conclude(records, ApprovalOutcome.APPROVED, letter.letter_no)

    after = line_of(records)
    assert result.limit_decided == after.limit < before.limit
    assert after.letter_no == letter.letter_no == result.letter_no
    assert after.status is LineStatus.ACTIVE


def test_what_people_put_before_the_approvers_is_what_they_sign(records: Records) -> None:
    a_book(records)
    new_statement(records, **SHRUNKEN)
    open_review(records)

    reassessed = reassess(records)

    with records.begin() as session:
        receipt = Assessments(session).read(REVIEW)
        edition = Editions(session).read(receipt.edition_hash)
    assert reassessed.approval is not None
    assert reassessed.approval.content_hash == receipt.receipt_hash
    assert replay(receipt, edition) == []


def test_a_ruined_customer_is_exited_and_nothing_is_let_out(records: Records) -> None:
    a_book(records)
    new_statement(records, **RUINED)
    open_review(records)
    assert reassess(records).proposal is Proposal.EXIT
    assert replayed(records) == []

    letter = people_decide(records)
    conclude(records, ApprovalOutcome.APPROVED, letter.letter_no)

    after = line_of(records)
    assert after.limit == cny(0)
    assert after.status is LineStatus.COLLECT_ONLY
    assert after.freeze_reasons == (EXIT_REASON,)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (ApprovalOutcome.DECLINED, ReviewStatus.OVERRULED),
        (ApprovalOutcome.LAPSED, ReviewStatus.LAPSED),
    ],
)
def test_a_proposal_that_people_do_not_approve_leaves_the_limit(
    records: Records, outcome: ApprovalOutcome, status: ReviewStatus
) -> None:
    before = a_book(records)
    new_statement(records, **SHRUNKEN)
    open_review(records)
    reassess(records)
    letter = people_decide(records, approved=False) if outcome == "declined" else None

    result = conclude(records, outcome, letter.letter_no if letter else None)

    assert result.status is status
    assert line_of(records).limit == before.limit
    assert line_of(records).review_due_on > DUE


def test_a_review_nobody_decided_comes_back_sooner_than_one_decided(records: Records) -> None:
    a_book(records)
    new_statement(records)
    open_review(records)
    reassess(records)

    lapsed = conclude(records, ApprovalOutcome.LAPSED)

    assert lapsed.next_due_on == date(2026, 10, 6)


def test_concluding_twice_is_concluding_once(records: Records) -> None:
    a_book(records)
    new_statement(records, **SHRUNKEN)
    open_review(records)
    reassess(records)
    letter = people_decide(records)

    first = conclude(records, ApprovalOutcome.APPROVED, letter.letter_no)
    again = conclude(records, ApprovalOutcome.APPROVED, letter.letter_no)

    assert again == first
    with records.begin() as session:
        told = [e for e in Outbox(session).find_page() if e.kind == "signal_line_changed"]
    assert len(told) == 1


def test_causes_join_the_review_that_is_open(records: Records) -> None:
    a_book(records)
    first = open_review(records)

    joined = open_review(records, DUE + timedelta(days=3), ReviewCause.WARNING)

    assert joined.review_id == first.review_id
    assert joined.causes == (ReviewCause.CYCLE, ReviewCause.WARNING)


def test_the_next_review_compares_with_the_last(records: Records) -> None:
    a_book(records)
    new_statement(records)
    open_review(records)
    reassess(records)
    conclude(records)
    later = DUE + timedelta(days=100)

    second = open_review(records, later)
    reassess(records, later, n=2)

    assert second.n == 2
    pack = review_of(records, 2).pack
    assert pack is not None
    assert pack.previous_subject == REVIEW


def test_a_review_that_lacks_a_rate_waits_for_it_and_is_not_refused(records: Records) -> None:
    """Refused, it would end the review's workflow and the line would go unreviewed."""
    a_book(records)
    with records.begin() as session:
        Statements(session).record(
            a_statement(2025, currency="EUR"), business_on=DUE, recorded_by="manager"
        )
    open_review(records)

    with pytest.raises(FigureAwaited, match="EUR"):
        reassess(records)
    with records.begin() as session:
        Rates(session).record(
            Rate(base="EUR", quote="CNY", rate="7.8", rate_on=DUE), recorded_by="risk"
        )
    assert reassess(records).review_id == REVIEW


def test_a_line_that_ended_meanwhile_is_left_alone(records: Records) -> None:
    a_book(records)
    open_review(records)
    with records.begin() as session:
        Lines(session).end(LINE_ID, LineStatus.TERMINATED, message_id="m-1", at=noon(DUE))

    reassessed = reassess(records)
    result = conclude(records, ApprovalOutcome.WITHDRAWN)

    assert reassessed.stopped
    assert result.status is ReviewStatus.STOPPED
