"""Re-rating (批量重评): dossiers as columns, a book judged at once, and what has moved since.

The columns hold what the one-by-one path would look at, already rounded as it rounds; which lines
move and where to is decided here, what is done about it is for people (`activities/rerating.py`).
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal, localcontext

import numpy as np

from domain.assessment import Dossier
from domain.edition import PolicyEdition
from domain.money import Money
from domain.rerating import Judging, Outcome, Standing
from policies.book import Book, Verdicts, base_column, figure_column, judge_book
from policies.columns import Column, Plan, plan_for
from policies.cover import uplift
from policies.formula import EXACT
from policies.limit import base_minor, held_beside
from policies.spreading import TEXT_NAMES, Scope, scope_of


def book_of(dossiers: Sequence[Dossier], edition: PolicyEdition, product: str) -> Book:
    """The columns of dossiers that ask for one product; refuses `RateMissing`."""
    with localcontext(EXACT):
        scopes = [scope_of(dossier, edition) for dossier in dossiers]
        numbers, texts = _figures_judged(edition)
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
        )


def rerate(
    dossiers: Sequence[Dossier], edition: PolicyEdition, product: str, business_on: date
) -> tuple[Verdicts, Plan]:
    """Dossiers of one product judged in columns on one day."""
    book = book_of(dossiers, edition, product)
    plan = plan_for(edition, product, business_on, book.words)
    return judge_book(book, plan), plan


def judgings(
    standing: Sequence[Standing], verdicts: Verdicts, plan: Plan, edition: PolicyEdition
) -> tuple[Judging, ...]:
    """What each line stood at and would stand at now, in the order given.

    A line has moved when its grade differs. The limit supported is what policy would carry today;
    it moves no limit, which is for a review and its approval.
    """
    grades = [edition.grades[rank] for rank in verdicts.rank.tolist()]
    return tuple(
        Judging(
            line_id=each.line_id,
            customer_id=each.customer_id,
            outcome=Outcome.UNMOVED if grades[row] == each.grade else Outcome.MOVED,
            grade_before=each.grade,
            grade=grades[row],
            score=int(verdicts.score[row]) * plan.score_unit,
            limit_before=each.limit,
            limit_supported=Money(
                minor=int(verdicts.limit[row]), currency=edition.reporting_currency
            ),
            binding=plan.binding_codes[int(verdicts.binding[row])],
            knock_outs=fired_of(int(verdicts.fired[row]), plan),
        )
        for row, each in enumerate(standing)
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


def _figures_judged(edition: PolicyEdition) -> tuple[tuple[str, ...], frozenset[str]]:
    """The figures that factors and knock-outs look at: numbers, and texts with the industry."""
    judged = [
        *(factor.figure for factor in edition.scorecard.factors),
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
