"""Rows for people: columns that line up, in colour only where a terminal shows it."""

import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

_WIDTH_ELSEWHERE = 1000  # into a file or a pipe nothing is folded
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def table(items: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> str:
    """The items as text; `columns` maps a field to its heading. Empty says so."""
    if not items:
        return "none"
    from rich.console import Console  # late: programs that ask for JSON do not pay for it
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for heading in columns.values():
        shown.add_column(heading, overflow="fold")  # an id that is cut off is no id
    for item in items:
        shown.add_row(*(cell(item.get(field)) for field in columns))
    console = Console(width=None if sys.stdout.isatty() else _WIDTH_ELSEWHERE)
    with console.capture() as captured:
        console.print(shown)
    return captured.get().rstrip()


def cell(value: object) -> str:
    """One value as people read it."""
    if value is None:
        return "-"
    if isinstance(value, Mapping) and set(value) == {"amount", "currency"}:
        whole, _, minor = str(value["amount"]).partition(".")
        return f"{value['currency']} {int(whole):,}{'.' + minor if minor else ''}"
    if isinstance(value, Mapping) and set(value) == {"kind", "amount"}:  # a limit
        return cell(value["amount"]) if value["amount"] is not None else str(value["kind"])
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {cell(part)}" for name, part in value.items())
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return f"{value[:10]} {value[11:16]}Z"
    if isinstance(value, list | tuple):
        return ", ".join(cell(part) for part in value) or "-"
    return str(value)


def facts(document: Mapping[str, Any], fields: Sequence[str]) -> str:
    """One thing as lines of name and value."""
    width = max(map(len, fields))
    return "\n".join(f"{name:<{width}}  {cell(document.get(name))}" for name in fields)
