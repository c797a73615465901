"""How much an inbox reads: one query a page, and no more of the table than the page shows."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from storage.approval import Tasks
from storage.base import Records

BEGAN = datetime(2026, 6, 30, 8, tzinfo=UTC)
PAGE = 50
_FILL = text(
    """
    WITH made AS (
        SELECT n, 'a-' || n AS id, CAST(:began AS timestamptz) + n * interval '1 minute' AS at,
            CASE WHEN n % :every = 0 THEN 'mine' ELSE 'theirs' END AS position
        FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n
    ), approvals AS (
        INSERT INTO approval (approval_id, subject, subject_id, n, case_id, outcome, body, progress,
            version, opened_at)
        SELECT id, 'application', id, 1, id, 'open', '{}', '{}', 1, at FROM made
        RETURNING approval_id
    )
    INSERT INTO task (task_id, approval_id, case_id, customer_id, position, status, amount_minor,
        currency, opened_at, due_at)
    SELECT id || '.1', id, id, 'c-1', position, 'open', 1, 'CNY', at, at FROM made
    """
)


def fill(records: Records, first: int, last: int, every: int) -> None:
    """Open tasks, one a minute; each so-many-th is for the position `mine`."""
    with records.begin() as session:
        session.execute(_FILL, {"began": BEGAN, "first": first, "last": last, "every": every})
    with records.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE task"))


@contextmanager
def asked(records: Records) -> Iterator[list[tuple[str, Any]]]:
    found: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        found.append((statement, parameters))

    event.listen(records.engine, "before_cursor_execute", note)
    yield found
    event.remove(records.engine, "before_cursor_execute", note)


def page(records: Records, **changed: Any) -> tuple[list[str], int, int]:
    """The ids of a page, the queries it took, and the blocks of the memory that they read."""
    wanted: dict[str, Any] = {"positions": ["mine"], "person_id": "ann", "page_size": PAGE}
    with records.begin() as session, asked(records) as queries:
        shown = [task.task_id for task in Tasks(session).list_page(**wanted | changed)]
        count, (statement, parameters) = len(queries), queries[0]
        plan = session.connection().exec_driver_sql(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters
        )
        top = plan.scalar_one()[0]["Plan"]
    return shown, count, top["Shared Hit Blocks"] + top["Shared Read Blocks"]


@pytest.mark.parametrize("every", [1, 2, 500], ids=["all", "half", "few"])
def test_an_inbox_reads_as_much_of_ten_thousand_open_tasks_as_of_ten(
    records: Records, every: int
) -> None:
    fill(records, 1, 10, every)
    few, queries_few, blocks_few = page(records)
    fill(records, 11, 10_000, every)
    many, queries_many, blocks_many = page(records)

    assert len(few) == 10 // every
    assert len(many) == min(PAGE, 10_000 // every)
    assert queries_few == queries_many == 1
    # A block holds some sixty tasks; each row shown may lie in one of its own.
    assert blocks_many <= blocks_few + PAGE + 40


@pytest.mark.parametrize("every", [1, 2, 100])
def test_a_later_page_reads_no_more_than_the_first(records: Records, every: int) -> None:
    fill(records, 1, 10_000, every)
    _, _, first = page(records)
    after = BEGAN + timedelta(minutes=9_000)
    later, _, blocks = page(records, after=(after, "a-9000.1"))

    assert later[0] == f"a-{9_000 + every}.1"
    assert blocks <= first + 40


def test_pages_have_every_task_of_ones_own_once_and_in_order(records: Records) -> None:
    fill(records, 1, 300, 3)
    with records.begin() as session:
        session.execute(
            text(
                "UPDATE task SET escalated_to = 'mine' WHERE task_id IN ('a-1.1', 'a-3.1');"
                "UPDATE task SET person_id = 'ann' WHERE task_id = 'a-2.1';"
                "UPDATE task SET person_id = 'bo' WHERE task_id = 'a-6.1';"
                "UPDATE task SET asked_of = 'ann' WHERE task_id IN ('a-4.1', 'a-9.1');"
                "UPDATE task SET due_at = (SELECT due_at FROM task WHERE task_id = 'a-12.1')"
                " WHERE task_id IN ('a-15.1', 'a-18.1')"
            )
        )
    seen: list[str] = []
    after = None
    while True:
        with records.begin() as session:
            tasks = Tasks(session).list_page(
                positions=["mine", "other"],
                person_id="ann",
                or_cases=["a-5", "a-12"],
                page_size=7,
                after=after,
            )
        if not tasks:
            break
        seen += [task.task_id for task in tasks]
        after = (tasks[-1].due_at, tasks[-1].task_id)

    mine = {n for n in range(1, 301) if n % 3 == 0 and n != 6} | {1, 2, 4, 5}
    assert sorted(seen) == sorted(f"a-{n}.1" for n in mine)
    with records.begin() as session:
        whole = Tasks(session).list_page(
            positions=["mine", "other"],
            person_id="ann",
            or_cases=["a-5", "a-12"],
            page_size=500,
        )
    assert [task.task_id for task in whole] == seen
