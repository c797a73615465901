"""Collecting what a judgement may look at, once, as of a day; the judgement is `policies/`."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from sqlalchemy.orm import Session

from activities.cover import covers_of
from activities.exchange import Exchange
from domain.application import Application
from domain.assessment import (
    BookPosition,
    Dossier,
    Holdings,
    PaymentRecord,
    StatementBeside,
)
from domain.customer import Customer
from domain.edition import PolicyEdition
from domain.errors import RateMissing
from domain.money import Money
from domain.party import RingMember
from domain.statement import Statement
from domain.turnover import InvoiceRecord
from policies.completeness import Completeness, completeness
from policies.concentration import book_position
from policies.provenance import counted
from policies.ring import ring_of
from storage.approval import Letters
from storage.concentration import BookShares
from storage.customer import Customers
from storage.line import Lines
from storage.party import Parties
from storage.receivable import Receivables
from storage.statement import Statements
from storage.vat_invoice import VatInvoices


class File(NamedTuple):
    """What is known of an applicant as of a day, read once."""

    customer: Customer
    statements: tuple[Statement, ...]
    payments: PaymentRecord
    completeness: Completeness
    invoices: InvoiceRecord | None
    statements_beside: tuple[StatementBeside, ...]


# Three years make a trend; two more are kept for whoever reads the receipt.
_STATEMENT_YEARS = 5


def file_of(
    session: Session,
    application: Application,
    edition: PolicyEdition,
    on: date,
    customer: Customer | None = None,
) -> File:
    """What is on file for an application as of a day, and how complete it is."""
    known = customer or Customers(session).read(application.customer_id)
    accounts = Statements(session).find_accounts(
        known.customer_id, until=on, years=_STATEMENT_YEARS
    )
    statements, beside = counted(accounts, edition)
    payments = Receivables(session).payment_record(
        known.customer_id,
        as_of=on,
        window_days=edition.payments.window_days,
        currency=edition.reporting_currency,
    )
    invoices = VatInvoices(session).find_record(known.customer_id, on)
    found = completeness(
        application, statements, known, edition, on, payments=payments, invoices=invoices
    )
    return File(known, statements, payments, found, invoices, beside)


def collect_dossier(
    session: Session,
    application: Application,
    edition: PolicyEdition,
    on: date,
    file: File | None = None,
) -> Dossier:
    """Customer, statements, payments, holdings, cover and rates as of a business day.

    Refuses `NotFound` for an unknown customer and `RateMissing` where an amount cannot be turned
    into the reporting currency.
    """
    known = file or file_of(session, application, edition, on)
    customer, statements, payments, found, invoices, beside = known
    exchange = Exchange(session, edition, on)
    requested = exchange.reporting(application.limit_requested)
    for statement in statements:
        exchange.reporting(Money.zero(statement.currency))
    if invoices is not None:
        exchange.reporting(Money.zero(invoices.currency))
    holdings = _holdings(session, customer, application, exchange, edition, on)
    covers = covers_of(session, customer.customer_id, application.line_id, exchange, on)
    # Apart, so that the receipt lists the rates that the case itself rests on.
    rates_of_book = Exchange(session, edition, on)
    book = _book(session, customer, application, holdings, rates_of_book, edition)
    return Dossier(
        customer=customer,
        application=application,
        statements=statements,
        payments=payments,
        holdings=holdings,
        limit_requested_reporting=requested,
        rates=exchange.rates_used,
        completeness=found.share,
        business_on=on,
        covers=covers,
        invoices=invoices,
        statements_beside=beside,
        book=book,
    )


def _holdings(
    session: Session,
    customer: Customer,
    application: Application,
    exchange: Exchange,
    edition: PolicyEdition,
    on: date,
) -> Holdings:
    """What the customer and its group hold: lines in force, and letters not yet activated.

    A letter counts from the day it is issued, so that two requests decided side by side are still
    seen together by the later one.
    """
    members = one_risk(session, customer, ring_on(session, customer.customer_id, edition, on))
    held = [
        *Lines(session).limits_of(members),
        *Letters(session).commitments_of(members),
    ]
    line_limit = (
        Lines(session).read(application.line_id).limit if application.line_id is not None else None
    )
    own = (limit for holder, limit in held if holder == customer.customer_id)
    return Holdings(
        own_limits=exchange.reporting_sum(own),
        group_limits=exchange.reporting_sum(limit for _, limit in held),
        group_members=members,
        line_limit=exchange.reporting(line_limit) if line_limit is not None else None,
    )


def ring_on(
    session: Session, customer_id: str, edition: PolicyEdition, on: date
) -> tuple[RingMember, ...]:
    """The ring of a customer on a day, from the links on record."""
    links = Parties(session).links_around(customer_id)
    return ring_of(customer_id, links, on, edition.ring) if links else ()


def one_risk(session: Session, customer: Customer, ring: Iterable[RingMember]) -> tuple[str, ...]:
    """The customers whose exposure counts as one with this one's: its group, and its ring as far
    as one control reaches; the customer itself among them."""
    group = () if customer.group_id is None else Customers(session).members(customer.group_id)
    linked = [member.party_id for member in ring if member.counts]
    known = Customers(session).find_many(linked) if linked else {}
    return tuple(sorted({customer.customer_id, *group, *known}))


def _book(
    session: Session,
    customer: Customer,
    application: Application,
    holdings: Holdings,
    exchange: Exchange,
    edition: PolicyEdition,
) -> BookPosition | None:
    """What caps and appetite are measured on, without the line in question; None before the book
    was looked at for the first time. What has no rate is left out: a case is not held up by it."""
    shares = BookShares(session).find(customer.industry, customer.region)
    if not shares:
        return None
    sums: dict[tuple[str, str], Money] = {}
    for scope, name, limits in shares:
        zero = Money.zero(edition.reporting_currency)
        try:
            reporting = exchange.reporting(limits)
        except RateMissing:
            continue
        sums[scope, name] = sums.get((scope, name), zero) + reporting
    return book_position(
        sums, holdings, edition, new_line=application.application_type.asks_new_line
    )
