"""Lines in time: what a day brings to a line in force, and what its end brings to others."""

from datetime import date, timedelta

from activities.line import LineActivities
from domain.line import LineLook, LineStatus
from domain.notification import Channel
from storage.base import Records
from storage.exposure import Exposure
from storage.notification import Outbox
from tests.makers_monitoring import GRANTED_ON, LINE_ID, a_book, noon


def look(records: Records, on: date) -> LineStatus:
    exposure = Exposure(records)
    progress = LineActivities(records, exposure).look_at_line(
        LineLook(line_id=LINE_ID, at=noon(on))
    )
    exposure.close()
    return progress.status


def owed(records: Records) -> list[tuple[str, dict[str, str]]]:
    with records.begin() as session:
        entries = Outbox(session).find_page(channel=Channel.TEMPORAL, page_size=100)
    return [(entry.kind, entry.facts) for entry in reversed(entries)]


def test_a_line_that_ends_stops_the_review_that_is_open_on_it(records: Records) -> None:
    line = a_book(records)

    assert look(records, line.review_due_on) is LineStatus.ACTIVE
    assert look(records, line.ends_on + timedelta(days=1)) is LineStatus.EXPIRED

    assert [kind for kind, _ in owed(records)] == ["start_review", "signal_review_stop"]
    assert owed(records)[-1][1] == {"line_id": LINE_ID, "n": "1"}


def test_a_line_that_ends_without_a_review_owes_nobody_anything(records: Records) -> None:
    line = a_book(records)

    assert look(records, GRANTED_ON) is LineStatus.ACTIVE
    assert look(records, line.ends_on + timedelta(days=1)) is LineStatus.EXPIRED

    assert owed(records) == []
