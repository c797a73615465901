"""docs/policy.md says what the standard edition says."""

import re

from storage.edition import read_shipped
from tests.policies.policy_doc import DOC, TABLES, with_tables


def test_the_tables_of_the_document_are_the_editions() -> None:
    text = DOC.read_text("utf-8")

    assert with_tables(text, read_shipped()) == text, "run python -m tests.policies.policy_doc"


def test_every_table_is_in_the_document_once() -> None:
    named = re.findall(r"<!-- table: (\w+) -->", DOC.read_text("utf-8"))

    assert sorted(named) == sorted(TABLES)


def test_the_prose_itself_names_no_figure_that_could_grow_old() -> None:
    prose = re.sub(r"<!-- table.*?<!-- end -->", "", DOC.read_text("utf-8"), flags=re.DOTALL)
    sentences = re.sub(r"\[(source|P\d|B\d)[^\]]*\]|\(\d{4}\)|`[^`]*`", "", prose)

    assert re.findall(r"\d[\d,.]*\s?%|\d{1,3}(?:,\d{3})+", sentences) == []
