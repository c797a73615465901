"""Cases on the road, for real: what is asked, what comes of it, and what is refused."""

from domain.application import CaseStatus
from domain.approval import Verdict
from tests.road import Road, an_application


async def test_a_middling_request_is_approved_by_the_people_its_amount_asks(road: Road) -> None:
    customer = road.keep_customer()
    submitted = await road.submit(an_application(customer, 5_000_000))

    task = await road.open_task(submitted.case_id)
    decided = await road.decide("approver1", task.task_id, Verdict.APPROVE, note="sound")
    view = await road.comes_to(submitted.case_id, CaseStatus.CONTRACTING, CaseStatus.APPROVED)

    assert submitted.status is CaseStatus.RECEIVED
    assert decided.letter_no == view.letter.letter_no
    assert view.letter.terms.limit <= view.case.application.limit_requested
