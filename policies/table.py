"""Decision tables, compiled: which row holds for these values, exactly and fast.

A table has columns and rows; a cell asks for an interval of decimals, for some categories, or for
nothing. Each column is compiled to the segments its cells make, with a bit for each row that holds
there; a look-up is one bisection or one dictionary access a column and a conjunction of bits. As
the segments are known, gaps and overlaps are found by walking all of them, not by sampling.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product


@dataclass(frozen=True)
class Interval:
    """Values from `low` to `high`, None being endless; which end belongs is the column's affair."""

    low: Decimal | None = None
    high: Decimal | None = None


Cell = Interval | frozenset[str] | None  # None: any value


class Steps:
    """A column of intervals. Half-open `[low, high)`, or `(low, high]` where `upper_closed`."""

    def __init__(self, cells: Sequence[Cell], *, upper_closed: bool = False) -> None:
        intervals = [cell if isinstance(cell, Interval) else Interval() for cell in cells]
        ends = {end for each in intervals for end in (each.low, each.high) if end is not None}
        self.bounds: list[Decimal] = sorted(ends)
        self._find = bisect_left if upper_closed else bisect_right
        self.masks: list[int] = [
            sum(1 << row for row, each in enumerate(intervals) if self._covers(each, segment))
            for segment in range(len(self.bounds) + 1)
        ]

    def _covers(self, interval: Interval, segment: int) -> bool:
        low = -1 if interval.low is None else self.bounds.index(interval.low)
        high = len(self.bounds) if interval.high is None else self.bounds.index(interval.high)
        return low < segment <= high

    def mask(self, value: Decimal) -> int:
        return self.masks[self._find(self.bounds, value)]

    def segments(self) -> Iterator[tuple[str, int]]:
        """Each segment of the column in words, with the rows that hold there."""
        ends = ["..", *(f"{bound:f}" for bound in self.bounds), ".."]
        for segment, mask in enumerate(self.masks):
            yield f"{ends[segment]} to {ends[segment + 1]}", mask


class Categories:
    """A column of categories; a value no cell names meets only the cells that take any.

    With `rest`, those take nothing else: what another cell names is not theirs. A column
    `closed` to some values meets no other.
    """

    def __init__(
        self, cells: Sequence[Cell], *, rest: bool = False, closed: Sequence[str] = ()
    ) -> None:
        self._closed = bool(closed)
        self.others = sum(1 << row for row, cell in enumerate(cells) if cell is None)
        everywhere = 0 if rest else self.others
        names = {name for cell in cells if isinstance(cell, frozenset) for name in cell}
        names |= set(closed)
        self.masks: dict[str, int] = {
            name: everywhere
            | sum(
                1 << row
                for row, cell in enumerate(cells)
                if isinstance(cell, frozenset) and name in cell
            )
            for name in sorted(names)
        }

    def mask(self, value: str) -> int:
        return self.masks.get(value, self.others)

    def segments(self) -> Iterator[tuple[str, int]]:
        yield from self.masks.items()
        if not self._closed:
            yield "any other", self.others


Column = Steps | Categories


@dataclass(frozen=True)
class Table:
    """Columns over the same rows; `find` names the first row that holds."""

    columns: Mapping[str, Column]
    rows: int

    def find(self, values: Mapping[str, Decimal | str]) -> int | None:
        """The number of the first row that holds for these values, or None."""
        held = (1 << self.rows) - 1
        for name, column in self.columns.items():
            held &= column.mask(values[name])  # type: ignore[arg-type]
            if not held:
                return None
        return (held & -held).bit_length() - 1

    def every(self, values: Mapping[str, Decimal | str]) -> tuple[int, ...]:
        """The numbers of all rows that hold, in order."""
        held = (1 << self.rows) - 1
        for name, column in self.columns.items():
            held &= column.mask(values[name])  # type: ignore[arg-type]
        return tuple(row for row in range(self.rows) if held >> row & 1)

    def possible(self, values: Mapping[str, Decimal | str]) -> tuple[int, ...]:
        """The numbers of the rows that may hold, whatever the columns say that no value is given
        for."""
        held = (1 << self.rows) - 1
        for name, column in self.columns.items():
            if name in values:
                held &= column.mask(values[name])  # type: ignore[arg-type]
        return tuple(row for row in range(self.rows) if held >> row & 1)

    def regions(self) -> Iterator[tuple[dict[str, str], tuple[int, ...]]]:
        """Every combination of segments, in words, with the rows that hold in it."""
        named = [list(column.segments()) for column in self.columns.values()]
        for combination in product(*named):
            held = (1 << self.rows) - 1
            for _, mask in combination:
                held &= mask
            words = {
                name: segment for name, (segment, _) in zip(self.columns, combination, strict=True)
            }
            yield words, tuple(row for row in range(self.rows) if held >> row & 1)
