"""A fitted scorecard as a TOML file: readable, editable, enough to score with, a draft as it stands.

It says what an edition would change: the figures its factors rest on, and the scorecard among the
challengers, where it is rated in shadow. Moved from `challengers` to `scorecards`, with the choice
of who is judged by it, it decides.
"""

import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from domain.edition import Factor, Scorecard, SpreadingPolicy
from domain.errors import EditionInvalid
from domain.reasons import because, of_field, of_toml
from domain.toml import toml_text
from policies.edition import faults_of_card

_HEAD = """# Scorecard fitted on {rows} rows, {bad} of them bad ({label}); penalty {penalty}, AUC {auc}
# in cross-validation. Score = offset + factor x ln(odds of good to bad). Points and cuts may be
# edited; the best points of each group must add up to its weight, all weights to 100.
# As it stands it is a draft that lets the scorecard run in shadow. To let it decide, move it from
# `challengers` to `scorecards` and say in its `choice` whom it is for.
"""


def file_text(code: str, card: Scorecard, spreading: SpreadingPolicy) -> str:
    """The file of a scorecard and the figures it rests on."""
    fit = card.fit
    assert fit is not None, "only a fitted scorecard is written"
    content = card.model_dump(mode="python", exclude={"factors", "choice"})
    head = _HEAD.format(
        rows=fit.rows, bad=fit.bad, label=fit.label, penalty=fit.penalty, auc=fit.auc_folds
    )
    parts = {"spreading": spreading.model_dump(mode="python"), "challengers": {code: content}}
    factors = "\n".join(line for each in card.factors for line in _factor_lines(code, each))
    return f"{head}\n{toml_text(parts)}{factors}\n"


def _factor_lines(code: str, factor: Factor) -> Iterator[str]:
    yield from ("", f"[[challengers.{code}.factors]]")
    yield from (f'{name} = "{getattr(factor, name)}"' for name in ("code", "group", "figure"))
    yield f'missing = "{factor.missing.value}"'
    if factor.missing_points is not None:
        yield f"missing_points = {factor.missing_points:f}"
    yield "bins = ["
    for each in factor.bins:
        bounds = [("at_least", each.at_least), ("below", each.below), ("points", each.points)]
        written = ", ".join(f"{name} = {part:f}" for name, part in bounds if part is not None)
        yield f"    {{ {written} }},"
    yield "]"


def read_card(file: Path) -> tuple[Scorecard, SpreadingPolicy]:
    """The scorecard of a file and its figures; refuses `EditionInvalid`, also where it is unsound."""
    try:
        content = tomllib.loads(file.read_text("utf-8"), parse_float=Decimal)
        cards: dict[str, Any] = content.get("scorecards", {}) | content.get("challengers", {})
        if len(cards) != 1:
            raise EditionInvalid(**because("cards_count", file=file.name, count=len(cards)))
        code, written = next(iter(cards.items()))
        card = Scorecard.model_validate(written)
        spreading = SpreadingPolicy.model_validate(content.get("spreading", {}))
    except tomllib.TOMLDecodeError as error:
        raise EditionInvalid(**of_toml(error, file.name)) from error
    except UnicodeDecodeError as error:
        raise EditionInvalid(**because("unreadable", error=f"{file.name}: UTF-8")) from error
    except ValidationError as error:
        raise EditionInvalid(**of_field(error, file.name)) from error
    for finding in faults_of_card(f"challengers.{code}", card):
        raise EditionInvalid(**finding.as_reason)
    return card, spreading
