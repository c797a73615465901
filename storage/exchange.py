"""Exchange rates on record, by pair, kind and day; a published rate is never changed."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy import Numeric, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import AlreadyExists, CreditError
from domain.exchange import PIVOT, Conversion, Rate, RateKind, convert, rate_between
from domain.imports import Outcome
from domain.money import Money
from storage.base import Row


class ExchangeRateRow(Row):
    __tablename__ = "exchange_rate"

    base: Mapped[str] = mapped_column(primary_key=True)
    quote: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    rate_on: Mapped[date] = mapped_column(primary_key=True)
    rate: Mapped[Decimal] = mapped_column(Numeric(30, 10))
    source: Mapped[str]
    recorded_by: Mapped[str]


_KEY = (
    ExchangeRateRow.base,
    ExchangeRateRow.quote,
    ExchangeRateRow.kind,
    ExchangeRateRow.rate_on,
)


class Rates:
    """The dated rate table."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, rate: Rate, *, recorded_by: str) -> Outcome:
        """Write one rate once; refuses `AlreadyExists` where that day has another figure."""
        outcome = self.record_all([rate], recorded_by=recorded_by)[0]
        if isinstance(outcome, CreditError):
            raise outcome
        return outcome

    def record_all(self, rates: Sequence[Rate], *, recorded_by: str) -> list[Outcome | CreditError]:
        """Write many, no two for one pair, kind and day; say what became of each, or why not."""
        if not rates:
            return []
        self.hold()
        rows = [{**rate.model_dump(), "recorded_by": recorded_by} for rate in rates]
        written = self._session.execute(
            insert(ExchangeRateRow).values(rows).on_conflict_do_nothing().returning(*_KEY)
        )
        created = {(row[0], row[1], row[2], row[3]) for row in written}
        held = self._session.execute(
            select(*_KEY, ExchangeRateRow.rate).where(tuple_(*_KEY).in_([_key(r) for r in rates]))
        )
        figures = {(row[0], row[1], row[2], row[3]): row[4] for row in held}
        return [_outcome(rate, figures[_key(rate)], _key(rate) in created) for rate in rates]

    def hold(self) -> None:
        """Until this transaction ends nobody else records a rate.

        Whoever finds that one is missing, and says so, says it before the rate can come or sees it.
        """
        self._session.execute(select(func.pg_advisory_xact_lock(func.hashtext("exchange rates"))))

    def convert(
        self, amount: Money, quote: str, *, on: date, kind: RateKind = RateKind.SPOT
    ) -> Conversion:
        """The amount in another currency and the rate used; refuses `RateMissing`."""
        if amount.currency == quote:
            return Conversion(amount=amount)
        return convert(amount, self.read(amount.currency, quote, on=on, kind=kind))

    def read(self, base: str, quote: str, *, on: date, kind: RateKind = RateKind.SPOT) -> Rate:
        """The newest rate between two currencies on or before the day, or `RateMissing`."""
        return rate_between(base, quote, self._candidates(base, quote, kind, on), kind, on)

    def find_page(
        self, *, on: date, base: str | None = None, kind: RateKind | None = None
    ) -> Sequence[Rate]:
        """The newest rate of each pair and kind on or before the day."""
        query = (
            select(ExchangeRateRow)
            .ext(distinct_on(ExchangeRateRow.base, ExchangeRateRow.quote, ExchangeRateRow.kind))
            .where(ExchangeRateRow.rate_on <= on)
            .order_by(
                ExchangeRateRow.base,
                ExchangeRateRow.quote,
                ExchangeRateRow.kind,
                ExchangeRateRow.rate_on.desc(),
            )
        )
        if base is not None:
            query = query.where(ExchangeRateRow.base == base)
        if kind is not None:
            query = query.where(ExchangeRateRow.kind == kind.value)
        return [_rate(row) for row in self._session.scalars(query)]

    def _candidates(self, base: str, quote: str, kind: RateKind, on: date) -> list[Rate]:
        """The newest rate of every pair that may take part, among base, quote and the pivot."""
        parts = {base, quote, PIVOT}
        rows = self._session.scalars(
            select(ExchangeRateRow)
            .ext(distinct_on(ExchangeRateRow.base, ExchangeRateRow.quote))
            .where(
                ExchangeRateRow.base.in_(parts),
                ExchangeRateRow.quote.in_(parts),
                or_(ExchangeRateRow.base != PIVOT, ExchangeRateRow.quote != PIVOT),
                ExchangeRateRow.kind == kind.value,
                ExchangeRateRow.rate_on <= on,
            )
            .order_by(ExchangeRateRow.base, ExchangeRateRow.quote, ExchangeRateRow.rate_on.desc())
        )
        return [_rate(row) for row in rows]


def _outcome(rate: Rate, figure: Decimal, created: bool) -> Outcome | CreditError:
    if figure != rate.rate:
        pair = f"{rate.base}/{rate.quote} {rate.kind.value} {rate.rate_on}"
        return AlreadyExists(kind="rate", id=pair)
    return Outcome.CREATED if created else Outcome.UNCHANGED


def _key(rate: Rate) -> tuple[str, str, str, date]:
    return rate.base, rate.quote, rate.kind.value, rate.rate_on


def _rate(row: ExchangeRateRow) -> Rate:
    return Rate(
        base=row.base,
        quote=row.quote,
        kind=RateKind(row.kind),
        # The column pads to ten decimals; the figure is what was published.
        rate=row.rate.normalize() + 0,
        rate_on=row.rate_on,
        source=row.source,
    )
