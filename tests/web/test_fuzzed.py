"""Does anything that can be sent make the API fail? Temporal is away all the while."""

import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings

from tests.web.people import as_

REQUESTS_EACH = 20


def test_nothing_that_can_be_sent_makes_the_api_fail(app: FastAPI) -> None:
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", app)
    failures: list[str] = []
    for found in schema.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy())
        @settings(
            max_examples=REQUESTS_EACH,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        def sent(case: schemathesis.Case) -> None:
            answer = case.call(headers=as_("everybody"))
            # 503 is the true answer of what needs Temporal.
            assert answer.status_code < 500 or answer.status_code == 503, case.as_curl_command()
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == ["application/problem+json"]

        try:
            sent()
        except AssertionError as failure:
            failures.append(f"{operation.label}: {failure}")
    assert not failures, "\n".join(failures)
