"""The JSON schema of an edition (政策版本结构), for editors that complete and check as one writes.

It says what fields there are and what each may hold. Whether they make sense together only
`policies/edition.py` knows.
"""

import json
from typing import Any

from domain.edition import PolicyEdition

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def edition_schema() -> dict[str, Any]:
    """The schema of a whole edition; a text that only says what it changes lacks fields of it."""
    schema = PolicyEdition.model_json_schema(mode="validation")
    return {"$schema": _DIALECT, "title": "Creditflow policy edition", **schema}


def schema_text() -> str:
    """The schema as the shipped file has it."""
    return json.dumps(edition_schema(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
