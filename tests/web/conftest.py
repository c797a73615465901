"""The application over real records, and a Temporal that tests speak for."""

import logging
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx
import pytest
import structlog
import uvicorn
from fastapi import FastAPI

from storage.exposure import Exposure
from storage.identity import ApiKeys, Persons
from tests.web.people import KEYS, PEOPLE
from tests.web.silent import SilentGateway
from web.app import assemble
from web.service.clock import Clock
from web.service.once import JoinedRecords
from web.service.services import Services, build_services
from workflows.codec import Codec


@pytest.fixture(autouse=True, scope="session")
def quiet() -> None:
    """A line for each request would bury what a failing test says."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@pytest.fixture
def joined_records(database_url: str) -> Iterator[JoinedRecords]:
    opened = JoinedRecords(database_url, connections_max=10)
    with opened.begin() as session:
        for person in PEOPLE.values():
            Persons(session).record_person(person)
            ApiKeys(session).record_key(person.person_id, KEYS[person.person_id])
    yield opened
    opened.close()


@pytest.fixture
def gateway() -> SilentGateway:
    return SilentGateway()


@pytest.fixture
def services(joined_records: JoinedRecords, gateway: SilentGateway) -> Iterator[Services]:
    exposure = Exposure(joined_records, connections_max=4)
    yield build_services(joined_records, exposure, gateway, Clock(), Codec(bytes(32)))
    exposure.close()


@pytest.fixture
def app(services: Services) -> FastAPI:
    return assemble(services, public_url="http://test")


@pytest.fixture
async def api(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A program that has not signed in; `as_(…)` gives the header of somebody's key."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The address of the application behind a real server, for what cannot call it in process."""
    # Of a socket whose protocol is not named, asyncio does not know that it may send at once, and
    # an answer of two parts waits 40 ms for the other side.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture
def served(app: FastAPI) -> Iterator[str]:
    with serving(app) as url:
        yield url
