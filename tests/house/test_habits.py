"""Habits of the house that a tool does not know: names, catch-alls, and refusals in two languages."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from activities.refusals import refusal, refusal_of
from domain.application import CaseStatus
from domain.edition import PolicyEdition
from domain.errors import CreditError, EditionInvalid, LineNotActive, NotFound, OutOfOrder
from domain.line import LineStatus
from domain.reasons import REASONS, because
from domain.refusal_words import STATES, ZH

PROJECT = Path(__file__).resolve().parents[2]
LAYERS = ("domain", "policies", "storage", "activities", "workflows", "web", "creditflow")
CODE = sorted(path for layer in LAYERS for path in (PROJECT / layer).rglob("*.py"))

UNWANTED_NAMES = re.compile(r"^(get|process|handle|manage)_")
DICTATED = {"get_command", "handle_DATA"}  # names that a library calls
UNWANTED_FILES = {"utils", "util", "helpers", "helper", "common", "misc", "data", "info"}


def refusals(root: type[CreditError] = CreditError) -> list[type[CreditError]]:
    return [root, *(leaf for child in root.__subclasses__() for leaf in refusals(child))]


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(PROJECT)))
def test_names_say_what_is_done(path: Path) -> None:
    assert path.stem not in UNWANTED_FILES
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.name in DICTATED or not UNWANTED_NAMES.match(node.name), node.name
        if isinstance(node, ast.ExceptHandler):
            everything = getattr(node.type, "id", None) in ("Exception", "BaseException")
            raised_on = any(isinstance(part, ast.Raise) for part in ast.walk(node))
            assert node.type is not None, f"line {node.lineno}"
            assert not everything or raised_on, f"line {node.lineno} catches everything"


@pytest.mark.parametrize("refusal", refusals(), ids=lambda refusal: refusal.__name__)
def test_every_refusal_has_a_code_and_a_sentence_of_its_own_in_both_languages(
    refusal: type[CreditError],
) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", refusal.code_name())
    assert _facts(refusal.sentence) == _facts(refusal.sentence_zh)
    assert re.search(r"[\u4e00-\u9fff]", refusal.sentence_zh)


# Sentences that name nothing, and why: a stranger is told nothing of ours, or what is meant is the
# one thing that was sent.
BARE = {
    "CreditError": "the root, never raised",
    "NotSignedIn": "who asks is not known",
    "Unauthenticated": "who asks is not proven",
    "RequestForged": "where it came from is not known",
    "LinkUnknown": "a link is a secret, and is not said again",
    "AuthorityMissing": "it is about the one document that is not there",
    "FileEmpty": "it is about the one file that was sent",
    "ModelExtraMissing": "it names what to install",
}


def test_every_refusal_says_what_it_is_about() -> None:
    bare = {each.__name__ for each in refusals() if not _facts(each.sentence)}
    assert bare == BARE.keys()


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(PROJECT)))
def test_whoever_refuses_gives_every_fact_that_the_sentence_names(path: Path) -> None:
    assert _unsaid(path.read_text("utf-8")) == []


def test_a_fact_that_is_not_given_is_found() -> None:
    assert _unsaid("raise CurrencyUnknown()") == ["CurrencyUnknown needs currency"]
    assert _unsaid("raise RowBroken(reason='x')") == ["RowBroken needs reason_zh"]
    assert _unsaid("raise errors.NotFound(kind='customer', id=1)") == []


def _unsaid(source: str) -> list[str]:
    """Refusals made without a fact that their sentence names, in one language or the other."""
    known = {each.__name__: each for each in refusals()}
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        given = {each.arg for each in node.keywords}
        if name not in known or None in given:  # `**facts` says what it says at run time
            continue
        made = known[name](**dict.fromkeys(filter(None, given), "x"))
        wanted = {
            fact
            for sentence in (made.sentence, made.sentence_zh)
            for fact in re.findall(r"{(\w+)}", sentence)
        }
        missing = sorted(wanted - made.facts.keys())
        if missing:
            found.append(f"{name} needs {', '.join(missing)}")
    return found


# What refusals are filled with in words of ours; the Chinese sentence says them in Chinese.
WORDED = {"kind", "first", "second", "reason"}


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(PROJECT)))
def test_the_words_that_refusals_are_filled_with_are_there_in_chinese(path: Path) -> None:
    known = {each.__name__ for each in refusals()}
    unsaid = [
        given.value.value
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") in known
        and not any((each.arg or "").endswith("_zh") for each in node.keywords)
        for given in node.keywords
        if given.arg in WORDED and isinstance(given.value, ast.Constant)
        if given.value.value not in ZH and given.value.value != "xls"
    ]
    assert unsaid == []


# Facts that are words of ours whatever they are about, and where they are none, and why.
REASONED = {"reason", "findings", "what"}
NO_WORDS = {
    "OverrideReasonUnknown": "it repeats the code that was sent",
    "SheetUnreadable": "the fault's name in the library that reads workbooks",
    "MergeBuiltOn": "a kind of thing that storage found, among the words",
}


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(PROJECT)))
def test_a_reason_with_figures_can_be_read_in_chinese(path: Path) -> None:
    assert _english_only(path.read_text("utf-8")) == []


def test_a_reason_in_english_only_is_found() -> None:
    assert _english_only("raise OutOfOrder(reason=f'the case is {status}')") == ["OutOfOrder 1"]
    assert _english_only("raise errors.Malformed(reason=str(error))") == ["Malformed 1"]
    assert _english_only("raise Malformed(reason=text, reason_zh=text_zh)") == []
    assert _english_only("raise OutOfOrder(**because('merge_waits', merge_id=1))") == []
    assert _english_only("OutOfOrder(**because('no_such'))") == ["because no_such 1"]
    assert _english_only("OutOfOrder(**because('merge_waits', id=1))") == ["because merge_waits 1"]


def _english_only(source: str) -> list[str]:
    """Refusals whose reason was made in one language, and reasons that nobody worded."""
    known = {each.__name__ for each in refusals()} - NO_WORDS.keys()
    found = []
    for node in (each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.Call)):
        name = _called(node)
        given = {each.arg: each.value for each in node.keywords}
        if name == "because" and isinstance(node.args[0], ast.Constant):
            code = str(node.args[0].value)
            if code not in REASONS or given.keys() != _facts(REASONS[code][0]):
                found.append(f"because {code} {node.lineno}")
        if name not in known:
            continue
        found += [
            f"{name} {node.lineno}"
            for fact in sorted(REASONED & given.keys())
            if f"{fact}_zh" not in given
            and not isinstance(given[fact], ast.Constant)
            and _called(given[fact]) != "say"  # words of the page, in its language
        ]
    return found


def _called(node: ast.expr | None) -> str:
    return (
        getattr(node.func, "id", getattr(node.func, "attr", ""))
        if isinstance(node, ast.Call)
        else ""
    )


@pytest.mark.parametrize("code", REASONS)
def test_a_reason_says_the_same_in_both_languages_and_is_given(code: str) -> None:
    english, chinese = REASONS[code]
    assert re.search(r"[\u4e00-\u9fff]|^{seat}：", chinese)
    assert _facts(english) == _facts(chinese)
    written = "".join(path.read_text("utf-8") for path in CODE)
    assert re.search(rf'because\(\s*"{code}"', written)


def test_a_field_at_fault_is_told_in_chinese() -> None:
    """What validators of values say; the machine of votes speaks to programmers alone."""
    told = [
        str(node.args[0].value)
        for path in CODE
        if path.parts[len(PROJECT.parts)] == "domain" and path.stem != "machine"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and _called(node) == "ValueError"
        if isinstance(node.args[0], ast.Constant)
    ]
    assert [sentence for sentence in told if sentence not in ZH] == []
    text = "name = 1.5\n"
    with pytest.raises(EditionInvalid) as refused:
        PolicyEdition.of_toml(text)
    assert refused.value.detail("zh") == "政策版本不合格：name：应为文本。"
    with pytest.raises(EditionInvalid) as refused:
        PolicyEdition.of_toml("name = \n")
    assert refused.value.detail("zh") == "政策版本不合格：TOML 语法有误（第 1 行第 8 列）。"


def test_states_are_said_as_on_pages() -> None:
    pages = tomllib.loads((PROJECT / "web/languages/zh-CN.toml").read_text("utf-8"))
    worded = pages["word"] | {"scheme_fault": pages["scheme_fault"]}
    for kind, states in STATES.items():
        key = re.sub(r"(?<!^)(?=[A-Z])", "_", kind).lower()
        assert states == worded.get(key, states), kind
    line = LineNotActive(line_id="l-1", status=LineStatus.FROZEN)
    assert line.detail("zh") == "额度 l-1 当前状态为已冻结。"


def test_a_refusal_with_figures_is_said_in_chinese_wherever_it_was_made() -> None:
    made = OutOfOrder(**because("case_takes_no", status=CaseStatus.IN_APPROVAL, act="supplement"))
    assert (
        made.detail()
        == "This cannot be done now: the case is in_approval, which takes no supplement."
    )
    assert made.detail("zh") == "当前不能执行：案件状态为“审批中”，不接受补充。"
    assert refusal_of(refusal(made)).detail("zh") == made.detail("zh")


def test_no_word_in_chinese_is_left_over() -> None:
    written = "".join(path.read_text("utf-8") for path in CODE if path.stem != "refusal_words")
    assert [word for word in ZH if not re.search(f"[\"']{re.escape(word)}[\"']", written)] == []
    assert NotFound(kind="policy draft", id="d-1").detail("zh") == "不存在政策草案：d-1。"


def _facts(sentence: str) -> set[str]:
    """The facts a sentence shows; one that is worded by language has a `_zh` twin."""
    return {name.removesuffix("_zh") for name in re.findall(r"{(\w+)}", sentence)}


def test_no_two_refusals_share_a_code() -> None:
    codes = [refusal.code_name() for refusal in refusals()]
    assert len(codes) == len(set(codes))


def test_only_storage_and_its_migrations_write_sql() -> None:
    for path in CODE:
        if path.relative_to(PROJECT).parts[0] == "storage":
            continue
        assert not re.search(
            r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b [a-z*(]", path.read_text("utf-8")
        ), path


def test_no_file_names_a_registry_or_this_machine() -> None:
    # Said in parts, so that this file does not name them either.
    named = re.compile(
        "|".join(("files.python" + "hosted", "registry.npm" + "js", "pypi" + r"\.org"))
    )
    tracked = [
        path
        for path in PROJECT.rglob("*")
        if path.is_file()
        and not {".venv", "node_modules", ".git", ".creditflow"} & set(path.parts)
        and path.suffix in {".py", ".lock", ".json", ".toml", ".md", ".yml", ".sh", ""}
    ]
    assert [path for path in tracked if named.search(path.read_text("utf-8", "ignore"))] == []
