"""An edition's tables, compiled once: scorecards, approval rows, conditions.

Kept by the edition's hash, so that whoever reads the same edition from its row shares the tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.edition import ApprovalRow, ConditionRow, KnockOut, PolicyEdition
from policies.scorecard import CardTable, Choices, range_column
from policies.table import Categories, Cell, Column, Interval, Steps, Table

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
        approval=approval_table(edition.approval.rows),
        conditions=_conditions_table(edition.contract.conditions),
        requirements=_conditions_table(edition.contract.requirements),
    )


def approval_table(rows: Sequence[ApprovalRow]) -> Table:
    """Aggregate and grade to approval rows; an aggregate equal to a bound is in the lower row."""
    amounts = [Interval(row.above, row.up_to) for row in rows]
    columns: dict[str, Column] = {
        "aggregate": Steps(amounts, upper_closed=True),
        "grade": Categories([frozenset(row.grades) for row in rows]),
    }
    return Table(columns, len(rows))


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
