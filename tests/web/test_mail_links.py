"""Does every link in a mail lead to a page of the console?"""

import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.routing import Match

from web import console

MAILS = Path(__file__).parents[2] / "templates" / "notification"
LINKS = sorted(
    (mail.name, re.sub(r"{{ \w+ }}", "some-id", link))
    for mail in MAILS.glob("*.j2")
    for link in re.findall(r"{{ public_url }}((?:[^\s{]|{{ \w+ }})*)", mail.read_text("utf-8"))
)


@pytest.fixture(scope="module")
def pages() -> FastAPI:
    app = FastAPI()
    console.mount(app)
    return app


def test_mails_have_links() -> None:
    assert len(LINKS) >= 10


@pytest.mark.parametrize(("mail", "path"), LINKS)
def test_a_link_in_a_mail_leads_to_a_page(pages: FastAPI, mail: str, path: str) -> None:
    asked = {"type": "http", "method": "GET", "path": path.partition("?")[0], "headers": []}
    assert any(route.matches(asked)[0] is Match.FULL for route in pages.routes), path
