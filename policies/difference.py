"""What one edition changes in another (政策对比): rows aligned by their name, in the field's words.

Tables are not compared place by place: a row is known by its code, grade or range, so that one row
put in between is one row added. Rows that only stand in another order are said so, as the first
knock-out or approval row that holds is the one that counts.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

from domain.edition import PolicyEdition
from domain.value import Value
from policies.difference_words import WORDS

_NAMES = ("code", "grade", "tier")


class Kind(StrEnum):
    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"
    REORDERED = "reordered"


_SENTENCES: dict[Kind, tuple[str, str]] = {
    Kind.CHANGED: ("{where}: {before} becomes {after}", "{where}：由 {before} 改为 {after}"),
    Kind.ADDED: ("{where}: added, {after}", "{where}：新增 {after}"),
    Kind.REMOVED: ("{where}: removed, was {before}", "{where}：删除，原为 {before}"),
    Kind.REORDERED: (
        "{where}: the order {before} becomes {after}",
        "{where}：次序由 {before} 改为 {after}",
    ),
}


class Difference(Value):
    """One value or row that differs; `before` or `after` is empty where there is none."""

    path: str  # as the TOML has it, rows by name: `limit.methods.turnover.share.BBB`
    kind: Kind
    before: str = ""
    after: str = ""

    def sentence(self, language: str = "en") -> str:
        """The difference as a risk officer would say it."""
        chinese = language.startswith("zh")
        parts = _parts(self.path)
        where = (" › ").join(
            _word(part, within, chinese=chinese)
            for within, part in zip(("", *parts), parts, strict=False)
        )
        template = _SENTENCES[self.kind][chinese]
        return template.format(where=where, before=self.before, after=self.after)


def differences(first: PolicyEdition, second: PolicyEdition) -> tuple[Difference, ...]:
    """Everything the second edition says otherwise than the first, in the order of the sections."""
    one, other = (each.model_dump(mode="python", exclude_none=True) for each in (first, second))
    return tuple(_compared("", one, other))


def _compared(path: str, first: Any, second: Any) -> Iterator[Difference]:
    if first == second:
        if isinstance(first, Mapping) and [*first] != [*second]:
            yield _reordered(path, [*first], [*second])
        return
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for name in dict.fromkeys([*first, *second]):
            yield from _compared(_below(path, str(name)), first.get(name), second.get(name))
    elif _is_table(first) and _is_table(second):
        yield from _rows(path, first, second)
    elif first is None or first == ():
        yield Difference(path=path, kind=Kind.ADDED, after=_said(second))
    elif second is None or second == ():
        yield Difference(path=path, kind=Kind.REMOVED, before=_said(first))
    else:
        yield Difference(path=path, kind=Kind.CHANGED, before=_said(first), after=_said(second))


def _rows(path: str, first: Sequence[Any], second: Sequence[Any]) -> Iterator[Difference]:
    """Rows by name or range; where that is not one row's alone (steps, changes), by what they say."""
    named = [_names(rows) for rows in (first, second)]
    if all(len(set(names)) == len(names) for names in named):
        before = dict(zip(named[0], first, strict=True))
        after = dict(zip(named[1], second, strict=True))
        for name in dict.fromkeys([*before, *after]):
            yield from _compared(f"{path}[{name}]", before.get(name), after.get(name))
        kept = [[name for name in names if name in before and name in after] for names in named]
        if kept[0] != kept[1]:
            yield _reordered(path, *kept)
        return
    said = [[_said(row) for row in rows] for rows in (first, second)]
    for tag, a, b, c, d in SequenceMatcher(a=said[0], b=said[1], autojunk=False).get_opcodes():
        if tag != "equal":
            for row in first[a:b]:
                yield Difference(path=path, kind=Kind.REMOVED, before=_said(row))
            for row in second[c:d]:
                yield Difference(path=path, kind=Kind.ADDED, after=_said(row))


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [_name(row) for row in rows]


def _name(row: Mapping[str, Any]) -> str:
    for name in _NAMES:
        if name in row:
            return str(row[name])
    if row.get("categories"):
        return row.get("label") or ", ".join(map(str, row["categories"]))
    low, high = row.get("at_least"), row.get("below")
    if low is None and high is None:
        return "any other"
    return f"{'..' if low is None else _said(low)} to {'..' if high is None else _said(high)}"


def _is_table(value: Any) -> bool:
    return isinstance(value, tuple | list) and bool(value) and isinstance(value[0], Mapping)


def _reordered(path: str, first: Sequence[Any], second: Sequence[Any]) -> Difference:
    return Difference(
        path=path,
        kind=Kind.REORDERED,
        before=", ".join(map(str, first)),
        after=", ".join(map(str, second)),
    )


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        shown = (f"{name} {_said(part)}" for name, part in value.items() if part not in (None, ()))
        return ", ".join(shown)
    if isinstance(value, tuple | list):
        return "; ".join(_said(part) for part in value) if value else "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _parts(path: str) -> list[str]:
    """The steps of a path; what stands in brackets is a row's name and has dots of its own."""
    parts, inside, part = [], False, ""
    for letter in path:
        if letter in ".[]" and not (inside and letter == "."):
            if part:
                parts.append(part)
            part, inside = "", letter == "["
        else:
            part += letter
    return [*parts, part] if part else parts


def _word(part: str, within: str, *, chinese: bool) -> str:
    """The words of a step; a word that means another thing elsewhere is kept with what it is in."""
    words = WORDS.get(f"{within}.{part}") or WORDS.get(part)
    return (words[chinese] if words else part).replace("_", " ")
