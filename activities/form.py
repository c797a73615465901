"""What a change of a line is judged by, read as of a day; the judgement is `policies/form.py`."""

from datetime import date

from sqlalchemy.orm import Session

from domain.application import Application
from domain.classification import FiveTier
from domain.edition import PolicyEdition
from domain.errors import LineNotActive, NotFound
from domain.form import CoverForm
from domain.line import CreditLine
from policies.form import LineFacts, filled, refuse_not_offered, refuse_unfit
from storage.classification import Classes
from storage.cover import Covers
from storage.customer import Customers
from storage.line import Lines
from storage.receivable import Receivables


def line_of(session: Session, application: Application, *, for_update: bool = False) -> CreditLine:
    """The line that an application is about; refuses `NotFound` for none of its customer's, and
    `LineNotActive` for one that has ended, or ends once nothing is taken and would lend anew."""
    if application.line_id is None:
        raise NotFound(kind="line", id="of the application")
    line = Lines(session).read(application.line_id, for_update=for_update)
    if line.customer_id not in Customers(session).ids(application.customer_id):
        raise NotFound(kind="line", id=application.line_id)
    if line.status.ended or (line.closing and not application.application_type.suits_closing):
        raise LineNotActive(line_id=line.line_id, status=line.status)
    return line


def in_form(
    session: Session, application: Application, edition: PolicyEdition, on: date
) -> Application:
    """A change with what it leaves to its line, or the refusal of what cannot be asked."""
    refuse_not_offered(application.application_type, edition)
    line = line_of(session, application)
    whole = filled(application, line)
    refuse_unfit(whole, facts_of(session, whole, line, edition, on), edition)
    return whole


def facts_of(
    session: Session, application: Application, line: CreditLine, edition: PolicyEdition, on: date
) -> LineFacts:
    """How a line came to be, and how its customer stands on a day."""
    payments = Receivables(session).payment_record(
        line.customer_id,
        as_of=on,
        window_days=edition.payments.window_days,
        currency=edition.reporting_currency,
    )
    found = Classes(session).find(line.customer_id, on)
    form = application.form
    ids = form.cover_ids if isinstance(form, CoverForm) else ()
    return LineFacts(
        line=line,
        covers=tuple(filter(None, map(Covers(session).find, ids))),
        kinds=tuple(kind for _, _, kind, _ in Lines(session).letters_of([line.line_id])),
        days_past_due=payments.days_past_due_max,
        tier=found.tier if found is not None else FiveTier.NORMAL,
    )
