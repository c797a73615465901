"""An ordinary order, and open items, for tests of the check: nothing about them fails.

The line of a million is used by 200,000 of receivables and 100,000 of orders; the order is of 50,000.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from domain.check import AccountFacts, Bucket, CheckFacts, LineFacts, OpenClaim, Stage
from domain.classification import FiveTier
from domain.exposure import Balance, Limit
from domain.line import LineStatus
from domain.money import Money
from policies.check import account_of
from tests.makers_policy import an_edition

ON = date(2026, 6, 30)


def yuan(amount: str | int) -> Money:
    return Money.of(amount, "CNY")


def a_line(**changed: Any) -> LineFacts:
    ordinary = {
        "line_id": "l-1",
        "limit": Limit.of(yuan(1_000_000)),
        "status": LineStatus.ACTIVE,
        "ends_on": ON + timedelta(days=200),
        "review_due_on": ON + timedelta(days=100),
        "product": "open_account",
        "exposure": {Bucket.RECEIVABLES: yuan(200_000), Bucket.ORDERS: yuan(100_000)},
    }
    return LineFacts.model_validate(ordinary | changed)


def an_order(**changed: Any) -> CheckFacts:
    ordinary = {
        "stage": Stage.ORDER,
        "business_on": ON,
        "amount": yuan(50_000),
        "order_no": "o-1",
        "terms": "net_days:30@invoice",
        "terms_rank": 2,
        "terms_approved": "net_days:60@invoice",
        "terms_rank_approved": 3,
        "line": a_line(),
        "account": AccountFacts(overdue=yuan(0), days_past_due=0, oldest_days=0),
        "customer": {"customer_id": "c-1", "tier": FiveTier.NORMAL, "grade": "BBB"},
    }
    return CheckFacts.model_validate(ordinary | changed)


def a_claim(
    number: int, amount: int, *, past_due: int, days: int = 30, disputed: bool = False
) -> OpenClaim:
    """An item so many days past due, due `days` after it was issued."""
    due_on = ON - timedelta(days=past_due)
    return OpenClaim(
        item_no=f"i-{number}",
        issued_on=due_on - timedelta(days=days),
        due_on=due_on,
        amount=yuan(amount),
        disputed=disputed,
    )


def an_order_of(claims: Sequence[OpenClaim], **changed: Any) -> CheckFacts:
    """The ordinary order of a customer with these items, all of which count."""
    exposure = {Bucket.RECEIVABLES: yuan(0), Bucket.DISPUTED: yuan(0)}
    for claim in claims:
        exposure[Bucket.DISPUTED if claim.disputed else Bucket.RECEIVABLES] += claim.amount
    line = changed.pop("line", {})
    account = account_of(claims, ON, an_edition(), "CNY")
    return an_order(line=a_line(exposure=exposure, **line), account=account, **changed)


def an_account(name: str, limit: int | None, used: int) -> Balance:
    return Balance(
        account=name,
        limit=Limit.unlimited() if limit is None else Limit.of(yuan(limit)),
        reserved=yuan(0),
        used=yuan(used),
    )
