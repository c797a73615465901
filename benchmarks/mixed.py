"""Everything at once on one ledger, with clients and the server killed in the middle.

Client processes do every operation there is, in any order, on lines that share caps, guarantors and
groups: orders by product, uses in part, splits, repayments that stand or come to nothing, deposits,
exchanges, limits with dated parts, caps, cover, holds, customers that change their group. What must
hold afterwards: no deadlock, nothing that was acknowledged lost, and the proof. One seed draws each
client's plan.
"""

import argparse
import json
import multiprocessing
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg2
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from benchmarks.exposure import _driver_named
from creditflow.stack.launch import free_port, stop
from creditflow.stack.postgres import Passwords, Postgres, prepare
from domain.errors import CreditError
from domain.exposure import Limit, LimitPart, SubLimit, Use, UseBounds
from domain.hold import Hold, HoldOn
from domain.money import Money
from storage.base import Records
from storage.exposure import Accounts, Chains, Exposure
from storage.hold import Holds
from storage.migrations import upgrade

DAY = date(2026, 3, 2)
CUSTOMERS, GROUPS, GUARANTORS = 40, 6, 8
HOLDS = 4  # that stand at a time
PRODUCTS = ("loan", "acceptance")
LETTER = "L"
# Below those that the system gives out: who calls a killed server again and again on one of these may
# be connected to itself in the end, and hold the port.
PORT = 27_432

_LETTER = text(
    """
    INSERT INTO letter (letter_no, subject_id, case_id, customer_id, approved, limit_minor,
        currency, content_hash, decided_on, valid_until, body, recorded_at)
    VALUES (:no, :no, :no, 'c', true, 1, 'CNY', '', :on, :on, '{}', now())
    """
)


class Told(NamedTuple):
    """What the clients saw: operations that were answered, refusals by code, errors by kind."""

    answered: int
    refused: Counter[str]
    errors: Counter[str]


def open_book(records: Records) -> None:
    """A book whose lines get in each other's way: caps that are too small for what is under them."""
    with records.begin() as session:
        session.execute(_LETTER, {"no": LETTER, "on": DAY})
        for n in range(GROUPS):
            session.execute(
                text("INSERT INTO customer_group (group_id, name) VALUES (:id, :id)"),
                {"id": group(n)},
            )
        for n in range(CUSTOMERS):
            session.execute(
                text(
                    "INSERT INTO customer (customer_id, version, name, group_id, manager_id,"
                    " content, business_on) VALUES (:id, 1, :id, :group, 'manager', '{}', :on)"
                ),
                {"id": customer(n), "group": group(n % GROUPS), "on": DAY},
            )
    subs = tuple(
        SubLimit(product=each, limit=cny(6000), revolving=each == "loan") for each in PRODUCTS
    )
    for n in range(CUSTOMERS):
        with records.begin() as session:
            accounts = Accounts(session)
            for line, bounds in (("facility", UseBounds(sub_lines=subs)), ("plain", None)):
                accounts.open_line(
                    f"{line}-{n}",
                    customer_id=customer(n),
                    group_id=group(n % GROUPS),
                    limit=cny(8000),
                    decision_id=LETTER,
                    starts_on=DAY,
                    last_draw_on=DAY + timedelta(days=300),
                    ends_on=DAY + timedelta(days=360),
                    business_on=DAY,
                    bounds=bounds,
                )


class Client:
    """One client's plan, drawn from a seed."""

    def __init__(self, url: str, seed: int, acknowledged: Path) -> None:
        self.chance = random.Random(seed)
        self.name = f"{seed}-{os.getpid()}-{time.time_ns()}"
        self.records = Records(url, connections_max=2)
        self.exposure = Exposure(self.records, connections_max=1)
        self.log = acknowledged.open("a", buffering=1)
        self.held: list[tuple[str, str, Money]] = []
        self.repaid: list[tuple[str, str]] = []
        self.n = 0

    def step(self) -> bool:
        """Do one thing; whether there was anything to do."""
        kind: Callable[[], bool | None] = self.chance.choices(
            [
                self.reserve,
                self.end,
                self.split,
                self.repay,
                self.revive,
                self.deposit,
                self.decide,
            ],
            [40, 25, 5, 18, 2, 5, 5],
        )[0]
        return kind() is not False

    def reserve(self) -> None:
        n, amount = self.chance.randrange(CUSTOMERS), self.amount()
        if self.chance.random() < 0.3:
            line, use = f"plain-{n}", Use()
        else:
            line = f"facility-{n}"
            use = Use(product=self.chance.choice(PRODUCTS), nominal=amount, deposit=cny(0))
            if self.chance.random() < 0.05:  # its deposit covers all of it
                use, amount = use.model_copy(update={"deposit": amount}), cny(0)
        key = self.key()
        moved = self.exposure.reserve(line, amount, key, business_on=self.day(), use=use)
        self.log.write(f"{key}\n")
        if moved.reservation_id is not None and amount:
            self.held.append((line, moved.reservation_id, amount))

    def end(self) -> bool:
        if not self.held:
            return False
        line, reservation, amount = self.held.pop(self.chance.randrange(len(self.held)))
        key, part = self.key(), Money(minor=self.chance.randint(1, amount.minor), currency="CNY")
        if self.chance.random() < 0.7:
            moved = self.exposure.commit(
                line,
                reservation,
                key,
                business_on=self.day(),
                amount=part,
                keep_rest=self.chance.random() < 0.5,
            )
        else:
            moved = self.exposure.release(
                line, reservation, key, business_on=self.day(), amount=part
            )
        self.log.write(f"{key}\n")
        self.held += [(line, kept, amount - part) for kept in moved.kept]
        return True

    def split(self) -> bool:
        if not self.held:
            return False
        line, reservation, amount = self.held.pop(self.chance.randrange(len(self.held)))
        if amount.minor < 2:
            return False
        first = Money(minor=self.chance.randint(1, amount.minor - 1), currency="CNY")
        key = self.key()
        moved = self.exposure.split(
            line, reservation, [first, amount - first], key, business_on=self.day()
        )
        self.log.write(f"{key}\n")
        self.held += zip((line, line), moved.kept, (first, amount - first), strict=False)
        return True

    def repay(self) -> None:
        line, product = self.place()
        key = self.key()
        self.exposure.repay(line, self.amount(), key, business_on=self.day(), product=product)
        self.log.write(f"{key}\n")
        self.repaid.append((line, key))

    def revive(self) -> bool:
        """What was repaid comes to nothing, and is used again above whatever limit."""
        if not self.repaid:
            return False
        line, key = self.repaid.pop(self.chance.randrange(len(self.repaid)))
        self.exposure.revive(line, key, business_on=self.day())
        self.log.write(f"{key}/revived\n")
        return True

    def deposit(self) -> None:
        line, product = self.place()
        key, back = self.key(), self.chance.random() < 0.5
        move = self.exposure.give_back_deposit if back else self.exposure.deposit
        move(line, self.amount(), key, business_on=self.day(), product=product)
        self.log.write(f"{key}\n")

    def decide(self) -> None:
        """What decisions do to the same accounts while orders run."""
        n = self.chance.randrange(CUSTOMERS)
        act: Callable[[Session, int], None] = self.chance.choice(
            [
                self.limit,
                self.cap,
                self.group_cap,
                self.cover,
                self.exchange,
                self.join,
                self.hold,
            ]
        )
        with self.records.begin() as session:
            act(session, n)

    def limit(self, session: Session, n: int) -> None:
        part = LimitPart(
            amount=cny(self.chance.randint(-3000, 3000)),
            from_on=DAY + timedelta(days=self.chance.randint(0, 40)),
            code="temporary",
        )
        Accounts(session).set_limit(
            f"plain-{n}",
            Limit.of(cny(self.chance.randint(0, 9000))),
            decision_id=LETTER,
            key=self.key(),
            business_on=DAY,
            parts=[part],
        )

    def cap(self, session: Session, n: int) -> None:
        limit, letter = self.any_limit(), self.letter(session)
        Accounts(session).set_customer_cap(
            customer(n), "CNY", limit, decision_id=letter, business_on=DAY
        )

    def group_cap(self, session: Session, n: int) -> None:
        limit, letter = self.any_limit(), self.letter(session)
        Accounts(session).set_group_cap(
            group(n % GROUPS), "CNY", limit, decision_id=letter, business_on=DAY
        )

    def cover(self, session: Session, n: int) -> None:
        chosen = self.chance.sample(range(GUARANTORS), self.chance.randint(0, 2))
        covers = {("guarantor", f"guarantor-{each}"): Limit.of(cny(20_000)) for each in chosen}
        Accounts(session).set_cover(
            f"facility-{n}", "CNY", covers, decision_id=LETTER, business_on=DAY
        )

    def exchange(self, session: Session, n: int) -> None:
        source, target = self.chance.sample(PRODUCTS, 2)
        Accounts(session).move_limit(
            f"facility-{n}",
            source,
            target,
            self.amount(),
            key=self.key(),
            business_on=DAY,
            posted_by="risk",
        )

    def join(self, session: Session, n: int) -> None:
        """Into another group, with what its lines hold."""
        Chains(session).hold_lines([customer(n)])
        session.execute(
            text("UPDATE customer SET group_id = :group WHERE customer_id = :id"),
            {"group": group(self.chance.randrange(GROUPS)), "id": customer(n)},
        )
        Chains(session).place([customer(n)], DAY)

    def hold(self, session: Session, n: int) -> None:
        """One more on a customer, or the oldest gone, whoever set it."""
        at, holds = datetime.now(UTC), Holds(session)
        standing = holds.list_page(page_size=HOLDS)
        if len(standing) == HOLDS:
            oldest = holds.read(standing[0].hold_id, for_update=True)
            if oldest.open:
                holds.write(oldest.cured("enough", at, DAY), "system", at)
            return
        hold = Hold(
            hold_id=self.key(),
            holds=HoldOn.CUSTOMER,
            subject_id=customer(n),
            customer_id=customer(n),
            set_by="system",
            looked_at=at,
            owner="role.risk_officer",
            opened_at=at,
            opened_on=DAY,
            due_at=at,
            review_on=DAY,
        )
        holds.write(hold, "system", at)

    def any_limit(self) -> Limit:
        if self.chance.random() < 0.2:
            return Limit.unlimited()
        return Limit.of(cny(self.chance.randint(2000, 40_000)))

    def letter(self, session: Session) -> str:
        letter_no = self.key()
        session.execute(_LETTER, {"no": letter_no, "on": DAY})
        return letter_no

    def place(self) -> tuple[str, str | None]:
        n = self.chance.randrange(CUSTOMERS)
        if self.chance.random() < 0.3:
            return f"plain-{n}", None
        return f"facility-{n}", self.chance.choice(PRODUCTS)

    def amount(self) -> Money:
        return cny(self.chance.randint(1, 900))

    def day(self) -> date:
        return DAY + timedelta(days=self.chance.randint(0, 60))

    def key(self) -> str:
        self.n += 1
        return f"{self.name}-{self.n}"


def client(url: str, seed: int, acknowledged: Path, until: float, told: Any) -> None:
    """Do one thing after the other until the time is over; a server that is away is waited for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    one = Client(url, seed, acknowledged)
    answered, refused, errors = 0, Counter[str](), Counter[str]()
    while time.monotonic() < until:
        try:
            answered += one.step()
        except CreditError as refusal:
            refused[refusal.code] += 1
            answered += 1
        except OperationalError as error:
            deadlock = getattr(error.orig, "pgcode", None) == "40P01"
            errors["deadlock" if deadlock else "unreached"] += 1
            time.sleep(0 if deadlock else 0.2)
        except (DBAPIError, psycopg2.Error) as error:
            errors[str(error).splitlines()[0][:100]] += 1
    told.put((answered, dict(refused), dict(errors)))


def mixed(
    url: str,
    *,
    seconds: float,
    clients: int,
    seed: int,
    folder: Path,
    disturb: Callable[[list[Any]], None] | None = None,
) -> Told:
    """Let clients run for a time; `disturb` is called every second with their processes."""
    told: Any = multiprocessing.Queue()
    until = time.monotonic() + seconds
    make = multiprocessing.Process
    running = [
        make(target=client, args=(url, seed + n, folder / f"acknowledged-{n}", until, told))
        for n in range(clients)
    ]
    for process in running:
        process.start()
    n = clients
    while time.monotonic() < until:
        time.sleep(min(1.0, max(0.0, until - time.monotonic())))
        if disturb is not None:
            disturb(running)
        for place, process in enumerate(running):
            if not process.is_alive() and time.monotonic() < until - 1:
                path = folder / f"acknowledged-{n}"
                running[place] = make(target=client, args=(url, seed + n, path, until, told))
                running[place].start()
                n += 1
    answered, refused, errors = 0, Counter[str](), Counter[str]()
    for process in running:
        process.join()
    while not told.empty():
        counted, refusals, wrong = told.get()
        answered += counted
        refused.update(refusals)
        errors.update(wrong)
    return Told(answered, refused, errors)


def lost(url: str, folder: Path) -> set[str]:
    """The keys that were acknowledged and are not on record."""
    keys = {
        key for path in folder.glob("acknowledged-*") for key in path.read_text().split("\n")[:-1]
    }
    connection = psycopg2.connect(url.replace("+psycopg2", ""))
    cursor = connection.cursor()
    cursor.execute("SELECT key FROM exposure_entry")
    found = {key for (key,) in cursor}
    connection.close()
    return keys - found


def run(operations: int, clients: int, seed: int, *, kill: bool) -> dict[str, Any]:
    with server() as (postgres, start, log):
        process = [start()]
        url = _driver_named(postgres.url())
        postgres.create_owner()
        upgrade(url)
        records = Records(url)
        open_book(records)
        records.close()
        chance, kills = random.Random(seed), Counter[str]()
        total = Told(0, Counter(), Counter())
        began = time.monotonic()

        def disturb(running: list[Any]) -> None:
            if not kill:
                return
            if chance.random() < 0.3:
                victim = chance.choice(running)
                with suppress(ProcessLookupError):
                    os.kill(victim.pid, signal.SIGKILL)
                kills["clients"] += 1
            if chance.random() < 0.04:
                for pid in [process[0].pid, *_children(process[0].pid)]:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                process[0].wait()
                process[0] = start()
                kills["servers"] += 1

        with tempfile.TemporaryDirectory(prefix="creditflow-mixed-") as place:
            folder, turn = Path(place), 0
            while True:
                told = mixed(
                    url,
                    seconds=30,
                    clients=clients,
                    seed=seed + 1000 * turn,
                    folder=folder,
                    disturb=disturb,
                )
                turn += 1
                total = Told(
                    total.answered + told.answered,
                    total.refused + told.refused,
                    total.errors + told.errors,
                )
                if _entries(url) >= operations or total.answered >= operations:
                    break
            gone = lost(url, folder)
        seconds = time.monotonic() - began
        exposure = Exposure(Records(url))
        proof = exposure.verify()
        total.errors.pop("deadlock", 0)
        result = {
            "name": "mixed",
            "seed": seed,
            "operations": total.answered,
            "entries": proof.entries,
            "seconds": round(seconds, 1),
            # All that the server saw, those too that a client got over by asking again.
            "deadlocks": log.read_text(errors="replace").count("deadlock detected"),
            "lost": len(gone),
            "kills": dict(kills),
            "refused": dict(total.refused.most_common()),
            "errors": dict(total.errors),
            "discrepancies": [each.model_dump(mode="json") for each in proof.discrepancies],
        }
        stop(process[0], signal.SIGQUIT, 10)
    return result


@contextmanager
def server() -> Iterator[tuple[Postgres, Callable[[], Any], Path]]:
    with tempfile.TemporaryDirectory(prefix="creditflow-mixed-db-") as place:
        folder = Path(place)
        folder.chmod(0o755)
        postgres = prepare(folder / "postgres", Passwords("bench", "bench")).at(free_port(PORT))
        log = folder / "log"

        def start() -> Any:
            (postgres.data / "postmaster.pid").unlink(missing_ok=True)
            process = postgres.start(log)
            until = time.monotonic() + 300  # it reads its log again after a kill
            while not postgres.answers():
                assert time.monotonic() < until, "PostgreSQL does not answer"
                if process.poll() is not None:  # one of the killed still held its shared memory
                    process = postgres.start(log)
                time.sleep(0.1)
            return process

        yield postgres, start, log


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    return []


def _entries(url: str) -> int:
    connection = psycopg2.connect(url.replace("+psycopg2", ""))
    cursor = connection.cursor()
    cursor.execute("SELECT count(*) FROM exposure_entry")
    (count,) = cursor.fetchone()
    connection.close()
    return int(count)


def customer(n: int) -> str:
    return f"customer-{n}"


def group(n: int) -> str:
    return f"group-{n}"


def cny(amount: int) -> Money:
    return Money(minor=amount, currency="CNY")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kill", action="store_true", help="clients and the server, kill -9")
    parser.add_argument("--json", action="store_true", help="end with one JSON line")
    options = parser.parse_args()
    result = run(options.operations, options.clients, options.seed, kill=options.kill)
    if options.json:
        print(json.dumps(result))
        return
    for name, found in result.items():
        print(f"{name:14} {found}")


if __name__ == "__main__":
    main()
