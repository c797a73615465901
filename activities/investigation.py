"""What is on record of a case's investigation, as judgements and whoever works on it see it."""

from datetime import date

from sqlalchemy.orm import Session

from domain.application import Application, Case
from domain.customer import Customer
from domain.edition import DiligenceChecklist, PolicyEdition, Relation
from domain.investigation import Investigation, Report, SignedReport, report_of
from domain.money import Money
from domain.value import Value
from policies.investigation import asking_row, checklist_for, counting
from storage.application import Assessments
from storage.approval import Letters
from storage.investigation import Investigations
from storage.line import Lines


class AskedReport(Value):
    """The report that policy asks of a case, and how far it is."""

    row: str  # of the edition, that asks it
    checklist: DiligenceChecklist
    investigation: Investigation
    report: Report | None  # as it would be signed now
    signed: SignedReport | None  # None until it counts


def asked_report(
    session: Session,
    case_id: str,
    application: Application,
    customer: Customer,
    requested: Money | None,
    edition: PolicyEdition,
    on: date,
) -> AskedReport | None:
    """The report of a case as of a day; None where policy asks none.

    `requested` is the amount in the reporting currency, None where there is no rate.
    """
    segment = customer.segment
    if asking_row(application, segment, requested, edition) is None:
        return None
    relation = _relation(session, customer.customer_id)
    row = asking_row(application, segment, requested, edition, relation)
    if row is None:
        return None
    checklist = checklist_for(segment, relation, edition)
    store = Investigations(session)
    investigation = store.find(case_id)
    report = report_of(investigation, application, checklist.code)
    return AskedReport(
        row=row.code,
        checklist=checklist,
        investigation=investigation,
        report=report,
        signed=counting(store.signatures(case_id), report, checklist, on) if report else None,
    )


def judged_report(session: Session, case: Case, edition: PolicyEdition) -> AskedReport | None:
    """The report that a case was judged by, as both signed it; None where it was judged by none.

    Which checklist a customer has goes by whether it has credit from us already, which the case
    itself may have changed; and a report that counted then may be too old by now.
    """
    judged = Assessments(session).find(case.case_id)
    if judged is None or (signed := judged.dossier.investigation) is None:
        return None
    dossier = judged.dossier
    segment, requested = dossier.customer.segment, dossier.limit_requested_reporting
    investigation = Investigations(session).find(case.case_id)
    for relation in Relation:
        row = asking_row(case.application, segment, requested, edition, relation)
        checklist = checklist_for(segment, relation, edition)
        report = report_of(investigation, case.application, checklist.code)
        if row and report and report.report_hash == signed.report_hash:
            return AskedReport(
                row=row.code,
                checklist=checklist,
                investigation=investigation,
                report=report,
                signed=signed,
            )
    return None


def _relation(session: Session, customer_id: str) -> Relation:
    """Whether the customer has credit from us already: a line in force, or a letter for one."""
    members = (customer_id,)
    held = [*Lines(session).limits_of(members), *Letters(session).commitments_of(members)]
    return Relation.EXISTING if any(limit.minor > 0 for _, limit in held) else Relation.NEW
