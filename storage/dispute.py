"""Disputes on record: opened once, settled once, and asked as of any day."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.dispute import Dispute, DisputeContent, DisputeEnd
from domain.errors import (
    AlreadyExists,
    CurrencyMismatch,
    FieldUnreadable,
    InvoiceUnknown,
    MoreThanInvoiced,
    NotFound,
    OutOfOrder,
)
from domain.money import Money
from storage.base import Row


class DisputeRow(Row):
    __tablename__ = "invoice_dispute"

    dispute_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    invoice_no: Mapped[str]
    opened_on: Mapped[date]
    amount_minor: Mapped[int]
    reason: Mapped[str]
    owner: Mapped[str]
    opened_by: Mapped[str]


class DisputeEndRow(Row):
    __tablename__ = "invoice_dispute_end"

    dispute_id: Mapped[str] = mapped_column(primary_key=True)
    settled_on: Mapped[date]
    reason: Mapped[str]
    settled_by: Mapped[str]


_BY_FILE = "told by a file"
_SELECT = """
    SELECT d.dispute_id, d.customer_id, d.invoice_no, d.opened_on, d.reason, d.owner, d.opened_by,
           d.amount_minor, i.currency, e.settled_on, coalesce(e.reason, '') AS settled_reason,
           coalesce(e.settled_by, '') AS settled_by
    FROM invoice_dispute d
    JOIN invoice i USING (customer_id, invoice_no)
    LEFT JOIN invoice_dispute_end e USING (dispute_id)
"""


class Disputes:
    """What customers contest of their invoices."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open(self, dispute_id: str, customer_id: str, content: DisputeContent, by: str) -> Dispute:
        """Open a dispute once; refuses `InvoiceUnknown`, `CurrencyMismatch`, `FieldUnreadable` for
        a day before the invoice, `MoreThanInvoiced`, `AlreadyExists`."""
        row = self._run(
            "SELECT customer_id, issued_on, amount_minor, currency FROM invoice"
            " WHERE customer_id = ANY (customer_ids(:customer_id)) AND invoice_no = :no"
            " ORDER BY invoice_counts(invoice) DESC LIMIT 1 FOR UPDATE OF invoice",
            customer_id=customer_id,
            no=content.invoice_no,
        ).one_or_none()
        if row is None:
            raise InvoiceUnknown(invoice_no=content.invoice_no)
        whole = Money(minor=row.amount_minor, currency=row.currency)
        amount = content.amount or whole
        if amount.currency != whole.currency:
            raise CurrencyMismatch(first=amount.currency, second=whole.currency)
        if amount > whole:
            raise MoreThanInvoiced(amount=amount, open=whole, invoice_no=content.invoice_no)
        if content.opened_on < row.issued_on:
            raise FieldUnreadable(
                column="opened_on",
                expected="the day of the invoice or later",
                expected_zh="发票开票日或之后的日期",
            )
        self._run(
            "INSERT INTO invoice_dispute (dispute_id, customer_id, invoice_no, opened_on,"
            " amount_minor, reason, owner, opened_by)"
            " VALUES (:dispute_id, :customer_id, :no, :on, :minor, :reason, :owner, :by)"
            " ON CONFLICT DO NOTHING",
            dispute_id=dispute_id,
            customer_id=row.customer_id,
            no=content.invoice_no,
            on=content.opened_on,
            minor=amount.minor,
            reason=content.reason,
            owner=content.owner,
            by=by,
        )
        dispute = self.read(dispute_id)
        asked = content.model_copy(update={"amount": amount})
        if dispute.customer_id != row.customer_id or dispute.content != asked:
            raise AlreadyExists(kind="dispute", id=dispute_id)
        self._flag(dispute.customer_id, dispute.invoice_no)
        return dispute

    def settle(self, dispute_id: str, end: DisputeEnd, by: str) -> Dispute:
        """Settle a dispute once; refuses `AlreadyExists` for another end, and `OutOfOrder` for a
        day before it was opened."""
        dispute = self.read(dispute_id)
        if end.settled_on < dispute.opened_on:
            raise OutOfOrder(reason="the dispute was opened later")
        self._run(
            "SELECT FROM invoice WHERE customer_id = :customer_id AND invoice_no = :no FOR UPDATE",
            customer_id=dispute.customer_id,
            no=dispute.invoice_no,
        )
        self._run(
            "INSERT INTO invoice_dispute_end (dispute_id, settled_on, reason, settled_by)"
            " VALUES (:dispute_id, :on, :reason, :by) ON CONFLICT DO NOTHING",
            dispute_id=dispute_id,
            on=end.settled_on,
            reason=end.reason,
            by=by,
        )
        settled = self.read(dispute_id)
        if (settled.settled_on, settled.settled_reason) != (end.settled_on, end.reason):
            raise AlreadyExists(kind="dispute", id=dispute_id)
        self._flag(settled.customer_id, settled.invoice_no)
        return settled

    def read(self, dispute_id: str) -> Dispute:
        row = self._run(f"{_SELECT} WHERE dispute_id = :id", id=dispute_id).one_or_none()
        if row is None:
            raise NotFound(kind="dispute", id=dispute_id)
        return _dispute(row)

    def of_customer(self, customer_id: str) -> tuple[Dispute, ...]:
        """Every dispute of a customer, the newest first."""
        rows = self._run(
            f"{_SELECT} WHERE customer_id = ANY (customer_ids(:customer_id))"
            " ORDER BY d.opened_on DESC, d.dispute_id",
            customer_id=customer_id,
        )
        return tuple(map(_dispute, rows))

    def find_open(
        self,
        *,
        after: tuple[date, str] | None = None,
        page_size: int = 50,
        manager_id: str | None = None,
    ) -> tuple[Dispute, ...]:
        """Disputes that nobody has settled, the oldest first, from below `after`; of one manager's
        customers, if said."""
        day, dispute_id = after or (None, None)
        rows = self._run(
            f"{_SELECT} WHERE e.dispute_id IS NULL"
            " AND (CAST(:day AS date) IS NULL OR (d.opened_on, d.dispute_id) > (:day, :id))"
            " AND (CAST(:manager_id AS text) IS NULL OR customer_id IN"
            " (SELECT o.customer_id FROM customer_owner o WHERE o.manager_id = :manager_id))"
            " ORDER BY d.opened_on, d.dispute_id LIMIT :page_size",
            day=day,
            id=dispute_id,
            manager_id=manager_id,
            page_size=page_size,
        )
        return tuple(map(_dispute, rows))

    def open_on(self, on: date, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """What of these invoices is contested on a day, in minor units; those that no dispute is
        on record of are left out, and what their own column says holds."""
        asked = list(keys)
        rows = self._run(
            """
            SELECT d.customer_id, d.invoice_no, coalesce(sum(d.amount_minor) FILTER (
                WHERE d.opened_on <= :on AND coalesce(e.settled_on > :on, true)), 0) AS minor
            FROM unnest(CAST(:ids AS text[]), CAST(:nos AS text[])) asked (id, no)
            JOIN invoice_dispute d ON d.customer_id = asked.id AND d.invoice_no = asked.no
            LEFT JOIN invoice_dispute_end e USING (dispute_id)
            GROUP BY d.customer_id, d.invoice_no
            """,
            on=on,
            ids=[key[0] for key in asked],
            nos=[key[1] for key in asked],
        )
        return {(row.customer_id, row.invoice_no): int(row.minor) for row in rows}

    def told(self, customer_id: str, invoice_no: str, on: date, by: str, *, disputed: bool) -> bool:
        """A file says that an invoice is disputed, or no more; whether that changes how it stands.

        One that was when it came had been from its first day. What a person opened, a person
        settles: a file ends what files opened.
        """
        asked = {"customer_id": customer_id, "no": invoice_no, "on": on, "by": by, "why": _BY_FILE}
        before = self._run(
            "SELECT disputed FROM invoice WHERE customer_id = :customer_id AND invoice_no = :no"
            " FOR UPDATE",
            **asked,
        ).scalar_one()
        if before == disputed:
            return False
        self._run(
            """
            INSERT INTO invoice_dispute (dispute_id, customer_id, invoice_no, opened_on,
                amount_minor, reason, owner, opened_by)
            SELECT gen_random_uuid()::text, customer_id, invoice_no,
                   CASE WHEN :disputed THEN greatest(CAST(:on AS date), issued_on)
                        ELSE issued_on END,
                   amount_minor, :why, :by, :by
            FROM invoice i WHERE customer_id = :customer_id AND invoice_no = :no
                AND (:disputed OR NOT EXISTS (SELECT FROM invoice_dispute d
                    WHERE d.customer_id = i.customer_id AND d.invoice_no = i.invoice_no))
            """,
            **asked,
            disputed=disputed,
        )
        if not disputed:
            self._run(
                """
                INSERT INTO invoice_dispute_end (dispute_id, settled_on, reason, settled_by)
                SELECT dispute_id, greatest(CAST(:on AS date), opened_on), :why, :by
                FROM invoice_dispute d WHERE customer_id = :customer_id AND invoice_no = :no
                    AND reason = :why AND owner = opened_by
                    AND NOT EXISTS (SELECT FROM invoice_dispute_end e
                        WHERE e.dispute_id = d.dispute_id)
                """,
                **asked,
            )
        return self._flag(customer_id, invoice_no) == disputed

    def _flag(self, customer_id: str, invoice_no: str) -> bool:
        """Keep the column of the invoice, held before, what its disputes say as things stand."""
        disputed: bool = self._run(
            """
            UPDATE invoice i SET disputed = EXISTS (
                SELECT FROM invoice_dispute d LEFT JOIN invoice_dispute_end e USING (dispute_id)
                WHERE d.customer_id = i.customer_id AND d.invoice_no = i.invoice_no
                    AND e.dispute_id IS NULL)
            WHERE i.customer_id = :customer_id AND i.invoice_no = :no RETURNING i.disputed
            """,
            customer_id=customer_id,
            no=invoice_no,
        ).scalar_one()
        return disputed

    def _run(self, statement: str, **values: object) -> Any:
        return self._session.execute(text(statement), values)


def _dispute(row: Any) -> Dispute:
    fields = {name: getattr(row, name) for name in Dispute.model_fields if name != "amount"}
    return Dispute(**fields, amount=Money(minor=row.amount_minor, currency=row.currency))
