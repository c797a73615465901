"""The console: the same services as pages, for people; `mount` puts it into the application."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI

from domain.identity import Language
from web import assets
from web.console import (
    analyst_figure,
    application,
    approval,
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
    customer,
    dispute,
    documents,
    draft,
    edition,
    excess,
    external_rating,
    guard,
    hold,
    identity,
    insurance,
    investigation,
    line,
    meeting,
    merge,
    move,
    notification,
    offer,
    operations,
    order,
    outlook,
    override,
    party,
    reclaim,
    reconciliation,
    related,
    repair,
    report,
    rerating,
    review,
    search,
    start,
    statement,
    tolerance,
    turnaround,
    turnover,
    use,
    warning,
    webhook,
)
from web.console.page import Pages
from web.console.typed import judge_typed
from web.switch import Switch, segment_of

_WEB = Path(__file__).resolve().parents[1]
_STAGES = (
    start,
    search,
    identity,
    merge,  # its places lie within those of customers
    customer,
    dispute,
    statement,
    tolerance,
    turnover,
    report,
    external_rating,
    insurance,
    party,
    documents,
    repair,  # a timeline lies within its case
    application,
    investigation,
    approval,
    meeting,
    authority,
    analyst_figure,
    override,
    cap,
    reclaim,
    move,
    offer,
    contract,
    use,
    line,
    order,
    hold,
    excess,
    review,
    warning,
    rerating,
    outlook,
    classification,
    cliff,
    cohort,
    turnaround,
    collection,
    bill,
    confirmation,
    reconciliation,
    benchmark,
    guard,
    related,
    draft,
    edition,
    notification,
    webhook,
    operations,
)
_NOBODY = {Language.EN: "", Language.ZH: ""}


def stages() -> Iterator[APIRouter]:
    """The pages, a router for each stage, in the order of the road."""
    for stage in _STAGES:
        yield stage.router


def mount(
    app: FastAPI, *, grantor: Mapping[Language, str] | None = None, temporal_ui_url: str = ""
) -> None:
    """Add the pages and what browsers are sent beside them."""
    files = assets.Assets(_WEB / "static", _WEB.parent / "node_modules")
    app.state.pages = Pages(files, grantor=grantor or _NOBODY, temporal_ui_url=temporal_ui_url)
    app.include_router(assets.router(files))
    pages = []
    for router in stages():
        app.include_router(router, dependencies=[Depends(judge_typed)])
        begins = {segment_of(getattr(each, "path", ""), 1) for each in router.routes}
        pages.append((app.router.routes.pop(), begins))
    app.router.routes.append(Switch(1, pages))
