"""Classification runs (五级分类): every customer's class and the losses expected, as of a day.

A page of customers is one transaction under the lock of the run's row. A class is written only
where it changed, a loss only by what it changed. What is recorded late changes the past, so a run
goes on over the later days that were run already: after it, each is as if everything had been known.
"""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session
from temporalio import activity

from activities.assessment import Exchange
from activities.reconciliation import reconcile_newest
from activities.signatures import ClassificationSteps
from activities.warning import CURED, tell_warning
from domain.calendar import business_on
from domain.classification import (
    ClaimSign,
    ClassificationFailure,
    ClassificationPage,
    ClassificationPageDone,
    ClassificationTally,
    CustomerClass,
    Debtor,
    ItemStanding,
    LineStanding,
    Loss,
    Regularity,
)
from domain.customer import CreditEventType, events_standing
from domain.edition import PolicyEdition
from domain.errors import CreditError, NotFound
from domain.ids import uuid7
from domain.manual_class import ManualClass
from domain.value import content_hash
from domain.warning import FIVE_TIER, RaisedWarning
from policies.classification import classify_customer, turned_bad
from policies.cover import counted
from policies.manual_class import counting, days_of_change
from storage.base import Records
from storage.classification import (
    Classes,
    ClassificationRuns,
    Debtors,
    Losses,
    ManualClasses,
)
from storage.customer import Customers
from storage.edition import Editions
from storage.receivable import Receivables
from storage.warning import Book, Warnings

_SIGNS = {CreditEventType.INSOLVENT: ClaimSign.BANKRUPT}


class ClassificationActivities(ClassificationSteps):
    """The steps on PostgreSQL."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @activity.defn
    def classify_customers(self, page: ClassificationPage) -> ClassificationPageDone:
        today = business_on(page.at, page.offset_days)
        with self._records.begin() as session:
            runs = ClassificationRuns(session)
            run = runs.begin(page.run_id, page.as_of or today, page.person_id)
            if run.finished or run.after != page.after:
                return ClassificationPageDone(after=run.after, tally=run.tally)
            days = [run.as_of, *runs.find_days_after(run.as_of)]
            customer_ids = _customers_of(session, page, days)
            looks = [_Look(session, day, run.run_id) for day in days]
            tally, failures = ClassificationTally(), []
            for customer_id in customer_ids:
                try:
                    with session.begin_nested():
                        tally += _at_customer(session, customer_id, looks, page.at, today)
                except CreditError as refusal:
                    failures.append(
                        ClassificationFailure(customer_id=customer_id, code=refusal.code)
                    )
                    tally += ClassificationTally(seen=1, failed=1)
            full = len(customer_ids) == page.page_size
            run = runs.record_page(run, tally, failures, customer_ids[-1] if full else None)
            if run.finished and not page.customer_ids:
                reconcile_newest(session, content_hash([run.run_id, "reconciliation"])[:32], today)
            return ClassificationPageDone(after=run.after, tally=run.tally)


def _customers_of(session: Session, page: ClassificationPage, days: list[date]) -> list[str]:
    debtors = Debtors(session)
    if page.customer_ids:
        return debtors.find_named(page.customer_ids, after=page.after, page_size=page.page_size)
    return debtors.find_page(days[0], days[-1], after=page.after, page_size=page.page_size)


def _at_customer(
    session: Session, customer_id: str, looks: list["_Look"], at: datetime, today: date
) -> ClassificationTally:
    """Classify one customer on every day; two runs take their turns at it.

    Where the record gave way to another after the page was read, that is who is classified.
    """
    Book(session).lock(customer_id)
    customer_id = Customers(session).survivor(customer_id)
    others = tuple(sorted(Customers(session).ids(customer_id) - {customer_id}))
    manuals = ManualClasses(session).list_of_customer(customer_id)
    changed, entries = False, 0
    for place, look in enumerate(looks):
        changed_now, posted = look.at_customer(customer_id, others, manuals)
        following = looks[place + 1].on if place + 1 < len(looks) else None
        changed_then, posted_then = look.ahead(customer_id, others, manuals, following)
        changed |= changed_now or changed_then
        entries += posted + posted_then
    looks[-1].warn(customer_id, at, today)
    return ClassificationTally(seen=1, changed=changed, unchanged=not changed, entries=entries)


class _Look:
    """One day under the edition that is in force on it."""

    def __init__(self, session: Session, on: date, run_id: str) -> None:
        edition = Editions(session).find_current(on)
        if edition is None:
            raise NotFound(kind="policy edition in force", id=on.isoformat())
        self._session = session
        self._on = on
        self._run_id = run_id
        self._edition: PolicyEdition = edition
        self._exchange = Exchange(session, edition, on)
        self._classes = Classes(session)

    @property
    def on(self) -> date:
        return self._on

    def at_customer(
        self, customer_id: str, others: tuple[str, ...], manuals: Sequence[ManualClass]
    ) -> tuple[bool, int]:
        """Whether the class changed, and how many postings were made; `others` are the customer's
        further ids, `manuals` its classes set by hand."""
        before = self._classes.find(customer_id, self._on, before=True)
        found, losses = classify_customer(
            self._debtor(customer_id, before),
            before,
            self._edition,
            self._on,
            counting(manuals, self._on),
        )
        return self._record(found.model_copy(update={"records": others}), losses)

    def ahead(
        self,
        customer_id: str,
        others: tuple[str, ...],
        manuals: Sequence[ManualClass],
        following: date | None,
    ) -> tuple[bool, int]:
        """What is to hold from each day on which a class set by hand begins or is over, if nothing
        else happens until then, so that it ends by its date without a run of that day.

        Up to the day that is looked at next; a later look says what has happened meanwhile.
        """
        changed, posted = False, 0
        for day in days_of_change(manuals, self._on):
            if following is not None and day >= following:
                break
            before = self._classes.find(customer_id, day, before=True)
            found, losses = classify_customer(
                self._debtor(customer_id, before),
                before,
                self._edition,
                self._on,
                counting(manuals, day),
            )
            changed_now, posted_now = self._record(
                found.dated(day, before).model_copy(update={"records": others}), losses
            )
            changed |= changed_now
            posted += posted_now
        return changed, posted

    def _record(self, found: CustomerClass, losses: Sequence[Loss]) -> tuple[bool, int]:
        held = self._classes.find(found.customer_id, found.as_of)
        if held is None and found.vacant:
            return False, 0
        changed = self._classes.record(found, self._run_id)
        posted = sum(
            Losses(self._session).post(
                found.customer_id,
                found.as_of,
                loss,
                edition_hash=self._edition.edition_hash,
                run_id=self._run_id,
            )
            for loss in losses
        )
        return changed, posted

    def warn(self, customer_id: str, at: datetime, today: date) -> None:
        """Warn of a customer that stands as non-performing, and close that where it does so no more."""
        found = self._classes.find(customer_id, self._on)
        warnings = Warnings(self._session)
        signal = turned_bad(found, self._edition) if found is not None else None
        if signal is None:
            for open_one in warnings.find_open(customer_id):
                if open_one.signal.figure == FIVE_TIER:
                    warnings.close(open_one.warning_id, on=today, close_code=CURED)
            return
        seed = hashlib.sha256(f"{at.isoformat()}/{customer_id}/{FIVE_TIER}".encode()).digest()
        warning, is_new = warnings.record(
            RaisedWarning(
                warning_id=uuid7(int(at.timestamp() * 1000), seed),
                customer_id=customer_id,
                signal=signal,
                evidence=Receivables(self._session).payment_record(
                    customer_id,
                    as_of=self._on,
                    window_days=self._edition.payments.window_days,
                    currency=self._edition.reporting_currency,
                ),
                owner=Customers(self._session).read(customer_id).manager_id,
                raised_on=today,
                seen_on=today,
            )
        )
        if is_new:
            tell_warning(self._session, warning)
        else:
            warnings.record_seen([warning.warning_id], today)

    def _debtor(self, customer_id: str, before: CustomerClass | None) -> Debtor:
        receivables = Receivables(self._session)
        events = events_standing(Customers(self._session).events(customer_id, until=self._on))
        restructured = [
            event.occurred_on
            for event in events
            if event.event_type is CreditEventType.RESTRUCTURED
        ]
        kinds = {event.event_type for event in events}
        lines = Debtors(self._session).lines(customer_id, self._on)
        return Debtor(
            customer_id=customer_id,
            lines=tuple(map(self._in_reporting, lines)),
            items=tuple(
                ItemStanding(
                    due_on=item.invoice.due_on, amount=self._exchange.reporting(item.amount)
                )
                for item in receivables.open_items(self._on, customer_id=customer_id)
            ),
            signs=tuple(sign for kind, sign in _SIGNS.items() if kind in kinds),
            restructured_on=max(restructured, default=None),
            # Asked only of who is held down: of everybody else nothing depends on it.
            regularity=receivables.regularity(customer_id, self._on, self._days_free)
            if before is not None
            and (before.tier.non_performing or before.by_rule.tier.non_performing)
            else Regularity(),
        )

    @property
    def _days_free(self) -> int:
        policy = self._edition.classification
        return policy.technical_days if policy.technical_presumed else 0

    def _in_reporting(self, line: LineStanding) -> LineStanding:
        reporting = self._exchange.reporting
        worths = [(cover, counted(cover, self._on, self._edition)) for cover, _ in line.covers]
        return line.model_copy(
            update={
                "used": reporting(line.used),
                "unused": reporting(line.unused),
                "covers": tuple((cover, reporting(worth)) for cover, worth in worths if worth),
            }
        )
