"""Words on record: one a task, none by a maker; the database refuses both."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.approval import (
    Approval,
    ApprovalProgress,
    CitedRisk,
    DecisionRequest,
    Function,
    Resume,
    Verdict,
    Voice,
)
from domain.contract import ConditionAsked
from domain.errors import KeyReused
from domain.event import DecisionRecorded
from domain.money import Money
from domain.value import Value
from storage.base import Row, table_of
from storage.event import Events


class DecisionRow(Row):
    __tablename__ = "decision"

    decision_id: Mapped[str] = mapped_column(primary_key=True)
    task_id: Mapped[str]
    approval_id: Mapped[str]
    case_id: Mapped[str]
    person_id: Mapped[str]
    on_behalf_of: Mapped[str | None]
    delegations: Mapped[list[str]]
    makers: Mapped[list[str]]
    grant_no: Mapped[str]
    position: Mapped[str]
    verdict: Mapped[str]
    note: Mapped[str]
    fields_wanted: Mapped[list[str]]
    limit_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None]
    content_hash: Mapped[str]
    channel: Mapped[str]
    said_hash: Mapped[str]
    progress: Mapped[dict[str, Any]]
    decided_at: Mapped[datetime]
    to_step: Mapped[int | None]
    resume: Mapped[str | None]
    # Words alone, or all that was said of one.
    conditions: Mapped[list[Any]] = mapped_column(JSONB)
    term_months: Mapped[int | None]
    function: Mapped[str | None]
    risks: Mapped[list[Any]] = mapped_column(JSONB)


class DecisionVoidRow(Row):
    __tablename__ = "decision_void"

    decision_id: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    voided_by: Mapped[str]
    voided_at: Mapped[datetime]


_RECORD = insert(table_of(DecisionRow))


class DecisionView(Value):
    """A word on record: who, on what authority, what and why."""

    decision_id: str
    task_id: str
    approval_id: str
    person_id: str
    on_behalf_of: str | None  # whose authority a delegate used
    delegations: tuple[str, ...]
    grant_no: str
    position: str
    verdict: str
    note: str
    fields_wanted: tuple[str, ...]
    content_hash: str
    channel: str
    decided_at: datetime
    to_step: int | None = None
    limit: Money | None = None
    term_months: int | None = None
    conditions: tuple[ConditionAsked, ...] = ()
    risks: tuple[CitedRisk, ...] = ()  # of an opinion
    void: str = ""  # why it stands no longer


class Conceded(NamedTuple):
    """What the words that approve leave of what was asked: the least of each that any names."""

    limit: Money | None
    term_months: int | None
    conditions: tuple[ConditionAsked, ...]


class Decisions:
    """Words on record; one a task, never by a maker: the database refuses both."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find_progress(self, decision_id: str, said: str | None = None) -> ApprovalProgress | None:
        """What followed from this message, if it was taken before; `KeyReused` if it said other."""
        row = self._session.get(DecisionRow, decision_id)
        if row is None:
            return None
        if said is not None and row.said_hash != said:
            raise KeyReused(key=decision_id)
        return ApprovalProgress.model_validate(row.progress)

    def record(
        self,
        decision: DecisionRequest,
        approval: Approval,
        voice: Voice,
        barred: Iterable[str],
        progress: ApprovalProgress,
        function: Function,
    ) -> None:
        """One word, by whose authority, in which function, and who might not have said it."""
        self._session.execute(
            _RECORD,
            {
                "decision_id": decision.message_id,
                "task_id": decision.task_id,
                "approval_id": decision.approval_id,
                "case_id": approval.request.case_id,
                "person_id": decision.person_id,
                "on_behalf_of": voice.on_behalf_of,
                "delegations": list(voice.delegations),
                "makers": list(dict.fromkeys(barred)),
                "grant_no": voice.grant.grant_no,
                "position": voice.grant.position,
                "verdict": decision.verdict,
                "note": decision.note,
                "fields_wanted": list(decision.fields_wanted),
                "limit_minor": decision.limit.minor if decision.limit else None,
                "currency": decision.limit.currency if decision.limit else None,
                "content_hash": approval.request.content_hash,
                "channel": decision.channel,
                "said_hash": decision.said,
                "progress": progress.model_dump(mode="json"),
                "decided_at": decision.at,
                "to_step": decision.to_step,
                "resume": decision.resume if decision.verdict is Verdict.RETURN else None,
                "conditions": [each.said for each in decision.conditions],
                "term_months": decision.term_months,
                "function": function,
                "risks": [risk.model_dump() for risk in decision.risks],
            },
        )
        event = DecisionRecorded(
            case_id=approval.request.case_id,
            approval_id=decision.approval_id,
            task_id=decision.task_id,
            decision_id=decision.message_id,
            position=voice.grant.position,
            verdict=decision.verdict,
            limit=decision.limit,
        )
        Events(self._session).post(event, decision.message_id)

    def resumes(self, approval_id: str) -> bool:
        """Whether whoever returned it to the applicant wants it back with the other words kept."""
        said = self._session.scalar(
            select(DecisionRow.resume)
            .where(
                DecisionRow.approval_id == approval_id,
                DecisionRow.verdict == Verdict.RETURN,
                DecisionRow.to_step.is_(None),
            )
            .limit(1)
        )
        return said == Resume.TO_ME

    def conceded(self, task_ids: Iterable[str], last: DecisionRequest) -> Conceded:
        """The lowest limit and the shortest term that the words on these tasks and the last one
        name, and every condition of theirs."""
        asked = sorted(task_ids)
        words = (
            select(
                DecisionRow.limit_minor,
                DecisionRow.currency,
                DecisionRow.term_months,
                DecisionRow.conditions,
            )
            .where(DecisionRow.task_id.in_(asked))
            .order_by(DecisionRow.decided_at, DecisionRow.decision_id)
        )
        rows = self._session.execute(words).all() if asked else []
        limits = [_limit(minor, currency) for minor, currency, _, _ in rows] + [last.limit]
        terms = [months for _, _, months, _ in rows] + [last.term_months]
        said = [ConditionAsked.model_validate(each) for *_, found in rows for each in found]
        return Conceded(
            limit=min((each for each in limits if each is not None), default=None),
            term_months=min((each for each in terms if each is not None), default=None),
            conditions=tuple(dict.fromkeys([*said, *last.conditions])),
        )

    def list_of_case(self, case_id: str) -> list[DecisionView]:
        rows = self._session.execute(
            select(DecisionRow, DecisionVoidRow.reason)
            .outerjoin(DecisionVoidRow, DecisionVoidRow.decision_id == DecisionRow.decision_id)
            .where(DecisionRow.case_id == case_id)
            .order_by(DecisionRow.decided_at, DecisionRow.decision_id)
        )
        return [
            DecisionView(
                decision_id=row.decision_id,
                task_id=row.task_id,
                approval_id=row.approval_id,
                person_id=row.person_id,
                on_behalf_of=row.on_behalf_of,
                delegations=tuple(row.delegations),
                grant_no=row.grant_no,
                position=row.position,
                verdict=row.verdict,
                note=row.note,
                fields_wanted=tuple(row.fields_wanted),
                content_hash=row.content_hash,
                channel=row.channel,
                decided_at=row.decided_at,
                to_step=row.to_step,
                limit=_limit(row.limit_minor, row.currency),
                term_months=row.term_months,
                conditions=tuple(map(ConditionAsked.model_validate, row.conditions)),
                risks=tuple(CitedRisk.model_validate(risk) for risk in row.risks),
                void=void or "",
            )
            for row, void in rows
        ]


def _limit(minor: int | None, currency: str | None) -> Money | None:
    return None if minor is None or currency is None else Money(minor=minor, currency=currency)
