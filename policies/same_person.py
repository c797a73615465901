"""Whoever stands at several steps of one route is asked once, where the edition says so (同一审批人).

At the first of them the word counts at the later ones. At the last, the earlier ones are passed over
and settled by that word; a step that it does not settle after all is asked before the approval ends.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from domain.approval import Approval, Task
from domain.edition import SamePerson
from domain.value import Value

Holds = Callable[[str, Task], bool]  # whether a person may decide a task by a grant of their own
Asked = Callable[[Task], Sequence[str]]  # who could decide a task


class Once(Value):
    """What spares somebody a second question: a word that counts, or a step that waits for one."""

    task: Task
    said: Task | None = None  # the word that counts on the task too
    person_id: str  # whose word it is, or is to be
    here: bool = False  # this is the last step where they stand: it is theirs by name

    def applied(self, approval: Approval, at: datetime) -> Approval:
        if self.said is not None:
            return approval.counting(self.said, self.task.task_id, at)
        if self.here:
            return approval.naming(self.person_id, self.task.task_id)
        return approval.passing_over(self.person_id, self.task.task_id)


def asked_once(approval: Approval, same: SamePerson, holds: Holds, asked: Asked) -> Once | None:
    """What the step that is open is spared; None where it is asked of people."""
    task = approval.askable_once()
    if same is SamePerson.REFUSE or task is None:
        return None
    for said in approval.approved_elsewhere():
        if said.decided_by is not None and holds(said.decided_by, task):
            return Once(task=task, said=said, person_id=said.decided_by)
    if same is SamePerson.FIRST or not approval.untouched:
        return None
    kept = [each for each in sorted(approval.awaited) if holds(each, task)]
    people = asked(task)
    alone = [people[0]] if len(people) == 1 and holds(people[0], task) else []
    for person_id in (*kept, *alone):
        later = any(holds(person_id, each) for each in approval.seats_to_come())
        if later or person_id in kept:
            return Once(task=task, person_id=person_id, here=not later)
    return None
