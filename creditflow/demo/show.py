"""The order of the demonstration: a book comes in, applications travel, lines live, counts add up.

    python -m creditflow.demo [--companies N] [--seed S] [--json]

Every key follows from the seed, so that a second demonstration finds all of it done.
"""

import argparse
import asyncio
import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from creditflow.client import CreditflowError, Unreached
from creditflow.client import values as v
from creditflow.commands.output import Exit, tell
from creditflow.demo.application import Road, Wish
from creditflow.demo.bill import RefusedBill
from creditflow.demo.book import Records, find_book
from creditflow.demo.insurance import Insured
from creditflow.demo.line import Lines
from creditflow.demo.mailbox import Mailbox
from creditflow.demo.office import Office
from creditflow.demo.tally import summary, tally
from creditflow.sample import Book
from creditflow.stack.home import home, read_json

COMPANIES = 60
SEED = 2026
# More would only wait for each other on two processors.
AT_ONCE = 8

Travelled = Mapping[str, tuple[Wish, v.Case]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Show it on the stack of this folder; what a command exits with."""
    given = _arguments().parse_args(arguments)
    began = time.monotonic() - given.began_seconds_ago
    url = os.environ.get("CREDITFLOW_URL") or read_json(home().stack_file).get("web")
    users = read_json(home().users_file)
    if not url or not users:
        tell("unreached: nothing runs here; start it with `creditflow up`")
        return Exit.UNREACHABLE
    try:
        counts = asyncio.run(_demonstrate(str(url), users, given, began))
    except Unreached as away:
        tell(str(away))
        return Exit.UNREACHABLE
    except CreditflowError as refusal:
        tell(str(refusal))
        return Exit.REFUSED
    if given.json:
        print(json.dumps(counts), flush=True)
    return Exit.DONE


def _arguments() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(prog="creditflow demo", description=__doc__)
    arguments.add_argument("--companies", type=_whole, default=COMPANIES, metavar="N")
    arguments.add_argument("--seed", type=int, default=SEED)
    arguments.add_argument("--json", action="store_true", help="the counts as the last line")
    arguments.add_argument("--began-seconds-ago", type=float, default=0.0, help=argparse.SUPPRESS)
    return arguments


def _whole(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 2000:
        raise argparse.ArgumentTypeError("a book has 1 to 2000 companies")
    return number


async def _demonstrate(
    url: str, users: Mapping[str, Any], given: argparse.Namespace, began: float
) -> dict[str, Any]:
    """Everything, in order; the counts of the whole store after it."""
    async with Office(url, users) as office:
        book = await find_book(office, given.seed, given.companies)
        records = Records(office, book, home().data / "demo")
        rows = await records.bring()
        tell(f"brought in {', '.join(f'{count} {kind}' for kind, count in rows.items())}")
        travelled = await _travel(office, [Wish.of(planned) for planned in book.applications])
        reviewed = await _live(office, records, travelled)
        insured = await _insure(office, book, travelled)
        bill = None
        if insured is not None:
            bill = await RefusedBill(office, book.seed, book.business_on).refuse(insured)
        figures = await office["risk"].fetch_figures()
        proof = await office["risk"].verify_ledger()
        counts = tally(figures, time.monotonic() - began)
    if not given.json:
        print(summary(url, counts, proof, travelled, reviewed, insured, bill), flush=True)
    return counts


async def _travel(office: Office, wishes: Sequence[Wish]) -> Travelled:
    """Every application on its road; those that the clock ends set out first."""
    road = Road(office, Mailbox(home().mail), at_once=AT_ONCE)
    under_way: dict[str, asyncio.Task[v.Case | None]] = {}

    async def travel(wish: Wish) -> v.Case | None:
        line_id = None
        if wish.after is not None:
            first = await under_way[wish.after]
            if first is None or first.line_id is None:
                return None  # without that line this is not asked
            line_id = first.line_id if wish.line_of else None
        case = await road.travel(wish, line_id)
        tell(f"  {case.status:<12} {wish.limit!s:>22}  {wish.part}")
        return case

    for wish in sorted(wishes, key=lambda wish: not wish.silent):
        under_way[wish.key] = asyncio.create_task(travel(wish))
    ended = dict(zip(under_way, await asyncio.gather(*under_way.values()), strict=True))
    return {wish.key: (wish, case) for wish in wishes if (case := ended[wish.key]) is not None}


async def _insure(office: Office, book: Book, travelled: Travelled) -> str | None:
    """The first who falls behind is a buyer under credit insurance; the customer, where one does."""
    late = [case for wish, case in travelled.values() if wish.ledger == "red"]
    if not late:
        return None
    customer_id = late[0].application.customer_id
    if await Insured(office, book.seed, book.business_on).stop(customer_id):
        await office["risk"].watch_insurance()
    return customer_id


async def _live(office: Office, records: Records, travelled: Travelled) -> Mapping[str, str]:
    """Lines are used; some customers fall behind, one of them catches up; two are reviewed."""
    # A later case may have changed a line; the first wish tells whose it is.
    lines = {
        case.line_id: wish
        for wish, case in reversed(list(travelled.values()))
        if case.status == "active" and case.line_id is not None
    }
    lines = dict(reversed(lines.items()))
    living = Lines(office, lines)
    tell(f"{len(lines)} lines are used by the order system")
    await living.use()
    await records.bring_later_invoices()
    await living.fall_behind()
    await records.bring_later_payments()
    await living.catch_up()
    return await living.review()
