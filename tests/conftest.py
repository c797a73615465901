"""What tests are given: real servers, one of each a test process, started when first asked for."""

from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import settings

from storage.base import Records
from tests import servers

# Machines are shared and noisy: how long an example takes says nothing about what it shows.
settings.register_profile("creditflow", deadline=None)
settings.load_profile("creditflow")


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Databases]:
    """A PostgreSQL of this test process, with the product's tables in a template."""
    with servers.postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield servers.Databases(server)


@pytest.fixture
def database_url(postgres_server: servers.Databases) -> Iterator[str]:
    """An empty, migrated database of this test's own."""
    name = postgres_server.copy()
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture
def records(database_url: str) -> Iterator[Records]:
    """The records of this test's own database."""
    opened = Records(database_url, connections_max=10)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
async def temporal_env(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[servers.SkippingEnvironment]:
    """A Temporal of this test process; time moves by `fast_forward` alone."""
    async with servers.skipping(tmp_path_factory.mktemp("temporal")) as environment:
        yield environment
