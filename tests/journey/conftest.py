"""A whole installation for tests that drive cases along the road."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.road import Road, a_road
from tests.servers import SkippingEnvironment
from tests.web.conftest import quiet

__all__ = ["quiet"]  # a served application says nothing between what a command says


@pytest.fixture
async def road(
    database_url: str, temporal_env: SkippingEnvironment, tmp_path: Path
) -> AsyncIterator[Road]:
    async with a_road(database_url, temporal_env, tmp_path) as opened:
        yield opened
