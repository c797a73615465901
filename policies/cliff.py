"""The cliff calendar: a line's limit by day, composed of what is known of it today."""

from collections.abc import Iterable, Sequence
from datetime import date

from domain.calendar import days_after
from domain.cliff import (
    DAYS_AHEAD,
    Cliff,
    CliffKind,
    Day,
    LimitStep,
    LineAhead,
    LineCliffs,
    Uncovered,
)
from domain.exposure import limit_on
from domain.money import Money, money_sum


def cliffs(line: LineAhead, on: date, days: int) -> LineCliffs:
    """What becomes of a line by itself in the days after `on`, soonest first."""
    until = days_after(on, days)
    found = sorted({(each.on, each.kind, each.of) for each in _days(line) if on < each.on <= until})
    turns = [on, *sorted({day for day, _, _ in found})]
    levels = {day: limit_of_day(line, day) for day in turns}
    before = dict(zip(turns[1:], turns, strict=False))
    steps = [LimitStep(on=on, limit=levels[on])]
    for day in turns[1:]:
        if levels[day] != levels[before[day]]:
            steps.append(LimitStep(on=day, limit=levels[day]))
    return LineCliffs(
        line_id=line.line_id,
        customer_id=line.customer_id,
        as_of=on,
        until=until,
        exposure=line.exposure,
        steps=tuple(steps),
        cliffs=tuple(
            Cliff(
                on=day,
                kind=CliffKind(kind),
                of=of,
                change=levels[day] - levels[before[day]],
                limit=levels[day],
            )
            for day, kind, of in found
        ),
        uncovered=tuple(_uncovered(line, on, each) for each in DAYS_AHEAD),
    )


def limit_of_day(line: LineAhead, on: date) -> Money:
    """What the line's limit is on a day: nothing after its end."""
    zero = Money.zero(line.exposure.currency)
    if on > line.ends_on:
        return zero
    return limit_on(line.limit, line.parts, on).amount or zero


def uncovered_of(lines: Iterable[LineCliffs]) -> dict[str, tuple[Uncovered, ...]]:
    """What lines leave open together, by currency; an excess of one is not made up by another."""
    by_currency: dict[str, list[LineCliffs]] = {}
    for each in lines:
        by_currency.setdefault(each.exposure.currency, []).append(each)
    return {
        currency: tuple(
            _added([each.uncovered[at] for each in found], currency)
            for at in range(len(DAYS_AHEAD))
        )
        for currency, found in sorted(by_currency.items())
    }


def _days(line: LineAhead) -> Iterable[Day]:
    yield Day(on=days_after(line.ends_on, 1), kind=CliffKind.LINE, of=line.line_id)
    for part in line.parts:
        kind = CliffKind(part.code)
        if part.from_on is not None:
            yield Day(on=part.from_on, kind=kind, of=part.of)
        if part.until_on is not None:
            yield Day(on=days_after(part.until_on, 1), kind=kind, of=part.of)
    yield from line.days


def _uncovered(line: LineAhead, on: date, days: int) -> Uncovered:
    day = days_after(on, days)
    limit = limit_of_day(line, day)
    return Uncovered(
        days=days,
        on=day,
        limit=limit,
        exposure=line.exposure,
        uncovered=max(line.exposure - limit, Money.zero(limit.currency)),
    )


def _added(each: Sequence[Uncovered], currency: str) -> Uncovered:
    return Uncovered(
        days=each[0].days,
        on=each[0].on,
        limit=money_sum((one.limit for one in each), currency),
        exposure=money_sum((one.exposure for one in each), currency),
        uncovered=money_sum((one.uncovered for one in each), currency),
    )
