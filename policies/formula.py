"""Formulas as an edition writes them: `first(equity, total_assets - total_liabilities)`.

A formula knows names, decimal numbers, + - * / and the functions `first`, `min` and `max`. It is
compiled once and computed exactly. What is missing stays missing: any sum, product or quotient
with a missing part is missing, as is a division by zero; `first` takes the first that is there.
"""

import ast
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Context, Decimal
from enum import Enum
from functools import cache

from domain.errors import EditionInvalid
from domain.reasons import because

# Wide enough that a chain of products of amounts in fen loses nothing that can be seen.
EXACT = Context(prec=34)

Lookup = Callable[[str], Decimal | None]
_Node = Callable[[Lookup], Decimal | None]

_NUMBER = re.compile(r"^[0-9]+(\.[0-9]+)?$")
_OPERATORS: dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}


class Unknown(Enum):
    """A value that is not there yet and may turn out to be anything, or to be missing."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN
Found = Decimal | Unknown | None


@dataclass(frozen=True)
class Formula:
    """A compiled formula: its text, the names it needs in order, and how it is computed."""

    text: str
    names: tuple[str, ...]
    compute: _Node = field(compare=False, repr=False)
    tree: ast.expr = field(compare=False, repr=False)

    def reach(self, find: Callable[[str], Found]) -> Found:
        """The value where it is settled whatever the unknown names are; else unknown."""
        return _reached(self.tree, self.text, find)


@cache
def compiled_formula(text: str) -> Formula:
    """The formula of a text; refuses `EditionInvalid` where it is not one."""
    try:
        body = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise EditionInvalid(**because("formula_none", text=text)) from error
    functions = {node.func for node in ast.walk(body) if isinstance(node, ast.Call)}
    names = [
        node.id for node in ast.walk(body) if isinstance(node, ast.Name) and node not in functions
    ]
    return Formula(text, tuple(dict.fromkeys(names)), _compiled(body, text), body)


def _compiled(node: ast.expr, text: str) -> _Node:
    match node:
        case ast.Name(id=name):
            return lambda find: find(name)
        case ast.Constant() if _NUMBER.match(ast.get_source_segment(text, node) or ""):
            # The written digits, not the float the parser made of them.
            written = Decimal(ast.get_source_segment(text, node) or "")
            return lambda find: written
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _negative(_compiled(operand, text))
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _quotient(_compiled(left, text), _compiled(right, text))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            combine = _OPERATORS[type(sign)]
            return _combined(combine, _compiled(left, text), _compiled(right, text))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if (
            args and name in _FUNCTIONS
        ):
            return _FUNCTIONS[name]([_compiled(part, text) for part in args])
    raise EditionInvalid(**because("formula_part", part=ast.unparse(node)))


def _negative(operand: _Node) -> _Node:
    def compute(find: Lookup) -> Decimal | None:
        value = operand(find)
        return None if value is None else -value

    return compute


def _combined(combine: Callable[[Decimal, Decimal], Decimal], left: _Node, right: _Node) -> _Node:
    def compute(find: Lookup) -> Decimal | None:
        first, second = left(find), right(find)
        return None if first is None or second is None else combine(first, second)

    return compute


def _quotient(left: _Node, right: _Node) -> _Node:
    def compute(find: Lookup) -> Decimal | None:
        first, second = left(find), right(find)
        return None if first is None or not second else first / second

    return compute


def _first(parts: list[_Node]) -> _Node:
    def compute(find: Lookup) -> Decimal | None:
        return next((value for part in parts if (value := part(find)) is not None), None)

    return compute


def _extreme(choose: Callable[[list[Decimal]], Decimal]) -> Callable[[list[_Node]], _Node]:
    def of(parts: list[_Node]) -> _Node:
        def compute(find: Lookup) -> Decimal | None:
            values = [part(find) for part in parts]
            present = [value for value in values if value is not None]
            return choose(present) if len(present) == len(values) else None

        return compute

    return of


_FUNCTIONS: dict[str, Callable[[list[_Node]], _Node]] = {
    "first": _first,
    "min": _extreme(min),
    "max": _extreme(max),
}


def _reached(node: ast.expr, text: str, find: Callable[[str], Found]) -> Found:
    """A part of a formula over names of which some are unknown."""
    if isinstance(node, ast.Name):
        return find(node.id)
    match node:
        case ast.UnaryOp(operand=operand):
            parts = [_reached(operand, text, find)]
        case ast.BinOp(left=left, right=right):
            parts = [_reached(left, text, find), _reached(right, text, find)]
        case ast.Call(func=ast.Name(id="first"), args=args):
            found = (_reached(part, text, find) for part in args)
            return next((value for value in found if value is not None), None)
        case ast.Call(args=args):
            parts = [_reached(part, text, find) for part in args]
        case _:
            parts = []
    # What is missing for good stays missing, whatever stands beside it.
    if any(part is None for part in parts):
        return None
    if any(part is UNKNOWN for part in parts):
        return UNKNOWN
    settled = {name: value for name in _names_in(node) if isinstance(value := find(name), Decimal)}
    return _compiled(node, text)(settled.get)


def _names_in(node: ast.expr) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id not in _FUNCTIONS:
            yield part.id


def dependencies(figures: dict[str, str], code: str) -> Iterator[str]:
    """Every name a figure rests on, through other figures too; each once."""
    seen: set[str] = set()
    waiting = [code]
    while waiting:
        for name in compiled_formula(figures[waiting.pop()]).names:
            if name not in seen:
                seen.add(name)
                yield name
                if name in figures:
                    waiting.append(name)
