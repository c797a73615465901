"""What an insurer has to be told is told in time, once; what was missed is found, once."""

from datetime import date, timedelta

from activities.insurance import InsuranceActivities
from domain.insurance import InsurancePage, InsurancePageDone, InsuranceTally
from domain.notification import Channel, Notice
from storage.base import Records
from storage.insurance import Insurances
from storage.notification import Outbox
from tests.makers_monitoring import a_book, noon
from tests.policies.test_insurance import a_word, day, said, shipped, some_terms

# Of a shipment that is due on day 31.
NOTICE_BY, CLAIM_BY = day(91), day(151)
MISSED = NOTICE_BY + timedelta(days=1)


def an_overdue_buyer(records: Records, limit_id: str = "b-1") -> None:
    """An ordinary customer under an insurance of its own, with one shipment that is never paid."""
    with records.begin() as session:
        insurances = Insurances(session)
        insurance_id = f"i-{limit_id}"
        insurances.record(insurance_id, some_terms(policy_no=insurance_id), "manager")
        insurances.check(insurance_id, 1, "risk", confirmed=True, note="")
        insurances.record_limit(limit_id, insurance_id, "c-1", a_word(), "manager")
        insurances.check(limit_id, 1, "risk", confirmed=True, note="")
        insurances.declare(limit_id, shipped("s-1", 500, 1), "manager")


def look(records: Records, on: date, **page: object) -> InsurancePageDone:
    asked = {"after": None, "page_size": 10, "at": noon(on)}
    return InsuranceActivities(records).watch_insurance(InsurancePage.model_validate(asked | page))


def told(records: Records) -> list[tuple[str, str, str]]:
    with records.begin() as session:
        entries = Outbox(session).find_page(channel=Channel.MAIL)
    kinds = (Notice.INSURANCE_DUE, Notice.INSURANCE_MISSED)
    return sorted(
        (each.kind, each.facts["deadline"], each.recipient)
        for each in entries
        if each.kind in kinds
    )


def test_the_owner_hears_before_a_deadline_once_and_of_nothing_earlier(records: Records) -> None:
    a_book(records)
    an_overdue_buyer(records)

    assert look(records, NOTICE_BY - timedelta(days=15)).tally == InsuranceTally(buyers=1)
    first = look(records, NOTICE_BY - timedelta(days=14))
    assert first.tally == InsuranceTally(buyers=1, alarms=1)
    assert look(records, NOTICE_BY).tally == InsuranceTally(buyers=1)
    assert told(records) == [("insurance_due", "notice", "person:manager")]


def test_a_missed_notice_opens_a_finding_with_an_owner_once(records: Records) -> None:
    a_book(records)
    an_overdue_buyer(records)
    assert look(records, MISSED).tally == InsuranceTally(buyers=1, findings=1)
    assert look(records, MISSED + timedelta(days=1)).tally == InsuranceTally(buyers=1)
    with records.begin() as session:
        [finding] = Insurances(session).findings()
    assert (finding.owner, finding.due_on, finding.found_on) == ("manager", NOTICE_BY, MISSED)
    missed = [(deadline, to) for kind, deadline, to in told(records) if kind == "insurance_missed"]
    assert {("notice", "person:manager"), ("notice", "person:risk2")} <= set(missed)
    assert len(missed) == len(set(missed))


def test_what_was_told_in_time_or_paid_is_neither_alarmed_nor_found(records: Records) -> None:
    a_book(records)
    an_overdue_buyer(records)
    with records.begin() as session:
        Insurances(session).report("b-1", said("s-1", "notice_given", 91), "manager")
    assert look(records, MISSED).tally == InsuranceTally(buyers=1)

    with records.begin() as session:
        Insurances(session).report("b-1", said("s-1", "paid", 140, 500), "manager")
    assert look(records, CLAIM_BY + timedelta(days=9)).tally == InsuranceTally(buyers=1)
    assert told(records) == []


def test_a_page_says_where_the_next_begins(records: Records) -> None:
    a_book(records)
    an_overdue_buyer(records, "b-1")
    an_overdue_buyer(records, "b-2")

    first = look(records, MISSED, page_size=1)
    assert (first.after, first.tally.findings) == ("b-1", 1)
    second = look(records, MISSED, page_size=1, after="b-1")
    assert (second.after, second.tally.findings) == ("b-2", 1)
    assert look(records, MISSED, page_size=1, after="b-2").after is None
