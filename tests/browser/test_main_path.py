"""The main path in a real browser on the embedded stack: from an application to a line in force.

Manager, approver, customer, manager again and release officer, each in a browser of their own; the
customer follows the link of the mail that the stack has caught.
"""

import asyncio
import email
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import LAPTOP, PHONE, heard, sign_in, speak
from tests.makers_policy import a_statement

PROJECT = Path(__file__).resolve().parents[2]
LONG = 60_000  # milliseconds: the machine may be busy, the road is not what is measured


@dataclass(frozen=True)
class Stack:
    """A stack of this test's own, and the people `up` has made."""

    home: Path
    address: str
    users: dict[str, dict[str, Any]]

    def ask(self, name: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What a program of this person posts."""
        answer = httpx.post(
            f"{self.address}/api/v1{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.users[name]['key']}"},
            timeout=30,
        )
        assert answer.status_code == 201, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def mailed_link(self) -> str:
        """The link in the newest mail that asks the customer to sign, once it was caught."""
        for _ in range(600):
            for caught in sorted((self.home / "mail").glob("*.eml"), reverse=True):
                mail = email.message_from_bytes(caught.read_bytes(), policy=default)
                body = mail.get_body(("plain",))  # type: ignore[attr-defined]
                found = re.search(r"https?://\S+/sign/\S+", body.get_content())
                if found:
                    return found[0]
            time.sleep(0.1)
        raise AssertionError("no mail brought a link")


@pytest.fixture(scope="module")
def stack(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home = tmp_path_factory.mktemp("stack")
    try:
        started = _typed(home, "up", "--json")
        assert started.returncode == 0, started.stderr
        users = json.loads((home / "users.json").read_text())
        yield Stack(home, json.loads(started.stdout)["web"], users)
    finally:
        _typed(home, "down")


async def test_an_application_becomes_a_line_in_force(chromium: Browser, stack: Stack) -> None:
    customer = await asyncio.to_thread(_known_customer, stack)

    async with _opened(chromium, stack, "manager") as page:
        await page.goto(f"/cases/new?customer={customer['customer_id']}")
        await page.fill("#amount", "5,000,000")
        await page.fill("#purpose", "Bearings for the yearly orders.")
        await page.click("text=Submit")
        await expect(page.locator(".said")).to_contain_text("on record")
        await expect(page.locator("h1 .state")).to_have_text("in approval", timeout=LONG)
        case = page.url.partition("?")[0]

    async with _opened(chromium, stack, "approver1", screen=PHONE) as page:
        await page.goto("/tasks")
        await page.click("table.rows a.main-link >> nth=0")
        await page.click(".sticky-acts a")
        await page.click(".choice:has-text('Approve')")
        await page.fill("#note", "Sound figures.")
        await page.click("text=Record the decision")
        await expect(page.locator("#decide")).to_contain_text("by approver1")
        await page.goto(case)
        await expect(page.locator("#letter")).to_contain_text("Limit granted")
        await expect(page.locator("h1 .state")).to_have_text("to be signed", timeout=LONG)

    async with _opened(chromium, stack) as page:
        await page.goto(await asyncio.to_thread(stack.mailed_link))
        await expect(page.locator("dl.pairs")).to_contain_text("5,000,000.00")
        await page.fill("#signatory", "Legal representative")
        await page.click("text=Sign the agreement")
        await expect(page.locator("h1 .state")).to_have_text("signed", timeout=LONG)

    async with _opened(chromium, stack, "manager") as page:
        await page.goto(case)
        await expect(page.locator("h1 .state")).to_have_text("conditions open", timeout=LONG)
        await page.set_input_files("#conditions input[type=file]", _evidence(stack))
        await page.click("text=Bring evidence")
        await expect(page.locator("#conditions .state")).to_have_text("to be verified")
        await expect(page.locator("#conditions button")).to_have_text("Bring evidence")

    async with _opened(chromium, stack, "release") as page:
        await page.goto(case)
        await page.click("text=Verify as met")
        await expect(page.locator("#conditions .state")).to_have_text("met")
        await _until_active(page)
        await page.click(".head-acts a:has-text('Line')")
        await expect(page.locator("[data-testid=headroom]")).to_contain_text("5,000,000.00")
        await expect(page.locator("h1 .state")).to_have_text("active")


async def _until_active(page: Page) -> None:
    """The page looks again by itself until the line is in force."""
    await expect(page.locator("h1 .state")).to_have_text("active", timeout=LONG)


@asynccontextmanager
async def _opened(
    chromium: Browser, stack: Stack, name: str = "", screen: dict[str, int] = LAPTOP
) -> AsyncIterator[Page]:
    context = await chromium.new_context(base_url=stack.address, viewport=screen)  # type: ignore[arg-type]
    context.set_default_timeout(LONG)
    await speak(context, "en", stack.address)
    async with heard(context) as page:
        if name:
            await sign_in(page, name, stack.users[name]["password"])
        yield page


def _known_customer(stack: Stack) -> dict[str, Any]:
    """A customer with three years of statements, entered by its manager's program."""
    customer = stack.ask(
        "manager",
        "/customers",
        {
            "name": "Jinyuan Precision Bearings Co., Ltd.",
            "name_zh": "锦源精密轴承有限公司",
            "identifiers": [{"scheme": "uscc", "value": "91320500600037340W"}],
            "established_on": "2012-03-01",
            "mail": "finance@jinyuan.example",
        },
    )
    last = time.gmtime().tm_year - 1
    for year in (last - 2, last - 1, last):
        figures = a_statement(year).model_dump(mode="json", exclude={"customer_id", "derived"})
        kept = {k: v for k, v in figures.items() if k in _STATEMENT}
        stack.ask("manager", f"/customers/{customer['customer_id']}/statements", kept)
    return customer


_STATEMENT = frozenset({"period_end_on", "months", "currency", "items", "consolidated", "audited"})


def _evidence(stack: Stack) -> Path:
    file = stack.home / "articles.pdf"
    file.write_bytes(b"%PDF-1.7 articles of association")
    return file


def _typed(home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    ours = ("CREDITFLOW_", "TEMPORAL_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return subprocess.run(
        [sys.executable, "-m", "creditflow.cli", *command],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env=environment | {"CREDITFLOW_HOME": str(home)},
    )
