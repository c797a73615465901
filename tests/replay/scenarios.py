"""What is recorded: every order of events that cases, lines, reviews and collections may take.

A scenario drives an installation as people do and keeps the histories it makes. Each has records
of its own; one whose name begins with `short` runs where histories are carried over early.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.analyst_figure import FigureContent
from domain.application import ApplicationChange, ApplicationType, CaseStatus
from domain.approval import ActKind, MeetingContent, Seat, Verdict
from domain.benchmark import RepricingStart
from domain.classification import ClassificationStart
from domain.confirmation import ConfirmationStart
from domain.contract import ConditionAsked
from domain.customer import Customer, Identifier, IdentifierScheme
from domain.edition import PolicyEdition
from domain.errors import ActIllegal
from domain.exchange import Rate
from domain.identity import SYSTEM
from domain.insurance import InsuranceStart
from domain.line import ExpirySweep, LineStart, LineStatus
from domain.money import Money
from domain.notification import Channel, OutboxTurn
from domain.order import OrderContent, RecheckStart
from domain.override import OverrideProposal
from domain.receivable import Invoice
from domain.rerating import ReratingStart
from domain.review import review_id_of
from domain.screening import ListEffect, ListEntry
from domain.warning import MonitoringStart
from storage.approval import AuthorityRegister, Tasks
from storage.collection import Collections
from storage.customer import Customers
from storage.edition import Editions, shipped_text
from storage.exposure import Exposure
from storage.identity import ActionTokens
from storage.line import Lines
from storage.notification import Outbox
from storage.receivable import Receivables
from storage.review import Reviews
from storage.statement import Statements
from tests.activities import test_insurance as insurance
from tests.activities import test_repricing as repricing
from tests.investigators import investigated
from tests.makers_line import open_line
from tests.makers_monitoring import LINE_ID, SHRUNKEN, a_book, invoice, noon, pay
from tests.makers_policy import a_changed_edition, a_customer, a_statement
from tests.makers_ratings import SUPPLIED, asking_analysts
from tests.replay.tape import BOOK_ON, Tape
from tests.road import UNDRAWN, an_application
from workflows.classification import ClassificationWorkflow
from workflows.collection import CollectionWorkflow
from workflows.confirmation import ConfirmationWorkflow
from workflows.contract import ContractSigningWorkflow
from workflows.insurance import InsuranceWorkflow
from workflows.line import CreditLineWorkflow, ReservationExpiryWorkflow
from workflows.names import (
    CASES_QUEUE,
    PORTFOLIO_QUEUE,
    application_id,
    approval_id,
    classification_id,
    collection_id,
    confirmation_id,
    contract_id,
    insurance_id,
    line_id,
    minutes_id,
    monitoring_id,
    outbox_id,
    recheck_id,
    repricing_id,
    rerating_id,
    reservation_expiry_id,
    review_id,
)
from workflows.order import RecheckWorkflow
from workflows.outbox import OutboxWorkflow
from workflows.repricing import RepricingWorkflow
from workflows.rerating import ReratingWorkflow
from workflows.warning import MonitoringWorkflow

Scenario = Callable[[Tape], Awaitable[None]]
SCENARIOS: dict[str, Scenario] = {}

SMALL, MIDDLING, LARGE, HUGE = 300_000, 5_000_000, 20_000_000, 150_000_000
DAYS_OF_SILENCE = timedelta(days=60)


def scenario(play: Scenario) -> Scenario:
    SCENARIOS[play.__name__] = play
    return play


# ── cases ────────────────────────────────────────────────────────────────────────────────────────


async def submitted(tape: Tape, amount: int = MIDDLING, **changes: Any) -> str:
    """The id of an ordinary customer's case."""
    road = tape.road
    asked = an_application(await road.call(road.keep_customer), amount, **changes)
    return str((await road.submit(asked)).case_id)


async def decided(tape: Tape, case_id: str, person: str, verdict: Verdict, **how: Any) -> str:
    """Somebody's word on the open task of a case; the id of its approval's workflow."""
    task = await tape.road.open_task(case_id)
    await tape.road.decide(person, task.task_id, verdict, note="as the minutes say", **how)
    return approval_workflow(task)


def approval_workflow(task: Any) -> str:
    subject, n = task.approval_id.rsplit(".", 1)
    return approval_id(subject, int(n))


async def withdrawn(tape: Tape, case_id: str, name: str) -> None:
    applications = tape.road.services.applications
    await tape.road.call(applications.withdraw, tape.road.people["manager"], case_id, "other plans")
    await tape.keep_ended(name, application_id(case_id))


@scenario
async def straight_through(tape: Tape) -> None:
    case_id = await submitted(tape, SMALL, application_type=ApplicationType.PRE_APPROVAL)
    await tape.keep_ended("application_pre_approved", application_id(case_id))


@scenario
async def all_the_way(tape: Tape) -> None:
    case_id = await submitted(tape)
    approval = await decided(tape, case_id, "approver1", Verdict.APPROVE)
    await tape.road.signed(case_id)
    await tape.road.conditions_met(case_id)
    view = await tape.road.comes_to(case_id, CaseStatus.ACTIVE)
    await tape.keep_ended("application_active", application_id(case_id))
    await tape.keep_ended("approval_approved", approval)
    await tape.keep_ended("contract_signed", contract_id(case_id))
    await tape.started(line_id(view.line.line_id))


@scenario
async def without_anybody(tape: Tape) -> None:
    """The automatic lane, an agreement, and no condition to wait for."""
    case_id = await submitted(tape, SMALL)
    await tape.road.signed(case_id)
    await tape.road.conditions_met(case_id)
    await tape.road.comes_to(case_id, CaseStatus.ACTIVE)
    await tape.keep_ended("application_active_automatic", application_id(case_id))


@scenario
async def declined_by_people(tape: Tape) -> None:
    case_id = await submitted(tape)
    approval = await decided(tape, case_id, "approver1", Verdict.DECLINE)
    await tape.keep_ended("application_declined", application_id(case_id))
    await tape.keep_ended("approval_declined", approval)


@scenario
async def declined_by_policy(tape: Tape) -> None:
    road = tape.road
    customer = await road.call(road.keep_customer, None, 2)
    ruined = {"equity": "-5", "total_liabilities": "145", "retained_earnings": "-40"}
    last = (road.services.clock.business_on() - timedelta(days=120)).year - 1
    with road.records.begin() as session:
        Statements(session).record(
            a_statement(last, **ruined),
            business_on=road.services.clock.business_on(),
            recorded_by="manager",
        )
    case_id = (await road.submit(an_application(customer))).case_id
    await tape.keep_ended("application_declined_by_policy", application_id(case_id))


@scenario
async def returned(tape: Tape) -> None:
    road = tape.road
    case_id = await submitted(tape)
    wanted = {"fields_wanted": ("purpose",)}
    approval = await decided(tape, case_id, "approver1", Verdict.RETURN, **wanted)
    await road.comes_to(case_id, CaseStatus.RETURNED)
    change = ApplicationChange(purpose="Steel for the autumn orders")
    manager, applications = road.people["manager"], road.services.applications
    await road.call(applications.supplement, manager, case_id, change, "s-1")
    await decided(tape, case_id, "approver1", Verdict.DECLINE)
    await tape.keep_ended("application_returned", application_id(case_id))
    await tape.keep_ended("approval_returned", approval)


@scenario
async def returned_and_forgotten(tape: Tape) -> None:
    case_id = await submitted(tape)
    await decided(tape, case_id, "approver1", Verdict.RETURN, fields_wanted=("purpose",))
    await tape.road.comes_to(case_id, CaseStatus.RETURNED)
    await tape.pass_time(application_id(case_id), DAYS_OF_SILENCE)
    await tape.keep_ended("application_returned_and_lapsed", application_id(case_id))


@scenario
async def amended(tape: Tape) -> None:
    road = tape.road
    case_id = await submitted(tape)
    stale = await road.open_task(case_id)
    change = ApplicationChange(limit_requested=Money.of(4_000_000, "CNY"))
    await road.call(road.services.applications.amend, road.people["manager"], case_id, change)
    await tape.keep_ended("approval_amended", approval_workflow(stale))
    await decided(tape, case_id, "approver1", Verdict.APPROVE)
    await road.comes_to(case_id, CaseStatus.CONTRACTING)
    await tape.keep("application_amended_in_signing", application_id(case_id))


@scenario
async def overridden(tape: Tape) -> None:
    """A grade moved by one officer, then further by two; each time it is put to approval anew."""
    road = tape.road
    case_id = await submitted(tape)
    await road.open_task(case_id)
    move, risk = road.services.applications.override, road.people["risk"]
    alone, further = (
        OverrideProposal(notches=by, reason="management_changed", note="the founder left")
        for by in (-1, -3)
    )
    await road.call(move, risk, case_id, alone, "o-1")
    await tape.keep_ended("approval_overridden", approval_id(case_id, 1))
    await tape.workflow(application_id(case_id)).signal("override", {"person_id": "risk"})
    await road.approval_open(case_id, 2)
    await road.call(move, risk, case_id, further, "o-2")
    task = await road.override_task(case_id)
    await road.decide("risk2", task.task_id, Verdict.APPROVE)
    await tape.keep_ended("approval_of_an_override", approval_workflow(task))
    await road.approval_open(case_id, 3)  # of a weak grade now, which asks region and head office
    for person in ("approver2", "approver3"):
        await decided(tape, case_id, person, Verdict.APPROVE)
    await road.comes_to(case_id, CaseStatus.CONTRACTING)
    await tape.keep("application_overridden_in_signing", application_id(case_id))


@scenario
async def incomplete(tape: Tape) -> None:
    road = tape.road
    case_id = await submitted(tape, purpose="")
    applications, manager = road.services.applications, road.people["manager"]
    for message in (None, {"person_id": "manager"}):
        await tape.workflow(application_id(case_id)).signal("supplement", message)
    change = ApplicationChange(purpose="Raw materials")
    await road.call(applications.supplement, manager, case_id, change, "s-1")
    await road.open_task(case_id)
    await tape.keep("application_supplemented_in_approval", application_id(case_id))


@scenario
async def withdrawn_while_incomplete(tape: Tape) -> None:
    await withdrawn(tape, await submitted(tape, purpose=""), "application_withdrawn_incomplete")


@scenario
async def withdrawn_in_approval(tape: Tape) -> None:
    case_id = await submitted(tape)
    task = await tape.road.open_task(case_id)
    await withdrawn(tape, case_id, "application_withdrawn_in_approval")
    await tape.keep_ended("approval_withdrawn", approval_workflow(task))


@scenario
async def withdrawn_before_the_signature(tape: Tape) -> None:
    case_id = await submitted(tape, SMALL)
    await tape.road.comes_to(case_id, CaseStatus.CONTRACTING)
    await tape.started(contract_id(case_id))
    await withdrawn(tape, case_id, "application_withdrawn_before_signature")
    await tape.keep_ended("contract_withdrawn", contract_id(case_id))


@scenario
async def withdrawn_before_the_conditions(tape: Tape) -> None:
    case_id = await submitted(tape)
    await decided(tape, case_id, "approver1", Verdict.APPROVE)
    await tape.road.signed(case_id)
    await tape.road.comes_to(case_id, CaseStatus.CONDITIONS)
    await withdrawn(tape, case_id, "application_withdrawn_before_conditions")


@scenario
async def withdrawn_by_signal(tape: Tape) -> None:
    road = tape.road
    case_id = await submitted(tape)
    await road.open_task(case_id)
    manager = road.people["manager"]
    token = await road.call(road.services.applications.issue_token, manager, case_id)
    message = {"person_id": "manager", "message_id": "m-1", "token": token, "reason": "sold"}
    await tape.workflow(application_id(case_id)).signal("withdraw", message)
    await tape.keep_ended("application_withdrawn_by_signal", application_id(case_id))


@scenario
async def silent_from_the_start(tape: Tape) -> None:
    case_id = await submitted(tape, purpose="")
    await tape.pass_time(application_id(case_id), DAYS_OF_SILENCE)
    await tape.keep_ended("application_lapsed", application_id(case_id))


@scenario
async def investigated_by_two(tape: Tape) -> None:
    """The report holds the case until both have signed, and then lets it go by a signal."""
    road = tape.road
    asking = a_changed_edition(f"effective_on = 2011-01-01\n{UNDRAWN}")
    with road.records.begin() as session:
        Editions(session).publish(asking, asking.as_toml(), "test")
    case_id = await submitted(tape, 30_000_000)
    await road.comes_to(case_id, CaseStatus.INCOMPLETE)
    two = road.people["manager"], road.people["manager2"]
    await road.call(investigated, road.services, *two, case_id)
    await decided(tape, case_id, "approver2", Verdict.DECLINE)
    await tape.keep_ended("application_investigated", application_id(case_id))


@scenario
async def waiting_for_a_rate(tape: Tape) -> None:
    """Nobody can say what the request is worth until the rate is recorded."""
    road = tape.road
    case_id = await submitted(tape, limit_requested=Money.of(50_000, "EUR"))
    await road.comes_to(case_id, CaseStatus.INCOMPLETE)
    rate = Rate(base="EUR", quote="CNY", rate="7.8", rate_on=BOOK_ON)
    await road.call(road.services.rates.record, road.people["risk"], rate)
    await decided(tape, case_id, "approver1", Verdict.DECLINE)
    await tape.keep_ended("application_rate_awaited", application_id(case_id))


@scenario
async def waiting_for_an_analyst(tape: Tape) -> None:
    """A factor leaves its missing figure to an analyst, and the case goes on once it is there."""
    road = tape.road
    asking = asking_analysts(f"effective_on = 2011-01-01\n{UNDRAWN}")
    with road.records.begin() as session:
        Editions(session).publish(asking, asking.as_toml(), "test")
    case_id = await submitted(tape)
    await road.comes_to(case_id, CaseStatus.INCOMPLETE)
    risk = road.people["risk"]
    paper = await road.call(road.services.attachments.record, risk, b"the ledger\n", "l.txt")
    figure = FigureContent(
        factor=SUPPLIED, value=Decimal("0.05"), reason="the ledger", evidence_hash=paper.sha256
    )
    await road.call(road.services.analyst_figures.supply, risk, case_id, figure)
    await decided(tape, case_id, "approver1", Verdict.DECLINE)
    await tape.keep_ended("application_figure_awaited", application_id(case_id))


async def listed(tape: Tape, effect: ListEffect) -> str:
    """The case of a customer who stands on a list."""
    road = tape.road
    customer = await road.call(road.keep_customer)
    entry = ListEntry(
        list_code="internal_negative",
        list_version="1",
        identifier=customer.identifiers[0],
        effect=effect,
        rule="defaulted before",
    )
    await road.call(road.services.screenings.add, road.people["risk"], entry)
    return str((await road.submit(an_application(customer))).case_id)


@scenario
async def suspended_and_cleared(tape: Tape) -> None:
    road = tape.road
    case_id = await listed(tape, ListEffect.SUSPEND)
    dispose, risk = road.services.applications.dispose, road.people["risk"]
    await road.call(dispose, risk, case_id, clear=True, reason="another company")
    await decided(tape, case_id, "approver1", Verdict.DECLINE)
    await tape.keep_ended("application_suspended_and_cleared", application_id(case_id))


@scenario
async def suspended_and_confirmed(tape: Tape) -> None:
    road = tape.road
    case_id = await listed(tape, ListEffect.SUSPEND)
    dispose, risk = road.services.applications.dispose, road.people["risk"]
    await road.call(dispose, risk, case_id, clear=False, reason="the same company")
    await tape.keep_ended("application_suspended_and_confirmed", application_id(case_id))


@scenario
async def suspended_and_forgotten(tape: Tape) -> None:
    case_id = await listed(tape, ListEffect.SUSPEND)
    await tape.pass_time(application_id(case_id), DAYS_OF_SILENCE)
    await tape.keep_ended("application_suspended_and_lapsed", application_id(case_id))


@scenario
async def stopped_by_a_list(tape: Tape) -> None:
    case_id = await listed(tape, ListEffect.STOP)
    await tape.keep_ended("application_refused", application_id(case_id))


async def offered(tape: Tape) -> tuple[str, str]:
    """A case approved for less than it asks, put to the customer; its id and the link's token."""
    policy = a_changed_edition(f"{UNDRAWN}[offer]\nvalid_days = 10\npolicy_cuts = false\n")

    def publish() -> None:
        with tape.road.records.begin() as session:
            Editions(session).publish(policy, shipped_text("standard"), "test")

    await tape.road.call(publish)
    case_id = await submitted(tape)
    less = Money.of(3_000_000, "CNY")
    under = (ConditionAsked(text="Audited accounts."),)
    await decided(tape, case_id, "approver1", Verdict.APPROVE, limit=less, conditions=under)
    links: list[str] = []

    def owed() -> bool:
        with tape.road.records.begin() as session:
            links[:] = [
                each.facts["link"]
                for each in Outbox(session).list_of_case(case_id)
                if each.kind == "offer_made" and each.recipient.startswith("customer:")
            ]
        return bool(links)

    await tape.until_true(owed, "an offer is made")
    return case_id, links[0].rsplit("/", 1)[1]


async def answered(tape: Tape, token: str, *, accepts: bool) -> None:
    offers = tape.road.services.offers
    page = await tape.road.call(offers.offer_page, token)
    await tape.road.call(
        lambda: offers.answer_by_link(token, accepts=accepts, offer_hash=page.offer_hash)
    )


@scenario
async def taken_by_the_customer(tape: Tape) -> None:
    case_id, token = await offered(tape)
    for message in (None, {"act_id": "made-up"}):
        await tape.workflow(application_id(case_id)).signal("answer_offer", message)
    await answered(tape, token, accepts=True)
    await tape.road.signed(case_id)
    await tape.road.conditions_met(case_id)
    await tape.keep_ended("application_offer_accepted", application_id(case_id))


@scenario
async def left_by_the_customer(tape: Tape) -> None:
    case_id, token = await offered(tape)
    await answered(tape, token, accepts=False)
    await tape.keep_ended("application_offer_declined", application_id(case_id))


@scenario
async def never_answered(tape: Tape) -> None:
    case_id, _ = await offered(tape)
    await tape.pass_time(application_id(case_id), timedelta(days=11))
    await tape.keep_ended("application_offer_lapsed", application_id(case_id))


@scenario
async def declined_by_the_customer(tape: Tape) -> None:
    road = tape.road
    case_id = await submitted(tape, SMALL)
    await road.comes_to(case_id, CaseStatus.CONTRACTING)
    token = await road._link_token(case_id)
    await road.call(road.services.contracts.decline, token, "a better offer")
    await tape.keep_ended("application_contract_declined", application_id(case_id))
    await tape.keep_ended("contract_declined", contract_id(case_id))


@scenario
async def never_signed(tape: Tape) -> None:
    case_id = await submitted(tape, SMALL)
    await tape.road._link_token(case_id)
    await tape.pass_time(contract_id(case_id), timedelta(days=31))
    await tape.keep_ended("application_contract_expired", application_id(case_id))
    await tape.keep_ended("contract_expired", contract_id(case_id))


@scenario
async def an_agreement_that_cannot_be_written(tape: Tape) -> None:
    """A name with a character no font has waits for the name to be repaired."""
    road = tape.road
    named = a_customer(name="Ordinary \U0001f3e6 Co., Ltd.")
    customer = await road.call(road.keep_customer, named)
    case_id = (await road.submit(an_application(customer, SMALL))).case_id
    await tape.started(contract_id(case_id))
    contract = tape.workflow(contract_id(case_id))

    async def refused() -> bool:
        return "cannot be written" in str(await contract.query("__temporal_workflow_metadata"))

    await tape.until(refused, "an agreement that is refused")
    await contract.signal(ContractSigningWorkflow.issue_again)
    await tape.until(refused, "an agreement that is refused again")
    await contract.signal("sign", {"act_id": "act-1", "message_id": "act-1"})
    await tape.pass_time(contract_id(case_id), timedelta(days=31))
    await tape.keep_ended("contract_never_written", contract_id(case_id))


# ── approvals ────────────────────────────────────────────────────────────────────────────────────


@scenario
async def approved_by_signal(tape: Tape) -> None:
    """What cannot be read and what is not authentic is refused; the third word counts."""
    road = tape.road
    case_id = await submitted(tape)
    task = await road.open_task(case_id)
    approval = tape.workflow(approval_workflow(task))
    issue = road.services.approvals.issue_token
    token = await road.call(issue, road.people["approver1"], task.task_id)
    said = {"task_id": task.task_id, "person_id": "approver1", "verdict": "approve"}
    await approval.signal("decide", "yes")
    await approval.signal("decide", said | {"message_id": "m-1", "token": "made up"})
    await approval.signal("decide", said | {"message_id": "m-2", "token": token})
    await tape.keep_ended("approval_by_signal", approval.id)


@scenario
async def acted_on_before_it_is_decided(tape: Tape) -> None:
    """An opinion asked and given, a word taken back at once refused, urged by signal, then approved."""
    road = tape.road
    case_id = await submitted(tape)
    task = await road.open_task(case_id)
    approval = tape.workflow(approval_workflow(task))
    act, people = road.services.approvals.act, road.people
    await road.call(
        act, people["approver1"], task.task_id, ActKind.ASK_OPINION, to="risk", note="is it so?"
    )
    await road.call(act, people["risk"], task.task_id, ActKind.GIVE_OPINION, note="it is")
    with pytest.raises(ActIllegal):
        await road.call(act, people["approver1"], task.task_id, ActKind.TAKE_BACK)
    token = await road.call(road.services.approvals.issue_token, people["approver1"], task.task_id)
    said = {"task_id": task.task_id, "person_id": "approver1", "action": "urge"}
    await approval.signal("act", said | {"message_id": "m-1", "token": "made up"})
    await approval.signal("act", said | {"message_id": "m-2", "token": token})
    await decided(tape, case_id, "approver1", Verdict.APPROVE)
    await tape.keep_ended("approval_acted_on", approval.id)


@scenario
async def decided_by_two(tape: Tape) -> None:
    """Both heads have to agree; the first word of one without authority is refused."""
    road = tape.road
    customer = await road.call(road.keep_customer, None, 0)
    on = road.services.clock.business_on()
    last = (on - timedelta(days=120)).year - 1
    with road.records.begin() as session:
        for year in range(last - 2, last + 1):
            large = a_statement(year)
            items = {item: figure * 30 for item, figure in large.items.items()}
            Statements(session).record(
                large.model_copy(update={"items": items}), business_on=on, recorded_by="manager"
            )
    case_id = (await road.submit(an_application(customer, HUGE))).case_id
    await road.open_task(case_id)
    tasks = [task for task in (await road.case(case_id)).tasks if task.status == "open"]
    seats = {"head_credit": "approver3", "head_risk": "approver4"}
    assert sorted(task.position for task in tasks) == sorted(seats)
    for task in tasks:
        await road.decide(seats[task.position], task.task_id, Verdict.APPROVE, note="agreed")
    await tape.keep_ended("approval_by_two", approval_workflow(tasks[0]))


@scenario
async def nobody_decides(tape: Tape) -> None:
    case_id = await submitted(tape)
    approval = approval_workflow(await tape.road.open_task(case_id))
    await tape.pass_time(approval, DAYS_OF_SILENCE)
    await tape.keep_ended("approval_lapsed", approval)
    await tape.keep_ended("application_approval_lapsed", application_id(case_id))


LEVELS = """
[approval.tiers.branch]
levels = [
    { hours = 12, act = "tell" },
    { hours = 24, act = "escalate", to = "head_credit" },
    { hours = 30, act = "remind" },
    { hours = 40, act = "reassign", to = "head_risk" },
]
"""


@scenario
async def nobody_decides_at_any_level(tape: Tape) -> None:
    stacked = a_changed_edition(f"effective_on = 2011-01-01\n{UNDRAWN}{LEVELS}")
    with tape.road.records.begin() as session:
        Editions(session).publish(stacked, stacked.as_toml(), "test")
    case_id = await submitted(tape)
    approval = approval_workflow(await tape.road.open_task(case_id))
    await tape.pass_time(approval, DAYS_OF_SILENCE)
    await tape.keep_ended("approval_lapsed_by_levels", approval)


@scenario
async def decided_above(tape: Tape) -> None:
    road = tape.road
    case_id = await submitted(tape)
    first = await road.open_task(case_id)
    approval = approval_workflow(first)

    async def escalated() -> bool:
        await tape.pass_time(approval, timedelta(days=1))
        return bool((await road.open_task(case_id)).escalated_to)

    await tape.until(escalated, "an escalation")
    # The approval's clock is ahead of everybody's, so the token has to last longer than usual.
    with road.records.begin() as session:
        token = ActionTokens(session).issue_action_token(
            "approver2", first.task_id, datetime.now(UTC) + DAYS_OF_SILENCE
        )
    said = {"task_id": first.task_id, "person_id": "approver2", "verdict": "approve"}
    await tape.workflow(approval).execute_update(
        "decide", said | {"message_id": "m-1", "token": token}
    )
    await tape.keep_ended("approval_escalated", approval)


# ── lines, reviews, collections ──────────────────────────────────────────────────────────────────


# Lines of every grade are looked at again after half a year.
HALF_YEARLY = """
[review.cycle_months]
AAA = 6
AA = 6
A = 6
BBB = 6
"""


async def book(tape: Tape, edition: PolicyEdition | None = None) -> None:
    """A line in force since January, its workflow at work on the day of the book."""
    await tape.road.call(a_book, tape.road.records, edition=edition)
    await start_line(tape, LINE_ID)


async def start_line(tape: Tape, line: str) -> None:
    await tape.road.client.start_workflow(
        CreditLineWorkflow.run,
        LineStart(line_id=line, offset_days=tape.offset_days),
        id=line_id(line),
        task_queue=CASES_QUEUE,
    )


def line_is(tape: Tape, status: LineStatus) -> Callable[[], bool]:
    def holds() -> bool:
        with tape.road.records.begin() as session:
            return Lines(session).read(LINE_ID).status is status

    return holds


def review_ended(tape: Tape, n: int = 1) -> Callable[[], bool]:
    def holds() -> bool:
        with tape.road.records.begin() as session:
            found = [each for each in Reviews(session).list_of_line(LINE_ID) if each.n == n]
        return bool(found) and found[0].closed_on is not None

    return holds


def new_statement(tape: Tape, **figures: str) -> None:
    with tape.road.records.begin() as session:
        Statements(session).record(
            a_statement(2025, **figures), business_on=BOOK_ON, recorded_by="manager"
        )


async def review_task(tape: Tape, round_: int = 1) -> Any:
    """The open task of the line's first review, in its first or a later round."""
    tasks: list[Any] = []

    def holds() -> bool:
        with tape.road.records.begin() as session:
            found = Tasks(session).list_page(case_id=review_id_of(LINE_ID, 1))
        tasks[:] = [each for each in found if each.approval_id.endswith(f".{round_}")]
        return bool(tasks)

    await tape.until_true(holds, "a task of the review")
    return tasks[0]


async def frozen_and_unfrozen(tape: Tape, name: str, times: int) -> None:
    road, lines = tape.road, tape.road.services.lines
    handle = tape.workflow(line_id(LINE_ID))
    risk, above = road.people["risk"], road.people["approver3"]
    await handle.signal("freeze", {"person_id": "risk", "message_id": "m-0", "token": "made up"})
    for n in range(times):
        await road.call(lines.freeze, risk, LINE_ID, note="negative news", key=f"f-{n}")
        await road.call(lines.freeze, risk, LINE_ID, note="negative news", key=f"f-{n}")
        await road.call(lines.unfreeze, above, LINE_ID, note="looked into", key=f"u-{n}")
    token = await road.call(lines.issue_token, risk, LINE_ID, "freeze")
    said = {"person_id": "risk", "message_id": "m-1", "token": token, "note": "news again"}
    await handle.signal("freeze", {**said, "collect_only": True})
    await tape.until_true(line_is(tape, LineStatus.COLLECT_ONLY), "collect-only")
    await road.call(lines.unfreeze, above, LINE_ID, note="looked into", key="u-last")


@scenario
async def a_line_frozen(tape: Tape) -> None:
    await book(tape)
    await frozen_and_unfrozen(tape, "line_frozen", 1)
    await tape.keep("line_frozen", line_id(LINE_ID))


@scenario
async def a_line_reviewed(tape: Tape) -> None:
    """The calendar asks for the review, the records support the line, its day ends it."""
    await book(tape, a_changed_edition(HALF_YEARLY))
    await tape.road.call(new_statement, tape)
    await tape.pass_time(line_id(LINE_ID), timedelta(days=120))
    await tape.until_true(review_ended(tape), "a review that ended")
    await tape.keep_ended("review_kept", review_id(LINE_ID, 1))
    await tape.pass_time(line_id(LINE_ID), timedelta(days=600))
    await tape.keep_ended("line_expired", line_id(LINE_ID))


@scenario
async def a_line_terminated(tape: Tape) -> None:
    """Its end stops the review that waits for people."""
    road = tape.road
    await book(tape)
    await road.call(new_statement, tape, **SHRUNKEN)
    await tape.workflow(line_id(LINE_ID)).signal("review_due", {"cause": "whim"})
    await road.call(road.services.lines.ask_review, road.people["risk"], LINE_ID)
    await review_task(tape)
    terminate = road.services.lines.terminate
    await road.call(terminate, road.people["approver3"], LINE_ID, note="the customer asked for it")
    await tape.keep_ended("line_terminated", line_id(LINE_ID))
    await tape.keep_ended("review_stopped", review_id(LINE_ID, 1))


@scenario
async def a_review_that_cuts(tape: Tape) -> None:
    road = tape.road
    await book(tape)
    await road.call(new_statement, tape, **SHRUNKEN)
    await road.call(road.services.lines.ask_review, road.people["risk"], LINE_ID)
    first = await review_task(tape)
    await road.decide("approver1", first.task_id, Verdict.RETURN, note="since when?")
    await tape.keep_ended("approval_of_a_review_returned", approval_workflow(first))
    review = review_id_of(LINE_ID, 1)
    await road.call(road.services.reviews.supplemented, road.people["manager"], review)
    second = await review_task(tape, 2)
    await road.decide("approver1", second.task_id, Verdict.APPROVE, note="agreed")
    await tape.keep_ended("review_cut", review_id(LINE_ID, 1))


@scenario
async def a_review_forgotten(tape: Tape) -> None:
    road = tape.road
    await book(tape)
    await road.call(new_statement, tape, **SHRUNKEN)
    await road.call(road.services.lines.ask_review, road.people["risk"], LINE_ID)
    task = await review_task(tape)
    await road.decide("approver1", task.task_id, Verdict.RETURN, note="since when?")
    await tape.workflow(approval_workflow(task)).result()
    await tape.pass_time(review_id(LINE_ID, 1), DAYS_OF_SILENCE)
    await tape.keep_ended("review_returned_and_lapsed", review_id(LINE_ID, 1))


async def looked(tape: Tape, run: str, *customer_ids: str, page_size: int = 100) -> str:
    """A look at the book, on its day; the id of its workflow."""
    await tape.road.client.execute_workflow(
        MonitoringWorkflow.run,
        MonitoringStart(
            run_id=run,
            offset_days=tape.offset_days,
            customer_ids=customer_ids,
            page_size=page_size,
        ),
        id=monitoring_id(run),
        task_queue=PORTFOLIO_QUEUE,
    )
    return monitoring_id(run)


async def in_arrears(tape: Tape) -> str:
    """The collection case of a customer a month late, once its first letter is on record."""
    await book(tape)
    await tape.road.call(invoice, tape.road.records, "i-1", BOOK_ON - timedelta(days=31))
    await looked(tape, "run-1")
    found: list[str] = []

    def holds() -> bool:
        with tape.road.records.begin() as session:
            cases = Collections(session).find_page(customer_id="c-1")
        found[:] = [case.collection_id for case in cases if case.steps_done]
        return bool(found)

    await tape.until_true(holds, "a first letter")
    return found[0]


@scenario
async def a_collection_paid(tape: Tape) -> None:
    """A promise is broken, a payment rings."""
    road = tape.road
    case = await in_arrears(tape)
    service, collector = road.services.collections, road.people["collector"]
    await tape.workflow(collection_id(case)).signal("promise", {"promised_on": "soon"})
    await road.call(service.promise, collector, case, BOOK_ON + timedelta(days=5), key="p-1")
    await tape.pass_time(collection_id(case), timedelta(days=40))
    await road.call(pay, road.records, "i-1", BOOK_ON)
    await tape.keep_ended("monitoring", await looked(tape, "run-2", "c-1"))
    await tape.keep_ended("collection_paid", collection_id(case))


@scenario
async def a_collection_closed(tape: Tape) -> None:
    road = tape.road
    case = await in_arrears(tape)
    service = road.services.collections
    await road.call(service.close, road.people["collector"], case, "bought by its parent")
    await tape.keep_ended("collection_closed", collection_id(case))


# ── carried over ─────────────────────────────────────────────────────────────────────────────────


async def keep_runs(tape: Tape, name: str, workflow_id: str) -> None:
    """The first run, which was carried over, and the one that took over from it."""
    runs: list[tuple[datetime, str]] = []

    async def carried_over() -> bool:
        query = f"WorkflowId = '{workflow_id}'"
        runs[:] = sorted(
            [
                (each.start_time, each.run_id)
                async for each in tape.road.client.list_workflows(query)
            ]
        )
        return len(runs) > 1

    await tape.until(carried_over, f"{workflow_id} is carried over")
    await tape.keep(f"{name}_carried_over", workflow_id, runs[0][1])
    await tape.keep(f"{name}_taken_over", workflow_id, runs[1][1])


@scenario
async def short_line(tape: Tape) -> None:
    await book(tape)
    await frozen_and_unfrozen(tape, "line", 3)
    await keep_runs(tape, "line", line_id(LINE_ID))


@scenario
async def short_collection(tape: Tape) -> None:
    case = await in_arrears(tape)
    for _ in range(6):
        await tape.workflow(collection_id(case)).signal(CollectionWorkflow.recheck)
        await asyncio.sleep(0.5)
    await keep_runs(tape, "collection", collection_id(case))


async def a_book_of_six(tape: Tape) -> None:
    await tape.road.call(a_book, tape.road.records)
    for n in range(2, 7):
        code = Identifier(scheme=IdentifierScheme.INTERNAL, value=f"INT-{n}")
        customer = a_customer(customer_id=f"c-{n}", identifiers=(code,))
        await tape.road.call(tape.road.keep_customer, customer, 0)
        await tape.road.call(
            open_line, tape.road.records, f"line-{n}", customer_id=customer.customer_id
        )


@scenario
async def short_monitoring(tape: Tape) -> None:
    """A book of six, looked at one customer at a time."""
    await a_book_of_six(tape)
    workflow_id = await looked(tape, "run-1", page_size=1)
    await keep_runs(tape, "monitoring", workflow_id)


@scenario
async def short_classification(tape: Tape) -> None:
    """A book of six, classified one customer at a time."""
    await a_book_of_six(tape)
    workflow_id = classification_id("run-1")
    await tape.road.client.execute_workflow(
        ClassificationWorkflow.run,
        ClassificationStart(run_id="run-1", as_of=BOOK_ON, person_id="risk", page_size=1),
        id=workflow_id,
        task_queue=PORTFOLIO_QUEUE,
    )
    await keep_runs(tape, "classification", workflow_id)


@scenario
async def short_repricing(tape: Tape) -> None:
    """Six floating lines on their first date, a line a page: the fixing has come in."""
    road = tape.road
    await road.call(a_book, road.records, edition=repricing.EDITION)
    for n in range(1, 7):
        await road.call(repricing.a_floating_line, road.records, f"line-{n + 1}")
    await road.call(repricing.fix, road.records, "0.0295", date(2026, 1, 20))
    workflow_id = repricing_id("run-1")
    await road.client.execute_workflow(
        RepricingWorkflow.run,
        RepricingStart(page_size=1, at=noon(repricing.FIRST)),
        id=workflow_id,
        task_queue=PORTFOLIO_QUEUE,
    )
    await keep_runs(tape, "repricing", workflow_id)


@scenario
async def short_insurance(tape: Tape) -> None:
    """Six insured buyers whose notice of loss was missed, a buyer a page."""
    road = tape.road
    await road.call(a_book, road.records)
    for n in range(1, 7):
        await road.call(insurance.an_overdue_buyer, road.records, f"b-{n}")
    workflow_id = insurance_id("run-1")
    await road.client.execute_workflow(
        InsuranceWorkflow.run,
        InsuranceStart(page_size=1, at=noon(insurance.MISSED)),
        id=workflow_id,
        task_queue=PORTFOLIO_QUEUE,
    )
    await keep_runs(tape, "insurance", workflow_id)


async def short_confirmation(tape: Tape) -> None:
    """Six customers that owe since before the quarter's end, a customer a page."""
    road = tape.road
    await road.call(a_book, road.records)
    on = date(2026, 4, 1)
    with road.records.begin() as session:
        for n in range(1, 7):
            customer = Customer(customer_id=f"c-1{n}", name=f"Debtor {n}")
            Customers(session).record(
                customer, business_on=on, source="a test", recorded_by="manager"
            )
            debt = Invoice(
                customer_id=customer.customer_id,
                invoice_no="i-1",
                issued_on=date(2026, 2, 1),
                due_on=date(2026, 5, 1),
                amount=Money(minor=20_000_000, currency="CNY"),
            )
            Receivables(session).record_invoice(debt, business_on=on, recorded_by="manager")
    workflow_id = confirmation_id("run-1")
    await road.client.execute_workflow(
        ConfirmationWorkflow.run,
        ConfirmationStart(page_size=1, at=noon(on)),
        id=workflow_id,
        task_queue=PORTFOLIO_QUEUE,
    )
    await keep_runs(tape, "confirmation", workflow_id)


@scenario
async def short_outbox(tape: Tape) -> None:
    """Turns of a second, so that there are some."""
    workflow_id = outbox_id("recorded")
    handle = await tape.road.client.start_workflow(
        OutboxWorkflow.run,
        OutboxTurn(channel=Channel.TEMPORAL, seconds_max=1),
        id=workflow_id,
        task_queue=CASES_QUEUE,
    )
    await keep_runs(tape, "outbox", workflow_id)
    await handle.terminate()


@scenario
async def reservations_expired(tape: Tape) -> None:
    """Two reservations are over; the sweep ends one at a time."""
    road = tape.road
    await road.call(open_line, road.records)
    exposure, at = Exposure(road.records), datetime.now(UTC)
    for n in (1, 2):
        await road.call(
            exposure.reserve,
            "line-1",
            Money.of(10, "CNY"),
            f"o-{n}",
            business_on=date(2026, 3, 2),
            expires_at=at + timedelta(milliseconds=200),
            posted_by=SYSTEM.person_id,
        )
    await asyncio.sleep(0.5)
    await road.client.execute_workflow(
        ReservationExpiryWorkflow.run,
        ExpirySweep(at=at, most=1),
        id=reservation_expiry_id(),
        task_queue=PORTFOLIO_QUEUE,
    )
    await tape.keep("reservations_expired", reservation_expiry_id())
    exposure.close()


@scenario
async def a_book_rerated(tape: Tape) -> None:
    """A preview of two lines, a line a page."""
    await tape.road.call(a_book, tape.road.records)
    await tape.road.call(open_line, tape.road.records, "line-9", customer_id="c-1")
    workflow_id = rerating_id("run-1", "preview")
    await tape.road.client.execute_workflow(
        ReratingWorkflow.run,
        ReratingStart(run_id="run-1", person_id="risk1", page_size=1),
        id=workflow_id,
        task_queue=PORTFOLIO_QUEUE,
    )
    await tape.keep("rerating_previewed", workflow_id)


@scenario
async def an_order_looked_at_again(tape: Tape) -> None:
    """One order that waits, and a look that comes to its end."""
    road, line_id = tape.road, "line-1"
    customer = road.keep_customer()
    on = road.services.clock.business_on()
    ends = {"starts_on": on, "last_draw_on": on, "ends_on": on, "review_due_on": on}
    await road.call(open_line, road.records, line_id, customer_id=customer.customer_id, **ends)
    content = OrderContent(order_no="SO-1", amount=Money.of(5000, "CNY"))
    await road.call(
        road.services.orders.place, road.people["orders"], customer.customer_id, content
    )
    await road.client.execute_workflow(
        RecheckWorkflow.run,
        RecheckStart(run_id="run-1", customer_id=customer.customer_id, cause="payment"),
        id=recheck_id("run-1"),
        task_queue=CASES_QUEUE,
    )
    await tape.keep("orders_rechecked", recheck_id("run-1"))


@scenario
async def met(tape: Tape) -> None:
    """A committee meets without a case; its minutes are sealed all the same."""
    road = tape.road
    with road.records.begin() as session:
        AuthorityRegister(session).record(
            Seat(
                entry_id="seat-approver1",
                recorded_by="operator",
                valid_from=date(2000, 1, 1),
                person_id="approver1",
                body="loan_committee",
            )
        )
    content = MeetingContent(
        body="loan_committee", held_at=road.services.clock.now(), place="Room 3", chair="approver1"
    )
    meetings = road.services.meetings
    meeting = await road.call(meetings.convene, road.people["risk"], content)
    await road.call(meetings.close, road.people["approver1"], meeting.meeting_no)
    await tape.started(minutes_id(meeting.meeting_no))
    await tape.keep_ended("minutes_sealed", minutes_id(meeting.meeting_no))
