"""Completeness (资料完整性): what an application still lacks, by code, and how complete it is.

A code is a record we look for ourselves (`statement_latest`, `statements_years:2`) or else the
code of a document that must be attached. Required items hold the case; optional ones lower its
share, and are asked for too where the share falls below the edition's floor. A report of two
investigators holds the case as well, and is no part of the share: the applicant cannot bring it.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal

from domain.application import Application
from domain.assessment import PaymentRecord
from domain.customer import Customer
from domain.edition import Checklist, PolicyEdition, TypeRule
from domain.external_rating import EXTERNAL_RATING, AgencyRating
from domain.investigation import INVESTIGATION_REPORT
from domain.statement import Statement
from domain.turnover import InvoiceRecord
from domain.value import Value
from policies.external_rating import gaps
from policies.form import rule_of
from policies.line import temporary_until_max


class Completeness(Value):
    """The share of the checklist that is there, and the codes that must still come."""

    share: Decimal
    missing: tuple[str, ...]
    missing_optional: tuple[str, ...]


def completeness(
    application: Application,
    statements: Sequence[Statement],
    customer: Customer,
    edition: PolicyEdition,
    business_on: date,
    *,
    payments: PaymentRecord | None = None,
    invoices: InvoiceRecord | None = None,
    ratings: Sequence[AgencyRating] = (),
    report_open: bool = False,
) -> Completeness:
    """The checklists of the type and segment against what is on file.

    `ratings` are all of agencies that are on record; where one is asked for and none counts, each
    agency whose last one has run out is named, with the day. `report_open` where an investigation
    is asked and no signed report counts.
    """
    lapsed = gaps(ratings, business_on, edition)
    file = _File(
        application,
        statements,
        customer,
        edition,
        business_on,
        payments,
        invoices,
        rated=not lapsed,
    )
    rule = rule_of(application.application_type, edition)
    own: list[Checklist | TypeRule] = [] if rule is None else [rule]
    lists = [*own, *(each for each in edition.completeness.checklists if _applies(each, file))]
    required = dict.fromkeys(code for each in lists for code in each.required)
    optional = dict.fromkeys(code for each in lists for code in each.optional)
    open_required = [code for code in required if not file.has(code)]
    open_optional = [code for code in optional if code not in required and not file.has(code)]
    asked = len(required.keys() | optional.keys())
    present = asked - len(open_required) - len(open_optional)
    share = Decimal(present) / asked if asked else Decimal(1)
    unknown_product = [] if file.has("product") else ["product"]
    below_floor = open_optional if share < edition.completeness.share_min else []
    report = [INVESTIGATION_REPORT] if report_open else []
    missing = dict.fromkeys([*unknown_product, *open_required, *below_floor, *report])
    return Completeness(
        share=share.quantize(Decimal("0.0001")),
        missing=tuple(_named(missing, lapsed)),
        missing_optional=tuple(_named(open_optional, lapsed)),
    )


def _named(codes: Iterable[str], lapsed: tuple[str, ...]) -> Iterator[str]:
    """The codes, a rating that is asked for by the agencies whose rating has run out."""
    for code in codes:
        yield from lapsed if code == EXTERNAL_RATING else (code,)


def missing_items(
    application: Application,
    statements: Sequence[Statement],
    customer: Customer,
    edition: PolicyEdition,
    business_on: date,
    *,
    payments: PaymentRecord | None = None,
) -> tuple[str, ...]:
    """The codes that hold the case at completeness; empty lets it go on."""
    found = completeness(application, statements, customer, edition, business_on, payments=payments)
    return found.missing


class _File:
    """What is on file for one application."""

    def __init__(
        self,
        application: Application,
        statements: Sequence[Statement],
        customer: Customer,
        edition: PolicyEdition,
        business_on: date,
        payments: PaymentRecord | None,
        invoices: InvoiceRecord | None,
        *,
        rated: bool,
    ) -> None:
        self.application = application
        self.customer = customer
        self._ends = sorted({each.period_end_on for each in statements})
        self._audited = any(each.audited for each in statements)
        self._edition = edition
        self._on = business_on
        self._payments = payments
        self._invoices = invoices
        self._rated = rated

    def has(self, code: str) -> bool:
        """Whether an item is there; a code that is no record of ours is a document."""
        name, _, count = code.partition(":")
        match name:
            case "identifier":
                return bool(self.customer.identifiers)
            case "identifier_verified":
                return any(each.is_proof for each in self.customer.identifiers)
            case "established_on" | "employees":
                return getattr(self.customer, name) is not None
            case "mail":
                return bool(self.customer.mail)
            case "purpose":
                return bool(self.application.purpose.strip())
            case "product":
                return self.application.product in self._edition.limit.products
            case "line":
                return self.application.line_id is not None
            case "temporary_until":
                return self._temporary_until_fits()
            case "statement_latest":
                return self._latest_is_fresh()
            case "statements_years":
                return len(self._ends) >= int(count or 1)
            case "statement_audited":
                return self._audited
            case "payment_record":
                least = self._edition.payments.invoices_min
                return self._payments is not None and self._payments.invoices >= least
            case "external_rating":
                return self._rated
            case "vat_invoices" if self._invoices is not None:
                return self._invoices.last_sale_on is not None
        return code in self.application.attachments

    def _temporary_until_fits(self) -> bool:
        until = self.application.temporary_until
        latest = temporary_until_max(self._on, self._edition)
        return until is not None and self._on < until <= latest

    def _latest_is_fresh(self) -> bool:
        oldest = self._on - timedelta(days=self._edition.completeness.statement_age_days_max)
        return bool(self._ends) and self._ends[-1] >= oldest


def _applies(checklist: Checklist, file: _File) -> bool:
    types, segments = checklist.application_types, checklist.segments
    return (not types or file.application.application_type in types) and (
        not segments or file.customer.segment in segments
    )
