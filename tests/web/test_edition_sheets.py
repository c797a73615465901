"""An edition as a workbook and back: nothing lost, nothing computed; and its schema is shipped."""

import io
import json
import tomllib
from decimal import Decimal
from importlib import resources
from typing import Any

import httpx
import pytest
import xlsxwriter
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from domain.edition import PolicyEdition
from domain.errors import EditionInvalid
from policies.schema import edition_schema, schema_text
from storage.edition import read_shipped, shipped_text
from tests.makers_policy import a_changed_edition, an_edition
from tests.web.people import as_
from web.service.sheets import toml_of_workbook, workbook_of


def back(edition: PolicyEdition) -> PolicyEdition:
    return PolicyEdition.of_toml(toml_of_workbook(workbook_of(edition)))


@pytest.mark.parametrize("name", ["standard", "demo"])
def test_a_shipped_edition_comes_back_with_the_same_hash(name: str) -> None:
    assert back(read_shipped(name)).edition_hash == read_shipped(name).edition_hash


@settings(max_examples=10)
@example(Decimal("0.5"), 10236061226044782)  # a float, and a cell keeps 16 digits of it
@given(st.decimals("0.000000000000000001", "0.99", places=18), st.integers(1, 10**17))
def test_no_digit_is_lost_however_long(share: Decimal, amount: int) -> None:
    edition = a_changed_edition(
        f"[price]\ntax = {share:f}\n[approval.automatic]\naggregate_max = {amount}\n"
    )

    assert back(edition) == edition


def workbook(**sheets: list[list[Any]]) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for at, row in enumerate(rows):
                sheet.write_row(at, 0, row)
    return out.getvalue()


def test_a_cell_with_a_formula_is_refused() -> None:
    computing = workbook(values=[["path", "value"], ["price.tax", "=1/4"]])

    with pytest.raises(EditionInvalid, match="formula"):
        toml_of_workbook(computing)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no workbook", workbook(values=[])])
def test_what_is_no_edition_is_refused(content: bytes) -> None:
    with pytest.raises(EditionInvalid):
        PolicyEdition.of_toml(toml_of_workbook(content))


def test_an_edition_that_prices_over_benchmarks_comes_back_from_its_workbook() -> None:
    edition = a_changed_edition(
        """
        [benchmarks]
        LPR1Y = { currency = "CNY", published_day = 20, age_days_max = 40 }
        SOFR = { currency = "USD", age_days_max = 7 }

        [[price.floating]]
        code = "loans"
        benchmark = "LPR1Y"
        products = ["working_capital_loan", "factoring"]
        """
    )

    assert PolicyEdition.of_toml(toml_of_workbook(workbook_of(edition))) == edition


def test_a_row_within_a_row_that_is_not_there_is_named() -> None:
    lost = workbook(
        **{
            "approval.rows": [["code"], ["small"]],
            "approval.rows.steps": [["of", "tier"], ["large", "branch"]],
        }
    )

    with pytest.raises(EditionInvalid, match=r"approval\.rows\.steps!A2: there is no row large"):
        toml_of_workbook(lost)


async def test_a_workbook_goes_out_and_comes_back_over_http(api: httpx.AsyncClient) -> None:
    draft = {"toml": shipped_text("standard")}
    out = await api.post("/api/v1/editions/xlsx", json=draft, headers=as_("risk_officer"))

    read = await api.post(
        "/api/v1/editions/from-xlsx",
        files={"file": ("edition.xlsx", out.content)},
        headers=as_("risk_officer"),
    )

    assert read.json()["edition_hash"] == an_edition().edition_hash


def test_the_shipped_schema_is_that_of_the_edition() -> None:
    shipped = resources.files("policies").joinpath("editions", "edition.schema.json")

    assert shipped.read_text("utf-8") == schema_text()


def test_the_shipped_edition_fits_the_schema_and_a_misspelt_one_does_not() -> None:
    validator = Draft202012Validator(edition_schema())
    content = json.loads(json.dumps(tomllib.loads(shipped_text("standard")), default=str))
    misspelt = {**content, "pricing": content["price"]}

    assert list(validator.iter_errors(content)) == []
    assert list(validator.iter_errors(misspelt))
