"""The lint: what is wrong with an edition is found before it is published."""

import ast
from pathlib import Path

import pytest

from domain.edition import PolicyEdition
from domain.errors import EditionInvalid
from policies.edition import check, refuse_unsound, sections, unread_fields
from storage.edition import read_shipped, shipped_text
from tests.makers_policy import a_changed_edition

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["standard", "demo", "invoices"])
def test_the_shipped_editions_hold_together(name: str) -> None:
    assert [finding.sentence() for finding in check(read_shipped(name))] == []
    refuse_unsound(read_shipped(name))


def found(was: str, now: str) -> set[tuple[str, str]]:
    """What the lint says of the standard edition with one text replaced, as path and code."""
    text = shipped_text("standard")
    assert was in text
    edition = PolicyEdition.of_toml(text.replace(was, now, 1))
    return {(finding.path, finding.code) for finding in check(edition)}


@pytest.mark.parametrize(
    ("was", "now", "path", "code"),
    [
        (
            "{ at_least = 0.6, below = 0.8, points = 3 }",
            "{ at_least = 0.7, below = 0.8, points = 3 }",
            "scorecards.corporate.factors.quick_ratio.bins",
            "gap",
        ),
        (
            "{ at_least = 0.6, below = 0.8, points = 3 }",
            "{ at_least = 0.5, below = 0.8, points = 3 }",
            "scorecards.corporate.factors.quick_ratio.bins",
            "overlap",
        ),
        (
            "{ below = 0.4, points = 0 }",
            "{ at_least = 0, below = 0.4, points = 0 }",
            "scorecards.corporate.factors.quick_ratio.bins",
            "gap",
        ),
        ("share = 0.5 }, { days = 90, share = 0 }", "share = 0.5 }", "excess.steps", "range"),
        ("{ days = 30, share = 0.5 }", "{ days = 90, share = 0.5 }", "excess.steps", "order"),
        ("{ days = 30, share = 0.5 }", "{ days = 30, share = 0 }", "excess.steps", "order"),
        ("days_max = 180", "days_max = 89", "excess.days_max", "range"),
        ("    { points = 4 },\n", "", "scorecards.corporate.factors.industry.bins", "gap"),
        (
            "above = 10000000\nup_to = 100000000",
            "above = 10000001\nup_to = 100000000",
            "approval.rows",
            "gap",
        ),
        (
            "above = 10000000\nup_to = 100000000",
            "above = 9000000\nup_to = 100000000",
            "approval.rows",
            "overlap",
        ),
        ("above = 100000000\n", "above = 100000000\nup_to = 900000000\n", "approval.rows", "gap"),
        ('grades = ["CCC", "D"]', 'grades = ["CCC"]', "approval.rows", "gap"),
        (
            'tier = "region", mode = "one", positions = ["region_head"] }]',
            'tier = "somewhere", mode = "one", positions = ["region_head"] }]',
            "approval.rows",
            "unknown",
        ),
        ("pd = 0.0125", "pd = 0.004", "master_scale.BB.pd", "order"),
        ("BB = 60", "BB = 71", "scorecards.corporate.score_min.BB", "order"),
        ("D = 0\n", "D = 5\n", "scorecards.corporate.score_min", "gap"),
        ("financial = 55", "financial = 50", "scorecards.corporate.weights.financial", "sum"),
        (
            'figure = "sales_millions"',
            'figure = "sales_billions"',
            "scorecards.corporate.factors.sales_size.figure",
            "unknown",
        ),
        (
            'equity_ratio = "book_equity / total_assets"',
            'equity_ratio = "book_equity / all_assets"',
            "spreading.figures.equity_ratio",
            "unknown",
        ),
        (
            'equity_ratio = "book_equity / total_assets"',
            'equity_ratio = "book_equity /"',
            "spreading.figures.equity_ratio",
            "formula",
        ),
        (
            'book_equity = "first(',
            'book_equity = "first(equity_ratio, ',
            "spreading.figures.equity_ratio",
            "cycle",
        ),
        (
            'methods = ["tangible_net_worth", "turnover", "working_capital"]',
            'methods = ["tangible_net_worth", "turnover"]',
            "limit.methods.working_capital",
            "unread",
        ),
        ("CCC = 1000000\nD = 0", "CCC = 1000000", "limit.grade_cap", "grades"),
        ("BB = 80000000", "BB = 800000000", "limit.grade_cap.BB", "order"),
        ("B = 0.035", "B = 0.01", "price.margin_min.B", "order"),
        (
            'grade_max = "BB"',
            'grade_max = "ZZ"',
            "knock_outs.interest_not_earned.grade_max",
            "unknown",
        ),
        (
            'effect = "cap"\ngrade_max = "BB"',
            'effect = "refer"\ngrade_max = "BB"',
            "knock_outs.interest_not_earned.grade_max",
            "unread",
        ),
        ("remind_hours = 8", "remind_hours = 20", "approval.tiers.branch.remind_hours", "order"),
        (
            'grades = ["B", "CCC", "D"]',
            'grades = ["B", "C", "D"]',
            "contract.conditions.guarantee_signed",
            "unknown",
        ),
        (
            'products = ["working_capital_loan"]',
            'products = ["loan"]',
            "contract.requirements.use_reported_monthly",
            "unknown",
        ),
        (
            'at_least = 31\nlevel = "orange"',
            'at_least = 99\nlevel = "orange"',
            "monitoring.rules.overdue_91_days",
            "order",
        ),
        (
            'figure = "overdue_of_limit"',
            'figure = "overdue_of_everything"',
            "monitoring.rules.overdue_tenth_of_limit.figure",
            "unknown",
        ),
        ('grade_min = "BBB"', 'grade_min = "BBB-"', "approval.automatic.grade_min", "unknown"),
        ("alone_up_max = 1", "alone_up_max = 3", "override.alone_up_max", "order"),
        ("alone_down_max = 2", "alone_down_max = 5", "override.alone_down_max", "order"),
        ('"management_changed", ', '"group_support", ', "override.reasons", "repeated"),
        ('reasons = ["group_support", ', 'reasons = []\n# ["', "override.reasons", "incomplete"),
        (
            "up_max = 2\ndown_max = 4\nalone_up_max = 1\nalone_down_max = 2",
            "up_max = 0\ndown_max = 0\nalone_up_max = 0\nalone_down_max = 0",
            "override.reasons",
            "unread",
        ),
        ("exit_share = 0.25", "exit_share = 0.96", "review.exit_share", "order"),
        ('calendar = "CN"', 'calendar = "XX"', "approval.calendar", "unknown"),
        (
            '"statements_years:2"]',
            '"business_license:2"]',
            "completeness.checklists.grant",
            "unknown",
        ),
    ],
)
def test_a_fault_is_found_where_it_is(was: str, now: str, path: str, code: str) -> None:
    assert (path, code) in found(was, now)


def test_two_rows_or_factors_of_one_name_are_found() -> None:
    assert ("scorecards.corporate.factors", "repeated") in found(
        'code = "quick_ratio"', 'code = "equity_ratio"'
    )
    assert ("approval.rows", "repeated") in found('code = "sound_region"', 'code = "sound_branch"')


def test_a_tier_no_step_names_is_a_value_nothing_reads() -> None:
    edition = a_changed_edition(
        "[approval.tiers.moon]\nlevel = 9\nremind_hours = 1\ndeadline_hours = 2\nlapse_hours = 3"
    )

    assert ("approval.tiers.moon", "unread") in {
        (finding.path, finding.code) for finding in check(edition)
    }


def test_an_application_type_without_a_checklist_is_found() -> None:
    found_paths = found(
        'application_types = ["increase", "decrease", "temporary_increase", "renewal"]',
        'application_types = ["increase", "temporary_increase", "renewal"]',
    )

    assert ("completeness.checklists", "incomplete") in found_paths


def test_findings_are_sentences_in_both_languages() -> None:
    edition = a_changed_edition("[price.margin_min]\nB = 0.001")
    [finding] = check(edition)

    assert finding.sentence() == "price.margin_min.B: 0.02 and 0.001 are not in order"
    assert finding.sentence("zh-CN") == "price.margin_min.B: 0.02 与 0.001 次序不当"


def test_an_unsound_edition_is_refused_for_publication() -> None:
    with pytest.raises(EditionInvalid, match="margin_min"):
        refuse_unsound(a_changed_edition("[price.margin_min]\nB = 0.001"))


def sources() -> list[str]:
    """All that judges, acts, orders and serves, but for the lint: a check does not use a value."""
    folders = ("policies", "storage", "activities", "workflows", "web", "creditflow/model")
    return [
        file.read_text("utf-8")
        for folder in folders
        for file in sorted((ROOT / folder).rglob("*.py"))
        if file != ROOT / "policies" / "edition.py"
    ]


def test_every_value_of_an_edition_is_read_by_something() -> None:
    assert [finding.path for finding in unread_fields(sources())] == []


def test_a_value_that_nothing_reads_is_found() -> None:
    without_price = [source for source in sources() if "hurdle" not in ast.dump(ast.parse(source))]

    assert "PricePolicy.hurdle" in {finding.path for finding in unread_fields(without_price)}


def test_every_section_is_looked_at() -> None:
    names = {model.__name__ for model in sections(PolicyEdition)}

    assert {"PolicyEdition", "Bin", "CapitalPolicy", "ApprovalStep", "ReminderStep"} <= names
