"""Is what insurers say on record in versions, raised by two people, and declared once?"""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from domain.cover import Stop
from domain.errors import (
    AlreadyDecided,
    AlreadyExists,
    CreditError,
    CurrencyMismatch,
    FieldUnreadable,
    MoreThanInvoiced,
    NotFound,
    OutOfOrder,
    SameHands,
    StaleContent,
)
from domain.insurance import (
    DeadlineKind,
    InsuranceFinding,
    InsuredBuyer,
    LimitWord,
    limit_on,
)
from domain.money import Money
from policies.insurance import cover_on
from storage.base import Records
from storage.insurance import Insurances
from tests.makers_monitoring import a_book
from tests.policies.test_insurance import a_word, day, said, shipped, some_terms, usd


@pytest.fixture
def book(records: Records) -> Records:
    a_book(records)
    with records.begin() as session:
        Insurances(session).record("i-1", some_terms(), "manager")
    return records


def limit(book: Records, word: LimitWord) -> InsuredBuyer:
    with book.begin() as session:
        return Insurances(session).record_limit("b-1", "i-1", "c-1", word, "manager")


def check(book: Records, record_id: str, version: int, by: str = "risk", **said: Any) -> None:
    with book.begin() as session:
        Insurances(session).check(record_id, version, by, **{"confirmed": True, "note": "", **said})


def read(book: Records) -> InsuredBuyer:
    with book.begin() as session:
        return Insurances(session).read_buyer("b-1")


def test_what_raises_counts_when_a_second_person_has_confirmed_it_and_what_lowers_at_once(
    book: Records,
) -> None:
    made = limit(book, a_word())
    assert (made.terms, made.steps, made.versions[-1].pending) == (None, (), True)
    check(book, "i-1", 1)
    check(book, "b-1", 1)
    check(book, "b-1", 1)
    assert read(book).terms == some_terms()
    assert cover_on(read(book), day(1)).stopped == ()

    lowered = limit(book, a_word(400, 2, state="reduced"))
    assert not lowered.versions[-1].needs_check
    assert [step.amount for step in lowered.steps] == [usd(1000), usd(400)]
    raised = limit(book, a_word(900, 3))
    assert raised.versions[-1].pending
    step = limit_on(raised.steps, day(3))
    assert step is not None
    assert step.amount == usd(400)
    assert limit(book, a_word(900, 3)) == raised

    with pytest.raises(StaleContent):
        check(book, "b-1", 2)
    check(book, "b-1", 3, confirmed=False, note="no such letter")
    assert read(book).steps[-1].amount == usd(400)
    with pytest.raises(AlreadyDecided):
        check(book, "b-1", 3)
    limit(book, a_word(0, 5, state="cancelled"))
    with pytest.raises(OutOfOrder):
        check(book, "b-1", 4)
    assert cover_on(read(book), day(5)).stopped == (Stop.CUT,)


def test_better_terms_of_an_insurance_wait_for_a_second_person(book: Records) -> None:
    check(book, "i-1", 1)
    with book.begin() as session:
        better = Insurances(session).record("i-1", some_terms(share="0.95"), "manager")
        assert (better.newest.pending, better.standing) == (True, some_terms())
        worse = Insurances(session).record("i-1", some_terms(share="0.7"), "manager")
        assert (worse.newest.pending, worse.standing) == (False, some_terms(share="0.7"))


@pytest.mark.parametrize("record_id", ["i-1", "b-1"])
def test_whoever_recorded_it_does_not_confirm_it_by_program_or_by_hand(
    book: Records, record_id: str
) -> None:
    limit(book, a_word())
    with pytest.raises(SameHands):
        check(book, record_id, 1, "manager")

    by_hand = "INSERT INTO insurance_check VALUES (:id, 1, :recorded_by, 'manager', true)"
    for claimed in ("manager", "somebody"):
        with pytest.raises(DBAPIError), book.begin() as session:
            session.execute(text(by_hand), {"id": record_id, "recorded_by": claimed})


def test_a_number_and_a_buyer_are_insured_once(book: Records) -> None:
    limit(book, a_word())
    with book.begin() as session, pytest.raises(AlreadyExists):
        Insurances(session).record("i-2", some_terms(), "manager")
    with book.begin() as session, pytest.raises(AlreadyExists):
        Insurances(session).record("i-1", some_terms(policy_no="another"), "manager")
    with book.begin() as session, pytest.raises(AlreadyExists):
        Insurances(session).record_limit("b-2", "i-1", "c-1", a_word(), "manager")
    with book.begin() as session, pytest.raises(NotFound):
        Insurances(session).record_limit("b-2", "i-9", "c-1", a_word(), "manager")
    word = a_word().model_copy(update={"amount": Money.of(1, "EUR")})
    with book.begin() as session, pytest.raises(CurrencyMismatch):
        Insurances(session).record_limit("b-1", "i-1", "c-1", word, "manager")


def test_a_shipment_and_what_became_of_it_are_on_record_once(book: Records) -> None:
    limit(book, a_word())
    first = shipped("s-1", 300, 1)
    paid, disputed = said("s-1", "paid", 5, 200), said("s-1", "disputed", 6)
    with book.begin() as session:
        insurances = Insurances(session)
        for _ in range(2):
            insurances.declare("b-1", first, "manager")
            insurances.report("b-1", paid, "manager")
            insurances.report("b-1", disputed, "manager")
        insurances.report("b-1", said("s-1", "settled", 8), "manager")
    found = read(book)
    assert found.shipments == (first,)
    assert [each.kind.value for each in found.events] == ["paid", "disputed", "settled"]

    euros = first.model_copy(update={"shipment_no": "s-2", "amount": Money.of(1, "EUR")})
    another = first.model_copy(update={"amount": usd(301)})
    for refusal, declared in ((CurrencyMismatch, euros), (AlreadyExists, another)):
        with book.begin() as session, pytest.raises(refusal):
            Insurances(session).declare("b-1", declared, "manager")
    refused: list[tuple[type[CreditError], Any]] = [
        (MoreThanInvoiced, said("s-1", "paid", 9, 101)),
        (FieldUnreadable, said("s-1", "disputed", 0)),
        (NotFound, said("s-9", "disputed", 3)),
        (OutOfOrder, said("s-1", "settled", 3)),
        (AlreadyExists, paid.model_copy(update={"amount": usd(1)})),
    ]
    for reason, event in refused:
        with book.begin() as session, pytest.raises(reason):
            Insurances(session).report("b-1", event, "manager")
    assert read(book) == found


def test_nothing_on_record_is_changed_by_hand(book: Records) -> None:
    limit(book, a_word())
    with book.begin() as session:
        Insurances(session).declare("b-1", shipped("s-1", 300, 1), "manager")
        Insurances(session).report("b-1", said("s-1", "paid", 5, 200), "manager")
    for statement in (
        "DELETE FROM insurance_event",
        "UPDATE insurance_shipment SET amount_minor = 1",
        "UPDATE insurance_version SET needs_check = false",
        "DELETE FROM insurance_record",
    ):
        with pytest.raises(DBAPIError), book.begin() as session:
            session.execute(text(statement))


def test_a_missed_deadline_is_found_once_and_closed_with_a_word(book: Records) -> None:
    limit(book, a_word())
    finding = InsuranceFinding(
        finding_id="f-1",
        limit_id="b-1",
        customer_id="c-1",
        shipment_no="s-1",
        kind=DeadlineKind.NOTICE,
        due_on=date(2026, 3, 1),
        found_on=date(2026, 3, 2),
        owner="manager",
    )
    with book.begin() as session:
        insurances = Insurances(session)
        insurances.declare("b-1", shipped("s-1", 300, 1), "manager")
        assert insurances.record_finding(finding)
        assert not insurances.record_finding(finding.model_copy(update={"finding_id": "f-2"}))
        assert insurances.findings(open_only=True) == [finding]
        closed = insurances.close_finding("f-1", "risk", date(2026, 3, 4), "the insurer accepts it")
        assert closed.closed_by == "risk"
        assert insurances.close_finding("f-1", "risk", date(2026, 3, 9), closed.note) == closed
        assert insurances.findings(["b-1"]) == [closed]
        assert insurances.findings(open_only=True) == []
        with pytest.raises(AlreadyDecided):
            insurances.close_finding("f-1", "risk", date(2026, 3, 4), "another word")
        with pytest.raises(NotFound):
            insurances.read_finding("f-2")


def test_buyers_are_found_by_customer_insurance_and_page(book: Records) -> None:
    limit(book, a_word())
    with book.begin() as session:
        insurances = Insurances(session)
        [own] = insurances.of_customer("c-1")
        assert insurances.of_insurance("i-1") == [own]
        assert insurances.find_page(after=None, page_size=5) == [own]
        assert insurances.find_page(after="b-1", page_size=5) == []
        assert insurances.find_page(after=None, page_size=5, manager_id="nobody") == []
        waiting, buyers = insurances.pending()
        assert ([each.insurance_id for each in waiting], buyers) == (["i-1"], [own])
