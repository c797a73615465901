"""Which changed fact voids whose word: named field by field, and never less than the table says."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.application import Application, ApplicationType
from domain.approval import Approval, ApprovalRequest, RouteStep, StepMode, Subject, Verdict
from domain.assessment import Assessment, Dossier
from domain.edition import MaterialField, PolicyEdition
from domain.tolerance import ToleranceUse
from policies.edition import check
from policies.materiality import carried, changes
from tests.domain.test_approval import NOW, a_step
from tests.makers_policy import (
    a_changed_edition,
    a_customer,
    a_dossier,
    a_statement,
    an_application,
    an_edition,
    cny,
    judged,
    some_payments,
)

TABLE = """
[approval]
materiality = [
    { field = "limit", change = "raised", up_to = 0.1, voids = "positions", positions = ["head_credit"] },
    { field = "limit", change = "lowered", voids = "none" },
    { field = "aggregate", voids = "none" },
    { field = "price", voids = "none" },
    { field = "purpose", voids = "positions", positions = ["head_risk"] },
]
"""


def asked(amount: int = 5_000_000, **changed: Any) -> Assessment:
    return judged(a_dossier(application=an_application(cny(amount), **changed)))


def an_approval_of(
    assessment: Assessment, *people: str, steps: tuple[RouteStep, ...] = (), n: int = 1
) -> Approval:
    route = steps or (a_step(StepMode.ALL, "head_credit", "head_risk", "region_head"),)
    approval = Approval.opened(a_request(assessment, route, n))
    for person, task in zip(people, approval.open_tasks, strict=False):
        approval = approval.decided(task.task_id, person, Verdict.APPROVE, NOW)
    return approval


def a_request(assessment: Assessment, steps: tuple[RouteStep, ...], n: int) -> ApprovalRequest:
    return ApprovalRequest(
        subject=Subject.APPLICATION,
        subject_id="a-1",
        n=n,
        case_id="a-1",
        customer_id="c-1",
        makers=("manager",),
        steps=steps,
        aggregate=assessment.route.aggregate,
        grade=assessment.rating.grade,
        content_hash=assessment.receipt_hash,
        edition_hash="e",
    )


def kept(before: Assessment, after: Assessment, edition: PolicyEdition) -> set[str]:
    approval = an_approval_of(before, "one", "two")
    request = a_request(after, approval.request.steps, 2)
    taken = carried(approval, request, changes(before, after, edition), edition)
    return {task.position for task in taken.kept}


def test_nothing_changed_is_nothing_told() -> None:
    assert changes(asked(), asked(), an_edition()) == ()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"purpose": "A new mill"}, MaterialField.PURPOSE),
        ({"term_months": 24}, MaterialField.TERM),
        ({"attachments": {"business_licence": "f" * 64}}, MaterialField.DOCUMENTS),
    ],
)
def test_a_change_is_told_by_its_field(changed: dict[str, Any], field: MaterialField) -> None:
    found = changes(asked(), asked(**changed), an_edition())

    assert field in [each.field for each in found]


def test_records_that_changed_are_told_though_no_figure_of_the_judgement_did() -> None:
    before = judged(a_dossier(application=an_application(cny(5_000_000))))
    renamed = a_dossier(
        application=an_application(cny(5_000_000)), customer=a_customer(name="Another name")
    )

    found = changes(before, judged(renamed), an_edition())
    assert [each.field for each in found] == [MaterialField.RECORDS]


SAID_BY_A_FIGURE = {
    # fields of a dossier, and of its application, that move a figure or only say when and where
    "holdings", "limit_requested_reporting", "rates", "fixing", "book", "requests_beside",
    "completeness", "business_on", "application",
    "customer_id", "limit_requested", "line_id", "temporary_until",
}  # fmt: skip
TOLD: dict[str, tuple[Any, MaterialField]] = {
    "customer": (a_customer(name="Another name"), MaterialField.RECORDS),
    "statements": ((a_statement(2025),), MaterialField.RECORDS),
    "payments": (some_payments(days_past_due_max=90), MaterialField.RECORDS),
    "invoices": ("an invoice record", MaterialField.RECORDS),
    "override": ("one notch", MaterialField.RECORDS),
    "statements_beside": (("another account",), MaterialField.RECORDS),
    "external_ratings": (("BBB",), MaterialField.RECORDS),
    "supplied": (("a figure",), MaterialField.RECORDS),
    "related": (("an entry",), MaterialField.RECORDS),
    "reconsidered": ("a decision", MaterialField.RECORDS),
    "covers": (("a guarantee",), MaterialField.COVER),
    "investigation": ("a report", MaterialField.INVESTIGATION),
    "purpose": ("A new mill", MaterialField.PURPOSE),
    "product": ("acceptance", MaterialField.PRODUCT),
    "application_type": (ApplicationType.INCREASE, MaterialField.PRODUCT),
    "form": ("another day", MaterialField.PRODUCT),
    "attachments": ({"business_licence": "f" * 64}, MaterialField.DOCUMENTS),
    "term_months": (24, MaterialField.TERM),
    "above_eligible_reason": ("Orders are in hand", MaterialField.EXCEPTIONS),
}


def test_every_field_of_a_judgement_is_told_or_moves_a_figure() -> None:
    assert not TOLD.keys() & SAID_BY_A_FIGURE
    assert TOLD.keys() | SAID_BY_A_FIGURE == {*Dossier.model_fields, *Application.model_fields}


@pytest.mark.parametrize("name", TOLD)
def test_whatever_a_judgement_looked_at_is_told_when_it_changed(name: str) -> None:
    content, field = TOLD[name]
    before = asked()
    dossier = before.dossier
    part = dossier.application if name in Application.model_fields else dossier
    other: Any = part.model_copy(update={name: content})
    if part is not dossier:
        other = dossier.model_copy(update={"application": other})

    after = before.model_copy(update={"dossier": other})

    assert [each.field for each in changes(before, after, an_edition())] == [field]


def test_a_difference_that_was_let_pass_is_told() -> None:
    use = ToleranceUse(
        code="balance", difference=Decimal(1), allowed=Decimal(2), unit="CNY", subject="2025"
    )
    after = asked().model_copy(update={"tolerances": (use,)})

    assert [each.field for each in changes(asked(), after, an_edition())] == [
        MaterialField.EXCEPTIONS
    ]


@pytest.mark.parametrize(
    ("amount", "positions"),
    [
        (5_500_000, {"head_risk"}),  # exactly a tenth more
        (5_500_001, set()),  # a unit above it: no row, so everybody's falls
        (4_999_999, {"head_credit", "head_risk"}),
    ],
)
def test_a_changed_amount_voids_what_its_row_says(amount: int, positions: set[str]) -> None:
    assert kept(asked(), asked(amount), a_changed_edition(TABLE)) == positions


def test_of_several_changes_each_voids_its_own() -> None:
    after = asked(5_100_000, purpose="A new mill")

    assert kept(asked(), after, a_changed_edition(TABLE)) == set()


def test_without_a_table_every_change_voids_every_word() -> None:
    edition = a_changed_edition("[approval]\nmateriality = []\n")

    assert kept(asked(), asked(4_000_000), edition) == set()


def test_words_on_a_route_that_changed_fall_from_there() -> None:
    first = a_step(StepMode.ONE, "branch_head")
    before = asked()
    approval = Approval.opened(a_request(before, (first, a_step(StepMode.ONE, "region_head")), 1))
    approval = approval.decided(approval.open_tasks[0].task_id, "one", Verdict.APPROVE, NOW)
    same = a_request(before, (first, a_step(StepMode.ALL, "head_credit", "head_risk")), 2)
    other = a_request(before, (a_step(StepMode.ONE, "region_head"),), 2)

    assert [task.position for task in carried(approval, same, (), an_edition()).kept] == [
        "branch_head"
    ]
    moved = carried(approval, other, (), an_edition())
    assert moved.kept == ()
    assert set(moved.fell.values()) == {"route"}


def test_a_word_said_once_for_two_steps_falls_at_both() -> None:
    steps = (a_step(StepMode.ONE, "head_credit"), a_step(StepMode.ONE, "head_risk"))
    edition = a_changed_edition(TABLE)
    before, after = asked(), asked(purpose="Something else")
    approval = an_approval_of(before, "one", steps=(*steps, a_step(StepMode.ONE, "region_head")))
    said, asks = approval.tasks[0], approval.open_tasks[0]
    counted = approval.counting(said, asks.task_id, NOW)
    request = a_request(after, counted.request.steps, 2)

    taken = carried(counted, request, changes(before, after, edition), edition)

    assert taken.kept == ()
    assert taken.fell == {said.task_id: "purpose", asks.task_id: "purpose"}
    shorter = a_request(before, (steps[0], a_step(StepMode.ONE, "region_head")), 2)
    left = carried(counted, shorter, (), edition)
    assert [task.task_id for task in left.kept] == [said.task_id]


def test_words_that_are_kept_never_end_an_approval() -> None:
    """A lower amount may have a shorter route; somebody still decides on what it now is."""
    first = a_step(StepMode.ONE, "branch_head")
    before = asked()
    long = Approval.opened(a_request(before, (first, a_step(StepMode.ONE, "region_head")), 1))
    long = long.decided(long.open_tasks[0].task_id, "one", Verdict.APPROVE, NOW)
    request = a_request(before, (first,), 2)
    taken = carried(long, request, (), an_edition())

    approval = Approval.opened(request, taken.kept)
    assert approval.outcome == "open"
    assert [task.position for task in approval.open_tasks] == ["branch_head"]
    assert approval.deciders == ()


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ('{ field = "limit", voids = "positions" }', "incomplete"),
        ('{ field = "limit", voids = "none", positions = ["head_risk"] }', "unread"),
        ('{ field = "limit", voids = "positions", positions = ["nobody"] }', "unknown"),
        ('{ field = "purpose", change = "raised", voids = "none" }', "unread"),
        ('{ field = "term", voids = "none" }, { field = "term", voids = "all" }', "overlap"),
    ],
)
def test_a_row_that_cannot_mean_anything_is_found(rows: str, code: str) -> None:
    found = check(a_changed_edition(f"[approval]\nmateriality = [{rows}]\n"))

    assert code in [each.code for each in found if each.path.startswith("approval.materiality")]


@given(st.integers(1, 20_000_000))
@example(5_000_000)
@example(5_500_000)
@example(5_500_001)
def test_a_word_is_kept_only_where_the_table_says_so(amount: int) -> None:
    """Lowered or as it was, all words stand; up to a tenth more, all but the head of credit's."""
    expected = {"head_credit", "head_risk"} if amount <= 5_000_000 else {"head_risk"}

    found = kept(asked(), asked(amount), a_changed_edition(TABLE))

    assert found == (expected if amount <= 5_500_000 else set())


def test_statements_of_another_year_are_other_records() -> None:
    before = asked()
    other = judged(
        a_dossier(
            application=an_application(cny(5_000_000)),
            statements=tuple(a_statement(year) for year in (2023, 2025)),
        )
    )

    assert MaterialField.RECORDS in {each.field for each in changes(before, other, an_edition())}
