"""Re-rating (批量重评): dossiers as columns, a book judged at once, and what has moved since.

The columns hold what the one-by-one path would look at, already rounded as it rounds; which lines
move and where to is decided here, what is done about it is for people (`activities/rerating.py`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal, localcontext
from typing import NamedTuple

import numpy as np

from domain.assessment import Dossier
from domain.edition import PolicyEdition
from domain.money import Money
from domain.override import RatingOverride
from domain.rerating import Judging, Outcome, Standing
from policies.book import Book, Verdicts, base_column, figure_column, judge_book
from policies.columns import Column, Plan, plan_for
from policies.cover import uplift
from policies.external_rating import grade_ceiling
from policies.formula import EXACT
from policies.limit import base_minor, held_beside, propose_limit
from policies.override import overridden
from policies.rating import chosen, rate
from policies.scorecard import CardTable, name_of
from policies.spreading import TEXT_NAMES, Scope, scope_of


def book_of(
    dossiers: Sequence[Dossier], edition: PolicyEdition, card: CardTable, product: str
) -> Book:
    """The columns of dossiers of one scorecard and one product; refuses `RateMissing`."""
    with localcontext(EXACT):
        scopes = [scope_of(dossier, edition) for dossier in dossiers]
        numbers, texts = _figures_judged(edition, card)
        words = {
            name: tuple(sorted({scope.text(name) for scope in scopes})) for name in sorted(texts)
        }
        decimals = edition.spreading.decimals
        return Book(
            figures={
                code: figure_column((scope.rounded(code) for scope in scopes), decimals)
                for code in numbers
            },
            texts={name: _places(scopes, name, words[name]) for name in words},
            words=words,
            bases={
                code: base_column(_base(code, scope, edition) for scope in scopes)
                for code in edition.product(product).methods
            },
            held=_minors(held_beside(dossier).minor for dossier in dossiers),
            others=_minors(
                dossier.holdings.group_limits.minor - dossier.holdings.own_limits.minor
                for dossier in dossiers
            ),
            cover=_minors(uplift(dossier, edition).minor for dossier in dossiers)
            if any(dossier.covers for dossier in dossiers)
            else None,
            ceiling=_ceilings(scopes, edition),
        )


def _ceilings(scopes: Sequence[Scope], edition: PolicyEdition) -> Column | None:
    found = [grade_ceiling(scope.external, edition) or 0 for scope in scopes]
    return np.array(found, np.int8) if any(found) else None


class Judged(NamedTuple):
    """One row of a book, judged."""

    score: Decimal
    grade: str
    knock_outs: tuple[str, ...]
    limit: Money
    binding: str


def rerate(
    dossiers: Sequence[Dossier], edition: PolicyEdition, product: str, business_on: date
) -> list[Judged]:
    """Dossiers of one product judged in columns on one day, those of each scorecard together."""
    by_card: dict[str, list[int]] = defaultdict(list)
    cards: dict[str, CardTable] = {}
    for row, dossier in enumerate(dossiers):
        card, _ = chosen(scope_of(dossier, edition), edition)
        by_card[name_of(card.card)].append(row)
        cards[name_of(card.card)] = card
    found: dict[int, Judged] = {}
    for name, rows in by_card.items():
        book = book_of([dossiers[row] for row in rows], edition, cards[name], product)
        plan = plan_for(edition, cards[name], product, business_on, book.words)
        found |= zip(rows, _rows_of(judge_book(book, plan), plan, edition), strict=True)
    return [found[row] for row in range(len(dossiers))]


def with_override(
    judged: Judged, dossier: Dossier, override: RatingOverride | None, edition: PolicyEdition
) -> Judged:
    """The row as an override leaves it, which holds while the model gives the grade it was made on."""
    if override is None or judged.grade != override.grade_model:
        return judged
    with localcontext(EXACT):
        scope = scope_of(dossier, edition)
        rating = overridden(rate(scope, edition), override, edition)
        limit = propose_limit(scope, dossier, rating.grade, edition)
    return judged._replace(grade=rating.grade, limit=limit.limit_proposed, binding=limit.binding)


def _rows_of(verdicts: Verdicts, plan: Plan, edition: PolicyEdition) -> list[Judged]:
    return [
        Judged(
            score=int(verdicts.score[row]) * plan.score_unit,
            grade=edition.grades[int(verdicts.rank[row])],
            knock_outs=fired_of(int(verdicts.fired[row]), plan),
            limit=Money(minor=int(verdicts.limit[row]), currency=edition.reporting_currency),
            binding=plan.binding_codes[int(verdicts.binding[row])],
        )
        for row in range(len(verdicts.score))
    ]


def judgings(standing: Sequence[Standing], judged: Sequence[Judged]) -> tuple[Judging, ...]:
    """What each line stood at and would stand at now, in the order given.

    A line has moved when its grade differs. The limit supported is what policy would carry today;
    it moves no limit, which is for a review and its approval.
    """
    return tuple(
        Judging(
            line_id=each.line_id,
            customer_id=each.customer_id,
            outcome=Outcome.UNMOVED if now.grade == each.grade else Outcome.MOVED,
            grade_before=each.grade,
            grade=now.grade,
            score=now.score,
            limit_before=each.limit,
            limit_supported=now.limit,
            binding=now.binding,
            knock_outs=now.knock_outs,
        )
        for each, now in zip(standing, judged, strict=True)
    )


def asks_review(judging: Judging, edition: PolicyEdition) -> bool:
    """Whether people must look at the line: its grade fell as far as policy says, or it carries
    clearly less than its limit."""
    if judging.limit_supported is None:
        return False
    fallen = edition.rank(judging.grade) - edition.rank(judging.grade_before)
    kept = judging.limit_before.share(1 - edition.review.cut_tolerance)
    return fallen >= edition.review.downgrade_notches or judging.limit_supported < kept


def fired_of(bits: int, plan: Plan) -> tuple[str, ...]:
    """The knock-outs that a row's bits name."""
    return tuple(code for place, code in enumerate(plan.fired_codes) if bits >> place & 1)


def _figures_judged(
    edition: PolicyEdition, card: CardTable
) -> tuple[tuple[str, ...], frozenset[str]]:
    """The figures that factors and knock-outs look at: numbers, and texts with the industry."""
    judged = [
        *(factor.figure for factor in card.card.factors),
        *(rule.figure for rule in edition.knock_outs),
    ]
    numbers = dict.fromkeys(name for name in judged if name not in TEXT_NAMES)
    return tuple(numbers), frozenset({"industry", *judged}) & TEXT_NAMES


def _base(code: str, scope: Scope, edition: PolicyEdition) -> int | None:
    method = edition.limit.methods[code]
    rate = Decimal(1) if method.in_reporting_currency else scope.find("rate")
    return None if rate is None else base_minor(method.figure, rate, scope, edition)


def _places(scopes: Sequence[Scope], name: str, words: tuple[str, ...]) -> Column:
    places = {word: place for place, word in enumerate(words)}
    return np.array([places[scope.text(name)] for scope in scopes], np.int16)


def _minors(minors: Iterable[int]) -> Column:
    return np.array(list(minors), np.int64)
