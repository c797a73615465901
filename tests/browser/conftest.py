"""A real browser for tests that need one; where the machine has none they are skipped, saying so."""

import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from creditflow.stack.launch import free_port
from tests import servers
from tests.browser.preview import GRANTOR
from tests.web.book import PASSWORD, Book, opened
from tests.web.conftest import quiet
from web.app import assemble

__all__ = ["quiet"]

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
SWITCHES = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
).split()

LAPTOP = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}

Opening = Callable[..., AbstractAsyncContextManager[Page]]


def find_chromium() -> str | None:
    """The machine's own browser; none is downloaded."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    executable = find_chromium()
    if executable is None:
        pytest.skip("this machine has no chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=SWITCHES)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def book(
    postgres_server: servers.Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Book]:
    name = postgres_server.copy()
    with opened(postgres_server.url(name), tmp_path_factory.mktemp("book")) as there:
        yield there
    postgres_server.drop(name)


@pytest.fixture(scope="session")
def site(book: Book) -> Iterator[str]:
    """The address of the pages over the book."""
    port = free_port(0)
    address = f"http://127.0.0.1:{port}"
    with served(assemble(book.services, public_url=address, grantor=GRANTOR), port):
        yield address


@contextmanager
def served(app: FastAPI, port: int) -> Iterator[None]:
    """The application at a port of this machine, until the block ends."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.02)
    yield
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def visiting(chromium: Browser, site: str) -> Opening:
    """Opens pages of the book as somebody: `async with visiting("risk") as page`."""

    @asynccontextmanager
    async def opening(
        name: str = "",
        *,
        language: str = "en",
        screen: dict[str, int] = LAPTOP,
        scripts: bool = True,
    ) -> AsyncIterator[Page]:
        context = await chromium.new_context(
            base_url=site,
            viewport=screen,  # type: ignore[arg-type]
            java_script_enabled=scripts,
        )
        async with heard(context) as page:
            await speak(context, language, site)
            if name:
                await sign_in(page, name, PASSWORD)
            yield page

    return opening


@asynccontextmanager
async def heard(context: BrowserContext) -> AsyncIterator[Page]:
    """A page of the context; what its scripts or its policy complain of fails the test."""
    complaints: list[str] = []
    page = await context.new_page()
    page.on("console", lambda message: _note(complaints, message.type, message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    await context.close()
    assert complaints == []


async def speak(context: BrowserContext, language: str, address: str) -> None:
    await context.add_cookies([{"name": "creditflow_language", "value": language, "url": address}])


async def sign_in(page: Page, name: str, password: str) -> None:
    await page.goto("/sign-in")
    await page.fill("#name", name)
    await page.fill("#password", password)
    await page.click("form.sign-in button")
    await page.wait_for_url(lambda url: "/sign-in" not in url)


def _note(complaints: list[str], kind: str, text: str) -> None:
    # A refused form is answered with its status; the browser notes that, and it is meant.
    if kind in ("error", "warning") and "Failed to load resource" not in text:
        complaints.append(text)
