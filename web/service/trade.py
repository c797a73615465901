"""What may be asked of a party as customer and supplier: its roles, what we owe it, what is set off.

Both sides are read as of a day. An offset is shown only under an agreement on file, and changes no
ledger: what is drawn, invoiced and owed stays what it is.
"""

from collections.abc import Sequence
from datetime import date

from sqlalchemy.orm import Session

from domain.errors import DateInFuture, PeriodReversed
from domain.identity import Person
from domain.money import Money, money_sum
from domain.trade import (
    PREPAYMENT,
    PartyRole,
    Payable,
    PayableContent,
    RoleContent,
    SetOffAgreement,
    SetOffContent,
    Settlement,
    SettlementContent,
    Sides,
)
from policies.set_off import side
from storage.attachment import Attachments
from storage.base import Records
from storage.exposure import PastExposure
from storage.line import Lines
from storage.receivable import Receivables
from storage.trade import Trade
from web.service.clock import Clock
from web.service.customer import visible_customer
from web.service.ids import new_id
from web.service.permissions import Action, permit


class TradeService:
    """Both sides of parties, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def record_role(
        self, person: Person, customer_id: str, content: RoleContent, role_id: str | None = None
    ) -> PartyRole:
        """Put a role of a party on record, or with its id what is known better of it, as its end.

        Refuses `NotFound`, and `AlreadyExists` where the id is of another party or role.
        """
        permit(person, Action.TRADE_RECORD)
        with self._records.begin() as session:
            customer = visible_customer(session, person, customer_id)
            holder = customer.customer_id
            if role_id is not None:
                known = Trade(session).read_role(role_id)
                if visible_customer(session, person, known.customer_id) == customer:
                    holder = known.customer_id
            role = PartyRole(
                **content.model_dump(),
                role_id=role_id or new_id(),
                customer_id=holder,
                recorded_by=person.person_id,
            )
            return Trade(session).record_role(role)

    def list_roles(self, person: Person, customer_id: str) -> Sequence[PartyRole]:
        """Every role of the party, by its first day."""
        permit(person, Action.TRADE_READ)
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            return Trade(session).roles(customer_id)

    def record_payable(self, person: Person, customer_id: str, content: PayableContent) -> Payable:
        """Enter what we owe a party by one of its invoices, once; refuses `AlreadyExists`."""
        permit(person, Action.PAYABLE_RECORD)
        self._refuse_future("issued_on", content.issued_on)
        with self._records.begin() as session:
            customer = visible_customer(session, person, customer_id)
            payable = Payable(
                **content.model_dump(),
                customer_id=customer.customer_id,
                recorded_by=person.person_id,
            )
            return Trade(session).record_payable(payable)

    def settle(self, person: Person, customer_id: str, content: SettlementContent) -> Settlement:
        """Enter what we paid of a payable, once.

        Refuses `InvoiceUnknown`, `CurrencyMismatch`, `MoreThanInvoiced`, `AlreadyExists`.
        """
        permit(person, Action.PAYABLE_RECORD)
        self._refuse_future("settled_on", content.settled_on)
        with self._records.begin() as session:
            customer = visible_customer(session, person, customer_id)
            settlement = Settlement(
                **content.model_dump(),
                customer_id=customer.customer_id,
                recorded_by=person.person_id,
            )
            return Trade(session).settle(settlement)

    def record_agreement(
        self, person: Person, customer_id: str, content: SetOffContent
    ) -> SetOffAgreement:
        """Put an agreement to set off on file; refuses `DateInFuture`, `NotFound` for a document
        that is not there, `PeriodReversed` where it would hold before it was signed."""
        permit(person, Action.SET_OFF_RECORD)
        self._refuse_future("signed_on", content.signed_on)
        if content.valid_from < content.signed_on:
            raise PeriodReversed(since=content.signed_on, until=content.valid_from)
        with self._records.begin() as session:
            customer = visible_customer(session, person, customer_id)
            Attachments(session).read(content.evidence_hash)
            agreement = SetOffAgreement(
                **content.model_dump(),
                agreement_id=new_id(),
                customer_id=customer.customer_id,
                recorded_by=person.person_id,
            )
            return Trade(session).record_agreement(agreement)

    def list_agreements(self, person: Person, customer_id: str) -> Sequence[SetOffAgreement]:
        permit(person, Action.TRADE_READ)
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            return Trade(session).agreements(customer_id)

    def sides(self, person: Person, customer_id: str, as_of: date | None = None) -> Sides:
        """What a party owes us, what we owe it, and what of that is set off, as of a day."""
        permit(person, Action.TRADE_READ)
        on = as_of or self._clock.business_on()
        self._refuse_future("as_of", on)
        with self._records.begin() as session:
            customer = visible_customer(session, person, customer_id)
            return _sides(session, customer.customer_id, on)

    def _refuse_future(self, field: str, day: date) -> None:
        today = self._clock.business_on()
        if day > today:
            raise DateInFuture(field=field, date=day, business_on=today)


def _sides(session: Session, customer_id: str, on: date) -> Sides:
    trade = Trade(session)
    agreements = tuple(each for each in trade.agreements(customer_id) if each.holds_on(on))
    payables = trade.open_payables(customer_id, on)
    invoiced = [
        each.amount for each in Receivables(session).open_items(on, customer_id=customer_id)
    ]
    prepaid = _prepaid(session, customer_id, on)
    owed = [each.amount for each in payables]
    currencies = sorted({amount.currency for amount in (*invoiced, *prepaid, *owed)})
    sides = tuple(
        side(
            _sum(invoiced, currency),
            _sum(prepaid, currency),
            _sum(owed, currency),
            agreements,
            on,
        )
        for currency in currencies
    )
    return Sides(
        customer_id=customer_id,
        as_of=on,
        roles=tuple(role for role in trade.roles(customer_id) if role.holds_on(on)),
        agreements=agreements,
        currencies=sides,
        exposure={each.currency: each.gross for each in sides},
        exposure_after_offset={each.currency: each.gross - each.offset for each in sides},
        payables=payables,
    )


def _prepaid(session: Session, customer_id: str, on: date) -> list[Money]:
    """What was paid ahead of delivery and not delivered or given back, by prepayment lines."""
    lines = [
        line.line_id
        for line in Lines(session).list_of_customer(customer_id)
        if line.terms.product == PREPAYMENT
    ]
    return [balance.used for balance in PastExposure(session).balances(lines, on).values()]


def _sum(amounts: Sequence[Money], currency: str) -> Money:
    return money_sum((each for each in amounts if each.currency == currency), currency)
