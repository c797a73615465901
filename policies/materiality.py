"""Which changed fact voids whose word (重大变更): approvals sign content, and a table says what counts.

A word was said on a receipt. When the case is judged anew, what differs is named field by field; the
edition says for each whether the words before it fall, all or those of some positions. A change that
no row speaks of voids every word.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from domain.approval import Approval, ApprovalRequest, Task, TaskStatus, Verdict, Voting
from domain.assessment import Assessment
from domain.edition import MaterialChange, MaterialField, MaterialityRow, PolicyEdition, Voids
from domain.value import Value

KEPT = (Verdict.APPROVE, Verdict.SUPPORT, Verdict.OBJECT)


class Changed(Value):
    """One fact that is not what it was, and by what share of it, where it is a figure."""

    field: MaterialField
    change: MaterialChange
    share: Decimal | None = None
    before: str = ""
    after: str = ""


def changes(before: Assessment, after: Assessment, edition: PolicyEdition) -> tuple[Changed, ...]:
    """What differs between two receipts of one subject, as an approver would name it."""
    return tuple(_changes(before, after, edition))


def _changes(before: Assessment, after: Assessment, edition: PolicyEdition) -> Iterator[Changed]:
    was, now = _figures(before, edition), _figures(after, edition)
    for field, old in was.items():
        new = now[field]
        if old[1] != new[1]:
            yield Changed(
                field=field,
                change=_direction(old[0], new[0]),
                share=_share(old[0], new[0]),
                before=old[1],
                after=new[1],
            )
    told, tells = _words(before), _words(after)
    for field, said in told.items():
        if said != tells[field]:
            yield Changed(field=field, change=MaterialChange.ANY)


def _figures(of: Assessment, edition: PolicyEdition) -> dict[MaterialField, tuple[Decimal, str]]:
    """Each figure that is decided on, and how it is read; better grades are higher."""
    rank = Decimal(len(edition.grades) - edition.rank(of.rating.grade))
    application = of.dossier.application
    return {
        MaterialField.LIMIT: (of.limit_recommended.amount, str(of.limit_recommended)),
        MaterialField.AGGREGATE: (of.route.aggregate.amount, str(of.route.aggregate)),
        MaterialField.TERM: (Decimal(application.term_months), str(application.term_months)),
        MaterialField.PRICE: (of.price.rate_annual, f"{of.price.rate_annual:f}"),
        MaterialField.GRADE: (rank, of.rating.grade),
    }


def _words(of: Assessment) -> dict[MaterialField, object]:
    dossier = of.dossier
    application = dossier.application
    return {
        MaterialField.PURPOSE: application.purpose,
        MaterialField.PRODUCT: (
            application.product,
            application.application_type,
            application.form,
        ),
        MaterialField.DOCUMENTS: application.attachments,
        MaterialField.COVER: dossier.covers,
        MaterialField.INVESTIGATION: dossier.investigation,
        MaterialField.EXCEPTIONS: (
            of.route.exceptions,
            of.price.below_minimum,
            of.doubts,
            of.tolerances,
            application.above_eligible_reason,
        ),
        MaterialField.POLICY: of.edition_hash,
        MaterialField.RECORDS: (
            dossier.customer,
            dossier.statements,
            dossier.payments,
            dossier.invoices,
            dossier.override,
            dossier.statements_beside,
            dossier.external_ratings,
            dossier.supplied,
            dossier.related,
            dossier.reconsidered,
        ),
    }


def _direction(before: Decimal, after: Decimal) -> MaterialChange:
    if before == after:
        return MaterialChange.ANY  # of another currency
    return MaterialChange.RAISED if after > before else MaterialChange.LOWERED


def _share(before: Decimal, after: Decimal) -> Decimal | None:
    return abs(after - before) / abs(before) if before else None


def row_for(changed: Changed, edition: PolicyEdition) -> MaterialityRow | None:
    """The first row that speaks of a change; None: it voids every word."""
    for row in edition.approval.materiality:
        if row.field is not changed.field:
            continue
        if row.change not in (MaterialChange.ANY, changed.change):
            continue
        if row.up_to is not None and (changed.share is None or changed.share > row.up_to):
            continue
        return row
    return None


def voids(changed: Changed, task: Task, edition: PolicyEdition) -> bool:
    """Whether the word on a task falls by a change."""
    row = row_for(changed, edition)
    if row is None or row.voids is Voids.ALL:
        return True
    return row.voids is Voids.POSITIONS and task.position in row.positions


class Carried(Value):
    """What an approval takes over from the one before it, and what fell and why."""

    kept: tuple[Task, ...] = ()
    fell: Mapping[str, str] = {}  # task id -> the field by which its word fell
    changed: tuple[Changed, ...] = ()


def carried(
    before: Approval, request: ApprovalRequest, changed: tuple[Changed, ...], edition: PolicyEdition
) -> Carried:
    """The words of an approval that stand for the one after it, as far as both ask the same.

    Steps count as long as they are the same, from the first; a signer who was added to one of them
    is asked again or has spoken.
    """
    same = 0
    for old, new in zip(before.request.steps, request.steps, strict=False):
        if _voting(old) != _voting(new) or old.tier != new.tier:
            break
        same += 1
    kept, fell = [], {}
    for task in before.tasks:
        if task.void or task.skipped or task.step_index >= same:
            if task.word in KEPT:
                fell[task.task_id] = "route"
            continue
        if task.word in KEPT:
            cause = next((each for each in changed if voids(each, task, edition)), None)
            if cause is None:
                kept.append(task)
            else:
                fell[task.task_id] = str(cause.field)
        elif task.added_by:
            kept.append(task.model_copy(update=_ASKED_AGAIN))
    # A word that was said once for several steps falls at all of them by what it was said on.
    gone = {
        _said_on(task): fell[task.task_id]
        for task in before.tasks
        if fell.get(task.task_id, "route") != "route"
    }
    for task in kept:
        if task.word is not None and _said_on(task) in gone:
            fell[task.task_id] = gone[_said_on(task)]
    left = tuple(task for task in kept if task.task_id not in fell)
    return Carried(kept=left, fell=fell, changed=changed)


def _said_on(task: Task) -> str:
    return task.carried_from or task.task_id


_ASKED_AGAIN: Mapping[str, Any] = {
    "status": TaskStatus.CLOSED,
    "verdict": None,
    "decided_by": None,
    "decided_at": None,
}


def _voting(step: Voting) -> dict[str, Any]:
    return step.voting
