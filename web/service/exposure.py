"""What may be asked of exposure: checks, reservations, use and repayment, and the book of a line.

A check and a reservation are one round trip to the database; nothing here passes a workflow.
"""

import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from pydantic import Field

from activities.use import find_marked
from domain.edition import PolicyEdition
from domain.errors import (
    AmountNotPositive,
    CurrencyMismatch,
    DateInFuture,
    Malformed,
    NotFound,
    UseNeedsApproval,
)
from domain.exposure import (
    PLAIN,
    Balance,
    Entry,
    Limit,
    LineExposure,
    Movement,
    OpenReservation,
    Proof,
    ProofPlace,
    Use,
    takeable,
)
from domain.identity import Id, Person
from domain.money import Money
from domain.terms import PaymentTerms, RankedTerms
from domain.use import USES_AT
from domain.value import Value
from policies.line import reservation_seconds
from policies.scheme import net_exposure, refuse_exchange
from policies.terms import ranked, terms_asked
from policies.use import marked, rows_for
from storage.base import Records
from storage.edition import Editions
from storage.exposure import Accounts, Exposure, ExposureParts, PastExposure
from storage.line import Lines
from web.service.clock import Clock
from web.service.customer import refuse_unseen, visible_customer
from web.service.ids import new_id
from web.service.permissions import Action, permit, visible_to

EXPIRY_DAYS_MAX = 400
TERMS_KEPT_MAX = 1000
PRODUCT_KEPT = timedelta(minutes=10)
PRODUCTS_KEPT_MAX = 100_000


class Book(Value):
    """Where a line stands, its customer and group after it, and a page of its entries, newest first."""

    balances: tuple[Balance, ...]
    entries: tuple[Entry, ...]


class UseAsked(Value):
    """What an order says beside its amount: of which product and for what, which deposit (保证金) it
    brings, and when it is due.

    With a product or a deposit the amount is what is lent by name (名义金额): what it takes of the
    limit is that less the deposit, times the product's conversion factor, rounded up (敞口).
    """

    product: str | None = Field(default=None, min_length=1, max_length=60)
    purpose: str | None = Field(default=None, min_length=1, max_length=400)
    deposit: Money | None = None
    due_on: date | None = None


class AsOf(Value):
    """Where a line stood at the end of a day, as it was known at an instant."""

    line_id: Id
    on: date
    known_at: datetime
    limit: Limit
    reserved: Money
    used: Money
    headroom: Money | None  # of the line alone
    decision_id: str
    limited_on: date


_PLAIN = UseAsked()


class ExposureService:
    """The book, over one memory."""

    def __init__(self, records: Records, exposure: Exposure, clock: Clock) -> None:
        self._records = records
        self._exposure = exposure
        self._clock = clock
        self._today: tuple[date, PolicyEdition | None] | None = None
        self._products: dict[
            tuple[str | None, str | None, str], tuple[datetime, str | None, str | None]
        ] = {}
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
        use: UseAsked = _PLAIN,
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
        taken, fits = self._taken(amount, use)
        self._refuse_marked(None, customer_id, amount, use)
        if key is None:
            return self._exposure.check(customer_id, taken, business_on=on, terms=asked, use=fits)
        return self._exposure.check(
            customer_id,
            taken,
            key_of(person, key),
            business_on=on,
            expires_at=self._expires_at(expires_at),
            posted_by=person.person_id,
            terms=asked,
            use=fits,
        )

    def reserve(
        self,
        person: Person,
        line_id: str,
        amount: Money,
        key: str | None = None,
        *,
        expires_at: datetime | None = None,
        use: UseAsked = _PLAIN,
    ) -> Movement:
        """Take an amount from a line; without a time of its own it expires as policy says."""
        permit(person, Action.LINE_RESERVE)
        taken, fits = self._taken(amount, use)
        self._refuse_marked(line_id, None, amount, use)
        return self._exposure.reserve(
            line_id,
            taken,
            key_of(person, key),
            business_on=self._clock.business_on(),
            expires_at=self._expires_at(expires_at),
            posted_by=person.person_id,
            use=fits,
        )

    def commit(
        self,
        person: Person,
        line_id: str,
        reservation_id: str,
        key: str | None = None,
        *,
        amount: Money | None = None,
        keep_rest: bool = False,
    ) -> Movement:
        """A reservation becomes use, wholly or for less; what is less returns at once, or stays
        reserved for what is still to come."""
        permit(person, Action.LINE_COMMIT)
        return self._exposure.commit(
            line_id,
            _reservation(reservation_id),
            key_of(person, key),
            amount=amount,
            keep_rest=keep_rest,
            business_on=self._clock.business_on(),
            posted_by=person.person_id,
        )

    def release(
        self,
        person: Person,
        line_id: str,
        reservation_id: str,
        key: str | None = None,
        *,
        amount: Money | None = None,
    ) -> Movement:
        """A reservation is given back; of an amount, the rest stays reserved."""
        permit(person, Action.LINE_RELEASE)
        return self._exposure.release(
            line_id,
            _reservation(reservation_id),
            key_of(person, key),
            amount=amount,
            business_on=self._clock.business_on(),
            posted_by=person.person_id,
        )

    def split(
        self,
        person: Person,
        line_id: str,
        reservation_id: str,
        parts: Sequence[Money],
        key: str | None = None,
    ) -> Movement:
        """A reservation becomes several, each ended by itself; what they do not hold returns."""
        permit(person, Action.LINE_RELEASE)
        return self._exposure.split(
            line_id,
            _reservation(reservation_id),
            parts,
            key_of(person, key),
            business_on=self._clock.business_on(),
            posted_by=person.person_id,
        )

    def repay(
        self,
        person: Person,
        line_id: str,
        amount: Money,
        key: str | None = None,
        *,
        product: str | None = None,
        value_on: date | None = None,
        nominal: Money | None = None,
    ) -> Movement:
        """Use is paid back, up to what is used, whatever the line's standing.

        `nominal` is what ends by name, deposits and all: in proportion where it is not said, and
        with it the amount may be nothing, as of what a deposit covers wholly. `value_on` is the day it
        counts from (起息日), today where it is not said; refuses
        `DateInFuture`.
        """
        permit(person, Action.LINE_REPAY)
        return self._exposure.repay(
            line_id,
            amount,
            key_of(person, key),
            product=product,
            nominal=takeable(nominal) if nominal is not None else None,
            business_on=self._valued("value_on", value_on),
            posted_by=person.person_id,
        )

    def deposit(
        self,
        person: Person,
        line_id: str,
        amount: Money,
        key: str | None = None,
        *,
        product: str | None = None,
        back: bool = False,
    ) -> Movement:
        """A deposit is topped up, and headroom with it; or given `back`, where there is headroom.

        What moves of the limit is the amount times the product's conversion factor, rounded so that
        exposure is never understated.
        """
        permit(person, Action.LINE_RESERVE if back else Action.LINE_REPAY)
        moved = takeable(amount)
        if product is not None:
            factor = self._read_edition().product(product).conversion_factor
            moved = -((-amount).share(factor)) if back else amount.share(factor)
        move = self._exposure.give_back_deposit if back else self._exposure.deposit
        return move(
            line_id,
            moved,
            key_of(person, key),
            product=product,
            business_on=self._clock.business_on(),
            posted_by=person.person_id,
        )

    def exchange(
        self,
        person: Person,
        line_id: str,
        source: str,
        target: str,
        amount: Money,
        key: str | None = None,
    ) -> tuple[Balance, ...]:
        """Move free limit between two sub-lines of a line (额度调剂); what they stand at then.

        The sum stays. Refuses `ExchangeRefused` where the catalogue does not let one of the two be
        exchanged or a product that promises would feed one that pays out, `OverLimit` where less
        than the amount is free, `NotFound`, `KeyReused`.
        """
        permit(person, Action.LINE_EXCHANGE)
        takeable(amount)
        edition, on = self._read_edition(), self._clock.business_on()
        message_id = f"{line_id}/exchange/{key_of(person, key)}"
        with self._records.begin() as session:
            Lines(session).read(line_id)
            refuse_exchange(source, target, edition)
            Accounts(session).move_limit(
                line_id,
                source,
                target,
                amount,
                key=message_id,
                business_on=on,
                posted_by=person.person_id,
            )
            Lines(session).post_event(
                line_id,
                message_id,
                "limit_exchanged",
                at=self._clock.now(),
                person_id=person.person_id,
                given_by=source,
                taken_by=target,
                amount=str(amount),
            )
            return tuple(balance for balance, _ in Accounts(session).sub_lines(line_id, on))

    def read_as_of(
        self, person: Person, line_id: str, on: date, known_at: datetime | None = None
    ) -> AsOf:
        """Where a line stood at the end of a day by value, as it was known at an instant (now).

        `NotFound` where the line was not open, or nobody knew of it then; `DateInFuture` for an
        instant to come.
        """
        permit(person, Action.LINE_READ)
        self._refuse_unseen_line(person, line_id)
        now = self._clock.now()
        if known_at is not None and (known_at.tzinfo is None or known_at > now):
            raise DateInFuture(field="known_at", date=known_at, business_on=now)
        with self._records.begin() as session:
            found = PastExposure(session).balances([line_id], on, known_at or now).get(line_id)
        if found is None:
            raise NotFound(kind="balance of the day", id=f"{line_id} {on}")
        return AsOf(
            line_id=line_id,
            on=on,
            known_at=known_at or now,
            limit=found.limit,
            reserved=found.reserved,
            used=found.used,
            headroom=found.headroom,
            decision_id=found.decision_id,
            limited_on=found.limited_on,
        )

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
            balances=self._exposure.balances(line_id, self._clock.business_on()),
            entries=tuple(
                self._exposure.entries(line_id, before_seq=before_seq, page_size=page_size)
            ),
        )

    def read_parts(self, person: Person, line_id: str) -> LineExposure:
        """What a line's exposure is the sum of, bucket by bucket, each with its documents."""
        permit(person, Action.LINE_READ)
        self._refuse_unseen_line(person, line_id)
        with self._records.begin() as session:
            return ExposureParts(session).read(line_id)

    def list_reservations(self, person: Person, line_id: str) -> Sequence[OpenReservation]:
        """What is reserved on a line and not ended, newest first."""
        permit(person, Action.LINE_READ)
        self._refuse_unseen_line(person, line_id)
        return self._exposure.open_reservations(line_id)

    def verify(self, person: Person) -> Proof:
        """Read the whole book again and prove every balance from it."""
        permit(person, Action.LEDGER_VERIFY)
        return self._exposure.verify()

    def verify_on(
        self, person: Person, place: ProofPlace, *, seconds: float = 5
    ) -> tuple[ProofPlace, Proof | None]:
        """Go on with a proof for some seconds, one step at least: how far it is then, and what it
        says once it is done."""
        permit(person, Action.LEDGER_VERIFY)
        until = time.monotonic() + seconds
        for each in self._exposure.verifying(place):
            place = each
            if time.monotonic() >= until:
                break
        return place, self._exposure.proof_of(place) if place.done else None

    def _taken(self, amount: Money, use: UseAsked) -> tuple[Money, Use]:
        """What a use takes of the limit, and what it says of itself to the book."""
        if use == _PLAIN:
            return amount, PLAIN
        deposit = use.deposit or Money.zero(amount.currency)
        if deposit.currency != amount.currency:
            raise CurrencyMismatch(first=amount.currency, second=deposit.currency)
        if deposit.minor < 0:
            raise AmountNotPositive(amount=deposit)
        takeable(amount)
        taken = max(amount - deposit, Money.zero(amount.currency))
        if use.product is not None:
            taken = net_exposure(amount, deposit, use.product, self._read_edition())
        named = amount if taken != amount else None
        return taken, Use(
            product=use.product,
            purpose=use.purpose,
            nominal=named,
            due_on=use.due_on,
            deposit=use.deposit,
        )

    def _refuse_marked(
        self, line_id: str | None, customer_id: str | None, amount: Money, use: UseAsked
    ) -> None:
        """Nothing, or `UseNeedsApproval`; what the edition does not mark costs no round trip.

        The rows are asked in memory. The records are read only for what an order leaves unsaid and
        a row asks for: which product its line is of, kept for a while, a rate, or a first use.
        """
        edition = self._edition()
        if edition is None or not edition.uses.rows:
            return
        line, product = line_id, use.product
        if product is None:
            line, product = self._line_asked(line_id, customer_id, amount.currency)
        rows = rows_for(product, edition)
        if not rows:
            return
        foreign = amount.currency != edition.reporting_currency
        plain = marked(rows, amount, first=True) if not foreign else rows[0]
        if plain is None:
            return
        line = line or self._line_asked(line_id, customer_id, amount.currency)[0]
        if line is None:
            return  # the book says that there is none
        if foreign or plain.first_use:
            with self._records.begin() as session:
                on = self._clock.business_on()
                plain = find_marked(session, line, product, amount, edition, on)
        if plain is None:
            return
        raise UseNeedsApproval(
            product=product or "-", amount=amount, row=plain.code, line_id=line, where=USES_AT
        )

    def _line_asked(
        self, line_id: str | None, customer_id: str | None, currency: str
    ) -> tuple[str | None, str | None]:
        """The line an order would be taken from and the one product it is of, read once in a while."""
        asked = (line_id, customer_id, currency)
        found = self._products.get(asked)
        now = self._clock.now()
        if found is None or not found[0] <= now < found[0] + PRODUCT_KEPT:
            with self._records.begin() as session:
                on = self._clock.business_on()
                found = (now, *Accounts(session).product_asked(*asked, on))
            if len(self._products) >= PRODUCTS_KEPT_MAX:
                self._products.clear()
            self._products[asked] = found
        return found[1], found[2]

    def _valued(self, field: str, on: date | None) -> date:
        today = self._clock.business_on()
        if on is not None and on > today:
            raise DateInFuture(field=field, date=on, business_on=today)
        return on or today

    def _read_edition(self) -> PolicyEdition:
        edition = self._edition()
        if edition is None:
            day = self._clock.business_on().isoformat()
            raise NotFound(kind="policy edition in force", id=day)
        return edition

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
        edition = self._read_edition()
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
        if visible_to(person).manager_id is None:
            return
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)

    def _refuse_unseen_line(self, person: Person, line_id: str) -> None:
        if visible_to(person).manager_id is None:
            return
        with self._records.begin() as session:
            line = Lines(session).read(line_id)
            refuse_unseen(session, person, line.customer_id, kind="line", id=line_id)


def key_of(person: Person, key: str | None) -> str:
    """Whoever asks has keys of their own; a request without one is asked once."""
    return f"{person.person_id}/{key if key is not None else new_id()}"


def _reservation(reservation_id: str) -> str:
    """A reservation's id, or `NotFound` for a text that can be none."""
    plain = reservation_id.replace("-", "")
    if len(plain) != 32 or not all(each in "0123456789abcdefABCDEF" for each in plain):
        raise NotFound(kind="reservation", id=reservation_id)
    return reservation_id
