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


def owe_recheck(
    session: Session, key: str, cause: str, customer_id: str = ALL, *, paid: bool = False
) -> None:
    """Owe the held orders of a customer and its group, or of all, another look, and the plans of what
    stands above the limits of the one; where something was `paid` also orders with open invoices.
    Nothing where none waits.

    For the transaction that may have cured one; `key` names what happened.
    """
    waits = text("SELECT recheck_waits(:customer_id, :paid)")
    offset_days = session.scalar(waits, {"customer_id": customer_id, "paid": paid})
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
