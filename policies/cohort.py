"""Cohorts (批次): letters grouped by month of approval and one thing more, counted and added up."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from domain.cohort import Cohort, CohortBy, CohortLetter, CohortTable
from domain.money import money_sum


def cohort_table(
    letters: Iterable[CohortLetter], by: CohortBy, as_of: date, currency: str
) -> CohortTable:
    """The cohorts of letters, the oldest month first, and the row of all of them."""
    grouped: dict[tuple[str, str], list[CohortLetter]] = defaultdict(list)
    for letter in letters:
        grouped[letter.month, letter.key(by)].append(letter)
    everything = [letter for found in grouped.values() for letter in found]
    return CohortTable(
        as_of=as_of,
        by=by,
        cohorts=tuple(
            _cohort(month, key, grouped[month, key], currency) for month, key in sorted(grouped)
        ),
        total=_cohort("", "", everything, currency),
    )


def _cohort(month: str, key: str, letters: Sequence[CohortLetter], currency: str) -> Cohort:
    return Cohort(
        month=month,
        key=key,
        approved=len(letters),
        amount=money_sum((each.amount for each in letters), currency),
        active=sum(each.active for each in letters),
        amount_active=money_sum((each.amount for each in letters if each.active), currency),
        warned=sum(each.warned for each in letters),
        in_collection=sum(each.in_collection for each in letters),
        non_performing=sum(each.non_performing for each in letters),
        allowance=money_sum((each.allowance for each in letters), currency),
        loss=money_sum((each.loss for each in letters), currency),
    )
