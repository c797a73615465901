"""The run itself: files in, applications to their end, lines into use."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.realbook.files import INVOICES, STATEMENTS, Firm, write_additions
from creditflow.client import Money
from creditflow.client import values as v
from creditflow.client.calls import reading
from creditflow.demo.application import Road, Wish, Word
from creditflow.demo.mailbox import Mailbox
from creditflow.demo.office import Office

# Asked for, as a share of a year's sales: from what policy decides by itself to head office.
SHARES = (Decimal("0.001"), Decimal("0.01"), Decimal("0.03"), Decimal("0.08"))
_ASKED_MIN, _ASKED_STEP = Decimal(20_000), Decimal(1_000)
GRADES_DECLINED = ("CCC", "D")
AGEING_DAYS = ("2012-12-31", "2013-06-30")


@dataclass
class Worked:
    """What came of it: each firm's case, and what the order system was answered."""

    imported: dict[str, dict[str, int]] = field(default_factory=dict)
    cases: dict[str, v.Case] = field(default_factory=dict)  # by firm
    orders: dict[str, Decimal] = field(default_factory=dict)  # used, by line
    seconds: float = 0.0
    grades: Counter[str] = field(default_factory=Counter)


class Panel(Road):
    """Applications whose approvers judge by the receipt: a weak grade is declined."""

    async def word(self, wish: Wish, case: v.Case, page: v.TaskPage) -> Word:
        receipt = await self._office["risk"].fetch_receipt(case.case_id)
        grade = receipt["rating"]["grade"]
        if grade in GRADES_DECLINED:
            return Word("decline", f"Graded {grade}.")
        return Word("approve", f"Graded {grade}; the receipt carries it.")


async def bring(office: Office, firms: list[Firm], folder: Path) -> dict[str, dict[str, int]]:
    """Every file, by those who may bring it in; what became of its rows, refusals by code."""
    customers, rates = write_additions(firms, folder)
    manager, risk = office["manager"], office["risk"]
    files = (
        (risk, "rates", rates, "standard"),
        (manager, "customers", STATEMENTS, "us_statements"),
        (manager, "statements", STATEMENTS, "us_statements"),
        (manager, "customers", customers, "standard"),
        (manager, "invoices", INVOICES, "receivables"),
    )
    brought: dict[str, dict[str, int]] = {}
    for person, kind, file, profile in files:
        report = await person.import_file(
            kind, file, profile=profile, per_row=True, key=f"{kind}/{file.name}"
        )
        outcomes = {"rows": report.rows, "created": report.created, "updated": report.updated}
        refused = Counter(error.code for error in report.errors)
        brought[f"{kind}, {file.name}"] = {**outcomes, **refused}
    return brought


async def read_ageing(office: Office) -> dict[str, Mapping[str, Any]]:
    """The whole book of the ledger's currency, as of the days that its figures are known for."""
    found = {}
    for day in AGEING_DAYS:
        call = reading("/ageing", dict[str, Any], currency="USD", as_of=day)
        found[day] = await office["risk"].run(call)
    return found


async def work(office: Office, firms: list[Firm], mails: Path, worked: Worked, seed: int) -> None:
    """Everybody asks at once, so to speak; those in force are drawn on as soon as they are."""
    began = time.monotonic()
    road = Panel(office, Mailbox(mails), at_once=10)

    async def travel(firm: Firm) -> None:
        case = await road.travel(wish_of(firm, seed))
        worked.cases[firm.code] = case
        if case.status == "active" and case.line_id is not None:
            worked.orders[case.line_id] = await draw(office, case.line_id)

    await asyncio.gather(*(travel(firm) for firm in firms))
    worked.seconds = round(time.monotonic() - began, 1)


def wish_of(firm: Firm, seed: int) -> Wish:
    """A line for a share of the firm's sales, which the seed draws."""
    share = Random(f"{seed}/{firm.code}").choice(SHARES)
    steps = (firm.sales * share / _ASKED_STEP).to_integral_value(ROUND_CEILING)
    return Wish(
        key=f"realbook-{seed}-{firm.code}",
        scheme="internal",
        code=firm.code,
        limit=Money.of(max(steps * _ASKED_STEP, _ASKED_MIN), "USD"),
        purpose="goods on open account",
        supplement=("business_license",),
    )


async def draw(office: Office, line_id: str) -> Decimal:
    """A half of the line is used and a part of that repaid; what is owed then, as answered."""
    orders, key = office["orders"], f"realbook/{line_id}"
    limit = (await orders.fetch_line(line_id)).line.limit
    half = Money.of(limit.amount // 2, limit.currency)
    back = Money.of(limit.amount // 5, limit.currency)
    taken = await orders.reserve(line_id, half, key=f"{key}/order")
    assert taken.reservation_id is not None
    await orders.commit(line_id, taken.reservation_id, key=f"{key}/delivery")
    moved = await orders.repay(line_id, back, key=f"{key}/payment")
    return moved.used.amount
