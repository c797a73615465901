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
    if offset_days is not None:
        _owe(session, key, cause, customer_id, offset_days)


def owe_look_at_held(session: Session, key: str, cause: str, customer_id: str) -> None:
    """Owe the plans that a customer itself is held for another look, that of a group which it has left
    among them; nothing where it is held for none."""
    offset_days = session.scalar(_HELD, {"customer_id": customer_id})
    if offset_days is not None:
        _owe(session, key, cause, customer_id, offset_days)


_HELD = text(
    """
    SELECT offset_days FROM order_hold
    WHERE customer_id = ANY (customer_ids(:customer_id)) AND status = 'open'
        AND holds = 'customer' AND NOT manual
    LIMIT 1
    """
)


def _owe(session: Session, key: str, cause: str, customer_id: str, offset_days: int) -> None:
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
