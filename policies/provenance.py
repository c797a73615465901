"""Provenance (报表出处): which of several accounts of one period counts, and where others differ."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import groupby

from domain.assessment import StatementBeside
from domain.edition import PolicyEdition, Preference
from domain.statement import AuditOpinion, Item, Statement

_OPINIONS = tuple(AuditOpinion)
_RANKS: dict[Preference, Callable[[Statement], int]] = {
    Preference.CONSOLIDATED: lambda statement: not statement.consolidated,
    Preference.SINGLE: lambda statement: statement.consolidated,
    Preference.AUDITED: lambda statement: not statement.audited,
    Preference.OPINION: lambda statement: _OPINIONS.index(statement.audit_opinion),
}


def counted(
    accounts: Sequence[Statement], edition: PolicyEdition
) -> tuple[tuple[Statement, ...], tuple[StatementBeside, ...]]:
    """One statement a period, newest period last, and the accounts beside it with what differs.

    `accounts` come newest first within a period; that order decides where no preference does.
    """
    chosen: list[Statement] = []
    beside: list[StatementBeside] = []
    for best, *others in ranked(accounts, edition):
        chosen.append(best)
        beside += [_beside(best, other) for other in others]
    return tuple(chosen), tuple(beside)


def ranked(
    accounts: Sequence[Statement], edition: PolicyEdition
) -> tuple[tuple[Statement, ...], ...]:
    """The accounts of each period, the one that counts first, newest period last."""
    by_period = sorted(accounts, key=lambda each: each.period_end_on)
    return tuple(
        tuple(
            sorted(
                of_period, key=lambda each: [_RANKS[by](each) for by in edition.provenance.prefer]
            )
        )
        for _, of_period in groupby(by_period, key=lambda each: each.period_end_on)
    )


def differences(best: Statement, other: Statement) -> dict[str, tuple[str, str]]:
    """Where two accounts of a period differ: what the first says of an item, and the second."""
    pairs = {item: (best.find(item), other.find(item)) for item in Item}
    return {
        item.value: (_shown(first), _shown(second))
        for item, (first, second) in pairs.items()
        if first != second
    }


def _beside(best: Statement, other: Statement) -> StatementBeside:
    return StatementBeside(
        period_end_on=other.period_end_on,
        provenance=provenance_text(other),
        counted=provenance_text(best),
        differences=differences(best, other),
    )


def provenance_text(statement: Statement) -> str:
    """Scope, audit, opinion and standard as codes: `consolidated audited unqualified cas`."""
    scope = "consolidated" if statement.consolidated else "single"
    audit = "audited" if statement.audited else "unaudited"
    stated = (statement.audit_opinion.value, statement.accounting_standard.value)
    return " ".join([scope, audit, *(each for each in stated if each != "unstated")])


def _shown(figure: Decimal | None) -> str:
    return "missing" if figure is None else f"{figure:f}"
