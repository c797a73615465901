"""Warnings, collections and reviews as people may ask for them, and what payments set going."""

from datetime import date, timedelta
from typing import Any

import pytest

from activities.collection import arrears_of, open_collection
from activities.warning import WarningActivities
from domain.collection import CollectionStatus
from domain.errors import CaseClosed, Malformed, NotFound, NotPermitted
from domain.identity import Person, Role
from domain.imports import ImportKind
from domain.notification import Channel
from domain.receivable import PaymentContent
from domain.review import ReviewCause
from domain.warning import MonitoringPage, WarningLevel, WarningStatus
from storage.base import Records
from storage.collection import Collections
from storage.customer import Customers
from storage.notification import Outbox
from storage.review import Reviews
from tests.makers_monitoring import LINE_ID, a_book, invoice, noon
from tests.makers_policy import an_edition, cny
from tests.web.silent import SilentGateway
from web.service.clock import Clock
from web.service.collection import CollectionService
from web.service.gateway import TemporalUnavailable
from web.service.imports import ImportService
from web.service.receivable import ReceivableService
from web.service.review import ReviewService
from web.service.warning import WarningService

DUE = date(2026, 3, 2)
COLLECTION = "col-1"


def a_person(role: Role, person_id: str = "") -> Person:
    return Person(person_id=person_id or role.value, title=role.value, roles=frozenset({role}))


RISK = a_person(Role.RISK_OFFICER)
COLLECTOR = a_person(Role.COLLECTOR, "collector")
MANAGER = a_person(Role.RELATIONSHIP_MANAGER, "manager")
STRANGER = a_person(Role.RELATIONSHIP_MANAGER, "manager2")
AUDITOR = a_person(Role.AUDITOR)


class Telling(SilentGateway):
    """A Temporal that takes everything, and remembers it."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, dict[str, Any]]] = []

    def start(
        self, workflow: str, workflow_id: str, payload: dict[str, Any], *, queue: str
    ) -> None:
        self.told.append((workflow_id, workflow, payload))

    def update(self, workflow_id: str, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        self.told.append((workflow_id, name, payload))
        return {
            "collection_id": COLLECTION,
            "status": "open",
            "overdue": cny(50_000).model_dump(mode="json"),
            "days_past_due": 31,
        }


@pytest.fixture
def late(records: Records) -> Records:
    """The ordinary customer a month late: warned of, and in collection."""
    a_book(records)
    invoice(records, "i-1", DUE)
    on = DUE + timedelta(days=31)
    WarningActivities(records).monitor_customers(
        MonitoringPage(run_id="run-1", after=None, page_size=10, at=noon(on))
    )
    with records.begin() as session:
        held = Collections(session).find_open("c-1")
        assert held is not None
        Collections(session).write(
            held.model_copy(update={"status": CollectionStatus.PAID, "closed_on": on})
        )
        open_collection(
            session,
            Customers(session).read("c-1"),
            COLLECTION,
            arrears_of(session, "c-1", on, an_edition()),
            noon(on),
            0,
        )
    return records


def looks_owed(records: Records) -> list[dict[str, str]]:
    with records.begin() as session:
        entries = Outbox(session).find_page(channel=Channel.TEMPORAL, page_size=100)
    return [entry.facts for entry in entries if entry.kind == "start_monitoring"]


def test_warnings_are_listed_by_level_to_who_sees_the_customer(late: Records) -> None:
    service = WarningService(late, SilentGateway(), Clock())

    orange = service.list_warnings(RISK, level=WarningLevel.ORANGE, status=WarningStatus.OPEN)

    assert {w.signal.level for w in orange} == {WarningLevel.ORANGE}
    assert len(service.list_warnings(MANAGER)) == len(service.list_warnings(RISK))
    assert service.list_warnings(STRANGER) == []
    assert service.count_open(AUDITOR)[WarningLevel.ORANGE] == len(orange)
    assert service.read_run(RISK, "run-1").finished
    with pytest.raises(NotFound):
        service.read_run(RISK, "run-2")


def test_a_look_on_demand_is_a_risk_officers(late: Records) -> None:
    gateway = Telling()
    service = WarningService(late, gateway, Clock(-30))

    run = service.run(RISK, ("c-1",))

    [(workflow_id, workflow, start)] = gateway.told
    assert (workflow_id, workflow) == (f"runs/monitoring/{run.run_id}", "MonitoringWorkflow")
    assert (start["offset_days"], start["customer_ids"]) == (-30, ["c-1"])
    with pytest.raises(NotPermitted):
        service.run(MANAGER)


def test_a_payment_of_a_watched_customer_owes_one_look_and_of_others_none(late: Records) -> None:
    service = ReceivableService(late, Clock())
    payment = PaymentContent(
        payment_no="p-1", invoice_no="i-1", paid_on=DUE + timedelta(days=31), amount=cny(1_000)
    )
    service.record_payment(MANAGER, "c-1", payment)
    service.record_payment(MANAGER, "c-1", payment)
    assert [facts["customer_ids"] for facts in looks_owed(late)] == ["c-1"]


def test_a_payment_of_who_pays_in_time_sets_nothing_going(records: Records) -> None:
    a_book(records)
    invoice(records, "i-1", DUE)
    ReceivableService(records, Clock()).record_payment(
        MANAGER,
        "c-1",
        PaymentContent(payment_no="p-1", invoice_no="i-1", paid_on=DUE, amount=cny(1_000)),
    )

    assert looks_owed(records) == []


def test_an_import_of_payments_owes_a_look_at_all_who_are_watched(late: Records) -> None:
    service = ImportService(late, Clock())
    content = (
        b"customer,payment_no,invoice_no,paid_on,amount,currency\n"
        b"91991000000000000H,p-9,i-1,2026-04-02,1000.00,CNY\n"
    )

    report = service.import_csv(MANAGER, ImportKind.PAYMENTS, content, dry_run=True)
    assert looks_owed(late) == []
    report = service.import_csv(MANAGER, ImportKind.PAYMENTS, content)
    service.import_csv(MANAGER, ImportKind.PAYMENTS, content)

    assert report.kept
    assert [facts["customer_ids"] for facts in looks_owed(late)] == [""]


def test_a_collectors_words_go_to_the_case_under_a_token(late: Records) -> None:
    gateway = Telling()
    service = CollectionService(late, gateway, Clock())

    service.promise(COLLECTOR, COLLECTION, DUE + timedelta(days=40), key="k-1")
    service.close(COLLECTOR, COLLECTION, "settled otherwise")

    promise, close = gateway.told
    assert (promise[0], promise[1], close[1]) == (f"collection/{COLLECTION}", "promise", "close")
    assert promise[2]["token"]
    assert promise[2]["message_id"] != close[2]["message_id"]


def test_who_may_not_or_says_nothing_is_refused(late: Records) -> None:
    service = CollectionService(late, SilentGateway(), Clock())

    with pytest.raises(NotPermitted):
        service.close(MANAGER, COLLECTION, "because")
    with pytest.raises(Malformed):
        service.close(COLLECTOR, COLLECTION, " ")
    with pytest.raises(NotFound):
        service.read_case(STRANGER, COLLECTION)
    with pytest.raises(TemporalUnavailable):
        service.close(COLLECTOR, COLLECTION, "because")


def test_a_closed_case_answers_from_our_records(late: Records) -> None:
    service = CollectionService(late, SilentGateway(), Clock())
    [paid] = service.list_cases(AUDITOR, status=CollectionStatus.PAID)

    with pytest.raises(CaseClosed):
        service.promise(COLLECTOR, paid.collection_id, DUE + timedelta(days=40))

    view = service.read_case(AUDITOR, COLLECTION)
    assert view.case.arrears.days_past_due == 31
    assert view.events[0].facts["days_past_due"] == "31"


def test_a_review_is_read_with_all_there_is_about_it(records: Records) -> None:
    a_book(records)
    with records.begin() as session:
        review, _ = Reviews(session).open(
            line_id=LINE_ID, customer_id="c-1", cause=ReviewCause.CYCLE, due_on=DUE, on=DUE
        )
    service = ReviewService(records, SilentGateway())

    view = service.read_review(MANAGER, review.review_id)

    assert (view.review, view.assessment, view.letter) == (review, None, None)
    assert service.list_reviews(MANAGER, open_only=True) == [review]
    assert service.list_reviews(MANAGER, before=(DUE, review.review_id)) == []
    assert service.list_of_line(STRANGER, LINE_ID) == []
    with pytest.raises(NotFound):
        service.read_review(STRANGER, review.review_id)
