"""What receivers rely on: the page about events, and the example that verifies them."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from domain.event import EVENTS, Event, KeptEvent, LineFrozen, schemas
from domain.line import LineStatus
from domain.value import canonical
from domain.webhook import secret_of, signed_headers
from tests.domain.webhook_events import DOC, written

SECRET = secret_of(b"r" * 32)
Verified = Callable[[str, dict[str, str], bytes], bool]


def test_the_page_says_what_the_values_are() -> None:
    assert DOC.read_text("utf-8") == written(), "python -m tests.domain.webhook_events"


def test_every_kind_of_event_is_on_the_page() -> None:
    def leaves(kind: type[Event]) -> list[type[Event]]:
        below = kind.__subclasses__()
        return [leaf for each in below for leaf in leaves(each)] or [kind]

    assert {each.kind for each in leaves(Event)} == EVENTS.keys()
    assert len(schemas()) == len(EVENTS)


# Words that could hold a name; an event carries none of them.
NAMING = re.compile(r"name|title|mail|address|note|text|person|decided_by|owner")


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_has_no_field_for_a_name(kind: str) -> None:
    assert [field for field in EVENTS[kind].model_fields if NAMING.search(field)] == []


@pytest.fixture
def verified() -> Verified:
    """The receiver of the page, as somebody would copy it."""
    [code] = re.findall(r"^```python\n(.*?)^```", DOC.read_text("utf-8"), re.M | re.S)
    names: dict[str, Verified] = {}
    exec(code, names)
    return names["verified"]


def a_body() -> bytes:
    event = LineFrozen(
        line_id="line-1", customer_id="c-1", reason="overdue", status=LineStatus.FROZEN
    )
    kept = KeptEvent(
        event_no=1,
        event_id="e-1",
        kind=event.kind,
        subject=event.subject,
        sequence=7,
        occurred_at=datetime(2026, 1, 5, 9, tzinfo=UTC),
        data=canonical(event.model_dump(mode="json")),
    )
    assert json.loads(kept.body)["data"] == event.model_dump(mode="json")
    return kept.body


def test_the_receiver_of_the_page_takes_what_we_send_and_nothing_else(verified: Verified) -> None:
    now, body = datetime.now(UTC), a_body()
    other = secret_of(b"o" * 32)
    headers = signed_headers([other, SECRET], "e-1", now, body)
    assert verified(SECRET, headers, body)
    assert not verified(secret_of(b"x" * 32), headers, body)
    assert not verified(SECRET, headers, body + b" ")
    assert not verified(SECRET, headers | {"webhook-id": "e-2"}, body)
    for late in (timedelta(seconds=302), timedelta(seconds=-302)):
        assert not verified(SECRET, signed_headers([SECRET], "e-1", now - late, body), body)


def test_what_the_page_shows_is_an_event() -> None:
    [shown] = re.findall(r'^{"type":"line.frozen".*?^```', DOC.read_text("utf-8"), re.M | re.S)
    event = json.loads(shown.removesuffix("```").replace("…", "x-1"))
    LineFrozen.model_validate(event.pop("data"))
    assert event.keys() == json.loads(a_body()).keys() - {"data"}
