"""Changes of a line: what each type says, brings and is refused, who decides it and how soon."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from domain.application import Application, ApplicationType
from domain.assessment import Lane
from domain.classification import FiveTier
from domain.cover import CoverContent, CoverKind, CoverVersion, RegisteredCover
from domain.edition import PolicyEdition
from domain.errors import (
    ApplicationTypeUnknown,
    ChangeUnfit,
    CreditError,
    FormFieldMissing,
    FormFieldRefused,
    TypeNotOffered,
    refusal_in,
)
from domain.form import ExtensionForm
from domain.line import CreditLine, LineStatus
from domain.refusal_words import STATES
from policies.completeness import missing_items
from policies.contract import terms_for
from policies.edition import check
from policies.form import (
    LineFacts,
    changed_terms,
    filled,
    last_draw_on,
    refuse_fields,
    refuse_not_offered,
    refuse_unfit,
)
from tests.makers_line import NOW
from tests.makers_policy import (
    FORMS,
    ON,
    a_change,
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

CHANGES = [each for each in ApplicationType if each.has_form]
LIMIT = cny(800_000)
ENDS_ON = ON + timedelta(days=30)


def a_line(**changed: Any) -> CreditLine:
    content = {
        "line_id": "line-1",
        "customer_id": "c-1",
        "case_id": "case-1",
        "letter_no": "PF-1",
        "contract_id": "case-1",
        "terms": terms_for(judged(a_dossier()), LIMIT, an_edition()),
        "limit": LIMIT,
        "status": LineStatus.ACTIVE,
        "grade": "A",
        "starts_on": date(2025, 7, 1),
        "ends_on": ENDS_ON,
        "review_due_on": ENDS_ON,
        "activated_at": NOW,
        "last_draw_on": ENDS_ON,
    }
    return CreditLine.model_validate(content | changed)


def refused(**content: Any) -> CreditError:
    with pytest.raises(ValidationError) as failure:
        an_application(**content)
    found = refusal_in(failure.value)
    assert found is not None
    return found


def unfit(kind: ApplicationType, form: dict[str, Any], **facts: Any) -> dict[str, str]:
    application = a_change(kind, LIMIT, form={"kind": kind, **form})
    with pytest.raises(ChangeUnfit) as failure:
        refuse_unfit(application, LineFacts(line=a_line(), **facts), an_edition())
    return failure.value.facts


# ── the form ─────────────────────────────────────────────────────────────────────────────────────


def test_an_unknown_type_is_refused_by_its_name() -> None:
    refusal = refused(application_type="moonshine")

    assert isinstance(refusal, ApplicationTypeUnknown)
    assert "moonshine" in refusal.detail()
    assert "moonshine" in refusal.detail("zh")


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("field", ["form", "line_id"])
def test_a_change_says_its_form_and_its_line(kind: ApplicationType, field: str) -> None:
    refusal = refused(application_type=kind, **{field: None})

    assert isinstance(refusal, FormFieldMissing)
    assert refusal.facts["field"] == field


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize(
    "extra", [{"temporary_until": ON + timedelta(days=9)}, {"above_eligible_reason": "a season"}]
)
def test_a_change_takes_no_field_of_another_type(
    kind: ApplicationType, extra: dict[str, Any]
) -> None:
    refusal = refused(application_type=kind, **extra)

    assert isinstance(refusal, FormFieldRefused)
    assert [refusal.facts["field"]] == list(extra)


def test_a_form_of_another_type_is_refused() -> None:
    for kind in (ApplicationType.NEW_LINE, ApplicationType.EXTENSION):
        refusal = refused(application_type=kind, line_id="line-1", form={"kind": "termination"})
        assert refusal.facts["field"] == "form.termination"


@pytest.mark.parametrize(
    ("kind", "extra"),
    [
        (ApplicationType.NEW_LINE, {"line_id": "line-1"}),
        (ApplicationType.RENEWAL, {"line_id": "line-1", "temporary_until": ON}),
    ],
)
def test_a_field_that_would_have_no_effect_is_refused(
    kind: ApplicationType, extra: dict[str, Any]
) -> None:
    with pytest.raises(FormFieldRefused):
        refuse_fields(an_application(application_type=kind, **extra))


@pytest.mark.parametrize(
    "kind", [ApplicationType.CHANGE_OF_CONDITIONS, ApplicationType.CHANGE_OF_COVER]
)
def test_a_form_that_says_nothing_is_refused_by_its_types_word(kind: ApplicationType) -> None:
    refusal = refused(application_type=kind, line_id="line-1", form={"kind": kind})

    assert f"“{STATES['ApplicationType'][kind]}”" in refusal.detail("zh")


# ── the line ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", CHANGES)
def test_what_a_change_leaves_unsaid_is_as_the_line_has_it(kind: ApplicationType) -> None:
    terms = a_line().terms.model_copy(update={"product": "prepayment", "term_months": 18})
    whole = filled(a_change(kind, LIMIT), a_line(terms=terms))

    product = "factoring" if kind is ApplicationType.CHANGE_OF_PRODUCTS else "prepayment"
    months = 24 if kind is ApplicationType.RESTRUCTURE else 18
    assert (whole.product, whole.term_months) == (product, months)


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("limit_requested", cny(800_001)),
        ("product", "letter_of_credit"),
        ("term_months", 36),
    ],
)
def test_what_the_line_keeps_is_not_said_otherwise(
    kind: ApplicationType, field: str, said: Any
) -> None:
    application = an_application(application_type=kind, **{field: said})
    with pytest.raises(ChangeUnfit) as failure:
        filled(application, a_line())

    assert failure.value.facts["field"] == field


@pytest.mark.parametrize("days", [0, 91])
def test_an_extension_is_to_a_day_after_the_last_within_the_editions_days(days: int) -> None:
    facts = unfit(ApplicationType.EXTENSION, {"until": ENDS_ON + timedelta(days=days)})

    assert facts["field"] == "form.until"
    for fits in (1, 90):
        form = {"kind": "extension", "until": ENDS_ON + timedelta(days=fits)}
        application = a_change(ApplicationType.EXTENSION, LIMIT, form=form)
        refuse_unfit(application, LineFacts(line=a_line()), an_edition())


def test_extensions_are_counted_from_the_last_renewal_on() -> None:
    form = {"until": ENDS_ON + timedelta(days=1)}
    kinds = ("new_line", "extension", "change_of_cover")

    assert unfit(ApplicationType.EXTENSION, form, kinds=kinds)["reason_code"] == "extended_often"
    application = a_change(ApplicationType.EXTENSION, LIMIT, form={"kind": "extension", **form})
    renewed = LineFacts(line=a_line(), kinds=(*kinds, "renewal"))
    refuse_unfit(application, renewed, an_edition())


def test_a_line_that_goes_on_is_not_closed_to_draws_any_sooner() -> None:
    edition = a_changed_edition("[line]\nlast_draw_days_before_end = 30\n")
    form = ExtensionForm(until=ENDS_ON + timedelta(days=10))

    assert last_draw_on(form, a_line(), edition) == ENDS_ON
    later = form.model_copy(update={"until": ENDS_ON + timedelta(days=40)})
    assert last_draw_on(later, a_line(), edition) == ENDS_ON + timedelta(days=10)


def test_no_two_conditions_of_a_line_have_one_code() -> None:
    asked = [{"text": f"Condition {n}", "kind": "covenant"} for n in range(4)]
    terms = a_line().terms
    for form in (
        {"added": asked[:2]},
        {"dropped": ["covenant:1"], "added": asked[2:3]},
        {"added": asked[3:]},
    ):
        content = {"kind": ApplicationType.CHANGE_OF_CONDITIONS, **form}
        application = a_change(ApplicationType.CHANGE_OF_CONDITIONS, LIMIT, form=content)
        receipt = judged(a_dossier(application=application, own_limits=LIMIT, line_limit=LIMIT))
        terms = changed_terms(receipt, a_line(terms=terms), an_edition(), ON)

    codes = [each.code for each in terms.scheme_conditions]
    assert codes == ["covenant:2", "covenant:3", "covenant:4"]


def test_a_customers_own_guarantee_does_not_secure_its_line() -> None:
    content = CoverContent(
        kind=CoverKind.GUARANTEE, owner="c-1", value=cny(800_000), source="deed of guarantee"
    )
    version = CoverVersion(
        cover_id="g-1",
        version=1,
        content=content,
        needs_check=True,
        recorded_by="manager",
        checked_by="release",
        confirmed=True,
    )
    form = {"added": [{"cover_id": "g-1", "amount": cny(1)}]}
    covers = (RegisteredCover.of([version]),)

    assert unfit(ApplicationType.CHANGE_OF_COVER, form, covers=covers)["reason_code"] == (
        "form_own_debt"
    )


def test_conditions_that_the_line_does_not_have_are_not_given_up() -> None:
    assert unfit(ApplicationType.CHANGE_OF_CONDITIONS, {"dropped": ["moonshine"]})["field"] == (
        "form.dropped"
    )


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"product": "open_account"}, "form.product"),
        (
            {
                "product": "comprehensive",
                "sub_lines": [
                    {"product": "factoring", "limit": cny(900_000), "tenor_months": 6},
                ],
            },
            "form.sub_lines",
        ),
    ],
)
def test_products_are_others_and_fit_the_catalogue(form: dict[str, Any], field: str) -> None:
    assert unfit(ApplicationType.CHANGE_OF_PRODUCTS, form)["field"] == field


def test_only_a_line_in_difficulty_is_restructured_and_not_for_ever() -> None:
    assert unfit(ApplicationType.RESTRUCTURE, {"term_months": 24})["reason_code"] == "form_sound"
    longer = unfit(ApplicationType.RESTRUCTURE, {"term_months": 37}, days_past_due=1)
    assert longer["field"] == "form.term_months"
    application = a_change(ApplicationType.RESTRUCTURE, LIMIT)
    for facts in ({"days_past_due": 1}, {"tier": FiveTier.SPECIAL_MENTION}):
        refuse_unfit(application, LineFacts(line=a_line(), **facts), an_edition())


# ── the edition: whether, what, who, how soon ────────────────────────────────────────────────────


def an_edition_with(kind: ApplicationType, rule: str) -> PolicyEdition:
    return a_changed_edition(f"[types.{kind}]\n{rule}\n")


@pytest.mark.parametrize("kind", CHANGES)
def test_an_edition_may_take_none_of_a_type(kind: ApplicationType) -> None:
    refuse_not_offered(kind, an_edition())
    with pytest.raises(TypeNotOffered):
        refuse_not_offered(kind, an_edition_with(kind, "offered = false"))


def test_an_edition_whose_rows_name_other_types_takes_none_that_nobody_decides() -> None:
    rows = tuple(
        row.model_copy(update={"application_types": (ApplicationType.NEW_LINE,)})
        for row in an_edition().approval.rows
    )
    approval = an_edition().approval.model_copy(update={"rows": rows})
    older = an_edition().model_copy(update={"approval": approval})

    with pytest.raises(TypeNotOffered):
        refuse_not_offered(ApplicationType.EXTENSION, older)


@pytest.mark.parametrize("kind", CHANGES)
def test_each_type_is_held_by_the_documents_of_its_own_rule(kind: ApplicationType) -> None:
    edition = an_edition_with(kind, 'required = ["purpose", "oath"]')
    application = a_change(kind, LIMIT)
    statements = (a_statement(2024), a_statement(2025))

    assert missing_items(application, statements, a_customer(), edition, ON) == ("oath",)


@pytest.mark.parametrize("kind", CHANGES)
def test_the_limit_is_kept_whatever_the_figures_support(kind: ApplicationType) -> None:
    held = {"own_limits": cny(600_000_000), "line_limit": LIMIT}
    receipt = judged(a_dossier(application=a_change(kind, LIMIT), **held))

    assert receipt.limit.limit_proposed < LIMIT
    assert receipt.limit_recommended == LIMIT


@pytest.mark.parametrize("kind", CHANGES)
def test_what_fires_a_knock_out_is_declined_or_put_before_people_as_the_rule_says(
    kind: ApplicationType,
) -> None:
    late = some_payments(days_past_due_max=120)
    dossier = a_dossier(application=a_change(kind, LIMIT), payments=late)
    for declines, lane in (("true", Lane.DECLINE), ("false", Lane.PEOPLE)):
        edition = an_edition_with(kind, f"knock_outs_decline = {declines}")
        routed = judged(dossier, edition).route
        assert routed.lane is lane
        assert "overdue_over_90_days" in routed.reasons


@pytest.mark.parametrize("kind", CHANGES)
def test_people_decide_each_type_by_its_own_road_and_within_its_hours(
    kind: ApplicationType,
) -> None:
    rule = """
hours_share = 0.25
steps = [{ tier = "head", mode = "all", positions = ["head_credit", "head_risk"] }]
"""
    edition = an_edition_with(kind, rule)
    route = judged(a_dossier(application=a_change(kind, LIMIT)), edition).route

    assert check(edition) == []
    assert (route.lane, route.row) == (Lane.PEOPLE, kind.value)
    tier = edition.approval.tiers["head"]
    (step,) = route.steps
    assert step.positions == ("head_credit", "head_risk")
    assert step.deadline_hours == tier.deadline_hours * Decimal("0.25")


def test_a_rule_is_held_to_tiers_that_exist() -> None:
    edition = an_edition_with(
        ApplicationType.EXTENSION,
        'steps = [{ tier = "moon", mode = "one", positions = ["branch_head"] }]',
    )

    assert [each.code for each in check(edition)] == ["unknown"]


def test_forms_are_there_for_every_type_that_has_one() -> None:
    assert {ApplicationType(kind) for kind in FORMS} == set(CHANGES)
    for kind in CHANGES:
        kept = a_change(kind, LIMIT)
        assert Application.model_validate_json(kept.model_dump_json()) == kept
