"""How often a decision asks the database: counted, not timed, and the same however much is open."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import event, text

from domain.application import Application, ApplicationType
from domain.approval import ApprovalOutcome, Verdict
from domain.customer import Identifier, IdentifierScheme
from domain.money import Money
from storage.customer import Customers
from storage.statement import Statements
from tests import servers
from tests.makers_policy import a_customer, a_statement
from tests.web.book import Book, opened
from web.service.approval import Decided

# A branch head's word that ends an approval with a letter: two on the way to the workflow, sixteen by
# it (the last tells other programs), and one by which the book looks for letters.
TRIPS_MAX = 19


@pytest.fixture(scope="module")
def book(
    postgres_server: servers.Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Book]:
    name = postgres_server.copy()
    with opened(postgres_server.url(name), tmp_path_factory.mktemp("trips")) as there:
        yield there
    postgres_server.drop(name)


def asks_for(book: Book, number: int) -> str:
    """A pre-approval of a company of its own, and the one task it is decided by."""
    on, customer_id = book.services.clock.business_on(), f"c-4{number:03}"
    kept = {"business_on": on, "recorded_by": "manager"}
    code = Identifier(scheme=IdentifierScheme.INTERNAL, value=customer_id)
    with book.services.records.begin() as session:
        customer = a_customer(customer_id=customer_id, identifiers=(code,), manager_id="manager")
        Customers(session).record(customer, source="test", **kept)
        for year in (on.year - 2, on.year - 1):
            account = a_statement(year).model_copy(update={"customer_id": customer_id})
            Statements(session).record(account, **kept)
    application = Application(
        customer_id=customer_id,
        application_type=ApplicationType.PRE_APPROVAL,
        limit_requested=Money.of(2_000_000, "CNY"),
        purpose="Raw materials",
    )
    manager = book.people["manager"]
    case_id = book.services.applications.submit(manager, application, customer_id).case_id
    [task] = book.services.approvals.list_tasks(book.people["auditor"], mine=False, case_id=case_id)
    return task.task_id


@contextmanager
def counted(book: Book) -> Iterator[list[str]]:
    found: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        found.append(statement)

    event.listen(book.services.records.engine, "before_cursor_execute", note)
    yield found
    event.remove(book.services.records.engine, "before_cursor_execute", note)


def test_a_decision_asks_the_database_so_often_and_no_more_where_much_is_open(book: Book) -> None:
    tasks = [asks_for(book, number) for number in range(12)]
    trips = []
    for task_id in tasks:
        with counted(book) as queries:
            decided = book.services.approvals.decide(
                book.people["approver1"], task_id, Verdict.APPROVE, note="sound"
            )
        assert decided.outcome is ApprovalOutcome.APPROVED
        trips.append(len(queries))

    assert max(trips) <= TRIPS_MAX, queries
    assert len(set(trips)) == 1


def test_a_message_that_comes_twice_at_once_is_taken_once_and_answered_twice(book: Book) -> None:
    task_id, approver, records = asks_for(book, 20), book.people["approver1"], book.services.records
    case_id = task_id.partition(".")[0]
    lock = text("SELECT FROM application WHERE case_id = :case_id FOR UPDATE")

    def say() -> Decided:
        return book.services.approvals.decide(
            approver, task_id, Verdict.APPROVE, note="sound", key="twice"
        )

    with ThreadPoolExecutor(2) as threads:
        with records.begin() as session:
            session.execute(lock, {"case_id": case_id})
            twins = [threads.submit(say) for _ in range(2)]
            servers.until_waiting(session, 2)
        first, second = sorted((twin.result(30) for twin in twins), key=lambda one: one.replayed)

    assert (first.replayed, second.replayed) == (False, True)
    assert second.model_copy(update={"replayed": False}) == first
