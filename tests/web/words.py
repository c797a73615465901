"""Which words the pages use: read from templates and routes, not from memory."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from jinja2 import Environment, nodes

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates" / "console"
ROUTES = ROOT / "web" / "console"


@dataclass
class Used:
    """Keys said outright, beginnings of keys completed at run time, and kinds of named codes."""

    keys: set[str] = field(default_factory=set)
    counted: set[str] = field(default_factory=set)
    beginnings: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)

    def add(self, call: str, key: str | None, beginning: str | None) -> None:
        if call in ("name",) and key is not None:
            self.kinds.add(key)
        elif key is not None:
            (self.counted if call in ("n", "count") else self.keys).add(key)
        elif beginning:
            self.beginnings.add(beginning)


def templates() -> list[Path]:
    return sorted(TEMPLATES.rglob("*.html"))


def used() -> Used:
    """Everything templates and routes say."""
    found = Used()
    environment = Environment()
    for template in templates():
        tree = environment.parse(template.read_text("utf-8"))
        for call in tree.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name in ("t", "n", "name"):
                found.add(call.node.name, *_template_key(call.args[0]))
    for route in (*sorted(ROUTES.glob("*.py")), ROOT / "web" / "waiting.py"):
        for called, argument in _said(ast.parse(route.read_text("utf-8"))):
            found.add(called, *_route_key(argument))
    return found


def literal_texts(template: Path) -> list[str]:
    """Words that stand in a template itself instead of in the catalogue."""
    source = "".join(
        value if kind == "data" else " "
        for _, kind, value in Environment().lex(template.read_text("utf-8"))
        if kind in ("data", "variable_begin", "block_begin")
    )
    reader = _Texts()
    reader.feed(source)
    return reader.texts


class _Texts(HTMLParser):
    """Text nodes and spoken attributes that hold letters."""

    _SPOKEN = frozenset({"title", "aria-label", "placeholder", "alt"})

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style")
        self.texts += [v for k, v in attrs if k in self._SPOKEN and v and _has_word(v)]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._silent and _has_word(data):
            self.texts.append(data.strip())


def _has_word(text: str) -> bool:
    return any(character.isalpha() for character in text)


def _template_key(argument: nodes.Expr) -> tuple[str | None, str | None]:
    if isinstance(argument, nodes.Const):
        return str(argument.value), None
    if isinstance(argument, nodes.Concat) and isinstance(argument.nodes[0], nodes.Const):
        return None, str(argument.nodes[0].value)
    return None, None


# Where a call names a field that cannot be read, or what it should be.
_FIELDS = {"unreadable": (0, 1), "day": (1,), "whole": (1,), "parsed": (2,)}


def _said(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            if call.func.attr in ("say", "count", "name", "explains") and call.args:
                yield call.func.attr, call.args[0]
            if call.func.attr == "tabs":
                yield "say", ast.JoinedStr([call.args[1]])
            for place in _FIELDS.get(call.func.attr, ()):
                if place < len(call.args) and isinstance(call.args[place], ast.Constant):
                    yield "say", ast.Constant(f"field.{call.args[place].value}")
            if call.func.attr == "go" and len(call.args) > 1:
                yield "say", _prefixed(call.args[1])


def _prefixed(argument: ast.expr) -> ast.expr:
    """What a page confirms is named without its `said.`."""
    if isinstance(argument, ast.Constant):
        return ast.Constant(f"said.{argument.value}")
    if isinstance(argument, ast.JoinedStr):
        return ast.JoinedStr([ast.Constant("said."), *argument.values])
    return ast.JoinedStr([ast.Constant("said.")])


def _route_key(argument: ast.expr) -> tuple[str | None, str | None]:
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return argument.value, None
    if isinstance(argument, ast.JoinedStr):
        beginning = ""
        for part in argument.values:
            if not isinstance(part, ast.Constant):
                break
            beginning += str(part.value)
        return None, beginning
    return None, None
