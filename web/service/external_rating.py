"""What may be asked of external ratings: put one on file, withdraw it, read them and their mapping."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from sqlalchemy.orm import Session

from domain.edition import ExternalRatingPolicy, PolicyEdition
from domain.errors import DateInFuture, NotFound
from domain.external_rating import (
    AGENCY_RATING,
    AgencyRating,
    AgencyRatingContent,
    ExternalGrade,
    WithdrawalContent,
    agency_ratings,
    report_content,
)
from domain.identity import Id, Person
from domain.imports import Outcome
from domain.notification import Channel
from domain.report import ExternalReport
from domain.value import Value
from policies.external_rating import (
    counting,
    external_grades,
    refuse_unknown_agency,
    refuse_unmapped,
)
from storage.application import Applications
from storage.attachment import Attachments
from storage.base import Records
from storage.edition import Editions
from storage.notification import Outbox
from storage.report import Reports
from web.service.clock import Clock
from web.service.customer import visible_customer
from web.service.ids import new_id
from web.service.permissions import Action, permit
from workflows.names import application_id


class RatingStanding(StrEnum):
    """Whether a rating counts today, and if not, why."""

    COUNTS = "counts"
    UNMAPPED = "unmapped"  # the edition in force has no row for it
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    FOLLOWED = "followed"  # by a later rating of the agency


class RatingOnFile(Value):
    """A rating on record, how it stands today, and what it is on our own scale."""

    rating: AgencyRating
    standing: RatingStanding
    grade: ExternalGrade | None = None  # with the row that maps it; None where it does not count


class Withdrawal(Value):
    """That an agency rates a customer no longer, as it is on record."""

    report_id: Id
    customer_id: Id
    content: WithdrawalContent
    recorded_by: Id


def record_rating(
    session: Session, person: Person, customer_id: str, content: AgencyRatingContent, on: date
) -> tuple[ExternalReport, Outcome]:
    """Put a rating on file unless it is the agency's last word of its day, and tell the cases that
    wait for one. Said again after a correction or a withdrawal of that day it counts again."""
    said = report_content(content)
    of_day = [
        report
        for report in Reports(session).list_of(customer_id, AGENCY_RATING)
        if (report.provider, report.reported_on) == (content.agency, content.rated_on)
    ]
    if of_day and of_day[0].model_dump(include=set(said)) == said:
        return of_day[0], Outcome.UNCHANGED
    return _kept(session, person, customer_id, content, on), Outcome.CREATED


class ExternalRatingService:
    """External ratings, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def record(
        self, person: Person, customer_id: str, content: AgencyRatingContent
    ) -> RatingOnFile:
        """Put an agency's rating on file; the same again is the one on record.

        Refuses `DateInFuture`, `AgencyUnknown` and `AgencyRatingUnknown` for what the edition in
        force does not map, and `NotFound` for a document that is not there.
        """
        permit(person, Action.AGENCY_RATING_RECORD)
        on = self._clock.business_on()
        if content.rated_on > on:
            raise DateInFuture(field="rated_on", date=content.rated_on, business_on=on)
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            refuse_unmapped(content, on, self._edition(session))
            Attachments(session).read(content.evidence_hash)
            report, _ = record_rating(session, person, customer_id, content, on)
            return next(
                each
                for each in self._on_file(session, customer_id)
                if each.rating.report_id == report.report_id
            )

    def withdraw(self, person: Person, customer_id: str, content: WithdrawalContent) -> Withdrawal:
        """Say that an agency rates the customer no longer; its rating is out from that day on.

        Refuses `DateInFuture`, `AgencyUnknown`, and `NotFound` for an agency of which no rating is
        on file by then, and for a document that is not there.
        """
        permit(person, Action.AGENCY_RATING_RECORD)
        on = self._clock.business_on()
        if content.withdrawn_on > on:
            raise DateInFuture(field="withdrawn_on", date=content.withdrawn_on, business_on=on)
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            refuse_unknown_agency(content.agency, self._edition(session))
            Attachments(session).read(content.evidence_hash)
            known = agency_ratings(Reports(session).list_of(customer_id, AGENCY_RATING))
            if not any(
                each.agency == content.agency and each.rated_on <= content.withdrawn_on
                for each in known
            ):
                raise NotFound(kind="external rating", id=content.agency)
            report = _kept(session, person, customer_id, content, on)
            return Withdrawal(
                report_id=report.report_id,
                customer_id=customer_id,
                content=content,
                recorded_by=person.person_id,
            )

    def list_ratings(self, person: Person, customer_id: str) -> Sequence[RatingOnFile]:
        """Every rating of a customer, the newest first, each as it stands today."""
        permit(person, Action.REPORT_READ)
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            return self._on_file(session, customer_id)

    def read_mapping(self, person: Person) -> ExternalRatingPolicy:
        """What ratings are on our own scale under the edition in force, with the days of each row."""
        permit(person, Action.REPORT_READ)
        with self._records.begin() as session:
            return self._edition(session).external_ratings

    def _edition(self, session: Session) -> PolicyEdition:
        on = self._clock.business_on()
        edition = Editions(session).find_current(on)
        if edition is None:
            raise NotFound(kind="policy edition in force", id=on.isoformat())
        return edition

    def _on_file(self, session: Session, customer_id: str) -> tuple[RatingOnFile, ...]:
        on, edition = self._clock.business_on(), self._edition(session)
        ratings = agency_ratings(Reports(session).list_of(customer_id, AGENCY_RATING))
        grades = {
            grade.report_id: grade for grade in external_grades(counting(ratings, on), on, edition)
        }
        found = []
        for each in ratings:
            standing = RatingStanding.UNMAPPED
            if each.report_id in grades:
                standing = RatingStanding.COUNTS
            elif each.followed_on is not None and each.followed_on <= on:
                standing = RatingStanding.WITHDRAWN if each.withdrawn else RatingStanding.FOLLOWED
            elif each.valid_until < on:
                standing = RatingStanding.EXPIRED
            grade = grades.get(each.report_id)
            found.append(RatingOnFile(rating=each, standing=standing, grade=grade))
        return tuple(found)


def _kept(
    session: Session,
    person: Person,
    customer_id: str,
    content: AgencyRatingContent | WithdrawalContent,
    on: date,
) -> ExternalReport:
    report = Reports(session).record(
        ExternalReport.model_validate(
            {
                **report_content(content),
                "report_id": new_id(),
                "customer_id": customer_id,
                "pulled_on": on,
                "recorded_by": person.person_id,
            }
        )
    )
    for case in Applications(session).lacking_a_rating(customer_id):
        Outbox(session).post(
            Channel.TEMPORAL,
            f"{case.case_id}/rating/{report.report_id}",
            recipient=case.case_id,
            kind="signal",
            facts={"workflow_id": application_id(case.case_id), "name": "file_changed"},
            case_id=case.case_id,
        )
    return report
