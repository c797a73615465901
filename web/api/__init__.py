"""The same service as JSON: a file for each stage, under `/api/v1`."""

from collections.abc import Iterator

from starlette.routing import BaseRoute

from web.api import (
    application,
    approval,
    attachment,
    collection,
    contract,
    cover,
    customer,
    edition,
    exchange,
    exposure,
    health,
    identity,
    imports,
    late,
    line,
    operations,
    party,
    receivable,
    report,
    rerating,
    review,
    screening,
    statement,
    turnover,
    warning,
)

STAGES = (
    health,
    identity,
    customer,
    party,
    cover,
    statement,
    receivable,
    late,
    turnover,
    report,
    attachment,
    exchange,
    screening,
    imports,
    application,
    approval,
    contract,
    line,
    exposure,
    rerating,
    review,
    warning,
    collection,
    edition,
    operations,
)


def routes() -> Iterator[BaseRoute]:
    """Every route of the API, in the order of the road.

    They are handed over one by one: included as routers, each request would be matched level by
    level, and the log would know its route without the prefix.
    """
    for part in STAGES:
        yield from part.router.routes
