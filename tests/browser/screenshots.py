"""The pictures of `docs/screenshots/`, taken anew: `python -m tests.browser.screenshots`."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.async_api import Browser, async_playwright

from creditflow.stack.launch import free_port
from tests import servers
from tests.browser.conftest import LAPTOP, PHONE, SWITCHES, find_chromium, served, sign_in, speak
from tests.browser.preview import GRANTOR
from tests.web.book import PASSWORD, Book, link_of, opened
from web.app import assemble

_FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
_FONTS_SECONDS = 2.5  # a machine without a Chinese font is sent one first


def shots(book: Book) -> list[tuple[str, str, str, dict[str, int], str]]:
    """Name, who looks, in which language, on which screen, at what."""
    case, line = book.cases["signing"], book.cases["line"]
    task = f"/tasks/{book.cases['open']}.1.1.1"
    return [
        ("start", "approver2", "en", LAPTOP, "/"),
        ("start.zh-CN", "approver2", "zh-CN", LAPTOP, "/"),
        ("decision", "approver2", "en", LAPTOP, task),
        ("decision.zh-CN", "approver2", "zh-CN", LAPTOP, task),
        ("decision.phone.zh-CN", "approver2", "zh-CN", PHONE, task),
        ("case", "manager", "en", LAPTOP, f"/cases/{case}"),
        ("case.zh-CN", "manager", "zh-CN", LAPTOP, f"/cases/{case}"),
        ("line", "risk", "en", LAPTOP, f"/lines/{line}"),
        ("policy.zh-CN", "risk", "zh-CN", LAPTOP, "/policy"),
        ("signing.phone", "", "en", PHONE, link_of(book.services, case)),
    ]


async def take(browser: Browser, address: str, book: Book) -> None:
    for name, who, language, screen, path in shots(book):
        context = await browser.new_context(base_url=address, viewport=screen)  # type: ignore[arg-type]
        await speak(context, language, address)
        page = await context.new_page()
        if who:
            await sign_in(page, who, PASSWORD)
        await page.goto(path)
        await asyncio.sleep(_FONTS_SECONDS)
        await page.screenshot(path=_FOLDER / f"{name}.png")
        await context.close()


async def visit(address: str, book: Book) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=SWITCHES)
        await take(browser, address, book)
        await browser.close()


def main() -> None:
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder, servers.postgres(Path(folder)) as server:
        databases = servers.Databases(server)
        with opened(databases.url(databases.copy()), Path(folder)) as book:
            port = free_port(0)
            address = f"http://127.0.0.1:{port}"
            with served(assemble(book.services, public_url=address, grantor=GRANTOR), port):
                asyncio.run(visit(address, book))


if __name__ == "__main__":
    main()
