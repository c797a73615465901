"""What a line rests on: its limit falls with its cover, and it stands on who bears the whole of it.

Only cover that its letters counted on is followed. Brought up to date in the transaction of whatever
changes the line or the register; the days ahead are on the line's account, so no run has to come.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import NamedTuple

from sqlalchemy.orm import Session

from activities.cover import covers_of, insured_buyers
from activities.exchange import Exchange
from domain.application import ApplicationType
from domain.contract import Letter
from domain.cover import Cover, CoverContent, CoverKind, CoverVerdict
from domain.edition import PolicyEdition
from domain.errors import RateMissing
from domain.exposure import COVER, Limit, LimitPart
from domain.form import CoverForm
from domain.line import CreditLine
from domain.money import Money, money_sum
from policies.cover import verdict
from policies.cover_parts import CoverAhead, counted_on, cover_parts
from policies.insurance import cover_ahead
from storage.application import Applications, Assessments
from storage.approval import Letters
from storage.cover import Covers
from storage.customer import Customers
from storage.edition import Editions
from storage.exposure import Accounts
from storage.insurance import Insurances
from storage.line import Lines

Stands = dict[tuple[str, str], Limit]


class Resting(NamedTuple):
    """What a line rests on by a letter: how its limit falls, and on whom it stands."""

    letter_no: str
    parts: tuple[LimitPart, ...]
    stands: Stands


def resting(session: Session, line: CreditLine, letter: Letter, on: date) -> Resting:
    """What a line is to rest on by the letter that gives it its own limit, from a day on.

    Where cover cannot be valued at the rates of the day, it is as the judgement saw it.
    """
    try:
        return _resting(session, line, letter, on)
    except RateMissing:
        return _resting(session, line, letter, on, as_judged=True)


def stand(session: Session, line: CreditLine, found: Resting, on: date) -> None:
    Accounts(session).set_cover(
        line.line_id,
        line.limit.currency,
        found.stands,
        decision_id=found.letter_no,
        business_on=on,
    )


def follow_cover(session: Session, line: CreditLine, on: date) -> None:
    """Say on the account of a line in force what it rests on now; one that cannot be valued at the
    rates of the day stays as it is until it can."""
    letter = Letters(session).find(Lines(session).base_limit(line.line_id)[0])
    if line.status.ended or letter is None:
        return
    try:
        found = _resting(session, line, letter, on)
    except RateMissing:
        return
    Accounts(session).set_parts(line.line_id, COVER, found.parts, business_on=on)
    stand(session, line, found, on)


def follow_register(session: Session, customer_ids: Iterable[str], on: date) -> None:
    """The same for every line of customers whose cover changed."""
    asked = sorted(set(customer_ids))
    if not asked:
        return
    lines = [line for each in asked for line in Lines(session).list_of_customer(each)]
    found = {each.line_id: each for each in lines}
    accounts = Accounts(session)
    accounts.hold_customers(asked)
    accounts.hold_covers(sorted(found))  # line by line would be in another order than an order's
    for line in sorted(found.values(), key=_by_id):
        follow_cover(session, line, on)


def secured_by(session: Session, contents: Iterable[CoverContent | None]) -> set[str]:
    """Whose lines rest, by any of these contents, on one cover, or on the guarantor of it."""
    known = [each for each in contents if each is not None]
    owners = {each.owner for each in known if each.kind is CoverKind.GUARANTEE}
    beside = [each.standing for each in Covers(session).guarantees_of(sorted(owners))]
    return {use.customer_id for each in (*known, *beside) if each is not None for use in each.uses}


def _resting(
    session: Session, line: CreditLine, letter: Letter, on: date, *, as_judged: bool = False
) -> Resting:
    assessment = Assessments(session).find(letter.case_id)
    if assessment is None or letter.terms is None:
        return Resting(letter.letter_no, (), {})
    granted = letter.terms.limit
    edition = Editions(session).read(assessment.edition_hash)
    ids = counted_on(assessment) | _added(session, line)
    if as_judged:
        ahead = tuple(
            CoverAhead(cover_id=each.cover_id, from_on=on, cover=each)
            for each in assessment.dossier.covers
            if each.cover_id in ids
        )
    else:
        ahead = _ahead(session, line, ids, edition, on) if ids else ()
    parts = cover_parts(granted, assessment, ahead, on, line.ends_on, edition)
    bearing = _bearing(ahead, granted, on, edition)
    stands = _stands(session, line.customer_id, bearing, granted.currency)
    return Resting(letter.letter_no, parts, stands)


def _by_id(line: CreditLine) -> str:
    return line.line_id


def _added(session: Session, line: CreditLine) -> frozenset[str]:
    """The covers that letters of change set aside for the line."""
    found: set[str] = set()
    for _, letter_no, kind, _ in Lines(session).letters_of([line.line_id]):
        if kind == ApplicationType.CHANGE_OF_COVER:
            case_id = Letters(session).read(letter_no).case_id
            form = Applications(session).read(case_id).application.form
            if isinstance(form, CoverForm):
                found |= {each.cover_id for each in form.added}
    return frozenset(found)


def _ahead(
    session: Session, line: CreditLine, ids: Collection[str], edition: PolicyEdition, on: date
) -> tuple[CoverAhead, ...]:
    """How the covers of a line stand from today on, as far as it is known today."""
    exchange = Exchange(session, edition, on)
    buyers = dict(_insured(session, line, on))
    found = [
        CoverAhead(cover_id=each.cover_id, from_on=on, cover=each)
        for each in covers_of(session, line.customer_id, line.line_id, exchange, on)
        if each.cover_id in ids and each.cover_id not in buyers
    ]
    for limit_id, path in buyers.items():
        if limit_id in ids:
            found += [CoverAhead(cover_id=limit_id, from_on=day, cover=each) for day, each in path]
    return tuple(found)


def _insured(
    session: Session, line: CreditLine, on: date
) -> Iterator[tuple[str, tuple[tuple[date, Cover | None], ...]]]:
    for buyer, left in insured_buyers(session, line.customer_id, on):
        yield buyer.limit_id, cover_ahead(buyer, on, line.ends_on, left)


def _bearing(
    ahead: Iterable[CoverAhead], granted: Money, on: date, edition: PolicyEdition
) -> list[Cover]:
    """What bears the whole of a limit today: whatever is taken of it is taken on that as well."""
    return [
        each.cover
        for each in ahead
        if each.from_on == on
        and each.cover is not None
        and each.cover.value.currency == granted.currency
        and each.cover.value.share(each.cover.share) >= granted
        and verdict(each.cover, on, edition) is CoverVerdict.COUNTS
    ]


def _stands(session: Session, customer_id: str, covers: Iterable[Cover], currency: str) -> Stands:
    """The guarantors and insurers behind covers, each with the most that it bears in a currency."""
    found: Stands = {}
    ids = {each.cover_id for each in covers}
    for cover in Covers(session).of_customer(customer_id):
        content = cover.standing
        if cover.cover_id in ids and content is not None and content.kind is CoverKind.GUARANTEE:
            capacity = _capacity(session, content.owner, currency)
            if capacity is not None:
                owner = Customers(session).survivor(content.owner)
                found["guarantor", owner] = Limit.of(capacity)
    for buyer in Insurances(session).of_customer(customer_id):
        if buyer.limit_id in ids and buyer.terms is not None:
            insurer = buyer.terms.insurer
            found["insurer", insurer] = Limit.of(_liability(session, insurer, currency))
    return found


def _capacity(session: Session, owner: str, currency: str) -> Money | None:
    """The most that a guarantor can answer for, as the newest valuation of it has it."""
    given = [
        (each.standing.valued_on or date.min, each.cover_id, each.standing.capacity)
        for each in Covers(session).guarantees_of([owner])
        if each.standing is not None
        and each.standing.capacity is not None
        and each.standing.capacity.currency == currency
    ]
    return max(given, key=lambda each: each[:2])[2] if given else None


def _liability(session: Session, insurer: str, currency: str) -> Money:
    """The most that an insurer may ever have to pay, over its insurances in a currency."""
    return money_sum(
        (
            each.standing.liability_max
            for each in Insurances(session).of_insurer(insurer)
            if each.standing is not None and each.standing.currency == currency
        ),
        currency,
    )
