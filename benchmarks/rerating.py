"""A book of a million companies judged from columns: companies a second against plain NumPy.

Both read the same columns, of a book made of the standard edition's own figures around its cuts,
and write the same ones: score, grade and limit. Ours is the product's batch judge, which reads any
edition and decides knock-outs and what binds as well; the limit is the best plain NumPy known to us
for the same arithmetic: this one scorecard and this one product. The results are compared first.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.edition import PolicyEdition
from policies.book import CHUNK, Book, Verdicts, judge_book, narrowed
from policies.columns import Plan, cuts_of, plan_for
from policies.tables import tables_of
from storage.edition import read_shipped

ROWS, ROUNDS = 1_000_000, 7
PRODUCT = "open_account"
ON = date(2026, 6, 30)
Column = NDArray[Any]


def a_book(edition: PolicyEdition, rows: int) -> tuple[Book, Plan]:
    """Companies whose figures lie around the cuts, a tenth of them missing."""
    random = np.random.default_rng(ON.toordinal())
    words = {"industry": tuple("ABCDEFGHIJKLMNOPQRSTU")}
    plan = plan_for(edition, tables_of(edition).cards[0], PRODUCT, ON, words)
    names = {each.name for each in plan.factors if not each.text}
    names |= {rule.name for rule in plan.rules if rule.words is None}
    figures = {}
    for name in sorted(names):
        cuts = cuts_of(plan, name)
        reach = max(abs(cut) for cut in cuts) * 2 + 1
        column = random.integers(-reach // 4, reach, rows)
        column[random.random(rows) < 0.1] = np.iinfo(np.int64).min
        figures[name] = narrowed(column, cuts)
    minors = {
        each.code: (np.exp(random.normal(17, 2, rows)) * 100).astype(np.int64)
        for each in plan.methods
    }
    book = Book(
        figures=figures,
        texts={"industry": random.integers(0, len(words["industry"]), rows).astype(np.int16)},
        words=words,
        bases=minors,
        held=random.integers(0, 10**9, rows),
        others=random.integers(0, 10**10, rows),
    )
    return book, plan


@dataclass(frozen=True)
class Plain:
    """The same decision as somebody would write it down by hand, chunk by chunk."""

    book: Book
    plan: Plan

    def __call__(self) -> tuple[Column, Column, Column]:
        book, plan = self.book, self.plan
        rows = len(book)
        score = np.empty(rows, np.int16)
        rank = np.empty(rows, np.int8)
        limit = np.empty(rows, np.int64)
        held, counter = np.empty(CHUNK, bool), np.empty(CHUNK, np.int8)
        for start in range(0, rows, CHUNK):
            part = slice(start, min(start + CHUNK, rows))
            size = part.stop - start
            b, n = held[:size], counter[:size]
            total = np.zeros(size, np.int16)
            for factor in plan.factors:
                if factor.text:
                    total += factor.worth[book.texts[factor.name][part]]
                    continue
                column = book.figures[factor.name][part]
                np.not_equal(column, np.iinfo(column.dtype).min, out=b)
                n[:] = b.view(np.int8)
                for cut in factor.cuts:
                    np.greater_equal(column, cut, out=b)
                    n += b.view(np.int8)
                total += factor.worth.take(n, mode="clip")
            n[:] = 0
            for cut in plan.grades.cuts:
                np.greater_equal(total, cut, out=b)
                n += b.view(np.int8)
            grades = plan.grades.worth.take(n, mode="clip")
            for rule in plan.rules:
                if rule.words is not None:
                    continue
                column = book.figures[rule.name][part]
                fires = column != np.iinfo(column.dtype).min
                if rule.low is not None:
                    fires &= column >= rule.low
                if rule.high is not None:
                    fires &= column < rule.high
                if rule.rank_min:
                    np.maximum(grades, fires * np.int8(rule.rank_min), out=grades)
            least = plan.caps[grades]
            if plan.outlook is not None:
                outlook = plan.outlook[
                    grades * np.int16(plan.industries) + book.texts["industry"][part]
                ]
                np.minimum(least, outlook, out=least)
            for method in plan.methods:
                amount = book.bases[method.code][part] * method.share[grades] // method.unit
                np.minimum(least, amount, out=least)
            np.minimum(least, plan.single_name, out=least)
            np.minimum(least, plan.group - book.others[part], out=least)
            least -= book.held[part]
            least //= plan.lot
            least *= plan.lot
            score[part], rank[part] = total, grades
            limit[part] = np.maximum(least, 0)
        return score, rank, limit


def seconds(run: Callable[[], Any]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def measured(rows: int) -> dict[str, Any]:
    edition = read_shipped()
    book, plan = a_book(edition, rows)
    plain = Plain(book, plan)

    def ours() -> Verdicts:
        return judge_book(book, plan)

    verdicts, expected = ours(), plain()
    for name, column in zip(("score", "rank", "limit"), expected, strict=True):
        assert np.array_equal(getattr(verdicts, name), column), f"{name} differs"
    rounds = [(seconds(ours), seconds(plain)) for _ in range(ROUNDS)]
    own, limit = (statistics.median(column) for column in zip(*rounds, strict=True))
    return {
        "name": "rerating",
        "ratio": round(limit / own, 3),
        "ours": round(rows / own),
        "limit": round(rows / limit),
        "unit": "companies/s",
        "detail": {
            "companies": rows,
            "factors": len(plan.factors),
            "knock_outs": len(plan.rules),
            "seconds": {"ours": round(own, 4), "limit": round(limit, 4)},
            "distinct_limits": len(np.unique(verdicts.limit)),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--companies", type=int, default=ROWS)
    print(json.dumps(measured(parser.parse_args().companies)))


if __name__ == "__main__":
    main()
