"""A workflow as operators see it, what may be done to it by hand, and the repairs of everybody."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import HTMLResponse

from activities.repeats import ENDED_BY_HAND
from domain.operations import (
    RepairAct,
    RepairContent,
    RepairDecision,
    RepairStatus,
    RepairVerdict,
)
from web.console.page import Visit, Visiting, Writing
from web.console.timeline import told
from web.problems import Problem
from web.service.ids import new_id
from web.service.permissions import Action, permitted
from web.waiting import sentence_of

router = APIRouter(include_in_schema=False)
Named = Annotated[str, Query(max_length=200)]
Why = Annotated[str, Form(max_length=500)]


@router.get("/timeline")
def find_timeline(visit: Visiting, case: Annotated[str, Query(max_length=64)] = "") -> Response:
    """From a case's id to its timeline."""
    return visit.go(f"/cases/{case.strip()}/timeline" if case.strip() else "/operations")


@router.get("/cases/{case_id}/timeline")
def show_timeline(visit: Visiting, case_id: str) -> HTMLResponse:
    """Everything that happened to a case, the newest first, and why it waits."""
    found = visit.services.timelines.read(visit.person, case_id)
    return visit.show(
        "operations/timeline.html",
        case_id=case_id,
        sentence=sentence_of(found.explanation, visit.speech, visit.formats.at),
        turn=found.explanation.turn,
        stuck=found.stuck,
        events=[told(event, visit) for event in reversed(found.items)],
        temporal_answers=found.temporal_answers,
        may_look=permitted(visit.person, Action.OPERATIONS_READ),
    )


@router.get("/operations/workflow")
def show_workflow(visit: Visiting, workflow_id: Named, to: Named = "") -> HTMLResponse:
    """What a workflow waits for, and what going back to a point would do."""
    return _page(visit, workflow_id, to)


@router.post("/operations/workflow")
def ask(
    visit: Writing,
    workflow_id: Annotated[str, Form(max_length=200)],
    act: Annotated[str, Form(max_length=20)],
    reason: Why = "",
    step_id: Annotated[str, Form(max_length=20)] = "",
    event_id: Annotated[str, Form(max_length=10)] = "",
    plan_hash: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Have a step tried again, paused, resumed or ended, or ask for going back."""
    visit.when_refused(lambda refusal: _page(visit, workflow_id, event_id, refusal))
    content = visit.valid(
        RepairContent,
        {
            "workflow_id": workflow_id,
            "act": act,
            "reason": reason,
            "step_id": step_id,
            "event_id": event_id or None,
            "plan_hash": plan_hash,
        },
    )
    repair = visit.services.repairs.ask(visit.person, new_id(), content)
    waits = repair.status is RepairStatus.ASKED
    place = f"/operations/workflow?{urlencode({'workflow_id': workflow_id})}"
    return visit.go(place, "repair_asked" if waits else "repair_made")


@router.get("/repairs")
def list_repairs(visit: Visiting) -> HTMLResponse:
    """Everything that was done by hand, and what waits for a second person."""
    return _repairs(visit)


@router.post("/repairs/{repair_id}/{word}")
def decide(visit: Writing, repair_id: str, word: str, reason: Why = "") -> Response:
    """Confirm or decline what somebody else asked for."""
    visit.when_refused(lambda refusal: _repairs(visit, refusal))
    verdict = visit.parsed(RepairVerdict, word, "verdict")
    decision = visit.valid(RepairDecision, {"verdict": verdict, "reason": reason})
    visit.services.repairs.decide(visit.person, repair_id, decision)
    return visit.go("/repairs", f"repair_{verdict}")


def _repairs(visit: Visit, refusal: Problem | None = None) -> HTMLResponse:
    may_confirm = permitted(visit.person, Action.REPAIR_CONFIRM)
    found = visit.services.repairs.list_repairs(visit.person)
    return visit.show(
        "operations/repairs.html",
        refusal=refusal,
        repairs=[
            (
                each,
                may_confirm
                and each.status is RepairStatus.ASKED
                and each.asked_by != visit.person.person_id,
            )
            for each in found
        ],
    )


def _page(visit: Visit, workflow_id: str, to: str, refusal: Problem | None = None) -> HTMLResponse:
    service = visit.services.repairs
    look = service.read_workflow(visit.person, workflow_id)
    acts = [RepairAct.RETRY, RepairAct.PAUSE, RepairAct.RESUME]
    return visit.show(
        "operations/workflow.html",
        refusal=refusal,
        look=look,
        steps=[
            (step, [*acts, RepairAct.FAIL] if step.step in ENDED_BY_HAND else acts)
            for step in look.steps
        ],
        to=to,
        plan=service.plan_reset(visit.person, workflow_id, to) if to else None,
        repairs=service.list_repairs(visit.person, workflow_id=workflow_id),
        may_act=permitted(visit.person, Action.OPERATIONS_ACT),
    )
