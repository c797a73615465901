"""Investigations on record: who investigates, every version of what was found, and who signed what."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Select, exists, or_, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from domain.application import Case
from domain.errors import OutOfOrder
from domain.investigation import (
    INVESTIGATION_REPORT,
    Answer,
    Assignment,
    Investigation,
    Report,
    SchemeProposal,
    Signature,
    SiteVisit,
    StatementLook,
)
from storage.application import Applications
from storage.base import Row, table_of


class AssignmentRow(Row):
    __tablename__ = "investigation_assignment"

    case_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    lead: Mapped[str]
    second: Mapped[str]
    reason: Mapped[str]
    assigned_by: Mapped[str]
    recorded_at: Mapped[datetime]


class FindingRow(Row):
    __tablename__ = "investigation_finding"

    case_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[dict[str, Any]]
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]


class ReportRow(Row):
    __tablename__ = "investigation_report"

    case_id: Mapped[str] = mapped_column(primary_key=True)
    report_hash: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime]


class SignatureRow(Row):
    __tablename__ = "investigation_signature"

    case_id: Mapped[str] = mapped_column(primary_key=True)
    report_hash: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str] = mapped_column(primary_key=True)
    signed_on: Mapped[date] = mapped_column(primary_key=True)
    lead: Mapped[str]
    second: Mapped[str]
    signed_at: Mapped[datetime]


_ASSIGN = insert(table_of(AssignmentRow)).on_conflict_do_nothing()
_FIND = insert(table_of(FindingRow)).on_conflict_do_nothing()
_REPORT = insert(table_of(ReportRow)).on_conflict_do_nothing()
_SIGN = insert(table_of(SignatureRow)).on_conflict_do_nothing()

_Finding = Answer | SiteVisit | StatementLook | SchemeProposal
_PROPOSAL = "proposal"


class Investigations:
    """Investigations by case; whoever writes holds the case's row, so versions follow each other."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def assign(self, case_id: str, assignment: Assignment) -> Assignment:
        """Name the two who investigate; the same two again are the assignment on record."""
        known = self.assignments(case_id)
        if known and known[-1].people == assignment.people:
            return known[-1]
        newer = assignment.model_copy(update={"version": len(known) + 1})
        self._session.execute(_ASSIGN, {"case_id": case_id, **newer.model_dump()})
        return self._list_assignments(case_id)[-1]

    def assignments(self, case_id: str) -> Sequence[Assignment]:
        """Every assignment of a case, the one that holds last."""
        return self._list_assignments(case_id)

    def people_of(self, case_id: str) -> tuple[str, ...]:
        """Everybody who was ever named to investigate a case, each once."""
        named = (person for each in self.assignments(case_id) for person in each.people)
        return tuple(dict.fromkeys(named))

    def find(self, case_id: str) -> Investigation:
        """The newest of everything on record of a case."""
        rows = self._session.execute(
            select(FindingRow.kind, FindingRow.content)
            .where(FindingRow.case_id == case_id)
            .ext(distinct_on(FindingRow.kind, FindingRow.code))
            .order_by(FindingRow.kind, FindingRow.code, FindingRow.version.desc())
        )
        found: dict[str, list[Any]] = {"answer": [], "visit": [], "statement": [], _PROPOSAL: []}
        for kind, content in rows:
            found[kind].append(content)
        assignments = self.assignments(case_id)
        return Investigation.model_validate(
            {
                "case_id": case_id,
                "assignment": assignments[-1] if assignments else None,
                "answers": found["answer"],
                "visits": sorted(found["visit"], key=lambda content: content["visit_no"]),
                "statements": found["statement"],
                "proposal": next(iter(found[_PROPOSAL]), None),
            }
        )

    def record(self, case_id: str, finding: _Finding, recorded_by: str) -> bool:
        """Put a finding on record as the next version of its kind and code; whether it says
        anything new. Refuses `OutOfOrder` where another version came between."""
        kind, code = _place_of(finding)
        content = finding.model_dump(mode="json")
        known = self._find_version(case_id, kind, code)
        if known is not None and known.content == content:
            return False
        self._session.execute(
            _FIND,
            {
                "case_id": case_id,
                "kind": kind,
                "code": code,
                "version": 1 if known is None else known.version + 1,
                "content": content,
                "recorded_by": recorded_by,
            },
        )
        written = self._find_version(case_id, kind, code)
        if written is None or written.content != content:
            raise OutOfOrder(reason="the finding was changed by somebody else meanwhile")
        return True

    def sign(self, report: Report, signature: Signature) -> Sequence[Signature]:
        """Keep a report with a signature under it; every signature of the case."""
        case_id = report.case_id
        content = report.model_dump(mode="json")
        self._session.execute(
            _REPORT,
            {"case_id": case_id, "report_hash": signature.report_hash, "content": content},
        )
        self._session.execute(_SIGN, {"case_id": case_id, **signature.model_dump()})
        return self._list_signatures(case_id)

    def signatures(self, case_id: str) -> Sequence[Signature]:
        """Every signature of a case, under whatever it stood, oldest first."""
        return self._list_signatures(case_id)

    def find_report(self, case_id: str, report_hash: str) -> Report | None:
        """A report as it was signed."""
        content = self._session.scalar(
            select(ReportRow.content).where(
                ReportRow.case_id == case_id, ReportRow.report_hash == report_hash
            )
        )
        return None if content is None else Report.model_validate(content)

    def investigates(self, case_id: str, person_id: str) -> bool:
        """Whether a person is one of the two who investigate a case now."""
        known = self.assignments(case_id)
        return bool(known) and person_id in known[-1].people

    def list_waiting(
        self,
        *,
        manager_id: str | None = None,
        after: tuple[datetime, str] | None = None,
        page_size: int = 50,
    ) -> Sequence[Case]:
        """Cases that wait for a report, newest first; of one owner or investigator, if named."""
        return Applications(self._session).list_page(
            lacking=INVESTIGATION_REPORT,
            manager_id=manager_id,
            seen_beside=None if manager_id is None else _named(manager_id),
            after=after,
            page_size=page_size,
        )

    def _list_assignments(self, case_id: str) -> list[Assignment]:
        rows = self._session.scalars(
            select(AssignmentRow)
            .where(AssignmentRow.case_id == case_id)
            .order_by(AssignmentRow.version)
        )
        return [
            Assignment(
                lead=row.lead,
                second=row.second,
                reason=row.reason,
                version=row.version,
                assigned_by=row.assigned_by,
            )
            for row in rows
        ]

    def _list_signatures(self, case_id: str) -> list[Signature]:
        rows = self._session.scalars(
            select(SignatureRow)
            .where(SignatureRow.case_id == case_id)
            .order_by(SignatureRow.signed_at, SignatureRow.person_id)
        )
        return [
            Signature(
                report_hash=row.report_hash,
                lead=row.lead,
                second=row.second,
                person_id=row.person_id,
                signed_on=row.signed_on,
                signed_at=row.signed_at,
            )
            for row in rows
        ]

    def _find_version(self, case_id: str, kind: str, code: str) -> FindingRow | None:
        return self._session.scalar(
            select(FindingRow)
            .where(FindingRow.case_id == case_id, FindingRow.kind == kind, FindingRow.code == code)
            .order_by(FindingRow.version.desc())
            .limit(1)
        )


def _named(person_id: str) -> Select[str]:
    """The cases of which a person is one of the two now: no later assignment has others."""
    later = aliased(AssignmentRow)
    superseded = exists().where(
        later.case_id == AssignmentRow.case_id, later.version > AssignmentRow.version
    )
    one_of_two = or_(AssignmentRow.lead == person_id, AssignmentRow.second == person_id)
    return select(AssignmentRow.case_id).where(one_of_two, ~superseded)


def _place_of(finding: BaseModel) -> tuple[str, str]:
    """The kind of a finding, and what tells one from another of its kind."""
    match finding:
        case Answer():
            return "answer", finding.item
        case SiteVisit():
            return "visit", str(finding.visit_no)
        case StatementLook():
            return "statement", finding.period_end_on.isoformat()
        case _:
            return _PROPOSAL, _PROPOSAL
