"""How accounts of one period look beside each other: what they are, and the items that differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from domain.assessment import Assessment
from domain.statement import Item
from web.console.formats import Formats
from web.language import Speech


@dataclass(frozen=True)
class Difference:
    item: Item
    counted: str
    other: str
    apart: str  # the other less what counts; a dash where one of them has no figure


def beside_of(assessment: Assessment, formats: Formats, speech: Speech) -> list[dict[str, Any]]:
    """The accounts that a judgement did not count, and where they differ."""
    return [
        {
            "on": each.period_end_on,
            "counted": provenance_said(each.counted, speech),
            "other": provenance_said(each.provenance, speech),
            "differences": differences_shown(each.differences, formats),
        }
        for each in assessment.dossier.statements_beside
    ]


def provenance_said(codes: str, speech: Speech) -> str:
    """`consolidated audited unqualified cas` in words."""
    return " · ".join(speech.name("provenance", code) for code in codes.split())


def differences_shown(
    differences: Mapping[str, tuple[str, str]], formats: Formats
) -> list[Difference]:
    """The items in which two accounts differ, in the order of a statement."""
    return [
        Difference(item, *_figures_of(*differences[item.value], formats))
        for item in Item
        if item.value in differences
    ]


def _figures_of(counted: str, other: str, formats: Formats) -> tuple[str, str, str]:
    first, second = _figure(counted), _figure(other)
    apart = None if first is None or second is None else second - first
    return formats.number(first), formats.number(second), formats.number(apart)


def _figure(told: str) -> Decimal | None:
    return None if told == "missing" else Decimal(told)
