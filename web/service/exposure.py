"""What may be asked of exposure: checks, reservations, use and repayment, and the book of a line.

A check and a reservation are one round trip to the database; nothing here passes a workflow.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from domain.customer import Customer
from domain.edition import PolicyEdition
from domain.errors import Malformed, NotFound
from domain.exposure import Balance, Entry, Movement, OpenReservation, Proof
from domain.identity import Person
from domain.money import Money
from domain.terms import PaymentTerms, RankedTerms
from domain.value import Value
from policies.line import reservation_seconds
from policies.terms import ranked, terms_asked
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions
from storage.exposure import Exposure
from storage.line import Lines
from storage.recheck import owe_recheck_of_line
from web.service.clock import Clock
from web.service.ids import new_id
from web.service.permissions import Action, permit, visible_to

EXPIRY_DAYS_MAX = 400
TERMS_KEPT_MAX = 1000


class Book(Value):
    """Where a line stands, its customer and group after it, and a page of its entries, newest first."""

    balances: tuple[Balance, ...]
    entries: tuple[Entry, ...]


class ExposureService:
    """The book, over one memory."""

    def __init__(self, records: Records, exposure: Exposure, clock: Clock) -> None:
        self._records = records
        self._exposure = exposure
        self._clock = clock
        self._today: tuple[date, PolicyEdition | None] | None = None
        self._terms: dict[PaymentTerms | str, RankedTerms] = {}  # as today's edition ranks them

    def check(
        self,
        person: Person,
        customer_id: str,
        amount: Money,
        key: str | None = None,
        *,
        expires_at: datetime | None = None,
        terms: PaymentTerms | str | None = None,
    ) -> Movement:
        """Whether a customer may be lent an amount now; with a key it is reserved at once.

        An order may say its terms, by a code of the edition or as a rule. Refuses `NoLine`,
        `OverLimit` with the headroom and the account that binds, `TermsExceeded` where the terms
        rank worse than those approved, and whatever the line's standing refuses; a refusal stands
        under its key as a grant does.
        """
        permit(person, Action.LINE_CHECK)
        self._refuse_unseen(person, customer_id)
        on, asked = self._clock.business_on(), self._ranked(terms)
        if key is None:
            return self._exposure.check(customer_id, amount, business_on=on, terms=asked)
        return self._exposure.check(
            customer_id,
            amount,
            key_of(person, key),
            business_on=on,
            expires_at=self._expires_at(expires_at),
            posted_by=person.person_id,
            terms=asked,
        )

    def reserve(
        self,
        person: Person,
        line_id: str,
        amount: Money,
        key: str | None = None,
        *,
        expires_at: datetime | None = None,
    ) -> Movement:
        """Take an amount from a line; without a time of its own it expires as policy says."""
        permit(person, Action.LINE_RESERVE)
        return self._exposure.reserve(
            line_id,
            amount,
            key_of(person, key),
            business_on=self._clock.business_on(),
            expires_at=self._expires_at(expires_at),
            posted_by=person.person_id,
        )

    def commit(
        self,
        person: Person,
        line_id: str,
        reservation_id: str,
        key: str | None = None,
        *,
        amount: Money | None = None,
    ) -> Movement:
        """A reservation becomes use, wholly or for less; what is less returns at once."""
        permit(person, Action.LINE_COMMIT)
        return self._exposure.commit(
            line_id,
            _reservation(reservation_id),
            key_of(person, key),
            amount=amount,
            business_on=self._clock.business_on(),
            posted_by=person.person_id,
        )

    def release(
        self, person: Person, line_id: str, reservation_id: str, key: str | None = None
    ) -> Movement:
        """A reservation is given back."""
        permit(person, Action.LINE_RELEASE)
        moved = self._exposure.release(
            line_id,
            _reservation(reservation_id),
            key_of(person, key),
            business_on=self._clock.business_on(),
            posted_by=person.person_id,
        )
        return self._freed(moved)

    def repay(
        self, person: Person, line_id: str, amount: Money, key: str | None = None
    ) -> Movement:
        """Use is paid back, up to what is used, whatever the line's standing."""
        permit(person, Action.LINE_REPAY)
        moved = self._exposure.repay(
            line_id,
            amount,
            key_of(person, key),
            business_on=self._clock.business_on(),
            posted_by=person.person_id,
        )
        return self._freed(moved)

    def _freed(self, moved: Movement) -> Movement:
        """What came free may be what an order waits for. Should we die before it is owed, the next
        regular look at waiting orders finds it."""
        with self._records.begin() as session:
            key = f"movement/{moved.entry_id}"
            owe_recheck_of_line(session, key, moved.kind.value, moved.line_id)
        return moved

    def read_book(
        self,
        person: Person,
        line_id: str,
        *,
        before_seq: int | None = None,
        page_size: int = 50,
    ) -> Book:
        """Balances and a page of entries, from below `before_seq`."""
        permit(person, Action.LINE_READ)
        self._refuse_unseen_line(person, line_id)
        return Book(
            balances=self._exposure.balances(line_id),
            entries=tuple(
                self._exposure.entries(line_id, before_seq=before_seq, page_size=page_size)
            ),
        )

    def list_reservations(self, person: Person, line_id: str) -> Sequence[OpenReservation]:
        """What is reserved on a line and not ended, newest first."""
        permit(person, Action.LINE_READ)
        self._refuse_unseen_line(person, line_id)
        return self._exposure.open_reservations(line_id)

    def verify(self, person: Person) -> Proof:
        """Read the whole book again and prove every balance from it."""
        permit(person, Action.LEDGER_VERIFY)
        return self._exposure.verify()

    def _expires_at(self, asked: datetime | None) -> datetime | None:
        now = self._clock.now()
        if asked is None:
            lasts = self._reservation_lasts()
            return now + lasts if lasts is not None else None
        if asked.tzinfo is None or not now < asked <= now + timedelta(days=EXPIRY_DAYS_MAX):
            raise Malformed(reason="expires_at has to be an instant to come, with its zone")
        return asked

    def _reservation_lasts(self) -> timedelta | None:
        """How long today's edition lets a reservation hold."""
        edition = self._edition()
        return timedelta(seconds=reservation_seconds(edition)) if edition is not None else None

    def _ranked(self, said: PaymentTerms | str | None) -> RankedTerms | None:
        """An order's terms with their rank; those said before today are looked up."""
        if said is None:
            return None
        edition = self._edition()
        if edition is None:
            day = self._clock.business_on().isoformat()
            raise NotFound(kind="policy edition in force", id=day)
        found = self._terms.get(said)
        if found is None:
            found = ranked(terms_asked(said, edition), edition)
            if len(self._terms) < TERMS_KEPT_MAX:
                self._terms[said] = found
        return found

    def _edition(self) -> PolicyEdition | None:
        """Today's edition, read once a business day."""
        on = self._clock.business_on()
        if self._today is None or self._today[0] != on:
            with self._records.begin() as session:
                self._today = (on, Editions(session).find_current(on))
            self._terms = {}
        return self._today[1]

    def _refuse_unseen(self, person: Person, customer_id: str) -> None:
        """A round trip more, for those alone who do not see every customer."""
        manager_id = visible_to(person).manager_id
        if manager_id is None:
            return
        with self._records.begin() as session:
            customer: Customer | None = Customers(session).find(customer_id)
        if customer is None or customer.manager_id != manager_id:
            raise NotFound(kind="customer", id=customer_id)

    def _refuse_unseen_line(self, person: Person, line_id: str) -> None:
        manager_id = visible_to(person).manager_id
        if manager_id is None:
            return
        with self._records.begin() as session:
            line = Lines(session).read(line_id)
            if Customers(session).read(line.customer_id).manager_id != manager_id:
                raise NotFound(kind="line", id=line_id)


def key_of(person: Person, key: str | None) -> str:
    """Whoever asks has keys of their own; a request without one is asked once."""
    return f"{person.person_id}/{key if key is not None else new_id()}"


def _reservation(reservation_id: str) -> str:
    """A reservation's id, or `NotFound` for a text that can be none."""
    plain = reservation_id.replace("-", "")
    if len(plain) != 32 or not all(each in "0123456789abcdefABCDEF" for each in plain):
        raise NotFound(kind="reservation", id=reservation_id)
    return reservation_id
