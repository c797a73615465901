"""Fit, validate and score, each from files to what comes out, whatever the command looks like."""

from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np

from creditflow.model.calibration import level_for, probability
from creditflow.model.candidates import candidates_for, needed, shipped
from creditflow.model.card import Source, card_of
from creditflow.model.columns import Book, Columns, FirmYear, read_book, time_order
from creditflow.model.figures import Numbers, figures_of
from creditflow.model.fitting import fit, folds_of
from creditflow.model.scoring import Scored, as_numbers, score_rows
from creditflow.model.validation import (
    Findings,
    findings_of,
    information_of,
    migration_of,
    shift_of,
)
from domain.edition import Scorecard, SpreadingPolicy
from domain.errors import ColumnMissing, FieldUnreadable, FileEmpty

_GOOD, _BAD = ("0", "0.0", "false", "no"), ("1", "1.0", "true", "yes")


@dataclass(frozen=True)
class Selection:
    """Which rows of a file count, and the columns that tell them apart.

    `until` and `after` are times of a firm's last row: a firm is on one side with all its rows.
    """

    data: Path
    columns: Columns
    label: str = ""
    firm: str = ""
    time: str = ""
    where: tuple[tuple[str, str], ...] = ()
    until: str = ""
    after: str = ""


@dataclass(frozen=True)
class Sample:
    """The rows that count, and which of them went bad."""

    rows: tuple[FirmYear, ...]
    bad: np.ndarray

    @property
    def times(self) -> list[str]:
        return [row.time for row in self.rows]

    def groups(self, figures: dict[str, Numbers]) -> list[object]:
        """What must not be parted: a firm, or rows that are the same in every figure."""
        if any(row.firm for row in self.rows):
            return [row.firm for row in self.rows]
        return [values.tobytes() for values in np.column_stack(list(figures.values()))]


def read_rows(selection: Selection) -> Book:
    """The file with its firms and years told apart by the columns named."""
    columns = selection.columns
    return read_book(
        selection.data, columns, selection.firm or columns.firm, selection.time or columns.time
    )


def read_sample(selection: Selection) -> Sample:
    """The rows that count; refuses `ColumnMissing`, `FieldUnreadable` and `FileEmpty`."""
    book = read_rows(selection)
    for column in (selection.label, *(name for name, _ in selection.where)):
        if column not in book.header:
            raise ColumnMissing(column=column)
    rows = tuple(row for row in book.rows if _counts(row, selection))
    if not rows:
        raise FileEmpty()
    return Sample(rows, np.array([_label(row, selection.label) for row in rows]))


def _counts(row: FirmYear, selection: Selection) -> bool:
    if any(row.texts[column].strip() != value for column, value in selection.where):
        return False
    last = row.last_time or row.time
    if selection.until and time_order(last) > time_order(selection.until):
        return False
    return not selection.after or time_order(last) > time_order(selection.after)


def _label(row: FirmYear, column: str) -> bool:
    text = row.texts[column].strip().lower()
    if text not in _GOOD + _BAD:
        raise FieldUnreadable(column=column, expected="0 or 1", expected_zh="0 或 1")
    return text in _BAD


def fit_card(
    selection: Selection, name: str, portfolio_rate: Decimal | None
) -> tuple[Scorecard, SpreadingPolicy]:
    """A scorecard fitted on the rows chosen, with the figures that it rests on."""
    sample = read_sample(selection)
    candidates = candidates_for(selection.columns.factors)
    spreading = shipped()[0]
    figures = figures_of(sample.rows, [each.figure for each in candidates], spreading)
    columns = selection.columns
    source = Source(
        name=name,
        label=selection.label,
        firm=selection.firm or columns.firm,
        time=selection.time or columns.time,
        portfolio_rate=portfolio_rate,
    )
    model = fit(figures, sample.bad, candidates, sample.groups(figures), sample.times)
    card = card_of(model, figures, sample.bad, sample.times, source)
    return card, needed(spreading, [each.figure for each in card.factors])


def validate_card(
    selection: Selection,
    card: Scorecard,
    spreading: SpreadingPolicy,
    portfolio_rate: Decimal | None = None,
) -> Findings:
    """What a scorecard is worth on the rows chosen; its own firm and time columns count.

    A `portfolio_rate` anchors the PDs on these rows: their mean is the rate, their order stays.
    """
    sample = read_sample(_as_fitted(selection, card))
    scored = score_rows(sample.rows, card, spreading)
    scores, pds = as_numbers(scored)
    if portfolio_rate is not None:
        log_odds = np.log(pds / (1 - pds))
        pds = probability(log_odds + level_for(log_odds, float(portfolio_rate)))
    figures = figures_of(sample.rows, [each.figure for each in card.factors], spreading)
    grades, moves = migration_of(sample.rows, scored, card)
    return findings_of(
        list(zip(scores, pds, strict=True)),
        sample.bad,
        psi=shift_of(scores, card),
        factors=information_of(card, figures, sample.bad),
        grades=grades,
        migration=moves,
    )


def validate_folds(selection: Selection, count: int, portfolio_rate: Decimal | None) -> Findings:
    """What the method is worth on these rows: each fold scored by a card fitted on the others.

    A row's score is one of its fold's own card, so that the folds are compared by PD.
    """
    sample = read_sample(selection)
    candidates = candidates_for(selection.columns.factors)
    spreading = shipped()[0]
    figures = figures_of(sample.rows, [each.figure for each in candidates], spreading)
    groups = sample.groups(figures)
    folds = folds_of(groups, count)
    source = Source("folds", selection.label, "", "", portfolio_rate)
    pds, shifts, card = np.zeros(len(sample.rows)), [], None
    for fold in range(count):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        here = {code: values[train] for code, values in figures.items()}
        times = [sample.times[place] for place in train]
        own = [groups[place] for place in train]
        model = fit(here, sample.bad[train], candidates, own, times)
        card = card_of(model, here, sample.bad[train], times, source)
        scored = score_rows([sample.rows[place] for place in test], card, spreading)
        scores, pds[test] = as_numbers(scored)
        shift = shift_of(scores, card)
        shifts.append(0.0 if shift is None else shift)
    assert card is not None, "there is at least one fold"
    return findings_of(
        list(zip(-np.log(pds / (1 - pds)), pds, strict=True)),
        sample.bad,
        psi=float(np.mean(shifts)),
        factors=information_of(card, figures, sample.bad),
    )


def score_file(
    selection: Selection, card: Scorecard, spreading: SpreadingPolicy
) -> tuple[Book, list[Scored]]:
    """Every row of a file, in its order, with its score."""
    book = read_rows(_as_fitted(selection, card))
    return book, score_rows(book.rows, card, spreading)


def _as_fitted(selection: Selection, card: Scorecard) -> Selection:
    """The firm and time columns the scorecard was fitted with, unless others are named."""
    if card.fit is None:
        return selection
    return replace(
        selection,
        firm=selection.firm or card.fit.firm,
        time=selection.time or card.fit.time,
    )
