"""What may be asked of reviews: read them with what changed, and say that a supplement is there.

That a line be reviewed is asked of the line: `web/service/line.py`.
"""

from collections.abc import Sequence
from datetime import date

from sqlalchemy.orm import Session

from domain.approval import Approval
from domain.assessment import Assessment
from domain.contract import Letter
from domain.errors import CaseClosed
from domain.identity import Person
from domain.review import Review
from domain.value import Value
from storage.application import Assessments
from storage.approval import Approvals, Decisions, DecisionView, Letters, Tasks, TaskView
from storage.base import Records
from storage.review import Reviews
from web.service.customer import refuse_unseen, sees_customer
from web.service.gateway import Gateway
from web.service.permissions import Action, permit, visible_to
from workflows.names import review_id as workflow_id_of


class ReviewView(Value):
    """All there is about one review, for its page and its API."""

    review: Review
    assessment: Assessment | None
    approvals: tuple[Approval, ...]
    tasks: tuple[TaskView, ...]
    decisions: tuple[DecisionView, ...]
    letter: Letter | None


class ReviewService:
    """Reviews, over one memory and one way to Temporal."""

    def __init__(self, records: Records, gateway: Gateway) -> None:
        self._records = records
        self._gateway = gateway

    def list_reviews(
        self,
        person: Person,
        *,
        open_only: bool = False,
        customer_id: str | None = None,
        before: tuple[date, str] | None = None,
        page_size: int = 50,
    ) -> Sequence[Review]:
        """Newest first; `before` is the `(opened_on, review_id)` of the last row seen."""
        permit(person, Action.REVIEW_READ)
        with self._records.begin() as session:
            return Reviews(session).find_page(
                before=before,
                page_size=page_size,
                open_only=open_only,
                customer_id=customer_id,
                manager_id=visible_to(person).manager_id,
            )

    def list_of_line(self, person: Person, line_id: str) -> Sequence[Review]:
        """All reviews of one line that the person sees, the newest first."""
        permit(person, Action.REVIEW_READ)
        with self._records.begin() as session:
            found = Reviews(session).list_of_line(line_id)
            return [each for each in found if sees_customer(session, person, each.customer_id)]

    def read_review(self, person: Person, review_id: str) -> ReviewView:
        """The whole review; `NotFound` where the person does not see its customer."""
        permit(person, Action.REVIEW_READ)
        with self._records.begin() as session:
            review = _visible(session, person, review_id)
            return ReviewView(
                review=review,
                assessment=Assessments(session).find(review_id),
                approvals=tuple(Approvals(session).list_of_subject(review_id)),
                tasks=tuple(Tasks(session).list_page(case_id=review_id, status=None)),
                decisions=tuple(Decisions(session).list_of_case(review_id)),
                letter=Letters(session).find_of_subject(review_id),
            )

    def supplemented(self, person: Person, review_id: str) -> Review:
        """What a return asked for is on record: have the line judged again."""
        permit(person, Action.APPLICATION_CHANGE)
        with self._records.begin() as session:
            review = _visible(session, person, review_id)
        if review.closed_on is not None:
            raise CaseClosed(case_id=review_id, status=review.status)
        self._gateway.signal(workflow_id_of(review.line_id, review.n), "supplemented", {})
        return review


def _visible(session: Session, person: Person, review_id: str) -> Review:
    review = Reviews(session).read(review_id)
    refuse_unseen(session, person, review.customer_id, kind="review", id=review_id)
    return review
