"""Whether this process serves, whether it can work, and what the API is."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel

from domain.errors import NotFound
from web import metrics
from web.callers import Asked
from web.openapi import RESPONSES
from web.problems import codes, title_of

router = APIRouter(tags=["health"], responses=RESPONSES)


class Health(BaseModel):
    status: str = "ok"


class ProblemKind(BaseModel):
    """What a code means, in both languages."""

    code: str
    status: int
    title: str
    sentence: str
    sentence_zh: str


@router.get("/healthz")
async def healthz() -> Health:
    """This process serves."""
    return Health()


@router.get("/readyz")
def readyz(asked: Asked) -> Health:
    """This process can work: records answer. Temporal may be away; starts are then owed to it."""
    asked.records.answers()
    return Health()


@router.get("/metrics", include_in_schema=False)
async def read_metrics() -> Response:
    """What a collector reads: counts and times by route, no ids."""
    content, media_type = metrics.page()
    return Response(content, media_type=media_type)


@router.get("/api/openapi.json", include_in_schema=False)
def openapi(request: Request) -> JSONResponse:
    document: dict[str, Any] = request.app.openapi()
    return JSONResponse(document)


@router.get("/api/docs", include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    """The reference for people; a link to the document where its viewer is not installed."""
    assets = request.app.state.pages.assets
    if not assets.has("swagger-ui-bundle.js"):
        return HTMLResponse('<a href="/api/openapi.json">/api/openapi.json</a>')
    scripts = "".join(
        f'<script src="{assets.url(name)}" defer></script>'
        for name in ("swagger-ui-bundle.js", "api-docs.js")
    )
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Creditflow API</title>'
        f'<link rel="stylesheet" href="{assets.url("swagger-ui.css")}">{scripts}</head>'
        '<body><main id="reference"></main></body></html>'
    )


@router.get("/api/problems/{code}")
async def read_problem_kind(code: str) -> ProblemKind:
    """The page that a refusal's `type` names."""
    if code not in codes():
        raise NotFound(kind="code", id=code[:64])
    status, sentence, sentence_zh = codes()[code]
    return ProblemKind(
        code=code,
        status=status,
        title=title_of(status, "en"),
        sentence=sentence,
        sentence_zh=sentence_zh,
    )
