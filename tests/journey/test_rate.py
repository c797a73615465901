"""A case in a currency nobody has a rate for: it waits, named, and goes on by itself."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from domain.application import CaseStatus
from domain.exchange import Rate, RateGap
from domain.money import Money
from storage.notification import Outbox
from tests.road import Road, a_road, an_application
from tests.servers import SkippingEnvironment
from workflows.names import application_id

ASKED = Money.of(500_000, "EUR")


@pytest.fixture
async def road(
    database_url: str, temporal_env: SkippingEnvironment, tmp_path: Path
) -> AsyncIterator[Road]:
    async with a_road(database_url, temporal_env, tmp_path) as opened:
        yield opened


async def test_a_case_waits_for_the_rate_it_lacks_and_goes_on_once_it_is_recorded(
    road: Road,
) -> None:
    asked = an_application(await road.call(road.keep_customer), limit_requested=ASKED)
    case_id = (await road.submit(asked)).case_id
    view = await road.comes_to(case_id, CaseStatus.INCOMPLETE)

    (code,) = view.case.missing
    gap = RateGap.find(code)
    assert gap is not None
    assert (gap.base, gap.quote, gap.kind) == ("EUR", "CNY", "spot")
    assert view.assessment is None
    assert await road.call(told, road, case_id) == {"person:manager", "person:risk", "person:risk2"}

    # The applicant cannot bring a rate: no silence of theirs ends the case.
    workflow = road.client.get_workflow_handle(application_id(case_id))
    await road.environment.fast_forward(workflow, timedelta(days=90))
    assert (await road.case(case_id)).case.status is CaseStatus.INCOMPLETE

    # A rate of other currencies is none for this case.
    other = Rate(base="GBP", quote="CNY", rate="9", rate_on=gap.on)
    await road.call(road.services.rates.record, road.people["risk"], other)
    rate = Rate(base="EUR", quote="CNY", rate="7.8", rate_on=gap.on)
    await road.call(road.services.rates.record, road.people["risk"], rate)

    view = await road.comes_to(case_id, CaseStatus.IN_APPROVAL)
    dossier = view.assessment.dossier
    assert dossier.limit_requested_reporting == Money.of(3_900_000, "CNY")
    assert [(each.base, each.rate) for each in dossier.rates] == [("EUR", rate.rate)]


def told(road: Road, case_id: str) -> set[str]:
    with road.records.begin() as session:
        entries = Outbox(session).list_of_case(case_id)
    return {each.recipient for each in entries if each.kind == "application_incomplete"}
