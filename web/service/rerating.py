"""What may be asked of re-rating: a preview of the book, its file, and to put exactly that in force."""

from collections.abc import Iterable, Sequence

from domain.identity import Person
from domain.rerating import (
    Judging,
    Outcome,
    Rerating,
    ReratingEffect,
    ReratingStart,
    RunStatus,
)
from domain.value import Value
from storage.base import Records
from storage.rerating import Reratings
from web.service.clock import Clock
from web.service.gateway import Gateway
from web.service.ids import new_id
from web.service.permissions import Action, permit
from workflows.names import PORTFOLIO_QUEUE, rerating_id


class ReratingBegun(Value):
    """A phase of a run was begun; what it came to is asked by its id."""

    run_id: str


class ReratingService:
    """Runs over the book, over one memory and one way to Temporal."""

    def __init__(self, records: Records, gateway: Gateway, clock: Clock) -> None:
        self._records = records
        self._gateway = gateway
        self._clock = clock

    def preview(
        self, person: Person, run_id: str | None = None, industries: Iterable[str] = ()
    ) -> ReratingBegun:
        """Judge every line in force by the edition in force, or those of some industries alone;
        nothing changes by it.

        A run of an id that is there already is that run.
        """
        permit(person, Action.RERATING_RUN)
        start = ReratingStart(
            run_id=run_id or new_id(),
            person_id=person.person_id,
            industries=tuple(sorted(set(industries))),
        )
        return self._begin(start, "preview")

    def apply(self, person: Person, run_id: str, preview_hash: str) -> ReratingBegun:
        """Put a preview in force as it is; refuses `StaleContent` for another hash, `SameHands` to
        whoever made it, and `OutOfOrder` before it is complete."""
        permit(person, Action.RERATING_RUN)
        run = self.read(person, run_id)
        run.refuse_unseen(preview_hash, person.person_id)
        if run.status is RunStatus.APPLIED:
            return ReratingBegun(run_id=run_id)
        start = ReratingStart(run_id=run_id, person_id=person.person_id, preview_hash=preview_hash)
        return self._begin(start, "apply")

    def read(self, person: Person, run_id: str) -> Rerating:
        """How far a run has come; `NotFound` until its first page is on record."""
        permit(person, Action.RERATING_READ)
        with self._records.begin() as session:
            return Reratings(session).read(run_id)

    def read_effect(self, person: Person, run_id: str) -> ReratingEffect:
        """What the lines come to that people will be asked about once the preview is in force."""
        permit(person, Action.RERATING_READ)
        with self._records.begin() as session:
            Reratings(session).read(run_id)
            return Reratings(session).effect(run_id)

    def read_preview(self, person: Person, run_id: str) -> str:
        """The preview file, whose SHA-256 is the run's hash."""
        permit(person, Action.RERATING_READ)
        with self._records.begin() as session:
            Reratings(session).read(run_id)
            return "".join(Reratings(session).preview_rows(run_id))

    def list_lines(
        self,
        person: Person,
        run_id: str,
        *,
        outcome: Outcome | None = None,
        asks_review: bool | None = None,
        after: str | None = None,
        page_size: int = 50,
    ) -> Sequence[Judging]:
        """The lines of a preview by id, those of one outcome or all, from above `after`."""
        permit(person, Action.RERATING_READ)
        with self._records.begin() as session:
            Reratings(session).read(run_id)
            return Reratings(session).find_judged(
                run_id, outcome, after, page_size, asks_review=asks_review
            )

    def list_runs(self, person: Person, page_size: int = 20) -> Sequence[Rerating]:
        """The newest runs first."""
        permit(person, Action.RERATING_READ)
        with self._records.begin() as session:
            return Reratings(session).find_newest(page_size)

    def _begin(self, start: ReratingStart, phase: str) -> ReratingBegun:
        payload = start.model_copy(update={"offset_days": self._clock.offset_days})
        self._gateway.start(
            "ReratingWorkflow",
            rerating_id(start.run_id, phase),
            payload.model_dump(mode="json"),
            queue=PORTFOLIO_QUEUE,
        )
        return ReratingBegun(run_id=start.run_id)
