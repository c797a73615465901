"""A word on a policy edition names no limit, whatever else is sent with it."""

from datetime import timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.approval import ApprovalActivities
from domain.approval import ApprovalRequest, DecisionRequest, Subject, Verdict
from domain.errors import Malformed
from policies.publication import publication_step
from storage.base import Records
from storage.identity import ActionTokens
from tests.makers_monitoring import noon
from tests.makers_policy import ON, an_edition, cny
from tests.road import settle

AT = noon(ON)


@pytest.mark.parametrize("verdict", [Verdict.APPROVE, Verdict.DECLINE])
def test_a_word_on_an_edition_that_names_a_limit_is_refused_as_such(
    records: Records, verdict: Verdict
) -> None:
    edition = an_edition()
    settle(records, edition)
    request = ApprovalRequest(
        subject=Subject.POLICY_EDITION,
        subject_id="draft-1",
        case_id="draft-1",
        customer_id="policy",
        makers=("risk",),
        steps=(publication_step(edition),),
        aggregate=cny(0),
        grade="",
        content_hash="a" * 64,
        edition_hash=edition.edition_hash,
        route_row="policy_edition",
    )
    steps = ApprovalActivities(records)
    environment = ActivityEnvironment()
    environment.run(steps.open_approval, request)
    task_id = f"{request.approval_id}.1.1"
    with records.begin() as session:
        token = ActionTokens(session).issue_action_token(
            "risk2", task_id, AT + timedelta(days=3650)
        )
    word = DecisionRequest(
        approval_id=request.approval_id,
        task_id=task_id,
        person_id="risk2",
        verdict=verdict,
        note="as discussed",
        limit=cny(5),
        message_id="m-1",
        token=token,
        channel="api",
        at=AT,
    )

    with pytest.raises(Malformed, match="no other limit"):
        environment.run(steps.record_decision, word)
