"""What the method is worth on real companies it has not seen; fitted by the product's own command."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from creditflow.cli import app
from tests.model.real import COLUMNS, KZ, PL, US, needs_real_data

pytestmark = needs_real_data
# The default rate of the firms that the scorecard is tried on, as somebody who knows would say it.
TEST_RATE = "0.03126"


def told(*words: str) -> Any:
    done = CliRunner().invoke(app, ["model", *words, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def us(columns: str) -> list[str]:
    return ["--data", str(US), "--columns", str(COLUMNS / columns), "--label", "fail_1y"]


@pytest.mark.parametrize(
    ("columns", "least"),
    [
        ("us_statements.toml", 0.865),
        pytest.param("us_statements_private.toml", 0.85, marks=pytest.mark.long),
    ],
)
def test_failing_firms_of_later_years_are_told_apart(
    columns: str, least: float, tmp_path: Path
) -> None:
    out = str(tmp_path / "card.toml")
    told("fit", *us(columns), "--until", "2005", "--portfolio-rate", TEST_RATE, "--out", out)
    found = told("validate", *us(columns), "--after", "2005", "--scorecard", out)
    safer, riskier = found["halves"]

    assert found["auc"] >= least
    assert abs(riskier["pd_mean"] / riskier["rate"] - 1) <= 0.2
    low, high = safer["interval"]
    assert low <= safer["pd_mean"] <= high


@pytest.mark.long
def test_bankrupt_companies_of_poland_are_told_apart_in_folds() -> None:
    columns = str(COLUMNS / "pl_statements.toml")
    found = told(
        "validate", "--data", str(PL), "--columns", columns, "--label", "bankrupt",
        "--where", "consistent=1", "--folds", "5",
    )  # fmt: skip

    assert found["auc"] >= 0.90


def test_ready_ratios_are_fitted_and_scored(tmp_path: Path) -> None:
    files = ["--data", str(KZ), "--columns", str(COLUMNS / "kz_borrowers.toml")]
    out = str(tmp_path / "kz.toml")
    fitted = told("fit", *files, "--label", "Default", "--portfolio-rate", "0.03", "--out", out)
    found = told("validate", *files, "--label", "Default")
    scored = told("score", *files, "--scorecard", out, "--out", str(tmp_path / "kz.csv"))

    assert fitted["rows"] == scored["rows"] == 400
    assert found["auc"] >= 0.85
