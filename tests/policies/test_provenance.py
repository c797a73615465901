"""Of several accounts of one period one counts, by policy, and what differs is told."""

import pytest

from domain.statement import AuditOpinion, Statement
from policies.provenance import counted
from tests.makers_policy import a_changed_edition, a_statement, an_edition

MANAGEMENT = a_statement(2025)
AUDITED = a_statement(2025, revenue="180", inventory=None).model_copy(update={"audited": True})
WHOLE = a_statement(2025, revenue="300").model_copy(update={"consolidated": True})


def opinion(said: AuditOpinion) -> Statement:
    return AUDITED.model_copy(update={"audit_opinion": said})


@pytest.mark.parametrize(
    ("accounts", "counts"),
    [
        ((MANAGEMENT, AUDITED), AUDITED),
        ((AUDITED, MANAGEMENT), AUDITED),
        ((AUDITED, WHOLE), WHOLE),
        (
            (opinion(AuditOpinion.ADVERSE), opinion(AuditOpinion.UNQUALIFIED)),
            opinion(AuditOpinion.UNQUALIFIED),
        ),
        ((opinion(AuditOpinion.ADVERSE), AUDITED), AUDITED),
        ((MANAGEMENT,), MANAGEMENT),
    ],
)
def test_the_account_that_the_edition_prefers_counts(
    accounts: tuple[Statement, ...], counts: Statement
) -> None:
    (chosen,), beside = counted(accounts, an_edition())

    assert chosen == counts
    assert len(beside) == len(accounts) - 1


def test_where_nothing_is_preferred_the_newest_counts() -> None:
    edition = a_changed_edition("[provenance]\nprefer = []\n")

    assert counted((MANAGEMENT, AUDITED), edition)[0] == (MANAGEMENT,)
    assert counted((AUDITED, MANAGEMENT), edition)[0] == (AUDITED,)


def test_the_account_beside_says_where_it_differs() -> None:
    _, (beside,) = counted((MANAGEMENT, AUDITED), an_edition())

    assert (beside.counted, beside.provenance) == ("single audited", "single unaudited")
    assert beside.differences == {
        "revenue": ("180000000", "200000000"),
        "inventory": ("missing", "24000000"),
    }


def test_periods_stay_in_order() -> None:
    accounts = (AUDITED, MANAGEMENT, a_statement(2024), a_statement(2023))

    chosen, _ = counted(accounts, an_edition())
    assert [each.period_end_on.year for each in chosen] == [2023, 2024, 2025]
