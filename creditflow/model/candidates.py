"""Which figures a fit looks at, in which group, and which way the field expects them to point."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources

from domain.edition import SpreadingPolicy
from policies.formula import compiled_formula, dependencies
from storage.edition import read_shipped

READY = "ready"  # the group of factors that a file brings ready


class Better(StrEnum):
    """Which end of a figure is the sound one."""

    HIGH = "high"
    LOW = "low"
    EITHER = "either"


@dataclass(frozen=True)
class Candidate:
    figure: str
    group: str
    better: Better


@cache
def shipped() -> tuple[SpreadingPolicy, tuple[Candidate, ...]]:
    """The standard edition's figures with those of the candidates, and the candidates."""
    text = resources.files("creditflow.model").joinpath("candidates.toml").read_text("utf-8")
    content = tomllib.loads(text)
    edition = read_shipped().spreading
    spreading = edition.model_copy(update={"figures": edition.figures | content.pop("figures")})
    return spreading, tuple(
        Candidate(figure, group, Better(better))
        for group, figures in content.items()
        for figure, better in figures.items()
    )


def candidates_for(ready: Mapping[str, str]) -> tuple[Candidate, ...]:
    """The shipped candidates and whatever a columns file brings ready."""
    known = shipped()[1]
    named = {each.figure for each in known}
    brought = tuple(Candidate(code, READY, Better.EITHER) for code in ready if code not in named)
    return known + brought


def needed(spreading: SpreadingPolicy, codes: list[str]) -> SpreadingPolicy:
    """The spreading with the figures that these rest on, and no other."""
    kept = {
        name
        for code in codes
        if code in spreading.figures
        for name in (code, *dependencies(spreading.figures, code))
    }
    figures = {code: text for code, text in spreading.figures.items() if code in kept}
    for text in figures.values():
        compiled_formula(text)
    return spreading.model_copy(update={"figures": figures})
