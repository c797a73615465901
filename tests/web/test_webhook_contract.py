"""What receivers rely on: the page about events, and the example that verifies them."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from domain.event import (
    EVENTS,
    ApplicationStatusChanged,
    Event,
    KeptEvent,
    LineActivated,
    LineExpired,
    LineFrozen,
    LineTerminated,
    LineUnfrozen,
    ReviewDue,
    WarningOpened,
    schemas,
)
from domain.line import LineStatus
from domain.value import canonical
from domain.webhook import secret_of, signed_headers
from tests.domain.webhook_events import DOC, written
from tests.web.book import Book
from tests.web.test_console import book

__all__ = ["book"]

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


# ── what the product tells ───────────────────────────────────────────────────────────────────────


def test_the_stream_of_a_book_is_readable_and_ends_where_each_case_and_line_stands(
    book: Book,
) -> None:
    with book.services.records.begin() as session:
        told = session.execute(
            text("SELECT kind, subject_id, sequence, data FROM event_stream ORDER BY event_no")
        ).all()
        cases = dict(session.execute(text("SELECT case_id, status FROM application")).all())
        lines = dict(session.execute(text("SELECT line_id, status FROM credit_line")).all())
        rest = session.execute(
            text("SELECT warning_id FROM warning UNION SELECT review_id FROM review")
        ).scalars()
        expected = set(rest)
    stands: dict[str, str] = {}
    numbers: dict[str, list[int]] = {}
    seen: set[str] = set()
    for kind, subject_id, sequence, data in told:
        event = EVENTS[kind].model_validate_json(data)
        numbers.setdefault(subject_id, []).append(sequence)
        if isinstance(event, ApplicationStatusChanged | LineFrozen | LineUnfrozen):
            stands[subject_id] = event.status
        stands |= {subject_id: "active"} if isinstance(event, LineActivated) else {}
        if isinstance(event, LineTerminated | LineExpired):
            stands[subject_id] = event.kind.removeprefix("line.")
        if isinstance(event, ReviewDue | WarningOpened):
            seen.add(event.review_id if isinstance(event, ReviewDue) else event.warning_id)
    assert stands == cases | lines
    assert seen == expected
    assert expected, "the book has warnings or reviews"
    assert all(each == list(range(1, len(each) + 1)) for each in numbers.values())
