"""What is owed to orders that wait, and to plans of what stands above a limit: another look, once
something may have cured them.

What comes free in the book owes it itself, in its own transaction (`exposure_freed`).
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.notification import Channel
from domain.value import content_hash
from storage.notification import Outbox

ALL = ""

# Whoever's orders wait for the same room: the customer's, and those of its group.
_CONCERNED = """
    SELECT coalesce((SELECT s.offset_days FROM sales_order s
    WHERE (s.asked OR s.status IN ('held', 'released')
            OR CAST(:paid AS boolean) AND s.invoiced_minor > s.settled_minor)
        AND (CAST(:customer_id AS text) = '' OR s.customer_id = ANY (ARRAY(
            SELECT unnest(customer_ids(c.customer_id)) FROM customer c
            WHERE c.customer_id = customer_survivor(:customer_id)
            UNION ALL
            SELECT unnest(customer_ids(m.customer_id)) FROM customer c
            JOIN customer m ON m.group_id = c.group_id
            WHERE c.customer_id = customer_survivor(:customer_id))))
    LIMIT 1), (SELECT e.offset_days FROM excess e
    WHERE e.status <> 'settled'
        AND (e.customer_id = ANY (customer_ids(:customer_id))
            OR e.group_id = (SELECT c.group_id FROM customer c
                WHERE c.customer_id = customer_survivor(:customer_id)))
    LIMIT 1))
"""


def owe_recheck(
    session: Session, key: str, cause: str, customer_id: str = ALL, *, paid: bool = False
) -> None:
    """Owe the held orders of a customer and its group, or of all, another look, and the plans of what
    stands above the limits of the one; where something was `paid` also orders with open invoices.
    Nothing where none waits.

    For the transaction that may have cured one; `key` names what happened.
    """
    offset_days = session.scalar(text(_CONCERNED), {"customer_id": customer_id, "paid": paid})
    if offset_days is None:
        return
    run_id = content_hash([key, customer_id])[:32]
    Outbox(session).post(
        Channel.TEMPORAL,
        f"recheck/{run_id}",
        recipient=run_id,
        kind="start_recheck",
        facts={
            "run_id": run_id,
            "customer_id": customer_id,
            "cause": cause,
            "offset_days": str(offset_days),
        },
    )
