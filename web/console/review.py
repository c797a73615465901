"""Reviews (复审): the list, and one with what changed since the last decision."""

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from web.api.pages import after_day
from web.console.approval import approvals_shown, letter_outcome
from web.console.assessment import receipt_of, spread_of
from web.console.lists import PAGE_SIZE, next_path
from web.console.page import Visiting, Writing
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)


@router.get("/reviews")
def list_reviews(visit: Visiting, view: str = "open", after: str | None = None) -> HTMLResponse:
    """Reviews under way, or all of them, newest first."""
    open_only = view != "all"
    found = visit.services.reviews.list_reviews(
        visit.person, open_only=open_only, before=after_day(after), page_size=PAGE_SIZE + 1
    )
    reviews = found[:PAGE_SIZE]
    chosen = "open" if open_only else "all"
    return visit.show(
        "review/reviews.html",
        reviews=reviews,
        view=chosen,
        views=visit.tabs("/reviews", "reviews.view", ("open", "all"), chosen),
        names=visit.customer_names(review.customer_id for review in reviews),
        next_path=next_path(
            found, f"/reviews?view={chosen}", lambda each: (f"{each.opened_on} {each.review_id}",)
        ),
    )


@router.get("/reviews/{review_id}")
def show_review(visit: Visiting, review_id: str) -> HTMLResponse:
    """One review: what changed, what it proposes, and who decides."""
    view = visit.services.reviews.read_review(visit.person, review_id)
    customer = visit.services.customers.read(visit.person, view.review.customer_id)
    assessment = view.assessment
    spread = spread_of(assessment.dossier.statements if assessment else (), visit.speech)
    return visit.show(
        "review/review.html",
        review=view.review,
        customer=customer,
        customer_name=visit.customer_name(customer),
        assessment=assessment,
        approvals=approvals_shown(view.approvals, view.tasks, view.decisions),
        letter=view.letter,
        letter_outcome=letter_outcome(view.letter),
        spread=spread,
        charts=bool(spread and spread.option),
        may_supplement=view.review.closed_on is None
        and permitted(visit.person, Action.APPLICATION_CHANGE),
        **receipt_of(assessment, visit.formats, visit.speech),
    )


@router.post("/reviews/{review_id}/supplemented")
def supplemented(visit: Writing, review_id: str) -> Response:
    """What a return asked for is on record: have the line judged again."""
    visit.services.reviews.supplemented(visit.person, review_id)
    return visit.go(f"/reviews/{review_id}", "review_supplemented")
