"""The register reaches a customer by itself, its group and its ring, and recuses whom it marks."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session
from temporalio.testing import ActivityEnvironment

from activities.approval import ApprovalActivities
from activities.assessment import collect_dossier, ring_on
from activities.letter import issue_letter
from activities.related import related_customers, related_entries
from domain.application import Application
from domain.approval import (
    ApprovalOutcome,
    ApprovalProgress,
    ApprovalRequest,
    DecisionRequest,
    RouteStep,
    StepMode,
    Subject,
    Verdict,
)
from domain.assessment import Dossier
from domain.customer import CustomerGroup
from domain.edition import PolicyEdition
from domain.errors import LimitAboveProposal, Recused
from domain.money import Money
from domain.party import Link, LinkKind, Party
from domain.related import RelatedBy, RelatedContent
from policies.assessment import assess
from storage.application import Assessments, CaseEvents
from storage.approval import Approvals, Letters
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions
from storage.identity import ActionTokens
from storage.party import Parties
from storage.related import RelatedParties
from tests.makers_monitoring import GRANTED_ON, a_book, noon
from tests.makers_policy import a_changed_edition, a_customer, an_edition, cny


def enter(session: Session, subject: str, *members: str, entry_id: str = "e-1") -> None:
    content = RelatedContent(
        subject=subject,
        relation=RelatedBy.INSIDER,
        members=members,
        source="declaration",
        valid_from=GRANTED_ON,
    )
    RelatedParties(session).record(content, entry_id, "risk")
    RelatedParties(session).check(entry_id, 1, "risk2", accepted=True, note="")


def a_dossier_of(session: Session, edition: PolicyEdition, on: date = GRANTED_ON) -> Dossier:
    application = Application(
        customer_id="c-1", limit_requested=cny(1_000_000), purpose="components"
    )
    return collect_dossier(session, application, edition, on)


def test_a_customer_follows_the_register_from_its_first_day(records: Records) -> None:
    a_book(records)
    with records.begin() as session:
        enter(session, "c-1", "approver1")
        before = a_dossier_of(session, an_edition(), GRANTED_ON - timedelta(days=1))
        dossier = a_dossier_of(session, an_edition())

    assert (before.customer.related_to_grantor, before.related) == (False, ())
    assert dossier.customer.related_to_grantor
    (used,) = dossier.related
    assert (used.entry_id, used.version, used.members) == ("e-1", 1, ("approver1",))
    assert dossier.book is not None
    assert dossier.book.by_scope["related:limits"] == cny(1_000_000)
    judged = assess("x", dossier, an_edition(), automatic_spent=cny(0), sampled=False)
    assert judged.route.row == "related_party"


def test_related_parties_have_one_cap_together(records: Records) -> None:
    capped = a_changed_edition(
        """
        [[concentration.caps]]
        code = "related"
        scope = "related"
        measure = "limits"
        base = "capital_net"
        share = 0.0004
        """
    )
    a_book(records, edition=capped)
    with records.begin() as session:
        Customers(session).record(
            a_customer(customer_id="c-2", identifiers=(), related_to_grantor=True),
            business_on=GRANTED_ON,
            source="import",
            recorded_by="manager",
        )
        enter(session, "c-1")
        dossier = a_dossier_of(session, capped)
        of_the_other = Application(
            customer_id="c-2", limit_requested=cny(1_000_000), purpose="components"
        )
        other = collect_dossier(session, of_the_other, capped, GRANTED_ON)

    # Two million are allowed, one is held by c-1: whoever of the two asks for more passes it.
    for each in (dossier, other):
        assert each.book is not None
        assert each.book.by_scope["related:limits"] == cny(1_000_000)
    asked = dossier.model_copy(update={"limit_requested_reporting": cny("1000000.01")})
    application = asked.application.model_copy(update={"limit_requested": cny("1000000.01")})
    asked = asked.model_copy(update={"application": application})
    reached, passed = (
        assess("x", each, capped, automatic_spent=cny(0), sampled=False).route
        for each in (dossier, asked)
    )
    assert reached.exceptions == ()
    assert [each.code for each in passed.exceptions] == ["related"]


@settings(
    max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    links=st.lists(
        st.tuples(
            st.integers(0, 6), st.integers(0, 6), st.sampled_from(list(LinkKind)),
            st.sampled_from(["0.1", "0.3", "0.6", None]),
        ),
        max_size=7,
    ),
    subject=st.integers(0, 6),
    grouped=st.sets(st.integers(0, 4)),
)  # fmt: skip
def test_whoever_falls_under_an_entry_is_found_from_the_entry_too(
    records: Records,
    links: list[tuple[int, int, LinkKind, str | None]],
    subject: int,
    grouped: set[int],
) -> None:
    """Five customers and two parties, linked and grouped at random."""
    with Session(records.engine, info={"policy": "standard"}) as session:
        Customers(session).record_group(CustomerGroup(group_id="g-1", name="Group"))
        for n in range(5):
            Customers(session).record(
                a_customer(
                    customer_id=f"p-{n}", identifiers=(), group_id="g-1" if n in grouped else None
                ),
                business_on=GRANTED_ON,
                source="test",
                recorded_by="manager",
            )
        for n in (5, 6):
            Parties(session).record(Party(party_id=f"p-{n}", name="Party"), "risk")
        for number, (holder, held, kind, share) in enumerate(links):
            if holder != held:
                Parties(session).record_link(
                    Link.model_validate(
                        {
                            "link_id": f"l-{number}",
                            "kind": kind,
                            "holder": f"p-{holder}",
                            "subject": f"p-{held}",
                            "share": share if kind is LinkKind.OWNS else None,
                            "source": "test",
                        }
                    ),
                    "risk",
                )
        enter(session, f"p-{subject}")
        edition = an_edition()
        found = set(related_customers(session, edition, GRANTED_ON))
        customers = Customers(session).find_many(f"p-{n}" for n in range(5))
        each = {
            customer_id
            for customer_id, customer in customers.items()
            if related_entries(
                session, customer, ring_on(session, customer_id, edition, GRANTED_ON), GRANTED_ON
            )
        }
        session.rollback()
    assert found == each


def asked(records: Records, *positions: str) -> ApprovalProgress:
    """An approval on the book's customer that asks these positions all at once."""
    request = ApprovalRequest(
        subject=Subject.REVIEW,
        subject_id="case-1",
        case_id="case-1",
        customer_id="c-1",
        makers=("manager",),
        steps=(
            RouteStep(
                step_id="1.head",
                tier=3,
                mode=StepMode.ALL,
                positions=positions,
                remind_hours=1,
                deadline_hours=2,
            ),
        ),
        aggregate=cny(1_000_000),
        grade="A",
        content_hash="h",
        edition_hash=an_edition_on_record(records).edition_hash,
    )
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, scheduled_time=noon(GRANTED_ON))
    progress = environment.run(ApprovalActivities(records).open_approval, request)
    assert isinstance(progress, ApprovalProgress)
    return progress


def an_edition_on_record(records: Records) -> PolicyEdition:
    with records.begin() as session:
        return Editions(session).read_current(GRANTED_ON)


def says(
    records: Records, person_id: str, task_id: str, channel: str, limit: Money | None = None
) -> ApprovalProgress:
    """A word as the workflow hands it on, whichever door it came through."""
    with records.begin() as session:
        token = ActionTokens(session).issue_action_token(person_id, task_id, noon(date(2099, 1, 1)))
    decision = DecisionRequest(
        approval_id="case-1.1",
        task_id=task_id,
        person_id=person_id,
        verdict=Verdict.APPROVE,
        limit=limit,
        message_id=f"m-{person_id}-{channel}",
        token=token,
        channel=channel,
        at=noon(GRANTED_ON),
    )
    progress = ActivityEnvironment().run(ApprovalActivities(records).record_decision, decision)
    assert isinstance(progress, ApprovalProgress)
    return progress


@pytest.mark.parametrize("channel", ["api", "cli", "signal"])
def test_whom_the_register_marks_is_refused_at_the_moment_of_the_word(
    records: Records, channel: str
) -> None:
    a_book(records)
    progress = asked(records, "head_credit", "head_risk")
    assert progress.waiting_for == ("head_credit", "head_risk")
    with records.begin() as session:
        enter(session, "c-1", "approver3")  # after the task was opened

    with pytest.raises(Recused, match="e-1"):
        says(records, "approver3", "case-1.1.1.1", channel)
    assert says(records, "approver4", "case-1.1.1.2", channel).outcome is ApprovalOutcome.OPEN


def test_a_position_all_of_whose_holders_are_recused_is_skipped_with_the_reason(
    records: Records,
) -> None:
    a_book(records)
    with records.begin() as session:
        enter(session, "c-1", "approver3")
    progress = asked(records, "head_credit", "head_risk")

    assert progress.waiting_for == ("head_risk",)
    with records.begin() as session:
        approval = Approvals(session).find("case-1.1")
        events = CaseEvents(session).list_all("case-1")
    assert approval is not None
    assert [task.skipped for task in approval.tasks] == ["recused:e-1", ""]
    (skipped,) = [event for event in events if event["kind"] == "task_skipped"]
    assert skipped["facts"]["reason"] == "recused:e-1"
    assert says(records, "approver4", "case-1.1.1.2", "api").outcome is ApprovalOutcome.APPROVED


def test_where_everybody_is_recused_nobody_of_them_decides_and_nothing_is_approved(
    records: Records,
) -> None:
    a_book(records)
    with records.begin() as session:
        enter(session, "c-1", "approver3", "approver4")
    progress = asked(records, "head_credit", "head_risk")

    assert progress.waiting_for == ("head_credit", "head_risk")
    for person, task in (("approver3", "case-1.1.1.1"), ("approver4", "case-1.1.1.2")):
        with pytest.raises(Recused):
            says(records, person, task, "api")


@pytest.mark.parametrize("channel", ["api", "cli", "signal"])
def test_no_door_lets_an_approver_raise_above_what_was_put_to_them(
    records: Records, channel: str
) -> None:
    a_book(records)
    asked(records, "head_credit", "head_risk")
    more = cny(1_000_000) + cny("0.01")

    with pytest.raises(LimitAboveProposal):
        says(records, "approver3", "case-1.1.1.1", channel, more)


def test_no_letter_is_written_for_more_than_was_put_to_the_vote(records: Records) -> None:
    a_book(records)
    with records.begin() as session:
        assessment = Assessments(session).read("case-1").model_copy(update={"case_id": "case-2"})
        with pytest.raises(LimitAboveProposal):
            issue_letter(
                session,
                assessment,
                an_edition(),
                approved=True,
                on=GRANTED_ON,
                decided_by=("approver1",),
                limit=assessment.limit_recommended + cny("0.01"),
            )
        assert Letters(session).find_of_subject("case-2") is None
