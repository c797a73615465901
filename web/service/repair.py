"""Repairs by hand: put on record first, confirmed by a second person where they weigh, then made.

What a repair was asked for has to be so still when it is made; where it is not, that is its outcome.
Temporal is told under ids of the repair's own, so that one whose answer was lost may be sent again;
a step that is ended by hand is ended by its worker, before the next attempt.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from activities.repeats import ANSWERED_BY_HAND, ENDED_BY_HAND
from domain.application import CaseChanged
from domain.errors import KeyReused, Malformed, NotByHand, NotFound, ResetBarred, StaleContent
from domain.identity import Person
from domain.operations import (
    PendingStep,
    Repair,
    RepairAct,
    RepairContent,
    RepairDecision,
    RepairStatus,
    ResetPlan,
    StepFailure,
    WorkflowLook,
)
from domain.reasons import because, of_field
from storage.base import Records, recorded_at
from storage.operations import Repairs, StepFailures
from web.service import inspection
from web.service.gateway import Gateway
from web.service.going_back import plan_of
from web.service.permissions import Action, permit
from web.service.stuck import Looking
from workflows.names import application_id

_BY_HAND = {RepairAct.COMPLETE: ANSWERED_BY_HAND, RepairAct.FAIL: ENDED_BY_HAND}


class RepairService:
    """What operators do to a workflow, over one memory and one way to Temporal."""

    def __init__(self, records: Records, gateway: Gateway) -> None:
        self._records = records
        self._gateway = gateway

    def read_workflow(self, person: Person, workflow_id: str) -> WorkflowLook:
        """A workflow as Temporal has it now, with what it waits for."""
        permit(person, Action.OPERATIONS_READ)
        return self._look(workflow_id)

    def plan_reset(self, person: Person, workflow_id: str, to: str) -> ResetPlan:
        """What going back would do again; changes nothing. `to`: `first`, `last`, the name of a
        step, or the number of a completed task in the history."""
        permit(person, Action.OPERATIONS_READ)
        return self._plan(self._look(workflow_id), to)

    def ask(self, person: Person, repair_id: str, content: RepairContent) -> Repair:
        """Put a repair on record; what needs no second person is made at once.

        Refuses `NotFound` for a step that is not pending, `NotByHand`, `ResetBarred`, and
        `StaleContent` where the dry run would say something else by now. One under the id already
        is that one, or is refused `KeyReused` where it asks for something else.
        """
        permit(person, Action.OPERATIONS_ACT)
        with self._records.begin() as session:
            before = Repairs(session).find(repair_id)
        if before is not None:
            return self._again(before, content)
        look = self._look(content.workflow_id)
        step = self._fits(look, content)
        case_id = Looking(self._records, self._gateway).case_of(content.workflow_id)
        with self._records.begin() as session:
            repair = Repairs(session).ask(
                repair_id,
                content,
                run_id=look.run_id,
                step=step.step if step else "",
                case_id=case_id,
                asked_by=person.person_id,
            )
        return repair if content.act.second_person else self._made(repair)

    def decide(self, person: Person, repair_id: str, decision: RepairDecision) -> Repair:
        """Confirm or decline what somebody else asked for; what is confirmed is made at once.

        Refuses `SameHands` and `AlreadyDecided`. Where Temporal did not answer, the same word makes
        it again.
        """
        permit(person, Action.REPAIR_CONFIRM)
        with self._records.begin() as session:
            repair = Repairs(session).decide(repair_id, decision, person.person_id)
        return self._made(repair) if repair.status is RepairStatus.CONFIRMED else repair

    def read(self, person: Person, repair_id: str) -> Repair:
        permit(person, Action.REPAIR_READ)
        with self._records.begin() as session:
            return Repairs(session).read(repair_id)

    def list_repairs(
        self, person: Person, *, workflow_id: str | None = None, waiting: bool = False
    ) -> Sequence[Repair]:
        """The newest first; `waiting` are those that wait for a second person."""
        permit(person, Action.REPAIR_READ)
        with self._records.begin() as session:
            return Repairs(session).list_newest(workflow_id=workflow_id, waiting=waiting)

    def _again(self, before: Repair, content: RepairContent) -> Repair:
        if before.content != content:
            raise KeyReused(key=before.repair_id)
        unmade = before.status is RepairStatus.CONFIRMED and not content.act.second_person
        return self._made(before) if unmade else before

    def _look(self, workflow_id: str) -> WorkflowLook:
        found = Looking(self._records, self._gateway).find(workflow_id)
        if found is None:
            raise NotFound(kind="workflow", id=workflow_id)
        return found

    def _plan(self, look: WorkflowLook, to: str) -> ResetPlan:
        events = self._gateway.ask(
            lambda client: inspection.events_of(client, look.workflow_id, look.run_id)
        )
        return plan_of(look, events, to)

    def _fits(self, look: WorkflowLook, content: RepairContent) -> PendingStep | None:
        """The step that a repair is about, None for a reset; or why it cannot be made."""
        if content.event_id is not None:
            plan = self._plan(look, str(content.event_id))
            if plan.plan_hash != content.plan_hash:
                raise StaleContent(id=content.workflow_id)
            refuse_barred(plan)
            return None
        step = inspection.named(look.steps, content.step_id)
        if step is None:
            raise NotFound(kind="pending step", id=content.step_id)
        allowed = _BY_HAND.get(content.act)
        if allowed is not None and step.step not in allowed:
            raise NotByHand(step=step.step, act=content.act)
        if content.act is RepairAct.COMPLETE:
            refuse_result(look, step.step, content.result)
        return step

    def _made(self, repair: Repair) -> Repair:
        """Made now, on the run it was asked for; what is no longer there is no longer to be mended."""
        look = Looking(self._records, self._gateway).find(repair.content.workflow_id)
        if look is None or look.run_id != repair.run_id:
            if look is not None and self._went_back(look, repair):
                return self._gone_back(look, repair, look.run_id)
            return self._ended(repair, done=False, detail="another run is under way by now")
        try:
            step = self._fits(look, repair.content)
        except (NotFound, StaleContent) as gone:
            if self._answered(look, repair):
                return self._ended(repair, done=True, detail="")
            return self._ended(repair, done=False, detail=gone.detail())
        if step is None:
            return self._gone_back(look, repair, self._go_back(look, repair))
        try:
            self._act(look, repair, step)
        except NotFound as gone:
            return self._ended(repair, done=False, detail=gone.detail())
        if repair.content.act is RepairAct.FAIL:  # its worker does it before the next attempt
            return repair
        if repair.content.act is RepairAct.PAUSE:
            self._keep(look, step)  # nothing else tells of it as long as it rests
        else:
            self._forget(look, step.step_id)  # it is told anew where it fails again
        return self._ended(repair, done=True, detail="")

    def _answered(self, look: WorkflowLook, repair: Repair) -> bool:
        """Whether a step that waits no more was answered for by this repair; its answer was lost."""
        content = repair.content
        return content.act is RepairAct.COMPLETE and self._gateway.ask(
            lambda client: inspection.answered(client, look, content.step_id, content.result)
        )

    def _went_back(self, look: WorkflowLook, repair: Repair) -> bool:
        return repair.content.act is RepairAct.RESET and self._gateway.ask(
            lambda client: inspection.went_back(client, look, repair.run_id, repair.repair_id)
        )

    def _act(self, look: WorkflowLook, repair: Repair, step: PendingStep) -> None:
        content = repair.content
        by_hand = f"{content.reason} ({repair.asked_by})"
        match content.act:
            case RepairAct.RETRY:
                self._gateway.ask(lambda c: inspection.retry_step(c, look, step.step_id))
            case RepairAct.PAUSE:
                self._gateway.ask(lambda c: inspection.pause_step(c, look, step.step_id, by_hand))
            case RepairAct.RESUME:
                self._gateway.ask(lambda c: inspection.resume_step(c, look, step.step_id))
            case RepairAct.COMPLETE:
                self._gateway.ask(
                    lambda c: inspection.complete_step(c, look, step.step_id, content.result)
                )
            case RepairAct.FAIL if step.paused:
                self._gateway.ask(lambda c: inspection.resume_step(c, look, step.step_id))

    def _go_back(self, look: WorkflowLook, repair: Repair) -> str:
        event_id = repair.content.event_id
        assert event_id is not None
        return self._gateway.ask(
            lambda client: inspection.go_back(
                client, look, event_id, repair.content.reason, repair.repair_id
            )
        )

    def _gone_back(self, look: WorkflowLook, repair: Repair, run_id: str) -> Repair:
        """The steps of the run that was left are no longer waited for."""
        with self._records.begin() as session:
            StepFailures(session).end(look.workflow_id, repair.run_id, None, recorded_at())
        return self._ended(repair, done=True, detail=f"run {run_id}")

    def _keep(self, look: WorkflowLook, step: PendingStep) -> None:
        now = recorded_at()
        with self._records.begin() as session:
            StepFailures(session).record(
                StepFailure(
                    workflow_id=look.workflow_id,
                    run_id=look.run_id,
                    step_id=step.step_id,
                    step=step.step,
                    attempts=step.attempts,
                    error=step.error,
                    first_failed_at=step.scheduled_at,
                    last_failed_at=step.last_failed_at or now,
                )
            )

    def _forget(self, look: WorkflowLook, step_id: str) -> None:
        with self._records.begin() as session:
            StepFailures(session).end(look.workflow_id, look.run_id, step_id, recorded_at())

    def _ended(self, repair: Repair, *, done: bool, detail: str) -> Repair:
        with self._records.begin() as session:
            return Repairs(session).end(repair.repair_id, done=done, detail=detail)


def refuse_result(look: WorkflowLook, step: str, result: dict[str, Any] | None) -> None:
    """Nothing, where a step might have answered so; else `Malformed`, by the field that is wrong."""
    try:
        answer = ANSWERED_BY_HAND[step].model_validate(result)
    except ValidationError as error:
        raise Malformed(**of_field(error)) from error
    if isinstance(answer, CaseChanged) and look.workflow_id != application_id(answer.case_id):
        raise Malformed(reason="the answer is about another case than the step asked about")


def refuse_barred(plan: ResetPlan) -> None:
    """Nothing, where a plan may be carried out; else `ResetBarred` with the reason."""
    if plan.parent_id is not None:
        why = because("reset_child", parent_id=plan.parent_id)
    elif plan.children:
        why = because("reset_children", children=", ".join(plan.children))
    else:
        return
    raise ResetBarred(workflow_id=plan.workflow_id, event_id=plan.event_id, **why)
