"""An edition's tables, compiled once: scorecards, approval rows, conditions.

Kept by the edition's hash, so that whoever reads the same edition from its row shares the tables.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from domain.application import ApplicationType
from domain.cover import CoverClass
from domain.edition import ApprovalRow, ConditionRow, KnockOut, PolicyEdition
from domain.money import Money
from policies.scorecard import CardTable, Choices, range_column
from policies.table import Categories, Cell, Column, Interval, Steps, Table

# Columns of the approval table that others look for by name.
AGGREGATE, GRADE, COVER = "aggregate", "grade", "cover"
PRICED_BELOW, RELATED_TO = "price_exception", "related"
_EITHER = ("no", "yes")
NO_FACTS: Mapping[str, str] = {}

_KEPT_MAX = 64
_kept: dict[str, "Tables"] = {}


@dataclass(frozen=True)
class Tables:
    """Everything of one edition that is looked up by value."""

    choices: Choices
    cards: tuple[CardTable, ...]  # in the order of the choices
    challengers: Choices
    challenger_cards: tuple[CardTable, ...]
    knock_outs: dict[str, Table]
    approval: Table
    conditions: Table
    requirements: Table


def tables_of(edition: PolicyEdition) -> Tables:
    """The compiled tables of an edition."""
    tables = _kept.get(edition.edition_hash)
    if tables is None:
        tables = _compiled(edition)
        if len(_kept) >= _KEPT_MAX:
            _kept.clear()
        _kept[edition.edition_hash] = tables
    return tables


def _compiled(edition: PolicyEdition) -> Tables:
    cards, challengers = tuple(edition.scorecards.values()), tuple(edition.challengers.values())
    return Tables(
        choices=Choices(cards),
        cards=tuple(CardTable(card) for card in cards),
        challengers=Choices(challengers),
        challenger_cards=tuple(CardTable(card) for card in challengers),
        knock_outs={rule.code: _rule_table(rule) for rule in edition.knock_outs},
        approval=approval_table(edition.approval.rows, edition.limit.products),
        conditions=_conditions_table(edition.contract.conditions),
        requirements=_conditions_table(edition.contract.requirements),
    )


def approval_table(rows: Sequence[ApprovalRow], products: Collection[str]) -> Table:
    """Approval rows by aggregate, grade and whatever else any of them asks about.

    An aggregate equal to a bound is in the lower row. What no row asks about is no column.
    """
    amounts = [Interval(row.above, row.up_to) for row in rows]
    columns: dict[str, Column] = {
        AGGREGATE: Steps(amounts, upper_closed=True),
        GRADE: Categories([frozenset(row.grades) for row in rows]),
    }
    asked: dict[str, tuple[list[Cell], Sequence[str]]] = {
        COVER: ([_named(row.covers) for row in rows], list(CoverClass)),
        "product": ([_named(row.products) for row in rows], sorted(products)),
        "application_type": (
            [_named(row.application_types) for row in rows],
            list(ApplicationType),
        ),
        "exception": ([_either(row.exception) for row in rows], _EITHER),
        PRICED_BELOW: ([_either(row.price_exception) for row in rows], _EITHER),
        RELATED_TO: ([_either(row.related) for row in rows], _EITHER),
    }
    for name, (cells, closed) in asked.items():
        if any(cell is not None for cell in cells):
            columns[name] = Categories(cells, closed=[str(each) for each in closed])
    return Table(columns, len(rows))


def approval_row(
    aggregate: Money, grade: str, facts: Mapping[str, str], edition: PolicyEdition
) -> ApprovalRow | None:
    """The row of a case, or None in a gap; where a fact that rows ask about is not known, the row of
    the highest tier that could be its."""
    found = approval_rows({AGGREGATE: aggregate.amount, GRADE: grade, **facts}, edition)
    return max(found, key=lambda row: level_of(row, edition), default=None)


def approval_rows(
    values: Mapping[str, Decimal | str], edition: PolicyEdition
) -> tuple[ApprovalRow, ...]:
    """The approval rows that may hold for these values, whatever else is so."""
    places = tables_of(edition).approval.possible(values)
    return tuple(edition.approval.rows[place] for place in places)


def level_of(row: ApprovalRow, edition: PolicyEdition) -> int:
    """The highest tier whose people a row asks."""
    return max(edition.approval.tiers[step.tier].level for step in row.steps)


def _rule_table(rule: KnockOut) -> Table:
    return Table({"value": range_column(rule.figure, [rule])}, 1)


def _conditions_table(rows: Sequence[ConditionRow]) -> Table:
    columns: dict[str, Column] = {
        "aggregate": Steps(
            [Interval(row.aggregate_above or None) for row in rows], upper_closed=True
        ),
        "grade": Categories([_named(row.grades) for row in rows]),
        "product": Categories([_named(row.products) for row in rows]),
        "application_type": Categories([_named(row.application_types) for row in rows]),
    }
    return Table(columns, len(rows))


def _named(names: Sequence[str]) -> Cell:
    """A cell for these names; no name at all means any."""
    return frozenset(str(name) for name in names) if names else None


def yes_or_no(held: bool) -> str:
    """How a fact that holds or does not is written in a table."""
    return _EITHER[held]


def _either(held: bool | None) -> Cell:
    return None if held is None else frozenset((yes_or_no(held),))
