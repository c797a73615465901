"""What may be asked of benchmarks: enter a fixing, correct one, see them, and what lines bear by them."""

from collections.abc import Sequence
from datetime import date

from domain.benchmark import (
    Fixing,
    FixingContent,
    FixingCorrection,
    LineRate,
    RateFinding,
    RepricingStart,
)
from domain.errors import DateInFuture
from domain.identity import Id, Person
from domain.value import Value
from storage.base import Records
from storage.benchmark import Fixings
from storage.line import LineRates, Lines
from web.service.clock import Clock
from web.service.customer import visible_customer
from web.service.gateway import Gateway
from web.service.ids import new_id
from web.service.permissions import Action, permit
from workflows.names import PORTFOLIO_QUEUE, repricing_id


class RepricingBegun(Value):
    """A run over the floating lines was begun; what it sets stands on the lines."""

    run_id: Id


class LineRateHistory(Value):
    """What a line bears on a day, every rate it ever had, and when the next one is set."""

    line_id: Id
    current: LineRate | None
    next_reprices_on: date | None = None  # None: fixed, or ended before
    items: tuple[LineRate, ...]


class BenchmarkService:
    """Benchmarks and repricing, over one memory and one way to Temporal."""

    def __init__(self, records: Records, gateway: Gateway, clock: Clock) -> None:
        self._records = records
        self._gateway = gateway
        self._clock = clock

    def record(self, person: Person, content: FixingContent) -> Fixing:
        """Enter a day's fixing once; refuses `AlreadyExists` for another figure of that day."""
        permit(person, Action.BENCHMARK_RECORD)
        self._refuse_future(content.fixed_on)
        with self._records.begin() as session:
            return Fixings(session).record(content, recorded_by=person.person_id)

    def correct(self, person: Person, correction: FixingCorrection) -> Fixing:
        """Follow a wrong figure by the right one; refuses `NotFound`, and `SameHands` to whoever
        entered it. Rates that it has set already stay as they were set."""
        permit(person, Action.BENCHMARK_RECORD)
        with self._records.begin() as session:
            return Fixings(session).correct(correction, recorded_by=person.person_id)

    def list_fixings(self, person: Person, on: date | None = None) -> Sequence[Fixing]:
        """The newest fixing of each benchmark on or before a day (today, unless said)."""
        permit(person, Action.BENCHMARK_READ)
        with self._records.begin() as session:
            return Fixings(session).find_newest(on=on or self._clock.business_on())

    def read_history(self, person: Person, benchmark: str) -> Sequence[Fixing]:
        """Every version of a benchmark's fixings, the newest day first."""
        permit(person, Action.BENCHMARK_READ)
        with self._records.begin() as session:
            return Fixings(session).find_history(benchmark)

    def reprice(self, person: Person) -> RepricingBegun:
        """Set the floating rates whose dates have come, without waiting for the daily run."""
        permit(person, Action.REPRICING_RUN)
        run_id = new_id()
        self._gateway.start(
            "RepricingWorkflow",
            repricing_id(run_id),
            RepricingStart(offset_days=self._clock.offset_days).model_dump(mode="json"),
            queue=PORTFOLIO_QUEUE,
        )
        return RepricingBegun(run_id=run_id)

    def list_findings(self, person: Person) -> Sequence[RateFinding]:
        """The repricing dates of the book that wait for a benchmark, oldest first."""
        permit(person, Action.REPRICING_READ)
        with self._records.begin() as session:
            return LineRates(session).find_open()

    def read_rates(self, person: Person, line_id: str) -> LineRateHistory:
        """The rates of a line; `NotFound` where the person does not see its customer."""
        permit(person, Action.LINE_READ)
        today = self._clock.business_on()
        with self._records.begin() as session:
            line = Lines(session).read(line_id)
            visible_customer(session, person, line.customer_id)
            rates = LineRates(session).list_of_line(line_id)
        begun = [each for each in rates if each.from_on <= today]
        floating, following = line.terms.floating, None
        if floating is not None and not line.status.ended:
            on = floating.rule.next_on(today)
            following = on if on <= line.ends_on else None
        return LineRateHistory(
            line_id=line_id,
            current=begun[-1] if begun else None,
            next_reprices_on=following,
            items=tuple(rates),
        )

    def _refuse_future(self, fixed_on: date) -> None:
        today = self._clock.business_on()
        if fixed_on > today:
            raise DateInFuture(field="fixed_on", date=fixed_on, business_on=today)
