"""A whole book judged in columns: score, grade, knock-outs and limit of a million companies at once.

Figures are rounded to the edition's decimals and bases to minor units before either path judges
them, so what is compared and multiplied here are the same whole numbers as in `policies/rating.py`
and `policies/limit.py`, and the results are equal to the last digit; a product that would not fit
64 bits is taken in Python's own whole numbers. A cut is a comparison added to a counter, points are
one look-up by it, and the book is walked in chunks that stay in the processor's cache.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from domain.edition import Combine
from domain.money import MINOR_MAX
from policies.columns import Column, Method, Plan, Rule, Stepped, Words

CHUNK = 16_384
MISSING = -(2**63)  # in a column of 64 bits; in a narrower one its own least number


@dataclass(frozen=True)
class Book:
    """Companies as columns of one length.

    `figures` in units of the last decimal, `bases` by limit method and the rest in minor units of
    the reporting currency, `texts` as places in the `words` of their name. Missing is the least
    number of the column's type.
    """

    figures: Mapping[str, Column]
    texts: Mapping[str, Column]
    words: Words
    bases: Mapping[str, Column]
    held: Column  # by the customer beside the line in question; never negative
    others: Column  # limits of the other members of its group
    cover: Column | None = None  # what lifts the limit
    ceiling: Column | None = None  # the best rank that an external rating leaves, 0 where any

    def __len__(self) -> int:
        return len(self.held)


@dataclass(frozen=True)
class Verdicts:
    """What is decided of a book, row by row.

    `score` is in units of the plan's `score_unit`, `rank` 0 the best grade, `fired` a bit for each
    of its `fired_codes`, `limit` in minor units, `binding` a place in its `binding_codes`.
    """

    score: Column
    rank: Column
    fired: Column
    limit: Column
    binding: Column


def figure_column(values: Iterable[Decimal | None], decimals: int) -> Column:
    """Rounded figures as a column; what is beyond 64 bits stays beyond every cut."""
    return np.array(
        [
            MISSING if value is None else _held(int(value.scaleb(decimals).to_integral_value()))
            for value in values
        ],
        np.int64,
    )


def base_column(amounts: Iterable[int | None]) -> Column:
    """Bases in minor units as a column."""
    return np.array([MISSING if amount is None else amount for amount in amounts], np.int64)


def narrowed(column: Column, cuts: Iterable[int]) -> Column:
    """A figure's column in 32 bits where every cut fits: what is beyond them stays beyond."""
    room = np.iinfo(np.int32)
    if any(not room.min + 1 < cut < room.max for cut in cuts):
        return column
    narrow = np.clip(column, room.min + 1, room.max).astype(np.int32)
    narrow[column == MISSING] = room.min
    return narrow


def judge_book(book: Book, plan: Plan) -> Verdicts:
    """Every company of a book judged under a plan."""
    rows = len(book)
    verdicts = Verdicts(
        score=np.empty(rows, plan.score_type),
        rank=np.empty(rows, np.int8),
        fired=np.zeros(rows, _bits_type(len(plan.fired_codes))),
        limit=np.empty(rows, np.int64),
        binding=np.empty(rows, np.int8),
    )
    work = _Work(min(CHUNK, rows), plan, verdicts)
    for start in range(0, rows, CHUNK):
        part = slice(start, min(start + CHUNK, rows))
        _score(book, plan, verdicts.score[part], part, work)
        _grade(book, plan, verdicts, part, work)
        _limit(book, plan, verdicts, part)
    return verdicts


class _Work:
    """Room for one chunk, used again for every chunk."""

    def __init__(self, rows: int, plan: Plan, verdicts: Verdicts) -> None:
        self.held = np.empty(rows, bool)
        self.counter = np.empty(rows, np.int8)
        self.points = np.empty(rows, plan.score_type)
        self.bits = np.empty(rows, verdicts.fired.dtype)
        self.ranks = np.empty(rows, np.int8)


def _score(book: Book, plan: Plan, score: Column, part: slice, work: _Work) -> None:
    points = work.points[: len(score)]
    score[:] = 0
    for factor in plan.factors:
        if factor.text:
            np.take(factor.worth, book.texts[factor.name][part], out=points, mode="clip")
        else:
            _worth(book.figures[factor.name][part], factor, points, work)
        np.add(score, points, out=score)


def _worth(column: Column, stepped: Stepped, out: Column, work: _Work) -> None:
    """The worth of each value's segment: how many cuts it has passed, the first being presence."""
    held, counter = work.held[: len(column)], work.counter[: len(column)]
    np.not_equal(column, np.iinfo(column.dtype).min, out=held)
    np.copyto(counter, held.view(np.int8))
    for cut in stepped.cuts:
        np.greater_equal(column, cut, out=held)
        np.add(counter, held.view(np.int8), out=counter)
    np.take(stepped.worth, counter, out=out, mode="clip")


def _grade(book: Book, plan: Plan, verdicts: Verdicts, part: slice, work: _Work) -> None:
    score, rank, fired = verdicts.score[part], verdicts.rank[part], verdicts.fired[part]
    held, counter = work.held[: len(rank)], work.counter[: len(rank)]
    counter[:] = 0
    for cut in plan.grades.cuts:
        np.greater_equal(score, cut, out=held)
        np.add(counter, held.view(np.int8), out=counter)
    np.take(plan.grades.worth, counter, out=rank, mode="clip")
    bits, ranks = work.bits[: len(rank)], work.ranks[: len(rank)]
    for rule in plan.rules:
        _fires(book, rule, part, held)
        np.multiply(held, bits.dtype.type(1 << rule.bit), out=bits)
        np.bitwise_or(fired, bits, out=fired)
        if rule.rank_min:
            np.multiply(held, np.int8(rule.rank_min), out=ranks)
            np.maximum(rank, ranks, out=rank)
    if book.ceiling is not None:
        np.maximum(rank, book.ceiling[part], out=rank)
    for name, bit in plan.absent:
        column = book.figures[name][part]
        np.equal(column, np.iinfo(column.dtype).min, out=held)
        np.multiply(held, bits.dtype.type(1 << bit), out=bits)
        np.bitwise_or(fired, bits, out=fired)


def _fires(book: Book, rule: Rule, part: slice, held: Column) -> None:
    """Where a rule holds; what is missing fires none."""
    if rule.words is not None:
        np.take(rule.words, book.texts[rule.name][part], out=held, mode="clip")
        return
    column = book.figures[rule.name][part]
    least = np.iinfo(column.dtype).min
    if rule.low is not None:  # missing is below any bound
        np.greater_equal(column, rule.low, out=held)
    else:
        np.not_equal(column, least, out=held)
    if rule.high is not None:
        np.logical_and(held, column < rule.high, out=held)


def _limit(book: Book, plan: Plan, verdicts: Verdicts, part: slice) -> None:
    rank = verdicts.rank[part]
    least, binding, nothing = _methods(book, plan, rank, part)
    place = len(plan.methods)
    _bound(least, binding, np.take(plan.caps, rank), place)
    if plan.outlook is not None:
        where = rank * np.int16(plan.industries) + book.texts["industry"][part]
        _bound(least, binding, np.take(plan.outlook, where), place + 1)
    if book.cover is not None:
        cover = book.cover[part]
        least = np.minimum(least, MINOR_MAX - cover) + cover
    _bound(least, binding, np.int64(plan.single_name), place + 2)
    _bound(least, binding, plan.group - book.others[part], place + 3)
    np.maximum(least, 0, out=least)  # so that what is held cannot pass the least whole number
    least -= book.held[part]
    least //= plan.lot
    least *= plan.lot
    np.maximum(least, 0, out=least)
    if nothing is not None:
        least[nothing], binding[nothing] = 0, place + 4
    verdicts.limit[part], verdicts.binding[part] = least, binding


def _bound(least: Column, binding: Column, amount: Any, place: int) -> None:
    """A further bound; one that is equal does not take the place of an earlier."""
    lower = np.less(amount, least)
    np.minimum(least, amount, out=least)
    np.copyto(binding, np.int8(place), where=lower)


def _methods(
    book: Book, plan: Plan, rank: Column, part: slice
) -> tuple[Column, Column, Column | None]:
    """What the methods support, which of them says so, and where none could be computed."""
    computed = [_amount(book.bases[each.code][part], each, rank) for each in plan.methods]
    skipped = [absent for _, absent in computed if absent is not None]
    nothing = None
    if len(skipped) == len(computed):
        nothing = np.logical_and.reduce(skipped)
    if plan.combine is Combine.MEDIAN:
        return (*_median(computed, len(rank)), nothing)
    least, binding = computed[0][0], np.zeros(len(rank), np.int8)
    for place, (amount, _) in enumerate(computed[1:], start=1):
        _bound(least, binding, amount, place)
    return least, binding, nothing


def _amount(base: Column, method: Method, rank: Column) -> tuple[Column, Column | None]:
    """A method's amounts, rounded down, and where it does not count for want of a base."""
    absent = None
    if base.min() == MISSING:
        absent = base == MISSING
        base = np.where(absent, 0, base)
    share = np.take(method.share, rank)
    if max(int(base.max()), -int(base.min())) * method.share_max <= MINOR_MAX:
        np.multiply(base, share, out=share)
        amount = np.floor_divide(share, method.unit, out=share)
    else:
        pairs = zip(base.tolist(), share.tolist(), strict=True)
        amount = np.array([_held(one * part // method.unit) for one, part in pairs], np.int64)
    if absent is None or method.zero:
        return amount, None
    amount[absent] = MINOR_MAX
    return amount, absent


def _median(computed: list[tuple[Column, Column | None]], rows: int) -> tuple[Column, Column]:
    """The middle of what could be computed, the lower of two; equals in the order of methods."""
    amounts = np.stack([amount for amount, _ in computed])
    order = np.argsort(amounts, axis=0, kind="stable")  # what does not count is at the end
    missing = sum((absent.astype(np.int8) for _, absent in computed if absent is not None), 0)
    middle = np.broadcast_to(np.maximum(len(computed) - missing - 1, 0) // 2, (1, rows))
    chosen = np.take_along_axis(order, middle, axis=0)
    least = np.take_along_axis(amounts, chosen, axis=0)[0]
    return least, chosen[0].astype(np.int8)


def _held(number: int) -> int:
    return max(-MINOR_MAX, min(MINOR_MAX, number))


def _bits_type(bits: int) -> Any:
    return next(
        kind for kind in (np.uint8, np.uint16, np.uint32, np.uint64) if bits <= np.iinfo(kind).bits
    )
