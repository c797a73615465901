"""Collecting what a judgement may look at, once, as of a day; the judgement is `policies/`."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy.orm import Session

from activities.book import book_of
from activities.cover import covers_of
from activities.exchange import Exchange as Exchange
from activities.investigation import AskedReport, asked_report
from activities.party import one_risk as one_risk
from activities.party import ring_on as ring_on
from activities.related import entries_used, related_entries
from domain.analyst_figure import SuppliedFigure
from domain.application import Application
from domain.assessment import (
    BookPosition,
    Dossier,
    Holdings,
    PaymentRecord,
    RequestBeside,
    StatementBeside,
)
from domain.benchmark import FixingUsed
from domain.cap import CapOwner, HeldCap
from domain.customer import Customer
from domain.edition import PolicyEdition
from domain.errors import RateMissing
from domain.exposure import LimitKind
from domain.external_rating import AGENCY_RATING, AgencyRating, agency_ratings
from domain.form import CoverForm
from domain.money import Money, money_sum
from domain.reconsideration import Reconsidered
from domain.statement import Statement
from domain.turnover import InvoiceRecord
from policies.analyst_figure import factors_asked
from policies.benchmark import floating_row, in_force_since
from policies.completeness import Completeness, completeness
from policies.external_rating import counting
from policies.provenance import counted
from storage.analyst_figure import AnalystFigures
from storage.application import Applications
from storage.approval import Letters
from storage.benchmark import Fixings
from storage.customer import Customers
from storage.exposure import Accounts
from storage.line import Lines
from storage.receivable import Receivables
from storage.reconsideration import Reconsiderations
from storage.related import RelatedParties
from storage.report import Reports
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
    ratings: tuple[AgencyRating, ...] = ()  # of agencies, all that are on record
    report: AskedReport | None = None  # None where no investigation is asked


# Three years make a trend; two more are kept for whoever reads the receipt.
_STATEMENT_YEARS = 5


def file_of(
    session: Session,
    application: Application,
    edition: PolicyEdition,
    on: date,
    customer: Customer | None = None,
    case_id: str | None = None,
) -> File:
    """What is on file for an application as of a day, and how complete it is.

    Only a case is investigated; without its id no report is asked.
    """
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
    ratings: tuple[AgencyRating, ...] = ()
    if edition.external_ratings.agencies:
        ratings = agency_ratings(Reports(session).list_of(known.customer_id, AGENCY_RATING))
    report = None
    if case_id is not None and edition.investigation.rows:
        requested = _requested(session, application, edition, on)
        report = asked_report(session, case_id, application, known, requested, edition, on)
    found = completeness(
        application,
        statements,
        known,
        edition,
        on,
        payments=payments,
        invoices=invoices,
        ratings=ratings,
        report_open=report is not None and report.signed is None,
    )
    return File(known, statements, payments, found, invoices, beside, ratings, report)


def _requested(
    session: Session, application: Application, edition: PolicyEdition, on: date
) -> Money | None:
    """What is asked for in the reporting currency; None where no rate turns it into that."""
    try:
        return Exchange(session, edition, on).reporting(application.limit_requested)
    except RateMissing:
        return None


def collect_dossier(
    session: Session,
    application: Application,
    edition: PolicyEdition,
    on: date,
    file: File | None = None,
    case_id: str = "",
    *,
    routed: bool = True,
) -> Dossier:
    """Customer, statements, payments, holdings, cover, book and rates as of a business day.

    `case_id` is the case at hand, which is no request beside itself. Where the judgement will not
    be `routed`, the book and the requests beside are not read. Refuses `NotFound` for an unknown customer, `RateMissing` where an amount cannot be turned
    into the reporting currency, and `BenchmarkMissing` where what it is priced over has no fixing.
    """
    known = file or file_of(session, application, edition, on)
    customer, statements, payments, found, invoices, beside, ratings, report = known
    ring = ring_on(session, customer.customer_id, edition, on)
    related = related_entries(session, customer, ring, on)
    # The register says so, or another record of the customer, whatever the one that stayed does.
    if related or RelatedParties(session).is_marked(customer.customer_id):
        customer = customer.model_copy(update={"related_to_grantor": True})
    exchange = Exchange(session, edition, on)
    requested = exchange.reporting(application.limit_requested)
    for statement in statements:
        exchange.reporting(Money.zero(statement.currency))
    if invoices is not None:
        exchange.reporting(Money.zero(invoices.currency))
    members = one_risk(session, customer, ring)
    holdings = _holdings(session, customer, application, exchange, members)
    form = application.form if isinstance(application.form, CoverForm) else None
    covers = covers_of(session, customer.customer_id, application.line_id, exchange, on, form)
    requests: tuple[RequestBeside, ...] = ()
    book: BookPosition | None = None
    if routed:
        requests = _requests_beside(session, members, exchange, edition, on, case_id)
        book = book_of(session, customer, application, holdings, edition, on)
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
        investigation=report.signed if report is not None else None,
        requests_beside=requests,
        related=entries_used(related),
        fixing=_fixing(session, application, edition, on),
        external_ratings=counting(ratings, on),
        supplied=_supplied(session, case_id, edition),
        reconsidered=_reconsidered(session, case_id),
    )


def _reconsidered(session: Session, case_id: str) -> Reconsidered | None:
    """The decision that a case decides anew, if it is for that."""
    found = Reconsiderations(session).find(case_id) if case_id else None
    if found is None:
        return None
    return Reconsidered(
        declined_case_id=found.declined_case_id, letter_no=found.letter_no, steps=found.steps
    )


def _supplied(session: Session, case_id: str, edition: PolicyEdition) -> tuple[SuppliedFigure, ...]:
    """What analysts have supplied for a case and counts; nothing where no factor asks for it."""
    if not case_id or not factors_asked(edition):
        return ()
    found = AnalystFigures(session).counting(case_id)
    return tuple(each.in_dossier for each in found.values())


def _fixing(
    session: Session, application: Application, edition: PolicyEdition, on: date
) -> FixingUsed | None:
    """The fixing in force of the benchmark that an application is priced over."""
    row = floating_row(application, edition)
    if row is None:
        return None
    since = in_force_since(edition.benchmarks[row.benchmark], on, edition)
    return Fixings(session).read_in_force(row.benchmark, since=since, on=on)


def _holdings(
    session: Session,
    customer: Customer,
    application: Application,
    exchange: Exchange,
    members: Sequence[str],
) -> Holdings:
    """What the customer and its group hold: lines in force, and letters not yet activated.

    A letter counts from the day it is issued, so that two requests decided side by side are still
    seen together by the later one.
    """
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
        group_members=tuple(members),
        line_limit=exchange.reporting(line_limit) if line_limit is not None else None,
        caps=_caps(session, customer),
    )


def _caps(session: Session, customer: Customer) -> tuple[HeldCap, ...]:
    """The caps decided on the customer and its group; a new limit stands under them, within or not."""
    over = [(CapOwner.CUSTOMER, customer.customer_id, [customer.customer_id])]
    if customer.group_id is not None:
        members = [*Customers(session).members(customer.group_id)]
        over.append((CapOwner.GROUP, customer.group_id, members))
    return tuple(
        HeldCap(
            scope=scope,
            owner_id=owner_id,
            letter_no=letter_no,
            cap=balance.limit.amount or Money.zero(balance.used.currency),
            limits=money_sum(
                (
                    limit
                    for _, limit in Lines(session).limits_of(members)
                    if limit.currency == balance.used.currency
                ),
                balance.used.currency,
            ),
            taken=balance.taken,
        )
        for scope, owner_id, members in over
        for balance, letter_no in Accounts(session).caps(scope, owner_id)
        if balance.limit.kind is not LimitKind.UNLIMITED
    )


def _requests_beside(
    session: Session,
    members: Sequence[str],
    exchange: Exchange,
    edition: PolicyEdition,
    on: date,
    case_id: str,
) -> tuple[RequestBeside, ...]:
    """What these customers asked for within the edition's window and do not hold yet.

    A new line that was granted is held from its letter on, and is not asked for any more.
    """
    days = edition.approval.splitting.window_days
    if not days:
        return ()
    since = on - timedelta(days=days)
    asked = Applications(session).requests_of(members, since, on, without=case_id)
    lines = Lines(session).limits_by_line([each.line_id for each in asked if each.line_id])
    return tuple(
        RequestBeside(
            case_id=each.case_id,
            customer_id=each.customer_id,
            line_id=each.line_id,
            limit=exchange.reporting(each.limit),
            line_limit=_reporting_or_none(lines.get(each.line_id or ""), exchange),
        )
        for each in asked
    )


def _reporting_or_none(amount: Money | None, exchange: Exchange) -> Money | None:
    return None if amount is None else exchange.reporting(amount)
