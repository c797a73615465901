"""A row of a file as formulas see it, and the figures of many rows as columns of numbers."""

from collections.abc import Sequence
from decimal import Decimal, localcontext

import numpy as np
from numpy.typing import NDArray

from creditflow.model.columns import FirmYear
from domain.edition import SpreadingPolicy
from policies.formula import EXACT
from policies.spreading import FigureScope

Numbers = NDArray[np.float64]


class RowScope(FigureScope):
    """The names of one row: its items, those of the year before, and its ready factors."""

    def __init__(self, row: FirmYear, spreading: SpreadingPolicy) -> None:
        super().__init__(spreading)
        self._row = row

    def text(self, name: str) -> str:
        return self._row.texts.get(name, "")

    def _computed(self, name: str) -> Decimal | None:
        ready = self._row.factors.get(name)
        return super()._computed(name) if ready is None else ready

    def _input(self, name: str) -> Decimal | None:
        if name.startswith("prior_"):
            return self._prior(name.removeprefix("prior_"))
        if name.startswith("mean_"):
            item = name.removeprefix("mean_")
            closing, opening = self._row.items.get(item), self._prior(item)
            alone = self._row.before is None and not self._row.prior_items
            if closing is None or alone:
                return closing
            return None if opening is None else (opening + closing) / 2
        if name == "year_days":
            return Decimal(self._spreading.year_days)
        return self._row.items.get(name)

    def _prior(self, item: str) -> Decimal | None:
        told = self._row.prior_items.get(item)
        if told is None and self._row.before is not None:
            return self._row.before.items.get(item)
        return told


def figures_of(
    rows: Sequence[FirmYear], codes: Sequence[str], spreading: SpreadingPolicy
) -> dict[str, Numbers]:
    """Each figure of every row, rounded as it is judged; NaN where it is missing."""
    found = {code: np.full(len(rows), np.nan) for code in codes}
    with localcontext(EXACT):
        for place, row in enumerate(rows):
            scope = RowScope(row, spreading)
            for code in codes:
                value = scope.rounded(code)
                if value is not None:
                    found[code][place] = float(value)
    return found
