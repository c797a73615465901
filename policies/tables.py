"""An edition's tables, compiled once: bins, master scale, approval rows, conditions.

Kept by the edition's hash, so that whoever reads the same edition from its row shares the tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from domain.edition import ApprovalRow, Bin, ConditionRow, Factor, KnockOut, PolicyEdition
from policies.spreading import TEXT_NAMES
from policies.table import Categories, Cell, Column, Interval, Steps, Table

_KEPT_MAX = 64
_kept: dict[str, "Tables"] = {}


@dataclass(frozen=True)
class Tables:
    """Everything of one edition that is looked up by value."""

    bins: dict[str, Table]  # by factor code
    points_max: dict[str, Decimal]
    master: Table
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
    factors = edition.scorecard.factors
    return Tables(
        bins={factor.code: bins_table(factor) for factor in factors},
        points_max={factor.code: max(each.points for each in factor.bins) for factor in factors},
        master=master_table(edition),
        knock_outs={rule.code: _rule_table(rule) for rule in edition.knock_outs},
        approval=approval_table(edition.approval.rows),
        conditions=_conditions_table(edition.contract.conditions),
        requirements=_conditions_table(edition.contract.requirements),
    )


def bins_table(factor: Factor) -> Table:
    """A factor's bins as one column, half-open: a value equal to a cut belongs to the upper bin."""
    return Table({"value": _range_column(factor.figure, factor.bins)}, len(factor.bins))


def master_table(edition: PolicyEdition) -> Table:
    """Scores to rows of the master scale: from a grade's floor up to the floor of the better."""
    ceilings = [None, *(row.score_min for row in edition.master_scale[:-1])]
    last = len(edition.master_scale) - 1
    cells = [
        Interval(None if place == last else row.score_min, ceiling)
        for place, (row, ceiling) in enumerate(zip(edition.master_scale, ceilings, strict=True))
    ]
    return Table({"score": Steps(cells)}, len(cells))


def approval_table(rows: Sequence[ApprovalRow]) -> Table:
    """Aggregate and grade to approval rows; an aggregate equal to a bound is in the lower row."""
    amounts = [Interval(row.above, row.up_to) for row in rows]
    columns: dict[str, Column] = {
        "aggregate": Steps(amounts, upper_closed=True),
        "grade": Categories([frozenset(row.grades) for row in rows]),
    }
    return Table(columns, len(rows))


def _rule_table(rule: KnockOut) -> Table:
    return Table({"value": _range_column(rule.figure, [rule])}, 1)


def _range_column(figure: str, ranges: Sequence[Bin | KnockOut]) -> Column:
    if figure in TEXT_NAMES:
        return Categories([_named(each.categories) for each in ranges], rest=True)
    return Steps([Interval(each.at_least, each.below) for each in ranges])


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
