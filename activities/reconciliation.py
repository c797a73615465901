"""System reconciliation: the newest extract set against the books of the night, and drift given an owner."""

from datetime import date

from sqlalchemy.orm import Session

from domain.errors import NotFound
from domain.identity import SYSTEM
from domain.reconciliation import Reconciliation, ReconciliationFinding
from domain.value import content_hash
from policies.reconciliation import drifted, due_on
from storage.customer import Customers
from storage.edition import Editions
from storage.reconciliation import Reconciliations


def reconcile_newest(session: Session, run_id: str, on: date) -> Reconciliation | None:
    """The nightly comparison; None where no extract was ever brought in, or this run made it."""
    newest = Reconciliations(session).find_newest()
    if newest is None:
        return None
    return reconcile(session, run_id, newest[0], on=on, person_id=SYSTEM.person_id)


def reconcile(
    session: Session, reconciliation_id: str, extract_id: str, *, on: date, person_id: str
) -> Reconciliation:
    """Compare one extract, keep what it came to, and find an owner for whatever drifts too far.

    A customer of whom a finding is open has that one. Refuses `NotFound` on a day without an edition
    in force.
    """
    edition = Editions(session).find_current(on)
    if edition is None:
        raise NotFound(kind="policy edition in force", id=on.isoformat())
    store = Reconciliations(session)
    store.hold()
    compared, sums = store.compare(reconciliation_id, extract_id, run_on=on)
    store.keep(compared, recorded_by=person_id)
    standing = {(each.customer_id, each.drift.currency) for each in store.find_open()}
    for each in drifted(sums, edition):
        if (each.customer_id, each.currency) in standing:
            continue
        owner = Customers(session).read(each.customer_id).manager_id or person_id
        seed = [reconciliation_id, each.customer_id, each.currency]
        store.note(
            ReconciliationFinding(
                finding_id=content_hash(seed)[:32],
                reconciliation_id=reconciliation_id,
                customer_id=each.customer_id,
                drift=each.drift,
                owner=owner,
                due_on=due_on(on, edition),
            )
        )
    return compared
