"""The same service as JSON: a file for each stage, under `/api/v1`."""

from collections.abc import Iterator

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from web.api import (
    analyst_figure,
    application,
    approval,
    attachment,
    authority,
    benchmark,
    bill,
    cap,
    classification,
    cliff,
    cohort,
    collection,
    confirmation,
    contract,
    cover,
    customer,
    edition,
    excess,
    exchange,
    exposure,
    external_rating,
    guard,
    health,
    hold,
    hook,
    identity,
    imports,
    insurance,
    investigation,
    late,
    line,
    manual_class,
    meeting,
    merge,
    move,
    offer,
    operations,
    order,
    outlook,
    override,
    party,
    receivable,
    reclaim,
    reconciliation,
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
    use,
    warning,
    webhook,
)
from web.switch import Switch, segment_of

PREFIX = "/api/v1/"
STAGES = (
    health,
    cliff,
    identity,
    customer,
    merge,
    party,
    related,
    cover,
    insurance,
    statement,
    tolerance,
    receivable,
    confirmation,
    reconciliation,
    trade,
    late,
    bill,
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
    reclaim,
    move,
    offer,
    contract,
    line,
    exposure,
    order,
    hold,
    excess,
    use,
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
    webhook,
    hook,
    operations,
)


def routes() -> Iterator[APIRoute]:
    """Every route of the API, in the order of the road.

    They are handed over one by one: included as routers, each request would be matched level by
    level, and the log would know its route without the prefix.
    """
    for part in STAGES:
        yield from (each for each in part.router.routes if isinstance(each, APIRoute))


def switched() -> Iterator[BaseRoute]:
    """Those under `/api/v1/` by what comes after it, and the few that are elsewhere."""
    under = [each for each in routes() if each.path.startswith(PREFIX)]
    yield Switch(3, ((each, [segment_of(each.path, 3)]) for each in under))
    yield from (each for each in routes() if not each.path.startswith(PREFIX))
