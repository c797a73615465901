"""What may be asked of the register of cover: record it, confirm it, and see what counts.

A cover is seen by whoever sees a customer it secures; how much of it secures customers one does not
see is a sum to them.
"""

from collections.abc import Iterable
from datetime import date

from sqlalchemy.orm import Session

from activities.cover import covers_of
from activities.exchange import Exchange
from activities.line_cover import follow_register, secured_by
from domain.assessment import CoverStep
from domain.cover import CoverContent, RegisteredCover
from domain.edition import PolicyEdition
from domain.errors import DateInFuture, Malformed, NotFound, NotPermitted
from domain.identity import Id, Person
from domain.money import Money, money_sum
from domain.value import Value
from policies.cover import steps
from storage.attachment import Attachments
from storage.base import Records
from storage.cover import Covers
from storage.customer import Customers
from storage.edition import Editions
from storage.line import Lines
from storage.party import Parties
from web.service.clock import Clock
from web.service.customer import visible_customer
from web.service.ids import new_id
from web.service.permissions import Action, permit, visible_to


class CoverView(Value):
    """A cover as a person sees it: what was said last, what stands, and who says so.

    `uses` of either name only customers that the person sees; `secures_others` is what secures
    more than those.
    """

    cover_id: Id
    version: int
    content: CoverContent
    standing: CoverContent | None
    pending: bool
    recorded_by: Id
    checked_by: Id | None
    confirmed: bool | None
    note: str
    secures_others: Money


class CustomerCovers(Value):
    """What is registered for a customer, and what of it counts on a day for its credit."""

    customer_id: Id
    as_of: date
    covers: tuple[CoverView, ...]
    counts: tuple[CoverStep, ...]
    uplift: Money


class CoverService:
    """The register, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def record(
        self, person: Person, content: CoverContent, cover_id: str | None = None
    ) -> CoverView:
        """Put a cover on record, under an id of the caller's where one is given.

        It counts when a second person has confirmed it. Refuses `NotFound` for an owner that is
        neither a party nor a customer, a customer, line or evidence that is not there,
        `DateInFuture` and `CoverOverused`.
        """
        return self._record(person, content, cover_id or new_id())

    def update(self, person: Person, cover_id: str, content: CoverContent) -> CoverView:
        """What is known of a cover now: what lowers it counts at once, what raises it, or lets go
        of what is secured, when a second person has confirmed it.

        Refuses as `record` does, and `NotPermitted` where it secures customers of others.
        """
        return self._record(person, content, cover_id, known=True)

    def _record(
        self, person: Person, content: CoverContent, cover_id: str, *, known: bool = False
    ) -> CoverView:
        permit(person, Action.COVER_RECORD)
        today = self._clock.business_on()
        if content.valued_on is not None and content.valued_on > today:
            raise DateInFuture(field="valued_on", date=content.valued_on, business_on=today)
        with self._records.begin() as session:
            before = Covers(session).find(cover_id)
            if known and before is None:
                raise NotFound(kind="cover", id=cover_id)
            if before is not None and not self._sees_all(session, person, before):
                raise NotPermitted(action=Action.COVER_RECORD)
            _refuse_unknown(session, person, content)
            cover = Covers(session).record(cover_id, content, person.person_id)
            self._follow(session, before, cover)
            return self._view(session, person, cover)

    def check(
        self, person: Person, cover_id: str, version: int, *, confirmed: bool, note: str = ""
    ) -> CoverView:
        """Confirm what another recorded, or say why not; the newest version alone."""
        permit(person, Action.COVER_CHECK)
        if not confirmed and not note.strip():
            raise Malformed(reason="a note has to say why the cover is not confirmed")
        with self._records.begin() as session:
            before = Covers(session).find(cover_id)
            cover = Covers(session).check(
                cover_id, version, person.person_id, confirmed=confirmed, note=note
            )
            self._follow(session, before, cover)
            return self._view(session, person, cover)

    def read(self, person: Person, cover_id: str) -> CoverView:
        """One cover; `NotFound` where the person neither recorded it nor sees whom it secures."""
        permit(person, Action.COVER_READ)
        with self._records.begin() as session:
            cover = Covers(session).read(cover_id)
            view = self._view(session, person, cover)
            own = person.person_id == view.recorded_by
            if visible_to(person).manager_id is not None and not (own or view.content.uses):
                raise NotFound(kind="cover", id=cover_id)
            return view

    def list_of_customer(
        self,
        person: Person,
        customer_id: str,
        as_of: date | None = None,
        line_id: str | None = None,
    ) -> CustomerCovers:
        """What is registered for a customer and what counts on a day: for any credit of theirs, and
        for one line where it is named.

        Refuses `NotFound`, and `RateMissing` where a worth cannot be put in the reporting currency.
        """
        permit(person, Action.COVER_READ)
        on = as_of or self._clock.business_on()
        with self._records.begin() as session:
            customer_id = visible_customer(session, person, customer_id).customer_id
            edition = _edition_on(session, on)
            exchange = Exchange(session, edition, on)
            covers = covers_of(session, customer_id, line_id, exchange, on)
            counts = steps(covers, exchange.rates_used, on, edition)
            views = tuple(
                self._view(session, person, each)
                for each in Covers(session).of_customer(customer_id)
            )
        return CustomerCovers(
            customer_id=customer_id,
            as_of=on,
            covers=views,
            counts=counts,
            uplift=money_sum((each.uplift for each in counts), edition.reporting_currency),
        )

    def list_pending(self, person: Person) -> tuple[CoverView, ...]:
        """Covers that wait for a second person, oldest first."""
        permit(person, Action.COVER_CHECK)
        with self._records.begin() as session:
            return tuple(self._view(session, person, each) for each in Covers(session).pending())

    def _follow(
        self, session: Session, before: RegisteredCover | None, after: RegisteredCover
    ) -> None:
        """The lines that rest on a cover follow what stands of it now."""
        contents = (before.standing if before is not None else None, after.standing)
        if contents[0] != contents[1]:
            secured = secured_by(session, contents)
            follow_register(session, secured, self._clock.business_on())

    def _view(self, session: Session, person: Person, cover: RegisteredCover) -> CoverView:
        newest = cover.newest
        contents = [each for each in (newest.content, cover.standing) if each is not None]
        seen = _seen(session, person, contents)
        hidden = (use.amount for use in newest.content.uses if use.customer_id not in seen)
        return CoverView(
            cover_id=cover.cover_id,
            version=newest.version,
            content=_within(newest.content, seen),
            standing=None if cover.standing is None else _within(cover.standing, seen),
            pending=newest.pending,
            recorded_by=newest.recorded_by,
            checked_by=newest.checked_by,
            confirmed=newest.confirmed,
            note=newest.note,
            secures_others=money_sum(hidden, newest.content.value.currency),
        )

    def _sees_all(self, session: Session, person: Person, cover: RegisteredCover) -> bool:
        contents = [each for each in (cover.newest.content, cover.standing) if each is not None]
        secured = {use.customer_id for each in contents for use in each.uses}
        return secured <= _seen(session, person, contents)


def _seen(session: Session, person: Person, contents: Iterable[CoverContent]) -> set[str]:
    """Those of the customers that are secured whom the person sees."""
    owner = visible_to(person).manager_id
    known = Customers(session).find_many(
        {use.customer_id for content in contents for use in content.uses}
    )
    return {each for each, customer in known.items() if owner in (None, customer.manager_id)}


def _within(content: CoverContent, seen: set[str]) -> CoverContent:
    uses = tuple(use for use in content.uses if use.customer_id in seen)
    return content.model_copy(update={"uses": uses})


def _refuse_unknown(session: Session, person: Person, content: CoverContent) -> None:
    owner = content.owner
    if not {*Customers(session).find_many([owner]), *Parties(session).find_many([owner])}:
        raise NotFound(kind="party", id=owner)
    for use in content.uses:
        visible_customer(session, person, use.customer_id)
        if use.line_id is not None:
            line = Lines(session).find(use.line_id)
            if line is None or line.customer_id not in Customers(session).ids(use.customer_id):
                raise NotFound(kind="line", id=use.line_id)
    if content.evidence_hash is not None:
        Attachments(session).read(content.evidence_hash)


def _edition_on(session: Session, on: date) -> PolicyEdition:
    edition = Editions(session).find_current(on)
    if edition is None:
        raise NotFound(kind="policy edition in force", id=on.isoformat())
    return edition
