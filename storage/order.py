"""Sales orders and their events: an order's row is its newest event's, and events are only added."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import array, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.check import CheckResult
from domain.errors import AlreadyExists, KeyReused, NotFound, OutOfOrder
from domain.money import Money
from domain.order import Moved, Order, OrderAct, OrderEvent, OrderStatus
from storage.base import Row, table_of
from storage.customer import of_customer, owned_by
from storage.receivable import FREED_AT_HOME, INVOICE_HOMES


class OrderRow(Row):
    __tablename__ = "sales_order"

    order_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    source: Mapped[str]
    order_no: Mapped[str]
    status: Mapped[str]
    asked: Mapped[bool]
    currency: Mapped[str]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    reserved_minor: Mapped[int] = mapped_column(BigInteger)
    delivered_minor: Mapped[int] = mapped_column(BigInteger)
    invoiced_minor: Mapped[int] = mapped_column(BigInteger)
    settled_minor: Mapped[int] = mapped_column(BigInteger)
    used_minor: Mapped[int] = mapped_column(BigInteger)
    deliver_on: Mapped[date | None]
    enters_on: Mapped[date | None]
    line_id: Mapped[str | None]
    hold_id: Mapped[str | None]
    part_of: Mapped[str | None]
    placed_at: Mapped[datetime]
    placed_on: Mapped[date]
    offset_days: Mapped[int]
    version: Mapped[int]
    body: Mapped[dict[str, Any]]


class OrderEventRow(Row):
    __tablename__ = "order_event"

    order_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    act: Mapped[str]
    key: Mapped[str | None]
    said: Mapped[str | None]
    acted_by: Mapped[str]
    business_on: Mapped[date]
    acted_at: Mapped[datetime]
    note: Mapped[str]
    body: Mapped[dict[str, Any]]
    judged: Mapped[dict[str, Any] | None]


_OPEN = tuple(each.value for each in OrderStatus if not each.ended and each != OrderStatus.QUOTED)
_HOMES = INVOICE_HOMES.format(
    customer_id="sales_order.customer_id",
    invoice_nos="jsonb_array_elements_text(sales_order.body -> 'invoices')",
)
# Less is owed on an order's invoices than it has given back for, or more again as a bill was refused
# or a credit note reversed.
_REDUCED = text(
    f"""
    (sales_order.invoiced_minor > sales_order.settled_minor
        OR sales_order.settled_minor > 0 AND sales_order.customer_id IN (
            SELECT unnest(customer_ids(owing.customer_id)) FROM (
                SELECT p.customer_id FROM bill_part p JOIN bill_event e USING (bill_id)
                WHERE e.kind = 'refused'
                UNION SELECT n.customer_id FROM credit_note n WHERE n.reverses IS NOT NULL) owing))
    AND sales_order.settled_minor <> least(sales_order.invoiced_minor, (
        {FREED_AT_HOME} FROM ({_HOMES}) home))
    """
)
# In one look, as a line is used by more or less before the order says so.
_SPARE = text(
    """
    SELECT a.used_minor - coalesce((SELECT sum(s.used_minor) FROM sales_order s
            WHERE s.line_id = a.owner_id AND s.used_minor > 0), 0) AS minor,
        EXISTS (SELECT FROM sales_order s WHERE s.asked AND s.line_id = a.owner_id) AS under_way
    FROM exposure_account a WHERE a.kind = 'line' AND a.owner_id = :line_id
    """
)
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:of, 0))")


class Orders:
    """Orders, as they are and as they came to be."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def read(self, order_id: str, *, for_update: bool = False) -> Order:
        query = select(OrderRow.body).where(OrderRow.order_id == order_id)
        body = self._session.scalar(query.with_for_update() if for_update else query)
        if body is None:
            raise NotFound(kind="order", id=order_id)
        return Order.model_validate(body)

    def find_by_no(self, customer_id: str, source: str, order_no: str) -> Order | None:
        """The order of this number, under any id of the customer; locked, or its number is."""
        self._session.execute(_LOCK, {"of": f"order/{source}/{order_no}"})
        body = self._session.scalar(
            select(OrderRow.body)
            .where(
                of_customer(OrderRow.customer_id, customer_id),
                OrderRow.source == source,
                OrderRow.order_no == order_no,
            )
            .order_by(OrderRow.placed_at)
            .limit(1)
            .with_for_update()
        )
        return None if body is None else Order.model_validate(body)

    def find_by_invoice(self, customer_id: str, invoice_no: str) -> str | None:
        """The id of the customer's order that an invoice is on; the number is locked."""
        self._session.execute(_LOCK, {"of": f"order_invoice/{invoice_no}"})
        return self._session.scalar(
            select(OrderRow.order_id)
            .where(
                of_customer(OrderRow.customer_id, customer_id),
                OrderRow.invoiced_minor > 0,
                OrderRow.body["invoices"].contains([invoice_no]),
            )
            .limit(1)
        )

    def of_invoices(
        self, customer_id: str, line_id: str, invoice_nos: Iterable[str]
    ) -> Sequence[Order]:
        """The orders on a line that any of these invoices of the customer is on, the oldest first."""
        rows = self._session.scalars(
            select(OrderRow.body)
            .where(
                of_customer(OrderRow.customer_id, customer_id),
                OrderRow.line_id == line_id,
                OrderRow.invoiced_minor > 0,
                OrderRow.body["invoices"].has_any(array(sorted(invoice_nos))),
            )
            .order_by(OrderRow.placed_at, OrderRow.order_id)
        )
        return [Order.model_validate(body) for body in rows]

    def list_page(
        self,
        *,
        page_size: int = 50,
        before: tuple[datetime, str] | None = None,
        customer_id: str | None = None,
        line_id: str | None = None,
        status: OrderStatus | None = None,
        order_no: str | None = None,
        manager_id: str | None = None,
    ) -> Sequence[Order]:
        """Newest first; `before` is the `(placed_at, order_id)` of the last one seen."""
        conditions: list[ColumnElement[bool]] = []
        if before is not None:
            conditions.append(tuple_(OrderRow.placed_at, OrderRow.order_id) < before)
        if customer_id is not None:
            conditions.append(of_customer(OrderRow.customer_id, customer_id))
        if manager_id is not None:
            conditions.append(owned_by(OrderRow.customer_id, manager_id))
        for column, wanted in (
            (OrderRow.line_id, line_id),
            (OrderRow.status, status),
            (OrderRow.order_no, order_no),
        ):
            if wanted is not None:
                conditions.append(column == wanted)
        rows = self._session.scalars(
            select(OrderRow.body)
            .where(*conditions)
            .order_by(OrderRow.placed_at.desc(), OrderRow.order_id.desc())
            .limit(page_size)
        )
        return [Order.model_validate(body) for body in rows]

    def due(
        self,
        on: date,
        *,
        after: str | None,
        page_size: int,
        customer_ids: Sequence[str] | None = None,
    ) -> Sequence[Order]:
        """What is to be looked at again, the oldest first: held, released, asked and not answered,
        near enough by now to be reserved, or paid."""
        conditions: list[ColumnElement[bool]] = [
            or_(
                OrderRow.asked,
                OrderRow.status.in_((OrderStatus.HELD, OrderStatus.RELEASED)),
                OrderRow.enters_on <= on,
                _REDUCED,
            )
        ]
        if customer_ids is not None:
            conditions.append(of_customer(OrderRow.customer_id, customer_ids))
        if after is not None:
            last = select(OrderRow.placed_at).where(OrderRow.order_id == after).scalar_subquery()
            conditions.append(tuple_(OrderRow.placed_at, OrderRow.order_id) > tuple_(last, after))
        rows = self._session.scalars(
            select(OrderRow.body)
            .where(*conditions)
            .order_by(OrderRow.placed_at, OrderRow.order_id)
            .limit(page_size)
        )
        return [Order.model_validate(body) for body in rows]

    def spare(self, line_id: str, currency: str) -> Money:
        """What a line is used by beside its orders; below zero, what of theirs was repaid by hand."""
        return self._spare(line_id, currency)[0]

    def find_spare(self, line_id: str, currency: str) -> Money | None:
        """The same; None while an act of one of them is under way, which may have moved the line."""
        spare, under_way = self._spare(line_id, currency)
        return None if under_way else spare

    def _spare(self, line_id: str, currency: str) -> tuple[Money, bool]:
        """With whether an act of one of the orders is under way."""
        row = self._session.execute(_SPARE, {"line_id": line_id}).one_or_none()
        if row is None:
            return Money.zero(currency), False
        return Money(minor=int(row.minor), currency=currency), row.under_way

    def under_way(self, line_id: str) -> Sequence[str]:
        """The orders of a line with an act under way, the oldest first."""
        return self._session.scalars(
            select(OrderRow.order_id)
            .where(OrderRow.asked, OrderRow.line_id == line_id)
            .order_by(OrderRow.placed_at, OrderRow.order_id)
        ).all()

    def parts_of(self, order_id: str) -> Sequence[Order]:
        """What was split off an order, in that order."""
        rows = self._session.scalars(
            select(OrderRow.body).where(OrderRow.part_of == order_id).order_by(OrderRow.order_id)
        )
        return [Order.model_validate(body) for body in rows]

    def count_open(
        self, *, customer_id: str | None = None, line_id: str | None = None
    ) -> dict[OrderStatus, int]:
        """How many orders stand where, of those that have not ended."""
        conditions: list[ColumnElement[bool]] = [OrderRow.status.in_(_OPEN)]
        if customer_id is not None:
            conditions.append(of_customer(OrderRow.customer_id, customer_id))
        if line_id is not None:
            conditions.append(OrderRow.line_id == line_id)
        rows = self._session.execute(
            select(OrderRow.status, func.count()).where(*conditions).group_by(OrderRow.status)
        )
        return {OrderStatus(status): count for status, count in rows}

    def events(self, order_id: str) -> Sequence[OrderEvent]:
        """Everything that was done to an order, oldest first."""
        rows = self._session.scalars(
            select(OrderEventRow)
            .where(OrderEventRow.order_id == order_id)
            .order_by(OrderEventRow.version)
        )
        return [_event(row) for row in rows]

    def find_event(self, key: str) -> tuple[OrderEvent, str] | None:
        """What was done under a key, and the hash of what was asked."""
        row = self._session.scalar(select(OrderEventRow).where(OrderEventRow.key == key))
        return None if row is None else (_event(row), row.said or "")

    def find_version(self, order_id: str, version: int) -> OrderEvent | None:
        row = self._session.get(OrderEventRow, (order_id, version))
        return None if row is None else _event(row)

    def judged(self, order_id: str) -> CheckResult | None:
        """What the newest check of an order found."""
        found = self._session.scalar(
            select(OrderEventRow.judged)
            .where(
                OrderEventRow.order_id == order_id,
                # Events that were not checked had a JSON null once.
                func.jsonb_typeof(OrderEventRow.judged) == "object",
            )
            .order_by(OrderEventRow.version.desc())
            .limit(1)
        )
        return None if found is None else CheckResult.model_validate(found)

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    def write(
        self,
        order: Order,
        act: OrderAct,
        by: str,
        on: date,
        at: datetime,
        *,
        key: str | None = None,
        said: str | None = None,
        note: str = "",
        judged: CheckResult | None = None,
        moved: Sequence[Moved] = (),
        offset_days: int = 0,
    ) -> Order:
        """The next version of an order that was read for update, or its first, with its event.

        Refuses `AlreadyExists` for the number of another order, `KeyReused`, and `OutOfOrder` where
        somebody else was first.
        """
        columns = _columns(order)
        if order.version == 1:
            written = self._session.scalar(
                insert(table_of(OrderRow))
                .values(**columns, offset_days=offset_days)
                .on_conflict_do_nothing()
                .returning(OrderRow.order_id)
            )
            if written is None:
                raise AlreadyExists(kind="order", id=order.content.order_no)
        else:
            written = self._session.scalar(
                update(OrderRow)
                .where(OrderRow.order_id == order.order_id, OrderRow.version == order.version - 1)
                .values(**columns)
                .returning(OrderRow.order_id)
                .execution_options(synchronize_session=False)
            )
            if written is None:
                raise OutOfOrder(reason="the order was changed by something else meanwhile")
        event = OrderEvent(
            order_id=order.order_id,
            version=order.version,
            act=act,
            by=by,
            on=on,
            at=at,
            note=note,
            order=order,
            moved=tuple(moved),
        )
        kept = self._session.scalar(
            insert(table_of(OrderEventRow))
            .values(
                order_id=order.order_id,
                version=order.version,
                act=act,
                key=key,
                said=said,
                acted_by=by,
                business_on=on,
                acted_at=at,
                note=note,
                body=event.model_dump(mode="json"),
                judged=judged.model_dump(mode="json") if judged is not None else None,
            )
            .on_conflict_do_nothing()
            .returning(OrderEventRow.version)
        )
        if kept is None:
            raise KeyReused(key=key)
        return order


def _columns(order: Order) -> dict[str, Any]:
    content = order.content
    return {
        "order_id": order.order_id,
        "customer_id": order.customer_id,
        "source": content.source,
        "order_no": content.order_no,
        "status": order.status.value,
        "asked": order.asked is not None,
        "currency": order.currency,
        "amount_minor": order.amount.minor,
        "reserved_minor": order.taken.minor,
        "delivered_minor": order.delivered.minor,
        "invoiced_minor": order.invoiced.minor,
        "settled_minor": order.settled.minor,
        "used_minor": order.used_last.minor,
        "deliver_on": content.deliver_on,
        "enters_on": order.enters_on,
        "line_id": order.line_id,
        "hold_id": order.hold_id,
        "part_of": order.part_of,
        "placed_at": order.placed_at,
        "placed_on": order.placed_on,
        "version": order.version,
        "body": order.model_dump(mode="json"),
    }


def _event(row: OrderEventRow) -> OrderEvent:
    return OrderEvent.model_validate(row.body)
