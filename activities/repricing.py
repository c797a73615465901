"""Repricing (重定价): the rate of a floating line on each of its dates, by the newest fixing before it.

A page of lines is one transaction, each date of a line has its key, so a run may stop anywhere and
be taken up again. Where a date's benchmark is missing the rate stays as it was and a finding says
so; the first run after the fixing has come in sets the rate from that date on.
"""

from datetime import date, timedelta

from sqlalchemy.orm import Session
from temporalio import activity

from activities.signatures import RepricingSteps
from domain.benchmark import (
    FixingUsed,
    FloatingLine,
    LineRate,
    RateFinding,
    RepricingPage,
    RepricingPageDone,
    RepricingTally,
)
from domain.calendar import business_on
from domain.edition import PolicyEdition
from domain.errors import BenchmarkMissing, NotFound
from domain.notification import Channel, Notice
from policies.benchmark import in_force_since, repriced, repricings_due
from storage.base import Records
from storage.benchmark import Fixings
from storage.customer import Customers
from storage.edition import Editions
from storage.line import LineRates
from storage.notification import Outbox


class RepricingActivities(RepricingSteps):
    """The steps on PostgreSQL."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @activity.defn
    def reprice_lines(self, page: RepricingPage) -> RepricingPageDone:
        """Refuses `NotFound` on a day without an edition in force."""
        on = business_on(page.at, page.offset_days)
        with self._records.begin() as session:
            edition = Editions(session).find_current(on)
            if edition is None:
                raise NotFound(kind="policy edition in force", id=on.isoformat())
            lines = LineRates(session).find_floating(after=page.after, page_size=page.page_size)
            tally = RepricingTally()
            for line in lines:
                tally += _at_line(session, line, edition, on)
            full = len(lines) == page.page_size
            return RepricingPageDone(after=lines[-1].line_id if full else None, tally=tally)


def _at_line(
    session: Session, line: FloatingLine, edition: PolicyEdition, on: date
) -> RepricingTally:
    tally = RepricingTally(seen=1)
    for due_on in repricings_due(line, on):
        fixing = _fixing(session, line, edition, due_on)
        if fixing is None:
            _note(session, line, due_on, on)
            tally += RepricingTally(missing=1)
            continue
        rate = LineRates(session).record(repriced(line, due_on, fixing))
        _tell(session, line, rate)
        tally += RepricingTally(repriced=1)
    return tally


def _fixing(
    session: Session, line: FloatingLine, edition: PolicyEdition, due_on: date
) -> FixingUsed | None:
    """The newest fixing before a repricing date; None where it is missing, or policy has not said
    when it is."""
    on = due_on - timedelta(days=1)
    benchmark = edition.benchmarks.get(line.floating.rule.benchmark)
    if benchmark is None:
        return None
    try:
        return Fixings(session).read_in_force(
            line.floating.rule.benchmark, since=in_force_since(benchmark, on, edition), on=on
        )
    except BenchmarkMissing:
        return None


def _note(session: Session, line: FloatingLine, due_on: date, on: date) -> None:
    LineRates(session).record_finding(
        RateFinding(
            line_id=line.line_id,
            customer_id=line.customer_id,
            benchmark=line.floating.rule.benchmark,
            due_on=due_on,
            found_on=on,
        )
    )


def _tell(session: Session, line: FloatingLine, rate: LineRate) -> None:
    """The customer and whoever looks after it hear of the rate, and what made it."""
    assert rate.fixing is not None, "a repricing names its fixing"
    assert rate.spread_bp is not None
    facts = {
        "line_id": line.line_id,
        "from_on": rate.from_on.isoformat(),
        "rate": f"{(rate.rate_annual * 100).normalize():f}%",
        "benchmark": rate.fixing.benchmark,
        "fixing": f"{(rate.fixing.rate * 100).normalize():f}%",
        "fixed_on": rate.fixing.fixed_on.isoformat(),
        "spread_bp": f"{rate.spread_bp.normalize() + 0:+f}",
    }
    owner = Customers(session).read(line.customer_id).manager_id
    for recipient in (f"person:{owner}", f"customer:{line.customer_id}"):
        Outbox(session).post(
            Channel.MAIL,
            f"{line.line_id}/{rate.key}/{recipient}",
            recipient=recipient,
            kind=Notice.LINE_REPRICED,
            facts=facts,
        )
