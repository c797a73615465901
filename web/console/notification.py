"""Sent mails, for an installation that catches them itself."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from domain.errors import NotFound
from web.console.page import Visiting

router = APIRouter(include_in_schema=False)


@router.get("/mails")
def list_mails(visit: Visiting) -> HTMLResponse:
    """The newest mails; one-time links are shown to nobody."""
    try:
        mails = visit.services.notifications.sent_mails(visit.person, page_size=100)
    except NotFound:  # a real mail server sends them, and keeps them elsewhere
        return visit.show("notification/mails.html", mails=(), caught=False)
    return visit.show("notification/mails.html", mails=mails, caught=True)
