"""Records that are likely one customer, and merges of them."""

from fastapi import Response

from domain.identity import Id
from domain.merge import Likeness, Merge, MergeContent, MergeDecision, MergeReversal
from domain.value import Value
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller

router = stage("merge")


class Likenesses(Value):
    items: tuple[Likeness, ...]


class Merges(Value):
    items: tuple[Merge, ...]


@router.get("/duplicates")
def list_duplicates(asked: Asked, caller: Caller, customer_id: Id | None = None) -> Likenesses:
    """Pairs of records that are likely one customer, the likeliest first, each with its reasons."""
    return Likenesses(items=tuple(asked.merges.list_likely(caller, customer_id)))


@router.get("/merges")
def list_merges(asked: Asked, caller: Caller, customer_id: Id | None = None) -> Merges:
    """Merges, the newest first."""
    return Merges(items=tuple(asked.merges.list_merges(caller, customer_id)))


@router.get("/merges/{merge_id}")
def read_merge(asked: Asked, caller: Caller, merge_id: Id) -> Merge:
    return asked.merges.read(caller, merge_id)


@router.post("/customers/{customer_id}/merges", status_code=201, response_model=Merge)
def propose_merge(write: Writing, customer_id: Id, body: MergeContent) -> Response:
    """Say that another record is this customer too; the other one gives way, once confirmed."""
    return write.once(
        201, body, lambda: write.asked.merges.propose(write.caller, customer_id, body)
    )


@router.post("/merges/{merge_id}/decision", response_model=Merge)
def decide_merge(write: Writing, merge_id: Id, body: MergeDecision) -> Response:
    """Confirm or decline what somebody else proposed."""
    return write.once(200, body, lambda: write.asked.merges.decide(write.caller, merge_id, body))


@router.post("/merges/{merge_id}/reversal", response_model=Merge)
def take_back_merge(write: Writing, merge_id: Id, body: MergeReversal) -> Response:
    """Take a mistaken merge back, while nothing was decided on the merged record."""
    return write.once(200, body, lambda: write.asked.merges.take_back(write.caller, merge_id, body))
