"""How findings on the records look (造假识别): each with its figures in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from domain.assessment import Assessment
from web.console.formats import Formats
from web.language import Speech

# Figures that are themselves codes, by the kind they are named by.
_CODES = {"figure": "factor", "industry": "industry"}


@dataclass(frozen=True)
class DoubtShown:
    code: str
    refers: bool  # whether people decide because of it
    pairs: tuple[tuple[str, str], ...]


def doubts_of(assessment: Assessment, formats: Formats, speech: Speech) -> list[DoubtShown]:
    """The findings of a judgement; what was not measured is left out."""
    return [
        DoubtShown(
            code=doubt.code,
            refers=f"authenticity:{doubt.code}" in assessment.route.reasons,
            pairs=tuple(_pairs(doubt.figures, formats, speech)),
        )
        for doubt in assessment.doubts
    ]


def _pairs(figures: Mapping[str, str], formats: Formats, speech: Speech) -> list[tuple[str, str]]:
    return [
        (speech.name("doubt_figure", name), _value(name, value, formats, speech))
        for name, value in figures.items()
        if value != "missing"
    ]


def _value(name: str, value: str, formats: Formats, speech: Speech) -> str:
    if name in _CODES:
        return speech.name(_CODES[name], value)
    try:
        return formats.number(Decimal(value), 4)
    except InvalidOperation:  # a day
        return value
