"""The same service as JSON: a file for each stage, under `/api/v1`."""

from collections.abc import Iterator

from starlette.routing import BaseRoute

from web.api import (
    analyst_figure,
    application,
    approval,
    attachment,
    authority,
    benchmark,
    cap,
    classification,
    cohort,
    collection,
    contract,
    cover,
    customer,
    edition,
    exchange,
    exposure,
    external_rating,
    guard,
    health,
    identity,
    imports,
    investigation,
    late,
    line,
    manual_class,
    meeting,
    merge,
    offer,
    operations,
    outlook,
    override,
    party,
    receivable,
    related,
    report,
    rerating,
    review,
    screening,
    statement,
    tolerance,
    trade,
    turnaround,
    turnover,
    warning,
)

STAGES = (
    health,
    identity,
    customer,
    merge,
    party,
    related,
    cover,
    statement,
    tolerance,
    receivable,
    trade,
    late,
    turnaround,
    turnover,
    report,
    external_rating,
    attachment,
    exchange,
    benchmark,
    screening,
    imports,
    application,
    investigation,
    analyst_figure,
    approval,
    meeting,
    authority,
    override,
    cap,
    offer,
    contract,
    line,
    exposure,
    rerating,
    outlook,
    review,
    warning,
    classification,
    manual_class,
    cohort,
    collection,
    guard,
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
