"""The console speaks two whole languages: nothing missing, nothing left over, nothing unsaid."""

import importlib
import pkgutil
import string
from collections.abc import Iterator
from enum import StrEnum

import pytest

import domain
from domain.application import CaseStatus
from domain.approval import Verdict
from domain.edition import PolicyEdition
from domain.identity import Language
from storage.edition import read_shipped
from tests.web.words import literal_texts, templates, used
from web.console.application import ACTS
from web.console.menu import ENTRIES, GROUPS
from web.console.timeline import KINDS, SOURCES
from web.language import Speech, language_of, speech, word_key

ENGLISH, CHINESE = speech(Language.EN), speech(Language.ZH)


def _is_shown(kind: type[StrEnum]) -> bool:
    return any(word_key(member) in ENGLISH.keys for member in kind)


def shown_enumerations() -> Iterator[type[StrEnum]]:
    """Every enumeration of the domain that has a word in the catalogue."""
    for module in pkgutil.walk_packages(domain.__path__, "domain."):
        for value in vars(importlib.import_module(module.name)).values():
            own = isinstance(value, type) and value.__module__ == module.name
            if own and issubclass(value, StrEnum) and _is_shown(value):
                yield value


def test_both_languages_have_the_same_keys() -> None:
    assert ENGLISH.keys == CHINESE.keys


def test_a_sentence_names_the_same_facts_in_both_languages() -> None:
    differing = [
        key for key in ENGLISH.keys if _facts(ENGLISH.say(key)) != _facts(CHINESE.say(key))
    ]
    assert differing == []


def test_everything_that_pages_say_is_in_the_catalogue() -> None:
    found = used()
    assert found.keys - ENGLISH.keys == set()
    assert {key for key in found.counted if f"{key}.other" not in ENGLISH.keys} == set()


def test_nothing_is_left_over_in_the_catalogue() -> None:
    found = used()
    said = found.keys | {f"{key}.{form}" for key in found.counted for form in ("one", "other")}
    words = {word_key(member) for each in shown_enumerations() for member in each}
    kinds = {*found.kinds, *SOURCES.values(), *KINDS.values()}
    begun = (*(f"{kind}." for kind in kinds), *found.beginnings)
    left = {
        key for key in ENGLISH.keys - said - words if not key.startswith(begun) and key not in _ROOT
    }
    assert left == set()


def test_no_template_says_a_word_of_its_own() -> None:
    spoken = {str(each): texts for each in templates() if (texts := literal_texts(each))}
    assert spoken == {}


@pytest.mark.parametrize("kind", [*shown_enumerations()], ids=lambda kind: kind.__name__)
def test_every_member_of_a_shown_enumeration_has_a_word(kind: type[StrEnum]) -> None:
    assert [member for member in kind if word_key(member) not in ENGLISH.keys] == []


@pytest.mark.parametrize("name", ["standard", "demo", "invoices"])
def test_every_code_of_a_shipped_edition_has_a_name(name: str) -> None:
    unnamed = [
        f"{kind}.{code}"
        for kind, code in _codes_of(read_shipped(name))
        if f"{kind}.{code.partition(':')[0]}" not in ENGLISH.keys
    ]
    assert unnamed == []


def test_what_is_completed_at_run_time_is_there_too() -> None:
    completed = [
        *(f"menu.{entry.key}" for entry in ENTRIES),
        *(f"menu_group.{group}" for group in GROUPS if group),
        *(f"action.{act.code}" for act in ACTS),
        *(f"said.decided_{verdict}" for verdict in Verdict),
        *(f"waits.{status}" for status in CaseStatus if not status.ended),
    ]
    assert [key for key in completed if key not in ENGLISH.keys] == []


def test_a_code_that_nobody_named_is_shown_as_it_is_written() -> None:
    assert ENGLISH.name("factor", "days_in_orbit") == "days in orbit"


def test_a_code_may_carry_a_figure() -> None:
    assert ENGLISH.name("document", "statements_years:2") == "Statements of 2 years"
    assert CHINESE.name("document", "statements_years:2") == "2 年报表"


@pytest.mark.parametrize(
    ("speaks", "number", "sentence"),
    [
        (ENGLISH, 1, "1 document"),
        (ENGLISH, 3, "3 documents"),
        (CHINESE, 1, "1 份"),
    ],
)
def test_a_number_finds_its_form(speaks: Speech, number: int, sentence: str) -> None:
    assert speaks.count("documents.count", number) == sentence


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", Language.ZH),
        ("en-GB,en;q=0.9", Language.EN),
        ("fr-FR,en;q=0.5", Language.EN),
        ("fr-FR", Language.ZH),
        ("", Language.ZH),
    ],
)
def test_a_browser_is_answered_in_a_language_it_asks_for(accepted: str, language: Language) -> None:
    assert language_of(accepted, Language.ZH) is language


_ROOT = frozenset({"product"})


def _facts(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def _codes_of(edition: PolicyEdition) -> Iterator[tuple[str, str]]:
    """The codes of an edition that pages name, with the kind they are named by."""
    approval, contract = edition.approval, edition.contract
    for card in edition.scorecards.values():
        for factor in card.factors:
            yield "factor", factor.code
            yield "factor_group", factor.group
            yield from (("bin", each.label) for each in factor.bins if each.label)
    yield from (("reason", rule.code) for rule in edition.knock_outs)
    yield from (("limit_step", code) for code in edition.limit.methods)
    yield from (("product_name", code) for code in edition.limit.products)
    yield from (("tier", code) for code in approval.tiers)
    for row in approval.rows:
        yield "route_row", row.code
        yield from (("position", post) for step in row.steps for post in step.positions)
    yield from (("condition", row.code) for row in contract.conditions)
    yield from (("requirement", row.code) for row in contract.requirements)
    yield from (("rule", rule.code) for rule in edition.monitoring.rules)
    yield from (("reminder", step.code) for step in edition.monitoring.reminders)
    yield from (("class_manual_reason", code) for code in edition.classification.manual.reasons)
    for report in edition.reports:
        yield "report_kind", report.kind
        yield from (("provider", code) for code in report.providers)
    yield from (("investigation_row", row.code) for row in edition.investigation.rows)
    for diligence in edition.investigation.checklists:
        yield "diligence_checklist", diligence.code
        yield from (("diligence_item", item.code) for item in diligence.items)
    for checklist in edition.completeness.checklists:
        yield from (("document", code) for code in (*checklist.required, *checklist.optional))
