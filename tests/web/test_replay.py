"""Every receipt judged again: identical, or the field that differs by its path."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from domain.assessment import Assessment
from policies.assessment import replay
from storage.application import Assessments
from storage.application.assessments import AssessmentRow
from storage.edition import Editions, shipped_text
from tests.makers_policy import an_edition, judged
from tests.web.people import as_
from tests.web.test_simulation import keep, past_case
from web.service.once import JoinedRecords


def tampered(path: str, value: Any) -> Assessment:
    """The ordinary receipt with one field of it changed, as JSON has it."""
    document = judged().model_dump(mode="json")
    *steps, last = path.split(".")
    place: Any = document
    for step in steps:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[int(last) if isinstance(place, list) else last] = value
    return Assessment.model_validate(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("rating.grade", "AAA"),
        ("rating.factors.3.points", "9.5"),
        ("rating.score", "99"),
        ("limit.limit_proposed.amount", "9000000.00"),
        ("price.rate_annual", "0.01"),
        ("route.row", "sound_head"),
        ("limit.binding", "turnover"),
    ],
)
def test_a_tampered_receipt_is_answered_with_exactly_the_field_that_differs(
    path: str, value: str
) -> None:
    assert replay(tampered(path, value), an_edition()) == [path]


def test_an_untouched_receipt_is_identical() -> None:
    assert replay(judged(), an_edition()) == []


async def test_all_receipts_are_judged_again_and_counted(
    api: httpx.AsyncClient, joined_records: JoinedRecords
) -> None:
    forged = tampered("rating.grade", "AAA").model_copy(update={"case_id": "case-forged"})
    with joined_records.begin() as session:
        Editions(session).publish(an_edition(), shipped_text("standard"), "system")
        for number in range(3):
            keep(session, *past_case(number))
        Assessments(session).record(forged)
        rows = session.scalars(select(AssessmentRow.subject_id)).all()

    answer = await api.post("/api/v1/replays", headers=as_("auditor"))

    found = answer.json()
    assert (found["receipts"], found["identical"]) == (len(rows), len(rows) - 1)
    assert [(d["case_id"], d["differing"]) for d in found["differing"]] == [
        ("case-forged", ["rating.grade"])
    ]


async def test_who_may_not_replay_a_case_may_not_replay_all(api: httpx.AsyncClient) -> None:
    refused = await api.post("/api/v1/replays", headers=as_("relationship_manager"))

    assert refused.status_code == 403
