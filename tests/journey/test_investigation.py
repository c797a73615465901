"""A large case on its road: it waits for two, and goes on by itself when both have signed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.application import ApplicationChange, CaseStatus
from domain.approval import Verdict
from domain.investigation import INVESTIGATION_REPORT
from domain.money import Money
from tests.investigators import a_proposal, investigated
from tests.makers_policy import a_changed_edition
from tests.road import UNDRAWN, Road, a_road, an_application
from tests.servers import SkippingEnvironment


@pytest.fixture
async def road(
    database_url: str, temporal_env: SkippingEnvironment, tmp_path: Path
) -> AsyncIterator[Road]:
    edition = a_changed_edition(UNDRAWN)
    async with a_road(database_url, temporal_env, tmp_path, edition) as opened:
        yield opened


async def test_a_large_case_waits_for_two_and_goes_on_by_itself(road: Road) -> None:
    asked = an_application(await road.call(road.keep_customer), 30_000_000)
    case_id = (await road.submit(asked)).case_id
    view = await road.comes_to(case_id, CaseStatus.INCOMPLETE)
    assert view.case.missing == (INVESTIGATION_REPORT,)

    two = road.people["manager"], road.people["manager2"]
    await road.call(investigated, road.services, *two, case_id)
    view = await road.comes_to(case_id, CaseStatus.IN_APPROVAL)
    assert view.assessment.dossier.investigation is not None

    # Another amount is another report: the approval stops, and the case waits again.
    change = ApplicationChange(limit_requested=Money.of(25_000_000, "CNY"))
    await road.call(road.services.applications.amend, road.people["manager"], case_id, change)
    view = await road.comes_to(case_id, CaseStatus.INCOMPLETE)
    assert view.case.missing == (INVESTIGATION_REPORT,)
    proposed = a_proposal(Money.of(25_000_000, "CNY"))
    named = proposed.scheme.model_copy(update={"nominal_limit": Money.of(35_000_000, "CNY")})
    proposed = proposed.model_copy(update={"scheme": named})
    await road.call(investigated, road.services, *two, case_id, proposed)

    task = await road.open_task(case_id)
    await road.decide("approver2", task.task_id, Verdict.APPROVE)
    view = await road.comes_to(case_id, CaseStatus.CONTRACTING)
    signed = view.assessment.dossier.investigation
    assert signed.scheme.limit == Money.of(25_000_000, "CNY")
    assert view.letter.terms.limit <= signed.scheme.limit
    assert view.letter.terms.nominal_limit == Money.of(35_000_000, "CNY")
