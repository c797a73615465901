"""Does another system's extract say exactly what is alike, missing, extra and different, and for whom?"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from activities.classification import ClassificationActivities
from creditflow.commands.output import Exit
from domain.classification import ClassificationPage
from domain.customer import Customer, Identifier, IdentifierScheme
from domain.errors import AlreadyExists, DateInFuture, FieldMissing, NotFound, NotPermitted
from domain.money import Money
from domain.receivable import CreditNote, Invoice, Payment
from domain.reconciliation import MatchKind
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions
from storage.exposure import Exposure
from storage.identity import Persons, password_hash_of
from storage.receivable import Receivables
from tests.makers_line import LINE_ID, open_line
from tests.makers_policy import a_changed_edition
from tests.servers import until_waiting
from tests.web.book import PASSWORD
from tests.web.people import KEYS, PEOPLE
from tests.web.test_commands import Terminal, terminal
from tests.web.test_console import hidden, signed_in
from web.service.clock import Clock
from web.service.services import Services

__all__ = ["terminal"]

RISK = PEOPLE["risk_officer"]
MANAGER = PEOPLE["relationship_manager"]
TODAY = Clock().business_on()
ISSUED, DUE = date(2026, 1, 5), date(2026, 2, 5)
HEADER = "customer,scheme,invoice_no,amount,open,currency,due_on"


def money(cents: int, currency: str = "CNY") -> Money:
    return Money(minor=cents, currency=currency)


@pytest.fixture
def known(services: Services) -> Records:
    """Two customers known by numbers of our own, under a policy that lets 1.00 of drift pass."""
    changes = "[reconciliation]\ndrift_max = 1\nfinding_days = 5\n"
    records = services.records
    with records.begin() as session:
        edition = a_changed_edition(changes)
        Editions(session).publish(edition, edition.as_toml(), "test")
        for number in ("1", "2"):
            code = Identifier(scheme=IdentifierScheme.INTERNAL, value=f"K-{number}")
            customer = Customer(
                customer_id=f"k-{number}",
                name=f"Customer {number}",
                identifiers=(code,),
                manager_id=MANAGER.person_id,
            )
            Customers(session).record(
                customer, business_on=ISSUED, source="a test", recorded_by="manager"
            )
    return records


def invoice(no: str, cents: int, *, customer: str = "k-1", currency: str = "CNY") -> Invoice:
    return Invoice(
        customer_id=customer,
        invoice_no=no,
        issued_on=ISSUED,
        due_on=DUE,
        amount=money(cents, currency),
    )


def post(records: Records, *invoices: Invoice) -> None:
    with records.begin() as session:
        Receivables(session).record_invoices(invoices, business_on=ISSUED, recorded_by="manager")


def pay(records: Records, no: str, cents: int, on: date) -> None:
    payment = Payment(
        customer_id="k-1", payment_no="p", invoice_no=no, paid_on=on, amount=money(cents)
    )
    with records.begin() as session:
        Receivables(session).record_payment(payment, recorded_by="manager")


def extract(*rows: str) -> bytes:
    return "\n".join([HEADER, *rows, ""]).encode()


def test_each_document_is_matched_missing_extra_or_differing_and_sums_stand_beside_use(
    services: Services, known: Records
) -> None:
    post(
        known,
        invoice("same", 10_000),
        invoice("ours", 20_000),
        invoice("part", 30_000),
        invoice("gone", 5_000),
        invoice("usd", 700, currency="USD"),
    )
    pay(known, "part", 10_000, TODAY)
    pay(known, "gone", 5_000, TODAY)
    line = open_line(known, customer_id="k-1")
    exposure = Exposure(known, connections_max=1)
    taken = exposure.reserve(LINE_ID, money(8_000), "o-1", business_on=line.starts_on)
    assert taken.reservation_id is not None
    exposure.commit(LINE_ID, taken.reservation_id, "o-1/commit", business_on=line.starts_on)
    exposure.close()

    found = services.reconciliations.reconcile(
        RISK,
        extract(
            "K-1,internal,same,100.00,100.00,CNY,2026-02-05",
            "K-1,internal,part,300.00,300.00,CNY,2026-02-06",
            "K-1,internal,gone,50.00,50.00,CNY,2026-02-05",
            "K-1,internal,theirs,10.00,10.00,CNY,2026-02-05",
            "K-1,internal,usd,7.00,7.00,CNY,2026-02-05",
            "K-2,internal,only,1.00,1.00,CNY,2026-02-05",
            "K-9,internal,same,100.00,100.00,CNY,2026-02-05",
            "K-1,internal,over,10.00,11.00,CNY,2026-02-05",
        ),
        as_of=TODAY,
    )
    compared = found.reconciliation
    assert compared is not None
    assert {e.line: e.code for e in found.report.errors} == {
        8: "customer_unknown",
        9: "more_than_invoiced",
    }
    assert (compared.documents, compared.matched, compared.missing) == (6, 1, 1)
    assert (compared.extra, compared.differing) == (2, 3)
    assert {(i.invoice_no, i.kind, i.fields) for i in compared.items} == {
        ("ours", MatchKind.MISSING, ()),
        ("part", MatchKind.DIFFERING, ("open", "due_on")),
        ("gone", MatchKind.DIFFERING, ("open",)),
        ("theirs", MatchKind.EXTRA, ()),
        ("usd", MatchKind.DIFFERING, ("currency",)),
        ("only", MatchKind.EXTRA, ()),
    }
    sums = {(s.customer_id, s.currency): s for s in compared.customers}
    first = sums["k-1", "CNY"]
    assert (first.ours, first.theirs) == (money(50_000), money(46_700 + 5_000 - 5_000))
    assert first.drift == money(20_000 + 10_000 + 5_000 + 1_000 + 700)
    assert (first.used, first.used_apart) == (money(8_000), money(8_000) - first.theirs)
    assert sums["k-1", "USD"].drift == money(700, "USD")


def test_drift_above_what_policy_lets_pass_has_an_owner_until_it_is_closed_with_a_reason(
    services: Services, known: Records
) -> None:
    post(known, invoice("a", 10_000), invoice("b", 10_000, customer="k-2"))
    content = extract(
        "K-1,internal,a,100.00,98.99,CNY,2026-02-05",  # 1.01 apart
        "K-2,internal,b,100.00,99.00,CNY,2026-02-05",  # 1.00 apart: let pass
    )
    services.reconciliations.reconcile(RISK, content, as_of=TODAY)
    services.reconciliations.reconcile(RISK, content, as_of=TODAY)
    services.reconciliations.run(RISK)

    (finding,) = services.reconciliations.list_findings(MANAGER)
    assert (finding.customer_id, finding.drift) == ("k-1", money(101))
    assert (finding.owner, finding.due_on) == (MANAGER.person_id, TODAY + timedelta(days=5))
    other = MANAGER.model_copy(update={"person_id": "manager2"})
    assert services.reconciliations.list_findings(other) == []
    with pytest.raises(NotFound):
        services.reconciliations.close_finding(other, finding.finding_id, "mine")
    with pytest.raises(FieldMissing):
        services.reconciliations.close_finding(MANAGER, finding.finding_id, " ")
    services.reconciliations.close_finding(MANAGER, finding.finding_id, "a fee on their side")
    assert services.reconciliations.list_findings(MANAGER) == []
    with pytest.raises(AlreadyExists):
        services.reconciliations.close_finding(MANAGER, finding.finding_id, "something else")
    services.reconciliations.run(RISK)
    assert len(services.reconciliations.list_findings(MANAGER)) == 1


def test_an_extract_is_of_its_day_whatever_was_posted_since(
    services: Services, known: Records
) -> None:
    post(known, invoice("a", 10_000))
    pay(known, "a", 10_000, TODAY)
    content = extract("K-1,internal,a,100.00,100.00,CNY,2026-02-05")
    before = services.reconciliations.reconcile(RISK, content, as_of=TODAY - timedelta(days=1))
    after = services.reconciliations.reconcile(RISK, content, as_of=TODAY)

    assert before.reconciliation is not None
    assert after.reconciliation is not None
    assert (before.reconciliation.matched, after.reconciliation.matched) == (1, 0)
    again = services.reconciliations.reconcile(RISK, content, as_of=TODAY)
    assert (again.report.created, again.report.unchanged) == (0, 1)
    dry = services.reconciliations.reconcile(RISK, content, as_of=TODAY, dry_run=True)
    assert dry.reconciliation is None
    with pytest.raises(DateInFuture):
        services.reconciliations.reconcile(RISK, content, as_of=TODAY + timedelta(days=1))
    with pytest.raises(NotPermitted):
        services.reconciliations.reconcile(MANAGER, content)


def test_the_nightly_run_compares_the_newest_extract_once(
    services: Services, known: Records
) -> None:
    with pytest.raises(NotFound):
        services.reconciliations.run(RISK)
    post(known, invoice("a", 10_000))
    older = extract("K-1,internal,a,100.00,1.00,CNY,2026-02-05")
    newer = extract("K-1,internal,a,100.00,100.00,CNY,2026-02-05")
    services.reconciliations.reconcile(RISK, newer, as_of=TODAY)
    services.reconciliations.reconcile(RISK, older, as_of=TODAY - timedelta(days=1))
    page = ClassificationPage(
        run_id="night", as_of=TODAY, person_id="system", after=None, page_size=100, at=Clock().now()
    )
    for _ in range(2):
        ClassificationActivities(known).classify_customers(page)

    with known.begin() as session:
        rows = session.execute(
            text("SELECT content FROM reconciliation WHERE recorded_by = 'system'")
        ).all()
    assert [(row[0]["as_of"], row[0]["matched"]) for row in rows] == [(TODAY.isoformat(), 1)]


_SIDE = st.tuples(st.integers(1, 500), st.integers(0, 500), st.sampled_from(["CNY", "USD"]))
_BOOKS = st.dictionaries(
    st.tuples(st.sampled_from(["1", "2"]), st.sampled_from("abcde")),
    st.tuples(st.none() | _SIDE, st.none() | _SIDE),
    max_size=10,
)


@given(books=_BOOKS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counts_sums_and_drift_equal_a_recount(
    services: Services,
    known: Records,
    books: dict[tuple[str, str], tuple[tuple[int, int, str] | None, tuple[int, int, str] | None]],
) -> None:
    with known.begin() as session:
        session.execute(
            text("TRUNCATE invoice, payment, credit_note, erp_extract, reconciliation CASCADE")
        )
    kinds: Counter[MatchKind] = Counter()
    drift: Counter[tuple[str, str]] = Counter()
    rows = []
    for (number, no), (ours, theirs) in books.items():
        open_ = None
        if ours is not None:
            amount, off, currency = ours
            open_ = max(amount - off, 0)
            document = invoice(no, amount, customer=f"k-{number}", currency=currency)
            post(known, document)
            if amount != open_:
                note = CreditNote(
                    customer_id=f"k-{number}",
                    credit_note_no="n",
                    invoice_no=no,
                    issued_on=TODAY,
                    amount=money(amount - open_, currency),
                )
                with known.begin() as session:
                    Receivables(session).record_credit_note(note, recorded_by="manager")
        said = None
        if theirs is not None:
            amount, off, currency = theirs
            said = max(amount - off, 0)
            rows.append(
                f"K-{number},internal,{no},{Decimal(amount) / 100},{Decimal(said) / 100},"
                f"{currency},2026-02-05"
            )
        if theirs is None and not open_:
            continue
        customer = f"k-{number}"
        if theirs is None and ours is not None:
            kinds[MatchKind.MISSING] += 1
            drift[customer, ours[2]] += open_ or 0
        elif ours is None and theirs is not None:
            kinds[MatchKind.EXTRA] += 1
            drift[customer, theirs[2]] += said or 0
        elif ours is not None and theirs is not None:
            alike = (ours[0], open_, ours[2]) == (theirs[0], said, theirs[2])
            kinds[MatchKind.MATCHED if alike else MatchKind.DIFFERING] += 1
            if ours[2] == theirs[2]:
                drift[customer, ours[2]] += abs((open_ or 0) - (said or 0))
            else:
                drift[customer, ours[2]] += open_ or 0
                drift[customer, theirs[2]] += said or 0
    found = services.reconciliations.reconcile(RISK, extract(*rows), as_of=TODAY)
    compared = found.reconciliation

    assert compared is not None
    assert found.report.refused == 0
    assert {kind: getattr(compared, kind.value) for kind in MatchKind} == {
        kind: kinds[kind] for kind in MatchKind
    }
    assert {
        (each.customer_id, each.currency): each.drift.minor
        for each in compared.customers
        if each.drift
    } == {key: minor for key, minor in drift.items() if minor}


def test_two_comparisons_at_once_find_a_drift_once(services: Services, known: Records) -> None:
    post(known, invoice("a", 10_000))
    content = extract("K-1,internal,a,100.00,100.00,CNY,2026-02-05")
    services.reconciliations.reconcile(RISK, content)
    pay(known, "a", 1_000, TODAY)
    with ThreadPoolExecutor(1) as other:
        with known.begin() as session:
            services.reconciliations.run(RISK)
            second = other.submit(services.reconciliations.run, RISK)
            until_waiting(session, 1)
        second.result()

    assert len(services.reconciliations.list_findings(RISK)) == 1


def test_a_finding_of_another_manager_answers_like_one_that_is_not_there(
    services: Services, known: Records
) -> None:
    post(known, invoice("a", 10_000))
    services.reconciliations.reconcile(RISK, extract("K-1,internal,a,100.00,90.00,CNY,2026-02-05"))
    [finding] = services.reconciliations.list_findings(RISK)
    other = MANAGER.model_copy(update={"person_id": "manager2"})
    said = []
    for asked in (finding.finding_id, "0" * 32):
        with pytest.raises(NotFound) as refused:
            services.reconciliations.close_finding(other, asked, "mine")
        said.append({**refused.value.facts, "id": ""})
    assert said[0] == said[1]


def test_who_runs_a_comparison_and_sees_no_customer_is_told_what_it_counted(
    services: Services, known: Records
) -> None:
    post(known, invoice("a", 10_000))
    content = extract("K-1,internal,a,100.00,90.00,CNY,2026-02-05")
    operator = PEOPLE["operator"]
    brought = services.reconciliations.reconcile(operator, content).reconciliation
    assert brought is not None
    for told in (brought, services.reconciliations.run(operator)):
        assert (told.differing, told.customers, told.items) == (1, (), ())
        kept = services.reconciliations.read_reconciliation(RISK, told.reconciliation_id)
        assert (len(kept.customers), len(kept.items)) == (1, 1)


# ── Commands and pages ───────────────────────────────────────────────────────────────────────────


def test_an_extract_is_compared_and_its_drift_closed_from_a_terminal(
    known: Records, terminal: Terminal, tmp_path: Path
) -> None:
    post(known, invoice("a", 10_000), invoice("b", 10_000))
    file = tmp_path / "open.csv"
    rows = ("K-1,internal,a,100.00,90.00,CNY,2026-02-05", "K-9,internal,b,1.00,1.00,CNY,2026-02-05")
    file.write_bytes(extract(*rows))
    reconcile = ("reconcile", str(file), "--as-of", TODAY.isoformat())
    assert terminal.asks("reconcile", "/does/not/exist")[1]["code"] == "file_unreadable"
    ending, refused = terminal.asks(*reconcile, as_="relationship_manager")
    assert (ending, refused["code"]) == (Exit.REFUSED, "not_permitted")
    ending, dry = terminal.asks(*reconcile, "--dry-run")
    assert (ending, dry["reconciliation"]) == (Exit.REFUSED, None)

    ending, found = terminal.asks(*reconcile, "--key", "k-1")
    compared = found["reconciliation"]
    assert (ending, compared["differing"], compared["missing"]) == (Exit.REFUSED, 1, 1)
    assert [each["code"] for each in found["report"]["errors"]] == ["customer_unknown"]
    assert terminal.asks(*reconcile, "--key", "k-1")[1] == found
    told = terminal.types(*reconcile, key=KEYS["risk_officer"]).stdout
    assert [
        each for each in ("CNY 110.00", "missing", "customer_unknown") if each not in told
    ] == []

    by = {"as_": "relationship_manager"}
    [finding] = terminal.asks("drift", "list", **by)[1]["items"]
    assert finding["drift"] == {"amount": "110.00", "currency": "CNY"}
    assert "CNY 110.00" in terminal.types("drift", "list", key=KEYS["relationship_manager"]).stdout
    close = ("drift", "close", finding["finding_id"], "--reason")
    assert terminal.asks(*close, "posted late", as_="auditor")[1]["code"] == "not_permitted"
    assert terminal.asks(*close, " ", **by)[1]["code"] == "field_missing"
    assert terminal.asks(*close, "posted late", **by)[1]["reason"] == "posted late"
    assert terminal.asks("drift", "list", **by)[1]["items"] == []
    assert terminal.asks("drift", "close", "0" * 32, "--reason", "x", **by)[0] is Exit.NOT_FOUND


def test_an_extract_is_brought_in_and_its_drift_closed_on_the_pages(
    services: Services, known: Records, app: FastAPI
) -> None:
    post(known, invoice("a", 10_000))
    with known.begin() as session:
        for person in (RISK, MANAGER, PEOPLE["auditor"]):
            Persons(session).record_password(person.person_id, password_hash_of(PASSWORD))
    risk = signed_in(app, RISK.person_id)
    place = "/reconciliations"
    form = hidden(risk.get(place), place)
    rows = extract("K-1,internal,a,100.00,90.00,CNY,2026-02-05")
    file = {"file": ("open.csv", rows, "text/csv")}
    assert risk.post(place, data=form).status_code == 422
    assert risk.post(place, data={**form, "as_of": "soon"}, files=file).status_code == 422
    made = risk.post(place, data={**form, "as_of": TODAY.isoformat()}, files=file)
    assert made.status_code == 303, made.text
    shown = risk.get(made.headers["location"])
    assert shown.status_code == 200
    assert "10.00" in shown.text
    assert made.headers["location"] in signed_in(app, "auditor", "zh-CN").get(place).text

    manager = signed_in(app, MANAGER.person_id)
    assert manager.get(made.headers["location"]).status_code == 403
    [finding] = services.reconciliations.list_findings(MANAGER)
    end = f"/reconciliation-findings/{finding.finding_id}/end"
    assert end not in signed_in(app, "auditor").get(place).text
    form = hidden(manager.get(place), end)
    assert manager.post(end, data={**form, "reason": " "}).status_code == 422
    assert manager.post(end, data={**form, "reason": "posted late"}).status_code == 303
    assert services.reconciliations.list_findings(MANAGER) == []
