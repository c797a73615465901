"""What a draft changes is said row by row, in the words of the field."""

from domain.edition import PolicyEdition, Voids
from policies.difference import Kind, differences
from policies.difference_words import WORDS
from policies.edition import sections
from storage.edition import shipped_text
from tests.makers_policy import a_changed_edition, an_edition


def changed(was: str, now: str) -> list[tuple[str, Kind, str, str]]:
    text = shipped_text("standard")
    assert was in text
    other = PolicyEdition.of_toml(text.replace(was, now, 1))
    return [(d.path, d.kind, d.before, d.after) for d in differences(an_edition(), other)]


def test_an_edition_does_not_differ_from_itself() -> None:
    assert differences(an_edition(), an_edition()) == ()


def test_a_changed_threshold_is_one_line_in_both_languages() -> None:
    [found] = differences(an_edition(), a_changed_edition("[limit.grade_cap]\nBBB = 150000000"))

    assert found.sentence() == "limit › cap by grade › BBB: 200000000 becomes 150000000"
    assert found.sentence("zh-CN") == "额度 › 等级限额 › BBB：由 200000000 改为 150000000"


def test_a_row_put_in_between_is_one_row_added_and_nothing_else() -> None:
    row = 'code = "interest_not_earned"'
    new = f'code = "equity_thin"\nfigure = "equity_ratio"\nbelow = 0.02\neffect = "refer"\n\n[[knock_outs]]\n{row}'

    assert changed(row, new) == [
        (
            "knock_outs[equity_thin]",
            Kind.ADDED,
            "",
            "code equity_thin, figure equity_ratio, below 0.02, effect refer",
        )
    ]


def test_points_of_a_range_are_found_by_the_range() -> None:
    was, now = "{ at_least = 2.5, points = 8 }", "{ at_least = 2.5, points = 7.5 }"

    assert changed(was, now) == [
        (
            "scorecards.corporate.factors[quick_ratio].bins[2.5 to ..].points",
            Kind.CHANGED,
            "8",
            "7.5",
        )
    ]


def test_rows_in_another_order_are_said_so() -> None:
    edition = an_edition()
    swapped = edition.model_copy(update={"knock_outs": tuple(reversed(edition.knock_outs))})

    [found] = differences(edition, swapped)

    assert found.kind is Kind.REORDERED
    assert found.path == "knock_outs"


def test_a_change_in_one_of_many_rows_without_a_name_is_told() -> None:
    edition = an_edition()
    rows = edition.approval.materiality
    fewer = rows[0].model_copy(update={"voids": Voids.ALL})
    approval = edition.approval.model_copy(update={"materiality": (fewer, *rows[1:])})

    found = differences(edition, edition.model_copy(update={"approval": approval}))

    assert [(each.path, each.kind) for each in found] == [
        ("approval.materiality", Kind.REMOVED),
        ("approval.materiality", Kind.ADDED),
    ]


def test_what_a_stage_does_is_told_in_words_of_its_own() -> None:
    changes = '[checks.acts.invoice]\nlimit = "pass"\n[checks.buckets]\nbills = false'
    acts, bills = differences(an_edition(), a_changed_edition(changes))

    assert acts.sentence() == (
        "check of orders › what follows at a stage › invoice › limit: warn becomes pass"
    )
    assert acts.sentence("zh-CN") == "信用检查 › 各环节动作 › 开票 › 额度：由 warn 改为 pass"
    assert bills.sentence("zh-CN") == "信用检查 › 计入用信的项目 › 票据：由 true 改为 false"


def test_every_field_of_an_edition_has_its_words() -> None:
    codes = {"code", "grade", "tier", "label"}
    fields = {name for model in sections(PolicyEdition) for name in model.model_fields}

    assert fields - codes - WORDS.keys() == set()
