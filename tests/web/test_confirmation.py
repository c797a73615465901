"""Is what a customer is asked to confirm what it owes, and does silence, and a difference, get its due?"""

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from activities.check import judge
from creditflow.commands.output import Exit
from domain.check import RuleKind, Stage
from domain.confirmation import (
    CONFIRMATION_OVERDUE,
    AnswerContent,
    ConfirmationStatus,
    DifferenceKind,
    DifferenceOutcome,
    DifferenceSaid,
    StampedAnswer,
)
from domain.contract import Capacity, Signatory
from domain.customer import CustomerContent
from domain.errors import (
    AlreadyExists,
    AmountMissing,
    AmountNotPositive,
    CreditError,
    CurrencyMismatch,
    DateInFuture,
    DocumentAnswered,
    DocumentListed,
    DocumentUnlisted,
    FieldMissing,
    LinkUnknown,
    NotFound,
    NotPermitted,
    StaleContent,
)
from domain.exchange import Rate
from domain.money import Money
from domain.order import Order, OrderContent
from domain.receivable import CreditNoteContent, InvoiceContent, PaymentContent
from domain.warning import WarningStatus
from storage.confirmation import Confirmations
from storage.edition import Editions, read_shipped, shipped_text
from storage.exchange import Rates
from storage.exposure import Exposure
from storage.identity import Persons, password_hash_of
from storage.notification import Outbox
from tests.makers_policy import a_changed_edition
from tests.web.book import PASSWORD
from tests.web.office import Office
from tests.web.people import KEYS, PEOPLE, as_
from tests.web.test_commands import Terminal, terminal
from tests.web.test_console import browser, hidden, signed_in
from tests.web.test_hostile_receivables import HOSTILE, places, with_hostile
from web.service.clock import Clock
from web.service.confirmation import ConfirmationView
from web.service.once import JoinedRecords
from web.service.services import Services, build_services
from workflows.codec import Codec

__all__ = ["terminal"]

MANAGER = PEOPLE["relationship_manager"]
RISK = PEOPLE["risk_officer"]
AUDITOR = PEOPLE["auditor"]
TODAY = Clock().business_on()
SIGNER = Signatory(signatory="Legal representative", capacity=Capacity.LEGAL_REPRESENTATIVE)


def cny(amount: int) -> Money:
    return Money(minor=amount * 100, currency="CNY")


@pytest.fixture
def office(joined_records: JoinedRecords, tmp_path: Path) -> Iterator[Office]:
    exposure = Exposure(joined_records, connections_max=1)
    yield Office(joined_records, exposure, tmp_path)
    exposure.close()


@pytest.fixture
def services(joined_records: JoinedRecords, office: Office) -> Iterator[Services]:
    with joined_records.begin() as session:
        Editions(session).publish(read_shipped(), shipped_text("standard"), "test")
    exposure = Exposure(joined_records, connections_max=1)
    yield build_services(joined_records, exposure, office, Clock(), Codec(bytes(32)))
    exposure.close()


@pytest.fixture
def customer(services: Services) -> str:
    """Three invoices in CNY, of which one is partly paid and one partly credited, and one in USD."""
    content = CustomerContent(name="Quiet Harbour Foods", mail="books@example.com")
    customer_id = services.customers.record(MANAGER, content).customer_id
    for number, money in (
        ("i-1", cny(300_000)),
        ("i-2", cny(200_000)),
        ("i-3", cny(100_000)),
        ("u-1", Money.of("50.00", "USD")),
    ):
        invoice = InvoiceContent(
            invoice_no=number,
            issued_on=TODAY - timedelta(days=400),
            due_on=TODAY - timedelta(days=340),
            amount=money,
            disputed=number == "i-3",
        )
        services.receivables.record_invoice(MANAGER, customer_id, invoice)
    on = TODAY - timedelta(days=300)
    payment = PaymentContent(payment_no="p-1", invoice_no="i-1", paid_on=on, amount=cny(100_000))
    services.receivables.record_payment(MANAGER, customer_id, payment)
    note = CreditNoteContent(
        credit_note_no="n-1", invoice_no="i-2", issued_on=on, amount=cny(50_000)
    )
    services.receivables.record_credit_note(MANAGER, customer_id, note)
    return customer_id


def asked(services: Services, customer_id: str, as_of: date = TODAY) -> ConfirmationView:
    """The account in CNY, asked for now."""
    services.confirmations.ask(MANAGER, customer_id, as_of)
    found = services.confirmations.list_confirmations(MANAGER, customer_id=customer_id)
    return next(
        each
        for each in found
        if each.confirmation.request.currency == "CNY" and each.confirmation.request.as_of == as_of
    )


def link_of(services: Services, currency: str = "CNY") -> str:
    """The token in the newest mail of an account in a currency."""
    with services.records.begin() as session:
        entries = Outbox(session).claim("mail", entries_max=50, lease_seconds=1)
    mails = [e for e in entries if e.kind == "confirmation_asked" and currency in e.facts["total"]]
    found = re.search(r"/confirm/(\S+)$", mails[-1].facts["link"])
    assert found is not None
    return found[1]


def said(number: str, kind: str = "paid", amount: Money | None = None) -> DifferenceSaid:
    return DifferenceSaid(invoice_no=number, kind=DifferenceKind(kind), amount=amount)


def answer(view: ConfirmationView, **content: object) -> AnswerContent:
    return AnswerContent.model_validate(
        {"document_hash": view.confirmation.document_hash, **content}
    )


def stamped(services: Services, view: ConfirmationView, **content: object) -> StampedAnswer:
    scan = services.attachments.record(MANAGER, b"%PDF-1.7 stamped", "stamped.pdf")
    return StampedAnswer.model_validate(
        {
            "document_hash": view.confirmation.document_hash,
            "evidence_hash": scan.sha256,
            **content,
        }
    )


def test_an_account_lists_what_is_open_with_what_is_off_it_in_each_currency_by_itself(
    services: Services, customer: str
) -> None:
    view = asked(services, customer)
    request = view.confirmation.request

    assert [(i.invoice_no, i.amount, i.paid, i.open, i.disputed) for i in request.items] == [
        ("i-1", cny(300_000), cny(100_000), cny(200_000), False),
        ("i-2", cny(200_000), cny(50_000), cny(150_000), False),
        ("i-3", cny(100_000), cny(0), cny(100_000), True),
    ]
    assert (view.confirmation.total, view.confirmation.disputed) == (cny(450_000), cny(100_000))
    assert view.status is ConfirmationStatus.SENT
    both = services.confirmations.list_confirmations(RISK, customer_id=customer)
    assert {each.confirmation.request.currency for each in both} == {"CNY", "USD"}
    services.confirmations.ask(MANAGER, customer, TODAY)
    assert len(services.confirmations.list_confirmations(RISK, customer_id=customer)) == 2


def test_the_link_confirms_the_whole_and_what_was_signed_is_kept_under_its_hash(
    services: Services, customer: str
) -> None:
    view = asked(services, customer)
    token = link_of(services)
    content = answer(view, all_agreed=True)
    page = services.confirmations.answer_by_link(token, content, SIGNER)
    again = services.confirmations.answer_by_link(token, content, SIGNER)

    assert page == again
    assert (page.status, page.unanswered) == (ConfirmationStatus.CONFIRMED, ())
    (evidence,) = page.evidence_hashes
    kept = services.attachments.read_content(RISK, evidence)[1].decode()
    assert view.confirmation.document_hash in kept
    assert SIGNER.signatory in kept
    with pytest.raises(DocumentAnswered):
        services.confirmations.answer_by_link(token, answer(view, agreed=("i-1",)), SIGNER)
    with pytest.raises(LinkUnknown):
        services.confirmations.link_page("another")


def test_a_stamp_answers_document_by_document_and_each_difference_has_its_owner_and_day(
    services: Services, customer: str
) -> None:
    view = asked(services, customer)
    confirmation_id = view.confirmation.confirmation_id
    partly = services.confirmations.answer(
        MANAGER, confirmation_id, stamped(services, view, agreed=("i-1",))
    )
    assert (partly.status, partly.unanswered) == (ConfirmationStatus.PARTLY, ("i-2", "i-3"))

    rest = stamped(
        services,
        view,
        differences=(
            said("i-2", "amount", cny(120_000)),
            said("i-3", "missing"),
            said("x-9", "extra", cny(7)),
        ),
    )
    differing = services.confirmations.answer(MANAGER, confirmation_id, rest)
    assert services.confirmations.answer(MANAGER, confirmation_id, rest) == differing
    assert differing.status is ConfirmationStatus.DIFFERING
    found = services.confirmations.list_differences(MANAGER, customer_id=customer)
    assert {(d.said.invoice_no, d.ours, d.owner) for d in found} == {
        ("i-2", cny(150_000), MANAGER.person_id),
        ("i-3", cny(100_000), MANAGER.person_id),
        ("x-9", None, MANAGER.person_id),
    }
    assert {d.due_on for d in found} == {TODAY + timedelta(days=10)}

    for each in found:
        services.confirmations.close_difference(
            MANAGER, each.difference_id, DifferenceOutcome.CORRECTED, "posted"
        )
    closed = services.confirmations.read_confirmation(RISK, confirmation_id)
    assert closed.status is ConfirmationStatus.SETTLED
    assert services.confirmations.list_differences(MANAGER) == []
    with pytest.raises(AlreadyExists):
        services.confirmations.close_difference(
            MANAGER, found[0].difference_id, DifferenceOutcome.UPHELD, "on second thoughts"
        )


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        ({}, FieldMissing),
        ({"agreed": ("i-1", "i-1")}, DocumentAnswered),
        ({"agreed": ("x-9",)}, DocumentUnlisted),
        ({"differences": (said("x-9"),)}, DocumentUnlisted),
        ({"differences": (said("i-1", "extra", cny(1)),)}, DocumentListed),
        ({"differences": (said("i-1", "amount", Money.of("1", "USD")),)}, CurrencyMismatch),
        ({"agreed": ("i-1",), "differences": (said("i-1"),)}, DocumentAnswered),
        ({"all_agreed": True, "document_hash": "0" * 64}, StaleContent),
    ],
)
def test_an_answer_that_does_not_fit_the_account_is_refused_and_leaves_nothing(
    services: Services, customer: str, content: dict[str, object], refusal: type[CreditError]
) -> None:
    view = asked(services, customer)
    confirmation_id = view.confirmation.confirmation_id
    with pytest.raises(refusal):
        services.confirmations.answer(MANAGER, confirmation_id, stamped(services, view, **content))

    assert services.confirmations.read_confirmation(MANAGER, confirmation_id) == view


def test_an_amount_that_differs_says_how() -> None:
    with pytest.raises(ValueError, match="i-1") as refused:
        said("i-1", "amount")
    assert AmountMissing.code_name() == "amount_missing"
    assert "is not said" in str(refused.value)


def test_only_who_sees_the_customer_asks_for_its_account(services: Services, customer: str) -> None:
    other = MANAGER.model_copy(update={"person_id": "manager2"})
    view = asked(services, customer)
    with pytest.raises(NotFound):
        services.confirmations.ask(other, customer, TODAY)
    with pytest.raises(NotFound):
        services.confirmations.read_confirmation(other, view.confirmation.confirmation_id)
    assert services.confirmations.list_confirmations(other) == []
    with pytest.raises(NotPermitted):
        services.confirmations.ask(AUDITOR, customer, TODAY)
    with pytest.raises(NotPermitted):
        services.confirmations.ask(MANAGER)
    with pytest.raises(DateInFuture):
        services.confirmations.ask(MANAGER, customer, TODAY + timedelta(days=1))
    with pytest.raises(FieldMissing):
        services.confirmations.ask(MANAGER, customer)


def test_the_book_is_asked_as_of_the_last_periods_end_from_the_amount_on(
    services: Services, customer: str
) -> None:
    small = services.customers.record(MANAGER, CustomerContent(name="Small Pier")).customer_id
    invoice = InvoiceContent(
        invoice_no="s-1",
        issued_on=TODAY - timedelta(days=400),
        due_on=TODAY - timedelta(days=370),
        amount=cny(99_999),
    )
    services.receivables.record_invoice(MANAGER, small, invoice)
    services.confirmations.ask(RISK)
    services.confirmations.ask(RISK)

    found = services.confirmations.list_confirmations(RISK)
    assert {each.confirmation.request.customer_id for each in found} == {customer}
    for each in found:
        as_of = each.confirmation.request.as_of
        assert as_of < TODAY
        following = as_of + timedelta(days=1)
        assert (following.day, following.month % 3) == (1, 1)


@pytest.mark.parametrize("holds", [False, True])
def test_silence_raises_a_signal_and_holds_orders_where_policy_says_until_it_is_answered(
    services: Services, office: Office, customer: str, holds: bool
) -> None:
    text = f"[confirmation]\nhold = {str(holds).lower()}\nevery_months = 0\n"
    with services.records.begin() as session:
        Editions(session).publish(a_changed_edition(text), text, "test")
        for days in (0, 16):  # a customer that cannot be judged in one currency is not looked at
            rate_on = TODAY + timedelta(days=days)
            rate = Rate(base="USD", quote="CNY", rate=Decimal("7.1"), rate_on=rate_on)
            Rates(session).record(rate, recorded_by="risk")
    view = asked(services, customer)

    def seen(days: int) -> tuple[list[str], bool]:
        office.offset_days = days
        services.clock.offset_days = days
        services.warnings.run(RISK, (customer,))
        open_ = services.warnings.list_warnings(
            RISK, status=WarningStatus.OPEN, customer_id=customer
        )
        with services.records.begin() as session:
            today = services.clock.business_on()
            held = Confirmations(session).held(customer, today)
            content = OrderContent(order_no="SO-1", amount=Money.of(10, "CNY"))
            order = Order.placed("o-1", customer, content, "orders", services.clock.now(), today)
            stopping = judge(session, order, Stage.ORDER, today).stopping
        assert (RuleKind.CONFIRMATION_OVERDUE in {each.kind for each in stopping}) is held
        rules = [w.signal.rule for w in open_ if w.signal.rule == CONFIRMATION_OVERDUE]
        return rules, held

    assert seen(15) == ([], False)
    assert seen(16) == ([CONFIRMATION_OVERDUE], holds)
    assert seen(17) == ([CONFIRMATION_OVERDUE], holds)
    for each in services.confirmations.list_confirmations(MANAGER, customer_id=customer):
        services.confirmations.answer(
            MANAGER,
            each.confirmation.confirmation_id,
            stamped(services, each, all_agreed=True),
        )
    assert view.confirmation.holds is holds
    assert seen(17) == ([], False)


# ── Pages ────────────────────────────────────────────────────────────────────────────────────────


def test_the_customers_page_takes_an_answer_and_says_what_is_wrong_with_one(
    services: Services, customer: str, app: FastAPI
) -> None:
    asked(services, customer)
    token = link_of(services)
    visitor = browser(app, "en")
    page = visitor.get(f"/confirm/{token}")
    assert page.status_code == 200
    assert "i-2" in page.text
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "对账单" in browser(app, "zh-CN").get(f"/confirm/{token}").text

    fields = {
        "document_hash": hidden(page, f"/confirm/{token}")["document_hash"],
        "signatory": SIGNER.signatory,
        "capacity": "legal_representative",
        "everything": "no",
        "number": ["i-1", "i-2", "i-3", ""],
        "kind": ["agreed", "amount", "", "extra"],
        "amount": ["", "", "", ""],
        "note": ["", "", "", ""],
    }
    refused = visitor.post(f"/confirm/{token}", data=fields)
    assert refused.status_code == 422
    answered = visitor.post(
        f"/confirm/{token}", data=fields | {"amount": ["", "120,000.00", "", ""]}
    )
    assert answered.status_code == 303
    (of,) = (
        each
        for each in services.confirmations.list_confirmations(MANAGER, customer_id=customer)
        if each.confirmation.request.currency == "CNY"
    )
    assert of.unanswered == ("i-3",)
    (difference,) = of.confirmation.differences
    assert difference.said.amount == cny(120_000)


def test_a_manager_asks_answers_and_clears_up_on_the_pages(
    services: Services, customer: str, app: FastAPI
) -> None:
    with services.records.begin() as session:
        for person in (MANAGER, AUDITOR):
            Persons(session).record_password(person.person_id, password_hash_of(PASSWORD))
    client = signed_in(app, MANAGER.person_id)
    ask = f"/customers/{customer}/confirmations"
    with services.records.begin() as session:  # its page adds dollars to what is in yuan
        for since in (TODAY, TODAY - timedelta(days=400)):
            rate = Rate(base="USD", quote="CNY", rate=Decimal(7), rate_on=since)
            Rates(session).record(rate, recorded_by="risk")
    form = hidden(client.get(f"/customers/{customer}"), ask)
    assert client.post(ask, data={**form, "as_of": "soon"}).status_code == 422
    assert client.post(ask, data={**form, "as_of": TODAY.isoformat()}).status_code == 303
    listed = services.confirmations.list_confirmations(MANAGER, customer_id=customer)
    [of] = [each.confirmation for each in listed if each.confirmation.request.currency == "CNY"]
    assert f"/confirmations/{of.confirmation_id}" in client.get("/confirmations").text

    place = f"/confirmations/{of.confirmation_id}"
    answers = f"{place}/answers"
    said = {
        **hidden(client.get(place), answers),
        "everything": "no",
        "number": ["i-1", "i-2", "i-3"],
        "kind": ["agreed", "paid", "missing"],
        "amount": ["", "", ""],
        "note": ["", "", "never received"],
    }
    assert client.post(answers, data=said).status_code == 422
    scan = {"evidence": ("stamped.txt", b"stamped and signed", "text/plain")}
    assert client.post(answers, data=said, files=scan).status_code == 303
    shown = client.get(place).text
    assert "never received" in shown
    assert answers not in shown

    view = services.confirmations.read_confirmation(MANAGER, of.confirmation_id)
    for difference in view.confirmation.differences:
        end = f"/confirmation-differences/{difference.difference_id}/end"
        assert end not in signed_in(app, AUDITOR.person_id).get(place).text
        form = hidden(client.get(place), end)
        assert client.post(end, data={**form, "outcome": "", "reason": "x"}).status_code == 422
        assert (
            client.post(end, data={**form, "outcome": "credited", "reason": " "}).status_code == 422
        )
        done = client.post(end, data={**form, "outcome": "credited", "reason": "note n-2"})
        assert done.status_code == 303
    view = services.confirmations.read_confirmation(MANAGER, of.confirmation_id)
    assert view.status is ConfirmationStatus.SETTLED
    assert "已贷记" in signed_in(app, MANAGER.person_id, "zh-CN").get(place).text


async def test_no_answer_fails_on_our_side(
    services: Services, customer: str, api: httpx.AsyncClient
) -> None:
    which = asked(services, customer).confirmation
    token = link_of(services)
    scan = services.attachments.record(MANAGER, b"stamped and signed", "stamped.txt")
    extra = {"kind": "extra", "amount": {"amount": "1.00", "currency": "CNY"}, "note": "n"}
    answer = {"document_hash": which.document_hash, "all_agreed": False, "agreed": []}
    ways = {
        f"confirming/{token}/answer": {"signatory": SIGNER.model_dump(mode="json")},
        f"confirmations/{which.confirmation_id}/answers": {"evidence_hash": scan.sha256},
    }
    failed, numbers = [], count()
    for path, way in ways.items():
        shape = {**answer, **way, "differences": [{**extra, "invoice_no": "x"}]}
        for place in places(shape):
            for value in HOSTILE:
                fresh = [{**extra, "invoice_no": f"x-{next(numbers)}"}]
                body = with_hostile({**shape, "differences": fresh}, place, value)
                sent = await api.post(
                    f"/api/v1/{path}",
                    content=json.dumps(body).encode(),
                    headers=as_("everybody") | {"content-type": "application/json"},
                )
                if sent.status_code >= 500:
                    failed.append((path, place, value))
    assert failed == []


def test_nobody_has_less_than_nothing_open(services: Services, customer: str) -> None:
    document_hash = asked(services, customer).confirmation.document_hash
    token = link_of(services)
    for each in (said("i-1", "amount", cny(-1)), said("x-9", "extra", cny(-1))):
        answer = AnswerContent(differences=(each,), document_hash=document_hash)
        with pytest.raises(AmountNotPositive):
            services.confirmations.answer_by_link(token, answer, SIGNER)


# ── Commands ─────────────────────────────────────────────────────────────────────────────────────


def test_an_account_is_asked_for_answered_and_cleared_up_from_a_terminal(
    customer: str, terminal: Terminal, tmp_path: Path
) -> None:
    asks = ("confirmation", "ask", "--customer", customer, "--as-of", TODAY.isoformat())
    assert terminal.asks(*asks, as_="relationship_manager")[0] is Exit.DONE
    by = {"as_": "relationship_manager"}
    listing = ("confirmation", "list", "--customer", customer, "--waiting")
    found = terminal.asks(*listing, **by)[1]["items"]
    [one] = [
        each["confirmation"] for each in found if each["confirmation"]["total"]["currency"] == "CNY"
    ]
    which, scan = one["confirmation_id"], tmp_path / "stamped.txt"
    scan.write_text("stamped and signed")

    answers = ("confirmation", "answer", which, "--stamped", str(scan))
    ending, refused = terminal.asks(*answers, **by)
    assert (ending, refused["code"]) == (Exit.REFUSED, "field_missing")
    ending, refused = terminal.asks(*answers, "--differs", "i-1:amount", **by)
    assert (ending, refused["code"]) == (Exit.REFUSED, "amount_missing")
    differing = ("--differs", "i-1:amount:150000", "--differs", "x-9:extra:1.50", "--agreed", "i-2")
    ending, partly = terminal.asks(*answers, *differing, **by)
    assert (ending, partly["unanswered"]) == (Exit.DONE, ["i-3"])
    ending, whole = terminal.asks(*answers, "--all", **by)
    assert (ending, whole["status"]) == (Exit.DONE, "differing")

    differences = ("confirmation", "differences", "--customer", customer)
    left = terminal.asks(*differences, **by)[1]["items"]
    assert {each["said"]["invoice_no"] for each in left} == {"i-1", "x-9"}
    for each in left:
        close = ("confirmation", "close", each["difference_id"], "upheld", "--reason", "seen again")
        assert terminal.asks(*close, as_="auditor")[1]["code"] == "not_permitted"
        assert terminal.asks(*close, **by)[1]["outcome"] == "upheld"
    assert terminal.asks(*differences, **by)[1]["items"] == []
    assert terminal.asks("confirmation", "show", which, **by)[1]["status"] == "settled"
    assert terminal.asks("confirmation", "show", "0" * 32, **by)[0] is Exit.NOT_FOUND


def test_a_terminal_tells_people_what_an_account_says(
    services: Services, customer: str, terminal: Terminal
) -> None:
    which = asked(services, customer).confirmation.confirmation_id
    token = link_of(services)
    answer = AnswerContent(
        differences=(said("i-1", "amount", cny(150_000)), said("x-9", "extra", cny(7))),
        document_hash=services.confirmations.link_page(token).document_hash,
    )
    services.confirmations.answer_by_link(token, answer, SIGNER)
    key = KEYS["relationship_manager"]
    for words, told in (
        (("list",), ("CNY 450,000.00", "partly_answered")),
        (("show", which), ("i-1", "CNY 200,000.00", "CNY 150,000.00")),
        (("differences",), ("x-9", "CNY 7.00")),
    ):
        shown = terminal.types("confirmation", *words, key=key)
        assert shown.exit_code == Exit.DONE
        assert [each for each in told if each not in shown.stdout] == []
