"""Records of one customer: those that likely are, and what was said of each pair."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import HTMLResponse

from domain.merge import (
    Merge,
    MergeContent,
    MergeDecision,
    MergeReversal,
    MergeStatus,
    MergeVerdict,
)
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)
_PAIRS_MAX = 100
_PLACE = "/customers/merges"


@router.get("/customers/merges")
def list_merges(
    visit: Visiting, customer: Annotated[str, Query(max_length=64)] = ""
) -> HTMLResponse:
    """Pairs that are likely one customer, and merges, the newest first."""
    return _page(visit, customer)


@router.post("/customers/merges")
def propose(
    visit: Writing,
    first: Annotated[str, Form()] = "",
    second: Annotated[str, Form()] = "",
    surviving: Annotated[str, Form()] = "",
    reason: Annotated[str, Form(max_length=2000)] = "",
    customer: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Say that two records are one customer, and which of them stays."""
    losing = second if surviving == first else first
    visit.when_refused(lambda refusal: _page(visit, customer, refusal))
    content = visit.valid(MergeContent, {"losing_id": losing, "reason": reason})
    visit.services.merges.propose(visit.person, surviving, content)
    return visit.go(_PLACE, "merge_proposed")


@router.post("/customers/merges/{merge_id}/{word}")
def say(
    visit: Writing,
    merge_id: str,
    word: str,
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Confirm, decline or take back."""
    visit.when_refused(lambda refusal: _page(visit, "", refusal))
    merges = visit.services.merges
    if word == "reversal":
        merges.take_back(visit.person, merge_id, visit.valid(MergeReversal, {"reason": reason}))
    else:
        verdict = visit.parsed(MergeVerdict, word, "verdict")
        decision = visit.valid(MergeDecision, {"verdict": verdict, "reason": reason})
        merges.decide(visit.person, merge_id, decision)
    return visit.go(_PLACE, f"merge_{word}")


def _page(visit: Visit, customer_id: str, refusal: Problem | None = None) -> HTMLResponse:
    person, service = visit.person, visit.services.merges
    likely = service.list_likely(person, customer_id or None)[:_PAIRS_MAX]
    merges = service.list_merges(person, customer_id or None)
    may_decide = permitted(person, Action.MERGE_DECIDE)
    return visit.show(
        "customer/merges.html",
        refusal=refusal,
        customer_id=customer_id,
        likely=likely,
        merges=[(each, _words(each, person.person_id, may_decide)) for each in merges],
        names=visit.customer_names(
            {each for pair in likely for each in (pair.first_id, pair.second_id)}
            | {each.surviving_id for each in merges}
        ),
        may_propose=permitted(person, Action.MERGE_PROPOSE),
    )


def _words(merge: Merge, person_id: str, may_decide: bool) -> Iterable[str]:
    """What this person may say of a merge now."""
    if not may_decide:
        return ()
    if merge.status is MergeStatus.CONFIRMED:
        return ("reversal",)
    if merge.status is not MergeStatus.PROPOSED:
        return ()
    return ("decline",) if merge.proposed_by == person_id else ("confirm", "decline")
