"""What may be asked of classes: run over the book, the figures, who stands where, and since when."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy.orm import Session

from domain.classification import (
    ClassFigures,
    ClassificationFailure,
    ClassificationRun,
    ClassificationStart,
    ClassStanding,
    CustomerClass,
    FiveTier,
    LossEntry,
    Stage,
)
from domain.edition import PolicyEdition
from domain.errors import DateInFuture, NotFound
from domain.identity import Id, Person
from domain.value import Value
from storage.base import Records
from storage.classification import Classes, ClassificationRuns, Losses
from storage.edition import Editions
from web.service.clock import Clock
from web.service.customer import visible_customer
from web.service.gateway import Gateway
from web.service.ids import new_id
from web.service.permissions import Action, permit, visible_to
from workflows.names import PORTFOLIO_QUEUE, classification_id


class ClassificationBegun(Value):
    """A run over the book was begun; what it came to is asked by its id."""

    run_id: Id


class CustomerClasses(Value):
    """The classes of a customer and the losses posted for it, the newest first."""

    classes: tuple[CustomerClass, ...]
    entries: tuple[LossEntry, ...]


class ClassificationService:
    """Classes and expected losses, over one memory and one way to Temporal."""

    def __init__(self, records: Records, gateway: Gateway, clock: Clock) -> None:
        self._records = records
        self._gateway = gateway
        self._clock = clock

    def run(
        self, person: Person, as_of: date | None = None, run_id: str | None = None
    ) -> ClassificationBegun:
        """Classify the book as of a day, and every later day that was run already.

        A run of an id that is there already is that run. Refuses `DateInFuture`, and `NotFound` for
        a day on which no edition was in force.
        """
        permit(person, Action.CLASS_RUN)
        on = self._day(as_of)
        with self._records.begin() as session:
            edition_on(session, on)
        start = ClassificationStart(
            run_id=run_id or new_id(),
            as_of=on,
            person_id=person.person_id,
            offset_days=self._clock.offset_days,
        )
        assert start.run_id is not None
        self._gateway.start(
            "ClassificationWorkflow",
            classification_id(start.run_id),
            start.model_dump(mode="json"),
            queue=PORTFOLIO_QUEUE,
        )
        return ClassificationBegun(run_id=start.run_id)

    def read_run(self, person: Person, run_id: str) -> ClassificationRun:
        """How far a run has come; `NotFound` until its first page is on record."""
        permit(person, Action.CLASS_READ)
        with self._records.begin() as session:
            return ClassificationRuns(session).read(run_id)

    def list_runs(self, person: Person, page_size: int = 20) -> Sequence[ClassificationRun]:
        """The newest runs first."""
        permit(person, Action.CLASS_READ)
        with self._records.begin() as session:
            return ClassificationRuns(session).find_newest(page_size)

    def list_failures(
        self, person: Person, run_id: str, *, after: str | None = None, page_size: int = 50
    ) -> Sequence[ClassificationFailure]:
        """Whom a run could not judge, by id, and why."""
        permit(person, Action.CLASS_RUN)
        with self._records.begin() as session:
            ClassificationRuns(session).read(run_id)
            return ClassificationRuns(session).failures(run_id, after=after, page_size=page_size)

    def read_figures(self, person: Person, as_of: date | None = None) -> ClassFigures:
        """The book that the person sees by tier and stage, with its allowance, as of a day."""
        permit(person, Action.CLASS_READ)
        on = self._day(as_of)
        with self._records.begin() as session:
            return Classes(session).figures(
                on,
                edition_on(session, on).reporting_currency,
                manager_id=visible_to(person).manager_id,
            )

    def list_classes(
        self,
        person: Person,
        as_of: date | None = None,
        *,
        tier: FiveTier | None = None,
        stage: Stage | None = None,
        after: str | None = None,
        page_size: int = 50,
    ) -> Sequence[ClassStanding]:
        """How the customers that the person sees stand as of a day, by id, from above one."""
        permit(person, Action.CLASS_READ)
        with self._records.begin() as session:
            return Classes(session).find_page(
                self._day(as_of),
                after=after,
                page_size=page_size,
                tier=tier,
                stage=stage,
                manager_id=visible_to(person).manager_id,
            )

    def read_customer(self, person: Person, customer_id: str) -> CustomerClasses:
        """The classes of a customer and the losses posted for it, the newest first."""
        permit(person, Action.CLASS_READ)
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            today = self._clock.business_on()
            return CustomerClasses(
                classes=Classes(session).history(customer_id, today),
                entries=Losses(session).list_of(customer_id, today),
            )

    def _day(self, as_of: date | None) -> date:
        return past_day(as_of, self._clock)


def past_day(as_of: date | None, clock: Clock) -> date:
    """The day asked for, or today; refuses `DateInFuture`."""
    today = clock.business_on()
    if as_of is not None and as_of > today:
        raise DateInFuture(field="as_of", date=as_of, business_on=today)
    return as_of or today


def edition_on(session: Session, on: date) -> PolicyEdition:
    """The edition in force on a day; refuses `NotFound`."""
    edition = Editions(session).find_current(on)
    if edition is None:
        raise NotFound(kind="policy edition in force", id=on.isoformat())
    return edition
