"""An edition compiled for columns: tables as whole-number cuts and look-ups, for one scorecard and
one product.

A column holds whole numbers: figures in units of the edition's last decimal, amounts in minor
units, texts as places in a list of words. `policies/book.py` judges books of such columns.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.edition import Combine, Factor, KnockOut, KnockOutEffect, MissingMethod, PolicyEdition
from domain.money import MINOR_MAX
from policies.limit import NOTHING_COMPUTABLE, OUTLOOK_CAP, outlook_of
from policies.rating import MUST_BE_THERE
from policies.scorecard import CardTable, points_missing
from policies.spreading import TEXT_NAMES
from policies.table import Steps, Table

Column = NDArray[Any]
Words = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Stepped:
    """A column's cuts, rising, and the worth of each segment; of a text, the worth of each word.

    The first worth is of what is missing, where `missing` says that it may be.
    """

    name: str
    cuts: tuple[int, ...]
    worth: Column
    text: bool = False


@dataclass(frozen=True)
class Rule:
    """A knock-out: where a column fires it, its bit, and the best rank that it leaves."""

    name: str
    bit: int
    low: int | None = None
    high: int | None = None
    words: Column | None = None  # by word, whether it fires
    rank_min: int = 0


@dataclass(frozen=True)
class Method:
    """A limit method: the share of its base by rank, in parts of `unit`."""

    code: str
    share: Column
    share_max: int
    unit: int
    zero: bool  # what is missing counts as nothing; else it does not count


@dataclass(frozen=True)
class Plan:
    """All that one edition asks of columns, for one scorecard and one product on one day."""

    factors: tuple[Stepped, ...]
    score_unit: Decimal
    score_type: Any
    grades: Stepped
    rules: tuple[Rule, ...]
    absent: tuple[tuple[str, int], ...]  # figures that must be there, and the bit if they are not
    fired_codes: tuple[str, ...]
    methods: tuple[Method, ...]
    combine: Combine
    caps: Column  # by rank
    outlook: Column | None  # by rank and industry; the most where an industry has no outlook
    industries: int
    single_name: int
    group: int
    lot: int
    binding_codes: tuple[str, ...]  # methods, caps, and at last that nothing can be computed


def plan_for(
    edition: PolicyEdition, card: CardTable, product: str, business_on: date, words: Words
) -> Plan:
    """The plan of an edition; refuses `ProductUnknown`, and `ValueError` beyond 64 bits."""
    rule, unit = edition.product(product), _score_unit(card)
    factors = tuple(_factor(each, card, edition, unit, words) for each in card.card.factors)
    most = sum(int(np.abs(each.worth).max()) for each in factors)
    rules, absent, fired = _rules(edition, card, words)
    outlook = _outlook(edition, business_on, words)
    capital = edition.money(edition.limit.capital_net)
    caps = [edition.money(edition.limit.grade_cap[grade]).minor for grade in edition.grades]
    score_type = _type_for(most)
    return Plan(
        factors=tuple(
            Stepped(each.name, each.cuts, each.worth.astype(score_type), each.text)
            for each in factors
        ),
        score_unit=unit,
        score_type=score_type,
        grades=_grades(card, edition, unit),
        rules=rules,
        absent=absent,
        fired_codes=fired,
        methods=tuple(_method(code, edition) for code in rule.methods),
        combine=rule.combine,
        caps=np.array(caps, np.int64),
        outlook=outlook,
        industries=len(words.get("industry", ())),
        single_name=capital.share(edition.limit.single_name_share).minor,
        group=capital.share(edition.limit.group_share).minor,
        lot=edition.money(edition.limit.lot).minor,
        binding_codes=(
            *rule.methods,
            "grade_cap",
            OUTLOOK_CAP,
            "single_name_cap",
            "group_cap",
            NOTHING_COMPUTABLE,
        ),
    )


def cuts_of(plan: Plan, name: str) -> tuple[int, ...]:
    """Every cut that a plan makes in a figure's column: what a narrower column must still hold."""
    cuts = [cut for each in plan.factors if each.name == name for cut in each.cuts]
    ends = [end for rule in plan.rules if rule.name == name for end in (rule.low, rule.high)]
    return tuple(sorted({*cuts, *(end for end in ends if end is not None)}))


# ── Scorecard ────────────────────────────────────────────────────────────────────────────────────


def _factor(
    factor: Factor, card: CardTable, edition: PolicyEdition, unit: Decimal, words: Words
) -> Stepped:
    table = card.bins[factor.code]
    if factor.figure in TEXT_NAMES:
        places = [_row(table, word) for word in words[factor.figure]]
        worth = [_whole(factor.bins[place].points / unit) for place in places]
        return Stepped(factor.figure, (), np.array(worth or [0]), text=True)
    absent = points_missing(factor, card.card)
    bounds, rows = _segments(table)
    points = [_whole(absent / unit), *(_whole(factor.bins[row].points / unit) for row in rows)]
    return Stepped(factor.figure, _cuts(bounds, edition), np.array(points))


def _score_unit(card: CardTable) -> Decimal:
    """The largest power of ten that every number of points is a whole multiple of, at most one."""
    points = [
        number
        for factor in card.card.factors
        for number in (
            points_missing(factor, card.card),
            *(each.points for each in factor.bins),
        )
    ]
    places = max(-int(each.normalize().as_tuple().exponent) for each in points)
    return Decimal(1).scaleb(-max(0, places))


def _grades(card: CardTable, edition: PolicyEdition, unit: Decimal) -> Stepped:
    bounds, rows = _segments(card.floors)
    cuts = tuple(_ceiling(bound / unit) for bound in bounds)
    ranks = [edition.rank(card.grades[row]) for row in rows]
    return Stepped("score", cuts, np.array(ranks, np.int8))


# ── Knock-outs ───────────────────────────────────────────────────────────────────────────────────


def _rules(
    edition: PolicyEdition, card: CardTable, words: Words
) -> tuple[tuple[Rule, ...], tuple[tuple[str, int], ...], tuple[str, ...]]:
    rules = tuple(
        _rule(each, place, edition, words) for place, each in enumerate(edition.knock_outs)
    )
    needed = [each for each in card.card.factors if each.missing in MUST_BE_THERE]
    absent = tuple(
        (each.figure, len(rules) + place)
        for place, each in enumerate(needed)
        if each.figure not in TEXT_NAMES
    )
    codes = (
        *(rule.code for rule in edition.knock_outs),
        *(f"missing_{each.code}" for each in needed),
    )
    if len(codes) > 64:
        raise ValueError("columns keep at most 64 knock-outs")
    return rules, absent, codes


def _rule(rule: KnockOut, bit: int, edition: PolicyEdition, words: Words) -> Rule:
    caps = rule.effect is KnockOutEffect.CAP and rule.grade_max is not None
    rank_min = edition.rank(str(rule.grade_max)) if caps else 0
    if rule.figure in TEXT_NAMES:
        named = np.array([word in rule.categories for word in words[rule.figure]], bool)
        return Rule(rule.figure, bit, words=named, rank_min=rank_min)
    ends = [
        None if end is None else _cuts([end], edition)[0] for end in (rule.at_least, rule.below)
    ]
    return Rule(rule.figure, bit, ends[0], ends[1], rank_min=rank_min)


# ── Limit ────────────────────────────────────────────────────────────────────────────────────────


def _method(code: str, edition: PolicyEdition) -> Method:
    method = edition.limit.methods[code]
    shares = [method.share[grade] for grade in edition.grades]
    places = max(0, *(-int(share.as_tuple().exponent) for share in shares))
    parts = np.array([int(share.scaleb(places)) for share in shares], np.int64)
    zero = method.missing is MissingMethod.ZERO
    return Method(code, parts, int(parts.max()), 10**places, zero)


def _outlook(edition: PolicyEdition, on: date, words: Words) -> Column | None:
    industries = words.get("industry", ())
    shares = [outlook_of(industry, on, edition) for industry in industries]
    if all(share is None for share in shares):
        return None
    caps = [edition.money(edition.limit.grade_cap[grade]) for grade in edition.grades]
    amounts = [
        MINOR_MAX if share is None else cap.share(share).minor for cap in caps for share in shares
    ]
    return np.array(amounts, np.int64)


# ── Whole numbers ────────────────────────────────────────────────────────────────────────────────


def _segments(table: Table) -> tuple[Sequence[Decimal], list[int]]:
    """The cuts of a table of one numeric column, and the first row that holds in each segment."""
    (column,) = table.columns.values()
    assert isinstance(column, Steps)
    return column.bounds, [(mask & -mask).bit_length() - 1 for mask in column.masks]


def _row(table: Table, word: str) -> int:
    row = table.find({"value": word})
    assert row is not None
    return row


def _cuts(bounds: Iterable[Decimal], edition: PolicyEdition) -> tuple[int, ...]:
    """Bounds in column units: a rounded figure is at least a bound where its whole number is at
    least the bound's, rounded up."""
    cuts = tuple(_ceiling(bound.scaleb(edition.spreading.decimals)) for bound in bounds)
    if any(abs(cut) >= MINOR_MAX for cut in cuts):
        raise ValueError("a bound is beyond what a column holds")
    return cuts


def _ceiling(number: Decimal) -> int:
    return int(number.to_integral_value(ROUND_CEILING))


def _whole(number: Decimal) -> int:
    whole = int(number)
    assert whole == number
    return whole


def _type_for(most: int) -> Any:
    return next(kind for kind in (np.int16, np.int32, np.int64) if most <= np.iinfo(kind).max)
