"""Monitoring (贷后监测): how the book pays, judged in sets; people and workflows only where needed.

A page of customers is one transaction. What follows for a line or a collection case is owed through
the outbox, so that it happens even if its workflow cannot be reached now.
"""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session
from temporalio import activity

from activities.authority import look_for_unasked, warn_of_certificates
from activities.book import refresh_book
from activities.collection import open_collection
from activities.excess import Looked, look_at_customer
from activities.exchange import Exchange
from activities.line import tell_line
from activities.rerating import owe_outlook_previews
from activities.signatures import WarningSteps
from domain.assessment import PaymentRecord
from domain.calendar import business_on
from domain.collection import Arrears
from domain.customer import Customer
from domain.edition import PolicyEdition
from domain.errors import NotFound, RateMissing
from domain.exchange import RateKind
from domain.identity import Role
from domain.ids import uuid7
from domain.line import CreditLine
from domain.money import Money
from domain.notification import Channel, Notice
from domain.value import content_hash
from domain.warning import (
    FIVE_TIER,
    MonitoringPage,
    MonitoringPageDone,
    MonitoringTally,
    RaisedWarning,
    WarningLevel,
    WarningSignal,
)
from policies.bill import refused_signal
from policies.confirmation import overdue_signal
from policies.excess import days_missed
from policies.warning import (
    caps_of,
    lifts_by_payment,
    opens_collection,
    rate_signals,
    signals,
)
from storage.application import Assessments
from storage.base import Records
from storage.bill import Bills
from storage.collection import Collections
from storage.confirmation import Confirmations
from storage.customer import Customers
from storage.edition import Editions
from storage.excess import Excesses
from storage.exchange import Rates
from storage.identity import Persons
from storage.line import Lines
from storage.notification import Outbox
from storage.receivable import Receivables
from storage.review import Reviews
from storage.warning import Book, MonitoringRuns, Warnings

CURED = "cured"


class WarningActivities(WarningSteps):
    """The steps on PostgreSQL."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @activity.defn
    def monitor_customers(self, page: MonitoringPage) -> MonitoringPageDone:
        on = business_on(page.at, page.offset_days)
        with self._records.begin() as session:
            run = MonitoringRuns(session).find(page.run_id)
            if run is not None and (run.finished or run.after != page.after):
                return MonitoringPageDone(after=run.after, tally=run.tally)
            customer_ids = _customers_of(session, page, on)
            look = _Look(session, page.at, on, page.offset_days)
            tally = MonitoringTally()
            for customer_id in customer_ids:
                tally += look.at_customer(customer_id)
            full = len(customer_ids) == page.page_size
            run = MonitoringRuns(session).record_page(
                page.run_id,
                on=on,
                partial=bool(page.customer_ids) or page.watched_only,
                after=page.after,
                up_to=customer_ids[-1] if full else None,
                tally=tally,
            )
            if run.finished and not run.partial:
                refresh_book(session, look.edition, on)
                owe_outlook_previews(session, look.edition, on, page.offset_days)
                warn_of_certificates(session, look.edition, on)
                look_for_unasked(session, on)
            return MonitoringPageDone(after=run.after, tally=run.tally)


def freeze_reason(rule: str) -> str:
    """The reason a warning's freeze stands under, so that it is lifted alone."""
    return f"warning:{rule}"


def tell_warning(session: Session, warning: RaisedWarning) -> None:
    """The owner hears of everything, the risk officers of what is grave."""
    recipients = [warning.owner]
    if warning.signal.level is not WarningLevel.YELLOW:
        persons = Persons(session).list_persons()
        recipients += [each.person_id for each in persons if each.has(Role.RISK_OFFICER)]
    for person_id in dict.fromkeys(recipients):
        Outbox(session).post(
            Channel.MAIL,
            f"{warning.warning_id}/{person_id}",
            recipient=f"person:{person_id}",
            kind=Notice.WARNING_RAISED,
            facts={
                "customer_id": warning.customer_id,
                "level": warning.signal.level,
                "rule": warning.signal.rule,
                "value": f"{warning.signal.value:f}",
                "threshold": f"{warning.signal.threshold:f}",
            },
        )


def _customers_of(session: Session, page: MonitoringPage, on: date) -> list[str]:
    if not page.customer_ids:
        return Book(session).find_page(
            on, after=page.after, page_size=page.page_size, watched_only=page.watched_only
        )
    named = sorted(set(page.customer_ids))
    return [each for each in named if page.after is None or each > page.after][: page.page_size]


class _Look:
    """One look at customers on one business day under the edition in force."""

    def __init__(self, session: Session, at: datetime, on: date, offset_days: int) -> None:
        self._session = session
        self._at = at
        self._on = on
        self._offset_days = offset_days
        edition = Editions(session).find_current(on)
        if edition is None:
            raise NotFound(kind="policy edition in force", id=on.isoformat())
        self.edition: PolicyEdition = edition
        self._warnings = Warnings(session)

    def at_customer(self, customer_id: str) -> MonitoringTally:
        """Judge one customer; two looks at the same one take their turns."""
        if not Book(self._session).lock(customer_id):
            return MonitoringTally()
        customer = Customers(self._session).read(customer_id)
        customer_id = customer.customer_id
        held = Lines(self._session).list_of_customer(customer_id)
        late = self._days_over(customer, held)
        lines = tuple(line for line in held if not line.status.ended)
        try:
            record = self._record_of(customer_id)
            paid = signals(record, self._limit_of(lines, record), self.edition, late)
            moved = self._moved_by_rates(customer, lines)
            silent = self._unconfirmed(customer_id)
            refused = self._refused_bills(customer_id)
        except RateMissing:
            return MonitoringTally(customers=1, unjudged=1)
        self._wake_overdue(lines)
        raised = self._raise(customer, paid, record)
        told = self._raise(customer, (*moved, *silent, *refused), record)
        closed = self._close(customer_id, (*paid, *moved, *silent, *refused))
        return MonitoringTally(
            customers=1,
            raised=len(raised) + len(told),
            closed=closed,
            freezes=self._freeze(customer_id, lines),
            lifts=self._lift(customer_id, lines),
            collections=self._collect(customer, raised, record),
        )

    def _days_over(self, customer: Customer, lines: Sequence[CreditLine]) -> int:
        """For how long what stands above a limit has missed a step of its plan."""
        looked = Looked(self._at, self._on, self._offset_days)
        look_at_customer(self._session, customer, lines, looked)
        plans = Excesses(self._session).open_of_customer(customer.customer_id, customer.group_id)
        return days_missed(plans, self._on)

    def _unconfirmed(self, customer_id: str) -> tuple[WarningSignal, ...]:
        """The accounts that the customer was asked to confirm, and was silent on for too long."""
        unanswered = Confirmations(self._session).find_unanswered(customer_id)
        return overdue_signal(unanswered, self._on, self.edition)

    def _refused_bills(self, customer_id: str) -> tuple[WarningSignal, ...]:
        """The bills that were refused and whose invoices are not paid in another way yet."""
        unpaid = Bills(self._session).find_unpaid(customer_id, self._on)
        return refused_signal(unpaid, self._on, self.edition)

    def _record_of(self, customer_id: str) -> PaymentRecord:
        return Receivables(self._session).payment_record(
            customer_id,
            as_of=self._on,
            window_days=self.edition.payments.window_days,
            currency=self.edition.reporting_currency,
        )

    def _limit_of(self, lines: tuple[CreditLine, ...], record: PaymentRecord) -> Money:
        """The customer's limits in the currency of its payment record."""
        assert record.overdue is not None, "a record of the store states its currency"
        currency = record.overdue.currency
        rates, kind = Rates(self._session), RateKind(self.edition.exchange.rate_kind)
        total = Money.zero(currency)
        for line in lines:
            total += rates.convert(line.limit, currency, on=self._on, kind=kind).amount
        return total

    def _moved_by_rates(
        self, customer: Customer, lines: tuple[CreditLine, ...]
    ) -> tuple[WarningSignal, ...]:
        """Caps that exchange rates alone have moved the customer's limits over, since the rates of
        its newest receipt."""
        limits = [line.limit for line in lines]
        quote = self.edition.reporting_currency
        if all(limit.currency == quote for limit in limits):
            return ()
        receipt = Assessments(self._session).find_newest_of_customer(customer.customer_id)
        if receipt is None:
            return ()
        exchange = Exchange(self._session, self.edition, self._on)
        exchange.reporting_sum(limits)
        on_record = {used.base: used for used in receipt.dossier.rates if used.quote == quote}
        return rate_signals(
            limits,
            on_record,
            {used.base: used for used in exchange.rates_used},
            caps_of(receipt.rating.grade, customer.industry or "", self._on, self.edition),
            self.edition,
        )

    # ── signals ──────────────────────────────────────────────────────────────────────────────────

    def _raise(
        self, customer: Customer, fired: tuple[WarningSignal, ...], record: PaymentRecord
    ) -> list[WarningSignal]:
        """Put on record what fired; only what is new is told."""
        new, seen = [], []
        for signal in fired:
            warning, is_new = self._warnings.record(
                RaisedWarning(
                    warning_id=self._id_of(customer.customer_id, signal.rule),
                    customer_id=customer.customer_id,
                    signal=signal,
                    evidence=record,
                    owner=customer.manager_id,
                    raised_on=self._on,
                    seen_on=self._on,
                )
            )
            if is_new:
                new.append(signal)
                tell_warning(self._session, warning)
            else:
                seen.append(warning.warning_id)
        self._warnings.record_seen(seen, self._on)
        return new

    def _close(self, customer_id: str, fired: tuple[WarningSignal, ...]) -> int:
        firing = {signal.rule for signal in fired}
        cured = [
            warning
            for warning in self._warnings.find_open(customer_id)
            if warning.signal.rule not in firing
            # What a class has raised, a better class closes (`activities/classification.py`).
            and warning.signal.figure != FIVE_TIER
        ]
        for warning in cured:
            self._warnings.close(warning.warning_id, on=self._on, close_code=CURED)
        return len(cured)

    # ── the line ─────────────────────────────────────────────────────────────────────────────────

    def _freeze(self, customer_id: str, lines: tuple[CreditLine, ...]) -> int:
        """Every line in force stands frozen for every open warning that policy freezes for."""
        freezing = [w for w in self._warnings.find_open(customer_id) if w.signal.freeze]
        wanted = [
            (line, warning)
            for line in lines
            for warning in freezing
            if freeze_reason(warning.signal.rule) not in line.freeze_reasons
        ]
        for line, warning in wanted:
            self._tell_line(line, warning, "freeze")
        return len(wanted)

    def _wake_overdue(self, lines: tuple[CreditLine, ...]) -> None:
        """The net below the lines' own timers: what should have been looked at yesterday is told."""
        for line in lines:
            reviewed = Reviews(self._session).find_open(line.line_id) is not None
            due_on = line.ends_on if reviewed else min(line.review_due_on, line.ends_on)
            if due_on < self._on:
                tell_line(self._session, line.line_id, f"due/{line.line_id}/{self._on}")

    def _lift(self, customer_id: str, lines: tuple[CreditLine, ...]) -> int:
        """Lift what policy lets payment lift; the rest waits for a risk officer."""
        firing = {warning.signal.rule for warning in self._warnings.find_open(customer_id)}
        liftable = [
            warning
            for warning in self._warnings.find_unlifted(customer_id)
            if warning.signal.rule not in firing
            and lifts_by_payment(warning.signal.level, self._days_clean(warning), self.edition)
        ]
        for warning in liftable:
            for line in lines:
                self._tell_line(line, warning, "unfreeze")
        self._warnings.record_lifted([warning.warning_id for warning in liftable], self._on)
        return len(liftable)

    def _days_clean(self, warning: RaisedWarning) -> int:
        assert warning.closed_on is not None, "only a closed warning is lifted"
        return (self._on - warning.closed_on).days

    def _tell_line(self, line: CreditLine, warning: RaisedWarning, what: str) -> None:
        # The line takes a rule's word if it is owed under the key that it names as its id.
        key = content_hash([what, line.line_id, warning.warning_id])[:32]
        Outbox(self._session).post(
            Channel.TEMPORAL,
            f"{what}-{key}",
            recipient=line.line_id,
            kind=f"update_line_{what}",
            facts={"line_id": line.line_id, "reason": freeze_reason(warning.signal.rule)},
        )

    # ── collection ───────────────────────────────────────────────────────────────────────────────

    def _collect(
        self, customer: Customer, raised: list[WarningSignal], record: PaymentRecord
    ) -> int:
        """Open a case for new grave signals on real arrears; tell an open one what has changed."""
        assert record.overdue is not None, "a record of the store states its currency"
        arrears = Arrears(
            as_of=self._on, overdue=record.overdue, days_past_due=record.days_past_due_max
        )
        held = Collections(self._session).find_open(customer.customer_id)
        if held is None:
            if not arrears.overdue or not opens_collection(tuple(raised), self.edition):
                return 0
            collection_id = self._id_of(customer.customer_id, "collection")
            open_collection(
                self._session, customer, collection_id, arrears, self._at, self._offset_days
            )
            return 1
        if held.arrears.overdue != arrears.overdue:
            Outbox(self._session).post(
                Channel.TEMPORAL,
                f"recheck/{held.collection_id}/{self._on}/{arrears.overdue.text}",
                recipient=held.collection_id,
                kind="signal_collection_recheck",
                facts={"collection_id": held.collection_id},
            )
        return 0

    def _id_of(self, customer_id: str, what: str) -> str:
        """The same for a repeat of this look, so that nothing is made twice."""
        seed = hashlib.sha256(f"{self._at.isoformat()}/{customer_id}/{what}".encode()).digest()
        return uuid7(int(self._at.timestamp() * 1000), seed)
