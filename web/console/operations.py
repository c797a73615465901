"""For whoever keeps the programs running: what is stuck and owed, what was refused, where to look."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse

from domain.notification import Channel, DeliveryState
from web.api.pages import after_number
from web.console.lists import PAGE_SIZE, next_path
from web.console.page import Visiting, Writing
from web.service.permissions import Action, permitted
from workflows.names import NAMESPACE

router = APIRouter(include_in_schema=False)
_REFUSALS = 25


@router.get("/operations")
def show_operations(
    visit: Visiting,
    state: str = "",
    channel: str = "",
    after: str | None = None,
    compare: bool = False,
) -> HTMLResponse:
    """What is stuck, the outbox by state and channel, the newest refusals, and the links."""
    stuck = visit.services.stuck.list_stuck(visit.person, compare=compare)
    chosen = {
        "state": state if state in set(DeliveryState) else "",
        "channel": channel if channel in set(Channel) else "",
    }
    found = visit.services.notifications.list_outbox(
        visit.person,
        after_number(after),
        channel=chosen["channel"] or None,
        state=chosen["state"] or None,
        page_size=PAGE_SIZE + 1,
    )
    return visit.show(
        "operations/operations.html",
        stuck=stuck.items,
        temporal_answers=stuck.temporal_answers,
        compared=stuck.compared,
        more_stuck=stuck.more,
        may_look=True,
        entries=found[:PAGE_SIZE],
        chosen=chosen,
        states=list(DeliveryState),
        channels=list(Channel),
        refusals=visit.services.audit.list_refusals(visit.person, page_size=_REFUSALS),
        alarms=visit.services.authority.list_alarms(visit.person),
        may_act=permitted(visit.person, Action.OPERATIONS_ACT),
        temporal_link=_temporal_link(visit.pages.temporal_ui_url),
        next_path=next_path(
            found, f"/operations?{urlencode(chosen)}", lambda entry: (entry.entry_no,)
        ),
    )


@router.post("/operations/outbox/resume")
def resume(visit: Writing, entry_no: Annotated[int, Form()]) -> Response:
    """Try again what was given up."""
    visit.services.notifications.resume(visit.person, entry_no)
    return visit.go("/operations?state=pending", "entry_resumed")


def _temporal_link(base: str) -> str:
    return f"{base}/namespaces/{NAMESPACE}/workflows" if base else ""
