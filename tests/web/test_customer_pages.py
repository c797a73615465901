"""The pages of a customer and of re-rating: what they show, what may be done, and why not."""

import re
from datetime import date, timedelta
from html import unescape

import httpx
import pytest
from fastapi import FastAPI

from domain.customer import CustomerContent
from domain.errors import NotFound
from domain.money import Money
from domain.receivable import InvoiceContent
from domain.turnover import first_of
from tests.storage.test_merge import merged, take_back
from tests.web.book import Book
from tests.web.test_console import app, book, hidden, signed_in, task_of

__all__ = ["app", "book"]

BARE = re.compile(r"<[^>]+>|\s+")


def said(page: httpx.Response) -> str:
    """The page as it is read, without its marks."""
    assert page.status_code == 200, page.text
    return re.sub(r"\s+", " ", BARE.sub(" ", unescape(page.text)))


# ── rings ────────────────────────────────────────────────────────────────────────────────────────


def test_a_ring_hangs_each_party_below_the_one_its_way_comes_through(app: FastAPI) -> None:
    page = said(signed_in(app, "auditor").get("/customers/c-1004/ring"))
    held = "owns 70% of Xinghe Electronics Trading Co., Ltd."
    assert page.index("Xinghe Holdings 星禾控股 " + held) < page.index("controls Xinghe Holdings")
    assert "also 10% owned by Xinghe Electronics" in page, "what closes the circle is said"
    assert page.count("one risk") >= 3
    assert "guaranteed by Xinghe Electronics Trading Co., Ltd. shown" in page


def test_a_ring_adds_up_what_is_held_and_what_is_answered_for(app: FastAPI, book: Book) -> None:
    ring = book.services.parties.ring(book.people["auditor"], "c-1004")
    page = said(signed_in(app, "auditor").get("/customers/c-1004/ring"))
    assert ring.total == ring.direct + ring.indirect
    assert ring.answers_for == ring.indirect, "the guarantee is the customer's own"
    for amount in (ring.total, ring.direct, ring.indirect):
        assert f"CNY\N{NO-BREAK SPACE}{amount.amount:,f}".replace("\xa0", " ") in page


def test_a_ring_is_shown_as_it_stood_on_a_day(app: FastAPI) -> None:
    client = signed_in(app, "manager")
    path = "/customers/c-1006/ring"
    link = {
        "kind": "guarantees",
        "way": "subject",
        "other": "c-1002",
        "currency": "CNY",
        "valid_from": "2024-03-01",
        "source": "guarantee of March",
    }
    sent = client.post(path, data={**hidden(client.get(path), path), **link})
    assert (sent.status_code, sent.headers["location"]) == (303, path)
    assert "guarantees Lvye" in said(client.get(f"{path}?as_of=2024-03-01"))
    assert "No link is on record" in said(client.get(f"{path}?as_of=2024-02-29"))


def test_a_link_and_a_new_party_are_recorded_once_however_often_the_button_is_pressed(
    app: FastAPI, book: Book
) -> None:
    client = signed_in(app, "risk")
    path = "/customers/c-1003/ring"
    fields = hidden(client.get(path), path) | {
        "kind": "owns",
        "way": "subject",
        "name": "An owner in Hangzhou",
        "party_kind": "company",
        "share": "62.5%",
        "source": "register",
    }
    assert client.post(path, data=fields).status_code == 303
    assert client.post(path, data=fields).status_code == 303
    ring = book.services.parties.ring(book.people["risk"], "c-1003")
    assert [(part.name, str(part.member.path[0].share)) for part in ring.parts] == [
        ("An owner in Hangzhou", "0.625")
    ]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"share": "much"}, "field_unreadable"),
        ({"share": "130"}, "malformed"),
        ({"valid_from": "2024-02-01", "valid_until": "2024-01-01"}, "period_reversed"),
        ({"other": "nobody"}, "not_found"),
        ({"other": "c-1003"}, "link_unfit"),
        ({"kind": "controls", "share": "10"}, "link_unfit"),
        ({"kind": "friend"}, "field_unreadable"),
    ],
)
def test_a_slip_in_a_link_comes_back_with_its_code_and_what_was_typed(
    app: FastAPI, changed: dict[str, str], code: str
) -> None:
    client = signed_in(app, "risk")
    path = "/customers/c-1003/ring"
    fields = {"kind": "owns", "way": "holder", "other": "c-1002", "currency": "CNY"}
    fields |= {"source": "kept & <shown>", **changed}
    answer = client.post(path, data={**hidden(client.get(path), path), **fields})
    assert 400 <= answer.status_code < 500
    assert f"<code>{code}</code>" in answer.text
    assert "kept &amp; &lt;shown&gt;" in answer.text


def test_who_may_not_record_links_is_told_who_may(app: FastAPI) -> None:
    page = signed_in(app, "auditor").get("/customers/c-1003/ring")
    assert 'name="kind"' not in page.text
    assert "A relationship manager or a risk officer records links." in said(page)


# ── turnover ─────────────────────────────────────────────────────────────────────────────────────


def test_months_without_a_sale_are_named_and_the_month_under_way_is_told_apart(
    app: FastAPI, book: Book
) -> None:
    page = said(signed_in(app, "manager").get("/customers/c-1001/turnover"))
    today = book.services.clock.business_on()
    gap = first_of(today, -7)
    assert f"{gap:%Y-%m} no sale 0.00" in page
    assert page.count("no sale") == 1
    assert f"{today:%Y-%m} under way" in page


def test_turnover_says_how_the_trade_spreads_as_its_figures_do(app: FastAPI, book: Book) -> None:
    found = book.services.turnover.read(book.people["manager"], "c-1001")
    page = said(signed_in(app, "manager").get("/customers/c-1001/turnover"))
    top = found.figures["invoice_buyer_top_share"]
    assert top is not None
    assert f"Buyers 5 {found.record.buyers.total:,.2f} {top * 100:.1f}%" in page
    assert "Sellers 3" in page


def test_where_there_are_no_invoices_the_page_says_who_brings_them(app: FastAPI) -> None:
    day = date(2019, 1, 31)
    path = f"/customers/c-1001/turnover?as_of={day}"
    assert f"No invoice is on record by {day}" in said(signed_in(app, "risk").get(path))
    assert "A relationship manager imports" in said(signed_in(app, "risk").get(path))
    assert "creditflow import sales_invoices" in said(signed_in(app, "manager").get(path))


# ── external reports ─────────────────────────────────────────────────────────────────────────────


def test_reports_say_who_answered_how_old_they_are_and_who_asked(app: FastAPI) -> None:
    page = said(signed_in(app, "auditor").get("/customers/c-1001/reports"))
    assert re.search(r"Bureau report Credit reference centre \S+ 0 days counts", page)
    assert "Company register no answer manager yearly review" in page
    assert "found manager credit assessment" in page


def test_without_an_agreement_no_bureau_report_is_offered_and_then_it_is(app: FastAPI) -> None:
    client = signed_in(app, "manager")
    path = "/customers/c-1002/reports"
    page = client.get(path)
    assert "authorisation_missing" in page.text
    assert re.search(r'<option value="bureau" disabled', page.text)
    fields = hidden(page, path)
    refused = client.post(path, data={**fields, "kind": "bureau", "purpose": "assessment"})
    assert refused.status_code == 422
    assert "authorisation_missing" in refused.text
    assert 'value="assessment"' in refused.text
    place = "/customers/c-1002/authorisations"
    days = {"signed_on": "2024-01-01", "valid_until": "2099-12-31"}
    sent = client.post(
        place,
        data={**hidden(page, place), **days},
        files={"file": ("agreed.pdf", b"%PDF-1.7 agreed", "application/pdf")},
    )
    assert (sent.status_code, sent.headers["location"]) == (303, path)
    page = client.get(path)
    assert "2024-01-01 – 2099-12-31 in force" in said(page)
    assert not re.search(r'<option value="bureau" disabled', page.text)


def test_an_agreement_without_its_document_is_refused_where_it_was_typed(app: FastAPI) -> None:
    client = signed_in(app, "manager")
    place = "/customers/c-1002/authorisations"
    fields = hidden(client.get("/customers/c-1002/reports"), place)
    days = {"signed_on": "2024-05-04", "valid_until": "2024-05-03"}
    answer = client.post(place, data={**fields, **days})
    assert (answer.status_code, "field_missing" in answer.text) == (422, True)
    assert 'value="2024-05-04"' in answer.text


# ── statements and doubts ────────────────────────────────────────────────────────────────────────


def test_accounts_of_a_period_stand_side_by_side_with_what_differs(app: FastAPI) -> None:
    page = said(signed_in(app, "manager").get("/customers/c-1001/statements"))
    assert "Revenue 220,000,000 176,000,000 \N{MINUS SIGN}44,000,000" in page
    assert "single entity · audited Counts" in page
    assert "single entity · unaudited differs in 2 items" in page


@pytest.mark.parametrize(
    ("language", "finding", "figures"),
    [
        ("en", "cash opens otherwise than it closed people decide because of it", "opens with"),
        ("zh-CN", "期初现金与上期期末不符 因此转人工审批", "本期期初"),
    ],
)
def test_a_doubt_is_shown_with_its_figures_to_whoever_decides(
    app: FastAPI, book: Book, language: str, finding: str, figures: str
) -> None:
    client = signed_in(app, "approver2", language)
    for path in (f"/cases/{book.cases['open']}", f"/tasks/{task_of(book, 'open')}"):
        page = said(client.get(path))
        assert finding in page
        assert f"{figures} 9,400,000" in page
    assert f"{figures}" not in said(client.get(f"/cases/{book.cases['signing']}"))


# ── scope ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("place", ["statements", "turnover", "reports", "ring"])
def test_the_pages_of_another_managers_customer_are_not_there(app: FastAPI, place: str) -> None:
    assert signed_in(app, "manager2").get(f"/customers/c-1001/{place}").status_code == 404


# ── re-rating ────────────────────────────────────────────────────────────────────────────────────


def test_a_rerating_is_previewed_by_one_and_put_in_force_by_another(
    app: FastAPI, book: Book
) -> None:
    maker, checker = signed_in(app, "risk"), signed_in(app, "risk2")
    fields = hidden(maker.get("/rerating"), "/rerating")
    begun, again = (maker.post("/rerating", data=fields) for _ in range(2))
    assert begun.headers["location"] == again.headers["location"]
    place = begun.headers["location"].partition("?")[0]
    own = maker.get(place)
    assert "same_hands" in own.text
    assert "No line moved" in said(own)
    assert f'action="{place}/apply"' not in own.text
    seen = hidden(checker.get(place), f"{place}/apply")
    stale = checker.post(f"{place}/apply", data={**seen, "preview_hash": "0" * 64})
    assert (stale.status_code, "stale_content" in stale.text) == (409, True)
    assert checker.post(f"{place}/apply", data=seen).status_code == 303
    assert checker.post(f"{place}/apply", data=seen).status_code == 303, "again, it is in force"
    assert "Put in force by risk2." in said(checker.get(place))
    shown = said(signed_in(app, "auditor").get(f"{place}?view=unmoved"))
    assert "Xinghe Electronics Trading Co., Ltd." in shown


def test_a_run_that_has_just_begun_is_waited_for(app: FastAPI) -> None:
    client = signed_in(app, "risk")
    assert "data-reload-after" in client.get("/rerating/not-there-yet?pending=yes").text
    assert client.get("/rerating/not-there-yet").status_code == 404


def test_the_lines_of_a_run_are_those_of_its_file(app: FastAPI, book: Book) -> None:
    run_id = book.services.reratings.preview(book.people["risk"]).run_id
    text = signed_in(app, "auditor").get(f"/rerating/{run_id}/preview.csv").text
    lines = book.services.reratings.list_lines(book.people["auditor"], run_id)
    assert [row.partition(",")[0] for row in text.splitlines()[1:]] == [e.line_id for e in lines]
    with pytest.raises(NotFound):
        book.services.reratings.list_lines(book.people["auditor"], "no-such-run")


# ── the market environment ───────────────────────────────────────────────────────────────────────


def test_what_an_outlook_changes_is_previewed_for_its_lines_alone(app: FastAPI, book: Book) -> None:
    client = signed_in(app, "risk")
    edition_hash = book.services.editions.read_edition(book.people["risk"]).edition_hash
    assert f'href="/outlooks?edition={edition_hash}"' in client.get("/policy").text
    shown = client.get(f"/outlooks?edition={edition_hash}")
    assert "Real estate 2022-01-01 unbounded 50" in said(shown)
    assert 'action="/rerating"' not in signed_in(app, "approver1").get("/outlooks").text
    fields = hidden(shown, "/rerating")
    assert fields["industries"] == "K"
    begun = client.post("/rerating", data={**fields, "industries": ["K", "F"]})
    place = begun.headers["location"].partition("?")[0]
    run = book.services.reratings.read(book.people["risk"], place.rpartition("/")[2])
    assert run.industries == ("F", "K")
    [judged] = book.services.reratings.list_lines(book.people["risk"], run.run_id)
    of_industry = client.get("/outlooks/lines?industry=F")
    assert f'href="/lines/{judged.line_id}"' in of_industry.text
    assert "Xinghe Electronics Trading Co., Ltd." in said(of_industry)
    page = said(client.get(f"{place}?view=to_review"))
    assert "industries: Wholesale and retail, Real estate" in page
    assert "No line asks for a review" in page
    assert client.post("/rerating", data={**fields, "industries": "Z"}).status_code == 422


def test_the_pages_of_the_market_environment_are_not_everybodys(app: FastAPI) -> None:
    for person in ("manager", "collector", "operator"):
        client = signed_in(app, person)
        assert client.get("/outlooks").status_code == 403
        assert client.get("/outlooks/lines?industry=C").status_code == 403


# ── both sides, and records of one customer ──────────────────────────────────────────────────────


def test_a_role_what_we_owe_and_what_we_paid_are_recorded_on_the_page(
    app: FastAPI, book: Book
) -> None:
    client, place = signed_in(app, "manager"), "/customers/c-1006"
    today = book.services.clock.business_on()
    csrf = hidden(client.get(place), f"{place}/roles")
    role = {"role": "supplier", "valid_from": "2024-01-01", "valid_until": "", "source": "contract"}
    assert client.post(f"{place}/roles", data={**csrf, **role}).status_code == 303
    [known] = book.services.trade.list_roles(book.people["manager"], "c-1006")
    ended = {**role, "valid_until": today.isoformat(), "source": "notice of end"}
    assert client.post(f"{place}/roles/{known.role_id}", data={**csrf, **ended}).status_code == 303
    [known] = book.services.trade.list_roles(book.people["manager"], "c-1006")
    assert (known.valid_until, known.version) == (today, 2)

    owed = {"payable_no": "AP-1", "issued_on": "2024-02-01", "due_on": "2024-03-01"}
    owed |= {"amount": "1,000.00", "currency": "CNY"}
    refused = client.post(f"{place}/payables", data={**csrf, **owed, "amount": "-5"})
    assert refused.status_code == 422
    assert 'value="AP-1"' in refused.text, "what was typed stays"
    assert client.post(f"{place}/payables", data={**csrf, **owed}).status_code == 303
    paid = {"settlement_no": "S-1", "payable": "CNY AP-1", "settled_on": "2024-02-20"}
    over = client.post(f"{place}/settlements", data={**csrf, **paid, "amount": "2000"})
    assert (over.status_code, "more_than_invoiced" in over.text) == (422, True)
    assert client.post(f"{place}/settlements", data={**csrf, **paid, "amount": "400"}).status_code
    [payable] = book.services.trade.sides(book.people["manager"], "c-1006").payables
    assert payable.amount == Money.of("600", "CNY")
    page = signed_in(app, "auditor", "zh-CN").get(place)
    assert "AP-1" in page.text
    assert f'action="{place}/payables"' not in page.text
    assert (
        signed_in(app, "legal").post(f"{place}/payables", data={**csrf, **owed}).status_code == 403
    )


def test_late_interest_says_of_which_record_an_invoice_is(app: FastAPI, book: Book) -> None:
    services, manager = book.services, book.people["manager"]
    today = services.clock.business_on()
    first, other = (
        services.customers.record(manager, CustomerContent(name=name)).customer_id
        for name in ("Quiet Harbor Foods", "Quiet Harbour Food")
    )
    for customer_id in (first, other):
        services.receivables.record_invoice(
            manager,
            customer_id,
            InvoiceContent(
                invoice_no="INV-1",
                issued_on=today - timedelta(days=300),
                due_on=today - timedelta(days=200),
                amount=Money.of("100000" if customer_id == first else "50000", "CNY"),
            ),
        )
    merge = merged(services.records, other, first)

    page = said(signed_in(app, "auditor").get(f"/customers/{first}"))

    assert page.count(f"INV-1 record {other}") == 1
    assert f"record {first}" not in page, "of the customer's own record nothing needs saying"
    take_back(services.records, merge)
    apart = said(signed_in(app, "auditor").get(f"/customers/{first}"))
    assert f"record {other}" not in apart
