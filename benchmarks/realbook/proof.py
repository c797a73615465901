"""Did every case end exactly once? Asked of the records, of the book of entries, and of Temporal.

The questions are plain SQL of their own, so that the product's code does not vouch for itself.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

import psycopg2
from temporalio.client import Client

from benchmarks.realbook.work import Worked
from creditflow.client.calls import writing
from creditflow.demo.office import Office

# Each finds what must not be.
QUESTIONS = {
    "requests without a case": """
        SELECT i.case_id FROM intake i LEFT JOIN application a USING (case_id)
        WHERE a.case_id IS NULL OR NOT i.started OR i.closed_at IS NULL""",
    "requests asked twice": "SELECT key FROM intake GROUP BY caller, key HAVING count(*) > 1",
    "cases not at an end": """
        SELECT case_id FROM application WHERE status NOT IN ('active', 'declined')""",
    "ended cases without exactly one letter": """
        SELECT a.case_id FROM application a LEFT JOIN letter l ON l.subject_id = a.case_id
        GROUP BY a.case_id HAVING count(l.letter_no) <> 1""",
    "letters that say other than their case": """
        SELECT l.letter_no FROM letter l JOIN application a ON a.case_id = l.subject_id
        WHERE l.approved <> (a.status = 'active') OR l.letter_no <> a.letter_no""",
    "tasks decided other than once": """
        SELECT t.task_id FROM task t LEFT JOIN decision d USING (task_id)
        GROUP BY t.task_id, t.status
        HAVING count(d.task_id) <> CASE WHEN t.status = 'decided' THEN 1 ELSE 0 END""",
    "tasks still open": "SELECT task_id FROM task WHERE status = 'open'",
    "approvals still open": "SELECT approval_id FROM approval WHERE outcome = 'open'",
    "active cases without exactly one signed agreement": """
        SELECT a.case_id FROM application a
        LEFT JOIN contract c ON c.case_id = a.case_id AND c.status = 'signed'
        WHERE a.status = 'active' GROUP BY a.case_id HAVING count(c.contract_id) <> 1""",
    "agreements of nothing active": """
        SELECT c.contract_id FROM contract c JOIN application a USING (case_id)
        WHERE a.status <> 'active' OR c.status <> 'signed'""",
    "active cases without exactly one line": """
        SELECT a.case_id FROM application a LEFT JOIN credit_line l ON l.case_id = a.case_id
        WHERE a.status = 'active' GROUP BY a.case_id HAVING count(l.line_id) <> 1""",
    "lines of nothing active": """
        SELECT l.line_id FROM credit_line l JOIN application a USING (case_id)
        WHERE a.status <> 'active'""",
    "limits unlike their letters": """
        SELECT l.line_id FROM credit_line l
        JOIN letter b USING (letter_no) JOIN line_limit m ON m.line_id = l.line_id
        WHERE m.limit_minor <> b.limit_minor""",
    "lines without exactly one account": """
        SELECT l.line_id FROM credit_line l LEFT JOIN exposure_account x
        ON x.owner_id = l.line_id AND x.kind = 'line'
        GROUP BY l.line_id HAVING count(x.account_no) <> 1""",
    "balances that are not the sum of their entries": """
        SELECT x.account_no FROM exposure_account x
        LEFT JOIN exposure_entry e ON e.account_no = x.account_no WHERE x.kind = 'line'
        GROUP BY x.account_no, x.reserved_minor, x.used_minor
        HAVING coalesce(sum(e.reserved_minor), 0) <> x.reserved_minor
        OR coalesce(sum(e.used_minor), 0) <> x.used_minor""",
    "balances above their limit": """
        SELECT account_no FROM exposure_account
        WHERE kind = 'line' AND reserved_minor + used_minor > limit_minor""",
    "entries posted twice": "SELECT key FROM exposure_entry GROUP BY key HAVING count(*) > 1",
    "conditions not met on active cases": """
        SELECT c.code FROM condition_precedent c JOIN application a USING (case_id)
        WHERE a.status = 'active' AND c.status NOT IN ('met', 'waived')""",
    "what is owed and not delivered": """
        SELECT channel, kind, state, last_error FROM outbox WHERE state <> 'sent'""",
}
# What goes on after the last case has ended.
LASTING = frozenset({"CreditLineWorkflow", "OutboxWorkflow", "CollectionWorkflow"})


async def prove(office: Office, addresses: Mapping[str, str], worked: Worked) -> dict[str, Any]:
    """Every question with what it found, none of which should be more than nothing."""
    found = _asked(addresses["database"])
    found |= _as_answered(addresses["database"], worked)
    workflows, stuck = await _workflows(addresses)
    found["workflows that failed or are stuck"] = stuck
    ledger = await office["risk"].verify_ledger()
    found["discrepancies of the book of entries"] = len(ledger.discrepancies)
    audit = await office["auditor"].run(writing("/audit/verify", dict[str, Any]))
    found["receipts, files and editions altered"] = len(audit["altered"])
    replayed = await office["auditor"].run(writing("/replays", dict[str, Any]))
    found["receipts that replay otherwise"] = len(replayed["differing"])
    return {
        "found": found,
        "holds": not any(found.values()),
        "entries": ledger.entries,
        "audit": audit,
        "workflows": dict(sorted(workflows.items())),
    }


def _asked(database: str) -> dict[str, int]:
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        found = {}
        for question, statement in QUESTIONS.items():
            cursor.execute(statement)
            found[question] = cursor.rowcount
            for row in cursor.fetchmany(5):
                print(f"{question}: {', '.join(map(str, row))}", file=sys.stderr, flush=True)
    connection.close()
    return found


def _as_answered(database: str, worked: Worked) -> dict[str, int]:
    """What clients were told, against what is on record."""
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT case_id, status, line_id FROM application")
        cases = {row[0]: row[1:] for row in cursor.fetchall()}
        cursor.execute("SELECT owner_id, used_minor FROM exposure_account WHERE kind = 'line'")
        used = dict(cursor.fetchall())
    connection.close()
    told = {case.case_id: (case.status, case.line_id) for case in worked.cases.values()}
    owed = {line_id: int(amount * 100) for line_id, amount in worked.orders.items()}
    return {
        "cases other than clients were told": sum(cases.get(each) != told[each] for each in told)
        + abs(len(cases) - len(told)),
        "use other than the order system was told": sum(used[each] != owed[each] for each in owed)
        + abs(len(used) - len(owed)),
    }


async def _workflows(addresses: Mapping[str, str]) -> tuple[Counter[str], int]:
    """Workflows by type and status; how many failed, or run though nothing is left for them."""
    client = await Client.connect(addresses["temporal"], namespace=addresses["namespace"])
    for _ in range(30):  # a step that was cut off is on its second try for a moment
        counts, stuck = await _counted(client)
        if not stuck:
            break
        await asyncio.sleep(2)
    for each in stuck:
        print(f"failed or stuck: {each}", file=sys.stderr, flush=True)
    return counts, len(stuck)


async def _counted(client: Client) -> tuple[Counter[str], list[str]]:
    counts: Counter[str] = Counter()
    stuck = []
    async for each in client.list_workflows():
        status = each.status.name if each.status else "UNKNOWN"
        counts[f"{each.workflow_type} {status.lower()}"] += 1
        lasting = status == "RUNNING" and each.workflow_type in LASTING
        if not lasting and status not in ("COMPLETED", "CONTINUED_AS_NEW"):
            stuck.append(f"{each.id} {status}")
        elif lasting and each.workflow_type != "OutboxWorkflow":  # whose one step lasts as well
            pending = (await client.get_workflow_handle(each.id).describe()).raw_description
            tries = [one.attempt for one in pending.pending_activities]
            if max([pending.pending_workflow_task.attempt, *tries]) > 1:
                stuck.append(f"{each.id}, tries {tries}")
    return counts, stuck
