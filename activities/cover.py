"""Collecting what stands behind a customer's credit; what it counts for is `policies/cover.py`.

An asset secures no more than its free value over all its uses, a guarantor answers for no more than
it can bear over all its guarantees, and whom the customer answers for in turn is no guarantor of it.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from decimal import localcontext

from sqlalchemy.orm import Session

from activities.exchange import Exchange
from domain.cover import Cover, CoverContent, CoverKind, RegisteredCover
from domain.form import CoverForm
from domain.insurance import InsuredBuyer
from domain.money import Money
from domain.party import LinkKind
from policies.cover import in_a_circle, shares_of_capacity
from policies.formula import EXACT
from policies.insurance import cover_of, paid_at_most
from storage.approval import Letters
from storage.cover import Covers
from storage.customer import Customers
from storage.insurance import Insurances
from storage.line import Lines
from storage.party import Parties


def covers_of(
    session: Session,
    customer_id: str,
    line_id: str | None,
    exchange: Exchange,
    on: date,
    form: CoverForm | None = None,
) -> tuple[Cover, ...]:
    """What secures a customer's credit on a day, and one line of theirs where it is about one.

    Where a `form` changes the line's cover, it is what will, once the change is in force. Refuses `RateMissing` where a worth cannot be put in the reporting currency.
    """
    found = []
    ids = Customers(session).ids(customer_id)
    guarantors = _Guarantors(session, customer_id, exchange, on)
    for each in _registered(session, customer_id, form):
        content = each.standing
        if content is not None and form is not None and line_id is not None:
            content = form.applied_to(each.cover_id, content, customer_id, line_id)
        part = None if content is None else _secured(content, ids, line_id)
        if content is None or part is None:
            continue
        exchange.reporting(part)
        guarantee = content.kind is CoverKind.GUARANTEE
        found.append(
            Cover(
                cover_id=each.cover_id,
                kind=content.kind,
                value=part,
                share=content.share,
                valued_on=content.valued_on,
                ends_on=content.ends_on,
                free=guarantors.free(each, part, line_id) if guarantee else None,
                circular=guarantee and guarantors.circular(content.owner),
            )
        )
    return *found, *insured_covers(session, customer_id, exchange, on)


def insured_covers(
    session: Session, customer_id: str, exchange: Exchange, on: date
) -> Iterator[Cover]:
    """What insurers cover of a customer on a day. The buyers of an insurance share its liability in
    the order of their limits."""
    for buyer, left in insured_buyers(session, customer_id, on):
        cover = cover_of(buyer, on, left)
        if cover is not None:
            exchange.reporting(cover.value)
            yield cover


def insured_buyers(
    session: Session, customer_id: str, on: date
) -> Iterator[tuple[InsuredBuyer, Money]]:
    """A customer under each insurance that stands, with what is left of its liability for it."""
    for buyer in Insurances(session).of_customer(customer_id):
        if buyer.terms is None:
            continue
        left = buyer.terms.liability_max
        for earlier in Insurances(session).of_insurance(buyer.insurance_id):
            if earlier.limit_id == buyer.limit_id:
                break
            left -= paid_at_most(earlier, on)
        yield buyer, left


def _registered(
    session: Session, customer_id: str, form: CoverForm | None
) -> Iterator[RegisteredCover]:
    """The covers that secure a customer, or will by a form."""
    known = Covers(session).of_customer(customer_id)
    yield from known
    ids = {each.cover_id for each in known}
    for added in form.added if form is not None else ():
        cover = None if added.cover_id in ids else Covers(session).find(added.cover_id)
        if cover is not None:
            yield cover


class _Guarantors:
    """What the guarantors of one customer can still answer for, each looked up once; records of one
    customer are one."""

    def __init__(self, session: Session, customer_id: str, exchange: Exchange, on: date) -> None:
        self._session = session
        self._customers = Customers(session)
        self._customer_id = self._customers.survivor(customer_id)
        self._ids = self._customers.ids(customer_id)
        self._exchange = exchange
        self._on = on
        self._answered: set[tuple[str, str]] | None = None
        self._shares: dict[str, dict[tuple[str, str, str | None], Money]] = {}

    def free(self, guarantee: RegisteredCover, part: Money, line_id: str | None) -> Money:
        """Of the part that secures the customer, what the guarantor can bear, rounded down."""
        owner = self._customers.survivor(guarantee.newest.content.owner)
        if owner not in self._shares:
            self._shares[owner] = self._shares_of(owner)
        borne = [
            self._shares[owner].get((guarantee.cover_id, secured, line))
            for secured in self._ids
            for line in {None, line_id}
        ]
        reporting, whole = self._exchange.reporting_sum(filter(None, borne)), part
        asked = self._exchange.reporting(whole)
        if not asked or reporting >= asked:
            return whole
        with localcontext(EXACT):
            return whole.share(reporting.ratio_to(asked))

    def circular(self, guarantor: str) -> bool:
        if self._answered is None:
            self._answered = self._answers_from(self._customer_id)
        one = self._customers.survivor(guarantor)
        return in_a_circle(one, self._customer_id, self._answered)

    def _shares_of(self, owner: str) -> dict[tuple[str, str, str | None], Money]:
        """What a guarantor can bear of each use of its guarantees, in the reporting currency.

        It is judged as the newest valuation has it, less what it owes us itself.
        """
        given = _in_force(Covers(self._session).guarantees_of([owner]), self._on)
        newest = max(
            given, key=lambda each: (each[1].valued_on or date.min, each[0]), default=(None, None)
        )[1]
        if newest is None or newest.capacity is None:
            return {}
        owed = [
            *Lines(self._session).limits_of([owner]),
            *Letters(self._session).commitments_of([owner]),
        ]
        capacity = self._exchange.reporting(newest.capacity)
        capacity -= self._exchange.reporting_sum(limit for _, limit in owed)
        asked = [
            ((cover_id, *use.secured), self._exchange.reporting(part))
            for cover_id, content in given
            for use, part in content.taken()
        ]
        shares = shares_of_capacity(capacity, [amount for _, amount in asked])
        return {place: part for (place, _), part in zip(asked, shares, strict=True)}

    def _answers_from(self, customer_id: str) -> set[tuple[str, str]]:
        """Who answers for whom, as far as it leads on from a customer: by the register and by the
        links of related parties."""
        answers: set[tuple[str, str]] = set()
        reached: set[str] = set()
        following = {customer_id}
        while following:
            reached |= following
            given = _in_force(Covers(self._session).guarantees_of(following), self._on)
            named = [(each.owner, use.customer_id) for _, each in given for use in each.uses]
            one = self._customers.survivors(party_id for pair in named for party_id in pair)
            told = {(one[holder], one[subject]) for holder, subject in named}
            told |= {
                (link.holder, link.subject)
                for party_id in sorted(following)
                for link in Parties(self._session).links_around(party_id)
                if link.kind is LinkKind.GUARANTEES and link.holds_on(self._on)
            }
            answers |= told
            following = {subject for _, subject in told} - reached
        return answers


def _in_force(guarantees: Iterable[RegisteredCover], on: date) -> list[tuple[str, CoverContent]]:
    return [
        (each.cover_id, each.standing)
        for each in guarantees
        if each.standing is not None and (each.standing.ends_on or on) >= on
    ]


def _secured(
    content: CoverContent, customer_ids: Collection[str], line_id: str | None
) -> Money | None:
    """What of a cover secures a customer's credit, or None; what is set aside for another line of
    theirs secures that one alone."""
    parts = [
        part
        for use, part in content.taken()
        if use.customer_id in customer_ids and use.line_id in (None, line_id)
    ]
    return sum(parts[1:], parts[0]) if parts else None
