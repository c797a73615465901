"""What an edition changes in the outlook of industries is shown, previewed and never moves a limit."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from creditflow.client import Client
from creditflow.commands.output import Exit
from storage.edition import Editions
from tests.makers_monitoring import LINE_ID, a_book
from tests.makers_policy import a_changed_edition, cny
from tests.web.people import KEYS, as_
from tests.web.silent import SilentGateway
from tests.web.test_commands import Terminal, terminal
from web.service.clock import Clock
from web.service.once import JoinedRecords

__all__ = ["terminal"]

TODAY = Clock().business_on()
SOON = TODAY + timedelta(days=30)


@pytest.fixture
def strained(joined_records: JoinedRecords) -> str:
    """The ordinary line, and since yesterday an outlook of its industry; another row begins soon."""
    a_book(joined_records)
    changes = f"""
        effective_on = {TODAY - timedelta(days=1)}
        [[limit.outlooks]]
        industry = "C"
        cap_share = 0.4
        [[limit.outlooks]]
        industry = "C"
        cap_share = 0.2
        effective_from = {SOON}
        """
    edition = a_changed_edition(changes)
    with joined_records.begin() as session:
        return Editions(session).publish(edition, changes, "risk")


class Remembering(SilentGateway):
    """A Temporal that takes every start, and remembers it."""

    def __init__(self) -> None:
        self.started: list[tuple[str, dict[str, Any]]] = []

    def start(
        self, workflow: str, workflow_id: str, payload: dict[str, Any], *, queue: str
    ) -> None:
        self.started.append((workflow_id, payload))


@pytest.fixture
def gateway() -> Remembering:
    return Remembering()


async def test_what_an_edition_changes_is_told_with_its_part_of_the_book(
    api: httpx.AsyncClient, strained: str
) -> None:
    found = await api.get("/api/v1/outlooks", headers=as_("auditor"))
    effects = found.json()["effects"]

    assert found.json()["edition_hash"] == strained
    told = [
        (each["change"]["industry"], each["change"]["share_before"], each["change"]["share"])
        for each in effects
    ]
    # The row of the standard edition is not in this one: what it bound is unbound again.
    assert told == [("C", None, "0.4"), ("K", "0.5", None), ("C", "0.4", "0.2")]
    assert [each["in_force"] for each in effects] == [True, True, False]
    assert effects[0]["book"]["lines"] == 1
    assert effects[0]["book"]["limits"] == [{"amount": "1000000.00", "currency": "CNY"}]
    assert effects[1]["book"]["lines"] == 0
    lines = await api.get("/api/v1/outlooks/lines?industry=C", headers=as_("auditor"))
    assert [each["line_id"] for each in lines.json()["items"]] == [LINE_ID]


@pytest.mark.parametrize("person", ["relationship_manager", "operator", "collector"])
async def test_the_book_of_an_industry_is_not_everybodys(
    api: httpx.AsyncClient, strained: str, person: str
) -> None:
    for path in ("/outlooks", "/outlooks/lines?industry=C"):
        refused = await api.get(f"/api/v1{path}", headers=as_(person))
        assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")


@pytest.mark.parametrize(
    ("path", "body", "other"),
    [
        ("/runs/monitoring", {"customer_ids": ["c-1"]}, {"customer_ids": []}),
        ("/runs/rerating", {"industries": ["C"]}, {"industries": ["K"]}),
        ("/runs/classification", {"as_of": None}, {"as_of": "2026-01-05"}),
    ],
)
async def test_a_run_is_begun_once_for_a_key(
    api: httpx.AsyncClient,
    gateway: Remembering,
    strained: str,
    path: str,
    body: dict[str, Any],
    other: dict[str, Any],
) -> None:
    headers = as_("risk_officer", **{"Idempotency-Key": "look-1"})
    first, again = [await api.post(f"/api/v1{path}", json=body, headers=headers) for _ in range(2)]

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert len(gateway.started) == 1
    refused = await api.post(f"/api/v1{path}", json=other, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "key_reused")
    headers = as_("risk_officer", **{"Idempotency-Key": "look-2"})
    third = await api.post(f"/api/v1{path}", json=body, headers=headers)
    assert third.json()["run_id"] != first.json()["run_id"]


async def test_a_run_over_industries_says_which(
    api: httpx.AsyncClient, gateway: Remembering, strained: str
) -> None:
    body = {"industries": ["K", "C", "C"]}
    await api.post("/api/v1/runs/rerating", json=body, headers=as_("risk_officer"))
    await api.post("/api/v1/runs/rerating", headers=as_("risk_officer"))
    refused = await api.post(
        "/api/v1/runs/rerating", json={"industries": ["Z"]}, headers=as_("risk_officer")
    )

    assert [payload["industries"] for _, payload in gateway.started] == [["C", "K"], []]
    assert refused.status_code == 422


def test_the_same_from_a_terminal_and_a_program(
    terminal: Terminal, served: str, gateway: Remembering, strained: str
) -> None:
    ending, found = terminal.asks("policy", "outlook", as_="auditor")
    assert (ending, found["effects"][0]["book"]["customers"]) == (Exit.DONE, 1)
    assert "C" in terminal.types("policy", "outlook", strained, key=KEYS["auditor"]).stdout
    ending, lines = terminal.asks("policy", "outlook", "--industry", "C", as_="auditor")
    assert [each["line_id"] for each in lines["items"]] == [LINE_ID]
    ending, _ = terminal.asks("rerate", "preview", "--industry", "C", as_="risk_officer")
    assert ending == Exit.PENDING
    with Client(served, KEYS["risk_officer"]) as client:
        assert client.fetch_outlooks().effects[0].change.industry == "C"
        [line] = client.list_affected_lines("C")
        assert line.limit.amount == cny(1_000_000).amount
        client.preview_rerating(["C"])
    assert [payload["industries"] for _, payload in gateway.started] == [["C"], ["C"]]
