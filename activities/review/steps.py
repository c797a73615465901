"""The review's steps: each one transaction, each the same when it runs twice."""

from temporalio import activity

from activities.refusals import FigureAwaited
from activities.review.concluding import conclude
from activities.review.judging import reassess
from activities.signatures import ReviewSteps
from domain.errors import BenchmarkMissing, RateMissing
from domain.review import (
    Proposal,
    Reassessed,
    ReviewConclusion,
    ReviewResult,
    ReviewTurn,
    review_id_of,
)
from storage.base import Records
from storage.line import Lines
from storage.review import Reviews


class ReviewActivities(ReviewSteps):
    """The steps on PostgreSQL."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @activity.defn
    def reassess_line(self, turn: ReviewTurn) -> Reassessed:
        with self._records.begin() as session:
            review = Reviews(session).read(review_id_of(turn.line_id, turn.n), for_update=True)
            line = Lines(session).read(turn.line_id)
            # A review that has ended is not judged again by an attempt that woke late.
            over = review.closed_on is not None or line.status.ended or line.closing
            if over or not line.terms.limit:
                return Reassessed(review_id=review.review_id, proposal=Proposal.KEEP, stopped=True)
            try:
                return reassess(session, review, line, turn)
            except (RateMissing, BenchmarkMissing) as gap:
                raise FigureAwaited(gap.detail()) from gap

    @activity.defn
    def conclude_review(self, conclusion: ReviewConclusion) -> ReviewResult:
        with self._records.begin() as session:
            # The line is held first, as it is where the line's own steps open a review.
            line_id = Reviews(session).read(conclusion.review_id).line_id
            line = Lines(session).read(line_id, for_update=True)
            review = Reviews(session).read(conclusion.review_id, for_update=True)
            if review.closed_on is None:
                review = conclude(session, review, line, conclusion)
            return ReviewResult(
                review_id=review.review_id,
                status=review.status,
                proposal=review.proposal.proposal if review.proposal else Proposal.KEEP,
                limit_decided=review.limit_decided,
                letter_no=review.letter_no,
                next_due_on=review.next_due_on,
            )
