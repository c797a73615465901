"""Scorecards (评分卡): which one a customer is judged by, and what it gives for their figures.

The same code scores a case under an edition and a row of a file under a scorecard alone. Points are
read from tables, never computed, so that their sum is exact.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal, localcontext

from domain.assessment import Missing
from domain.customer import Segment
from domain.edition import Bin, Factor, KnockOut, Odds, Relation, Scorecard
from policies.formula import EXACT
from policies.spreading import TEXT_NAMES, FigureScope, to_decimals
from policies.table import Categories, Cell, Column, Interval, Steps, Table

SCORE_MAX = Decimal(100)
PD_DECIMALS = 8
PRESENT, ABSENT = "present", "absent"


class Choices:
    """The table that chooses one of several scorecards: by segment, relation and what is there."""

    def __init__(self, cards: Sequence[Scorecard]) -> None:
        figures = dict.fromkeys(
            code for card in cards for code in (*card.choice.present, *card.choice.absent)
        )
        self.figures = tuple(figures)
        columns: dict[str, Column] = {
            "segment": _closed([card.choice.segments for card in cards], list(Segment)),
            "relation": _closed([card.choice.relations for card in cards], list(Relation)),
            **{code: _there(code, cards) for code in self.figures},
        }
        self.table = Table(columns, len(cards))

    def traits(self, segment: str, relation: str, scope: FigureScope) -> dict[str, str]:
        """What the choice looks at: the segment, the relation, and which figures are there."""
        there = {code: ABSENT if scope.value(code) is None else PRESENT for code in self.figures}
        return {"segment": segment, "relation": relation, **there}

    def every(self, traits: Mapping[str, str]) -> tuple[int, ...]:
        """The places of the scorecards that these traits choose."""
        return self.table.every(traits)


class CardTable:
    """A scorecard, compiled: its bins by factor, and its grades by score."""

    def __init__(self, card: Scorecard) -> None:
        self.card = card
        self.bins = {factor.code: bins_table(factor) for factor in card.factors}
        floors = sorted(card.score_min.items(), key=lambda row: row[1], reverse=True)
        self.grades = tuple(grade for grade, _ in floors)
        ceilings = [None, *(floor for _, floor in floors)]
        cells = [
            Interval(None if place == len(floors) - 1 else floor, ceiling)
            for place, ((_, floor), ceiling) in enumerate(zip(floors, ceilings[:-1], strict=True))
        ]
        self.floors = Table({"score": Steps(cells)}, len(cells))

    def earned(self, factor: Factor, value: Decimal | str | None) -> tuple[Decimal, int | None]:
        """The points of a factor's value, and the place of its bin (None where it is missing)."""
        if value is None:
            return points_missing(factor, self.card), None
        row = self.bins[factor.code].find({"value": value})
        assert row is not None, f"the bins of {factor.code} leave a gap"
        return factor.bins[row].points, row

    def score(self, value_of: Callable[[str], Decimal | str | None]) -> Decimal:
        """The sum of the points of all factors."""
        return sum(
            (self.earned(factor, value_of(factor.figure))[0] for factor in self.card.factors),
            Decimal(0),
        )

    def grade(self, score: Decimal) -> str:
        """The grade of a score; a score equal to a floor is in the better grade."""
        row = self.floors.find({"score": score})
        assert row is not None, "the worst grade has no floor"
        return self.grades[row]


def name_of(card: Scorecard) -> str:
    """How receipts name a scorecard: its model and version."""
    return f"{card.model} {card.version}"


def pd_of(score: Decimal, odds: Odds) -> Decimal:
    """The PD of a score: 1 / (1 + odds), to eight decimals and never nothing."""
    with localcontext(EXACT):
        good_to_bad = ((score - odds.offset) / odds.factor).exp()
        return max(to_decimals(1 / (1 + good_to_bad), PD_DECIMALS), Decimal(1).scaleb(-PD_DECIMALS))


def score_of(pd: Decimal, odds: Odds) -> Decimal:
    """The score whose PD is `pd`, to two decimals."""
    with localcontext(EXACT):
        return to_decimals(odds.offset + odds.factor * ((1 - pd) / pd).ln(), 2)


def points_missing(factor: Factor, card: Scorecard) -> Decimal:
    """What a factor earns whose figure is not there."""
    match factor.missing:
        case Missing.NEUTRAL:
            return factor.points_max * card.neutral_share
        case Missing.POINTS:
            assert factor.missing_points is not None, f"{factor.code} gives no points for missing"
            return factor.missing_points
        case Missing.WORST | Missing.FAIL | Missing.ANALYST:
            return factor.points_min


def bins_table(factor: Factor) -> Table:
    """A factor's bins as one column, half-open: a value equal to a cut belongs to the upper bin."""
    return Table({"value": range_column(factor.figure, factor.bins)}, len(factor.bins))


def range_column(figure: str, ranges: Sequence[Bin | KnockOut]) -> Column:
    """The column of half-open ranges of a figure, or of categories where it is one."""
    if figure in TEXT_NAMES:
        named: Iterator[Cell] = (frozenset(each.categories) or None for each in ranges)
        return Categories(list(named), rest=True)
    return Steps([Interval(each.at_least, each.below) for each in ranges])


def bin_label(factor: Factor, row: int) -> str:
    """A bin in words: `1.2 to below 1.5`, `below 0.8`, `2 and above`, or its categories."""
    held = factor.bins[row]
    if held.label:
        return held.label
    if held.categories:
        return ", ".join(held.categories)
    if held.at_least is None and held.below is None:
        return "any other"
    if held.at_least is None:
        return f"below {held.below:f}"
    if held.below is None:
        return f"{held.at_least:f} and above"
    return f"{held.at_least:f} to below {held.below:f}"


def _closed(named: Sequence[Sequence[str]], every: Sequence[str]) -> Categories:
    """A column whose values are all known: a cell that names none holds for each of them."""
    return Categories([frozenset(names or every) for names in named], closed=every)


def _there(code: str, cards: Sequence[Scorecard]) -> Categories:
    wanted = [
        (PRESENT,)
        if code in card.choice.present
        else (ABSENT,)
        if code in card.choice.absent
        else ()
        for card in cards
    ]
    return _closed(wanted, (PRESENT, ABSENT))
