"""A made book: what is fitted can be read, edited, scored, and judged by as an edition."""

import csv
import json
import re
from datetime import date
from decimal import Decimal, localcontext
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from creditflow.cli import app
from creditflow.model.columns import Columns, read_book
from creditflow.model.file import read_card
from creditflow.model.fitting import folds_of
from creditflow.model.scoring import score_rows
from domain.edition import PolicyEdition
from domain.errors import ColumnMissing, EditionInvalid, FieldUnreadable
from domain.statement import Item, Statement
from policies.edition import check
from policies.formula import EXACT
from policies.rating import rate
from policies.spreading import Scope
from storage.edition import shipped_text
from tests.makers_policy import MILLION, a_customer
from tests.model.made import a_book


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made book and the scorecard fitted on its firms that ended by 2006."""
    folder = tmp_path_factory.mktemp("model")
    a_book(folder)
    done = typed(
        folder, "fit", "--label", "bad", "--until", "2006", "--out", str(folder / "card.toml")
    )
    assert done.exit_code == 0, done.output
    return folder


def typed(folder: Path, what: str, *words: str) -> Result:
    files = ["--data", str(folder / "firms.csv"), "--columns", str(folder / "firms.toml")]
    return CliRunner().invoke(app, ["model", what, *files, *words])


def test_a_fit_is_a_draft_in_which_the_scorecard_runs_in_shadow(folder: Path) -> None:
    draft = PolicyEdition.of_toml(
        (folder / "card.toml").read_text("utf-8"), shipped_text("standard")
    )

    assert check(draft) == []
    assert list(draft.challengers) == ["card"]
    assert draft.scorecards.keys() == {"corporate"}


def test_best_points_of_a_fit_add_up_to_a_hundred_and_worst_to_nothing(folder: Path) -> None:
    card, _ = read_card(folder / "card.toml")

    assert sum(factor.points_max for factor in card.factors) == 100
    assert all(factor.points_min == 0 for factor in card.factors)
    assert sum(card.weights.values()) == 100


def test_a_row_scores_to_the_last_digit_as_a_case_under_an_edition_does(folder: Path) -> None:
    text = (folder / "card.toml").read_text("utf-8")
    alone = text.replace("challengers.card", "scorecards.corporate")
    edition = PolicyEdition.of_toml(
        alone, shipped_text("standard").replace("neutral_share = 0.6\n", "")
    )
    shadow = PolicyEdition.of_toml(text, shipped_text("standard"))
    card, spreading = read_card(folder / "card.toml")
    book = read_book(folder / "firms.csv", Columns.of_file(folder / "firms.toml"), "firm", "year")
    scored = score_rows(book.rows, card, spreading)
    with localcontext(EXACT):
        for row, found in list(zip(book.rows, scored, strict=True))[:60]:
            filed = [
                Statement(
                    customer_id="c-1",
                    period_end_on=date(int(each.time), 12, 31),
                    currency="CNY",
                    items={Item(name): figure * MILLION for name, figure in each.items.items()},
                )
                for each in (row.before, row)
                if each is not None
            ]
            on = date(int(row.time) + 1, 3, 1)
            rating = rate(Scope(edition, a_customer(), filed, on), edition)
            [challenger] = rate(Scope(shadow, a_customer(), filed, on), shadow).challengers

            assert (rating.score, rating.pd_score) == (found.score, found.pd)
            assert (challenger.score, challenger.pd, challenger.grade) == (
                found.score, found.pd, found.grade,
            )  # fmt: skip


def test_a_file_is_scored_in_its_order_with_all_its_columns(folder: Path) -> None:
    out = folder / "scored.csv"
    done = typed(folder, "score", "--scorecard", str(folder / "card.toml"), "--out", str(out))
    with (
        out.open(encoding="utf-8") as scored,
        (folder / "firms.csv").open(encoding="utf-8") as data,
    ):
        found, given = list(csv.DictReader(scored)), list(csv.DictReader(data))

    assert done.exit_code == 0, done.output
    assert [{name: row[name] for name in given[0]} for row in found] == given
    assert all(0 <= Decimal(row["score"]) <= 100 for row in found)
    by_score = sorted(found, key=lambda row: Decimal(row["score"]))
    pds = [Decimal(row["pd"]) for row in by_score]
    assert pds == sorted(pds, reverse=True)


def test_firms_nobody_fitted_on_are_told_apart(folder: Path) -> None:
    card = str(folder / "card.toml")
    done = typed(
        folder, "validate", "--label", "bad", "--after", "2006", "--scorecard", card,
        "--report", str(folder / "report"), "--json",
    )  # fmt: skip
    found = json.loads(done.stdout)

    assert {"auc", "ks", "gini", "psi", "deciles"} <= found.keys()
    assert found["auc"] > 0.75
    assert found["gini"] == pytest.approx(2 * found["auc"] - 1, abs=1e-5)
    assert sum(each["rows"] for each in found["deciles"]) == found["rows"]
    for name in ("report.md", "roc.svg", "calibration.svg", "scores.svg"):
        assert (folder / "report" / name).stat().st_size > 200


def test_the_portfolio_rate_is_the_mean_probability_of_the_rows_fitted_on(folder: Path) -> None:
    out = folder / "anchored.toml"
    typed(folder, "fit", "--label", "bad", "--portfolio-rate", "0.04", "--out", str(out))
    card, spreading = read_card(out)
    book = read_book(folder / "firms.csv", Columns.of_file(folder / "firms.toml"), "firm", "year")
    pds = [each.pd for each in score_rows(book.rows, card, spreading)]

    assert sum(pds) / len(pds) == pytest.approx(Decimal("0.04"), abs=Decimal("0.0002"))


def test_a_firm_is_never_on_both_sides() -> None:
    firms = [f"F{place % 37}" for place in range(300)]
    folds = folds_of(firms)

    assert all(len({folds[i] for i in range(300) if firms[i] == firm}) == 1 for firm in firms)
    assert set(folds) == {0, 1, 2, 3, 4}


def test_an_edited_scorecard_that_no_longer_adds_up_is_refused(folder: Path) -> None:
    text = (folder / "card.toml").read_text("utf-8")
    broken = folder / "broken.toml"
    edited = re.sub(r"points = [0-9.]+ }", "points = 99.5 }", text, count=1)
    broken.write_text(edited, "utf-8")

    with pytest.raises(EditionInvalid, match="weights"):
        read_card(broken)


def test_what_cannot_be_read_is_named_with_its_place(folder: Path, tmp_path: Path) -> None:
    data, columns = a_book(tmp_path, firms=3)
    lines = data.read_text("utf-8").splitlines()
    lines[2] = lines[2].replace(lines[2].split(",")[2], "much", 1)
    data.write_text("\n".join(lines), "utf-8")

    with pytest.raises(FieldUnreadable, match="line 3: assets"):
        read_book(data, Columns.of_file(columns), "firm", "year")
    with pytest.raises(ColumnMissing, match="owner"):
        read_book(folder / "firms.csv", Columns.of_file(columns), "owner", "year")


def test_a_book_without_a_failure_is_refused(folder: Path) -> None:
    done = typed(
        folder,
        "fit",
        "--label",
        "bad",
        "--where",
        "bad=0",
        "--out",
        str(folder / "no.toml"),
        "--json",
    )

    assert done.exit_code == 1
    assert json.loads(done.stdout)["code"] == "label_one_sided"
