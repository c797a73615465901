"""Exchange rates: enter one, see the table of a day, convert."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from fastapi import Query, Response

from domain.exchange import Conversion, Rate, RateKind
from domain.money import Currency, Money
from domain.value import Value
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller

router = stage("exchange")


class Rates(Value):
    items: tuple[Rate, ...]


@router.get("/rates")
def list_rates(
    asked: Asked, caller: Caller, on: date | None = None, base: Currency | None = None
) -> Rates:
    """The newest rate of each pair and kind on or before a day."""
    return Rates(items=tuple(asked.rates.list_rates(caller, on=on, base=base)))


@router.post("/rates", status_code=201, response_model=Rate)
def record_rate(write: Writing, body: Rate) -> Response:
    """Enter a day's rate once."""
    return write.once(201, body, lambda: write.asked.rates.record(write.caller, body))


@router.get("/rates/conversion")
def convert(
    asked: Asked,
    caller: Caller,
    amount: Annotated[Decimal, Query(max_digits=20)],
    base: Currency,
    quote: Currency,
    on: date | None = None,
    kind: RateKind = RateKind.SPOT,
) -> Conversion:
    """An amount in another currency, with the rate used, its kind and its day."""
    return asked.rates.convert(caller, Money.of(amount, base), quote, on=on, kind=kind)
