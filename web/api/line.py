"""Lines and the conditions before them: read, freeze, evidence, verify."""

from typing import Annotated

from fastapi import Path, Response
from pydantic import Field

from domain.contract import Sha256
from domain.identity import Id
from domain.line import ConditionPrecedent, CreditLine, LineProgress, LineStatus, ProductCode
from domain.value import Value
from web.api.application import Token
from web.api.pages import Cursor, Page, PageSize, after_instant, page_of
from web.api.stage import stage
from web.api.writes import Writing, marked
from web.callers import Asked, Caller
from web.service.line import LineView

router = stage("line")

Code = Annotated[str, Path(min_length=1, max_length=60)]
Note = Annotated[str, Field(min_length=1, max_length=2000)]
ReasonCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_:.-]{0,59}$")]


class Conditions(Value):
    items: tuple[ConditionPrecedent, ...]


class Evidence(Value):
    """An attachment on record that shows a condition to be met."""

    evidence_hash: Sha256


class Verification(Value):
    """Whether the evidence shows it."""

    met: bool
    note: Annotated[str, Field(max_length=2000)] = ""


class Freezing(Value):
    """Why a line is stopped, and whether nothing at all goes out (只收不放)."""

    note: Note
    reason: ReasonCode | None = None
    collect_only: bool = False
    product: ProductCode | None = None


class Unfreezing(Value):
    """Why a freeze is lifted; without a reason's code, all of them, of the product or the line."""

    note: Note
    reason: ReasonCode | None = None
    product: ProductCode | None = None


class Ending(Value):
    note: Note


class TokenWanted(Value):
    """What the one message will ask: freeze, unfreeze or terminate."""

    action: Annotated[str, Field(max_length=20)]


@router.get("/lines")
def list_lines(
    asked: Asked,
    caller: Caller,
    status: LineStatus | None = None,
    customer_id: Id | None = None,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[CreditLine]:
    """Lines of the customers one sees, newest first."""
    found = asked.lines.list_lines(
        caller,
        status=status,
        customer_id=customer_id,
        after=after_instant(cursor),
        page_size=page_size + 1,
    )
    return page_of(found, page_size, lambda line: (line.activated_at, line.line_id))


@router.get("/lines/{line_id}")
def read_line(asked: Asked, caller: Caller, line_id: Id) -> LineView:
    """All there is about one line; its entries are under `entries`."""
    return asked.lines.read_line(caller, line_id)


@router.post("/lines/{line_id}/freeze")
def freeze(write: Writing, response: Response, line_id: Id, body: Freezing) -> LineProgress:
    """Stop a line, or one product of it, in this second."""
    return marked(
        response,
        write.asked.lines.freeze(
            write.caller,
            line_id,
            note=body.note,
            reason=body.reason,
            collect_only=body.collect_only,
            product=body.product,
            key=write.key,
        ),
    )


@router.post("/lines/{line_id}/unfreeze")
def unfreeze(write: Writing, response: Response, line_id: Id, body: Unfreezing) -> LineProgress:
    """Lift a freeze; whoever froze does not."""
    return marked(
        response,
        write.asked.lines.unfreeze(
            write.caller,
            line_id,
            note=body.note,
            reason=body.reason,
            product=body.product,
            key=write.key,
        ),
    )


@router.post("/lines/{line_id}/terminate")
def terminate(write: Writing, response: Response, line_id: Id, body: Ending) -> LineProgress:
    """End a line before its day."""
    return marked(
        response, write.asked.lines.terminate(write.caller, line_id, note=body.note, key=write.key)
    )


@router.post("/lines/{line_id}/review", status_code=202)
def ask_review(asked: Asked, caller: Caller, line_id: Id) -> None:
    """Have a line looked at again; a review that is open already takes this in."""
    asked.lines.ask_review(caller, line_id)


@router.post("/lines/{line_id}/token")
def issue_line_token(asked: Asked, caller: Caller, line_id: Id, body: TokenWanted) -> Token:
    """A token for one message to this line by a tool that speaks to Temporal."""
    token = asked.lines.issue_token(caller, line_id, body.action)
    return Token(token=token, subject=f"{line_id}/{body.action}")


@router.get("/applications/{case_id}/conditions")
def list_conditions(asked: Asked, caller: Caller, case_id: Id) -> Conditions:
    """The conditions precedent (前提条件) of a case."""
    return Conditions(items=tuple(asked.lines.list_conditions(caller, case_id)))


@router.post(
    "/applications/{case_id}/conditions/{code}/evidence", response_model=ConditionPrecedent
)
def bring_evidence(write: Writing, case_id: Id, code: Code, body: Evidence) -> Response:
    """Bring the evidence of a condition."""
    return write.once(
        200,
        body,
        lambda: write.asked.lines.evidence(write.caller, case_id, code, body.evidence_hash),
    )


@router.post(
    "/applications/{case_id}/conditions/{code}/verification", response_model=ConditionPrecedent
)
def verify_condition(write: Writing, case_id: Id, code: Code, body: Verification) -> Response:
    """Say whether the evidence shows it; not by its owner, nor by who brought it."""
    return write.once(
        200,
        body,
        lambda: write.asked.lines.verify(write.caller, case_id, code, met=body.met, note=body.note),
    )
