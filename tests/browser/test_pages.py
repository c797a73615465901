"""How pages behave in a browser: on a phone, by the keyboard, and where no script runs."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import PHONE, Opening
from tests.web.book import Book, link_of

PLACES = (
    "/ /tasks?view=all /cases /customers /customers/c-1006 /customers/c-1001/statements"
    " /customers/c-1001/turnover /customers/c-1001/reports /customers/c-1004/ring /lines"
    " /reviews?view=all /warnings /rerating /collections /policy"
).split()


def paths(book: Book) -> list[str]:
    cases = [f"/cases/{each}" for seen, each in book.cases.items() if seen != "line"]
    return [*PLACES, *cases, f"/lines/{book.cases['line']}", f"/tasks/{book.cases['open']}.1.1.1"]


@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_no_page_scrolls_sideways_on_a_phone(
    visiting: Opening, book: Book, language: str
) -> None:
    async with visiting("risk", language=language, screen=PHONE) as page:
        for path in paths(book):
            await page.goto(path)
            assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"], (
                path
            )


async def test_list_case_and_decision_work_where_no_script_runs(
    visiting: Opening, book: Book
) -> None:
    async with visiting("approver4", scripts=False) as page:
        await page.goto("/tasks")
        await page.click("table.rows a.main-link >> nth=0")
        await page.check("input[name=verdict][value=approve]", force=True)
        await page.fill("#note", "The group is sound.")
        await page.click("text=Record the decision")
        await expect(page.locator(".said")).to_have_text("Your approval is on record.")
        await page.click(".head-acts a")
        await expect(page.locator("h1")).to_contain_text("Semiconductor")


async def test_a_list_is_walked_and_a_verdict_chosen_by_keys(visiting: Opening, book: Book) -> None:
    async with visiting("approver2") as page:
        await page.goto("/tasks?view=mine")
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(
            f"{page.url.split('/tasks')[0]}/tasks/{book.cases['open']}.1.1.1"
        )
        await page.wait_for_load_state()  # the address changes before the page's keys are there
        await page.keyboard.press("d")
        await expect(page.locator("input[value=decline]")).to_be_checked()
        await expect(page.locator("#lower")).to_be_hidden()
        await page.keyboard.press("a")
        await expect(page.locator("#lower")).to_be_visible()
        await page.fill("#note", "/ja?")
        await expect(page.locator("#note")).to_have_value("/ja?")
        await expect(page.locator("#keys")).to_be_hidden()


async def test_charts_are_drawn_beside_the_table_of_the_same_numbers(
    visiting: Opening, book: Book
) -> None:
    async with visiting("auditor") as page:
        await page.goto(f"/cases/{book.cases['open']}#statements")
        await expect(page.locator("[data-chart] canvas")).to_be_visible()
        figure = page.locator("[data-chart]")
        await expect(figure).to_have_attribute(
            "aria-label", "Revenue, assets, equity and net income by year"
        )
        await expect(page.locator("#statements table")).to_contain_text("Net income")


async def test_the_language_is_switched_where_one_stands_and_stays(
    visiting: Opening, book: Book
) -> None:
    async with visiting("auditor") as page:
        await page.goto("/cases?status=in_approval")
        await page.click(".bar-person summary")
        await page.select_option("select[name=language]", "zh-CN")
        await expect(page.locator("h1")).to_have_text("授信申请")
        assert page.url.endswith("/cases?status=in_approval")
        await page.goto("/lines")
        await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")


async def test_the_inbox_counts_itself(visiting: Opening, book: Book) -> None:
    async with visiting("approver2") as page:
        await page.goto("/cases")
        await expect(page.locator(".side .menu-count")).to_have_text("1")


async def test_the_customer_sees_what_to_sign_on_a_phone(visiting: Opening, book: Book) -> None:
    async with visiting(language="zh-CN", screen=PHONE) as page:
        await page.goto(link_of(book.services, book.cases["signing"]))
        await expect(page.locator("h1")).to_contain_text("授信协议签署")
        await expect(page.locator("#authority")).to_be_hidden()
        await page.check("input[value=authorised_agent]")
        await expect(page.locator("#authority")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
