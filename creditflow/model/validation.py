"""What a score is worth on rows whose outcome is known: discrimination, stability, calibration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from creditflow.model import statistics
from creditflow.model.binning import information_value
from creditflow.model.columns import FirmYear
from creditflow.model.figures import Numbers
from creditflow.model.scoring import Scored
from domain.edition import Scorecard
from policies.scorecard import CardTable

_STRENGTHS = ((0.02, "none"), (0.1, "weak"), (0.3, "medium"), (0.5, "strong"))


@dataclass(frozen=True)
class Findings:
    """Everything seen; `curve` is the ROC, `factors` the information of each, `moves` migration."""

    rows: int
    bad: int
    auc: float
    ks: float
    gini: float
    psi: float | None
    deciles: list[dict[str, Any]]
    halves: list[dict[str, Any]]
    curve: tuple[Numbers, Numbers] = field(repr=False)
    scores: Numbers = field(repr=False)
    factors: list[dict[str, Any]] = field(default_factory=list)
    grades: tuple[str, ...] = ()
    migration: list[list[int]] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """The findings as JSON, without what only pictures need."""
        kept = ("rows", "bad", "auc", "ks", "gini", "psi", "deciles", "halves", "factors")
        return {name: getattr(self, name) for name in kept} | {
            "migration": {"grades": list(self.grades), "counts": self.migration}
        }


def findings_of(
    scored: Sequence[tuple[float, float]],
    bad: np.ndarray,
    *,
    psi: float | None,
    factors: list[dict[str, Any]],
    grades: tuple[str, ...] = (),
    migration: list[list[int]] | None = None,
) -> Findings:
    """The findings over scores and PDs whose outcome is known."""
    scores, pds = np.array([each[0] for each in scored]), np.array([each[1] for each in scored])
    area = statistics.auc(-scores, bad)
    return Findings(
        rows=len(bad),
        bad=int(bad.sum()),
        auc=round(area, 6),
        ks=round(statistics.ks(-scores, bad), 6),
        gini=round(2 * area - 1, 6),
        psi=None if psi is None else round(psi, 6),
        deciles=statistics.parts(pds, bad, 10),
        halves=statistics.parts(pds, bad, 2),
        curve=statistics.roc(-scores, bad),
        scores=scores,
        factors=factors,
        grades=grades,
        migration=migration or [],
    )


def shift_of(scores: Numbers, card: Scorecard) -> float | None:
    """The PSI of these scores against those the scorecard was fitted on, where it was fitted."""
    if card.fit is None or not card.fit.score_cuts:
        return None
    now = statistics.shares(scores, [float(cut) for cut in card.fit.score_cuts])
    return statistics.psi(now.tolist(), [float(share) for share in card.fit.score_shares])


def information_of(
    card: Scorecard, figures: Mapping[str, Numbers], bad: np.ndarray
) -> list[dict[str, Any]]:
    """What each factor's ranges say by themselves, the most telling first."""
    table = CardTable(card)
    found = []
    for factor in card.factors:
        edges = [each.at_least for each in factor.bins if each.at_least is not None]
        if len(edges) != len(table.bins[factor.code].columns["value"].masks) - 1:
            continue  # categories: no column of numbers
        values = figures[factor.figure]
        cuts = np.array(sorted(float(edge) for edge in edges))
        places = np.where(
            np.isnan(values),
            len(cuts) + 1,
            np.searchsorted(cuts, np.nan_to_num(values), side="right"),
        )
        good = np.bincount(places[~bad], minlength=len(cuts) + 2).astype(float)
        bads = np.bincount(places[bad], minlength=len(cuts) + 2).astype(float)
        found.append(_told(factor.code, information_value(good, bads), good, bads))
    return sorted(found, key=lambda each: -each["iv"])


def _told(code: str, value: float, good: Numbers, bad: Numbers) -> dict[str, Any]:
    strength = next((name for bound, name in _STRENGTHS if value < bound), "suspicious")
    missing = good[-1] + bad[-1]
    return {
        "factor": code,
        "iv": round(value, 6),
        "strength": strength,
        "missing": int(missing),
        "missing_bad": int(bad[-1]),
    }


def migration_of(
    rows: Sequence[FirmYear], scored: Sequence[Scored], card: Scorecard
) -> tuple[tuple[str, ...], list[list[int]]]:
    """Grades of firms a year apart."""
    grades = CardTable(card).grades
    grade = {id(row): each.grade for row, each in zip(rows, scored, strict=True)}
    pairs = [
        (grade[id(row.before)], grade[id(row)])
        for row in rows
        if row.before is not None and id(row.before) in grade
    ]
    return grades, statistics.migration(pairs, grades)
