"""Invoices, credit notes and payments on record, and what they say of a customer as of a day.

An invoice keeps its amount and dates for good; only whether it is disputed may change, and each
change is an event of the credit history. Credit notes and payments are only ever added.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256

from sqlalchemy import (
    BigInteger,
    Date,
    RowMapping,
    Select,
    Text,
    and_,
    column,
    func,
    select,
    table,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.assessment import PaymentRecord
from domain.calendar import days_before
from domain.classification import Regularity
from domain.customer import CreditEvent, CreditEventType
from domain.errors import (
    AlreadyExists,
    CreditError,
    CreditNoteNotReversible,
    CurrencyMismatch,
    FieldUnreadable,
    InvoiceUnknown,
    MoreThanInvoiced,
)
from domain.imports import Outcome
from domain.money import Money
from domain.receivable import (
    Balances,
    CreditNote,
    Invoice,
    Lateness,
    OpenItem,
    Payment,
    open_from,
    payment_record,
)
from storage.base import Row, recorded_at
from storage.customer import Customers, of_customer
from storage.dispute import Disputes
from storage.exchange import Rates

_Key = tuple[str, str]


class InvoiceRow(Row):
    __tablename__ = "invoice"

    customer_id: Mapped[str] = mapped_column(primary_key=True)
    invoice_no: Mapped[str] = mapped_column(primary_key=True)
    issued_on: Mapped[date]
    due_on: Mapped[date]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    disputed: Mapped[bool]
    source: Mapped[str]
    recorded_by: Mapped[str]


class PaymentRow(Row):
    __tablename__ = "payment"

    customer_id: Mapped[str] = mapped_column(primary_key=True)
    invoice_no: Mapped[str] = mapped_column(primary_key=True)
    payment_no: Mapped[str] = mapped_column(primary_key=True)
    paid_on: Mapped[date]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    source: Mapped[str]
    recorded_by: Mapped[str]


class CreditNoteRow(Row):
    __tablename__ = "credit_note"

    customer_id: Mapped[str] = mapped_column(primary_key=True)
    invoice_no: Mapped[str] = mapped_column(primary_key=True)
    credit_note_no: Mapped[str] = mapped_column(primary_key=True)
    issued_on: Mapped[date]
    amount_minor: Mapped[int]  # below zero where it reverses another
    currency: Mapped[str]
    reverses: Mapped[str | None]
    reason: Mapped[str]
    source: Mapped[str]
    recorded_by: Mapped[str]


# One row a currency: the sums that `domain.receivable.lateness` makes, added up where they lie.
# Amounts times days may pass 64 bits, hence numeric.
_LATENESS = text(
    """
    WITH of_invoice AS (
        SELECT i.currency, i.due_on, i.amount_minor - credited.minor AS amount_minor,
               :as_of - i.due_on AS past_due,
               i.due_on > :as_of - :window_days AND i.due_on <= :as_of AS fell_due,
               coalesce(sum(p.amount_minor), 0) AS paid,
               coalesce(sum(p.amount_minor) FILTER (WHERE p.paid_on > i.due_on), 0) AS late,
               coalesce(sum(p.amount_minor::numeric * (p.paid_on - i.due_on))
                        FILTER (WHERE p.paid_on > i.due_on), 0) AS late_days
        FROM invoice i
        LEFT JOIN invoice_settlement p
               ON p.customer_id = i.customer_id AND p.invoice_no = i.invoice_no
              AND p.paid_on <= :as_of AND coalesce(p.until_on > :as_of, true)
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(n.amount_minor), 0) AS minor FROM credit_note n
            WHERE n.customer_id = i.customer_id AND n.invoice_no = i.invoice_no
                AND n.issued_on <= :as_of
        ) credited
        WHERE i.customer_id = ANY (customer_ids(:customer_id)) AND i.issued_on <= :as_of
            AND (i.customer_id NOT IN (SELECT customer_id FROM customer_of_many_ids)
                OR invoice_counts(i))
        GROUP BY i.customer_id, i.invoice_no, credited.minor
    ), of_rest AS (
        SELECT *, amount_minor - paid AS unpaid FROM of_invoice
    )
    SELECT currency,
           count(*) FILTER (WHERE fell_due AND amount_minor > 0) AS invoices,
           coalesce(sum(amount_minor) FILTER (WHERE fell_due), 0) AS due,
           coalesce(sum(late + CASE WHEN past_due > 0 THEN unpaid ELSE 0 END)
                    FILTER (WHERE fell_due), 0) AS late,
           coalesce(sum(late_days + greatest(past_due, 0)::numeric * unpaid)
                    FILTER (WHERE fell_due), 0) AS late_days,
           coalesce(sum(unpaid), 0) AS open_total,
           coalesce(sum(unpaid) FILTER (WHERE past_due > 0), 0) AS overdue,
           coalesce(max(past_due) FILTER (WHERE unpaid > 0 AND past_due > 0), 0)
               AS days_past_due_max
    FROM of_rest
    GROUP BY currency
    ORDER BY count(*) DESC, currency
    """
)

# What is settled by the day, when it was, and by which day nothing was settled late any more.
_REGULARITY = text(
    """
    WITH settled AS (
        SELECT i.due_on, max(p.paid_on) AS paid_on
        FROM invoice i
        JOIN invoice_settlement p
          ON p.customer_id = i.customer_id AND p.invoice_no = i.invoice_no
         AND p.paid_on <= :as_of AND coalesce(p.until_on > :as_of, true)
        WHERE i.customer_id = ANY (customer_ids(:customer_id)) AND i.issued_on <= :as_of
            AND (i.customer_id NOT IN (SELECT customer_id FROM customer_of_many_ids)
                OR invoice_counts(i))
        GROUP BY i.customer_id, i.invoice_no
        HAVING sum(p.amount_minor) >= i.amount_minor - (
            SELECT coalesce(sum(n.amount_minor), 0) FROM credit_note n
            WHERE n.customer_id = i.customer_id AND n.invoice_no = i.invoice_no
                AND n.issued_on <= :as_of)
    ), late AS (
        SELECT max(paid_on) AS until FROM settled WHERE paid_on - due_on > :days_free
    )
    SELECT late.until, s.due_on
    FROM late
    LEFT JOIN settled s ON s.due_on <= :as_of AND s.due_on > coalesce(late.until, s.due_on - 1)
    GROUP BY late.until, s.due_on
    ORDER BY s.due_on
    """
)


# What each day of a window ended with; what came before it counts at the end of its first day.
_BALANCES = text(
    """
    WITH counted AS (
        SELECT i.customer_id, i.invoice_no, i.issued_on, i.amount_minor FROM invoice i
        WHERE i.currency = :currency AND i.issued_on <= :as_of
            AND (CAST(:customer_id AS text) IS NULL
                OR i.customer_id = ANY (customer_ids(:customer_id)))
            AND (i.customer_id NOT IN (SELECT customer_id FROM customer_of_many_ids)
                OR invoice_counts(i))
    ), moves AS (
        SELECT issued_on AS day, amount_minor::numeric AS minor FROM counted
        UNION ALL
        SELECT greatest(r.counts_on, c.issued_on), -r.amount_minor
        FROM counted c JOIN invoice_reduction r USING (customer_id, invoice_no)
        WHERE r.counts_on <= :as_of
        UNION ALL
        SELECT :since, 0
    ), days AS (
        SELECT greatest(day, :since) AS day, sum(minor) AS minor,
               coalesce(sum(minor) FILTER (WHERE day < :since), 0) AS opening
        FROM moves GROUP BY 1
    )
    SELECT day, sum(minor) OVER (ORDER BY day) AS high, sum(opening) OVER () AS opening
    FROM days ORDER BY high DESC, day LIMIT 1
    """
)
_SHARED = text(
    """
    SELECT DISTINCT customer_survivor(i.customer_id), i.invoice_no, i.amount_minor, i.currency
    FROM (
        SELECT invoice_no, amount_minor, currency FROM invoice
        WHERE CAST(:customer_id AS text) IS NULL OR invoice_no IN (
            SELECT invoice_no FROM invoice WHERE customer_id = ANY (customer_ids(:customer_id)))
        GROUP BY invoice_no, amount_minor, currency
        HAVING count(DISTINCT customer_survivor(customer_id)) > 1
    ) twice
    JOIN invoice i USING (invoice_no, amount_minor, currency)
    """
)
# For customers of more than one id alone; an invoice on two of them is at home where it counts.
_HOMES = text(
    """
    SELECT DISTINCT ON (asked.id, asked.no) asked.id, asked.no, i.customer_id
    FROM unnest(CAST(:ids AS text[]), CAST(:nos AS text[])) asked (id, no)
    JOIN LATERAL (SELECT customer_ids(asked.id) AS ids) one ON cardinality(one.ids) > 1
    JOIN invoice i ON i.customer_id = ANY (one.ids) AND i.invoice_no = asked.no
    ORDER BY asked.id, asked.no, invoice_counts(i) DESC, i.customer_id = asked.id DESC
    """
)
_BILL_MOVES = text(
    """
    SELECT p.customer_id, p.invoice_no, m.day, m.minor
    FROM unnest(CAST(:ids AS text[]), CAST(:nos AS text[])) asked (id, no)
    JOIN bill_part p ON p.customer_id = asked.id AND p.invoice_no = asked.no
    JOIN bill b USING (bill_id)
    LEFT JOIN bill_event e ON e.bill_id = p.bill_id AND e.kind = 'refused'
    CROSS JOIN LATERAL (
        VALUES (b.received_on, p.amount_minor), (e.happened_on, -p.amount_minor)
    ) m (day, minor)
    WHERE m.day IS NOT NULL
    """
)
# Where an order's invoices lie, each under one id of the customer: of two that its records hold, the
# one that counts, or else the order's own.
INVOICE_HOMES = """
    SELECT DISTINCT ON (i.invoice_no) i.customer_id, i.invoice_no FROM invoice i
    WHERE i.customer_id = ANY (customer_ids({customer_id})) AND i.invoice_no IN (
        SELECT {invoice_nos})
    ORDER BY i.invoice_no,
        CASE WHEN i.customer_id IN (SELECT customer_id FROM customer_of_many_ids)
            THEN invoice_counts(i) END DESC,
        i.customer_id = {customer_id} DESC, i.customer_id
"""
_HOMES_ASKED = INVOICE_HOMES.format(
    customer_id=":customer_id", invoice_nos="unnest(CAST(:invoice_nos AS text[]))"
)
# Of each invoice by itself, so that it is looked up and what all the others were paid is not read.
FREED_AT_HOME = """
    SELECT coalesce(sum((SELECT sum(f.amount_minor) FROM invoice_freed f
        WHERE f.customer_id = home.customer_id AND f.invoice_no = home.invoice_no)), 0)::bigint
"""
_FREED = text(f"{FREED_AT_HOME} FROM ({_HOMES_ASKED}) home")
_FREED_EACH = text(f"{FREED_AT_HOME} AS minor, invoice_no FROM ({_HOMES_ASKED}) home GROUP BY 2")
_REVIVED = text(
    f"""
    SELECT coalesce(sum(p.amount_minor), 0)::bigint
    FROM ({_HOMES_ASKED}) home JOIN bill_part p USING (customer_id, invoice_no)
    WHERE EXISTS (SELECT FROM exposure_entry r WHERE r.key = 'bill/' || p.bill_id || '/revived')
    """
)
# An invoice that both of two merged records hold is one claim.
_COUNTS = text(
    "(invoice.customer_id NOT IN (SELECT customer_id FROM customer_of_many_ids)"
    " OR invoice_counts(invoice))"
)


class Receivables:
    """What customers owe and how they paid."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record_invoice(self, invoice: Invoice, *, business_on: date, recorded_by: str) -> Outcome:
        """Write one invoice once; refuses `AlreadyExists` for the number with other content."""
        return _granted(
            self.record_invoices([invoice], business_on=business_on, recorded_by=recorded_by)
        )

    def record_invoices(
        self, invoices: Sequence[Invoice], *, business_on: date, recorded_by: str
    ) -> list[Outcome | CreditError]:
        """Write many, no number twice; say what became of each, or why it was refused.

        Where only the dispute differs from what is on record, that is changed and remembered.
        """
        if not invoices:
            return []
        homes = self._homes([_key(invoice) for invoice in invoices])
        invoices = [
            each.model_copy(update={"customer_id": homes.get(_key(each), each.customer_id)})
            for each in invoices
        ]
        key = (InvoiceRow.customer_id, InvoiceRow.invoice_no)
        rows = [_invoice_columns(invoice, recorded_by) for invoice in invoices]
        written = self._session.execute(
            insert(InvoiceRow).values(rows).on_conflict_do_nothing().returning(*key)
        )
        created = {(row[0], row[1]) for row in written}
        held = self._find_invoices([_key(invoice) for invoice in invoices])
        outcomes: list[Outcome | CreditError] = []
        for invoice in invoices:
            if _key(invoice) in created:
                outcomes.append(Outcome.CREATED)
            else:
                known = held[_key(invoice)]
                outcomes.append(self._repeated(invoice, known, business_on, recorded_by))
        return outcomes

    def record_settled(
        self,
        told: Sequence[tuple[Invoice, date | None]],
        settlement_no: str,
        *,
        business_on: date,
        recorded_by: str,
    ) -> list[Outcome | CreditError]:
        """Write many, and the payment in full of each whose day of settlement is told."""
        outcomes = self.record_invoices(
            [invoice for invoice, _ in told], business_on=business_on, recorded_by=recorded_by
        )
        payments = {
            place: _settlement(invoice, settlement_no, settled_on)
            for place, (invoice, settled_on) in enumerate(told)
            if settled_on is not None and not isinstance(outcomes[place], CreditError)
        }
        paid = self.record_payments(list(payments.values()), recorded_by=recorded_by)
        for place, outcome in zip(payments, paid, strict=True):
            if isinstance(outcome, CreditError):
                outcomes[place] = outcome
            elif outcome is Outcome.CREATED and outcomes[place] is Outcome.UNCHANGED:
                outcomes[place] = Outcome.UPDATED
        return outcomes

    def record_payment(self, payment: Payment, *, recorded_by: str) -> Outcome:
        """Write one payment of one invoice once.

        Refuses `InvoiceUnknown`, `CurrencyMismatch`, `MoreThanInvoiced`, and `AlreadyExists` for
        the same number on the same invoice with other content.
        """
        return _granted(self.record_payments([payment], recorded_by=recorded_by))

    def record_payments(
        self, payments: Sequence[Payment], *, recorded_by: str
    ) -> list[Outcome | CreditError]:
        """Write many; say what became of each, or why it was refused.

        The invoices are locked in one order first, so that two payments never both take the rest.
        """
        return self._reduced(payments, recorded_by)

    def record_credit_note(self, note: CreditNote, *, recorded_by: str) -> Outcome:
        """Write one credit note of one invoice once.

        Refuses `InvoiceUnknown`, `CurrencyMismatch`, `MoreThanInvoiced`, `CreditNoteNotReversible`,
        and `AlreadyExists` for the same number on the same invoice with other content.
        """
        return _granted(self.record_credit_notes([note], recorded_by=recorded_by))

    def record_credit_notes(
        self, notes: Sequence[CreditNote], *, recorded_by: str
    ) -> list[Outcome | CreditError]:
        """Write many; say what became of each, or why it was refused."""
        return self._reduced(notes, recorded_by)

    def _reduced(
        self, documents: Sequence[Payment] | Sequence[CreditNote], recorded_by: str
    ) -> list[Outcome | CreditError]:
        """Write what makes less of invoices owed, or find why not; each sees those before it."""
        homes = self._homes([_key(each) for each in documents])
        at_home = [
            each.model_copy(update={"customer_id": homes.get(_key(each), each.customer_id)})
            for each in documents
        ]
        keys = sorted({_key(each) for each in at_home})
        invoices = self._find_invoices(keys, lock=True)
        held: dict[_Key, _Beside] = defaultdict(_Beside)
        for payment in self._find_payments(keys):
            held[_key(payment)].payments[payment.payment_no] = payment
        for note in self._find_credit_notes(keys):
            held[_key(note)].notes[note.credit_note_no] = note
        for key, day, minor in self._find_bill_moves(keys):
            held[key].moves.append((day, minor))
        outcomes: list[Outcome | CreditError] = []
        payments, notes = [], []
        for each in at_home:
            beside = held[_key(each)]
            outcome = _outcome(each, invoices.get(_key(each)), beside)
            outcomes.append(outcome)
            if outcome is not Outcome.CREATED:
                continue
            if isinstance(each, Payment):
                beside.payments[each.payment_no] = each
                payments.append(_payment_columns(each, recorded_by))
            else:
                beside.notes[each.credit_note_no] = each
                notes.append(_credit_note_columns(each, recorded_by))
        if payments:
            self._session.execute(insert(PaymentRow), payments)
        if notes:
            self._session.execute(insert(CreditNoteRow), notes)
        return outcomes

    def hold_for_bill(
        self, customer_id: str, parts: Sequence[tuple[str, Money]], received_on: date
    ) -> dict[str, str]:
        """Lock the invoices that a bill pays, and say under which id each lies.

        Refuses `InvoiceUnknown`, `CurrencyMismatch`, `MoreThanInvoiced`.
        """
        asked = [(customer_id, invoice_no) for invoice_no, _ in parts]
        homes = {key: (home, key[1]) for key, home in self._homes(asked).items()}
        keys = [homes.get(key, key) for key in asked]
        invoices = self._find_invoices(sorted(keys), lock=True)
        held: dict[_Key, _Beside] = defaultdict(_Beside)
        for payment in self._find_payments(keys):
            held[_key(payment)].payments[payment.payment_no] = payment
        for note in self._find_credit_notes(keys):
            held[_key(note)].notes[note.credit_note_no] = note
        for key, day, minor in self._find_bill_moves(keys):
            held[key].moves.append((day, minor))
        for key, (invoice_no, amount) in zip(keys, parts, strict=True):
            invoice = invoices.get(key)
            if invoice is None:
                raise InvoiceUnknown(invoice_no=invoice_no)
            if invoice.amount.currency != amount.currency:
                raise CurrencyMismatch(first=amount.currency, second=invoice.amount.currency)
            rest = held[key].least(invoice, received_on)
            if amount > rest:
                raise MoreThanInvoiced(amount=amount, open=rest, invoice_no=invoice_no)
        return {invoice_no: home for home, invoice_no in keys}

    def invoices(self, customer_id: str) -> tuple[Invoice, ...]:
        """All invoices of a customer, by due date."""
        query = select(InvoiceRow).where(of_customer(InvoiceRow.customer_id, customer_id))
        query = query.order_by(InvoiceRow.due_on, InvoiceRow.invoice_no)
        return tuple(map(_invoice, self._session.scalars(query)))

    def counting(self, customer_id: str) -> tuple[Invoice, ...]:
        """The invoices of a customer that count: of one that two of its records hold, one."""
        query = select(InvoiceRow).where(of_customer(InvoiceRow.customer_id, customer_id), _COUNTS)
        query = query.order_by(InvoiceRow.due_on, InvoiceRow.invoice_no)
        return tuple(map(_invoice, self._session.scalars(query)))

    def payments(self, customer_id: str) -> tuple[Payment, ...]:
        """All payments of a customer, by day."""
        query = select(PaymentRow).where(of_customer(PaymentRow.customer_id, customer_id))
        query = query.order_by(PaymentRow.paid_on, PaymentRow.payment_no)
        return tuple(map(_payment, self._session.scalars(query)))

    def credit_notes(self, customer_id: str) -> tuple[CreditNote, ...]:
        """All credit notes of a customer, by day."""
        query = select(CreditNoteRow).where(of_customer(CreditNoteRow.customer_id, customer_id))
        query = query.order_by(CreditNoteRow.issued_on, CreditNoteRow.credit_note_no)
        return tuple(map(_credit_note, self._session.scalars(query)))

    def freed(self, customer_id: str, invoice_nos: Sequence[str], currency: str) -> Money:
        """What of invoices of a customer frees the line of their order, in all, under whichever id
        they lie."""
        asked = {"customer_id": customer_id, "invoice_nos": list(invoice_nos)}
        return Money(minor=self._session.scalar(_FREED, asked) or 0, currency=currency)

    def freed_each(
        self, customer_id: str, invoice_nos: Sequence[str], currency: str
    ) -> dict[str, Money]:
        """The same of each that is on record."""
        asked = {"customer_id": customer_id, "invoice_nos": list(invoice_nos)}
        return {
            row.invoice_no: Money(minor=row.minor, currency=currency)
            for row in self._session.execute(_FREED_EACH, asked)
        }

    def revived(self, customer_id: str, invoice_nos: Sequence[str], currency: str) -> Money:
        """What of them bills had repaid that was revived with the bill."""
        asked = {"customer_id": customer_id, "invoice_nos": list(invoice_nos)}
        return Money(minor=self._session.scalar(_REVIVED, asked) or 0, currency=currency)

    def payment_record(
        self, customer_id: str, *, as_of: date, window_days: int = 365, currency: str = "CNY"
    ) -> PaymentRecord:
        """How the customer paid, in the currency of most of its invoices; `currency` where none.

        Invoices in other currencies join at the spot rate of the day; refuses `RateMissing`.
        """
        rows = self._session.execute(
            _LATENESS, {"customer_id": customer_id, "as_of": as_of, "window_days": window_days}
        ).mappings()
        sums = {str(row["currency"]): _lateness(row) for row in rows}
        main = next(iter(sums), currency)
        total = sums.pop(main, Lateness())
        for other, more in sums.items():
            rate = Rates(self._session).read(other, main, on=as_of)
            total = _joined(total, more, rate.in_minor)
        return payment_record(total, as_of, window_days, main)

    def open_items(
        self, as_of: date, *, customer_id: str | None = None, currency: str | None = None
    ) -> tuple[OpenItem, ...]:
        """What was owed on the day, of one customer or of the whole book, oldest due first."""
        query = _unpaid(as_of).order_by(InvoiceRow.due_on, InvoiceRow.invoice_no)
        if customer_id is not None:
            query = query.where(of_customer(InvoiceRow.customer_id, customer_id))
        if currency is not None:
            query = query.where(InvoiceRow.currency == currency)
        items = [
            OpenItem(
                invoice=_invoice(row),
                amount=Money(minor=int(unpaid), currency=row.currency),
                days_past_due=max(0, (as_of - row.due_on).days),
            )
            for row, unpaid in self._session.execute(query)
        ]
        contested = Disputes(self._session).open_on(as_of, [_key(item.invoice) for item in items])
        return tuple(
            item.contested_by(contested[_key(item.invoice)])
            if _key(item.invoice) in contested
            else item
            for item in items
        )

    def regularity(self, customer_id: str, as_of: date, days_free: int = 0) -> Regularity:
        """How regularly the customer's invoices were paid up to a day."""
        rows = self._session.execute(
            _REGULARITY,
            {"customer_id": customer_id, "as_of": as_of, "days_free": days_free},
        ).all()
        return Regularity(
            late_until=rows[0][0] if rows else None,
            due_days=tuple(due_on for _, due_on in rows if due_on is not None),
        )

    def sales(
        self, as_of: date, window_days: int, *, currency: str, customer_id: str | None = None
    ) -> Money:
        """What was invoiced less credited in the window that ends with the day, in one currency."""
        after = days_before(as_of, window_days)
        invoiced = select(func.coalesce(func.sum(InvoiceRow.amount_minor), 0)).where(
            InvoiceRow.issued_on > after, InvoiceRow.issued_on <= as_of
        )
        credited = (
            select(func.coalesce(func.sum(CreditNoteRow.amount_minor), 0))
            .join(InvoiceRow, _OF_INVOICE)
            .where(CreditNoteRow.issued_on > after, CreditNoteRow.issued_on <= as_of)
        )
        minor = 0
        for sign, query in ((1, invoiced), (-1, credited)):
            query = query.where(InvoiceRow.currency == currency, _COUNTS)
            if customer_id is not None:
                query = query.where(of_customer(InvoiceRow.customer_id, customer_id))
            minor += sign * int(self._session.scalar(query) or 0)
        return Money(minor=minor, currency=currency)

    def balances(
        self, as_of: date, window_days: int, *, currency: str, customer_id: str | None = None
    ) -> Balances:
        """What was open before the window that ends with the day, and the most within it."""
        row = self._session.execute(
            _BALANCES,
            {
                "as_of": as_of,
                "since": days_before(as_of, window_days - 1),
                "currency": currency,
                "customer_id": customer_id,
            },
        ).one()
        return Balances(
            opening=Money(minor=int(row.opening), currency=currency),
            high=Money(minor=int(row.high), currency=currency),
            high_on=row.day,
        )

    def shared(self, customer_id: str | None = None) -> dict[str, frozenset[tuple[str, int, str]]]:
        """Invoices of one number and amount that more than one customer has, by customer; of one
        customer and those who share with it, if one is named."""
        found: dict[str, set[tuple[str, int, str]]] = defaultdict(set)
        for holder, *invoice in self._session.execute(_SHARED, {"customer_id": customer_id}):
            found[holder].add((str(invoice[0]), int(invoice[1]), str(invoice[2])))
        return {holder: frozenset(invoices) for holder, invoices in found.items()}

    def overdue_customers(self, as_of: date, *, days_min: int = 1) -> tuple[tuple[str, int], ...]:
        """Customers with an item this many days past due or more, and the days of the oldest."""
        oldest = (
            _unpaid(as_of)
            .with_only_columns(InvoiceRow.customer_id, InvoiceRow.due_on)
            .where(InvoiceRow.due_on <= days_before(as_of, days_min))
            .subquery()
        )
        query = (
            select(oldest.c.customer_id, func.min(oldest.c.due_on))
            .group_by(oldest.c.customer_id)
            .order_by(oldest.c.customer_id)
        )
        rows = self._session.execute(query)
        return tuple((customer_id, (as_of - due_on).days) for customer_id, due_on in rows)

    def _homes(self, keys: Sequence[_Key]) -> dict[_Key, str]:
        """Under which id of its customer an invoice is on record, where that is another one."""
        rows = self._session.execute(
            _HOMES, {"ids": [k[0] for k in keys], "nos": [k[1] for k in keys]}
        )
        return {(asked, invoice_no): home for asked, invoice_no, home in rows}

    def _find_invoices(self, keys: Sequence[_Key], *, lock: bool = False) -> dict[_Key, Invoice]:
        key = tuple_(InvoiceRow.customer_id, InvoiceRow.invoice_no)
        query = select(InvoiceRow).where(key.in_(keys)).order_by(*key.clauses)
        if lock:
            query = query.with_for_update()
        query = query.execution_options(populate_existing=True)
        return {_key(found): found for found in map(_invoice, self._session.scalars(query))}

    def _find_payments(self, keys: Sequence[_Key]) -> list[Payment]:
        key = tuple_(PaymentRow.customer_id, PaymentRow.invoice_no)
        return [
            _payment(row) for row in self._session.scalars(select(PaymentRow).where(key.in_(keys)))
        ]

    def _find_credit_notes(self, keys: Sequence[_Key]) -> list[CreditNote]:
        key = tuple_(CreditNoteRow.customer_id, CreditNoteRow.invoice_no)
        query = select(CreditNoteRow).where(key.in_(keys))
        return [_credit_note(row) for row in self._session.scalars(query)]

    def _find_bill_moves(self, keys: Sequence[_Key]) -> list[tuple[_Key, date, int]]:
        """What bills take off invoices, and put back where they were refused."""
        rows = self._session.execute(
            _BILL_MOVES, {"ids": [k[0] for k in keys], "nos": [k[1] for k in keys]}
        )
        return [((row[0], row[1]), row[2], int(row[3])) for row in rows]

    def _repeated(
        self, invoice: Invoice, known: Invoice, business_on: date, recorded_by: str
    ) -> Outcome | CreditError:
        if _claim(invoice) != _claim(known):
            return AlreadyExists(kind="invoice", id=invoice.invoice_no)
        if invoice.disputed == known.disputed:
            return Outcome.UNCHANGED
        changed = Disputes(self._session).told(
            invoice.customer_id,
            invoice.invoice_no,
            business_on,
            recorded_by,
            disputed=invoice.disputed,
        )
        if not changed:
            return Outcome.UNCHANGED
        Customers(self._session).record_event(_dispute_event(invoice, business_on, recorded_by))
        return Outcome.UPDATED


_OF_INVOICE = and_(
    CreditNoteRow.customer_id == InvoiceRow.customer_id,
    CreditNoteRow.invoice_no == InvoiceRow.invoice_no,
)
_REDUCTION = table(
    "invoice_reduction",
    column("customer_id", Text),
    column("invoice_no", Text),
    column("counts_on", Date),
    column("amount_minor", BigInteger),
)


def _unpaid(as_of: date) -> Select[InvoiceRow, int]:
    reduced = (
        select(func.coalesce(func.sum(_REDUCTION.c.amount_minor), 0))
        .where(
            _REDUCTION.c.customer_id == InvoiceRow.customer_id,
            _REDUCTION.c.invoice_no == InvoiceRow.invoice_no,
            _REDUCTION.c.counts_on <= as_of,
        )
        .scalar_subquery()
    )
    rest = InvoiceRow.amount_minor - reduced
    return select(InvoiceRow, rest).where(InvoiceRow.issued_on <= as_of, rest > 0, _COUNTS)


@dataclass
class _Beside:
    """What is on record of one invoice, by number."""

    payments: dict[str, Payment] = field(default_factory=dict)
    notes: dict[str, CreditNote] = field(default_factory=dict)
    moves: list[tuple[date, int]] = field(default_factory=list)  # of bills, below zero if refused

    def least(self, invoice: Invoice, on: date) -> Money:
        return open_from(invoice, self.payments.values(), self.notes.values(), on, self.moves)


def _outcome(
    document: Payment | CreditNote, invoice: Invoice | None, beside: _Beside
) -> Outcome | CreditError:
    """What one payment or credit note comes to, next to those on record for its invoice."""
    if invoice is None:
        return InvoiceUnknown(invoice_no=document.invoice_no)
    if document.amount.currency != invoice.amount.currency:
        return CurrencyMismatch(first=document.amount.currency, second=invoice.amount.currency)
    known: Payment | CreditNote | None
    if isinstance(document, Payment):
        on, known = document.paid_on, beside.payments.get(document.payment_no)
        repeated = AlreadyExists(kind="payment", id=document.payment_no)
    else:
        on, known = document.issued_on, beside.notes.get(document.credit_note_no)
        repeated = AlreadyExists(kind="credit note", id=document.credit_note_no)
    if known is not None:
        return Outcome.UNCHANGED if _said(known) == _said(document) else repeated
    if isinstance(document, CreditNote) and on < invoice.issued_on:
        return too_early()
    if isinstance(document, CreditNote) and document.reverses is not None:
        return _reversal(document, beside.notes)
    rest = beside.least(invoice, on)
    if document.amount > rest:
        return MoreThanInvoiced(amount=document.amount, open=rest, invoice_no=invoice.invoice_no)
    return Outcome.CREATED


def too_early() -> FieldUnreadable:
    """The refusal of a credit note that is older than its invoice."""
    return FieldUnreadable(
        column="issued_on",
        expected="the day of the invoice or later",
        expected_zh="发票开票日或之后的日期",
    )


def _settlement(invoice: Invoice, settlement_no: str, settled_on: date) -> Payment:
    return Payment(
        customer_id=invoice.customer_id,
        payment_no=settlement_no,
        invoice_no=invoice.invoice_no,
        paid_on=settled_on,
        amount=invoice.amount,
        source=invoice.source,
    )


def _reversal(note: CreditNote, notes: Mapping[str, CreditNote]) -> Outcome | CreditError:
    """Whether a note may be taken back by this one: once, whole, and not before its own day."""
    of = notes.get(note.reverses or "")
    if (
        of is None
        or of.reverses is not None
        or of.amount != note.amount
        or note.issued_on < of.issued_on
        or any(each.reverses == of.credit_note_no for each in notes.values())
    ):
        return CreditNoteNotReversible(credit_note_no=note.reverses, invoice_no=note.invoice_no)
    return Outcome.CREATED


def _said(document: Payment | CreditNote) -> tuple[object, ...]:
    if isinstance(document, Payment):
        return document.paid_on, document.amount
    return document.issued_on, document.amount, document.reverses, document.reason


def _granted(outcomes: Sequence[Outcome | CreditError]) -> Outcome:
    """The outcome of the only row, or its refusal raised."""
    outcome = outcomes[0]
    if isinstance(outcome, CreditError):
        raise outcome
    return outcome


def _joined(total: Lateness, more: Lateness, in_main: Callable[[int], int]) -> Lateness:
    return Lateness(
        invoices=total.invoices + more.invoices,
        due=total.due + in_main(more.due),
        late=total.late + in_main(more.late),
        late_days=total.late_days + in_main(more.late_days),
        open_total=total.open_total + in_main(more.open_total),
        overdue=total.overdue + in_main(more.overdue),
        days_past_due_max=max(total.days_past_due_max, more.days_past_due_max),
    )


def _lateness(row: RowMapping) -> Lateness:
    return Lateness(**{name: int(row[name]) for name in Lateness.model_fields})


def _key(document: Invoice | Payment | CreditNote) -> _Key:
    return document.customer_id, document.invoice_no


def _claim(invoice: Invoice) -> tuple[date, date, Money]:
    """What an invoice says for good."""
    return invoice.issued_on, invoice.due_on, invoice.amount


def _dispute_event(invoice: Invoice, business_on: date, recorded_by: str) -> CreditEvent:
    """The event of a dispute that opens or ends; it may do either more than once, hence the time."""
    seed = f"{invoice.customer_id}/{invoice.invoice_no}/{recorded_at().isoformat()}"
    opened = CreditEventType.DISPUTE_OPENED
    return CreditEvent(
        event_id=sha256(seed.encode()).hexdigest()[:36],
        customer_id=invoice.customer_id,
        event_type=opened if invoice.disputed else CreditEventType.DISPUTE_SETTLED,
        occurred_on=business_on,
        amount=invoice.amount,
        note=invoice.invoice_no,
        recorded_by=recorded_by,
    )


def _invoice_columns(invoice: Invoice, recorded_by: str) -> dict[str, object]:
    return {
        **invoice.model_dump(exclude={"amount"}),
        "amount_minor": invoice.amount.minor,
        "currency": invoice.amount.currency,
        "recorded_by": recorded_by,
    }


def _payment_columns(payment: Payment, recorded_by: str) -> dict[str, object]:
    return {
        **payment.model_dump(exclude={"amount"}),
        "amount_minor": payment.amount.minor,
        "currency": payment.amount.currency,
        "recorded_by": recorded_by,
    }


def _credit_note_columns(note: CreditNote, recorded_by: str) -> dict[str, object]:
    return {
        **note.model_dump(exclude={"amount"}),
        "amount_minor": note.credited.minor,
        "currency": note.amount.currency,
        "recorded_by": recorded_by,
    }


def _invoice(row: InvoiceRow) -> Invoice:
    return Invoice(
        customer_id=row.customer_id,
        invoice_no=row.invoice_no,
        issued_on=row.issued_on,
        due_on=row.due_on,
        amount=Money(minor=row.amount_minor, currency=row.currency),
        disputed=row.disputed,
        source=row.source,
    )


def _payment(row: PaymentRow) -> Payment:
    return Payment(
        customer_id=row.customer_id,
        payment_no=row.payment_no,
        invoice_no=row.invoice_no,
        paid_on=row.paid_on,
        amount=Money(minor=row.amount_minor, currency=row.currency),
        source=row.source,
    )


def _credit_note(row: CreditNoteRow) -> CreditNote:
    return CreditNote(
        customer_id=row.customer_id,
        credit_note_no=row.credit_note_no,
        invoice_no=row.invoice_no,
        issued_on=row.issued_on,
        amount=Money(minor=abs(row.amount_minor), currency=row.currency),
        reverses=row.reverses,
        reason=row.reason,
        source=row.source,
    )
