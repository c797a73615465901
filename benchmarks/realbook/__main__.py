"""`python -m benchmarks.realbook`: see the package."""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks.realbook.files import (
    BUSINESS_ON,
    INVOICES,
    LEDGERS,
    STATEMENTS,
    Firm,
    choose_firms,
)
from benchmarks.realbook.kills import kill_in_turn, until_ready
from benchmarks.realbook.proof import prove
from benchmarks.realbook.report import ageing_sentence, page
from benchmarks.realbook.work import Worked, bring, read_ageing, work
from creditflow.client.calls import reading
from creditflow.demo.office import Office
from creditflow.stack import control
from creditflow.stack.home import Home, read_json

_ZONE = ZoneInfo("Asia/Shanghai")


def main() -> int:
    given = _arguments().parse_args()
    if not (STATEMENTS.exists() and INVOICES.exists()):
        print(f"skipped: {STATEMENTS.parents[1]} is absent", file=sys.stderr)
        return 0
    os.environ["CREDITFLOW_POLICY"] = "standard"
    with tempfile.TemporaryDirectory(prefix="creditflow-realbook-") as folder:
        place = Path(folder)
        place.chmod(0o755)
        home = Home(place / "home")
        offset = control.days_from(datetime.now(_ZONE).date(), date.fromisoformat(BUSINESS_ON))
        try:
            control.up(home, offset=offset, tell=_tell)
            ran = asyncio.run(_run(home, place, given))
        finally:
            control.down(home)
            if given.keep_log:
                _keep(home, Path(given.keep_log))
    if given.report:
        Path(given.report).write_text(page(ran), encoding="utf-8")
    print(json.dumps(ran, ensure_ascii=False, default=str))
    return 0 if ran["proof"]["holds"] else 1


def _arguments() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.realbook")
    arguments.add_argument("--cases", type=int, default=300, metavar="N")
    arguments.add_argument("--seed", type=int, default=2012)
    arguments.add_argument("--kill", action="store_true", help="kill the programs meanwhile")
    arguments.add_argument("--report", metavar="FILE", help="write what came out as Markdown")
    arguments.add_argument("--keep-log", metavar="FOLDER", help="copy the programs' logs there")
    arguments.add_argument("--json", action="store_true", help="as it is in any case")
    return arguments


async def _run(home: Home, place: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Bring in, work, prove; everything that is told."""
    addresses = control.status(home).addresses
    firms = choose_firms(max(given.cases, LEDGERS), given.seed)
    worked, killed = Worked(), Counter[str]()
    async with Office(addresses["web"], read_json(home.users_file), patience_seconds=300) as office:
        worked.imported = await bring(office, firms, place)
        _tell(f"brought in {worked.imported}")
        ageing = await read_ageing(office)
        for day, found in ageing.items():
            _tell(f"{day}: {ageing_sentence(found)}")
        await _work(home, office, firms[: given.cases], worked, killed, given)
        _tell(f"{len(worked.cases)} cases in {worked.seconds} s, killed {dict(killed)}")
        await _settled(office)
        grades, edition = await _graded(office, worked)
        proof = await prove(office, addresses, worked)
    statuses = Counter(case.status for case in worked.cases.values())
    failed = Counter(worked.cases[firm.code].status for firm in firms[: given.cases] if firm.failed)
    return {
        "business_on": BUSINESS_ON,
        "edition": edition,
        "seed": given.seed,
        "imported": worked.imported,
        "ageing": ageing,
        "cases": {"applications": len(worked.cases), **dict(sorted(statuses.items()))},
        "of firms that failed afterwards": dict(failed),
        "grades": grades,
        "killed": dict(killed),
        "seconds": worked.seconds,
        "proof": proof,
    }


async def _work(
    home: Home,
    office: Office,
    firms: list[Firm],
    worked: Worked,
    killed: Counter[str],
    given: argparse.Namespace,
) -> None:
    """All cases to their end, while programs are killed if that is wished."""
    killing = asyncio.create_task(kill_in_turn(home, given.seed, killed)) if given.kill else None
    working = asyncio.create_task(work(office, firms, home.mail, worked, given.seed))
    both = {working, killing} - {None}
    done, _ = await asyncio.wait({task for task in both if task}, return_when="FIRST_COMPLETED")
    if killing is not None:
        killing.cancel()
        with suppress(asyncio.CancelledError):
            await killing
        await until_ready(home)
    assert working in done, "the killing ended first"
    await working


async def _settled(office: Office, seconds_max: int = 120) -> None:
    """Until nothing is owed to anybody any more."""
    for _ in range(seconds_max):
        owed = reading("/outbox", dict[str, Any], state="pending", page_size=1)
        if not (await office["operator"].run(owed))["items"]:
            return
        await asyncio.sleep(1)


async def _graded(office: Office, worked: Worked) -> tuple[dict[str, dict[str, int]], str]:
    """How each grade fared, and the edition that all were judged by."""
    fared: dict[str, Counter[str]] = {}
    editions = set()
    for case in worked.cases.values():
        receipt = await office["risk"].fetch_receipt(case.case_id)
        fared.setdefault(receipt["rating"]["grade"], Counter())[case.status] += 1
        editions.add(receipt["edition"])
    order = ("AAA", "AA", "A", "BBB", "BB", "B", "CCC", "D")
    known = sorted(fared, key=lambda grade: order.index(grade) if grade in order else len(order))
    return {grade: dict(fared[grade]) for grade in known}, ", ".join(sorted(editions))


def _keep(home: Home, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for log in home.log.glob("*.log"):
        (folder / log.name).write_bytes(log.read_bytes())


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
