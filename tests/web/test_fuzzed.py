"""Does anything that can be sent make the API fail? Temporal is away all the while."""

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.customer import CustomerContent, CustomerGroup
from tests.web.people import PEOPLE, as_
from web.service.services import Services


@pytest.fixture
def real(services: Services) -> dict[str, str]:
    """Ids that are on record, so that half of the requests reach behind `NotFound`."""
    who = PEOPLE["everybody"]
    group = services.customers.record_group(who, CustomerGroup(group_id="group", name="Group"))
    customer = services.customers.record(
        who, CustomerContent(name="Customer", group_id=group.group_id)
    )
    attachment = services.attachments.record(who, b"some text", "note.txt")
    return {
        "customer_id": customer.customer_id,
        "group_id": group.group_id,
        "person_id": "auditor",
        "sha256": attachment.sha256,
        "evidence_hash": attachment.sha256,
        "source_hash": attachment.sha256,
    }


def test_nothing_that_can_be_sent_makes_the_api_fail(app: FastAPI, real: dict[str, str]) -> None:
    """A few requests a route, the same each time; the long form sends many more."""
    assert failures_of(app, real, requests_each=5) == []


@pytest.mark.long
def test_nothing_that_can_be_sent_makes_the_api_fail_for_long(
    app: FastAPI, real: dict[str, str]
) -> None:
    assert failures_of(app, real, requests_each=200) == []


def failures_of(app: FastAPI, real: dict[str, str], *, requests_each: int) -> list[str]:
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", app)
    failures: list[str] = []
    for found in schema.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy(), known=st.booleans())
        @settings(
            max_examples=requests_each,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        def sent(case: schemathesis.Case, known: bool) -> None:
            if known:
                case.path_parameters.update(_real_in(case.path_parameters, real))
                if isinstance(case.body, dict):
                    case.body.update(_real_in(case.body, real))
            answer = case.call(headers=as_("everybody"))
            # 503 is the true answer of what needs Temporal.
            assert answer.status_code < 500 or answer.status_code == 503, case.as_curl_command()
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == ["application/problem+json"]

        try:
            sent()
        except AssertionError as failure:
            failures.append(f"{operation.label}: {failure}")
    return failures


def _real_in(given_names: dict[str, object], real: dict[str, str]) -> dict[str, str]:
    return {name: real[name] for name in given_names if name in real}
