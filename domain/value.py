"""What every value of the domain is: frozen, closed to unknown fields, equal by content."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict, PlainSerializer


class Value(BaseModel):
    """A frozen pydantic model that refuses fields it does not know.

    Iterating, comparing and hashing go by content, so a value may be a key and may cross a
    process boundary as JSON and come back equal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


# Members of a set, written in one order: a set's own is another in every process.
IN_ORDER = PlainSerializer(sorted, when_used="json")


def canonical(content: Any) -> str:
    """The one text of a JSON document: sorted keys, no blanks, Unicode kept as it is.

    Two documents with the same content have the same text, so a hash of it names the content.
    """
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def content_hash(value: Value | dict[str, Any] | list[Any]) -> str:
    """SHA-256, in hex, of the canonical text of a value."""
    content = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def lasting_hash(value: Value) -> str:
    """SHA-256, in hex, of what a value says beyond its defaults.

    A field that a later release adds with a default leaves it as it is, so what was stored under it
    is still found and proven then. The price: the default of a field in use must never change.
    """
    return content_hash(value.model_dump(mode="json", exclude_defaults=True))
