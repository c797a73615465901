"""Reviews: read them with what changed, and say that a supplement is there."""

from datetime import UTC, date, datetime, time

from domain.identity import Id
from domain.review import Review
from domain.value import Value
from web.api.pages import Cursor, Page, PageSize, after_instant, page_of
from web.api.stage import stage
from web.callers import Asked, Caller
from web.service.review import ReviewView

router = stage("review")


class Reviews(Value):
    items: tuple[Review, ...]


@router.get("/reviews")
def list_reviews(
    asked: Asked,
    caller: Caller,
    open_only: bool = False,
    customer_id: Id | None = None,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[Review]:
    """Reviews of the lines one sees, newest first."""
    after = after_instant(cursor)
    found = asked.reviews.list_reviews(
        caller,
        open_only=open_only,
        customer_id=customer_id,
        before=(after[0].date(), after[1]) if after is not None else None,
        page_size=page_size + 1,
    )
    return page_of(found, page_size, lambda review: (_midnight(review.opened_on), review.review_id))


@router.get("/reviews/{review_id}")
def read_review(asked: Asked, caller: Caller, review_id: Id) -> ReviewView:
    """All there is about one review."""
    return asked.reviews.read_review(caller, review_id)


@router.get("/lines/{line_id}/reviews")
def list_of_line(asked: Asked, caller: Caller, line_id: Id) -> Reviews:
    """All reviews of one line, the newest first."""
    return Reviews(items=tuple(asked.reviews.list_of_line(caller, line_id)))


@router.post("/reviews/{review_id}/supplemented")
def supplemented(asked: Asked, caller: Caller, review_id: Id) -> Review:
    """What a return asked for is on record: have the line judged again."""
    return asked.reviews.supplemented(caller, review_id)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
