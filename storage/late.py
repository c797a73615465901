"""Late interest as it was charged, waived and reversed: entries that are only ever added."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import BigInteger, Identity, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import (
    AlreadyDecided,
    Conflict,
    MoreThanCharged,
    NotFound,
    OutOfOrder,
    SameHands,
)
from domain.late import LateEntry, LateEntryKind, LateWaiver, left_of
from domain.money import Money
from domain.reasons import because
from storage.base import Row, table_of
from storage.customer import Customers, of_customer


class LateEntryRow(Row):
    __tablename__ = "late_entry"

    entry_id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    customer_id: Mapped[str]
    invoice_no: Mapped[str]
    kind: Mapped[str]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    period_end_on: Mapped[date | None]
    of: Mapped[str | None]
    asked_by: Mapped[str | None]
    reason: Mapped[str]
    posted_by: Mapped[str]
    business_on: Mapped[date]
    recorded_at: Mapped[datetime]


class LateWaiverRow(Row):
    __tablename__ = "late_waiver"

    waiver_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    of: Mapped[str]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    reason: Mapped[str]
    asked_by: Mapped[str]
    recorded_at: Mapped[datetime]


class LateWaiverAnswerRow(Row):
    __tablename__ = "late_waiver_answer"

    waiver_id: Mapped[str] = mapped_column(primary_key=True)
    asked_by: Mapped[str]
    answered_by: Mapped[str]
    granted: Mapped[bool]
    note: Mapped[str]
    recorded_at: Mapped[datetime]


_POST = insert(table_of(LateEntryRow)).on_conflict_do_nothing()
_ASK = insert(table_of(LateWaiverRow)).on_conflict_do_nothing()
_ANSWER = insert(table_of(LateWaiverAnswerRow))


class LateInterest:
    """The late interest of our customers."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def lock(self, customer_id: str) -> None:
        """One after another, whoever posts to a customer."""
        self._session.execute(
            text(
                "SELECT FROM customer WHERE customer_id = customer_survivor(:id) FOR NO KEY UPDATE"
            ),
            {"id": customer_id},
        )

    def entries(self, customer_id: str) -> Sequence[LateEntry]:
        """Everything posted to a customer under any of its ids, in its order."""
        rows = self._session.scalars(
            select(LateEntryRow)
            .where(of_customer(LateEntryRow.customer_id, customer_id))
            .order_by(LateEntryRow.seq)
        )
        return [_entry_of(row) for row in rows]

    def read(self, entry_id: str) -> LateEntry:
        row = self._session.get(LateEntryRow, entry_id)
        if row is None:
            raise NotFound(kind="late interest entry", id=entry_id)
        return _entry_of(row)

    def post(self, entry: LateEntry) -> LateEntry:
        """Add an entry; the same id again is the entry on record, another content `Conflict`."""
        content = entry.model_dump(exclude={"amount"})
        amount = {"amount_minor": entry.amount.minor, "currency": entry.amount.currency}
        self._session.execute(_POST, content | amount)
        known = self.read(entry.entry_id)
        if (known.kind, known.of, known.amount) != (entry.kind, entry.of, entry.amount):
            raise Conflict(**because("entry_differs", entry_id=entry.entry_id))
        return known

    def ask_waiver(self, waiver: LateWaiver) -> LateWaiver:
        """Ask for a waiver of what is left of a charge; refuses `MoreThanCharged`.

        It stands under the id that the charge stands under.
        """
        waiver = waiver.model_copy(update={"customer_id": self._charge_of(waiver).customer_id})
        self._session.execute(
            _ASK,
            {
                **waiver.model_dump(exclude={"amount"}),
                "amount_minor": waiver.amount.minor,
                "currency": waiver.amount.currency,
            },
        )
        return self.read_waiver(waiver.waiver_id)

    def read_waiver(self, waiver_id: str) -> LateWaiver:
        row = self._session.get(LateWaiverRow, waiver_id)
        if row is None:
            raise NotFound(kind="waiver", id=waiver_id)
        return _waiver_of(row)

    def pending(self, customer_id: str) -> Sequence[LateWaiver]:
        """The waivers of a customer that nobody has answered, oldest first."""
        rows = self._session.scalars(
            select(LateWaiverRow)
            .outerjoin(
                LateWaiverAnswerRow, LateWaiverAnswerRow.waiver_id == LateWaiverRow.waiver_id
            )
            .where(
                of_customer(LateWaiverRow.customer_id, customer_id),
                LateWaiverAnswerRow.waiver_id.is_(None),
            )
            .order_by(LateWaiverRow.recorded_at)
        )
        return [_waiver_of(row) for row in rows]

    def answer_waiver(
        self, waiver: LateWaiver, answered_by: str, business_on: date, *, granted: bool, note: str
    ) -> None:
        """A second person's word; a waiver that is granted becomes an entry beside its charge.

        The same word again changes nothing. Refuses `SameHands`, `AlreadyDecided`,
        `MoreThanCharged`.
        """
        if waiver.asked_by == answered_by:
            raise SameHands(first="asking for a waiver", second="granting it")
        known = self._session.get(LateWaiverAnswerRow, waiver.waiver_id)
        if known is not None:
            if (known.answered_by, known.granted) != (answered_by, granted):
                raise AlreadyDecided(
                    verdict="granted" if known.granted else "not granted",
                    decided_by=known.answered_by,
                    decided_at=known.recorded_at.isoformat(),
                )
            return
        if granted:
            self._charge_of(waiver)
        self._session.execute(
            _ANSWER,
            {
                "waiver_id": waiver.waiver_id,
                "asked_by": waiver.asked_by,
                "answered_by": answered_by,
                "granted": granted,
                "note": note,
            },
        )
        if granted:
            charge = self.read(waiver.of)
            self.post(
                LateEntry(
                    entry_id=waiver.waiver_id,
                    customer_id=charge.customer_id,
                    invoice_no=charge.invoice_no,
                    kind=LateEntryKind.WAIVER,
                    amount=-waiver.amount,
                    of=charge.entry_id,
                    asked_by=waiver.asked_by,
                    reason=waiver.reason,
                    posted_by=answered_by,
                    business_on=business_on,
                )
            )

    def reverse(
        self, entry_id: str, reversal_id: str, posted_by: str, business_on: date, reason: str
    ) -> LateEntry:
        """Put a waived amount back, by a further entry; a waiver is reversed once."""
        waiver = self.read(entry_id)
        if waiver.kind is not LateEntryKind.WAIVER:
            raise OutOfOrder(**because("not_reversed", kind=waiver.kind))
        known = self._session.scalar(select(LateEntryRow).where(LateEntryRow.of == entry_id))
        if known is not None:
            raise OutOfOrder(**because("reversed_already", entry_id=entry_id))
        return self.post(
            LateEntry(
                entry_id=reversal_id,
                customer_id=waiver.customer_id,
                invoice_no=waiver.invoice_no,
                kind=LateEntryKind.REVERSAL,
                amount=-waiver.amount,
                of=entry_id,
                reason=reason,
                posted_by=posted_by,
                business_on=business_on,
            )
        )

    def _charge_of(self, waiver: LateWaiver) -> LateEntry:
        """What the waiver is of; refuses `NotFound`, and `MoreThanCharged`."""
        charge = self.read(waiver.of)
        ids = Customers(self._session).ids(charge.customer_id)
        if waiver.customer_id not in ids or charge.kind is not LateEntryKind.CHARGE:
            raise NotFound(kind="late interest entry", id=waiver.of)
        left = left_of(charge, self.entries(charge.customer_id))
        if waiver.amount > left:
            raise MoreThanCharged(amount=waiver.amount, left=left, entry_id=charge.entry_id)
        return charge


def _entry_of(row: LateEntryRow) -> LateEntry:
    return LateEntry(
        entry_id=row.entry_id,
        customer_id=row.customer_id,
        invoice_no=row.invoice_no,
        kind=LateEntryKind(row.kind),
        amount=Money(minor=row.amount_minor, currency=row.currency),
        period_end_on=row.period_end_on,
        of=row.of,
        asked_by=row.asked_by,
        reason=row.reason,
        posted_by=row.posted_by,
        business_on=row.business_on,
    )


def _waiver_of(row: LateWaiverRow) -> LateWaiver:
    return LateWaiver(
        waiver_id=row.waiver_id,
        customer_id=row.customer_id,
        of=row.of,
        amount=Money(minor=row.amount_minor, currency=row.currency),
        reason=row.reason,
        asked_by=row.asked_by,
    )
