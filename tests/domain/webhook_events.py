"""Every event that others are told of, as a page for whoever receives them.

`python -m tests.domain.webhook_events` writes its part of docs/webhooks.md; a test holds it to the
values that events are.
"""

from pathlib import Path
from typing import Any

from domain.event import EventSchema, schemas

DOC = Path(__file__).parents[2] / "docs" / "webhooks.md"
BEGIN, END = "<!-- events: written by the values -->", "<!-- end of events -->"


def written() -> str:
    """The document with the part about events made anew."""
    before, _, rest = DOC.read_text("utf-8").partition(BEGIN)
    return (
        before
        + BEGIN
        + "\n\n"
        + "\n\n".join(map(_section, schemas()))
        + "\n\n"
        + END
        + (rest.partition(END)[2])
    )


def _section(schema: EventSchema) -> str:
    said = schema.data_schema
    rows = [
        f"| `{name}` | {_kind(field, said.get('$defs', {}))} |"
        for name, field in said["properties"].items()
    ]
    head = f"### {schema.type}\n\n{schema.about} Subject: `{schema.subject}`.\n\n"
    return head + "| field of `data` | is |\n|---|---|\n" + "\n".join(rows)


def _kind(field: dict[str, Any], named: dict[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        words = named[name].get("enum")
        return ", ".join(f"`{word}`" for word in words) if words else _NAMED.get(name, name)
    if "anyOf" in field:
        return " or ".join(_kind(each, named) for each in field["anyOf"])
    if field.get("type") == "array":
        return f"list of {_kind(field['items'], named)}"
    return str(field.get("format") or {"null": "null"}.get(field["type"], field["type"]))


_NAMED = {"Money": 'an amount: `{"amount": "125000.00", "currency": "CNY"}`'}

if __name__ == "__main__":
    DOC.write_text(written(), "utf-8")
