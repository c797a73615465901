"""A value's content as TOML text, the same text for the same content.

Python reads TOML but does not write it. Only what an edition contains is known here: tables, lists,
texts, whole and decimal numbers, dates, truth values; what is None is left out.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(content: Mapping[str, Any]) -> str:
    """The document: in each table first its own entries, then its tables, in the order given."""
    return "\n".join(_table(content, ())).strip("\n") + "\n"


def _table(content: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    present = {key: value for key, value in content.items() if value is not None}
    for key, value in present.items():
        if not isinstance(value, Mapping) and not _is_tables(value):
            yield f"{_key(key)} = {_inline(value)}"
    for key, value in present.items():
        below = (*path, key)
        if isinstance(value, Mapping):
            yield from ("", f"[{_dotted(below)}]")
            yield from _table(value, below)
        elif _is_tables(value):
            for row in value:
                yield from ("", f"[[{_dotted(below)}]]")
                yield from _table(row, below)


def _is_tables(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and bool(value)
        and all(isinstance(row, Mapping) for row in value)
    )


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(_key(part) for part in path)


def _key(key: Any) -> str:
    text = str(key.value if isinstance(key, Enum) else key)
    return text if _BARE.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    # JSON's escapes are TOML's, but for DEL, which JSON leaves bare.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _inline(value: Any) -> str:
    if isinstance(value, Enum):
        return _inline(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        entries = ((_key(key), part) for key, part in value.items() if part is not None)
        return "{ " + ", ".join(f"{key} = {_inline(part)}" for key, part in entries) + " }"
    if isinstance(value, Sequence):
        return "[" + ", ".join(_inline(part) for part in value) + "]"
    raise TypeError(f"TOML has no {type(value).__name__} here")
