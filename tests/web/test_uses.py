"""A use with approval: asked for, reserved, decided, reviewed and released, or given back."""

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from activities.use import sweep_uses
from creditflow.client import AsyncClient, Client
from creditflow.client import values as v
from creditflow.commands.output import Exit
from domain.approval import Silence, StepDue, TaskStatus, Verdict
from domain.contract import Capacity, ContractStatus, CustomerAct, IssueContract, Signatory
from domain.errors import (
    CurrencyMismatch,
    DateNotToCome,
    DepositTooLow,
    KeyReused,
    Malformed,
    MalformedAmount,
    NoAuthority,
    NoteMissing,
    NotFound,
    NotPermitted,
    OverLimit,
    OwnCase,
    ProductUnknown,
    PurposeRefused,
    ReleaseOpen,
    SameHands,
    StaleContent,
    UseHeld,
    UseNeedsApproval,
    UseSettled,
    UseUnmarked,
)
from domain.exposure import Fitting, SubLimit, UseBounds
from domain.money import Money
from domain.use import ReleaseCheck, ReleaseItem, Use, UseContent, UseStatus
from storage.approval import Letters
from storage.contract import Contracts, CustomerActs
from storage.edition import Editions
from storage.exposure import Exposure
from tests.makers_line import open_line
from tests.makers_policy import a_changed_edition
from tests.web.conftest import serving
from tests.web.test_commands import Terminal
from tests.web.test_console import _faults_of, hidden
from tests.web.test_override_pages import app, signed_in
from tests.web.test_overrides import House, api, as_, house, key_of, seals
from web.app import assemble
from web.service.exposure import UseAsked
from web.service.use import UseView

__all__ = ["api", "app", "house", "seals"]

LINE = "line-a"
ACCEPTANCE, LOAN, FACTORING = "bank_acceptance", "working_capital_loan", "factoring"


def cny(amount: int | str) -> Money:
    return Money.of(amount, "CNY")


class Counter:
    """The house, whose customer has a comprehensive line of twenty million, its contract signed."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.services = house.services
        self.people = house.people
        self.on = house.services.clock.business_on()
        self.book: Exposure = house.services.exposure._exposure
        self.file = self.services.attachments.record(
            self.people["manager"], b"%PDF-1.7 the contract of sale", "sale.pdf"
        ).sha256
        self.opens(
            LINE,
            UseBounds(
                sub_lines=tuple(
                    SubLimit(product=each, limit=cny(20_000_000))
                    for each in (ACCEPTANCE, LOAN, FACTORING)
                )
            ),
        )

    def opens(self, line_id: str, bounds: UseBounds) -> None:
        open_line(
            self.services.records,
            line_id,
            customer_id=self.house.customer.customer_id,
            limit=cny(20_000_000),
            bounds=bounds,
            starts_on=self.on,
            last_draw_on=self.on + timedelta(days=300),
            ends_on=self.on + timedelta(days=330),
        )
        now = self.services.clock.now()
        with self.services.records.begin() as session:
            letter = Letters(session).read(f"PF-{line_id}")
            issue = IssueContract(
                contract_id=letter.case_id,
                case_id=letter.case_id,
                letter=letter,
                issued_at=now,
                expires_at=now + timedelta(days=30),
            )
            Contracts(session).record(issue, self.file)
            act = CustomerAct(
                contract_id=letter.case_id,
                kind="sign",
                signatory=Signatory(
                    signatory="Signatory of the customer",
                    capacity=Capacity.LEGAL_REPRESENTATIVE,
                ),
            )
            CustomerActs(session).record(act, now)
            signed = ContractStatus.SIGNED
            Contracts(session).end(
                letter.case_id, signed, now, act_id=act.act_id, signed_hash=self.file
            )

    def asks(
        self, person: str = "manager", line_id: str = LINE, key: str | None = "u-1", **said: Any
    ) -> Use:
        content = {
            "product": ACCEPTANCE,
            "amount": cny(10_000_000),
            "deposit": cny(3_000_000),
            "purpose": "steel for the orders of the year",
            "payee": "Example Steel Co., Ltd.",
        }
        use = self.services.uses.ask(
            self.people[person], line_id, UseContent.model_validate(content | said), key
        )
        self.house.office.deliver()
        return use

    def view(self, use: Use) -> UseView:
        return self.services.uses.read(self.people["auditor"], use.request.use_id)

    def status(self, use: Use) -> UseStatus:
        return self.view(use).use.status

    def task(self, use: Use) -> str:
        return next(each.task_id for each in self.view(use).tasks if each.status is TaskStatus.OPEN)

    def decides(
        self, use: Use, person: str = "approver1", verdict: Verdict = Verdict.APPROVE, **said: Any
    ) -> Any:
        return self.services.approvals.decide(
            self.people[person], self.task(use), verdict, note="looked at", **said
        )

    def seen(self, *, without: str = "") -> tuple[ReleaseCheck, ...]:
        return tuple(
            ReleaseCheck(
                item=item,
                held=True,
                evidence=f"seen for {item}",
                evidence_hash=self.file if item is ReleaseItem.PURPOSE else None,
            )
            for item in ReleaseItem
            if item != without
        )

    def releases(self, use: Use, person: str = "release", without: str = "") -> Use:
        return self.services.uses.release(
            self.people[person], use.request.use_id, self.seen(without=without)
        )

    def stands(self, line_id: str = LINE) -> tuple[Money, Money]:
        """What is reserved and what is used on the line."""
        line = self.book.balances(line_id, self.on)[0]
        return line.reserved, line.used

    def sweeps(self, days: int = 0) -> int:
        at = self.services.clock.now() + timedelta(days=days)
        ended = sweep_uses(self.services.records, self.book, at, 100)
        self.house.office.deliver()
        return ended

    def proves(self) -> None:
        assert self.services.exposure.verify(self.people["auditor"]).holds


@pytest.fixture
def counter(house: House) -> Counter:
    return Counter(house)


# ── from asking to the release ───────────────────────────────────────────────────────────────────


def test_an_acceptance_is_reserved_decided_reviewed_and_released(counter: Counter) -> None:
    use = counter.asks()
    assert use.status is UseStatus.ASKED
    assert counter.stands() == (cny(7_000_000), cny(0))  # ten by name, three of deposit
    [approval] = counter.view(use).approvals
    assert (approval.request.aggregate, approval.request.route_row) == (
        cny(10_000_000),
        "sound_branch",
    )

    counter.decides(use)
    assert counter.status(use) is UseStatus.APPROVED
    assert counter.stands() == (cny(7_000_000), cny(0))
    released = counter.releases(use)

    assert released.status is UseStatus.RELEASED
    assert counter.stands() == (cny(0), cny(7_000_000))
    assert [each.item for each in released.steps[-1].checks] == [*ReleaseItem]
    assert all(each.held and each.evidence for each in released.steps[-1].checks)
    assert counter.releases(use) == released  # and once
    assert counter.stands() == (cny(0), cny(7_000_000))
    counter.proves()


def test_the_same_request_is_the_same_use_and_another_body_is_refused(counter: Counter) -> None:
    use = counter.asks()

    assert counter.asks().request == use.request
    with pytest.raises(KeyReused):
        counter.asks(amount=cny(10_000_001))
    assert counter.stands() == (cny(7_000_000), cny(0))


def test_what_there_is_no_room_for_is_refused_again_and_asks_nobody(counter: Counter) -> None:
    for _ in range(2):
        with pytest.raises(OverLimit):
            counter.asks(amount=cny(40_000_000), deposit=cny(12_000_000))
    share = Decimal("0.3")
    counter.opens("line-b", UseBounds(fitting=Fitting(product=ACCEPTANCE, deposit_share=share)))
    with pytest.raises(DepositTooLow):
        counter.asks(line_id="line-b", deposit=cny(2_999_999))

    listed = counter.services.uses.list_uses(counter.people["auditor"])
    assert [each.status for each in listed] == [UseStatus.REFUSED] * 2
    assert counter.view(listed[-1]).approvals == ()
    assert counter.sweeps() == 0
    assert counter.stands() == (cny(0), cny(0))


# ── the fast road ────────────────────────────────────────────────────────────────────────────────


def reserves(counter: Counter, amount: int, line_id: str = LINE, **said: Any) -> Any:
    return counter.services.exposure.reserve(
        counter.people["release"], line_id, cny(amount), use=UseAsked(**said)
    )


def test_a_plain_order_of_what_is_marked_is_told_where_to_ask(counter: Counter) -> None:
    with pytest.raises(UseNeedsApproval) as refused:
        reserves(counter, 1000, product=ACCEPTANCE, deposit=cny(300))
    assert refused.value.facts["where"] == "POST /api/v1/uses"
    assert refused.value.facts["row"] == "acceptance"
    with pytest.raises(UseNeedsApproval):
        reserves(counter, 5_000_000, product=LOAN)
    checks = counter.services.exposure.check
    for key in (None, "k-1"):
        with pytest.raises(UseNeedsApproval):
            checks(
                counter.people["manager"],
                counter.house.customer.customer_id,
                cny(5_000_000),
                key,
                use=UseAsked(product=LOAN),
            )

    assert reserves(counter, 4_999_999, product=LOAN).reservation_id
    assert reserves(counter, 9_000_000, product=FACTORING).reservation_id


def test_an_order_that_leaves_out_its_product_is_of_its_lines(counter: Counter) -> None:
    counter.opens("line-b", UseBounds(fitting=Fitting(product=ACCEPTANCE)))
    counter.opens("line-c", UseBounds(fitting=Fitting(product=LOAN)))
    counter.opens("line-d", UseBounds())

    with pytest.raises(UseNeedsApproval, match="line-b"):
        reserves(counter, 1, "line-b")
    with pytest.raises(UseNeedsApproval, match="line-c"):
        reserves(counter, 5_000_000, "line-c")
    assert reserves(counter, 4_999_999, "line-c").reservation_id
    assert reserves(counter, 9_000_000, "line-d").reservation_id


def test_what_needs_no_approval_is_sent_to_the_fast_road(counter: Counter) -> None:
    with pytest.raises(UseUnmarked):
        counter.asks(product=FACTORING)
    with pytest.raises(UseUnmarked):
        counter.asks(product=LOAN, amount=cny(4_999_999), deposit=None)
    with pytest.raises(ProductUnknown):
        counter.asks(product="barter")


def test_a_dedicated_facility_is_refused_for_another_purpose(counter: Counter) -> None:
    plant = "the plant in the harbour"
    counter.opens("line-p", UseBounds(fitting=Fitting(product=LOAN, purpose=plant)))

    with pytest.raises(PurposeRefused, match=plant):
        counter.asks(line_id="line-p", product=LOAN, deposit=None, purpose="wages", key="u-2")
    assert counter.asks(
        line_id="line-p", product=LOAN, deposit=None, purpose=plant, key="u-3"
    ).reservation_id


# ── whose hands ──────────────────────────────────────────────────────────────────────────────────


def test_nobody_ends_what_a_use_holds_but_the_use(counter: Counter) -> None:
    use = counter.asks()
    book, release = counter.services.exposure, counter.people["release"]
    held = use.reservation_id or ""

    with pytest.raises(UseHeld, match=use.request.use_id):
        book.commit(release, LINE, held, "c-1")
    with pytest.raises(UseHeld):
        book.release(release, LINE, held, "r-1")
    with pytest.raises(UseHeld):
        book.split(release, LINE, held, (cny(1_000_000),), "s-1")
    counter.book.expire_due(
        business_on=counter.on, as_of=counter.services.clock.now() + timedelta(days=390)
    )
    assert counter.stands() == (cny(7_000_000), cny(0))
    counter.proves()


def test_whoever_asked_does_not_decide_and_a_smaller_authority_does_not_do(
    counter: Counter,
) -> None:
    with counter.services.records.begin() as session:
        session.execute(
            text("UPDATE authority_grant SET person_id = 'manager' WHERE person_id = 'approver1'")
        )
    use = counter.asks(amount=cny(20_000_000), deposit=cny(6_000_000))
    with pytest.raises((OwnCase, NotPermitted)):
        counter.decides(use, "manager")
    with pytest.raises(NoAuthority):
        counter.decides(use, "approver1")
    with pytest.raises(Malformed, match="approved or declined"):
        counter.decides(use, "approver2", Verdict.RETURN)
    with pytest.raises(Malformed, match="approved or declined"):
        counter.decides(use, "approver2", limit=cny(5))


@pytest.mark.parametrize("person", ["manager", "approver1", "orders"])
def test_the_release_is_none_of_theirs_who_had_another_part(counter: Counter, person: str) -> None:
    asker = "orders" if person == "orders" else "manager"
    if asker == "orders":
        counter.people["orders"] = counter.people["manager"].model_copy(
            update={
                "person_id": "orders",
                "roles": frozenset(),
            }
        )
    role = counter.people["release"].roles
    if person == "orders":
        counter.people["orders"] = counter.people["orders"].model_copy(
            update={"roles": role | counter.people["manager"].roles}
        )
    use = counter.asks(asker)
    counter.decides(use)
    counter.people[person] = counter.people[person].model_copy(
        update={"roles": counter.people[person].roles | role}
    )

    with pytest.raises(SameHands):
        counter.releases(use, person)
    with pytest.raises(SameHands):
        counter.services.uses.reject(counter.people[person], use.request.use_id, (), "no")
    assert counter.status(use) is UseStatus.APPROVED


def test_the_records_hold_that_too(counter: Counter) -> None:
    use = counter.asks()
    step = (
        "INSERT INTO use_step (use_id, seq, asked_by, status, person_id, said_at, business_on, note,"
        " checks) VALUES (:use_id, :seq, 'manager', :status, 'manager', now(), now(), '', '[]')"
    )
    for seq, status in ((1, "approved"), (2, "released"), (1, "released")):
        said = {"use_id": use.request.use_id, "seq": seq, "status": status}
        with pytest.raises(DBAPIError), counter.services.records.begin() as session:
            session.execute(text(step), said)
    for statement in ("UPDATE use_request SET amount_minor = 1", "DELETE FROM use_movement"):
        with pytest.raises(DBAPIError), counter.services.records.begin() as session:
            session.execute(text(statement))


def test_only_some_may_ask_release_or_see(counter: Counter) -> None:
    for person in ("approver1", "release", "risk"):
        with pytest.raises(NotPermitted):
            counter.asks(person)
    with pytest.raises(NotFound):
        counter.asks("manager2")
    use = counter.asks()
    with pytest.raises(NotFound):
        counter.services.uses.read(counter.people["manager2"], use.request.use_id)
    assert counter.services.uses.list_uses(counter.people["manager2"]) == []
    with pytest.raises(NotFound):
        counter.services.uses.withdraw(counter.people["manager2"], use.request.use_id)
    with pytest.raises(NotPermitted):
        counter.services.uses.release(counter.people["risk"], use.request.use_id, ())


# ── the release review ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("item", [*ReleaseItem])
def test_an_item_that_nobody_has_seen_keeps_the_release_up(
    counter: Counter, item: ReleaseItem
) -> None:
    use = counter.asks()
    counter.decides(use)

    with pytest.raises(ReleaseOpen) as refused:
        counter.releases(use, without=item)
    assert refused.value.facts["items"] == item
    assert counter.stands() == (cny(7_000_000), cny(0))


def test_a_frozen_line_releases_nothing(counter: Counter) -> None:
    use = counter.asks()
    counter.decides(use)
    with counter.services.records.begin() as session:
        session.execute(text("UPDATE credit_line SET status = 'frozen'"))

    with pytest.raises(ReleaseOpen, match="contract"):
        counter.releases(use)


def test_nothing_is_released_before_it_is_approved_nor_on_a_file_that_is_not_there(
    counter: Counter,
) -> None:
    use = counter.asks()
    with pytest.raises(UseSettled):
        counter.releases(use)
    counter.decides(use)
    missing = ReleaseCheck(item=ReleaseItem.PURPOSE, held=True, evidence_hash="c" * 64)
    with pytest.raises(NotFound):
        counter.services.uses.release(counter.people["release"], use.request.use_id, (missing,))


# ── how else it ends ─────────────────────────────────────────────────────────────────────────────


def test_a_decline_gives_back(counter: Counter) -> None:
    use = counter.asks()

    counter.decides(use, verdict=Verdict.DECLINE)

    assert counter.status(use) is UseStatus.DECLINED
    assert counter.stands() == (cny(0), cny(0))
    with pytest.raises(UseSettled):
        counter.releases(use)
    counter.proves()


def test_a_rejection_gives_back_with_why(counter: Counter) -> None:
    use = counter.asks()
    counter.decides(use)
    use_id, release = use.request.use_id, counter.people["release"]
    with pytest.raises(NoteMissing):
        counter.services.uses.reject(release, use_id, (), " ")

    rejected = counter.services.uses.reject(release, use_id, (), "the payee is another")

    assert (rejected.status, rejected.steps[-1].note) == (
        UseStatus.REJECTED,
        "the payee is another",
    )
    assert counter.stands() == (cny(0), cny(0))


@pytest.mark.parametrize("approved", [False, True])
def test_a_withdrawal_gives_back_and_asks_nobody_further(counter: Counter, approved: bool) -> None:
    use = counter.asks()
    if approved:
        counter.decides(use)

    taken = counter.services.uses.withdraw(counter.people["manager"], use.request.use_id, "sold")
    counter.house.office.deliver()

    assert taken.status is UseStatus.WITHDRAWN
    assert counter.services.uses.withdraw(counter.people["manager"], use.request.use_id) == taken
    assert counter.stands() == (cny(0), cny(0))
    assert not [each for each in counter.view(use).tasks if each.status is TaskStatus.OPEN]


def test_silence_of_the_approvers_gives_back(counter: Counter) -> None:
    use = counter.asks()

    counter.house.office.silent(
        StepDue(
            approval_id=f"{use.request.use_id}.1",
            step_index=0,
            silence=Silence.LAPSE,
            at=counter.services.clock.now(),
        )
    )

    assert counter.status(use) is UseStatus.LAPSED
    assert counter.stands() == (cny(0), cny(0))


@pytest.mark.parametrize("approved", [False, True])
def test_what_waits_too_long_lapses_and_gives_back(counter: Counter, approved: bool) -> None:
    use = counter.asks()
    if approved:
        counter.decides(use)
    assert counter.sweeps(days=14) == 0
    assert counter.stands() == (cny(7_000_000), cny(0))

    assert counter.sweeps(days=16) == 1

    assert counter.status(use) is UseStatus.LAPSED
    assert counter.stands() == (cny(0), cny(0))
    assert not [each for each in counter.view(use).tasks if each.status is TaskStatus.OPEN]
    assert counter.sweeps(days=16) == 0


def test_a_word_that_comes_after_the_end_is_refused(counter: Counter) -> None:
    use = counter.asks()
    task = counter.task(use)
    counter.house.office.holds_back = True  # the approvers have not heard of it yet
    counter.services.uses.withdraw(counter.people["manager"], use.request.use_id)

    with pytest.raises(StaleContent):
        counter.services.approvals.decide(
            counter.people["approver1"], task, Verdict.APPROVE, note="late"
        )
    assert counter.status(use) is UseStatus.WITHDRAWN


def test_a_day_gone_by_and_evidence_that_is_not_on_file_are_refused(counter: Counter) -> None:
    with pytest.raises(DateNotToCome):
        counter.asks(due_on=counter.on)
    with pytest.raises(NotFound):
        counter.asks(evidence_hash="0" * 64)
    for absurd in ({"amount": cny(10**16)}, {"deposit": cny(10**16)}):
        with pytest.raises(MalformedAmount):
            counter.asks(**absurd)
    with pytest.raises(ValidationError, match="CNY and USD"):
        counter.asks(deposit=Money.of(1, "USD"))


# ── over HTTP ────────────────────────────────────────────────────────────────────────────────────


async def test_a_use_goes_its_road_over_the_api(counter: Counter, api: httpx.AsyncClient) -> None:
    body = {
        "line_id": LINE,
        "product": ACCEPTANCE,
        "amount": {"amount": "10000000.00", "currency": "CNY"},
        "deposit": {"amount": "3000000.00", "currency": "CNY"},
        "purpose": "steel",
        "payee": "Example Steel Co., Ltd.",
    }
    asked = await api.post(
        "/api/v1/uses", json=body, headers=as_("manager", **{"Idempotency-Key": "u-1"})
    )
    assert asked.status_code == 201, asked.text
    use_id = asked.json()["request"]["use_id"]
    counter.house.office.deliver()
    use = counter.services.uses.read(counter.people["auditor"], use_id).use
    counter.decides(use)
    listed = await api.get("/api/v1/uses?status=approved", headers=as_("release"))
    assert [each["request"]["use_id"] for each in listed.json()["items"]] == [use_id]
    path = f"/api/v1/uses/{use_id}"
    early = await api.post(f"{path}/release", json={}, headers=as_("release"))
    assert (early.status_code, early.json()["code"]) == (422, "release_open")

    checks = [each.model_dump(mode="json") for each in counter.seen()]
    done = await api.post(f"{path}/release", json={"checks": checks}, headers=as_("release"))

    assert (done.status_code, done.json()["status"]) == (200, "released"), done.text
    read = await api.get(path, headers=as_("manager"))
    assert [each["kind"] for each in read.json()["use"]["movements"]] == ["reserve", "commit"]
    order = {"amount": body["amount"], "use": {"product": ACCEPTANCE, "deposit": body["deposit"]}}
    plain = await api.post(f"/api/v1/lines/{LINE}/reserve", json=order, headers=as_("release"))
    assert (plain.status_code, plain.json()["code"]) == (422, "use_needs_approval")


# ── by client, command and page ──────────────────────────────────────────────────────────────────


async def test_programs_and_people_at_a_terminal_follow_a_use(
    counter: Counter, tmp_path: Path
) -> None:
    content = v.UseContent(
        product=ACCEPTANCE,
        amount=v.Money.of("10000000.00", "CNY"),
        deposit=v.Money.of("3000000.00", "CNY"),
        purpose="steel",
        payee="Example Steel Co., Ltd.",
    )
    with serving(assemble(counter.services, public_url="http://test")) as url:
        with Client(url, key_of("manager")) as client:
            asked = client.ask_use(LINE, content, key="u-1")
            assert client.ask_use(LINE, content, key="u-1") == asked
        counter.house.office.deliver()
        use_id = asked.request.use_id
        counter.decides(counter.services.uses.read(counter.people["auditor"], use_id).use)
        async with AsyncClient(url, key_of("release")) as watching:
            [listed] = [each async for each in watching.list_uses(status="approved")]
            view = await watching.fetch_use(use_id)
        assert listed == view.use
        terminal = Terminal(url, tmp_path)
        held = [part for item in ReleaseItem for part in ("--held", f"{item}=seen")]
        words = ("use", "release", use_id, *held, "--file", f"purpose={counter.file}")
        early = terminal.types("use", "release", use_id, key=key_of("release"))
        done = terminal.types(*words, key=key_of("release"))
        shown = terminal.types("use", "show", use_id, "--json", key=key_of("auditor"))
        listing = terminal.types("use", "list", "--line", LINE, key=key_of("manager"))
        more = ("--purpose", "wire", "--payee", "Example Wire Co., Ltd.")
        asks = ("use", "ask", LINE, LOAN, "5000000.00", "CNY", *more, "--json")
        second = json.loads(terminal.types(*asks, key=key_of("manager")).stdout)
        back = ("use", "withdraw", second["request"]["use_id"], "--json")
        withdrawn = json.loads(terminal.types(*back, key=key_of("manager")).stdout)

    assert (early.exit_code, done.exit_code) == (Exit.REFUSED, Exit.DONE)
    movements = json.loads(shown.stdout)["use"]["movements"]
    assert [each["kind"] for each in movements] == ["reserve", "commit"]
    assert use_id in listing.stdout
    assert withdrawn["status"] == "withdrawn"


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_use_goes_its_road_on_pages(app: FastAPI, counter: Counter, language: str) -> None:
    asking = signed_in(app, "manager", language)
    path = f"/uses?line={LINE}"
    assert path in asking.get(f"/lines/{LINE}").text
    form = hidden(asking.get(path), f"/lines/{LINE}/uses")
    said = {**form, "product": ACCEPTANCE, "currency": "CNY", "deposit": "3,000,000"}
    said |= {"purpose": "steel", "payee": "Example Steel Co., Ltd."}
    refused = asking.post(f"/lines/{LINE}/uses", data={**said, "amount": "lots"})
    assert (refused.status_code, "Example Steel" in refused.text) == (422, True)
    asked = asking.post(f"/lines/{LINE}/uses", data={**said, "amount": "10,000,000"})
    assert asked.status_code == 303, asked.text
    counter.house.office.deliver()
    [use] = counter.services.uses.list_uses(counter.people["auditor"])
    place = f"/uses/{use.request.use_id}"
    page = asking.get(place)
    assert _faults_of(page.text) == []
    assert f"{place}/withdraw" in page.text
    assert f"{place}/review" not in page.text

    task = counter.task(use)
    deciding = signed_in(app, "approver1", language)
    page = deciding.get(f"/tasks/{task}")
    assert (page.status_code, _faults_of(page.text)) == (200, [])
    assert 'value="return"' not in page.text
    assert place in page.text
    word = hidden(page, f"/tasks/{task}/decision")
    done = deciding.post(f"/tasks/{task}/decision", data={**word, "verdict": "approve"})
    assert done.status_code == 303

    releasing = signed_in(app, "release", language)
    assert "/uses?status=approved" in releasing.get("/tasks").text
    assert place in releasing.get("/uses?status=approved").text
    form = hidden(releasing.get(place), f"{place}/review")
    seen = {f"evidence_{item}": "seen" for item in ReleaseItem}
    review = {**form, **seen, "held": [*ReleaseItem], "act": "release"}
    early = releasing.post(f"{place}/review", data=review)
    assert (early.status_code, "release_open" in early.text) == (422, True)
    file = {"file_purpose": ("sale.pdf", b"%PDF-1.7 another", "application/pdf")}
    released = releasing.post(f"{place}/review", data=review, files=file)

    assert released.status_code == 303, released.text
    assert counter.status(use) is UseStatus.RELEASED
    page = releasing.get(place)
    assert (page.status_code, _faults_of(page.text)) == (200, [])
    assert f"{place}/review" not in page.text


def test_an_edition_may_mark_every_first_use_and_amounts_of_another_currency(
    counter: Counter,
) -> None:
    rows = '[{ code = "first", first_use = true }, { code = "large", from_amount = 700000 }]'
    later = a_changed_edition(
        f"effective_on = {counter.on - timedelta(days=1)}\n[uses]\nrows = {rows}\n"
    )
    with counter.services.records.begin() as session:
        Editions(session).publish(later, "", "test")
    counter.opens("line-d", UseBounds())
    with pytest.raises(UseNeedsApproval, match="row first"):
        reserves(counter, 1, "line-d")
    use = counter.asks(line_id="line-d", product=FACTORING, amount=cny(5), deposit=None)
    assert use.request.row == "first"
    counter.decides(use)
    counter.releases(use)

    assert reserves(counter, 699_999, "line-d").reservation_id
    with pytest.raises(UseNeedsApproval, match="row large"):
        reserves(counter, 700_000, "line-d")
    dollars = {"product": FACTORING, "deposit": None}
    with pytest.raises(CurrencyMismatch):  # a rate of seven makes it large; the line is in yuan
        counter.asks(line_id="line-d", amount=Money.of(100_000, "USD"), key="u-2", **dollars)
    with pytest.raises(UseUnmarked):
        counter.asks(line_id="line-d", amount=Money.of(99_999, "USD"), key="u-3", **dollars)
