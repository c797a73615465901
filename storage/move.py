"""Moves of limit between lines: asked for, and how each ended. Only added to."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, or_, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import Text

from domain.errors import KeyReused, NotFound
from domain.move import Move, MoveContent, MoveRequest, MoveStatus
from storage.base import Row, table_of
from storage.customer import owned_by
from storage.line.rows import LineRow


class MoveRow(Row):
    __tablename__ = "limit_move"

    move_id: Mapped[str] = mapped_column(primary_key=True)
    source_id: Mapped[str]
    target_id: Mapped[str]
    currency: Mapped[str]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    request: Mapped[dict[str, Any]]


class MoveEndRow(Row):
    __tablename__ = "limit_move_end"

    move_id: Mapped[str] = mapped_column(primary_key=True)
    asked_by: Mapped[str]
    outcome: Mapped[str]
    settled_by: Mapped[str | None]
    settled_on: Mapped[date]
    settled_at: Mapped[datetime]
    letters: Mapped[list[str]] = mapped_column(ARRAY(Text))


class Moves:
    """Moves by who asked for them and how that ended."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def ask(self, request: MoveRequest) -> Move:
        """Put a request on record; the same again is that one, other content `KeyReused`."""
        self._session.execute(
            insert(MoveRow)
            .values(
                **request.model_dump(
                    include={"move_id", "source_id", "target_id", "asked_by", "asked_at"}
                ),
                currency=request.amount.currency,
                amount_minor=request.amount.minor,
                request=request.model_dump(mode="json"),
            )
            .on_conflict_do_nothing()
        )
        on_record = self.read(request.move_id)
        asked = set(MoveContent.model_fields)
        if on_record.request.model_dump(include=asked) != request.model_dump(include=asked):
            raise KeyReused(key=request.move_id)
        return on_record

    def settle(
        self,
        request: MoveRequest,
        outcome: MoveStatus,
        *,
        at: datetime,
        on: date,
        settled_by: str | None = None,
        letters: Sequence[str] = (),
    ) -> Move:
        """Say how it ended, once."""
        self._session.execute(
            insert(table_of(MoveEndRow))
            .values(
                move_id=request.move_id,
                asked_by=request.asked_by,
                outcome=outcome.value,
                settled_by=settled_by,
                settled_on=on,
                settled_at=at,
                letters=list(letters),
            )
            .on_conflict_do_nothing(index_elements=["move_id"])
        )
        return self.read(request.move_id)

    def find(self, move_id: str) -> Move | None:
        return next(iter(self._found(MoveRow.move_id == move_id)), None)

    def read(self, move_id: str) -> Move:
        found = self.find(move_id)
        if found is None:
            raise NotFound(kind="move", id=move_id)
        return found

    def list_page(
        self,
        *,
        line_id: str | None = None,
        before: tuple[datetime, str] | None = None,
        manager_id: str | None = None,
        page_size: int = 50,
    ) -> list[Move]:
        """Newest first; `before` is the `(asked_at, move_id)` of the last row seen. With a manager,
        those that take from or give to a line of their customers."""
        conditions: list[Any] = []
        if line_id is not None:
            conditions.append(or_(MoveRow.source_id == line_id, MoveRow.target_id == line_id))
        if before is not None:
            conditions.append(tuple_(MoveRow.asked_at, MoveRow.move_id) < before)
        if manager_id is not None:
            own = select(LineRow.line_id).where(owned_by(LineRow.customer_id, manager_id))
            conditions.append(or_(MoveRow.source_id.in_(own), MoveRow.target_id.in_(own)))
        return self._found(*conditions, page_size=page_size)

    def _found(self, *conditions: Any, page_size: int = 50) -> list[Move]:
        rows = self._session.execute(
            select(MoveRow, MoveEndRow)
            .outerjoin(MoveEndRow, MoveEndRow.move_id == MoveRow.move_id)
            .where(*conditions)
            .order_by(MoveRow.asked_at.desc(), MoveRow.move_id.desc())
            .limit(page_size)
            .execution_options(populate_existing=True)
        )
        return [_move(row, end) for row, end in rows]


def _move(row: MoveRow, end: MoveEndRow | None) -> Move:
    request = MoveRequest.model_validate(row.request)
    if end is None:
        return Move(request=request)
    return Move(
        request=request,
        status=MoveStatus(end.outcome),
        settled_by=end.settled_by,
        settled_on=end.settled_on,
        letters=tuple(end.letters),
    )
