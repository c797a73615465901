"""Investigation before the grant (贷前调查): two people look, and sign what they saw and propose.

Every finding is a record of its own, kept in versions. The report is what the newest of them say
together; a signature binds its hash, so that a change leaves the signatures on what there was before
it. Of which cases a report is asked, and of what it consists, is `policies/investigation.py`.
"""

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from domain.application import Application
from domain.contract import Sha256
from domain.errors import ConclusionUnclear, SameHands
from domain.identity import Id, Name
from domain.scheme import FacilityScheme
from domain.value import Value, lasting_hash

# What a case lacks until both have signed: a code of completeness that no document fills.
INVESTIGATION_REPORT = "investigation_report"

Text = Annotated[
    str, StringConstraints(min_length=1, max_length=4000, strip_whitespace=True, pattern=r"\S")
]
ItemCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}(:[0-9]{1,3})?$")]


class Conclusion(StrEnum):
    """What the investigators advise; it decides nothing by itself."""

    RECOMMEND = "recommend"
    RECOMMEND_WITH_CONDITIONS = "recommend_with_conditions"
    DO_NOT_RECOMMEND = "do_not_recommend"


class AssignmentContent(Value):
    """Who investigates: a lead (主办) and a second (协办), never one person."""

    lead: Id
    second: Id
    reason: str = Field(default="", max_length=2000)  # of a change of hands

    @model_validator(mode="after")
    def _two_people(self) -> Self:
        if self.lead == self.second:
            raise SameHands(first="the lead's part", second="the second's")
        return self


class Assignment(AssignmentContent):
    """An assignment on record; the newest holds."""

    version: int = 1
    assigned_by: Id = "system"

    @property
    def people(self) -> tuple[Id, Id]:
        return self.lead, self.second


class Answer(Value):
    """What was found about one item of the due-diligence checklist."""

    item: ItemCode
    finding: Text
    evidence: tuple[Sha256, ...] = Field(default=(), max_length=50)  # files on record


class VisitContent(Value):
    """A visit to the customer: when, where, in front of whom, and what the pictures show."""

    visited_on: date
    place: Name
    met: Name  # in what function somebody received them; no person's name is needed
    finding: Text
    photos: tuple[Sha256, ...] = Field(default=(), max_length=50)


class SiteVisit(VisitContent):
    visit_no: int = Field(ge=1)


class LookContent(Value):
    """What was found in a statement on record."""

    period_end_on: date
    finding: Text


class StatementLook(LookContent):
    """A statement as it was when it was examined, known by the hash of its content."""

    statement_hash: Sha256


class SchemeProposal(Value):
    """What the investigators propose (授信方案), and whether they advise it."""

    scheme: FacilityScheme
    conclusion: Conclusion
    conditions: tuple[Text, ...] = Field(default=(), max_length=20)
    opinion: Text

    @model_validator(mode="after")
    def _conditions_are_stated(self) -> Self:
        conditional = self.conclusion is Conclusion.RECOMMEND_WITH_CONDITIONS
        if conditional is not bool(self.conditions):
            raise ConclusionUnclear(conclusion=self.conclusion, conditions=len(self.conditions))
        return self


class Investigation(Value):
    """All that is on record of one case's investigation, the newest of each."""

    case_id: Id
    assignment: Assignment | None = None
    answers: tuple[Answer, ...] = ()
    visits: tuple[SiteVisit, ...] = ()
    statements: tuple[StatementLook, ...] = ()
    proposal: SchemeProposal | None = None

    def answer(self, item: str) -> Answer | None:
        return next((each for each in self.answers if each.item == item), None)


class Report(Value):
    """What is signed: what was asked for, everything found, and the scheme proposed."""

    case_id: Id
    application: Application  # without its attachments: a paper more changes no finding
    checklist: str
    lead: Id
    second: Id
    answers: tuple[Answer, ...]
    visits: tuple[SiteVisit, ...]
    statements: tuple[StatementLook, ...]
    proposal: SchemeProposal

    @property
    def report_hash(self) -> str:
        return lasting_hash(self)


class Signature(Value):
    """One of the two puts their name to a report."""

    report_hash: str
    lead: Id
    second: Id
    person_id: Id
    signed_on: date
    signed_at: datetime


class SignedReport(Value):
    """A report with both signatures, as a judgement sees it and a receipt keeps it."""

    report_hash: str
    lead: Id
    second: Id
    signed_on: date  # the day of the second signature
    valid_until: date
    conclusion: Conclusion
    conditions: tuple[str, ...] = ()
    scheme: FacilityScheme


def report_of(
    investigation: Investigation, application: Application, checklist: str
) -> Report | None:
    """The report as it stands; None before there are two people and a proposal."""
    assignment, proposal = investigation.assignment, investigation.proposal
    if assignment is None or proposal is None:
        return None
    return Report(
        case_id=investigation.case_id,
        application=application.model_copy(update={"attachments": {}}),
        checklist=checklist,
        lead=assignment.lead,
        second=assignment.second,
        answers=investigation.answers,
        visits=investigation.visits,
        statements=investigation.statements,
        proposal=proposal,
    )


def binding(signatures: Iterable[Signature], report: Report) -> tuple[Signature, ...]:
    """The newest signature of each of the two under exactly this report, in the order they gave
    them; what either signed before a change is not among them."""
    newest = {
        each.person_id: each
        for each in sorted(signatures, key=lambda each: each.signed_at)
        if each.report_hash == report.report_hash and each.person_id in (report.lead, report.second)
    }
    return tuple(sorted(newest.values(), key=lambda each: each.signed_at))
