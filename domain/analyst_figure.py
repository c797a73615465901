"""Figures that an analyst supplies (分析师补录): where a factor asks for one, and what was given.

A factor may say that a figure it lacks is an analyst's to supply, within bounds; the case waits for
it. Each value is kept with its reason and document and never changed, only followed by another.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field, StringConstraints

from domain.identity import Id
from domain.value import Value

ANALYST_FIGURE = "analyst_figure"  # what a case lacks that waits for one

FactorCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]


class FigureContent(Value):
    """A value for a factor, why it is that, and the document that shows it."""

    factor: FactorCode
    value: Annotated[Decimal, Field(allow_inf_nan=False, max_digits=24, decimal_places=12)]
    reason: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"\S")]
    evidence_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class SuppliedFigure(FigureContent):
    """A value that counts, as a dossier and a receipt hold it."""

    version: int
    supplied_by: Id
    supplied_at: datetime
    confirmed_by: Id | None = None  # None where policy asks for no second person


class AnalystFigure(SuppliedFigure):
    """A value on record; of a factor's the newest that counts is judged by."""

    case_id: Id
    second_needed: bool = False
    confirmed_at: datetime | None = None

    @property
    def counts(self) -> bool:
        """Whether it needs nobody else's word, or has it."""
        return not self.second_needed or self.confirmed_by is not None

    @property
    def in_dossier(self) -> SuppliedFigure:
        """What a judgement of the case looks at."""
        return SuppliedFigure.model_validate(
            self.model_dump(include=set(SuppliedFigure.model_fields))
        )


def gap_of(factor: str) -> str:
    """As a case lacks a factor's figure: `analyst_figure:interest_cover`."""
    return f"{ANALYST_FIGURE}:{factor}"


def factor_of(code: str) -> str | None:
    """The factor that a code of what is lacking names; None where it names something else."""
    name, _, factor = code.partition(":")
    return factor if name == ANALYST_FIGURE and factor else None
