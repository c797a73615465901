"""Limit moved between lines as pages: the moves of a line with the form, and one of them."""

from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse

from domain.money import Money
from domain.move import MoveContent
from web.console.lists import CURRENCIES, plain_amount
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem
from web.service.ids import new_id
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)
_Text = Annotated[str, Form(max_length=2000)]


@router.get("/lines/{line_id}/moves")
def show_moves(visit: Visiting, line_id: str) -> HTMLResponse:
    """What was moved from and to a line, and the form to ask for more."""
    return _moves_page(visit, line_id)


@router.post("/lines/{line_id}/moves")
def ask_move(
    visit: Writing,
    line_id: str,
    target_id: _Text = "",
    amount: _Text = "",
    currency: _Text = CURRENCIES[0],
    reason: _Text = "",
    key: _Text = "",
) -> Response:
    """Ask to have limit of this line moved to another."""
    typed = {"target_id": target_id, "amount": amount, "reason": reason}
    visit.when_refused(lambda refusal: _moves_page(visit, line_id, typed, refusal))
    content = visit.valid(
        MoveContent,
        {
            "source_id": line_id,
            "target_id": target_id,
            "amount": Money.of(plain_amount(amount), currency),
            "reason": reason,
        },
    )
    visit.services.moves.ask(visit.person, content, key or None)
    return visit.go(f"/lines/{line_id}/moves", "move_asked")


def _moves_page(
    visit: Visit,
    line_id: str,
    typed: dict[str, str] | None = None,
    refusal: Problem | None = None,
) -> HTMLResponse:
    line = visit.services.lines.read_line(visit.person, line_id).line
    return visit.show(
        "move/moves.html",
        refusal=refusal,
        line=line,
        moves=visit.services.moves.list_moves(visit.person, line_id=line_id),
        may_ask=permitted(visit.person, Action.MOVE_ASK) and not line.status.ended,
        typed=typed or {"target_id": "", "amount": "", "reason": ""},
        key=new_id(),
    )
