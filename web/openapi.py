"""The OpenAPI document, complete with the one shape of every refusal."""

import re
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from web.callers import COOKIE
from web.problems import MEDIA_TYPE, Problem

_REFUSED: dict[str, Any] = {
    "description": "A refusal, or a failure of ours",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
RESPONSES: dict[int | str, dict[str, Any]] = {"4XX": _REFUSED, "5XX": _REFUSED}

# Said here and not by a dependency of each route, which would run for each request.
_PROOFS = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key, `cf_…`"},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
}
# Who signs in has not yet, and who holds a link to sign needs nothing else.
_OPEN = re.compile(r"/api/v1/(sessions|signing/.*|confirming/.*)")

DESCRIPTION = """
Credit for business customers: from the application to the living line.

Sign in with `Authorization: Bearer KEY`. Amounts are `{"amount": "125000.00", "currency": "CNY"}`.
Lists are paged: follow `next_cursor` until it is null. Writes take `Idempotency-Key`: the same key
and body give the same answer (marked `Idempotent-Replayed: true`), another body is refused with
`key_reused`. Every answer from 400 up is a problem document (RFC 9457) with a stable `code`, in the
language of `Accept-Language` (`en`, `zh-CN`).
"""


def document_of(app: FastAPI, routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """The document of these routes, made once."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=DESCRIPTION,
            routes=routes,
        )
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        components = schema.setdefault("components", {}).setdefault("schemas", {})
        components.update(problem.pop("$defs", {}), Problem=problem)
        schema["components"]["securitySchemes"] = _PROOFS
        for path, methods in schema["paths"].items():
            for operation in methods.values():
                if path.startswith("/api/v1/") and not _OPEN.fullmatch(path):
                    operation["security"] = [{name: []} for name in _PROOFS]
        app.openapi_schema = schema
    return app.openapi_schema
