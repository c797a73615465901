"""Reservations a second: the store against a bare procedure of the same effect, in one run.

The bare procedure is one written for this alone, called straight from the driver: it looks at the
same standing, dates, terms and limits, answers the same figures and names, keeps the same entry with
its order in both accounts and the balances after it, once per key, and waits for the disk. Ours adds
sub-lines, cover and dated parts, guards, a digest, repeats and reasons, and values; what is none of
these is a procedure of its own. `barest` is held against less: two limits, an entry and the verdict.
All run on one PostgreSQL with its default durability, clients as processes, taken in turn.
"""

import argparse
import io
import json
import multiprocessing
import os
import random
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import psycopg2

from benchmarks import checks
from creditflow.stack.launch import free_port, stop
from creditflow.stack.postgres import OWNER, SUPERUSER, Passwords, Postgres, prepare
from domain.customer import Customer, Identifier, IdentifierScheme
from domain.exposure import EntryKind
from domain.identity import Person, Role
from domain.imports import ImportKind
from domain.money import Money
from storage.base import Records
from storage.customer import Customers
from storage.exposure import Exposure
from storage.exposure.accounts import entry_id_now
from storage.migrations import upgrade
from web.service.imports import import_csv

LINES, GROUP_OF = 10_000, 5
CALLS_BEFORE = 20
DAY = date(2026, 3, 2)
AMOUNT = Money(minor=100, currency="CNY")

_BOOK = f"""
    INSERT INTO letter (letter_no, subject_id, case_id, customer_id, approved, limit_minor,
        currency, content_hash, decided_on, valid_until, body, recorded_at)
    VALUES ('L', 'L', 'L', 'c', true, 1, 'CNY', '', '{DAY}', '{DAY}', '{{}}', now());
    INSERT INTO exposure_account (kind, owner_id, currency, limit_kind, limit_minor, entries,
        decision_id, status)
    SELECT 'group', 'group-' || n, 'CNY', 'amount', 10^15, 1, 'L', 'active'
    FROM generate_series(0, {LINES // GROUP_OF - 1}) n;
    INSERT INTO exposure_account (kind, owner_id, customer_id, currency, parent_no, limit_kind,
        limit_minor, entries, decision_id, status, starts_on, last_draw_on, ends_on)
    SELECT 'line', '01a201bb-0000-7000-8000-' || lpad(n::text, 12, '0'), 'customer-' || n, 'CNY',
        (SELECT account_no FROM exposure_account WHERE owner_id = 'group-' || n / {GROUP_OF}),
        'amount', 10^14, 1, 'L', 'active', '{DAY}', '{DAY}', '{DAY}'
    FROM generate_series(0, {LINES - 1}) n;
    INSERT INTO exposure_entry (entry_id, key, kind, account_no, seq, amount_minor, reserved_minor,
        used_minor, reserved_after, used_after, limit_kind, limit_minor, decision_id, business_on,
        posted_by)
    SELECT gen_random_uuid(), 'opening-' || account_no, 'opening', account_no, 1, 0, 0, 0, 0, 0,
        limit_kind, limit_minor, 'L', '{DAY}', 'system'
    FROM exposure_account;
"""

_BARE = f"""
    CREATE TABLE bare_account (account_no bigint PRIMARY KEY, parent_no bigint,
        limit_minor bigint NOT NULL, taken_minor bigint NOT NULL DEFAULT 0,
        entries bigint NOT NULL DEFAULT 0);
    CREATE TABLE bare_entry (entry_id uuid PRIMARY KEY, key text COLLATE "C" NOT NULL UNIQUE,
        account_no bigint NOT NULL, seq bigint NOT NULL, parent_no bigint NOT NULL,
        amount_minor bigint NOT NULL, headroom_minor bigint NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(), UNIQUE (account_no, seq));
    INSERT INTO bare_account (account_no, limit_minor)
    SELECT {LINES} + n, 10^15 FROM generate_series(0, {LINES // GROUP_OF - 1}) n;
    INSERT INTO bare_account (account_no, parent_no, limit_minor)
    SELECT n, {LINES} + n / {GROUP_OF}, 10^14 FROM generate_series(0, {LINES - 1}) n;
    CREATE PROCEDURE bare_reserve(p_entry_id uuid, p_account_no bigint, p_amount bigint, p_key text,
        INOUT verdict text, INOUT headroom bigint) LANGUAGE plpgsql AS $$
    DECLARE
        parent bigint;
        parent_headroom bigint;
        number bigint;
    BEGIN
        UPDATE bare_account SET taken_minor = taken_minor + p_amount, entries = entries + 1
        WHERE account_no = p_account_no AND p_amount <= limit_minor - taken_minor
        RETURNING parent_no, entries, limit_minor - taken_minor INTO parent, number, headroom;
        IF FOUND THEN
            UPDATE bare_account SET taken_minor = taken_minor + p_amount, entries = entries + 1
            WHERE account_no = parent AND p_amount <= limit_minor - taken_minor
            RETURNING limit_minor - taken_minor INTO parent_headroom;
        END IF;
        IF FOUND THEN
            headroom := least(headroom, parent_headroom);
            INSERT INTO bare_entry (entry_id, key, account_no, seq, parent_no, amount_minor,
                headroom_minor)
            VALUES (p_entry_id, p_key, p_account_no, number, parent, p_amount, headroom)
            ON CONFLICT (key) DO NOTHING;
        END IF;
        IF NOT FOUND THEN
            ROLLBACK;
            verdict := 'refused';
            RETURN;
        END IF;
        verdict := 'reserved';
        PERFORM set_config('synchronous_commit', 'off', true);
        COMMIT;
        PERFORM pg_logical_emit_message(false, 'bare', '', true);
    END
    $$;
"""

# So many entries more, spread over the lines as orders are; they add up to nothing.
_DEEPEN = f"""
    INSERT INTO exposure_entry (entry_id, key, kind, account_no, seq, amount_minor, reserved_minor,
        used_minor, reserved_after, used_after, reason, business_on, posted_by)
    SELECT uuidv7(), 'deep-' || n, 'refuse', a.account_no,
        1000000000 + n, 1, 0, 0, 0, 0, 'over_limit', '{DAY}', 'system'
    FROM (SELECT count(*) AS there FROM exposure_entry) e,
        generate_series(e.there + 1, %(entries)s) n
    JOIN exposure_account a ON a.account_no = {LINES // GROUP_OF} + 1 + n %% {LINES}
"""

_SAME = f"""
    CREATE TABLE same_account (account_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        kind text COLLATE "C" NOT NULL, owner_id text COLLATE "C" NOT NULL,
        currency text COLLATE "C" NOT NULL, parent_no bigint, limit_minor bigint,
        reserved_minor bigint NOT NULL DEFAULT 0, used_minor bigint NOT NULL DEFAULT 0,
        entries bigint NOT NULL DEFAULT 0, status text COLLATE "C" NOT NULL, starts_on date,
        last_draw_on date, ends_on date, terms_days integer, UNIQUE (owner_id, kind, currency));
    CREATE TABLE same_entry (entry_id uuid PRIMARY KEY, key text COLLATE "C" NOT NULL UNIQUE,
        kind text COLLATE "C" NOT NULL, account_no bigint NOT NULL, seq bigint NOT NULL,
        group_no bigint, group_seq bigint, amount_minor bigint NOT NULL,
        reserved_minor bigint NOT NULL, used_minor bigint NOT NULL, reserved_after bigint NOT NULL,
        used_after bigint NOT NULL, headroom_minor bigint, binding_no bigint,
        reservation_id uuid, expires_at timestamptz, reason text, terms text,
        business_on date NOT NULL, posted_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(), UNIQUE (account_no, seq));
    CREATE UNIQUE INDEX ON same_entry (reservation_id) WHERE reservation_id IS NOT NULL;
    CREATE INDEX ON same_entry (kind, expires_at) WHERE expires_at IS NOT NULL;
    INSERT INTO same_account (kind, owner_id, currency, limit_minor, status)
    SELECT 'group', 'group-' || n, 'CNY', 10^15, 'active'
    FROM generate_series(0, {LINES // GROUP_OF - 1}) n;
    INSERT INTO same_account (kind, owner_id, currency, parent_no, limit_minor, status, starts_on,
        last_draw_on, ends_on)
    SELECT 'line', '01a201bb-0000-7000-8000-' || lpad(n::text, 12, '0'), 'CNY',
        n / {GROUP_OF} + 1, 10^14, 'active', '{DAY}', '{DAY}', '{DAY}'
    FROM generate_series(0, {LINES - 1}) n;
    CREATE PROCEDURE same_reserve(p_entry_id uuid, p_line_id text, p_currency text,
        p_amount bigint, p_key text, p_business_on date, p_expires_at timestamptz,
        p_posted_by text, p_terms text, p_terms_above integer,
        INOUT verdict text, INOUT reserved bigint, INOUT used bigint, INOUT headroom bigint,
        INOUT binding text) LANGUAGE plpgsql AS $$
    DECLARE
        line_no bigint; line_seq bigint; group_no bigint; group_seq bigint; group_id text;
        group_room bigint; binding_no bigint;
    BEGIN
        UPDATE same_account a
        SET reserved_minor = reserved_minor + p_amount, entries = entries + 1
        WHERE kind = 'line' AND owner_id = p_line_id AND currency = p_currency
            AND status = 'active' AND p_business_on BETWEEN starts_on AND last_draw_on
            AND (limit_minor IS NULL OR p_amount <= limit_minor - reserved_minor - used_minor)
            AND (p_terms_above IS NULL OR coalesce(terms_days > p_terms_above, true))
        RETURNING account_no, parent_no, entries, reserved_minor, used_minor,
            limit_minor - reserved_minor - used_minor
        INTO line_no, group_no, line_seq, reserved, used, headroom;
        IF FOUND AND group_no IS NOT NULL THEN
            UPDATE same_account
            SET reserved_minor = reserved_minor + p_amount, entries = entries + 1
            WHERE account_no = group_no
                AND (limit_minor IS NULL OR p_amount <= limit_minor - reserved_minor - used_minor)
            RETURNING entries, owner_id, limit_minor - reserved_minor - used_minor
            INTO group_seq, group_id, group_room;
        END IF;
        IF FOUND THEN
            binding_no := line_no;
            binding := 'line/' || p_line_id;
            IF group_room < headroom THEN
                headroom := group_room;
                binding_no := group_no;
                binding := 'group/' || group_id;
            END IF;
            INSERT INTO same_entry (entry_id, key, kind, account_no, seq, group_no, group_seq,
                amount_minor, reserved_minor, used_minor, reserved_after, used_after,
                headroom_minor, binding_no, expires_at, terms, business_on, posted_by)
            VALUES (p_entry_id, p_key, 'reserve', line_no, line_seq, group_no, group_seq,
                p_amount, p_amount, 0, reserved, used, headroom, binding_no, p_expires_at, p_terms,
                p_business_on, p_posted_by)
            ON CONFLICT (key) DO NOTHING;
        END IF;
        IF NOT FOUND THEN
            ROLLBACK;
            verdict := 'refused';
            RETURN;
        END IF;
        verdict := 'reserve';
        PERFORM set_config('synchronous_commit', 'off', true);
        COMMIT;
        PERFORM pg_logical_emit_message(false, 'same', '', true);
    END
    $$;
"""

Reserve = Callable[[int, str], None]


class Measured(NamedTuple):
    rate: float
    p50_ms: float
    p99_ms: float


def bare(url: str) -> Reserve:
    """A procedure of the same effect, for this alone."""
    cursor = _cursor(url)
    call = f"CALL same_reserve({', '.join(['%s'] * 10 + ['NULL'] * 5)})"

    def reserve(line: int, key: str) -> None:
        cursor.execute(
            call,
            (entry_id_now(), _line(line), "CNY", 100, key, DAY, None, "benchmark", None, None),
        )
        assert cursor.fetchone()[0] == "reserve"

    return reserve


def barest(url: str) -> Reserve:
    """What any ledger needs and nothing else."""
    cursor = _cursor(url)

    def reserve(line: int, key: str) -> None:
        cursor.execute(
            "CALL bare_reserve(%s, %s, %s, %s, NULL, NULL)", (entry_id_now(), line, 100, key)
        )
        assert cursor.fetchone()[0] == "reserved"

    return reserve


def bare_call(url: str) -> Reserve:
    """Our own procedure, without the store around it."""
    cursor = _cursor(url)
    call = f"CALL exposure_reserve_plain({', '.join(['%s'] * 9 + ['NULL'] * 6)})"

    def reserve(line: int, key: str) -> None:
        cursor.execute(
            call, (entry_id_now(), _line(line), None, "CNY", 100, key, DAY, None, "benchmark")
        )
        assert cursor.fetchone()[0] == "reserve"

    return reserve


def store(url: str) -> Reserve:
    exposure = Exposure(Records(_driver_named(url)), connections_max=1)

    def reserve(line: int, key: str) -> None:
        movement = exposure.reserve(_line(line), AMOUNT, key, business_on=DAY)
        assert movement.kind is EntryKind.RESERVE

    return reserve


def client(
    make: Callable[[str], Reserve], url: str, hot: bool, seconds: float, barrier: Any, results: Any
) -> None:
    """Reserve as fast as answers come, one key after the other, and say how fast that was.

    A connection is kept for hours: its first calls, in which the server reads and plans, are done
    before.
    """
    reserve, chance = make(url), random.Random(os.getpid())
    name = f"order-{os.getpid()}-{time.time_ns()}"
    for n in range(CALLS_BEFORE):
        reserve(chance.randrange(LINES), f"{name}-before-{n}")
    barrier.wait()
    took: list[float] = []
    began = now = time.perf_counter()
    while now - began < seconds:
        reserve(0 if hot else chance.randrange(LINES), f"{name}-{len(took)}")
        before, now = now, time.perf_counter()
        took.append(now - before)
    took.sort()
    results.put((len(took) / (now - began), took[len(took) // 2], took[int(len(took) * 0.99)]))


def measure(
    make: Callable[[str], Reserve], url: str, clients: int, seconds: float, *, hot: bool = False
) -> Measured:
    barrier = multiprocessing.Barrier(clients)
    results: Any = multiprocessing.Queue()
    processes = [
        multiprocessing.Process(target=client, args=(make, url, hot, seconds, barrier, results))
        for _ in range(clients)
    ]
    for process in processes:
        process.start()
    answers = [results.get(timeout=seconds + 60) for _ in processes]
    for process in processes:
        process.join()
    rates, p50s, p99s = zip(*answers, strict=True)
    return Measured(sum(rates), statistics.median(p50s) * 1000, max(p99s) * 1000)


def in_turn(rounds: int, *measures: Callable[[], Measured]) -> list[tuple[Measured, ...]]:
    """Rounds in which each is taken once, one after the other: what disturbs one disturbs all."""
    return [tuple(measure() for measure in measures) for _ in range(rounds)]


def middle(pairs: list[tuple[Measured, Measured]]) -> tuple[Measured, Measured]:
    """Ours and the limit of the round whose ratio is the median of all rounds'."""
    return sorted(pairs, key=lambda pair: pair[0].rate / pair[1].rate)[len(pairs) // 2]


def compared(ours: float, limit: float, unit: str = "reservations/s") -> dict[str, Any]:
    return {
        "ratio": round(ours / limit, 3),
        "ours": round(ours, 1),
        "limit": round(limit, 1),
        "unit": unit,
    }


def run(
    url: str, seconds: float, rounds: int, imported: int, *, depth: bool = False
) -> dict[str, Any]:
    # The first connections and the first pages of a new server are nobody's measure.
    for make in (bare, store):
        measure(make, url, 4, 1)
    detail: dict[str, Any] = {"durability": "fsync on; flushed before every answer"}
    for clients in (1, 8, 32):
        taken = in_turn(
            rounds,
            partial(measure, bare, url, clients, seconds),
            partial(measure, bare_call, url, clients, seconds),
            partial(measure, store, url, clients, seconds),
            partial(measure, barest, url, clients, seconds),
        )
        ours, limit = middle([(ours, limit) for limit, _, ours, _ in taken])
        detail[f"clients_{clients}"] = compared(ours.rate, limit.rate) | {
            "p50_ms": round(ours.p50_ms, 2),
            "p99_ms": round(ours.p99_ms, 2),
        }
        # The store against our own procedure called without it: what Python adds.
        ours, called = middle([(ours, called) for _, called, ours, _ in taken])
        detail[f"store_over_call_{clients}"] = compared(ours.rate, called.rate)
        ours, least = middle([(ours, least) for _, _, ours, least in taken])
        detail[f"barest_{clients}"] = compared(ours.rate, least.rate)
    taken = in_turn(
        rounds,
        partial(measure, bare, url, 32, seconds, hot=True),
        partial(measure, store, url, 32, seconds, hot=True),
        partial(measure, store, url, 32, seconds),
    )
    hot, limit = middle([(hot, limit) for limit, hot, _ in taken])
    detail["one_account"] = compared(hot.rate, limit.rate)
    hot, spread = middle([(hot, spread) for _, hot, spread in taken])
    detail["hot_over_spread"] = compared(hot.rate, spread.rate)
    detail["wal"] = wal_bytes(url)
    detail["verify"] = verified(url)
    detail["copy"] = copied(url, imported, 3)
    checks.prepare(_driver_named(url), LINES)
    detail["http"] = checks.measured(_driver_named(url), seconds, 3, LINES)
    if depth:
        detail["depth"] = by_depth(url, seconds)
    result = detail["clients_32"]
    return {
        "name": "exposure",
        **{name: result[name] for name in ("ratio", "ours", "limit", "unit")},
        "detail": detail,
    }


_COPIED = """
    DROP TABLE IF EXISTS bare_invoice;
    CREATE TABLE bare_invoice (LIKE invoice INCLUDING INDEXES);
"""
_CODES = [f"91110000600037{n:04d}" for n in range(1000)]


def copied(url: str, rows: int, rounds: int) -> dict[str, Any]:
    """Invoices imported a second, from the file's bytes to its report, against a bare COPY of the
    same rows into a table with the same indexes. Both begin with an empty table."""
    with Records(_driver_named(url)).begin() as session:
        for n, code in enumerate(_CODES):
            Customers(session).record(
                Customer(
                    customer_id=f"imported-{n}",
                    name=f"Imported {n}",
                    identifiers=(Identifier(scheme=IdentifierScheme.INTERNAL, value=code),),
                ),
                business_on=DAY,
                source="benchmark",
                recorded_by="benchmark",
            )
    body = [
        f"{_CODES[n % 1000]},internal,INV-{n:08d},2026-01-{n % 28 + 1:02d},2026-02-27,{n % 9973 + 1}.50,CNY\n"
        for n in range(rows)
    ]
    header = "customer,scheme,invoice_no,issued_on,due_on,amount,currency\n"
    content = (header + "".join(body)).encode()
    pairs = [(_imported(url, content, rows), _bare_copy(url, rows)) for _ in range(rounds)]
    ours, limit = sorted(pairs, key=lambda pair: pair[0] / pair[1])[len(pairs) // 2]
    return compared(ours, limit, "invoices/s") | {"rows": rows}


def _imported(url: str, content: bytes, rows: int) -> float:
    _cursor(url).execute("TRUNCATE invoice CASCADE")
    person = Person(
        person_id="benchmark",
        title="Benchmark",
        roles=frozenset({Role.RISK_OFFICER, Role.OPERATOR}),
    )
    began = time.perf_counter()
    with Records(_driver_named(url)).begin() as session:
        report = import_csv(session, ImportKind.INVOICES, content, business_on=DAY, person=person)
    took = time.perf_counter() - began
    assert report.created == rows, report
    return rows / took


def _bare_copy(url: str, rows: int) -> float:
    cursor = _cursor(url)
    cursor.execute(_COPIED)
    kept = io.StringIO()
    cursor.copy_expert("COPY invoice TO STDOUT", kept)
    kept.seek(0)
    began = time.perf_counter()
    cursor.copy_expert("COPY bare_invoice FROM STDIN", kept)
    return rows / (time.perf_counter() - began)


def wal_bytes(url: str, count: int = 2000) -> dict[str, Any]:
    """Bytes of WAL a reservation costs, after a checkpoint; less is better, so limit over ours."""
    cost = {}
    for make in (bare, store):
        cursor = _cursor(url)
        cursor.execute("SELECT pg_current_wal_lsn()")
        (before,) = cursor.fetchone()
        reserve, name = make(url), f"wal-{time.time_ns()}"
        for n in range(count):
            reserve(n * 7 % LINES, f"{name}-{n}")
        cursor.execute("SELECT pg_current_wal_lsn() - %s::pg_lsn", (before,))
        cost[make] = float(cursor.fetchone()[0]) / count
    return {
        "ratio": round(cost[bare] / cost[store], 3),
        "ours": round(cost[store]),
        "limit": round(cost[bare]),
        "unit": "bytes/reservation",
    }


def verified(url: str) -> dict[str, Any]:
    """Entries proven a second, against one plain sum over the same entries by account."""
    exposure = Exposure(Records(_driver_named(url)))
    cursor = _cursor(url)
    sums, proofs = [], []
    for _ in range(3):
        began = time.perf_counter()
        cursor.execute(
            "SELECT account_no, sum(reserved_minor), sum(used_minor)"
            " FROM exposure_entry GROUP BY account_no"
        )
        cursor.fetchall()
        sums.append(time.perf_counter() - began)
        began = time.perf_counter()
        proof = exposure.verify()
        proofs.append(time.perf_counter() - began)
        assert not [each for each in proof.discrepancies if "line says" not in each.rule], proof
    rows = proof.entries
    return compared(rows / min(proofs), rows / min(sums), "entries/s") | {"entries": rows}


def by_depth(url: str, seconds: float) -> dict[str, Any]:
    """The median latency of one client on a hundred thousand entries and on ten million."""
    cursor = _cursor(url)
    taken = {}
    for entries in (100_000, 10_000_000):
        cursor.execute(_DEEPEN, {"entries": entries})
        cursor.execute("VACUUM ANALYZE exposure_entry")
        cursor.execute("CHECKPOINT")
        rounds = [measure(store, url, 1, seconds) for _ in range(3)]
        taken[entries] = statistics.median(each.p50_ms for each in rounds)
    shallow, deep = taken.values()
    return compared(deep, shallow, "ms, p50 of one client") | {"ratio": round(shallow / deep, 3)}


@contextmanager
def database() -> Iterator[str]:
    """A new PostgreSQL with the product's tables, a book of lines, and the bare form beside it."""
    with tempfile.TemporaryDirectory(prefix="creditflow-exposure-") as folder:
        place = Path(folder)
        place.chmod(0o755)
        server = prepare(place / "postgres", Passwords("bench", "bench")).at(free_port(0))
        process = server.start(place / "log")
        try:
            _wait(server)
            server.create_owner()
            _cursor(server.url("postgres", SUPERUSER)).execute(f"GRANT pg_checkpoint TO {OWNER}")
            upgrade(_driver_named(server.url()))
            cursor = _cursor(server.url())
            cursor.execute(_BOOK)
            cursor.execute(_BARE)
            cursor.execute(_SAME)
            cursor.execute("VACUUM ANALYZE")
            yield server.url()
        finally:
            stop(process, signal.SIGQUIT, 10)


def _wait(server: Postgres) -> None:
    deadline = time.monotonic() + 30
    while not server.answers():
        assert time.monotonic() < deadline, "PostgreSQL does not answer"
        time.sleep(0.05)


def _line(n: int) -> str:
    return f"01a201bb-0000-7000-8000-{n:012d}"


def _cursor(url: str) -> Any:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    return connection.cursor()


def _driver_named(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg2://", 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="end with one JSON line")
    parser.add_argument("--full", action="store_true", help="longer and more rounds")
    options = parser.parse_args()
    with database() as url:
        seconds, imported = (10.0, 1_000_000) if options.full else (1.5, 100_000)
        result = run(url, seconds, 7, imported, depth=options.full)
    if options.json:
        print(json.dumps(result))
        return
    for name, found in ({"exposure": result} | result["detail"]).items():
        if isinstance(found, dict):
            print(
                f"{name:18} {found['ratio']:6.2f}   {found['ours']:>12,} of {found['limit']:>12,}"
                f" {found['unit']}"
            )


if __name__ == "__main__":
    main()
