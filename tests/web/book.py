"""A small book for the pages: companies of every temper, and cases at every stage of the road.

Everything is written by the real services and steps, so a page shows what the product would.
"""

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from creditflow.stack.users import SEATS
from domain.application import Application, ApplicationType
from domain.approval import AuthorityGrant, Verdict
from domain.contract import Capacity
from domain.cover import CoverContent
from domain.customer import Customer, CustomerGroup, Identifier, IdentifierScheme, Segment
from domain.errors import OverLimit, ReportUnavailable
from domain.identity import Language, Person
from domain.imports import ImportKind
from domain.money import Money
from domain.party import LinkContent, PartyKind
from domain.receivable import Invoice, Payment
from domain.report import AuthorisationContent
from domain.screening import ListEffect, ListEntry
from domain.statement import Item, Statement
from domain.trade import RoleContent, TradeRole
from domain.turnover import first_of
from storage.approval import AuthorityGrants
from storage.customer import Customers
from storage.edition import Editions, shipped_text
from storage.exposure import Exposure
from storage.identity import Persons, password_hash_of
from storage.notification import Outbox
from storage.receivable import Receivables
from storage.screening import Lists
from storage.statement import Statements
from tests.investigators import investigated
from tests.makers_policy import a_changed_edition, a_statement
from tests.web.office import Office
from web.service.clock import Clock
from web.service.once import JoinedRecords
from web.service.party import PartyContent
from web.service.report.files import folder_providers
from web.service.services import Services, build_services
from workflows.codec import Codec

PASSWORD = "a long enough password"


@dataclass(frozen=True)
class Company:
    """What tells one company of the book from another; figures are the ordinary ones times size."""

    customer_id: str
    name: str
    name_zh: str
    code: str
    size: Decimal = Decimal(1)
    industry: str = "C"
    region: str = "320000"
    group_id: str | None = None
    changed: Mapping[str, str | None] = field(default_factory=dict)
    days_late: int = 0


COMPANIES = (
    Company("c-1001", "Jinyuan Precision Bearings Co., Ltd.", "锦源精密轴承有限公司", "91320500600037340W"),
    Company("c-1002", "Haitong Cold Chain Logistics Co., Ltd.", "海通冷链物流有限公司", "913205006000373410", Decimal("2.4"), "G", "310000"),
    Company("c-1003", "Borun Packaging Materials Co., Ltd.", "博润包装材料有限公司", "913205006000373423", Decimal("0.3"), "C", "330000", None, {"equity": "38", "total_liabilities": "102", "current_liabilities": "80", "long_term_borrowings": "18", "retained_earnings": "8", "ebit": "6", "ebitda": "12", "profit_before_tax": "4", "income_tax": "1", "net_income": "3"}, 12),
    Company("c-1004", "Xinghe Electronics Trading Co., Ltd.", "星禾电子贸易有限公司", "913205006000373436", Decimal("0.6"), "F", "440000", "g-xinghe"),
    Company("c-1005", "Xinghe Semiconductor Packaging Co., Ltd.", "星禾半导体封测有限公司", "913205006000373449", Decimal("8"), "C", "440000", "g-xinghe"),
    Company("c-1006", "Lvye Agricultural Machinery Co., Ltd.", "绿野农业机械有限公司", "91320500600037345C", Decimal("0.5"), "C", "370000", None, {}, 45),
    Company("c-1007", "Dingsheng Steel Structures Co., Ltd.", "鼎盛钢结构有限公司", "91320500600037346F", Decimal("1.5"), "E", "130000", None, {"equity": "-4", "total_liabilities": "144", "current_liabilities": "120", "long_term_borrowings": "20", "retained_earnings": "-30", "ebit": "-6", "ebitda": "0", "profit_before_tax": "-8", "income_tax": "0", "net_income": "-8"}),
    Company("c-1008", "Meridian Components GmbH", "", "91320500600037347J", Decimal("1.2"), "C", "DE-BY"),
)  # fmt: skip


@dataclass(frozen=True)
class Book:
    """The services over the book, and what tests look for in it."""

    services: Services
    office: Office
    cases: dict[str, str]  # by what is to be seen on its page
    people: dict[str, Person]


@contextmanager
def opened(database_url: str, folder: Path) -> Iterator[Book]:
    """The book on an empty, migrated database."""
    records = JoinedRecords(database_url, connections_max=8)
    exposure = Exposure(records, connections_max=4)
    office = Office(records, exposure, folder)
    services = build_services(
        records,
        exposure,
        office,
        Clock(),
        Codec(bytes(32)),
        mail_dir=folder / "mail",
        providers=folder_providers(_told(folder / "reports", Clock().business_on())),
    )
    (folder / "mail").mkdir()
    people = _seated(records)
    _published(records)
    _known(services, people["manager"])
    _covered(services, people)
    cases = _driven(services, office, people)
    _linked(services, people)
    _sold(services, people["manager"])
    _asked(services, people["manager"])
    yield Book(services, office, cases, people)
    exposure.close()
    records.close()


def _seated(records: JoinedRecords) -> dict[str, Person]:
    hashed = password_hash_of(PASSWORD)
    people = {}
    with records.begin() as session:
        for seat in SEATS:
            person = Person(
                person_id=seat.person_id,
                title=seat.title,
                roles=frozenset({seat.role}),
                language=Language.EN,
            )
            people[seat.person_id] = Persons(session).record_person(person)
            Persons(session).record_password(seat.person_id, hashed)
            if seat.position:
                AuthorityGrants(session).record(
                    AuthorityGrant(
                        grant_no=f"SQ-2026-{len(people):03}",
                        person_id=seat.person_id,
                        position=seat.position,
                        limit=Money.of(seat.authority, "CNY"),
                        valid_from=date(2020, 1, 1),
                        valid_until=date(2099, 12, 31),
                        granted_by="board",
                    )
                )
    return people


def _published(records: JoinedRecords) -> None:
    # Nothing is left to chance: a sampled case would stand elsewhere tomorrow.
    edition = a_changed_edition("[approval.automatic]\nsampling_share = 0\n")
    with records.begin() as session:
        Editions(session).publish(edition, shipped_text("standard"), "risk")


def _known(services: Services, manager: Person) -> None:
    on = services.clock.business_on()
    with services.records.begin() as session:
        Customers(session).record_group(
            CustomerGroup(group_id="g-xinghe", name="Xinghe Holdings", name_zh="星禾控股集团")
        )
        kept = {"business_on": on, "recorded_by": manager.person_id}
        for company in COMPANIES:
            customer = _customer(company, manager)
            Customers(session).record(customer, source="import customers.csv", **kept)
            for year in (on.year - 3, on.year - 2, on.year - 1):
                Statements(session).record(_statement(company, year, on), **kept)
            if company.customer_id == "c-1001":
                for account in _accounts(company, on):
                    Statements(session).record(account, **kept)
            _bill(session, company, on)
        Lists(session).add(
            ListEntry(
                list_code="internal_negative",
                list_version="2026-01",
                identifier=_customer(COMPANIES[5], manager).identifiers[0],
                effect=ListEffect.SUSPEND,
                rule="negative_press",
                reason="reported dispute with a supplier",
            ),
            imported_on=on,
            source="risk",
            recorded_by="risk",
        )


def _covered(services: Services, people: dict[str, Person]) -> None:
    """A mortgage that two people agree on, and a guarantee that waits for the second."""
    on = services.clock.business_on()
    said = {"valued_on": on, "valuer": "Sample Appraisal", "source": "valuation report"}
    mortgage, guarantee = (
        services.covers.record(
            people["manager"],
            CoverContent.model_validate(
                {
                    "kind": kind,
                    "owner": owner,
                    "value": Money.of(value, "CNY"),
                    "uses": [{"customer_id": customer_id, "amount": Money.of(value, "CNY")}],
                    **said,
                }
            ),
        )
        for kind, owner, customer_id, value in (
            ("mortgage", "c-1005", "c-1005", 20_000_000),
            ("guarantee", "c-1002", "c-1001", 5_000_000),
        )
    )
    services.covers.check(people["release"], mortgage.cover_id, 1, confirmed=True)
    assert guarantee.pending


def _customer(company: Company, manager: Person) -> Customer:
    return Customer(
        customer_id=company.customer_id,
        name=company.name,
        name_zh=company.name_zh,
        identifiers=(Identifier(scheme=IdentifierScheme.USCC, value=company.code),),
        industry=company.industry,
        region=company.region,
        segment=Segment.MEDIUM,
        group_id=company.group_id,
        established_on=date(2012, 3, 1),
        employees=240,
        mail=f"finance@{company.customer_id}.example",
        manager_id=manager.person_id,
    )


def _statement(company: Company, year: int, on: date) -> Statement:
    ordinary = a_statement(year, **company.changed)
    scale = company.size * (1 + Decimal("0.1") * (year - on.year + 3))
    return ordinary.model_copy(
        update={
            "customer_id": company.customer_id,
            "items": {item: figure * scale for item, figure in ordinary.items.items() if item is not Item.MARKET_VALUE},
            "audited": year < on.year - 1,
            "source": "import statements.csv",
        }
    )  # fmt: skip


def _accounts(company: Company, on: date) -> tuple[Statement, ...]:
    """The books of the year before last once more, as the tax office has them, and those of last
    year that open with other cash than they closed with."""
    told, newest = (_statement(company, year, on) for year in (on.year - 2, on.year - 1))
    sold = told.items[Item.REVENUE] * Decimal("0.8")
    less = {Item.REVENUE: sold, Item.COST_OF_SALES: sold - told.items[Item.GROSS_PROFIT]}
    opening = Decimal(9_400_000)
    cash = {
        Item.CASH_OPENING: opening,
        Item.OPERATING_CASH_FLOW: newest.items[Item.CASH] - opening,
        Item.INVESTING_CASH_FLOW: Decimal(0),
        Item.FINANCING_CASH_FLOW: Decimal(0),
    }
    return (
        told.model_copy(
            update={"items": {**told.items, **less}, "audited": False, "source": "tax return"}
        ),
        newest.model_copy(update={"items": {**newest.items, **cash}}),
    )


def _linked(services: Services, people: dict[str, Person]) -> None:
    """An owner above two companies, a circle of shares, and a guarantee to a neighbour."""
    parties, risk = services.parties, people["risk"]
    holding = parties.record(risk, PartyContent(name="Xinghe Holdings 星禾控股"), "p-holding")
    trust = PartyContent(name="Xinghe Family Trust 星禾家族信托", kind=PartyKind.ARRANGEMENT)
    parties.record(risk, trust, "p-trust")
    for link in (
        {"kind": "owns", "holder": holding.party_id, "subject": "c-1004", "share": "0.7"},
        {"kind": "owns", "holder": holding.party_id, "subject": "c-1005", "share": "0.55"},
        {"kind": "owns", "holder": "c-1005", "subject": "c-1004", "share": "0.3"},
        {"kind": "owns", "holder": "c-1004", "subject": holding.party_id, "share": "0.1"},
        {"kind": "controls", "holder": "p-trust", "subject": holding.party_id},
        {"kind": "guarantees", "holder": "c-1004", "subject": "c-1002"},
    ):
        parties.record_link(risk, LinkContent.model_validate({**link, "source": "register"}))


def _sold(services: Services, manager: Person) -> None:
    """Two years of VAT invoices, a month without one, void ones and a red letter among them."""
    on, code = services.clock.business_on(), COMPANIES[0].code
    head = "customer,scheme,invoice_no,issued_on,counterparty,net,tax,gross,status"
    for kind, parties in ((ImportKind.SALES_INVOICES, 5), (ImportKind.PURCHASE_INVOICES, 3)):
        rows = [head]
        for number in range(1, 24 * parties):
            issued = first_of(on, -(number // parties)) + timedelta(days=number % 9)
            if number // parties == 7 or issued > on:
                continue
            net = Decimal(1_400_000 - 90_000 * (number % parties) - 2_000 * number)
            net = -net / 4 if number % 37 == 0 else net
            status = "void" if number % 29 == 0 else "valid"
            amounts = f"{net:.2f},{net * 13 / 100:.2f},{net * 113 / 100:.2f}"
            party = f"{kind.value[0]}-{number % parties}"
            rows.append(f"{code},uscc,{number},{issued},{party},{amounts},{status}")
        report = services.imports.import_csv(manager, kind, "\n".join(rows).encode())
        assert not report.errors, report.errors


def _told(folder: Path, on: date) -> Path:
    """What the first provider says of one company; the other providers are away."""
    (folder / "credit_reference_centre").mkdir(parents=True)
    text = f"code,reported_on,open_loans,overdue_loans\n{COMPANIES[0].code},{on},3,0\n"
    (folder / "credit_reference_centre" / "bureau.csv").write_text(text)
    return folder


def _asked(services: Services, manager: Person) -> None:
    """A report under an agreement, and one that nobody gives."""
    on = services.clock.business_on()
    signed = services.attachments.record(manager, b"%PDF-1.7 agreed", "agreed.pdf")
    since, until = on - timedelta(days=20), on + timedelta(days=345)
    agreed = AuthorisationContent(evidence_hash=signed.sha256, signed_on=since, valid_until=until)
    services.reports.authorise(manager, "c-1001", agreed)
    services.reports.pull(manager, "c-1001", "bureau", "credit assessment")
    with contextlib.suppress(ReportUnavailable):
        services.reports.pull(manager, "c-1001", "registry", "yearly review")


def _bill(session: object, company: Company, on: date) -> None:
    """A year of invoices, paid as late as the company pays; the newest are still open."""
    store = Receivables(session)  # type: ignore[arg-type]
    amount = Money.of((Decimal(180_000) * company.size).quantize(Decimal(1)), "CNY")
    for month in range(1, 13):
        issued = on - timedelta(days=30 * month + 5)
        due = issued + timedelta(days=30)
        number = f"INV-{issued:%Y%m%d}"
        store.record_invoice(
            Invoice(
                customer_id=company.customer_id,
                invoice_no=number,
                issued_on=issued,
                due_on=due,
                amount=amount,
            ),
            business_on=on,
            recorded_by="orders",
        )
        paid = due + timedelta(days=company.days_late)
        if paid <= on:
            store.record_payment(
                Payment(
                    customer_id=company.customer_id,
                    payment_no=f"PAY-{number}",
                    invoice_no=number,
                    paid_on=paid,
                    amount=amount,
                ),
                recorded_by="orders",
            )


def _driven(services: Services, office: Office, people: dict[str, Person]) -> dict[str, str]:
    manager = people["manager"]

    def asked(customer_id: str, amount: int, **changed: object) -> str:
        application = Application.model_validate(
            {
                "customer_id": customer_id,
                "application_type": ApplicationType.NEW_LINE,
                "limit_requested": Money.of(amount, "CNY"),
                "purpose": "Components for the coming season, delivered monthly.",
                **changed,
            }
        )
        return services.applications.submit(manager, application, f"book-{customer_id}").case_id

    def word(case_id: str, person_id: str, verdict: Verdict, **said: object) -> None:
        task = next(
            task for task in services.approvals.list_tasks(people[person_id], case_id=case_id)
        )
        services.approvals.decide(people[person_id], task.task_id, verdict, **said)  # type: ignore[arg-type]

    cases = {
        "open": asked("c-1001", 12_000_000),
        "signing": asked("c-1002", 30_000_000, term_months=24),
        "declined": asked("c-1003", 1_500_000),
        "active": asked("c-1004", 900_000),
        "committee": asked("c-1005", 150_000_000),
        "suspended": asked("c-1006", 2_000_000),
        "knocked_out": asked("c-1007", 3_000_000),
        "incomplete": asked("c-1008", 5_000_000, purpose=""),
    }
    for seen in ("signing", "committee"):
        investigated(services, manager, people["manager2"], cases[seen])
        office.take_report(cases[seen])
    word(cases["signing"], "approver2", Verdict.APPROVE, note="Sound figures, pays on time.")
    word(
        cases["declined"],
        "approver1",
        Verdict.DECLINE,
        note="Leverage too high for an unsecured line; come back with a guarantee.",
    )
    word(cases["committee"], "approver3", Verdict.APPROVE, note="Group sound; keep the covenant.")
    _signed(services, cases["active"])
    _lived(services, people, cases)
    return cases


def _signed(services: Services, case_id: str) -> None:
    token = link_of(services, case_id).rsplit("/", 1)[-1]
    services.contracts.sign(token, "Signatory of the customer", Capacity.LEGAL_REPRESENTATIVE)


def _lived(services: Services, people: dict[str, Person], cases: dict[str, str]) -> None:
    """A line in use, a freeze that was lifted, a look at the book, and a review."""
    line = services.applications.read_case(people["manager"], cases["active"]).line
    assert line is not None, "the small good case is in force once signed"
    cases["line"] = line_id = line.line_id
    book, orders = services.exposure, people["orders"]
    for number, (amount, used) in enumerate([(240_000, True), (130_000, True), (90_000, False)]):
        key = f"book-{number}"
        taken = book.reserve(orders, line_id, Money.of(amount, "CNY"), key)
        if used:
            assert taken.reservation_id is not None
            book.commit(orders, line_id, taken.reservation_id, f"{key}/commit")
    book.repay(orders, line_id, Money.of(100_000, "CNY"), "book-repay")
    with contextlib.suppress(OverLimit):
        book.reserve(orders, line_id, Money.of(880_000, "CNY"), "book-too-much")
    services.lines.freeze(people["risk"], line_id, note="Unusual draw; asked the customer.")
    services.warnings.run(people["risk"], ("c-1003", "c-1006"))
    services.lines.ask_review(people["risk"], line_id)


def link_of(services: Services, case_id: str) -> str:
    """The path of the one-time link as the customer's mail has it."""
    with services.records.begin() as session:
        owed = Outbox(session).list_of_case(case_id)
    link = next(entry.facts["link"] for entry in owed if "link" in entry.facts)
    return urlsplit(link).path


def supplies(book: Book, customer_id: str) -> None:
    """The customer supplies us too, so that a prepayment may be asked for it."""
    today = book.services.clock.business_on()
    role = RoleContent(role=TradeRole.SUPPLIER, valid_from=today, source="contract")
    book.services.trade.record_role(book.people["manager"], customer_id, role)
