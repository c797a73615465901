"""Limit moved between two lines of one customer or group: ask for it, and what became of it."""

from fastapi import Response

from domain.identity import Id
from domain.move import Move, MoveContent
from web.api.pages import Cursor, Page, PageSize, after_instant, page_of
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.move import MoveView

router = stage("move")


@router.get("/moves")
def list_moves(
    asked: Asked,
    caller: Caller,
    line_id: Id | None = None,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[Move]:
    """Moves that were asked for, newest first."""
    found = asked.moves.list_moves(
        caller, line_id=line_id, before=after_instant(cursor), page_size=page_size + 1
    )
    return page_of(found, page_size, lambda each: (each.request.asked_at, each.request.move_id))


@router.post("/moves", status_code=201, response_model=Move)
def ask_move(write: Writing, body: MoveContent) -> Response:
    """Ask to have limit moved from one line to another; others decide."""
    return write.once(201, body, lambda: write.asked.moves.ask(write.caller, body))


@router.get("/moves/{move_id}")
def read_move(asked: Asked, caller: Caller, move_id: Id) -> MoveView:
    """A move that was asked for: who is asked, and what they said."""
    return asked.moves.read(caller, move_id)
