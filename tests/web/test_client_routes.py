"""Is every route of the API a method of the client, and every method's request a route?"""

import asyncio
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from creditflow.client import AsyncClient, Client, CreditflowError, values
from creditflow.client.values import Identifier, Money
from domain.customer import CustomerContent
from storage.edition import Editions, read_shipped, shipped_text
from tests.web.people import KEYS, PEOPLE
from web.service.services import Services

DAY = date(2026, 1, 31)
CODE = Identifier(scheme="uscc", value="91320500600037340W")

# What no program with a key of its own asks for, and why.
NOT_ASKED = {
    ("POST", "/sessions"): "a browser signs in by password; a program has its key",
    ("DELETE", "/sessions/current"): "likewise",
    ("POST", "/codec/encode"): "the Temporal UI asks for it in the browser",
    ("POST", "/codec/decode"): "likewise",
    ("POST", "/hooks/{source}"): "signed with the secret of its source, by a system without a key",
}

LINK = values.PartyLink(kind="owns", holder="a", subject="b", source="register")
SAMPLES: dict[Any, Sequence[Any]] = {
    str: ("x",),
    bool: (True,),
    int: (7,),
    bytes: (b"x",),
    date: (DAY,),
    Sequence[date]: ((DAY,),),
    Decimal: (Decimal("0.5"),),
    datetime: (datetime(2026, 1, 31, 9, tzinfo=UTC),),
    Path | bytes: (b"x",),
    Sequence[str]: (("x",),),
    Sequence[Identifier]: ((CODE,),),
    Sequence[Mapping[str, Any]]: (({"task_id": "x", "verdict": "approve", "note": "seen"},),),
    Mapping[str, Decimal]: ({"cash": Decimal(1)},),
    Mapping[str, Any]: ({"note": "x"},),
    Mapping[str, str]: ({"audit_report": "a" * 64},),
    Money: (Money.of("5", "CNY"),),
    Sequence[Money]: ((Money.of("5", "CNY"),),),
    values.UseContent: (
        values.UseContent(product="x", amount=Money.of("5", "CNY"), purpose="x", payee="x"),
    ),
    Sequence[values.ReleaseCheck]: ((values.ReleaseCheck(item="payee", held=True),),),
    values.SchemeProposal: (
        values.SchemeProposal(
            scheme=values.FacilityScheme(limit=Money.of("5", "CNY"), sub_lines=()),
            conclusion="recommend",
            opinion="sound",
        ),
    ),
    values.CoverContent: (
        values.CoverContent(kind="deposit", owner="c", value=Money.of("5", "CNY"), source="s"),
    ),
    values.CapContent: (
        values.CapContent(
            currency="CNY", limit=values.Limit(kind="unlimited", amount=None), reason="r"
        ),
    ),
    values.OrderContent: (values.OrderContent(order_no="1", amount=Money.of(5, "CNY")),),
    values.OrderTerms: (values.OrderTerms(amount=Money.of(5, "CNY")),),
    Sequence[values.OrderPart]: ((values.OrderPart(order_no="2", amount=Money.of(1, "CNY")),),),
    values.OrderInvoice: (values.OrderInvoice(invoice_no="1", issued_on=DAY, due_on=DAY),),
    values.OrderCredit: (
        values.OrderCredit(credit_no="1", invoice_no="1", amount=Money.of(1, "CNY")),
    ),
    values.PartyLink: (LINK, LINK.model_copy(update={"link_id": "l-1"})),
    values.Application: (
        values.Application(customer_id="c", limit_requested=Money.of("5", "CNY")),
    ),
    values.Invoice: (
        values.Invoice(invoice_no="1", issued_on=DAY, due_on=DAY, amount=Money.of(5, "CNY")),
    ),
    values.Payment: (
        values.Payment(payment_no="1", invoice_no="1", paid_on=DAY, amount=Money.of(5, "CNY")),
    ),
    values.Signatory: (values.Signatory(signatory="Director", capacity="legal_representative"),),
    values.CreditNote: (
        values.CreditNote(
            credit_note_no="1", invoice_no="1", issued_on=DAY, amount=Money.of(5, "CNY")
        ),
    ),
    values.DisputeContent: (
        values.DisputeContent(invoice_no="1", opened_on=DAY, reason="short", owner="o"),
    ),
    values.DisputeEnd: (values.DisputeEnd(settled_on=DAY, reason="credited"),),
    values.BillContent: (
        values.BillContent(
            bill_no="1",
            kind="bank_acceptance",
            acceptor="a",
            drawer="d",
            amount=Money.of(5, "CNY"),
            received_on=DAY,
            due_on=DAY,
            invoices=(values.BillPart(invoice_no="1", amount=Money.of(5, "CNY")),),
            evidence_hash="a" * 64,
        ),
    ),
    values.BillEvent: (values.BillEvent(event_no="1", kind="honoured", happened_on=DAY),),
    values.CustomerGroup: (values.CustomerGroup(group_id="g", name="G"),),
    values.FixingContent: (
        values.FixingContent(benchmark="LPR1Y", fixed_on=DAY, rate=Decimal("0.03")),
    ),
    values.Rate: (values.Rate(base="USD", quote="CNY", rate=Decimal(7), rate_on=DAY),),
    values.ListEntry: (
        values.ListEntry(
            list_code="l", list_version="1", identifier=CODE, effect="stop", rule="listed"
        ),
    ),
    values.Grant: (
        values.Grant(
            grant_no="g",
            person_id="p",
            position="branch_head",
            limit=Money.of(5, "CNY"),
            valid_from=DAY,
            valid_until=DAY,
            granted_by="board",
        ),
    ),
    values.RepairContent: (
        values.RepairContent(workflow_id="line/x", act="retry", reason="r", step_id="1"),
    ),
    values.SeatContent: (values.SeatContent(person_id="p", post="head", valid_from=DAY),),
    values.DelegationContent: (
        values.DelegationContent(delegate="p", valid_from=DAY, valid_until=DAY, reason="leave"),
    ),
    values.CertificateContent: (
        values.CertificateContent(
            certificate_no="z-1",
            person_id="p",
            code="credit",
            valid_from=DAY,
            valid_until=DAY,
            evidence="0" * 64,
        ),
    ),
    values.InsuranceTerms: (
        values.InsuranceTerms(
            insurer="p",
            policy_no="n",
            currency="CNY",
            from_on=DAY,
            until_on=DAY,
            share=Decimal("0.9"),
            liability_max=values.Money.of(1, "CNY"),
            deductible=values.Money.of(0, "CNY"),
            terms_days_max=90,
            overdue_days_max=60,
            notice_days=60,
            claim_days=120,
            source="s",
        ),
    ),
    values.LimitWord: (
        values.LimitWord(state="asked", amount=values.Money.of(1, "CNY"), said_on=DAY, source="s"),
    ),
    values.Shipment: (
        values.Shipment(
            shipment_no="s",
            amount=values.Money.of(1, "CNY"),
            shipped_on=DAY,
            terms_days=1,
            due_on=DAY,
        ),
    ),
    values.ShipmentEvent: (
        values.ShipmentEvent(event_no="e", shipment_no="s", kind="disputed", happened_on=DAY),
    ),
    values.Person: (
        values.Person(
            person_id="p",
            title="t",
            roles=frozenset({"auditor"}),
            branch="b",
            mail="",
            language="en",
        ),
    ),
}


class Seen(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A server that has nothing, and keeps what it was asked for."""

    def __init__(self) -> None:
        self.asked: set[tuple[str, str]] = set()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.add((request.method, request.url.path.removeprefix("/api/v1")))
        return httpx.Response(404, json={"code": "not_found", "detail": "-"})

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


def methods(kind: type) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Every public method, and what it is called with: a sample of each argument it needs."""
    for name, member in inspect.getmembers(kind, inspect.isfunction):
        if name.startswith("_") or name in ("run", "close", "request_of", "answer_of"):
            continue
        if name in ("wait_after_answer", "wait_after_break"):
            continue
        yield name, _arguments(member)


def _arguments(member: Callable[..., Any]) -> list[dict[str, Any]]:
    needed = {
        name: SAMPLES[each.annotation]
        for name, each in inspect.signature(member).parameters.items()
        if name != "self" and each.default is each.empty and each.kind is not each.VAR_KEYWORD
    }
    most = max(map(len, needed.values()), default=1)
    calls = [
        {name: samples[min(at, len(samples) - 1)] for name, samples in needed.items()}
        for at in range(most)
    ]
    # What is known by an id already is written by its id.
    known = [name for name in inspect.signature(member).parameters if name.endswith("_id")]
    return calls + [calls[0] | {name: "x"} for name in known if name not in needed]


def asked_by(client: Client, seen: Seen) -> dict[str, set[tuple[str, str]]]:
    found = {}
    for name, calls in methods(Client):
        seen.asked = set()
        for arguments in calls:
            with suppress(CreditflowError):
                answer = getattr(client, name)(**arguments)
                next(iter(answer))
        found[name] = seen.asked
    return found


async def asked_by_async(client: AsyncClient, seen: Seen) -> dict[str, set[tuple[str, str]]]:
    found = {}
    for name, calls in methods(AsyncClient):
        seen.asked = set()
        for arguments in calls:
            with suppress(CreditflowError):
                answer = getattr(client, name)(**arguments)
                await (answer if inspect.isawaitable(answer) else anext(answer))
        found[name] = seen.asked
    return found


def routes(app: FastAPI) -> dict[tuple[str, str], re.Pattern[str]]:
    return {
        (method.upper(), path.removeprefix("/api/v1")): re.compile(
            re.sub(r"{\w+}", "[^/]+", path.removeprefix("/api/v1"))
        )
        for path, found in app.openapi()["paths"].items()
        for method in found
        if path.startswith("/api/v1/")
    }


def route_of(asked: tuple[str, str], known: Mapping[tuple[str, str], re.Pattern[str]]) -> Any:
    """The route that a request goes to: one that is spelt out wins over one with a part left open."""
    fitting = [r for r, form in known.items() if r[0] == asked[0] and form.fullmatch(asked[1])]
    return min(fitting, key=lambda route: route[1].count("{"), default=None)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_every_route_is_a_method_of_the_client_and_every_method_a_route(
    app: FastAPI, kind: str
) -> None:
    seen, known = Seen(), routes(app)
    if kind == "sync":
        asked = asked_by(Client("http://test", "cf_key", transport=seen), seen)
    else:
        client = AsyncClient("http://test", "cf_key", transport=seen)
        asked = asyncio.run(asked_by_async(client, seen))
    lost = {name: each for name, each in asked.items() if not each}
    assert lost == {}, "a method asks for something"
    nowhere = {name: e for name, each in asked.items() for e in each if not route_of(e, known)}
    assert nowhere == {}, "a method asks for a route that there is"
    reached = {route_of(e, known) for each in asked.values() for e in each}
    assert known.keys() - reached == NOT_ASKED.keys()


# ── what is answered is what is typed ────────────────────────────────────────────────────────────


@pytest.fixture
def known(services: Services) -> str:
    with services.records.begin() as session:
        Editions(session).publish(read_shipped(), shipped_text("standard"), "test")
    content = CustomerContent(name="Example Ltd")
    return services.customers.record(PEOPLE["everybody"], content).customer_id


def test_parties_rings_and_reports_are_answered_as_typed_values(served: str, known: str) -> None:
    with Client(served, KEYS["everybody"]) as client:
        owner = client.record_party("Owner Ltd")
        link = LINK.model_copy(
            update={"holder": owner.party_id, "subject": known, "share": Decimal("0.6")}
        )
        made = client.record_link(link, key="k-1")
        assert client.record_link(link, key="k-1") == made
        ended = client.record_link(made.model_copy(update={"valid_until": date(2020, 1, 1)}))
        assert (ended.link_id, ended.version) == (made.link_id, 2)
        assert client.fetch_ring(known).parts == ()
        [part] = client.fetch_ring(known, date(2019, 12, 31)).parts
        assert (part.member.party_id, part.member.counts) == (owner.party_id, True)
        assert part.member.path[0].share == Decimal("0.6")

        signed = client.attach("agreed.pdf", b"%PDF-1.7 agreed")
        assert client.fetch_attachment_facts(signed.sha256) == signed
        agreed = client.authorise_reports(
            known, signed.sha256, date(2020, 1, 1), date(2199, 12, 31)
        )
        assert list(client.fetch_authorisations(known)) == [agreed]
        with pytest.raises(CreditflowError) as refused:
            client.pull_report(known, "bureau", "assessment")
        assert refused.value.code == "report_unavailable"
        assert {each.outcome for each in client.fetch_report_queries(known)} == {"asked", "outage"}
        assert {each.kind for each in client.fetch_report_kinds()} == {"bureau", "registry"}


def test_factors_statements_and_drafts_are_answered_as_typed_values(
    served: str, known: str
) -> None:
    items = {"cash": Decimal("10.50"), "total_assets": Decimal(100)}
    with Client(served, KEYS["everybody"]) as client:
        client.record_statement(known, date(2020, 12, 31), "CNY", items)
        client.record_statement(
            known, date(2020, 12, 31), "CNY", {**items, "cash": Decimal(12)}, audited=True
        )
        [accounts] = client.fetch_accounts(known)
        assert (accounts.provenance, accounts.counted.audited) == ("single audited", True)
        assert accounts.others[0].differences == {"cash": ("12", "10.50")}
        assert len(client.fetch_versions(known, date(2020, 12, 31))) == 2
        [row] = [each for each in client.list_factors() if each.customer_id == known]
        assert row.figures["equity_ratio"] is None

        base = client.fetch_editions()[0].edition_hash
        text = "[silence]\nreturned_hours = 91\n"
        assert client.check_edition(text, base).faults == ()
        draft = client.draft_edition(text, base)
        assert client.fetch_draft(draft.draft.draft_id) == draft
        assert [each.draft for each in client.fetch_drafts()] == [draft.draft]
        assert len(client.fetch_draft_changes(draft.draft.draft_id).differences) == 1
        assert len(client.compare_edition(text, base, against=base).differences) == 1
        assert "returned_hours = 91" in client.fetch_draft_source(draft.draft.draft_id)
        book = client.write_workbook(text, base)
        assert client.read_workbook(book).edition_hash == draft.draft.edition_hash


async def test_the_asynchronous_client_reads_the_same(served: str, known: str) -> None:
    async with AsyncClient(served, KEYS["everybody"]) as client:
        ring = await client.fetch_ring(known)
        assert (ring.customer_id, ring.parts) == (known, ())
        assert [row.customer_id async for row in client.list_factors()] == [known]
        assert await client.fetch_reratings() == ()
        with pytest.raises(CreditflowError) as refused:
            await client.fetch_turnover(known)
        assert refused.value.code == "not_found"
