"""Plans of what stands above limits, as they are and as they came to be, and dates given to them.

An account has one open plan. A plan's row is its newest event's.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import AlreadyDecided, KeyReused, NotFound, OutOfOrder, SameHands
from domain.excess import Excess, ExcessEvent, ExcessProposal, ExcessStatus, ExcessStep
from domain.hold import HoldOn, HoldStatus
from storage.base import Row, table_of
from storage.customer import CustomerRow, of_customer, owned_by
from storage.hold import HoldRow


class ExcessRow(Row):
    __tablename__ = "excess"

    excess_id: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str]
    currency: Mapped[str]
    customer_id: Mapped[str | None]
    group_id: Mapped[str | None]
    line_id: Mapped[str | None]
    over_minor: Mapped[int] = mapped_column(BigInteger)
    due_on: Mapped[date]
    status: Mapped[str]
    offset_days: Mapped[int]
    version: Mapped[int]
    body: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime]


class ExcessEventRow(Row):
    __tablename__ = "excess_event"

    excess_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    acted_by: Mapped[str]
    acted_at: Mapped[datetime]
    body: Mapped[dict[str, Any]]


class ExcessDatesRow(Row):
    __tablename__ = "excess_dates"

    dates_id: Mapped[str] = mapped_column(primary_key=True)
    excess_id: Mapped[str]
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    replaces: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    reason: Mapped[str]
    asked_by: Mapped[str]
    asked_on: Mapped[date]
    recorded_at: Mapped[datetime]


class ExcessDatesAnswerRow(Row):
    __tablename__ = "excess_dates_answer"

    dates_id: Mapped[str] = mapped_column(primary_key=True)
    asked_by: Mapped[str]
    answered_by: Mapped[str]
    confirmed: Mapped[bool]
    note: Mapped[str]
    recorded_at: Mapped[datetime]


_OPEN = ExcessRow.status != ExcessStatus.SETTLED


class Excesses:
    """Plans, one open at a time on an account."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def read(self, excess_id: str, *, for_update: bool = False) -> Excess:
        query = select(ExcessRow.body).where(ExcessRow.excess_id == excess_id)
        body = self._session.scalar(query.with_for_update() if for_update else query)
        if body is None:
            raise NotFound(kind="excess", id=excess_id)
        return Excess.model_validate(body)

    def find_open(self, account: str, currency: str) -> Excess | None:
        """The open plan of an account, held until the transaction ends."""
        body = self._session.scalar(
            select(ExcessRow.body)
            .where(ExcessRow.account == account, ExcessRow.currency == currency, _OPEN)
            .with_for_update()
        )
        return None if body is None else Excess.model_validate(body)

    def count(self, account: str, currency: str) -> int:
        """How many plans an account has had."""
        held = (ExcessRow.account == account, ExcessRow.currency == currency)
        return self._session.scalar(select(func.count()).where(*held)) or 0

    def open_of_line(self, line_id: str) -> Sequence[Excess]:
        return self._open_where(ExcessRow.line_id == line_id)

    def open_of_customer(self, customer_id: str, group_id: str | None = None) -> Sequence[Excess]:
        """Those of a customer, of its lines, of the group it belongs to, and of one that it left and
        is held for still."""
        held_for = select(HoldRow.body["reasons"][0]["reference"].astext).where(
            of_customer(HoldRow.customer_id, customer_id),
            HoldRow.holds == HoldOn.CUSTOMER,
            HoldRow.status == HoldStatus.OPEN,
            ~HoldRow.manual,
        )
        return self._open_where(or_(_of(customer_id, group_id), ExcessRow.excess_id.in_(held_for)))

    def list_page(
        self,
        *,
        page_size: int = 50,
        after: tuple[date, str] | None = None,
        settled: bool = False,
        customer_id: str | None = None,
        group_id: str | None = None,
        line_id: str | None = None,
        manager_id: str | None = None,
    ) -> Sequence[Excess]:
        """The one due first at the head, of open plans alone or of all; with a customer those of its
        group too, where that is named. `after` is the `(due_on, excess_id)` of the last one seen."""
        conditions: list[ColumnElement[bool]] = [] if settled else [_OPEN]
        if after is not None:
            conditions.append(tuple_(ExcessRow.due_on, ExcessRow.excess_id) > after)
        if customer_id is not None:
            conditions.append(_of(customer_id, group_id))
        if line_id is not None:
            conditions.append(ExcessRow.line_id == line_id)
        if manager_id is not None:
            groups = select(CustomerRow.group_id).where(CustomerRow.manager_id == manager_id)
            own = owned_by(ExcessRow.customer_id, manager_id)
            conditions.append(or_(own, ExcessRow.group_id.in_(groups)))
        rows = self._session.scalars(
            select(ExcessRow.body)
            .where(*conditions)
            .order_by(ExcessRow.due_on, ExcessRow.excess_id)
            .limit(page_size)
        )
        return [Excess.model_validate(body) for body in rows]

    def events(self, excess_id: str) -> Sequence[ExcessEvent]:
        """Every version of a plan, oldest first."""
        rows = self._session.scalars(
            select(ExcessEventRow)
            .where(ExcessEventRow.excess_id == excess_id)
            .order_by(ExcessEventRow.version)
        )
        return [
            ExcessEvent(
                version=row.version,
                by=row.acted_by,
                at=row.acted_at,
                excess=Excess.model_validate(row.body),
            )
            for row in rows
        ]

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    def open(self, excess: Excess, by: str, at: datetime) -> Excess | None:
        """Put a plan on record; None where its account has one that is open."""
        written = self._session.scalar(
            insert(table_of(ExcessRow))
            .values(**_columns(excess))
            .on_conflict_do_nothing()
            .returning(ExcessRow.excess_id)
        )
        if written is None:
            return None
        self._post(excess, by, at)
        return excess

    def write(self, excess: Excess, by: str, at: datetime) -> Excess:
        """The next version of a plan that was read for update, with its event."""
        written = self._session.scalar(
            update(ExcessRow)
            .where(ExcessRow.excess_id == excess.excess_id, ExcessRow.version == excess.version - 1)
            .values(**_columns(excess))
            .returning(ExcessRow.excess_id)
            .execution_options(synchronize_session=False)
        )
        if written is None:
            raise OutOfOrder(reason="the plan was changed by something else meanwhile")
        self._post(excess, by, at)
        return excess

    def _post(self, excess: Excess, by: str, at: datetime) -> None:
        self._session.execute(
            insert(table_of(ExcessEventRow)).values(
                excess_id=excess.excess_id,
                version=excess.version,
                acted_by=by,
                acted_at=at,
                body=excess.model_dump(mode="json"),
            )
        )

    # ── other dates ──────────────────────────────────────────────────────────────────────────────

    def propose(self, proposal: ExcessProposal) -> ExcessProposal:
        """Put other dates on record, for somebody else to confirm; the same id again is the one on
        record, refuses `KeyReused` for other dates. One waits at a time."""
        for each in self.proposals(proposal.excess_id):
            if each.confirmed is None and each.dates_id != proposal.dates_id:
                raise OutOfOrder(reason="other dates of this plan wait to be confirmed")
        self._session.execute(
            insert(table_of(ExcessDatesRow))
            .values(
                dates_id=proposal.dates_id,
                excess_id=proposal.excess_id,
                steps=_plain(proposal.steps),
                replaces=_plain(proposal.replaces),
                reason=proposal.reason,
                asked_by=proposal.asked_by,
                asked_on=proposal.asked_on,
            )
            .on_conflict_do_nothing()
        )
        known = self.read_proposal(proposal.dates_id)
        if (known.excess_id, known.steps, known.reason) != (
            proposal.excess_id,
            proposal.steps,
            proposal.reason,
        ):
            raise KeyReused(key=proposal.dates_id)
        return known

    def read_proposal(self, dates_id: str) -> ExcessProposal:
        found = self._proposals(ExcessDatesRow.dates_id == dates_id)
        if not found:
            raise NotFound(kind="dates of a plan", id=dates_id)
        return found[0]

    def proposals(self, excess_id: str) -> Sequence[ExcessProposal]:
        """Every proposal of other dates, newest first."""
        return self._proposals(ExcessDatesRow.excess_id == excess_id)

    def answer(
        self, proposal: ExcessProposal, answered_by: str, *, confirmed: bool, note: str
    ) -> bool:
        """A second person's word; whether it is new. Refuses `SameHands`, `AlreadyDecided`."""
        if proposal.asked_by == answered_by:
            raise SameHands(first="giving a plan other dates", second="confirming them")
        written = self._session.scalar(
            insert(table_of(ExcessDatesAnswerRow))
            .values(
                dates_id=proposal.dates_id,
                asked_by=proposal.asked_by,
                answered_by=answered_by,
                confirmed=confirmed,
                note=note,
            )
            .on_conflict_do_nothing()
            .returning(ExcessDatesAnswerRow.dates_id)
        )
        if written is not None:
            return True
        known = self._session.get_one(ExcessDatesAnswerRow, proposal.dates_id)
        if (known.answered_by, known.confirmed) != (answered_by, confirmed):
            raise AlreadyDecided(
                verdict="granted" if known.confirmed else "not granted",
                decided_by=known.answered_by,
                decided_at=known.recorded_at.isoformat(),
            )
        return False

    def _open_where(self, condition: ColumnElement[bool]) -> list[Excess]:
        rows = self._session.scalars(
            select(ExcessRow.body)
            .where(condition, _OPEN)
            .order_by(ExcessRow.account, ExcessRow.currency)
        )
        return [Excess.model_validate(body) for body in rows]

    def _proposals(self, condition: ColumnElement[bool]) -> list[ExcessProposal]:
        rows = self._session.execute(
            select(ExcessDatesRow, ExcessDatesAnswerRow)
            .outerjoin(
                ExcessDatesAnswerRow, ExcessDatesAnswerRow.dates_id == ExcessDatesRow.dates_id
            )
            .where(condition)
            .order_by(ExcessDatesRow.recorded_at.desc())
            .execution_options(populate_existing=True)
        )
        return [_proposal(row, answer) for row, answer in rows]


def _of(customer_id: str, group_id: str | None) -> ColumnElement[bool]:
    own = of_customer(ExcessRow.customer_id, customer_id)
    return own if group_id is None else or_(own, ExcessRow.group_id == group_id)


def _columns(excess: Excess) -> dict[str, Any]:
    return {
        "excess_id": excess.excess_id,
        "account": excess.account,
        "currency": excess.over.currency,
        "customer_id": excess.customer_id,
        "group_id": excess.group_id,
        "line_id": excess.line_id,
        "over_minor": excess.over.minor,
        "due_on": excess.binding_step.due_on,
        "status": excess.status.value,
        "offset_days": excess.offset_days,
        "version": excess.version,
        "body": excess.model_dump(mode="json"),
    }


def _plain(steps: Iterable[ExcessStep]) -> list[dict[str, Any]]:
    return [each.model_dump(mode="json") for each in steps]


def _proposal(row: ExcessDatesRow, answer: ExcessDatesAnswerRow | None) -> ExcessProposal:
    said = {}
    if answer is not None:
        said = {
            "answered_by": answer.answered_by,
            "confirmed": answer.confirmed,
            "note": answer.note,
        }
    return ExcessProposal(
        dates_id=row.dates_id,
        excess_id=row.excess_id,
        steps=tuple(ExcessStep.model_validate(each) for each in row.steps),
        replaces=tuple(ExcessStep.model_validate(each) for each in row.replaces),
        reason=row.reason,
        asked_by=row.asked_by,
        asked_on=row.asked_on,
        **said,
    )
