"""Requests on record, the cases they became, their receipts, and what happened to each.

An intake row is a request; the case's row is written by its workflow's activities alone, under the
status it is expected to have, so that a stale writer fails instead of overwriting.
"""

from storage.application.assessments import Assessments
from storage.application.cases import Applications
from storage.application.events import CaseEvents
from storage.application.intakes import Intakes
from storage.application.past import PastCases
from storage.application.screenings import Screenings

__all__ = [
    "Applications",
    "Assessments",
    "CaseEvents",
    "Intakes",
    "PastCases",
    "Screenings",
]
