"""What may be asked of statements: enter one, read what counts, read what was said before."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal, localcontext

from sqlalchemy.orm import Session

from domain.customer import Customer
from domain.edition import PolicyEdition
from domain.errors import NotFound, RateMissing
from domain.identity import Person
from domain.statement import Statement, StatementContent
from domain.value import Value
from policies.formula import EXACT
from policies.provenance import counted, differences, provenance_text, ranked
from policies.spreading import PAYMENT_NAMES, Scope
from storage.attachment import Attachments
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions
from storage.exchange import Rates
from storage.receivable import Receivables
from storage.statement import Statements
from web.service.clock import Clock
from web.service.customer import visible_customer
from web.service.permissions import Action, permit, visible_to

_YEARS_MAX = 20
_OF_THE_CUSTOMER = ("years_established", "employees", "statement_years", "statement_age_days")


class OtherAccount(Value):
    """An account of a period that does not count; each difference is what counts, then this."""

    statement: Statement
    provenance: str  # scope, audit, opinion and standard, as codes
    differences: dict[str, tuple[str, str]]


class Accounts(Value):
    """The accounts of one period: the one that counts, and each beside it with what differs."""

    period_end_on: date
    counted: Statement
    provenance: str
    others: tuple[OtherAccount, ...] = ()


class FactorRow(Value):
    """One customer's figures as of a day, under an edition; None where an input is missing."""

    customer_id: str
    as_of: date
    edition_hash: str
    segment: str
    industry: str
    figures: dict[str, Decimal | None]


class StatementService:
    """Statements, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def record(self, person: Person, customer_id: str, content: StatementContent) -> Statement:
        """Enter a statement as its period's newest version, with what follows from it derived.

        Refuses `StatementUnbalanced`, `StatementInFuture`, `FigureNegative`, and `NotFound` for a
        source document that is not on file.
        """
        permit(person, Action.STATEMENT_RECORD)
        statement = Statement(
            **content.model_dump(exclude={"source_hash"}),
            customer_id=customer_id,
            source=content.source_hash or f"entered by {person.person_id}",
        )
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            if content.source_hash is not None:
                Attachments(session).read(content.source_hash)
            return Statements(session).record(
                statement,
                business_on=self._clock.business_on(),
                recorded_by=person.person_id,
            )

    def list_statements(
        self, person: Person, customer_id: str, until: date | None = None
    ) -> Sequence[Statement]:
        """The account that counts of each period, oldest period first: by the word of the edition
        in force, as a judgement has it; the consolidated one before there is any edition."""
        permit(person, Action.STATEMENT_READ)
        on = until or self._clock.business_on()
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            edition = Editions(session).find_current(on)
            if edition is None:
                return Statements(session).find_newest(customer_id, until=until)
            return _counted(session, customer_id, edition, on)

    def list_accounts(self, person: Person, customer_id: str) -> Sequence[Accounts]:
        """What differs between the accounts of each period, newest period first.

        Which of them counts is the word of the edition in force; `NotFound` where there is none.
        """
        permit(person, Action.STATEMENT_READ)
        on = self._clock.business_on()
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            edition = Editions(session).find_current(on)
            if edition is None:
                raise NotFound(kind="policy edition in force", id=on.isoformat())
            found = Statements(session).find_accounts(customer_id, until=on, years=_YEARS_MAX)
        return [_accounts_of(of_period) for of_period in reversed(ranked(found, edition))]

    def list_versions(
        self,
        person: Person,
        customer_id: str,
        period_end_on: date,
        *,
        consolidated: bool = False,
    ) -> Sequence[Statement]:
        """Every version of one period, oldest first; `NotFound` where there is none."""
        permit(person, Action.STATEMENT_READ)
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            versions = Statements(session).versions(
                customer_id, period_end_on, consolidated=consolidated
            )
        if not versions:
            raise NotFound(kind="statement", id=f"{customer_id} {period_end_on}")
        return versions

    def list_factors(
        self, person: Person, *, after: str | None = None, page_size: int = 50
    ) -> Sequence[FactorRow]:
        """The factors of the customers in the person's scope, by id, from above `after`.

        Refuses `NotFound` where no edition is in force.
        """
        permit(person, Action.STATEMENT_READ)
        on = self._clock.business_on()
        with self._records.begin() as session:
            edition = Editions(session).find_current(on)
            if edition is None:
                raise NotFound(kind="edition", id="in force")
            found = Customers(session).find_page(
                after=after, page_size=page_size, manager_id=visible_to(person).manager_id
            )
            return [_factors_of(session, customer, edition, on) for customer in found]


def _accounts_of(of_period: Sequence[Statement]) -> Accounts:
    best, *others = of_period
    return Accounts(
        period_end_on=best.period_end_on,
        counted=best,
        provenance=provenance_text(best),
        others=tuple(
            OtherAccount(
                statement=other,
                provenance=provenance_text(other),
                differences=differences(best, other),
            )
            for other in others
        ),
    )


def _counted(
    session: Session, customer_id: str, edition: PolicyEdition, on: date
) -> tuple[Statement, ...]:
    accounts = Statements(session).find_accounts(customer_id, until=on, years=_YEARS_MAX)
    return counted(accounts, edition)[0]


def _factors_of(
    session: Session, customer: Customer, edition: PolicyEdition, on: date
) -> FactorRow:
    statements = _counted(session, customer.customer_id, edition, on)
    payments = Receivables(session).payment_record(
        customer.customer_id,
        as_of=on,
        window_days=edition.payments.window_days,
        currency=edition.reporting_currency,
    )
    currency = statements[-1].currency if statements else edition.reporting_currency
    with localcontext(EXACT):
        scope = Scope(
            edition,
            customer,
            statements,
            on,
            payments=payments,
            rate=_rate(session, currency, edition, on),
        )
        codes = (*edition.spreading.figures, *sorted(PAYMENT_NAMES), *_OF_THE_CUSTOMER)
        figures = {code: scope.rounded(code) for code in codes}
    return FactorRow(
        customer_id=customer.customer_id,
        as_of=on,
        edition_hash=edition.edition_hash,
        segment=customer.segment.value,
        industry=str(customer.industry),
        figures=figures,
    )


def _rate(session: Session, currency: str, edition: PolicyEdition, on: date) -> Decimal | None:
    """The rate to the reporting currency; None where there is none, so that sizes are missing."""
    if currency == edition.reporting_currency:
        return Decimal(1)
    try:
        return Rates(session).read(currency, edition.reporting_currency, on=on).rate
    except RateMissing:
        return None
