"""The findings of a validation as a folder: report.md and its pictures, drawn as plain SVG."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from creditflow.model.figures import Numbers
from creditflow.model.validation import Findings

_WIDTH, _HEIGHT, _MARGIN = 480, 360, 44
_HEAD = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
    'font-family="sans-serif" font-size="12">'
    '<title>{title}</title><rect width="100%" height="100%" fill="white"/>'
)
_SEEN, _EXPECTED = "#1f5fa8", "#c8501e"


def write_report(folder: Path, name: str, data: str, found: Findings) -> None:
    """Write the report of a scorecard on a file; what is there under the same names is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "roc.svg").write_text(roc_picture(found), "utf-8")
    (folder / "calibration.svg").write_text(calibration_picture(found), "utf-8")
    (folder / "scores.svg").write_text(score_picture(found), "utf-8")
    (folder / "report.md").write_text(_text(name, data, found), "utf-8")


def roc_picture(found: Findings) -> str:
    """The share of the bad caught by the share of the good alarmed, over the line of chance."""
    alarmed, caught = found.curve
    title = f"ROC: AUC {found.auc:.4f}, KS {found.ks:.4f}"
    lines = _line(np.array([0.0, 1.0]), np.array([0.0, 1.0]), "#999") + _line(
        alarmed, caught, _SEEN
    )
    return _picture(title, lines, "share of the good", "share of the bad")


def calibration_picture(found: Findings) -> str:
    """Mean PD and default rate of each tenth, from the safest to the riskiest."""
    highest = max(
        *(each["rate"] for each in found.deciles), *(each["pd_mean"] for each in found.deciles)
    )
    places = np.array([(each["part"] - 0.5) / len(found.deciles) for each in found.deciles])
    top = highest or 1.0
    expected = np.array([each["pd_mean"] / top for each in found.deciles])
    rates = np.array([each["rate"] / top for each in found.deciles])
    title = f"Calibration by decile: expected (line), seen (dots), up to {highest:.1%}"
    return _picture(
        title, _line(places, expected, _EXPECTED) + _dots(places, rates, _SEEN), "decile", "rate"
    )


def score_picture(found: Findings) -> str:
    """How many rows have which score."""
    counts, edges = np.histogram(found.scores, bins=20)
    shares = counts / max(counts.max(), 1)
    bars = "".join(_bar(place, share, len(shares)) for place, share in enumerate(shares))
    return _picture(f"Scores from {edges[0]:.1f} to {edges[-1]:.1f}", bars, "score", "rows")


def _at(x: float, y: float) -> tuple[float, float]:
    return (
        round(_MARGIN + x * (_WIDTH - 2 * _MARGIN), 1),
        round(_HEIGHT - _MARGIN - y * (_HEIGHT - 2 * _MARGIN), 1),
    )


def _line(xs: Numbers, ys: Numbers, colour: str) -> str:
    pairs = " ".join(f"{x},{y}" for x, y in (_at(*pair) for pair in zip(xs, ys, strict=True)))
    return f'<polyline points="{pairs}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _dots(xs: Numbers, ys: Numbers, colour: str) -> str:
    spots = (_at(*pair) for pair in zip(xs, ys, strict=True))
    return "".join(f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>' for x, y in spots)


def _bar(place: int, share: float, count: int) -> str:
    left, top = _at(place / count, share)
    right, bottom = _at((place + 0.9) / count, 0)
    size = f'width="{right - left:.1f}" height="{bottom - top:.1f}"'
    return f'<rect x="{left}" y="{top}" {size} fill="{_SEEN}"/>'


def _picture(title: str, content: str, across: str, up: str) -> str:
    (left, bottom), (right, top) = _at(0, 0), _at(1, 1)
    frame = f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#333"/>'
    words = (
        f'<text x="{left}" y="24">{title}</text>'
        f'<text x="{right}" y="{bottom + 24}" text-anchor="end">{across}</text>'
        f'<text x="{left - 8}" y="{top - 6}">{up}</text>'
    )
    return _HEAD.format(title=title) + frame + content + words + "</svg>\n"


def _text(name: str, data: str, found: Findings) -> str:
    shift = "not known" if found.psi is None else f"{found.psi:.4f}"
    parts = [
        f"# Validation of {name} on {data}",
        f"{found.rows} rows, {found.bad} bad.",
        _table(
            ("measure", "value"),
            [("AUC", found.auc), ("KS", found.ks), ("Gini", found.gini), ("PSI", shift)],
        ),
        "![ROC](roc.svg)\n\n![Calibration](calibration.svg)\n\n![Scores](scores.svg)",
        "## Calibration by decile, the safest first",
        _calibration(found.deciles),
        "## Calibration by half",
        _calibration(found.halves),
    ]
    if found.factors:
        rows = [tuple(each.values()) for each in found.factors]
        parts += ["## Information of each factor", _table(tuple(found.factors[0]), rows)]
    if found.migration:
        moves = [(grade, *row) for grade, row in zip(found.grades, found.migration, strict=True)]
        parts += ["## Migration in a year, from row to column"]
        parts += [_table(("from", *found.grades), moves)]
    return "\n\n".join(parts) + "\n"


def _calibration(rows: Sequence[dict[str, object]]) -> str:
    return _table(tuple(rows[0]), [tuple(each.values()) for each in rows])


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
