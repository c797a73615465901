"""What may be asked of warnings: read them, look at the book now, and how far a look has come."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from domain.errors import NotFound
from domain.identity import Id, Person
from domain.notification import Channel
from domain.value import Value, content_hash
from domain.warning import (
    MonitoringRun,
    MonitoringStart,
    RaisedWarning,
    WarningLevel,
    WarningStatus,
)
from storage.base import Records
from storage.notification import Outbox
from storage.recheck import ALL
from storage.recheck import owe_recheck as orders_recheck
from storage.warning import Book, MonitoringRuns, Warnings
from web.service.clock import Clock
from web.service.gateway import Gateway
from web.service.ids import new_id
from web.service.permissions import Action, permit, visible_to
from workflows.names import PORTFOLIO_QUEUE, monitoring_id


class RunStarted(Value):
    """A look at the book was begun; what it came to is asked by its id."""

    run_id: Id


class WarningService:
    """Warnings and looks at the book, over one memory and one way to Temporal."""

    def __init__(self, records: Records, gateway: Gateway, clock: Clock) -> None:
        self._records = records
        self._gateway = gateway
        self._clock = clock

    def list_warnings(
        self,
        person: Person,
        *,
        status: WarningStatus | None = None,
        level: WarningLevel | None = None,
        customer_id: str | None = None,
        before: str | None = None,
        page_size: int = 50,
    ) -> Sequence[RaisedWarning]:
        """Warnings on the customers the person sees, newest first, from below a warning's id."""
        permit(person, Action.WARNING_READ)
        with self._records.begin() as session:
            return Warnings(session).find_page(
                before=before,
                page_size=page_size,
                status=status,
                level=level,
                customer_id=customer_id,
                manager_id=visible_to(person).manager_id,
            )

    def count_open(self, person: Person) -> dict[WarningLevel, int]:
        """How many warnings are open at each level, in the whole book."""
        permit(person, Action.FIGURES_READ)
        with self._records.begin() as session:
            return Warnings(session).counts()

    def run(
        self, person: Person, customer_ids: tuple[str, ...] = (), run_id: str | None = None
    ) -> RunStarted:
        """Look at the whole book now, or at the customers named.

        A look of an id that is there already is that look.
        """
        permit(person, Action.WARNING_RUN)
        run_id = run_id or new_id()
        start = MonitoringStart(
            run_id=run_id, offset_days=self._clock.offset_days, customer_ids=customer_ids
        )
        self._gateway.start(
            "MonitoringWorkflow",
            monitoring_id(run_id),
            start.model_dump(mode="json"),
            queue=PORTFOLIO_QUEUE,
        )
        return RunStarted(run_id=run_id)

    def read_run(self, person: Person, run_id: str) -> MonitoringRun:
        """How far a look has come; `NotFound` until its first page is on record."""
        permit(person, Action.WARNING_READ)
        with self._records.begin() as session:
            found = MonitoringRuns(session).find(run_id)
        if found is None:
            raise NotFound(kind="monitoring run", id=run_id)
        return found

    def list_runs(self, person: Person, page_size: int = 20) -> Sequence[MonitoringRun]:
        """The newest looks first."""
        permit(person, Action.WARNING_READ)
        with self._records.begin() as session:
            return MonitoringRuns(session).find_newest(page_size)


def owe_recheck(
    session: Session, key: str, *, offset_days: int, customer_id: str | None = None
) -> None:
    """Owe a look at a customer that paid, or at all who are watched, and at the orders that wait for
    it; nothing where nobody is watched and nothing waits.

    For the transaction that records payments; `key` names what was recorded.
    """
    orders_recheck(session, key, "payment", customer_id or ALL, paid=True)
    if not Book(session).is_watched(customer_id):
        return
    run_id = content_hash([key, customer_id])[:32]
    Outbox(session).post(
        Channel.TEMPORAL,
        f"monitoring/{run_id}",
        recipient=run_id,
        kind="start_monitoring",
        facts={
            "run_id": run_id,
            "customer_ids": customer_id or "",
            "offset_days": str(offset_days),
        },
    )
