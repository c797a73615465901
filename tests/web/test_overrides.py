"""A grade moved by notches on a case: by whom, with whom, what follows, and what is refused."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from creditflow.client import AsyncClient, Client
from creditflow.commands.output import Exit
from domain.application import ApplicationChange, CaseStatus
from domain.approval import ApprovalOutcome, Silence, StepDue, TaskStatus, Verdict
from domain.errors import (
    AlreadyDecided,
    CreditError,
    NoteMissing,
    NotPermitted,
    OutOfOrder,
    OverridePending,
    OwnCase,
    SameHands,
    StaleContent,
)
from domain.identity import Person, Role
from domain.override import OverrideProposal, OverrideStatus, VoidedBy
from storage.customer import Customers
from storage.exposure import Exposure
from storage.identity import ApiKeys, Persons
from storage.statement import Statements
from tests.makers_policy import a_customer, a_statement
from tests.road import an_application, settle
from tests.web.conftest import serving
from tests.web.office import Office
from tests.web.test_commands import Terminal
from web.app import assemble
from web.service.application import CaseView, Overridden
from web.service.clock import Clock
from web.service.once import JoinedRecords
from web.service.services import Services, build_services
from workflows.codec import Codec


class House:
    """An installation with its people, and one case that waits for the branch head."""

    def __init__(self, services: Services, office: Office, people: dict[str, Person]) -> None:
        self.services = services
        self.office = office
        self.people = people
        self.customer = a_customer(manager_id="manager")
        on = services.clock.business_on()
        with services.records.begin() as session:
            Customers(session).record(
                self.customer, business_on=on, source="test", recorded_by="manager"
            )
        self.last_year = (on - timedelta(days=120)).year - 1
        for year in range(self.last_year - 2, self.last_year + 1):
            self.states(year)
        self.case_id = self.submitted("k-1")

    def submitted(self, key: str, amount: int = 5_000_000) -> str:
        application = an_application(self.customer, amount)
        return self.services.applications.submit(self.people["manager"], application, key).case_id

    def states(self, year: int, **changed: str) -> None:
        statement = a_statement(year, **changed)
        with self.services.records.begin() as session:
            Statements(session).record(
                statement.model_copy(update={"customer_id": self.customer.customer_id}),
                business_on=self.services.clock.business_on(),
                recorded_by="manager",
            )

    def view(self, case_id: str = "") -> CaseView:
        return self.services.applications.read_case(self.people["auditor"], case_id or self.case_id)

    def moves(
        self, by: int, person: str = "risk", key: str | None = None, **said: str
    ) -> Overridden:
        content = {"notches": by, "reason": "management_changed", "note": "the founder left"}
        proposal = OverrideProposal.model_validate(content | said)
        return self.services.applications.override(self.people[person], self.case_id, proposal, key)

    def task(self, about_override: bool = False) -> str:
        """The first open task on the case, or on what was put before a second person."""
        return next(
            task.task_id
            for task in self.view().tasks
            if task.status is TaskStatus.OPEN
            and task.task_id.startswith("override-") is about_override
        )

    def decides(self, person: str, task_id: str, verdict: Verdict = Verdict.APPROVE) -> Any:
        return self.services.approvals.decide(
            self.people[person], task_id, verdict, note="looked at"
        )

    def amends(self, **changed: Any) -> Any:
        change = ApplicationChange.model_validate(changed)
        return self.services.applications.amend(self.people["manager"], self.case_id, change)

    def timeline(self) -> list[tuple[str, str]]:
        events = self.services.applications.timeline(self.people["auditor"], self.case_id)
        return [(each.kind, each.person_id) for each in events if each.source == "case"]

    def also(self, person: str, role: Role) -> None:
        """Roles may be piled on one person; the rules do not care."""
        both = self.people[person].model_copy(update={"roles": self.people[person].roles | {role}})
        self.people[person] = both
        with self.services.records.begin() as session:
            Persons(session).change_person(both)


def key_of(person_id: str) -> str:
    return f"cf_test_key_of_{person_id}"


@pytest.fixture(scope="module")
def seals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the grantor's seals are, made once."""
    return tmp_path_factory.mktemp("seals")


@pytest.fixture
def house(database_url: str, seals: Path) -> Iterator[House]:
    records = JoinedRecords(database_url, connections_max=8)
    settle(records)
    exposure = Exposure(records, connections_max=4)
    office = Office(records, exposure, seals)
    services = build_services(records, exposure, office, Clock(), Codec(bytes(32)))
    with records.begin() as session:
        people = {person.person_id: person for person in Persons(session).list_persons()}
        for person_id in people:
            ApiKeys(session).record_key(person_id, key_of(person_id))
    yield House(services, office, people)
    exposure.close()
    records.close()


@pytest.fixture
async def api(house: House) -> Any:
    app = assemble(house.services, public_url="http://test")
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def as_(person_id: str, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key_of(person_id)}", **headers}


# ── alone ────────────────────────────────────────────────────────────────────────────────────────


def test_what_one_officer_may_do_counts_at_once_and_is_routed_anew(house: House) -> None:
    model = house.view().assessment
    assert model is not None

    done = house.moves(-2)

    view = house.view()
    assert (done.override.status, done.override.settled_by) == (OverrideStatus.CONFIRMED, None)
    assert view.assessment is not None
    rating = view.assessment.rating
    assert (rating.grade, rating.grade_model) == (done.override.grade_asked, model.rating.grade)
    assert rating.override == done.override.in_dossier == view.assessment.dossier.override
    assert rating.override is not None
    assert rating.override.receipt_hash == model.receipt_hash
    assert view.case.status is CaseStatus.IN_APPROVAL
    first, second = view.approvals
    assert (first.outcome, second.outcome) == (ApprovalOutcome.WITHDRAWN, ApprovalOutcome.OPEN)
    assert second.request.content_hash == view.receipt_hash != first.request.content_hash
    assert "risk" in second.request.makers
    assert [kind for kind, _ in house.timeline()] == [
        "received", "assessed", "overridden", "silence_withdraw", "assessed",
    ]  # fmt: skip


def test_an_overridden_case_replays_identical_and_may_be_approved(house: House) -> None:
    house.moves(-1)
    house.decides("approver1", house.task())

    replayed = house.services.applications.replay(house.people["auditor"], house.case_id)
    view = house.view()
    assert replayed.identical
    assert view.letter is not None
    assert view.letter.content_hash == replayed.receipt_hash
    assert view.letter.approved


def test_a_second_override_takes_the_place_of_the_first(house: House) -> None:
    first, second = house.moves(-1).override, house.moves(-2, "risk2").override

    assert first.grade_model == second.grade_model
    kept = house.view().overrides
    assert [each.status for each in kept] == [OverrideStatus.VOIDED, OverrideStatus.CONFIRMED]
    assert kept[0].voided_by is VoidedBy.FOLLOWED
    assert {"risk", "risk2"} <= set(house.view().approvals[-1].request.makers)


def test_an_override_is_taken_back_and_the_case_is_judged_by_the_model_again(house: House) -> None:
    model = house.view().assessment
    house.moves(-1)

    taken = house.moves(0, key="back", reason="event_since_accounts")
    again = house.moves(0, key="back", reason="event_since_accounts")

    view = house.view()
    assert (taken.override.status, taken.override.voided_by) == (
        OverrideStatus.VOIDED,
        VoidedBy.TAKEN_BACK,
    )
    assert again.override == taken.override
    assert view.assessment is not None
    assert model is not None
    assert view.assessment.rating.override is None
    assert view.assessment.rating.grade == model.rating.grade
    assert view.approvals[-1].outcome is ApprovalOutcome.OPEN
    assert house.timeline().count(("override_voided", "risk")) == 1
    with pytest.raises(OutOfOrder):
        house.moves(0)
    with pytest.raises((OwnCase, SameHands)):
        house.decides("risk", house.task())


def test_what_nobody_lifts_alone_is_not_moved_back_alone(house: House) -> None:
    house.moves(-2)
    assert house.view().overrides[0].status is OverrideStatus.CONFIRMED
    with pytest.raises(SameHands):
        house.moves(0)

    taken = house.moves(0, "approver3").override

    assert (taken.voided_by, taken.taken_back_by) == (VoidedBy.TAKEN_BACK, "approver3")
    assert "approver3" in house.view().approvals[-1].request.makers


# ── with a second person ─────────────────────────────────────────────────────────────────────────


def test_beyond_that_nothing_moves_until_a_second_person_confirms(house: House) -> None:
    receipt = house.view().receipt_hash

    asked = house.moves(-3).override
    before = house.view()
    assert asked.status is OverrideStatus.PROPOSED
    assert (before.receipt_hash, before.case.status) == (receipt, CaseStatus.IN_APPROVAL)
    assert before.approvals[0].outcome is ApprovalOutcome.OPEN

    task = house.task(about_override=True)
    with pytest.raises(OwnCase):
        house.decides("risk", task)
    house.decides("risk2", task)

    view = house.view()
    assert view.assessment is not None
    override = view.assessment.rating.override
    assert override is not None
    assert (override.proposed_by, override.confirmed_by) == ("risk", "risk2")
    assert view.assessment.rating.grade == asked.grade_asked
    assert {"risk", "risk2"} <= set(view.approvals[-1].request.makers)
    kinds = house.timeline()
    assert ("override_proposed", "risk") in kinds
    assert ("overridden", "risk2") in kinds
    assert house.services.applications.replay(house.people["auditor"], house.case_id).identical


def test_who_decides_exceptions_may_confirm_within_their_authority(house: House) -> None:
    house.moves(-3)
    tasks = {task.position: task.task_id for task in house.view().tasks}

    house.decides("approver3", tasks["head_credit"])

    assert house.view().overrides[0].settled_by == "approver3"


def test_a_second_person_may_say_no_and_the_case_goes_on(house: House) -> None:
    house.moves(-3)
    house.decides("risk2", house.task(about_override=True), Verdict.DECLINE)

    view = house.view()
    assert view.overrides[0].status is OverrideStatus.DECLINED
    assert view.assessment is not None
    assert view.assessment.rating.override is None
    assert ("override_declined", "risk2") in house.timeline()
    house.decides("approver1", house.task())
    assert house.view().letter is not None


def test_an_override_goes_back_to_nobody_and_grants_no_amount(house: House) -> None:
    house.moves(-3)

    with pytest.raises(CreditError) as refused:
        house.decides("risk2", house.task(about_override=True), Verdict.RETURN)
    assert refused.value.code == "malformed"


def test_silence_confirms_nothing(house: House) -> None:
    asked = house.moves(-3).override
    at = house.services.clock.now() + timedelta(days=60)
    for silence in (Silence.REMIND, Silence.ESCALATE, Silence.LAPSE):
        due = StepDue(approval_id=f"{asked.override_id}.1", step_index=0, silence=silence, at=at)
        house.office.silent(due)

    view = house.view()
    assert view.overrides[0].status is OverrideStatus.LAPSED
    assert view.case.status is CaseStatus.IN_APPROVAL
    assert view.assessment is not None
    assert view.assessment.rating.override is None
    assert house.moves(-1).override.status is OverrideStatus.CONFIRMED


def test_an_approval_that_lapses_while_a_new_judgement_is_owed_ends_no_case(house: House) -> None:
    """The word of the second person reaches the case a moment after it is on record."""
    house.moves(-3)
    house.office.holds_back = True
    house.decides("risk2", house.task(about_override=True))
    assert house.view().case.status is CaseStatus.RECEIVED

    at = house.services.clock.now() + timedelta(days=60)
    approval = house.view().approvals[0].request.approval_id
    house.office.silent(StepDue(approval_id=approval, step_index=0, silence=Silence.LAPSE, at=at))

    assert house.view().case.status is CaseStatus.RECEIVED
    assert house.view().approvals[0].outcome is ApprovalOutcome.WITHDRAWN


def test_what_was_put_to_approval_is_no_longer_decided_once_a_grade_was_moved(
    house: House,
) -> None:
    stale = house.task()
    house.moves(-3)
    house.office.holds_back = True
    house.decides("risk2", house.task(about_override=True))

    with pytest.raises(StaleContent):
        house.decides("approver1", stale)


# ── hands ────────────────────────────────────────────────────────────────────────────────────────


def test_whoever_moved_a_grade_decides_nothing_on_the_case(house: House) -> None:
    house.also("approver1", Role.RISK_OFFICER)
    house.moves(-1, "approver1")

    with pytest.raises(OwnCase):
        house.decides("approver1", house.task())


def test_whoever_asked_for_it_decides_nothing_while_it_waits(house: House) -> None:
    """The approval was opened before anybody thought of an override."""
    house.moves(-3, "approver1")

    with pytest.raises(SameHands):
        house.decides("approver1", house.task())
    assert house.view().case.status is CaseStatus.IN_APPROVAL


def test_whoever_has_decided_moves_no_grade_and_confirms_none(house: House) -> None:
    house.case_id = house.submitted("k-2", 60_000_000)
    house.moves(-3)  # to a weak grade, which asks the region and then the head office
    house.decides("risk2", house.task(about_override=True))
    house.decides("approver2", house.task())
    house.also("approver2", Role.RISK_OFFICER)

    with pytest.raises(SameHands):
        house.moves(-1, "approver2")
    house.moves(-4, "approver3")
    with pytest.raises(SameHands):
        house.decides("approver2", house.task(about_override=True))


def test_an_applicant_moves_no_grade_whatever_else_they_are(house: House) -> None:
    with pytest.raises(NotPermitted):
        house.moves(-1, "manager")
    house.also("manager", Role.RISK_OFFICER)
    with pytest.raises(OwnCase):
        house.moves(-1, "manager")


# ── what changes meanwhile ───────────────────────────────────────────────────────────────────────


def test_an_amendment_that_changes_no_grade_leaves_the_override_standing(house: House) -> None:
    house.moves(-1)
    house.amends(term_months=18)

    view = house.view()
    assert view.overrides[0].status is OverrideStatus.CONFIRMED
    assert view.assessment is not None
    assert view.assessment.dossier.application.term_months == 18
    assert view.assessment.rating.override is not None


def test_an_override_is_void_where_the_model_gives_another_grade(house: House) -> None:
    model = house.moves(-1).override.grade_model
    house.states(house.last_year, equity="38", total_liabilities="102", retained_earnings="1")
    house.amends(term_months=18)

    view = house.view()
    assert view.assessment is not None
    assert view.assessment.rating.grade_model != model
    assert view.assessment.dossier.override is None
    assert view.assessment.rating.override is None
    assert view.overrides[0].voided_by is VoidedBy.MODEL_GRADE
    assert ("override_voided", "system") in house.timeline()
    # It does not come back with the grade it was made on.
    house.states(house.last_year)
    house.amends(term_months=12)
    again = house.view().assessment
    assert again is not None
    assert again.rating.override is None


def test_a_proposal_is_void_when_the_case_is_judged_anew_or_decided_first(house: House) -> None:
    asked = house.moves(-3)
    task = house.task(about_override=True)
    house.amends(term_months=18)
    assert house.view().overrides[0].voided_by is VoidedBy.RECEIPT
    with pytest.raises(AlreadyDecided):
        house.decides("risk2", task)

    house.moves(-3)
    house.decides("approver1", house.task())
    assert house.view().overrides[1].voided_by is VoidedBy.CASE
    assert not [t for t in house.view().tasks if t.status is TaskStatus.OPEN]
    assert asked.override.override_id != house.view().overrides[1].override_id


def test_a_proposal_on_a_case_that_waits_for_its_applicant_is_stale(house: House) -> None:
    house.moves(-3)
    task = house.task(about_override=True)
    house.amends(purpose="")
    assert house.view().case.status is CaseStatus.INCOMPLETE

    with pytest.raises(StaleContent):
        house.decides("risk2", task)


# ── what is refused ──────────────────────────────────────────────────────────────────────────────


def test_one_override_waits_at_a_time(house: House) -> None:
    house.moves(-3)

    with pytest.raises(OverridePending):
        house.moves(-1, "risk2")


def test_a_reason_needs_its_note(house: House) -> None:
    with pytest.raises(NoteMissing):
        house.moves(-1, note="  ")


def test_a_case_that_is_decided_takes_no_override(house: House) -> None:
    house.decides("approver1", house.task())

    with pytest.raises(OutOfOrder):
        house.moves(-1)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"notches": 5}, 422, "override_out_of_bound"),
        ({"notches": -1, "reason": "a_hunch"}, 422, "override_reason_unknown"),
        ({"notches": 0}, 409, "out_of_order"),
        ({"notches": 21}, 422, "malformed"),
        ({"notches": 1.5}, 422, "malformed"),
        ({"notches": -1, "note": ""}, 422, "note_missing"),
    ],
)
async def test_a_refusal_has_its_code(
    api: httpx.AsyncClient, house: House, body: dict[str, Any], status: int, code: str
) -> None:
    said = {"notches": -1, "reason": "group_support", "note": "a letter of comfort", **body}
    answer = await api.post(
        f"/api/v1/applications/{house.case_id}/override", json=said, headers=as_("risk")
    )

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert house.view().overrides == ()


async def test_one_key_moves_a_grade_once(api: httpx.AsyncClient, house: House) -> None:
    said = {"notches": -1, "reason": "group_support", "note": "no letter of comfort any more"}
    path = f"/api/v1/applications/{house.case_id}/override"
    headers = as_("risk", **{"Idempotency-Key": "o-1"})

    first = await api.post(path, json=said, headers=headers)
    again = await api.post(path, json=said, headers=headers)
    other = await api.post(path, json={**said, "notches": -2}, headers=headers)

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.headers["idempotent-replayed"] == "true"
    assert first.json()["override"] == again.json()["override"]
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")
    assert len(house.view().overrides) == 1


# ── what is told ─────────────────────────────────────────────────────────────────────────────────


async def test_overrides_are_listed_and_reported_to_those_who_watch(
    api: httpx.AsyncClient, house: House
) -> None:
    house.moves(-1)
    house.decides("approver1", house.task(), Verdict.DECLINE)
    house.case_id = house.submitted("k-2", 4_000_000)
    house.moves(1, "risk2")
    with house.services.records.begin() as session:
        session.execute(text(_A_WARNING), {"customer_id": house.customer.customer_id})

    listed = (await api.get("/api/v1/overrides?page_size=1", headers=as_("auditor"))).json()
    rest = await api.get(
        f"/api/v1/overrides?cursor={listed['next_cursor']}", headers=as_("auditor")
    )
    mine = await api.get("/api/v1/overrides?analyst=risk", headers=as_("risk"))
    report = (await api.get("/api/v1/overrides/report", headers=as_("risk"))).json()
    before = await api.get("/api/v1/overrides?until=2020-01-01", headers=as_("risk"))

    assert [each["proposed_by"] for each in listed["items"]] == ["risk2"]
    assert [each["proposed_by"] for each in rest.json()["items"]] == ["risk"]
    assert [each["notches"] for each in mine.json()["items"]] == [-1]
    assert before.json()["items"] == []
    by_analyst = {each["analyst"]: each for each in report["analysts"]}
    risk, risk2, branch = by_analyst["risk"], by_analyst["risk2"], by_analyst["approver1"]
    assert (risk["cases_touched"], risk["cases_overridden"], risk["rate"]) == (1, 1, "1.0000")
    assert (risk["down"]["declined"], risk["down"]["hit_rate"]) == (1, "1.0000")
    assert (risk2["up"]["overrides"], risk2["up"]["warned"]) == (1, 1)
    assert (branch["cases_touched"], branch["rate"]) == (1, "0.0000")
    assert "manager" not in by_analyst
    for person in ("approver1", "manager"):
        refused = await api.get("/api/v1/overrides", headers=as_(person))
        assert refused.status_code == 403
    reversed_ = await api.get(
        "/api/v1/overrides/report?since=2026-02-01&until=2026-01-01", headers=as_("risk")
    )
    assert reversed_.json()["code"] == "period_reversed"


_A_WARNING = """
INSERT INTO warning (warning_id, customer_id, rule, level, freezes, signal, evidence, owner,
                     status, raised_on, seen_on, close_code)
VALUES ('w-1', :customer_id, 'paying_later', 'yellow', false, '{}', '{}', 'manager',
        'open', '2099-01-01', '2099-01-01', '')
"""


async def test_programs_in_python_and_people_at_a_terminal_can_ask_the_same(
    house: House, tmp_path: Path
) -> None:
    with serving(assemble(house.services, public_url="http://test")) as url:
        with Client(url, key_of("risk")) as client:
            moved = client.override(
                house.case_id, -1, reason="market_turned", note="orders are down"
            )
            allowed = client.fetch_case_overrides(house.case_id)
        async with AsyncClient(url, key_of("auditor")) as watching:
            listed = [each async for each in watching.list_overrides(analyst="risk")]
            report = await watching.fetch_override_report()
        assert moved.override == allowed.items[0] == listed[0]
        assert allowed.policy.down_max == 4
        assert report.analysts[0].cases_overridden in (0, 1)

        terminal = Terminal(url, tmp_path)
        words = ["--notches", "-2", "--reason", "market_turned", "--note", "and falling"]
        typed = terminal.types("override", house.case_id, *words, "--json", key=key_of("risk2"))
        shown = terminal.types("overrides", key=key_of("auditor"))
        told = terminal.types("overrides", "--report", key=key_of("auditor"))
        denied = terminal.types("overrides", "--json", key=key_of("manager"))
    assert typed.exit_code == Exit.DONE
    assert '"second_needed":false' in typed.stdout.replace(" ", "")
    assert "market_turned" in shown.stdout
    assert "risk2" in told.stdout
    assert denied.exit_code == Exit.REFUSED
