"""What may be asked of lines and of the conditions before them: read, freeze, evidence, verify.

Whatever changes a line in force goes to its workflow as a message of the person who asks; conditions
are rows, and the case's workflow is told when one is settled.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from domain.application import CaseStatus
from domain.approval import Function, refuse_second
from domain.contract import Sha256
from domain.errors import (
    CaseClosed,
    LineNotActive,
    Malformed,
    NotFound,
    OutOfOrder,
    OwnInvestigation,
)
from domain.exposure import Balance
from domain.identity import Person
from domain.line import (
    SCREENING,
    ConditionPrecedent,
    CreditLine,
    Freeze,
    LineEvent,
    LineProgress,
    LineStart,
    LineStatus,
)
from domain.notification import Channel
from domain.reasons import because
from domain.value import Value
from storage.application import Applications, CaseEvents, Screenings
from storage.approval import CaseFunctions
from storage.attachment import Attachments
from storage.base import Records
from storage.exposure import Accounts, Exposure
from storage.identity import ActionTokens
from storage.investigation import Investigations
from storage.line import Conditions, Lines
from storage.notification import Outbox
from web.service.application import message_id_of
from web.service.clock import Clock
from web.service.customer import sees_customer
from web.service.gateway import Gateway
from web.service.permissions import Action, permit, visible_to
from workflows.names import CASES_QUEUE, application_id
from workflows.names import line_id as workflow_id_of

TOKEN_LASTS = timedelta(minutes=10)
ACTIONS = {
    "freeze": Action.LINE_FREEZE,
    "unfreeze": Action.LINE_UNFREEZE,
    "terminate": Action.LINE_TERMINATE,
}


class ProductView(Value):
    """One product of a line with a limit of its own: where it stands, and whether it is stopped."""

    product: str
    balance: Balance
    status: LineStatus


class LineView(Value):
    """All there is about one line, for its page and its API; entries are the book's."""

    line: CreditLine
    balances: tuple[Balance, ...]
    freezes: tuple[Freeze, ...]
    events: tuple[LineEvent, ...]
    products: tuple[ProductView, ...] = ()


class LineService:
    """Lines and conditions, over one memory and one way to Temporal."""

    def __init__(
        self, records: Records, exposure: Exposure, gateway: Gateway, clock: Clock
    ) -> None:
        self._records = records
        self._exposure = exposure
        self._gateway = gateway
        self._clock = clock

    # ── lines ────────────────────────────────────────────────────────────────────────────────────

    def read_line(self, person: Person, line_id: str) -> LineView:
        """The whole line; `NotFound` where the person does not see its customer."""
        permit(person, Action.LINE_READ)
        with self._records.begin() as session:
            line = _visible_line(session, person, line_id)
            freezes = tuple(Lines(session).freezes(line_id))
            events = tuple(Lines(session).events(line_id))
            products = tuple(
                ProductView(
                    product=balance.account.rpartition("/")[2], balance=balance, status=status
                )
                for balance, status in Accounts(session).sub_lines(
                    line_id, self._clock.business_on()
                )
            )
        return LineView(
            line=line,
            balances=self._exposure.balances(line_id, self._clock.business_on()),
            freezes=freezes,
            events=events,
            products=products,
        )

    def list_lines(
        self,
        person: Person,
        *,
        status: LineStatus | None = None,
        customer_id: str | None = None,
        after: tuple[datetime, str] | None = None,
        page_size: int = 50,
    ) -> Sequence[CreditLine]:
        """Lines of the customers the person sees, newest first."""
        permit(person, Action.LINE_READ)
        with self._records.begin() as session:
            return Lines(session).list_page(
                page_size=page_size,
                after=after,
                status=status,
                customer_id=customer_id,
                manager_id=visible_to(person).manager_id,
            )

    def count_lines(self, person: Person) -> dict[LineStatus, int]:
        """How many lines stand where, in the whole book."""
        permit(person, Action.FIGURES_READ)
        with self._records.begin() as session:
            return Lines(session).counts()

    def freeze(
        self,
        person: Person,
        line_id: str,
        *,
        note: str,
        reason: str | None = None,
        collect_only: bool = False,
        product: str | None = None,
        key: str | None = None,
    ) -> LineProgress:
        """Stop a line or one product of it in this second (冻结), or let nothing out (只收不放)."""
        return self._act(
            person,
            line_id,
            "freeze",
            key,
            note=note,
            reason=reason,
            collect_only=collect_only,
            **_named(product),
        )

    def unfreeze(
        self,
        person: Person,
        line_id: str,
        *,
        note: str,
        reason: str | None = None,
        product: str | None = None,
        key: str | None = None,
    ) -> LineProgress:
        """Lift the freeze of one reason, or of all; `SameHands` for whoever froze.

        What stands on a product is lifted by naming that.
        """
        content = {"note": note, "reason": reason, **_named(product)}
        return self._act(person, line_id, "unfreeze", key, **content)

    def terminate(
        self, person: Person, line_id: str, *, note: str, key: str | None = None
    ) -> LineProgress:
        """End a line before its day (终止)."""
        return self._act(person, line_id, "terminate", key, note=note)

    def ask_review(self, person: Person, line_id: str) -> None:
        """Have a line looked at again; a review that is open already takes this in."""
        permit(person, Action.REVIEW_START)
        with self._records.begin() as session:
            line = _visible_line(session, person, line_id)
        if line.status.ended:
            raise LineNotActive(line_id=line_id, status=line.status)
        self._gateway.signal(workflow_id_of(line_id), "review_due", {"cause": "request"})

    def issue_token(self, person: Person, line_id: str, action: str) -> str:
        """A one-time token for one message to this line, for tools that can only signal."""
        if action not in ACTIONS:
            raise Malformed(**because("line_takes", acts=", ".join(ACTIONS)))
        permit(person, ACTIONS[action])
        with self._records.begin() as session:
            _visible_line(session, person, line_id)
            return self._token(session, person, line_id, action)

    def _act(
        self, person: Person, line_id: str, action: str, key: str | None, **content: Any
    ) -> LineProgress:
        """Send one message in the person's name; an ended line answers from our records."""
        permit(person, ACTIONS[action])
        if not content["note"].strip():
            raise Malformed(reason="a note has to say why")
        message_id = message_id_of(person, f"{action}/{line_id}", key)
        with self._records.begin() as session:
            line = _visible_line(session, person, line_id)
            taken = Lines(session).has_taken(message_id)
            if line.status.ended and not taken:
                raise LineNotActive(line_id=line_id, status=line.status)
            token = self._token(session, person, line_id, action)
        message = {
            "person_id": person.person_id,
            "message_id": message_id,
            "token": token,
            **content,
        }
        try:
            answer = self._gateway.update(workflow_id_of(line_id), action, message)
        except NotFound:
            if taken:
                return _progress_of(line)
            self._start(line_id)
            answer = self._gateway.update(workflow_id_of(line_id), action, message)
        return LineProgress.model_validate(answer)

    def _start(self, line_id: str) -> None:
        """Start the line's workflow, where what is owed has not been delivered yet."""
        start = LineStart(line_id=line_id, offset_days=self._clock.offset_days)
        self._gateway.start(
            "CreditLineWorkflow",
            workflow_id_of(line_id),
            start.model_dump(mode="json"),
            queue=CASES_QUEUE,
        )

    def _token(self, session: Session, person: Person, line_id: str, action: str) -> str:
        return ActionTokens(session).issue_action_token(
            person.person_id, f"{line_id}/{action}", self._clock.now() + TOKEN_LASTS
        )

    # ── conditions precedent ─────────────────────────────────────────────────────────────────────

    def list_conditions(self, person: Person, case_id: str) -> Sequence[ConditionPrecedent]:
        permit(person, Action.CONDITION_READ)
        with self._records.begin() as session:
            _refuse_unseen_case(session, person, case_id)
            return Conditions(session).list_of_case(case_id)

    def evidence(
        self, person: Person, case_id: str, code: str, evidence_hash: Sha256
    ) -> ConditionPrecedent:
        """Bring the evidence of a condition: an attachment on record."""
        permit(person, Action.CONDITION_EVIDENCE)
        with self._records.begin() as session:
            before = self._waiting(session, person, case_id, code)
            before.refuse_other_desk(person)
            Attachments(session).read(evidence_hash)
            after = before.evidenced(evidence_hash, person.person_id)
            return self._settle(session, person, before, after)

    def verify(
        self, person: Person, case_id: str, code: str, *, met: bool, note: str = ""
    ) -> ConditionPrecedent:
        """Say that the evidence shows it, or that it does not; `SameHands` for whoever is part of
        it, `OwnInvestigation` for whoever investigated the case, and `FunctionsApart` for whoever
        reviewed or decided it.

        The condition that a screening hit made is settled by this too, and the hit with it.
        """
        permit(person, Action.CONDITION_VERIFY)
        if not met and not note.strip():
            raise Malformed(reason="a note has to say what the evidence lacks")
        with self._records.begin() as session:
            _refuse_unseen_case(session, person, case_id)
            if person.person_id in Investigations(session).people_of(case_id):
                raise OwnInvestigation(case_id=case_id)
            held = CaseFunctions(session).held(case_id)
            refuse_second(held, person.person_id, Function.RELEASE, case_id)
            before = self._waiting(session, person, case_id, code)
            after = before.verified(person.person_id) if met else before.rejected(note)
            if met and code == SCREENING:
                Screenings(session).dispose(
                    case_id, cleared=True, person_id=person.person_id, reason=note or "evidence"
                )
            return self._settle(session, person, before, after)

    def _waiting(
        self, session: Session, person: Person, case_id: str, code: str
    ) -> ConditionPrecedent:
        """A condition that may be moved now: before its line is active, or after it where the
        condition is one for afterwards."""
        status = _refuse_unseen_case(session, person, case_id)
        condition = Conditions(session).find(case_id, code, for_update=True)
        if condition is None or not condition.after_activation or status is not CaseStatus.ACTIVE:
            _refuse_no_conditions(case_id, status)
        if condition is None:
            raise NotFound(kind="condition", id=f"{case_id}/{code}")
        return condition

    def _settle(
        self,
        session: Session,
        person: Person,
        before: ConditionPrecedent,
        after: ConditionPrecedent,
    ) -> ConditionPrecedent:
        """Write it, say so on the case's timeline, and owe the case's workflow the news."""
        written = Conditions(session).write(after)
        CaseEvents(session).post(
            after.case_id,
            f"condition_{after.status}",
            person_id=person.person_id,
            at=self._clock.now(),
            code=after.code,
            evidence=after.evidence_hash or "",
            note=after.note,
        )
        # Of an active case nobody waits for the news.
        active = Applications(session).read(after.case_id).status.ended
        if after.settled and not before.settled and not active:
            Outbox(session).post(
                Channel.TEMPORAL,
                f"{after.case_id}/condition/{after.code}",
                recipient=after.case_id,
                kind="signal",
                facts={
                    "workflow_id": application_id(after.case_id),
                    "name": "conditions_changed",
                },
                case_id=after.case_id,
            )
        return written


def _named(product: str | None) -> dict[str, str]:
    """A message names a product only where one is meant: one on its way reads as it was sent."""
    return {} if product is None else {"product": product}


def _progress_of(line: CreditLine) -> LineProgress:
    return LineProgress(
        line_id=line.line_id,
        customer_id=line.customer_id,
        status=line.status,
        review_due_on=line.review_due_on,
        ends_on=line.ends_on,
        temporary_until=line.temporary_until,
        freeze_reasons=line.freeze_reasons,
        replayed=True,
    )


def _visible_line(session: Session, person: Person, line_id: str) -> CreditLine:
    line = Lines(session).find(line_id)
    if line is None or not sees_customer(session, person, line.customer_id):
        raise NotFound(kind="line", id=line_id)
    return line


def _refuse_unseen_case(session: Session, person: Person, case_id: str) -> CaseStatus:
    """Where the case stands, or `NotFound` to who does not see its customer."""
    case = Applications(session).find(case_id)
    if case is None or not sees_customer(session, person, case.application.customer_id):
        raise NotFound(kind="application", id=case_id)
    return case.status


def _refuse_no_conditions(case_id: str, status: CaseStatus) -> None:
    if status.ended:
        raise CaseClosed(case_id=case_id, status=status)
    if status is not CaseStatus.CONDITIONS:
        raise OutOfOrder(**because("case_no_conditions", status=status))
