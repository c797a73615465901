"""Bad input from outside gets a clear refusal, in both languages, and nothing is kept of it."""

from datetime import timedelta
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Form
from pydantic import Field

from domain.value import Value
from tests.web.people import PEOPLE, as_
from web.console.page import Public
from web.console.typed import judge_typed
from web.service.services import Services

COMPANY = {
    "name": "Example Ltd",
    "identifiers": [{"scheme": "uscc", "value": "91110000600037341L"}],
}


@pytest.fixture
async def customer_id(api: httpx.AsyncClient) -> str:
    answer = await api.post("/api/v1/customers", json=COMPANY, headers=as_("relationship_manager"))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["customer_id"])


def a_year(end: str, **items: str) -> dict[str, Any]:
    return {"period_end_on": end, "currency": "CNY", "items": items}


async def refused(
    api: httpx.AsyncClient,
    path: str,
    body: Any = None,
    *,
    person: str = "relationship_manager",
    **sent: Any,
) -> dict[str, Any]:
    """The problem document; the same code with a sentence in each language."""
    codes, details = [], []
    for language in ("en", "zh-CN"):
        answer = (
            await api.post(
                path, json=body, headers=as_(person, **{"Accept-Language": language}), **sent
            )
            if body is not None
            else await api.post(path, headers=as_(person, **{"Accept-Language": language}), **sent)
        )
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.headers["content-type"].startswith("application/problem+json")
        problem = answer.json()
        codes.append(problem["code"])
        details.append(problem["detail"])
    assert codes[0] == codes[1]
    assert details[0] != details[1]
    return dict(problem)


@pytest.mark.parametrize(
    ("value", "scheme"),
    [("91110000600037341X", "uscc"), ("5493001KJTIIGC8Y1R13", "lei"), ("", "uscc")],
)
async def test_a_wrong_check_digit_is_refused(
    api: httpx.AsyncClient, value: str, scheme: str
) -> None:
    body = {"name": "Example Ltd", "identifiers": [{"scheme": scheme, "value": value}]}

    assert (await refused(api, "/api/v1/customers", body))["code"] == "identifier_invalid"


async def test_a_second_customer_with_the_same_code_is_refused(
    api: httpx.AsyncClient, customer_id: str
) -> None:
    other = {**COMPANY, "name": "Another Ltd"}

    assert (await refused(api, "/api/v1/customers", other))["code"] == "already_exists"


async def test_a_statement_that_does_not_tie_is_refused_with_the_difference(
    api: httpx.AsyncClient, customer_id: str
) -> None:
    year = a_year("2025-12-31", total_assets="100", total_liabilities="60", equity="39")

    problem = await refused(api, f"/api/v1/customers/{customer_id}/statements", year)

    assert problem["code"] == "statement_unbalanced"
    kept = await api.get(
        f"/api/v1/customers/{customer_id}/statements", headers=as_("relationship_manager")
    )
    assert kept.json()["items"] == []


async def test_a_statement_of_the_future_is_refused(
    api: httpx.AsyncClient, customer_id: str, services: Services
) -> None:
    tomorrow = services.clock.business_on() + timedelta(days=1)
    year = a_year(tomorrow.isoformat(), total_assets="100")

    problem = await refused(api, f"/api/v1/customers/{customer_id}/statements", year)

    assert problem["code"] == "statement_in_future"


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        ("-1", "CNY", "amount_not_positive"),
        ("0", "CNY", "amount_not_positive"),
        ("1" + "0" * 30, "CNY", "malformed_amount"),
        ("1e6", "CNY", "malformed_amount"),
        ("0.001", "CNY", "malformed_amount"),
        ("NaN", "CNY", "malformed_amount"),
        ("１００", "CNY", "malformed_amount"),
        (1.5, "CNY", "malformed_amount"),
        (True, "CNY", "malformed_amount"),
        ("100", "XXX", "currency_unknown"),
        ("100", "cny", "currency_unknown"),
    ],
)
async def test_an_amount_that_is_none_is_refused(
    api: httpx.AsyncClient, customer_id: str, amount: Any, currency: str, code: str
) -> None:
    body = {
        "customer_id": customer_id,
        "limit_requested": {"amount": amount, "currency": currency},
        "purpose": "x",
    }

    assert (await refused(api, "/api/v1/applications", body))["code"] == code


@pytest.mark.parametrize(
    ("path", "size"), [("attachments", 50_000_000), ("imports/customers", 170_000_000)]
)
async def test_more_than_is_taken_is_refused_before_it_is_read(
    api: httpx.AsyncClient, path: str, size: int
) -> None:
    answer = await api.post(
        f"/api/v1/{path}",
        content=b"a" * 1000,
        headers=as_("relationship_manager")
        | {"content-type": "multipart/form-data; boundary=b", "content-length": str(size)},
    )
    assert answer.status_code == 413, answer.text
    assert answer.json()["detail"]


async def test_fifty_megabytes_of_nothing_are_refused_as_what_they_are(
    api: httpx.AsyncClient,
) -> None:
    answer = await api.post(
        "/api/v1/imports/customers",
        files={"file": ("big.csv", b"a" * 50_000_000, "text/csv")},
        headers=as_("relationship_manager"),
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "row_broken")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"MZ\x90\x00 a program", "report.pdf"),
        (b"<html><script>1</script></html>", "page.pdf"),
        (b"", "empty.pdf"),
    ],
)
async def test_a_file_that_is_not_what_it_says_is_refused(
    api: httpx.AsyncClient, content: bytes, name: str
) -> None:
    problem = await refused(
        api, "/api/v1/attachments", files={"file": (name, content, "application/pdf")}
    )

    assert problem["code"] == "attachment_type_refused"


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00\x00broken",
        b'name,uscc\n"unterminated,91110000600037341L\n',
        b"name,uscc\nExample Ltd,91110000600037341L,one too many\n",
        b"name\x00,uscc\nExample,1\n",
        b"",
    ],
)
async def test_a_broken_file_tells_its_lines_and_imports_nothing(
    api: httpx.AsyncClient, content: bytes
) -> None:
    answer = await api.post(
        "/api/v1/imports/customers",
        files={"file": ("customers.csv", content, "text/csv")},
        headers=as_("relationship_manager"),
    )

    body = answer.json()
    assert answer.status_code in (200, 422), answer.text
    assert answer.status_code == 422 or body["refused"] or body["errors"]
    listed = await api.get("/api/v1/customers", headers=as_("relationship_manager"))
    assert listed.json()["items"] == []


async def test_unreadable_json_and_unknown_fields_are_refused(api: httpx.AsyncClient) -> None:
    answer = await api.post(
        "/api/v1/customers",
        content=b"{not json",
        headers=as_("relationship_manager", **{"Content-Type": "application/json"}),
    )
    assert answer.status_code == 400
    assert answer.json()["code"] == "malformed"

    surprise = {**COMPANY, "limit": 1_000_000}
    assert (await refused(api, "/api/v1/customers", surprise))["code"] == "malformed"
    assert PEOPLE["relationship_manager"].roles


@pytest.mark.parametrize("conditions", [[" "], ["x" * 501], [{"text": ""}], [{"owner": "legal"}]])
async def test_conditions_of_one_word_and_of_many_are_read_alike(
    api: httpx.AsyncClient, conditions: list[Any]
) -> None:
    word = {"verdict": "approve", "note": "sound", "conditions": conditions}
    for path, body in (
        ("/api/v1/tasks/case-1.1.1/decision", word),
        ("/api/v1/tasks/decisions", {"items": [word | {"task_id": "case-1.1.1"}]}),
    ):
        assert (await refused(api, path, body, person="approver"))["code"] == "malformed"


class _Kept(Value):
    months: int = Field(le=60)


@pytest.mark.parametrize(("typed", "kept", "status"), [("99", None, 422), ("12", 99, 500)])
async def test_what_was_typed_is_refused_and_what_is_on_record_wrongly_is_our_fault(
    app: FastAPI, api: httpx.AsyncClient, typed: str, kept: int | None, status: int
) -> None:
    def planted(visit: Public, months: Annotated[str, Form()]) -> None:
        _Kept(months=kept or int(months))

    around = [Depends(judge_typed)]
    app.add_api_route("/planted", planted, methods=["POST"], dependencies=around)
    answer = await api.post("/planted", data={"months": typed})

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
async def test_a_question_about_the_first_or_the_last_of_all_days_is_answered_or_refused(
    app: FastAPI, api: httpx.AsyncClient, customer_id: str, day: str
) -> None:
    asked, broken = 0, []
    for path, methods in app.openapi()["paths"].items():
        if "get" not in methods:
            continue
        days = {
            each["name"]: day
            for each in methods["get"].get("parameters", [])
            if "date" in str(each["schema"]) and each["in"] in ("query", "path")
        }
        if not days:
            continue
        place = path.format_map(_Known({"customer_id": customer_id, **days}))
        answer = await api.get(place, params=days, headers=as_("everybody"))
        asked += 1
        if answer.status_code >= 500:
            broken.append(place)
    assert asked >= 15
    assert broken == []


class _Known(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "none"
