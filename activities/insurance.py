"""Credit insurance (信用保险): the days on which an insurer has to be told, and those that passed.

Each deadline is told once before it is over, and found once when it was missed; to whoever looks
after the customer, and what was missed to the risk officers too.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date, datetime

from sqlalchemy.orm import Session
from temporalio import activity

from activities.line_cover import follow_register
from activities.signatures import InsuranceSteps
from domain.calendar import business_on, days_before
from domain.identity import Role
from domain.ids import uuid7
from domain.insurance import (
    Deadline,
    InsuranceFinding,
    InsurancePage,
    InsurancePageDone,
    InsuranceTally,
    InsuredBuyer,
)
from domain.notification import Channel, Notice
from policies.insurance import cover_on
from storage.base import Records
from storage.customer import Customers
from storage.identity import Persons
from storage.insurance import Insurances
from storage.notification import Outbox


class InsuranceActivities(InsuranceSteps):
    """The steps on PostgreSQL."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @activity.defn
    def watch_insurance(self, page: InsurancePage) -> InsurancePageDone:
        on = business_on(page.at, page.offset_days)
        with self._records.begin() as session:
            buyers = Insurances(session).find_page(after=page.after, page_size=page.page_size)
            tally = InsuranceTally()
            for buyer in buyers:
                tally += _at_buyer(session, buyer, page.at, on)
            follow_register(session, (each.customer_id for each in buyers), on)
            full = len(buyers) == page.page_size
            return InsurancePageDone(after=buyers[-1].limit_id if full else None, tally=tally)


def _at_buyer(session: Session, buyer: InsuredBuyer, at: datetime, on: date) -> InsuranceTally:
    tally = InsuranceTally(buyers=1)
    for deadline in cover_on(buyer, on).deadlines:
        if deadline.missed:
            tally += InsuranceTally(findings=int(_find(session, buyer, deadline, at, on)))
        elif deadline.met_on is None and on >= days_before(deadline.due_on, _ahead(buyer)):
            owner = Customers(session).read(buyer.customer_id).manager_id
            told = _tell(session, buyer, deadline, Notice.INSURANCE_DUE, [owner])
            tally += InsuranceTally(alarms=int(told))
    return tally


def _ahead(buyer: InsuredBuyer) -> int:
    return 0 if buyer.terms is None else buyer.terms.alarm_days


def _find(
    session: Session, buyer: InsuredBuyer, deadline: Deadline, at: datetime, on: date
) -> bool:
    """Open a finding; whether it is new."""
    owner = Customers(session).read(buyer.customer_id).manager_id
    key = f"{at.isoformat()}/{_key(buyer, deadline)}"
    finding = InsuranceFinding(
        finding_id=uuid7(int(at.timestamp() * 1000), hashlib.sha256(key.encode()).digest()),
        limit_id=buyer.limit_id,
        customer_id=buyer.customer_id,
        shipment_no=deadline.shipment_no,
        kind=deadline.kind,
        due_on=deadline.due_on,
        found_on=on,
        owner=owner,
    )
    if not Insurances(session).record_finding(finding):
        return False
    persons = Persons(session).list_persons()
    risk = [each.person_id for each in persons if each.has(Role.RISK_OFFICER)]
    _tell(session, buyer, deadline, Notice.INSURANCE_MISSED, dict.fromkeys([owner, *risk]))
    return True


def _tell(
    session: Session,
    buyer: InsuredBuyer,
    deadline: Deadline,
    notice: Notice,
    person_ids: Iterable[str],
) -> bool:
    """Owe each of them a mail, once for a deadline and its day; whether any is new."""
    assert buyer.terms is not None, "a deadline is of an insurance that stands"
    facts: Mapping[str, str] = {
        "customer_id": buyer.customer_id,
        "policy_no": buyer.terms.policy_no,
        "shipment_no": deadline.shipment_no,
        "deadline": deadline.kind.value,
        "due_on": deadline.due_on.isoformat(),
    }
    place = f"{_key(buyer, deadline)}/{deadline.due_on}/{notice}"
    outbox, new = Outbox(session), False
    for person_id in person_ids:
        key = hashlib.sha256(f"{place}/{person_id}".encode()).hexdigest()
        if not outbox.is_owed(Channel.MAIL, key):
            new = True
            outbox.post(
                Channel.MAIL,
                key,
                recipient=f"person:{person_id}",
                kind=notice,
                facts=dict(facts),
            )
    return new


def _key(buyer: InsuredBuyer, deadline: Deadline) -> str:
    return f"{buyer.limit_id}/{deadline.shipment_no}/{deadline.kind}"
