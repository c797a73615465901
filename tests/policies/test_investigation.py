"""Of which cases is a report asked, when may it be signed, when does it count, and what does it do?"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.application import Application, ApplicationType
from domain.assessment import Lane
from domain.calendar import ZONE
from domain.cover import CoverKind
from domain.customer import Segment
from domain.edition import InvestigationPolicy, PolicyEdition, Relation
from domain.errors import EditionInvalid
from domain.investigation import (
    INVESTIGATION_REPORT,
    Answer,
    Assignment,
    AssignmentContent,
    Conclusion,
    Investigation,
    Report,
    SchemeProposal,
    Signature,
    SignedReport,
    SiteVisit,
    StatementLook,
    report_of,
)
from domain.money import Money
from domain.scheme import FacilityScheme, SubLine
from policies.edition import check
from policies.investigation import (
    OpenPoint,
    asking_row,
    checklist_for,
    counting,
    open_points,
    products_for,
    scheme_faults,
)
from tests.makers_policy import (
    ON,
    a_change,
    a_changed_edition,
    a_dossier,
    a_rate,
    an_application,
    an_edition,
    cny,
    judged,
    usd,
)

EDITION = an_edition()
LARGE = cny(20_000_001)
HASH = "a" * 64
CHECKLIST = checklist_for(Segment.MEDIUM, Relation.NEW, EDITION)


def a_scheme(limit: Money = LARGE, product: str = "open_account", **line: Any) -> FacilityScheme:
    ordinary = {"product": product, "limit": limit, "tenor_months": 6}
    return FacilityScheme(limit=limit, sub_lines=(SubLine.model_validate(ordinary | line),))


def a_proposal(**changed: Any) -> SchemeProposal:
    ordinary = {
        "scheme": a_scheme(),
        "conclusion": Conclusion.RECOMMEND,
        "opinion": "The orders carry it.",
    }
    return SchemeProposal.model_validate(ordinary | changed)


def an_investigation(**changed: Any) -> Investigation:
    """One that has everything the checklist of new customers asks."""
    ordinary = {
        "case_id": "case-1",
        "assignment": Assignment(lead="lead", second="second"),
        "answers": tuple(
            Answer(item=item.code, finding="As told.", evidence=(HASH,) if item.evidence else ())
            for item in CHECKLIST.items
            if item.required
        ),
        "visits": (
            SiteVisit(
                visit_no=1,
                visited_on=ON,
                place="The works",
                met="head of finance",
                finding="At work.",
                photos=(HASH,),
            ),
        ),
        "statements": tuple(
            StatementLook(period_end_on=date(year, 12, 31), finding="Ties.", statement_hash=HASH)
            for year in (2024, 2025)
        ),
        "proposal": a_proposal(),
    }
    return Investigation.model_validate(ordinary | changed)


def a_report(
    investigation: Investigation | None = None, application: Application | None = None
) -> Report:
    found = report_of(
        investigation or an_investigation(), application or an_application(LARGE), CHECKLIST.code
    )
    assert found is not None
    return found


def signed_by(person: str, report: Report, on: date = ON) -> Signature:
    return Signature(
        report_hash=report.report_hash,
        lead=report.lead,
        second=report.second,
        person_id=person,
        signed_on=on,
        signed_at=datetime(on.year, on.month, on.day, 10, tzinfo=ZoneInfo(ZONE)),
    )


def both(report: Report, on: date = ON) -> list[Signature]:
    return [signed_by("lead", report, on), signed_by("second", report, on)]


def counts(
    signatures: list[Signature], report: Report | None = None, on: date = ON
) -> SignedReport | None:
    return counting(signatures, report or a_report(), CHECKLIST, on)


# ── of whom it is asked ──────────────────────────────────────────────────────────────────────────


def row_of(application: Application, **changed: Any) -> str | None:
    asked: dict[str, Any] = {
        "segment": Segment.MEDIUM,
        "requested": application.limit_requested,
        "edition": EDITION,
        "relation": Relation.NEW,
    }
    row = asking_row(application, **(asked | changed))
    return row.code if row else None


@given(
    st.integers(1, 10**12),
    st.sampled_from(list(ApplicationType)),
    st.sampled_from(list(Segment)),
    st.sampled_from(list(Relation)),
)
def test_an_edition_that_says_nothing_of_investigations_asks_none(
    amount: int, kind: ApplicationType, segment: Segment, relation: Relation
) -> None:
    silent = EDITION.model_copy(update={"investigation": InvestigationPolicy()})
    asked = an_application(cny(amount), application_type=kind)

    assert row_of(asked, edition=silent, segment=segment, relation=relation) is None


@given(st.integers(1, 10**12))
def test_a_new_line_is_investigated_above_the_amount_and_not_at_it(amount: int) -> None:
    found = row_of(an_application(cny(amount)))

    assert (found == "large_grant") is (amount > 20_000_000)


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        (ApplicationType.INCREASE, True),
        (ApplicationType.RENEWAL, False),
        (ApplicationType.DECREASE, False),
        (ApplicationType.TEMPORARY_INCREASE, False),
    ],
)
def test_of_changes_only_an_increase_is_investigated(kind: ApplicationType, asked: bool) -> None:
    assert (row_of(a_change(kind, LARGE)) is not None) is asked


def test_an_amount_without_a_rate_counts_as_above_every_amount() -> None:
    assert row_of(an_application(usd(1)), requested=None) == "large_grant"


ROWS = """
[[investigation.rows]]
code = "{code}"
{condition}
"""


@pytest.mark.parametrize(
    ("condition", "fits", "not_fits"),
    [
        ('segments = ["small"]', {"segment": Segment.SMALL}, {"segment": Segment.LARGE}),
        ('relations = ["new"]', {"relation": Relation.NEW}, {"relation": Relation.EXISTING}),
        (
            'products = ["factoring"]',
            {"application": an_application(product="factoring")},
            {"application": an_application(product="prepayment")},
        ),
    ],
)
def test_a_row_is_for_whom_it_names(
    condition: str, fits: dict[str, Any], not_fits: dict[str, Any]
) -> None:
    edition = a_changed_edition(ROWS.format(code="one", condition=condition))
    application = an_application(cny(1_000))

    assert row_of(**{"application": application, "edition": edition, **fits}) == "one"
    assert row_of(**{"application": application, "edition": edition, **not_fits}) is None


# ── what the check finds ─────────────────────────────────────────────────────────────────────────


def with_policy(**changed: Any) -> PolicyEdition:
    policy = EDITION.investigation.model_copy(update=changed)
    return EDITION.model_copy(update={"investigation": policy})


def found_in(edition: PolicyEdition) -> set[tuple[str, str]]:
    return {(each.path, each.code) for each in check(edition)}


@pytest.mark.parametrize("place", range(len(EDITION.investigation.checklists)))
def test_a_class_of_customers_without_a_checklist_or_with_two_is_found(place: int) -> None:
    lists = EDITION.investigation.checklists
    other = lists[place].model_copy(update={"code": "other"})

    assert ("investigation.checklists", "gap") in found_in(
        with_policy(checklists=lists[:place] + lists[place + 1 :])
    )
    assert ("investigation.checklists", "overlap") in found_in(
        with_policy(checklists=(*lists, other))
    )


def test_a_case_is_not_judged_by_none_of_two_checklists() -> None:
    with pytest.raises(EditionInvalid):
        checklist_for(Segment.MEDIUM, Relation.NEW, with_policy(checklists=()))


def test_checklists_that_nobody_is_asked_for_are_found() -> None:
    path = f"investigation.checklists.{CHECKLIST.code}"

    assert (path, "unread") in found_in(with_policy(rows=()))
    assert found_in(with_policy(rows=(), checklists=())) == set()


def test_names_that_point_at_nothing_are_found() -> None:
    [row] = EDITION.investigation.rows
    strange = row.model_copy(update={"products": ("moon_loan",)})
    twice = CHECKLIST.model_copy(update={"items": (CHECKLIST.items[0],) * 2})
    lists = (twice, *EDITION.investigation.checklists[1:])

    assert ("investigation.rows.large_grant", "unknown") in found_in(with_policy(rows=(strange,)))
    assert ("investigation.rows", "repeated") in found_in(with_policy(rows=(row, row)))
    assert (f"investigation.checklists.{CHECKLIST.code}", "repeated") in found_in(
        with_policy(checklists=lists)
    )


def test_the_report_is_no_paper_that_a_checklist_of_papers_can_ask_for() -> None:
    first, *others = EDITION.completeness.checklists
    asks = first.model_copy(update={"required": (*first.required, INVESTIGATION_REPORT)})
    policy = EDITION.completeness.model_copy(update={"checklists": (asks, *others)})
    edition = EDITION.model_copy(update={"completeness": policy})

    assert (f"completeness.checklists.{first.code}", "unknown") in found_in(edition)


# ── when it may be signed ────────────────────────────────────────────────────────────────────────


def test_a_whole_report_lacks_nothing() -> None:
    assert open_points(an_investigation(), CHECKLIST) == ()


def test_an_empty_one_lacks_every_part() -> None:
    points = open_points(Investigation(case_id="case-1"), CHECKLIST)

    required = {item.code for item in CHECKLIST.items if item.required}
    assert {each.code for each in points if each.part == "item"} == required
    assert {each.part for each in points} == {
        "people",
        "item",
        "visits",
        "statements",
        "proposal",
    }


@given(st.sampled_from([item for item in CHECKLIST.items if item.required]))
def test_each_required_item_is_missed_by_its_code(item: Any) -> None:
    whole = an_investigation().answers
    without = tuple(each for each in whole if each.item != item.code)
    bare = tuple(each.model_copy(update={"evidence": ()}) for each in whole)

    assert open_points(an_investigation(answers=without), CHECKLIST) == (
        OpenPoint(part="item", code=item.code),
    )
    unproven = OpenPoint(part="item", code=item.code, evidence=True)
    assert (unproven in open_points(an_investigation(answers=bare), CHECKLIST)) is item.evidence


def test_a_visit_without_a_picture_is_no_evidence() -> None:
    [visit] = an_investigation().visits
    bare = an_investigation(visits=(visit.model_copy(update={"photos": ()}),))

    assert open_points(bare, CHECKLIST) == (OpenPoint(part="visits", code="1", evidence=True),)


def test_an_optional_item_may_stay_open_and_once_answered_needs_its_evidence() -> None:
    cover = Answer(item="cover", finding="A guarantee is offered.")
    answered = an_investigation(answers=(*an_investigation().answers, cover))

    assert open_points(answered, CHECKLIST) == (
        OpenPoint(part="item", code="cover", evidence=True),
    )


def test_the_two_are_two() -> None:
    with pytest.raises(ValidationError, match="two different people"):
        AssignmentContent(lead="lead", second="lead")


@pytest.mark.parametrize("conclusion", list(Conclusion))
def test_conditions_go_with_a_recommendation_with_conditions_alone(conclusion: Conclusion) -> None:
    conditional = conclusion is Conclusion.RECOMMEND_WITH_CONDITIONS
    a_proposal(conclusion=conclusion, conditions=("A pledge.",) if conditional else ())

    with pytest.raises(ValidationError, match="conditions"):
        a_proposal(conclusion=conclusion, conditions=() if conditional else ("A pledge.",))


# ── when it counts ───────────────────────────────────────────────────────────────────────────────


def test_both_names_under_one_content_count() -> None:
    report = a_report()
    found = counts(both(report))

    assert found is not None
    assert (found.report_hash, found.scheme) == (report.report_hash, report.proposal.scheme)
    assert found.valid_until == ON + timedelta(days=CHECKLIST.age_days_max)


@pytest.mark.parametrize("who", [[], ["lead"], ["second"], ["lead", "lead"], ["lead", "third"]])
def test_one_name_one_person_twice_and_a_third_do_not(who: list[str]) -> None:
    report = a_report()

    assert counts([signed_by(person, report) for person in who]) is None


def _other_answer(found: Investigation) -> Investigation:
    first, *others = found.answers
    changed = first.model_copy(update={"finding": "Otherwise."})
    return found.model_copy(update={"answers": (changed, *others)})


CHANGES: list[Callable[[Investigation], Investigation]] = [
    _other_answer,
    lambda found: found.model_copy(update={"answers": found.answers[1:]}),
    lambda found: found.model_copy(update={"visits": ()}),
    lambda found: found.model_copy(update={"statements": found.statements[:1]}),
    lambda found: found.model_copy(
        update={"proposal": a_proposal(scheme=a_scheme(cny(19_000_000)))}
    ),
    lambda found: found.model_copy(
        update={"proposal": a_proposal(conclusion=Conclusion.DO_NOT_RECOMMEND)}
    ),
    lambda found: found.model_copy(
        update={"assignment": Assignment(lead="lead", second="third", version=2)}
    ),
]


@given(st.sampled_from(CHANGES), st.sampled_from(["lead", "second"]))
def test_a_change_leaves_the_names_before_it_behind(
    change: Callable[[Investigation], Investigation], again: str
) -> None:
    before, after = a_report(), a_report(change(an_investigation()))

    assert counts(both(before), before) is not None
    assert counts(both(before), after) is None
    assert counts([*both(before), signed_by(again, after)], after) is None


@given(
    st.sampled_from(
        [
            {"limit_requested": cny(20_000_002)},
            {"term_months": 24},
            {"purpose": "something else"},
            {"product": "factoring"},
        ]
    )
)
def test_a_change_of_what_is_asked_for_does_so_too(changed: dict[str, Any]) -> None:
    asked = an_application(LARGE)
    report, after = a_report(), a_report(application=asked.model_copy(update=changed))

    assert counts(both(report), after) is None


def test_a_paper_that_comes_later_leaves_the_names_where_they_are() -> None:
    asked = an_application(LARGE, attachments={"purchase_contract": HASH})

    assert counts(both(a_report()), a_report(application=asked)) is not None


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 400))
def test_it_counts_while_neither_signature_is_too_old(first: int, second: int, later: int) -> None:
    report = a_report()
    signed = [
        signed_by("lead", report, ON + timedelta(days=first)),
        signed_by("second", report, ON + timedelta(days=second)),
    ]
    on = ON + timedelta(days=max(first, second) + later)

    found = counts(signed, report, on)

    oldest = ON + timedelta(days=min(first, second))
    assert (found is not None) is (on <= oldest + timedelta(days=CHECKLIST.age_days_max))


# ── the scheme ───────────────────────────────────────────────────────────────────────────────────


def faults(scheme: FacilityScheme, application: Application | None = None) -> list[tuple[str, str]]:
    found = scheme_faults(scheme, application or an_application(LARGE), EDITION)
    return [(each.code, each.product) for each in found]


def test_what_was_asked_for_may_be_proposed() -> None:
    assert faults(a_scheme()) == []


@pytest.mark.parametrize(
    ("scheme", "fault"),
    [
        (a_scheme(LARGE + cny(1)), ("above_request", "")),
        (a_scheme(cny(0)), ("limit_not_positive", "")),
        (a_scheme(product="prepayment"), ("product_not_asked", "prepayment")),
        (a_scheme(product="moon_loan"), ("product_unknown", "moon_loan")),
        (a_scheme(tenor_months=7), ("tenor_too_long", "open_account")),
    ],
)
def test_what_was_not_asked_for_or_does_not_fit_is_named(
    scheme: FacilityScheme, fault: tuple[str, str]
) -> None:
    assert fault in faults(scheme)


def test_a_comprehensive_facility_may_hold_every_product_but_those_that_stand_alone() -> None:
    asked = an_application(LARGE, product="comprehensive")
    lines = tuple(
        SubLine(
            product=code,
            limit=LARGE,
            tenor_months=rule.tenor_months_max,
            deposit_share=rule.deposit_min,
            covers=rule.covers[:1],
        )
        for code, rule in products_for(asked, EDITION).items()
    )

    assert {"comprehensive", "project"} & {each.product for each in lines} == set()
    assert len(lines) == len(EDITION.limit.products) - 2
    assert faults(FacilityScheme(limit=LARGE, sub_lines=lines), asked) == []
    assert faults(a_scheme(product="comprehensive"), asked) == [
        ("product_not_asked", "comprehensive"),
        ("no_sub_line", "comprehensive"),
    ]


# ── what it does to a judgement ──────────────────────────────────────────────────────────────────


def signed(limit: Money, conclusion: Conclusion = Conclusion.RECOMMEND) -> SignedReport:
    conditional = conclusion is Conclusion.RECOMMEND_WITH_CONDITIONS
    return SignedReport(
        report_hash=HASH,
        lead="lead",
        second="second",
        signed_on=ON,
        valid_until=ON,
        conclusion=conclusion,
        conditions=("A pledge.",) if conditional else (),
        scheme=a_scheme(limit, covers=(CoverKind.PLEDGE,)),
    )


@given(st.integers(1, 20_000_000), st.integers(1, 20_000_000))
@example(131_073, 22)  # no ratio of decimals gives the amount back
def test_no_more_is_recommended_than_was_signed_for(asked: int, proposed: int) -> None:
    application = an_application(cny(asked))
    without = judged(a_dossier(application=application))
    with_report = judged(a_dossier(application=application, investigation=signed(cny(proposed))))

    assert with_report.limit_recommended == min(without.limit_recommended, cny(proposed))
    assert with_report.limit == without.limit
    assert with_report.route.aggregate == min(without.route.aggregate, cny(proposed))


@pytest.mark.parametrize("conclusion", list(Conclusion))
def test_only_a_plain_recommendation_leaves_a_case_to_the_automatic_lane(
    conclusion: Conclusion,
) -> None:
    asked = an_application(cny(500_000))
    judged_alone = judged(a_dossier(application=asked))
    report = signed(cny(500_000), conclusion)
    route = judged(a_dossier(application=asked, investigation=report)).route

    assert judged_alone.route.lane is Lane.AUTOMATIC
    plain = conclusion is Conclusion.RECOMMEND
    assert (route.lane is Lane.AUTOMATIC) is plain
    reasons = {
        Conclusion.RECOMMEND: "within_automatic_ceilings",
        Conclusion.RECOMMEND_WITH_CONDITIONS: "investigation_conditions",
        Conclusion.DO_NOT_RECOMMEND: "investigation_against",
    }
    assert reasons[conclusion] in route.reasons


def test_a_facility_in_another_currency_is_counted_at_the_rate_of_the_request() -> None:
    rate = Decimal("7.1")
    dossier = a_dossier(
        application=an_application(usd(100_000)),
        rates=(a_rate(rate=str(rate)),),
        investigation=signed(usd(50_000)),
    )
    receipt = judged(dossier)

    assert receipt.limit_recommended == usd(50_000)
    assert receipt.route.aggregate == cny(355_000)
