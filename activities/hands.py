"""Whose hands a case has been in: those who decide nothing about it."""

from sqlalchemy.orm import Session

from domain.application import Case
from domain.assessment import Assessment
from storage.analyst_figure import AnalystFigures
from storage.recovery import Recoveries


def makers_of(session: Session, case: Case, judged: Assessment) -> tuple[str, ...]:
    """Who applied for the case, edited it last, recovered it, or supplied or confirmed a figure that
    it was judged by."""
    suppliers = AnalystFigures(session).hands_on(case.case_id) if judged.dossier.supplied else ()
    recovered = Recoveries(session).hands_on(case.case_id)
    return tuple(dict.fromkeys((case.applicant, case.last_editor, *recovered, *suppliers)))
