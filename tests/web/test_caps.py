"""A cap on a customer or a group: asked for by one, decided by others, and what orders then get."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from creditflow.client import AsyncClient, Client
from creditflow.client import values as v
from creditflow.commands.output import Exit
from domain.approval import ApprovalOutcome, Silence, StepDue, TaskStatus, Verdict
from domain.cap import Cap, CapContent, CapOwner, CapStatus
from domain.customer import CustomerContent, CustomerGroup
from domain.errors import (
    CapPending,
    DateNotToCome,
    KeyReused,
    LineHeld,
    Malformed,
    NoAuthority,
    NotFound,
    NotPermitted,
    OverLimit,
    OwnCase,
    Recused,
)
from domain.exposure import Limit
from domain.money import Money
from domain.related import RelatedBy, RelatedContent
from storage.customer import Customers
from storage.related import RelatedParties
from tests.makers_line import open_line
from tests.web.conftest import serving
from tests.web.test_commands import Terminal
from tests.web.test_console import _faults_of, hidden
from tests.web.test_override_pages import app, signed_in
from tests.web.test_overrides import House, api, as_, house, key_of, seals
from web.app import assemble
from web.service.cap import CapView

__all__ = ["api", "app", "house", "seals"]

A, B = "line-a", "line-b"


def cny(amount: int | str) -> Money:
    return Money.of(amount, "CNY")


class Ceilings:
    """The house, whose customer has two lines of three million each."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.services = house.services
        self.people = house.people
        self.customer_id = house.customer.customer_id
        self.on = house.services.clock.business_on()
        for line_id in (A, B):
            self.opens(line_id, self.customer_id)

    def opens(self, line_id: str, customer_id: str, **fields: Any) -> None:
        dates = {
            "starts_on": self.on,
            "last_draw_on": self.on + timedelta(days=300),
            "ends_on": self.on + timedelta(days=330),
        }
        fields = {"limit": cny(3_000_000), **dates, **fields}
        open_line(self.services.records, line_id, customer_id=customer_id, **fields)

    def groups(self, *customer_ids: str, group_id: str = "group-1") -> None:
        with self.services.records.begin() as session:
            customers = Customers(session)
            customers.record_group(CustomerGroup(group_id=group_id, name="The Group"))
            for customer_id in customer_ids:
                known = customers.read(customer_id)
                customers.update(
                    known.model_copy(update={"group_id": group_id}),
                    business_on=self.on,
                    source="test",
                    recorded_by="manager",
                )

    def asks(
        self,
        limit: Limit,
        person: str = "manager",
        scope: CapOwner = CapOwner.CUSTOMER,
        owner_id: str = "",
        key: str | None = None,
        **said: Any,
    ) -> Cap:
        content = CapContent(
            currency="CNY", limit=limit, reason="one plant behind all of them", **said
        )
        owner = owner_id or self.customer_id
        asked = self.services.caps.ask(self.people[person], scope, owner, content, key)
        self.house.office.deliver()
        return asked

    def view(self, cap: Cap) -> CapView:
        return self.services.caps.read(self.people["auditor"], cap.request.cap_id)

    def task(self, cap: Cap) -> str:
        return next(each.task_id for each in self.view(cap).tasks if each.status is TaskStatus.OPEN)

    def decides(
        self, cap: Cap, person: str, verdict: Verdict = Verdict.APPROVE, **said: Any
    ) -> Any:
        return self.services.approvals.decide(
            self.people[person], self.task(cap), verdict, note="looked at", **said
        )

    def takes(self, line_id: str, amount: int, key: str) -> Any:
        release = self.people["release"]
        return self.services.exposure.reserve(release, line_id, cny(amount), key)


@pytest.fixture
def ceilings(house: House) -> Ceilings:
    return Ceilings(house)


def test_a_cap_below_what_is_taken_puts_the_rest_on_a_plan_with_that_word(
    ceilings: Ceilings,
) -> None:
    ceilings.takes(A, 1_500_000, "k-1")
    ceilings.decides(ceilings.asks(Limit.of(cny(1_000_000))), "approver1")

    excesses = ceilings.services.excesses
    [plan] = excesses.list_excesses(ceilings.people["manager"], customer_id=ceilings.customer_id)

    assert (plan.account, plan.over) == (f"customer/{ceilings.customer_id}", cny(500_000))


# ── from asking to orders ────────────────────────────────────────────────────────────────────────


def test_a_cap_is_asked_for_decided_by_its_tier_and_holds_from_that_word_on(
    ceilings: Ceilings,
) -> None:
    ceilings.takes(A, 1_500_000, "k-1")
    cap = ceilings.asks(Limit.of(cny(4_000_000)), review_due_on=ceilings.on + timedelta(days=90))
    [request] = [each.request for each in ceilings.view(cap).approvals]
    assert (request.aggregate, request.route_row) == (cny(4_000_000), "sound_branch")
    assert request.makers == ("manager",)
    ceilings.takes(B, 2_000_000, "k-2")  # nothing holds before it is decided

    done = ceilings.decides(cap, "approver1")

    view = ceilings.view(cap)
    assert (view.cap.status, view.cap.settled_by) == (CapStatus.SET, "approver1")
    assert view.cap.letter_no == done.letter_no
    letter = ceilings.services.approvals.read_letter(ceilings.people["manager"], done.letter_no)
    assert letter.approved
    assert letter.cap is not None
    assert letter.cap.limit == Limit.of(cny(4_000_000))
    assert letter.content_hash == request.content_hash
    [standing] = ceilings.services.caps.read_of(
        ceilings.people["auditor"], CapOwner.CUSTOMER, ceilings.customer_id
    ).in_force
    assert (standing.left, standing.letter_no) == (cny(500_000), done.letter_no)
    assert standing.balance.reserved == cny(3_500_000)
    with pytest.raises(OverLimit, match=rf"CNY 500,000.00 on customer/{ceilings.customer_id}"):
        ceilings.takes(A, 500_001, "k-3")
    assert ceilings.takes(B, 500_000, "k-4").headroom == cny(0)
    assert ceilings.services.exposure.verify(ceilings.people["auditor"]).holds


def test_a_cap_below_what_is_taken_is_told_and_lets_it_melt(ceilings: Ceilings) -> None:
    taken = ceilings.takes(A, 2_000_000, "k-1")
    cap = ceilings.asks(Limit.of(cny(500_000)))

    [approval] = ceilings.view(cap).approvals
    assert approval.request.reasons == ("cap_below_taken",)
    ceilings.decides(cap, "approver1")

    with pytest.raises(LineHeld):  # what stands above the cap holds its customer
        ceilings.takes(B, 1, "k-2")
    release = ceilings.people["release"]
    ceilings.services.exposure.release(release, A, taken.reservation_id, "r-1")
    ceilings.house.office.deliver()  # the look that it owes lets the hold go
    assert ceilings.takes(B, 500_000, "k-3").binding == f"customer/{ceilings.customer_id}"


@pytest.mark.parametrize(
    ("limit", "aggregate", "row", "reasons"),
    [
        (Limit.of(cny(10_000_000)), 10_000_000, "sound_branch", ("cap_above_limits",)),
        (Limit.of(cny("10000000.01")), "10000000.01", "sound_region", ("cap_above_limits",)),
        (Limit.of(cny(100_000_001)), 100_000_001, "sound_head", ("cap_above_limits",)),
        (
            Limit.of(cny("500000000.01")),
            "500000000.01",
            "above_eligible",
            ("cap_above_policy", "cap_above_limits"),
        ),
        (Limit.unlimited(), 500_000_000, "sound_head", ("cap_removed",)),
        (Limit.none(), 0, "sound_branch", ()),
    ],
)
def test_who_decides_goes_by_the_sum_that_may_be_lent(
    ceilings: Ceilings, limit: Limit, aggregate: Any, row: str, reasons: tuple[str, ...]
) -> None:
    [approval] = ceilings.view(ceilings.asks(limit)).approvals

    assert approval.request.aggregate == cny(aggregate)
    assert approval.request.route_row == row
    assert approval.request.reasons == reasons


def test_a_cap_is_taken_away_by_whoever_may_grant_as_much_as_policy_allows(
    ceilings: Ceilings,
) -> None:
    ceilings.decides(ceilings.asks(Limit.of(cny(100))), "approver1")
    away = ceilings.asks(Limit.unlimited(), "risk")
    ceilings.decides(away, "approver3")
    assert ceilings.view(away).cap.status is CapStatus.PENDING

    done = ceilings.decides(away, "approver4")

    assert done.outcome is ApprovalOutcome.APPROVED
    assert ceilings.takes(A, 3_000_000, "k-1").binding == f"line/{A}"


# ── whose word it is ─────────────────────────────────────────────────────────────────────────────


def test_whoever_asked_does_not_decide(ceilings: Ceilings) -> None:
    with ceilings.services.records.begin() as session:
        session.execute(
            text("UPDATE authority_grant SET person_id = 'risk' WHERE person_id = 'approver1'")
        )
    cap = ceilings.asks(Limit.of(cny(1_000_000)), "risk")

    with pytest.raises(OwnCase):
        ceilings.decides(cap, "risk")
    assert ceilings.view(cap).cap.status is CapStatus.PENDING


def test_the_records_hold_that_too(ceilings: Ceilings) -> None:
    cap = ceilings.asks(Limit.of(cny(1_000_000)), "risk")

    with pytest.raises(DBAPIError), ceilings.services.records.begin() as session:
        session.execute(
            text(
                "INSERT INTO cap_settlement (cap_id, asked_by, outcome, settled_by, letter_no,"
                " settled_on, settled_at) VALUES (:cap_id, 'risk', 'set', 'risk', :letter_no,"
                " now(), now())"
            ),
            {"cap_id": cap.request.cap_id, "letter_no": f"PF-{A}"},
        )
    for statement in (
        "UPDATE cap_request SET limit_minor = limit_minor + 1",
        "DELETE FROM cap_request",
    ):
        with pytest.raises(DBAPIError), ceilings.services.records.begin() as session:
            session.execute(text(statement))


def test_a_smaller_authority_does_not_do_and_no_other_word_is_given(ceilings: Ceilings) -> None:
    cap = ceilings.asks(Limit.of(cny(20_000_000)))

    with pytest.raises(NoAuthority):
        ceilings.decides(cap, "approver1")
    with pytest.raises(Malformed, match="approved or declined"):
        ceilings.decides(cap, "approver2", Verdict.RETURN)
    with pytest.raises(Malformed, match="approved or declined"):
        ceilings.decides(cap, "approver2", limit=cny(5))
    with pytest.raises(NotPermitted):
        ceilings.asks(Limit.of(cny(1)), "approver1")
    with pytest.raises(NotFound):
        ceilings.asks(Limit.of(cny(1)), "manager2")


# ── how else it ends ─────────────────────────────────────────────────────────────────────────────


def test_a_declined_cap_has_its_letter_and_changes_nothing(ceilings: Ceilings) -> None:
    cap = ceilings.asks(Limit.of(cny(100)))

    done = ceilings.decides(cap, "approver1", Verdict.DECLINE)

    view = ceilings.view(cap)
    assert (view.cap.status, view.cap.letter_no) == (CapStatus.DECLINED, done.letter_no)
    letter = ceilings.services.approvals.read_letter(ceilings.people["auditor"], done.letter_no)
    assert (letter.approved, letter.reason_codes) == (False, ("approver_declined",))
    assert ceilings.takes(A, 1_000_000, "k-1").binding == f"line/{A}"
    assert ceilings.asks(Limit.of(cny(100))).status is CapStatus.PENDING


def test_one_waits_at_a_time_and_silence_sets_no_cap(ceilings: Ceilings) -> None:
    cap = ceilings.asks(Limit.of(cny(100)), key="cap-1")
    assert ceilings.asks(Limit.of(cny(100)), key="cap-1") == cap
    with pytest.raises(KeyReused):
        ceilings.asks(Limit.of(cny(101)), key="cap-1")
    with pytest.raises(CapPending):
        ceilings.asks(Limit.of(cny(101)), "risk")

    ceilings.house.office.silent(
        StepDue(
            approval_id=f"{cap.request.cap_id}.1",
            step_index=0,
            silence=Silence.LAPSE,
            at=ceilings.services.clock.now(),
        )
    )

    view = ceilings.view(cap)
    assert (view.cap.status, view.cap.letter_no) == (CapStatus.LAPSED, None)
    assert ceilings.takes(A, 1_000_000, "k-1").binding == f"line/{A}"
    ceilings.asks(Limit.of(cny(101)), "risk")


def test_a_day_gone_by_and_evidence_that_is_not_on_file_are_refused(ceilings: Ceilings) -> None:
    with pytest.raises(DateNotToCome):
        ceilings.asks(Limit.of(cny(1)), review_due_on=ceilings.on)
    with pytest.raises(NotFound):
        ceilings.asks(Limit.of(cny(1)), evidence_hash="0" * 64)


# ── a group ──────────────────────────────────────────────────────────────────────────────────────


def test_a_groups_cap_is_over_the_lines_of_all_its_members(ceilings: Ceilings) -> None:
    other = ceilings.services.customers.record(
        ceilings.people["manager2"], CustomerContent(name="The Other Member Ltd")
    ).customer_id
    ceilings.opens("line-c", other)
    ceilings.groups(ceilings.customer_id, other)
    ceilings.takes("line-c", 1_000_000, "k-1")
    cap = ceilings.asks(Limit.of(cny(1_500_000)), "risk", CapOwner.GROUP, "group-1")

    ceilings.decides(cap, "approver1")

    with pytest.raises(OverLimit, match=r"CNY 500,000.00 on group/group-1"):
        ceilings.takes(A, 500_001, "k-2")
    taken = ceilings.takes(B, 400_000, "k-3")
    assert (taken.headroom, taken.binding) == (cny(100_000), "group/group-1")
    seen = ceilings.services.caps.list_caps(ceilings.people["manager"])
    assert [each.request.owner_id for each in seen] == ["group-1"]
    with pytest.raises(NotFound):
        ceilings.services.caps.read_of(ceilings.people["manager"], CapOwner.GROUP, "group-2")


def test_a_related_member_brings_the_caps_before_its_own_body_and_recuses_whom_it_marks(
    ceilings: Ceilings,
) -> None:
    ceilings.groups(ceilings.customer_id)
    entry = RelatedContent(
        subject=ceilings.customer_id,
        relation=RelatedBy.INSIDER,
        members=("approver5",),
        source="declaration",
        valid_from=ceilings.on,
    )
    with ceilings.services.records.begin() as session:
        RelatedParties(session).record(entry, "e-1", "risk")
        RelatedParties(session).check("e-1", 1, "risk2", accepted=True, note="")
    for scope, owner_id in ((CapOwner.CUSTOMER, ""), (CapOwner.GROUP, "group-1")):
        cap = ceilings.asks(Limit.of(cny(100)), "risk", scope, owner_id)

        [approval] = ceilings.view(cap).approvals
        assert approval.request.route_row == "related_party"
        with pytest.raises(Recused):
            ceilings.decides(cap, "approver5")


# ── what else knows it ───────────────────────────────────────────────────────────────────────────


def test_a_new_limit_is_judged_as_before_and_its_receipt_says_what_the_caps_leave(
    ceilings: Ceilings,
) -> None:
    house, before = ceilings.house, ceilings.house.view().assessment
    house.amends(purpose="as before")
    without = house.view().assessment
    assert without is not None
    assert without.dossier.holdings.caps == ()
    ceilings.groups(ceilings.customer_id)
    ceilings.takes(A, 1_000_000, "k-1")
    of_customer, of_group = (
        ceilings.asks(Limit.of(cny(4_000_000))),
        ceilings.asks(Limit.of(cny(9_000_000)), "risk", CapOwner.GROUP, "group-1"),
    )
    for cap in (of_customer, of_group):
        ceilings.decides(cap, "approver1")

    house.amends(purpose="a second plant")

    judged = house.view().assessment
    assert judged is not None
    assert before is not None
    own, group = judged.dossier.holdings.caps
    assert (own.scope, own.cap, own.left) == (CapOwner.CUSTOMER, cny(4_000_000), cny(3_000_000))
    assert (group.owner_id, group.left) == ("group-1", cny(8_000_000))
    assert own.limits == cny(6_000_000)
    assert own.letter_no == ceilings.view(of_customer).cap.letter_no
    # Limits below a cap may come to more than it; this one is what it was.
    assert judged.limit.limit_proposed == without.limit.limit_proposed
    assert judged.limit.limit_proposed + own.limits > own.cap
    assert house.services.applications.replay(house.people["auditor"], house.case_id).identical


def test_the_profile_of_a_day_has_the_caps_of_that_day(ceilings: Ceilings) -> None:
    ceilings.groups(ceilings.customer_id)
    cap = ceilings.asks(Limit.of(cny(4_000_000)))
    ceilings.decides(cap, "approver1")
    read = ceilings.services.profiles.read
    auditor = ceilings.people["auditor"]

    [found] = read(auditor, ceilings.customer_id).caps

    assert (found.scope, found.cap.value) == (CapOwner.CUSTOMER, cny(4_000_000))
    assert found.cap.source == f"letter {ceilings.view(cap).cap.letter_no}"
    with ceilings.services.records.begin() as session:
        session.execute(text("ALTER TABLE exposure_entry DISABLE TRIGGER USER"))
        session.execute(
            text("UPDATE exposure_entry SET business_on = business_on + 1 WHERE kind = 'opening'")
        )
    assert read(auditor, ceilings.customer_id).caps == ()


# ── how it is asked ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"currency": "USD"}, 422, "currency_mismatch"),
        ({"limit": {"kind": "amount"}}, 422, "malformed_amount"),
        ({"limit": {"kind": "unlimited", "amount": None}, "reason": " "}, 422, "malformed"),
        ({"review_due_on": "2020-01-01"}, 422, "date_not_to_come"),
    ],
)
async def test_what_is_no_cap_is_refused_with_its_code(
    api: httpx.AsyncClient, ceilings: Ceilings, body: dict[str, Any], status: int, code: str
) -> None:
    said = {
        "currency": "CNY",
        "limit": {"kind": "amount", "amount": {"amount": "5.00", "currency": "CNY"}},
        "reason": "a reason",
        **body,
    }
    path = f"/api/v1/customers/{ceilings.customer_id}/caps"
    answer = await api.post(path, json=said, headers=as_("manager"))

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_programs_in_python_and_people_at_a_terminal_can_ask_the_same(
    ceilings: Ceilings, tmp_path: Path
) -> None:
    owner = ceilings.customer_id
    content = v.CapContent(
        currency="CNY",
        limit=v.Limit(kind="amount", amount=v.Money(amount=Decimal(4_000_000), currency="CNY")),
        reason="one plant",
    )
    ceilings.groups(owner)
    with serving(assemble(ceilings.services, public_url="http://test")) as url:
        with Client(url, key_of("manager")) as client:
            asked = client.ask_customer_cap(owner, content, key="k-1")
            assert client.ask_customer_cap(owner, content, key="k-1") == asked
            of_group = client.ask_group_cap("group-1", content)
        ceilings.house.office.deliver()
        terminal = Terminal(url, tmp_path)
        view = terminal.types("caps", "read", asked.request.cap_id, "--json", key=key_of("auditor"))
        assert view.exit_code == Exit.DONE
        decided = ceilings.services.caps.read(ceilings.people["auditor"], asked.request.cap_id)
        ceilings.decides(decided.cap, "approver1")
        async with AsyncClient(url, key_of("auditor")) as watching:
            listed = [each async for each in watching.list_caps(scope="customer")]
            standing = await watching.fetch_customer_caps(owner)
            groups = await watching.fetch_group_caps("group-1")
            one = await watching.fetch_cap(of_group.request.cap_id)
        assert [(each.request.cap_id, each.status) for each in listed] == [
            (asked.request.cap_id, "set")
        ]
        assert standing.in_force[0].left == v.Money(amount=Decimal(4_000_000), currency="CNY")
        assert standing.in_force[0].letter_no == listed[0].letter_no
        assert groups.asked[0] == one.cap == of_group
        shown = terminal.types("caps", "show", owner, key=key_of("risk"))
        typed = terminal.types(
            "caps", "ask", owner, "CNY", "--unlimited", "--note", "grown up", "--json",
            key=key_of("risk"),
        )  # fmt: skip
        both = terminal.types(
            "caps", "ask", owner, "CNY", "--unlimited", "--amount", "5", "--note", "?",
            key=key_of("risk"),
        )  # fmt: skip
        pending = terminal.types("caps", "list", "--status", "pending", key=key_of("auditor"))
        denied = terminal.types("caps", "list", "--json", key=key_of("orders"))
    assert listed[0].letter_no is not None
    assert listed[0].letter_no in shown.stdout
    assert typed.exit_code == Exit.DONE
    assert both.exit_code == Exit.USAGE
    assert "unlimited" in pending.stdout
    assert denied.exit_code == Exit.REFUSED


# ── pages ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scope", list(CapOwner))
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_cap_is_asked_for_on_a_page_decided_on_a_task_and_shown(
    app: FastAPI, ceilings: Ceilings, scope: CapOwner, language: str
) -> None:
    ceilings.groups(ceilings.customer_id)
    owner = ceilings.customer_id if scope is CapOwner.CUSTOMER else "group-1"
    path = f"/{scope}s/{owner}"
    asking = signed_in(app, "manager", language)
    form = hidden(asking.get(path), f"{path}/caps")
    said = {**form, "kind": "amount", "currency": "CNY", "reason": "one plant"}
    refused = asking.post(f"{path}/caps", data={**said, "amount": "lots"})
    assert refused.status_code == 422
    assert "one plant" in refused.text

    asked = asking.post(f"{path}/caps", data={**said, "amount": "4,000,000"})
    assert asked.status_code == 303
    ceilings.house.office.deliver()
    page = asking.get(path)
    assert _faults_of(page.text) == []
    [cap] = ceilings.services.caps.list_caps(ceilings.people["auditor"])
    task = ceilings.task(cap)

    deciding = signed_in(app, "approver1", language)
    page = deciding.get(f"/tasks/{task}")
    assert page.status_code == 200
    assert _faults_of(page.text) == []
    assert 'value="return"' not in page.text
    assert "CNY CNY" not in page.text
    assert "CNY ¥" not in page.text
    assert 'name="limit"' not in page.text
    word = hidden(page, f"/tasks/{task}/decision")
    done = deciding.post(f"/tasks/{task}/decision", data={**word, "verdict": "approve"})
    assert done.status_code == 303
    assert deciding.get(f"/tasks/{task}").status_code == 200
    letter_no = ceilings.view(cap).cap.letter_no
    assert letter_no is not None
    shown = deciding.get(path)
    assert letter_no in shown.text
    assert f"{path}/caps" not in shown.text  # an approver asks for none


def test_the_key_of_a_form_is_whatever_it_is_and_never_the_id_of_something_else(
    app: FastAPI, ceilings: Ceilings
) -> None:
    path = f"/customers/{ceilings.customer_id}"
    asking = signed_in(app, "manager")
    form = hidden(asking.get(path), f"{path}/caps")
    said = {**form, "kind": "amount", "currency": "CNY", "amount": "4,000,000", "reason": "plant"}
    case_id = ceilings.house.case_id
    for key in (case_id, "a b"):
        for _ in range(2):
            assert asking.post(f"{path}/caps", data={**said, "key": key}).status_code == 303
        ceilings.house.office.deliver()
        [cap] = ceilings.services.caps.list_caps(
            ceilings.people["auditor"], status=CapStatus.PENDING
        )
        assert cap.request.cap_id != key
        ceilings.decides(cap, "approver1", Verdict.DECLINE)

    asked = ceilings.services.caps.list_caps(ceilings.people["auditor"])
    assert len({each.request.cap_id for each in asked}) == 2
    [approval] = ceilings.house.view().approvals
    assert approval.outcome is ApprovalOutcome.OPEN


def test_one_key_of_two_people_or_of_two_owners_asks_for_two_caps(ceilings: Ceilings) -> None:
    ceilings.groups(ceilings.customer_id)
    asked = [
        ceilings.asks(Limit.of(cny(100)), "risk", key="k-1"),
        ceilings.asks(Limit.of(cny(100)), "risk", CapOwner.GROUP, "group-1", key="k-1"),
    ]
    ceilings.decides(asked[0], "approver1", Verdict.DECLINE)
    asked.append(ceilings.asks(Limit.of(cny(100)), "manager", key="k-1"))

    assert len({each.request.cap_id for each in asked}) == 3
