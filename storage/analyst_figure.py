"""Figures that analysts supplied (分析师补录) for cases: every version, and who confirmed which."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import and_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.analyst_figure import AnalystFigure
from domain.errors import OutOfOrder
from storage.base import Row, table_of


class AnalystFigureRow(Row):
    __tablename__ = "analyst_figure"

    case_id: Mapped[str] = mapped_column(primary_key=True)
    factor: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[Decimal]
    reason: Mapped[str]
    evidence_hash: Mapped[str]
    second_needed: Mapped[bool]
    supplied_by: Mapped[str]
    supplied_at: Mapped[datetime]


class ConfirmationRow(Row):
    __tablename__ = "analyst_figure_confirmation"

    case_id: Mapped[str] = mapped_column(primary_key=True)
    factor: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    supplied_by: Mapped[str]
    confirmed_by: Mapped[str]
    confirmed_at: Mapped[datetime]


_SUPPLY = insert(table_of(AnalystFigureRow)).on_conflict_do_nothing()
_CONFIRM = insert(table_of(ConfirmationRow)).on_conflict_do_nothing()
_SUPPLIED = (
    "case_id",
    "factor",
    "version",
    "value",
    "reason",
    "evidence_hash",
    "second_needed",
    "supplied_by",
    "supplied_at",
)


class AnalystFigures:
    """Supplied figures by case; whoever writes holds the case's row, so versions follow each other."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list_of_case(self, case_id: str) -> tuple[AnalystFigure, ...]:
        """Every version of every factor, oldest first."""
        same = and_(
            ConfirmationRow.case_id == AnalystFigureRow.case_id,
            ConfirmationRow.factor == AnalystFigureRow.factor,
            ConfirmationRow.version == AnalystFigureRow.version,
        )
        rows = self._session.execute(
            select(AnalystFigureRow, ConfirmationRow.confirmed_by, ConfirmationRow.confirmed_at)
            .outerjoin(ConfirmationRow, same)
            .where(AnalystFigureRow.case_id == case_id)
            .order_by(AnalystFigureRow.factor, AnalystFigureRow.version)
        )
        return tuple(
            AnalystFigure.model_validate(
                {name: getattr(row, name) for name in _SUPPLIED}
                | {"confirmed_by": confirmed_by, "confirmed_at": confirmed_at}
            )
            for row, confirmed_by, confirmed_at in rows
        )

    def counting(self, case_id: str) -> dict[str, AnalystFigure]:
        """Of each factor the newest version that counts."""
        return {each.factor: each for each in self.list_of_case(case_id) if each.counts}

    def hands_on(self, case_id: str) -> tuple[str, ...]:
        """Everybody who supplied or confirmed a figure of a case, each once."""
        hands = (
            person
            for each in self.list_of_case(case_id)
            for person in (each.supplied_by, each.confirmed_by)
            if person is not None
        )
        return tuple(dict.fromkeys(hands))

    def supply(self, figure: AnalystFigure) -> AnalystFigure:
        """Put a value on record; refuses `OutOfOrder` where another took its version meanwhile."""
        said = figure.model_dump(include=set(_SUPPLIED))
        self._session.execute(_SUPPLY, said)
        written = self._read(figure)
        if written.model_dump(include=set(_SUPPLIED)) != said:
            raise OutOfOrder(reason="the figure was supplied by somebody else meanwhile")
        return written

    def confirm(self, figure: AnalystFigure, confirmed_by: str, at: datetime) -> AnalystFigure:
        """Put the second person's word beside a value; a value that has one keeps it."""
        self._session.execute(
            _CONFIRM,
            {
                "case_id": figure.case_id,
                "factor": figure.factor,
                "version": figure.version,
                "supplied_by": figure.supplied_by,
                "confirmed_by": confirmed_by,
                "confirmed_at": at,
            },
        )
        return self._read(figure)

    def _read(self, figure: AnalystFigure) -> AnalystFigure:
        place = (figure.factor, figure.version)
        return next(
            each
            for each in self.list_of_case(figure.case_id)
            if (each.factor, each.version) == place
        )
