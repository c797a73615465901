"""What may be asked of the days ahead: which limits fall by themselves, and what that leaves open."""

from collections.abc import Iterator
from datetime import date, timedelta

from sqlalchemy.orm import Session

from activities.cover import covers_of, insured_buyers
from activities.exchange import Exchange
from domain.calendar import days_after
from domain.cliff import CliffKind, Day, LineAhead, LineCliffs, Uncovered
from domain.cover import CoverKind, CoverVerdict
from domain.edition import PolicyEdition
from domain.errors import RateMissing
from domain.exposure import Limit
from domain.identity import Person
from domain.line import CreditLine
from domain.value import Value
from policies.cliff import cliffs, uncovered_of
from policies.cover import verdict
from policies.insurance import changes_ahead
from policies.line import months_later
from storage.application import Assessments
from storage.base import Records
from storage.cliff import CliffDays
from storage.edition import Editions
from storage.exposure import Accounts
from storage.line import Conditions, Lines
from storage.statement import Statements
from web.service.clock import Clock
from web.service.customer import refuse_unseen, visible_customer
from web.service.permissions import Action, permit, visible_to

LINES_MAX = 200


class CliffBook(Value):
    """The lines with a cliff ahead, the nearest first, and what they leave open by currency.

    `complete` is false where there are more than are listed.
    """

    as_of: date
    until: date
    items: tuple[LineCliffs, ...]
    uncovered: dict[str, tuple[Uncovered, ...]]
    complete: bool


class CliffService:
    """The days ahead, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def read_line(self, person: Person, line_id: str, days: int = 90) -> LineCliffs:
        """What becomes of a line by itself; `NotFound` where the person does not see its customer."""
        permit(person, Action.LINE_READ)
        on = self._clock.business_on()
        with self._records.begin() as session:
            line = Lines(session).read(line_id)
            refuse_unseen(session, person, line.customer_id, kind="line", id=line_id)
            return cliffs(_ahead(session, line, on, days), on, days)

    def read_book(
        self, person: Person, days: int = 90, customer_id: str | None = None
    ) -> CliffBook:
        """The lines whose limit, last draw or end changes in so many days, the nearest first: of
        one customer where it is named, else of all that the person sees."""
        permit(person, Action.LINE_READ)
        on = self._clock.business_on()
        until = days_after(on, days)
        with self._records.begin() as session:
            if customer_id is not None:
                visible_customer(session, person, customer_id)
            ids = CliffDays(session).nearest(
                on,
                until,
                manager_id=visible_to(person).manager_id,
                customer_id=customer_id,
                most=LINES_MAX + 1,
            )
            found = tuple(
                cliffs(_ahead(session, Lines(session).read(each), on, days), on, days)
                for each in ids[:LINES_MAX]
            )
        return CliffBook(
            as_of=on,
            until=until,
            items=found,
            uncovered=uncovered_of(found),
            complete=len(ids) <= LINES_MAX,
        )


def _ahead(session: Session, line: CreditLine, on: date, days: int) -> LineAhead:
    # Before the first of all days no part counts: the limit is as it was granted.
    account = Accounts(session).find_balance("line", line.line_id, line.limit.currency, on=date.min)
    assert account is not None, "a line has its account"
    edition = Editions(session).find_current(on)
    known = [*_own_days(session, line)]
    if edition is not None:
        known += _days_of_statement(session, line, on, edition)
        known += _days_of_cover(session, line, on, edition)
    known += _days_of_insurance(session, line, on, days)
    return LineAhead(
        line_id=line.line_id,
        customer_id=line.customer_id,
        limit=Limit.of(line.limit) if account.limit.amount is None else account.limit,
        parts=account.parts,
        exposure=account.taken,
        ends_on=line.ends_on,
        days=tuple(known),
    )


def _own_days(session: Session, line: CreditLine) -> Iterator[Day]:
    yield Day(on=line.review_due_on, kind=CliffKind.REVIEW, of=line.line_id)
    if line.last_draw_on is not None:
        last = line.last_draw_on
        yield Day(on=last + timedelta(days=1), kind=CliffKind.DRAWS, of=line.line_id)
    judged = Assessments(session).find_newest_of_customer(line.customer_id)
    if judged is not None and judged.rating.valid_until is not None:
        until = days_after(judged.rating.valid_until, 1)
        yield Day(on=until, kind=CliffKind.RATING, of=judged.rating.grade)
    for each in Conditions(session).list_of_case(line.case_id):
        if each.due_on is not None and not each.settled:
            yield Day(on=days_after(each.due_on, 1), kind=CliffKind.CONDITION, of=each.code)


def _days_of_statement(
    session: Session, line: CreditLine, on: date, edition: PolicyEdition
) -> Iterator[Day]:
    known = Statements(session).find_accounts(line.customer_id, until=on, years=3)
    if known:
        ended_on = max(each.period_end_on for each in known)
        oldest = edition.completeness.statement_age_days_max
        yield Day(
            on=days_after(ended_on, oldest + 1),
            kind=CliffKind.STATEMENT,
            of=ended_on.isoformat(),
        )


def _days_of_cover(
    session: Session, line: CreditLine, on: date, edition: PolicyEdition
) -> Iterator[Day]:
    try:
        covers = covers_of(
            session, line.customer_id, line.line_id, Exchange(session, edition, on), on
        )
    except RateMissing:
        return
    for cover in covers:
        if cover.insured is not None or verdict(cover, on, edition) is not CoverVerdict.COUNTS:
            continue
        guarantee = cover.kind is CoverKind.GUARANTEE
        kind = CliffKind.GUARANTEE if guarantee else CliffKind.ASSET
        months = edition.limit.covers[cover.kind].valuation_months_max
        lasts = [cover.ends_on] if cover.ends_on is not None else []
        if months is not None and cover.valued_on is not None:
            lasts.append(months_later(cover.valued_on, months))
        if lasts:
            yield Day(on=days_after(min(lasts), 1), kind=kind, of=cover.cover_id)


def _days_of_insurance(session: Session, line: CreditLine, on: date, days: int) -> Iterator[Day]:
    for buyer, _ in insured_buyers(session, line.customer_id, on):
        for change in changes_ahead(buyer, on, days):
            yield Day(on=change.on, kind=CliffKind.INSURANCE, of=change.policy_no)
