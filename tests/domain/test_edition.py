"""The edition as a value: exact numbers, one writing, one hash, a TOML text that reads back."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.edition import PolicyEdition
from domain.errors import EditionInvalid, ProductUnknown
from domain.toml import toml_text
from storage.edition import read_shipped, shipped_text

STANDARD = shipped_text("standard")


def test_the_shipped_editions_read_and_their_canonical_text_reads_back_equal() -> None:
    for name in ("standard", "demo"):
        edition = read_shipped(name)
        again = PolicyEdition.of_toml(edition.as_toml())
        assert again == edition
        assert again.edition_hash == edition.edition_hash
        assert again.as_toml() == edition.as_toml()


def test_comments_blanks_and_ways_of_writing_a_number_do_not_change_the_hash() -> None:
    rewritten = STANDARD.replace("lgd = 0.45", "lgd   = 0.4500  # as the foundation approach")

    assert rewritten != STANDARD
    assert PolicyEdition.of_toml(rewritten).edition_hash == read_shipped().edition_hash


def test_any_changed_number_changes_the_hash() -> None:
    changed = PolicyEdition.of_toml(STANDARD.replace("lgd = 0.45", "lgd = 0.46"))

    assert changed.edition_hash != read_shipped().edition_hash


def test_a_copy_with_a_change_does_not_keep_the_hash_of_the_first() -> None:
    standard = read_shipped()
    assert standard.edition_hash  # remembered from here on

    renamed = standard.model_copy(update={"name": "other"})

    assert renamed.edition_hash != standard.edition_hash


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("lgd = 0.45", "lgd = nan"),
        ("lgd = 0.45", "lgd = 1.2"),
        ("lgd = 0.45", 'lgd = "much"'),
        ("lgd = 0.45", ""),
        ("[temporary]", "[temporary]\nnobody_reads_me = 1"),
        ("cut_tolerance", "cut_tollerance"),
        ('effect = "refer"', 'effect = "perhaps"'),
        ('reporting_currency = "CNY"', 'reporting_currency = "XXX"'),
        ('name = "standard"', "name = standard"),
    ],
)
def test_what_is_not_an_edition_is_refused_by_name(was: str, now: str) -> None:
    broken = STANDARD.replace(was, now, 1)
    assert broken != STANDARD

    with pytest.raises(EditionInvalid):
        PolicyEdition.of_toml(broken)


def test_a_float_is_refused_because_it_is_not_the_number_that_was_meant() -> None:
    content = read_shipped().model_dump(mode="python")
    content["price"]["lgd"] = 0.45

    with pytest.raises(ValueError, match="not an exact number"):
        PolicyEdition.model_validate(content)


def test_an_edition_may_say_only_what_it_changes_in_another() -> None:
    changed = PolicyEdition.of_toml('name = "tight"\n[price]\nlgd = 0.6', STANDARD)

    assert changed.price.lgd == Decimal("0.6")
    assert changed.price.tax == read_shipped().price.tax
    assert changed.name == "tight"


def test_the_demonstration_judges_as_the_standard_edition_does() -> None:
    standard, demo = read_shipped("standard"), read_shipped("demo")
    clocks = {"approval", "contract", "silence", "line", "monitoring"}
    for section in set(PolicyEdition.model_fields) - clocks - {"name"}:
        assert getattr(demo, section) == getattr(standard, section), section
    assert demo.approval.rows == standard.approval.rows
    assert demo.approval.automatic == standard.approval.automatic
    assert demo.monitoring.rules == standard.monitoring.rules
    assert demo.contract.conditions == standard.contract.conditions
    assert demo.contract.payment_days == standard.contract.payment_days


def test_a_product_nobody_wrote_a_rule_for_is_refused() -> None:
    with pytest.raises(ProductUnknown):
        read_shipped().product("moonshine")


_scalars = (
    st.text(max_size=12)
    | st.integers(-(10**9), 10**9)
    | st.booleans()
    | st.dates()
    | st.decimals(
        allow_nan=False, allow_infinity=False, places=6, min_value=-(10**6), max_value=10**6
    )
)
_lists = st.lists(_scalars, max_size=3)
_tables = st.recursive(
    st.dictionaries(st.text(min_size=1, max_size=8), _scalars | _lists, max_size=3),
    lambda inner: st.dictionaries(
        st.text(min_size=1, max_size=8), inner | st.lists(inner, min_size=1, max_size=2), max_size=3
    ),
    max_leaves=8,
)


@given(_tables)
def test_whatever_is_written_as_toml_reads_back_equal(content: dict[str, Any]) -> None:
    import tomllib

    assert tomllib.loads(toml_text(content), parse_float=Decimal) == content


def test_an_edition_takes_effect_on_a_day() -> None:
    assert read_shipped().effective_on == date(2010, 1, 1)
