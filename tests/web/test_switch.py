"""Is a request answered by the route that it would be answered by, were all of them tried in order?"""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match

from web import api, console
from web.console import stages
from web.switch import Switch


@pytest.fixture(scope="module")
def app() -> FastAPI:
    app = FastAPI(redirect_slashes=False)
    app.router.routes.extend(api.switched())
    console.mount(app)
    return app


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the routes that requests came to, none of which answers."""
    found: list[str] = []

    async def note(route: APIRoute, *_: object) -> None:
        found.append(route.path)

    monkeypatch.setattr(APIRoute, "handle", note)
    return found


def asked(method: str, path: str) -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path, "headers": [], "query_string": b""}


def every_route() -> Iterator[APIRoute]:
    """All there are, in the order in which they were tried one by one."""
    for route in (*api.routes(), *(each for part in stages() for each in part.routes)):
        assert isinstance(route, APIRoute)
        yield route


def of_all(method: str, path: str) -> str | None:
    fits = (each for each in every_route() if each.matches(asked(method, path))[0] is Match.FULL)
    return next((each.path for each in fits), None)


async def chosen(app: FastAPI, taken: list[str], method: str, path: str) -> str | None:
    taken.clear()

    async def send(_: object) -> None:
        """A refusal, of what is nowhere."""

    with suppress(HTTPException):
        await app.router(asked(method, path), None, send)  # type: ignore[arg-type]
    return taken[0] if taken else None


def requests() -> Iterator[tuple[str, str]]:
    for route in every_route():
        for method in sorted(route.methods):
            yield method, re.sub(r"{[^}]*}", "00000000-0000-4000-8000-000000000000", route.path)


async def test_every_request_comes_to_the_route_it_would_come_to(
    app: FastAPI, taken: list[str]
) -> None:
    every = list(requests())
    assert len(every) > 400
    for method, path in every:
        found = await chosen(app, taken, method, path)
        assert found == of_all(method, path) is not None, (method, path)


@pytest.mark.parametrize("path", ["/api", "/api/v1", "/api/v1/nothing", "/cases/1/lines", "//", ""])
async def test_what_is_nowhere_is_nowhere(app: FastAPI, taken: list[str], path: str) -> None:
    assert await chosen(app, taken, "GET", path) == of_all("GET", path)


def test_another_method_is_told_from_another_place(app: FastAPI) -> None:
    [switch] = [each for each in app.routes if isinstance(each, Switch)][:1]
    assert switch.matches(asked("DELETE", "/api/v1/checks"))[0] is Match.PARTIAL
    assert switch.matches(asked("DELETE", "/api/v1/check"))[0] is Match.NONE


async def test_a_check_is_matched_against_one_route(
    app: FastAPI, taken: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []
    plain = APIRoute.matches

    def counted(route: APIRoute, scope: dict[str, object]) -> object:
        tried.append(route.path)
        return plain(route, scope)

    monkeypatch.setattr(APIRoute, "matches", counted)
    assert await chosen(app, taken, "POST", "/api/v1/checks") == "/api/v1/checks"
    assert tried == ["/api/v1/checks"]
